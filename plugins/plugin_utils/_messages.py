# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a consumer is told when it has been given access: in bokmål, nynorsk and English.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

LANGUAGES: Final = ("nb", "nn", "en")
APPROVED: Final = "APPROVED"

_ENVIRONMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "nb": {"test": "test", "prod": "produksjon", "sandbox": "sandkasse (øvelse)"},
    "nn": {"test": "test", "prod": "produksjon", "sandbox": "sandkasse (øving)"},
    "en": {"test": "test", "prod": "production", "sandbox": "sandbox (exercise)"},
}
_SUBJECT: Final[Mapping[str, str]] = {
    "nb": "Tilgang til {scope} i Maskinporten ({environment})",
    "nn": "Tilgang til {scope} i Maskinporten ({environment})",
    "en": "Access to {scope} in Maskinporten ({environment})",
}
_TEXT: Final[Mapping[str, str]] = {
    "nb": """\
{name} (organisasjonsnummer {number}) har fått tilgang til API-et {api} hos {provider}.

  Scope:       {scope}
  Miljø:       {environment}
  Maskinporten: {issuer}

Dette gjør dere nå:
  1. Logg inn i Samarbeidsportalen og opprett en klient (integrasjon) for Maskinporten, om dere ikke har en.
  2. Legg scopet {scope} til klienten.
  3. Hent et token med klienten og kall API-et. Det kan ta noen minutter før tilgangen virker.
""",
    "nn": """\
{name} (organisasjonsnummer {number}) har fått tilgang til API-et {api} hos {provider}.

  Scope:       {scope}
  Miljø:       {environment}
  Maskinporten: {issuer}

Dette gjer de no:
  1. Logg inn i Samarbeidsportalen og opprett ein klient (integrasjon) for Maskinporten, om de ikkje har ein.
  2. Legg scopet {scope} til klienten.
  3. Hent eit token med klienten og kall API-et. Det kan ta nokre minutt før tilgangen verkar.
""",
    "en": """\
{name} (organisation number {number}) has been given access to the API {api} of {provider}.

  Scope:       {scope}
  Environment: {environment}
  Maskinporten: {issuer}

What you do now:
  1. Log in to Samarbeidsportalen and make a client (integration) for Maskinporten, unless you have one.
  2. Add the scope {scope} to the client.
  3. Fetch a token with the client and call the API. It can take some minutes before the access works.
""",
}
_DELEGATION: Final[Mapping[str, str]] = {
    "nb": """\

Skal en leverandør bruke API-et for dere? Da trenger leverandøren ingen egen tilgang fra oss. Den som har tilgangspakken for
Maskinporten-scopes hos dere (daglig leder har den), logger inn i Altinn og delegerer {resource} til leverandørens
organisasjonsnummer. Leverandøren oppgir deres organisasjonsnummer som consumer_org når den henter token.
""",
    "nn": """\

Skal ein leverandør bruke API-et for dykk? Då treng leverandøren ingen eigen tilgang frå oss. Den som har tilgangspakken for
Maskinporten-scopes hos dykk (dagleg leiar har han), loggar inn i Altinn og delegerer {resource} til organisasjonsnummeret til
leverandøren. Leverandøren oppgir organisasjonsnummeret dykkar som consumer_org når han hentar token.
""",
    "en": """\

Shall a supplier use the API for you? Then the supplier needs no access of its own from us. Whoever holds the access package
for Maskinporten scopes at your organisation (the managing director does) logs in to Altinn and delegates {resource} to the
supplier's organisation number. The supplier gives your organisation number as consumer_org when it fetches a token.
""",
}
_DOCUMENTATION: Final[Mapping[str, str]] = {
    "nb": "\nDokumentasjon: {url}\n",
    "nn": "\nDokumentasjon: {url}\n",
    "en": "\nDocumentation: {url}\n",
}
_REGARDS: Final[Mapping[str, str]] = {
    "nb": "\nVennlig hilsen\n{contact}{provider}\n",
    "nn": "\nVenleg helsing\n{contact}{provider}\n",
    "en": "\nRegards\n{contact}{provider}\n",
}


def untold(
    rows: Sequence[Mapping[str, Any]], record: Mapping[str, Mapping[str, Any]] | None
) -> list[Mapping[str, Any]]:
    """The rows of consumers that have access and do not know of it.

    :param rows: rows of ``consumer_access``.
    :param record: the record of who has been told (``_notice.read_record``); where there is none, whoever had access before
        needs no telling.
    """
    news = []
    for row in rows:
        if row.get("after") != APPROVED:
            continue
        if record is None:
            known = row.get("before") == APPROVED
        else:
            known = row.get("organization_number") in record.get(str(row["scope"]), ())
        if not known:
            news.append(row)
    return news


def consumer_messages(
    rows: Sequence[Mapping[str, Any]],
    apis: Sequence[Mapping[str, Any]],
    *,
    environment: str,
    issuer: str,
    provider: Mapping[str, Any] | None = None,
    languages: Sequence[str] = LANGUAGES,
) -> list[dict[str, Any]]:
    """A message for each consumer that has access to a scope.

    :param rows: rows of ``consumer_access``, of which those with ``after`` APPROVED count.
    :param apis: the APIs in short, as ``provider_declarations`` gives them.
    :param issuer: Maskinporten's issuer in this environment.
    :raises ValueError: an unknown language.
    """
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown or not languages:
        raise ValueError(f"languages: {unknown or 'none'}; a message is written in {', '.join(LANGUAGES)}")
    by_scope = {api["scope"]: api for api in apis}
    messages = []
    for row in rows:
        if row.get("after") != APPROVED or not row.get("organization_number"):
            continue
        api = by_scope.get(str(row["scope"]), {})
        parts = [_part(language, row, api, environment, issuer, provider or {}) for language in languages]
        subject = _SUBJECT[languages[0]].format(
            scope=row["scope"], environment=_ENVIRONMENTS[languages[0]].get(environment, environment)
        )
        messages.append(
            {
                "scope": row["scope"],
                "organization_number": row["organization_number"],
                "name": row.get("name"),
                "contact": row.get("contact"),
                "subject": subject,
                "text": f"{subject}\n\n" + f"\n{'-' * 72}\n\n".join(parts),
            }
        )
    return messages


def _part(
    language: str,
    row: Mapping[str, Any],
    api: Mapping[str, Any],
    environment: str,
    issuer: str,
    provider: Mapping[str, Any],
) -> str:
    contact = provider.get("contact") or {}
    values = {
        "name": row.get("name") or row["organization_number"],
        "number": row["organization_number"],
        "scope": row["scope"],
        "api": api.get("name") or row["scope"],
        "provider": provider.get("name") or "",
        "environment": _ENVIRONMENTS[language].get(environment, environment),
        "issuer": issuer,
        "resource": api.get("resource") or row["scope"],
        "url": api.get("documentation_url"),
        "contact": "".join(f"{contact[key]}, " for key in ("name", "email") if contact.get(key)),
    }
    text = _TEXT[language].format(**values)
    if api.get("delegable") and api.get("resource"):
        text += _DELEGATION[language].format(**values)
    if api.get("documentation_url"):
        text += _DOCUMENTATION[language].format(**values)
    return text + _REGARDS[language].format(**values)
