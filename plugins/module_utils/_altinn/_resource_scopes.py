# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Whether the scopes that a resource refers to are what the resource needs: ours, existing, active, and delegable.

Altinn checks the prefix alone. A reference to a scope that doesn't exist, is deactivated or has no delegation source is stored
without a word, and the delegation that people make in the portal then leads to no token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from .._auth import Token
from .._errors import CollectionError
from .._maskinporten._self_service import ALTINN_SOURCE, SCOPES_WRITE, SelfService
from .._session import Session
from ._registry import RESOURCE_ADMIN

Verdict = Literal["ok", "foreign", "missing", "inactive", "not_delegable", "not_seen"]
#: Verdicts that say that something is wrong, as against not known.
WRONG: Final = ("foreign", "missing", "inactive", "not_delegable")
#: Verdicts that an earlier task of the same run mends, but not in check mode.
MENDED_BEFORE: Final = ("missing", "inactive", "not_delegable")


@dataclass(frozen=True)
class ScopeVerdict:
    """What is known of one scope.

    :ivar message: a sentence that begins with the scope's name; empty when all is well.
    """

    scope: str
    verdict: Verdict
    message: str = ""

    def as_result(self) -> dict[str, str]:
        return {"scope": self.scope, "verdict": self.verdict, "message": self.message}


class ScopeCheck:
    """Looks at scopes with the fewest requests: one list of ours with the administration identity, else one a prefix.

    :param token: of the Altinn identity; its claim ``consumer_prefix`` is what Altinn goes by.
    """

    def __init__(self, session: Session, token: Token) -> None:
        self._session = session
        self._prefixes = token.prefixes
        self._number = token.organization_number
        self._is_admin = RESOURCE_ADMIN in token.scopes
        self._read = False
        self._ours: dict[str, Mapping[str, Any]] | None = None
        self._unseen = ""
        self._public: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._source: str | None = None

    def verdicts(self, scopes: Sequence[str], *, delegable: bool) -> list[ScopeVerdict]:
        """A verdict for each scope.

        :param delegable: the resource can be delegated, so the scopes need Altinn as their delegation source.
        """
        return [self._verdict(scope, delegable) for scope in dict.fromkeys(scopes)]

    def _verdict(self, scope: str, delegable: bool) -> ScopeVerdict:
        prefix = scope.partition(":")[0]
        if prefix not in self._prefixes and not self._is_admin:
            ours = ", ".join(self._prefixes) or "none (its claim consumer_prefix is missing)"
            return ScopeVerdict(
                scope, "foreign", f"{scope}: prefix '{prefix}' is not ours (the token has {ours}); Altinn will answer 401."
            )  # fmt: skip
        try:
            found, seen = self._look_up(scope, prefix)
        except CollectionError as error:
            return ScopeVerdict(
                scope, "not_seen", f"{scope}: not seen; it could not be looked up ({error.message})"
            )
        if found is None and seen:
            return ScopeVerdict(
                scope, "missing", f"{scope}: does not exist in Maskinporten's environment '{self._session.environment.name}'; "
                "register it first (maskinporten_scope).",
            )  # fmt: skip
        if found is None:
            return ScopeVerdict(scope, "not_seen", f"{scope}: not seen; {self._unseen}.")
        if not found.get("active", True):
            return ScopeVerdict(
                scope, "inactive", f"{scope}: is deactivated in Maskinporten, so nobody gets a token for it."
            )
        if delegable:
            wanted, has = self._delegation_source(), str(found.get("delegation_source") or "")
            if not has or (wanted and has.rstrip("/") != wanted.rstrip("/")):
                other = f"has delegation source {has}" if has else "has no delegation source"
                return ScopeVerdict(
                    scope,
                    "not_delegable",
                    f"{scope}: {other}, but the resource can be delegated; Maskinporten would not ask this environment's Altinn "
                    "(maskinporten_scope with delegation_source: altinn).",
                )
        return ScopeVerdict(scope, "ok")

    def _look_up(self, scope: str, prefix: str) -> tuple[Mapping[str, Any] | None, bool]:
        """The scope, or None; and whether it would have been seen if it existed."""
        if not self._read:
            self._read = True
            self._read_ours()
        if self._ours is not None:
            return self._ours.get(scope), True
        if prefix not in self._public:
            listed = SelfService(self._session, None).public_scopes(prefix)
            self._public[prefix] = {_name(entry): entry for entry in listed}
        return self._public[prefix].get(scope), False

    def _read_ours(self) -> None:
        public = "it is not among the public scopes"
        self._unseen = f"{public}, and one that is PRIVATE is seen only by the administration client (option administration)"
        try:
            login = self._session.administration((SCOPES_WRITE,))
            if login is None:
                return
            number = login.token().organization_number
            if number and self._number and number != self._number:
                self._unseen = f"{public}, and the administration client belongs to organisation {number}, not {self._number}"
                return
            self._ours = {_name(entry): entry for entry in SelfService(self._session, login).scopes()}
        except CollectionError as error:
            self._unseen = (
                f"{public}, and the administration client could not look ({error.message.rstrip('.')})"
            )

    def _delegation_source(self) -> str:
        """The issuer of this environment's Altinn."""
        if self._source is None:
            known = self._session.environment.delegation_source
            self._source = known or SelfService(self._session, None).delegation_sources().get(
                ALTINN_SOURCE, ""
            )
        return self._source


def _name(scope: Mapping[str, Any]) -> str:
    return str(scope.get("name") or f"{scope.get('prefix')}:{scope.get('subscope')}")
