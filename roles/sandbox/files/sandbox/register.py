# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The register of organisations (Enhetsregisteret): look-up of one, and search by name or by list of numbers.

Follows https://data.brreg.no/enhetsregisteret/api/docs: HAL answers, ``_embedded`` left out of an empty search, at most
10 000 hits reachable through paging.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .answers import JSON
from .core import Sandbox
from .switches import declare

declare(
    "register_knows_synthetic",
    True,
    bool,
    "off: the register answers 404 for synthetic numbers, as the real one does",
    "Enhetsregisteret holds real organisations only",
)

BASE = "/enhetsregisteret/api"
_FORMS = {
    "AS": "Aksjeselskap",
    "ORGL": "Organisasjonsledd",
    "KOMM": "Kommune",
    "FYLK": "Fylkeskommune",
    "STAT": "Staten",
    "SF": "Statsforetak",
    "ENK": "Enkeltpersonforetak",
    "NUF": "Norskregistrert utenlandsk foretak",
    "BEDR": "Underenhet til næringsdrivende og offentlig forvaltning",
    "AAFY": "Underenhet til ikke-næringsdrivende",
}
_ADDRESS = {
    "land": "Norge",
    "landkode": "NO",
    "postnummer": "0001",
    "poststed": "OSLO",
    "adresse": ["Eksempelveien 1"],
    "kommune": "OSLO",
    "kommunenummer": "0301",
}
_OWN_MEMBERS = ("type", "gone")
_NUMBER = re.compile(r"[0-9]{9}\Z")
_DEFAULT_SIZE = 20
_LARGEST_SIZE = 100
_REACHABLE = 10_000


def new_entry(
    number: str,
    name: str,
    *,
    form: str = "AS",
    parent: str | None = None,
    deleted: str | None = None,
    bankrupt: str | None = None,
    winding_up: bool = False,
    gone: bool = False,
) -> dict[str, Any]:
    """A register entry: an ordinary organisation, or one that is dissolved, bankrupt, being wound up or a sub-unit.

    ``deleted`` and ``bankrupt`` are dates (``YYYY-MM-DD``), ``parent`` the number a sub-unit belongs to (``deleted`` is
    then the day it closed), ``gone`` makes the register answer 410.
    """
    entry: dict[str, Any] = {
        "type": "underenhet" if parent else "enhet",
        "gone": gone,
        "organisasjonsnummer": number,
        "navn": name,
        "organisasjonsform": {"kode": form, "beskrivelse": _FORMS.get(form, form)},
    }
    if parent:
        entry |= {
            "overordnetEnhet": parent,
            "oppstartsdato": "2016-01-01",
            "beliggenhetsadresse": dict(_ADDRESS),
        }
        return {**entry, "nedleggelsesdato": deleted} if deleted else entry
    if deleted:
        return {**entry, "slettedato": deleted}
    entry["registreringsdatoEnhetsregisteret"] = "2015-03-01"
    entry["forretningsadresse"] = dict(_ADDRESS)
    entry["konkurs"] = bool(bankrupt)
    if bankrupt:
        entry["konkursdato"] = bankrupt
    entry["underAvvikling"] = winding_up
    entry["underTvangsavviklingEllerTvangsopplosning"] = False
    entry["maalform"] = "Bokmål"
    return entry


class Register:
    """The endpoints of one kind: main units (``enheter``) or sub-units (``underenheter``)."""

    def __init__(self, box: Sandbox, kind: str) -> None:
        self._box = box
        self._type = kind
        self._plural = {"enhet": "enheter", "underenhet": "underenheter"}[kind]

    async def one(self, request: Request) -> Response:
        number: str = request.path_params["number"]
        if not _NUMBER.match(number):
            return self._error(request, 400, "Bad Request", f"Organisasjonsnummer {number} er ikke gyldig")
        entry = self._find(number)
        if entry is None:
            return Response(status_code=404)
        if entry["gone"]:
            return self._error(request, 410, "Gone", "Enheten er fjernet av juridiske årsaker")
        return JSON(self._shown(entry))

    async def search(self, request: Request) -> Response:
        query = request.query_params
        try:
            size = int(query.get("size", _DEFAULT_SIZE))
            page = int(query.get("page", 0))
        except ValueError:
            return self._error(request, 400, "Bad Request", "size og page må være heltall")
        if size < 0 or page < 0 or (page + 1) * size > _REACHABLE:
            return self._error(request, 400, "Bad Request", f"Antall treff kan ikke overstige {_REACHABLE}")
        hits = [
            entry
            for entry in self._candidates(query.get("organisasjonsnummer"))
            if entry["type"] == self._type
            and not entry["gone"]
            and not {"slettedato", "nedleggelsesdato"} & set(entry)
        ]
        name = query.get("navn")
        if name:
            words = name.upper().split()
            hits = [entry for entry in hits if all(word in entry["navn"].upper() for word in words)]
        form = query.get("organisasjonsform")
        if form:
            hits = [entry for entry in hits if entry["organisasjonsform"]["kode"] in form.split(",")]
        if query.get("konkurs"):
            hits = [
                entry
                for entry in hits
                if str(entry.get("konkurs", False)).lower() == query["konkurs"].lower()
            ]
        if query.get("overordnetEnhet"):
            hits = [entry for entry in hits if entry.get("overordnetEnhet") == query["overordnetEnhet"]]
        pages = -(-len(hits) // size) if size else 0
        chosen = hits[page * size : (page + 1) * size] if size else []
        answer: dict[str, Any] = {}
        if chosen:
            answer["_embedded"] = {self._plural: [self._shown(entry) for entry in chosen]}
        answer["_links"] = self._links(request, page, pages)
        answer["page"] = {"size": size, "totalElements": len(hits), "totalPages": pages, "number": page}
        return JSON(answer)

    def _find(self, number: str) -> dict[str, Any] | None:
        entry = self._box.state.register.get(number)
        if entry is None or entry["type"] != self._type:
            return None
        if not self._box.switches["register_knows_synthetic"] and number[0] not in "89":
            return None
        return entry

    def _candidates(self, numbers: str | None) -> list[dict[str, Any]]:
        if numbers is None:
            found = [self._find(number) for number in self._box.state.register]
        else:
            found = [self._find(number.strip()) for number in dict.fromkeys(numbers.split(","))]
        return [entry for entry in found if entry is not None]

    def _shown(self, entry: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in entry.items() if name not in _OWN_MEMBERS}
        address = f"{self._box.base_url}/register{BASE}/{self._plural}/{entry['organisasjonsnummer']}"
        return {**shown, "_links": {"self": {"href": address}}}

    def _links(self, request: Request, page: int, pages: int) -> dict[str, Any]:
        base = f"{self._box.base_url}/register{BASE}/{self._plural}/"

        def link(number: int) -> dict[str, str]:
            query = {**dict(request.query_params), "page": str(number)}
            return {"href": f"{base}?{urlencode(query)}"}

        links = {"self": {"href": f"{base}?{request.url.query}" if request.url.query else base}}
        if pages > 1:
            links["first"] = link(0)
            links["last"] = link(pages - 1)
            if page > 0:
                links["prev"] = link(page - 1)
            if page < pages - 1:
                links["next"] = link(page + 1)
        return links

    def _error(self, request: Request, status: int, error: str, message: str) -> Response:
        return JSON(
            {
                "timestamp": self._box.timestamp(3),
                "status": status,
                "error": error,
                "message": message,
                "path": request.url.path.removeprefix("/register"),
            },
            status,
        )


def routes(box: Sandbox) -> list[BaseRoute]:
    """All routes of the register."""
    found: list[BaseRoute] = []
    for kind, plural in (("enhet", "enheter"), ("underenhet", "underenheter")):
        register = Register(box, kind)
        found += [
            Route(f"{BASE}/{plural}", register.search),
            Route(f"{BASE}/{plural}/", register.search),
            Route(f"{BASE}/{plural}/{{number}}", register.one),
        ]
    return found
