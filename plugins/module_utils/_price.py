# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The yearly fee a provider pays for Maskinporten.

Digdir counts grants, not organisations: one organisation with access to three scopes counts three times. The
count is of the whole provider. Testing is free of charge, so outside production an estimate says what the
same grants would cost there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._price_ladder import PRICE_LADDERS


def yearly_fee(grants: int, ladder: Mapping[str, Any] | None = None) -> int:
    """NOK a year, VAT not included, for a provider with that many grants.

    Digdir's own example: 18 grants cost 5 x 5 000 + 5 x 3 000 + 5 x 1 500 + 3 x 1 000 + 50 000 = 100 500.

    :raises ValueError: a negative number.
    """
    if grants < 0:
        raise ValueError(f"a number of grants cannot be negative ({grants})")
    ladder = ladder or PRICE_LADDERS[0]
    fee, left = ladder["base"], grants
    for count, price in ladder["steps"]:
        here = left if count is None else min(left, count)
        fee += here * price
        left -= here
    return int(min(fee, ladder["cap"]))


def estimate(before: int, after: int, *, billed: bool, whole_provider: bool) -> dict[str, Any]:
    """The fee before and after a change of the number of grants.

    :param billed: whether this environment is paid for (only production is).
    :param whole_provider: whether the counts are of all scopes of the provider; if not, the amounts are those
        of these scopes alone, and the true change is at most the one shown.
    :return: ``grants_before``, ``grants_after``, ``before``, ``after``, ``change`` (NOK a year),
        ``currency``, ``billed``, ``whole_provider``, ``source``, ``read`` (month in which the ladder was
        read), ``text`` (one sentence).
    """
    ladder = PRICE_LADDERS[0]
    fee_before, fee_after = yearly_fee(before, ladder), yearly_fee(after, ladder)
    change = fee_after - fee_before
    counted = "Grants of the provider" if whole_provider else "Grants on these scopes"
    text = f"{counted} {before} -> {after}: {amount(fee_before)} -> {amount(fee_after)} a year"
    text += f" ({'+' if change > 0 else ''}{amount(change)})" if change else " (no change)"
    if not billed:
        text += "; testing is free, this is what production would cost"
    return {
        "grants_before": before,
        "grants_after": after,
        "before": fee_before,
        "after": fee_after,
        "change": change,
        "currency": ladder["currency"],
        "billed": billed,
        "whole_provider": whole_provider,
        "source": ladder["source"],
        "read": ladder["read"],
        "text": text,
    }


def amount(nok: int) -> str:
    """``NOK 100 500``."""
    return f"{'-' if nok < 0 else ''}NOK {abs(nok):,}".replace(",", " ")
