# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter organization_number."""

from __future__ import annotations

DOCUMENTATION = r"""
name: organization_number
short_description: Norwegian organisation number in one form
version_added: 1.0.0
author:
  - tilbyder.maskinporten contributors (@tilbyder)
description:
  - Takes an organisation number as people write it and gives it back as nine digits, or in another form.
  - Spaces of every kind, V(974.761.076), V(974-761-076), V(0192:974761076), V(NO 974 761 076 MVA),
    V(Org.nr. 974 761 076), and what spreadsheets make of numbers are understood.
  - Anything else fails with a sentence about what is wrong, a wrong check digit and digits of other scripts included.
options:
  _input:
    description:
      - The organisation number, as text or whole number.
    type: raw
    required: true
  form:
    description:
      - The form wanted.
      - V(digits) is V(974761076), V(spaced) is V(974 761 076), V(iso6523) is V(0192:974761076) as in tokens, and V(urn)
        is V(urn:altinn:organization:identifier-no:974761076) as in Altinn.
    type: str
    choices: [digits, spaced, iso6523, urn]
    default: digits
seealso:
  - plugin: tilbyder.maskinporten.organization_number
    plugin_type: test
  - plugin: tilbyder.maskinporten.read_consumers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: One number, one form
  ansible.builtin.debug:
    msg: "{{ 'NO 974 761 076 MVA' | tilbyder.maskinporten.organization_number }}"
    # 974761076

- name: As it stands in a token
  ansible.builtin.debug:
    msg: "{{ 974761076 | tilbyder.maskinporten.organization_number(form='iso6523') }}"
    # 0192:974761076

- name: A whole list
  ansible.builtin.debug:
    msg: "{{ ['974 761 076', '971203420'] | map('tilbyder.maskinporten.organization_number') | list }}"
    # ['974761076', '971203420']
"""

RETURN = r"""
_value:
  description: The organisation number in the form wanted.
  type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._organization_number import (
    OrganizationNumberError,
    normalize,
    spaced,
)


def organization_number(value: Any, form: str = "digits") -> str:
    """The number in the form wanted.

    :raises AnsibleFilterError: no organisation number, or no such form.
    """
    try:
        number = normalize(value)
    except OrganizationNumberError as error:
        raise AnsibleFilterError(str(error)) from None
    forms = {
        "digits": number,
        "spaced": spaced(number),
        "iso6523": f"0192:{number}",
        "urn": f"urn:altinn:organization:identifier-no:{number}",
    }
    if form not in forms:
        raise AnsibleFilterError(f"organization_number: form '{form}' is not one of {', '.join(forms)}")
    return forms[form]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"organization_number": organization_number}
