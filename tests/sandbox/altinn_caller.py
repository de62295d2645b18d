# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls the sandbox's Altinn over HTTP as one organisation or another, without the collection's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives import serialization

from tests.sandbox_grants import request_token

if TYPE_CHECKING:
    from tests.conftest import SandboxClient

DATA = Path(__file__).resolve().parent / "data" / "altinn"

DEMO = "312345676"
SKD = "974761076"
FD = "971203420"
DIGDIR = "991825827"
CONSUMER = "310002100"
SUPPLIER = "310004774"

WRITE = "altinn:resourceregistry/resource.write"
ADMIN = "altinn:resourceregistry/resource.admin"
LISTS_READ = "altinn:resourceregistry/accesslist.read"
LISTS_WRITE = "altinn:resourceregistry/accesslist.write"
SERVICE_OWNER = "altinn:serviceowner"
DELEGATIONS = "altinn:maskinporten/delegations"
SUPPLIERS_WRITE = "altinn:accessmanagement/enduser:maskinportensuppliers.write"
CONSUMERS_WRITE = "altinn:accessmanagement/enduser:maskinportenconsumers.write"

RESOURCE = "/resourceregistry/api/v1/resource"
LISTS = "/resourceregistry/api/v1/access-lists"


def sample(name: str) -> Any:
    """A JSON sample."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def sample_bytes(name: str) -> bytes:
    """A sample as it stands in its file."""
    return (DATA / name).read_bytes()


class AltinnCaller:
    """The platform as one organisation sees it after another has logged in."""

    def __init__(self, sandbox: SandboxClient, key_path: Path) -> None:
        self.sandbox = sandbox
        self.base = sandbox.urls["altinn"]
        self.key_path = key_path
        self._tokens: dict[tuple[str, str, bool], str] = {}
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        self._public = (
            key.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )
        sandbox.seed({"prefixes": [{"prefix": name, "owner_orgno": DEMO} for name in ("demo", "demoetaten")]})
        sandbox.clear_requests()

    def maskinporten_token(self, *scopes: str, number: str = DEMO) -> str:
        """A Maskinporten token of the organisation; client, access and key are made on the way."""
        self.sandbox.seed({"access": [{"scope": name, "consumers": [number]} for name in scopes]})
        answer = self._ask(scopes, number)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def delegated_token(self, scope: str, *, consumer: str, supplier: str) -> httpx.Response:
        """Maskinporten's answer to a supplier that asks for a token on behalf of a consumer."""
        return self._ask((scope,), supplier, consumer_org=consumer)

    def _ask(self, scopes: tuple[str, ...], number: str, **claims: Any) -> httpx.Response:
        client = f"test-{number}-{'-'.join(scopes)}"
        key = {"kid": "test", "public_key_pem": self._public}
        self.sandbox.seed(
            {
                "clients": [
                    {"client_id": client, "client_orgno": number, "scopes": list(scopes), "keys": [key]}
                ]
            }
        )
        credentials = {"client_id": client, "private_key_path": str(self.key_path), "key_id": "test"}
        now = int(self.sandbox.control("GET", "/clock")["epoch"])
        times = {"iat": now, "exp": now + 120}
        return request_token(self.sandbox, credentials, scope=" ".join(scopes), **times, **claims)

    def exchange(
        self, token: str | None, provider: str = "maskinporten", query: str = "", **headers: str
    ) -> httpx.Response:
        """Ask for an Altinn token."""
        given = {} if token is None else {"Authorization": f"Bearer {token}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.sandbox.http.get(
            f"{self.base}/authentication/api/v1/exchange/{provider}{query}", headers=given
        )

    def token(self, *scopes: str, number: str = DEMO, test: bool = False) -> str:
        """An Altinn token of the organisation."""
        key = (number, " ".join(scopes), test)
        if key not in self._tokens:
            answer = self.exchange(
                self.maskinporten_token(*scopes, number=number), query="?test=true" if test else ""
            )
            assert answer.status_code == 200, answer.text
            self._tokens[key] = answer.text
        return self._tokens[key]

    def token_later(self, *scopes: str, number: str = DEMO) -> str:
        """A fresh Altinn token, after the clock was moved."""
        self._tokens.clear()
        return self.token(*scopes, number=number)

    def call(self, method: str, path: str, token: str | None = None, **request: Any) -> httpx.Response:
        """One request below the platform's base URL (or to an absolute URL)."""
        headers = dict(request.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = path if path.startswith("http") else f"{self.base}{path}"
        return self.sandbox.http.request(method, url, headers=headers, **request)

    # --- the resource registry -------------------------------------------------------------------------------

    @property
    def write(self) -> str:
        """A token of the demo agency with which it may do all its work in Altinn."""
        return self.token(WRITE, LISTS_WRITE, SERVICE_OWNER)

    def create(self, body: Any, token: str | None = None) -> httpx.Response:
        return self.call("POST", RESOURCE, token or self.write, json=body)

    def replace(self, identifier: str, body: Any, token: str | None = None) -> httpx.Response:
        return self.call("PUT", f"{RESOURCE}/{identifier}", token or self.write, json=body)

    def read(self, identifier: str, **query: Any) -> httpx.Response:
        return self.call("GET", f"{RESOURCE}/{identifier}", params=query)

    def upload(
        self, identifier: str, policy: bytes, token: str | None = None, method: str = "PUT"
    ) -> httpx.Response:
        return self.call(
            method,
            f"{RESOURCE}/{identifier}/policy",
            token or self.write,
            files={"policyFile": ("policy.xml", policy, "text/xml")},
        )

    def publish(
        self, name: str = "maskinportenschema", policy: str | None = "policy-maskinportenschema.xml"
    ) -> str:
        """Create the sample resource with its policy; returns its id."""
        body = sample(f"resource-post-{name}.json")
        answer = self.create(body)
        assert answer.status_code == 201, answer.text
        if policy is not None:
            answer = self.upload(body["identifier"], sample_bytes(policy))
            assert answer.status_code == 201, answer.text
        return str(body["identifier"])


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The body of an error without its trace id, which must be there and look like one."""
    body: dict[str, Any] = answer.json()
    trace = body.pop("traceId")
    assert len(trace.split("-")) == 4, trace
    return body


def errors_of(answer: httpx.Response) -> dict[str, list[str]]:
    """The member ``errors`` of ASP.NET's 400."""
    body = problem_of(answer)
    assert answer.status_code == 400, answer.text
    errors = body.pop("errors")
    assert body == {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
    }
    return dict(errors)


def validation_error(code: str, title: str, path: str, **more: str) -> dict[str, Any]:
    """Altinn's validation problem with one error, without trace id."""
    return {
        "type": "urn:altinn:error:STD-00000",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "code": "STD-00000",
        "statusDescription": "Bad Request",
        "validationErrors": [{"code": code, "title": title, "paths": [path], **more}],
    }
