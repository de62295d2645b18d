# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that more than one part of the sandbox gives."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .core import Sandbox


class JSON(Response):
    """A JSON answer, in the services' own UTF-8."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(
            json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
            status_code,
            headers=headers,
        )


def self_service_error(
    box: Sandbox, correlation_id: str, status: int, text: str, errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The error body of the self-service API; ``errors`` are field errors."""
    return {
        "status": status,
        "timestamp": box.timestamp(9),
        "correlation_id": correlation_id,
        "errors": errors or [],
        "error": text,
        "error_description": text,
    }


def correlation_id(request: Request) -> str:
    """The id this answer carries; it is in the request log too."""
    return str(request.scope["sandbox"]["correlation_id"])
