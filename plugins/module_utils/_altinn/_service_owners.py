# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Altinn's list of service owners: from organisation number to code, and back.

Source: Altinn's published org list (altinn-orgs.json), as the resource registry serves it. Codes are lower case there and often
upper case in resources, so they are compared without case. Several codes can share a number; a number can be empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import CollectionError, InputError
from ._registry import Registry
from ._resource_model import LANGUAGES, TEST_DEPARTMENT


class ServiceOwners:
    """The list, read once when it is first needed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._owners: dict[str, dict[str, Any]] | None = None

    def by_code(self) -> dict[str, dict[str, Any]]:
        """Code in lower case -> entry of the list.

        :raises CollectionError: the list cannot be read.
        """
        if self._owners is None:
            self._owners = self._registry.service_owners()
        return self._owners

    def codes(self, number: str) -> list[str]:
        """The codes of an organisation number, sorted."""
        return sorted(
            code for code, owner in self.by_code().items() if str(owner.get("orgnr") or "") == number
        )

    def completed(
        self, declared: Mapping[str, Any], own_number: str | None
    ) -> tuple[dict[str, Any], list[str]]:
        """``hasCompetentAuthority`` with what was left out: number, code, and names; and notes on what looks wrong.

        :param declared: the parts that are declared, perhaps none.
        :param own_number: the organisation that is logged in.
        :raises InputError: the code is left out and several fit; the code is unknown and no number is given.
        """
        parts = dict(declared)
        notes: list[str] = []
        if parts.get("organization") and parts.get("orgcode") and parts.get("name"):
            try:
                self.by_code()
            except CollectionError:
                return parts, notes
        code = str(parts.get("orgcode") or "").lower()
        if not parts.get("organization"):
            known = str((self.by_code().get(code) or {}).get("orgnr") or "") if code else ""
            if code and code not in self.by_code() and code != TEST_DEPARTMENT:
                raise InputError(
                    f"has_competent_authority.orgcode '{parts['orgcode']}' is not in Altinn's list of service owners; "
                    "correct it, or give has_competent_authority.organization as well."
                )
            if known or own_number:
                parts["organization"] = known or own_number
        number = str(parts.get("organization") or "")
        if not code and number:
            codes = self.codes(number)
            if len(codes) > 1:
                raise InputError(
                    f"has_competent_authority.orgcode is left out, and organisation {number} has several codes in Altinn's list "
                    f"of service owners: {', '.join(codes)}; say which."
                )
            if codes:
                code = parts["orgcode"] = codes[0]
            else:
                notes.append(
                    f"organisation {number} is not in Altinn's list of service owners, so the resource gets no orgcode; access "
                    "lists cannot be connected to it"
                )
        owner = self.by_code().get(code)
        if code and owner is None and declared.get("orgcode"):
            notes.append(
                f"has_competent_authority.orgcode '{parts['orgcode']}' is not in Altinn's list of service owners"
            )
        elif owner and owner.get("orgnr") and str(owner["orgnr"]) != number:
            notes.append(
                f"has_competent_authority: code '{parts['orgcode']}' belongs to organisation {owner['orgnr']} in Altinn's list "
                f"of service owners, not to {number}"
            )
        elif owner and not parts.get("name"):
            names = owner.get("name")
            if isinstance(names, Mapping):
                found = {language: str(names[language]) for language in LANGUAGES if names.get(language)}
                if found:
                    parts["name"] = found
        return parts, notes
