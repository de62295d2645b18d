# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists: declared (``_access_list_declared``), planned (``_access_list_plan``), written (``_access_list_write``), told.

Members and connection come first, the resource's mode last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._maskinporten import _access
from .._reconcile import Report, Step, apply, text_diff
from .._run import Task
from ._access_list_declared import access_list_options, declared_lists, task_options
from ._access_list_plan import ENABLED, MODE, Members, Plan, PlannedList
from ._access_list_write import Writer, switch_mode
from ._registry import RESOURCE_WRITE, Registry


@dataclass
class AccessListReport(_access.AccessReport):
    """The report of lists: failures told by item, one difference per list."""


def manage(task: Task) -> Report:
    """Bring the declared access lists about (module ``altinn_access_list``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    :raises GuardError: a purge with an empty list; nothing has been sent then.
    """
    declared = declared_lists(task)
    session = task.session
    probe = Members(task, [entry.grant for entry in declared if entry.grant])
    probe.judge()
    probe.guard()
    if probe.blocked:
        # Rows that can never be right: say so without a request.
        return _report(task, [], [probe._step(row) for row in probe.rows], probe.blocked, probe.warnings)
    for entry in declared:
        if entry.grant:
            entry.grant.rows.clear()
    plan = Plan(task, declared)
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

        def write(entries: Sequence[PlannedList]) -> None:
            live = entries[0].live
            for planned in entries:
                writer = Writer(planned, live, lambda resource, mode: switch_mode(registry, resource, mode))
                live = writer.run()

        labels = dict.fromkeys(planned.label for planned in plan.lists)
        session.transport.map(
            write, [[entry for entry in plan.lists if entry.label == label] for label in labels]
        )
    return _report(task, plan.lists, steps, plan.blocked, plan.warnings)


def _report(
    task: Task, lists: Sequence[PlannedList], steps: Sequence[Step], blocked: str | None, warnings: list[str]
) -> Report:
    rows = [step for planned in lists for step in planned.rows] if lists else list(steps)
    for step in rows:
        _access.settle(step)
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


def _diffs(planned: PlannedList) -> list[dict[str, str]]:
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


def _view(planned: PlannedList, changes: Sequence[Step], side: str) -> dict[str, Any] | None:
    itself = planned.itself
    if itself is None:
        return None
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


def _undo(lists: Sequence[PlannedList]) -> list[dict[str, Any]]:
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


def _undone_connections(planned: PlannedList) -> list[dict[str, Any]]:
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


def _overview(lists: Sequence[PlannedList], rows: Sequence[Step], planned: bool) -> str:
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


__all__ = ["access_list_options", "manage", "task_options"]
