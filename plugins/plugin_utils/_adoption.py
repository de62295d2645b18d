# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live state of a provider written as declarations that change nothing when they are applied.

What cannot be declared is never left out in silence: each such thing is a row of what is returned. A declaration is written
against the inventory's ``provider_defaults``: what these say already is left out, what they would add is taken away with null.
This module is private to the collection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _organization_number as numbers
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _policies
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_definition import (
    read_layer,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_model import (
    OPTION_OF,
    SERVER_MANAGED,
    as_declaration,
    changed_members,
    is_withdrawn,
    problems,
    scopes_of,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import ENVIRONMENTS
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import CollectionError, InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import (
    LANGUAGES,
    LONGEST_DESCRIPTION,
    LONGEST_LONG_DESCRIPTION,
    NEW_SCOPE,
    full_name,
    scope_name,
    scope_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._self_service import (
    is_controllers_mark,
)

from ._declaration import Declared, resolve
from ._live import OPENING, scope_as_options

DEACTIVATED: Final = ("declare", "leave_out")
NOT_DECLARED_FILE: Final = "not-declared.txt"

_HEAD: Final = "# {scope} as it was in {environment} when it was adopted.\n"
#: Fields of a scope that a declaration says even when they are what a new scope has, since they decide who gets in.
_SAID: Final = (
    "prefix", "subscope", "description", "visibility", "accessible_for_all", "allow_open_access", "at_max_age", "delegation",
)  # fmt: skip
#: Flags of a resource that are left out where they are what a new resource has.
_QUIET_FLAGS: Final = ("self_identified_user_enabled", "enterprise_user_enabled", "is_one_time_consent")
#: Options that say how, not what; those of provider_defaults stay in force.
_CONTROLS: Final[Mapping[str, tuple[str, ...]]] = {
    "scope": ("consumers_on_deactivate", "take_over", "strip_fields", "allow_open_access"),
    "resource": ("scope_check", "allow_delete", "allow_lockout"),
    "policy": (
        "allow_removing_delegation", "allow_lower_authentication_level", "allow_only_altinn2_roles",
        "allow_replacing_unreadable",
    ),
    "consumers": (
        "purge", "max_removals", "protected", "suppliers", "on_invalid_row", "reason", "case_number", "warn_days",
    ),
    "access_list": (
        "owner", "purge", "max_removals", "protected", "on_invalid_row", "warn_days", "purge_connections", "allow_lockout",
    ),
}  # fmt: skip
_USUAL_LEVEL: Final = _policies.USUAL_LEVEL


def adopt(
    scopes: Sequence[Mapping[str, Any]],
    *,
    environment: str,
    accesses: Sequence[Mapping[str, Any]] | None = None,
    resources: Sequence[Mapping[str, Any]] | None = None,
    policies: Sequence[Mapping[str, Any]] | None = None,
    access_lists: Sequence[Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Any] | None = None,
    altinn_issuer: str | None = None,
    deactivated: str = "declare",
) -> dict[str, Any]:
    """Declarations of what exists.

    :param scopes: as ``maskinporten_scope_info`` returns them; likewise ``accesses`` (``consumer_access_info``), ``resources``
        (``altinn_resource_info``), ``policies`` (``altinn_policy_info``) and ``access_lists`` (``altinn_access_list_info``);
        None for what was not read, about which nothing is declared then.
    :param altinn_issuer: Altinn's address among the environment's delegation sources.
    :param deactivated: whether deactivated scopes are declared with ``state: absent`` or left out.
    :returns: ``files`` (name, text), ``apis`` (a row per API) and ``not_declared`` (``kind``, ``name``, ``reason``).
    :raises InputError: an unknown environment or value.
    """
    if environment not in ENVIRONMENTS:
        raise InputError(f"environment: '{environment}' is unknown; it is one of {', '.join(ENVIRONMENTS)}.")
    if deactivated not in DEACTIVATED:
        raise InputError(f"deactivated: '{deactivated}' is not one of {', '.join(DEACTIVATED)}.")
    return _Adoption(
        scopes,
        environment,
        accesses,
        resources,
        policies,
        access_lists,
        defaults or {},
        altinn_issuer,
        deactivated,
    ).result()


class _Adoption:
    def __init__(
        self,
        scopes: Sequence[Mapping[str, Any]],
        environment: str,
        accesses: Sequence[Mapping[str, Any]] | None,
        resources: Sequence[Mapping[str, Any]] | None,
        policies: Sequence[Mapping[str, Any]] | None,
        access_lists: Sequence[Mapping[str, Any]] | None,
        defaults: Mapping[str, Any],
        altinn_issuer: str | None,
        deactivated: str,
    ) -> None:
        self._scopes = sorted(scopes, key=full_name)
        self._environment = environment
        self._resources = resources
        self._policies = None if policies is None else {str(entry["resource"]): entry for entry in policies}
        self._access_lists = access_lists
        self._defaults = defaults
        self._issuer = altinn_issuer
        self._deactivated = deactivated
        self._accesses: dict[str, list[Mapping[str, Any]]] | None = None
        if accesses is not None:
            self._accesses = {}
            for access in accesses:
                self._accesses.setdefault(str(access["scope"]), []).append(access)
        self._files: list[dict[str, str]] = []
        self._rows: list[dict[str, Any]] = []
        self._notes: list[dict[str, str]] = []

    def result(self) -> dict[str, Any]:
        adopted = self._adopted_scopes()
        names = api_names([full_name(scope) for scope in adopted])
        owned = self._resources_by_scope(adopted)
        lists = self._lists_by_resource(owned, names)
        for scope in adopted:
            name = full_name(scope)
            self._api(names[name], scope, owned.get(name), lists)
        told = "".join(f"{row['kind']} {row['name']}: {row['reason']}\n" for row in self._notes)
        head = f"What exists in {self._environment} and no declaration here says, or says otherwise than it should.\n\n"
        self._files.append({"name": NOT_DECLARED_FILE, "text": head + (told or "Nothing.\n")})
        return {"files": self._files, "apis": self._rows, "not_declared": self._notes}

    def _note(self, kind: str, name: str, reason: str) -> None:
        self._notes.append({"kind": kind, "name": name, "reason": reason})

    # -- what belongs together ----------------------------------------------------------------

    def _adopted_scopes(self) -> list[Mapping[str, Any]]:
        adopted = []
        for scope in self._scopes:
            name = full_name(scope)
            try:
                scope_name({"name": name}, "scope")
            except InputError as error:
                self._note("scope", name, f"its name cannot be declared: {error.message}")
                continue
            if not scope.get("active", True) and self._deactivated == "leave_out":
                self._note("scope", name, "is deactivated and was left out, as asked")
                continue
            adopted.append(scope)
        return adopted

    def _resources_by_scope(self, adopted: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """Scope -> the one resource that its declaration holds."""
        if self._resources is None:
            return {}
        order = {
            full_name(scope): (not scope.get("active", True), index) for index, scope in enumerate(adopted)
        }
        owned: dict[str, Mapping[str, Any]] = {}
        ranked = sorted(
            self._resources,
            key=lambda body: (
                not body.get("delegable", True), body.get("resourceType") != "MaskinportenSchema",
                len(scopes_of(body)), str(body.get("identifier")),
            ),
        )  # fmt: skip
        for body in ranked:
            identifier = str(body.get("identifier"))
            named = list(dict.fromkeys(scopes_of(body)))
            ours = sorted((scope for scope in named if scope in order), key=lambda scope: order[scope])
            if not ours:
                if not named:
                    self._note("resource", identifier, "names no scope, so it belongs to no API here")
                continue
            home = next((scope for scope in ours if scope not in owned), None)
            if home is None:
                self._note(
                    "resource", identifier,
                    f"{ours[0]} has the resource {owned[ours[0]]['identifier']} already, and an API has one resource",
                )  # fmt: skip
                continue
            owned[home] = body
            for scope in ours:
                if scope != home:
                    self._note(
                        "scope", scope, f"can be delegated through {identifier}, which stands with {home}"
                    )
        return owned

    def _lists_by_resource(
        self, owned: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]
    ) -> dict[str, Mapping[str, Any]]:
        """Name of an API -> the one access list that its declaration holds."""
        home_of = {str(body["identifier"]): names[scope] for scope, body in owned.items()}
        taken: dict[str, Mapping[str, Any]] = {}
        for entry in sorted(self._access_lists or (), key=lambda entry: str(entry["identifier"])):
            label = str(entry["identifier"])
            connected = [str(connection["resource"]) for connection in entry.get("connections") or ()]
            homes = sorted({home_of[resource] for resource in connected if resource in home_of})
            home = next((name for name in homes if name not in taken), None)
            if not connected:
                self._note("access list", label, "is connected to no resource, so it belongs to no API")
            elif not homes:
                self._note(
                    "access list",
                    label,
                    f"is connected only to {', '.join(connected)}, declared nowhere here",
                )
            elif home is None:
                self._note(
                    "access list", label, f"the API {homes[0]} has an access list already, and an API has one"
                )
            else:
                taken[home] = entry
                if not entry.get("name"):
                    self._note("access list", label, "has no name, and a declared list needs one")
        return taken

    # -- one API ------------------------------------------------------------------------------

    def _api(
        self,
        name: str,
        scope: Mapping[str, Any],
        resource: Mapping[str, Any] | None,
        lists: Mapping[str, Mapping[str, Any]],
    ) -> None:
        full = full_name(scope)
        active = bool(scope.get("active", True))
        files: list[dict[str, str]] = []
        sections: dict[str, Any] = {"scope": self._scope(full, scope)}
        here: dict[str, Any] = {}
        policy = "not read"
        if resource is not None and not active and not is_withdrawn(resource):
            self._note(
                "resource",
                str(resource["identifier"]),
                f"is still offered although {full} is deactivated, and would be withdrawn with it, so it is left out; "
                "playbook retire withdraws it",
            )
            resource = None
        if self._resources is not None:
            sections["resource"] = None if resource is None else self._resource(resource)
            policy = "none"
        if sections.get("resource") is not None and self._policies is not None:
            if resource is None:
                raise AssertionError("resource is known here")
            sections["policy"], policy = self._policy(name, str(resource["identifier"]), files)
        elif self._resources is not None:
            sections["policy"] = None
        count: int | None = None
        if self._accesses is not None:
            section, count = self._consumers(name, full, active, files)
            sections["consumers"] = None
            if section is not None:
                here["consumers"] = section
        if self._access_lists is not None:
            sections["access_list"] = None
            if name in lists:
                access_list, members = self._access_list(name, lists[name], files)
                sections["access_list"] = access_list
                if members is not None:
                    here["access_list"] = members
                self._enforced(sections, lists[name])
        declaration = self._written(name, active, sections, here)
        try:
            resolve([Declared(declaration, full, None, {})], self._environment, self._defaults)
        except InputError as error:
            self._note("scope", full, f"its declaration would not be accepted: {error.message}")
            return
        self._files.append(
            {
                "name": f"{name}.yml",
                "text": _HEAD.format(scope=full, environment=self._environment) + to_yaml(declaration),
            }
        )
        self._files += files
        self._rows.append(
            {
                "api": name,
                "scope": full,
                "state": "present" if active else "absent",
                "resource": str(resource["identifier"]) if sections.get("resource") and resource else None,
                "policy": policy,
                "consumers": count,
                "access_list": str(lists[name]["identifier"]) if name in lists else None,
            }
        )

    def _written(
        self, name: str, active: bool, sections: Mapping[str, Any], here: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The declaration, as short as the defaults allow."""
        under = _normal_defaults(self._defaults)
        declaration: dict[str, Any] = {"name": name}
        if not active:
            declaration["state"] = "absent"
        elif under.get("state") not in (None, "present"):
            declaration["state"] = "present"
        for section, wanted in sections.items():
            beneath = under.get(section)
            if wanted is None:
                if beneath is not None and section not in here:
                    declaration[section] = None
                continue
            if isinstance(beneath, Mapping):
                wanted = overlay(beneath, wanted, _CONTROLS[section])
            if wanted or section == "scope" or beneath is None:
                declaration[section] = wanted
        if here:
            declaration["environments"] = {self._environment: dict(here)}
        return declaration

    def _scope(self, full: str, scope: Mapping[str, Any]) -> dict[str, Any]:
        options = scope_as_options(scope, self._environment, self._issuer)
        spec = scope_options()
        section: dict[str, Any] = {}
        for option, value in options.items():
            known = spec.get("delegation_source" if option == "delegation" else option, {})
            reason = self._undeclarable(option, value, known)
            if reason:
                self._note("scope", full, f"{option} {reason}")
            elif value != "" and (option in _SAID or not _as_new(option, value, options)):
                section[option] = value
        for field in sorted(scope):
            base, _unused, language = field.partition("#")
            if language and language not in LANGUAGES and scope[field]:
                self._note("scope", full, f"{base} in the language '{language}' has no option")
        if not scope.get("description"):
            self._note("scope", full, "has no description, which a new scope needs")
        elif is_controllers_mark(scope["description"]):
            self._note(
                "scope",
                full,
                "its description is the mark of another controller (digdirator), which looks after it",
            )
        if any(scope.get(option) for option in OPENING):
            self._note(
                "scope", full, "is open: organisations get a token for it without being granted access"
            )
        under = (_normal_defaults(self._defaults).get("scope") or {}).keys()
        if "delegation_source" in under:
            section["delegation_source"] = section.pop("delegation")
        return section

    @staticmethod
    def _undeclarable(option: str, value: Any, spec: Mapping[str, Any]) -> str | None:
        longest = {"description": LONGEST_DESCRIPTION, "long_description": LONGEST_LONG_DESCRIPTION}
        base = option.removesuffix("_translations")
        texts = value.values() if isinstance(value, Mapping) else [value]
        if base in longest and any(len(str(text)) > longest[base] for text in texts):
            return f"is longer than {longest[base]} characters"
        if holds_template(value):
            return "holds {{, which a file of declarations cannot"
        choices = spec.get("choices")
        unknown = [
            part
            for part in (value if isinstance(value, list) else [value])
            if choices and part not in choices
        ]
        if unknown:
            return f"is {unknown[0]}, which is unknown here"
        return None

    def _resource(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        identifier = str(body["identifier"])
        section = as_declaration(body)
        for option in [option for option, value in section.items() if holds_template(value)]:
            del section[option]
            self._note("resource", identifier, f"{option} holds {{{{, which a file of declarations cannot")
        for member in sorted(set(body) - set(OPTION_OF) - set(SERVER_MANAGED)):
            if body[member] not in (None, "", [], {}):
                self._note("resource", identifier, f"{member} is unknown here; it is kept as it is")
        authority = body.get("hasCompetentAuthority") or {}
        if authority.get("organization") and authority["organization"] == self._owner():
            # The module fills in who owns it, from the login and Altinn's list of service owners.
            section.pop("has_competent_authority", None)
        for option in _QUIET_FLAGS:
            if section.get(option) is False:
                del section[option]
        references = section.pop("resource_references", None) or []
        named = scopes_of(body)
        plain = [
            {"reference_source": "Altinn3", "reference": scope, "reference_type": "MaskinportenScope"}
            for scope in named
        ]
        section["scopes"] = named
        if sorted(map(str, map(_sorted, references))) != sorted(map(str, map(_sorted, plain))):
            section["resource_references"] = references
        declaration = read_layer(section, identifier)
        if declaration.problems or changed_members(body, declaration.members(body), identifier):
            reason = "; ".join(declaration.problems) or "its members do not survive being written and read"
            self._note("resource", identifier, f"cannot be declared: {reason}")
            return None
        incomplete = problems({**declaration.members(), "hasCompetentAuthority": authority}, creating=True)
        if incomplete:
            self._note(
                "resource", identifier,
                f"is declared with partial: true, since the registry would not make it anew: {'; '.join(incomplete)}",
            )  # fmt: skip
            section["partial"] = True
        return section

    def _owner(self) -> str:
        return next((str(scope["owner_orgno"]) for scope in self._scopes if scope.get("owner_orgno")), "")

    # -- policy -------------------------------------------------------------------------------

    def _policy(
        self, name: str, resource: str, files: list[dict[str, str]]
    ) -> tuple[dict[str, Any] | None, str]:
        """The section and, in a word, how it says it."""
        if self._policies is None:
            raise AssertionError("self._policies is known here")
        entry = self._policies.get(resource) or {}
        if not entry.get("has_policy"):
            self._note("policy", resource, "has none, so nobody can delegate it")
            return None, "none"
        text = str(entry.get("policy") or "")
        try:
            policy = xacml_parse.parse(text.encode())
            xacml.check_content(policy, resource)
        except (xacml.XacmlError, UnicodeEncodeError) as error:
            self._note("policy", resource, f"cannot be read, so it is not declared: {error}")
            return None, "unreadable"
        if entry.get("verdict") == _policies.ONLY_ALTINN2_ROLES:
            self._note("policy", resource, f"{entry['verdict_text']}; playbook policy_migrate mends it")
        elif entry.get("verdict") == _policies.NO_ONE:
            self._note("policy", resource, str(entry["verdict_text"]))
        template = template_of(policy, resource)
        if template is not None:
            return template, "template"
        files.append({"name": f"{name}.policy.xml", "text": text})
        under = _normal_defaults(self._defaults).get("policy") or {}
        return {"file" if "file" in under else "path": f"{name}.policy.xml"}, "file"

    # -- consumers ----------------------------------------------------------------------------

    def _consumers(
        self, name: str, full: str, active: bool, files: list[dict[str, str]]
    ) -> tuple[dict[str, Any] | None, int]:
        if self._accesses is None:
            raise AssertionError("self._accesses is known here")
        found = self._accesses.get(full, [])
        waiting = sum(access.get("state") == "REQUESTED" for access in found)
        if waiting:
            self._note("consumers", full, f"{_count(waiting, 'request')} for access waits for an answer")
        granted = [access for access in found if access.get("state") == "APPROVED"]
        if not active:
            if granted:
                self._note(
                    "consumers", full,
                    f"the scope is deactivated, and {_count(len(granted), 'consumer')} would get access back with it",
                )  # fmt: skip
            return None, len(granted)
        rows = []
        for access in granted:
            number = str(access["organization_number"])
            if not numbers.is_valid(number):
                self._note("consumers", full, f"{number} is no organisation number and cannot be listed")
            elif self._environment == "prod" and numbers.is_synthetic(number):
                self._note(
                    "consumers", full, f"{number} is synthetic and has access in production; revoke it"
                )
            else:
                rows.append((number, access.get("name")))
        if not rows:
            return None, 0
        file = f"{name}.consumers.{self._environment}.csv"
        files.append({"name": file, "text": to_csv(rows)})
        return {"file": file}, len(rows)

    def _access_list(
        self, name: str, entry: Mapping[str, Any], files: list[dict[str, str]]
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        label = str(entry["identifier"])
        enforced = self._enforced_resources()
        section: dict[str, Any] = {"identifier": label}
        for option in ("name", "description"):
            if entry.get(option):
                section[option] = entry[option]
        section["connections"] = [
            {
                "resource": connection["resource"],
                "actions": list(connection.get("actions") or []),
                **({"enforce": True} if connection["resource"] in enforced else {}),
            }
            for connection in entry.get("connections") or ()
        ]
        members = entry.get("members") or []
        rows = [
            (str(member["organization_number"]), member.get("name"))
            for member in members
            if member.get("organization_number")
        ]
        if len(rows) < len(members):
            without = len(members) - len(rows)
            self._note(
                "access list",
                label,
                f"{_count(without, 'member')} without organisation number cannot be listed",
            )
        if not rows:
            return section, None
        file = f"{name}.members.{self._environment}.csv"
        files.append({"name": file, "text": to_csv(rows)})
        return section, {"members_file": file}

    def _enforced_resources(self) -> set[str]:
        return {
            str(body["identifier"])
            for body in self._resources or ()
            if str(body.get("accessListMode") or "").lower() == "enabled"
        }

    @staticmethod
    def _enforced(sections: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        """Where the list's connection says that the mode is on, the resource doesn't: a new one is made with the mode off."""
        resource = sections.get("resource")
        connected = {connection["resource"] for connection in entry.get("connections") or ()}
        if resource and resource.get("access_list_mode") == "Enabled" and resource["identifier"] in connected:
            del resource["access_list_mode"]


# -- helpers ------------------------------------------------------------------------------------


def api_names(scopes: Iterable[str]) -> dict[str, str]:
    """Scope -> name of its API: of the subscope, with the prefix before it where one alone would not be unambiguous."""
    listed = sorted(scopes)
    several = len({scope.partition(":")[0] for scope in listed}) > 1
    names: dict[str, str] = {}
    taken: set[str] = set()
    for scope in listed:
        text = scope if several else scope.partition(":")[2]
        base = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "api"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name)
        names[scope] = name
    return names


def template_of(policy: xacml.Policy, resource: str) -> dict[str, Any] | None:
    """The section that declares a policy by a template, where a template means the same; None where none does."""
    person, organization = xacml.levels(policy)
    if person is None or organization is None:
        return None
    meant = xacml.meaning(policy)
    for roles in ({}, {"include_altinn2_roles": False}):
        section: dict[str, Any] = {"template": _policies.TEMPLATES[0], **roles}
        try:
            built = _policies.declaration_of(resource, section, "template", resource).build(None, policy)
        except CollectionError:
            return None
        if xacml.meaning(built.policy) == meant:
            levels = {"authentication_level": person, "authentication_level_organization": organization}
            return {**section, **{option: level for option, level in levels.items() if level != _USUAL_LEVEL}}
    return None


def overlay(under: Mapping[str, Any], wanted: Mapping[str, Any], kept: Sequence[str] = ()) -> dict[str, Any]:
    """What has to be laid over ``under`` to get ``wanted``; null takes away what ``under`` has and ``wanted`` lacks.

    :param kept: keys of ``under`` that stay.
    """
    over: dict[str, Any] = {}
    for key, value in wanted.items():
        beneath = under.get(key)
        if isinstance(value, Mapping) and isinstance(beneath, Mapping):
            inner = overlay(beneath, value)
            if inner:
                over[key] = inner
        elif key not in under or beneath != value or isinstance(beneath, bool) != isinstance(value, bool):
            over[key] = value
    over.update(
        {key: None for key in under if key not in wanted and key not in kept and under[key] is not None}
    )
    return over


def _normal_defaults(defaults: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(defaults)
    if isinstance(result.get("policy"), str):
        result["policy"] = {"template": result["policy"]}
    if isinstance(result.get("consumers"), list):
        result["consumers"] = {"list": result["consumers"]}
    return result


def _as_new(option: str, value: Any, options: Mapping[str, Any]) -> bool:
    """Whether a new scope would have this value without being told."""
    if option == "authorization_max_lifetime":
        return bool(value == options.get("at_max_age"))
    if option == "allowed_integration_types":
        return bool(value) and sorted(value) == sorted(NEW_SCOPE[option])
    return value in (None, "", [], {}, False, NEW_SCOPE.get(option))


def _sorted(value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(value.items())


def holds_template(value: Any) -> bool:
    """Whether ``{{`` stands anywhere in a value; files of declarations are plain data."""
    if isinstance(value, str):
        return "{{" in value
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(holds_template(part) for part in parts)


def to_csv(rows: Iterable[tuple[str, Any]]) -> str:
    """Numbers and names as a list of consumers, by number."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=";", lineterminator="\n")
    writer.writerow(["organization_number", "name"])
    for number, name in sorted(rows):
        text = " ".join(str(name or "").split())
        # A name that begins like a formula would be run by the spreadsheet that opens the file.
        writer.writerow([number, f"'{text}" if text.startswith(("=", "+", "-", "@")) else text])
    return stream.getvalue()


class _Dumper(yaml.SafeDumper):
    """Lists stand indented below their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(declaration: Mapping[str, Any]) -> str:
    """The text of a file of declarations."""
    text: str = yaml.dump(
        _plain(declaration),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        explicit_start=True,
    )
    return text


def _plain(value: Any) -> Any:
    """Without the types that Ansible gives to what comes from a service."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    for plain in (str, int, float):
        if isinstance(value, plain) and not isinstance(value, bool):
            return plain(value)
    return value


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
