# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module consumer_access_info against the sandbox: who has access, both ways round, and at what price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

Info = Callable[..., dict[str, Any]]
READ, WRITE = "testetat:cases.read", "testetat:cases.write"
CONSUMER, SUPPLIER, AGENCY, DISSOLVED = "310002100", "310004774", "310005819", "310006661"


@pytest.fixture
def info(sandbox: SandboxClient) -> Info:
    """Run the module over two active scopes and a deactivated one."""
    sandbox.seed(
        {
            "scopes": [
                {"prefix": "testetat", "subscope": "cases.read", "description": "x"},
                {"prefix": "testetat", "subscope": "cases.write", "description": "x"},
                {"prefix": "testetat", "subscope": "old", "description": "x", "active": False},
                {"prefix": "lysheietat", "subscope": "other", "description": "x"},
            ],
            "access": [
                {"scope": READ, "consumers": [CONSUMER, DISSOLVED]},
                {"scope": READ, "consumers": [SUPPLIER], "state": "DENIED"},
                {"scope": READ, "consumers": [AGENCY], "state": "REQUESTED"},
                {"scope": WRITE, "consumers": [CONSUMER]},
                {"scope": "testetat:old", "consumers": [AGENCY]},
                {"scope": "lysheietat:other", "consumers": [CONSUMER]},
            ],
        }
    )

    def run(**params: Any) -> dict[str, Any]:
        return run_module("consumer_access_info", {**sandbox.auth("administration"), **params})

    return run


def pairs(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["scope"], row["organization_number"], row["state"]) for row in result["accesses"]]


def test_everything_with_one_request_per_scope_and_the_states_told_apart(sandbox, info):
    result = info()
    assert pairs(result) == [
        (READ, CONSUMER, "APPROVED"),
        (READ, SUPPLIER, "DENIED"),
        (READ, AGENCY, "REQUESTED"),
        (READ, DISSOLVED, "APPROVED"),
        (WRITE, CONSUMER, "APPROVED"),
        ("testetat:old", AGENCY, "APPROVED"),
    ]
    assert len(sandbox.requests(path="/self-service/api/v1/scopes/access")) == 3
    assert sandbox.writes() == []
    assert result["requests"] == {"token": 1, "read": 5, "write": 0}
    assert not result["changed"]
    first = result["accesses"][0]
    assert first["name"] == "STILLE BRE AS"
    assert first["created"].startswith("2024-01-10")
    assert [row["scope_active"] for row in result["accesses"]] == [True, True, True, True, True, False]
    assert result["totals"] == {"grants": 4, "organizations": 3, "scopes": 3, "requested": 1, "dissolved": []}
    assert result["scopes"][0] == {"scope": READ, "approved": 2, "requested": 1, "denied": 1}
    assert result["organizations"][0] == {
        "organization_number": CONSUMER, "name": "STILLE BRE AS", "scopes": [READ, WRITE],
    }  # fmt: skip
    assert result["price"]["after"] == 70_000
    assert result["price"]["whole_provider"]


def test_everything_one_organisation_holds_with_us_costs_one_request_more_than_the_scopes(sandbox, info):
    result = info(consumers=["310 002 100"], states=["APPROVED"])
    assert pairs(result) == [(READ, CONSUMER, "APPROVED"), (WRITE, CONSUMER, "APPROVED")]
    assert len(sandbox.requests(path="/self-service/api/v1/scopes/access")) == 1
    assert not result["price"]["whole_provider"]
    assert info(consumers=["312345676"])["accesses"] == []


def test_a_scope_and_a_consumer_together(info):
    assert pairs(info(scopes=[READ], consumers=[CONSUMER, AGENCY])) == [
        (READ, CONSUMER, "APPROVED"),
        (READ, AGENCY, "REQUESTED"),
    ]


def test_the_price_of_the_whole_provider_does_not_depend_on_the_filter(info):
    assert info(scopes=[READ], consumers=[AGENCY], price_scope="provider")["price"]["grants_after"] == 3


def test_the_register_finds_the_dissolved_who_still_hold_access(sandbox, info):
    result = info(register=True, states=["APPROVED"])
    assert result["totals"]["dissolved"] == [DISSOLVED]
    assert {row["organization_number"]: row["register_status"] for row in result["accesses"]} == {
        CONSUMER: "active", DISSOLVED: "dissolved", AGENCY: "active",
    }  # fmt: skip
    # A search of main units, one of sub-units for the rest, and the dissolved one by itself.
    assert len(sandbox.requests(service="register")) == 3


def test_declared_lists_are_compared_both_ways(info, tmp_path):
    file = tmp_path / "cases.csv"
    file.write_text(f"Orgnr;Saksnr;Begrunnelse\n{CONSUMER};2026/114;Lov\n{SUPPLIER};;\n31000210;;\n")
    result = info(declared=[{"scope": READ, "consumers_file": str(file)}], states=["APPROVED"])
    assert result["undeclared"] == [
        {"scope": READ, "organization_number": DISSOLVED, "name": "SLUKKET VARDE AS"}
    ]
    assert [(row["scope"], row["organization_number"]) for row in result["missing"]] == [(READ, SUPPLIER)]
    declared = {(row["scope"], row["organization_number"]): row for row in result["accesses"]}
    assert declared[READ, CONSUMER]["case_number"] == "2026/114"
    assert declared[READ, CONSUMER]["declared"] is True
    assert declared[READ, DISSOLVED]["declared"] is False
    assert declared[WRITE, CONSUMER]["declared"] is None


@pytest.mark.parametrize("empty_list", ["error404", "error400", "array"])
def test_nobody_at_all_is_an_empty_list(sandbox, info, empty_list):
    sandbox.switch(empty_list=empty_list)
    assert run_module("consumer_access_info", sandbox.auth("administration", "fdir"))["accesses"] == []
    result = info(scopes=["testetat:old"], consumers=[CONSUMER])
    assert result["accesses"] == []
    assert result["price"]["before"] == 50_000


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"scopes": ["lysheietat:other"]}, "not among the 3 scopes"),
        ({"scopes": ["cases.read"]}, "lacks its prefix"),
        ({"consumers": [".."]}, "'..' is not an organisation number"),
        ({"declared": [{"scope": READ, "consumers_file": "gone.csv"}]}, "there is no such file"),
    ],
)
def test_what_cannot_be_answered_is_said(info, params, says):
    result = info(**params)
    assert result["failed"]
    assert says in result["msg"]


def test_totals_price_and_comparison_do_not_depend_on_the_states_that_are_shown(info):
    declared = [{"scope": READ, "consumers": [CONSUMER, AGENCY]}]
    every, denied = info(declared=declared), info(declared=declared, states=["DENIED"])
    assert pairs(denied) == [(READ, SUPPLIER, "DENIED")]
    for part in ("organizations", "price", "undeclared", "missing"):
        assert denied[part] == every[part], part
    assert denied["totals"] == {**every["totals"], "requested": 0}
    assert info(states=["DENIED"], register=True)["totals"]["dissolved"] == [DISSOLVED]


def test_the_price_of_the_provider_leaves_deactivated_scopes_out_with_and_without_a_filter(info):
    assert info(price_scope="provider")["price"]["grants_after"] == 3
    assert info(scopes=["testetat:old"], price_scope="provider")["price"]["grants_after"] == 3


def test_a_consumer_whose_date_has_passed_does_not_lack_its_access(info):
    listed = [
        {"organization_number": SUPPLIER, "valid_until": "2020-12-31"},
        {"organization_number": AGENCY, "valid_until": "2999-12-31"},
    ]
    missing = info(declared=[{"scope": READ, "consumers": listed}])["missing"]
    assert [row["organization_number"] for row in missing] == [AGENCY]
