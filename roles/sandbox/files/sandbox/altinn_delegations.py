# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delegations in Altinn's access management: the provider's look-up, and the API of consumers and suppliers.

Source: GitHub Altinn/altinn-authorization-tmp, Altinn.AccessManagement. The end-user API is behind feature switches there;
its paths and codes are certain, the bodies of its lists are not.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from . import organization_numbers, xacml
from .altinn_http import (
    AltinnError,
    Caller,
    Reply,
    altinn_problem,
    authorize,
    empty,
    flag,
    invalid,
    json_response,
    query,
    route,
)
from .altinn_state import Delegation, Party, party_uuid
from .switches import declare

if TYPE_CHECKING:
    from .core import Sandbox

declare(
    "altinn_cache_seconds",
    0,
    float,
    "seconds until access management and the PDP see a new resource or policy; 600 in the real platform",
    "caches of Altinn's services",
)
declare(
    "altinn_enduser_api",
    True,
    bool,
    "access management's end-user API for Maskinporten delegations is switched on",
    "feature switches of Altinn's access management",
)
declare(
    "altinn_delegation_needs_all_rights",
    True,
    bool,
    "a resource is delegable only to those who hold every right of its policy; else one right is enough",
    "a MaskinportenSchema resource is delegated as a whole; not stated by Altinn",
)
declare(
    "altinn2_roles_end",
    "2027-01-01",
    str,
    "the day (in the sandbox's time) from which Altinn 2 role codes give nobody anything; empty for never",
    "digdir/roadmap issue 609",
)

LOOKUP = "altinn:maskinporten/delegations"
LOOKUP_ADMIN = "altinn:maskinporten/delegations.admin"
PORTAL = "altinn:portal/enduser"
SUPPLIERS = "altinn:accessmanagement/enduser:maskinportensuppliers"
CONSUMERS = "altinn:accessmanagement/enduser:maskinportenconsumers"
SUPPLIER_ROLE = "42cae370-2dc1-4fdc-9c67-c2f4b0f0f829"
"""The role of the relation between consumer and supplier."""
DELEGATION_SCREENS = frozenset(
    {
        "urn:altinn:accesspackage:hovedadministrator",
        "urn:altinn:accesspackage:maskinporten-administrator",
        "urn:altinn:rolecode:hadm",
        "urn:altinn:rolecode:apiadm",
        "urn:altinn:rolecode:apiadmnuf",
    }
)
"""Subjects of Altinn's own resource ``altinn_maskinporten_scope_delegation``."""

_BASE = "/accessmanagement/api/v1"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

CONNECTION_MISSING = AltinnError("AM-00022", 400, "Missing connection between the parties.")
PARTY_NOT_FOUND = AltinnError("AM-00023", 400, "Party not found.")
INVALID_RESOURCE = AltinnError("AM-00027", 400, "Invalid resource.")
NOT_AUTHORIZED = AltinnError("AM-00028", 403, "Not authorized to delegate the resource.")
NOT_DELEGABLE = AltinnError("AM-00042", 400, "The resource is not delegable.")


# --- what the platform's caches let it see ---------------------------------------------------------------------


def is_seen(box: Sandbox, identifier: str) -> bool:
    """True when access management's list of resources holds the resource already."""
    resource = box.state.altinn.resources.get(identifier)
    return resource is not None and resource.created_at + box.switches["altinn_cache_seconds"] <= box.now()


def seen_policy(box: Sandbox, identifier: str) -> bytes | None:
    """The policy that access management and the PDP go by, which may lag behind the stored one."""
    altinn = box.state.altinn
    resource = altinn.resources.get(identifier)
    if resource is None:
        return altinn.app_policies.get(identifier)
    return resource.policy_seen_at(box.now() - box.switches["altinn_cache_seconds"])


def subjects_held(box: Sandbox, number: str) -> list[str]:
    """Subject URNs that whoever acts for an organisation holds today, lower case."""
    held = box.state.altinn.subjects_held(number)
    end = box.switches["altinn2_roles_end"]
    if end and box.now_datetime().date().isoformat() >= end:
        return [urn for urn in held if not urn.startswith("urn:altinn:rolecode:")]
    return held


# --- the provider's look-up ------------------------------------------------------------------------------------


def _problem(status: int, section: str, title: str) -> Response:
    body = {
        "type": f"https://tools.ietf.org/html/rfc7231#section-{section}",
        "title": title,
        "status": status,
    }
    return json_response(body, status, media_type="application/problem+json")


def _check_numbers(box: Sandbox, numbers: dict[str, str]) -> None:
    """Form of both numbers, then that both are known. Raises Reply (400), for one number only."""
    for name in ("supplierOrg", "consumerOrg"):
        if name in numbers and not organization_numbers.is_valid(numbers[name]):
            raise Reply(invalid({name: [f"{name} is not a valid organization number"]}))
    for name in ("consumerOrg", "supplierOrg"):
        if name in numbers and box.state.altinn.party_of_number(box.state, numbers[name]) is None:
            text = f"The specified {name}: {numbers[name]}, is not a valid organization number (Parameter '{name}')"
            raise Reply(invalid({name: [text]}))


def _given(box: Sandbox) -> list[tuple[str, str, str, float]]:
    """All delegations of resources: (consumer, supplier, resource id, created), oldest first."""
    altinn = box.state.altinn
    found = {key: entry.created for key, entry in altinn.delegations.items()}
    # Delegations of the general seed name a resource, or a scope and thereby every resource that refers to it.
    for entry in box.state.delegations:
        resources = (
            [entry["resource"]] if entry.get("resource") else altinn.resources_of_scope(entry["scope"])
        )
        for resource in resources:
            stored = altinn.resources.get(resource)
            found.setdefault(
                (entry["consumer"], entry["supplier"], resource), stored.created_at if stored else 0.0
            )
    return sorted(((*key, created) for key, created in found.items()), key=lambda row: row[3])


def _scheme_id(resource: dict[str, Any]) -> str | None:
    for reference in resource.get("resourceReferences") or ():
        text = reference.get("reference") or ""
        if reference.get("referenceType") == "DelegationSchemeId" and _GUID.fullmatch(text):
            return str(text)
    return None


async def _look_up(box: Sandbox, request: Request) -> Response:
    caller = authorize(box, request, LOOKUP, LOOKUP_ADMIN)
    parameters = query(request)
    scope = parameters.get("scope", "").strip()
    numbers = {
        name: value
        for name in ("supplierOrg", "consumerOrg")
        if (value := parameters.get(name.lower(), "").strip())
    }
    if LOOKUP_ADMIN not in caller.scopes:
        if not scope:
            return _problem(
                403,
                "6.5.3",
                "Not authorized for lookup of delegations without specifying parameter: scope",
            )
        if scope.partition(":")[0] not in caller.prefixes:
            return _problem(403, "6.5.3", f"Not authorized for lookup of delegations for the scope: {scope}")
    elif not scope and not numbers:
        return _problem(
            400,
            "6.5.1",
            "Missing query parameters; provide at least one of: scope, supplierOrg, consumerOrg",
        )
    _check_numbers(box, numbers)
    altinn = box.state.altinn
    wanted = set(altinn.resources_of_scope(scope)) if scope else None
    rows = []
    for consumer, supplier, identifier, created in _given(box):
        if (
            (wanted is not None and identifier not in wanted)
            or numbers.get("consumerOrg", consumer) != consumer
            or numbers.get("supplierOrg", supplier) != supplier
            or not is_seen(box, identifier)
        ):
            continue
        rows.append(
            {
                "consumer_org": consumer,
                "supplier_org": supplier,
                "delegation_scheme_Id": _scheme_id(altinn.resources[identifier].newest),
                "scopes": altinn.scopes_of(identifier),
                "created": box.timestamp(0, created),
                "resourceid": identifier,
            }
        )
    return json_response(rows)


# --- the API of consumers and suppliers ------------------------------------------------------------------------


def _acting_for(box: Sandbox, request: Request, *scopes: str) -> str:
    """Number of the organisation in ``party``, for which the caller may use the delegation screens. Raises Reply."""
    if not box.switches["altinn_enduser_api"]:
        raise Reply(empty(404))
    caller: Caller = authorize(box, request, PORTAL, *scopes)
    party = box.state.altinn.party_of_uuid(box.state, query(request).get("party", ""))
    if party is None or party.organization_number is None:
        raise Reply(altinn_problem(PARTY_NOT_FOUND))
    number = party.organization_number
    if caller.consumer_number() != number or DELEGATION_SCREENS.isdisjoint(subjects_held(box, number)):
        raise Reply(empty(403))
    return number


def _other(box: Sandbox, request: Request, name: str) -> str:
    """Organisation number of the other party, given as number or party UUID. Raises Reply (400)."""
    value = query(request).get(name, "")
    altinn = box.state.altinn
    party: Party | None = altinn.party_of_number(box.state, value) or altinn.party_of_uuid(box.state, value)
    if party is None or party.organization_number is None:
        raise Reply(altinn_problem(PARTY_NOT_FOUND))
    return party.organization_number


def _relation_json(consumer: str, supplier: str, relation: Delegation) -> dict[str, str]:
    return {
        "id": relation.id,
        "roleId": SUPPLIER_ROLE,
        "fromId": party_uuid(consumer),
        "toId": party_uuid(supplier),
    }


def _delegation_json(consumer: str, supplier: str, resource: str, entry: Delegation) -> dict[str, str]:
    return {
        "id": entry.id,
        "resourceId": resource,
        "fromId": party_uuid(consumer),
        "toId": party_uuid(supplier),
    }


async def _list_suppliers(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.read", f"{SUPPLIERS}.write")
    return json_response(
        [
            _relation_json(*key, entry)
            for key, entry in box.state.altinn.suppliers.items()
            if key[0] == consumer
        ]
    )


async def _add_supplier(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.write")
    supplier = _other(box, request, "supplier")
    relation = box.state.altinn.suppliers.setdefault(
        (consumer, supplier), Delegation(str(uuid.uuid4()), box.now())
    )
    return json_response(_relation_json(consumer, supplier, relation))


def _remove_relation(box: Sandbox, request: Request, consumer: str, supplier: str) -> Response:
    altinn = box.state.altinn
    if (consumer, supplier) not in altinn.suppliers:
        return altinn_problem(CONNECTION_MISSING)
    given = [key for key in altinn.delegations if key[:2] == (consumer, supplier)]
    if given and not flag(request, "cascade", False):
        return invalid({"cascade": ["The relation has delegations; remove them first or say cascade=true."]})
    for key in given:
        del altinn.delegations[key]
    del altinn.suppliers[(consumer, supplier)]
    return empty(204)


async def _remove_supplier(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.write")
    return _remove_relation(box, request, consumer, _other(box, request, "supplier"))


def _resource(box: Sandbox, request: Request) -> str:
    """The id of the MaskinportenSchema resource in ``resource``. Raises Reply (400)."""
    identifier = query(request).get("resource", "")
    resource = box.state.altinn.resources.get(identifier)
    if (
        resource is None
        or resource.newest["resourceType"] != "MaskinportenSchema"
        or not is_seen(box, identifier)
    ):
        raise Reply(altinn_problem(INVALID_RESOURCE))
    return identifier


def delegation_check(box: Sandbox, identifier: str, number: str) -> tuple[bool, list[dict[str, str]]]:
    """May whoever acts for the organisation delegate the resource?

    Returns:
        The answer, and reasons as {reasonCode, description, subject}.
    """
    resource = box.state.altinn.resources[identifier].newest
    if not resource["delegable"]:
        return False, [
            {"reasonCode": "ResourceNotDelegable", "description": "The resource is not delegable."}
        ]
    data = seen_policy(box, identifier)
    try:
        views = xacml.rule_views(xacml.parse_policy(data)) if data is not None else []
    except (xacml.PolicyViewError, xacml.PolicyStructureError):
        views = []
    rights: dict[str, set[str]] = {}
    for view in views:
        if view.effect == "Permit" and len(view.subject) == 1:
            key = xacml.right_key_v2(view.action.value, view.resource)
            rights.setdefault(key, set()).add(view.subject[0].urn.lower())
    held = set(subjects_held(box, number))
    granted: list[str] = []
    missing: list[str] = []
    for subjects in rights.values():
        own = sorted(subjects & held)
        (granted if own else missing).extend(own or sorted(subjects))
    reasons = [
        {"reasonCode": _reason("Access", urn), "description": f"Access through {urn}", "subject": urn}
        for urn in dict.fromkeys(granted)
    ]
    enough = not missing or not box.switches["altinn_delegation_needs_all_rights"]
    if granted and enough:
        return True, reasons
    missing_reasons = [
        {"reasonCode": _reason("Missing", urn), "description": f"Would need {urn}", "subject": urn}
        for urn in dict.fromkeys(missing)
    ]
    return False, missing_reasons or [
        {"reasonCode": "MissingRoleAccess", "description": "The policy gives nobody the right."}
    ]


def _reason(kind: str, urn: str) -> str:
    what = "Package" if urn.startswith("urn:altinn:accesspackage:") else "Role"
    return f"Missing{what}Access" if kind == "Missing" else f"{what}Access"


async def _check(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.read", f"{SUPPLIERS}.write")
    identifier = _resource(box, request)
    result, reasons = delegation_check(box, identifier, consumer)
    return json_response({"resource": identifier, "result": result, "reasons": reasons})


def _list_delegations(
    box: Sandbox, *, consumer: str | None, supplier: str | None, resource: str | None
) -> Response:
    return json_response(
        [
            _delegation_json(*key, entry)
            for key, entry in box.state.altinn.delegations.items()
            if consumer in (None, key[0]) and supplier in (None, key[1]) and resource in (None, "", key[2])
        ]
    )


async def _list_supplier_resources(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.read", f"{SUPPLIERS}.write")
    supplier = _other(box, request, "supplier") if query(request).get("supplier") else None
    return _list_delegations(
        box, consumer=consumer, supplier=supplier, resource=query(request).get("resource")
    )


async def _delegate(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.write")
    supplier = _other(box, request, "supplier")
    altinn = box.state.altinn
    if (consumer, supplier) not in altinn.suppliers:
        return altinn_problem(CONNECTION_MISSING)
    identifier = _resource(box, request)
    if not altinn.resources[identifier].newest["delegable"]:
        return altinn_problem(NOT_DELEGABLE)
    if not delegation_check(box, identifier, consumer)[0]:
        return altinn_problem(NOT_AUTHORIZED)
    entry = altinn.delegations.setdefault(
        (consumer, supplier, identifier), Delegation(str(uuid.uuid4()), box.now())
    )
    return json_response(_delegation_json(consumer, supplier, identifier, entry))


def _withdraw(box: Sandbox, consumer: str, supplier: str, resource: str) -> Response:
    if box.state.altinn.delegations.pop((consumer, supplier, resource), None) is None:
        return altinn_problem(INVALID_RESOURCE)
    return empty(204)


async def _withdraw_from_supplier(box: Sandbox, request: Request) -> Response:
    consumer = _acting_for(box, request, f"{SUPPLIERS}.write")
    return _withdraw(box, consumer, _other(box, request, "supplier"), query(request).get("resource", ""))


async def _list_consumers(box: Sandbox, request: Request) -> Response:
    supplier = _acting_for(box, request, f"{CONSUMERS}.read", f"{CONSUMERS}.write")
    return json_response(
        [
            _relation_json(*key, entry)
            for key, entry in box.state.altinn.suppliers.items()
            if key[1] == supplier
        ]
    )


async def _remove_consumer(box: Sandbox, request: Request) -> Response:
    supplier = _acting_for(box, request, f"{CONSUMERS}.write")
    return _remove_relation(box, request, _other(box, request, "consumer"), supplier)


async def _list_consumer_resources(box: Sandbox, request: Request) -> Response:
    supplier = _acting_for(box, request, f"{CONSUMERS}.read", f"{CONSUMERS}.write")
    consumer = _other(box, request, "consumer") if query(request).get("consumer") else None
    return _list_delegations(
        box, consumer=consumer, supplier=supplier, resource=query(request).get("resource")
    )


async def _give_back(box: Sandbox, request: Request) -> Response:
    supplier = _acting_for(box, request, f"{CONSUMERS}.write")
    return _withdraw(box, _other(box, request, "consumer"), supplier, query(request).get("resource", ""))


def routes(box: Sandbox) -> list[BaseRoute]:
    """The look-up and the end-user API."""
    suppliers = f"{_BASE}/enduser/maskinportensuppliers"
    consumers = f"{_BASE}/enduser/maskinportenconsumers"
    return [
        route(box, "GET", f"{_BASE}/maskinporten/delegations", _look_up),
        route(box, "GET", suppliers, _list_suppliers),
        route(box, "POST", suppliers, _add_supplier),
        route(box, "DELETE", suppliers, _remove_supplier),
        route(box, "GET", f"{suppliers}/resources", _list_supplier_resources),
        route(box, "POST", f"{suppliers}/resources", _delegate),
        route(box, "DELETE", f"{suppliers}/resources", _withdraw_from_supplier),
        route(box, "GET", f"{suppliers}/resources/delegationcheck", _check),
        route(box, "GET", consumers, _list_consumers),
        route(box, "DELETE", consumers, _remove_consumer),
        route(box, "GET", f"{consumers}/resources", _list_consumer_resources),
        route(box, "DELETE", f"{consumers}/resources", _give_back),
    ]
