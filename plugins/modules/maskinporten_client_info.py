#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_client_info
short_description: List the clients of an organisation in Maskinporten, with their keys and how long those live
version_added: 1.0.0
description:
  - Reads every client that the organisation owns, deactivated ones included, with one request.
  - With O(keys=true) it reads each client's keys too, and reports them by the days that are left.
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
  client:
    description: Only the clients with one of these ids, names or descriptions.
    type: list
    elements: str
  scope:
    description: Only the clients that have this scope.
    type: str
  integration_type:
    description: Only the clients of this kind.
    type: str
    choices: [ansattporten, api_klient, eformidling, idporten, idporten_saml2, krr, maskinporten]
  active:
    description: Only active clients (V(true)) or only deactivated ones (V(false)).
    type: bool
  keys:
    description: Read each client's keys too; one request a client.
    type: bool
    default: false
  warn_days:
    description: A key with at most this many days left counts as due.
    type: int
    default: 30
seealso:
  - module: tilbyder.maskinporten.maskinporten_client
  - module: tilbyder.maskinporten.maskinporten_client_key
"""

EXAMPLES = r"""
- name: List the active clients
  tilbyder.maskinporten.maskinporten_client_info:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    active: true

- name: Find the keys that die within sixty days
  tilbyder.maskinporten.maskinporten_client_info:
    keys: true
    warn_days: 60
  register: clients

- name: Show them
  ansible.builtin.debug:
    var: clients.due
"""

RETURN = r"""
clients:
  description: The clients as the API has them, sorted by name, without secrets; empty when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    registered_keys:
      description: The client's public keys as the API has them.
      returned: when O(keys=true)
      type: list
      elements: dict
    keys_error:
      description: Why the keys could not be read.
      returned: when they could not be
      type: str
  sample: [{client_id: 7d1f2c0e-52d4-4f6a-9a33-0d3b1b5f4a11, client_name: cases-batch, active: true}]
key_report:
  description:
    - One row for each key of each client, and one for each client without keys, the most urgent first.
  returned: when O(keys=true)
  type: list
  elements: dict
  contains:
    client:
      description: Name of the client.
      type: str
      returned: always
    client_id:
      description: Id of the client.
      type: str
      returned: always
    active:
      description: Whether the client is active.
      type: bool
      returned: always
    kid:
      description: Id of the key; null in the row of a client without keys.
      type: str
      returned: always
    algorithm:
      description: Algorithm of the key.
      type: str
      returned: always
    bits:
      description: Size of the key.
      type: int
      returned: always
    expires:
      description: The day on which the key expires; null where the API does not say.
      type: str
      returned: always
      sample: "2027-03-05"
    days_left:
      description: Whole days until then; negative for an expired key.
      type: int
      returned: always
    status:
      description: V(expired), V(due), V(no_expiry), V(ok), V(no_keys), V(unreadable) or V(inactive).
      type: str
      returned: always
    due:
      description: Whether somebody has to act.
      type: bool
      returned: always
    advice:
      description: What to do about it.
      type: str
      returned: always
due:
  description: The rows of RV(key_report) that somebody has to act on.
  returned: when O(keys=true)
  type: list
  elements: dict
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 1, read: 2, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._clients import (
    INTEGRATION_TYPES,
    inform,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            "client": {"type": "list", "elements": "str"},
            "scope": {"type": "str"},
            "integration_type": {"type": "str", "choices": list(INTEGRATION_TYPES)},
            "active": {"type": "bool"},
            "keys": {"type": "bool", "default": False, "no_log": False},
            "warn_days": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
