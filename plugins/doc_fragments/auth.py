# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Who logs in, and with what; the options of ``_options.identity_options`` and ``auth_options``."""

    DOCUMENTATION = r"""
options:
  client_id:
    description:
      - Id of the client that logs in to Maskinporten.
      - If left out, the environment variable E(MASKINPORTEN_CLIENT_ID) is used (an empty variable counts as not set).
    type: str
  private_key_path:
    description:
      - File with the client's private key; PEM, PKCS#8 (also encrypted), PKCS#12 or JWK.
      - Prefer this over O(private_key), since job runners store the text of variables.
      - If no proof of identity is given, the environment variable E(MASKINPORTEN_PRIVATE_KEY_PATH) is used. A key, its id, a
        certificate and a token belong together, so they all come from the task or all from the environment.
    type: path
  private_key:
    description:
      - The private key as text, PEM or JWK; excludes O(private_key_path).
      - Environment variable E(MASKINPORTEN_PRIVATE_KEY).
    type: str
  private_key_passphrase:
    description:
      - Passphrase of an encrypted private key.
      - Environment variable E(MASKINPORTEN_PRIVATE_KEY_PASSPHRASE).
    type: str
  key_id:
    description:
      - The C(kid) under which the key is registered on the client; taken from the key when that is a JWK with one.
      - Excludes O(certificate_chain_path) and O(certificate_chain), since Maskinporten takes one or the other.
      - Environment variable E(MASKINPORTEN_KEY_ID).
    type: str
  certificate_chain_path:
    description:
      - File with the enterprise certificate and its issuers, PEM; for clients without registered keys, as the
        administration client that Digdir hands out.
      - Not needed with a PKCS#12 file, which carries its chain.
      - Environment variable E(MASKINPORTEN_CERTIFICATE_CHAIN_PATH).
    type: path
  certificate_chain:
    description:
      - The certificate chain as text, PEM; excludes O(certificate_chain_path).
      - Environment variable E(MASKINPORTEN_CERTIFICATE_CHAIN).
    type: str
  algorithm:
    description: Algorithm of the grant's signature.
    type: str
    choices: [RS256, RS384, RS512]
    default: RS256
  grant_lifetime:
    description: Life of a grant in seconds, from 10 to 120; shorten it only on a machine whose clock is exact.
    type: int
    default: 120
  token:
    description:
      - A ready token, instead of or beside a key; it is renewed when it is nearly spent and a key is there.
      - Environment variable E(MASKINPORTEN_TOKEN).
    type: str
  token_scopes:
    description:
      - OAuth scopes to ask for at login; by default what the module needs.
      - Maskinporten refuses a login that asks for one scope too many, so nothing is asked for that is not needed.
    type: list
    elements: str
requirements:
  - python >= 3.11
  - httpx >= 0.25.0
  - pyjwt >= 2.8.0
  - cryptography >= 42.0.0
"""
