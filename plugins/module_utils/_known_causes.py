# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The table of known causes: what an error of Maskinporten or Altinn means and what to do about it.

One table for every module's failure text and for the doctor. Sources: Digdir's troubleshooting page and documentation of the
self-service API, Altinn's documentation and published server source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

TOKEN: Final = "token endpoint"
SELF_SERVICE: Final = "self-service API"
EXCHANGE: Final = "token exchange"
REGISTRY: Final = "resource registry"
DELEGATIONS: Final = "delegation look-up"
NETWORK: Final = "network"


@dataclass(frozen=True)
class Cause:
    """One known cause.

    :ivar service: which service says it.
    :ivar meaning: what it means, as a sentence without full stop.
    :ivar remedy: what to do, as an imperative sentence without full stop.
    :ivar code: the service's own code, matched first.
    :ivar phrase: a phrase in the service's text (compared in lower case), matched when no code decides.
    :ivar status: the HTTP status, matched last.
    :ivar passing: it can go away by itself within minutes after a change (propagation).
    :ivar trap: name of the trap behind it in the doctor's table (``_doctor_traps``), where there is one.
    """

    service: str
    meaning: str
    remedy: str
    code: str | None = None
    phrase: str | None = None
    status: int | None = None
    passing: bool = False
    trap: str | None = None


CAUSES: Final[tuple[Cause, ...]] = (
    # -- Maskinporten's token endpoint
    Cause(
        TOKEN,
        "a parameter of the token request is malformed",
        "check that key_id, client_id and the scopes hold no line breaks or stray characters",
        code="MP-011",
        phrase="invalid parameter value",
    ),
    Cause(
        TOKEN,
        "the grant or its jti was used before",
        "send a new grant for every attempt; this collection does, so look for a proxy that repeats requests",
        code="MP-012",
        phrase="grant is used before",
        trap="replay",
    ),
    Cause(
        TOKEN,
        "the client does not exist in this environment, is deactivated, or was made minutes ago",
        "check client_id and environment: a client lives in test or in production, never in both",
        code="MP-100",
        phrase="client authentication failed. client not found",
        trap="other_environment",
        passing=True,
    ),
    Cause(
        TOKEN,
        "the grant names another audience than this environment's issuer",
        "correct maskinporten_url; the issuer ends with a slash",
        code="MP-110",
        phrase="invalid jwt claim aud",
        trap="audience",
    ),
    Cause(
        TOKEN,
        "the certificate is not valid in this environment",
        "use a test certificate in test and a production certificate in production",
        code="MP-120",
        phrase="signed with an invalid certificate",
        trap="certificate_environment",
    ),
    Cause(
        TOKEN,
        "the registered key is past its life of one year",
        "register a new key for the client (playbook rotate) or send the same key again",
        code="MP-121",
        phrase="expired key",
        trap="key_expired",
    ),
    Cause(
        TOKEN,
        "the organisation in the certificate is not the client's organisation",
        "use the certificate of the organisation that owns the client",
        code="MP-122",
        phrase="does not match certificate orgno",
    ),
    Cause(
        TOKEN,
        "the certificate chain in the grant cannot be read",
        "give the whole chain as PEM in certificate_chain_path",
        code="MP-123",
        phrase="invalid jwt header x5c",
        trap="certificate_chain",
    ),
    Cause(
        TOKEN,
        "the signature does not fit the registered key",
        "check that the private key is the one registered under this key_id",
        code="MP-124",
        phrase="invalid jwt signature",
        trap="certificate_environment",
    ),
    Cause(
        TOKEN,
        "the grant had expired when it arrived",
        "set this machine's clock (NTP); Maskinporten allows ten seconds",
        code="MP-130",
        phrase="jwt is expired",
        trap="clock",
    ),
    Cause(
        TOKEN,
        "a scope in the request is not registered on the client, or is deactivated",
        "add the scope to the client, or take it out of token_scopes",
        code="MP-200",
        phrase="invalid scopes for client",
        trap="scope_not_on_client",
        passing=True,
    ),
    Cause(
        TOKEN,
        "a scope does not allow Maskinporten clients",
        "the provider must add maskinporten to the scope's allowed_integration_types",
        code="MP-201",
        phrase="scopes not allowed for maskinporten",
    ),
    Cause(
        TOKEN,
        "the organisation has no access to the scope",
        "the scope's provider must grant the organisation access (playbook grant), in this environment",
        code="MP-250",
        phrase="has not been granted access",
        trap="access_or_delegation",
        passing=True,
    ),
    Cause(
        TOKEN,
        "the consumer has not delegated the scope to this supplier",
        "the consumer must delegate the API to the supplier in the Altinn that belongs to this environment",
        code="MP-251",
        phrase="has not delegated access",
        trap="access_or_delegation",
    ),
    Cause(
        TOKEN,
        "the type in authorization_details is not supported",
        "use urn:altinn:systemuser or urn:altinn:consent",
        code="MP-301",
        phrase="unknown authorization details type",
    ),
    Cause(
        TOKEN,
        "authorization_details holds fields that Maskinporten does not know",
        "remove the unknown fields",
        code="MP-302",
        phrase="unknown fields in the authorization details",
    ),
    Cause(
        TOKEN,
        "Altinn knows no system user for that organisation and system",
        "the organisation must accept the system user in Altinn first",
        code="MP-303",
        phrase="no system user found",
    ),
    Cause(
        TOKEN,
        "the machine's clock is ahead of Maskinporten's by more than ten seconds",
        "set this machine's clock (NTP)",
        phrase="issue time",
        trap="clock",
    ),
    Cause(
        TOKEN,
        "the grant lives longer than Maskinporten allows",
        "set grant_lifetime to 120 or less",
        phrase="too long lifetime",
    ),
    Cause(
        TOKEN,
        "the client has registered keys, so the grant must name one by key_id instead of carrying a certificate",
        "give key_id and the private key that belongs to it",
        phrase="no key identifier",
        trap="key_id",
    ),
    Cause(
        TOKEN,
        "no key with this key_id is registered on the client",
        "compare key_id with the client's keys (playbook keys); someone may have replaced the key set",
        phrase="unknown key identifier",
        trap="key_id",
        passing=True,
    ),
    Cause(
        TOKEN,
        "consumer_org is the client's own organisation, or the client cannot act for others",
        "leave consumer_org out; it names the organisation a supplier acts for",
        phrase="consumer_org in claim",
        trap="consumer_org_own",
    ),
    Cause(
        TOKEN,
        "the grant carries a claim that Maskinporten does not know",
        "use this collection's own grant; it sends only aud, iss, scope, iat, exp, jti and what was asked for",
        phrase="unknown claim",
        trap="extra_claims",
    ),
    Cause(
        TOKEN,
        "the grant names neither a registered key nor a certificate",
        "give key_id, or certificate_chain_path where no key is registered",
        phrase="neither kid nor x5c",
        trap="key_id",
    ),
    Cause(
        TOKEN,
        "the grant type is not the one of Maskinporten",
        "send grant_type urn:ietf:params:oauth:grant-type:jwt-bearer",
        phrase="unsupported grant type",
    ),
    # -- Digdir's self-service API
    Cause(
        SELF_SERVICE,
        "the list is empty: the API answers an error instead of an empty list",
        "nothing is wrong; this collection reads it as an empty list",
        phrase="does not have any",
        trap="empty_list",
    ),
    Cause(
        SELF_SERVICE,
        "the key lacks its use, which the API demands since 2025, also of keys that it returned without it itself",
        "send the key with use: sig; this collection does",
        phrase="use must be",
        trap="key_without_use",
    ),
    Cause(
        SELF_SERVICE,
        "a lifetime of 0 was sent, which the API refuses since 2025",
        "leave the lifetime out instead; this collection does",
        phrase="must be at least 1",
        trap="zero_lifetime",
    ),
    Cause(
        SELF_SERVICE,
        "the client has five keys already, the most it can have",
        "remove one that is no longer in use (playbook keys shows which) before a new one is added",
        phrase="at most 5 keys",
    ),
    Cause(
        SELF_SERVICE,
        "there is no such client in this environment",
        "check the client's id and environment",
        phrase="client not found",
        status=404,
    ),
    Cause(
        SELF_SERVICE,
        "the organisation has not signed the terms of use",
        "someone who can sign for the organisation signs them in Samarbeidsportalen; then run again",
        phrase="precondition_required",
        trap="terms_unsigned",
    ),
    Cause(
        SELF_SERVICE,
        "the organisation number is not one that Maskinporten accepts as a consumer",
        "check the number against the register of organisations, and that it belongs to this environment",
        phrase="consumer organization number is not valid",
        trap="mistyped_number",
    ),
    Cause(
        SELF_SERVICE,
        "the access token lacks an OAuth scope",
        "add idporten:scopes.write (or, for reading, idporten:scopes.read; for clients idporten:dcr.*) to the administration "
        "client and to token_scopes",
        phrase="the token lacks",
        status=403,
        trap="not_owner",
    ),
    Cause(
        SELF_SERVICE,
        "another organisation owns it, or the token lacks an OAuth scope",
        "check organization_number and environment; for reading, idporten:scopes.read may be missing on the "
        "administration client",
        status=403,
        trap="not_owner",
    ),
    Cause(
        SELF_SERVICE,
        "the token has expired or comes from another environment",
        "check that environment, maskinporten_url and self_service_url belong together",
        status=401,
        trap="token_expired_midway",
    ),
    Cause(
        SELF_SERVICE,
        "the service failed",
        "run again; if it stays so, ask servicedesk@digdir.no with the correlation id",
        status=500,
    ),
    Cause(
        SELF_SERVICE,
        "it exists already, or is deactivated",
        "run again; the state is read anew and the existing object is changed instead",
        status=409,
        trap="name_taken",
    ),
    # -- Altinn
    Cause(
        EXCHANGE,
        "Altinn does not take this Maskinporten token",
        "check that environment, maskinporten_url and altinn_url belong together, and that the client belongs to an organisation",
        status=401,
    ),
    Cause(
        REGISTRY,
        "the resource names scopes whose prefix does not belong to the organisation",
        "use scopes with one of your own prefixes, or log in as the organisation that owns them",
        code="InvalidPrefix",
    ),
    Cause(
        REGISTRY,
        "the token lacks altinn:resourceregistry/resource.write, or the resource belongs to another organisation",
        "add the scope to the Altinn client, and check who owns the resource",
        status=403,
    ),
    Cause(
        REGISTRY,
        "the token is expired, or was issued in another environment",
        "check that environment, maskinporten_url and altinn_url belong together",
        status=401,
    ),
    Cause(
        REGISTRY,
        "the environment never deletes resources, as production doesn't",
        "withdraw the resource instead (altinn_resource with state: withdrawn)",
        phrase="delete operation is not allowed",
    ),
    Cause(
        REGISTRY,
        "the id is taken, or was deleted once, after which it can never be used again",
        "read the resource; if it cannot be read, choose another identifier",
        phrase="the resource already exist",
    ),
    Cause(
        REGISTRY,
        "the registry gives no reason; known ones are a token whose consumer claim does not start with 0192:, and for a policy "
        "an XML structure that it cannot read",
        "run again later, and if it stays so, ask Altinn with the time of the request",
        status=500,
    ),
    Cause(
        REGISTRY,
        "one or more organisations are unknown to Altinn",
        "check the organisation numbers, and that they belong to this environment",
        code="RR-00001",
    ),
    Cause(
        REGISTRY,
        "the resource does not exist in this environment",
        "publish the resource first",
        code="RR-00002",
    ),
    Cause(
        REGISTRY,
        "the resource belongs to another service owner than the access list",
        "connect only resources of your own",
        code="RR-00004",
    ),
    Cause(
        REGISTRY,
        "the access list's owner is not a registered service owner code",
        "use the code that Altinn's list of service owners has for your organisation",
        code="RR.VLD-00010",
    ),
    Cause(
        REGISTRY,
        "someone else changed the access list at the same time",
        "run again; the list is read anew",
        status=412,
    ),
    Cause(
        REGISTRY,
        "more than 100 members were sent at a time",
        "send them in pieces of 100; this collection does",
        code="RR.VLD-00001",
    ),
    Cause(
        REGISTRY,
        "the whole list of members was to be replaced, by more than 100",
        "add and remove members in pieces of 100 instead; this collection never replaces",
        code="RR.VLD-00000",
    ),
    # -- Altinn's access management
    Cause(
        DELEGATIONS,
        "the scope's prefix does not belong to the organisation of this token",
        "a provider sees the delegations of its own scopes only; ask the scope's owner, or correct the scope",
        phrase="lookup of delegations for the scope",
        status=403,
    ),
    Cause(
        DELEGATIONS,
        "no scope was named, and only Altinn's own administrators may look without one",
        "name a scope with one of your own prefixes",
        phrase="without specifying parameter",
        status=403,
    ),
    Cause(
        DELEGATIONS,
        "Altinn does not know the organisation in this environment",
        "check the number, and that it belongs to this environment; synthetic ones exist in test only",
        phrase="is not a valid organization number",
        status=400,
    ),
    Cause(
        DELEGATIONS,
        "Altinn does not know the organisation in this environment",
        "check the number, and that it belongs to this environment; synthetic ones exist in test only",
        phrase="is not associated with a valid party",
        status=400,
    ),
    Cause(
        DELEGATIONS,
        "the token lacks altinn:maskinporten/delegations",
        "order the scope from Altinn (tjenesteeier@altinn.no) and add it to the Altinn client",
        status=403,
    ),
    Cause(
        DELEGATIONS,
        "the token is expired, or was issued in another environment",
        "check that environment, maskinporten_url and altinn_url belong together",
        status=401,
    ),
    # -- what lies between
    Cause(
        NETWORK,
        "no connection came about, or it broke",
        "check name service, proxy and firewall; Maskinporten's own addresses must be open",
        phrase="cannot be reached",
        trap="network",
    ),
    *(
        Cause(
            NETWORK,
            "the connection was made, but no whole answer came back",
            "run again; if it stays so, look at the proxy and the firewall between this machine and the service",
            phrase=phrase,
            trap="network",
        )
        for phrase in ("no answer from", "the connection to", "connection reset", "timed out", "timeout")
    ),
    Cause(
        NETWORK,
        "the service asks for a slower pace, or is overloaded",
        "run again later, with a lower concurrency",
        phrase="too many requests",
        status=429,
    ),
)


# What codes look like, wherever they stand: MP-250, RR-00001, RR.VLD-00010, InvalidPrefix.
_CODE: Final = re.compile(r"\b(MP-\d{3}|RR(?:\.VLD)?-\d{5}|InvalidPrefix)\b", re.IGNORECASE)
_STATUS: Final = re.compile(r"(?<!\d)([45]\d\d)(?!\d)")
#: Service -> what a text that comes from it holds.
_SERVICE_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        DELEGATIONS: ("accessmanagement", "delegation look-up", "look up delegations"),
        EXCHANGE: ("/exchange/", "token exchange", "did not exchange"),
        REGISTRY: ("resourceregistry", "resource registry"),
        SELF_SERVICE: ("self-service", "samarbeid.digdir", "correlation_id"),
    }
)


def find_cause(
    service: str, *, code: str | None = None, text: str = "", status: int | None = None
) -> Cause | None:
    """The known cause of an error: by its code, else by a phrase in its text, else by its status; None when unknown."""
    candidates = [cause for cause in CAUSES if cause.service == service]
    lowered = text.lower()
    for cause in candidates:
        if code and cause.code == code:
            return cause
    for cause in candidates:
        if cause.phrase and cause.phrase in lowered:
            return cause
    for cause in candidates:
        if cause.status == status and status is not None and not cause.code and not cause.phrase:
            return cause
    return None


def causes_in(text: str) -> list[Cause]:
    """The known causes that a pasted error text names, surest first: by the codes in it, else by phrases, else by a status.

    The text may be a message of this collection, a JSON body, a log line or a bare code. A status counts only where the text
    also tells which service answered, since 403 means something else everywhere.
    """
    by_code = [
        cause
        for code in _CODE.findall(text)
        for cause in CAUSES
        if cause.code and cause.code.lower() == code.lower()
    ]
    if by_code:
        return _distinct(by_code)
    lowered = text.lower()
    by_phrase = [cause for cause in CAUSES if cause.phrase and cause.phrase in lowered]
    if by_phrase:
        return _distinct(by_phrase)
    services = [
        service for service, words in _SERVICE_WORDS.items() if any(word in lowered for word in words)
    ]
    statuses = {int(status) for status in _STATUS.findall(text)}
    found = (find_cause(service, status=status) for service in services[:1] for status in sorted(statuses))
    return _distinct([cause for cause in found if cause])


def _distinct(causes: list[Cause]) -> list[Cause]:
    return list({(cause.service, cause.meaning): cause for cause in causes}.values())


def explained(attempt: str, answer: str, cause: Cause | None) -> str:
    """The sentence a person reads: what was tried, what was answered, what it means, what to do."""
    sentence = f"{attempt}: {answer.rstrip('.')}."
    if cause:
        sentence += f" It means that {cause.meaning}; {cause.remedy}."
    return sentence
