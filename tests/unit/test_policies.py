# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy comes to when the Altinn 2 roles end, and that our judgement is Altinn's."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import (
    _policies,
    _policy_assessment,
    _policy_subjects,
    _xacml_evaluate,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_write as xacml_write
from sandbox import xacml as server
from sandbox import xacml_pdp as decision_point
from tests.unit.policy_strategies import ATTRIBUTES, RESOURCE, VALUES
from tests.unit.policy_strategies import policies as any_policies

relaxed = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CODES = sorted(_policy_subjects.ALTINN2_ROLES)


def scope_policy(
    *subjects: tuple[str, str], effect: str = "Permit", action: str = "scopeaccess"
) -> xacml.Policy:
    matches = [xacml.Match(xacml.SUBJECT, attribute, value) for attribute, value in subjects]
    return xacml.Policy(
        "urn:p",
        xacml.DENY_OVERRIDES,
        (
            xacml.Rule(
                "r",
                effect,
                (
                    tuple((match,) for match in matches),
                    ((xacml.Match(xacml.RESOURCE, xacml.RESOURCE_ID, RESOURCE, function=xacml.EQUAL),),),
                    ((xacml.Match(xacml.ACTION, xacml.ACTION_ID, action),),),
                ),
            ),
        ),
        (xacml.level_obligation(xacml.LEVEL, 3),),
    )


ROLE, PACKAGE = xacml.ROLE_CODE, xacml.ACCESS_PACKAGE


@pytest.mark.parametrize(
    ("subjects", "verdict", "without"),
    [
        ([(PACKAGE, "maskinporten-scopes")], "works", ()),
        ([(xacml.REGISTER_ROLE, "daglig-leder")], "works", ()),
        ([(ROLE, "dagl")], "works", ()),
        ([(ROLE, "APIADM")], "only_altinn2_roles", ("apiadm",)),
        ([(ROLE, "apiadm"), (ROLE, "apiadmnuf")], "only_altinn2_roles", ("apiadm", "apiadmnuf")),
        ([(ROLE, "apiadm"), (PACKAGE, "maskinporten-scopes")], "has_packages", ()),
        ([(ROLE, "apiadm"), (PACKAGE, "Maskinporten-Scopes")], "has_packages", ()),
        (
            [(ROLE, "apiadm"), (ROLE, "apiadmnuf"), (PACKAGE, "maskinporten-scopes")],
            "has_packages",
            ("apiadmnuf",),
        ),
        ([(ROLE, "apiadm"), (ROLE, "dagl")], "has_packages", ("apiadm",)),
        ([(ROLE, "nosuch")], "only_altinn2_roles", ("nosuch",)),
        ([(xacml.ORG, "testetat")], "no_one", ()),
        ([(xacml.ACCESS_LIST, "testetat:list")], "no_one", ()),
    ],
)
def test_verdict_for_a_scope(subjects: list[tuple[str, str]], verdict: str, without: tuple[str, ...]) -> None:
    judged = _policy_assessment.assess(scope_policy(*subjects), RESOURCE, "MaskinportenSchema")
    assert judged.verdict == verdict
    assert judged.without_package == without


def test_a_denial_counts() -> None:
    allowed = scope_policy((ROLE, "apiadm"), (PACKAGE, "maskinporten-scopes"))
    denied = scope_policy((PACKAGE, "maskinporten-scopes"), effect="Deny")
    both = replace(allowed, rules=allowed.rules + denied.rules)
    assert _policy_assessment.assess(both, RESOURCE, "MaskinportenSchema").verdict == "only_altinn2_roles"


def test_a_conjunction_with_an_altinn_2_role_stops() -> None:
    policy = scope_policy((PACKAGE, "x"))
    pair = (xacml.Match(xacml.SUBJECT, PACKAGE, "x"), xacml.Match(xacml.SUBJECT, ROLE, "apiadm"))
    target = policy.rules[0].target
    assert target is not None
    paired = replace(policy, rules=(replace(policy.rules[0], target=(((pair),), *target[1:])),))
    assert _policy_assessment.assess(paired, RESOURCE, "MaskinportenSchema").verdict == "only_altinn2_roles"


@pytest.mark.parametrize("role", CODES)
def test_every_altinn_2_role_alone_stops(role: str) -> None:
    judged = _policy_assessment.assess(
        scope_policy((ROLE, role), action="read"), RESOURCE, "GenericAccessResource"
    )
    assert judged.verdict == "only_altinn2_roles"
    assert judged.stops == ("read",)


def test_the_resource_type_decides_what_is_asked() -> None:
    policy = scope_policy((PACKAGE, "x"), action="read")
    assert _policy_assessment.assess(policy, RESOURCE, "MaskinportenSchema").verdict == "no_one"
    assert _policy_assessment.assess(policy, RESOURCE, "GenericAccessResource").verdict == "works"
    assert _policy_assessment.assess(policy, RESOURCE).verdict == "works"


# --- the data ----------------------------------------------------------------------------------------------------------


def test_roles_packages_and_register_roles_are_kept_apart() -> None:
    data = _policy_subjects
    assert set(data.REPLACEMENTS) <= set(data.ALTINN2_ROLES)
    assert not set(data.ALTINN2_ROLES) & set(data.REGISTER_ROLES)
    assert all(code == code.lower() for code in (*data.ALTINN2_ROLES, *data.REGISTER_ROLES))
    packages = {package for found in data.REPLACEMENTS.values() for package in found}
    assert not packages & set(data.PACKAGES_NOT_FOR_POLICIES)
    assert all(re.fullmatch(r"[a-z0-9-]+", package) for package in packages)
    assert set(data.SCOPE_DELEGATION_ROLES) <= set(data.REPLACEMENTS)
    assert (
        tuple(data.REPLACEMENTS[role][0] for role in data.SCOPE_DELEGATION_ROLES)
        == data.SCOPE_DELEGATION_PACKAGES
    )


def test_role_codes_and_packages_stand_in_the_data_file_alone() -> None:
    assert _policy_subjects.__file__ is not None
    data_file = Path(_policy_subjects.__file__)
    codes = {
        "apiadm",
        "apiadmnuf",
        "maskinporten-scopes",
        "maskinporten-scopes-nuf",
        _policy_subjects.ALTINN2_ROLES_END,
    }
    assert re.search(r"Read on \d{4}-\d{2}-\d{2} from", _policy_subjects.__doc__ or ""), "source and date"
    for file in data_file.parent.glob("*.py"):
        if file == data_file:
            continue
        texts = {
            node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)
        }
        assert not texts & codes, file.name


def test_the_template_does_not_depend_on_the_date() -> None:
    for module in (_policies, _policy_assessment, _xacml_evaluate, xacml):
        assert module.__file__ is not None
        names = {
            node.id
            for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
            if isinstance(node, ast.Name)
        }
        assert not names & {"datetime", "time", "date"}, module.__name__


# --- against the decision point, written by others ----------------------------------------------------------------------

subjects = st.dictionaries(
    st.sampled_from(ATTRIBUTES), st.lists(st.sampled_from(VALUES), min_size=1, max_size=3), max_size=3
)


def asked_of_the_server(
    policy: xacml.Policy, action: str, subject: dict[str, list[str]]
) -> decision_point.Decision:
    request = decision_point.DecisionRequest()
    request.add(server.RESOURCE, server.RESOURCE_ID, RESOURCE, server.STRING)
    request.add(server.ACTION, server.ACTION_ID, action, server.STRING)
    for attribute, found in subject.items():
        for value in found:
            request.add(server.SUBJECT, attribute, value, server.STRING)
    return decision_point.evaluate(server.parse_policy(xacml_write.write(policy)), request)


def without_conditions(policy: xacml.Policy) -> xacml.Policy:
    return replace(policy, rules=tuple(replace(rule, condition=None) for rule in policy.rules))


@relaxed
@given(
    any_policies.map(without_conditions), st.sampled_from(["scopeaccess", "ScopeAccess", "read"]), subjects
)
def test_we_decide_as_the_server_does(
    policy: xacml.Policy, action: str, subject: dict[str, list[str]]
) -> None:
    ours = _xacml_evaluate.decide(
        policy, _xacml_evaluate.request(resource=RESOURCE, action=action, subject=subject)
    )
    theirs = asked_of_the_server(policy, action, subject)
    assert ours.answer == theirs.decision
    assert len(ours.obligations) == len(theirs.obligations)


@relaxed
@given(any_policies, st.sampled_from(["scopeaccess", "read"]), subjects)
def test_a_yes_of_ours_is_a_yes_of_the_server_whatever_the_conditions(
    policy: xacml.Policy, action: str, subject: dict[str, list[str]]
) -> None:
    asked = _xacml_evaluate.request(resource=RESOURCE, action=action, subject=subject)
    combining = xacml.algorithm_name(policy)
    if _xacml_evaluate.decide(policy, asked).answer == "Permit" and combining in (
        "deny-overrides",
        "permit-overrides",
    ):
        assert asked_of_the_server(policy, action, subject).decision == "Permit"


@relaxed
@given(any_policies.map(without_conditions), st.sampled_from(["scopeaccess", "read"]))
def test_whoever_we_say_may_is_let_by_the_server(policy: xacml.Policy, action: str) -> None:
    for holder in _xacml_evaluate.holders(policy, RESOURCE, action):
        subject: dict[str, list[str]] = {}
        for match in holder.matches:
            subject.setdefault(match.attribute_id, []).append(match.value)
        answer = asked_of_the_server(policy, action, subject).decision
        # A rule that insists on a subject's attribute spoils the answer for those without it; that is warned of.
        insists = any(match.must_be_present for rule in policy.rules for match in rule.matches())
        assert answer == "Permit" or insists, (holder, answer)


@relaxed
@given(any_policies, st.data())
def test_same_meaning_same_judgement(policy: xacml.Policy, data: st.DataObject) -> None:
    from tests.unit.policy_strategies import Habits

    other = xacml_parse.parse(Habits(data.draw).policy(policy))

    def judged(one: xacml.Policy) -> Any:
        found = _policy_assessment.assess(one, RESOURCE)
        return found.verdict, found.may_delegate, found.stops, found.altinn2_roles

    assert judged(other) == judged(policy)
