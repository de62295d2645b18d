# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-service: scopes, their life cycle, and the supporting look-ups."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.sandbox_self_service import SelfService, refused

OWNER = "310001007"
NEW = {"prefix": "testetat", "subscope": "cases.read", "description": "Read cases"}
NAME = "testetat:cases.read"

FULL = {
    "prefix": "testetat",
    "subscope": "inspection/report.read",
    "name": "testetat:inspection/report.read",
    "description": "Lese tilsynsrapporter",
    "long_description": "Gir lesetilgang.\nKrever avtale.",
    "description#nn": "Lese tilsynsrapportar",
    "description#en": "Read inspection reports",
    "description#se": "Loga",
    "long_description#en": "Read access.",
    "long_description#nn": "Gjev lesetilgang.",
    "long_description#se": "Loga.",
    "active": True,
    "allowed_integration_types": ["maskinporten", "api_klient"],
    "token_type": "OPAQUE",
    "visibility": "PRIVATE",
    "requires_user_consent": True,
    "requires_user_authentication": True,
    "requires_pseudonymous_tokens": True,
    "at_max_age": 30,
    "authorization_max_lifetime": 60,
    "accessible_for_all": True,
    "enforced_aud_for_access_token": "https://api.example/inspection",
    "supports_european_businesses": True,
}


@pytest.fixture
def api(sandbox: SandboxClient) -> SelfService:
    return SelfService(sandbox)


@pytest.fixture
def scope(api: SelfService) -> dict[str, Any]:
    created: dict[str, Any] = api.ok("POST", "/scopes", NEW)
    return created


# --- who may ask ---------------------------------------------------------------------------------------------------


def test_no_or_bad_token(sandbox: SandboxClient) -> None:
    anonymous = SelfService(sandbox, scope="")
    refused(anonymous("GET", "/scopes"), 401, "Unauthorized")
    for header in ("Bearer x.y.z", "Bearer", "Basic abc"):
        answer = sandbox.http.get(
            f"{sandbox.urls['self_service']}/api/v1/scopes", headers={"Authorization": header}
        )
        refused(answer, 401, "Unauthorized")


def test_token_lives_two_minutes(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    sandbox.clock(advance=125)
    assert api("GET", "/scopes").status_code == 200
    sandbox.clock(advance=10)
    refused(api("GET", "/scopes"), 401, "Unauthorized")


def test_token_of_another_environment(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    token = sandbox.token("administration", "idporten:scopes.write")
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{signature[:-6]}AAAAAA"
    url = f"{sandbox.urls['self_service']}/api/v1/scopes"
    refused(sandbox.http.get(url, headers={"Authorization": f"Bearer {forged}"}), 401)


def test_oauth_scopes_decide(sandbox: SandboxClient) -> None:
    reader = SelfService(sandbox, "idporten:scopes.read")
    refused(reader("POST", "/scopes", NEW), 403, "The token lacks idporten:scopes.write")
    stranger = SelfService(sandbox, "idporten:dcr.write")
    refused(stranger("GET", "/scopes"), 403, "lacks")
    refused(stranger("GET", "/prefix"), 403, "lacks")


def test_write_implies_read_unless_switched(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    writer = SelfService(sandbox, "idporten:scopes.write")
    assert writer("GET", "/scopes/scope", scope=NAME).status_code == 200
    sandbox.switch(write_implies_read=False)
    for path in ("/scopes/scope", "/scopes/access", "/scopes/access/all"):
        refused(writer("GET", path, scope=NAME), 403, "idporten:scopes.read")
    assert writer("GET", "/scopes").status_code == 200
    assert SelfService(sandbox, "idporten:scopes.read")("GET", "/scopes/scope", scope=NAME).status_code == 200


def test_unsigned_terms(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.switch(terms_signed=False)
    refused(api("GET", "/scopes"), 428, "PRECONDITION_REQUIRED")
    assert api.ok("GET", "/auth/user")["has_consented"] is False
    sandbox.switch(terms_signed=True)
    sandbox.seed({"organizations": [{"orgnr": OWNER, "terms_signed": False}]})
    refused(api("POST", "/scopes", NEW), 428, "PRECONDITION_REQUIRED")
    assert SelfService(sandbox, provider="fdir")("GET", "/prefix").status_code == 200


# --- creating ------------------------------------------------------------------------------------------------------


def test_create_fills_in_the_defaults(api: SelfService) -> None:
    created = api.ok("POST", "/scopes", NEW)
    assert re.fullmatch(r".*\.\d{3}Z", created.pop("created"))
    assert re.fullmatch(r".*\.\d{3}Z", created.pop("last_updated"))
    assert created == {
        "prefix": "testetat",
        "subscope": "cases.read",
        "name": NAME,
        "description": "Read cases",
        "active": True,
        "allowed_integration_types": [],
        "owner_orgno": OWNER,
        "token_type": "SELF_CONTAINED",
        "visibility": "PUBLIC",
        "requires_user_consent": False,
        "requires_user_authentication": False,
        "requires_pseudonymous_tokens": False,
        "at_max_age": 0,
        "authorization_max_lifetime": 0,
        "accessible_for_all": False,
        "protected": False,
        "supports_european_businesses": False,
    }
    assert api.ok("GET", "/scopes/scope", scope=NAME)["name"] == NAME


def test_every_field_can_be_set(sandbox: SandboxClient, api: SelfService) -> None:
    sent = {**FULL, "delegation_source": f"{sandbox.urls['altinn']}/"}
    created = api.ok("POST", "/scopes", sent)
    assert {name: created[name] for name in sent} == sent
    assert api.ok("GET", "/scopes/scope", scope=FULL["name"]) == created


def test_empty_texts_are_left_out_of_answers(api: SelfService) -> None:
    created = api.ok(
        "POST",
        "/scopes",
        {**NEW, "name": "", "long_description": "", "delegation_source": None, "description#en": ""},
    )
    assert {"long_description", "delegation_source", "description#en"}.isdisjoint(created)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prefix": ""}, "prefix"),
        ({"subscope": None}, "subscope"),
        ({"subscope": "Cases"}, "subscope"),
        ({"subscope": "a b"}, "subscope"),
        ({"subscope": "a//b"}, "subscope"),
        ({"subscope": "/a"}, "subscope"),
        ({"subscope": "a."}, "subscope"),
        ({"name": "testetat:other"}, "name"),
        ({"description": None}, "description"),
        ({"description": "  "}, "description"),
        ({"description": "x" * 256}, "description"),
        ({"description#en": "x" * 256}, "description#en"),
        ({"long_description": "x" * 1024}, "long_description"),
        ({"long_description": 7}, "long_description"),
        ({"active": "yes"}, "active"),
        ({"accessible_for_all": "true"}, "accessible_for_all"),
        ({"at_max_age": -1}, "at_max_age"),
        ({"at_max_age": "30"}, "at_max_age"),
        ({"authorization_max_lifetime": 1.5}, "authorization_max_lifetime"),
        ({"token_type": "JWT"}, "token_type"),
        ({"visibility": "SECRET"}, "visibility"),
        ({"allowed_integration_types": ["maskinport"]}, "allowed_integration_types"),
        ({"allowed_integration_types": "maskinporten"}, "allowed_integration_types"),
        ({"delegation_source": "https://www.altinn.no/"}, "delegation_source"),
    ],
)
def test_validation_names_the_field(api: SelfService, change: dict[str, Any], field: str) -> None:
    refused(api("POST", "/scopes", {**NEW, **change}), 400, field.split("#")[0], field=field)


def test_validation_reports_all_fields_at_once(api: SelfService) -> None:
    body = refused(api("POST", "/scopes", {"prefix": "testetat"}), 400, field="subscope")
    assert [error["fieldIdentifier"] for error in body["errors"]] == ["subscope", "description"]


@pytest.mark.parametrize(
    "subscope", ["a", "cases.read", "a/b/v2", "a:b/c.read", "æøå-1_2.write", "fiske/kvote.read"]
)
def test_subscopes_that_are_accepted(api: SelfService, subscope: str) -> None:
    assert api.ok("POST", "/scopes", {**NEW, "subscope": subscope})["name"] == f"testetat:{subscope}"


def test_body_must_be_a_json_object(sandbox: SandboxClient) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token('administration', 'idporten:scopes.write')}"}
    url = f"{sandbox.urls['self_service']}/api/v1/scopes"
    for content in (b"", b"{", b"[]", b"\xff"):
        refused(sandbox.http.post(url, content=content, headers=headers), 400)


def test_prefix_must_be_ours(sandbox: SandboxClient, api: SelfService) -> None:
    for prefix in ("fdir", "nobody", "utgaatt"):
        refused(api("POST", "/scopes", {**NEW, "prefix": prefix}), 403, prefix)
    sandbox.switch(foreign_prefix_status=400)
    refused(api("POST", "/scopes", {**NEW, "prefix": "fdir"}), 400, "fdir")


def test_visibility_internal_is_digdirs(api: SelfService) -> None:
    refused(api("POST", "/scopes", {**NEW, "visibility": "INTERNAL"}), 403, "INTERNAL")


def test_create_when_it_exists(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    refused(api("POST", "/scopes", {**NEW, "description": "new"}), 409, "exists already or is inactive")
    sandbox.switch(duplicate_scope_status=400)
    refused(api("POST", "/scopes", NEW), 400, "exists already")
    api.ok("DELETE", "/scopes", scope=NAME)
    refused(api("POST", "/scopes", NEW), 409, "exists already or is inactive")
    assert api.ok("GET", "/scopes/scope", scope=NAME)["description"] == "Read cases"


# --- changing ------------------------------------------------------------------------------------------------------


def test_put_replaces_everything(sandbox: SandboxClient, api: SelfService) -> None:
    created = api.ok("POST", "/scopes", {**FULL, "delegation_source": f"{sandbox.urls['altinn']}/"})
    changed = api.ok("PUT", "/scopes", {"description": "Only this"}, scope=created["name"])
    assert changed["description"] == "Only this"
    assert {
        "long_description",
        "description#en",
        "delegation_source",
        "enforced_aud_for_access_token",
    }.isdisjoint(changed)
    assert changed["visibility"] == "PUBLIC"
    assert changed["accessible_for_all"] is False
    assert changed["at_max_age"] == 0
    assert (changed["name"], changed["created"]) == (created["name"], created["created"])


def test_put_keeps_fields_it_does_not_know(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    changed = api.ok("PUT", "/scopes", {**scope, "future_field": {"a": [1]}}, scope=NAME)
    assert changed["future_field"] == {"a": [1]}
    assert api.ok("GET", "/scopes/scope", scope=NAME)["future_field"] == {"a": [1]}
    assert "future_field" not in api.ok("PUT", "/scopes", scope, scope=NAME)
    sandbox.switch(unknown_fields="ignore")
    assert "future_field" not in api.ok("PUT", "/scopes", {**scope, "future_field": 1}, scope=NAME)
    sandbox.switch(unknown_fields="reject")
    refused(api("PUT", "/scopes", {**scope, "future_field": 1}, scope=NAME), 400, field="future_field")


def test_read_only_fields(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    changed = api.ok(
        "PUT", "/scopes", {**scope, "created": "2000-01-01T00:00:00Z", "owner_orgno": "971203420"}, scope=NAME
    )
    assert changed["created"] == scope["created"]
    assert changed["owner_orgno"] == OWNER
    sandbox.switch(read_only_fields="reject")
    refused(api("PUT", "/scopes", scope, scope=NAME), 400, field="created")


def test_protected_is_the_servers(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.seed({"scopes": [{"name": NAME, "description": "x", "protected": True}]})
    assert api.ok("PUT", "/scopes", {"description": "y", "protected": False}, scope=NAME)["protected"] is True


def test_name_cannot_change(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    body = {**scope, "subscope": "other.read", "name": "testetat:other.read"}
    assert api.ok("PUT", "/scopes", body, scope=NAME)["name"] == NAME
    sandbox.switch(changed_name="reject")
    refused(api("PUT", "/scopes", body, scope=NAME), 400, field="subscope")


def test_delegation_source_can_be_taken_away_or_not(sandbox: SandboxClient, api: SelfService) -> None:
    source = f"{sandbox.urls['altinn']}/"
    with_source = {**NEW, "delegation_source": source}
    api.ok("POST", "/scopes", with_source)
    sandbox.switch(delegation_source_removal="ignored")
    assert api.ok("PUT", "/scopes", NEW, scope=NAME)["delegation_source"] == source
    sandbox.switch(delegation_source_removal="refused")
    refused(api("PUT", "/scopes", NEW, scope=NAME), 400, field="delegation_source")
    sandbox.switch(delegation_source_removal="absent")
    assert "delegation_source" not in api.ok("PUT", "/scopes", NEW, scope=NAME)


def test_same_put_moves_the_time_of_change(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    touched = api.ok("PUT", "/scopes", scope, scope=NAME)
    assert touched["last_updated"] != scope["last_updated"]
    assert re.fullmatch(r".*\.\d{6}Z", touched["last_updated"])
    sandbox.switch(same_put_touches=False)
    assert api.ok("PUT", "/scopes", touched, scope=NAME)["last_updated"] == touched["last_updated"]


def test_put_of_what_is_not_there_or_not_ours(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    refused(api("PUT", "/scopes", scope), 400, "scope")
    refused(api("PUT", "/scopes", scope, scope="testetat:none"), 404, "testetat:none")
    sandbox.switch(unknown_scope_status=403)
    refused(api("PUT", "/scopes", scope, scope="testetat:none"), 403)
    other = SelfService(sandbox, provider="fdir")
    refused(other("PUT", "/scopes", scope, scope=NAME), 403, "does not own the scope")
    refused(other("GET", "/scopes/scope", scope=NAME), 403, "does not own the scope")
    refused(other("DELETE", "/scopes", scope=NAME), 403, "does not own the scope")


def test_put_validates(api: SelfService, scope: dict[str, Any]) -> None:
    refused(api("PUT", "/scopes", {**scope, "at_max_age": -1}, scope=NAME), 400, field="at_max_age")
    refused(api("PUT", "/scopes", {}, scope=NAME), 400, field="description")


# --- deactivating --------------------------------------------------------------------------------------------------


def test_delete_deactivates_and_put_brings_back(sandbox: SandboxClient, api: SelfService) -> None:
    created = api.ok("POST", "/scopes", NEW)
    sandbox.seed({"access": [{"scope": NAME, "consumers": ["310002100"]}]})
    gone = api.ok("DELETE", "/scopes", scope=NAME)
    assert gone["active"] is False
    assert gone["name"] == NAME
    refused(api("GET", "/scopes"), 404, "does not have any scopes")
    assert [entry["active"] for entry in api.ok("GET", "/scopes", inactive="true")] == [False]
    # The consumers stay.
    assert sandbox.access(NAME) == {"310002100": "APPROVED"}
    assert api.ok("PUT", "/scopes", {**created, "active": True}, scope=NAME)["active"] is True
    assert len(api.ok("GET", "/scopes")) == 1


def test_put_without_active_brings_back_too(api: SelfService, scope: dict[str, Any]) -> None:
    api.ok("DELETE", "/scopes", scope=NAME)
    assert api.ok("PUT", "/scopes", NEW, scope=NAME)["active"] is True


def test_delete_twice(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    api.ok("DELETE", "/scopes", scope=NAME)
    refused(api("DELETE", "/scopes", scope=NAME), 409, "inactive")
    sandbox.switch(delete_inactive_scope_status=200)
    assert api.ok("DELETE", "/scopes", scope=NAME)["active"] is False
    refused(api("DELETE", "/scopes", scope="testetat:none"), 404)
    refused(api("DELETE", "/scopes"), 400)


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/scopes", {}),
        ("/scopes/access", {"scope": NAME}),
        ("/scopes/all", {"prefix": "none"}),
    ],
)
def test_empty_lists(sandbox: SandboxClient, path: str, query: dict[str, str]) -> None:
    if path == "/scopes/access":
        sandbox.seed({"scopes": [{"name": NAME, "description": "x"}]})
    api = SelfService(sandbox)
    refused(api("GET", path, **query), 404, "does not have any")
    sandbox.switch(empty_list="error400")
    refused(api("GET", path, **query), 400, "does not have any")
    sandbox.switch(empty_list="array")
    assert api.ok("GET", path, **query) == []


def test_empty_prefix_list(sandbox: SandboxClient) -> None:
    sandbox.seed({"prefixes": [{"prefix": "fdir", "owner_orgno": "971203420", "active": False}]})
    refused(SelfService(sandbox, provider="fdir")("GET", "/prefix"), 404, "does not have any prefixes")


def test_public_list(sandbox: SandboxClient) -> None:
    source = f"{sandbox.urls['altinn']}/"
    sandbox.seed(
        {
            "scopes": [
                {
                    "name": "testetat:public",
                    "description": "x",
                    "allowed_integration_types": ["maskinporten"],
                },
                {"name": "testetat:private", "description": "x", "visibility": "PRIVATE"},
                {"name": "testetat:old", "description": "x", "active": False},
                {"name": "testetat:delegable", "description": "x", "delegation_source": source},
                {"name": "testetat:open", "description": "x", "accessible_for_all": True},
                {"name": "testetat:login", "description": "x", "allowed_integration_types": ["api_klient"]},
            ]
        }
    )
    anonymous = SelfService(sandbox, scope="")

    def names(**query: str) -> set[str]:
        found = anonymous.ok("GET", "/scopes/all", prefix="testetat", **query)
        return {entry["subscope"] for entry in found}

    assert names() == {"public", "delegable", "open", "login"}
    assert names(inactive="true") == {"public", "old", "delegable", "open", "login"}
    assert names(delegated_sources="true") == {"delegable"}
    assert names(delegated_sources="false") == {"public", "open", "login"}
    assert names(accessible_for_all="true") == {"open"}
    assert names(integration_type="MASKINPORTEN") == {"public", "delegable", "open"}
    assert names(integration_type="api_klient") == {"delegable", "open", "login"}
    everything = anonymous.ok("GET", "/scopes/all")
    assert {"altinn", "idporten", "testetat"} == {entry["prefix"] for entry in everything}


def test_lists_hold_only_our_own(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    SelfService(sandbox, provider="fdir").ok("POST", "/scopes", {**NEW, "prefix": "fdir"})
    assert [entry["name"] for entry in api.ok("GET", "/scopes")] == [NAME]


# --- prefixes, delegation sources, organisations -------------------------------------------------------------------


def test_prefixes(sandbox: SandboxClient, api: SelfService) -> None:
    ours = api.ok("GET", "/prefix")
    assert [entry["prefix"] for entry in ours] == ["testetat", "testetatdigital"]
    assert set(ours[0]) == {"prefix", "owner_orgno", "organization_name", "created", "last_updated", "active"}
    anonymous = SelfService(sandbox, scope="")
    everyone = [entry["prefix"] for entry in anonymous.ok("GET", "/prefix/all")]
    assert everyone == sorted(everyone)
    assert {"fdir", "skatteetaten", "folkeregister", "testetat", "altinn"} <= set(everyone)
    assert "utgaatt" not in everyone
    assert "utgaatt" in [entry["prefix"] for entry in anonymous.ok("GET", "/prefix/all", inactive="true")]


def test_prefixes_cannot_be_made(api: SelfService) -> None:
    assert api("POST", "/prefix", {"prefix": "mine"}).status_code == 405


def test_delegation_sources(sandbox: SandboxClient) -> None:
    anonymous = SelfService(sandbox, scope="")
    [source] = anonymous.ok("GET", "/delegationsources")
    assert source["issuer"] == f"{sandbox.urls['altinn']}/"
    assert source["name"] == "altinn"
    assert "lastUpdated" in source
    sandbox.switch(delegationsource_timestamp_key="last_updated")
    assert "last_updated" in anonymous.ok("GET", "/delegationsources")[0]


def test_organisations(sandbox: SandboxClient) -> None:
    anonymous = SelfService(sandbox, scope="")
    assert anonymous.ok("GET", "/organizations/310002100") == {"orgnr": "310002100", "name": "STILLE BRE AS"}
    refused(anonymous("GET", "/organizations/312345670"), 404, "not found")


def test_who_am_i(sandbox: SandboxClient) -> None:
    assert SelfService(sandbox, "idporten:dcr.read", "fdir").ok("GET", "/auth/user") == {
        "authenticated_organization_number": "971203420",
        "authenticated_organization_name": "FISKERIDIREKTORATET",
        "is_synthetic_organization_number": False,
        "has_consented": True,
    }
    refused(SelfService(sandbox, scope="")("GET", "/auth/user"), 401)
    refused(SelfService(sandbox)("POST", "/auth/switch-synth-org", {"orgno": "310002100"}), 403)


def test_digdirs_own_operations(sandbox: SandboxClient, api: SelfService) -> None:
    refused(api("GET", "/apis"), 403)
    refused(api("GET", "/integrations"), 403)
    issued = sandbox.certificate("991825827")
    sandbox.seed(
        {
            "clients": [
                {"client_id": "digdir", "client_orgno": "991825827", "scopes": ["idporten:scopes.read"]}
            ],
            "access": [{"scope": "idporten:scopes.read", "consumers": ["991825827"]}],
            "scopes": [{"name": NAME, "description": "x"}],
        }
    )
    sandbox.seed({"access": [{"scope": NAME, "consumers": ["310002100", "310004774"]}]})
    from tests.sandbox_grants import request_token

    token = request_token(sandbox, {**issued, "client_id": "digdir"}, scope="idporten:scopes.read")
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    base = f"{sandbox.urls['self_service']}/api/v1"
    apis = sandbox.http.get(f"{base}/apis", headers=headers).json()
    ours = next(entry for entry in apis if entry["customer_organization_number"] == OWNER)
    assert ours == {
        "customer_organization_number": OWNER,
        "prefix": ["testetat", "testetatdigital"],
        "consumer_count": 2,
    }
    clients = sandbox.http.get(f"{base}/integrations", params={"org_number": OWNER}, headers=headers).json()
    assert {entry["client_id"] for entry in clients} == {"testetat-administration", "testetat-altinn"}


# --- paths ---------------------------------------------------------------------------------------------------------


def test_no_trailing_slash(sandbox: SandboxClient, api: SelfService) -> None:
    assert api("GET", "/scopes/").status_code == 404
    assert api("GET", "/clients/").status_code == 404


def test_legacy_paths(sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]) -> None:
    base = sandbox.urls["self_service"]
    headers = {"Authorization": f"Bearer {sandbox.token('administration', 'idporten:scopes.write')}"}
    assert sandbox.http.get(f"{base}/scopes", headers=headers).status_code == 404
    sandbox.switch(legacy_paths=True)
    assert [entry["name"] for entry in sandbox.http.get(f"{base}/scopes", headers=headers).json()] == [NAME]
    one = sandbox.http.get(f"{base}/scopes", params={"scope": NAME}, headers=headers).json()
    assert one["name"] == NAME
    assert sandbox.http.get(f"{base}/prefix/all").status_code == 200
    assert sandbox.http.get(f"{base}/delegationsources").json()[0]["name"] == "altinn"


def test_dots_in_a_path_climb_as_they_do_behind_a_gateway(
    sandbox: SandboxClient, api: SelfService, scope: dict[str, Any]
) -> None:
    """A consumer number that was not checked can deactivate the scope: the trap is here to be fallen into."""
    import http.client
    from urllib.parse import urlsplit

    token = sandbox.token("administration", "idporten:scopes.write")
    address = urlsplit(sandbox.urls["self_service"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=10)
    connection.request(
        "DELETE",
        f"{address.path}/api/v1/scopes/access/..?scope=testetat%3Acases.read",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert connection.getresponse().status == 200
    connection.close()
    found = sandbox.scope(NAME)
    assert found is not None
    assert found["active"] is False


def test_the_clock_stamps_everything(sandbox: SandboxClient, api: SelfService) -> None:
    api.ok("GET", "/auth/user")
    sandbox.clock(fixed=int(time.time()) // 86400 * 86400)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00\.000Z", api.ok("POST", "/scopes", NEW)["created"])
