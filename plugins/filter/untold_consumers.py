# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter untold_consumers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: untold_consumers
short_description: Find the consumers that have been given access and do not know of it
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Keeps the rows of consumers that have access and do not stand in the record of M(tilbyder.maskinporten.consumer_notice).
  - Where there is no record yet, a consumer that had access before this run needs no telling.
options:
  _input:
    description: The rows that M(tilbyder.maskinporten.consumer_access) returned as its results.
    type: list
    elements: dict
    required: true
  path:
    description: Folder of the record, as O(tilbyder.maskinporten.consumer_notice#module:path) names it.
    type: path
    required: true
seealso:
  - plugin: tilbyder.maskinporten.consumer_messages
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See who is going to be told
  ansible.builtin.set_fact:
    untold: "{{ access.results | tilbyder.maskinporten.untold_consumers('notices') | map(attribute='organization_number') | list }}"
"""

RETURN = r"""
_value:
  description: The rows.
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._notice import read_record
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._messages import untold


def untold_consumers(rows: Sequence[Mapping[str, Any]], path: str) -> list[Mapping[str, Any]]:
    """See DOCUMENTATION."""
    try:
        return untold(rows, read_record(Path(path).expanduser()))
    except CollectionError as error:
        raise AnsibleFilterError(f"untold_consumers: {error}") from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"untold_consumers": untold_consumers}
