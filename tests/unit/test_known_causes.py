# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of known causes: every code is known, found by its code and by its words, and read as a sentence."""

from __future__ import annotations

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _known_causes
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._known_causes import (
    CAUSES,
    DELEGATIONS,
    REGISTRY,
    SELF_SERVICE,
    TOKEN,
    causes_in,
    explained,
    find_cause,
)

#: What Maskinporten's token endpoint says, with the code that stands in error_uri where there is one.
TOKEN_ERRORS = [
    ("MP-011", "Invalid assertion. Invalid parameter value.", "malformed"),
    (None, "Invalid assertion. Unknown claim: foo.", "does not know"),
    (
        None,
        "Validation of JWT claim failed: The combination consumer_org in claim and delegation scope on client is invalid.",
        "consumer_org is the client's own organisation",
    ),
    ("MP-012", "Grant is used before.", "used before"),
    ("MP-100", "Client authentication failed. Client not found.", "does not exist in this environment"),
    ("MP-110", "Client authentication failed. Invalid JWT claim aud.", "another audience"),
    ("MP-120", "Client authentication failed. The JWT is signed with an invalid certificate.", "not valid in this"),
    ("MP-121", "Client authentication failed. Expired key.", "past its life"),
    ("MP-122", "Invalid JWT. Invalid organization number for client. Does not match certificate orgno.", "organisation in"),
    ("MP-123", "Invalid JWT header x5c.", "cannot be read"),
    ("MP-124", "Invalid JWT signature.", "signature"),
    ("MP-130", "JWT is expired.", "had expired"),
    (None, "Issue time is in the future.", "clock is ahead"),
    (None, "JWT has too long lifetime.", "lives longer"),
    (None, "Unknown key identifier (kid) for client.", "no key with this key_id"),
    (
        None,
        "Invalid JWT. The client requires pre-registered jwk and no key identifier (kid) provided.",
        "registered keys",
    ),
    ("MP-200", "Token request contains invalid scopes for client, testetat:finnes.ikke", "not registered on the client"),
    ("MP-201", "Token request contains scopes not allowed for maskinporten, testetat:x", "does not allow"),
    ("MP-250", "Consumer has not been granted access to the scope testetat:x.", "no access"),
    (
        "MP-251",
        "Consumer 310002100 has not delegated access to the scope testetat:x to supplier 310004774.",
        "has not delegated",
    ),
    ("MP-301", "Unknown authorization details type.", "not supported"),
    ("MP-302", "Unknown fields in the authorization details.", "does not know"),
    ("MP-303", "No system user found for the given organization and system.", "no system user"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "meaning"), TOKEN_ERRORS)
def test_a_token_error_is_known_by_code_and_by_words(code: str | None, text: str, meaning: str) -> None:
    by_words = find_cause(TOKEN, text=f"{text} (trace_id: 7b1d0f4ea2c94b3f8d5e6a7c90b1c2d3)", status=400)
    assert by_words is not None
    assert meaning in by_words.meaning
    assert causes_in(text)[0] == by_words
    if code:
        assert find_cause(TOKEN, code=code) == by_words
        assert causes_in(f"it says {code}, what now?") == [by_words]


def test_the_code_decides_before_the_words() -> None:
    found = find_cause(TOKEN, code="MP-250", text="Invalid JWT signature.")
    assert found is not None
    assert found.code == "MP-250"


@pytest.mark.parametrize(
    ("status", "text", "meaning"),
    [
        (400, "Consumer organization number is not valid", "not one that Maskinporten accepts"),
        (400, "use: use must be sig", "lacks its use"),
        (400, "access_token_lifetime must be at least 1", "lifetime of 0"),
        (401, "Unauthorized", "token has expired"),
        (403, "The authenticated organization does not own the scope", "another organisation owns it"),
        (403, "The token lacks idporten:scopes.write", "lacks an OAuth scope"),
        (404, "The organization does not have any scopes", "list is empty"),
        (404, "Client does not have any keys", "list is empty"),
        (409, "Scope exists already or is inactive", "exists already"),
        (428, "PRECONDITION_REQUIRED: the organization has not signed the terms", "not signed the terms"),
        (500, "Unexpected error", "the service failed"),
    ],
)
def test_an_error_of_the_self_service_api_is_known(status: int, text: str, meaning: str) -> None:
    found = find_cause(SELF_SERVICE, text=text, status=status)
    assert found is not None
    assert meaning in found.meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("RR-00001", "unknown to Altinn"),
        ("RR-00002", "does not exist"),
        ("RR-00004", "another service owner"),
        ("RR.VLD-00001", "more than 100"),
        ("RR.VLD-00010", "not a registered service owner"),
        ("InvalidPrefix", "prefix does not belong"),
    ],
)
def test_a_code_of_the_registry_is_known(code: str, meaning: str) -> None:
    found = find_cause(REGISTRY, code=code)
    assert found is not None
    assert meaning in found.meaning
    assert causes_in(f'{{"code": "{code}"}}')[0] == found


def test_a_status_counts_only_where_the_service_is_told() -> None:
    assert causes_in("we get 403 all the time") == []
    assert causes_in("403 from api.samarbeid.digdir.no")[0].service == SELF_SERVICE
    assert causes_in("403 from accessmanagement/api/v1")[0].service == DELEGATIONS
    assert (
        causes_in("HTTP 401 from https://platform.altinn.no/resourceregistry/api/v1")[0].service == REGISTRY
    )


def test_numbers_that_only_look_like_statuses_do_not_count() -> None:
    assert causes_in("self-service says that organisation 310400403 is fine") == []


def test_several_codes_in_one_text_are_all_named() -> None:
    assert [cause.code for cause in causes_in("first MP-100, later MP-250")] == ["MP-100", "MP-250"]


def test_no_code_and_no_phrase_stands_twice_for_a_service() -> None:
    for kind in ("code", "phrase"):
        keys = [(cause.service, getattr(cause, kind)) for cause in CAUSES if getattr(cause, kind)]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    "cause", CAUSES, ids=lambda cause: cause.code or cause.phrase or f"{cause.service} {cause.status}"
)
def test_a_cause_reads_as_a_sentence(cause: _known_causes.Cause) -> None:
    for text in (cause.meaning, cause.remedy):
        assert text
        assert not text.endswith(".")
        assert text[0].islower() or text.split()[0].istitle()
    if cause.phrase:
        assert cause.phrase == cause.phrase.lower()
    assert cause.code or cause.phrase or cause.status
    sentence = explained("Could not read it", "it answered 400.", cause)
    assert sentence.startswith("Could not read it: it answered 400. It means that ")
    assert sentence.endswith(f"{cause.remedy}.")
