# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Scopes: how one is declared, compared, created, changed, re-activated and deactivated.

Source of the rules: Digdir's self-service API. A PUT replaces every writable field, a DELETE only deactivates, a POST on a
deactivated name answers 409; so everything is read first, merged and compared by meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .._errors import ApiError, CollectionError, ConnectionFailedError, InputError
from .._options import with_defaults
from .._reconcile import Report, Step, apply, normal
from .._run import Task
from ._self_service import (
    ALTINN_SOURCE,
    SCOPES_WRITE,
    SelfService,
    approved,
    error_text,
    is_controllers_mark,
    self_service_error,
)

INTEGRATION_TYPES: Final = (
    "ansattporten", "api_klient", "eformidling", "idporten", "idporten_saml2", "krr", "maskinporten",
)  # fmt: skip
VISIBILITIES: Final = ("PUBLIC", "PRIVATE", "INTERNAL")
TOKEN_TYPES: Final = ("SELF_CONTAINED", "OPAQUE")
LANGUAGES: Final = ("nn", "en", "se")
#: Characters; what Digdir's portal accepts.
LONGEST_DESCRIPTION: Final = 255
LONGEST_LONG_DESCRIPTION: Final = 1023

#: Option -> field of the API, for the options that are one field.
FIELDS: Final = {
    "description": "description",
    "long_description": "long_description",
    "visibility": "visibility",
    "allowed_integration_types": "allowed_integration_types",
    "delegation_source": "delegation_source",
    "at_max_age": "at_max_age",
    "authorization_max_lifetime": "authorization_max_lifetime",
    "accessible_for_all": "accessible_for_all",
    "supports_european_businesses": "supports_european_businesses",
    "enforced_aud_for_access_token": "enforced_aud_for_access_token",
    "token_type": "token_type",
    "requires_user_consent": "requires_user_consent",
    "requires_user_authentication": "requires_user_authentication",
    "requires_pseudonymous_tokens": "requires_pseudonymous_tokens",
}
#: Option with a text per language -> field of the API whose languages stand beside it as ``field#language``.
_TRANSLATIONS: Final = {
    "description_translations": "description",
    "long_description_translations": "long_description",
}
#: What a new scope has where the declaration says nothing: closed, and for Maskinporten alone.
NEW_SCOPE: Final[Mapping[str, Any]] = {
    "allowed_integration_types": ["maskinporten"],
    "token_type": "SELF_CONTAINED",
    "visibility": "PRIVATE",
    "requires_user_consent": False,
    "requires_user_authentication": False,
    "requires_pseudonymous_tokens": False,
    "at_max_age": 0,
    "authorization_max_lifetime": 0,
    "accessible_for_all": False,
}
_SERVER_MANAGED: Final = ("created", "last_updated")
_BOOLEANS: Final = frozenset(
    {"accessible_for_all", "supports_european_businesses", "requires_user_consent", "requires_user_authentication",
     "requires_pseudonymous_tokens", "protected"}
)  # fmt: skip
_NUMBERS: Final = frozenset({"at_max_age", "authorization_max_lifetime"})
_OPENING: Final = {
    "accessible_for_all": "every organisation gets a token for it without being granted access",
    "supports_european_businesses": "every European business gets a token for it, and there is no list to control it",
}

_FORBIDDEN_IN_NAME: Final = re.compile(r"[\s?#%\x00-\x1f\x7f]")
_USUAL_SUBSCOPE: Final = re.compile(r"[a-z0-9]+([/:._-][a-z0-9]+)*")
_USUAL_PREFIX: Final = re.compile(r"[a-z0-9æøå][a-z0-9æøå_.-]*")

_ORDER: Final = (
    "name", "active", "description", *(f"description#{language}" for language in LANGUAGES),
    "long_description", *(f"long_description#{language}" for language in LANGUAGES),
    "visibility", "accessible_for_all", "supports_european_businesses", "allowed_integration_types", "delegation_source",
    "at_max_age", "authorization_max_lifetime", "enforced_aud_for_access_token", "token_type",
)  # fmt: skip


def scope_options() -> dict[str, dict[str, Any]]:
    """The options of one scope: those of the module's top level and of each entry of ``scopes``, but for ``state``."""
    boolean = {"type": "bool"}
    return {
        "name": {"type": "str"},
        "prefix": {"type": "str"},
        "subscope": {"type": "str"},
        "description": {"type": "str"},
        "description_translations": {"type": "dict"},
        "long_description": {"type": "str"},
        "long_description_translations": {"type": "dict"},
        "visibility": {"type": "str", "choices": list(VISIBILITIES)},
        "allowed_integration_types": {"type": "list", "elements": "str", "choices": list(INTEGRATION_TYPES)},
        "delegation_source": {"type": "str", "aliases": ["delegation"]},
        "at_max_age": {"type": "int"},
        "authorization_max_lifetime": {"type": "int"},
        "accessible_for_all": dict(boolean),
        "supports_european_businesses": dict(boolean),
        "allow_open_access": dict(boolean),
        "enforced_aud_for_access_token": {"type": "str", "no_log": False},
        "token_type": {"type": "str", "choices": list(TOKEN_TYPES), "no_log": False},
        "requires_user_consent": dict(boolean),
        "requires_user_authentication": dict(boolean),
        "requires_pseudonymous_tokens": {"type": "bool", "no_log": False},
        "consumers_on_deactivate": {"type": "str", "choices": ["refuse", "keep", "revoke"]},
        "take_over": dict(boolean),
        "strip_fields": {"type": "list", "elements": "str"},
    }


def scope_name(entry: Mapping[str, Any], where: str) -> str:
    """``prefix:subscope`` of a declaration that names it whole (``name``) or in parts.

    :raises InputError: neither, both, or with characters that no scope can have.
    """
    name, prefix, subscope = entry.get("name"), entry.get("prefix"), entry.get("subscope")
    if name and subscope:
        raise InputError(
            f"{where}: name and subscope exclude each other; give name, or prefix and subscope.", item=name
        )
    if name:
        if ":" not in name:
            raise InputError(
                f"{where}: '{name}' lacks its prefix; a scope is written prefix:subscope.", item=name
            )
        prefix, _unused, subscope = str(name).partition(":")
    if not prefix or not subscope:
        missing = "prefix" if not prefix else "subscope"
        raise InputError(
            f"{where}: {missing} is missing; give prefix and subscope, or name as prefix:subscope."
        )
    full = f"{prefix}:{subscope}"
    if not _USUAL_PREFIX.fullmatch(prefix):
        raise InputError(
            f"{where}: prefix '{prefix}' is malformed; a prefix is lower-case letters and digits, as Digdir assigned it.",
            item=full,
        )
    if _FORBIDDEN_IN_NAME.search(subscope) or re.search(r"(^[/:._-])|([/:._-]$)|([/:.]{2})", subscope):
        raise InputError(
            f"{where}: subscope '{subscope}' is malformed; no blanks, no ? # %, no separator at an end, no empty part.",
            item=full,
        )
    return full


# -- the module -----------------------------------------------------------------


def manage(task: Task) -> Report:
    """Bring the declared scopes about (module ``maskinporten_scope``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    """
    entries = _declared(task)
    session = task.session
    api = SelfService(session, session.maskinporten((SCOPES_WRITE,)))
    plan = _Plan(api, task)
    steps = [plan.step(name, entry) for name, entry in entries]
    report = apply(
        steps,
        noun="scopes",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=task.check_mode,
        transport=session.transport,
    )
    if task.params.get("scopes") is None:
        report.extra["scope"] = dict(steps[0].object or {})
    return report


def inform(task: Task) -> dict[str, Any]:
    """The organisation's scopes (module ``maskinporten_scope_info``), filtered by the module's options.

    With ``declared`` the answer also tells which live scopes nobody declares (``undeclared``).
    """
    session, params = task.session, task.params
    api = SelfService(session, session.maskinporten((SCOPES_WRITE,)))
    scopes = sorted(api.scopes(), key=full_name)
    if params.get("name"):
        wanted = set(params["name"])
        scopes = [scope for scope in scopes if full_name(scope) in wanted]
    if params.get("prefix"):
        scopes = [scope for scope in scopes if scope.get("prefix") == params["prefix"]]
    if params.get("active") is not None:
        scopes = [scope for scope in scopes if bool(scope.get("active", True)) == params["active"]]
    answer: dict[str, Any] = {"scopes": scopes}
    if params.get("declared") is not None:
        declared = set(params["declared"])
        answer["undeclared"] = [full_name(scope) for scope in scopes if full_name(scope) not in declared]
        answer["missing"] = sorted(declared - {full_name(scope) for scope in scopes})
    return answer


def full_name(scope: Mapping[str, Any]) -> str:
    """The scope's name, put together from its parts where the API leaves it out."""
    return str(scope.get("name") or f"{scope.get('prefix')}:{scope.get('subscope')}")


def _declared(task: Task) -> list[tuple[str, dict[str, Any]]]:
    options = {**scope_options(), "state": {}}
    entries = with_defaults(task.params, options, "scopes")
    single = task.params.get("scopes") is None
    seen: dict[str, str] = {}
    declared = []
    for index, entry in enumerate(entries):
        where = "scope" if single else f"scopes[{index}]"
        if not single and task.params["scopes"][index].get("name"):
            # A prefix at top level is the default for entries in parts; an entry with its whole name has its own.
            entry["subscope"] = task.params["scopes"][index].get("subscope")
        name = scope_name(entry, where)
        if name in seen:
            raise InputError(
                f"{where}: {name} is declared twice; {seen[name]} declares it already.", item=name
            )
        seen[name] = where
        _check_values(entry, f"{where} ({name})", name, task)
        declared.append((name, entry))
    return declared


def _check_values(entry: Mapping[str, Any], where: str, name: str, task: Task) -> None:
    for option in _TRANSLATIONS:
        unknown = sorted(set(entry[option] or {}) - set(LANGUAGES))
        if unknown:
            raise InputError(
                f"{where}: {option} has no language '{unknown[0]}'; it takes {', '.join(LANGUAGES)} "
                "(bokmål stands in the plain text).",
                item=name,
            )
    for option in _NUMBERS:
        if entry[option] is not None and entry[option] < 0:
            raise InputError(
                f"{where}: {option} is {entry[option]}; seconds start at 0, and 0 means no limit.", item=name
            )
    for field, text, longest in _texts(entry):
        if len(text) > longest:
            raise InputError(
                f"{where}: {field} has {len(text)} characters; at most {longest} are shown.", item=name
            )
    for option, consequence in _OPENING.items():
        if entry[option] and not entry["allow_open_access"]:
            raise InputError(
                f"{where}: {option} opens the scope: {consequence}. If that is meant, say allow_open_access: true as well.",
                item=name,
            )
    if not _USUAL_SUBSCOPE.fullmatch(name.partition(":")[2]):
        task.warn(f"{name}: the subscope is unusual; a-z, 0-9 and / : . - _ between them is what others use.")


def _texts(entry: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    texts = []
    for base, longest in (
        ("description", LONGEST_DESCRIPTION),
        ("long_description", LONGEST_LONG_DESCRIPTION),
    ):
        if entry[base]:
            texts.append((base, str(entry[base]), longest))
        for language, text in (entry[f"{base}_translations"] or {}).items():
            texts.append((f"{base}_translations.{language}", str(text or ""), longest))
    return texts


class _Plan:
    """Live scopes read once, and a step for each declared one."""

    def __init__(self, api: SelfService, task: Task) -> None:
        self._api = api
        self._task = task
        self._environment = task.session.environment
        self._live = {full_name(scope): scope for scope in api.scopes()}
        self._own_prefixes: list[str] | None = None
        self._sources: dict[str, str] | None = None

    def step(self, name: str, entry: Mapping[str, Any]) -> Step:
        live = self._live.get(name)
        try:
            if entry["state"] == "absent":
                return self._deactivation(name, entry, live)
            return self._presence(name, entry, live)
        except CollectionError as error:
            return Step(name, "refuse", message=error.message, object=live, error=error)

    # -- present ----------------------------------------------------------------

    def _presence(self, name: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None) -> Step:
        wanted = self._wanted_fields(name, entry, live)
        if live is None:
            return self._creation(name, entry, wanted)
        active = bool(live.get("active", True))
        merged = {**live, **wanted, "active": True}
        fields = [field for field in wanted if not same_field(field, live.get(field), wanted[field])]
        mark = str(live.get("description") or "")
        if (fields or not active) and is_controllers_mark(mark) and not entry["take_over"]:
            return Step(
                name,
                "refuse",
                _view(live),
                message=f"its description '{mark}' is the mark of another controller (digdirator), which would write over the "
                "change; change it there, or say take_over: true.",
                object=live,
            )
        if not fields and active:
            return Step(name, "none", _view(live), _view(live), object=live)
        before, after = _view(live), _view(_without_empty(merged))
        body = {
            field: value
            for field, value in merged.items()
            if field not in _SERVER_MANAGED and field not in (entry["strip_fields"] or ())
        }
        message, risk = "", None
        if not active:
            message, awake = self._awakening(name)
            risk = "opens_access" if awake else None
        if any(field in _OPENING and wanted[field] for field in fields):
            risk = "opens_access"
        elif self._takes_access(fields, live, wanted):
            risk = "takes_access"
        return Step(
            name,
            "update" if active else "reactivate",
            before,
            after,
            fields if active else ["active", *fields],
            message,
            lambda: self._replace(name, body, wanted),
            risk,  # type: ignore[arg-type]
            object=live,
        )

    def _wanted_fields(
        self, name: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The managed fields with the values that the API shall have; ``""`` and ``[]`` empty a field."""
        wanted = {field: entry[option] for option, field in FIELDS.items() if entry[option] is not None}
        for option, field in _TRANSLATIONS.items():
            if entry[option] is not None:
                wanted.update({f"{field}#{language}": entry[option].get(language) for language in LANGUAGES})
        if "delegation_source" in wanted:
            wanted["delegation_source"] = self._delegation_source(wanted["delegation_source"], name, live)
        return wanted

    def _delegation_source(self, value: str, name: str, live: Mapping[str, Any] | None) -> str | None:
        if value in ("", "none"):
            return None
        current = str((live or {}).get("delegation_source") or "")
        known = self._environment.delegation_source
        if value == ALTINN_SOURCE and known and current.rstrip("/") == known.rstrip("/"):
            return current
        if current and value.rstrip("/") == current.rstrip("/"):
            return current
        if self._sources is None:
            self._sources = self._api.delegation_sources()
        if value in self._sources:
            return self._sources[value]
        for issuer in self._sources.values():
            if issuer.rstrip("/") == value.rstrip("/"):
                return issuer
        listed = (
            ", ".join(f"{source} ({issuer})" for source, issuer in sorted(self._sources.items())) or "none"
        )
        raise InputError(
            f"{name}: delegation_source '{value}' does not exist in environment '{self._environment.name}'; it has: {listed}.",
            item=name,
        )

    def _creation(self, name: str, entry: Mapping[str, Any], wanted: dict[str, Any]) -> Step:
        prefix, _unused, subscope = name.partition(":")
        self._require_own_prefix(prefix, name)
        if not wanted.get("description"):
            raise InputError(f"{name}: a new scope needs a description; consumers see it.", item=name)
        body = {"prefix": prefix, "subscope": subscope, "name": name, "active": True, **NEW_SCOPE, **wanted}
        if entry["authorization_max_lifetime"] is None:
            body["authorization_max_lifetime"] = body["at_max_age"]
        body = _without_empty(body)
        opening = any(wanted.get(field) for field in _OPENING)
        return Step(
            name,
            "create",
            None,
            _view(body),
            [field for field in body if field not in ("prefix", "subscope", "active")],
            "",
            lambda: self._create(name, body, wanted),
            "opens_access" if opening else None,
            object=body,
        )

    def _require_own_prefix(self, prefix: str, name: str) -> None:
        if self._own_prefixes is None:
            self._own_prefixes = self._api.prefixes()
        if prefix not in self._own_prefixes:
            ours = (
                ", ".join(self._own_prefixes)
                or "none yet; Digdir assigns one on request (servicedesk@digdir.no)"
            )
            raise InputError(
                f"{name}: prefix '{prefix}' is not ours in environment '{self._environment.name}'; ours: {ours}.",
                item=name,
            )

    def _takes_access(
        self, fields: Sequence[str], live: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> bool:
        if any(field in _OPENING and live.get(field) and not wanted[field] for field in fields):
            return True
        if "delegation_source" in fields and live.get("delegation_source"):
            return True
        if "allowed_integration_types" in fields:
            kept, had = wanted["allowed_integration_types"], live.get("allowed_integration_types") or []
            # An empty set means every type.
            return bool(kept) and (not had or not set(had) <= set(kept))
        return False

    def _awakening(self, name: str) -> tuple[str, int]:
        """What re-activation gives back, said before it happens."""
        consumers = approved(self._api.accesses(name, inactive=True))
        if not consumers:
            return "was deactivated and is made active again", 0
        listed = ", ".join(_consumer_name(access) for access in consumers[:10])
        more = f" and {len(consumers) - 10} more" if len(consumers) > 10 else ""
        return (
            f"was deactivated and is made active again; {len(consumers)} consumers get their access back: {listed}{more}",
            len(consumers),
        )

    # -- absent -----------------------------------------------------------------

    def _deactivation(self, name: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None) -> Step:
        if live is None:
            return Step(name, "none", message="does not exist")
        if not live.get("active", True):
            return Step(name, "none", _view(live), _view(live), message="is deactivated already", object=live)
        mark = str(live.get("description") or "")
        if is_controllers_mark(mark) and not entry["take_over"]:
            return Step(
                name, "refuse", _view(live),
                message=f"its description '{mark}' is the mark of another controller (digdirator); say take_over: true to "
                "deactivate it all the same.",
                object=live,
            )  # fmt: skip
        consumers = approved(self._api.accesses(name))
        choice = entry["consumers_on_deactivate"] or "refuse"
        if consumers and choice == "refuse":
            listed = ", ".join(_consumer_name(access) for access in consumers[:5])
            more = f" and {len(consumers) - 5} more" if len(consumers) > 5 else ""
            return Step(
                name,
                "refuse",
                _view(live),
                message=f"{len(consumers)} consumers still have access ({listed}{more}). Revoke them first, or say "
                "consumers_on_deactivate: revoke (or keep, and they get it back when the scope is re-activated).",
                object=live,
            )
        numbers = [str(access["consumer_orgno"]) for access in consumers]
        revoking = numbers if choice == "revoke" else []
        message = "a scope is never deleted, only deactivated"
        if consumers:
            message += f"; {len(consumers)} consumers " + (
                "are revoked first" if revoking else "keep their grant"
            )
        return Step(
            name,
            "deactivate",
            _view(live),
            {**_view(live), "active": False},
            ["active"],
            message,
            lambda: self._deactivate(name, revoking),
            "takes_access",
            object=live,
            details={"revoked": revoking} if revoking else {},
        )

    # -- writes -----------------------------------------------------------------

    def _create(self, name: str, body: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            response = self._api.create_scope(body)
        except ConnectionFailedError:
            found = self._reread(name)
            if found is None:
                raise
            return self._complete(name, found, wanted)
        if response.ok:
            answer = response.json()
            return self._proved(name, answer if isinstance(answer, dict) else {}, wanted)
        if response.status in (400, 409) or response.status >= 500:
            # Someone was faster, or the answer was lost: what exists now decides.
            found = self._reread(name)
            if found is not None:
                return self._complete(name, found, wanted)
        raise self_service_error(response, f"create scope {name}")

    def _complete(self, name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """Bring a scope that appeared meanwhile to what was declared."""
        if found.get("active", True) and all(
            same_field(field, found.get(field), wanted[field]) for field in wanted
        ):
            return found
        merged = {**found, **wanted, "active": True}
        return self._replace(name, {key: merged[key] for key in merged if key not in _SERVER_MANAGED}, wanted)

    def _replace(self, name: str, body: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = self._api.replace_scope(name, _without_empty(body))
        except ApiError as error:
            if error.status == 400 and re.search(
                r"unknown|unrecogni[sz]ed|read.?only", error.server_message, re.I
            ):
                raise ApiError(
                    f"{error.message} The API seems to refuse a field that it returned itself; name it in strip_fields to leave "
                    "it out of the update.",
                    status=error.status,
                    server_message=error.server_message,
                    trace_id=error.trace_id,
                ) from None
            raise
        return self._proved(name, answer, wanted)

    def _deactivate(self, name: str, consumers: Sequence[str]) -> Mapping[str, Any]:
        for number in consumers:
            self._api.revoke(name, number)
        answer = self._api.deactivate_scope(name)
        if answer.get("active") is False:
            return answer
        found = self._reread(name)
        if found is None or found.get("active", True):
            raise CollectionError(
                f"{name}: the API accepted the deactivation, but the scope is still active."
            )
        return found

    def _proved(self, name: str, answer: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The scope as the API has it; read back where the answer to the write does not prove every managed field."""
        if answer.get("active", False) and all(
            same_field(field, answer.get(field), wanted[field]) for field in wanted
        ):
            return answer
        found = self._reread(name)
        if found is None:
            raise CollectionError(
                f"{name}: the API accepted the change, but the scope is not among the organisation's scopes."
            )
        lost = [field for field in wanted if not same_field(field, found.get(field), wanted[field])]
        if lost or not found.get("active", True):
            raise CollectionError(
                f"{name}: the API accepted the change but did not store {', '.join(lost) or 'active'}; "
                "it may be managed by Digdir only.",
                item=name,
            )
        return found

    def _reread(self, name: str) -> Mapping[str, Any] | None:
        return next((scope for scope in self._api.scopes() if full_name(scope) == name), None)


def _consumer_name(access: Mapping[str, Any]) -> str:
    name = access.get("consumer_organization_name")
    return f"{access.get('consumer_orgno')} {name}" if name else str(access.get("consumer_orgno"))


def same_field(field: str, first: Any, second: Any) -> bool:
    """Whether two values of a field mean the same to the API."""
    if field in _BOOLEANS:
        return bool(first) == bool(second)
    if field in _NUMBERS:
        return int(first or 0) == int(second or 0)
    if field == "allowed_integration_types":
        return set(first or ()) == set(second or ())
    if field == "delegation_source":
        return str(first or "").rstrip("/") == str(second or "").rstrip("/")
    return bool(normal(first) == normal(second))


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    """Absent, null and empty mean the same to the API; it leaves such fields out itself."""
    return {field: value for field, value in body.items() if value is not None and value != ""}


def _view(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The scope as people read it: the fields that mean something, in a stable order; others after them by name."""
    hidden = {"prefix", "subscope", "owner_orgno", *_SERVER_MANAGED}
    shown = {field: scope[field] for field in _ORDER if field in scope}
    shown["name"] = full_name(scope)
    others = sorted(set(scope) - set(shown) - hidden)
    ordered = {**shown, **{field: scope[field] for field in others}}
    if isinstance(ordered.get("allowed_integration_types"), list):
        ordered["allowed_integration_types"] = sorted(ordered["allowed_integration_types"])
    return ordered


__all__ = [
    "INTEGRATION_TYPES",
    "NEW_SCOPE",
    "TOKEN_TYPES",
    "VISIBILITIES",
    "error_text",
    "full_name",
    "inform",
    "manage",
    "scope_name",
    "scope_options",
]
