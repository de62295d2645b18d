# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module maskinporten_preflight_info: every point is one answer that was seen; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module


def preflight(sandbox: SandboxClient, **params: Any) -> dict[str, Any]:
    altinn = {name: value for name, value in sandbox.auth("altinn").items() if name not in sandbox.options()}
    given = {"prefixes": ["testetat"], "delegation": True, "altinn": altinn, **params}
    return run_module("maskinporten_preflight_info", {**sandbox.auth("administration"), **given})


def state(result: dict[str, Any], check: str) -> str:
    return next(str(row["state"]) for row in result["checks"] if row["id"] == check)


def test_everything_is_in_place(sandbox: SandboxClient) -> None:
    result = preflight(sandbox)
    assert result["ready"], result["failures"]
    assert {row["state"] for row in result["checks"]} == {"ok"}
    assert result["service_owner_code"] == "testetat"
    assert sandbox.writes() == []
    assert not result["changed"]


@pytest.mark.parametrize(
    ("check", "params"),
    [
        ("prefix", {"prefixes": ["fdir"]}),
        ("administration", {"client_id": "nobody"}),
        ("administration", {"organization_number": "971203420"}),
        ("altinn_client", {"altinn_scopes": ["altinn:accessmanagement/something"]}),
        ("reachable", {"maskinporten_url": "http://127.0.0.1:1/", "retries": 0}),
    ],
)
def test_what_is_missing_is_named_without_failing(
    sandbox: SandboxClient, check: str, params: dict[str, Any]
) -> None:
    result = preflight(sandbox, **params)
    assert not result["failed"]
    assert not result["ready"]
    assert state(result, check) == "failed"
    assert result["failures"]


def test_unsigned_terms_are_seen(sandbox: SandboxClient) -> None:
    sandbox.switch(terms_signed=False)
    assert state(preflight(sandbox), "terms") in ("failed", "unknown")
    assert not preflight(sandbox)["ready"]


def test_a_wrong_clock_is_measured(sandbox: SandboxClient) -> None:
    sandbox.clock(offset=-8)
    result = preflight(sandbox)
    assert state(result, "clock") == "failed"
    assert "seconds ahead" in " ".join(result["failures"])


def test_what_could_not_be_asked_is_unknown(sandbox: SandboxClient) -> None:
    result = preflight(sandbox, client_id="nobody")
    assert state(result, "terms") == state(result, "prefix") == "unknown"
