# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The register of organisations."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import organization_numbers
from tests.conftest import SandboxClient

BASE = "/enhetsregisteret/api"


def get(sandbox: SandboxClient, path: str, **query: Any) -> Any:
    return sandbox.http.get(
        f"{sandbox.urls['register']}{BASE}{path}",
        params=query,
        headers={"Accept": "application/vnd.brreg.enhetsregisteret.enhet.v2+json"},
    )


def test_ordinary_organisation(sandbox: SandboxClient) -> None:
    body = get(sandbox, "/enheter/310002100").json()
    assert body["organisasjonsnummer"] == "310002100"
    assert body["navn"] == "STILLE BRE AS"
    assert body["organisasjonsform"] == {"kode": "AS", "beskrivelse": "Aksjeselskap"}
    assert body["konkurs"] is False
    assert body["underAvvikling"] is False
    assert body["forretningsadresse"]["landkode"] == "NO"
    assert body["_links"]["self"]["href"].endswith("/enheter/310002100")
    assert "slettedato" not in body


def test_bankrupt_dissolved_and_being_wound_up(sandbox: SandboxClient) -> None:
    bankrupt = get(sandbox, "/enheter/310003425").json()
    assert (bankrupt["konkurs"], bankrupt["konkursdato"]) == (True, "2026-04-01")
    dissolved = get(sandbox, "/enheter/310006661").json()
    assert set(dissolved) == {"organisasjonsnummer", "navn", "organisasjonsform", "slettedato", "_links"}
    sandbox.seed({"organizations": [{"orgnr": "310002100", "winding_up": True}]})
    assert get(sandbox, "/enheter/310002100").json()["underAvvikling"] is True


def test_sub_unit_is_found_among_the_sub_units(sandbox: SandboxClient) -> None:
    assert get(sandbox, "/enheter/315003628").status_code == 404
    body = get(sandbox, "/underenheter/315003628").json()
    assert body["overordnetEnhet"] == "310002100"
    assert body["organisasjonsform"]["kode"] == "BEDR"
    assert get(sandbox, "/underenheter/310002100").status_code == 404
    hits = get(sandbox, "/underenheter", overordnetEnhet="310002100").json()
    assert [entry["navn"] for entry in hits["_embedded"]["underenheter"]] == ["STILLE BRE AS AVD NORD"]


def test_unknown_removed_and_malformed(sandbox: SandboxClient) -> None:
    assert get(sandbox, "/enheter/312345670").status_code == 404
    for number in ("123", "abcdefghi", "3100021000"):
        answer = get(sandbox, f"/enheter/{number}")
        assert (answer.status_code, answer.json()["status"]) == (400, 400)
    sandbox.seed({"organizations": [{"orgnr": "310002100", "gone": True}]})
    assert get(sandbox, "/enheter/310002100").status_code == 410


def test_search_by_numbers(sandbox: SandboxClient) -> None:
    """Dissolved organisations, sub-units and unknown numbers are not among the hits."""
    numbers = "310002100,310003425,310006661,315003628,312345670,310002100"
    body = get(sandbox, "/enheter", organisasjonsnummer=numbers).json()
    assert [entry["organisasjonsnummer"] for entry in body["_embedded"]["enheter"]] == [
        "310002100",
        "310003425",
    ]
    assert body["page"] == {"size": 20, "totalElements": 2, "totalPages": 1, "number": 0}


def test_search_without_hits_has_nothing_embedded(sandbox: SandboxClient) -> None:
    body = get(sandbox, "/enheter", navn="finnesikke").json()
    assert "_embedded" not in body
    assert body["page"] == {"size": 20, "totalElements": 0, "totalPages": 0, "number": 0}
    assert "navn=finnesikke" in body["_links"]["self"]["href"]


def test_search_by_name(sandbox: SandboxClient) -> None:
    hits = get(sandbox, "/enheter", navn="stille bre").json()["_embedded"]["enheter"]
    assert [entry["navn"] for entry in hits] == ["STILLE BRE AS"]


def test_municipalities_page_by_page(sandbox: SandboxClient) -> None:
    seen: list[str] = []
    url: str | None = f"{sandbox.urls['register']}{BASE}/enheter?organisasjonsform=KOMM&size=100"
    pages = 0
    while url:
        body = sandbox.http.get(url).json()
        seen += [entry["organisasjonsnummer"] for entry in body["_embedded"]["enheter"]]
        assert body["page"]["totalElements"] == 357
        assert body["page"]["number"] == pages
        pages += 1
        url = body["_links"].get("next", {}).get("href")
    assert pages == 4
    assert len(set(seen)) == 357
    assert all(organization_numbers.is_valid(number) and number.startswith("3") for number in seen)


def test_last_page_and_beyond(sandbox: SandboxClient) -> None:
    body = get(sandbox, "/enheter", organisasjonsform="KOMM", size=100, page=3).json()
    assert len(body["_embedded"]["enheter"]) == 57
    assert "next" not in body["_links"]
    assert "prev" in body["_links"]
    assert "_embedded" not in get(sandbox, "/enheter", organisasjonsform="KOMM", size=100, page=4).json()


@pytest.mark.parametrize("query", [{"size": "x"}, {"size": -1}, {"page": 200, "size": 100}])
def test_paging_has_limits(sandbox: SandboxClient, query: dict[str, Any]) -> None:
    assert get(sandbox, "/enheter", **query).status_code == 400


def test_register_may_not_know_synthetic_numbers(sandbox: SandboxClient) -> None:
    sandbox.switch(register_knows_synthetic=False)
    assert get(sandbox, "/enheter/310002100").status_code == 404
    assert get(sandbox, "/enheter/971203420").json()["navn"] == "FISKERIDIREKTORATET"


def test_organisation_that_is_not_in_the_register(sandbox: SandboxClient) -> None:
    sandbox.seed({"organizations": [{"orgnr": "310002100", "in_register": False}]})
    assert get(sandbox, "/enheter/310002100").status_code == 404
    sandbox.seed(
        {"register": [{"organisasjonsnummer": "310002100", "navn": "NYTT NAVN", "organisasjonsform": {}}]}
    )
    assert get(sandbox, "/enheter/310002100").json()["navn"] == "NYTT NAVN"
