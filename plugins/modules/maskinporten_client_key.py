#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maskinporten_client_key
short_description: Add, renew, prove, rotate and remove one key of a client in Maskinporten
version_added: 1.0.0
description:
  - Sees to one key of a client; the client's other keys are never touched.
  - Makes a key pair on the machine where the task runs and keeps the private half in a file that only its owner can read, or takes
    a public key that was made elsewhere. A private key is never sent anywhere, and never part of a result, a difference or a log.
  - O(state=rotated) replaces a key without a gap. A new key is added beside the old one, proved by fetching a token with it, and only
    then put in the old one's place; the old one is removed in a second step. What is registered and which files exist tell how far a
    rotation has come, so that a run that was broken off is simply run again.
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
extends_documentation_fragment:
  - tilbyder.maskinporten.auth
  - tilbyder.maskinporten.connection
  - tilbyder.maskinporten.attributes
attributes:
  check_mode:
    support: full
    details:
      - Makes no key, so that the name of a key that would be made is not known yet.
  diff_mode:
    support: full
    details:
      - Shows the client's keys by name and expiry.
  idempotent:
    support: partial
    details:
      - O(state=present) and O(state=absent) are.
      - O(state=rotated) is with O(renew_before_days), and while a rotation waits to be finished. Otherwise it rotates every time, since
        that is what was asked for. The same goes for O(overwrite=true).
  action_group:
    membership:
      - tilbyder.maskinporten.all
      - tilbyder.maskinporten.maskinporten
options:
  client:
    description:
      - The client whose key it is, by id, name or description; more than one hit is an error.
      - O(client_id) is the client that logs in.
    type: str
    required: true
  state:
    description:
      - V(present) registers the key, and renews it when it is about to die.
      - V(absent) removes one key, at once.
      - V(rotated) replaces the key in O(key_path) by a new one.
    type: str
    choices: [present, absent, rotated]
    default: present
  kid:
    description:
      - Name of the key. It has to be unique among the client's keys; letters, digits, dot, underscore and hyphen.
      - Left out, it is what the key says itself (a JWK), what it is registered as, or its RFC 7638 thumbprint.
    type: str
  kid_prefix:
    description: A readable start for the name of a key that has none; the rest comes from its thumbprint.
    type: str
  key_path:
    description:
      - File with the private key. It is read where it exists; otherwise a key pair is made and the file written, mode 0600.
      - With O(state=rotated), the new key stands beside it with the ending C(.new) until it is proved, and the old one with the ending
        C(.old) until the rotation is finished.
    type: path
  key_format:
    description:
      - Format of a private key that is made; V(pem) is PKCS#8. A JWK carries its O(kid), which a program then need not be told.
      - If left out, what the file has that is replaced; else V(jwk) for a file that ends in C(.jwk) or C(.json), V(pem) for others.
    type: str
    choices: [pem, jwk]
  key_size:
    description: Size in bits of a key that is made.
    type: int
    choices: [2048, 3072, 4096]
    default: 2048
  key_algorithm:
    description:
      - Algorithm that the key is registered for; if left out V(RS256) for a new one.
    type: str
    choices: [RS256, RS384, RS512]
  key_passphrase:
    description: Passphrase of the private key in O(key_path), and of one that is made there; for PEM only.
    type: str
  overwrite:
    description:
      - Make a new key in O(key_path) although there is one, which is then lost. It takes the old one's place only once it is proved.
      - O(state=rotated) is usually what is wanted.
    type: bool
    default: false
  public_key:
    description: A public key that was made elsewhere, as text; PEM, a certificate (PEM) or a JWK. A private key is refused.
    type: str
  public_key_path:
    description: The same from a file, also a certificate in DER.
    type: path
  bind_certificate:
    description:
      - Register the certificate along with the key (C(x5c)). The key then stands and falls with it, as it is checked for revocation.
    type: bool
    default: false
  return_private_key:
    description:
      - Make a key pair and return its private half as RV(private_key), for a task that puts it into a secret store.
      - Refused unless the task carries C(no_log=true). Needs O(kid); when that key is registered, nothing is made or returned.
    type: bool
    default: false
  valid_days:
    description:
      - Life of the key in days. Maskinporten gives a key one year at most, which is also what it has when this is left out.
    type: int
  renew_before_days:
    description:
      - With O(state=present), register the key again when it has fewer days left, so that it lives another year. An expired key is
        always registered again.
      - With O(state=rotated), rotate only when the key has fewer days left.
    type: int
  finish:
    description:
      - When a rotation removes the old key. V(later) leaves it for another run with V(only), which does nothing else. V(now) does both,
        with O(drain_seconds) between.
    type: str
    choices: [later, now, only]
    default: later
  drain_seconds:
    description:
      - With O(finish=now), how long the old key stays after the new one has taken its place. A program that reads the file only when it
        starts has to be restarted in that time; use O(finish=later) then.
    type: int
    default: 130
  prove:
    description:
      - Fetch a token with a key that has been added, as long as its private half is at hand. A rotation goes no further without.
    type: bool
    default: true
  prove_scopes:
    description: Scopes to try, one token each; by default those of the client. One token is enough.
    type: list
    elements: str
  prove_consumer_org:
    description: The organisation that a supplier's client acts for, when it has scopes only by delegation.
    type: str
  prove_timeout:
    description:
      - How long in seconds to go on trying; a change reaches Maskinporten's token service within two minutes.
    type: int
    default: 180
  allow_lockout:
    description:
      - The second, explicit word for what may lock a client out. That is to remove its last working key, to remove the key that the task
        itself logs in with, or to give the first key to the client that the task logs in as by certificate.
    type: bool
    default: false
seealso:
  - module: tilbyder.maskinporten.maskinporten_client
  - module: tilbyder.maskinporten.maskinporten_client_info
"""

EXAMPLES = r"""
- name: Give a client a key, made on this machine
  tilbyder.maskinporten.maskinporten_client_key:
    environment: test
    client_id: "{{ administration_client_id }}"
    private_key_path: "{{ administration_key }}"
    certificate_chain_path: "{{ administration_certificate }}"
    client: cases-batch
    key_path: /etc/cases/maskinporten.jwk
    renew_before_days: 60

- name: Register a public key that somebody else made
  tilbyder.maskinporten.maskinporten_client_key:
    client: cases-batch
    public_key_path: cases-batch.pub.pem
    kid: cases-batch-2026

- name: Make a key for a secret store
  tilbyder.maskinporten.maskinporten_client_key:
    client: cases-batch
    return_private_key: true
    kid: cases-batch-2026-11
  register: made
  no_log: true

- name: Rotate a key that has fewer than sixty days left, first step
  tilbyder.maskinporten.maskinporten_client_key:
    client: cases-batch
    key_path: /etc/cases/maskinporten.jwk
    state: rotated
    renew_before_days: 60

- name: Finish the rotation, once every program reads the new key
  tilbyder.maskinporten.maskinporten_client_key:
    client: cases-batch
    key_path: /etc/cases/maskinporten.jwk
    state: rotated
    finish: only

- name: Drop a key that has leaked
  tilbyder.maskinporten.maskinporten_client_key:
    client: cases-batch
    kid: cases-batch-2026
    state: absent
"""

RETURN = r"""
client:
  description: Name of the client.
  returned: always, once the client was found
  type: str
client_id:
  description: Id of the client.
  returned: always, once the client was found
  type: str
kid:
  description: Name of the key; after a rotation, that of the key in O(key_path). Null for a key that is yet to be made.
  returned: always, once the client was found
  type: str
key:
  description: The key, without any part that is secret.
  returned: when it is registered (in check mode, would be)
  type: dict
  contains:
    kid:
      description: Its name.
      type: str
      returned: always
    algorithm:
      description: Its algorithm.
      type: str
      returned: always
    bits:
      description: Its size.
      type: int
      returned: always
    expires:
      description: The day on which it expires.
      type: str
      returned: always
      sample: "2027-03-05"
    expires_at:
      description: The same in seconds since 1970.
      type: int
      returned: always
    days_left:
      description: Whole days until then; negative for an expired key.
      type: int
      returned: always
    expired:
      description: Whether it has expired.
      type: bool
      returned: always
    bound_to_certificate:
      description: Whether it stands and falls with a certificate.
      type: bool
      returned: always
registered_keys:
  description: All keys of the client afterwards, each as RV(key).
  returned: always, once the client was found
  type: list
  elements: dict
slots_free:
  description: How many keys the client may still be given, of five.
  returned: always, once the client was found
  type: int
proved_with:
  description: The scope for which the new key fetched a token; null when it was not proved.
  returned: always, once the client was found
  type: str
key_path:
  description: The file with the private key, links followed.
  returned: with O(key_path)
  type: str
finish_pending:
  description: Whether a rotation waits for its second step.
  returned: with O(key_path)
  type: bool
private_key:
  description: The private key that was made.
  returned: with O(return_private_key=true), when a key was made
  type: str
results:
  description: One entry, for the key.
  returned: always, once the client was found
  type: list
  elements: dict
  contains:
    item:
      description: Name of the client and of the key.
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode.
      type: str
      returned: always
      sample: create
    changed:
      description: Whether anything was changed.
      type: bool
      returned: always
    fields:
      description: What changed about the key; C(kid) when it was added or removed, C(exp) when it was renewed.
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
      returned: when it failed
    object:
      description: The public key as the API has it.
      type: dict
      returned: when it was written
summary:
  description: How many keys met each action, and how many failed.
  returned: always, once the client was found
  type: dict
  sample: {create: 1, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 0, revoke: 0, none: 0, refuse: 0, failed: 0}
requests:
  description: Requests made, retries included.
  returned: always, once the client was found
  type: dict
  sample: {token: 2, read: 4, write: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._client_keys import (
    key_options,
    manage,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import auth_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={**auth_options(), **key_options()},
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
