# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module altinn_resource: every type goes in, and whatever the registry would refuse is refused before the first request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxClient
from tests.module_runner import run_module

TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}
COMMON: dict[str, Any] = {
    "identifier": "testetat-thing",
    "title": TEXTS,
    "description": TEXTS,
    "right_description": TEXTS,
    "contact_points": [],
}
CONSENT = {
    "consent_template": "sblanesoknad",
    "consent_text": {
        "nb": "Du deler inntekten for {year}, [les mer](https://x.example)",
        "nn": "Du deler inntekta for {year}, [les meir]({link})",
        "en": "You share your income for {year}",
    },
    "consent_metadata": {"year": {"optional": False}, "link": {"optional": True}},
    "available_for_type": ["PrivatePerson"],
    "is_one_time_consent": True,
}
APP_REFERENCE = {
    "reference_source": "Altinn3",
    "reference": "TESTETAT/form",
    "reference_type": "ApplicationId",
}
ALTINN2_REFERENCES = [
    {"reference_source": "Altinn2", "reference": "4936", "reference_type": "ServiceCode"},
    {"reference_source": "Altinn2", "reference": "1", "reference_type": "ServiceEditionCode"},
]
#: Type -> what it needs beside the common members, and which of these are its own required ones.
TYPES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "MaskinportenSchema": ({"scopes": ["testetat:cases.read"]}, {"scopes": "names no scope"}),
    "GenericAccessResource": (
        {"available_for_type": ["Company"]},
        {"available_for_type": "available_for_type is missing"},
    ),
    "Systemresource": ({}, {}),
    "CorrespondenceService": ({"delegable": False, "visible": False}, {}),
    "BrokerService": ({"available_for_type": ["LegalEntityEnterprise"]}, {}),
    "Consent": (
        CONSENT,
        {
            "consent_template": "consent_template is missing",
            "consent_text": "consent_text is missing",
            "consent_metadata": "consent_text.nb holds {year}, which consent_metadata does not name",
        },
    ),
    "AltinnApp": (
        {"identifier": "app_testetat_form", "resource_references": [APP_REFERENCE]},
        {"resource_references": "resource_references lacks the app"},
    ),
    "MigratedApp": (
        {
            "identifier": "app_testetat_a1-5:1.0",
            "resource_references": [{**APP_REFERENCE, "reference": "testetat/a1-5:1.0"}],
        },
        {"resource_references": "resource_references lacks the app"},
    ),
    "Altinn2Service": (
        {"identifier": "se_4936_1", "resource_references": ALTINN2_REFERENCES},
        {"resource_references": "needs a ServiceCode"},
    ),
}


def run(sandbox: SandboxClient, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module(
        "altinn_resource", {**sandbox.auth("altinn"), "scope_check": "off", **params}, check=check
    )


def whole(kind: str) -> dict[str, Any]:
    return {**COMMON, "resource_type": kind, **TYPES[kind][0]}


def refused(sandbox: SandboxClient, params: dict[str, Any]) -> dict[str, Any]:
    """Run what must be refused with nothing sent; returns the result."""
    result = run(sandbox, **params)
    assert result["failed"]
    assert not result["changed"]
    assert "exception" not in result
    assert sandbox.requests() == []
    return result


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_is_created_and_then_left_alone(sandbox: SandboxClient, kind: str) -> None:
    result = run(sandbox, **whole(kind))
    assert not result["failed"], result["msg"]
    assert result["resource"]["resourceType"] == kind
    again = run(sandbox, **whole(kind))
    assert not again["changed"]
    assert len(sandbox.writes()) == 1


@pytest.mark.parametrize(
    ("kind", "member", "said"),
    [(kind, member, said) for kind, (_unused, own) in TYPES.items() for member, said in own.items()],
)
def test_each_type_names_its_own_member_that_is_missing(
    sandbox: SandboxClient, kind: str, member: str, said: str
) -> None:
    declared = whole(kind)
    del declared[member]
    result = refused(sandbox, declared)
    assert said in result["msg"]
    assert declared["identifier"] in result["msg"]


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("identifier", "identifier is missing"),
        ("title", "title is missing or empty"),
        ("description", "description is missing or empty"),
        ("right_description", "right_description is missing or empty"),
        ("contact_points", "contact_points is missing"),
        ("resource_type", "resource_type is missing"),
    ],
)
def test_each_common_member_is_named_when_it_is_missing(
    sandbox: SandboxClient, member: str, said: str
) -> None:
    declared = whole("MaskinportenSchema")
    del declared[member]
    result = refused(sandbox, declared)
    assert said in result["msg"]
    assert len(result["problems"]) == 1
    # An empty list is enough for the contact points, and an empty type is no choice.
    if member not in ("contact_points", "resource_type"):
        declared[member] = "" if member == "identifier" else {}
        assert said in refused(sandbox, declared)["msg"]


@pytest.mark.parametrize("member", ["title", "description", "right_description"])
@pytest.mark.parametrize(("language", "called"), [("nb", "bokmål"), ("nn", "nynorsk"), ("en", "English")])
@pytest.mark.parametrize("text", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_each_language_is_named_when_it_is_missing(
    sandbox: SandboxClient, member: str, language: str, called: str, text: str | None
) -> None:
    texts = {name: value for name, value in TEXTS.items() if name != language}
    if text is not None:
        texts[language] = text
    result = refused(sandbox, {**whole("MaskinportenSchema"), member: texts})
    assert [problem["problem"] for problem in result["problems"]] == [
        f"{member}.{language} is missing or blank; the registry needs {member} in {called} ({language})"
    ]


def test_right_description_is_not_needed_where_nothing_can_be_delegated(sandbox: SandboxClient) -> None:
    declared = {**whole("MaskinportenSchema"), "delegable": False}
    del declared["right_description"]
    assert not run(sandbox, **declared)["failed"]


IDENTIFIERS = {
    "abc": "has 3 characters; at least 4 are needed",
    "Testetat-thing": "holds 'T'; only a-z, 0-9, _ and - are allowed",
    "testetat thing": "holds ' '",
    "testetat/thing": "holds '/'",
    "testetat-sål": "holds 'å'",
    "..": "holds '.'",
    "orgs": "is one of the registry's own addresses",
    "Search": "is one of the registry's own addresses",
    "se_4936_1": "starts with se_, which is for Altinn 2 services",
    "app_testetat_form": "starts with app_, which is only for resource_type AltinnApp and MigratedApp",
}


@pytest.mark.parametrize(("identifier", "said"), IDENTIFIERS.items())
def test_each_bad_identifier_is_told_why(sandbox: SandboxClient, identifier: str, said: str) -> None:
    result = refused(sandbox, {**whole("Systemresource"), "identifier": identifier})
    assert f"identifier '{identifier}' {said}" in result["msg"]


@pytest.mark.parametrize("state", ["absent", "withdrawn", "present"])
def test_an_identifier_never_addresses_something_else(sandbox: SandboxClient, state: str) -> None:
    result = refused(
        sandbox, {"identifier": "resourcelist", "state": state, "allow_delete": True, "partial": True}
    )
    assert "the registry's own addresses" in result["msg"]


BAD_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "text as number": ({"version": 1.1}, "version is a number (1.1); it is a text; put it in quotes"),
    "flag as text": ({"delegable": "true"}, "delegable is a text (true); it is true or false"),
    "flag as number": ({"visible": 1}, "visible is a number (1); it is true or false"),
    "texts as text": ({"title": "Cases"}, "title is a text (Cases); it has a text for each of nb, nn and en"),
    "text as list": ({"homepage": ["x"]}, 'homepage is a list (["x"]); it is a text'),
    "language as number": (
        {"title": {**TEXTS, "en": 5}},
        "title.en is a number (5); it is a text; put it in quotes",
    ),
    "list form without language": (
        {"title": [{"text": "x"}, *({"language": language, "text": "x"} for language in TEXTS)]},
        "title[0] is not {language, text}",
    ),
    "unknown type": ({"resourceType": "Schema"}, "resourceType 'Schema' does not exist; it is one of Maskin"),
    "default type": ({"resourceType": "Default"}, "resourceType 'Default' does not exist"),
    "type as its number": ({"resourceType": 99}, "resourceType '99' does not exist"),
    "access list mode": (
        {"accessListMode": "On"},
        "accessListMode 'On' does not exist; it is one of Disabled, Enabled",
    ),
    "party": ({"availableForType": ["Company", "Dog"]}, "availableForType[1] 'Dog' does not exist"),
    "parties as text": ({"availableForType": "Company"}, "availableForType is a text; it is a list of"),
    "reference type": (
        {"resourceReferences": [{"referenceType": "Scope", "reference": "testetat:x"}]},
        "resourceReferences[0].referenceType 'Scope' does not exist",
    ),
    "reference source": (
        {"resourceReferences": [{"referenceSource": "Altinn4", "referenceType": "Uri", "reference": "x"}]},
        "resourceReferences[0].referenceSource 'Altinn4' does not exist",
    ),
    "references as text": (
        {"resourceReferences": "testetat:x"},
        "resourceReferences is a text; it is a list of referenceSource, reference, referenceType",
    ),
    "reference as text": ({"resourceReferences": ["testetat:x"]}, "resourceReferences[0] is a text; it has"),
    "scope without prefix": (
        {"resourceReferences": [{"referenceType": "MaskinportenScope", "reference": "cases.read"}]},
        "resource_references[0].reference 'cases.read' is no scope; a scope is written prefix:subscope",
    ),
    "contact point as text": (
        {"contactPoints": ["x@y.example"]},
        "contactPoints[0] is a text; it has category",
    ),
    "contact point with a number": (
        {"contactPoints": [{"telephone": 12345678}]},
        "contactPoints[0].telephone is a number (12345678); it is a text; put it in quotes",
    ),
    "owner as text": (
        {"hasCompetentAuthority": "310001007"},
        "hasCompetentAuthority is a text; it has organization",
    ),
    "owner with a wrong number": (
        {"hasCompetentAuthority": {"organization": "310001008"}},
        "hasCompetentAuthority.organization: ",
    ),
    "keywords as number": ({"keywords": 5}, "keywords is a number; it is a list of word, language"),
    "spatial as object": ({"spatial": {"a": "b"}}, "spatial is an object; it is a list of texts"),
    "themes with a number": ({"thematicAreas": ["a", 7]}, "thematicAreas[1] is a number (7); it is a text"),
    "metadata as list": ({"consentMetadata": ["year"]}, "consentMetadata is a list; it has an entry"),
    "metadata with text": ({"consentMetadata": {"year": {"optional": "no"}}}, "consentMetadata.year is 'no'"),
    "character that cannot be stored": ({"homepage": "a\0b"}, "homepage holds the character U+0000"),
}


@pytest.mark.parametrize(("members", "said"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_each_bad_value_is_named_with_its_place_and_rule(
    sandbox: SandboxClient, members: dict[str, Any], said: str
) -> None:
    body = {
        "identifier": "testetat-thing",
        "title": TEXTS,
        "description": TEXTS,
        "rightDescription": TEXTS,
        "contactPoints": [],
        "resourceType": "Systemresource",
        **members,
    }
    result = refused(sandbox, {"definition": body})
    assert said in result["msg"]
    assert "resource (testetat-thing)" in result["msg"]
    assert len(result["problems"]) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"consent_text": {**CONSENT["consent_text"], "en": ""}}, "consent_text.en is missing or blank"),
        ({"consent_metadata": {"year": {"optional": False}}}, "consent_text.nn holds {link}"),
        (
            {"consent_text": {**CONSENT["consent_text"], "en": "[x](ftp://y.example) {year}"}},
            "consent_text.en links to 'ftp://y.example'",
        ),
    ],
)
def test_a_consent_text_fits_its_metadata(sandbox: SandboxClient, change: dict[str, Any], said: str) -> None:
    assert said in refused(sandbox, {**whole("Consent"), **change})["msg"]


def test_an_app_says_its_owner_in_its_identifier(sandbox: SandboxClient) -> None:
    declared = {**whole("AltinnApp"), "identifier": "testetat-form"}
    assert "does not start with app_<orgcode>_" in refused(sandbox, declared)["msg"]
    declared["has_competent_authority"] = {"orgcode": "testetat"}
    assert "does not start with app_testetat_" in refused(sandbox, declared)["msg"]


def test_everything_that_is_wrong_with_a_list_is_told_at_once(sandbox: SandboxClient) -> None:
    result = refused(
        sandbox,
        {
            "resource_type": "Systemresource",
            "contact_points": [],
            "resources": [
                {
                    "identifier": "testetat-one",
                    "title": TEXTS,
                    "description": TEXTS,
                    "right_description": TEXTS,
                },
                {"identifier": "testetat-two", "title": {"nb": "To", "nn": "To"}, "description": TEXTS},
                {"identifier": "no", "title": TEXTS, "description": TEXTS, "delegable": False},
                {"identifier": "testetat-one", "title": TEXTS, "description": TEXTS, "delegable": False},
            ],
        },
    )
    assert [(entry["where"], entry["problem"].split(" ")[0]) for entry in result["problems"]] == [
        ("resources[1]", "title.en"),
        ("resources[1]", "right_description"),
        ("resources[2]", "identifier"),
        ("resources[3]", "it"),
    ]
    assert (
        "resources[3] (testetat-one): it is declared twice; resources[0] declares it already" in result["msg"]
    )


def test_many_wrong_ones_are_counted(sandbox: SandboxClient) -> None:
    result = refused(sandbox, {"resources": [{"identifier": f"testetat-{number}"} for number in range(30)]})
    assert "20 more resources are wrong" in result["msg"]
    assert len(result["problems"]) == 30 * 5


# -- files and JSON -------------------------------------------------------------------------


BAD_JSON = {
    "comment": ('{\n  "identifier": "x", // no\n}', "line 2, column 22"),
    # Python 3.13 points at the comma, those before it at what follows.
    "trailing comma": ('{\n  "identifier": "abcd",\n}', "column"),
    "missing value": ('{\n  "identifier": "abcd",\n  "title":\n}', "line 4, column 1"),
    "empty": ("", "line 1, column 1"),
    "list": ("[]", "holds a list; it is one resource, a JSON object"),
    "text": ('"x"', "holds a text"),
    "deep": ("[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("text", "said"), BAD_JSON.values(), ids=BAD_JSON)
def test_what_is_not_json_is_shown_with_line_and_column(
    sandbox: SandboxClient, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "resource.json"
    path.write_text(text, encoding="utf-8")
    result = refused(sandbox, {"path": str(path)})
    assert said in result["msg"]
    assert str(path) in result["msg"]
    if text:
        inline = refused(sandbox, {"definition": text})
        assert said in inline["msg"] or "definition is" in inline["msg"]


def test_a_file_that_cannot_be_read_is_named(sandbox: SandboxClient, tmp_path: Path) -> None:
    assert "cannot read" in refused(sandbox, {"path": str(tmp_path / "none.json")})["msg"]
    assert "cannot read" in refused(sandbox, {"path": str(tmp_path)})["msg"]
    (tmp_path / "latin.json").write_bytes('{"identifier": "blåbær"}'.encode("latin-1"))
    assert "is not UTF-8" in refused(sandbox, {"path": str(tmp_path / "latin.json")})["msg"]
    (tmp_path / "large.json").write_bytes(b" " * 1_100_000)
    assert "larger than 1024 KiB" in refused(sandbox, {"path": str(tmp_path / "large.json")})["msg"]
    both = {"path": str(tmp_path / "latin.json"), "definition": {}}
    assert "exclude each other" not in refused(sandbox, {"identifier": "abcd", **both, "path": None})["msg"]
    assert "exclude each other" in refused(sandbox, {**both, "definition": "{}"})["msg"]


def test_a_file_with_a_byte_order_mark_and_members_in_any_case_is_read(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    body = {
        "Identifier": "testetat-thing",
        "Title": TEXTS,
        "DESCRIPTION": TEXTS,
        "rightdescription": TEXTS,
        "ContactPoints": [{"Email": "x@y.example"}],
        "resourceType": "systemresource",
        "HasCompetentAuthority": {"Organization": "310001007", "OrgCode": "TESTETAT"},
        "versionId": 4711,
    }
    path = tmp_path / "resource.json"
    path.write_text(json.dumps(body), encoding="utf-8-sig")
    result = run(sandbox, path=str(path))
    assert not result["failed"], result["msg"]
    assert not result.get("warnings")
    assert result["resource"]["resourceType"] == "Systemresource"
    assert not run(sandbox, path=str(path))["changed"]


def test_options_override_the_file_language_by_language(sandbox: SandboxClient, tmp_path: Path) -> None:
    path = tmp_path / "resource.json"
    body = {
        "identifier": "testetat-thing",
        "title": TEXTS,
        "description": TEXTS,
        "rightDescription": TEXTS,
        "contactPoints": [],
        "resourceType": "Systemresource",
        "homepage": "https://file.example",
        "status": "UnderDevelopment",
    }
    path.write_text(json.dumps(body), encoding="utf-8")
    result = run(
        sandbox,
        homepage="https://top.example",
        status="Completed",
        resources=[
            {"path": str(path), "title": {"en": "Matters"}},
            {"path": str(path), "identifier": "testetat-other", "homepage": "https://entry.example"},
        ],
    )
    assert not result["failed"], result["msg"]
    first, second = (entry["object"] for entry in result["results"])
    assert first["title"] == {**TEXTS, "en": "Matters"}
    # What a file says is nearer to the resource than a default of the top level.
    assert first["homepage"] == "https://file.example"
    assert first["status"] == "UnderDevelopment"
    assert second["homepage"] == "https://entry.example"
