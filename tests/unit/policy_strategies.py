# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies made up by hypothesis, and many ways to write one down: an author with odd habits, not our own writer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml

RESOURCE = "demo-orders-read"

ATTRIBUTES = [
    xacml.ROLE_CODE, xacml.ACCESS_PACKAGE, xacml.REGISTER_ROLE, xacml.ORG, xacml.ACCESS_LIST, "urn:demo:other",
]  # fmt: skip
VALUES = [
    "apiadm",
    "APIADM",
    "dagl",
    "maskinporten-scopes",
    "Æther-Øl",
    "a b",
    " padded ",
    "line\nbreak",
    "<&>\"']]>",
]
ACTIONS = ["scopeaccess", "ScopeAccess", "read", "write"]
FUNCTIONS = [xacml.EQUAL, xacml.EQUAL_IGNORE_CASE]
ALGORITHMS = [
    xacml.DENY_OVERRIDES,
    "urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:deny-overrides",
    "urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:permit-overrides",
    "urn:oasis:names:tc:xacml:1.0:rule-combining-algorithm:first-applicable",
    "urn:demo:unknown",
]


def _match(category: str, attribute: st.SearchStrategy[str], value: st.SearchStrategy[str]) -> Any:
    return st.builds(
        xacml.Match,
        category=st.just(category),
        attribute_id=attribute,
        value=value,
        function=st.sampled_from(FUNCTIONS),
        data_type=st.just(xacml.STRING),
        must_be_present=st.sampled_from([False] * 9 + [True]),
        value_type=st.just(xacml.STRING),
    )


subject_matches = _match(xacml.SUBJECT, st.sampled_from(ATTRIBUTES), st.sampled_from(VALUES))
action_matches = _match(xacml.ACTION, st.just(xacml.ACTION_ID), st.sampled_from(ACTIONS))
resource_matches = st.just(xacml.Match(xacml.RESOURCE, xacml.RESOURCE_ID, RESOURCE, function=xacml.EQUAL))

subjects = st.lists(st.lists(subject_matches, min_size=1, max_size=2).map(tuple), min_size=1, max_size=4).map(
    tuple
)
actions = st.lists(action_matches.map(lambda match: (match,)), min_size=1, max_size=2).map(tuple)
resources = resource_matches.map(lambda match: ((match,),))

designators = st.builds(
    lambda attribute, present: xacml.build(
        "AttributeDesignator",
        AttributeId=attribute,
        Category=xacml.ENVIRONMENT,
        DataType=xacml.STRING,
        MustBePresent=present,
    ),
    st.sampled_from(ATTRIBUTES),
    st.sampled_from(["true", "false"]),
)
values = st.builds(xacml.value_node, st.just(xacml.STRING), st.sampled_from(VALUES))
conditions = st.recursive(
    st.one_of(designators, values, st.just(xacml.build("Function", FunctionId=xacml.EQUAL))),
    lambda inner: st.builds(
        lambda children: xacml.build("Apply", tuple(children), FunctionId="urn:demo:function"),
        st.lists(inner, max_size=3),
    ),
    max_leaves=4,
)

rules = st.builds(
    xacml.Rule,
    rule_id=st.sampled_from(["urn:r:1", "urn:r:2"]),
    effect=st.sampled_from(["Permit", "Permit", "Deny"]),
    target=st.tuples(subjects, resources, actions).flatmap(lambda parts: st.permutations(parts).map(tuple)),
    condition=st.one_of(st.none(), st.none(), st.none(), conditions),
    description=st.one_of(st.none(), st.sampled_from(["text", "<b> & c"])),
)

obligations = st.lists(
    st.builds(
        lambda category, level, on: replace_effect(xacml.level_obligation(category, level), on),
        st.sampled_from([xacml.LEVEL, xacml.LEVEL_ORGANIZATION]),
        st.integers(0, 4),
        st.sampled_from(["Permit", "Permit", "Deny"]),
    ),
    max_size=3,
).map(tuple)


def replace_effect(obligation: xacml.Obligation, effect: str) -> xacml.Obligation:
    return obligation._replace(fulfill_on=effect)


policies = st.builds(
    xacml.Policy,
    policy_id=st.sampled_from(["urn:altinn:policyid:1", "urn:demo:p"]),
    algorithm=st.sampled_from([xacml.DENY_OVERRIDES] * 4 + ALGORITHMS),
    rules=st.lists(rules, min_size=1, max_size=4).map(tuple),
    obligations=obligations,
    version=st.sampled_from(["1.0", "7", None]),
    description=st.one_of(st.none(), st.just("about")),
)


# --- another hand ------------------------------------------------------------------------------------------------------


class Habits:
    """How one author writes XML; every choice comes from hypothesis."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.pick = lambda *choices: draw(st.sampled_from(choices))
        self.shuffle = lambda items: draw(st.permutations(list(items)))
        self.prefix = self.pick("", "xacml:", "x:")

    def gap(self) -> str:
        return str(
            self.pick("", "", "\n", "\n   ", "\t", "<!-- note -->", "\n<?tool run?>\n", "<!-- <Rule> --> ")
        )

    def element(self, name: str, attributes: dict[str, str], inside: list[str] | str | None = None) -> str:
        pairs = self.shuffle(attributes.items())
        opened = (
            f"<{self.prefix}{name}"
            + "".join(self.attribute(key, value) for key, value in pairs)
            + self.pick("", " ")
        )
        closed = f"</{self.prefix}{name}{self.pick('', ' ')}>"
        if inside is None:
            apart = name in ("AttributeDesignator", "Description") and self.pick(True, False)
            return f"{opened}>{closed}" if apart else f"{opened}/>"
        if isinstance(inside, str):
            return f"{opened}>{inside}{closed}"
        return f"{opened}>{self.gap()}" + "".join(child + self.gap() for child in inside) + closed

    def attribute(self, name: str, value: str) -> str:
        quote = self.pick('"', "'")
        text = escape(value, {'"': "&quot;", "'": "&apos;", "\n": "&#10;"})
        return f"{self.pick(' ', '  ', chr(10))}{name}={quote}{text}{quote}"

    def text(self, value: str) -> str:
        way = self.pick("escaped", "escaped", "cdata", "references", "comment")
        if way == "cdata" and "]]>" not in value:
            return f"<![CDATA[{value}]]>"
        if way == "references":
            return "".join(f"&#x{ord(letter):x};" for letter in value)
        if way == "comment" and value:
            half = len(value) // 2
            return f"{escape(value[:half])}<!-- in between -->{escape(value[half:])}"
        return escape(value)

    def value(self, node: xacml.Node) -> str:
        text = node.text or ""
        written = self.text(text) if node.attribute("DataType") == xacml.STRING else escape(text)
        return self.element("AttributeValue", dict(node.attributes), written)

    def node(self, node: xacml.Node) -> str:
        if node.name == "AttributeValue":
            return self.value(node)
        if node.name == "Apply":
            return self.element("Apply", dict(node.attributes), [self.node(child) for child in node.children])
        return self.element(node.name, dict(node.attributes))

    def match(self, match: xacml.Match) -> str:
        present = self.pick("true", "1") if match.must_be_present else self.pick("false", "0")
        designator = {
            "AttributeId": match.attribute_id, "Category": match.category, "DataType": match.data_type,
            "MustBePresent": present, **self.pick({}, {}, {"Issuer": "someone"}),
        }  # fmt: skip
        inside = [
            self.value(xacml.value_node(match.value_type, match.value)),
            self.element("AttributeDesignator", designator),
        ]
        return self.element("Match", {"MatchId": match.function}, inside)

    def target(self, target: tuple[xacml.AnyOf, ...], ordered: bool = False) -> str:
        if not target:
            return self.element("Target", {})
        any_ofs = []
        for any_of in self.shuffle(target):
            all_ofs = [
                self.element("AllOf", {}, [self.match(match) for match in self.shuffle(all_of)])
                for all_of in self.shuffle(any_of)
            ]
            any_ofs.append(self.element("AnyOf", {}, all_ofs))
        return self.element("Target", {}, any_ofs)

    def rule(self, rule: xacml.Rule) -> str:
        inside = []
        if self.pick(True, False):
            inside.append(self.element("Description", {}, self.pick(None, "anything")))
        if rule.target is not None:
            inside.append(self.target(rule.target))
        if rule.condition is not None:
            inside.append(self.element("Condition", {}, [self.node(rule.condition)]))
        effect = self.pick(rule.effect, rule.effect.lower(), rule.effect.upper())
        return self.element(
            "Rule", {"RuleId": self.pick("a", "urn:b", rule.rule_id), "Effect": effect}, inside
        )

    def policy(self, policy: xacml.Policy) -> bytes:
        ordered = policy.algorithm.endswith("first-applicable")
        inside = []
        if self.pick(True, False):
            inside.append(self.element("Description", {}, "another text"))
        inside.append(self.element("Target", {}))
        rules = policy.rules if ordered else self.shuffle(policy.rules)
        inside.extend(self.rule(rule) for rule in rules)
        if policy.obligations:
            written = [
                self.element(
                    "ObligationExpression",
                    {"ObligationId": self.pick("urn:o:1", one.obligation_id), "FulfillOn": one.fulfill_on},
                    [
                        self.element(
                            "AttributeAssignmentExpression",
                            {"AttributeId": "urn:any:id", "Category": assignment.category},
                            [self.node(assignment.expression)],
                        )
                        for assignment in one.assignments
                    ],
                )
                for one in self.shuffle(policy.obligations)
            ]
            inside.append(self.element("ObligationExpressions", {}, written))
        attributes = {
            "PolicyId": self.pick("urn:p", policy.policy_id),
            "RuleCombiningAlgId": policy.algorithm,
        }
        attributes |= self.pick({}, {"Version": "3"}, {"Version": "1.0"}, {"Unknown": "kept"})
        name = f"xmlns:{self.prefix[:-1]}" if self.prefix else "xmlns"
        attributes[name] = xacml.NAMESPACE
        text = self.gap() + self.element("Policy", attributes, inside) + self.gap()
        encoding = self.pick("utf-8", "UTF-8", "utf-16")
        declaration = self.pick("", f'<?xml version="1.0" encoding="{encoding}"?>')
        if encoding == "utf-16":
            return (declaration + text.lstrip()).encode("utf-16")
        mark = self.pick(b"", b"\xef\xbb\xbf")
        return bytes(mark) + (declaration + (text if declaration else text.lstrip())).encode()


# --- changes of meaning ------------------------------------------------------------------------------------------------


def _change_match(
    policy: xacml.Policy, place: tuple[int, int, int, int], change: dict[str, Any]
) -> xacml.Policy:
    rule_at, any_at, all_at, match_at = place
    rule = policy.rules[rule_at]
    assert rule.target is not None
    target = [[list(all_of) for all_of in any_of] for any_of in rule.target]
    target[any_at][all_at][match_at] = target[any_at][all_at][match_at]._replace(**change)
    changed = replace(rule, target=tuple(tuple(tuple(all_of) for all_of in any_of) for any_of in target))
    return replace(policy, rules=(*policy.rules[:rule_at], changed, *policy.rules[rule_at + 1 :]))


@st.composite
def changes(draw: Callable[[Any], Any], policy: xacml.Policy) -> tuple[str, xacml.Policy]:
    """The policy with one thing changed that must be seen, and what it was. New values never occur elsewhere."""
    kinds = [
        "algorithm",
        "new rule",
        "value",
        "function",
        "attribute",
        "type",
        "new subject",
        "new level",
        "condition",
    ]
    kind = draw(st.sampled_from(kinds))
    rule_at = draw(st.integers(0, len(policy.rules) - 1))
    rule = policy.rules[rule_at]
    assert rule.target is not None
    any_at = draw(st.integers(0, len(rule.target) - 1))
    all_at = draw(st.integers(0, len(rule.target[any_at]) - 1))
    match_at = draw(st.integers(0, len(rule.target[any_at][all_at]) - 1))
    place = (rule_at, any_at, all_at, match_at)
    if kind == "algorithm":
        return kind, replace(
            policy, algorithm="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-unless-permit"
        )
    if kind == "new rule":
        fresh = xacml.Match(xacml.SUBJECT, xacml.ROLE_CODE, "never-seen")
        return kind, replace(policy, rules=(*policy.rules, xacml.Rule("urn:new", "Permit", (((fresh,),),))))
    if kind == "new subject":
        fresh = xacml.Match(xacml.SUBJECT, xacml.ROLE_CODE, "never-seen")
        any_ofs = tuple(
            (*any_of, (fresh,)) if any_of[0][0].category == xacml.SUBJECT else any_of
            for any_of in rule.target
        )
        changed = replace(rule, target=any_ofs)
        return kind, replace(policy, rules=(*policy.rules[:rule_at], changed, *policy.rules[rule_at + 1 :]))
    if kind == "new level":
        return kind, replace(
            policy, obligations=(*policy.obligations, xacml.level_obligation(xacml.LEVEL, 9))
        )
    if kind == "condition":
        changed = replace(rule, condition=xacml.value_node(xacml.STRING, "never-seen"))
        return kind, replace(policy, rules=(*policy.rules[:rule_at], changed, *policy.rules[rule_at + 1 :]))
    change = {
        "value": {"value": "never-seen"},
        "function": {"function": "urn:oasis:names:tc:xacml:1.0:function:string-is-in"},
        "attribute": {"attribute_id": "urn:never:seen"},
        "type": {"data_type": "http://www.w3.org/2001/XMLSchema#anyURI"},
    }[kind]
    return kind, _change_match(policy, place, change)
