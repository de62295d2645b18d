# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists as they are, for those who only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import CollectionError
from .._run import Task
from ._access_list_api import ACCESS_LIST_READ, AccessLists, LiveList, own_code
from ._registry import Registry


def inform(task: Task) -> dict[str, Any]:
    """The access lists of an owner, with members and connections (module ``altinn_access_list_info``)."""
    session, params = task.session, task.params
    login = session.altinn((ACCESS_LIST_READ,))
    registry = Registry(session, login)
    owner = (params.get("owner") or own_code(session, registry, login)).lower()
    api = AccessLists(session, registry, owner)
    wanted = params.get("identifier")
    if wanted and not params.get("resource"):
        names = list(dict.fromkeys(wanted))
    else:
        overview = api.overview(params.get("resource"))
        names = [
            str(entry.get("identifier"))
            for entry in overview
            if (not params.get("resource") or entry.get("resourceConnections"))
            and (not wanted or entry.get("identifier") in wanted)
        ]
    outcomes = session.transport.map(
        lambda name: api.read(name, members=params["members"], connections=params["connections"]), names
    )
    found: list[dict[str, Any]] = []
    for name, live in zip(names, outcomes, strict=True):
        if isinstance(live, CollectionError):
            raise live
        if live is not None:
            found.append(_described(name, owner, live, params))
    if params.get("names"):
        _add_names(task, found)
    return {"owner": owner, "access_lists": found}


def _described(name: str, owner: str, live: LiveList, params: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {**live.object, "identifier": name, "owner": owner}
    if params["members"]:
        described["members"] = [
            {
                "organization_number": number,
                "since": live.members[number].get("since"),
                "id": live.members[number].get("id"),
            }
            for number in sorted(live.members)
        ] + [
            {"organization_number": None, "since": entry.get("since"), "id": entry.get("id")}
            for entry in live.others
        ]
    if params["connections"]:
        described["connections"] = [
            {"resource": resource, "actions": list(live.connections[resource])}
            for resource in sorted(live.connections)
        ]
    return described


def _add_names(task: Task, found: Sequence[dict[str, Any]]) -> None:
    """``name`` of each member from the register of organisations; None where nobody knows the number."""
    from .._register import Register

    members = [member for entry in found for member in entry.get("members", ())]
    numbers = sorted({member["organization_number"] for member in members if member["organization_number"]})
    known = Register(task.session).look_up(numbers) if numbers else {}
    for member in members:
        organization = known.get(member["organization_number"])
        member["name"] = organization.name if organization else None
