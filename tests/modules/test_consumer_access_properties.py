# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""consumer_access for any former state and any list: what may change, what must not, and that it ends there."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.module_runner import run_module

SCOPE = "testetat:any.read"
# Known to the sandbox; none is the provider itself.
NUMBERS = ["310002100", "310004774", "310003425", "310006661", "315003628", "310005819", "312345676"]
STATES = ["APPROVED", "DENIED", "REQUESTED"]
BAD = ["..", "310002101", "", "31000210", "٣١٠٠٠٢١٠٠"]

former = st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from(STATES))
listed = st.lists(st.sampled_from(NUMBERS + BAD), max_size=10)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    former=former,
    listed=listed,
    protected=st.lists(st.sampled_from(NUMBERS), max_size=2),
    purge=st.booleans(),
    present=st.booleans(),
    limit=st.sampled_from(["0", "1", "100%"]),
    policy=st.sampled_from(["fail_before", "fail_after", "skip"]),
)
def test_the_list_decides_and_nothing_else(
    sandbox_server, former, listed, protected, purge, present, limit, policy
):
    sandbox = sandbox_server
    sandbox.reset()
    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "x"}],
            "access": [
                {"scope": SCOPE, "consumers": [number], "state": state} for number, state in former.items()
            ],
        }
    )
    params = {
        **sandbox.auth("administration"),
        "scope": SCOPE,
        "consumers": listed,
        "protected": protected,
        "state": "present" if present else "absent",
        "purge": purge and present,
        "max_removals": limit,
        "on_invalid_row": policy,
    }
    plan = run_module("consumer_access", params, check=True)
    assert sandbox.access(SCOPE) == former
    assert sandbox.writes() == []
    result = run_module("consumer_access", params)
    now = sandbox.access(SCOPE)
    assert plan["changed"] == result["changed"] == (now != former)
    good = {entry for entry in listed if entry in NUMBERS}
    bad = [entry for entry in listed if entry in BAD]
    held = {number for number, state in former.items() if state == "APPROVED"}
    holds = {number for number, state in now.items() if state == "APPROVED"}
    # Requests for access are nobody's to decide but by the list.
    assert {number for number, state in now.items() if state == "REQUESTED"} >= {
        number for number, state in former.items() if state == "REQUESTED" and number not in good
    }
    if present:
        assert holds - held <= good
        gone = held - holds
        assert not gone & (good | set(protected))
        assert purge or not gone
        assert not (bad and gone)
        assert len(gone) <= {"0": 0, "1": 1, "100%": len(held)}[limit]
    else:
        assert holds <= held
        assert held - holds <= good - set(protected)
    if policy == "fail_before" and bad:
        assert now == former
        assert result["failed"]
    if not result["failed"] and present:
        assert good <= holds
        if purge and not bad:
            assert holds == good | (held & set(protected))
    # Every entry has its verdict, and every row tells the truth of what is there now.
    if "results" in result:
        assert [row["line"] for row in result["results"] if row["line"]] == list(range(1, len(listed) + 1))
        for row in result["results"]:
            if row["organization_number"]:
                assert row["after"] == now.get(row["organization_number"]) or row["verdict"] == "duplicate"
    sandbox.clear_requests()
    again = run_module("consumer_access", params)
    assert sandbox.writes() == []
    assert not again["changed"]
    if result.get("undo"):
        run_module("consumer_access", {**sandbox.auth("administration"), "grants": result["undo"]})
        assert {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"} == held
