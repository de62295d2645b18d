#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_resource_info
short_description: List resources in Altinn's resource registry
version_added: 1.0.0
description:
  - Reads resources by identifier, with one request each, or all of an owner, with one request for all.
  - The registry is open to everyone, so nothing is logged in for, unless it is the login that tells who the owner is.
  - Compares them with a declaration when O(declared) is given, so that resources nobody declares come to light.
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
  identifier:
    description: The resources with these identifiers, whoever owns them.
    type: list
    elements: str
  owner:
    description:
      - Organisation number or service owner code of the owner whose resources to list.
      - If both this and O(identifier) are left out, it is O(organization_number), or else the organisation that is logged in.
    type: str
  resource_type:
    description: Only resources of this type.
    type: str
    choices:
      - MaskinportenSchema
      - GenericAccessResource
      - Systemresource
      - CorrespondenceService
      - BrokerService
      - Consent
      - AltinnApp
      - MigratedApp
      - Altinn2Service
  scope:
    description: Only resources that refer to one of these scopes of Maskinporten.
    type: list
    elements: str
  include_apps:
    description: List apps of Altinn Studio as well.
    type: bool
    default: false
  declared:
    description:
      - Identifiers of the resources that are declared somewhere; the answer then tells which live ones are not, and the reverse.
    type: list
    elements: str
seealso:
  - module: tilbyder.maskinporten.altinn_resource
"""

EXAMPLES = r"""
- name: List our resources that make scopes delegable
  tilbyder.maskinporten.altinn_resource_info:
    environment: test
    organization_number: "310001007"
    resource_type: MaskinportenSchema

- name: Find resources that nobody declares
  tilbyder.maskinporten.altinn_resource_info:
    owner: testetat
    declared: [testetat-cases-read, testetat-cases-write]
"""

RETURN = r"""
resources:
  description: The resources as the registry has them, sorted by identifier; empty when there are none.
  returned: success
  type: list
  elements: dict
  sample: [{identifier: testetat-cases-read, resourceType: MaskinportenSchema, delegable: true}]
scopes:
  description: Identifier of each resource, with the scopes of Maskinporten that it refers to.
  returned: success
  type: dict
  sample: {testetat-cases-read: ["testetat:cases.read"]}
declarations:
  description:
    - The resources as entries of the option O(tilbyder.maskinporten.altinn_resource#module:resources); applied as they are, they
      change nothing.
  returned: success
  type: list
  elements: dict
undeclared:
  description: Identifiers of the resources that exist but are not in O(declared).
  returned: when O(declared) is given
  type: list
  elements: str
missing:
  description: Identifiers in O(identifier) or O(declared) that do not exist.
  returned: when O(identifier) or O(declared) is given
  type: list
  elements: str
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 0, read: 1, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_model import (
    RESOURCE_TYPES,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resources import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            "identifier": {"type": "list", "elements": "str"},
            "owner": {"type": "str"},
            "resource_type": {"type": "str", "choices": list(RESOURCE_TYPES)},
            "scope": {"type": "list", "elements": "str"},
            "include_apps": {"type": "bool", "default": False},
            "declared": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
