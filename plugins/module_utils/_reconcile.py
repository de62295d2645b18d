# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Read, compare, plan, apply, report: the part of the pattern that is the same for every kind of object.

An object file reads and compares, and hands over one :class:`Step` per object. Here the steps are guarded, applied with bounded
concurrency, and told in the one return shape that every module has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from ._environments import Environment
from ._errors import CollectionError
from ._transport import Transport

Action = Literal[
    "create", "update", "reactivate", "deactivate", "delete", "grant", "revoke", "none", "refuse"
]
Risk = Literal["takes_access", "opens_access"]

ACTIONS: Final = get_args(Action)
_RISK_WORDS: Final = {"takes_access": "takes access away", "opens_access": "opens access"}


@dataclass
class Step:
    """What is to happen to one object.

    :ivar item: the object's name as people know it, e.g. ``agency:cases.read``.
    :ivar before: the object as people read it, or None when it does not exist; ``after`` likewise.
    :ivar fields: names of the fields that change.
    :ivar message: what a person should know about this step.
    :ivar write: makes the change and returns the object as the service has it now; None when there is nothing to write.
    :ivar risk: what the step does to people's access; such a step needs a confirmation in production.
    :ivar object: the live object, as the service names its fields.
    :ivar details: further columns of the item's result, e.g. ``line``.
    """

    item: str
    action: Action
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    fields: Sequence[str] = ()
    message: str = ""
    write: Callable[[], Mapping[str, Any] | None] | None = None
    risk: Risk | None = None
    object: Mapping[str, Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    error: CollectionError | None = None
    done: bool = False

    @property
    def changes(self) -> bool:
        return self.action not in ("none", "refuse")

    def as_result(self) -> dict[str, Any]:
        """One entry of ``results``."""
        result: dict[str, Any] = {
            "item": self.item,
            "action": self.action,
            "changed": self.changes and self.error is None,
            "fields": list(self.fields),
            "message": self.message,
            **self.details,
        }
        if self.error:
            result["error"] = {"msg": self.error.message, **self.error.details}
        if self.object is not None:
            result["object"] = dict(self.object)
        return result


@dataclass
class Report:
    """What a module answers.

    :ivar steps: one per item, in the order they were declared.
    :ivar noun: what the items are, in plural, for messages (``scopes``).
    :ivar extra: further members of the result, e.g. ``scope`` for the one object of the single form.
    :ivar diffs: overrides the differences that would be made from the steps.
    """

    steps: Sequence[Step]
    noun: str
    extra: dict[str, Any] = field(default_factory=dict)
    diffs: list[dict[str, str]] | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(step.changes and step.error is None for step in self.steps)

    @property
    def failures(self) -> list[Step]:
        return [step for step in self.steps if step.error is not None or step.action == "refuse"]

    def summary(self) -> dict[str, int]:
        """How many items met each action, and how many failed; every action is there, so that a template can rely on it."""
        counts = Counter(step.action for step in self.steps if step.error is None or step.action == "refuse")
        return {**{action: counts.get(action, 0) for action in ACTIONS}, "failed": len(self.failures)}

    def diff(self) -> list[dict[str, str]]:
        """Before and after of every object that changes, as Ansible's ``--diff`` shows them."""
        if self.diffs is not None:
            return self.diffs
        return [
            text_diff(f"{self.noun[:-1]} {step.item}", step.before, step.after)
            for step in self.steps
            if step.changes and step.error is None
        ]

    def as_result(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "results": [step.as_result() for step in self.steps],
            "summary": self.summary(),
            **self.extra,
        }

    def failure_message(self) -> str | None:
        """One text for all that failed, or None when nothing did."""
        failures = self.failures
        if not failures:
            return None
        reasons = [
            f"{step.item}: {step.error.message if step.error else step.message}" for step in failures[:10]
        ]
        if len(failures) > len(reasons):
            reasons.append(f"and {len(failures) - len(reasons)} more, see results.")
        if len(self.steps) == 1:
            return reasons[0]
        others = len(self.steps) - len(failures)
        return (
            f"{len(failures)} of {len(self.steps)} {self.noun} failed, the other {others} are as declared. "
            + " ".join(reasons)
        )


def apply(
    steps: Sequence[Step],
    *,
    noun: str,
    environment: Environment,
    confirmed: bool,
    check_mode: bool,
    transport: Transport,
    extra: Mapping[str, Any] | None = None,
) -> Report:
    """Guard the steps, make the writes (not in check mode), and report.

    A step that takes access away or opens it is refused in production unless ``confirmed``. Every step is tried; one that
    fails leaves the others done.
    """
    for step in steps:
        if step.risk and step.changes and environment.is_production and not confirmed:
            step.message = (
                f"refused: to {step.action} {_RISK_WORDS[step.risk]} in production; confirm with confirm: prod. {step.message}"
            ).strip()
            step.action = "refuse"
    pending = [step for step in steps if step.changes and step.write is not None]
    if not check_mode:
        for step, outcome in zip(pending, transport.map(_write, pending), strict=True):
            if isinstance(outcome, CollectionError):
                step.error = outcome
            else:
                step.done = True
                if outcome is not None:
                    step.object = outcome
    return Report(steps, noun, dict(extra or {}))


def _write(step: Step) -> Mapping[str, Any] | None:
    if step.write is None:
        raise AssertionError("step.write is known here")
    return step.write()


def text_diff(
    header: str, before: Mapping[str, Any] | str | None, after: Mapping[str, Any] | str | None
) -> dict[str, str]:
    """One difference as Ansible shows it: texts with a line per field, in a stable order."""
    return {
        "before_header": f"{header} (before)",
        "after_header": f"{header} (after)",
        "before": as_text(before),
        "after": as_text(after),
    }


def as_text(value: Mapping[str, Any] | str | None) -> str:
    """An object as people read it: ``field: value`` a line, lists one entry a line; empty values are left out."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if value.endswith("\n") or not value else value + "\n"
    return "".join(f"{line}\n" for line in _lines(value, ""))


def _lines(value: Mapping[str, Any], indent: str) -> Iterable[str]:
    for key, entry in value.items():
        if entry in (None, "", [], {}):
            continue
        if isinstance(entry, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(entry, indent + "  ")
        elif isinstance(entry, (list, tuple)):
            yield f"{indent}{key}:"
            for part in entry:
                if isinstance(part, Mapping):
                    rows = list(_lines(part, ""))
                    yield f"{indent}  - {rows[0] if rows else '{}'}"
                    yield from (f"{indent}    {row}" for row in rows[1:])
                else:
                    yield f"{indent}  - {_scalar(part)}"
        else:
            yield f"{indent}{key}: {_scalar(entry)}"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\r\n", "\n").rstrip("\n").replace("\n", "\\n")


def same(first: Any, second: Any) -> bool:
    """Whether two values mean the same: absent, null, ``""``, ``[]`` and ``{}`` are one; CRLF is LF; trimmed ends."""
    return bool(normal(first) == normal(second))


def normal(value: Any) -> Any:
    """A value in the form in which it is compared."""
    if value in (None, "", [], {}, ()):
        return None
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip() or None
    if isinstance(value, Mapping):
        return {key: normal(entry) for key, entry in value.items() if normal(entry) is not None} or None
    if isinstance(value, (list, tuple)):
        return [normal(entry) for entry in value]
    return value
