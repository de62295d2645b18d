# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fresh sandbox holds: three providers, a few consumers, Digdir's and Altinn's own scopes, the municipalities.

All consumers and municipalities are synthetic: their numbers pass the check-digit rule, start with 3 and belong to
nobody; their names are made up. The two public agencies are those of the official guides' examples.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from . import altinn, organization_numbers
from .core import Sandbox
from .keys import public_jwk
from .seed import Seeder

DIGDIR = "991825827"

ADMINISTRATION_SCOPES = (
    "idporten:scopes.write",
    "idporten:scopes.read",
    "idporten:dcr.write",
    "idporten:dcr.read",
    "idporten:dcr.modify",
)
ALTINN_SCOPES = (
    "altinn:resourceregistry/resource.write",
    "altinn:resourceregistry/accesslist.write",
    "altinn:resourceregistry/accesslist.read",
    "altinn:serviceowner",
    "altinn:maskinporten/delegations",
)
_OTHER_SYSTEM_SCOPES = (
    "idporten:dcr.supplier",
    "altinn:resourceregistry/resource.read",
    "altinn:resourceregistry/resource.admin",
    "altinn:resourceregistry/pdp:accesslist.read",
    "altinn:maskinporten/delegations.admin",
    "altinn:maskinporten/delegationschemes.write",
    "altinn:authorization/authorize",
    "altinn:consenttokens",
)


# With these a consumer delegates a scope to its supplier in Altinn, and a supplier sees what it was given.
DELEGATION_SCOPES = tuple(
    f"altinn:accessmanagement/enduser:maskinporten{side}.{right}"
    for side in ("suppliers", "consumers")
    for right in ("read", "write")
)


@dataclasses.dataclass(frozen=True)
class Provider:
    """A provider of a fresh sandbox; ``name`` is what tests and the start line call it."""

    name: str
    number: str
    organization: str
    prefixes: tuple[str, ...]
    code: str
    english: str


PROVIDERS = (
    Provider(
        "testetat",
        "310001007",
        "NØYAKTIG FJORD DIREKTORAT",
        ("testetat", "testetatdigital"),
        "testetat",
        "Exact Fjord Directorate",
    ),
    Provider(
        "fdir", "971203420", "FISKERIDIREKTORATET", ("fdir",), "fd", "The Norwegian Directorate of Fisheries"
    ),
    Provider(
        "skatteetaten",
        "974761076",
        "SKATTEETATEN",
        ("skatteetaten", "folkeregister"),
        "skd",
        "The Norwegian Tax Administration",
    ),
)

CONSUMERS = {
    "consumer": ("310002100", "STILLE BRE AS", "AS"),
    "supplier": ("310004774", "TRYGG MOSE SYSTEM AS", "AS"),
}


def seed_fresh(box: Sandbox) -> None:
    """Fill an empty sandbox and write the credentials of its clients below the work folder."""
    seeder = Seeder(box)
    seeder.merge(_organizations())
    seeder.merge(_system_scopes())
    for provider in PROVIDERS:
        box.credentials[provider.name] = _provider_clients(box, seeder, provider)
    for name, (number, organization, _form) in CONSUMERS.items():
        box.credentials[name] = {"client": _consumer_client(box, seeder, name, number, organization)}
    altinn.seed(box.state)
    box.keep_state()


def _organizations() -> dict[str, Any]:
    organizations: list[dict[str, Any]] = [
        {
            "orgnr": DIGDIR,
            "name": "DIGITALISERINGSDIREKTORATET",
            "form": "ORGL",
            "service_owner_code": "digdir",
        },
    ]
    for provider in PROVIDERS:
        organizations.append(
            {
                "orgnr": provider.number,
                "name": provider.organization,
                "form": "ORGL",
                "service_owner_code": provider.code,
                "service_owner_name": {
                    "en": provider.english,
                    "nb": provider.organization.title(),
                    "nn": provider.organization.title(),
                },
            }
        )
    organizations += [
        {"orgnr": number, "name": name, "form": form} for number, name, form in CONSUMERS.values()
    ]
    organizations += [
        {
            "orgnr": "312345676",
            "name": "DEMOETATEN",
            "form": "ORGL",
            "service_owner_code": "demo",
            "service_owner_name": {"en": "Demo Agency", "nb": "Demoetaten", "nn": "Demoetaten"},
        },
        {"orgnr": "310005819", "name": "LYS HEI ETAT", "form": "ORGL"},
        {"orgnr": "310003425", "name": "KNUST IS AS", "form": "AS", "bankrupt": "2026-04-01"},
        {"orgnr": "310006661", "name": "SLUKKET VARDE AS", "form": "AS", "deleted": "2026-02-28"},
        {"orgnr": "315003628", "name": "STILLE BRE AS AVD NORD", "form": "BEDR", "parent": "310002100"},
    ]
    return {
        "organizations": [*organizations, *municipalities()],
        "prefixes": [
            {"prefix": "idporten", "owner_orgno": DIGDIR},
            {"prefix": "altinn", "owner_orgno": DIGDIR},
            {"prefix": "lysheietat", "owner_orgno": "310005819"},
            {"prefix": "utgaatt", "owner_orgno": "310005819", "active": False},
            *(
                {"prefix": prefix, "owner_orgno": provider.number}
                for provider in PROVIDERS
                for prefix in provider.prefixes
            ),
        ],
    }


def municipalities() -> list[dict[str, Any]]:
    """357 made-up municipalities, as many as Norway has."""
    first = (
        "Nord",
        "Sør",
        "Øst",
        "Vest",
        "Indre",
        "Ytre",
        "Øvre",
        "Nedre",
        "Gammel",
        "Ny",
        "Stor",
        "Lille",
        "Lang",
        "Brei",
        "Høg",
        "Låg",
        "Fager",
    )
    last = (
        "fjell",
        "vik",
        "dal",
        "nes",
        "øy",
        "sund",
        "bygd",
        "mo",
        "lund",
        "strand",
        "elv",
        "berg",
        "haug",
        "eid",
        "fjord",
        "tun",
        "vang",
        "moen",
        "sjø",
        "foss",
        "skog",
    )
    names = [f"{start}{end}".upper() for start in first for end in last]
    numbers = organization_numbers.synthetic_numbers(31000900)
    return [{"orgnr": next(numbers), "name": f"{name} KOMMUNE", "form": "KOMM"} for name in names[:357]]


def _system_scopes() -> dict[str, Any]:
    scopes = []
    for name in (*ADMINISTRATION_SCOPES, *ALTINN_SCOPES, *_OTHER_SYSTEM_SCOPES, *DELEGATION_SCOPES):
        prefix, _unused, subscope = name.partition(":")
        lifetime = 3600 if prefix == "altinn" else 0
        scopes.append(
            {
                "prefix": prefix,
                "subscope": subscope,
                "description": f"{'Altinn' if prefix == 'altinn' else 'Self-service'}: {subscope}",
                "allowed_integration_types": ["maskinporten"],
                "at_max_age": lifetime,
                "authorization_max_lifetime": lifetime,
            }
        )
    owners = [provider.number for provider in PROVIDERS]
    consumers = [number for number, _organization, _form in CONSUMERS.values()]
    return {
        "scopes": scopes,
        "access": [
            *({"scope": name, "consumers": owners} for name in (*ADMINISTRATION_SCOPES, *ALTINN_SCOPES)),
            *({"scope": name, "consumers": consumers} for name in DELEGATION_SCOPES),
        ],
    }


def _provider_clients(box: Sandbox, seeder: Seeder, provider: Provider) -> dict[str, dict[str, str]]:
    enterprise_key = box.pki.key(f"{provider.name}:administration")
    chain = box.pki.authority.issue(enterprise_key.public_key(), provider.number, provider.organization)
    administration = box.pki.write_key(
        provider.name, "administration", enterprise_key, "enterprise-certificate"
    )
    chain_path = box.pki.write_chain(provider.name, "administration", chain)
    altinn_key = box.pki.key(f"{provider.name}:altinn")
    kid = f"{provider.name}-altinn-1"
    altinn = box.pki.write_key(provider.name, "altinn", altinn_key, kid)
    seeder.merge(
        {
            "clients": [
                {
                    "client_id": f"{provider.name}-administration",
                    "client_name": "Administration of scopes and clients",
                    "description": "administration client",
                    "client_orgno": provider.number,
                    "scopes": list(ADMINISTRATION_SCOPES),
                },
                {
                    "client_id": f"{provider.name}-altinn",
                    "client_name": "Resources, policies and access lists in Altinn",
                    "description": "altinn client",
                    "client_orgno": provider.number,
                    "scopes": list(ALTINN_SCOPES),
                    "keys": [public_jwk(altinn_key, kid)],
                },
            ]
        }
    )
    return {
        "administration": {
            "client_id": f"{provider.name}-administration",
            "organization_number": provider.number,
            "private_key_path": administration["pem"],
            "certificate_chain_path": chain_path,
            "rsa_private_key_path": administration["rsa_pem"],
            "encrypted_private_key_path": administration["encrypted_pem"],
            "passphrase_path": administration["passphrase"],
            "jwk_path": administration["jwk"],
        },
        "altinn": {
            "client_id": f"{provider.name}-altinn",
            "organization_number": provider.number,
            "private_key_path": altinn["pem"],
            "key_id": kid,
            "rsa_private_key_path": altinn["rsa_pem"],
            "encrypted_private_key_path": altinn["encrypted_pem"],
            "passphrase_path": altinn["passphrase"],
            "jwk_path": altinn["jwk"],
        },
    }


def _consumer_client(
    box: Sandbox, seeder: Seeder, name: str, number: str, organization: str
) -> dict[str, str]:
    # Consumers share one key: nothing depends on theirs being different.
    key = box.pki.key("consumers")
    kid = f"{name}-1"
    paths = box.pki.write_key(name, "client", key, kid)
    seeder.merge(
        {
            "clients": [
                {
                    "client_id": f"{name}-client",
                    "client_name": f"{organization.title()} integration",
                    "description": "consumer client",
                    "client_orgno": number,
                    "scopes": list(DELEGATION_SCOPES),
                    "keys": [public_jwk(key, kid)],
                }
            ]
        }
    )
    return {
        "client_id": f"{name}-client",
        "organization_number": number,
        "private_key_path": paths["pem"],
        "key_id": kid,
        "jwk_path": paths["jwk"],
    }
