# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests run modules and playbooks with."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import SandboxClient
from tests.module_runner import run_module
from tests.playbook_runner import run_playbook


def test_module_in_this_process(sandbox: SandboxClient) -> None:
    options = {
        **sandbox.auth("administration"),
        "prefix": "testetat",
        "subscope": "x.read",
        "description": "x",
    }
    planned = run_module("maskinporten_scope", options, check=True)
    assert (planned["changed"], planned["failed"]) == (True, False)
    assert planned["diff"]
    assert sandbox.writes() == []
    done = run_module("maskinporten_scope", options, diff=False)
    assert done["changed"] is True
    assert "diff" not in done
    assert len(sandbox.writes()) == 1
    assert run_module("maskinporten_scope", options)["changed"] is False


def test_module_that_fails(sandbox: SandboxClient) -> None:
    result = run_module(
        "maskinporten_scope", {**sandbox.auth("administration"), "prefix": "fdir", "subscope": "x"}
    )
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["msg"]


def test_playbook(tmp_path: Path) -> None:
    play = [
        {
            "name": "Try",
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Write {{ what.word }}",
                    "ansible.builtin.copy": {
                        "content": "{{ what.number + 1 }}",
                        "dest": "{{ file }}",
                        "mode": "0600",
                    },
                }
            ],
        }
    ]
    variables = {"file": str(tmp_path / "file"), "what": {"word": "it", "number": 1}}
    planned = run_playbook(play, extra_vars=variables, check=True, diff=True)
    assert (planned.rc, planned.changed) == (0, 1)
    assert "+2" in planned.stdout
    assert not (tmp_path / "file").exists()
    run = run_playbook(play, extra_vars=variables)
    assert (run.rc, run.changed, run.failed, run.warnings) == (0, 1, 0, [])
    assert run.tasks == ["Write it"]
    assert run.stats["localhost"]["ok"] == 1
    assert (tmp_path / "file").read_text() == "2"
    assert run_playbook(play, extra_vars=variables).changed == 0


def test_playbook_that_fails_and_warns() -> None:
    play = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.fail": {"msg": "no"}}],
        }
    ]
    run = run_playbook(play, args=["--limit", "localhost"], environment={"ANSIBLE_DEPRECATION_WARNINGS": "1"})
    assert run.rc == 2
    assert run.failed == 1
    missing = run_playbook("tilbyder.maskinporten.no_such_playbook")
    assert missing.rc != 0
    assert missing.stats == {}
