# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Who has delegated which scope to whom, as a provider may see it in Altinn's access management.

Source: ``MaskinportenDelegationsController`` in Altinn's published server source
(GitHub Altinn/altinn-authorization-tmp). The look-up is by scope; only Altinn's own administrators may leave it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from .. import _known_causes
from .._errors import ApiError, AuthenticationError, CollectionError, InputError
from .._maskinporten._self_service import SCOPES_WRITE, SelfService
from .._organization_number import OrganizationNumberError, normalize
from .._run import Task
from .._session import Session
from .._transport import Response, query
from ._registry import Login, error_text

DELEGATIONS: Final = "altinn:maskinporten/delegations"
DELEGATIONS_ADMIN: Final = "altinn:maskinporten/delegations.admin"


class Delegations:
    """The look-up of the session's environment, for one login."""

    def __init__(self, session: Session, login: Login) -> None:
        self._session = session
        self._login = login
        self._url = f"{session.environment.altinn_url}/accessmanagement/api/v1/maskinporten/delegations/"

    def look_up(
        self, *, scope: str | None, consumer: str | None = None, supplier: str | None = None
    ) -> list[dict[str, Any]]:
        """The delegations of a scope, between two organisations where they are named, as Altinn has them.

        :param consumer: nine digits, as ``normalize`` gives them; ``supplier`` likewise.
        :raises ApiError: Altinn refuses; the message says why.
        """
        url = query(self._url, scope=scope, supplierOrg=supplier, consumerOrg=consumer)
        response = self._session.transport.request("GET", url, auth=self._login)
        answer = response.json()
        if response.ok and isinstance(answer, list):
            return [entry for entry in answer if isinstance(entry, dict)]
        raise self._error(response, scope)

    def _error(self, response: Response, scope: str | None) -> ApiError:
        text = error_text(response)
        cause = _known_causes.find_cause(_known_causes.DELEGATIONS, text=text, status=response.status)
        what = f"the delegations of {scope}" if scope else "delegations"
        message = _known_causes.explained(
            f"Could not look up {what}",
            f"Altinn's access management answered {response.status} — {text}",
            cause,
        )
        if response.status == 403 and scope:
            ours = self._login.token().prefixes
            if ours and scope.partition(":")[0] not in ours:
                message += f" The prefixes of this organisation are: {', '.join(ours)}."
        kind = AuthenticationError if response.status == 401 else ApiError
        return kind(
            message,
            status=response.status,
            server_message=text,
            method=response.method,
            url=response.url,
            item=scope,
        )


def rows(entries: Iterable[Mapping[str, Any]], scope: str | None = None) -> list[dict[str, Any]]:
    """Delegations as rows, one for each scope that a delegation covers; with ``scope`` the rows of that scope alone."""
    found: list[dict[str, Any]] = []
    for entry in entries:
        covered = [str(name) for name in entry.get("scopes") or []]
        # Altinn spells it delegation_scheme_Id, and only delegations from Altinn 2 have one.
        scheme = entry.get("delegation_scheme_Id") or entry.get("delegation_scheme_id")
        listed: Sequence[str | None] = [scope] if scope else covered or [None]
        for name in listed:
            found.append(
                {
                    "scope": name,
                    "consumer": entry.get("consumer_org"),
                    "supplier": entry.get("supplier_org"),
                    "resource": entry.get("resourceid"),
                    "created": entry.get("created"),
                    "scopes": covered,
                    "delegation_scheme_id": scheme,
                }
            )
    return sorted(
        found,
        key=lambda row: tuple(str(row[key] or "") for key in ("scope", "consumer", "supplier", "resource")),
    )


def inform(task: Task) -> dict[str, Any]:
    """The delegations that the options ask for, as rows (module ``altinn_delegation_info``).

    :raises InputError: a malformed number or scope, or no scope where one is needed; nothing has been sent then.
    :raises CollectionError: a look-up failed; the rows of the others stand in ``delegations``.
    """
    params, session = task.params, task.session
    consumer, supplier = _number(params, "consumer"), _number(params, "supplier")
    if consumer and consumer == supplier:
        raise InputError(
            f"consumer and supplier are both {consumer}; an organisation does not delegate to itself."
        )
    scopes = _scopes(params)
    wanted = tuple(params.get("token_scopes") or (DELEGATIONS,))
    api = Delegations(session, session.altinn(wanted))
    asked: Sequence[str | None] = scopes
    if not scopes:
        if DELEGATIONS_ADMIN in wanted and (consumer or supplier):
            asked = [None]
        else:
            asked = _own_scopes(session)
    outcomes = session.transport.map(
        lambda scope: api.look_up(scope=scope, consumer=consumer, supplier=supplier), asked
    )
    found: list[dict[str, Any]] = []
    failures: list[CollectionError] = []
    for scope, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, CollectionError):
            failures.append(outcome)
        else:
            found += rows(outcome, scope)
    if params.get("names"):
        _add_names(session, found)
    if failures:
        first = failures[0]
        message = first.message
        if len(failures) > 1:
            message = f"{len(failures)} of {len(asked)} look-ups failed. {message}"
        raise CollectionError(
            message,
            **first.details,
            delegations=found,
            failed_scopes=[failure.details.get("item") for failure in failures],
        )
    return {"delegations": found, "scopes": [scope for scope in asked if scope]}


def _number(params: Mapping[str, Any], option: str) -> str | None:
    value = params.get(option)
    if value in (None, ""):
        return None
    try:
        return normalize(value)
    except OrganizationNumberError as error:
        raise InputError(f"{option}: {error}; nothing was sent.") from None


def _scopes(params: Mapping[str, Any]) -> list[str]:
    scopes = list(dict.fromkeys(params.get("scope") or ()))
    for scope in scopes:
        if ":" not in scope or any(letter.isspace() for letter in scope):
            raise InputError(f"scope: '{scope}' is no scope; it is written prefix:subscope.", item=scope)
    return scopes


def _own_scopes(session: Session) -> list[str]:
    """The organisation's active scopes that can be delegated, as the administration client lists them."""
    administration = session.administration((SCOPES_WRITE,))
    if administration is None:
        raise InputError(
            "scope: Altinn shows a provider the delegations of one scope at a time, so name the scopes, or give "
            "administration (the administration client), with which the organisation's own scopes are found."
        )
    scopes = SelfService(session, administration).scopes()
    return sorted(
        str(scope.get("name") or f"{scope.get('prefix')}:{scope.get('subscope')}")
        for scope in scopes
        if scope.get("active", True) and scope.get("delegation_source")
    )


def _add_names(session: Session, found: list[dict[str, Any]]) -> None:
    """``consumer_name`` and ``supplier_name`` from the register of organisations; None where nobody knows the number."""
    from .._register import Register

    numbers = {str(row[side]) for row in found for side in ("consumer", "supplier") if row[side]}
    known = Register(session).look_up(sorted(numbers)) if numbers else {}
    for row in found:
        for side in ("consumer", "supplier"):
            organization = known.get(str(row[side]))
            row[f"{side}_name"] = organization.name if organization else None
