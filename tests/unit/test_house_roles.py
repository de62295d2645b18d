# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every role and playbook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import tables
from scripts.tree import ROOT, tracked_files

ROLES = sorted({ROOT / "roles" / name.split("/")[1] for name in tracked_files() if name.startswith("roles/")})
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
TASK_FILES = [
    name
    for name in tracked_files()
    if re.match(
        r"(roles/[^/]+/(tasks|handlers|defaults|vars)|playbooks|extensions/molecule|inventories)/.*\.ya?ml$",
        name,
    )
]


class Loader(yaml.SafeLoader):
    """Reads Ansible's own tags (``!unsafe``, ``!vault``) as plain values."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a document, however deep."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from mappings(inner)


def spec_of(role: Path) -> dict[str, Any]:
    return dict(load(role / "meta" / "argument_specs.yml")["argument_specs"])


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_is_complete(role: Path) -> None:
    for name in (
        "README.md",
        "meta/main.yml",
        "meta/argument_specs.yml",
        "tasks/main.yml",
        "defaults/main.yml",
    ):
        assert (role / name).is_file(), f"{role.name} has no {name}"
    assert spec_of(role)["main"]["short_description"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_defaults_are_the_documented_ones(role: Path) -> None:
    """The argument specification only documents a default; what counts stands in defaults/main.yml."""
    defaults = load(role / "defaults" / "main.yml") or {}
    options = {
        name: option for part in spec_of(role).values() for name, option in part.get("options", {}).items()
    }
    public = {name: value for name, value in defaults.items() if not name.startswith("__")}
    assert set(public) - set(options) == set(), "defaults without documentation"
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert {name: public.get(name, "(no default)") for name in documented} == documented


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_options_start_with_the_name_of_the_role(role: Path) -> None:
    names = {name for part in spec_of(role).values() for name in part.get("options", {})}
    shared = re.compile(r"provider_")  # what describes the provider is common to several roles
    assert [
        name for name in sorted(names) if not name.startswith(f"{role.name}_") and not shared.match(name)
    ] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_readme_names_every_option(role: Path) -> None:
    readme = (role / "README.md").read_text(encoding="utf-8")
    names = {name for part in spec_of(role).values() for name in part.get("options", {})}
    assert [name for name in sorted(names) if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", TASK_FILES)
def test_no_error_is_ignored_and_check_mode_not_stepped_round(name: str) -> None:
    for mapping in mappings(load(ROOT / name)):
        assert "ignore_errors" not in mapping, mapping.get("name")
        conditions = mapping.get("when", [])
        for condition in conditions if isinstance(conditions, list) else [conditions]:
            assert not re.search(r"not\s+\(?\s*ansible_check_mode", str(condition)), mapping.get("name")


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda playbook: playbook.stem)
def test_playbook_can_be_called_by_its_full_name(playbook: Path) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", playbook.stem)
    assert tables.opening_sentence(playbook), "a playbook opens with a comment that says what it does"
    for play in load(playbook):
        assert play["name"]
        if "ansible.builtin.import_playbook" not in play:
            assert play["gather_facts"] is False
