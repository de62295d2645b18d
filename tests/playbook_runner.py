# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the real ``ansible-playbook`` and look at how it went."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
_LOCALHOST = """\
all:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""
_RECAP = re.compile(r"^(?P<host>\S+)\s+:\s+(?P<counts>(?:\w+=\d+\s*)+)$", re.MULTILINE)
_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?P<name>.*?)\] \**$", re.MULTILINE)
_WARNING = re.compile(r"^\[(?:DEPRECATION )?WARNING\]: .*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class PlaybookRun:
    """How a run went. ``stats`` is host -> {ok, changed, unreachable, failed, skipped, rescued, ignored}."""

    rc: int
    stdout: str
    stderr: str
    stats: dict[str, dict[str, int]]

    @property
    def changed(self) -> int:
        """Changed tasks over all hosts."""
        return sum(counts.get("changed", 0) for counts in self.stats.values())

    @property
    def failed(self) -> int:
        """Failed tasks over all hosts, unreachable hosts included."""
        return sum(counts.get("failed", 0) + counts.get("unreachable", 0) for counts in self.stats.values())

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that were started, in order."""
        return _TASK.findall(self.stdout)

    @property
    def warnings(self) -> list[str]:
        """First lines of all warnings and deprecations."""
        return _WARNING.findall(self.stdout + "\n" + self.stderr)

    @property
    def output(self) -> str:
        """Everything that was printed."""
        return self.stdout + self.stderr


def run_playbook(
    playbook: str | Path | list[dict[str, Any]],
    *,
    extra_vars: dict[str, Any] | None = None,
    inventory: str | Path | Sequence[str | Path] | None = None,
    check: bool = False,
    diff: bool = False,
    args: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    cwd: str | Path | None = None,
    timeout: float = 300,
) -> PlaybookRun:
    """Run ``ansible-playbook`` of this Python.

    ``playbook`` is a path, a name such as ``tilbyder.maskinporten.onboard``, or the plays themselves. Without an
    ``inventory`` the play gets ``localhost`` alone, as a local host with this Python. ``extra_vars`` go through a file, so their types survive.
    """
    with tempfile.TemporaryDirectory(prefix="playbook-") as temporary:
        folder = Path(temporary)
        if isinstance(playbook, list):
            file = folder / "playbook.yml"
            file.write_text(yaml.safe_dump(playbook, sort_keys=False, allow_unicode=True), encoding="utf-8")
            playbook = file
        command = [sys.executable, "-m", "ansible", "playbook", str(playbook)]
        if inventory is None:
            inventory = folder / "inventory.yml"
            inventory.write_text(_LOCALHOST, encoding="utf-8")
        inventories = [inventory] if isinstance(inventory, (str, Path)) else list(inventory)
        for entry in inventories:
            command += ["--inventory", str(entry)]
        if extra_vars:
            variables = folder / "extra_vars.json"
            variables.write_text(json.dumps(extra_vars), encoding="utf-8")
            variables.chmod(0o600)
            command += ["--extra-vars", f"@{variables}"]
        if check:
            command.append("--check")
        if diff:
            command.append("--diff")
        command += list(args)
        finished = subprocess.run(
            command,
            cwd=cwd or folder,
            env=_environment(folder, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    return PlaybookRun(finished.returncode, finished.stdout, finished.stderr, _stats(finished.stdout))


def _environment(folder: Path, extra: dict[str, str] | None) -> dict[str, str]:
    """A plain environment: none of the caller's Ansible settings or credentials, output that can be read."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "MASKINPORTEN_", "ALTINN_"))
        or name in ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME")
    }
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "0",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        "COLUMNS": "160",
        "LC_ALL": kept.get("LC_ALL", "C.UTF-8"),
        **(extra or {}),
    }


def _stats(stdout: str) -> dict[str, dict[str, int]]:
    _unused, _unused, recap = stdout.rpartition("PLAY RECAP")
    return {
        match["host"]: {
            name: int(count) for name, count in (part.split("=") for part in match["counts"].split())
        }
        for match in _RECAP.finditer(recap)
    }
