# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter read_consumers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: read_consumers
short_description: Rows of a file of consumers
version_added: 1.0.0
author:
  - tilbyder.maskinporten contributors (@tilbyder)
description:
  - Reads a list of organisations as it comes from Excel, from the legal department or from a colleague. CSV (semicolon,
    comma, tab; UTF-8, UTF-16, Windows-1252; with or without header), XLSX, YAML and JSON are told apart by their content.
  - Columns are found by their header in Norwegian or English (V(Org.nr), V(Organisasjonsnummer), V(Navn), V(Begrunnelse),
    V(Saksnummer), V(Kontaktperson), V(Gyldig til), ...), or, without header, by what stands in them.
  - A row that cannot be read stays in the list with what is wrong with it. Empty rows and rows that begin with V(#) are
    left out, but not those that begin with a formula that failed, such as V(#N/A).
  - The file is read on the controller. O(tilbyder.maskinporten.consumer_access#module:consumers_file) reads the same
    formats where the module runs.
options:
  _input:
    description:
      - Path of the file. A relative path starts where C(ansible-playbook) was started.
    type: path
    required: true
  sheet:
    description:
      - Sheet of a workbook. Needed only where more than one visible sheet holds organisation numbers.
    type: str
  invalid:
    description:
      - What happens to rows without a usable organisation number. V(keep) them with their problem, V(fail) with all of
        them in the message, or V(skip) them.
    type: str
    choices: [keep, fail, skip]
    default: keep
requirements:
  - openpyxl (only for XLSX)
seealso:
  - module: tilbyder.maskinporten.consumer_access
  - plugin: tilbyder.maskinporten.row_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what the file says
  ansible.builtin.debug:
    msg: "{{ 'consumers/cases.csv' | tilbyder.maskinporten.read_consumers | tilbyder.maskinporten.row_table }}"

- name: Only the numbers, and stop when one is wrong
  ansible.builtin.set_fact:
    numbers: "{{ 'cases.xlsx' | tilbyder.maskinporten.read_consumers(invalid='fail') | map(attribute='organization_number') }}"

- name: A list that was changed on the way
  tilbyder.maskinporten.consumer_access:
    scope: agency:cases.read
    consumers: "{{ rows | selectattr('case_number', 'defined') }}"
  vars:
    rows: "{{ 'cases.csv' | tilbyder.maskinporten.read_consumers }}"
"""

RETURN = r"""
_value:
  description:
    - One entry per row, in the order of the file. What a row does not have is left out.
  type: list
  elements: dict
  contains:
    line:
      description: Line of the file, row of the sheet, or place in the list, from 1.
      type: int
    organization_number:
      description: Nine digits, or null where RV(_value[].problem) says why there are none.
      type: str
    name:
      description: Name as listed.
      type: str
    reason:
      description: Reason as listed.
      type: str
    case_number:
      description: Case number as listed.
      type: str
    contact:
      description: Contact as listed.
      type: str
    valid_until:
      description: Last day of the access, as an ISO date.
      type: str
    problem:
      description: Code of what is wrong with the row, for example V(check_digit).
      type: str
    message:
      description: The same as a sentence.
      type: str
    text:
      description: What stands where the organisation number should be.
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._consumer_file import (
    read_consumers as read_file,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError


def read_consumers(path: Any, sheet: str | None = None, invalid: str = "keep") -> list[dict[str, Any]]:
    """The rows of the file as plain values.

    :raises AnsibleFilterError: the file cannot be read, or a row is wrong and ``invalid`` is ``fail``.
    """
    if invalid not in ("keep", "fail", "skip"):
        raise AnsibleFilterError(f"read_consumers: invalid '{invalid}' is not one of keep, fail, skip")
    if not isinstance(path, str) or not path.strip():
        raise AnsibleFilterError("read_consumers: a path is needed, not the content of the file")
    try:
        rows = read_file(path, sheet=sheet).rows
    except InputError as error:
        raise AnsibleFilterError(error.message) from None
    wrong = [row for row in rows if row.problem]
    if wrong and invalid == "fail":
        reasons = "; ".join(f"line {row.line}: {row.message}" for row in wrong[:20])
        more = f"; and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise AnsibleFilterError(f"{path}: {len(wrong)} of {len(rows)} rows cannot be used: {reasons}{more}")
    return [row.as_dict() for row in rows if invalid == "keep" or not row.problem]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"read_consumers": read_consumers}
