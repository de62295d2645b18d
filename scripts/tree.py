# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files make up the project."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_MADE_BY_COMMANDS = re.compile(r"^(\.venv[^/]*|build|\.cache|\.ansible|\.git)/|(^|/)__pycache__/|\.pyc$")


def tracked_files() -> list[str]:
    """The files of the working tree that git knows or would take, as paths relative to the checkout.

    Without git (an unpacked archive) all files but those that commands make.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        names = sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())
        if names:
            return names
    files = (str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file())
    return sorted(name for name in files if not _MADE_BY_COMMANDS.search(name))
