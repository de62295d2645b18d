# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The login towards Altinn; the options that ``_options.altinn_options`` adds."""

    DOCUMENTATION = r"""
options:
  altinn_token_exchange:
    description:
      - Exchange Maskinporten's token for one of Altinn before calling Altinn.
      - Switch it off to send Maskinporten's token as it is, which the resource registry seems to take as well (Altinn Studio's own
        publisher does so).
    type: bool
    default: true
  administration:
    description:
      - A second identity, the administration client of Maskinporten's self-service, with which the scopes that a resource names
        are looked up. Without it only what is public can be checked.
      - Environment variables E(MASKINPORTEN_CLIENT_ID) and so on.
    type: dict
    suboptions:
      client_id:
        description: Id of the administration client.
        type: str
      private_key_path:
        description: File with its private key.
        type: path
      private_key:
        description: Its private key as text.
        type: str
      private_key_passphrase:
        description: Passphrase of the private key.
        type: str
      key_id:
        description: The C(kid) of its registered key.
        type: str
      certificate_chain_path:
        description: File with its certificate chain.
        type: path
      certificate_chain:
        description: Its certificate chain as text.
        type: str
      algorithm:
        description: Algorithm of the grant's signature.
        type: str
        choices: [RS256, RS384, RS512]
        default: RS256
      grant_lifetime:
        description: Life of a grant in seconds.
        type: int
        default: 120
      token:
        description: A ready token of the administration client.
        type: str
notes:
  - The environment variables of an Altinn client are E(ALTINN_CLIENT_ID), E(ALTINN_PRIVATE_KEY_PATH), E(ALTINN_PRIVATE_KEY),
    E(ALTINN_PRIVATE_KEY_PASSPHRASE), E(ALTINN_KEY_ID), E(ALTINN_CERTIFICATE_CHAIN_PATH), E(ALTINN_CERTIFICATE_CHAIN) and
    E(ALTINN_TOKEN). Where none of them is set, those that start with C(MASKINPORTEN_) are used.
"""
