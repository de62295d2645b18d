# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""maskinporten_doctor: the sandbox produces each known error by a real request, and the doctor names it.

The answer goes to the doctor as a consumer would paste it: the body, with status and service.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import SandboxClient
from tests.doctor_patients import CONSUMER, SCOPE, SUPPLIER, doctor, seed_whole
from tests.sandbox_grants import JWT_BEARER, LEFT_OUT, request_token, send_assertion, sign_grant, x5c_of

# --- the token endpoint ----------------------------------------------------------------------------------------------


def _consumer(sandbox: SandboxClient) -> dict[str, str]:
    return sandbox.credentials("client", "consumer")


def _ask(**grant: Any) -> Callable[[SandboxClient], httpx.Response]:
    """A grant of the consumer's client that is right but for what is said here."""
    return lambda sandbox: request_token(sandbox, _consumer(sandbox), **{"scope": SCOPE, **grant})


def _replayed(sandbox: SandboxClient) -> httpx.Response:
    assertion = sign_grant(sandbox, _consumer(sandbox), scope=SCOPE)
    assert send_assertion(sandbox, assertion).status_code == 200
    return send_assertion(sandbox, assertion)


def _token_address_as_audience(sandbox: SandboxClient) -> httpx.Response:
    return request_token(sandbox, _consumer(sandbox), scope=SCOPE, aud=f"{sandbox.urls['maskinporten']}token")


def _expired_certificate(sandbox: SandboxClient) -> httpx.Response:
    issued = sandbox.certificate("310001007", expired=True)
    return request_token(sandbox, {**sandbox.credentials("administration"), **issued})


def _certificate_of_another(sandbox: SandboxClient) -> httpx.Response:
    return request_token(sandbox, {**sandbox.credentials("administration"), **sandbox.certificate(CONSUMER)})


def _unreadable_chain(sandbox: SandboxClient) -> httpx.Response:
    known = sandbox.credentials("administration")
    return request_token(sandbox, known, header={"x5c": x5c_of(known["certificate_chain_path"])[0]})


def _expired_key(sandbox: SandboxClient) -> httpx.Response:
    sandbox.clock(offset=366 * 86400)
    return _ask()(sandbox)


def _another_key(sandbox: SandboxClient) -> httpx.Response:
    other = sandbox.credentials("altinn")["private_key_path"]
    return request_token(sandbox, {**_consumer(sandbox), "private_key_path": other}, scope=SCOPE)


def _times(issued: int, expires: int) -> Callable[[SandboxClient], httpx.Response]:
    def ask(sandbox: SandboxClient) -> httpx.Response:
        now = int(time.time())
        return _ask(iat=now + issued, exp=now + expires)(sandbox)

    return ask


def _certificate_though_keys(sandbox: SandboxClient) -> httpx.Response:
    chain = x5c_of(sandbox.certificate(CONSUMER)["certificate_chain_path"])
    return _ask(header={"kid": LEFT_OUT, "x5c": chain})(sandbox)


def _scope_for_others(sandbox: SandboxClient) -> httpx.Response:
    seed_whole(sandbox, scope={"allowed_integration_types": ["idporten"]})
    return _ask()(sandbox)


def _no_access(sandbox: SandboxClient) -> httpx.Response:
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [CONSUMER], "state": "DENIED"}]})
    return _ask()(sandbox)


def _not_delegated(sandbox: SandboxClient) -> httpx.Response:
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": ["312345676"]}]})
    supplier = sandbox.credentials("client", "supplier")
    return request_token(sandbox, supplier, scope=SCOPE, consumer_org="312345676")


def _details(**entry: Any) -> Callable[[SandboxClient], httpx.Response]:
    return _ask(authorization_details=[entry])


def _wrong_grant_type(sandbox: SandboxClient) -> httpx.Response:
    return sandbox.http.post(
        f"{sandbox.urls['maskinporten']}token", data={"grant_type": "password", "assertion": "x"}
    )


_PARTY = {"authority": "iso6523-actorid-upis", "ID": f"0192:{CONSUMER}"}

#: What is asked, the code (or None where Maskinporten names none), words of the doctor's explanation.
TOKEN_ERRORS: dict[str, tuple[Callable[[SandboxClient], httpx.Response], str | None, str]] = {
    "MP-011": (_ask(scope="testetat:cases.read\n"), "MP-011", "malformed"),
    "unknown claim": (_ask(foo="bar"), None, "a claim that Maskinporten does not know"),
    "own consumer_org": (_ask(consumer_org=CONSUMER), None, "consumer_org is the client's own organisation"),
    "MP-012": (_replayed, "MP-012", "was used before"),
    "MP-100": (_ask(iss="no-such-client"), "MP-100", "a client lives in test or in production"),
    "MP-110": (_token_address_as_audience, "MP-110", "another audience"),
    "MP-120": (_expired_certificate, "MP-120", "a test certificate in test and a production certificate"),
    "MP-121": (_expired_key, "MP-121", "past its life of one year"),
    "MP-122": (_certificate_of_another, "MP-122", "not the client's organisation"),
    "MP-123": (_unreadable_chain, "MP-123", "chain in the grant cannot be read"),
    "MP-124": (_another_key, "MP-124", "the signature does not fit"),
    "MP-130": (_times(-300, -180), "MP-130", "had expired when it arrived"),
    "issue time": (_times(60, 120), None, "clock is ahead"),
    "lifetime": (_times(0, 1000), None, "lives longer than Maskinporten allows"),
    "unknown kid": (_ask(header={"kid": "no-such-key"}), None, "no key with this key_id"),
    "kid required": (_certificate_though_keys, None, "the client has registered keys"),
    "neither": (_ask(header={"kid": LEFT_OUT}), None, "neither a registered key nor a certificate"),
    "MP-200": (_ask(scope="testetat:no.such"), "MP-200", "not registered on the client"),
    "MP-201": (_scope_for_others, "MP-201", "does not allow Maskinporten clients"),
    "MP-250": (_no_access, "MP-250", "the organisation has no access"),
    "MP-251": (_not_delegated, "MP-251", "has not delegated the scope to this supplier"),
    "MP-301": (_details(type="urn:example:other"), "MP-301", "is not supported"),
    "MP-302": (
        _details(type="urn:altinn:systemuser", extra=1),
        "MP-302",
        "fields that Maskinporten does not know",
    ),
    "MP-303": (_details(type="urn:altinn:systemuser", systemuser_org=_PARTY), "MP-303", "no system user"),
    "grant type": (_wrong_grant_type, None, "grant type is not the one"),
}


@pytest.mark.parametrize("case", TOKEN_ERRORS)
def test_an_error_of_the_token_endpoint_is_produced_and_named(sandbox: SandboxClient, case: str) -> None:
    seed_whole(sandbox)
    produce, code, words = TOKEN_ERRORS[case]
    answer = produce(sandbox)
    assert answer.status_code >= 400, "the sandbox gave a token"
    body = answer.json()
    assert (f"/errors/{code}" if code else None) == (
        body["error_uri"][body["error_uri"].index("/errors/") :] if "error_uri" in body else None
    )
    result = doctor(sandbox, error=f"HTTP {answer.status_code} {answer.text}", administration=None)
    cause = result["causes"][0]
    assert cause["service"] == "token endpoint"
    assert words in f"{cause['meaning']}; {cause['remedy']}"
    assert len(result["causes"]) == 1
    assert cause["trace_id"] in body["error_description"]
    assert cause["meaning"] in " ".join(result["report"].split())
    # The same without the code: people paste the sentence alone.
    alone = doctor(sandbox, error=body["error_description"], administration=None)
    assert alone["causes"][0]["meaning"] == cause["meaning"]


def test_every_code_of_the_sandbox_is_among_the_cases() -> None:
    """A code that the sandbox learns must be known here too."""
    import sys

    from tests.conftest import SANDBOX_PACKAGE

    sys.path.insert(0, str(SANDBOX_PACKAGE))
    try:
        from sandbox.maskinporten import _ERRORS  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(SANDBOX_PACKAGE))
    assert len(TOKEN_ERRORS) == len(_ERRORS)
    assert {code for _produce, code, _words in TOKEN_ERRORS.values() if code} == {
        code for code in _ERRORS if code.startswith("MP-")
    }


@pytest.mark.parametrize("status", [400, 403])
def test_mp_250_is_known_whichever_status_it_has(sandbox: SandboxClient, status: int) -> None:
    seed_whole(sandbox)
    sandbox.switch(forbidden_status=status)
    answer = _no_access(sandbox)
    assert answer.status_code == status
    result = doctor(sandbox, error=answer.text, scope=SCOPE, organization=CONSUMER)
    assert result["causes"][0]["code"] == "MP-250"
    assert result["first_broken"]["link"] == "access"
    assert "was taken away" in result["first_broken"]["message"]


def test_the_older_form_of_the_trace_id_is_read(sandbox: SandboxClient) -> None:
    text = "Grant is used before. (correlation id: 3f9d2b7a-6c5e-4f10-8a1b-2c3d4e5f6071)"
    (cause,) = doctor(sandbox, error=text)["causes"]
    assert cause["trace_id"] == "3f9d2b7a-6c5e-4f10-8a1b-2c3d4e5f6071"


# --- the self-service API ------------------------------------------------------------------------------------------------

_WRITE, _CLIENTS = "idporten:scopes.write", "idporten:dcr.write"


def _call(
    method: str, path: str, *, scope: str = _WRITE, body: Any = None, token: str | None = None
) -> Callable[[SandboxClient], httpx.Response]:
    def call(sandbox: SandboxClient) -> httpx.Response:
        bearer = token or sandbox.token("administration", scope)
        base = sandbox.urls["self_service"].rstrip("/")
        base = base if base.endswith("/api/v1") else f"{base}/api/v1"
        return sandbox.http.request(
            method, f"{base}{path}", json=body, headers={"Authorization": f"Bearer {bearer}"}
        )

    return call


def _expired_token(sandbox: SandboxClient) -> httpx.Response:
    token = sandbox.token("administration", _WRITE)
    sandbox.clock(advance=600)
    return _call("GET", "/scopes", token=token)(sandbox)


def _deactivated_name(sandbox: SandboxClient) -> httpx.Response:
    seed_whole(sandbox, scope={"active": False})
    body = {"prefix": "testetat", "subscope": "cases.read", "description": "x", "visibility": "PRIVATE"}
    return _call("POST", "/scopes", body=body)(sandbox)


def _unsigned(sandbox: SandboxClient) -> httpx.Response:
    sandbox.switch(terms_signed=False)
    return _call("GET", "/scopes")(sandbox)


def _empty(mode: str) -> Callable[[SandboxClient], httpx.Response]:
    def call(sandbox: SandboxClient) -> httpx.Response:
        sandbox.switch(empty_list=mode)
        sandbox.seed({"scopes": [{"prefix": "testetat", "subscope": "new", "description": "x"}]})
        return _call("GET", "/scopes/access?scope=testetat:new")(sandbox)

    return call


def _key_without_use(sandbox: SandboxClient) -> httpx.Response:
    keys = _call("GET", "/clients/testetat-altinn/jwks", scope=_CLIENTS)(sandbox).json()["keys"]
    key = {name: value for name, value in keys[0].items() if name not in ("use", "created", "last_updated")}
    return _call("PUT", f"/clients/testetat-altinn/jwks/{key['kid']}", scope=_CLIENTS, body=key)(sandbox)


def _client_body(**more: Any) -> dict[str, Any]:
    return {
        "client_name": "x", "description": "x", "integration_type": "maskinporten", "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt", "grant_types": [JWT_BEARER], "scopes": [], **more,
    }  # fmt: skip


def _unexpected(sandbox: SandboxClient) -> httpx.Response:
    body = '{"status":500,"error":"Unexpected error","error_description":"Unexpected error"}'
    sandbox.fault(route="GET /self-service/api/v1/scopes", kind="status", status=500, body=body)
    return _call("GET", "/scopes")(sandbox)


SELF_SERVICE_ERRORS: dict[str, tuple[Callable[[SandboxClient], httpx.Response], int, str]] = {
    "lifetime 0": (
        _call("POST", "/clients", scope=_CLIENTS, body=_client_body(access_token_lifetime=0)),
        400,
        "lifetime of 0",
    ),
    "key without use": (_key_without_use, 400, "lacks its use"),
    "invalid consumer": (
        _call("PUT", f"/scopes/access/310002101?scope={SCOPE}"),
        400,
        "not one that Maskinporten accepts",
    ),
    "expired token": (_expired_token, 401, "the token has expired"),
    "not the owner": (
        _call("GET", "/scopes/scope?scope=idporten:scopes.write"),
        403,
        "another organisation owns it",
    ),
    "missing OAuth scope": (_call("GET", "/clients"), 403, "lacks an OAuth scope"),
    "unknown client": (_call("GET", "/clients/no-such-client", scope=_CLIENTS), 404, "no such client"),
    "empty list (404)": (_empty("error404"), 404, "the list is empty"),
    "empty list (400)": (_empty("error400"), 400, "the list is empty"),
    "client without keys": (
        _call("GET", "/clients/testetat-administration/jwks", scope=_CLIENTS),
        404,
        "the list is empty",
    ),
    "deactivated name": (_deactivated_name, 409, "exists already, or is deactivated"),
    "terms not signed": (_unsigned, 428, "has not signed the terms of use"),
    "unexpected": (_unexpected, 500, "the service failed"),
}


@pytest.mark.parametrize("case", SELF_SERVICE_ERRORS)
def test_an_error_of_the_self_service_api_is_produced_and_named(sandbox: SandboxClient, case: str) -> None:
    seed_whole(sandbox)
    produce, status, words = SELF_SERVICE_ERRORS[case]
    answer = produce(sandbox)
    assert answer.status_code == status, answer.text
    pasted = f"HTTP {answer.status_code} from the self-service API: {answer.text}"
    result = doctor(sandbox, error=pasted, administration=None)
    cause = result["causes"][0]
    assert cause["service"] == "self-service API", result["causes"]
    assert words in cause["meaning"]
    assert cause["remedy"]


def test_a_gateways_page_instead_of_json_is_no_bug(sandbox: SandboxClient) -> None:
    sandbox.fault(route="GET /self-service/api/v1/scopes", kind="html", status=502)
    answer = _call("GET", "/scopes")(sandbox)
    result = doctor(sandbox, error=f"502 from the self-service API {answer.text}", administration=None)
    assert not result["failed"]


def test_a_revocation_with_a_path_for_a_number_is_what_the_doctor_never_sends(sandbox: SandboxClient) -> None:
    """What the trap is about: in the address, '..' turns a revocation into a deactivation of the scope."""
    seed_whole(sandbox)
    base = sandbox.urls["self_service"].rstrip("/")
    base = base if base.endswith("/api/v1") else f"{base}/api/v1"
    token = sandbox.token("administration", _WRITE)
    # httpx, like every client, takes '..' out of the address before it is sent.
    sandbox.http.delete(
        f"{base}/scopes/access/../?scope={SCOPE}".replace("/?", "?"),
        headers={"Authorization": f"Bearer {token}"},
    )
    scope = sandbox.scope(SCOPE)
    assert scope is not None
    assert scope["active"] is False
    sandbox.clear_requests()
    result = doctor(sandbox, scope=SCOPE, organization="..")
    assert result["first_broken"]["trap"] == "path_as_number"
    assert all(".." not in entry["path"] for entry in sandbox.requests())
    assert SUPPLIER not in result["report"]
