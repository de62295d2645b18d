# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters onboarding_checklist and onboarding_table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._checklist import (
    as_table,
    brief_result,
    checklist,
)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "brief_result": brief_result,
            "onboarding_checklist": checklist,
            "onboarding_table": as_table,
        }
