# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations: what they become for the modules, and how a mistake is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._declaration import (
    json_schema,
    merge,
    read_declarations,
    resolve,
)

ROOT = Path(__file__).resolve().parents[2]
API: dict[str, Any] = {
    "name": "cases-read",
    "scope": {
        "prefix": "agency",
        "subscope": "cases.read",
        "description": "Read cases",
        "delegation": "altinn",
    },
    "resource": {"title": {"nb": "Saker", "nn": "Saker", "en": "Cases"}},
    "policy": {"template": "scope_delegation"},
    "consumers": ["310002100"],
}


def plan(
    *apis: dict[str, Any], environment: str = "test", **defaults: Any
) -> dict[str, list[dict[str, Any]]]:
    return resolve(read_declarations(list(apis)), environment, defaults)


def test_an_api_becomes_options_for_every_module() -> None:
    result = plan(API)
    assert result["scopes"] == [{**API["scope"], "state": "present"}]
    assert result["resources"][0]["identifier"] == "agency-cases-read"
    assert result["resources"][0]["scopes"] == ["agency:cases.read"]
    assert result["policies"] == [{"template": "scope_delegation", "resource": "agency-cases-read"}]
    assert result["grants"] == [{"scope": "agency:cases.read", "consumers": ["310002100"]}]
    assert result["apis"][0]["delegable"]


def test_short_forms_mean_the_same() -> None:
    short = plan({**API, "scope": "agency:cases.read", "policy": "scope_delegation"})
    assert short["scopes"][0]["name"] == "agency:cases.read"
    assert short["policies"][0]["template"] == "scope_delegation"


def test_an_environments_values_lie_over_those_of_the_api_and_those_over_the_defaults() -> None:
    api = {**API, "environments": {"prod": {"consumers": {"file": "prod.csv"}, "scope": {"at_max_age": 30}}}}
    defaults = {"scope": {"at_max_age": 120, "visibility": "PUBLIC"}}
    test, prod = plan(api, **defaults), plan(api, environment="prod", **defaults)
    assert test["scopes"][0]["at_max_age"] == 120
    assert prod["scopes"][0]["at_max_age"] == 30
    assert prod["scopes"][0]["visibility"] == "PUBLIC"
    assert prod["grants"][0]["consumers_file"] == "prod.csv"


@pytest.mark.parametrize(
    ("below", "own", "expected"),
    [
        ("scope_delegation", {"rules": [{"actions": ["read"]}]}, {"rules": [{"actions": ["read"]}]}),
        (
            {"template": "scope_delegation", "include_altinn2_roles": False, "authentication_level": 4},
            {"rules": [{"actions": ["read"]}]},
            {"rules": [{"actions": ["read"]}], "authentication_level": 4},
        ),
        ({"template": "scope_delegation", "authentication_level": 4}, {"path": "x.xml"}, {"path": "x.xml"}),
        ({"path": "x.xml", "allow_only_altinn2_roles": True}, {"file": "y.xml"}, {"path": "y.xml", "allow_only_altinn2_roles": True}),
        ({"template": "scope_delegation"}, {"authentication_level": 4}, {"template": "scope_delegation", "authentication_level": 4}),
        ({"template": "scope_delegation"}, {"template": None, "rules": []}, {"rules": []}),
    ],
)  # fmt: skip
def test_a_policy_of_its_own_replaces_the_one_below(
    below: Any, own: dict[str, Any], expected: dict[str, Any]
) -> None:
    api = {**API, "policy": own}
    assert plan(api, policy=below)["policies"] == [{**expected, "resource": "agency-cases-read"}]


def test_who_may_use_it_is_said_once_by_the_level_on_top() -> None:
    api = {
        **API,
        "consumers": {"list": ["310002100"], "max_removals": 2},
        "access_list": {"identifier": "readers", "members": ["310002100"]},
        "environments": {
            "prod": {"consumers": {"file": "prod.csv"}, "access_list": {"members_file": "members.csv"}}
        },
    }
    prod = plan(api, environment="prod", consumers={"file": "all.csv"})
    assert prod["grants"] == [{"scope": "agency:cases.read", "consumers_file": "prod.csv", "max_removals": 2}]
    assert prod["access_lists"] == [{"identifier": "readers", "members_file": "members.csv"}]
    assert plan(api)["grants"][0]["consumers"] == ["310002100"]


def test_an_api_that_is_taken_away_lets_nobody_in() -> None:
    access_list = {"identifier": "readers", "members": ["310002100"]}
    gone = plan({**API, "access_list": access_list, "state": "absent"})
    assert gone["scopes"][0]["state"] == "absent"
    assert gone["resources"][0]["state"] == "withdrawn"
    assert (gone["policies"], gone["grants"], gone["access_lists"]) == ([], [], [])
    assert "state" not in plan(API)["resources"][0]


def test_both_names_of_an_option_are_one_option() -> None:
    api = {**API, "scope": {"subscope": "cases.read", "description": "x", "delegation_source": "none"}}
    result = plan(api, scope={"prefix": "agency", "delegation": "altinn"})
    assert result["scopes"][0]["delegation_source"] == "none"
    assert "delegation" not in result["scopes"][0]
    assert not result["apis"][0]["delegable"]


def test_merge_replaces_lists_and_takes_away_with_null() -> None:
    assert merge({"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"c": [2]}, "d": None}) == {
        "a": {"b": 1, "c": [2]},
        "d": None,
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"scop": {}}, "scop is unknown; did you mean scope?"),
        ({"scope": {**API["scope"], "visiblity": "PUBLIC"}}, "scope.visiblity is unknown; did you mean visibility?"),
        ({"scope": {**API["scope"], "visibility": "public"}}, "scope.visibility is 'public'; it is one of PUBLIC"),
        ({"scope": None}, "has no scope"),
        ({"name": "Cases Read"}, "an API needs a name"),
        ({"state": "gone"}, "state is 'gone'"),
        ({"resource": None}, "policy needs a resource"),
        ({"resource": {"title": "Cases"}}, "resource.title is a text; it is a mapping"),
        ({"resource": {"title": {}, "contact_points": [{"mail": "x"}]}}, "contact_points[0].mail is unknown; did you mean email?"),
        ({"environments": {"production": {}}}, "environments.production is no environment"),
        ({"environments": {"prod": {"consumer": []}}}, "environments.prod.consumer is unknown; did you mean consumers?"),
        ({"scope": {"prefix": "agency", "subscope": "a b", "description": "x"}}, "malformed"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_a_way_out(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        plan({**API, **change})
    assert expected in caught.value.message


def test_an_api_is_declared_once() -> None:
    with pytest.raises(InputError, match="declared twice"):
        plan(API, API)


def test_a_file_is_named_with_the_line_of_the_key(tmp_path: Path) -> None:
    file = tmp_path / "apis.yml"
    file.write_text(
        "- name: a\n  scope: x:a\n- name: b\n  scope:\n    prefix: x\n    subscop: b\n", encoding="utf-8"
    )
    with pytest.raises(InputError) as caught:
        resolve(read_declarations(None, [str(file)]), "test")
    assert caught.value.message.startswith(
        f"{file}, line 6: scope.subscop is unknown; did you mean subscope?"
    )


def test_a_policy_file_by_its_other_name_belongs_to_the_file_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "api.yml"
    file.write_text(yaml.safe_dump({**API, "policy": {"file": "policy.xml"}}))
    result = resolve(read_declarations([], [str(file)]), "test")
    assert result["policies"][0]["path"] == str(tmp_path / "policy.xml")


def test_relative_paths_belong_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "api.yml").write_text(
        yaml.safe_dump({**API, "consumers": {"file": "list.csv"}}), encoding="utf-8"
    )
    result = resolve(read_declarations(None, [str(tmp_path / "api.yml")]), "test")
    assert result["grants"][0]["consumers_file"] == str(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "is not YAML"),
        ("just words", "holds no API"),
        ("- words", "an API is a mapping"),
        ("name: a\nscope: '{{ x }}'", "holds a template"),
    ],
)
def test_files_that_hold_no_declaration(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "apis.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_declarations(None, [str(file)])
    assert expected in caught.value.message
    with pytest.raises(InputError, match="cannot be read"):
        read_declarations(None, [str(tmp_path / "absent.yml")])


def test_the_schema_for_editors_takes_the_examples_and_refuses_what_the_reader_refuses() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in [*ROOT.glob("inventories/example/apis/*.yml"), *ROOT.glob("playbooks/files/demo/*/apis.yml")]:
        assert list(validator.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))) == []
    assert list(validator.iter_errors({"name": "a", "scope": {"visiblity": "PUBLIC"}}))
    assert list(validator.iter_errors({"scope": "a:b"}))


def test_the_schema_in_the_documentation_is_the_one_that_is_made() -> None:
    stored = json.loads((ROOT / "docs" / "provider-apis.schema.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(json_schema())), "run: python scripts/schema.py"
