# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access list client: pages, tags, and patience; answers made by hand where the sandbox gives none of the kind."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_list_api import (
    AccessLists,
    ConflictError,
    Patience,
    own_code,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._registry import Registry
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._auth import Token
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import resolve_environment
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._transport import Response

BASE = "http://127.0.0.1:1/altinn/resourceregistry/api/v1"


class Answers:
    """A transport that gives prepared answers, by the end of the address."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def request(self, method: str, url: str, **_arguments: Any) -> Response:
        self.asked.append(url)
        body, tag = self.answers[url.removeprefix(BASE).partition("?")[0].rsplit("/", 1)[-1]](url)
        return Response(method, url, 200, {"etag": tag}, json.dumps(body).encode())


def api(answers: Answers) -> AccessLists:
    environment = resolve_environment("sandbox", altinn_url="http://127.0.0.1:1/altinn")
    session: Any = SimpleNamespace(transport=answers, environment=environment)
    return AccessLists(session, Registry(session), "demo")


def member(number: str) -> dict[str, Any]:
    return {"id": f"x:{number}", "identifiers": {"urn:altinn:organization:identifier-no": number}}


@pytest.mark.parametrize(
    "link",
    [
        f"{BASE}/access-lists/demo/one/members?token=abc",
        "https://internal-name.example/resourceregistry/api/v1/access-lists/demo/one/members?token=abc",
    ],
)
def test_a_token_is_never_sent_to_the_host_that_a_next_link_names(link: str) -> None:
    def members(url: str) -> tuple[Any, str]:
        if "token=abc" in url:
            return {"links": {}, "data": [member("2")]}, 'W/"1"'
        return {"links": {"next": link}, "data": [member("1")]}, 'W/"1"'

    answers = Answers(one=lambda _url: ({"name": "One"}, 'W/"1"'), members=members)
    live = api(answers).read("one", members=True, connections=False)
    assert live is not None
    assert set(live.members) == {"1", "2"}
    assert all(url.startswith(BASE) for url in answers.asked)


def test_pages_of_another_version_are_read_again_from_the_start() -> None:
    tags = iter(['W/"1"', 'W/"2"', 'W/"2"', 'W/"2"'])
    answers = Answers(
        one=lambda _url: ({"name": "One"}, next(tags)),
        members=lambda _url: ({"links": {}, "data": [member("1")]}, next(tags)),
    )
    live = api(answers).read("one", members=True, connections=False)
    assert live is not None
    assert live.tag == 'W/"2"'
    assert len(answers.asked) == 4


def test_patience_ends_and_its_pauses_grow() -> None:
    pauses: list[float] = []
    patience = Patience(pauses.append)
    conflict = ConflictError("moved")
    for _unused in range(10):
        patience.spend(conflict)
    with pytest.raises(ConflictError):
        patience.spend(conflict)
    # The first attempt after a conflict is made at once.
    assert len(pauses) == 9
    assert pauses[0] < 0.2
    assert 2 <= pauses[-1] <= 4
    assert sum(pauses) < 25


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        ({}, "not in Altinn's list of service owners"),
        ({"a": {"orgnr": "310001007"}, "b": {"orgnr": "310001007"}}, r"several codes in Altinn \(a, b\)"),
    ],
)
def test_an_owner_that_cannot_be_told_is_asked_for(owners: dict[str, Any], message: str) -> None:
    token = Token("x", {"consumer": {"authority": "iso6523-actorid-upis", "ID": "0192:310001007"}})
    login: Any = SimpleNamespace(token=lambda: token)
    registry: Any = SimpleNamespace(service_owners=lambda: owners)
    with pytest.raises(InputError, match=message):
        own_code(SimpleNamespace(organization_number=None), registry, login)  # type: ignore[arg-type]
