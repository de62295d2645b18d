# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources in the shapes of older guides: what is converted, what is ignored, and that each is said once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_definition import (
    Declaration,
    read_layer,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError


def read(**members: Any) -> Declaration:
    return read_layer({"definition": members}, "resource")


CONVERTED: dict[str, tuple[dict[str, Any], str, Any]] = {
    "list of languages": (
        {"title": [{"language": "nb", "text": "a"}, {"language": "en", "title": "b"}]},
        "title",
        {"nb": "a", "en": "b"},
    ),
    "list with the member's own name": (
        {"description": [{"language": "nb-NO", "description": "a"}]},
        "description",
        {"nb": "a"},
    ),
    "old spellings of languages": (
        {"title": {"nb-NO": "a", "NN": "b", "en-GB": "c", "se": "d"}},
        "title",
        {"nb": "a", "nn": "b", "en": "c", "se": "d"},
    ),
    "no": ({"title": {"no": "a"}}, "title", {"nb": "a"}),
    "no as YAML reads it": ({"title": {False: "a"}}, "title", {"nb": "a"}),
    "keyword": (
        {"keyword": [{"keyword": "a"}, {"word": "b", "language": "nb"}, "c"]},
        "keywords",
        [{"word": "a"}, {"word": "b", "language": "nb"}, {"word": "c"}],
    ),
    "contact point alone": (
        {"contactpoint": {"phone": "1", "email": "a@b.example", "url": "https://b.example"}},
        "contactPoints",
        [{"telephone": "1", "email": "a@b.example", "contactPage": "https://b.example"}],
    ),
    "thematic area": ({"thematicArea": "COMMERCE"}, "thematicAreas", ["COMMERCE"]),
    "no thematic area": ({"thematicArea": []}, "thematicAreas", []),
    "reference": (
        {
            "resourceReference": [
                {"referenceType": "maskinportenscope", "reference": "a:b", "referenceSource": 3}
            ]
        },
        "resourceReferences",
        [{"referenceType": "MaskinportenScope", "reference": "a:b", "referenceSource": "Altinn3"}],
    ),
    "limited by access lists": ({"limitedByRRR": True}, "accessListMode", "Enabled"),
    "type by its number": ({"resourceType": 2}, "resourceType", "MaskinportenSchema"),
    "names of the options": ({"right_description": {"nb": "a"}}, "rightDescription", {"nb": "a"}),
}


@pytest.mark.parametrize(("given_", "member", "value"), CONVERTED.values(), ids=CONVERTED)
def test_what_has_a_meaning_today_is_converted(given_: dict[str, Any], member: str, value: Any) -> None:
    declaration = read(**given_)
    assert declaration.problems == []
    assert declaration.body == {member: value}


IGNORED: dict[str, Any] = {
    "validFrom": "2020-03-04T18:04:27.27",
    "validTo": "9999-12-31",
    "isComplete": True,
    "isPublicService": True,
    "sector": ["private"],
    "mainLanguage": "nb",
    "type": [],
    "hasPart": "x",
    "usedBy": "x",
    "ownedBy": "x",
    "limitedByRRR": False,
    "thematicArea": "",
    "colour": "red",
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_the_registry_would_drop_is_named_once(name: str) -> None:
    declaration = read(**{name: IGNORED[name]})
    assert declaration.body == {}
    assert declaration.problems == []
    assert len(declaration.notes) == 1
    assert declaration.notes[0].startswith(f"'{name}' is ignored")


def test_a_misspelt_member_is_recognised() -> None:
    assert "did you mean rightDescription?" in read(rightDescriptions={}).notes[0]


def test_the_new_name_wins_over_the_old_one() -> None:
    declaration = read(keyword=["old"], keywords=[{"word": "new"}])
    assert declaration.body == {"keywords": [{"word": "new"}]}
    assert "which is given too" in declaration.notes[0]


def test_the_exact_language_wins_over_an_odd_spelling() -> None:
    declaration = read(title={"nb-NO": "old", "nb": "new"})
    assert declaration.body == {"title": {"nb": "new"}}
    assert len(declaration.notes) == 1


def test_unknown_members_within_objects_are_named_with_their_place() -> None:
    declaration = read(
        contactPoints=[{"email": "a", "fax": "1"}, {}],
        hasCompetentAuthority={"organization": "310001007", "country": "NO"},
    )
    assert [note.split(" ")[0] for note in declaration.notes] == [
        "'contactPoints[0].fax'",
        "'contactPoints[1]'",
        "'hasCompetentAuthority.country'",
    ]


def test_a_member_that_is_named_twice_is_told() -> None:
    declaration = read_layer({"definition": '{"status": "a", "status": "b"}'}, "resource")
    assert declaration.body == {"status": "b"}
    assert "names 'status' twice" in declaration.notes[0]


def test_what_a_read_resource_carries_is_no_news() -> None:
    assert read(versionId=7, homepage=None, delegable=None).notes == []


def test_scopes_are_worked_into_the_references_that_are_declared_or_live() -> None:
    scheme = {"referenceSource": "Altinn2", "reference": "x", "referenceType": "DelegationSchemeId"}
    external = {
        "referenceSource": "ExternalPlatform",
        "reference": "a:one",
        "referenceType": "MaskinportenScope",
    }
    fresh = {"referenceSource": "Altinn3", "reference": "a:two", "referenceType": "MaskinportenScope"}
    live = {"resourceReferences": [scheme, external]}
    alone = read_layer({"scopes": ["a:two", "a:one", "a:two"]}, "resource")
    assert alone.members(live)["resourceReferences"] == [scheme, fresh, external]
    over = read_layer({"definition": {"resourceReferences": [external]}, "scopes": ["a:two"]}, "resource")
    assert over.members(live)["resourceReferences"] == [fresh]
    assert over.problems == []
    nearer = Declaration()
    nearer.lay(alone)
    nearer.lay(read_layer({"resource_references": [{"reference": "u", "reference_type": "Uri"}]}, "entry"))
    assert nearer.members(live)["resourceReferences"] == [{"reference": "u", "referenceType": "Uri"}]
    torn = read_layer(
        {
            "scopes": ["a:two"],
            "resource_references": [{"reference": "a:one", "reference_type": "MaskinportenScope"}],
        },
        "resource",
    )
    assert "a:one" in torn.problems[0]
    assert "scopes is empty" in read_layer({"scopes": []}, "resource").problems[0]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "nb",
                    "language",
                    "text",
                    "word",
                    "email",
                    "organization",
                    "name",
                    "optional",
                    "referenceType",
                    "no",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_names = st.sampled_from(
    ["identifier", "title", "description", "keyword", "keywords", "contactpoint", "contactPoints", "resourceReferences",
     "hasCompetentAuthority", "delegable", "limitedByRRR", "consentMetadata", "consentText", "availableForType", "spatial",
     "thematicArea", "version", "resourceType", "sector", "whatever", "authorizationReference"]
)  # fmt: skip


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_names, _json, max_size=6))
def test_no_json_ends_in_anything_but_a_declaration_or_a_sentence(body: dict[str, Any]) -> None:
    declaration = read_layer({"definition": json.dumps(body)}, "resource")
    for problem in [*declaration.problems, *declaration.notes]:
        assert problem
        assert "\n" not in problem.replace("\\n", "")[:20]
    again = read_layer({"definition": declaration.body}, "resource")
    if not declaration.problems:
        # What was converted once is in today's shape.
        assert again.body == declaration.body


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_no_text_ends_in_a_traceback(text: str) -> None:
    refusal = ""
    try:
        read_layer({"definition": text}, "resource")
    except InputError as error:
        refusal = error.message
    assert refusal.startswith("resource: definition") or (not text and not refusal)
