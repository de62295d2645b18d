# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of APIs: read from a list or from files, checked, laid over their defaults, and turned into module options.

What a section may hold is taken from the argument specs of the modules themselves, so a declaration, its JSON Schema and the
modules cannot drift apart.
This module is private to the collection.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._access_lists import (
    access_list_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._policies import (
    GOES_WITH,
    SOURCES,
    policy_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_model import (
    resource_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import ENVIRONMENT_NAMES
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._access import grant_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._clients import (
    client_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._key_material import (
    KEY_SIZES,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import (
    scope_name,
    scope_options,
)

#: Options that the declaration of an API derives or that make no sense in it, by section.
_NOT_DECLARED: Final = {
    "scope": (),
    "resource": (),
    "policy": ("resource",),
    "consumers": ("scope",),
    "access_list": (),
    "client": (),
}
#: The key of a declared client, a few options of maskinporten_client_key.
_KEY_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "path": {"type": "path"},
    "kid": {"type": "str"},
    "size": {"type": "int", "choices": list(KEY_SIZES)},
    "renew_before_days": {"type": "int"},
}
#: Options of a section of which the module takes one: who says one of them does not want what lies below say another.
_ONE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "policy": (*SOURCES, "file"),
    "consumers": ("list", "consumers", "file", "consumers_file"),
    "access_list": ("members", "members_file"),
}
_API_TEXTS: Final = ("name", "documentation_url", "contact", "note")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")


def section_specs() -> dict[str, dict[str, Any]]:
    """Section of a declaration -> argument spec of what it may hold."""
    consumers = grant_options()
    specs = {
        "scope": scope_options(),
        "resource": resource_options(),
        "policy": policy_options(),
        "consumers": {
            **consumers,
            "file": {"type": "path"},
            "list": {"type": "list", "elements": "raw"},
        },
        "access_list": access_list_options(),
        "client": {
            **client_options(),
            "key": {"type": "dict", "options": _KEY_OPTIONS},
            "use_for_altinn": {"type": "bool"},
        },
    }
    return {
        section: {option: spec for option, spec in options.items() if option not in _NOT_DECLARED[section]}
        for section, options in specs.items()
    }


class Declared:
    """One API as it was written, with where it stands.

    :ivar where: for messages, e.g. ``apis/cases.yml, line 3``.
    :ivar folder: what relative paths in it are relative to, or None.
    """

    def __init__(
        self, api: Mapping[str, Any], where: str, folder: Path | None, lines: Mapping[str, int]
    ) -> None:
        self.api = api
        self.where = where
        self.folder = folder
        self._lines = lines

    def at(self, *path: str) -> str:
        """Where a key stands, as exactly as can be told."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(".".join(path[:length]))
            if line:
                return f"{self.where.partition(', line ')[0]}, line {line}"
        return self.where


def read_declarations(
    apis: Sequence[Any] | None, files: Iterable[str] = (), *, base_dir: str | None = None
) -> list[Declared]:
    """Every declared API, from a list (an inventory variable) and from files.

    A file holds one API, a list of them, or a mapping with the key ``provider_apis``.

    :raises InputError: a file that cannot be read, or that holds something else.
    """
    declared = [
        Declared(
            _mapping(api, f"provider_apis[{index}]"),
            _label(api, index),
            Path(base_dir) if base_dir else None,
            {},
        )
        for index, api in enumerate(apis or ())
    ]
    for name in files:
        declared.extend(_read_file(Path(name)))
    return declared


def _label(api: Any, index: int) -> str:
    name = api.get("name") if isinstance(api, Mapping) else None
    return f"provider_apis[{index}]" + (f" ({name})" if name else "")


def _read_file(path: Path) -> list[Declared]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text.") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{place}: is not YAML ({getattr(error, 'problem', None) or error})."
        ) from None
    if isinstance(content, Mapping) and "provider_apis" in content:
        content = content["provider_apis"]
        root = next(value for key, value in root.value if key.value == "provider_apis")  # type: ignore[union-attr]
    entries, nodes = (
        ([content], [root]) if isinstance(content, Mapping) else (content, getattr(root, "value", []))
    )
    if not isinstance(entries, list):
        raise InputError(f"{path}: holds no API; write one mapping with name and scope, or a list of them.")
    declared = []
    for entry, node in zip(entries, nodes, strict=True):
        where = f"{path}, line {node.start_mark.line + 1}"
        api = _mapping(entry, where)
        _refuse_templates(api, where)
        declared.append(Declared(api, where, path.parent, dict(_lines(node))))
    return declared


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: an API is a mapping with name and scope, not {_kind(value)}.")
    return value


def _lines(node: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[str, int]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        yield ".".join(here), key.start_mark.line + 1
        yield from _lines(value, here)


def _refuse_templates(value: Any, where: str) -> None:
    if isinstance(value, str) and "{{" in value:
        raise InputError(
            f"{where}: holds a template ({value[:40]}); a file of declarations is plain data. Put values that differ between "
            "environments under environments, or declare this API in the inventory's provider_apis."
        )
    for entry in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        _refuse_templates(entry, where)


# -- one environment ----------------------------------------------------------------


def resolve(
    declared: Sequence[Declared],
    environment: str,
    defaults: Mapping[str, Any] | None = None,
    clients: Sequence[Any] = (),
) -> dict[str, list[dict[str, Any]]]:
    """What to hand to the modules in one environment: a list of options per module, and the APIs in short.

    :param defaults: sections that lie under every API's own.
    :param clients: clients that belong to no API, above all the one with Altinn's scopes.
    :returns: ``apis``, ``scopes``, ``resources``, ``policies``, ``grants``, ``access_lists``, ``clients`` and ``client_keys``.
    :raises InputError: an API that cannot be right, named with its file, line and key.
    """
    if environment not in ENVIRONMENT_NAMES:
        raise InputError(
            f"maskinporten_environment: '{environment}' is unknown; it is one of {', '.join(ENVIRONMENT_NAMES)}."
        )
    specs = section_specs()
    _check_sections(Declared(defaults or {}, "provider_defaults", None, {}), defaults or {}, specs, ())
    plan: dict[str, list[dict[str, Any]]] = {
        key: [] for key in (
            "apis", "scopes", "resources", "policies", "grants", "access_lists", "clients", "client_keys",
        )
    }  # fmt: skip
    for index, client in enumerate(clients):
        entry = Declared({}, f"provider_clients[{index}]", None, {})
        _check_section(entry, client, specs["client"], ("client",))
        _add_client(plan, client, entry)
    seen: dict[str, str] = {}
    for entry in declared:
        api = _resolve_one(entry, environment, defaults or {}, specs)
        name = api["name"]
        if name in seen:
            raise InputError(
                f"{entry.at('name')}: API '{name}' is declared twice; {seen[name]} declares it already."
            )
        seen[name] = entry.where
        _add(plan, api, entry)
    return plan


def _resolve_one(
    entry: Declared, environment: str, defaults: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    api = entry.api
    _check_sections(entry, api, specs, ())
    for name, overlay in (api.get("environments") or {}).items():
        if name not in ENVIRONMENT_NAMES:
            raise InputError(
                f"{entry.at('environments', name)}: environments.{name} is no environment; "
                f"it is one of {', '.join(ENVIRONMENT_NAMES)}."
            )
        _check_sections(entry, overlay or {}, specs, ("environments", name))
    overlay = (api.get("environments") or {}).get(environment) or {}
    merged = _lay(_lay(_normal(defaults), _normal(api), specs), _normal(overlay), specs)
    merged.pop("environments", None)
    merged = {
        section: _without_null(value) if section in specs and isinstance(value, Mapping) else value
        for section, value in merged.items()
    }
    name = merged.get("name")
    if not name or not _NAME.fullmatch(str(name)):
        raise InputError(
            f"{entry.at('name')}: name is {'missing' if not name else repr(name)}; an API needs a name of a-z, 0-9, - and _."
        )
    if not merged.get("scope"):
        raise InputError(
            f"{entry.where}: API '{name}' has no scope; write scope with prefix, subscope and description."
        )
    return merged


def _normal(api: Mapping[str, Any]) -> dict[str, Any]:
    """The short forms written out: a scope as its name, consumers as a list."""
    result = dict(api)
    if isinstance(result.get("scope"), str):
        result["scope"] = {"name": result["scope"]}
    if isinstance(result.get("consumers"), list):
        result["consumers"] = {"list": result["consumers"]}
    if isinstance(result.get("policy"), str):
        result["policy"] = {"template": result["policy"]}
    return result


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings, the second laid over the first; mappings inside are merged, lists replaced, null takes away."""
    result = dict(under)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def _lay(
    under: Mapping[str, Any], over: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """One level of a declaration laid over another, without what the upper one says in another way."""
    cleared = {
        section: _unsaid(section, value, over[section], specs[section])
        if section in specs and isinstance(value, Mapping) and isinstance(over.get(section), Mapping)
        else value
        for section, value in under.items()
    }
    return merge(cleared, over)


def _unsaid(
    section: str, under: Mapping[str, Any], over: Mapping[str, Any], spec: Mapping[str, Any]
) -> dict[str, Any]:
    """What a section's lower level says and its upper one does not say in another way."""
    gone: set[str] = set()
    for option, of_option in spec.items():
        names = {option, *of_option.get("aliases", ())}
        if names & set(over):
            gone |= names
    said = [option for option in _ONE_OF.get(section, ()) if over.get(option) not in (None, False)]
    if said:
        gone |= set(_ONE_OF[section])
    if said and section == "policy":
        gone |= {option for option, sources in GOES_WITH.items() if said[0] not in sources}
    # The same option below keeps lying there: mappings are merged.
    return {key: value for key, value in under.items() if key not in gone or key in over}


def _without_null(section: Mapping[str, Any]) -> dict[str, Any]:
    """What null took away is not there; the modules would take a null of theirs for a value."""
    return {
        key: _without_null(value) if isinstance(value, Mapping) and key != "definition" else value
        for key, value in section.items()
        if value is not None
    }


def _check_sections(
    entry: Declared, api: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]], path: tuple[str, ...]
) -> None:
    known = {*specs, *_API_TEXTS, "state", "environments"}
    for key, value in api.items():
        here = (*path, str(key))
        if key not in known:
            raise InputError(
                f"{entry.at(*here)}: {'.'.join(here)} is unknown{_did_you_mean(str(key), known)}."
            )
        if key == "state" and value not in ("present", "absent"):
            raise InputError(f"{entry.at(*here)}: {'.'.join(here)} is '{value}'; it is present or absent.")
        if key in specs and value is not None:
            _check_section(entry, value, specs[key], here)


def _check_section(entry: Declared, value: Any, spec: Mapping[str, Any], path: tuple[str, ...]) -> None:
    short = {"scope": str, "policy": str, "consumers": list}.get(path[-1])
    if short and isinstance(value, short):
        return
    if not isinstance(value, Mapping):
        raise InputError(
            f"{entry.at(*path)}: {'.'.join(path)} is {_kind(value)}; it holds {', '.join(sorted(spec)[:6])} …"
        )
    known = {*spec, *(alias for option in spec.values() for alias in option.get("aliases", ()))}
    for key, given in value.items():
        here = (*path, str(key))
        if key not in known:
            raise InputError(
                f"{entry.at(*here)}: {'.'.join(here)} is unknown{_did_you_mean(str(key), known)}."
            )
        option = spec.get(key) or next(spec_ for spec_ in spec.values() if key in spec_.get("aliases", ()))
        _check_value(entry, given, option, here)


def _check_value(entry: Declared, value: Any, option: Mapping[str, Any], path: tuple[str, ...]) -> None:
    wanted = option.get("type", "str")
    where = f"{entry.at(*path)}: {'.'.join(path)}"
    if value is None or wanted in ("raw", "jsonarg", "json"):
        return
    if wanted == "list" and not isinstance(value, (list, str)):
        raise InputError(f"{where} is {_kind(value)}; it is a list.")
    if wanted == "dict" and not isinstance(value, Mapping):
        raise InputError(f"{where} is {_kind(value)}; it is a mapping.")
    if wanted in ("str", "path", "int", "bool", "float") and isinstance(value, (Mapping, list)):
        raise InputError(f"{where} is {_kind(value)}; it is one value.")
    choices = option.get("choices")
    for given in value if isinstance(value, list) else [value]:
        if choices and not isinstance(given, Mapping) and given not in choices:
            raise InputError(f"{where} is '{given}'; it is one of {', '.join(map(str, choices))}.")
    if option.get("options"):
        for index, part in enumerate(value if isinstance(value, list) else [value]):
            inner = path if not isinstance(value, list) else (*path[:-1], f"{path[-1]}[{index}]")
            if isinstance(part, Mapping):
                _check_section(entry, part, option["options"], inner)


def _did_you_mean(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(sorted(known))}"


def _kind(value: Any) -> str:
    return {list: "a list", dict: "a mapping", str: "a text", type(None): "empty"}.get(
        type(value), f"a {type(value).__name__}"
    )


# -- what the modules get ----------------------------------------------------------------


def _add(plan: dict[str, list[dict[str, Any]]], api: Mapping[str, Any], entry: Declared) -> None:
    state = api.get("state") or "present"
    # Of an API that is taken away nobody is let in any more: its scope is deactivated and its resource withdrawn, and where it
    # never was there is nothing that a policy or a list could belong to.
    present = state == "present"
    scope = dict(api["scope"])
    name = scope_name(scope, entry.at("scope"))
    prefix = name.partition(":")[0]
    short: dict[str, Any] = {
        "name": api["name"],
        "scope": name,
        "state": state,
        "resource": None,
        "documentation_url": api.get("documentation_url"),
        "contact": api.get("contact"),
        "delegable": scope.get("delegation_source", scope.get("delegation")) not in (None, "", "none"),
    }
    plan["scopes"].append({**scope, "state": state})
    resource = api.get("resource")
    if resource is not None:
        resource = dict(resource)
        if not ({"definition", "path"} & set(resource)):
            resource.setdefault("identifier", f"{prefix}-{api['name']}")
            resource.setdefault("resource_type", "MaskinportenSchema")
            resource.setdefault("scopes", [name])
        if resource.get("path"):
            resource["path"] = _path(resource["path"], entry)
        short["resource"] = resource.get("identifier") or _identifier_in(resource, entry)
        plan["resources"].append(resource if present else {**resource, "state": "withdrawn"})
    policy = api.get("policy")
    if policy is not None:
        if resource is None:
            raise InputError(
                f"{entry.at('policy')}: policy needs a resource to belong to; declare resource as well."
            )
        policy = {**policy, "resource": short["resource"]}
        # The module knows path by another name too.
        path = policy.pop("file", None) or policy.get("path")
        if path:
            policy["path"] = _path(path, entry)
        if present:
            plan["policies"].append(policy)
    consumers = api.get("consumers")
    if consumers is not None and present:
        grant = {key: value for key, value in consumers.items() if key not in ("file", "list")}
        if consumers.get("list") is not None:
            grant["consumers"] = consumers["list"]
        file = consumers.get("file") or consumers.get("consumers_file")
        if file:
            grant["consumers_file"] = _path(file, entry)
        plan["grants"].append({"scope": name, **grant})
    access_list = api.get("access_list")
    if access_list is not None and present:
        access_list = dict(access_list)
        if access_list.get("members_file"):
            access_list["members_file"] = _path(access_list["members_file"], entry)
        plan["access_lists"].append(access_list)
    if api.get("client") is not None:
        _add_client(plan, api["client"], entry)
    plan["apis"].append(short)


def _add_client(plan: dict[str, list[dict[str, Any]]], client: Mapping[str, Any], entry: Declared) -> None:
    """A client, and its key, which is another module's business."""
    options = {option: value for option, value in client.items() if option not in ("key", "use_for_altinn")}
    name = options.get("id") or options.get("client_name") or options.get("name")
    if not name:
        raise InputError(f"{entry.at('client')}: a client needs client_name (or id).")
    plan["clients"].append(options)
    key = client.get("key") or {}
    if client.get("use_for_altinn") and not key.get("path"):
        raise InputError(
            f"{entry.at('client')}: use_for_altinn needs key.path, the file with the client's private key."
        )
    if key.get("path"):
        plan["client_keys"].append(
            {
                "client": str(name),
                "key_path": _path(key["path"], entry),
                "kid": key.get("kid"),
                "key_size": key.get("size"),
                "renew_before_days": key.get("renew_before_days"),
                "use_for_altinn": bool(client.get("use_for_altinn")),
            }
        )


def _identifier_in(resource: Mapping[str, Any], entry: Declared) -> str:
    """The identifier that a definition carries, since its policy and the letters name it."""
    definition = resource.get("definition")
    if resource.get("path"):
        try:
            definition = Path(resource["path"]).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{entry.at('resource', 'path')}: cannot read {resource['path']}: {error}."
            ) from None
    if isinstance(definition, str):
        try:
            definition = json.loads(definition)
        except ValueError as error:
            raise InputError(
                f"{entry.at('resource')}: the resource's definition is not JSON ({error})."
            ) from None
    identifier = definition.get("identifier") if isinstance(definition, Mapping) else None
    if not identifier:
        raise InputError(f"{entry.at('resource')}: the resource has no identifier.")
    return str(identifier)


def _path(value: str, entry: Declared) -> str:
    path = Path(value).expanduser()
    return str(path if path.is_absolute() or entry.folder is None else entry.folder / path)


# -- for editors ----------------------------------------------------------------


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of a file of declarations, made from the modules' argument specs."""
    specs = section_specs()
    sections: dict[str, Any] = {section: _object_schema(spec) for section, spec in specs.items()}
    sections["scope"] = {"anyOf": [sections["scope"], {"type": "string", "pattern": "^[^:]+:.+$"}]}
    sections["policy"] = {"anyOf": [sections["policy"], {"type": "string"}]}
    sections["consumers"] = {"anyOf": [sections["consumers"], {"type": "array"}]}
    sections = {section: _or_null(schema) for section, schema in sections.items()}
    texts = {text: {"type": "string"} for text in _API_TEXTS}
    state = {"state": {"enum": ["present", "absent"]}}
    overlay = {"type": "object", "additionalProperties": False, "properties": {**texts, **state, **sections}}
    api = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "scope"],
        "properties": {
            **texts,
            "name": {"type": "string", "pattern": f"^{_NAME.pattern}$"},
            **state,
            **sections,
            "environments": {
                "type": "object",
                "additionalProperties": False,
                "properties": dict.fromkeys(ENVIRONMENT_NAMES, overlay),
            },
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Declarations of APIs for tilbyder.maskinporten",
        "$defs": {"api": api},
        "anyOf": [
            {"$ref": "#/$defs/api"},
            {"type": "array", "items": {"$ref": "#/$defs/api"}},
            {
                "type": "object",
                "required": ["provider_apis"],
                "properties": {"provider_apis": {"type": "array", "items": {"$ref": "#/$defs/api"}}},
            },
        ],
    }


def _object_schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    properties = {}
    for option, description in spec.items():
        for name in (option, *description.get("aliases", ())):
            properties[name] = _or_null(_value_schema(description))
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Null takes away what a default says."""
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _value_schema(option: Mapping[str, Any]) -> dict[str, Any]:
    types: dict[str, Any] = {
        "str": ["string", "number"],
        "path": "string",
        "int": "integer",
        "float": "number",
        "bool": "boolean",
    }
    wanted = option.get("type", "str")
    if wanted == "list":
        return {
            "type": "array",
            "items": _value_schema({**option, "type": option.get("elements", "str"), "elements": None}),
        }
    if wanted == "dict":
        return _object_schema(option["options"]) if option.get("options") else {"type": "object"}
    if option.get("choices"):
        return {"enum": list(option["choices"])}
    return {"type": types[wanted]} if wanted in types else {}
