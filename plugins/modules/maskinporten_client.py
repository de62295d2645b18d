#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_client
short_description: Create, change, deactivate and re-activate clients in Maskinporten
version_added: 1.0.0
description:
  - Brings clients (integrations) to what is declared, through Digdir's self-service API.
  - Takes one client from the top-level options, or a list of them in O(clients) for which the top-level values are the defaults.
  - A client is found by its O(id), or by what O(match) says. More than one hit is an error, never a guess, and a second run never
    makes a second client, also when the answer to a creation was lost.
  - Compares by meaning and changes only what differs. What is not declared is kept, also fields that this collection does not know.
  - Keys are the matter of M(tilbyder.maskinporten.maskinporten_client_key).
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
  <<: &client
    id:
      description:
        - The client's id, as Digdir gave it. It names the client that is managed; O(client_id) is the client that logs in.
        - Left out, the client is found by O(match).
      type: str
    match:
      description:
        - What a client without O(id) is found by. All that is named has to agree, and has to be declared.
        - If left out, V(client_name). Then the description can be changed freely.
        - An active client goes before deactivated ones of the same name.
      type: list
      elements: str
      choices: [client_name, description]
    client_name:
      description:
        - The client's name. Needed to create a client.
      type: str
      aliases: [name]
    description:
      description:
        - What the client is for, seen by the organisation alone; at most 255 characters. Needed to create a client.
      type: str
    scopes:
      description:
        - Scopes that the client shall have. They are added; others stay unless O(purge_scopes=true).
        - Scopes for which the organisation will get no token (not its own, not granted to it, not open for all and not
          delegable) are named before the write, see O(missing_access). For that the login needs C(idporten:scopes.write) too.
      type: list
      elements: str
    purge_scopes:
      description: Take away the scopes that are not in O(scopes). An empty list is refused.
      type: bool
    missing_access:
      description:
        - What to do about scopes that the organisation has no access to. V(warn), which is what happens when nothing is said, names
          them and goes on, since a provider may grant the access later; V(refuse) leaves the client as it is.
      type: str
      choices: [warn, refuse]
    client_orgno:
      description:
        - The organisation that owns the client. A new client belongs to O(organization_number), or else to the organisation of the
          token.
      type: str
    supplier_orgno:
      description: The supplier that manages the client; needs C(idporten:dcr.supplier).
      type: str
    integration_type:
      description:
        - The kind of client; can never be changed. A new client is of kind V(maskinporten).
      type: str
      choices: [ansattporten, api_klient, eformidling, idporten, idporten_saml2, krr, maskinporten]
    application_type:
      description: Always V(web) for a Maskinporten client, where it need not be said.
      type: str
      choices: [web, browser, native]
    token_endpoint_auth_method:
      description: Always V(private_key_jwt) for a Maskinporten client, where it need not be said.
      type: str
      choices: [private_key_jwt, client_secret_post, client_secret_basic, none]
    grant_types:
      description: Always V(urn:ietf:params:oauth:grant-type:jwt-bearer) for a Maskinporten client, where it need not be said.
      type: list
      elements: str
      choices: [authorization_code, implicit, refresh_token, "urn:ietf:params:oauth:grant-type:jwt-bearer"]
    access_token_lifetime:
      description:
        - Life of an access token in seconds. A scope's own limit goes before it. V(0) is left out, since the API refuses it.
      type: int
    refresh_token_lifetime:
      description: For login clients. Seconds; V(0) is left out.
      type: int
    refresh_token_usage:
      description: For login clients.
      type: str
      choices: [ONETIME, REUSE]
    authorization_lifetime:
      description: For login clients. Seconds; V(0) is left out.
      type: int
    redirect_uris:
      description: For login clients.
      type: list
      elements: str
    post_logout_redirect_uris:
      description: For login clients.
      type: list
      elements: str
    frontchannel_logout_uri:
      description: For login clients.
      type: str
    frontchannel_logout_session_required:
      description: For login clients.
      type: bool
    sso_disabled:
      description: For login clients.
      type: bool
    code_challenge_method:
      description: For login clients.
      type: str
      choices: [none, S256]
    logo_uri:
      description: For login clients.
      type: str
    client_uri:
      description: Home page of what the client belongs to.
      type: str
    take_over:
      description: Change a client although its description carries the mark of another controller (digdirator).
      type: bool
    strip_fields:
      description: Fields of the API to leave out of an update, should the API refuse one that it returned itself.
      type: list
      elements: str
  state:
    description:
      - V(present) creates the client, or re-activates and changes it.
      - V(absent) deactivates it; a client is never deleted. The client that the task itself logs in as is never deactivated.
    type: str
    choices: [present, absent]
    default: present
  clients:
    description: Several clients in one task, with the options of the top level, which are their defaults.
    type: list
    elements: dict
    suboptions:
      <<: *client
      state:
        description: As at top level, which decides for an entry that does not say.
        type: str
        choices: [present, absent]
seealso:
  - module: tilbyder.maskinporten.maskinporten_client_info
  - module: tilbyder.maskinporten.maskinporten_client_key
"""

EXAMPLES = r"""
- name: Have a client that can read cases
  tilbyder.maskinporten.maskinporten_client:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    client_name: cases-batch
    description: Nightly import of cases
    scopes: [testetat:cases.read]
  register: cases_batch

- name: Give the client a key, made on this machine
  tilbyder.maskinporten.maskinporten_client_key:
    client: "{{ cases_batch.client.client_id }}"
    key_path: /etc/cases/maskinporten.jwk

- name: Have exactly these scopes on two clients
  tilbyder.maskinporten.maskinporten_client:
    purge_scopes: true
    clients:
      - {client_name: cases-batch, scopes: [testetat:cases.read]}
      - {client_name: cases-web, description: Case handling, scopes: [testetat:cases.read, testetat:cases.write]}

- name: Deactivate a client
  tilbyder.maskinporten.maskinporten_client:
    id: 7d1f2c0e-52d4-4f6a-9a33-0d3b1b5f4a11
    state: absent
"""

RETURN = r"""
client:
  description:
    - The client as the API has it (in check mode as it would be sent); only when one client is declared at top level.
    - A secret and the keys are never among the fields.
  returned: success, with the options of one client
  type: dict
  sample: {client_id: 7d1f2c0e-52d4-4f6a-9a33-0d3b1b5f4a11, client_name: cases-batch, active: true}
results:
  description: One entry for each declared client, in the order of the declaration.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: Name of the client.
      type: str
      returned: always
    client_id:
      description: Id of the client; null before it is created.
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode.
      type: str
      returned: always
      sample: create
    changed:
      description: Whether the client was changed.
      type: bool
      returned: always
    fields:
      description: Names of the fields that changed.
      type: list
      elements: str
      returned: always
    message:
      description: What a person should know about it, such as scopes that will give no token.
      type: str
      returned: always
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when the client failed
    object:
      description: The client as the API has it.
      type: dict
      returned: when it exists
summary:
  description: How many clients met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 1, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 0, revoke: 0, none: 2, refuse: 0, failed: 0}
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 1, read: 2, write: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._clients import (
    client_options,
    manage,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    state = {"type": "str", "choices": ["present", "absent"]}
    module = AnsibleModule(
        argument_spec={
            **auth_options(),
            **client_options(),
            "state": {**state, "default": "present"},
            "clients": {"type": "list", "elements": "dict", "options": {**client_options(), "state": state}},
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
