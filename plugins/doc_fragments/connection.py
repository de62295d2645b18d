# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Which environment, at which addresses; the options of ``_options.connection_options``."""

    DOCUMENTATION = r"""
options:
  environment:
    description:
      - Which environment to work in; it decides every address.
      - V(test) is test.maskinporten.no with Altinn's TT02, V(prod) is production, V(sandbox) is the collection's own
        stand-in on this machine.
      - If left out, the environment variable E(MASKINPORTEN_ENVIRONMENT) is used; one of them is needed.
    type: str
    choices: [test, prod, sandbox]
  maskinporten_url:
    description:
      - Issuer of Maskinporten, where it is not the environment's own (as for a sandbox on another port).
      - Environment variable E(MASKINPORTEN_URL).
    type: str
  self_service_url:
    description:
      - Digdir's self-service API; C(/api/v1) is added when missing.
      - Environment variable E(MASKINPORTEN_SELF_SERVICE_URL).
    type: str
  altinn_url:
    description:
      - Altinn's platform.
      - Environment variable E(ALTINN_URL).
    type: str
  organization_register_url:
    description:
      - The register of organisations (Enhetsregisteret).
      - Environment variable E(ORGANIZATION_REGISTER_URL).
    type: str
  organization_number:
    description:
      - The provider's organisation number. When given, nothing is done with credentials of another organisation.
      - Environment variable E(MASKINPORTEN_ORGANIZATION_NUMBER).
    type: str
  ca_path:
    description:
      - File with certificate authorities to trust instead of the usual ones, for a proxy that inspects TLS.
      - Environment variable E(MASKINPORTEN_CA_PATH).
    type: path
  timeout:
    description: Seconds to wait for an answer.
    type: float
    default: 30.0
  retries:
    description:
      - How often a request is repeated after a broken connection, status 429 or 5xx; with growing delay, or the delay that the
        service asks for.
    type: int
    default: 4
  concurrency:
    description: How many requests are under way at once.
    type: int
    default: 4
  confirm:
    description:
      - The name of the environment once more. In V(prod), whatever takes access away from someone or opens it to everyone is
        refused unless this says V(prod).
    type: str
"""
