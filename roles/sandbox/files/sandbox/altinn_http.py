# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as Altinn's services speak it: ASP.NET's error bodies, Altinn's own problem shape, bearer tokens, routes."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

from .core import TokenRejected
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_accepts_maskinporten_token",
    False,
    bool,
    "the resource registry takes a Maskinporten token that was not exchanged",
    "Altinn Studio publishes with one; which issuers the deployed registry trusts is configuration",
)

declare(
    "altinn_validation_shape",
    "errors",
    ("errors", "validationErrors"),
    "how the resource registry reports a resource that is not valid: ASP.NET's member errors, or Altinn's own problem shape",
    "version 6 of Altinn's shared service library brings the second; the registry does not use it yet",
)
declare(
    "altinn_validation_media_type",
    "application/json",
    ("application/json", "application/problem+json"),
    "content type of the 400 for a resource that is not valid",
    "framework behaviour of the resource registry, not stated by Altinn",
)
declare(
    "altinn_500_has_body",
    True,
    bool,
    "an error inside the resource registry is answered with a bare ProblemDetails, else with nothing",
    "framework behaviour of the resource registry, not stated by Altinn",
)

WRITE = "altinn:resourceregistry/resource.write"
ADMIN = "altinn:resourceregistry/resource.admin"

Endpoint = Callable[[Request], Awaitable[Response]]

# status -> (title, section of RFC 9110) of the bodies ASP.NET makes.
_ASPNET = {
    400: ("Bad Request", "15.5.1"),
    401: ("Unauthorized", "15.5.2"),
    403: ("Forbidden", "15.5.4"),
    404: ("Not Found", "15.5.5"),
    405: ("Method Not Allowed", "15.5.6"),
    409: ("Conflict", "15.5.10"),
    412: ("Precondition Failed", "15.5.13"),
    415: ("Unsupported Media Type", "15.5.16"),
    500: ("An error occurred while processing your request.", "15.6.1"),
    501: ("Not Implemented", "15.6.2"),
}


class Reply(Exception):
    """Carries the answer out of the checks of an endpoint."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


# --- answers ---------------------------------------------------------------------------------------------------


def _trace_id() -> str:
    return f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00"


def json_response(
    body: Any,
    status: int = 200,
    *,
    media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response:
    """``body`` as indented JSON, as the registry writes it."""
    return Response(
        json.dumps(body, ensure_ascii=False, indent=2),
        status,
        headers=headers,
        media_type=f"{media_type}; charset=utf-8",
    )


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer without a body."""
    return Response(status_code=status, headers=headers)


def text(body: str, status: int) -> Response:
    return Response(body, status, media_type="text/plain")


def problem(status: int, *, media_type: str = "application/problem+json") -> Response:
    """The bare ProblemDetails ASP.NET writes for a status."""
    title, section = _ASPNET[status]
    return json_response(
        {
            "type": f"https://tools.ietf.org/html/rfc9110#section-{section}",
            "title": title,
            "status": status,
            "traceId": _trace_id(),
        },
        status,
        media_type=media_type,
    )


def invalid(errors: dict[str, list[str]], *, media_type: str = "application/problem+json") -> Response:
    """ASP.NET's 400 with one list of texts for each member."""
    return json_response(
        {
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
            "title": "One or more validation errors occurred.",
            "status": 400,
            "errors": errors,
            "traceId": _trace_id(),
        },
        400,
        media_type=media_type,
    )


def server_error(box: Sandbox) -> Response:
    """What becomes of an exception that nobody caught."""
    return problem(500) if box.switches["altinn_500_has_body"] else empty(500)


@dataclass(frozen=True, slots=True)
class AltinnError:
    """One of Altinn's own error descriptors."""

    code: str
    status: int
    title: str


_STATUS_DESCRIPTIONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 501: "Not Implemented"}

MEMBERS_NOT_INCLUDED = AltinnError(
    "RR-00000", 501, "Members are not supported yet as an include option for this endpoint."
)
UNKNOWN_PARTY = AltinnError("RR-00001", 400, "One or more party references not found.")
UNKNOWN_RESOURCE = AltinnError("RR-00002", 400, "One or more resource references not found.")
FOREIGN_RESOURCE = AltinnError(
    "RR-00004",
    403,
    "Cannot create a access-list connection to a resource not owned by the same service-owner as the access-list.",
)
VALIDATION = AltinnError("STD-00000", 400, "One or more validation errors occurred.")

VALIDATION_TEXTS = {
    "RR.VLD-00000": "Cannot replace more than 100 members at a time. Use POST and DELETE methods instead.",
    "RR.VLD-00001": "Cannot add or remove more than 100 members at a time.",
    "RR.VLD-00002": "Resource identifier is required when including resource connections.",
    "RR.VLD-00003": "At least 1 party must be specified.",
    "RR.VLD-00004": "Invalid party URN.",
    "RR.VLD-00005": "Invalid resource URN.",
    "RR.VLD-00006": "Multiple parties currently not supported.",
    "RR.VLD-00007": "Multiple resources currently not supported.",
    "RR.VLD-00008": "Limit must be between 1 and 1000.",
    "RR.VLD-00009": "Invalid skipPast parameter; must be a comma-separated pair of URNs.",
    "RR.VLD-00010": "Access list owner must be a valid and registered org-code.",
    "RR.VLD-00011": "Value outside valid range.",
}


def altinn_problem(error: AltinnError, **extensions: Any) -> Response:
    """Altinn's own problem shape (library Altinn.Authorization.ProblemDetails 5)."""
    return json_response(
        {
            "type": f"urn:altinn:error:{error.code}",
            "title": error.title,
            "status": error.status,
            "code": error.code,
            "traceId": _trace_id(),
            "statusDescription": _STATUS_DESCRIPTIONS[error.status],
            **extensions,
        },
        error.status,
        media_type="application/problem+json",
    )


def altinn_invalid(code: str, path: str, detail: str | None = None) -> Response:
    """Altinn's validation problem with one error."""
    item: dict[str, Any] = {"code": code, "title": VALIDATION_TEXTS[code], "paths": [path]}
    if detail is not None:
        item["detail"] = detail
    return altinn_problem(VALIDATION, validationErrors=[item])


def invalid_resource(box: Sandbox, errors: dict[str, list[str]]) -> Response:
    """The 400 for a resource that is not valid, in the shape that is switched on."""
    media_type = box.switches["altinn_validation_media_type"]
    if box.switches["altinn_validation_shape"] == "errors":
        return invalid(errors, media_type=media_type)
    items = [
        {"code": "STD.VLD-00000", "title": text, "paths": [f"/{key.removeprefix('$.').replace('.', '/')}"]}
        for key, texts in errors.items()
        for text in texts
    ]
    return altinn_problem(VALIDATION, validationErrors=items)


# --- requests --------------------------------------------------------------------------------------------------


def query(request: Request) -> dict[str, str]:
    """Query parameters with lower-case names; ASP.NET finds them whatever the case. Of repeated ones the first."""
    result: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        result.setdefault(name.lower(), value)
    return result


def flag(request: Request, name: str, default: bool) -> bool:
    """A boolean query parameter. Raises Reply (400) for anything that is no boolean."""
    value = query(request).get(name.lower())
    if value is None or value == "":
        return default
    if value.lower() not in ("true", "false"):
        raise Reply(invalid({name: [f"The value '{value}' is not valid."]}))
    return value.lower() == "true"


def content_type(request: Request) -> str:
    """The media type of the body, lower case, without parameters; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    return media_type in ("application/json", "text/json") or bool(
        re.fullmatch(r"application/.+\+json", media_type)
    )


def refuse_other_than_json(request: Request) -> None:
    """The rule of actions that declare JSON as what they consume. Raises Reply (415)."""
    if (given := content_type(request)) and not is_json(given):
        raise Reply(problem(415))


def url_with_query(request: Request, parameters: Iterable[tuple[str, str]]) -> str:
    """The request's own URL, absolute, built from its host, with another query."""
    return str(request.url.replace(query="").include_query_params(**dict(parameters)))


def opaque(value: str) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def from_opaque(value: str) -> str:
    """Inverse of :func:`opaque`. Raises ValueError."""
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()


# --- who is asking ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """The claims of an accepted token."""

    claims: dict[str, Any]

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope_text.split(" "))

    @property
    def scope_text(self) -> str:
        return str(self.claims.get("scope") or "")

    @property
    def is_registry_admin(self) -> bool:
        """The registry looks for the admin scope as a piece of text, in any case."""
        return ADMIN in self.scope_text.lower()

    @property
    def prefixes(self) -> list[str]:
        """Scope prefixes of the caller; one may come as a bare string."""
        value = self.claims.get("consumer_prefix")
        return [value] if isinstance(value, str) else list(value or [])

    def consumer_number(self, identifier_prefix: str | None = "0192") -> str | None:
        """Organisation number in the claim ``consumer``, or None when the claim has another shape.

        Args:
            identifier_prefix: what must stand before the colon; None for anything.
        """
        consumer = self.claims.get("consumer")
        if isinstance(consumer, str):
            try:
                consumer = json.loads(consumer)
            except ValueError:
                return None
        if not isinstance(consumer, dict) or consumer.get("authority") != "iso6523-actorid-upis":
            return None
        prefix, colon, number = str(consumer.get("ID", "")).partition(":")
        if not colon or (identifier_prefix is not None and prefix != identifier_prefix):
            return None
        return number


def bearer(request: Request) -> str | None:
    """The bearer token of the request, or None."""
    scheme, _unused, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def altinn_token_issuer(box: Sandbox) -> str:
    """Issuer of the tokens Altinn makes."""
    return f"{box.urls['altinn']}/authentication/api/v1/openid/"


def read_altinn_token(box: Sandbox, token: str) -> dict[str, Any]:
    """Claims of a token Altinn made: signature and lifetime are checked, the audience never.

    Raises:
        TokenRejected: not such a token, or outside its lifetime.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            box.altinn_signing_key.public_key(),
            algorithms=["RS256"],
            issuer=altinn_token_issuer(box),
            options={
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "require": ["exp"],
            },
        )
    except jwt.PyJWTError as error:
        raise TokenRejected(str(error)) from error
    check_lifetime(box, claims)
    return claims


def check_lifetime(box: Sandbox, claims: dict[str, Any]) -> None:
    """``exp`` and ``nbf`` with the tolerated clock difference. Raises TokenRejected."""
    skew = box.switches["skew"]
    now = box.now()
    expires, not_before = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, (int, float)) or expires + skew < now:
        raise TokenRejected("the token has expired or never expires")
    if not isinstance(not_before, (int, float)) or not_before - skew > now:
        raise TokenRejected("the token is not valid yet")


def authenticate(box: Sandbox, request: Request) -> Caller:
    """Who is asking. Raises Reply (401 without a body)."""
    token = bearer(request)
    if token is None:
        raise Reply(empty(401))
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        if issuer == box.issuer and box.switches["altinn_accepts_maskinporten_token"]:
            return Caller(box.verify_maskinporten_token(token))
        return Caller(read_altinn_token(box, token))
    except (jwt.PyJWTError, TokenRejected) as error:
        raise Reply(empty(401)) from error


def authorize(box: Sandbox, request: Request, *any_of: str) -> Caller:
    """Who is asking, with at least one of the scopes. Raises Reply (401 or 403, both without a body)."""
    caller = authenticate(box, request)
    if caller.scopes.isdisjoint(any_of):
        raise Reply(empty(403))
    return caller


# --- routes ----------------------------------------------------------------------------------------------------


class AnyCaseRoute(Route):
    """A route whose path is found whatever the case, with or without a slash at the end, as in ASP.NET."""

    def __init__(self, path: str, endpoint: Endpoint, method: str) -> None:
        super().__init__(path, endpoint, methods=[method])
        # A HEAD that Starlette adds to every GET does not exist there.
        self.methods = {method}
        pattern = compile_path(path)[0]
        self.path_regex = re.compile(pattern.pattern.removesuffix("$") + "/?$", re.IGNORECASE)


def route(
    box: Sandbox, method: str, path: str, handler: Callable[[Sandbox, Request], Awaitable[Response]]
) -> Route:
    """A route to ``handler(box, request)``; a :class:`Reply` raised on the way is the answer."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(box, request)
        except Reply as reply:
            return reply.response

    endpoint.__name__ = handler.__name__
    return AnyCaseRoute(path, endpoint, method)
