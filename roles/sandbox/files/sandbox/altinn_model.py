# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's resource: how JSON is bound to it, how it is written back, and the rules it must keep.

Binding imitates System.Text.Json with ASP.NET's web defaults: member names in any case, the last duplicate wins, unknown
members vanish, null counts as absent for reference types and is an error for value types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RESOURCE_TYPES = (
    "Default",
    "Systemresource",
    "MaskinportenSchema",
    "Altinn2Service",
    "AltinnApp",
    "GenericAccessResource",
    "BrokerService",
    "CorrespondenceService",
    "Consent",
    "MigratedApp",
)
REFERENCE_SOURCES = ("Default", "Altinn1", "Altinn2", "Altinn3", "ExternalPlatform")
REFERENCE_TYPES = (
    "Default",
    "Uri",
    "DelegationSchemeId",
    "MaskinportenScope",
    "ServiceCode",
    "ServiceEditionCode",
    "ApplicationId",
    "ServiceEditionVersion",
)
PARTY_TYPES = ("PrivatePerson", "LegalEntityEnterprise", "Company", "BankruptcyEstate", "SelfRegisteredUser")
ACCESS_LIST_MODES = ("Disabled", "Enabled")


class BindingError(ValueError):
    """The JSON cannot be bound to the model; ``path`` is a JSON path, the text is the server's."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path


# --- binding ---------------------------------------------------------------------------------------------------

Binder = Callable[[Any, str], Any]


def _refuse(path: str, dotnet_type: str) -> BindingError:
    return BindingError(path, f"The JSON value could not be converted to {dotnet_type}. Path: {path}")


def _string(value: Any, path: str) -> Any:
    if value is not None and not isinstance(value, str):
        raise _refuse(path, "System.String")
    return value


def _boolean(value: Any, path: str) -> Any:
    if not isinstance(value, bool):
        raise _refuse(path, "System.Boolean")
    return value


def _integer(value: Any, path: str) -> Any:
    # Web defaults read numbers from strings too.
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise _refuse(path, "System.Int32")
    return value


def _enumeration(
    name: str, values: tuple[str, ...], *, integers: bool = True, nullable: bool = False
) -> Binder:
    by_lower = {value.lower(): value for value in values}
    dotnet_type = f"Altinn.ResourceRegistry.Core.Enums.{name}"

    def bind(value: Any, path: str) -> Any:
        if value is None and nullable:
            return None
        if isinstance(value, str) and value.strip().lower() in by_lower:
            return by_lower[value.strip().lower()]
        if integers and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(values):
            return values[value]
        raise _refuse(path, dotnet_type)

    return bind


def _list_of(item: Binder, dotnet_type: str) -> Binder:
    def bind(value: Any, path: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            raise _refuse(path, f"System.Collections.Generic.List`1[{dotnet_type}]")
        return [item(entry, f"{path}[{position}]") for position, entry in enumerate(value)]

    return bind


def _map_of(item: Binder, dotnet_type: str) -> Binder:
    def bind(value: Any, path: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _refuse(path, f"System.Collections.Generic.Dictionary`2[System.String,{dotnet_type}]")
        return {name: item(entry, f"{path}.{name}") for name, entry in value.items()}

    return bind


def _object_of(members: dict[str, Binder], dotnet_type: str) -> Binder:
    by_lower = {name.lower(): name for name in members}

    def bind(value: Any, path: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _refuse(path, dotnet_type)
        bound = {}
        for given, entry in value.items():
            name = by_lower.get(given.lower())
            if name is not None:
                bound[name] = members[name](entry, f"{path}.{given}")
        return bound

    return bind


_TEXTS = _map_of(_string, "System.String")
_STRINGS = _list_of(_string, "System.String")
_MODELS = "Altinn.ResourceRegistry.Core.Models"

MEMBERS: dict[str, Binder] = {
    "identifier": _string,
    "version": _string,
    "title": _TEXTS,
    "description": _TEXTS,
    "rightDescription": _TEXTS,
    "homepage": _string,
    "status": _string,
    "spatial": _STRINGS,
    "contactPoints": _list_of(
        _object_of(
            dict.fromkeys(("category", "email", "telephone", "contactPage"), _string),
            f"{_MODELS}.ContactPoint",
        ),
        f"{_MODELS}.ContactPoint",
    ),
    "produces": _STRINGS,
    "isPartOf": _string,
    "thematicAreas": _STRINGS,
    "resourceReferences": _list_of(
        _object_of(
            {
                "referenceSource": _enumeration("ReferenceSource", REFERENCE_SOURCES, nullable=True),
                "reference": _string,
                "referenceType": _enumeration("ReferenceType", REFERENCE_TYPES, nullable=True),
            },
            f"{_MODELS}.ResourceReference",
        ),
        f"{_MODELS}.ResourceReference",
    ),
    "delegable": _boolean,
    "visible": _boolean,
    "hasCompetentAuthority": _object_of(
        {"name": _TEXTS, "organization": _string, "orgcode": _string}, f"{_MODELS}.CompetentAuthority"
    ),
    "keywords": _list_of(
        _object_of({"word": _string, "language": _string}, f"{_MODELS}.Keyword"), f"{_MODELS}.Keyword"
    ),
    "accessListMode": _enumeration("ResourceAccessListMode", ACCESS_LIST_MODES),
    "selfIdentifiedUserEnabled": _boolean,
    "enterpriseUserEnabled": _boolean,
    "resourceType": _enumeration("ResourceType", RESOURCE_TYPES),
    "availableForType": _list_of(
        _enumeration("ResourcePartyType", PARTY_TYPES, integers=False),
        "Altinn.ResourceRegistry.Core.Enums.ResourcePartyType",
    ),
    "authorizationReference": _list_of(
        _object_of({"id": _string, "value": _string}, f"{_MODELS}.AuthorizationReferenceAttribute"),
        f"{_MODELS}.AuthorizationReferenceAttribute",
    ),
    "consentTemplate": _string,
    "consentText": _TEXTS,
    "consentMetadata": _map_of(
        _object_of({"optional": _boolean}, f"{_MODELS}.ConsentMetadata"), f"{_MODELS}.ConsentMetadata"
    ),
    "isOneTimeConsent": _boolean,
    "versionId": _integer,
}
"""Members of a resource in the order in which the registry writes them."""

_DEFAULTS: dict[str, Any] = {
    "delegable": True,
    "visible": True,
    "accessListMode": "Disabled",
    "selfIdentifiedUserEnabled": False,
    "enterpriseUserEnabled": False,
    "resourceType": "Default",
    "isOneTimeConsent": False,
}
_REQUIRED = ("identifier", "title", "description", "contactPoints", "hasCompetentAuthority")
_bind_resource = _object_of(MEMBERS, f"{_MODELS}.ServiceResource")


def _position(data: str, path: str) -> str:
    """Line and column just after the first token of a member's value, as the server reports them (both from zero)."""
    member = re.match(r"\$\.(\w+)", path)
    found = re.search(rf'"{member.group(1)}"\s*:\s*.', data) if member else None
    end = found.end() if found else 0
    line = data.count("\n", 0, end)
    column = len(data[data.rfind("\n", 0, end) + 1 : end].encode())
    return f" | LineNumber: {line} | BytePositionInLine: {column}."


def read_json(data: bytes) -> Any:
    """Parse a JSON body as strictly as the server. Raises BindingError."""

    def constant(name: str) -> Any:
        raise ValueError(f"'{name[0]}' is an invalid start of a value")

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=constant)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1) - 1
        column = getattr(error, "colno", 1) - 1
        raise BindingError(
            "$",
            f"The JSON text is not valid: {error}. Path: $ | LineNumber: {line} | BytePositionInLine: {column}.",
        ) from error


def parse(data: bytes) -> dict[str, Any] | None:
    """Bind a request body to the model: only known members, names and enumerations in their canonical spelling.

    Returns:
        The members that were sent (explicit nulls as None), or None for an empty body or the text ``null``.

    Raises:
        BindingError: malformed JSON or a member of the wrong type.
    """
    if not data.strip():
        return None
    value = read_json(data)
    try:
        bound: dict[str, Any] | None = _bind_resource(value, "$")
    except BindingError as error:
        raise BindingError(
            error.path, str(error) + _position(data.decode("utf-8-sig"), error.path)
        ) from error
    return bound


def parse_seed(value: dict[str, Any]) -> dict[str, Any]:
    """Bind a seeded resource; it may lack what today's rules demand, as old resources do. Raises BindingError."""
    bound: dict[str, Any] = _bind_resource(value, "$")
    return {"title": {}, "description": {}, "contactPoints": [], "hasCompetentAuthority": {}} | {
        name: entry for name, entry in bound.items() if entry is not None
    }


# --- writing back ----------------------------------------------------------------------------------------------


def _sorted_keys(value: dict[str, Any]) -> dict[str, Any]:
    """Keys as PostgreSQL's jsonb keeps them: by length, then by bytes."""
    return dict(sorted(value.items(), key=lambda item: (len(item[0].encode()), item[0].encode())))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(entry) for name, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_without_nulls(entry) for entry in value if entry is not None]
    return value


_MAPS = ("title", "description", "rightDescription", "consentText", "consentMetadata")


def complete(bound: dict[str, Any]) -> dict[str, Any]:
    """A bound resource as the registry gives it back: nulls dropped, defaults filled in, language keys sorted."""
    result: dict[str, Any] = {}
    for name in MEMBERS:
        if name == "versionId":
            continue
        value = bound.get(name)
        if value is None:
            if name in _DEFAULTS:
                result[name] = _DEFAULTS[name]
        elif name in _MAPS:
            result[name] = _sorted_keys(value)
        elif name == "hasCompetentAuthority":
            names = value.get("name", {})
            others = {key: entry for key, entry in value.items() if key != "name" and entry is not None}
            result[name] = others if names is None else {"name": _sorted_keys(names), **others}
        else:
            result[name] = _without_nulls(value)
    if result.get("consentMetadata"):
        result["consentMetadata"] = {
            key: {"optional": bool((entry or {}).get("optional"))}
            for key, entry in result["consentMetadata"].items()
        }
    return result


def with_authorization_reference(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource as lists show it: with the attributes that identify it to the PDP, also when none were sent."""
    if resource.get("authorizationReference"):
        return resource
    identifier = resource["identifier"]
    app = re.fullmatch(r"app_([^_]+)_(.+)", identifier)
    if resource["resourceType"] == "AltinnApp" and app:
        references = [{"id": "urn:altinn:org", "value": app[1]}, {"id": "urn:altinn:app", "value": app[2]}]
    else:
        references = [{"id": "urn:altinn:resource", "value": identifier}]
    return {**resource, "authorizationReference": references}


# --- rules -----------------------------------------------------------------------------------------------------


def missing_members(bound: dict[str, Any]) -> dict[str, list[str]]:
    """Stage one of the validation: members the binder demands, as the ``errors`` of the 400."""
    errors = {}
    for name in sorted(_REQUIRED):
        value = bound.get(name)
        if value is None or value == "":
            pascal = name[0].upper() + name[1:]
            errors[pascal] = [f"The {pascal} field is required."]
    return errors


@dataclass(slots=True)
class _Errors:
    found: dict[str, list[str]]

    def add(self, key: str, text: str) -> None:
        self.found.setdefault(key, []).append(text)


_IDENTIFIER = re.compile(r"[a-z0-9_-]{4,}")
_MIGRATED_IDENTIFIER = re.compile(r"app_[a-z0-9]+_a1-.+:[a-z0-9.]+", re.IGNORECASE)
_LANGUAGES = {"en": "english en", "nb": "bokmal nb", "nn": "nynorsk nn"}


def _blank(value: str | None) -> bool:
    return value is None or not value.strip()


def broken_rules(resource: dict[str, Any], *, creating: bool) -> dict[str, list[str]]:
    """Stage two of the validation, all messages at once, as the ``errors`` of the 400.

    Args:
        resource: as :func:`complete` returns it.
        creating: True on POST, which alone checks the form of the identifier.
    """
    errors = _Errors({})
    identifier: str = resource["identifier"]
    kind: str = resource["resourceType"]
    references: list[dict[str, Any]] = [entry or {} for entry in resource.get("resourceReferences") or []]
    reference_types = {reference.get("referenceType") for reference in references}
    authority: dict[str, Any] = resource["hasCompetentAuthority"]
    code = authority.get("orgcode") or ""
    is_app = kind in ("AltinnApp", "MigratedApp")

    if identifier.startswith("se_") and not {"ServiceCode", "ServiceEditionCode"} <= reference_types:
        errors.add("Identifier", "Invalid prefix. Only to be used for Altinn 2 services")
    if identifier.startswith("app_") and not is_app:
        errors.add("Identifier", "Invalid Prefix. app_ is only for Altinn Studio apps")
    if kind == "Default":
        errors.add("ResourceType", "ResourceType needs to be set")
    if _blank(authority.get("organization")) and code.lower() != "ttd":
        errors.add(
            "HasCompetentAuthority.Organization",
            "HasCompetentAuthority needs to be set with valid organization number",
        )
    if is_app:
        _app_rules(errors, identifier, code, references)
    if creating and not (_IDENTIFIER.fullmatch(identifier) or _MIGRATED_IDENTIFIER.fullmatch(identifier)):
        errors.add(
            "Identifier",
            "Invalid id. Only a-z and 0-9 is allowed together with _ and -.  Minimum 4 characters",
        )
    for key, member, word in (
        ("Title", "title", "title"),
        ("RightDescription", "rightDescription", "RightDescription"),
        ("Description", "description", "Description"),
    ):
        if member == "rightDescription" and not resource["delegable"]:
            continue
        texts = resource.get(member) or {}
        for language, spelled in _LANGUAGES.items():
            if _blank(texts.get(language)):
                errors.add(key, f"Missing {word} in {spelled}")
    if kind == "MaskinportenSchema" and "MaskinportenScope" not in reference_types:
        errors.add("ResourceReferences", "Missing maskinporten scopen for MaskinportenSchema resource")
    return errors.found


def _app_rules(errors: _Errors, identifier: str, code: str, references: list[dict[str, Any]]) -> None:
    start = f"app_{code}"
    if not identifier.lower().startswith(start.lower()):
        errors.add(
            "Identifier",
            "Invalid identifier for app resource. App resources needs to have an identifier starting with app_<org>",
        )
    app = identifier[len(start) + 1 :]
    wanted = f"{code}/{app}".lower()
    if not any(
        reference.get("referenceType") == "ApplicationId"
        and reference.get("referenceSource") == "Altinn3"
        and (reference.get("reference") or "").lower() == wanted
        for reference in references
    ):
        errors.add(
            "ResourceReferences",
            "Invalid resource references for app resource. App resources needs to have a reference with "
            "ReferenceType=ApplicationId, ReferenceSource=Altinn3 and Reference=<org>/<appname>",
        )


def holds_nul(value: Any) -> bool:
    """True when any text or key holds U+0000, which PostgreSQL cannot store in jsonb."""
    if isinstance(value, dict):
        return any("\0" in key or holds_nul(entry) for key, entry in value.items())
    if isinstance(value, list):
        return any(holds_nul(entry) for entry in value)
    return isinstance(value, str) and "\0" in value
