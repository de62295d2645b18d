# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources with policies as tests seed them into the sandbox, and what is in force there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import SandboxClient

POLICIES = Path(__file__).parent / "unit" / "data" / "policies"
NUMBER = "310001007"
CODE = "testetat"


def policy_text(name: str, resource: str | None = None) -> str:
    """A policy of the data folder, for another resource where one is given."""
    text = (POLICIES / f"{name}.xml").read_text(encoding="utf-8")
    own = {
        "seed-aquaculture": "maskinportenschema-aquaportalapi-write",
        "seed-tax-administration": "skd-maskinportenschemaid-8",
        "generic": "demo-portal",
        "broker": "demo-files",
        "consent": "demo-income-consent",
        "correspondence": "demo-letters",
    }.get(name, "demo-orders-read")
    return text.replace(own, resource) if resource else text


def resource(identifier: str, policy: str | None = None, **members: Any) -> dict[str, Any]:
    """An entry of the seed's section ``altinn.resources``."""
    text = {"nb": identifier, "nn": identifier, "en": identifier}
    body: dict[str, Any] = {
        "identifier": identifier,
        "resourceType": "MaskinportenSchema",
        "title": text,
        "description": text,
        "rightDescription": text,
        "contactPoints": [],
        "delegable": True,
        "visible": True,
        "hasCompetentAuthority": {"organization": NUMBER, "orgcode": CODE.upper()},
        "resourceReferences": [
            {
                "referenceSource": "Altinn3",
                "referenceType": "MaskinportenScope",
                "reference": f"{CODE}:{identifier}",
            }
        ],
    }
    entry: dict[str, Any] = {"resource": {**body, **members}}
    if policy is not None:
        entry["policy"] = policy
    return entry


def seed_policies(sandbox: SandboxClient, *entries: dict[str, Any]) -> None:
    """Seed resources, with their policies, and forget the requests made so far."""
    sandbox.seed({"altinn": {"resources": list(entries)}})
    sandbox.clear_requests()


def in_force(sandbox: SandboxClient, identifier: str) -> str | None:
    """The policy of a resource, straight from the sandbox."""
    answer = sandbox.http.get(
        f"{sandbox.urls['altinn']}/resourceregistry/api/v1/resource/{identifier}/policy"
    )
    return answer.content.decode("utf-8-sig") if answer.status_code == 200 else None
