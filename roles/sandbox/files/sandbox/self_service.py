# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-service API: scopes, access, prefixes, delegation sources, organisations, clients and keys.

Paths, fields and errors follow Digdir's self-service API, ``/api/v1`` (and ``/api/v2`` for key upload).
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import organization_numbers
from .answers import JSON, correlation_id, self_service_error
from .core import Sandbox, TokenRejected
from .switches import declare

DIGDIR = "991825827"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

declare(
    "empty_list",
    "error404",
    ("error404", "error400", "array"),
    "answer where there is nothing to list: an error that says 'does not have any', or []",
    "how the self-service API answers an empty list is not documented; its portal handles the error",
)
declare(
    "write_implies_read",
    True,
    bool,
    "a token with idporten:scopes.write may read too; off demands idporten:scopes.read where the API document does",
    "the API document asks for read, clients in production read with write alone",
)
declare(
    "terms_signed",
    True,
    bool,
    "off: every organisation meets 428 PRECONDITION_REQUIRED",
    "terms of use, 2026",
)
declare(
    "legacy_paths", False, bool, "serve the paths from before /api/v1 too", "self-service API before 2025"
)
declare(
    "delegationsource_timestamp_key",
    "lastUpdated",
    ("lastUpdated", "last_updated"),
    "how a delegation source spells its time of change",
    "the API document and a client's recordings differ",
)
declare("duplicate_scope_status", 409, (409, 400), "answer to POST of a scope that exists and is active")
declare("foreign_prefix_status", 403, (403, 400), "answer to POST of a scope with another owner's prefix")
declare("unknown_scope_status", 404, (404, 400, 403), "answer where the scope does not exist")
declare(
    "unknown_fields",
    "store",
    ("store", "ignore", "reject"),
    "what a write does with fields the API does not know: keep and show them, drop them, or answer 400",
)
declare(
    "read_only_fields",
    "ignore",
    ("ignore", "reject"),
    "what PUT does with created, last_updated and the like",
)
declare("changed_name", "ignore", ("ignore", "reject"), "what PUT does with another prefix, subscope or name")
declare(
    "delegation_source_removal",
    "absent",
    ("absent", "ignored", "refused"),
    "PUT without delegation_source: takes it away, leaves it, or answers 400",
)
declare("same_put_touches", True, bool, "PUT of the same content moves last_updated")
declare(
    "delete_inactive_scope_status", 409, (409, 200), "answer to DELETE of a scope that is inactive already"
)
declare("denied_access_listed", False, bool, "access lists show DENIED entries even without inactive=true")
declare(
    "access_without_scope",
    "error400",
    ("error400", "everything"),
    "answer to GET /scopes/access with neither scope nor consumer_orgno",
)
declare("regrant_status", 200, (200, 409), "answer to PUT of an access that is APPROVED already")
declare(
    "revoke_without_access_status",
    404,
    (404, 400, 409),
    "answer to DELETE of an access that is not there or is DENIED",
)
declare("grant_inactive_scope_status", 409, (409, 200), "answer to PUT of an access on an inactive scope")
declare(
    "unknown_consumer",
    "reject",
    ("reject", "accept"),
    "a well-formed consumer number that no organisation has: 400 or 200",
)
declare(
    "dissolved_consumer", "accept", ("accept", "reject"), "a dissolved organisation as consumer: 200 or 400"
)
declare("sub_unit_consumer", "accept", ("accept", "reject"), "a sub-unit as consumer: 200 or 400")
declare("reject_zero_lifetime", True, bool, "a client with lifetime 0 is a 400", "since mid-2025")
declare("require_use_on_jwk", True, bool, "a key without use is a 400", "since May 2025")
declare("accept_ec_keys", False, bool, "EC keys may be registered")
declare(
    "key_beyond_year",
    "cut",
    ("cut", "reject"),
    "a key that should live longer than a year: cut to a year or 400",
)
declare("kid_unique", "client", ("client", "everywhere"), "where a key id must be unique")
declare(
    "client_scope_needs_access",
    False,
    bool,
    "a client cannot register a scope its organisation has no access to",
)
declare(
    "client_reactivation",
    "allowed",
    ("allowed", "refused"),
    "PUT active: true on a deactivated client: 200 or 409",
)
declare("client_shows_jwks", False, bool, "a single client's answer holds its keys too")
declare("unknown_client_status", 404, (404, 403), "answer where the client does not exist")

INTEGRATION_TYPES = (
    "ansattporten",
    "api_klient",
    "eformidling",
    "idporten",
    "idporten_saml2",
    "krr",
    "maskinporten",
)
_VISIBILITIES = ("PUBLIC", "PRIVATE", "INTERNAL")
_TOKEN_TYPES = ("SELF_CONTAINED", "OPAQUE")
_SUBSCOPE = re.compile(r"[a-zæøå0-9]+([/:._-][a-zæøå0-9]+)*\Z")
_LANGUAGES = ("nn", "en", "se")

SCOPES_READ = "idporten:scopes.read"
SCOPES_WRITE = "idporten:scopes.write"


# --- objects -------------------------------------------------------------------------------------------------------


_SCOPE_IDENTITY = ("prefix", "subscope", "name")
_SCOPE_SERVER_FIELDS = ("created", "last_updated", "owner_orgno", "protected")
_SCOPE_BOOLEANS = (
    "active",
    "requires_user_consent",
    "requires_user_authentication",
    "requires_pseudonymous_tokens",
    "accessible_for_all",
    "supports_european_businesses",
)
_SCOPE_LIFETIMES = ("at_max_age", "authorization_max_lifetime")
_SCOPE_TEXTS = (
    "description",
    "long_description",
    "enforced_aud_for_access_token",
    "delegation_source",
    *(f"{field}#{language}" for field in ("description", "long_description") for language in _LANGUAGES),
)
_SCOPE_KNOWN = {
    *_SCOPE_IDENTITY,
    *_SCOPE_SERVER_FIELDS,
    *_SCOPE_BOOLEANS,
    *_SCOPE_LIFETIMES,
    *_SCOPE_TEXTS,
    "allowed_integration_types",
    "token_type",
    "visibility",
}


def new_scope(body: dict[str, Any], owner: str, created: str, protected: bool = False) -> dict[str, Any]:
    """A scope as the API shows it, made of what was sent; what was left out gets the API's default."""
    scope: dict[str, Any] = {
        "prefix": body["prefix"],
        "description": body.get("description", ""),
        "subscope": body["subscope"],
        "active": body.get("active", True),
        "created": created,
        "last_updated": created,
        "allowed_integration_types": list(body.get("allowed_integration_types") or []),
        "owner_orgno": owner,
        "token_type": body.get("token_type") or "SELF_CONTAINED",
        "visibility": body.get("visibility") or "PUBLIC",
        "requires_user_consent": body.get("requires_user_consent", False),
        "requires_user_authentication": body.get("requires_user_authentication", False),
        "requires_pseudonymous_tokens": body.get("requires_pseudonymous_tokens", False),
        "at_max_age": body.get("at_max_age", 0),
        "authorization_max_lifetime": body.get("authorization_max_lifetime", 0),
        "accessible_for_all": body.get("accessible_for_all", False),
        "name": f"{body['prefix']}:{body['subscope']}",
        "protected": bool(body.get("protected", protected)),
        "supports_european_businesses": body.get("supports_european_businesses", False),
    }
    for name in ("long_description", "enforced_aud_for_access_token", "delegation_source", *_SCOPE_TEXTS[4:]):
        if body.get(name):
            scope[name] = body[name]
    for name, value in body.items():
        if name not in _SCOPE_KNOWN and value is not None:
            scope[name] = value
    return scope


CLIENT_DEFAULTS: dict[str, Any] = {
    "client_name": None,
    "client_orgno": None,
    "description": None,
    "active": True,
    "created": None,
    "last_updated": None,
    "application_type": "web",
    "integration_type": None,
    "scopes": [],
    "grant_types": [],
    "token_endpoint_auth_method": "private_key_jwt",
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
}
CLIENT_OPTIONAL = ("supplier_orgno", "frontchannel_logout_uri", "logo_uri", "client_uri")
CLIENT_ANSWER_ONLY = ("created", "last_updated", "onbehalfof", "client_secret", "jwks", "jwks_uri")


def new_client(body: dict[str, Any], client_id: str, owner: str, created: str) -> dict[str, Any]:
    """A client as the API shows it, made of what was sent; what was left out gets the API's default."""
    client: dict[str, Any] = {"client_id": client_id}
    for name, default in CLIENT_DEFAULTS.items():
        value = body.get(name)
        if name in CLIENT_ANSWER_ONLY:
            value = None
        client[name] = (
            list(default)
            if value is None and isinstance(default, list)
            else (default if value is None else value)
        )
    client["client_orgno"] = owner
    client["created"] = client["last_updated"] = created
    client["jwks_uri"] = f"/clients/{client_id}/jwks"
    for name in CLIENT_OPTIONAL:
        if body.get(name):
            client[name] = body[name]
    known = {"client_id", *CLIENT_DEFAULTS, *CLIENT_OPTIONAL, *CLIENT_ANSWER_ONLY}
    for name, value in body.items():
        if name not in known and value is not None:
            client[name] = value
    return {name: value for name, value in client.items() if value is not None}


# --- answers -------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """An error answer; ``errors`` are (field, message) pairs of a failed validation."""

    def __init__(self, status: int, text: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.errors = errors or []

    @classmethod
    def fields(cls, object_name: str, problems: list[tuple[str, str]]) -> Refused:
        """400 with field errors; the messages are joined as the API joins them."""
        return cls(
            400,
            "".join(f", {message}" for _field, message in problems),
            [
                {
                    "errorMessage": message,
                    "isFieldError": True,
                    "objectName": object_name,
                    "fieldIdentifier": field,
                }
                for field, message in problems
            ],
        )


class Call:
    """One request to the self-service API, with the checks all operations share."""

    def __init__(self, box: Sandbox, request: Request) -> None:
        self.box = box
        self.request = request
        self.query = request.query_params
        self.organization = ""
        self.oauth_scopes: frozenset[str] = frozenset()

    def flag(self, name: str) -> bool:
        """A boolean query parameter; absent means false."""
        return self.query.get(name, "false").lower() == "true"

    def authorize(self, *any_of: str, unsigned_terms: bool = False) -> None:
        """Demand a valid token that holds one of the OAuth scopes (or any token when none is named).

        Raises Refused: 401, then 428 for terms that are not signed, then 403.
        """
        scheme, _unused, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "Unauthorized")
        try:
            claims = self.box.verify_maskinporten_token(token.strip())
        except TokenRejected as error:
            raise Refused(401, "Unauthorized") from error
        number = self.box.consumer_of(claims)
        if number is None or number not in self.box.state.organizations:
            raise Refused(403, "The token does not belong to a known organization")
        self.organization = number
        self.oauth_scopes = frozenset(str(claims.get("scope", "")).split())
        signed = self.box.switches["terms_signed"] and self.box.state.organizations[number]["terms_signed"]
        if not signed and not unsigned_terms:
            raise Refused(
                428, "PRECONDITION_REQUIRED: the organization has not signed the relevant terms of use"
            )
        if any_of and not self.oauth_scopes.intersection(any_of):
            raise Refused(403, f"The token lacks {any_of[0]}")

    def authorize_scope_read(self) -> None:
        """Demand a token that may read scopes; see the switch ``write_implies_read``."""
        if self.box.switches["write_implies_read"]:
            self.authorize(SCOPES_READ, SCOPES_WRITE)
        else:
            self.authorize(SCOPES_READ)

    async def body(self, object_name: str) -> dict[str, Any]:
        """The JSON object that was sent. Raises Refused 400."""
        try:
            body = json.loads(await self.request.body())
        except ValueError as error:
            raise Refused(400, "JSON parse error") from error
        if not isinstance(body, dict):
            raise Refused(400, f"A {object_name} is a JSON object")
        return body

    def nothing(self, what: str) -> Response:
        """The answer where a list would be empty; ``what`` is for instance ``any scopes``."""
        mode = self.box.switches["empty_list"]
        if mode == "array":
            return JSON([])
        raise Refused(404 if mode == "error404" else 400, f"The organization does not have {what}")

    def sort_out_fields(
        self, body: dict[str, Any], known: Iterable[str], read_only: Iterable[str], name: str
    ) -> None:
        """Apply the switches ``unknown_fields`` and ``read_only_fields`` to a body that was sent."""
        unknown = sorted(set(body) - set(known))
        mode = self.box.switches["unknown_fields"]
        if unknown and mode == "reject":
            raise Refused.fields(name, [(field, f"Unrecognized field {field}") for field in unknown])
        if mode == "ignore":
            for field in unknown:
                del body[field]
        frozen = sorted(set(body) & set(read_only))
        if frozen and self.box.switches["read_only_fields"] == "reject":
            raise Refused.fields(name, [(field, f"{field} is read-only") for field in frozen])
        for field in frozen:
            del body[field]


Operation = Callable[[Call], Awaitable[Response]]


class Endpoint:
    """Turns an operation into a Starlette endpoint that answers errors as the API does."""

    def __init__(self, box: Sandbox, operation: Operation, legacy: bool = False) -> None:
        self._box = box
        self._operation = operation
        self._legacy = legacy

    async def __call__(self, request: Request) -> Response:
        if self._legacy and not self._box.switches["legacy_paths"]:
            return Response(status_code=404)
        try:
            return await self._operation(Call(self._box, request))
        except Refused as refused:
            request.scope["sandbox"]["error"] = refused.text
            body = self_service_error(
                self._box, correlation_id(request), refused.status, refused.text, refused.errors
            )
            return JSON(body, refused.status)


def routes(box: Sandbox) -> list[BaseRoute]:
    """All routes of the self-service API."""
    from . import clients

    operations: list[tuple[str, str, Operation]] = [
        ("GET", "/scopes", list_scopes),
        ("POST", "/scopes", create_scope),
        ("PUT", "/scopes", update_scope),
        ("DELETE", "/scopes", deactivate_scope),
        ("GET", "/scopes/scope", get_scope),
        ("GET", "/scopes/all", list_public_scopes),
        ("GET", "/scopes/access", list_access),
        ("GET", "/scopes/access/all", list_access_of_caller),
        ("PUT", "/scopes/access/{consumer}", grant_access),
        ("DELETE", "/scopes/access/{consumer}", revoke_access),
        ("GET", "/prefix", list_prefixes),
        ("GET", "/prefix/all", list_all_prefixes),
        ("GET", "/delegationsources", list_delegation_sources),
        ("GET", "/organizations/{number}", get_organization),
        ("GET", "/auth/user", get_user),
        ("POST", "/auth/switch-synth-org", switch_organization),
        ("GET", "/integrations", list_integrations),
        ("GET", "/apis", list_apis),
        *clients.OPERATIONS,
    ]
    legacy: list[tuple[str, str, Operation]] = [
        ("GET", "/scopes", legacy_scopes),
        ("POST", "/scopes", create_scope),
        ("PUT", "/scopes", update_scope),
        ("DELETE", "/scopes", deactivate_scope),
        ("GET", "/scopes/access", list_access),
        ("PUT", "/scopes/access/{consumer}", grant_access),
        ("DELETE", "/scopes/access/{consumer}", revoke_access),
        ("GET", "/prefix/all", list_all_prefixes),
        ("GET", "/delegationsources", list_delegation_sources),
        ("GET", "/clients/", clients.list_clients),
        ("POST", "/clients/", clients.create_client),
    ]
    return [
        *_merged("/api/v1", operations, box),
        *_merged("/api/v2", [("POST", "/clients/{client_id}/key", clients.upload_key)], box),
        *_merged("", legacy, box, legacy=True),
    ]


def _merged(
    base: str, operations: list[tuple[str, str, Operation]], box: Sandbox, legacy: bool = False
) -> list[BaseRoute]:
    """One route for each path, with all its methods, so that a wrong method is a 405."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for method, path, operation in operations:
        paths.setdefault(base + path, {})[method] = Endpoint(box, operation, legacy)

    def dispatch(endpoints: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await endpoints["GET" if request.method == "HEAD" else request.method](request)

        return endpoint

    return [Route(path, dispatch(endpoints), methods=list(endpoints)) for path, endpoints in paths.items()]


# --- scopes --------------------------------------------------------------------------------------------------------


def _named_scope(call: Call) -> str:
    name = call.query.get("scope")
    if not name:
        raise Refused(400, "Required request parameter 'scope' is not present")
    return name


def _own_scope(call: Call) -> dict[str, Any]:
    """The scope the query names, if the caller owns it. Raises Refused 400, 404 or 403."""
    name = _named_scope(call)
    scope = call.box.state.scopes.get(name)
    if scope is None:
        raise Refused(call.box.switches["unknown_scope_status"], f"Scope {name} not found")
    if scope["owner_orgno"] != call.organization:
        raise Refused(403, "The authenticated organization does not own the scope")
    return scope


async def list_scopes(call: Call) -> Response:
    call.authorize(SCOPES_WRITE, SCOPES_READ)
    found = [
        scope
        for scope in call.box.state.scopes.values()
        if scope["owner_orgno"] == call.organization and (scope["active"] or call.flag("inactive"))
    ]
    return JSON(found) if found else call.nothing("any scopes")


async def get_scope(call: Call) -> Response:
    call.authorize_scope_read()
    return JSON(_own_scope(call))


async def legacy_scopes(call: Call) -> Response:
    """Before /api/v1 the list also answered for one scope."""
    if "scope" in call.query:
        return await get_scope(call)
    return await list_scopes(call)


def _boolean_filter(call: Call, name: str) -> bool | None:
    value = call.query.get(name)
    return None if value is None else value.lower() == "true"


async def list_public_scopes(call: Call) -> Response:
    prefix = call.query.get("prefix")
    integration_type = call.query.get("integration_type", "").lower()
    delegated = _boolean_filter(call, "delegated_sources")
    for_all = _boolean_filter(call, "accessible_for_all")
    found = [
        scope
        for scope in call.box.state.scopes.values()
        if scope["visibility"] == "PUBLIC"
        and (scope["active"] or call.flag("inactive"))
        and (not prefix or scope["prefix"] == prefix)
        and (delegated is None or bool(scope.get("delegation_source")) is delegated)
        and (for_all is None or scope["accessible_for_all"] is for_all)
        and (
            not integration_type
            or not scope["allowed_integration_types"]
            or integration_type in scope["allowed_integration_types"]
        )
    ]
    return JSON(found) if found else call.nothing("any scopes")


def _check_scope(call: Call, body: dict[str, Any], *, new: bool) -> None:
    """Validate a scope that was sent. Raises Refused with all field errors."""
    problems: list[tuple[str, str]] = []
    if new:
        if not isinstance(body.get("prefix"), str) or not body["prefix"]:
            problems.append(("prefix", "prefix must not be blank"))
        subscope = body.get("subscope")
        if not isinstance(subscope, str) or not subscope:
            problems.append(("subscope", "subscope must not be blank"))
        elif not _SUBSCOPE.match(subscope):
            problems.append(("subscope", f"subscope {subscope} is not valid"))
        elif body.get("name") and body["name"] != f"{body.get('prefix')}:{subscope}":
            problems.append(("name", "name must be prefix:subscope"))
    for name in _SCOPE_TEXTS:
        if body.get(name) is not None and not isinstance(body[name], str):
            problems.append((name, f"{name} must be a text"))
    if not isinstance(body.get("description"), str) or not body["description"].strip():
        problems.append(("description", "description must not be blank"))
    for name, limit in (("description", 255), ("long_description", 1023)):
        for field in (name, *(f"{name}#{language}" for language in _LANGUAGES)):
            if isinstance(body.get(field), str) and len(body[field]) > limit:
                problems.append((field, f"{field} must be at most {limit} characters"))
    for name in _SCOPE_BOOLEANS:
        if body.get(name) is not None and not isinstance(body[name], bool):
            problems.append((name, f"{name} must be true or false"))
    for name in _SCOPE_LIFETIMES:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            problems.append((name, f"{name} must be greater than or equal to 0"))
    for name, values in (("token_type", _TOKEN_TYPES), ("visibility", _VISIBILITIES)):
        if body.get(name) is not None and body[name] not in values:
            problems.append((name, f"{name} must be one of {', '.join(values)}"))
    types = body.get("allowed_integration_types")
    if types is not None and (
        not isinstance(types, list) or any(entry not in INTEGRATION_TYPES for entry in types)
    ):
        problems.append(
            ("allowed_integration_types", "allowed_integration_types holds an unknown integration type")
        )
    source = body.get("delegation_source")
    if source and source != call.box.altinn_issuer:
        problems.append(("delegation_source", f"delegation_source {source} is not known"))
    if problems:
        raise Refused.fields("Scope", problems)
    if body.get("visibility") == "INTERNAL" and call.organization != DIGDIR:
        raise Refused(403, "Only Digdir may use visibility INTERNAL")


async def create_scope(call: Call) -> Response:
    call.authorize(SCOPES_WRITE)
    body = await call.body("Scope")
    call.sort_out_fields(body, _SCOPE_KNOWN, _SCOPE_SERVER_FIELDS, "Scope")
    _check_scope(call, body, new=True)
    state = call.box.state
    prefix = state.prefixes.get(body["prefix"])
    if prefix is None or prefix["owner_orgno"] != call.organization or not prefix["active"]:
        raise Refused(
            call.box.switches["foreign_prefix_status"],
            f"The authenticated organization does not own the prefix {body['prefix']}",
        )
    name = f"{body['prefix']}:{body['subscope']}"
    existing = state.scopes.get(name)
    if existing is not None:
        status = 409 if not existing["active"] else call.box.switches["duplicate_scope_status"]
        raise Refused(status, "Scope exists already or is inactive")
    scope = new_scope(body, call.organization, call.box.timestamp(3))
    call.box.remember("scopes", name)
    state.scopes[name] = scope
    return JSON(scope)


async def update_scope(call: Call) -> Response:
    call.authorize(SCOPES_WRITE)
    scope = _own_scope(call)
    body = await call.body("Scope")
    call.sort_out_fields(body, _SCOPE_KNOWN, _SCOPE_SERVER_FIELDS, "Scope")
    _check_scope(call, body, new=False)
    if call.box.switches["changed_name"] == "reject":
        wrong = [
            (field, f"{field} cannot be changed")
            for field in _SCOPE_IDENTITY
            if body.get(field) not in (None, "", scope[field])
        ]
        if wrong:
            raise Refused.fields("Scope", wrong)
    if scope.get("delegation_source") and not body.get("delegation_source"):
        mode = call.box.switches["delegation_source_removal"]
        if mode == "refused":
            raise Refused.fields("Scope", [("delegation_source", "delegation_source cannot be removed")])
        if mode == "ignored":
            body["delegation_source"] = scope["delegation_source"]
    body.update({field: scope[field] for field in _SCOPE_IDENTITY})
    changed = new_scope(body, scope["owner_orgno"], scope["created"], scope["protected"])
    same = {**changed, "last_updated": scope["last_updated"]} == scope
    touched = not same or call.box.switches["same_put_touches"]
    changed["last_updated"] = call.box.timestamp(6) if touched else scope["last_updated"]
    call.box.remember("scopes", scope["name"])
    call.box.state.scopes[scope["name"]] = changed
    return JSON(changed)


async def deactivate_scope(call: Call) -> Response:
    call.authorize(SCOPES_WRITE)
    scope = _own_scope(call)
    if not scope["active"]:
        if call.box.switches["delete_inactive_scope_status"] != 200:
            raise Refused(409, "Scope is inactive")
        return JSON(scope)
    call.box.remember("scopes", scope["name"])
    changed = {**scope, "active": False, "last_updated": call.box.timestamp(6)}
    call.box.state.scopes[scope["name"]] = changed
    return JSON(changed)


# --- access --------------------------------------------------------------------------------------------------------


def access_entry(box: Sandbox, scope: str, consumer: str) -> dict[str, Any]:
    """An access as the API shows it; names of unknown organisations are left out."""
    state = box.state
    entry = state.accesses[scope][consumer]
    owner = state.scopes[scope]["owner_orgno"]
    shown = {
        "scope": scope,
        "owner_orgno": owner,
        "owner_organization_name": state.organization_name(owner),
        "consumer_orgno": consumer,
        "consumer_organization_name": state.organization_name(consumer),
        **entry,
    }
    return {name: value for name, value in shown.items() if value is not None}


async def list_access(call: Call) -> Response:
    call.authorize_scope_read()
    consumer = call.query.get("consumer_orgno")
    state = call.box.state
    if "scope" in call.query:
        scopes = [_own_scope(call)["name"]]
    elif consumer or call.box.switches["access_without_scope"] == "everything":
        scopes = [name for name, scope in state.scopes.items() if scope["owner_orgno"] == call.organization]
    else:
        raise Refused(400, "Either scope or consumer_orgno is required")
    everything = call.flag("inactive")
    denied = call.box.switches["denied_access_listed"]
    found = []
    for scope in scopes:
        grants = state.accesses.get(scope, {})
        for number in ([consumer] if consumer in grants else []) if consumer else grants:
            status = grants[number]["state"]
            if everything or status == "APPROVED" or (denied and status == "DENIED"):
                found.append(access_entry(call.box, scope, number))
    return JSON(found) if found else call.nothing("any accesses")


async def list_access_of_caller(call: Call) -> Response:
    call.authorize_scope_read()
    state = call.box.state
    everything = call.flag("inactive") or call.box.switches["denied_access_listed"]
    integration_type = call.query.get("integration_type", "").lower()
    found = []
    for scope, grants in state.accesses.items():
        entry = grants.get(call.organization)
        if entry is None or not (everything or entry["state"] == "APPROVED"):
            continue
        types = state.scopes[scope]["allowed_integration_types"]
        if integration_type and types and integration_type not in types:
            continue
        found.append(access_entry(call.box, scope, call.organization))
    return JSON(found) if found else call.nothing("any accesses")


def _check_consumer(call: Call) -> str:
    """The consumer's number in the path. Raises Refused 400 for one that cannot be a consumer."""
    number: str = call.request.path_params["consumer"]
    box = call.box
    organization = box.state.organizations.get(number)
    wrong = not organization_numbers.is_valid(number)
    if not wrong and organization is None:
        wrong = box.switches["unknown_consumer"] == "reject"
    entry = box.state.register.get(number, {})
    if entry.get("slettedato") and box.switches["dissolved_consumer"] == "reject":
        wrong = True
    if entry.get("type") == "underenhet" and box.switches["sub_unit_consumer"] == "reject":
        wrong = True
    if wrong:
        raise Refused(400, "Consumer organization number is not valid")
    return number


async def grant_access(call: Call) -> Response:
    call.authorize(SCOPES_WRITE)
    scope = _own_scope(call)
    name = scope["name"]
    consumer = _check_consumer(call)
    if not scope["active"] and call.box.switches["grant_inactive_scope_status"] != 200:
        raise Refused(409, "Scope is inactive")
    grants = call.box.state.accesses.setdefault(name, {})
    entry = grants.get(consumer)
    if entry is not None and entry["state"] == "APPROVED":
        if call.box.switches["regrant_status"] != 200:
            raise Refused(409, "The consumer has access already")
        return JSON(access_entry(call.box, name, consumer))
    call.box.remember("access", f"{name} {consumer}")
    now = call.box.timestamp(3)
    grants[consumer] = {
        "state": "APPROVED",
        "created": entry["created"] if entry else now,
        "last_updated": now,
    }
    return JSON(access_entry(call.box, name, consumer))


async def revoke_access(call: Call) -> Response:
    call.authorize(SCOPES_WRITE)
    name = _own_scope(call)["name"]
    consumer: str = call.request.path_params["consumer"]
    entry = call.box.state.accesses.get(name, {}).get(consumer)
    if entry is None or entry["state"] == "DENIED":
        raise Refused(
            call.box.switches["revoke_without_access_status"], "The consumer has no access to the scope"
        )
    call.box.remember("access", f"{name} {consumer}")
    call.box.state.accesses[name][consumer] = {
        **entry,
        "state": "DENIED",
        "last_updated": call.box.timestamp(3),
    }
    return JSON(access_entry(call.box, name, consumer))


# --- prefixes, delegation sources, organisations -------------------------------------------------------------------


async def list_prefixes(call: Call) -> Response:
    call.authorize(SCOPES_WRITE, SCOPES_READ)
    found = [
        prefix
        for prefix in call.box.state.prefixes.values()
        if prefix["owner_orgno"] == call.organization and prefix["active"]
    ]
    return JSON(found) if found else call.nothing("any prefixes")


async def list_all_prefixes(call: Call) -> Response:
    found = [
        prefix for prefix in call.box.state.prefixes.values() if prefix["active"] or call.flag("inactive")
    ]
    return JSON(sorted(found, key=lambda prefix: str(prefix["prefix"])))


async def list_delegation_sources(call: Call) -> Response:
    return JSON(
        [
            {
                "issuer": call.box.altinn_issuer,
                "name": "altinn",
                "created": "1970-01-01T00:00:00Z",
                call.box.switches["delegationsource_timestamp_key"]: "1970-01-01T00:00:00Z",
            }
        ]
    )


async def get_organization(call: Call) -> Response:
    number: str = call.request.path_params["number"]
    name = call.box.state.organization_name(number)
    if name is None:
        raise Refused(404, f"Organization {number} not found")
    return JSON({"orgnr": number, "name": name})


async def get_user(call: Call) -> Response:
    call.authorize(unsigned_terms=True)
    organization = call.box.state.organizations[call.organization]
    return JSON(
        {
            "authenticated_organization_number": call.organization,
            "authenticated_organization_name": organization["name"],
            "is_synthetic_organization_number": organization["synthetic"],
            "has_consented": organization["terms_signed"] and call.box.switches["terms_signed"],
        }
    )


async def switch_organization(call: Call) -> Response:
    call.authorize()
    raise Refused(403, "Only users of the portal can change organization")


def _digdir_only(call: Call) -> None:
    call.authorize()
    if call.organization != DIGDIR:
        raise Refused(403, "Only Digdir may use this operation")


async def list_integrations(call: Call) -> Response:
    _digdir_only(call)
    number = call.query.get("org_number")
    since = call.query.get("updated_since", "")
    return JSON(
        [
            {
                name: client[name]
                for name in ("client_id", "client_name", "client_orgno", "integration_type", "last_updated")
            }
            for client in call.box.state.clients.values()
            if (not number or client["client_orgno"] == number) and client["last_updated"] >= since
        ]
    )


async def list_apis(call: Call) -> Response:
    _digdir_only(call)
    state = call.box.state
    owners: dict[str, list[str]] = {}
    for name, prefix in sorted(state.prefixes.items()):
        if prefix["active"]:
            owners.setdefault(prefix["owner_orgno"], []).append(name)
    answer = []
    for owner, prefixes in owners.items():
        consumers = {
            consumer
            for scope, grants in state.accesses.items()
            if state.scopes[scope]["owner_orgno"] == owner
            for consumer, entry in grants.items()
            if entry["state"] == "APPROVED"
        }
        answer.append(
            {"customer_organization_number": owner, "prefix": prefixes, "consumer_count": len(consumers)}
        )
    return JSON(answer)
