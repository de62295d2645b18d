# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grants made by hand, independent of the collection's own code, for tests of the sandbox."""

from __future__ import annotations

import base64
import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from tests.conftest import SandboxClient

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LEFT_OUT = object()
"""Value of a claim or header that shall not be there."""


def x5c_of(path: str) -> list[str]:
    """A PEM file of certificates as the header x5c."""
    chain = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return [base64.b64encode(entry.public_bytes(serialization.Encoding.DER)).decode() for entry in chain]


def sign_grant(
    sandbox: SandboxClient,
    credentials: dict[str, str],
    *,
    scope: Any = "idporten:scopes.write",
    header: dict[str, Any] | None = None,
    algorithm: str = "RS256",
    **claims: Any,
) -> str:
    """An assertion of the client; every claim and header can be replaced, or dropped with LEFT_OUT."""
    now = int(time.time())
    all_claims: dict[str, Any] = {
        "aud": sandbox.urls["maskinporten"],
        "iss": credentials["client_id"],
        "scope": scope,
        "iat": now,
        "exp": now + 120,
        "jti": str(uuid.uuid4()),
        **claims,
    }
    headers: dict[str, Any] = {}
    if "key_id" in credentials:
        headers["kid"] = credentials["key_id"]
    if "certificate_chain_path" in credentials:
        headers["x5c"] = x5c_of(credentials["certificate_chain_path"])
    headers.update(header or {})
    return jwt.encode(
        {name: value for name, value in all_claims.items() if value is not LEFT_OUT},
        Path(credentials["private_key_path"]).read_bytes(),
        algorithm=algorithm,
        headers={name: value for name, value in headers.items() if value is not LEFT_OUT},
    )


def send_assertion(sandbox: SandboxClient, assertion: str) -> httpx.Response:
    """Ask the token endpoint with a ready assertion."""
    return sandbox.http.post(
        f"{sandbox.urls['maskinporten']}token", data={"grant_type": JWT_BEARER, "assertion": assertion}
    )


def request_token(sandbox: SandboxClient, credentials: dict[str, str], **grant: Any) -> httpx.Response:
    """Sign a grant and ask the token endpoint; see :func:`sign_grant`."""
    return send_assertion(sandbox, sign_grant(sandbox, credentials, **grant))


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
