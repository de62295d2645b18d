# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The traps that providers, consumers and suppliers fall into, by name. Data only.

An error text leads here through the table of known causes (``_known_causes.Cause.trap``), a broken link of the chain through
the check that found it. Sources: Digdir's troubleshooting page and documentation of Maskinporten and its self-service API,
Altinn's documentation, and issues that users of both have written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Trap(NamedTuple):
    """:ivar symptom: what people see. :ivar cause: why. :ivar way_out: what to do. All as sentences without full stop."""

    symptom: str
    cause: str
    way_out: str


TRAPS: Final[Mapping[str, Trap]] = MappingProxyType(
    {
        "clock": Trap(
            "a login is refused on some machines only, with 'Issue time' or MP-130",
            "the machine's clock is off by more than ten seconds",
            "set the clock by NTP",
        ),
        "audience": Trap(
            "MP-110",
            "the grant's audience is the issuer without its slash, the token address, or Skyporten's issuer",
            "take the audience from the metadata document, slash included",
        ),
        "other_environment": Trap(
            "MP-100 in one environment",
            "the client lives in the other environment, or was made seconds ago",
            "use a client of this environment; wait up to two minutes for a new one",
        ),
        "replay": Trap(
            "MP-012 after a repeated request",
            "the same grant was sent twice",
            "sign a new grant for every attempt",
        ),
        "key_expired": Trap(
            "MP-121 one year after the last change",
            "a registered key lives for one year",
            "rotate the key, and watch its days left (playbooks rotate and keys)",
        ),
        "key_id": Trap(
            "'kid' is required, or unknown",
            "the client has registered keys and the grant carried a certificate, or the key set was replaced",
            "give the key_id of a registered key",
        ),
        "certificate_chain": Trap(
            "MP-123",
            "x5c is a text, base64url or PEM instead of a list of base64 certificates",
            "give the chain as PEM in certificate_chain_path, and leave the rest to this collection",
        ),
        "certificate_environment": Trap(
            "MP-120 or MP-124",
            "a test certificate in production or the reverse, or a key that is not the registered one",
            "use a certificate of this environment, and the private key that belongs to it",
        ),
        "scope_not_on_client": Trap(
            "MP-200",
            "the scope is not on the client, or is deactivated; one scope too many refuses the whole request",
            "add the scope to the client, or ask for fewer",
        ),
        "access_or_delegation": Trap(
            "MP-250 or MP-251",
            "MP-250 is for the provider to mend (the consumer has no access), MP-251 for the consumer (no delegation)",
            "grant the consumer access, or have the consumer delegate in the Altinn of this environment",
        ),
        "consumer_org_forgotten": Trap(
            "MP-250 for a supplier's client, although the consumer has access",
            "the grant lacks consumer_org, so the supplier asks for itself",
            "the supplier sends consumer_org with the consumer's number",
        ),
        "consumer_org_own": Trap(
            "an error about consumer_org",
            "consumer_org is the client's own organisation",
            "leave consumer_org out",
        ),
        "token_expired_midway": Trap(
            "401 from the self-service API in the middle of a run",
            "the token's two minutes are over, or it belongs to the other environment",
            "fetch a token when it is needed; this collection renews by itself",
        ),
        "not_owner": Trap(
            "403 from the self-service API",
            "another organisation owns it, the OAuth scope is missing, or the prefix is not assigned in this environment",
            "check who owns the prefix, and the scopes of the administration client",
        ),
        "name_taken": Trap(
            "409 when a scope is created",
            "a deactivated scope has the name",
            "re-activate it: maskinporten_scope with state present does",
        ),
        "reactivated_by_portal": Trap(
            "a scope that was deactivated is active again",
            "every save in the portal sends active true",
            "deactivate it again, and agree who changes scopes where",
        ),
        "grants_on_deactivated_scope": Trap(
            "consumers still see a deactivated scope, and have access again when it is re-activated",
            "access outlives deactivation",
            "revoke first, then deactivate (maskinporten_scope with consumers_on_deactivate: revoke)",
        ),
        "not_in_public_list": Trap(
            "the scope is not in the open list of scopes",
            "it is private or deactivated, or was changed minutes ago",
            "tell consumers its name; visibility PUBLIC would list it",
        ),
        "open_to_everyone": Trap(
            "everyone gets a token",
            "accessible_for_all or supports_european_businesses is on",
            "switch it off, and grant access one by one",
        ),
        "fields_vanished": Trap(
            "fields of a scope are gone after an update",
            "an update replaces the whole object, and someone sent a part of it",
            "bring it back from the declaration (playbook onboard); this collection merges with what it read",
        ),
        "key_set_replaced": Trap(
            "another team's key is gone from the client",
            "posting a key set replaces every key",
            "add the key again, one key at a time (playbook rotate)",
        ),
        "key_without_use": Trap(
            "400 when a key is sent that the API itself returned",
            "the key lacks use",
            "send it with use: sig; this collection does",
        ),
        "zero_lifetime": Trap(
            "400 when a client is saved",
            "a lifetime is 0",
            "leave it out; this collection does",
        ),
        "empty_list": Trap(
            "a list answers an error for a new organisation",
            "an empty list is an error in the self-service API",
            "read it as empty; this collection does",
        ),
        "terms_unsigned": Trap(
            "PRECONDITION_REQUIRED",
            "nobody has signed the terms of use for the organisation",
            "someone who may sign for the organisation signs in Samarbeidsportalen",
        ),
        "token_lifetime": Trap(
            "tokens live longer or shorter than the client says",
            "at_max_age of the scope decides",
            "look at both values",
        ),
        "wrong_altinn": Trap(
            "delegation works in the portal, but MP-251 comes all the same",
            "the delegation was made in production's Altinn for test, or the reverse",
            "delegate in the Altinn of this environment, and let the scope's delegation_source name that one",
        ),
        "propagation": Trap(
            "a token is refused right after a change",
            "a change takes up to two minutes to reach the token service",
            "wait two minutes and try again",
        ),
        "network": Trap(
            "connections time out or break from some networks",
            "a firewall or a proxy stands between",
            "open it for Maskinporten's addresses (Digdir's documentation lists them), and try again",
        ),
        "same_subscope_other_prefix": Trap(
            "the wrong scope is used or changed",
            "two scopes share a subscope under different prefixes",
            "name a scope whole, as prefix:subscope",
        ),
        "path_as_number": Trap(
            "a revocation hits the whole scope",
            "something like '..' stood where a consumer's number belongs, and became part of the address",
            "give nine digits; this collection refuses everything else",
        ),
        "mistyped_number": Trap(
            "400 when access is granted",
            "the number is mistyped, or not in the register",
            "check the number; its last digit is a check digit",
        ),
        "extra_claims": Trap(
            "400 for a token request that worked before August 2025",
            "a library puts claims into the grant that Maskinporten does not know",
            "send only the documented claims; this collection does",
        ),
    }
)
