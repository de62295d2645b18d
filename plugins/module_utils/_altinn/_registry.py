# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Altinn's resource registry as the objects here use it: addresses, error bodies, and which requests may be repeated.

Source: Altinn's published server source (GitHub Altinn/altinn-resource-registry) and documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import _known_causes
from .._auth import AltinnLogin, MaskinportenLogin
from .._errors import ApiError, AuthenticationError, InputError
from .._session import Session
from .._transport import Response, path_segment, query

RESOURCE_WRITE: Final = "altinn:resourceregistry/resource.write"
RESOURCE_ADMIN: Final = "altinn:resourceregistry/resource.admin"

#: Fixed paths beside ``resource/{id}``: a resource with such an id could never be read (paths match in any case).
RESERVED_IDENTIFIERS: Final = frozenset(
    {"resourcelist", "search", "export", "updated", "changes", "orgs", "bysubjects"}
)
#: Statuses after which a request that overwrites may be sent again; a 500 is the registry's answer to content it cannot take.
_PASSING: Final = (429, 502, 503, 504)
_POLICY_PART: Final = "policyFile"

Login = MaskinportenLogin | AltinnLogin


class Registry:
    """The resource registry of the session's environment, for one login.

    Everything is read without a login; ``login`` is asked for a token at the first write.

    :param login: None for reading alone.
    """

    def __init__(self, session: Session, login: Login | None = None) -> None:
        self._transport = session.transport
        self._environment = session.environment
        self._base = f"{session.environment.altinn_url}/resourceregistry/api/v1"
        self.login = login

    # -- resources --------------------------------------------------------------

    def get_resource(self, identifier: str, version: int | None = None) -> dict[str, Any] | None:
        """A resource in its newest version (or that ``version``), or None when there is none."""
        url = self.url("resource", identifier, versionId=None if version is None else str(version))
        response = self._transport.request("GET", url)
        if response.status == 404:
            return None
        answer = self.checked(response, f"read resource {identifier}")
        if isinstance(answer, dict):
            return answer
        raise self.error(response, f"read resource {identifier}")

    def list_resources(self, *, apps: bool = False, migrated_apps: bool = False) -> list[dict[str, Any]]:
        """Every resource in its newest version, whoever owns it; invisible ones included, apps only when asked for."""
        url = self.url("resource", "resourcelist", includeApps=apps, includeMigratedApps=migrated_apps)
        return self._list(url, "list the resources")

    def search_resources(self, **conditions: str | None) -> list[dict[str, Any]]:
        """The newest *matching* version of each resource: it may be a superseded one, so never read the current state so.

        :param conditions: ``Id``, ``Description``, ``Keyword``, ``Reference`` (contained in), ``ResourceType``, ``OrgCode``,
            ``OrganizationId`` (equal).
        """
        return self._list(self.url("resource", "Search", **conditions), "search the resources")

    def create_resource(self, body: Mapping[str, Any]) -> Response:
        """POST; the answer is for the caller to judge, since 409 (exists, or was deleted once) wants a reading."""
        return self._transport.request(
            "POST", self.url("resource"), auth=self.login, body=body, repeatable=False
        )

    def replace_resource(self, identifier: str, body: Mapping[str, Any]) -> Response:
        """PUT; drops what ``body`` lacks and adds a version, so it isn't repeated blindly; the caller judges the answer."""
        return self._transport.request(
            "PUT", self.url("resource", identifier), auth=self.login, body=body, repeatable=False
        )

    def delete_resource(self, identifier: str) -> None:
        """DELETE, for good: production refuses, and the id can never be used again. One that is gone already is fine."""
        response = self._transport.request("DELETE", self.url("resource", identifier), auth=self.login)
        if response.status != 404:
            self.checked(response, f"delete resource {identifier}")

    # -- policies ---------------------------------------------------------------

    def get_policy(self, identifier: str) -> bytes | None:
        """A resource's policy, byte for byte as it was uploaded; None when it (or the resource) doesn't exist."""
        response = self._transport.request(
            "GET", self.url("resource", identifier, "policy"), headers={"Accept": "text/xml, application/xml"}
        )
        if response.status == 404:
            return None
        self.checked(response, f"read the policy of resource {identifier}")
        return response.body

    def put_policy(self, identifier: str, policy: bytes) -> Response:
        """Upload a policy over the present one; the answer is for the caller to judge, who reads back after a 5xx.

        The registry can answer 500 and still have put the policy in force, so a 500 is never repeated.
        """
        return self._transport.request(
            "PUT",
            self.url("resource", identifier, "policy"),
            auth=self.login,
            files={_POLICY_PART: ("policy.xml", policy, "text/xml")},
            retry_statuses=_PASSING,
        )

    def policy_subjects(self, identifier: str) -> list[dict[str, Any]]:
        """``{type, value, urn}`` of each subject in the registry's index, values in lower case; empty without a policy."""
        response = self._transport.request("GET", self.url("resource", identifier, "policy", "subjects"))
        if response.status == 404:
            return []
        answer = self.checked(response, f"read the subjects of the policy of resource {identifier}")
        return list(answer.get("data") or []) if isinstance(answer, dict) else []

    # -- what surrounds them ------------------------------------------------------

    def service_owners(self) -> dict[str, dict[str, Any]]:
        """Altinn's org list: code in lower case -> ``{name: {nb, nn, en}, orgnr, environments, …}``; ``orgnr`` may be empty."""
        response = self._transport.request("GET", self.url("resource", "orgs"))
        answer = self.checked(response, "read Altinn's list of service owners")
        owners = answer.get("orgs") if isinstance(answer, dict) else None
        if not isinstance(owners, dict):
            raise self.error(response, "read Altinn's list of service owners")
        return {str(code).lower(): owner for code, owner in owners.items() if isinstance(owner, dict)}

    # -- for the other objects of the registry (access lists) too -------------------

    def url(self, *segments: str, **parameters: str | bool | None) -> str:
        """An address below the registry's API; every segment is made safe.

        :raises InputError: a segment that would be read as something else than a name.
        """
        return query("/".join([self._base, *(path_segment(segment) for segment in segments)]), **parameters)

    def checked(self, response: Response, attempt: str) -> Any:
        """The answer's JSON (None without any).

        :raises ApiError: an error answer, explained.
        """
        if response.ok:
            return response.json()
        raise self.error(response, attempt)

    def error(self, response: Response, attempt: str) -> ApiError:
        """The failure for an answer of the registry, explained from the table of known causes and with what our token says."""
        failure = registry_error(response, attempt)
        scopes = foreign_prefixes(response)
        if scopes and self.login:
            ours = self.login.token().prefixes
            listed = ", ".join(ours) or "none at all (claim consumer_prefix is missing)"
            return AuthenticationError(
                f"{failure.message} The token is valid and carries these prefixes: {listed}.",
                status=failure.status,
                code=failure.code,
                server_message=failure.server_message,
                method=response.method,
                url=response.url,
                scopes=list(scopes),
            )
        if response.status == 401 and isinstance(self.login, MaskinportenLogin):
            return AuthenticationError(
                f"{failure.message} The token is Maskinporten's own (altinn_token_exchange is off), which this registry may not "
                "take; leave altinn_token_exchange on.",
                status=failure.status,
                code=failure.code,
                server_message=failure.server_message,
                trace_id=failure.trace_id,
                method=response.method,
                url=response.url,
            )
        return failure

    def _list(self, url: str, attempt: str) -> list[dict[str, Any]]:
        response = self._transport.request("GET", url)
        answer = self.checked(response, attempt)
        if isinstance(answer, list):
            return [entry for entry in answer if isinstance(entry, dict)]
        raise self.error(response, attempt)


def resource_segment(identifier: str) -> str:
    """An identifier that may stand in an address as a resource's.

    :raises InputError: it is the name of one of the registry's own paths, or no name at all.
    """
    if identifier.lower() in RESERVED_IDENTIFIERS:
        raise InputError(
            f"'{identifier}' cannot be a resource's identifier: it is one of the registry's own addresses.",
            item=identifier,
        )
    path_segment(identifier)
    return identifier


def foreign_prefixes(response: Response) -> tuple[str, ...]:
    """The scopes of a 401 that means "these scopes have a prefix that isn't yours"; empty for any other answer.

    Such a 401 has nothing to do with the token's age.
    """
    answer = response.json() if response.status == 401 else None
    errors = answer.get("errors") if isinstance(answer, dict) else None
    listed = errors.get("InvalidPrefix") if isinstance(errors, dict) else None
    return tuple(str(scope) for scope in listed) if isinstance(listed, list) else ()


def error_text(response: Response) -> str:
    """What the registry says of an error, in any of its four shapes.

    ASP.NET's ``errors`` (member -> texts), Altinn's ``validationErrors`` (code, title or detail, paths), a JSON string, or
    plain text; else title and detail; else that there is no text.
    """
    answer = response.json()
    if isinstance(answer, str):
        return answer.strip() or "no text"
    if not isinstance(answer, dict):
        return " ".join(response.text.split())[:300] or "no text"
    parts: list[str] = []
    errors = answer.get("errors")
    if isinstance(errors, dict):
        for member, texts in errors.items():
            listed = texts if isinstance(texts, list) else [texts]
            parts += [f"{member}: {text}" for text in listed]
    for error in answer.get("validationErrors") or []:
        if isinstance(error, dict):
            text = error.get("detail") or error.get("title") or error.get("code") or "invalid"
            paths: Sequence[Any] = error.get("paths") or ()
            parts.append(" ".join([*(f"{path}:" for path in paths), str(text)]))
    if parts:
        return "; ".join(parts)
    said = [str(answer[name]) for name in ("title", "detail") if answer.get(name)]
    return " — ".join(said) or "no text"


def error_code(response: Response) -> str | None:
    """The registry's own code: of the problem, else of the first validation error; ``InvalidPrefix`` for foreign scopes."""
    if foreign_prefixes(response):
        return "InvalidPrefix"
    answer = response.json()
    if not isinstance(answer, dict):
        return None
    nested = [error.get("code") for error in answer.get("validationErrors") or [] if isinstance(error, dict)]
    code = next((code for code in nested if code), None) or answer.get("code")
    return str(code) if code else None


def registry_error(response: Response, attempt: str) -> ApiError:
    """The failure for an error answer of the registry, explained from the table of known causes."""
    text, code = error_text(response), error_code(response)
    cause = _known_causes.find_cause(_known_causes.REGISTRY, code=code, text=text, status=response.status)
    kind = AuthenticationError if response.status == 401 else ApiError
    answer = response.json()
    trace = answer.get("traceId") if isinstance(answer, dict) else None
    answered = f"Altinn's resource registry answered {response.status} — {text}"
    if trace:
        answered += f" (trace id {trace})"
    return kind(
        _known_causes.explained(f"Could not {attempt}", answered, cause),
        status=response.status,
        code=code,
        server_message=text,
        trace_id=str(trace) if trace else None,
        method=response.method,
        url=response.url,
    )
