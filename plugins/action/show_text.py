# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print a text as it is: tables and letters lose their lines in the output of ``ansible.builtin.debug``."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()


class ActionModule(ActionBase):
    """Runs on the controller; changes nothing, so it is the same in check mode."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(
            argument_spec={"text": {"type": "str", "required": True}, "title": {"type": "str"}}
        )
        text = arguments["text"].rstrip("\n")
        title = arguments["title"]
        if not text.strip():
            return {**result, "changed": False}
        parts = ["", title, "-" * len(title), text, ""] if title else ["", text, ""]
        display.display("\n".join(parts))
        return {**result, "changed": False}
