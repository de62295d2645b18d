# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digdir's checklist for API providers (1.1 to 4.2), with what was seen of each step in this run.

Source: Digdir's page for API providers (samarbeid.digdir.no, "API-tilbyder"). Step 3.2 names a scope of Altinn 2; what took its
place is ``altinn:resourceregistry/resource.write``. Nothing is called done that was not seen.
This module is private to the collection.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DONE: Final = "done"
PLANNED: Final = "planned"
TO_DO: Final = "to do"
NOT_SEEN: Final = "not seen"
NOT_NEEDED: Final = "not needed"

_OK: Final = "ok"


@dataclass(frozen=True)
class _Step:
    number: str
    title: str
    who: str
    # What proves it: a preflight check ("check:prefix"), the result of a role ("result:scopes"), or nothing ("person").
    proof: tuple[str, ...]
    # The letter that gets it done, by the name of its template; None where a machine does it.
    letter: str | None = None
    delegation: bool = False


STEPS: Final = (
    _Step("1.1", "Send the form with organisation, invoice data and expected consumers", "Provider",
          ("check:prefix",), "application"),
    _Step("1.2", "Open Samarbeidsportalen for the organisation", "Digdir", ("person",), "portal_access"),
    _Step("1.3", "Sign the terms of use", "Provider", ("check:terms",), "terms"),
    _Step("2.1", "Assign the prefix, open self-service; a director confirms web access", "Digdir",
          ("check:prefix", "check:administration"), "prefix"),
    _Step("2.2", "Register scopes", "Provider", ("result:scopes",)),
    _Step("2.3", "Grant consumers access", "Provider", ("result:access",)),
    _Step("2.4", "Tell consumers that they have access", "Provider", ("result:notification",), "consumers"),
    _Step("3.1", "Choose Altinn as delegation source", "Provider",
          ("check:delegation_source", "result:delegation"), None, True),
    _Step("3.2", "Ask Altinn for altinn:resourceregistry/resource.write", "Provider",
          ("check:altinn_client",), "altinn_scopes", True),
    _Step("3.3", "Give the organisation Altinn's scopes", "Altinn/Digdir", ("check:altinn_client",), "altinn_scopes", True),
    _Step("3.4", "Make a client with Altinn's scopes", "Provider",
          ("check:altinn_client", "check:altinn_exchange", "check:service_owner"), None, True),
    _Step("3.5", "Publish resource and policy in Altinn", "Provider", ("result:resources", "result:policies"), None, True),
    _Step("3.6", "Grant consumers access to the delegable scopes", "Provider", ("result:access",), None, True),
    _Step("3.7", "Tell consumers that they have access and can delegate", "Provider",
          ("result:notification",), "consumers", True),
    _Step("4.1", "Register notification points on Min profil", "Provider", ("person",), "notification_points"),
    _Step("4.2", "Keep invoice data, notification points and number of consumers up to date", "Provider",
          ("person",), "yearly_update"),
)  # fmt: skip

#: Role -> its objects, one and many.
_NOUNS: Final = {
    "scopes": ("scope", "scopes"),
    "resources": ("resource", "resources"),
    "policies": ("policy", "policies"),
    "access": ("grant", "grants"),
}


def checklist(
    plan: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    preflight: Mapping[str, Any] | None = None,
    results: Mapping[str, Mapping[str, Any] | None] | None = None,
    check_mode: bool = False,
) -> list[dict[str, Any]]:
    """The state of every step.

    :param plan: what the declarations ask for (``provider_declarations``).
    :param preflight: result of ``maskinporten_preflight_info``.
    :param results: results of the roles by name: ``scopes``, ``resources``, ``policies``, ``access``, ``notification``; those of
        ``access`` may be brief (:func:`brief_result`).
    :returns: a row per step: ``step``, ``title``, ``who``, ``state``, ``seen`` (what proves the state), ``letter``.
    """
    judge = _Judge(plan, preflight or {}, results or {}, check_mode)
    delegable = any(api.get("delegable") for api in plan.get("apis", ()))
    rows = []
    for step in STEPS:
        if step.delegation and not delegable:
            state, seen = NOT_NEEDED, "no API declares Altinn as its delegation source"
        else:
            state, seen = judge.state(step)
        rows.append(
            {
                "step": step.number,
                "title": step.title,
                "who": step.who,
                "state": state,
                "seen": seen,
                "letter": step.letter if state in (TO_DO, NOT_SEEN) else None,
            }
        )
    return rows


class _Judge:
    def __init__(
        self,
        plan: Mapping[str, Sequence[Mapping[str, Any]]],
        preflight: Mapping[str, Any],
        results: Mapping[str, Mapping[str, Any] | None],
        check_mode: bool,
    ) -> None:
        self._plan = plan
        self._checks = {str(row["id"]): row for row in preflight.get("checks") or ()}
        self._results = results
        self._check_mode = check_mode

    def state(self, step: _Step) -> tuple[str, str]:
        """The worst of what its proofs say."""
        judged = [self._proof(proof) for proof in step.proof]
        order = (TO_DO, NOT_SEEN, PLANNED, DONE, NOT_NEEDED)
        worst = min((state for state, _unused in judged), key=order.index)
        seen = "; ".join(dict.fromkeys(text for state, text in judged if state == worst and text))
        return worst, seen

    def _proof(self, proof: str) -> tuple[str, str]:
        kind, _unused, name = proof.partition(":")
        if kind == "person":
            return NOT_SEEN, "no service tells; a person looks after it"
        if kind == "check":
            return self._check(name)
        if name == "delegation":
            return self._delegation()
        if name == "notification":
            return self._notification()
        return self._result(name)

    def _check(self, name: str) -> tuple[str, str]:
        row = self._checks.get(name)
        if row is None or row["state"] == "unknown":
            return NOT_SEEN, row["message"] if row else "not asked in this run"
        return (DONE if row["state"] == _OK else TO_DO), f"{row['title'].lower()}: {row['message']}"

    def _result(self, name: str) -> tuple[str, str]:
        declared = self._plan.get({"access": "grants"}.get(name, name)) or ()
        one, noun = _NOUNS[name]
        if not declared:
            return NOT_NEEDED, f"no {noun} declared"
        result = self._results.get(name)
        if not result or result.get("skipped") or "results" not in result:
            return NOT_SEEN, "not run"
        brief = brief_result(result)
        exceptions, count = brief["results"], brief["count"]
        failed = [row for row in exceptions if _has_failed(row)]
        if failed:
            return TO_DO, f"{len(failed)} of {count} {noun} failed: " + ", ".join(
                _name(row) for row in failed[:3]
            )
        if self._check_mode and exceptions:
            return PLANNED, f"{len(exceptions)} of {count} {noun} would change"
        return DONE, f"{count} {one if count == 1 else noun} as declared"

    def _delegation(self) -> tuple[str, str]:
        wanted = {
            api["scope"]
            for api in self._plan.get("apis", ())
            if api.get("delegable") and api["state"] == "present"
        }
        result = self._results.get("scopes")
        if not result or "results" not in result:
            return NOT_SEEN, "not run"
        sources = {
            str(row.get("item")): (row.get("object") or {}).get("delegation_source")
            for row in result["results"]
            if not row.get("error")
        }
        without = sorted(scope for scope in wanted if not sources.get(scope))
        if without:
            return TO_DO, f"without delegation source: {', '.join(without[:3])}"
        changing = any(row.get("action") not in ("none", None) for row in result["results"])
        return (PLANNED if self._check_mode and changing else DONE), f"{len(wanted)} delegable"

    def _notification(self) -> tuple[str, str]:
        if not self._plan.get("grants"):
            return NOT_NEEDED, "no consumers declared"
        result = self._results.get("notification")
        if not result:
            return NOT_SEEN, "notification was not run"
        pending = int(result.get("pending") or 0)
        if self._check_mode and pending:
            return PLANNED, f"{pending} messages would be written"
        written, sent = int(result.get("written") or 0), int(result.get("sent") or 0)
        unsent = int(result.get("unsent") or 0)
        if unsent:
            return TO_DO, f"{unsent} messages lie ready to be sent by a person"
        return DONE, f"{written} messages, {sent} sent" if written else "no new consumers"


def brief_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """A list module's result, with ``count`` rows of which only those stay that changed or failed."""
    brief = {name: result[name] for name in ("summary", "skipped") if name in result}
    if "results" in result:
        rows = result["results"]
        brief["count"] = result.get("count", len(rows))
        brief["results"] = [
            row for row in rows if row.get("action") not in (None, "none") or _has_failed(row)
        ]
    return brief


def _has_failed(row: Mapping[str, Any]) -> bool:
    return bool(row.get("error")) or row.get("action") == "refuse"


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("item") or row.get("organization_number") or "?")


def as_table(rows: Sequence[Mapping[str, Any]], width: int = 100) -> str:
    """The checklist as text that reads well on a terminal of that many columns."""
    states = max(len(str(row["state"])) for row in rows)
    owners = max(len(str(row["who"])) for row in rows)
    room = width - 4 - states - owners - 4
    lines = []
    for row in rows:
        title = textwrap.wrap(str(row["title"]), room)
        lines.append(f"{row['step']:<4}{row['state']:<{states}}  {row['who']:<{owners}}  {title[0]}")
        indent = " " * (4 + states + 2 + owners + 2)
        lines.extend(indent + part for part in title[1:])
        if row["seen"]:
            lines.extend(
                textwrap.wrap(
                    str(row["seen"]), width, initial_indent=indent + "- ", subsequent_indent=indent + "  "
                )
            )
    counts = {
        state: sum(1 for row in rows if row["state"] == state)
        for state in (DONE, PLANNED, TO_DO, NOT_SEEN, NOT_NEEDED)
    }
    lines.append("")
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    return "\n".join(lines) + "\n"
