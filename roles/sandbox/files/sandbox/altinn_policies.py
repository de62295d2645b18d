# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies in Altinn's Resource Registry: upload, download, and the views derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import python_multipart
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from . import altinn_model, xacml
from .altinn_http import (
    ADMIN,
    WRITE,
    Reply,
    authorize,
    content_type,
    empty,
    flag,
    invalid,
    json_response,
    problem,
    refuse_other_than_json,
    route,
    server_error,
    text,
)
from .altinn_resources import BASE, require_owner
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_policy_store",
    "works",
    ("works", "unconfirmed"),
    "unconfirmed: the store does not confirm an uploaded policy, which is answered 400",
    "GitHub Altinn/altinn-resource-registry, ResourceController",
)

#: Starlette looks for it only when a form arrives; imported here, the sandbox says at start that it is missing.
FORM_PARSER = python_multipart.__name__
V2_BASE = "/resourceregistry/api/v2/resource"
_PARTY_SUBJECTS = (
    "urn:altinn:rolecode",
    "urn:altinn:external-role:ccr",
    "urn:altinn:external-role:cra",
    "urn:altinn:accesspackage",
)
_ACTION_NAMES = {
    "nb": {"read": "Les", "write": "Skriv", "sign": "Signer", "access": "Tilgang", "delete": "Slett"},
    "nn": {"read": "Les", "write": "Skriv", "sign": "Signer", "access": "Tilgang", "delete": "Slett"},
    "en": {"read": "Read", "write": "Write", "sign": "Sign", "access": "Access", "delete": "Delete"},
}


async def _upload(box: Sandbox, request: Request) -> Response:
    caller = authorize(box, request, WRITE, ADMIN)
    if content_type(request) != "multipart/form-data":
        return problem(415)
    try:
        async with request.form() as form:
            part = form.get("policyFile")
            data = await part.read() if isinstance(part, UploadFile) else None
    except HTTPException as error:
        return invalid({"": [f"Failed to read the request form. {error.detail}"]})
    if data is None:
        return json_response("The policy file can not be null", 400)
    identifier = request.path_params["id"]
    altinn = box.state.altinn
    known = altinn.find(identifier)
    if known is None:
        return json_response("Unknown resource", 400)
    require_owner(caller, known["hasCompetentAuthority"].get("organization"))
    try:
        policy = xacml.parse_policy(data)
        xacml.check_content(policy, identifier)
    except (xacml.PolicyContentError, xacml.PolicyVersionError) as error:
        return json_response(str(error), 400)
    except xacml.PolicyStructureError:
        return server_error(box)
    if box.switches["altinn_policy_store"] == "unconfirmed":
        return json_response("Something went wrong in the upload of file to storage", 400)
    stored = altinn.resources.get(identifier)
    if stored is None:
        # An app of the app store, known here by its policy only.
        altinn.app_policies[identifier] = data
    else:
        stored.set_policy(data, box.now())
    try:
        _index_subjects(box, identifier, policy)
    except xacml.PolicyViewError:
        # The policy is in force by now, although the client sees an error.
        return server_error(box)
    if stored is not None:
        altinn.touch(stored, box.now())
    return empty(201, {"Location": f"{identifier}/policy"})


def _index_subjects(box: Sandbox, identifier: str, policy: xacml.Policy) -> None:
    subjects = xacml.subject_attributes(policy)
    box.state.altinn.set_subjects(
        identifier, {subject.urn: (subject.type, subject.value) for subject in subjects}, box.now()
    )


async def _download(box: Sandbox, request: Request) -> Response:
    identifier = request.path_params["id"]
    altinn = box.state.altinn
    if altinn.find(identifier) is None:
        return text("Unable to find resource", 404)
    policy = altinn.policy_of(identifier)
    if policy is None:
        return text("Unable to find requested policy", 404)
    return Response(
        policy,
        headers={
            "Content-Type": "text/xml",
            "Content-Disposition": "attachment; filename=policy.xml; filename*=UTF-8''policy.xml",
        },
    )


def _stored_policy(box: Sandbox, request: Request) -> xacml.Policy:
    """The parsed policy of the resource in the path. Raises Reply (404, or 415 for a body type other than JSON)."""
    refuse_other_than_json(request)
    data = box.state.altinn.policy_of(request.path_params["id"])
    if data is None:
        raise Reply(problem(404))
    return xacml.parse_policy(data)


def _views(box: Sandbox, policy: xacml.Policy) -> list[xacml.RuleView]:
    try:
        return xacml.rule_views(policy)
    except (xacml.PolicyViewError, xacml.PolicyStructureError) as error:
        raise Reply(server_error(box)) from error


async def _subjects(box: Sandbox, request: Request) -> Response:
    refuse_other_than_json(request)
    identifier = request.path_params["id"]
    if (
        flag(request, "reloadFromXacml", False)
        and (data := box.state.altinn.policy_of(identifier)) is not None
    ):
        try:
            _index_subjects(box, identifier, xacml.parse_policy(data))
        except xacml.PolicyViewError:
            return server_error(box)
    subjects = box.state.altinn.subjects.get(identifier)
    if not subjects:
        return problem(404)
    data_list = [{"type": kind, "value": value, "urn": urn} for urn, (kind, value) in subjects.items()]
    return json_response({"links": {}, "data": data_list})


async def _rules(box: Sandbox, request: Request) -> Response:
    views = _views(box, _stored_policy(box, request))
    return json_response(
        [
            {
                "subject": [attribute.to_json() for attribute in view.subject],
                "action": view.action.to_json(),
                "resource": [attribute.to_json() for attribute in view.resource],
            }
            for view in views
        ]
    )


async def _rights(box: Sandbox, request: Request) -> Response:
    rights: dict[str, dict[str, Any]] = {}
    for view in _views(box, _stored_policy(box, request)):
        key = xacml.right_key(view.action.value, view.resource)
        right = rights.setdefault(
            key,
            {
                "action": view.action.to_json(),
                "resource": [attribute.to_json() for attribute in view.resource],
                "subjects": [],
                "rightKey": key,
                "subjectTypes": set(),
            },
        )
        right["subjects"].append({"subjectAttributes": [attribute.to_json() for attribute in view.subject]})
        right["subjectTypes"].update(attribute.type for attribute in view.subject)
    return json_response(
        [{**right, "subjectTypes": sorted(right["subjectTypes"])} for right in rights.values()]
    )


def _language(request: Request) -> str:
    first = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip().lower()[:2]
    return first if first in _ACTION_NAMES else "nb"


async def _rights_v2(box: Sandbox, request: Request) -> Response:
    counted = [
        *_PARTY_SUBJECTS,
        *(["urn:altinn:org"] if flag(request, "includeServiceOwnerRights", False) else []),
        *(["urn:altinn:resource:delegation"] if flag(request, "includeAppRights", False) else []),
    ]
    names = _ACTION_NAMES[_language(request)]
    rights: dict[str, dict[str, Any]] = {}
    for view in _views(box, _stored_policy(box, request)):
        if not any(attribute.type in counted for attribute in view.subject):
            continue
        key = xacml.right_key_v2(view.action.value, view.resource)
        rights.setdefault(
            key,
            {
                "key": key,
                "name": names.get(view.action.value.lower(), view.action.value),
                "resource": [attribute.to_json() for attribute in view.resource],
                "action": view.action.to_json(),
            },
        )
    return json_response(list(rights.values()))


async def _by_subjects(box: Sandbox, request: Request) -> Response:
    refuse_other_than_json(request)
    try:
        urns = altinn_model.read_json(await request.body())
    except altinn_model.BindingError as error:
        return invalid({error.path: [str(error)]})
    if not isinstance(urns, list) or not all(isinstance(urn, str) for urn in urns):
        return invalid(
            {
                "$": [
                    "The JSON value could not be converted to System.Collections.Generic.List`1[System.String]."
                ]
            }
        )
    data = []
    for urn in dict.fromkeys(urns):
        resources = box.state.altinn.resources_with_subject(urn)
        if not resources:
            continue
        kind, _unused, value = urn.rpartition(":")
        data.append(
            {
                "subject": {"type": kind, "value": value, "urn": urn},
                "resources": [
                    {
                        "type": "urn:altinn:resource",
                        "value": identifier,
                        "urn": f"urn:altinn:resource:{identifier}",
                    }
                    for identifier in resources
                ],
            }
        )
    return json_response({"links": {}, "data": data})


def routes(box: Sandbox) -> list[BaseRoute]:
    """Policies and their views; must come before the routes of resources, whose ``{id}`` stops at a slash anyway."""
    policy = f"{BASE}/{{id}}/policy"
    return [
        route(box, "GET", policy, _download),
        route(box, "POST", policy, _upload),
        route(box, "PUT", policy, _upload),
        route(box, "GET", f"{policy}/subjects", _subjects),
        route(box, "GET", f"{policy}/rules", _rules),
        route(box, "GET", f"{policy}/rights", _rights),
        route(box, "GET", f"{V2_BASE}/{{id}}/policy/rights", _rights_v2),
        route(box, "POST", f"{BASE}/bysubjects", _by_subjects),
    ]
