#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_scope
short_description: Register, change, re-activate and deactivate scopes in Maskinporten
version_added: 1.0.0
description:
  - Brings the scopes of an API provider to what is declared, through Digdir's self-service API.
  - Takes one scope from the top-level options, or a list of them in O(scopes) for which the top-level values are the defaults;
    a list costs one login and one reading, however long it is.
  - Compares by meaning and changes only what differs. What is not declared is kept, also fields that this collection does not
    know. An option that is given empty empties its field.
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
  <<: &scope
    name:
      description:
        - The scope's whole name, V(prefix:subscope). Excludes O(subscope).
      type: str
    prefix:
      description: The prefix that Digdir has given the organisation.
      type: str
    subscope:
      description: The part after the prefix; cannot be changed later.
      type: str
    description:
      description:
        - What the scope is for, in bokmål, as consumers see it; at most 255 characters.
        - Needed to create a scope.
      type: str
    description_translations:
      description: The description in other languages, with the keys V(nn), V(en) and V(se).
      type: dict
    long_description:
      description: A longer text; at most 1023 characters.
      type: str
    long_description_translations:
      description: The longer text in other languages, with the keys V(nn), V(en) and V(se).
      type: dict
    visibility:
      description:
        - Who sees the scope's name. V(PUBLIC) lists it openly, V(PRIVATE) hides it from all but its consumers, V(INTERNAL) is
          Digdir's own.
        - This gives nobody a token; that is O(accessible_for_all).
        - A new scope is V(PRIVATE).
      type: str
      choices: [PUBLIC, PRIVATE, INTERNAL]
    allowed_integration_types:
      description:
        - Which kinds of client may have the scope; an empty list means every kind.
        - A new scope allows V(maskinporten).
      type: list
      elements: str
      choices: [ansattporten, api_klient, eformidling, idporten, idporten_saml2, krr, maskinporten]
    delegation_source:
      description:
        - Where a consumer may delegate the scope to a supplier. V(altinn) is resolved to the environment's own Altinn.
        - An empty text or V(none) removes it.
      type: str
      aliases: [delegation]
    at_max_age:
      description: Longest life of an access token in seconds; V(0) sets no limit.
      type: int
    authorization_max_lifetime:
      description: Longest life of an authorization in seconds; a new scope gets the value of O(at_max_age).
      type: int
    accessible_for_all:
      description:
        - Every organisation gets a token, without being granted access.
        - Opening it also needs O(allow_open_access).
      type: bool
    supports_european_businesses:
      description:
        - Every European business with an eSeal gets a token, and there is no list to control it.
        - Opening it also needs O(allow_open_access).
      type: bool
    allow_open_access:
      description: The second, explicit word for O(accessible_for_all) and O(supports_european_businesses).
      type: bool
    enforced_aud_for_access_token:
      description: A fixed audience that every token for the scope carries.
      type: str
    token_type:
      description: Kind of token; without effect in Maskinporten, which always gives a signed JWT.
      type: str
      choices: [SELF_CONTAINED, OPAQUE]
    requires_user_consent:
      description: For ID-porten.
      type: bool
    requires_user_authentication:
      description: For ID-porten.
      type: bool
    requires_pseudonymous_tokens:
      description: For ID-porten.
      type: bool
    consumers_on_deactivate:
      description:
        - What to do when a scope that still has approved consumers is to be deactivated.
        - V(refuse), which is what happens when nothing is said, stops and names how many. V(revoke) takes their access first.
          V(keep) leaves it, so that they have it again when the scope is re-activated.
      type: str
      choices: [refuse, keep, revoke]
    take_over:
      description: Change a scope although its description carries the mark of another controller (digdirator).
      type: bool
    strip_fields:
      description: Fields of the API to leave out of an update, should the API refuse one that it returned itself.
      type: list
      elements: str
  state:
    description:
      - V(present) creates the scope, or re-activates and changes it.
      - V(absent) deactivates it; a scope is never deleted.
    type: str
    choices: [present, absent]
    default: present
  scopes:
    description: Several scopes in one task, with the options of the top level, which are their defaults.
    type: list
    elements: dict
    suboptions:
      <<: *scope
      state:
        description: As at top level, which decides for an entry that does not say.
        type: str
        choices: [present, absent]
seealso:
  - module: tilbyder.maskinporten.maskinporten_scope_info
  - module: tilbyder.maskinporten.consumer_access
"""

EXAMPLES = r"""
- name: Register a scope that consumers can delegate to their suppliers
  tilbyder.maskinporten.maskinporten_scope:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    prefix: testetat
    subscope: cases.read
    description: Lese saker
    description_translations:
      nn: Lese saker
      en: Read cases
    delegation_source: altinn
    at_max_age: 120

- name: Register several scopes in one task, with what they share said once
  tilbyder.maskinporten.maskinporten_scope:
    prefix: testetat
    delegation_source: altinn
    scopes:
      - {subscope: cases.read, description: Lese saker}
      - {subscope: cases.write, description: Endre saker, at_max_age: 30}

- name: Deactivate a scope and take its consumers' access first
  tilbyder.maskinporten.maskinporten_scope:
    name: testetat:cases.write
    state: absent
    consumers_on_deactivate: revoke
"""

RETURN = r"""
scope:
  description: The scope as the API has it (in check mode as it would be sent); only when one scope is declared at top level.
  returned: success, with the options of one scope
  type: dict
  sample: {name: "testetat:cases.read", active: true, visibility: PRIVATE}
results:
  description: One entry for each declared scope, in the order of the declaration.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: Name of the scope.
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode.
      type: str
      returned: always
      sample: create
    changed:
      description: Whether the scope was changed.
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
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when the scope failed
    object:
      description: The scope as the API has it.
      type: dict
      returned: when it exists
summary:
  description: How many scopes met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 1, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 0, revoke: 0, none: 19, refuse: 0, failed: 0}
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 1, read: 2, write: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import (
    manage,
    scope_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    state = {"type": "str", "choices": ["present", "absent"]}
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            **scope_options(),
            "state": {**state, "default": "present"},
            "scopes": {"type": "list", "elements": "dict", "options": {**scope_options(), "state": state}},
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
