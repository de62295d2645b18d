# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The Python libraries the collection needs, and the oldest version of each that it works with."""

from __future__ import annotations

import importlib
import traceback
from types import MappingProxyType
from typing import Final

#: import name -> (name on PyPI, oldest version that works)
LIBRARIES: Final = MappingProxyType(
    {
        "httpx": ("httpx", "0.25.0"),
        "jwt": ("pyjwt", "2.8.0"),
        "cryptography": ("cryptography", "42.0.0"),
        "lxml": ("lxml", "4.9.3"),
    }
)


class MissingLibraryError(Exception):
    """A library is absent, or older than the collection can use.

    :ivar library: the requirement as pip takes it, e.g. ``httpx>=0.25.0``.
    :ivar import_traceback: the traceback of the failed import.
    """

    def __init__(self, library: str, import_traceback: str) -> None:
        super().__init__(library)
        self.library = library
        self.import_traceback = import_traceback


def require(import_name: str) -> None:
    """Make sure that a library of :data:`LIBRARIES` can be imported and is new enough.

    Called right before the import it guards, so that a module pays only for what it uses.

    :raises MissingLibraryError: absent or too old.
    """
    package, minimum = LIBRARIES[import_name]
    requirement = f"{package}>={minimum}"
    try:
        library = importlib.import_module(import_name)
    except ImportError as error:
        raise MissingLibraryError(requirement, traceback.format_exc()) from error
    version = getattr(library, "__version__", None)
    if version is not None and _as_numbers(version) < _as_numbers(minimum):
        raise MissingLibraryError(
            requirement, f"{package} {version} is installed, {minimum} or newer is needed"
        )


def _as_numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)
