# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.conftest import SandboxClient
from tests.sandbox_self_service import SelfService, refused

SCOPES = "/self-service/api/v1/scopes"
JWK = "/maskinporten/jwk"
NEW = {"prefix": "testetat", "subscope": "cases.read", "description": "x"}


def jwk(sandbox: SandboxClient) -> httpx.Response:
    return sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk")


def test_status_for_a_number_of_times(sandbox: SandboxClient) -> None:
    sandbox.fault(route=f"GET {JWK}", kind="status", times=2)
    assert [jwk(sandbox).status_code for _unused in range(3)] == [503, 503, 200]


def test_status_for_ever_until_taken_away(sandbox: SandboxClient) -> None:
    fault = sandbox.fault(route=JWK, kind="status", status=500, times=None, body='{"error": "x"}')
    for _unused in range(4):
        answer = jwk(sandbox)
        assert (answer.status_code, answer.json()) == (500, {"error": "x"})
    assert sandbox.control("GET", "/faults")["faults"][0]["hits"] == 4
    sandbox.control("DELETE", f"/faults/{fault}")
    assert jwk(sandbox).status_code == 200


def test_faults_can_all_be_taken_away(sandbox: SandboxClient) -> None:
    sandbox.fault(route="*", kind="status", times=None)
    sandbox.control("DELETE", "/faults")
    assert jwk(sandbox).status_code == 200


def test_after_some_have_passed(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="status", after=2, times=1)
    assert [jwk(sandbox).status_code for _unused in range(4)] == [200, 200, 503, 200]


def test_only_the_chosen_method_and_route(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox)
    sandbox.fault(route=f"POST {SCOPES}", kind="status", status=502, times=None)
    assert api("GET", "/scopes").status_code == 404
    assert api("POST", "/scopes", NEW).status_code == 502
    sandbox.reset()
    sandbox.fault(route=f"PUT {SCOPES}/access/*", kind="status", times=None)
    sandbox.seed({"scopes": [{"name": "testetat:cases.read", "description": "x"}]})
    assert api("PUT", "/scopes/access/310002100", scope="testetat:cases.read").status_code == 503
    assert api("GET", "/scopes/access", scope="testetat:cases.read").status_code == 404


def test_only_when_the_path_or_query_holds_a_value(sandbox: SandboxClient) -> None:
    sandbox.seed(
        {"scopes": [{"name": "testetat:a", "description": "x"}, {"name": "testetat:b", "description": "x"}]}
    )
    api = SelfService(sandbox)
    sandbox.fault(route=f"{SCOPES}*", kind="status", times=None, contains="testetat:b")
    assert api("GET", "/scopes/scope", scope="testetat:a").status_code == 200
    assert api("GET", "/scopes/scope", scope="testetat:b").status_code == 503
    sandbox.reset()
    sandbox.seed({"scopes": [{"name": "testetat:a", "description": "x"}]})
    sandbox.fault(route=f"GET {SCOPES}?inactive=*", kind="status", times=None)
    assert api("GET", "/scopes").status_code == 200
    assert api("GET", "/scopes", inactive="true").status_code == 503


def test_too_many_requests(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="too_many_requests", retry_after=7)
    answer = jwk(sandbox)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    sandbox.fault(route=JWK, kind="too_many_requests", retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert jwk(sandbox).headers["retry-after"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    sandbox.fault(route=JWK, kind="too_many_requests")
    assert jwk(sandbox).headers["retry-after"] == "1"


def test_faults_keep_the_request_from_taking_effect(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox)
    for kind in ("status", "too_many_requests", "html", "reset"):
        sandbox.fault(route=f"POST {SCOPES}", kind=kind)
        if kind == "reset":
            with pytest.raises(httpx.TransportError):
                api("POST", "/scopes", NEW)
        else:
            assert api("POST", "/scopes", NEW).status_code >= 429
        assert sandbox.scope("testetat:cases.read") is None


def test_connection_reset(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="reset", times=2)
    for _unused in range(2):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            jwk(sandbox)
    assert jwk(sandbox).status_code == 200
    statuses = [(entry["status"], entry["fault"]) for entry in sandbox.requests()]
    assert statuses == [(0, ["reset"]), (0, ["reset"]), (200, None)]


def test_connection_reset_after_the_work_was_done(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox)
    sandbox.fault(route=f"POST {SCOPES}", kind="reset", handled=True)
    with pytest.raises(httpx.TransportError):
        api("POST", "/scopes", NEW)
    assert sandbox.scope("testetat:cases.read") is not None
    refused(api("POST", "/scopes", NEW), 409)


def test_truncated_body(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="complete"):
        jwk(sandbox)
    assert jwk(sandbox).json()["keys"]


def test_slow_body(sandbox: SandboxClient) -> None:
    whole = jwk(sandbox).json()
    sandbox.fault(route=JWK, kind="slow_body", seconds=0.2)
    assert jwk(sandbox).json() == whole
    assert sandbox.requests()[-1]["milliseconds"] >= 200
    sandbox.fault(route=JWK, kind="slow_body", seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk", timeout=0.3)


def test_latency(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="latency", seconds=0.1)
    for _unused in range(2):
        assert jwk(sandbox).status_code == 200
    slow, fast = sandbox.requests()
    assert slow["milliseconds"] >= 100
    assert fast["milliseconds"] < slow["milliseconds"]


def test_html_page_of_a_gateway(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="html")
    answer = jwk(sandbox)
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text
    sandbox.fault(route=JWK, kind="html", status=200)
    assert jwk(sandbox).status_code == 200


def test_expired_token(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox)
    sandbox.fault(route=f"{SCOPES}*", kind="expired_token")
    refused(api("GET", "/scopes"), 401, "Unauthorized")
    refused(api("GET", "/scopes"), 401, "Unauthorized")
    assert SelfService(sandbox)("GET", "/scopes").status_code == 404
    sandbox.fault(route="/altinn/*", kind="expired_token")
    answer = sandbox.http.get(f"{sandbox.urls['altinn']}/anything")
    assert (answer.status_code, answer.content) == (401, b"")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_several_faults_at_once(sandbox: SandboxClient) -> None:
    sandbox.fault(route=JWK, kind="latency", seconds=0.05)
    sandbox.fault(route=JWK, kind="status", status=500)
    assert jwk(sandbox).status_code == 500
    [entry] = sandbox.requests()
    assert entry["fault"] == ["latency", "status"]
    assert entry["milliseconds"] >= 50


def test_control_is_never_disturbed(sandbox: SandboxClient) -> None:
    sandbox.fault(route="*", kind="reset", times=None)
    sandbox.latency(1000)
    assert sandbox.counts()["total"] == 0


@pytest.mark.parametrize(
    ("fault", "phrase"),
    [
        ({"kind": "explode", "route": "*"}, "kind is one of"),
        ({"kind": "reset"}, "needs a route"),
        ({"kind": "reset", "route": "*", "time": 1}, "no member 'time'"),
        ({"kind": "status", "route": "*", "status": "x"}, "status is a number"),
    ],
)
def test_faults_that_make_no_sense(sandbox: SandboxClient, fault: dict[str, Any], phrase: str) -> None:
    answer = sandbox.http.post(f"{sandbox.urls['control']}/faults", json=fault)
    assert answer.status_code == 400
    assert phrase in answer.json()["error"]
    assert sandbox.http.delete(f"{sandbox.urls['control']}/faults/none").status_code == 400


def test_requests_from_before_a_reset_neither_take_effect_nor_show(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox)
    api("GET", "/scopes")
    sandbox.fault(route=f"POST {SCOPES}", kind="latency", seconds=0.3)
    sandbox.fault(route=JWK, kind="slow_body", seconds=1.0)
    sandbox.http.timeout = httpx.Timeout(0.05)
    try:
        with pytest.raises(httpx.ReadTimeout):
            api("POST", "/scopes", NEW)
        with pytest.raises(httpx.ReadTimeout):
            jwk(sandbox)
    finally:
        sandbox.http.timeout = httpx.Timeout(30)
    sandbox.reset()
    time.sleep(1.2)
    assert sandbox.scope("testetat:cases.read") is None
    assert sandbox.requests() == []
