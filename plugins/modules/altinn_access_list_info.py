#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_access_list_info
short_description: List access lists in Altinn with their members and resources
version_added: 1.0.0
description:
  - Reads the access lists of a service owner from Altinn's resource registry.
  - Each list is read in one version; one that changes while its pages are read is read again.
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
  owner:
    description:
      - Code of the service owner, as in Altinn's list of service owners.
      - If left out, the code of the organisation that logs in.
    type: str
  identifier:
    description: Only the lists with these identifiers.
    type: list
    elements: str
  resource:
    description: Only the lists that are connected to this resource.
    type: str
  members:
    description: Read the members as well, a hundred in a request.
    type: bool
    default: true
  connections:
    description: Read the connections to resources as well.
    type: bool
    default: true
  names:
    description: Look up the names of the members as well, in the register of organisations.
    type: bool
    default: false
seealso:
  - module: tilbyder.maskinporten.altinn_access_list
"""

EXAMPLES = r"""
- name: Read every access list of ours
  tilbyder.maskinporten.altinn_access_list_info:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_private_key_path }}"
    key_id: "{{ altinn_key_id }}"
    names: true

- name: Read the lists that decide who may use a resource
  tilbyder.maskinporten.altinn_access_list_info:
    resource: testetat-cases-read
"""

RETURN = r"""
owner:
  description: Code of the service owner.
  returned: success
  type: str
  sample: testetat
access_lists:
  description: The lists as the registry has them, sorted by identifier; empty when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    identifier:
      description: The list's own id.
      type: str
      returned: always
    owner:
      description: Code of the service owner.
      type: str
      returned: always
    urn:
      description: The list's name in policies.
      type: str
      returned: always
      sample: urn:altinn:access-list:testetat:approved-consumers
    name:
      description: The list's name.
      type: str
      returned: always
    description:
      description: What the list is for.
      type: str
      returned: always
    members:
      description:
        - The members; C(organization_number) (null for one without), C(since), C(id), and with O(names) C(name).
      type: list
      elements: dict
      returned: with O(members)
    connections:
      description: The resources that the list is for; C(resource) and C(actions), where none means every action.
      type: list
      elements: dict
      returned: with O(connections)
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 2, read: 5, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_info import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            "owner": {"type": "str"},
            "identifier": {"type": "list", "elements": "str"},
            "resource": {"type": "str"},
            "members": {"type": "bool", "default": True},
            "connections": {"type": "bool", "default": True},
            "names": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
