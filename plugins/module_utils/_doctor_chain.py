# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The chain from a scope to an organisation that gets a token for it, link by link, as far as a provider can see it.

Maskinporten: scope, activity, integration type, openness, access. Altinn: delegation source, resource, policy, access list,
delegation. What a link needs and nobody gave (a client, a number) is told as not seen; one link that cannot be read leaves
the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ._altinn._access_list_api import ACCESS_LIST_READ, AccessLists, own_code
from ._altinn._delegations import DELEGATIONS, Delegations
from ._altinn._policy_subjects import ALTINN2_ROLES_END, SCOPE_ACCESS
from ._altinn._registry import Registry
from ._doctor_findings import BROKEN, NOTE, OK, UNSEEN, WARNING, Findings
from ._errors import ApiError, CollectionError
from ._maskinporten._scopes import FIELDS, full_name, same_field
from ._maskinporten._self_service import ALTINN_SOURCE, SCOPES_WRITE, SelfService, approved
from ._register import ACTIVE, UNKNOWN, Organization, Register
from ._session import Session

#: Seconds within which a change may not have reached the token service.
PROPAGATION: Final = 120
_SCHEMA: Final = "MaskinportenSchema"
_FROM_NEW_YEAR: Final = f"after {ALTINN2_ROLES_END}"


class Chain:
    """The walk for one scope, and one consumer and supplier where they are named.

    :param commands: makes a command line from a playbook's name and its variables.
    :ivar letters: texts to send to the consumer, by language.
    """

    def __init__(
        self,
        session: Session,
        findings: Findings,
        *,
        scope: str,
        consumer: str | None,
        supplier: str | None,
        declared: Mapping[str, Any] | None,
        command: Any,
    ) -> None:
        self._session = session
        self._environment = session.environment
        self._findings = findings
        self.name = scope
        self._consumer, self._supplier = consumer, supplier
        self._declared = declared
        self._command = command
        self._register = Register(session)
        self._organizations: dict[str, Organization] = {}
        self._api: SelfService | None = None
        self._owned: list[dict[str, Any]] = []
        self._altinn_source: str | None = None
        self.scope: dict[str, Any] | None = None
        self.letters: dict[str, str] = {}

    # What Altinn's side says matters for sure only where someone delegates.
    @property
    def _delegating(self) -> bool:
        return self._supplier is not None or self._consumer is None

    def _bad(self) -> str:
        return BROKEN if self._delegating else WARNING

    def _add(self, *arguments: Any, **named: Any) -> None:
        self._findings.add(*arguments, **named)

    def walk(self) -> None:
        """Look at every link."""
        if self._consumer:
            self._findings.tried("organization", "Organisation", self._look_at_organization)
        if not self._find_scope() or self.scope is None:
            return
        scope = self.scope
        self._activity(scope)
        self._declaration(scope)
        self._kinds(scope)
        self._openness(scope)
        self._findings.tried("visibility", "Open list", lambda: self._visibility(scope))
        self._findings.tried("access", "Access", lambda: self._access(scope))
        if not (scope.get("delegation_source") or self._supplier):
            self._add(
                "delegation_source",
                "Delegation source",
                NOTE,
                "none: the scope cannot be delegated to suppliers",
            )
            return
        self._findings.tried("delegation_source", "Delegation source", lambda: self._delegation_source(scope))
        self._findings.tried("resource", "Resource in Altinn", self._resources)
        supplier = self._supplier
        if supplier:
            self._findings.tried("delegation", "Delegation", lambda: self._delegation(supplier))
            self._add(
                "supplier_client", "Supplier's client", UNSEEN,
                "whether the supplier has the scope on its own client, and sends consumer_org, a provider cannot see",
                f"ask the supplier: the scope on its own client, and consumer_org {self._consumer or ''} in the grant".rstrip(),
            )  # fmt: skip

    def look_at_holdings(self) -> None:
        """Without a scope: who the organisation is, and what it holds with the provider."""
        self._findings.tried("organization", "Organisation", self._look_at_organization)
        self._findings.tried("holdings", "What it holds", self._holdings)

    def _holdings(self) -> None:
        login = self._session.administration((SCOPES_WRITE,))
        if login is None or self._consumer is None:
            self._add("holdings", "What it holds", UNSEEN, "only the administration client can see it")
            return
        by_state: dict[str, list[str]] = {}
        for entry in SelfService(self._session, login).accesses_of_consumer(self._consumer, inactive=True):
            by_state.setdefault(str(entry.get("state")), []).append(str(entry.get("scope")))
        words = {
            "APPROVED": "has access to",
            "REQUESTED": "has asked for",
            "DENIED": "no longer has access to",
        }
        told = [
            f"{word} {', '.join(sorted(by_state[state]))}"
            for state, word in words.items()
            if state in by_state
        ]
        self._add(
            "holdings", "What it holds", NOTE, "; ".join(told) or "no access to any scope of the provider"
        )

    # -- who ------------------------------------------------------------------------

    def _look_at_organization(self) -> None:
        numbers = [number for number in (self._consumer, self._supplier) if number]
        self._organizations = self._register.look_up(numbers)
        for number in numbers:
            role = "Organisation" if number == self._consumer else "Supplier"
            link = role.lower()
            link = "organization" if link == "organisation" else link
            known = self._organizations[number]
            name = f"{number} {known.name or ''}".strip()
            if known.status == UNKNOWN:
                self._add(
                    link, role, WARNING, f"{number} is in no register that can be asked from here",
                    "check the number, and that it belongs to this environment", trap="mistyped_number",
                )  # fmt: skip
            elif known.status != ACTIVE:
                since = f" since {known.since}" if known.since else ""
                self._add(link, role, WARNING, f"{name} is {known.status.replace('_', ' ')}{since}",
                          "ask who has taken over its business")  # fmt: skip
            elif known.parent:
                self._add(
                    link, role, WARNING,
                    f"{name} is a sub-unit of {known.parent}; access, clients and delegations normally belong to the main unit",
                    f"look at {known.parent} as well",
                )  # fmt: skip
            else:
                self._add(link, role, OK, name)

    def _named(self, number: str | None) -> str:
        known = self._organizations.get(number or "")
        return f"{number} {known.name}" if known and known.name else str(number)

    # -- the scope --------------------------------------------------------------------

    def _find_scope(self) -> bool:
        """Find the scope among the organisation's own, or among the public ones."""
        title = "Scope exists"
        prefix, colon, subscope = self.name.partition(":")
        login = None
        try:
            login = self._session.administration((SCOPES_WRITE,))
            if login is not None:
                self._api = SelfService(self._session, login)
                self._owned = self._api.scopes()
        except CollectionError as error:
            self._api = None
            self._add("scope", title, UNSEEN, error.message)
        twins = [
            full_name(entry) for entry in self._owned if entry.get("subscope") == (subscope or self.name)
        ]
        twins = [twin for twin in twins if twin != self.name]
        if not colon:
            known = f"; there is {', '.join(twins)}" if twins else ""
            self._add(
                "scope", title, BROKEN, f"'{self.name}' lacks its prefix{known}",
                "name the scope whole, as prefix:subscope", trap="same_subscope_other_prefix",
            )  # fmt: skip
            return False
        self.scope = next((entry for entry in self._owned if full_name(entry) == self.name), None)
        if self.scope is not None:
            also = f"; {', '.join(twins)} has the same subscope under another prefix" if twins else ""
            self._add(
                "scope", title, OK, f"registered by the organisation{also}",
                trap="same_subscope_other_prefix" if twins else None,
            )  # fmt: skip
            return True
        return self._foreign_or_missing(title, prefix, twins)

    def _foreign_or_missing(self, title: str, prefix: str, twins: Sequence[str]) -> bool:
        try:
            prefixes = self._api.prefixes() if self._api else None
            public = SelfService(self._session, None).public_scopes(prefix)
        except CollectionError as error:
            self._add("scope", title, UNSEEN, error.message)
            return False
        found = next((entry for entry in public if full_name(entry) == self.name), None)
        where = f"environment '{self._environment.name}'"
        if found is not None:
            owner = found.get("owner_orgno")
            self.scope = found
            self._add(
                "scope", title, OK if self._api is None else WARNING,
                f"is a public scope of organisation {owner}"
                + ("" if self._api is None else ", not of the one that is logged in"),
                "only its owner can change it or grant access",
                trap=None if self._api is None else "not_owner",
            )  # fmt: skip
            self._api = None
            return True
        if prefixes is None:
            self._add(
                "scope", title, UNSEEN,
                f"{self.name} is not among the public scopes of {where}; a private one only the administration client can see",
                "give the administration client's login", trap="not_in_public_list",
            )  # fmt: skip
        elif prefix not in prefixes:
            self._add(
                "scope", title, BROKEN,
                f"prefix '{prefix}' does not belong to the organisation in {where}; its prefixes are "
                f"{', '.join(prefixes) or 'none'}",
                "correct the scope or the login; Digdir assigns prefixes (servicedesk@digdir.no)", trap="not_owner",
            )  # fmt: skip
        else:
            hint = f"; {', '.join(twins)} has the same subscope under another prefix" if twins else ""
            self._add(
                "scope", title, BROKEN, f"{self.name} does not exist in {where}{hint}",
                "register it" if not twins else "name the scope whole, or register it",
                self._command("onboard"), "same_subscope_other_prefix" if twins else None,
            )  # fmt: skip
        return False

    def _activity(self, scope: Mapping[str, Any]) -> None:
        title = "Scope is active"
        if scope.get("active", True):
            self._add("active", title, OK, "active")
            return
        message, trap = "deactivated, so nobody gets a token for it", None
        if self._api is not None:
            try:
                holders = approved(self._api.accesses(self.name, inactive=True))
            except CollectionError:
                holders = []
            if holders:
                message += (
                    f"; {len(holders)} consumers still hold access, see it in their lists, and have it again the moment it is "
                    "re-activated"
                )
                trap = "grants_on_deactivated_scope"
        self._add(
            "active", title, BROKEN, message,
            "re-activate it if it is meant to live (maskinporten_scope with state: present), or revoke what is left",
            self._command("onboard"), trap,
        )  # fmt: skip

    def _declaration(self, scope: Mapping[str, Any]) -> None:
        """What is declared for the scope, against what there is: shows what others have changed."""
        declared = self._declared
        if not declared:
            return
        title = "As declared"
        if declared.get("state") == "absent":
            if scope.get("active", True):
                self._add(
                    "declared", title, BROKEN, "is declared absent, but active: a save in the portal re-activates a scope",
                    "deactivate it again, and agree who changes it where", self._command("onboard"),
                    "reactivated_by_portal",
                )  # fmt: skip
            else:
                self._add("declared", title, OK, "declared absent, and deactivated")
            return
        wanted = {
            field: declared[option] for option, field in FIELDS.items() if declared.get(option) is not None
        }
        source = declared.get("delegation_source", declared.get("delegation"))
        if source is not None:
            wanted["delegation_source"] = self._source() if source == ALTINN_SOURCE else source
        differing = [
            field for field, value in wanted.items() if not same_field(field, scope.get(field), value)
        ]
        gone = [field for field in differing if not scope.get(field) and wanted[field]]
        if not differing:
            self._add("declared", title, OK, "as declared")
            return
        message = f"differs from its declaration in {', '.join(differing)}"
        if gone:
            message += f"; {', '.join(gone)} vanished, as when another tool sends only a part of the scope"
        self._add(
            "declared", title, WARNING, message, "bring it back to its declaration", self._command("onboard"),
            "fields_vanished" if gone else None,
        )  # fmt: skip

    def _kinds(self, scope: Mapping[str, Any]) -> None:
        kinds = scope.get("allowed_integration_types") or []
        title = "Integration type"
        if not kinds or "maskinporten" in kinds:
            self._add("integration_type", title, OK, ", ".join(kinds) or "every type")
        else:
            self._add(
                "integration_type", title, BROKEN, f"allows {', '.join(kinds)} alone, so Maskinporten answers MP-201",
                "add maskinporten to its allowed_integration_types", self._command("onboard"),
            )  # fmt: skip

    def _openness(self, scope: Mapping[str, Any]) -> None:
        title = "Who needs access"
        if scope.get("supports_european_businesses"):
            self._add(
                "openness", title, WARNING, "every European business with an eSeal gets a token, and no list controls it",
                "switch supports_european_businesses off, or control access in the API itself", trap="open_to_everyone",
            )  # fmt: skip
        if scope.get("accessible_for_all"):
            self._add(
                "openness", title, WARNING, "accessible for all: every organisation gets a token without being granted access",
                "switch accessible_for_all off if that is not meant", trap="open_to_everyone",
            )  # fmt: skip
        elif not scope.get("supports_european_businesses"):
            self._add("openness", title, OK, "only who is granted access")

    def _visibility(self, scope: Mapping[str, Any]) -> None:
        title, visibility = "Open list", scope.get("visibility") or "PUBLIC"
        if visibility != "PUBLIC":
            self._add(
                "visibility", title, NOTE, f"{visibility}: not in the open list of scopes, so consumers must be told its name",
                trap="not_in_public_list",
            )  # fmt: skip
            return
        prefix = self.name.partition(":")[0]
        listed = {full_name(entry) for entry in SelfService(self._session, None).public_scopes(prefix)}
        if self.name in listed:
            self._add("visibility", title, OK, "PUBLIC: in the open list of scopes")
        else:
            self._add(
                "visibility", title, NOTE, "PUBLIC, but not in the open list (yet)", "look again in some minutes",
                trap="not_in_public_list",
            )  # fmt: skip

    # -- access -----------------------------------------------------------------------

    def _access(self, scope: Mapping[str, Any]) -> None:
        title, consumer = "Access", self._consumer
        if consumer is None:
            return
        if scope.get("accessible_for_all"):
            self._add("access", title, OK, "not needed, since the scope is accessible for all")
            return
        if self._api is None:
            self._add(
                "access", title, UNSEEN, "who has access, only the scope's owner can see, with its administration client",
                "give the administration client's login",
            )  # fmt: skip
            return
        accesses = {
            str(entry.get("consumer_orgno")): entry for entry in self._api.accesses(self.name, inactive=True)
        }
        entry = accesses.get(consumer, {})
        state = entry.get("state")
        if state == "APPROVED":
            self._approved(title, entry, accesses)
            return
        told = {
            "REQUESTED": "has asked for access, and nobody has granted it",
            "DENIED": "had access, and it was taken away",
        }.get(str(state), "has never been granted access")
        hints = self._access_hints(self._api, consumer, accesses)
        self._add(
            "access", title, BROKEN,
            f"{self._named(consumer)} {told} in environment '{self._environment.name}'" + "".join(f"; {hint}" for hint in hints),
            f"grant {consumer} access",
            self._command("grant", scope=self.name, consumers=consumer, reason="CASE-NUMBER"), "access_or_delegation",
        )  # fmt: skip

    def _approved(
        self, title: str, entry: Mapping[str, Any], accesses: Mapping[str, Mapping[str, Any]]
    ) -> None:
        age = _age(entry.get("last_updated") or entry.get("created"))
        if age is not None and age < PROPAGATION:
            self._add(
                "access", title, WARNING,
                f"granted {age:.0f} seconds ago; it takes up to two minutes to reach the token service",
                "wait two minutes and try again", trap="propagation",
            )  # fmt: skip
        else:
            since = str(entry.get("created") or "")[:10]
            self._add("access", title, OK, f"APPROVED{f', since {since}' if since else ''}")
        supplier = self._supplier
        if supplier and accesses.get(supplier, {}).get("state") == "APPROVED":
            self._add(
                "supplier_access", "Supplier's access", NOTE,
                f"{self._named(supplier)} has access for itself, which acting for {self._consumer} does not need",
            )  # fmt: skip

    def _access_hints(
        self, api: SelfService, consumer: str, accesses: Mapping[str, Mapping[str, Any]]
    ) -> list[str]:
        """What tells a person where the access went instead."""
        hints = []
        parent = self._organizations[consumer].parent if consumer in self._organizations else None
        if parent and accesses.get(parent, {}).get("state") == "APPROVED":
            hints.append(f"its main unit {parent} has access")
        supplier = self._supplier
        if supplier and accesses.get(supplier, {}).get("state") == "APPROVED":
            hints.append(f"the supplier {supplier} has access, but it is the consumer that needs it")
        subscope = self.name.partition(":")[2]
        for twin in self._owned:
            if twin.get("subscope") == subscope and full_name(twin) != self.name:
                others = approved(api.accesses(full_name(twin)))
                if any(str(entry.get("consumer_orgno")) == consumer for entry in others):
                    hints.append(f"it has access to {full_name(twin)}, which shares the subscope")
        return hints

    # -- Altinn -------------------------------------------------------------------------

    def _source(self) -> str:
        """The delegation source of this environment's Altinn; empty when there is none."""
        if self._altinn_source is None:
            known = self._environment.delegation_source
            self._altinn_source = known or SelfService(self._session, None).delegation_sources().get(
                ALTINN_SOURCE, ""
            )
        return self._altinn_source

    @property
    def delegation_source(self) -> str | None:
        """As above, or None when it cannot be told."""
        try:
            return self._source() or None
        except CollectionError:
            return None

    def _delegation_source(self, scope: Mapping[str, Any]) -> None:
        title = "Delegation source"
        has, wanted = str(scope.get("delegation_source") or ""), self._source()
        if has and has.rstrip("/") == wanted.rstrip("/"):
            self._add("delegation_source", title, OK, has)
        elif has:
            self._add(
                "delegation_source", title, self._bad(),
                f"is {has}, but this environment's Altinn is {wanted}; delegations made here count for nothing",
                "set delegation_source: altinn on the scope", self._command("onboard"), "wrong_altinn",
            )  # fmt: skip
        else:
            self._add(
                "delegation_source", title, BROKEN, "none, so no consumer can delegate the scope to a supplier",
                "set delegation_source: altinn on the scope", self._command("onboard"),
            )  # fmt: skip

    def _resources(self) -> None:
        title = "Resource in Altinn"
        registry = Registry(self._session)
        found = [entry for entry in registry.list_resources() if self.name in _scopes_of(entry)]
        if not found:
            self._add(
                "resource", title, self._bad(), "no resource refers to the scope, so it cannot be found in Altinn",
                "publish one that refers to it", self._command("onboard"),
            )  # fmt: skip
            return
        schemas = [entry for entry in found if entry.get("resourceType") == _SCHEMA]
        if not schemas:
            kinds = ", ".join(f"{entry['identifier']} ({entry.get('resourceType')})" for entry in found)
            self._add(
                "resource", title, self._bad(), f"{kinds} refers to the scope, but only a {_SCHEMA} can be delegated",
                f"publish a resource of type {_SCHEMA}", self._command("onboard"),
            )  # fmt: skip
            return
        for resource in schemas:
            self._one_resource(title, registry, resource)

    def _one_resource(self, title: str, registry: Registry, resource: Mapping[str, Any]) -> None:
        identifier = str(resource["identifier"])
        missing = [name for name in ("delegable", "visible") if resource.get(name) is False]
        if missing:
            self._add(
                "resource", title, self._bad(), f"{identifier} points to the scope, but has {' and '.join(missing)} false",
                f"set {' and '.join(missing)} to true", self._command("onboard"),
            )  # fmt: skip
        else:
            self._add("resource", title, OK, f"{identifier} points to the scope; delegable, visible")
        self._findings.tried("policy", "Policy", lambda: self._policy(registry, resource))
        self._findings.tried("access_list", "Access list", lambda: self._access_list(resource))

    def _policy(self, registry: Registry, resource: Mapping[str, Any]) -> None:
        from ._altinn import _policy_assessment, _xacml, _xacml_parse

        title, identifier = "Policy", str(resource["identifier"])
        data = registry.get_policy(identifier)
        if data is None:
            self._add(
                "policy", title, self._bad(), f"{identifier} has none, so nobody can delegate it", "give it one",
                self._command("onboard"),
            )  # fmt: skip
            return
        try:
            judged = _policy_assessment.assess(_xacml_parse.parse(data), identifier, _SCHEMA)
        except _xacml.XacmlError as error:
            self._add(
                "policy",
                title,
                self._bad(),
                f"cannot be read: {error}",
                "upload it anew",
                self._command("onboard"),
            )
            return
        who = ", ".join(judged.may_delegate[:4]) + (" and others" if len(judged.may_delegate) > 4 else "")
        if judged.verdict == _policy_assessment.NO_ONE:
            self._add(
                "policy", title, self._bad(), f"lets nobody delegate: no rule of it gives {SCOPE_ACCESS} on {identifier}",
                "upload one that does", self._command("onboard"),
            )  # fmt: skip
            return
        self._add("policy", title, OK, f"lets someone delegate: {who}")
        over = datetime.now(UTC).date().isoformat() >= ALTINN2_ROLES_END
        migrate = self._command("policy_migrate", resource=identifier)
        if judged.verdict == _policy_assessment.ONLY_ALTINN2_ROLES:
            self._add(
                "policy_2027", f"Policy {_FROM_NEW_YEAR}", self._bad() if over or self._delegating else WARNING,
                f"only {', '.join(judged.altinn2_roles)} may delegate, and the Altinn 2 roles end on {ALTINN2_ROLES_END}",
                "name the access packages that replace them", migrate,
            )  # fmt: skip
        elif judged.without_package:
            self._add(
                "policy_2027", f"Policy {_FROM_NEW_YEAR}", WARNING,
                f"holders of {', '.join(judged.without_package)} can no longer delegate, others can",
                "name the access packages that replace them", migrate,
            )  # fmt: skip
        else:
            self._add("policy_2027", f"Policy {_FROM_NEW_YEAR}", OK, "still lets someone delegate")

    # -- access lists ---------------------------------------------------------------------

    def _altinn_login(self, scope: str) -> Any:
        """The Altinn client's login, or None when none was given."""
        from ._options import identity_settings
        from ._session import ALTINN_VARIABLES

        settings = identity_settings(self._session.params, ALTINN_VARIABLES)
        if not settings["client_id"] and not settings["token"]:
            return None
        return self._session.altinn((scope,))

    def _access_list(self, resource: Mapping[str, Any]) -> None:
        title, identifier, consumer = "Access list", str(resource["identifier"]), self._consumer
        if resource.get("accessListMode") != "Enabled":
            self._add("access_list", title, OK, f"none is needed for {identifier}")
            return
        login = self._altinn_login(ACCESS_LIST_READ)
        if login is None:
            self._add(
                "access_list", title, UNSEEN, f"{identifier} lets members of its lists through alone; who they are is not seen",
                "give the Altinn client's login",
            )  # fmt: skip
            return
        registry = Registry(self._session, login)
        api = AccessLists(self._session, registry, own_code(self._session, registry, login))
        connected = {
            str(entry.get("identifier")): [
                action for link in entry["resourceConnections"] for action in link.get("actionFilters") or []
            ]
            for entry in api.overview(identifier)
            if entry.get("resourceConnections")
        }
        counts, member_of = 0, []
        for name in connected:
            live = api.read(name, members=True, connections=False)
            counts += len(live.members) + len(live.others) if live else 0
            if live and consumer in live.members:
                member_of.append(name)
        if not counts:
            self._add(
                "access_list", title, self._bad(),
                f"{identifier} lets members of its lists through alone, and no connected list has any: everybody is locked out",
                "add members, or switch the mode off (altinn_access_list with connections: [{enforce: false}])",
            )  # fmt: skip
        elif consumer is None:
            self._add("access_list", title, OK, f"{counts} members in {', '.join(sorted(connected))}")
        elif not member_of:
            lists = ", ".join(sorted(connected))
            self._add(
                "access_list", title, self._bad(),
                f"{identifier} lets members of {lists} through alone, and {consumer} is not one",
                "add it", f"altinn_access_list: {{identifier: {sorted(connected)[0]}, members: ['{consumer}']}}",
            )  # fmt: skip
        else:
            filtered = [name for name in member_of if connected[name] and SCOPE_ACCESS not in connected[name]]
            if len(filtered) == len(member_of):
                self._add(
                    "access_list", title, self._bad(),
                    f"{consumer} is a member of {', '.join(filtered)}, which counts for "
                    f"{', '.join(connected[filtered[0]])} alone, not for {SCOPE_ACCESS}",
                    f"add {SCOPE_ACCESS} to the connection's actions, or leave them out",
                )  # fmt: skip
            else:
                self._add("access_list", title, OK, f"{consumer} is a member of {', '.join(member_of)}")

    # -- delegation -------------------------------------------------------------------------

    def _delegation(self, supplier: str) -> None:
        title, consumer = "Delegation", self._consumer
        login = self._altinn_login(DELEGATIONS)
        if login is None:
            self._add(
                "delegation",
                title,
                UNSEEN,
                "who has delegated to whom is not seen",
                "give the Altinn client's login",
            )
            return
        api = Delegations(self._session, login)
        try:
            found = api.look_up(scope=self.name, consumer=consumer, supplier=supplier)
        except ApiError as error:
            if error.status != 400:
                raise
            self._add("delegation", title, BROKEN, error.message, "check the numbers", trap="mistyped_number")
            return
        if found:
            since = str(found[0].get("created") or "")[:10]
            who = (
                self._named(consumer)
                if consumer
                else ", ".join(sorted({str(entry["consumer_org"]) for entry in found}))
            )
            self._add(
                "delegation", title, OK,
                f"{who} has delegated to {self._named(supplier)}{f', since {since}' if since else ''}",
            )  # fmt: skip
            return
        others = self._other_delegations(api)
        self._add(
            "delegation", title, BROKEN,
            f"{self._named(consumer) if consumer else 'nobody'} has not delegated to {self._named(supplier)}"
            + "".join(f"; {other}" for other in others)
            + " (a resource that was published less than ten minutes ago may lack its delegations)",
            f"{self._named(consumer) if consumer else 'the consumer'} must delegate it in the Altinn of environment "
            f"'{self._environment.name}'",
            self._command("delegations", scope=self.name, consumer=consumer, supplier=supplier),
            "access_or_delegation",
        )  # fmt: skip
        self._ask_to_delegate()

    def _other_delegations(self, api: Delegations) -> list[str]:
        """Delegations that look like the missing one: from or to another part of the same organisations."""
        hints = []
        to_supplier = {
            str(entry["consumer_org"]) for entry in api.look_up(scope=self.name, supplier=self._supplier)
        }
        if self._consumer:
            from_consumer = {
                str(entry["supplier_org"]) for entry in api.look_up(scope=self.name, consumer=self._consumer)
            }
            for wanted, numbers, word in (
                (self._consumer, to_supplier, "from"),
                (str(self._supplier), from_consumer, "to"),
            ):
                kin = self._kin(wanted, numbers)
                if kin:
                    hints.append(f"there is a delegation {word} {', '.join(kin)}, another unit of {wanted}")
            strangers = sorted(from_consumer)[:3]
            if strangers and not hints:
                hints.append(f"it has delegated to {', '.join(strangers)}")
        return hints

    def _kin(self, wanted: str, numbers: set[str]) -> list[str]:
        """Those of the numbers that belong to the same main unit."""
        known = self._register.look_up([wanted, *sorted(numbers)[:50]])
        family = known[wanted].parent or wanted
        return [
            number
            for number in sorted(numbers)[:50]
            if number != wanted and family in (number, known[number].parent)
        ]

    def _ask_to_delegate(self) -> None:
        from ._doctor_letters import ask_to_delegate

        identifier = self.name
        self.letters = ask_to_delegate(
            scope=identifier,
            consumer=self._named(self._consumer) if self._consumer else None,
            supplier=self._named(self._supplier),
            production=self._environment.is_production,
        )


def _scopes_of(resource: Mapping[str, Any]) -> list[str]:
    return [
        str(reference.get("reference"))
        for reference in resource.get("resourceReferences") or []
        if reference.get("referenceType") == "MaskinportenScope"
    ]


def _age(timestamp: Any) -> float | None:
    """Seconds since a time of the self-service API, whatever its precision; None when it is none."""
    try:
        moment = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (datetime.now(UTC) - moment).total_seconds()
