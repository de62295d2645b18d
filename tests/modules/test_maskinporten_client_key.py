# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module maskinporten_client_key against the sandbox: adding, renewing, proving, rotating and removing one key."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.conftest import SandboxClient
from tests.module_runner import run_module
from tests.sandbox_grants import request_token

Key = Callable[..., dict[str, Any]]
SCOPE = "testetat:cases.read"
OWNER = "310001007"
KEYS = "/self-service/api/v1/clients/c-1/jwks"
YEAR = 365 * 86400


@pytest.fixture
def key(sandbox: SandboxClient) -> Key:
    """Run the module as the administration client of testetat, on a client that may have a token."""
    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "Read"}],
            "access": [{"scope": SCOPE, "consumers": [OWNER]}],
            "clients": [
                {"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER, "scopes": [SCOPE]}
            ],
        }
    )
    sandbox.clear_requests()

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        options = {**sandbox.auth("administration"), "client": "cases", "prove_timeout": 20, **params}
        return run_module("maskinporten_client_key", options, check=check)

    return run


@pytest.fixture(scope="session")
def pairs() -> list[rsa.RSAPrivateKey]:
    """Key pairs made elsewhere; enough to fill a client."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _number in range(6)]


def public_jwk(pair: rsa.RSAPrivateKey, kid: str | None = None, **members: Any) -> dict[str, Any]:
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    return {
        **{name: jwk[name] for name in ("kty", "n", "e")},
        "alg": "RS256",
        "use": "sig",
        **({"kid": kid} if kid else {}),
        **members,
    }


def pem(pair: rsa.RSAPrivateKey) -> str:
    return pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(pair: rsa.RSAPrivateKey) -> str:
    return (
        pair.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def live(sandbox: SandboxClient, client_id: str = "c-1") -> dict[str, dict[str, Any]]:
    (client,) = [entry for entry in sandbox.state()["clients"] if entry["client_id"] == client_id]
    return {entry["kid"]: entry for entry in client["keys"]}


def fill(sandbox: SandboxClient, pairs: list[rsa.RSAPrivateKey], count: int, days: int = 200) -> None:
    sandbox.seed(
        {
            "clients": [
                {
                    "client_id": "c-1",
                    "client_name": "cases",
                    "client_orgno": OWNER,
                    "scopes": [SCOPE],
                    "keys": [
                        public_jwk(pair, f"k-{number}", exp=int(time.time()) + days * 86400 + 3600)
                        for number, pair in enumerate(pairs[:count])
                    ],
                }
            ]
        }
    )
    sandbox.clear_requests()


def gives_token(sandbox: SandboxClient, path: Path, kid: str | None = None) -> bool:
    text = path.read_text()
    if text.startswith("{"):
        secret = jwt.algorithms.RSAAlgorithm.from_jwk(text)
        assert isinstance(secret, rsa.RSAPrivateKey)
        kid = json.loads(text)["kid"]
        path = path.with_name("as.pem")
        path.write_text(pem(secret))
    credentials = {"client_id": "c-1", "private_key_path": str(path), "key_id": str(kid)}
    return request_token(sandbox, credentials, scope=SCOPE).status_code == 200


# -- present ------------------------------------------------------------------------


def test_a_key_is_made_here_registered_and_proved(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    result = key(key_path=str(path))
    assert not result["failed"], result
    assert result["results"][0]["action"] == "create"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    (registered,) = live(sandbox).values()
    assert registered["use"] == "sig"
    assert registered["alg"] == "RS256"
    assert registered["kid"] == result["kid"]
    assert result["key"]["bits"] == 2048
    assert result["key"]["days_left"] in (364, 365)
    assert result["slots_free"] == 4
    assert result["proved_with"] == SCOPE
    assert gives_token(sandbox, path, result["kid"])


def test_the_second_run_changes_nothing_and_proves_nothing(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    first = key(key_path=str(path))
    before = path.read_bytes()
    sandbox.clear_requests()
    result = key(key_path=str(path), renew_before_days=30)
    assert not result["changed"]
    assert result["kid"] == first["kid"]
    assert sandbox.writes() == []
    assert result["requests"] == {"token": 1, "read": 3, "write": 0}
    assert path.read_bytes() == before


def test_check_mode_makes_no_file_and_writes_nothing(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    for state in ("present", "rotated"):
        result = key(check=True, key_path=str(tmp_path / "key.jwk"), state=state)
        assert result["changed"]
        assert result["results"][0]["action"] == "create"
        assert "(new key)" in result["diff"][0]["after"]
    assert list(tmp_path.iterdir()) == []
    assert sandbox.writes() == []
    assert live(sandbox) == {}


@pytest.mark.parametrize(("size", "algorithm"), [(3072, "RS512"), (4096, "RS384")])
def test_size_and_algorithm_are_as_asked(
    sandbox: SandboxClient, key: Key, tmp_path: Path, size: int, algorithm: str
) -> None:
    result = key(key_path=str(tmp_path / "k.jwk"), key_size=size, key_algorithm=algorithm, kid_prefix="cases")
    assert not result["failed"], result
    assert result["key"]["bits"] == size
    assert result["key"]["algorithm"] == algorithm
    assert result["kid"].startswith("cases-")
    stored = json.loads((tmp_path / "k.jwk").read_text())
    assert stored["kid"] == result["kid"]
    assert stored["alg"] == algorithm


def test_an_encrypted_file_is_encrypted(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    result = key(key_path=str(path), key_passphrase="a long enough passphrase")
    assert result["changed"]
    assert "ENCRYPTED" in path.read_text()
    assert not key(key_path=str(path), key_passphrase="a long enough passphrase")["changed"]
    assert "key_passphrase" in key(key_path=str(path))["msg"]


def test_an_existing_key_is_taken_and_never_written_over(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(pairs[0]))
    path.chmod(0o600)
    before = path.read_bytes()
    result = key(key_path=str(path), kid="cases-1")
    assert result["changed"]
    assert live(sandbox)["cases-1"]["n"] == public_jwk(pairs[0])["n"]
    assert path.read_bytes() == before
    assert not key(key_path=str(path))["changed"]


def test_a_file_that_is_no_key_is_left_alone(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key at all, but somebody's notes\n" * 20)
    result = key(key_path=str(path), overwrite=True)
    assert result["failed"]
    assert "key_path" in result["msg"]
    assert path.read_text().startswith("not a key")
    assert sandbox.requests() == []


def test_overwrite_makes_a_new_key_which_takes_the_place_once_proved(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    path = tmp_path / "key.jwk"
    first = key(key_path=str(path))
    result = key(key_path=str(path), overwrite=True)
    assert result["changed"], result
    assert result["kid"] != first["kid"]
    assert json.loads(path.read_text())["kid"] == result["kid"]
    assert set(live(sandbox)) == {first["kid"], result["kid"]}


def test_a_file_others_can_read_is_pointed_out(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(pairs[0]))
    path.chmod(0o644)
    assert "can be read by others" in str(key(key_path=str(path))["warnings"])


def test_given_public_keys_in_every_form(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    der = (
        pairs[1]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "public.der").write_bytes(der)
    certificate = Path(sandbox.certificate(OWNER)["certificate_chain_path"])
    given: list[dict[str, Any]] = [
        {"public_key": public_pem(pairs[0]), "kid": "as-pem"},
        {"public_key_path": str(tmp_path / "public.der"), "kid": "as-der"},
        {"public_key": json.dumps(public_jwk(pairs[2], "as-jwk"))},
        {"public_key_path": str(certificate), "kid": "as-certificate"},
    ]
    for params in given:
        result = key(**params)
        assert not result["failed"], result
        assert result["proved_with"] is None
        assert not key(**params)["changed"]
    assert set(live(sandbox)) == {"as-pem", "as-der", "as-jwk", "as-certificate"}
    assert "x5c" not in live(sandbox)["as-certificate"]


def test_a_certificate_binds_only_when_told(sandbox: SandboxClient, key: Key) -> None:
    path = sandbox.certificate(OWNER, valid_days=100)["certificate_chain_path"]
    result = key(public_key_path=path, kid="bound", bind_certificate=True)
    assert live(sandbox)["bound"]["x5c"]
    assert result["key"]["bound_to_certificate"]
    assert result["key"]["days_left"] < 100
    assert not key(public_key_path=path, kid="bound", bind_certificate=True)["changed"]


def test_a_private_key_given_as_public_is_refused_unsent(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    secret = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(pairs[0]))
    for text in (pem(pairs[0]), json.dumps({**secret, "kid": "k"})):
        result = key(public_key=text, kid="k")
        assert result["failed"]
        assert "private" in result["msg"]
        assert secret["d"][:40] not in str({**result, "invocation": None})
    assert sandbox.requests() == []


def test_only_rsa_of_2048_bits_or_more(sandbox: SandboxClient, key: Key) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    other = curve.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    assert "1024 bits" in key(public_key=public_pem(short), kid="k")["msg"]
    assert "not RSA" in key(public_key=other, kid="k")["msg"]
    assert sandbox.requests() == []


def test_the_other_keys_are_not_touched(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 3)
    before = live(sandbox)
    result = key(key_path=str(tmp_path / "key.jwk"))
    after = live(sandbox)
    assert {kid: after[kid] for kid in before} == before
    assert [(entry["method"], entry["path"]) for entry in sandbox.writes()] == [
        ("PUT", f"{KEYS}/{result['kid']}")
    ]


def test_the_sixth_key_is_refused_before_anything_is_made(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 5)
    for params in (
        {"key_path": str(tmp_path / "new.jwk")},
        {"key_path": str(tmp_path / "new.jwk"), "state": "rotated"},
        {"public_key": public_pem(pairs[5])},
    ):
        result = key(**params)
        assert result["failed"]
        for number in range(5):
            assert f"k-{number} (200 days left)" in result["msg"]
    assert sandbox.writes() == []
    assert list(tmp_path.iterdir()) == []
    assert not key(public_key=public_pem(pairs[4]))["failed"]


def test_a_name_that_another_key_has_is_refused(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 2)
    assert "name of another key" in key(public_key=public_pem(pairs[4]), kid="k-0")["msg"]
    assert "registered as 'k-1' already" in key(public_key=public_pem(pairs[1]), kid="mine")["msg"]
    assert sandbox.writes() == []


def test_a_dying_key_lives_on_when_it_is_renewed(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 1, days=20)
    params = {"public_key": public_pem(pairs[0]), "renew_before_days": 30}
    assert not key(public_key=public_pem(pairs[0]), renew_before_days=20)["changed"]
    result = key(**params)
    assert result["results"][0]["action"] == "update"
    assert result["results"][0]["fields"] == ["exp"]
    assert result["key"]["days_left"] in (364, 365)
    assert not key(**params)["changed"]


def test_an_old_key_without_use_can_be_renewed(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    jwk = public_jwk(pairs[0], "old", exp=int(time.time()) + 86400)
    del jwk["use"]
    sandbox.seed({"clients": [{"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER,
                               "scopes": [SCOPE], "keys": [jwk]}]})  # fmt: skip
    assert not key(public_key=public_pem(pairs[0]), renew_before_days=30)["failed"]
    assert live(sandbox)["old"]["use"] == "sig"


def test_an_expired_key_is_not_present_until_it_lives_again(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 1, days=-3)
    assert key(public_key=public_pem(pairs[0]))["results"][0]["action"] == "update"
    assert live(sandbox)["k-0"]["exp"] > time.time()


@pytest.mark.parametrize("answer", ["cut", "reject"])
def test_more_than_a_year_is_met_before_the_api_meets_it(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey], answer: str
) -> None:
    sandbox.switch(key_beyond_year=answer)
    result = key(public_key=public_pem(pairs[0]), valid_days=800)
    assert not result["failed"], result
    assert "365 days at most" in result["results"][0]["message"]


def test_a_shorter_life_is_kept(sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]) -> None:
    assert key(public_key=public_pem(pairs[0]), valid_days=90)["key"]["days_left"] in (89, 90)


def test_a_lost_answer_is_the_same_key_again(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    sandbox.fault(route=f"PUT {KEYS}/*", kind="reset", handled=True)
    result = key(key_path=str(tmp_path / "key.jwk"))
    assert not result["failed"], result
    assert len(live(sandbox)) == 1


def test_a_refused_registration_loses_no_key(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    """The file is there before the request, so that the next run registers the same key."""
    sandbox.fault(route=f"PUT {KEYS}/*", kind="status", status=400, times=None)
    assert key(key_path=str(tmp_path / "key.jwk"))["failed"]
    made = json.loads((tmp_path / "key.jwk").read_text())["kid"]
    sandbox.control("DELETE", "/faults")
    assert key(key_path=str(tmp_path / "key.jwk"))["kid"] == made


def test_propagation_is_waited_out(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    sandbox.switch(propagation_seconds=2)
    result = key(key_path=str(tmp_path / "key.jwk"))
    assert not result["failed"], result
    assert result["proved_with"] == SCOPE
    assert result["requests"]["token"] > 2


def test_the_wait_is_bounded(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    sandbox.switch(propagation_seconds=60)
    result = key(key_path=str(tmp_path / "key.jwk"), prove_timeout=1)
    assert result["failed"]
    assert "registered, but gives no token" in result["msg"]


def test_a_client_without_access_keeps_its_key_with_a_word(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [OWNER], "state": "DENIED"}]})
    result = key(key_path=str(tmp_path / "key.jwk"), prove_timeout=0)
    assert not result["failed"], result
    assert "knows the key but gives no token" in result["results"][0]["message"]
    assert result["proved_with"] is None


def test_a_suppliers_client_is_proved_for_the_consumer_it_acts_for(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    scope = "lysheietat:delegable.read"
    sandbox.seed(
        {
            "scopes": [
                {"name": scope, "description": "D", "delegation_source": sandbox.urls["altinn"] + "/"}
            ],
            "access": [{"scope": scope, "consumers": ["310002100"]}],
            "delegations": [{"consumer": "310002100", "supplier": OWNER, "scope": scope}],
            "clients": [
                {"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER, "scopes": [scope]}
            ],
        }
    )
    path = str(tmp_path / "key.jwk")
    refused = key(key_path=path, state="rotated", prove_timeout=0)
    assert refused["failed"]
    result = key(key_path=path, state="rotated", prove_consumer_org="310 002 100")
    assert not result["failed"], result
    assert result["proved_with"] == scope
    assert "prove_consumer_org" in key(key_path=path, state="rotated", prove_consumer_org="310002101")["msg"]


def test_a_private_key_is_returned_only_to_a_task_that_hides_it(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    refused = key(return_private_key=True, kid="store-1")
    assert refused["failed"]
    assert "no_log: true" in refused["msg"]
    assert sandbox.requests() == []
    result = key(return_private_key=True, kid="store-1", _ansible_no_log=True)
    assert not result["failed"], result
    path = tmp_path / "key.pem"
    path.write_text(result["private_key"])
    assert gives_token(sandbox, path, "store-1")
    again = key(return_private_key=True, kid="store-1", _ansible_no_log=True)
    assert not again["changed"]
    assert "private_key" not in again


def test_the_first_key_ends_certificate_logins_and_says_so(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    assert "refuses certificates" in key(check=True, key_path=str(tmp_path / "k"))["results"][0]["message"]
    result = key(client="testetat-administration", key_path=str(tmp_path / "k.jwk"))
    assert result["failed"]
    assert "allow_lockout" in result["msg"]
    assert list(tmp_path.iterdir()) == []
    assert sandbox.writes() == []


def test_a_deactivated_client_is_not_given_keys(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    sandbox.seed(
        {"clients": [{"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER, "active": False}]}
    )
    assert "re-activate" in key(key_path=str(tmp_path / "k.jwk"))["msg"]
    assert sandbox.writes() == []


def test_the_client_is_never_guessed(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    sandbox.seed({"clients": [{"client_id": "c-2", "client_name": "cases", "client_orgno": OWNER}]})
    result = key(key_path=str(tmp_path / "k.jwk"))
    assert "c-1" in result["msg"]
    assert "c-2" in result["msg"]
    assert "no client of ours" in key(client="nobody", key_path=str(tmp_path / "k.jwk"))["msg"]
    assert not key(client="c-2", key_path=str(tmp_path / "k.jwk"))["failed"]


@pytest.mark.parametrize(
    ("params", "phrase"),
    [
        ({}, "no key is given"),
        ({"key_path": "/tmp/x", "public_key": "x"}, "exclude each other"),
        ({"key_path": "/nowhere/at/all/key.pem"}, "there is no folder"),
        ({"state": "absent"}, "needs the kid"),
        ({"state": "rotated", "public_key": "x"}, "takes key_path"),
        ({"state": "rotated", "key_path": "/tmp/x", "kid": "x"}, "kid_prefix"),
        ({"public_key": "x" * 400, "kid": "../../scopes"}, "holds something else"),
        ({"public_key": "x" * 400, "kid": ".."}, "holds something else"),
        ({"public_key": "x" * 400}, "no public key that is known"),
        ({"key_path": "/tmp/x", "valid_days": 0}, "no life"),
        ({"key_path": "/tmp/x", "valid_days": 30, "renew_before_days": 30}, "every run"),
        ({"key_path": "/tmp/x", "finish": "now"}, "belongs to state: rotated"),
        ({"return_private_key": True}, "needs state: present and a kid"),
    ],
)
def test_options_that_cannot_be_right_are_refused_unsent(
    sandbox: SandboxClient, key: Key, params: dict[str, Any], phrase: str
) -> None:
    result = key(**params)
    assert result["failed"]
    assert phrase in result["msg"]
    assert sandbox.requests() == []


# -- absent -------------------------------------------------------------------------


def test_one_key_is_dropped_and_the_rest_stay(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 3)
    before = live(sandbox)
    result = key(kid="k-1", state="absent")
    assert result["results"][0]["action"] == "delete"
    assert result["slots_free"] == 3
    assert live(sandbox) == {kid: before[kid] for kid in ("k-0", "k-2")}
    assert not key(kid="k-1", state="absent")["changed"]
    assert not key(public_key=public_pem(pairs[5]), state="absent")["changed"]
    assert key(public_key=public_pem(pairs[2]), state="absent")["changed"]


def test_a_lost_answer_to_a_removal_is_no_error(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 2)
    sandbox.fault(route=f"DELETE {KEYS}/*", kind="reset", handled=True)
    assert not key(kid="k-1", state="absent")["failed"]
    assert set(live(sandbox)) == {"k-0"}


def test_the_last_working_key_stays_unless_told(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    stale = public_jwk(pairs[1], "stale", exp=int(time.time()) - 60)
    good = public_jwk(pairs[0], "good", exp=int(time.time()) + YEAR)
    sandbox.seed({"clients": [{"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER,
                               "scopes": [SCOPE], "keys": [stale, good]}]})  # fmt: skip
    sandbox.clear_requests()
    result = key(kid="good", state="absent")
    assert result["failed"]
    assert "last working key" in result["msg"]
    assert sandbox.writes() == []
    assert key(kid="stale", state="absent")["changed"]
    assert key(kid="good", state="absent", allow_lockout=True)["changed"]
    assert live(sandbox) == {}


def test_nobody_saws_off_the_key_they_log_in_with(sandbox: SandboxClient, pairs: list[rsa.RSAPrivateKey], key: Key,
                                                  tmp_path: Path) -> None:  # fmt: skip
    path = tmp_path / "own.pem"
    path.write_text(pem(pairs[0]))
    own = {
        "client_id": "admin-2",
        "client_name": "admin-2",
        "client_orgno": OWNER,
        "scopes": ["idporten:dcr.write"],
        "keys": [public_jwk(pairs[0], "own"), public_jwk(pairs[1], "spare")],
    }
    sandbox.seed({"clients": [own]})
    login = {**sandbox.options(), "client_id": "admin-2", "private_key_path": str(path), "key_id": "own"}
    result = run_module(
        "maskinporten_client_key", {**login, "client": "admin-2", "kid": "own", "state": "absent"}
    )
    assert result["failed"]
    assert "this very task logs in with" in result["msg"]
    result = run_module(
        "maskinporten_client_key", {**login, "client": "admin-2", "kid": "spare", "state": "absent"}
    )
    assert result["changed"]


def test_production_wants_a_word_before_a_key_is_dropped(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 2)
    result = key(kid="k-1", state="absent", environment="prod")
    assert result["failed"]
    assert "confirm: prod" in result["msg"]
    assert sandbox.writes() == []
    assert key(kid="k-1", state="absent", environment="prod", confirm="prod")["changed"]


# -- rotated ------------------------------------------------------------------------


def rotate(key: Key, path: Path, **params: Any) -> dict[str, Any]:
    return key(key_path=str(path), state="rotated", drain_seconds=0, **params)


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if entry.name != "as.pem"}


def test_a_rotation_in_two_steps(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    first = key(key_path=str(path))["kid"]
    step_one = rotate(key, path)
    assert not step_one["failed"], step_one
    assert step_one["results"][0]["action"] == "create"
    assert step_one["finish_pending"]
    second = step_one["kid"]
    assert second != first
    assert set(live(sandbox)) == {first, second}
    assert json.loads(path.read_text())["kid"] == second
    assert names(tmp_path) == {"key.jwk", "key.jwk.old"}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()} == {0o600}
    assert gives_token(sandbox, tmp_path / "key.jwk.old")
    assert gives_token(sandbox, path)

    waiting = rotate(key, path)
    assert not waiting["changed"]
    assert "finish: only" in waiting["results"][0]["message"]

    step_two = rotate(key, path, finish="only")
    assert step_two["results"][0]["action"] == "delete"
    assert set(live(sandbox)) == {second}
    assert names(tmp_path) == {"key.jwk"}
    assert not step_two["finish_pending"]
    assert not rotate(key, path, finish="only")["changed"]


def test_a_rotation_in_one_run(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    first = key(key_path=str(path))["kid"]
    result = rotate(key, path, finish="now")
    assert result["results"][0]["action"] == "update"
    assert set(live(sandbox)) == {result["kid"]} != {first}
    assert names(tmp_path) == {"key.pem"}
    assert gives_token(sandbox, path, result["kid"])


def test_a_rotation_without_a_key_gives_the_first_one(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    result = rotate(key, tmp_path / "key.jwk", finish="now")
    assert result["results"][0]["action"] == "create"
    assert names(tmp_path) == {"key.jwk"}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("waiting", [True, False])
def test_the_file_of_another_client_is_not_rotated(
    sandbox: SandboxClient,
    key: Key,
    tmp_path: Path,
    pairs: list[rsa.RSAPrivateKey],
    waiting: bool,
    check: bool,
) -> None:
    fill(sandbox, pairs, 2)
    path = tmp_path / "batch.pem"
    path.write_text(pem(pairs[3]))
    if waiting:
        (tmp_path / "batch.pem.new").write_text(pem(pairs[4]))
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    result = rotate(key, path, check=check)
    assert result["failed"]
    assert f"the key in {path} is none of the 2 keys of client cases" in result["msg"]
    assert "another client's" in result["msg"]
    assert sandbox.writes() == []
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_a_key_that_is_not_due_is_left(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    key(key_path=str(path))
    sandbox.clear_requests()
    result = rotate(key, path, finish="now", renew_before_days=60)
    assert not result["changed"]
    assert "is not due" in result["results"][0]["message"]
    assert sandbox.writes() == []


def test_a_key_that_is_due_is_rotated(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 2, days=40)
    path = tmp_path / "key.pem"
    path.write_text(pem(pairs[0]))
    assert not rotate(key, path, finish="now", renew_before_days=40)["changed"]
    result = rotate(key, path, finish="now", renew_before_days=60)
    assert result["changed"]
    assert set(live(sandbox)) == {"k-1", result["kid"]}


def test_nothing_is_removed_before_the_new_key_gives_a_token(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    path = tmp_path / "key.jwk"
    first = key(key_path=str(path))["kid"]
    before = path.read_bytes()
    sandbox.switch(propagation_seconds=60)
    result = rotate(key, path, finish="now", prove_timeout=1)
    assert result["failed"]
    assert "is as it was" in result["msg"]
    assert "run again to go on" in result["msg"]
    assert path.read_bytes() == before
    assert first in live(sandbox)
    assert not any(entry["method"] == "DELETE" for entry in sandbox.writes())
    # Taken up again once the change has arrived: the same key, not a third one.
    made = json.loads((tmp_path / "key.jwk.new").read_text())["kid"]
    sandbox.switch(propagation_seconds=0)
    sandbox.clock(advance=120)
    assert rotate(key, path, finish="now")["kid"] == made
    assert set(live(sandbox)) == {made}


@pytest.mark.parametrize("stage", ["made", "registered", "kept", "switched", "removed"])
def test_a_rotation_that_was_killed_is_taken_up_where_it_was(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey], stage: str
) -> None:
    """What a kill leaves behind after each step, put there by hand; the next run ends as if nothing had happened."""
    stages = ["made", "registered", "kept", "switched", "removed"]
    reached = stages.index(stage)
    path, new, old = (tmp_path / name for name in ("key.pem", "key.pem.new", "key.pem.old"))
    registered = [public_jwk(pairs[0], "old-key")]
    path.write_text(pem(pairs[0]))
    new.write_text(pem(pairs[1]))
    if reached >= stages.index("registered"):
        registered.append(public_jwk(pairs[1], "new-key"))
    if reached >= stages.index("kept"):
        os.link(path, old)
    if reached >= stages.index("switched"):
        new.replace(path)
    if reached >= stages.index("removed"):
        del registered[0]
    for entry in tmp_path.iterdir():
        entry.chmod(0o600)
    sandbox.seed({"clients": [{"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER,
                               "scopes": [SCOPE], "keys": registered}]})  # fmt: skip
    result = rotate(key, path, finish="now")
    assert not result["failed"], result
    (remaining,) = live(sandbox).values()
    assert remaining["n"] == public_jwk(pairs[1])["n"]
    assert names(tmp_path) == {"key.pem"}
    assert path.read_text() == pem(pairs[1])


def test_finishing_asks_for_proof_once_more(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    first = key(key_path=str(path))["kid"]
    second = rotate(key, path)["kid"]
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [OWNER], "state": "DENIED"}]})
    result = rotate(key, path, finish="only", prove_timeout=0)
    assert result["failed"]
    assert set(live(sandbox)) == {first, second}
    assert names(tmp_path) == {"key.jwk", "key.jwk.old"}


def test_finishing_with_an_unregistered_key_in_place_is_refused(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    path = tmp_path / "key.jwk"
    first = key(key_path=str(path))["kid"]
    second = rotate(key, path)["kid"]
    assert key(kid=second, state="absent")["changed"]
    result = rotate(key, path, finish="only")
    assert result["failed"]
    assert "is not registered" in result["msg"]
    assert set(live(sandbox)) == {first}


def test_others_keys_survive_a_rotation(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    fill(sandbox, pairs, 4)
    path = tmp_path / "key.pem"
    path.write_text(pem(pairs[0]))
    before = live(sandbox)
    rotate(key, path, finish="now")
    after = live(sandbox)
    assert {kid: after[kid] for kid in ("k-1", "k-2", "k-3")} == {
        kid: before[kid] for kid in ("k-1", "k-2", "k-3")
    }
    assert "k-0" not in after


def test_a_link_stays_a_link_and_the_group_keeps_reading(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "key.pem", tmp_path / "key.pem"
    real.write_text(pem(pairs[0]))
    real.chmod(0o640)
    link.symlink_to(real)
    assert not rotate(key, link, finish="now")["failed"]
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_text() != pem(pairs[0])


def test_a_client_without_scopes_cannot_prove_so_it_does_not_rotate(
    sandbox: SandboxClient, key: Key, tmp_path: Path
) -> None:
    sandbox.seed({"clients": [{"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER}]})
    result = rotate(key, tmp_path / "key.jwk")
    assert "has no scopes" in result["msg"]
    assert sandbox.writes() == []
    assert not rotate(key, tmp_path / "key.jwk", prove=False)["failed"]


def test_the_administration_key_itself_can_be_rotated(
    sandbox: SandboxClient, key: Key, tmp_path: Path, pairs: list[rsa.RSAPrivateKey]
) -> None:
    path = tmp_path / "admin.jwk"
    secret = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(pairs[0]))
    path.write_text(json.dumps({**secret, "kid": "admin-1"}))
    own = {"client_id": "admin-2", "client_name": "admin-2", "client_orgno": OWNER,
           "scopes": ["idporten:dcr.write"], "keys": [public_jwk(pairs[0], "admin-1")]}  # fmt: skip
    sandbox.seed({"clients": [own]})
    login = {**sandbox.options(), "client_id": "admin-2", "private_key_path": str(path)}
    params = {
        **login,
        "client": "admin-2",
        "key_path": str(path),
        "state": "rotated",
        "finish": "now",
        "drain_seconds": 0,
    }
    first = run_module("maskinporten_client_key", params)
    assert not first["failed"], first
    second = run_module("maskinporten_client_key", params)
    assert not second["failed"], second
    assert set(live(sandbox, "admin-2")) == {second["kid"]}


def test_nothing_secret_is_in_any_result(sandbox: SandboxClient, key: Key, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    results = [
        key(key_path=str(path)),
        key(check=True, key_path=str(path), state="rotated"),
        rotate(key, path),
        rotate(key, path, finish="only"),
        key(kid="nothing", state="absent"),
    ]
    text = json.dumps(results)
    for file in tmp_path.iterdir():
        for member in ("d", "p", "q", "dp", "dq", "qi"):
            assert json.loads(file.read_text())[member] not in text
    assert "PRIVATE KEY" not in text
    assert "eyJ" not in text
    assert '"d":' not in text


# -- reports ------------------------------------------------------------------------


def test_info_reports_every_key_by_urgency(
    sandbox: SandboxClient, key: Key, pairs: list[rsa.RSAPrivateKey]
) -> None:
    now = int(time.time())

    def client(number: int, *keys: dict[str, Any], **members: Any) -> dict[str, Any]:
        return {"client_id": f"r-{number}", "client_name": f"r-{number}", "client_orgno": OWNER,
                "scopes": [SCOPE], "keys": list(keys), **members}  # fmt: skip

    sandbox.seed(
        {
            "clients": [
                client(1, public_jwk(pairs[0], "dead", exp=now - 5)),
                client(2, public_jwk(pairs[0], "soon", exp=now + 10 * 86400 + 60)),
                client(3, public_jwk(pairs[0], "fine", exp=now + 300 * 86400)),
                client(
                    4, public_jwk(pairs[0], "past", exp=now - 5), public_jwk(pairs[1], "next", exp=now + YEAR)
                ),
                client(5),
                client(6, public_jwk(pairs[0], "asleep", exp=now + 5 * 86400), active=False),
            ]
        }
    )
    options = {**sandbox.auth("administration"), "keys": True, "warn_days": 30}
    sandbox.clear_requests()
    result = run_module("maskinporten_client_info", options)
    assert not result["failed"], result
    rows = [row for row in result["key_report"] if row["client"].startswith("r-")]
    assert [(row["client"], row["kid"], row["status"], row["due"]) for row in rows] == [
        ("r-1", "dead", "expired", True),
        ("r-2", "soon", "due", True),
        ("r-4", "past", "expired", False),
        ("r-3", "fine", "ok", False),
        ("r-4", "next", "ok", False),
        ("r-5", None, "no_keys", False),
        ("r-6", "asleep", "inactive", False),
    ]
    assert [row["days_left"] for row in rows][:2] == [-1, 10]
    assert {row["kid"] for row in result["due"]} == {"dead", "soon"}
    assert sandbox.writes() == []
    assert all("rank" not in row for row in rows)
