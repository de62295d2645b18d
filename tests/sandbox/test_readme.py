# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's README says everything the sandbox can do, and nothing it cannot."""

from __future__ import annotations

import json
import re

import yaml

from sandbox.faults import KINDS
from sandbox.seed import SECTIONS
from tests.conftest import ROOT, SandboxClient

README = (ROOT / "roles" / "sandbox" / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_switch_with_its_default(sandbox: SandboxClient) -> None:
    written = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section("Switches"), re.MULTILINE))
    defaults = {name: entry["default"] for name, entry in sandbox.control("GET", "/switches").items()}
    shown = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in defaults.items()
    }
    assert written == shown


def test_every_kind_of_fault() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section("Faults"), re.MULTILINE)) == KINDS


def test_every_section_of_a_seed(sandbox: SandboxClient) -> None:
    seed, altinn = section("State and seeds").split("| section of `altinn` |")
    assert set(re.findall(r"^\| `(\w+)` \|", seed, re.MULTILINE)) == set(SECTIONS)
    assert set(re.findall(r"^\| `(\w+)` \|", altinn, re.MULTILINE)) <= set(sandbox.state()["altinn"])


def test_every_operation_of_control(sandbox: SandboxClient) -> None:
    described = sandbox.control("GET", "/")["operations"]
    paths = {path for line in described for path in re.findall(r"/control[/\w]*", line)} - {"/control"}
    for path in paths:
        assert path in section("Control"), path


def test_the_example_of_a_seed_works(sandbox: SandboxClient) -> None:
    [example] = re.findall(r"```json\n(.*?)```", section("State and seeds"), re.DOTALL)
    assert sandbox.seed(json.loads(example))["access"] == 2
    assert sandbox.access("example:cases.read") == {"310002100": "APPROVED", "310004774": "APPROVED"}


def test_the_providers(sandbox: SandboxClient) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d{9}) \| (.*) \| `(\w+)` \|$", section("What is there"), re.MULTILINE
    )
    assert [row[0] for row in rows] == ["testetat", "fdir", "skatteetaten"]
    state = sandbox.state()
    for provider, number, prefixes, code in rows:
        assert sandbox.credentials("administration", provider)["organization_number"] == number
        owned = {entry["prefix"] for entry in state["prefixes"] if entry["owner_orgno"] == number}
        assert set(re.findall(r"`(\w+)`", prefixes)) == owned
        organization = next(entry for entry in state["organizations"] if entry["orgnr"] == number)
        assert organization["service_owner_code"] == code


def test_every_variable_of_the_role() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "sandbox" / "meta" / "argument_specs.yml").read_text())
    defaults = yaml.safe_load((ROOT / "roles" / "sandbox" / "defaults" / "main.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]
    assert set(re.findall(r"^\| `(sandbox_\w+)` \|", section("Variables of the role"), re.MULTILINE)) == set(
        options
    )
    assert {name: option["default"] for name, option in options.items()} == defaults


def test_the_example_play_uses_what_is_there(sandbox: SandboxClient) -> None:
    [play] = re.findall(r"```yaml\n(.*?)```", section("Start it"), re.DOTALL)
    [task] = yaml.safe_load(play)[0]["tasks"]
    options = task["tilbyder.maskinporten.maskinporten_scope"]
    for option, value in options.items():
        found = re.fullmatch(r"\{\{ (?:sandbox_info\.urls|administration)\.(\w+) \}\}", str(value))
        if found:
            known = sandbox.urls if option.endswith("_url") else sandbox.credentials("administration")
            assert found[1] in known
