# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Who can be the subject of a policy: Altinn 2 roles, what replaces them, register roles, access packages. Data only.

Read on 2026-11-22 from

- end of the Altinn 2 roles: https://github.com/digdir/roadmap/issues/609 ("Fjerne Altinn 2 rollene fra Altinn 3");
- which roles that concerns, and their names: Altinn Studio's own list of deprecated Altinn 2 roles
  (https://github.com/Altinn/altinn-studio/pull/20227);
- which packages take over: Altinn's import of the old role assignments (``AltinnAdminRoleSyncService`` and
  ``AltinnClientRoleSyncService`` in https://github.com/Altinn/altinn-authorization-tmp);
- which packages a service owner may use in a policy: column "For service owners" of the access package pages on
  https://docs.altinn.studio/authorization/what-do-you-get/accessgroups/;
- register roles and their old codes: ``RoleConstants`` in https://github.com/Altinn/altinn-authorization-tmp.

To bring it up to date, read those again and change the date above.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

#: From this day no Altinn 2 role gives anyone anything.
ALTINN2_ROLES_END: Final = "2027-01-01"

#: What Altinn asks for when someone delegates a Maskinporten scope.
SCOPE_ACCESS: Final = "scopeaccess"

#: Altinn 2 roles (values of ``urn:altinn:rolecode``, lower case as Altinn sends them) -> Norwegian name.
ALTINN2_ROLES: Final = MappingProxyType(
    {
        "a0212": "Primærnæring og næringsmiddel",
        "a0236": "Post/arkiv",
        "a0237": "Ansvarlig revisor",
        "a0238": "Revisormedarbeider",
        "a0239": "Regnskapsfører med signeringsrettighet",
        "a0240": "Regnskapsfører uten signeringsrettighet",
        "a0241": "Regnskapsfører lønn",
        "a0278": "Plan- og byggesak",
        "a0282": "Skatteforhold for privatpersoner",
        "a0286": "Taushetsbelagt post",
        "a0287": "Taushetsbelagt post - oppvekst og utdanning",
        "a0288": "Taushetsbelagt post - administrasjon",
        "a0293": "Algetestdata",
        "a0294": "Transportløyvegaranti",
        "a0298": "Revisorattesterer",
        "admai": "Tilgangsstyring",
        "apiadm": "Programmeringsgrensesnitt (API)",
        "apiadmnuf": "Programmeringsgrensesnitt for NUF (API)",
        "attst": "Revisorattesterer - MVA kompensasjon",
        "boadm": "Konkursbo tilgangsstyring",
        "bobel": "Konkursbo lesetilgang",
        "bobes": "Konkursbo skrivetilgang",
        "eckeyrole": "ECKEYROLE",
        "ektj": "Eksplisitt tjenestedelegering",
        "gkbht": "Godkjenning av bedriftshelsetjeneste",
        "hadm": "Hovedadministrator",
        "hvask": "Økokrim rapportering",
        "kladm": "Klientadministrator",
        "komab": "Kommunale tjenester",
        "loper": "Lønn og personalmedarbeider",
        "pasig": "Parallell signering",
        "pavad": "Patent, varemerke og design",
        "priut": "Privatperson begrensede rettigheter",
        "regna": "Regnskapsmedarbeider",
        "revai": "Revisorrettighet",
        "sens": "Hovedrolle for sensitive tjeneste",
        "sens01": "Taushetsbelagt post fra kommunen",
        "signe": "Signerer av Samordnet registermelding",
        "siskd": "Begrenset signeringsrettighet",
        "uihtl": "Helse-, sosial- og velferdstjenester",
        "uiluf": "Samferdsel",
        "utinn": "Utfyller/Innsender",
        "utomr": "Energi, miljø og klima",
    }
)

#: Altinn 2 role -> the access packages that take over and that a service owner may name in a policy. A role that is missing
#: here has no package that Altinn itself hands its holders, so a person has to choose.
REPLACEMENTS: Final = MappingProxyType(
    {
        "apiadm": ("maskinporten-scopes",),
        "apiadmnuf": ("maskinporten-scopes-nuf",),
        "a0237": ("ansvarlig-revisor",),
        "a0238": ("revisormedarbeider",),
        "a0239": ("regnskapsforer-med-signeringsrettighet",),
        "a0240": ("regnskapsforer-uten-signeringsrettighet",),
        "a0241": ("regnskapsforer-lonn",),
        "bobel": ("konkursbo-lesetilgang",),
        "bobes": ("konkursbo-skrivetilgang",),
    }
)

#: Access packages that exist, but that Altinn does not offer for the policies of service owners -> what they are for.
PACKAGES_NOT_FOR_POLICIES: Final = MappingProxyType(
    {
        "hovedadministrator": "administration of all access of an organisation",
        "klientadministrator": "administration of access on behalf of clients",
        "konkursbo-tilgangsstyrer": "administration of bankruptcy estates",
        "maskinporten-administrator": "Altinn's own delegation screens",
        "tilgangsstyrer": "administration of access",
    }
)

#: Subjects of the template for a delegable Maskinporten scope: packages first, then the roles they replace.
SCOPE_DELEGATION_PACKAGES: Final = ("maskinporten-scopes", "maskinporten-scopes-nuf")
SCOPE_DELEGATION_ROLES: Final = ("apiadm", "apiadmnuf")

#: Roles that the registers give and that outlive the Altinn 2 roles, under the code they have as ``urn:altinn:rolecode``
#: -> their own name (``urn:altinn:external-role:ccr`` for organisations; ``priv`` is a person for themself).
REGISTER_ROLES: Final = MappingProxyType(
    {
        "best": "bestyrende-reder",
        "bobe": "bostyrer",
        "dagl": "daglig-leder",
        "dtpr": "deltaker-delt-ansvar",
        "dtso": "deltaker-fullt-ansvar",
        "eikm": "eierkommune",
        "esgr": "elektronisk-signeringsrettig",
        "etdl": "elektronisk-signeringsrett-tildeler",
        "ffør": "forretningsforer",
        "hled": "parti-organ-leder",
        "hlse": "helseforetak",
        "innh": "innehaver",
        "kdeb": "konkursdebitor",
        "kemn": "kontaktperson-ados",
        "kenk": "personlige-konkurs",
        "kirk": "kirkelig-fellesraad",
        "knuf": "kontaktperson-nuf",
        "komk": "kontaktperson-kommune",
        "komp": "komplementar",
        "kont": "kontaktperson",
        "lede": "styreleder",
        "medl": "styremedlem",
        "nest": "nestleder",
        "obs": "observator",
        "pofe": "prokurist-fellesskap",
        "pohv": "prokurist-hver-for-seg",
        "priv": "privatperson",
        "prok": "prokurist",
        "regn": "regnskapsforer",
        "repr": "norsk-representant",
        "revi": "revisor",
        "sam": "sameier",
        "sife": "signerer-fellesskap",
        "sign": "signerer",
        "sihv": "signerer-hver-for-seg",
        "vara": "varamedlem",
    }
)
