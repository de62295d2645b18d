# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport: what is tried again, what is not, and what it counts; against the sandbox's faults."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import (
    ConnectionFailedError,
    InputError,
    redact,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._transport import (
    Transport,
    path_segment,
    query,
)
from tests.conftest import SandboxClient

ROUTE = "/self-service/api/v1/delegationsources"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def transport(waits: list[float]) -> Transport:
    return Transport(timeout=2, retries=4, sleep=waits.append)


def url(sandbox: SandboxClient) -> str:
    return f"{sandbox.urls['self_service']}/api/v1/delegationsources"


@pytest.mark.parametrize("kind", ["reset", "truncated", "too_many_requests", "html"])
def test_what_passes_is_tried_again(
    sandbox: SandboxClient, transport: Transport, waits: list[float], kind: str
) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind=kind, times=2)
    assert transport.request("GET", url(sandbox)).ok
    assert len(waits) == 2
    assert transport.counts["read"] == 3


def test_retry_after_is_honoured_and_an_endless_one_is_not_waited_for(
    sandbox: SandboxClient, transport: Transport, waits: list[float]
) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind="too_many_requests", retry_after="7")
    assert transport.request("GET", url(sandbox)).ok
    assert waits == [7.0]
    sandbox.fault(route=f"GET {ROUTE}", kind="too_many_requests", retry_after="86400", times=None)
    assert transport.request("GET", url(sandbox)).status == 429
    assert len(waits) == 1


def test_delays_grow_with_jitter(sandbox: SandboxClient, transport: Transport, waits: list[float]) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind="status", status=503, times=4)
    assert transport.request("GET", url(sandbox)).ok
    assert len(waits) == 4
    assert 0.2 <= waits[0] <= 0.6
    assert 1.6 <= waits[3] <= 4.8


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422, 428])
def test_no_other_4xx_is_tried_again(
    sandbox: SandboxClient, transport: Transport, waits: list[float], status: int
) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind="status", status=status, times=None)
    assert transport.request("GET", url(sandbox)).status == status
    assert waits == []


def test_a_request_that_must_not_be_repeated_is_not(sandbox: SandboxClient, transport: Transport) -> None:
    sandbox.fault(route=f"POST {ROUTE}", kind="reset", handled=True, times=None)
    with pytest.raises(ConnectionFailedError):
        transport.request("POST", url(sandbox), body={}, repeatable=False)
    assert transport.counts["write"] == 1


def test_it_gives_up_after_its_retries(
    sandbox: SandboxClient, transport: Transport, waits: list[float]
) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind="reset", times=None)
    with pytest.raises(ConnectionFailedError, match="broke"):
        transport.request("GET", url(sandbox))
    assert transport.counts["read"] == 5


def test_a_redirect_is_not_followed(sandbox: SandboxClient, transport: Transport) -> None:
    sandbox.fault(route=f"GET {ROUTE}", kind="status", status=302)
    assert transport.request("GET", url(sandbox)).status == 302


def test_concurrency_is_bounded_and_the_order_of_items_kept() -> None:
    transport = Transport(concurrency=3)
    lock = threading.Lock()
    under_way: list[int] = []
    most = 0

    def work(item: int) -> int:
        nonlocal most
        with lock:
            under_way.append(item)
            most = max(most, len(under_way))
        time.sleep(0.005)
        with lock:
            under_way.remove(item)
        if item == 5:
            raise InputError("five")
        return item * 2

    results = transport.map(work, range(20))
    assert most <= 3
    assert [result for result in results if not isinstance(result, InputError)] == [
        item * 2 for item in range(20) if item != 5
    ]
    assert isinstance(results[5], InputError)


def test_plain_http_leaves_this_machine_never() -> None:
    with pytest.raises(InputError, match="plain http"):
        Transport().request("GET", "http://192.0.2.1/")


def test_reserved_characters_are_encoded() -> None:
    assert (
        query("https://a/b", scope="x:y/z#1", inactive=True, other=None)
        == "https://a/b?scope=x%3Ay%2Fz%231&inactive=true"
    )
    assert path_segment("a/b") == "a%2Fb"
    for segment in ("", ".", ".."):
        with pytest.raises(InputError):
            path_segment(segment)


def test_secrets_in_others_words_are_removed() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"
    key = "-----BEGIN PRIVATE KEY-----\nabc\n-----END " + "PRIVATE KEY-----"
    cleaned = redact(f"bad assertion {token} and {key} end")
    assert "eyJ" not in cleaned
    assert "abc" not in cleaned
    assert cleaned.endswith("end")
