# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The environments and every address in them; the one place where a host name of Digdir or Altinn stands.

Sources: Digdir's documentation of Maskinporten (hosts, self-service API), Altinn's documentation of its platform, and the
register of organisations (data.brreg.no).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from ._errors import InputError

#: Where `make sandbox` and the role `sandbox` listen when no port is chosen.
SANDBOX_BASE_URL: Final = "http://127.0.0.1:8765"


@dataclass(frozen=True)
class Environment:
    """One environment: its name and the base address of each service (no trailing slash, but for the issuer).

    :ivar name: ``test``, ``prod`` or ``sandbox``.
    :ivar issuer: Maskinporten's issuer; the trailing slash is part of the value.
    :ivar self_service_url: Digdir's self-service API, ending in ``/api/v1``.
    :ivar altinn_url: Altinn's platform (token exchange, resource registry, access management).
    :ivar org_list_url: Altinn's list of service owners.
    :ivar organization_register_url: Enhetsregisteret, ending in ``/enhetsregisteret/api``.
    :ivar delegation_source: the delegation source ``altinn`` of this environment; None where only the API can tell.
    :ivar portal_url: where people log in to Maskinporten's self-service.
    """

    name: str
    issuer: str
    self_service_url: str
    altinn_url: str
    org_list_url: str
    organization_register_url: str
    delegation_source: str | None
    portal_url: str

    @property
    def is_production(self) -> bool:
        return self.name == "prod"

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer}.well-known/oauth-authorization-server"


_REGISTER = "https://data.brreg.no/enhetsregisteret/api"
_ORG_LIST = "https://altinncdn.no/orgs/altinn-orgs.json"

ENVIRONMENTS: Final[Mapping[str, Environment]] = MappingProxyType(
    {
        "test": Environment(
            name="test",
            issuer="https://test.maskinporten.no/",
            self_service_url="https://api.test.samarbeid.digdir.no/api/v1",
            altinn_url="https://platform.tt02.altinn.no",
            org_list_url=_ORG_LIST,
            organization_register_url=_REGISTER,
            delegation_source="https://tt02.altinn.no/",
            portal_url="https://sjolvbetjening.test.samarbeid.digdir.no",
        ),
        "prod": Environment(
            name="prod",
            issuer="https://maskinporten.no/",
            self_service_url="https://api.samarbeid.digdir.no/api/v1",
            altinn_url="https://platform.altinn.no",
            org_list_url=_ORG_LIST,
            organization_register_url=_REGISTER,
            delegation_source="https://www.altinn.no/",
            portal_url="https://sjolvbetjening.samarbeid.digdir.no",
        ),
        "sandbox": Environment(
            name="sandbox",
            issuer=f"{SANDBOX_BASE_URL}/maskinporten/",
            self_service_url=f"{SANDBOX_BASE_URL}/self-service/api/v1",
            altinn_url=f"{SANDBOX_BASE_URL}/altinn",
            org_list_url=f"{SANDBOX_BASE_URL}/altinn-cdn/orgs/altinn-orgs.json",
            organization_register_url=f"{SANDBOX_BASE_URL}/register/enhetsregisteret/api",
            delegation_source=None,
            portal_url=SANDBOX_BASE_URL,
        ),
    }
)

ENVIRONMENT_NAMES: Final = tuple(ENVIRONMENTS)

#: Hosts of earlier generations that people still copy from old guides -> what took their place.
_RETIRED_HOSTS: Final = MappingProxyType(
    {
        "ver1.maskinporten.no": "test.maskinporten.no",
        "ver2.maskinporten.no": "test.maskinporten.no",
        "oidc.difi.no": "maskinporten.no",
        "oidc-ver1.difi.no": "test.maskinporten.no",
        "oidc-ver2.difi.no": "test.maskinporten.no",
        "integrasjon.difi.no": "api.samarbeid.digdir.no",
        "integrasjon-ver1.difi.no": "api.test.samarbeid.digdir.no",
        "integrasjon-ver2.difi.no": "api.test.samarbeid.digdir.no",
        "integrasjon-yt2.difi.no": "api.test.samarbeid.digdir.no",
    }
)

#: Which environment a well-known host belongs to, so that a prod inventory with a test address is refused.
_HOST_ENVIRONMENT: Final = MappingProxyType(
    {
        urlsplit(url).hostname or "": environment.name
        for environment in (ENVIRONMENTS["test"], ENVIRONMENTS["prod"])
        for url in (environment.issuer, environment.self_service_url, environment.altinn_url)
    }
)


def resolve_environment(
    name: str,
    *,
    maskinporten_url: str | None = None,
    self_service_url: str | None = None,
    altinn_url: str | None = None,
    org_list_url: str | None = None,
    organization_register_url: str | None = None,
) -> Environment:
    """The environment of that name with the addresses that were overridden.

    ``self_service_url`` may be a bare host or end in ``/api/v1``; ``maskinporten_url`` may lack its trailing slash.

    :raises InputError: unknown name; an address that is not https (plain http only to this machine), is a retired host, or
        belongs to the other environment.
    """
    if name not in ENVIRONMENTS:
        raise InputError(f"environment: '{name}' is unknown; it is one of {', '.join(ENVIRONMENT_NAMES)}.")
    environment = ENVIRONMENTS[name]
    changes: dict[str, str] = {}
    if maskinporten_url:
        changes["issuer"] = _checked("maskinporten_url", maskinporten_url, name).rstrip("/") + "/"
    if self_service_url:
        url = _checked("self_service_url", self_service_url, name)
        changes["self_service_url"] = url if url.endswith("/api/v1") else f"{url}/api/v1"
    if altinn_url:
        changes["altinn_url"] = _checked("altinn_url", altinn_url, name)
        if is_loopback(altinn_url) and not org_list_url:
            changes["org_list_url"] = f"{changes['altinn_url']}/resourceregistry/api/v1/resource/orgs"
    if org_list_url:
        changes["org_list_url"] = _checked("org_list_url", org_list_url, name)
    if organization_register_url:
        url = _checked("organization_register_url", organization_register_url, name)
        changes["organization_register_url"] = (
            url if url.endswith("/enhetsregisteret/api") else f"{url}/enhetsregisteret/api"
        )
    if name != "sandbox" and any(is_loopback(url) for url in changes.values()):
        # A loopback stand-in of another environment has its own delegation source; only its API can tell.
        return replace(environment, delegation_source=None, **changes)
    return replace(environment, **changes)


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine (``localhost``, ``127.0.0.0/8``, ``::1``)."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(option: str, url: str, environment: str) -> str:
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        parts.port  # noqa: B018 - raises ValueError for a port that is no number
    except ValueError as error:
        raise InputError(f"{option}: '{url}' is no address ({error}).") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InputError(f"{option}: '{url}' is no address; it starts with https:// and names a host.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError(f"{option}: an address carries neither user name, password, query nor fragment.")
    if parts.scheme == "http" and not is_loopback(text):
        raise InputError(
            f"{option}: plain http is allowed only to this machine, and '{host}' is not; use https://{host}."
        )
    if host in _RETIRED_HOSTS:
        raise InputError(
            f"{option}: {host} has been shut down; its place was taken by {_RETIRED_HOSTS[host]}."
        )
    belongs_to = _HOST_ENVIRONMENT.get(host)
    if belongs_to and belongs_to != environment:
        raise InputError(
            f"{option}: {host} belongs to environment '{belongs_to}', but environment is '{environment}'; "
            f"leave {option} out or correct environment."
        )
    return text
