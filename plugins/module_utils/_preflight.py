# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Before the first write: does what the inventory says agree with what the services say, and what is still missing?

Every check is one answer that was seen; what could not be asked is ``unknown``, never ``ok``. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ._altinn._registry import RESOURCE_WRITE, Registry
from ._auth import AltinnLogin, MaskinportenLogin, TokenRequest, clock_offset
from ._errors import ApiError, CollectionError
from ._maskinporten._self_service import ALTINN_SOURCE, SCOPES_WRITE, SelfService
from ._options import identity_options, identity_settings
from ._run import Task
from ._session import ALTINN_VARIABLES, build_identity

OK: Final = "ok"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
#: Seconds; Maskinporten refuses from ten on, and a clock that is off by five is on its way there.
CLOCK_LIMIT: Final = 5.0


def preflight_options() -> dict[str, dict[str, Any]]:
    """The options of the module beside the shared ones."""
    return {
        "prefixes": {"type": "list", "elements": "str"},
        "delegation": {"type": "bool", "default": False},
        "altinn": {"type": "dict", "options": identity_options()},
        "altinn_scopes": {"type": "list", "elements": "str"},
    }


def inform(task: Task) -> dict[str, Any]:
    """Walk all checks (module ``maskinporten_preflight_info``).

    :returns: ``checks`` (``id``, ``title``, ``state``, ``message``, ``variable``), ``ready`` and ``organization_number``.
    """
    walk = _Walk(task)
    for check in (
        walk.maskinporten,
        walk.login,
        walk.terms,
        walk.prefixes,
        walk.delegation_source,
        walk.altinn,
    ):
        check()
    failed = [row for row in walk.checks if row["state"] == FAILED]
    return {
        "checks": walk.checks,
        "ready": not failed,
        "failures": [_sentence(row) for row in failed],
        "organization_number": walk.organization_number,
        "service_owner_code": walk.service_owner_code,
    }


def _sentence(row: Mapping[str, Any]) -> str:
    where = f" (look at {row['variable']})" if row["variable"] else ""
    return f"Not in place: {row['title'][0].lower()}{row['title'][1:]}{where}: {row['message']}"


class _Walk:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._session = task.session
        self._environment = task.session.environment
        self._api: SelfService | None = None
        self._login: MaskinportenLogin | None = None
        self.organization_number: str | None = None
        self.service_owner_code: str | None = None
        self.checks: list[dict[str, Any]] = []

    def _add(
        self, identifier: str, title: str, state: str, message: str, variable: str | None = None
    ) -> None:
        self.checks.append(
            {"id": identifier, "title": title, "state": state, "message": message, "variable": variable}
        )

    def _tried(self, identifier: str, title: str, variable: str | None, attempt: Callable[[], str]) -> bool:
        try:
            message = attempt()
        except CollectionError as error:
            self._add(identifier, title, FAILED, error.message, variable)
            return False
        self._add(identifier, title, OK, message)
        return True

    # -- Maskinporten -----------------------------------------------------------

    def maskinporten(self) -> None:
        response = None
        try:
            response = self._session.transport.request("GET", self._environment.metadata_url)
        except CollectionError as error:
            self._add("reachable", "Maskinporten answers", FAILED, error.message, "maskinporten_url")
            return
        if not response.ok:
            message = f"{self._environment.metadata_url} answered {response.status}"
            self._add("reachable", "Maskinporten answers", FAILED, message, "maskinporten_url")
            return
        self._add("reachable", "Maskinporten answers", OK, self._environment.issuer)
        offset = clock_offset(response)
        if offset is None:
            self._add("clock", "The clock is right", UNKNOWN, "the answer carried no date")
        elif abs(offset) > CLOCK_LIMIT:
            direction = "ahead of" if offset > 0 else "behind"
            message = (
                f"this machine's clock is {abs(offset):.0f} seconds {direction} Maskinporten's; set it (NTP)"
            )
            self._add("clock", "The clock is right", FAILED, message)
        else:
            self._add("clock", "The clock is right", OK, "within a few seconds")

    def login(self) -> None:
        title = "The administration client logs in"

        def attempt() -> str:
            self._login = self._session.maskinporten((SCOPES_WRITE,))
            token = self._login.token()
            self.organization_number = token.organization_number
            return f"as organisation {token.organization_number} with {' '.join(token.scopes)}"

        if self._tried("administration", title, "maskinporten_client_id", attempt):
            self._api = SelfService(self._session, self._login)

    def terms(self) -> None:
        title = "The terms of use are signed"
        if self._api is None:
            self._add("terms", title, UNKNOWN, "not asked, since there was no login")
            return
        try:
            user = self._api.auth_user()
        except ApiError as error:
            if "precondition_required" in error.server_message.lower():
                self._add("terms", title, FAILED, error.message)
            else:
                self._add("terms", title, UNKNOWN, "this client may not ask; the first write will tell")
            return
        except CollectionError as error:
            self._add("terms", title, UNKNOWN, error.message)
            return
        consented = user.get("has_consented")
        if consented is None:
            self._add("terms", title, UNKNOWN, "the API does not say")
        elif consented:
            self._add("terms", title, OK, str(user.get("authenticated_organization_name") or ""))
        else:
            message = "not signed; someone who can sign for the organisation signs them in Samarbeidsportalen"
            self._add("terms", title, FAILED, message)

    def prefixes(self) -> None:
        wanted = self._task.params.get("prefixes") or []
        title = "The scope prefix is assigned"
        if self._api is None:
            self._add("prefix", title, UNKNOWN, "not asked, since there was no login")
            return
        api = self._api

        def attempt() -> str:
            ours = api.prefixes()
            missing = [prefix for prefix in wanted if prefix not in ours]
            listed = ", ".join(ours) or "none"
            if missing:
                raise CollectionError(
                    f"{', '.join(missing)} is not ours in environment '{self._environment.name}'; ours: {listed}. "
                    "Digdir assigns a prefix on request (servicedesk@digdir.no)"
                )
            if not ours:
                raise CollectionError("Digdir has assigned none yet; ask servicedesk@digdir.no")
            return listed

        self._tried("prefix", title, "provider_apis", attempt)

    def delegation_source(self) -> None:
        title = "Altinn is a delegation source"
        if not self._task.params.get("delegation"):
            return

        def attempt() -> str:
            sources = SelfService(self._session, None).delegation_sources()
            if ALTINN_SOURCE not in sources:
                raise CollectionError(
                    f"the environment's delegation sources are {', '.join(sources) or 'none'}"
                )
            return sources[ALTINN_SOURCE]

        self._tried("delegation_source", title, None, attempt)

    # -- Altinn -----------------------------------------------------------------

    def altinn(self) -> None:
        given = self._task.params.get("altinn")
        if given is None:
            return
        scopes = tuple(self._task.params.get("altinn_scopes") or (RESOURCE_WRITE,))
        login: list[AltinnLogin] = []

        def attempt_login() -> str:
            settings = identity_settings(given, ALTINN_VARIABLES)
            maskinporten = MaskinportenLogin(
                self._session.transport,
                self._environment,
                build_identity(settings),
                TokenRequest(scopes),
                organization_number=self._session.organization_number,
            )
            token = maskinporten.token()
            login.append(AltinnLogin(self._session.transport, self._environment, maskinporten))
            return f"with {' '.join(token.scopes)}"

        if not self._tried(
            "altinn_client", "The Altinn client has Altinn's scopes", "altinn_client_id", attempt_login
        ):
            return

        def attempt_exchange() -> str:
            token = login[0].token()
            prefixes = ", ".join(token.prefixes)
            return f"for prefix {prefixes}" if prefixes else "exchanged"

        self._tried("altinn_exchange", "Altinn takes the token", "altinn_url", attempt_exchange)

        def attempt_owner() -> str:
            number = (
                self.organization_number
                or self._session.organization_number
                or login[0].token().organization_number
            )
            owners: Mapping[str, Any] = Registry(self._session, login[0]).service_owners()
            codes = sorted(code for code, owner in owners.items() if owner.get("orgnr") == number)
            if not codes:
                raise CollectionError(
                    f"organisation {number} is not in Altinn's list of service owners; become a service owner at Altinn first"
                )
            self.service_owner_code = codes[0]
            return ", ".join(codes)

        self._tried(
            "service_owner",
            "The organisation is a service owner in Altinn",
            "maskinporten_organization_number",
            attempt_owner,
        )
