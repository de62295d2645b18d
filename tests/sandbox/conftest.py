# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of the sandbox itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.altinn_caller import AltinnCaller

if TYPE_CHECKING:
    from tests.conftest import SandboxClient


@pytest.fixture(scope="session")
def altinn_test_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key for clients that tests make themselves."""
    path = tmp_path_factory.mktemp("altinn") / "key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def altinn(sandbox: SandboxClient, altinn_test_key: Path) -> AltinnCaller:
    """The fresh sandbox's Altinn, and the demo agency (312345676, prefixes demo and demoetaten) that uses it."""
    return AltinnCaller(sandbox, altinn_test_key)
