#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_scope_info
short_description: List the scopes of an organisation in Maskinporten
version_added: 1.0.0
description:
  - Reads every scope that the organisation owns, deactivated ones included, with one request.
  - Compares them with a declaration when O(declared) is given, so that scopes nobody declares come to light.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
  - tilbyder.maskinporten.attributes
  - tilbyder.maskinporten.attributes.info_module
attributes:
  action_group:
    membership:
      - tilbyder.maskinporten.all
      - tilbyder.maskinporten.maskinporten
options:
  name:
    description: Only the scopes with these whole names.
    type: list
    elements: str
  prefix:
    description: Only the scopes with this prefix.
    type: str
  active:
    description: Only active scopes (V(true)) or only deactivated ones (V(false)).
    type: bool
  declared:
    description: Names of the scopes that are declared somewhere; the answer then tells which live ones are not, and the reverse.
    type: list
    elements: str
seealso:
  - module: tilbyder.maskinporten.maskinporten_scope
"""

EXAMPLES = r"""
- name: List the active scopes with our prefix
  tilbyder.maskinporten.maskinporten_scope_info:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    prefix: testetat
    active: true

- name: Find live scopes that nobody declares
  tilbyder.maskinporten.maskinporten_scope_info:
    declared: [testetat:cases.read, testetat:cases.write]
"""

RETURN = r"""
scopes:
  description: The scopes as the API has them, sorted by name; empty when there are none.
  returned: success
  type: list
  elements: dict
  sample: [{name: "testetat:cases.read", active: true, visibility: PRIVATE}]
undeclared:
  description: Names of the scopes that exist but are not in O(declared).
  returned: when O(declared) is given
  type: list
  elements: str
missing:
  description: Names in O(declared) that do not exist.
  returned: when O(declared) is given
  type: list
  elements: str
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 1, read: 2, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            "name": {"type": "list", "elements": "str"},
            "prefix": {"type": "str"},
            "active": {"type": "bool"},
            "declared": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
