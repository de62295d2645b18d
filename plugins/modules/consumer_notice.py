#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: consumer_notice
short_description: Write messages to consumers once, and record who has been told
version_added: 1.0.0
description:
  - Writes one file for each consumer that is to be told of its access, and records it, so that a second run tells nobody twice.
  - Consumers that had access before the first run are recorded as known and get no message.
  - Sends nothing; hand the rows of RV(unsent) to a mail module, and record what was sent with O(sent).
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  action_group:
    support: none
    membership: []
    details:
      - This module takes no shared options.
options:
  path:
    description: Folder of the record (C(told.json)) and the messages.
    type: path
    required: true
  known:
    description: Consumers that are told already, or need not be.
    type: list
    elements: dict
    suboptions:
      scope: &scope
        description: The scope.
        type: str
        required: true
      organization_number: &number
        description: The consumer.
        type: str
        required: true
  messages:
    description: Messages; those to consumers that stand in the record are left alone.
    type: list
    elements: dict
    suboptions:
      scope: *scope
      organization_number: *number
      name:
        description: Name of the consumer.
        type: str
      contact:
        description: E-mail address of the consumer.
        type: str
      subject:
        description: Subject of the message.
        type: str
        required: true
      text:
        description: The message.
        type: str
        required: true
  sent:
    description: Consumers whose message has been sent.
    type: list
    elements: dict
    suboptions:
      scope: *scope
      organization_number: *number
seealso:
  - module: tilbyder.maskinporten.consumer_access
"""

EXAMPLES = r"""
- name: Write what a consumer is to be told
  tilbyder.maskinporten.consumer_notice:
    path: build/notices
    messages:
      - scope: testetat:cases.read
        organization_number: "310002100"
        contact: api@stillebre.example
        subject: Access to testetat:cases.read
        text: You now have access.
  register: notices

- name: Record that it was sent
  tilbyder.maskinporten.consumer_notice:
    path: build/notices
    sent:
      - {scope: "testetat:cases.read", organization_number: "310002100"}
"""

RETURN = r"""
started:
  description: Whether there was no record before.
  returned: success
  type: bool
messages:
  description: The messages that were written, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{scope: "testetat:cases.read", organization_number: "310002100", state: written, file: "messages/x/310002100.txt"}]
unsent:
  description: Every message in the record that has not been sent.
  returned: success
  type: list
  elements: dict
counts:
  description: How many consumers are known, written to, and told.
  returned: success
  type: dict
  sample: {known: 0, written: 1, sent: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._notice import manage, notice_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run_locally


def main() -> None:
    module = AnsibleModule(argument_spec=notice_options(), supports_check_mode=True)
    run_locally(module, manage)


if __name__ == "__main__":
    main()
