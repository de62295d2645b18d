# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Altinn's token exchange, and the issuer whose tokens come out of it (GitHub Altinn/altinn-authentication)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import jwt
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from .altinn_http import (
    Caller,
    altinn_token_issuer,
    bearer,
    check_lifetime,
    empty,
    json_response,
    problem,
    query,
    route,
    text,
)
from .core import TokenRejected
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_exchange_quotes_json",
    True,
    bool,
    "the exchange answers a JSON string, in double quotes, to Accept: application/json",
    "framework behaviour of the exchange, not stated by Altinn",
)
declare(
    "altinn_401_has_body",
    False,
    bool,
    "the exchange's 401 carries a bare ProblemDetails instead of nothing",
    "framework behaviour of the exchange, not stated by Altinn",
)

VALIDITY_SECONDS = 30 * 60
_REPLACED = ("aud", "client_amr", "iss", "sid", "exp", "nbf", "iat")
_BASE = "/authentication/api/v1"


async def _discovery(box: Sandbox, request: Request) -> Response:
    issuer = altinn_token_issuer(box)
    authentication = f"{box.urls['altinn']}{_BASE}"
    return json_response(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}.well-known/openid-configuration/jwks",
            "authorization_endpoint": f"{authentication}/authorize",
            "token_endpoint": f"{authentication}/token",
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "end_session_endpoint": f"{authentication}/logout",
        }
    )


async def _jwks(box: Sandbox, request: Request) -> Response:
    public = RSAAlgorithm.to_jwk(box.altinn_signing_key.public_key(), as_dict=True)
    key = {"kty": "RSA", "use": "sig", "kid": box.altinn_signing_key_id, "n": public["n"], "e": public["e"]}
    return json_response({"keys": [key]})


def _unauthorized(box: Sandbox) -> Response:
    return problem(401) if box.switches["altinn_401_has_body"] else empty(401)


def _wants_json_string(request: Request) -> bool:
    """ASP.NET's choice of formatter for a string: plain text, unless the client asks for JSON and not for anything."""
    accepted: list[tuple[float, str]] = []
    for part in request.headers.get("accept", "").split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if media_type:
            accepted.append((-quality, media_type))
    if not accepted or any(media_type == "*/*" for _unused, media_type in accepted):
        return False
    for _unused, media_type in sorted(accepted, key=lambda item: item[0]):
        if media_type in ("text/plain", "text/*"):
            return False
        if media_type in ("application/json", "text/json", "application/*"):
            return True
    return False


def exchanged_claims(box: Sandbox, claims: dict[str, Any], number: str, *, test: bool) -> dict[str, Any]:
    """Claims of the Altinn token for a Maskinporten token.

    Args:
        claims: of the Maskinporten token.
        number: organisation number of the consumer.
        test: the request said ``test=true``.
    """
    now = int(box.now())
    result = {name: value for name, value in claims.items() if name not in _REPLACED}
    if "altinn:serviceowner" in str(claims.get("scope") or ""):
        code = box.state.altinn.code_of(box.state, number)
        if code is not None:
            result["urn:altinn:org"] = "ttd" if test and code == "digdir" else code
    return {
        **result,
        "urn:altinn:orgNumber": number,
        "urn:altinn:authenticatemethod": "maskinporten",
        "urn:altinn:authlevel": 3,
        "iss": altinn_token_issuer(box),
        "sid": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + VALIDITY_SECONDS,
    }


async def _exchange(box: Sandbox, request: Request) -> Response:
    token = bearer(request)
    if token is None:
        return _unauthorized(box)
    try:
        jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return _unauthorized(box)
    provider = request.path_params["provider"]
    if provider.lower() not in ("maskinporten", "id-porten", "altinnstudio"):
        return text(
            f"Invalid token provider: {provider}. "
            "Trusted token providers are 'Maskinporten', 'Id-porten' and 'AltinnStudio'.",
            400,
        )
    if provider.lower() != "maskinporten":
        # ID-porten and Altinn Studio sign with keys nobody has here.
        return _unauthorized(box)
    try:
        claims = box.verify_maskinporten_token(token)
        check_lifetime(box, claims)
    except TokenRejected:
        return _unauthorized(box)
    number = Caller(claims).consumer_number(identifier_prefix=None)
    if number is None:
        return _unauthorized(box)
    if "x-altinn-enterpriseuser-authentication" in request.headers:
        return json_response(
            {
                "type": "https://docs.altinn.studio",
                "title": "Virksomhetsbruker is no longer available",
                "status": 410,
                "detail": "Enterprise users are discontinued; use a system user or ID-porten.",
            },
            410,
            media_type="application/problem+json",
        )
    exchanged = jwt.encode(
        exchanged_claims(box, claims, number, test=query(request).get("test", "").lower() == "true"),
        box.altinn_signing_key,
        algorithm="RS256",
        headers={"kid": box.altinn_signing_key_id},
    )
    if _wants_json_string(request) and box.switches["altinn_exchange_quotes_json"]:
        return Response(json.dumps(exchanged), media_type="application/json; charset=utf-8")
    return text(exchanged, 200)


def routes(box: Sandbox) -> list[BaseRoute]:
    """Discovery, keys and exchange."""
    openid = f"{_BASE}/openid/.well-known/openid-configuration"
    return [
        route(box, "GET", openid, _discovery),
        route(box, "GET", f"{openid}/jwks", _jwks),
        route(box, "GET", f"{_BASE}/exchange/{{provider}}", _exchange),
    ]
