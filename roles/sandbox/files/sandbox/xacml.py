# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XACML 3.0 policies as Altinn's Resource Registry reads them.

The registry's parser is stricter than the XACML schema in some places and laxer in others; what it refuses comes back to
the client as an unexplained 500. The rules here follow Altinn's ``XacmlParser`` (Altinn.Authorization.ABAC):

- every element is in the XACML 3.0 namespace, in the order the schema gives, and nothing unknown stands between them;
- unknown attributes are ignored everywhere;
- an empty ``Target`` must be written as an empty-element tag, ``<Target/>``;
- a document type declaration is refused.

This parser belongs to the sandbox alone and shares no code with the collection's client library, so that each can be tested
against the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

NAMESPACE = "urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"

SUBJECT = "urn:oasis:names:tc:xacml:1.0:subject-category:access-subject"
RESOURCE = "urn:oasis:names:tc:xacml:3.0:attribute-category:resource"
ACTION = "urn:oasis:names:tc:xacml:3.0:attribute-category:action"
ENVIRONMENT = "urn:oasis:names:tc:xacml:3.0:attribute-category:environment"

ACTION_ID = "urn:oasis:names:tc:xacml:1.0:action:action-id"
RESOURCE_ID = "urn:altinn:resource"
STRING = "http://www.w3.org/2001/XMLSchema#string"

_SEPARATOR = " "
_MUST_BE_PRESENT = {"true": True, "1": True, "false": False, "0": False}
_ABSOLUTE_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]{0,31}:.+", re.IGNORECASE)


class PolicyStructureError(ValueError):
    """The server's parser throws on this document: 500, without a word of why."""


class PolicyVersionError(ValueError):
    """``Version`` holds no digit: the one parser error that reaches the client as a 400 with text."""


class PolicyContentError(ValueError):
    """A rule of the registry about the content is broken: 400, and the text is the answer."""


class PolicyViewError(ValueError):
    """The policy is stored, but a derived view of it (rules, rights, subjects) makes the server throw: 500."""


# --- the document ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Element:
    """One element of the document: just as much as the rules need to know."""

    name: str
    """Local name when the element is in the XACML namespace, else ``{namespace}name`` (and so never a known name)."""
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""
    """All character data directly below the element, joined."""
    empty_tag: bool = False
    """Written as an empty-element tag, ``<Name/>``."""


def read_document(data: bytes) -> Element:
    """Read bytes into a tree.

    Raises:
        PolicyStructureError: not well formed, or with a document type declaration.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        # Expat would read it too, but its byte positions would no longer be those of ASCII text.
        try:
            data = data.decode("utf-16").encode("utf-8")
        except UnicodeError as error:
            raise PolicyStructureError(f"not readable as UTF-16: {error}") from error
        parser = expat.ParserCreate("utf-8", _SEPARATOR)
    else:
        parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = False
    root: list[Element] = []
    open_elements: list[Element] = []
    # True between a start tag and whatever follows it; then and only then the end of the element can be "/>".
    fresh = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal fresh
        namespace, _unused, local = name.rpartition(_SEPARATOR)
        element = Element(local if namespace == NAMESPACE else f"{{{namespace}}}{local}", attributes)
        (open_elements[-1].children if open_elements else root).append(element)
        open_elements.append(element)
        fresh = True

    def end(_name: str) -> None:
        nonlocal fresh
        element = open_elements.pop()
        position = parser.CurrentByteIndex
        element.empty_tag = fresh and data[position - 2 : position] == b"/>"
        fresh = False

    def text(characters: str) -> None:
        nonlocal fresh
        open_elements[-1].text += characters
        fresh = False

    def other(*_arguments: str) -> None:
        nonlocal fresh
        fresh = False

    def doctype(*_arguments: object) -> None:
        raise PolicyStructureError("document type declarations are prohibited")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.CommentHandler = other
    parser.ProcessingInstructionHandler = other
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise PolicyStructureError(f"not well formed: {error}") from error
    return root[0]


# --- the model ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Value:
    data_type: str
    value: str


@dataclass(frozen=True, slots=True)
class Designator:
    category: str
    attribute_id: str
    data_type: str
    must_be_present: bool
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """An XPath into the request: parsed, but whatever looks at it later throws."""

    category: str
    path: str
    data_type: str
    must_be_present: bool


@dataclass(frozen=True, slots=True)
class Apply:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Function:
    function: str


@dataclass(frozen=True, slots=True)
class VariableReference:
    variable: str


Expression = Value | Designator | Selector | Apply | Function | VariableReference


@dataclass(frozen=True, slots=True)
class Match:
    function: str
    value: Value
    attribute: Designator | Selector

    @property
    def designator(self) -> Designator:
        """The designator of the match.

        Raises:
            PolicyStructureError: the match has a selector; the server dereferences null and answers 500.
        """
        if isinstance(self.attribute, Selector):
            raise PolicyStructureError("AttributeSelector in a Match")
        return self.attribute


AllOf = tuple[Match, ...]
AnyOf = tuple[AllOf, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    attribute_id: str
    category: str | None
    issuer: str | None
    expression: Expression


@dataclass(frozen=True, slots=True)
class Obligation:
    """An obligation or an advice; ``fulfill_on`` is ``Permit`` or ``Deny``."""

    obligation_id: str
    fulfill_on: str
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    rule_id: str
    effect: str
    """``Permit`` or ``Deny``."""
    target: tuple[AnyOf, ...] | None
    """None when the rule has no Target at all; empty for ``<Target/>``."""
    condition: Expression | None
    obligations: tuple[Obligation, ...]

    def all_matches(self) -> Iterator[Match]:
        for any_of in self.target or ():
            for all_of in any_of:
                yield from all_of


@dataclass(frozen=True, slots=True)
class Policy:
    policy_id: str
    version: str | None
    combining_algorithm: str
    target: tuple[AnyOf, ...]
    rules: tuple[Rule, ...]
    variables: dict[str, Expression]
    obligations: tuple[Obligation, ...]
    advice: tuple[Obligation, ...]


# --- the parser --------------------------------------------------------------------------------------------------------


class _Children:
    """Walks the children of an element in order, each expected by name."""

    def __init__(self, element: Element) -> None:
        if element.text.strip(" \t\r\n"):
            raise PolicyStructureError(f"text inside {element.name}")
        self._of = element.name
        self._children = element.children
        self._next = 0

    def peek(self) -> str | None:
        return self._children[self._next].name if self._next < len(self._children) else None

    def take(self) -> Element:
        if self._next >= len(self._children):
            raise PolicyStructureError(f"{self._of} ends too early")
        self._next += 1
        return self._children[self._next - 1]

    def optional(self, name: str) -> Element | None:
        return self.take() if self.peek() == name else None

    def required(self, name: str) -> Element:
        if self.peek() != name:
            raise PolicyStructureError(f"{self._of}: {name} expected, {self.peek()} found")
        return self.take()

    def several(self, name: str) -> list[Element]:
        """One or more elements of the name."""
        found = [self.required(name)]
        while self.peek() == name:
            found.append(self.take())
        return found

    def end(self) -> None:
        if self.peek() is not None:
            raise PolicyStructureError(f"{self._of}: {self.peek()} not expected here")


def _attribute(element: Element, name: str, *, empty_is_missing: bool = False) -> str:
    value = element.attributes.get(name)
    if value is None or (empty_is_missing and not value):
        raise PolicyStructureError(f"{element.name} without {name}")
    return value


def _effect(element: Element, name: str) -> str:
    effect = _attribute(element, name).lower()
    if effect not in ("permit", "deny"):
        raise PolicyStructureError(f"{element.name} {name}: {effect}")
    return effect.capitalize()


def _must_be_present(element: Element) -> bool:
    text = _attribute(element, "MustBePresent")
    if text not in _MUST_BE_PRESENT:
        raise PolicyStructureError(f"{element.name} MustBePresent: {text}")
    return _MUST_BE_PRESENT[text]


def _text_only(element: Element) -> str:
    if element.children:
        raise PolicyStructureError(f"{element.name} holds elements")
    return element.text


def _no_content(element: Element) -> None:
    _Children(element).end()


def _inner_xml(element: Element) -> str:
    if not element.children:
        return escape(element.text)
    return escape(element.text) + "".join(f"<{c.name}>{_inner_xml(c)}</{c.name}>" for c in element.children)


def _value(element: Element) -> Value:
    data_type = _attribute(element, "DataType")
    return Value(data_type, _text_only(element) if data_type == STRING else _inner_xml(element))


def _designator(element: Element) -> Designator:
    designator = Designator(
        category=_attribute(element, "Category"),
        attribute_id=_attribute(element, "AttributeId"),
        data_type=_attribute(element, "DataType"),
        must_be_present=_must_be_present(element),
        issuer=element.attributes.get("Issuer"),
    )
    _no_content(element)
    return designator


def _selector(element: Element) -> Selector:
    selector = Selector(
        category=_attribute(element, "Category"),
        path=_attribute(element, "Path"),
        data_type=_attribute(element, "DataType"),
        must_be_present=_must_be_present(element),
    )
    _no_content(element)
    return selector


def _function(element: Element) -> Function:
    _no_content(element)
    return Function(_attribute(element, "FunctionId"))


def _variable_reference(element: Element) -> VariableReference:
    _no_content(element)
    return VariableReference(_attribute(element, "VariableId"))


def _apply(element: Element) -> Apply:
    children = _Children(element)
    arguments: list[Expression] = []
    while children.peek() is not None:
        child = children.take()
        if child.name == "VariableReference":
            raise PolicyStructureError("VariableReference inside Apply")
        arguments.append(_expression(child))
    return Apply(_attribute(element, "FunctionId"), tuple(arguments))


def _expression(element: Element) -> Expression:
    match element.name:
        case "AttributeValue":
            return _value(element)
        case "AttributeDesignator":
            return _designator(element)
        case "AttributeSelector":
            return _selector(element)
        case "Function":
            return _function(element)
        case "VariableReference":
            return _variable_reference(element)
        case "Apply":
            return _apply(element)
        case other:
            raise PolicyStructureError(f"{other} is not an expression")


def _one_expression(element: Element) -> Expression:
    children = _Children(element)
    expression = _expression(children.take())
    children.end()
    return expression


def _match(element: Element) -> Match:
    function = _attribute(element, "MatchId")
    children = _Children(element)
    value = _value(children.required("AttributeValue"))
    attribute: Designator | Selector
    if children.peek() == "AttributeSelector":
        attribute = _selector(children.take())
    else:
        attribute = _designator(children.required("AttributeDesignator"))
    children.end()
    return Match(function, value, attribute)


def _target(element: Element) -> tuple[AnyOf, ...]:
    children = _Children(element)
    if element.empty_tag:
        return ()
    result = []
    for any_of in children.several("AnyOf"):
        all_ofs = []
        any_children = _Children(any_of)
        for all_of in any_children.several("AllOf"):
            all_children = _Children(all_of)
            all_ofs.append(tuple(_match(match) for match in all_children.several("Match")))
            all_children.end()
        any_children.end()
        result.append(tuple(all_ofs))
    children.end()
    return tuple(result)


def _assignment(element: Element) -> Assignment:
    return Assignment(
        attribute_id=_attribute(element, "AttributeId"),
        category=element.attributes.get("Category"),
        issuer=element.attributes.get("Issuer"),
        expression=_one_expression(element),
    )


def _obligations(element: Element, *, item: str, id_name: str, effect_name: str) -> tuple[Obligation, ...]:
    children = _Children(element)
    found = children.several(item)
    children.end()
    result = []
    for position, child in enumerate(found, start=1):
        if child.empty_tag and position < len(found):
            # The server's reader does not step over an empty-element tag here and stumbles on the next sibling.
            raise PolicyStructureError(f"{item} as an empty-element tag before a sibling")
        obligation_id = _attribute(child, id_name)
        effect = _effect(child, effect_name)
        inner = _Children(child)
        assignments = []
        while inner.peek() is not None:
            assignments.append(_assignment(inner.required("AttributeAssignmentExpression")))
        result.append(Obligation(obligation_id, effect, tuple(assignments)))
    return tuple(result)


def _closing(children: _Children) -> tuple[tuple[Obligation, ...], tuple[Obligation, ...]]:
    """ObligationExpressions? and AdviceExpressions?, then nothing."""
    obligations: tuple[Obligation, ...] = ()
    advice: tuple[Obligation, ...] = ()
    if (element := children.optional("ObligationExpressions")) is not None:
        obligations = _obligations(
            element, item="ObligationExpression", id_name="ObligationId", effect_name="FulfillOn"
        )
    if (element := children.optional("AdviceExpressions")) is not None:
        advice = _obligations(element, item="AdviceExpression", id_name="AdviceId", effect_name="AppliesTo")
    children.end()
    return obligations, advice


def _rule(element: Element) -> Rule:
    rule_id = _attribute(element, "RuleId")
    effect = _effect(element, "Effect")
    children = _Children(element)
    if (description := children.optional("Description")) is not None:
        _text_only(description)
    target_element = children.optional("Target")
    target = _target(target_element) if target_element is not None else None
    condition_element = children.optional("Condition")
    condition = _one_expression(condition_element) if condition_element is not None else None
    obligations, _advice = _closing(children)
    return Rule(rule_id, effect, target, condition, obligations)


def _combiner_parameters(element: Element) -> None:
    if element.name == "RuleCombinerParameters":
        _attribute(element, "RuleIdRef")
    children = _Children(element)
    while children.peek() is not None:
        parameter = children.required("CombinerParameter")
        _attribute(parameter, "ParameterName")
        inner = _Children(parameter)
        _value(inner.required("AttributeValue"))
        inner.end()


def parse_policy(data: bytes) -> Policy:
    """Parse a policy with the server's own strictness (Altinn resource registry, policy upload).

    Raises:
        PolicyStructureError: the server would answer 500.
        PolicyVersionError: ``Version`` without a digit; the server would answer 400.
    """
    root = read_document(data)
    if root.name != "Policy":
        raise PolicyStructureError(f"root element {root.name}")
    policy_id = _attribute(root, "PolicyId", empty_is_missing=True)
    combining = _attribute(root, "RuleCombiningAlgId", empty_is_missing=True)
    version = root.attributes.get("Version")
    if version is not None and not re.search(r"\d", version):
        raise PolicyVersionError("Wrong VersionMatch format (Parameter 'version')")
    children = _Children(root)
    if (description := children.optional("Description")) is not None:
        _text_only(description)
    children.optional("PolicyIssuer")
    if (defaults := children.optional("PolicyDefaults")) is not None:
        inner = _Children(defaults)
        _text_only(inner.required("XPathVersion"))
        inner.end()
    target = _target(children.required("Target"))
    rules: list[Rule] = []
    variables: dict[str, Expression] = {}
    while (name := children.peek()) in (
        "Rule",
        "VariableDefinition",
        "CombinerParameters",
        "RuleCombinerParameters",
    ):
        child = children.take()
        if name == "Rule":
            rules.append(_rule(child))
        elif name == "VariableDefinition":
            variables[_attribute(child, "VariableId")] = _one_expression(child)
        else:
            _combiner_parameters(child)
    if not rules and not variables:
        raise PolicyStructureError("neither Rule nor VariableDefinition")
    obligations, advice = _closing(children)
    return Policy(policy_id, version, combining, target, tuple(rules), variables, obligations, advice)


# --- the registry's rules about the content ----------------------------------------------------------------------------


def app_of(resource_id: str) -> tuple[str, str] | None:
    """Service owner code and app name of an id ``app_{org}_{app}`` with exactly two underscores, else None."""
    parts = resource_id.split("_")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "app" else None


def check_content(policy: Policy, resource_id: str) -> None:
    """The registry's check that every rule is about the resource the policy is uploaded for.

    Raises:
        PolicyContentError: with the text of the 400.
        PolicyStructureError: a Match with a selector: 500.
    """
    app = app_of(resource_id)
    for rule in policy.rules:
        mentions_resource = False
        organization = app_name = False
        for match in rule.all_matches():
            designator = match.designator
            if designator.category != RESOURCE:
                continue
            value = match.value.value
            if designator.attribute_id == RESOURCE_ID:
                if value != resource_id:
                    raise PolicyContentError(
                        "Policy not accepted: Contains rules for a different registry resource"
                    )
                mentions_resource = True
            elif app is not None and designator.attribute_id == "urn:altinn:org":
                organization = organization or value.lower() == app[0].lower()
            elif app is not None and designator.attribute_id == "urn:altinn:app":
                app_name = app_name or value.lower() == app[1].lower()
        if not mentions_resource and not (organization and app_name):
            raise PolicyContentError(
                "Policy not accepted: Contains rule without reference to registry resource id"
            )


# --- derived views -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """A pair of attribute id and value as the registry shows it."""

    type: str
    value: str

    @property
    def urn(self) -> str:
        return f"{self.type}:{self.value}"

    def to_json(self) -> dict[str, str]:
        return {"type": self.type, "value": self.value}


@dataclass(frozen=True, slots=True)
class RuleView:
    """One combination of subject, action and resource from one rule."""

    subject: tuple[Attribute, ...]
    action: Attribute
    resource: tuple[Attribute, ...]
    effect: str


def subject_attributes(policy: Policy) -> list[Attribute]:
    """Distinct subjects of the policy, with lower-cased values, in document order.

    Raises:
        PolicyViewError: a subject attribute id is no absolute URN.
    """
    found: dict[Attribute, None] = {}
    for rule in policy.rules:
        for match in rule.all_matches():
            designator = match.designator
            if designator.category != SUBJECT:
                continue
            if not _ABSOLUTE_URN.fullmatch(designator.attribute_id):
                raise PolicyViewError(f"subject attribute id {designator.attribute_id} is no absolute URN")
            found[Attribute(designator.attribute_id, match.value.value.lower())] = None
    return list(found)


def _by_category(rule: Rule) -> dict[str, list[tuple[Attribute, ...]]]:
    """The AllOf elements of a rule by the one category of their AnyOf."""
    result: dict[str, list[tuple[Attribute, ...]]] = {}
    for any_of in rule.target or ():
        categories = {match.designator.category for all_of in any_of for match in all_of}
        if len(categories) != 1:
            raise PolicyViewError("an AnyOf mixes categories")
        result.setdefault(categories.pop(), []).extend(
            tuple(Attribute(match.designator.attribute_id, match.value.value) for match in all_of)
            for all_of in any_of
        )
    return result


def rule_views(policy: Policy) -> list[RuleView]:
    """The rules flattened: subject AllOf x action AllOf x resource AllOf of each rule, case as written.

    Raises:
        PolicyViewError: a rule lacks one of the three categories, or an AnyOf mixes categories.
    """
    views: list[RuleView] = []
    for rule in policy.rules:
        categories = _by_category(rule)
        try:
            subjects, actions, resources = categories[SUBJECT], categories[ACTION], categories[RESOURCE]
        except KeyError as error:
            raise PolicyViewError(f"rule {rule.rule_id} has no {error}") from error
        views.extend(
            RuleView(subject, action[0], resource, rule.effect)
            for subject in subjects
            for action in actions
            for resource in resources
        )
    return views


def right_key(action: str, resource: tuple[Attribute, ...]) -> str:
    """Key of a right in version 1 of the rights view: action, resource values, MD5 over the URNs in UTF-16LE."""
    ordered = sorted(resource, key=lambda attribute: attribute.urn)
    text = ";".join([action, *(attribute.urn for attribute in ordered)])
    digest = hashlib.md5(text.encode("utf-16-le"), usedforsecurity=False).hexdigest()
    return ";".join([action, *(attribute.value for attribute in ordered), digest])


def right_key_v2(action: str, resource: tuple[Attribute, ...]) -> str:
    """Key of a right in version 2: ``01`` and SHA-256 over resource and action, all in lower case."""
    ordered = sorted(resource, key=lambda attribute: attribute.urn)
    text = ":".join([*(attribute.urn for attribute in ordered), ACTION_ID, action]).lower()
    return "01" + hashlib.sha256(text.encode()).hexdigest()
