#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_preflight_info
short_description: Check that an environment, its credentials and what people must arrange are in place
version_added: 1.0.0
description:
  - Walks what must hold before an API can be published, and tells for each point whether it was seen to hold.
  - Never fails for a point that does not hold; look at RV(ready) and RV(failures).
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
  prefixes:
    description: Scope prefixes that must have been assigned to the organisation.
    type: list
    elements: str
  delegation:
    description: Also check that Altinn is a delegation source of the environment.
    type: bool
    default: false
  altinn:
    description:
      - The Altinn client; its login, its scopes and the exchange of its token are checked too.
      - Options that are left out come from the environment variables E(ALTINN_CLIENT_ID) and so on.
    type: dict
    suboptions:
      client_id:
        description: Id of the Altinn client.
        type: str
      private_key_path:
        description: File with its private key.
        type: path
      private_key:
        description: Its private key as text.
        type: str
      private_key_passphrase:
        description: Passphrase of the private key.
        type: str
      key_id:
        description: The C(kid) of its registered key.
        type: str
      certificate_chain_path:
        description: File with its certificate chain.
        type: path
      certificate_chain:
        description: Its certificate chain as text.
        type: str
      algorithm:
        description: Algorithm of the grant's signature.
        type: str
        choices: [RS256, RS384, RS512]
        default: RS256
      grant_lifetime:
        description: Life of a grant in seconds.
        type: int
        default: 120
      token:
        description: A ready token of the Altinn client.
        type: str
  altinn_scopes:
    description: Scopes that the Altinn client must have; by default the one that publishes resources.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Check that everything is in place
  tilbyder.maskinporten.maskinporten_preflight_info:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    organization_number: "310001007"
    prefixes: [testetat]
    delegation: true
"""

RETURN = r"""
checks:
  description: The points, in the order in which they were asked.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Name of the point for machines.
      type: str
      returned: always
      sample: prefix
    title:
      description: What was checked.
      type: str
      returned: always
    state:
      description: V(ok) was seen to hold, V(failed) was seen not to, V(unknown) could not be asked.
      type: str
      returned: always
    message:
      description: What was seen, and what to do.
      type: str
      returned: always
    variable:
      description: The inventory variable to look at.
      type: str
      returned: always
ready:
  description: Whether no point failed.
  returned: success
  type: bool
failures:
  description: The points that failed, a sentence each.
  returned: success
  type: list
  elements: str
organization_number:
  description: The organisation that the credentials belong to.
  returned: success
  type: str
service_owner_code:
  description: The organisation's code in Altinn, when it was asked for.
  returned: success
  type: str
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 3, read: 6, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._preflight import (
    inform,
    preflight_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={**auth_options(), **preflight_options()},
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
