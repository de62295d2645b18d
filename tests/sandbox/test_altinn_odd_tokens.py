# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that no client of the sandbox's Maskinporten can get, and what Altinn makes of them.

Here the application runs inside the test, which can then sign whatever it likes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.core import Sandbox
from sandbox.seed import Seeder
from sandbox.server import build
from tests.sandbox.altinn_caller import ADMIN, DEMO, RESOURCE, WRITE, sample
from tests.sandbox_grants import claims_of

LEFT_OUT = object()
NORWEGIAN = {"authority": "iso6523-actorid-upis", "ID": f"0192:{DEMO}"}
EUROPEAN = {"authority": "iso6523-actorid-upis", "ID": f"9908:{DEMO}"}


class Local:
    """A sandbox in this process."""

    def __init__(self, folder: Path) -> None:
        self.box = Sandbox(work_dir=folder, base_url="http://127.0.0.1:8")
        organization = {"orgnr": DEMO, "name": "DEMOETATEN", "service_owner_code": "demo"}
        Seeder(self.box).merge({"organizations": [organization]})
        self.application = build(self.box, lambda: None)

    def call(self, method: str, path: str, token: str, **request: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(
                transport=transport, base_url=f"{self.box.base_url}/altinn"
            ) as client:
                return await client.request(
                    method, path, headers={"Authorization": f"Bearer {token}"}, **request
                )

        return asyncio.run(run())

    def claims(self, **replaced: Any) -> dict[str, Any]:
        now = int(self.box.now())
        claims = {
            "iss": self.box.issuer,
            "scope": WRITE,
            "iat": now,
            "exp": now + 120,
            "client_id": "odd",
            "client_amr": "private_key_jwt",
            "aud": "https://other.example",
            "consumer": NORWEGIAN,
            "consumer_prefix": ["demo"],
            **replaced,
        }
        return {name: value for name, value in claims.items() if value is not LEFT_OUT}

    def token(self, **replaced: Any) -> str:
        return self.box.sign(self.claims(**replaced))

    def exchange(self, token: str) -> httpx.Response:
        return self.call("GET", "/authentication/api/v1/exchange/maskinporten", token)

    def create(self, token: str) -> httpx.Response:
        return self.call("POST", RESOURCE, token, json=sample("resource-post-minimal.json"))


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(tmp_path)


def test_audience_is_dropped_and_never_checked(local: Local) -> None:
    answer = local.exchange(local.token())
    assert answer.status_code == 200
    assert {"aud", "client_amr"}.isdisjoint(claims_of(answer.text))
    assert local.create(answer.text).status_code == 201


@pytest.mark.parametrize(
    "consumer",
    [
        LEFT_OUT,
        "text",
        {"authority": "other", "ID": f"0192:{DEMO}"},
        {"authority": "iso6523-actorid-upis", "ID": DEMO},
        {"authority": "iso6523-actorid-upis"},
    ],
)
def test_exchange_refuses_other_consumers(local: Local, consumer: Any) -> None:
    assert local.exchange(local.token(consumer=consumer)).status_code == 401


@pytest.mark.parametrize(
    "claims", [{"exp": LEFT_OUT}, {"iss": "https://other.example/"}, {"nbf": 99999999999}]
)
def test_exchange_refuses_other_lifetimes_and_issuers(local: Local, claims: dict[str, Any]) -> None:
    assert local.exchange(local.token(**claims)).status_code == 401


def test_exchange_refuses_the_keys_of_others(local: Local) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert local.exchange(jwt.encode(local.claims(), key, algorithm="RS256")).status_code == 401
    assert local.exchange(jwt.encode(local.claims(), None, algorithm="none")).status_code == 401


def test_consumer_of_another_kind_is_exchanged_and_then_breaks_the_registry(local: Local) -> None:
    exchanged = local.exchange(local.token(consumer=EUROPEAN))
    assert exchanged.status_code == 200
    assert claims_of(exchanged.text)["urn:altinn:orgNumber"] == DEMO
    answer = local.create(exchanged.text)
    assert (answer.status_code, answer.content) == (500, b"")


def test_registry_breaks_without_a_consumer_unless_the_caller_is_admin(local: Local) -> None:
    local.box.switches.set({"altinn_accepts_maskinporten_token": True})
    assert local.create(local.token(consumer=LEFT_OUT)).status_code == 500
    assert local.create(local.token(consumer=LEFT_OUT, scope=ADMIN)).status_code == 201


def test_one_prefix_may_come_as_a_bare_string(local: Local) -> None:
    assert local.create(local.exchange(local.token(consumer_prefix="demo")).text).status_code == 201


def test_no_prefix_at_all_is_a_foreign_prefix(local: Local) -> None:
    answer = local.create(local.exchange(local.token(consumer_prefix=LEFT_OUT)).text)
    assert answer.json()["errors"] == {"InvalidPrefix": ["demo:orders.write"]}


def test_admin_is_found_as_text_by_the_owner_check_and_as_a_scope_by_the_prefix_check(local: Local) -> None:
    # A longer scope holds the admin scope's text: the owner check lets it pass, the prefix check does not.
    token = local.exchange(local.token(scope=f"{WRITE} x{ADMIN.upper()}x", consumer=EUROPEAN)).text
    assert local.create(token).status_code == 201
    other = local.exchange(local.token(scope=f"{WRITE} {ADMIN}.x", consumer_prefix=["acme"])).text
    assert local.create(other).status_code == 401
