# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delegations: the provider's look-up, and how a consumer delegates a scope to a supplier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.sandbox.altinn_caller import (
    CONSUMER,
    CONSUMERS_WRITE,
    DELEGATIONS,
    DEMO,
    SUPPLIER,
    SUPPLIERS_WRITE,
    WRITE,
    AltinnCaller,
    errors_of,
    problem_of,
    sample,
    sample_bytes,
)

LOOKUP = "/accessmanagement/api/v1/maskinporten/delegations/"
SUPPLIERS = "/accessmanagement/api/v1/enduser/maskinportensuppliers"
CONSUMERS = "/accessmanagement/api/v1/enduser/maskinportenconsumers"
ADMIN = "altinn:maskinporten/delegations.admin"
ID = "demo-orders-read"
SCOPE = "demo:orders.read"


def look_up(altinn: AltinnCaller, token: str | None = None, **query: str) -> httpx.Response:
    return altinn.call("GET", LOOKUP, token or altinn.token(DELEGATIONS), params=query)


def party(number: str) -> str:
    """The party UUID of an organisation: what the sandbox derives from its number."""
    from sandbox.altinn_state import party_uuid

    return party_uuid(number)


def as_consumer(altinn: AltinnCaller, method: str, path: str = "", **query: str) -> httpx.Response:
    token = altinn.token(SUPPLIERS_WRITE, number=CONSUMER)
    return altinn.call(method, SUPPLIERS + path, token, params={"party": party(CONSUMER), **query})


def as_supplier(altinn: AltinnCaller, method: str, path: str = "", **query: str) -> httpx.Response:
    token = altinn.token(CONSUMERS_WRITE, number=SUPPLIER)
    return altinn.call(method, CONSUMERS + path, token, params={"party": party(SUPPLIER), **query})


def delegate(altinn: AltinnCaller) -> None:
    assert as_consumer(altinn, "POST", supplier=SUPPLIER).status_code == 200
    assert as_consumer(altinn, "POST", "/resources", supplier=SUPPLIER, resource=ID).status_code == 200


# --- the provider's look-up ------------------------------------------------------------------------------------


def test_look_up_shows_who_delegated_to_whom(altinn: AltinnCaller) -> None:
    altinn.publish()
    delegate(altinn)
    rows = look_up(altinn, scope=SCOPE).json()
    created = rows[0].pop("created")
    assert created.endswith("Z")
    assert abs(datetime.fromisoformat(created) - datetime.now(UTC)).total_seconds() < 60
    assert rows == [
        {
            "consumer_org": CONSUMER,
            "supplier_org": SUPPLIER,
            "delegation_scheme_Id": None,
            "scopes": [SCOPE],
            "resourceid": ID,
        }
    ]
    for query, count in (
        ({"consumerOrg": CONSUMER}, 1),
        ({"supplierOrg": SUPPLIER, "consumerOrg": CONSUMER}, 1),
        ({"supplierOrg": CONSUMER}, 0),
        ({"consumerOrg": SUPPLIER}, 0),
    ):
        assert len(look_up(altinn, scope=SCOPE, **query).json()) == count, query


def test_look_up_matches_the_scope_exactly_and_lists_all_scopes_of_the_resource(altinn: AltinnCaller) -> None:
    body = sample("resource-post-maskinportenschema.json")
    guid = "f0e5c3d2-1a2b-4c3d-9e8f-0a1b2c3d4e5f"
    body["resourceReferences"] += [
        {
            "referenceType": "MaskinportenScope",
            "referenceSource": "Altinn3",
            "reference": "demo:orders.write",
        },
        {"referenceType": "DelegationSchemeId", "referenceSource": "Altinn2", "reference": guid},
    ]
    altinn.sandbox.seed(
        {
            "altinn": {
                "resources": [body],
                "delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "resource": ID}],
            }
        }
    )
    rows = look_up(altinn, scope="demo:orders.write").json()
    assert rows[0]["scopes"] == [SCOPE, "demo:orders.write"]
    assert rows[0]["delegation_scheme_Id"] == guid
    assert look_up(altinn, scope="demo:orders").json() == []
    assert look_up(altinn, scope="demo:Orders.read").json() == []


def test_look_up_knows_the_delegations_of_a_seed(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.sandbox.seed(
        {
            "delegations": [
                {"consumer": CONSUMER, "supplier": SUPPLIER, "resource": ID},
                {"consumer": SUPPLIER, "supplier": CONSUMER, "scope": SCOPE},
            ]
        }
    )
    rows = look_up(altinn, scope=SCOPE).json()
    assert {(row["consumer_org"], row["supplier_org"]) for row in rows} == {
        (CONSUMER, SUPPLIER),
        (SUPPLIER, CONSUMER),
    }


def test_look_up_checks_in_order(altinn: AltinnCaller) -> None:
    bad = {"supplierOrg": "123", "consumerOrg": "123"}
    assert altinn.call("GET", LOOKUP).status_code == 401
    assert look_up(altinn, altinn.token(WRITE), **bad).status_code == 403
    for query in ({}, {"scope": " "}, bad):
        answer = look_up(altinn, **query)
        assert answer.status_code == 403
        assert answer.json() == {
            "type": "https://tools.ietf.org/html/rfc7231#section-6.5.3",
            "title": "Not authorized for lookup of delegations without specifying parameter: scope",
            "status": 403,
        }
    foreign = look_up(altinn, scope="acme:orders.read", **bad)
    assert foreign.status_code == 403
    assert (
        foreign.json()["title"] == "Not authorized for lookup of delegations for the scope: acme:orders.read"
    )
    assert errors_of(look_up(altinn, scope=SCOPE, **bad)) == {
        "supplierOrg": ["supplierOrg is not a valid organization number"]
    }
    assert errors_of(look_up(altinn, scope=SCOPE, consumerOrg="310002101")) == {
        "consumerOrg": ["consumerOrg is not a valid organization number"]
    }
    unknown = {"supplierOrg": "314000005", "consumerOrg": "314000005"}
    assert errors_of(look_up(altinn, scope=SCOPE, **unknown)) == {
        "consumerOrg": [
            "The specified consumerOrg: 314000005, is not a valid organization number (Parameter 'consumerOrg')"
        ]
    }
    assert look_up(altinn, scope="demo:unknown").json() == []


def test_admin_looks_up_anything_but_not_nothing(altinn: AltinnCaller) -> None:
    altinn.publish()
    delegate(altinn)
    token = altinn.token(ADMIN)
    nothing = look_up(altinn, token)
    assert nothing.status_code == 400
    assert nothing.json() == {
        "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
        "title": "Missing query parameters; provide at least one of: scope, supplierOrg, consumerOrg",
        "status": 400,
    }
    assert len(look_up(altinn, token, supplierOrg=SUPPLIER).json()) == 1
    assert look_up(altinn, token, scope="acme:orders.read").json() == []


def test_a_new_resource_is_seen_late_when_the_caches_are_on(altinn: AltinnCaller) -> None:
    altinn.publish()
    delegate(altinn)
    altinn.sandbox.switch(altinn_cache_seconds=600)
    assert look_up(altinn, scope=SCOPE).json() == []
    token = altinn.token(DELEGATIONS)
    altinn.sandbox.clock(advance=601)
    assert len(look_up(altinn, token, scope=SCOPE).json()) == 1


# --- consumer and supplier -------------------------------------------------------------------------------------


def test_consumer_adds_a_supplier_and_delegates_and_takes_it_back(altinn: AltinnCaller) -> None:
    altinn.publish()
    added = as_consumer(altinn, "POST", supplier=SUPPLIER).json()
    assert (added["fromId"], added["toId"]) == (party(CONSUMER), party(SUPPLIER))
    assert as_consumer(altinn, "POST", supplier=SUPPLIER).json() == added
    assert as_consumer(altinn, "GET").json() == [added]
    assert as_supplier(altinn, "GET").json() == [added]
    given = as_consumer(altinn, "POST", "/resources", supplier=SUPPLIER, resource=ID)
    assert given.json()["resourceId"] == ID
    assert [row["resourceId"] for row in as_consumer(altinn, "GET", "/resources").json()] == [ID]
    assert [row["resourceId"] for row in as_supplier(altinn, "GET", "/resources").json()] == [ID]
    # A relation with delegations is removed only together with them.
    assert as_consumer(altinn, "DELETE", supplier=SUPPLIER).status_code == 400
    assert as_consumer(altinn, "DELETE", "/resources", supplier=SUPPLIER, resource=ID).status_code == 204
    assert look_up(altinn, scope=SCOPE).json() == []
    assert as_consumer(altinn, "DELETE", supplier=SUPPLIER).status_code == 204
    assert as_consumer(altinn, "GET").json() == []


def test_supplier_gives_a_delegation_back(altinn: AltinnCaller) -> None:
    altinn.publish()
    delegate(altinn)
    assert as_supplier(altinn, "DELETE", "/resources", consumer=CONSUMER, resource=ID).status_code == 204
    assert as_supplier(altinn, "DELETE", consumer=CONSUMER).status_code == 204
    assert as_consumer(altinn, "GET").json() == []


def test_relation_is_removed_with_its_delegations(altinn: AltinnCaller) -> None:
    altinn.publish()
    delegate(altinn)
    assert as_consumer(altinn, "DELETE", supplier=SUPPLIER, cascade="true").status_code == 204
    assert look_up(altinn, scope=SCOPE).json() == []


def code_of(answer: httpx.Response) -> str:
    return str(problem_of(answer)["code"])


def test_refusals_have_altinns_codes(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.publish("generic", policy="policy-generic.xml")
    undelegable = {**sample("resource-post-minimal.json"), "delegable": False}
    assert altinn.create(undelegable).status_code == 201

    def give(resource: str) -> str:
        return code_of(as_consumer(altinn, "POST", "/resources", supplier=SUPPLIER, resource=resource))

    assert give(ID) == "AM-00022"
    assert code_of(as_consumer(altinn, "POST", supplier="314000005")) == "AM-00023"
    as_consumer(altinn, "POST", supplier=SUPPLIER)
    assert give("demo-none") == "AM-00027"
    assert give("demo-portal") == "AM-00027"
    assert give("demo-orders-write") == "AM-00042"
    altinn.sandbox.seed({"altinn": {"held": {CONSUMER: ["urn:altinn:accesspackage:hovedadministrator"]}}})
    assert give(ID) == "AM-00028"


def test_nobody_acts_for_another_organisation(altinn: AltinnCaller) -> None:
    token = altinn.token(SUPPLIERS_WRITE, number=SUPPLIER)
    answer = altinn.call("POST", SUPPLIERS, token, params={"party": party(CONSUMER), "supplier": DEMO})
    assert answer.status_code == 403
    altinn.sandbox.seed({"altinn": {"held": {CONSUMER: ["urn:altinn:rolecode:regna"]}}})
    assert as_consumer(altinn, "GET").status_code == 403
    reader = altinn.token(DELEGATIONS, number=CONSUMER)
    assert altinn.call("GET", SUPPLIERS, reader, params={"party": party(CONSUMER)}).status_code == 403


def test_api_can_be_switched_off(altinn: AltinnCaller) -> None:
    altinn.sandbox.switch(altinn_enduser_api=False)
    assert as_consumer(altinn, "GET").status_code == 404


def test_seeded_consumer_can_delegate_with_its_own_client(altinn: AltinnCaller) -> None:
    altinn.publish()
    token = altinn.exchange(altinn.sandbox.token("client", SUPPLIERS_WRITE, provider="consumer")).text
    query = {"party": party(CONSUMER), "supplier": SUPPLIER}
    assert altinn.call("POST", SUPPLIERS, token, params=query).status_code == 200
    given = altinn.call("POST", f"{SUPPLIERS}/resources", token, params={**query, "resource": ID})
    assert given.status_code == 200


# --- may I delegate? -------------------------------------------------------------------------------------------


def check(altinn: AltinnCaller) -> tuple[bool, set[str]]:
    answer = as_consumer(altinn, "GET", "/resources/delegationcheck", resource=ID).json()
    return answer["result"], {reason["reasonCode"] for reason in answer["reasons"]}


def test_delegation_check_names_the_reasons(altinn: AltinnCaller) -> None:
    altinn.publish()
    assert check(altinn) == (True, {"RoleAccess", "PackageAccess"})
    altinn.sandbox.seed({"altinn": {"held": {CONSUMER: ["urn:altinn:accesspackage:hovedadministrator"]}}})
    assert check(altinn) == (False, {"MissingRoleAccess", "MissingPackageAccess"})


def test_upper_case_subjects_are_delegable(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.upload(ID, sample_bytes("policy-maskinportenschema-equal.xml"))
    assert check(altinn)[0] is True


def test_resource_without_policy_cannot_be_delegated(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    assert check(altinn)[0] is False


def test_resource_that_is_not_delegable(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.replace(ID, {**sample("resource-post-maskinportenschema.json"), "delegable": False})
    assert check(altinn) == (False, {"ResourceNotDelegable"})


def test_all_rights_must_be_delegable(altinn: AltinnCaller) -> None:
    altinn.publish()
    policy = sample_bytes("policy-maskinportenschema.xml")
    start, end = policy.index(b"<xacml:Rule "), policy.index(b"</xacml:Rule>") + len(b"</xacml:Rule>")
    second = policy[start:end].replace(b">scopeaccess<", b">write<")
    for value in (b"apiadm", b"apiadmnuf", b"maskinporten-scopes", b"maskinporten-scopes-nuf"):
        second = second.replace(b">" + value + b"<", b">regna<")
    assert altinn.upload(ID, policy[:end] + second + policy[end:]).status_code == 201
    assert check(altinn) == (False, {"MissingRoleAccess", "MissingPackageAccess"})


@pytest.mark.parametrize(
    ("day", "switch", "expected"),
    [(-1, None, True), (0, None, False), (0, "", True), (0, "2030-01-01", True)],
)
def test_policy_with_only_altinn_2_roles_dies_at_new_year(
    altinn: AltinnCaller, day: int, switch: str | None, expected: bool
) -> None:
    altinn.publish()
    policy = sample_bytes("policy-maskinportenschema.xml")
    roles_only = policy.replace(b'"urn:altinn:accesspackage"', b'"urn:altinn:rolecode"')
    assert altinn.upload(ID, roles_only).status_code == 201
    new_year = datetime(2027, 1, 1, 12, tzinfo=UTC).timestamp()
    if switch is not None:
        altinn.sandbox.switch(altinn2_roles_end=switch)
    altinn.sandbox.clock(offset=new_year + day * 86400 - datetime.now(UTC).timestamp())
    grant: dict[str, Any] = {"party": party(CONSUMER), "resource": ID}
    token = altinn.token_later(SUPPLIERS_WRITE, number=CONSUMER)
    answer = altinn.call("GET", f"{SUPPLIERS}/resources/delegationcheck", token, params=grant)
    assert answer.json()["result"] is expected


def test_policy_change_reaches_the_check_late_when_the_caches_are_on(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    altinn.sandbox.clock(advance=601)
    altinn.sandbox.switch(altinn_cache_seconds=600)
    altinn.upload(ID, sample_bytes("policy-maskinportenschema.xml"), altinn.token_later(WRITE))
    token = altinn.token_later(SUPPLIERS_WRITE, number=CONSUMER)
    grant = {"party": party(CONSUMER), "resource": ID}

    def result() -> bool:
        path = f"{SUPPLIERS}/resources/delegationcheck"
        return bool(altinn.call("GET", path, token, params=grant).json()["result"])

    assert result() is False
    altinn.sandbox.clock(advance=601)
    assert result() is True


# --- what Maskinporten sees ------------------------------------------------------------------------------------


def test_maskinporten_learns_of_a_delegation(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.sandbox.seed(
        {
            "scopes": [
                {
                    "prefix": "demo",
                    "subscope": "orders.read",
                    "description": "x",
                    "delegation_source": altinn.base + "/",
                }
            ],
            "access": [{"scope": SCOPE, "consumers": [CONSUMER]}],
        }
    )
    before = altinn.delegated_token(SCOPE, consumer=CONSUMER, supplier=SUPPLIER)
    assert before.status_code != 200
    assert "MP-251" in before.text
    delegate(altinn)
    after = altinn.delegated_token(SCOPE, consumer=CONSUMER, supplier=SUPPLIER)
    assert after.status_code == 200, after.text
    as_consumer(altinn, "DELETE", "/resources", supplier=SUPPLIER, resource=ID)
    assert altinn.delegated_token(SCOPE, consumer=CONSUMER, supplier=SUPPLIER).status_code != 200
