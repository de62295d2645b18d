# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request log and its counters."""

from __future__ import annotations

import fnmatch
from collections import Counter, deque
from typing import Any

KEPT_REQUESTS = 50_000


class RequestLog:
    """Requests in the order they were answered; the oldest are dropped after :data:`KEPT_REQUESTS`."""

    def __init__(self) -> None:
        self._requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
        self._counters: Counter[tuple[str, str, str]] = Counter()
        self._next = 1
        self.generation = 0
        """Grows each time the log is emptied; a request that began before is not logged any more."""

    def number(self) -> int:
        """The number for the next request."""
        number = self._next
        self._next += 1
        return number

    def add(self, entry: dict[str, Any]) -> None:
        """Keep one answered request."""
        self._requests.append(entry)
        self._counters[(entry["service"], entry["method"], entry["path"])] += 1

    def clear(self) -> None:
        """Forget all requests and counters."""
        self._requests.clear()
        self._counters.clear()
        self.generation += 1

    def find(
        self,
        service: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        after: int = 0,
    ) -> list[dict[str, Any]]:
        """Requests that match; ``path`` may hold ``*``, ``after`` is the number of the last one already seen."""
        return [
            entry
            for entry in self._requests
            if entry["number"] > after
            and (service is None or entry["service"] == service)
            and (method is None or entry["method"] == method.upper())
            and (status is None or entry["status"] == status)
            and (path is None or fnmatch.fnmatchcase(entry["path"], path))
        ]

    def counts(self) -> dict[str, Any]:
        """Counters: total, by service, by method, writes, and each service, method and path.

        ``writes`` are all requests but GET and HEAD, without those to a token endpoint.
        """
        by_service: Counter[str] = Counter()
        by_method: Counter[str] = Counter()
        routes = []
        writes = tokens = 0
        for (service, method, path), count in sorted(self._counters.items()):
            by_service[service] += count
            by_method[method] += count
            routes.append({"service": service, "method": method, "path": path, "count": count})
            if service == "maskinporten" and method == "POST" and path.endswith("/token"):
                tokens += count
            elif method not in ("GET", "HEAD"):
                writes += count
        return {
            "total": sum(by_service.values()),
            "token": tokens,
            "read": sum(by_service.values()) - tokens - writes,
            "write": writes,
            "by_service": dict(by_service),
            "by_method": dict(by_method),
            "routes": routes,
        }
