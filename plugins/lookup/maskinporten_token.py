# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: maskinporten_token
short_description: A token of Maskinporten, or of Altinn, right where a task needs it
version_added: 1.0.0
description:
  - Logs in to Maskinporten and gives the token, for a header of M(ansible.builtin.uri) and the like.
  - It is evaluated anew wherever it stands, one login each time. So use it in a task's own options, never in C(vars) or
    C(module_defaults), and give that task C(no_log=true).
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
options:
  _terms:
    description: Scopes that the token shall have.
    type: list
    elements: str
    required: true
  consumer_org:
    description: The organisation that a supplier acts for, by a delegation in Altinn.
    type: str
  resource:
    description: Audiences that the token shall be restricted to.
    type: list
    elements: str
  exchange:
    description: Exchange the token for one of Altinn.
    type: bool
    default: false
seealso:
  - module: tilbyder.maskinporten.maskinporten_token
"""

EXAMPLES = r"""
- name: Call an API with a token of ours
  ansible.builtin.uri:
    url: https://api.example.no/cases
    headers:
      Authorization: >-
        Bearer {{ lookup('tilbyder.maskinporten.maskinporten_token', 'testetat:cases.read', environment='test',
        client_id=client_id, private_key_path=client_key, key_id=client_key_id) }}
  no_log: true
"""

RETURN = r"""
_raw:
  description: The token, one for all the scopes.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._dependencies import MissingLibraryError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._tokens import fetch
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._session import Session


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        params = {
            option: self.get_option(option)
            for option in (*auth_options(), "consumer_org", "resource", "exchange")
        }
        params["scopes"] = [scope for term in terms for scope in ([term] if isinstance(term, str) else term)]
        if not params["scopes"]:
            raise AnsibleError("maskinporten_token: name the scopes that the token shall have.")
        try:
            with Session(params) as session:
                return [fetch(session, params).value]
        except MissingLibraryError as error:
            raise AnsibleError(
                f"maskinporten_token: the Python that runs Ansible lacks {error.library}; install it there."
            ) from None
        except CollectionError as error:
            raise AnsibleError(f"maskinporten_token: {error.message}") from None
