# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scope that is whole from end to end in the sandbox, for tests that break one link of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.delegable import resource
from tests.module_runner import run_module

if TYPE_CHECKING:
    from tests.conftest import SandboxClient

PROVIDER, CONSUMER, SUPPLIER = "310001007", "310002100", "310004774"
SUB_UNIT = "315003628"
"""Of the consumer."""
SCOPE, RESOURCE = "testetat:cases.read", "testetat-cases"

_POLICY = """<xacml:Policy xmlns:xacml="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"
  PolicyId="urn:altinn:policyid:1" Version="1.0"
  RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides">
 <xacml:Target/>
 <xacml:Rule RuleId="urn:altinn:resource:{resource}:ruleid:1" Effect="Permit">
  <xacml:Target>
   <xacml:AnyOf>{subjects}</xacml:AnyOf>
   <xacml:AnyOf><xacml:AllOf>{resource_match}</xacml:AllOf></xacml:AnyOf>
   <xacml:AnyOf><xacml:AllOf>{action_match}</xacml:AllOf></xacml:AnyOf>
  </xacml:Target>
 </xacml:Rule>
</xacml:Policy>"""
_MATCH = (
    '<xacml:Match MatchId="urn:oasis:names:tc:xacml:{function}">'
    '<xacml:AttributeValue DataType="http://www.w3.org/2001/XMLSchema#string">{value}</xacml:AttributeValue>'
    '<xacml:AttributeDesignator AttributeId="{attribute}" Category="{category}"'
    ' DataType="http://www.w3.org/2001/XMLSchema#string" MustBePresent="false"/></xacml:Match>'
)
_IGNORE_CASE = "3.0:function:string-equal-ignore-case"


def policy(*subjects: str, resource: str = RESOURCE, action: str = "scopeaccess") -> str:
    """A policy that lets subjects (``urn:altinn:rolecode:apiadm``) do an action on a resource."""
    matches = [
        _MATCH.format(
            function=_IGNORE_CASE,
            value=subject.rpartition(":")[2],
            attribute=subject.rpartition(":")[0],
            category="urn:oasis:names:tc:xacml:1.0:subject-category:access-subject",
        )
        for subject in subjects
    ]
    return _POLICY.format(
        resource=resource,
        subjects="".join(f"<xacml:AllOf>{match}</xacml:AllOf>" for match in matches),
        resource_match=_MATCH.format(
            function="1.0:function:string-equal",
            value=resource,
            attribute="urn:altinn:resource",
            category="urn:oasis:names:tc:xacml:3.0:attribute-category:resource",
        ),
        action_match=_MATCH.format(
            function=_IGNORE_CASE,
            value=action,
            attribute="urn:oasis:names:tc:xacml:1.0:action:action-id",
            category="urn:oasis:names:tc:xacml:3.0:attribute-category:action",
        ),
    )


PACKAGE = "urn:altinn:accesspackage:maskinporten-scopes"
ROLE = "urn:altinn:rolecode:apiadm"


def seed_whole(
    sandbox: SandboxClient,
    *,
    scope: dict[str, Any] | None = None,
    access: list[str] | None = None,
    of_resource: dict[str, Any] | None = None,
    policy_text: str | None = "",
    delegated: bool = True,
    **altinn: Any,
) -> None:
    """Everything that an organisation needs to act through a supplier; each part can be changed or left out."""
    source = sandbox.http.get(f"{sandbox.urls['self_service']}/delegationsources")
    if source.status_code == 404:
        source = sandbox.http.get(f"{sandbox.urls['self_service'].rstrip('/')}/api/v1/delegationsources")
    resources = []
    if of_resource is None or of_resource:
        entry: dict[str, Any] = {"resource": {**resource(RESOURCE, SCOPE), **(of_resource or {})}}
        if policy_text is not None:
            entry["policy"] = policy_text or policy(PACKAGE, ROLE)
        resources.append(entry)
    sandbox.seed(
        {
            "scopes": [
                {
                    "prefix": "testetat",
                    "subscope": "cases.read",
                    "description": "Lese saker",
                    "visibility": "PUBLIC",
                    "allowed_integration_types": ["maskinporten"],
                    "delegation_source": source.json()[0]["issuer"],
                    **(scope or {}),
                }
            ],
            "access": [{"scope": SCOPE, "consumers": [CONSUMER] if access is None else access}],
            "clients": [
                {**_client(sandbox, "consumer"), "scopes": [SCOPE]},
                {**_client(sandbox, "supplier"), "scopes": [SCOPE]},
            ],
            "altinn": {
                "resources": resources,
                "delegations": [{"consumer": CONSUMER, "supplier": SUPPLIER, "resource": RESOURCE}]
                if delegated and resources
                else [],
                **altinn,
            },
        }
    )
    sandbox.clear_requests()


def _client(sandbox: SandboxClient, name: str) -> dict[str, Any]:
    known = sandbox.credentials("client", name)
    return {
        "client_id": known["client_id"],
        "client_orgno": known["organization_number"],
        "client_name": name,
    }


def administration(sandbox: SandboxClient) -> dict[str, str]:
    """The administration client as an option beside the Altinn client."""
    names = ("client_id", "private_key_path", "certificate_chain_path")
    return {name: sandbox.auth("administration")[name] for name in names}


def doctor(sandbox: SandboxClient, **params: Any) -> dict[str, Any]:
    """Ask the doctor, with both logins unless told otherwise."""
    options = {**sandbox.auth("altinn"), "administration": administration(sandbox), "retries": 0, **params}
    result = run_module(
        "maskinporten_doctor", {name: value for name, value in options.items() if value is not None}
    )
    assert not result["changed"]
    return result


def states(result: dict[str, Any]) -> dict[str, str]:
    """Link -> state."""
    return {finding["link"]: finding["state"] for finding in result["findings"]}


def traps(result: dict[str, Any]) -> set[str]:
    return {trap["name"] for trap in result["traps"]}
