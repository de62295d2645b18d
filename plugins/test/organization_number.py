# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test organization_number."""

from __future__ import annotations

DOCUMENTATION = r"""
name: organization_number
short_description: Whether a value is a Norwegian organisation number
version_added: 1.0.0
author:
  - tilbyder.maskinporten contributors (@tilbyder)
description:
  - True for nine digits whose last one is the right check digit, however they are written; see
    P(tilbyder.maskinporten.organization_number#filter) for the forms that are understood.
  - It says nothing about whether the organisation exists; M(tilbyder.maskinporten.organization_info) does.
options:
  _input:
    description:
      - The value.
    type: raw
    required: true
  kind:
    description:
      - Also demand that the number is V(real) (begins with 8 or 9) or V(synthetic) (begins with 2 or 3, as the
        organisations of the test environments do).
    type: str
    choices: [any, real, synthetic]
    default: any
seealso:
  - plugin: tilbyder.maskinporten.organization_number
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Stop when the provider is mistyped
  ansible.builtin.assert:
    that: provider is tilbyder.maskinporten.organization_number

- name: Keep what can be right
  ansible.builtin.debug:
    msg: "{{ ['974761076', '974761077', '..'] | select('tilbyder.maskinporten.organization_number') | list }}"
    # ['974761076']

- name: No synthetic numbers in a list for production
  ansible.builtin.assert:
    that: consumers | select('tilbyder.maskinporten.organization_number', kind='synthetic') | list | length == 0
"""

RETURN = r"""
_value:
  description: Whether the value is an organisation number of that kind.
  type: bool
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._organization_number import (
    REAL,
    SYNTHETIC,
    OrganizationNumberError,
    normalize,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._organization_number import (
    kind as kind_of,
)


def organization_number(value: Any, kind: str = "any") -> bool:
    """Whether the value is an organisation number of that kind.

    :raises AnsibleFilterError: no such kind.
    """
    if kind not in ("any", REAL, SYNTHETIC):
        raise AnsibleFilterError(f"organization_number: kind '{kind}' is not one of any, {REAL}, {SYNTHETIC}")
    try:
        number = normalize(value)
    except OrganizationNumberError:
        return False
    return kind == "any" or kind_of(number) == kind


class TestModule:
    """What Ansible loads."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"organization_number": organization_number}
