# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter consumer_messages."""

from __future__ import annotations

DOCUMENTATION = r"""
name: consumer_messages
short_description: Write what consumers are told when they have been given access
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Makes a message for each consumer that has access, with the scope, the environment, what to do next, and how to let a
    supplier act for it; in bokmål, nynorsk and English.
options:
  _input:
    description: The rows that M(tilbyder.maskinporten.consumer_access) returned as its results.
    type: list
    elements: dict
    required: true
  apis:
    description: The APIs in short, as P(tilbyder.maskinporten.provider_declarations#filter) gives them.
    type: list
    elements: dict
    required: true
  environment:
    description: The environment.
    type: str
    required: true
  provider:
    description: Who the provider is; C(name), and C(contact) with C(name) and C(email).
    type: dict
  languages:
    description: The languages, in the order in which they stand in a message.
    type: list
    elements: str
    choices: [nb, nn, en]
    default: [nb, nn, en]
  maskinporten_url:
    description: Issuer of Maskinporten, where it is not the environment's own.
    type: str
"""

EXAMPLES = r"""
- name: Write the messages
  ansible.builtin.set_fact:
    messages: "{{ access.results | tilbyder.maskinporten.consumer_messages(apis=plan.apis, environment='test') }}"
"""

RETURN = r"""
_value:
  description: The messages, as M(tilbyder.maskinporten.consumer_notice) takes them.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import resolve_environment
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._messages import (
    LANGUAGES,
    consumer_messages,
)


def messages(
    rows: Sequence[Mapping[str, Any]],
    apis: Sequence[Mapping[str, Any]],
    environment: str,
    provider: Mapping[str, Any] | None = None,
    languages: Sequence[str] = LANGUAGES,
    maskinporten_url: str | None = None,
) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    try:
        issuer = resolve_environment(environment, maskinporten_url=maskinporten_url).issuer
        return consumer_messages(
            rows, apis, environment=environment, issuer=issuer, provider=provider, languages=languages
        )
    except (CollectionError, ValueError) as error:
        raise AnsibleFilterError(f"consumer_messages: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"consumer_messages": messages}
