# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""A token for a person's own use in a run: fetched, checked, and handed out only where the task hides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._auth import AltinnLogin, Token, TokenRequest, actor_number, require_scopes
from .._errors import GuardError, InputError
from .._organization_number import OrganizationNumberError, normalize
from .._run import Task
from .._session import Session

#: Claims that identify no secret and that people need to see.
SHOWN_CLAIMS: Final = (
    "iss", "aud", "client_id", "client_amr", "consumer", "supplier", "delegation_source", "consumer_prefix",
    "scope", "iat", "exp", "urn:altinn:org", "urn:altinn:orgNumber", "urn:altinn:authlevel",
)  # fmt: skip


def token_options() -> dict[str, dict[str, Any]]:
    """The options of the module and the lookup beside the shared ones."""
    return {
        "scopes": {"type": "list", "elements": "str", "required": True},
        "consumer_org": {"type": "str"},
        "resource": {"type": "list", "elements": "str"},
        "exchange": {"type": "bool", "default": False},
        "return_token": {"type": "bool", "default": False, "no_log": False},
    }


def fetch(session: Session, params: Mapping[str, Any]) -> Token:
    """A token as the options ask for it, with its claims checked.

    :raises InputError: an option that cannot be right.
    :raises GuardError: the token lacks a scope, or acts for another consumer than was asked for.
    :raises AuthenticationError: Maskinporten or Altinn refuses.
    """
    consumer = params.get("consumer_org")
    if consumer:
        try:
            consumer = normalize(consumer)
        except OrganizationNumberError as error:
            raise InputError(f"consumer_org: {error}") from None
    request = TokenRequest(tuple(params["scopes"]), consumer or None, tuple(params.get("resource") or ()))
    login = session.login(request)
    token = login.token()
    missing = require_scopes(token, params["scopes"])
    if missing:
        raise GuardError(
            f"The token that was given lacks {', '.join(missing)}; it has {' '.join(token.scopes)}."
        )
    if consumer and token.organization_number != consumer:
        raise GuardError(f"The token acts for {token.organization_number}, not for consumer_org {consumer}.")
    if params.get("exchange"):
        token = AltinnLogin(session.transport, session.environment, login).token()
    return token


def manage(task: Task) -> dict[str, Any]:
    """Prove the login, and return the token itself only to a task that hides it (module ``maskinporten_token``).

    :raises GuardError: ``return_token`` without ``no_log: true`` at the task.
    """
    if task.params["return_token"] and not task.result_is_hidden:
        raise GuardError(
            "return_token: a task that returns a token must carry no_log: true, or the token ends up in logs and job events."
        )
    token = fetch(task.session, task.params)
    answer: dict[str, Any] = {
        "claims": {name: token.claims[name] for name in SHOWN_CLAIMS if name in token.claims},
        "organization_number": token.organization_number,
        "supplier_number": actor_number(token.claims.get("supplier")),
        "scopes": list(token.scopes),
        "expires_at": int(token.expires_at),
    }
    if task.params["return_token"]:
        answer["access_token"] = token.value
    return answer
