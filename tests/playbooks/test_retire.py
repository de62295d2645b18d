# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook retire, as a person runs it, from the announcement to the undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.estate import altinn_source, host_of
from tests.guide_commands import guide_commands
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import policy_text, resource

SCOPE = "testetat:cases.read"
CONSUMER, SUPPLIER, AGENCY = "310002100", "310004774", "310005819"
LATER = (datetime.now(UTC).date() + timedelta(days=90)).isoformat()

Run = Callable[..., PlaybookRun]


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path) -> Run:
    """Run retire in a folder of its own, as the test environment (or another) of a sandbox with one API."""
    references = [
        {"referenceSource": "Altinn3", "referenceType": "MaskinportenScope", "reference": name}
        for name in (SCOPE, "testetat:other")
    ]
    sandbox.seed(
        {
            "scopes": [
                {
                    "name": SCOPE,
                    "description": "Lese saker",
                    "description#en": "Read cases",
                    "delegation_source": altinn_source(sandbox),
                    "at_max_age": 120,
                    "later_field": "kept",
                },
                {"name": "testetat:other", "description": "I bruk"},
            ],
            "access": [
                {"scope": SCOPE, "consumers": [CONSUMER, SUPPLIER]},
                {"scope": SCOPE, "consumers": [AGENCY], "state": "REQUESTED"},
            ],
            "altinn": {
                "resources": [
                    resource(
                        "testetat-cases-read",
                        policy_text("seed-aquaculture", "testetat-cases-read"),
                        resourceReferences=references[:1],
                        contactPoints=[{"email": "api@testetat.example"}],
                    ),
                    resource("testetat-shared", resourceReferences=references),
                ]
            },
        }
    )

    def play(
        phase: str = "",
        *,
        playbook: str = "tilbyder.maskinporten.retire",
        args: Sequence[str] = (),
        check: bool = False,
        environment: str = "test",
        limit: str = "test",
        **variables: Any,
    ) -> PlaybookRun:
        host = host_of(sandbox, environment) | {
            "provider": {"name": "Testetaten", "contact": {"email": "api@testetat.example"}}
        }
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"test": host, "other": host}}}))
        sandbox.clear_requests()
        if args:
            return run_playbook(playbook, inventory=inventory, args=args, cwd=tmp_path)
        return run_playbook(
            playbook,
            inventory=inventory,
            extra_vars={"scope": SCOPE, "phase": phase, **variables},
            check=check,
            args=["--limit", limit] if limit else [],
            cwd=tmp_path,
        )

    return play


def body_of(sandbox: SandboxClient, identifier: str) -> dict[str, Any]:
    """A resource straight from the sandbox, without its version."""
    answer = sandbox.http.get(
        f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{identifier}"
    ).json()
    return {member: value for member, value in answer.items() if member != "versionId"}


def state_of(sandbox: SandboxClient) -> dict[str, Any]:
    """Everything that retiring touches, without the dates of changes."""
    scope = {field: value for field, value in (sandbox.scope(SCOPE) or {}).items() if field != "last_updated"}
    policy = sandbox.http.get(
        f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/testetat-cases-read/policy"
    ).text
    return {
        "scope": scope,
        "access": sandbox.access(SCOPE),
        "resource": body_of(sandbox, "testetat-cases-read"),
        "shared": body_of(sandbox, "testetat-shared"),
        "policy": policy,
    }


def folder(tmp_path: Path) -> Path:
    return tmp_path / "retire" / "test" / "testetat_cases.read"


def test_from_announcement_to_undo_as_the_guide_has_it(sandbox, run, tmp_path):
    commands = guide_commands("guide_retire")
    assert [next(word for word in args if word.startswith("phase=")) for _unused, args in commands] == [
        f"phase={phase}" for phase in ("announce", "revoke", "revoke", "deactivate", "undo")
    ]

    def guide(**replaced: str) -> PlaybookRun:
        playbook, args = commands.pop(0)
        return run(playbook=playbook, args=[replaced.get(word.partition("=")[0], word) for word in args])

    before = state_of(sandbox)

    # Announce: a notice to every holder, and nothing changes.
    assert run("announce", check=True, date=LATER).rc == 0
    assert not (tmp_path / "retire").exists()
    done = guide(date=f"date={LATER}")
    assert done.rc == 0, done.output
    assert done.warnings == []
    assert sorted(path.name for path in folder(tmp_path).iterdir()) == sorted(
        [f"{number}.{language}.txt" for number in (CONSUMER, SUPPLIER) for language in ("nb", "nn", "en")]
        + ["announcement.json", "holders.csv"]
    )
    english = (folder(tmp_path) / f"{CONSUMER}.en.txt").read_text(encoding="utf-8")
    for part in (
        f"{SCOPE} in Maskinporten (test) is retired on {LATER}",
        "STILLE BRE AS (organisation number 310002100)",
        "Move to testetat:cases.v2.",
        "Read cases",
        "Testetaten",
    ):
        assert part in english
    assert "avvikles" in (folder(tmp_path) / f"{CONSUMER}.nb.txt").read_text(encoding="utf-8")
    assert "310 002 100   STILLE BRE AS" in done.output
    assert "1 more have asked for access" in done.output
    assert run("announce", date=LATER, replacement="testetat:cases.v2").changed == 0
    # Another day is another promise, so the notices are written over only when asked.
    refused = run("announce", date=f"{int(LATER[:4]) + 1}-01-01")
    assert refused.rc != 0
    assert "overwrite: true" in refused.output
    assert state_of(sandbox) == before

    # Revoke: not before the promised day, not with another count, not in a plan.
    early = run("revoke", confirm_count=2)
    assert early.rc != 0
    assert f"access ends on {LATER}" in " ".join(early.output.split())
    wrong = run("revoke", confirm_count=3, early=True)
    assert wrong.rc != 0
    assert "2 organisations have access (see above), and confirm_count is 3" in " ".join(wrong.output.split())
    still = run("deactivate")
    assert still.rc != 0
    assert "2 organisations still have access" in " ".join(still.output.split())
    plan = guide()
    assert plan.rc == 0, plan.output
    assert state_of(sandbox) == before
    assert not list(folder(tmp_path).glob("snapshot-*.json"))
    revoked = guide()
    assert revoked.rc == 0, revoked.output
    assert sandbox.access(SCOPE) == {CONSUMER: "DENIED", SUPPLIER: "DENIED", AGENCY: "REQUESTED"}
    (snapshot,) = folder(tmp_path).glob("snapshot-*.json")
    held = json.loads(snapshot.read_text(encoding="utf-8"))
    assert (held["scope"]["name"], len(held["accesses"])) == (SCOPE, 3)
    assert held["policies"]["testetat-cases-read"] == before["policy"]
    again = run("revoke", confirm_count=2)
    assert again.rc == 0, again.output
    assert again.changed == 0
    assert sandbox.writes() == []

    # Deactivate: the resource is withdrawn, and nothing is deleted.
    assert run("deactivate", check=True).rc == 0
    assert sandbox.writes() == []
    gone = guide()
    assert gone.rc == 0, gone.output
    now = state_of(sandbox)
    assert now["scope"]["active"] is False
    assert (now["resource"]["delegable"], now["resource"]["visible"]) == (False, False)
    assert now["shared"] == before["shared"]
    assert "testetat-shared stays, since testetat:other can be delegated" in " ".join(gone.output.split())
    assert {(entry["service"], entry["method"]) for entry in sandbox.writes()} == {
        ("altinn", "PUT"), ("self_service", "DELETE"),
    }  # fmt: skip
    again = run("deactivate")
    assert again.rc == 0, again.output
    assert again.changed == 0
    assert len(list(folder(tmp_path).glob("snapshot-*.json"))) == 2

    # Undo: everything as before.
    plan = run("undo", check=True, snapshot=str(snapshot))
    assert plan.rc == 0, plan.output
    assert sandbox.writes() == []
    back = guide(snapshot=f"snapshot={snapshot.relative_to(tmp_path)}")
    assert back.rc == 0, back.output
    assert plan.changed == back.changed
    assert state_of(sandbox) == before
    once_more = run("undo", snapshot=str(snapshot))
    assert once_more.rc == 0, once_more.output
    assert once_more.changed == 0
    assert sandbox.writes() == []


def test_production_withdraws_and_brings_back_but_never_deletes(sandbox, run, tmp_path):
    sandbox.switch(altinn_environment="PROD")
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [CONSUMER, SUPPLIER], "state": "DENIED"}]})
    before = state_of(sandbox)
    prod = {"environment": "prod", "confirm": "prod"}
    gone = run("deactivate", **prod)
    assert gone.rc == 0, gone.output
    now = state_of(sandbox)
    assert now["scope"]["active"] is False
    assert (now["resource"]["delegable"], now["resource"]["visible"]) == (False, False)
    (snapshot,) = (tmp_path / "retire" / "prod" / "testetat_cases.read").glob("snapshot-*.json")
    other = run("undo", snapshot=str(snapshot))
    assert other.rc != 0
    assert "taken in environment 'prod', and this is 'test'" in " ".join(other.output.split())
    back = run("undo", snapshot=str(snapshot), **prod)
    assert back.rc == 0, back.output
    assert state_of(sandbox) == before


@pytest.mark.parametrize(
    ("phase", "options", "says"),
    [
        (
            "revoke",
            {"confirm_count": 2, "environment": "prod"},
            "In production this takes the word: -e confirm=prod",
        ),
        ("announce", {"date": LATER, "limit": ""}, "Name one with --limit"),
        ("announce", {}, "Say which scope and when"),
        ("undo", {"snapshot": "gone.json"}, "snapshot: there is no file"),
    ],
)
def test_what_is_missing_is_said_before_any_request(sandbox, run, phase, options, says):
    result = run(phase, **options)
    assert result.rc != 0
    assert says in " ".join(result.output.split())
    assert sandbox.requests() == []
