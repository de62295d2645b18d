# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-service API's clients (integrations) and their keys."""

from __future__ import annotations

import base64
import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.responses import Response

from . import organization_numbers
from .answers import JSON
from .keys import number_from_base64url, public_jwk
from .self_service import (
    CLIENT_ANSWER_ONLY,
    CLIENT_DEFAULTS,
    CLIENT_OPTIONAL,
    INTEGRATION_TYPES,
    JWT_BEARER,
    Call,
    Operation,
    Refused,
    new_client,
)

READ = "idporten:dcr.read"
WRITE = "idporten:dcr.write"
MODIFY = "idporten:dcr.modify"
SUPPLIER = "idporten:dcr.supplier"

_MOST_KEYS = 5
_YEAR = 365 * 86400
_KID = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
_KEY_ALGORITHMS = ("RS256", "RS384", "RS512")
_SMALLEST_MODULUS = 2048
_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_LIFETIMES = ("refresh_token_lifetime", "access_token_lifetime", "authorization_lifetime")
_LISTS = ("scopes", "grant_types", "redirect_uris", "post_logout_redirect_uris")
_BOOLEANS = ("active", "frontchannel_logout_session_required", "sso_disabled")
_ENUMS = {
    "application_type": ("web", "browser", "native"),
    "integration_type": INTEGRATION_TYPES,
    "token_endpoint_auth_method": ("private_key_jwt", "client_secret_post", "client_secret_basic", "none"),
    "refresh_token_usage": ("ONETIME", "REUSE"),
    "code_challenge_method": ("none", "S256"),
}
_GRANT_TYPES = ("authorization_code", "implicit", "refresh_token", JWT_BEARER)
_LONGEST_DESCRIPTION = 255

Problems = list[tuple[str, str]]


# --- clients -------------------------------------------------------------------------------------------------------


def _authorize_read(call: Call) -> None:
    call.authorize(READ, WRITE, MODIFY, SUPPLIER)


def _authorize_change(call: Call) -> None:
    """Demand a token that may change a client or its keys."""
    call.authorize(WRITE, MODIFY, SUPPLIER)


def _owns(call: Call, client: dict[str, Any]) -> bool:
    return call.organization in (client["client_orgno"], client.get("supplier_orgno"))


def _own_client(call: Call) -> dict[str, Any]:
    """The client in the path, if the caller owns it. Raises Refused 404 or 403."""
    client_id: str = call.request.path_params["client_id"]
    client: dict[str, Any] | None = call.box.state.clients.get(client_id)
    if client is None:
        raise Refused(call.box.switches["unknown_client_status"], "Client not found")
    if not _owns(call, client):
        raise Refused(403, "The authenticated organization does not own the client")
    return client


def _shown(call: Call, client: dict[str, Any]) -> dict[str, Any]:
    keys = call.box.state.keys.get(client["client_id"])
    if keys and call.box.switches["client_shows_jwks"]:
        return {**client, "jwks": {"keys": list(keys.values())}}
    return client


async def list_clients(call: Call) -> Response:
    _authorize_read(call)
    found = [
        client
        for client in call.box.state.clients.values()
        if _owns(call, client) and (client["active"] or call.flag("inactive"))
    ]
    return JSON(found) if found else call.nothing("any clients")


async def get_client(call: Call) -> Response:
    _authorize_read(call)
    return JSON(_shown(call, _own_client(call)))


async def create_client(call: Call) -> Response:
    call.authorize(WRITE, SUPPLIER)
    body = await call.body("Client")
    _sort_out(call, body)
    owner = _owner(call, body)
    _check_client(call, body, owner)
    client_id = body.get("client_id") or call.box.new_id()
    if client_id in call.box.state.clients:
        raise Refused(409, "Client exists already")
    client = new_client(body, client_id, owner, call.box.timestamp(3))
    call.box.remember("clients", client_id)
    call.box.state.clients[client_id] = client
    return JSON(client)


async def update_client(call: Call) -> Response:
    call.authorize(WRITE, MODIFY, SUPPLIER)
    client = _own_client(call)
    body = await call.body("Client")
    _sort_out(call, body)
    body.setdefault("client_orgno", client["client_orgno"])
    owner = _owner(call, body)
    if owner != client["client_orgno"]:
        raise Refused.fields("Client", [("client_orgno", "client_orgno cannot be changed")])
    if body.get("client_id") not in (None, "", client["client_id"]):
        raise Refused.fields("Client", [("client_id", "client_id cannot be changed")])
    if body.get("integration_type") not in (None, "", client["integration_type"]):
        raise Refused.fields("Client", [("integration_type", "integration_type cannot be changed")])
    if not client["active"] and call.box.switches["client_reactivation"] == "refused":
        raise Refused(409, "Client is inactive")
    body["integration_type"] = client["integration_type"]
    _check_client(call, body, owner)
    changed = new_client(body, client["client_id"], owner, client["created"])
    changed["last_updated"] = call.box.timestamp(3)
    changed["onbehalfof"] = client["onbehalfof"]
    call.box.remember("clients", client["client_id"])
    call.box.state.clients[client["client_id"]] = changed
    return JSON(_shown(call, changed))


async def deactivate_client(call: Call) -> Response:
    call.authorize(WRITE, SUPPLIER)
    client = _own_client(call)
    call.box.remember("clients", client["client_id"])
    call.box.state.clients[client["client_id"]] = {
        **client,
        "active": False,
        "last_updated": call.box.timestamp(3),
    }
    return Response(status_code=200)


async def create_secret(call: Call) -> Response:
    call.authorize(WRITE, SUPPLIER)
    client = _own_client(call)
    if not client["token_endpoint_auth_method"].startswith("client_secret"):
        raise Refused(400, "The client does not use a secret")
    return JSON({**client, "client_secret": secrets.token_urlsafe(32)})


def _sort_out(call: Call, body: dict[str, Any]) -> None:
    known = ("client_id", *CLIENT_DEFAULTS, *CLIENT_OPTIONAL, *CLIENT_ANSWER_ONLY)
    call.sort_out_fields(body, known, CLIENT_ANSWER_ONLY, "Client")


def _owner(call: Call, body: dict[str, Any]) -> str:
    """The organisation that will own the client. Raises Refused 400 or 403."""
    owner = body.get("client_orgno") or call.organization
    if not organization_numbers.is_valid(owner):
        raise Refused.fields("Client", [("client_orgno", "client_orgno is not a valid organization number")])
    supplies = SUPPLIER in call.oauth_scopes
    if owner != call.organization and not supplies:
        raise Refused(403, "The token lacks idporten:dcr.supplier")
    if body.get("supplier_orgno"):
        if not supplies:
            raise Refused(403, "The token lacks idporten:dcr.supplier")
        if body["supplier_orgno"] != call.organization:
            raise Refused(403, "supplier_orgno must be the authenticated organization")
    elif supplies and owner != call.organization:
        body["supplier_orgno"] = call.organization
    return str(owner)


def _check_client(call: Call, body: dict[str, Any], owner: str) -> None:
    """Validate a client that was sent. Raises Refused with all field errors."""
    problems: Problems = []
    for name in ("client_name", "description", "integration_type"):
        if not isinstance(body.get(name), str) or not body[name].strip():
            problems.append((name, f"{name} must not be blank"))
    description = body.get("description")
    if isinstance(description, str) and len(description) > _LONGEST_DESCRIPTION:
        problems.append(("description", f"description must be at most {_LONGEST_DESCRIPTION} characters"))
    if body.get("client_id") is not None and not (
        isinstance(body["client_id"], str) and _KID.match(body["client_id"])
    ):
        problems.append(("client_id", "client_id is not valid"))
    for name, values in _ENUMS.items():
        if body.get(name) is not None and body[name] not in values:
            problems.append((name, f"{name} must be one of {', '.join(values)}"))
    for name in _LIFETIMES:
        problems += _lifetime_problem(call, name, body.get(name))
    for name in _LISTS:
        value = body.get(name)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(part, str) for part in value)
        ):
            problems.append((name, f"{name} must be a list of texts"))
    for name in _BOOLEANS:
        if body.get(name) is not None and not isinstance(body[name], bool):
            problems.append((name, f"{name} must be true or false"))
    if not problems:
        problems += _grant_type_problems(body)
        problems += _scope_problems(call, body, owner)
    if problems:
        raise Refused.fields("Client", problems)


def _lifetime_problem(call: Call, name: str, value: Any) -> Problems:
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return [(name, f"{name} must be a whole number")]
    if value == 0 and call.box.switches["reject_zero_lifetime"]:
        return [(name, f"{name} must be at least 1")]
    return []


def _grant_type_problems(body: dict[str, Any]) -> Problems:
    grant_types = body.get("grant_types") or []
    problems: Problems = [
        ("grant_types", f"grant type {entry} is unknown")
        for entry in grant_types
        if entry not in _GRANT_TYPES
    ]
    if body["integration_type"] != "maskinporten":
        return problems
    if grant_types and grant_types != [JWT_BEARER]:
        problems.append(("grant_types", f"a maskinporten client has the grant type {JWT_BEARER}"))
    if (body.get("token_endpoint_auth_method") or "private_key_jwt") != "private_key_jwt":
        problems.append(("token_endpoint_auth_method", "a maskinporten client uses private_key_jwt"))
    return problems


def _scope_problems(call: Call, body: dict[str, Any], owner: str) -> Problems:
    problems: Problems = []
    state = call.box.state
    for name in body.get("scopes") or []:
        scope = state.scopes.get(name)
        if scope is None or not scope["active"]:
            if ":" in name or body["integration_type"] == "maskinporten":
                problems.append(("scopes", f"scope {name} does not exist"))
            continue
        types = scope["allowed_integration_types"]
        if types and body["integration_type"] not in types:
            problems.append(("scopes", f"scope {name} is not allowed for {body['integration_type']}"))
        elif call.box.switches["client_scope_needs_access"]:
            access = state.accesses.get(name, {}).get(owner)
            if not (
                (access and access["state"] == "APPROVED")
                or scope["accessible_for_all"]
                or scope.get("delegation_source")
            ):
                problems.append(("scopes", f"the organization has no access to scope {name}"))
    return problems


# --- keys ----------------------------------------------------------------------------------------------------------


def _keys(call: Call, client: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = call.box.state.keys.get(client["client_id"], {})
    return found


def _store(call: Call, client: dict[str, Any], keys: dict[str, dict[str, Any]]) -> None:
    call.box.remember("keys", client["client_id"])
    call.box.state.keys[client["client_id"]] = keys


def _new_key(
    call: Call, client: dict[str, Any], key: Any, present: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The key as it is stored: without what the server sets, with its time limit. Raises Refused 400 or 409."""
    if not isinstance(key, dict):
        raise Refused(400, "A key is a JSON object")
    problems: Problems = []
    private = [name for name in _PRIVATE_MEMBERS if name in key]
    if private:
        problems.append((private[0], f"a key must not hold the private member {private[0]}"))
    problems += _key_type_problems(call, key)
    kid = key.get("kid")
    if not isinstance(kid, str) or not _KID.match(kid):
        problems.append(("kid", "kid must consist of letters, digits, '.', '_' and '-'"))
    if key.get("use") != "sig" and (key.get("use") is not None or call.box.switches["require_use_on_jwk"]):
        problems.append(("use", "use must be sig"))
    now = int(call.box.now())
    expires = key.get("exp")
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, int)):
        problems.append(("exp", "exp must be a whole number"))
    elif expires is not None and expires <= now:
        problems.append(("exp", "exp is in the past"))
    elif expires is not None and expires > now + _YEAR and call.box.switches["key_beyond_year"] == "reject":
        problems.append(("exp", "exp must be at most one year ahead"))
    if not problems and key.get("x5c") is not None:
        problems += _certificate_problems(key)
    if problems:
        raise Refused.fields("JWK", problems)
    if call.box.switches["kid_unique"] == "everywhere":
        for client_id, others in call.box.state.keys.items():
            if client_id != client["client_id"] and kid in others:
                raise Refused(409, f"The key identifier {kid} is in use")
    stamp = call.box.timestamp(3)
    before = present.get(str(kid), {})
    same = all(before.get(name) == key.get(name) for name in ("n", "e"))
    sent = {
        name: value
        for name, value in key.items()
        if name not in ("created", "last_updated") and value is not None
    }
    return {
        **sent,
        "exp": min(expires or now + _YEAR, now + _YEAR),
        "created": before["created"] if before and same else stamp,
        "last_updated": stamp,
    }


def _key_type_problems(call: Call, key: dict[str, Any]) -> Problems:
    if key.get("kty") == "EC" and call.box.switches["accept_ec_keys"]:
        return []
    if key.get("kty") != "RSA":
        return [("kty", "kty must be RSA")]
    problems: Problems = []
    try:
        if number_from_base64url(key["n"]).bit_length() < _SMALLEST_MODULUS:
            problems.append(("n", f"n must have at least {_SMALLEST_MODULUS} bits"))
        number_from_base64url(key["e"])
    except (KeyError, ValueError, TypeError, AttributeError):
        problems.append(("n", "n and e must be base64url numbers"))
    if key.get("alg") not in _KEY_ALGORITHMS:
        problems.append(("alg", f"alg must be one of {', '.join(_KEY_ALGORITHMS)}"))
    return problems


def _certificate_problems(key: dict[str, Any]) -> Problems:
    """The certificate that comes with a key must hold that key."""
    try:
        leaf = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0], validate=True))
        public = leaf.public_key()
    except (ValueError, TypeError, KeyError, IndexError):
        return [("x5c", "x5c must be an array of base64 DER certificates")]
    if not isinstance(public, rsa.RSAPublicKey) or public.public_numbers().n != number_from_base64url(
        key["n"]
    ):
        return [("x5c", "x5c holds another key")]
    return []


async def get_keys(call: Call) -> Response:
    _authorize_read(call)
    keys = _keys(call, _own_client(call))
    if not keys:
        raise Refused(404, "Client does not have any keys")
    return JSON({"keys": list(keys.values())})


async def replace_keys(call: Call) -> Response:
    _authorize_change(call)
    client = _own_client(call)
    body = await call.body("JWKS")
    sent = body.get("keys")
    if not isinstance(sent, list) or not sent:
        raise Refused.fields("JWKS", [("keys", "keys must not be empty")])
    if len(sent) > _MOST_KEYS:
        raise Refused.fields("JWKS", [("keys", f"a client has at most {_MOST_KEYS} keys")])
    present = _keys(call, client)
    keys: dict[str, dict[str, Any]] = {}
    for key in sent:
        stored = _new_key(call, client, key, present)
        if stored["kid"] in keys:
            raise Refused.fields("JWKS", [("kid", f"kid {stored['kid']} is there twice")])
        keys[stored["kid"]] = stored
    _store(call, client, keys)
    return JSON({"keys": list(keys.values())})


async def delete_keys(call: Call) -> Response:
    _authorize_change(call)
    client = _own_client(call)
    if not _keys(call, client):
        raise Refused(404, "Client does not have any keys")
    _store(call, client, {})
    return Response(status_code=200)


async def get_key(call: Call) -> Response:
    _authorize_read(call)
    key = _keys(call, _own_client(call)).get(call.request.path_params["kid"])
    if key is None:
        raise Refused(404, "Key not found")
    return JSON(key)


def _put(call: Call, client: dict[str, Any], key: Any) -> Response:
    """Add or replace one key, leaving the others."""
    present = _keys(call, client)
    stored = _new_key(call, client, key, present)
    if stored["kid"] not in present and len(present) >= _MOST_KEYS:
        raise Refused.fields("JWKS", [("keys", f"a client has at most {_MOST_KEYS} keys")])
    _store(call, client, {**present, stored["kid"]: stored})
    return JSON(stored)


async def put_key(call: Call) -> Response:
    _authorize_change(call)
    client = _own_client(call)
    body = await call.body("JWK")
    kid: str = call.request.path_params["kid"]
    if body.get("kid", kid) != kid:
        raise Refused.fields("JWK", [("kid", "kid differs from the path")])
    return _put(call, client, {**body, "kid": kid})


async def delete_key(call: Call) -> Response:
    _authorize_change(call)
    client = _own_client(call)
    keys = _keys(call, client)
    kid: str = call.request.path_params["kid"]
    if kid not in keys:
        raise Refused(404, "Key not found")
    _store(call, client, {name: key for name, key in keys.items() if name != kid})
    return Response(status_code=200)


async def upload_key(call: Call) -> Response:
    """The version 2 upload: a certificate, a public key or a JWK as plain text."""
    _authorize_change(call)
    client = _own_client(call)
    if call.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/plain":
        raise Refused(415, "Content type must be text/plain")
    text = (await call.request.body()).decode("utf-8", "replace").strip()
    key: Any
    if "PRIVATE KEY-----" in text:
        raise Refused(400, "A private key must not be uploaded")
    if text.startswith("{"):
        try:
            key = json.loads(text)
        except ValueError as error:
            raise Refused(400, "JSON parse error") from error
        key.setdefault("kid", call.box.new_id())
    else:
        key = _key_of_pem(text, call.box.new_id(), call.box.now_datetime())
    return _put(call, client, key)


def _key_of_pem(text: str, kid: str, now: datetime) -> dict[str, Any]:
    """The JWK of a certificate or public key in PEM. Raises Refused 400."""
    extra: dict[str, Any] = {}
    try:
        if "BEGIN CERTIFICATE-----" in text:
            certificate = x509.load_pem_x509_certificate(text.encode())
            if certificate.not_valid_after_utc <= now:
                raise Refused(400, "The certificate has expired")
            public: object = certificate.public_key()
            der = certificate.public_bytes(serialization.Encoding.DER)
            extra = {
                "x5c": [base64.b64encode(der).decode()],
                "exp": int(certificate.not_valid_after_utc.astimezone(UTC).timestamp()),
            }
        else:
            public = serialization.load_pem_public_key(text.encode())
    except ValueError as error:
        raise Refused(400, "The text is neither a certificate, a public key nor a JWK") from error
    if not isinstance(public, rsa.RSAPublicKey):
        raise Refused(400, "The key is not an RSA key")
    return {**public_jwk(public, kid), **extra}


# --- sub-clients ---------------------------------------------------------------------------------------------------


_SUB_CLIENT_FIELDS = ("onbehalfof", "name", "orgno", "organization_name", "description", "uri", "logo_uri")


def _sub_client(call: Call, body: dict[str, Any], created: str | None = None) -> dict[str, Any]:
    problems = [
        (name, f"{name} must not be blank")
        for name in ("onbehalfof", "name", "orgno")
        if not isinstance(body.get(name), str) or not body[name]
    ]
    if not problems and not organization_numbers.is_valid(body["orgno"]):
        problems.append(("orgno", "orgno is not a valid organization number"))
    if problems:
        raise Refused.fields("OnBehalfOf", problems)
    stamp = call.box.timestamp(3)
    entry = {name: body[name] for name in _SUB_CLIENT_FIELDS if body.get(name)}
    entry.setdefault("organization_name", call.box.state.organization_name(body["orgno"]) or "")
    return {**entry, "created": created or stamp, "last_updated": stamp}


def _store_sub_clients(call: Call, client: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    call.box.remember("clients", client["client_id"])
    call.box.state.clients[client["client_id"]] = {**client, "onbehalfof": entries}


def _find_sub_client(call: Call, client: dict[str, Any]) -> dict[str, Any]:
    for entry in client["onbehalfof"]:
        if entry["onbehalfof"] == call.request.path_params["sub_client"]:
            found: dict[str, Any] = entry
            return found
    raise Refused(404, "OnBehalfOf not found")


async def list_sub_clients(call: Call) -> Response:
    _authorize_read(call)
    client = _own_client(call)
    return JSON(client["onbehalfof"]) if client["onbehalfof"] else call.nothing("any onbehalfof")


async def create_sub_client(call: Call) -> Response:
    call.authorize(WRITE)
    client = _own_client(call)
    entry = _sub_client(call, await call.body("OnBehalfOf"))
    if any(other["onbehalfof"] == entry["onbehalfof"] for other in client["onbehalfof"]):
        raise Refused(409, "OnBehalfOf exists already")
    _store_sub_clients(call, client, [*client["onbehalfof"], entry])
    return JSON(entry)


async def get_sub_client(call: Call) -> Response:
    _authorize_read(call)
    return JSON(_find_sub_client(call, _own_client(call)))


async def update_sub_client(call: Call) -> Response:
    call.authorize(WRITE)
    client = _own_client(call)
    before = _find_sub_client(call, client)
    body = await call.body("OnBehalfOf")
    entry = _sub_client(call, {**body, "onbehalfof": before["onbehalfof"]}, before["created"])
    _store_sub_clients(call, client, [entry if other is before else other for other in client["onbehalfof"]])
    return JSON(entry)


async def delete_sub_client(call: Call) -> Response:
    call.authorize(WRITE)
    client = _own_client(call)
    entry = _find_sub_client(call, client)
    _store_sub_clients(call, client, [other for other in client["onbehalfof"] if other is not entry])
    return Response(status_code=200)


OPERATIONS: tuple[tuple[str, str, Operation], ...] = (
    ("GET", "/clients", list_clients),
    ("POST", "/clients", create_client),
    ("GET", "/clients/{client_id}", get_client),
    ("PUT", "/clients/{client_id}", update_client),
    ("DELETE", "/clients/{client_id}", deactivate_client),
    ("POST", "/clients/{client_id}/secret", create_secret),
    ("GET", "/clients/{client_id}/jwks", get_keys),
    ("POST", "/clients/{client_id}/jwks", replace_keys),
    ("DELETE", "/clients/{client_id}/jwks", delete_keys),
    ("GET", "/clients/{client_id}/jwks/{kid}", get_key),
    ("PUT", "/clients/{client_id}/jwks/{kid}", put_key),
    ("DELETE", "/clients/{client_id}/jwks/{kid}", delete_key),
    ("GET", "/clients/{client_id}/onbehalfof", list_sub_clients),
    ("POST", "/clients/{client_id}/onbehalfof", create_sub_client),
    ("GET", "/clients/{client_id}/onbehalfof/{sub_client}", get_sub_client),
    ("PUT", "/clients/{client_id}/onbehalfof/{sub_client}", update_sub_client),
    ("DELETE", "/clients/{client_id}/onbehalfof/{sub_client}", delete_sub_client),
)
