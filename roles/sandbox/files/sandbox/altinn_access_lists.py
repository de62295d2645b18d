# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists of Altinn's Resource Registry (GitHub Altinn/altinn-resource-registry, AccessListsController)."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from .altinn_http import (
    ADMIN,
    FOREIGN_RESOURCE,
    MEMBERS_NOT_INCLUDED,
    UNKNOWN_PARTY,
    UNKNOWN_RESOURCE,
    VALIDATION,
    VALIDATION_TEXTS,
    Caller,
    Reply,
    altinn_invalid,
    altinn_problem,
    authenticate,
    authorize,
    content_type,
    empty,
    from_opaque,
    invalid,
    is_json,
    json_response,
    opaque,
    problem,
    query,
    route,
    server_error,
    url_with_query,
)
from .altinn_model import BindingError, read_json
from .altinn_state import AccessList, Connection, Party, iso

if TYPE_CHECKING:
    from .core import Sandbox

READ = "altinn:resourceregistry/accesslist.read"
WRITE = "altinn:resourceregistry/accesslist.write"
PDP_READ = "altinn:resourceregistry/pdp:accesslist.read"

BASE = "/resourceregistry/api/v1/access-lists"
LISTS_ON_A_PAGE = 20
ITEMS_ON_A_PAGE = 100
MEMBERS_IN_A_REQUEST = 100

_ORGANIZATION_URN = re.compile(r"urn:altinn:organization:identifier-no:([0-9]{9})")
_UUID_URN = re.compile(r"urn:altinn:party:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_ID_URN = re.compile(r"urn:altinn:party:id:([0-9]{1,9})")
_RESOURCE_URN = re.compile(r"urn:altinn:resource:(.+)")

# The test department has no number of its own in the org list.
_TEST_DEPARTMENT = "ttd"
_TEST_DEPARTMENT_NUMBER = "991825827"


# --- who may ---------------------------------------------------------------------------------------------------


def _codes_of(box: Sandbox, number: str | None) -> set[str]:
    if number is None:
        return set()
    codes = {
        code for code, entry in box.state.altinn.org_list(box.state).items() if entry.get("orgnr") == number
    }
    return codes | {_TEST_DEPARTMENT} if number == _TEST_DEPARTMENT_NUMBER else codes


def _owner(box: Sandbox, request: Request, *scopes: str) -> tuple[Caller, str]:
    """The caller, who may act for the owner in the path, and the owner's code in lower case. Raises Reply."""
    caller = authorize(box, request, *scopes)
    owner = request.path_params["owner"].lower()
    if caller.scopes.isdisjoint((ADMIN, PDP_READ)):
        code = caller.claims.get("urn:altinn:org")
        if code is not None:
            allowed = str(code).lower() == owner
        else:
            number = caller.consumer_number()
            allowed = owner == number or owner in _codes_of(box, number)
        if not allowed:
            raise Reply(empty(403))
    if not box.state.altinn.is_code(box.state, owner):
        raise Reply(altinn_invalid("RR.VLD-00010", "/$PATH/owner"))
    return caller, owner


# --- conditions ------------------------------------------------------------------------------------------------


def entity_tag(version: int) -> str:
    """The weak tag of a list in this version."""
    payload = json.dumps({"version": str(version)}, separators=(",", ":"))
    return f'W/"{opaque(payload)}"'


def _tags(request: Request, header: str) -> list[int] | str | None:
    """Versions in a header of tags, ``*``, or None when it is not there. Raises Reply (400)."""
    lines = request.headers.getlist(header)
    if not lines:
        return None
    versions = []
    for tag in (piece.strip() for line in lines for piece in line.split(",")):
        if not tag:
            continue
        if tag == "*":
            return "*"
        name = "-".join(word.capitalize() for word in header.split("-"))
        if not tag.startswith('W/"'):
            raise Reply(invalid({"conditions": [f"Invalid {name} header. Only weak etags are supported."]}))
        try:
            versions.append(int(json.loads(from_opaque(tag[3:].removesuffix('"')))["version"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Reply(invalid({"conditions": [f"Invalid {name} header. Invalid etag."]})) from error
    return versions


def _date(request: Request, header: str) -> float | None:
    """Epoch seconds of a date header; bad dates count as absent."""
    value = request.headers.get(header)
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The preconditions of a request."""

    match: list[int] | str | None
    none_match: list[int] | str | None
    unmodified_since: float | None
    modified_since: float | None

    @classmethod
    def of(cls, request: Request) -> Conditions:
        """Read the headers. Dates count only when no tags are given. Raises Reply (400) for tags that are not weak."""
        match, none_match = _tags(request, "if-match"), _tags(request, "if-none-match")
        dates = match is None and none_match is None
        return cls(
            match,
            none_match,
            _date(request, "if-unmodified-since") if dates else None,
            _date(request, "if-modified-since") if dates else None,
        )

    def check(self, found: AccessList, *, reading: bool) -> None:
        """Compare with a list that exists. Raises Reply (304 or 412)."""
        version, modified = found.version, int(found.updated)
        failed = isinstance(self.match, list) and version not in self.match
        unchanged = (
            self.none_match == "*"
            or (isinstance(self.none_match, list) and version in self.none_match)
            or (self.modified_since is not None and modified <= self.modified_since)
        )
        if self.unmodified_since is not None and modified > self.unmodified_since:
            failed = True
        if failed or (unchanged and not reading):
            raise Reply(empty(412))
        if unchanged:
            raise Reply(empty(304, _headers(found)))

    def check_absent(self) -> None:
        """Compare with a list that is about to be created. Raises Reply (412)."""
        if self.match is not None:
            raise Reply(empty(412))


def _headers(found: AccessList) -> dict[str, str]:
    return {"ETag": entity_tag(found.version), "Last-Modified": formatdate(found.updated, usegmt=True)}


def _moved(box: Sandbox, found: AccessList) -> None:
    """Any change moves the version of the whole list."""
    found.version = box.state.altinn.next_event()
    found.updated = box.now()


# --- bodies ----------------------------------------------------------------------------------------------------


def _connection_json(resource: str, connection: Connection, *, filters: bool = True) -> dict[str, Any]:
    shown = (
        {"actionFilters": list(connection.action_filters)} if filters and connection.action_filters else {}
    )
    return {
        "resourceIdentifier": resource,
        **shown,
        "createdAt": iso(connection.created),
        "updatedAt": iso(connection.updated),
    }


def _list_json(
    found: AccessList, includes: set[str] | None = None, resource: str | None = None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "urn": found.urn,
        "identifier": found.identifier,
        "name": found.name,
        "description": found.description,
        "createdAt": iso(found.created),
        "updatedAt": iso(found.updated),
    }
    if includes:
        body["resourceConnections"] = [
            _connection_json(name, connection, filters="resource-actions" in includes)
            for name, connection in sorted(found.connections.items())
            if resource is None or name == resource
        ]
    return body


def _member_json(box: Sandbox, identifier: str, since: float) -> dict[str, Any]:
    party = box.state.altinn.party_of_uuid(box.state, identifier)
    identifiers: dict[str, Any] = {"urn:altinn:party:uuid": identifier}
    if party is not None:
        identifiers["urn:altinn:party:id"] = party.id
        if party.organization_number is not None:
            identifiers["urn:altinn:organization:identifier-no"] = party.organization_number
    return {"id": f"urn:altinn:party:uuid:{identifier}", "since": iso(since), "identifiers": identifiers}


def _includes(request: Request) -> set[str]:
    """The values of ``include``. Raises Reply (400, 501)."""
    given = [value.strip() for value in query(request).get("include", "").split(",")]
    values = {value for value in given if value}
    for value in sorted(values):
        if value not in ("resources", "resource-actions", "members"):
            raise Reply(invalid({"include": [f"Invalid value: '{value}'"]}))
    if "members" in values:
        raise Reply(altinn_problem(MEMBERS_NOT_INCLUDED))
    return values


async def _body(request: Request) -> Any:
    """The JSON body. Raises Reply (415, 400)."""
    if not is_json(content_type(request)):
        raise Reply(problem(415))
    data = await request.body()
    if not data.strip():
        raise Reply(invalid({"": ["A non-empty request body is required."]}))
    try:
        return read_json(data)
    except BindingError as error:
        raise Reply(invalid({error.path: [str(error)]})) from error


async def _object(request: Request) -> dict[str, Any]:
    """The JSON object in the body, member names in lower case. Raises Reply (415, 400)."""
    body = await _body(request)
    if not isinstance(body, dict):
        raise Reply(invalid({"$": ["The JSON value could not be converted to the model."]}))
    return {name.lower(): value for name, value in body.items()}


# --- paging ----------------------------------------------------------------------------------------------------


def _versioned_page(
    request: Request, found: AccessList, items: list[Any], to_json: Callable[[Any], dict[str, Any]]
) -> Response:
    """A page of members or connections; its token is bound to the version of the list. Raises Reply (400, 412)."""
    # A write answers the first page, whatever the query says.
    token = query(request).get("token") if request.method == "GET" else None
    begin = 0
    if token:
        try:
            version, begin = (int(part) for part in json.loads(from_opaque(token)))
        except (ValueError, TypeError) as error:
            raise Reply(invalid({"token": [f"The value '{token}' is not valid."]})) from error
        if version != found.version:
            raise Reply(empty(412))
    end = begin + ITEMS_ON_A_PAGE
    links = {}
    if len(items) > end:
        links["next"] = url_with_query(request, [("token", opaque(json.dumps([found.version, end])))])
    body = {"links": links, "data": [to_json(item) for item in items[begin:end]]}
    return json_response(body, headers=_headers(found))


def _members_page(box: Sandbox, request: Request, found: AccessList) -> Response:
    return _versioned_page(
        request, found, list(found.members.items()), lambda item: _member_json(box, item[0], item[1])
    )


# --- lists -----------------------------------------------------------------------------------------------------


def _find(box: Sandbox, request: Request, owner: str) -> AccessList:
    """The list in the path. Raises Reply (404)."""
    found = box.state.altinn.find_list(owner, request.path_params["list"])
    if found is None:
        raise Reply(problem(404))
    return found


async def _overview(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, READ, WRITE, PDP_READ, ADMIN)
    includes = _includes(request)
    resource = query(request).get("resource") or None
    if includes and resource is None:
        return altinn_invalid("RR.VLD-00002", "/$QUERY/resource")
    token = query(request).get("token")
    after = ""
    if token:
        try:
            after = str(json.loads(from_opaque(token)))
        except ValueError:
            return invalid({"token": [f"The value '{token}' is not valid."]})
    lists = box.state.altinn.access_lists.get(owner, {})
    names = sorted(name for name in lists if name > after)
    page = names[:LISTS_ON_A_PAGE]
    links = {}
    if len(names) > LISTS_ON_A_PAGE:
        parameters = [("token", opaque(json.dumps(page[-1])))]
        if includes:
            # The server's own mistake: the parameter is called include, and the resource is lost.
            parameters.append(("includes", query(request)["include"]))
        links["next"] = url_with_query(request, parameters)
    data = [_list_json(lists[name], includes, resource) for name in page]
    return json_response({"links": links, "data": data})


async def _read(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, READ, WRITE, PDP_READ, ADMIN)
    includes = _includes(request)
    conditions = Conditions.of(request)
    found = _find(box, request, owner)
    conditions.check(found, reading=True)
    return json_response(_list_json(found, includes), headers=_headers(found))


async def _put(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, WRITE, ADMIN)
    conditions = Conditions.of(request)
    body = await _object(request)
    name, description = body.get("name"), body.get("description")
    if name is None:
        return invalid({"Name": ["The Name field is required."]})
    for member, value in (("name", name), ("description", description)):
        if value is not None and not isinstance(value, str):
            return invalid(
                {f"$.{member}": [f"The JSON value could not be converted to System.String. Path: $.{member}"]}
            )
    identifier = request.path_params["list"]
    altinn = box.state.altinn
    found = altinn.find_list(owner, identifier)
    if found is None:
        conditions.check_absent()
        now = box.now()
        found = AccessList(owner, identifier, name, description or "", now, now, altinn.next_event())
        altinn.access_lists.setdefault(owner, {})[identifier] = found
    else:
        conditions.check(found, reading=False)
        if (found.name, found.description) != (name, description or ""):
            found.name, found.description = name, description or ""
            _moved(box, found)
    return json_response(_list_json(found), headers=_headers(found))


async def _delete(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, WRITE, ADMIN)
    conditions = Conditions.of(request)
    found = box.state.altinn.find_list(owner, request.path_params["list"])
    if found is None:
        return empty(204)
    conditions.check(found, reading=False)
    del box.state.altinn.access_lists[owner][found.identifier]
    _moved(box, found)
    return json_response(_list_json(found), headers=_headers(found))


async def _patch(box: Sandbox, request: Request) -> Response:
    _owner(box, request, WRITE, ADMIN)
    return problem(501)


# --- members ---------------------------------------------------------------------------------------------------


async def _read_members(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, READ, WRITE, PDP_READ, ADMIN)
    conditions = Conditions.of(request)
    found = _find(box, request, owner)
    conditions.check(found, reading=True)
    return _members_page(box, request, found)


def _party_reference(urn: Any, position: int) -> tuple[str, str]:
    """Kind and value of a party URN. Raises Reply (400)."""
    if isinstance(urn, str):
        for kind, pattern in (("number", _ORGANIZATION_URN), ("uuid", _UUID_URN), ("id", _ID_URN)):
            if found := pattern.fullmatch(urn):
                return kind, found[1]
    path = f"$.data[{position}]"
    raise Reply(invalid({path: [f"The JSON value could not be converted to a party URN. Path: {path}"]}))


def _resolve(box: Sandbox, kind: str, value: str) -> Party | None:
    altinn = box.state.altinn
    match kind:
        case "number":
            return altinn.party_of_number(box.state, value)
        case "uuid":
            return altinn.party_of_uuid(box.state, value)
        case _:
            return altinn.party_of_id(box.state, int(value))


def _change_members(
    change: Callable[[dict[str, float], dict[str, float]], dict[str, float]], too_many: str
) -> Callable[[Sandbox, Request], Awaitable[Response]]:
    """A handler that computes new members from the present and the given ones (party UUID -> since)."""

    async def handler(box: Sandbox, request: Request) -> Response:
        _caller, owner = _owner(box, request, WRITE, ADMIN)
        conditions = Conditions.of(request)
        body = await _body(request)
        if not isinstance(body, dict) or set(body) != {"data"} or not isinstance(body["data"], list):
            return invalid({"$": ["An object with the one member 'data', an array, is expected. Path: $"]})
        references = [_party_reference(urn, position) for position, urn in enumerate(body["data"])]
        if len(references) > MEMBERS_IN_A_REQUEST:
            return altinn_invalid(too_many, "/data")
        found = _find(box, request, owner)
        conditions.check(found, reading=False)
        now = box.now()
        given: dict[str, float] = {}
        for kind, value in references:
            party = _resolve(box, kind, value)
            if party is None:
                return altinn_problem(UNKNOWN_PARTY)
            given[party.uuid] = now
        after = change(found.members, given)
        if after.keys() != found.members.keys():
            found.members = after
            _moved(box, found)
        return _members_page(box, request, found)

    return handler


_replace_members = _change_members(
    lambda present, given: {uuid: present.get(uuid, since) for uuid, since in given.items()}, "RR.VLD-00000"
)
_add_members = _change_members(
    lambda present, given: {
        **present,
        **{uuid: since for uuid, since in given.items() if uuid not in present},
    },
    "RR.VLD-00001",
)
_remove_members = _change_members(
    lambda present, given: {uuid: since for uuid, since in present.items() if uuid not in given},
    "RR.VLD-00001",
)


# --- connections -----------------------------------------------------------------------------------------------


async def _read_connections(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, READ, WRITE, PDP_READ, ADMIN)
    conditions = Conditions.of(request)
    found = _find(box, request, owner)
    conditions.check(found, reading=True)
    return _versioned_page(
        request, found, sorted(found.connections.items()), lambda item: _connection_json(item[0], item[1])
    )


async def _put_connection(box: Sandbox, request: Request) -> Response:
    caller, owner = _owner(box, request, WRITE, ADMIN)
    conditions = Conditions.of(request)
    body = await _object(request)
    filters = body.get("actionfilters") or []
    if not isinstance(filters, list) or not all(isinstance(action, str) for action in filters):
        return invalid({"$.actionFilters": ["The JSON value could not be converted. Path: $.actionFilters"]})
    identifier = request.path_params["resource"]
    resource = box.state.altinn.find(identifier)
    if resource is None:
        return altinn_problem(UNKNOWN_RESOURCE)
    if ADMIN not in caller.scopes:
        code = resource["hasCompetentAuthority"].get("orgcode")
        if code is None:
            return server_error(box)
        if code.lower() != owner:
            return altinn_problem(FOREIGN_RESOURCE)
    found = _find(box, request, owner)
    conditions.check(found, reading=False)
    now = box.now()
    connection = found.connections.get(identifier)
    if connection is None:
        connection = found.connections[identifier] = Connection(list(dict.fromkeys(filters)), now, now)
        _moved(box, found)
    elif set(connection.action_filters) != set(filters):
        connection.action_filters = list(dict.fromkeys(filters))
        connection.updated = now
        _moved(box, found)
    return json_response(_connection_json(identifier, connection), headers=_headers(found))


async def _delete_connection(box: Sandbox, request: Request) -> Response:
    _caller, owner = _owner(box, request, WRITE, ADMIN)
    conditions = Conditions.of(request)
    found = _find(box, request, owner)
    conditions.check(found, reading=False)
    identifier = request.path_params["resource"]
    connection = found.connections.pop(identifier, None)
    if connection is None:
        return empty(204, _headers(found))
    _moved(box, found)
    return json_response(_connection_json(identifier, connection), headers=_headers(found))


# --- memberships -----------------------------------------------------------------------------------------------


def memberships(
    box: Sandbox, party: Party, resource: str | None = None
) -> list[tuple[str, float, list[str]]]:
    """What a party may use through access lists: (resource id, since, action filters; none means every action)."""
    result: dict[str, tuple[float, list[str] | None]] = {}
    for lists in box.state.altinn.access_lists.values():
        for found in lists.values():
            since = found.members.get(party.uuid)
            if since is None:
                continue
            for identifier, connection in found.connections.items():
                if resource is not None and identifier != resource:
                    continue
                earlier, filters = result.get(identifier, (since, []))
                everything = filters is None or not connection.action_filters
                merged = None if everything else sorted({*(filters or []), *connection.action_filters})
                result[identifier] = (min(earlier, since), merged)
    return [(identifier, since, filters or []) for identifier, (since, filters) in sorted(result.items())]


async def _memberships(box: Sandbox, request: Request) -> Response:
    authorize(box, request, ADMIN)
    parties: list[str] = []
    resources: list[str] = []
    for name, value in request.query_params.multi_items():
        if name.lower() == "party" and value:
            parties.append(value)
        elif name.lower() == "resource" and value:
            resources.append(value)
    errors: list[tuple[str, str]] = []
    if not parties:
        errors.append(("RR.VLD-00003", "/$QUERY/party"))
    if len(parties) > 1:
        errors.append(("RR.VLD-00006", "/$QUERY/party"))
    party: Party | None = None
    for urn in parties:
        try:
            party = _resolve(box, *_party_reference(urn, 0))
        except Reply:
            errors.append(("RR.VLD-00004", "/$QUERY/party"))
    if len(resources) > 1:
        errors.append(("RR.VLD-00007", "/$QUERY/resource"))
    identifier: str | None = None
    for urn in resources:
        found = _RESOURCE_URN.fullmatch(urn)
        if found is None:
            errors.append(("RR.VLD-00005", "/$QUERY/resource"))
        else:
            identifier = found[1]
    if errors:
        items = [{"code": code, "title": VALIDATION_TEXTS[code], "paths": [path]} for code, path in errors]
        return altinn_problem(VALIDATION, validationErrors=items)
    if party is None:
        return altinn_problem(UNKNOWN_PARTY)
    data = [
        {
            "party": f"urn:altinn:party:uuid:{party.uuid}",
            "resource": f"urn:altinn:resource:{name}",
            "since": iso(since),
            **({"actionFilters": filters} if filters else {}),
        }
        for name, since, filters in memberships(box, party, identifier)
    ]
    return json_response({"data": data})


async def _by_member(box: Sandbox, request: Request) -> Response:
    """For the platform's own components, whose tokens nobody has here."""
    authenticate(box, request)
    return empty(403)


def routes(box: Sandbox) -> list[BaseRoute]:
    """Access lists; the fixed paths come before ``{owner}``."""
    of_owner = f"{BASE}/{{owner}}"
    of_list = f"{of_owner}/{{list}}"
    members = f"{of_list}/members"
    connections = f"{of_list}/resource-connections"
    return [
        route(box, "GET", f"{BASE}/memberships", _memberships),
        route(box, "GET", f"{BASE}/get-by-member", _by_member),
        route(box, "GET", of_owner, _overview),
        route(box, "GET", of_list, _read),
        route(box, "PUT", of_list, _put),
        route(box, "DELETE", of_list, _delete),
        route(box, "PATCH", of_list, _patch),
        route(box, "GET", members, _read_members),
        route(box, "PUT", members, _replace_members),
        route(box, "POST", members, _add_members),
        route(box, "DELETE", members, _remove_members),
        route(box, "GET", connections, _read_connections),
        route(box, "PUT", f"{connections}/{{resource}}", _put_connection),
        route(box, "DELETE", f"{connections}/{{resource}}", _delete_connection),
    ]
