# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-service: which organisations have access to a scope."""

from __future__ import annotations

import pytest

from tests.conftest import SandboxClient
from tests.sandbox_self_service import SelfService, refused

OWNER = "310001007"
CONSUMER = "310002100"
NAME = "testetat:cases.read"


@pytest.fixture
def api(sandbox: SandboxClient) -> SelfService:
    sandbox.seed({"scopes": [{"name": NAME, "description": "Read cases"}]})
    return SelfService(sandbox)


def test_grant_revoke_and_grant_again(api: SelfService) -> None:
    granted = api.ok("PUT", f"/scopes/access/{CONSUMER}", scope=NAME)
    assert granted == {
        "scope": NAME,
        "owner_orgno": OWNER,
        "owner_organization_name": "NØYAKTIG FJORD DIREKTORAT",
        "consumer_orgno": CONSUMER,
        "consumer_organization_name": "STILLE BRE AS",
        "state": "APPROVED",
        "created": granted["created"],
        "last_updated": granted["created"],
    }
    assert api.ok("GET", "/scopes/access", scope=NAME) == [granted]
    denied = api.ok("DELETE", f"/scopes/access/{CONSUMER}", scope=NAME)
    assert denied["state"] == "DENIED"
    assert denied["created"] == granted["created"]
    refused(api("GET", "/scopes/access", scope=NAME), 404, "does not have any")
    assert [entry["state"] for entry in api.ok("GET", "/scopes/access", scope=NAME, inactive="true")] == [
        "DENIED"
    ]
    again = api.ok("PUT", f"/scopes/access/{CONSUMER}", scope=NAME)
    assert again["state"] == "APPROVED"
    assert again["created"] == granted["created"]


def test_granting_twice(sandbox: SandboxClient, api: SelfService) -> None:
    first = api.ok("PUT", f"/scopes/access/{CONSUMER}", scope=NAME)
    assert api.ok("PUT", f"/scopes/access/{CONSUMER}", scope=NAME) == first
    sandbox.switch(regrant_status=409)
    refused(api("PUT", f"/scopes/access/{CONSUMER}", scope=NAME), 409)


@pytest.mark.parametrize("status", [404, 400, 409])
def test_revoking_what_is_not_there(sandbox: SandboxClient, api: SelfService, status: int) -> None:
    sandbox.switch(revoke_without_access_status=status)
    refused(api("DELETE", f"/scopes/access/{CONSUMER}", scope=NAME), status)
    sandbox.seed({"access": [{"scope": NAME, "consumer_orgno": CONSUMER, "state": "DENIED"}]})
    refused(api("DELETE", f"/scopes/access/{CONSUMER}", scope=NAME), status)


@pytest.mark.parametrize("number", ["123456789", "31000210", "3100021000", "abcdefghi", "312345670"])
def test_numbers_that_no_organisation_has(api: SelfService, number: str) -> None:
    refused(
        api("PUT", f"/scopes/access/{number}", scope=NAME), 400, "Consumer organization number is not valid"
    )


def test_valid_number_that_is_not_registered(sandbox: SandboxClient, api: SelfService) -> None:
    refused(api("PUT", "/scopes/access/330000007", scope=NAME), 400, "not valid")
    sandbox.switch(unknown_consumer="accept")
    granted = api.ok("PUT", "/scopes/access/330000007", scope=NAME)
    assert "consumer_organization_name" not in granted


def test_dissolved_and_sub_unit(sandbox: SandboxClient, api: SelfService) -> None:
    assert api("PUT", "/scopes/access/310006661", scope=NAME).status_code == 200
    assert api("PUT", "/scopes/access/315003628", scope=NAME).status_code == 200
    sandbox.switch(dissolved_consumer="reject", sub_unit_consumer="reject")
    refused(api("PUT", "/scopes/access/310006661", scope=NAME), 400)
    refused(api("PUT", "/scopes/access/315003628", scope=NAME), 400)


def test_inactive_scope(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.seed({"access": [{"scope": NAME, "consumers": ["310004774"]}]})
    api.ok("DELETE", "/scopes", scope=NAME)
    refused(api("PUT", f"/scopes/access/{CONSUMER}", scope=NAME), 409, "inactive")
    # Withdrawing goes on working.
    assert api.ok("DELETE", "/scopes/access/310004774", scope=NAME)["state"] == "DENIED"
    sandbox.switch(grant_inactive_scope_status=200)
    assert api("PUT", f"/scopes/access/{CONSUMER}", scope=NAME).status_code == 200


def test_scopes_of_others_and_none(sandbox: SandboxClient, api: SelfService) -> None:
    other = SelfService(sandbox, provider="fdir")
    for method in ("PUT", "DELETE"):
        refused(other(method, f"/scopes/access/{CONSUMER}", scope=NAME), 403, "does not own the scope")
        refused(api(method, f"/scopes/access/{CONSUMER}", scope="testetat:none"), 404)
        refused(api(method, f"/scopes/access/{CONSUMER}"), 400, "scope")
    refused(other("GET", "/scopes/access", scope=NAME), 403)
    reader = SelfService(sandbox, "idporten:scopes.read")
    refused(reader("PUT", f"/scopes/access/{CONSUMER}", scope=NAME), 403, "idporten:scopes.write")


def test_what_a_list_shows(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.seed(
        {
            "access": [
                {"scope": NAME, "consumers": ["310002100", "310004774"]},
                {"scope": NAME, "consumer_orgno": "310006661", "state": "DENIED"},
                {"scope": NAME, "consumer_orgno": "315003628", "state": "REQUESTED"},
            ]
        }
    )

    def states(**query: str) -> list[str]:
        return sorted(entry["state"] for entry in api.ok("GET", "/scopes/access", scope=NAME, **query))

    assert states() == ["APPROVED", "APPROVED"]
    assert states(inactive="true") == ["APPROVED", "APPROVED", "DENIED", "REQUESTED"]
    assert states(consumer_orgno="310002100") == ["APPROVED"]
    sandbox.switch(denied_access_listed=True)
    assert states() == ["APPROVED", "APPROVED", "DENIED"]


def test_list_without_a_scope(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.seed({"access": [{"scope": NAME, "consumers": [CONSUMER]}]})
    refused(api("GET", "/scopes/access"), 400, "required")
    assert [entry["scope"] for entry in api.ok("GET", "/scopes/access", consumer_orgno=CONSUMER)] == [NAME]
    sandbox.switch(access_without_scope="everything")
    assert [entry["consumer_orgno"] for entry in api.ok("GET", "/scopes/access")] == [CONSUMER]


def test_what_was_granted_to_us(sandbox: SandboxClient, api: SelfService) -> None:
    other = "lysheietat:register/lookup.read"
    sandbox.seed(
        {
            "scopes": [
                {"name": other, "description": "x", "allowed_integration_types": ["maskinporten"]},
                {"name": "lysheietat:old", "description": "x"},
            ],
            "access": [
                {"scope": other, "consumers": [OWNER]},
                {"scope": "lysheietat:old", "consumer_orgno": OWNER, "state": "DENIED"},
            ],
        }
    )

    def scopes(**query: str) -> set[str]:
        found = api.ok("GET", "/scopes/access/all", **query)
        assert {entry["consumer_orgno"] for entry in found} == {OWNER}
        return {entry["scope"] for entry in found if entry["scope"].startswith("lysheietat:")}

    assert scopes() == {other}
    assert scopes(inactive="true") == {other, "lysheietat:old"}
    assert scopes(integration_type="MASKINPORTEN") == {other}
    refused(api("GET", "/scopes/access/all", integration_type="krr"), 404, "does not have any")


def test_twenty_thousand_grants(sandbox: SandboxClient) -> None:
    numbers = sandbox.organizations(400)
    assert len(set(numbers)) == 400
    names = [f"testetat:bulk{number}.read" for number in range(50)]
    taken = sandbox.seed(
        {
            "scopes": [{"name": name, "description": "x"} for name in names],
            "access": [{"scope": name, "consumers": numbers} for name in names],
        }
    )
    assert taken == {"scopes": 50, "access": 20_000}
    api = SelfService(sandbox)
    for name in (names[0], names[49]):
        assert {entry["consumer_orgno"] for entry in api.ok("GET", "/scopes/access", scope=name)} == set(
            numbers
        )
