#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_delegation_info
short_description: List who has delegated a scope to whom in Altinn
version_added: 1.0.0
description:
  - Looks up, as the provider of an API, which consumers have delegated its scopes to which suppliers.
  - Altinn shows a provider the delegations of its own scopes only, one scope at a time; a login needs the scope
    C(altinn:maskinporten/delegations).
  - A resource that is newer than ten minutes may lack its delegations, since Altinn keeps its list of resources so long.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
  - tilbyder.maskinporten.altinn
  - tilbyder.maskinporten.attributes
  - tilbyder.maskinporten.attributes.info_module
attributes:
  action_group:
    membership:
      - tilbyder.maskinporten.all
      - tilbyder.maskinporten.altinn
options:
  scope:
    description:
      - The scopes to look up, each as V(prefix:subscope).
      - If left out, every active scope of the organisation that can be delegated, which takes O(administration) to find.
    type: list
    elements: str
  consumer:
    description: Only what this organisation has delegated; an organisation number.
    type: str
  supplier:
    description: Only what has been delegated to this organisation; an organisation number.
    type: str
  names:
    description: Look up the names of the organisations as well, in the register of organisations.
    type: bool
    default: false
seealso:
  - module: tilbyder.maskinporten.maskinporten_scope
  - module: tilbyder.maskinporten.altinn_resource
"""

EXAMPLES = r"""
- name: List who has delegated a scope to whom
  tilbyder.maskinporten.altinn_delegation_info:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_private_key_path }}"
    key_id: "{{ altinn_key_id }}"
    scope:
      - testetat:cases.read
    names: true

- name: See whether one consumer has delegated to one supplier
  tilbyder.maskinporten.altinn_delegation_info:
    scope:
      - testetat:cases.read
    consumer: "310002100"
    supplier: "310004774"
"""

RETURN = r"""
delegations:
  description: One row for each delegation and scope, sorted by scope, consumer and supplier; empty when there are none.
  returned: always, once the look-ups were made
  type: list
  elements: dict
  contains:
    scope:
      description: The scope.
      type: str
      returned: always
      sample: testetat:cases.read
    consumer:
      description: Organisation number of the consumer, who delegates.
      type: str
      returned: always
      sample: "310002100"
    consumer_name:
      description: Name of the consumer, V(null) when nobody knows the number.
      type: str
      returned: with O(names)
    supplier:
      description: Organisation number of the supplier, who acts for the consumer.
      type: str
      returned: always
      sample: "310004774"
    supplier_name:
      description: Name of the supplier, V(null) when nobody knows the number.
      type: str
      returned: with O(names)
    resource:
      description: Identifier of the resource in Altinn that was delegated.
      type: str
      returned: always
      sample: testetat-cases-read
    created:
      description: When it was delegated.
      type: str
      returned: always
      sample: "2026-08-20T09:00:00Z"
    scopes:
      description: Every scope that the delegated resource covers.
      type: list
      elements: str
      returned: always
    delegation_scheme_id:
      description: Id of the delegation scheme in Altinn 2 that the delegation comes from.
      type: str
      returned: always
scopes:
  description: The scopes that were looked up.
  returned: success
  type: list
  elements: str
failed_scopes:
  description: The scopes whose look-up failed.
  returned: failure of some look-ups
  type: list
  elements: str
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 2, read: 2, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._delegations import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            "scope": {"type": "list", "elements": "str"},
            "consumer": {"type": "str"},
            "supplier": {"type": "str"},
            "names": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
