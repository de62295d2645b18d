# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter access_report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: access_report
short_description: Who has access, as rows and lines of a report
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Joins what M(tilbyder.maskinporten.consumer_access_info) returned with the delegations that
    M(tilbyder.maskinporten.altinn_delegation_info) returned, for people and for spreadsheets.
options:
  _input:
    description: What consumer_access_info returned, as registered.
    type: dict
    required: true
  delegations:
    description: The C(delegations) that altinn_delegation_info returned.
    type: list
    elements: dict
    default: []
  environment:
    description: The environment.
    type: str
    default: ''
seealso:
  - module: tilbyder.maskinporten.consumer_access_info
  - plugin: tilbyder.maskinporten.row_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who has access
  tilbyder.maskinporten.show_text:
    text: "{{ report.rows | tilbyder.maskinporten.row_table(style='markdown') }}"
  vars:
    report: "{{ access | tilbyder.maskinporten.access_report(environment='prod') }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    rows:
      description: One row for each access, all with the same keys.
      type: list
      elements: dict
    summary:
      description: Totals, price, and what needs a person's attention; one sentence each.
      type: list
      elements: str
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

_NAMED = 10
# Statuses of the register that mean that nobody is there to use the access.
_ENDED = ("dissolved", "removed", "bankrupt", "unknown")


def access_report(
    info: Any, delegations: Sequence[Mapping[str, Any]] | None = None, environment: str = ""
) -> dict[str, Any]:
    """Rows and summary of a report.

    :raises AnsibleFilterError: not what the module returns.
    """
    if not isinstance(info, Mapping) or not isinstance(info.get("accesses"), Sequence):
        raise AnsibleFilterError("access_report: what consumer_access_info returned is needed, as registered")
    suppliers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for delegation in delegations or ():
        name = f"{delegation.get('supplier')} {delegation.get('supplier_name') or ''}".strip()
        suppliers[str(delegation.get("scope")), str(delegation.get("consumer"))].append(name)
    rows = [
        {
            "scope": access["scope"],
            "environment": environment or None,
            "organization_number": access["organization_number"],
            "name": access["name"],
            "register_status": access.get("register_status"),
            "state": access["state"],
            "granted": access["created"],
            "last_changed": access["last_updated"],
            "scope_active": access["scope_active"],
            "delegated_to": suppliers.get((access["scope"], access["organization_number"]), []),
            "reason": access.get("reason"),
            "case_number": access.get("case_number"),
            "valid_until": access.get("valid_until"),
            "declared": access.get("declared"),
        }
        for access in info["accesses"]
    ]
    return {"rows": rows, "summary": _summary(info, rows, suppliers)}


def _summary(
    info: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    suppliers: Mapping[tuple[str, str], Sequence[str]],
) -> list[str]:
    totals = info["totals"]
    price = info["price"]
    held = f"{_count(totals['grants'], 'grant')} to {_count(totals['organizations'], 'organisation')}"
    lines = [
        f"{held} on {_count(totals['scopes'], 'scope')}.",
        f"{_price_words(price)} (ladder read {price['read']}, {price['source']}).",
    ]
    if totals["requested"]:
        lines.append(f"Requests for access that wait for an answer: {totals['requested']}.")
    asleep = [row for row in rows if row["state"] == "APPROVED" and not row["scope_active"]]
    if asleep:
        lines.append(f"{_count(len(asleep), 'grant')} on deactivated scopes; re-activating those wakes them.")
    ended = {
        f"{row['organization_number']} {row['name'] or ''}".strip() + f" ({row['register_status']})"
        for row in rows
        if row["state"] == "APPROVED" and row["register_status"] in _ENDED
    }
    if ended:
        lines.append(f"Hold access and should be looked at: {_listed(sorted(ended))}.")
    if info.get("undeclared"):
        lines.append(f"Hold access undeclared: {_listed([_pair(row) for row in info['undeclared']])}.")
    if info.get("missing"):
        lines.append(f"Declared without access: {_listed([_pair(row) for row in info['missing']])}.")
    granted = {(row["scope"], row["organization_number"]) for row in rows if row["state"] == "APPROVED"}
    # The rows may show other states alone; the organisations are all that have access.
    for holder in info.get("organizations") or ():
        granted.update((scope, holder["organization_number"]) for scope in holder["scopes"])
    idle = [pair for pair in suppliers if pair not in granted]
    if idle:
        lines.append(
            "Have delegated without having access: "
            + _listed([f"{number} on {scope}" for scope, number in sorted(idle)])
            + "."
        )
    return lines


def _price_words(price: Mapping[str, Any]) -> str:
    counted = "all active scopes" if price["whole_provider"] else "these alone"
    fee = f"{price['after']:,}".replace(",", " ")
    words = f"{_count(price['grants_after'], 'grant')}, counted over {counted}, cost {price['currency']} {fee} a year"
    return words if price["billed"] else f"{words} in production; testing is free"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _pair(row: Mapping[str, Any]) -> str:
    return f"{row['organization_number']} {row['name'] or ''}".strip() + f" on {row['scope']}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"access_report": access_report}
