# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The yearly fee: Digdir's own example, the ends of the ladder, and what an estimate says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._price import amount, estimate, yearly_fee
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._price_ladder import PRICE_LADDERS


@pytest.mark.parametrize(
    ("grants", "fee"),
    [
        (0, 50_000),
        (1, 55_000),
        (5, 75_000),
        (6, 78_000),
        (10, 90_000),
        (15, 97_500),
        (16, 98_500),
        (18, 100_500),  # the example on Digdir's page
        (716, 798_500),
        (717, 799_500),
        (718, 799_500),
        (20_000, 799_500),
    ],
)
def test_the_ladder(grants, fee):
    assert yearly_fee(grants) == fee


@given(st.integers(0, 3000))
def test_one_more_grant_never_costs_less_nor_more_than_the_first(grants):
    step = yearly_fee(grants + 1) - yearly_fee(grants)
    assert 0 <= step <= 5_000
    assert yearly_fee(grants + 2) - yearly_fee(grants + 1) <= step


def test_a_negative_number_of_grants_is_a_bug_and_not_a_discount():
    with pytest.raises(ValueError, match="cannot be negative"):
        yearly_fee(-1)


def test_an_estimate_says_what_it_counts_what_changes_and_where_the_ladder_comes_from():
    told = estimate(61, 98, billed=True, whole_provider=True)
    assert (told["before"], told["after"], told["change"]) == (143_500, 180_500, 37_000)
    assert told["text"] == "Grants of the provider 61 -> 98: NOK 143 500 -> NOK 180 500 a year (+NOK 37 000)"
    assert told["source"].startswith("https://samarbeid.digdir.no/")
    assert told["read"] == PRICE_LADDERS[0]["read"]
    assert estimate(3, 3, billed=True, whole_provider=False)["text"].endswith("(no change)")
    assert "testing is free" in estimate(3, 2, billed=False, whole_provider=True)["text"]
    assert "(-NOK 5 000)" in estimate(3, 2, billed=False, whole_provider=True)["text"]


def test_amounts_read_as_in_norway():
    assert amount(799_500) == "NOK 799 500"
    assert amount(-3_000) == "-NOK 3 000"
