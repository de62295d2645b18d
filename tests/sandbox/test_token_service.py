# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maskinporten's token service: metadata, keys, every rule of the JWT grant, the claims of the token."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import SandboxClient
from tests.sandbox_grants import (
    JWT_BEARER,
    LEFT_OUT,
    claims_of,
    request_token,
    send_assertion,
    sign_grant,
    x5c_of,
)

OWNER = "310001007"
CONSUMER = "310002100"
SUPPLIER = "310004774"
SCOPE = "testetat:cases.read"
TRACE = re.compile(r"\(trace_id: [0-9a-f]{32}\)\Z")


def refused(
    answer: httpx.Response, error: str, code: str | None = None, phrase: str = "", status: int = 400
) -> None:
    """Assert the shape of an error from the token service: status, error, text with trace id, code in error_uri."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"] == error
    assert phrase in body["error_description"]
    assert TRACE.search(body["error_description"])
    if code is None:
        assert "error_uri" not in body
    else:
        assert body["error_uri"].endswith(f"/maskinporten/errors/{code}")
        assert code not in body["error_description"]


@pytest.fixture
def administration(sandbox: SandboxClient) -> dict[str, str]:
    return sandbox.credentials("administration")


@pytest.fixture
def consumer(sandbox: SandboxClient) -> dict[str, str]:
    """A consumer's client that has a scope, and access to it."""
    sandbox.seed(
        {
            "scopes": [
                {"name": SCOPE, "description": "Read cases", "allowed_integration_types": ["maskinporten"]}
            ],
            "access": [{"scope": SCOPE, "consumers": [CONSUMER]}],
            "clients": [{"client_id": "consumer-client", "client_orgno": CONSUMER, "scopes": [SCOPE]}],
        }
    )
    return sandbox.credentials("client", "consumer")


def _change(sandbox: SandboxClient, scope: str = SCOPE, **fields: Any) -> None:
    """Seed the scope again with other fields."""
    sandbox.seed({"scopes": [{"name": scope, "description": "Read cases", **fields}]})


# --- metadata and keys ---------------------------------------------------------------------------------------------


def test_metadata_points_to_the_token_service(sandbox: SandboxClient) -> None:
    issuer = sandbox.urls["maskinporten"]
    body = sandbox.http.get(f"{issuer}.well-known/oauth-authorization-server").json()
    assert body["issuer"] == issuer
    assert issuer.endswith("/maskinporten/")
    assert body["token_endpoint"] == f"{issuer}token"
    assert body["jwks_uri"] == f"{issuer}jwk"
    assert body["authorization_details_types_supported"] == ["urn:altinn:systemuser", "urn:altinn:consent"]


def test_token_is_signed_with_the_published_key(
    sandbox: SandboxClient, administration: dict[str, str]
) -> None:
    keys = sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk").json()["keys"]
    token = request_token(sandbox, administration).json()["access_token"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "RS256", "kid": keys[0]["kid"]}
    claims = jwt.decode(token, jwt.PyJWK(keys[0]).key, algorithms=["RS256"], options={"verify_aud": False})
    assert claims["iss"] == sandbox.urls["maskinporten"]
    assert {"d", "p", "q"}.isdisjoint(keys[0])


def test_answers_are_marked_as_simulated_and_carry_the_time(sandbox: SandboxClient) -> None:
    answer = sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk")
    assert answer.headers["x-simulator"] == "1"
    assert "date" in answer.headers


# --- the token -----------------------------------------------------------------------------------------------------


def test_token_of_an_administration_client(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    answer = request_token(sandbox, administration, scope="idporten:scopes.write idporten:scopes.read")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 119
    assert body["scope"] == "idporten:scopes.write idporten:scopes.read"
    claims = claims_of(body["access_token"])
    assert set(claims) == {
        "iss",
        "client_id",
        "client_amr",
        "token_type",
        "consumer",
        "scope",
        "iat",
        "exp",
        "jti",
    }
    assert claims["client_id"] == administration["client_id"]
    assert claims["client_amr"] == "virksomhetssertifikat"
    assert claims["consumer"] == {"authority": "iso6523-actorid-upis", "ID": f"0192:{OWNER}"}
    assert claims["exp"] - claims["iat"] == 120


def test_every_provider_has_its_own_clients(sandbox: SandboxClient) -> None:
    for provider, number in (("testetat", OWNER), ("fdir", "971203420"), ("skatteetaten", "974761076")):
        for identity, scope in (("administration", "idporten:dcr.write"), ("altinn", "altinn:serviceowner")):
            token = sandbox.token(identity, scope, provider)
            assert claims_of(token)["consumer"]["ID"] == f"0192:{number}"


def test_registered_key_is_named_in_the_token(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    claims = claims_of(request_token(sandbox, consumer, scope=SCOPE).json()["access_token"])
    assert claims["client_amr"] == "private_key_jwt"
    assert claims["consumer"]["ID"] == f"0192:{CONSUMER}"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_algorithms_of_the_grant(sandbox: SandboxClient, consumer: dict[str, str], algorithm: str) -> None:
    assert request_token(sandbox, consumer, scope=SCOPE, algorithm=algorithm).status_code == 200


def test_algorithms_that_are_not_listed(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    refused(request_token(sandbox, consumer, scope=SCOPE, algorithm="PS256"), "invalid_request", "MP-011")


@pytest.mark.parametrize(
    ("scopes", "client", "expected"),
    [
        ([0], 300, 300),
        ([600], 300, 600),
        ([600, 30, 0], 300, 30),
        ([0, 0], None, 120),
    ],
)
def test_lifetime_is_the_smallest_limit_of_the_scopes_else_the_clients(
    sandbox: SandboxClient, consumer: dict[str, str], scopes: list[int], client: int | None, expected: int
) -> None:
    names = [f"testetat:lifetime{number}.read" for number in range(len(scopes))]
    sandbox.seed(
        {
            "scopes": [
                {"name": name, "description": "x", "at_max_age": age}
                for name, age in zip(names, scopes, strict=True)
            ],
            "access": [{"scope": name, "consumers": [CONSUMER]} for name in names],
            "clients": [
                {
                    "client_id": "consumer-client",
                    "client_orgno": CONSUMER,
                    "scopes": names,
                    **({"access_token_lifetime": client} if client else {}),
                }
            ],
        }
    )
    answer = request_token(sandbox, consumer, scope=" ".join(names)).json()
    claims = claims_of(answer["access_token"])
    assert claims["exp"] - claims["iat"] == expected
    assert answer["expires_in"] == expected - 1


def test_lifetime_may_only_be_shortened_when_switched_so(
    sandbox: SandboxClient, consumer: dict[str, str]
) -> None:
    _change(sandbox, at_max_age=3600)
    sandbox.switch(scope_sets_lifetime=False)
    assert request_token(sandbox, consumer, scope=SCOPE).json()["expires_in"] == 119


def test_prefixes_are_told_to_altinn(sandbox: SandboxClient) -> None:
    scope = "altinn:resourceregistry/resource.write"
    assert claims_of(sandbox.token("altinn", scope))["consumer_prefix"] == ["testetat", "testetatdigital"]
    assert claims_of(sandbox.token("altinn", scope, "fdir"))["consumer_prefix"] == ["fdir"]
    assert claims_of(sandbox.token("altinn", "altinn:maskinporten/delegations"))["consumer_prefix"]
    assert "consumer_prefix" not in claims_of(sandbox.token("altinn", "altinn:serviceowner"))


def test_resource_becomes_the_audience(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    resource = ["https://api.example/a", "https://api.example/b"]
    answer = request_token(sandbox, consumer, scope=SCOPE, resource=resource)
    assert claims_of(answer.json()["access_token"])["aud"] == resource


@pytest.mark.parametrize("resource", ["https://api.example/a", [], [1], [""]])
def test_resource_must_be_an_array_of_texts(
    sandbox: SandboxClient, consumer: dict[str, str], resource: object
) -> None:
    refused(request_token(sandbox, consumer, scope=SCOPE, resource=resource), "invalid_request", "MP-011")


def test_scope_may_enforce_an_audience(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    _change(sandbox, enforced_aud_for_access_token="https://api.example/cases")
    claims = claims_of(request_token(sandbox, consumer, scope=SCOPE).json()["access_token"])
    assert claims["aud"] == ["https://api.example/cases"]
    sandbox.switch(enforced_audience=False)
    assert "aud" not in claims_of(request_token(sandbox, consumer, scope=SCOPE).json()["access_token"])


def test_pid_is_passed_on_and_checked_for_form(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    answer = request_token(sandbox, consumer, scope=SCOPE, pid="02817510089")
    assert claims_of(answer.json()["access_token"])["pid"] == "02817510089"
    for wrong in ("0281751008", "0281751008x", 2817510089):
        refused(request_token(sandbox, consumer, scope=SCOPE, pid=wrong), "invalid_request", "MP-011")


# --- the request ---------------------------------------------------------------------------------------------------


def test_grant_type_must_be_jwt_bearer(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    url = f"{sandbox.urls['maskinporten']}token"
    assertion = sign_grant(sandbox, administration)
    answer = sandbox.http.post(url, data={"grant_type": "client_credentials", "assertion": assertion})
    refused(answer, "unsupported_grant_type")
    refused(sandbox.http.post(url, data={"assertion": assertion}), "unsupported_grant_type")


@pytest.mark.parametrize("assertion", ["", "abc", "a.b.c", "e30.e30", "e30.e30.e30\n", "bnVsbA.e30.e30"])
def test_assertion_must_be_a_jwt(sandbox: SandboxClient, assertion: str) -> None:
    refused(send_assertion(sandbox, assertion), "invalid_request", "MP-011", "Invalid parameter value")


def test_assertion_wrapped_by_a_terminal(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    assertion = sign_grant(sandbox, administration)
    refused(send_assertion(sandbox, assertion[:50] + "\n" + assertion[50:]), "invalid_request", "MP-011")


def test_body_must_be_a_form(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    body = {"grant_type": JWT_BEARER, "assertion": sign_grant(sandbox, administration)}
    refused(sandbox.http.post(f"{sandbox.urls['maskinporten']}token", json=body), "invalid_request", "MP-011")


def test_token_endpoint_takes_post_only(sandbox: SandboxClient) -> None:
    assert sandbox.http.get(f"{sandbox.urls['maskinporten']}token").status_code == 405


# --- claims of the grant -------------------------------------------------------------------------------------------


def test_unknown_claim_is_refused(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    refused(request_token(sandbox, administration, foo=1), "invalid_request", None, "Invalid assertion")
    sandbox.switch(strict_unknown_claims=False)
    assert request_token(sandbox, administration, foo=1).status_code == 200


def test_tolerated_claims(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    assert request_token(sandbox, administration, nbf=int(time.time()), sub="anyone").status_code == 200


def test_deprecated_onbehalfof_is_refused(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    refused(request_token(sandbox, administration, iss_onbehalfof="x"), "invalid_request", "MP-011")


def test_client_must_exist_and_be_active(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    refused(
        request_token(sandbox, administration, iss="nobody"), "invalid_grant", "MP-100", "Client not found"
    )
    refused(request_token(sandbox, administration, iss=LEFT_OUT), "invalid_grant", "MP-100")
    sandbox.seed(
        {"clients": [{"client_id": administration["client_id"], "client_orgno": OWNER, "active": False}]}
    )
    refused(request_token(sandbox, administration), "invalid_grant", "MP-100")


def test_audience_is_the_issuer_with_slash(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    issuer = sandbox.urls["maskinporten"]
    for wrong in (
        issuer.rstrip("/"),
        f"{issuer}token",
        "https://test.maskinporten.no/",
        [issuer, issuer],
        LEFT_OUT,
    ):
        refused(request_token(sandbox, administration, aud=wrong), "invalid_grant", "MP-110")
    assert request_token(sandbox, administration, aud=[issuer]).status_code == 200
    sandbox.switch(array_audience=False)
    refused(request_token(sandbox, administration, aud=[issuer]), "invalid_grant", "MP-110")


def test_times_have_ten_seconds_of_slack(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    assert request_token(sandbox, administration, iat=now + 10, exp=now + 100).status_code == 200
    refused(
        request_token(sandbox, administration, iat=now + 11, exp=now + 100),
        "invalid_grant",
        None,
        "Issue time is in the future",
    )
    assert request_token(sandbox, administration, iat=now - 100, exp=now - 10).status_code == 200
    refused(
        request_token(sandbox, administration, iat=now - 100, exp=now - 11),
        "invalid_grant",
        "MP-130",
        "expired",
    )
    sandbox.switch(skew=60)
    assert request_token(sandbox, administration, iat=now + 60, exp=now + 100).status_code == 200


def test_old_iat_alone_is_no_reason(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    now = int(time.time())
    assert request_token(sandbox, administration, iat=now - 100, exp=now + 20).status_code == 200


def test_longest_lifetime_of_a_grant(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    now = int(time.time())
    refused(
        request_token(sandbox, administration, iat=now, exp=now + 121),
        "invalid_grant",
        None,
        "too long lifetime",
    )
    sandbox.switch(max_grant_lifetime=180)
    assert request_token(sandbox, administration, iat=now, exp=now + 180).status_code == 200
    refused(request_token(sandbox, administration, iat=now, exp=now + 181), "invalid_grant")


@pytest.mark.parametrize("claim", ["iat", "exp"])
@pytest.mark.parametrize("value", [LEFT_OUT, "now", True])
def test_times_must_be_numbers(
    sandbox: SandboxClient, administration: dict[str, str], claim: str, value: object
) -> None:
    refused(request_token(sandbox, administration, **{claim: value}), "invalid_request", "MP-011")


def test_a_grant_is_used_once(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    assertion = sign_grant(sandbox, administration)
    assert send_assertion(sandbox, assertion).status_code == 200
    refused(send_assertion(sandbox, assertion), "invalid_grant", "MP-012", "Grant is used before")


def test_a_jti_is_used_once_by_each_client(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    jti = str(uuid.uuid4())
    assert request_token(sandbox, administration, jti=jti).status_code == 200
    refused(
        request_token(sandbox, administration, jti=jti, scope="idporten:dcr.read"), "invalid_grant", "MP-012"
    )
    other = sandbox.credentials("altinn")
    assert request_token(sandbox, other, jti=jti, scope="altinn:serviceowner").status_code == 200


def test_a_grant_without_jti_is_used_once(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    assertion = sign_grant(sandbox, administration, jti=LEFT_OUT)
    assert send_assertion(sandbox, assertion).status_code == 200
    refused(send_assertion(sandbox, assertion), "invalid_grant", "MP-012")


def test_a_jti_may_come_back_when_the_grant_is_long_over(
    sandbox: SandboxClient, administration: dict[str, str]
) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    assert request_token(sandbox, administration, jti="once", iat=now, exp=now + 60).status_code == 200
    sandbox.clock(fixed=now + 71)
    later = {"iat": now + 71, "exp": now + 100}
    assert request_token(sandbox, administration, jti="once", **later).status_code == 200


# --- kid and x5c ---------------------------------------------------------------------------------------------------


def test_registered_keys_demand_a_kid(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    chain = x5c_of(sandbox.credentials("administration")["certificate_chain_path"])
    refused(
        request_token(sandbox, consumer, scope=SCOPE, header={"kid": "other"}),
        "invalid_grant",
        None,
        "Unknown key identifier",
    )
    refused(
        request_token(sandbox, consumer, scope=SCOPE, header={"kid": LEFT_OUT, "x5c": chain}),
        "invalid_grant",
        None,
        "no key identifier (kid) provided",
    )
    refused(request_token(sandbox, consumer, scope=SCOPE, header={"kid": LEFT_OUT}), "invalid_grant")
    # With both, the key that is registered decides.
    assert request_token(sandbox, consumer, scope=SCOPE, header={"x5c": chain}).status_code == 200


def test_without_registered_keys_only_a_certificate_will_do(
    sandbox: SandboxClient, administration: dict[str, str]
) -> None:
    refused(
        request_token(sandbox, administration, header={"kid": "x", "x5c": LEFT_OUT}),
        "invalid_grant",
        None,
        "Unknown key identifier",
    )
    refused(request_token(sandbox, administration, header={"kid": "x"}), "invalid_grant", None, "Unknown key")
    refused(request_token(sandbox, administration, header={"x5c": LEFT_OUT}), "invalid_grant")
    assert request_token(sandbox, administration).status_code == 200


def test_leaf_alone_is_enough(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    leaf = x5c_of(administration["certificate_chain_path"])[:1]
    assert request_token(sandbox, administration, header={"x5c": leaf}).status_code == 200


@pytest.mark.parametrize("spoil", ["text", "pem", "base64url", "empty", "numbers"])
def test_x5c_must_be_an_array_of_base64_der(
    sandbox: SandboxClient, administration: dict[str, str], spoil: str
) -> None:
    chain = x5c_of(administration["certificate_chain_path"])
    spoiled: Any = {
        "text": chain[0],
        "pem": [Path(administration["certificate_chain_path"]).read_text()],
        "base64url": [chain[0].replace("+", "-").replace("/", "_").rstrip("=") + "-_"],
        "empty": [],
        "numbers": [1],
    }[spoil]
    refused(request_token(sandbox, administration, header={"x5c": spoiled}), "invalid_grant", "MP-123")


def test_certificate_must_be_trusted_here(sandbox: SandboxClient, administration: dict[str, str]) -> None:
    for members in ({"trusted": False}, {"expired": True}):
        issued = sandbox.certificate(OWNER, **members)
        credentials = {**issued, "client_id": administration["client_id"]}
        refused(request_token(sandbox, credentials), "invalid_grant", "MP-120", "invalid certificate")


def test_certificate_must_be_of_the_clients_organisation(
    sandbox: SandboxClient, administration: dict[str, str]
) -> None:
    issued = sandbox.certificate(CONSUMER)
    credentials = {**issued, "client_id": administration["client_id"]}
    refused(request_token(sandbox, credentials), "invalid_grant", "MP-122", "certificate orgno")


@pytest.mark.parametrize("number_in", ["organizationIdentifier", "serialNumber"])
def test_both_generations_of_certificates(
    sandbox: SandboxClient, administration: dict[str, str], number_in: str
) -> None:
    issued = sandbox.certificate(OWNER, number_in=number_in)
    assert request_token(sandbox, {**issued, "client_id": administration["client_id"]}).status_code == 200


def test_leaf_of_another_ca_with_our_issuing_certificate(
    sandbox: SandboxClient, administration: dict[str, str]
) -> None:
    foreign = sandbox.certificate(OWNER, trusted=False)
    ours = x5c_of(administration["certificate_chain_path"])[1]
    chain = [x5c_of(foreign["certificate_chain_path"])[0], ours]
    credentials = {**foreign, "client_id": administration["client_id"]}
    refused(request_token(sandbox, credentials, header={"x5c": chain}), "invalid_grant", "MP-120")


def test_wrong_private_key(
    sandbox: SandboxClient, consumer: dict[str, str], administration: dict[str, str]
) -> None:
    stranger = {**consumer, "private_key_path": administration["private_key_path"]}
    refused(request_token(sandbox, stranger, scope=SCOPE), "invalid_grant", "MP-124", "signature")
    stranger = {**administration, "private_key_path": consumer["private_key_path"]}
    refused(request_token(sandbox, stranger), "invalid_grant", "MP-124")


def test_registered_key_past_its_year(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now + 366 * 86400)
    later = {"iat": now + 366 * 86400, "exp": now + 366 * 86400 + 60}
    refused(request_token(sandbox, consumer, scope=SCOPE, **later), "invalid_grant", "MP-121", "Expired key")


def test_key_registered_with_its_certificate_falls_with_it(sandbox: SandboxClient) -> None:
    for members, status in (({}, 200), ({"trusted": False}, 400), ({"expired": True}, 400)):
        issued = sandbox.certificate(OWNER, **members)
        sandbox.seed(
            {
                "clients": [
                    {
                        "client_id": "locked",
                        "client_orgno": OWNER,
                        "scopes": ["idporten:scopes.write"],
                        "certificates": [issued["certificate"]],
                    }
                ]
            }
        )
        key = next(c for c in sandbox.state()["clients"] if c["client_id"] == "locked")["keys"][0]
        credentials = {
            "client_id": "locked",
            "key_id": key["kid"],
            "private_key_path": issued["private_key_path"],
        }
        answer = request_token(sandbox, credentials)
        assert answer.status_code == status
        if status == 400:
            refused(answer, "invalid_grant", "MP-120")


# --- scopes and access ---------------------------------------------------------------------------------------------


def test_scope_must_be_on_the_client(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    answer = request_token(sandbox, consumer, scope=f"{SCOPE} testetat:other.read")
    refused(answer, "invalid_scope", "MP-200", "testetat:other.read")


@pytest.mark.parametrize("scope", [LEFT_OUT, "", "  ", ["testetat:cases.read"], "testetat:cases.read\n"])
def test_scope_must_be_a_text(sandbox: SandboxClient, consumer: dict[str, str], scope: object) -> None:
    refused(request_token(sandbox, consumer, scope=scope), "invalid_request", "MP-011")


def test_inactive_scope_gives_no_token(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    _change(sandbox, active=False)
    refused(request_token(sandbox, consumer, scope=SCOPE), "invalid_scope", "MP-200")


def test_scope_must_allow_maskinporten(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    _change(sandbox, allowed_integration_types=["api_klient"])
    refused(request_token(sandbox, consumer, scope=SCOPE), "invalid_scope", "MP-201", SCOPE)
    _change(sandbox, allowed_integration_types=[])
    assert request_token(sandbox, consumer, scope=SCOPE).status_code == 200


def test_client_must_be_of_type_maskinporten(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    sandbox.seed(
        {
            "clients": [
                {
                    "client_id": "consumer-client",
                    "client_orgno": CONSUMER,
                    "scopes": [SCOPE],
                    "integration_type": "api_klient",
                }
            ]
        }
    )
    refused(request_token(sandbox, consumer, scope=SCOPE), "invalid_scope", "MP-201")


@pytest.mark.parametrize("state", ["DENIED", "REQUESTED"])
def test_consumer_needs_access(sandbox: SandboxClient, consumer: dict[str, str], state: str) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": CONSUMER, "state": state}]})
    refused(request_token(sandbox, consumer, scope=SCOPE), "forbidden", "MP-250", SCOPE, status=403)
    sandbox.switch(forbidden_status=400)
    refused(request_token(sandbox, consumer, scope=SCOPE), "forbidden", "MP-250", SCOPE, status=400)


def test_scope_open_for_all_needs_no_access(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": CONSUMER, "state": "DENIED"}]})
    _change(sandbox, accessible_for_all=True)
    assert request_token(sandbox, consumer, scope=SCOPE).status_code == 200


def test_owner_needs_access_too(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    altinn = sandbox.credentials("altinn")
    sandbox.seed({"clients": [{"client_id": altinn["client_id"], "client_orgno": OWNER, "scopes": [SCOPE]}]})
    refused(request_token(sandbox, altinn, scope=SCOPE), "forbidden", "MP-250", status=403)
    sandbox.switch(own_org_needs_grant=False)
    assert request_token(sandbox, altinn, scope=SCOPE).status_code == 200


# --- delegation ----------------------------------------------------------------------------------------------------


@pytest.fixture
def supplier(sandbox: SandboxClient, consumer: dict[str, str]) -> dict[str, str]:
    """A supplier's client with the consumer's scope, which can be delegated."""
    _change(sandbox, delegation_source=f"{sandbox.urls['altinn']}/")
    sandbox.seed({"clients": [{"client_id": "supplier-client", "client_orgno": SUPPLIER, "scopes": [SCOPE]}]})
    return sandbox.credentials("client", "supplier")


def test_supplier_gets_a_token_for_the_consumer(sandbox: SandboxClient, supplier: dict[str, str]) -> None:
    sandbox.seed({"delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "scope": SCOPE}]})
    answer = request_token(sandbox, supplier, scope=SCOPE, consumer_org=CONSUMER)
    claims = claims_of(answer.json()["access_token"])
    assert claims["consumer"]["ID"] == f"0192:{CONSUMER}"
    assert claims["supplier"] == {"authority": "iso6523-actorid-upis", "ID": f"0192:{SUPPLIER}"}
    assert claims["delegation_source"] == f"{sandbox.urls['altinn']}/"


def test_without_delegation_the_supplier_gets_none(sandbox: SandboxClient, supplier: dict[str, str]) -> None:
    answer = request_token(sandbox, supplier, scope=SCOPE, consumer_org=CONSUMER)
    refused(answer, "forbidden", "MP-251", f"Consumer {CONSUMER} has not delegated", status=403)
    assert f"to supplier {SUPPLIER}" in answer.json()["error_description"]


def test_delegation_of_a_scope_that_is_not_delegable(
    sandbox: SandboxClient, supplier: dict[str, str]
) -> None:
    sandbox.seed({"delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "scope": SCOPE}]})
    _change(sandbox)
    refused(
        request_token(sandbox, supplier, scope=SCOPE, consumer_org=CONSUMER),
        "forbidden",
        "MP-251",
        status=403,
    )


def test_access_of_the_consumer_is_checked_before_the_delegation(
    sandbox: SandboxClient, supplier: dict[str, str]
) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": CONSUMER, "state": "DENIED"}]})
    refused(
        request_token(sandbox, supplier, scope=SCOPE, consumer_org=CONSUMER),
        "forbidden",
        "MP-250",
        status=403,
    )


def test_forgotten_consumer_org(sandbox: SandboxClient, supplier: dict[str, str]) -> None:
    sandbox.seed({"delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "scope": SCOPE}]})
    refused(request_token(sandbox, supplier, scope=SCOPE), "forbidden", "MP-250", status=403)


def test_own_number_as_consumer_org(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    refused(
        request_token(sandbox, consumer, scope=SCOPE, consumer_org=CONSUMER),
        "invalid_request",
        None,
        "consumer_org in claim",
    )
    refused(
        request_token(sandbox, consumer, scope=SCOPE, consumer_org="123456789"), "invalid_request", "MP-011"
    )


# --- authorization details -----------------------------------------------------------------------------------------


def _party(number: str) -> dict[str, str]:
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}


def test_system_user(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    sandbox.seed(
        {"system_users": [{"vendor": CONSUMER, "organization": "310003425", "external_ref": "contract-42"}]}
    )
    details = [
        {"type": "urn:altinn:systemuser", "systemuser_org": _party("310003425"), "externalRef": "contract-42"}
    ]
    answer = request_token(sandbox, consumer, scope=SCOPE, authorization_details=details)
    claims = claims_of(answer.json()["access_token"])
    assert claims["consumer"]["ID"] == f"0192:{CONSUMER}"
    [told] = claims["authorization_details"]
    assert told["type"] == "urn:altinn:systemuser"
    assert told["systemuser_org"] == _party("310003425")
    assert isinstance(told["systemuser_id"], list)
    assert told["system_id"]


def test_consent_details_are_passed_on(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    details = [{"type": "urn:altinn:consent", "id": "a", "from": "b", "to": "c"}]
    answer = request_token(sandbox, consumer, scope=SCOPE, authorization_details=details)
    assert claims_of(answer.json()["access_token"])["authorization_details"] == details


@pytest.mark.parametrize(
    ("details", "error", "code"),
    [
        ([{"type": "urn:other"}], "invalid_authorization_details", "MP-301"),
        ([{"systemuser_org": _party("310003425")}], "invalid_authorization_details", "MP-301"),
        (
            [{"type": "urn:altinn:systemuser", "systemuser_org": _party("310003425"), "color": "red"}],
            "invalid_authorization_details",
            "MP-302",
        ),
        ("text", "invalid_authorization_details", "MP-302"),
        (
            [{"type": "urn:altinn:systemuser", "systemuser_org": _party("310003425")}],
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
        (
            [{"type": "urn:altinn:systemuser", "systemuser_org": {"ID": "0192:1"}}],
            "invalid_altinn_customer_configuration",
            "MP-303",
        ),
    ],
)
def test_faults_in_authorization_details(
    sandbox: SandboxClient, consumer: dict[str, str], details: object, error: str, code: str
) -> None:
    refused(request_token(sandbox, consumer, scope=SCOPE, authorization_details=details), error, code)


# --- European electronic seals -------------------------------------------------------------------------------------


def test_european_business_needs_no_client_and_no_access(sandbox: SandboxClient) -> None:
    """Any of them gets a token for a scope that lets them in: the API must do its own access control."""
    seal = {"client_id": "ignored", **sandbox.certificate("NTRSE-5560000001", name="Exempelbolaget AB")}
    sandbox.seed(
        {"scopes": [{"name": "testetat:eu.read", "description": "x", "supports_european_businesses": True}]}
    )
    claims = claims_of(request_token(sandbox, seal, scope="testetat:eu.read").json()["access_token"])
    assert claims["client_id"].startswith("eidas-")
    assert claims["client_amr"] == "QCForESeal"
    assert claims["consumer"] == {
        "authority": "etsi-en-319-412",
        "ID": "NTRSE-5560000001",
        "organizationName": "Exempelbolaget AB",
        "commonName": "Exempelbolaget AB",
        "countryName": "SE",
    }
    assert request_token(sandbox, seal, scope="testetat:eu.read", iss=LEFT_OUT).status_code == 200


def test_what_a_european_business_does_not_get(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    seal = {"client_id": "ignored", **sandbox.certificate("NTRSE-5560000001")}
    _change(sandbox, accessible_for_all=True)
    refused(request_token(sandbox, seal, scope=SCOPE), "invalid_scope", "MP-200", SCOPE)
    _change(sandbox, supports_european_businesses=True)
    assert request_token(sandbox, seal, scope=SCOPE).status_code == 200
    leaf = x5c_of(seal["certificate_chain_path"])[:1]
    refused(request_token(sandbox, seal, scope=SCOPE, header={"x5c": leaf}), "invalid_grant", "MP-120")
    refused(request_token(sandbox, seal, scope=SCOPE, consumer_org=CONSUMER), "invalid_request")
    forged = {"client_id": "x", **sandbox.certificate("NTRSE-5560000001", trusted=False)}
    refused(request_token(sandbox, forged, scope=SCOPE), "invalid_grant", "MP-120")
    stranger = {**seal, "private_key_path": sandbox.credentials("altinn")["private_key_path"]}
    refused(request_token(sandbox, stranger, scope=SCOPE), "invalid_grant", "MP-124")


def test_token_of_a_european_business_opens_no_self_service(sandbox: SandboxClient) -> None:
    seal = {"client_id": "x", **sandbox.certificate("NTRSE-5560000001")}
    sandbox.seed(
        {"scopes": [{"name": "testetat:eu", "description": "x", "supports_european_businesses": True}]}
    )
    token = request_token(sandbox, seal, scope="testetat:eu").json()["access_token"]
    answer = sandbox.http.get(
        f"{sandbox.urls['self_service']}/api/v1/scopes", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 403


# --- order and propagation -----------------------------------------------------------------------------------------


def test_order_of_the_checks(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    """A grant with every fault gets the answers one after the other as the faults are put right."""
    now = int(time.time())
    wrong: dict[str, Any] = {
        "foo": 1,
        "iss": "nobody",
        "aud": "https://wrong.example/",
        "iat": now + 1000,
        "exp": now + 1100,
        "scope": "testetat:other.read",
    }
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_file = sandbox.work_dir / "stranger.pem"
    key_file.write_bytes(stranger)
    credentials = {**consumer, "private_key_path": str(key_file)}
    header: dict[str, Any] = {"kid": "unknown"}

    def ask(jti: str = "order") -> str:
        body = request_token(sandbox, credentials, header=header, **{**wrong, "jti": jti}).json()
        return str(body.get("error_uri", body["error_description"]))

    assert "Unknown claim" in ask()
    del wrong["foo"]
    assert ask().endswith("MP-100")
    wrong["iss"] = consumer["client_id"]
    assert "Unknown key identifier" in ask()
    header.clear()
    assert ask().endswith("MP-124")
    credentials["private_key_path"] = consumer["private_key_path"]
    assert ask().endswith("MP-110")
    wrong["aud"] = sandbox.urls["maskinporten"]
    assert "Issue time" in ask()
    wrong["iat"] = now
    assert "too long lifetime" in ask()
    wrong["exp"] = now + 60
    assert ask().endswith("MP-200")
    assert ask().endswith("MP-012")
    wrong["scope"] = SCOPE
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": CONSUMER, "state": "DENIED"}]})
    wrong["authorization_details"] = [{"type": "urn:other"}]
    assert ask("next").endswith("MP-250")
    sandbox.seed({"access": [{"scope": SCOPE, "consumer_orgno": CONSUMER}]})
    assert ask("last").endswith("MP-301")


def test_changes_reach_the_token_service_later(sandbox: SandboxClient, consumer: dict[str, str]) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    base = f"{sandbox.urls['self_service']}/api/v1"
    headers = {"Authorization": f"Bearer {sandbox.token('administration', 'idporten:scopes.write')}"}
    sandbox.switch(propagation_seconds=60)
    answer = sandbox.http.delete(f"{base}/scopes/access/{CONSUMER}", params={"scope": SCOPE}, headers=headers)
    assert answer.json()["state"] == "DENIED"
    assert request_token(sandbox, consumer, scope=SCOPE).status_code == 200
    sandbox.clock(fixed=now + 59)
    assert request_token(sandbox, consumer, scope=SCOPE, iat=now + 59, exp=now + 100).status_code == 200
    sandbox.clock(fixed=now + 61)
    refused(
        request_token(sandbox, consumer, scope=SCOPE, iat=now + 61, exp=now + 100),
        "forbidden",
        "MP-250",
        status=403,
    )


def test_new_client_key_and_scope_reach_the_token_service_later(
    sandbox: SandboxClient, consumer: dict[str, str]
) -> None:
    now = int(time.time())
    sandbox.clock(fixed=now)
    sandbox.switch(propagation_seconds=30)
    base = f"{sandbox.urls['self_service']}/api/v1"
    token = sandbox.token("administration", "idporten:scopes.write idporten:dcr.write")
    headers = {"Authorization": f"Bearer {token}"}
    scope = "testetat:new.read"
    sandbox.http.post(
        f"{base}/scopes",
        json={"prefix": "testetat", "subscope": "new.read", "description": "x"},
        headers=headers,
    ).raise_for_status()
    sandbox.http.put(
        f"{base}/scopes/access/{OWNER}", params={"scope": scope}, headers=headers
    ).raise_for_status()
    client = {
        "client_name": "new",
        "description": "new",
        "integration_type": "maskinporten",
        "scopes": [scope],
        "grant_types": [JWT_BEARER],
    }
    client_id = sandbox.http.post(f"{base}/clients", json=client, headers=headers).json()["client_id"]
    key = next(c for c in sandbox.state()["clients"] if c["client_id"] == "consumer-client")["keys"][0]
    sent = {name: key[name] for name in ("kty", "kid", "use", "alg", "n", "e")}
    sandbox.http.put(
        f"{base}/clients/{client_id}/jwks/{key['kid']}", json=sent, headers=headers
    ).raise_for_status()
    credentials = {**consumer, "client_id": client_id}
    refused(request_token(sandbox, credentials, scope=scope), "invalid_grant", "MP-100")
    sandbox.clock(fixed=now + 31)
    assert request_token(sandbox, credentials, scope=scope, iat=now + 31, exp=now + 60).status_code == 200
