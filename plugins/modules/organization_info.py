#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: organization_info
short_description: Look organisations up in the Norwegian register of organisations
version_added: 1.0.0
description:
  - Tells names, sub-units, and who is dissolved, bankrupt or unknown, from Enhetsregisteret; a hundred numbers with one
    request.
  - Synthetic organisations are not in the real register. Outside production those that it does not know are looked up in
    Digdir's self-service API, which knows their names.
  - Needs no login; the options of one are taken so that C(module_defaults) can set them for all modules.
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
  organizations:
    description: Organisation numbers, however they are written.
    type: list
    elements: raw
    required: true
seealso:
  - module: tilbyder.maskinporten.consumer_access
  - plugin: tilbyder.maskinporten.organization_number
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See who stands behind some numbers
  tilbyder.maskinporten.organization_info:
    environment: test
    organizations: ["310 002 100", "310003425"]
  register: found

- name: Name those that are dissolved
  ansible.builtin.debug:
    msg: "{{ found.organizations | selectattr('valid') | selectattr('status', 'eq', 'dissolved') | map(attribute='name') }}"
"""

RETURN = r"""
organizations:
  description: One entry for each number asked for, in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    organization_number:
      description: Nine digits, or null where it cannot be one.
      type: str
      returned: always
    valid:
      description: Whether it can be an organisation number at all.
      type: bool
      returned: always
    problem:
      description: Why it cannot.
      type: str
      returned: when it cannot
    text:
      description: What was given, quoted.
      type: str
      returned: when it cannot
    name:
      description: Name; null when unknown.
      type: str
      returned: when valid
    status:
      description: V(active), V(dissolved), V(bankrupt), V(being_dissolved), V(removed) (for legal reasons) or V(unknown).
      type: str
      returned: when valid
    since:
      description: ISO date of dissolution or bankruptcy, where there is one.
      type: str
      returned: when valid
    form:
      description: Code of the organisation form, for example V(AS) or V(KOMM).
      type: str
      returned: when valid
    sub_unit:
      description: Whether it is a sub-unit.
      type: bool
      returned: when valid
    parent:
      description: Number of the main unit of a sub-unit.
      type: str
      returned: when valid
    synthetic:
      description: Whether it is of a test environment.
      type: bool
      returned: when valid
    source:
      description: V(register), V(self_service), or null when nobody knows it.
      type: str
      returned: when valid
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 0, read: 2, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._register import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            "organizations": {"type": "list", "elements": "raw", "required": True},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
