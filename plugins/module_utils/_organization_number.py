# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# This module is private to the collection.
"""Norwegian organisation numbers: as people write them, as the services want them.

An organisation number is nine digits, the last one a modulus-11 check digit (weights 3 2 7 6 5 4 3 2). Real
ones start with 8 or 9; synthetic ones (Tenor, Altinn's TT02) start with 2 or 3 and pass the same check. In
tokens and in Altinn the number carries an authority in front (``0192:`` or a URN), on invoices it stands as
``NO ... MVA``.

The result of ``normalize`` is the only form that may become part of a path: nine ASCII digits, nothing else.
"""

from __future__ import annotations

import re

LENGTH = 9
WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)

EMPTY = "empty"
NOT_NINE_DIGITS = "not_nine_digits"
CHECK_DIGIT = "check_digit"

REAL = "real"
SYNTHETIC = "synthetic"
UNASSIGNED = "unassigned"

_MAXIMUM_INPUT = 80
_NINE = re.compile(r"[0-9]{9}")
_AUTHORITY = re.compile(
    r"(?:iso6523-actorid-upis::?)?0192:|urn:altinn:organization:(?:identifier-no|identifier|orgnumber):",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"org(?:anisasjons?|anization|anisation)?[.\s-]*(?:nr|nummer|number|no)\b[.:\s]*", re.IGNORECASE
)
_VAT = re.compile(r"(?:NO)?([0-9]{9})(?:MVA)?", re.IGNORECASE)
# Only the groupings people use; a lone dot or a run of dots is never a separator.
_GROUPED = re.compile(r"(?<![0-9])([0-9]{3})([.\-\u2010\u2011\u2013])([0-9]{3})\2([0-9]{3})(?![0-9])")
_SPREADSHEET_FLOAT = re.compile(r"([0-9]{9})[.,]0+")
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
# str.isspace() covers the no-break kinds; these have no width and are not counted as spaces by Unicode.
_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u202d")


class OrganizationNumberError(ValueError):
    """What was written is not an organisation number.

    ``code`` is one of ``empty``, ``not_nine_digits``, ``check_digit``; the text is one sentence for a person.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def check_digit(first_eight: str) -> int | None:
    """The check digit for eight digits, or None where no number starts with them (the digit would be 10)."""
    rest = sum(int(digit) * weight for digit, weight in zip(first_eight, WEIGHTS, strict=True)) % 11
    if rest == 1:
        return None
    return 0 if rest == 0 else 11 - rest


def normalize(value: object) -> str:
    """The nine digits of an organisation number however it is written.

    Takes spaces of every kind (no-break and invisible ones included), ``974.761.076``, ``974-761-076``,
    ``0192:974761076``, ``urn:altinn:organization:identifier-no:974761076``, ``NO 974 761 076 MVA``,
    ``Org.nr. 974 761 076``, what Excel makes of a number (``974761076.0``, ``="974761076"``, ``'974761076``),
    and whole numbers.

    :raises OrganizationNumberError: anything else, digits of other scripts included.
    """
    text = _as_text(value)
    number = _strip_decoration(text)
    if not number:
        raise OrganizationNumberError("the organisation number is empty", EMPTY)
    if not _NINE.fullmatch(number):
        raise OrganizationNumberError(_why_not(text, number), NOT_NINE_DIGITS)
    expected = check_digit(number[:8])
    if expected is None or expected != int(number[8]):
        raise OrganizationNumberError(
            f"{shown(text)} is not an organisation number: its check digit is wrong, so it is mistyped",
            CHECK_DIGIT,
        )
    return number


def is_valid(value: object) -> bool:
    """Whether ``normalize`` accepts the value."""
    try:
        normalize(value)
    except OrganizationNumberError:
        return False
    return True


def kind(number: str) -> str:
    """``real``, ``synthetic`` or ``unassigned`` for a normalised number, told by its first digit."""
    if number[0] in "89":
        return REAL
    return SYNTHETIC if number[0] in "23" else UNASSIGNED


def is_synthetic(number: str) -> bool:
    """Whether a normalised number belongs to the synthetic organisations of the test environments."""
    return kind(number) == SYNTHETIC


def spaced(number: str) -> str:
    """``974761076`` as people read it: ``974 761 076``."""
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def shown(value: object, width: int = 40) -> str:
    """A value from outside as a message may show it: quoted, control characters escaped, cut at ``width``."""
    text = value if isinstance(value, str) else str(value)
    cut = text if len(text) <= width else text[: width - 1] + "…"
    return "'" + "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut) + "'"


def _as_text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _strip_decoration(text: str) -> str:
    if len(text) > _MAXIMUM_INPUT:
        return text
    bare = "".join(letter for letter in text if letter not in _INVISIBLE).strip()
    if len(bare) > 2 and bare.startswith('="') and bare.endswith('"'):
        bare = bare[2:-1]
    bare = bare.strip("\"'\u2019\u2018\u201c\u201d`\u00b4 \u00a0\t")
    bare = _AUTHORITY.sub("", bare, count=1) if _AUTHORITY.match(bare) else bare
    bare = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    bare = _GROUPED.sub(r"\1\3\4", bare)
    compact = "".join(bare.split())
    decimal = _SPREADSHEET_FLOAT.fullmatch(compact)
    if decimal:
        return decimal.group(1)
    vat = _VAT.fullmatch(compact)
    return vat.group(1) if vat else compact


def _why_not(text: str, number: str) -> str:
    if len(text) > _MAXIMUM_INPUT:
        return f"{shown(text)} is not an organisation number: it is {len(text)} characters long"
    start = f"{shown(text)} is not an organisation number: "
    if _SCIENTIFIC.fullmatch(number):
        return start + "the spreadsheet has rounded it; format the column as text, type it again and save"
    if any(letter.isdigit() and not letter.isascii() for letter in number):
        return start + "it has digits that are not 0-9"
    digits = sum(letter in "0123456789" for letter in number)
    others = len(number) - digits
    if digits and others:
        letters = sum(letter.isalpha() for letter in number)
        what = "letter" if letters == others else "other character"
        return start + f"it has {_count(digits, 'digit')} and {_count(others, what)}, nine digits are needed"
    if digits:
        return start + f"it has {_count(digits, 'digit')}, nine are needed"
    return start + "it has no digits, nine are needed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
