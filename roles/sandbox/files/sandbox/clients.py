# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

OPERATIONS: list[Any] = []


async def list_clients(call: Any) -> Any: ...


async def create_client(call: Any) -> Any: ...


async def upload_key(call: Any) -> Any: ...
