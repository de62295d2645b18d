#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_access_list
short_description: Keep access lists in Altinn, their members, and the resources they guard
version_added: 1.0.0
description:
  - Creates, changes and deletes access lists in Altinn's resource registry, adds and removes their members, connects them to
    resources, and puts them in force.
  - Members come from the same lists and files as the consumers of M(tilbyder.maskinporten.consumer_access) and get the same
    verdicts, row by row. Members are added only, by default; O(purge) makes the list the truth.
  - Only what differs is written, a hundred members at a time. The call that replaces all members is never used. Every write
    is made for the version that was read; when someone else writes at the same time, the list is read again and what is still
    missing is written, so nobody's change is lost. A batch that Altinn refuses for one unknown organisation is split until
    that one stands alone.
  - A list matters only for a resource whose C(accessListMode) is V(Enabled). O(connections[].enforce) switches it on as the last
    step, after members and connection, with a preview of who is left out.
  - Takes one list from the top-level options, or several in O(access_lists) for which the top-level values are the defaults.
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
options:
  <<: &access_list
    identifier:
      description: The list's own id, as it stands in addresses; cannot be changed later.
      type: str
    owner:
      description:
        - Code of the service owner that owns the list, as in Altinn's list of service owners.
        - If left out, the code of the organisation that logs in.
      type: str
    name:
      description: The list's name; a new list without one is called as its identifier.
      type: str
    description:
      description: What the list is for.
      type: str
    members:
      description:
        - Organisation numbers, or entries with the keys C(organization_number), C(name), C(reason), C(case_number),
          C(contact) and C(valid_until). Norwegian keys such as C(orgnr) and C(navn) are understood too.
        - After the day in C(valid_until) the organisation is removed.
        - If neither this nor O(members_file) is given, members are not managed.
      type: list
      elements: raw
    members_file:
      description:
        - File with the same, on the machine where the module runs; CSV, XLSX (with the Python library openpyxl), YAML or
          JSON. See P(tilbyder.maskinporten.read_consumers#filter) for what is understood.
      type: path
    sheet:
      description: Sheet of a workbook; needed only where more than one visible sheet holds organisation numbers.
      type: str
    members_state:
      description: Whether the listed organisations shall be members (V(present), if nothing is said) or not (V(absent)).
      type: str
      choices: [present, absent]
    purge:
      description:
        - Remove every member that is not listed.
        - An empty list is refused. Nobody is removed while rows of the list cannot be read. Members without an organisation
          number stay.
      type: bool
    max_removals:
      description:
        - How many members of one list may be removed by O(purge) or because their date has passed; a number, or a percentage
          of the members, as in V(10%).
        - With more than that nothing at all is written. V(5) if nothing is said.
      type: str
    protected:
      description: Organisation numbers that are never removed by this task.
      type: list
      elements: raw
    on_invalid_row:
      description:
        - What to do about rows that cannot be right.
        - V(fail_before), which is what happens when nothing is said, writes nothing and fails with all verdicts.
        - V(fail_after) does the other rows and then fails. V(skip) does the other rows and warns.
      type: str
      choices: [fail_before, fail_after, skip]
    warn_days:
      description: How many days ahead to warn that a membership ends; V(30) if nothing is said.
      type: int
    connections:
      description: The resources that the list is for.
      type: list
      elements: dict
      suboptions:
        resource:
          description: Identifier of a resource of the same service owner; it must be published already.
          type: str
          required: true
        actions:
          description:
            - For which actions membership counts, spelled as in the policy; an empty list means every action.
            - If left out, a new connection is for every action and an existing one is left as it is.
          type: list
          elements: str
        enforce:
          description:
            - Whether the resource lets members of its lists through and nobody else (C(accessListMode) V(Enabled)).
            - Switched on after members and connection are in place, and refused while nobody is a member. Needs the scope
              C(altinn:resourceregistry/resource.write).
            - V(false) switches it off, and every organisation gets through that the policy permits.
          type: bool
        state:
          description: Whether the list shall be connected to the resource.
          type: str
          choices: [present, absent]
          default: present
    purge_connections:
      description: End every connection that is not in O(connections).
      type: bool
    allow_lockout:
      description:
        - Do it although nobody would get through afterwards; enforce a list without members, empty or delete the last list of
          a resource that is enforced.
      type: bool
  state:
    description:
      - V(present) creates the list or changes it. V(absent) deletes it with its members and connections.
      - A list that decides alone who may use a resource is not deleted without O(allow_lockout).
    type: str
    choices: [present, absent]
    default: present
  access_lists:
    description: Several lists in one task, with the options of the top level, which are their defaults.
    type: list
    elements: dict
    suboptions:
      <<: *access_list
      state:
        description: As at top level, which decides for an entry that does not say.
        type: str
        choices: [present, absent]
  register_check:
    description:
      - Whether the organisations that are to be added are looked up in the register of organisations (Enhetsregisteret), a
        hundred at a time.
      - V(warn) tells what it finds. V(enforce) refuses dissolved, bankrupt and unknown organisations, and names that differ.
      - V(warn) in production and V(off) elsewhere if nothing is said.
    type: str
    choices: ['off', warn, enforce]
requirements:
  - openpyxl (only for XLSX)
notes:
  - Altinn keeps memberships for up to ten minutes, so a change can take that long to count.
  - With O(administration) the preview of O(connections[].enforce) names the consumers in Maskinporten that are in no list.
seealso:
  - module: tilbyder.maskinporten.altinn_access_list_info
  - module: tilbyder.maskinporten.altinn_resource
  - module: tilbyder.maskinporten.consumer_access
  - plugin: tilbyder.maskinporten.read_consumers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep a list from a file, connect it to a resource, and let its members alone through
  tilbyder.maskinporten.altinn_access_list:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_private_key_path }}"
    key_id: "{{ altinn_key_id }}"
    identifier: approved-consumers
    name: Approved consumers
    description: Businesses with an agreement
    members_file: consumers/approved.csv
    connections:
      - resource: testetat-cases-read
        enforce: true

- name: Make the list the truth, but never remove more than a tenth
  tilbyder.maskinporten.altinn_access_list:
    identifier: approved-consumers
    members: ["310002100", "310 004 774"]
    purge: true
    max_removals: 10%

- name: Let members read, and nothing else
  tilbyder.maskinporten.altinn_access_list:
    identifier: approved-consumers
    connections:
      - resource: testetat-portal
        actions: [read]

- name: Remove one member
  tilbyder.maskinporten.altinn_access_list:
    identifier: approved-consumers
    members: ["310004774"]
    members_state: absent

- name: Keep several lists in one task
  tilbyder.maskinporten.altinn_access_list:
    access_lists:
      - {identifier: approved-consumers, members_file: consumers/approved.csv}
      - {identifier: pilots, name: Pilots, members: ["310002100"]}
"""

RETURN = r"""
access_list:
  description: The list as the registry has it (in check mode as it would be); only when one list is declared at top level.
  returned: success, with the options of one list
  type: dict
  sample: {identifier: approved-consumers, owner: testetat, name: Approved consumers}
results:
  description:
    - For each list one entry for the list itself, one for each row of its members (and each member that a purge looks at), one
      for each connection, and one for each resource whose mode is declared.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: C(owner:identifier), an organisation number, C(owner:identifier -> resource), or C(resource identifier).
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode.
      type: str
      returned: always
      sample: grant
    changed:
      description: Whether it was changed.
      type: bool
      returned: always
    fields:
      description: Names of the fields that changed.
      type: list
      elements: str
      returned: always
    message:
      description: What a person should know about it.
      type: str
      returned: always
    access_list:
      description: C(owner:identifier) of the list that a row belongs to.
      type: str
      returned: for rows of members
    line:
      description: Line of the file, row of the sheet or place in the list, from 1; null for a member that is not listed.
      type: int
      returned: for rows of members
    organization_number:
      description: Nine digits, or null where the row has none.
      type: str
      returned: for rows of members
    name:
      description: Name as the register knows it, else as listed.
      type: str
      returned: for rows of members
    verdict:
      description: As in M(tilbyder.maskinporten.consumer_access); V(granted) is added, V(revoked) and V(not_listed) removed.
      type: str
      returned: for rows of members
    loses_access:
      description: The consumers in Maskinporten that are in no list of the resource; number, name and scopes of each.
      type: list
      elements: dict
      returned: when a resource is put in force and O(administration) is given
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when it failed
    object:
      description: The list, connection or resource as the registry has it.
      type: dict
      returned: when it exists
summary:
  description: How many entries met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 2, update: 1, reactivate: 0, deactivate: 0, delete: 0, grant: 37, revoke: 0, none: 1, refuse: 0, failed: 0}
overview:
  description: The members in one line for a person.
  returned: always, once the declaration could be read
  type: str
  sample: "testetat:approved-consumers: 37 added, 0 removed, 1 there already."
undo:
  description: A value for O(access_lists) that brings the former state back.
  returned: always, once the declaration could be read; empty in check mode
  type: list
  elements: dict
  sample: [{owner: testetat, identifier: approved-consumers, members: ["310002100"], members_state: absent}]
blocked:
  description: Why nothing was written, or null.
  returned: always, once the declaration could be read
  type: str
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 2, read: 4, write: 20}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_lists import (
    access_list_options,
    manage,
    task_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    state = {"type": "str", "choices": ["present", "absent"]}
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            **access_list_options(),
            **task_options(),
            "state": {**state, "default": "present"},
            "access_lists": {
                "type": "list",
                "elements": "dict",
                "options": {**access_list_options(), "state": state},
            },
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
