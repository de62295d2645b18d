# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists: how one is declared, compared and brought about, row by row of its members, and put in force last.

Members are read, judged and guarded by the same code as the consumers of a scope (``_maskinporten._access``), so a file gets
the same verdicts here and there. A list only matters for a resource whose ``accessListMode`` is ``Enabled``; with the mode on
and nobody in a list, nobody gets through. So members and connection come first, the mode last, and whatever would lock
everybody out is refused unless it is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from .._consumer_file import ConsumerList, read_consumers, rows_from_values
from .._errors import ApiError, CollectionError, GuardError, InputError
from .._maskinporten import _access
from .._maskinporten._self_service import SCOPES_WRITE, SelfService, approved
from .._options import with_defaults
from .._reconcile import Report, Step, apply, same, text_diff
from .._run import Task
from .._transport import path_segment
from ._access_list_api import (
    ACCESS_LIST_READ,
    ACCESS_LIST_WRITE,
    MOST_MEMBERS,
    AccessLists,
    ConflictError,
    LiveList,
    Patience,
    is_unknown_party,
    own_code,
)
from ._registry import RESOURCE_WRITE, Registry

STATES: Final = ("present", "absent")
MODE: Final = "accessListMode"
ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
_NAMED: Final = 10


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
class _Declared:
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
    grant: _access._Grant | None
    connections: dict[str, Mapping[str, Any]]
    purge_connections: bool
    allow_lockout: bool


def _declared(task: Task) -> list[_Declared]:
    """The declared lists, read and checked as far as that goes without a request.

    :raises InputError: a declaration that cannot be right; a file that cannot be read.
    :raises GuardError: a purge with an empty list.
    """
    entries = with_defaults(task.params, {**access_list_options(), "state": {}}, "access_lists")
    single = task.params.get("access_lists") is None
    declared: list[_Declared] = []
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


def _declared_list(entry: Mapping[str, Any], where: str) -> _Declared:
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
    return _Declared(
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


def _declared_members(entry: Mapping[str, Any], where: str) -> _access._Grant | None:
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
    _access._removals_allowed(limit, 0, where)
    return _access._Grant(
        scope=entry["identifier"],
        where=where,
        present=present,
        consumers=members,
        purge=purge,
        max_removals=limit,
        protected=_access._numbers(entry["protected"], f"{where}: protected"),
        suppliers=frozenset(),
        on_invalid_row=entry["on_invalid_row"] or _access.ON_INVALID_ROW[0],
        reason=None,
        case_number=None,
        warn_days=warn_days,
    )


# -- members -------------------------------------------------------------------------------------------------------


class _Members(_access._Plan):
    """The rows of all lists, judged and guarded as the consumers of a scope are; membership stands for access."""

    def __init__(self, task: Task, grants: Sequence[_access._Grant]) -> None:
        super().__init__(task, grants)
        self._owned = {}

    def know(self, label: str, live: LiveList | None) -> None:
        self.accesses[label] = {
            number: {"consumer_orgno": number, "state": _access.APPROVED}
            for number in (live.members if live else ())
        }

    def _obstacle(self, grant: _access._Grant) -> str | None:
        return self.unreadable[grant.scope].message if grant.scope in self.unreadable else None

    def _tell_openness(self, grant: _access._Grant) -> None:
        """What a scope's openness means has no counterpart here."""


# -- the plan ------------------------------------------------------------------------------------------------------


@dataclass
class _Planned:
    """One list on its way: what is declared, what there is, and the steps between.

    :ivar rows: steps of its members; ``connects``, ``disconnects`` and ``modes`` those of its connections, by resource.
    """

    declared: _Declared
    owner: str
    api: AccessLists
    live: LiveList | None = None
    unreadable: CollectionError | None = None
    itself: Step | None = None
    rows: list[Step] = field(default_factory=list)
    connects: dict[str, Step] = field(default_factory=dict)
    disconnects: dict[str, Step] = field(default_factory=dict)
    modes: dict[str, Step] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.owner}:{self.declared.identifier}"

    @property
    def steps(self) -> list[Step]:
        first = [self.itself] if self.itself else []
        return [*first, *self.rows, *self.connects.values(), *self.disconnects.values(), *self.modes.values()]

    def present_members(self) -> set[str]:
        """Who is a member now: organisation numbers, and the ids of those without."""
        if self.live is None:
            return set()
        return {*self.live.members, *(str(other.get("id")) for other in self.live.others)}

    def change(self, members: set[str]) -> None:
        """Bring a set of members to what it is when all steps are done."""
        for step in self.rows:
            if step.action == "grant":
                members.add(step.item)
            elif step.action == "revoke":
                members.discard(step.item)


class _Plan:
    """Live lists read once, and the steps for each declared one."""

    def __init__(self, task: Task, declared: Sequence[_Declared]) -> None:
        self._task = task
        self._session = task.session
        self._login = task.session.altinn((ACCESS_LIST_WRITE,))
        self._registry = Registry(task.session, self._login)
        self._resources: dict[str, dict[str, Any] | None] = {}
        self._others: dict[str, dict[str, set[str]]] = {}
        self._own_code: str | None = None
        self.warnings: list[str] = []
        self.lists = [self._planned(entry) for entry in declared]
        self.members = _Members(task, [entry.grant for entry in declared if entry.grant])

    def _planned(self, declared: _Declared) -> _Planned:
        if declared.owner is None and self._own_code is None:
            self._own_code = own_code(self._session, self._registry, self._login)
        owner = declared.owner or str(self._own_code)
        planned = _Planned(declared, owner, AccessLists(self._session, self._registry, owner))
        if declared.grant:
            # From here on the rows speak of the list as owner:identifier.
            declared.grant.scope = planned.label
        return planned

    # Reading.

    def read(self) -> None:
        for planned, found in zip(
            self.lists, self._session.transport.map(self._read_list, self.lists), strict=True
        ):
            if isinstance(found, CollectionError):
                planned.unreadable = found
                self.members.unreadable[planned.label] = found
            else:
                planned.live = found
            self.members.know(planned.label, planned.live)

    def _read_list(self, planned: _Planned) -> LiveList | None:
        declared = planned.declared
        ending = not declared.present
        enforcing = any(entry["enforce"] for entry in declared.connections.values())
        return planned.api.read(
            declared.identifier,
            members=ending or declared.grant is not None or enforcing,
            connections=ending or declared.grant is not None or bool(declared.connections),
        )

    # Steps.

    def build(self) -> None:
        self._build_rows()
        for planned in self.lists:
            if planned.unreadable:
                planned.itself = Step(
                    planned.label, "refuse", message=planned.unreadable.message, error=planned.unreadable
                )
                continue
            if planned.declared.present:
                planned.itself = self._presence(planned)
                self._connections(planned)
            else:
                planned.itself = self._absence(planned)
        for planned in self.lists:
            if planned.unreadable is None and planned.declared.present:
                self._modes(planned)
                self._guard_lockout(planned)

    def _build_rows(self) -> None:
        members = self.members
        if not members.grants:
            return
        members.decide()
        members.check_register()
        members.decide_removals()
        members.guard()
        self.warnings += members.warnings
        by_grant = {id(planned.declared.grant): planned for planned in self.lists}
        for row in members.rows:
            step = members._step(row)
            # Members are written in batches, not one by one.
            step.write = None
            step.details["access_list"] = step.details.pop("scope")
            by_grant[id(row.grant)].rows.append(step)
        for planned in self.lists:
            if (
                planned.declared.grant
                and planned.declared.grant.purge
                and planned.live
                and planned.live.others
            ):
                self.warnings.append(
                    f"{planned.label}: {len(planned.live.others)} members have no organisation number and stay."
                )

    @property
    def blocked(self) -> str | None:
        return self.members.blocked

    def _presence(self, planned: _Planned) -> Step:
        declared, live = planned.declared, planned.live
        if live is None:
            body = {"name": declared.name or declared.identifier, "description": declared.description or ""}
            return self._held(Step(planned.label, "create", None, body, list(body), object=body))
        wanted = {"name": declared.name, "description": declared.description}
        before = {name: live.object.get(name) for name in wanted}
        fields = [
            name for name, value in wanted.items() if value is not None and not same(value, before[name])
        ]
        after = {**before, **{name: wanted[name] for name in fields}}
        action = "update" if fields else "none"
        return self._held(Step(planned.label, action, before, after, fields, object=live.object))  # type: ignore[arg-type]

    def _held(self, step: Step) -> Step:
        """A step that waits because rows of a list stand in the way of everything."""
        if self.blocked and step.changes:
            step.message = f"to {step.action} once nothing stands in the way"
            step.action, step.fields, step.after = "none", (), step.before
        return step

    def _connections(self, planned: _Planned) -> None:
        declared = planned.declared
        live = planned.live.connections if planned.live else {}
        for resource, entry in declared.connections.items():
            if entry["state"] == "absent":
                if resource in live:
                    self._disconnection(planned, resource, live[resource])
                continue
            wanted = None if entry["actions"] is None else tuple(dict.fromkeys(entry["actions"]))
            before = live.get(resource)
            item = f"{planned.label} -> {resource}"
            if before is None:
                planned.connects[resource] = self._held(
                    Step(
                        item,
                        "create",
                        None,
                        _connection_view(resource, wanted or ()),
                        ("resource", "actions"),
                    )
                )
            elif wanted is None or set(wanted) == set(before):
                view = _connection_view(resource, before)
                planned.connects[resource] = Step(item, "none", view, view)
            else:
                narrower = bool(wanted) and (not before or not set(before) <= set(wanted))
                planned.connects[resource] = self._held(
                    Step(
                        item, "update", _connection_view(resource, before), _connection_view(resource, wanted),
                        ("actions",), risk="takes_access" if narrower else None,
                    )
                )  # fmt: skip
        if declared.purge_connections:
            for resource in sorted(set(live) - set(declared.connections)):
                self._disconnection(planned, resource, live[resource])

    def _disconnection(self, planned: _Planned, resource: str, actions: Sequence[str]) -> None:
        planned.disconnects[resource] = self._held(
            Step(
                f"{planned.label} -> {resource}", "delete", _connection_view(resource, actions), None,
                ("resource",), risk="takes_access",
            )
        )  # fmt: skip

    def _modes(self, planned: _Planned) -> None:
        """Whether the registry asks for a list at all for a resource: switched on last, with a preview of who is left out."""
        for resource, entry in planned.declared.connections.items():
            if entry["enforce"] is None:
                continue
            item = f"resource {resource}"
            try:
                live = self._resource(resource)
            except CollectionError as error:
                planned.modes[resource] = Step(item, "refuse", message=error.message, error=error)
                continue
            if live is None:
                planned.modes[resource] = self._missing_resource(planned, resource)
                continue
            before, after = live.get(MODE) or DISABLED, ENABLED if entry["enforce"] else DISABLED
            if before == after:
                planned.modes[resource] = Step(item, "none", {MODE: before}, {MODE: before})
                continue
            step = Step(item, "update", {MODE: before}, {MODE: after}, (MODE,))
            planned.modes[resource] = step
            if after == DISABLED:
                step.risk = "opens_access"
                step.message = "every organisation gets through that the policy permits, member or not"
            else:
                step.risk = "takes_access"
                self._enforcement(planned, resource, live, step)
            self._held(step)

    def _missing_resource(self, planned: _Planned, resource: str) -> Step:
        text = f"resource {resource} does not exist in environment '{self._session.environment.name}'"
        if self._task.check_mode:
            self.warnings.append(f"{planned.label}: {text} yet; the plan supposes that it will.")
            return Step(f"resource {resource}", "update", None, {MODE: ENABLED}, (MODE,), risk="takes_access")
        return Step(f"resource {resource}", "refuse", message=f"{text}; publish it first (altinn_resource)")

    def _enforcement(self, planned: _Planned, resource: str, live: Mapping[str, Any], step: Step) -> None:
        """Refuse to lock everybody out, and tell who is left out."""
        lists = self._members_by_list(planned, resource)
        members = set().union(*lists.values())
        if not members and not planned.declared.allow_lockout:
            step.action, step.risk = "refuse", None
            step.message = (
                f"nobody is a member of a list that is connected to {resource}, so with {MODE} {ENABLED} nobody would get "
                "through. Add members first, or say allow_lockout: true."
            )
            return
        count = f"{len(members)} organisations get through"
        others = sorted(label for label in lists if label != planned.label)
        if others:
            count += f" (lists {', '.join([planned.label, *others])})"
        told, lost = self._left_out(live, members)
        step.message = f"{count}; {told}"
        if lost is not None:
            step.details["loses_access"] = lost

    def _left_out(
        self, resource: Mapping[str, Any], members: set[str]
    ) -> tuple[str, list[dict[str, Any]] | None]:
        """Who has access to the resource's scopes in Maskinporten, and is in no list: a sentence, and the organisations."""
        scopes = [
            str(reference["reference"])
            for reference in resource.get("resourceReferences") or []
            if reference.get("referenceType") == "MaskinportenScope" and reference.get("reference")
        ]
        if not scopes:
            return "who uses the resource today cannot be seen, since it names no Maskinporten scope", None
        login = self._session.administration((SCOPES_WRITE,))
        if login is None:
            return (
                "who of the consumers is left out is not seen; give administration (the administration client) to see it",
                None,
            )
        api = SelfService(self._session, login)
        lost: dict[str, dict[str, Any]] = {}
        for scope in scopes:
            try:
                accesses = approved(api.accesses(scope))
            except CollectionError as error:
                return f"who is left out is not seen: {error.message}", None
            for access in accesses:
                number = str(access.get("consumer_orgno"))
                if number not in members:
                    row = lost.setdefault(
                        number,
                        {
                            "organization_number": number,
                            "name": access.get("consumer_organization_name"),
                            "scopes": [],
                        },
                    )
                    row["scopes"].append(scope)
        if not lost:
            return f"no consumer of {', '.join(scopes)} is left out", []
        rows = [lost[number] for number in sorted(lost)]
        names = ", ".join(
            f"{row['organization_number']} {row['name'] or ''}".strip() for row in rows[:_NAMED]
        )
        more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        count = f"{len(rows)} consumer{'s' if len(rows) > 1 else ''}"
        return f"{count} of {', '.join(scopes)} would be left out: {names}{more}", rows

    # Lock-out: what would leave an enforced resource without anybody.

    def _absence(self, planned: _Planned) -> Step:
        live = planned.live
        if live is None:
            return Step(planned.label, "none", message="does not exist")
        view = _list_view(live)
        locked = (
            [] if planned.declared.allow_lockout else self._locked(planned, list(live.connections), set())
        )
        if locked:
            return Step(
                planned.label, "refuse", view, view, object=live.object,
                message=f"it decides who may use {', '.join(locked)}, and without it nobody would get through. Say enforce: "
                "false for them first, or allow_lockout: true.",
            )  # fmt: skip
        return self._held(
            Step(
                planned.label,
                "delete",
                view,
                None,
                ("identifier",),
                f"with {len(live.members) + len(live.others)} members and {len(live.connections)} connections",
                risk="takes_access" if live.connections else None,
                object=live.object,
            )
        )

    def _guard_lockout(self, planned: _Planned) -> None:
        """Refuse what would leave a resource with nobody: emptying its last list, or cutting it off."""
        if planned.declared.allow_lockout or planned.live is None:
            return
        for resource, step in planned.disconnects.items():
            if step.changes and self._locked(planned, [resource], set()):
                step.action, step.risk = "refuse", None
                step.message = (
                    f"{resource} lets members of its lists through and nobody else, and this is its last list with members. "
                    "Say enforce: false for it first, or allow_lockout: true."
                )
        leaving = [step for step in planned.rows if step.action == "revoke"]
        if not leaving or self._members_after(planned.label):
            return
        locked = self._locked(planned, list(planned.live.connections), set())
        for step in leaving if locked else ():
            step.action, step.risk = "refuse", None
            step.details.update(verdict="held_back", after=step.details["before"])
            step.message = (
                f"the list would be empty, and {', '.join(locked)} would let nobody through any more; say allow_lockout: true if "
                "that is meant"
            )

    def _locked(self, planned: _Planned, resources: Iterable[str], members: set[str]) -> list[str]:
        """The resources that let members alone through, and whose other lists have none."""
        locked = []
        for resource in resources:
            declaration = planned.declared.connections.get(resource)
            if declaration and declaration["enforce"] is False:
                continue
            live = self._resource(resource)
            if not live or live.get(MODE) != ENABLED:
                continue
            others = self._members_by_list(planned, resource)
            others.pop(planned.label, None)
            if not members | set().union(*others.values()):
                locked.append(resource)
        return locked

    def _members_by_list(self, planned: _Planned, resource: str) -> dict[str, set[str]]:
        """Label of each of the owner's lists that will be connected to the resource -> its members as planned."""
        key = f"{planned.owner} {resource}"
        if key not in self._others:
            found: dict[str, set[str]] = {}
            mine = {other.declared.identifier for other in self.lists if other.owner == planned.owner}
            for entry in planned.api.overview(resource):
                identifier = str(entry.get("identifier"))
                if identifier in mine or not entry.get("resourceConnections"):
                    continue
                live = planned.api.read(identifier, members=True, connections=False)
                if live:
                    found[f"{planned.owner}:{identifier}"] = {
                        *live.members,
                        *(str(other.get("id")) for other in live.others),
                    }
            self._others[key] = found
        lists = dict(self._others[key])
        for other in self.lists:
            if other.owner != planned.owner or not other.declared.present:
                continue
            connected = set(other.live.connections if other.live else ()) | set(other.connects)
            if resource in connected - set(other.disconnects):
                lists[other.label] = self._members_after(other.label)
        return lists

    def _members_after(self, label: str) -> set[str]:
        """The members of a list when all that is declared for it is done."""
        entries = [planned for planned in self.lists if planned.label == label]
        members = entries[0].present_members()
        for planned in entries:
            planned.change(members)
        return members

    def _resource(self, identifier: str) -> dict[str, Any] | None:
        if identifier not in self._resources:
            self._resources[identifier] = self._registry.get_resource(identifier)
        return self._resources[identifier]


def _connection_view(resource: str, actions: Sequence[str]) -> dict[str, Any]:
    return {"resource": resource, "actions": sorted(actions) or "all"}


def _list_view(live: LiveList) -> dict[str, Any]:
    return {
        "name": live.object.get("name"),
        "description": live.object.get("description"),
        "members": sorted(live.members),
        "connections": [
            _connection_view(resource, live.connections[resource]) for resource in sorted(live.connections)
        ],
    }


# -- the writes ----------------------------------------------------------------------------------------------------


class _Writer:
    """Makes the writes of one list, each for the version that was read last.

    When someone else was faster (412), the list is read again, what is still missing is found anew, and the write is made for
    the new version; nothing that another has done is undone.
    """

    def __init__(
        self, planned: _Planned, live: LiveList | None, switch: Callable[[str, str], Mapping[str, Any]]
    ) -> None:
        self._planned = planned
        self._api = planned.api
        self._identifier = planned.declared.identifier
        self._live = (
            None
            if live is None
            else replace(live, members=dict(live.members), connections=dict(live.connections))
        )
        self._switch = switch
        self._patience = Patience()

    def run(self) -> LiveList | None:
        """Make all writes; returns the list as it is then, as far as it was read."""
        planned = self._planned
        itself = planned.itself
        if itself is None or itself.action == "refuse":
            return self._live
        if itself.changes:
            self._step(itself, self._delete if itself.action == "delete" else self._put)
        if itself.error or itself.action == "delete":
            for step in planned.steps:
                if step.changes and step is not itself:
                    step.error = itself.error
            return self._live
        self._members("grant")
        self._members("revoke")
        self._modes(DISABLED)
        for resource, step in planned.connects.items():
            if step.changes:
                self._step(step, partial(self._connect, resource=resource))
        for resource, step in planned.disconnects.items():
            if step.changes:
                self._step(step, partial(self._disconnect, resource=resource))
        self._modes(ENABLED)
        return self._live

    # One step, again when the list has moved.

    def _step(self, step: Step, write: Callable[[Step], None]) -> None:
        while True:
            try:
                write(step)
                step.done = True
                return
            except ConflictError as error:
                if not self._again(error, [step]):
                    return
            except CollectionError as error:
                step.error = error
                return

    def _again(self, conflict: ConflictError, steps: Sequence[Step]) -> bool:
        """Read the list anew after a conflict; False (and the steps failed) when that leads nowhere."""
        try:
            self._patience.spend(conflict)
            self._live = self._api.read(
                self._identifier, members=True, connections=True, patience=self._patience
            )
        except CollectionError as error:
            for step in steps:
                step.error = error
            return False
        return True

    @property
    def _now(self) -> LiveList:
        if self._live is None:
            raise CollectionError(
                f"Access list {self._planned.label} was deleted by someone else meanwhile; run again."
            )
        return self._live

    def _put(self, step: Step) -> None:
        declared, live = self._planned.declared, self._live
        current = live.object if live else {}
        body = {
            "name": declared.name or current.get("name") or declared.identifier,
            "description": current.get("description", "")
            if declared.description is None
            else declared.description,
        }
        if live and all(same(body[name], current.get(name)) for name in body):
            return
        answer, tag = self._api.put(self._identifier, body, live.tag if live else None)
        if live is None:
            self._live = LiveList(answer, tag)
        else:
            live.object, live.tag = answer, tag
        step.object = answer

    def _delete(self, _step: Step) -> None:
        if self._live is not None:
            self._api.delete(self._identifier, self._live.tag)

    # Members.

    def _members(self, action: str) -> None:
        todo = [step for step in self._planned.rows if step.action == action]
        queue = deque(todo[start : start + MOST_MEMBERS] for start in range(0, len(todo), MOST_MEMBERS))
        while queue:
            batch = missing = queue.popleft()
            try:
                missing = [step for step in batch if (step.item in self._now.members) == (action == "revoke")]
                if missing:
                    self._send(action, [step.item for step in missing])
            except ConflictError as error:
                if self._again(error, batch):
                    queue.appendleft(batch)
            except CollectionError as error:
                if is_unknown_party(error) and len(missing) > 1:
                    # One unknown organisation refuses all of them: halve until it stands alone.
                    half = len(missing) // 2
                    queue.extendleft((missing[half:], missing[:half]))
                    _mark_done([step for step in batch if step not in missing])
                    continue
                for step in missing:
                    step.error = _unknown(error, step.item) if is_unknown_party(error) else error
                _mark_done([step for step in batch if step not in missing])
            else:
                _mark_done(batch)

    def _send(self, action: str, numbers: Sequence[str]) -> None:
        live = self._now
        if action == "grant":
            live.tag = self._api.add(self._identifier, numbers, live.tag)
            live.members.update({number: {} for number in numbers})
        else:
            live.tag = self._api.remove(self._identifier, numbers, live.tag)
            for number in numbers:
                del live.members[number]

    # Connections.

    def _connect(self, step: Step, resource: str) -> None:
        live = self._now
        wanted = self._planned.declared.connections[resource]["actions"]
        before = live.connections.get(resource)
        if before is not None and (wanted is None or set(wanted) == set(before)):
            return
        actions = tuple(dict.fromkeys(wanted or ()))
        step.object, live.tag = self._api.connect(self._identifier, resource, actions, live.tag)
        live.connections[resource] = actions

    def _disconnect(self, _step: Step, resource: str) -> None:
        live = self._now
        if resource in live.connections:
            live.tag = self._api.disconnect(self._identifier, resource, live.tag)
            del live.connections[resource]

    def _modes(self, mode: str) -> None:
        for resource, step in self._planned.modes.items():
            if not step.changes or (step.after or {}).get(MODE) != mode:
                continue
            failed = [
                other for other in (*self._planned.rows, *self._planned.connects.values()) if other.error
            ]
            if mode == ENABLED and failed:
                step.action, step.risk = "refuse", None
                step.message = (
                    f"not switched on, since {len(failed)} members or connections could not be brought about "
                    f"({', '.join(other.item for other in failed[:3])}); they would be locked out"
                )
                continue
            try:
                step.object = self._switch(resource, mode)
                step.done = True
            except CollectionError as error:
                step.error = error


def _unknown(error: CollectionError, number: str) -> CollectionError:
    status = error.status if isinstance(error, ApiError) else 400
    return ApiError(
        f"Altinn does not know organisation {number} in this environment; check the number.",
        status=status,
        code=error.code if isinstance(error, ApiError) else None,
        server_message=f"unknown to Altinn ({error.server_message})" if isinstance(error, ApiError) else "",
        item=number,
    )


def _mark_done(steps: Iterable[Step]) -> None:
    for step in steps:
        step.done = True


# -- the modules ---------------------------------------------------------------------------------------------------


@dataclass
class AccessListReport(_access.AccessReport):
    """The report of lists: failures told by item, one difference per list."""


def manage(task: Task) -> Report:
    """Bring the declared access lists about (module ``altinn_access_list``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    :raises GuardError: a purge with an empty list; nothing has been sent then.
    """
    declared = _declared(task)
    session = task.session
    probe = _Members(task, [entry.grant for entry in declared if entry.grant])
    probe.judge()
    probe.guard()
    if probe.blocked:
        # Rows that can never be right: say so without a request.
        return _report(task, [], [probe._step(row) for row in probe.rows], probe.blocked, probe.warnings)
    for entry in declared:
        if entry.grant:
            entry.grant.rows.clear()
    plan = _Plan(task, declared)
    plan.members.judge()
    plan.read()
    plan.build()
    steps = [step for planned in plan.lists for step in planned.steps]
    # The guard of production; the writes follow below, in order and in batches.
    apply(
        steps,
        noun="access list entries",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=True,
        transport=session.transport,
    )
    if not task.check_mode and not plan.blocked:
        registry = Registry(session, session.altinn((RESOURCE_WRITE,)))

        def write(entries: Sequence[_Planned]) -> None:
            live = entries[0].live
            for planned in entries:
                writer = _Writer(planned, live, lambda resource, mode: _switch_mode(registry, resource, mode))
                live = writer.run()

        labels = dict.fromkeys(planned.label for planned in plan.lists)
        session.transport.map(
            write, [[entry for entry in plan.lists if entry.label == label] for label in labels]
        )
    return _report(task, plan.lists, steps, plan.blocked, plan.warnings)


def _switch_mode(registry: Registry, identifier: str, mode: str) -> Mapping[str, Any]:
    """Set a resource's ``accessListMode`` and nothing else; read back, since the answer to the write is empty."""
    live = registry.get_resource(identifier)
    if live is None:
        raise CollectionError(f"resource {identifier} was deleted meanwhile.")
    body = {name: value for name, value in live.items() if name != "versionId"}
    registry.checked(
        registry.replace_resource(identifier, {**body, MODE: mode}), f"set {MODE} of resource {identifier}"
    )
    found = registry.get_resource(identifier) or {}
    if (found.get(MODE) or DISABLED) != mode:
        raise CollectionError(
            f"resource {identifier}: the registry accepted the change, but {MODE} is not {mode}."
        )
    return found


def _report(
    task: Task, lists: Sequence[_Planned], steps: Sequence[Step], blocked: str | None, warnings: list[str]
) -> Report:
    rows = [step for planned in lists for step in planned.rows] if lists else list(steps)
    for step in rows:
        _access._settle(step)
    report = AccessListReport(steps, "access list entries", blocked=blocked, warnings=warnings)
    report.diffs = [diff for planned in lists for diff in _diffs(planned)]
    report.extra.update(
        overview=_overview(lists, rows, task.check_mode or blocked is not None),
        undo=[] if task.check_mode else _undo(lists),
        blocked=blocked,
    )
    if lists and task.params.get("access_lists") is None:
        itself = lists[0].itself
        if itself is not None and itself.object is not None and itself.action != "delete":
            report.extra["access_list"] = {**itself.object, "owner": lists[0].owner}
    return report


def _diffs(planned: _Planned) -> list[dict[str, str]]:
    """One difference per list (who comes and goes, and what the list itself says), and one per resource whose mode changes."""
    diffs = []
    changes = [step for step in planned.steps if step.changes and not step.error]
    own = [step for step in changes if step not in planned.modes.values()]
    if own:
        diffs.append(
            text_diff(
                f"access list {planned.label}", _view(planned, own, "before"), _view(planned, own, "after")
            )
        )
    for resource, step in planned.modes.items():
        if step in changes:
            diffs.append(text_diff(f"resource {resource}", step.before, step.after))
    return diffs


def _view(planned: _Planned, changes: Sequence[Step], side: str) -> dict[str, Any] | None:
    itself = planned.itself
    assert itself is not None
    view = itself.before if side == "before" else itself.after
    if itself.action == "delete":
        return None if view is None else dict(view)
    if itself.action == "create" and side == "before":
        return None
    present = _access.APPROVED
    members = sorted(
        f"{step.item} {step.details.get('name') or ''}".rstrip()
        for step in planned.rows
        if step in changes and step.details.get(side) == present
    )
    connections = [
        getattr(step, side)
        for step in (*planned.connects.values(), *planned.disconnects.values())
        if step in changes and getattr(step, side)
    ]
    own = dict(view or {}) if itself in changes else {}
    return {**own, "members": members, "connections": connections}


def _undo(lists: Sequence[_Planned]) -> list[dict[str, Any]]:
    """What brings the former state back, as a value for the option ``access_lists``."""
    undo: list[dict[str, Any]] = []
    for planned in lists:
        entry: dict[str, Any] = {"owner": planned.owner, "identifier": planned.declared.identifier}
        itself = planned.itself
        if itself is not None and itself.done and itself.action == "create":
            undo.append({**entry, "state": "absent"})
            continue
        if itself is not None and itself.done and itself.action == "delete" and planned.live:
            live = planned.live
            undo.append(
                {
                    **entry,
                    "name": live.object.get("name"),
                    "description": live.object.get("description"),
                    "members": sorted(live.members),
                    "connections": [
                        {"resource": resource, "actions": list(actions)}
                        for resource, actions in sorted(live.connections.items())
                    ],
                }
            )
            continue
        settings: dict[str, Any] = {}
        if itself is not None and itself.done and itself.action == "update":
            settings.update({name: (itself.before or {}).get(name) for name in itself.fields})
        connections = _undone_connections(planned)
        if connections:
            settings["connections"] = connections
        for action, state in (("revoke", "present"), ("grant", "absent")):
            numbers = [step.item for step in planned.rows if step.done and step.action == action]
            if numbers:
                undo.append({**entry, **settings, "members": numbers, "members_state": state})
                settings = {}
        if settings:
            undo.append({**entry, **settings})
    return undo


def _undone_connections(planned: _Planned) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for resource, step in (*planned.connects.items(), *planned.disconnects.items()):
        if not step.done:
            continue
        if step.action == "create":
            found[resource] = {"resource": resource, "state": "absent"}
        else:
            actions = (step.before or {}).get("actions")
            found[resource] = {
                "resource": resource,
                "actions": [] if actions == "all" else list(actions or ()),
            }
    for resource, step in planned.modes.items():
        if step.done:
            enforced = (step.before or {}).get(MODE) == ENABLED
            entry = found.setdefault(resource, {"resource": resource})
            if entry.get("state") != "absent" or not enforced:
                entry["enforce"] = enforced
    return list(found.values())


def _overview(lists: Sequence[_Planned], rows: Sequence[Step], planned: bool) -> str:
    """One line for a person: how many members of what."""
    words = ("to add", "to remove") if planned else ("added", "removed")
    kinds = {
        words[0]: sum(1 for row in rows if row.action == "grant" and not row.error),
        words[1]: sum(1 for row in rows if row.action == "revoke" and not row.error),
        "there already": sum(1 for row in rows if row.details.get("verdict") == "already_granted"),
        "refused or failed": sum(1 for row in rows if row.action == "refuse" or row.error),
    }
    told = [f"{count} {word}" for word, count in kinds.items() if count or word in words]
    names = ", ".join(entry.label for entry in lists) or "access list"
    return f"{names}: {', '.join(told)}."


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
