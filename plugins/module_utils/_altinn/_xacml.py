# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""XACML 3.0 policies as Altinn understands them: vocabulary, model, meaning, and the words in which people read them.

Two policies mean the same when :func:`meaning` gives equal values; how that is judged stands there and nowhere else.
Files are read by ``_xacml_parse`` and written by ``_xacml_write``; who may do what is answered by ``_xacml_evaluate``.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

NAMESPACE: Final = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"

SUBJECT: Final = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject"
RESOURCE: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource"
ACTION: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:action"
ENVIRONMENT: Final = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment"

ACTION_ID: Final = "urn:oasis:names:tc:xacml:1.0:action:action-id"
RESOURCE_ID: Final = "urn:altinn:resource"
ORG: Final = "urn:altinn:org"
APP: Final = "urn:altinn:app"
ROLE_CODE: Final = "urn:altinn:rolecode"
ACCESS_PACKAGE: Final = "urn:altinn:accesspackage"
REGISTER_ROLE: Final = "urn:altinn:external-role:ccr"
POPULATION_ROLE: Final = "urn:altinn:external-role:cra"
ACCESS_LIST: Final = "urn:altinn:access-list"
PARTY_TYPE: Final = "urn:altinn:partytype"
ORGANIZATION: Final = "urn:altinn:organization:identifier-no"
OLD_ORGANIZATION: Final = "urn:altinn:organizationnumber"

STRING: Final = "http://www.w3.org/2001/XMLSchema#string"
INTEGER: Final = "http://www.w3.org/2001/XMLSchema#integer"

EQUAL: Final = "urn:oasis:names:tc:xacml:1.0:function:string-equal"
EQUAL_IGNORE_CASE: Final = "urn:oasis:names:tc:xacml:3.0:function:string-equal-ignore-case"

DENY_OVERRIDES: Final = "urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"
LEVEL: Final = "urn:altinn:minimum-authenticationlevel"
LEVEL_ORGANIZATION: Final = "urn:altinn:minimum-authenticationlevel-org"

# Rules are compared combination by combination up to this many combinations a rule; a larger rule is compared as a whole.
_MOST_COMBINATIONS: Final = 5000

#: What XML counts as white space.
WHITE: Final = " \t\r\n"
#: How the XML library writes an element of the namespace.
XMLNS: Final = f"{{{NAMESPACE}}}"
_PLAIN_VALUE: Final = re.compile(r"[\w.:/@+-]+\Z")


class XacmlError(Exception):
    """A policy that Altinn would not take, or that this collection will not read.

    :ivar reason: what is wrong and what to write instead, a sentence without the place.
    :ivar line: line of the file, or None where the whole file is meant.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


# --- model -------------------------------------------------------------------------------------------------------------


class Node(NamedTuple):
    """An element that is only carried along: expressions in conditions and assignments, advice, combiner parameters.

    :ivar name: local name in the XACML namespace.
    :ivar attributes: (name, value), sorted.
    :ivar text: character data; for an ``AttributeValue`` of another type than string its inner XML; None for elements that
        hold elements or nothing.
    """

    name: str
    attributes: tuple[tuple[str, str], ...]
    text: str | None
    children: tuple[Node, ...]

    def attribute(self, name: str) -> str:
        return dict(self.attributes).get(name, "")


class Match(NamedTuple):
    """One comparison of a request's attribute with a value."""

    category: str
    attribute_id: str
    value: str
    function: str = EQUAL_IGNORE_CASE
    data_type: str = STRING
    must_be_present: bool = False
    #: type of the written value, where it is not that of the attribute
    value_type: str = STRING


#: Matches that must all hold.
AllOf = tuple[Match, ...]
#: Alternatives.
AnyOf = tuple[AllOf, ...]


@dataclass(frozen=True)
class Rule:
    """:ivar effect: ``Permit`` or ``Deny``. :ivar target: None when the rule has no Target. :ivar extras: obligations, advice."""

    rule_id: str
    effect: str
    target: tuple[AnyOf, ...] | None
    condition: Node | None = None
    description: str | None = None
    extras: tuple[Node, ...] = ()
    line: int | None = field(default=None, compare=False)

    def by_category(self) -> dict[str, list[AllOf]]:
        """Category -> the alternatives of that category, over all AnyOf.

        Altinn's decision point looks at one category at a time: AnyOf elements of one category are alternatives too, and
        from an AllOf that mixes categories it takes the matches of the category at hand.
        """
        found: dict[str, list[AllOf]] = {}
        for all_of in itertools.chain.from_iterable(self.target or ()):
            for category in dict.fromkeys(match.category for match in all_of):
                found.setdefault(category, []).append(
                    tuple(match for match in all_of if match.category == category)
                )
        return found

    def matches(self) -> Iterator[Match]:
        for all_of in itertools.chain.from_iterable(self.target or ()):
            yield from all_of


class Assignment(NamedTuple):
    """What an obligation hands to the caller. :ivar category: empty when not given."""

    attribute_id: str
    category: str
    expression: Node


class Obligation(NamedTuple):
    """:ivar fulfill_on: ``Permit`` or ``Deny``."""

    obligation_id: str
    fulfill_on: str
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class Policy:
    """A whole policy.

    :ivar algorithm: the combining algorithm as written.
    :ivar leading: PolicyIssuer and PolicyDefaults. :ivar parameters: combiner parameters. :ivar trailing: advice.
    """

    policy_id: str
    algorithm: str
    rules: tuple[Rule, ...]
    obligations: tuple[Obligation, ...] = ()
    version: str | None = "1.0"
    description: str | None = None
    variables: tuple[Node, ...] = ()
    target: tuple[AnyOf, ...] = ()
    leading: tuple[Node, ...] = ()
    parameters: tuple[Node, ...] = ()
    trailing: tuple[Node, ...] = ()


def value_node(data_type: str, text: str) -> Node:
    """An ``AttributeValue``."""
    return Node("AttributeValue", (("DataType", data_type),), text, ())


def level_obligation(category: str, level: int) -> Obligation:
    """The obligation that asks for an authentication level, with the ids that Altinn Studio writes."""
    number = 2 if category == LEVEL_ORGANIZATION else 1
    return Obligation(
        f"urn:altinn:obligation:authenticationLevel{number}",
        "Permit",
        (
            Assignment(
                f"urn:altinn:obligation{number}-assignment{number}", category, value_node(INTEGER, str(level))
            ),
        ),
    )


def levels(policy: Policy) -> tuple[int | None, int | None]:
    """The authentication levels a policy asks for: (person, organisation), None where it asks for none.

    Where several obligations name the same category the highest counts, since all of them are handed to the caller.
    """
    found: dict[str, list[int]] = {LEVEL: [], LEVEL_ORGANIZATION: []}
    for obligation in policy.obligations:
        if obligation.fulfill_on != "Permit":
            continue
        for assignment in obligation.assignments:
            text = (assignment.expression.text or "").strip(WHITE)
            if assignment.category in found and re.fullmatch(r"[+-]?[0-9]{1,9}", text):
                found[assignment.category].append(int(text))
    return max(found[LEVEL], default=None), max(found[LEVEL_ORGANIZATION], default=None)


# --- elements to write -------------------------------------------------------------------------------------------------


def build(name: str, children: tuple[Node, ...] = (), **attributes: str) -> Node:
    return Node(name, tuple(sorted(attributes.items())), None, children)


def assignment_node(assignment: Assignment) -> Node:
    attributes = {"AttributeId": assignment.attribute_id}
    if assignment.category:
        attributes["Category"] = assignment.category
    return build("AttributeAssignmentExpression", (assignment.expression,), **attributes)


def obligations_node(obligations: Iterable[Obligation]) -> Node:
    return build(
        "ObligationExpressions",
        tuple(
            build(
                "ObligationExpression",
                tuple(assignment_node(assignment) for assignment in obligation.assignments),
                ObligationId=obligation.obligation_id,
                FulfillOn=obligation.fulfill_on,
            )
            for obligation in obligations
        ),
    )


# --- what the registry checks after reading ----------------------------------------------------------------------------


def app_of(resource: str) -> tuple[str, str] | None:
    """Org code and app name of an id ``app_{org}_{app}``, else None."""
    parts = resource.split("_")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "app" else None


def check_content(policy: Policy, resource: str) -> None:
    """Every rule must be about the resource that the policy is for, as the registry demands on upload.

    :raises XacmlError: a rule names another resource, or none.
    """
    app = app_of(resource)
    for rule in policy.rules:
        about = [match for match in rule.matches() if match.category == RESOURCE]
        for match in about:
            if match.attribute_id == RESOURCE_ID and match.value != resource:
                raise XacmlError(
                    f"the rule {shown(rule.rule_id)} is about the resource {shown(match.value)}, but the policy is for "
                    f"{resource} (the comparison is exact).",
                    rule.line,
                )
        named = {
            match.attribute_id: match.value.lower() for match in about if match.attribute_id in (ORG, APP)
        }
        if app is not None and (named.get(ORG), named.get(APP)) == (app[0].lower(), app[1].lower()):
            continue
        if not any(match.attribute_id == RESOURCE_ID for match in about):
            raise XacmlError(
                f"the rule {shown(rule.rule_id)} does not name the resource; each rule needs a match of {RESOURCE_ID} "
                f"with {resource}.",
                rule.line,
            )


# --- meaning -----------------------------------------------------------------------------------------------------------


class RuleMeaning(NamedTuple):
    """:ivar targets: (category, alternatives), each alternative a set of matches with folded values."""

    effect: str
    targets: frozenset[tuple[str, frozenset[frozenset[Match]]]]
    condition: Node | None


class Meaning(NamedTuple):
    """What a policy says, without how it says it. Equal values mean equal decisions.

    :ivar rules: in order for ``first-applicable``, else a set.
    """

    algorithm: str
    rules: frozenset[RuleMeaning] | tuple[RuleMeaning, ...]
    obligations: frozenset[tuple[str, Node]]
    variables: frozenset[Node]


_ALGORITHMS: Final = {
    f"urn:oasis:names:tc:xacml:{version}:{kind}-combining-algorithm:{name}": name
    for kind in ("rule", "policy")
    for version, names in (
        (
            "3.0",
            (
                "deny-overrides",
                "permit-overrides",
                "ordered-deny-overrides",
                "ordered-permit-overrides",
                "deny-unless-permit",
                "permit-unless-deny",
            ),
        ),
        ("1.0", ("first-applicable",)),
    )
    for name in names
}


def algorithm_name(policy: Policy) -> str | None:
    """Short name of the combining algorithm, or None for one that Altinn does not know (then nobody gets anything)."""
    return _ALGORITHMS.get(policy.algorithm)


def fold(match: Match) -> Match:
    """A match with its value folded where case does not count."""
    if match.function != EQUAL_IGNORE_CASE:
        return match
    # Letter by letter, as the server does it: no letter becomes two.
    folded = "".join(low if len(low := letter.lower()) == 1 else letter for letter in match.value)
    return match._replace(value=folded)


def meaning(policy: Policy) -> Meaning:
    """What a policy means to Altinn's decision point.

    Compared: combining algorithm (rule and policy spelling of one name are one); the rules as a set, each taken apart into its
    combinations of subject, action and resource, so that one rule with two subjects equals two rules with one; per match the
    function, attribute, data type, value (case folded where the function ignores case) and ``MustBePresent``; conditions as
    trees; obligations of the policy that are fulfilled on Permit.

    Not compared: namespace prefixes, order, white space between elements, comments, encoding; ``Description``, ``PolicyId``,
    ``Version``, ``RuleId``, ids of obligations, ``Issuer``; the policy's own Target, obligations of rules, obligations on Deny
    and advice, none of which the decision point looks at.

    A rule is compared whole where taking it apart could change its meaning (a condition, ``MustBePresent``, an AllOf that
    mixes categories, the order of ``first-applicable``) or would give thousands of combinations.
    """
    algorithm = algorithm_name(policy)
    ordered = algorithm == "first-applicable"
    rules: list[RuleMeaning] = []
    for rule in policy.rules:
        rules.extend([_whole(rule)] if ordered else _combinations(rule))
    return Meaning(
        algorithm=algorithm or policy.algorithm,
        rules=tuple(rules) if ordered else frozenset(rules),
        obligations=frozenset(
            (assignment.category or assignment.attribute_id, assignment.expression)
            for obligation in policy.obligations
            if obligation.fulfill_on == "Permit"
            for assignment in obligation.assignments
        ),
        variables=frozenset(policy.variables),
    )


def _whole(rule: Rule) -> RuleMeaning:
    targets: dict[str, set[frozenset[Match]]] = {}
    for all_of in itertools.chain.from_iterable(rule.target or ()):
        # An AllOf that mixes categories stays apart: other parts of Altinn fail on it, so it is not the same policy.
        categories = sorted({match.category for match in all_of})
        targets.setdefault(" + ".join(categories), set()).add(frozenset(map(fold, all_of)))
    return RuleMeaning(
        rule.effect,
        frozenset((category, frozenset(found)) for category, found in targets.items()),
        rule.condition,
    )


def _combinations(rule: Rule) -> list[RuleMeaning]:
    whole = _whole(rule)
    count = 1
    for category, alternatives in whole.targets:
        count *= len(alternatives)
        if " + " in category:
            return [whole]
    if rule.condition is not None or count > _MOST_COMBINATIONS:
        return [whole]
    if any(match.must_be_present for match in rule.matches()):
        return [whole]
    categories = [category for category, _alternatives in whole.targets]
    return [
        RuleMeaning(
            rule.effect,
            frozenset((category, frozenset({one})) for category, one in zip(categories, choice, strict=True)),
            None,
        )
        for choice in itertools.product(*(alternatives for _category, alternatives in whole.targets))
    ]


# --- shown to people ---------------------------------------------------------------------------------------------------

#: Attribute -> what people call it.
KINDS: Final = {
    ROLE_CODE: "role",
    ACCESS_PACKAGE: "access package",
    REGISTER_ROLE: "register role",
    POPULATION_ROLE: "population register role",
    ACCESS_LIST: "members of access list",
    PARTY_TYPE: "every party of type",
    ORGANIZATION: "organization",
    OLD_ORGANIZATION: "organization (old attribute)",
    ORG: "service owner",
}


def describe(meant: Meaning, subject_note: Callable[[Match], str] | None = None) -> list[str]:
    """The lines in which a person reads a policy, sorted; different meanings give different lines.

    :param subject_note: adds a remark to a subject, e.g. that it is an Altinn 2 role.
    """
    rules = [_rule_line(rule, subject_note) for rule in meant.rules]
    if isinstance(meant.rules, frozenset):
        rules.sort()
    else:
        rules = [f"{number}. {line}" for number, line in enumerate(rules, start=1)]
    lines = rules
    if meant.algorithm != "deny-overrides":
        lines.append(f"rules are combined by {meant.algorithm}")
    lines.extend(sorted(_obligation_line(category, expression) for category, expression in meant.obligations))
    lines.extend(sorted(f"variable {_expression_text(node)}" for node in meant.variables))
    return lines


def _rule_line(rule: RuleMeaning, subject_note: Callable[[Match], str] | None) -> str:
    targets = dict(rule.targets)
    subjects = _alternatives(targets.pop(SUBJECT, None), _subject_text, "everyone", subject_note)
    actions = _alternatives(targets.pop(ACTION, None), _action_text, "do everything")
    resources = _alternatives(targets.pop(RESOURCE, None), _resource_text, "every resource")
    may = "may" if rule.effect == "Permit" else "may NOT"
    line = f"{subjects} {may} {actions} on {resources}"
    for category in sorted(targets):
        line += f" where {_alternatives(targets[category], _other_text, '')}"
    if rule.condition is not None:
        line += f" if {_expression_text(rule.condition)}"
    return line


def _alternatives(
    alternatives: frozenset[frozenset[Match]] | None,
    text: Callable[[Match], str],
    nothing: str,
    note: Callable[[Match], str] | None = None,
) -> str:
    if alternatives is None:
        return nothing

    def one(match: Match) -> str:
        remark = note(match) if note else ""
        return text(match) + (f" ({remark})" if remark else "")

    return " or ".join(sorted(" and ".join(sorted(map(one, all_of))) for all_of in alternatives))


def subject_text(match: Match) -> str:
    """A subject as people name it, e.g. ``access package maskinporten-scopes``."""
    kind = KINDS.get(match.attribute_id)
    return f"{kind} {shown(match.value)}" if kind else f"{match.attribute_id} = {shown(match.value)}"


def _subject_text(match: Match) -> str:
    return subject_text(match) + _oddities(match, EQUAL_IGNORE_CASE)


def _action_text(match: Match) -> str:
    text = (
        shown(match.value)
        if match.attribute_id == ACTION_ID
        else f"{match.attribute_id} = {shown(match.value)}"
    )
    return text + _oddities(match, EQUAL_IGNORE_CASE)


def _resource_text(match: Match) -> str:
    text = (
        shown(match.value)
        if match.attribute_id == RESOURCE_ID
        else f"{match.attribute_id} = {shown(match.value)}"
    )
    return text + _oddities(match, EQUAL)


def _other_text(match: Match) -> str:
    category = {SUBJECT: "subject ", ACTION: "action ", RESOURCE: "resource "}.get(
        match.category, f"{match.category} "
    )
    return f"{category}{match.attribute_id} = {shown(match.value)}{_oddities(match, '')}"


def _oddities(match: Match, usual: str) -> str:
    notes = []
    if match.function != usual:
        names = {EQUAL: "exactly so written", EQUAL_IGNORE_CASE: "in any case"}
        notes.append(names.get(match.function, f"compared by {match.function}"))
    if (match.data_type, match.value_type) != (STRING, STRING):
        notes.append(f"type {match.data_type} compared with {match.value_type}")
    if match.must_be_present:
        notes.append("must be present")
    return f" [{', '.join(notes)}]" if notes else ""


def _obligation_line(category: str, expression: Node) -> str:
    names = {LEVEL: "authentication level", LEVEL_ORGANIZATION: "authentication level of organizations"}
    plain = expression.name == "AttributeValue" and expression.attribute("DataType") == INTEGER
    value = shown(expression.text or "") if plain else _expression_text(expression)
    return f"{names[category]} {value} is needed" if category in names else f"obligation {category} = {value}"


def _expression_text(node: Node) -> str:
    if node.name == "AttributeValue":
        data_type = node.attribute("DataType")
        return json.dumps(node.text, ensure_ascii=False) + ("" if data_type == STRING else f" [{data_type}]")
    inside = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in node.attributes]
    if node.text is not None:
        inside.append(json.dumps(node.text, ensure_ascii=False))
    inside.extend(map(_expression_text, node.children))
    return f"{node.name}({', '.join(inside)})"


def shown(value: str) -> str:
    """A value as it is, or in quotation marks where white space or odd characters would mislead; never longer than a line."""
    text = value if _PLAIN_VALUE.match(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:190]}… ({len(value)} characters)"


_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: str, *, attribute: bool = False) -> str:
    if _NOT_XML.search(text):
        raise XacmlError(f"{shown(text)} holds a character that XML cannot carry.")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if attribute:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text
