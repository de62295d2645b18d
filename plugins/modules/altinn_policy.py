#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_policy
short_description: Say who may do what with a resource in Altinn, and keep it working after the Altinn 2 roles end
version_added: 1.0.0
description:
  - Brings the policies of resources in Altinn's resource registry to what is declared, from a template, from short rules, from a
    XACML file, or from what is in force with access packages added.
  - Compares by meaning. A policy is uploaded only when it says something else than the one in force; formatting, prefixes,
    order, comments, ids and descriptions count for nothing.
  - Takes one policy from the top-level options, or a list of them in O(policies) for which the top-level values are the defaults.
  - Refuses, unless told, to take away the last right to delegate, to lower the authentication level, and to write a policy that
    names only Altinn 2 roles, which end on 1 January 2027.
  - A XACML file is read as strictly as the registry reads it, so that what it would answer with an unexplained error is refused
    here with the line and the reason. Document type declarations and entities are refused, and nothing is fetched.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
  - tilbyder.maskinporten.altinn
  - tilbyder.maskinporten.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  action_group:
    membership:
      - tilbyder.maskinporten.all
      - tilbyder.maskinporten.altinn
requirements:
  - lxml >= 4.9.3
options:
  <<: &policy
    resource:
      description: Identifier of the resource.
      type: str
    template:
      description:
        - V(scope_delegation) lets those delegate the scopes of a resource who may administer them for their organisation. It
          names the access packages V(maskinporten-scopes) and V(maskinporten-scopes-nuf) and, beside them, the roles that they
          replace (O(include_altinn2_roles)).
      type: str
      choices: [scope_delegation]
    include_altinn2_roles:
      description:
        - Name the Altinn 2 roles V(apiadm) and V(apiadmnuf) beside the packages of O(template), as Altinn advises until the roles
          are gone. They are named unless this says V(false), whatever the date.
      type: bool
    rules:
      description:
        - The policy as short rules. They are the whole policy, and each rule is about O(resource).
        - A subject may also be written as its whole URN.
      type: list
      elements: dict
      suboptions: &rule
        access_packages:
          description: Codes of access packages, such as V(maskinporten-scopes).
          type: list
          elements: str
        roles:
          description: Role codes, such as V(dagl) or V(priv). The Altinn 2 roles among them end on 1 January 2027.
          type: list
          elements: str
        external_roles:
          description:
            - Roles in the register of legal entities, such as V(daglig-leder); those of the population register as V(cra:code).
          type: list
          elements: str
        organizations:
          description: Organisation numbers.
          type: list
          elements: str
        service_owners:
          description: Org codes of service owners, who act with tokens of their own.
          type: list
          elements: str
        access_lists:
          description: Access lists as V(org:list), for consent resources.
          type: list
          elements: str
        party_types:
          description: Kinds of party, such as V(organization), for consent resources.
          type: list
          elements: str
        subjects:
          description: Subjects as URNs, such as V(urn:altinn:accesspackage:maskinporten-scopes).
          type: list
          elements: str
        actions:
          description: What they may do, such as V(scopeaccess), V(read) or V(write).
          type: list
          elements: str
          required: true
        effect:
          description: Whether they may, or may not.
          type: str
          choices: [permit, deny]
          default: permit
        description:
          description: A text for whoever reads the XACML file.
          type: str
    path:
      description: A XACML file, uploaded byte for byte.
      type: path
      aliases: [file]
    xml:
      description: A XACML policy as text.
      type: str
    migrate_altinn2_roles:
      description:
        - Start from the policy in force and name, in every rule that permits, the access packages that replace the Altinn 2 roles
          beside these. Everything else in the policy stays as it is.
      type: bool
    remove_altinn2_roles:
      description: With O(migrate_altinn2_roles), also take out the roles that got their packages.
      type: bool
    replacements:
      description:
        - With O(migrate_altinn2_roles), access packages for further Altinn 2 roles, as role code and list of package codes. It is
          put over the collection's own table; an empty list leaves a role alone.
      type: dict
    authentication_level:
      description:
        - The authentication level that a person needs; goes with O(template) and O(rules).
        - Left out, the level in force is kept; a new policy asks for level 3.
      type: int
      choices: [0, 1, 2, 3, 4]
    authentication_level_organization:
      description:
        - The level that is enough for the token of a service owner; goes with O(template) and O(rules).
        - Left out, the level in force is kept; a new policy asks for level 3.
      type: int
      choices: [0, 1, 2, 3, 4]
    allow_removing_delegation:
      description: Go on although nobody could delegate the resource any more.
      type: bool
    allow_lower_authentication_level:
      description: Go on although a lower authentication level than now would be enough.
      type: bool
    allow_only_altinn2_roles:
      description: Go on although only Altinn 2 roles would let anyone do something.
      type: bool
    allow_replacing_unreadable:
      description: Replace a policy that cannot be read, so that nobody can tell what gets lost.
      type: bool
  policies:
    description:
      - Several policies in one task, with the options of the top level, which are their defaults.
      - An entry that says what its policy shall be (O(policies[].template), O(policies[].rules), O(policies[].path),
        O(policies[].xml), O(policies[].migrate_altinn2_roles)) takes nothing of that from the top level.
    type: list
    elements: dict
    suboptions:
      <<: *policy
  backup_directory:
    description:
      - A folder in which every policy that is replaced is kept as C(RESOURCE.xml) before it is replaced. It is made when
        missing, and a file in it is never written over.
    type: path
  restore_directory:
    description: Put back every policy that O(backup_directory) kept in this folder. Excludes O(resource) and O(policies).
    type: path
notes:
  - Altinn uses a changed policy after up to ten minutes, and its list of who may delegate after up to an hour.
  - The registry keeps no earlier versions of a policy. RV(results[].previous_policy) holds the one that was replaced; hand it
    in again as O(xml) to undo the change, or keep it with O(backup_directory).
seealso:
  - module: tilbyder.maskinporten.altinn_policy_info
  - module: tilbyder.maskinporten.altinn_resource
"""

EXAMPLES = r"""
- name: Let consumers delegate the scopes of a resource
  tilbyder.maskinporten.altinn_policy:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_key }}"
    key_id: "{{ altinn_key_id }}"
    resource: testetat-cases-read
    template: scope_delegation

- name: Say who may read and who may write
  tilbyder.maskinporten.altinn_policy:
    resource: testetat-portal
    authentication_level: 4
    rules:
      - external_roles: [daglig-leder, styreleder]
        access_packages: [regnskap-okonomi-rapport]
        actions: [read, write]
      - service_owners: [testetat]
        actions: [read]

- name: Add the access packages that replace Altinn 2 roles, and keep what is replaced
  tilbyder.maskinporten.altinn_policy:
    migrate_altinn2_roles: true
    backup_directory: policies-before-2027
    policies:
      - resource: testetat-cases-read
      - resource: testetat-cases-write

- name: Undo that
  tilbyder.maskinporten.altinn_policy:
    restore_directory: policies-before-2027
    allow_only_altinn2_roles: true
"""

RETURN = r"""
policy:
  description: The policy as it is now (in check mode as it would be); only when one is declared at top level.
  returned: success, with the options of one policy
  type: dict
  sample:
    resource: testetat-cases-read
    rules:
      - access package maskinporten-scopes may scopeaccess on testetat-cases-read
      - authentication level 3 is needed
    may_delegate: [access package maskinporten-scopes]
    authentication_level: 3
    authentication_level_organization: 3
    verdict: works
    verdict_text: works after 2027-01-01
results:
  description: One entry for each declared policy, in the order of the declaration.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: Identifier of the resource.
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode (C(create), C(update), C(none) or C(refuse)).
      type: str
      returned: always
    changed:
      description: Whether another policy is in force than before.
      type: bool
      returned: always
    fields:
      description: What differs, C(rules), C(authentication_level), C(combining_algorithm) or C(variables).
      type: list
      elements: str
      returned: always
    message:
      description: What a person should know about it.
      type: str
      returned: always
    verdict:
      description:
        - What the policy comes to on 1 January 2027. C(works), C(has_packages) (Altinn 2 roles are named, and others beside
          them), C(only_altinn2_roles) (it stops), C(no_one) (nobody can delegate).
      type: str
      returned: when the policy could be judged
    verdict_text:
      description: The verdict as a sentence.
      type: str
      returned: when the policy could be judged
    warnings:
      description: What in the policy says something else than it seems to.
      type: list
      elements: str
      returned: when the policy could be judged
    object:
      description: The policy in short, as in RV(policy).
      type: dict
      returned: when there is one
    policy:
      description: The XACML file that was uploaded, or would be.
      type: str
      returned: when it changes
    previous_policy:
      description: The XACML file that was in force before.
      type: str
      returned: when there was one and it changes
    backup_file:
      description: Where the replaced policy is kept.
      type: str
      returned: when O(backup_directory) is given and a policy was replaced
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when the policy failed
summary:
  description: How many policies met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 1, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 0, revoke: 0, none: 19, refuse: 0, failed: 0}
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 2, read: 3, write: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._policies import (
    manage,
    policy_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            **policy_options(),
            "policies": {"type": "list", "elements": "dict", "options": policy_options()},
            "backup_directory": {"type": "path"},
            "restore_directory": {"type": "path"},
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
