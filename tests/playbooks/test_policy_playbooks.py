# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks policy_audit and policy_migrate, as a person runs them, against the sandbox."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import NUMBER, in_force, policy_text, resource, seed_policies

AUDIT = "tilbyder.maskinporten.policy_audit"
MIGRATE = "tilbyder.maskinporten.policy_migrate"


@pytest.fixture
def inventory(sandbox: SandboxClient, tmp_path: Path) -> Path:
    """One host, whose provider is testetat in the sandbox."""
    known = sandbox.credentials("altinn")
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": "sandbox",
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "altinn_url": sandbox.urls["altinn"],
        "organization_register_url": sandbox.urls["register"],
        "maskinporten_organization_number": NUMBER,
        "altinn_client_id": known["client_id"],
        "altinn_private_key_path": known["private_key_path"],
        "altinn_key_id": known["key_id"],
    }
    file = tmp_path / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": {"sandbox": host}}}))
    return file


def estate(sandbox: SandboxClient) -> dict[str, str]:
    """Five resources of ours and one of another owner; returns what is in force."""
    utinn = policy_text("broker", "testetat-files").replace(
        "urn:altinn:external-role:ccr", "urn:altinn:rolecode"
    )
    texts = {
        "testetat-aqua": policy_text("seed-aquaculture", "testetat-aqua"),
        "testetat-both": policy_text("maskinportenschema", "testetat-both"),
        "testetat-files": utinn.replace("daglig-leder", "utinn"),
        "testetat-portal": policy_text("generic", "testetat-portal"),
        "testetat-tax": policy_text("seed-tax-administration", "testetat-tax"),
    }
    types = {"testetat-files": "BrokerService", "testetat-portal": "GenericAccessResource"}
    seed_policies(
        sandbox,
        *(
            resource(name, text, resourceType=types.get(name, "MaskinportenSchema"))
            for name, text in texts.items()
        ),
        resource(
            "skd-maskinportenschemaid-8",
            policy_text("seed-tax-administration"),
            hasCompetentAuthority={"organization": "974761076", "orgcode": "SKD"},
        ),
    )
    return texts


def run(name: str, inventory: Path, **more: Any) -> PlaybookRun:
    # A shell sets PWD to the folder one stands in.
    return run_playbook(
        name, inventory=inventory, cwd=inventory.parent, environment={"PWD": str(inventory.parent)}, **more
    )


def test_audit_shows_a_table_that_fits_and_writes_nothing(sandbox: SandboxClient, inventory: Path) -> None:
    estate(sandbox)
    result = run(AUDIT, inventory)
    assert result.rc == 0, result.output
    assert result.changed == 0
    assert sandbox.writes() == []
    assert "stops on 2027-01-01" in result.stdout
    assert "5 policies: 3 stop, 0 let nobody in, 0 cannot be read, 2 work on." in result.stdout
    assert "skd-maskinportenschemaid-8" not in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("testetat-")]
    assert [row.split()[0] for row in rows[:5]] == [
        "testetat-aqua", "testetat-files", "testetat-tax", "testetat-both", "testetat-portal",
    ], "worst first"  # fmt: skip
    assert max(map(len, rows)) <= 100
    assert {entry["service"] for entry in sandbox.requests()} == {"altinn"}, "no login"


def test_audit_writes_reports(sandbox: SandboxClient, inventory: Path) -> None:
    estate(sandbox)
    result = run(AUDIT, inventory, extra_vars={"out": "report.csv, report.md,report.txt"})
    assert result.rc == 0, result.output
    rows = list(
        csv.DictReader(io.StringIO((inventory.parent / "report.csv").read_text("utf-8-sig")), delimiter=";")
    )
    assert [row["verdict"] for row in rows] == ["only_altinn2_roles"] * 3 + ["has_packages", "works"]
    assert rows[0]["roles_without_package"] == "apiadm"
    assert "role apiadm (Altinn 2, ends 2027-01-01)" in rows[0]["may_delegate"]
    markdown = (inventory.parent / "report.md").read_text()
    assert markdown.startswith("| Resource | Title |")
    assert markdown.count("\n") == 7
    assert "testetat-aqua" in (inventory.parent / "report.txt").read_text()
    assert run(AUDIT, inventory, extra_vars={"out": "report.csv,report.md,report.txt"}).changed == 0


@pytest.mark.parametrize(
    ("fail_on", "resource_names", "fails"),
    [
        ("only_altinn2_roles", "", True),
        ("any", "", True),
        ("no_one,unreadable", "", False),
        ("any", "testetat-both,testetat-portal", False),
    ],
)
def test_audit_fails_for_a_schedule_when_told(
    sandbox: SandboxClient, inventory: Path, fail_on: str, resource_names: str, fails: bool
) -> None:
    estate(sandbox)
    result = run(AUDIT, inventory, extra_vars={"fail_on": fail_on, "resource": resource_names})
    assert (result.rc != 0) == fails, result.output
    if fails:
        assert "3 of 5 policies are not as they should be: testetat-aqua" in " ".join(result.stdout.split())


def test_audit_refuses_a_verdict_it_does_not_know(sandbox: SandboxClient, inventory: Path) -> None:
    result = run(AUDIT, inventory, extra_vars={"fail_on": "stops"})
    assert result.rc != 0
    assert "stops is no verdict" in " ".join(result.stdout.split())
    assert sandbox.requests() == []


def test_migration_planned_done_again_and_undone(sandbox: SandboxClient, inventory: Path) -> None:
    before = estate(sandbox)
    plan = run(MIGRATE, inventory, check=True, diff=True)
    assert plan.rc == 0, plan.output
    assert "+  - access package maskinporten-scopes may scopeaccess on testetat-aqua" in plan.stdout
    assert sandbox.writes() == []
    assert not (inventory.parent / "policy-backup").exists()

    done = run(MIGRATE, inventory)
    assert done.rc == 0, done.output
    written = sorted(entry["path"].split("/")[-2] for entry in sandbox.writes())
    assert written == ["testetat-aqua", "testetat-tax"], "the others are as they should be, or need a person"
    (folder,) = (inventory.parent / "policy-backup" / "sandbox").iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["testetat-aqua.xml", "testetat-tax.xml"]
    assert f"-e undo={folder}" in done.stdout
    assert "testetat-files" in done.stdout

    sandbox.clear_requests()
    again = run(MIGRATE, inventory)
    assert again.rc == 0, again.output
    assert again.changed == 0
    assert sandbox.writes() == []
    audit = run(AUDIT, inventory, extra_vars={"fail_on": "any", "resource": "testetat-aqua,testetat-tax"})
    assert audit.rc == 0, audit.output

    undone = run(MIGRATE, inventory, extra_vars={"undo": str(folder)})
    assert undone.rc == 0, undone.output
    assert {name: in_force(sandbox, name) for name in before} == before


def test_migration_of_one_resource_with_packages_of_ones_own(sandbox: SandboxClient, inventory: Path) -> None:
    estate(sandbox)
    result = run(
        MIGRATE,
        inventory,
        extra_vars={
            "resource": "testetat-files",
            "replacements": {"utinn": ["toll"]},
            "remove_altinn2_roles": True,
            "backup": "kept",
        },
    )
    assert result.rc == 0, result.output
    assert [entry["path"].split("/")[-2] for entry in sandbox.writes()] == ["testetat-files"]
    written = in_force(sandbox, "testetat-files")
    assert written is not None
    assert ">toll<" in written
    assert ">utinn<" not in written
    assert (inventory.parent / "kept" / "sandbox" / "testetat-files.xml").exists()


def test_nothing_to_migrate(sandbox: SandboxClient, inventory: Path) -> None:
    seed_policies(
        sandbox, resource("testetat-portal", policy_text("generic", "testetat-portal"), resourceType="GenericAccessResource")
    )  # fmt: skip
    result = run(MIGRATE, inventory)
    assert result.rc == 0, result.output
    assert result.changed == 0
    assert "No policy names an Altinn 2 role." in result.stdout
    assert result.warnings == []
