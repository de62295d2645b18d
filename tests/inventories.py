# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories for playbook tests: a host for a provider of the sandbox, as a user would write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.conftest import SandboxClient


def host_variables(sandbox: SandboxClient, provider: str = "testetat", **changes: Any) -> dict[str, Any]:
    """The variables of a host that stands for the sandbox; ``changes`` replace or add, None takes away."""
    administration = sandbox.credentials("administration", provider)
    altinn = sandbox.credentials("altinn", provider)
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": "sandbox",
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "altinn_url": sandbox.urls["altinn"],
        "organization_register_url": sandbox.urls["register"],
        "maskinporten_organization_number": administration["organization_number"],
        "maskinporten_client_id": administration["client_id"],
        "maskinporten_private_key_path": administration["private_key_path"],
        "maskinporten_certificate_chain_path": administration["certificate_chain_path"],
        "altinn_client_id": altinn["client_id"],
        "altinn_private_key_path": altinn["private_key_path"],
        "altinn_key_id": altinn["key_id"],
    }
    return {name: value for name, value in {**variables, **changes}.items() if value is not None}


def write_inventory(folder: Path, hosts: dict[str, dict[str, Any]], **variables: Any) -> Path:
    """An inventory file with these hosts, and variables that hold for all."""
    file = folder / "hosts.yml"
    content = {"all": {"hosts": hosts, "vars": variables}}
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file
