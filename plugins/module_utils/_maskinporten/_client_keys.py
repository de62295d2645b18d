# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Keys of clients: one added, renewed, proved, removed or rotated at a time; the client's other keys are never touched.

Source of the rules: Digdir's documentation. A client has at most five keys; a key lives at most a year from its posting and
lives on when posted again; a change reaches the token service within two minutes; once a client has a key, a certificate no
longer logs it in.

A rotation keeps no record of its own: what is registered and which of three files exist say how far it has come, so that a run
that was killed anywhere is taken up by the next.

``key``      the key that the client's user reads; replaced in one move, after the new key has proved itself
``key.new``  the new key, until it has
``key.old``  the replaced key, until the rotation is finished
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .. import _known_causes
from .._auth import Identity, MaskinportenLogin, TokenRequest, read_claims
from .._errors import AuthenticationError, CollectionError, GuardError, InputError
from .._options import identity_settings
from .._organization_number import OrganizationNumberError, normalize
from .._reconcile import Action, Report, Risk, Step, apply
from .._run import Task
from .._session import MASKINPORTEN_VARIABLES, build_identity
from .._signing_key import ALGORITHMS, SigningKey
from . import _key_material as material
from ._clients import find_client, label_of
from ._self_service import CLIENTS_WRITE, SelfService

#: Digdir's limit.
MOST_KEYS: Final = 5
#: Days; how long a key lives at most, counted from its posting.
LONGEST_LIFE: Final = 365
#: Seconds; Digdir says that a change takes up to two minutes to reach the token service.
PROPAGATION: Final = 120
DEFAULT_PROVE_TIMEOUT: Final = 180
#: Seconds between switching to the new key and removing the old one in the same run: a grant signed with the old key lives 120.
DEFAULT_DRAIN: Final = 130
_DAY: Final = 86400
_KID: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
_SOURCES: Final = ("key_path", "public_key", "public_key_path", "return_private_key")
# Refusals that come after the signature was accepted: they are about the scope, not about the key.
_ABOUT_THE_SCOPE: Final = ("MP-200", "MP-201", "MP-250", "MP-251")
_MOST_SCOPES_TRIED: Final = 5
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 15.0
NEW: Final = ".new"
OLD: Final = ".old"


def key_options() -> dict[str, dict[str, Any]]:
    """The options of module ``maskinporten_client_key`` beside the shared ones."""
    return {
        "client": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent", "rotated"], "default": "present"},
        "kid": {"type": "str", "no_log": False},
        "kid_prefix": {"type": "str", "no_log": False},
        "key_path": {"type": "path", "no_log": False},
        "key_format": {"type": "str", "choices": list(material.KEY_FORMATS), "no_log": False},
        "key_size": {
            "type": "int",
            "choices": list(material.KEY_SIZES),
            "default": material.KEY_SIZES[0],
            "no_log": False,
        },
        "key_algorithm": {"type": "str", "choices": list(ALGORITHMS), "no_log": False},
        "key_passphrase": {"type": "str", "no_log": True},
        "overwrite": {"type": "bool", "default": False},
        "public_key": {"type": "str", "no_log": False},
        "public_key_path": {"type": "path", "no_log": False},
        "bind_certificate": {"type": "bool", "default": False},
        "return_private_key": {"type": "bool", "default": False, "no_log": False},
        "valid_days": {"type": "int"},
        "renew_before_days": {"type": "int"},
        "finish": {"type": "str", "choices": ["later", "now", "only"], "default": "later"},
        "drain_seconds": {"type": "int", "default": DEFAULT_DRAIN},
        "prove": {"type": "bool", "default": True},
        "prove_scopes": {"type": "list", "elements": "str"},
        "prove_consumer_org": {"type": "str"},
        "prove_timeout": {"type": "int", "default": DEFAULT_PROVE_TIMEOUT},
        "allow_lockout": {"type": "bool", "default": False},
    }


# -- what a key looks like ----------------------------------------------------------


def describe(key: Mapping[str, Any], now: float | None = None) -> dict[str, Any]:
    """A registered key as people read it.

    :returns: ``kid``, ``algorithm``, ``bits``, ``expires`` (day, UTC) and ``expires_at`` (seconds since 1970), ``days_left``
        (whole days, negative once expired; None where the API tells no expiry), ``expired``, ``bound_to_certificate``.
    """
    now = time.time() if now is None else now
    expires_at = key.get("exp")
    if isinstance(expires_at, bool) or not isinstance(expires_at, (int, float)):
        expires_at = None
    return {
        "kid": str(key.get("kid") or ""),
        "algorithm": key.get("alg"),
        "bits": material.modulus_bits(key),
        "expires": None if expires_at is None else time.strftime("%Y-%m-%d", time.gmtime(expires_at)),
        "expires_at": None if expires_at is None else int(expires_at),
        "days_left": None if expires_at is None else int((expires_at - now) // _DAY),
        "expired": expires_at is not None and expires_at <= now,
        "bound_to_certificate": bool(key.get("x5c")),
    }


def key_rows(
    client: Mapping[str, Any],
    keys: Sequence[Mapping[str, Any]],
    *,
    warn_days: int,
    error: str | None = None,
    now: float | None = None,
) -> list[dict[str, Any]]:
    """One row for each key of a client, or one for a client without keys, with what to do about it.

    ``rank`` sorts rows over several clients, the most urgent first.
    """
    owner: dict[str, Any] = {
        "client": label_of(client),
        "client_id": client.get("client_id"),
        "active": bool(client.get("active", True)),
    }
    nothing = dict.fromkeys(("kid", "algorithm", "bits", "expires", "days_left"))
    if error or not keys:
        status = "unreadable" if error else ("no_keys" if owner["active"] else "inactive")
        advice = error or (_other_login(client) if owner["active"] else "the client is deactivated")
        return [
            {
                **owner,
                **nothing,
                "status": status,
                "due": bool(error),
                "advice": advice,
                "rank": (0 if error else 8, 0),
            }
        ]
    described = [describe(key, now) for key in keys]
    rows = []
    for entry in described:
        others = [other for other in described if other is not entry and not other["expired"]]
        status, due, rank, advice = _judge(entry, others, owner["active"], warn_days)
        columns = {name: entry[name] for name in nothing}
        days = entry["days_left"] if entry["days_left"] is not None else LONGEST_LIFE
        rows.append(
            {**owner, **columns, "status": status, "due": due, "advice": advice, "rank": (rank, days)}
        )
    return rows


def _other_login(client: Mapping[str, Any]) -> str:
    method = str(client.get("token_endpoint_auth_method") or "")
    if method.startswith("client_secret"):
        return "logs in with a secret"
    return "needs no key" if method == "none" else "logs in by certificate, or not at all"


def _judge(
    key: Mapping[str, Any], others: Sequence[Mapping[str, Any]], active: bool, warn_days: int
) -> tuple[str, bool, int, str]:
    """Status, whether somebody has to act, rank, advice."""
    if not active:
        return "inactive", False, 9, "the client is deactivated"
    if key["expired"]:
        if others:
            return "expired", False, 4, "remove it, it only takes one of the five places"
        return "expired", True, 1, "the client gets no token; rotate it now"
    if key["days_left"] is None:
        return "no_expiry", True, 3, "register it again, and the API tells its expiry"
    if key["days_left"] <= warn_days:
        longer = [other for other in others if (other["days_left"] or 0) > warn_days]
        if longer:
            return "due", True, 2, f"{longer[0]['kid']} lives longer; remove this one once nobody uses it"
        return "due", True, 2, f"rotate it before {key['expires']}"
    return "ok", False, 5, ""


def listed(keys: Sequence[Mapping[str, Any]]) -> str:
    """Keys in a sentence: each with the days it has left."""
    return ", ".join(f"{entry['kid']} ({_life(entry)})" for entry in map(describe, keys)) or "none"


def _life(entry: Mapping[str, Any]) -> str:
    if entry["days_left"] is None:
        return "expiry unknown"
    if entry["expired"]:
        return f"expired {entry['expires']}"
    return f"{entry['days_left']} days left"


# -- the module ---------------------------------------------------------------------


def manage(task: Task) -> Report:
    """Bring one key of a client about (module ``maskinporten_client_key``).

    :raises InputError: options that cannot be right; nothing has been sent then.
    :raises GuardError: a safety rule refuses.
    """
    _check(task)
    given = _given_key(task)
    session = task.session
    login = session.maskinporten((CLIENTS_WRITE,))
    api = SelfService(session, login)
    client = find_client(api.clients(), task.params["client"], session.environment.name)
    work = _Work(task, api, login, client, given)
    plan = {"present": work.presence, "absent": work.removal, "rotated": work.rotation}[
        task.params["state"]
    ]()
    step = Step(
        f"{label_of(client)}/{plan.kid or 'new key'}",
        plan.action,
        work.view(work.keys),
        work.view(plan.after),
        plan.fields,
        plan.message,
        plan.write,
        plan.risk,
    )
    report = apply(
        [step],
        noun="keys",
        environment=session.environment,
        confirmed=session.confirmed,
        check_mode=task.check_mode,
        transport=session.transport,
    )
    work.tell(report, plan)
    return report


@dataclass
class _Intent:
    """What is to happen to the client's keys.

    :ivar kid: the key it is about, where its name is known already.
    :ivar after: the client's keys afterwards, as far as they can be foreseen.
    """

    action: Action
    message: str = ""
    kid: str | None = None
    after: list[dict[str, Any]] = field(default_factory=list)
    fields: Sequence[str] = ()
    write: Callable[[], Mapping[str, Any] | None] | None = None
    risk: Risk | None = None


def _check(task: Task) -> None:
    params = task.params
    state = params["state"]
    given = [option for option in _SOURCES if params[option]]
    if state == "rotated" and given != ["key_path"]:
        raise InputError(
            "state: rotated takes key_path, the file whose key is to be replaced, and no other kind of key."
        )
    if state == "present" and len(given) != 1:
        problem = f"{given[0]} and {given[1]} exclude each other" if given else "no key is given"
        raise InputError(
            f"{problem}: give key_path (a file that is read, or made when it is not there), public_key, public_key_path, or "
            "return_private_key."
        )
    if state == "absent" and not params["kid"] and not given:
        raise InputError(
            "state: absent needs the kid of the key to remove, or the key itself in key_path or public_key."
        )
    if params["return_private_key"]:
        if state != "present" or not params["kid"]:
            raise InputError(
                "return_private_key needs state: present and a kid, by which a second run knows the key again."
            )
        if not task.result_is_hidden:
            raise GuardError(
                "return_private_key: a task that returns a private key must carry no_log: true, or the key ends up in logs and "
                "job events."
            )
    if state == "rotated" and params["kid"]:
        raise InputError(
            "kid: a rotated key is named after itself; use kid_prefix for a readable start of its name."
        )
    for option in ("kid", "kid_prefix"):
        value = params[option]
        if value and (not _KID.fullmatch(value) or value in (".", "..")):
            raise InputError(
                f"{option}: '{value[:60]}' holds something else than letters, digits, '.', '_' and '-'."
            )
    if params["kid_prefix"] and len(params["kid_prefix"]) > 200:
        raise InputError("kid_prefix: more than 200 characters leave no room for the rest.")
    valid, renew = params["valid_days"], params["renew_before_days"]
    if valid is not None and valid < 1:
        raise InputError(f"valid_days: {valid} is no life; a key lives from 1 to {LONGEST_LIFE} days.")
    if renew is not None and not 0 <= renew < (valid or LONGEST_LIFE):
        raise InputError(
            f"renew_before_days: {renew} has to be less than the {valid or LONGEST_LIFE} days that a key lives, or every run "
            "would renew it."
        )
    if params["finish"] != "later" and state != "rotated":
        raise InputError("finish belongs to state: rotated.")
    if params["key_passphrase"] is not None and len(params["key_passphrase"]) < 8:
        raise InputError("key_passphrase: fewer than 8 characters protect nothing.")
    for option in ("drain_seconds", "prove_timeout"):
        if not 0 <= params[option] <= 3600:
            raise InputError(f"{option}: {params[option]} is not between 0 and 3600 seconds.")


@dataclass(frozen=True, repr=False)
class _Given:
    """The key that the task is about, as far as it exists before the task.

    :ivar private: its private half where a file holds it.
    """

    public: material.PublicKey | None = None
    private: SigningKey | None = None


def _given_key(task: Task) -> _Given:
    params = task.params
    if params["public_key"] or params["public_key_path"]:
        if params["public_key"] and params["public_key_path"]:
            raise InputError("public_key and public_key_path exclude each other; give one of them.")
        return _Given(material.read_public(path=params["public_key_path"], text=params["public_key"]))
    if params["key_path"] and os.path.exists(_real(params["key_path"])):
        pair = _read_pair(_real(params["key_path"]), params["key_passphrase"])
        return _Given(pair.public, pair.private)
    if params["key_path"] and params["state"] == "absent" and not params["kid"]:
        raise InputError(f"key_path: {params['key_path']} does not exist; name the key to remove by its kid.")
    if params["key_path"]:
        folder = os.path.dirname(_real(params["key_path"]))
        if not os.path.isdir(folder):
            raise InputError(f"key_path: there is no folder {folder}; make it first, open to its owner only.")
    return _Given()


@dataclass(frozen=True, repr=False)
class _KeyPair:
    """Both halves of a key, from a file."""

    public: material.PublicKey
    private: SigningKey


def _read_pair(path: str, passphrase: str | None) -> _KeyPair:
    private = material.read_private(path, passphrase)
    return _KeyPair(material.PublicKey.of(private.public_key, kid=private.key_id), private)


def _real(path: str) -> str:
    # A link to the key stays a link; what it leads to is replaced.
    return os.path.realpath(os.path.expanduser(path))


class _Work:
    """One client's keys, read once, and what is done to one of them."""

    def __init__(
        self,
        task: Task,
        api: SelfService,
        login: MaskinportenLogin,
        client: Mapping[str, Any],
        given: _Given,
    ) -> None:
        self._task = task
        self._params = task.params
        self._api = api
        self._login = login
        self._client = client
        self._id = str(client["client_id"])
        self._given = given
        self._path = _real(task.params["key_path"]) if task.params["key_path"] else ""
        self._returned: str | None = None
        self._proved: str | None = None
        self._told: list[str] = []
        self._final: list[dict[str, Any]] | None = None
        self.keys: list[dict[str, Any]] = api.keys(self._id)
        if self._path and given.private and material.is_open_to_others(self._path):
            task.warn(f"{self._path} can be read by others than its owner; set its mode to 0600.")

    # -- present ------------------------------------------------------------------

    def presence(self) -> _Intent:
        self._require_active()
        params = self._params
        public = self._given.public
        if public is not None and not (params["overwrite"] and self._given.private):
            return self._registration(public, self._kid_for(public), self._given.private)
        if params["return_private_key"]:
            return self._made_for_a_variable()
        return self._made_for_a_file()

    def _registration(self, public: material.PublicKey, kid: str, private: SigningKey | None) -> _Intent:
        live = self._by_kid(kid)
        twin = next((key for key in self.keys if material.is_same_key(key, public)), None)
        if live is not None and twin is not live:
            raise GuardError(
                f"kid: '{kid}' is the name of another key of this client; putting this one in its place would lock out whoever "
                "uses that one. Choose another kid, or remove it first (state: absent)."
            )
        if twin is not None and twin is not live:
            raise GuardError(
                f"this very key is registered as '{twin['kid']}' already; use that name, or remove it first "
                "(state: absent)."
            )
        if live is not None:
            return self._renewal(live, public)
        self._require_room(kid)
        body = self._body(public, kid)
        return _Intent(
            "create",
            self._first_key_note(),
            kid,
            [*self.keys, self._foreseen(body)],
            ["kid"],
            lambda: self._register_and_prove(body, private),
        )

    def _renewal(self, live: dict[str, Any], public: material.PublicKey | None) -> _Intent:
        """A registered key: nothing to do, unless it is dying, or is to have another algorithm or certificate."""
        about = describe(live)
        kid = about["kid"]
        fields = []
        if self._params["key_algorithm"] and live.get("alg") != self._params["key_algorithm"]:
            fields.append("alg")
        if self._params["bind_certificate"] and public and public.x5c and live.get("x5c") != list(public.x5c):
            fields.append("x5c")
        if self._is_dying(about):
            fields.append("exp")
        if not fields:
            return _Intent("none", _life(about), kid, self.keys)
        kept = {name: value for name, value in live.items() if name not in ("created", "last_updated", "exp")}
        body = {
            **kept,
            "use": "sig",
            "alg": self._params["key_algorithm"] or live.get("alg") or ALGORITHMS[0],
        }
        if "x5c" in fields and public:
            body["x5c"] = list(public.x5c)
        body.update(self._limit(public))
        others = [key for key in self.keys if key is not live]
        message = (
            f"is registered again, so that it lives another year ({_life(about)})" if "exp" in fields else ""
        )
        return _Intent(
            "update", message, kid, [*others, self._foreseen(body)], fields, lambda: self._register(body)
        )

    def _is_dying(self, about: Mapping[str, Any]) -> bool:
        if about["expired"]:
            return True
        limit, left = self._params["renew_before_days"], about["days_left"]
        return limit is not None and left is not None and left < limit

    def _made_for_a_variable(self) -> _Intent:
        kid = self._params["kid"]
        live = self._by_kid(kid)
        if live is not None:
            return self._renewal(live, None)
        self._require_room(kid)

        def write() -> Mapping[str, Any]:
            key = material.make_key(self._params["key_size"])
            public = material.PublicKey.of(key.public_key)
            stored = self._register_and_prove(self._body(public, kid), key)
            self._returned = material.private_text(
                key.key,
                form=self._params["key_format"] or "pem",
                kid=kid,
                algorithm=self._algorithm(public),
                passphrase=self._params["key_passphrase"],
            )
            return stored

        foreseen = self._foreseen({"kid": kid, "alg": self._params["key_algorithm"] or ALGORITHMS[0]})
        return _Intent("create", self._first_key_note(), kid, [*self.keys, foreseen], ["kid"], write)

    def _made_for_a_file(self) -> _Intent:
        """A new pair: straight into the file where there is none, else beside it until it has proved itself."""
        self._require_room(None)
        if not os.path.exists(self._path):
            message = f"a new key is made in {self._path}"

            def write() -> Mapping[str, Any]:
                pair = self._make_file(self._path)
                return self._register_and_prove(
                    self._body(pair.public, self._kid_for(pair.public)), pair.private
                )

        else:
            self._require_means_of_proof()
            message = f"a new key takes the place of the one in {self._path}, which is lost there and stays registered"

            def write() -> Mapping[str, Any]:
                stored = self._introduce(must_prove=self._params["prove"])
                material.put_in_place(self._path + NEW, self._path)
                return stored

        note = self._first_key_note()
        foreseen = self._foreseen(
            {"kid": self._params["kid"] or "(new key)", "alg": self._params["key_algorithm"] or ALGORITHMS[0]}
        )
        return _Intent(
            "create",
            f"{message}; {note}" if note else message,
            self._params["kid"],
            [*self.keys, foreseen],
            ["kid"],
            write,
        )

    # -- absent ---------------------------------------------------------------------

    def removal(self) -> _Intent:
        kid = self._params["kid"]
        public = self._given.public
        live = self._by_kid(kid) if kid else None
        if not kid and public is not None:
            live = next((key for key in self.keys if material.is_same_key(key, public)), None)
        if live is None:
            return _Intent("none", "is not registered", kid, self.keys)
        if kid and public is not None and not material.is_same_key(live, public):
            raise GuardError(
                f"kid: '{kid}' is the name of another key than the one that is given; give one of them."
            )
        self._guard_removal(live)
        kid = str(live["kid"])
        after = [key for key in self.keys if key is not live]
        return _Intent(
            "delete",
            f"is removed; whoever still uses it gets no token. Left: {listed(after)}",
            kid,
            after,
            ["kid"],
            lambda: self._remove(live),
            "takes_access",
        )

    def _guard_removal(self, live: Mapping[str, Any]) -> None:
        if self._params["allow_lockout"]:
            return
        kid = live.get("kid")
        working = [key for key in self.keys if not describe(key)["expired"]]
        if working == [live]:
            raise GuardError(
                f"'{kid}' is the last working key of client {label_of(self._client)}; without it the client gets no token. Add "
                "another one first (state: rotated does both), or say allow_lockout: true."
            )
        if self._logs_in_with(live):
            raise GuardError(
                f"'{kid}' is the key that this very task logs in with; remove it with another login, or say allow_lockout: true."
            )

    # -- rotated --------------------------------------------------------------------

    def rotation(self) -> _Intent:
        self._require_active()
        finish = self._params["finish"]
        new, old = self._path + NEW, self._path + OLD
        under_way = os.path.exists(new)
        waiting = os.path.exists(old) and not under_way
        if finish == "only":
            if under_way:
                raise GuardError(
                    f"the rotation is not so far: {new} has not taken the place of {self._path} yet. Run without finish first."
                )
            if not waiting:
                return _Intent("none", "no rotation waits to be finished", self._own_kid(), self.keys)
            return self._finish()
        if waiting:
            if finish == "now":
                return self._finish(drained=True)
            return _Intent(
                "none",
                f"a rotation waits to be finished: the key in {old} is registered until then; finish it with finish: only",
                self._own_kid(),
                self.keys,
            )
        own = self._own_live()
        if not under_way and own is not None and not self._is_due(own):
            return _Intent("none", f"is not due ({_life(describe(own))})", str(own["kid"]), self.keys)
        return self._start(and_finish=finish == "now")

    def _is_due(self, own: Mapping[str, Any]) -> bool:
        limit, left = self._params["renew_before_days"], describe(own)["days_left"]
        return limit is None or left is None or left < limit

    def _start(self, *, and_finish: bool) -> _Intent:
        new = self._path + NEW
        resumed = _read_pair(new, self._params["key_passphrase"]).public if os.path.exists(new) else None
        known = next((key for key in self.keys if resumed and material.is_same_key(key, resumed)), None)
        own = self._own_live()
        if known is None:
            if own is None and self._given.public is not None and self.keys:
                raise GuardError(
                    f"the key in {self._path} is none of the {len(self.keys)} keys of client {label_of(self._client)}, so it is "
                    "another client's or has died. Name the file of this client; where its key has died, make a new one with "
                    "state: present and overwrite: true."
                )
            self._require_room(self._kid_for(resumed) if resumed else None)
        self._require_means_of_proof()
        kid = self._kid_for(resumed) if resumed else None
        foreseen = known or self._foreseen(
            {"kid": kid or "(new key)", "alg": self._params["key_algorithm"] or ALGORITHMS[0]}
        )
        after = [*(key for key in self.keys if key is not known), foreseen]
        if and_finish and own is not None:
            self._guard_own_login(own)
            after = [key for key in after if key is not own]

        def write() -> Mapping[str, Any]:
            stored = self._introduce(must_prove=self._params["prove"])
            if os.path.exists(self._path):
                material.keep_copy(self._path, self._path + OLD)
            material.put_in_place(new, self._path)
            self._told.append(f"{stored['kid']} is proved and stands in {self._path}")
            if and_finish and os.path.exists(self._path + OLD):
                self._drain()
                self._remove_old()
            return stored

        message = "a rotation that was broken off is taken up" if resumed else ""
        if not and_finish and own is not None:
            message = "; ".join(filter(None, (message, f"{own['kid']} stays until the rotation is finished")))
        note = self._first_key_note()
        return _Intent(
            "update" if and_finish and own is not None else "create",
            "; ".join(filter(None, (message, note))),
            kid,
            after,
            ["kid"],
            write,
        )

    def _finish(self, *, drained: bool = False) -> _Intent:
        new_key, old_key = self._rotated_pair()
        self._require_means_of_proof()
        leaving = [key for key in self.keys if old_key and material.is_same_key(key, old_key)]
        staying = next((key for key in self.keys if material.is_same_key(key, new_key)), None)
        if staying is None:
            raise GuardError(
                f"the key in {self._path} is not registered on client {label_of(self._client)}; the old key stays. Register it "
                "first (state: present with the same key_path)."
            )
        for key in leaving:
            self._guard_own_login(key)
        after = [key for key in self.keys if key not in leaving]

        def write() -> Mapping[str, Any]:
            if drained:
                self._drain()
            self._remove_old()
            return staying

        gone = ", ".join(str(key["kid"]) for key in leaving) or "no registered key"
        return _Intent(
            "delete",
            f"finishes the rotation: {gone} is removed once {staying['kid']} has proved itself",
            str(leaving[0]["kid"]) if leaving else str(staying["kid"]),
            after,
            ["kid"],
            write,
        )

    def _rotated_pair(self) -> tuple[material.PublicKey, material.PublicKey | None]:
        """The key in place, and the one it replaced unless that is the same (a run killed between two file names)."""
        if self._given.public is None:
            raise GuardError(
                f"{self._path} is gone, while {self._path + OLD} is there; put a key back in place before the old one is removed."
            )
        old = _read_pair(self._path + OLD, self._params["key_passphrase"]).public
        return self._given.public, None if old.numbers == self._given.public.numbers else old

    def _introduce(self, *, must_prove: bool) -> Mapping[str, Any]:
        """Have a new key in its own file, registered and proved."""
        new = self._path + NEW
        if os.path.exists(new):
            pair = _read_pair(new, self._params["key_passphrase"])
        else:
            pair = self._make_file(new)
        kid = self._kid_for(pair.public)
        stored: Mapping[str, Any] | None = self._by_kid(kid)
        if stored is None or not material.is_same_key(stored, pair.public):
            stored = self._register(self._body(pair.public, kid))
        if must_prove:
            try:
                self._prove(stored, pair.private, strict=True)
            except CollectionError as error:
                raise CollectionError(
                    f"{error.message} {self._path} is as it was. The new key is registered as '{kid}' and lies in {new}: run "
                    f"again to go on, or give up with state: absent, kid: {kid}, and remove that file.",
                    **error.details,
                ) from None
        return stored

    def _drain(self) -> None:
        """Wait until the old key has been out of its place long enough; its file tells since when, also to a later run."""
        moved = material.moved_at(self._path + OLD)
        time.sleep(
            max(0.0, min(self._params["drain_seconds"], moved + self._params["drain_seconds"] - time.time()))
        )

    def _remove_old(self) -> None:
        """Prove the key in place once more, then remove the one it replaced, here and there."""
        pair = _read_pair(self._path, self._params["key_passphrase"])
        self._given = _Given(pair.public, pair.private)
        new_key, old_key = self._rotated_pair()
        self.keys = self._api.keys(self._id)
        staying = next((key for key in self.keys if material.is_same_key(key, new_key)), None)
        if staying is None:
            raise GuardError(f"the key in {self._path} is no longer registered; the old key stays.")
        if self._params["prove"]:
            self._prove(staying, pair.private, strict=True)
        for key in self.keys:
            if old_key and material.is_same_key(key, old_key):
                self._remove(key)
                self._told.append(f"{key['kid']} is removed")
        material.remove(self._path + OLD)

    # -- guards -----------------------------------------------------------------------

    def _require_active(self) -> None:
        if not self._client.get("active", True):
            raise GuardError(
                f"client {label_of(self._client)} is deactivated, so no key of it works; re-activate it first "
                "(maskinporten_client, state: present)."
            )

    def _require_room(self, kid: str | None) -> None:
        if len(self.keys) < MOST_KEYS:
            self._guard_certificate_login()
            return
        which = f"'{kid}' cannot be added" if kid else "no key can be added"
        raise GuardError(
            f"{which}: client {label_of(self._client)} has {len(self.keys)} keys, and {MOST_KEYS} is the most: "
            f"{listed(self.keys)}. Remove one that nobody uses (state: absent, kid: …); expired ones go first."
        )

    def _guard_certificate_login(self) -> None:
        if self.keys or self._params["allow_lockout"] or not self._is_ourselves():
            return
        if self._own_identity().chain:
            raise GuardError(
                "this task logs in as this very client, with a certificate; once a key is registered, Maskinporten refuses the "
                "certificate. If that is meant, say allow_lockout: true, and log in with the key from then on."
            )

    def _guard_own_login(self, key: Mapping[str, Any]) -> None:
        """Removing the key that the task logs in with is fine only where the login reads the file that is rotated."""
        if self._params["allow_lockout"] or not self._logs_in_with(key):
            return
        settings = identity_settings(self._params, MASKINPORTEN_VARIABLES)
        if settings["private_key_path"] and _real(settings["private_key_path"]) == self._path:
            return
        raise GuardError(
            f"'{key['kid']}' is the key that this very task logs in with, and not from {self._path}; give the login the new key "
            "first, or say allow_lockout: true."
        )

    def _require_means_of_proof(self) -> None:
        if self._params["prove"] and not self._proof_scopes():
            raise GuardError(
                f"client {label_of(self._client)} has no scopes, so a new key cannot be proved with a token; give it one "
                "(maskinporten_client), or say prove: false."
            )

    def _is_ourselves(self) -> bool:
        return read_claims(self._login.bearer()).get("client_id") == self._id

    def _own_identity(self) -> Identity:
        return build_identity(identity_settings(self._params, MASKINPORTEN_VARIABLES))

    def _logs_in_with(self, key: Mapping[str, Any]) -> bool:
        if not self._is_ourselves():
            return False
        identity = self._own_identity()
        if identity.key is None or not identity.key_id:
            return False
        return material.is_same_key(key, material.PublicKey.of(identity.key.public_key))

    def _first_key_note(self) -> str:
        if self.keys:
            return ""
        return "it is the client's first key; from now on the client logs in by key, and Maskinporten refuses certificates"

    # -- names and bodies ---------------------------------------------------------------

    def _by_kid(self, kid: str | None) -> dict[str, Any] | None:
        return next((key for key in self.keys if kid and key.get("kid") == kid), None)

    def _own_live(self) -> dict[str, Any] | None:
        """The registered key that is in the file."""
        public = self._given.public
        return next((key for key in self.keys if public and material.is_same_key(key, public)), None)

    def _own_kid(self) -> str | None:
        own = self._own_live()
        return str(own["kid"]) if own else None

    def _kid_for(self, public: material.PublicKey) -> str:
        """What the key is called: as declared, as it says itself, as it is registered, else after its own thumbprint."""
        twin = next((str(key["kid"]) for key in self.keys if material.is_same_key(key, public)), None)
        kid = self._params["kid"] or public.kid or twin or self._made_up_kid(public)
        if not _KID.fullmatch(kid) or kid in (".", ".."):
            raise InputError(
                f"the key calls itself '{kid[:60]}', which Maskinporten does not take; give a kid."
            )
        return str(kid)

    def _made_up_kid(self, public: material.PublicKey) -> str:
        prefix = self._params["kid_prefix"]
        # 96 bits of the thumbprint: nobody meets the same name twice.
        return f"{prefix}-{public.thumbprint[:16]}" if prefix else public.thumbprint

    def _algorithm(self, public: material.PublicKey) -> str:
        return str(self._params["key_algorithm"] or public.algorithm or ALGORITHMS[0])

    def _body(self, public: material.PublicKey, kid: str) -> dict[str, Any]:
        body = public.jwk(kid, self._algorithm(public))
        if self._params["bind_certificate"]:
            if not public.x5c:
                raise InputError("bind_certificate: the key was not given in a certificate.")
            body["x5c"] = list(public.x5c)
        return {**body, **self._limit(public)}

    def _limit(self, public: material.PublicKey | None) -> dict[str, int]:
        """``exp``, or nothing where the whole year is wanted: the API then sets its own, exact limit."""
        now = int(time.time())
        limits = []
        if self._params["valid_days"] and self._params["valid_days"] < LONGEST_LIFE:
            limits.append(now + self._params["valid_days"] * _DAY)
        if (
            self._params["bind_certificate"]
            and public
            and public.expires_at
            and public.expires_at < now + LONGEST_LIFE * _DAY
        ):
            limits.append(public.expires_at)
        return {"exp": min(limits)} if limits else {}

    @staticmethod
    def _foreseen(body: Mapping[str, Any]) -> dict[str, Any]:
        """A key as it will stand, with the year that the API gives it."""
        return {"exp": int(time.time()) + LONGEST_LIFE * _DAY, **body}

    # -- writes -----------------------------------------------------------------------

    def _make_file(self, path: str) -> _KeyPair:
        key = material.make_key(self._params["key_size"])
        public = material.PublicKey.of(key.public_key)
        form = material.form_of(self._path, self._params["key_format"])
        kid = self._params["kid"] or self._made_up_kid(public)
        material.write_private(
            path,
            material.private_text(
                key.key,
                form=form,
                kid=kid,
                algorithm=self._algorithm(public),
                passphrase=self._params["key_passphrase"],
            ),
        )
        return _KeyPair(public, key)

    def _register(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """PUT one key, and see that it is there; a lost answer is repeated, which is the same key again."""
        kid = str(body["kid"])
        answer = self._api.put_key(self._id, body)
        self.keys = self._api.keys(self._id)
        stored = self._by_kid(kid)
        if stored is None or stored.get("n") != body["n"]:
            raise CollectionError(
                f"the API accepted key '{kid}', but it is not among the client's keys ({listed(self.keys)})."
            )
        stored = {**answer, **stored}
        about = describe(stored)
        if body.get("exp") and about["expires_at"] and about["expires_at"] < int(body["exp"]) - _DAY:
            self._told.append(f"Maskinporten cut its life: it expires on {about['expires']}")
        if (self._params["valid_days"] or 0) > LONGEST_LIFE:
            self._told.append(f"a key lives {LONGEST_LIFE} days at most, not {self._params['valid_days']}")
        life = (
            f"expires on {about['expires']} ({about['days_left']} days)"
            if about["expires"]
            else "has no known expiry"
        )
        self._told.append(f"{kid} {life}")
        return stored

    def _register_and_prove(self, body: Mapping[str, Any], private: SigningKey | None) -> Mapping[str, Any]:
        stored = self._register(body)
        if self._params["prove"] and private is not None:
            self._prove(stored, private, strict=False)
        return stored

    def _remove(self, live: Mapping[str, Any]) -> Mapping[str, Any] | None:
        kid = str(live["kid"])
        self._api.delete_key(self._id, kid)
        self.keys = self._api.keys(self._id)
        if self._by_kid(kid) is not None:
            raise CollectionError(f"the API accepted the removal of key '{kid}', but it is still registered.")
        return None

    def _proof_scopes(self) -> list[str]:
        return list(self._params["prove_scopes"] or self._client.get("scopes") or ())

    def _prove(self, stored: Mapping[str, Any], private: SigningKey, *, strict: bool) -> None:
        """Fetch a token with the key, again and again while the change may be on its way.

        ``strict``: nothing but a token will do. Else an answer that is about the scope proves the key well enough.

        :raises CollectionError: no token within ``prove_timeout``.
        """
        kid = str(stored["kid"])
        scopes = self._proof_scopes()
        if not scopes:
            self._told.append("not proved: the client has no scopes")
            return
        deadline = time.monotonic() + self._params["prove_timeout"]
        wait = _FIRST_WAIT
        while True:
            refusal = self._try_scopes(scopes, private, kid, str(stored.get("alg") or ALGORITHMS[0]))
            if refusal is None:
                return
            left = deadline - time.monotonic()
            # An answer about the scope comes after the signature was checked, so there is nothing to wait for.
            if not _is_passing(refusal) or left <= 0 or (refusal.code in _ABOUT_THE_SCOPE and not strict):
                break
            time.sleep(min(wait, max(left, 0.1)))
            wait = min(wait * 1.6, _LONGEST_WAIT)
        if refusal.code in _ABOUT_THE_SCOPE and not strict:
            self._told.append(f"Maskinporten knows the key but gives no token: {refusal.message}")
            return
        raise CollectionError(
            f"key '{kid}' of client {label_of(self._client)} is registered, but gives no token: {refusal.message}",
            **refusal.details,
        )

    def _try_scopes(
        self, scopes: Sequence[str], private: SigningKey, kid: str, algorithm: str
    ) -> AuthenticationError | None:
        """None when one of the scopes gives a token, else the last refusal."""
        session = self._task.session
        refusal: AuthenticationError | None = None
        for scope in scopes[:_MOST_SCOPES_TRIED]:
            login = MaskinportenLogin(
                session.transport,
                session.environment,
                Identity(client_id=self._id, key=private, key_id=kid, algorithm=algorithm),
                TokenRequest((scope,), self._consumer()),
                metadata=self._metadata(),
            )
            try:
                login.token()
            except AuthenticationError as error:
                refusal = error
                if error.code not in _ABOUT_THE_SCOPE:
                    return refusal
                continue
            self._proved = scope
            self._told.append(f"{kid} is proved by a token for {scope}")
            return None
        return refusal

    def _consumer(self) -> str | None:
        number = self._params["prove_consumer_org"]
        if not number:
            return None
        try:
            return normalize(number)
        except OrganizationNumberError as error:
            raise InputError(f"prove_consumer_org: {error}") from None

    def _metadata(self) -> Mapping[str, Any]:
        return self._login.metadata()

    # -- telling ----------------------------------------------------------------------

    def view(self, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The client's keys as a difference shows them: public, stable, in the order of their names."""
        rows = [
            f"{entry['kid']} ({entry['algorithm'] or 'RSA'}, expires {entry['expires'] or 'unknown'})"
            for entry in sorted(map(describe, keys), key=lambda entry: str(entry["kid"]))
        ]
        return {"client": label_of(self._client), "client_id": self._id, "keys": rows}

    def tell(self, report: Report, plan: _Intent) -> None:
        """Complete the report with what is known only now."""
        (step,) = report.steps
        written = step.done and step.error is None
        keys = self.keys if written or not step.changes else plan.after
        kid = str((step.object or {}).get("kid") or plan.kid or "") or None
        if written and step.object and step.action != "delete":
            step.item = f"{label_of(self._client)}/{kid}"
        if written:
            step.after = self.view(self.keys)
        step.message = "; ".join(part for part in (step.message, *dict.fromkeys(self._told)) if part)
        live = next((key for key in keys if key.get("kid") == kid), None)
        report.extra.update(
            {
                "client": label_of(self._client),
                "client_id": self._id,
                "kid": kid,
                "key": describe(live) if live else None,
                "registered_keys": [describe(key) for key in keys],
                "slots_free": max(0, MOST_KEYS - len(keys)),
                "proved_with": self._proved,
            }
        )
        if self._path:
            report.extra["key_path"] = self._path
            report.extra["finish_pending"] = os.path.exists(self._path + OLD)
        if self._returned is not None and self._task.result_is_hidden:
            report.extra["private_key"] = self._returned


def _is_passing(refusal: AuthenticationError) -> bool:
    """Whether it can go away by itself while a change reaches the token service."""
    cause = _known_causes.find_cause(
        _known_causes.TOKEN, code=refusal.code, text=refusal.server_message, status=refusal.status
    )
    return bool(cause and cause.passing)
