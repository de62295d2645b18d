# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""altinn_access_list_info against the sandbox."""

from __future__ import annotations

from typing import Any

from tests.conftest import SandboxClient
from tests.delegable import resource
from tests.module_runner import run_module

A, B = "310002100", "310004774"
RESOURCE = "testetat-cases"


def inform(sandbox: SandboxClient, **params: Any) -> dict[str, Any]:
    return run_module("altinn_access_list_info", {**sandbox.auth("altinn"), **params})


def seed(sandbox: SandboxClient, count: int = 2) -> None:
    """Lists list-00, list-01 …; the last one is connected to the resource."""
    sandbox.seed(
        {
            "altinn": {
                "resources": [resource(RESOURCE, "testetat:cases.read")],
                "access_lists": [
                    {
                        "owner": "testetat",
                        "identifier": f"list-{number:02}",
                        "name": f"List {number}",
                        "members": [A, B] if number == 0 else [B],
                        "connections": [{"resource": RESOURCE, "action_filters": ["read"]}]
                        if number == count - 1
                        else [],
                    }
                    for number in range(count)
                ],
            }
        }
    )
    sandbox.clear_requests()


def test_every_list_comes_with_members_and_connections(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = inform(sandbox, names=True)
    assert not result["failed"], result["msg"]
    assert result["owner"] == "testetat"
    first, second = result["access_lists"]
    assert first["urn"] == "urn:altinn:access-list:testetat:list-00"
    assert [(member["organization_number"], member["name"]) for member in first["members"]] == [
        (A, "STILLE BRE AS"),
        (B, "TRYGG MOSE SYSTEM AS"),
    ]
    assert first["connections"] == []
    assert second["connections"] == [{"resource": RESOURCE, "actions": ["read"]}]
    assert sandbox.writes() == []


def test_no_lists_is_an_empty_answer(sandbox: SandboxClient) -> None:
    assert inform(sandbox)["access_lists"] == []


def test_lists_are_narrowed_by_identifier_without_an_overview(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = inform(sandbox, identifier=["list-01", "no-such"])
    assert [entry["identifier"] for entry in result["access_lists"]] == ["list-01"]
    assert sandbox.requests(path="*/access-lists/testetat") == []


def test_the_connection_to_a_resource_is_found_beyond_the_first_page(sandbox: SandboxClient) -> None:
    """The registry's next link misspells include and drops resource, so following it would lose the connections."""
    seed(sandbox, count=45)
    result = inform(sandbox, resource=RESOURCE)
    assert [entry["identifier"] for entry in result["access_lists"]] == ["list-44"]
    pages = sandbox.requests(path="*/access-lists/testetat")
    assert len(pages) == 3
    assert all(RESOURCE in str(entry["query"]) for entry in pages)


def test_what_is_not_asked_for_is_not_read(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = inform(sandbox, members=False, connections=False)
    assert "members" not in result["access_lists"][0]
    assert sandbox.requests(path="*/members") == []
    assert sandbox.requests(path="*/resource-connections") == []


def test_members_over_several_pages_are_all_there(sandbox: SandboxClient) -> None:
    numbers = sandbox.organizations(230)
    sandbox.seed(
        {"altinn": {"access_lists": [{"owner": "testetat", "identifier": "big", "members": numbers}]}}
    )
    (found,) = inform(sandbox)["access_lists"]
    assert [member["organization_number"] for member in found["members"]] == sorted(numbers)


def test_a_member_without_an_organisation_number_is_shown(sandbox: SandboxClient) -> None:
    person = "7bb78d06-70ab-45e4-9b9b-2a6f4f1a0a11"
    sandbox.seed(
        {
            "altinn": {
                "persons": [{"party": person, "id": 50012345}],
                "access_lists": [
                    {"owner": "testetat", "identifier": "one", "members": [{"party": person}, A]}
                ],
            }
        }
    )
    (found,) = inform(sandbox, names=True)["access_lists"]
    assert [member["organization_number"] for member in found["members"]] == [A, None]
    assert found["members"][1]["id"] == f"urn:altinn:party:uuid:{person}"
    assert found["members"][1]["name"] is None
