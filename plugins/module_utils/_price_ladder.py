# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""What Digdir charges a provider for Maskinporten, as published; data only.

Digdir changes the ladder from year to year: add a ladder in front, leave the old ones for the record.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

#: Newest first. Amounts are NOK a year without VAT.
#: ``steps``: (grants at this price, price of each); the last step has no end. ``cap``: the most a provider
#: pays.
PRICE_LADDERS: Final[tuple[MappingProxyType[str, Any], ...]] = (
    MappingProxyType(
        {
            "currency": "NOK",
            "base": 50_000,
            "steps": ((5, 5_000), (5, 3_000), (5, 1_500), (None, 1_000)),
            "cap": 799_500,
            "source": "https://samarbeid.digdir.no/maskinporten/kostnadsmodell-maskinporten/64",
            "read": "2026-09",
        }
    ),
)
