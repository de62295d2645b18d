# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a guide, so that tests run what people read."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

_GUIDES = Path(__file__).resolve().parents[1] / "docs" / "docsite" / "rst"
_BLOCK = re.compile(r"^\.\. code-block:: bash\n\n((?:   .*\n|\n)+)", re.MULTILINE)


def guide_commands(guide: str) -> list[tuple[str, list[str]]]:
    """Playbook and arguments of each command of a guide, in order, without the inventory."""
    text = (_GUIDES / f"{guide}.rst").read_text(encoding="utf-8")
    commands = []
    for block in _BLOCK.findall(text):
        words = shlex.split(textwrap.dedent(block).replace("\\\n", " "))
        assert words[0] == "ansible-playbook"
        assert words[2:4] == ["-i", "inventories/example/hosts.yml"]
        commands.append((words[1], words[4:]))
    return commands
