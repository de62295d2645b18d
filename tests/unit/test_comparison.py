# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a difference between two environments, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._comparison import as_markdown, compare
from tests.policy_seeds import policy_text, resource


def side(environment: str, **read: Any) -> dict[str, Any]:
    return {"name": environment, "environment": environment, **read}


def scopes(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "agency:api", "description": "x", **fields}]


def body(**members: Any) -> dict[str, Any]:
    return dict(resource("agency-api", **members)["resource"])


def policies(name: str, **more: Any) -> list[dict[str, Any]]:
    return [{"resource": "agency-api", "has_policy": True, "policy": policy_text(name, "agency-api"), **more}]


def rows(
    first: dict[str, Any], second: dict[str, Any], *exceptions: dict[str, Any]
) -> dict[str, tuple[str, str]]:
    found = compare(first, second, exceptions)["rows"]
    return {row["field"]: (row["from"], row["to"]) for row in found}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"long_description": ""}),
        ({"accessible_for_all": False}, {}),
        ({"at_max_age": 0}, {}),
        ({"allowed_integration_types": ["a", "b"]}, {"allowed_integration_types": ["b", "a"]}),
        ({"delegation_source": "https://tt02.altinn.no/"}, {"delegation_source": "https://www.altinn.no"}),
        ({"description": "a\r\nb"}, {"description": "a\nb"}),
    ],
)
def test_scopes_that_mean_the_same_are_the_same(one, other):
    assert rows(side("test", scopes=scopes(**one)), side("prod", scopes=scopes(**other))) == {}


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"at_max_age": 30}, {"at_max_age": 120}, {"at_max_age": ("30", "120")}),
        ({"active": False}, {}, {"active": ("no", "yes")}),
        ({"later": {"b": 1, "a": [2]}}, {}, {"later": ("a: 2, b: 1", "")}),
        ({"delegation_source": "https://tt02.altinn.no/"}, {}, {"delegation_source": ("altinn", "")}),
    ],
)
def test_scopes_that_differ_are_told_by_field(one, other, told):
    assert rows(side("test", scopes=scopes(**one)), side("prod", scopes=scopes(**other))) == told


def test_a_scope_in_one_alone_is_a_difference_unless_it_is_deactivated():
    assert rows(side("test", scopes=scopes()), side("prod", scopes=[])) == {"exists": ("yes", "no")}
    assert rows(side("test", scopes=scopes(active=False)), side("prod", scopes=[])) == {}


def test_what_was_not_read_is_not_compared():
    assert compare(side("test", scopes=scopes()), side("prod"))["rows"] == []


def test_a_resource_is_compared_part_by_part():
    one = body(
        title={"nb": "A", "nn": "B", "en": "C"},
        contactPoints=[{"email": "a@x.no", "contactPage": "https://test.x.no"}, {"email": "b@x.no"}],
        delegable=True,
        hasCompetentAuthority={"organization": "310001007", "orgcode": "TESTETAT", "name": {"nb": "T"}},
        versionId=7,
    )
    other = body(
        title={"nb": "A", "nn": "B", "en": "D"},
        contactPoints=[{"email": "b@x.no"}, {"email": "a@x.no", "contactPage": "https://x.no"}],
        hasCompetentAuthority={"organization": "310001007", "orgcode": "testetat"},
    )
    del other["delegable"]
    told = rows(side("test", resources=[one]), side("prod", resources=[other]))
    assert told == {
        "title.en": ("C", "D"),
        "contact_points.contact_page": ("https://test.x.no", "https://x.no"),
        "has_competent_authority.name": ("nb: T", ""),
        "versionId": ("7", ""),
    }


def test_parts_that_were_swapped_are_told_as_a_whole():
    one = body(contactPoints=[{"email": "a", "telephone": "1"}, {"email": "b", "telephone": "2"}])
    other = body(contactPoints=[{"email": "a", "telephone": "2"}, {"email": "b", "telephone": "1"}])
    assert set(rows(side("test", resources=[one]), side("prod", resources=[other]))) == {"contact_points"}


def test_policies_are_compared_by_what_they_mean():
    one, other = policies("maskinportenschema"), policies("maskinportenschema-equal")
    assert one[0]["policy"] != other[0]["policy"]
    assert rows(side("test", policies=one), side("prod", policies=other)) == {}
    told = compare(side("test", policies=one), side("prod", policies=policies("seed-aquaculture")))["rows"]
    assert {row["field"] for row in told} == {"rule"}
    assert any("access package maskinporten-scopes" in row["from"] for row in told)
    nothing = [{"resource": "agency-api", "has_policy": False}]
    assert rows(side("test", policies=one), side("prod", policies=nothing)) == {"exists": ("yes", "no")}
    broken = [{"resource": "agency-api", "has_policy": True, "policy": "<x"}]
    (row,) = compare(side("test", policies=one), side("prod", policies=broken))["rows"]
    assert row["from"] == "can be read"
    assert row["to"].startswith("cannot be read: ")


def test_an_exception_takes_a_difference_out_and_says_why():
    one, other = side("test", scopes=scopes(at_max_age=1)), side("prod", scopes=scopes(at_max_age=2))
    result = compare(one, other, [{"kind": "scope", "name": "agency:*", "field": "at_*", "reason": "load"}])
    assert result["rows"] == []
    assert [(row["field"], row["reason"]) for row in result["excepted"]] == [("at_max_age", "load")]
    assert rows(one, other, {"name": "other:*"}) == {"at_max_age": ("1", "2")}


def test_an_exception_for_values_does_not_cover_that_there_is_none():
    one = side("test", scopes=scopes(enforced_aud_for_access_token="https://test.x.no"))
    values = {"field": "enforced_aud_for_access_token", "covers": "values"}
    assert rows(one, side("prod", scopes=scopes(enforced_aud_for_access_token="https://x.no")), values) == {}
    assert rows(one, side("prod", scopes=scopes()), values) != {}
    assert rows(one, side("prod", scopes=scopes()), {**values, "covers": "all"}) == {}


@pytest.mark.parametrize(
    ("exception", "says"),
    [
        ({"feild": "x"}, "feild is unknown; did you mean field?"),
        ({"kind": "client"}, "kind 'client' is not one of scope, resource, policy"),
        ({"field": "x", "covers": "some"}, "covers 'some'"),
        ({"reason": "because"}, "would except everything"),
    ],
)
def test_an_exception_that_cannot_be_right_is_refused(exception, says):
    with pytest.raises(InputError, match=says) as told:
        compare(side("test"), side("prod"), [{"field": "ok"}, exception])
    assert "provider_compare_exceptions[1]" in told.value.message


def access(number: str, state: str = "APPROVED") -> dict[str, Any]:
    return {"scope": "agency:api", "organization_number": number, "name": f"N{number}", "state": state}


def test_synthetic_consumers_are_an_error_in_production_alone():
    one = side("test", accesses=[access("310002100"), access("971203420")])
    other = side("prod", accesses=[access("974761076"), access("310004774"), access("310003425", "DENIED")])
    result = compare(one, other)
    assert result["rows"] == []
    assert [error["message"] for error in result["errors"]] == [
        "310004774 is synthetic and has access in prod"
    ]
    (told,) = result["information"]
    assert told["message"] == (
        "2 consumers in test, 2 in prod; not in prod: 971203420 N971203420; 1 of those in test are synthetic"
    )
    assert compare(other | {"environment": "test"}, one)["errors"] == []


def test_markdown_holds_everything_and_no_cell_breaks_its_row():
    one = side("test", scopes=scopes(description="a|b\nc"), accesses=[])
    other = side("prod", scopes=scopes(created="now"), accesses=[access("310004774")])
    page = as_markdown(compare(one, other, [{"field": "created", "reason": "date"}]))
    assert "| scope | agency:api | description | a\\|b c | x |" in page
    assert "| scope | agency:api | created |  | now | date |" in page
    assert "## Errors" in page
