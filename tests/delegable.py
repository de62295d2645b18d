# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources as tests seed them into the sandbox's Altinn."""

from __future__ import annotations

from typing import Any


def resource(identifier: str, *scopes: str) -> dict[str, Any]:
    text = {"nb": identifier, "nn": identifier, "en": identifier}
    return {
        "identifier": identifier,
        "resourceType": "MaskinportenSchema",
        "title": text,
        "description": text,
        "rightDescription": text,
        "contactPoints": [],
        "delegable": True,
        "visible": True,
        "hasCompetentAuthority": {"organization": "310001007", "orgcode": "TESTETAT"},
        "resourceReferences": [
            {"referenceSource": "ExternalPlatform", "referenceType": "MaskinportenScope", "reference": scope}
            for scope in scopes
        ],
    }
