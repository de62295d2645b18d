# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter adopted_declarations."""

from __future__ import annotations

DOCUMENTATION = r"""
name: adopted_declarations
short_description: Write what exists as declarations that change nothing
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Turns what the C(_info) modules read of an existing provider into files of declarations, one for each scope, with consumers
    and members of access lists as CSV and policies as XACML beside them.
  - Handed to P(tilbyder.maskinporten.provider_declarations#filter) in the same environment, with the same defaults, they
    change nothing.
  - What cannot be declared is listed.
options:
  _input:
    description: The scopes, as M(tilbyder.maskinporten.maskinporten_scope_info) returns them.
    type: list
    elements: dict
    required: true
  environment:
    description: The environment in which all this was read.
    type: str
    choices: [test, prod, sandbox]
    required: true
  accesses:
    description:
      - Who has access, as M(tilbyder.maskinporten.consumer_access_info) returns it.
      - Left out, nothing is declared about consumers; likewise with the other options for what else was not read.
    type: list
    elements: dict
  resources:
    description: The resources, as M(tilbyder.maskinporten.altinn_resource_info) returns them.
    type: list
    elements: dict
  policies:
    description: The policies, as M(tilbyder.maskinporten.altinn_policy_info) returns them.
    type: list
    elements: dict
  access_lists:
    description: The access lists, as M(tilbyder.maskinporten.altinn_access_list_info) returns them.
    type: list
    elements: dict
  defaults:
    description: The inventory's C(provider_defaults); what they say already is left out of the declarations.
    type: dict
    default: {}
  altinn_issuer:
    description: Altinn's address among the environment's delegation sources, where it is not the usual one.
    type: str
  deactivated:
    description: Whether deactivated scopes are declared with C(state=absent) or left out.
    type: str
    choices: [declare, leave_out]
    default: declare
seealso:
  - plugin: tilbyder.maskinporten.provider_declarations
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write down what exists
  tilbyder.maskinporten.write_files:
    path: apis
    files: "{{ (live.scopes | tilbyder.maskinporten.adopted_declarations(environment='test')).files }}"
  vars:
    live: "{{ registered_from_maskinporten_scope_info }}"
"""

RETURN = r"""
_value:
  description:
    - C(files), names and texts as M(tilbyder.maskinporten.write_files) takes them; C(apis), a row for each API; C(not_declared),
      what exists and could not be declared, with C(kind), C(name) and C(reason).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._adoption import adopt


def adopted_declarations(scopes: Any, **options: Any) -> dict[str, Any]:
    """See DOCUMENTATION.

    :raises AnsibleFilterError: an option that cannot be right.
    """
    if isinstance(scopes, str) or not hasattr(scopes, "__iter__"):
        raise AnsibleFilterError(
            "adopted_declarations: the scopes are needed, as maskinporten_scope_info returns them"
        )
    try:
        return adopt(scopes, **options)
    except CollectionError as error:
        raise AnsibleFilterError(error.message) from None
    except TypeError as error:
        raise AnsibleFilterError(f"adopted_declarations: {error}") from None


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"adopted_declarations": adopted_declarations}
