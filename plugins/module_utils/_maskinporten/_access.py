# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Access: which organisations may use a scope, row by row of a list, with a verdict for every row.

Source of the rules: Digdir's self-service API. An access is APPROVED, REQUESTED or DENIED; only APPROVED is access. PUT
grants (a DENIED one again), DELETE denies. Everything is read with one list per scope; only what differs is written.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from .. import _organization_number as organization_number
from .. import _price
from .._consumer_file import ConsumerList, ConsumerRow, read_consumers, rows_from_values
from .._consumer_verdicts import ENFORCED, VERDICTS
from .._errors import ApiError, CollectionError, GuardError, InputError
from .._options import with_defaults
from .._organization_number import OrganizationNumberError, shown
from .._reconcile import Report, Step, apply, text_diff
from .._register import Organization, Register, names_agree
from .._run import Task
from ._scopes import full_name, scope_name
from ._self_service import SCOPES_WRITE, SelfService, approved

APPROVED: Final = "APPROVED"
REQUESTED: Final = "REQUESTED"
DENIED: Final = "DENIED"
STATES: Final = (APPROVED, REQUESTED, DENIED)

ON_INVALID_ROW: Final = ("fail_before", "fail_after", "skip")
REGISTER_CHECKS: Final = ("off", "warn", "enforce")
#: What the price is counted over.
PRICE_SCOPES: Final = ("task", "provider")
DEFAULT_MAX_REMOVALS: Final = "5"
DEFAULT_WARN_DAYS: Final = 30

_MAX_REMOVALS: Final = re.compile(r"\s*([0-9]{1,6})\s*(%?)\s*")
_FILE_NAME: Final = re.compile(r"\.(?:csv|tsv|txt|xlsx?|ods|ya?ml|json)\s*$", re.IGNORECASE)
_NAMED: Final = 10


def grant_options() -> dict[str, dict[str, Any]]:
    """The options of one scope's list: those of the module's top level and of each entry of ``grants``, but ``state``."""
    return {
        "scope": {"type": "str"},
        "consumers": {"type": "list", "elements": "raw"},
        "consumers_file": {"type": "path"},
        "sheet": {"type": "str"},
        "purge": {"type": "bool"},
        "max_removals": {"type": "str"},
        "protected": {"type": "list", "elements": "raw"},
        "suppliers": {"type": "list", "elements": "raw"},
        "on_invalid_row": {"type": "str", "choices": list(ON_INVALID_ROW)},
        "reason": {"type": "str"},
        "case_number": {"type": "str"},
        "warn_days": {"type": "int"},
    }


def task_options() -> dict[str, dict[str, Any]]:
    """The options that hold for the whole task."""
    return {
        "register_check": {"type": "str", "choices": list(REGISTER_CHECKS)},
        "price_scope": {"type": "str", "choices": list(PRICE_SCOPES), "default": PRICE_SCOPES[0]},
        "price_ceiling": {"type": "int"},
    }


# -- what is declared ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Grant:
    """One scope with its list, as declared."""

    scope: str
    where: str
    present: bool
    consumers: ConsumerList
    purge: bool
    max_removals: str
    protected: frozenset[str]
    suppliers: frozenset[str]
    on_invalid_row: str
    reason: str | None
    case_number: str | None
    warn_days: int
    rows: list[_Row] = field(default_factory=list)


@dataclass(slots=True)
class _Row:
    """One row on its way to a verdict.

    :ivar entry: the row of the list; None for a consumer that a purge removes.
    :ivar findings: codes of what a person should know; ``texts``: the same as sentences.
    :ivar refused: the row cannot be right, or must not be done.
    """

    grant: Grant
    entry: ConsumerRow | None
    number: str | None
    name: str | None = None
    verdict: str = ""
    findings: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    action: str = "none"
    before: str | None = None
    after: str | None = None
    refused: bool = False
    error: CollectionError | None = None

    def find(self, code: str, text: str) -> None:
        self.findings.append(code)
        self.texts.append(text)

    def refuse(self, code: str, text: str) -> None:
        self.verdict, self.action, self.after, self.refused = code, "none", self.before, True
        self.texts.insert(0, text)

    @property
    def other(self) -> bool:
        """Whether the row is for a scope that the task does not name."""
        return self.verdict == "other_scope"

    @property
    def label(self) -> str:
        """The consumer as people know it."""
        return f"{self.number} {self.name}" if self.name else str(self.number)

    @property
    def place(self) -> str:
        """Where the row stands, for messages."""
        if self.entry is None:
            return "not in the list"
        return f"line {self.entry.line}"


def _declared(task: Task) -> list[Grant]:
    """The declared lists, read and checked as far as that goes without a request.

    :raises InputError: a declaration that cannot be right; a file that cannot be read.
    """
    entries = with_defaults(task.params, {**grant_options(), "state": {}}, "grants")
    single = task.params.get("grants") is None
    grants: list[Grant] = []
    for index, entry in enumerate(entries):
        where = "consumer_access" if single else f"grants[{index}]"
        if not single:
            # A list at top level is the default only for an entry that names none of its own.
            own = task.params["grants"][index]
            if own.get("consumers") is not None:
                entry["consumers_file"] = None
            elif own.get("consumers_file"):
                entry["consumers"] = None
        grants.append(_declared_grant(task, entry, where))
    declared: dict[tuple[str, bool], str] = {}
    for grant in grants:
        key = (grant.scope, grant.present)
        if key in declared:
            raise InputError(
                f"{grant.where}: {grant.scope} is declared twice; {declared[key]} declares it already."
            )
        declared[key] = grant.where
        other = declared.get((grant.scope, not grant.present))
        if other and (
            grant.purge or any(earlier.purge for earlier in grants if earlier.scope == grant.scope)
        ):
            raise InputError(
                f"{grant.where}: {grant.scope} has a purge and stands in {other} too; declare it once."
            )
    return grants


def _declared_grant(task: Task, entry: Mapping[str, Any], where: str) -> Grant:
    if not entry["scope"]:
        raise InputError(
            f"{where}: scope is missing; name the scope whose consumers these are, as prefix:subscope."
        )
    scope = scope_name({"name": entry["scope"]}, where)
    where = f"{where} ({scope})"
    if entry["consumers"] is not None and entry["consumers_file"]:
        raise InputError(f"{where}: consumers and consumers_file exclude each other.", item=scope)
    if entry["consumers"] is None and not entry["consumers_file"]:
        raise InputError(
            f"{where}: say who: consumers (a list) or consumers_file (CSV, XLSX, YAML, JSON).", item=scope
        )
    named = [
        value for value in entry["consumers"] or () if isinstance(value, str) and _FILE_NAME.search(value)
    ]
    if named:
        raise InputError(
            f"{where}: consumers holds the name of a file ({shown(named[0])}); give it as consumers_file.",
            item=scope,
        )
    present = entry["state"] != "absent"
    purge = bool(entry["purge"])
    if purge and not present:
        raise InputError(
            f"{where}: purge belongs to state: present; absent removes just the listed ones.", item=scope
        )
    if entry["consumers_file"]:
        consumers = read_consumers(entry["consumers_file"], sheet=entry["sheet"])
    else:
        consumers = rows_from_values(entry["consumers"])
    warn_days = DEFAULT_WARN_DAYS if entry["warn_days"] is None else entry["warn_days"]
    if warn_days < 0:
        raise InputError(f"{where}: warn_days is {warn_days}; days start at 0.", item=scope)
    max_removals = entry["max_removals"] if entry["max_removals"] not in (None, "") else DEFAULT_MAX_REMOVALS
    removals_allowed(max_removals, 0, where)
    return Grant(
        scope=scope,
        where=where,
        present=present,
        consumers=consumers,
        purge=purge,
        max_removals=max_removals,
        protected=listed_numbers(entry["protected"], f"{where}: protected"),
        suppliers=listed_numbers(entry["suppliers"], f"{where}: suppliers"),
        on_invalid_row=entry["on_invalid_row"] or ON_INVALID_ROW[0],
        reason=entry["reason"],
        case_number=entry["case_number"],
        warn_days=warn_days,
    )


def listed_numbers(values: Iterable[Any] | None, where: str) -> frozenset[str]:
    """Organisation numbers as nine digits each, however they were written.

    :raises InputError: one that is no organisation number.
    """
    try:
        return frozenset(organization_number.normalize(value) for value in values or ())
    except OrganizationNumberError as error:
        raise InputError(f"{where}: {error}.") from None


def removals_allowed(limit: str, holders: int, where: str) -> int:
    """How many may go: a number, or a percentage of those who have access (rounded down).

    :raises InputError: a limit that is neither.
    """
    match = _MAX_REMOVALS.fullmatch(limit)
    if not match or (match[2] and int(match[1]) > 100):
        raise InputError(
            f"{where}: max_removals {shown(limit)} is neither a number nor a percentage such as 10%."
        )
    return holders * int(match[1]) // 100 if match[2] else int(match[1])


# -- the plan ------------------------------------------------------------------------------------------------------


class AccessPlan:
    """From declared lists to rows with verdicts, and from those to steps."""

    def __init__(self, task: Task, grants: Sequence[Grant]) -> None:
        self.task = task
        self.session = task.session
        self.environment = task.session.environment
        self.grants = grants
        self.scopes = list(dict.fromkeys(grant.scope for grant in grants))
        self.today = datetime.now(UTC).astimezone().date()
        self.warnings: list[str] = []
        self.live: dict[str, Mapping[str, Any]] = {}
        self.accesses: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.unreadable: dict[str, CollectionError] = {}
        self.blocked: str | None = None
        self.price: dict[str, Any] | None = None
        self._api: SelfService | None = None

    @property
    def api(self) -> SelfService:
        if self._api is None:
            self._api = SelfService(self.session, self.session.maskinporten((SCOPES_WRITE,)))
        return self._api

    @property
    def rows(self) -> Iterable[_Row]:
        return (row for grant in self.grants for row in grant.rows)

    # What can be said without asking anyone.

    def judge(self) -> None:
        """Verdicts that need no request: malformed, duplicate, supplier, synthetic in production.

        :raises GuardError: a purge with a list of nobody.
        """
        for grant in self.grants:
            first: dict[str, _Row] = {}
            for entry in grant.consumers.rows:
                if entry.scope and entry.scope != grant.scope and entry.scope in self.scopes:
                    continue
                row = _Row(grant, entry, entry.organization_number, entry.name)
                grant.rows.append(row)
                self._judge_row(row, first)
            if grant.purge and not any(
                row.number and not row.refused and not row.other for row in grant.rows
            ):
                raise GuardError(
                    f"{grant.where}: the list names no organisation for this scope, and with purge that would take access "
                    "from every consumer. Nothing was sent. To end all access, name the consumers with state: absent.",
                    item=grant.scope,
                )
            if not grant.rows:
                self.warnings.append(f"{grant.where}: {grant.consumers.source} has no rows for this scope.")
        self._judge_contradictions()

    def _judge_contradictions(self) -> None:
        """Refuse who is to be granted by one list and revoked by another: every run would undo the last one."""
        if len({grant.present for grant in self.grants}) < 2:
            return
        listed: dict[tuple[str, str], dict[bool, _Row]] = {}
        for row in self.rows:
            if row.number is None or row.verdict or row.entry is None:
                continue
            if not (row.grant.present and _has_ended(row.entry, self.today)):
                listed.setdefault((row.grant.scope, row.number), {})[row.grant.present] = row
        for rows in listed.values():
            if len(rows) > 1:
                for present, row in rows.items():
                    row.refuse(
                        "not_possible",
                        f"is listed in {rows[not present].grant.where}, {rows[not present].place}, too, as "
                        f"{'absent' if present else 'present'}; keep one",
                    )

    def _judge_row(self, row: _Row, first: dict[str, _Row]) -> None:
        entry, grant, number = row.entry, row.grant, row.number
        if entry is None:
            raise AssertionError("entry is known here")
        for note in entry.notes if entry.problem is None else ():
            row.find("note", note)
        if entry.problem is not None or number is None:
            row.refuse(entry.problem or "unreadable", entry.message or "the row cannot be read")
            return
        if entry.scope and entry.scope != grant.scope:
            row.verdict = "other_scope"
            row.texts.insert(0, f"is for {entry.scope}, which this task does not name")
            return
        earlier = first.setdefault(number, row)
        if earlier is not row:
            if earlier.entry is None:
                raise AssertionError("earlier.entry is known here")
            row.verdict, row.name = "duplicate", row.name or earlier.name
            text = f"duplicate of line {earlier.entry.line}"
            if earlier.entry.valid_until != entry.valid_until:
                text += f", whose date ({earlier.entry.valid_until or 'none'}) counts, not this one"
            row.texts.insert(0, text)
            return
        if not grant.present:
            if number in grant.protected:
                row.refuse("protected", "is protected; take it out of protected to revoke its access")
            return
        if number in grant.suppliers or number == entry.supplier:
            row.refuse("supplier", "is a supplier; access goes to the consumer, who delegates it in Altinn")
            return
        kind = organization_number.kind(number)
        if kind == organization_number.SYNTHETIC and self.environment.is_production:
            row.refuse("synthetic_in_production", "is a synthetic number, which exists in test only")
        elif kind == organization_number.REAL and self.environment.name == "test":
            row.find("real_in_test", "is a real organisation, in a test environment")
        elif kind == organization_number.UNASSIGNED:
            row.find("never_assigned", f"numbers that begin with {number[0]} have never been given out")

    @property
    def anything_to_ask(self) -> bool:
        """Whether any row names an organisation to ask about; a list of nothing but malformed rows causes no request."""
        return any(row.number and (not row.refused or row.verdict == "protected") for row in self.rows)

    # What the services know.

    def read(self) -> None:
        """The organisation's scopes with one request, and the list of each scope's accesses."""
        owned = {full_name(scope): scope for scope in self.api.scopes()}
        self.live = {name: owned[name] for name in self.scopes if name in owned}
        self._owned = owned
        known = [name for name in self.scopes if name in self.live]
        lists = self.session.transport.map(lambda name: self.api.accesses(name, inactive=True), known)
        for name, found in zip(known, lists, strict=True):
            if isinstance(found, CollectionError):
                self.unreadable[name] = found
            else:
                self.accesses[name] = {str(entry.get("consumer_orgno")): entry for entry in found}

    def decide(self) -> None:
        """What each row that can be right leads to."""
        for grant in self.grants:
            obstacle = self.obstacle(grant)
            for row in grant.rows:
                if row.verdict:
                    self._know(row)
                    continue
                self._know(row)
                if obstacle:
                    row.verdict, row.action = "not_possible", "refuse"
                    row.texts.insert(0, obstacle)
                elif grant.present:
                    self._decide_present(row)
                else:
                    self._decide_absent(row)
            self.tell_openness(grant)

    def _know(self, row: _Row) -> None:
        """The state the consumer has now, and its name where the service knows it."""
        access = self.accesses.get(row.grant.scope, {}).get(row.number or "")
        if access is None:
            return
        row.before = row.after = str(access.get("state"))
        registered = access.get("consumer_organization_name")
        if registered:
            listed, row.name = row.name, str(registered)
            if listed and row.entry is not None and not names_agree(listed, str(registered)):
                row.find(
                    "name_differs", f"the list calls it {shown(listed)}, Maskinporten {shown(registered)}"
                )

    def obstacle(self, grant: Grant) -> str | None:
        """Why nothing can be done with a scope, or None."""
        if grant.scope in self.unreadable:
            return self.unreadable[grant.scope].message
        live = self.live.get(grant.scope)
        if live is None:
            near = difflib.get_close_matches(grant.scope, list(self._owned), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            if self.task.check_mode:
                self.warnings.append(
                    f"{grant.scope} does not exist yet; the plan supposes that it will, without consumers.{hint}"
                )
                return None
            return (
                f"scope {grant.scope} is not among the {len(self._owned)} scopes that the organisation owns in environment "
                f"{self.environment.name}; it does not exist there, or another organisation owns it.{hint}"
            )
        if grant.present and not live.get("active", True):
            if self.task.check_mode:
                self.warnings.append(
                    f"{grant.scope} is deactivated; the plan supposes that it will be active by then."
                )
                return None
            return f"scope {grant.scope} is deactivated; re-activate it first (maskinporten_scope, state: present)"
        return None

    def _decide_present(self, row: _Row) -> None:
        entry = row.entry
        if entry is None:
            raise AssertionError("entry is known here")
        until = date.fromisoformat(entry.valid_until) if entry.valid_until else None
        if until is not None and until < self.today:
            if row.before == APPROVED:
                row.verdict, row.action, row.after = "expired", "revoke", DENIED
                row.texts.insert(0, f"was to have access until {until}")
                if row.number in row.grant.protected:
                    row.refuse("protected", f"was to have access until {until}, but is protected")
            else:
                row.verdict = "expired_before"
                row.texts.insert(0, f"was to have access until {until}")
            return
        left = (until - self.today).days if until is not None else None
        if left is not None and left <= row.grant.warn_days:
            when = f"in {_count(left, 'day')}" if left else "today"
            row.find("expires_soon", f"access ends after {until} ({when})")
        if row.number == (self.live.get(row.grant.scope) or {}).get("owner_orgno"):
            row.find("own_organization", "is the provider's own organisation")
        if row.before == APPROVED:
            row.verdict = "already_granted"
            return
        row.verdict, row.action, row.after = "granted", "grant", APPROVED
        if row.before == DENIED:
            row.verdict = "regranted"
        elif row.before == REQUESTED:
            row.texts.append("had asked for access")

    def _decide_absent(self, row: _Row) -> None:
        if row.before == APPROVED:
            row.verdict, row.action, row.after = "revoked", "revoke", DENIED
        else:
            row.verdict = "no_access"
            if row.before == REQUESTED:
                row.find("requested", "has asked for access and has none")

    def tell_openness(self, grant: Grant) -> None:
        """Warn where the list does not decide who gets a token."""
        live = self.live.get(grant.scope) or {}
        if live.get("accessible_for_all"):
            self.warnings.append(
                f"{grant.scope} is accessible for all: every organisation gets a token for it, so this list does not matter. "
                "Set accessible_for_all: false on the scope to make the list count."
            )
        suppliers = [row for row in grant.rows if row.verdict == "supplier"]
        if suppliers and live and not live.get("delegation_source"):
            self.warnings.append(
                f"{grant.scope} has no delegation source, so no consumer can delegate it to a supplier; "
                "set delegation_source: altinn on the scope."
            )

    def check_register(self) -> None:
        """What the register of organisations says of those that are to be granted."""
        mode = self.task.params.get("register_check") or ("warn" if self.environment.is_production else "off")
        granting = [row for row in self.rows if row.action == "grant"]
        if mode == "off" or not granting:
            return
        try:
            found = Register(self.session).look_up(str(row.number) for row in granting)
        except CollectionError as error:
            if mode == "enforce":
                raise
            self.warnings.append(f"Nobody was checked against the register of organisations. {error.message}")
            for row in granting:
                row.find("not_checked", "not checked against the register")
            return
        for row in granting:
            self._judge_organization(row, found[str(row.number)], mode == "enforce")

    def _judge_organization(self, row: _Row, organization: Organization, enforce: bool) -> None:
        told: list[tuple[str, str]] = []
        since = f" {organization.since}" if organization.since else ""
        if organization.status in ("dissolved", "removed"):
            told.append(
                (
                    "dissolved",
                    f"dissolved{since}"
                    if organization.status == "dissolved"
                    else "removed from the register",
                )
            )
        elif organization.status == "bankrupt":
            told.append(("bankrupt", f"bankrupt{since}"))
        elif organization.status == "being_dissolved":
            told.append(("being_dissolved", f"being dissolved{since}"))
        elif organization.status == "unknown":
            told.append(("unknown", "unknown in the register of organisations"))
        if organization.parent:
            told.append(
                ("sub_unit", f"sub-unit of {organization.parent}; a grant normally goes to the main unit")
            )
        listed = row.entry.name if row.entry else None
        if organization.name:
            row.name = organization.name
            if listed and "name_differs" not in row.findings and not names_agree(listed, organization.name):
                told.append(
                    (
                        "name_differs",
                        f"the list calls it {shown(listed)}, the register {shown(organization.name)}",
                    )
                )
        for code, text in told:
            if enforce and code in ENFORCED and not row.refused:
                row.refuse(code, text)
            else:
                row.find(code, text)

    # Who goes, what it costs, what stands in the way.

    def decide_removals(self) -> None:
        """With purge: everyone who has access and is not listed goes, but for the protected ones."""
        for grant in self.grants:
            if not grant.purge or grant.scope not in self.accesses or self.obstacle(grant):
                continue
            listed = {row.number for row in grant.rows if row.number}
            unreadable = [row for row in grant.rows if row.refused and row.number is None]
            for number, access in self.accesses[grant.scope].items():
                if access.get("state") != APPROVED or number in listed:
                    continue
                row = _Row(
                    grant,
                    None,
                    number,
                    access.get("consumer_organization_name"),
                    before=APPROVED,
                    after=APPROVED,
                )
                grant.rows.append(row)
                if number in grant.protected:
                    row.verdict = "protected"
                    row.texts.append("is not in the list, but protected, so its access stays")
                elif unreadable:
                    row.verdict = "held_back"
                    row.texts.append(
                        "is not in the list; nobody is removed while rows of the list cannot be read, since one of them "
                        "may be this one"
                    )
                else:
                    row.verdict, row.action, row.after = "not_listed", "revoke", DENIED

    def estimate(self) -> None:
        """The yearly fee before and after."""
        before = sum(len(approved(list(entries.values()))) for entries in self.accesses.values())
        change = Counter(row.action for row in self.rows)
        ceiling = self.task.params.get("price_ceiling")
        whole = ceiling is not None or self.task.params.get("price_scope") == "provider"
        if whole:
            others = [
                name
                for name, scope in self._owned.items()
                if name not in self.scopes and scope.get("active", True)
            ]
            lists = self.session.transport.map(self.api.accesses, others)
            for name, found in zip(others, lists, strict=True):
                if isinstance(found, CollectionError):
                    if ceiling is not None:
                        raise found
                    whole = False
                    self.warnings.append(f"The price counts these scopes alone: {name} could not be read.")
                    break
                before += len(approved(found))
        after = before + change["grant"] - change["revoke"]
        self.price = _price.estimate(
            before, after, billed=self.environment.is_production, whole_provider=whole
        )
        if ceiling is not None and self.price["after"] > ceiling and self.price["change"] > 0:
            self.block(
                f"The yearly fee would rise from {_price.amount(self.price['before'])} to "
                f"{_price.amount(self.price['after'])}, above price_ceiling {_price.amount(ceiling)}."
            )

    def guard(self) -> None:
        """Stop before the first write: rows that cannot be right, more removals than allowed."""
        for grant in self.grants:
            wrong = [row for row in grant.rows if row.refused]
            if wrong and grant.on_invalid_row == "fail_before":
                told = [f"{row.place}: {'; '.join(row.texts)}" for row in wrong]
                self.block(
                    f"{grant.scope}: {len(wrong)} of {_count(len(grant.consumers.rows), 'row')} cannot be done as listed. "
                    f"{_listed(told, separator=' | ')}. Correct them, or say on_invalid_row: fail_after (do the others, then "
                    "fail) or skip."
                )
            elif wrong and grant.on_invalid_row == "skip":
                self.warnings.append(
                    f"{grant.scope}: skipped {_count(len(wrong), 'row')} ({_listed([row.place for row in wrong])})."
                )
            if grant.present:
                self._guard_removals(grant)
                self._tell_expiry(grant)

    def _guard_removals(self, grant: Grant) -> None:
        going = [row for row in grant.rows if row.action == "revoke"]
        entries = self.accesses.get(grant.scope, {}).values()
        holders = sum(1 for entry in entries if entry.get("state") == APPROVED)
        allowed = removals_allowed(grant.max_removals, holders, grant.where)
        names = _listed([row.label for row in going])
        if len(going) > allowed:
            self.block(
                f"{grant.scope}: {len(going)} of {_count(holders, 'consumer')} would lose their access, and max_removals "
                f"allows {allowed}: {names}. If the list is whole and this is meant, say max_removals: {len(going)}."
            )
        elif going:
            self.warnings.append(
                f"{grant.scope}: {len(going)} of {_count(holders, 'consumer')} lose their access: {names}."
            )

    def _tell_expiry(self, grant: Grant) -> None:
        soon = [row for row in grant.rows if "expires_soon" in row.findings and row.entry]
        if soon:
            names = _listed([f"{row.label} ({row.entry.valid_until})" for row in soon if row.entry])
            self.warnings.append(
                f"{grant.scope}: the access of {_count(len(soon), 'consumer')} ends soon: {names}."
            )

    def block(self, reason: str) -> None:
        """Nothing is written; the first reason leads."""
        self.blocked = f"{self.blocked} {reason}" if self.blocked else reason

    # From rows to steps.

    def steps(self) -> list[Step]:
        return [self._step(row) for row in self.rows]

    def _step(self, row: _Row) -> Step:
        details = self._details(row)
        message = "; ".join(row.texts)
        item = row.number or (row.entry.text[:80] if row.entry else "")
        if row.action in ("grant", "revoke") and self.blocked:
            details.update(verdict="held_back", after=row.before, planned=row.verdict)
            done = VERDICTS[row.verdict].planned
            message = "; ".join([f"{done} once nothing stands in the way", *row.texts])
            return Step(item, "none", message=message, details=details)
        if row.action == "grant":
            return Step(
                item,
                "grant",
                fields=("state",),
                message=message,
                write=lambda: self._grant(row, details),
                details=details,
            )
        if row.action == "revoke":
            return Step(
                item, "revoke", fields=("state",), message=message, write=lambda: self._revoke(row, details),
                risk="takes_access", details=details,
            )  # fmt: skip
        refused = row.action == "refuse" or (row.refused and row.grant.on_invalid_row != "skip")
        return Step(item, "refuse" if refused else "none", message=message, details=details)

    def _details(self, row: _Row) -> dict[str, Any]:
        entry = row.entry
        details: dict[str, Any] = {
            "scope": entry.scope if entry and row.verdict == "other_scope" else row.grant.scope,
            "line": entry.line if entry else None,
            "organization_number": row.number,
            "name": row.name,
            "verdict": row.verdict,
            "before": row.before,
            "after": row.after,
        }
        if row.findings:
            details["findings"] = list(row.findings)
        if entry is None:
            return details
        optional = {
            "reason": entry.reason or row.grant.reason,
            "case_number": entry.case_number or row.grant.case_number,
            "contact": entry.contact,
            "valid_until": entry.valid_until,
            "sheet": entry.sheet,
            "text": entry.text[:80] if row.number is None else None,
        }
        details.update({name: value for name, value in optional.items() if value is not None})
        return details

    def _grant(self, row: _Row, details: dict[str, Any]) -> Mapping[str, Any]:
        scope, number = row.grant.scope, str(row.number)
        answer: Mapping[str, Any]
        try:
            answer = self.api.grant(scope, number)
        except ApiError as error:
            # 409 also says that it is granted already; what the list says decides.
            found = self._reread(scope, number) if error.status == 409 else None
            if found is None or found.get("state") != APPROVED:
                raise
            answer = found
        if answer.get("state") != APPROVED:
            answer = self._reread(scope, number) or {}
            if answer.get("state") != APPROVED:
                raise CollectionError(
                    f"The self-service API took the grant of {scope} to {number}, but its list does not show it as APPROVED."
                )
        return self._done(answer, details)

    def _revoke(self, row: _Row, details: dict[str, Any]) -> Mapping[str, Any]:
        scope, number = row.grant.scope, str(row.number)
        answer: Mapping[str, Any]
        try:
            answer = self.api.revoke(scope, number)
        except ApiError as error:
            # Someone was faster: gone is gone.
            found = self._reread(scope, number) if error.status in (400, 404, 409) else {"state": APPROVED}
            if found is not None and found.get("state") == APPROVED:
                raise
            answer = found or {"state": DENIED}
        if answer.get("state") == APPROVED or not answer:
            answer = self._reread(scope, number) or {"state": DENIED}
            if answer.get("state") == APPROVED:
                raise CollectionError(
                    f"The self-service API took the revocation of {scope} from {number}, but its list still shows APPROVED."
                )
        return self._done(answer, details)

    @staticmethod
    def _done(answer: Mapping[str, Any], details: dict[str, Any]) -> Mapping[str, Any]:
        details["after"] = answer.get("state")
        details["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        if answer.get("consumer_organization_name"):
            details["name"] = answer["consumer_organization_name"]
        return answer

    def _reread(self, scope: str, number: str) -> Mapping[str, Any] | None:
        url = self.api.url("scopes", "access", scope=scope, consumer_orgno=number, inactive=True)
        found = self.api._list(url, f"read {number}'s access to scope {scope}")
        entries = [
            entry
            for entry in found
            if str(entry.get("consumer_orgno")) == number and entry.get("scope") == scope
        ]
        return next(iter(approved(entries)), entries[0] if entries else None)


@dataclass
class AccessReport(Report):
    """The report of a list: one difference per scope, and a failure text that speaks of rows.

    :ivar blocked: why nothing was written, or None.
    """

    blocked: str | None = None

    @property
    def failures(self) -> list[Step]:
        if self.blocked:
            return [step for step in self.steps if step.error is not None or step.action == "refuse"]
        return super().failures

    def failure_message(self) -> str | None:
        if self.blocked:
            return f"Nothing was changed. {self.blocked}"
        failures = self.failures
        if not failures:
            return None
        reasons: dict[str, list[str]] = {}
        for step in failures:
            line = step.details.get("line")
            place = f"line {line} {step.item}" if line is not None else step.item
            reasons.setdefault(step.error.message if step.error else step.message, []).append(place)
        told = [f"{_listed(places, 3)}: {reason}" for reason, places in list(reasons.items())[:_NAMED]]
        if len(reasons) > _NAMED:
            told.append("See results for the others.")
        others = len(self.steps) - len(failures)
        done = f"; the other {others} are done" if others else ""
        return f"{len(failures)} of {_count(len(self.steps), 'row')} failed{done}. " + " ".join(told)


def _listed(names: Sequence[str], most: int = _NAMED, separator: str = ", ") -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more


def manage(task: Task) -> Report:
    """Grant and revoke what is declared (module ``consumer_access``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    :raises GuardError: a purge with an empty list; nothing has been sent then.
    """
    plan = AccessPlan(task, _declared(task))
    plan.judge()
    if plan.anything_to_ask:
        plan.read()
        plan.decide()
        plan.check_register()
        plan.decide_removals()
        plan.estimate()
    plan.guard()
    steps = plan.steps()
    applied = apply(
        steps,
        noun="consumers",
        environment=task.session.environment,
        confirmed=task.session.confirmed,
        check_mode=task.check_mode,
        transport=task.session.transport,
    )
    for step in steps:
        settle(step)
    report = AccessReport(steps=applied.steps, noun="consumers", warnings=plan.warnings)
    report.blocked = plan.blocked
    report.diffs = [_scope_diff(scope, steps) for scope in plan.scopes if _changes(scope, steps)]
    report.extra.update(
        overview=_overview(steps, task.check_mode or plan.blocked is not None, plan.price),
        price=plan.price,
        undo=[] if task.check_mode else _undo(plan.scopes, steps),
        blocked=plan.blocked,
    )
    return report


def settle(step: Step) -> None:
    """Bring verdict, after and message of a row in line with how its step went."""
    details = step.details
    if step.error is not None:
        details["verdict"] = "server_error"
        details["after"] = details["before"]
        if isinstance(step.error, ApiError):
            details["correlation_id"] = step.error.trace_id
            said = step.error.server_message or "nothing more"
            step.message = f"the server said {step.error.status}: {said}"
        else:
            step.message = f"{step.error.message} Whether it was done is not known; run again."
    elif step.action == "refuse" and step.risk:
        details["verdict"] = "unconfirmed"
        details["after"] = details["before"]
    elif step.done:
        # The row says it all; the API's object would only repeat it some hundred times.
        step.object = None


def _changes(scope: str, steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.changes and step.error is None and step.details["scope"] == scope]


def _scope_diff(scope: str, steps: Sequence[Step]) -> dict[str, str]:
    """Who had access before and after, of those whose access changes."""

    def holders(which: str) -> str:
        rows = [step.details for step in _changes(scope, steps) if step.details[which] == APPROVED]
        return "".join(
            f"{row['organization_number']} {row['name'] or ''}".rstrip() + "\n"
            for row in sorted(rows, key=lambda row: str(row["organization_number"]))
        )

    return text_diff(f"consumers of {scope}", holders("before"), holders("after"))


def _undo(scopes: Sequence[str], steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What brings the former state back, as a value for the option ``grants``."""
    undo = []
    for scope in scopes:
        done = [step for step in steps if step.done and step.details["scope"] == scope]
        for action, state in (("revoke", "present"), ("grant", "absent")):
            consumers = [
                {"organization_number": step.details["organization_number"], "name": step.details["name"]}
                for step in done
                if step.action == action
            ]
            if consumers:
                undo.append({"scope": scope, "state": state, "purge": False, "consumers": consumers})
    return undo


def _overview(steps: Sequence[Step], planned: bool, price: Mapping[str, Any] | None) -> str:
    """One line for a person: how many of what, and the price."""
    counts: Counter[str] = Counter()
    for step in steps:
        verdict = str(step.details.get("planned") or step.details["verdict"])
        group = {
            "granted": "grant", "regranted": "grant", "revoked": "revoke", "expired": "revoke", "not_listed": "revoke",
            "already_granted": "there", "duplicate": "duplicates", "server_error": "failed", "unconfirmed": "refused",
        }.get(verdict)  # fmt: skip
        if group is None and (step.action == "refuse" or VERDICTS[verdict].rank < VERDICTS["duplicate"].rank):
            group = "refused"
        counts[group or "untouched"] += 1
    words = ("to grant", "to revoke") if planned else ("granted", "revoked")
    parts = [
        f"{counts['grant']} {words[0]}",
        f"{counts['revoke']} {words[1]}",
        f"{counts['there']} already there",
    ]
    for group, word in (
        ("refused", "refused"),
        ("failed", "failed"),
        ("duplicates", "duplicate"),
        ("untouched", "untouched"),
    ):
        if counts[group]:
            parts.append(f"{counts[group]} {word}")
    return ", ".join(parts) + "." + (f" {price['text']}." if price else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# -- who has access --------------------------------------------------------------------------------------------------


def info_options() -> dict[str, dict[str, Any]]:
    """The options of ``consumer_access_info``, but for the login."""
    return {
        "scopes": {"type": "list", "elements": "str"},
        "consumers": {"type": "list", "elements": "raw"},
        "states": {"type": "list", "elements": "str", "choices": list(STATES)},
        "register": {"type": "bool", "default": False},
        "price_scope": {"type": "str", "choices": list(PRICE_SCOPES), "default": PRICE_SCOPES[0]},
        "declared": {
            "type": "list",
            "elements": "dict",
            "options": {
                "scope": {"type": "str", "required": True},
                "consumers": {"type": "list", "elements": "raw"},
                "consumers_file": {"type": "path"},
                "sheet": {"type": "str"},
            },
        },
    }


def inform(task: Task) -> dict[str, Any]:
    """Who has access to what (module ``consumer_access_info``).

    One request for the organisation's scopes, then one per scope, or one per consumer where only consumers are named.

    :raises InputError: an option that cannot be right; a scope that the organisation does not own.
    """
    params, session = task.params, task.session
    wanted = list(dict.fromkeys(scope_name({"name": name}, "scopes") for name in params.get("scopes") or ()))
    consumers = sorted(listed_numbers(params.get("consumers"), "consumers"))
    declared = _declared_rows(params.get("declared") or ())
    api = SelfService(session, session.maskinporten((SCOPES_WRITE,)))
    owned = {full_name(scope): scope for scope in api.scopes()}
    missing = [name for name in wanted if name not in owned]
    if missing:
        raise InputError(
            f"{_listed(missing)}: not among the {len(owned)} scopes that the organisation owns in environment "
            f"{session.environment.name}."
        )
    whole_provider = not wanted and not consumers
    if consumers and not wanted:
        found = _together(
            session.transport.map(lambda number: api.accesses_of_consumer(number, inactive=True), consumers)
        )
    else:
        names = wanted or sorted(owned)
        found = _together(session.transport.map(lambda name: api.accesses(name, inactive=True), names))
    states = set(params.get("states") or STATES)
    asked = [entry for entry in found if not consumers or entry.get("consumer_orgno") in consumers]
    asked.sort(key=lambda entry: (str(entry.get("scope")), str(entry.get("consumer_orgno"))))
    # Who has access, what it costs and who lacks it do not depend on the states that are to be shown.
    relevant = [entry for entry in asked if entry.get("state") in states | {APPROVED}]
    organizations: dict[str, Organization] = {}
    if params.get("register"):
        organizations = Register(session).look_up(str(entry.get("consumer_orgno")) for entry in relevant)
    rows = [_access_row(entry, owned, declared, organizations) for entry in relevant]
    accesses = [row for row in rows if row["state"] in states]
    granted = [row for row in rows if row["state"] == APPROVED]
    holders = sorted({row["organization_number"] for row in granted})
    answer: dict[str, Any] = {
        "accesses": accesses,
        "scopes": _per_scope(wanted or sorted(owned), accesses),
        "organizations": _per_organization(granted),
        "totals": {
            "grants": len(granted),
            "organizations": len(holders),
            "scopes": len({row["scope"] for row in granted}),
            "requested": sum(row["state"] == REQUESTED for row in accesses),
            "dissolved": sorted(
                {
                    row["organization_number"]
                    for row in granted
                    if row.get("register_status") in ("dissolved", "removed")
                }
            ),
        },
    }
    counted = len(granted)
    if params.get("price_scope") == "provider":
        active = {name for name, scope in owned.items() if scope.get("active", True)}
        # What was read of one consumer is not all there is to a scope.
        read = {*owned} if whole_provider else {*wanted}
        rest = _together(session.transport.map(api.accesses, sorted(active - read)))
        inside = [entry for entry in found if entry.get("scope") in active & read]
        counted = len(approved(inside)) + len(approved(rest))
        whole_provider = True
    answer["price"] = _price.estimate(
        counted, counted, billed=session.environment.is_production, whole_provider=whole_provider
    )
    if declared:
        live = {(row["scope"], row["organization_number"]) for row in granted}
        today = datetime.now(UTC).astimezone().date()
        answer["undeclared"] = [
            {name: row[name] for name in ("scope", "organization_number", "name")}
            for row in granted
            if row["declared"] is False
        ]
        answer["missing"] = [
            {"scope": scope, "organization_number": number, "name": entry.name}
            for scope, rows in declared.items()
            for number, entry in rows.items()
            if (scope, number) not in live
            and not _has_ended(entry, today)
            and (not wanted or scope in wanted)
            and (not consumers or number in consumers)
        ]
    return answer


def _has_ended(entry: ConsumerRow, today: date) -> bool:
    """Whether a listed consumer was to have access until a day that has passed."""
    if entry.valid_until is None or entry.problem is not None:
        return False
    return date.fromisoformat(entry.valid_until) < today


def _declared_rows(entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, ConsumerRow]]:
    """Scope -> number -> row of the declared lists; rows without a usable number count for nobody."""
    declared: dict[str, dict[str, ConsumerRow]] = {}
    for index, entry in enumerate(entries):
        scope = scope_name({"name": entry["scope"]}, f"declared[{index}]")
        if entry.get("consumers_file"):
            rows = read_consumers(entry["consumers_file"], sheet=entry.get("sheet")).rows
        else:
            rows = rows_from_values(entry.get("consumers") or ()).rows
        listed = declared.setdefault(scope, {})
        for row in rows:
            if row.organization_number and row.scope in (None, scope):
                listed.setdefault(row.organization_number, row)
    return declared


def _together(lists: Iterable[list[dict[str, Any]] | CollectionError]) -> list[dict[str, Any]]:
    """All entries of all lists, or the first failure."""
    entries: list[dict[str, Any]] = []
    for found in lists:
        if isinstance(found, CollectionError):
            raise found
        entries += found
    return entries


def _access_row(
    entry: Mapping[str, Any],
    owned: Mapping[str, Mapping[str, Any]],
    declared: Mapping[str, Mapping[str, ConsumerRow]],
    organizations: Mapping[str, Organization],
) -> dict[str, Any]:
    scope, number = str(entry.get("scope")), str(entry.get("consumer_orgno"))
    live = owned.get(scope, {})
    row: dict[str, Any] = {
        "scope": scope,
        "organization_number": number,
        "name": entry.get("consumer_organization_name"),
        "state": entry.get("state"),
        "created": entry.get("created"),
        "last_updated": entry.get("last_updated"),
        "scope_active": bool(live.get("active", True)),
        "accessible_for_all": bool(live.get("accessible_for_all", False)),
    }
    if organizations:
        known = organizations[number]
        row["register_status"] = known.status
        row["name"] = row["name"] or known.name
    if declared:
        listed = declared.get(scope, {}).get(number)
        # A scope that nobody declares says nothing about its consumers.
        row["declared"] = listed is not None if scope in declared else None
        for name in ("reason", "case_number", "valid_until"):
            row[name] = getattr(listed, name) if listed else None
    return row


def _per_scope(names: Iterable[str], accesses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter((row["scope"], row["state"]) for row in accesses)
    return [
        {"scope": name, **{state.lower(): counts[name, state] for state in STATES}}
        for name in sorted(set(names) | {str(row["scope"]) for row in accesses})
    ]


def _per_organization(granted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    holders: dict[str, dict[str, Any]] = {}
    for row in granted:
        holder = holders.setdefault(
            row["organization_number"],
            {"organization_number": row["organization_number"], "name": row["name"], "scopes": []},
        )
        holder["scopes"].append(row["scope"])
    return [holders[number] for number in sorted(holders)]
