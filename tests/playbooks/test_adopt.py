# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook adopt, as a person runs it, and what onboard makes of its files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.estate import altinn_source, host_of
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import policy_text, resource

CONSUMER, SUPPLIER, AGENCY = "310002100", "310004774", "310005819"

Run = Callable[..., PlaybookRun]


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path) -> Run:
    """Run a playbook by its full name in a folder of its own."""

    def play(name: str, *, check: bool = False, args: tuple[str, ...] = (), **variables: Any) -> PlaybookRun:
        inventory = tmp_path / "hosts.yml"
        host = host_of(sandbox) | variables.pop("host", {})
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"box": host}}}))
        sandbox.clear_requests()
        return run_playbook(
            f"tilbyder.maskinporten.{name}",
            inventory=inventory,
            extra_vars=variables,
            check=check,
            args=args,
            cwd=tmp_path,
        )

    return play


def onboard(run: Run, tmp_path: Path, **more: Any) -> PlaybookRun:
    """Onboard what was adopted, without files of its own."""
    host = {"provider_apis_files": [str(tmp_path / "apis")], **more.pop("host", {})}
    return run("onboard", host=host, provider_onboarding_output="", provider_onboarding_notify=False, **more)


def hand_made(sandbox: SandboxClient) -> None:
    """What ten years by hand leave behind."""
    sandbox.seed(
        {
            "scopes": [
                {
                    "name": "testetat:cases.read",
                    "description": "Lese saker",
                    "description#en": "Read cases",
                    "delegation_source": altinn_source(sandbox),
                    "at_max_age": 120,
                    "authorization_max_lifetime": 120,
                    "visibility": "PRIVATE",
                    "allowed_integration_types": ["maskinporten"],
                    "later_field": {"kept": True},
                },
                {"name": "testetat:cases/Write.v1", "description": "Skrive saker", "visibility": "PUBLIC"},
                {"name": "testetat:open", "description": "Åpne data: «ja», nei", "accessible_for_all": True},
                {"name": "testetat:old", "description": "Gammel", "active": False},
                {"name": "testetatdigital:forms", "description": "x" * 300},
            ],
            "access": [
                {"scope": "testetat:cases.read", "consumers": [CONSUMER, SUPPLIER]},
                {"scope": "testetat:cases.read", "consumers": [AGENCY], "state": "REQUESTED"},
                {"scope": "testetat:cases/Write.v1", "consumers": [AGENCY], "state": "DENIED"},
                {"scope": "testetat:old", "consumers": [CONSUMER]},
            ],
            "altinn": {
                "resources": [
                    resource(
                        "testetat-cases-read",
                        policy_text("maskinportenschema", "testetat-cases-read"),
                        contactPoints=[
                            {"email": "api@testetat.example", "contactPage": "https://testetat.example"}
                        ],
                        resourceReferences=references("testetat:cases.read"),
                        accessListMode="Enabled",
                    ),
                    resource(
                        "testetat-write-old",
                        policy_text("seed-aquaculture", "testetat-write-old"),
                        resourceReferences=references("testetat:cases/Write.v1", "testetat:open"),
                        rightDescription={"nb": "Bare bokmål"},
                        delegable=True,
                    ),
                    resource("testetat-second", resourceReferences=references("testetat:cases.read")),
                    resource("testetat-portal", resourceType="GenericAccessResource", resourceReferences=[]),
                ],
                "access_lists": [
                    {
                        "owner": "testetat",
                        "identifier": "approved",
                        "name": "Approved",
                        "members": [CONSUMER, AGENCY],
                        "connections": ["testetat-cases-read"],
                    },
                    {"owner": "testetat", "identifier": "unused", "name": "Unused", "members": []},
                ],
            },
        }
    )


def references(*scopes: str) -> list[dict[str, str]]:
    return [
        {"referenceSource": "Altinn3", "referenceType": "MaskinportenScope", "reference": scope}
        for scope in scopes
    ]


def read(folder: Path, name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / name).read_text(encoding="utf-8")))


def test_what_was_made_by_hand_becomes_declarations_that_change_nothing(sandbox, run, tmp_path):
    hand_made(sandbox)
    before = sandbox.state()

    plan = run("adopt", check=True, prefix="testetat")
    print(plan.output)
    assert plan.rc == 0, plan.output
    assert not (tmp_path / "apis").exists()

    adopted = run("adopt", prefix="testetat")
    assert adopted.rc == 0, adopted.output
    assert adopted.warnings == []
    assert sandbox.writes() == []
    folder = tmp_path / "apis"
    assert sorted(path.name for path in folder.iterdir()) == [
        "cases-read.consumers.sandbox.csv",
        "cases-read.members.sandbox.csv",
        "cases-read.yml",
        "cases-write-v1.policy.xml",
        "cases-write-v1.yml",
        "not-declared.txt",
        "old.yml",
        "open.yml",
    ]
    api = read(folder, "cases-read.yml")
    assert api["scope"] == {
        "prefix": "testetat",
        "subscope": "cases.read",
        "description": "Lese saker",
        "description_translations": {"en": "Read cases"},
        "visibility": "PRIVATE",
        "delegation": "altinn",
        "at_max_age": 120,
        "accessible_for_all": False,
    }
    assert api["environments"]["sandbox"]["consumers"] == {"file": "cases-read.consumers.sandbox.csv"}
    with (folder / "cases-read.consumers.sandbox.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter=";"))
    assert rows[1:] == [[CONSUMER, "STILLE BRE AS"], [SUPPLIER, "TRYGG MOSE SYSTEM AS"]]
    assert read(folder, "old.yml")["state"] == "absent"
    assert read(folder, "open.yml")["scope"]["allow_open_access"] is True
    assert read(folder, "cases-write-v1.yml")["resource"]["partial"] is True
    told = (folder / "not-declared.txt").read_text(encoding="utf-8")
    for reason in (
        "consumers testetat:cases.read: 1 request for access waits",
        "consumers testetat:old: the scope is deactivated, and 1 consumer would get access back with it",
        "policy testetat-write-old: only Altinn 2 roles: delegation stops on 2027-01-01",
        "resource testetat-second: testetat:cases.read has the resource testetat-cases-read already",
        "scope testetat:open: can be delegated through testetat-write-old",
        "access list unused: is connected to no resource",
        "resource testetat-portal: names no scope",
        "resource testetat-write-old: is declared with partial: true",
    ):
        assert reason in told
        assert reason.split(": ")[0] in adopted.output
    assert "testetatdigital" not in told

    check = onboard(run, tmp_path, check=True)
    assert check.rc == 0, check.output
    assert check.changed == 0
    done = onboard(run, tmp_path)
    assert done.rc == 0, done.output
    assert done.changed == 0
    assert sandbox.writes() == []
    after = sandbox.state()
    assert after["scopes"] == before["scopes"]
    assert after["access"] == before["access"]
    assert after["altinn"] == before["altinn"]
