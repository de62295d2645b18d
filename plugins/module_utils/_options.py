# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The options that every module shares, as argument specs, and the environment variables that stand in for them.

Documented by the fragments ``tilbyder.maskinporten.auth``, ``.connection`` and ``.altinn``; a test keeps the two the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from ._environments import ENVIRONMENT_NAMES, Environment, resolve_environment
from ._errors import InputError
from ._signing_key import ALGORITHMS
from ._transport import DEFAULT_CONCURRENCY, DEFAULT_RETRIES, DEFAULT_TIMEOUT

#: Option -> variable; an empty variable counts as not set, since AWX renders a blank credential field so.
CONNECTION_VARIABLES: Final = MappingProxyType(
    {
        "environment": "MASKINPORTEN_ENVIRONMENT",
        "maskinporten_url": "MASKINPORTEN_URL",
        "self_service_url": "MASKINPORTEN_SELF_SERVICE_URL",
        "altinn_url": "ALTINN_URL",
        "organization_register_url": "ORGANIZATION_REGISTER_URL",
        "organization_number": "MASKINPORTEN_ORGANIZATION_NUMBER",
        "ca_path": "MASKINPORTEN_CA_PATH",
    }
)

#: Identity options -> end of the variable; the start is ``MASKINPORTEN_`` or ``ALTINN_``.
IDENTITY_VARIABLES: Final = MappingProxyType(
    {
        "client_id": "CLIENT_ID",
        "private_key_path": "PRIVATE_KEY_PATH",
        "private_key": "PRIVATE_KEY",
        "private_key_passphrase": "PRIVATE_KEY_PASSPHRASE",
        "key_id": "KEY_ID",
        "certificate_chain_path": "CERTIFICATE_CHAIN_PATH",
        "certificate_chain": "CERTIFICATE_CHAIN",
        "token": "TOKEN",
    }
)

#: What proves who the client is; given together, so taken from the environment only together.
_PROOF: Final = ("private_key_path", "private_key", "private_key_passphrase", "key_id", "certificate_chain_path",
                 "certificate_chain", "token")  # fmt: skip
_SECRETS: Final = ("private_key", "private_key_passphrase", "token")
# Ansible censors the value of a secret wherever it appears; one of a few letters would censor ordinary words.
_SHORTEST_SECRET: Final = 8


def connection_options() -> dict[str, dict[str, Any]]:
    """Which environment, at which addresses, how patiently."""
    return {
        "environment": {"type": "str", "choices": list(ENVIRONMENT_NAMES)},
        "maskinporten_url": {"type": "str"},
        "self_service_url": {"type": "str"},
        "altinn_url": {"type": "str"},
        "organization_register_url": {"type": "str"},
        "organization_number": {"type": "str"},
        "ca_path": {"type": "path"},
        "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
        "retries": {"type": "int", "default": DEFAULT_RETRIES},
        "concurrency": {"type": "int", "default": DEFAULT_CONCURRENCY},
        "confirm": {"type": "str"},
    }


def identity_options() -> dict[str, dict[str, Any]]:
    """Who logs in, and with what."""
    return {
        "client_id": {"type": "str"},
        "private_key_path": {"type": "path", "no_log": False},
        "private_key": {"type": "str", "no_log": True},
        "private_key_passphrase": {"type": "str", "no_log": True},
        "key_id": {"type": "str", "no_log": False},
        "certificate_chain_path": {"type": "path"},
        "certificate_chain": {"type": "str"},
        "algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": ALGORITHMS[0]},
        "grant_lifetime": {"type": "int", "default": 120},
        "token": {"type": "str", "no_log": True},
    }


def auth_options() -> dict[str, dict[str, Any]]:
    """Everything a module of Maskinporten needs to log in."""
    return {
        **connection_options(),
        **identity_options(),
        "token_scopes": {"type": "list", "elements": "str", "no_log": False},
    }


def altinn_options() -> dict[str, dict[str, Any]]:
    """Everything a module of Altinn needs to log in; the administration client is a second identity."""
    return {
        **auth_options(),
        "altinn_token_exchange": {"type": "bool", "default": True, "no_log": False},
        "administration": {"type": "dict", "options": identity_options()},
    }


def setting(params: Mapping[str, Any], option: str, environ: Mapping[str, str] | None = None) -> Any:
    """The value of a connection option: what the task says, else its environment variable, else None."""
    value = params.get(option)
    if value not in (None, ""):
        return value
    return (os.environ if environ is None else environ).get(CONNECTION_VARIABLES.get(option, "")) or None


def environment_of(params: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Environment:
    """The environment a task works in.

    :raises InputError: not named, unknown, or with an address that cannot be right.
    """
    name = setting(params, "environment", environ)
    if not name:
        raise InputError(
            "environment: say where: test, prod or sandbox (as an option, in module_defaults, or in MASKINPORTEN_ENVIRONMENT)."
        )
    return resolve_environment(
        name,
        maskinporten_url=setting(params, "maskinporten_url", environ),
        self_service_url=setting(params, "self_service_url", environ),
        altinn_url=setting(params, "altinn_url", environ),
        organization_register_url=setting(params, "organization_register_url", environ),
    )


def identity_settings(
    given: Mapping[str, Any], variable_prefixes: Sequence[str], environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The identity options of a task, completed from environment variables without mixing two identities.

    ``variable_prefixes``: tried in this order, e.g. ``("ALTINN_", "MASKINPORTEN_")``; the first with any variable set is the
    one. A key, its id, a certificate and a token belong together: they come from the task, or all from the environment.

    :raises InputError: a secret too short to be one, or options that exclude each other.
    """
    environ = os.environ if environ is None else environ
    settings = {option: given.get(option) or None for option in IDENTITY_VARIABLES}
    for prefix in variable_prefixes:
        found = {option: environ.get(prefix + end) for option, end in IDENTITY_VARIABLES.items()}
        if not any(found.values()):
            continue
        if not any(settings[option] for option in _PROOF):
            settings.update({option: found[option] or None for option in _PROOF})
        settings["client_id"] = settings["client_id"] or found["client_id"] or None
        break
    for option in _SECRETS:
        secret = settings[option]
        if secret and len(secret) < _SHORTEST_SECRET:
            raise InputError(
                f"{option}: fewer than {_SHORTEST_SECRET} characters cannot be a secret that is worth keeping."
            )
    for first, second in (
        ("private_key_path", "private_key"),
        ("certificate_chain_path", "certificate_chain"),
        ("key_id", "certificate_chain_path"),
        ("key_id", "certificate_chain"),
    ):
        if settings[first] and settings[second]:
            raise InputError(f"{first} and {second} exclude each other; give one of them.")
    lifetime = given.get("grant_lifetime")
    settings["grant_lifetime"] = 120 if lifetime is None else lifetime
    settings["algorithm"] = given.get("algorithm") or ALGORITHMS[0]
    return settings


def secrets_in(settings: Mapping[str, Any]) -> list[str]:
    """The secret values among identity settings, for Ansible's own censor."""
    return [settings[option] for option in _SECRETS if settings.get(option)]


def with_defaults(
    params: Mapping[str, Any], item_options: Mapping[str, Any], list_option: str
) -> list[dict[str, Any]]:
    """The declared objects: the entries of the list option over the top-level values, or the one object at top level.

    An option that is given neither in the entry nor at top level is None: not managed.
    """
    top = {option: params.get(option) for option in item_options}
    entries = params.get(list_option)
    if entries is None:
        return [top]
    return [
        {
            option: entry.get(option) if entry.get(option) is not None else top[option]
            for option in item_options
        }
        for entry in entries
    ]
