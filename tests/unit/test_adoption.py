# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How live objects become declarations, and how these lie over the inventory's defaults."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._consumer_file import parse_consumers
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._adoption import (
    adopt,
    api_names,
    overlay,
    template_of,
    to_csv,
    to_yaml,
)
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._declaration import (
    json_schema,
    merge,
    read_declarations,
    resolve,
)
from tests.policy_seeds import policy_text

values = st.recursive(
    st.booleans()
    | st.integers(0, 3)
    | st.text("ab", max_size=2)
    | st.lists(st.text("ab", max_size=2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(st.sampled_from("klmn"), values, max_size=4)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(entry) for key, entry in value.items() if entry is not None}
    return value


@given(mappings, mappings)
def test_an_overlay_brings_about_what_is_wanted(under, wanted):
    assert without_null(merge(under, overlay(under, wanted))) == without_null(wanted)


@given(mappings)
def test_an_overlay_says_nothing_twice(wanted):
    assert overlay(wanted, wanted) == {}


def test_controls_of_the_defaults_stay():
    assert overlay({"purge": True, "file": "x"}, {"list": []}, ("purge",)) == {"list": [], "file": None}


@given(st.sets(st.from_regex(r"(a|b):[a-cA-C./]{1,4}", fullmatch=True), max_size=12))
def test_every_scope_gets_a_name_of_its_own(scopes):
    names = api_names(scopes)
    assert set(names) == scopes
    assert len(set(names.values())) == len(scopes)


def test_names_are_short_where_they_can_be():
    assert api_names(["a:cases.read", "a:Cases/Read"]) == {
        "a:Cases/Read": "cases-read",
        "a:cases.read": "cases-read-2",
    }
    assert api_names(["a:read", "b:read"]) == {"a:read": "a-read", "b:read": "b-read"}


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("maskinportenschema", {"template": "scope_delegation"}),
        ("maskinportenschema-equal", {"template": "scope_delegation"}),
        ("seed-aquaculture", None),
        ("generic", None),
    ],
)
def test_a_policy_is_a_template_only_where_it_means_the_same(name, section):
    assert template_of(_xacml_parse.parse(policy_text(name, "res-one").encode()), "res-one") == section


@pytest.mark.parametrize("level", [2, 4])
def test_a_template_carries_the_levels(level):
    text = policy_text("maskinportenschema", "res-one").replace(">3</", f">{level}</")
    policy = _xacml_parse.parse(text.encode())
    assert xacml.levels(policy) == (level, level)
    assert template_of(policy, "res-one") == {
        "template": "scope_delegation",
        "authentication_level": level,
        "authentication_level_organization": level,
    }


scope_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from("{}:#'\"\n"), max_size=30
)
scopes = st.fixed_dictionaries(
    {"name": st.just("agency:api")},
    optional={
        "description": scope_texts,
        "description#en": scope_texts,
        "description#de": scope_texts,
        "long_description": scope_texts,
        "visibility": st.sampled_from(["PUBLIC", "PRIVATE", "SECRET"]),
        "allowed_integration_types": st.lists(st.sampled_from(["maskinporten", "krr", "later"]), unique=True),
        "delegation_source": st.sampled_from(
            ["https://tt02.altinn.no/", "https://tt02.altinn.no", "https://x.no/"]
        ),
        "at_max_age": st.integers(0, 9999),
        "authorization_max_lifetime": st.integers(0, 9999),
        "accessible_for_all": st.booleans(),
        "active": st.booleans(),
        "enforced_aud_for_access_token": scope_texts,
        "later": st.just({"a": 1}),
    },
)
scope_defaults = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.just("agency"),
        "delegation": st.sampled_from(["altinn", "none"]),
        "at_max_age": st.integers(0, 3),
        "description": st.just("x"),
        "description_translations": st.just({"nn": "x", "en": "y"}),
        "visibility": st.just("PUBLIC"),
    },
)


@settings(max_examples=200)
@given(scopes, scope_defaults)
def test_every_field_of_a_scope_is_declared_as_it_is_or_listed(scope, defaults):
    result = adopt([scope], environment="test", defaults={"scope": defaults})
    api = yaml.safe_load(next(file["text"] for file in result["files"] if file["name"] == "api.yml"))
    plan = resolve(read_declarations([api]), "test", {"scope": defaults})
    (declared,) = (
        {key: value for key, value in entry.items() if value is not None} for entry in plan["scopes"]
    )
    reasons = [row["reason"] for row in result["not_declared"]]
    assert declared["state"] == ("present" if scope.get("active", True) else "absent")
    for field, option in (
        ("description", "description"), ("long_description", "long_description"), ("visibility", "visibility"),
        ("at_max_age", "at_max_age"), ("accessible_for_all", "accessible_for_all"),
        ("enforced_aud_for_access_token", "enforced_aud_for_access_token"),
    ):  # fmt: skip
        live = scope.get(field)
        if any(told.startswith((f"{option} is", f"{option} holds")) for told in reasons):
            assert option not in declared
        elif live or option in declared:
            assert declared.get(option) == live
    if scope.get("delegation_source"):
        assert declared["delegation"] == (
            "altinn" if "altinn" in scope["delegation_source"] else "https://x.no/"
        )
    else:
        assert declared["delegation"] == "none"
    assert any("language 'de'" in told for told in reasons) == bool(scope.get("description#de"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["310001007", "310002100", "971203420"]), st.none() | scope_texts),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_a_list_that_was_written_reads_as_the_same_organisations(rows):
    listed = parse_consumers(to_csv(rows).encode(), source="x.csv")
    assert [row.organization_number for row in listed.rows] == sorted(number for number, _name in rows)
    assert not any(row.problem for row in listed.rows)


@given(st.dictionaries(st.sampled_from(["no", "nb", "a"]), scope_texts | st.booleans() | st.integers()))
def test_yaml_survives_itself(declaration):
    assert yaml.safe_load(to_yaml(declaration)) == declaration


def test_what_cannot_be_in_production_is_listed_and_not_declared():
    accesses = [
        {"scope": "agency:api", "organization_number": number, "name": None, "state": "APPROVED"}
        for number in ("310002100", "971203420")
    ]
    result = adopt([{"name": "agency:api", "description": "x"}], environment="prod", accesses=accesses)
    (file,) = (file for file in result["files"] if file["name"].endswith(".csv"))
    assert file["name"] == "api.consumers.prod.csv"
    assert file["text"] == "organization_number;name\n971203420;\n"
    assert [row["reason"] for row in result["not_declared"]] == [
        "310002100 is synthetic and has access in production; revoke it"
    ]


def test_deactivated_scopes_can_be_left_out():
    scope = {"name": "agency:api", "description": "x", "active": False}
    result = adopt([scope], environment="test", deactivated="leave_out")
    assert [file["name"] for file in result["files"]] == ["not-declared.txt"]
    assert result["not_declared"][0]["reason"] == "is deactivated and was left out, as asked"
    with pytest.raises(InputError, match="not one of declare, leave_out"):
        adopt([scope], environment="test", deactivated="delete")


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_resource_that_outlived_its_scope_is_listed_and_a_withdrawn_one_declared(withdrawn):
    texts = {"nb": "x", "nn": "x", "en": "x"}
    resource = {
        "identifier": "agency-old", "title": texts, "description": texts, "rightDescription": texts,
        "contactPoints": [{"email": "api@agency.example"}], "resourceType": "MaskinportenSchema",
        "resourceReferences": [
            {"referenceSource": "Altinn3", "referenceType": "MaskinportenScope", "reference": "agency:old"}
        ],
        "delegable": not withdrawn, "visible": not withdrawn, **({"status": "Withdrawn"} if withdrawn else {}),
    }  # fmt: skip
    scope = {"name": "agency:old", "description": "Old", "active": False}
    result = adopt([scope], environment="test", resources=[resource], policies=[])
    declared = yaml.safe_load(result["files"][0]["text"])
    told = [row["reason"] for row in result["not_declared"] if row["kind"] == "resource"]
    assert ("resource" in declared) == withdrawn
    assert (
        any("is still offered although agency:old is deactivated" in reason for reason in told) != withdrawn
    )


def test_what_null_takes_away_reaches_no_module():
    api = {"name": "api", "scope": {"name": "agency:api", "at_max_age": None}, "policy": None}
    defaults = {"scope": {"at_max_age": 120, "description": "x"}, "policy": {"template": "scope_delegation"}}
    plan = resolve(read_declarations([api]), "test", defaults)
    assert plan["scopes"] == [{"name": "agency:api", "description": "x", "state": "present"}]
    assert plan["policies"] == []


def test_an_editor_accepts_what_was_adopted():
    defaults = {
        "scope": {"prefix": "agency", "visibility": "PRIVATE", "at_max_age": 120},
        "resource": {"contact_points": []},
        "policy": "scope_delegation",
    }
    scope = {"name": "agency:api", "description": "x"}
    result = adopt([scope], environment="test", resources=[], policies=[], defaults=defaults)
    api = yaml.safe_load(result["files"][0]["text"])
    assert (api["resource"], api["policy"], api["scope"]["visibility"]) == (None, None, None)
    jsonschema.validate(api, json_schema())
