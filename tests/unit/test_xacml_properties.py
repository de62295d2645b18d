# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of every policy: how it is written does not matter, and what it says always does."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_write as xacml_write
from sandbox import xacml as server
from tests.unit.policy_strategies import RESOURCE, Habits, changes, policies

relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@relaxed
@given(policies)
def test_written_and_read_back_it_is_the_same_policy(policy: xacml.Policy) -> None:
    assert xacml_parse.parse(xacml_write.write(policy)) == policy


@relaxed
@given(policies, st.data())
def test_another_hand_changes_nothing_of_the_meaning(policy: xacml.Policy, data: st.DataObject) -> None:
    written = Habits(data.draw).policy(policy)
    assert xacml.meaning(xacml_parse.parse(written)) == xacml.meaning(policy)


@relaxed
@given(policies, st.data())
def test_every_change_of_what_is_said_is_seen(policy: xacml.Policy, data: st.DataObject) -> None:
    kind, changed = data.draw(changes(policy))
    before, after = xacml.meaning(policy), xacml.meaning(changed)
    assert before != after, kind
    assert xacml.describe(before) != xacml.describe(after), kind


@relaxed
@given(policies, policies)
def test_lines_for_people_tell_policies_apart_exactly_as_their_meaning_does(
    one: xacml.Policy, other: xacml.Policy
) -> None:
    same = xacml.meaning(one) == xacml.meaning(other)
    assert (xacml.describe(xacml.meaning(one)) == xacml.describe(xacml.meaning(other))) == same


@relaxed
@given(policies, st.data())
def test_flipping_an_effect_or_presence_is_seen(policy: xacml.Policy, data: st.DataObject) -> None:
    # Over distinct rules, so that the change cannot be hidden by a twin.
    rule = policy.rules[0]
    single = replace(policy, rules=(rule,))
    other = "Deny" if rule.effect == "Permit" else "Permit"
    assert xacml.meaning(single) != xacml.meaning(replace(single, rules=(replace(rule, effect=other),)))
    assert rule.target is not None
    flipped = tuple(
        tuple(
            tuple(match._replace(must_be_present=not match.must_be_present) for match in all_of)
            for all_of in any_of
        )
        for any_of in rule.target
    )
    assert xacml.meaning(single) != xacml.meaning(replace(single, rules=(replace(rule, target=flipped),)))


@relaxed
@given(policies)
def test_splitting_a_plain_rule_changes_nothing(policy: xacml.Policy) -> None:
    if policy.algorithm.endswith("first-applicable"):
        policy = replace(policy, algorithm=xacml.DENY_OVERRIDES)
    split: list[xacml.Rule] = []
    for rule in policy.rules:
        assert rule.target is not None
        plain = rule.condition is None and not any(match.must_be_present for match in rule.matches())
        first, *others = rule.target
        split.extend([replace(rule, target=((one,), *others)) for one in first] if plain else [rule])
    assert xacml.meaning(replace(policy, rules=tuple(split))) == xacml.meaning(policy)


# --- against the server's parser, written by others ---------------------------------------------------------------------


def server_takes(data: bytes, resource: str = RESOURCE) -> bool:
    try:
        server.check_content(server.parse_policy(data), resource)
    except (server.PolicyStructureError, server.PolicyVersionError, server.PolicyContentError):
        return False
    return True


def we_take(data: bytes, resource: str = RESOURCE) -> bool:
    try:
        xacml.check_content(xacml_parse.parse(data), resource)
    except xacml.XacmlError:
        return False
    return True


@relaxed
@given(policies, st.data())
def test_the_server_takes_whatever_any_hand_writes(policy: xacml.Policy, data: st.DataObject) -> None:
    written = Habits(data.draw).policy(policy)
    assert we_take(written)
    assert server_takes(written)
    assert server_takes(xacml_write.write(policy))


def damage(tree: etree._Element, chance: random.Random) -> str:
    """Break (or merely bend) one thing in a policy, as a hurried person or a bad tool would. Returns what was done."""
    elements = list(tree.iter("*"))
    element = chance.choice(elements)
    parent = element.getparent()
    namespace = f"{{{xacml.NAMESPACE}}}"
    names = ["Policy", "PolicySet", "Target", "AnyOf", "AllOf", "Match", "Rule", "Description", "Condition", "Apply",
             "AttributeValue", "AttributeDesignator", "AttributeSelector", "ObligationExpressions", "VariableDefinition",
             "ObligationExpression", "AttributeAssignmentExpression", "AdviceExpressions", "Function", "Unknown",
             "VariableReference", "CombinerParameters", "PolicyDefaults", "PolicyIssuer"]  # fmt: skip
    act = chance.choice(
        [
            "drop",
            "twice",
            "move",
            "rename",
            "attribute",
            "value",
            "text",
            "namespace",
            "empty",
            "apart",
            "insert",
            "tail",
        ]
    )
    if act == "drop" and parent is not None:
        parent.remove(element)
    elif act == "twice" and parent is not None:
        parent.insert(parent.index(element), etree.fromstring(etree.tostring(element, with_tail=False)))
    elif act == "move" and parent is not None:
        inside = set(element.iter())
        parent.remove(element)
        chance.choice([other for other in elements if other not in inside]).append(element)
    elif act == "rename":
        element.tag = namespace + chance.choice(names)
    elif act == "attribute" and element.attrib:
        del element.attrib[chance.choice(sorted(element.attrib))]
    elif act == "value" and element.attrib:
        junk = chance.choice(["", "junk", "true", "Permit", "urn:x:y", "deny", " 1", "http://", "a b", "0"])
        element.set(chance.choice(sorted(element.attrib)), junk)
    elif act == "text":
        element.text = (element.text or "") + chance.choice(["x", " ", "\u00a0", "\n"])
    elif act == "tail" and parent is not None:
        element.tail = chance.choice(["x", " ", "\u00a0", "\n"])
    elif act == "namespace":
        element.tag = chance.choice(["", "{urn:other}"]) + etree.QName(element).localname
    elif act == "empty":
        for child in list(element):
            element.remove(child)
        element.text = None
    elif act == "apart":
        element.text = element.text or ""
    elif act == "insert":
        element.insert(chance.randint(0, len(element)), etree.Element(namespace + chance.choice(names)))
    return act


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(policies, st.randoms(use_true_random=False), st.integers(1, 3))
def test_whatever_damage_is_done_we_never_take_what_the_server_would_not(
    policy: xacml.Policy, chance: random.Random, times: int
) -> None:
    tree = etree.fromstring(xacml_write.write(policy))
    done = [damage(tree, chance) for _unused in range(times)]
    data = etree.tostring(tree)
    if we_take(data):
        assert server_takes(data), (done, data.decode())


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(policies, st.data())
def test_bytes_changed_at_random_never_crash_and_never_pass_alone(
    policy: xacml.Policy, data: st.DataObject
) -> None:
    written = bytearray(xacml_write.write(policy))
    for _unused in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if we_take(bytes(written)):
        assert server_takes(bytes(written))


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_anything_else_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(xacml.XacmlError) as caught:
        xacml_parse.parse(data)
    assert 0 < len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


# --- adding packages ---------------------------------------------------------------------------------------------------


@relaxed
@given(policies, st.data())
def test_adding_packages_adds_and_takes_nothing_away(policy: xacml.Policy, data: st.DataObject) -> None:
    written = Habits(data.draw).policy(policy)
    replacements = {"apiadm": ("maskinporten-scopes",), "dagl": ("one", "two")}
    added = xacml_write.add_packages(written, replacements)
    before, after = xacml.meaning(xacml_parse.parse(written)), xacml.meaning(xacml_parse.parse(added))
    assert server_takes(added)
    assert _pairs(before) <= _pairs(after)
    assert before.obligations == after.obligations
    assert xacml_write.add_packages(added, replacements) == added
    has_role = any(
        match.attribute_id == xacml.ROLE_CODE
        and match.value.lower() in replacements
        and rule.effect == "Permit"
        for rule in policy.rules
        for match in rule.matches()
    )
    if not has_role:
        assert added == written


def _pairs(meant: xacml.Meaning) -> set[Any]:
    """Each rule's alternatives one by one, so that a rule that grew still contains what it was."""
    return {
        (rule.effect, category, alternative, rule.condition)
        for rule in meant.rules
        for category, alternatives in rule.targets
        for alternative in alternatives
    }
