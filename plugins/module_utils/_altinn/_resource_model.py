# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""A resource as Altinn's registry knows it: its members, the registry's rules for it, and when two are the same.

Source of members, rules and order: Altinn's published server source (altinn-resource-registry: ServiceResource,
ServiceResourceHelper, ResourceController) and, for what a consuming product demands, Altinn Studio's resource editor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from .._reconcile import normal
from ._registry import RESERVED_IDENTIFIERS

RESOURCE_TYPES: Final = (
    "MaskinportenSchema", "GenericAccessResource", "Systemresource", "CorrespondenceService", "BrokerService", "Consent",
    "AltinnApp", "MigratedApp", "Altinn2Service",
)  # fmt: skip
REFERENCE_SOURCES: Final = ("Default", "Altinn1", "Altinn2", "Altinn3", "ExternalPlatform")
REFERENCE_TYPES: Final = (
    "Default", "Uri", "DelegationSchemeId", "MaskinportenScope", "ServiceCode", "ServiceEditionCode", "ApplicationId",
    "ServiceEditionVersion",
)  # fmt: skip
PARTY_TYPES: Final = (
    "PrivatePerson", "LegalEntityEnterprise", "Company", "BankruptcyEstate", "SelfRegisteredUser",
)  # fmt: skip
ACCESS_LIST_MODES: Final = ("Disabled", "Enabled")
#: What Altinn Studio offers, and what Altinn's own examples say; the registry takes any text.
USUAL_STATUSES: Final = ("Completed", "Deprecated", "UnderDevelopment", "Withdrawn", "Active")
WITHDRAWN: Final = "Withdrawn"
LANGUAGES: Final = ("nb", "nn", "en")
#: The test department, which may have no organisation number of its own.
TEST_DEPARTMENT: Final = "ttd"
_LANGUAGE_NAMES: Final = {"nb": "bokmål", "nn": "nynorsk", "en": "English"}
_APP_TYPES: Final = ("AltinnApp", "MigratedApp")

#: Member of the registry -> option, in the order in which the registry writes members.
OPTION_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "identifier": "identifier",
        "version": "version",
        "title": "title",
        "description": "description",
        "rightDescription": "right_description",
        "homepage": "homepage",
        "status": "status",
        "spatial": "spatial",
        "contactPoints": "contact_points",
        "produces": "produces",
        "isPartOf": "is_part_of",
        "thematicAreas": "thematic_areas",
        "resourceReferences": "resource_references",
        "delegable": "delegable",
        "visible": "visible",
        "hasCompetentAuthority": "has_competent_authority",
        "keywords": "keywords",
        "accessListMode": "access_list_mode",
        "selfIdentifiedUserEnabled": "self_identified_user_enabled",
        "enterpriseUserEnabled": "enterprise_user_enabled",
        "resourceType": "resource_type",
        "availableForType": "available_for_type",
        "authorizationReference": "authorization_reference",
        "consentTemplate": "consent_template",
        "consentText": "consent_text",
        "consentMetadata": "consent_metadata",
        "isOneTimeConsent": "is_one_time_consent",
    }
)
#: Members of the objects within a resource -> option.
NESTED_OPTION_OF: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "contactPoints": {
            "category": "category",
            "email": "email",
            "telephone": "telephone",
            "contactPage": "contact_page",
        },
        "resourceReferences": {
            "referenceSource": "reference_source",
            "reference": "reference",
            "referenceType": "reference_type",
        },
        "hasCompetentAuthority": {"organization": "organization", "orgcode": "orgcode", "name": "name"},
        "keywords": {"word": "word", "language": "language"},
        "authorizationReference": {"id": "id", "value": "value"},
    }
)
DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "delegable": True,
        "visible": True,
        "accessListMode": "Disabled",
        "selfIdentifiedUserEnabled": False,
        "enterpriseUserEnabled": False,
        "isOneTimeConsent": False,
    }
)
TEXTS: Final = frozenset({"identifier", "version", "homepage", "status", "isPartOf", "consentTemplate"})
LANGUAGE_MAPS: Final = frozenset({"title", "description", "rightDescription", "consentText"})
STRING_LISTS: Final = frozenset({"spatial", "produces", "thematicAreas"})
FLAGS: Final = frozenset(
    {"delegable", "visible", "selfIdentifiedUserEnabled", "enterpriseUserEnabled", "isOneTimeConsent"}
)
#: Enumerated member -> its values. ``Default`` of the server's resource types is left out, since the server refuses it.
ENUMERATIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "resourceType": RESOURCE_TYPES,
        "accessListMode": ACCESS_LIST_MODES,
        "availableForType": PARTY_TYPES,
        "referenceSource": REFERENCE_SOURCES,
        "referenceType": REFERENCE_TYPES,
    }
)
#: The server's numbers of enumerated values, which old programs send instead of names.
_SERVER_ORDER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "resourceType": (
            "Default", "Systemresource", "MaskinportenSchema", "Altinn2Service", "AltinnApp", "GenericAccessResource",
            "BrokerService", "CorrespondenceService", "Consent", "MigratedApp",
        ),
        "accessListMode": ACCESS_LIST_MODES,
        "referenceSource": REFERENCE_SOURCES,
        "referenceType": REFERENCE_TYPES,
    }
)  # fmt: skip
#: What the server assigns itself.
SERVER_MANAGED: Final = ("versionId",)
_UNORDERED: Final = frozenset(
    {"contactPoints", "resourceReferences", "keywords", "availableForType", "authorizationReference", *STRING_LISTS}
)  # fmt: skip

IDENTIFIER: Final = re.compile(r"[a-z0-9_-]{4,}")
_MIGRATED_IDENTIFIER: Final = re.compile(r"app_[a-z0-9]+_a1-.+:[a-z0-9.]+", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"\{([^{}\s]+)\}")
_LINK: Final = re.compile(r"\]\(\s*([^)\s]*)")


def resource_options() -> dict[str, dict[str, Any]]:
    """The options of one resource: those of the module's top level and of each entry of ``resources``, but for ``state``."""
    text, flag, languages = {"type": "str"}, {"type": "bool"}, {"type": "dict"}
    texts = {"type": "list", "elements": "str"}
    return {
        "identifier": text,
        "path": {"type": "path"},
        "definition": {"type": "raw"},
        "partial": flag,
        "version": text,
        "title": languages,
        "description": languages,
        "right_description": languages,
        "homepage": text,
        "status": text,
        "spatial": texts,
        "contact_points": _objects(category=text, email=text, telephone=text, contact_page=text),
        "produces": texts,
        "is_part_of": text,
        "thematic_areas": texts,
        "resource_references": _objects(
            reference_source={"type": "str", "choices": list(REFERENCE_SOURCES)},
            reference=text,
            reference_type={"type": "str", "choices": list(REFERENCE_TYPES)},
        ),
        "scopes": texts,
        "delegable": flag,
        "visible": flag,
        "has_competent_authority": {
            "type": "dict",
            "options": {"organization": text, "orgcode": text, "name": languages},
        },
        # Only looks like a secret to Ansible's sanity test.
        "keywords": {**_objects(word=text, language=text), "no_log": False},
        "access_list_mode": {"type": "str", "choices": list(ACCESS_LIST_MODES)},
        "self_identified_user_enabled": flag,
        "enterprise_user_enabled": flag,
        "resource_type": {"type": "str", "choices": list(RESOURCE_TYPES)},
        "available_for_type": {"type": "list", "elements": "str", "choices": list(PARTY_TYPES)},
        "authorization_reference": _objects(id=text, value=text),
        "consent_template": text,
        "consent_text": languages,
        "consent_metadata": languages,
        "is_one_time_consent": flag,
        "scope_check": {"type": "str", "choices": ["off", "warn", "enforce"]},
        "allow_delete": flag,
        "allow_lockout": flag,
    }


def _objects(**members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "options": dict(members)}


# -- rules ------------------------------------------------------------------------


def enumerated(member: str, value: Any) -> str | None:
    """The canonical name of an enumerated value, however it is written (any case, the server's number); None for no such."""
    if isinstance(value, int) and not isinstance(value, bool):
        order = _SERVER_ORDER.get(member, ())
        value = order[value] if 0 <= value < len(order) else None
    if not isinstance(value, str):
        return None
    wanted = value.strip().lower()
    return next((name for name in ENUMERATIONS[member] if name.lower() == wanted), None)


def identifier_problem(identifier: str, *, creating: bool) -> str | None:
    """What is wrong with an identifier as such, or None.

    :param creating: the registry looks at the form of an identifier only when it creates a resource.
    """
    if not identifier.strip():
        return "identifier is missing; it names the resource for good"
    if identifier.lower() in RESERVED_IDENTIFIERS:
        return f"identifier '{identifier}' is one of the registry's own addresses, so the resource could never be read"
    if not creating or _MIGRATED_IDENTIFIER.fullmatch(identifier) or IDENTIFIER.fullmatch(identifier):
        return None
    wrong = sorted(set(re.sub(r"[a-z0-9_-]", "", identifier)))
    if wrong:
        listed = " ".join(repr(character) for character in wrong[:5])
        return f"identifier '{identifier}' holds {listed}; only a-z, 0-9, _ and - are allowed"
    return f"identifier '{identifier}' has {len(identifier)} characters; at least 4 are needed"


def missing_members(body: Mapping[str, Any]) -> list[str]:
    """The members that the registry's binder demands and the resource lacks, but for the owner, who is filled in."""
    problems = []
    if not str(body.get("identifier") or "").strip():
        problems.append("identifier is missing; it names the resource for good")
    for member in ("title", "description"):
        if not body.get(member):
            problems.append(f"{member} is missing or empty; the registry needs it in nb, nn and en")
    if body.get("contactPoints") is None:
        problems.append(
            "contact_points is missing; the registry needs the member, and an empty list is enough for it"
        )
    return problems


def rule_problems(body: Mapping[str, Any], *, creating: bool) -> list[str]:
    """Every rule of the registry, and of the product that uses such a resource, that a resource breaks; see :func:`problems`."""
    kind = str(body.get("resourceType") or "")
    identifier = str(body.get("identifier") or "")
    references = _references(body)
    types = {reference.get("referenceType") for reference in references}
    found = []
    if identifier and (problem := identifier_problem(identifier, creating=creating)):
        found.append(problem)
    if not kind:
        found.append(f"resource_type is missing; it is one of {', '.join(RESOURCE_TYPES)}")
    if identifier.startswith("se_") and not {"ServiceCode", "ServiceEditionCode"} <= types:
        found.append(
            f"identifier '{identifier}' starts with se_, which is for Altinn 2 services: resource_references needs a ServiceCode "
            "and a ServiceEditionCode then"
        )
    if identifier.startswith("app_") and kind and kind not in _APP_TYPES:
        found.append(
            f"identifier '{identifier}' starts with app_, which is only for resource_type AltinnApp and MigratedApp"
        )
    if kind in _APP_TYPES:
        found += _app_problems(body, identifier, references)
    for member in ("title", "description", "rightDescription"):
        if member == "rightDescription" and not body.get("delegable", True):
            continue
        texts = body.get(member)
        if not texts:
            if member == "rightDescription":
                found.append(
                    "right_description is missing or empty; a resource that can be delegated (delegable, which is the default) "
                    "needs it in nb, nn and en, since it is what people read when they delegate"
                )
            continue
        found += _language_problems(OPTION_OF[member], texts)
    if kind == "MaskinportenSchema" and "MaskinportenScope" not in types:
        found.append(
            "resource_references names no scope: a MaskinportenSchema needs at least one reference of type MaskinportenScope "
            "(or give scopes)"
        )
    for index, reference in enumerate(references):
        if reference.get("referenceType") == "MaskinportenScope":
            name = str(reference.get("reference") or "")
            prefix, colon, subscope = name.partition(":")
            if not (prefix and colon and subscope) or re.search(r"\s", name):
                found.append(
                    f"resource_references[{index}].reference '{name}' is no scope; a scope is written prefix:subscope"
                )
    if kind == "GenericAccessResource" and body.get("availableForType") is None:
        found.append(
            "available_for_type is missing; a GenericAccessResource says who can use it "
            f"({', '.join(PARTY_TYPES)}; an empty list for nobody in particular)"
        )
    if kind == "Consent":
        found += _consent_problems(body)
    return found


def problems(body: Mapping[str, Any], *, creating: bool) -> list[str]:
    """Everything that keeps a resource from being stored, each a clause that names member and rule; empty when it is fine.

    :param body: members under the registry's names, the owner filled in or left out.
    :param creating: POST, which also looks at the form of the identifier.
    """
    found = missing_members(body) + rule_problems(body, creating=creating)
    return list(dict.fromkeys(found))


def _language_problems(option: str, texts: Mapping[str, Any]) -> list[str]:
    blank = [language for language in LANGUAGES if not str(texts.get(language) or "").strip()]
    return [
        f"{option}.{language} is missing or blank; the registry needs {option} in {_LANGUAGE_NAMES[language]} ({language})"
        for language in blank
    ]


def _app_problems(
    body: Mapping[str, Any], identifier: str, references: Sequence[Mapping[str, Any]]
) -> list[str]:
    kind = body.get("resourceType")
    code = str((body.get("hasCompetentAuthority") or {}).get("orgcode") or "").lower()
    start = f"app_{code}_" if code else "app_"
    if not identifier.lower().startswith(start):
        start = start if code else "app_<orgcode>_"
        return [f"identifier '{identifier}' does not start with {start}, as one of resource_type {kind} must"]
    rest = identifier[len(start) :]
    owner, app = (code, rest) if code else rest.partition("_")[::2]
    wanted = f"{owner}/{app}"
    if any(
        reference.get("referenceType") == "ApplicationId"
        and reference.get("referenceSource") == "Altinn3"
        and str(reference.get("reference") or "").lower() == wanted.lower()
        for reference in references
    ):
        return []
    reference = f"reference_type ApplicationId, reference_source Altinn3, reference {wanted}"
    return [f"resource_references lacks the app: one of resource_type {kind} needs {reference}"]


def _consent_problems(body: Mapping[str, Any]) -> list[str]:
    found = []
    if not str(body.get("consentTemplate") or "").strip():
        found.append("consent_template is missing; a Consent names the template of what the person reads")
    texts = body.get("consentText")
    if not texts:
        found.append("consent_text is missing or empty; a Consent needs it in nb, nn and en")
        return found
    found += _language_problems("consent_text", texts)
    declared = set(body.get("consentMetadata") or {})
    for language, text in texts.items():
        for name in dict.fromkeys(_PLACEHOLDER.findall(str(text or ""))):
            if name not in declared:
                found.append(
                    f"consent_text.{language} holds {{{name}}}, which consent_metadata does not name"
                )
        for target in _LINK.findall(str(text or "")):
            if not re.match(r"https?://|\{", target):
                found.append(
                    f"consent_text.{language} links to '{target}'; a link starts with http(s):// or is a placeholder"
                )
    return found


def _references(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in body.get("resourceReferences") or () if isinstance(entry, Mapping)]


# -- what a resource says -----------------------------------------------------------


def scopes_of(body: Mapping[str, Any]) -> list[str]:
    """The Maskinporten scopes that a resource refers to, in order; delegating the resource delegates them all."""
    return [
        str(reference.get("reference"))
        for reference in _references(body)
        if reference.get("referenceType") == "MaskinportenScope" and reference.get("reference")
    ]


def owner_number(body: Mapping[str, Any]) -> str:
    """The owner's organisation number, or an empty text (the test department has none)."""
    return str((body.get("hasCompetentAuthority") or {}).get("organization") or "").strip()


def owner_code(body: Mapping[str, Any]) -> str:
    """The owner's service owner code in lower case, or an empty text."""
    return str((body.get("hasCompetentAuthority") or {}).get("orgcode") or "").strip().lower()


def is_withdrawn(body: Mapping[str, Any]) -> bool:
    """Whether a resource stands as withdrawal leaves it: neither delegable nor visible, status Withdrawn."""
    return (
        not body.get("delegable", True)
        and not body.get("visible", True)
        and str(body.get("status") or "").lower() == WITHDRAWN.lower()
    )


# -- comparison ---------------------------------------------------------------------


def same_member(member: str, live: Any, wanted: Any, identifier: str = "") -> bool:
    """Whether two values of a member mean the same to Altinn.

    Absent, null and empty are one; a default is what absent means; enumerations and the owner's code are compared without
    case; the order of a list has no meaning. Of the owner only the parts in ``wanted`` are compared.
    """
    if member == "hasCompetentAuthority":
        before, after = live or {}, wanted or {}
        return all(_same_owner_part(part, before.get(part), value) for part, value in after.items())
    if member == "authorizationReference":
        # The registry fills this one in by itself where it is absent.
        default = [{"id": "urn:altinn:resource", "value": identifier}]
        live, wanted = live or default, wanted or default
    default_value = DEFAULTS.get(member)
    live = default_value if live is None else live
    wanted = default_value if wanted is None else wanted
    return bool(_comparable(member, live) == _comparable(member, wanted))


def _same_owner_part(part: str, first: Any, second: Any) -> bool:
    if part == "orgcode":
        return str(first or "").strip().lower() == str(second or "").strip().lower()
    return bool(normal(first) == normal(second))


def _comparable(member: str, value: Any) -> Any:
    if member in FLAGS:
        return bool(value)
    if member == "consentMetadata":
        return {name: bool((entry or {}).get("optional")) for name, entry in (value or {}).items()} or None
    if member in ENUMERATIONS and isinstance(value, str):
        return value.strip().lower()
    if member in _UNORDERED and isinstance(value, (list, tuple)):
        return sorted(json.dumps(_comparable_entry(entry), sort_keys=True) for entry in value) or None
    return normal(value)


def _comparable_entry(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        return {
            name: str(value).strip().lower() if name in ENUMERATIONS else normal(value)
            for name, value in entry.items()
            if normal(value) is not None
        }
    return normal(entry)


def changed_members(live: Mapping[str, Any], wanted: Mapping[str, Any], identifier: str) -> list[str]:
    """The members of ``wanted`` that differ in meaning from the live resource."""
    return [
        member
        for member in wanted
        if member not in SERVER_MANAGED
        and not same_member(member, live.get(member), wanted[member], identifier)
    ]


# -- shapes -------------------------------------------------------------------------


def laid_over(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The whole resource to send: the live one with the managed members of ``wanted``; what nobody manages is kept.

    A member that is given empty is left out (but for the contact points, which the registry demands); the owner's parts that
    are not given are kept.
    """
    merged = {member: value for member, value in live.items() if member not in SERVER_MANAGED}
    for member, value in wanted.items():
        if member == "hasCompetentAuthority":
            merged[member] = {**(live.get(member) or {}), **value}
        elif value in (None, "", [], {}) and member != "contactPoints":
            merged.pop(member, None)
        else:
            merged[member] = value
    order = {member: position for position, member in enumerate(OPTION_OF)}
    return dict(sorted(merged.items(), key=lambda entry: order.get(entry[0], len(order))))


def view(body: Mapping[str, Any]) -> dict[str, Any]:
    """The resource as people read it: under the options' names, in a stable order, members of later servers at the end."""
    return dict(_as_options(body))


def as_declaration(body: Mapping[str, Any]) -> dict[str, Any]:
    """A live resource as an entry of ``resources`` that changes nothing when it is applied; values are the registry's own."""
    declared = {}
    for option, value in _as_options(body):
        if option == "authorization_reference" and same_member(
            "authorizationReference", None, body.get("authorizationReference"), str(body.get("identifier"))
        ):
            continue
        if option in OPTION_OF.values() and value not in (None, "", {}):
            declared[option] = value
    return declared


def _as_options(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for member, option in OPTION_OF.items():
        if member in body:
            yield option, _nested_options(member, body[member])
    for member in sorted(set(body) - set(OPTION_OF) - set(SERVER_MANAGED)):
        yield member, body[member]


def _nested_options(member: str, value: Any) -> Any:
    names = NESTED_OPTION_OF.get(member)
    if isinstance(value, Mapping):
        if member in LANGUAGE_MAPS:
            return _languages_first(value)
        if names:
            return {
                option: _languages_first(part) if isinstance(part, Mapping) else part
                for option, part in _ordered(value, names).items()
                if part not in (None, {})
            }
        return dict(value)
    if isinstance(value, list) and names:
        return [_ordered(entry, names) if isinstance(entry, Mapping) else entry for entry in value]
    return value


def _ordered(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The members of an object under their options' names, in the options' order."""
    order = [*(name for name in names if name in value), *(name for name in value if name not in names)]
    return {names.get(name, name): value[name] for name in order}


def _languages_first(texts: Mapping[str, Any]) -> dict[str, Any]:
    known = [language for language in LANGUAGES if language in texts]
    return {language: texts[language] for language in [*known, *sorted(set(texts) - set(known))]}
