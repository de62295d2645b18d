# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the resource registry's error answers say, in each of the shapes in which it says them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._registry import (
    error_code,
    error_text,
    foreign_prefixes,
    registry_error,
    resource_segment,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import (
    AuthenticationError,
    InputError,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._transport import (
    Response,
    auth_may_renew,
)

PREFIX = {
    "title": "Unauthorized",
    "status": 401,
    "detail": "Not authorized for creating resource with the listed scopes",
    "errors": {"InvalidPrefix": ["acme:orders.read", "acme:orders.write"]},
}
RULES = {
    "title": "One or more validation errors occurred.",
    "status": 400,
    "errors": {"Title": ["Missing title in nynorsk nn"], "ResourceType": ["ResourceType needs to be set"]},
    "traceId": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
}
PROBLEM = {
    "type": "urn:altinn:error:STD-00000",
    "title": "One or more validation errors occurred.",
    "code": "STD-00000",
    "validationErrors": [
        {"code": "RR.VLD-00001", "title": "Cannot add or remove more than 100 members.", "paths": ["/data"]}
    ],
}


def answer(status: int, body: Any = b"") -> Response:
    """An answer of the registry; bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response("POST", "https://platform.altinn.no/resourceregistry/api/v1/resource", status, {}, data)


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        (PREFIX, "InvalidPrefix: acme:orders.read; InvalidPrefix: acme:orders.write", None),
        (RULES, "Title: Missing title in nynorsk nn; ResourceType: ResourceType needs to be set", None),
        (PROBLEM, "/data: Cannot add or remove more than 100 members.", "RR.VLD-00001"),
        ({"title": "Not Found", "status": 404}, "Not Found", None),
        ({"title": "A", "detail": "B", "code": "RR-00002"}, "A — B", "RR-00002"),
        ("The Resource already exist: x", "The Resource already exist: x", None),
        (
            b"Delete operation is not allowed in PROD environment",
            "Delete operation is not allowed in PROD environment",
            None,
        ),
        (b"", "no text", None),
        ({}, "no text", None),
        ({"errors": ["odd"], "validationErrors": ["odd"]}, "no text", None),
        ({"errors": {"A": "text"}}, "A: text", None),
    ],
)
def test_every_shape_of_error_has_its_text_and_code(body: Any, text: str, code: str | None) -> None:
    assert error_text(answer(400, body)) == text
    assert error_code(answer(400, body)) == code


def test_a_foreign_prefix_is_no_spent_token() -> None:
    refused = answer(401, PREFIX)
    assert foreign_prefixes(refused) == ("acme:orders.read", "acme:orders.write")
    assert not auth_may_renew(refused)
    error = registry_error(refused, "create resource x")
    assert isinstance(error, AuthenticationError)
    assert error.code == "InvalidPrefix"
    assert "prefix does not belong to the organisation" in error.message
    spent = answer(401)
    assert foreign_prefixes(spent) == ()
    assert auth_may_renew(spent)
    assert "expired" in registry_error(spent, "create resource x").message
    assert foreign_prefixes(answer(400, PREFIX)) == ()


def test_an_error_carries_what_support_asks_for() -> None:
    error = registry_error(answer(400, RULES), "create resource x")
    assert error.trace_id == RULES["traceId"]
    assert str(RULES["traceId"]) in error.message
    assert error.details["status"] == 400


@pytest.mark.parametrize("identifier", ["orgs", "Search", "resourcelist", "..", "."])
def test_no_identifier_addresses_something_else(identifier: str) -> None:
    with pytest.raises(InputError, match="cannot be"):
        resource_segment(identifier)
    assert resource_segment("testetat-cases") == "testetat-cases"
