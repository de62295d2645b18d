# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging documented JSON into the state: what ``POST /control/seed``, ``PUT /control/state`` and a state file take."""

from __future__ import annotations

import base64
import hashlib
import pickle
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from . import organization_numbers
from .core import Sandbox, State
from .keys import public_jwk
from .register import new_entry
from .self_service import new_client, new_scope

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_REGISTER_MEMBERS = {"form", "parent", "deleted", "bankrupt", "winding_up", "gone"}
_LONG_AGO = "2024-01-10T12:00:00.000Z"
SECTIONS = (
    "organizations",
    "generate_organizations",
    "register",
    "prefixes",
    "scopes",
    "access",
    "clients",
    "delegations",
    "system_users",
    "altinn",
)


class SeedError(ValueError):
    """A seed that cannot be read; the text names the section and what is wrong."""


class Seeder:
    """Writes seeds into one sandbox's state, visible to the token service at once."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    @property
    def _state(self) -> State:
        return self._box.state

    def merge(self, seed: dict[str, Any]) -> dict[str, int]:
        """Merge a seed; returns how many entries of each section were taken. Raises SeedError."""
        if not isinstance(seed, dict):
            raise SeedError("a seed is a JSON object")
        unknown = sorted(set(seed) - set(SECTIONS))
        if unknown:
            raise SeedError(f"a seed has no section {unknown[0]!r}; the sections are {', '.join(SECTIONS)}")
        before = pickle.dumps(self._state, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            return {
                section: getattr(self, f"_merge_{section}")(seed[section])
                for section in SECTIONS
                if section in seed
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Our own bytes; nothing of a seed with a fault is kept.
            self._box.state = pickle.loads(before)  # noqa: S301
            if isinstance(error, SeedError):
                raise
            what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise SeedError(f"the seed cannot be read: {what}") from error

    def replace(self, seed: dict[str, Any]) -> dict[str, int]:
        """Put a whole state in place of the present one; on an error the present one stays. Raises SeedError."""
        before = self._box.state
        self._box.state = State()
        try:
            return self.merge(seed)
        except SeedError:
            self._box.state = before
            raise

    # --- sections --------------------------------------------------------------------------------------------

    def _merge_organizations(self, entries: Any) -> int:
        for entry in _list("organizations", entries):
            number = _member("organizations", entry, "orgnr")
            if not entry.get("eu") and not organization_numbers.is_valid(number):
                raise SeedError(f"organizations: {number!r} is not a valid organisation number")
            known = self._state.organizations.get(number, {})
            merged = {
                "orgnr": number,
                "name": entry.get("name") or known.get("name") or f"ORGANISASJON {number}",
                "synthetic": entry.get("synthetic", organization_numbers.is_synthetic(number)),
                "terms_signed": entry.get("terms_signed", known.get("terms_signed", True)),
                "service_owner_code": entry.get("service_owner_code", known.get("service_owner_code")),
            }
            for name in ("service_owner_name", "eu"):
                if entry.get(name, known.get(name)) is not None:
                    merged[name] = entry.get(name, known.get(name))
            self._state.organizations[number] = merged
            if not entry.get("in_register", True):
                self._state.register.pop(number, None)
            elif number not in self._state.register or _REGISTER_MEMBERS & set(entry):
                self._state.register[number] = new_entry(
                    number,
                    merged["name"],
                    **{
                        member: entry[member] for member in _REGISTER_MEMBERS if entry.get(member) is not None
                    },
                )
        return len(entries)

    def _merge_generate_organizations(self, request: Any) -> int:
        if isinstance(request, int):
            request = {"count": request}
        count = int(request.get("count", 0))
        numbers = organization_numbers.synthetic_numbers(int(request.get("first", 32000000)))
        name = request.get("name", "GENERERT VIRKSOMHET {n} AS")
        self._merge_organizations(
            [
                {"orgnr": next(numbers), "name": name.format(n=index), "form": request.get("form", "AS")}
                for index in range(1, count + 1)
            ]
        )
        return count

    def _merge_register(self, entries: Any) -> int:
        for entry in _list("register", entries):
            number = str(_member("register", entry, "organisasjonsnummer"))
            self._state.register[number] = {"type": "enhet", "gone": False, **entry}
        return len(entries)

    def _merge_prefixes(self, entries: Any) -> int:
        for entry in _list("prefixes", entries):
            prefix = _member("prefixes", entry, "prefix")
            owner = _member("prefixes", entry, "owner_orgno")
            self._know(owner)
            self._state.prefixes[prefix] = {
                "prefix": prefix,
                "owner_orgno": owner,
                "organization_name": entry.get("organization_name") or self._state.organization_name(owner),
                "created": entry.get("created", _LONG_AGO),
                "last_updated": entry.get("last_updated", _LONG_AGO),
                "active": entry.get("active", True),
            }
        return len(entries)

    def _merge_scopes(self, entries: Any) -> int:
        for entry in _list("scopes", entries):
            entry = {name: value for name, value in entry.items() if value is not None}
            if "name" in entry and "prefix" not in entry:
                entry["prefix"], _unused, entry["subscope"] = entry["name"].partition(":")
            prefix = _member("scopes", entry, "prefix")
            subscope = _member("scopes", entry, "subscope")
            if "owner_orgno" not in entry:
                if prefix not in self._state.prefixes:
                    raise SeedError(
                        f"scopes: the prefix of {prefix}:{subscope} is unknown; seed it under prefixes"
                    )
                entry["owner_orgno"] = self._state.prefixes[prefix]["owner_orgno"]
            scope = new_scope(entry, entry["owner_orgno"], entry.get("created", _LONG_AGO))
            scope["last_updated"] = entry.get("last_updated", scope["created"])
            self._state.scopes[scope["name"]] = scope
            self._forget_unpropagated("scopes", scope["name"])
        return len(entries)

    def _merge_access(self, entries: Any) -> int:
        count = 0
        for entry in _list("access", entries):
            scope = _member("access", entry, "scope")
            if scope not in self._state.scopes:
                raise SeedError(f"access: the scope {scope} is unknown; seed it under scopes")
            consumers = (
                entry["consumers"] if "consumers" in entry else [_member("access", entry, "consumer_orgno")]
            )
            grants = self._state.accesses.setdefault(scope, {})
            for consumer in consumers:
                self._know(consumer)
                grants[consumer] = {
                    "state": entry.get("state", "APPROVED"),
                    "created": entry.get("created", _LONG_AGO),
                    "last_updated": entry.get("last_updated", entry.get("created", _LONG_AGO)),
                }
                if self._state.unpropagated:
                    self._forget_unpropagated("access", f"{scope} {consumer}")
            count += len(consumers)
        return count

    def _merge_clients(self, entries: Any) -> int:
        for entry in _list("clients", entries):
            owner = _member("clients", entry, "client_orgno")
            self._know(owner)
            values = {
                name: value for name, value in entry.items() if name not in ("keys", "jwks", "certificates")
            }
            client_id = values.get("client_id") or self._box.new_id()
            client = new_client(
                {
                    "integration_type": "maskinporten",
                    "application_type": "web",
                    "token_endpoint_auth_method": "private_key_jwt",
                    "grant_types": [JWT_BEARER],
                    "client_name": client_id,
                    "description": client_id,
                    **values,
                },
                client_id,
                owner,
                values.get("created", _LONG_AGO),
            )
            client["last_updated"] = values.get("last_updated", client["created"])
            self._state.clients[client_id] = client
            self._forget_unpropagated("clients", client_id)
            keys = entry.get("keys") or (entry.get("jwks") or {}).get("keys") or []
            before = self._state.keys.get(client_id, {})
            keys = [self._key(key, before) for key in keys]
            keys += [self._key({"certificate": text}, before) for text in entry.get("certificates", [])]
            if "keys" in entry or "jwks" in entry or "certificates" in entry:
                self._state.keys[client_id] = {key["kid"]: key for key in keys}
                self._forget_unpropagated("keys", client_id)
        return len(entries)

    def _merge_delegations(self, entries: Any) -> int:
        for entry in _list("delegations", entries):
            for name in ("consumer", "supplier"):
                self._know(_member("delegations", entry, name))
            if "scope" not in entry and "resource" not in entry:
                raise SeedError("delegations: an entry needs a scope or a resource")
            if entry not in self._state.delegations:
                self._state.delegations.append(dict(entry))
        return len(entries)

    def _merge_system_users(self, entries: Any) -> int:
        for entry in _list("system_users", entries):
            for name in ("vendor", "organization"):
                self._know(_member("system_users", entry, name))
            identity = ("vendor", "organization", "external_ref")
            known = next(
                (user for user in self._state.system_users if all(user[n] == entry.get(n) for n in identity)),
                None,
            )
            if known is None:
                number = len(self._state.system_users) + 1
                known = {
                    "id": f"00000000-0000-4000-8000-{number:012d}",
                    "system_id": f"{entry['vendor']}_system",
                    "external_ref": None,
                }
                self._state.system_users.append(known)
            known.update(entry)
        return len(entries)

    def _merge_altinn(self, data: Any) -> int:
        if not isinstance(data, dict):
            raise SeedError("altinn: an object is expected")
        self._state.altinn.merge(data, self._box.now())
        return len(data)

    # --- helpers ---------------------------------------------------------------------------------------------

    def _know(self, number: str) -> None:
        """Make an organisation up when a seed mentions one that is not there."""
        if number not in self._state.organizations:
            self._merge_organizations([{"orgnr": number}])

    def _forget_unpropagated(self, kind: str, key: str) -> None:
        self._state.unpropagated.pop((kind, key), None)

    def _key(self, key: dict[str, Any], before: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """A stored JWK from a JWK, a public key in PEM, or a certificate in PEM.

        Without a time limit of its own it gets a year, or what it was given when it was seeded before.
        """
        if "certificate" in key:
            certificate = x509.load_pem_x509_certificate(key["certificate"].encode())
            public: object = certificate.public_key()
            der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
            extra = {"x5c": [der]}
        elif "public_key_pem" in key:
            public = serialization.load_pem_public_key(key["public_key_pem"].encode())
            extra = {}
        else:
            private = {"d", "p", "q", "dp", "dq", "qi"} & set(key)
            if private:
                raise SeedError(
                    f"clients: a key holds the private member {sorted(private)[0]!r}; seed the public half"
                )
            return {**self._key_defaults(_member("clients", key, "kid"), before), **key}
        if not isinstance(public, rsa.RSAPublicKey):
            raise SeedError("clients: only RSA keys can be seeded")
        jwk = public_jwk(public, "")
        jwk["kid"] = key.get("kid") or hashlib.sha256(jwk["n"].encode()).hexdigest()[:32]
        rest = {name: value for name, value in key.items() if name not in ("certificate", "public_key_pem")}
        return {**jwk, **extra, **self._key_defaults(jwk["kid"], before), **rest}

    def _key_defaults(self, kid: str, before: dict[str, dict[str, Any]]) -> dict[str, Any]:
        limit = before.get(kid, {}).get("exp", int(self._box.now()) + 365 * 86400)
        return {"exp": limit, "created": _LONG_AGO, "last_updated": _LONG_AGO}


def _list(section: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise SeedError(f"{section}: a list of objects is expected")
    return value


def _member(section: str, entry: dict[str, Any], name: str) -> Any:
    if not entry.get(name):
        raise SeedError(f"{section}: an entry lacks {name!r}")
    return entry[name]
