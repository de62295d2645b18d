# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Altinn's token exchange: order of checks, body by Accept, claims, lifetime."""

from __future__ import annotations

import json

import jwt
import pytest

from tests.sandbox.altinn_caller import DEMO, DIGDIR, RESOURCE, SERVICE_OWNER, WRITE, AltinnCaller, sample
from tests.sandbox_grants import claims_of


def test_discovery_leads_to_the_keys_that_sign(altinn: AltinnCaller) -> None:
    document = altinn.call("GET", "/authentication/api/v1/openid/.well-known/openid-configuration").json()
    issuer = f"{altinn.base}/authentication/api/v1/openid/"
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"{issuer}.well-known/openid-configuration/jwks"
    assert document["response_types_supported"] == ["token"]
    assert document["subject_types_supported"] == ["pairwise"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    keys = {key["kid"]: jwt.PyJWK(key) for key in altinn.call("GET", document["jwks_uri"]).json()["keys"]}
    token = altinn.token(WRITE)
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")
    jwt.decode(token, keys[header["kid"]].key, algorithms=["RS256"], issuer=issuer)


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/json, */*;q=0.1"])
def test_body_is_the_bare_token_unless_json_is_asked_for(altinn: AltinnCaller, accept: str) -> None:
    answer = altinn.exchange(altinn.maskinporten_token(WRITE), accept=accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.count(".") == 2
    assert '"' not in answer.text


def test_body_is_in_quotes_for_json(altinn: AltinnCaller) -> None:
    token = altinn.maskinporten_token(WRITE)
    answer = altinn.exchange(token, accept="application/json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.text.startswith('"')
    assert json.loads(answer.text).count(".") == 2
    altinn.sandbox.switch(altinn_exchange_quotes_json=False)
    assert '"' not in altinn.exchange(token, accept="application/json").text


def test_claims_are_copied_replaced_and_added(altinn: AltinnCaller) -> None:
    source = altinn.maskinporten_token(WRITE, SERVICE_OWNER)
    before, after = claims_of(source), claims_of(altinn.exchange(source).text)
    for name in ("scope", "client_id", "consumer", "consumer_prefix", "jti", "token_type"):
        assert after[name] == before[name], name
    assert sorted(after["consumer_prefix"]) == ["demo", "demoetaten"]
    assert {"aud", "client_amr"}.isdisjoint(after)
    assert after["urn:altinn:orgNumber"] == DEMO
    assert after["urn:altinn:org"] == "demo"
    assert after["urn:altinn:authenticatemethod"] == "maskinporten"
    assert after["urn:altinn:authlevel"] == 3
    assert after["iss"] == f"{altinn.base}/authentication/api/v1/openid/"
    assert after["exp"] - after["iat"] == 1800
    assert after["sid"]


def test_org_code_needs_the_service_owner_scope_and_a_place_in_the_org_list(altinn: AltinnCaller) -> None:
    assert "urn:altinn:org" not in claims_of(altinn.token(WRITE))
    assert "urn:altinn:org" not in claims_of(altinn.token(WRITE, SERVICE_OWNER, number="310002100"))


def test_test_true_makes_digdir_the_test_department_and_leaves_others_alone(altinn: AltinnCaller) -> None:
    assert claims_of(altinn.token(SERVICE_OWNER, number=DIGDIR))["urn:altinn:org"] == "digdir"
    assert claims_of(altinn.token(SERVICE_OWNER, number=DIGDIR, test=True))["urn:altinn:org"] == "ttd"
    assert claims_of(altinn.token(SERVICE_OWNER, test=True))["urn:altinn:org"] == "demo"


def test_provider_is_found_whatever_the_case(altinn: AltinnCaller) -> None:
    assert altinn.exchange(altinn.maskinporten_token(WRITE), provider="MaskinPorten").status_code == 200


def test_checks_come_in_order(altinn: AltinnCaller) -> None:
    token = altinn.maskinporten_token(WRITE)
    # No token and an unreadable one come before the provider.
    assert altinn.exchange(None, provider="google").status_code == 401
    assert altinn.exchange("nonsense", provider="google").status_code == 401
    wrong = altinn.exchange(token, provider="google")
    assert wrong.status_code == 400
    assert wrong.text == (
        "Invalid token provider: google. Trusted token providers are 'Maskinporten', 'Id-porten' and 'AltinnStudio'."
    )
    # A token that is refused comes before the header of enterprise users.
    broken = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    header = {"X_Altinn_EnterpriseUser_Authentication": "any"}
    assert altinn.exchange(broken, **header).status_code == 401
    gone = altinn.exchange(token, **header)
    assert gone.status_code == 410
    assert gone.json() | {"detail": ""} == {
        "type": "https://docs.altinn.studio",
        "title": "Virksomhetsbruker is no longer available",
        "status": 410,
        "detail": "",
    }


def test_401_has_no_body_unless_switched(altinn: AltinnCaller) -> None:
    assert altinn.exchange(None).content == b""
    altinn.sandbox.switch(altinn_401_has_body=True)
    assert altinn.exchange(None).json()["title"] == "Unauthorized"


def test_expired_token_is_refused_with_ten_seconds_of_grace(altinn: AltinnCaller) -> None:
    token = altinn.maskinporten_token(WRITE)
    claims = claims_of(token)
    altinn.sandbox.clock(fixed=claims["exp"] + 9)
    assert altinn.exchange(token).status_code == 200
    altinn.sandbox.clock(fixed=claims["exp"] + 11)
    assert altinn.exchange(token).status_code == 401


def test_an_altinn_token_is_not_exchanged_again(altinn: AltinnCaller) -> None:
    assert altinn.exchange(altinn.token(WRITE)).status_code == 401


def test_registry_takes_an_altinn_token_for_thirty_minutes_and_ten_seconds(altinn: AltinnCaller) -> None:
    token = altinn.write
    expires = claims_of(token)["exp"]
    body = sample("resource-post-minimal.json")
    altinn.sandbox.clock(fixed=expires + 11)
    assert altinn.create(body, token).status_code == 401
    altinn.sandbox.clock(fixed=expires + 9)
    assert altinn.create(body, token).status_code == 201


def test_registry_takes_a_maskinporten_token_only_when_switched(altinn: AltinnCaller) -> None:
    token = altinn.maskinporten_token(WRITE)
    body = sample("resource-post-minimal.json")
    assert altinn.create(body, token).status_code == 401
    altinn.sandbox.switch(altinn_accepts_maskinporten_token=True)
    assert altinn.create(body, token).status_code == 201


def test_altinn_2_is_gone(altinn: AltinnCaller) -> None:
    for method in ("GET", "POST"):
        assert altinn.call(method, "/maskinporten-api/delegationSchemes", altinn.write).status_code == 404


def test_org_list_is_published_and_served_by_the_registry(altinn: AltinnCaller) -> None:
    published = altinn.sandbox.http.get(altinn.sandbox.urls["altinn_cdn"]).json()
    numbers = {code: entry["orgnr"] for code, entry in published["orgs"].items()}
    assert numbers == {
        "fd": "971203420",
        "skd": "974761076",
        "testetat": "310001007",
        "demo": DEMO,
        "digdir": DIGDIR,
        "ttd": "",
    }
    assert published["orgs"]["demo"]["name"] == {"en": "Demo Agency", "nb": "Demoetaten", "nn": "Demoetaten"}
    assert altinn.call("GET", f"{RESOURCE}/orgs").json() == published
