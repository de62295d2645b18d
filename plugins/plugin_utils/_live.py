# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live objects of Maskinporten and Altinn as the options that declare them.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._environments import ENVIRONMENTS
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._scopes import (
    LANGUAGES,
    full_name,
    scope_options,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._self_service import (
    ALTINN_SOURCE,
)

#: Options of a scope that say how, not what, or that name it.
SCOPE_CONTROLS: Final = (
    "allow_open_access", "consumers_on_deactivate", "take_over", "strip_fields", "name", "prefix", "subscope",
)  # fmt: skip
TRANSLATED: Final = {
    "description_translations": "description",
    "long_description_translations": "long_description",
}
OPENING: Final = ("accessible_for_all", "supports_european_businesses")


def delegation_of(scope: Mapping[str, Any], environment: str, altinn_issuer: str | None) -> str:
    """The delegation source by its name where it is Altinn, which has an address of its own in every environment.

    :param altinn_issuer: Altinn's address as the environment's list of delegation sources has it, where that was asked.
    """
    source = str(scope.get("delegation_source") or "")
    known = {
        altinn_issuer,
        ENVIRONMENTS[environment].delegation_source if environment in ENVIRONMENTS else None,
    }
    if source and source.rstrip("/") in {str(address).rstrip("/") for address in known if address}:
        return ALTINN_SOURCE
    return source


def scope_as_options(
    scope: Mapping[str, Any],
    environment: str,
    altinn_issuer: str | None = None,
    now: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every field that a scope has and that can be declared, as options; applied to it as they are, they change nothing.

    :param now: the scope as it is now, where the options shall take it back to what it was: what it has got since is emptied.
    """
    prefix, _unused, subscope = full_name(scope).partition(":")
    options: dict[str, Any] = {"prefix": prefix, "subscope": subscope}
    for option, spec in scope_options().items():
        if option in SCOPE_CONTROLS:
            continue
        if option in TRANSLATED:
            texts = {language: scope.get(f"{TRANSLATED[option]}#{language}") for language in LANGUAGES}
            given = {language: text for language, text in texts.items() if text}
            if given or any((now or {}).get(f"{TRANSLATED[option]}#{language}") for language in LANGUAGES):
                options[option] = given
            continue
        if option == "delegation_source":
            options["delegation"] = delegation_of(scope, environment, altinn_issuer) or "none"
            continue
        value = scope.get(option)
        if value is None:
            if (now or {}).get(option) in (None, "", [], False, 0) or spec.get("choices"):
                continue
            value = {"bool": False, "int": 0, "list": [], "str": ""}[spec["type"]]
        options[option] = value
    if any(options.get(option) for option in OPENING):
        options["allow_open_access"] = True
    return options
