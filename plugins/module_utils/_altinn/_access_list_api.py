# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access lists in Altinn's resource registry: addresses, pages, entity tags, and one version of a list read in whole.

Source: ``AccessListsController`` in Altinn's published server source (GitHub Altinn/altinn-resource-registry). Any change of a
list's name, members or connections moves the version of the whole list, and pages are bound to a version. The call that
replaces all members is not used at all: it takes at most 100, and whoever it leaves out loses access.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from .._errors import ApiError, CollectionError, InputError
from .._session import Session
from .._transport import Response
from ._registry import Login, Registry

ACCESS_LIST_READ: Final = "altinn:resourceregistry/accesslist.read"
ACCESS_LIST_WRITE: Final = "altinn:resourceregistry/accesslist.write"
#: Members in one request; the registry refuses more.
MOST_MEMBERS: Final = 100
ORGANIZATION_URN: Final = "urn:altinn:organization:identifier-no"
UNKNOWN_PARTY: Final = "RR-00001"

# Someone who writes as fast as we do has a list of 2 000 members done well within these.
_MOST_CONFLICTS: Final = 10
_LONGEST_PAUSE: Final = 4.0


class ConflictError(CollectionError):
    """The list has another version than the one that was read (412); what was read counts no more."""


@dataclass
class LiveList:
    """One version of a list.

    :ivar object: name, description and times as the registry has them.
    :ivar tag: the version, as ``If-Match`` wants it.
    :ivar members: organisation number -> the entry of the registry.
    :ivar others: members without an organisation number.
    :ivar connections: resource -> its action filters; empty means every action.
    """

    object: dict[str, Any]
    tag: str
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)
    connections: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Patience:
    """How often a list may slip away while it is worked on, and how long to wait each time.

    The first time costs no wait; after that the pauses grow, so that of two who write the same list one gets through.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self.conflicts = 0

    def spend(self, error: ConflictError) -> None:
        """Wait before another attempt.

        :raises ConflictError: it has slipped away too often.
        """
        self.conflicts += 1
        if self.conflicts > _MOST_CONFLICTS:
            raise error
        if self.conflicts > 1:
            longest = min(_LONGEST_PAUSE, 0.1 * 2 ** (self.conflicts - 2))
            self._sleep(random.uniform(longest / 2, longest))  # noqa: S311 - a pause, no secret


class AccessLists:
    """The access lists of one service owner.

    :param owner: the owner's code in Altinn's list of service owners.
    """

    def __init__(self, session: Session, registry: Registry, owner: str) -> None:
        self._transport = session.transport
        self._registry = registry
        self.owner = owner

    # -- reading ----------------------------------------------------------------

    def overview(self, resource: str | None = None) -> list[dict[str, Any]]:
        """Every list; with ``resource`` each carries its connection to that resource in ``resourceConnections``."""
        include = "resource-actions" if resource else None
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            # The registry's own next link misspells include and loses resource, so only its token is taken.
            url = self._url(token=token, include=include, resource=resource)
            answer = self._get(url, "list the access lists")[0]
            found += [entry for entry in answer.get("data") or [] if isinstance(entry, dict)]
            following = (answer.get("links") or {}).get("next")
            token = _parameter(following, "token") if following else None
            if token is None:
                return found

    def read(
        self, identifier: str, *, members: bool, connections: bool, patience: Patience | None = None
    ) -> LiveList | None:
        """One version of a list in whole, or None when there is no such list.

        A list that changes while its pages are read is read again from the start.

        :raises ConflictError: it keeps changing.
        """
        patience = patience or Patience()
        while True:
            try:
                return self._read_once(identifier, members=members, connections=connections)
            except ConflictError as error:
                patience.spend(error)

    def _read_once(self, identifier: str, *, members: bool, connections: bool) -> LiveList | None:
        response = self._transport.request("GET", self._url(identifier), auth=self._registry.login)
        if response.status == 404:
            return None
        answer = self._registry.checked(response, f"read access list {identifier}")
        live = LiveList(answer if isinstance(answer, dict) else {}, response.headers.get("etag", ""))
        if members:
            for entry in self._pages(identifier, "members", live.tag):
                number = (entry.get("identifiers") or {}).get(ORGANIZATION_URN)
                if number:
                    live.members[str(number)] = entry
                else:
                    live.others.append(entry)
        if connections:
            for entry in self._pages(identifier, "resource-connections", live.tag):
                filters = tuple(str(action) for action in entry.get("actionFilters") or ())
                live.connections[str(entry.get("resourceIdentifier"))] = filters
        return live

    def _pages(self, identifier: str, what: str, tag: str) -> Iterator[dict[str, Any]]:
        """The entries of all pages, which all must belong to the version ``tag``.

        :raises ConflictError: they do not.
        """
        own = self._url(identifier, what)
        url: str | None = own
        while url:
            answer, found = self._get(url, f"read the {what} of access list {identifier}", identifier)
            if tag and found != tag:
                raise self._conflict(identifier)
            yield from (entry for entry in answer.get("data") or [] if isinstance(entry, dict))
            following = (answer.get("links") or {}).get("next")
            url = self._next(own, str(following), identifier, what) if following else None

    def _next(self, own: str, link: str, identifier: str, what: str) -> str:
        """The next page. Behind a proxy the registry may name a host of its own; a token is sent to ours alone."""
        if urlsplit(link)[:3] == urlsplit(own)[:3]:
            return link
        return self._url(identifier, what, token=_parameter(link, "token"))

    def _get(self, url: str, attempt: str, identifier: str | None = None) -> tuple[dict[str, Any], str]:
        response = self._transport.request("GET", url, auth=self._registry.login)
        if response.status == 412 and identifier:
            raise self._conflict(identifier)
        answer = self._registry.checked(response, attempt)
        return (answer if isinstance(answer, dict) else {}), response.headers.get("etag", "")

    # -- writing ----------------------------------------------------------------

    def put(self, identifier: str, body: Mapping[str, Any], tag: str | None) -> tuple[dict[str, Any], str]:
        """Create (``tag`` None) or change a list's name and description; returns the list and its new tag.

        :raises ConflictError: it exists already, or has another version.
        """
        headers = {"If-Match": tag} if tag else {"If-None-Match": "*"}
        attempt = f"{'change' if tag else 'create'} access list {identifier}"
        response = self._write("PUT", self._url(identifier), headers, attempt, identifier, body)
        answer = response.json()
        return (answer if isinstance(answer, dict) else {}), self._tag(response, tag)

    def delete(self, identifier: str, tag: str) -> None:
        """Delete a list with its members and connections.

        :raises ConflictError: it has another version.
        """
        self._write(
            "DELETE", self._url(identifier), {"If-Match": tag}, f"delete access list {identifier}", identifier
        )

    def add(self, identifier: str, numbers: Sequence[str], tag: str) -> str:
        """Add at most 100 organisations; returns the new tag."""
        return self._change_members("POST", identifier, numbers, tag)

    def remove(self, identifier: str, numbers: Sequence[str], tag: str) -> str:
        """Remove at most 100 organisations; returns the new tag."""
        return self._change_members("DELETE", identifier, numbers, tag)

    def _change_members(self, method: str, identifier: str, numbers: Sequence[str], tag: str) -> str:
        word = "add members to" if method == "POST" else "remove members from"
        response = self._write(
            method,
            self._url(identifier, "members"),
            {"If-Match": tag},
            f"{word} access list {identifier}",
            identifier,
            {"data": [f"{ORGANIZATION_URN}:{number}" for number in numbers]},
        )
        return self._tag(response, tag)

    def connect(
        self, identifier: str, resource: str, actions: Sequence[str], tag: str
    ) -> tuple[dict[str, Any], str]:
        """Connect a resource, for some actions or (none given) for all; returns the connection and the new tag."""
        response = self._write(
            "PUT",
            self._url(identifier, "resource-connections", resource),
            {"If-Match": tag},
            f"connect access list {identifier} to resource {resource}",
            identifier,
            {"actionFilters": list(actions)} if actions else {},
        )
        answer = response.json()
        return (answer if isinstance(answer, dict) else {}), self._tag(response, tag)

    def disconnect(self, identifier: str, resource: str, tag: str) -> str:
        response = self._write(
            "DELETE",
            self._url(identifier, "resource-connections", resource),
            {"If-Match": tag},
            f"disconnect access list {identifier} from resource {resource}",
            identifier,
        )
        return self._tag(response, tag)

    # -- inside -----------------------------------------------------------------

    def _write(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        attempt: str,
        identifier: str,
        body: Mapping[str, Any] | None = None,
    ) -> Response:
        response = self._transport.request(
            method,
            url,
            auth=self._registry.login,
            body=body,
            headers=headers,
            retry_statuses=(429, 502, 503, 504),
        )
        if response.status == 412:
            raise self._conflict(identifier)
        if not response.ok:
            raise self._registry.error(response, attempt)
        return response

    def _url(self, *segments: str, **parameters: str | None) -> str:
        return self._registry.url("access-lists", self.owner, *segments, **parameters)

    @staticmethod
    def _tag(response: Response, before: str | None) -> str:
        """A change moves the version; where an answer names none, the old one is as good as any: it is checked next time."""
        return response.headers.get("etag") or before or ""

    @staticmethod
    def _conflict(identifier: str) -> ConflictError:
        return ConflictError(
            f"Access list {identifier} keeps changing while it is worked on: someone else writes to it at the same time. "
            "What was done so far stands; run again when they are done.",
            status=412,
            item=identifier,
        )


def _parameter(url: str, name: str) -> str | None:
    return next(iter(parse_qs(urlsplit(url).query).get(name, [])), None)


def own_code(session: Session, registry: Registry, login: Login) -> str:
    """The service owner code of the organisation that is logged in, as Altinn's list of service owners has it.

    :raises InputError: it has none, or several.
    """
    token = login.token()
    claimed = token.claims.get("urn:altinn:org")
    if claimed:
        return str(claimed).lower()
    number = token.organization_number or session.organization_number
    if not number:
        raise InputError(
            "owner: the token does not say which organisation it belongs to; name the owner's code."
        )
    codes = sorted(code for code, owner in registry.service_owners().items() if owner.get("orgnr") == number)
    if len(codes) == 1:
        return codes[0]
    if codes:
        raise InputError(
            f"owner: organisation {number} has several codes in Altinn ({', '.join(codes)}); name one."
        )
    raise InputError(
        f"owner: organisation {number} is not in Altinn's list of service owners; it must become a service owner first "
        "(tjenesteeier@altinn.no)."
    )


def is_unknown_party(error: CollectionError) -> bool:
    """Whether a batch was refused because Altinn does not know one of its organisations."""
    return isinstance(error, ApiError) and error.code == UNKNOWN_PARTY
