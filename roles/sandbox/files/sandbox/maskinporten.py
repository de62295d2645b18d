# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maskinporten's token service: metadata, signing keys and the JWT grant (RFC 7523).

The order of the checks is fixed, so that a grant with two faults always gets the same answer:
request, unknown claims, client, key or certificate, signature, audience, times, replay, scopes, access, delegation,
authorization details.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import organization_numbers
from .answers import JSON
from .core import Sandbox
from .keys import (
    CertificateProblem,
    EuropeanBusiness,
    european_business_of,
    number_from_base64url,
    organization_of,
    public_jwk,
)
from .switches import declare

declare("strict_unknown_claims", True, bool, "a grant with an unknown claim is refused", "since August 2025")
declare(
    "max_grant_lifetime",
    120,
    int,
    "longest exp - iat of a grant, in seconds",
    "120 is documented, 180 was reported",
)
declare("forbidden_status", 403, (403, 400), "HTTP status of MP-250 and MP-251")
declare("array_audience", True, bool, "aud of a grant may be an array with one element")
declare("own_org_needs_grant", True, bool, "the owner of a scope needs access to it like anyone else")
declare(
    "scope_sets_lifetime",
    True,
    bool,
    "at_max_age of the scopes decides the token's lifetime; off: it can only shorten it",
)
declare("enforced_audience", True, bool, "a scope's enforced_aud_for_access_token becomes aud of the token")

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ALGORITHMS = ("RS256", "RS384", "RS512")
_CLAIMS = {
    "aud",
    "iss",
    "scope",
    "iat",
    "exp",
    "jti",
    "resource",
    "pid",
    "consumer_org",
    "authorization_details",
    "iss_onbehalfof",
    "nbf",
    "sub",
}
_SYSTEM_USER = "urn:altinn:systemuser"
_CONSENT = "urn:altinn:consent"
_DETAIL_MEMBERS = {
    _SYSTEM_USER: {"type", "systemuser_org", "externalRef"},
    _CONSENT: {"type", "id", "from", "to", "consentRights", "consented", "handledBy"},
}
_PREFIX_CLAIM_SCOPES = ("altinn:resourceregistry/", "altinn:maskinporten/", "altinn:accessmanagement/")
_DEFAULT_LIFETIME = 120
_EUROPEAN_CHAIN = 2
"""Certificates a European seal must send at least: its own and the issuing authority's."""

# error code -> (status, error, text, show the code in error_uri); the texts of the service's troubleshooting page.
_ERRORS: dict[str, tuple[int, str, str, bool]] = {
    "unsupported_grant_type": (400, "unsupported_grant_type", "Unsupported grant type.", False),
    "MP-011": (400, "invalid_request", "Invalid assertion. Invalid parameter value.", True),
    "unknown_claim": (400, "invalid_request", "Invalid assertion. Unknown claim: {0}.", False),
    "own_organization": (
        400,
        "invalid_request",
        "Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid.",
        False,
    ),
    "MP-012": (400, "invalid_grant", "Grant is used before.", True),
    "MP-100": (400, "invalid_grant", "Client authentication failed. Client not found.", True),
    "MP-110": (400, "invalid_grant", "Client authentication failed. Invalid JWT claim aud.", True),
    "MP-120": (
        400,
        "invalid_grant",
        "Client authentication failed. The JWT is signed with an invalid certificate.",
        True,
    ),
    "MP-121": (400, "invalid_grant", "Client authentication failed. Expired key.", True),
    "MP-122": (
        400,
        "invalid_grant",
        "Invalid JWT. Invalid organization number for client. Does not match certificate orgno.",
        True,
    ),
    "MP-123": (400, "invalid_grant", "Invalid JWT header x5c.", True),
    "MP-124": (400, "invalid_grant", "Invalid JWT signature.", True),
    "MP-130": (400, "invalid_grant", "JWT is expired.", True),
    "future": (400, "invalid_grant", "Issue time is in the future.", False),
    "lifetime": (400, "invalid_grant", "JWT has too long lifetime.", False),
    "unknown_kid": (400, "invalid_grant", "Unknown key identifier (kid) for client.", False),
    "kid_required": (
        400,
        "invalid_grant",
        "Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided.",
        False,
    ),
    "neither": (400, "invalid_grant", "Invalid JWT. Neither kid nor x5c provided.", False),
    "MP-200": (400, "invalid_scope", "Token request contains invalid scopes for client, {0}", True),
    "MP-201": (400, "invalid_scope", "Token request contains scopes not allowed for maskinporten, {0}", True),
    "MP-250": (403, "forbidden", "Consumer has not been granted access to the scope {0}.", True),
    "MP-251": (
        403,
        "forbidden",
        "Consumer {1} has not delegated access to the scope {0} to supplier {2}.",
        True,
    ),
    "MP-301": (400, "invalid_authorization_details", "Unknown authorization details type.", True),
    "MP-302": (400, "invalid_authorization_details", "Unknown fields in the authorization details.", True),
    "MP-303": (
        400,
        "invalid_altinn_customer_configuration",
        "No system user found for the given organization and system.",
        True,
    ),
}


class GrantRefused(Exception):
    """A grant that gets no token; ``code`` is a key of the table of errors, ``details`` fill its text."""

    def __init__(self, code: str, *details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class Grant:
    """One assertion on its way through the checks."""

    def __init__(self, box: Sandbox, assertion: str) -> None:
        self.box = box
        self.assertion = assertion
        self.header, self.claims = self._parse()
        self.client: dict[str, Any] = {}
        self.certificate_used = False
        self.european: EuropeanBusiness | None = None
        self.scopes: list[str] = []
        self.consumer = ""
        self.authorization_details: list[dict[str, Any]] = []

    def _parse(self) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = self.assertion.split(".")
        if len(parts) != 3:
            raise GrantRefused("MP-011")
        try:
            header, claims = (
                json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
                for part in parts[:2]
            )
        except ValueError as error:
            raise GrantRefused("MP-011") from error
        if (
            not isinstance(header, dict)
            or not isinstance(claims, dict)
            or header.get("alg") not in _ALGORITHMS
        ):
            raise GrantRefused("MP-011")
        return header, claims

    def check(self) -> None:
        """All checks in their order. Raises GrantRefused."""
        self._check_claim_names()
        key = self._european_key()
        if key is None:
            self._check_client()
            key = self._key()
        self._check_signature(key)
        self._check_audience()
        self._check_times()
        self._check_replay()
        self._check_claim_values()
        self._check_scopes()
        self._check_access()
        self._check_authorization_details()

    def _check_claim_names(self) -> None:
        unknown = sorted(set(self.claims) - _CLAIMS)
        if unknown and self.box.switches["strict_unknown_claims"]:
            raise GrantRefused("unknown_claim", unknown[0])

    def _european_key(self) -> rsa.RSAPublicKey | None:
        """The key of a European electronic seal, which needs no registered client; None for any other grant.

        ``iss`` is ignored and the full chain is demanded.
        """
        chain = self.header.get("x5c")
        if "kid" in self.header or not isinstance(chain, list) or not chain:
            return None
        try:
            business = european_business_of(
                x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
            )
        except (ValueError, TypeError):
            return None
        if business is None:
            return None
        key = self._certificate_key(chain, None)
        if len(chain) < _EUROPEAN_CHAIN:
            raise GrantRefused("MP-120")
        self.european = business
        self.client = {"client_id": f"eidas-{business.serial}", "integration_type": "maskinporten"}
        return key

    def _check_client(self) -> None:
        client_id = self.claims.get("iss")
        client = self.box.published("clients", client_id) if isinstance(client_id, str) else None
        if client is None or not client["active"]:
            raise GrantRefused("MP-100")
        self.client = client

    def _key(self) -> rsa.RSAPublicKey:
        """The public key the grant must be signed with, by the rules for ``kid`` and ``x5c``."""
        registered = self.box.published("keys", self.client["client_id"]) or {}
        kid = self.header.get("kid")
        if registered:
            if kid is None:
                raise GrantRefused("kid_required" if "x5c" in self.header else "neither")
            if kid not in registered:
                raise GrantRefused("unknown_kid")
            return self._registered_key(registered[kid])
        if kid is not None:
            raise GrantRefused("unknown_kid")
        if "x5c" not in self.header:
            raise GrantRefused("neither")
        self.certificate_used = True
        return self._certificate_key(self.header["x5c"], self.client["client_orgno"])

    def _registered_key(self, key: dict[str, Any]) -> rsa.RSAPublicKey:
        if key.get("exp", 0) <= self.box.now():
            raise GrantRefused("MP-121")
        if key.get("x5c"):
            # A key that was registered with its certificate stands and falls with it.
            return self._certificate_key(key["x5c"], None)
        if key.get("kty") != "RSA":
            raise GrantRefused("MP-124")
        try:
            return rsa.RSAPublicNumbers(
                number_from_base64url(key["e"]), number_from_base64url(key["n"])
            ).public_key()
        except (ValueError, KeyError) as error:
            raise GrantRefused("MP-124") from error

    def _certificate_key(self, chain: object, organization: str | None) -> rsa.RSAPublicKey:
        at = datetime.fromtimestamp(self.box.now(), UTC)
        problem: CertificateProblem | None = None
        try:
            leaf = self.box.pki.authority.verify(chain, at)
        except CertificateProblem as error:
            if error.kind == "unreadable":
                raise GrantRefused("MP-123") from error
            problem = error
        if problem is not None:
            raise GrantRefused("MP-120") from problem
        if organization is not None and organization_of(leaf) != organization:
            raise GrantRefused("MP-122")
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise GrantRefused("MP-120")
        return key

    def _check_signature(self, key: rsa.RSAPublicKey) -> None:
        try:
            jwt.decode(
                self.assertion,
                key,
                algorithms=[self.header["alg"]],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_sub": False,
                    "verify_jti": False,
                    "verify_iss": False,
                },
            )
        except jwt.PyJWTError as error:
            raise GrantRefused("MP-124") from error

    def _check_audience(self) -> None:
        audience = self.claims.get("aud")
        if isinstance(audience, list) and len(audience) == 1 and self.box.switches["array_audience"]:
            audience = audience[0]
        if audience != self.box.issuer:
            raise GrantRefused("MP-110")

    def _check_times(self) -> None:
        issued, expires = _number(self.claims.get("iat")), _number(self.claims.get("exp"))
        now, skew = self.box.now(), self.box.switches["skew"]
        if issued > now + skew:
            raise GrantRefused("future")
        if expires < now - skew:
            raise GrantRefused("MP-130")
        if expires - issued > self.box.switches["max_grant_lifetime"]:
            raise GrantRefused("lifetime")

    def _check_replay(self) -> None:
        # A grant without jti is known by the whole assertion: it may not be used twice either.
        identity = (self.client["client_id"], str(self.claims.get("jti") or self.assertion))
        now = self.box.now()
        used = self.box.used_grants
        if used.get(identity, 0) > now:
            raise GrantRefused("MP-012")
        if len(used) > 10_000:
            for old in [key for key, until in used.items() if until <= now]:
                del used[old]
        used[identity] = float(self.claims["exp"]) + self.box.switches["skew"]

    def _check_claim_values(self) -> None:
        scope = self.claims.get("scope")
        resource = self.claims.get("resource")
        pid = self.claims.get("pid")
        consumer = self.claims.get("consumer_org")
        if not isinstance(scope, str) or not scope.split() or any(c in scope for c in "\r\n\t"):
            raise GrantRefused("MP-011")
        if resource is not None and not (
            isinstance(resource, list)
            and resource
            and all(isinstance(entry, str) and entry for entry in resource)
        ):
            raise GrantRefused("MP-011")
        if pid is not None and not (
            isinstance(pid, str) and len(pid) == 11 and pid.isdecimal() and pid.isascii()
        ):
            raise GrantRefused("MP-011")
        if consumer is not None and not organization_numbers.is_valid(consumer):
            raise GrantRefused("MP-011")
        if "iss_onbehalfof" in self.claims:
            # Deprecated for Maskinporten, and never together with consumer_org.
            raise GrantRefused("MP-011")
        self.scopes = list(dict.fromkeys(scope.split()))

    def _check_scopes(self) -> None:
        known: dict[str, Any] = {}
        for name in self.scopes:
            scope = self.box.published("scopes", name)
            if scope is None or not scope["active"]:
                raise GrantRefused("MP-200", name)
            if self.european is None and name not in self.client["scopes"]:
                raise GrantRefused("MP-200", name)
            if self.european is not None and not scope["supports_european_businesses"]:
                raise GrantRefused("MP-200", name)
            known[name] = scope
        if self.client["integration_type"] != "maskinporten":
            raise GrantRefused("MP-201", " ".join(self.scopes))
        for name, scope in known.items():
            types = scope["allowed_integration_types"]
            if types and "maskinporten" not in types:
                raise GrantRefused("MP-201", name)

    def _check_access(self) -> None:
        """Access of the consumer, and with ``consumer_org`` the delegation to the client's organisation."""
        supplier = self.claims.get("consumer_org") is not None
        if self.european is not None:
            # Nobody keeps a list of European businesses: each of them gets a token for such a scope.
            if supplier:
                raise GrantRefused("own_organization")
            return
        own = self.client["client_orgno"]
        self.consumer = self.claims["consumer_org"] if supplier else own
        if supplier and self.consumer == own:
            raise GrantRefused("own_organization")
        for name in self.scopes:
            scope = self.box.published("scopes", name)
            if scope["accessible_for_all"]:
                continue
            if scope["owner_orgno"] == self.consumer and not self.box.switches["own_org_needs_grant"]:
                continue
            access = self.box.published("access", f"{name} {self.consumer}")
            if access is None or access["state"] != "APPROVED":
                raise GrantRefused("MP-250", name)
        if not supplier:
            return
        for name in self.scopes:
            scope = self.box.published("scopes", name)
            if not scope.get("delegation_source") or not self.box.is_delegated(name, self.consumer, own):
                raise GrantRefused("MP-251", name, self.consumer, own)

    def _check_authorization_details(self) -> None:
        details = self.claims.get("authorization_details")
        if details is None:
            return
        if (
            not isinstance(details, list)
            or not details
            or not all(isinstance(entry, dict) for entry in details)
        ):
            raise GrantRefused("MP-302")
        for entry in details:
            if entry.get("type") not in _DETAIL_MEMBERS:
                raise GrantRefused("MP-301")
        for entry in details:
            if set(entry) - _DETAIL_MEMBERS[entry["type"]]:
                raise GrantRefused("MP-302")
        if len(details) > 1:
            raise GrantRefused("MP-303")
        for entry in details:
            if entry["type"] == _SYSTEM_USER:
                self.authorization_details.append(self._system_user(entry))
            else:
                self.authorization_details.append(dict(entry))

    def _system_user(self, entry: dict[str, Any]) -> dict[str, Any]:
        party = entry.get("systemuser_org")
        identifier = party.get("ID", "") if isinstance(party, dict) else ""
        authority, _unused, number = str(identifier).partition(":")
        if authority != "0192" or not organization_numbers.is_valid(number):
            raise GrantRefused("MP-303")
        for user in self.box.state.system_users:
            if (
                user["vendor"] == self.client.get("client_orgno")
                and user["organization"] == number
                and user.get("external_ref") == entry.get("externalRef")
            ):
                return {
                    "type": _SYSTEM_USER,
                    "systemuser_id": [user["id"]],
                    "systemuser_org": organization_claim(number),
                    "system_id": user["system_id"],
                }
        raise GrantRefused("MP-303")

    # --- the token -------------------------------------------------------------------------------------------

    def lifetime(self) -> int:
        """Seconds the token lives: the smallest limit among the scopes, else the client's, else 120."""
        limits: list[int] = [
            scope["at_max_age"] for scope in map(self._scope, self.scopes) if scope["at_max_age"] > 0
        ]
        own = int(self.client.get("access_token_lifetime") or _DEFAULT_LIFETIME)
        if not limits:
            return own
        return min(limits) if self.box.switches["scope_sets_lifetime"] else min(own, *limits)

    def _scope(self, name: str) -> dict[str, Any]:
        scope: dict[str, Any] = self.box.published("scopes", name)
        return scope

    def _authentication_method(self) -> str:
        if self.european is not None:
            return "QCForESeal"
        return "virksomhetssertifikat" if self.certificate_used else "private_key_jwt"

    def _consumer_claim(self) -> dict[str, str]:
        if self.european is not None:
            return {"authority": "etsi-en-319-412", "ID": self.european.identifier, **self.european.names}
        return organization_claim(self.consumer)

    def token_claims(self, lifetime: int) -> dict[str, Any]:
        """The claims of the access token."""
        now = int(self.box.now())
        claims: dict[str, Any] = {
            "iss": self.box.issuer,
            "client_id": self.client["client_id"],
            "client_amr": self._authentication_method(),
            "token_type": "Bearer",
            "consumer": self._consumer_claim(),
            "scope": " ".join(self.scopes),
            "iat": now,
            "exp": now + lifetime,
            "jti": base64.urlsafe_b64encode(self.box.new_id().encode()).rstrip(b"=").decode(),
        }
        audience = list(self.claims.get("resource") or [])
        if not audience and self.box.switches["enforced_audience"]:
            audience = [
                scope["enforced_aud_for_access_token"]
                for scope in map(self._scope, self.scopes)
                if scope.get("enforced_aud_for_access_token")
            ]
        if audience:
            claims["aud"] = audience
        if "pid" in self.claims:
            claims["pid"] = self.claims["pid"]
        if "consumer_org" in self.claims:
            claims["supplier"] = organization_claim(self.client["client_orgno"])
            claims["delegation_source"] = self._scope(self.scopes[0])["delegation_source"]
        if self.authorization_details:
            claims["authorization_details"] = self.authorization_details
        if any(scope.startswith(_PREFIX_CLAIM_SCOPES) for scope in self.scopes):
            prefixes = self.box.state.prefixes_of(self.consumer)
            if prefixes:
                claims["consumer_prefix"] = prefixes
        return claims


def organization_claim(number: str) -> dict[str, str]:
    """An organisation as tokens name it."""
    return {"authority": "iso6523-actorid-upis", "ID": f"0192:{number}"}


def _number(value: object) -> float:
    """A time claim as number. Raises GrantRefused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise GrantRefused("MP-011")
    return value


class TokenService:
    """The endpoints below ``/maskinporten``."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    async def metadata(self, _request: Request) -> Response:
        issuer = self._box.issuer
        return JSON(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}token",
                "jwks_uri": f"{issuer}jwk",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "grant_types_supported": [JWT_BEARER],
                "token_endpoint_auth_signing_alg_values_supported": list(_ALGORITHMS),
                "authorization_details_types_supported": [_SYSTEM_USER, _CONSENT],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSON({"keys": [public_jwk(self._box.signing_key, self._box.signing_key_id)]})

    async def token(self, request: Request) -> Response:
        details = request.scope["sandbox"]
        try:
            grant = Grant(self._box, await self._assertion(request))
            details["client_id"] = grant.claims.get("iss")
            grant.check()
        except GrantRefused as refused:
            details["error"] = refused.code
            return self._error(refused, details["correlation_id"])
        lifetime = grant.lifetime()
        claims = grant.token_claims(lifetime)
        return JSON(
            {
                "access_token": self._box.sign(claims),
                "token_type": "Bearer",
                "expires_in": max(lifetime - 1, 1),
                "scope": claims["scope"],
            },
            headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
        )

    async def _assertion(self, request: Request) -> str:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            raise GrantRefused("MP-011")
        fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        if fields.get("grant_type") != JWT_BEARER:
            raise GrantRefused("unsupported_grant_type")
        return fields.get("assertion", "")

    def _error(self, refused: GrantRefused, trace_id: str) -> Response:
        status, error, text, has_code = _ERRORS[refused.code]
        if error == "forbidden":
            status = self._box.switches["forbidden_status"]
        body = {
            "error": error,
            "error_description": f"{text.format(*refused.details)} (trace_id: {trace_id})",
        }
        if has_code:
            body["error_uri"] = f"{self._box.issuer}errors/{refused.code}"
        return JSON(body, status)


def routes(box: Sandbox) -> list[BaseRoute]:
    """All routes of the token service."""
    service = TokenService(box)
    return [
        Route("/.well-known/oauth-authorization-server", service.metadata),
        Route("/jwk", service.keys),
        Route("/token", service.token, methods=["POST"]),
    ]
