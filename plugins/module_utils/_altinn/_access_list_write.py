# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists: the writes, in the order that locks nobody out, a hundred members at a time, for the version that was read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .._errors import ApiError, CollectionError
from .._reconcile import Step, same
from ._access_list_api import MOST_MEMBERS, ConflictError, LiveList, Patience, is_unknown_party
from ._access_list_plan import DISABLED, ENABLED, MODE, PlannedList
from ._registry import Registry


class Writer:
    """Makes the writes of one list, each for the version that was read last.

    When someone else was faster (412), the list is read again, what is still missing is found anew, and the write is made for
    the new version; nothing that another has done is undone.
    """

    def __init__(
        self, planned: PlannedList, live: LiveList | None, switch: Callable[[str, str], Mapping[str, Any]]
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


def switch_mode(registry: Registry, identifier: str, mode: str) -> Mapping[str, Any]:
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
