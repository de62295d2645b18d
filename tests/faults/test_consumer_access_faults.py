# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""consumer_access under a bad network, a tired service, and SIGKILL: nothing lost, nothing done twice, every row told."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_process import start_module
from tests.module_runner import run_module

SCOPE = "testetat:cases.read"
ACCESS_PATH = "/self-service/api/v1/scopes/access"
PUTS = f"PUT {ACCESS_PATH}/*"


@pytest.fixture
def numbers(sandbox: SandboxClient) -> list[str]:
    """Forty organisations, and a scope they have no access to."""
    sandbox.seed({"scopes": [{"prefix": "testetat", "subscope": "cases.read", "description": "x"}]})
    return sandbox.organizations(40)


@pytest.fixture
def access(sandbox: SandboxClient, numbers: list[str]) -> Callable[..., dict[str, Any]]:
    def run(**params: Any) -> dict[str, Any]:
        defaults = {**sandbox.auth("administration"), "scope": SCOPE, "consumers": numbers}
        sandbox.clear_requests()
        return run_module("consumer_access", {**defaults, **params})

    return run


def granted_once(sandbox: SandboxClient) -> Counter[str]:
    """How often a PUT took effect, per organisation: answered 200."""
    return Counter(entry["path"].rpartition("/")[2] for entry in sandbox.requests(method="PUT", status=200))


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("too_many_requests", {"retry_after": "0"}),
        ("status", {"status": 500}),
        ("status", {"status": 503, "retry_after": "0"}),
        ("html", {"status": 502}),
        ("reset", {}),
    ],
)
def test_a_storm_passes_and_every_row_is_granted_once(sandbox, access, numbers, kind, members):
    sandbox.fault(route=PUTS, kind=kind, times=12, after=5, **members)
    result = access(retries=8)
    assert not result["failed"]
    assert [row["verdict"] for row in result["results"]] == ["granted"] * 40
    assert granted_once(sandbox) == Counter(numbers)
    assert result["requests"]["write"] == 40 + 12
    again = access()
    assert not again["changed"]
    assert sandbox.writes() == []


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_an_answer_that_is_lost_after_the_grant_leaves_the_grant_and_a_true_verdict(
    sandbox, access, numbers, kind
):
    members = {"handled": True} if kind == "reset" else {}
    sandbox.fault(route=PUTS, kind=kind, times=6, after=3, **members)
    result = access()
    assert not result["failed"]
    assert {row["verdict"] for row in result["results"]} == {"granted"}
    assert sandbox.access(SCOPE) == dict.fromkeys(numbers, "APPROVED")


def test_a_500_on_one_organisation_is_its_row_alone(sandbox, access, numbers):
    unlucky = numbers[17]
    sandbox.fault(route=f"PUT {ACCESS_PATH}/{unlucky}", kind="status", status=500, times=None)
    result = access(retries=1)
    assert result["failed"]
    assert "1 of 40 rows failed; the other 39 are done" in result["msg"]
    assert f"line 18 {unlucky}" in result["msg"]
    rows = {row["organization_number"]: row for row in result["results"]}
    assert rows[unlucky]["verdict"] == "server_error"
    assert rows[unlucky]["after"] is None
    assert Counter(row["verdict"] for row in rows.values()) == {"granted": 39, "server_error": 1}
    assert set(sandbox.access(SCOPE)) == set(numbers) - {unlucky}


def test_a_connection_that_breaks_for_good_says_that_the_outcome_is_not_known(sandbox, access, numbers):
    sandbox.fault(route=f"PUT {ACCESS_PATH}/{numbers[0]}", kind="reset", times=None, handled=True)
    result = access(retries=1)
    assert result["failed"]
    assert "Whether it was done is not known; run again." in result["results"][0]["message"]
    assert not access(retries=1)["changed"]


@pytest.mark.parametrize("expiries", [(10,), (10, 32)], ids=["once", "twice"])
def test_a_token_that_expires_in_the_middle_is_renewed_and_nothing_is_lost(
    sandbox, access, numbers, expiries
):
    for after in expiries:
        sandbox.fault(route=PUTS, kind="expired_token", after=after)
    result = access()
    assert not result["failed"], result["msg"]
    assert granted_once(sandbox) == Counter(numbers)
    assert result["requests"]["token"] == 1 + len(expiries)


@pytest.mark.parametrize(
    ("kind", "members"), [("html", {"status": 200}), ("status", {"status": 404}), ("status", {"status": 403})]
)
def test_a_list_that_cannot_be_read_is_never_taken_for_an_empty_one(sandbox, access, numbers, kind, members):
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": numbers[:20]}]})
    sandbox.fault(route=f"GET {ACCESS_PATH}", kind=kind, times=None, **members)
    result = access(consumers=numbers[20:], purge=True, max_removals="100%")
    assert result["failed"]
    assert not result["changed"]
    assert sandbox.writes() == []
    assert {row["verdict"] for row in result["results"]} == {"not_possible"}


def test_a_half_list_is_read_again(sandbox, access, numbers):
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": numbers}]})
    sandbox.fault(route=f"GET {ACCESS_PATH}", kind="truncated", times=2)
    result = access(purge=True)
    assert not result["failed"]
    assert not result["changed"]


def test_357_grants_cost_one_list_and_357_puts_within_the_bound(sandbox, access):
    municipalities = [
        entry["orgnr"] for entry in sandbox.state()["organizations"] if entry["name"].endswith(" KOMMUNE")
    ]
    assert len(municipalities) == 357
    result = access(consumers=municipalities)
    assert result["summary"]["grant"] == 357
    assert len(sandbox.requests(method="GET", path=ACCESS_PATH)) == 1
    assert len(sandbox.writes()) == 357
    assert result["requests"] == {"token": 1, "read": 3, "write": 357}
    again = access(consumers=municipalities)
    assert not again["changed"]
    assert len(sandbox.requests(method="GET", path=ACCESS_PATH)) == 1
    assert sandbox.writes() == []


def test_20_000_grants_that_are_there_cost_one_list_a_scope_and_little_memory(sandbox, tmp_path):
    numbers = sandbox.organizations(400)
    scopes = [f"api{index}.read" for index in range(50)]
    sandbox.seed(
        {
            "scopes": [{"prefix": "testetat", "subscope": scope, "description": "x"} for scope in scopes],
            "access": [{"scope": f"testetat:{scope}", "consumers": numbers} for scope in scopes],
        }
    )
    sandbox.clear_requests()
    grants = [{"scope": f"testetat:{scope}", "consumers": numbers, "purge": True} for scope in scopes]
    process = start_module("consumer_access", {**sandbox.auth("administration"), "grants": grants}, tmp_path)
    result = process.result()
    assert not result["failed"]
    assert not result["changed"]
    assert result["summary"]["none"] == 20_000
    assert len(sandbox.requests(method="GET", path=ACCESS_PATH)) == 50
    assert result["requests"] == {"token": 1, "read": 52, "write": 0}
    assert process.peak is not None
    assert process.peak < 150 * 1024 * 1024


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_and_run_again_the_end_is_the_same(sandbox, numbers, tmp_path, seed):
    """SIGKILL after a random number of writes, several times over, then one whole run."""
    chance = random.Random(seed)
    listed, others = numbers[:28], numbers[28:]
    already, denied = listed[:6], listed[6:9]
    sandbox.seed(
        {
            "access": [
                {"scope": SCOPE, "consumers": [*already, *others]},
                {"scope": SCOPE, "consumers": denied, "state": "DENIED"},
            ]
        }
    )
    params = {
        **sandbox.auth("administration"),
        "scope": SCOPE,
        "consumers": listed,
        "purge": True,
        "max_removals": "100%",
    }
    sandbox.latency(40)
    interrupted = 0
    for _unused in range(5):
        sandbox.clear_requests()
        process = start_module("consumer_access", params, tmp_path)
        until = chance.randint(0, 6)
        while process.process.poll() is None and len(sandbox.writes()) < until:
            time.sleep(0.01)
        interrupted += process.process.poll() is None
        process.kill()
        held = {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"}
        assert held <= {*listed, *others}
        assert set(already) <= held
    assert interrupted
    sandbox.latency(0)
    result = run_module("consumer_access", params)
    assert not result["failed"]
    held = {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"}
    assert held == set(listed)
    sandbox.clear_requests()
    assert not run_module("consumer_access", params)["changed"]
    assert sandbox.writes() == []
