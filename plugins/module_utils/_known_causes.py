# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The table of known causes: what an error of Maskinporten or Altinn means and what to do about it.

One table for every module's failure text and for the doctor. Sources: Digdir's troubleshooting page and documentation of the
self-service API, Altinn's documentation and published server source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOKEN: Final = "token endpoint"
SELF_SERVICE: Final = "self-service API"
EXCHANGE: Final = "token exchange"
REGISTRY: Final = "resource registry"
DELEGATIONS: Final = "delegation look-up"


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
    """

    service: str
    meaning: str
    remedy: str
    code: str | None = None
    phrase: str | None = None
    status: int | None = None
    passing: bool = False


CAUSES: Final[tuple[Cause, ...]] = (
    # -- Maskinporten's token endpoint
    Cause(
        TOKEN,
        "a parameter of the token request is malformed",
        "check that key_id, client_id and the scopes hold no line breaks or stray characters",
        code="MP-011",
    ),
    Cause(
        TOKEN,
        "the grant or its jti was used before",
        "send a new grant for every attempt; this collection does, so look for a proxy that repeats requests",
        code="MP-012",
    ),
    Cause(
        TOKEN,
        "the client does not exist in this environment, is deactivated, or was made minutes ago",
        "check client_id and environment: a client lives in test or in production, never in both",
        code="MP-100",
        passing=True,
    ),
    Cause(
        TOKEN,
        "the grant names another audience than this environment's issuer",
        "correct maskinporten_url; the issuer ends with a slash",
        code="MP-110",
    ),
    Cause(
        TOKEN,
        "the certificate is not valid in this environment",
        "use a test certificate in test and a production certificate in production",
        code="MP-120",
    ),
    Cause(
        TOKEN,
        "the registered key is past its life of one year",
        "register a new key for the client (playbook rotate) or send the same key again",
        code="MP-121",
    ),
    Cause(
        TOKEN,
        "the organisation in the certificate is not the client's organisation",
        "use the certificate of the organisation that owns the client",
        code="MP-122",
    ),
    Cause(
        TOKEN,
        "the certificate chain in the grant cannot be read",
        "give the whole chain as PEM in certificate_chain_path",
        code="MP-123",
    ),
    Cause(
        TOKEN,
        "the signature does not fit the registered key",
        "check that the private key is the one registered under this key_id",
        code="MP-124",
    ),
    Cause(
        TOKEN,
        "the grant had expired when it arrived",
        "set this machine's clock (NTP); Maskinporten allows ten seconds",
        code="MP-130",
    ),
    Cause(
        TOKEN,
        "a scope in the request is not registered on the client, or is deactivated",
        "add the scope to the client, or take it out of token_scopes",
        code="MP-200",
        passing=True,
    ),
    Cause(
        TOKEN,
        "a scope does not allow Maskinporten clients",
        "the provider must add maskinporten to the scope's allowed_integration_types",
        code="MP-201",
    ),
    Cause(
        TOKEN,
        "the organisation has no access to the scope",
        "the scope's provider must grant the organisation access (playbook grant), in this environment",
        code="MP-250",
        passing=True,
    ),
    Cause(
        TOKEN,
        "the consumer has not delegated the scope to this supplier",
        "the consumer must delegate the API to the supplier in the Altinn that belongs to this environment",
        code="MP-251",
    ),
    Cause(
        TOKEN,
        "the type in authorization_details is not supported",
        "use urn:altinn:systemuser or urn:altinn:consent",
        code="MP-301",
    ),
    Cause(
        TOKEN,
        "authorization_details holds fields that Maskinporten does not know",
        "remove the unknown fields",
        code="MP-302",
    ),
    Cause(
        TOKEN,
        "Altinn knows no system user for that organisation and system",
        "the organisation must accept the system user in Altinn first",
        code="MP-303",
    ),
    Cause(
        TOKEN,
        "the machine's clock is ahead of Maskinporten's by more than ten seconds",
        "set this machine's clock (NTP)",
        phrase="issue time",
    ),
    Cause(
        TOKEN,
        "the grant lives longer than Maskinporten allows",
        "set grant_lifetime to 120 or less",
        phrase="lifetime",
    ),
    Cause(
        TOKEN,
        "the client has registered keys, so the grant must name one by key_id instead of carrying a certificate",
        "give key_id and the private key that belongs to it",
        phrase="no key identifier",
    ),
    Cause(
        TOKEN,
        "no key with this key_id is registered on the client",
        "compare key_id with the client's keys (playbook keys); someone may have replaced the key set",
        phrase="unknown key identifier",
        passing=True,
    ),
    Cause(
        TOKEN,
        "consumer_org is the client's own organisation, or the client cannot act for others",
        "leave consumer_org out; it names the organisation a supplier acts for",
        phrase="consumer_org",
    ),
    Cause(
        TOKEN,
        "the grant carries a claim that Maskinporten does not know",
        "use this collection's own grant; it sends only aud, iss, scope, iat, exp, jti and what was asked for",
        phrase="unknown claim",
    ),
    # -- Digdir's self-service API
    Cause(
        SELF_SERVICE,
        "the organisation has not signed the terms of use",
        "someone who can sign for the organisation signs them in Samarbeidsportalen; then run again",
        phrase="precondition_required",
    ),
    Cause(
        SELF_SERVICE,
        "the organisation number is not one that Maskinporten accepts as a consumer",
        "check the number against the register of organisations, and that it belongs to this environment",
        phrase="consumer organization number is not valid",
    ),
    Cause(
        SELF_SERVICE,
        "the access token lacks an OAuth scope",
        "add idporten:scopes.write (or, for reading, idporten:scopes.read; for clients idporten:dcr.*) to the administration "
        "client and to token_scopes",
        phrase="the token lacks",
        status=403,
    ),
    Cause(
        SELF_SERVICE,
        "another organisation owns it, or the token lacks an OAuth scope",
        "check organization_number and environment; for reading, idporten:scopes.read may be missing on the "
        "administration client",
        status=403,
    ),
    Cause(
        SELF_SERVICE,
        "the token has expired or comes from another environment",
        "check that environment, maskinporten_url and self_service_url belong together",
        status=401,
    ),
    Cause(
        SELF_SERVICE,
        "it exists already, or is deactivated",
        "run again; the state is read anew and the existing object is changed instead",
        status=409,
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
        DELEGATIONS,
        "the scope's prefix does not belong to the organisation of this token, or no scope was named",
        "name a scope with one of your own prefixes, and use a client with altinn:maskinporten/delegations",
        status=403,
    ),
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


def explained(attempt: str, answer: str, cause: Cause | None) -> str:
    """The sentence a person reads: what was tried, what was answered, what it means, what to do."""
    sentence = f"{attempt}: {answer.rstrip('.')}."
    if cause:
        sentence += f" It means that {cause.meaning}; {cause.remedy}."
    return sentence
