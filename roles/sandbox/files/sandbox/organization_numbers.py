# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organisation numbers: the modulus-11 rule and a generator of synthetic ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)
_NINE_DIGITS = re.compile(r"[0-9]{9}\Z")


def check_digit(first_eight: str) -> str | None:
    """Return the ninth digit for eight digits, or None when no valid number starts with them.

    Source: the register of organisations (Enhetsregisteret), "Om organisasjonsnummeret".
    """
    rest = sum(int(digit) * weight for digit, weight in zip(first_eight, _WEIGHTS, strict=True)) % 11
    if rest == 1:
        return None
    return str((11 - rest) % 11)


def is_valid(number: object) -> bool:
    """True for a string of nine digits whose last digit is right."""
    return (
        isinstance(number, str) and bool(_NINE_DIGITS.match(number)) and check_digit(number[:8]) == number[8]
    )


def is_synthetic(number: str) -> bool:
    """True for numbers of the synthetic test population, which start with 2 or 3; real ones start with 8 or 9."""
    return number[:1] in ("2", "3")


def synthetic_numbers(first: int = 31100000) -> Iterator[str]:
    """Yield valid synthetic numbers in rising order, the first one from the eight digits ``first``."""
    for eight in range(first, 40000000):
        digit = check_digit(str(eight))
        if digit is not None:
            yield f"{eight}{digit}"
