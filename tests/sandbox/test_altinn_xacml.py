# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's policy parser: what it takes, what makes it throw."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import xacml
from tests.sandbox.altinn_caller import sample_bytes

STRING = "http://www.w3.org/2001/XMLSchema#string"
VALUE = f'<AttributeValue DataType="{STRING}">demo-api</AttributeValue>'
DESIGNATOR = (
    f'<AttributeDesignator AttributeId="urn:altinn:resource" Category="{xacml.RESOURCE}" '
    f'DataType="{STRING}" MustBePresent="false"/>'
)
MATCH = f'<Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal">{VALUE}{DESIGNATOR}</Match>'
TARGET = f"<Target><AnyOf><AllOf>{MATCH}</AllOf></AnyOf></Target>"
RULE = f'<Rule RuleId="r" Effect="Permit">{TARGET}</Rule>'
VARIABLE = f'<VariableDefinition VariableId="v">{VALUE}</VariableDefinition>'
ASSIGNMENT = f'<AttributeAssignmentExpression AttributeId="a">{VALUE}</AttributeAssignmentExpression>'
OBLIGATION = f'<ObligationExpression ObligationId="o" FulfillOn="Permit">{ASSIGNMENT}</ObligationExpression>'
EMPTY_OBLIGATION = '<ObligationExpression ObligationId="o" FulfillOn="Permit"/>'


def document(
    content: str = f"<Target/>{RULE}", attributes: str = 'PolicyId="p" RuleCombiningAlgId="a"'
) -> bytes:
    return f'<Policy xmlns="{xacml.NAMESPACE}" {attributes}>{content}</Policy>'.encode()


def rule(content: str, attributes: str = 'RuleId="r" Effect="Permit"') -> bytes:
    return document(f"<Target/><Rule {attributes}>{content}</Rule>")


def match(content: str, attributes: str = 'MatchId="m"') -> bytes:
    return rule(f"<Target><AnyOf><AllOf><Match {attributes}>{content}</Match></AllOf></AnyOf></Target>")


ACCEPTED = {
    "smallest": document(),
    "empty-target-with-space": document(f"<Target />{RULE}"),
    "empty-target-with-attribute": document(f'<Target a="/>" />{RULE}'),
    "policy-target": document(f"{TARGET}{RULE}"),
    "all-parts-in-order": document(
        "<Description>d</Description><PolicyIssuer/><PolicyDefaults><XPathVersion>x</XPathVersion></PolicyDefaults>"
        f"<Target/>{VARIABLE}<CombinerParameters/>{RULE}<RuleCombinerParameters RuleIdRef='r'/>"
        f"<ObligationExpressions>{OBLIGATION}</ObligationExpressions>"
        f"<AdviceExpressions><AdviceExpression AdviceId='x' AppliesTo='deny'>{ASSIGNMENT}</AdviceExpression>"
        "</AdviceExpressions>"
    ),
    "variables-only": document(f"<Target/>{VARIABLE}"),
    "comments-and-instructions": document(f"<!-- c --><?pi x?><Target/><!-- c -->{RULE}<?pi y?>"),
    "unknown-attributes": document(attributes='PolicyId="p" RuleCombiningAlgId="a" Other="x" xml:lang="en"'),
    "rule-without-target": rule(""),
    "effect-in-any-case": rule(TARGET, 'RuleId="r" Effect="pERMIT"'),
    "empty-rule-target": rule("<Target/>"),
    "must-be-present-1": document().replace(b'MustBePresent="false"', b'MustBePresent="1"'),
    "selector": match(f'{VALUE}<AttributeSelector Category="c" DataType="d" Path="p" MustBePresent="0"/>'),
    "condition": rule(f'{TARGET}<Condition><Apply FunctionId="f">{VALUE}{DESIGNATOR}</Apply></Condition>'),
    "inner-xml": match(f'<AttributeValue DataType="other"><x/>text</AttributeValue>{DESIGNATOR}'),
    "cdata-value": document().replace(b">demo-api<", b"><![CDATA[demo-api]]><"),
    "empty-obligation-as-last": document(
        f"<Target/>{RULE}<ObligationExpressions>{OBLIGATION}{EMPTY_OBLIGATION}</ObligationExpressions>"
    ),
    "utf-16": '<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16")
    + document().decode().encode("utf-16")[2:],
    "byte-order-mark": b"\xef\xbb\xbf" + document(),
    "latin-1": b'<?xml version="1.0" encoding="iso-8859-1"?>'
    + document(f"<Description>\u00e6</Description><Target/>{RULE}").decode().encode("latin-1"),
    "relative-ids": document(attributes='PolicyId="x" RuleCombiningAlgId="y"'),
}

REFUSED = {
    "nothing": b"",
    "not-xml": b"policy",
    "not-closed": document()[:-1],
    "two-roots": document() + document(),
    "doctype": b"<!DOCTYPE Policy>" + document(),
    "entity": b'<!DOCTYPE Policy [<!ENTITY x "demo-api">]>' + document().replace(b">demo-api<", b">&x;<"),
    "no-namespace": document().replace(b"xmlns", b"ns"),
    "xacml-2-namespace": document().replace(b"3.0:core:schema:wd-17", b"2.0:policy:schema:os"),
    "policy-set": document().replace(b"Policy ", b"PolicySet ").replace(b"/Policy>", b"/PolicySet>"),
    "no-policy-id": document(attributes='RuleCombiningAlgId="a"'),
    "empty-policy-id": document(attributes='PolicyId="" RuleCombiningAlgId="a"'),
    "prefixed-policy-id": document(
        attributes=f'xmlns:p="{xacml.NAMESPACE}" p:PolicyId="x" RuleCombiningAlgId="a"'
    ),
    "no-algorithm": document(attributes='PolicyId="p"'),
    "no-target": document(RULE),
    "target-with-end-tag": document(f"<Target></Target>{RULE}"),
    "target-with-blank": document(f"<Target> </Target>{RULE}"),
    "target-with-comment": document(f"<Target><!-- --></Target>{RULE}"),
    "rule-target-with-end-tag": rule("<Target></Target>"),
    "no-rules": document("<Target/>"),
    "combiner-parameters-only": document("<Target/><CombinerParameters/>"),
    "target-after-rule": document(f"{RULE}<Target/>"),
    "description-after-target": document(f"<Target/><Description>d</Description>{RULE}"),
    "rule-after-obligations": document(
        f"<Target/><ObligationExpressions>{OBLIGATION}</ObligationExpressions>{RULE}"
    ),
    "advice-before-obligations": document(
        f"<Target/>{RULE}<AdviceExpressions><AdviceExpression AdviceId='x' AppliesTo='Deny'/></AdviceExpressions>"
        f"<ObligationExpressions>{OBLIGATION}</ObligationExpressions>"
    ),
    "unknown-element": document(f"<Target/>{RULE}<Extra/>"),
    "element-of-another-namespace": document(f'<Target/>{RULE}<x:Rule xmlns:x="urn:x"/>'),
    "text-between-elements": document(f"<Target/>text{RULE}"),
    "element-in-description": document(f"<Description><b/></Description><Target/>{RULE}"),
    "no-rule-id": rule(TARGET, 'Effect="Permit"'),
    "no-effect": rule(TARGET, 'RuleId="r"'),
    "other-effect": rule(TARGET, 'RuleId="r" Effect="Maybe"'),
    "condition-before-target": rule(f"<Condition>{VALUE}</Condition>{TARGET}"),
    "empty-condition": rule(f"{TARGET}<Condition></Condition>"),
    "two-in-condition": rule(f"{TARGET}<Condition>{VALUE}{VALUE}</Condition>"),
    "apply-without-function": rule(f"{TARGET}<Condition><Apply>{VALUE}</Apply></Condition>"),
    "empty-any-of": rule("<Target><AnyOf/></Target>"),
    "empty-all-of": rule("<Target><AnyOf><AllOf/></AnyOf></Target>"),
    "match-in-any-of": rule(f"<Target><AnyOf>{MATCH}</AnyOf></Target>"),
    "all-of-in-target": rule(f"<Target><AllOf>{MATCH}</AllOf></Target>"),
    "no-match-id": match(f"{VALUE}{DESIGNATOR}", ""),
    "designator-before-value": match(f"{DESIGNATOR}{VALUE}"),
    "value-only": match(VALUE),
    "two-designators": match(f"{VALUE}{DESIGNATOR}{DESIGNATOR}"),
    "value-without-type": document().replace(
        f'<AttributeValue DataType="{STRING}"'.encode(), b"<AttributeValue"
    ),
    "element-in-string-value": match(
        f'<AttributeValue DataType="{STRING}"><b/></AttributeValue>{DESIGNATOR}'
    ),
    "must-be-present-True": document().replace(b'MustBePresent="false"', b'MustBePresent="True"'),
    "content-in-designator": match(f"{VALUE}{DESIGNATOR.replace('/>', '>x</AttributeDesignator>')}"),
    "empty-obligations": document(f"<Target/>{RULE}<ObligationExpressions/>"),
    "obligation-without-fulfill-on": document(
        f'<Target/>{RULE}<ObligationExpressions><ObligationExpression ObligationId="o">{ASSIGNMENT}'
        "</ObligationExpression></ObligationExpressions>"
    ),
    "empty-obligation-before-a-sibling": document(
        f"<Target/>{RULE}<ObligationExpressions>{EMPTY_OBLIGATION}{OBLIGATION}</ObligationExpressions>"
    ),
    "assignment-without-value": document(
        f"<Target/>{RULE}<ObligationExpressions>{OBLIGATION.replace(VALUE, '')}</ObligationExpressions>"
    ),
    "assignment-with-two-values": document(
        f"<Target/>{RULE}<ObligationExpressions>{OBLIGATION.replace(VALUE, VALUE + VALUE)}</ObligationExpressions>"
    ),
    **{
        f"designator-without-{name}": re.sub(
            rb" " + name.encode() + rb'="[^"]*"(?=[^<]*/></Match>)', b"", document()
        )
        for name in ("AttributeId", "Category", "MustBePresent")
    },
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    assert xacml.parse_policy(ACCEPTED[name]).policy_id


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(xacml.PolicyStructureError):
        xacml.parse_policy(REFUSED[name])


@pytest.mark.parametrize("version", ["", "draft", "v"])
def test_version_without_a_digit(version: str) -> None:
    with pytest.raises(xacml.PolicyVersionError):
        xacml.parse_policy(document(attributes=f'PolicyId="p" RuleCombiningAlgId="a" Version="{version}"'))


def test_white_space_in_a_value_is_kept() -> None:
    policy = xacml.parse_policy(document().replace(b">demo-api<", b">\n demo-api\t<"))
    assert policy.rules[0].target is not None
    assert policy.rules[0].target[0][0][0].value.value == "\n demo-api\t"


def test_selector_in_a_match_breaks_after_parsing() -> None:
    policy = xacml.parse_policy(ACCEPTED["selector"])
    with pytest.raises(xacml.PolicyStructureError):
        xacml.check_content(policy, "demo-api")


def test_every_rule_must_name_the_resource() -> None:
    xacml.check_content(xacml.parse_policy(document()), "demo-api")
    for policy in (rule(""), rule("<Target/>"), document(f'<Target/>{RULE}<Rule RuleId="s" Effect="Deny"/>')):
        with pytest.raises(xacml.PolicyContentError, match="without reference"):
            xacml.check_content(xacml.parse_policy(policy), "demo-api")
    with pytest.raises(xacml.PolicyContentError, match="different"):
        xacml.check_content(xacml.parse_policy(document()), "Demo-api")


def test_key_of_a_right_in_both_versions() -> None:
    app = (
        xacml.Attribute("urn:altinn:org", "brg"),
        xacml.Attribute("urn:altinn:app", "rrh-innrapportering"),
    )
    assert xacml.right_key("instantiate", app) == (
        "instantiate;rrh-innrapportering;brg;c9e4c013f36877a54c6d92bab8dcb69c"
    )
    resource = (xacml.Attribute("urn:altinn:resource", "demo-orders-read"),)
    key = "01a811b199a693f35f14e9c115a344c26787eab31e41cb435bdbc6ef33f16a911a"
    assert xacml.right_key_v2("scopeaccess", resource) == xacml.right_key_v2("ScopeAccess", resource) == key


@given(st.data())
def test_a_cut_or_damaged_policy_never_breaks_the_parser_itself(data: st.DataObject) -> None:
    good = sample_bytes("policy-maskinportenschema.xml")
    position = data.draw(st.integers(0, len(good.rstrip()) - 1))
    damaged = data.draw(
        st.sampled_from(
            [good[:position], good[:position] + b"<" + good[position:], good[:position] + b"\xff"]
        )
    )
    with pytest.raises((xacml.PolicyStructureError, xacml.PolicyVersionError)):
        xacml.parse_policy(damaged)


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_text_values_survive(text: str) -> None:
    from xml.sax.saxutils import escape

    policy = xacml.parse_policy(document().replace(b">demo-api<", f">{escape(text)}<".encode()))
    assert policy.rules[0].target is not None
    assert policy.rules[0].target[0][0][0].value.value == text
