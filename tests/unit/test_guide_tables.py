# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides list agrees with the code: known causes, variables, guides."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _known_causes
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import (
    CONNECTION_VARIABLES,
    IDENTITY_VARIABLES,
)
from scripts import guides
from scripts.tree import ROOT

RST = ROOT / "docs" / "docsite" / "rst"
VARIABLES = (RST / "variables.rst").read_text(encoding="utf-8")


def test_troubleshooting_is_up_to_date() -> None:
    text = guides.GUIDE.read_text(encoding="utf-8")
    assert guides.updated(text) == text, "run `make tables`"


def test_every_service_of_the_causes_has_a_section() -> None:
    assert {cause.service for cause in _known_causes.CAUSES} == set(guides.SERVICES)


def _inventory_variables() -> set[str]:
    """The variables of the inventory that playbooks and the onboarding read, by their own text."""
    files = [ROOT / "playbooks/vars/connection.yml"]
    files += sorted((ROOT / "roles").glob("provider_*/defaults/main.yml"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    read = set(re.findall(r"(?<![.\w])([a-z_]+) \| default\(", text)) - {"inventory_dir"}
    # What one role hands to another is nobody's to set.
    own = ("connection_", *(f"{role.name}_" for role in (ROOT / "roles").iterdir()))
    return {name for name in read if not name.startswith(own)}


def test_every_inventory_variable_is_documented() -> None:
    names = _inventory_variables()
    assert len(names) > 20
    assert sorted(name for name in names if f"``{name}``" not in VARIABLES) == []


def test_no_variable_is_documented_that_nobody_reads() -> None:
    told = set(re.findall(r"^   \* - ``(\w+)``", VARIABLES, re.MULTILINE))
    assert told - _inventory_variables() == set()


def test_every_environment_variable_is_documented() -> None:
    names = set(CONNECTION_VARIABLES.values())
    names |= {prefix + end for prefix in ("MASKINPORTEN_", "ALTINN_") for end in IDENTITY_VARIABLES.values()}
    told = set(re.findall(r":envvar:`(\w+)`", VARIABLES)) - {"HTTPS_PROXY", "NO_PROXY"}
    assert told == names


def test_every_guide_is_in_the_index() -> None:
    index = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))
    listed = [name for section in index["sections"] for name in section["toctree"]]
    assert sorted(listed) == sorted(file.stem for file in RST.glob("*.rst"))


@pytest.mark.parametrize("file", sorted(RST.glob("*.rst")), ids=lambda file: file.stem)
def test_guide_carries_the_label_by_which_others_refer_to_it(file) -> None:
    text = file.read_text(encoding="utf-8")
    labels = re.findall(r"^\.\. _([\w.]+):$", text, re.MULTILINE)
    prefix = "ansible_collections.tilbyder.maskinporten.docsite."
    assert labels[0] == prefix + file.stem
    assert all(label.startswith(prefix) for label in labels)
