#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: consumer_access
short_description: Grant and revoke consumers' access to scopes in Maskinporten
version_added: 1.0.0
description:
  - Gives organisations access to a scope, or takes it away, from a list or a file as it came from the legal department.
  - Every row gets a verdict with its line number. Nothing is written while the list has rows that cannot be right, unless
    O(on_invalid_row) says otherwise.
  - Adds only, by default. O(purge) makes the list the truth, within O(max_removals) and but for O(protected).
  - Takes one scope from the top-level options, or several in O(grants) for which the top-level values are the defaults. One
    request lists the consumers of a scope, however many they are, and one is made for each consumer whose access differs.
  - Only V(APPROVED) is access. A consumer that is V(DENIED) or has V(REQUESTED) access and stands in the list is granted.
  - Where a scope has a delegation source, access goes to the consumer alone, who delegates it to its supplier in Altinn.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
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
      - tilbyder.maskinporten.maskinporten
options:
  <<: &grant
    scope:
      description: The scope's whole name, V(prefix:subscope).
      type: str
    consumers:
      description:
        - Organisation numbers, or entries with the keys C(organization_number), C(name), C(reason), C(case_number),
          C(contact), C(valid_until) and C(supplier). Norwegian keys such as C(orgnr) and C(navn) are understood too.
        - A name is compared with the one that the services know. After the day in C(valid_until) the access is revoked.
        - Excludes O(consumers_file).
      type: list
      elements: raw
    consumers_file:
      description:
        - File with the same, on the machine where the module runs; CSV, XLSX (with the Python library openpyxl), YAML or
          JSON. See P(tilbyder.maskinporten.read_consumers#filter) for what is understood.
        - Give the path whole, for example with C(inventory_dir); where a relative one starts depends on the connection.
        - A column C(scope) limits a row to that scope.
      type: path
    sheet:
      description: Sheet of a workbook; needed only where more than one visible sheet holds organisation numbers.
      type: str
    purge:
      description:
        - Revoke the access of everyone who is not in the list.
        - An empty list is refused. Nobody is removed while rows of the list cannot be read.
      type: bool
    max_removals:
      description:
        - How many consumers of one scope may lose their access by O(purge) or because their date has passed; a number, or a
          percentage of those who have access, as in V(10%).
        - With more than that nothing at all is written. V(5) if nothing is said.
      type: str
    protected:
      description: Organisation numbers whose access is never taken away by this task.
      type: list
      elements: raw
    suppliers:
      description: Organisation numbers of suppliers; a row that would grant one of them is refused.
      type: list
      elements: raw
    on_invalid_row:
      description:
        - What to do about rows that cannot be right.
        - V(fail_before), which is what happens when nothing is said, writes nothing and fails with all verdicts.
        - V(fail_after) does the other rows and then fails. V(skip) does the other rows and warns.
      type: str
      choices: [fail_before, fail_after, skip]
    reason:
      description: Reason for rows that have none of their own; for the record.
      type: str
    case_number:
      description: Case number for rows that have none of their own; for the record.
      type: str
    warn_days:
      description: How many days ahead to warn that an access ends; V(30) if nothing is said.
      type: int
  state:
    description:
      - V(present) grants the listed consumers access. V(absent) takes it from them.
    type: str
    choices: [present, absent]
    default: present
  grants:
    description: Several scopes in one task, with the options of the top level, which are their defaults.
    type: list
    elements: dict
    suboptions:
      <<: *grant
      state:
        description: As at top level, which decides for an entry that does not say.
        type: str
        choices: [present, absent]
  register_check:
    description:
      - Whether the organisations that are to be granted access are looked up in the register of organisations
        (Enhetsregisteret), a hundred at a time.
      - V(warn) tells what it finds. V(enforce) refuses dissolved, bankrupt and unknown organisations, and names that differ;
        a sub-unit is a warning only.
      - V(warn) in production and V(off) elsewhere if nothing is said, since synthetic organisations are not in the register.
    type: str
    choices: ['off', warn, enforce]
  price_scope:
    description:
      - What the yearly fee is counted over. V(task) counts the scopes of this task without a further request; V(provider)
        counts all active scopes of the organisation, with one request for each.
    type: str
    choices: [task, provider]
    default: task
  price_ceiling:
    description:
      - Highest yearly fee in NOK, counted over the whole organisation. A task that would raise it above writes nothing.
    type: int
requirements:
  - openpyxl (only for XLSX)
seealso:
  - module: tilbyder.maskinporten.consumer_access_info
  - module: tilbyder.maskinporten.organization_info
  - module: tilbyder.maskinporten.maskinporten_scope
  - plugin: tilbyder.maskinporten.read_consumers
    plugin_type: filter
  - plugin: tilbyder.maskinporten.row_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Grant two organisations access to a scope
  tilbyder.maskinporten.consumer_access:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    scope: testetat:cases.read
    consumers: ["310002100", "310 004 774"]

- name: Grant everyone in the list from the legal department, and show the verdicts
  tilbyder.maskinporten.consumer_access:
    scope: testetat:cases.read
    consumers_file: consumers/cases.csv
    reason: JUR-2026/114
    on_invalid_row: fail_after
  register: access

- name: Make a list with dates the truth, but never take access away from more than two
  tilbyder.maskinporten.consumer_access:
    scope: testetat:cases.read
    purge: true
    max_removals: 2
    protected: ["310001007"]
    consumers:
      - organization_number: "310002100"
        name: Stille bre AS
        case_number: 2026/114
        valid_until: 2027-12-31

- name: Take access away
  tilbyder.maskinporten.consumer_access:
    scope: testetat:cases.read
    consumers: ["310002100"]
    state: absent

- name: Grant several scopes in one task
  tilbyder.maskinporten.consumer_access:
    price_ceiling: 150000
    grants:
      - {scope: "testetat:cases.read", consumers_file: consumers/cases.csv}
      - {scope: "testetat:cases.write", consumers: ["310002100"]}

- name: Undo what an earlier task did
  tilbyder.maskinporten.consumer_access:
    grants: "{{ access.undo }}"
  when: access.undo | length > 0
"""

RETURN = r"""
results:
  description: One entry for each row of each list, then one for each consumer that a purge looks at.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: The organisation number, or what stands in its place.
      type: str
      returned: always
    scope:
      description: The scope.
      type: str
      returned: always
    line:
      description: Line of the file, row of the sheet or place in the list, from 1; null for a consumer that is not listed.
      type: int
      returned: always
    organization_number:
      description: Nine digits, or null where the row has none.
      type: str
      returned: always
    name:
      description: Name as the services know it, else as listed.
      type: str
      returned: always
    verdict:
      description:
        - What happened, or would in check mode; V(granted), V(regranted), V(already_granted), V(revoked), V(expired),
          V(expired_before), V(no_access), V(not_listed), V(duplicate), V(protected), V(held_back), V(server_error),
          V(not_possible), V(unconfirmed).
        - Or why the row cannot be done; V(empty), V(not_nine_digits), V(check_digit), V(valid_until_unreadable),
          V(unbalanced_quote), V(unreadable), V(synthetic_in_production), V(supplier), V(other_scope), and with the register
          enforced V(dissolved), V(bankrupt), V(unknown), V(name_differs).
      type: str
      returned: always
    findings:
      description: What else is to be known, as the codes above and V(sub_unit), V(being_dissolved), V(real_in_test),
        V(own_organization), V(expires_soon), V(requested), V(not_checked), V(never_assigned), V(note).
      type: list
      elements: str
      returned: when there are any
    before:
      description: State of the access before; null where there was none.
      type: str
      returned: always
    after:
      description: State of the access after.
      type: str
      returned: always
    planned:
      description: What a row that was held back would have become.
      type: str
      returned: when the row was held back
    action:
      description: What was done, or would be in check mode; V(grant), V(revoke), V(none) or V(refuse).
      type: str
      returned: always
    changed:
      description: Whether the access was changed.
      type: bool
      returned: always
    message:
      description: What a person should know about the row.
      type: str
      returned: always
    correlation_id:
      description: What Digdir's support asks for.
      type: str
      returned: when the service refused the row
    time:
      description: When the access was changed.
      type: str
      returned: when it was changed
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when the row failed
summary:
  description: How many rows met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 0, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 37, revoke: 0, none: 1, refuse: 2, failed: 2}
overview:
  description: The same for a person, with the price.
  returned: always, once the declaration could be read
  type: str
  sample: "37 granted, 0 revoked, 1 already there, 2 refused. Grants on these scopes 1 -> 38: NOK 55 000 -> NOK 120 500 a year."
price:
  description:
    - The yearly fee before and after by Digdir's public ladder. Digdir counts grants, so an organisation with three scopes
      counts three times.
  returned: when the services were asked
  type: dict
  sample: {grants_before: 1, grants_after: 38, before: 55000, after: 120500, change: 65500, currency: NOK, billed: true}
undo:
  description: A value for O(grants) that brings the former state back.
  returned: always, once the declaration could be read; empty in check mode
  type: list
  elements: dict
  sample: [{scope: "testetat:cases.read", state: absent, purge: false, consumers: [{organization_number: "310002100", name: X}]}]
blocked:
  description: Why nothing was written, or null.
  returned: always, once the declaration could be read
  type: str
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 1, read: 3, write: 37}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._access import (
    grant_options,
    manage,
    task_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    state = {"type": "str", "choices": ["present", "absent"]}
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            **grant_options(),
            **task_options(),
            "state": {**state, "default": "present"},
            "grants": {"type": "list", "elements": "dict", "options": {**grant_options(), "state": state}},
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
