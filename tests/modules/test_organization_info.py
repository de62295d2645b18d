# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module organization_info against the sandbox's register and self-service API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

Info = Callable[..., dict[str, Any]]
KNOWN = {"310002100": "active", "310003425": "bankrupt", "310006661": "dissolved", "315003628": "active"}


@pytest.fixture
def info(sandbox: SandboxClient) -> Info:
    """Run the module without any login."""

    def run(*organizations: Any, **params: Any) -> dict[str, Any]:
        return run_module(
            "organization_info", {**sandbox.options(), "organizations": list(organizations), **params}
        )

    return run


def test_names_states_sub_units_and_dates_in_the_order_asked_without_a_login(sandbox, info):
    result = info(*KNOWN, "313100006", "974 761 076", "..")
    found = result["organizations"]
    assert [entry.get("status") for entry in found] == [*KNOWN.values(), "unknown", "active", None]
    assert found[0] == {
        "organization_number": "310002100",
        "name": "STILLE BRE AS",
        "status": "active",
        "form": "AS",
        "sub_unit": False,
        "parent": None,
        "since": None,
        "synthetic": True,
        "source": "register",
        "valid": True,
    }
    assert (found[1]["since"], found[2]["since"]) == ("2026-04-01", "2026-02-28")
    assert (found[3]["sub_unit"], found[3]["parent"]) == (True, "310002100")
    assert (found[4]["name"], found[4]["source"]) == (None, None)
    assert not found[5]["synthetic"]
    assert (found[6]["valid"], found[6]["organization_number"]) == (False, None)
    assert "no digits" in found[6]["problem"]
    assert result["requests"]["token"] == 0
    assert result["requests"]["write"] == 0
    assert not [entry for entry in sandbox.requests() if ".." in entry["path"]]


def test_many_cost_one_request_a_hundred(sandbox, info):
    numbers = sandbox.organizations(250)
    sandbox.clear_requests()
    result = info(*numbers, *numbers)
    assert len(result["organizations"]) == 500
    assert {entry["status"] for entry in result["organizations"]} == {"active"}
    assert len(sandbox.requests()) == 3


def test_a_synthetic_number_is_named_by_the_self_service_api(sandbox, info):
    sandbox.switch(register_knows_synthetic=False)
    found = info("310002100")["organizations"][0]
    assert (found["name"], found["status"], found["source"]) == ("STILLE BRE AS", "active", "self_service")
    sandbox.clear_requests()
    found = info("310002100", environment="prod")["organizations"][0]
    assert found["status"] == "unknown"
    assert sandbox.requests(service="self_service") == []


def test_an_organisation_that_was_removed_for_legal_reasons(sandbox, info):
    sandbox.seed({"register": [{"organisasjonsnummer": "310002100", "navn": "X", "gone": True}]})
    assert info("310002100")["organizations"][0]["status"] == "removed"


def test_a_register_that_answers_with_an_error_is_a_failure_not_unknown(sandbox, info):
    sandbox.fault(route="/register/*", kind="status", times=None, status=403)
    result = info("310002100")
    assert result["failed"]
    assert result["status"] == 403
    assert "the register of organisations answered 403" in result["msg"]


def test_a_register_that_answers_with_a_page_is_a_failure(sandbox, info):
    sandbox.fault(route="/register/*", kind="html", times=None, status=200)
    result = info("310002100")
    assert result["failed"]
    assert "without a readable body" in result["msg"]
