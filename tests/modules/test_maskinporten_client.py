# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module maskinporten_client against the sandbox: what it finds, changes and refuses, and with how many requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

Client = Callable[..., dict[str, Any]]
READ, WRITE = "testetat:cases.read", "testetat:cases.write"
FOREIGN = "lysheietat:register.read"
CLIENT = {"client_name": "cases-batch", "description": "Nightly import of cases"}
OWNER = "310001007"
LIST = "/self-service/api/v1/clients"


@pytest.fixture
def client(sandbox: SandboxClient) -> Client:
    """Run the module as the administration client of testetat, whose organisation has two scopes of its own."""
    sandbox.seed(
        {
            "scopes": [
                {"name": READ, "description": "Read"},
                {"name": WRITE, "description": "Write"},
                {"name": FOREIGN, "description": "Look up", "visibility": "PUBLIC"},
            ],
            "access": [{"scope": READ, "consumers": [OWNER]}, {"scope": WRITE, "consumers": [OWNER]}],
        }
    )
    sandbox.clear_requests()

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        return run_module("maskinporten_client", {**sandbox.auth("administration"), **params}, check=check)

    return run


def clients(sandbox: SandboxClient, name: str = "cases-batch") -> list[dict[str, Any]]:
    return [entry for entry in sandbox.state()["clients"] if entry["client_name"] == name]


def seed(sandbox: SandboxClient, **members: Any) -> None:
    sandbox.seed({"clients": [{"client_orgno": OWNER, **CLIENT, **members}]})
    sandbox.clear_requests()


def test_a_new_client_has_what_every_maskinporten_client_has(sandbox: SandboxClient, client: Client) -> None:
    result = client(**CLIENT, scopes=[READ])
    assert result["changed"], result
    assert result["results"][0]["action"] == "create"
    (live,) = clients(sandbox)
    assert live["integration_type"] == "maskinporten"
    assert live["application_type"] == "web"
    assert live["token_endpoint_auth_method"] == "private_key_jwt"
    assert live["grant_types"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert live["scopes"] == [READ]
    assert result["client"]["client_id"] == result["results"][0]["client_id"] == live["client_id"]


def test_the_second_run_reads_one_list_and_changes_nothing(sandbox: SandboxClient, client: Client) -> None:
    client(**CLIENT, scopes=[READ])
    sandbox.clear_requests()
    result = client(**CLIENT, scopes=[READ])
    assert not result["changed"]
    assert sandbox.writes() == []
    assert [entry["path"] for entry in sandbox.requests(service="self_service")] == [LIST]
    assert result["requests"] == {"token": 1, "read": 2, "write": 0}
    assert len(clients(sandbox)) == 1


def test_check_mode_only_reads_and_shows_the_plan(sandbox: SandboxClient, client: Client) -> None:
    result = client(check=True, **CLIENT, scopes=[READ])
    assert result["changed"]
    assert sandbox.writes() == []
    assert clients(sandbox) == []
    assert "client_name: cases-batch" in result["diff"][0]["after"]
    assert f"- {READ}" in result["diff"][0]["after"]


def test_a_lost_answer_makes_no_second_client(sandbox: SandboxClient, client: Client) -> None:
    sandbox.fault(route=f"POST {LIST}", kind="reset", handled=True)
    result = client(**CLIENT, scopes=[READ])
    assert not result["failed"], result
    assert result["changed"]
    assert len(clients(sandbox)) == 1
    assert not client(**CLIENT, scopes=[READ])["changed"]


def test_a_request_that_never_arrived_is_told_and_the_next_run_mends_it(
    sandbox: SandboxClient, client: Client
) -> None:
    sandbox.fault(route=f"POST {LIST}", kind="reset")
    result = client(**CLIENT, scopes=[READ])
    assert result["failed"]
    assert "Run again" in result["msg"]
    assert clients(sandbox) == []
    assert client(**CLIENT, scopes=[READ])["changed"]
    assert len(clients(sandbox)) == 1


def test_a_500_after_the_client_was_made_is_looked_into(sandbox: SandboxClient, client: Client) -> None:
    sandbox.fault(route=f"POST {LIST}", kind="truncated")
    assert not client(**CLIENT, scopes=[READ])["failed"]
    assert len(clients(sandbox)) == 1


def test_an_update_keeps_what_is_not_declared(sandbox: SandboxClient, client: Client) -> None:
    seed(
        sandbox,
        client_id="c-1",
        scopes=[READ],
        access_token_lifetime=90,
        client_uri="https://cases.example.no",
        field_of_tomorrow={"deep": [1, 2]},
        keys=[],
    )
    result = client(id="c-1", description="Import, day and night")
    assert result["results"][0]["action"] == "update"
    assert result["results"][0]["fields"] == ["description"]
    (live,) = clients(sandbox)
    assert live["description"] == "Import, day and night"
    assert live["access_token_lifetime"] == 90
    assert live["client_uri"] == "https://cases.example.no"
    assert live["field_of_tomorrow"] == {"deep": [1, 2]}
    assert live["scopes"] == [READ]


def test_an_update_sends_back_nothing_that_the_api_manages(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    sandbox.switch(read_only_fields="reject", client_shows_jwks=True)
    assert not client(id="c-1", description="Other")["failed"]


def test_what_others_change_between_reading_and_writing_survives(
    sandbox: SandboxClient, client: Client
) -> None:
    """The object is read anew right before the PUT, so that the list may be old."""
    seed(sandbox, client_id="c-1", scopes=[READ])
    client(id="c-1", description="Other")
    paths = [(entry["method"], entry["path"]) for entry in sandbox.requests(service="self_service")]
    assert paths[-2:] == [("GET", f"{LIST}/c-1"), ("PUT", f"{LIST}/c-1")]


def test_scopes_are_added_and_taken_away_only_when_told(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    client(**CLIENT, scopes=[WRITE])
    assert clients(sandbox)[0]["scopes"] == [READ, WRITE]
    result = client(**CLIENT, scopes=[WRITE], purge_scopes=True)
    assert clients(sandbox)[0]["scopes"] == [WRITE]
    assert f"loses {READ}" in result["results"][0]["message"]
    assert f"- {READ}" in result["diff"][0]["before"]
    assert f"- {READ}" not in result["diff"][0]["after"]


def test_an_empty_list_never_purges(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    result = client(**CLIENT, scopes=[], purge_scopes=True)
    assert result["failed"]
    assert "state: absent" in result["msg"]
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("scope", "phrase"),
    [
        ("testetat:unheard.of", "register it first"),
        (FOREIGN, "ask its provider (310005819)"),
        ("lysheietat:secret", "check the spelling"),
    ],
)
def test_a_scope_without_access_is_named_before_the_write(
    sandbox: SandboxClient, client: Client, scope: str, phrase: str
) -> None:
    planned = client(check=True, **CLIENT, scopes=[scope])
    assert phrase in planned["results"][0]["message"]
    assert scope in str(planned["warnings"])
    refused = client(**CLIENT, scopes=[scope], missing_access="refuse")
    assert refused["failed"]
    assert phrase in refused["msg"]
    assert sandbox.writes() == []


@pytest.mark.parametrize(
    "reason", [{"accessible_for_all": True}, {"delegation_source": "https://tt02.altinn.no/"}]
)
def test_a_scope_open_for_all_or_delegable_needs_no_grant(
    sandbox: SandboxClient, client: Client, reason: dict[str, Any]
) -> None:
    sandbox.seed({"scopes": [{"name": FOREIGN, "description": "Look up", "visibility": "PUBLIC", **reason}]})
    result = client(**CLIENT, scopes=[FOREIGN], missing_access="refuse")
    assert not result["failed"]
    assert clients(sandbox)[0]["scopes"] == [FOREIGN]


def test_a_granted_scope_needs_nothing_more(sandbox: SandboxClient, client: Client) -> None:
    sandbox.seed({"access": [{"scope": FOREIGN, "consumers": [OWNER]}]})
    result = client(**CLIENT, scopes=[FOREIGN], missing_access="refuse")
    assert not result["failed"]
    assert result["results"][0]["message"] == ""


def test_a_requested_access_is_no_access(sandbox: SandboxClient, client: Client) -> None:
    sandbox.seed({"access": [{"scope": FOREIGN, "consumers": [OWNER], "state": "REQUESTED"}]})
    result = client(**CLIENT, scopes=[FOREIGN], missing_access="refuse")
    assert result["failed"]
    assert "requested but not approved" in result["msg"]


def test_a_login_that_may_not_read_scopes_still_makes_the_client(
    sandbox: SandboxClient, client: Client
) -> None:
    result = client(**CLIENT, scopes=[READ], token_scopes=["idporten:dcr.write"])
    assert not result["failed"]
    assert "Could not check" in str(result["warnings"])
    assert len(clients(sandbox)) == 1


def test_an_own_scope_for_other_kinds_of_client_is_named(sandbox: SandboxClient, client: Client) -> None:
    sandbox.seed({"scopes": [{"name": READ, "description": "R", "allowed_integration_types": ["idporten"]}]})
    result = client(check=True, **CLIENT, scopes=[READ])
    assert "does not allow clients of type maskinporten" in result["results"][0]["message"]


def test_the_kind_of_client_cannot_change(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    result = client(**CLIENT, integration_type="api_klient")
    assert result["failed"]
    assert "integration_type is maskinporten and can never change" in result["msg"]
    assert sandbox.writes() == []


def test_a_lifetime_of_zero_is_left_out(sandbox: SandboxClient, client: Client) -> None:
    result = client(**CLIENT, scopes=[READ], access_token_lifetime=0, authorization_lifetime=0)
    assert not result["failed"], result
    assert clients(sandbox)[0]["access_token_lifetime"] == 120
    assert "is left out" in result["results"][0]["message"]
    assert not client(**CLIENT, scopes=[READ], access_token_lifetime=0)["changed"]


def test_an_old_lifetime_of_zero_does_not_stop_an_update(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], refresh_token_lifetime=0)
    assert not client(id="c-1", description="Other")["failed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"application_type": "native"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"grant_types": ["authorization_code"]},
    ],
)
def test_what_a_maskinporten_client_cannot_have_is_refused_unsent(
    sandbox: SandboxClient, client: Client, wrong: dict[str, Any]
) -> None:
    result = client(**CLIENT, **wrong)
    assert result["failed"]
    assert next(iter(wrong)) in result["msg"]
    assert sandbox.requests() == []


def test_two_clients_of_one_name_are_an_error_and_never_a_guess(
    sandbox: SandboxClient, client: Client
) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    seed(sandbox, client_id="c-2", description="Another", scopes=[READ])
    result = client(**{**CLIENT, "description": "Changed"})
    assert result["failed"]
    assert "c-1" in result["msg"]
    assert "c-2" in result["msg"]
    assert sandbox.writes() == []
    both = client(
        **{**CLIENT, "description": "Another"}, match=["client_name", "description"], scopes=[READ, WRITE]
    )
    assert both["results"][0]["client_id"] == "c-2"


def test_match_by_description_finds_a_renamed_client(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", client_name="old-name", scopes=[READ])
    result = client(**CLIENT, match=["description"])
    assert result["results"][0]["fields"] == ["client_name"]
    assert len(clients(sandbox)) == 1
    assert clients(sandbox, "old-name") == []


def test_deactivation_keeps_the_client_and_says_so(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    result = client(**CLIENT, state="absent")
    assert result["results"][0]["action"] == "deactivate"
    assert READ in result["results"][0]["message"]
    assert clients(sandbox)[0]["active"] is False
    assert not client(**CLIENT, state="absent")["changed"]
    assert not client(client_name="never-was", state="absent")["changed"]


def test_present_wakes_a_deactivated_client_instead_of_making_another(
    sandbox: SandboxClient, client: Client
) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], active=False)
    result = client(**CLIENT)
    assert result["results"][0]["action"] == "reactivate"
    (live,) = clients(sandbox)
    assert live["active"]
    assert live["scopes"] == [READ]
    assert not client(**CLIENT)["changed"]


def test_a_refused_reactivation_says_what_to_do(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], active=False)
    sandbox.switch(client_reactivation="refused")
    result = client(**CLIENT)
    assert result["failed"]
    assert "make a new one under another name" in result["msg"]


def test_an_active_client_goes_before_deactivated_ones(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], active=False)
    seed(sandbox, client_id="c-2", scopes=[READ])
    result = client(client_name="cases-batch", description="Other")
    assert result["results"][0]["client_id"] == "c-2"


def test_nobody_deactivates_the_client_they_log_in_as(sandbox: SandboxClient, client: Client) -> None:
    result = client(id="testetat-administration", state="absent")
    assert result["failed"]
    assert "logs in as this very client" in result["msg"]
    assert sandbox.writes() == []


def test_nobody_takes_self_service_from_the_client_they_log_in_as(
    sandbox: SandboxClient, client: Client
) -> None:
    result = client(id="testetat-administration", scopes=["idporten:dcr.write"], purge_scopes=True)
    assert result["failed"]
    assert "idporten:scopes.write" in result["msg"]
    assert sandbox.writes() == []


def test_what_another_controller_owns_is_left_alone_unless_told(
    sandbox: SandboxClient, client: Client
) -> None:
    seed(sandbox, client_id="c-1", description="prod-fss:team:cases", scopes=[READ])
    result = client(client_name="cases-batch", scopes=[WRITE])
    assert result["failed"]
    assert "digdirator" in result["msg"]
    assert client(client_name="cases-batch", state="absent")["failed"]
    assert sandbox.writes() == []
    assert client(client_name="cases-batch", scopes=[WRITE], take_over=True)["changed"]


def test_a_field_that_the_api_refuses_can_be_stripped(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], field_of_tomorrow="x")
    sandbox.switch(unknown_fields="reject")
    refused = client(id="c-1", description="Other")
    assert "strip_fields" in refused["msg"]
    assert not client(id="c-1", description="Other", strip_fields=["field_of_tomorrow"])["failed"]


def test_a_list_shares_defaults_and_one_reading(sandbox: SandboxClient, client: Client) -> None:
    params: dict[str, Any] = {
        "scopes": [READ],
        "clients": [
            {"client_name": f"cases-{number}", "description": f"Number {number}"} for number in range(12)
        ],
    }
    result = client(**params)
    assert result["summary"]["create"] == 12, result
    sandbox.clear_requests()
    again = client(**params)
    assert not again["changed"]
    assert again["requests"] == {"token": 1, "read": 2, "write": 0}


def test_one_bad_entry_leaves_the_others_done(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    result = client(
        clients=[
            {"client_name": "cases-batch", "integration_type": "krr"},
            {"client_name": "cases-web", "description": "Web", "scopes": [READ]},
        ]
    )
    assert result["failed"]
    assert result["summary"]["create"] == 1
    assert result["summary"]["refuse"] == 1
    assert len(clients(sandbox, "cases-web")) == 1


def test_an_entry_declared_twice_is_refused_unsent(sandbox: SandboxClient, client: Client) -> None:
    result = client(clients=[dict(CLIENT), dict(CLIENT)])
    assert "clients[1]: 'cases-batch' is declared twice" in result["msg"]
    assert sandbox.requests() == []


def test_one_client_found_in_two_ways_is_written_once(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ])
    result = client(clients=[{**CLIENT, "scopes": [WRITE]}, {"id": "c-1", "description": "Other"}])
    assert result["failed"]
    assert "declares already" in result["msg"]
    assert [entry["method"] for entry in sandbox.writes()] == ["PUT"]


def test_a_client_of_another_environment_or_owner_is_not_ours(sandbox: SandboxClient, client: Client) -> None:
    result = client(id="fdir-administration", description="x")
    assert result["failed"]
    assert "environment 'sandbox'" in result["msg"]
    assert sandbox.writes() == []


def test_an_id_cannot_climb_in_the_path(sandbox: SandboxClient, client: Client) -> None:
    for id_ in ("..", "a/b", "c-1/jwks"):
        assert client(id=id_, description="x")["failed"]
    assert sandbox.requests() == []


def test_production_wants_a_word_before_access_is_taken(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ, WRITE])
    for params in ({"state": "absent"}, {"scopes": [READ], "purge_scopes": True}):
        result = client(**CLIENT, environment="prod", **params)
        assert result["failed"]
        assert "confirm: prod" in result["msg"]
    assert sandbox.writes() == []
    assert client(**CLIENT, environment="prod", confirm="prod", state="absent")["changed"]


def test_info_lists_filters_and_shows_no_secret(sandbox: SandboxClient, client: Client) -> None:
    seed(sandbox, client_id="c-1", scopes=[READ], client_secret="sample-secret-not-real")
    seed(sandbox, client_id="c-2", client_name="idle", active=False, scopes=[])

    def info(**params: Any) -> list[dict[str, Any]]:
        result = run_module("maskinporten_client_info", {**sandbox.auth("administration"), **params})
        assert not result["failed"], result
        assert not result["changed"]
        assert "sample-secret-not-real" not in str(result)
        return list(result["clients"])

    assert {entry["client_id"] for entry in info()} == {
        "c-1",
        "c-2",
        "testetat-administration",
        "testetat-altinn",
    }
    assert [entry["client_id"] for entry in info(scope=READ)] == ["c-1"]
    assert [entry["client_id"] for entry in info(active=False)] == ["c-2"]
    assert [entry["client_id"] for entry in info(client=["idle", "c-1"])] == ["c-1", "c-2"]
    assert info(integration_type="krr") == []
    assert sandbox.writes() == []
