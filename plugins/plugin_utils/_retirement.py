# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retiring a scope: what its holders are told, what becomes of its resources, and how a snapshot brings everything back.

This module is private to the collection.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._policies import policy_options
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._altinn._resource_model import (
    as_declaration,
    is_withdrawn,
    problems,
    scopes_of,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import full_name

from ._adoption import to_csv
from ._live import scope_as_options

LANGUAGES: Final = ("nb", "nn", "en")
HOLDERS_FILE: Final = "holders.csv"
ANNOUNCEMENT_FILE: Final = "announcement.json"
#: What a snapshot says it is; a later form gets another number.
SNAPSHOT_FORMAT: Final = 1
_SNAPSHOT_PARTS: Final[Mapping[str, type]] = {
    "environment": str,
    "scope": dict,
    "accesses": list,
    "resources": list,
    "policies": dict,
}

_ENVIRONMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "nb": {"test": "test", "prod": "produksjon", "sandbox": "sandkasse (øvelse)"},
    "nn": {"test": "test", "prod": "produksjon", "sandbox": "sandkasse (øving)"},
    "en": {"test": "test", "prod": "production", "sandbox": "sandbox (exercise)"},
}
_TEXT: Final[Mapping[str, str]] = {
    "nb": """\
{scope} i Maskinporten ({environment}) avvikles {date}

{name} (organisasjonsnummer {number}) har tilgang til scopet {scope} hos {provider}.
Scopet gjelder: {description}

Fra og med {date} gir scopet ikke lenger tilgang:
  - Maskinporten gir ikke token for {scope}, verken til dere eller til leverandører som handler for dere.
  - Delegeringer i Altinn av dette scopet virker ikke lenger.

Dette gjør dere nå:
  1. Finn ut hvilke av systemene deres, og hvilke leverandører, som bruker scopet.
  2. {instead}
  3. Ta scopet ut av klientene (integrasjonene) deres i Samarbeidsportalen før {date}.
""",
    "nn": """\
{scope} i Maskinporten ({environment}) blir avvikla {date}

{name} (organisasjonsnummer {number}) har tilgang til scopet {scope} hos {provider}.
Scopet gjeld: {description}

Frå og med {date} gir scopet ikkje lenger tilgang:
  - Maskinporten gir ikkje token for {scope}, korkje til dykk eller til leverandørar som handlar for dykk.
  - Delegeringar i Altinn av dette scopet verkar ikkje lenger.

Dette gjer de no:
  1. Finn ut kva system de har, og kva leverandørar, som bruker scopet.
  2. {instead}
  3. Ta scopet ut av klientane (integrasjonane) dykkar i Samarbeidsportalen før {date}.
""",
    "en": """\
{scope} in Maskinporten ({environment}) is retired on {date}

{name} (organisation number {number}) has access to the scope {scope} of {provider}.
The scope is about: {description}

From {date} on the scope no longer gives access:
  - Maskinporten gives no token for {scope}, neither to you nor to suppliers that act for you.
  - Delegations of this scope in Altinn no longer work.

What you do now:
  1. Find out which of your systems, and which suppliers, use the scope.
  2. {instead}
  3. Take the scope out of your clients (integrations) in Samarbeidsportalen before {date}.
""",
}
_INSTEAD: Final[Mapping[str, tuple[str, str]]] = {
    "nb": ("Gå over til {replacement}.", "Avklar med oss om dere trenger noe i stedet."),
    "nn": ("Gå over til {replacement}.", "Avklar med oss om de treng noko i staden."),
    "en": ("Move to {replacement}.", "Ask us if you need something in its place."),
}
_REGARDS: Final[Mapping[str, str]] = {
    "nb": "\nVennlig hilsen\n{contact}{provider}\n",
    "nn": "\nVenleg helsing\n{contact}{provider}\n",
    "en": "\nRegards\n{contact}{provider}\n",
}


def notices(
    scope: Mapping[str, Any],
    accesses: Sequence[Mapping[str, Any]],
    *,
    environment: str,
    date: str,
    provider: Mapping[str, Any] | None = None,
    replacement: str = "",
    languages: Sequence[str] = LANGUAGES,
) -> list[dict[str, str]]:
    """The files of an announcement: a notice per holder and language, the list of holders, and what was announced.

    :param accesses: as ``consumer_access_info`` returns them; those in state APPROVED hold access.
    :param date: the day on which access ends, ``YYYY-MM-DD``.
    :returns: ``name`` and ``text`` of each file.
    :raises InputError: no such day; an unknown language.
    """
    try:
        datetime.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise InputError(f"date: '{date}' is no day; write it as in 2027-03-01.") from None
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown or not languages:
        raise InputError(f"languages: {unknown or 'none'}; a notice is written in {', '.join(LANGUAGES)}.")
    name = full_name(scope)
    holders = sorted(
        (str(access["organization_number"]), str(access.get("name") or ""))
        for access in accesses
        if access.get("state") == "APPROVED"
    )
    files = [
        {
            "name": f"{number}.{language}.txt",
            "text": _notice(language, number, holder, scope, environment, date, provider or {}, replacement),
        }
        for number, holder in holders
        for language in languages
    ]
    announced = {"scope": name, "environment": environment, "date": date, "holders": len(holders)}
    files.append({"name": HOLDERS_FILE, "text": to_csv(holders)})
    files.append(
        {"name": ANNOUNCEMENT_FILE, "text": json.dumps(announced, indent=2, ensure_ascii=False) + "\n"}
    )
    return files


def _notice(
    language: str,
    number: str,
    holder: str,
    scope: Mapping[str, Any],
    environment: str,
    date: str,
    provider: Mapping[str, Any],
    replacement: str,
) -> str:
    contact = provider.get("contact") or {}
    name = full_name(scope)
    description = scope.get("description") if language == "nb" else scope.get(f"description#{language}")
    values = {
        "scope": name,
        "environment": _ENVIRONMENTS[language].get(environment, environment),
        "date": date,
        "name": holder or number,
        "number": number,
        "provider": provider.get("name") or name.partition(":")[0],
        "description": description or scope.get("description") or name,
        "contact": "".join(f"{contact[key]}, " for key in ("name", "email") if contact.get(key)),
    }
    instead = _INSTEAD[language][0 if replacement else 1].format(replacement=replacement)
    return _TEXT[language].format(**values, instead=instead) + _REGARDS[language].format(**values)


def resources_to_withdraw(
    resources: Sequence[Mapping[str, Any]], scopes: Sequence[Mapping[str, Any]], scope: str
) -> dict[str, list[Any]]:
    """What becomes of the resources that name a scope when it goes.

    :param scopes: all of the organisation's.
    :returns: ``withdraw``: those that go, as entries for ``altinn_resource``; ``pending``: the identifiers of those among
        them that have not gone yet; ``keep``: those that make other scopes delegable too, with ``identifier`` and ``others``.
    """
    inactive = {full_name(entry) for entry in scopes if not entry.get("active", True)}
    found: dict[str, list[Any]] = {"withdraw": [], "pending": [], "keep": []}
    for body in sorted(resources, key=lambda body: str(body.get("identifier"))):
        named, identifier = scopes_of(body), str(body.get("identifier"))
        if scope not in named:
            continue
        # A scope that is not ours counts as in use, since we cannot see it.
        others = [name for name in named if name != scope and name not in inactive]
        if others:
            found["keep"].append({"identifier": identifier, "others": others})
            continue
        found["withdraw"].append({"identifier": identifier})
        if not is_withdrawn(body):
            found["pending"].append(identifier)
    return found


def undo(
    text: str,
    *,
    environment: str,
    scope: str = "",
    now: Mapping[str, Any] | None = None,
    altinn_issuer: str | None = None,
) -> dict[str, Any]:
    """What brings back what a snapshot holds, as options of the modules.

    :param text: the snapshot, as the file holds it.
    :param scope: the scope that is meant, where the caller names it.
    :param now: the scope as it is now, so that what it has got since is taken away again.
    :returns: ``scope`` (its name), ``scopes``, ``grants``, ``resources`` and ``policies``.
    :raises InputError: no snapshot; one of another environment or scope.
    """
    snapshot = _snapshot(text)
    name = full_name(snapshot["scope"])
    if snapshot["environment"] != environment:
        raise InputError(
            f"snapshot: it was taken in environment '{snapshot['environment']}', and this is '{environment}'; choose the host "
            "with --limit."
        )
    if scope and scope != name:
        raise InputError(f"snapshot: it holds {name}, and scope says {scope}; leave scope out or correct it.")
    consumers = [
        {"organization_number": str(access["organization_number"]), "name": access.get("name")}
        for access in snapshot["accesses"]
        if access.get("state") == "APPROVED"
    ]
    allowances = {option: True for option in policy_options() if option.startswith("allow_")}
    wanted = scope_as_options(snapshot["scope"], environment, altinn_issuer, now)
    state = "present" if snapshot["scope"].get("active", True) else "absent"
    return {
        "scope": name,
        "scopes": [{**wanted, "state": state}],
        "grants": [{"scope": name, "consumers": consumers}] if consumers and state == "present" else [],
        "resources": [_resource(body) for body in snapshot["resources"]],
        "policies": [
            {"resource": resource, "xml": policy, **allowances}
            for resource, policy in snapshot["policies"].items()
        ],
    }


def _snapshot(text: str) -> Mapping[str, Any]:
    try:
        snapshot = json.loads(text)
    except ValueError as error:
        raise InputError(f"snapshot: the file is not JSON ({error}).") from None
    if not isinstance(snapshot, Mapping) or snapshot.get("format") != SNAPSHOT_FORMAT:
        raise InputError("snapshot: the file is no snapshot of a retirement.")
    for part, kind in _SNAPSHOT_PARTS.items():
        if not isinstance(snapshot.get(part), kind):
            raise InputError(f"snapshot: the file lacks {part}.")
    return snapshot


def _resource(body: Mapping[str, Any]) -> dict[str, Any]:
    """A resource as it was; what withdrawal sets is emptied where it was empty."""
    declared = {"delegable": True, "visible": True, "status": "", **as_declaration(body)}
    if problems(body, creating=True):
        # The registry would not make it anew as it was, but takes it as it was.
        declared["partial"] = True
    return declared
