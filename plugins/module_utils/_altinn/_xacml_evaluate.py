# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Who may do what under a policy, as Altinn's decision point and its delegation check answer it.

:func:`decide` answers one request as the decision point does (``PolicyDecisionPoint`` and ``RuleCombiner`` in
Altinn.Authorization.ABAC), with its departures from the XACML standard: the policy's Target is not looked at, and several
AnyOf of one category are alternatives. :func:`holders` answers the provider's question: which subjects may do a thing at all.

Conditions and functions beyond plain comparison are not evaluated here; what depends on them is ``Indeterminate``, and that
never counts as a yes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ._xacml import (
    ACTION,
    ACTION_ID,
    EQUAL,
    EQUAL_IGNORE_CASE,
    RESOURCE,
    RESOURCE_ID,
    STRING,
    SUBJECT,
    Match,
    Obligation,
    Policy,
    Rule,
    algorithm_name,
    fold,
    levels,
)

PERMIT: Final = "Permit"
DENY: Final = "Deny"
NOT_APPLICABLE: Final = "NotApplicable"
INDETERMINATE: Final = "Indeterminate"

#: Category -> attribute id -> values. All of type string, as Altinn's requests are.
Request = Mapping[str, Mapping[str, Sequence[str]]]

_PREFIX: Final = "urn:oasis:names:tc:xacml:1.0:function:"
#: Functions that compare exactly. The decision point knows some more; nothing Altinn writes uses them.
_EXACT: Final = frozenset(
    {
        EQUAL,
        *(
            f"{_PREFIX}{name}"
            for name in ("anyURI-equal", "string-is-in", "date-equal", "time-equal", "dateTime-equal")
        ),
    }
)
_INTEGER_EQUAL: Final = f"{_PREFIX}integer-equal"
_UNEVALUATED: Final = f"{_PREFIX}string-regexp-match"
KNOWN_FUNCTIONS: Final = _EXACT | {EQUAL_IGNORE_CASE, _INTEGER_EQUAL, _UNEVALUATED}


class Decision(NamedTuple):
    """:ivar obligations: those of the policy that go with the decision. :ivar reason: why, for ``Indeterminate``."""

    answer: str
    obligations: tuple[Obligation, ...] = ()
    reason: str = ""


class _UnclearError(Exception):
    """The decision point would throw, or this evaluator cannot tell."""


def request(*, resource: str, action: str, subject: Mapping[str, Sequence[str]]) -> Request:
    """A request as Altinn makes it. :param subject: attribute id -> values, e.g. role codes in lower case."""
    return {RESOURCE: {RESOURCE_ID: [resource]}, ACTION: {ACTION_ID: [action]}, SUBJECT: subject}


def decide(policy: Policy, asked: Request) -> Decision:
    """What the decision point answers."""
    if (missing := _missing(policy, asked)) is not None:
        return Decision(INDETERMINATE, reason=f"the request lacks {missing.attribute_id}")
    answers: list[tuple[str, str]] = []
    try:
        for rule in policy.rules:
            answers.append((rule.effect, _evaluate(rule, asked)))
    except _UnclearError as error:
        return Decision(INDETERMINATE, reason=str(error))
    answer = _combine(algorithm_name(policy), answers)
    if answer == INDETERMINATE and algorithm_name(policy) is None:
        return Decision(answer, reason=f"unknown algorithm {policy.algorithm}")
    # Only what is to be fulfilled on Permit reaches anyone who asks.
    obligations = tuple(one for one in policy.obligations if one.fulfill_on == PERMIT)
    return Decision(answer, obligations if answer == PERMIT else ())


def _missing(policy: Policy, asked: Request) -> Match | None:
    """A match of any rule that insists on an attribute, other than the subject's, which the request lacks."""
    for rule in policy.rules:
        for match in rule.matches():
            if match.must_be_present and match.category != SUBJECT and not _values(match, asked):
                return match
    return None


def _evaluate(rule: Rule, asked: Request) -> str:
    """``Permit`` or ``Deny`` (the rule applies), ``NotApplicable`` or ``Indeterminate``."""
    by_category = rule.by_category()
    for category in (RESOURCE, ACTION, SUBJECT):
        alternatives = by_category.get(category)
        if alternatives is None:
            continue
        if category == SUBJECT and any(
            match.must_be_present and not _values(match, asked) for all_of in alternatives for match in all_of
        ):
            return INDETERMINATE
        if not any(all(_holds(match, asked) for match in all_of) for all_of in alternatives):
            return NOT_APPLICABLE
    return rule.effect if rule.condition is None else INDETERMINATE


def _values(match: Match, asked: Request) -> Sequence[str]:
    return asked.get(match.category, {}).get(match.attribute_id, ()) if match.data_type == STRING else ()


def _holds(match: Match, asked: Request) -> bool:
    values = _values(match, asked)
    if not values:
        return False
    if match.function in _EXACT:
        return match.value in values
    if match.function == EQUAL_IGNORE_CASE:
        wanted = fold(match)
        return any(fold(match._replace(value=value)) == wanted for value in values)
    if match.function == _INTEGER_EQUAL:
        try:
            return int(match.value) in [int(value) for value in values]
        except ValueError:
            raise _UnclearError(f"{match.value} is compared as an integer") from None
    raise _UnclearError(f"the function {match.function} is not evaluated")


def _combine(algorithm: str | None, answers: Iterable[tuple[str, str]]) -> str:
    """:param answers: (effect of the rule, its answer) in document order."""
    found = [
        effect if answer != INDETERMINATE else f"?{effect}"
        for effect, answer in answers
        if answer != NOT_APPLICABLE
    ]
    if algorithm == "first-applicable":
        return next((INDETERMINATE if one.startswith("?") else one for one in found), NOT_APPLICABLE)
    if algorithm == "deny-unless-permit":
        return PERMIT if PERMIT in found else DENY
    if algorithm == "permit-unless-deny":
        return DENY if DENY in found else PERMIT
    if algorithm is None:
        return INDETERMINATE
    strong, weak = (DENY, PERMIT) if algorithm.endswith("deny-overrides") else (PERMIT, DENY)
    if strong in found:
        return strong
    if f"?{strong}" in found:
        return INDETERMINATE
    if weak in found:
        return weak
    return INDETERMINATE if f"?{weak}" in found else NOT_APPLICABLE


# --- who may do a thing ------------------------------------------------------------------------------------------------


class Holder(NamedTuple):
    """Attributes that someone must have, all of them, to be let do a thing. Empty: everyone.

    :ivar matches: the subject matches, values folded where case does not count.
    """

    matches: frozenset[Match]

    @property
    def attributes(self) -> frozenset[tuple[str, str]]:
        """(attribute id, value in lower case), as Altinn's delegation check compares."""
        return frozenset((match.attribute_id, match.value.lower()) for match in self.matches)


def actions(policy: Policy) -> list[str]:
    """The action names of all rules, in lower case, sorted."""
    found = {
        match.value.lower()
        for rule in policy.rules
        for match in rule.matches()
        if match.attribute_id == ACTION_ID
    }
    return sorted(found)


def holders(policy: Policy, resource: str, action: str) -> list[Holder]:
    """The subjects that a policy lets do an action on a resource: those it permits less those it denies.

    Rules with a condition or a function that is not evaluated do not count as permitting.
    """
    algorithm = algorithm_name(policy)
    asked = request(resource=resource, action=action, subject={})
    if algorithm is None or _missing(policy, asked):
        return []
    allowed: dict[Holder, None] = {}
    denied: list[Holder] = []
    for rule in policy.rules:
        if rule.condition is not None or not _about(rule, asked):
            continue
        alternatives = rule.by_category().get(SUBJECT, [()])
        for holder in (Holder(frozenset(map(fold, all_of))) for all_of in alternatives):
            if rule.effect == DENY:
                denied.append(holder)
            elif algorithm != "first-applicable" or not _excluded(holder, denied):
                allowed[holder] = None
    if algorithm == "permit-unless-deny":
        return [] if Holder(frozenset()) in denied else [Holder(frozenset())]
    if algorithm in ("deny-overrides", "ordered-deny-overrides"):
        return [holder for holder in allowed if not _excluded(holder, denied)]
    return list(allowed)


def _excluded(holder: Holder, denied: Iterable[Holder]) -> bool:
    """Whoever has all of ``holder`` also has all that a denial asks for."""
    return any(denial.attributes <= holder.attributes for denial in denied)


def _about(rule: Rule, asked: Request) -> bool:
    by_category = rule.by_category()
    try:
        return all(
            category not in by_category
            or any(all(_holds(match, asked) for match in all_of) for all_of in by_category[category])
            for category in (RESOURCE, ACTION)
        )
    except _UnclearError:
        return False


def enough_level(policy: Policy, level: int, *, service_owner: bool = False) -> bool:
    """Whether a caller who logged in at a level passes the policy's demand (the rule of Altinn's ``DecisionHelper``).

    The level for organisations is looked at only where the level for persons is asked for and not reached.
    """
    person, organization = levels(policy)
    if person is None or level >= person:
        return True
    return service_owner and organization is not None and level >= organization
