# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Writing policies as XACML files, and adding to a file without touching the rest of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Final

from ._xacml import (
    ACCESS_PACKAGE,
    EQUAL_IGNORE_CASE,
    NAMESPACE,
    ROLE_CODE,
    STRING,
    SUBJECT,
    XMLNS,
    AnyOf,
    Match,
    Node,
    Policy,
    XacmlError,
    build,
    escape,
    fold,
    obligations_node,
    value_node,
)
from ._xacml_parse import Reader, as_bytes, parse

if TYPE_CHECKING:
    from lxml import etree

_NON_EMPTY: Final = frozenset({"Apply", "ObligationExpression", "AdviceExpression", "CombinerParameters",
                               "RuleCombinerParameters", "Rule"})  # fmt: skip


def write(policy: Policy) -> bytes:
    """A policy as a UTF-8 file: what Altinn Studio writes, two spaces a level, an empty Target as an empty tag.

    :raises XacmlError: a value holds a character that XML cannot carry.
    """
    return ("\n".join(['<?xml version="1.0" encoding="utf-8"?>', *_policy_lines(policy)]) + "\n").encode()


def _policy_lines(policy: Policy) -> Iterator[str]:
    attributes = f' xmlns:xacml="{NAMESPACE}" PolicyId="{escape(policy.policy_id, attribute=True)}"'
    if policy.version is not None:
        attributes += f' Version="{escape(policy.version, attribute=True)}"'
    attributes += f' RuleCombiningAlgId="{escape(policy.algorithm, attribute=True)}"'
    yield f"<xacml:Policy{attributes}>"
    yield from _description_lines(policy.description, 1)
    for node in policy.leading:
        yield from _node_lines(node, 1)
    yield from _target_lines(policy.target, 1)
    for node in (*policy.parameters, *policy.variables):
        yield from _node_lines(node, 1)
    for rule in policy.rules:
        rule_id = escape(rule.rule_id, attribute=True)
        yield f'  <xacml:Rule RuleId="{rule_id}" Effect="{rule.effect}">'
        yield from _description_lines(rule.description, 2)
        if rule.target is not None:
            yield from _target_lines(rule.target, 2)
        if rule.condition is not None:
            yield from _node_lines(build("Condition", (rule.condition,)), 2)
        for node in rule.extras:
            yield from _node_lines(node, 2)
        yield "  </xacml:Rule>"
    if policy.obligations:
        yield from _node_lines(obligations_node(policy.obligations), 1)
    for node in policy.trailing:
        yield from _node_lines(node, 1)
    yield "</xacml:Policy>"


def _description_lines(description: str | None, depth: int) -> Iterator[str]:
    if description is not None:
        yield f"{'  ' * depth}<xacml:Description>{escape(description)}</xacml:Description>"


def _target_lines(target: Sequence[AnyOf], depth: int) -> Iterator[str]:
    if not target:
        yield f"{'  ' * depth}<xacml:Target/>"
        return
    yield from _node_lines(
        build(
            "Target",
            tuple(
                build("AnyOf", tuple(build("AllOf", tuple(map(_match_node, all_of))) for all_of in any_of))
                for any_of in target
            ),
        ),
        depth,
    )


def _match_node(match: Match) -> Node:
    designator = build(
        "AttributeDesignator",
        AttributeId=match.attribute_id,
        Category=match.category,
        DataType=match.data_type,
        MustBePresent="true" if match.must_be_present else "false",
    )
    return build("Match", (value_node(match.value_type, match.value), designator), MatchId=match.function)


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
        yield f"{opened}>{node.text if raw else escape(node.text)}</xacml:{node.name}>"
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
    return "".join(f' {name}="{escape(value, attribute=True)}"' for name, value in ids_first)


def _bare(node: Node) -> str:
    attributes = _attributes_text(node)
    opened = f'<{node.name} xmlns="{NAMESPACE}"{attributes}'
    if node.text is not None:
        raw = node.name == "AttributeValue" and node.attribute("DataType") != STRING
        return f"{opened}>{node.text if raw else escape(node.text)}</{node.name}>"
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

    reader = Reader(data)
    policy = reader.policy()
    rules = [element for element in reader.root if element.tag == f"{XMLNS}Rule"]
    changed = False
    for element, rule in zip(rules, policy.rules, strict=True):
        if rule.effect != "Permit":
            continue
        present = {
            frozenset(map(fold, all_of)) for all_of in itertools.chain.from_iterable(rule.target or ())
        }
        for all_of in list(element.iterfind(f"{XMLNS}Target/{XMLNS}AnyOf/{XMLNS}AllOf")):
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
