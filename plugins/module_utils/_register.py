# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The register of organisations (Enhetsregisteret): who stands behind a number, asked in batches and once a
run.

Source: the register's open API. A search answers many numbers at once but leaves out dissolved organisations,
so what a search does not find is asked for one by one. Synthetic organisations are not in the real register;
outside production Digdir's self-service API knows their names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ._environments import Environment
from ._errors import ApiError, CollectionError, ConnectionFailedError
from ._maskinporten._self_service import SelfService
from ._organization_number import OrganizationNumberError, is_synthetic, normalize, shown
from ._run import Task
from ._session import Session
from ._transport import Response, path_segment, query

#: Numbers in one search; keeps the address well below what proxies take.
BATCH: Final = 100

ACTIVE: Final = "active"
DISSOLVED: Final = "dissolved"
BANKRUPT: Final = "bankrupt"
BEING_DISSOLVED: Final = "being_dissolved"
UNKNOWN: Final = "unknown"
REMOVED: Final = "removed"

_MAIN: Final = "enheter"
_SUB: Final = "underenheter"
# Words that lists leave out or add without meaning another organisation.
_GENERIC_WORDS: Final = frozenset(
    ("as", "asa", "sa", "ba", "da", "ans", "iks", "kf", "fkf", "nuf", "sf", "hf", "rhf", "kommune", "fylkeskommune",
     "norge", "norway", "og", "the", "of", "i")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Organization:
    """What is known of one organisation.

    :ivar status: one of the constants of this file.
    :ivar parent: number of the main unit, for a sub-unit.
    :ivar since: ISO date of dissolution, bankruptcy or closing, where there is one.
    :ivar source: ``register`` or ``self_service``, or None when nobody knows the number.
    """

    number: str
    status: str
    name: str | None = None
    form: str | None = None
    parent: str | None = None
    since: str | None = None
    source: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "organization_number": self.number,
            "name": self.name,
            "status": self.status,
            "form": self.form,
            "sub_unit": self.parent is not None,
            "parent": self.parent,
            "since": self.since,
            "synthetic": is_synthetic(self.number),
            "source": self.source,
        }


class Register:
    """Look-ups with a memory for the run; no login."""

    def __init__(self, session: Session) -> None:
        self._transport = session.transport
        self._environment: Environment = session.environment
        self._base = session.environment.organization_register_url
        self._self_service = SelfService(session, None)
        self._known: dict[str, Organization] = {}

    def look_up(self, numbers: Iterable[str]) -> dict[str, Organization]:
        """Every number -> what is known of it; a number nobody knows has status ``unknown``.

        ``numbers`` are normalised.

        :raises CollectionError: the register cannot be reached, or answers with an error.
        """
        wanted = list(dict.fromkeys(numbers))
        missing = [number for number in wanted if number not in self._known]
        for kind in (_MAIN, _SUB):
            batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
            for found in self._all(lambda batch, kind=kind: self._search(kind, batch), batches):
                self._known.update(found)
            missing = [number for number in missing if number not in self._known]
        for organization in self._all(self._one, missing):
            self._known[organization.number] = organization
        return {number: self._known[number] for number in wanted}

    def _all(self, function: Any, items: Sequence[Any]) -> list[Any]:
        """The results of all calls, or the first failure."""
        results = self._transport.map(function, items)
        for result in results:
            if isinstance(result, CollectionError):
                raise result
        return results

    def _search(self, kind: str, numbers: Sequence[str]) -> dict[str, Organization]:
        url = query(f"{self._base}/{kind}", organisasjonsnummer=",".join(numbers), size=str(len(numbers)))
        response = self._transport.request("GET", url)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            raise _register_error(response, "search for organisations")
        # Without hits there is no _embedded at all.
        entries = (answer.get("_embedded") or {}).get(kind) or []
        found = [_organization(entry, kind) for entry in entries if isinstance(entry, dict)]
        return {organization.number: organization for organization in found if organization.number in numbers}

    def _one(self, number: str) -> Organization:
        """A number that no search finds: dissolved, removed, known to Digdir alone, or unknown."""
        if not (self._environment.is_production and is_synthetic(number)):
            for kind in (_MAIN, _SUB):
                response = self._transport.request("GET", f"{self._base}/{kind}/{path_segment(number)}")
                answer = response.json()
                if response.status == 410:
                    return Organization(number, REMOVED, source="register")
                if response.ok and isinstance(answer, dict):
                    return _organization({"organisasjonsnummer": number, **answer}, kind)
                if response.status not in (400, 404):
                    raise _register_error(response, f"look up organisation {number}")
        if not self._environment.is_production:
            known = self._self_service.organization(number)
            if known is not None:
                return Organization(number, ACTIVE, name=known.get("name"), source="self_service")
        return Organization(number, UNKNOWN)


def names_agree(listed: str, registered: str) -> bool:
    """Whether two names can be of one organisation: case, punctuation, legal forms and small slips do not
    matter."""
    first, second = _words(listed), _words(registered)
    if not first or not second or set(first) == set(second):
        return True
    joined = ["".join(sorted(words)) for words in (first, second)]
    return difflib.SequenceMatcher(None, joined[0], joined[1], autojunk=False).ratio() >= 0.87


def _words(name: str) -> list[str]:
    words = re.findall(r"\w+", name.casefold())
    significant = [word for word in words if word not in _GENERIC_WORDS]
    return significant or words


def _organization(entry: Mapping[str, Any], kind: str) -> Organization:
    form = entry.get("organisasjonsform")
    status, since = ACTIVE, None
    ended = entry.get("slettedato") or entry.get("nedleggelsesdato")
    if ended:
        status, since = DISSOLVED, str(ended)
    elif entry.get("konkurs"):
        status, since = BANKRUPT, entry.get("konkursdato")
    elif entry.get("underAvvikling") or entry.get("underTvangsavviklingEllerTvangsopplosning"):
        status, since = BEING_DISSOLVED, entry.get("underAvviklingDato")
    parent = entry.get("overordnetEnhet") if kind == _SUB else None
    return Organization(
        str(entry.get("organisasjonsnummer")),
        status,
        name=entry.get("navn"),
        form=form.get("kode") if isinstance(form, Mapping) else None,
        parent=str(parent) if parent else None,
        since=since,
        source="register",
    )


def _register_error(response: Response, attempt: str) -> CollectionError:
    answer = response.json()
    text = str(answer.get("message") or answer.get("error") or "") if isinstance(answer, dict) else ""
    if response.ok:
        return ConnectionFailedError(
            f"Could not {attempt}: the register of organisations answered {response.status} without a readable body.",
            url=response.url,
        )
    return ApiError(
        f"Could not {attempt}: the register of organisations answered {response.status}"
        f"{f' — {text}' if text else ''}. Set register_check: off to go on without it.",
        status=response.status,
        server_message=text,
        url=response.url,
    )


def inform(task: Task) -> dict[str, Any]:
    """What is known of the organisations asked for (module ``organization_info``), in the order asked."""
    asked: list[tuple[Any, str | None, str | None]] = []
    for value in task.params["organizations"]:
        try:
            asked.append((value, normalize(value), None))
        except OrganizationNumberError as error:
            asked.append((value, None, str(error)))
    found = Register(task.session).look_up(number for _value, number, _problem in asked if number)
    organizations = []
    for value, number, problem in asked:
        if number:
            organizations.append({**found[number].as_dict(), "valid": True})
        else:
            organizations.append(
                {"organization_number": None, "text": shown(value), "valid": False, "problem": problem}
            )
    return {"organizations": organizations}
