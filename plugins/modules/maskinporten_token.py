#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_token
short_description: Prove a login to Maskinporten, and fetch a token where the task hides it
version_added: 1.0.0
description:
  - Logs in to Maskinporten, checks that the token is for the organisation, scopes and consumer that were asked for, and shows
    its claims. So it proves that a key, a client or a grant works.
  - Returns the token itself only when O(return_token=true) and the task carries C(no_log=true).
  - Tokens live about two minutes. Fetch one right before its use; do not keep it in a fact.
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
    description: Scopes that the token shall have; every one must be registered on the client.
    type: list
    elements: str
    required: true
  consumer_org:
    description: The organisation that a supplier acts for, by a delegation in Altinn.
    type: str
  resource:
    description: Audiences that the token shall be restricted to.
    type: list
    elements: str
  exchange:
    description: Exchange the token for one of Altinn.
    type: bool
    default: false
  return_token:
    description: Return the token as RV(access_token). Refused unless the task carries C(no_log=true).
    type: bool
    default: false
seealso:
  - plugin: tilbyder.maskinporten.maskinporten_token
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Prove that the administration client can log in
  tilbyder.maskinporten.maskinporten_token:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    scopes: [idporten:scopes.write]

- name: Fetch a token for the next task
  tilbyder.maskinporten.maskinporten_token:
    scopes: [idporten:scopes.write]
    return_token: true
  register: login
  no_log: true
"""

RETURN = r"""
access_token:
  description: The token.
  returned: when O(return_token=true) and the task carries C(no_log=true)
  type: str
claims:
  description: What the token says, without what identifies it.
  returned: success
  type: dict
  sample: {iss: "https://test.maskinporten.no/", scope: "idporten:scopes.write"}
organization_number:
  description: The organisation that the token is for.
  returned: success
  type: str
  sample: "310001007"
supplier_number:
  description: The supplier that acts for it.
  returned: when a delegation was used
  type: str
scopes:
  description: The scopes of the token.
  returned: success
  type: list
  elements: str
expires_at:
  description: When the token expires, in seconds since 1970.
  returned: success
  type: int
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 1, read: 1, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._tokens import (
    manage,
    token_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={**auth_options(), **token_options()},
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
