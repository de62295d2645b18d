# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state every part of the sandbox shares, its clock, and the checks of a Maskinporten token.

Nothing here speaks HTTP. A part of the sandbox (token service, self-service, Altinn, register, control) gets the one
:class:`Sandbox` object and reads or changes ``box.state``.
"""

from __future__ import annotations

import copy
import os
import pickle
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from . import organization_numbers
from .altinn_state import AltinnState
from .faults import Faults
from .keys import PublicKeyInfrastructure
from .request_log import RequestLog
from .switches import Switches, declare

declare("skew", 10, int, "seconds of clock difference that are tolerated", "Digdir JWT grant page")
declare(
    "propagation_seconds",
    0,
    (float, "random"),
    "seconds until the token service sees what self-service wrote; random draws 0 to 120 for each change",
    "Digdir self-service API: 0 to 2 minutes",
)


class TokenRejected(Exception):
    """A bearer token that cannot be accepted; the text says why."""


class Clock:
    """The sandbox's clock: the machine's own, moved by ``offset`` seconds or stopped at ``fixed`` (epoch seconds)."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.fixed: float | None = None

    def now(self) -> float:
        """Epoch seconds."""
        return (time.time() if self.fixed is None else self.fixed) + self.offset

    def reset(self) -> None:
        """Back to the machine's clock."""
        self.offset = 0.0
        self.fixed = None


class State:
    """Everything the sandbox knows; plain data, so that it can be copied, pickled and written as JSON.

    ==================  ==========================================================================================
    ``organizations``   number -> {orgnr, name, synthetic, terms_signed, service_owner_code, eu}
    ``register``        number -> an entry of the register (see :mod:`.register`)
    ``prefixes``        prefix -> {prefix, owner_orgno, organization_name, created, last_updated, active}
    ``scopes``          name -> the scope as the self-service API shows it
    ``accesses``        scope -> consumer number -> {state, created, last_updated}
    ``clients``         client_id -> the client as the self-service API shows it
    ``keys``            client_id -> kid -> public JWK
    ``delegations``     list of {consumer, supplier, scope} or {consumer, supplier, resource}
    ``system_users``    list of {vendor, organization, external_ref, id, system_id}
    ``altinn``          what Altinn knows (:class:`.altinn_state.AltinnState`)
    ==================  ==========================================================================================

    Change scopes, access, clients and keys of self-service through :meth:`Sandbox.write` or after
    :meth:`Sandbox.remember`, so that the token service can see the change later than self-service.
    """

    def __init__(self) -> None:
        self.organizations: dict[str, dict[str, Any]] = {}
        self.register: dict[str, dict[str, Any]] = {}
        self.prefixes: dict[str, dict[str, Any]] = {}
        self.scopes: dict[str, dict[str, Any]] = {}
        self.accesses: dict[str, dict[str, dict[str, Any]]] = {}
        self.clients: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, dict[str, Any]]] = {}
        self.delegations: list[dict[str, Any]] = []
        self.system_users: list[dict[str, Any]] = []
        self.altinn: AltinnState = AltinnState()
        # What the token service still sees of things that changed lately: (kind, key) -> [(visible at, old value)].
        self.unpropagated: dict[tuple[str, str], list[tuple[float, Any]]] = {}

    def organization_name(self, number: str) -> str | None:
        """The organisation's name, or None when the number is unknown."""
        organization = self.organizations.get(number)
        return organization["name"] if organization else None

    def prefixes_of(self, number: str) -> list[str]:
        """Active scope prefixes that belong to the organisation, sorted."""
        return sorted(
            name
            for name, prefix in self.prefixes.items()
            if prefix["owner_orgno"] == number and prefix["active"]
        )

    def service_owner_code(self, number: str) -> str | None:
        """Altinn's code for the organisation, lower case, or None."""
        organization = self.organizations.get(number)
        code = organization.get("service_owner_code") if organization else None
        return code.lower() if code else None

    def service_owners(self) -> Iterator[dict[str, Any]]:
        """Organisations that have a service owner code in Altinn."""
        return (entry for entry in self.organizations.values() if entry.get("service_owner_code"))

    def to_json(self) -> dict[str, Any]:
        """The state as the control API shows it; see the role's README for every field."""
        return {
            "organizations": copy.deepcopy(list(self.organizations.values())),
            "register": copy.deepcopy(list(self.register.values())),
            "prefixes": copy.deepcopy(list(self.prefixes.values())),
            "scopes": copy.deepcopy(list(self.scopes.values())),
            "access": [
                {"scope": scope, "consumer_orgno": consumer, **entry}
                for scope, consumers in self.accesses.items()
                for consumer, entry in consumers.items()
            ],
            "clients": [
                {**copy.deepcopy(client), "keys": copy.deepcopy(list(self.keys.get(client_id, {}).values()))}
                for client_id, client in self.clients.items()
            ],
            "delegations": copy.deepcopy(self.delegations),
            "system_users": copy.deepcopy(self.system_users),
            "altinn": self.altinn.to_json(),
        }


class Sandbox:
    """One sandbox: state, clock, switches, keys, request log and faults."""

    def __init__(
        self,
        *,
        work_dir: Path,
        base_url: str = "http://127.0.0.1:0",
        switches: dict[str, Any] | None = None,
        latency_ms: float = 0.0,
        files: tuple[Path, ...] = (),
    ) -> None:
        self.work_dir = work_dir
        self.base_url = base_url.rstrip("/")
        self.state = State()
        self.clock = Clock()
        self.switches = Switches(switches)
        self.log = RequestLog()
        self.faults = Faults()
        self.start_latency_ms = latency_ms
        self.latency_ms = latency_ms
        self.files = files
        self.pki = PublicKeyInfrastructure(work_dir)
        self.credentials: dict[str, dict[str, dict[str, str]]] = {}
        self.used_grants: dict[tuple[str, str], float] = {}
        self.random = random.Random(20260101)  # noqa: S311 - delays, no secrets
        self._verified: dict[str, dict[str, Any]] = {}
        self._kept_state: bytes | None = None
        self.generation = 0
        """Grows with each reset; a request that still waits from before takes no effect."""

    # --- addresses -------------------------------------------------------------------------------------------

    @property
    def issuer(self) -> str:
        """Maskinporten's issuer, with its trailing slash."""
        return f"{self.base_url}/maskinporten/"

    @property
    def altinn_issuer(self) -> str:
        """Altinn as delegation source, with its trailing slash."""
        return f"{self.base_url}/altinn/"

    @property
    def urls(self) -> dict[str, str]:
        """Service name -> base URL."""
        return {
            "maskinporten": self.issuer,
            "self_service": f"{self.base_url}/self-service",
            "altinn": f"{self.base_url}/altinn",
            "altinn_cdn": f"{self.base_url}/altinn-cdn/orgs/altinn-orgs.json",
            "register": f"{self.base_url}/register",
            "control": f"{self.base_url}/control",
        }

    def info(self) -> dict[str, Any]:
        """What the start prints: addresses, process, where the credentials lie, work folder. Holds no secret."""
        return {
            "urls": self.urls,
            "control": self.urls["control"],
            "pid": os.getpid(),
            "credentials": self.credentials,
            "work_dir": str(self.work_dir),
        }

    # --- time and identifiers --------------------------------------------------------------------------------

    def now(self) -> float:
        """Epoch seconds on the sandbox's clock."""
        return self.clock.now()

    def now_datetime(self) -> datetime:
        """The sandbox's time as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def timestamp(self, digits: int = 3, at: float | None = None) -> str:
        """The sandbox's time as ISO 8601 text with ``digits`` (0 to 9) fraction digits and ``Z``."""
        moment = self.now() if at is None else at
        text = datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        if digits:
            nanoseconds = int((moment - int(moment)) * 1_000_000_000)
            text += f".{nanoseconds:09d}"[: digits + 1]
        return text + "Z"

    def new_id(self) -> str:
        """A fresh UUID as text."""
        return str(uuid.uuid4())

    def new_trace_id(self) -> str:
        """32 hexadecimal digits, as the services put in their error answers."""
        return uuid.uuid4().hex

    # --- keys and tokens -------------------------------------------------------------------------------------

    @property
    def signing_key(self) -> rsa.RSAPrivateKey:
        """The key Maskinporten signs access tokens with."""
        return self.pki.service_key("maskinporten")

    @property
    def signing_key_id(self) -> str:
        """``kid`` of :attr:`signing_key`, as published at ``/maskinporten/jwk``."""
        return "sandbox-maskinporten-1"

    @property
    def altinn_signing_key(self) -> rsa.RSAPrivateKey:
        """The key Altinn signs exchanged tokens with."""
        return self.pki.service_key("altinn")

    @property
    def altinn_signing_key_id(self) -> str:
        """``kid`` of :attr:`altinn_signing_key`."""
        return "sandbox-altinn-1"

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign ``claims`` as a Maskinporten access token."""
        return jwt.encode(
            claims, self.signing_key, algorithm="RS256", headers={"kid": self.signing_key_id, "typ": None}
        )

    def verify_maskinporten_token(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token this sandbox's Maskinporten issued.

        Checks signature, issuer and lifetime (with the switch ``skew``), not audience and not scopes.
        Raises TokenRejected.
        """
        claims = self._verified.get(token)
        if claims is None:
            try:
                claims = jwt.decode(
                    token,
                    self.signing_key.public_key(),
                    algorithms=["RS256", "RS384", "RS512"],
                    options={
                        "verify_aud": False,
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                    },
                )
            except jwt.PyJWTError as error:
                raise TokenRejected(f"the token cannot be verified: {error}") from error
            if len(self._verified) >= 500:
                self._verified.clear()
            self._verified[token] = claims
        if claims.get("iss") != self.issuer:
            raise TokenRejected("the token comes from another issuer")
        if (
            not isinstance(claims.get("exp"), (int, float))
            or claims["exp"] + self.switches["skew"] < self.now()
        ):
            raise TokenRejected("the token has expired")
        return claims

    @staticmethod
    def consumer_of(claims: dict[str, Any]) -> str | None:
        """The Norwegian organisation number in the claim ``consumer``, or None."""
        identifier = str((claims.get("consumer") or {}).get("ID", ""))
        authority, _unused, number = identifier.partition(":")
        return number if authority == "0192" and organization_numbers.is_valid(number) else None

    # --- what the token service sees -------------------------------------------------------------------------

    def remember(self, kind: str, key: str) -> None:
        """Call before changing ``state.<kind>[key]`` through self-service.

        With the switch ``propagation_seconds`` the token service goes on seeing the old value for that long.
        """
        setting = self.switches["propagation_seconds"]
        delay = self.random.uniform(0, 120) if setting == "random" else float(setting)
        if delay <= 0 and (kind, key) not in self.state.unpropagated:
            return
        old = copy.deepcopy(self._current(kind, key))
        self.state.unpropagated.setdefault((kind, key), []).append((self.now() + delay, old))

    def published(self, kind: str, key: str) -> Any:
        """What the token service sees of ``state.<kind>[key]``; None when it is not there (yet).

        ``kind`` is ``scopes``, ``clients``, ``keys`` or ``access``; the key of ``access`` is ``"<scope> <consumer>"``.
        """
        waiting = self.state.unpropagated.get((kind, key))
        if waiting:
            now = self.now()
            still = [entry for entry in waiting if entry[0] > now]
            if still:
                self.state.unpropagated[(kind, key)] = still
                return still[0][1]
            del self.state.unpropagated[(kind, key)]
        return self._current(kind, key)

    def _current(self, kind: str, key: str) -> Any:
        if kind == "access":
            scope, _unused, consumer = key.rpartition(" ")
            return self.state.accesses.get(scope, {}).get(consumer)
        return getattr(self.state, kind).get(key)

    def is_delegated(self, scope: str, consumer: str, supplier: str) -> bool:
        """True when ``consumer`` has delegated ``scope`` to ``supplier``, directly or through a resource in Altinn.

        Altinn's side may offer ``AltinnState.delegates(scope, consumer, supplier) -> bool``.
        """
        for entry in self.state.delegations:
            if (
                entry.get("consumer") == consumer
                and entry.get("supplier") == supplier
                and entry.get("scope") == scope
            ):
                return True
        return bool(self.state.altinn.delegates(self.state, scope, consumer, supplier))

    # --- keeping and restoring -------------------------------------------------------------------------------

    def keep_state(self) -> None:
        """Keep the present state as what :meth:`reset` goes back to."""
        self._kept_state = pickle.dumps(self.state, protocol=pickle.HIGHEST_PROTOCOL)

    def reset(self) -> None:
        """Back to the kept state, the machine's clock, the switches given at start, no faults and an empty log."""
        if self._kept_state is not None:
            # Our own bytes, kept in this process and never read from outside.
            self.state = pickle.loads(self._kept_state)  # noqa: S301
        self.clock.reset()
        self.switches.reset()
        self.faults.clear()
        self.log.clear()
        self.latency_ms = self.start_latency_ms
        self.used_grants.clear()
        self.generation += 1
