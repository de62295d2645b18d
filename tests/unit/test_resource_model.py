# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resource means: our rules against the registry's, comparison, and what is sent over what is there.

The sandbox's model of the registry was written from the server's source by itself; here it is the judge of ours.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _resource_model as model
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_definition import (
    read_layer,
)
from sandbox import altinn_model as server

TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}

_texts = st.text(alphabet="abø {}\n[]()", max_size=6)
_language_map = st.one_of(
    st.just(TEXTS), st.dictionaries(st.sampled_from(["nb", "nn", "en", "se"]), _texts, max_size=4)
)
_reference = st.fixed_dictionaries(
    {},
    optional={
        "referenceSource": st.sampled_from(model.REFERENCE_SOURCES),
        "referenceType": st.sampled_from(model.REFERENCE_TYPES),
        "reference": st.sampled_from(["testetat:x", "testetat/form", "4936", "x"]),
    },
)
_contact = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("category", "email", "telephone", "contactPage"), _texts)
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "identifier": st.one_of(
            st.sampled_from(
                ["testetat-thing", "se_4936_1", "app_testetat_form", "app_testetat_a1-5:1.0", "abc", "Ab-cd"]
            ),
            st.text(alphabet="ab_-A:ø/", max_size=6),
        ),
        "version": _texts,
        "title": _language_map,
        "description": _language_map,
        "rightDescription": _language_map,
        "homepage": _texts,
        "status": _texts,
        "spatial": st.lists(_texts, max_size=3),
        "contactPoints": st.lists(_contact, max_size=3),
        "produces": st.lists(_texts, max_size=2),
        "isPartOf": _texts,
        "thematicAreas": st.lists(_texts, max_size=2),
        "resourceReferences": st.lists(_reference, max_size=3),
        "delegable": st.booleans(),
        "visible": st.booleans(),
        "hasCompetentAuthority": st.fixed_dictionaries(
            {"organization": st.just("310001007")},
            optional={"orgcode": st.sampled_from(["testetat", "TESTETAT"]), "name": _language_map},
        ),
        "keywords": st.lists(
            st.fixed_dictionaries({"word": _texts}, optional={"language": _texts}), max_size=2
        ),
        "accessListMode": st.sampled_from(model.ACCESS_LIST_MODES),
        "selfIdentifiedUserEnabled": st.booleans(),
        "enterpriseUserEnabled": st.booleans(),
        "resourceType": st.sampled_from(model.RESOURCE_TYPES),
        "availableForType": st.lists(st.sampled_from(model.PARTY_TYPES), max_size=3),
        "authorizationReference": st.lists(
            st.fixed_dictionaries({"id": _texts, "value": _texts}), max_size=2
        ),
        "consentTemplate": _texts,
        "consentText": _language_map,
        "consentMetadata": st.dictionaries(
            st.sampled_from(["year", "name"]), st.fixed_dictionaries({"optional": st.booleans()})
        ),
        "isOneTimeConsent": st.booleans(),
    },
)


def refused_by_server(body: dict[str, Any], *, creating: bool) -> dict[str, list[str]]:
    """The server's verdict: the ``errors`` of its 400, empty when it takes the resource."""
    bound = server.parse_seed(copy.deepcopy(body))
    missing = server.missing_members(bound)
    return missing or server.broken_rules(server.complete(bound), creating=creating)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES, st.booleans())
def test_whatever_the_registry_refuses_we_refuse_first(body: dict[str, Any], creating: bool) -> None:
    body = {"hasCompetentAuthority": {"organization": "310001007"}, **body}
    if refused_by_server(body, creating=creating):
        assert model.problems(body, creating=creating), refused_by_server(body, creating=creating)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES, st.booleans())
def test_what_we_refuse_beyond_the_registry_is_what_a_product_demands(
    body: dict[str, Any], creating: bool
) -> None:
    whole = {
        "identifier": "testetat-thing",
        "title": TEXTS,
        "description": TEXTS,
        "rightDescription": TEXTS,
        "contactPoints": [],
        "hasCompetentAuthority": {"organization": "310001007", "orgcode": "testetat"},
        "resourceType": "Systemresource",
        **body,
    }
    ours = model.problems(whole, creating=creating)
    if ours and not refused_by_server(whole, creating=creating):
        beyond = ("consent_", "available_for_type is missing", "is no scope", "registry's own addresses")
        assert all(any(mark in problem for mark in beyond) for problem in ours), ours


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_what_was_sent_is_what_is_read_back(body: dict[str, Any]) -> None:
    """The heart of "the second run changes nothing": the registry's defaults, sorting and dropping mean nothing."""
    body = {"identifier": "testetat-thing", "hasCompetentAuthority": {"organization": "310001007"}, **body}
    stored = {**server.complete(server.parse_seed(copy.deepcopy(body))), "versionId": 7}
    assert model.changed_members(stored, body, body["identifier"]) == []
    merged = model.laid_over(stored, body)
    again = server.complete(server.parse_seed(copy.deepcopy(merged)))
    assert model.changed_members(again, body, body["identifier"]) == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES, st.randoms(use_true_random=False))
def test_order_case_and_defaults_have_no_meaning(body: dict[str, Any], chance: random.Random) -> None:
    changed = copy.deepcopy(body)
    for member in (
        "contactPoints",
        "resourceReferences",
        "keywords",
        "availableForType",
        "spatial",
        "thematicAreas",
    ):
        if member in changed:
            chance.shuffle(changed[member])
    for reference in changed.get("resourceReferences", ()):
        for part in ("referenceSource", "referenceType"):
            if part in reference:
                reference[part] = reference[part].upper()
    for member in ("resourceType", "accessListMode"):
        if member in changed:
            changed[member] = changed[member].lower()
    for member, default in model.DEFAULTS.items():
        if changed.get(member) == default:
            del changed[member]
    assert model.changed_members(changed, body, "testetat-thing") == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES, BODIES)
def test_what_nobody_manages_is_kept_and_what_is_managed_wins(
    live: dict[str, Any], wanted: dict[str, Any]
) -> None:
    live = {**live, "futureMember": {"a": [1]}, "versionId": 9}
    merged = model.laid_over(live, wanted)
    assert "versionId" not in merged
    assert merged["futureMember"] == {"a": [1]}
    assert model.changed_members(merged, wanted, "testetat-thing") == []
    for member in set(live) - set(wanted) - {"versionId"}:
        assert merged[member] == live[member]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(BODIES)
def test_a_live_resource_as_a_declaration_changes_nothing(body: dict[str, Any]) -> None:
    owner = {"organization": "310001007"}
    body = {"identifier": "testetat-thing", "resourceType": "Consent", "hasCompetentAuthority": owner, **body}
    stored = server.complete(server.parse_seed(copy.deepcopy(body)))
    declared = read_layer(model.as_declaration(stored), "resource")
    assert declared.problems == []
    assert model.changed_members(stored, declared.members(stored), body["identifier"]) == []


CHANGES: dict[str, tuple[Any, Any]] = {
    "title": (TEXTS, {**TEXTS, "en": "Matters"}),
    "homepage": ("https://a.example", "https://b.example"),
    "delegable": (None, False),
    "visible": (False, True),
    "isOneTimeConsent": (None, True),
    "accessListMode": (None, "Enabled"),
    "resourceType": ("Consent", "Systemresource"),
    "spatial": (["NO"], ["NO", "SE"]),
    "contactPoints": ([{"email": "a"}], [{"email": "A"}]),
    "resourceReferences": (
        [{"reference": "a:b", "referenceType": "MaskinportenScope"}],
        [{"reference": "a:B", "referenceType": "MaskinportenScope"}],
    ),
    "keywords": ([{"word": "a", "language": "nb"}], [{"word": "a", "language": "nn"}]),
    "hasCompetentAuthority": ({"organization": "310001007"}, {"organization": "310002100"}),
    "consentMetadata": ({"year": {"optional": False}}, {"year": {"optional": True}}),
    "authorizationReference": (None, [{"id": "urn:altinn:resource", "value": "other"}]),
}


@pytest.mark.parametrize("member", CHANGES)
def test_a_change_of_meaning_is_seen(member: str) -> None:
    before, after = CHANGES[member]
    live = {} if before is None else {member: before}
    assert model.changed_members(live, {member: after}, "testetat-thing") == [member]


def test_only_declared_parts_of_the_owner_are_compared_and_the_others_kept() -> None:
    live = {"hasCompetentAuthority": {"organization": "310001007", "orgcode": "TESTETAT", "name": TEXTS}}
    wanted = {"hasCompetentAuthority": {"orgcode": "testetat"}}
    assert model.changed_members(live, wanted, "testetat-thing") == []
    merged = model.laid_over(live, {"hasCompetentAuthority": {"orgcode": "other"}})
    assert merged["hasCompetentAuthority"] == {"organization": "310001007", "orgcode": "other", "name": TEXTS}


def test_our_members_are_the_registry_members() -> None:
    assert set(model.OPTION_OF) | set(model.SERVER_MANAGED) == set(server.MEMBERS)
    assert set(model.RESOURCE_TYPES) | {"Default"} == set(server.RESOURCE_TYPES)
    assert model.REFERENCE_TYPES == server.REFERENCE_TYPES
    assert model.REFERENCE_SOURCES == server.REFERENCE_SOURCES
    assert set(model.PARTY_TYPES) == set(server.PARTY_TYPES)
    for number, name in enumerate(server.RESOURCE_TYPES):
        assert model.enumerated("resourceType", number) == (None if name == "Default" else name)


def test_every_member_has_an_option_and_every_option_a_member() -> None:
    controls = {
        "path",
        "definition",
        "partial",
        "scopes",
        "scope_check",
        "allow_delete",
        "allow_lockout",
    }
    assert set(model.resource_options()) == set(model.OPTION_OF.values()) | controls
    for member, names in model.NESTED_OPTION_OF.items():
        assert set(model.resource_options()[model.OPTION_OF[member]]["options"]) == set(names.values())
