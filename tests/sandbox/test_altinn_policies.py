# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies in the registry: upload with its order of checks, byte-exact storage, derived views."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sandbox.altinn_caller import (
    ADMIN,
    LISTS_WRITE,
    RESOURCE,
    SKD,
    WRITE,
    AltinnCaller,
    problem_of,
    sample,
    sample_bytes,
)

GOOD = sample_bytes("policy-maskinportenschema.xml")
ID = "demo-orders-read"
POLICY = f"{RESOURCE}/{ID}/policy"


def view(altinn: AltinnCaller, name: str, **request: Any) -> httpx.Response:
    return altinn.call("GET", f"{POLICY}/{name}", **request)


# --- upload ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_upload_keeps_every_byte(altinn: AltinnCaller, method: str) -> None:
    altinn.publish(policy=None)
    data = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b"<!-- \xc3\xa6 -->\n"
    answer = altinn.upload(ID, data, method=method)
    assert answer.status_code == 201
    assert answer.content == b""
    assert answer.headers["location"] == f"{ID}/policy"
    read = altinn.call("GET", POLICY)
    assert read.content == data
    assert read.headers["content-type"] == "text/xml"
    assert read.headers["content-disposition"].startswith("attachment; filename=policy.xml")


def test_upload_checks_in_order(altinn: AltinnCaller) -> None:
    def put(token: str | None, **body: Any) -> httpx.Response:
        return altinn.call("PUT", POLICY, token, **body)

    bad = {"policyFile": ("p", b"<not-xml", "x/y")}
    assert put(None, files=bad).status_code == 401
    assert put(altinn.token(LISTS_WRITE), files=bad).status_code == 403
    assert put(altinn.write, content=GOOD, headers={"Content-Type": "text/xml"}).status_code == 415
    for files in ({"policyfile": ("p", GOOD)}, {"other": ("p", GOOD)}):
        answer = put(altinn.write, files=files)
        assert (answer.status_code, answer.json()) == (400, "The policy file can not be null")
    unknown = put(altinn.write, files=bad)
    assert (unknown.status_code, unknown.json()) == (400, "Unknown resource")
    altinn.publish(policy=None)
    foreign = put(altinn.token(WRITE, number=SKD), files=bad)
    assert (foreign.status_code, foreign.content) == (403, b"")
    assert put(altinn.token(ADMIN, number=SKD), files=bad).status_code == 500
    assert put(altinn.write, files={"policyFile": ("p", GOOD, "x/y")}).status_code == 201


def test_a_field_that_is_no_file_does_not_count(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    boundary = "demo-boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="policyFile"\r\n\r\ntext\r\n--{boundary}--\r\n'
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = altinn.call("POST", POLICY, altinn.write, content=body.encode(), headers=headers)
    assert (answer.status_code, answer.json()) == (400, "The policy file can not be null")


def test_500_says_nothing(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    answer = altinn.upload(ID, sample_bytes("policy-bad-target-500.xml"))
    assert answer.status_code == 500
    assert problem_of(answer) == {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.6.1",
        "title": "An error occurred while processing your request.",
        "status": 500,
    }
    assert altinn.call("GET", POLICY).status_code == 404


def test_content_rules(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    other = altinn.upload(ID, sample_bytes("policy-bad-other-resource-400.xml"))
    text = "Policy not accepted: Contains rules for a different registry resource"
    assert (other.status_code, other.json()) == (400, text)
    spaced = altinn.upload(ID, GOOD.replace(b">demo-orders-read<", b">demo-orders-read <"))
    assert spaced.json() == text
    none = altinn.upload(ID, GOOD.replace(b'"urn:altinn:resource"', b'"urn:altinn:resource2"'))
    text = "Policy not accepted: Contains rule without reference to registry resource id"
    assert (none.status_code, none.json()) == (400, text)


def test_version_without_a_digit_is_400_with_text(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    answer = altinn.upload(ID, GOOD.replace(b'Version="1.0"', b'Version="draft"'))
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


def test_policy_of_variables_only_is_accepted_and_gives_nobody_access(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    start, _unused, rest = GOOD.partition(b"<xacml:Rule ")
    value = (
        b'<xacml:AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">x</xacml:AttributeValue>'
    )
    variable = b'<xacml:VariableDefinition VariableId="v">' + value + b"</xacml:VariableDefinition>"
    assert altinn.upload(ID, start + variable + rest.partition(b"</xacml:Rule>")[2]).status_code == 201
    assert view(altinn, "rules").json() == []
    assert view(altinn, "subjects").status_code == 404


def test_store_that_does_not_confirm(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    altinn.sandbox.switch(altinn_policy_store="unconfirmed")
    answer = altinn.upload(ID, GOOD)
    assert (answer.status_code, answer.json()) == (
        400,
        "Something went wrong in the upload of file to storage",
    )
    assert altinn.call("GET", POLICY).status_code == 404


def test_subject_id_that_is_no_urn_is_in_force_although_the_answer_is_500(altinn: AltinnCaller) -> None:
    altinn.publish()
    data = GOOD.replace(b'AttributeId="urn:altinn:rolecode"', b'AttributeId="rolecode"')
    assert altinn.upload(ID, data).status_code == 500
    assert altinn.call("GET", POLICY).content == data


def test_upload_overwrites(altinn: AltinnCaller) -> None:
    altinn.publish()
    equal = sample_bytes("policy-maskinportenschema-equal.xml")
    assert altinn.upload(ID, equal).status_code == 201
    assert altinn.call("GET", POLICY).content == equal


def test_apps_are_known_by_organisation_and_app_too(altinn: AltinnCaller) -> None:
    altinn.sandbox.seed({"altinn": {"apps": [sample("resource-post-altinnapp.json")]}})
    identifier = "app_demo_order-form"
    resource = (
        b'<xacml:AttributeDesignator AttributeId="urn:altinn:resource" '
        b'Category="urn:oasis:names:tc:xacml:3.0:attribute-category:resource"'
    )
    start, _unused, rest = GOOD.replace(b">demo-orders-read<", b">DEMO<").partition(resource)
    data = start + resource.replace(b"urn:altinn:resource", b"urn:altinn:org") + rest
    assert altinn.upload(identifier, data).status_code == 400
    match_end = data.index(b"</xacml:Match>", data.index(b"urn:altinn:org")) + len(b"</xacml:Match>")
    match_start = data.rindex(b"<xacml:Match ", 0, match_end)
    app = (
        data[match_start:match_end].replace(b">DEMO<", b">order-form<").replace(b"altinn:org", b"altinn:app")
    )
    data = data[:match_end] + app + data[match_end:]
    assert altinn.upload(identifier, data).status_code == 201
    path = f"{RESOURCE}/{identifier}/policy"
    assert altinn.call("GET", path).content == data
    rights = altinn.call("GET", f"{path}/rights").json()
    assert rights[0]["rightKey"].startswith("scopeaccess;order-form;DEMO;")


# --- reading ---------------------------------------------------------------------------------------------------


def test_missing_resource_and_missing_policy_are_told_apart(altinn: AltinnCaller) -> None:
    missing = altinn.call("GET", POLICY)
    assert (missing.status_code, missing.text) == (404, "Unable to find resource")
    altinn.publish(policy=None)
    missing = altinn.call("GET", POLICY)
    assert (missing.status_code, missing.text) == (404, "Unable to find requested policy")
    for name in ("subjects", "rules", "rights"):
        assert view(altinn, name).status_code == 404


def test_views_of_the_recommended_policy(altinn: AltinnCaller) -> None:
    altinn.publish()
    for name in ("subjects", "rules", "rights"):
        assert view(altinn, name).json() == sample(f"policy-{name}-200.json"), name
    rights = altinn.call("GET", f"/resourceregistry/api/v2/resource/{ID}/policy/rights")
    assert rights.json() == sample("policy-rights-v2-200.json")


def test_subjects_are_lower_case_and_rules_as_written(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.upload(ID, sample_bytes("policy-maskinportenschema-equal.xml"))
    subjects = {entry["urn"] for entry in view(altinn, "subjects").json()["data"]}
    assert subjects == {entry["urn"] for entry in sample("policy-subjects-200.json")["data"]}
    rules = view(altinn, "rules").json()
    assert [rule["subject"][0]["value"] for rule in rules] == [
        "maskinporten-scopes-nuf",
        "maskinporten-scopes",
        "APIADMNUF",
        "APIADM",
    ]
    assert {rule["action"]["value"] for rule in rules} == {"ScopeAccess"}


def test_subjects_can_be_read_again_from_the_policy(altinn: AltinnCaller) -> None:
    altinn.publish()
    altinn.sandbox.seed({"altinn": {"subjects": {ID: [{"type": "urn:altinn:rolecode", "value": "stale"}]}}})
    assert [entry["value"] for entry in view(altinn, "subjects").json()["data"]] == ["stale"]
    assert len(view(altinn, "subjects", params={"reloadFromXacml": "true"}).json()["data"]) == 4
    assert len(view(altinn, "subjects").json()["data"]) == 4


@pytest.mark.parametrize("name", ["subjects", "rules", "rights"])
def test_views_refuse_a_body_type_other_than_json(altinn: AltinnCaller, name: str) -> None:
    altinn.publish()
    assert view(altinn, name, headers={"Content-Type": "text/plain"}).status_code == 415
    assert view(altinn, name, headers={"Content-Type": "application/json"}).status_code == 200
    assert view(altinn, name).status_code == 200


def test_policy_itself_takes_any_body_type(altinn: AltinnCaller) -> None:
    altinn.publish()
    assert altinn.call("GET", POLICY, headers={"Content-Type": "text/plain"}).status_code == 200


def any_of(*values: bytes) -> bytes:
    """The AnyOf elements of the recommended policy whose first value is one of the given."""
    pieces = [piece + b"</xacml:AnyOf>" for piece in GOOD.split(b"</xacml:AnyOf>")]
    found = [piece[piece.index(b"<xacml:AnyOf>") :] for piece in pieces if b"<xacml:AnyOf>" in piece]
    return b"".join(piece for piece in found if any(b">" + value + b"<" in piece for value in values))


@pytest.mark.parametrize("broken", ["without-action", "mixed-categories"])
def test_rules_and_rights_break_on_unusual_rules(altinn: AltinnCaller, broken: str) -> None:
    altinn.publish(policy=None)
    begin = GOOD.index(b"<xacml:AnyOf>")
    end = GOOD.rindex(b"</xacml:AnyOf>") + len(b"</xacml:AnyOf>")
    if broken == "without-action":
        target = any_of(b"apiadm", b"demo-orders-read")
    else:
        target = any_of(b"apiadm", b"demo-orders-read", b"scopeaccess")
        target = target.replace(b"</xacml:AnyOf><xacml:AnyOf>", b"", 1)
    assert altinn.upload(ID, GOOD[:begin] + target + GOOD[end:]).status_code == 201
    assert view(altinn, "rules").status_code == 500
    assert view(altinn, "rights").status_code == 500
    assert view(altinn, "subjects").status_code == 200


def test_rights_group_the_actions_of_several_rules(altinn: AltinnCaller) -> None:
    altinn.publish("correspondence", policy="policy-correspondence.xml")
    path = f"{RESOURCE}/demo-letters/policy/rights"
    rights = altinn.call("GET", path).json()
    assert [(right["action"]["value"], len(right["subjects"])) for right in rights] == [
        ("read", 2),
        ("subscribe", 3),
        ("write", 1),
    ]
    assert rights[1]["subjectTypes"] == [
        "urn:altinn:external-role:ccr",
        "urn:altinn:org",
        "urn:altinn:rolecode",
    ]
    v2 = "/resourceregistry/api/v2/resource/demo-letters/policy/rights"
    assert [right["action"]["value"] for right in altinn.call("GET", v2).json()] == ["read", "subscribe"]
    with_owner = altinn.call("GET", v2, params={"includeServiceOwnerRights": "true"}).json()
    assert [right["action"]["value"] for right in with_owner] == ["read", "subscribe", "write"]


def test_names_of_rights_follow_the_first_language(altinn: AltinnCaller) -> None:
    altinn.publish("correspondence", policy="policy-correspondence.xml")
    path = "/resourceregistry/api/v2/resource/demo-letters/policy/rights"
    assert altinn.call("GET", path).json()[0]["name"] == "Les"
    assert altinn.call("GET", path, headers={"Accept-Language": "en-GB,nb"}).json()[0]["name"] == "Read"


def test_resources_are_found_by_subject_in_lower_case(altinn: AltinnCaller) -> None:
    altinn.publish()
    path = f"{RESOURCE}/bysubjects/"
    found = altinn.call("POST", path, json=["urn:altinn:rolecode:apiadm", "urn:altinn:rolecode:none"])
    assert found.json() == {
        "links": {},
        "data": [
            {
                "subject": {
                    "type": "urn:altinn:rolecode",
                    "value": "apiadm",
                    "urn": "urn:altinn:rolecode:apiadm",
                },
                "resources": [
                    {"type": "urn:altinn:resource", "value": ID, "urn": f"urn:altinn:resource:{ID}"}
                ],
            }
        ],
    }
    assert altinn.call("POST", path, json=["urn:altinn:rolecode:APIADM"]).json()["data"] == []
