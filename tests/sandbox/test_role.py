# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that starts, seeds, resets and stops the sandbox, through the real ansible-playbook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import ROOT, stop_detached
from tests.playbook_runner import PlaybookRun, run_playbook

PLAY: list[dict[str, Any]] = [
    {
        "name": "Use the sandbox",
        "hosts": "all",
        "gather_facts": False,
        "roles": ["tilbyder.maskinporten.sandbox"],
        "post_tasks": [
            {
                "name": "Keep what is known",
                "ansible.builtin.copy": {
                    "content": "{{ sandbox_info | to_json }}",
                    "dest": "{{ told }}",
                    "mode": "0600",
                },
                "delegate_to": "localhost",
                "check_mode": False,
                "changed_when": False,
            }
        ],
    }
]


class Role:
    """The role with a work folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told.json"
        self.environment: dict[str, str] = {}

    def __call__(
        self, state: str = "started", check: bool = False, **variables: Any
    ) -> tuple[PlaybookRun, dict[str, Any]]:
        run = run_playbook(
            PLAY,
            extra_vars={
                "sandbox_state": state,
                "sandbox_port": 0,
                "sandbox_work_dir": str(self.folder / "work"),
                "told": str(self.told),
                **variables,
            },
            check=check,
            environment=self.environment,
        )
        return run, json.loads(self.told.read_text()) if self.told.exists() else {}


@pytest.fixture
def role(tmp_path: Path) -> Iterator[Role]:
    role = Role(tmp_path)
    yield role
    stop_detached(tmp_path / "work")


def test_start_seed_reset_and_stop(role: Role) -> None:
    run, info = role(check=True)
    assert (run.rc, run.changed, info) == (0, 0, {}), run.output
    assert "Start it once without --check" in " ".join(run.output.split())

    variables: dict[str, Any] = {
        "sandbox_seed": {"prefixes": [{"prefix": "mine", "owner_orgno": "310001007"}]},
        "sandbox_switches": {"skew": 20, "terms_signed": False},
    }
    run, info = role(**variables)
    assert (run.rc, run.changed, run.warnings) == (0, 2, []), run.output
    control = info["control"]
    assert httpx.get(f"{control}/info").json() == info
    assert "PRIVATE" not in json.dumps(info)
    assert Path(info["credentials"]["fdir"]["administration"]["private_key_path"]).exists()
    switches = httpx.get(f"{control}/switches").json()
    assert (switches["skew"]["value"], switches["terms_signed"]["value"]) == (20, False)
    assert "mine" in [entry["prefix"] for entry in httpx.get(f"{control}/state").json()["prefixes"]]

    run, again = role(**variables)
    assert (run.rc, run.changed) == (0, 0), run.output
    assert again == info

    run, _unused = role(sandbox_switches={"skew": 30}, sandbox_latency_ms=1)
    assert (run.rc, run.changed) == (0, 2), run.output
    assert httpx.get(f"{control}/switches").json()["skew"]["value"] == 30

    run, again = role("reset")
    assert (run.rc, run.changed, again["pid"]) == (0, 1, info["pid"]), run.output
    assert "mine" not in [entry["prefix"] for entry in httpx.get(f"{control}/state").json()["prefixes"]]
    assert httpx.get(f"{control}/switches").json()["skew"]["value"] == 20

    run, _unused = role("stopped", check=True)
    assert run.rc == 0
    assert psutil.pid_exists(info["pid"])

    run, nothing = role("stopped")
    assert (run.rc, run.changed, nothing) == (0, 1, {}), run.output


def test_start_that_cannot_be(role: Role) -> None:
    run, _unused = role(sandbox_state_file="/nonexistent.json")
    assert run.rc == 2
    assert "cannot read /nonexistent.json" in run.output
    assert "Traceback" not in run.output


def test_arguments_are_checked(role: Role) -> None:
    run, _unused = role("running")
    assert run.rc == 2
    assert "value of sandbox_state must be one of" in run.output


def test_an_installed_collection_brings_its_sandbox(role: Role) -> None:
    """Of an installed collection only meta, plugins, roles and playbooks are promised."""
    collection = role.folder / "installed" / "ansible_collections" / "tilbyder" / "maskinporten"
    for name in ("meta", "plugins", "roles", "playbooks"):
        shutil.copytree(ROOT / name, collection / name, ignore=shutil.ignore_patterns("__pycache__"))
    role.environment = {"ANSIBLE_COLLECTIONS_PATH": str(role.folder / "installed")}
    run, info = role()
    assert run.rc == 0, run.output
    assert psutil.Process(info["pid"]).environ()["PYTHONPATH"].startswith(str(collection))
    # Nothing is written into the installed collection.
    assert not list(collection.rglob("__pycache__"))


def test_it_runs_on_the_machine_of_ansible_whatever_the_host(role: Role) -> None:
    run = run_playbook(
        PLAY,
        inventory="far.example,",
        extra_vars={
            "sandbox_port": 0,
            "sandbox_work_dir": str(role.folder / "work"),
            "told": str(role.told),
            "ansible_host": "192.0.2.1",
        },
    )
    assert run.rc == 0, run.output
    assert httpx.get(f"{json.loads(role.told.read_text())['control']}/info").status_code == 200
