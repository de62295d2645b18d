# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two environments of one provider: scopes and resources field by field, policies by what they mean.

Consumers are each environment's own by design, so they are no difference; a synthetic number in production is an error, and who
has access in test alone is told as information.
This module is private to the collection.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _organization_number as numbers
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _policies
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml as xacml
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn import _xacml_parse as xacml_parse
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_model import (
    LANGUAGE_MAPS,
    NESTED_OPTION_OF,
    OPTION_OF,
    same_member,
    scopes_of,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._consumer_file import (
    read_consumers,
    rows_from_values,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import ENVIRONMENTS
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten import _scopes
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import full_name

from ._live import delegation_of

KINDS: Final = ("scope", "resource", "policy")
#: The field of a row that says whether the object is there at all.
EXISTS: Final = "exists"
_EXCEPTION_KEYS: Final = ("kind", "name", "field", "covers", "reason")
_COVERS: Final = ("all", "values")
_NAME_FIELDS: Final = ("name", "prefix", "subscope")
_YES_NO: Final = {True: "yes", False: "no"}


class Exceptions:
    """Differences that are meant.

    :param declared: each with ``kind``, ``name`` and ``field`` (patterns with ``*``; left out, they match everything), ``covers``
        (``all``, or ``values``: only where both environments have a value) and ``reason``.
    :raises InputError: one that cannot be right.
    """

    def __init__(self, declared: Iterable[Mapping[str, Any]]) -> None:
        self._declared = list(declared)
        for index, entry in enumerate(self._declared):
            where = f"provider_compare_exceptions[{index}]"
            if not isinstance(entry, Mapping):
                raise InputError(f"{where}: an exception is a mapping with kind, name, field and reason.")
            for key in entry:
                if key not in _EXCEPTION_KEYS:
                    close = difflib.get_close_matches(str(key), _EXCEPTION_KEYS, n=1)
                    hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(_EXCEPTION_KEYS)}."
                    raise InputError(f"{where}: {key} is unknown; {hint}")
            if entry.get("kind") not in (None, "*", *KINDS):
                raise InputError(f"{where}: kind '{entry['kind']}' is not one of {', '.join(KINDS)}.")
            if entry.get("covers") not in (None, *_COVERS):
                raise InputError(f"{where}: covers '{entry['covers']}' is not one of {', '.join(_COVERS)}.")
            if not set(entry) & {"kind", "name", "field"}:
                raise InputError(f"{where}: would except everything; say kind, name or field.")

    def reason(self, row: Mapping[str, Any]) -> str | None:
        """Why the row is meant, or None."""
        for entry in self._declared:
            if entry.get("covers") == "values" and "" in (row["from"], row["to"]):
                continue
            if all(
                fnmatchcase(str(row[key]), str(entry.get(key) or "*")) for key in ("kind", "name", "field")
            ):
                return str(entry.get("reason") or "declared exception")
        return None


def compare(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    exceptions: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Everything that differs between two environments.

    :param first: ``environment`` (test, prod or sandbox), ``name`` (as people call it), and what was read there: ``scopes``,
        ``accesses``, ``resources``, ``policies`` as the ``_info`` modules return them, None or absent for what was not read;
        ``altinn_issuer``; ``declared``: the lists of consumers declared for it, with ``scope`` and ``consumers`` or
        ``consumers_file``.
    :returns: ``rows`` (``kind``, ``name``, ``field``, ``from``, ``to``), ``excepted`` (likewise, with ``reason``), ``errors`` and
        ``information`` (``scope``, ``message``), ``summary`` (counts) and ``headline``.
    :raises InputError: an exception or an environment that cannot be right; a declared list that cannot be read.
    """
    for side in (first, second):
        if side.get("environment") not in ENVIRONMENTS:
            raise InputError(
                f"{side.get('name')}: environment '{side.get('environment')}' is unknown; it is one of {', '.join(ENVIRONMENTS)}."
            )
    meant = Exceptions(exceptions)
    rows: list[dict[str, Any]] = []
    excepted: list[dict[str, Any]] = []
    for row in [*_scope_rows(first, second), *_resource_rows(first, second), *_policy_rows(first, second)]:
        reason = meant.reason(row)
        if reason is None:
            rows.append(row)
        else:
            excepted.append({**row, "reason": reason})
    errors = [error for side in (first, second) for error in _errors(side)]
    information = list(_information(first, second))
    compared = {
        kind: len({name for side in (first, second) for name in _keys(side, kind)})
        for kind in ("scopes", "resources", "policies")
    }
    summary = {**compared, "differences": len(rows), "excepted": len(excepted), "errors": len(errors)}
    return {
        "from": first.get("name"),
        "to": second.get("name"),
        "rows": rows,
        "excepted": excepted,
        "errors": errors,
        "information": information,
        "summary": summary,
        "headline": (
            f"{compared['scopes']} scopes, {compared['resources']} resources and {compared['policies']} policies compared: "
            f"{_count(len(rows), 'difference')}, {_count(len(excepted), 'exception')}, {_count(len(errors), 'error')}."
        ),
    }


def _keys(side: Mapping[str, Any], kind: str) -> set[str]:
    if kind == "scopes":
        return {full_name(scope) for scope in side.get("scopes") or ()}
    return {str(entry.get("identifier") or entry.get("resource")) for entry in side.get(kind) or ()}


def _row(kind: str, name: str, field: str, one: Any, other: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, "field": field, "from": _text(one), "to": _text(other)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _YES_NO[value]
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(entry)}" for key, entry in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join(sorted(map(_text, value)))
    return str(value)


def _read_in_both(first: Mapping[str, Any], second: Mapping[str, Any], what: str) -> bool:
    return first.get(what) is not None and second.get(what) is not None


# -- scopes -------------------------------------------------------------------------------------


def _scope_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not _read_in_both(first, second, "scopes"):
        return
    ours, theirs = _scopes_of_side(first), _scopes_of_side(second)
    for name in sorted({*ours, *theirs}):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            # One that is deactivated here and was never there is the same to everybody.
            if (one or other or {}).get("active", True):
                yield _row("scope", name, EXISTS, one is not None, other is not None)
            continue
        fields = [*one, *(field for field in other if field not in one)]
        for field in fields:
            if field in _NAME_FIELDS:
                continue
            if field == "active":
                if bool(one.get(field, True)) != bool(other.get(field, True)):
                    yield _row("scope", name, field, bool(one.get(field, True)), bool(other.get(field, True)))
            elif not _scopes.same_field(field, one.get(field), other.get(field)):
                yield _row("scope", name, field, one.get(field), other.get(field))


def _scopes_of_side(side: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for scope in side["scopes"]:
        source = delegation_of(scope, str(side["environment"]), side.get("altinn_issuer"))
        found[full_name(scope)] = {**scope, **({"delegation_source": source} if source else {})}
    return found


# -- resources ----------------------------------------------------------------------------------


def _resource_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not _read_in_both(first, second, "resources"):
        return
    ours, theirs = ({str(body["identifier"]): body for body in side["resources"]} for side in (first, second))
    for name in sorted({*ours, *theirs}):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None:
            yield _row("resource", name, EXISTS, one is not None, other is not None)
            continue
        members = [member for member in OPTION_OF if member in one or member in other]
        members += sorted({*one, *other} - set(OPTION_OF))
        for member in members:
            if member != "identifier":
                yield from _member_rows(name, member, one.get(member), other.get(member))


def _member_rows(name: str, member: str, one: Any, other: Any) -> Iterator[dict[str, Any]]:
    """A row for each part of a member that differs, or one for the whole where no part tells."""
    same = same_member(member, one, other, name)
    if member == "hasCompetentAuthority":
        # Of the owner only what is asked for is compared, so both are asked.
        same = same and same_member(member, other, one, name)
    if same:
        return
    option = OPTION_OF.get(member, member)
    parts = _parts(member, option, one), _parts(member, option, other)
    differing = [
        field for field in dict.fromkeys([*parts[0], *parts[1]]) if parts[0].get(field) != parts[1].get(field)
    ]
    if not differing:
        yield _row("resource", name, option, one, other)
    for field in differing:
        yield _row("resource", name, field, parts[0].get(field), parts[1].get(field))


def _parts(member: str, option: str, value: Any) -> dict[str, Any]:
    """A member taken apart: languages, members of objects, and of lists of objects the values of each member."""
    if member in LANGUAGE_MAPS and isinstance(value, Mapping):
        return {f"{option}.{language}": text for language, text in value.items()}
    if member == "resourceReferences":
        return _reference_parts(value or ())
    names = NESTED_OPTION_OF.get(member, {})
    if isinstance(value, Mapping):
        # The case of an owner's code means nothing.
        return {
            f"{option}.{names.get(part, part)}": str(entry).lower() if part == "orgcode" else entry
            for part, entry in value.items()
        }
    if isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        parts: dict[str, list[Any]] = {}
        for entry in value:
            for part, text in entry.items() if isinstance(entry, Mapping) else ():
                if text not in (None, ""):
                    parts.setdefault(f"{option}.{names.get(part, part)}", []).append(text)
        return {field: sorted(map(str, texts)) for field, texts in parts.items()}
    return {option: value} if value not in (None, "", [], {}) else {}


def _reference_parts(references: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    others = [
        f"{entry.get('referenceType')} {entry.get('reference')} ({entry.get('referenceSource')})"
        for entry in references
        if entry.get("referenceType") != "MaskinportenScope"
    ]
    parts: dict[str, Any] = {"scopes": sorted(scopes_of({"resourceReferences": references}))}
    if others:
        parts["resource_references"] = sorted(others)
    return parts


# -- policies -----------------------------------------------------------------------------------


def _policy_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not _read_in_both(first, second, "policies"):
        return
    ours, theirs = (
        {str(entry["resource"]): entry for entry in side["policies"] if entry.get("exists", True)}
        for side in (first, second)
    )
    # A policy whose resource is missing is told by the resource.
    for name in sorted({*ours} & {*theirs}):
        one, other = ours[name], theirs[name]
        if bool(one.get("has_policy")) != bool(other.get("has_policy")):
            yield _row("policy", name, EXISTS, bool(one.get("has_policy")), bool(other.get("has_policy")))
        elif one.get("has_policy"):
            yield from _rule_rows(name, str(one.get("policy") or ""), str(other.get("policy") or ""))


def _rule_rows(name: str, one: str, other: str) -> Iterator[dict[str, Any]]:
    if one == other:
        return
    read = []
    for text in (one, other):
        try:
            read.append(xacml_parse.parse(text.encode()))
        except xacml.XacmlError as error:
            read.append(f"cannot be read: {error}")
    if isinstance(read[0], str) or isinstance(read[1], str):
        told = [entry if isinstance(entry, str) else "can be read" for entry in read]
        yield _row("policy", name, "text", *told)
        return
    if xacml.meaning(read[0]) == xacml.meaning(read[1]):
        return
    ours, theirs = _policies.lines(read[0]), _policies.lines(read[1])
    for line in ours:
        if line not in theirs:
            yield _row("policy", name, "rule", line, "")
    for line in theirs:
        if line not in ours:
            yield _row("policy", name, "rule", "", line)
    if set(ours) == set(theirs):
        yield _row("policy", name, "text", "means something else", "means something else")


# -- consumers ----------------------------------------------------------------------------------


def _holders(side: Mapping[str, Any]) -> dict[str, dict[str, str | None]]:
    """Scope -> number -> name of those who have access."""
    found: dict[str, dict[str, str | None]] = {}
    for access in side.get("accesses") or ():
        if access.get("state") == "APPROVED":
            found.setdefault(str(access["scope"]), {})[str(access["organization_number"])] = access.get(
                "name"
            )
    return found


def _errors(side: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Synthetic organisations in production: in force, or in a list that is declared for it."""
    if side.get("environment") != "prod":
        return
    for scope, holders in sorted(_holders(side).items()):
        for number in sorted(holders):
            if numbers.is_valid(number) and numbers.is_synthetic(number):
                yield {
                    "scope": scope,
                    "message": f"{number} is synthetic and has access in {side.get('name')}",
                }
    for grant in side.get("declared") or ():
        for place, number in _declared_numbers(grant):
            if numbers.is_synthetic(number):
                yield {
                    "scope": str(grant.get("scope")),
                    "message": f"{place}: {number} is synthetic, in a list for production",
                }


def _declared_numbers(grant: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where each number of a declared list stands, and the number."""
    if grant.get("consumers_file"):
        listed = read_consumers(str(grant["consumers_file"]), sheet=grant.get("sheet"))
    else:
        listed = rows_from_values(grant.get("consumers") or ())
    for row in listed.rows:
        if row.organization_number:
            yield f"{listed.source}, line {row.line}", row.organization_number


def _information(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Who has access in the one and not in the other; synthetic ones can't have it in production and are only counted."""
    if not _read_in_both(first, second, "accesses"):
        return
    ours, theirs = _holders(first), _holders(second)
    for scope in sorted({*ours, *theirs}):
        one, other = ours.get(scope, {}), theirs.get(scope, {})
        text = f"{_count(len(one), 'consumer')} in {first.get('name')}, {len(other)} in {second.get('name')}"
        missing = [number for number in sorted(one) if number not in other]
        real = [number for number in missing if not numbers.is_synthetic(number)]
        if second.get("environment") != "prod":
            real = missing
        if real:
            named = ", ".join(f"{number} {one[number] or ''}".strip() for number in real[:10])
            more = f" and {len(real) - 10} more" if len(real) > 10 else ""
            text += f"; not in {second.get('name')}: {named}{more}"
        if len(missing) > len(real):
            text += f"; {len(missing) - len(real)} of those in {first.get('name')} are synthetic"
        if one or other:
            yield {"scope": scope, "message": text}


def as_markdown(result: Mapping[str, Any]) -> str:
    """The result as a page of a wiki or a pull request."""
    lines = [f"# {result['from']} and {result['to']}", "", str(result["headline"]), ""]
    if result["errors"]:
        lines += [
            "## Errors",
            "",
            *(f"- {error['scope']}: {error['message']}" for error in result["errors"]),
            "",
        ]
    for title, rows in (("Differences", result["rows"]), ("Exceptions", result["excepted"])):
        if not rows:
            continue
        head = ["Kind", "Name", "Field", str(result["from"]), str(result["to"])]
        keys = ["kind", "name", "field", "from", "to"]
        if title == "Exceptions":
            head, keys = [*head, "Reason"], [*keys, "reason"]
        lines += [f"## {title}", "", _line(head), _line(["---"] * len(head))]
        lines += [_line([str(row[key]) for key in keys]) for row in rows]
        lines.append("")
    if result["information"]:
        lines += ["## Consumers", ""]
        lines += [f"- {entry['scope']}: {entry['message']}" for entry in result["information"]]
        lines.append("")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    escaped = (" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
