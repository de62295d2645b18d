# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Login: the JWT grant (RFC 7523) to Maskinporten, and the exchange of its token for Altinn's.

Tokens live in memory only, for about two minutes; they are renewed shortly before they expire and once when a service
refuses them. Nothing here prints, logs or stores a key, an assertion or a token.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from . import _known_causes
from ._dependencies import require
from ._environments import Environment
from ._errors import ApiError, AuthenticationError, CollectionError, GuardError, InputError
from ._signing_key import SigningKey
from ._transport import Response, Transport

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Seconds; what Digdir documents as the longest life of a grant.
LONGEST_GRANT: Final = 120
SHORTEST_GRANT: Final = 10
#: Seconds by which Maskinporten lets a clock differ.
ALLOWED_SKEW: Final = 10
# A token with less life than this is not used for another request.
_RENEWAL_MARGIN: Final = 20.0
_ACTOR_PREFIX: Final = "0192:"


@dataclass(frozen=True, repr=False)
class Identity:
    """Who logs in: a client and what proves it.

    :ivar client_id: Maskinporten's client id.
    :ivar key: the private key, or None when only a ready token was given.
    :ivar key_id: ``kid`` of a registered key; excludes ``chain``.
    :ivar chain: ``x5c``, base64 DER, leaf first; used when the client has no registered key.
    :ivar token: a ready token, or None.
    """

    client_id: str | None = None
    key: SigningKey | None = None
    key_id: str | None = None
    chain: tuple[str, ...] = ()
    algorithm: str = "RS256"
    grant_lifetime: int = LONGEST_GRANT
    token: str | None = None

    @property
    def can_login(self) -> bool:
        return bool(self.client_id and self.key and (self.key_id or self.chain))


@dataclass(frozen=True)
class TokenRequest:
    """What a token is asked for.

    :ivar scopes: OAuth scopes; every one must be registered on the client.
    :ivar consumer_org: the organisation a supplier acts for.
    :ivar resource: audiences that the token shall carry.
    """

    scopes: tuple[str, ...]
    consumer_org: str | None = None
    resource: tuple[str, ...] = ()


@dataclass(repr=False)
class Token:
    """A token with what can be read from it; never shown."""

    value: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    expires_at: float = 0.0

    @property
    def organization_number(self) -> str | None:
        return actor_number(self.claims.get("consumer"))

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(str(self.claims.get("scope") or "").split())

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Claim ``consumer_prefix``: one text or a list."""
        value = self.claims.get("consumer_prefix")
        return (value,) if isinstance(value, str) else tuple(value or ())


def actor_number(actor: Any) -> str | None:
    """The Norwegian organisation number in a ``consumer`` or ``supplier`` claim (``{authority, ID: '0192:…'}``), else None."""
    value = actor.get("ID") if isinstance(actor, dict) else None
    if not isinstance(value, str) or not value.startswith(_ACTOR_PREFIX):
        return None
    return value[len(_ACTOR_PREFIX) :].split(":")[0]


def read_claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified; empty where the text is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def clock_offset(response: Response) -> float | None:
    """Seconds by which this machine's clock is ahead of the server's (negative: behind), from the header ``Date``."""
    return None if response.date is None else time.time() - response.date


class MaskinportenLogin:
    """Tokens of Maskinporten for one identity; implements :class:`._transport.Bearer`; safe for threads.

    :ivar offset: how far this machine's clock is ahead of Maskinporten's, in seconds, once known.
    """

    def __init__(
        self,
        transport: Transport,
        environment: Environment,
        identity: Identity,
        request: TokenRequest,
        *,
        organization_number: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """``metadata``: the issuer's document where another login of the same environment has read it already."""
        self._transport = transport
        self._environment = environment
        self._identity = identity
        self._request = request
        self._organization_number = organization_number
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._metadata = metadata
        self._failure: CollectionError | None = None
        self.offset: float | None = None
        if identity.token:
            self._token = self._ready_token(identity.token)

    # -- Bearer ---------------------------------------------------------------

    def bearer(self) -> str:
        return self.token().value

    def renew(self, rejected: str) -> bool:
        with self._lock:
            if self._token and self._token.value != rejected:
                return True
            if not self._identity.can_login:
                return False
            self._token = None
        return True

    def token(self) -> Token:
        """The token, fetched or renewed where needed.

        :raises AuthenticationError: Maskinporten refuses.
        :raises GuardError: the token is not what the inventory says (organisation, issuer).
        """
        with self._lock:
            if self._failure:
                raise self._failure
            if self._token is None or self._nearly_spent(self._token):
                if not self._identity.can_login:
                    raise self._cannot_login(spent=self._token is not None)
                try:
                    self._token = self._login()
                except CollectionError as error:
                    # Every further item would meet the same answer; asking once per item would look like an attack.
                    self._failure = error
                    raise
            return self._token

    # -- inside ---------------------------------------------------------------

    def _nearly_spent(self, token: Token) -> bool:
        life = token.expires_at - float(token.claims.get("iat") or token.expires_at - LONGEST_GRANT)
        return time.time() + min(_RENEWAL_MARGIN, life / 4) > token.expires_at

    def _ready_token(self, value: str) -> Token:
        claims = read_claims(value)
        if not claims:
            raise InputError("token: this is not a token of Maskinporten (a JWT of three parts).")
        token = Token(value, claims, float(claims.get("exp") or 0))
        self._check(token)
        return token

    def _cannot_login(self, *, spent: bool) -> CollectionError:
        if spent:
            return InputError(
                "token: the token that was given has expired or is about to, and there is no key to fetch another with; "
                "give client_id, private_key_path and key_id (or certificate_chain_path) as well."
            )
        missing = [
            name
            for name, value in (
                ("client_id", self._identity.client_id),
                ("private_key_path (or private_key)", self._identity.key),
                ("key_id (or certificate_chain_path)", self._identity.key_id or self._identity.chain),
            )
            if not value
        ]
        return InputError(
            f"No login to Maskinporten without {', '.join(missing)}; "
            "give it as an option, in module_defaults, or in the matching environment variable."
        )

    def metadata(self) -> Mapping[str, Any]:
        """Maskinporten's metadata document (RFC 8414), read once.

        :raises AuthenticationError: no such document there.
        :raises GuardError: it belongs to another issuer.
        """
        if self._metadata is None:
            response = self._transport.request("GET", self._environment.metadata_url)
            self.offset = clock_offset(response)
            document = response.json()
            if not response.ok or not isinstance(document, dict) or not document.get("issuer"):
                raise AuthenticationError(
                    f"{self._environment.metadata_url} answered {response.status} without Maskinporten's metadata; "
                    "check maskinporten_url and environment.",
                    status=response.status,
                )
            if document["issuer"].rstrip("/") != self._environment.issuer.rstrip("/"):
                raise GuardError(
                    f"maskinporten_url: the server there calls itself {document['issuer']}, "
                    f"but environment '{self._environment.name}' expects {self._environment.issuer}."
                )
            for member in ("token_endpoint", "jwks_uri"):
                if not str(document.get(member, "")).startswith(document["issuer"]):
                    raise GuardError(
                        f"maskinporten_url: the {member} in the metadata lies outside the issuer {document['issuer']}."
                    )
            self._metadata = document
        return self._metadata

    def _login(self) -> Token:
        metadata = self.metadata()
        response = self._transport.request(
            "POST",
            metadata["token_endpoint"],
            kind="token",
            fresh=lambda: {"grant_type": GRANT_TYPE, "assertion": self._assertion(metadata["issuer"])},
        )
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or not answer.get("access_token"):
            raise self._refused(response, answer)
        value = answer["access_token"]
        life = float(answer.get("expires_in") or LONGEST_GRANT)
        token = Token(value, read_claims(value), time.time() + life)
        self._check(token)
        return token

    def _assertion(self, issuer: str) -> str:
        require("jwt")
        import jwt

        identity = self._identity
        if identity.key is None:
            raise AssertionError("identity.key is known here")
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": issuer,
            "iss": identity.client_id,
            "scope": " ".join(self._request.scopes),
            "iat": now,
            "exp": now + identity.grant_lifetime,
            "jti": str(uuid.uuid4()),
        }
        if self._request.consumer_org:
            claims["consumer_org"] = self._request.consumer_org
        if self._request.resource:
            claims["resource"] = list(self._request.resource)
        header: dict[str, Any] = (
            {"kid": identity.key_id} if identity.key_id else {"x5c": list(identity.chain)}
        )
        return jwt.encode(claims, identity.key.key, algorithm=identity.algorithm, headers=header)

    def _refused(self, response: Response, answer: Any) -> ApiError:
        answer = answer if isinstance(answer, dict) else {}
        text = str(answer.get("error_description") or answer.get("error") or response.text[:200] or "no text")
        code = error_code(answer)
        cause = _known_causes.find_cause(_known_causes.TOKEN, code=code, text=text, status=response.status)
        label = " ".join(
            part for part in (str(response.status), code, str(answer.get("error") or "")) if part
        )
        sentence = _known_causes.explained(
            f"Maskinporten ({self._environment.name}) gave client {self._identity.client_id} no token",
            f"{label} — {text}",
            cause,
        )
        if self._identity.chain and code in ("MP-120", "MP-122"):
            sentence += " The login used the certificate chain."
        if self.offset is not None and abs(self.offset) > ALLOWED_SKEW / 2:
            direction = "ahead of" if self.offset > 0 else "behind"
            sentence += f" This machine's clock is {abs(self.offset):.0f} seconds {direction} Maskinporten's."
        if code == "MP-200":
            sentence += f" Asked for: {' '.join(self._request.scopes)}."
        return AuthenticationError(
            sentence,
            status=response.status,
            code=code or (str(answer["error"]) if answer.get("error") else None),
            server_message=text,
            trace_id=trace_id(text),
            environment=self._environment.name,
            client_id=self._identity.client_id,
        )

    def _check(self, token: Token) -> None:
        """The token says the same as the inventory; else nothing may be written with it."""
        issuer = str(token.claims.get("iss") or "")
        if issuer and issuer != self._environment.issuer and "/authentication/api/" not in issuer:
            raise GuardError(
                f"The token was issued by {issuer}, but environment is '{self._environment.name}' "
                f"({self._environment.issuer}); correct environment or the credentials."
            )
        number = token.organization_number
        if self._organization_number and number and number != self._organization_number:
            raise GuardError(
                f"The credentials belong to organisation {number}, but organization_number is "
                f"{self._organization_number}; correct organization_number or use the other credentials (client_id, key)."
            )


class AltinnLogin:
    """Altinn tokens, made from Maskinporten tokens by exchange; implements :class:`._transport.Bearer`; safe for threads."""

    def __init__(
        self, transport: Transport, environment: Environment, maskinporten: MaskinportenLogin
    ) -> None:
        self._transport = transport
        self._environment = environment
        self._maskinporten = maskinporten
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._failure: CollectionError | None = None

    def bearer(self) -> str:
        return self.token().value

    def renew(self, rejected: str) -> bool:
        with self._lock:
            if self._token and self._token.value != rejected:
                return True
            self._token = None
        return True

    def token(self) -> Token:
        """The exchanged token, fetched or renewed where needed.

        :raises AuthenticationError: Maskinporten or Altinn refuses.
        """
        with self._lock:
            if self._failure:
                raise self._failure
            if self._token is None or time.time() + _RENEWAL_MARGIN > self._token.expires_at:
                try:
                    self._token = self._exchange()
                except CollectionError as error:
                    self._failure = error
                    raise
            return self._token

    def _exchange(self) -> Token:
        source = self._maskinporten.token()
        if "/authentication/api/" in str(source.claims.get("iss") or ""):
            return source
        response = self._transport.request(
            "GET",
            f"{self._environment.altinn_url}/authentication/api/v1/exchange/maskinporten",
            auth=self._maskinporten,
            headers={"Accept": "text/plain, application/json"},
            kind="token",
        )
        # The body is the bare token; some content negotiation puts it in double quotes.
        value = response.text.strip().strip('"')
        claims = read_claims(value)
        if not response.ok or not claims:
            cause = _known_causes.find_cause(
                _known_causes.EXCHANGE, status=response.status, text=response.text
            )
            raise AuthenticationError(
                _known_causes.explained(
                    f"Altinn ({self._environment.name}) did not exchange the Maskinporten token",
                    f"status {response.status}",
                    cause,
                ),
                status=response.status,
                server_message=response.text[:200],
            )
        return Token(value, claims, float(claims.get("exp") or time.time() + LONGEST_GRANT))


def error_code(answer: Mapping[str, Any]) -> str | None:
    """``MP-nnn``; it stands only at the end of ``error_uri``."""
    tail = str(answer.get("error_uri") or "").rsplit("/", 1)[-1]
    return tail if tail.startswith("MP-") else None


def trace_id(text: str) -> str | None:
    """The id that Digdir's support asks for, from ``(trace_id: …)`` or the older ``(correlation id: …)``."""
    for marker in ("trace_id: ", "correlation id: "):
        if marker in text:
            return text.split(marker, 1)[1].split(")", 1)[0].strip() or None
    return None


def require_scopes(token: Token, needed: Sequence[str]) -> list[str]:
    """The scopes of ``needed`` that the token lacks (none when the token does not say)."""
    return [scope for scope in needed if token.scopes and scope not in token.scopes]
