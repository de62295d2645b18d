# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the README's tables of modules, plugins, roles and playbooks from their own documentation (``make tables``).

Runs in the main environment, since it reads YAML.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN = (
    "<!-- tables: written by `make tables` from the documentation of the plugins, roles and playbooks -->\n"
)
END = "<!-- end of tables -->\n"


def documentation_of(file: Path) -> dict[str, Any]:
    """The ``DOCUMENTATION`` of a plugin file, read without importing it; empty when there is none."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
        if "DOCUMENTATION" in names and isinstance(node, ast.Assign):
            return dict(yaml.safe_load(ast.literal_eval(node.value)))
    return {}


def _plugins(kind: str) -> Iterator[tuple[str, str]]:
    """Name and short description of every plugin of a folder."""
    for file in sorted((ROOT / "plugins" / kind).glob("*.py")):
        documentation = documentation_of(file)
        if documentation:
            yield str(documentation.get("name", file.stem)), str(documentation["short_description"])
    # Filters and tests are documented beside their code, one file each.
    for file in sorted((ROOT / "plugins" / kind).glob("*.yml")):
        documentation = yaml.safe_load(file.read_text(encoding="utf-8"))["DOCUMENTATION"]
        yield file.stem, str(documentation["short_description"])


def _roles() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        yield file.parent.parent.name, str(specs["main"]["short_description"])


def _playbooks() -> Iterator[tuple[str, str]]:
    """Name of every playbook, and what its opening comment says in its first sentence."""
    for file in sorted((ROOT / "playbooks").glob("*.yml")):
        yield file.stem, opening_sentence(file)


def opening_sentence(playbook: Path) -> str:
    """The first sentence of the comment at a playbook's top, after licence lines and example calls."""
    words: list[str] = []
    for line in playbook.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            text = line.lstrip("# ").strip()
            if not text.startswith(("Copyright", "GNU General Public License", "SPDX-", "ansible-playbook ")):
                words.append(text)
        elif line.strip() not in ("", "---"):
            break
    return " ".join(filter(None, words)).split(". ", maxsplit=1)[0].rstrip(".:")


def tables() -> str:
    """All tables as Markdown; a kind of which there is nothing yet has no table."""
    kinds = {
        "Module": list(_plugins("modules")),
        "Lookup": list(_plugins("lookup")),
        "Filter": list(_plugins("filter")),
        "Test": list(_plugins("test")),
        "Role": list(_roles()),
        "Playbook": list(_playbooks()),
    }
    parts = []
    for kind, rows in kinds.items():
        if rows:
            lines = [f"| `{name}` | {text} |" for name, text in rows]
            parts.append("\n".join([f"| {kind} | |", "|---|---|", *lines]) + "\n")
    return "\n".join(parts)


def updated(readme: str) -> str:
    """The README's text with its tables written anew.

    :raises ValueError: the two marks are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("README.md has lost the marks around its tables")
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    fresh = updated(text)
    README.write_text(fresh, encoding="utf-8")
    sys.stderr.write(
        "README.md: tables written\n" if fresh != text else "README.md: tables were up to date\n"
    )
