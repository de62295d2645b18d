# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox as a host of an inventory."""

from __future__ import annotations

from typing import Any

from tests.conftest import SandboxClient

NUMBER = "310001007"


def host_of(sandbox: SandboxClient, environment: str = "sandbox") -> dict[str, Any]:
    """Host variables with which every playbook reaches the sandbox as testetat."""
    administration, altinn = sandbox.credentials("administration"), sandbox.credentials("altinn")
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": environment,
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "altinn_url": sandbox.urls["altinn"],
        "organization_register_url": sandbox.urls["register"],
        "maskinporten_organization_number": NUMBER,
        **{
            f"maskinporten_{name}": administration[name]
            for name in ("client_id", "private_key_path", "certificate_chain_path")
        },
        **{f"altinn_{name}": altinn[name] for name in ("client_id", "private_key_path", "key_id")},
    }


def altinn_source(sandbox: SandboxClient) -> str:
    """The address under which the sandbox's Altinn is a delegation source."""
    answer = sandbox.http.get(f"{sandbox.urls['self_service']}/api/v1/delegationsources").json()
    return next(str(source["issuer"]) for source in answer if source["name"] == "altinn")
