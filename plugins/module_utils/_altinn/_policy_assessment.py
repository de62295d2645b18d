# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""What a policy lets people do, today and when the Altinn 2 roles have ended, and what in it misleads.

Source of the rules: Altinn's decision point and delegation check (``_xacml_evaluate``); roles and packages stand in
``_policy_subjects``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from . import _xacml as xacml
from ._policy_subjects import (
    ALTINN2_ROLES,
    ALTINN2_ROLES_END,
    PACKAGES_NOT_FOR_POLICIES,
    REGISTER_ROLES,
    REPLACEMENTS,
    SCOPE_ACCESS,
)
from ._xacml_evaluate import KNOWN_FUNCTIONS, Holder, actions, holders

#: What a new policy asks for where nothing is said; what Altinn's own delegation screens ask for.
USUAL_LEVEL: Final = 3
#: Kinds of subject that can be passed on, or held, so that a person may delegate in Altinn.
_DELEGABLE_KINDS: Final = frozenset(
    {xacml.ROLE_CODE, xacml.ACCESS_PACKAGE, xacml.REGISTER_ROLE, xacml.POPULATION_ROLE}
)
_SCHEMA: Final = "MaskinportenSchema"

# Verdicts, worst first.
UNREADABLE: Final = "unreadable"
NO_ONE: Final = "no_one"
ONLY_ALTINN2_ROLES: Final = "only_altinn2_roles"
HAS_PACKAGES: Final = "has_packages"
WORKS: Final = "works"
VERDICTS: Final = (UNREADABLE, NO_ONE, ONLY_ALTINN2_ROLES, HAS_PACKAGES, WORKS)


class Assessment(NamedTuple):
    """What a policy lets people do now and after the Altinn 2 roles have ended.

    :ivar verdict: one of :data:`VERDICTS`. :ivar text: the verdict as a sentence.
    :ivar may_delegate: who may delegate the resource (for other types than MaskinportenSchema: who may do anything on it).
    :ivar stops: actions that nobody can do any more once the Altinn 2 roles have ended.
    :ivar altinn2_roles: the Altinn 2 roles that let someone do something.
    :ivar without_package: those of them whose holders lose something, since no replacing package stands beside them.
    :ivar warnings: sentences without the resource's name.
    """

    verdict: str
    text: str
    may_delegate: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    altinn2_roles: tuple[str, ...] = ()
    without_package: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def is_altinn2_role(attribute_id: str, value: str) -> bool:
    """Whether a subject is an Altinn 2 role, or a role code that no register gives either."""
    return attribute_id == xacml.ROLE_CODE and value.lower() not in REGISTER_ROLES


def _lasts(holder: Holder) -> bool:
    return not any(is_altinn2_role(*attribute) for attribute in holder.attributes)


def _delegable(holder: Holder) -> bool:
    return bool(holder.matches) and all(match.attribute_id in _DELEGABLE_KINDS for match in holder.matches)


def is_scope_policy(policy: xacml.Policy, resource_type: str | None) -> bool:
    """Whether the policy is about delegating a scope: so says the resource, else the actions in it."""
    if resource_type is not None:
        return resource_type.lower() == _SCHEMA.lower()
    return SCOPE_ACCESS in actions(policy)


def holders_by_action(
    policy: xacml.Policy, resource: str, resource_type: str | None
) -> dict[str, list[Holder]]:
    """Who may do what; for a scope only its one action, and only those who can delegate."""
    if is_scope_policy(policy, resource_type):
        return {SCOPE_ACCESS: [one for one in holders(policy, resource, SCOPE_ACCESS) if _delegable(one)]}
    return {action: holders(policy, resource, action) for action in actions(policy)}


def assess(
    policy: xacml.Policy, resource: str, resource_type: str | None = None, delegable: bool = True
) -> Assessment:
    """Judge a policy. :param resource_type, delegable: of the resource, where known."""
    by_action = holders_by_action(policy, resource, resource_type)
    everyone = list(dict.fromkeys(holder for found in by_action.values() for holder in found))
    stops = tuple(
        action for action, found in by_action.items() if found and not any(_lasts(holder) for holder in found)
    )
    old = sorted(
        {
            value
            for holder in everyone
            for attribute_id, value in holder.attributes
            if is_altinn2_role(attribute_id, value)
        }
    )
    without = sorted(
        role for role in old if not all(_has_package(role, found) for found in by_action.values())
    )
    scope = is_scope_policy(policy, resource_type)
    if not everyone:
        what = "nobody can delegate it" if scope else "nobody can do anything with it"
        verdict, text = NO_ONE, what
    elif stops:
        what = "delegation stops" if scope else enumerated(stops) + (" stop" if len(stops) > 1 else " stops")
        verdict, text = ONLY_ALTINN2_ROLES, f"only Altinn 2 roles: {what} on {ALTINN2_ROLES_END}"
    elif old:
        verdict, text = (
            HAS_PACKAGES,
            f"works after {ALTINN2_ROLES_END}: others stand beside the Altinn 2 roles",
        )
    else:
        verdict, text = WORKS, f"works after {ALTINN2_ROLES_END}"
    warnings = list(_warnings(policy, resource, scope))
    if scope and not delegable:
        warnings.append(
            "the resource has delegable: false, so nobody can delegate it whatever the policy says"
        )
    if without and verdict != ONLY_ALTINN2_ROLES:
        replaced = [role for role in without if role in REPLACEMENTS]
        if replaced:
            packages = ", ".join(package for role in replaced for package in REPLACEMENTS[role])
            warnings.append(
                f"holders of {', '.join(replaced)} lose their right on {ALTINN2_ROLES_END}; the replacing package is missing "
                f"({packages})"
            )
    return Assessment(
        verdict,
        text,
        tuple(sorted(map(holder_text, everyone))),
        stops,
        tuple(old),
        tuple(without),
        tuple(warnings),
    )


def enumerated(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _has_package(role: str, found: Sequence[Holder]) -> bool:
    """Whether, wherever the role lets someone do a thing, what replaces it does too."""
    if not any((xacml.ROLE_CODE, role) in holder.attributes for holder in found):
        return True
    packages = {
        value for holder in found for kind, value in holder.attributes if kind == xacml.ACCESS_PACKAGE
    }
    return role in REPLACEMENTS and packages.issuperset(REPLACEMENTS[role])


def holder_text(holder: Holder) -> str:
    """Who that is, as people name it."""
    parts = sorted(_with_note(match) for match in holder.matches)
    return " and ".join(parts) or "everyone"


def _with_note(match: xacml.Match) -> str:
    note = subject_note(match)
    return xacml.subject_text(match) + (f" ({note})" if note else "")


def subject_note(match: xacml.Match) -> str:
    """What a reader should know about a subject, e.g. that it is an Altinn 2 role."""
    if match.attribute_id != xacml.ROLE_CODE:
        return ""
    value = match.value.lower()
    if value in ALTINN2_ROLES:
        return f"Altinn 2, ends {ALTINN2_ROLES_END}"
    return "" if value in REGISTER_ROLES else "unknown code"


def lines(policy: xacml.Policy) -> list[str]:
    """The policy as people read it, a line a rule."""
    return xacml.describe(xacml.meaning(policy), subject_note)


def _warnings(policy: xacml.Policy, resource: str, scope: bool) -> Iterable[str]:
    """What lets a policy say something else than its author means. Each once."""
    found: dict[str, None] = {}
    for rule in policy.rules:
        by_category = rule.by_category()
        for match in rule.matches():
            for text in _match_warnings(match, scope):
                found[text] = None
        per_category: dict[str, int] = {}
        for any_of in rule.target or ():
            categories = {match.category for all_of in any_of for match in all_of}
            if len(categories) > 1:
                found["mixes subject, action and resource in one AnyOf; Altinn cannot list its rights"] = None
            for category in categories:
                per_category[category] = per_category.get(category, 0) + 1
        if any(number > 1 for number in per_category.values()):
            found[
                "has several AnyOf of one category in a rule; Altinn takes them as alternatives (or), not together (and)"
            ] = None
        for category, name in ((xacml.SUBJECT, "subject"), (xacml.ACTION, "action")):
            if category not in by_category:
                found[
                    f"has a rule without {name}; it is for every {name}, and Altinn cannot list its rights"
                ] = None
        if rule.condition is not None:
            found["has a rule with a condition, which is not judged here"] = None
    if xacml.algorithm_name(policy) is None:
        found[
            f"combines its rules by {policy.algorithm}, which Altinn does not know: nobody gets anything"
        ] = None
    if scope and not holders(policy, resource, SCOPE_ACCESS):
        found[f"has no rule that gives {SCOPE_ACCESS}, so nobody can delegate it"] = None
    person, _organization = xacml.levels(policy)
    if person is None:
        found["asks for no authentication level, so any login will do"] = None
    elif person < USUAL_LEVEL:
        found[f"asks for authentication level {person}; {USUAL_LEVEL} or 4 is usual"] = None
    return found


def _match_warnings(match: xacml.Match, scope: bool) -> Iterable[str]:
    value = match.value
    exact = match.function == xacml.EQUAL
    if match.category == xacml.SUBJECT:
        if exact and value != value.lower():
            yield (
                f"compares the subject {value} exactly (string-equal), but Altinn sends subjects in lower case, so it "
                "never matches; use string-equal-ignore-case"
            )
        kind = xacml.KINDS.get(match.attribute_id, match.attribute_id)
        if scope and match.attribute_id not in _DELEGABLE_KINDS:
            yield f"lets '{kind} {value}' delegate, which is no kind of subject that can delegate in Altinn"
        if (
            match.attribute_id == xacml.ROLE_CODE
            and value.lower() not in ALTINN2_ROLES
            and not subject_known(value)
        ):
            yield f"names the role {value}, which is neither an Altinn 2 role nor a register role"
        if match.attribute_id == xacml.ACCESS_PACKAGE and value.lower() in PACKAGES_NOT_FOR_POLICIES:
            purpose = PACKAGES_NOT_FOR_POLICIES[value.lower()]
            yield f"names the access package {value}, which is for {purpose} and not for policies of service owners"
        if match.must_be_present:
            yield "insists on a subject (MustBePresent true): whoever lacks the attribute gets an error instead of a no"
    elif match.category == xacml.ACTION and exact and value != value.lower():
        yield (
            f"compares the action {value} exactly (string-equal), but Altinn asks for {value.lower()}, so it never "
            f"matches; use string-equal-ignore-case and write {value.lower()}"
        )
    if match.must_be_present and match.category != xacml.SUBJECT:
        yield f"insists on {match.attribute_id} (MustBePresent true): a request without it is answered with an error for all"
    if match.function not in KNOWN_FUNCTIONS:
        yield f"uses the function {match.function}, which Altinn does not know"
    if value != value.strip():
        yield f"has white space around the value '{value}', which counts"


def subject_known(role: str) -> bool:
    """Whether a role code is given by a register."""
    return role.lower() in REGISTER_ROLES


def effective_levels(policy: xacml.Policy) -> tuple[int, int]:
    """The level a person needs, and the one that is enough for a service owner's own token."""
    person, organization = xacml.levels(policy)
    needed = person or 0
    return needed, needed if organization is None or person is None else min(needed, organization)
