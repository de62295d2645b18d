# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module as its own process, as Ansible does: to measure its memory, or to kill it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.module_runner import MODULES

_PROGRAM = """
import atexit, importlib, json, re, sys

sys.path.insert(0, {root!r})
def peak():
    # Not getrusage: its peak is inherited from the process that started this one.
    sys.stderr.write("PEAK " + re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1] + "\\n")
atexit.register(peak)
from tests.module_runner import _arguments

with _arguments(json.load(open({arguments!r}))):
    importlib.import_module({module!r}).main()
"""


@dataclasses.dataclass
class ModuleProcess:
    """A module that runs; ``peak`` is its largest resident size in bytes once it has ended by itself."""

    process: subprocess.Popen[str]
    peak: int | None = None

    def result(self, timeout: float = 300) -> dict[str, Any]:
        """Wait for the end and return the module's result."""
        stdout, stderr = self.process.communicate(timeout=timeout)
        for line in stderr.splitlines():
            if line.startswith("PEAK "):
                self.peak = int(line.split()[1]) * 1024
        result: dict[str, Any] = json.loads(stdout.strip().splitlines()[-1])
        result.setdefault("failed", bool(self.process.returncode))
        return result

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is put away."""
        self.process.kill()
        self.process.communicate()


def start_module(name: str, params: dict[str, Any], folder: Path, check: bool = False) -> ModuleProcess:
    """Start a module of the collection with the options of a task; ``folder`` takes its arguments."""
    arguments = folder / f"{name}.json"
    arguments.write_text(
        json.dumps(
            {
                **params,
                "_ansible_check_mode": check,
                "_ansible_remote_tmp": str(folder),
                "_ansible_keep_remote_files": False,
            }
        )
    )
    root = str(Path(__file__).resolve().parent.parent)
    program = _PROGRAM.format(root=root, arguments=str(arguments), module=f"{MODULES}.{name}")
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "MASKINPORTEN_"))
        },
    )
    return ModuleProcess(process)
