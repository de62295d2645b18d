# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists: what there is, read once, against what is declared, and the steps between; guarded against locking out.

Members are read, judged and guarded by the same code as the consumers of a scope (``_maskinporten._access``), so a file gets
the same verdicts here and there. A list only matters for a resource whose ``accessListMode`` is ``Enabled``; with the mode on
and nobody in a list, nobody gets through. So whatever would lock everybody out is refused unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .._errors import CollectionError
from .._maskinporten import _access
from .._maskinporten._self_service import SCOPES_WRITE, SelfService, approved
from .._reconcile import Step, same
from .._register import Register
from .._run import Task
from ._access_list_api import ACCESS_LIST_WRITE, AccessLists, LiveList, own_code
from ._access_list_declared import DeclaredList
from ._registry import Registry

MODE: Final = "accessListMode"
ENABLED: Final = "Enabled"
DISABLED: Final = "Disabled"
_NAMED: Final = 10
#: So many names are looked up for a plan; it shows fewer.
_MOST_NAMES: Final = 100


# -- members -------------------------------------------------------------------------------------------------------


class Members(_access.AccessPlan):
    """The rows of all lists, judged and guarded as the consumers of a scope are; membership stands for access."""

    def __init__(self, task: Task, grants: Sequence[_access.Grant]) -> None:
        super().__init__(task, grants)
        self._owned = {}

    def know(self, label: str, live: LiveList | None) -> None:
        self.accesses[label] = {
            number: {"consumer_orgno": number, "state": _access.APPROVED}
            for number in (live.members if live else ())
        }

    def name_the_leaving(self) -> None:
        """Names of those who are to be removed, since Altinn tells numbers alone and a plan is read by people."""
        leaving = [row for row in self.rows if row.action == "revoke" and row.number and not row.name]
        if not leaving or self.task.params.get("register_check") == "off":
            return
        try:
            known = Register(self.session).look_up(str(row.number) for row in leaving[:_MOST_NAMES])
        except CollectionError:
            # Numbers without names are still a plan.
            return
        for row in leaving[:_MOST_NAMES]:
            row.name = known[str(row.number)].name

    def obstacle(self, grant: _access.Grant) -> str | None:
        return self.unreadable[grant.scope].message if grant.scope in self.unreadable else None

    def tell_openness(self, grant: _access.Grant) -> None:
        """What a scope's openness means has no counterpart here."""


# -- the plan ------------------------------------------------------------------------------------------------------


@dataclass
class PlannedList:
    """One list on its way: what is declared, what there is, and the steps between.

    :ivar rows: steps of its members; ``connects``, ``disconnects`` and ``modes`` those of its connections, by resource.
    """

    declared: DeclaredList
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


class Plan:
    """Live lists read once, and the steps for each declared one."""

    def __init__(self, task: Task, declared: Sequence[DeclaredList]) -> None:
        self._task = task
        self._session = task.session
        self._login = task.session.altinn((ACCESS_LIST_WRITE,))
        self._registry = Registry(task.session, self._login)
        self._resources: dict[str, dict[str, Any] | None] = {}
        self._others: dict[str, dict[str, set[str]]] = {}
        self._own_code: str | None = None
        self.warnings: list[str] = []
        self.lists = [self._planned(entry) for entry in declared]
        self.members = Members(task, [entry.grant for entry in declared if entry.grant])

    def _planned(self, declared: DeclaredList) -> PlannedList:
        if declared.owner is None and self._own_code is None:
            self._own_code = own_code(self._session, self._registry, self._login)
        owner = declared.owner or str(self._own_code)
        planned = PlannedList(declared, owner, AccessLists(self._session, self._registry, owner))
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

    def _read_list(self, planned: PlannedList) -> LiveList | None:
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
        members.name_the_leaving()
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

    def _presence(self, planned: PlannedList) -> Step:
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

    def _connections(self, planned: PlannedList) -> None:
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

    def _disconnection(self, planned: PlannedList, resource: str, actions: Sequence[str]) -> None:
        planned.disconnects[resource] = self._held(
            Step(
                f"{planned.label} -> {resource}", "delete", _connection_view(resource, actions), None,
                ("resource",), risk="takes_access",
            )
        )  # fmt: skip

    def _modes(self, planned: PlannedList) -> None:
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

    def _missing_resource(self, planned: PlannedList, resource: str) -> Step:
        text = f"resource {resource} does not exist in environment '{self._session.environment.name}'"
        if self._task.check_mode:
            self.warnings.append(f"{planned.label}: {text} yet; the plan supposes that it will.")
            return Step(f"resource {resource}", "update", None, {MODE: ENABLED}, (MODE,), risk="takes_access")
        return Step(f"resource {resource}", "refuse", message=f"{text}; publish it first (altinn_resource)")

    def _enforcement(self, planned: PlannedList, resource: str, live: Mapping[str, Any], step: Step) -> None:
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

    def _absence(self, planned: PlannedList) -> Step:
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

    def _guard_lockout(self, planned: PlannedList) -> None:
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

    def _locked(self, planned: PlannedList, resources: Iterable[str], members: set[str]) -> list[str]:
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

    def _members_by_list(self, planned: PlannedList, resource: str) -> dict[str, set[str]]:
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
