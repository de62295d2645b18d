# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The doctor: why does an organisation get no token, or no answer? Given what is known, walks from cause to cause.

Nothing here writes. It takes a scope with an organisation (and a supplier), a pasted error, a token in a file, a client of
the organisation, or any of these together; tells the first broken link first, and what mends it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

from . import _known_causes
from ._auth import ALLOWED_SKEW, clock_offset, trace_id
from ._doctor_findings import BROKEN, OK, UNSEEN, WARNING, Findings, report
from ._doctor_traps import TRAPS
from ._errors import ApiError, AuthenticationError, CollectionError, InputError, redact
from ._maskinporten._self_service import CLIENTS_WRITE, SCOPES_WRITE, SelfService
from ._organization_number import OrganizationNumberError, normalize, shown
from ._run import Task

_PLAYBOOKS: Final = "tilbyder.maskinporten"
_EXPIRY_WARNING: Final = 30
_PATHLIKE: Final = re.compile(r"[./\\?#%]")


def doctor_options() -> dict[str, dict[str, Any]]:
    """The options of the module beside the shared ones."""
    return {
        "scope": {"type": "str"},
        "organization": {"type": "str"},
        "supplier": {"type": "str"},
        "error": {"type": "str"},
        "token_file": {"type": "path", "no_log": False},
        "audience": {"type": "str"},
        "client": {"type": "str"},
        "client_key_id": {"type": "str", "no_log": False},
        "declared": {"type": "dict"},
        "target": {"type": "str"},
        "inventory": {"type": "list", "elements": "str"},
    }


def inform(task: Task) -> dict[str, Any]:
    """Walk the chain and tell what was found (module ``maskinporten_doctor``).

    :raises InputError: nothing to look at, or a file without a token.
    """
    return _Doctor(task).answer()


class _Doctor:
    def __init__(self, task: Task) -> None:
        self._params = task.params
        self._session = task.session
        self._environment = task.session.environment
        self._findings = Findings()
        self._token_claims: dict[str, Any] | None = None
        self._letters: dict[str, str] = {}
        asked = ("scope", "organization", "supplier", "error", "token_file", "client")
        if not any(self._params.get(option) for option in asked):
            raise InputError(
                "Nothing to look at: give a scope and an organization (and a supplier), a pasted error, a token_file or a client."
            )

    def answer(self) -> dict[str, Any]:
        params, findings = self._params, self._findings
        error = redact(params.get("error") or "")
        consumer, supplier = self._number("organization"), self._number("supplier")
        # A token or an error alone can be judged without asking for anything.
        services = params.get("scope") or params.get("client") or consumer
        reachable = self._connection() if services or params.get("token_file") else True
        if reachable and services and findings.first_broken is None:
            self._login()
        chain = self._chain(consumer, supplier) if reachable and (params.get("scope") or consumer) else None
        if reachable and params.get("client"):
            self._client(str(params["client"]))
        if params.get("token_file"):
            self._token(consumer, supplier, chain)
        causes = self._causes(error, supplier)
        first = findings.first_broken
        if first is None or first.link != "delegation":
            # The consumer is asked once everything before it holds.
            self._letters = {}
        traps = dict.fromkeys(
            name
            for name in (*(finding.trap for finding in findings.all), *(cause["trap"] for cause in causes))
            if name
        )
        return {
            "healthy": first is None,
            "first_broken": first.as_dict() if first else None,
            "findings": [finding.as_dict() for finding in findings.all],
            "causes": causes,
            "traps": [{"name": name, **TRAPS[name]._asdict()} for name in traps],
            "token": self._token_claims,
            "letters": self._letters,
            "report": report(self._subject(consumer, supplier), findings, causes, self._letters),
        }

    def _subject(self, consumer: str | None, supplier: str | None) -> str:
        scope = self._params.get("scope")
        parts = [
            f"{scope} in environment '{self._environment.name}'"
            if scope
            else f"Environment '{self._environment.name}'"
        ]
        if consumer:
            parts.append(f"for {consumer}")
        if supplier:
            parts.append(f"acting through {supplier}")
        return " ".join(parts)

    def _command(self, playbook: str, **variables: str | None) -> str:
        """A command line that a person can paste."""
        given = {"target": self._params.get("target") or self._environment.name, **variables}
        words = [
            word for source in self._params.get("inventory") or () for word in ("-i", shlex.quote(source))
        ]
        words += [
            word for name, value in given.items() if value for word in ("-e", shlex.quote(f"{name}={value}"))
        ]
        return " ".join(["ansible-playbook", f"{_PLAYBOOKS}.{playbook}", *words])

    # -- what was given -------------------------------------------------------------

    def _number(self, option: str) -> str | None:
        value = self._params.get(option)
        if not value:
            return None
        try:
            return normalize(value)
        except OrganizationNumberError as error:
            pathlike = bool(_PATHLIKE.search(str(value))) and not any(
                letter.isdigit() for letter in str(value)
            )
            self._findings.add(
                option,
                "Organisation" if option == "organization" else "Supplier",
                BROKEN,
                f"{error}; nothing is ever asked with it",
                "check the number in the register of organisations (data.brreg.no)",
                trap="path_as_number" if pathlike else "mistyped_number",
            )
            return None

    # -- what lies before everything ---------------------------------------------------

    def _connection(self) -> bool:
        """Whether Maskinporten answers, and what its clock says of ours."""
        title, transport = "Maskinporten answers", self._session.transport
        try:
            response = transport.request("GET", self._environment.metadata_url)
        except CollectionError as error:
            self._findings.add(
                "connection", title, BROKEN, error.message,
                "look at name service, proxy and firewall between this machine and Maskinporten", trap="network",
            )  # fmt: skip
            return False
        document = response.json()
        if not response.ok or not isinstance(document, dict) or not document.get("issuer"):
            self._findings.add(
                "connection", title, BROKEN,
                f"{self._environment.metadata_url} answered {response.status} without Maskinporten's metadata",
                "check maskinporten_url and environment; if they are right, a gateway in front of it has trouble",
                trap="network" if response.status >= 500 else None,
            )  # fmt: skip
            return False
        issuer = str(document["issuer"])
        if issuer != self._environment.issuer:
            self._findings.add(
                "connection", title, BROKEN, f"the server calls itself {issuer}, not {self._environment.issuer}",
                "correct maskinporten_url; the issuer's slash is part of it", trap="audience",
            )  # fmt: skip
            return False
        self._findings.add("connection", title, OK, issuer)
        offset = clock_offset(response)
        if offset is not None and abs(offset) > ALLOWED_SKEW / 2:
            direction = "ahead of" if offset > 0 else "behind"
            self._findings.add(
                "clock", "Clock", BROKEN if abs(offset) > ALLOWED_SKEW else WARNING,
                f"this machine's clock is {abs(offset):.0f} seconds {direction} Maskinporten's, which allows {ALLOWED_SKEW}",
                "set the clock by NTP", trap="clock",
            )  # fmt: skip
        elif offset is not None:
            self._findings.add("clock", "Clock", OK, "agrees with Maskinporten's")
        return True

    def _login(self) -> None:
        """Whether the administration client gets a token, and may ask what the chain needs."""
        title = "Administration login"
        try:
            login = self._session.administration((SCOPES_WRITE,))
            if login is None:
                self._findings.add(
                    "login", title, UNSEEN,
                    "no administration client was given, so only what is open to everyone can be seen",
                    "give administration (maskinporten_client_id and its key in the inventory)",
                )  # fmt: skip
                return
            token = login.token()
        except AuthenticationError as error:
            cause = _known_causes.find_cause(
                _known_causes.TOKEN, code=error.code, text=error.server_message, status=error.status
            )
            self._findings.add(
                "login", title, BROKEN, error.message, f"{cause.remedy}" if cause else "",
                trap=cause.trap if cause else None,
            )  # fmt: skip
            return
        except CollectionError as error:
            self._findings.add("login", title, BROKEN, error.message)
            return
        self._findings.add("login", title, OK, f"as organisation {token.organization_number}")
        self._terms(SelfService(self._session, login))

    def _terms(self, api: SelfService) -> None:
        """Whether the terms of use are signed; only told when they are not, or when the API refuses at all."""
        try:
            consented = api.auth_user().get("has_consented")
        except ApiError as error:
            cause = _known_causes.find_cause(
                _known_causes.SELF_SERVICE, text=error.server_message, status=error.status
            )
            if cause and cause.trap == "terms_unsigned":
                self._findings.add(
                    "terms", "Terms of use", BROKEN, error.message, cause.remedy, trap=cause.trap
                )
            return
        except CollectionError:
            return
        if consented is False:
            self._findings.add(
                "terms", "Terms of use", BROKEN, "nobody has signed them for the organisation",
                "someone who can sign for the organisation signs them in Samarbeidsportalen", trap="terms_unsigned",
            )  # fmt: skip

    # -- the parts ---------------------------------------------------------------------

    def _chain(self, consumer: str | None, supplier: str | None) -> Any:
        from ._doctor_chain import Chain

        if any(
            finding.link in ("login", "terms") and finding.state == BROKEN for finding in self._findings.all
        ):
            return None
        chain = Chain(
            self._session,
            self._findings,
            scope=str(self._params.get("scope") or ""),
            consumer=consumer,
            supplier=supplier,
            declared=self._params.get("declared"),
            command=self._command,
        )
        if not self._params.get("scope"):
            chain.look_at_holdings()
            return None
        chain.walk()
        self._letters = chain.letters
        return chain

    def _token(self, consumer: str | None, supplier: str | None, chain: Any) -> None:
        from ._doctor_token import TokenExamination

        examination = TokenExamination(
            self._session,
            self._findings,
            scope=self._params.get("scope"),
            consumer=consumer,
            supplier=supplier,
            audience=self._params.get("audience"),
        )
        self._token_claims = examination.examine(str(self._params["token_file"]))
        if chain is not None:
            if chain.scope is not None:
                examination.compare_lifetime(chain.scope)
            examination.check_delegation_source(chain.delegation_source)

    def _client(self, wanted: str) -> None:
        """A client of the organisation: there, active, with a key that lives, with the scope."""
        title = "Client"
        if any(finding.link == "login" and finding.state == BROKEN for finding in self._findings.all):
            return
        try:
            login = self._session.administration((CLIENTS_WRITE,))
            if login is None:
                self._findings.add("client", title, UNSEEN, "no administration client was given")
                return
            api = SelfService(self._session, login)
            client = api.client(wanted)
            keys = api.keys(wanted)
        except ApiError as error:
            missing = error.status in (403, 404) and not isinstance(error, AuthenticationError)
            self._findings.add(
                "client", title, BROKEN if missing else UNSEEN, error.message,
                "a client lives in test or in production, never in both; check its id" if missing else "",
                trap="other_environment" if missing else None,
            )  # fmt: skip
            return
        except CollectionError as error:
            self._findings.add("client", title, UNSEEN, error.message)
            return
        self._judge_client(wanted, client, keys)

    def _judge_client(self, wanted: str, client: Mapping[str, Any], keys: list[dict[str, Any]]) -> None:
        from ._maskinporten._client_keys import describe

        add = self._findings.add
        if not client.get("active", True):
            add("client", "Client", BROKEN, f"{shown(wanted)} is deactivated, so Maskinporten answers MP-100",
                "re-activate it (maskinporten_client)", trap="other_environment")  # fmt: skip
        else:
            add("client", "Client", OK, f"{wanted} ({client.get('client_name') or 'without name'}), active")
        scope = self._params.get("scope")
        if scope and scope not in (client.get("scopes") or []):
            add(
                "client_scope", "Client's scopes", BROKEN, f"{scope} is not on the client, so Maskinporten answers MP-200",
                "add it (maskinporten_client with scopes)", trap="scope_not_on_client",
            )  # fmt: skip
        elif scope:
            add("client_scope", "Client's scopes", OK, f"{scope} is on the client")
        title, rows = "Client's keys", [describe(key) for key in keys]
        kids = ", ".join(row["kid"] for row in rows) or "none; it logs in with a certificate"
        kid = self._params.get("client_key_id")
        rotate = self._command("rotate", client=wanted)
        if kid and kid not in [row["kid"] for row in rows]:
            add(
                "client_keys", title, BROKEN,
                f"{shown(kid)} is not registered; registered: {kids}. Posting a key set replaces every key on the client",
                "register the key again, by itself, and ask who else sends keys for this client", rotate, "key_set_replaced",
            )  # fmt: skip
            return
        looked_at = [row for row in rows if kid in (None, row["kid"])]
        expired = [row["kid"] for row in looked_at if row["expired"]]
        soon = [
            f"{row['kid']} in {row['days_left']} days"
            for row in looked_at
            if row["days_left"] is not None and 0 <= row["days_left"] < _EXPIRY_WARNING and not row["expired"]
        ]
        if expired and (kid or len(expired) == len(rows)):
            add("client_keys", title, BROKEN, f"{', '.join(expired)} expired, so Maskinporten answers MP-121",
                "rotate the key", rotate, "key_expired")  # fmt: skip
        elif soon or expired:
            told = [*(f"{entry} expires" for entry in soon), *(f"{entry} has expired" for entry in expired)]
            add("client_keys", title, WARNING, "; ".join(told), "rotate the key", rotate, "key_expired")
        else:
            add("client_keys", title, OK, kids)

    # -- pasted errors -------------------------------------------------------------------

    def _causes(self, error: str, supplier: str | None) -> list[dict[str, Any]]:
        if not error:
            return []
        found = []
        for cause in _known_causes.causes_in(error):
            trap = cause.trap
            remedy = cause.remedy
            if cause.code == "MP-250":
                remedy += "; if the client is a supplier's, it may have left out consumer_org, and so asked for itself"
                trap = "consumer_org_forgotten" if supplier else trap
            found.append(
                {
                    "code": cause.code,
                    "service": cause.service,
                    "meaning": cause.meaning,
                    "remedy": remedy,
                    "passing": cause.passing,
                    "trap": "propagation" if cause.passing and trap is None else trap,
                    "trace_id": trace_id(error),
                }
            )
        if not found:
            trace = trace_id(error)
            self._findings.add(
                "error", "Error text", UNSEEN, "no known cause fits it",
                f"ask servicedesk@digdir.no{f' with trace id {trace}' if trace else ' with its trace id'}",
            )  # fmt: skip
        return found
