# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told, withdrawn and brought back when a scope is retired."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._retirement import (
    notices,
    resources_to_withdraw,
    undo,
)

SCOPE = {"name": "agency:api", "description": "Lese saker", "description#en": "Read {cases}"}


def access(number: str, state: str = "APPROVED") -> dict[str, Any]:
    return {"scope": "agency:api", "organization_number": number, "name": f"N {number}", "state": state}


def test_every_holder_is_told_in_every_language_and_nobody_else():
    files = notices(
        SCOPE, [access("310002100"), access("310004774", "DENIED")], environment="prod", date="2027-03-01"
    )
    texts = {file["name"]: file["text"] for file in files}
    assert set(texts) == {
        "310002100.nb.txt", "310002100.nn.txt", "310002100.en.txt", "holders.csv", "announcement.json",
    }  # fmt: skip
    for language, environment in (("nb", "produksjon"), ("nn", "produksjon"), ("en", "production")):
        text = texts[f"310002100.{language}.txt"]
        for part in ("agency:api", "2027-03-01", "N 310002100", environment):
            assert part in text
    assert "Read {cases}" in texts["310002100.en.txt"]
    assert "Lese saker" in texts["310002100.nn.txt"]
    assert json.loads(texts["announcement.json"])["holders"] == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"date": "1.3.2027"}, "is no day"),
        ({"date": "2027-02-30"}, "is no day"),
        ({"languages": ["se"]}, "languages"),
    ],
)
def test_a_notice_that_cannot_be_right_is_refused(options, says):
    with pytest.raises(InputError, match=says):
        notices(SCOPE, [], environment="test", **{"date": "2027-03-01", **options})


def body(identifier: str, *scopes: str, **members: Any) -> dict[str, Any]:
    references = [{"referenceType": "MaskinportenScope", "reference": scope} for scope in scopes]
    return {"identifier": identifier, "resourceReferences": references, **members}


def test_a_resource_goes_only_when_no_other_scope_needs_it():
    gone = {"delegable": False, "visible": False, "status": "Withdrawn"}
    found = resources_to_withdraw(
        [
            body("b-own", "agency:api"),
            body("a-gone", "agency:api", **gone),
            body("shared", "agency:api", "agency:used"),
            body("with-dead", "agency:api", "agency:dead"),
            body("foreign", "agency:api", "other:api"),
            body("elsewhere", "agency:used"),
        ],
        [{"name": "agency:api"}, {"name": "agency:used"}, {"name": "agency:dead", "active": False}],
        "agency:api",
    )
    assert [entry["identifier"] for entry in found["withdraw"]] == ["a-gone", "b-own", "with-dead"]
    assert found["pending"] == ["b-own", "with-dead"]
    assert found["keep"] == [
        {"identifier": "foreign", "others": ["other:api"]},
        {"identifier": "shared", "others": ["agency:used"]},
    ]


def snapshot(**parts: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "environment": "test",
        "scope": {**SCOPE, "at_max_age": 120, "accessible_for_all": False},
        "accesses": [access("310002100"), access("310004774", "REQUESTED")],
        "resources": [body("res-one", "agency:api", title={"nb": "x"})],
        "policies": {"res-one": "<Policy/>"},
        **parts,
    }


def test_undo_brings_back_what_was_and_empties_what_came_since():
    now = {
        **SCOPE,
        "at_max_age": 5,
        "long_description": "new",
        "description#nn": "ny",
        "accessible_for_all": True,
    }
    plan = undo(json.dumps(snapshot()), environment="test", now=now)
    (scope,) = plan["scopes"]
    assert (scope["state"], scope["at_max_age"], scope["long_description"]) == ("present", 120, "")
    assert scope["description_translations"] == {"en": "Read {cases}"}
    assert scope["accessible_for_all"] is False
    assert "allow_open_access" not in scope
    assert [entry["organization_number"] for entry in plan["grants"][0]["consumers"]] == ["310002100"]
    (resource,) = plan["resources"]
    assert (resource["delegable"], resource["visible"], resource["status"]) == (True, True, "")
    (policy,) = plan["policies"]
    assert policy["xml"] == "<Policy/>"
    assert policy["allow_only_altinn2_roles"] is True


def test_undo_of_a_scope_that_was_deactivated_grants_nobody():
    plan = undo(json.dumps(snapshot(scope={**SCOPE, "active": False})), environment="test")
    assert plan["scopes"][0]["state"] == "absent"
    assert plan["grants"] == []


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("{", {}, "is not JSON"),
        ("[]", {}, "is no snapshot"),
        (json.dumps(snapshot(format=2)), {}, "is no snapshot"),
        (json.dumps(snapshot(accesses=None)), {}, "lacks accesses"),
        (json.dumps(snapshot()), {"environment": "prod"}, "taken in environment 'test', and this is 'prod'"),
        (
            json.dumps(snapshot()),
            {"scope": "agency:other"},
            "it holds agency:api, and scope says agency:other",
        ),
    ],
)
def test_a_snapshot_that_is_not_the_one_meant_is_refused(text, options, says):
    with pytest.raises(InputError, match=says):
        undo(text, **{"environment": "test", **options})
