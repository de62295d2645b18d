# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module consumer_access against the sandbox: every verdict, every guard, and the requests they cost."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

Access = Callable[..., dict[str, Any]]
SCOPE = "testetat:cases.read"
OTHER = "testetat:cases.write"
CONSUMER = "310002100"  # STILLE BRE AS
SUPPLIER = "310004774"
BANKRUPT = "310003425"
DISSOLVED = "310006661"
SUB_UNIT = "315003628"
OWN = "310001007"
AGENCY = "310005819"
ACCESS_PATH = "/self-service/api/v1/scopes/access"


@pytest.fixture
def access(sandbox: SandboxClient) -> Access:
    """Run the module as the administration client of testetat, with two scopes in place."""
    sandbox.seed(
        {
            "scopes": [
                {"prefix": "testetat", "subscope": "cases.read", "description": "Lese saker"},
                {"prefix": "testetat", "subscope": "cases.write", "description": "Endre saker"},
            ]
        }
    )

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        if "grants" not in params:
            params.setdefault("scope", SCOPE)
        return run_module("consumer_access", {**sandbox.auth("administration"), **params}, check=check)

    return run


def verdicts(result: dict[str, Any]) -> list[tuple[Any, str]]:
    return [(row["line"], row["verdict"]) for row in result["results"]]


def told(result: dict[str, Any]) -> str:
    """All warnings; ansible-core 2.19 and later wrap each one."""
    return "\n".join(
        warning if isinstance(warning, str) else str(warning["event"]["msg"])
        for warning in result.get("warnings", ())
    )


def grant_to(sandbox: SandboxClient, *numbers: str, scope: str = SCOPE, state: str = "APPROVED") -> None:
    sandbox.seed({"access": [{"scope": scope, "consumers": list(numbers), "state": state}]})


def day(offset: int) -> str:
    return (datetime.datetime.now().astimezone().date() + datetime.timedelta(days=offset)).isoformat()


# -- grant and revoke ------------------------------------------------------------------------------------------------


def test_granting_costs_one_list_and_one_put_each_and_the_second_run_writes_nothing(sandbox, access):
    first = access(consumers=[CONSUMER, "310 004 774"])
    assert first["changed"]
    assert verdicts(first) == [(1, "granted"), (2, "granted")]
    assert [(row["before"], row["after"]) for row in first["results"]] == [(None, "APPROVED")] * 2
    assert first["results"][0]["name"] == "STILLE BRE AS"
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", SUPPLIER: "APPROVED"}
    assert len(sandbox.requests(method="GET", path=ACCESS_PATH)) == 1
    assert len(sandbox.writes()) == 2
    sandbox.clear_requests()
    second = access(consumers=[CONSUMER, SUPPLIER])
    assert not second["changed"]
    assert verdicts(second) == [(1, "already_granted"), (2, "already_granted")]
    assert len(sandbox.requests(method="GET", path=ACCESS_PATH)) == 1
    assert sandbox.writes() == []
    assert second["requests"]["token"] == 1
    assert second["requests"]["read"] == 3  # metadata, scopes, accesses
    assert second["undo"] == []


def test_check_mode_sends_nothing_but_reads_and_tells_the_same(sandbox, access):
    grant_to(sandbox, SUPPLIER)
    result = access(check=True, consumers=[CONSUMER], purge=True)
    assert result["changed"]
    assert verdicts(result) == [(1, "granted"), (None, "not_listed")]
    assert sandbox.writes() == []
    assert result["diff"] == [
        {
            "before_header": f"consumers of {SCOPE} (before)",
            "after_header": f"consumers of {SCOPE} (after)",
            "before": "310004774 TRYGG MOSE SYSTEM AS\n",
            "after": f"{CONSUMER}\n",
        }
    ]
    assert result["overview"].startswith("1 to grant, 1 to revoke, 0 already there.")
    assert result["undo"] == []


@pytest.mark.parametrize(("state", "verdict"), [("DENIED", "regranted"), ("REQUESTED", "granted")])
def test_only_approved_is_access(sandbox, access, state, verdict):
    grant_to(sandbox, CONSUMER, state=state)
    result = access(consumers=[CONSUMER])
    assert verdicts(result) == [(1, verdict)]
    assert result["results"][0]["before"] == state
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED"}


def test_absent_takes_access_from_the_listed_and_from_no_one_else(sandbox, access):
    grant_to(sandbox, CONSUMER, SUPPLIER)
    grant_to(sandbox, AGENCY, state="REQUESTED")
    result = access(consumers=[CONSUMER, OWN, AGENCY], state="absent")
    assert verdicts(result) == [(1, "revoked"), (2, "no_access"), (3, "no_access")]
    assert result["results"][2]["findings"] == ["requested"]
    assert sandbox.access(SCOPE) == {CONSUMER: "DENIED", SUPPLIER: "APPROVED", AGENCY: "REQUESTED"}
    assert len(sandbox.writes()) == 1
    sandbox.clear_requests()
    assert not access(consumers=[CONSUMER], state="absent")["changed"]
    assert sandbox.writes() == []


def test_undo_brings_the_former_state_back(sandbox, access):
    grant_to(sandbox, CONSUMER, SUPPLIER)
    before = sandbox.access(SCOPE)
    result = access(consumers=[AGENCY, CONSUMER], purge=True)
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", SUPPLIER: "DENIED", AGENCY: "APPROVED"}
    undone = access(grants=result["undo"])
    assert undone["changed"]
    assert {number for number, state in sandbox.access(SCOPE).items() if state == "APPROVED"} == set(before)


def test_many_scopes_in_one_task_with_what_they_share_said_once(sandbox, access):
    grant_to(sandbox, SUPPLIER, scope=OTHER)
    result = access(
        consumers=[CONSUMER],
        reason="JUR-2026/114",
        grants=[{"scope": SCOPE}, {"scope": OTHER, "consumers": [SUPPLIER], "state": "absent"}],
    )
    assert [(row["scope"], row["verdict"]) for row in result["results"]] == [
        (SCOPE, "granted"),
        (OTHER, "revoked"),
    ]
    assert {row["reason"] for row in result["results"]} == {"JUR-2026/114"}
    assert result["requests"]["token"] == 1
    assert len(sandbox.requests(method="GET", path="/self-service/api/v1/scopes")) == 1


def test_a_consumer_that_is_both_present_and_absent_is_refused_in_both_lists(sandbox, access):
    grants = [
        {"scope": SCOPE, "consumers": [CONSUMER, SUPPLIER]},
        {"scope": SCOPE, "consumers": [SUPPLIER], "state": "absent"},
    ]
    result = access(grants=grants)
    assert result["failed"]
    assert "is listed in grants[1] (testetat:cases.read), line 1, too, as absent; keep one" in result["msg"]
    assert sandbox.writes() == []
    done = access(grants=grants, on_invalid_row="skip")
    assert [row["verdict"] for row in done["results"]] == ["granted", "not_possible", "not_possible"]
    assert not access(grants=grants, on_invalid_row="skip")["changed"]
    # Once its date has passed, both lists say the same.
    grants[0]["consumers"][1] = {"organization_number": SUPPLIER, "valid_until": "2020-12-31"}
    assert not access(grants=grants)["failed"]


def test_any_number_of_days_can_be_warned_ahead(access):
    listed = [{"organization_number": CONSUMER, "valid_until": "9999-12-31"}]
    result = access(scope=SCOPE, consumers=listed, warn_days=10**9)
    assert result["results"][0]["findings"] == ["expires_soon"]


def test_a_column_scope_limits_a_row_to_that_scope(sandbox, access, tmp_path):
    file = tmp_path / "both.csv"
    file.write_text(
        f"orgnr;scope\n{CONSUMER};{SCOPE}\n{SUPPLIER};{OTHER}\n{AGENCY};\n{OWN};testetat:unknown\n"
    )
    result = access(consumers_file=str(file), grants=[{"scope": SCOPE}, {"scope": OTHER}])
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", AGENCY: "APPROVED"}
    assert sandbox.access(OTHER) == {SUPPLIER: "APPROVED", AGENCY: "APPROVED"}
    assert Counter(row["verdict"] for row in result["results"]) == {"granted": 4, "other_scope": 2}


# -- rows that cannot be right ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hostile",
    [
        "..",
        ".",
        "%2e%2e",
        "",
        "9" * 5000,
        "٣١٠٠٠٢١٠٠",
        "３１０００２１００",
        "310002100/../310004774",
        "310002100?x",
        None,
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("policy", ["fail_before", "fail_after", "skip"])
def test_what_is_no_organisation_number_never_causes_a_request(sandbox, access, hostile, state, policy):
    result = access(consumers=[hostile], state=state, on_invalid_row=policy)
    assert result["failed"] == (policy != "skip")
    assert not result["changed"]
    assert result["results"][0]["verdict"] in ("empty", "not_nine_digits")
    assert sandbox.requests() == []


def test_by_default_nothing_is_written_while_a_row_cannot_be_right(sandbox, access):
    result = access(consumers=[CONSUMER, "310002101", "..", AGENCY])
    assert result["failed"]
    assert not result["changed"]
    assert verdicts(result) == [
        (1, "held_back"),
        (2, "check_digit"),
        (3, "not_nine_digits"),
        (4, "held_back"),
    ]
    assert [row.get("planned") for row in result["results"]] == ["granted", None, None, "granted"]
    assert "Nothing was changed" in result["msg"]
    assert "line 2" in result["msg"]
    assert "line 3" in result["msg"]
    assert "on_invalid_row" in result["msg"]
    assert sandbox.writes() == []
    assert not [entry for entry in sandbox.requests() if ".." in entry["path"]]


def test_the_others_go_first_and_the_task_fails_afterwards_when_told(sandbox, access):
    result = access(consumers=[CONSUMER, "310002101", AGENCY], on_invalid_row="fail_after")
    assert result["failed"]
    assert result["changed"]
    assert verdicts(result) == [(1, "granted"), (2, "check_digit"), (3, "granted")]
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", AGENCY: "APPROVED"}
    assert "line 2" in result["msg"]
    assert result["summary"]["failed"] == 1


def test_skipped_rows_are_counted_and_do_not_fail(sandbox, access):
    result = access(consumers=[CONSUMER, "310002101"], on_invalid_row="skip")
    assert not result["failed"]
    assert verdicts(result) == [(1, "granted"), (2, "check_digit")]
    assert "skipped 1 row (line 2)" in told(result)


def test_a_duplicate_is_told_and_asked_for_once(sandbox, access):
    result = access(
        consumers=[CONSUMER, "0192:310002100", {"organization_number": CONSUMER, "valid_until": day(400)}]
    )
    assert verdicts(result) == [(1, "granted"), (2, "duplicate"), (3, "duplicate")]
    assert result["results"][1]["message"] == "duplicate of line 1"
    assert "counts, not this one" in result["results"][2]["message"]
    assert len(sandbox.writes()) == 1


def test_a_known_supplier_is_never_granted(sandbox, access, tmp_path):
    result = access(consumers=[CONSUMER, SUPPLIER], suppliers=["310 004 774"], on_invalid_row="fail_after")
    assert verdicts(result) == [(1, "granted"), (2, "supplier")]
    assert "the consumer, who delegates it" in result["results"][1]["message"]
    assert "no delegation source" in told(result)
    file = tmp_path / "list.csv"
    file.write_text(f"Orgnr;Orgnr leverandør\n{SUPPLIER};{SUPPLIER}\n{AGENCY};{SUPPLIER}\n")
    result = access(consumers_file=str(file), on_invalid_row="skip")
    assert verdicts(result) == [(2, "supplier"), (3, "granted")]
    assert SUPPLIER not in sandbox.access(SCOPE)


def test_synthetic_numbers_are_refused_in_production(sandbox, access):
    result = access(environment="prod", consumers=[CONSUMER, "971203420"], register_check="off")
    assert result["failed"]
    assert verdicts(result) == [(1, "synthetic_in_production"), (2, "held_back")]
    assert sandbox.writes() == []
    result = access(environment="prod", consumers=["971203420"], register_check="off")
    assert verdicts(result) == [(1, "granted")]


def test_a_real_organisation_in_test_is_pointed_out(sandbox, access):
    result = access(environment="test", consumers=["971203420"])
    assert verdicts(result) == [(1, "granted")]
    assert result["results"][0]["findings"] == ["real_in_test"]


def test_the_own_organisation_is_granted_like_any_other_and_said_so(sandbox, access):
    result = access(consumers=[OWN])
    assert verdicts(result) == [(1, "granted")]
    assert result["results"][0]["findings"] == ["own_organization"]


# -- dates -----------------------------------------------------------------------------------------------------------


def test_access_ends_the_day_after_its_date_and_is_warned_of_ahead(sandbox, access):
    grant_to(sandbox, CONSUMER, SUPPLIER, AGENCY)
    rows = [
        {"organization_number": CONSUMER, "valid_until": day(-1)},
        {"organization_number": SUPPLIER, "valid_until": day(0)},
        {"organization_number": AGENCY, "valid_until": day(31)},
        {"organization_number": OWN, "valid_until": day(-1)},
    ]
    result = access(consumers=rows)
    assert verdicts(result) == [
        (1, "expired"),
        (2, "already_granted"),
        (3, "already_granted"),
        (4, "expired_before"),
    ]
    assert result["results"][1]["findings"] == ["expires_soon"]
    assert "findings" not in result["results"][2]
    assert "ends soon: 310004774" in told(result)
    assert sandbox.access(SCOPE) == {CONSUMER: "DENIED", SUPPLIER: "APPROVED", AGENCY: "APPROVED"}
    sandbox.clear_requests()
    assert not access(consumers=rows)["changed"]
    assert sandbox.writes() == []


def test_a_list_whose_dates_have_all_passed_runs_into_the_cap(sandbox, access):
    numbers = sandbox.organizations(6)
    grant_to(sandbox, *numbers)
    result = access(consumers=[{"organization_number": number, "valid_until": day(-1)} for number in numbers])
    assert result["failed"]
    assert "6 of 6 consumers would lose their access" in result["msg"]
    assert sandbox.writes() == []


# -- purge -----------------------------------------------------------------------------------------------------------


def test_without_purge_nobody_is_removed(sandbox, access):
    grant_to(sandbox, SUPPLIER)
    result = access(consumers=[CONSUMER])
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", SUPPLIER: "APPROVED"}
    assert len(result["results"]) == 1


def test_purge_names_who_goes_and_spares_the_protected_and_those_who_only_asked(sandbox, access):
    grant_to(sandbox, CONSUMER, SUPPLIER, AGENCY)
    grant_to(sandbox, OWN, state="REQUESTED")
    result = access(consumers=[CONSUMER], purge=True, protected=["310 005 819"])
    assert verdicts(result) == [(1, "already_granted"), (None, "not_listed"), (None, "protected")]
    assert not result["failed"]
    assert "310004774 TRYGG MOSE SYSTEM AS" in told(result)
    assert sandbox.access(SCOPE) == {
        CONSUMER: "APPROVED", SUPPLIER: "DENIED", AGENCY: "APPROVED", OWN: "REQUESTED",
    }  # fmt: skip


@pytest.mark.parametrize("consumers", [[], [".."], ["310002101", ""]])
def test_purge_with_a_list_of_nobody_is_refused_before_any_request(sandbox, access, consumers):
    grant_to(sandbox, SUPPLIER)
    result = access(consumers=consumers, purge=True, on_invalid_row="skip")
    assert result["failed"]
    assert "take access from every consumer" in result["msg"]
    assert sandbox.requests() == []


def test_purge_with_a_list_that_names_nobody_for_this_scope_is_refused(sandbox, access, tmp_path):
    grant_to(sandbox, SUPPLIER)
    file = tmp_path / "both.csv"
    file.write_text(f"orgnr;scope\n{CONSUMER};{OTHER}\n")
    result = access(consumers_file=str(file), purge=True, grants=[{"scope": OTHER}, {"scope": SCOPE}])
    assert result["failed"]
    assert "names no organisation for this scope" in result["msg"]
    result = access(consumers=[CONSUMER], suppliers=[CONSUMER], purge=True, on_invalid_row="skip")
    assert "take access from every consumer" in result["msg"]
    assert sandbox.requests() == []


def test_no_grants_at_all_are_done_without_a_request(sandbox, access):
    result = access(grants=[])
    assert not result["failed"]
    assert not result["changed"]
    assert sandbox.requests() == []


def test_an_undefined_list_is_refused(sandbox, access):
    result = access(purge=True)
    assert result["failed"]
    assert "say who" in result["msg"]
    assert sandbox.requests() == []


def test_a_truncated_file_with_purge_fails_before_the_first_delete_with_the_count(sandbox, access, tmp_path):
    numbers = sandbox.organizations(60)
    grant_to(sandbox, *numbers)
    file = tmp_path / "list.csv"
    whole = "Orgnr;Navn\n" + "".join(f"{number};Virksomhet\n" for number in numbers)
    file.write_text(whole[: len(whole) // 2 // 21 * 21 + 11])
    result = access(consumers_file=str(file), purge=True)
    assert result["failed"]
    assert not result["changed"]
    gone = 60 - sum(row["line"] is not None for row in result["results"])
    assert gone > 20
    assert f"{gone} of 60 consumers would lose their access, and max_removals allows 5" in result["msg"]
    assert f"max_removals: {gone}" in result["msg"]
    assert "GENERERT VIRKSOMHET" in result["msg"]
    assert sum(row["verdict"] == "held_back" for row in result["results"]) == gone
    assert sandbox.writes() == []
    assert not access(consumers_file=str(file), purge=True, max_removals=str(gone))["failed"]
    assert sum(state == "APPROVED" for state in sandbox.access(SCOPE).values()) == 60 - gone


@pytest.mark.parametrize(
    ("limit", "holders", "going", "passes"),
    [
        ("0", 10, 1, False),
        ("1", 10, 1, True),
        ("10%", 20, 2, True),
        ("10%", 20, 3, False),
        ("10%", 9, 1, False),
        (" 50 % ", 4, 2, True),
    ],
)
def test_the_cap_is_a_number_or_a_percentage_of_those_who_have_access(
    sandbox, access, limit, holders, going, passes
):
    numbers = sandbox.organizations(holders)
    grant_to(sandbox, *numbers)
    result = access(consumers=numbers[going:], purge=True, max_removals=limit)
    assert result["failed"] == (not passes)
    assert len(sandbox.writes()) == (going if passes else 0)


@pytest.mark.parametrize("limit", ["-1", "many", "101%", "5.5", "5%%"])
def test_a_cap_that_is_none_is_refused_before_any_request(sandbox, access, limit):
    result = access(consumers=[CONSUMER], purge=True, max_removals=limit)
    assert result["failed"]
    assert "max_removals" in result["msg"]
    assert sandbox.requests() == []


def test_nobody_is_removed_while_a_row_cannot_be_read(sandbox, access):
    grant_to(sandbox, SUPPLIER)
    result = access(consumers=[CONSUMER, "31000477"], purge=True, on_invalid_row="fail_after")
    assert verdicts(result) == [(1, "granted"), (2, "not_nine_digits"), (None, "held_back")]
    assert "one of them may be this one" in result["results"][2]["message"]
    assert sandbox.access(SCOPE)[SUPPLIER] == "APPROVED"


def test_a_protected_organisation_is_not_revoked_by_name_either(sandbox, access):
    grant_to(sandbox, CONSUMER)
    result = access(consumers=[CONSUMER], state="absent", protected=[CONSUMER])
    assert result["failed"]
    assert verdicts(result) == [(1, "protected")]
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED"}


def test_production_takes_access_only_when_confirmed(sandbox, access):
    grant_to(sandbox, "974761076")
    params = {"environment": "prod", "consumers": ["971203420"], "purge": True, "register_check": "off"}
    result = access(**params)
    assert result["failed"]
    assert verdicts(result) == [(1, "granted"), (None, "unconfirmed")]
    assert sandbox.access(SCOPE)["974761076"] == "APPROVED"
    assert "confirm: prod" in result["msg"]
    result = access(**params, confirm="prod")
    assert not result["failed"]
    assert sandbox.access(SCOPE)["974761076"] == "DENIED"


# -- the register ----------------------------------------------------------------------------------------------------


def forty_rows(sandbox: SandboxClient, folder: Path) -> tuple[Path, list[str]]:
    """40 rows with 3 bad, 2 sub-units, 1 dissolved, 1 duplicate, on lines known to the test."""
    numbers = sandbox.organizations(33)
    sandbox.seed(
        {"organizations": [{"orgnr": "313100006", "name": "AVDELING TO", "form": "BEDR", "parent": CONSUMER}]}
    )
    listed = list(numbers)
    listed[4:4] = ["310 001 0o7"]  # line 6
    listed[10:10] = ["310001008"]  # line 12
    listed[15:15] = [SUB_UNIT]  # line 17
    listed[20:20] = [numbers[0]]  # line 22
    listed[25:25] = [DISSOLVED]  # line 27
    listed[30:30] = ["313100006"]  # line 32
    listed[35:35] = ["31000100"]  # line 37
    assert len(listed) == 40
    file = folder / "Tilgang_endelig_v3 (2).csv"
    text = "Org.nr;Navn\r\n" + "".join(f"{number};\r\n" for number in listed)
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    return file, numbers


def test_forty_rows_each_get_the_right_verdict(sandbox, access, tmp_path):
    file, numbers = forty_rows(sandbox, tmp_path)
    sandbox.clear_requests()
    plan = access(check=True, consumers_file=str(file), register_check="warn")
    assert plan["failed"]
    rows = {row["line"]: row for row in plan["results"]}
    assert {line: row["verdict"] for line, row in rows.items() if row["verdict"] != "held_back"} == {
        6: "not_nine_digits",
        12: "check_digit",
        22: "duplicate",
        37: "not_nine_digits",
    }
    assert {line: row["findings"] for line, row in rows.items() if row.get("findings")} == {
        17: ["sub_unit"],
        27: ["dissolved"],
        32: ["sub_unit"],
    }
    assert "sub-unit of 310002100" in rows[17]["message"]
    assert "dissolved 2026-02-28" in rows[27]["message"]
    assert rows[22]["message"].endswith("duplicate of line 2")
    assert sandbox.writes() == []
    # One list of the register's main units, one of its sub-units, and the dissolved one by itself.
    assert len(sandbox.requests(service="register")) == 3

    sandbox.clear_requests()
    result = access(consumers_file=str(file), register_check="enforce", on_invalid_row="fail_after")
    counted = Counter(row["verdict"] for row in result["results"])
    assert counted == {"granted": 35, "not_nine_digits": 2, "check_digit": 1, "duplicate": 1, "dissolved": 1}
    assert len(sandbox.writes()) == 35
    assert set(sandbox.access(SCOPE)) == {*numbers, SUB_UNIT, "313100006"}
    assert result["overview"].startswith("35 granted, 0 revoked, 0 already there, 4 refused, 1 duplicate.")


def test_warn_tells_and_grants_and_enforce_refuses(sandbox, access):
    strangers = [CONSUMER, BANKRUPT, DISSOLVED, SUB_UNIT]
    result = access(check=True, consumers=strangers, register_check="warn")
    assert [row.get("findings") for row in result["results"]] == [
        None,
        ["bankrupt"],
        ["dissolved"],
        ["sub_unit"],
    ]
    assert {row["verdict"] for row in result["results"]} == {"granted"}
    result = access(consumers=strangers, register_check="enforce", on_invalid_row="fail_after")
    assert [row["verdict"] for row in result["results"]] == ["granted", "bankrupt", "dissolved", "granted"]
    assert set(sandbox.access(SCOPE)) == {CONSUMER, SUB_UNIT}


def test_an_organisation_nobody_knows(sandbox, access):
    result = access(check=True, consumers=["313100006"], register_check="warn")
    assert result["results"][0]["findings"] == ["unknown"]
    result = access(consumers=["313100006"], register_check="enforce")
    assert result["failed"]
    assert sandbox.writes() == []


def test_a_synthetic_organisation_is_known_to_digdir_where_the_register_does_not_know_it(sandbox, access):
    sandbox.switch(register_knows_synthetic=False)
    result = access(
        consumers=[{"organization_number": CONSUMER, "name": "Stille bre"}], register_check="warn"
    )
    assert "findings" not in result["results"][0]
    assert result["results"][0]["name"] == "STILLE BRE AS"


def test_a_name_that_differs_is_told_from_the_register_and_from_the_access_list(sandbox, access):
    rows = [
        {"organization_number": CONSUMER, "name": "Storm Hav AS"},
        {"organization_number": AGENCY, "name": "Lys hei etat"},
    ]
    result = access(check=True, consumers=rows, register_check="warn")
    assert [row.get("findings") for row in result["results"]] == [["name_differs"], None]
    assert "'Storm Hav AS'" in result["results"][0]["message"]
    assert "'STILLE BRE AS'" in result["results"][0]["message"]
    grant_to(sandbox, CONSUMER)
    sandbox.clear_requests()
    result = access(consumers=rows[:1], register_check="enforce")
    assert verdicts(result) == [(1, "already_granted")]
    assert result["results"][0]["findings"] == ["name_differs"]
    assert sandbox.requests(service="register") == []


def test_the_register_is_off_outside_production_and_warns_in_it(sandbox, access):
    access(check=True, consumers=[CONSUMER])
    assert sandbox.requests(service="register") == []
    result = access(check=True, environment="prod", consumers=["971203420"])
    assert len(sandbox.requests(service="register")) == 1
    assert verdicts(result) == [(1, "granted")]


def test_off_may_be_written_without_quotes(sandbox, access):
    result = access(environment="prod", consumers=["971203420"], register_check=False)
    assert verdicts(result) == [(1, "granted")]
    assert sandbox.requests(service="register") == []


def test_a_register_that_is_down_warns_or_stops_as_told(sandbox, access):
    sandbox.fault(route="/register/*", kind="status", times=None, status=404)
    result = access(consumers=[CONSUMER], register_check="warn")
    assert not result["failed"]
    assert result["results"][0]["findings"] == ["not_checked"]
    assert "Nobody was checked" in told(result)
    result = access(consumers=[AGENCY], register_check="enforce")
    assert result["failed"]
    assert "register_check: off" in result["msg"]
    assert AGENCY not in sandbox.access(SCOPE)


# -- scopes and the service's answers --------------------------------------------------------------------------------


def test_a_scope_that_is_not_ours_is_explained_without_a_write(sandbox, access):
    result = access(scope="testetat:case.read", consumers=[CONSUMER])
    assert result["failed"]
    assert "Did you mean testetat:cases.read?" in result["msg"]
    assert verdicts(result) == [(1, "not_possible")]
    assert sandbox.writes() == []


def test_a_plan_bears_that_the_scope_does_not_exist_yet(sandbox, access):
    result = access(check=True, scope="testetat:new.read", consumers=[CONSUMER])
    assert not result["failed"]
    assert verdicts(result) == [(1, "granted")]
    assert "does not exist yet" in told(result)
    assert "Did you mean testetat:cases.read?" in told(
        access(check=True, scope="testetat:case.read", consumers=[CONSUMER])
    )


def test_a_deactivated_scope_is_told_and_the_other_scopes_go_on(sandbox, access):
    sandbox.seed({"scopes": [{"prefix": "testetat", "subscope": "old", "description": "x", "active": False}]})
    grant_to(sandbox, SUPPLIER, scope="testetat:old")
    result = access(
        grants=[{"scope": "testetat:old", "consumers": [CONSUMER]}, {"scope": SCOPE, "consumers": [CONSUMER]}]
    )
    assert result["failed"]
    assert [row["verdict"] for row in result["results"]] == ["not_possible", "granted"]
    assert "re-activate it first" in result["msg"]
    plan = access(check=True, scope="testetat:old", consumers=[CONSUMER])
    assert verdicts(plan) == [(1, "granted")]
    assert "the plan supposes that it will be active" in told(plan)
    result = access(scope="testetat:old", consumers=[SUPPLIER], state="absent")
    assert verdicts(result) == [(1, "revoked")]


def test_a_scope_open_to_all_makes_the_list_pointless_and_says_so(sandbox, access):
    sandbox.seed(
        {
            "scopes": [
                {"prefix": "testetat", "subscope": "open", "description": "x", "accessible_for_all": True}
            ]
        }
    )
    result = access(scope="testetat:open", consumers=[CONSUMER])
    assert "this list does not matter" in told(result)


def test_one_organisation_that_the_service_refuses_does_not_stop_the_others(sandbox, access):
    result = access(consumers=[CONSUMER, "313100006", AGENCY])
    assert result["failed"]
    assert result["changed"]
    assert verdicts(result) == [(1, "granted"), (2, "server_error"), (3, "granted")]
    refused = result["results"][1]
    assert refused["message"] == "the server said 400: Consumer organization number is not valid"
    assert len(refused["correlation_id"]) == 32
    assert refused["error"]["status"] == 400
    assert (refused["before"], refused["after"]) == (None, None)
    assert sandbox.access(SCOPE) == {CONSUMER: "APPROVED", AGENCY: "APPROVED"}


@pytest.mark.parametrize("empty_list", ["error404", "error400", "array"])
@pytest.mark.parametrize("denied_listed", [True, False])
def test_both_readings_of_an_empty_list_and_of_denied_entries(sandbox, access, empty_list, denied_listed):
    sandbox.switch(empty_list=empty_list, denied_access_listed=denied_listed)
    assert verdicts(access(consumers=[CONSUMER])) == [(1, "granted")]
    assert verdicts(access(consumers=[CONSUMER], state="absent")) == [(1, "revoked")]
    assert verdicts(access(consumers=[CONSUMER])) == [(1, "regranted")]


@pytest.mark.parametrize("status", [404, 400, 409])
def test_access_that_someone_else_took_meanwhile_counts_as_taken(sandbox, access, status):
    grant_to(sandbox, CONSUMER)
    sandbox.switch(revoke_without_access_status=status)
    # The service carries the first DELETE out but answers 503, so the repeated one meets an access that is gone.
    sandbox.fault(route=f"DELETE {ACCESS_PATH}/*", kind="reset", handled=True)
    result = access(consumers=[CONSUMER], state="absent")
    assert not result["failed"]
    assert verdicts(result) == [(1, "revoked")]
    assert sandbox.access(SCOPE) == {CONSUMER: "DENIED"}


def test_a_grant_that_answers_409_because_it_is_there_counts_as_granted(sandbox, access):
    sandbox.switch(regrant_status=409)
    sandbox.fault(route=f"PUT {ACCESS_PATH}/*", kind="reset", handled=True)
    result = access(consumers=[CONSUMER])
    assert not result["failed"]
    assert result["results"][0]["after"] == "APPROVED"


# -- price -----------------------------------------------------------------------------------------------------------


def test_the_price_counts_grants_and_stops_above_the_ceiling(sandbox, access):
    grant_to(sandbox, *sandbox.organizations(17), scope=OTHER)
    result = access(check=True, consumers=[CONSUMER])
    assert (result["price"]["before"], result["price"]["after"]) == (50_000, 55_000)
    assert not result["price"]["whole_provider"]
    result = access(check=True, consumers=[CONSUMER], price_scope="provider")
    assert (result["price"]["grants_before"], result["price"]["grants_after"]) == (17, 18)
    assert result["price"]["after"] == 100_500
    result = access(consumers=[CONSUMER], price_ceiling=100_000)
    assert result["failed"]
    assert "above price_ceiling NOK 100 000" in result["msg"]
    assert sandbox.writes() == []
    assert not access(consumers=[CONSUMER], price_ceiling=100_500)["failed"]


# -- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"consumers": [CONSUMER], "scope": "cases.read"}, "lacks its prefix"),
        ({"consumers": [CONSUMER], "scope": "testetat:../x"}, "malformed"),
        ({"consumers": [CONSUMER], "consumers_file": "x.csv"}, "exclude each other"),
        ({"consumers": ["list.csv"]}, "give it as consumers_file"),
        ({"consumers_file": "no-such-file.csv"}, "there is no such file"),
        ({"consumers": [CONSUMER], "purge": True, "state": "absent"}, "purge belongs to state: present"),
        ({"consumers": [CONSUMER], "protected": ["12"]}, "protected: '12' is not an organisation number"),
        ({"consumers": [CONSUMER], "warn_days": -1}, "warn_days"),
        ({"grants": [{"consumers": [CONSUMER]}]}, "scope is missing"),
        (
            {"grants": [{"scope": SCOPE, "consumers": []}, {"scope": SCOPE, "consumers": []}]},
            "declared twice",
        ),
        (
            {
                "grants": [
                    {"scope": SCOPE, "consumers": [CONSUMER], "purge": True},
                    {"scope": SCOPE, "consumers": [AGENCY], "state": "absent"},
                ]
            },
            "declare it once",
        ),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused_before_any_request(sandbox, access, params, says):
    result = access(**params)
    assert result["failed"]
    assert says in result["msg"]
    assert sandbox.requests() == []


def test_an_empty_list_without_purge_does_nothing_and_says_so(sandbox, access):
    result = access(consumers=[])
    assert not result["failed"]
    assert not result["changed"]
    assert "has no rows" in told(result)


def test_no_secret_is_in_the_result(sandbox, access):
    result = json.dumps(access(consumers=[CONSUMER, "313100006"]))
    assert "eyJ" not in result
    assert "PRIVATE KEY" not in result
