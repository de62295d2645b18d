# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module altinn_resource_info against the sandbox: whose resources, with how many requests, and what nobody declares."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}


def body(identifier: str, number: str, code: str, **members: Any) -> dict[str, Any]:
    return {
        "identifier": identifier,
        "title": TEXTS,
        "description": TEXTS,
        "rightDescription": TEXTS,
        "contactPoints": [{"email": "x@y.example", "contactPage": "https://y.example"}],
        "hasCompetentAuthority": {"organization": number, "orgcode": code},
        "resourceType": "Systemresource",
        **members,
    }


@pytest.fixture
def registry(sandbox: SandboxClient) -> SandboxClient:
    references = [
        {"referenceSource": "Altinn3", "reference": "testetat:a", "referenceType": "MaskinportenScope"},
        {"referenceSource": "Altinn2", "reference": "x", "referenceType": "DelegationSchemeId"},
        {
            "referenceSource": "ExternalPlatform",
            "reference": "testetat:b",
            "referenceType": "MaskinportenScope",
        },
    ]
    sandbox.seed(
        {
            "altinn": {
                "resources": [
                    body("testetat-two", "310001007", "TESTETAT", visible=False, delegable=False),
                    body(
                        "testetat-one",
                        "310001007",
                        "testetat",
                        resourceType="MaskinportenSchema",
                        resourceReferences=references,
                        keywords=[{"word": "sak", "language": "nb"}],
                        version="2",
                        isOneTimeConsent=True,
                    ),
                    body("fdir-one", "971203420", "FD"),
                ]
            }
        }
    )
    sandbox.clear_requests()
    return sandbox


def run(sandbox: SandboxClient, **params: Any) -> dict[str, Any]:
    return run_module("altinn_resource_info", {**sandbox.options(), **params})


def names(result: dict[str, Any]) -> list[str]:
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    return [resource["identifier"] for resource in result["resources"]]


@pytest.mark.parametrize("owner", ["310001007", "testetat", "TESTETAT"])
def test_resources_of_an_owner_cost_one_request_and_no_login(registry: SandboxClient, owner: str) -> None:
    result = run(registry, owner=owner)
    assert names(result) == ["testetat-one", "testetat-two"]
    assert result["requests"] == {"token": 0, "read": 1, "write": 0}
    assert result["scopes"] == {"testetat-one": ["testetat:a", "testetat:b"], "testetat-two": []}


def test_the_owner_is_the_organization_number_or_else_who_is_logged_in(registry: SandboxClient) -> None:
    assert names(run(registry, organization_number="971203420")) == ["fdir-one"]
    assert registry.counts()["token"] == 0
    assert names(run(registry, **registry.auth("altinn", "fdir"))) == ["fdir-one"]


def test_identifiers_are_read_one_by_one_whoever_owns_them(registry: SandboxClient) -> None:
    result = run(registry, identifier=["fdir-one", "testetat-two", "nobody-knows", "fdir-one"])
    assert names(result) == ["fdir-one", "testetat-two"]
    assert result["missing"] == ["nobody-knows"]
    assert result["requests"]["read"] == 3


def test_filters(registry: SandboxClient) -> None:
    assert names(run(registry, owner="testetat", resource_type="MaskinportenSchema")) == ["testetat-one"]
    assert names(run(registry, owner="testetat", scope=["testetat:b", "testetat:z"])) == ["testetat-one"]
    assert names(run(registry, owner="testetat", scope=["testetat:z"])) == []
    assert names(run(registry, owner="nobody")) == []


def test_what_nobody_declares_and_what_does_not_exist_come_to_light(registry: SandboxClient) -> None:
    result = run(registry, owner="testetat", declared=["testetat-one", "testetat-three"])
    assert result["undeclared"] == ["testetat-two"]
    assert result["missing"] == ["testetat-three"]


def test_declarations_applied_as_they_are_change_nothing(registry: SandboxClient) -> None:
    declarations = run(registry, owner="testetat")["declarations"]
    registry.clear_requests()
    result = run_module(
        "altinn_resource", {**registry.auth("altinn"), "resources": declarations, "scope_check": "off"}
    )
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    assert not result.get("warnings")
    assert registry.writes() == []
    assert result["summary"]["none"] == 2


def test_a_registry_that_is_down_is_told_in_one_sentence(registry: SandboxClient) -> None:
    registry.fault(route="GET /altinn/resourceregistry/*", kind="status", status=403, times=None)
    result = run(registry, owner="testetat")
    assert result["failed"]
    assert "Could not list the resources" in result["msg"]
    result = run(registry, identifier=["testetat-one"])
    assert result["failed"]
    assert "Could not read resource testetat-one" in result["msg"]
