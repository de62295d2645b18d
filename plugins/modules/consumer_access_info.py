#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: consumer_access_info
short_description: Tell who has access to which scopes in Maskinporten
version_added: 1.0.0
description:
  - Lists the consumers of the organisation's scopes with names, states and dates; per scope, per organisation, and in total
    with the yearly fee.
  - Makes one request for each scope, or one for each consumer where only O(consumers) is given.
  - Compares them with declared lists when O(declared) is given.
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
  scopes:
    description:
      - Only these scopes, by whole name. Without O(scopes) and O(consumers) all of the organisation's scopes are read,
        deactivated ones included, since their consumers get access back when they are re-activated.
    type: list
    elements: str
  consumers:
    description: Only these organisations, by organisation number.
    type: list
    elements: raw
  states:
    description: Only accesses in these states; every state if nothing is said. Only V(APPROVED) is access.
    type: list
    elements: str
    choices: [APPROVED, REQUESTED, DENIED]
  register:
    description: Look every organisation up in the register of organisations, to find dissolved ones that still hold access.
    type: bool
    default: false
  price_scope:
    description: Count the yearly fee over what was read (V(task)) or over all active scopes of the organisation (V(provider)).
    type: str
    choices: [task, provider]
    default: task
  declared:
    description: The lists that say who should have access; the answer then tells who has it undeclared, and who lacks it.
    type: list
    elements: dict
    suboptions:
      scope:
        description: The scope's whole name.
        type: str
        required: true
      consumers:
        description: Its consumers, as in O(tilbyder.maskinporten.consumer_access#module:consumers).
        type: list
        elements: raw
      consumers_file:
        description: File with them, as in O(tilbyder.maskinporten.consumer_access#module:consumers_file).
        type: path
      sheet:
        description: Sheet of a workbook.
        type: str
seealso:
  - module: tilbyder.maskinporten.consumer_access
"""

EXAMPLES = r"""
- name: List who has access to a scope
  tilbyder.maskinporten.consumer_access_info:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    scopes: [testetat:cases.read]
    states: [APPROVED]

- name: List everything one organisation holds with us
  tilbyder.maskinporten.consumer_access_info:
    consumers: ["310002100"]

- name: Find consumers that are dissolved, and consumers that nobody declares
  tilbyder.maskinporten.consumer_access_info:
    register: true
    declared:
      - {scope: "testetat:cases.read", consumers_file: consumers/cases.csv}
"""

RETURN = r"""
accesses:
  description: One entry for each access, sorted by scope and organisation; empty when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    scope:
      description: The scope.
      type: str
    organization_number:
      description: The consumer.
      type: str
    name:
      description: Its name; null where Digdir does not know it.
      type: str
    state:
      description: V(APPROVED), V(REQUESTED) or V(DENIED).
      type: str
    created:
      description: When the access came to be.
      type: str
    last_updated:
      description: When it last changed.
      type: str
    scope_active:
      description: Whether the scope is active.
      type: bool
    accessible_for_all:
      description: Whether the scope is open to everyone, in which case the list does not matter.
      type: bool
    register_status:
      description: V(active), V(dissolved), V(bankrupt), V(being_dissolved), V(removed) or V(unknown).
      type: str
      returned: with O(register)
    declared:
      description: Whether it is declared; null where nobody declares the scope.
      type: bool
      returned: with O(declared)
    reason:
      description: The declared reason; likewise C(case_number) and C(valid_until).
      type: str
      returned: with O(declared)
scopes:
  description: How many accesses each scope has in each state.
  returned: success
  type: list
  elements: dict
  sample: [{scope: "testetat:cases.read", approved: 2, requested: 0, denied: 1}]
organizations:
  description: The scopes that each organisation has access to.
  returned: success
  type: list
  elements: dict
  sample: [{organization_number: "310002100", name: STILLE BRE AS, scopes: ["testetat:cases.read"]}]
totals:
  description: Grants, distinct organisations and scopes; requests that wait; dissolved organisations that still have access.
  returned: success
  type: dict
  sample: {grants: 2, organizations: 2, scopes: 1, requested: 0, dissolved: []}
price:
  description: The yearly fee by Digdir's public ladder.
  returned: success
  type: dict
undeclared:
  description: Accesses to declared scopes that no list declares.
  returned: when O(declared) is given
  type: list
  elements: dict
missing:
  description: Declared consumers that have no access.
  returned: when O(declared) is given
  type: list
  elements: dict
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 1, read: 3, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._access import (
    info_options,
    inform,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(argument_spec={**auth_options(), **info_options()}, supports_check_mode=True)
    run(module, inform)


if __name__ == "__main__":
    main()
