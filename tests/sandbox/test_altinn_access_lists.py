# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists: lists, members, connections, conditions, pages, refusals in their order."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.sandbox.altinn_caller import (
    ADMIN,
    CONSUMER,
    DEMO,
    DIGDIR,
    LISTS,
    LISTS_READ,
    LISTS_WRITE,
    RESOURCE,
    SERVICE_OWNER,
    SKD,
    SUPPLIER,
    WRITE,
    AltinnCaller,
    errors_of,
    problem_of,
    sample,
    validation_error,
)

LIST = f"{LISTS}/demo/approved"
BODY = {"name": "Approved consumers", "description": "Businesses with an agreement"}


def urn(number: str) -> str:
    return f"urn:altinn:organization:identifier-no:{number}"


def stop_clock(altinn: AltinnCaller, fraction: float = 0.0) -> int:
    """Stop the sandbox's clock half a minute ahead; returns the whole seconds."""
    moment = int(time.time()) + 30
    altinn.sandbox.clock(fixed=moment + fraction)
    return moment


def stamp(moment: int, fraction: str = "") -> str:
    """A time as the registry writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "+00:00"


def members(*numbers: str) -> dict[str, list[str]]:
    return {"data": [urn(number) for number in numbers]}


def numbers_of(page: dict[str, Any]) -> list[str]:
    return [item["identifiers"]["urn:altinn:organization:identifier-no"] for item in page["data"]]


def put(altinn: AltinnCaller, path: str = "", body: Any = None, **request: Any) -> httpx.Response:
    return altinn.call("PUT", LIST + path, altinn.write, json=BODY if body is None else body, **request)


def get(altinn: AltinnCaller, path: str = "", **request: Any) -> httpx.Response:
    return altinn.call("GET", path if path.startswith("http") else LIST + path, altinn.write, **request)


def tag(version: int) -> str:
    payload = json.dumps({"version": str(version)}, separators=(",", ":")).encode()
    return f'W/"{base64.urlsafe_b64encode(payload).decode().rstrip("=")}"'


# --- lists -----------------------------------------------------------------------------------------------------


def test_list_is_made_read_changed_and_deleted(altinn: AltinnCaller) -> None:
    moment = stop_clock(altinn, 0.25)
    created = put(altinn)
    assert created.status_code == 200
    body = created.json()
    assert body == {
        "urn": "urn:altinn:access-list:demo:approved",
        "identifier": "approved",
        **BODY,
        "createdAt": stamp(moment, ".25"),
        "updatedAt": stamp(moment, ".25"),
    }
    assert created.headers["etag"].startswith('W/"')
    assert created.headers["last-modified"] == formatdate(moment, usegmt=True)
    assert get(altinn).json() == body
    changed = put(altinn, body={"name": "Other", "description": None})
    assert changed.json()["description"] == ""
    deleted = altinn.call("DELETE", LIST, altinn.write)
    assert (deleted.status_code, deleted.json()["name"]) == (200, "Other")
    again = altinn.call("DELETE", LIST, altinn.write)
    assert (again.status_code, again.content) == (204, b"")
    assert get(altinn).status_code == 404


def test_name_is_needed_every_time(altinn: AltinnCaller) -> None:
    put(altinn)
    for body in ({"description": "x"}, {"name": None}):
        assert list(errors_of(put(altinn, body=body))) == ["Name"]
    assert get(altinn).json()["name"] == BODY["name"]


def test_patch_is_not_implemented(altinn: AltinnCaller) -> None:
    put(altinn)
    assert altinn.call("PATCH", LIST, altinn.write, json={"name": "x"}).status_code == 501


def test_tag_holds_the_version_and_moves_only_with_changes(altinn: AltinnCaller) -> None:
    altinn.publish("generic", policy=None)
    seen = [put(altinn).headers["etag"]]

    def moved(answer: httpx.Response) -> bool:
        assert answer.status_code == 200, answer.text
        seen.append(answer.headers["etag"])
        return seen[-1] != seen[-2]

    assert not moved(put(altinn))
    assert moved(put(altinn, body={"name": "x", "description": "y"}))
    assert moved(put(altinn, "/members", members(CONSUMER)))
    assert not moved(put(altinn, "/members", members(CONSUMER)))
    assert not moved(altinn.call("POST", f"{LIST}/members", altinn.write, json=members(CONSUMER)))
    assert not moved(altinn.call("DELETE", f"{LIST}/members", altinn.write, json=members(SUPPLIER)))
    assert moved(put(altinn, "/resource-connections/demo-portal", {"actionFilters": ["read", "write"]}))
    assert not moved(put(altinn, "/resource-connections/demo-portal", {"actionFilters": ["write", "read"]}))
    assert moved(put(altinn, "/resource-connections/demo-portal", {}))
    assert moved(altinn.call("DELETE", f"{LIST}/resource-connections/demo-portal", altinn.write))
    for path in ("", "/members", "/resource-connections"):
        assert get(altinn, path).headers["etag"] == seen[-1]
    versions = [
        int(json.loads(base64.urlsafe_b64decode(one[3:-1] + "==").decode())["version"])
        for one in dict.fromkeys(seen)
    ]
    assert versions == sorted(versions)
    assert seen[0] == tag(versions[0])


# --- conditions ------------------------------------------------------------------------------------------------


def conditional(altinn: AltinnCaller, method: str, headers: dict[str, str], path: str = "") -> int:
    body = {"json": {"name": "new"}} if (method, path) == ("PUT", "") else {}
    if path == "/members" and method != "GET":
        body = {"json": members(CONSUMER)}
    return altinn.call(method, LIST + path, altinn.write, headers=headers, **body).status_code


def test_conditions_on_a_list_that_exists(altinn: AltinnCaller) -> None:
    equal = put(altinn).headers["etag"]
    other = tag(1)
    for headers, reading, writing in (
        ({"If-Match": equal}, 200, 200),
        ({"If-Match": f"{other}, {equal}"}, 200, 200),
        ({"If-Match": other}, 412, 412),
        ({"If-Match": "*"}, 200, 200),
        ({"If-None-Match": equal}, 304, 412),
        ({"If-None-Match": other}, 200, 200),
        ({"If-None-Match": "*"}, 304, 412),
        ({"If-Match": equal, "If-None-Match": equal}, 304, 412),
        ({"If-Match": other, "If-None-Match": other}, 412, 412),
    ):
        for path in ("", "/members", "/resource-connections"):
            assert conditional(altinn, "GET", headers, path) == reading, (headers, path)
        if writing == 412:
            for method, path in (("PUT", ""), ("DELETE", ""), ("PUT", "/members"), ("POST", "/members")):
                assert conditional(altinn, method, headers, path) == 412, (headers, method, path)
            assert get(altinn).json()["name"] == BODY["name"]
            assert get(altinn, "/members").json()["data"] == []
        else:
            # The name is what it was, so the version stays for the next round.
            assert put(altinn, headers=headers).status_code == 200, headers


def test_304_carries_the_tag_and_no_body(altinn: AltinnCaller) -> None:
    equal = put(altinn).headers["etag"]
    answer = get(altinn, headers={"If-None-Match": equal})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", equal)


def test_conditions_on_a_list_that_does_not_exist(altinn: AltinnCaller) -> None:
    for headers in ({"If-Match": tag(1)}, {"If-Match": "*"}):
        assert conditional(altinn, "PUT", headers) == 412
        assert conditional(altinn, "GET", headers) == 404
        assert conditional(altinn, "DELETE", headers) == 204
        assert conditional(altinn, "PUT", headers, "/members") == 404
    assert conditional(altinn, "PUT", {"If-None-Match": "*"}) == 200


def test_dates_count_only_without_tags(altinn: AltinnCaller) -> None:
    created = put(altinn)
    modified = parsedate_to_datetime(created.headers["last-modified"]).timestamp()
    same, older = formatdate(modified, usegmt=True), formatdate(modified - 60, usegmt=True)
    assert conditional(altinn, "GET", {"If-Unmodified-Since": older}) == 412
    assert conditional(altinn, "PUT", {"If-Unmodified-Since": older}) == 412
    assert conditional(altinn, "GET", {"If-Unmodified-Since": same}) == 200
    assert conditional(altinn, "GET", {"If-Modified-Since": same}) == 304
    assert conditional(altinn, "GET", {"If-Modified-Since": older}) == 200
    assert conditional(altinn, "GET", {"If-Unmodified-Since": "yesterday"}) == 200
    assert (
        conditional(altinn, "GET", {"If-Unmodified-Since": older, "If-Match": created.headers["etag"]}) == 200
    )


def test_only_weak_tags_are_understood(altinn: AltinnCaller) -> None:
    put(altinn)
    for header in ("If-Match", "If-None-Match"):
        answer = get(altinn, headers={header: '"abc"'})
        assert errors_of(answer) == {
            "conditions": [f"Invalid {header} header. Only weak etags are supported."]
        }
        assert errors_of(get(altinn, headers={header: 'W/"%%"'})) == {
            "conditions": [f"Invalid {header} header. Invalid etag."]
        }


# --- overview --------------------------------------------------------------------------------------------------


def make_lists(altinn: AltinnCaller, count: int) -> None:
    lists = [{"owner": "demo", "identifier": f"list-{number:02}", "name": "x"} for number in range(count)]
    lists[-1]["connections"] = [
        {"resource": "demo-portal", "action_filters": ["read"]},
        {"resource": "demo-files"},
    ]
    altinn.sandbox.seed({"altinn": {"access_lists": lists}})


def test_overview_has_pages_of_twenty_and_loses_the_include_on_the_way(altinn: AltinnCaller) -> None:
    make_lists(altinn, 41)
    overview = f"{LISTS}/demo"
    query = {"include": "resource-actions", "resource": "demo-portal"}
    first = altinn.call("GET", overview, altinn.write, params=query).json()
    assert [item["identifier"] for item in first["data"]] == [f"list-{number:02}" for number in range(20)]
    assert all(item["resourceConnections"] == [] for item in first["data"])
    following = httpx.URL(first["links"]["next"])
    assert str(following).startswith(f"{altinn.base}{overview}?")
    assert dict(following.params) == {"token": following.params["token"], "includes": "resource-actions"}
    second = altinn.call("GET", str(following), altinn.write).json()
    assert second["data"][0]["identifier"] == "list-20"
    assert "resourceConnections" not in second["data"][0]
    third = altinn.call("GET", second["links"]["next"], altinn.write, params=None).json()
    assert third["links"] == {}
    assert [item["identifier"] for item in third["data"]] == ["list-40"]


def test_includes_of_the_overview(altinn: AltinnCaller) -> None:
    make_lists(altinn, 1)
    overview = f"{LISTS}/demo"

    def connections(include: str) -> list[dict[str, Any]]:
        answer = altinn.call(
            "GET", overview, altinn.write, params={"include": include, "resource": "demo-portal"}
        )
        found = answer.json()["data"][0]["resourceConnections"]
        return [{name: one[name] for name in one if not name.endswith("At")} for one in found]

    assert connections("resources") == [{"resourceIdentifier": "demo-portal"}]
    with_actions = [{"resourceIdentifier": "demo-portal", "actionFilters": ["read"]}]
    assert connections("resource-actions") == with_actions
    assert connections("resources,resource-actions") == with_actions
    missing = altinn.call("GET", overview, altinn.write, params={"include": "resources"})
    assert problem_of(missing) == validation_error(
        "RR.VLD-00002",
        "Resource identifier is required when including resource connections.",
        "/$QUERY/resource",
    )
    wrong = altinn.call("GET", overview, altinn.write, params={"include": "everything"})
    assert errors_of(wrong) == {"include": ["Invalid value: 'everything'"]}
    unsupported = altinn.call("GET", overview, altinn.write, params={"include": "members"})
    assert unsupported.status_code == 501
    assert problem_of(unsupported) == {
        "type": "urn:altinn:error:RR-00000",
        "title": "Members are not supported yet as an include option for this endpoint.",
        "status": 501,
        "code": "RR-00000",
        "statusDescription": "Not Implemented",
    }


# --- who may ---------------------------------------------------------------------------------------------------


def test_scopes_for_reading_and_writing(altinn: AltinnCaller) -> None:
    put(altinn)
    read, other = altinn.token(LISTS_READ, SERVICE_OWNER), altinn.token(WRITE, SERVICE_OWNER)
    for token, reading, writing in ((None, 401, 401), ("x", 401, 401), (other, 403, 403), (read, 200, 403)):
        answer = altinn.call("GET", LIST, token)
        assert answer.status_code == reading
        if reading != 200:
            assert answer.content == b""
        refused = altinn.call("PUT", LIST, token, content=b"{")
        assert (refused.status_code, refused.content) == (writing, b"")
    assert altinn.call("GET", LIST, altinn.token(LISTS_WRITE, SERVICE_OWNER)).status_code == 200
    assert altinn.call("PUT", LIST, altinn.token(ADMIN, number=SKD), json=BODY).status_code == 200


def test_owner_is_the_code_in_any_case_or_the_consumer_in_the_org_list(altinn: AltinnCaller) -> None:
    put(altinn)
    assert altinn.call("GET", f"{LISTS}/DEMO/approved", altinn.write).status_code == 200
    without_code = altinn.token(LISTS_WRITE)
    assert altinn.call("GET", LIST, without_code).status_code == 200
    for token in (
        altinn.token(LISTS_WRITE, SERVICE_OWNER, number=SKD),
        altinn.token(LISTS_WRITE, number=SKD),
    ):
        answer = altinn.call("GET", LIST, token)
        assert (answer.status_code, answer.content) == (403, b"")


def test_test_department_belongs_to_digdir(altinn: AltinnCaller) -> None:
    path = f"{LISTS}/ttd/a-list"
    assert altinn.call("PUT", path, altinn.token(LISTS_WRITE, number=DIGDIR), json=BODY).status_code == 200
    as_digdir = altinn.token(LISTS_WRITE, SERVICE_OWNER, number=DIGDIR)
    assert altinn.call("PUT", path, as_digdir, json=BODY).status_code == 403
    as_ttd = altinn.token(LISTS_WRITE, SERVICE_OWNER, number=DIGDIR, test=True)
    assert altinn.call("PUT", path, as_ttd, json=BODY).status_code == 200


def test_owner_that_is_no_code(altinn: AltinnCaller) -> None:
    expected = validation_error(
        "RR.VLD-00010", "Access list owner must be a valid and registered org-code.", "/$PATH/owner"
    )
    for owner, token in (("nobody", altinn.token(ADMIN)), (DEMO, altinn.token(LISTS_WRITE))):
        answer = altinn.call("GET", f"{LISTS}/{owner}", token)
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert problem_of(answer) == expected
    assert altinn.call("GET", f"{LISTS}/nobody", altinn.write).status_code == 403


# --- members ---------------------------------------------------------------------------------------------------


def test_members_are_replaced_added_and_removed(altinn: AltinnCaller) -> None:
    moment = stop_clock(altinn, 0.5)
    put(altinn)
    page = put(altinn, "/members", members(CONSUMER)).json()
    member = page["data"][0]
    identifier = member["identifiers"]["urn:altinn:party:uuid"]
    number = member["identifiers"]["urn:altinn:party:id"]
    assert isinstance(number, int)
    assert page == {
        "links": {},
        "data": [
            {
                "id": f"urn:altinn:party:uuid:{identifier}",
                "since": stamp(moment, ".5"),
                "identifiers": {
                    "urn:altinn:party:uuid": identifier,
                    "urn:altinn:party:id": number,
                    "urn:altinn:organization:identifier-no": CONSUMER,
                },
            }
        ],
    }
    altinn.sandbox.clock(advance=60)
    added = altinn.call("POST", f"{LIST}/members", altinn.write, json=members(SUPPLIER, CONSUMER)).json()
    assert numbers_of(added) == [CONSUMER, SUPPLIER]
    assert added["data"][0] == member
    kept = put(altinn, "/members", members(SUPPLIER, SKD)).json()
    assert numbers_of(kept) == [SUPPLIER, SKD]
    removed = altinn.call("DELETE", f"{LIST}/members", altinn.write, json=members(SKD, CONSUMER)).json()
    assert numbers_of(removed) == [SUPPLIER]
    assert get(altinn, "/members").json() == removed
    assert numbers_of(put(altinn, "/members", {"data": []}).json()) == []


def test_kinds_of_references_may_be_mixed(altinn: AltinnCaller) -> None:
    put(altinn)
    page = put(altinn, "/members", members(CONSUMER, SUPPLIER)).json()
    first, second = (item["identifiers"] for item in page["data"])
    mixed = [
        f"urn:altinn:party:uuid:{first['urn:altinn:party:uuid']}",
        f"urn:altinn:party:id:{second['urn:altinn:party:id']}",
        urn(SKD),
    ]
    removed = altinn.call("DELETE", f"{LIST}/members", altinn.write, json={"data": mixed[:2]})
    assert removed.json()["data"] == []
    assert numbers_of(put(altinn, "/members", {"data": mixed}).json()) == [CONSUMER, SUPPLIER, SKD]


def test_person_can_be_a_member_and_has_no_organisation_number(altinn: AltinnCaller) -> None:
    person = {"party": "0b8d2a0e-9a53-4c0e-9a46-2f1d36c4a0f7", "id": 60000001}
    altinn.sandbox.seed({"altinn": {"persons": [person]}})
    put(altinn)
    page = put(altinn, "/members", {"data": [f"urn:altinn:party:id:{person['id']}"]}).json()
    assert page["data"][0]["identifiers"] == {
        "urn:altinn:party:uuid": person["party"],
        "urn:altinn:party:id": person["id"],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"data": [], "more": 1},
        {"members": []},
        [],
        {"data": "x"},
        {"data": [310002100]},
        {"data": ["urn:altinn:person:identifier-no:01017012345"]},
        {"data": ["urn:altinn:organization:identifier-no:12345"]},
    ],
)
def test_other_shapes_of_members_are_400(altinn: AltinnCaller, body: Any) -> None:
    put(altinn)
    assert put(altinn, "/members", body).status_code == 400


def test_order_of_checks_for_members(altinn: AltinnCaller) -> None:
    path = f"{LIST}/members"
    many = members(*["999999999"] * 101)
    foreign = altinn.token(LISTS_WRITE, SERVICE_OWNER, number=SKD)
    assert altinn.call("PUT", path, foreign, json=[]).status_code == 403
    assert altinn.call("PUT", path, altinn.write, json=[]).status_code == 400
    for method, code, text in (
        (
            "PUT",
            "RR.VLD-00000",
            "Cannot replace more than 100 members at a time. Use POST and DELETE methods instead.",
        ),
        ("POST", "RR.VLD-00001", "Cannot add or remove more than 100 members at a time."),
        ("DELETE", "RR.VLD-00001", "Cannot add or remove more than 100 members at a time."),
    ):
        answer = altinn.call(method, path, altinn.write, json=many)
        assert problem_of(answer) == validation_error(code, text, "/data")
        assert altinn.call(method, path, altinn.write, json=members("999999999")).status_code == 404
    put(altinn)
    old = {"If-Match": tag(1)}
    assert put(altinn, "/members", members("999999999"), headers=old).status_code == 412
    for method in ("PUT", "POST", "DELETE"):
        unknown = altinn.call(method, path, altinn.write, json=members(CONSUMER, "999999999"))
        assert unknown.status_code == 400
        assert problem_of(unknown) == {
            "type": "urn:altinn:error:RR-00001",
            "title": "One or more party references not found.",
            "status": 400,
            "code": "RR-00001",
            "statusDescription": "Bad Request",
        }
    assert get(altinn, "/members").json()["data"] == []


def test_members_come_in_pages_of_a_hundred_bound_to_the_version(altinn: AltinnCaller) -> None:
    numbers = altinn.sandbox.organizations(250)
    put(altinn)
    for begin in range(0, 250, 100):
        piece = members(*numbers[begin : begin + 100])
        first = altinn.call("POST", f"{LIST}/members", altinn.write, json=piece)
        assert first.status_code == 200
    assert len(first.json()["data"]) == 100
    found: list[str] = []
    link = "/members"
    for size in (100, 100, 50):
        page = get(altinn, link).json()
        assert len(page["data"]) == size
        found += numbers_of(page)
        link = page["links"].get("next")
    assert link is None
    assert found == numbers
    link = get(altinn, "/members").json()["links"]["next"]
    assert link.startswith(f"{altinn.base}{LIST}/members?token=")
    put(altinn, body={"name": "changed"})
    assert get(altinn, link).status_code == 412
    assert get(altinn, "/members?token=%25").status_code == 400


def test_two_thousand_members_are_twenty_pages(altinn: AltinnCaller) -> None:
    numbers = altinn.sandbox.organizations(2000)
    entry = {"owner": "demo", "identifier": "approved", "members": numbers}
    altinn.sandbox.seed({"altinn": {"access_lists": [entry]}})
    token = altinn.write
    altinn.sandbox.clear_requests()
    found: list[str] = []
    link: str | None = f"{LIST}/members"
    while link:
        page = altinn.call("GET", link, token).json()
        found += numbers_of(page)
        link = page["links"].get("next")
    assert found == numbers
    log = altinn.sandbox.requests(service="altinn")
    assert len(log) == 20


# --- connections -----------------------------------------------------------------------------------------------


def test_connections_are_made_changed_listed_and_removed(altinn: AltinnCaller) -> None:
    altinn.publish("generic", policy=None)
    altinn.publish("broker", policy=None)
    moment = stop_clock(altinn)
    put(altinn)
    answer = put(altinn, "/resource-connections/demo-portal", {"actionFilters": ["read"]})
    portal = {
        "resourceIdentifier": "demo-portal",
        "actionFilters": ["read"],
        "createdAt": stamp(moment),
        "updatedAt": stamp(moment),
    }
    assert answer.json() == portal
    files = put(altinn, "/resource-connections/demo-files", {}).json()
    assert "actionFilters" not in files
    page = get(altinn, "/resource-connections")
    assert page.json() == {"links": {}, "data": [files, portal]}
    altinn.sandbox.clock(advance=60)
    changed = put(altinn, "/resource-connections/demo-portal", {"actionFilters": []}).json()
    assert changed == {
        "resourceIdentifier": "demo-portal",
        "createdAt": stamp(moment),
        "updatedAt": stamp(moment + 60),
    }
    path = f"{LIST}/resource-connections/demo-files"
    removed = altinn.call("DELETE", path, altinn.write)
    assert (removed.status_code, removed.json()) == (200, files)
    assert altinn.call("DELETE", path, altinn.write).status_code == 204


def test_order_of_checks_for_a_connection(altinn: AltinnCaller) -> None:
    def connect(resource: str, token: str | None = None, **request: Any) -> httpx.Response:
        path = f"{LIST}/resource-connections/{resource}"
        return altinn.call("PUT", path, token or altinn.write, **(request or {"json": {}}))

    foreign = altinn.token(LISTS_WRITE, SERVICE_OWNER, number=SKD)
    assert connect("none", foreign, content=b"").status_code == 403
    empty = connect("none", content=b"", headers={"Content-Type": "application/json"})
    assert empty.status_code == 400
    assert "code" not in empty.json()
    unknown = connect("none")
    assert problem_of(unknown) == {
        "type": "urn:altinn:error:RR-00002",
        "title": "One or more resource references not found.",
        "status": 400,
        "code": "RR-00002",
        "statusDescription": "Bad Request",
    }
    other = {**sample("resource-post-generic.json"), "identifier": "skd-portal"}
    other["hasCompetentAuthority"] = {"organization": SKD, "orgcode": "SKD"}
    nobody = {**other, "identifier": "no-code", "hasCompetentAuthority": {"organization": DEMO}}
    altinn.sandbox.seed({"altinn": {"resources": [other, nobody]}})
    refused = connect("skd-portal")
    assert refused.status_code == 403
    assert problem_of(refused)["code"] == "RR-00004"
    assert connect("no-code").status_code == 500
    altinn.publish("generic", policy=None)
    assert connect("demo-portal").status_code == 404
    put(altinn)
    assert connect("demo-portal", json={}, headers={"If-Match": tag(1)}).status_code == 412
    assert connect("demo-portal").status_code == 200
    assert connect("skd-portal", altinn.token(ADMIN)).status_code == 200


def test_connection_survives_its_resource(altinn: AltinnCaller) -> None:
    altinn.publish("generic", policy=None)
    put(altinn)
    put(altinn, "/resource-connections/demo-portal", {})
    altinn.call("DELETE", f"{RESOURCE}/demo-portal", altinn.write)
    assert len(get(altinn, "/resource-connections").json()["data"]) == 1


# --- memberships -----------------------------------------------------------------------------------------------


def test_memberships_are_for_admins(altinn: AltinnCaller) -> None:
    altinn.publish("generic", policy=None)
    put(altinn)
    put(altinn, "/members", members(CONSUMER))
    put(altinn, "/resource-connections/demo-portal", {"actionFilters": ["read"]})
    path, admin = f"{LISTS}/memberships", altinn.token(ADMIN)
    query = {"party": urn(CONSUMER), "resource": "urn:altinn:resource:demo-portal"}
    assert altinn.call("GET", path, altinn.write, params=query).status_code == 403
    found = altinn.call("GET", path, admin, params=query).json()["data"]
    assert [(item["resource"], item["actionFilters"]) for item in found] == [
        ("urn:altinn:resource:demo-portal", ["read"])
    ]
    assert found[0]["party"].startswith("urn:altinn:party:uuid:")
    assert altinn.call("GET", path, admin, params={**query, "party": urn(SKD)}).json() == {"data": []}
    for wrong, code in (
        ({}, "RR.VLD-00003"),
        ({"party": "x"}, "RR.VLD-00004"),
        ({"party": urn(SKD), "resource": "x"}, "RR.VLD-00005"),
        ({"party": [urn(SKD), urn(DEMO)]}, "RR.VLD-00006"),
        ({"party": urn(SKD), "resource": [f"urn:altinn:resource:{name}" for name in "ab"]}, "RR.VLD-00007"),
    ):
        answer = altinn.call("GET", path, admin, params=wrong)
        assert [item["code"] for item in answer.json()["validationErrors"]] == [code]
    unknown = altinn.call("GET", path, admin, params={"party": urn("999999999")})
    assert problem_of(unknown)["code"] == "RR-00001"


def test_lists_survive_a_round_through_the_states_json(altinn: AltinnCaller) -> None:
    altinn.publish("generic", policy=None)
    put(altinn)
    put(altinn, "/members", members(CONSUMER, SUPPLIER))
    put(altinn, "/resource-connections/demo-portal", {"actionFilters": ["read"]})
    before, page, state = get(altinn), get(altinn, "/members").json(), altinn.sandbox.state()
    altinn.sandbox.reset()
    altinn.sandbox.control("PUT", "/state", state)
    after = get(altinn)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])
    assert get(altinn, "/members").json() == page
