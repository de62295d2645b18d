# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module maskinporten_scope against the sandbox: what it changes, what it refuses, and with how many requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_process import start_module
from tests.module_runner import run_module

Scope = Callable[..., dict[str, Any]]
SCOPE = {"prefix": "testetat", "subscope": "cases.read", "description": "Lese saker"}
NAME = "testetat:cases.read"


@pytest.fixture
def scope(sandbox: SandboxClient) -> Scope:
    """Run the module as the administration client of testetat."""

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        return run_module("maskinporten_scope", {**sandbox.auth("administration"), **params}, check=check)

    return run


def test_a_new_scope_is_private_and_for_maskinporten_alone(sandbox: SandboxClient, scope: Scope) -> None:
    result = scope(**SCOPE)
    assert result["changed"]
    assert result["results"][0]["action"] == "create"
    live = sandbox.scope(NAME)
    assert live is not None
    assert live["visibility"] == "PRIVATE"
    assert live["allowed_integration_types"] == ["maskinporten"]
    assert not live["accessible_for_all"]
    assert result["scope"]["name"] == NAME


def test_the_second_run_reads_once_and_changes_nothing(sandbox: SandboxClient, scope: Scope) -> None:
    scope(**SCOPE, delegation_source="altinn", at_max_age=60)
    sandbox.clear_requests()
    result = scope(**SCOPE, at_max_age=60)
    assert not result["changed"]
    assert sandbox.writes() == []
    assert [entry["path"] for entry in sandbox.requests(service="self_service")] == [
        "/self-service/api/v1/scopes"
    ]
    assert result["requests"] == {"token": 1, "read": 2, "write": 0}


def test_check_mode_sends_nothing_but_reads_and_tells_the_plan(sandbox: SandboxClient, scope: Scope) -> None:
    result = scope(check=True, **SCOPE, delegation_source="altinn")
    assert result["changed"]
    assert result["summary"]["create"] == 1
    assert "+" not in result["diff"][0]["before"]
    assert "description: Lese saker" in result["diff"][0]["after"]
    assert sandbox.writes() == []
    assert sandbox.scope(NAME) is None


def test_altinn_is_resolved_to_the_delegation_source_of_the_environment(
    sandbox: SandboxClient, scope: Scope
) -> None:
    result = scope(**SCOPE, delegation_source="altinn")
    source = result["scope"]["delegation_source"]
    assert source.startswith("http")
    assert source.endswith("/")
    sandbox.clear_requests()
    assert not scope(**SCOPE, delegation_source=source.rstrip("/"))["changed"]


def test_an_unknown_delegation_source_names_those_that_exist(sandbox: SandboxClient, scope: Scope) -> None:
    result = scope(**SCOPE, delegation_source="bank")
    assert result["failed"]
    assert "altinn (" in result["msg"]
    assert sandbox.writes() == []


def test_an_update_sends_the_whole_object_and_keeps_what_is_not_declared(
    sandbox: SandboxClient, scope: Scope
) -> None:
    sandbox.seed(
        {
            "scopes": [
                {
                    "name": NAME,
                    "description": "Gammel",
                    "long_description": "Beholdes",
                    "description#en": "Old",
                    "at_max_age": 30,
                    "something_new": {"from": "Digdir"},
                }
            ]
        }
    )
    result = scope(prefix="testetat", subscope="cases.read", description="Lese saker")
    assert result["results"][0]["fields"] == ["description"]
    live = sandbox.scope(NAME)
    assert live is not None
    assert live["description"] == "Lese saker"
    assert live["long_description"] == "Beholdes"
    assert live["description#en"] == "Old"
    assert live["at_max_age"] == 30
    assert live["something_new"] == {"from": "Digdir"}


def test_an_option_given_empty_empties_its_field(sandbox: SandboxClient, scope: Scope) -> None:
    scope(**SCOPE, long_description="En lengre tekst", description_translations={"en": "Read", "nn": "Lese"})
    result = scope(**SCOPE, long_description="", description_translations={"en": "Read"})
    assert sorted(result["results"][0]["fields"]) == ["description#nn", "long_description"]
    live = sandbox.scope(NAME)
    assert live is not None
    assert "long_description" not in live
    assert "description#nn" not in live
    assert live["description#en"] == "Read"
    assert not scope(**SCOPE, long_description="", description_translations={"en": "Read"})["changed"]


def test_a_deactivated_scope_is_reactivated_and_the_consumers_it_wakes_are_named(
    sandbox: SandboxClient, scope: Scope
) -> None:
    sandbox.seed({"scopes": [{"name": NAME, "description": "Lese saker", "active": False}]})
    sandbox.seed({"access": [{"scope": NAME, "consumers": ["310002100"]}]})
    result = scope(**SCOPE)
    step = result["results"][0]
    assert step["action"] == "reactivate"
    assert "310002100" in step["message"]
    live = sandbox.scope(NAME)
    assert live is not None
    assert live["active"]


def test_absent_deactivates_and_is_idempotent(sandbox: SandboxClient, scope: Scope) -> None:
    scope(**SCOPE)
    result = scope(name=NAME, state="absent")
    assert result["results"][0]["action"] == "deactivate"
    live = sandbox.scope(NAME)
    assert live is not None
    assert not live["active"]
    assert not scope(name=NAME, state="absent")["changed"]
    assert not scope(name="testetat:never.was", state="absent")["changed"]


def test_a_scope_with_consumers_is_not_deactivated_unasked(sandbox: SandboxClient, scope: Scope) -> None:
    scope(**SCOPE)
    sandbox.seed({"access": [{"scope": NAME, "consumers": ["310002100", "310004774"]}]})
    sandbox.clear_requests()
    refused = scope(name=NAME, state="absent")
    assert refused["failed"]
    assert "2 consumers still have access" in refused["msg"]
    assert sandbox.writes() == []
    revoked = scope(name=NAME, state="absent", consumers_on_deactivate="revoke")
    assert revoked["changed"]
    assert set(sandbox.access(NAME).values()) == {"DENIED"}


@pytest.mark.parametrize("option", ["accessible_for_all", "supports_european_businesses"])
def test_opening_a_scope_needs_a_second_word(sandbox: SandboxClient, scope: Scope, option: str) -> None:
    refused = scope(**SCOPE, **{option: True})
    assert refused["failed"]
    assert "allow_open_access" in refused["msg"]
    assert sandbox.requests() == []
    assert scope(**SCOPE, **{option: True}, allow_open_access=True)["changed"]


def test_another_controllers_scope_is_left_alone_unless_told(sandbox: SandboxClient, scope: Scope) -> None:
    sandbox.seed({"scopes": [{"name": NAME, "description": "prod-gcp:team:app"}]})
    refused = scope(**SCOPE)
    assert refused["failed"]
    assert "digdirator" in refused["msg"]
    assert sandbox.writes() == []
    assert scope(**SCOPE, take_over=True)["changed"]


def test_a_foreign_prefix_is_refused_before_any_write_and_ours_are_named(
    sandbox: SandboxClient, scope: Scope
) -> None:
    result = scope(
        scopes=[{"prefix": "fdir", "subscope": "x.read", "description": "x"}, dict(SCOPE)],
    )
    assert result["failed"]
    assert "prefix 'fdir' is not ours" in result["msg"]
    assert "testetat" in result["msg"]
    assert sandbox.scope("fdir:x.read") is None
    assert sandbox.scope(NAME) is not None


def test_a_hundred_scopes_take_one_login_and_one_list_to_see_that_nothing_is_to_do(
    sandbox: SandboxClient, scope: Scope
) -> None:
    many = [{"subscope": f"many/s{number}.read", "description": f"Nr {number}"} for number in range(100)]
    made = scope(prefix="testetat", scopes=many)
    assert made["summary"]["create"] == 100
    assert len(sandbox.writes()) == 100
    sandbox.clear_requests()
    result = scope(prefix="testetat", scopes=many)
    assert not result["changed"]
    assert result["requests"]["token"] == 1
    assert len(sandbox.requests(service="self_service")) == 1


def test_a_hundred_scopes_stay_under_120_megabytes(sandbox: SandboxClient, tmp_path: Path) -> None:
    many = [{"subscope": f"many/s{number}.read", "description": f"Nr {number}"} for number in range(100)]
    params = {**sandbox.auth("administration"), "prefix": "testetat", "scopes": many}
    module = start_module("maskinporten_scope", params, tmp_path)
    assert module.result()["summary"]["create"] == 100
    assert module.peak is not None
    assert module.peak < 120 * 1024 * 1024


def test_a_failure_in_the_middle_leaves_the_others_done(sandbox: SandboxClient, scope: Scope) -> None:
    many = [{"subscope": f"s{number}.read", "description": f"Nr {number}"} for number in range(20)]
    many[6]["subscope"] = "Upper.Read"  # the server refuses upper case
    result = scope(prefix="testetat", scopes=many)
    assert result["failed"]
    assert result["msg"].startswith("1 of 20 scopes failed, the other 19 are as declared.")
    assert "testetat:Upper.Read" in result["msg"]
    assert [step["item"] for step in result["results"] if "error" in step] == ["testetat:Upper.Read"]
    assert len([entry for entry in sandbox.state()["scopes"] if entry["subscope"].endswith(".read")]) >= 19


def test_a_create_whose_answer_is_lost_is_read_back_not_repeated(
    sandbox: SandboxClient, scope: Scope
) -> None:
    sandbox.fault(route="POST /self-service/api/v1/scopes", kind="truncated")
    result = scope(**SCOPE)
    assert not result["failed"], result["msg"]
    posts = [entry for entry in sandbox.writes() if entry["method"] == "POST"]
    assert len(posts) == 1


def test_a_scope_that_appears_between_reading_and_writing_is_changed_instead(
    sandbox: SandboxClient, scope: Scope
) -> None:
    scope(**SCOPE)
    sandbox.fault(
        route="GET /self-service/api/v1/scopes",
        kind="status",
        status=404,
        body='{"error_description": "The organization does not have any scopes"}',
    )
    result = scope(**{**SCOPE, "description": "Ny tekst"})
    assert not result["failed"], result["msg"]
    live = sandbox.scope(NAME)
    assert live is not None
    assert live["description"] == "Ny tekst"


def test_unsigned_terms_are_explained(sandbox: SandboxClient, scope: Scope) -> None:
    sandbox.switch(terms_signed=False)
    result = scope(**SCOPE)
    assert result["failed"]
    assert "signed the terms" in result["msg"]


@pytest.mark.parametrize("mode", ["error404", "error400", "array"])
def test_an_empty_list_is_empty_whatever_its_form(sandbox: SandboxClient, scope: Scope, mode: str) -> None:
    sandbox.switch(empty_list=mode)
    assert scope(**SCOPE)["changed"]


def test_a_token_that_expires_in_mid_run_is_renewed(sandbox: SandboxClient, scope: Scope) -> None:
    sandbox.fault(route="POST /self-service/api/v1/scopes", kind="expired_token")
    result = scope(**SCOPE)
    assert result["changed"], result
    assert result["requests"]["token"] == 2


def test_production_wants_confirmation_before_access_is_taken_or_opened(
    sandbox: SandboxClient, scope: Scope
) -> None:
    assert scope(environment="prod", **SCOPE)["changed"]
    opened = scope(environment="prod", **SCOPE, accessible_for_all=True, allow_open_access=True)
    assert opened["failed"]
    assert "confirm: prod" in opened["msg"]
    gone = scope(environment="prod", name=NAME, state="absent")
    assert "confirm: prod" in gone["msg"]
    assert scope(environment="prod", name=NAME, state="absent", confirm="prod")["changed"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"name": "cases.read"}, "prefix:subscope"),
        ({"prefix": "testetat"}, "subscope is missing"),
        ({"subscope": "x"}, "prefix is missing"),
        ({"prefix": "Test Etat", "subscope": "x"}, "prefix 'Test Etat' is malformed"),
        ({"prefix": "testetat", "subscope": "a b"}, "malformed"),
        ({"prefix": "testetat", "subscope": "/a"}, "malformed"),
        ({"prefix": "testetat", "subscope": "a//b"}, "malformed"),
        ({"prefix": "testetat", "subscope": "a%2e"}, "malformed"),
        ({**SCOPE, "at_max_age": -1}, "seconds start at 0"),
        ({**SCOPE, "description": "x" * 256}, "256 characters"),
        ({**SCOPE, "description_translations": {"nb": "x"}}, "no language 'nb'"),
        ({**SCOPE, "allowed_integration_types": ["saml"]}, "allowed_integration_types"),
        ({"scopes": [SCOPE, {"name": NAME}]}, "declared twice"),
        ({**SCOPE, "environment": "qa"}, "environment"),
        (
            {**SCOPE, "self_service_url": "http://api.example.no"},
            "plain http is allowed only to this machine",
        ),
        ({**SCOPE, "maskinporten_url": "https://ver2.maskinporten.no"}, "test.maskinporten.no"),
        (
            {**SCOPE, "environment": "prod", "maskinporten_url": "https://test.maskinporten.no"},
            "belongs to environment 'test'",
        ),
        ({**SCOPE, "organization_number": "310001008"}, "organization_number"),
    ],
)
def test_input_that_cannot_be_right_is_refused_in_one_sentence_before_any_request(
    sandbox: SandboxClient, scope: Scope, params: dict[str, Any], expected: str
) -> None:
    result = scope(**params)
    assert result["failed"]
    assert expected in result["msg"]
    assert "Traceback" not in str(result)
    assert sandbox.requests() == []


def test_credentials_of_another_organisation_are_refused_with_the_variable_named(
    sandbox: SandboxClient, scope: Scope
) -> None:
    result = scope(**SCOPE, organization_number="971203420")
    assert result["failed"]
    assert "organization_number" in result["msg"]
    assert "310001007" in result["msg"]
    assert sandbox.writes() == []


def test_info_lists_scopes_and_names_what_nobody_declares(sandbox: SandboxClient, scope: Scope) -> None:
    scope(
        prefix="testetat",
        scopes=[{"subscope": "a.read", "description": "A"}, {"subscope": "b.read", "description": "B"}],
    )
    result = run_module(
        "maskinporten_scope_info",
        {
            **sandbox.auth("administration"),
            "prefix": "testetat",
            "declared": ["testetat:a.read", "testetat:c.read"],
        },
    )
    assert not result["changed"]
    assert "testetat:b.read" in result["undeclared"]
    assert result["missing"] == ["testetat:c.read"]
