# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook adopt, as a person runs it, and what onboard makes of its files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.estate import altinn_source, host_of
from tests.guide_commands import guide_commands
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import policy_text, resource

CONSUMER, SUPPLIER, AGENCY = "310002100", "310004774", "310005819"

Run = Callable[..., PlaybookRun]


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path) -> Run:
    """Run a playbook by its full name in a folder of its own."""

    def play(name: str, *, check: bool = False, args: Sequence[str] = (), **variables: Any) -> PlaybookRun:
        inventory = tmp_path / "hosts.yml"
        host = host_of(sandbox) | variables.pop("host", {})
        names = variables.pop("names", ["test"])
        inventory.write_text(yaml.safe_dump({"all": {"hosts": dict.fromkeys(names, host)}}))
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
    """Onboard what was adopted."""
    host = {"provider_apis_files": [str(tmp_path / "apis")], **more.pop("host", {})}
    return run("onboard", host=host, provider_onboarding_output=str(tmp_path / "onboarding"), **more)


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
    assert plan.rc == 0, plan.output
    assert not (tmp_path / "apis").exists()

    (playbook, args), (check_playbook, check_args) = guide_commands("guide_adopt")
    assert (playbook, check_playbook) == ("tilbyder.maskinporten.adopt", "tilbyder.maskinporten.onboard")
    adopted = run("adopt", args=args)
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
        assert reason.split(": ", maxsplit=1)[0] in adopted.output
    assert "testetatdigital" not in told

    check = onboard(run, tmp_path, args=check_args)
    assert check.rc == 0, check.output
    assert check.changed == 0
    assert "--check" in check_args
    done = onboard(run, tmp_path)
    assert done.rc == 0, done.output
    assert done.changed == 0
    assert sandbox.writes() == []
    after = sandbox.state()
    assert after["scopes"] == before["scopes"]
    assert after["access"] == before["access"]
    assert after["altinn"] == before["altinn"]


def test_an_estate_of_fifty_scopes_stays_as_it_is_under_the_inventorys_defaults(sandbox, run, tmp_path):
    names = [f"api{number:02}.read" for number in range(50)]
    consumers = sandbox.organizations(20)
    sandbox.seed(
        {
            "scopes": [
                {
                    "name": f"testetat:{name}",
                    "description": f"Lese {name}",
                    "at_max_age": 120 if index % 2 else 30,
                    **({} if index % 5 else {"delegation_source": altinn_source(sandbox)}),
                }
                for index, name in enumerate(names)
            ],
            "access": [{"scope": f"testetat:{name}", "consumers": consumers} for name in names],
            "altinn": {
                "resources": [
                    resource(
                        f"testetat-{name.replace('.', '-')}",
                        policy_text("maskinportenschema", f"testetat-{name.replace('.', '-')}"),
                        resourceReferences=references(f"testetat:{name}"),
                    )
                    for name in names[::2]
                ]
            },
        }
    )
    # Defaults that many of the live objects don't agree with; the adopted declarations have the last word.
    defaults = {
        "scope": {"prefix": "testetat", "delegation": "altinn", "at_max_age": 120, "visibility": "PRIVATE"},
        "resource": {
            "contact_points": [{"email": "api@testetat.example"}],
            "homepage": "https://testetat.example",
        },
        "policy": {"template": "scope_delegation", "authentication_level": 4},
        "consumers": {"max_removals": "2"},
    }
    adopted = run("adopt", host={"provider_defaults": defaults}, access_lists=False)
    assert adopted.rc == 0, adopted.output
    assert "50 APIs in" in adopted.output
    assert sandbox.writes() == []
    # One list of accesses a scope, and each resource and its policy once; the rest does not grow with the number.
    assert len(sandbox.requests(path="/self-service/api/v1/scopes/access")) == 50
    assert sandbox.counts()["read"] == 50 + 2 * 25 + 10
    short = read(tmp_path / "apis", "api01-read.yml")
    assert short["scope"] == {
        "subscope": "api01.read",
        "description": "Lese api01.read",
        "visibility": "PUBLIC",
        "delegation": "none",
        "allowed_integration_types": [],
        "accessible_for_all": False,
        "authorization_max_lifetime": 0,
    }
    assert (short["resource"], short["policy"]) == (None, None)
    for check in (True, False):
        result = onboard(run, tmp_path, check=check, host={"provider_defaults": defaults})
        assert result.rc == 0, result.output
        assert result.changed == 0
        assert sandbox.writes() == []


def test_files_that_differ_are_written_over_only_when_told(sandbox, run, tmp_path):
    sandbox.seed({"scopes": [{"name": "testetat:cases.read", "description": "Lese saker"}]})
    assert run("adopt", access_lists=False).rc == 0
    assert run("adopt", access_lists=False).changed == 0
    file = tmp_path / "apis" / "cases-read.yml"
    file.write_text(file.read_text(encoding="utf-8") + "note: mine\n")
    sandbox.seed({"scopes": [{"name": "testetat:new", "description": "Ny"}]})
    refused = run("adopt", access_lists=False)
    assert refused.rc != 0
    assert "holds other files of these names already: cases-read.yml" in " ".join(refused.output.split())
    assert not (tmp_path / "apis" / "new.yml").exists()
    told = run("adopt", access_lists=False, overwrite=True)
    assert told.rc == 0, told.output
    assert "note" not in read(tmp_path / "apis", "cases-read.yml")
    assert (tmp_path / "apis" / "new.yml").exists()


def test_several_environments_have_folders_of_their_own_and_tags_choose_what_is_adopted(
    sandbox, run, tmp_path
):
    hand_made(sandbox)
    result = run("adopt", names=["test", "prod"], args=["--tags", "scopes"], out="estate", prefix="testetat")
    assert result.rc == 0, result.output
    for name in ("test", "prod"):
        folder = tmp_path / "estate" / name
        assert sorted(path.name for path in folder.iterdir()) == [
            "cases-read.yml", "cases-write-v1.yml", "not-declared.txt", "old.yml", "open.yml",
        ]  # fmt: skip
        # What was not read is neither declared nor taken away.
        assert set(read(folder, "cases-read.yml")) == {"name", "scope"}
    assert not sandbox.requests(service="altinn")
