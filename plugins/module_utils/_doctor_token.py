# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""A token in a file, held against what it should be: signature, issuer, times, audience, scope, consumer, supplier.

The token is never shown, in no message and in no error; of its claims only those that identify no person and no secret.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ._auth import ALLOWED_SKEW, actor_number, read_claims
from ._dependencies import require
from ._doctor_findings import BROKEN, NOTE, OK, UNSEEN, WARNING, Findings
from ._environments import ENVIRONMENTS
from ._errors import CollectionError, InputError
from ._maskinporten._tokens import SHOWN_CLAIMS
from ._organization_number import shown
from ._session import Session

#: Bytes; tokens have a few thousand.
LARGEST_TOKEN: Final = 64 * 1024
#: Maskinporten's; Altinn signs with the first.
_ALGORITHMS: Final = ("RS256", "RS384", "RS512")
_NORWEGIAN: Final = "iso6523-actorid-upis"


class TokenExamination:
    """One token, link by link.

    :param scope, consumer, supplier, audience: what the token should say; None where that is not known.
    """

    def __init__(
        self,
        session: Session,
        findings: Findings,
        *,
        scope: str | None = None,
        consumer: str | None = None,
        supplier: str | None = None,
        audience: str | None = None,
    ) -> None:
        self._session = session
        self._environment = session.environment
        self._findings = findings
        self._scope, self._consumer, self._supplier = scope, consumer, supplier
        self._audience = audience
        self.claims: dict[str, Any] = {}
        self._shown: dict[str, Any] = {}

    def examine(self, path: str) -> dict[str, Any]:
        """Look at the token in a file; returns the claims that may be shown.

        :raises InputError: no such file, or no token in it.
        """
        token = read_token(path)
        self.claims = read_claims(token)
        if self._issuer():
            self._signature(token)
        self._times()
        self._scopes()
        self._actors()
        self._audiences()
        return {name: self.claims[name] for name in SHOWN_CLAIMS if name in self.claims}

    def _add(
        self, link: str, title: str, state: str, message: str, remedy: str = "", trap: str | None = None
    ) -> None:
        self._findings.add(f"token_{link}", f"Token: {title}", state, message, remedy, trap=trap)

    # -- who issued it ------------------------------------------------------------

    def _issuer(self) -> bool:
        issuer = str(self.claims.get("iss") or "")
        if issuer in (self._environment.issuer, self._altinn_issuer):
            self._add("issuer", "issuer", OK, issuer)
            return True
        other = next((name for name, known in ENVIRONMENTS.items() if known.issuer == issuer), None)
        if other:
            self._add(
                "issuer", "issuer", BROKEN,
                f"was issued in environment '{other}' ({issuer}), but this is '{self._environment.name}'",
                f"fetch it from {self._environment.issuer}", trap="other_environment",
            )  # fmt: skip
        elif issuer.rstrip("/") == self._environment.issuer.rstrip("/"):
            self._add(
                "issuer", "issuer", BROKEN, f"{shown(issuer)} lacks or adds a slash; the issuer is {self._environment.issuer}",
                "do not alter the issuer", trap="audience",
            )  # fmt: skip
        else:
            self._add(
                "issuer", "issuer", BROKEN,
                f"was issued by {shown(issuer)}, which is neither Maskinporten ({self._environment.issuer}) nor Altinn here",
                "fetch it from this environment's Maskinporten",
            )  # fmt: skip
        return False

    @property
    def _altinn_issuer(self) -> str:
        return f"{self._environment.altinn_url}/authentication/api/v1/openid/"

    def _keys(self) -> Sequence[Mapping[str, Any]]:
        """The public keys of the issuer.

        :raises CollectionError: they cannot be read.
        """
        transport = self._session.transport
        if self.claims.get("iss") == self._environment.issuer:
            metadata = transport.request("GET", self._environment.metadata_url).json()
            address = metadata.get("jwks_uri") if isinstance(metadata, dict) else None
            if not str(address or "").startswith(self._environment.issuer):
                raise CollectionError(
                    f"{self._environment.metadata_url} does not say where the issuer's keys are."
                )
        else:
            address = f"{self._altinn_issuer}.well-known/openid-configuration/jwks"
        answer = transport.request("GET", str(address)).json()
        keys = answer.get("keys") if isinstance(answer, dict) else None
        if not isinstance(keys, list):
            raise CollectionError(f"{address} holds no keys.")
        return [key for key in keys if isinstance(key, dict)]

    def _signature(self, token: str) -> None:
        require("jwt")
        import jwt

        title = "signature"
        try:
            keys = self._keys()
            header = jwt.get_unverified_header(token)
        except CollectionError as error:
            self._add("signature", title, UNSEEN, f"not checked: {error.message}")
            return
        except jwt.PyJWTError:
            self._add("signature", title, BROKEN, "the token's header cannot be read", "fetch another token")
            return
        algorithm, kid = str(header.get("alg")), str(header.get("kid"))
        if algorithm not in _ALGORITHMS:
            self._add(
                "signature",
                title,
                BROKEN,
                f"algorithm {shown(algorithm)} is none of the issuer's",
                "refuse it",
            )
            return
        key = next((key for key in keys if key.get("kid") == header.get("kid")), None)
        if key is None:
            self._add(
                "signature", title, BROKEN, f"the issuer has no key {shown(kid)}",
                "refuse it; it is forged, or older than the issuer's last change of keys",
            )  # fmt: skip
            return
        try:
            jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm).key,
                algorithms=[algorithm],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_iss": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.PyJWTError:
            # The library's own text could hold parts of the token.
            self._add(
                "signature",
                title,
                BROKEN,
                "does not fit the issuer's key",
                "refuse it; it was altered or forged",
            )
            return
        self._add("signature", title, OK, f"fits the issuer's key {shown(kid)}")

    # -- when -----------------------------------------------------------------------

    def _times(self) -> None:
        now = time.time()
        issued, expires = self.claims.get("iat"), self.claims.get("exp")
        if not isinstance(expires, (int, float)):
            self._add("times", "times", BROKEN, "does not say when it ends (exp)", "fetch another token")
            return
        life = f", lives {expires - issued:.0f} seconds" if isinstance(issued, (int, float)) else ""
        if isinstance(issued, (int, float)) and issued > now + ALLOWED_SKEW:
            self._add(
                "times", "times", BROKEN, f"was issued {issued - now:.0f} seconds in the future",
                "set this machine's clock (NTP)", trap="clock",
            )  # fmt: skip
        elif expires < now:
            self._add(
                "times", "times", BROKEN, f"expired {now - expires:.0f} seconds ago{life}",
                "fetch a token when it is needed, not before", trap="token_expired_midway",
            )  # fmt: skip
        else:
            self._add("times", "times", OK, f"good for {expires - now:.0f} seconds{life}")

    def compare_lifetime(self, scope: Mapping[str, Any]) -> None:
        """What decides how long a token lives, where that is not what the client says."""
        issued, expires = self.claims.get("iat"), self.claims.get("exp")
        limit = scope.get("at_max_age") or 0
        if not limit or not isinstance(issued, (int, float)) or not isinstance(expires, (int, float)):
            return
        self._add(
            "lifetime", "lifetime", NOTE,
            f"lives {expires - issued:.0f} seconds; the scope's at_max_age is {limit}, and that decides, whatever the client's "
            "access_token_lifetime says",
            trap="token_lifetime",
        )  # fmt: skip

    # -- what for, and who ------------------------------------------------------------

    def _scopes(self) -> None:
        scopes = str(self.claims.get("scope") or "").split()
        listed = " ".join(scopes) or "no scope at all"
        if self._scope is None:
            self._add("scope", "scope", NOTE, listed)
        elif self._scope in scopes:
            self._add("scope", "scope", OK, self._scope)
        else:
            same = [scope for scope in scopes if scope.partition(":")[2] == self._scope.partition(":")[2]]
            hint = f"; {same[0]} has the same subscope under another prefix" if same else ""
            self._add(
                "scope", "scope", BROKEN, f"does not hold {self._scope}; it holds {listed}{hint}",
                f"ask Maskinporten for {self._scope}",
                trap="same_subscope_other_prefix" if same else "scope_not_on_client",
            )  # fmt: skip

    def _actors(self) -> None:
        consumer, supplier = self.claims.get("consumer"), self.claims.get("supplier")
        if not isinstance(consumer, dict):
            self._add("consumer", "consumer", BROKEN, "names no consumer", "fetch it from Maskinporten")
            return
        number, acting = actor_number(consumer), actor_number(supplier)
        if number is None:
            authority = str(consumer.get("authority"))
            what = "a European business" if authority != _NORWEGIAN else "not a Norwegian organisation"
            self._add(
                "consumer",
                "consumer",
                WARNING,
                f"is {what} ({shown(authority)}, {shown(consumer.get('ID'))})",
            )
            return
        if self._consumer in (None, number):
            self._add("consumer", "consumer", OK, number)
        elif self._supplier == number and acting is None:
            self._add(
                "consumer", "consumer", BROKEN,
                f"is for {number}, the supplier itself, and not for {self._consumer}: consumer_org was left out of the grant",
                f"the supplier sends consumer_org {self._consumer}", trap="consumer_org_forgotten",
            )  # fmt: skip
        else:
            self._add(
                "consumer", "consumer", BROKEN, f"is for {number}, not for {self._consumer}",
                "use the token of the right consumer",
            )  # fmt: skip
        self._supplier_claim(acting)

    def _supplier_claim(self, acting: str | None) -> None:
        if acting is None:
            if self._supplier:
                self._add(
                    "supplier", "supplier", BROKEN, "no supplier acts in it",
                    f"the supplier's own client sends consumer_org {self._consumer or 'of the consumer'}",
                    trap="consumer_org_forgotten",
                )  # fmt: skip
            return
        if self._supplier in (None, acting):
            self._add("supplier", "supplier", OK, acting)
        else:
            self._add(
                "supplier",
                "supplier",
                BROKEN,
                f"is {acting}, not {self._supplier}",
                "check who delegated to whom",
            )

    def check_delegation_source(self, expected: str | None) -> None:
        """The Altinn whose delegation the token rests on must be this environment's."""
        named = self.claims.get("delegation_source")
        if not named or not expected:
            return
        if str(named).rstrip("/") == expected.rstrip("/"):
            self._add("delegation_source", "delegation source", OK, expected)
        else:
            self._add(
                "delegation_source", "delegation source", BROKEN,
                f"rests on a delegation in {shown(named)}, but this environment's Altinn is {expected}",
                "delegate there", trap="wrong_altinn",
            )  # fmt: skip

    def _audiences(self) -> None:
        named = self.claims.get("aud")
        audiences = [named] if isinstance(named, str) else [str(entry) for entry in named or ()]
        listed = ", ".join(shown(entry, 100) for entry in audiences) or "none"
        if self._audience is None:
            if audiences:
                self._add("audience", "audience", NOTE, f"is limited to {listed}")
        elif self._audience in audiences:
            self._add("audience", "audience", OK, self._audience)
        else:
            self._add(
                "audience", "audience", BROKEN, f"is {listed}, not {self._audience}",
                "ask Maskinporten for it in the grant's claim resource",
            )  # fmt: skip


def read_token(path: str) -> str:
    """The token in a file: bare, as ``Bearer …``, or as the ``access_token`` of Maskinporten's answer.

    :raises InputError: no such file, or no token in it; nothing of its content is told.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_TOKEN + 1)
    except (OSError, ValueError) as error:
        raise InputError(
            f"token_file: cannot read {path} ({getattr(error, 'strerror', None) or 'no such path'})."
        ) from None
    text = content.decode("utf-8-sig", "replace").strip() if len(content) <= LARGEST_TOKEN else ""
    if text.startswith("{"):
        try:
            text = str(json.loads(text).get("access_token") or "")
        except (ValueError, AttributeError):
            text = ""
    text = text.strip().strip('"').removeprefix("Authorization:").strip()
    if text[:7].lower() == "bearer ":
        text = text[7:].strip()
    if not read_claims(text):
        raise InputError(
            f"token_file: {path} holds no token (a JWT of three parts); save the token alone in it."
        )
    return text
