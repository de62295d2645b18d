# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""maskinporten_doctor: a token in a file is checked against its issuer's keys and what it should say, and never shown."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.conftest import SandboxClient
from tests.doctor_patients import CONSUMER, SCOPE, SUPPLIER, doctor, seed_whole, states, traps
from tests.sandbox_grants import claims_of, request_token

AUDIENCE = "https://api.testetat.example"


@pytest.fixture
def delegated(sandbox: SandboxClient) -> str:
    """The token of a supplier that acts for a consumer."""
    seed_whole(sandbox)
    supplier = sandbox.credentials("client", "supplier")
    answer = request_token(sandbox, supplier, scope=SCOPE, consumer_org=CONSUMER, resource=[AUDIENCE])
    return str(answer.json()["access_token"])


def look(sandbox: SandboxClient, folder: Path, content: str, **params: Any) -> dict[str, Any]:
    """Ask the doctor about a token; every answer is searched for it."""
    file = folder / "token.jwt"
    file.write_text(content)
    params.setdefault("administration", None)
    result = doctor(sandbox, token_file=str(file), **params)
    everything = json.dumps(result)
    for part in (part for part in content.split(".") if len(part) > 20):
        assert part not in everything
    return result


def altered(token: str, **claims: Any) -> str:
    """The token with other claims and its old signature."""
    header, _payload, signature = token.split(".")
    payload = (
        base64.urlsafe_b64encode(json.dumps({**claims_of(token), **claims}).encode()).rstrip(b"=").decode()
    )
    return f"{header}.{payload}.{signature}"


def test_a_good_token_is_good_and_shown_without_what_is_secret(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    result = look(
        sandbox, tmp_path, delegated, scope=SCOPE, organization=CONSUMER, supplier=SUPPLIER, audience=AUDIENCE
    )
    assert result["healthy"], result["report"]
    found = {link: state for link, state in states(result).items() if link.startswith("token_")}
    assert found == {
        "token_issuer": "ok",
        "token_signature": "ok",
        "token_times": "ok",
        "token_scope": "ok",
        "token_consumer": "ok",
        "token_supplier": "ok",
        "token_audience": "ok",
        "token_delegation_source": "ok",
    }
    assert result["token"]["consumer"]["ID"] == f"0192:{CONSUMER}"
    assert result["token"]["supplier"]["ID"] == f"0192:{SUPPLIER}"
    assert "jti" not in result["token"]


@pytest.mark.parametrize(
    "wrap",
    [
        "{}\n",
        "Bearer {}",
        "Authorization: Bearer {}\n",
        '"{}"',
        '{{"access_token": "{}", "token_type": "Bearer"}}',
        "\ufeff{}",
    ],
)
def test_a_token_is_read_however_it_was_saved(
    sandbox: SandboxClient, tmp_path: Path, delegated: str, wrap: str
) -> None:
    result = look(sandbox, tmp_path, wrap.format(delegated))
    assert result["healthy"], result["report"]
    assert states(result)["token_signature"] == "ok"


@pytest.mark.parametrize("content", ["", "not a token", "a.b.c", "{}", "x" * 100_000, '{"access_token": 7}'])
def test_a_file_without_a_token_is_told_without_its_content(
    sandbox: SandboxClient, tmp_path: Path, content: str
) -> None:
    result = look(sandbox, tmp_path, content)
    assert result["failed"]
    assert "holds no token" in result["msg"]


def test_a_missing_file_is_told(sandbox: SandboxClient, tmp_path: Path) -> None:
    result = doctor(sandbox, token_file=str(tmp_path / "none"), administration=None)
    assert result["failed"]
    assert "No such file" in result["msg"]


def test_an_altered_token_does_not_fit_the_issuers_key(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    result = look(sandbox, tmp_path, altered(delegated, scope="testetat:everything"))
    assert result["first_broken"]["link"] == "token_signature"
    assert "does not fit" in result["first_broken"]["message"]


def test_a_forged_token_is_told(sandbox: SandboxClient, tmp_path: Path, delegated: str) -> None:
    other = Path(sandbox.credentials("altinn")["private_key_path"]).read_bytes()
    kid = jwt.get_unverified_header(delegated)["kid"]
    claims = claims_of(delegated)
    forged = jwt.encode(claims, other, algorithm="RS256", headers={"kid": kid})
    assert look(sandbox, tmp_path, forged)["first_broken"]["link"] == "token_signature"
    unknown = jwt.encode(claims, other, algorithm="RS256", headers={"kid": "no-such"})
    assert "the issuer has no key 'no-such'" in look(sandbox, tmp_path, unknown)["first_broken"]["message"]


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_an_algorithm_that_is_not_the_issuers_is_refused(
    sandbox: SandboxClient, tmp_path: Path, delegated: str, algorithm: str
) -> None:
    key = None if algorithm == "none" else "a-secret-that-is-long-enough-for-it"
    token = jwt.encode(claims_of(delegated), key, algorithm=algorithm)
    result = look(sandbox, tmp_path, token)
    assert result["first_broken"]["link"] == "token_signature"
    assert f"algorithm '{algorithm}'" in result["first_broken"]["message"]


def test_times_are_checked(sandbox: SandboxClient, tmp_path: Path, delegated: str) -> None:
    now = int(time.time())
    expired = look(sandbox, tmp_path, altered(delegated, iat=now - 200, exp=now - 80))
    finding = next(finding for finding in expired["findings"] if finding["link"] == "token_times")
    assert "expired 8" in finding["message"]
    assert "lives 120 seconds" in finding["message"]
    assert "token_expired_midway" in traps(expired)
    future = look(sandbox, tmp_path, altered(delegated, iat=now + 60, exp=now + 180))
    assert "clock" in traps(future)
    endless = {**claims_of(delegated)}
    endless.pop("exp")
    token = ".".join(
        [
            delegated.split(".")[0],
            base64.urlsafe_b64encode(json.dumps(endless).encode()).rstrip(b"=").decode(),
            delegated.split(".")[2],
        ]
    )
    assert "does not say when it ends" in str(look(sandbox, tmp_path, token)["findings"])


def test_a_token_of_another_environment_is_told(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    result = look(sandbox, tmp_path, altered(delegated, iss="https://test.maskinporten.no/"))
    assert result["first_broken"]["link"] == "token_issuer"
    assert "environment 'test'" in result["first_broken"]["message"]
    assert "token_signature" not in states(result)
    slash = look(sandbox, tmp_path, altered(delegated, iss=claims_of(delegated)["iss"].rstrip("/")))
    assert "audience" in traps(slash)


def test_an_altinn_token_is_checked_against_altinns_keys(sandbox: SandboxClient, tmp_path: Path) -> None:
    token = sandbox.token("altinn", "altinn:resourceregistry/resource.write")
    exchanged = sandbox.http.get(
        f"{sandbox.urls['altinn']}/authentication/api/v1/exchange/maskinporten",
        headers={"Authorization": f"Bearer {token}"},
    ).text
    result = look(sandbox, tmp_path, exchanged.strip().strip('"'))
    assert result["healthy"], result["report"]
    assert states(result)["token_signature"] == "ok"


@pytest.mark.parametrize(
    ("asked", "link", "message"),
    [
        ({"scope": "testetat:other"}, "token_scope", "does not hold testetat:other"),
        ({"scope": "testetatdigital:cases.read"}, "token_scope", "same subscope under another prefix"),
        ({"organization": "312345676"}, "token_consumer", "is for 310002100, not for 312345676"),
        ({"supplier": "312345676"}, "token_supplier", "is 310004774, not 312345676"),
        ({"audience": "https://other.example"}, "token_audience", "not https://other.example"),
    ],
)
def test_what_the_token_should_say_is_compared(
    sandbox: SandboxClient, tmp_path: Path, delegated: str, asked: dict[str, str], link: str, message: str
) -> None:
    finding = next(
        finding
        for finding in look(sandbox, tmp_path, delegated, **asked)["findings"]
        if finding["link"] == link
    )
    assert finding["state"] == "broken"
    assert message in finding["message"]


def test_a_delegation_in_another_altinn_is_told(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    result = look(
        sandbox, tmp_path, altered(delegated, delegation_source="https://www.altinn.no/"), scope=SCOPE
    )
    assert "wrong_altinn" in traps(result)


def test_a_european_consumer_is_shown_as_it_is(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    european = altered(delegated, consumer={"authority": "etsi-en-319-412", "ID": "NTRSE-5560000001"})
    finding = next(
        finding
        for finding in look(sandbox, tmp_path, european)["findings"]
        if finding["link"] == "token_consumer"
    )
    assert finding["state"] == "warning"
    assert "NTRSE-5560000001" in finding["message"]


def test_a_person_in_the_token_is_not_shown(sandbox: SandboxClient, tmp_path: Path) -> None:
    seed_whole(sandbox)
    consumer = sandbox.credentials("client", "consumer")
    token = request_token(sandbox, consumer, scope=SCOPE, pid="02817510089").json()["access_token"]
    assert claims_of(token)["pid"] == "02817510089"
    assert "02817510089" not in json.dumps(look(sandbox, tmp_path, token))


def test_claims_cannot_disturb_the_terminal(sandbox: SandboxClient, tmp_path: Path, delegated: str) -> None:
    result = look(
        sandbox, tmp_path, altered(delegated, iss="\x1b[2J\r\nhttps://evil.example/", scope="a\x1b[31m")
    )
    assert "\x1b" not in result["report"]


def test_keys_that_cannot_be_read_leave_the_signature_unseen(
    sandbox: SandboxClient, tmp_path: Path, delegated: str
) -> None:
    sandbox.fault(route="GET /maskinporten/jwk", kind="html", times=None)
    result = look(sandbox, tmp_path, delegated)
    assert states(result)["token_signature"] == "unseen"
    assert states(result)["token_consumer"] == "ok"
