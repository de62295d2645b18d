# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what a network, a gateway or a tired service does to a request."""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
from typing import Any

KINDS = {
    "latency": "wait `seconds` before the request is handled",
    "status": "answer `status` (default 503) with `body` and `retry_after`, without handling the request",
    "too_many_requests": "answer 429 with Retry-After `retry_after` (default 1)",
    "reset": "break the connection without an answer; with `handled: true` after the request took effect",
    "truncated": "handle the request, send half of the answer's body, then close the connection",
    "slow_body": "handle the request and send the answer's body in pieces over `seconds`",
    "expired_token": "answer as if the bearer token had expired, every time that token comes back; `times` counts tokens",
    "html": "answer `status` (default 502) with a gateway's HTML page",
}


@dataclasses.dataclass
class Fault:
    """One fault; ``times`` counts down for every request it hits, None means always.

    ``route`` is ``[METHOD ]path``, with ``*`` for any text, and is matched with the path, or with path and query when it
    holds a question mark. ``contains`` must occur in the decoded path and query. ``after`` lets that many pass first.
    """

    id: str
    route: str
    kind: str
    times: int | None = 1
    after: int = 0
    contains: str | None = None
    status: int | None = None
    seconds: float = 0.0
    retry_after: str | None = None
    body: str | None = None
    handled: bool = False
    matched: int = 0
    hits: int = 0
    expired: set[str] = dataclasses.field(default_factory=set, repr=False)

    def matches(self, method: str, path: str, query: str, decoded: str) -> bool:
        """True when the fault is meant for this request (whether or not it is its turn)."""
        wanted_method, _unused, pattern = self.route.rpartition(" ")
        if wanted_method and wanted_method.upper() not in ("*", method):
            return False
        # "?" in a pattern starts the query; it is never a one-letter wildcard.
        target = f"{path}?{query}" if "?" in pattern else path
        if not fnmatch.fnmatchcase(target, pattern.replace("[", "[[]").replace("?", "[?]")):
            return False
        return self.contains is None or self.contains in decoded

    def to_json(self) -> dict[str, Any]:
        """The fault as the control API shows it."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "expired"}

    def is_due(self, authorization: str) -> bool:
        """Whether a request that the fault is meant for meets it; counts the request, and the token where one expires."""
        self.matched += 1
        if self.matched <= self.after:
            return False
        if self.kind == "expired_token":
            # A token that has expired stays so; the one that is fetched instead is good.
            if authorization not in self.expired:
                if self.times is not None and len(self.expired) >= self.times:
                    return False
                self.expired.add(authorization)
        elif self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Faults:
    """The faults that are switched on, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, description: dict[str, Any]) -> Fault:
        """Switch one on. Raises ValueError naming the member that is wrong."""
        known = {field.name for field in dataclasses.fields(Fault)} - {"id", "matched", "hits", "expired"}
        unknown = set(description) - known
        if unknown:
            raise ValueError(
                f"a fault has no member {sorted(unknown)[0]!r}; it has {', '.join(sorted(known))}"
            )
        kind = description.get("kind")
        if kind not in KINDS:
            raise ValueError(f"a fault's kind is one of {', '.join(KINDS)}, not {kind!r}")
        route = description.get("route")
        if not isinstance(route, str) or not route:
            raise ValueError("a fault needs a route such as 'PUT /self-service/api/v1/scopes/access/*'")
        values = dict(description)
        if values.get("retry_after") is not None:
            values["retry_after"] = str(values["retry_after"])
        for name, type_ in (("times", int), ("after", int), ("status", int), ("seconds", float)):
            if values.get(name) is not None:
                try:
                    values[name] = type_(values[name])
                except (TypeError, ValueError) as error:
                    raise ValueError(f"a fault's {name} is a number, not {values[name]!r}") from error
        if values.get("after") is None:
            values.pop("after", None)
        if values.get("seconds") is None:
            values.pop("seconds", None)
        fault = Fault(id=f"fault-{next(self._ids)}", **values)
        self._faults.append(fault)
        return fault

    def take(self, method: str, path: str, query: str, decoded: str, authorization: str) -> list[Fault]:
        """The faults whose turn it is for this request; counts them."""
        return [
            fault
            for fault in self._faults
            if fault.matches(method, path, query, decoded) and fault.is_due(authorization)
        ]

    def remove(self, identifier: str) -> bool:
        """Switch one off; False when there is none of that id."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault.id != identifier]
        return len(self._faults) < before

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def to_json(self) -> list[dict[str, Any]]:
        """All faults, spent ones too."""
        return [fault.to_json() for fault in self._faults]
