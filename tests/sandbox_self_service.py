# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small client of the self-service API for tests, independent of the collection's own code."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.conftest import SandboxClient

_NINE_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")


class SelfService:
    """Requests with one token, which is fetched when it is first needed."""

    def __init__(
        self,
        sandbox: SandboxClient,
        scope: str = "idporten:scopes.write idporten:dcr.write",
        provider: str = "testetat",
        version: str = "v1",
    ) -> None:
        self._sandbox = sandbox
        self._scope = scope
        self._provider = provider
        self._base = f"{sandbox.urls['self_service']}/api/{version}"
        self._token = ""

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        if not self._token and self._scope:
            self._token = self._sandbox.token("administration", self._scope, self._provider)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return self._sandbox.http.request(
            method, f"{self._base}{path}", json=body, params=query, headers=headers
        )

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None


def refused(
    answer: httpx.Response, status: int, phrase: str = "", field: str | None = None
) -> dict[str, Any]:
    """Assert the error body of the self-service API; ``field`` is the field that is found fault with."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"status", "timestamp", "correlation_id", "errors", "error", "error_description"}
    assert body["status"] == status
    assert _NINE_DIGITS.match(body["timestamp"])
    assert re.fullmatch(r"[0-9a-f]{32}", body["correlation_id"])
    assert body["error"] == body["error_description"]
    assert phrase in body["error"]
    if field is None:
        assert body["errors"] == []
    else:
        assert field in [error["fieldIdentifier"] for error in body["errors"]]
        for error in body["errors"]:
            assert set(error) == {"errorMessage", "isFieldError", "objectName", "fieldIdentifier"}
            assert error["isFieldError"] is True
            assert f", {error['errorMessage']}" in body["error"]
    return body
