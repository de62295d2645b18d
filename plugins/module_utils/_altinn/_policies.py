# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Policies of resources: declared briefly or as XACML, compared by meaning, guarded, judged for 2027, written.

Source of the rules: Altinn's resource registry. An upload overwrites whatever is there, keeps no history, and is answered
with 201 also when nothing changes; so the policy in force is read first and replaced only when it means something else.
What a policy means stands in ``_xacml.meaning``, who may do what in ``_xacml_evaluate``.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from .._errors import CollectionError, ConnectionFailedError, GuardError, InputError
from .._options import with_defaults
from .._organization_number import OrganizationNumberError, normalize
from .._reconcile import Report, Risk, Step, apply, text_diff
from .._run import Task
from . import _xacml as xacml
from . import _xacml_parse as xacml_parse
from . import _xacml_write as xacml_write
from ._policy_assessment import (
    NO_ONE,
    ONLY_ALTINN2_ROLES,
    UNREADABLE,
    USUAL_LEVEL,
    VERDICTS,
    Assessment,
    assess,
    effective_levels,
    enumerated,
    holders_by_action,
    lines,
)
from ._policy_subjects import (
    ALTINN2_ROLES_END,
    REPLACEMENTS,
    SCOPE_ACCESS,
    SCOPE_DELEGATION_PACKAGES,
    SCOPE_DELEGATION_ROLES,
)
from ._registry import RESOURCE_ADMIN, RESOURCE_WRITE, Registry, resource_segment
from ._xacml_evaluate import Holder, actions

TEMPLATES: Final = ("scope_delegation",)
#: Ways to say what a policy shall be; one of them for each policy.
SOURCES: Final = ("template", "rules", "path", "xml", "migrate_altinn2_roles")
#: Options that mean something only for some of these.
GOES_WITH: Final = {
    "authentication_level": ("template", "rules"),
    "authentication_level_organization": ("template", "rules"),
    "include_altinn2_roles": ("template",),
    "remove_altinn2_roles": ("migrate_altinn2_roles",),
    "replacements": ("migrate_altinn2_roles",),
}
_ALLOWANCES: Final = (
    "allow_removing_delegation", "allow_lower_authentication_level", "allow_only_altinn2_roles",
    "allow_replacing_unreadable",
)  # fmt: skip
#: Option of a rule -> subject attribute.
_SUBJECT_OPTIONS: Final = {
    "access_packages": xacml.ACCESS_PACKAGE,
    "roles": xacml.ROLE_CODE,
    "external_roles": xacml.REGISTER_ROLE,
    "organizations": xacml.ORGANIZATION,
    "service_owners": xacml.ORG,
    "access_lists": xacml.ACCESS_LIST,
    "party_types": xacml.PARTY_TYPE,
}
_SAFE_RESOURCE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def rule_options() -> dict[str, dict[str, Any]]:
    """The options of one rule."""
    texts = {"type": "list", "elements": "str"}
    return {
        **{option: dict(texts) for option in _SUBJECT_OPTIONS},
        "subjects": dict(texts),
        "actions": {**texts, "required": True},
        "effect": {"type": "str", "choices": ["permit", "deny"], "default": "permit"},
        "description": {"type": "str"},
    }


def policy_options() -> dict[str, dict[str, Any]]:
    """The options of one policy: those of the module's top level and of each entry of ``policies``."""
    boolean = {"type": "bool"}
    level = {"type": "int", "choices": [0, 1, 2, 3, 4]}
    return {
        "resource": {"type": "str"},
        "template": {"type": "str", "choices": list(TEMPLATES)},
        "include_altinn2_roles": dict(boolean),
        "rules": {"type": "list", "elements": "dict", "options": rule_options()},
        "path": {"type": "path", "aliases": ["file"]},
        "xml": {"type": "str"},
        "migrate_altinn2_roles": dict(boolean),
        "remove_altinn2_roles": dict(boolean),
        "replacements": {"type": "dict"},
        "authentication_level": dict(level),
        "authentication_level_organization": dict(level),
        **{option: dict(boolean) for option in _ALLOWANCES},
    }


# --- declaring a policy ------------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A policy as it shall be. :ivar data: the file to upload."""

    policy: xacml.Policy
    data: bytes


class Declaration(NamedTuple):
    """One declared policy.

    :ivar build: makes it, given the policy in force (or None) as bytes and as read.
    """

    resource: str
    entry: Mapping[str, Any]
    source: str
    build: Callable[[bytes | None, xacml.Policy | None], Wanted]


def _declared(task: Task) -> list[Declaration]:
    """Everything declared, read and checked; nothing has been sent yet.

    :raises InputError: a declaration that cannot be right.
    """
    params = task.params
    if params.get("restore_directory"):
        return _restored(params)
    options = policy_options()
    listed = params.get("policies")
    declarations: list[Declaration] = []
    seen: dict[str, str] = {}
    for index, entry in enumerate(with_defaults(params, options, "policies")):
        own = params if listed is None else listed[index]
        where = "policy" if listed is None else f"policies[{index}]"
        if any(own.get(source) for source in SOURCES):
            # An entry that says what it wants is not bent by what the top level wants of the others.
            entry.update({source: own.get(source) for source in SOURCES})
        given = [source for source in SOURCES if entry.get(source) not in (None, False)]
        resource = entry["resource"]
        if not resource:
            raise InputError(f"{where}: resource is missing; it is the resource's identifier.")
        where = f"{where} ({resource})"
        if not _SAFE_RESOURCE.fullmatch(resource):
            raise InputError(f"{where}: '{resource}' cannot be a resource's identifier.", item=resource)
        resource_segment(resource)
        if len(given) != 1:
            told = (
                f"{' and '.join(given)} exclude each other"
                if given
                else "nothing says what the policy shall be"
            )
            raise InputError(f"{where}: {told}; give one of {', '.join(SOURCES)}.", item=resource)
        if resource in seen:
            raise InputError(f"{where}: declared twice; {seen[resource]} declares it already.", item=resource)
        seen[resource] = where
        for option, sources in GOES_WITH.items():
            if own.get(option) is not None and given[0] not in sources:
                raise InputError(
                    f"{where}: {option} goes with {' and '.join(sources)}, and would do nothing with {given[0]}.",
                    item=resource,
                )
        declarations.append(declaration_of(resource, entry, given[0], where))
    return declarations


def _restored(params: Mapping[str, Any]) -> list[Declaration]:
    directory = Path(params["restore_directory"])
    if params.get("policies") is not None or params.get("resource"):
        raise InputError(
            "restore_directory: the folder says which policies are put back; leave resource and policies out."
        )
    files = sorted(directory.glob("*.xml"))
    if not files:
        raise InputError(f"restore_directory: {directory} holds no policy (no file that ends in .xml).")
    for file in files:
        if not _SAFE_RESOURCE.fullmatch(file.stem):
            raise InputError(
                f"restore_directory: {file.name} is not named after a resource (identifier and .xml)."
            )
    top = {option: params.get(option) for option in policy_options()}
    return [
        declaration_of(file.stem, {**top, "path": str(file)}, "path", f"restore_directory ({file.name})")
        for file in files
    ]


def declaration_of(resource: str, entry: Mapping[str, Any], source: str, where: str) -> Declaration:
    """What an entry declares for a resource's policy.

    :param source: the option of the entry that says where the rules come from (``template``, ``rules``, ``path`` …).
    :raises InputError: an entry that cannot be right.
    """
    if source == "migrate_altinn2_roles":
        replacements = _replacements(entry.get("replacements"), where)
        remove = bool(entry.get("remove_altinn2_roles"))

        def migrated(data: bytes | None, _policy: xacml.Policy | None) -> Wanted:
            if data is None:
                raise InputError(f"{resource} has no policy to migrate.", item=resource)
            try:
                added = xacml_write.add_packages(data, replacements, remove_roles=remove)
                return Wanted(xacml_parse.parse(added), added)
            except xacml.XacmlError as error:
                raise InputError(f"{resource}: its policy cannot be read: {error}", item=resource) from None

        return Declaration(resource, entry, source, migrated)
    if source in ("path", "xml"):
        wanted = _from_file(resource, entry, source, where)
        return Declaration(resource, entry, source, lambda _data, _policy: wanted)
    rules = _template_rules(entry) if source == "template" else entry["rules"]
    bare = _from_rules(resource, rules, where)
    try:
        xacml_write.write(bare)
    except xacml.XacmlError as error:
        raise InputError(f"{where}: {error}", item=resource) from None

    def described(_data: bytes | None, live: xacml.Policy | None) -> Wanted:
        policy = replace(bare, obligations=_level_obligations(entry, live))
        return Wanted(policy, xacml_write.write(policy))

    return Declaration(resource, entry, source, described)


def _from_file(resource: str, entry: Mapping[str, Any], source: str, where: str) -> Wanted:
    if source == "xml":
        name, data = "xml", xacml_parse.as_bytes(str(entry["xml"]))
    else:
        name = str(entry["path"])
        try:
            if os.path.getsize(name) > xacml_parse.LARGEST_POLICY:
                raise InputError(
                    f"{where}: {name} is larger than any policy ({xacml_parse.LARGEST_POLICY} bytes).",
                    item=resource,
                )
            data = Path(name).read_bytes()
        except OSError as error:
            raise InputError(
                f"{where}: path: {name} cannot be read ({error.strerror}).", item=resource
            ) from None
    try:
        policy = xacml_parse.parse(data)
        xacml.check_content(policy, resource)
    except xacml.XacmlError as error:
        place = f"{name}, line {error.line}" if error.line else name
        raise InputError(f"{where}: {place}: {error.reason}", item=resource, line=error.line) from None
    return Wanted(policy, data)


def _template_rules(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Whoever may delegate a scope: the packages and, unless told otherwise, the roles they replace.

    Altinn's guidance is to name both until the roles are switched off; what is written never depends on the date.
    """
    roles = SCOPE_DELEGATION_ROLES if entry.get("include_altinn2_roles") is not False else ()
    return [
        {"access_packages": list(SCOPE_DELEGATION_PACKAGES), "roles": list(roles), "actions": [SCOPE_ACCESS]}
    ]


def _from_rules(resource: str, rules: Sequence[Mapping[str, Any]], where: str) -> xacml.Policy:
    """A policy from short rules, as Altinn Studio would write it, without authentication levels."""
    if not rules:
        raise InputError(f"{where}: rules is empty; a policy needs at least one rule.", item=resource)
    about = ((xacml.Match(xacml.RESOURCE, xacml.RESOURCE_ID, resource, function=xacml.EQUAL),),)
    built = []
    for number, rule in enumerate(rules, start=1):
        place = f"{where}: rules[{number - 1}]"
        subjects = _subjects(rule, place)
        wanted = [str(action).strip() for action in rule.get("actions") or ()]
        if not subjects:
            options = ", ".join((*_SUBJECT_OPTIONS, "subjects"))
            raise InputError(f"{place}: names nobody; give one of {options}.", item=resource)
        if not wanted or not all(wanted):
            raise InputError(
                f"{place}: actions is empty; name what may be done, e.g. {SCOPE_ACCESS}.", item=resource
            )
        asked = tuple((xacml.Match(xacml.ACTION, xacml.ACTION_ID, _own_case(action)),) for action in wanted)
        built.append(
            xacml.Rule(
                rule_id=f"urn:altinn:resource:{resource}:ruleid:{number}",
                effect="Deny" if rule.get("effect") == "deny" else "Permit",
                target=(tuple((subject,) for subject in subjects), about, asked),
                description=rule.get("description"),
            )
        )
    return xacml.Policy("urn:altinn:policyid:1", xacml.DENY_OVERRIDES, tuple(built))


def _own_case(action: str) -> str:
    return SCOPE_ACCESS if action.lower() == SCOPE_ACCESS else action


def _subjects(rule: Mapping[str, Any], place: str) -> list[xacml.Match]:
    found: dict[xacml.Match, None] = {}
    for option, attribute_id in _SUBJECT_OPTIONS.items():
        for text in rule.get(option) or ():
            value = str(text).strip()
            if not value:
                raise InputError(f"{place}: {option} has an empty entry.")
            found[_subject(option, attribute_id, value, place)] = None
    for text in rule.get("subjects") or ():
        found[_urn_subject(str(text).strip(), place)] = None
    return list(found)


def _subject(option: str, attribute_id: str, value: str, place: str) -> xacml.Match:
    if value.lower().startswith("urn:"):
        urn = _urn_subject(value, place)
        if urn.attribute_id != attribute_id:
            raise InputError(
                f"{place}: {option}: '{value}' is another kind of subject; put it under subjects."
            )
        return urn
    if option == "external_roles":
        register, _separator, code = value.rpartition(":")
        kinds = {"": xacml.REGISTER_ROLE, "ccr": xacml.REGISTER_ROLE, "cra": xacml.POPULATION_ROLE}
        if register not in kinds:
            raise InputError(
                f"{place}: external_roles: '{value}' is of an unknown register; write ccr:{code} or cra:{code}."
            )
        return xacml.Match(xacml.SUBJECT, kinds[register], code.lower())
    if option == "organizations":
        try:
            value = normalize(value)
        except OrganizationNumberError as error:
            raise InputError(f"{place}: organizations: {error}") from None
    elif option == "access_lists" and not re.fullmatch(r"[^:\s]+:[^:\s]+", value):
        raise InputError(f"{place}: access_lists: '{value}' is not of the form org:list.")
    return xacml.Match(xacml.SUBJECT, attribute_id, value if option == "access_lists" else value.lower())


def _urn_subject(urn: str, place: str) -> xacml.Match:
    """``urn:altinn:rolecode:dagl``, as Altinn Studio and the registry write a subject."""
    for attribute_id in sorted(xacml.KINDS, key=len, reverse=True):
        value = urn[len(attribute_id) + 1 :]
        if urn.lower().startswith(f"{attribute_id}:") and value:
            return xacml.Match(
                xacml.SUBJECT, attribute_id, value if attribute_id == xacml.ACCESS_LIST else value.lower()
            )
    raise InputError(
        f"{place}: subjects: '{urn}' is no subject; write e.g. urn:altinn:accesspackage:maskinporten-scopes."
    )


def _level_obligations(entry: Mapping[str, Any], live: xacml.Policy | None) -> tuple[xacml.Obligation, ...]:
    """The levels that are declared, else those in force, else (for a new policy) the usual one."""
    usual: tuple[int | None, int | None] = (USUAL_LEVEL, USUAL_LEVEL)
    in_force = xacml.levels(live) if live is not None else usual
    asked = (entry.get("authentication_level"), entry.get("authentication_level_organization"))
    person, organization = (
        present if declared is None else declared for declared, present in zip(asked, in_force, strict=True)
    )
    return tuple(
        xacml.level_obligation(category, level)
        for category, level in ((xacml.LEVEL, person), (xacml.LEVEL_ORGANIZATION, organization))
        if level is not None
    )


def _replacements(given: Mapping[str, Any] | None, where: str) -> dict[str, tuple[str, ...]]:
    """Altinn's own replacements, with those of the declaration over them. An empty list leaves a role alone."""
    table = dict(REPLACEMENTS)
    for role, packages in (given or {}).items():
        listed = [packages] if isinstance(packages, str) else packages
        if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
            raise InputError(f"{where}: replacements: '{role}' needs a list of access packages.")
        prefix = f"{xacml.ACCESS_PACKAGE}:"
        table[str(role).lower()] = tuple(one.strip().lower().removeprefix(prefix) for one in listed)
    return {role: packages for role, packages in table.items() if packages}


# --- the module altinn_policy ------------------------------------------------------------------------------------------


def manage(task: Task) -> Report:
    """Bring the declared policies into force (module ``altinn_policy``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    """
    declarations = _declared(task)
    session = task.session
    registry = Registry(session, session.altinn((RESOURCE_WRITE,)))
    plan = _Plan(registry, task)
    planned = session.transport.map(plan.step, declarations)
    steps = [
        Step(declaration.resource, "refuse", message=outcome.message, error=outcome)
        if isinstance(outcome, CollectionError)
        else outcome
        for declaration, outcome in zip(declarations, planned, strict=True)
    ]
    report = apply(
        steps,
        noun="policies",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=task.check_mode,
        transport=session.transport,
    )
    report.diffs = [
        text_diff(f"policy {step.item}", step.before, step.after)
        for step in steps
        if step.changes and not step.error
    ]
    report.warnings.extend(_gathered(steps))
    if task.params.get("policies") is None and not task.params.get("restore_directory"):
        report.extra["policy"] = dict(steps[0].object or {})
    return report


def _gathered(steps: Sequence[Step]) -> list[str]:
    """Each warning once, with the resources it is about."""
    about: dict[str, list[str]] = {}
    for step in steps:
        for warning in step.details.get("warnings", ()):
            about.setdefault(warning, []).append(step.item)
    found = []
    for warning, resources in about.items():
        names = ", ".join(resources[:5]) + (f" and {len(resources) - 5} more" if len(resources) > 5 else "")
        found.append(f"Policy of {names}: {warning}.")
    return found


class _Plan:
    """A step for each declared policy; used from several threads."""

    def __init__(self, registry: Registry, task: Task) -> None:
        self._registry = registry
        self._task = task
        self._session = task.session
        self._lock = threading.Lock()
        self._own_number: str | None = None
        directory = task.params.get("backup_directory")
        self._backup_directory = Path(directory) if directory else None

    def step(self, declaration: Declaration) -> Step:
        resource, entry = declaration.resource, declaration.entry
        data = self._registry.get_policy(resource)
        live, unreadable = None, ""
        if data is not None:
            try:
                live = xacml_parse.parse(data)
            except xacml.XacmlError as error:
                unreadable = str(error)
        wanted = declaration.build(data, live)
        same = live is not None and xacml.meaning(live) == xacml.meaning(wanted.policy)
        if same:
            if live is None:
                raise AssertionError("live is known here")
            judged = assess(live, resource)
            step = Step(resource, "none", _view(live), _view(live), object=_object(resource, live, judged))
            step.details.update(self._details(judged, entry))
            return step
        about = self._registry.get_resource(resource)
        judged = _judge(wanted.policy, resource, about)
        step = Step(
            resource,
            "create" if data is None else "update",
            None
            if data is None
            else (_view(live) if live is not None else {"rules": [f"cannot be read: {unreadable}"]}),
            _view(wanted.policy),
            fields=_changed_fields(live, wanted.policy),
            object=_object(resource, wanted.policy, judged),
            risk=_risk(live, wanted.policy, resource, about),
            details=self._details(judged, entry),
        )
        step.details["policy"] = xacml_parse.as_text(wanted.data)
        if data is not None:
            step.details["previous_policy"] = xacml_parse.as_text(data)
        refusal = self._ownership(resource, about) or _guard(
            declaration, live, unreadable, wanted.policy, about, judged
        )
        if refusal:
            step.action, step.message = "refuse", refusal
            step.object = None if live is None else _object(resource, live, _judge(live, resource, about))
            return step
        if about is None:
            step.message = "the resource does not exist yet; it has to be created first."
        step.write = lambda: self._write(step, wanted, data)
        return step

    def _details(self, judged: Assessment, entry: Mapping[str, Any]) -> dict[str, Any]:
        warnings = list(judged.warnings)
        if judged.verdict == ONLY_ALTINN2_ROLES and not entry.get("allow_only_altinn2_roles"):
            warnings.append(
                f"names only Altinn 2 roles, which end on {ALTINN2_ROLES_END}; add access packages"
            )
        return {"verdict": judged.verdict, "verdict_text": judged.text, "warnings": warnings}

    def _ownership(self, resource: str, about: Mapping[str, Any] | None) -> str:
        """Why the policy may not be written, or nothing. The registry refuses it too, but late and without a word."""
        if about is None:
            if self._task.check_mode:
                return ""
            where = self._session.environment.name
            return f"the resource does not exist in {where}; create it first (altinn_resource), or correct its identifier."
        authority = about.get("hasCompetentAuthority") or {}
        owner, own = str(authority.get("organization") or ""), self._organization_number()
        if own is None or owner == own:
            return ""
        code = f" ({authority['orgcode']})" if authority.get("orgcode") else ""
        return (
            f"the resource belongs to {owner or 'nobody'}{code}, and you are {own}; a policy is changed by the resource's "
            "owner alone."
        )

    def _organization_number(self) -> str | None:
        """Who we are: as the inventory says, else as the token says; None for an administrator of the registry."""
        with self._lock:
            if self._session.organization_number:
                return self._session.organization_number
            if self._own_number is None:
                if self._registry.login is None:
                    raise AssertionError("self._registry.login is known here")
                token = self._registry.login.token()
                if RESOURCE_ADMIN in token.scopes:
                    return None
                self._own_number = token.organization_number or ""
            return self._own_number

    def _write(self, step: Step, wanted: Wanted, previous: bytes | None) -> Mapping[str, Any] | None:
        """Upload; after an answer that proves nothing, look what is in force before saying anything."""
        resource = step.item
        if previous is not None:
            self._back_up(step, previous)
        try:
            response = self._registry.put_policy(resource, wanted.data)
        except ConnectionFailedError as error:
            self._look_after(step, wanted, previous, error)
            return step.object
        if response.ok:
            return step.object
        failure = self._registry.error(response, f"upload the policy of resource {resource}")
        if response.status < 500:
            raise failure
        self._look_after(step, wanted, previous, failure)
        return step.object

    def _look_after(
        self, step: Step, wanted: Wanted, previous: bytes | None, failure: CollectionError
    ) -> None:
        """:raises CollectionError: the new policy is not in force; the message says which one is."""
        try:
            now = self._registry.get_policy(step.item)
        except CollectionError:
            raise _told(failure, "Which policy is in force now could not be read; run it again.") from None
        if now is not None and (now == wanted.data or _means(now) == xacml.meaning(wanted.policy)):
            step.message = f"in force, although the answer said otherwise: {failure.message}"
            step.details["warnings"] = [
                *step.details["warnings"],
                "was answered with an error and is in force all the same",
            ]
            return
        if now == previous:
            told = (
                "Nothing has changed: the policy that was in force still is."
                if previous
                else "There still is no policy."
            )
        else:
            told = "Another policy than before and than declared is in force now."
        raise _told(failure, told)

    def _back_up(self, step: Step, previous: bytes) -> None:
        """Keep the policy that is about to be replaced.

        :raises GuardError: the folder holds another policy of the resource already, which is not written over.
        """
        if self._backup_directory is None:
            return
        file = self._backup_directory / f"{step.item}.xml"
        try:
            self._backup_directory.mkdir(parents=True, exist_ok=True)
            if file.exists():
                if file.read_bytes() == previous:
                    return
                raise GuardError(
                    f"backup_directory: {file} holds another policy already; choose an empty folder. Nothing was uploaded.",
                    item=step.item,
                )
            # Whole under its name or not at all, also when the run is killed here.
            unfinished = file.with_suffix(".part")
            unfinished.write_bytes(previous)
            unfinished.replace(file)
        except OSError as error:
            raise InputError(
                f"backup_directory: {file} cannot be written ({error.strerror}). Nothing was uploaded.",
                item=step.item,
            ) from None
        step.details["backup_file"] = str(file)


def _told(failure: CollectionError, told: str) -> CollectionError:
    """The failure with a further sentence."""
    failure.args = (f"{failure.message} {told}",)
    return failure


def _means(data: bytes) -> xacml.Meaning | None:
    try:
        return xacml.meaning(xacml_parse.parse(data))
    except xacml.XacmlError:
        return None


def _judge(policy: xacml.Policy, resource: str, about: Mapping[str, Any] | None) -> Assessment:
    if about is None:
        return assess(policy, resource)
    kind = about.get("resourceType")
    return assess(policy, resource, str(kind) if kind else None, about.get("delegable") is not False)


def _guard(
    declaration: Declaration,
    live: xacml.Policy | None,
    unreadable: str,
    wanted: xacml.Policy,
    about: Mapping[str, Any] | None,
    judged: Assessment,
) -> str:
    """Why a change is refused, with the option that allows it; empty when nothing speaks against it."""
    resource, entry = declaration.resource, declaration.entry
    stopping = set(judged.stops)
    if unreadable and not entry.get("allow_replacing_unreadable"):
        return (
            f"the policy in force cannot be read ({unreadable}), so it is not known what would be lost; look at it, and say "
            "allow_replacing_unreadable: true to replace it."
        )
    if live is not None:
        before = _judge(live, resource, about)
        if declaration.source == "migrate_altinn2_roles":
            # It mends what it can; what stopped before and still does needs a person, and is warned of.
            stopping -= set(before.stops)
        if before.may_delegate and not judged.may_delegate and not entry.get("allow_removing_delegation"):
            return (
                f"nobody could delegate any more, and now can: {', '.join(before.may_delegate)}. If that is meant, say "
                "allow_removing_delegation: true."
            )
        was, becomes = effective_levels(live), effective_levels(wanted)
        lower = [
            f"{who} from {one} to {other}"
            for who, one, other in zip(("for persons", "for organizations"), was, becomes, strict=True)
            if other < one
        ]
        if lower and not entry.get("allow_lower_authentication_level"):
            return (
                f"the authentication level would sink {' and '.join(lower)}. If that is meant, say "
                "allow_lower_authentication_level: true."
            )
    if stopping and not entry.get("allow_only_altinn2_roles"):
        replaced = {role: REPLACEMENTS[role] for role in judged.altinn2_roles if role in REPLACEMENTS}
        advice = "; ".join(f"{', '.join(packages)} beside {role}" for role, packages in replaced.items())
        old = ", ".join(judged.altinn2_roles)
        return (
            f"it would name only Altinn 2 roles ({old}) for {enumerated(sorted(stopping))}, and these "
            f"end on {ALTINN2_ROLES_END}. Add access packages{f' ({advice})' if advice else ''}, or say "
            "allow_only_altinn2_roles: true."
        )
    return ""


def _risk(
    live: xacml.Policy | None, wanted: xacml.Policy, resource: str, about: Mapping[str, Any] | None
) -> Risk | None:
    kind = str(about.get("resourceType")) if about and about.get("resourceType") else None
    after = holders_by_action(wanted, resource, kind)
    before = holders_by_action(live, resource, kind) if live is not None else {}
    everyone = Holder(frozenset())
    if any(everyone in found and everyone not in before.get(action, ()) for action, found in after.items()):
        return "opens_access"
    if any(set(found) - set(after.get(action, ())) for action, found in before.items()):
        return "takes_access"
    if live is not None:
        was, becomes = effective_levels(live), effective_levels(wanted)
        if any(other > one for one, other in zip(was, becomes, strict=True)):
            return "takes_access"
    return None


def _changed_fields(live: xacml.Policy | None, wanted: xacml.Policy) -> list[str]:
    after = xacml.meaning(wanted)
    if live is None:
        return ["rules", "authentication_level"] if after.obligations else ["rules"]
    before = xacml.meaning(live)
    names = ("combining_algorithm", "rules", "authentication_level", "variables")
    return [name for name, one, other in zip(names, before, after, strict=True) if one != other]


def _view(policy: xacml.Policy) -> dict[str, Any]:
    """A policy as the difference shows it."""
    return {"rules": lines(policy)}


def _object(resource: str, policy: xacml.Policy, judged: Assessment) -> dict[str, Any]:
    person, organization = xacml.levels(policy)
    return {
        "resource": resource,
        "rules": lines(policy),
        "may_delegate": list(judged.may_delegate),
        "authentication_level": person,
        "authentication_level_organization": organization,
        "verdict": judged.verdict,
        "verdict_text": judged.text,
    }


# --- the module altinn_policy_info -------------------------------------------------------------------------------------


def inform(task: Task) -> dict[str, Any]:
    """Policies, who may do what under them, and whether they outlive the Altinn 2 roles (module ``altinn_policy_info``).

    :raises InputError: neither resources nor an owner are named.
    """
    session, params = task.session, task.params
    registry = Registry(session)
    if params.get("resource"):
        wanted = list(dict.fromkeys(params["resource"]))
        for identifier in wanted:
            resource_segment(identifier)
        found = session.transport.map(registry.get_resource, wanted)
    else:
        owned = _owned(registry, params.get("owner") or session.organization_number or "", params)
        wanted = [str(entry["identifier"]) for entry in owned]
        found = list(owned)

    def one(pair: tuple[str, Mapping[str, Any] | None]) -> dict[str, Any]:
        identifier, about = pair
        return _information(
            identifier, about, registry.get_policy(identifier), bool(params.get("include_text"))
        )

    for about in found:
        if isinstance(about, CollectionError):
            raise about
    policies = []
    for outcome in session.transport.map(one, list(zip(wanted, found, strict=True))):  # type: ignore[arg-type]
        if isinstance(outcome, CollectionError):
            raise outcome
        policies.append(outcome)
    verdicts = {verdict: sum(policy["verdict"] == verdict for policy in policies) for verdict in VERDICTS}
    return {"policies": policies, "summary": {"total": len(policies), **verdicts}}


def _owned(registry: Registry, owner: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of an owner, named by organisation number or org code, sorted by identifier."""
    owner = owner.strip()
    if not owner:
        raise InputError(
            "Say which policies: resource, owner (an organisation number or org code) or organization_number."
        )
    if "".join(owner.split()).isdigit():
        try:
            owner = normalize(owner)
        except OrganizationNumberError as error:
            raise InputError(f"owner: {error}") from None

    def owns(entry: Mapping[str, Any]) -> bool:
        authority = entry.get("hasCompetentAuthority") or {}
        return (
            owner == authority.get("organization")
            or owner.lower() == str(authority.get("orgcode") or "").lower()
        )

    types = {kind.lower() for kind in params.get("resource_type") or ()}
    apps = bool(params.get("include_apps"))
    listed = registry.list_resources(apps=apps, migrated_apps=apps)
    chosen = [
        entry
        for entry in listed
        if entry.get("identifier")
        and owns(entry)
        and (not types or str(entry.get("resourceType")).lower() in types)
    ]
    return sorted(chosen, key=lambda entry: str(entry["identifier"]))


def _information(
    identifier: str, about: Mapping[str, Any] | None, data: bytes | None, include_text: bool
) -> dict[str, Any]:
    authority = (about or {}).get("hasCompetentAuthority") or {}
    title = (about or {}).get("title") or {}
    entry: dict[str, Any] = {
        "resource": identifier,
        "exists": about is not None,
        "title": next((title[language] for language in ("nb", "nn", "en") if title.get(language)), ""),
        "resource_type": (about or {}).get("resourceType"),
        "delegable": (about or {}).get("delegable") is not False,
        "owner": authority.get("organization"),
        "owner_code": authority.get("orgcode"),
        "has_policy": data is not None,
        "rules": [],
        "actions": [],
        "authentication_level": None,
        "authentication_level_organization": None,
    }
    policy = None
    if data is None:
        reason = (
            "the resource does not exist"
            if about is None
            else "it has no policy, so nobody can do anything with it"
        )
        judged = Assessment(NO_ONE, reason)
    else:
        if include_text:
            entry["policy"] = xacml_parse.as_text(data)
        try:
            policy = xacml_parse.parse(data)
            judged = _judge(policy, identifier, about)
        except xacml.XacmlError as error:
            judged = Assessment(UNREADABLE, f"the policy cannot be read: {error}")
    if policy is not None:
        person, organization = xacml.levels(policy)
        entry.update(
            rules=lines(policy),
            actions=actions(policy),
            authentication_level=person,
            authentication_level_organization=organization,
        )
    return {
        **entry,
        "may_delegate": list(judged.may_delegate),
        "verdict": judged.verdict,
        "verdict_text": judged.text,
        "stops": list(judged.stops),
        "altinn2_roles": list(judged.altinn2_roles),
        "roles_without_package": list(judged.without_package),
        "migratable": any(role in REPLACEMENTS for role in judged.without_package),
        "warnings": list(judged.warnings),
    }
