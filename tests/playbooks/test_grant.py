# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks grant, revoke and audit, as a person runs them, against the sandbox."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.playbook_runner import PlaybookRun, run_playbook

SCOPE = "testetat:cases.read"
CONSUMER, SUPPLIER, AGENCY, DISSOLVED = "310002100", "310004774", "310005819", "310006661"
LIST = f"""Org.nr;Navn;Saksnr
{CONSUMER};STILLE BRE AS;2026/1
{DISSOLVED};Slukket varde AS;
31000210;FEIL AS;
310 002 100;Stille bre;
{AGENCY};Noe helt annet;
"""

Run = Callable[..., PlaybookRun]


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path) -> Run:
    """Run a playbook by its full name in a folder of its own, with one host for the sandbox."""
    sandbox.seed({"scopes": [{"name": SCOPE, "description": "Lese saker"}]})
    known = sandbox.credentials("administration")
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": "sandbox",
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "organization_register_url": sandbox.urls["register"],
        "altinn_url": sandbox.urls["altinn"],
        "maskinporten_organization_number": "310001007",
        "maskinporten_client_id": known["client_id"],
        "maskinporten_private_key_path": known["private_key_path"],
        "maskinporten_certificate_chain_path": known["certificate_chain_path"],
    }
    altinn = sandbox.credentials("altinn")
    host.update({f"altinn_{name}": altinn[name] for name in ("client_id", "private_key_path", "key_id")})
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"box": host, "other": host}}}))
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")

    def play(name: str, check: bool = False, limit: str = "box", **variables: Any) -> PlaybookRun:
        sandbox.clear_requests()
        return run_playbook(
            f"tilbyder.maskinporten.{name}",
            inventory=inventory,
            extra_vars=variables,
            check=check,
            args=["--limit", limit] if limit else [],
            # Ansible's own folder would be in the home of that user.
            environment={"USER": "ola", "ANSIBLE_REMOTE_TMP": str(tmp_path / "remote")},
            cwd=tmp_path,
        )

    return play


def records(folder: Path, suffix: str) -> list[Path]:
    return sorted((folder / "results").glob(f"*.{suffix}")) if (folder / "results").is_dir() else []


def table(output: str) -> list[str]:
    lines = output.splitlines()
    start = max(index for index, line in enumerate(lines) if line.startswith("Line  Organisation"))
    end = lines.index("", start)
    return lines[start:end]


def test_a_list_with_bad_rows_from_plan_to_record_and_back(sandbox, run, tmp_path):
    grant = {"scope": SCOPE, "consumers": "list.csv", "reason": "JUR-2026/114", "register_check": "warn"}

    plan = run("grant", check=True, **grant)
    assert plan.rc != 0
    assert sandbox.writes() == []
    assert records(tmp_path, "csv") == []
    assert "Record of the run" not in plan.output
    assert "3 to grant, 0 to revoke, 0 already there, 1 refused, 1 duplicate." in plan.output

    stopped = run("grant", **grant)
    assert stopped.rc != 0
    assert "Nothing was changed" in stopped.output
    assert "(nothing was changed; JUR-2026/114)" in stopped.output
    assert sandbox.writes() == []

    done = run("grant", **grant, on_invalid_row="skip", results_dir="records")
    assert done.rc == 0, done.output
    assert done.changed == 1
    shown = table(done.output)
    assert all(len(line) <= 100 for line in shown)
    assert [line.split()[0] for line in shown if line[0].isdigit()] == ["4", "3", "5", "6", "2"]
    assert "INVALID: '31000210' is not an organisation number" in shown[1]
    assert any("WARNING: granted; dissolved 2026-02-28" in line for line in shown)
    assert any("WARNING: duplicate of line 2" in line for line in shown)
    assert shown[-1].endswith("granted")
    assert "Grants of the provider 0 -> 3: NOK 50 000 -> NOK 65 000 a year" in " ".join(done.output.split())
    assert set(sandbox.access(SCOPE)) == {CONSUMER, DISSOLVED, AGENCY}

    (file,) = (tmp_path / "records").glob("*.csv")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [(row["line"], row["verdict"]) for row in rows] == [
        ("2", "granted"), ("3", "granted"), ("4", "not_nine_digits"), ("5", "duplicate"), ("6", "granted"),
    ]  # fmt: skip
    first = rows[0]
    assert (first["actor"], first["reason"], first["case_number"]) == ("ola", "JUR-2026/114", "2026/1")
    assert (first["before"], first["after"], first["environment"]) == ("", "APPROVED", "sandbox")
    assert first["time"].startswith("20")
    assert file.stat().st_mode & 0o007 == 0

    for record in (str(file), str(file.with_suffix(".json"))):
        again = run(
            "grant", **{**grant, "consumers": record}, on_invalid_row="skip", purge=True, results_dir=""
        )
        assert again.rc == 0, again.output
        assert again.changed == 0
        assert sandbox.writes() == []
        assert "0 granted, 0 revoked, 3 already there, 1 refused, 1 duplicate." in again.output

    undo = json.loads(file.with_suffix(".json").read_text())["run"]["undo"]
    assert [(entry["state"], len(entry["consumers"])) for entry in undo] == [("absent", 3)]


def test_purge_and_revoke_show_who_goes_before_anything_goes(sandbox, run, tmp_path):
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [CONSUMER, SUPPLIER, AGENCY]}]})
    purged = run("grant", scope=SCOPE, consumers=f"{CONSUMER},{AGENCY}", reason="R", purge=True)
    assert purged.rc == 0, purged.output
    order = purged.output
    shown = order.index("310 004 774   TRYGG MOSE SYSTEM AS  not in the list, to revoke")
    assert shown < order.index("Change who has access] **")
    assert sandbox.access(SCOPE)[SUPPLIER] == "DENIED"

    # The record of a purge, used as the list of another purge, changes nothing, and does not bring the removed one back.
    (record,) = records(tmp_path, "csv")
    again = run("grant", scope=SCOPE, consumers=str(record), reason="R", purge=True, results_dir="")
    assert again.rc == 0, again.output
    assert sandbox.writes() == []

    revoked = run("revoke", scope=SCOPE, consumers=CONSUMER, reason="Avtalen er slutt", results_dir="")
    assert revoked.rc == 0, revoked.output
    assert revoked.output.index("to revoke") < revoked.output.index("Change who has access] **")
    assert sandbox.access(SCOPE) == {CONSUMER: "DENIED", SUPPLIER: "DENIED", AGENCY: "APPROVED"}
    assert run("revoke", scope=SCOPE, consumers=CONSUMER, reason="R", results_dir="").changed == 0
    assert sandbox.writes() == []


def test_a_purge_above_the_cap_leaves_no_record_of_things_that_were_not_done(sandbox, run, tmp_path):
    numbers = sandbox.organizations(12)
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": numbers}]})
    result = run("grant", scope=SCOPE, consumers=f"{CONSUMER},{numbers[0]}", reason="R", purge=True)
    assert result.rc != 0
    assert "11 of 12 consumers would lose their access, and max_removals allows 5" in " ".join(
        result.output.split()
    )
    assert "GENERERT VIRKSOMHET" in result.output
    assert "(nothing was changed; R)" in result.output
    assert sandbox.writes() == []
    assert not [
        row
        for file in records(tmp_path, "json")
        for row in json.loads(file.read_text())["rows"]
        if row["changed"]
    ]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"consumers": CONSUMER, "reason": "R"}, "Say which scope, who and why"),
        ({"scope": SCOPE, "reason": "R"}, "Say which scope, who and why"),
        ({"scope": SCOPE, "consumers": CONSUMER}, "Say which scope, who and why"),
        ({"scope": SCOPE, "consumers": CONSUMER, "reason": "R", "limit": ""}, "Name one with --limit"),
        ({"scope": SCOPE, "consumers": "gone.xlsx", "reason": "R"}, "there is no such file of consumers"),
        ({"scope": SCOPE, "consumers": "310004775, 31000477", "reason": "R"}, "its check digit is wrong"),
    ],
)
def test_what_is_missing_is_said_before_any_request(sandbox, run, variables, says):
    result = run("grant", **variables)
    assert result.rc != 0
    assert says in " ".join(result.output.split())
    assert "(done; " not in result.output
    assert sandbox.requests() == []


def test_audit_tells_who_has_access_in_every_format(sandbox, run, tmp_path):
    sandbox.seed(
        {
            "access": [
                {"scope": SCOPE, "consumers": [CONSUMER, DISSOLVED]},
                {"scope": SCOPE, "consumers": [SUPPLIER], "state": "DENIED"},
            ]
        }
    )
    shown = run("audit", check_register=True)
    assert shown.rc == 0, shown.output
    assert shown.changed == 0
    assert not shown.warnings
    assert "2 grants to 2 organisations on 1 scope." in shown.output
    assert "NOK 60 000 a year" in shown.output
    assert f"Hold access and should be looked at: {DISSOLVED} SLUKKET VARDE AS (dissolved)." in shown.output
    assert "310 004 774" not in shown.output

    holds = run("audit", org=CONSUMER, out="holds.csv")
    assert holds.rc == 0, holds.output
    with (tmp_path / "holds.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [(row["scope"], row["organization_number"], row["state"]) for row in rows] == [
        (SCOPE, CONSUMER, "APPROVED")
    ]
    assert (
        len(sandbox.requests(path="/self-service/api/v1/scopes/access")) == 2
    )  # its own, and one for the price

    apis = [
        {
            "name": "cases",
            "scope": {"prefix": "testetat", "subscope": "cases.read", "description": "x"},
            "consumers": [CONSUMER, AGENCY],
        }
    ]
    both = run("audit", limit="", out="q3.json", provider_apis=apis, states="APPROVED, DENIED")
    assert both.rc == 0, both.output
    assert (tmp_path / "q3-other.json").is_file()
    report = json.loads((tmp_path / "q3-box.json").read_text())
    assert [(row["organization_number"], row["declared"]) for row in report["rows"]] == [
        (CONSUMER, True), (SUPPLIER, False), (DISSOLVED, False),
    ]  # fmt: skip
    assert f"Hold access undeclared: {DISSOLVED} SLUKKET VARDE AS on {SCOPE}." in report["summary"]
    assert f"Declared without access: {AGENCY} on {SCOPE}." in report["summary"]

    run("audit", out="q3.md")
    assert (
        (tmp_path / "q3.md")
        .read_text()
        .splitlines()[2]
        .startswith(f"| {SCOPE} | sandbox | 310 002 100 | STILLE BRE AS |")
    )
