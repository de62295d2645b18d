# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists as they are declared: options, files of members, and what can be refused before any request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .._consumer_file import ConsumerList, read_consumers, rows_from_values
from .._errors import GuardError, InputError
from .._maskinporten import _access
from .._options import with_defaults
from .._run import Task
from .._transport import path_segment

STATES: Final = ("present", "absent")


def connection_options() -> dict[str, dict[str, Any]]:
    """The options of one connection of a list to a resource."""
    return {
        "resource": {"type": "str", "required": True},
        "actions": {"type": "list", "elements": "str"},
        "enforce": {"type": "bool"},
        "state": {"type": "str", "choices": list(STATES), "default": STATES[0]},
    }


def access_list_options() -> dict[str, dict[str, Any]]:
    """The options of one list: those of the module's top level and of each entry of ``access_lists``, but for ``state``."""
    return {
        "identifier": {"type": "str"},
        "owner": {"type": "str"},
        "name": {"type": "str"},
        "description": {"type": "str"},
        "members": {"type": "list", "elements": "raw"},
        "members_file": {"type": "path"},
        "sheet": {"type": "str"},
        "members_state": {"type": "str", "choices": list(STATES)},
        "purge": {"type": "bool"},
        "max_removals": {"type": "str"},
        "protected": {"type": "list", "elements": "raw"},
        "on_invalid_row": {"type": "str", "choices": list(_access.ON_INVALID_ROW)},
        "warn_days": {"type": "int"},
        "connections": {"type": "list", "elements": "dict", "options": connection_options()},
        "purge_connections": {"type": "bool"},
        "allow_lockout": {"type": "bool"},
    }


def task_options() -> dict[str, dict[str, Any]]:
    """The options that hold for the whole task."""
    return {"register_check": {"type": "str", "choices": list(_access.REGISTER_CHECKS)}}


# -- what is declared ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class DeclaredList:
    """One list as declared. None: not managed.

    :ivar grant: its members in the shape in which ``_access`` judges and guards rows; None when members are not managed.
    :ivar connections: resource -> its declaration.
    """

    identifier: str
    where: str
    owner: str | None
    name: str | None
    description: str | None
    present: bool
    grant: _access.Grant | None
    connections: dict[str, Mapping[str, Any]]
    purge_connections: bool
    allow_lockout: bool


def declared_lists(task: Task) -> list[DeclaredList]:
    """The declared lists, read and checked as far as that goes without a request.

    :raises InputError: a declaration that cannot be right; a file that cannot be read.
    :raises GuardError: a purge with an empty list.
    """
    entries = with_defaults(task.params, {**access_list_options(), "state": {}}, "access_lists")
    single = task.params.get("access_lists") is None
    declared: list[DeclaredList] = []
    seen: dict[tuple[str | None, str, bool], str] = {}
    for index, entry in enumerate(entries):
        where = "access list" if single else f"access_lists[{index}]"
        if not single:
            # Members at top level are the default only for an entry that names none of its own.
            own = task.params["access_lists"][index]
            if own.get("members") is not None:
                entry["members_file"] = None
            elif own.get("members_file"):
                entry["members"] = None
        found = _declared_list(entry, where)
        # One entry may say who shall be a member and another who shall not, as the undo data of a run does.
        leaving = found.grant is not None and not found.grant.present
        key = (found.owner, found.identifier, leaving)
        if key in seen:
            raise InputError(
                f"{where}: {found.identifier} is declared twice; {seen[key]} declares it already."
            )
        seen[key] = where
        other = seen.get((found.owner, found.identifier, not leaving))
        pair = [entry for entry in (*declared, found) if entry.identifier == found.identifier]
        if other and any(not entry.present or (entry.grant and entry.grant.purge) for entry in pair):
            raise InputError(
                f"{where}: {found.identifier} stands in {other} too, and is deleted or purged; declare it once."
            )
        declared.append(found)
    return declared


def _declared_list(entry: Mapping[str, Any], where: str) -> DeclaredList:
    identifier = entry["identifier"]
    if not identifier:
        raise InputError(f"{where}: identifier is missing; it names the list, e.g. approved-consumers.")
    if "/" in identifier or any(letter.isspace() for letter in identifier):
        raise InputError(f"{where}: identifier '{identifier}' holds a slash or a blank, which no list's can.")
    path_segment(identifier)
    where = f"{where} ({identifier})"
    if entry["name"] == "":
        raise InputError(f"{where}: a list must have a name; leave the option out to keep the present one.")
    present = entry["state"] != "absent"
    connections: dict[str, Mapping[str, Any]] = {}
    for connection in entry["connections"] or ():
        resource = connection["resource"]
        path_segment(resource)
        if resource in connections:
            raise InputError(f"{where}: resource {resource} stands twice in connections.")
        if connection["state"] == "absent" and connection["enforce"]:
            raise InputError(
                f"{where}: resource {resource} is to lose this list; enforce: true contradicts that."
            )
        connections[resource] = connection
    if entry["purge_connections"] and not connections:
        raise GuardError(
            f"{where}: purge_connections without any connection would cut the list off from every resource. Nothing was sent. "
            "Name the connections to end with state: absent."
        )
    return DeclaredList(
        identifier=identifier,
        where=where,
        owner=entry["owner"].lower() if entry["owner"] else None,
        name=entry["name"],
        description=entry["description"],
        present=present,
        grant=_declared_members(entry, where) if present else None,
        connections=connections if present else {},
        purge_connections=bool(entry["purge_connections"]) and present,
        allow_lockout=bool(entry["allow_lockout"]),
    )


def _declared_members(entry: Mapping[str, Any], where: str) -> _access.Grant | None:
    if entry["members"] is not None and entry["members_file"]:
        raise InputError(f"{where}: members and members_file exclude each other.")
    purge = bool(entry["purge"])
    present = entry["members_state"] != "absent"
    if entry["members"] is None and not entry["members_file"]:
        if purge:
            raise InputError(
                f"{where}: purge needs members or members_file; without them nothing says who stays."
            )
        return None
    if purge and not present:
        raise InputError(
            f"{where}: purge belongs to members_state: present; absent removes just the listed ones."
        )
    members: ConsumerList
    if entry["members_file"]:
        members = read_consumers(entry["members_file"], sheet=entry["sheet"])
    else:
        members = rows_from_values(entry["members"], source="members")
    if purge and not any(row.organization_number for row in members.rows):
        raise GuardError(
            f"{where}: the list holds no organisation number, and with purge that would remove every member. Nothing was sent. "
            "To remove members, name them with members_state: absent."
        )
    warn_days = _access.DEFAULT_WARN_DAYS if entry["warn_days"] is None else entry["warn_days"]
    if warn_days < 0:
        raise InputError(f"{where}: warn_days is {warn_days}; days start at 0.")
    limit = entry["max_removals"] if entry["max_removals"] not in (None, "") else _access.DEFAULT_MAX_REMOVALS
    _access.removals_allowed(limit, 0, where)
    return _access.Grant(
        scope=entry["identifier"],
        where=where,
        present=present,
        consumers=members,
        purge=purge,
        max_removals=limit,
        protected=_access.listed_numbers(entry["protected"], f"{where}: protected"),
        suppliers=frozenset(),
        on_invalid_row=entry["on_invalid_row"] or _access.ON_INVALID_ROW[0],
        reason=None,
        case_number=None,
        warn_days=warn_days,
    )
