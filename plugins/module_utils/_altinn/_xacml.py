# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""XACML 3.0 policies as Altinn's resource registry takes them: read, compared by meaning, shown, written, extended.

The registry answers a policy that its parser cannot read with status 500 and no reason. :func:`parse` is therefore at least
as strict as that parser (``XacmlParser`` in Altinn.Authorization.ABAC), so that what it lets through the registry lets
through, and whatever else is refused here with line and reason. A file is untrusted: its size is checked before anything
reads it, a streaming pass refuses document type declarations, entities and deep nesting before a tree is built, and nothing
is ever fetched.

Two policies mean the same when :func:`meaning` gives equal values; how that is judged stands there and nowhere else.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn
from xml.parsers import expat

from .._dependencies import require

if TYPE_CHECKING:
    from lxml import etree

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

#: The largest policy that is read; the largest that Altinn itself publishes are a tenth of it.
LARGEST_POLICY: Final = 1024 * 1024
_DEEPEST: Final = 50
_MOST_ELEMENTS: Final = 20_000
_MOST_ATTRIBUTES: Final = 100
_MOST_NAMESPACES: Final = 1000
# Rules are compared combination by combination up to this many combinations a rule; a larger rule is compared as a whole.
_MOST_COMBINATIONS: Final = 5000

_WHITE: Final = " \t\r\n"
_XMLNS: Final = f"{{{NAMESPACE}}}"
_ENCODINGS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "utf-16"})
_DECLARATION: Final = re.compile(r"\A\s*<\?xml\s[^>]*\?>")
_ABSOLUTE_URN: Final = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[^\s]+\Z")
# What .NET's Uri surely reads: a web address, another scheme without an authority (a URN), or a plain name.
_URI: Final = re.compile(
    r"""(?:https?://[A-Za-z0-9.-]*[A-Za-z0-9](?::\d{1,5})?(?:[/?\#][^\s<>"{}|\\^`]*)?
        |   (?!https?:|ftp:|file:|gopher:|nntp:|news:|mailto:|uuid:|telnet:|ldap:|net\.|vsmacros:)
            [A-Za-z][A-Za-z0-9+.-]+:(?!//)[^\s<>"{}|\\^`]+
        |   [^\s<>"{}|\\^`:/]+
        )\Z""",
    re.VERBOSE | re.IGNORECASE,
)
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
            text = (assignment.expression.text or "").strip(_WHITE)
            if assignment.category in found and re.fullmatch(r"[+-]?[0-9]{1,9}", text):
                found[assignment.category].append(int(text))
    return max(found[LEVEL], default=None), max(found[LEVEL_ORGANIZATION], default=None)


# --- reading -----------------------------------------------------------------------------------------------------------


@dataclass
class _Layout:
    """What a tree does not tell, by number of the element in document order."""

    lines: list[int] = field(default_factory=list)
    #: written as ``<Name/>``
    empty_tags: list[bool] = field(default_factory=list)
    #: holds a CDATA section or an entity of its own
    cdata: set[int] = field(default_factory=set)


def as_bytes(text: str) -> bytes:
    """A policy given as text, as a UTF-8 file: leading white space and a declaration of another encoding give way.

    :raises XacmlError: the text holds what is no character.
    """
    body = _DECLARATION.sub("", text.lstrip("\ufeff")).lstrip()
    try:
        return b'<?xml version="1.0" encoding="utf-8"?>\n' + body.encode()
    except UnicodeEncodeError:
        raise XacmlError("the text holds half a character (a lone surrogate).") from None


def as_text(data: bytes) -> str:
    """A policy file as text, by its byte order mark or its declaration; for people to keep and to hand in again."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    declared = re.match(
        rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", data.lstrip(b"\xef\xbb\xbf")
    )
    encoding = declared[1].decode().lower() if declared else "utf-8"
    return data.decode("iso-8859-1" if encoding in ("iso-8859-1", "latin1") else "utf-8-sig", "replace")


def parse(data: bytes) -> Policy:
    """Read a policy as strictly as Altinn's resource registry.

    :raises XacmlError: not XML, hostile, too large, or something the registry would answer with status 500 (and with 400 for
        a Version without a digit).
    """
    return _Reader(data).policy()


def _utf8(data: bytes) -> tuple[bytes, bool]:
    """The bytes in a form whose tags are ASCII, and whether the declared encoding no longer counts."""
    if len(data) > LARGEST_POLICY:
        raise XacmlError(f"the file is {len(data)} bytes long; a policy has at most {LARGEST_POLICY}.")
    if not data.strip():
        raise XacmlError("the file is empty.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode(), True
        except UnicodeError:
            raise XacmlError("the file starts as UTF-16 and is not; save it as UTF-8.") from None
    if data[:1] != b"<" and data[:3] != b"\xef\xbb\xbf" and not data.lstrip()[:1] == b"<":
        raise XacmlError("this is not an XML file.", 1)
    return data, False


def _scan(data: bytes, override: bool) -> _Layout:
    """Read once as a stream: refuse what is hostile, and note what the tree will not show.

    :raises XacmlError: not well formed, a document type declaration, nested too deeply, an encoding the registry cannot read.
    """
    layout = _Layout()
    parser = expat.ParserCreate("utf-8" if override else None, " ")
    open_elements: list[int] = []
    # True between a start tag and whatever follows it; only then can the end of the element be "/>".
    fresh = False
    namespaces = 0

    def here() -> int:
        return parser.CurrentLineNumber

    def declaration(version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise XacmlError(f"XML version {version} is not read by Altinn; write 1.0.", here())
        if encoding and encoding.lower() not in _ENCODINGS:
            raise XacmlError(
                f"the encoding {encoding} is not read by Altinn; save the file as UTF-8.", here()
            )

    def start(_name: str, attributes: Mapping[str, str]) -> None:
        nonlocal fresh
        if len(open_elements) >= _DEEPEST:
            raise XacmlError(f"elements are nested more than {_DEEPEST} deep.", here())
        if len(layout.lines) >= _MOST_ELEMENTS:
            raise XacmlError(f"the file has more than {_MOST_ELEMENTS} elements.", here())
        if len(attributes) > _MOST_ATTRIBUTES:
            raise XacmlError(f"an element has more than {_MOST_ATTRIBUTES} attributes.", here())
        open_elements.append(len(layout.lines))
        layout.lines.append(here())
        layout.empty_tags.append(False)
        fresh = True

    def end(_name: str) -> None:
        nonlocal fresh
        position = parser.CurrentByteIndex
        layout.empty_tags[open_elements.pop()] = fresh and data[position - 2 : position] == b"/>"
        fresh = False

    def namespace(*_arguments: object) -> None:
        nonlocal namespaces
        namespaces += 1
        if namespaces > _MOST_NAMESPACES:
            raise XacmlError(f"the file declares more than {_MOST_NAMESPACES} namespaces.", here())

    def content(*_arguments: object) -> None:
        nonlocal fresh
        fresh = False

    def cdata() -> None:
        content()
        layout.cdata.add(open_elements[-1])

    def doctype(*_arguments: object) -> NoReturn:
        raise XacmlError("a document type declaration (<!DOCTYPE) is not allowed in a policy.", here())

    parser.XmlDeclHandler = declaration
    parser.StartNamespaceDeclHandler = namespace
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = content
    parser.CommentHandler = content
    parser.ProcessingInstructionHandler = content
    parser.StartCdataSectionHandler = cdata
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XacmlError(f"not well-formed XML ({expat.ErrorString(error.code)}).", error.lineno) from None
    except (LookupError, UnicodeError, ValueError):
        raise XacmlError("the encoding of the file cannot be read; save it as UTF-8.", 1) from None
    return layout


class _Reader:
    """One reading of one file: the tree, its layout, and the grammar of the registry's parser."""

    def __init__(self, data: bytes) -> None:
        require("lxml")
        from lxml import etree

        data, override = _utf8(data)
        self.layout = _scan(data, override)
        parser = etree.XMLParser(
            encoding="utf-8" if override else None,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            dtd_validation=False,
            huge_tree=False,
        )
        try:
            self.root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            reason = re.sub(r", line \d+, column \d+.*", "", error.msg or "no XML", flags=re.DOTALL)[:200]
            raise XacmlError(f"not well-formed XML ({reason}).", error.lineno) from None
        if self.root.getroottree().docinfo.internalDTD is not None:
            raise XacmlError("a document type declaration (<!DOCTYPE) is not allowed in a policy.", 1)
        self.numbers = {element: number for number, element in enumerate(self.root.iter("*"))}

    # Small tools.

    def line(self, element: etree._Element) -> int:
        return self.layout.lines[self.numbers[element]]

    def refuse(self, element: etree._Element, reason: str) -> NoReturn:
        raise XacmlError(reason, self.line(element))

    def name(self, element: etree._Element) -> str:
        """Local name, for an element outside the namespace with a hint."""
        tag = str(element.tag)
        if not tag.startswith(_XMLNS):
            namespace, _brace, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
            where = f"the namespace {namespace[:100]}" if namespace else "no namespace"
            self.refuse(element, f"{local[:100]} has {where}; every element of a policy is in {NAMESPACE}.")
        return tag[len(_XMLNS) :][:100]

    def children(self, element: etree._Element) -> _Children:
        """The child elements; text between them is refused."""
        texts = [element.text, *(child.tail for child in element)]
        if any(text and text.strip(_WHITE) for text in texts) or self.numbers[element] in self.layout.cdata:
            self.refuse(element, f"text between the elements of {self.name(element)}.")
        return _Children(self, element)

    def filled(self, element: etree._Element) -> _Children:
        """As :meth:`children`, for an element that the registry's reader cannot step over as ``<Name/>``."""
        if self.layout.empty_tags[self.numbers[element]]:
            self.refuse(element, f"{self.name(element)} is empty.")
        return self.children(element)

    def hollow(self, element: etree._Element) -> None:
        """An element that the registry's reader takes only as ``<Name/>``."""
        if not self.layout.empty_tags[self.numbers[element]]:
            name = self.name(element)
            self.refuse(element, f"{name} must be written as an empty tag, <{name} .../>.")

    def text(self, element: etree._Element) -> str:
        """Character data of an element that holds nothing else; comments are skipped."""
        for child in element:
            if isinstance(child.tag, str):
                self.refuse(child, f"{self.name(element)} holds text only.")
        return (element.text or "") + "".join(child.tail or "" for child in element)

    def attribute(self, element: etree._Element, name: str) -> str:
        value = element.get(name)
        if not value:
            self.refuse(element, f"{self.name(element)} needs the attribute {name}.")
        return str(value)

    def uri(self, element: etree._Element, name: str) -> str:
        value = self.attribute(element, name)
        if len(value) > 2000 or not _URI.match(value):
            self.refuse(element, f"{name} is not an identifier: {_shown(value)}; write a URN.")
        return value

    def optional_uri(self, element: etree._Element, name: str) -> str:
        return self.uri(element, name) if element.get(name) else ""

    def effect(self, element: etree._Element, name: str) -> str:
        value = self.attribute(element, name)
        if value.lower() not in ("permit", "deny"):
            self.refuse(element, f"{name} is {_shown(value)}; write Permit or Deny.")
        return value.capitalize()

    def truth(self, element: etree._Element, name: str) -> bool:
        value = self.attribute(element, name)
        if value not in ("true", "false", "1", "0"):
            self.refuse(element, f"{name} is {_shown(value)}; write true or false.")
        return value in ("true", "1")

    # The grammar, outside in.

    def policy(self) -> Policy:
        root = self.root
        if self.name(root) != "Policy":
            hint = " (a PolicySet is not read by Altinn)" if self.name(root) == "PolicySet" else ""
            self.refuse(
                root, f"the outermost element is {self.name(root)}{hint}; a policy starts with Policy."
            )
        policy_id = self.uri(root, "PolicyId")
        algorithm = self.uri(root, "RuleCombiningAlgId")
        version = root.get("Version")
        if version is not None and not re.search(r"[0-9]", version):
            self.refuse(root, f"Version is {_shown(str(version))}; it needs a number, such as 1.0.")
        items = self.filled(root)
        description = self.description(items)
        leading = []
        if (element := items.optional("PolicyIssuer")) is not None:
            inner = self.children(element)
            inner.end()
            leading.append(Node("PolicyIssuer", (), None, ()))
        if (element := items.optional("PolicyDefaults")) is not None:
            leading.append(self.defaults(element))
        target = self.target(items.required("Target"))
        rules: list[Rule] = []
        variables: list[Node] = []
        parameters: list[Node] = []
        rule_parameters = 0
        while (name := items.peek()) in (
            "Rule",
            "VariableDefinition",
            "CombinerParameters",
            "RuleCombinerParameters",
        ):
            element = items.take()
            if name == "Rule":
                rules.append(self.rule(element))
            elif name == "VariableDefinition":
                variables.append(self.variable(element))
            else:
                rule_parameters += name == "RuleCombinerParameters"
                if rule_parameters > 1:
                    self.refuse(element, "a policy has at most one RuleCombinerParameters.")
                parameters.append(self.combiner_parameters(element))
        if not rules and not variables:
            self.refuse(root, "the policy has no Rule." if items.peek() is None else items.unexpected())
        obligations, trailing = self.closing(items)
        return Policy(
            policy_id=policy_id,
            algorithm=algorithm,
            rules=tuple(rules),
            obligations=obligations,
            version=version,
            description=description,
            variables=tuple(variables),
            target=target,
            leading=tuple(leading),
            parameters=tuple(parameters),
            trailing=trailing,
        )

    def description(self, items: _Children) -> str | None:
        element = items.optional("Description")
        return self.text(element) if element is not None else None

    def defaults(self, element: etree._Element) -> Node:
        items = self.filled(element)
        version = items.required("XPathVersion")
        text = self.text(version)
        if not re.match(r"(?:urn:[^\s]+|https?://[\w.-]+[\w](?:[/?#][^\s]*)?)\Z", text):
            self.refuse(version, f"XPathVersion is {_shown(text)}; write an absolute address.")
        items.end()
        return Node("PolicyDefaults", (), None, (Node("XPathVersion", (), text, ()),))

    def target(self, element: etree._Element) -> tuple[AnyOf, ...]:
        items = self.children(element)
        if self.layout.empty_tags[self.numbers[element]]:
            return ()
        if items.peek() is None:
            self.refuse(element, "an empty Target must be written as an empty tag, <Target/>.")
        found = []
        for any_of in items.several("AnyOf"):
            inner = self.filled(any_of)
            found.append(tuple(self.all_of(all_of) for all_of in inner.several("AllOf")))
            inner.end()
        items.end()
        return tuple(found)

    def all_of(self, element: etree._Element) -> AllOf:
        items = self.filled(element)
        found = tuple(self.match(match) for match in items.several("Match"))
        items.end()
        return found

    def match(self, element: etree._Element) -> Match:
        function = self.uri(element, "MatchId")
        items = self.filled(element)
        value = self.value(items.required("AttributeValue"))
        if items.peek() == "AttributeSelector":
            self.refuse(
                items.take(), "AttributeSelector in a Match is not read by Altinn; use AttributeDesignator."
            )
        element = items.required("AttributeDesignator")
        designator = self.designator(element)
        items.end()
        category, attribute_id = designator.attribute("Category"), designator.attribute("AttributeId")
        if category == SUBJECT and not _ABSOLUTE_URN.match(attribute_id):
            # The registry stores such a policy and then answers 500, because it cannot list its subjects.
            self.refuse(
                element, f"AttributeId of a subject is {_shown(attribute_id)}; write an absolute URN."
            )
        return Match(
            category=category,
            attribute_id=attribute_id,
            value=value.text or "",
            function=function,
            data_type=designator.attribute("DataType"),
            must_be_present=designator.attribute("MustBePresent") == "true",
            value_type=value.attribute("DataType"),
        )

    def value(self, element: etree._Element) -> Node:
        data_type = self.uri(element, "DataType")
        return value_node(data_type, self.text(element) if data_type == STRING else self.inner_xml(element))

    def inner_xml(self, element: etree._Element) -> str:
        from lxml import etree

        parts = [_escape(element.text or "")]
        for child in element:
            copy = deepcopy(child)
            if isinstance(child.tag, str):
                etree.cleanup_namespaces(copy)
            parts.append(etree.tostring(copy, encoding="unicode", with_tail=True))
        return "".join(parts)

    def designator(self, element: etree._Element) -> Node:
        items = self.children(element)
        items.end()
        return _node(
            "AttributeDesignator",
            AttributeId=self.uri(element, "AttributeId"),
            Category=self.uri(element, "Category"),
            DataType=self.uri(element, "DataType"),
            MustBePresent="true" if self.truth(element, "MustBePresent") else "false",
        )

    def rule(self, element: etree._Element) -> Rule:
        rule_id = self.attribute(element, "RuleId")
        effect = self.effect(element, "Effect")
        items = self.filled(element)
        description = self.description(items)
        target = self.target(child) if (child := items.optional("Target")) is not None else None
        condition = self.one_expression(child) if (child := items.optional("Condition")) is not None else None
        obligations, advice = self.closing(items)
        return Rule(
            rule_id=rule_id,
            effect=effect,
            target=target,
            condition=condition,
            description=description,
            extras=(*((_obligations_node(obligations),) if obligations else ()), *advice),
            line=self.line(element),
        )

    def closing(self, items: _Children) -> tuple[tuple[Obligation, ...], tuple[Node, ...]]:
        """``ObligationExpressions?``, ``AdviceExpressions?`` and then nothing."""
        obligations: list[Obligation] = []
        advice: tuple[Node, ...] = ()
        if (element := items.optional("ObligationExpressions")) is not None:
            inner = self.filled(element)
            for child in inner.several("ObligationExpression"):
                identifier = self.uri(child, "ObligationId")
                fulfill_on = self.effect(child, "FulfillOn")
                obligations.append(Obligation(identifier, fulfill_on, self.assignments(child)))
            inner.end()
        if (element := items.optional("AdviceExpressions")) is not None:
            inner = self.filled(element)
            found = []
            for child in inner.several("AdviceExpression"):
                attributes = {
                    "AdviceId": self.uri(child, "AdviceId"),
                    "AppliesTo": self.effect(child, "AppliesTo"),
                }
                inside = tuple(_assignment_node(assignment) for assignment in self.assignments(child))
                found.append(_node("AdviceExpression", inside, **attributes))
            inner.end()
            advice = (_node("AdviceExpressions", tuple(found)),)
        items.end()
        return tuple(obligations), advice

    def assignments(self, element: etree._Element) -> tuple[Assignment, ...]:
        items = self.filled(element)
        found = []
        while items.peek() is not None:
            child = items.required("AttributeAssignmentExpression")
            found.append(
                Assignment(
                    self.uri(child, "AttributeId"),
                    self.optional_uri(child, "Category"),
                    self.one_expression(child),
                )
            )
        return tuple(found)

    def one_expression(self, element: etree._Element) -> Node:
        items = self.filled(element)
        if items.peek() is None:
            self.refuse(element, f"{self.name(element)} needs an expression.")
        found = self.expression(items.take())
        items.end()
        return found

    def expression(self, element: etree._Element) -> Node:
        name = self.name(element)
        if name == "AttributeValue":
            return self.value(element)
        if name == "AttributeDesignator":
            return self.designator(element)
        if name == "Apply":
            return self.apply(element)
        if name not in ("AttributeSelector", "Function", "VariableReference"):
            self.refuse(element, f"{name} is not an expression.")
        self.hollow(element)
        if name == "Function":
            return _node(name, FunctionId=self.uri(element, "FunctionId"))
        if name == "VariableReference":
            return _node(name, VariableId=self.attribute(element, "VariableId"))
        return _node(
            name,
            Category=self.uri(element, "Category"),
            DataType=self.uri(element, "DataType"),
            MustBePresent="true" if self.truth(element, "MustBePresent") else "false",
            Path=self.attribute(element, "Path"),
        )

    def apply(self, element: etree._Element) -> Node:
        items = self.filled(element)
        arguments = []
        while (name := items.peek()) is not None:
            child = items.take()
            if name == "VariableReference":
                self.refuse(child, "VariableReference inside Apply is not read by Altinn.")
            arguments.append(self.expression(child))
        return _node("Apply", tuple(arguments), FunctionId=self.uri(element, "FunctionId"))

    def variable(self, element: etree._Element) -> Node:
        """The registry's reader takes a definition only without white space and prefix before its expression."""
        items = self.filled(element)
        inside = items.peek()
        first = element[0] if len(element) else None
        if first is None or not isinstance(first.tag, str) or element.text or first.prefix:
            self.refuse(
                element,
                "VariableDefinition is read by Altinn only with its expression right after the tag and without a prefix; "
                "its decisions never use it, so leave it out.",
            )
        if inside not in ("AttributeSelector", "AttributeValue", "Function", "Apply"):
            self.refuse(element, f"{inside} in a VariableDefinition is not read by Altinn.")
        expression = self.expression(items.take())
        items.end()
        return _node("VariableDefinition", (expression,), VariableId=self.attribute(element, "VariableId"))

    def combiner_parameters(self, element: etree._Element) -> Node:
        name = self.name(element)
        attributes = {}
        if name == "RuleCombinerParameters":
            attributes["RuleIdRef"] = self.attribute(element, "RuleIdRef")
        items = self.filled(element)
        found = []
        while items.peek() is not None:
            child = items.required("CombinerParameter")
            parameter = self.attribute(child, "ParameterName")
            inner = self.filled(child)
            value = self.value(inner.required("AttributeValue"))
            inner.end()
            found.append(_node("CombinerParameter", (value,), ParameterName=parameter))
        return _node(name, tuple(found), **attributes)


class _Children:
    """Walks the child elements of an element in order."""

    def __init__(self, reader: _Reader, element: etree._Element) -> None:
        self._reader = reader
        self._of = element
        self._left = [child for child in element if isinstance(child.tag, str)]

    def peek(self) -> str | None:
        return self._reader.name(self._left[0]) if self._left else None

    def take(self) -> etree._Element:
        return self._left.pop(0)

    def optional(self, name: str) -> etree._Element | None:
        return self.take() if self.peek() == name else None

    def required(self, name: str) -> etree._Element:
        found = self.peek()
        if found is None:
            self._reader.refuse(self._of, f"{self._reader.name(self._of)} needs {name}.")
        if found != name:
            reason = f"{found} in {self._reader.name(self._of)}, where {name} must stand."
            self._reader.refuse(self._left[0], reason)
        return self.take()

    def several(self, name: str) -> list[etree._Element]:
        """One or more."""
        found = [self.required(name)]
        while self.peek() == name:
            found.append(self.take())
        return found

    def unexpected(self) -> str:
        return f"{self.peek()} in {self._reader.name(self._of)} is unknown, twice, or in the wrong order."

    def end(self) -> None:
        if self._left:
            self._reader.refuse(self._left[0], self.unexpected())


def _node(name: str, children: tuple[Node, ...] = (), **attributes: str) -> Node:
    return Node(name, tuple(sorted(attributes.items())), None, children)


def _assignment_node(assignment: Assignment) -> Node:
    attributes = {"AttributeId": assignment.attribute_id}
    if assignment.category:
        attributes["Category"] = assignment.category
    return _node("AttributeAssignmentExpression", (assignment.expression,), **attributes)


def _obligations_node(obligations: Iterable[Obligation]) -> Node:
    return _node(
        "ObligationExpressions",
        tuple(
            _node(
                "ObligationExpression",
                tuple(_assignment_node(assignment) for assignment in obligation.assignments),
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
                    f"the rule {_shown(rule.rule_id)} is about the resource {_shown(match.value)}, but the policy is for "
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
                f"the rule {_shown(rule.rule_id)} does not name the resource; each rule needs a match of {RESOURCE_ID} "
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
    return f"{kind} {_shown(match.value)}" if kind else f"{match.attribute_id} = {_shown(match.value)}"


def _subject_text(match: Match) -> str:
    return subject_text(match) + _oddities(match, EQUAL_IGNORE_CASE)


def _action_text(match: Match) -> str:
    text = (
        _shown(match.value)
        if match.attribute_id == ACTION_ID
        else f"{match.attribute_id} = {_shown(match.value)}"
    )
    return text + _oddities(match, EQUAL_IGNORE_CASE)


def _resource_text(match: Match) -> str:
    text = (
        _shown(match.value)
        if match.attribute_id == RESOURCE_ID
        else f"{match.attribute_id} = {_shown(match.value)}"
    )
    return text + _oddities(match, EQUAL)


def _other_text(match: Match) -> str:
    category = {SUBJECT: "subject ", ACTION: "action ", RESOURCE: "resource "}.get(
        match.category, f"{match.category} "
    )
    return f"{category}{match.attribute_id} = {_shown(match.value)}{_oddities(match, '')}"


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
    value = _shown(expression.text or "") if plain else _expression_text(expression)
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


def _shown(value: str) -> str:
    """A value as it is, or in quotation marks where white space or odd characters would mislead; never longer than a line."""
    text = value if _PLAIN_VALUE.match(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:190]}… ({len(value)} characters)"


# --- writing -----------------------------------------------------------------------------------------------------------

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NON_EMPTY: Final = frozenset({"Apply", "ObligationExpression", "AdviceExpression", "CombinerParameters",
                               "RuleCombinerParameters", "Rule"})  # fmt: skip


def _escape(text: str, *, attribute: bool = False) -> str:
    if _NOT_XML.search(text):
        raise XacmlError(f"{_shown(text)} holds a character that XML cannot carry.")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if attribute:
        text = text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return text


def write(policy: Policy) -> bytes:
    """A policy as a UTF-8 file: what Altinn Studio writes, two spaces a level, an empty Target as an empty tag.

    :raises XacmlError: a value holds a character that XML cannot carry.
    """
    return ("\n".join(['<?xml version="1.0" encoding="utf-8"?>', *_policy_lines(policy)]) + "\n").encode()


def _policy_lines(policy: Policy) -> Iterator[str]:
    attributes = f' xmlns:xacml="{NAMESPACE}" PolicyId="{_escape(policy.policy_id, attribute=True)}"'
    if policy.version is not None:
        attributes += f' Version="{_escape(policy.version, attribute=True)}"'
    attributes += f' RuleCombiningAlgId="{_escape(policy.algorithm, attribute=True)}"'
    yield f"<xacml:Policy{attributes}>"
    yield from _description_lines(policy.description, 1)
    for node in policy.leading:
        yield from _node_lines(node, 1)
    yield from _target_lines(policy.target, 1)
    for node in (*policy.parameters, *policy.variables):
        yield from _node_lines(node, 1)
    for rule in policy.rules:
        rule_id = _escape(rule.rule_id, attribute=True)
        yield f'  <xacml:Rule RuleId="{rule_id}" Effect="{rule.effect}">'
        yield from _description_lines(rule.description, 2)
        if rule.target is not None:
            yield from _target_lines(rule.target, 2)
        if rule.condition is not None:
            yield from _node_lines(_node("Condition", (rule.condition,)), 2)
        for node in rule.extras:
            yield from _node_lines(node, 2)
        yield "  </xacml:Rule>"
    if policy.obligations:
        yield from _node_lines(_obligations_node(policy.obligations), 1)
    for node in policy.trailing:
        yield from _node_lines(node, 1)
    yield "</xacml:Policy>"


def _description_lines(description: str | None, depth: int) -> Iterator[str]:
    if description is not None:
        yield f"{'  ' * depth}<xacml:Description>{_escape(description)}</xacml:Description>"


def _target_lines(target: Sequence[AnyOf], depth: int) -> Iterator[str]:
    if not target:
        yield f"{'  ' * depth}<xacml:Target/>"
        return
    yield from _node_lines(
        _node(
            "Target",
            tuple(
                _node("AnyOf", tuple(_node("AllOf", tuple(map(_match_node, all_of))) for all_of in any_of))
                for any_of in target
            ),
        ),
        depth,
    )


def _match_node(match: Match) -> Node:
    designator = _node(
        "AttributeDesignator",
        AttributeId=match.attribute_id,
        Category=match.category,
        DataType=match.data_type,
        MustBePresent="true" if match.must_be_present else "false",
    )
    return _node("Match", (value_node(match.value_type, match.value), designator), MatchId=match.function)


def _node_lines(node: Node, depth: int) -> Iterator[str]:
    indent = "  " * depth
    # An expression in a variable must follow its tag at once and without a prefix.
    bare = node.name == "VariableDefinition"
    attributes = _attributes_text(node)
    opened = f"{indent}<xacml:{node.name}{attributes}"
    if bare:
        yield f"{opened}>{''.join(map(_bare, node.children))}</xacml:{node.name}>"
    elif node.text is not None:
        raw = node.name == "AttributeValue" and node.attribute("DataType") != STRING
        yield f"{opened}>{node.text if raw else _escape(node.text)}</xacml:{node.name}>"
    elif node.children:
        yield f"{opened}>"
        for child in node.children:
            yield from _node_lines(child, depth + 1)
        yield f"{indent}</xacml:{node.name}>"
    elif node.name in _NON_EMPTY:
        yield f"{opened}></xacml:{node.name}>"
    else:
        yield f"{opened}/>"


def _attributes_text(node: Node) -> str:
    ids_first = sorted(node.attributes, key=lambda item: (not item[0].endswith("Id"), item[0]))
    return "".join(f' {name}="{_escape(value, attribute=True)}"' for name, value in ids_first)


def _bare(node: Node) -> str:
    attributes = _attributes_text(node)
    opened = f'<{node.name} xmlns="{NAMESPACE}"{attributes}'
    if node.text is not None:
        raw = node.name == "AttributeValue" and node.attribute("DataType") != STRING
        return f"{opened}>{node.text if raw else _escape(node.text)}</{node.name}>"
    if node.children or node.name in _NON_EMPTY:
        return f"{opened}>{''.join(map(_bare, node.children))}</{node.name}>"
    return f"{opened}/>"


# --- extending a policy in place ---------------------------------------------------------------------------------------


def add_packages(
    data: bytes, replacements: Mapping[str, Sequence[str]], *, remove_roles: bool = False
) -> bytes:
    """Name access packages beside the roles they replace, in every rule that permits; all else in the file stays as it is.

    An alternative that asks for more than the role (an AllOf with several matches) gets a twin that asks for the package and
    for the rest. Rules that deny are left alone: a package there would take access away.

    :param replacements: role code in lower case -> packages.
    :param remove_roles: take out the alternatives whose roles all got a package.
    :returns: the file with the additions; the same bytes when there is nothing to add.
    :raises XacmlError: the policy cannot be read.
    """
    from lxml import etree

    reader = _Reader(data)
    policy = reader.policy()
    rules = [element for element in reader.root if element.tag == f"{_XMLNS}Rule"]
    changed = False
    for element, rule in zip(rules, policy.rules, strict=True):
        if rule.effect != "Permit":
            continue
        present = {
            frozenset(map(fold, all_of)) for all_of in itertools.chain.from_iterable(rule.target or ())
        }
        for all_of in list(element.iterfind(f"{_XMLNS}Target/{_XMLNS}AnyOf/{_XMLNS}AllOf")):
            matches = reader.all_of(all_of)
            places = [
                (place, tuple(replacements[match.value.lower()]))
                for place, match in enumerate(matches)
                if (match.category, match.attribute_id) == (SUBJECT, ROLE_CODE)
                and match.value.lower() in replacements
            ]
            if not places:
                continue
            after = all_of
            for choice in itertools.product(*(packages for _place, packages in places)):
                wanted = list(matches)
                for (place, _packages), package in zip(places, choice, strict=True):
                    wanted[place] = Match(SUBJECT, ACCESS_PACKAGE, package)
                if frozenset(map(fold, wanted)) in present:
                    continue
                present.add(frozenset(map(fold, wanted)))
                after = _twin(
                    all_of, after, dict(zip((place for place, _packages in places), choice, strict=True))
                )
                changed = True
            if remove_roles:
                _take_out(all_of)
                changed = True
    if not changed:
        return data
    for element, number in reader.numbers.items():
        # Tags that were written apart stay apart: the registry tells <Apply/> from <Apply></Apply>.
        if not reader.layout.empty_tags[number] and element.text is None and not len(element):
            element.text = ""
    body = etree.tostring(reader.root.getroottree(), encoding="unicode")
    result = as_bytes(body if body.endswith("\n") else body + "\n")
    parse(result)
    return result


def _twin(all_of: etree._Element, after: etree._Element, packages: Mapping[int, str]) -> etree._Element:
    """Put a copy of an AllOf behind an element, with other subjects, indented like its siblings."""
    copy = deepcopy(all_of)
    matches = [child for child in copy if isinstance(child.tag, str)]
    for place, package in packages.items():
        match = matches[place]
        match.set("MatchId", EQUAL_IGNORE_CASE)
        value, designator = (child for child in match if isinstance(child.tag, str))
        for comment in list(value):
            value.remove(comment)
        value.text = package
        value.set("DataType", STRING)
        for name, text in (("AttributeId", ACCESS_PACKAGE), ("DataType", STRING), ("MustBePresent", "false")):
            designator.set(name, text)
    parent = after.getparent()
    if parent is None:
        raise XacmlError("an AllOf stands outside an AnyOf.")
    parent.insert(parent.index(after) + 1, copy)
    copy.tail = after.tail
    after.tail = parent.text
    return copy


def _take_out(all_of: etree._Element) -> None:
    parent = all_of.getparent()
    if parent is None:
        return
    before = all_of.getprevious()
    if before is not None and all_of.getnext() is None:
        before.tail = all_of.tail
    parent.remove(all_of)
    if not any(isinstance(child.tag, str) for child in parent):
        # Its package stands in another AnyOf of the same rule.
        _take_out(parent)
