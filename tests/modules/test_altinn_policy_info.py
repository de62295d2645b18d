# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module altinn_policy_info against the sandbox: what it tells of policies, and with how many requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module
from tests.policy_seeds import NUMBER, policy_text, resource, seed_policies

Info = Callable[..., dict[str, Any]]
FDIR = {"organization": "971203420", "orgcode": "FD"}
SKD = {"organization": "974761076", "orgcode": "SKD"}


@pytest.fixture
def info(sandbox: SandboxClient) -> Info:
    """Run the module without any identity: all it reads is public."""

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        return run_module("altinn_policy_info", {**sandbox.options(), **params}, check=check)

    return run


def estate(sandbox: SandboxClient) -> None:
    """One resource for every verdict, and two of other owners."""
    exact = policy_text("seed-tax-administration", "testetat-trap").replace(">scopeaccess<", ">ScopeAccess<")
    roles = policy_text("broker", "testetat-files")
    roles = roles.replace("urn:altinn:external-role:ccr", "urn:altinn:rolecode").replace(
        "daglig-leder", "utinn"
    )
    packages = policy_text("maskinportenschema", "testetat-packages")
    for role in ("apiadm", "apiadmnuf"):
        packages = packages.replace(f">{role}<", ">maskinporten-scopes<")
    packages = packages.replace("urn:altinn:rolecode", "urn:altinn:accesspackage")
    seed_policies(
        sandbox,
        resource("testetat-both", policy_text("maskinportenschema", "testetat-both")),
        resource("testetat-bare"),
        resource("testetat-files", roles, resourceType="BrokerService"),
        resource("testetat-packages", packages),
        resource(
            "testetat-portal", policy_text("generic", "testetat-portal"), resourceType="GenericAccessResource"
        ),
        resource("testetat-roles", policy_text("seed-aquaculture", "testetat-roles")),
        resource("testetat-trap", exact),
        resource(
            "maskinportenschema-aquaportalapi-write",
            policy_text("seed-aquaculture"),
            hasCompetentAuthority=FDIR,
        ),
        resource(
            "skd-maskinportenschemaid-8", policy_text("seed-tax-administration"), hasCompetentAuthority=SKD
        ),
    )


def test_every_verdict(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    result = info(owner=NUMBER)
    assert {entry["resource"]: entry["verdict"] for entry in result["policies"]} == {
        "testetat-bare": "no_one",
        "testetat-both": "has_packages",
        "testetat-files": "only_altinn2_roles",
        "testetat-packages": "works",
        "testetat-portal": "works",
        "testetat-roles": "only_altinn2_roles",
        "testetat-trap": "no_one",
    }
    assert result["summary"] == {
        "total": 7, "unreadable": 0, "no_one": 2, "only_altinn2_roles": 2, "has_packages": 1, "works": 2,
    }  # fmt: skip
    assert result["requests"] == {"token": 0, "read": 8, "write": 0}, "the list, and a policy for each"
    assert not result["changed"]


def test_what_is_told_of_a_policy(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    (roles,) = info(resource=["testetat-roles"])["policies"]
    assert roles["rules"] == [
        "role apiadm (Altinn 2, ends 2027-01-01) may scopeaccess on testetat-roles",
        "authentication level 3 is needed",
    ]
    assert roles["may_delegate"] == ["role apiadm (Altinn 2, ends 2027-01-01)"]
    assert roles["verdict_text"] == "only Altinn 2 roles: delegation stops on 2027-01-01"
    assert roles["altinn2_roles"] == roles["roles_without_package"] == ["apiadm"]
    assert roles["migratable"]
    assert roles["policy"] == policy_text("seed-aquaculture", "testetat-roles")
    assert (roles["title"], roles["resource_type"], roles["owner"]) == (
        "testetat-roles",
        "MaskinportenSchema",
        NUMBER,
    )
    assert (roles["authentication_level"], roles["authentication_level_organization"]) == (3, None)


def test_a_service_stops_action_by_action(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    (files,) = info(resource=["testetat-files"], include_text=False)["policies"]
    assert files["stops"] == ["read", "subscribe", "write"]
    assert files["verdict_text"] == "only Altinn 2 roles: read, subscribe and write stop on 2027-01-01"
    assert not files["migratable"], "no package that Altinn itself hands the holders of utinn"
    assert "policy" not in files


def test_the_case_trap_is_no_delegation_and_says_why(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    (trap,) = info(resource=["testetat-trap"])["policies"]
    assert trap["verdict_text"] == "nobody can delegate it"
    assert any("compares the action ScopeAccess exactly" in warning for warning in trap["warnings"])


def test_the_policies_of_the_official_guides(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    names = ["skd-maskinportenschemaid-8", "maskinportenschema-aquaportalapi-write"]
    first, second = info(resource=names)["policies"]
    assert [entry["resource"] for entry in (first, second)] == names, "in the order they were asked for"
    assert first["verdict"] == second["verdict"] == "only_altinn2_roles"
    assert (first["authentication_level"], second["authentication_level"]) == (2, 3)


@pytest.mark.parametrize(
    ("owner", "count"), [("FD", 1), ("fd", 1), ("974 761 076", 1), ("974761076", 1), ("nav", 0)]
)
def test_the_owner_is_a_number_or_a_code(sandbox: SandboxClient, info: Info, owner: str, count: int) -> None:
    estate(sandbox)
    result = info(owner=owner)
    assert len(result["policies"]) == count


def test_the_organization_of_the_inventory_is_the_owner_where_none_is_named(
    sandbox: SandboxClient, info: Info
) -> None:
    estate(sandbox)
    assert info(organization_number=NUMBER, resource_type=["brokerservice"])["summary"]["total"] == 1
    nobody = info()
    assert nobody["failed"]
    assert "resource, owner" in nobody["msg"]


def test_what_does_not_exist_is_told(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    missing, bare = info(resource=["no-such-thing", "testetat-bare"])["policies"]
    assert (missing["exists"], missing["verdict"], missing["verdict_text"]) == (
        False,
        "no_one",
        "the resource does not exist",
    )
    assert (bare["exists"], bare["has_policy"]) == (True, False)
    assert "it has no policy" in bare["verdict_text"]


def test_an_unreadable_policy_does_not_stop_the_others(sandbox: SandboxClient, info: Info) -> None:
    large = policy_text("seed-aquaculture", "testetat-large")
    large = large.replace("</xacml:Policy>", f"<!-- {'x' * 1_100_000} --></xacml:Policy>")
    seed_policies(
        sandbox, resource("testetat-large", large), resource("testetat-roles", policy_text("seed-aquaculture", "testetat-roles"))
    )  # fmt: skip
    result = info(owner=NUMBER)
    assert [entry["verdict"] for entry in result["policies"]] == ["unreadable", "only_altinn2_roles"]
    assert "bytes long" in result["policies"][0]["verdict_text"]


def test_check_mode_is_the_same(sandbox: SandboxClient, info: Info) -> None:
    estate(sandbox)
    assert info(owner=NUMBER)["policies"] == info(check=True, owner=NUMBER)["policies"]
