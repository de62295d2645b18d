# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Altinn's Resource Registry: resources, lists, feeds (GitHub Altinn/altinn-resource-registry, ResourceController)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from . import altinn_model
from .altinn_http import (
    ADMIN,
    WRITE,
    Caller,
    Reply,
    altinn_invalid,
    authorize,
    content_type,
    empty,
    flag,
    from_opaque,
    invalid,
    invalid_resource,
    is_json,
    json_response,
    opaque,
    problem,
    query,
    route,
    server_error,
    text,
    url_with_query,
)
from .altinn_state import iso
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_environment",
    "TT02",
    ("TT02", "PROD", "YT01", "AT22", "AT23", "AT24", "LOCAL"),
    "the name the resource registry knows its environment by; PROD refuses to delete a resource",
    "GitHub Altinn/altinn-resource-registry, ResourceController",
)

BASE = "/resourceregistry/api/v1/resource"
_LOG = logging.getLogger(__name__)


# --- checks that policies share --------------------------------------------------------------------------------


def require_owner(caller: Caller, organization: str | None) -> None:
    """The registry's owner check: the consumer of the token against an organisation number.

    Raises:
        Reply: 403 for another organisation; 500 where the server's own code throws. Neither has a body.
    """
    if caller.is_registry_admin:
        return
    number = caller.consumer_number()
    if number is None or organization is None:
        raise Reply(empty(500))
    if number != organization:
        raise Reply(empty(403))


def require_scope_prefixes(caller: Caller, resource: dict[str, Any]) -> None:
    """Every Maskinporten scope the resource refers to must have one of the caller's prefixes. Raises Reply (401)."""
    if ADMIN in caller.scopes:
        return
    allowed = tuple(f"{prefix}:" for prefix in caller.prefixes)
    foreign = [
        reference["reference"]
        for reference in resource.get("resourceReferences") or ()
        if reference
        and reference.get("referenceType") == "MaskinportenScope"
        and reference.get("reference") is not None
        and not reference["reference"].startswith(allowed)
    ]
    if foreign:
        raise Reply(
            json_response(
                {
                    "title": "Unauthorized",
                    "status": 401,
                    "detail": "Not authorized for creating resource with the listed scopes",
                    "errors": {"InvalidPrefix": foreign},
                },
                401,
            )
        )


# --- create, replace, delete -----------------------------------------------------------------------------------


def _validated(box: Sandbox, bound: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """The resource to store. Raises Reply (400) with the answer of the first stage that fails."""
    if errors := altinn_model.missing_members(bound):
        raise Reply(invalid_resource(box, errors))
    resource = altinn_model.complete(bound)
    if errors := altinn_model.broken_rules(resource, creating=creating):
        raise Reply(invalid_resource(box, errors))
    return resource


async def _create(box: Sandbox, request: Request) -> Response:
    caller = authorize(box, request, WRITE, ADMIN)
    if not is_json(content_type(request)):
        return problem(415)
    try:
        bound = altinn_model.parse(await request.body())
    except altinn_model.BindingError as error:
        return invalid_resource(
            box, {error.path: [str(error)], "serviceResource": ["The serviceResource field is required."]}
        )
    if bound is None:
        return invalid_resource(
            box,
            {
                "": ["A non-empty request body is required."],
                "serviceResource": ["The serviceResource field is required."],
            },
        )
    resource = _validated(box, bound, creating=True)
    require_owner(caller, resource["hasCompetentAuthority"].get("organization"))
    require_scope_prefixes(caller, resource)
    identifier = resource["identifier"]
    altinn = box.state.altinn
    if identifier in altinn.resources or identifier in altinn.burned:
        return json_response(f"The Resource already exist: {identifier}", 409)
    if altinn_model.holds_nul(resource):
        return json_response("22P05: unsupported Unicode escape sequence", 500)
    altinn.add_version(resource, box.now())
    return empty(201, {"Location": f"{BASE}/{identifier}"})


async def _replace(box: Sandbox, request: Request) -> Response:
    caller = authorize(box, request, WRITE, ADMIN)
    if not is_json(content_type(request)):
        return problem(415)
    identifier = request.path_params["id"]
    altinn = box.state.altinn
    try:
        bound = altinn_model.parse(await request.body())
    except altinn_model.BindingError:
        # Model binding is not checked by itself here: the action goes on with a body that is null.
        bound = None
    stored = altinn.resources.get(identifier)
    if stored is None:
        return problem(404)
    if bound is None:
        return empty(500)
    if bound.get("identifier") != identifier:
        return json_response("Id in path does not match ID in resource", 400)
    resource = _validated(box, bound, creating=False)
    organization = resource["hasCompetentAuthority"].get("organization")
    # The server looks at the owner in the new body only, so a resource can be taken over. Reproduced on purpose.
    require_owner(caller, organization)
    require_scope_prefixes(caller, resource)
    if altinn_model.holds_nul(resource):
        return json_response("22P05: unsupported Unicode escape sequence", 500)
    if organization != stored.owner:
        _LOG.warning("resource %s goes from organisation %s to %s", identifier, stored.owner, organization)
    altinn.add_version(resource, box.now())
    return empty(200)


async def _delete(box: Sandbox, request: Request) -> Response:
    caller = authorize(box, request, WRITE, ADMIN)
    if box.switches["altinn_environment"] == "PROD":
        return text("Delete operation is not allowed in PROD environment", 403)
    identifier = request.path_params["id"]
    stored = box.state.altinn.resources.get(identifier)
    if stored is None:
        return problem(404)
    if "urn:altinn:orgNumber" in caller.claims:
        require_owner(caller, stored.owner)
    box.state.altinn.delete_resource(identifier)
    return empty(204)


# --- read ------------------------------------------------------------------------------------------------------


async def _read(box: Sandbox, request: Request) -> Response:
    identifier = request.path_params["id"]
    version = query(request).get("versionid")
    stored = box.state.altinn.resources.get(identifier)
    if version:
        if not version.lstrip("-").isdigit():
            return invalid({"versionId": [f"The value '{version}' is not valid."]})
        for candidate in stored.versions if stored else ():
            if candidate["versionId"] == int(version):
                return json_response(candidate)
        return problem(404)
    found = box.state.altinn.find(identifier)
    return json_response(found) if found is not None else problem(404)


async def _list(box: Sandbox, request: Request) -> Response:
    with_apps = flag(request, "includeApps", True)
    with_migrated = flag(request, "includeMigratedApps", False)
    altinn = box.state.altinn
    result = []
    for resource in altinn.resources.values():
        kind = resource.newest["resourceType"]
        if (kind == "AltinnApp" and not with_apps) or (kind == "MigratedApp" and not with_migrated):
            continue
        result.append(altinn_model.with_authorization_reference(resource.newest))
    if with_apps:
        result.extend(
            altinn_model.with_authorization_reference(app)
            for identifier, app in altinn.apps.items()
            if identifier not in altinn.resources
        )
    return json_response(result)


def _contains(needle: str, *texts: str | None) -> bool:
    return any(needle.lower() in value.lower() for value in texts if value)


def _matches(resource: dict[str, Any], wanted: dict[str, str]) -> bool:
    authority = resource["hasCompetentAuthority"]
    for name, needle in wanted.items():
        match name:
            case "id":
                found = _contains(needle, resource["identifier"])
            case "description":
                found = _contains(needle, *resource["description"].values())
            case "keyword":
                found = _contains(needle, *(entry.get("word") for entry in resource.get("keywords") or ()))
            case "reference":
                references = resource.get("resourceReferences") or ()
                found = _contains(needle, *(entry["reference"] for entry in references))
            case "resourcetype":
                found = resource["resourceType"] == needle
            case "orgcode":
                found = (authority.get("orgcode") or "").lower() == needle.lower()
            case "organizationid":
                found = (authority.get("organization") or "").lower() == needle.lower()
            case _:
                continue
        if not found:
            return False
    return True


async def _search(box: Sandbox, request: Request) -> Response:
    wanted = {name: value for name, value in query(request).items() if value}
    if kind := wanted.get("resourcetype"):
        by_lower = {name.lower(): name for name in altinn_model.RESOURCE_TYPES}
        if kind.lower() not in by_lower:
            return invalid({"ResourceType": [f"The value '{kind}' is not valid for ResourceType."]})
        wanted["resourcetype"] = by_lower[kind.lower()]
    resources = box.state.altinn.resources.values()
    if "reference" in wanted and any(
        reference.get("reference") is None
        for resource in resources
        for version in resource.versions
        for reference in version.get("resourceReferences") or ()
    ):
        return server_error(box)
    result = []
    for resource in resources:
        # All versions are searched and the newest match is shown, be it superseded or not.
        matching = [version for version in resource.versions if _matches(version, wanted)]
        if matching:
            result.append(altinn_model.with_authorization_reference(matching[-1]))
    return json_response(result)


# --- feeds -----------------------------------------------------------------------------------------------------


def _page_limit(request: Request, code: str) -> int:
    """``limit``, 1 to 1000. Raises Reply (400)."""
    given = query(request).get("limit")
    if not given:
        return 1000
    try:
        limit = int(given)
    except ValueError as error:
        raise Reply(invalid({"limit": [f"The value '{given}' is not valid."]})) from error
    if not 1 <= limit <= 1000:
        detail = f"Limit must be between 1 and 1000, was {limit}." if code == "RR.VLD-00011" else None
        raise Reply(altinn_invalid(code, "/$QUERY/limit", detail))
    return limit


def _page_token(request: Request) -> int:
    """The position after which the page begins. Raises Reply (400)."""
    token = query(request).get("token")
    if not token:
        return 0
    try:
        return int(from_opaque(token))
    except ValueError as error:
        raise Reply(invalid({"token": [f"The value '{token}' is not valid."]})) from error


async def _changes(box: Sandbox, request: Request) -> Response:
    limit = _page_limit(request, "RR.VLD-00011")
    after = _page_token(request)
    feed = sorted(
        (
            (resource.change_number, identifier, resource.changed_at)
            for identifier, resource in box.state.altinn.resources.items()
            if resource.policy is not None and resource.change_number > after
        )
    )
    page = feed[:limit]
    links = {}
    if len(feed) > limit:
        links["next"] = url_with_query(request, [("token", opaque(str(page[-1][0]))), ("limit", str(limit))])
    data = [{"resourceId": identifier, "changedAt": iso(at)} for _unused, identifier, at in page]
    return json_response({"links": links, "data": data})


async def _updated(box: Sandbox, request: Request) -> Response:
    limit = _page_limit(request, "RR.VLD-00008")
    since_text = query(request).get("since")
    since = 0.0
    if since_text:
        # A "+" that was not escaped arrives as a blank.
        try:
            moment = datetime.fromisoformat(since_text.replace(" ", "+"))
        except ValueError:
            return invalid({"since": [f"The value '{since_text}' is not valid."]})
        since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    after = _page_token(request)
    feed = [
        (position, change)
        for position, change in enumerate(box.state.altinn.subject_changes, start=1)
        if position > after and round(change["at"], 6) >= round(since, 6)
    ]
    page = feed[:limit]
    links = {}
    if len(feed) > limit:
        parameters = [("token", opaque(str(page[-1][0]))), ("limit", str(limit))]
        links["next"] = url_with_query(
            request, [("since", since_text), *parameters] if since_text else parameters
        )
    data = [
        {
            "subjectUrn": change["subject"],
            "resourceUrn": f"urn:altinn:resource:{change['resource']}",
            "updatedAt": iso(change["at"]),
            "deleted": change["deleted"],
        }
        for _unused, change in page
    ]
    return json_response({"links": links, "data": data})


# --- catalogue -------------------------------------------------------------------------------------------------


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


async def _export(box: Sandbox, request: Request) -> Response:
    lines = [
        "@prefix cpsv: <http://purl.org/vocab/cpsv#> .",
        "@prefix dct: <http://purl.org/dc/terms/> .",
        "",
    ]
    for identifier, resource in box.state.altinn.resources.items():
        newest = resource.newest
        titles = ", ".join(
            f"{_literal(value)}@{language}" for language, value in newest["title"].items() if value
        )
        lines.append(f"<{box.urls['altinn']}{BASE}/{identifier}> a cpsv:PublicService ;")
        if titles:
            lines.append(f"    dct:title {titles} ;")
        lines.append(f"    dct:identifier {_literal(identifier)} .")
        lines.append("")
    return Response("\n".join(lines), media_type="text/turtle")


async def _orgs(box: Sandbox, request: Request) -> Response:
    return json_response({"orgs": box.state.altinn.org_list(box.state)})


def routes(box: Sandbox) -> list[BaseRoute]:
    """Resources; the fixed paths come before ``{id}``."""
    return [
        route(box, "GET", f"{BASE}/resourcelist", _list),
        route(box, "GET", f"{BASE}/Search", _search),
        route(box, "GET", f"{BASE}/export", _export),
        route(box, "GET", f"{BASE}/updated", _updated),
        route(box, "GET", f"{BASE}/changes", _changes),
        route(box, "GET", f"{BASE}/orgs", _orgs),
        route(box, "POST", BASE, _create),
        route(box, "GET", f"{BASE}/{{id}}", _read),
        route(box, "PUT", f"{BASE}/{{id}}", _replace),
        route(box, "DELETE", f"{BASE}/{{id}}", _delete),
    ]


def cdn_routes(box: Sandbox) -> list[BaseRoute]:
    """The published org list."""
    return [route(box, "GET", "/orgs/altinn-orgs.json", _orgs)]
