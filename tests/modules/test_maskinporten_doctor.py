# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""maskinporten_doctor: the chain, link by link, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.doctor_patients import (
    CONSUMER,
    PACKAGE,
    RESOURCE,
    ROLE,
    SCOPE,
    SUB_UNIT,
    SUPPLIER,
    doctor,
    policy,
    seed_whole,
    states,
)
from tests.sandbox_grants import request_token

GRANT = f"grant -e target=sandbox -e scope={SCOPE} -e consumers={CONSUMER}"
WHOLE = {"scope": SCOPE, "organization": CONSUMER, "supplier": SUPPLIER}


def test_a_whole_chain_is_healthy_and_nothing_is_written(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    result = doctor(sandbox, **WHOLE)
    assert result["healthy"], result["report"]
    assert result["first_broken"] is None
    assert result["traps"] == []
    assert states(result) == {
        "connection": "ok",
        "clock": "ok",
        "login": "ok",
        "organization": "ok",
        "supplier": "ok",
        "scope": "ok",
        "active": "ok",
        "integration_type": "ok",
        "openness": "ok",
        "visibility": "ok",
        "access": "ok",
        "delegation_source": "ok",
        "resource": "ok",
        "policy": "ok",
        "policy_2027": "ok",
        "access_list": "ok",
        "delegation": "ok",
        "supplier_client": "unseen",
    }
    assert sandbox.writes() == []
    # What the doctor calls whole, Maskinporten gives a token for.
    answer = request_token(
        sandbox, sandbox.credentials("client", "supplier"), scope=SCOPE, consumer_org=CONSUMER
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("broken", "link", "message", "command"),
    [
        ({"scope": {"active": False}}, "active", "deactivated", "onboard"),
        ({"scope": {"allowed_integration_types": ["idporten"]}}, "integration_type", "MP-201", "onboard"),
        ({"access": []}, "access", "has never been granted access", GRANT),
        ({"scope": {"delegation_source": None}}, "delegation_source", "none, so no consumer", "onboard"),
        ({"of_resource": {}}, "resource", "no resource refers to the scope", "onboard"),
        ({"policy_text": None}, "policy", "has none", "onboard"),
        ({"of_resource": {"delegable": False}}, "resource", "delegable false", "onboard"),
        ({"of_resource": {"visible": False}}, "resource", "visible false", "onboard"),
        ({"of_resource": {"resourceType": "GenericAccessResource"}}, "resource", "only a MaskinportenSchema", "onboard"),
        ({"policy_text": policy(PACKAGE, action="read")}, "policy", "lets nobody delegate", "onboard"),
        ({"policy_text": policy(ROLE)}, "policy_2027", "2027-01-01", f"policy_migrate -e target=sandbox -e resource={RESOURCE}"),
        ({"delegated": False}, "delegation", "has not delegated", "delegations"),
    ],
)  # fmt: skip
def test_the_first_broken_link_comes_with_what_mends_it(
    sandbox: SandboxClient, broken: dict[str, Any], link: str, message: str, command: str
) -> None:
    seed_whole(sandbox, **broken)
    result = doctor(sandbox, **WHOLE)
    assert not result["healthy"]
    first = result["first_broken"]
    assert first["link"] == link, result["report"]
    assert message in first["message"]
    assert first["remedy"]
    assert command in first["command"]
    assert first["command"].startswith("ansible-playbook tilbyder.maskinporten.")
    assert result["report"].splitlines()[2] == f"First broken link: {first['title'].lower()}"


def test_a_resource_that_does_not_refer_to_the_scope_is_missed(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, of_resource={"resourceReferences": [
        {"referenceSource": "ExternalPlatform", "referenceType": "MaskinportenScope", "reference": "testetat:other"}
    ]})  # fmt: skip
    assert doctor(sandbox, **WHOLE)["first_broken"]["message"].startswith("no resource refers to the scope")


def test_roles_beside_packages_are_a_warning(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, policy_text=policy(ROLE, "urn:altinn:accesspackage:maskinporten-scopes-nuf"))
    result = doctor(sandbox, **WHOLE)
    assert result["healthy"]
    assert states(result)["policy_2027"] == "warning"


def test_a_policy_that_cannot_be_read_is_told(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    sandbox.fault(route=f"GET */resource/{RESOURCE}/policy", kind="status", status=200, body="<not-xacml/>")
    result = doctor(sandbox, **WHOLE)
    assert result["first_broken"]["link"] == "policy"
    assert "cannot be read" in result["first_broken"]["message"]


# --- access --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "message"), [("REQUESTED", "has asked for access"), ("DENIED", "was taken away")]
)
def test_only_approved_is_access(sandbox: SandboxClient, state: str, message: str) -> None:
    seed_whole(sandbox, access=[])
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [CONSUMER], "state": state}]})
    result = doctor(sandbox, **WHOLE)
    assert result["first_broken"]["link"] == "access"
    assert message in result["first_broken"]["message"]


def test_a_sub_unit_is_led_to_its_main_unit(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    result = doctor(sandbox, scope=SCOPE, organization=SUB_UNIT)
    assert states(result)["organization"] == "warning"
    assert result["first_broken"]["link"] == "access"
    assert f"its main unit {CONSUMER} has access" in result["first_broken"]["message"]


def test_access_that_went_to_the_supplier_is_told(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, access=[SUPPLIER])
    first = doctor(sandbox, **WHOLE)["first_broken"]
    assert f"the supplier {SUPPLIER} has access, but it is the consumer that needs it" in first["message"]


def test_a_dissolved_organisation_is_told(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, access=["310006661"])
    result = doctor(sandbox, scope=SCOPE, organization="310006661")
    finding = next(finding for finding in result["findings"] if finding["link"] == "organization")
    assert finding["state"] == "warning"
    assert "dissolved since 2026-02-28" in finding["message"]


# --- without a supplier ----------------------------------------------------------------------------------------------


def test_what_only_matters_for_delegation_is_a_warning_without_a_supplier(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, policy_text=policy(PACKAGE, action="read"), of_resource={"visible": False})
    result = doctor(sandbox, scope=SCOPE, organization=CONSUMER)
    assert result["healthy"]
    found = states(result)
    assert (found["resource"], found["policy"]) == ("warning", "warning")
    assert "delegation" not in found


def test_a_scope_alone_is_looked_at_as_a_whole(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, policy_text=policy(ROLE))
    result = doctor(sandbox, scope=SCOPE)
    assert "access" not in states(result)
    assert result["first_broken"]["link"] == "policy_2027"


# --- access lists ----------------------------------------------------------------------------------------------------


def enforced(*members: str, actions: list[str] | None = None) -> dict[str, Any]:
    connection = {"resource": RESOURCE, **({"action_filters": actions} if actions else {})}
    return {
        "of_resource": {"accessListMode": "Enabled"},
        "access_lists": [
            {
                "owner": "testetat",
                "identifier": "approved",
                "members": list(members),
                "connections": [connection],
            }
        ],
    }


@pytest.mark.parametrize(
    ("patient", "state", "message"),
    [
        (enforced(CONSUMER), "ok", "is a member of approved"),
        (enforced(SUPPLIER), "broken", f"and {CONSUMER} is not one"),
        (enforced(), "broken", "everybody is locked out"),
        (enforced(CONSUMER, actions=["read"]), "broken", "counts for read alone"),
        (enforced(CONSUMER, actions=["scopeaccess"]), "ok", "is a member"),
    ],
)
def test_an_enforced_list_is_looked_into(
    sandbox: SandboxClient, patient: dict[str, Any], state: str, message: str
) -> None:
    seed_whole(sandbox, **patient)
    result = doctor(sandbox, **WHOLE)
    finding = next(finding for finding in result["findings"] if finding["link"] == "access_list")
    assert finding["state"] == state
    assert message in finding["message"]


# --- delegation ------------------------------------------------------------------------------------------------------


def test_a_delegation_from_a_sub_unit_is_found(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, delegations=[{"consumer": SUB_UNIT, "supplier": SUPPLIER, "resource": RESOURCE}])
    first = doctor(sandbox, **WHOLE)["first_broken"]
    assert first["link"] == "delegation"
    assert f"there is a delegation from {SUB_UNIT}, another unit of {CONSUMER}" in first["message"]


def test_a_delegation_to_another_supplier_is_found(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, delegations=[{"consumer": CONSUMER, "supplier": "312345676", "resource": RESOURCE}])
    assert "it has delegated to 312345676" in doctor(sandbox, **WHOLE)["first_broken"]["message"]


def test_a_missing_delegation_comes_with_letters_to_send(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, delegated=False)
    result = doctor(sandbox, **WHOLE)
    assert set(result["letters"]) == {"nb", "en"}
    for letter in result["letters"].values():
        assert SCOPE in letter
        assert "310002100 STILLE BRE AS" in letter
        assert "310004774 TRYGG MOSE SYSTEM AS" in letter
    assert "tt02.altinn.no" in result["report"]


def test_nobody_is_asked_to_delegate_what_is_not_ready(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, delegated=False, of_resource={"delegable": False})
    assert doctor(sandbox, **WHOLE)["letters"] == {}


# --- what cannot be seen -----------------------------------------------------------------------------------------------


def test_without_the_administration_client_only_what_is_open_is_seen(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    result = doctor(sandbox, **WHOLE, administration=None)
    found = states(result)
    assert (found["login"], found["scope"], found["access"]) == ("unseen", "ok", "unseen")
    assert found["delegation"] == "ok"
    assert result["healthy"]


def test_without_the_altinn_client_lists_and_delegations_are_not_seen(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, **enforced(CONSUMER))
    result = doctor(sandbox, **WHOLE, client_id=None, private_key_path=None, key_id=None)
    found = states(result)
    assert (found["access"], found["policy"]) == ("ok", "ok")
    assert (found["access_list"], found["delegation"]) == ("unseen", "unseen")


def test_a_private_scope_of_others_cannot_be_seen(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, scope={"visibility": "PRIVATE"})
    result = doctor(sandbox, **WHOLE, administration=None)
    assert states(result)["scope"] == "unseen"


def test_one_service_that_fails_leaves_the_others(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    sandbox.fault(route="GET */resource/resourcelist*", kind="html", times=None)
    result = doctor(sandbox, **WHOLE)
    found = states(result)
    assert found["resource"] == "unseen"
    assert (found["access"], found["delegation"]) == ("ok", "ok")


def test_an_organisation_alone_is_told_with_what_it_holds(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    sandbox.seed(
        {
            "scopes": [{"prefix": "testetat", "subscope": "old", "description": "x"}],
            "access": [{"scope": "testetat:old", "consumers": [CONSUMER], "state": "DENIED"}],
        }
    )
    result = doctor(sandbox, organization=CONSUMER)
    finding = next(finding for finding in result["findings"] if finding["link"] == "holdings")
    assert finding["message"] == f"has access to {SCOPE}; no longer has access to testetat:old"
    assert states(result)["organization"] == "ok"
    nobody = doctor(sandbox, organization="312345676")
    assert "no access to any scope" in str(nobody["findings"])


def test_nothing_to_look_at_is_said(sandbox: SandboxClient) -> None:
    result = doctor(sandbox)
    assert result["failed"]
    assert "Nothing to look at" in result["msg"]
    assert sandbox.requests() == []


def test_an_error_alone_is_explained_without_a_request(sandbox: SandboxClient) -> None:
    result = doctor(sandbox, error="what is MP-110?", administration=None)
    assert [cause["code"] for cause in result["causes"]] == ["MP-110"]
    assert sandbox.requests() == []
    assert "another audience" in result["report"]


def test_an_unknown_error_leads_to_support(sandbox: SandboxClient) -> None:
    result = doctor(sandbox, error="Strange things (trace_id: 7b1d0f4ea2c94b3f8d5e6a7c90b1c2d3)")
    assert result["causes"] == []
    assert "7b1d0f4ea2c94b3f8d5e6a7c90b1c2d3" in result["findings"][-1]["remedy"]


def test_a_token_in_a_pasted_error_is_shown_nowhere(sandbox: SandboxClient) -> None:
    token = sandbox.token("administration", "idporten:scopes.write")
    result = doctor(sandbox, error=f"401 from api.samarbeid.digdir.no with Authorization: Bearer {token}")
    assert result["causes"]
    assert token.split(".")[1] not in str(result)


def test_the_host_of_the_inventory_stands_in_the_commands(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, access=[])
    assert "-e target=our-test" in doctor(sandbox, **WHOLE, target="our-test")["first_broken"]["command"]
