# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module altinn_resource against the sandbox: what it writes, what it refuses, and with how many requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

Resource = Callable[..., dict[str, Any]]
ID = "testetat-cases-read"
TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}
DEFINITIONS = Path(__file__).parent.parent / "unit" / "data" / "resources"

WHOLE: dict[str, Any] = {
    "identifier": ID,
    "resource_type": "MaskinportenSchema",
    "title": TEXTS,
    "description": TEXTS,
    "right_description": TEXTS,
    "contact_points": [{"category": "Support", "email": "api@testetat.example"}],
    "scopes": ["testetat:cases.read"],
}


@pytest.fixture
def resource(sandbox: SandboxClient) -> Resource:
    """Run the module as the Altinn client of testetat; scopes are not looked at unless a test says so."""

    def run(check: bool = False, provider: str = "testetat", **params: Any) -> dict[str, Any]:
        options = {"scope_check": "off", **sandbox.auth("altinn", provider), **params}
        return run_module("altinn_resource", options, check=check)

    return run


def live(sandbox: SandboxClient, identifier: str = ID) -> dict[str, Any] | None:
    """The newest version of a resource, read from the registry itself."""
    answer = sandbox.http.get(f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{identifier}")
    return dict(answer.json()) if answer.status_code == 200 else None


def versions(sandbox: SandboxClient, identifier: str = ID) -> int:
    """How many versions of a resource the registry keeps."""
    for entry in sandbox.state()["altinn"]["resources"]:
        if entry["versions"][-1]["identifier"] == identifier:
            return len(entry["versions"])
    return 0


def seed(sandbox: SandboxClient, **members: Any) -> dict[str, Any]:
    """A resource of testetat as it may stand in the registry already."""
    body = {
        "identifier": ID,
        "title": TEXTS,
        "description": TEXTS,
        "rightDescription": TEXTS,
        "contactPoints": [{"category": "Support", "email": "api@testetat.example"}],
        "resourceReferences": [
            {
                "referenceSource": "ExternalPlatform",
                "reference": "testetat:cases.read",
                "referenceType": "MaskinportenScope",
            }
        ],
        "hasCompetentAuthority": {"organization": "310001007", "orgcode": "TESTETAT"},
        "resourceType": "MaskinportenSchema",
        **members,
    }
    sandbox.seed({"altinn": {"resources": [body]}})
    sandbox.clear_requests()
    return body


def warned(result: dict[str, Any]) -> list[str]:
    """The warnings as texts; newer cores wrap them."""
    return [str(warning) for warning in result.get("warnings") or ()]


def registry_requests(sandbox: SandboxClient) -> list[str]:
    """Method and end of the path of each request to the registry."""
    return [
        f"{entry['method']} {entry['path'].rpartition('/')[2]}"
        for entry in sandbox.requests(service="altinn")
        if "/resourceregistry/" in entry["path"]
    ]


# -- create, change, leave alone ------------------------------------------------------


def test_a_new_resource_gets_its_owner_from_the_login_and_the_list_of_service_owners(
    sandbox: SandboxClient, resource: Resource
) -> None:
    result = resource(**WHOLE)
    assert not result["failed"], result
    assert result["results"][0]["action"] == "create"
    found = live(sandbox)
    assert found is not None
    assert found["hasCompetentAuthority"] == {
        "organization": "310001007",
        "orgcode": "testetat",
        "name": {
            "en": "Exact Fjord Directorate",
            "nb": "Nøyaktig Fjord Direktorat",
            "nn": "Nøyaktig Fjord Direktorat",
        },
    }
    assert found["resourceReferences"] == [
        {
            "referenceSource": "Altinn3",
            "reference": "testetat:cases.read",
            "referenceType": "MaskinportenScope",
        }
    ]
    assert result["resource"] == found
    assert "policy" in result["results"][0]["message"]
    assert len(sandbox.writes()) == 1


def test_the_second_run_reads_once_and_changes_nothing(sandbox: SandboxClient, resource: Resource) -> None:
    resource(**WHOLE)
    sandbox.clear_requests()
    result = resource(**WHOLE)
    assert not result["changed"]
    assert result["summary"]["none"] == 1
    assert registry_requests(sandbox) == [f"GET {ID}"]
    assert sandbox.writes() == []
    assert versions(sandbox) == 1


def test_check_mode_sends_nothing_but_reads_and_tells_the_plan(
    sandbox: SandboxClient, resource: Resource
) -> None:
    result = resource(check=True, **WHOLE)
    assert result["changed"]
    assert result["summary"]["create"] == 1
    assert "identifier: testetat-cases-read" in result["diff"][0]["after"]
    assert "organization: 310001007" in result["diff"][0]["after"]
    assert sandbox.writes() == []
    assert live(sandbox) is None


def test_a_hundred_unchanged_resources_cost_a_login_and_a_reading_each(
    sandbox: SandboxClient, resource: Resource
) -> None:
    entries = [
        {"identifier": f"testetat-api-{number:03}", "scopes": [f"testetat:api{number:03}"]}
        for number in range(100)
    ]
    shared = {option: value for option, value in WHOLE.items() if option not in ("identifier", "scopes")}
    first = resource(**shared, resources=entries)
    assert first["summary"]["create"] == 100
    sandbox.clear_requests()
    result = resource(**shared, resources=entries)
    assert not result["changed"]
    assert result["summary"]["none"] == 100
    assert len(result["results"]) == 100
    assert result["requests"] == {"token": 2, "read": 101, "write": 0}
    reads = registry_requests(sandbox)
    assert len(reads) == 100
    assert len(set(reads)) == 100
    assert sandbox.writes() == []


def test_a_difference_is_put_once_over_what_is_there(sandbox: SandboxClient, resource: Resource) -> None:
    seed(
        sandbox,
        homepage="https://old.testetat.example",
        spatial=["NO"],
        version="7",
        keywords=[{"word": "sak", "language": "nb"}],
    )
    result = resource(**WHOLE, homepage="https://www.testetat.example")
    assert result["results"][0]["fields"] == ["homepage"]
    found = live(sandbox)
    assert found is not None
    assert found["homepage"] == "https://www.testetat.example"
    assert (found["spatial"], found["version"]) == (["NO"], "7")
    assert found["keywords"] == [{"word": "sak", "language": "nb"}]
    # The shorthand for scopes keeps the source of a reference that is there.
    assert found["resourceReferences"][0]["referenceSource"] == "ExternalPlatform"
    assert versions(sandbox) == 2
    assert "-homepage" not in result["diff"][0]["before"]
    assert "homepage: https://old.testetat.example" in result["diff"][0]["before"]


def test_only_meaning_is_compared(sandbox: SandboxClient, resource: Resource) -> None:
    seed(
        sandbox,
        contactPoints=[{"email": "b@testetat.example"}, {"email": "a@testetat.example"}],
        thematicAreas=["x", "y"],
        isPartOf="",
        delegable=True,
    )
    result = resource(
        **{
            **WHOLE,
            "contact_points": [{"email": "a@testetat.example"}, {"email": "b@testetat.example"}],
            "thematic_areas": ["y", "x"],
            "is_part_of": "",
            "homepage": "",
            "delegable": True,
            "visible": True,
            "access_list_mode": "Disabled",
            "has_competent_authority": {"organization": "310 001 007", "orgcode": "testetat"},
            "authorization_reference": [{"id": "urn:altinn:resource", "value": ID}],
        }
    )
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    assert sandbox.writes() == []


def test_an_option_that_is_given_empty_empties_its_member(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox, homepage="https://old.testetat.example", keywords=[{"word": "sak", "language": "nb"}])
    resource(**WHOLE, homepage="", keywords=[])
    found = live(sandbox)
    assert found is not None
    assert "homepage" not in found
    assert "keywords" not in found


def test_part_of_a_resource_is_changed_only_when_it_is_said_to_be_part(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    refused = resource(identifier=ID, homepage="https://www.testetat.example")
    assert refused["failed"]
    assert "partial: true" in refused["msg"]
    assert sandbox.requests() == []
    result = resource(identifier=ID, homepage="https://www.testetat.example", partial=True)
    assert result["results"][0]["fields"] == ["homepage"]
    found = live(sandbox)
    assert found is not None
    assert found["title"] == TEXTS


def test_part_of_a_resource_that_does_not_exist_is_refused(
    sandbox: SandboxClient, resource: Resource
) -> None:
    result = resource(identifier=ID, homepage="https://www.testetat.example", partial=True)
    assert result["failed"]
    assert "does not exist" in result["msg"]
    assert sandbox.writes() == []


def test_a_list_tries_every_item_and_fails_with_all_verdicts(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox, identifier="fdir-thing", hasCompetentAuthority={"organization": "971203420"})
    shared = {option: value for option, value in WHOLE.items() if option != "identifier"}
    result = resource(
        **shared,
        resources=[
            {"identifier": "testetat-one"},
            {"identifier": "fdir-thing"},
            {"identifier": "testetat-two"},
        ],
    )
    assert result["failed"]
    assert result["changed"]
    assert [entry["action"] for entry in result["results"]] == ["create", "refuse", "create"]
    assert "1 of 3 resources failed" in result["msg"]
    assert live(sandbox, "testetat-two") is not None


# -- owners and prefixes ----------------------------------------------------------------


def test_a_resource_of_someone_else_is_never_overwritten(sandbox: SandboxClient, resource: Resource) -> None:
    before = seed(sandbox, hasCompetentAuthority={"organization": "971203420", "orgcode": "FD"})
    own = {"organization": "310001007", "orgcode": "testetat"}
    for declared in (WHOLE, {**WHOLE, "has_competent_authority": own, "homepage": "https://x.example"}):
        result = resource(**declared)
        assert result["failed"]
        assert "belongs to organisation 971203420 (fd)" in result["msg"]
    assert sandbox.writes() == []
    found = live(sandbox)
    assert found is not None
    assert found["hasCompetentAuthority"]["organization"] == before["hasCompetentAuthority"]["organization"]


def test_a_resource_is_not_made_for_someone_else(sandbox: SandboxClient, resource: Resource) -> None:
    for owner in ({"organization": "971203420"}, {"orgcode": "FD"}):
        result = resource(**{**WHOLE, "has_competent_authority": owner})
        assert result["failed"]
        assert "belongs to organisation 971203420" in result["msg"]
    seed(sandbox)
    result = resource(**{**WHOLE, "has_competent_authority": {"organization": "971203420"}})
    assert result["failed"]
    assert sandbox.writes() == []


def test_an_unknown_owner_code_is_refused_and_a_strange_one_warned_of(
    sandbox: SandboxClient, resource: Resource
) -> None:
    result = resource(**{**WHOLE, "has_competent_authority": {"orgcode": "nobody"}})
    assert result["failed"]
    assert "'nobody' is not in Altinn's list of service owners" in result["msg"]
    assert sandbox.writes() == []
    result = resource(**{**WHOLE, "has_competent_authority": {"organization": "310001007", "orgcode": "FD"}})
    assert not result["failed"]
    assert any("belongs to organisation 971203420" in warning for warning in warned(result))


def test_several_codes_for_one_number_want_a_word(sandbox: SandboxClient, resource: Resource) -> None:
    sandbox.seed({"altinn": {"orgs": {"testetat2": {"orgnr": "310001007", "name": {"nb": "To"}}}}})
    result = resource(**WHOLE)
    assert result["failed"]
    assert "testetat, testetat2" in result["msg"]
    assert not resource(**WHOLE, has_competent_authority={"orgcode": "testetat2"})["failed"]


def test_a_foreign_prefix_is_explained_and_not_taken_for_a_spent_token(
    sandbox: SandboxClient, resource: Resource
) -> None:
    result = resource(**{**WHOLE, "scopes": ["fdir:cases.read", "testetat:cases.read"]})
    assert result["failed"]
    error = result["results"][0]["error"]
    assert (error["status"], error["code"]) == (401, "InvalidPrefix")
    assert error["scopes"] == ["fdir:cases.read"]
    assert "testetat, testetatdigital" in result["msg"]
    assert len(sandbox.requests(method="POST", path="*/resource")) == 1
    # One login: nothing was renewed because of the 401.
    assert result["requests"]["token"] == 2


def test_the_token_of_maskinporten_serves_where_the_registry_takes_it(
    sandbox: SandboxClient, resource: Resource
) -> None:
    refused = resource(**WHOLE, altinn_token_exchange=False)
    assert refused["failed"]
    assert "leave altinn_token_exchange on" in refused["msg"]
    sandbox.switch(altinn_accepts_maskinporten_token=True)
    result = resource(**WHOLE, altinn_token_exchange=False)
    assert not result["failed"], result["msg"]
    assert result["requests"]["token"] == 1


def test_a_login_of_another_organisation_is_refused(sandbox: SandboxClient, resource: Resource) -> None:
    result = resource(**WHOLE, organization_number="971203420")
    assert result["failed"]
    assert sandbox.writes() == []


# -- withdrawal and deletion --------------------------------------------------------------


def test_withdrawal_hides_the_resource_and_can_be_undone(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox, description={})
    refused = resource(identifier=ID, state="withdrawn")
    assert refused["failed"]
    assert "description is missing" in refused["msg"]
    seed(sandbox, homepage="https://www.testetat.example")
    result = resource(identifier=ID, state="withdrawn")
    assert result["results"][0]["action"] == "deactivate"
    found = live(sandbox)
    assert found is not None
    assert (found["delegable"], found["visible"], found["status"]) == (False, False, "Withdrawn")
    assert found["homepage"] == "https://www.testetat.example"
    assert not resource(identifier=ID, state="withdrawn")["changed"]
    again = resource(**WHOLE)
    assert again["results"][0]["action"] == "reactivate"
    found = live(sandbox)
    assert found is not None
    assert (found["delegable"], found["visible"], found["status"]) == (True, True, "Completed")
    assert not resource(**WHOLE)["changed"]
    assert not resource(identifier="testetat-never", state="withdrawn")["changed"]


def test_what_is_said_to_be_withdrawn_stays_so(sandbox: SandboxClient, resource: Resource) -> None:
    withdrawn = {"delegable": False, "visible": False, "status": "Withdrawn"}
    seed(sandbox, **withdrawn)
    assert not resource(**WHOLE, **withdrawn)["changed"]
    assert not resource(**WHOLE, state="withdrawn")["changed"]
    part = resource(identifier=ID, partial=True, homepage="https://www.testetat.example")
    assert part["results"][0]["fields"] == ["homepage"]
    offered = resource(**WHOLE, environment="prod")
    assert offered["failed"]
    assert "opens access" in offered["msg"]
    assert resource(**WHOLE, environment="prod", confirm="prod")["results"][0]["action"] == "reactivate"


def test_deletion_wants_a_second_word_and_says_that_the_identifier_is_burned(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    refused = resource(identifier=ID, state="absent")
    assert refused["failed"]
    assert "burns its identifier" in refused["msg"]
    assert "state: withdrawn" in refused["msg"]
    assert sandbox.writes() == []
    result = resource(identifier=ID, state="absent", allow_delete=True)
    assert result["results"][0]["action"] == "delete"
    assert live(sandbox) is None
    assert not resource(identifier=ID, state="absent", allow_delete=True)["changed"]
    burned = resource(**WHOLE)
    assert burned["failed"]
    assert "can never be used again" in burned["msg"]


def test_production_refuses_deletion_before_it_is_tried(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox)
    result = resource(identifier=ID, state="absent", allow_delete=True, environment="prod", confirm="prod")
    assert result["failed"]
    assert "production never deletes" in result["msg"]
    assert "state: withdrawn" in result["msg"]
    assert sandbox.writes() == []


def test_a_stand_in_that_refuses_to_delete_is_explained(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox)
    sandbox.switch(altinn_environment="PROD")
    result = resource(identifier=ID, state="absent", allow_delete=True)
    assert result["failed"]
    assert "withdraw the resource instead" in result["msg"]


# -- production ---------------------------------------------------------------------------


def test_production_says_that_an_identifier_is_permanent(sandbox: SandboxClient, resource: Resource) -> None:
    result = resource(check=True, **WHOLE, environment="prod")
    assert any("permanent" in warning for warning in warned(result))
    assert "permanent" in result["results"][0]["message"]
    assert warned(resource(check=True, **WHOLE)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"delegable": False},
        {"visible": False},
        {"scopes": ["testetat:other"]},
        {"access_list_mode": "Enabled", "allow_lockout": True},
        {"state": "withdrawn"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_takes_access_away_in_production_wants_a_word(
    sandbox: SandboxClient, resource: Resource, change: dict[str, Any]
) -> None:
    seed(sandbox)
    declared = {**WHOLE, **change, "environment": "prod"}
    result = resource(**declared)
    assert result["failed"]
    assert "confirm: prod" in result["msg"]
    assert sandbox.writes() == []
    assert resource(**declared, confirm="prod")["changed"]


def test_opening_wants_a_word_in_production_too(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox, accessListMode="Enabled")
    result = resource(**WHOLE, access_list_mode="Disabled", environment="prod")
    assert result["failed"]
    assert "opens access" in result["msg"]
    assert not resource(**WHOLE, environment="prod")["changed"]


# -- access list mode -----------------------------------------------------------------------


def test_access_list_mode_is_not_switched_on_while_no_list_is_connected(
    sandbox: SandboxClient, resource: Resource
) -> None:
    new = resource(**WHOLE, access_list_mode="Enabled")
    assert new["failed"]
    assert "locks everybody out" in new["msg"]
    seed(sandbox)
    result = resource(**WHOLE, access_list_mode="Enabled")
    assert result["failed"]
    assert "no access list with members is connected" in result["msg"]
    assert sandbox.writes() == []
    assert resource(**WHOLE, access_list_mode="Enabled", allow_lockout=True)["changed"]


def test_access_list_mode_is_switched_on_when_a_list_with_members_is_connected(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    lists: list[dict[str, Any]] = [
        {
            "owner": "testetat",
            "identifier": f"list-{number:02}",
            "name": "En",
            "members": [],
            "connections": [],
        }
        for number in range(25)
    ]
    # On the second page.
    lists[-1]["connections"] = [ID]
    sandbox.seed({"altinn": {"access_lists": lists}})
    result = resource(**WHOLE, access_list_mode="Enabled")
    assert result["failed"]
    assert "no access list with members is connected" in result["msg"]
    lists[-1]["members"] = ["310002100"]
    sandbox.seed({"altinn": {"access_lists": lists}})
    result = resource(**WHOLE, access_list_mode="Enabled")
    assert not result["failed"], result["msg"]
    found = live(sandbox)
    assert found is not None
    assert found["accessListMode"] == "Enabled"


def test_access_list_mode_is_not_switched_on_when_the_lists_cannot_be_seen(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    sandbox.fault(route="GET */access-lists/*", kind="status", status=403, times=None)
    result = resource(**WHOLE, access_list_mode="Enabled")
    assert result["failed"]
    assert "could not be seen" in result["msg"]
    assert sandbox.writes() == []


# -- scopes -----------------------------------------------------------------------------------


def declare_scopes(sandbox: SandboxClient, **members: dict[str, Any]) -> None:
    for subscope, settings in members.items():
        sandbox.seed(
            {
                "scopes": [
                    {
                        "prefix": "testetat",
                        "subscope": subscope,
                        "description": subscope,
                        "owner_orgno": "310001007",
                        **settings,
                    }
                ]
            }
        )


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    return {entry["scope"]: entry["verdict"] for entry in result["results"][0]["scopes"]}


def test_scopes_are_looked_up_with_one_list_by_the_administration_client(
    sandbox: SandboxClient, resource: Resource
) -> None:
    source = sandbox.http.get(f"{sandbox.urls['self_service']}/api/v1/delegationsources").json()
    altinn = next(entry["issuer"] for entry in source if entry["name"] == "altinn")
    declare_scopes(
        sandbox,
        good={"delegation_source": altinn, "visibility": "PRIVATE"},
        lone={"visibility": "PRIVATE"},
        dead={"delegation_source": altinn, "active": False},
    )
    administration = {
        name: value
        for name, value in sandbox.auth("administration").items()
        if name in ("client_id", "private_key_path", "key_id", "certificate_chain_path")
    }
    sandbox.clear_requests()
    scopes = ["testetat:good", "testetat:lone", "testetat:dead", "testetat:none"]
    declared = {**WHOLE, "scopes": scopes, "administration": administration}
    result = resource(**{**declared, "scope_check": "warn"}, check=True)
    assert verdicts(result) == {
        "testetat:good": "ok",
        "testetat:lone": "not_delegable",
        "testetat:dead": "inactive",
        "testetat:none": "missing",
    }
    assert len(warned(result)) == 3
    listed = [
        entry for entry in sandbox.requests(service="self_service") if entry["path"].endswith("/scopes")
    ]
    assert len(listed) == 1
    # A plan supposes what the task before it would have mended.
    assert any("scope testetat:none does not exist yet; the plan supposes" in text for text in warned(result))
    assert any("scope testetat:dead is deactivated" in text for text in warned(result))
    assert not resource(**{**declared, "scope_check": "enforce"}, check=True)["failed"]
    foreign = {**declared, "scopes": ["fdir:theirs"], "scope_check": "enforce"}
    assert "prefix 'fdir' is not ours" in resource(**foreign, check=True)["msg"]
    refused = resource(**{**declared, "scope_check": "enforce"})
    assert refused["failed"]
    assert "testetat:dead: is deactivated" in refused["msg"]
    assert sandbox.writes() == []
    enforced = resource(**{**declared, "scope_check": "enforce", "scopes": ["testetat:good"]})
    assert not enforced["failed"], enforced
    undelegable = resource(
        **{
            **declared,
            "identifier": "testetat-closed",
            "scope_check": "enforce",
            "scopes": ["testetat:lone"],
        },
        delegable=False,
    )
    assert not undelegable["failed"], undelegable


def test_without_an_administration_client_what_is_not_public_is_said_as_not_seen(
    sandbox: SandboxClient, resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("MASKINPORTEN_CLIENT_ID", "MASKINPORTEN_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    declare_scopes(sandbox, hidden={"visibility": "PRIVATE"}, open={"visibility": "PUBLIC"})
    scopes = ["testetat:hidden", "testetat:open", "fdir:theirs"]
    result = resource(**{**WHOLE, "scopes": scopes, "scope_check": "warn"}, check=True)
    assert verdicts(result) == {
        "testetat:hidden": "not_seen",
        "testetat:open": "not_delegable",
        "fdir:theirs": "foreign",
    }
    assert "testetat:hidden: not seen" in result["results"][0]["message"]
    assert len(warned(result)) == 2
    assert len([entry for entry in sandbox.requests() if entry["path"].endswith("/scopes/all")]) == 1
    refused = resource(**{**WHOLE, "scopes": ["testetat:hidden"], "scope_check": "enforce"})
    assert refused["failed"]
    assert "administration" in refused["msg"]


def test_scopes_are_not_looked_at_when_nothing_is_written(sandbox: SandboxClient, resource: Resource) -> None:
    seed(sandbox)
    result = resource(**{**WHOLE, "scope_check": "enforce"})
    assert not result["failed"]
    assert sandbox.requests(service="self_service") == []


def test_an_unquoted_off_means_off(sandbox: SandboxClient, resource: Resource) -> None:
    # YAML reads a bare off as false.
    result = resource(
        **WHOLE, resources=[{"identifier": ID}, {"identifier": f"{ID}-2", "scope_check": False}]
    )
    assert not result["failed"], result["msg"]
    assert not resource(**{**WHOLE, "identifier": f"{ID}-3", "scope_check": False})["failed"]
    assert sandbox.requests(service="self_service") == []


def test_a_scope_that_is_added_tells_what_delegations_come_to_cover(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    result = resource(check=True, **{**WHOLE, "scopes": ["testetat:cases.read", "testetat:cases.write"]})
    assert (
        "delegations that were made already will cover testetat:cases.write too"
        in result["results"][0]["message"]
    )


# -- answers that are lost, and awkward ones --------------------------------------------------


LOST = {
    "answer lost": ({"kind": "reset", "handled": True}, 1),
    "answer cut": ({"kind": "truncated"}, 1),
    "request lost": ({"kind": "reset"}, 2),
    "gateway": ({"kind": "html", "status": 502}, 2),
    "fault of the server": ({"kind": "status", "status": 500}, 2),
    "too busy": ({"kind": "too_many_requests", "retry_after": 0}, 2),
}


@pytest.mark.parametrize(("fault", "sent"), LOST.values(), ids=LOST)
def test_a_lost_answer_to_a_create_is_settled_by_reading(
    sandbox: SandboxClient, resource: Resource, fault: dict[str, Any], sent: int
) -> None:
    sandbox.fault(route="POST /altinn/resourceregistry/api/v1/resource", **fault)
    result = resource(**WHOLE)
    assert not result["failed"], result["msg"]
    assert result["results"][0]["action"] == "create"
    assert len(sandbox.writes()) == sent
    assert versions(sandbox) == 1


@pytest.mark.parametrize(("fault", "sent"), LOST.values(), ids=LOST)
def test_a_lost_answer_to_a_change_is_settled_by_reading(
    sandbox: SandboxClient, resource: Resource, fault: dict[str, Any], sent: int
) -> None:
    seed(sandbox)
    sandbox.fault(route=f"PUT /altinn/resourceregistry/api/v1/resource/{ID}", **fault)
    result = resource(**WHOLE, homepage="https://www.testetat.example")
    assert not result["failed"], result["msg"]
    assert len(sandbox.writes()) == sent
    assert versions(sandbox) == 2


def test_a_registry_that_stays_down_fails_the_item_in_one_sentence(
    sandbox: SandboxClient, resource: Resource
) -> None:
    sandbox.fault(
        route="POST /altinn/resourceregistry/api/v1/resource", kind="status", status=500, times=None
    )
    result = resource(**WHOLE)
    assert result["failed"]
    assert result["results"][0]["error"]["status"] == 500
    assert "answered 500 — no text" in result["msg"]
    assert "exception" not in result


def test_someone_who_was_faster_is_met_by_reading_and_comparing(
    sandbox: SandboxClient, resource: Resource
) -> None:
    seed(sandbox)
    hidden = {"route": f"GET /altinn/resourceregistry/api/v1/resource/{ID}", "kind": "status", "status": 404}
    sandbox.fault(**hidden)
    slower = resource(**WHOLE)
    assert not slower["failed"], slower["msg"]
    assert [entry["status"] for entry in sandbox.writes()] == [409, 200]
    sandbox.clear_requests()
    sandbox.fault(**hidden)
    assert not resource(**WHOLE)["failed"]
    assert [entry["status"] for entry in sandbox.writes()] == [409]
    seed(sandbox, hasCompetentAuthority={"organization": "971203420"})
    sandbox.fault(**hidden)
    foreign = resource(**WHOLE)
    assert foreign["failed"]
    assert "belongs to organisation 971203420" in foreign["msg"]
    assert versions(sandbox) == 1


def test_a_token_that_expires_on_the_way_is_renewed_once(sandbox: SandboxClient, resource: Resource) -> None:
    sandbox.fault(route="POST /altinn/resourceregistry/api/v1/resource", kind="expired_token")
    result = resource(**WHOLE)
    assert not result["failed"], result["msg"]
    assert [entry["status"] for entry in sandbox.writes()] == [401, 201]
    assert result["requests"]["token"] > 2


def test_an_app_of_the_app_store_becomes_a_resource(sandbox: SandboxClient, resource: Resource) -> None:
    identifier = "app_testetat_form"
    app = {
        "identifier": identifier,
        "title": TEXTS,
        "resourceType": "AltinnApp",
        "hasCompetentAuthority": {"organization": "310001007", "orgcode": "testetat"},
        "resourceReferences": [
            {"referenceSource": "Altinn3", "reference": "testetat/form", "referenceType": "ApplicationId"}
        ],
    }
    declared = {
        "definition": {**app, "description": TEXTS, "rightDescription": TEXTS, "contactPoints": []},
    }
    sandbox.seed({"altinn": {"apps": [app]}})
    result = resource(**declared)
    assert not result["failed"], result["msg"]
    assert versions(sandbox, identifier) == 1
    assert not resource(**declared)["changed"]
    sandbox.reset()
    sandbox.seed({"altinn": {"apps": [app], "burned": [identifier]}})
    burned = resource(**declared)
    assert burned["failed"]
    assert "can never be used again" in burned["msg"]


def test_nothing_declared_costs_nothing(sandbox: SandboxClient, resource: Resource) -> None:
    result = resource(resources=[])
    assert not result["changed"]
    assert result["results"] == []
    assert sandbox.requests() == []


def test_one_that_cannot_be_read_fails_alone(sandbox: SandboxClient, resource: Resource) -> None:
    sandbox.fault(
        route=f"GET /altinn/resourceregistry/api/v1/resource/{ID}", kind="status", status=400, times=None
    )
    shared = {option: value for option, value in WHOLE.items() if option != "identifier"}
    result = resource(**shared, resources=[{"identifier": ID}, {"identifier": "testetat-two"}])
    assert result["failed"]
    assert [entry["action"] for entry in result["results"]] == ["refuse", "create"]


# -- the documents --------------------------------------------------------------------------------


def test_the_aquaculture_example_goes_in_as_it_stands(sandbox: SandboxClient, resource: Resource) -> None:
    path = str(DEFINITIONS / "aquaculture-portal.json")
    result = resource(provider="fdir", path=path)
    assert not result["failed"], result["msg"]
    assert [warning for warning in warned(result) if "limitedByRRR" in warning]
    assert len(warned(result)) == 1
    found = live(sandbox, "maskinportenschema-aquaportalapi-write")
    assert found is not None
    assert found["hasCompetentAuthority"]["orgcode"] == "FD"
    assert not resource(provider="fdir", path=path)["changed"]
    text = (DEFINITIONS / "aquaculture-portal.json").read_text(encoding="utf-8")
    assert not resource(provider="fdir", definition=text)["changed"]
    assert not resource(provider="fdir", definition=json.loads(text))["changed"]


def test_the_population_register_example_says_exactly_what_is_missing(
    sandbox: SandboxClient, resource: Resource
) -> None:
    path = str(DEFINITIONS / "population-register.json")
    result = resource(provider="skatteetaten", path=path)
    assert result["failed"]
    assert [problem["problem"].split(" ")[0] for problem in result["problems"]] == [
        "description",
        "contact_points",
    ]
    ignored = {
        "validFrom",
        "validTo",
        "isPublicService",
        "thematicArea",
        "isComplete",
        "sector",
        "mainLanguage",
    }
    named = {name for name in ignored for warning in warned(result) if f"'{name}'" in warning}
    assert named == ignored
    assert len(warned(result)) == len(ignored)
    assert sandbox.requests() == []
    completed = resource(
        provider="skatteetaten", path=path, description=TEXTS, contact_points=[{"email": "x@skatt.example"}]
    )
    assert not completed["failed"], completed["msg"]
    found = live(sandbox, "skd-maskinportenschemaid-8")
    assert found is not None
    assert len(found["resourceReferences"]) == 4


def test_the_population_register_example_that_is_served_already_is_left_alone(
    sandbox: SandboxClient, resource: Resource
) -> None:
    path = DEFINITIONS / "population-register.json"
    body = json.loads(path.read_text(encoding="utf-8"))
    sandbox.seed({"altinn": {"resources": [body]}})
    sandbox.clear_requests()
    result = resource(provider="skatteetaten", path=str(path), partial=True)
    assert not result["failed"], result
    assert not result["changed"]
    assert sandbox.writes() == []
    touched = resource(
        provider="skatteetaten", path=str(path), partial=True, homepage="https://www.skatteetaten.no"
    )
    assert touched["failed"]
    assert "description is missing" in touched["msg"]
    assert sandbox.writes() == []


def test_the_oldest_form_is_converted_and_says_what_it_lacks(
    sandbox: SandboxClient, resource: Resource
) -> None:
    path = str(DEFINITIONS / "list-form.json")
    result = resource(path=path)
    assert result["failed"]
    assert {problem["problem"].split(" ")[0] for problem in result["problems"]} == {
        "resource_type",
        "title.nn",
        "description.nn",
        "right_description",
    }
    nn = {"nn": "Samordna registermelding"}
    completed = resource(
        path=path,
        resource_type="GenericAccessResource",
        available_for_type=["LegalEntityEnterprise"],
        title=nn,
        description=nn,
        right_description=TEXTS,
        has_competent_authority={"organization": "310001007", "orgcode": "testetat"},
    )
    assert not completed["failed"], completed["msg"]
    found = live(sandbox, "brg_samordnet_registermelding")
    assert found is not None
    assert found["title"] == {
        "nb": "Samordnet registermelding",
        "en": "Coordinated register notification",
        **nn,
    }
    assert [entry["word"] for entry in found["keywords"]] == [
        "Selskapsregistrering",
        "Firmaattest",
        "Organisasjonsnummer",
    ]
    assert found["contactPoints"] == [{"email": "online@digdir.no", "telephone": "1231324"}]
