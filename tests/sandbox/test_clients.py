# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-service: clients and their keys."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.keys import private_jwk, public_jwk
from tests.conftest import SandboxClient
from tests.sandbox_grants import JWT_BEARER, request_token, send_assertion, sign_grant
from tests.sandbox_self_service import SelfService, refused

OWNER = "310001007"
SCOPE = "testetat:cases.read"
NEW: dict[str, Any] = {
    "client_name": "case-reader",
    "description": "source:case-system",
    "integration_type": "maskinporten",
    "application_type": "web",
    "token_endpoint_auth_method": "private_key_jwt",
    "grant_types": [JWT_BEARER],
    "scopes": [SCOPE],
}
YEAR = 365 * 86400


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def jwk(private_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return public_jwk(private_key, "reader-2026-01")


@pytest.fixture
def api(sandbox: SandboxClient) -> SelfService:
    sandbox.seed(
        {
            "scopes": [
                {"name": SCOPE, "description": "x", "allowed_integration_types": ["maskinporten"]},
                {"name": "testetat:login", "description": "x", "allowed_integration_types": ["api_klient"]},
            ]
        }
    )
    return SelfService(sandbox, "idporten:dcr.write")


@pytest.fixture
def client(api: SelfService) -> dict[str, Any]:
    created: dict[str, Any] = api.ok("POST", "/clients", NEW)
    return created


@pytest.fixture
def path(client: dict[str, Any]) -> str:
    return f"/clients/{client['client_id']}"


# --- clients -------------------------------------------------------------------------------------------------------


def test_create_fills_in_the_defaults(api: SelfService) -> None:
    created = api.ok("POST", "/clients", NEW)
    client_id = created.pop("client_id")
    assert created.pop("created") == created.pop("last_updated")
    assert created == {
        **NEW,
        "client_orgno": OWNER,
        "active": True,
        "refresh_token_lifetime": 600,
        "refresh_token_usage": "ONETIME",
        "access_token_lifetime": 120,
        "authorization_lifetime": 7200,
        "onbehalfof": [],
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "frontchannel_logout_session_required": False,
        "sso_disabled": False,
        "code_challenge_method": "none",
        "jwks_uri": f"/clients/{client_id}/jwks",
    }
    assert api.ok("GET", f"/clients/{client_id}")["client_id"] == client_id


def test_client_id_may_be_chosen_once(api: SelfService) -> None:
    assert api.ok("POST", "/clients", {**NEW, "client_id": "my-client"})["client_id"] == "my-client"
    refused(api("POST", "/clients", {**NEW, "client_id": "my-client"}), 409)
    refused(api("POST", "/clients", {**NEW, "client_id": "a/b"}), 400, field="client_id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"client_name": ""}, "client_name"),
        ({"description": None}, "description"),
        ({"description": "x" * 256}, "description"),
        ({"integration_type": "maskinport"}, "integration_type"),
        ({"application_type": "cli"}, "application_type"),
        ({"access_token_lifetime": 0}, "access_token_lifetime"),
        ({"refresh_token_lifetime": 0}, "refresh_token_lifetime"),
        ({"authorization_lifetime": 0}, "authorization_lifetime"),
        ({"access_token_lifetime": "120"}, "access_token_lifetime"),
        ({"scopes": "testetat:cases.read"}, "scopes"),
        ({"scopes": ["testetat:none"]}, "scopes"),
        ({"scopes": ["testetat:login"]}, "scopes"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": ["authorization_code"]}, "grant_types"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method"),
        ({"active": "true"}, "active"),
        ({"client_orgno": "123456789"}, "client_orgno"),
    ],
)
def test_validation_names_the_field(api: SelfService, change: dict[str, Any], field: str) -> None:
    refused(api("POST", "/clients", {**NEW, **change}), 400, field=field)


def test_zero_lifetime_may_be_let_through(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.switch(reject_zero_lifetime=False)
    assert api.ok("POST", "/clients", {**NEW, "access_token_lifetime": 0})["access_token_lifetime"] == 0


def test_scope_without_access_may_be_refused(sandbox: SandboxClient, api: SelfService) -> None:
    sandbox.switch(client_scope_needs_access=True)
    refused(api("POST", "/clients", NEW), 400, "no access", field="scopes")
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [OWNER]}]})
    assert api("POST", "/clients", NEW).status_code == 200
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": OWNER, "state": "DENIED"}]})
    refused(api("POST", "/clients", NEW), 400, field="scopes")
    sandbox.seed({"scopes": [{"name": SCOPE, "description": "x", "delegation_source": "x"}]})
    assert api("POST", "/clients", NEW).status_code == 200


def test_other_organisations_need_the_supplier_scope(sandbox: SandboxClient, api: SelfService) -> None:
    other = {**NEW, "client_orgno": "310002100"}
    refused(api("POST", "/clients", other), 403, "idporten:dcr.supplier")
    refused(api("POST", "/clients", {**NEW, "supplier_orgno": OWNER}), 403, "idporten:dcr.supplier")
    sandbox.seed(
        {
            "access": [{"scope": "idporten:dcr.supplier", "consumers": [OWNER]}],
            "clients": [
                {
                    "client_id": "testetat-administration",
                    "client_orgno": OWNER,
                    "scopes": ["idporten:dcr.supplier", "idporten:dcr.write"],
                }
            ],
        }
    )
    supplier = SelfService(sandbox, "idporten:dcr.supplier")
    created = supplier.ok("POST", "/clients", other)
    assert (created["client_orgno"], created["supplier_orgno"]) == ("310002100", OWNER)
    assert created["client_id"] in [entry["client_id"] for entry in supplier.ok("GET", "/clients")]


def test_put_replaces_everything(api: SelfService) -> None:
    client = api.ok(
        "POST", "/clients", {**NEW, "access_token_lifetime": 30, "client_uri": "https://a.example"}
    )
    path = f"/clients/{client['client_id']}"
    changed = api.ok("PUT", path, {**NEW, "scopes": []})
    assert changed["scopes"] == []
    assert changed["access_token_lifetime"] == 120
    assert "client_uri" not in changed
    assert changed["created"] == client["created"]
    same = api.ok("PUT", path, {**changed, "future": 1})
    assert same["future"] == 1


def test_what_put_cannot_change(api: SelfService, path: str, client: dict[str, Any]) -> None:
    for field, value in (
        ("integration_type", "api_klient"),
        ("client_id", "other"),
    ):
        refused(api("PUT", path, {**client, field: value}), 400, field, field=field)
    refused(api("PUT", path, {**client, "client_orgno": "310002100"}), 403)


def test_delete_deactivates(
    sandbox: SandboxClient, api: SelfService, path: str, client: dict[str, Any]
) -> None:
    answer = api("DELETE", path)
    assert (answer.status_code, answer.content) == (200, b"")
    active = [entry["client_id"] for entry in api.ok("GET", "/clients")]
    assert client["client_id"] not in active
    everything = {entry["client_id"]: entry["active"] for entry in api.ok("GET", "/clients", inactive="true")}
    assert everything[client["client_id"]] is False
    assert api.ok("GET", path)["active"] is False
    sandbox.switch(client_reactivation="refused")
    refused(api("PUT", path, {**client, "active": True}), 409, "inactive")
    sandbox.switch(client_reactivation="allowed")
    assert api.ok("PUT", path, {**client, "active": True})["active"] is True


def test_clients_of_others(sandbox: SandboxClient, api: SelfService, path: str) -> None:
    other = SelfService(sandbox, "idporten:dcr.write", "fdir")
    for method, suffix in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/jwks"), ("DELETE", "/jwks")):
        refused(other(method, path + suffix, NEW), 403, "does not own the client")
        refused(api(method, "/clients/none" + suffix, NEW), 404, "Client not found")
    sandbox.switch(unknown_client_status=403)
    refused(api("GET", "/clients/none"), 403)
    assert {entry["client_orgno"] for entry in other.ok("GET", "/clients")} == {"971203420"}


def test_no_clients(sandbox: SandboxClient) -> None:
    issued = sandbox.certificate("310005819")
    sandbox.seed(
        {
            "clients": [{"client_id": "only", "client_orgno": "310005819", "scopes": ["idporten:dcr.write"]}],
            "access": [{"scope": "idporten:dcr.write", "consumers": ["310005819"]}],
        }
    )
    token = request_token(sandbox, {**issued, "client_id": "only"}, scope="idporten:dcr.write").json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    base = f"{sandbox.urls['self_service']}/api/v1/clients"
    sandbox.http.delete(f"{base}/only", headers=headers).raise_for_status()
    refused(sandbox.http.get(base, headers=headers), 404, "does not have any clients")


def test_oauth_scopes_decide(sandbox: SandboxClient, path: str, jwk: dict[str, Any]) -> None:
    reader = SelfService(sandbox, "idporten:dcr.read")
    assert reader("GET", path).status_code == 200
    for method, suffix in (("PUT", ""), ("DELETE", ""), ("POST", "/jwks"), ("PUT", "/jwks/a")):
        refused(reader(method, path + suffix, NEW), 403, "idporten:dcr.write")
    refused(reader("POST", "/clients", NEW), 403, "idporten:dcr.write")
    modifier = SelfService(sandbox, "idporten:dcr.modify")
    refused(modifier("POST", "/clients", NEW), 403)
    assert modifier("PUT", path, NEW).status_code == 200
    assert modifier("PUT", f"{path}/jwks/{jwk['kid']}", jwk).status_code == 200
    refused(SelfService(sandbox, "idporten:scopes.write")("GET", "/clients"), 403, "idporten:dcr.read")


def test_secrets_are_not_for_maskinporten(api: SelfService, path: str) -> None:
    refused(api("POST", f"{path}/secret"), 400, "secret")
    login = api.ok(
        "POST",
        "/clients",
        {
            **NEW,
            "scopes": ["openid"],
            "integration_type": "idporten",
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": "client_secret_post",
        },
    )
    first, second = (
        api.ok("POST", f"/clients/{login['client_id']}/secret")["client_secret"] for _unused in range(2)
    )
    assert first != second
    assert "client_secret" not in api.ok("GET", f"/clients/{login['client_id']}")


def test_sub_clients(api: SelfService, path: str) -> None:
    refused(api("GET", f"{path}/onbehalfof"), 404, "does not have any")
    entry = {"onbehalfof": "one", "name": "One", "orgno": "310003425"}
    created = api.ok("POST", f"{path}/onbehalfof", entry)
    assert created["organization_name"] == "KNUST IS AS"
    refused(api("POST", f"{path}/onbehalfof", entry), 409)
    refused(api("POST", f"{path}/onbehalfof", {**entry, "orgno": "1"}), 400, field="orgno")
    assert api.ok("PUT", f"{path}/onbehalfof/one", {**entry, "name": "Uno"})["name"] == "Uno"
    assert api.ok("GET", f"{path}/onbehalfof/one")["name"] == "Uno"
    assert [found["name"] for found in api.ok("GET", path)["onbehalfof"]] == ["Uno"]
    assert api("DELETE", f"{path}/onbehalfof/one").status_code == 200
    refused(api("GET", f"{path}/onbehalfof/one"), 404)


# --- keys ----------------------------------------------------------------------------------------------------------


def test_client_without_keys(api: SelfService, path: str) -> None:
    refused(api("GET", f"{path}/jwks"), 404, "does not have any keys")
    refused(api("DELETE", f"{path}/jwks"), 404)
    refused(api("GET", f"{path}/jwks/none"), 404)
    refused(api("DELETE", f"{path}/jwks/none"), 404)


def test_put_adds_one_key_and_leaves_the_others(api: SelfService, path: str, jwk: dict[str, Any]) -> None:
    now = time.time()
    stored = api.ok("PUT", f"{path}/jwks/{jwk['kid']}", jwk)
    assert {name: stored[name] for name in jwk} == jwk
    assert set(stored) == {*jwk, "exp", "created", "last_updated"}
    assert abs(stored["exp"] - now - YEAR) < 60
    api.ok("PUT", f"{path}/jwks/second", {**jwk, "kid": "second"})
    keys = api.ok("GET", f"{path}/jwks")
    assert set(keys) == {"keys"}
    assert [key["kid"] for key in keys["keys"]] == [jwk["kid"], "second"]
    assert api.ok("GET", f"{path}/jwks/second")["kid"] == "second"
    answer = api("DELETE", f"{path}/jwks/{jwk['kid']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [key["kid"] for key in api.ok("GET", f"{path}/jwks")["keys"]] == ["second"]


def test_post_replaces_the_set(api: SelfService, path: str, jwk: dict[str, Any]) -> None:
    api.ok("PUT", f"{path}/jwks/old", {**jwk, "kid": "old"})
    answer = api.ok("POST", f"{path}/jwks", {"keys": [{**jwk, "kid": "a"}, {**jwk, "kid": "b"}]})
    assert [key["kid"] for key in answer["keys"]] == ["a", "b"]
    assert [key["kid"] for key in api.ok("GET", f"{path}/jwks")["keys"]] == ["a", "b"]
    refused(api("POST", f"{path}/jwks", {"keys": []}), 400, field="keys")
    refused(api("POST", f"{path}/jwks", {"keys": [jwk, jwk]}), 400, "twice", field="kid")
    assert len(api.ok("GET", f"{path}/jwks")["keys"]) == 2
    assert api("DELETE", f"{path}/jwks").status_code == 200
    refused(api("GET", f"{path}/jwks"), 404)


def test_at_most_five_keys(api: SelfService, path: str, jwk: dict[str, Any]) -> None:
    six = [{**jwk, "kid": f"key{number}"} for number in range(6)]
    refused(api("POST", f"{path}/jwks", {"keys": six}), 400, "at most 5", field="keys")
    api.ok("POST", f"{path}/jwks", {"keys": six[:5]})
    refused(api("PUT", f"{path}/jwks/key5", six[5]), 400, "at most 5", field="keys")
    assert api("PUT", f"{path}/jwks/key4", six[4]).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"use": None}, "use"),
        ({"use": "enc"}, "use"),
        ({"kty": "EC"}, "kty"),
        ({"kty": None}, "kty"),
        ({"alg": "ES256"}, "alg"),
        ({"alg": None}, "alg"),
        ({"kid": "a b"}, "kid"),
        ({"kid": None}, "kid"),
        ({"n": "!!"}, "n"),
        ({"n": "AQAB"}, "n"),
        ({"e": None}, "n"),
        ({"exp": 1}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"d": "secret"}, "d"),
        ({"x5c": "text"}, "x5c"),
    ],
)
def test_key_validation(
    api: SelfService, path: str, jwk: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    sent = {name: value for name, value in {**jwk, **change}.items() if value is not None}
    refused(api("POST", f"{path}/jwks", {"keys": [sent]}), 400, field=field)


def test_private_key_is_not_taken(api: SelfService, path: str, private_key: rsa.RSAPrivateKey) -> None:
    body = refused(
        api("PUT", f"{path}/jwks/a", private_jwk(private_key, "a")), 400, "private member", field="d"
    )
    assert private_jwk(private_key, "a")["d"] not in str(body)


def test_use_may_be_optional(
    sandbox: SandboxClient, api: SelfService, path: str, jwk: dict[str, Any]
) -> None:
    del jwk["use"]
    refused(api("PUT", f"{path}/jwks/{jwk['kid']}", jwk), 400, field="use")
    sandbox.switch(require_use_on_jwk=False)
    assert "use" not in api.ok("PUT", f"{path}/jwks/{jwk['kid']}", jwk)


def test_kid_of_path_and_body(api: SelfService, path: str, jwk: dict[str, Any]) -> None:
    refused(api("PUT", f"{path}/jwks/other", jwk), 400, "kid", field="kid")
    del jwk["kid"]
    assert api.ok("PUT", f"{path}/jwks/other", jwk)["kid"] == "other"


def test_keys_live_a_year_at_most(
    sandbox: SandboxClient, api: SelfService, path: str, jwk: dict[str, Any]
) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    assert api.ok("PUT", f"{path}/jwks/a", {**jwk, "kid": "a", "exp": now + 3 * YEAR})["exp"] == now + YEAR
    assert api.ok("PUT", f"{path}/jwks/b", {**jwk, "kid": "b", "exp": now + 1000})["exp"] == now + 1000
    sandbox.switch(key_beyond_year="reject")
    refused(api("PUT", f"{path}/jwks/a", {**jwk, "kid": "a", "exp": now + YEAR + 1}), 400, field="exp")


def test_posting_again_renews(sandbox: SandboxClient, jwk: dict[str, Any], path: str) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    first = SelfService(sandbox, "idporten:dcr.write").ok("PUT", f"{path}/jwks/{jwk['kid']}", jwk)
    sandbox.clock(fixed=now + 1000)
    headers = {"Authorization": f"Bearer {_token_at(sandbox, now + 1000)}"}
    url = f"{sandbox.urls['self_service']}/api/v1{path}/jwks/{jwk['kid']}"
    second = sandbox.http.put(url, json=jwk, headers=headers).json()
    assert second["exp"] == first["exp"] + 1000
    assert second["created"] == first["created"]
    assert second["last_updated"] != first["last_updated"]


def _token_at(sandbox: SandboxClient, now: int) -> str:
    grant = sign_grant(
        sandbox, sandbox.credentials("administration"), scope="idporten:dcr.write", iat=now, exp=now + 60
    )
    return str(send_assertion(sandbox, grant).json()["access_token"])


def test_kid_may_have_to_be_unique_everywhere(
    sandbox: SandboxClient, api: SelfService, path: str, jwk: dict[str, Any]
) -> None:
    assert api("PUT", f"{path}/jwks/consumer-1", {**jwk, "kid": "consumer-1"}).status_code == 200
    sandbox.switch(kid_unique="everywhere")
    refused(api("PUT", f"{path}/jwks/supplier-1", {**jwk, "kid": "supplier-1"}), 409, "supplier-1")


def test_elliptic_curve_keys_when_switched_on(sandbox: SandboxClient, api: SelfService, path: str) -> None:
    key = {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256", "x": "AA", "y": "AA"}
    refused(api("PUT", f"{path}/jwks/ec", key), 400, field="kty")
    sandbox.switch(accept_ec_keys=True)
    assert api.ok("PUT", f"{path}/jwks/ec", key)["crv"] == "P-256"


def test_client_can_show_its_keys(
    sandbox: SandboxClient, api: SelfService, path: str, jwk: dict[str, Any]
) -> None:
    api.ok("PUT", f"{path}/jwks/{jwk['kid']}", jwk)
    assert "jwks" not in api.ok("GET", path)
    sandbox.switch(client_shows_jwks=True)
    assert api.ok("GET", path)["jwks"]["keys"][0]["kid"] == jwk["kid"]


def test_new_key_works_at_the_token_endpoint(
    sandbox: SandboxClient,
    api: SelfService,
    client: dict[str, Any],
    path: str,
    private_key: rsa.RSAPrivateKey,
) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [OWNER]}]})
    file = sandbox.work_dir / "reader.pem"
    file.write_bytes(
        private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    credentials = {"client_id": client["client_id"], "key_id": "new", "private_key_path": str(file)}
    assert request_token(sandbox, credentials, scope=SCOPE).status_code == 400
    api.ok("PUT", f"{path}/jwks/new", public_jwk(private_key, "new"))
    assert request_token(sandbox, credentials, scope=SCOPE).status_code == 200
    api.ok("DELETE", path)
    assert request_token(sandbox, credentials, scope=SCOPE).status_code == 400


# --- upload, version 2 ---------------------------------------------------------------------------------------------


def _upload(sandbox: SandboxClient, path: str, text: str, content_type: str = "text/plain") -> Any:
    headers = {
        "Authorization": f"Bearer {sandbox.token('administration', 'idporten:dcr.modify')}",
        "Content-Type": content_type,
    }
    return sandbox.http.post(
        f"{sandbox.urls['self_service']}/api/v2{path}/key", content=text.encode(), headers=headers
    )


def test_upload_of_a_public_key(
    sandbox: SandboxClient, api: SelfService, path: str, private_key: rsa.RSAPrivateKey
) -> None:
    pem = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    stored = _upload(sandbox, path, pem.decode()).json()
    assert stored["n"] == public_jwk(private_key, "x")["n"]
    assert api.ok("GET", f"{path}/jwks/{stored['kid']}") == stored


def test_upload_of_a_certificate(sandbox: SandboxClient, path: str) -> None:
    stored = _upload(sandbox, path, sandbox.certificate(OWNER)["certificate"]).json()
    assert len(stored["x5c"]) == 1
    assert stored["exp"] < time.time() + 31 * 86400
    refused(_upload(sandbox, path, sandbox.certificate(OWNER, expired=True)["certificate"]), 400, "expired")


def test_upload_of_a_jwk(sandbox: SandboxClient, path: str, jwk: dict[str, Any]) -> None:
    import json

    assert _upload(sandbox, path, json.dumps(jwk)).json()["kid"] == jwk["kid"]
    refused(_upload(sandbox, path, "{"), 400)


def test_uploads_that_are_refused(sandbox: SandboxClient, path: str, jwk: dict[str, Any]) -> None:
    refused(_upload(sandbox, path, "hello"), 400, "neither")
    secret = Path(sandbox.credentials("administration")["private_key_path"]).read_text()
    refused(_upload(sandbox, path, secret), 400, "private key")
    refused(_upload(sandbox, path, "{}", "application/json"), 415)
    assert _upload(sandbox, "/clients/none", "{}").status_code == 404
