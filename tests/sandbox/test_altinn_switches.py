# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Altinn's part of the state and the switches for what is not known of the real platform."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.altinn_state import SECTIONS, AltinnState, iso, party_id, party_uuid
from tests.sandbox.altinn_caller import (
    CONSUMER,
    RESOURCE,
    SUPPLIER,
    AltinnCaller,
    errors_of,
    problem_of,
    sample,
    sample_bytes,
)

# --- switches --------------------------------------------------------------------------------------------------


def test_every_switch_of_altinn_has_a_help_and_a_source(altinn: AltinnCaller) -> None:
    switches = altinn.sandbox.control("GET", "/switches")
    ours = {name: switch for name, switch in switches.items() if name.startswith("altinn")}
    assert len(ours) >= 12
    for name, switch in ours.items():
        assert switch["help"], name
        assert switch["source"], name


def test_validation_in_the_shape_to_come(altinn: AltinnCaller) -> None:
    body = {
        **sample("resource-post-minimal.json"),
        "title": {"en": "x", "nb": "y"},
        "resourceType": "Default",
    }
    assert altinn.create(body).headers["content-type"].startswith("application/json")
    altinn.sandbox.switch(altinn_validation_media_type="application/problem+json")
    today = altinn.create(body)
    assert today.headers["content-type"].startswith("application/problem+json")
    assert list(errors_of(today)) == ["ResourceType", "Title"]
    altinn.sandbox.switch(altinn_validation_shape="validationErrors")
    problem = problem_of(altinn.create(body))
    assert (problem["code"], problem["type"]) == ("STD-00000", "urn:altinn:error:STD-00000")
    assert "errors" not in problem
    assert [(item["title"], item["paths"]) for item in problem["validationErrors"]] == [
        ("ResourceType needs to be set", ["/ResourceType"]),
        ("Missing title in nynorsk nn", ["/Title"]),
    ]


def test_errors_inside_the_registry_may_have_no_body(altinn: AltinnCaller) -> None:
    identifier = altinn.publish(policy=None)
    altinn.sandbox.switch(altinn_500_has_body=False)
    answer = altinn.upload(identifier, sample_bytes("policy-bad-target-500.xml"))
    assert (answer.status_code, answer.content) == (500, b"")


# --- state -----------------------------------------------------------------------------------------------------


def test_state_has_the_sections_it_names() -> None:
    assert tuple(AltinnState().to_json()) == SECTIONS


def test_seed_may_say_little(altinn: AltinnCaller) -> None:
    policy = sample_bytes("policy-maskinportenschema.xml").decode()
    altinn.sandbox.seed(
        {
            "altinn": {
                "resources": [
                    {"resource": sample("resource-post-maskinportenschema.json"), "policy": policy},
                    sample("resource-post-minimal.json"),
                ],
                "access_lists": [
                    {
                        "owner": "DEMO",
                        "identifier": "approved",
                        "members": [CONSUMER],
                        "connections": ["demo-orders-read"],
                    }
                ],
                "delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "resource": "demo-orders-read"}],
                "orgs": {"NEW": {"name": {"en": "New"}, "orgnr": "310005819"}},
            }
        }
    )
    path = f"{RESOURCE}/demo-orders-read/policy"
    assert altinn.call("GET", path).text == policy
    assert altinn.call("GET", f"{path}/subjects").json() == sample("policy-subjects-200.json")
    assert altinn.read("demo-orders-write").json()["versionId"] == 10412
    assert altinn.call("GET", f"{RESOURCE}/orgs").json()["orgs"]["new"]["orgnr"] == "310005819"
    state = altinn.sandbox.state()["altinn"]
    assert state["access_lists"][0]["members"][0]["organization"] == CONSUMER
    assert [entry["supplier"] for entry in state["suppliers"]] == [SUPPLIER]


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        ({"resource": []}, "altinn has no section 'resource'"),
        ({"resources": [{}]}, "no identifier"),
        ({"resources": [{"identifier": "demo-api", "title": "x"}]}, r"\$.title"),
        (
            {"resources": [{"resource": {"identifier": "demo-api"}, "policy": "<Policy/>"}]},
            "policy of demo-api",
        ),
        ({"access_lists": [{"identifier": "x"}]}, "lacks 'owner'"),
        ({"delegations": [{"consumer": CONSUMER}]}, "lacks 'supplier'"),
        ({"access_lists": 7}, "another shape"),
    ],
)
def test_seed_that_cannot_be_read_is_refused_with_a_sentence(
    altinn: AltinnCaller, seed: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        altinn.sandbox.seed({"altinn": seed})


def test_policy_in_another_encoding_survives_in_json() -> None:
    data = b'<?xml version="1.0" encoding="iso-8859-1"?>' + sample_bytes(
        "policy-maskinportenschema.xml"
    ).partition(b"?>")[2].replace(
        b"<xacml:Target/>", b"<xacml:Description>\xe6</xacml:Description><xacml:Target/>", 1
    )
    state = AltinnState()
    state.add_version({"identifier": "x", "hasCompetentAuthority": {}, "resourceType": "Consent"}, 1.0)
    state.resources["x"].policy = data
    again = AltinnState.from_json(state.to_json())
    assert again.resources["x"].policy == data


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01T00:00:00+00:00"),
        (1787212801.5, "2026-08-20T08:00:01.5+00:00"),
        (1787212800.123456, "2026-08-20T08:00:00.123456+00:00"),
    ],
)
def test_times_are_written_as_the_registry_does(moment: float, text: str) -> None:
    assert iso(moment) == text


def test_parties_are_stable_and_distinct(altinn: AltinnCaller) -> None:
    numbers = altinn.sandbox.organizations(500)
    assert (
        len({party_uuid(number) for number in numbers})
        == len({party_id(number) for number in numbers})
        == 500
    )
    assert party_uuid(CONSUMER) == party_uuid(CONSUMER)
