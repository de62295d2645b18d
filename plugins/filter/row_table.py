# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter row_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: row_table
short_description: Rows as an aligned table, CSV or Markdown
version_added: 1.0.0
author:
  - tilbyder.maskinporten contributors (@tilbyder)
description:
  - Makes a table that people can read from a list of rows, first of all from the C(results) of
    M(tilbyder.maskinporten.consumer_access) and from P(tilbyder.maskinporten.read_consumers#filter).
  - Rows with a verdict are sorted with the worst first, and their verdict is written out.
options:
  _input:
    description:
      - The rows, a list of mappings.
    type: list
    elements: dict
    required: true
  columns:
    description:
      - The columns, in order. A name may carry a title, as in V(organization_number=Organisation).
      - Left out, a table of consumers for people gets line, number, name and verdict (and the scope where there is more
        than one); other rows, and every CSV, get all keys of the first row.
    type: list
    elements: str
  style:
    description:
      - V(text) is aligned for a terminal, V(csv) opens in Excel by a double click (semicolons, byte order mark), V(markdown)
        is a table of a wiki or a pull request.
    type: str
    choices: [text, csv, markdown]
    default: text
  width:
    description:
      - Longest line of a V(text) table. The last column wraps, names are cut.
    type: int
    default: 100
  planned:
    description:
      - Whether the rows tell a plan (C(--check)) and not what was done.
    type: bool
    default: false
  order:
    description:
      - V(worst_first) by how bad the verdict is, then by line; V(given) leaves the order. V(csv) is left as given unless
        asked otherwise.
    type: str
    choices: [worst_first, given]
seealso:
  - module: tilbyder.maskinporten.consumer_access
  - plugin: tilbyder.maskinporten.read_consumers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who got access
  ansible.builtin.debug:
    msg: "{{ (access.results | tilbyder.maskinporten.row_table(planned=ansible_check_mode)).splitlines() }}"
  vars:
    access: "{{ registered_from_consumer_access }}"

- name: Keep it for the case file
  ansible.builtin.copy:
    content: "{{ access.results | tilbyder.maskinporten.row_table(style='csv', columns=columns) }}"
    dest: result.csv
    mode: "0600"
  vars:
    columns: [line, organization_number, verdict]

- name: Markdown with titles of one's own
  ansible.builtin.debug:
    msg: "{{ rows | tilbyder.maskinporten.row_table(style='markdown', columns=['organization_number=Org.nr.', 'name=Navn']) }}"
"""

RETURN = r"""
_value:
  description: The table. Empty when there are no rows, but for the header of a CSV or Markdown table.
  type: str
"""

import csv
import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._consumer_verdicts import (
    RANK_WORDS,
    VERDICTS,
    WARNING,
    rank_of,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._organization_number import spaced

STYLES = ("text", "csv", "markdown")
_TITLES = {
    "line": "Line",
    "organization_number": "Organisation",
    "name": "Name",
    "verdict": "Verdict",
    "scope": "Scope",
}
_WIDEST_NAME = 34
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:")
_NARROWEST_LAST = 24


def row_table(
    rows: Any,
    columns: Sequence[str] | None = None,
    style: str = "text",
    width: int = 100,
    planned: bool = False,
    order: str | None = None,
) -> str:
    """The rows as a table.

    :raises AnsibleFilterError: no list of mappings, or an unknown style or order.
    """
    if style not in STYLES:
        raise AnsibleFilterError(f"row_table: style '{style}' is not one of {', '.join(STYLES)}")
    if order not in (None, "worst_first", "given"):
        raise AnsibleFilterError(f"row_table: order '{order}' is not one of worst_first, given")
    if isinstance(rows, str | Mapping) or not isinstance(rows, Sequence):
        raise AnsibleFilterError("row_table: a list of rows is needed")
    if any(not isinstance(row, Mapping) for row in rows):
        raise AnsibleFilterError("row_table: every row has to be a mapping")
    chosen = _columns(rows, columns, style)
    if order == "worst_first" or (order is None and style != "csv"):
        rows = sorted(rows, key=_badness)
    if style == "csv":
        return _as_csv(rows, chosen)
    table = [[_cell(row, name, planned) for name, _title in chosen] for row in rows]
    titles = [title for _name, title in chosen]
    if style == "markdown":
        return _as_markdown(titles, table)
    return _as_text(titles, table, [name for name, _title in chosen], max(60, int(width))) if rows else ""


def _columns(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None, style: str
) -> list[tuple[str, str]]:
    if columns:
        pairs = [str(column).partition("=") for column in columns]
        return [
            (name, title or _TITLES.get(name, name.replace("_", " ").capitalize()))
            for name, _mark, title in pairs
        ]
    if rows and "organization_number" in rows[0] and style != "csv":
        names = ["line", "organization_number", "name"]
        if any("verdict" in row or "problem" in row for row in rows):
            names.append("verdict")
        if len({row.get("scope") for row in rows}) > 1:
            names.insert(0, "scope")
    else:
        names = list(rows[0]) if rows else []
    return [(name, _TITLES.get(name, name.replace("_", " ").capitalize())) for name in names]


def _verdict_of(row: Mapping[str, Any]) -> str:
    return str(row.get("verdict") or row.get("problem") or "")


def _badness(row: Mapping[str, Any]) -> tuple[int, str, int]:
    verdict = _verdict_of(row)
    findings = [str(finding) for finding in row.get("findings") or ()]
    rank = rank_of(verdict, findings) if verdict else len(RANK_WORDS)
    line = row.get("line")
    return rank, str(row.get("scope") or ""), line if isinstance(line, int) else 1 << 30


def _cell(row: Mapping[str, Any], name: str, planned: bool) -> str:
    value = row.get(name)
    if name == "verdict":
        return _verdict_text(row, planned)
    if name == "organization_number":
        number = value or row.get("text") or ""
        text = str(number)
        return spaced(text) if len(text) == 9 and text.isascii() and text.isdigit() else _one_line(text)[:24]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_one_line(part) for part in value)
    text = _one_line(value)
    return f"{text[:10]} {text[11:16]}" if _MOMENT.match(text) else text


def _verdict_text(row: Mapping[str, Any], planned: bool) -> str:
    """``REFUSED: dissolved 2024-03-01``, ``WARNING: to grant; sub-unit of ...``, ``already granted``."""
    code = _verdict_of(row)
    message = _one_line(row.get("message") or "")
    if not code:
        return message
    verdict = VERDICTS.get(code)
    findings = [str(finding) for finding in row.get("findings") or ()]
    word = RANK_WORDS[rank_of(code, findings)]
    label = code.replace("_", " ")
    if verdict is not None:
        label = verdict.planned if planned and verdict.planned else verdict.label
    own_rank = verdict.rank if verdict is not None else WARNING
    if message and (own_rank < WARNING or code in ("duplicate", "other_scope")):
        text = message
    else:
        text = f"{label}; {message}" if message else label
    return f"{word}: {text}" if word else text


def _one_line(value: Any) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(value)).split())


def _as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
    # Column names, not titles: what reads the file again (and a script) knows them.
    writer.writerow([name if title == _TITLES.get(name, title) else title for name, title in columns])
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name, _title in columns])
    return "\ufeff" + stream.getvalue()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        value = ", ".join(str(part) for part in value)
    text = _one_line(value)
    # A name that begins like a formula would be run by the spreadsheet that opens the file.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _as_markdown(titles: Sequence[str], table: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |\n"

    return line(titles) + line(["---"] * len(titles)) + "".join(line(cells) for cells in table)


def _as_text(titles: Sequence[str], table: list[list[str]], names: Sequence[str], width: int) -> str:
    last = len(titles) - 1
    for cells in table:
        for index, name in enumerate(names[:-1]):
            longest = _WIDEST_NAME if name == "name" else width // 2
            if len(cells[index]) > longest:
                cells[index] = cells[index][: longest - 1] + "…"
    widths = [max(len(cells[index]) for cells in [list(titles), *table]) for index in range(len(titles))]
    over = sum(widths[:-1]) + 2 * last + _NARROWEST_LAST - width
    while over > 0 and last > 0:
        widest = max(range(last), key=lambda index: widths[index])
        if widths[widest] <= 12:
            break
        cut = min(over, widths[widest] - 12)
        widths[widest] -= cut
        over -= cut
    room = max(_NARROWEST_LAST, width - sum(widths[:-1]) - 2 * last)
    lines = []
    for cells in [list(titles), *table]:
        head = "".join(_fit(cell, widths[index]) + "  " for index, cell in enumerate(cells[:-1]))
        wrapped = textwrap.wrap(cells[-1], room, break_long_words=True) or [""]
        lines.append((head + wrapped[0]).rstrip())
        lines += [" " * len(head) + rest for rest in wrapped[1:]]
    return "\n".join(lines) + "\n"


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"row_table": row_table}
