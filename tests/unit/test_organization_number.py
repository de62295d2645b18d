# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Organisation numbers: what is taken, what is refused, and that nothing but nine digits ever comes out."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.filter.organization_number import (
    organization_number as in_form,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _organization_number as numbers
from ansible_collections.tilbyder.maskinporten.plugins.test.organization_number import (
    organization_number as is_number,
)

NUMBER = "974761076"


@pytest.mark.parametrize(
    "written",
    [
        "974761076",
        974761076,
        974761076.0,
        "974761076.0",
        "974761076,00",
        " 974 761 076 ",
        "974\u00a0761\u00a0076",
        "974\u202f761\u202f076",
        "\ufeff974761076\u200b",
        "974761076\n",
        "974.761.076",
        "974-761-076",
        "974\u2011761\u2011076",
        "0192:974761076",
        "iso6523-actorid-upis::0192:974761076",
        "urn:altinn:organization:identifier-no:974761076",
        "NO 974 761 076 MVA",
        "no974761076mva",
        "974761076 MVA",
        "Org.nr. 974 761 076",
        "Organisasjonsnummer: 974761076",
        '="974761076"',
        "'974761076",
        "«974761076»".strip("«»"),
    ],
)
def test_however_people_write_it_the_same_nine_digits_come_out(written):
    assert numbers.normalize(written) == NUMBER


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ("", "empty", "empty"),
        (None, "empty", "empty"),
        ("   \u00a0 ", "empty", "empty"),
        ("974761077", "check_digit", "check digit is wrong"),
        ("123456789", "check_digit", "check digit is wrong"),
        ("97476107", "not_nine_digits", "8 digits"),
        ("9747610766", "not_nine_digits", "10 digits"),
        ("974 761 0x6", "not_nine_digits", "8 digits and 1 letter"),
        ("..", "not_nine_digits", "no digits"),
        (".", "not_nine_digits", "no digits"),
        ("%2e%2e", "not_nine_digits", "2 digits and 4 other characters"),
        ("..%2f974761076", "not_nine_digits", "nine digits are needed"),
        ("974761076/../310001007", "not_nine_digits", "other characters"),
        ("974761076?scope=x", "not_nine_digits", "nine digits are needed"),
        ("974..761..076", "not_nine_digits", "other characters"),
        ("0192:0192:974761076", "not_nine_digits", "13 digits"),
        ("9" * 5000, "not_nine_digits", "5000 characters"),
        ("٩٧٤٧٦١٠٧٦", "not_nine_digits", "not 0-9"),
        ("９７４７６１０７６", "not_nine_digits", "not 0-9"),
        ("²97476107", "not_nine_digits", "not 0-9"),
        ("9,74761E+08", "not_nine_digits", "rounded"),
        (True, "not_nine_digits", "no digits"),
        ("-974761076", "not_nine_digits", "other character"),
        (-974761076, "not_nine_digits", "other character"),
        ("NTRSE-5560360793", "not_nine_digits", "6 other characters"),
    ],
)
def test_anything_else_is_refused_with_the_reason(written, code, says):
    with pytest.raises(numbers.OrganizationNumberError, match="organisation number") as caught:
        numbers.normalize(written)
    assert caught.value.code == code
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_message_never_carries_control_characters_or_a_whole_page():
    with pytest.raises(numbers.OrganizationNumberError, match="organisation number") as caught:
        numbers.normalize("\x1b[31m\r\n" + "x" * 60)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@given(st.integers(min_value=0, max_value=99_999_999))
def test_exactly_one_check_digit_fits_or_none(first_eight):
    eight = f"{first_eight:08d}"
    fitting = [str(digit) for digit in range(10) if numbers.is_valid(eight + str(digit))]
    expected = numbers.check_digit(eight)
    assert fitting == ([] if expected is None else [str(expected)])


@given(st.integers(min_value=0, max_value=99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(first_eight, place, shift):
    eight = f"{first_eight:08d}"
    check = numbers.check_digit(eight)
    if check is None:
        return
    number = f"{eight}{check}"
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert numbers.is_valid(number)
    assert not numbers.is_valid(wrong)


@given(
    st.one_of(st.text(), st.integers(), st.floats(), st.text("0123456789 .:-NOMVAnova%/\u00a0", max_size=20))
)
def test_what_comes_out_is_nine_ascii_digits_or_nothing(value):
    try:
        number = numbers.normalize(value)
    except numbers.OrganizationNumberError:
        return
    assert len(number) == 9
    assert set(number) <= set("0123456789")
    assert numbers.normalize(number) == number


@pytest.mark.parametrize(
    ("number", "kind"),
    [("974761076", "real"), ("810305282", "real"), ("310001007", "synthetic"), ("212345670", "synthetic")],
)
def test_synthetic_and_real_are_told_by_the_first_digit(number, kind):
    assert numbers.kind(number) == kind
    assert numbers.is_synthetic(number) == (kind == "synthetic")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("digits", "974761076"),
        ("spaced", "974 761 076"),
        ("iso6523", "0192:974761076"),
        ("urn", "urn:altinn:organization:identifier-no:974761076"),
    ],
)
def test_the_filter_gives_each_form_and_reads_it_back(form, expected):
    assert in_form("NO 974 761 076 MVA", form=form) == expected
    assert in_form(expected) == NUMBER


def test_the_filter_fails_in_one_sentence():
    with pytest.raises(AnsibleFilterError, match="its check digit is wrong"):
        in_form("974761077")
    with pytest.raises(AnsibleFilterError, match="form 'roman' is not one of"):
        in_form(NUMBER, form="roman")


def test_the_test_tells_numbers_and_their_kind():
    assert is_number("974 761 076")
    assert is_number(974761076, kind="real")
    assert not is_number("974761076", kind="synthetic")
    assert is_number("310001007", kind="synthetic")
    assert not is_number("..")
    assert not is_number(None)
    with pytest.raises(AnsibleFilterError, match="kind 'odd'"):
        is_number(NUMBER, kind="odd")
