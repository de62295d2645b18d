# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module altinn_policy against the sandbox: what it writes, leaves alone, refuses and warns of, and with how many requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from tests.conftest import SandboxClient
from tests.module_runner import run_module
from tests.policy_seeds import in_force, policy_text, resource, seed_policies

Policy = Callable[..., dict[str, Any]]
ID = "testetat-cases-read"
AQUACULTURE = policy_text("seed-aquaculture", ID)
TAX = policy_text("seed-tax-administration", ID)
PACKAGES = ["access package maskinporten-scopes", "access package maskinporten-scopes-nuf"]
ROLES = ["role apiadm (Altinn 2, ends 2027-01-01)", "role apiadmnuf (Altinn 2, ends 2027-01-01)"]
ONE_RULE = [{"access_packages": ["maskinporten-scopes"], "actions": ["scopeaccess"]}]


@pytest.fixture
def policy(sandbox: SandboxClient) -> Policy:
    """Run the module as the Altinn client of testetat."""

    def run(check: bool = False, **params: Any) -> dict[str, Any]:
        return run_module("altinn_policy", {**sandbox.auth("altinn"), **params}, check=check)

    return run


def uploads(sandbox: SandboxClient) -> list[str]:
    return [entry["path"].split("/resource/")[1] for entry in sandbox.writes()]


# --- the template ------------------------------------------------------------------------------------------------------


def test_the_template_names_packages_and_the_roles_they_replace(
    sandbox: SandboxClient, policy: Policy
) -> None:
    seed_policies(sandbox, resource(ID))
    result = policy(resource=ID, template="scope_delegation")
    assert not result["failed"], result
    assert result["results"][0]["action"] == "create"
    assert result["policy"]["may_delegate"] == PACKAGES + ROLES
    assert (
        result["policy"]["authentication_level"],
        result["policy"]["authentication_level_organization"],
    ) == (3, 3)
    assert result["policy"]["verdict"] == "has_packages"
    written = in_force(sandbox, ID)
    assert written is not None
    assert xacml.meaning(xacml_parse.parse(written.encode())) == xacml.meaning(
        xacml_parse.parse(policy_text("maskinportenschema", ID).encode())
    )
    assert uploads(sandbox) == [f"{ID}/policy"]


def test_the_roles_can_be_left_out(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    result = policy(resource=ID, template="scope_delegation", include_altinn2_roles=False)
    assert result["policy"]["may_delegate"] == PACKAGES
    assert result["policy"]["verdict"] == "works"


def test_the_second_run_reads_the_policy_alone(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    policy(resource=ID, template="scope_delegation")
    sandbox.clear_requests()
    result = policy(resource=ID, template="scope_delegation")
    assert not result["changed"]
    assert result["requests"] == {"token": 0, "read": 1, "write": 0}
    assert [entry["path"].split("/resource/")[1] for entry in sandbox.requests()] == [f"{ID}/policy"]


def test_check_mode_reads_and_tells_the_plan(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    result = policy(check=True, resource=ID, template="scope_delegation")
    assert result["changed"]
    assert sandbox.writes() == []
    assert in_force(sandbox, ID) == AQUACULTURE
    (diff,) = result["diff"]
    assert diff["before"] == (
        "rules:\n"
        f"  - role apiadm (Altinn 2, ends 2027-01-01) may scopeaccess on {ID}\n"
        "  - authentication level 3 is needed\n"
    )
    assert diff["after"] == (
        "rules:\n"
        f"  - access package maskinporten-scopes may scopeaccess on {ID}\n"
        f"  - access package maskinporten-scopes-nuf may scopeaccess on {ID}\n"
        f"  - role apiadm (Altinn 2, ends 2027-01-01) may scopeaccess on {ID}\n"
        f"  - role apiadmnuf (Altinn 2, ends 2027-01-01) may scopeaccess on {ID}\n"
        "  - authentication level 3 is needed\n"
    )
    assert result["results"][0]["fields"] == ["rules"]


def test_check_mode_bears_that_the_resource_is_not_there_yet(sandbox: SandboxClient, policy: Policy) -> None:
    result = policy(check=True, resource=ID, template="scope_delegation")
    assert not result["failed"]
    assert result["results"][0]["action"] == "create"
    assert "created first" in result["results"][0]["message"]


def test_without_the_resource_nothing_is_uploaded(sandbox: SandboxClient, policy: Policy) -> None:
    result = policy(resource=ID, template="scope_delegation")
    assert result["failed"]
    assert "does not exist in sandbox" in result["msg"]
    assert "altinn_resource" in result["msg"]
    assert sandbox.writes() == []


# --- levels ------------------------------------------------------------------------------------------------------------


def test_a_level_left_out_is_not_managed(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, TAX))
    result = policy(resource=ID, template="scope_delegation")
    assert result["policy"]["authentication_level"] == 2
    assert result["policy"]["authentication_level_organization"] is None
    assert any("authentication level 2" in warning for warning in result["results"][0]["warnings"])


def test_a_level_is_raised_when_told(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, TAX))
    result = policy(resource=ID, template="scope_delegation", authentication_level=3)
    assert result["policy"]["authentication_level"] == 3
    assert sorted(result["results"][0]["fields"]) == ["authentication_level", "rules"]


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ({"authentication_level": 2}, "for persons from 3 to 2"),
        ({"authentication_level_organization": 1}, "for organizations from 3 to 1"),
        ({"authentication_level": 0}, "for persons from 3 to 0"),
    ],
)
def test_a_lower_level_is_refused_unless_told(
    sandbox: SandboxClient, policy: Policy, levels: dict[str, int], told: str
) -> None:
    seed_policies(sandbox, resource(ID, policy_text("maskinportenschema", ID)))
    result = policy(resource=ID, template="scope_delegation", **levels)
    assert result["failed"]
    assert told in result["msg"]
    assert "allow_lower_authentication_level" in result["msg"]
    assert sandbox.writes() == []
    assert not policy(
        resource=ID, template="scope_delegation", allow_lower_authentication_level=True, **levels
    )["failed"]
    assert len(uploads(sandbox)) == 1


def test_a_level_for_organizations_below_that_of_persons_opens_as_well(
    sandbox: SandboxClient, policy: Policy
) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    result = policy(resource=ID, template="scope_delegation", authentication_level_organization=2)
    assert result["failed"]
    assert "for organizations from 3 to 2" in result["msg"]


# --- guards ------------------------------------------------------------------------------------------------------------


def test_the_last_right_to_delegate_is_kept_unless_told(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    rules = [{"service_owners": ["testetat"], "actions": ["scopeaccess"]}]
    result = policy(resource=ID, rules=rules)
    assert result["failed"]
    assert "nobody could delegate any more" in result["msg"]
    assert "apiadm" in result["msg"]
    assert "allow_removing_delegation" in result["msg"]
    assert sandbox.writes() == []
    told = policy(resource=ID, rules=rules, allow_removing_delegation=True)
    assert not told["failed"]
    assert told["policy"]["verdict"] == "no_one"


@pytest.mark.parametrize("trap", ["ScopeAccess", "scopeaccess "])
def test_an_action_that_never_matches_counts_as_no_delegation(
    sandbox: SandboxClient, policy: Policy, trap: str
) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    result = policy(
        resource=ID, xml=TAX.replace(">scopeaccess<", f">{trap}<"), allow_lower_authentication_level=True
    )
    assert result["failed"]
    assert "nobody could delegate any more" in result["msg"]


def test_only_altinn_2_roles_are_refused_unless_told(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    result = policy(resource=ID, xml=AQUACULTURE)
    assert result["failed"]
    assert "2027-01-01" in result["msg"]
    assert "maskinporten-scopes beside apiadm" in result["msg"]
    assert sandbox.writes() == []
    told = policy(resource=ID, xml=AQUACULTURE, allow_only_altinn2_roles=True)
    assert not told["failed"]
    assert in_force(sandbox, ID) == AQUACULTURE


def test_a_policy_that_stops_only_partly_is_refused_too(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource("testetat-portal", resourceType="GenericAccessResource"))
    rules = [
        {"external_roles": ["daglig-leder"], "actions": ["read"]},
        {"roles": ["utinn"], "actions": ["write"]},
    ]
    result = policy(resource="testetat-portal", rules=rules)
    assert result["failed"]
    assert "for write" in result["msg"]
    assert "utinn" in result["msg"]


def test_register_roles_under_their_old_code_outlive_altinn_2(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource("testetat-letters", resourceType="CorrespondenceService"))
    result = policy(resource="testetat-letters", rules=[{"roles": ["dagl", "priv"], "actions": ["read"]}])
    assert not result["failed"], result
    assert result["policy"]["verdict"] == "works"


def test_another_owners_policy_is_never_written(sandbox: SandboxClient, policy: Policy) -> None:
    foreign = {"organization": "974761076", "orgcode": "SKD"}
    seed_policies(sandbox, resource(ID, TAX, hasCompetentAuthority=foreign))
    result = policy(resource=ID, template="scope_delegation")
    assert result["failed"]
    assert "belongs to 974761076 (SKD), and you are 310001007" in result["msg"]
    assert sandbox.writes() == []
    result = policy(check=True, resource=ID, template="scope_delegation")
    assert result["failed"], "check mode tells it too"


def test_credentials_of_another_organization_are_refused(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    result = policy(resource=ID, template="scope_delegation", organization_number="971203420")
    assert result["failed"]
    assert "971203420" in result["msg"]
    assert sandbox.writes() == []


def test_production_wants_a_word_before_access_is_taken(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, policy_text("maskinportenschema", ID)))
    without = {
        "resource": ID,
        "template": "scope_delegation",
        "include_altinn2_roles": False,
        "environment": "prod",
    }
    refused = policy(**without)
    assert refused["failed"]
    assert "confirm: prod" in refused["msg"]
    assert sandbox.writes() == []
    assert not policy(**without, confirm="prod")["failed"]
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    assert not policy(resource=ID, template="scope_delegation", environment="prod")["failed"], (
        "adding needs no word"
    )


# --- short rules -------------------------------------------------------------------------------------------------------


def test_short_rules_of_every_kind_of_subject(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource("testetat-portal", resourceType="GenericAccessResource"))
    rules = [
        {
            "roles": ["DAGL", "urn:altinn:rolecode:priv"],
            "access_packages": ["regnskap-okonomi-rapport"],
            "external_roles": ["daglig-leder", "cra:verge"],
            "organizations": ["310 003 425"],
            "service_owners": ["Testetat"],
            "access_lists": ["testetat:approved"],
            "party_types": ["organization"],
            "subjects": ["urn:altinn:external-role:ccr:styreleder", "urn:altinn:access-list:testetat:Other"],
            "actions": ["read"],
        },
        {"service_owners": ["other"], "actions": ["read"], "effect": "deny"},
    ]
    result = policy(resource="testetat-portal", rules=rules, authentication_level=4)
    assert not result["failed"], result
    assert result["policy"]["rules"] == [
        "access package regnskap-okonomi-rapport may read on testetat-portal",
        "every party of type organization may read on testetat-portal",
        "members of access list testetat:approved may read on testetat-portal",
        "members of access list testetat:other may read on testetat-portal",
        "organization 310003425 may read on testetat-portal",
        "population register role verge may read on testetat-portal",
        "register role daglig-leder may read on testetat-portal",
        "register role styreleder may read on testetat-portal",
        "role dagl may read on testetat-portal",
        "role priv may read on testetat-portal",
        "service owner other may NOT read on testetat-portal",
        "service owner testetat may read on testetat-portal",
        "authentication level 4 is needed",
        "authentication level of organizations 3 is needed",
    ]
    assert not policy(resource="testetat-portal", rules=list(reversed(rules)))["changed"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rules": []}, "rules is empty"),
        ({"rules": [{"actions": ["read"]}]}, "names nobody"),
        ({"rules": [{"roles": ["dagl"], "actions": []}]}, "actions is empty"),
        ({"rules": [{"roles": [" "], "actions": ["read"]}]}, "empty entry"),
        ({"rules": [{"organizations": ["123456789"], "actions": ["read"]}]}, "organizations"),
        ({"rules": [{"access_lists": ["approved"], "actions": ["read"]}]}, "org:list"),
        ({"rules": [{"external_roles": ["xyz:leder"], "actions": ["read"]}]}, "unknown register"),
        ({"rules": [{"subjects": ["dagl"], "actions": ["read"]}]}, "is no subject"),
        ({"rules": [{"roles": ["urn:altinn:accesspackage:x"], "actions": ["read"]}]}, "another kind of subject"),
        ({"rules": [{"roles": ["a\u0001b"], "actions": ["read"]}]}, "XML cannot carry"),
        ({"rules": ONE_RULE, "template": "scope_delegation"}, "exclude each other"),
        ({}, "nothing says what the policy shall be"),
        ({"xml": AQUACULTURE, "authentication_level": 3}, "authentication_level goes with template and rules"),
        ({"rules": ONE_RULE, "include_altinn2_roles": False}, "include_altinn2_roles goes with template"),
        ({"template": "scope_delegation", "remove_altinn2_roles": True}, "goes with migrate_altinn2_roles"),
        ({"xml": "<html/>"}, "line 2: html has no namespace"),
        ({"xml": policy_text("seed-aquaculture")}, "the policy is for testetat-cases-read"),
        ({"xml": AQUACULTURE.replace("<xacml:Target/>", "<xacml:Target></xacml:Target>")}, "<Target/>"),
        ({"xml": "<!DOCTYPE a><a/>"}, "document type declaration"),
        ({"path": "/no/such/policy.xml"}, "No such file"),
        ({"resource": "../other", "template": "scope_delegation"}, "cannot be a resource's identifier"),
        ({"resource": "resourcelist", "template": "scope_delegation"}, "registry's own addresses"),
        ({"resource": "", "template": "scope_delegation"}, "resource is missing"),
        ({"migrate_altinn2_roles": True, "replacements": {"utinn": 3}}, "needs a list of access packages"),
        ({"policies": [{"resource": ID}, {"resource": ID}], "template": "scope_delegation"}, "declared twice"),
        ({"restore_directory": "/no/such"}, "leave resource and policies out"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_told_before_any_request(
    sandbox: SandboxClient, policy: Policy, given: dict[str, Any], told: str
) -> None:
    sandbox.clear_requests()
    result = policy(**{"resource": ID, **given})
    assert result["failed"]
    assert told in result["msg"], result["msg"]
    assert sandbox.requests() == []


def test_a_file_is_refused_with_its_name_and_line(policy: Policy, tmp_path: Path) -> None:
    file = tmp_path / "cases.xml"
    file.write_text(AQUACULTURE.replace('MustBePresent="false"', "", 1))
    result = policy(resource=ID, path=str(file))
    assert f"{file}, line 11: AttributeDesignator needs the attribute MustBePresent." in result["msg"]
    assert result["line"] == 11


# --- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_byte_for_byte_and_only_when_it_means_something_else(
    sandbox: SandboxClient, policy: Policy, tmp_path: Path
) -> None:
    seed_policies(sandbox, resource(ID))
    file = tmp_path / "policy.xml"
    data = (
        policy_text("maskinportenschema", ID)
        .replace("<xacml:Target/>", "<!-- ours --><xacml:Target/>", 1)
        .encode()
    )
    file.write_bytes(b"\xef\xbb\xbf" + data)
    assert policy(resource=ID, path=str(file))["changed"]
    raw = sandbox.http.get(f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{ID}/policy").content
    assert raw == file.read_bytes()
    file.write_bytes(policy_text("maskinportenschema-equal", ID).encode())
    sandbox.clear_requests()
    assert not policy(resource=ID, path=str(file))["changed"]
    assert sandbox.writes() == []


def test_the_replaced_policy_is_in_the_answer_and_can_be_put_back(
    sandbox: SandboxClient, policy: Policy
) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    replaced = policy(resource=ID, template="scope_delegation")["results"][0]
    assert replaced["previous_policy"] == AQUACULTURE
    assert replaced["policy"] == in_force(sandbox, ID)
    back = policy(resource=ID, xml=replaced["previous_policy"], allow_only_altinn2_roles=True)
    assert not back["failed"], back
    written = in_force(sandbox, ID)
    assert written is not None
    assert xacml.meaning(xacml_parse.parse(written.encode())) == xacml.meaning(
        xacml_parse.parse(AQUACULTURE.encode())
    )


# --- migration ---------------------------------------------------------------------------------------------------------


def test_migration_adds_the_matching_packages_and_nothing_else(
    sandbox: SandboxClient, policy: Policy
) -> None:
    commented = AQUACULTURE.replace("<xacml:Target/>", "<!-- case 26/1234 --><xacml:Target/>", 1)
    seed_policies(sandbox, resource(ID, commented))
    result = policy(resource=ID, migrate_altinn2_roles=True)
    assert not result["failed"], result
    assert result["policy"]["may_delegate"] == [PACKAGES[0], ROLES[0]]
    written = in_force(sandbox, ID)
    assert written is not None
    assert "<!-- case 26/1234 -->" in written
    assert [line for line in commented.splitlines() if line not in written.splitlines()] == []
    sandbox.clear_requests()
    again = policy(resource=ID, migrate_altinn2_roles=True)
    assert not again["changed"]
    assert sandbox.writes() == []


def test_migration_removes_roles_only_when_told_and_takes_packages_of_ones_own(
    sandbox: SandboxClient, policy: Policy
) -> None:
    seed_policies(sandbox, resource(ID, policy_text("maskinportenschema", ID)))
    result = policy(resource=ID, migrate_altinn2_roles=True, remove_altinn2_roles=True)
    assert result["policy"]["may_delegate"] == PACKAGES
    other = "testetat-portal"
    old = policy_text("generic", other).replace(">daglig-leder<", ">utinn<").replace(
        "urn:altinn:external-role:ccr", "urn:altinn:rolecode"
    )  # fmt: skip
    seed_policies(sandbox, resource(other, old, resourceType="GenericAccessResource"))
    untouched = policy(resource=other, migrate_altinn2_roles=True)
    assert not untouched["changed"]
    mapped = policy(
        resource=other, migrate_altinn2_roles=True, replacements={"UTINN": ["urn:altinn:accesspackage:toll"]}
    )
    assert "access package toll may write on testetat-portal" in mapped["policy"]["rules"]


def test_migration_mends_what_it_can_and_says_what_is_left(sandbox: SandboxClient, policy: Policy) -> None:
    name = "testetat-portal"
    mixed = policy_text("generic", name).replace("urn:altinn:external-role:ccr", "urn:altinn:rolecode")
    mixed = mixed.replace(">daglig-leder<", ">a0237<").replace(">styreleder<", ">utinn<")
    mixed = mixed.replace(">regnskap-okonomi-rapport<", ">apiadm<").replace(
        "urn:altinn:accesspackage", "urn:altinn:rolecode"
    )
    only_old = mixed.replace(">read<", ">list<").replace("ruleid:2", "ruleid:9")
    seed_policies(sandbox, resource(name, only_old, resourceType="GenericAccessResource"))
    result = policy(resource=name, migrate_altinn2_roles=True)
    assert not result["failed"], result
    assert result["policy"]["verdict"] == "has_packages"
    nothing_known = policy_text("broker", "testetat-files").replace(
        "urn:altinn:external-role:ccr", "urn:altinn:rolecode"
    )
    partly = nothing_known.replace(">daglig-leder<", ">utinn<").replace(
        "</xacml:Rule>",
        "</xacml:Rule>"
        + nothing_known[nothing_known.index("<xacml:Rule ") : nothing_known.index("</xacml:Rule>")]
        .replace(">daglig-leder<", ">apiadm<")
        .replace(">write<", ">admin<")
        + "</xacml:Rule>",
    )
    seed_policies(sandbox, resource("testetat-files", partly, resourceType="BrokerService"))
    result = policy(resource="testetat-files", migrate_altinn2_roles=True)
    assert not result["failed"], result
    assert result["changed"]
    assert result["policy"]["verdict"] == "only_altinn2_roles", "write is left to a person"
    assert any("names only Altinn 2 roles" in str(warning) for warning in result["warnings"])


def test_backup_and_undo(sandbox: SandboxClient, policy: Policy, tmp_path: Path) -> None:
    names = [f"testetat-{number}" for number in range(3)]
    texts = {name: policy_text("seed-aquaculture", name) for name in names}
    texts[names[2]] = policy_text("maskinportenschema", names[2])
    seed_policies(sandbox, *(resource(name, text) for name, text in texts.items()))
    folder = tmp_path / "backup"
    task: dict[str, Any] = {
        "migrate_altinn2_roles": True,
        "backup_directory": str(folder),
        "policies": [{"resource": name} for name in names],
    }
    assert policy(check=True, **task)["summary"]["update"] == 2
    assert not folder.exists(), "check mode writes nothing, not even here"
    result = policy(**task)
    assert result["summary"]["update"] == 2
    assert sorted(file.name for file in folder.iterdir()) == ["testetat-0.xml", "testetat-1.xml"], (
        "only what is touched"
    )
    assert (folder / "testetat-0.xml").read_text() == texts[names[0]]
    undo = {"restore_directory": str(folder)}
    refused = policy(**undo)
    assert refused["failed"]
    assert "allow_only_altinn2_roles" in refused["msg"]
    back = policy(**undo, allow_only_altinn2_roles=True)
    assert not back["failed"], back
    assert back["summary"]["update"] == 2
    assert in_force(sandbox, names[0]) == texts[names[0]], "byte for byte"
    assert not policy(**undo, allow_only_altinn2_roles=True)["changed"]


def test_a_backup_is_never_written_over(sandbox: SandboxClient, policy: Policy, tmp_path: Path) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    (tmp_path / f"{ID}.xml").write_text("another")
    result = policy(resource=ID, template="scope_delegation", backup_directory=str(tmp_path))
    assert result["failed"]
    assert "choose an empty folder" in result["msg"]
    assert sandbox.writes() == []
    assert (tmp_path / f"{ID}.xml").read_text() == "another"


# --- what the server says ----------------------------------------------------------------------------------------------


def test_after_an_error_it_looks_what_is_in_force(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    sandbox.fault(route="PUT */policy", kind="status", status=500)
    result = policy(resource=ID, template="scope_delegation")
    assert result["failed"]
    assert "500" in result["msg"]
    assert "the policy that was in force still is" in result["msg"]
    assert len(uploads(sandbox)) == 1, "a 500 is not repeated"
    assert in_force(sandbox, ID) == AQUACULTURE


def test_a_broken_connection_after_the_write_is_no_failure(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, AQUACULTURE))
    sandbox.fault(route="PUT */policy", kind="reset", handled=True)
    result = policy(resource=ID, template="scope_delegation", retries=0)
    assert not result["failed"], result
    assert result["changed"]
    assert "although the answer said otherwise" in result["results"][0]["message"]
    assert any("in force all the same" in warning for warning in result["results"][0]["warnings"])


def test_a_gateway_error_is_repeated(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    sandbox.fault(route="PUT */policy", kind="status", status=503, retry_after="0")
    assert not policy(resource=ID, template="scope_delegation")["failed"]
    assert len(uploads(sandbox)) == 2


def test_a_token_without_the_right_scope_is_explained(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    result = policy(
        resource=ID, template="scope_delegation", token_scopes=["altinn:resourceregistry/accesslist.read"]
    )
    assert result["failed"]
    assert result["results"][0]["error"]["status"] == 403
    assert "altinn:resourceregistry/resource.write" in result["msg"]


def test_an_unreadable_policy_in_force_is_replaced_only_when_told(
    sandbox: SandboxClient, policy: Policy
) -> None:
    # Larger than this collection reads, and fine for the registry.
    large = AQUACULTURE.replace("</xacml:Policy>", f"<!-- {'x' * 1_100_000} --></xacml:Policy>")
    seed_policies(sandbox, resource(ID, large))
    result = policy(resource=ID, template="scope_delegation")
    assert result["failed"]
    assert "allow_replacing_unreadable" in result["msg"]
    assert policy(resource=ID, migrate_altinn2_roles=True)["failed"]
    assert sandbox.writes() == []
    assert not policy(resource=ID, template="scope_delegation", allow_replacing_unreadable=True)["failed"]


# --- many --------------------------------------------------------------------------------------------------------------


def test_a_hundred_policies_unchanged_cost_a_hundred_reads(sandbox: SandboxClient, policy: Policy) -> None:
    names = [f"testetat-api-{number:03}" for number in range(100)]
    seed_policies(sandbox, *(resource(name, policy_text("maskinportenschema", name)) for name in names))
    result = policy(template="scope_delegation", policies=[{"resource": name} for name in names])
    assert not result["changed"]
    assert result["requests"] == {"token": 0, "read": 100, "write": 0}
    assert len(sandbox.requests()) == 100


def test_one_that_fails_does_not_stop_the_others(sandbox: SandboxClient, policy: Policy) -> None:
    foreign = {"organization": "974761076", "orgcode": "SKD"}
    seed_policies(
        sandbox,
        resource("testetat-a"),
        resource("testetat-b", hasCompetentAuthority=foreign),
        resource("testetat-c"),
    )
    names = ["testetat-a", "testetat-b", "testetat-missing", "testetat-c"]
    result = policy(template="scope_delegation", policies=[{"resource": name} for name in names])
    assert result["failed"]
    assert "2 of 4 policies failed" in result["msg"]
    assert [entry["action"] for entry in result["results"]] == ["create", "refuse", "refuse", "create"]
    assert sorted(uploads(sandbox)) == ["testetat-a/policy", "testetat-c/policy"]
    assert result["requests"]["token"] == 2, "one login and one exchange for all"


def test_an_entry_says_what_it_wants_over_the_defaults(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource("testetat-a"), resource("testetat-b"))
    result = policy(
        template="scope_delegation",
        include_altinn2_roles=False,
        policies=[{"resource": "testetat-a"}, {"resource": "testetat-b", "rules": ONE_RULE}],
    )
    assert not result["failed"], result
    assert [entry["object"]["may_delegate"] for entry in result["results"]] == [PACKAGES, PACKAGES[:1]]


# --- warnings ----------------------------------------------------------------------------------------------------------

EXACT = "urn:oasis:names:tc:xacml:1.0:function:string-equal"
IGNORE_CASE = "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case"
GOOD = policy_text("maskinportenschema", ID)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace(IGNORE_CASE, EXACT, 1).replace(">apiadm<", ">APIADM<"), "compares the subject APIADM exactly"),
        (GOOD.replace(">apiadm<", ">nosuch<"), "names the role nosuch"),
        (GOOD.replace(">maskinporten-scopes<", ">maskinporten-administrator<"), "not for policies of service owners"),
        (GOOD.replace("urn:altinn:rolecode", "urn:altinn:org", 1), "no kind of subject that can delegate"),
        (GOOD.replace('MustBePresent="false"', 'MustBePresent="true"', 1), "insists on a subject"),
        (GOOD.replace(">apiadm<", "> apiadm<"), "white space around"),
        (GOOD.replace("3.0:rule-combining", "1.0:rule-combining"), "Altinn does not know: nobody gets anything"),
        (GOOD.replace(">3<", ">2<"), "asks for authentication level 2"),
        (GOOD.replace("urn:altinn:minimum-authenticationlevel", "urn:other"), "asks for no authentication level"),
        (GOOD.replace(IGNORE_CASE, "urn:other:function", 1), "uses the function urn:other:function"),
        (TAX.replace(">scopeaccess<", ">ScopeAccess<"), "compares the action ScopeAccess exactly"),
        (TAX.replace(">scopeaccess<", ">ScopeAccess<"), "no rule that gives scopeaccess"),
        (AQUACULTURE, "names only Altinn 2 roles"),
        (GOOD.replace(">maskinporten-scopes-nuf<", ">maskinporten-scopes<"), "holders of apiadmnuf lose their right"),
        (GOOD.replace("</xacml:AllOf>\n        <xacml:AllOf>",
                      "</xacml:AllOf>\n</xacml:AnyOf><xacml:AnyOf>        <xacml:AllOf>", 1), "several AnyOf of one category"),
        (GOOD.replace("</xacml:Target>\n  </xacml:Rule>", "</xacml:Target><xacml:Condition><xacml:AttributeValue "
                      'DataType="urn:b">true</xacml:AttributeValue></xacml:Condition>\n  </xacml:Rule>'), "with a condition"),
    ],
)  # fmt: skip
def test_what_a_policy_says_unmeant_is_warned_of(
    sandbox: SandboxClient, policy: Policy, text: str, told: str
) -> None:
    assert text != GOOD
    seed_policies(sandbox, resource(ID, text))
    # Unchanged, so no guard stands in the way: a policy in force is warned of at every run.
    result = policy(resource=ID, xml=text)
    assert not result["failed"], result
    assert not result["changed"]
    assert any(told in warning for warning in result["results"][0]["warnings"]), result["results"][0][
        "warnings"
    ]
    assert any(told in str(warning) for warning in result.get("warnings", []))


def test_the_recommended_policy_is_warned_of_in_no_way(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID))
    for _unused in range(2):
        result = policy(resource=ID, template="scope_delegation")
        assert result["results"][0]["warnings"] == []
        assert result.get("warnings", []) == []


def test_a_resource_that_cannot_be_delegated_is_warned_of(sandbox: SandboxClient, policy: Policy) -> None:
    seed_policies(sandbox, resource(ID, delegable=False))
    result = policy(resource=ID, template="scope_delegation")
    assert any("delegable: false" in warning for warning in result["results"][0]["warnings"])


def test_a_warning_about_many_policies_is_given_once(sandbox: SandboxClient, policy: Policy) -> None:
    names = [f"testetat-{number}" for number in range(7)]
    seed_policies(sandbox, *(resource(name, policy_text("seed-aquaculture", name)) for name in names))
    result = policy(
        policies=[{"resource": name, "xml": policy_text("seed-aquaculture", name)} for name in names]
    )
    (warning,) = result["warnings"]
    assert "and 2 more: names only Altinn 2 roles" in str(warning)
