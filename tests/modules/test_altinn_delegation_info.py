# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""altinn_delegation_info against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.delegable import resource
from tests.module_runner import run_module

CONSUMER, SUPPLIER = "310002100", "310004774"
UNKNOWN = "399999901"
SCOPE, OTHER = "testetat:cases.read", "testetat:cases.write"


@pytest.fixture
def delegated(sandbox: SandboxClient) -> SandboxClient:
    """Two scopes in one resource, delegated by one consumer to one supplier."""
    sandbox.seed(
        {
            "scopes": [
                {
                    "prefix": "testetat",
                    "subscope": name.partition(":")[2],
                    "description": "x",
                    "delegation_source": "x",
                }
                for name in (SCOPE, OTHER)
            ],
            "altinn": {
                "resources": [resource("testetat-cases", SCOPE, OTHER)],
                "delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "resource": "testetat-cases"}],
            },
        }
    )
    return sandbox


def look_up(sandbox: SandboxClient, **params: Any) -> dict[str, Any]:
    return run_module("altinn_delegation_info", {**sandbox.auth("altinn"), **params})


def test_rows_name_scope_consumer_supplier_and_resource(delegated: SandboxClient) -> None:
    result = look_up(delegated, scope=[SCOPE])
    assert not result["failed"]
    assert not result["changed"]
    (row,) = result["delegations"]
    assert (row["scope"], row["consumer"], row["supplier"], row["resource"]) == (
        SCOPE,
        CONSUMER,
        SUPPLIER,
        "testetat-cases",
    )
    assert row["scopes"] == [SCOPE, OTHER]
    assert row["created"]
    assert "consumer_name" not in row
    assert result["requests"] == {"token": 2, "read": 2, "write": 0}


def test_names_come_when_asked_for(delegated: SandboxClient) -> None:
    (row,) = look_up(delegated, scope=[SCOPE], names=True)["delegations"]
    assert (row["consumer_name"], row["supplier_name"]) == ("STILLE BRE AS", "TRYGG MOSE SYSTEM AS")


@pytest.mark.parametrize(
    ("side", "number", "expected"),
    [
        ("consumer", CONSUMER, 1),
        ("consumer", SUPPLIER, 0),
        ("supplier", "310 004 774", 1),
        ("supplier", CONSUMER, 0),
    ],
)
def test_consumer_and_supplier_narrow_the_answer(
    delegated: SandboxClient, side: str, number: str, expected: int
) -> None:
    assert len(look_up(delegated, scope=[SCOPE], **{side: number})["delegations"]) == expected


def test_an_unknown_scope_of_ours_has_no_delegations(delegated: SandboxClient) -> None:
    assert look_up(delegated, scope=["testetat:no.such"])["delegations"] == []


def test_without_a_scope_all_of_our_own_are_looked_up(delegated: SandboxClient) -> None:
    administration = delegated.auth("administration")
    result = look_up(
        delegated,
        administration={
            name: administration[name] for name in ("client_id", "private_key_path", "certificate_chain_path")
        },
    )
    assert result["scopes"] == [SCOPE, OTHER]
    assert [row["scope"] for row in result["delegations"]] == [SCOPE, OTHER]


def test_without_a_scope_and_an_administration_client_nothing_is_sent(delegated: SandboxClient) -> None:
    result = look_up(delegated)
    assert result["failed"]
    assert "one scope at a time" in result["msg"]
    assert "administration" in result["msg"]
    assert delegated.requests() == []


def test_a_foreign_prefix_is_explained(delegated: SandboxClient) -> None:
    result = look_up(delegated, scope=["fdir:catch.read"])
    assert result["failed"]
    assert result["status"] == 403
    assert "prefix does not belong to the organisation" in result["msg"]
    assert "testetat, testetatdigital" in result["msg"]
    assert result["failed_scopes"] == ["fdir:catch.read"]


def test_one_refused_scope_leaves_the_rows_of_the_others(delegated: SandboxClient) -> None:
    result = look_up(delegated, scope=["fdir:catch.read", SCOPE])
    assert result["failed"]
    assert [row["scope"] for row in result["delegations"]] == [SCOPE]


@pytest.mark.parametrize("side", ["consumer", "supplier"])
@pytest.mark.parametrize("number", ["310002101", "..", "12345", "31000210x"])
def test_a_bad_number_is_refused_before_any_request(sandbox: SandboxClient, side: str, number: str) -> None:
    result = look_up(sandbox, scope=[SCOPE], **{side: number})
    assert result["failed"]
    assert result["msg"].startswith(f"{side}: ")
    assert "is not an organisation number" in result["msg"]
    assert sandbox.requests() == []


def test_a_scope_without_prefix_is_refused_before_any_request(sandbox: SandboxClient) -> None:
    result = look_up(sandbox, scope=["cases.read"])
    assert result["failed"]
    assert "prefix:subscope" in result["msg"]
    assert sandbox.requests() == []


def test_an_organisation_that_altinn_does_not_know_is_named(delegated: SandboxClient) -> None:
    result = look_up(delegated, scope=[SCOPE], consumer=UNKNOWN)
    assert result["failed"]
    assert "Altinn does not know the organisation in this environment" in result["msg"]


def test_a_token_without_the_scope_is_explained(delegated: SandboxClient) -> None:
    result = look_up(delegated, scope=[SCOPE], token_scopes=["altinn:resourceregistry/resource.write"])
    assert result["failed"]
    assert result["status"] == 403
    assert "the token lacks altinn:maskinporten/delegations" in result["msg"]


def test_check_mode_reads_all_the_same(delegated: SandboxClient) -> None:
    result = run_module("altinn_delegation_info", {**delegated.auth("altinn"), "scope": [SCOPE]}, check=True)
    assert len(result["delegations"]) == 1
    assert delegated.writes() == []
