# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""What one module run works with: the environment, one HTTP client, and one login per identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._auth import LONGEST_GRANT, SHORTEST_GRANT, AltinnLogin, Identity, MaskinportenLogin, TokenRequest
from ._environments import Environment
from ._errors import InputError
from ._options import environment_of, identity_settings, setting
from ._organization_number import OrganizationNumberError, normalize
from ._transport import Transport

MASKINPORTEN_VARIABLES: Final = ("MASKINPORTEN_",)
ALTINN_VARIABLES: Final = ("ALTINN_", "MASKINPORTEN_")


class Session:
    """One process' way to the services. Use as a context manager.

    :ivar environment: names and addresses.
    :ivar transport: the HTTP client with its account of requests.
    :ivar params: the module's options.
    :ivar organization_number: the provider, when the inventory says who it is.
    :ivar confirmed: production was confirmed with its own name.
    """

    def __init__(self, params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> None:
        self.params = params
        self._environ = environ
        self.environment: Environment = environment_of(params, environ)
        self.organization_number: str | None = None
        number = setting(params, "organization_number", environ)
        if number:
            try:
                self.organization_number = normalize(number)
            except OrganizationNumberError as error:
                raise InputError(f"organization_number: {error}") from None
        self.confirmed = params.get("confirm") == self.environment.name
        for option, least in (("timeout", 0), ("concurrency", 0), ("retries", -1)):
            value = params.get(option)
            if value is not None and value <= least:
                raise InputError(f"{option}: {value} is too small.")
        self.transport = Transport(
            timeout=params.get("timeout") or 30.0,
            retries=4 if params.get("retries") is None else params["retries"],
            concurrency=params.get("concurrency") or 4,
            ca_path=setting(params, "ca_path", environ),
        )
        self._logins: dict[tuple[Any, ...], MaskinportenLogin | AltinnLogin] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def maskinporten(self, default_scopes: Sequence[str]) -> MaskinportenLogin:
        """The login of the task's own identity; ``token_scopes`` of the task win over ``default_scopes``."""
        return self.login(TokenRequest(tuple(self.params.get("token_scopes") or default_scopes)))

    def login(self, request: TokenRequest) -> MaskinportenLogin:
        """The login of the task's own identity for exactly this request."""
        return self._login(self.params, MASKINPORTEN_VARIABLES, request)

    def altinn(self, default_scopes: Sequence[str]) -> MaskinportenLogin | AltinnLogin:
        """The login towards Altinn: exchanged by default, Maskinporten's own token when ``altinn_token_exchange`` is off."""
        scopes = tuple(self.params.get("token_scopes") or default_scopes)
        login = self._login(self.params, ALTINN_VARIABLES, TokenRequest(scopes))
        if self.params.get("altinn_token_exchange") is False:
            return login
        key = ("altinn", scopes)
        if key not in self._logins:
            self._logins[key] = AltinnLogin(self.transport, self.environment, login)
        return self._logins[key]

    def administration(self, scopes: Sequence[str]) -> MaskinportenLogin | None:
        """The administration client beside an Altinn identity (option ``administration``, variables ``MASKINPORTEN_…``).

        None when there is none: then nothing of Maskinporten's self-service can be asked.
        """
        given = self.params.get("administration") or {}
        settings = identity_settings(given, MASKINPORTEN_VARIABLES, self._environ)
        if not settings["client_id"] and not settings["token"]:
            return None
        return self._login(given, MASKINPORTEN_VARIABLES, TokenRequest(tuple(scopes)))

    def _login(
        self, given: Mapping[str, Any], variable_prefixes: Sequence[str], request: TokenRequest
    ) -> MaskinportenLogin:
        settings = identity_settings(given, variable_prefixes, self._environ)
        key = (settings["client_id"], settings["key_id"], request)
        if key not in self._logins:
            self._logins[key] = MaskinportenLogin(
                self.transport,
                self.environment,
                build_identity(settings),
                request,
                organization_number=self.organization_number,
            )
        login = self._logins[key]
        if not isinstance(login, MaskinportenLogin):
            raise AssertionError("one key, one kind of login")
        return login


def build_identity(settings: Mapping[str, Any]) -> Identity:
    """The identity that settings describe, its key and certificate read and checked against each other.

    :raises InputError: key or certificate cannot be right.
    """
    lifetime = settings["grant_lifetime"]
    if not SHORTEST_GRANT <= lifetime <= LONGEST_GRANT:
        raise InputError(
            f"grant_lifetime: {lifetime} is not between {SHORTEST_GRANT} and {LONGEST_GRANT} seconds."
        )
    key = None
    key_id = settings["key_id"]
    chain: tuple[str, ...] = ()
    if settings["private_key_path"] or settings["private_key"]:
        from ._signing_key import check_certificate, load_certificate_chain, load_signing_key, x5c

        key = load_signing_key(
            path=settings["private_key_path"],
            text=settings["private_key"],
            passphrase=settings["private_key_passphrase"],
        )
        certificates = key.certificates
        if settings["certificate_chain_path"] or settings["certificate_chain"]:
            certificates = load_certificate_chain(
                path=settings["certificate_chain_path"], text=settings["certificate_chain"]
            )
            key_id = None
        elif not key_id:
            key_id = key.key_id
        if certificates and not key_id:
            check_certificate(key, certificates)
            chain = tuple(x5c(certificates))
    return Identity(
        client_id=settings["client_id"],
        key=key,
        key_id=key_id,
        chain=chain,
        algorithm=settings["algorithm"],
        grant_lifetime=lifetime,
        token=settings["token"],
    )
