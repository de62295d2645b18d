# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: playbook onboard from an inventory, against the sandbox."""

from __future__ import annotations

import email
import email.policy
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.conftest import SandboxClient
from tests.inventories import host_variables, write_inventory
from tests.playbook_runner import PlaybookRun, run_playbook

ONBOARD = "tilbyder.maskinporten.onboard"
TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}
SCOPE, RESOURCE = "testetat:cases.read", "testetat-cases-read"


def api(**changes: Any) -> dict[str, Any]:
    return {
        "name": "cases-read",
        "documentation_url": "https://www.testetat.example/cases",
        "scope": {
            "prefix": "testetat",
            "subscope": "cases.read",
            "description": "Lese saker",
            "delegation": "altinn",
        },
        "resource": {
            "title": TEXTS,
            "description": TEXTS,
            "right_description": TEXTS,
            "contact_points": [{"email": "api@testetat.example"}],
        },
        "policy": "scope_delegation",
        "consumers": [
            {"organization_number": "310002100", "contact": "api@stillebre.example"},
            {"organization_number": "310004774"},
        ],
        **changes,
    }


Run = Callable[..., PlaybookRun]


@pytest.fixture
def onboard(sandbox: SandboxClient, tmp_path: Path) -> Run:
    """Run the playbook; ``host`` changes the host's variables, ``apis`` what is declared."""

    def run(
        apis: list[dict[str, Any]] | None = None,
        host: dict[str, Any] | None = None,
        hosts: dict[str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> PlaybookRun:
        inventory = write_inventory(
            tmp_path,
            hosts or {"box": host_variables(sandbox, **(host or {}))},
            provider_apis=[api()] if apis is None else apis,
            provider={"name": "Nøyaktig Fjord direktorat", "contact": {"email": "api@testetat.example"}},
            provider_output=str(tmp_path / "output"),
        )
        sandbox.clear_requests()
        return run_playbook(ONBOARD, inventory=inventory, **options)

    return run


@pytest.mark.matrix
def test_plan_then_changes_then_none(sandbox: SandboxClient, onboard: Run, tmp_path: Path) -> None:
    plan = onboard(check=True, diff=True)
    assert plan.rc == 0, plan.output
    assert sandbox.writes() == []
    assert not (tmp_path / "output").exists()
    for told in (
        "+name: testetat:cases.read",
        f"identifier: {RESOURCE}",
        "maskinporten-scopes may scopeaccess",
        "310002100",
    ):
        assert told in plan.stdout

    first = onboard()
    assert first.rc == 0, first.output
    live = sandbox.scope(SCOPE)
    assert live is not None
    assert live["delegation_source"]
    assert set(sandbox.access(SCOPE)) == {"310002100", "310004774"}
    registry = f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{RESOURCE}"
    resource = sandbox.http.get(registry).json()
    assert resource["resourceReferences"][0]["reference"] == SCOPE
    assert resource["hasCompetentAuthority"]["organization"] == "310001007"
    assert b"maskinporten-scopes" in sandbox.http.get(f"{registry}/policy").content

    again = onboard()
    assert again.rc == 0, again.output
    assert again.changed == 0, again.stdout
    assert sandbox.writes() == []


@pytest.mark.matrix
def test_the_run_ends_with_the_state_of_every_step(onboard: Run, tmp_path: Path) -> None:
    run = onboard()
    status = json.loads((tmp_path / "output" / "box" / "status.json").read_text(encoding="utf-8"))
    states = {row["step"]: row["state"] for row in status["steps"]}
    assert states["2.2"] == states["2.3"] == states["3.5"] == "done"
    # What the preflight saw.
    assert states["1.3"] == states["2.1"] == states["3.1"] == states["3.3"] == states["3.4"] == "done"
    assert states["4.1"] == "not seen"
    assert states["2.4"] == "to do"
    table = run.stdout.split("Digdir's checklist for API providers")[-1].split("PLAY RECAP")[0]
    shown = [line for line in table.splitlines() if not line.startswith(("ok:", "Texts ready"))]
    assert max(map(len, shown)) <= 100
    letters = (tmp_path / "output" / "box" / "letters.nb.txt").read_text(encoding="utf-8")
    assert "Min profil" in letters
    assert "Nøyaktig Fjord direktorat" in letters


def test_fifty_apis_unchanged_cost_one_login_a_task_and_three_reads_an_api(
    sandbox: SandboxClient, onboard: Run, tmp_path: Path
) -> None:
    numbers = sandbox.organizations(20)
    (tmp_path / "list.csv").write_text("organization_number\n" + "\n".join(numbers), encoding="utf-8")
    apis = [
        api(
            name=f"api-{number}",
            scope={
                "prefix": "testetat",
                "subscope": f"s{number}.read",
                "description": "Lese",
                "delegation": "altinn",
            },
            consumers={"file": str(tmp_path / "list.csv")},
        )
        for number in range(50)
    ]
    first = onboard(apis)
    assert first.rc == 0, first.output
    again = onboard(apis)
    assert again.rc == 0, again.output
    assert again.changed == 0
    assert sandbox.writes() == []
    reads = [entry for entry in sandbox.requests(method="GET") if not _is_login(entry["path"])]
    # What the preflight asks once per run: terms, prefixes, delegation sources, service owners.
    asked_once = [
        entry
        for entry in reads
        if "auth/user" in entry["path"] or entry["path"].endswith(("/prefix", "/orgs"))
    ]
    assert len(reads) - len(asked_once) <= 4 + 3 * 50
    logins = [entry for entry in sandbox.requests() if entry["path"].endswith("/maskinporten/token")]
    assert len(logins) <= 7


def _is_login(path: str) -> bool:
    return "well-known" in path or "/exchange/" in path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"maskinporten_organization_number": "971203420"}, "organization_number"),
        ({"maskinporten_url": "http://127.0.0.1:1/"}, "maskinporten_url"),
        ({"maskinporten_client_id": "nobody"}, "MP-100"),
        ({"maskinporten_environment": "qa"}, "maskinporten_environment"),
        ({"altinn_key_id": "wrong"}, "key_id"),
    ],
)
def test_what_does_not_belong_together_is_refused_before_the_first_write(
    sandbox: SandboxClient, onboard: Run, change: dict[str, Any], expected: str
) -> None:
    run = onboard(host=change)
    assert run.failed == 1
    assert expected in run.output
    assert "Traceback" not in run.output
    assert sandbox.writes() == []


def test_a_foreign_prefix_is_refused_before_the_first_write(sandbox: SandboxClient, onboard: Run) -> None:
    run = onboard([api(scope={"prefix": "fdir", "subscope": "x.read", "description": "x"})])
    assert run.failed == 1
    assert "fdir is not ours" in run.output
    assert sandbox.writes() == []


def test_a_mistake_in_a_declaration_is_named(sandbox: SandboxClient, onboard: Run) -> None:
    run = onboard([api(scop={})])
    assert run.failed == 1
    assert "scop is unknown; did you mean scope?" in run.output
    assert sandbox.requests() == []


def test_one_host_that_fails_leaves_the_others(sandbox: SandboxClient, onboard: Run) -> None:
    hosts = {
        "broken": host_variables(sandbox, maskinporten_client_id="nobody"),
        "sound": host_variables(sandbox),
    }
    run = onboard(hosts=hosts)
    assert run.stats["broken"]["failed"] == 1
    assert run.stats["sound"]["failed"] == 0
    assert sandbox.scope(SCOPE) is not None


def test_tags_do_one_part_and_limit_one_host(sandbox: SandboxClient, onboard: Run) -> None:
    hosts = {"one": host_variables(sandbox), "two": host_variables(sandbox)}
    run = onboard(hosts=hosts, args=["--tags", "scopes", "--limit", "one"])
    assert run.rc == 0, run.output
    assert list(run.stats) == ["one"]
    assert sandbox.scope(SCOPE) is not None
    assert sandbox.access(SCOPE) == {}


def test_production_wants_a_word_before_access_is_taken(sandbox: SandboxClient, onboard: Run) -> None:
    production = {"maskinporten_environment": "prod"}
    assert onboard([api(consumers=["310002100"])]).rc == 0
    absent = api(state="absent", resource=None, policy=None, consumers=None)
    absent["scope"] = {**absent["scope"], "consumers_on_deactivate": "revoke"}
    refused = onboard([absent], host=production)
    assert refused.failed == 1
    assert "confirm: prod" in refused.output
    assert sandbox.access(SCOPE)["310002100"] == "APPROVED"
    confirmed = onboard([absent], host=production, extra_vars={"confirm": "prod"})
    assert confirmed.rc == 0, confirmed.output
    assert sandbox.access(SCOPE)["310002100"] == "DENIED"


def test_an_api_that_is_taken_away_is_withdrawn_and_comes_back(sandbox: SandboxClient, onboard: Run) -> None:
    assert onboard().rc == 0
    gone = api(state="absent")
    gone["scope"] = {**gone["scope"], "consumers_on_deactivate": "revoke"}
    plan = onboard([gone], check=True)
    assert (plan.rc, plan.changed, sandbox.writes()) == (0, 2, []), plan.output
    run = onboard([gone])
    assert (run.rc, run.changed) == (0, 2), run.output
    assert sandbox.scope(SCOPE)["active"] is False
    resource = sandbox.http.get(
        f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{RESOURCE}"
    ).json()
    assert (resource["delegable"], resource["visible"], resource["status"]) == (False, False, "Withdrawn")
    assert set(sandbox.access(SCOPE).values()) == {"DENIED"}
    again = onboard([gone])
    assert (again.rc, again.changed) == (0, 0), again.output
    back = onboard()
    assert back.rc == 0, back.output
    assert set(sandbox.access(SCOPE).values()) == {"APPROVED"}
    assert onboard().changed == 0


def test_where_it_never_was_an_api_that_is_taken_away_is_nothing(
    sandbox: SandboxClient, onboard: Run
) -> None:
    run = onboard([api(state="absent")])
    assert (run.rc, run.changed, sandbox.writes()) == (0, 0, []), run.output


def test_a_declared_client_with_altinns_scopes_is_made_and_used(
    sandbox: SandboxClient, onboard: Run, tmp_path: Path
) -> None:
    client = {
        "client_name": "testetat-publisher",
        "description": "Publishes resources in Altinn",
        "scopes": ["altinn:resourceregistry/resource.write"],
        "key": {"path": str(tmp_path / "publisher.pem")},
        "use_for_altinn": True,
    }
    host = {
        "altinn_client_id": None,
        "altinn_private_key_path": None,
        "altinn_key_id": None,
        "provider_clients": [client],
    }
    plan = onboard(host=host, check=True)
    assert plan.rc == 0, plan.output
    assert sandbox.writes() == []
    assert not (tmp_path / "publisher.pem").exists()
    first = onboard(host=host)
    assert first.rc == 0, first.output
    assert (tmp_path / "publisher.pem").stat().st_mode & 0o777 == 0o600
    assert (
        sandbox.http.get(f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{RESOURCE}").status_code
        == 200
    )
    again = onboard(host=host)
    assert again.rc == 0, again.output
    assert again.changed == 0, again.stdout
    assert (
        len(
            [
                entry
                for entry in sandbox.state()["clients"]
                if entry.get("client_name") == "testetat-publisher"
            ]
        )
        == 1
    )


# -- messages -------------------------------------------------------------------------------------


class Mailbox:
    """A real SMTP server on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], email.message.EmailMessage]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append((envelope.rcpt_tos, parsed))  # type: ignore[arg-type]
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def test_newly_granted_consumers_are_told_once(
    sandbox: SandboxClient, onboard: Run, mailbox: tuple[Mailbox, int], tmp_path: Path
) -> None:
    pytest.importorskip("ansible_collections.community.general")
    box, port = mailbox
    # One consumer has had access for years: it is not told as if it were new.
    sandbox.seed({"scopes": [{"name": SCOPE, "description": "Lese saker"}]})
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": ["310005819"]}]})
    consumers = [
        {"organization_number": "310002100", "contact": "api@stillebre.example"},
        {"organization_number": "310005819", "contact": "old@lyshei.example"},
        {"organization_number": "310004774"},
    ]
    smtp = {"provider_smtp": {"host": "127.0.0.1", "port": port, "secure": "never"}}
    first = onboard([api(consumers=consumers)], host=smtp)
    assert first.rc == 0, first.output
    assert [recipients for recipients, _unused in box.messages] == [["api@stillebre.example"]]
    mail = box.messages[0][1]
    text = mail.get_body().get_content()  # type: ignore[union-attr]
    assert SCOPE in mail["Subject"]
    for told in (
        "har fått tilgang",
        "har fått tilgang til API-et",
        "has been given access",
        "consumer_org",
        "www.testetat.example/cases",
    ):
        assert told in text
    written = tmp_path / "output" / "box" / "messages" / "testetat_cases.read"
    assert sorted(file.name for file in written.iterdir()) == ["310002100.txt", "310004774.txt"]
    assert RESOURCE in (written / "310004774.txt").read_text(encoding="utf-8")

    again = onboard([api(consumers=consumers)], host=smtp)
    assert again.changed == 0, again.stdout
    assert len(box.messages) == 1
    by_hand = onboard(
        [api(consumers=consumers)], host=smtp, extra_vars={"provider_notification_sent_by_hand": True}
    )
    assert by_hand.rc == 0, by_hand.output
    states = json.loads((tmp_path / "output" / "box" / "status.json").read_text(encoding="utf-8"))["steps"]
    assert {row["step"]: row["state"] for row in states}["2.4"] == "done"


def test_a_plan_with_a_mail_server_sends_nothing_and_shows_all(
    sandbox: SandboxClient, onboard: Run, mailbox: tuple[Mailbox, int], tmp_path: Path
) -> None:
    pytest.importorskip("ansible_collections.community.general")
    box, port = mailbox
    consumers = [{"organization_number": "310002100", "contact": "api@stillebre.example"}]
    assert onboard([api(consumers=consumers)]).rc == 0
    record = (tmp_path / "output" / "box" / "told.json").read_text(encoding="utf-8")

    consumers.append({"organization_number": "310004774", "contact": "api@tryggmose.example"})
    smtp = {"provider_smtp": {"host": "127.0.0.1", "port": port, "secure": "never"}}
    plan = onboard([api(consumers=consumers)], host=smtp, check=True)
    assert plan.rc == 0, plan.output
    assert not box.messages
    assert (tmp_path / "output" / "box" / "told.json").read_text(encoding="utf-8") == record

    assert onboard([api(consumers=consumers)], host=smtp).rc == 0
    assert sorted(recipients for recipients, _unused in box.messages) == [
        ["api@stillebre.example"],
        ["api@tryggmose.example"],
    ]


def test_what_a_person_has_sent_is_what_lay_there_before_the_run(onboard: Run, tmp_path: Path) -> None:
    said = {"provider_notification_sent_by_hand": True}
    assert onboard([api(consumers=["310002100"])]).rc == 0
    plan = onboard([api(consumers=["310002100", "310004774"])], extra_vars=said, check=True)
    assert plan.rc == 0, plan.output
    run = onboard([api(consumers=["310002100", "310004774"])], extra_vars=said)
    assert run.rc == 0, run.output
    told = json.loads((tmp_path / "output" / "box" / "told.json").read_text(encoding="utf-8"))[SCOPE]
    assert {number: row["state"] for number, row in told.items()} == {
        "310002100": "sent", "310004774": "written",
    }  # fmt: skip


# -- killed anywhere --------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_anywhere_and_run_again_ends_in_the_same_state(
    sandbox: SandboxClient, onboard: Run, tmp_path: Path
) -> None:
    numbers = sandbox.organizations(30)
    apis = [api(consumers=numbers)]
    sandbox.latency(20)
    chance = random.Random(20261122)
    for _unused in range(4):
        inventory = write_inventory(
            tmp_path,
            {"box": host_variables(sandbox)},
            provider_apis=apis,
            provider_output=str(tmp_path / "output"),
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", ONBOARD, "-i", str(inventory)],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(2.0, 8.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        granted = {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"}
        assert granted <= set(numbers)
    sandbox.latency(0)
    finished = onboard(apis)
    assert finished.rc == 0, finished.output
    assert {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"} == set(numbers)
    record = json.loads((tmp_path / "output" / "box" / "told.json").read_text(encoding="utf-8"))
    assert set(record[SCOPE]) == set(numbers)
    assert onboard(apis).changed == 0
