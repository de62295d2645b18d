# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to resources and the modules' examples, run as they stand."""

from __future__ import annotations

import importlib
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.module_runner import MODULES, run_module

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "docsite" / "rst" / "guide_resources.rst"
_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n(?:   :caption: (\S+)\n)?\n((?:   .*\n|\n)+)", re.MULTILINE)
_OWN_IDENTITY = ("environment", "client_id", "private_key_path", "key_id", "organization_number")


def run_task(sandbox: SandboxClient, task: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Run the one module call of a task with the sandbox's identity in place of the one it names."""
    ((module, options),) = ((key, value) for key, value in task.items() if key != "name")
    kept = {option: value for option, value in options.items() if option not in _OWN_IDENTITY}
    if "administration" in kept:
        known = sandbox.auth("administration")
        names = ("client_id", "private_key_path", "key_id", "certificate_chain_path")
        kept["administration"] = {name: known[name] for name in names if name in known}
    return run_module(module.rpartition(".")[2], {**sandbox.auth("altinn"), **kept, **others})


def test_the_tasks_of_the_guide_do_what_it_says(
    sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    actions = []
    for language, caption, text in _BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        body = textwrap.dedent(text)
        if language == "json":
            (tmp_path / caption).parent.mkdir(exist_ok=True)
            (tmp_path / caption).write_text(body, encoding="utf-8")
            continue
        for task in yaml.safe_load(body):
            result = run_task(sandbox, task)
            assert not result["failed"], f"{task['name']}: {result['msg']}"
            actions.append([entry["action"] for entry in result.get("results", ())])
    assert actions == [["create"], ["create", "create"], ["update"], ["deactivate"], ["delete"], []]


@pytest.mark.parametrize("name", ["altinn_resource", "altinn_resource_info"])
def test_the_examples_run(
    sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").mkdir()
    text = next(
        body
        for language, _unused, body in _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
        if language == "json"
    )
    for file, scope in (("cases-write", "cases.write"), ("cases-read", "cases.read")):
        definition = textwrap.dedent(text).replace("cases-write", file).replace("cases.write", scope)
        (tmp_path / "resources" / f"{file}.json").write_text(definition, encoding="utf-8")
    run_module(
        "maskinporten_scope",
        {
            **sandbox.auth("administration"),
            "name": "testetat:cases.write",
            "description": "x",
            "delegation_source": "altinn",
        },
    )
    for task in yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").EXAMPLES):
        result = run_task(sandbox, task)
        assert not result["failed"], f"{task['name']}: {result['msg']}"
