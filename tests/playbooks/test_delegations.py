# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook delegations, as a person runs it, against the sandbox."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.doctor_patients import CONSUMER, SCOPE, SUPPLIER, seed_whole
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.playbooks.test_doctor import write_inventory


@pytest.fixture
def inventory(sandbox: SandboxClient, tmp_path: Path) -> Path:
    seed_whole(sandbox)
    return write_inventory(sandbox, tmp_path)


def look(inventory: Path, **extra_vars: Any) -> PlaybookRun:
    return run_playbook(
        "tilbyder.maskinporten.delegations",
        inventory=inventory,
        cwd=inventory.parent,
        environment={"PWD": str(inventory.parent)},
        extra_vars=extra_vars,
    )


def test_the_rows_are_shown_aligned_with_names(sandbox: SandboxClient, inventory: Path) -> None:
    run = look(inventory)
    assert run.rc == 0, run.output
    assert run.changed == 0
    assert run.warnings == []
    lines = run.stdout.splitlines()
    header = next(line for line in lines if line.startswith("Scope"))
    row = next(line for line in lines if line.startswith(SCOPE))
    for title, value in (("Consumer", CONSUMER), ("Supplier", SUPPLIER), ("Resource", "testetat-cases")):
        assert row.index(value) == header.index(title)
    assert "STILLE BRE AS" in row
    assert "1 delegations of 1 scopes, from 1 consumers to 1 suppliers." in run.stdout
    assert sandbox.writes() == []


def test_the_rows_are_written_as_csv_and_json(inventory: Path) -> None:
    run = look(inventory, scope=SCOPE, out="rows.csv,rows.json")
    assert run.rc == 0, run.output
    text = (inventory.parent / "rows.csv").read_text("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert (row["consumer"], row["supplier_name"]) == (CONSUMER, "TRYGG MOSE SYSTEM AS")
    (entry,) = json.loads((inventory.parent / "rows.json").read_text())
    assert (entry["scope"], entry["supplier"], entry["resource"]) == (SCOPE, SUPPLIER, "testetat-cases")
    assert look(inventory, scope=SCOPE, out="rows.csv,rows.json").changed == 0


def test_numbers_narrow_and_nothing_is_said_as_such(inventory: Path) -> None:
    run = look(inventory, scope=SCOPE, consumer=int(CONSUMER), supplier="312345676", names=False)
    assert run.rc == 0, run.output
    assert "There are none." in run.stdout


def test_a_foreign_prefix_is_explained(inventory: Path) -> None:
    run = look(inventory, scope="fdir:catch.read")
    assert run.rc == 2
    assert "prefix does not belong to the organisation" in " ".join(run.stdout.split())
    assert "Traceback" not in run.output


def test_an_audit_holds_no_delegation_against_accesses_that_it_did_not_read(
    sandbox: SandboxClient, inventory: Path
) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": ["310005819"], "state": "DENIED"}]})

    def audit(**extra_vars: Any) -> PlaybookRun:
        return run_playbook(
            "tilbyder.maskinporten.audit",
            inventory=inventory,
            cwd=inventory.parent,
            extra_vars={"delegations": True, **extra_vars},
        )

    # Whoever delegated has access, but neither is it the organisation asked about nor in the state asked for.
    for asked in ({"org": "310 005 819", "states": "DENIED"}, {"states": "DENIED"}):
        run = audit(**asked)
        assert run.rc == 0, run.output
        assert "310 005 819" in run.output
        assert "without having access" not in run.output
