# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of the field: read, refused with line and reason, compared, written, extended; hostile files."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_write as xacml_write

POLICIES = Path(__file__).parent / "data" / "policies"
AQUACULTURE = (POLICIES / "seed-aquaculture.xml").read_bytes()
TAX = (POLICIES / "seed-tax-administration.xml").read_bytes()
GOOD = (POLICIES / "maskinportenschema.xml").read_text()

SAMPLES = ["broker", "consent", "correspondence", "generic", "maskinportenschema", "maskinportenschema-equal"]


def lines(data: bytes) -> list[str]:
    return xacml.describe(xacml.meaning(xacml_parse.parse(data)))


def refused(text: str) -> xacml.XacmlError:
    with pytest.raises(xacml.XacmlError) as caught:
        xacml_parse.parse(text.encode())
    return caught.value


# --- the two policies of the official guides ---------------------------------------------------------------------------


def test_seed_policies_read_as_people_would_say_them() -> None:
    assert lines(AQUACULTURE) == [
        "role apiadm may scopeaccess on maskinportenschema-aquaportalapi-write",
        "authentication level 3 is needed",
    ]
    assert lines(TAX) == [
        "role apiadm may scopeaccess [exactly so written] on skd-maskinportenschemaid-8",
        "authentication level 2 is needed",
    ]
    xacml.check_content(xacml_parse.parse(AQUACULTURE), "maskinportenschema-aquaportalapi-write")
    xacml.check_content(xacml_parse.parse(TAX), "skd-maskinportenschemaid-8")


@pytest.mark.parametrize("data", [AQUACULTURE, TAX])
def test_a_seed_policy_equals_its_own_reformatting(data: bytes) -> None:
    text = data.decode()
    other = re.sub(r">\s+<", "><", text).replace("xmlns:xacml=", "xmlns:p=").replace("<xacml:", "<p:")
    other = (
        other.replace("</xacml:", "</p:").replace("><", ">\n<!-- x --><").replace("?>\n<!-- x -->", "?>", 1)
    )
    other = other.replace('PolicyId="', 'PolicyId="urn:other:').replace('RuleId="', 'RuleId="urn:other:')
    assert other != text
    assert xacml.meaning(xacml_parse.parse(other.encode())) == xacml.meaning(xacml_parse.parse(data))
    assert xacml.meaning(xacml_parse.parse(xacml_write.write(xacml_parse.parse(data)))) == xacml.meaning(
        xacml_parse.parse(data)
    )


def test_the_seed_policies_differ_where_they_differ_even_for_the_same_resource() -> None:
    moved = TAX.replace(b"skd-maskinportenschemaid-8", b"maskinportenschema-aquaportalapi-write")
    one, other = xacml.meaning(xacml_parse.parse(AQUACULTURE)), xacml.meaning(xacml_parse.parse(moved))
    assert one != other
    assert one.rules != other.rules, "ignore-case and exact comparison of the action"
    assert one.obligations != other.obligations, "level 3 and level 2"


# --- samples of every kind of resource ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_survive_writing(name: str) -> None:
    policy = xacml_parse.parse((POLICIES / f"{name}.xml").read_bytes())
    assert xacml_parse.parse(xacml_write.write(policy)) == policy


@pytest.mark.parametrize("name", ["broker", "consent", "correspondence", "generic", "maskinportenschema"])
def test_what_altinn_studio_writes_is_what_we_write(name: str) -> None:
    data = (POLICIES / f"{name}.xml").read_bytes()
    assert xacml_write.write(xacml_parse.parse(data)) == data


def test_the_two_writings_of_one_policy_are_equal() -> None:
    other = (POLICIES / "maskinportenschema-equal.xml").read_bytes()
    assert xacml.meaning(xacml_parse.parse(GOOD.encode())) == xacml.meaning(xacml_parse.parse(other))


def test_levels() -> None:
    assert xacml.levels(xacml_parse.parse((POLICIES / "generic.xml").read_bytes())) == (4, 3)
    assert xacml.levels(xacml_parse.parse(TAX)) == (2, None)


# --- what the server would answer with an unexplained 500 -------------------------------------------------------------

TARGET = "<xacml:Target/>"
VALUE = (
    '<xacml:AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">apiadm</xacml:AttributeValue>'
)
DESIGNATOR = (
    '<xacml:AttributeDesignator AttributeId="urn:altinn:rolecode" '
    'Category="urn:oasis:names:tc:xacml:1.0:subject-category:access-subject" '
    'DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/>'
)

REFUSED = [
    (TARGET, "<xacml:Target></xacml:Target>", 3, "<Target/>"),
    (TARGET, "<xacml:Target> </xacml:Target>", 3, "<Target/>"),
    (TARGET, "<xacml:Target><!-- empty --></xacml:Target>", 3, "<Target/>"),
    (TARGET, "", 4, "Rule in Policy, where Target must stand"),
    (TARGET, TARGET + TARGET, 2, "no Rule|unknown, twice"),
    (TARGET, TARGET + "text", 2, "text between the elements of Policy"),
    (TARGET, TARGET + "<![CDATA[ ]]>", 2, "text between the elements of Policy"),
    (TARGET, TARGET + "\u00a0", 2, "text between the elements of Policy"),
    ('PolicyId="urn:altinn:policyid:1" ', "", 2, "PolicyId"),
    ('PolicyId="urn:altinn:policyid:1"', 'PolicyId=""', 2, "PolicyId"),
    ('Version="1.0" ', 'Version="one" ', 2, "Version"),
    (' RuleCombiningAlgId="', ' Other="', 2, "RuleCombiningAlgId"),
    ("xacml:Policy", "xacml:PolicySet", 2, "PolicySet"),
    ("core:schema:wd-17", "core:schema:wd-16", 2, "namespace"),
    ('Effect="Permit"', 'Effect="Allow"', 4, "Permit or Deny"),
    ('Effect="Permit"', "", 4, "Effect"),
    (VALUE, "", 10, "AttributeValue"),
    (VALUE, VALUE.replace(' DataType="http://www.w3.org/2001/XMLSchema#string"', ""), 9, "DataType"),
    (VALUE, VALUE.replace("apiadm", "<b>apiadm</b>"), 9, "text only"),
    (VALUE + "\n            ", "", 9, "AttributeValue must stand"),
    (DESIGNATOR, "", 8, "AttributeDesignator"),
    (DESIGNATOR, DESIGNATOR.replace(' MustBePresent="false"', ""), 10, "MustBePresent"),
    (DESIGNATOR, DESIGNATOR.replace('"false"', '"no"'), 10, "true or false"),
    (DESIGNATOR, DESIGNATOR.replace("urn:altinn:rolecode", "rolecode"), 10, "absolute URN"),
    (DESIGNATOR, DESIGNATOR.replace("AttributeDesignator", "AttributeSelector"), 10, "AttributeSelector"),
    ("</xacml:Rule>", "<xacml:Target/></xacml:Rule>", 49, "twice, or in the wrong order"),
    ("</xacml:Rule>", "<xacml:Unknown/></xacml:Rule>", 49, "Unknown"),
    ("</xacml:Policy>", "<xacml:Rule/></xacml:Policy>", 62, "wrong order"),
    (
        "  <xacml:ObligationExpressions>",
        "  <xacml:ObligationExpressions/>\n<xacml:ObligationExpressions>",
        50,
        "empty",
    ),
    ('FulfillOn="Permit"', 'FulfillOn="Always"', 51, "Permit or Deny"),
]


@pytest.mark.parametrize(("old", "new", "line", "reason"), REFUSED)
def test_what_the_server_cannot_read_is_refused_with_line_and_reason(
    old: str, new: str, line: int, reason: str
) -> None:
    assert old in GOOD, "the sample has changed"
    count = -1 if old == "xacml:Policy" else 1
    error = refused(GOOD.replace(old, new, count))
    assert re.search(reason, error.reason), error.reason
    assert error.line == line, error.reason


@pytest.mark.parametrize(
    ("bit", "reason"),
    [
        ("<xacml:VariableDefinition VariableId='v'/>", "VariableDefinition"),
        ("<xacml:VariableDefinition VariableId='v'> <xacml:Apply FunctionId='urn:f'></xacml:Apply></xacml:VariableDefinition>",
         "VariableDefinition"),
        ("<xacml:CombinerParameters/>", "CombinerParameters is empty"),
        ("<xacml:RuleCombinerParameters RuleIdRef='a'></xacml:RuleCombinerParameters>" * 2, "at most one"),
    ],
)  # fmt: skip
def test_rare_elements_that_break_the_server_are_refused(bit: str, reason: str) -> None:
    assert reason in refused(GOOD.replace(TARGET, TARGET + bit, 1)).reason


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("<xacml:Apply FunctionId='urn:f'></xacml:Apply>", True),
        ("<xacml:Apply FunctionId='urn:f'/>", False),
        ("<xacml:Function FunctionId='urn:f'/>", True),
        ("<xacml:Function FunctionId='urn:f'></xacml:Function>", False),
        ("<xacml:VariableReference VariableId='v'/>", True),
        ("<xacml:AttributeSelector Category='urn:c' Path='/a' DataType='urn:t' MustBePresent='1'/>", True),
        ("<xacml:AttributeSelector Category='urn:c' Path='/a' DataType='urn:t'/>", False),
        (
            "<xacml:AttributeDesignator AttributeId='urn:a' Category='urn:c' DataType='urn:t' MustBePresent='0'/>",
            True,
        ),
        ("<xacml:AttributeValue DataType='urn:t'><a>1</a></xacml:AttributeValue>", True),
        ("<xacml:Apply FunctionId='urn:f'><xacml:VariableReference VariableId='v'/></xacml:Apply>", False),
        ("", False),
        ("<xacml:Function FunctionId='urn:f'/><xacml:Function FunctionId='urn:f'/>", False),
    ],
)
def test_conditions(condition: str, taken: bool) -> None:
    text = GOOD.replace("    </xacml:Target>\n  </xacml:Rule>",
                        f"    </xacml:Target><xacml:Condition>{condition}</xacml:Condition>\n  </xacml:Rule>")  # fmt: skip
    assert text != GOOD
    if not taken:
        refused(text)
        return
    policy = xacml_parse.parse(text.encode())
    assert xacml.meaning(policy) != xacml.meaning(xacml_parse.parse(GOOD.encode()))
    assert xacml_parse.parse(xacml_write.write(policy)) == policy


def test_everything_rare_survives_writing() -> None:
    advice = (
        '<xacml:AdviceExpressions><xacml:AdviceExpression AdviceId="urn:a" AppliesTo="deny"></xacml:AdviceExpression>'
        "</xacml:AdviceExpressions>"
    )
    text = (
        GOOD.replace(
            TARGET,
            "<xacml:Description>d &amp; e</xacml:Description><xacml:PolicyIssuer/><xacml:PolicyDefaults><xacml:XPathVersion>"
            "http://www.w3.org/TR/1999/REC-xpath-19991116</xacml:XPathVersion></xacml:PolicyDefaults>" + TARGET
            + '<xacml:CombinerParameters><xacml:CombinerParameter ParameterName="p"><xacml:AttributeValue DataType="urn:t">'
            "<z>1</z></xacml:AttributeValue></xacml:CombinerParameter></xacml:CombinerParameters>"
            f'<VariableDefinition VariableId="v" xmlns="{xacml.NAMESPACE}"><Apply FunctionId="urn:f"></Apply>'
            "</VariableDefinition>",
            1,
        )
        .replace("</xacml:Rule>", f"{advice}</xacml:Rule>")
        .replace("</xacml:Policy>", f"{advice}</xacml:Policy>")
    )  # fmt: skip
    policy = xacml_parse.parse(text.encode())
    assert policy.trailing
    assert policy.rules[0].extras
    assert xacml_parse.parse(xacml_write.write(policy)) == policy
    # None of it decides anything, except that a variable can be referred to.
    plain = xacml.meaning(xacml_parse.parse(GOOD.encode()))
    assert xacml.meaning(policy)._replace(variables=frozenset()) == plain


# --- significant and not ----------------------------------------------------------------------------------------------


def test_rule_obligations_and_obligations_on_deny_do_not_count() -> None:
    policy = xacml_parse.parse(GOOD.encode())
    more = replace(
        policy,
        obligations=(*policy.obligations, xacml.level_obligation(xacml.LEVEL, 4)._replace(fulfill_on="Deny")),
        target=(((xacml.Match(xacml.SUBJECT, xacml.ROLE_CODE, "nobody"),),),),
    )
    assert xacml.meaning(more) == xacml.meaning(policy)


def test_white_space_inside_a_value_counts() -> None:
    assert xacml.meaning(xacml_parse.parse(GOOD.replace(">apiadm<", "> apiadm<").encode())) != xacml.meaning(
        xacml_parse.parse(GOOD.encode())
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings_that_the_server_reads(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = GOOD.replace('encoding="utf-8"', f'encoding="{declared}"').replace(">apiadm<", ">æøå<")
    policy = xacml_parse.parse(text.encode(encoding))
    assert "role æøå may scopeaccess on demo-orders-read" in xacml.describe(xacml.meaning(policy))


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-7", "ebcdic-cp-us", "no-such"])
def test_other_encodings_are_refused(encoding: str) -> None:
    assert "UTF-8" in refused(GOOD.replace('encoding="utf-8"', f'encoding="{encoding}"')).reason


def test_text_from_a_variable_is_made_a_file() -> None:
    text = "\n  " + GOOD.replace('encoding="utf-8"', 'encoding="utf-16"')
    assert xacml.meaning(xacml_parse.parse(xacml_parse.as_bytes(text))) == xacml.meaning(
        xacml_parse.parse(GOOD.encode())
    )


# --- content ----------------------------------------------------------------------------------------------------------


def test_a_policy_of_another_resource_is_refused_by_name() -> None:
    policy = xacml_parse.parse((POLICIES / "bad-other-resource-400.xml").read_bytes())
    with pytest.raises(xacml.XacmlError, match=r"line 4: .*some-other-id.*demo-orders-read"):
        xacml.check_content(policy, "demo-orders-read")


def test_a_rule_without_resource_is_refused() -> None:
    policy = xacml_parse.parse(GOOD.encode())
    bare = replace(policy, rules=(replace(policy.rules[0], target=None),))
    with pytest.raises(xacml.XacmlError, match="does not name the resource"):
        xacml.check_content(bare, "demo-orders-read")


def test_an_app_may_be_named_by_org_and_app() -> None:
    def match(attribute: str, value: str) -> xacml.AnyOf:
        return ((xacml.Match(xacml.RESOURCE, attribute, value, function=xacml.EQUAL),),)

    policy = xacml.Policy("urn:p", xacml.DENY_OVERRIDES, (
        xacml.Rule("r", "Permit", (match(xacml.ORG, "SKD"), match(xacml.APP, "form"))),))  # fmt: skip
    xacml.check_content(policy, "app_skd_form")
    with pytest.raises(xacml.XacmlError, match="does not name"):
        xacml.check_content(policy, "app_skd_other")
    with pytest.raises(xacml.XacmlError, match="does not name"):
        xacml.check_content(policy, "app_skd_form_two")


# --- adding packages --------------------------------------------------------------------------------------------------


def test_packages_are_added_where_the_role_stands_and_nothing_else_moves() -> None:
    commented = AQUACULTURE.replace(b"</xacml:Description>", b"</xacml:Description><!-- keep me -->")
    added = xacml_write.add_packages(commented, {"apiadm": ("maskinporten-scopes",)})
    assert b"<!-- keep me -->" in added
    old, new = commented.decode().splitlines(), added.decode().splitlines()
    assert [line for line in old if line not in new and not line.startswith("<?xml")] == []
    assert len(new) == len(old) + 6
    assert lines(added) == [
        "access package maskinporten-scopes may scopeaccess on maskinportenschema-aquaportalapi-write",
        "role apiadm may scopeaccess on maskinportenschema-aquaportalapi-write",
        "authentication level 3 is needed",
    ]
    assert xacml_write.add_packages(added, {"apiadm": ("maskinporten-scopes",)}) == added


def test_roles_are_taken_out_only_when_told() -> None:
    added = xacml_write.add_packages(AQUACULTURE, {"apiadm": ("maskinporten-scopes",)}, remove_roles=True)
    assert not any(line.startswith("role") for line in lines(added))
    assert any(line.startswith("access package") for line in lines(added))


def test_a_denying_rule_gets_no_package() -> None:
    denying = AQUACULTURE.replace(b'Effect="Permit"', b'Effect="Deny"')
    assert xacml_write.add_packages(denying, {"apiadm": ("maskinporten-scopes",)}) == denying


# --- hostile files ----------------------------------------------------------------------------------------------------

NS = xacml.NAMESPACE
HOSTILE = {
    "doctype": f'<!DOCTYPE Policy><Policy xmlns="{NS}"/>',
    "external entity": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>',
    "external doctype": '<!DOCTYPE p SYSTEM "http://127.0.0.1:9/x.dtd"><p/>',
    "billion laughs": "<!DOCTYPE l ["
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10))
    + "]><l>&l9;</l>",
    "undeclared entity": f'<Policy xmlns="{NS}" PolicyId="&x;"/>',
    "deep nesting": "<a>" * 100_000,
    "deep apply": f'<Policy xmlns="{NS}">' + '<Apply FunctionId="urn:f">' * 10_000,
    "megabytes": f'<Policy xmlns="{NS}">' + " " * 50_000_000 + "</Policy>",
    "many elements": f'<Policy xmlns="{NS}">' + "<a/>" * 250_000 + "</Policy>",
    "many attributes": f'<Policy xmlns="{NS}" ' + " ".join(f'a{n}=""' for n in range(90_000)) + "/>",
    "many namespaces": "<Policy " + " ".join(f'xmlns:a{n}="b"' for n in range(60_000)) + "/>",
    "many comments": f'<Policy xmlns="{NS}">' + "<!---->" * 140_000 + "</Policy>",
    "long name": f'<Policy xmlns="{NS}"><{"a" * 1_000_000}/></Policy>',
    "long value": f'<Policy xmlns="{NS}" PolicyId="{"a " * 500_000}"/>',
    "wrong namespace": "<Policy xmlns='urn:oasis:names:tc:xacml:2.0:policy:schema:os'/>",
    "no namespace": "<Policy/>",
    "policy set": f'<PolicySet xmlns="{NS}"/>',
    "null bytes": "\0\0\0\0",
    "half a character": "<Policy \udcff/>",
    "zip": "PK\x03\x04 not xml",
    "json": '{"rules": []}',
    "page": "<html><body>Log in</body></html>",
    "nothing": "",
    "unfinished": f'<Policy xmlns="{NS}"',
    "two roots": "<a/><b/>",
    "xml 1.1": f'<?xml version="1.1"?><Policy xmlns="{NS}"/>',
    "many combinations": "",
}

PROBE = r"""
import re, sys
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml, _xacml_parse
data = open(sys.argv[1], "rb").read()
try:
    _xacml.describe(_xacml.meaning(_xacml_parse.parse(data)))
    print("taken")
except _xacml.XacmlError as error:
    print(error)
print(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
"""


def _many_combinations() -> str:
    def any_of(category: str, attribute: str, values: list[str]) -> xacml.AnyOf:
        return tuple((xacml.Match(category, attribute, value),) for value in values)

    rule = xacml.Rule("r", "Permit", (
        any_of(xacml.SUBJECT, xacml.ROLE_CODE, [f"s{n}" for n in range(600)]),
        any_of(xacml.ACTION, xacml.ACTION_ID, [f"a{n}" for n in range(600)]),
        any_of(xacml.ENVIRONMENT, "urn:e", [f"e{n}" for n in range(600)]),
    ))  # fmt: skip
    return xacml_write.write(xacml.Policy("urn:p", xacml.DENY_OVERRIDES, (rule,))).decode()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_ends_in_one_sentence_and_little_memory(name: str, tmp_path: Path) -> None:
    text = _many_combinations() if name == "many combinations" else HOSTILE[name]
    file = tmp_path / "policy.xml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    # The limit of time guards against a hang; how long it takes is measured elsewhere.
    run = subprocess.run(
        [sys.executable, "-c", PROBE, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    *answer, kilobytes = run.stdout.splitlines()
    assert len(answer) == 1, "one sentence, on one line"
    assert len(answer[0]) < 500
    assert (answer[0] == "taken") == (name == "many combinations")
    # The whole process at its largest, Python and the bytes of the file included.
    assert int(kilobytes) < 100_000, answer[0]
