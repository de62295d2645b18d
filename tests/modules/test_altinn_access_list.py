# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""altinn_access_list against the sandbox."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.delegable import resource
from tests.module_runner import run_module

LIST, OWNER = "approved", "testetat"
A, B, C = "310002100", "310004774", "312345676"
UNKNOWN = "399999901"
SCOPE, RESOURCE = "testetat:cases.read", "testetat-cases"
MEMBERS = "*/access-lists/testetat/approved/members"


def manage(sandbox: SandboxClient, *, check: bool = False, **params: Any) -> dict[str, Any]:
    options = {**sandbox.auth("altinn"), **params}
    if "access_lists" not in params:
        options.setdefault("identifier", LIST)
    return run_module("altinn_access_list", options, check=check)


def administration(sandbox: SandboxClient) -> dict[str, str]:
    names = ("client_id", "private_key_path", "certificate_chain_path")
    return {name: sandbox.auth("administration")[name] for name in names}


def live(sandbox: SandboxClient, identifier: str = LIST) -> dict[str, Any] | None:
    lists = sandbox.state()["altinn"]["access_lists"]
    return next((entry for entry in lists if entry["identifier"] == identifier), None)


def members(sandbox: SandboxClient, identifier: str = LIST) -> set[str]:
    found = live(sandbox, identifier)
    assert found is not None
    return {member["organization"] for member in found["members"]}


def mode(sandbox: SandboxClient, identifier: str = RESOURCE) -> str:
    resources = sandbox.state()["altinn"]["resources"]
    versions = next(
        entry["versions"] for entry in resources if entry["versions"][-1]["identifier"] == identifier
    )
    return str(versions[-1]["accessListMode"])


def seed(
    sandbox: SandboxClient,
    *,
    with_members: list[str] | None = None,
    connections: list[Any] | None = None,
    **more: Any,
) -> None:
    """A published resource, and (with members or connections) the list."""
    altinn: dict[str, Any] = {"resources": [{**resource(RESOURCE, SCOPE), **more}]}
    if with_members is not None or connections is not None:
        altinn["access_lists"] = [
            {
                "owner": OWNER,
                "identifier": LIST,
                "name": "Approved",
                "description": "By agreement",
                "members": with_members or [],
                "connections": connections or [],
            }
        ]
    sandbox.seed(
        {
            "scopes": [{"prefix": "testetat", "subscope": "cases.read", "description": "Read cases"}],
            "altinn": altinn,
        }
    )
    sandbox.clear_requests()


def actions(result: dict[str, Any]) -> dict[str, str]:
    return {entry["item"]: entry["action"] for entry in result["results"]}


# --- the list itself -------------------------------------------------------------------------------------------


def test_a_list_with_members_and_connection_is_created_and_then_left_alone(sandbox: SandboxClient) -> None:
    seed(sandbox)
    params = {
        "name": "Approved consumers",
        "description": "By agreement",
        "members": [A, "310 004 774"],
        "connections": [{"resource": RESOURCE, "actions": ["scopeaccess"]}],
    }
    result = manage(sandbox, **params)
    assert not result["failed"], result
    assert result["changed"]
    assert actions(result) == {
        "testetat:approved": "create",
        A: "grant",
        B: "grant",
        f"testetat:approved -> {RESOURCE}": "create",
    }
    assert result["access_list"]["name"] == "Approved consumers"
    assert result["access_list"]["owner"] == OWNER
    found = live(sandbox)
    assert found is not None
    assert (found["name"], found["description"]) == ("Approved consumers", "By agreement")
    assert members(sandbox) == {A, B}
    assert [(entry["resource"], entry["action_filters"]) for entry in found["connections"]] == [
        (RESOURCE, ["scopeaccess"])
    ]
    assert [entry["method"] for entry in sandbox.writes()] == ["PUT", "POST", "PUT"]

    sandbox.clear_requests()
    again = manage(sandbox, **params)
    assert not again["failed"]
    assert not again["changed"]
    assert again["diff"] == []
    assert sandbox.writes() == []
    assert set(actions(again).values()) == {"none"}


def test_check_mode_tells_the_same_and_writes_nothing(sandbox: SandboxClient) -> None:
    seed(sandbox)
    params: dict[str, Any] = {
        "members": [A, B],
        "connections": [{"resource": RESOURCE, "enforce": True}],
        "administration": administration(sandbox),
    }
    planned = manage(sandbox, check=True, **params)
    assert not planned["failed"], planned
    assert planned["changed"]
    assert sandbox.writes() == []
    assert live(sandbox) is None
    done = manage(sandbox, **params)
    assert actions(done) == actions(planned)
    assert done["diff"] == planned["diff"]


def test_an_option_left_out_is_not_managed_and_one_given_empty_is_emptied(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[{"resource": RESOURCE, "action_filters": ["read"]}])
    result = manage(sandbox, description="")
    assert result["results"][0]["fields"] == ["description"]
    found = live(sandbox)
    assert found is not None
    assert (found["name"], found["description"]) == ("Approved", "")
    assert members(sandbox) == {A}
    assert found["connections"][0]["action_filters"] == ["read"]
    # An option that says nothing about the members doesn't even read them.
    assert [entry["path"] for entry in sandbox.requests(path="*/members")] == []


def test_the_diff_names_those_who_come_and_go(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    result = manage(
        sandbox, members=[{"orgnr": B}, {"orgnr": C, "navn": "Demoetaten"}], purge=True, name="New"
    )
    (diff,) = result["diff"]
    assert diff["before_header"] == "access list testetat:approved (before)"
    assert A in diff["before"]
    assert A not in diff["after"]
    assert f"{C} Demoetaten" in diff["after"]
    assert C not in diff["before"]
    assert B not in diff["before"]
    assert "name: New" in diff["after"]


def test_a_list_is_deleted(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A])
    result = manage(sandbox, state="absent")
    assert not result["failed"]
    assert actions(result) == {"testetat:approved": "delete"}
    assert live(sandbox) is None
    again = manage(sandbox, state="absent")
    assert not again["changed"]


def test_several_lists_in_one_task_with_shared_defaults(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(
        sandbox,
        description="Shared",
        access_lists=[
            {"identifier": "one", "members": [A]},
            {"identifier": "two", "members": [A, B], "description": "Own"},
        ],
    )
    assert not result["failed"], result
    one, two = live(sandbox, "one"), live(sandbox, "two")
    assert one is not None
    assert two is not None
    assert (one["description"], two["description"]) == ("Shared", "Own")
    assert (members(sandbox, "one"), members(sandbox, "two")) == ({A}, {A, B})
    assert result["requests"]["token"] == 2


# --- whose list ------------------------------------------------------------------------------------------------


def test_the_owner_is_found_from_the_org_list(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, members=[A])
    assert result["access_list"]["owner"] == OWNER
    assert len(sandbox.requests(path="*/resource/orgs")) == 1


def test_the_owner_in_the_token_saves_the_look_up(sandbox: SandboxClient) -> None:
    seed(sandbox)
    scopes = ["altinn:serviceowner", "altinn:resourceregistry/accesslist.write"]
    assert not manage(sandbox, members=[A], token_scopes=scopes)["failed"]
    assert sandbox.requests(path="*/resource/orgs") == []


def test_an_organisation_that_is_no_service_owner_is_told_so(sandbox: SandboxClient) -> None:
    sandbox.seed(
        {
            "organizations": [{"orgnr": "310001007", "service_owner_code": ""}],
        }
    )
    result = manage(sandbox, members=[A])
    assert result["failed"]
    assert "not in Altinn's list of service owners" in result["msg"]


def test_a_foreign_owner_is_refused_by_the_registry_and_explained(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, owner="skd", members=[A])
    assert result["failed"]
    assert "403" in result["msg"]
    assert sandbox.writes() == []


# --- members ---------------------------------------------------------------------------------------------------


def test_two_thousand_members_from_nothing_take_twenty_batches(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[])
    numbers = sandbox.organizations(2000)
    sandbox.clear_requests()
    result = manage(sandbox, members=numbers)
    assert not result["failed"], result["msg"]
    assert members(sandbox) == set(numbers)
    assert len(sandbox.writes()) == 20
    assert {entry["method"] for entry in sandbox.writes()} == {"POST"}
    # The list, the empty first page of its members, its connections, and the owner's code.
    assert result["requests"] == {"token": 2, "read": 5, "write": 20}


def test_two_thousand_members_and_the_list_itself_take_one_write_more(sandbox: SandboxClient) -> None:
    seed(sandbox)
    numbers = sandbox.organizations(2000)
    sandbox.clear_requests()
    assert not manage(sandbox, members=numbers)["failed"]
    assert [entry["method"] for entry in sandbox.writes()] == ["PUT", *["POST"] * 20]


def test_three_that_differ_of_two_thousand_take_two_writes(sandbox: SandboxClient) -> None:
    numbers = sandbox.organizations(2001)
    seed(sandbox, with_members=numbers[:2000])
    declared = [*numbers[2:2000], numbers[2000]]
    result = manage(sandbox, members=declared, purge=True)
    assert not result["failed"], result["msg"]
    assert members(sandbox) == set(declared)
    assert [entry["method"] for entry in sandbox.writes()] == ["POST", "DELETE"]
    assert result["summary"]["grant"] == 1
    assert result["summary"]["revoke"] == 2
    # 20 pages of members, the list, its connections, the owner's code, the metadata, and the names of those who leave.
    assert result["requests"]["read"] == 25
    again = manage(sandbox, members=declared, purge=True)
    assert not again["changed"]
    assert again["requests"]["write"] == 0


def test_members_are_only_added_unless_purge_is_said(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A])
    assert not manage(sandbox, members=[B])["failed"]
    assert members(sandbox) == {A, B}


def test_listed_members_are_removed_with_members_state_absent(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    result = manage(sandbox, members=[B, C], members_state="absent")
    assert not result["failed"]
    assert members(sandbox) == {A}
    assert {entry["item"]: entry["verdict"] for entry in result["results"][1:]} == {
        B: "revoked",
        C: "no_access",
    }


def test_the_whole_list_is_never_replaced(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    manage(sandbox, members=[C], purge=True)
    assert [entry for entry in sandbox.requests(path=MEMBERS) if entry["method"] == "PUT"] == []


def test_a_file_gets_verdicts_by_line(sandbox: SandboxClient, tmp_path: Path) -> None:
    seed(sandbox, with_members=[A])
    file = tmp_path / "members.csv"
    file.write_bytes(
        "\ufeffOrgnr;Navn;Gyldig til\r\n310 002 100;Stille bre;\r\n310004774;Trygg mose;2020-01-01\r\n"
        "312345676;Demoetaten;31.12.2090\r\n312345676;Demoetaten;\r\n31234567;Kort;\r\n".encode()
    )
    result = manage(sandbox, members_file=str(file), on_invalid_row="fail_after")
    rows = {entry["line"]: entry["verdict"] for entry in result["results"] if "line" in entry}
    assert rows == {
        2: "already_granted",
        3: "expired_before",
        4: "granted",
        5: "duplicate",
        6: "not_nine_digits",
    }
    assert result["failed"]
    assert "line 6" in result["msg"]
    assert members(sandbox) == {A, C}


def test_a_row_that_cannot_be_right_stops_everything_before_any_request(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, members=["310002101"], name="X")
    assert result["failed"]
    assert result["msg"].startswith("Nothing was changed.")
    assert "check digit" in result["msg"]
    assert sandbox.requests() == []


def test_a_member_whose_date_has_passed_is_removed(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    result = manage(sandbox, members=[A, {"orgnr": B, "valid_until": "2024-06-30"}])
    assert not result["failed"]
    assert members(sandbox) == {A}


def test_the_register_is_asked_when_told_to(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, members=["310006661", A], register_check="enforce", on_invalid_row="fail_after")
    assert result["failed"]
    verdicts = {entry["item"]: entry["verdict"] for entry in result["results"] if "verdict" in entry}
    assert verdicts == {"310006661": "dissolved", A: "granted"}
    assert members(sandbox) == {A}


# --- purge -----------------------------------------------------------------------------------------------------


def test_an_empty_list_with_purge_is_refused_before_any_request(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A])
    result = manage(sandbox, members=[], purge=True)
    assert result["failed"]
    assert "would remove every member" in result["msg"]
    assert sandbox.requests() == []


def test_purge_without_members_is_refused(sandbox: SandboxClient) -> None:
    result = manage(sandbox, purge=True)
    assert result["failed"]
    assert "nothing says who stays" in result["msg"]


def test_more_removals_than_allowed_write_nothing_and_name_them(sandbox: SandboxClient) -> None:
    numbers = sandbox.organizations(10)
    seed(sandbox, with_members=numbers)
    result = manage(sandbox, members=[*numbers[:3], A], purge=True, name="New")
    assert result["failed"]
    assert f"{numbers[5]} GENERERT VIRKSOMHET 6 AS" in result["msg"]
    assert "max_removals: 7" in result["msg"]
    assert sandbox.writes() == []
    assert not result["changed"]
    assert result["blocked"]
    assert members(sandbox) == set(numbers)
    assert not manage(sandbox, members=[*numbers[:3], A], purge=True, max_removals="70%")["failed"]
    assert members(sandbox) == {*numbers[:3], A}


def test_a_register_that_is_down_does_not_stop_a_removal(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    sandbox.fault(route="GET /register/*", kind="status", status=503, retry_after="200", times=None)
    result = manage(sandbox, members=[A], purge=True, retries=0)
    assert not result["failed"], result["msg"]
    assert members(sandbox) == {A}


def test_the_register_is_not_asked_when_told_so(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    assert not manage(sandbox, members=[A], purge=True, register_check="off")["failed"]
    assert sandbox.requests(service="register") == []


def test_the_protected_stay(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B])
    result = manage(sandbox, members=[C], purge=True, protected=[B])
    assert not result["failed"]
    assert members(sandbox) == {B, C}
    assert next(entry for entry in result["results"] if entry["item"] == B)["verdict"] == "protected"


def test_undo_brings_the_former_state_back(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A, B], connections=[{"resource": RESOURCE, "action_filters": ["read"]}])
    before = live(sandbox)
    assert before is not None
    result = manage(
        sandbox,
        name="Other",
        members=[C],
        purge=True,
        connections=[{"resource": RESOURCE, "actions": ["write"], "enforce": True}],
    )
    assert not result["failed"], result["msg"]
    undone = manage(sandbox, access_lists=result["undo"], identifier=None)
    assert not undone["failed"], undone
    after = live(sandbox)
    assert after is not None
    assert members(sandbox) == {A, B}
    assert after["name"] == "Approved"
    assert after["connections"][0]["action_filters"] == ["read"]
    assert mode(sandbox) == "Disabled"


def test_undo_of_a_creation_deletes_and_of_a_deletion_creates(sandbox: SandboxClient) -> None:
    seed(sandbox)
    created = manage(sandbox, name="X", members=[A])
    assert not manage(sandbox, access_lists=created["undo"], identifier=None)["failed"]
    assert live(sandbox) is None
    manage(sandbox, name="X", members=[A], connections=[{"resource": RESOURCE, "actions": ["read"]}])
    deleted = manage(sandbox, state="absent")
    assert not manage(sandbox, access_lists=deleted["undo"], identifier=None)["failed"]
    found = live(sandbox)
    assert found is not None
    assert (found["name"], found["connections"][0]["action_filters"]) == ("X", ["read"])
    assert members(sandbox) == {A}


# --- what the registry makes of it -------------------------------------------------------------------------------


def test_one_unknown_organisation_does_not_hold_up_the_others(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[])
    numbers = sandbox.organizations(150)
    sandbox.clear_requests()
    result = manage(sandbox, members=[*numbers[:60], UNKNOWN, *numbers[60:]])
    assert result["failed"]
    assert members(sandbox) == set(numbers)
    row = next(entry for entry in result["results"] if entry["item"] == UNKNOWN)
    assert row["verdict"] == "server_error"
    assert row["line"] == 61
    assert "does not know organisation 399999901" in row["error"]["msg"]
    assert "line 61" in result["msg"]
    assert result["summary"]["failed"] == 1
    assert result["summary"]["grant"] == 150
    # Two batches, and a halving of the first: at most two requests for each of the seven levels.
    assert len(sandbox.writes()) <= 2 + 2 * 7


def test_several_unknown_organisations_are_each_found(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[])
    result = manage(sandbox, members=[UNKNOWN, A, "399999812", B])
    assert members(sandbox) == {A, B}
    assert result["summary"]["failed"] == 2


@pytest.mark.parametrize("write", ["PUT", "POST", "DELETE"])
def test_a_412_is_answered_by_one_reading_and_one_more_attempt(sandbox: SandboxClient, write: str) -> None:
    seed(sandbox, with_members=[A])
    route = {
        "PUT": "PUT */access-lists/testetat/approved",
        "POST": f"POST {MEMBERS}",
        "DELETE": f"DELETE {MEMBERS}",
    }[write]
    sandbox.fault(route=route, kind="status", status=412, times=1)
    result = manage(sandbox, name="New", members=[B], purge=True)
    assert not result["failed"], result["msg"]
    assert members(sandbox) == {B}
    assert len(sandbox.writes()) == 4
    assert len(sandbox.requests(path="*/access-lists/testetat/approved", method="GET")) == 2


def test_an_answer_that_is_lost_is_no_failure_and_nothing_is_done_twice(sandbox: SandboxClient) -> None:
    """The registry took the batch, the answer broke, and the repetition comes for a version that is past."""
    seed(sandbox, with_members=[])
    sandbox.fault(route=f"POST {MEMBERS}", kind="reset", handled=True, times=1)
    result = manage(sandbox, members=[A, B])
    assert not result["failed"], result["msg"]
    assert members(sandbox) == {A, B}
    assert result["summary"]["grant"] == 2
    assert result["requests"]["write"] == 2


def test_a_token_that_expires_midway_is_renewed(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[])
    sandbox.fault(route=f"POST {MEMBERS}", kind="expired_token", times=1)
    result = manage(sandbox, members=[A])
    assert not result["failed"], result["msg"]
    assert members(sandbox) == {A}


def test_a_registry_that_asks_for_patience_gets_it(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[])
    sandbox.fault(route=f"POST {MEMBERS}", kind="too_many_requests", retry_after="0", times=2)
    result = manage(sandbox, members=[A])
    assert not result["failed"], result["msg"]
    assert result["requests"]["write"] == 3


def test_a_list_that_never_stands_still_is_given_up_on(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _access_list_api

    monkeypatch.setattr(_access_list_api.Patience, "spend", _impatient)
    seed(sandbox, with_members=[])
    sandbox.fault(route=f"POST {MEMBERS}", kind="status", status=412, times=None)
    result = manage(sandbox, members=[A])
    assert result["failed"]
    assert "someone else writes to it at the same time" in result["msg"]
    assert len(sandbox.writes()) == 4


def _impatient(self: Any, error: Exception) -> None:
    self.conflicts += 1
    if self.conflicts > 3:
        raise error


def test_a_page_that_belongs_to_another_version_starts_the_reading_again(sandbox: SandboxClient) -> None:
    numbers = sandbox.organizations(250)
    seed(sandbox, with_members=numbers)
    sandbox.fault(route=f"GET {MEMBERS}?token=*", kind="status", status=412, times=1)
    result = manage(sandbox, members=numbers)
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    assert len(sandbox.requests(path=MEMBERS)) == 5


def test_every_write_names_the_version_it_is_for(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A])
    tags: list[str] = []
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _transport

    original = _transport.Transport.request

    def noted(self: Any, method: str, url: str, **arguments: Any) -> Any:
        if "/access-lists/" in url and method != "GET":
            tags.append((arguments.get("headers") or {}).get("If-Match", ""))
        return original(self, method, url, **arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_transport.Transport, "request", noted)
        manage(sandbox, name="New", members=[B], purge=True, connections=[{"resource": RESOURCE}])
    assert len(tags) == 4
    assert all(tag.startswith('W/"') for tag in tags)
    assert len(set(tags)) == 4


def test_two_runs_at_once_lose_nothing(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _access_lists
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_api import (
        AccessLists,
    )
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import Task
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._session import Session

    seed(sandbox, with_members=[A])
    numbers = sandbox.organizations(1200)
    halves = (numbers[:700], numbers[500:])
    results: dict[int, dict[str, Any]] = {}
    # Both have read the same version before either writes, so one of them must be refused.
    both_have_read = threading.Barrier(2, timeout=60)
    waited: set[int] = set()
    original = AccessLists.add

    def add(self: Any, identifier: str, given: Any, tag: str) -> str:
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            both_have_read.wait()
        return original(self, identifier, given, tag)

    monkeypatch.setattr(AccessLists, "add", add)

    def run(index: int) -> None:
        params = {**module_params(sandbox), "identifier": LIST, "members": halves[index], "state": "present"}
        with Session(params) as session:
            report = _access_lists.manage(Task(session, params, False, False, lambda _text: None))
            results[index] = {"failure": report.failure_message(), **report.as_result()}

    threads = [threading.Thread(target=run, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[index]["failure"] for index in (0, 1)] == [None, None]
    assert members(sandbox) == {A, *numbers}
    assert [entry["status"] for entry in sandbox.writes()].count(412) >= 1


def module_params(sandbox: SandboxClient) -> dict[str, Any]:
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_lists import (
        access_list_options,
        task_options,
    )
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options

    options = {**altinn_options(), **access_list_options(), **task_options(), "access_lists": {}}
    return {**{name: spec.get("default") for name, spec in options.items()}, **sandbox.auth("altinn")}


def test_what_another_run_added_meanwhile_survives_a_purge(sandbox: SandboxClient) -> None:
    """The removal is of those who were seen, so whoever came in between stays."""
    seed(sandbox, with_members=[A, B])
    from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_api import (
        AccessLists,
    )

    original = AccessLists.remove

    def interfered(self: Any, identifier: str, numbers: Any, tag: str) -> str:
        if interfering:
            interfering.pop()
            assert not manage(sandbox, members=[C])["failed"]
        return original(self, identifier, numbers, tag)

    interfering = [True]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AccessLists, "remove", interfered)
        result = manage(sandbox, members=[A], purge=True)
    assert not result["failed"], result["msg"]
    assert members(sandbox) == {A, C}


# --- connections -------------------------------------------------------------------------------------------------


def test_actions_are_compared_as_a_set(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[{"resource": RESOURCE, "action_filters": ["read", "write"]}])
    same = manage(sandbox, connections=[{"resource": RESOURCE, "actions": ["write", "read"]}])
    assert not same["changed"]
    left_out = manage(sandbox, connections=[{"resource": RESOURCE}])
    assert not left_out["changed"]
    emptied = manage(sandbox, connections=[{"resource": RESOURCE, "actions": []}])
    assert emptied["changed"]
    found = live(sandbox)
    assert found is not None
    assert found["connections"][0]["action_filters"] == []


def test_a_connection_is_ended_and_others_are_purged(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[RESOURCE, "other"])
    sandbox.seed({"altinn": {"resources": [resource("other", SCOPE), resource("third", SCOPE)]}})
    result = manage(sandbox, connections=[{"resource": RESOURCE}], purge_connections=True)
    assert not result["failed"], result
    assert actions(result)["testetat:approved -> other"] == "delete"
    assert not manage(
        sandbox, connections=[{"resource": RESOURCE, "state": "absent"}, {"resource": "third"}]
    )["failed"]
    found = live(sandbox)
    assert found is not None
    assert [entry["resource"] for entry in found["connections"]] == ["third"]


def test_a_resource_that_is_not_published_is_named(sandbox: SandboxClient) -> None:
    result = manage(sandbox, members=[A], connections=[{"resource": "no-such"}])
    assert result["failed"]
    assert "publish the resource first" in result["msg"]
    assert members(sandbox) == {A}


def test_a_foreign_resource_is_named(sandbox: SandboxClient) -> None:
    foreign = {
        **resource("fd-catch", "fdir:x"),
        "hasCompetentAuthority": {"organization": "971203420", "orgcode": "FD"},
    }
    sandbox.seed({"altinn": {"resources": [foreign]}})
    result = manage(sandbox, members=[A], connections=[{"resource": "fd-catch"}])
    assert result["failed"]
    assert "belongs to another service owner" in result["msg"]


# --- in force ----------------------------------------------------------------------------------------------------


def test_the_mode_is_switched_on_last_and_nothing_else_of_the_resource_changes(
    sandbox: SandboxClient,
) -> None:
    seed(sandbox, homepage="https://www.testetat.example")
    result = manage(sandbox, members=[A], connections=[{"resource": RESOURCE, "enforce": True}])
    assert not result["failed"], result["msg"]
    assert [(entry["method"], entry["path"].rsplit("/", 1)[-1]) for entry in sandbox.writes()] == [
        ("PUT", "approved"),
        ("POST", "members"),
        ("PUT", RESOURCE),
        ("PUT", RESOURCE),
    ]
    assert sandbox.writes()[-1]["path"].endswith(f"/resource/{RESOURCE}")
    assert mode(sandbox) == "Enabled"
    versions = sandbox.state()["altinn"]["resources"][0]["versions"]
    first, second = ({**entry, "versionId": 0, "accessListMode": ""} for entry in versions)
    assert first == second
    again = manage(sandbox, members=[A], connections=[{"resource": RESOURCE, "enforce": True}])
    assert not again["changed"]


def test_the_preview_names_consumers_that_are_in_no_list(sandbox: SandboxClient) -> None:
    seed(sandbox)
    sandbox.seed(
        {
            "access": [
                {"scope": SCOPE, "consumers": [A, B]},
                {"scope": SCOPE, "consumers": [C], "state": "DENIED"},
            ]
        }
    )
    result = manage(
        sandbox,
        check=True,
        members=[A],
        connections=[{"resource": RESOURCE, "enforce": True}],
        administration=administration(sandbox),
    )
    step = next(entry for entry in result["results"] if entry["item"] == f"resource {RESOURCE}")
    assert [(row["organization_number"], row["name"], row["scopes"]) for row in step["loses_access"]] == [
        (B, "TRYGG MOSE SYSTEM AS", [SCOPE])
    ]
    assert f"1 consumer of {SCOPE} would be left out: {B} TRYGG MOSE SYSTEM AS" in step["message"]


def test_without_an_administration_client_the_preview_says_what_it_cannot_see(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, check=True, members=[A], connections=[{"resource": RESOURCE, "enforce": True}])
    step = next(entry for entry in result["results"] if entry["item"] == f"resource {RESOURCE}")
    assert "is not seen" in step["message"]
    assert "loses_access" not in step


def test_an_empty_list_is_not_put_in_force_unless_told(sandbox: SandboxClient) -> None:
    seed(sandbox)
    params: dict[str, Any] = {"connections": [{"resource": RESOURCE, "enforce": True}]}
    result = manage(sandbox, **params)
    assert result["failed"]
    assert "nobody would get through" in result["msg"]
    assert mode(sandbox) == "Disabled"
    assert not manage(sandbox, **params, allow_lockout=True)["failed"]
    assert mode(sandbox) == "Enabled"


def test_members_of_another_connected_list_count(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[RESOURCE])
    result = manage(sandbox, identifier="empty", connections=[{"resource": RESOURCE, "enforce": True}])
    assert not result["failed"], result["msg"]
    step = next(entry for entry in result["results"] if entry["item"] == f"resource {RESOURCE}")
    assert "1 organisations get through (lists testetat:empty, testetat:approved)" in step["message"]


def test_a_member_that_failed_keeps_the_mode_off(sandbox: SandboxClient) -> None:
    seed(sandbox)
    result = manage(sandbox, members=[A, UNKNOWN], connections=[{"resource": RESOURCE, "enforce": True}])
    assert result["failed"]
    assert members(sandbox) == {A}
    assert mode(sandbox) == "Disabled"
    step = next(entry for entry in result["results"] if entry["item"] == f"resource {RESOURCE}")
    assert step["action"] == "refuse"
    assert UNKNOWN in step["message"]


def test_enforce_false_opens_before_the_connection_ends(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[RESOURCE], accessListMode="Enabled")
    result = manage(sandbox, connections=[{"resource": RESOURCE, "state": "absent", "enforce": False}])
    assert not result["failed"], result["msg"]
    assert mode(sandbox) == "Disabled"
    assert [(entry["method"]) for entry in sandbox.writes()] == ["PUT", "DELETE"]


@pytest.mark.parametrize(
    "params",
    [
        {"state": "absent"},
        {"connections": [{"resource": RESOURCE, "state": "absent"}]},
        {"members": [A], "members_state": "absent"},
    ],
    ids=["delete", "disconnect", "empty"],
)
def test_nothing_locks_everybody_out_unless_told(sandbox: SandboxClient, params: dict[str, Any]) -> None:
    seed(sandbox, with_members=[A], connections=[RESOURCE], accessListMode="Enabled")
    result = manage(sandbox, **params)
    assert result["failed"], result
    assert "allow_lockout: true" in result["msg"]
    assert sandbox.writes() == []
    done = manage(sandbox, **params, allow_lockout=True)
    assert not done["failed"], done["msg"]
    assert len(sandbox.writes()) == 1


def test_production_wants_its_word_for_what_takes_access(sandbox: SandboxClient) -> None:
    first, second, third = "971203420", "974761076", "991825827"
    seed(sandbox, with_members=[first, second], connections=[RESOURCE])
    production = {"environment": "prod", "register_check": "off"}
    result = manage(sandbox, **production, members=[first, third], purge=True)
    assert result["failed"]
    assert "confirm: prod" in result["msg"]
    assert members(sandbox) == {first, second, third}
    enforced = manage(sandbox, **production, connections=[{"resource": RESOURCE, "enforce": True}])
    assert enforced["failed"]
    assert mode(sandbox) == "Disabled"
    assert not manage(sandbox, **production, members=[first], purge=True, confirm="prod")["failed"]
    assert members(sandbox) == {first}


def test_the_reads_of_a_run_that_changes_nothing(sandbox: SandboxClient) -> None:
    seed(sandbox, with_members=[A], connections=[RESOURCE], accessListMode="Enabled")
    result = manage(sandbox, members=[A], connections=[{"resource": RESOURCE, "enforce": True}])
    # Metadata, owner's code, list, members, connections, resource.
    assert result["requests"] == {"token": 2, "read": 6, "write": 0}


# --- declarations that cannot be right -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"identifier": None}, "identifier is missing"),
        ({"identifier": "a/b"}, "slash"),
        ({"identifier": ".."}, "cannot be part of an address"),
        ({"name": ""}, "must have a name"),
        ({"members": [A], "members_file": "x.csv"}, "exclude each other"),
        ({"members": [A], "purge": True, "members_state": "absent"}, "purge belongs to"),
        ({"members": [A], "max_removals": "many"}, "neither a number nor a percentage"),
        ({"purge_connections": True}, "would cut the list off"),
        ({"connections": [{"resource": ".."}]}, "cannot be part of an address"),
        ({"connections": [{"resource": "a"}, {"resource": "a"}]}, "stands twice"),
        ({"connections": [{"resource": "a", "state": "absent", "enforce": True}]}, "contradicts"),
        ({"access_lists": [{"identifier": "a"}, {"identifier": "a"}]}, "declared twice"),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused_before_any_request(
    sandbox: SandboxClient, params: dict[str, Any], message: str
) -> None:
    result = manage(sandbox, **params)
    assert result["failed"]
    assert message in result["msg"]
    assert sandbox.requests() == []
