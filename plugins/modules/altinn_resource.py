#!/usr/bin/python
# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: altinn_resource
short_description: Publish, change, withdraw and delete resources in Altinn's resource registry
version_added: 1.0.0
description:
  - Brings the resources of an API provider to what is declared, so that a scope of Maskinporten can be delegated in Altinn.
  - Takes one resource from the top-level options, or a list of them in O(resources) for which the top-level values are the
    defaults; a list costs one login and one reading for each resource.
  - A resource is declared by options, by inline JSON (O(definition)) or by a JSON file (O(path)); options override both, language
    by language. Shapes of older guides are converted where they mean something today. Members that the registry would drop
    silently are named in a warning each.
  - Everything is checked against the registry's own rules before the first request. The registry is written to only when
    something differs in meaning, since every write adds a version; what is not declared is kept, also members that this
    collection does not know.
  - A resource of another organisation is never changed, although the registry would allow it.
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
  <<: &resource
    identifier:
      description:
        - The resource's id in all of Altinn; at least four of a-z, 0-9, C(_) and C(-). Needed, here or in the JSON.
        - Permanent. It can neither be changed nor, in production, deleted.
      type: str
    path:
      description:
        - JSON file with the resource as the registry writes it. Excludes O(definition).
        - A relative path starts in the folder in which C(ansible-playbook) runs.
      type: path
    definition:
      description:
        - The resource as the registry writes it, as a dictionary or as JSON text. Excludes O(path).
      type: raw
    partial:
      description:
        - The declaration is only part of a resource that exists; what the registry demands and the declaration lacks is taken
          from there.
        - Without it a declaration is whole, so that it can create the resource in any environment.
      type: bool
    version:
      description: A version of the provider's own; free text.
      type: str
    title:
      description: What people see when they delegate; in V(nb), V(nn) and V(en).
      type: dict
    description:
      description: What the resource is; in V(nb), V(nn) and V(en).
      type: dict
    right_description:
      description:
        - What whoever gets the right may do; in V(nb), V(nn) and V(en).
        - Needed unless O(delegable=false).
      type: dict
    homepage:
      description: Address of the provider or the API.
      type: str
    status:
      description: V(Completed), V(Deprecated), V(UnderDevelopment) or V(Withdrawn); the registry takes any text.
      type: str
    spatial:
      description: Geographical areas.
      type: list
      elements: str
    contact_points:
      description: Where to ask. Needed; an empty list is enough for the registry.
      type: list
      elements: dict
      suboptions:
        category:
          description: What for, as V(Support).
          type: str
        email:
          description: Address of e-mail.
          type: str
        telephone:
          description: Telephone number.
          type: str
        contact_page:
          description: Address of a page.
          type: str
    produces:
      description: What the service produces.
      type: list
      elements: str
    is_part_of:
      description: What the resource is a part of.
      type: str
    thematic_areas:
      description: Themes, as addresses of a vocabulary.
      type: list
      elements: str
    resource_references:
      description:
        - What the resource stands for elsewhere. A C(MaskinportenSchema) needs at least one scope; delegating the resource
          delegates all of its scopes.
      type: list
      elements: dict
      suboptions:
        reference_source:
          description: Where the reference leads.
          type: str
          choices: [Default, Altinn1, Altinn2, Altinn3, ExternalPlatform]
        reference:
          description: The reference itself, as V(prefix:subscope).
          type: str
        reference_type:
          description: What the reference is.
          type: str
          choices:
            - Default
            - Uri
            - DelegationSchemeId
            - MaskinportenScope
            - ServiceCode
            - ServiceEditionCode
            - ApplicationId
            - ServiceEditionVersion
    scopes:
      description:
        - Short for O(resource_references); exactly these scopes of Maskinporten. References of other types are kept.
      type: list
      elements: str
    delegable:
      description: Whether the resource can be delegated. A new resource can.
      type: bool
    visible:
      description: Whether people see the resource. A new resource is visible.
      type: bool
    has_competent_authority:
      description:
        - The owner. What is left out of a new resource is filled in from the organisation that is logged in and from Altinn's
          list of service owners.
      type: dict
      suboptions:
        organization:
          description: Organisation number.
          type: str
        orgcode:
          description: Code of the service owner, in any case.
          type: str
        name:
          description: Name in V(nb), V(nn) and V(en).
          type: dict
    keywords:
      description: Words to find the resource by.
      type: list
      elements: dict
      suboptions:
        word:
          description: The word.
          type: str
        language:
          description: Its language, as V(nb).
          type: str
    access_list_mode:
      description:
        - V(Enabled) lets only the members of connected access lists in. Switching it on is refused while no list with members is
          connected, since that locks everybody out.
      type: str
      choices: [Disabled, Enabled]
    allow_lockout:
      description: Switch O(access_list_mode) on although no access list with members is connected.
      type: bool
    self_identified_user_enabled:
      description: Whether self-identified users can use it.
      type: bool
    enterprise_user_enabled:
      description: Whether enterprise users can use it.
      type: bool
    resource_type:
      description: What kind of service it is. Needed, here or in the JSON.
      type: str
      choices:
        - MaskinportenSchema
        - GenericAccessResource
        - Systemresource
        - CorrespondenceService
        - BrokerService
        - Consent
        - AltinnApp
        - MigratedApp
        - Altinn2Service
    available_for_type:
      description: Who can use it. Needed for V(GenericAccessResource).
      type: list
      elements: str
      choices: [PrivatePerson, LegalEntityEnterprise, Company, BankruptcyEstate, SelfRegisteredUser]
    authorization_reference:
      description: The attributes that identify the resource in an authorisation; the registry fills them in by itself.
      type: list
      elements: dict
      suboptions:
        id:
          description: Name of the attribute.
          type: str
        value:
          description: Its value.
          type: str
    consent_template:
      description: For V(Consent), the template of what the person reads. Needed there.
      type: str
    consent_text:
      description: For V(Consent), the text in V(nb), V(nn) and V(en), with names in braces. Needed there.
      type: dict
    consent_metadata:
      description: For V(Consent), each name in the text with V({optional&colon; false}) or V({optional&colon; true}).
      type: dict
    is_one_time_consent:
      description: For V(Consent), whether it holds once only.
      type: bool
    scope_check:
      description:
        - What to do about the scopes of a resource that is about to be written and that are not ours, do not exist, are
          deactivated or have no delegation source although the resource can be delegated. Altinn looks at the prefix alone.
        - V(warn), which is what happens when nothing is said, warns of them and says of the others what could not be seen.
          V(enforce) refuses the resource unless every scope is seen to be in order. V(off) asks nothing.
        - Private scopes are seen only with O(administration).
        - In check mode, what a task before this one would have registered or reactivated is supposed to be so, with a warning.
      type: str
      choices: ["off", warn, enforce]
    allow_delete:
      description: The second, explicit word for O(state=absent), since a deleted identifier can never be used again.
      type: bool
  state:
    description:
      - V(present) creates the resource or changes it; one that was withdrawn is offered again.
      - V(withdrawn) makes it neither visible nor delegable and sets its status to C(Withdrawn); this can be undone.
      - V(absent) deletes it for good, with all its versions and its policy, and burns its identifier. Needs O(allow_delete). In
        production, which never deletes a resource, it is refused before anything is tried.
    type: str
    choices: [present, withdrawn, absent]
    default: present
  resources:
    description: Several resources in one task, with the options of the top level, which are their defaults.
    type: list
    elements: dict
    suboptions:
      <<: *resource
      state:
        description: As at top level, which decides for an entry that does not say.
        type: str
        choices: [present, withdrawn, absent]
seealso:
  - module: tilbyder.maskinporten.altinn_resource_info
  - module: tilbyder.maskinporten.altinn_policy
  - module: tilbyder.maskinporten.maskinporten_scope
"""

EXAMPLES = r"""
- name: Publish a scope as a resource that consumers can delegate
  tilbyder.maskinporten.altinn_resource:
    environment: test
    client_id: "{{ altinn_client_id }}"
    private_key_path: "{{ altinn_key }}"
    key_id: "{{ altinn_key_id }}"
    identifier: testetat-cases-read
    resource_type: MaskinportenSchema
    scopes: [testetat:cases.read]
    title: {nb: Saker, nn: Saker, en: Cases}
    description: {nb: Lese saker, nn: Lese saker, en: Read cases}
    right_description:
      nb: Leverandøren kan lese saker på vegne av virksomheten
      nn: Leverandøren kan lese saker på vegner av verksemda
      en: The supplier can read cases on behalf of the business
    contact_points:
      - {category: Support, email: api@testetat.example}

- name: Publish a resource from a JSON file, and see to it that its scopes are in order
  tilbyder.maskinporten.altinn_resource:
    path: resources/cases-write.json
    scope_check: enforce
    administration:
      client_id: "{{ administration_client_id }}"
      private_key_path: "{{ administration_key }}"
      certificate_chain_path: "{{ administration_certificate }}"

- name: Publish several resources in one task, with what they share said once
  tilbyder.maskinporten.altinn_resource:
    resource_type: MaskinportenSchema
    homepage: https://www.testetat.example
    contact_points: []
    resources:
      - path: resources/cases-read.json
      - path: resources/cases-write.json
        status: Completed

- name: Withdraw a resource; in production this is how one ends
  tilbyder.maskinporten.altinn_resource:
    identifier: testetat-cases-write
    state: withdrawn
"""

RETURN = r"""
resource:
  description:
    - The resource as the registry has it (in check mode as it was, or as a new one would be sent); only when one resource is
      declared at top level.
  returned: success, with the options of one resource
  type: dict
  sample: {identifier: testetat-cases-read, resourceType: MaskinportenSchema, delegable: true, versionId: 10411}
results:
  description: One entry for each declared resource, in the order of the declaration.
  returned: always, once the declaration could be read
  type: list
  elements: dict
  contains:
    item:
      description: Identifier of the resource.
      type: str
      returned: always
    action:
      description: What was done, or would be in check mode; C(deactivate) is withdrawal, C(reactivate) its opposite.
      type: str
      returned: always
      sample: create
    changed:
      description: Whether the resource was changed.
      type: bool
      returned: always
    fields:
      description: Names of the options that changed.
      type: list
      elements: str
      returned: always
    message:
      description: What a person should know about it.
      type: str
      returned: always
    scopes:
      description:
        - What is known of each scope; C(scope), C(verdict) (C(ok), C(foreign), C(missing), C(inactive), C(not_delegable) or
          C(not_seen)) and C(message).
      type: list
      elements: dict
      returned: when the resource is written and scopes were looked at
    error:
      description: Why it failed; C(msg), and what the service said.
      type: dict
      returned: when the resource failed
    object:
      description: The resource as the registry has it.
      type: dict
      returned: when it exists
summary:
  description: How many resources met each action, and how many failed.
  returned: always, once the declaration could be read
  type: dict
  sample: {create: 1, update: 0, reactivate: 0, deactivate: 0, delete: 0, grant: 0, revoke: 0, none: 19, refuse: 0, failed: 0}
problems:
  description: Everything that is wrong with the declarations; C(where), C(item) and C(problem).
  returned: when a declaration cannot be right
  type: list
  elements: dict
requests:
  description: Requests made, retries included.
  returned: always, once the declaration could be read
  type: dict
  sample: {token: 2, read: 3, write: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resources import (
    STATES,
    manage,
    resource_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import altinn_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._run import run


def main() -> None:
    state = {"type": "str", "choices": list(STATES)}
    module = AnsibleModule(
        argument_spec={
            **altinn_options(),
            **resource_options(),
            "state": {**state, "default": "present"},
            "resources": {
                "type": "list",
                "elements": "dict",
                "options": {**resource_options(), "state": state},
            },
        },
        supports_check_mode=True,
    )
    run(module, manage)


if __name__ == "__main__":
    main()
