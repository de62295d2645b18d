# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters retirement_notices, retirement_resources and retirement_undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._retirement import (
    notices,
    resources_to_withdraw,
    undo,
)


def _told(work: Callable[..., Any]) -> Callable[..., Any]:
    """:raises AnsibleFilterError: with the sentence of whatever the user can have caused."""

    def filtered(*arguments: Any, **options: Any) -> Any:
        try:
            return work(*arguments, **options)
        except CollectionError as error:
            raise AnsibleFilterError(error.message) from None

    return filtered


class FilterModule:
    """What Ansible loads; each is documented in a file of its own."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "retirement_notices": _told(notices),
            "retirement_resources": _told(resources_to_withdraw),
            "retirement_undo": _told(undo),
        }
