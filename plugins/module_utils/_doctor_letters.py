# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The text that asks a consumer to delegate a scope to its supplier, in bokmål and English. Data and filling in only."""

from __future__ import annotations

from typing import Final

_TEXTS: Final = {
    "nb": """\
Emne: Deleger {scope} til {supplier} i Altinn

Hei,

{supplier} skal bruke API-et {scope} på vegne av {consumer}. Det krever at dere delegerer tilgangen i Altinn ({where}):

1. En som er daglig leder, styreleder eller innehaver, eller som har fått tilgangspakken "Maskinporten scopes", logger inn \
i Altinn og velger å representere {consumer}.
2. Gå til tilgangsstyring og delegering av API-er (Maskinporten).
3. Finn API-et og deleger det til {supplier}. Bruk organisasjonsnummeret til hovedenheten.

Delegeringen virker etter noen minutter. Si gjerne fra når den er gjort.
""",
    "en": """\
Subject: Delegate {scope} to {supplier} in Altinn

Hello,

{supplier} is to use the API {scope} on behalf of {consumer}. For that you must delegate the access in Altinn ({where}):

1. The general manager, chair of the board or owner, or someone who holds the access package "Maskinporten scopes", logs in \
to Altinn and chooses to represent {consumer}.
2. Go to access management and the delegation of APIs (Maskinporten).
3. Find the API and delegate it to {supplier}. Use the organisation number of the main unit.

The delegation works after a few minutes. Please tell us when it is done.
""",
}
_SOMEONE: Final = {"nb": "virksomheten", "en": "the business"}
_WHERE: Final = {
    True: {"nb": "produksjon, altinn.no", "en": "production, altinn.no"},
    False: {"nb": "testmiljøet TT02, tt02.altinn.no", "en": "the test environment TT02, tt02.altinn.no"},
}


def ask_to_delegate(*, scope: str, consumer: str | None, supplier: str, production: bool) -> dict[str, str]:
    """Language -> letter."""
    return {
        language: text.format(
            scope=scope,
            consumer=consumer or _SOMEONE[language],
            supplier=supplier,
            where=_WHERE[production][language],
        )
        for language, text in _TEXTS.items()
    }
