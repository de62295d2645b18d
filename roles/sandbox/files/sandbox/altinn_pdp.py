# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Altinn's decision end points: the policy, what the context handler adds to the request, and access lists.

Source: GitHub Altinn/altinn-authorization-tmp, Altinn.Authorization (DecisionController, ContextHandler).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from . import xacml, xacml_pdp
from .altinn_access_lists import memberships
from .altinn_delegations import seen_policy, subjects_held
from .altinn_http import authorize, content_type, invalid, is_json, json_response, problem, route
from .altinn_model import BindingError, read_json
from .altinn_state import Party
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_authorize_needs_subscription_key",
    True,
    bool,
    "the external decision end point wants a header Ocp-Apim-Subscription-Key",
    "API Management in front of Altinn's platform",
)

SCOPE = "altinn:authorization/authorize"
_BASE = "/authorization/api/v1"
_CATEGORIES = {"accesssubject": xacml.SUBJECT, "action": xacml.ACTION, "resource": xacml.RESOURCE}
_PERSON = (
    "urn:altinn:userid",
    "urn:altinn:person:identifier-no",
    "urn:altinn:person:uuid",
    "urn:altinn:ssn",
)
_NUMBER = ("urn:altinn:organization:identifier-no", "urn:altinn:organizationnumber")


class _Unreadable(ValueError):
    """The body is no decision request."""


def _lower(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unreadable
    return {name.lower(): entry for name, entry in value.items()}


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _read_request(body: Any) -> tuple[xacml_pdp.DecisionRequest, bool]:
    """The request in a body of the XACML JSON profile, and whether it wants the policy's id. Raises _Unreadable."""
    outer = _lower(_lower(body).get("request"))
    request = xacml_pdp.DecisionRequest()
    categories = [
        (category, entry) for name, category in _CATEGORIES.items() for entry in _list(outer.get(name))
    ]
    categories += [(str(_lower(entry).get("categoryid")), entry) for entry in _list(outer.get("category"))]
    for category, entry in categories:
        for attribute in _list(_lower(entry).get("attribute")):
            given = _lower(attribute)
            for value in _list(given.get("value")):
                request.add(
                    category, str(given.get("attributeid")), str(value), given.get("datatype") or xacml.STRING
                )
    return request, bool(outer.get("returnpolicyidlist"))


def _resource_id(request: xacml_pdp.DecisionRequest) -> str | None:
    if found := request.of(xacml.RESOURCE, xacml.RESOURCE_ID):
        return found[0]
    organization = request.of(xacml.RESOURCE, "urn:altinn:org")
    app = request.of(xacml.RESOURCE, "urn:altinn:app")
    return f"app_{organization[0]}_{app[0]}" if organization and app else None


def _party(box: Sandbox, request: xacml_pdp.DecisionRequest) -> Party | None:
    """The party the request is about."""
    altinn = box.state.altinn
    for name in _NUMBER:
        for value in request.of(xacml.RESOURCE, name):
            return altinn.party_of_number(box.state, value)
    for value in request.of(xacml.RESOURCE, "urn:altinn:party:uuid"):
        return altinn.party_of_uuid(box.state, value)
    for value in request.of(xacml.RESOURCE, "urn:altinn:partyid"):
        return altinn.party_of_id(box.state, int(value)) if value.isdigit() else None
    return None


def _enrich(box: Sandbox, request: xacml_pdp.DecisionRequest, party: Party | None) -> None:
    """What the context handler adds: roles and packages that the person has for the party."""
    person = any(request.of(xacml.SUBJECT, name) for name in _PERSON)
    if not person or party is None or party.organization_number is None:
        return
    for urn in subjects_held(box, party.organization_number):
        kind, _unused, value = urn.rpartition(":")
        request.add(xacml.SUBJECT, kind, value, xacml.STRING)


def _access_list_allows(
    box: Sandbox, identifier: str, request: xacml_pdp.DecisionRequest, party: Party | None
) -> bool:
    if party is None or party.organization_number is None:
        return False
    actions = request.of(xacml.ACTION, xacml.ACTION_ID)
    return any(
        not filters or all(action in filters for action in actions)
        for _resource, _since, filters in memberships(box, party, identifier)
    )


def decide(
    box: Sandbox, request: xacml_pdp.DecisionRequest
) -> tuple[xacml_pdp.Decision, xacml.Policy | None]:
    """The decision on a request, and the policy that it rests on."""
    identifier = _resource_id(request)
    data = seen_policy(box, identifier) if identifier else None
    if identifier is None or data is None:
        message = f"no policy for resource {identifier}"
        return xacml_pdp.Decision("Indeterminate", xacml_pdp.PROCESSING_ERROR, message), None
    party = _party(box, request)
    _enrich(box, request, party)
    policy = xacml.parse_policy(data)
    decision = xacml_pdp.evaluate(policy, request)
    resource = box.state.altinn.find(identifier) or {}
    if (
        decision.decision == "Permit"
        and resource.get("accessListMode") == "Enabled"
        and not _access_list_allows(box, identifier, request, party)
    ):
        return xacml_pdp.Decision("Deny"), policy
    return decision, policy


def _obligation_json(obligation: xacml_pdp.ObligationAnswer) -> dict[str, Any]:
    return {
        "id": obligation.obligation_id,
        "attributeAssignment": [
            {
                "attributeId": attribute_id,
                "value": value.value,
                "category": category,
                "dataType": value.data_type,
                "issuer": issuer,
            }
            for attribute_id, category, issuer, value in obligation.assignments
        ],
    }


async def _answer(box: Sandbox, request: Request) -> Response:
    if not is_json(content_type(request)):
        return problem(415)
    try:
        wanted, with_policy = _read_request(read_json(await request.body()))
    except BindingError as error:
        return invalid({error.path: [str(error)]})
    except _Unreadable:
        return invalid({"Request": ["The Request field is required."]})
    decision, policy = decide(box, wanted)
    policies = None
    if with_policy and policy is not None:
        policies = {
            "policyIdReference": [{"id": policy.policy_id, "version": policy.version}],
            "policySetIdReference": None,
        }
    return json_response(
        {
            "response": [
                {
                    "decision": decision.decision,
                    "status": {
                        "statusMessage": decision.message,
                        "statusDetails": None,
                        "statusCode": {"value": decision.status, "statusCode": None},
                    },
                    "obligations": [_obligation_json(entry) for entry in decision.obligations] or None,
                    "associateAdvice": None,
                    "category": None,
                    "policyIdentifierList": policies,
                }
            ]
        }
    )


async def _authorize(box: Sandbox, request: Request) -> Response:
    if box.switches["altinn_authorize_needs_subscription_key"] and not request.headers.get(
        "ocp-apim-subscription-key"
    ):
        return json_response(
            {
                "statusCode": 401,
                "message": "Access denied due to missing subscription key. Make sure to include subscription key when "
                "making requests to an API.",
            },
            401,
        )
    authorize(box, request, SCOPE)
    return await _answer(box, request)


async def _decision(box: Sandbox, request: Request) -> Response:
    authorize(box, request, SCOPE)
    return await _answer(box, request)


def routes(box: Sandbox) -> list[BaseRoute]:
    """Both decision end points."""
    return [
        route(box, "POST", f"{_BASE}/authorize", _authorize),
        route(box, "POST", f"{_BASE}/decision", _decision),
    ]
