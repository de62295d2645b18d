# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Altinn knows: resources, policies, the org list, access lists, delegations and parties.

Plain data that can be copied, pickled and written as JSON; everything that is looked up is indexed by a dict.
"""

from __future__ import annotations

import base64
import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import organization_numbers

if TYPE_CHECKING:
    from .core import State

FIRST_VERSION_ID = 10411
FIRST_EVENT = 4711
_PARTY_NAMESPACE = uuid.UUID("6f0cb0b5-3c07-5c54-9a1b-0d3f0b4c7a11")
_FIRST_PARTY_ID = 50_000_000

SECTIONS = (
    "resources",
    "burned",
    "apps",
    "app_policies",
    "orgs",
    "subjects",
    "subject_changes",
    "access_lists",
    "suppliers",
    "delegations",
    "persons",
    "held",
    "last_version_id",
    "last_event",
)
"""Sections of the state as JSON."""

DEFAULT_SUBJECTS = (
    "urn:altinn:rolecode:dagl",
    "urn:altinn:rolecode:apiadm",
    "urn:altinn:external-role:ccr:daglig-leder",
    "urn:altinn:accesspackage:maskinporten-scopes",
    "urn:altinn:accesspackage:maskinporten-administrator",
)
"""What whoever acts for an organisation holds when nothing else is said: the general manager's roles and packages."""


def iso(moment: float) -> str:
    """Epoch seconds as .NET writes a DateTimeOffset: up to seven fraction digits, trailing zeros cut, ``+00:00``."""
    at = datetime.fromtimestamp(moment, UTC)
    fraction = f".{at.microsecond:06d}".rstrip("0").rstrip(".")
    return at.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "+00:00"


def epoch(value: str | float | None, default: float) -> float:
    """Epoch seconds from ISO 8601 text or a number; ``default`` for None."""
    if value is None:
        return default
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    return float(value)


def party_uuid(number: str) -> str:
    """The party UUID of an organisation: always the same for the same number."""
    return str(uuid.uuid5(_PARTY_NAMESPACE, number))


def party_id(number: str) -> int:
    """The numeric party id of an organisation, unique for each valid number."""
    return _FIRST_PARTY_ID + int(number[:8])


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation, or a person (no number), as Altinn's party register knows it."""

    uuid: str
    id: int
    organization_number: str | None


@dataclass(slots=True)
class Resource:
    """A stored resource: every version, oldest first, as the registry's JSON."""

    versions: list[dict[str, Any]]
    policy: bytes | None = None
    created_at: float = 0.0
    former_policies: list[tuple[float, bytes | None]] = field(default_factory=list)
    """(replaced at, what it was), oldest first: what the platform's caches may still show."""
    changed_at: float = 0.0
    """When the resource or its policy was last changed."""
    change_number: int = 0
    """Position in the change feed."""

    @property
    def newest(self) -> dict[str, Any]:
        return self.versions[-1]

    def set_policy(self, policy: bytes, now: float) -> None:
        """Replace the policy."""
        self.former_policies.append((now, self.policy))
        self.policy = policy

    def policy_seen_at(self, moment: float) -> bytes | None:
        """The policy that was in force at the moment."""
        return next((policy for until, policy in self.former_policies if until > moment), self.policy)

    @property
    def owner(self) -> str | None:
        """Organisation number in the newest version."""
        number: str | None = self.newest["hasCompetentAuthority"].get("organization")
        return number


@dataclass(slots=True)
class Connection:
    """An access list's hold on a resource; no filters means every action."""

    action_filters: list[str]
    created: float
    updated: float


@dataclass(slots=True)
class AccessList:
    owner: str
    identifier: str
    name: str
    description: str
    created: float
    updated: float
    version: int
    members: dict[str, float] = field(default_factory=dict)
    """Party UUID -> member since."""
    connections: dict[str, Connection] = field(default_factory=dict)
    """Resource id -> connection."""

    @property
    def urn(self) -> str:
        return f"urn:altinn:access-list:{self.owner}:{self.identifier}"


@dataclass(slots=True)
class Delegation:
    id: str
    created: float


class AltinnState:
    """Everything Altinn knows.

    ===================  ==========================================================================================
    ``resources``        resource id -> :class:`Resource`
    ``burned``           ids of deleted resources, which can never be used again
    ``apps``             resource id -> an app of the app store that is not stored as a resource
    ``app_policies``     resource id of such an app -> its policy
    ``orgs``             service owner code -> entry of the org list (see :meth:`org_list`)
    ``subjects``         resource id -> subject URNs of its policy -> (type, value): the subject index
    ``subject_changes``  what ``updated`` shows: [{subject, resource, at, deleted}]
    ``access_lists``     owner code -> list id -> :class:`AccessList`
    ``suppliers``        (consumer, supplier) -> :class:`Delegation`: the relation in access management
    ``delegations``      (consumer, supplier, resource id) -> :class:`Delegation`
    ``persons``          party UUID -> party without an organisation number
    ``held``             organisation number -> subject URNs that whoever acts for it holds
    ===================  ==========================================================================================
    """

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.burned: set[str] = set()
        self.apps: dict[str, dict[str, Any]] = {}
        self.app_policies: dict[str, bytes] = {}
        self.orgs: dict[str, dict[str, Any]] = {}
        self.subjects: dict[str, dict[str, tuple[str, str]]] = {}
        self.subject_changes: list[dict[str, Any]] = []
        self.access_lists: dict[str, dict[str, AccessList]] = {}
        self.suppliers: dict[tuple[str, str], Delegation] = {}
        self.delegations: dict[tuple[str, str, str], Delegation] = {}
        self.persons: dict[str, Party] = {}
        self.held: dict[str, list[str]] = {}
        self.last_version_id = FIRST_VERSION_ID - 1
        self.last_event = FIRST_EVENT - 1
        self._resources_with_subject: dict[str, dict[str, None]] = {}
        self._numbers_by_uuid: dict[str, str] = {}

    # --- resources ---------------------------------------------------------------------------------------------

    def next_version_id(self) -> int:
        """Next number of the one sequence that all resources share."""
        self.last_version_id += 1
        return self.last_version_id

    def add_version(self, body: dict[str, Any], now: float) -> dict[str, Any]:
        """Store ``body`` as the newest version of its resource (a new resource when the id is new)."""
        version = {**body, "versionId": self.next_version_id()}
        identifier = version["identifier"]
        resource = self.resources.get(identifier)
        if resource is None:
            resource = self.resources[identifier] = Resource([], created_at=now)
        resource.versions.append(version)
        self.touch(resource, now)
        return version

    def touch(self, resource: Resource, now: float) -> None:
        """Move the resource to the end of the change feed."""
        resource.changed_at = now
        self.last_event += 1
        resource.change_number = self.last_event

    def delete_resource(self, identifier: str) -> None:
        """Remove all versions and the policy. The id stays taken; the subject index and access lists are left alone."""
        del self.resources[identifier]
        self.burned.add(identifier)

    def find(self, identifier: str) -> dict[str, Any] | None:
        """The newest version of a stored resource, or the app of that id, or None."""
        resource = self.resources.get(identifier)
        return resource.newest if resource is not None else self.apps.get(identifier)

    def policy_of(self, identifier: str) -> bytes | None:
        """The bytes of a resource's policy, or None."""
        resource = self.resources.get(identifier)
        return resource.policy if resource is not None else self.app_policies.get(identifier)

    # --- subjects ----------------------------------------------------------------------------------------------

    def set_subjects(self, identifier: str, subjects: dict[str, tuple[str, str]], now: float) -> None:
        """Replace the subject index of a resource; changes are kept for the feed ``updated``."""
        old = self.subjects.get(identifier, {})
        for urn in old:
            if urn not in subjects:
                self._resources_with_subject[urn].pop(identifier, None)
                self._subject_change(urn, identifier, now, deleted=True)
        for urn in subjects:
            if urn not in old:
                self._resources_with_subject.setdefault(urn, {})[identifier] = None
                self._subject_change(urn, identifier, now, deleted=False)
        self.subjects[identifier] = subjects

    def _subject_change(self, urn: str, identifier: str, now: float, *, deleted: bool) -> None:
        self.subject_changes.append({"subject": urn, "resource": identifier, "at": now, "deleted": deleted})

    def resources_with_subject(self, urn: str) -> list[str]:
        """Ids of the resources whose policy names the subject."""
        return list(self._resources_with_subject.get(urn, ()))

    # --- orgs --------------------------------------------------------------------------------------------------

    def org_list(self, state: State) -> dict[str, dict[str, Any]]:
        """Service owner code -> entry: what is written here, and every organisation that carries a code."""
        orgs = {
            organization["service_owner_code"].lower(): {
                "name": organization.get("service_owner_name")
                or dict.fromkeys(("en", "nb", "nn"), organization["name"]),
                "logo": "",
                "orgnr": number,
                "homepage": "",
                "environments": ["tt02", "production"],
            }
            for number, organization in state.organizations.items()
            if organization.get("service_owner_code")
        }
        return {**orgs, **self.orgs}

    def code_of(self, state: State, number: str | None) -> str | None:
        """The service owner code of an organisation number, or None."""
        if not number:
            return None
        for code, entry in self.orgs.items():
            if entry.get("orgnr") == number:
                return code
        return state.service_owner_code(number)

    def is_code(self, state: State, code: str) -> bool:
        """True for a registered service owner code, in any case."""
        code = code.lower()
        return code in self.orgs or code in self.org_list(state)

    # --- parties -----------------------------------------------------------------------------------------------

    def party_of_number(self, state: State, number: str) -> Party | None:
        """The party of an organisation the sandbox knows, else None."""
        if number not in state.organizations and number not in state.register:
            return None
        identifier = party_uuid(number)
        self._numbers_by_uuid[identifier] = number
        return Party(identifier, party_id(number), number)

    def party_of_uuid(self, state: State, identifier: str) -> Party | None:
        """The party with this UUID, else None."""
        identifier = identifier.lower()
        number = self._numbers_by_uuid.get(identifier)
        if number is None:
            if identifier in self.persons:
                return self.persons[identifier]
            # Known organisations come from several places; index those that came since the last look.
            for number in (*state.organizations, *state.register):
                self._numbers_by_uuid[party_uuid(number)] = number
            number = self._numbers_by_uuid.get(identifier)
        return Party(identifier, party_id(number), number) if number else None

    def party_of_id(self, state: State, identifier: int) -> Party | None:
        """The party with this numeric id, else None."""
        for person in self.persons.values():
            if person.id == identifier:
                return person
        first_eight = f"{identifier - _FIRST_PARTY_ID:08d}"
        if len(first_eight) != 8 or not first_eight.isdigit():
            return None
        digit = organization_numbers.check_digit(first_eight)
        return self.party_of_number(state, first_eight + digit) if digit is not None else None

    def subjects_held(self, number: str) -> list[str]:
        """Subject URNs that whoever acts for the organisation holds, lower case."""
        return [urn.lower() for urn in self.held.get(number, DEFAULT_SUBJECTS)]

    # --- access lists ------------------------------------------------------------------------------------------

    def next_event(self) -> int:
        """Next number of the one event sequence; an access list's version is the number of its last event."""
        self.last_event += 1
        return self.last_event

    def find_list(self, owner: str, identifier: str) -> AccessList | None:
        return self.access_lists.get(owner, {}).get(identifier)

    def lists_connected_to(self, resource: str) -> Iterator[AccessList]:
        """Access lists of any owner that are connected to the resource."""
        for lists in self.access_lists.values():
            for access_list in lists.values():
                if resource in access_list.connections:
                    yield access_list

    # --- delegations -------------------------------------------------------------------------------------------

    def scopes_of(self, identifier: str) -> list[str]:
        """Maskinporten scopes the newest version of a resource refers to, in its order."""
        resource = self.resources.get(identifier)
        if resource is None:
            return []
        return [
            reference["reference"]
            for reference in resource.newest.get("resourceReferences") or []
            if reference.get("referenceType") == "MaskinportenScope" and reference.get("reference")
        ]

    def resources_of_scope(self, scope: str) -> list[str]:
        """Ids of MaskinportenSchema resources that refer to exactly this scope."""
        return [
            identifier
            for identifier, resource in self.resources.items()
            if resource.newest.get("resourceType") == "MaskinportenSchema"
            and scope in self.scopes_of(identifier)
        ]

    def delegates(self, state: State, scope: str, consumer: str, supplier: str) -> bool:
        """True when the consumer has delegated a resource that refers to the scope to the supplier."""
        given = {resource for (a, b, resource) in self.delegations if (a, b) == (consumer, supplier)}
        given.update(
            entry["resource"]
            for entry in state.delegations
            if entry.get("consumer") == consumer
            and entry.get("supplier") == supplier
            and entry.get("resource")
        )
        return any(scope in self.scopes_of(resource) for resource in given)

    # --- JSON --------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON data; :meth:`from_json` and :meth:`merge` read it back."""
        return {
            "resources": [
                {
                    "versions": copy.deepcopy(resource.versions),
                    **_policy_to_json(resource.policy),
                    "created_at": iso(resource.created_at),
                    "changed_at": iso(resource.changed_at),
                    "change_number": resource.change_number,
                }
                for resource in self.resources.values()
            ],
            "burned": sorted(self.burned),
            "apps": copy.deepcopy(list(self.apps.values())),
            "app_policies": {
                identifier: _policy_to_json(policy) for identifier, policy in self.app_policies.items()
            },
            "orgs": copy.deepcopy(self.orgs),
            "subjects": {
                identifier: [{"type": kind, "value": value} for kind, value in subjects.values()]
                for identifier, subjects in self.subjects.items()
            },
            "subject_changes": [{**change, "at": iso(change["at"])} for change in self.subject_changes],
            "access_lists": [
                {
                    "owner": found.owner,
                    "identifier": found.identifier,
                    "name": found.name,
                    "description": found.description,
                    "created": iso(found.created),
                    "updated": iso(found.updated),
                    "version": found.version,
                    "members": [
                        {"party": identifier, "since": iso(since), **self._number_to_json(identifier)}
                        for identifier, since in found.members.items()
                    ],
                    "connections": [
                        {
                            "resource": resource,
                            "action_filters": list(connection.action_filters),
                            "created": iso(connection.created),
                            "updated": iso(connection.updated),
                        }
                        for resource, connection in found.connections.items()
                    ],
                }
                for lists in self.access_lists.values()
                for found in lists.values()
            ],
            "suppliers": [
                {"consumer": consumer, "supplier": supplier, "id": entry.id, "created": iso(entry.created)}
                for (consumer, supplier), entry in self.suppliers.items()
            ],
            "delegations": [
                {
                    "consumer": consumer,
                    "supplier": supplier,
                    "resource": resource,
                    "id": entry.id,
                    "created": iso(entry.created),
                }
                for (consumer, supplier, resource), entry in self.delegations.items()
            ],
            "persons": [{"party": person.uuid, "id": person.id} for person in self.persons.values()],
            "held": copy.deepcopy(self.held),
            "last_version_id": self.last_version_id,
            "last_event": self.last_event,
        }

    def _number_to_json(self, identifier: str) -> dict[str, str]:
        number = self._numbers_by_uuid.get(identifier)
        return {"organization": number} if number else {}

    @classmethod
    def from_json(cls, data: dict[str, Any], now: float = 0.0) -> AltinnState:
        """Read what :meth:`to_json` wrote, or a hand-written seed (see :meth:`merge`)."""
        state = cls()
        state.merge(data, now)
        return state

    def merge(self, data: dict[str, Any], now: float) -> None:
        """Add what ``data`` holds; anything with the same name is replaced.

        Beside the output of :meth:`to_json` a seed may say less, for example::

            {"resources": [{"resource": {"identifier": "demo-api", ...}, "policy": "<Policy ...>"}, {"identifier": ...}],
             "orgs": {"demo": {"name": {"en": ...}, "orgnr": "312345676"}},
             "apps": [{"identifier": "app_demo_form", ...}],
             "access_lists": [{"owner": "demo", "identifier": "approved", "name": "Approved",
                               "members": ["310002100"], "connections": ["demo-api"]}],
             "delegations": [{"consumer": "310002100", "supplier": "310004774", "resource": "demo-api"}],
             "held": {"310002100": ["urn:altinn:accesspackage:maskinporten-scopes"]}}

        Args:
            data: the seed.
            now: epoch seconds, for what does not say when it was made.

        Raises:
            ValueError: a sentence that names the entry and what is wrong with it.
        """
        unknown = sorted(set(data) - set(self.to_json()))
        if unknown:
            raise ValueError(
                f"altinn has no section {unknown[0]!r}; the sections are {', '.join(self.to_json())}"
            )
        try:
            self._merge(data, now)
        except KeyError as error:
            raise ValueError(f"altinn: an entry lacks {error}") from error
        except (TypeError, AttributeError) as error:
            raise ValueError(f"altinn: an entry has another shape than the state: {error}") from error

    def _merge(self, data: dict[str, Any], now: float) -> None:
        # Late import: the validation knows the state, not the other way round.
        from .altinn_model import complete, parse_seed
        from .xacml import (
            PolicyContentError,
            PolicyStructureError,
            PolicyViewError,
            parse_policy,
            subject_attributes,
        )

        for entry in data.get("resources", ()):
            versions = entry.get("versions") or [entry.get("resource", entry)]
            identifier = versions[-1].get("identifier")
            if not identifier:
                raise ValueError("altinn.resources: a resource has no identifier")
            # Without a time of its own a seeded resource has always been there.
            resource = Resource([], created_at=epoch(entry.get("created_at"), 0.0))
            for body in versions:
                version = complete(parse_seed(body))
                if "versions" in entry and "name" not in body.get("hasCompetentAuthority", {}):
                    # The registry keeps a name that was sent as null away, also through a snapshot.
                    version["hasCompetentAuthority"].pop("name", None)
                number = body.get("versionId")
                version["versionId"] = number if isinstance(number, int) else self.next_version_id()
                self.last_version_id = max(self.last_version_id, version["versionId"])
                resource.versions.append(version)
            self.touch(resource, epoch(entry.get("changed_at"), now))
            resource.change_number = entry.get("change_number", resource.change_number)
            resource.policy = _policy_from_json(entry)
            self.resources[identifier] = resource
            self.burned.discard(identifier)
            if resource.policy is not None and identifier not in data.get("subjects", {}):
                try:
                    found = subject_attributes(parse_policy(resource.policy))
                except (PolicyStructureError, PolicyViewError, PolicyContentError) as error:
                    raise ValueError(f"altinn.resources: the policy of {identifier}: {error}") from error
                self.set_subjects(identifier, {a.urn: (a.type, a.value) for a in found}, now)
        self.burned.update(data.get("burned", ()))
        for app in data.get("apps", ()):
            self.apps[app["identifier"]] = complete(parse_seed(app)) | {"versionId": 0}
        for identifier, entry in data.get("app_policies", {}).items():
            self.app_policies[identifier] = _policy_from_json(entry) or b""
        for code, entry in data.get("orgs", {}).items():
            self.orgs[code.lower()] = copy.deepcopy(entry)
        for identifier, subjects in data.get("subjects", {}).items():
            pairs = [(subject["type"], subject["value"]) for subject in subjects]
            self.set_subjects(identifier, {f"{kind}:{value}": (kind, value) for kind, value in pairs}, now)
        if "subject_changes" in data:
            self.subject_changes = [
                {**change, "at": epoch(change["at"], now)} for change in data["subject_changes"]
            ]
        for entry in data.get("persons", ()):
            self.persons[entry["party"].lower()] = Party(entry["party"].lower(), int(entry["id"]), None)
        for entry in data.get("access_lists", ()):
            self._merge_list(entry, now)
        for entry in data.get("suppliers", ()):
            self.suppliers[(entry["consumer"], entry["supplier"])] = _delegation(entry, now)
        for entry in data.get("delegations", ()):
            self.delegations[(entry["consumer"], entry["supplier"], entry["resource"])] = _delegation(
                entry, now
            )
            self.suppliers.setdefault((entry["consumer"], entry["supplier"]), _delegation({}, now))
        for number, urns in data.get("held", {}).items():
            self.held[number] = list(urns)
        self.last_version_id = max(self.last_version_id, data.get("last_version_id", 0))
        self.last_event = max(self.last_event, data.get("last_event", 0))

    def _merge_list(self, entry: dict[str, Any], now: float) -> None:
        created = epoch(entry.get("created"), now)
        found = AccessList(
            owner=entry["owner"].lower(),
            identifier=entry["identifier"],
            name=entry.get("name", entry["identifier"]),
            description=entry.get("description") or "",
            created=created,
            updated=epoch(entry.get("updated"), created),
            version=entry.get("version") or self.next_event(),
        )
        self.last_event = max(self.last_event, found.version)
        for member in entry.get("members", ()):
            given = member if isinstance(member, dict) else {"organization": str(member)}
            number = given.get("organization")
            identifier = given["party"] if "party" in given else party_uuid(str(number))
            if number:
                self._numbers_by_uuid[identifier] = number
            found.members[identifier] = epoch(given.get("since"), now)
        for connection in entry.get("connections", ()):
            given = connection if isinstance(connection, dict) else {"resource": connection}
            at = epoch(given.get("created"), now)
            found.connections[given["resource"]] = Connection(
                list(given.get("action_filters", ())), at, epoch(given.get("updated"), at)
            )
        self.access_lists.setdefault(found.owner, {})[found.identifier] = found


def _delegation(entry: dict[str, Any], now: float) -> Delegation:
    return Delegation(entry.get("id") or str(uuid.uuid4()), epoch(entry.get("created"), now))


def _policy_to_json(policy: bytes | None) -> dict[str, str]:
    if policy is None:
        return {}
    try:
        return {"policy": policy.decode("utf-8")}
    except UnicodeDecodeError:
        return {"policy_base64": base64.b64encode(policy).decode()}


def _policy_from_json(entry: dict[str, Any]) -> bytes | None:
    if "policy_base64" in entry:
        return base64.b64decode(entry["policy_base64"])
    text = entry.get("policy")
    return text.encode("utf-8") if isinstance(text, str) else None
