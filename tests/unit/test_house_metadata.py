# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in more than one place agrees: versions, requirements, action groups, documentation and tables."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._dependencies import LIBRARIES
from scripts import tables
from scripts.tree import ROOT

MODULES = sorted(path for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
# Where a file holds several filters, each is documented in a YAML file of its own beside it.
PLUGINS = sorted(
    path
    for kind in ("lookup", "filter", "test")
    for path in (ROOT / "plugins" / kind).glob("[!_]*")
    if path.suffix == ".yml" or (path.suffix == ".py" and tables.documentation_of(path))
)
FQCN = "tilbyder.maskinporten"


def constant(path: Path, name: str) -> str | None:
    """The text of a constant of a Python file, at its top level or in a class."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(
            isinstance(to, ast.Name) and to.id == name for to in node.targets
        ):
            return str(ast.literal_eval(node.value))
    return None


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@functools.cache
def documentation(path: Path) -> dict[str, Any]:
    """A plugin's documentation with that of its fragments: lists joined, mappings merged two levels deep."""
    if path.suffix == ".yml":
        own = yaml.safe_load(path.read_text(encoding="utf-8"))["DOCUMENTATION"]
    else:
        own = yaml.safe_load(constant(path, "DOCUMENTATION") or "{}")
    merged: dict[str, Any] = {}
    for fragment in own.get("extends_documentation_fragment", []):
        file, _unused, part = fragment.removeprefix(f"{FQCN}.").partition(".")
        text = constant(ROOT / "plugins" / "doc_fragments" / f"{file}.py", (part or "DOCUMENTATION").upper())
        assert text is not None, f"{path.name} extends {fragment}, which does not exist"
        _merge(merged, yaml.safe_load(text))
    _merge(merged, own)
    return merged


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        elif isinstance(value, list):
            into[key] = [*into.get(key, []), *value]
        else:
            into[key] = value


def minimum_versions() -> dict[str, str]:
    return dict(LIBRARIES.values())


def requirements(lines: list[str]) -> dict[str, str]:
    """``httpx >= 0.25.0`` or ``httpx==0.25.0`` as name to version, Python itself left out."""
    found = (re.fullmatch(r"\s*([\w-]+)\s*(?:>=|==)\s*([\d.]+)\s*(?:#.*)?", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match and match[1] != "python"}


# Versions ------------------------------------------------------------------------------------------------------------


def test_execution_environment_asks_for_what_the_guards_ask_for() -> None:
    lines = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    assert requirements(lines) == minimum_versions()


def test_oldest_core_is_tested_with_the_oldest_libraries() -> None:
    lines = (ROOT / "requirements" / "core-2.16.txt").read_text(encoding="utf-8").splitlines()
    pinned = requirements(lines)
    assert {name: pinned.get(name) for name in minimum_versions()} == minimum_versions()


def test_readme_names_the_same_minimum_versions() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, version in minimum_versions().items():
        assert f"`{name}>={version}`" in readme
        assert f"'{name}>={version}'" in readme


@pytest.mark.parametrize("path", [*MODULES, *PLUGINS], ids=lambda path: path.stem)
def test_documented_requirements_are_those_of_the_guards(path: Path) -> None:
    documented = requirements(documentation(path).get("requirements", []))
    assert documented == {name: minimum_versions().get(name) for name in documented}


def test_every_library_is_documented_by_some_module() -> None:
    documented = [requirements(documentation(path).get("requirements", [])) for path in MODULES]
    assert {name for names in documented for name in names} == set(minimum_versions())


def test_requires_ansible_is_the_oldest_core_of_the_matrix() -> None:
    assert load("meta/runtime.yml")["requires_ansible"] == ">=2.16.0"


def test_version_is_released_or_has_fragments() -> None:
    version = load("galaxy.yml")["version"]
    released = load("changelogs/changelog.yaml")["releases"] or {}
    fragments = list((ROOT / "changelogs" / "fragments").glob("*.y*ml"))

    def numbers(text: str) -> tuple[int, ...]:
        return tuple(map(int, re.findall(r"\d+", text)[:3]))

    assert re.fullmatch(r"\d+\.\d+\.\d+(-[a-z]+\.?\d*)?", version)
    if version not in released:
        assert fragments, f"{version} is not released and there is no fragment that says what it brings"
        assert all(numbers(old) < numbers(version) for old in released)
    else:
        assert max(released, key=numbers) == version


@pytest.mark.parametrize("path", [*MODULES, *PLUGINS], ids=lambda path: path.stem)
def test_version_added_is_a_version_of_the_collection(path: Path) -> None:
    added = str(documentation(path).get("version_added", ""))
    assert added in {load("galaxy.yml")["version"], *(load("changelogs/changelog.yaml")["releases"] or {})}


# Modules -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_is_documented(path: Path) -> None:
    own = documentation(path)
    assert own["module"] == path.stem
    assert own["short_description"]
    assert f"{FQCN}.attributes" in own["extends_documentation_fragment"]
    examples = constant(path, "EXAMPLES") or ""
    assert f"{FQCN}.{path.stem}:" in examples
    assert isinstance(yaml.safe_load(examples), list)
    returned = constant(path, "RETURN")
    assert returned is not None
    for name, value in (yaml.safe_load(returned) or {}).items():
        assert {"description", "returned", "type"} <= set(value), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_says_what_it_supports(path: Path) -> None:
    attributes = documentation(path)["attributes"]
    for name in ("check_mode", "diff_mode", "idempotent", "action_group"):
        assert attributes[name].get("support"), f"{path.stem} does not say whether it supports {name}"
        assert attributes[name].get("description"), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_is_in_the_action_groups_that_it_names(path: Path) -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    expected = {f"{FQCN}.{group}" for group, members in groups.items() if path.stem in members}
    for group, members in groups.items():
        for member in members:
            extended = member.get("metadata", {}).get("extend_group", []) if isinstance(member, dict) else []
            if expected & set(extended):
                expected.add(f"{FQCN}.{group}")
    own = documentation(path)
    takes_shared_options = f"{FQCN}.connection" in own["extends_documentation_fragment"]
    assert bool(expected) == takes_shared_options
    assert set(own["attributes"]["action_group"].get("membership", [])) == expected


def test_action_groups_hold_nothing_that_does_not_exist() -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    named = {member for members in groups.values() for member in members if isinstance(member, str)}
    assert named - {path.stem for path in MODULES} == set()


def test_readme_tables_are_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tables.updated(readme) == readme, "run `make tables`"


def test_fragments_tell_of_no_unknown_module() -> None:
    known = {path.stem for path in [*MODULES, *PLUGINS]} | {path.name for path in (ROOT / "roles").glob("*")}
    for path in (ROOT / "changelogs" / "fragments").glob("*.y*ml"):
        for section, entries in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            for entry in entries if isinstance(entries, list) else []:
                name = re.match(r"([a-z]+(?:_[a-z]+)+) - ", entry)
                assert name is None or name[1] in known, f"{path.name}, {section}: {entry}"
