#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_policy_info
short_description: Read policies in Altinn, who may do what under them, and whether they outlive the Altinn 2 roles
version_added: 1.0.0
description:
  - Reads the policies of named resources, or of every resource of an owner, and says in plain words who may do what.
  - Judges each policy for 1 January 2027, the day on which the Altinn 2 roles end.
  - Policies and resources are public, so no login is needed.
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
requirements:
  - lxml >= 4.9.3
options:
  resource:
    description: Identifiers of resources. One that does not exist is in the answer all the same, and says so.
    type: list
    elements: str
  owner:
    description:
      - Every resource of this owner, an organisation number or an org code. Left out, O(organization_number) is the owner.
      - Has no effect together with O(resource).
    type: str
  resource_type:
    description: Of the owner's resources only those of these types, such as V(MaskinportenSchema).
    type: list
    elements: str
  include_apps:
    description: Also the owner's apps, whose policies Altinn Studio publishes.
    type: bool
    default: false
  include_text:
    description: Return the XACML files too.
    type: bool
    default: true
seealso:
  - module: tilbyder.maskinporten.altinn_policy
"""

EXAMPLES = r"""
- name: Who may delegate our scopes, and does it work after New Year?
  tilbyder.maskinporten.altinn_policy_info:
    environment: prod
    owner: "971203420"
    resource_type: [MaskinportenSchema]
    include_text: false
  register: policies

- name: Show the policies that stop
  ansible.builtin.debug:
    msg: "{{ policies.policies | selectattr('verdict', 'equalto', 'only_altinn2_roles') | map(attribute='resource') }}"
"""

RETURN = r"""
policies:
  description: One entry for each resource; those of an owner sorted by identifier, empty when there are none.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: Identifier of the resource.
      type: str
      returned: always
    exists:
      description: Whether there is such a resource.
      type: bool
      returned: always
    title:
      description: Title of the resource, in bokmål where there is one.
      type: str
      returned: always
    resource_type:
      description: Type of the resource.
      type: str
      returned: always
    delegable:
      description: Whether the resource can be delegated at all.
      type: bool
      returned: always
    owner:
      description: Organisation number of the owner.
      type: str
      returned: always
    owner_code:
      description: Org code of the owner.
      type: str
      returned: always
    has_policy:
      description: Whether the resource has a policy.
      type: bool
      returned: always
    policy:
      description: The XACML file.
      type: str
      returned: when there is one and O(include_text)
    rules:
      description: The policy as people read it, a line a rule.
      type: list
      elements: str
      returned: always
    actions:
      description: The actions that the policy is about.
      type: list
      elements: str
      returned: always
    may_delegate:
      description: Who may delegate the scopes of a C(MaskinportenSchema); for other types, who may do anything.
      type: list
      elements: str
      returned: always
    authentication_level:
      description: The level that a person needs, or null.
      type: int
      returned: always
    authentication_level_organization:
      description: The level that is enough for the token of a service owner, or null.
      type: int
      returned: always
    verdict:
      description:
        - C(works) means that it works after 1 January 2027 and names no Altinn 2 role.
        - C(has_packages) means that it names Altinn 2 roles, and others beside them, so it works.
        - C(only_altinn2_roles) means that only Altinn 2 roles let anyone do something, so it stops on 1 January 2027.
        - C(no_one) means that nobody can delegate (or do anything), today as then.
        - C(unreadable) means that the policy cannot be read.
      type: str
      returned: always
    verdict_text:
      description: The verdict as a sentence.
      type: str
      returned: always
    stops:
      description: Actions that nobody can do any more from 1 January 2027.
      type: list
      elements: str
      returned: always
    altinn2_roles:
      description: Altinn 2 roles that let someone do something.
      type: list
      elements: str
      returned: always
    roles_without_package:
      description: Those of them whose holders lose something on 1 January 2027, since what replaces the role is not named.
      type: list
      elements: str
      returned: always
    migratable:
      description: Whether M(tilbyder.maskinporten.altinn_policy) knows packages for any of them.
      type: bool
      returned: always
    warnings:
      description: What in the policy says something else than it seems to.
      type: list
      elements: str
      returned: always
  sample:
    - resource: testetat-cases-read
      rules:
        - "role apiadm (Altinn 2, ends 2027-01-01) may scopeaccess on testetat-cases-read"
        - authentication level 3 is needed
      verdict: only_altinn2_roles
summary:
  description: How many policies there are, and how many of each verdict.
  returned: success
  type: dict
  sample: {total: 3, unreadable: 0, no_one: 0, only_altinn2_roles: 1, has_packages: 1, works: 1}
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 0, read: 4, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._policies import inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            "resource": {"type": "list", "elements": "str"},
            "owner": {"type": "str"},
            "resource_type": {"type": "list", "elements": "str"},
            "include_apps": {"type": "bool", "default": False},
            "include_text": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    run(module, inform)


if __name__ == "__main__":
    main()
