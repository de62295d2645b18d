# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named switches: one for every point where the services' behaviour is inferred, plus a few for tests.

Each module of the sandbox declares the switches it reads with :func:`declare`, at import. The default is the
awkward reading, so that what works against the sandbox works against the real services whichever way they answer.
"""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Switch:
    """One switch.

    ``allowed`` is a tuple of values, or a type (``bool``, ``int``, ``float``, ``str``) when any value of it will do.
    ``source`` names the documentation or the open question that the switch stands for.
    """

    name: str
    default: Any
    allowed: tuple[Any, ...] | type
    help: str
    source: str = ""

    def parse(self, value: Any) -> Any:
        """Return ``value`` as the switch's type; text such as ``off`` or ``180`` is understood.

        Raises ValueError with a sentence that names the switch and what it accepts.
        """
        if isinstance(self.allowed, tuple):
            for candidate in self.allowed:
                if type(value) is type(candidate) and value == candidate:
                    return candidate
            for candidate in self.allowed:
                if str(value) == str(candidate):
                    return candidate
                if isinstance(candidate, bool) and _as_bool(value) is candidate:
                    return candidate
            numbers = [candidate for candidate in self.allowed if candidate in (int, float)]
            if numbers:
                try:
                    return numbers[0](value)
                except (TypeError, ValueError):
                    pass
        elif self.allowed is bool:
            parsed = _as_bool(value)
            if parsed is not None:
                return parsed
        elif self.allowed in (int, float):
            if not isinstance(value, bool):
                try:
                    return self.allowed(value)
                except (TypeError, ValueError):
                    pass
        elif isinstance(value, str):
            return value
        raise ValueError(f"switch {self.name} takes {self.describe()}, not {value!r}")

    def describe(self) -> str:
        """The accepted values in words."""
        if isinstance(self.allowed, tuple):
            return " or ".join(
                f"any {value.__name__}" if isinstance(value, type) else str(value) for value in self.allowed
            )
        return {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[self.allowed]


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }.get(str(value).lower())


_DECLARED: dict[str, Switch] = {}


def declare(
    name: str,
    default: Any,
    allowed: tuple[Any, ...] | type,
    help: str,
    source: str = "",
) -> Switch:
    """Make a switch known; call it at module level, once for each name."""
    if name in _DECLARED and _DECLARED[name].help != help:
        raise ValueError(f"switch {name} is declared twice")
    switch = Switch(name, default, allowed, help, source)
    _DECLARED[name] = switch
    return switch


class Switches:
    """The values of all declared switches in one sandbox; read them as ``switches["name"]``."""

    def __init__(self, start_values: dict[str, Any] | None = None) -> None:
        self._start: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._start = self._parsed(start_values or {})
        self._values = dict(self._start)

    def _parsed(self, values: dict[str, Any]) -> dict[str, Any]:
        parsed = {}
        for name, value in values.items():
            if name not in _DECLARED:
                raise ValueError(
                    f"there is no switch {name!r}; the switches are {', '.join(sorted(_DECLARED))}"
                )
            parsed[name] = _DECLARED[name].parse(value)
        return parsed

    def __getitem__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        return _DECLARED[name].default

    def set(self, values: dict[str, Any]) -> None:
        """Set several switches, all or none. Raises ValueError for an unknown name or value."""
        self._values.update(self._parsed(values))

    def reset(self) -> None:
        """Back to the defaults and what was given at start."""
        self._values = dict(self._start)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Every switch with value, default, what it accepts, help and source."""
        return {
            name: {
                "value": self[name],
                "default": switch.default,
                "accepts": switch.describe(),
                "help": switch.help,
                "source": switch.source,
            }
            for name, switch in sorted(_DECLARED.items())
        }

    def values(self) -> dict[str, Any]:
        """Name and value of every switch."""
        return {name: self[name] for name in sorted(_DECLARED)}
