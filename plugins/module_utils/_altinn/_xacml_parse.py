# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Reading a XACML file as strictly as Altinn's resource registry.

The registry answers a policy that its parser cannot read with status 500 and no reason. :func:`parse` is therefore at least
as strict as that parser (``XacmlParser`` in Altinn.Authorization.ABAC), so that what it lets through the registry lets
through, and whatever else is refused here with line and reason. A file is untrusted: its size is checked before anything
reads it, a streaming pass refuses document type declarations, entities and deep nesting before a tree is built, and nothing
is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

from .._dependencies import require
from ._xacml import (
    NAMESPACE,
    STRING,
    SUBJECT,
    WHITE,
    XMLNS,
    AllOf,
    AnyOf,
    Assignment,
    Match,
    Node,
    Obligation,
    Policy,
    Rule,
    XacmlError,
    assignment_node,
    build,
    escape,
    obligations_node,
    shown,
    value_node,
)

if TYPE_CHECKING:
    from lxml import etree

#: The largest policy that is read; the largest that Altinn itself publishes are a tenth of it.
LARGEST_POLICY: Final = 1024 * 1024
_DEEPEST: Final = 50
_MOST_ELEMENTS: Final = 20_000
_MOST_ATTRIBUTES: Final = 100
_MOST_NAMESPACES: Final = 1000

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
    return Reader(data).policy()


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


class Reader:
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
        if not tag.startswith(XMLNS):
            namespace, _brace, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
            where = f"the namespace {namespace[:100]}" if namespace else "no namespace"
            self.refuse(element, f"{local[:100]} has {where}; every element of a policy is in {NAMESPACE}.")
        return tag[len(XMLNS) :][:100]

    def children(self, element: etree._Element) -> _Children:
        """The child elements; text between them is refused."""
        texts = [element.text, *(child.tail for child in element)]
        if any(text and text.strip(WHITE) for text in texts) or self.numbers[element] in self.layout.cdata:
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
            self.refuse(element, f"{name} is not an identifier: {shown(value)}; write a URN.")
        return value

    def optional_uri(self, element: etree._Element, name: str) -> str:
        return self.uri(element, name) if element.get(name) else ""

    def effect(self, element: etree._Element, name: str) -> str:
        value = self.attribute(element, name)
        if value.lower() not in ("permit", "deny"):
            self.refuse(element, f"{name} is {shown(value)}; write Permit or Deny.")
        return value.capitalize()

    def truth(self, element: etree._Element, name: str) -> bool:
        value = self.attribute(element, name)
        if value not in ("true", "false", "1", "0"):
            self.refuse(element, f"{name} is {shown(value)}; write true or false.")
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
            self.refuse(root, f"Version is {shown(str(version))}; it needs a number, such as 1.0.")
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
            self.refuse(version, f"XPathVersion is {shown(text)}; write an absolute address.")
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
            self.refuse(element, f"AttributeId of a subject is {shown(attribute_id)}; write an absolute URN.")
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

        parts = [escape(element.text or "")]
        for child in element:
            copy = deepcopy(child)
            if isinstance(child.tag, str):
                etree.cleanup_namespaces(copy)
            parts.append(etree.tostring(copy, encoding="unicode", with_tail=True))
        return "".join(parts)

    def designator(self, element: etree._Element) -> Node:
        items = self.children(element)
        items.end()
        return build(
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
            extras=(*((obligations_node(obligations),) if obligations else ()), *advice),
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
                inside = tuple(assignment_node(assignment) for assignment in self.assignments(child))
                found.append(build("AdviceExpression", inside, **attributes))
            inner.end()
            advice = (build("AdviceExpressions", tuple(found)),)
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
            return build(name, FunctionId=self.uri(element, "FunctionId"))
        if name == "VariableReference":
            return build(name, VariableId=self.attribute(element, "VariableId"))
        return build(
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
        return build("Apply", tuple(arguments), FunctionId=self.uri(element, "FunctionId"))

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
        return build("VariableDefinition", (expression,), VariableId=self.attribute(element, "VariableId"))

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
            found.append(build("CombinerParameter", (value,), ParameterName=parameter))
        return build(name, tuple(found), **attributes)


class _Children:
    """Walks the child elements of an element in order."""

    def __init__(self, reader: Reader, element: etree._Element) -> None:
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
