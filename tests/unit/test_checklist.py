# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checklist: a step is done only when it was seen to be."""

from __future__ import annotations

from typing import Any

from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._checklist import (
    as_table,
    brief_result,
    checklist,
)

PLAN: dict[str, Any] = {
    "apis": [{"name": "a", "scope": "x:a", "state": "present", "delegable": True}],
    "scopes": [{}],
    "resources": [{}],
    "policies": [{}],
    "grants": [{}],
}
OK_CHECKS = [
    {"id": name, "title": name, "state": "ok", "message": ""}
    for name in (
        "prefix", "administration", "terms", "delegation_source", "altinn_client", "altinn_exchange", "service_owner",
    )
]  # fmt: skip


def unchanged(item: str, **live: Any) -> dict[str, Any]:
    return {"results": [{"item": item, "action": "none", "object": live}]}


def states(**results: Any) -> dict[str, str]:
    rows = checklist(PLAN, preflight={"checks": OK_CHECKS}, results=results)
    return {row["step"]: row["state"] for row in rows}


def test_every_line_of_the_checklist_is_there() -> None:
    rows = checklist(PLAN)
    assert [row["step"] for row in rows] == [
        "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "4.1", "4.2",
    ]  # fmt: skip


def test_nothing_is_done_that_was_not_seen() -> None:
    assert {row["state"] for row in checklist(PLAN)} == {"not seen"}


def test_what_was_seen_is_done() -> None:
    seen = states(
        scopes=unchanged("x:a", delegation_source="https://tt02.altinn.no/"),
        resources=unchanged("x-a"),
        policies=unchanged("x-a"),
        access=unchanged("310002100"),
        notification={"written": 1, "sent": 1},
    )
    assert {step for step, state in seen.items() if state != "done"} == {"1.2", "4.1", "4.2"}


def test_one_failure_keeps_a_step_open() -> None:
    failed = {"results": [{"item": "x:a", "action": "create", "error": {"msg": "no"}}]}
    assert states(scopes=failed)["2.2"] == "to do"


def test_a_brief_result_says_the_same_with_the_rows_that_matter() -> None:
    rows = [{"item": str(number), "action": "none"} for number in range(20)]
    refused = {"item": "310002100", "action": "refuse"}
    whole = {"results": [*rows, refused, {"item": "x", "action": "grant"}], "summary": {"none": 20}}
    brief = brief_result(whole)
    assert [row["item"] for row in brief["results"]] == ["310002100", "x"]
    assert brief_result(brief) == brief
    assert checklist(PLAN, results={"access": brief}) == checklist(PLAN, results={"access": whole})
    assert "1 of 22 grants failed: 310002100" in str(checklist(PLAN, results={"access": brief}))
    assert brief_result({"skipped": True}) == {"skipped": True}


def test_a_scope_without_delegation_source_keeps_its_step_open() -> None:
    assert states(scopes=unchanged("x:a"))["3.1"] == "to do"


def test_a_check_run_plans_and_does_nothing() -> None:
    result = {
        "results": [
            {"item": "x:a", "action": "create", "object": {"delegation_source": "https://tt02.altinn.no/"}}
        ]
    }
    rows = checklist(PLAN, preflight={"checks": OK_CHECKS}, results={"scopes": result}, check_mode=True)
    assert {row["step"]: row["state"] for row in rows}["2.2"] == "planned"


def test_unsigned_terms_and_unsent_messages_come_with_a_letter() -> None:
    checks = [{"id": "terms", "title": "terms", "state": "failed", "message": "not signed"}]
    rows = {row["step"]: row for row in checklist(PLAN, preflight={"checks": checks})}
    assert rows["1.3"]["state"] == "to do"
    assert rows["1.3"]["letter"] == "terms"


def test_without_delegation_the_steps_of_altinn_are_not_needed() -> None:
    plan = {**PLAN, "apis": [{"name": "a", "scope": "x:a", "state": "present", "delegable": False}]}
    assert {row["state"] for row in checklist(plan) if row["step"].startswith("3")} == {"not needed"}


def test_the_table_fits_its_width() -> None:
    table = as_table(checklist(PLAN, preflight={"checks": OK_CHECKS}), width=100)
    assert max(map(len, table.splitlines())) <= 100
    assert "not seen" in table
