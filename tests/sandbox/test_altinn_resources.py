# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of the registry: binding, validation, ownership, versions, lists and feeds."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.sandbox.altinn_caller import (
    ADMIN,
    CONSUMER,
    DEMO,
    DIGDIR,
    LISTS_WRITE,
    RESOURCE,
    SKD,
    WRITE,
    AltinnCaller,
    errors_of,
    problem_of,
    sample,
    sample_bytes,
    validation_error,
)


def minimal(**members: Any) -> dict[str, Any]:
    """The smallest body that is accepted, with members replaced; one that is None is left out."""
    body = {**sample("resource-post-minimal.json"), **members}
    return {name: value for name, value in body.items() if value is not None}


def post_text(altinn: AltinnCaller, text: str | bytes, token: str | None = None) -> httpx.Response:
    return altinn.call(
        "POST", RESOURCE, token or altinn.write, content=text, headers={"Content-Type": "application/json"}
    )


# --- create and read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "maskinportenschema",
        "minimal",
        "generic",
        "correspondence",
        "broker",
        "consent",
        "systemresource",
        "altinnapp",
    ],
)
def test_every_kind_of_resource_can_be_created_and_read_back(altinn: AltinnCaller, kind: str) -> None:
    body = sample(f"resource-post-{kind}.json")
    answer = altinn.create(body)
    assert answer.status_code == 201
    assert answer.content == b""
    assert answer.headers["location"] == f"/resourceregistry/api/v1/resource/{body['identifier']}"
    stored = altinn.read(body["identifier"]).json()
    for name, value in body.items():
        if name == "hasCompetentAuthority":
            assert stored[name] == {"name": {}, **value}
        else:
            assert stored[name] == value, name


def test_what_get_returns_is_what_was_sent_plus_the_defaults(altinn: AltinnCaller) -> None:
    for name in ("maskinportenschema", "minimal"):
        altinn.create(sample(f"resource-post-{name}.json"))
        expected = sample(f"resource-get-{name}.json")
        assert altinn.read(expected["identifier"]).json() == expected


def test_members_are_found_in_any_case_unknown_ones_vanish_and_the_last_duplicate_wins(
    altinn: AltinnCaller,
) -> None:
    body = minimal(keyword=["gone"], limitedByRRR=True, rights="gone")
    title = body.pop("title")
    text = json.dumps(body)[:-1] + f', "Title": {{"en": "first"}}, "TITLE": {json.dumps(title)}}}'
    assert post_text(altinn, text).status_code == 201
    stored = altinn.read(body["identifier"]).json()
    assert stored["title"] == title
    assert {"keyword", "limitedByRRR", "rights", "Title"}.isdisjoint(stored)


def test_nulls_are_dropped_and_a_null_name_stays_away(altinn: AltinnCaller) -> None:
    body = sample("resource-post-minimal.json")
    body["homepage"] = body["keywords"] = None
    body["hasCompetentAuthority"]["name"] = None
    assert post_text(altinn, json.dumps(body)).status_code == 201
    stored = altinn.read(body["identifier"]).json()
    assert {"homepage", "keywords"}.isdisjoint(stored)
    assert stored["hasCompetentAuthority"] == {"organization": DEMO, "orgcode": "demo"}
    altinn.sandbox.control("PUT", "/state", altinn.sandbox.state())
    assert altinn.read(body["identifier"]).json() == stored


def test_language_keys_come_back_sorted_by_length_and_bytes_and_arrays_as_sent(altinn: AltinnCaller) -> None:
    title = {"nn": "n", "nb-NO": "x", "en": "e", "de": "d", "nb": "b"}
    spatial = ["SE", "", "NO"]
    altinn.create(minimal(title=title, spatial=spatial, keywords=[]))
    stored = altinn.read("demo-orders-write").json()
    assert list(stored["title"]) == ["de", "en", "nb", "nn", "nb-NO"]
    assert stored["spatial"] == spatial
    assert stored["keywords"] == []


def test_enumerations_are_read_in_any_case_and_as_numbers_and_written_canonically(
    altinn: AltinnCaller,
) -> None:
    references = [{"referenceSource": "altinn3", "reference": "demo:a", "referenceType": 3}]
    altinn.create(
        minimal(
            resourceType="MASKINPORTENSCHEMA",
            accessListMode="enabled",
            availableForType=["company"],
            resourceReferences=references,
        )
    )
    stored = altinn.read("demo-orders-write").json()
    assert stored["resourceType"] == "MaskinportenSchema"
    assert stored["accessListMode"] == "Enabled"
    assert stored["availableForType"] == ["Company"]
    assert stored["resourceReferences"] == [
        {"referenceSource": "Altinn3", "reference": "demo:a", "referenceType": "MaskinportenScope"}
    ]


def test_version_id_on_input_is_ignored_even_as_text(altinn: AltinnCaller) -> None:
    assert altinn.create(minimal(versionId="7")).status_code == 201
    assert altinn.read("demo-orders-write").json()["versionId"] == 10411


def test_paths_are_found_in_any_case(altinn: AltinnCaller) -> None:
    altinn.publish("minimal", policy=None)
    assert altinn.call("GET", "/ResourceRegistry/API/v1/Resource/demo-orders-write").status_code == 200


def test_unknown_resource_is_404_and_an_app_of_the_app_store_is_found(altinn: AltinnCaller) -> None:
    missing = altinn.read("demo-none")
    assert missing.status_code == 404
    assert problem_of(missing) == {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.5",
        "title": "Not Found",
        "status": 404,
    }
    altinn.sandbox.seed({"altinn": {"apps": [sample("resource-post-altinnapp.json")]}})
    app = altinn.read("app_demo_order-form")
    assert app.status_code == 200
    assert app.json()["versionId"] == 0


# --- stage one -------------------------------------------------------------------------------------------------


def test_missing_members_are_named_in_pascal_case_and_nothing_else_is(altinn: AltinnCaller) -> None:
    body = {"identifier": "X", "hasCompetentAuthority": {"organization": DEMO}, "title": None}
    assert errors_of(altinn.create(body)) == {
        "ContactPoints": ["The ContactPoints field is required."],
        "Description": ["The Description field is required."],
        "Title": ["The Title field is required."],
    }


def test_empty_identifier_counts_as_missing(altinn: AltinnCaller) -> None:
    assert list(errors_of(altinn.create(minimal(identifier="")))) == ["Identifier"]
    assert list(errors_of(altinn.create(minimal(hasCompetentAuthority=None)))) == ["HasCompetentAuthority"]


def test_old_list_form_is_refused_with_a_json_path(altinn: AltinnCaller) -> None:
    errors = errors_of(post_text(altinn, sample_bytes("legacy-resource-list-format.json")))
    assert list(errors) == ["$.title", "serviceResource"]
    assert errors["$.title"] == [
        (
            "The JSON value could not be converted to System.Collections.Generic.Dictionary`2[System.String,System.String]. "
            "Path: $.title | LineNumber: 2 | BytePositionInLine: 12."
        )
    ]
    assert errors["serviceResource"] == ["The serviceResource field is required."]


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("description", "text", "$.description"),
        ("delegable", None, "$.delegable"),
        ("delegable", "true", "$.delegable"),
        ("resourceType", "Maskinporten", "$.resourceType"),
        ("resourceType", None, "$.resourceType"),
        ("availableForType", [1], "$.availableForType[0]"),
        ("contactPoints", [{"email": 1}], "$.contactPoints[0].email"),
        ("versionId", None, "$.versionId"),
    ],
)
def test_wrong_types_are_named_by_path_on_post(
    altinn: AltinnCaller, member: str, value: Any, path: str
) -> None:
    body = {**sample("resource-post-minimal.json"), member: value}
    errors = errors_of(post_text(altinn, json.dumps(body)))
    assert list(errors) == [path, "serviceResource"]
    assert errors[path][0].startswith("The JSON value could not be converted to ")


@pytest.mark.parametrize("text", ["{", '{"identifier": "x",}', "{} // comment", '{"identifier": NaN}', ""])
def test_malformed_json_is_400_on_post(altinn: AltinnCaller, text: str) -> None:
    assert "serviceResource" in errors_of(post_text(altinn, text))


@pytest.mark.parametrize("text", ["{", "", "null", '{"title": []}'])
def test_unreadable_body_on_put_is_404_for_an_unknown_id_and_else_500_without_body(
    altinn: AltinnCaller, text: str
) -> None:
    def put() -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return altinn.call(
            "PUT", f"{RESOURCE}/demo-orders-write", altinn.write, content=text, headers=headers
        )

    assert put().status_code == 404
    altinn.publish("minimal", policy=None)
    answer = put()
    assert (answer.status_code, answer.content) == (500, b"")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_other_content_type_is_415(altinn: AltinnCaller, method: str) -> None:
    path = RESOURCE if method == "POST" else f"{RESOURCE}/demo-orders-write"
    answer = altinn.call(method, path, altinn.write, content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


# --- stage two -------------------------------------------------------------------------------------------------


def test_all_broken_rules_are_told_at_once(altinn: AltinnCaller) -> None:
    body = minimal(
        identifier="Ab",
        resourceType=None,
        title={"en": "x", "nb": "x", "nn": " ", "no": "x"},
        rightDescription=None,
        hasCompetentAuthority={"orgcode": "demo", "organization": " "},
    )
    assert errors_of(altinn.create(body)) == {
        "Identifier": [
            "Invalid id. Only a-z and 0-9 is allowed together with _ and -.  Minimum 4 characters"
        ],
        "ResourceType": ["ResourceType needs to be set"],
        "Title": ["Missing title in nynorsk nn"],
        "RightDescription": [
            "Missing RightDescription in english en",
            "Missing RightDescription in bokmal nb",
            "Missing RightDescription in nynorsk nn",
        ],
        "HasCompetentAuthority.Organization": [
            "HasCompetentAuthority needs to be set with valid organization number"
        ],
    }


def test_stage_one_hides_stage_two(altinn: AltinnCaller) -> None:
    assert list(errors_of(altinn.create(minimal(identifier="A", title=None)))) == ["Title"]


def test_right_description_is_needed_only_when_delegable(altinn: AltinnCaller) -> None:
    assert altinn.create(minimal(rightDescription=None, delegable=False)).status_code == 201


def test_description_needs_three_languages(altinn: AltinnCaller) -> None:
    assert errors_of(altinn.create(minimal(description={}))) == {
        "Description": [
            "Missing Description in english en",
            "Missing Description in bokmal nb",
            "Missing Description in nynorsk nn",
        ]
    }


def test_maskinporten_schema_needs_a_scope(altinn: AltinnCaller) -> None:
    assert errors_of(altinn.create(minimal(resourceReferences=[]))) == {
        "ResourceReferences": ["Missing maskinporten scopen for MaskinportenSchema resource"]
    }


def test_reserved_prefixes_of_identifiers(altinn: AltinnCaller) -> None:
    assert errors_of(altinn.create(minimal(identifier="se_1234_5"))) == {
        "Identifier": ["Invalid prefix. Only to be used for Altinn 2 services"]
    }
    assert errors_of(altinn.create(minimal(identifier="app_demo_x"))) == {
        "Identifier": ["Invalid Prefix. app_ is only for Altinn Studio apps"]
    }


def test_apps_need_their_id_and_their_reference(altinn: AltinnCaller) -> None:
    body = sample("resource-post-altinnapp.json")
    assert errors_of(altinn.create({**body, "identifier": "something-else", "resourceReferences": []})) == {
        "Identifier": [
            "Invalid identifier for app resource. App resources needs to have an identifier starting with app_<org>"
        ],
        "ResourceReferences": [
            (
                "Invalid resource references for app resource. App resources needs to have a reference with "
                "ReferenceType=ApplicationId, ReferenceSource=Altinn3 and Reference=<org>/<appname>"
            )
        ],
    }
    body["resourceReferences"][0]["reference"] = body["resourceReferences"][0]["reference"].upper()
    assert altinn.create(body).status_code == 201


def test_migrated_apps_may_have_a_colon_in_their_id(altinn: AltinnCaller) -> None:
    identifier = "app_demo_a1-1234:2.0"
    reference = {
        "referenceType": "ApplicationId",
        "referenceSource": "Altinn3",
        "reference": "demo/a1-1234:2.0",
    }
    body = minimal(identifier=identifier, resourceType="MigratedApp", resourceReferences=[reference])
    assert altinn.create(body).status_code == 201
    everything = altinn.call("GET", f"{RESOURCE}/resourcelist").json()
    assert identifier not in [entry["identifier"] for entry in everything]
    everything = altinn.call("GET", f"{RESOURCE}/resourcelist", params={"includeMigratedApps": "true"}).json()
    assert identifier in [entry["identifier"] for entry in everything]


def test_form_of_the_identifier_is_checked_on_post_only(altinn: AltinnCaller) -> None:
    altinn.sandbox.seed({"altinn": {"resources": [minimal(identifier="Old.Id")]}})
    assert "Identifier" in errors_of(altinn.create(minimal(identifier="Old.Id")))
    assert altinn.replace("Old.Id", minimal(identifier="Old.Id")).status_code == 200


# --- who may ---------------------------------------------------------------------------------------------------


def test_scope_comes_first_and_has_no_body(altinn: AltinnCaller) -> None:
    for token, status in ((None, 401), ("nonsense", 401), (altinn.token(LISTS_WRITE), 403)):
        answer = altinn.call("POST", RESOURCE, token, content=b"{", headers={"Content-Type": "text/plain"})
        assert (answer.status_code, answer.content) == (status, b"")


def test_other_organisations_resources_are_403_without_body_after_validation(altinn: AltinnCaller) -> None:
    body = minimal(hasCompetentAuthority={"organization": SKD, "orgcode": "skd"})
    answer = altinn.create(body)
    assert (answer.status_code, answer.content) == (403, b"")
    assert altinn.create({**body, "title": {}}).status_code == 400


def test_admin_scope_writes_for_anyone_with_any_prefix(altinn: AltinnCaller) -> None:
    body = minimal(hasCompetentAuthority={"organization": SKD, "orgcode": "skd"})
    body["resourceReferences"][0]["reference"] = "skatteetaten:x"
    assert altinn.create(body, altinn.token(ADMIN)).status_code == 201


def test_test_department_without_number_is_500_for_all_but_the_admin(altinn: AltinnCaller) -> None:
    body = minimal(hasCompetentAuthority={"orgcode": "TTD"})
    answer = altinn.create(body)
    assert (answer.status_code, answer.content) == (500, b"")
    assert altinn.create(body, altinn.token(ADMIN)).status_code == 201
    own = minimal(identifier="ttd-own", hasCompetentAuthority={"orgcode": "ttd", "organization": DIGDIR})
    own["resourceReferences"][0]["reference"] = "altinn:x"
    assert altinn.create(own, altinn.token(WRITE, number=DIGDIR)).status_code == 201


def test_foreign_scope_prefixes_are_401_with_only_those_scopes(altinn: AltinnCaller) -> None:
    references = [
        {"referenceType": "MaskinportenScope", "referenceSource": "Altinn3", "reference": scope}
        for scope in ("acme:b", "demo:ok", "demoetaten:ok", "Demo:case", "acme:a")
    ]
    references.append({"referenceType": "Uri", "referenceSource": "Altinn3", "reference": "acme:not-a-scope"})
    for kind in ("MaskinportenSchema", "GenericAccessResource"):
        answer = altinn.create(minimal(resourceReferences=references, resourceType=kind))
        assert answer.status_code == 401
        assert answer.json() == {
            "title": "Unauthorized",
            "status": 401,
            "detail": "Not authorized for creating resource with the listed scopes",
            "errors": {"InvalidPrefix": ["acme:b", "Demo:case", "acme:a"]},
        }


def test_duplicate_is_409_after_every_other_check(altinn: AltinnCaller) -> None:
    altinn.publish("minimal", policy=None)
    answer = altinn.create(minimal())
    assert answer.status_code == 409
    assert answer.json() == "The Resource already exist: demo-orders-write"
    foreign = minimal()
    foreign["resourceReferences"][0]["reference"] = "acme:x"
    assert altinn.create(foreign).status_code == 401


def test_text_with_the_character_nul_cannot_be_stored(altinn: AltinnCaller) -> None:
    assert altinn.create(minimal(homepage="a\0b")).status_code == 500
    assert altinn.read("demo-orders-write").status_code == 404


# --- replace ---------------------------------------------------------------------------------------------------


def test_put_checks_in_order(altinn: AltinnCaller) -> None:
    path = "demo-orders-write"
    assert altinn.replace(path, {"identifier": "other"}).status_code == 404
    altinn.publish("minimal", policy=None)
    mismatch = altinn.replace(path, {"identifier": "Demo-orders-write"})
    assert mismatch.status_code == 400
    assert mismatch.json() == "Id in path does not match ID in resource"
    assert "Title" in errors_of(altinn.replace(path, minimal(title=None)))
    assert "ResourceType" in errors_of(altinn.replace(path, minimal(resourceType=None)))
    foreign = minimal(hasCompetentAuthority={"organization": SKD})
    foreign["resourceReferences"][0]["reference"] = "acme:x"
    assert altinn.replace(path, foreign).status_code == 403
    foreign["hasCompetentAuthority"]["organization"] = DEMO
    assert altinn.replace(path, foreign).status_code == 401
    good = altinn.replace(path, minimal())
    assert (good.status_code, good.content) == (200, b"")


def test_every_put_makes_a_version_and_nothing_is_merged(altinn: AltinnCaller) -> None:
    altinn.publish("maskinportenschema", policy=None)
    altinn.publish("minimal", policy=None)
    body = sample("resource-post-maskinportenschema.json")
    del body["homepage"]
    for _unused in range(2):
        assert altinn.replace("demo-orders-read", body).status_code == 200
    newest = altinn.read("demo-orders-read").json()
    assert newest["versionId"] == 10414
    assert "homepage" not in newest
    assert (
        altinn.read("demo-orders-read", versionId=10411).json()["homepage"]
        == "https://api.demo.example/orders"
    )
    # 10412 belongs to the other resource: the numbers come from one sequence.
    assert altinn.read("demo-orders-read", versionId=10412).status_code == 404
    assert altinn.read("demo-orders-write", versionId=10412).status_code == 200


def test_put_lets_another_organisation_take_a_resource_over(altinn: AltinnCaller) -> None:
    altinn.publish("minimal", policy=None)
    body = minimal(hasCompetentAuthority={"organization": SKD, "orgcode": "skd"})
    body["resourceReferences"][0]["reference"] = "skatteetaten:x"
    assert altinn.replace("demo-orders-write", body, altinn.token(WRITE, number=SKD)).status_code == 200
    assert altinn.read("demo-orders-write").json()["hasCompetentAuthority"]["organization"] == SKD


# --- delete ----------------------------------------------------------------------------------------------------


def test_production_refuses_to_delete_before_it_looks(altinn: AltinnCaller) -> None:
    altinn.sandbox.switch(altinn_environment="PROD")
    answer = altinn.call("DELETE", f"{RESOURCE}/unknown", altinn.write)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "Delete operation is not allowed in PROD environment"


def test_deleted_id_is_burned(altinn: AltinnCaller) -> None:
    identifier = altinn.publish()
    path = f"{RESOURCE}/{identifier}"
    assert altinn.call("DELETE", path, altinn.token(WRITE, number=SKD)).status_code == 403
    answer = altinn.call("DELETE", path, altinn.write)
    assert (answer.status_code, answer.content) == (204, b"")
    assert altinn.read(identifier).status_code == 404
    assert altinn.call("GET", f"{path}/policy").status_code == 404
    assert altinn.call("DELETE", path, altinn.write).status_code == 404
    body = sample("resource-post-maskinportenschema.json")
    assert altinn.create(body).status_code == 409
    assert altinn.replace(identifier, body).status_code == 404
    # The index of subjects keeps its rows.
    assert altinn.call("GET", f"{path}/policy/subjects").status_code == 200


def test_owner_is_not_checked_on_delete_for_a_token_without_the_claim(altinn: AltinnCaller) -> None:
    identifier = altinn.publish(policy=None)
    altinn.sandbox.switch(altinn_accepts_maskinporten_token=True)
    token = altinn.maskinporten_token(WRITE, number=SKD)
    assert altinn.call("DELETE", f"{RESOURCE}/{identifier}", token).status_code == 204


# --- lists -----------------------------------------------------------------------------------------------------


def test_list_shows_newest_versions_and_apps_with_authorization_references(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    altinn.sandbox.seed({"altinn": {"apps": [sample("resource-post-altinnapp.json")]}})
    found = {entry["identifier"]: entry for entry in altinn.call("GET", f"{RESOURCE}/resourcelist").json()}
    assert found["demo-orders-read"]["authorizationReference"] == [
        {"id": "urn:altinn:resource", "value": "demo-orders-read"}
    ]
    assert "authorizationReference" not in altinn.read("demo-orders-read").json()
    assert found["app_demo_order-form"]["authorizationReference"] == [
        {"id": "urn:altinn:org", "value": "demo"},
        {"id": "urn:altinn:app", "value": "order-form"},
    ]
    assert found["app_demo_order-form"]["versionId"] == 0
    without = altinn.call("GET", f"{RESOURCE}/resourcelist", params={"includeApps": "false"}).json()
    assert [entry["identifier"] for entry in without] == ["demo-orders-read"]


def test_stored_app_is_listed_once(altinn: AltinnCaller) -> None:
    body = sample("resource-post-altinnapp.json")
    altinn.sandbox.seed({"altinn": {"apps": [body]}})
    assert altinn.create(body).status_code == 201
    found = altinn.call("GET", f"{RESOURCE}/resourcelist").json()
    assert [(entry["identifier"], entry["versionId"]) for entry in found] == [("app_demo_order-form", 10411)]


def test_search_finds_superseded_versions(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    body = sample("resource-post-maskinportenschema.json")
    body["keywords"] = [{"word": "annet", "language": "nb"}]
    altinn.replace("demo-orders-read", body)

    def search(**query: str) -> list[int]:
        return [entry["versionId"] for entry in altinn.call("GET", f"{RESOURCE}/Search", params=query).json()]

    assert search(Keyword="ORDRE") == [10411]
    assert search(Keyword="annet") == [10412]
    assert search(Id="orders", ResourceType="maskinportenschema", OrgCode="DEMO", OrganizationId=DEMO) == [
        10412
    ]
    assert search(Reference="orders.read") == [10412]
    assert search(Description="leverandører") == [10412]
    assert search(Title="nothing like it") == [10412]
    assert search(Id="orders", OrgCode="dem") == []
    assert search(ResourceType="BrokerService") == []


def test_search_by_reference_breaks_on_a_reference_without_text(altinn: AltinnCaller) -> None:
    references = [*minimal()["resourceReferences"], {"referenceType": "Uri"}]
    altinn.create(minimal(resourceReferences=references))
    assert altinn.call("GET", f"{RESOURCE}/Search", params={"Reference": "x"}).status_code == 500
    assert altinn.call("GET", f"{RESOURCE}/Search", params={"Id": "demo"}).status_code == 200


def test_export_is_turtle(altinn: AltinnCaller) -> None:
    altinn.publish(policy=None)
    answer = altinn.call("GET", f"{RESOURCE}/export")
    assert answer.headers["content-type"].startswith("text/turtle")
    assert '"Demo orders, read access"@en' in answer.text


# --- feeds -----------------------------------------------------------------------------------------------------


def publish_three(altinn: AltinnCaller) -> None:
    policy = sample_bytes("policy-maskinportenschema.xml")
    for name in ("one", "two", "three"):
        identifier = f"demo-{name}"
        assert altinn.create(minimal(identifier=identifier)).status_code == 201
        altinn.upload(identifier, policy.replace(b"demo-orders-read", identifier.encode()))


def test_changes_lists_resources_with_policy_in_order_of_their_latest_change(altinn: AltinnCaller) -> None:
    publish_three(altinn)
    altinn.create(minimal(identifier="demo-without-policy"))
    altinn.replace("demo-one", minimal(identifier="demo-one"))
    page = altinn.call("GET", f"{RESOURCE}/changes", params={"limit": 2}).json()
    assert [entry["resourceId"] for entry in page["data"]] == ["demo-two", "demo-three"]
    assert page["links"]["next"].startswith(f"{altinn.base}{RESOURCE}/changes?token=")
    assert page["links"]["next"].endswith("&limit=2")
    rest = altinn.call("GET", page["links"]["next"]).json()
    assert rest["links"] == {}
    assert [entry["resourceId"] for entry in rest["data"]] == ["demo-one"]
    assert rest["data"][0]["changedAt"].endswith("+00:00")
    altinn.call("DELETE", f"{RESOURCE}/demo-two", altinn.write)
    everything = altinn.call("GET", f"{RESOURCE}/changes").json()["data"]
    assert [entry["resourceId"] for entry in everything] == ["demo-three", "demo-one"]


@pytest.mark.parametrize("limit", [0, 1001])
def test_limits_of_the_feeds(altinn: AltinnCaller, limit: int) -> None:
    changes = altinn.call("GET", f"{RESOURCE}/changes", params={"limit": limit})
    assert changes.status_code == 400
    assert problem_of(changes) == validation_error(
        "RR.VLD-00011",
        "Value outside valid range.",
        "/$QUERY/limit",
        detail=f"Limit must be between 1 and 1000, was {limit}.",
    )
    updated = altinn.call("GET", f"{RESOURCE}/updated", params={"limit": limit})
    assert problem_of(updated) == validation_error(
        "RR.VLD-00008", "Limit must be between 1 and 1000.", "/$QUERY/limit"
    )


def test_updated_lists_pairs_and_what_went_away(altinn: AltinnCaller) -> None:
    identifier = altinn.publish()
    policy = sample_bytes("policy-maskinportenschema.xml")
    altinn.sandbox.clock(advance=100)
    altinn.upload(identifier, policy.replace(b">apiadmnuf<", b">apiadm<"))
    page = altinn.call("GET", f"{RESOURCE}/updated", params={"limit": 2}).json()
    assert [entry["subjectUrn"] for entry in page["data"]] == [
        "urn:altinn:rolecode:apiadm",
        "urn:altinn:rolecode:apiadmnuf",
    ]
    assert page["data"][0]["resourceUrn"] == "urn:altinn:resource:demo-orders-read"
    second = altinn.call("GET", page["links"]["next"]).json()
    third = altinn.call("GET", second["links"]["next"]).json()
    assert third["links"] == {}
    rest = [*second["data"], *third["data"]]
    assert [(entry["subjectUrn"], entry["deleted"]) for entry in rest] == [
        ("urn:altinn:accesspackage:maskinporten-scopes", False),
        ("urn:altinn:accesspackage:maskinporten-scopes-nuf", False),
        ("urn:altinn:rolecode:apiadmnuf", True),
    ]
    since = altinn.call(
        "GET", f"{RESOURCE}/updated", params={"since": rest[-1]["updatedAt"], "limit": 1}
    ).json()
    assert [entry["deleted"] for entry in since["data"]] == [True]


@pytest.mark.parametrize("parameter", ["since", "token"])
def test_unreadable_parameters_of_updated(altinn: AltinnCaller, parameter: str) -> None:
    assert list(errors_of(altinn.call("GET", f"{RESOURCE}/updated", params={parameter: "?!"}))) == [parameter]


# --- state -----------------------------------------------------------------------------------------------------


def test_everything_survives_a_round_through_the_states_json(altinn: AltinnCaller) -> None:
    identifier = altinn.publish()
    altinn.sandbox.seed(
        {"altinn": {"apps": [sample("resource-post-altinnapp.json")], "burned": ["demo-burned"]}}
    )
    before = altinn.sandbox.state()
    resource = altinn.read(identifier).json()
    altinn.sandbox.reset()
    assert altinn.read(identifier).status_code == 404
    altinn.sandbox.control("PUT", "/state", before)
    assert altinn.sandbox.state()["altinn"] == before["altinn"]
    assert altinn.read(identifier).json() == resource
    assert altinn.call("GET", f"{RESOURCE}/{identifier}/policy").content == sample_bytes(
        "policy-maskinportenschema.xml"
    )


def test_a_hundred_resources_are_one_answer(altinn: AltinnCaller) -> None:
    resources = [minimal(identifier=f"demo-{number:03}") for number in range(100)]
    altinn.sandbox.seed({"altinn": {"resources": resources}})
    altinn.sandbox.clear_requests()
    found = altinn.call("GET", f"{RESOURCE}/resourcelist").json()
    assert [entry["identifier"] for entry in found] == [body["identifier"] for body in resources]
    assert len({entry["versionId"] for entry in found}) == 100


def test_consumer_without_a_service_owner_code_owns_its_resources_too(altinn: AltinnCaller) -> None:
    body = minimal(resourceType="GenericAccessResource", resourceReferences=None)
    body["hasCompetentAuthority"] = {"organization": CONSUMER}
    assert altinn.create(body, altinn.token(WRITE, number=CONSUMER)).status_code == 201
