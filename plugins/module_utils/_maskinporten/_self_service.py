# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Digdir's self-service API as the objects here use it: addresses, error bodies, and lists that answer an error when empty.

Source: Digdir's documentation of the self-service API and the types generated from its OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import _known_causes
from .._errors import ApiError, AuthenticationError
from .._session import Session
from .._transport import Bearer, Response, path_segment, query

SCOPES_WRITE: Final = "idporten:scopes.write"
#: Lets a token read, create and change clients and their keys.
CLIENTS_WRITE: Final = "idporten:dcr.write"
# What Digdir's own portal looks for in an error that means "an empty list".
_EMPTY_LIST: Final = "does not have any"
# digdirator (NAV's and Kartverket's controller) writes cluster:namespace:name as the description of what it owns.
_CONTROLLER_MARK: Final = re.compile(r"^[a-z0-9-]+:[a-z0-9-]+:[a-z0-9.-]+$")
#: The delegation source that providers use, by its name in the API.
ALTINN_SOURCE: Final = "altinn"


class SelfService:
    """The self-service API of the session's environment, for one login.

    :param login: None for the operations that are open to everyone.
    """

    def __init__(self, session: Session, login: Bearer | None) -> None:
        self._session = session
        self._transport = session.transport
        self._base = session.environment.self_service_url
        self._login = login

    # -- scopes ---------------------------------------------------------------

    def scopes(self) -> list[dict[str, Any]]:
        """Every scope of the organisation, deactivated ones included."""
        return self._list(query(f"{self._base}/scopes", inactive=True), "list the organisation's scopes")

    def public_scopes(self, prefix: str) -> list[dict[str, Any]]:
        """The public scopes with a prefix, whoever owns it; needs no login."""
        url = query(f"{self._base}/scopes/all", prefix=prefix, inactive=True)
        return self._list(url, f"list the public scopes with prefix {prefix}", anonymous=True)

    def create_scope(self, body: Mapping[str, Any]) -> Response:
        """POST; the answer is for the caller to judge, since 409 and 400 can mean that it exists already."""
        return self._transport.request(
            "POST", f"{self._base}/scopes", auth=self._login, body=body, repeatable=False
        )

    def replace_scope(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        url = query(f"{self._base}/scopes", scope=name)
        return self._object("PUT", url, f"change scope {name}", body=body)

    def deactivate_scope(self, name: str) -> dict[str, Any]:
        return self._object("DELETE", query(f"{self._base}/scopes", scope=name), f"deactivate scope {name}")

    # -- access ---------------------------------------------------------------

    def accesses(self, scope: str, *, inactive: bool = False) -> list[dict[str, Any]]:
        """Who has (and, with ``inactive``, had) access to a scope of the organisation."""
        url = query(f"{self._base}/scopes/access", scope=scope, inactive=True if inactive else None)
        return self._list(url, f"list the consumers of scope {scope}")

    def accesses_of_consumer(self, number: str, *, inactive: bool = False) -> list[dict[str, Any]]:
        """Every access that one organisation holds on scopes of the organisation."""
        url = query(f"{self._base}/scopes/access", consumer_orgno=number, inactive=True if inactive else None)
        return self._list(url, f"list what organisation {number} has access to")

    def grant(self, scope: str, number: str) -> dict[str, Any]:
        return self._object("PUT", self._access_url(scope, number), f"grant {number} access to scope {scope}")

    def revoke(self, scope: str, number: str) -> dict[str, Any]:
        return self._object(
            "DELETE", self._access_url(scope, number), f"revoke {number}'s access to scope {scope}"
        )

    def _access_url(self, scope: str, number: str) -> str:
        return query(f"{self._base}/scopes/access/{organization_segment(number)}", scope=scope)

    def accesses_of_caller(self) -> list[dict[str, Any]]:
        """What the organisation has, had or has asked for: one entry a scope; only state APPROVED is access."""
        url = query(f"{self._base}/scopes/access/all", inactive=True)
        return self._list(url, "list what the organisation has access to")

    # -- clients and their keys --------------------------------------------------

    def clients(self) -> list[dict[str, Any]]:
        """Every client of the organisation, deactivated ones included."""
        return self._list(query(f"{self._base}/clients", inactive=True), "list the organisation's clients")

    def client(self, client_id: str) -> dict[str, Any]:
        return self._object("GET", self.url("clients", client_id), f"read client {client_id}")

    def create_client(self, body: Mapping[str, Any]) -> Response:
        """POST; the answer is for the caller to judge, since a lost one may have made the client all the same."""
        return self._transport.request(
            "POST", f"{self._base}/clients", auth=self._login, body=body, repeatable=False
        )

    def replace_client(self, client_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._object("PUT", self.url("clients", client_id), f"change client {client_id}", body=body)

    def deactivate_client(self, client_id: str) -> None:
        self._object("DELETE", self.url("clients", client_id), f"deactivate client {client_id}")

    def keys(self, client_id: str) -> list[dict[str, Any]]:
        """The client's registered public keys; the API answers 404 where there is none."""
        attempt = f"read the keys of client {client_id}"
        response = self._transport.request("GET", self.url("clients", client_id, "jwks"), auth=self._login)
        if not response.ok and is_empty_list(response):
            return []
        answer = self._checked(response, attempt)
        found = answer.get("keys") if isinstance(answer, dict) else None
        return [key for key in found or [] if isinstance(key, dict)]

    def put_key(self, client_id: str, key: Mapping[str, Any]) -> dict[str, Any]:
        """Add or renew one key; the client's other keys stay as they are."""
        kid = str(key["kid"])
        url = self.url("clients", client_id, "jwks", kid)
        return self._object("PUT", url, f"register key {kid} on client {client_id}", body=key)

    def delete_key(self, client_id: str, kid: str) -> None:
        """Remove one key; one that is gone already is no error."""
        response = self._transport.request(
            "DELETE", self.url("clients", client_id, "jwks", kid), auth=self._login
        )
        if response.status != 404:
            self._checked(response, f"remove key {kid} from client {client_id}")

    # -- what surrounds them ---------------------------------------------------

    def prefixes(self) -> list[str]:
        """The scope prefixes that Digdir has given the organisation."""
        rows = self._list(f"{self._base}/prefix", "list the organisation's prefixes")
        return sorted(str(row["prefix"]) for row in rows if row.get("active", True))

    def delegation_sources(self) -> dict[str, str]:
        """Name of each delegation source -> its issuer, as a scope's ``delegation_source`` carries it; needs no login."""
        rows = self._list(f"{self._base}/delegationsources", "list the delegation sources", anonymous=True)
        return {str(row.get("name")): str(row.get("issuer")) for row in rows}

    def organization(self, number: str) -> dict[str, Any] | None:
        """``{orgnr, name}`` as Digdir knows the organisation, or None; needs no login; knows synthetic ones in test."""
        response = self._transport.request(
            "GET", f"{self._base}/organizations/{organization_segment(number)}"
        )
        if response.status in (400, 404):
            return None
        answer = self._checked(response, f"look up organisation {number}")
        return answer if isinstance(answer, dict) else None

    def auth_user(self) -> dict[str, Any]:
        """Who the token belongs to, and whether the terms of use are signed (``has_consented``)."""
        return self._object("GET", f"{self._base}/auth/user", "read who is logged in")

    # -- inside, for this package's other files too -----------------------------

    def url(self, *segments: str, **parameters: str | bool | None) -> str:
        """An address below the API's base; every segment is made safe."""
        return query("/".join([self._base, *(path_segment(segment) for segment in segments)]), **parameters)

    def _list(self, url: str, attempt: str, *, anonymous: bool = False) -> list[dict[str, Any]]:
        response = self._transport.request("GET", url, auth=None if anonymous else self._login)
        if not response.ok and is_empty_list(response):
            return []
        answer = self._checked(response, attempt)
        if isinstance(answer, list):
            return answer
        raise ApiError(
            f"Could not {attempt}: the self-service API answered {response.status} without a list.",
            status=response.status,
            server_message=response.text[:200],
        )

    def _object(
        self, method: str, url: str, attempt: str, *, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = self._checked(self._transport.request(method, url, auth=self._login, body=body), attempt)
        return answer if isinstance(answer, dict) else {}

    @staticmethod
    def _checked(response: Response, attempt: str) -> Any:
        if response.ok:
            return response.json()
        raise self_service_error(response, attempt)


def organization_segment(number: str) -> str:
    """An organisation number as a path segment; anything but nine ASCII digits would address something else.

    :raises InputError: it is not nine digits.
    """
    if len(number) == 9 and number.isascii() and number.isdigit():
        return number
    from .._errors import InputError

    raise InputError(f"'{number[:40]}' is no organisation number; nothing was sent.")


def is_controllers_mark(description: Any) -> bool:
    """Whether a description is the ownership mark of another controller, which would write over our changes."""
    return bool(_CONTROLLER_MARK.fullmatch(str(description or "")))


def is_empty_list(response: Response) -> bool:
    """Whether an error answer of a list means that the list is empty."""
    return response.status in (400, 404) and _EMPTY_LIST in error_text(response)


def error_text(response: Response) -> str:
    """What the self-service API says of an error: field errors with their field, else its description, else the page's text."""
    answer = response.json()
    if not isinstance(answer, dict):
        return " ".join(_without_tags(response.text).split())[:200] or "an empty answer"
    fields = [
        f"{error.get('fieldIdentifier')}: {error.get('errorMessage')}"
        for error in answer.get("errors") or []
        if isinstance(error, dict) and error.get("errorMessage")
    ]
    text = "; ".join(fields) or str(answer.get("error_description") or answer.get("error") or "")
    return text.lstrip(", ") or "an answer without text"


def _without_tags(text: str) -> str:
    parts = text.split("<")
    return parts[0] + "".join(part.partition(">")[2] + " " for part in parts[1:]) if len(parts) > 1 else text


def correlation_id(response: Response) -> str | None:
    """The id that Digdir's support asks for."""
    answer = response.json()
    value = answer.get("correlation_id") if isinstance(answer, dict) else None
    return str(value) if value else response.headers.get("x-correlation-id")


def self_service_error(response: Response, attempt: str) -> ApiError:
    """The failure for an error answer, explained from the table of known causes."""
    text = error_text(response)
    cause = _known_causes.find_cause(_known_causes.SELF_SERVICE, text=text, status=response.status)
    kind = AuthenticationError if response.status == 401 else ApiError
    identifier = correlation_id(response)
    answered = f"the self-service API answered {response.status} — {text}"
    if identifier:
        answered += f" (correlation id {identifier})"
    return kind(
        _known_causes.explained(f"Could not {attempt}", answered, cause),
        status=response.status,
        server_message=text,
        trace_id=identifier,
        method=response.method,
        url=response.url,
    )


def approved(accesses: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries that are access; REQUESTED and DENIED are not."""
    return [access for access in accesses if access.get("state") == "APPROVED"]
