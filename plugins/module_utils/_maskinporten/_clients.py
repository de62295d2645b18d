# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Clients (integrations): how one is found, compared, created, changed, deactivated and re-activated.

Source of the rules: Digdir's self-service API. A PUT replaces the whole client, a DELETE only deactivates, names are not unique,
and a client's integration type never changes; so all clients are read first, found by a stated match, merged and compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .._errors import ApiError, CollectionError, ConnectionFailedError, GuardError, InputError
from .._options import with_defaults
from .._reconcile import Report, Step, apply, normal
from .._run import Task
from .._transport import Bearer
from ._self_service import (
    CLIENTS_WRITE,
    SCOPES_WRITE,
    SelfService,
    approved,
    is_controllers_mark,
    self_service_error,
)

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MASKINPORTEN: Final = "maskinporten"
INTEGRATION_TYPES: Final = (
    "ansattporten", "api_klient", "eformidling", "idporten", "idporten_saml2", "krr", MASKINPORTEN,
)  # fmt: skip
APPLICATION_TYPES: Final = ("web", "browser", "native")
GRANT_TYPES: Final = ("authorization_code", "implicit", "refresh_token", JWT_BEARER)
AUTHENTICATION_METHODS: Final = ("private_key_jwt", "client_secret_post", "client_secret_basic", "none")
#: What a Maskinporten client always has; Digdir allows nothing else.
FIXED_FIELDS: Final[Mapping[str, Any]] = {
    "application_type": "web",
    "token_endpoint_auth_method": "private_key_jwt",
    "grant_types": [JWT_BEARER],
}
#: Fields by which a client may be found.
MATCHABLE: Final = ("client_name", "description")
#: Characters; what Digdir's portal accepts.
LONGEST_DESCRIPTION: Final = 255

_LIFETIMES: Final = ("access_token_lifetime", "refresh_token_lifetime", "authorization_lifetime")
_LISTS: Final = ("scopes", "grant_types", "redirect_uris", "post_logout_redirect_uris")
_BOOLEANS: Final = ("sso_disabled", "frontchannel_logout_session_required")
#: Options that are one field of the API, with the same name.
_FIELDS: Final = (
    "client_name", "description", "client_orgno", "supplier_orgno", "application_type", "integration_type",
    "token_endpoint_auth_method", "grant_types", *_LIFETIMES, "refresh_token_usage", "redirect_uris",
    "post_logout_redirect_uris", "frontchannel_logout_uri", "frontchannel_logout_session_required", "sso_disabled",
    "code_challenge_method", "logo_uri", "client_uri",
)  # fmt: skip
#: Fields of the answer that a write must not send back.
_ANSWER_ONLY: Final = ("created", "last_updated", "onbehalfof", "client_secret", "jwks", "jwks_uri")
#: Fields that never leave this process: a secret, and what the key module tells better.
_NEVER_SHOWN: Final = ("client_secret", "jwks")
_ORDER: Final = (
    "client_id", "client_name", "active", "description", "integration_type", "scopes", "application_type",
    "token_endpoint_auth_method", "grant_types", *_LIFETIMES,
)  # fmt: skip
_NOT_IN_VIEW: Final = ("created", "last_updated", "onbehalfof", "jwks_uri", *_NEVER_SHOWN)


def client_options() -> dict[str, dict[str, Any]]:
    """The options of one client: those of the module's top level and of each entry of ``clients``, but for ``state``."""
    texts = {"type": "list", "elements": "str"}
    return {
        "id": {"type": "str"},
        "match": {**texts, "choices": list(MATCHABLE)},
        "client_name": {"type": "str", "aliases": ["name"]},
        "description": {"type": "str"},
        "scopes": dict(texts),
        "purge_scopes": {"type": "bool"},
        "missing_access": {"type": "str", "choices": ["warn", "refuse"]},
        "client_orgno": {"type": "str"},
        "supplier_orgno": {"type": "str"},
        "integration_type": {"type": "str", "choices": list(INTEGRATION_TYPES)},
        "application_type": {"type": "str", "choices": list(APPLICATION_TYPES)},
        "token_endpoint_auth_method": {
            "type": "str",
            "choices": list(AUTHENTICATION_METHODS),
            "no_log": False,
        },
        "grant_types": {**texts, "choices": list(GRANT_TYPES)},
        "access_token_lifetime": {"type": "int", "no_log": False},
        "refresh_token_lifetime": {"type": "int", "no_log": False},
        "refresh_token_usage": {"type": "str", "choices": ["ONETIME", "REUSE"], "no_log": False},
        "authorization_lifetime": {"type": "int"},
        "redirect_uris": dict(texts),
        "post_logout_redirect_uris": dict(texts),
        "frontchannel_logout_uri": {"type": "str"},
        "frontchannel_logout_session_required": {"type": "bool"},
        "sso_disabled": {"type": "bool"},
        "code_challenge_method": {"type": "str", "choices": ["none", "S256"]},
        "logo_uri": {"type": "str"},
        "client_uri": {"type": "str"},
        "take_over": {"type": "bool"},
        "strip_fields": dict(texts),
    }


# -- the modules ----------------------------------------------------------------


def manage(task: Task) -> Report:
    """Bring the declared clients about (module ``maskinporten_client``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    """
    entries = _declared(task)
    session = task.session
    login = session.maskinporten((CLIENTS_WRITE,))
    plan = _Plan(SelfService(session, login), login, task)
    steps = [plan.step(label, entry) for label, entry in entries]
    plan.refuse_clashes(steps)
    report = apply(
        steps,
        noun="clients",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=task.check_mode,
        transport=session.transport,
    )
    for step in steps:
        step.details["client_id"] = (step.object or {}).get("client_id")
        step.object = None if step.object is None else shown(step.object)
    if task.params.get("clients") is None:
        report.extra["client"] = dict(steps[0].object or {})
    return report


def inform(task: Task) -> dict[str, Any]:
    """The organisation's clients (module ``maskinporten_client_info``), filtered; with ``keys`` each with its keys.

    A client whose keys cannot be read does not hide the others: it carries ``keys_error``.
    """
    session, params = task.session, task.params
    api = SelfService(session, session.maskinporten((CLIENTS_WRITE,)))
    clients = sorted(map(shown, api.clients()), key=lambda client: (label_of(client), client["client_id"]))
    if params.get("client"):
        wanted = set(params["client"])
        clients = [
            client
            for client in clients
            if wanted & {client.get("client_id"), client.get("client_name"), client.get("description")}
        ]
    if params.get("scope"):
        clients = [client for client in clients if params["scope"] in (client.get("scopes") or ())]
    if params.get("integration_type"):
        clients = [
            client for client in clients if client.get("integration_type") == params["integration_type"]
        ]
    if params.get("active") is not None:
        clients = [client for client in clients if bool(client.get("active", True)) == params["active"]]
    answer: dict[str, Any] = {"clients": clients}
    if params.get("keys"):
        from ._client_keys import key_rows

        found = session.transport.map(lambda client: api.keys(client["client_id"]), clients)
        rows: list[dict[str, Any]] = []
        for client, keys in zip(clients, found, strict=True):
            if isinstance(keys, CollectionError):
                client["registered_keys"], client["keys_error"] = [], keys.message
                keys = []
            else:
                client["registered_keys"] = keys
            rows += key_rows(client, keys, warn_days=params["warn_days"], error=client.get("keys_error"))
        rows.sort(key=lambda row: (row["rank"], row["client"], row["kid"] or ""))
        for row in rows:
            del row["rank"]
        answer["key_report"] = rows
        answer["due"] = [row for row in rows if row["due"]]
    return answer


def label_of(client: Mapping[str, Any]) -> str:
    """What people call the client."""
    return str(client.get("client_name") or client.get("description") or client.get("client_id"))


def find_client(clients: Sequence[Mapping[str, Any]], wanted: str, environment: str) -> Mapping[str, Any]:
    """The one client that a person means by an id, a name or a description; an active one goes before deactivated ones.

    :raises InputError: none, or more than one.
    """
    for field in ("client_id", *MATCHABLE):
        hits = _active_first([client for client in clients if str(client.get(field) or "") == wanted])
        if len(hits) > 1:
            raise InputError(
                f"client: {len(hits)} clients have the {field} '{wanted}': {_listed(hits)}. Give the id of the one you mean.",
                item=wanted,
            )
        if hits:
            return hits[0]
    raise InputError(
        f"client: no client of ours in environment '{environment}' has the id, name or description '{wanted}'; "
        "a client lives in one environment only.",
        item=wanted,
    )


def shown(client: Mapping[str, Any]) -> dict[str, Any]:
    """A client without what must not be shown."""
    return {field: value for field, value in client.items() if field not in _NEVER_SHOWN}


# -- the declaration --------------------------------------------------------------


def _declared(task: Task) -> list[tuple[str, dict[str, Any]]]:
    entries = with_defaults(task.params, {**client_options(), "state": {}}, "clients")
    single = task.params.get("clients") is None
    seen: dict[tuple[str, ...], str] = {}
    declared = []
    for index, entry in enumerate(entries):
        where = "client" if single else f"clients[{index}]"
        identity = _identity(entry, where)
        label = str(entry["client_name"] or entry["id"] or entry["description"])
        if identity in seen:
            raise InputError(
                f"{where}: '{label}' is declared twice; {seen[identity]} declares it already.", item=label
            )
        seen[identity] = where
        _check_values(entry, f"{where} ({label})", label)
        declared.append((label, entry))
    return declared


def _identity(entry: dict[str, Any], where: str) -> tuple[str, ...]:
    if entry["id"]:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", entry["id"]) or entry["id"] in (".", ".."):
            raise InputError(
                f"{where}: '{entry['id'][:60]}' is no client id; to find a client by its name, use client_name."
            )
        return ("id", entry["id"])
    entry["match"] = list(dict.fromkeys(entry["match"] or ["client_name"]))
    missing = [field for field in entry["match"] if not entry[field]]
    if missing:
        raise InputError(
            f"{where}: {missing[0]} is missing; without id a client is found by {' and '.join(entry['match'])}."
        )
    return tuple(str(entry[field]) for field in MATCHABLE if field in entry["match"])


def _check_values(entry: Mapping[str, Any], where: str, label: str) -> None:
    for field in _LIFETIMES:
        if entry[field] is not None and entry[field] < 0:
            raise InputError(f"{where}: {field} is {entry[field]}; seconds are not negative.", item=label)
    description = entry["description"] or ""
    if len(description) > LONGEST_DESCRIPTION:
        raise InputError(
            f"{where}: description has {len(description)} characters; at most {LONGEST_DESCRIPTION} are kept.",
            item=label,
        )
    for scope in entry["scopes"] or ():
        if not scope.strip() or re.search(r"\s", scope):
            raise InputError(f"{where}: scopes holds '{scope}', which is no scope.", item=label)
    if entry["purge_scopes"] and entry["scopes"] is None:
        raise InputError(
            f"{where}: purge_scopes needs scopes, the ones that the client shall have.", item=label
        )
    if entry["purge_scopes"] and not entry["scopes"]:
        raise InputError(
            f"{where}: scopes is empty, and purge_scopes would leave the client without any; if that is meant, "
            "say state: absent.",
            item=label,
        )
    if (entry["integration_type"] or MASKINPORTEN) == MASKINPORTEN and not entry["id"]:
        _check_fixed(entry, where, label)


def _check_fixed(entry: Mapping[str, Any], where: str, label: str) -> None:
    for field, value in FIXED_FIELDS.items():
        if entry[field] is not None and normal(entry[field]) != normal(value):
            only = value if isinstance(value, str) else value[0]
            raise InputError(
                f"{where}: {field} of a Maskinporten client is always {only}; leave it out, or give another integration_type.",
                item=label,
            )


class _Plan:
    """Live clients read once, and a step for each declared one."""

    def __init__(self, api: SelfService, login: Bearer, task: Task) -> None:
        self._api = api
        self._task = task
        self._environment = task.session.environment.name
        self._live = api.clients()
        self._ourselves = _client_of(login)
        self._access: _ScopeAccess | None = None

    def step(self, label: str, entry: Mapping[str, Any]) -> Step:
        live: Mapping[str, Any] | None = None
        try:
            live = self._find(label, entry, self._live)
            if entry["state"] == "absent":
                return self._deactivation(label, entry, live)
            return self._presence(label, entry, live)
        except CollectionError as error:
            return Step(label, "refuse", message=error.message, object=live, error=error)

    @staticmethod
    def refuse_clashes(steps: Sequence[Step]) -> None:
        """Two entries that mean the same client, found by different ways, would write over each other."""
        seen: dict[str, str] = {}
        for step in steps:
            client_id = (step.object or {}).get("client_id")
            if not client_id or step.action == "refuse":
                continue
            if client_id in seen:
                step.action, step.write = "refuse", None
                step.message = f"is client {client_id}, which '{seen[client_id]}' declares already."
            seen.setdefault(client_id, step.item)

    # -- finding ------------------------------------------------------------------

    def _find(
        self, label: str, entry: Mapping[str, Any], clients: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any] | None:
        """The one live client that is meant, or None.

        :raises InputError: more than one matches, or the id is unknown.
        """
        if entry["id"]:
            for client in clients:
                if client.get("client_id") == entry["id"]:
                    return client
            if entry["state"] == "absent":
                return None
            raise InputError(
                f"{label}: no client of ours in environment '{self._environment}' has the id {entry['id']}; a client lives in "
                "one environment only. To create one, leave id out: Digdir gives the id.",
                item=label,
            )
        hits = [
            client
            for client in clients
            if all(normal(client.get(field)) == normal(entry[field]) for field in entry["match"])
            and (not entry["client_orgno"] or client.get("client_orgno") == entry["client_orgno"])
        ]
        hits = _active_first(hits)
        if len(hits) > 1:
            raise InputError(
                f"{label}: {len(hits)} clients have this {' and '.join(entry['match'])}: {_listed(hits)}. "
                "Give the id of the one you mean, or match on client_name and description.",
                item=label,
            )
        return hits[0] if hits else None

    # -- present --------------------------------------------------------------------

    def _presence(self, label: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None) -> Step:
        if live is None:
            return self._creation(label, entry)
        wanted, messages = self._wanted(label, entry, live)
        active = bool(live.get("active", True))
        merged = _merged(live, wanted, entry)
        fields = [field for field in merged if not _same_field(field, live.get(field), merged[field])]
        fields = [field for field in fields if field != "active"]
        if not fields and active:
            return Step(
                label, "none", _view(live), _view(live), message="; ".join(messages), object=shown(live)
            )
        self._refuse_controllers(entry, live)
        added = [scope for scope in merged.get("scopes") or () if scope not in (live.get("scopes") or ())]
        removed = [scope for scope in live.get("scopes") or () if scope not in (merged.get("scopes") or ())]
        messages += self._judge_scopes(
            added if active else merged.get("scopes") or [], str(live.get("integration_type") or ""), entry
        )
        if removed:
            messages.append(f"loses {', '.join(removed)}")
            self._refuse_cutting_ourselves_off(live, removed)
        if not active:
            messages.append("was deactivated and is made active again, with the keys it had")
        return Step(
            label,
            "update" if active else "reactivate",
            _view(live),
            _view(merged),
            fields if active else ["active", *fields],
            "; ".join(messages),
            lambda: self._replace(label, str(live["client_id"]), wanted, entry),
            "takes_access" if removed else None,
            object=shown(live),
        )

    def _wanted(
        self, label: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None
    ) -> tuple[dict[str, Any], list[str]]:
        """The managed fields with the values that the API shall have, but for the scopes, and what to say about them."""
        wanted = {field: entry[field] for field in _FIELDS if entry[field] is not None}
        messages = []
        zero = [field for field in _LIFETIMES if wanted.get(field) == 0]
        for field in zero:
            del wanted[field]
        if zero:
            messages.append(f"{', '.join(zero)} of 0 is left out: the API refuses it and has its own default")
        kind = (live or {}).get("integration_type") or wanted.get("integration_type") or MASKINPORTEN
        if live is not None and wanted.get("integration_type", kind) != kind:
            raise GuardError(
                f"{label}: its integration_type is {kind} and can never change; declare {kind}, or make a new client of type "
                f"{wanted['integration_type']} under another name.",
                item=label,
            )
        if kind == MASKINPORTEN:
            _check_fixed(entry, label, label)
            wanted = {**wanted, **FIXED_FIELDS}
        if live is None:
            wanted["integration_type"] = kind
        return wanted, messages

    def _creation(self, label: str, entry: Mapping[str, Any]) -> Step:
        for field in ("client_name", "description"):
            if not entry[field]:
                raise InputError(
                    f"{label}: there is no such client yet, and a new one needs a {field}.", item=label
                )
        wanted, messages = self._wanted(label, entry, None)
        scopes = list(dict.fromkeys(entry["scopes"] or ()))
        kind = wanted["integration_type"]
        if kind != MASKINPORTEN and not entry["grant_types"]:
            raise InputError(
                f"{label}: a new client of type {kind} needs grant_types and token_endpoint_auth_method.",
                item=label,
            )
        messages += self._judge_scopes(scopes, kind, entry)
        if not scopes:
            messages.append("has no scopes yet, so it gets no token")
        number = self._task.session.organization_number
        if number and not entry["client_orgno"]:
            wanted["client_orgno"] = number
        body = _sendable({**wanted, "scopes": scopes, "active": True}, ())
        return Step(
            label,
            "create",
            None,
            _view(body),
            [field for field in body if field != "active"],
            "; ".join(messages),
            lambda: self._create(label, body, wanted, entry),
            object=body,
        )

    def _judge_scopes(self, scopes: Sequence[str], kind: str, entry: Mapping[str, Any]) -> list[str]:
        """Name, before the write, the scopes that will give no token.

        :raises GuardError: there are some, and the declaration refuses them.
        """
        if not scopes:
            return []
        if self._access is None:
            self._access = _ScopeAccess(self._task)
        problems = self._access.problems(scopes, kind)
        if problems and entry["missing_access"] == "refuse":
            raise GuardError("; ".join(problems) + " (missing_access: refuse)")
        for problem in problems:
            self._task.warn(problem)
        return problems + self._access.notes(scopes)

    def _refuse_controllers(self, entry: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        if is_controllers_mark(live.get("description")) and not entry["take_over"]:
            raise GuardError(
                f"its description '{live['description']}' is the mark of another controller (digdirator), which would write over "
                "the change; change it there, or say take_over: true.",
                item=label_of(live),
            )

    def _refuse_cutting_ourselves_off(self, live: Mapping[str, Any], removed: Sequence[str]) -> None:
        needed = [scope for scope in removed if scope.startswith("idporten:")]
        if live.get("client_id") == self._ourselves and needed:
            raise GuardError(
                f"this task logs in as this very client and would take {', '.join(needed)} from it; nobody could then give it "
                "back with it. Keep it among scopes, or do this with another administration client."
            )

    # -- absent ---------------------------------------------------------------------

    def _deactivation(self, label: str, entry: Mapping[str, Any], live: Mapping[str, Any] | None) -> Step:
        if live is None:
            return Step(label, "none", message="does not exist")
        if not live.get("active", True):
            return Step(
                label,
                "none",
                _view(live),
                _view(live),
                message="is deactivated already",
                object=shown(live),
            )
        self._refuse_controllers(entry, live)
        if live.get("client_id") == self._ourselves:
            raise GuardError(
                "this task logs in as this very client; deactivating it would lock everyone out who uses it. "
                "Do it with another administration client, or in Digdir's self-service portal.",
                item=label,
            )
        scopes = ", ".join(live.get("scopes") or ()) or "no scope"
        return Step(
            label,
            "deactivate",
            _view(live),
            {**_view(live), "active": False},
            ["active"],
            f"a client is never deleted, only deactivated; it gets no more tokens for {scopes}",
            lambda: self._deactivate(label, str(live["client_id"])),
            "takes_access",
            object=shown(live),
        )

    # -- writes ---------------------------------------------------------------------

    def _create(
        self, label: str, body: Mapping[str, Any], wanted: Mapping[str, Any], entry: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        try:
            response = self._api.create_client(body)
        except ConnectionFailedError:
            # The answer was lost: only a look tells whether the client was made. A second POST could make a second one.
            return self._complete(label, wanted, entry, found=self._find(label, entry, self._api.clients()))
        if response.ok:
            answer = response.json()
            return self._proved(label, answer if isinstance(answer, dict) else {}, wanted, entry)
        if response.status == 409 or response.status >= 500:
            found = self._find(label, entry, self._api.clients())
            if found is not None:
                return self._complete(label, wanted, entry, found=found)
        raise self_service_error(response, f"create client {label}")

    def _complete(
        self,
        label: str,
        wanted: Mapping[str, Any],
        entry: Mapping[str, Any],
        *,
        found: Mapping[str, Any] | None,
    ) -> Mapping[str, Any]:
        """Bring a client that appeared meanwhile to what was declared."""
        if found is None:
            raise CollectionError(
                f"{label}: the connection broke before the API answered, and no such client exists now. Run again: a client that "
                "turns up late is found by the same match, not made twice.",
                item=label,
            )
        merged = _merged(found, wanted, entry)
        if all(_same_field(field, found.get(field), merged[field]) for field in merged):
            return found
        return self._replace(label, str(found["client_id"]), wanted, entry)

    def _replace(
        self, label: str, client_id: str, wanted: Mapping[str, Any], entry: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        # Read anew, right before the write: there is no ETag, and what others changed since the list must survive.
        body = _sendable(_merged(self._api.client(client_id), wanted, entry), entry["strip_fields"] or ())
        try:
            answer = self._api.replace_client(client_id, body)
        except ApiError as error:
            raise self._explained(label, error, body) from None
        return self._proved(label, answer, wanted, entry)

    def _explained(self, label: str, error: ApiError, body: Mapping[str, Any]) -> ApiError:
        details: dict[str, Any] = {
            "status": error.status,
            "server_message": error.server_message,
            "trace_id": error.trace_id,
        }
        if error.status in (404, 409):
            return ApiError(
                f"{error.message} The API may not re-activate a client; then make a new one under another name, "
                f"and register a key on it ({label}).",
                **details,
            )
        if error.status == 400 and re.search(
            r"unknown|unrecogni[sz]ed|read.?only", error.server_message, re.I
        ):
            return ApiError(
                f"{error.message} The API seems to refuse a field that it returned itself; name it in strip_fields to leave it "
                f"out of the update (sent: {', '.join(body)}).",
                **details,
            )
        return error

    def _deactivate(self, label: str, client_id: str) -> Mapping[str, Any]:
        try:
            self._api.deactivate_client(client_id)
        except ApiError as error:
            # A repeated request after a lost answer may meet a client that is deactivated already.
            if error.status not in (404, 409):
                raise
        for client in self._api.clients():
            if client.get("client_id") == client_id:
                if client.get("active", True):
                    raise CollectionError(
                        f"{label}: the API accepted the deactivation, but the client is still active.",
                        item=label,
                    )
                return client
        return {"client_id": client_id, "active": False}

    def _proved(
        self,
        label: str,
        answer: Mapping[str, Any],
        wanted: Mapping[str, Any],
        entry: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The client as the API has it; read back where the answer to the write does not prove every managed field."""

        def lost(client: Mapping[str, Any]) -> list[str]:
            merged = _merged(client, wanted, entry)
            return [field for field in merged if not _same_field(field, client.get(field), merged[field])]

        if answer.get("client_id") and not lost(answer):
            return answer
        found: Mapping[str, Any] | None = (
            self._api.client(str(answer["client_id"]))
            if answer.get("client_id")
            else self._find(label, entry, self._api.clients())
        )
        missing = lost(found) if found else ["the client itself"]
        if found is None or missing:
            raise CollectionError(
                f"{label}: the API accepted the change but did not store {', '.join(missing)}.", item=label
            )
        return found


class _ScopeAccess:
    """Which scopes the organisation can get a token for, read at the first question and only as far as needed."""

    def __init__(self, task: Task) -> None:
        session = task.session
        self._api = SelfService(session, session.maskinporten((SCOPES_WRITE,)))
        self._own: dict[str, Mapping[str, Any]] | None = None
        self._granted: dict[str, str] = {}
        self._public: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._unknown: str | None = None

    def problems(self, scopes: Sequence[str], kind: str) -> list[str]:
        """One sentence for each scope that a client of this kind will get no token for."""
        # Scopes without prefix (openid, profile) belong to ID-porten and need no access.
        asked = [scope for scope in dict.fromkeys(scopes) if ":" in scope]
        if not asked:
            return []
        if self._own is None and self._unknown is None:
            self._read()
        if self._unknown is not None:
            return [
                f"Could not check whether the organisation has access to {', '.join(asked)}: {self._unknown}"
            ]
        return [problem for problem in (self._problem(scope, kind) for scope in asked) if problem]

    def notes(self, scopes: Sequence[str]) -> list[str]:
        """What else to know: whether the owner itself needs a grant is nowhere documented, so it is no more than said."""
        ungranted = [
            scope
            for scope in scopes
            if scope in (self._own or {})
            and self._granted.get(scope) != "APPROVED"
            and not (self._own or {})[scope].get("accessible_for_all")
        ]
        if not ungranted:
            return []
        note = (
            f"{', '.join(ungranted)} is our own, but not granted to ourselves; should Maskinporten answer MP-250, "
            "grant it to our own organisation number too"
        )
        return [note]

    def _read(self) -> None:
        try:
            self._own = {
                str(scope.get("name") or f"{scope.get('prefix')}:{scope.get('subscope')}"): scope
                for scope in self._api.scopes()
            }
            rows = self._api.accesses_of_caller()
        except ApiError as error:
            self._unknown = error.message
            return
        self._granted = {str(row.get("scope")): str(row.get("state")) for row in rows}
        self._granted.update({str(row.get("scope")): "APPROVED" for row in approved(rows)})

    def _problem(self, scope: str, kind: str) -> str | None:
        own = (self._own or {}).get(scope)
        if own is not None:
            return _unusable(scope, own, kind)
        state = self._granted.get(scope)
        if state == "APPROVED":
            return None
        prefix = scope.partition(":")[0]
        if any(name.partition(":")[0] == prefix for name in self._own or {}):
            return f"The organisation has no scope {scope}, though the prefix '{prefix}' is its own; register it first."
        if prefix not in self._public:
            self._public[prefix] = {
                str(found.get("name") or f"{prefix}:{found.get('subscope')}"): found
                for found in self._api.public_scopes(prefix)
            }
        public = self._public[prefix].get(scope)
        if public is None:
            return (
                f"The organisation has no access to {scope}, and no public scope has that name; check the spelling and the "
                "environment, or ask its provider for access."
            )
        unusable = _unusable(scope, public, kind)
        if unusable or public.get("accessible_for_all") or public.get("delegation_source"):
            return unusable
        owner = public.get("owner_orgno")
        asked = " The access is requested but not approved." if state == "REQUESTED" else ""
        return f"The organisation has no access to {scope}; ask its provider ({owner}) for it.{asked}"


def _unusable(scope: str, found: Mapping[str, Any], kind: str) -> str | None:
    if not found.get("active", True):
        return f"Scope {scope} is deactivated; no client gets a token for it."
    types = found.get("allowed_integration_types") or []
    if types and kind not in types:
        return f"Scope {scope} does not allow clients of type {kind}, only {', '.join(types)}."
    return None


# -- comparing --------------------------------------------------------------------


def _client_of(login: Bearer) -> str | None:
    """The client that this task logs in as; the token says it."""
    from .._auth import read_claims

    value = read_claims(login.bearer()).get("client_id")
    return str(value) if value else None


def _active_first(hits: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Deactivated clients of the same name are remains; they count only where there is no active one."""
    active = [client for client in hits if client.get("active", True)]
    return active or list(hits)


def _listed(clients: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"{client.get('client_id')} ('{label_of(client)}', {'active' if client.get('active', True) else 'deactivated'})"
        for client in clients[:5]
    ]
    if len(clients) > len(rows):
        rows.append(f"and {len(clients) - len(rows)} more")
    return ", ".join(rows)


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The live client with what is managed laid over it."""
    merged = {**shown(live), **wanted, "active": True}
    if entry["scopes"] is not None:
        declared = list(dict.fromkeys(entry["scopes"]))
        present = list(live.get("scopes") or ())
        kept = [scope for scope in present if scope in declared or not entry["purge_scopes"]]
        merged["scopes"] = kept + [scope for scope in declared if scope not in kept]
    return merged


def _sendable(client: Mapping[str, Any], stripped: Sequence[str]) -> dict[str, Any]:
    """What a PUT or POST takes: no fields of the answer, nothing null, no lifetime of zero (a 400 since 2025)."""
    return {
        field: value
        for field, value in client.items()
        if field not in _ANSWER_ONLY
        and field not in stripped
        and value is not None
        and value != ""
        and not (field in _LIFETIMES and value == 0)
    }


def _same_field(field: str, first: Any, second: Any) -> bool:
    """Whether two values of a field mean the same to the API."""
    if field == "active":
        return bool(first if first is not None else True) == bool(second)
    if field in _LISTS:
        return set(first or ()) == set(second or ())
    if field in _BOOLEANS:
        return bool(first) == bool(second)
    return bool(normal(first) == normal(second))


def _view(client: Mapping[str, Any]) -> dict[str, Any]:
    """The client as people read it: the fields that mean something, in a stable order; others after them by name."""
    first = {field: client[field] for field in _ORDER if field in client}
    others = {field: client[field] for field in sorted(set(client) - set(first) - set(_NOT_IN_VIEW))}
    viewed = {**first, **others}
    for field in _LISTS:
        if isinstance(viewed.get(field), list):
            viewed[field] = sorted(viewed[field])
    return viewed
