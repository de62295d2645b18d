# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of organisations: what counts as the same, and what is pointed out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._register import names_agree


@pytest.mark.parametrize(
    ("listed", "registered"),
    [
        ("STILLE BRE AS", "STILLE BRE AS"),
        ("Stille Bre", "STILLE BRE AS"),
        ("stille bre a/s", "STILLE BRE AS"),
        ("Stille Bree AS", "STILLE BRE AS"),
        ("Storby", "STORBY KOMMUNE"),
        ("Ås", "ÅS KOMMUNE"),
        ("Havn, Sjø og Fisk", "HAVN SJØ FISK AS"),
        ("", "STILLE BRE AS"),
    ],
)
def test_the_same_organisation_written_otherwise(listed, registered):
    assert names_agree(listed, registered)


@pytest.mark.parametrize(
    ("listed", "registered"),
    [
        ("Oslo", "OSLO TAXI AS"),
        ("Bergen kommune", "BERGEN KINO AS"),
        ("Nordvik kommune", "NORDDAL KOMMUNE"),
        ("Gammelt firma AS", "NYTT FIRMA AS"),
        ("Kommune", "STORBY KOMMUNE"),
    ],
)
def test_another_organisation(listed, registered):
    assert not names_agree(listed, registered)


@given(st.text(max_size=40), st.text(max_size=40))
def test_it_works_for_any_text_and_a_name_agrees_with_itself(first, second):
    assert names_agree(first, first)
    assert names_agree(first, second) in (True, False)
