# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told: whoever has got access and does not know."""

from __future__ import annotations

from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._messages import untold


def row(number: str, before: str | None, after: str | None) -> dict[str, str | None]:
    return {"scope": "x:a", "organization_number": number, "before": before, "after": after}


ROWS = [
    row("310000001", None, "APPROVED"),
    row("310000002", "APPROVED", "APPROVED"),
    row("310000003", "DENIED", "APPROVED"),
    row("310000004", "APPROVED", "DENIED"),
    row("310000005", None, None),
]


def numbers(rows: list) -> list[str]:
    return [row["organization_number"][-1] for row in rows]


def test_before_there_is_a_record_those_who_had_access_need_no_telling() -> None:
    assert numbers(untold(ROWS, None)) == ["1", "3"]


def test_the_record_knows_better_than_the_run_who_has_been_told() -> None:
    """A run that was killed between grant and message leaves consumers that had access and know nothing."""
    record = {"x:a": {"310000001": {"state": "sent"}}, "x:b": {"310000003": {"state": "sent"}}}
    assert numbers(untold(ROWS, record)) == ["2", "3"]
    assert numbers(untold(ROWS, {})) == ["1", "2", "3"]
