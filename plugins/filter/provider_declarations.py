# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter provider_declarations."""

from __future__ import annotations

DOCUMENTATION = r"""
name: provider_declarations
short_description: Turn declarations of APIs into the options of the modules
version_added: 1.0.0
author:
  - The tilbyder.maskinporten contributors (@tilbyder)
description:
  - Reads the declared APIs from a list and from files, checks every key, lays the values of the environment over those that
    hold everywhere, and gives a list of options for each module, so that a whole list goes to a module in one task.
  - A mistake is named with its file, line and key.
options:
  _input:
    description: The APIs, usually the inventory variable C(provider_apis); empty where they stand in files.
    type: raw
  environment:
    description: The environment whose values count.
    type: str
    required: true
  files:
    description: Files, or folders of files (C(*.yml), C(*.yaml)), with an API each or a list of them.
    type: list
    elements: path
    default: []
  defaults:
    description: Sections that lie under those of every API.
    type: dict
    default: {}
  clients:
    description: Clients that belong to no API, above all the one with Altinn's scopes.
    type: list
    elements: dict
    default: []
  base_dir:
    description: What relative paths are relative to, for APIs that do not stand in a file of their own.
    type: path
"""

EXAMPLES = r"""
- name: Read the declarations
  ansible.builtin.set_fact:
    plan: "{{ apis | tilbyder.maskinporten.provider_declarations(environment='test') }}"
  vars:
    apis:
      - name: cases-read
        scope: {prefix: testetat, subscope: cases.read, description: Lese saker, delegation: altinn}
        consumers: ["310002100"]
"""

RETURN = r"""
_value:
  description:
    - C(apis), the APIs in short, and the options of the modules; C(scopes), C(resources), C(policies), C(grants),
      C(access_lists), C(clients) and C(client_keys).
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._declaration import (
    read_declarations,
    resolve,
)


def provider_declarations(
    apis: Sequence[Any] | None,
    *,
    environment: str,
    files: Iterable[str] | str = (),
    defaults: Mapping[str, Any] | None = None,
    clients: Sequence[Any] | None = None,
    base_dir: str | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """See DOCUMENTATION."""
    if apis is not None and (isinstance(apis, (str, Mapping)) or not isinstance(apis, Sequence)):
        raise AnsibleFilterError("provider_apis is no list; it holds one mapping for each API.")
    try:
        return resolve(
            read_declarations(
                apis, _expanded([files] if isinstance(files, str) else files, base_dir), base_dir=base_dir
            ),
            environment,
            defaults,
            clients or (),
        )
    except CollectionError as error:
        raise AnsibleFilterError(error.message) from None


def _expanded(files: Iterable[str], base_dir: str | None) -> list[str]:
    paths: list[str] = []
    for name in files:
        path = Path(name).expanduser()
        if not path.is_absolute() and base_dir:
            path = Path(base_dir) / path
        if path.is_dir():
            found = sorted(entry for entry in path.iterdir() if entry.suffix in (".yml", ".yaml"))
            if not found:
                raise AnsibleFilterError(f"{path}: this folder holds no file of declarations (*.yml).")
            paths.extend(str(entry) for entry in found)
        else:
            paths.append(str(path))
    return paths


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"provider_declarations": provider_declarations}
