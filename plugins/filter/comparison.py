# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters environment_differences and differences_markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._comparison import as_markdown, compare


def environment_differences(
    first: Any, second: Any, exceptions: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """See environment_differences.yml.

    :raises AnsibleFilterError: an environment, an exception or a declared list that cannot be right.
    """
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        raise AnsibleFilterError("environment_differences: what was read of each environment is needed")
    try:
        return compare(first, second, exceptions)
    except CollectionError as error:
        raise AnsibleFilterError(error.message) from None


def differences_markdown(result: Any) -> str:
    """See differences_markdown.yml.

    :raises AnsibleFilterError: not what environment_differences returns.
    """
    if not isinstance(result, Mapping) or "headline" not in result:
        raise AnsibleFilterError("differences_markdown: what environment_differences returned is needed")
    return as_markdown(result)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "environment_differences": environment_differences,
            "differences_markdown": differences_markdown,
        }
