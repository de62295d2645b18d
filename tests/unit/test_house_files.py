# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every file of the project: licence headers, and nothing in it that belongs to a machine or a person."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.tree import ROOT, tracked_files

PYTHON_FILES = [name for name in tracked_files() if name.endswith(".py")]
COPYRIGHT = "# Copyright (c) 2026, the tilbyder.maskinporten contributors"
GPL = (
    "# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
BSD = (
    "# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)",
    "# SPDX-License-Identifier: BSD-2-Clause",
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("name", PYTHON_FILES)
def test_python_file_names_its_licence(name: str) -> None:
    text = read(name)
    if name.endswith("__init__.py") and not text.strip():
        return  # ansible-test wants some of these empty
    head = text.splitlines()[:6]
    licence = BSD if name.startswith("plugins/module_utils/") else GPL
    for line in (COPYRIGHT, *licence):
        assert line in head


@pytest.mark.parametrize("name", PYTHON_FILES)
def test_python_file_starts_with_the_future_import(name: str) -> None:
    body = ast.parse(read(name)).body
    statements = [
        node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    if statements:
        first = statements[0]
        assert isinstance(first, ast.ImportFrom)
        assert first.module == "__future__"
        assert [alias.name for alias in first.names] == ["annotations"]


@pytest.mark.parametrize("name", [name for name in PYTHON_FILES if name.startswith("plugins/module_utils/")])
def test_shared_code_is_private_and_says_so(name: str) -> None:
    path = Path(name)
    parts = path.relative_to("plugins/module_utils").with_suffix("").parts
    assert all(part.startswith("_") for part in parts)
    if path.name != "__init__.py" or read(name).strip():
        assert "# This module is private to the collection." in read(name).splitlines()[:6]


def test_no_sanity_entry_is_ignored() -> None:
    assert [name for name in tracked_files() if name.startswith("tests/sanity/")] == []


# Each pattern is put together here, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~:/-])/(?:wo" + r"rk|ro" + r"ot|home/[a-z]\w*)/\w",
    "a package index": r"(?:extra-)?index-" + r"url\b|/simple/\w|find-" + r"links",
    "a private key": r"PRIVATE " + r"KEY-----\s+[A-Za-z0-9+/=]{40}",
    "the private half of a JWK": r"[\"']d[\"']\s*:\s*[\"'][A-Za-z0-9_-]{40,}",
    "a signed token": r"ey" + r"J[A-Za-z0-9_-]{16,}\.ey" + r"J[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{40,}",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [f"{name}: {match[0][:60]}" for name in tracked_files() for match in pattern.finditer(read(name))]
    assert found == []


@pytest.mark.parametrize(
    ("what", "example"),
    [
        ("a path of one machine", "see /ro" + "ot/project"),
        ("a package index", "pip --index-" + "url x"),
        ("a private key", "-----BEGIN PRIVATE " + "KEY-----\n" + "A" * 64),
        ("the private half of a JWK", '{"d": "' + "a" * 43 + '"}'),
        ("a signed token", "ey" + "J" + "a" * 20 + ".ey" + "J" + "b" * 20 + "." + "c" * 43),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, example: str) -> None:
    assert re.search(FORBIDDEN[what], example)
