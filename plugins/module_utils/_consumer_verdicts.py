# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The verdicts a row of consumers can get: their codes, how bad they are, and how people read them; data only."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

#: How bad a verdict is; a table shows the worst first.
FAILED, INVALID, REFUSED, WARNING, CHANGE, QUIET = range(6)

RANK_WORDS: Final = ("FAILED", "INVALID", "REFUSED", "WARNING", "", "")


class Verdict(NamedTuple):
    """``rank``: one of the levels above. ``label``: what a table says; ``planned``: the same before it is done."""

    rank: int
    label: str
    planned: str = ""


VERDICTS: Final = MappingProxyType(
    {
        # what happened, or would
        "granted": Verdict(CHANGE, "granted", "to grant"),
        "regranted": Verdict(CHANGE, "granted again", "to grant again"),
        "already_granted": Verdict(QUIET, "already granted"),
        "revoked": Verdict(CHANGE, "revoked", "to revoke"),
        "expired": Verdict(CHANGE, "expired, revoked", "expired, to revoke"),
        "expired_before": Verdict(QUIET, "expired, has no access"),
        "no_access": Verdict(QUIET, "has no access"),
        "not_listed": Verdict(CHANGE, "not in the list, revoked", "not in the list, to revoke"),
        "duplicate": Verdict(WARNING, "duplicate"),
        "protected": Verdict(REFUSED, "protected"),
        "held_back": Verdict(QUIET, "held back"),
        "server_error": Verdict(FAILED, "the server said no"),
        # the row cannot be right
        "empty": Verdict(INVALID, "no organisation number"),
        "not_nine_digits": Verdict(INVALID, "not nine digits"),
        "check_digit": Verdict(INVALID, "check digit wrong"),
        "valid_until_unreadable": Verdict(INVALID, "date cannot be read"),
        "unbalanced_quote": Verdict(INVALID, "quotation mark not closed"),
        "unreadable": Verdict(INVALID, "cannot be read"),
        "synthetic_in_production": Verdict(INVALID, "synthetic number in production"),
        # the row must not be granted
        "supplier": Verdict(REFUSED, "a supplier, not a consumer"),
        "unconfirmed": Verdict(REFUSED, "not confirmed"),
        "not_possible": Verdict(REFUSED, "not possible"),
        # what the register or the environment says about the organisation
        "dissolved": Verdict(WARNING, "dissolved"),
        "bankrupt": Verdict(WARNING, "bankrupt"),
        "being_dissolved": Verdict(WARNING, "being dissolved"),
        "unknown": Verdict(WARNING, "unknown in the register"),
        "name_differs": Verdict(WARNING, "name differs from the register"),
        "sub_unit": Verdict(WARNING, "sub-unit"),
        "not_checked": Verdict(WARNING, "register not reached"),
        "real_in_test": Verdict(WARNING, "real organisation in a test environment"),
        "never_assigned": Verdict(WARNING, "number series not in use"),
        "own_organization": Verdict(WARNING, "own organisation"),
        "expires_soon": Verdict(WARNING, "expires soon"),
        "requested": Verdict(WARNING, "asked for, not granted"),
        "other_scope": Verdict(WARNING, "for another scope"),
        "note": Verdict(WARNING, "note"),
    }
)

#: Findings that refuse a row when the register check is enforced.
ENFORCED: Final = frozenset({"dissolved", "bankrupt", "unknown", "name_differs"})


def rank_of(verdict: str, findings: tuple[str, ...] | list[str] = ()) -> int:
    """How bad a row is: its verdict or the worst of its findings; an unknown code counts as a warning."""
    return min(VERDICTS[code].rank if code in VERDICTS else WARNING for code in (verdict, *findings))
