# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the tables of the guide ``troubleshooting`` from the collection's own tables of causes and traps (``make tables``)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _doctor_traps, _known_causes

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "docsite" / "rst" / "troubleshooting.rst"
BEGIN = ".. The tables below are written by `make tables`; their text stands in plugins/module_utils.\n"
#: Service -> title of its section.
SERVICES = {
    _known_causes.TOKEN: "Maskinporten, when asked for a token",
    _known_causes.SELF_SERVICE: "Digdir's self-service API",
    _known_causes.EXCHANGE: "Altinn, when a token is exchanged",
    _known_causes.REGISTRY: "Altinn's resource registry",
    _known_causes.DELEGATIONS: "Altinn, when asked for delegations",
    _known_causes.NETWORK: "What lies between",
}


def _text(value: str) -> str:
    """A sentence as reStructuredText: stars, bars and underscores at a word's end mean nothing in it."""
    value = (
        value.replace("\\", "\\\\")
        .replace("*", "\\*")
        .replace("|", "\\|")
        .replace("`", "\\`")
        .replace("_ ", "\\_ ")
    )
    return value[0].upper() + value[1:]


def _table(widths: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [header, *rows]:
        lines += [f"   {'*' if place == 0 else ' '} - {cell}" for place, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def _said(cause: _known_causes.Cause) -> str:
    """What the service says: its code, or the phrase, or the status."""
    parts = [f"``{cause.code}``"] if cause.code else []
    if cause.phrase and not cause.code:
        parts.append(f"``... {cause.phrase} ...``")
    if cause.status:
        parts.append(f"status {cause.status}")
    return ", ".join(parts)


def tables() -> str:
    """All sections, one for each service, and the traps at the end."""
    parts = []
    for service, title in SERVICES.items():
        causes = [cause for cause in _known_causes.CAUSES if cause.service == service]
        rows = [
            (
                _said(cause),
                _text(cause.meaning) + (" (can pass by itself within minutes)" if cause.passing else ""),
                _text(cause.remedy),
            )
            for cause in causes
        ]
        parts.append(
            f"{title}\n{'-' * len(title)}\n\n"
            + _table("24 38 38", ("It says", "It means", "What to do"), rows)
        )
    title = "What people see"
    traps = [
        (_text(trap.symptom), _text(trap.cause), _text(trap.way_out)) for trap in _doctor_traps.TRAPS.values()
    ]
    parts.append(
        f"{title}\n{'-' * len(title)}\n\n" + _table("30 35 35", ("Symptom", "Cause", "Way out"), traps)
    )
    return "\n".join(parts)


def updated(guide: str) -> str:
    """The guide with its tables written anew.

    :raises ValueError: the mark is not there.
    """
    before, begin, _old = guide.partition(BEGIN)
    if not begin:
        raise ValueError("troubleshooting.rst has lost the mark before its tables")
    return f"{before}{BEGIN}\n{tables()}"


if __name__ == "__main__":
    text = GUIDE.read_text(encoding="utf-8")
    fresh = updated(text)
    GUIDE.write_text(fresh, encoding="utf-8")
    sys.stderr.write(
        "troubleshooting.rst: tables written\n" if fresh != text else "troubleshooting.rst: up to date\n"
    )
