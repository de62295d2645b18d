#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_doctor
short_description: Find out why an organisation gets no token, or no answer
version_added: 1.0.0
description:
  - Walks the chain from a scope to an organisation that uses it, in Maskinporten and in Altinn, and tells the first broken link
    first, with what mends it.
  - The links are the scope (exists, active, as declared, integration type, openness, open list), the organisation, its access,
    the delegation source, the resource in Altinn, its policy now and after the Altinn 2 roles have ended, access lists, and the
    delegation to a supplier.
  - Explains a pasted error text or code, looks at a client's keys, and holds a token in a file against its issuer's keys and
    against what it should say. A token is never shown.
  - What cannot be seen is said as such; what a provider can never see (the supplier's own client), and what the logins that
    were given do not reach.
  - A broken link is an answer, not a failure of the module.
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
  scope:
    description: The scope, V(prefix:subscope).
    type: str
  organization:
    description: The consumer, whose access is in question; an organisation number.
    type: str
  supplier:
    description: The supplier that acts for the consumer; an organisation number.
    type: str
  error:
    description:
      - An error as it was met; a code such as V(MP-250), a message, a JSON body or a piece of a log.
      - Tokens and keys in it are removed before anything is done with it.
    type: str
  token_file:
    description: File with a token; bare, after C(Bearer), or as Maskinporten's whole answer.
    type: path
  audience:
    description: The audience that the token in O(token_file) should have.
    type: str
  client:
    description: Id of a client of the organisation itself, whose scopes and keys are looked at.
    type: str
  client_key_id:
    description: The C(kid) that O(client) logs in with.
    type: str
  declared:
    description:
      - What is declared for the scope, with the options of M(tilbyder.maskinporten.maskinporten_scope); differences show what
        others have changed.
    type: dict
  target:
    description: What stands for C(target) in the commands that are suggested, a host of the inventory; else the environment.
    type: str
  inventory:
    description: The inventory sources that the commands which are suggested name.
    type: list
    elements: str
notes:
  - The login of this module is that of the Altinn client, with which access lists and delegations are looked up. Scopes,
    access and clients are looked up with O(administration). Each can be left out; the links that need it are then not seen.
seealso:
  - module: tilbyder.maskinporten.altinn_delegation_info
  - module: tilbyder.maskinporten.altinn_policy_info
  - module: tilbyder.maskinporten.consumer_access_info
"""

EXAMPLES = r"""
- name: Find out why a consumer gets no token through its supplier
  tilbyder.maskinporten.maskinporten_doctor:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_private_key_path }}"
    key_id: "{{ altinn_key_id }}"
    administration:
      client_id: "{{ administration_client_id }}"
      private_key_path: "{{ administration_key }}"
      certificate_chain_path: "{{ administration_certificate }}"
    scope: testetat:cases.read
    organization: "310002100"
    supplier: "310004774"

- name: Explain an error that a consumer has sent us
  tilbyder.maskinporten.maskinporten_doctor:
    environment: test
    error: "forbidden: Consumer has not been granted access to the scope testetat:cases.read. MP-250"

- name: Look at a token
  tilbyder.maskinporten.maskinporten_doctor:
    environment: test
    token_file: token.jwt
    scope: testetat:cases.read
"""

RETURN = r"""
healthy:
  description: Whether no link is broken, of those that could be seen.
  returned: success
  type: bool
first_broken:
  description: The first broken link, as in RV(findings); null when there is none.
  returned: success
  type: dict
findings:
  description: Every link in the order of the chain.
  returned: success
  type: list
  elements: dict
  contains:
    link:
      description: Name of the link.
      type: str
      returned: always
      sample: access
    title:
      description: The same for a person.
      type: str
      returned: always
    state:
      description: V(ok), V(broken), V(warning), V(note) or V(unseen).
      type: str
      returned: always
    message:
      description: What was seen.
      type: str
      returned: always
    remedy:
      description: What to do, or empty.
      type: str
      returned: always
    command:
      description: What to type to mend it, or empty.
      type: str
      returned: always
      sample: ansible-playbook tilbyder.maskinporten.policy_migrate -e target=test -e resource=testetat-cases-read
    trap:
      description: Name of the known trap behind it, or null.
      type: str
      returned: always
causes:
  description:
    - What the pasted error means; C(code), C(service), C(meaning), C(remedy), C(passing) (it can pass by itself), C(trap) and
      C(trace_id).
  returned: success
  type: list
  elements: dict
traps:
  description: The known traps that were met; C(name), C(symptom), C(cause) and C(way_out).
  returned: success
  type: list
  elements: dict
token:
  description: Claims of the token in O(token_file) that identify no person and no secret.
  returned: success
  type: dict
letters:
  description: Texts to send to the consumer by language, where it is the consumer that must act.
  returned: success
  type: dict
report:
  description: All of it as a text for a person.
  returned: success
  type: str
requests:
  description: Requests made, retries included.
  returned: success
  type: dict
  sample: {token: 3, read: 12, write: 0}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._doctor import doctor_options, inform
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import redact
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={**altinn_options(), **doctor_options()},
        supports_check_mode=True,
    )
    # A pasted log can hold a token, and Ansible shows a task's options at higher verbosity.
    module.params["error"] = redact(module.params["error"] or "")
    run(module, inform)


if __name__ == "__main__":
    main()
