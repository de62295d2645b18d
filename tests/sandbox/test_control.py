# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface: state, seeds, reset, snapshots, log, counters, switches, clock."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.keys import private_jwk, public_jwk
from tests.conftest import SandboxClient
from tests.sandbox_grants import request_token
from tests.sandbox_self_service import SelfService

NAME = "testetat:cases.read"


def control_error(sandbox: SandboxClient, method: str, path: str, body: Any = None) -> str:
    """The text of a control request that is refused."""
    answer = sandbox.http.request(method, f"{sandbox.urls['control']}{path}", json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


# --- what is there -------------------------------------------------------------------------------------------------


def test_control_describes_itself(sandbox: SandboxClient) -> None:
    described = sandbox.http.get(f"{sandbox.urls['control']}/").json()
    assert any("POST /control/seed" in line for line in described["operations"])
    assert "reset" in described["faults"]
    switch = described["switches"]["empty_list"]
    assert switch["default"] == "error404"
    assert switch["accepts"] == "error404 or error400 or array"
    assert switch["help"]
    assert sandbox.control("GET", "/info")["urls"] == sandbox.urls


def test_fresh_state(sandbox: SandboxClient) -> None:
    state = sandbox.state()
    assert set(state) == {
        "organizations",
        "register",
        "prefixes",
        "scopes",
        "access",
        "clients",
        "delegations",
        "system_users",
        "altinn",
    }
    owners = {entry["prefix"]: entry["owner_orgno"] for entry in state["prefixes"]}
    assert owners["fdir"] == "971203420"
    assert owners["skatteetaten"] == owners["folkeregister"] == "974761076"
    assert owners["testetat"] == "310001007"
    codes = {entry["orgnr"]: entry["service_owner_code"] for entry in state["organizations"]}
    assert (codes["971203420"], codes["974761076"], codes["310001007"]) == ("fd", "skd", "testetat")
    text = json.dumps(state)
    assert "PRIVATE KEY" not in text
    for client in state["clients"]:
        for key in client["keys"]:
            assert {"d", "p", "q"}.isdisjoint(key)


def test_provider_clients_hold_what_providers_are_given(sandbox: SandboxClient) -> None:
    clients = {client["client_id"]: client for client in sandbox.state()["clients"]}
    for provider in ("testetat", "fdir", "skatteetaten"):
        administration = clients[f"{provider}-administration"]
        assert administration["keys"] == []
        assert set(administration["scopes"]) == {
            "idporten:scopes.write",
            "idporten:scopes.read",
            "idporten:dcr.write",
            "idporten:dcr.read",
            "idporten:dcr.modify",
        }
        altinn = clients[f"{provider}-altinn"]
        assert [key["kid"] for key in altinn["keys"]] == [sandbox.credentials("altinn", provider)["key_id"]]
        assert "altinn:resourceregistry/resource.write" in altinn["scopes"]


# --- seeding -------------------------------------------------------------------------------------------------------


def test_seed_merges(sandbox: SandboxClient) -> None:
    taken = sandbox.seed(
        {
            "organizations": [{"orgnr": "312345676", "name": "NYTT NAVN", "service_owner_code": "demo"}],
            "prefixes": [{"prefix": "demo", "owner_orgno": "312345676"}],
            "scopes": [{"name": "demo:a/b.read", "description": "x", "future": 1}],
            "access": [
                {"scope": "demo:a/b.read", "consumers": ["310002100", "310004774"]},
                {"scope": "demo:a/b.read", "consumer_orgno": "310006661", "state": "DENIED"},
            ],
        }
    )
    assert taken == {"organizations": 1, "prefixes": 1, "scopes": 1, "access": 3}
    scope = sandbox.scope("demo:a/b.read")
    assert scope is not None
    assert (scope["owner_orgno"], scope["subscope"], scope["future"]) == ("312345676", "a/b.read", 1)
    assert sandbox.access("demo:a/b.read") == {
        "310002100": "APPROVED",
        "310004774": "APPROVED",
        "310006661": "DENIED",
    }
    # What was there before is still there.
    assert sandbox.access("idporten:scopes.write")["310001007"] == "APPROVED"


def test_seeding_the_same_again_changes_nothing(sandbox: SandboxClient) -> None:
    key = public_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), "k")
    seed = {
        "generate_organizations": 3,
        "scopes": [{"name": NAME, "description": "x"}],
        "access": [{"scope": NAME, "consumers": ["310002100"]}],
        "clients": [{"client_id": "c", "client_orgno": "310002100", "scopes": [NAME], "keys": [key]}],
        "delegations": [{"consumer": "310002100", "supplier": "310004774", "scope": NAME}],
        "system_users": [{"vendor": "310002100", "organization": "310003425"}],
    }
    assert sandbox.control("POST", "/seed", seed, {"report_change": "1"})["changed"] is True
    sandbox.clock(advance=10)
    assert sandbox.control("POST", "/seed", seed, {"report_change": "1"})["changed"] is False


def test_clients_with_public_keys_in_every_form(sandbox: SandboxClient) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    issued = sandbox.certificate("310002100")
    sandbox.seed(
        {
            "clients": [
                {
                    "client_id": "c",
                    "client_orgno": "310002100",
                    "keys": [public_jwk(key, "jwk"), {"kid": "pem", "public_key_pem": pem.decode()}],
                    "certificates": [issued["certificate"]],
                }
            ]
        }
    )
    client = next(entry for entry in sandbox.state()["clients"] if entry["client_id"] == "c")
    kids = [entry["kid"] for entry in client["keys"]]
    assert kids[:2] == ["jwk", "pem"]
    assert client["keys"][0]["n"] == client["keys"][1]["n"]
    assert client["keys"][2]["x5c"]
    assert client["grant_types"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


@pytest.mark.parametrize(
    ("seed", "phrase"),
    [
        ({"scope": []}, "no section 'scope'"),
        ({"scopes": {}}, "scopes: a list"),
        ({"scopes": [{"description": "x"}]}, "lacks 'prefix'"),
        ({"scopes": [{"name": "nobody:x"}]}, "prefix of nobody:x is unknown"),
        ({"access": [{"scope": "testetat:none", "consumers": []}]}, "testetat:none is unknown"),
        ({"access": [{"scope": "idporten:scopes.read"}]}, "lacks 'consumer_orgno'"),
        ({"organizations": [{"orgnr": "123456789"}]}, "'123456789' is not a valid"),
        ({"clients": [{"client_id": "x"}]}, "lacks 'client_orgno'"),
        ({"delegations": [{"consumer": "310002100", "supplier": "310004774"}]}, "a scope or a resource"),
        ({"clients": [{"client_orgno": "310002100", "certificates": ["x"]}]}, "the seed cannot be read"),
    ],
)
def test_seeds_that_cannot_be_read(sandbox: SandboxClient, seed: dict[str, Any], phrase: str) -> None:
    assert phrase in control_error(sandbox, "POST", "/seed", seed)


def test_seed_with_a_private_key_is_refused_and_not_shown(sandbox: SandboxClient) -> None:
    key = private_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), "k")
    text = control_error(
        sandbox,
        "POST",
        "/seed",
        {"clients": [{"client_orgno": "310002100", "client_id": "c", "keys": [key]}]},
    )
    assert "private member" in text
    assert key["d"] not in text


def test_nothing_of_a_seed_with_a_fault_is_kept(sandbox: SandboxClient) -> None:
    before = sandbox.state()
    control_error(
        sandbox,
        "POST",
        "/seed",
        {"prefixes": [{"prefix": "new", "owner_orgno": "312345676"}], "scopes": [{"name": "nobody:x"}]},
    )
    assert sandbox.state() == before


def test_whole_state_can_be_put_in_place(sandbox: SandboxClient) -> None:
    sandbox.seed({"scopes": [{"name": NAME, "description": "x"}]})
    state = sandbox.state()
    sandbox.reset()
    assert sandbox.scope(NAME) is None
    sandbox.control("PUT", "/state", state)
    assert sandbox.state() == state
    assert "no section" in control_error(sandbox, "PUT", "/state", {"x": 1})
    assert sandbox.state() == state
    sandbox.control("PUT", "/state", {"organizations": []})
    assert sandbox.state()["scopes"] == []


def test_body_must_be_json(sandbox: SandboxClient) -> None:
    answer = sandbox.http.post(f"{sandbox.urls['control']}/seed", content=b"{")
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]
    assert "JSON object" in control_error(sandbox, "POST", "/seed", [1])


# --- reset and snapshots -------------------------------------------------------------------------------------------


def test_reset_takes_back_everything(sandbox: SandboxClient) -> None:
    before = sandbox.state()
    SelfService(sandbox).ok("POST", "/scopes", {"prefix": "testetat", "subscope": "x", "description": "x"})
    sandbox.seed({"prefixes": [{"prefix": "testetat", "owner_orgno": "971203420"}]})
    sandbox.switch(empty_list="array")
    sandbox.fault(route="*", kind="reset")
    sandbox.clock(offset=1000)
    sandbox.latency(1)
    sandbox.reset()
    assert sandbox.state() == before
    assert sandbox.control("GET", "/switches")["empty_list"]["value"] == "error404"
    assert sandbox.control("GET", "/faults")["faults"] == []
    assert sandbox.control("GET", "/clock")["offset"] == 0
    assert sandbox.control("GET", "/latency")["milliseconds"] == 0
    assert sandbox.requests() == []
    assert sandbox.counts()["total"] == 0


def test_reset_forgets_used_grants(sandbox: SandboxClient) -> None:
    credentials = sandbox.credentials("administration")
    assert request_token(sandbox, credentials, jti="x").status_code == 200
    assert request_token(sandbox, credentials, jti="x").status_code == 400
    sandbox.reset()
    assert request_token(sandbox, credentials, jti="x").status_code == 200


def test_present_state_can_become_what_reset_goes_back_to(sandbox: SandboxClient) -> None:
    original = sandbox.state()
    try:
        sandbox.seed({"scopes": [{"name": NAME, "description": "x"}]})
        sandbox.control("POST", "/keep")
        sandbox.reset()
        assert sandbox.scope(NAME) is not None
    finally:
        sandbox.control("PUT", "/state", original)
        sandbox.control("POST", "/keep")


def test_snapshot_and_restore(sandbox: SandboxClient) -> None:
    source = f"{sandbox.urls['altinn']}/"
    sandbox.seed({"scopes": [{"name": NAME, "description": "x", "delegation_source": source}]})
    state = sandbox.state()
    path = Path(sandbox.control("POST", "/snapshot", {"path": "kept/one.json"})["path"])
    assert path.is_relative_to(sandbox.work_dir)
    assert path.stat().st_mode & 0o777 == 0o600
    sandbox.reset()
    sandbox.control("POST", "/restore", {"path": "kept/one.json"})
    assert sandbox.state() == state
    # A snapshot from another port is changed to this one's addresses.
    text = path.read_text().replace(sandbox.urls["altinn"].rsplit("/", 1)[0], "http://127.0.0.1:1")
    path.write_text(text)
    sandbox.control("POST", "/restore", {"path": "kept/one.json"})
    assert sandbox.state() == state


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.json", "a/../../b", ""])
def test_snapshots_stay_in_the_work_folder(sandbox: SandboxClient, name: str) -> None:
    for path in ("/snapshot", "/restore"):
        assert control_error(sandbox, "POST", path, {"path": name})


def test_snapshot_through_a_link_out_of_the_work_folder(sandbox: SandboxClient, tmp_path: Path) -> None:
    link = sandbox.work_dir / "link"
    link.symlink_to(tmp_path)
    try:
        assert "neither in the work folder" in control_error(
            sandbox, "POST", "/snapshot", {"path": "link/x.json"}
        )
        assert os.listdir(tmp_path) == []
    finally:
        link.unlink()


def test_restore_of_what_is_no_snapshot(sandbox: SandboxClient) -> None:
    assert "cannot read" in control_error(sandbox, "POST", "/restore", {"path": "none.json"})
    (sandbox.work_dir / "bad.json").write_text("{")
    before = sandbox.state()
    assert "not a snapshot" in control_error(sandbox, "POST", "/restore", {"path": "bad.json"})
    assert sandbox.state() == before


# --- log and counters ----------------------------------------------------------------------------------------------


def test_requests_are_logged(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox, "idporten:scopes.write")
    answer = api("GET", "/scopes", inactive="true")
    token, listing = sandbox.requests()
    assert (token["service"], token["method"], token["path"], token["status"]) == (
        "maskinporten",
        "POST",
        "/maskinporten/token",
        200,
    )
    assert token["client_id"] == "testetat-administration"
    assert listing["service"] == "self_service"
    assert listing["path"] == "/self-service/api/v1/scopes"
    assert listing["query"] == "inactive=true"
    assert listing["client_id"] == "testetat-administration"
    assert listing["status"] == 404
    assert listing["correlation_id"] == answer.json()["correlation_id"]
    assert listing["error"] == "The organization does not have any scopes"
    assert listing["milliseconds"] >= 0
    assert str(listing["number"]) == answer.headers["x-simulator-request"]
    assert sandbox.requests(service="self_service") == [listing]
    assert sandbox.requests(method="post") == [token]
    assert sandbox.requests(path="*/scopes") == [listing]
    assert sandbox.requests(status=404) == [listing]
    assert sandbox.control("GET", "/requests", None, {"after": token["number"]})["requests"] == [listing]


def test_log_holds_no_secret(sandbox: SandboxClient) -> None:
    token = sandbox.token("administration", "idporten:scopes.write")
    sandbox.http.get(
        f"{sandbox.urls['self_service']}/api/v1/scopes", headers={"Authorization": f"Bearer {token}"}
    )
    text = json.dumps(sandbox.requests())
    assert token not in text
    assert token.split(".")[2] not in text
    assert "assertion" not in text


def test_counters(sandbox: SandboxClient) -> None:
    api = SelfService(sandbox, "idporten:scopes.write")
    api("GET", "/scopes")
    api.ok("POST", "/scopes", {"prefix": "testetat", "subscope": "x", "description": "x"})
    api("GET", "/scopes")
    api("DELETE", "/scopes", scope="testetat:x")
    sandbox.http.get(f"{sandbox.urls['register']}/enhetsregisteret/api/enheter/310002100")
    counts = sandbox.counts()
    assert counts["total"] == 6
    assert (counts["token"], counts["read"], counts["write"]) == (1, 3, 2)
    assert counts["by_service"] == {"maskinporten": 1, "self_service": 4, "register": 1}
    assert counts["by_method"] == {"POST": 2, "GET": 3, "DELETE": 1}
    assert {
        "service": "self_service",
        "method": "GET",
        "path": "/self-service/api/v1/scopes",
        "count": 2,
    } in counts["routes"]
    assert [entry["method"] for entry in sandbox.writes()] == ["POST", "DELETE"]
    sandbox.clear_requests()
    assert sandbox.counts()["total"] == 0
    assert sandbox.requests() == []


# --- switches, clock, latency --------------------------------------------------------------------------------------


def test_switches_take_only_what_they_know(sandbox: SandboxClient) -> None:
    assert "there is no switch 'emptylist'" in control_error(sandbox, "PUT", "/switches", {"emptylist": 1})
    assert "error404 or error400 or array" in control_error(
        sandbox, "PUT", "/switches", {"empty_list": "none"}
    )
    assert "a whole number" in control_error(sandbox, "PUT", "/switches", {"skew": "ten"})
    assert "true or false" in control_error(sandbox, "PUT", "/switches", {"terms_signed": "perhaps"})
    # All or none.
    control_error(sandbox, "PUT", "/switches", {"skew": 99, "empty_list": "none"})
    assert sandbox.control("GET", "/switches")["skew"]["value"] == 10


def test_switches_understand_text(sandbox: SandboxClient) -> None:
    sandbox.switch(skew="15", terms_signed="off", regrant_status="409", propagation_seconds="2.5")
    values = {name: entry["value"] for name, entry in sandbox.control("GET", "/switches").items()}
    assert values["skew"] == 15
    assert values["terms_signed"] is False
    assert values["regrant_status"] == 409
    assert values["propagation_seconds"] == 2.5
    sandbox.switch(propagation_seconds="random")
    assert sandbox.control("GET", "/switches")["propagation_seconds"]["value"] == "random"


def test_every_switch_is_explained(sandbox: SandboxClient) -> None:
    for name, switch in sandbox.control("GET", "/switches").items():
        assert switch["help"], name
        assert switch["value"] == switch["default"], name


def test_clock(sandbox: SandboxClient) -> None:
    from email.utils import parsedate_to_datetime

    sandbox.clock(offset=3600)
    answer = sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk")
    assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time() - 3600) < 5
    sandbox.clock(fixed=1_800_000_000, offset=0)
    assert sandbox.control("GET", "/clock")["now"] == "2027-01-15T08:00:00.000Z"
    sandbox.clock(advance=60)
    assert sandbox.control("GET", "/clock")["epoch"] == 1_800_000_060
    sandbox.clock(fixed=None, offset=0)
    assert abs(sandbox.control("GET", "/clock")["epoch"] - time.time()) < 5
    assert "number of seconds" in control_error(sandbox, "PUT", "/clock", {"offset": "x"})
    assert "not speed" in control_error(sandbox, "PUT", "/clock", {"speed": 2})


def test_latency(sandbox: SandboxClient) -> None:
    sandbox.latency(80)
    sandbox.http.get(f"{sandbox.urls['maskinporten']}jwk")
    assert sandbox.requests()[-1]["milliseconds"] >= 80
    for wrong in (-1, "x", True):
        assert "milliseconds" in control_error(sandbox, "PUT", "/latency", {"milliseconds": wrong})


def test_certificates(sandbox: SandboxClient) -> None:
    issued = sandbox.certificate("310002100")
    for name in ("private_key_path", "certificate_chain_path"):
        assert Path(issued[name]).stat().st_mode & 0o777 == 0o600
    assert Path(issued["certificate_chain_path"]).read_text().count("BEGIN CERTIFICATE") == 2
    assert "organization_number" in control_error(sandbox, "POST", "/certificates", {})
    assert "number_in" in control_error(
        sandbox, "POST", "/certificates", {"organization_number": "310002100", "number_in": "x"}
    )
