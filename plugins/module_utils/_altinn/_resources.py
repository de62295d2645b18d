# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Resources in Altinn's registry: created, changed, withdrawn and deleted.

Source of the rules: Altinn's published server source. A PUT drops what isn't sent, adds a version even when nothing changed, and
lets one organisation take over another's resource; production never deletes, and a deleted id can never be used again. So
everything is read first, the owner checked, what is declared laid over what is there, and only a difference in meaning sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .._auth import Token
from .._errors import ApiError, CollectionError, ConnectionFailedError, GuardError, InputError
from .._reconcile import Report, Step, apply
from .._run import Task
from ._access_list_api import ACCESS_LIST_READ, AccessLists
from ._registry import RESOURCE_ADMIN, RESOURCE_WRITE, Registry
from ._resource_definition import Declaration, read_layer
from ._resource_model import (
    OPTION_OF,
    USUAL_STATUSES,
    WITHDRAWN,
    as_declaration,
    changed_members,
    identifier_problem,
    is_withdrawn,
    laid_over,
    owner_code,
    owner_number,
    problems,
    resource_options,
    scopes_of,
    view,
)
from ._resource_scopes import MENDED_BEFORE, WRONG, ScopeCheck
from ._service_owners import ServiceOwners

STATES: Final = ("present", "withdrawn", "absent")
_WITHDRAWAL: Final[Mapping[str, Any]] = {"delegable": False, "visible": False, "status": WITHDRAWN}
_CONTROLS: Final = ("state", "partial", "scope_check", "allow_delete", "allow_lockout")
_MOST_IN_MESSAGE: Final = 10


@dataclass
class _Declared:
    """One resource as declared.

    :ivar where: where it is declared, for messages: ``resource`` or ``resources[3]``.
    :ivar controls: the options that say how, not what (:data:`_CONTROLS`).
    """

    identifier: str
    where: str
    declaration: Declaration
    controls: Mapping[str, Any]

    @property
    def state(self) -> str:
        return str(self.controls["state"])

    @property
    def partial(self) -> bool:
        return bool(self.controls["partial"]) or self.state == "withdrawn"


# -- the modules ------------------------------------------------------------------


def manage(task: Task) -> Report:
    """Bring the declared resources about (module ``altinn_resource``).

    :raises InputError: a declaration that cannot be right; nothing has been sent then.
    """
    declared = _declared(task)
    session = task.session
    report = apply(
        _steps(task, declared) if declared else [],
        noun="resources",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=task.check_mode,
        transport=session.transport,
    )
    if task.params.get("resources") is None:
        report.extra["resource"] = dict(report.steps[0].object or {})
    return report


def _steps(task: Task, declared: Sequence[_Declared]) -> list[Step]:
    session = task.session
    login = session.altinn((RESOURCE_WRITE,))
    registry = Registry(session, login)
    plan = _Plan(task, registry, login.token())
    live = session.transport.map(registry.get_resource, [one.identifier for one in declared])
    return [plan.step(one, found) for one, found in zip(declared, live, strict=True)]


def inform(task: Task) -> dict[str, Any]:
    """Resources as the registry has them (module ``altinn_resource_info``); reads without a login where it can.

    By ``identifier`` with one request each, else by owner with one for all. With ``declared`` the answer also tells which live
    resources nobody declares (``undeclared``), and which declared ones don't exist (``missing``).
    """
    session, params = task.session, task.params
    missing: list[str] = []
    registry = Registry(session)
    if params.get("identifier"):
        wanted = list(dict.fromkeys(params["identifier"]))
        found = session.transport.map(registry.get_resource, wanted)
        resources = []
        for identifier, resource in zip(wanted, found, strict=True):
            if isinstance(resource, CollectionError):
                raise resource
            if resource is None:
                missing.append(identifier)
            else:
                resources.append(resource)
    else:
        owner = str(params.get("owner") or "").strip().lower() or _own_number(task)
        apps = bool(params.get("include_apps"))
        listed = registry.list_resources(apps=apps, migrated_apps=apps)
        resources = [
            resource for resource in listed if owner in (owner_number(resource), owner_code(resource))
        ]
    if params.get("resource_type"):
        resources = [entry for entry in resources if entry.get("resourceType") == params["resource_type"]]
    if params.get("scope"):
        scopes = set(params["scope"])
        resources = [entry for entry in resources if scopes & set(scopes_of(entry))]
    resources.sort(key=lambda resource: str(resource.get("identifier")))
    identifiers = [str(resource.get("identifier")) for resource in resources]
    answer: dict[str, Any] = {
        "resources": resources,
        "scopes": {
            identifier: scopes_of(entry) for identifier, entry in zip(identifiers, resources, strict=True)
        },
        "declarations": [as_declaration(resource) for resource in resources],
    }
    if params.get("declared") is not None:
        declared = set(params["declared"])
        answer["undeclared"] = [identifier for identifier in identifiers if identifier not in declared]
        missing += sorted(declared - set(identifiers) - set(missing))
    if params.get("declared") is not None or params.get("identifier"):
        answer["missing"] = missing
    return answer


def _own_number(task: Task) -> str:
    number = task.session.organization_number
    if number is None:
        number = task.session.altinn((RESOURCE_WRITE,)).token().organization_number
    if number is None:
        raise InputError("owner: say whose resources: identifier, owner or organization_number.")
    return number


# -- the declaration ----------------------------------------------------------------


def _declared(task: Task) -> list[_Declared]:
    """The declared resources, checked as far as that goes without a request.

    :raises InputError: with everything that is wrong with all of them.
    """
    params = task.params
    options = resource_options()
    top = {option: params.get(option) for option in options}
    single = params.get("resources") is None
    if single:
        entries: list[Mapping[str, Any]] = [{**top, "state": params["state"]}]
        shared = None
    else:
        entries = params["resources"]
        shared = read_layer(top, "top level")
        for note in shared.notes:
            task.warn(f"top level: {note}.")
        shared.notes = []
    found: list[_Declared] = []
    wrong: list[tuple[str, str, list[str]]] = []
    seen: dict[str, str] = {}
    for index, entry in enumerate(entries):
        where = "resource" if single else f"resources[{index}]"
        declaration = Declaration()
        if shared is not None:
            declaration.lay(shared)
        declaration.lay(read_layer(entry, where))
        identifier = str(declaration.body.get("identifier") or "").strip()
        controls = {
            option: entry.get(option) if entry.get(option) is not None else params.get(option)
            for option in _CONTROLS
        }
        one = _Declared(identifier, where, declaration, controls)
        complaints = _complaints(one)
        if identifier and identifier in seen:
            complaints.insert(0, f"it is declared twice; {seen[identifier]} declares it already")
        seen.setdefault(identifier, where)
        if complaints:
            wrong.append((where, identifier, complaints))
        found.append(one)
    for one in found:
        _warn(task, one)
    if wrong:
        raise _refused(wrong)
    return found


def _complaints(one: _Declared) -> list[str]:
    """What is wrong with a declaration as such."""
    if one.state == "absent":
        problem = identifier_problem(one.identifier, creating=False)
        return [problem] if problem else []
    if one.partial:
        problem = identifier_problem(one.identifier, creating=False)
        return [*([problem] if problem else []), *one.declaration.problems]
    unreadable = one.declaration.problems
    # A member that is there but cannot be read is not missing as well.
    found = [
        problem
        for problem in problems(one.declaration.members(), creating=True)
        if not any(
            complaint.lower().replace("_", "").startswith(problem.split(" ")[0].lower().replace("_", ""))
            for complaint in unreadable
        )
    ]
    return [*unreadable, *found]


def _refused(wrong: Sequence[tuple[str, str, list[str]]]) -> InputError:
    sentences = []
    for where, identifier, complaints in wrong[:_MOST_IN_MESSAGE]:
        name = f"{where} ({identifier})" if identifier else where
        sentences.append(f"{name}: {'; '.join(complaints)}.")
    if len(wrong) > _MOST_IN_MESSAGE:
        sentences.append(f"{len(wrong) - _MOST_IN_MESSAGE} more resources are wrong, see problems.")
    if any(" is missing" in complaint for entry in wrong for complaint in entry[2]):
        sentences.append(
            "Nothing was sent. A declaration is whole, so that it can make the resource anywhere; to change only some members of "
            "one that exists, say partial: true."
        )
    return InputError(
        " ".join(sentences),
        item=wrong[0][1] or None,
        problems=[
            {"where": where, "item": identifier, "problem": complaint}
            for where, identifier, complaints in wrong
            for complaint in complaints
        ],
    )


def _warn(task: Task, one: _Declared) -> None:
    if one.state == "absent":
        return
    name = one.identifier or one.where
    for note in one.declaration.notes:
        task.warn(f"{name}: {note}.")
    status = str(one.declaration.body.get("status") or "")
    if status and status.lower() not in {usual.lower() for usual in USUAL_STATUSES}:
        task.warn(f"{name}: status '{status}' is unusual; Altinn knows {', '.join(USUAL_STATUSES)}.")


# -- the plan -----------------------------------------------------------------------


class _Plan:
    """A step for each declared resource.

    :param token: of the Altinn identity; tells who we are.
    """

    def __init__(self, task: Task, registry: Registry, token: Token) -> None:
        self._task = task
        self._session = task.session
        self._registry = registry
        self._environment = task.session.environment
        self._own_number = token.organization_number
        self._is_admin = RESOURCE_ADMIN in token.scopes
        self._owners = ServiceOwners(registry)
        self._scopes = ScopeCheck(task.session, token)

    def step(self, one: _Declared, live: Mapping[str, Any] | CollectionError | None) -> Step:
        if isinstance(live, CollectionError):
            return Step(one.identifier, "refuse", message=live.message, error=live)
        try:
            if live is not None:
                self._require_owner(one.identifier, live)
            if one.state == "absent":
                return self._deletion(one, live)
            if live is None:
                return self._creation(one)
            return self._change(one, live)
        except CollectionError as error:
            before = view(live) if live else None
            return Step(one.identifier, "refuse", before, message=error.message, object=live, error=error)

    # -- guards -----------------------------------------------------------------

    def _require_owner(self, identifier: str, resource: Mapping[str, Any]) -> None:
        """The registry would let us take over a resource of someone else; we don't.

        :raises GuardError: the resource is another organisation's.
        """
        owner = owner_number(resource)
        if self._is_admin or (owner and owner == self._own_number):
            return
        code = owner_code(resource)
        whose = f"organisation {owner or 'without number'}" + (f" ({code})" if code else "")
        raise GuardError(
            f"it belongs to {whose}, and we are logged in as {self._own_number or 'nobody that the token names'}; "
            "a resource of someone else is never changed. Choose another identifier, or log in as its owner.",
            item=identifier,
        )

    def _require_access_list(
        self, one: _Declared, live: Mapping[str, Any] | None, body: Mapping[str, Any]
    ) -> None:
        """Switched on with no list connected, the access list mode locks everybody out.

        :raises GuardError: nothing is connected, or that can't be seen.
        """
        switched_on = str(body.get("accessListMode") or "").lower() == "enabled" and (
            live is None or str(live.get("accessListMode") or "").lower() != "enabled"
        )
        if not switched_on or one.controls["allow_lockout"]:
            return
        remedy = (
            "create it with access_list_mode: Disabled, connect a list that has members (altinn_access_list), then enable it; "
            "or say allow_lockout: true"
        )
        if live is None:
            raise GuardError(
                f"access_list_mode: Enabled on a new resource locks everybody out, since no list can be connected yet; {remedy}.",
                item=one.identifier,
            )
        try:
            lists = self._lists_with_members(one.identifier, owner_code(body))
        except CollectionError as error:
            raise GuardError(
                "access_list_mode: Enabled locks everybody out when no access list with members is connected, and that could not "
                f"be seen ({error.message.rstrip('.')}). If lists are in place, say allow_lockout: true.",
                item=one.identifier,
            ) from None
        if not lists:
            raise GuardError(
                "access_list_mode: Enabled would lock everybody out: no access list with members is connected to it; "
                f"{remedy}.",
                item=one.identifier,
            )

    def _lists_with_members(self, identifier: str, code: str) -> list[str]:
        """The access lists that are connected to a resource and let somebody in."""
        registry = Registry(self._session, self._session.altinn((ACCESS_LIST_READ,)))
        lists = AccessLists(self._session, registry, code or str(self._own_number))
        connected = [entry for entry in lists.overview(identifier) if entry.get("resourceConnections")]
        names = [str(entry.get("identifier")) for entry in connected]
        return [name for name in names if self._has_members(lists, name)]

    @staticmethod
    def _has_members(lists: AccessLists, name: str) -> bool:
        live = lists.read(name, members=True, connections=False)
        return live is not None and bool(live.members or live.others)

    def _check_scopes(self, one: _Declared, body: Mapping[str, Any]) -> tuple[list[dict[str, str]], str]:
        """Look at the scopes that a resource will refer to; verdicts for the result, and what could not be seen.

        What an earlier task of the same run would have mended is supposed to be mended in check mode.

        :raises GuardError: ``scope_check: enforce`` and anything but a good verdict.
        """
        choice = one.controls["scope_check"] or "warn"
        scopes = scopes_of(body)
        if choice == "off" or not scopes or one.state == "withdrawn":
            return [], ""
        verdicts = self._scopes.verdicts(scopes, delegable=bool(body.get("delegable", True)))
        doubtful = [verdict for verdict in verdicts if verdict.verdict != "ok"]
        supposed = (
            [verdict for verdict in doubtful if verdict.verdict in MENDED_BEFORE]
            if self._task.check_mode
            else []
        )
        for verdict in supposed:
            state = "does not exist yet" if verdict.verdict == "missing" else verdict.message
            self._task.warn(
                f"{one.identifier}: scope {verdict.scope} {state.removeprefix(verdict.scope + ': ').rstrip('.')}; the plan "
                "supposes that it is as it must be when the resource is published."
            )
        doubtful = [verdict for verdict in doubtful if verdict not in supposed]
        if doubtful and choice == "enforce":
            listed = " ".join(verdict.message for verdict in doubtful)
            raise GuardError(f"scope_check: enforce: {listed}", item=one.identifier, scopes=_rows(verdicts))
        for verdict in doubtful:
            if verdict.verdict in WRONG:
                self._task.warn(f"{one.identifier}: scope {verdict.message}")
        unseen = " ".join(f"scope {entry.message}" for entry in doubtful if entry.verdict not in WRONG)
        return _rows(verdicts), unseen

    # -- present and withdrawn ------------------------------------------------------

    def _creation(self, one: _Declared) -> Step:
        if one.state == "withdrawn":
            return Step(one.identifier, "none", message="does not exist, so there is nothing to withdraw")
        if one.partial:
            raise InputError(
                "does not exist, and partial: true declares only some of its members; declare it whole to create it.",
                item=one.identifier,
            )
        wanted = one.declaration.members()
        owner, notes = self._owners.completed(wanted.get("hasCompetentAuthority") or {}, self._own_number)
        for note in notes:
            self._task.warn(f"{one.identifier}: {note}.")
        wanted["hasCompetentAuthority"] = owner
        body = laid_over({}, wanted)
        self._require_whole(one.identifier, body, creating=True)
        self._require_owner(one.identifier, body)
        self._require_access_list(one, None, body)
        verdicts, unseen = self._check_scopes(one, body)
        said = []
        if self._environment.is_production:
            said.append("the identifier is permanent: production never deletes a resource")
            self._task.warn(
                f"{one.identifier}: this identifier is permanent; production never deletes a resource. Make sure that it is "
                "spelled as it shall be."
            )
        if body.get("delegable", True):
            said.append("nobody can delegate it before it has a policy (altinn_policy)")
        if unseen:
            said.append(unseen)
        return Step(
            one.identifier,
            "create",
            None,
            view(body),
            [OPTION_OF[member] for member in body],
            "; ".join(said),
            lambda: self._create(one.identifier, wanted, body),
            object=body,
            details={"scopes": verdicts} if verdicts else {},
        )

    def _change(self, one: _Declared, live: Mapping[str, Any]) -> Step:
        identifier = one.identifier
        wanted = {
            member: value for member, value in one.declaration.members(live).items() if member != "identifier"
        }
        awake = False
        if one.state == "withdrawn":
            wanted.update(_WITHDRAWAL)
        elif (
            is_withdrawn(live)
            and not one.partial
            and str(wanted.get("status", "")).lower() != WITHDRAWN.lower()
        ):
            awake = True
            wanted = {"delegable": True, "visible": True, "status": "Completed", **wanted}
        changed = changed_members(live, wanted, identifier)
        if not changed:
            return Step(identifier, "none", view(live), view(live), object=live)
        body = laid_over(live, wanted)
        self._require_owner(identifier, body)
        self._require_whole(identifier, body, creating=False)
        self._require_access_list(one, live, body)
        verdicts, unseen = self._check_scopes(one, body)
        said = [*self._consequences(live, body), *([unseen] if unseen else [])]
        action = "update"
        if awake:
            action = "reactivate"
            said.insert(
                0, "was withdrawn and is offered again; delegations that were made before count again"
            )
        elif one.state == "withdrawn" and not is_withdrawn(live):
            action = "deactivate"
            said.insert(0, "is withdrawn: neither visible nor delegable any more; withdrawal can be undone")
        return Step(
            identifier,
            action,  # type: ignore[arg-type]
            view(live),
            view(body),
            [OPTION_OF.get(member, member) for member in changed],
            "; ".join(said),
            lambda: self._replace(identifier, wanted, body),
            "opens_access" if awake else _risk(live, body),  # type: ignore[arg-type]
            object=live,
            details={"scopes": verdicts} if verdicts else {},
        )

    def _require_whole(self, identifier: str, body: Mapping[str, Any], *, creating: bool) -> None:
        """The registry judges the whole resource, so what nobody declares must be in order too.

        :raises InputError: the registry would refuse it.
        """
        found = problems(body, creating=creating)
        if found:
            raise InputError(
                f"the registry would refuse the resource as a whole: {'; '.join(found)}. Declare what is missing as well.",
                item=identifier,
                problems=[{"item": identifier, "problem": problem} for problem in found],
            )

    @staticmethod
    def _consequences(live: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
        before, after = scopes_of(live), scopes_of(body)
        said = []
        added = [scope for scope in after if scope not in before]
        removed = [scope for scope in before if scope not in after]
        if added and live.get("delegable", True):
            said.append(f"delegations that were made already will cover {', '.join(added)} too")
        if removed:
            said.append(f"delegations of it no longer cover {', '.join(removed)}")
        return said

    # -- absent -----------------------------------------------------------------------

    def _deletion(self, one: _Declared, live: Mapping[str, Any] | None) -> Step:
        if live is None:
            return Step(one.identifier, "none", message="does not exist")
        if self._environment.is_production:
            raise GuardError(
                "production never deletes a resource. Withdraw it instead: state: withdrawn makes it neither visible nor "
                "delegable, and can be undone.",
                item=one.identifier,
            )
        if not one.controls["allow_delete"]:
            raise GuardError(
                "to delete it burns its identifier for good: it can never be created again in this environment, and production "
                "would refuse anyway. Withdraw it instead (state: withdrawn), or say allow_delete: true.",
                item=one.identifier,
            )
        return Step(
            one.identifier,
            "delete",
            view(live),
            None,
            message="is deleted with all versions and its policy; the identifier can never be used again",
            write=lambda: self._delete(one.identifier),
            risk="takes_access",
            object=live,
        )

    # -- writes ---------------------------------------------------------------------------

    def _create(
        self, identifier: str, wanted: Mapping[str, Any], body: Mapping[str, Any], *, may_replace: bool = True
    ) -> Mapping[str, Any]:
        failure: CollectionError | None = None
        for _attempt in range(2):
            taken = False
            try:
                response = self._registry.create_resource(body)
                if response.ok:
                    return self._proved(identifier, wanted)
                failure = self._registry.error(response, f"create resource {identifier}")
                taken = response.status == 409
                if response.status < 500 and not (taken and may_replace):
                    raise failure
            except ConnectionFailedError as error:
                failure = error
            # Someone was faster, or the answer was lost: what exists now decides.
            found = self._registry.get_resource(identifier)
            if found is not None:
                self._require_owner(identifier, found)
                if not changed_members(found, wanted, identifier):
                    return found
                return self._replace(identifier, wanted, laid_over(found, wanted))
            if taken:
                break
        if failure is None:
            raise AssertionError("failure is known here")
        raise failure

    def _replace(
        self, identifier: str, wanted: Mapping[str, Any], body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        failure: CollectionError | None = None
        for _attempt in range(2):
            try:
                response = self._registry.replace_resource(identifier, body)
                if response.ok:
                    return self._proved(identifier, wanted)
                failure = self._registry.error(response, f"change resource {identifier}")
                if response.status == 404:
                    # An app that only the app store has is read like a resource, but is none yet.
                    return self._create(identifier, wanted, body, may_replace=False)
                if response.status < 500:
                    raise failure
            except ConnectionFailedError as error:
                failure = error
            # Every PUT adds a version, so the same one is sent again only when the first left no trace.
            found = self._registry.get_resource(identifier)
            if found is not None and not changed_members(found, wanted, identifier):
                return found
        if failure is None:
            raise AssertionError("failure is known here")
        raise failure

    def _delete(self, identifier: str) -> None:
        self._registry.delete_resource(identifier)
        if self._registry.get_resource(identifier) is not None:
            raise CollectionError(f"the registry accepted the deletion, but {identifier} is still there.")

    def _proved(self, identifier: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The resource as the registry has it now; the answer to a write is empty and proves nothing."""
        found = self._registry.get_resource(identifier)
        if found is None:
            raise ApiError(
                f"the registry accepted {identifier}, but does not have it; run again.",
                status=404,
                item=identifier,
            )
        lost = changed_members(found, wanted, identifier)
        if lost:
            raise CollectionError(
                f"the registry accepted {identifier} but did not store {', '.join(OPTION_OF.get(name, name) for name in lost)}; "
                "someone else may have changed it at the same moment. Run again.",
                item=identifier,
            )
        return found


def _rows(verdicts: Sequence[Any]) -> list[dict[str, str]]:
    return [verdict.as_result() for verdict in verdicts]


def _risk(live: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    """What a change does to people's access."""
    for member in ("delegable", "visible"):
        if live.get(member, True) and not body.get(member, True):
            return "takes_access"
    if set(scopes_of(live)) - set(scopes_of(body)):
        return "takes_access"
    before, after = (
        str(resource.get("accessListMode") or "Disabled").lower() == "enabled" for resource in (live, body)
    )
    if before != after:
        return "takes_access" if after else "opens_access"
    return None


__all__ = ["STATES", "inform", "manage", "resource_options"]
