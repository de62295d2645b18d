# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run, written as CSV and JSON and read again as a list: every row means the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.filter.access_record import access_record
from ansible_collections.tilbyder.maskinporten.plugins.filter.access_report import access_report
from ansible_collections.tilbyder.maskinporten.plugins.filter.row_table import row_table
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._consumer_file import (
    parse_consumers,
    read_consumers,
)
from tests.unit.corpus import corpus

CORPUS = corpus()
EXPECTED = yaml.safe_load((CORPUS / "expected.yml").read_text(encoding="utf-8"))
READABLE = sorted(name for name, expected in EXPECTED.items() if isinstance(expected, list) and expected)


def result_of(name: str) -> dict[str, Any]:
    """What the module returns for a file of the corpus, as far as the record needs it."""
    rows = []
    for row in read_consumers(str(CORPUS / name)).rows:
        number = None if row.problem and row.organization_number is None else row.organization_number
        rows.append(
            {
                "line": row.line,
                "organization_number": number,
                "text": row.text,
                "name": row.name,
                "scope": "testetat:cases.read",
                "verdict": row.problem or "granted",
                "message": row.message or "",
                "valid_until": row.valid_until,
                "changed": not row.problem,
            }
        )
    rows.append({"line": None, "organization_number": "310004774", "verdict": "not_listed", "changed": True})
    return {"results": rows}


@pytest.mark.parametrize("name", READABLE)
def test_a_record_read_again_is_the_same_list(name):
    record = access_record(result_of(name), actor="ola", reason="JUR-1", time="2026-11-22T10:00:00Z")
    texts = {
        "record.csv": row_table(record, style="csv").encode(),
        "record.json": json.dumps({"run": {}, "rows": record}).encode(),
    }
    rows = read_consumers(str(CORPUS / name)).rows
    for source, content in texts.items():
        again = parse_consumers(content, source=source)
        assert [(row.organization_number if not row.problem else None) for row in again.rows] == [
            (row.organization_number if not row.problem else None) for row in rows
        ]
        assert len(again.ignored) == 1


def test_every_row_of_a_record_has_every_column():
    record = access_record(
        result_of("bad-numbers.csv"),
        actor="ola",
        reason="JUR-1",
        case_number="7",
        time="T",
        environment="test",
    )
    assert len({tuple(row) for row in record}) == 1
    assert record[0]["actor"] == "ola"
    assert (record[0]["reason"], record[0]["case_number"], record[0]["time"]) == ("JUR-1", "7", "T")
    assert [row["listed"] for row in record] == [True] * (len(record) - 1) + [False]
    with pytest.raises(AnsibleFilterError, match="access_record"):
        access_record([])


def test_a_report_joins_delegations_and_names_what_needs_a_look():
    access = {
        "scope": "testetat:cases.read",
        "organization_number": "310002100",
        "name": "STILLE BRE AS",
        "state": "APPROVED",
        "created": "2024-01-10T12:00:00Z",
        "last_updated": "2024-01-10T12:00:00Z",
        "scope_active": False,
    }
    info = {
        "accesses": [access],
        "totals": {"grants": 1, "organizations": 1, "scopes": 1, "requested": 2, "dissolved": []},
        "price": {
            "grants_after": 1, "after": 55_000, "currency": "NOK", "billed": True, "whole_provider": True,
            "read": "2026-09", "source": "https://example.org",
        },
    }  # fmt: skip
    delegations = [
        {
            "scope": access["scope"],
            "consumer": "310002100",
            "supplier": "310004774",
            "supplier_name": "TRYGG MOSE",
        },
        {"scope": access["scope"], "consumer": "310005819", "supplier": "310004774"},
    ]
    report = access_report(info, delegations=delegations, environment="prod")
    assert report["rows"][0]["delegated_to"] == ["310004774 TRYGG MOSE"]
    assert report["rows"][0]["environment"] == "prod"
    summary = "\n".join(report["summary"])
    assert "1 grant to 1 organisation on 1 scope." in summary
    assert "cost NOK 55 000 a year" in summary
    assert "Requests for access that wait for an answer: 2." in summary
    assert "1 grant on deactivated scopes" in summary
    assert "Have delegated without having access: 310005819 on testetat:cases.read." in summary
    with pytest.raises(AnsibleFilterError, match="access_report"):
        access_report({})
