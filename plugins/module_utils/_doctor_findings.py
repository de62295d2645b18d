# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""What the doctor finds at each link of the chain, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ._errors import CollectionError, redact

#: States of a link, and how a report writes them.
OK: Final = "ok"
BROKEN: Final = "broken"
WARNING: Final = "warning"
NOTE: Final = "note"
UNSEEN: Final = "unseen"
WORDS: Final = {OK: "ok", BROKEN: "BROKEN", WARNING: "warning", NOTE: "note", UNSEEN: "not seen"}


@dataclass(frozen=True)
class Finding:
    """One link of the chain.

    :ivar link: its name for machines, e.g. ``access``. :ivar title: for people.
    :ivar message: what was seen. :ivar remedy: what to do, a sentence or empty.
    :ivar command: what to type to mend it, or empty. :ivar trap: a name in ``_doctor_traps.TRAPS``, or None.
    """

    link: str
    title: str
    state: str
    message: str
    remedy: str = ""
    command: str = ""
    trap: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "link": self.link,
            "title": self.title,
            "state": self.state,
            "message": self.message,
            "remedy": self.remedy,
            "command": self.command,
            "trap": self.trap,
        }


class Findings:
    """The links in the order of the chain."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def add(
        self,
        link: str,
        title: str,
        state: str,
        message: str,
        remedy: str = "",
        command: str = "",
        trap: str | None = None,
    ) -> None:
        """Note a link. What a service wrote is cleared of secrets and of what would disturb a terminal."""
        cleaned = "".join(letter if letter.isprintable() else " " for letter in redact(message))
        self.all.append(Finding(link, title, state, cleaned, remedy, command, trap))

    def tried(self, link: str, title: str, attempt: Callable[[], None]) -> bool:
        """Make a check; when a service refuses it, that link is not seen, and the others are looked at all the same."""
        try:
            attempt()
        except CollectionError as error:
            self.add(link, title, UNSEEN, error.message)
            return False
        return True

    @property
    def first_broken(self) -> Finding | None:
        return next((finding for finding in self.all if finding.state == BROKEN), None)


def report(subject: str, findings: Findings, causes: list[dict[str, Any]], letters: dict[str, str]) -> str:
    """The findings as a person reads them: the first broken link first, then the whole chain."""
    lines = [subject, ""]
    first = findings.first_broken
    if first:
        lines.append(f"First broken link: {first.title.lower()}")
        lines += _wrapped(first.message, "  ")
        lines += _advice(first, "  ")
    elif causes:
        lines.append("Every link that can be seen holds; the error means:")
    else:
        lines.append("Every link that can be seen holds.")
    for cause in causes:
        lines += ["", f"The error ({cause['code'] or cause['service']}) means that {cause['meaning']}."]
        lines += _wrapped(f"What to do: {cause['remedy']}.", "  ")
        if cause["passing"]:
            lines.append("  It can pass by itself within two minutes after a change.")
    if findings.all:
        lines += ["", "The chain"]
    width = max((len(finding.title) for finding in findings.all), default=0)
    for finding in findings.all:
        start = f"  {WORDS[finding.state]:<9} {finding.title:<{width}}  "
        lines += _wrapped(finding.message, start, " " * len(start))
        if finding.state in (BROKEN, WARNING) and finding is not first:
            lines += _advice(finding, " " * len(start))
    for language, letter in letters.items():
        lines += ["", f"Text to send to the consumer ({language}):", ""]
        for line in letter.splitlines():
            # What continues an item of a list stands below its text.
            indent = "  " + ("   " if line[:1].isdigit() and line[1:3] == ". " else "")
            lines += _wrapped(line, "  ", indent)
    return "\n".join(lines)


def _advice(finding: Finding, indent: str) -> list[str]:
    lines = _wrapped(f"What to do: {finding.remedy}", indent) if finding.remedy else []
    return [*lines, f"{indent}{finding.command}"] if finding.command else lines


def _wrapped(text: str, first: str, following: str | None = None, width: int = 120) -> list[str]:
    import textwrap

    following = first if following is None else following
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
