# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy decision point: evaluation of one policy, and the decision end points with access lists."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox import xacml, xacml_pdp
from tests.sandbox.altinn_caller import (
    CONSUMER,
    LISTS,
    SUPPLIER,
    WRITE,
    AltinnCaller,
    sample,
    sample_bytes,
)

GOOD = sample_bytes("policy-maskinportenschema.xml")
ID = "demo-orders-read"
ROLE, PACKAGE = "urn:altinn:rolecode", "urn:altinn:accesspackage"
IGNORE_CASE = b"urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case"
EQUAL = b"urn:oasis:names:tc:xacml:1.0:function:string-equal"
DENY_OVERRIDES = b"urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"
SCOPE = "altinn:authorization/authorize"


def decide(
    policy: bytes,
    *,
    subject: tuple[str, str] = (ROLE, "apiadm"),
    action: str = "scopeaccess",
    resource: str = ID,
) -> xacml_pdp.Decision:
    request = xacml_pdp.DecisionRequest()
    request.add(xacml.SUBJECT, *subject, xacml.STRING)
    request.add(xacml.ACTION, xacml.ACTION_ID, action, xacml.STRING)
    request.add(xacml.RESOURCE, xacml.RESOURCE_ID, resource, xacml.STRING)
    return xacml_pdp.evaluate(xacml.parse_policy(policy), request)


def rule_of(policy: bytes) -> bytes:
    return policy[policy.index(b"<xacml:Rule ") : policy.index(b"</xacml:Rule>") + len(b"</xacml:Rule>")]


def with_rules(*rules: bytes, algorithm: bytes = DENY_OVERRIDES) -> bytes:
    return GOOD.replace(rule_of(GOOD), b"".join(rules)).replace(DENY_OVERRIDES, algorithm)


PERMIT = rule_of(GOOD)
DENY = PERMIT.replace(b'"Permit"', b'"Deny"')


# --- matching --------------------------------------------------------------------------------------------------


def test_permit_brings_both_levels() -> None:
    decision = decide(GOOD)
    assert decision.decision == "Permit"
    assert [
        (category, value.value)
        for one in decision.obligations
        for _id, category, _issuer, value in one.assignments
    ] == [
        ("urn:altinn:minimum-authenticationlevel", "3"),
        ("urn:altinn:minimum-authenticationlevel-org", "3"),
    ]


def test_any_of_the_subjects_will_do_and_nothing_else() -> None:
    for subject in (
        (ROLE, "apiadmnuf"),
        (PACKAGE, "maskinporten-scopes"),
        (PACKAGE, "maskinporten-scopes-nuf"),
    ):
        assert decide(GOOD, subject=subject).decision == "Permit"
    for other in ({"subject": (ROLE, "regna")}, {"subject": (PACKAGE, "apiadm")}, {"action": "read"}):
        assert decide(GOOD, **other).decision == "NotApplicable"
    assert decide(GOOD, resource="demo-orders-READ").decision == "NotApplicable"


def test_case_counts_only_under_string_equal() -> None:
    upper = GOOD.replace(b">scopeaccess<", b">ScopeAccess<").replace(b">apiadm<", b">APIADM<")
    assert decide(upper).decision == "Permit"
    assert decide(upper.replace(IGNORE_CASE, EQUAL)).decision == "NotApplicable"
    assert decide(GOOD.replace(IGNORE_CASE, EQUAL)).decision == "Permit"


def test_data_type_counts() -> None:
    other = GOOD.replace(
        b'AttributeId="urn:altinn:rolecode" Category="urn:oasis:names:tc:xacml:1.0:subject-category:access-subject" '
        b'DataType="http://www.w3.org/2001/XMLSchema#string"',
        b'AttributeId="urn:altinn:rolecode" Category="urn:oasis:names:tc:xacml:1.0:subject-category:access-subject" '
        b'DataType="http://www.w3.org/2001/XMLSchema#integer"',
    )
    assert decide(other).decision == "NotApplicable"


def test_any_ofs_of_one_category_are_ored() -> None:
    start = GOOD.index(b"<xacml:AnyOf>")
    end = GOOD.index(b"</xacml:AnyOf>") + len(b"</xacml:AnyOf>")
    subjects = GOOD[start:end]
    other = subjects.replace(b"apiadm", b"regna").replace(b"maskinporten", b"x")
    assert decide(GOOD[:end] + other + GOOD[end:]).decision == "Permit"


def test_all_matches_of_one_all_of_are_anded() -> None:
    end = GOOD.index(b"</xacml:Match>") + len(b"</xacml:Match>")
    start = GOOD.index(b"<xacml:Match ")
    second = GOOD[start:end].replace(b">apiadm<", b">regna<")
    assert decide(GOOD[:end] + second + GOOD[end:]).decision == "NotApplicable"


def test_policy_target_is_not_looked_at() -> None:
    target = rule_of(GOOD)
    target = target[
        target.index(b"<xacml:Target>") : target.index(b"</xacml:Target>") + len(b"</xacml:Target>")
    ]
    policy = GOOD.replace(b"<xacml:Target/>", target.replace(b">demo-orders-read<", b">other<"), 1)
    assert decide(policy).decision == "Permit"


def test_must_be_present() -> None:
    def required(attribute: bytes) -> bytes:
        start = GOOD.index(b'AttributeId="' + attribute)
        end = GOOD.index(b'MustBePresent="false"', start)
        return GOOD[:end] + b'MustBePresent="true"' + GOOD[end + len(b'MustBePresent="false"') :]

    assert decide(required(b"urn:altinn:resource")).decision == "Permit"
    unknown = PERMIT.replace(b'"urn:altinn:resource"', b'"urn:altinn:task"').replace(b"false", b"true")
    missing = decide(with_rules(PERMIT, unknown))
    assert (missing.decision, missing.status) == ("Indeterminate", xacml_pdp.MISSING_ATTRIBUTE)
    subject = required(b"urn:altinn:accesspackage")
    alone = decide(subject)
    assert (alone.decision, alone.status) == ("Indeterminate", xacml_pdp.OK)
    assert decide(with_rules(PERMIT, rule_of(subject))).decision == "Permit"


def test_unknown_function_is_an_error_only_when_reached() -> None:
    policy = GOOD.replace(IGNORE_CASE, IGNORE_CASE.replace(b"3.0", b"1.0"))
    reached = decide(policy)
    assert (reached.decision, reached.status) == ("Indeterminate", xacml_pdp.SYNTAX_ERROR)
    assert decide(policy, resource="other").decision in ("Indeterminate", "NotApplicable")


@pytest.mark.parametrize(("wanted", "decision"), [(b"apiadm", "Permit"), (b"regna", "NotApplicable")])
def test_condition_must_be_true(wanted: bytes, decision: str) -> None:
    start = PERMIT.index(b"<xacml:AttributeDesignator")
    designator = PERMIT[start : PERMIT.index(b"/>", start) + 2]
    value = b'<xacml:AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">' + wanted
    condition = (
        b'<xacml:Condition><xacml:Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-is-in">'
        + value
        + b"</xacml:AttributeValue>"
        + designator
        + b"</xacml:Apply></xacml:Condition></xacml:Rule>"
    )
    assert decide(with_rules(PERMIT.replace(b"</xacml:Rule>", condition))).decision == decision


# --- combining -------------------------------------------------------------------------------------------------

OTHER = PERMIT.replace(b">scopeaccess<", b">read<")
V3 = "urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:"
V3_POLICY = "urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:"
V1 = "urn:oasis:names:tc:xacml:1.0:rule-combining-algorithm:"


@pytest.mark.parametrize(
    ("algorithm", "rules", "decision"),
    [
        (f"{V3}deny-overrides", (PERMIT, DENY), "Deny"),
        (f"{V3_POLICY}deny-overrides", (PERMIT, DENY), "Deny"),
        (f"{V3}ordered-deny-overrides", (PERMIT, DENY), "Deny"),
        (f"{V3}permit-overrides", (PERMIT, DENY), "Permit"),
        (f"{V3}permit-overrides", (DENY, OTHER), "Deny"),
        (f"{V3}deny-unless-permit", (OTHER,), "Deny"),
        (f"{V3}permit-unless-deny", (OTHER,), "Permit"),
        (f"{V1}first-applicable", (OTHER, DENY, PERMIT), "Deny"),
        (f"{V1}first-applicable", (PERMIT, DENY), "Permit"),
        (f"{V3}first-applicable", (PERMIT,), "Indeterminate"),
        (f"{V1}deny-overrides", (PERMIT,), "Indeterminate"),
        ("anything", (PERMIT,), "Indeterminate"),
        (f"{V3}deny-overrides", (OTHER,), "NotApplicable"),
    ],
)
def test_combining_algorithms(algorithm: str, rules: tuple[bytes, ...], decision: str) -> None:
    assert decide(with_rules(*rules, algorithm=algorithm.encode())).decision == decision


# --- end points ------------------------------------------------------------------------------------------------


def ask(altinn: AltinnCaller, body: Any, end_point: str = "authorize", **headers: str) -> httpx.Response:
    given = {
        "Ocp-Apim-Subscription-Key": "any",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return altinn.call(
        "POST", f"/authorization/api/v1/{end_point}", altinn.token_later(SCOPE), json=body, headers=given
    )


def decision_on(altinn: AltinnCaller, **attributes: str) -> str:
    """The decision for a person who acts for an organisation."""
    body = {
        "request": {
            "accesssubject": [{"attribute": [{"attributeid": "urn:altinn:userid", "value": "1"}]}],
            "action": [{"attribute": [{"attributeid": xacml.ACTION_ID, "value": attributes.pop("action")}]}],
            "resource": [
                {"attribute": [{"attributeid": name, "value": value} for name, value in attributes.items()]}
            ],
        }
    }
    return str(ask(altinn, body).json()["response"][0]["decision"])


@pytest.mark.parametrize("end_point", ["authorize", "decision"])
def test_answer_has_the_shape_of_the_json_profile(altinn: AltinnCaller, end_point: str) -> None:
    altinn.publish()
    body = sample("pdp-authorize-request.json")
    assert ask(altinn, body, end_point).json() == sample("pdp-authorize-response.json")
    body["Request"]["ReturnPolicyIdList"] = True
    listed = ask(altinn, body, end_point).json()["response"][0]["policyIdentifierList"]
    assert listed["policyIdReference"] == [{"id": "urn:altinn:policyid:1", "version": "1.0"}]


def test_errors_are_answers(altinn: AltinnCaller) -> None:
    answer = ask(altinn, sample("pdp-authorize-request.json"))
    assert answer.status_code == 200
    response = answer.json()["response"][0]
    assert (response["decision"], response["obligations"]) == ("Indeterminate", None)
    assert response["status"]["statusCode"]["value"] == xacml_pdp.PROCESSING_ERROR
    assert response["status"]["statusMessage"]


def test_end_point_needs_scope_and_subscription_key(altinn: AltinnCaller) -> None:
    path, body = "/authorization/api/v1/authorize", sample("pdp-authorize-request.json")
    key = {"Ocp-Apim-Subscription-Key": "any"}
    assert altinn.call("POST", path, altinn.token(SCOPE), json=body).status_code == 401
    assert altinn.call("POST", path, json=body, headers=key).status_code == 401
    assert altinn.call("POST", path, altinn.token(WRITE), json=body, headers=key).status_code == 403
    altinn.sandbox.switch(altinn_authorize_needs_subscription_key=False)
    assert altinn.call("POST", path, altinn.token(SCOPE), json=body).status_code == 200


def test_context_adds_what_the_person_holds_for_the_party(altinn: AltinnCaller) -> None:
    altinn.publish()
    party = {"urn:altinn:organization:identifier-no": CONSUMER}
    resource = {"urn:altinn:resource": ID, "action": "scopeaccess"}
    assert decision_on(altinn, **resource, **party) == "Permit"
    assert decision_on(altinn, **resource) == "NotApplicable"
    altinn.sandbox.seed({"altinn": {"held": {CONSUMER: ["urn:altinn:rolecode:REGNA"]}}})
    assert decision_on(altinn, **resource, **party) == "NotApplicable"


def test_access_list_decides_after_the_policy(altinn: AltinnCaller) -> None:
    body = sample("resource-post-generic.json")
    body["accessListMode"] = "Enabled"
    altinn.create(body)
    altinn.upload("demo-portal", sample_bytes("policy-generic.xml"))

    def decision(number: str, action: str = "read") -> str:
        party = {"urn:altinn:organization:identifier-no": number}
        return decision_on(altinn, **{"urn:altinn:resource": "demo-portal"}, **party, action=action)

    # Enabled and no list: nobody gets through.
    assert decision(CONSUMER) == "Deny"
    path = f"{LISTS}/demo/approved"
    write = altinn.token_later("altinn:resourceregistry/accesslist.write")
    altinn.call("PUT", path, write, json={"name": "x"})
    altinn.call(
        "PUT", f"{path}/members", write, json={"data": [f"urn:altinn:organization:identifier-no:{CONSUMER}"]}
    )
    assert decision(CONSUMER) == "Deny"
    connection = f"{path}/resource-connections/demo-portal"
    altinn.call("PUT", connection, write, json={"actionFilters": ["read"]})
    assert (decision(CONSUMER), decision(CONSUMER, "write"), decision(SUPPLIER)) == ("Permit", "Deny", "Deny")
    altinn.call("PUT", connection, write, json={"actionFilters": ["READ"]})
    assert decision(CONSUMER) == "Deny"
    altinn.call("PUT", connection, write, json={})
    assert (decision(CONSUMER), decision(CONSUMER, "write")) == ("Permit", "Permit")
    body["accessListMode"] = "Disabled"
    assert altinn.replace("demo-portal", body, altinn.token_later(WRITE)).status_code == 200
    assert decision(SUPPLIER) == "Permit"
