# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Altinn's policy decision point evaluates one policy (Altinn.Authorization.ABAC).

It departs from standard XACML where providers notice: AnyOf elements of the same category are or-ed, the Target of the policy
is not looked at, and ``MustBePresent`` on any rule's resource or action can make the whole answer Indeterminate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .xacml import (
    ACTION,
    RESOURCE,
    SUBJECT,
    AllOf,
    Apply,
    Designator,
    Expression,
    Function,
    Match,
    Policy,
    Rule,
    Selector,
    Value,
    VariableReference,
)

OK = "urn:oasis:names:tc:xacml:1.0:status:ok"
MISSING_ATTRIBUTE = "urn:oasis:names:tc:xacml:1.0:status:missing-attribute"
PROCESSING_ERROR = "urn:oasis:names:tc:xacml:1.0:status:processing-error"
SYNTAX_ERROR = "urn:oasis:names:tc:xacml:1.0:status:syntax-error"

_FUNCTION_1 = "urn:oasis:names:tc:xacml:1.0:function:"
_FUNCTION_3 = "urn:oasis:names:tc:xacml:3.0:function:"
_BOOLEAN = "http://www.w3.org/2001/XMLSchema#boolean"
_RULE_COMBINING = ":rule-combining-algorithm:"
_POLICY_COMBINING = ":policy-combining-algorithm:"
_ALGORITHMS_3 = (
    "deny-overrides",
    "permit-overrides",
    "ordered-deny-overrides",
    "ordered-permit-overrides",
    "deny-unless-permit",
    "permit-unless-deny",
)


class EvaluationError(ValueError):
    """The server's evaluation throws: the answer is Indeterminate with status syntax-error."""


@dataclass(slots=True)
class DecisionRequest:
    """The attributes of a request: (category, attribute id, data type) -> values."""

    attributes: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def add(self, category: str, attribute_id: str, value: str, data_type: str) -> None:
        self.attributes.setdefault((category, attribute_id, data_type), []).append(value)

    def values(self, designator: Designator) -> list[str]:
        """Values of exactly the category, id and data type."""
        return self.attributes.get((designator.category, designator.attribute_id, designator.data_type), [])

    def of(self, category: str, attribute_id: str) -> list[str]:
        """Values of an attribute, whatever the data type."""
        return [
            value
            for (given, name, _unused), values in self.attributes.items()
            if (given, name) == (category, attribute_id)
            for value in values
        ]


@dataclass(frozen=True, slots=True)
class ObligationAnswer:
    obligation_id: str
    assignments: tuple[tuple[str, str | None, str | None, Value], ...]
    """(attribute id, category, issuer, value)"""


@dataclass(frozen=True, slots=True)
class Decision:
    decision: str
    """``Permit``, ``Deny``, ``NotApplicable`` or ``Indeterminate``."""
    status: str = OK
    message: str | None = None
    obligations: tuple[ObligationAnswer, ...] = ()


# --- functions -------------------------------------------------------------------------------------------------


def _holds(function: str, expected: str, actual: str) -> bool:
    """A match function on a policy value and a request value. Raises EvaluationError for an unknown one."""
    if function == f"{_FUNCTION_3}string-equal-ignore-case":
        return expected.lower() == actual.lower()
    name = function.removeprefix(_FUNCTION_1) if function.startswith(_FUNCTION_1) else ""
    match name:
        case (
            "string-equal" | "anyURI-equal" | "string-is-in" | "date-equal" | "time-equal" | "dateTime-equal"
        ):
            return expected == actual
        case "integer-equal":
            try:
                return int(expected) == int(actual)
            except ValueError as error:
                raise EvaluationError(f"{actual!r} is not an integer") from error
        case "string-regexp-match":
            try:
                return re.search(expected, actual) is not None
            except re.error as error:
                raise EvaluationError(f"not a regular expression: {error}") from error
        case _:
            raise EvaluationError(f"unknown function {function}")


def _match_holds(match: Match, request: DecisionRequest) -> bool:
    if isinstance(match.attribute, Selector):
        raise EvaluationError("AttributeSelector is not supported")
    return any(
        _holds(match.function, match.value.value, actual) for actual in request.values(match.attribute)
    )


# --- conditions ------------------------------------------------------------------------------------------------

Result = bool | str | list[str]


class _Missing(Exception):
    """An attribute that must be present is not."""


def _evaluate(expression: Expression, request: DecisionRequest, policy: Policy) -> Result:
    match expression:
        case Value():
            return expression.value == "true" if expression.data_type == _BOOLEAN else expression.value
        case Designator():
            values = request.values(expression)
            if not values and expression.must_be_present:
                raise _Missing(expression.attribute_id)
            return list(values)
        case VariableReference():
            if expression.variable not in policy.variables:
                raise EvaluationError(f"unknown variable {expression.variable}")
            return _evaluate(policy.variables[expression.variable], request, policy)
        case Apply():
            return _apply(expression, request, policy)
        case Selector():
            raise EvaluationError("AttributeSelector is not supported")
        case Function():
            raise EvaluationError("a function is no value")


def _one(value: Result) -> str | bool:
    if isinstance(value, list):
        if len(value) != 1:
            raise EvaluationError(f"one value expected, {len(value)} found")
        return value[0]
    return value


def _apply(expression: Apply, request: DecisionRequest, policy: Policy) -> Result:
    name = expression.function.rpartition(":")[2]
    if name in ("and", "or"):
        wanted = name == "or"
        for argument in expression.arguments:
            if _evaluate(argument, request, policy) is wanted:
                return wanted
        return not wanted
    arguments = [_evaluate(argument, request, policy) for argument in expression.arguments]
    if name == "not" and len(arguments) == 1:
        return arguments[0] is not True
    if name.endswith("-one-and-only") and len(arguments) == 1:
        return _one(arguments[0])
    if name.endswith("-bag"):
        return [str(_one(argument)) for argument in arguments]
    if name.endswith("-is-in") and len(arguments) == 2:
        members = arguments[1]
        return _one(arguments[0]) in (members if isinstance(members, list) else [members])
    if len(arguments) == 2:
        return _holds(expression.function, str(_one(arguments[0])), str(_one(arguments[1])))
    raise EvaluationError(f"unknown function {expression.function}")


# --- one rule --------------------------------------------------------------------------------------------------


def _all_ofs(rule: Rule, category: str) -> list[AllOf]:
    return [
        all_of
        for any_of in rule.target or ()
        for all_of in any_of
        if any(match.attribute.category == category for match in all_of)
    ]


def _category_matches(rule: Rule, category: str, request: DecisionRequest) -> bool:
    """True when any AllOf with matches of the category has all of those true, or when there is no such AllOf."""
    all_ofs = _all_ofs(rule, category)
    return not all_ofs or any(
        all(_match_holds(match, request) for match in all_of if match.attribute.category == category)
        for all_of in all_ofs
    )


def _lacks_required(rule: Rule, category: str, request: DecisionRequest) -> bool:
    """True when a match of the category says MustBePresent and the request lacks the attribute."""
    return any(
        isinstance(match.attribute, Designator)
        and match.attribute.category == category
        and match.attribute.must_be_present
        and not request.values(match.attribute)
        for match in rule.all_matches()
    )


def _evaluate_rule(rule: Rule, request: DecisionRequest, policy: Policy) -> str:
    """Effect of the rule, ``NotApplicable``, ``IndeterminatePermit`` or ``IndeterminateDeny``."""
    if not all(_category_matches(rule, category, request) for category in (RESOURCE, ACTION)):
        return "NotApplicable"
    if _lacks_required(rule, SUBJECT, request):
        return f"Indeterminate{rule.effect}"
    if not _category_matches(rule, SUBJECT, request):
        return "NotApplicable"
    if rule.condition is not None:
        try:
            if _evaluate(rule.condition, request, policy) is not True:
                return "NotApplicable"
        except _Missing:
            return f"Indeterminate{rule.effect}"
    return rule.effect


# --- combining -------------------------------------------------------------------------------------------------


def _algorithm(identifier: str) -> str | None:
    """The bare name of a combining algorithm the server knows, else None."""
    normal = identifier.replace(_POLICY_COMBINING, _RULE_COMBINING)
    head, separator, name = normal.partition(_RULE_COMBINING)
    if not separator:
        return None
    if head == "urn:oasis:names:tc:xacml:3.0" and name in _ALGORITHMS_3:
        return name.removeprefix("ordered-")
    if head == "urn:oasis:names:tc:xacml:1.0" and name == "first-applicable":
        return name
    return None


def _overrides(results: list[str], strong: str, weak: str) -> str:
    if strong in results:
        return strong
    if f"Indeterminate{strong}" in results:
        return "Indeterminate"
    if weak in results:
        return weak
    return "Indeterminate" if f"Indeterminate{weak}" in results else "NotApplicable"


def _combine(algorithm: str | None, results: list[str]) -> str:
    match algorithm:
        case "deny-overrides":
            return _overrides(results, "Deny", "Permit")
        case "permit-overrides":
            return _overrides(results, "Permit", "Deny")
        case "deny-unless-permit":
            return "Permit" if "Permit" in results else "Deny"
        case "permit-unless-deny":
            return "Deny" if "Deny" in results else "Permit"
        case "first-applicable":
            first = next((result for result in results if result != "NotApplicable"), "NotApplicable")
            return "Indeterminate" if first.startswith("Indeterminate") else first
        case _:
            return "Indeterminate"


def _fulfilled(policy: Policy) -> tuple[ObligationAnswer, ...]:
    """Obligations of the policy to fulfil on Permit; only plain values are looked at."""
    return tuple(
        ObligationAnswer(
            obligation.obligation_id,
            tuple(
                (assignment.attribute_id, assignment.category, assignment.issuer, assignment.expression)
                for assignment in obligation.assignments
                if isinstance(assignment.expression, Value)
            ),
        )
        for obligation in policy.obligations
        if obligation.fulfill_on == "Permit"
    )


def evaluate(policy: Policy, request: DecisionRequest) -> Decision:
    """The decision of one policy; errors while evaluating are Indeterminate, never an exception."""
    try:
        for rule in policy.rules:
            if any(_lacks_required(rule, category, request) for category in (RESOURCE, ACTION)):
                return Decision("Indeterminate", MISSING_ATTRIBUTE)
        results = [_evaluate_rule(rule, request, policy) for rule in policy.rules]
    except EvaluationError as error:
        return Decision("Indeterminate", SYNTAX_ERROR, str(error))
    decision = _combine(_algorithm(policy.combining_algorithm), results)
    return Decision(decision, obligations=_fulfilled(policy) if decision == "Permit" else ())
