# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter access_record."""

from __future__ import annotations

DOCUMENTATION = r"""
name: access_record
short_description: Rows for the record of a run that granted or revoked access
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Makes the rows of a result file from what M(tilbyder.maskinporten.consumer_access) returned; row, verdict, before, after,
    time, actor, reason and correlation id.
  - The rows can be read again as a list of consumers. A run with them as its list changes nothing. Rows that could not be
    read stay unreadable, and consumers that a purge removed are marked as not listed.
options:
  _input:
    description: What the module returned, as registered.
    type: dict
    required: true
  actor:
    description: Who ran it.
    type: str
    default: ''
  reason:
    description: Why, for rows that have no reason of their own.
    type: str
    default: ''
  case_number:
    description: The case, for rows that have no case number of their own.
    type: str
    default: ''
  time:
    description: When it ran, for rows where nothing was written.
    type: str
    default: ''
  environment:
    description: The environment.
    type: str
    default: ''
seealso:
  - module: tilbyder.maskinporten.consumer_access
  - plugin: tilbyder.maskinporten.row_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep what the run did
  ansible.builtin.copy:
    content: "{{ access | tilbyder.maskinporten.access_record(actor='ola') | tilbyder.maskinporten.row_table(style='csv') }}"
    dest: results.csv
    mode: "0600"
"""

RETURN = r"""
_value:
  description: One row for each row of the result, all with the same keys.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._organization_number import is_valid


def access_record(
    result: Any,
    actor: str = "",
    reason: str = "",
    case_number: str = "",
    time: str = "",
    environment: str = "",
) -> list[dict[str, Any]]:
    """The rows of the record, all with the same keys.

    :raises AnsibleFilterError: not what the module returns.
    """
    if not isinstance(result, Mapping):
        raise AnsibleFilterError("access_record: what consumer_access returned is needed, as registered")
    return [
        {
            "line": row.get("line"),
            "organization_number": _number(row),
            "name": row.get("name"),
            "scope": row.get("scope"),
            "environment": environment or None,
            "verdict": row.get("verdict"),
            "findings": list(row.get("findings") or ()),
            "message": row.get("message") or None,
            "before": row.get("before"),
            "after": row.get("after"),
            "changed": bool(row.get("changed")),
            "time": row.get("time") or time or None,
            "actor": actor or None,
            "reason": row.get("reason") or reason or None,
            "case_number": row.get("case_number") or case_number or None,
            "valid_until": row.get("valid_until"),
            "contact": row.get("contact"),
            "correlation_id": row.get("correlation_id"),
            "listed": row.get("line") is not None,
        }
        for row in result.get("results") or ()
    ]


def _number(row: Mapping[str, Any]) -> str | None:
    """The number; of an unreadable row what stands there, so that reading it again finds it unreadable again."""
    if row.get("organization_number"):
        return str(row["organization_number"])
    text = str(row.get("text") or "")
    return f"? {text}" if is_valid(text) else text or None


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"access_record": access_record}
