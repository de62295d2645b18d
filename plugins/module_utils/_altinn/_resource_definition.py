# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""How a resource is declared: options, inline JSON or a JSON file, in the registry's shape of today or of its older guides.

The registry drops silently what it does not know, and older guides show members and shapes that it no longer knows. Here
they are converted where they have a meaning today; every one that has none is named in a note, since the server names none.

Source: Altinn's documentation of the resource registry (2023 and 2024) and its published server source.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .._errors import InputError
from ._resource_model import (
    ENUMERATIONS,
    FLAGS,
    LANGUAGE_MAPS,
    LANGUAGES,
    NESTED_OPTION_OF,
    OPTION_OF,
    SERVER_MANAGED,
    STRING_LISTS,
    TEXTS,
    enumerated,
)

#: Bytes; a resource is a few kilobytes.
LARGEST_FILE: Final = 1024 * 1024

#: Older member -> what took its place.
_RENAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "keyword": "keywords",
        "contactpoint": "contactPoints",
        "thematicarea": "thematicAreas",
        "resourcereference": "resourceReferences",
        "references": "resourceReferences",
    }
)
#: Older members without a meaning today.
_OBSOLETE: Final = frozenset(
    {"validfrom", "validto", "iscomplete", "ispublicservice", "sector", "mainlanguage", "type", "haspart", "usedby", "ownedby"}
)  # fmt: skip
_OLD_ACCESS_LIST_FLAG: Final = "limitedbyrrr"
#: Older member of a contact point, keyword or reference -> what took its place.
_RENAMED_WITHIN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "contactPoints": {"phone": "telephone", "mobile": "telephone", "url": "contactPage", "homepage": "contactPage"},
        "keywords": {"keyword": "word", "text": "word"},
        "resourceReferences": {"source": "referenceSource", "type": "referenceType", "value": "reference"},
    }
)  # fmt: skip
#: Spellings of the three languages that the registry does not count.
_LANGUAGE_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no": "nb", "nor": "nb", "nob": "nb", "nb-no": "nb", "no-nb": "nb", "no-no": "nb", "bokmål": "nb", "bokmal": "nb",
        "nno": "nn", "nn-no": "nn", "no-nn": "nn", "nynorsk": "nn",
        "eng": "en", "en-gb": "en", "en-us": "en", "en-en": "en", "engelsk": "en", "english": "en",
        # YAML 1.1 reads a bare "no" as false.
        "false": "nb",
    }
)  # fmt: skip


@dataclass
class Declaration:
    """What a declaration says of a resource.

    :ivar body: members under the registry's names and with its types; only what is declared.
    :ivar scopes: the shorthand: exactly these scope references, beside the other references; None when it is not used.
    :ivar notes: what was converted or ignored, each a sentence without the resource's name.
    :ivar problems: what cannot be right, each a clause that names member, item and rule.
    """

    body: dict[str, Any] = field(default_factory=dict)
    scopes: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def lay(self, other: Declaration) -> None:
        """Lay another declaration over this one: its members win, languages and parts of the owner one by one."""
        for member, value in other.body.items():
            mine = self.body.get(member)
            by_part = member in LANGUAGE_MAPS or member == "hasCompetentAuthority"
            if by_part and isinstance(mine, Mapping) and value:
                self.body[member] = {**mine, **value}
            else:
                self.body[member] = value
        if other.scopes is not None:
            self.scopes = other.scopes
        elif "resourceReferences" in other.body:
            self.scopes = None
        self.notes += other.notes
        self.problems += other.problems

    def members(self, live: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The managed members; the shorthand ``scopes`` is worked into the references that are declared, else the live ones."""
        if self.scopes is None:
            return dict(self.body)
        base = self.body.get("resourceReferences")
        if base is None:
            base = (live or {}).get("resourceReferences") or ()
        others = [reference for reference in base if reference.get("referenceType") != "MaskinportenScope"]
        named = {
            reference.get("reference"): reference
            for reference in base
            if reference.get("referenceType") == "MaskinportenScope"
        }
        references = [named.get(scope) or _scope_reference(scope) for scope in self.scopes]
        return {**self.body, "resourceReferences": [*others, *references]}


def _scope_reference(scope: str) -> dict[str, str]:
    return {"referenceSource": "Altinn3", "reference": scope, "referenceType": "MaskinportenScope"}


def read_layer(options: Mapping[str, Any], where: str) -> Declaration:
    """What one level of options declares: a JSON file (``path``) or inline JSON (``definition``), overridden by the options.

    :raises InputError: the file or JSON cannot be read; both are given.
    """
    if options.get("path") and options.get("definition") not in (None, ""):
        raise InputError(f"{where}: path and definition exclude each other; give one of them.")
    declaration = Declaration()
    if options.get("path"):
        declaration.lay(_from_json_object(_read_file(str(options["path"]), where, declaration)))
    elif options.get("definition") not in (None, ""):
        declaration.lay(_from_json_object(_read_inline(options["definition"], where, declaration)))
    overriding = Declaration()
    for member, option in OPTION_OF.items():
        if options.get(option) is not None:
            _bind(member, options[option], overriding)
    if options.get("scopes") is not None:
        overriding.scopes = list(dict.fromkeys(str(scope).strip() for scope in options["scopes"]))
        if not overriding.scopes:
            overriding.problems.append("scopes is empty; name at least one scope, or leave it out")
        for reference in overriding.body.get("resourceReferences") or ():
            name = reference.get("reference")
            if reference.get("referenceType") == "MaskinportenScope" and name not in overriding.scopes:
                overriding.problems.append(
                    f"resource_references names scope {name}, which scopes lacks; name it in both or give only one of them"
                )
    declaration.lay(overriding)
    return declaration


# -- reading ------------------------------------------------------------------------


def _read_file(path: str, where: str, notes: Declaration) -> Mapping[str, Any]:
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise InputError(
                f"{where}: {path} is larger than {LARGEST_FILE // 1024} KiB; a resource is a few."
            )
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{where}: path: cannot read {path} ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{where}: {path} is not UTF-8 text; save it as UTF-8.") from None
    return _read_text(text, f"{where}: {path}", notes)


def _read_inline(value: Any, where: str, notes: Declaration) -> Mapping[str, Any]:
    if isinstance(value, str):
        return _read_text(value, f"{where}: definition", notes)
    if isinstance(value, Mapping):
        return value
    raise InputError(
        f"{where}: definition is {_kind(value)}; it is one resource, an object or its JSON text."
    )


def _read_text(text: str, where: str, notes: Declaration) -> Mapping[str, Any]:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, value in pairs:
            if name in seen:
                notes.notes.append(f"the JSON names '{name}' twice in one object; the last one counts")
            seen[name] = value
        return seen

    try:
        value = json.loads(text, object_pairs_hook=members)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1].strip() if text.strip() else ""
        shown = f" at '{line[:60]}'" if line else ""
        raise InputError(
            f"{where}, line {error.lineno}, column {error.colno}: this is not JSON ({error.msg}){shown}. "
            "JSON has neither comments nor a comma after the last entry."
        ) from None
    except RecursionError:
        raise InputError(f"{where}: the JSON is nested too deeply for a resource.") from None
    if isinstance(value, Mapping):
        return value
    raise InputError(f"{where} holds {_kind(value)}; it is one resource, a JSON object.")


# -- binding --------------------------------------------------------------------------


def _from_json_object(given: Mapping[str, Any]) -> Declaration:
    """A resource in the registry's shape, of today or of older guides, member names in any case."""
    declaration = Declaration()
    known = {_key(member): member for member in OPTION_OF}
    present = {_key(str(name)) for name in given}
    for name, value in given.items():
        key = _key(str(name))
        if key in known:
            if value is not None:
                _bind(known[key], value, declaration, str(name))
        elif key in {_key(member) for member in SERVER_MANAGED}:
            continue
        elif key in _RENAMED:
            member = _RENAMED[key]
            if _key(member) in present:
                declaration.notes.append(
                    f"'{name}' is ignored: it is the old name of {member}, which is given too"
                )
            elif value not in (None, ""):
                declaration.notes.append(f"'{name}' is the old name of {member}; read as that")
                _bind(member, value, declaration, str(name))
            else:
                declaration.notes.append(f"'{name}' is ignored: it is the old name of {member}, and empty")
        elif key == _OLD_ACCESS_LIST_FLAG:
            _bind_old_access_list_flag(str(name), value, "accesslistmode" in present, declaration)
        elif key in _OBSOLETE:
            declaration.notes.append(
                f"'{name}' is ignored: the registry no longer knows this member and would drop it"
            )
        else:
            hint = difflib.get_close_matches(str(name), OPTION_OF, n=1)
            meant = f"; did you mean {hint[0]}?" if hint else ""
            declaration.notes.append(
                f"'{name}' is ignored: the registry does not know this member and would drop it{meant}"
            )
    return declaration


def _bind_old_access_list_flag(name: str, value: Any, overruled: bool, declaration: Declaration) -> None:
    if value is True and not overruled:
        declaration.notes.append(f"'{name}: true' is the old form of accessListMode: Enabled; read as that")
        declaration.body["accessListMode"] = "Enabled"
        return
    declaration.notes.append(
        f"'{name}' is ignored: the registry no longer knows this member and would drop it; accessListMode took its place, "
        "and is Disabled for a new resource"
    )


def _key(name: str) -> str:
    return name.lower().replace("_", "")


def _bind(member: str, value: Any, declaration: Declaration, name: str | None = None) -> None:
    """Take one member in, converted to the registry's type; what cannot be is a problem."""
    option = OPTION_OF[member] if name is None else name
    if _holds_nul(value):
        declaration.problems.append(f"{option} holds the character U+0000, which the registry cannot store")
        return
    binder = _BINDERS.get(member)
    if binder is None:
        binder = _binder_of_kind(member)
    bound = binder(member, option, value, declaration)
    if bound is not None:
        declaration.body[member] = bound


def _binder_of_kind(member: str) -> Callable[[str, str, Any, Declaration], Any]:
    if member in LANGUAGE_MAPS:
        return _languages
    if member in FLAGS:
        return _flag
    if member in TEXTS:
        return _text
    if member in STRING_LISTS:
        return _texts
    return _enumeration if member in ENUMERATIONS else _objects


def _text(member: str, option: str, value: Any, declaration: Declaration) -> str | None:
    if isinstance(value, str):
        return value
    quoting = "; put it in quotes" if isinstance(value, (int, float)) else ""
    declaration.problems.append(f"{option} is {_kind(value)} ({_shown(value)}); it is a text{quoting}")
    return None


def _flag(member: str, option: str, value: Any, declaration: Declaration) -> bool | None:
    if isinstance(value, bool):
        return value
    declaration.problems.append(f"{option} is {_kind(value)} ({_shown(value)}); it is true or false")
    return None


def _enumeration(member: str, option: str, value: Any, declaration: Declaration) -> str | None:
    found = enumerated(member, value)
    if found is None:
        declaration.problems.append(
            f"{option} '{_shown(value)}' does not exist; it is one of {', '.join(ENUMERATIONS[member])}"
        )
    return found


def _enumerations(member: str, option: str, value: Any, declaration: Declaration) -> list[str] | None:
    if not isinstance(value, list):
        declaration.problems.append(
            f"{option} is {_kind(value)}; it is a list of {', '.join(ENUMERATIONS[member])}"
        )
        return None
    bound = []
    for index, entry in enumerate(value):
        found = _enumeration(member, f"{option}[{index}]", entry, declaration)
        if found is not None:
            bound.append(found)
    return bound


def _texts(member: str, option: str, value: Any, declaration: Declaration) -> list[str] | None:
    if isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, list):
        declaration.problems.append(f"{option} is {_kind(value)}; it is a list of texts")
        return None
    bound = []
    for index, entry in enumerate(value):
        text = _text(member, f"{option}[{index}]", entry, declaration)
        if text is not None:
            bound.append(text)
    return bound


def _languages(member: str, option: str, value: Any, declaration: Declaration) -> dict[str, str] | None:
    """A text per language; also from the older list of ``{language, text}`` objects, whose text has several names."""
    if isinstance(value, list):
        pairs = _pairs_of_list(member, option, value, declaration)
        if value:
            declaration.notes.append(
                f"'{option}' is a list of languages, an old form; read as one text per language"
            )
    elif isinstance(value, Mapping):
        pairs = [(str(language), text) for language, text in value.items()]
    else:
        declaration.problems.append(
            f"{option} is {_kind(value)} ({_shown(value)}); it has a text for each of nb, nn and en"
        )
        return None
    bound: dict[str, str] = {}
    exact = {language for language, text in pairs if language in LANGUAGES}
    for language, text in pairs:
        read_as = _language(language)
        if read_as != language:
            shown = "no" if language.lower() == "false" else language
            if read_as in exact:
                declaration.notes.append(
                    f"'{option}.{shown}' is ignored: {read_as} is given too, and the registry counts only nb, nn and en"
                )
                continue
            declaration.notes.append(
                f"'{option}.{shown}' is read as {read_as}; the registry counts only nb, nn and en"
            )
        if text is None:
            continue
        bound_text = _text(member, f"{option}.{read_as}", text, declaration)
        if bound_text is not None:
            bound[read_as] = bound_text
    return bound


def _pairs_of_list(
    member: str, option: str, value: list[Any], declaration: Declaration
) -> list[tuple[str, Any]]:
    pairs = []
    for index, entry in enumerate(value):
        texts = (
            [
                entry[key]
                for key in entry
                if _key(str(key)) in ("text", "value", _key(member), "title", "description")
            ]
            if isinstance(entry, Mapping)
            else []
        )
        language = (
            next((entry[key] for key in entry if _key(str(key)) == "language"), None) if texts else None
        )
        if language is None or len(texts) != 1:
            declaration.problems.append(
                f"{option}[{index}] is not {{language, text}}; better give {option} as one text per language (nb, nn, en)"
            )
            continue
        pairs.append((str(language), texts[0]))
    return pairs


def _language(name: str) -> str:
    lowered = name.strip().lower().replace("_", "-")
    return lowered if lowered in LANGUAGES else _LANGUAGE_SPELLINGS.get(lowered, name)


def _objects(member: str, option: str, value: Any, declaration: Declaration) -> list[dict[str, Any]] | None:
    """A list of objects: contact points, references, keywords, attributes; one object alone is a list of one."""
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        declaration.problems.append(f"{option} is {_kind(value)}; it is a list of {_members_of(member)}")
        return None
    bound = []
    for index, entry in enumerate(value):
        where = f"{option}[{index}]"
        if isinstance(entry, str) and member == "keywords":
            entry = {"word": entry}
        if not isinstance(entry, Mapping):
            declaration.problems.append(f"{where} is {_kind(entry)}; it has {_members_of(member)}")
            continue
        parts = _parts(member, where, entry, declaration)
        if member == "contactPoints" and not any(parts.values()):
            declaration.notes.append(
                f"'{where}' says nothing; a contact point has at least one of {_members_of(member)}"
            )
        bound.append(parts)
    return bound


def _members_of(member: str) -> str:
    return ", ".join(NESTED_OPTION_OF[member])


def _parts(member: str, where: str, entry: Mapping[str, Any], declaration: Declaration) -> dict[str, Any]:
    """The members of an object within a resource."""
    known = {_key(name): name for name in NESTED_OPTION_OF[member]}
    renamed = _RENAMED_WITHIN.get(member, {})
    present = {_key(str(name)) for name in entry}
    bound: dict[str, Any] = {}
    for name, value in entry.items():
        key = _key(str(name))
        part = known.get(key)
        if part is None and key in renamed and _key(renamed[key]) not in present:
            part = renamed[key]
            declaration.notes.append(f"'{where}.{name}' is the old name of {part}; read as that")
        if part is None:
            declaration.notes.append(
                f"'{where}.{name}' is ignored: the registry does not know this member and would drop it"
            )
            continue
        if value is None:
            continue
        found: Any
        if part in ENUMERATIONS:
            found = _enumeration(part, f"{where}.{name}", value, declaration)
        elif part == "name":
            found = _languages(part, f"{where}.{name}", value, declaration)
        else:
            found = _text(part, f"{where}.{name}", value, declaration)
        if found is not None:
            bound[part] = found
    return bound


def _owner(member: str, option: str, value: Any, declaration: Declaration) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        declaration.problems.append(f"{option} is {_kind(value)}; it has {_members_of(member)}")
        return None
    parts = _parts(member, option, value, declaration)
    number = str(parts.get("organization") or "").strip()
    if number:
        from .._organization_number import OrganizationNumberError, normalize

        try:
            parts["organization"] = normalize(number)
        except OrganizationNumberError as error:
            declaration.problems.append(f"{option}.organization: {str(error).rstrip('.')}")
    # Empty says as little as absent: the owner is filled in.
    return {name: part for name, part in parts.items() if part not in ("", {})}


def _consent_metadata(
    member: str, option: str, value: Any, declaration: Declaration
) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        declaration.problems.append(
            f"{option} is {_kind(value)}; it has an entry {{optional: true or false}} for each name"
        )
        return None
    bound = {}
    for name, entry in value.items():
        flag = entry
        if isinstance(entry, Mapping):
            flag = next((entry[key] for key in entry if _key(str(key)) == "optional"), False)
        elif entry is None:
            flag = False
        if isinstance(flag, bool):
            bound[str(name)] = {"optional": flag}
        else:
            declaration.problems.append(
                f"{option}.{name} is '{_shown(flag)}'; it is {{optional: true or false}}"
            )
    return bound


_BINDERS: Final[Mapping[str, Callable[[str, str, Any, Declaration], Any]]] = MappingProxyType(
    {
        "availableForType": _enumerations,
        "hasCompetentAuthority": _owner,
        "consentMetadata": _consent_metadata,
    }
)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any("\0" in str(name) or _holds_nul(entry) for name, entry in value.items())
    if isinstance(value, list):
        return any(_holds_nul(entry) for entry in value)
    return isinstance(value, str) and "\0" in value


def _kind(value: Any) -> str:
    for kinds, word in (
        (bool, "a truth value"),
        ((int, float), "a number"),
        (str, "a text"),
        (list, "a list"),
        (Mapping, "an object"),
    ):
        if isinstance(value, kinds):
            return word
    return "null" if value is None else type(value).__name__


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else text[:37] + "..."
