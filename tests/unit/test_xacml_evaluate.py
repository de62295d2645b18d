# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions as Altinn's decision point makes them, and who may do a thing at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_evaluate as evaluate
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse

POLICIES = Path(__file__).parent / "data" / "policies"
RULE = "urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:"


def load(name: str) -> xacml.Policy:
    return xacml_parse.parse((POLICIES / f"{name}.xml").read_bytes())


def answer(policy: xacml.Policy, resource: str, action: str, **subject: str) -> str:
    names = {
        "role": xacml.ROLE_CODE,
        "package": xacml.ACCESS_PACKAGE,
        "register": xacml.REGISTER_ROLE,
        "org": xacml.ORG,
    }
    attributes = {names[kind]: value.split(",") for kind, value in subject.items()}
    return evaluate.decide(
        policy, evaluate.request(resource=resource, action=action, subject=attributes)
    ).answer


def subject(value: str, **more: object) -> xacml.Match:
    return xacml.Match(xacml.SUBJECT, xacml.ROLE_CODE, value)._replace(**more)  # type: ignore[arg-type]


def rule(effect: str, *subjects: xacml.Match, action: str = "read", **more: object) -> xacml.Rule:
    target = [
        ((xacml.Match(xacml.RESOURCE, xacml.RESOURCE_ID, "r", function=xacml.EQUAL),),),
        ((xacml.Match(xacml.ACTION, xacml.ACTION_ID, action),),),
    ]
    if subjects:
        target.append(tuple((one,) for one in subjects))
    return replace(xacml.Rule("id", effect, tuple(target)), **more)  # type: ignore[arg-type]


def policy(*rules: xacml.Rule, algorithm: str = f"{RULE}deny-overrides") -> xacml.Policy:
    return xacml.Policy("urn:p", algorithm, rules)


def names(found: list[evaluate.Holder]) -> list[str]:
    return sorted(" and ".join(sorted(value for _unused, value in holder.attributes)) for holder in found)


def test_the_seed_policies() -> None:
    aquaculture, tax = load("seed-aquaculture"), load("seed-tax-administration")
    resource = "maskinportenschema-aquaportalapi-write"
    assert answer(aquaculture, resource, "scopeaccess", role="apiadm") == "Permit"
    assert answer(aquaculture, resource, "ScopeAccess", role="apiadm") == "Permit"
    assert answer(aquaculture, resource, "scopeaccess", role="apiadmnuf") == "NotApplicable"
    assert answer(aquaculture, "another", "scopeaccess", role="apiadm") == "NotApplicable"
    assert answer(tax, "skd-maskinportenschemaid-8", "scopeaccess", role="apiadm") == "Permit"
    assert answer(tax, "skd-maskinportenschemaid-8", "ScopeAccess", role="apiadm") == "NotApplicable"


def test_the_case_trap() -> None:
    trap = xacml_parse.parse(
        (POLICIES / "seed-tax-administration.xml").read_bytes().replace(b">scopeaccess<", b">ScopeAccess<")
    )
    assert answer(trap, "skd-maskinportenschemaid-8", "scopeaccess", role="apiadm") == "NotApplicable"
    assert evaluate.holders(trap, "skd-maskinportenschemaid-8", "scopeaccess") == []


def test_samples() -> None:
    generic, letters = load("generic"), load("correspondence")
    assert answer(generic, "demo-portal", "write", package="regnskap-okonomi-rapport") == "Permit"
    assert answer(generic, "demo-portal", "write", org="demo") == "NotApplicable"
    assert answer(letters, "demo-letters", "write", org="demo") == "Permit"
    assert names(evaluate.holders(generic, "demo-portal", "read")) == [
        "daglig-leder", "demo", "regnskap-okonomi-rapport", "styreleder",
    ]  # fmt: skip
    assert evaluate.actions(letters) == ["read", "subscribe", "write"]


def test_obligations_come_with_a_permit_only() -> None:
    asked = evaluate.request(resource="demo-portal", action="read", subject={xacml.ORG: ["demo"]})
    decision = evaluate.decide(load("generic"), asked)
    assert [one.assignments[0].category for one in decision.obligations] == [
        xacml.LEVEL,
        xacml.LEVEL_ORGANIZATION,
    ]
    nobody = evaluate.request(resource="demo-portal", action="read", subject={})
    assert evaluate.decide(load("generic"), nobody).obligations == ()


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("deny-overrides", "Deny"),
        ("ordered-deny-overrides", "Deny"),
        ("permit-overrides", "Permit"),
        ("ordered-permit-overrides", "Permit"),
        ("deny-unless-permit", "Permit"),
        ("permit-unless-deny", "Deny"),
    ],
)
def test_combining_a_permit_and_a_deny(algorithm: str, expected: str) -> None:
    both = policy(rule("Permit", subject("a")), rule("Deny", subject("b")), algorithm=RULE + algorithm)
    assert answer(both, "r", "read", role="a,b") == expected


def test_combining_by_order_and_by_unknown_algorithms() -> None:
    first = "urn:oasis:names:tc:xacml:1.0:rule-combining-algorithm:first-applicable"
    one = policy(rule("Permit", subject("a")), rule("Deny", subject("b")), algorithm=first)
    other = policy(rule("Deny", subject("b")), rule("Permit", subject("a")), algorithm=first)
    assert answer(one, "r", "read", role="a,b") == "Permit"
    assert answer(other, "r", "read", role="a,b") == "Deny"
    assert (
        answer(policy(rule("Permit"), algorithm=RULE.replace("3.0", "1.0") + "deny-overrides"), "r", "read")
        == "Indeterminate"
    )
    assert answer(policy(rule("Permit"), algorithm=f"{RULE}deny-unless-permit"), "r", "other") == "Deny"
    assert answer(policy(rule("Deny"), algorithm=f"{RULE}permit-unless-deny"), "r", "other") == "Permit"


def test_several_any_of_of_one_category_are_alternatives() -> None:
    base = rule("Permit", subject("a"))
    assert base.target is not None
    wider = replace(base, target=(*base.target, ((subject("b"),),)))
    assert answer(policy(wider), "r", "read", role="b") == "Permit"


def test_all_of_asks_for_all() -> None:
    base = rule("Permit")
    assert base.target is not None
    pair = ((subject("a"), xacml.Match(xacml.SUBJECT, xacml.ORG, "demo")),)
    both = policy(replace(base, target=(*base.target, pair)))
    assert answer(both, "r", "read", role="a", org="demo") == "Permit"
    assert answer(both, "r", "read", role="a") == "NotApplicable"
    assert names(evaluate.holders(both, "r", "read")) == ["a and demo"]


def test_must_be_present() -> None:
    assert (
        answer(policy(rule("Permit", subject("a", must_be_present=True))), "r", "read", org="demo")
        == "Indeterminate"
    )
    action = xacml.Match(xacml.ACTION, "urn:other", "x", must_be_present=True)
    elsewhere = replace(rule("Permit"), target=(((action,),),))
    asked = policy(rule("Permit", subject("a")), elsewhere)
    assert answer(asked, "r", "read", role="a") == "Indeterminate", (
        "any rule's demand spoils the whole answer"
    )
    assert evaluate.holders(asked, "r", "read") == []


def test_exact_and_folded_comparison() -> None:
    assert answer(policy(rule("Permit", subject("APIADM"))), "r", "read", role="apiadm") == "Permit"
    exact = policy(rule("Permit", subject("APIADM", function=xacml.EQUAL)))
    assert answer(exact, "r", "read", role="apiadm") == "NotApplicable"
    assert (
        answer(policy(rule("Permit", subject("a", data_type=xacml.INTEGER))), "r", "read", role="a")
        == "NotApplicable"
    )
    strange = policy(rule("Permit", subject("a", function="urn:no:such")))
    assert answer(strange, "r", "read", role="a") == "Indeterminate"
    assert answer(strange, "r", "read") == "NotApplicable"


def test_a_condition_is_never_a_yes() -> None:
    conditional = policy(rule("Permit", subject("a"), condition=xacml.value_node(xacml.STRING, "x")))
    assert answer(conditional, "r", "read", role="a") == "Indeterminate"
    assert evaluate.holders(conditional, "r", "read") == []


def test_holders_without_those_denied() -> None:
    both = policy(rule("Permit", subject("a"), subject("b"), subject("c")), rule("Deny", subject("b")))
    assert names(evaluate.holders(both, "r", "read")) == ["a", "c"]
    everyone = policy(rule("Permit"), rule("Deny"))
    assert evaluate.holders(everyone, "r", "read") == []
    open_to_all = evaluate.holders(policy(rule("Permit")), "r", "read")
    assert [holder.matches for holder in open_to_all] == [frozenset()]
    weak = policy(
        rule("Permit", subject("a")), rule("Deny", subject("a")), algorithm=f"{RULE}permit-overrides"
    )
    assert names(evaluate.holders(weak, "r", "read")) == ["a"]


def test_holders_and_decisions_agree() -> None:
    for name, resource in [
        ("generic", "demo-portal"),
        ("correspondence", "demo-letters"),
        ("broker", "demo-files"),
    ]:
        for action in evaluate.actions(load(name)):
            for holder in evaluate.holders(load(name), resource, action):
                attributes = {attribute: [value] for attribute, value in holder.attributes}
                asked = evaluate.request(resource=resource, action=action, subject=attributes)
                assert evaluate.decide(load(name), asked).answer == "Permit"


@pytest.mark.parametrize(
    ("level", "service_owner", "enough"),
    [(4, False, True), (3, False, False), (3, True, True), (2, True, False)],
)
def test_authentication_levels(level: int, service_owner: bool, enough: bool) -> None:
    assert evaluate.enough_level(load("generic"), level, service_owner=service_owner) is enough


def test_a_level_for_organizations_alone_asks_for_nothing() -> None:
    alone = replace(load("generic"), obligations=(xacml.level_obligation(xacml.LEVEL_ORGANIZATION, 4),))
    assert evaluate.enough_level(alone, 0)
