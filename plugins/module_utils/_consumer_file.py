# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Lists of consumers as they arrive: CSV from Excel, workbooks, YAML, JSON, or values of a variable.

Everything becomes rows of one shape (``ConsumerRow``) that know where they stood. A row that cannot be read
stays in the list with a problem and a sentence about it; nothing is dropped without being counted.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from . import _organization_number as organization_number
from ._errors import InputError
from ._organization_number import OrganizationNumberError, shown

#: A list of consumers is small; whatever is larger is the wrong file.
MAXIMUM_BYTES: Final = 20 * 1024 * 1024
MAXIMUM_ROWS: Final = 100_000
MAXIMUM_CELL: Final = 4_000
#: Limits for what a workbook unpacks to (a workbook is a zip archive).
MAXIMUM_UNPACKED_BYTES: Final = 60 * 1024 * 1024
MAXIMUM_PARTS: Final = 2_000
MAXIMUM_COLUMNS: Final = 200

FIELDS: Final = ("organization_number", "name", "reason", "case_number", "contact", "valid_until")

#: What a row can have wrong in itself -> told apart from what a register or a server says about it.
UNREADABLE_DATE: Final = "valid_until_unreadable"
UNBALANCED_QUOTE: Final = "unbalanced_quote"
UNREADABLE_ROW: Final = "unreadable"

#: Header spellings, compared without case, blanks and punctuation. The first field that matches wins.
_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "organization_number": """organisasjonsnummer organisasjonsnr organisasjonsno organizationnumber
            organisationnumber orgnummer orgnumber orgnr orgno organizationno organisationno virksomhetsnummer
            virksomhetsnr verksemdsnummer foretaksnummer foretaksnr konsumentorgnr konsumentnummer
            konsumentorgnummer consumerorgno consumerorgnumber consumernumber consumer konsument orgid
            companynumber registrationnumber enhetsnummer organizationid organisasjonsid""",
        "scope": "scope scopes scopenavn scopename",
        "supplier": """leverandør leverandor leverandørorgnr leverandørnummer leverandørensorgnr
            orgnrleverandør organisasjonsnummerleverandør supplier suppliernumber supplierorgno
        supplierorganizationnumber""",
        "name": """navn namn name virksomhet virksomhetsnavn virksomhetensnavn
            verksemd verksemdsnamn firma firmanavn organisasjonsnavn organisasjon organizationname
            organisationname organization organisation company companyname selskap selskapsnavn etat kommune
            kommunenavn konsumentnavn consumername consumerorganizationname foretak foretaksnavn enhet
        enhetsnavn juridisknavn""",
        "reason": """begrunnelse grunngjeving grunn årsak formål føremål
            behandlingsgrunnlag rettsliggrunnlag rettsgrunnlag hjemmel heimel grunnlag reason purpose
        justification legalbasis why""",
        "case_number": """saksnummer saksnr sak saksid saksreferanse arkivsak
            arkivref arkivreferanse arkivsaksnummer journalnummer referanse vårref ref casenumber casenr
            caseno case caseid reference ticket avtale avtalenr avtalenummer vedtak vedtaksnummer""",
        "contact": """kontakt kontaktperson kontaktinformasjon kontaktinfo kontaktepost epost epostadresse
            email mail emailaddress contact contactperson contactemail""",
        "valid_until": """gyldigtil gyldigtom gyldigtilogmed tildato til tom tilogmed utløper utløpsdato utgår
            sluttdato varertil validuntil validto validthrough expires expiry expirydate expirationdate
            enddate until""",
        "listed": "listed",
    }
)
#: A header that only begins with one of these also counts: "Organisasjonsnummer (9 siffer)".
_BEGINNINGS: Final = (
    ("organisasjonsnummer", "organization_number"),
    ("organisasjonsnr", "organization_number"),
    ("organizationnumber", "organization_number"),
    ("orgnummer", "organization_number"),
    ("orgnr", "organization_number"),
    ("navn", "name"),
    ("begrunnelse", "reason"),
    ("saksn", "case_number"),
    ("kontakt", "contact"),
    ("gyldigtil", "valid_until"),
)
#: Headers of the number that are as often those of the name; with a better one beside them they are the name.
_NUMBER_OR_NAME_HEADERS: Final = ("konsument", "consumer")
#: Words that mean the number only when nothing better is there; "nr" is as often a running number.
_WEAK_NUMBER_HEADERS: Final = ("nummer", "number", "nr", "no", "id")

_DELIMITERS: Final = (";", "\t", ",", "|")
_DIGIT_GROUPS: Final = r"[0-9]{3}[ \u00a0\u202f]?[0-9]{3}[ \u00a0\u202f]?[0-9]{3}"
_NUMBER_THEN_NAME: Final = re.compile(rf"\s*({_DIGIT_GROUPS})[\s:–—-]+([^\W\d_].*)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
#: What a spreadsheet shows for a formula that failed (#N/A, Norwegian #I/T, #REF!, #VERDI!), or in too narrow a column (####).
_ERROR_VALUE: Final = re.compile(r"#(?:N/A|I/T|[A-ZÆØÅ0/]+[!?])|#{3,}")
_STARTS_LIKE_ROW: Final = re.compile(rf"[\"']?{_DIGIT_GROUPS}[\"']?\s*(?:[;,\t|]|$)")
_ISO_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})\s*[./-]\s*([0-9]{1,2})\s*[./-]\s*([0-9]{4}|[0-9]{2})")
_DAY_MONTH_NAME: Final = re.compile(r"([0-9]{1,2})\.?\s+([^\W\d_]+)\.?\s+([0-9]{4})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "des")
_ENGLISH_MONTHS: Final = MappingProxyType({"may": "mai", "oct": "okt", "dec": "des"})


@dataclass(slots=True)
class ConsumerRow:
    """One consumer as it was listed.

    :ivar line: where it stands, from 1: line of the file (first line of a record over several lines), row of
        the sheet, or place in a list.
    :ivar text: the organisation number as written.
    :ivar organization_number: nine digits, or None where ``problem`` says why there are none.
    :ivar valid_until: ISO date, or None; as written where ``problem`` says that it is no date.
    :ivar scope: the scope this row is for, where the file has such a column.
    :ivar supplier: the number of a supplier named on the row, or None.
    :ivar problem: code of what is wrong in the row itself, or None.
    :ivar message: one sentence about the problem.
    :ivar notes: what a person should know although the row can be used.
    """

    line: int
    text: str = ""
    organization_number: str | None = None
    name: str | None = None
    reason: str | None = None
    case_number: str | None = None
    contact: str | None = None
    valid_until: str | None = None
    scope: str | None = None
    supplier: str | None = None
    sheet: str | None = None
    problem: str | None = None
    message: str | None = None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The row as plain values; what is not there is left out, the line and the number always stand
        there."""
        result: dict[str, Any] = {"line": self.line, "organization_number": self.organization_number}
        for key in (*FIELDS[1:], "scope", "supplier", "sheet", "problem", "message"):
            value = getattr(self, key)
            if value is not None:
                result[key] = value
        if self.organization_number is None:
            result["text"] = self.text[:80]
        if self.notes:
            result["notes"] = list(self.notes)
        return result


@dataclass(slots=True)
class ConsumerList:
    """The rows of one source and what was found around them.

    :ivar source: the path, or what the values came from.
    :ivar ignored: lines that are no rows (titles above the header, rows marked ``listed: no``): line and
    text.
    :ivar comments: number of comment lines; ``empty``: number of empty ones.
    """

    source: str
    rows: list[ConsumerRow] = field(default_factory=list)
    ignored: list[tuple[int, str]] = field(default_factory=list)
    comments: int = 0
    empty: int = 0
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def read_consumers(path: str, *, sheet: str | None = None) -> ConsumerList:
    """Read a file of consumers; what it is, is told by its content, then by the end of its name.

    :param sheet: the sheet of a workbook; without it the only visible one that holds organisation numbers.
    :raises InputError: no such file, no list, too large, a format that cannot be read.
    """
    file = Path(path).expanduser()
    try:
        if file.is_dir():
            raise InputError(f"{path}: is a folder; name one file of consumers.")
        size = file.stat().st_size
        if size > MAXIMUM_BYTES:
            raise InputError(
                f"{path}: has {size} bytes, at most {MAXIMUM_BYTES} are read; is it the right file?"
            )
        content = file.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file of consumers (relative to {Path.cwd()}).") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    return parse_consumers(content, source=path, sheet=sheet)


def parse_consumers(content: bytes, *, source: str, sheet: str | None = None) -> ConsumerList:
    """Like ``read_consumers`` for the content of a file; ``source`` is its name in messages.

    :raises InputError: as there.
    """
    _refuse_other_formats(content, source)
    if content.startswith(b"PK\x03\x04"):
        result = _parse_workbook(content, source, sheet)
    else:
        text, encoding = decode(content, source)
        suffix = Path(source).suffix.lower()
        start = text.lstrip()[:1]
        if suffix == ".json" or (
            suffix not in (".csv", ".tsv", ".txt", ".yml", ".yaml") and start in ("[", "{")
        ):
            result = _parse_json(text, source)
        elif suffix in (".yml", ".yaml"):
            result = _parse_yaml(text, source)
        else:
            result = _parse_csv(text, source)
        result.encoding = encoding
    if len(result.rows) > MAXIMUM_ROWS:
        raise InputError(f"{source}: has {len(result.rows)} rows, at most {MAXIMUM_ROWS} are read.")
    return result


def rows_from_values(values: Iterable[Any], *, source: str = "consumers") -> ConsumerList:
    """Rows from the values of a variable: organisation numbers, or mappings with the fields of ``FIELDS``."""
    result = ConsumerList(source=source)
    for index, value in enumerate(values, start=1):
        _add_value(result, index, value)
    return result


def decode(content: bytes, source: str) -> tuple[str, str]:
    """Text and the name of its encoding: by byte order mark, else UTF-16 by its zero bytes, UTF-8,
    Windows-1252.

    :raises InputError: binary content.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decoded(content, name, source), "utf-8" if name == "utf-8-sig" else name
    if b"\x00" in content[:4000]:
        name = "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"
        return _decoded(content, name, source), name
    try:
        return _decoded(content, "utf-8", source, strict=True), "utf-8"
    except UnicodeDecodeError:
        # Excel on older Macs ends lines with a lone CR and writes its own code page.
        name = "mac-roman" if b"\r" in content and b"\n" not in content else "windows-1252"
        return _decoded(content, name, source), name


def parse_date(value: object) -> str | None:
    """The ISO date of what people write: ``2027-01-31``, ``31.01.2027``, ``31/1-27``, ``31. januar 2027``, a
    date.

    None for an empty value. Two-digit years are of this century. The month never comes first.

    :raises ValueError: no such date.
    """
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = "" if value is None else " ".join(str(value).split())
    if not text:
        return None
    match = _ISO_DATE.fullmatch(text)
    if match:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    match = _DAY_FIRST.fullmatch(text)
    if match:
        year = int(match[3]) + (2000 if len(match[3]) == 2 else 0)
        return date(year, int(match[2]), int(match[1])).isoformat()
    match = _DAY_MONTH_NAME.fullmatch(text)
    if match:
        short = match[2][:3].casefold()
        return date(
            int(match[3]), _MONTHS.index(_ENGLISH_MONTHS.get(short, short)) + 1, int(match[1])
        ).isoformat()
    raise ValueError(text)


# -- rows


def _make_row(line: int, values: Mapping[str, Any], *, sheet: str | None = None) -> ConsumerRow:
    """A row from its cells by field name; every problem is put into the row."""
    number = values.get("organization_number")
    row = ConsumerRow(line=line, text=_cell_text(number)[:MAXIMUM_CELL], sheet=sheet)
    try:
        row.organization_number = organization_number.normalize(number)
    except OrganizationNumberError as error:
        row.problem, row.message = error.code, str(error)
    for key in ("name", "reason", "case_number", "contact"):
        setattr(row, key, _clean(values.get(key)))
    row.scope = _clean(values.get("scope"))
    supplier = _clean(values.get("supplier"))
    if supplier and organization_number.is_valid(supplier):
        row.supplier = organization_number.normalize(supplier)
    try:
        row.valid_until = parse_date(values.get("valid_until"))
    except ValueError:
        row.valid_until = _clean(values.get("valid_until"))
        written = shown(_cell_text(values.get("valid_until")))
        row.notes.append(f"valid_until {written} is not a date")
        if row.problem is None:
            row.problem = UNREADABLE_DATE
            row.message = f"the date {written} cannot be read; write it as 2027-01-31 or 31.01.2027"
    return row


def _add_row(
    result: ConsumerList, line: int, values: Mapping[str, Any], *, sheet: str | None = None
) -> ConsumerRow | None:
    """Add a row, unless it is marked as not part of the list (a results file keeps what a purge removed)."""
    listed = (_clean(values.get("listed")) or "").casefold()
    if listed in ("no", "false", "nei", "0"):
        result.ignored.append((line, _cell_text(values.get("organization_number"))))
        return None
    row = _make_row(line, values, sheet=sheet)
    result.rows.append(row)
    return row


def _add_value(result: ConsumerList, line: int, value: Any) -> None:
    """A row from a number or a mapping of a variable, of YAML or of JSON."""
    if isinstance(value, Mapping):
        fields: dict[str, Any] = {}
        repeated: set[str] = set()
        for key, content in value.items():
            name = _field_of(str(key)) or (
                "organization_number" if _plain(str(key)) in _WEAK_NUMBER_HEADERS else None
            )
            if name is None:
                continue
            if name in fields and content not in (None, "") and content != fields[name]:
                if fields[name] in (None, ""):
                    fields[name] = content
                else:
                    repeated.add(name)
                continue
            fields.setdefault(name, content)
        row = _add_row(result, line, fields)
        if row is not None and "organization_number" in repeated:
            row.organization_number = None
            row.problem, row.message = UNREADABLE_ROW, "the entry names two organisation numbers"
        elif row is not None and "organization_number" not in fields:
            row.message = "the entry has no organization_number; its keys are " + ", ".join(
                shown(key) for key in list(value)[:6]
            )
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        result.rows.append(
            ConsumerRow(
                line=line,
                text=shown(value),
                problem=UNREADABLE_ROW,
                message="the entry is a list; a number or a mapping with organization_number is needed",
            )
        )
    else:
        _add_row(result, line, {"organization_number": value})


def _clean(value: Any) -> str | None:
    text = " ".join(_cell_text(value)[:MAXIMUM_CELL].replace("\u00a0", " ").split())
    return text or None


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str) else str(value)


def _plain(header: str) -> str:
    return "".join(letter for letter in header.casefold() if letter.isalnum())


def _field_of(header: str) -> str | None:
    """The field a header names, or None."""
    plain = _plain(header)
    if not plain:
        return None
    for name, spellings in _HEADERS.items():
        if plain in spellings.split():
            return name
    for beginning, name in _BEGINNINGS:
        if plain.startswith(beginning):
            of_supplier = "leverand" in plain or "supplier" in plain
            return name if not of_supplier else "supplier" if name == "organization_number" else None
    return None


# -- tables: CSV and workbooks

#: One record: the line it starts on, its cells, the code of what is wrong with it.
_Record: TypeAlias = "tuple[int, list[Any], str | None]"


def _columns_of(cells: Sequence[Any]) -> dict[str, int]:
    """Which column holds which field, by a header row; empty where it is none."""
    columns: dict[str, int] = {}
    for index, cell in enumerate(cells):
        name = _field_of(cell) if isinstance(cell, str) else None
        if name is not None:
            columns.setdefault(name, index)
    numbers = _number_columns(cells)
    if numbers:
        replaced, columns["organization_number"] = columns["organization_number"], numbers[0]
        if replaced != numbers[0] and _plain(cells[replaced]) in _NUMBER_OR_NAME_HEADERS:
            columns.setdefault("name", replaced)
    else:
        for word in _WEAK_NUMBER_HEADERS:
            for index, cell in enumerate(cells):
                if isinstance(cell, str) and _plain(cell) == word and index not in columns.values():
                    return {**columns, "organization_number": index}
    return columns


def _number_columns(cells: Sequence[Any]) -> list[int]:
    """The columns whose header says best that they hold the number; more than one where a header says it twice."""
    ranked: dict[int, list[int]] = {}
    for index, cell in enumerate(cells):
        if isinstance(cell, str) and _field_of(cell) == "organization_number":
            plain = _plain(cell)
            exact = plain in _HEADERS["organization_number"].split()
            rank = 2 if plain in _NUMBER_OR_NAME_HEADERS else 0 if exact else 1
            ranked.setdefault(rank, []).append(index)
    return ranked[min(ranked)] if ranked else []


def _looks_like_number(cell: Any) -> bool:
    """Whether a cell is meant as an organisation number, a mistyped one included."""
    try:
        organization_number.normalize(cell)
    except OrganizationNumberError as error:
        return error.code == organization_number.CHECK_DIGIT
    return True


def _find_header(records: Sequence[_Record]) -> tuple[int, dict[str, int]] | None:
    """Place and columns of the header among the first records: above it stand titles, never numbers."""
    for place, (_line, cells, _problem) in enumerate(records[:15]):
        columns = _columns_of(cells)
        if "organization_number" in columns and not any(_looks_like_number(cell) for cell in cells):
            return place, columns
        if any(_looks_like_number(cell) for cell in cells):
            return None
    return None


def _guess_columns(records: Sequence[_Record]) -> dict[str, int]:
    """Columns of a table without header: the one with most numbers, and the one with most letters as the
    name."""
    width = max((len(cells) for _line, cells, _problem in records), default=0)
    sample = records[:200]
    numbers = [
        sum(_looks_like_number(_at(cells, index)) for _l, cells, _p in sample) for index in range(width)
    ]
    digits = [
        sum(
            sum(letter.isdigit() for letter in _cell_text(_at(cells, index))) >= 5 for _l, cells, _p in sample
        )
        for index in range(width)
    ]
    if not width:
        return {}
    number = max(range(width), key=lambda index: (numbers[index], digits[index], -index))
    columns = {"organization_number": number}
    letters = [
        sum(any(letter.isalpha() for letter in _cell_text(_at(cells, index))) for _l, cells, _p in sample)
        for index in range(width)
    ]
    letters[number] = 0
    if any(letters):
        columns["name"] = max(range(width), key=lambda index: (letters[index], -index))
    return columns


def _valid_number(cell: Any) -> list[str]:
    return [organization_number.normalize(cell)] if organization_number.is_valid(cell) else []


def _at(cells: Sequence[Any], index: int | None) -> Any:
    return cells[index] if index is not None and index < len(cells) else None


def _add_records(result: ConsumerList, records: Sequence[_Record], sheet: str | None = None) -> None:
    """Turn the records of a table into rows."""
    header = _find_header(records)
    if header is not None:
        place, columns = header
        for line, cells, _problem in records[:place]:
            result.ignored.append(
                (line, " ".join(_cell_text(cell) for cell in cells if cell not in (None, "")))
            )
        width = len(records[place][1])
        number_columns = _number_columns(records[place][1])
        records = records[place + 1 :]
    else:
        columns, width = _guess_columns(records), MAXIMUM_COLUMNS
        number_columns = []
    for line, cells, problem in records:
        values = {name: _at(cells, index) for name, index in columns.items()}
        written = _cell_text(values.get("organization_number"))
        together = _NUMBER_THEN_NAME.fullmatch(written) if not values.get("name") else None
        if together:
            values["organization_number"], values["name"] = together[1], together[2]
        row = _add_row(result, line, values, sheet=sheet)
        if row is None:
            continue
        if problem is not None:
            row.problem, row.organization_number = problem, None
            row.message = (
                "a quotation mark is opened and never closed, so the cells cannot be told apart"
                if problem == UNBALANCED_QUOTE
                else "the row cannot be read"
            )
            row.text = row.text or _cell_text(_at(cells, 0))
        elif len({number for index in number_columns for number in _valid_number(_at(cells, index))}) > 1:
            row.problem, row.organization_number = UNREADABLE_ROW, None
            row.message = (
                "the row names two organisation numbers; keep only the column that holds the consumers"
            )
        elif any(_clean(cell) for cell in cells[width:]):
            row.notes.append("the row has more cells than the header, so its cells may be shifted")
        if row.problem == organization_number.EMPTY:
            rest = ", ".join(_clean(cell) or "" for cell in cells if _clean(cell))
            row.message = f"the row has no organisation number (it says {shown(rest)})"


# -- CSV


def _parse_csv(text: str, source: str) -> ConsumerList:
    if _CONTROL.search(text):
        raise InputError(
            f"{source}: is no text, or was damaged while it was copied (it has control characters)."
        )
    result = ConsumerList(source=source)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first, delimiter = 0, None
    if lines and re.fullmatch(r"sep=(.)", lines[0].strip(' "\ufeff'), re.IGNORECASE):
        first, delimiter = 1, lines[0].strip(' "\ufeff')[4]
    delimiter = delimiter or _find_delimiter(lines[first:])
    records = []
    for line, cells, problem in _csv_records(lines, first, delimiter):
        if all(not _clean(cell) for cell in cells):
            result.empty += 1
        elif problem is None and _is_comment(cells):
            result.comments += 1
        else:
            records.append((line, cells, problem))
    if lines and not lines[-1].strip():
        result.empty = max(0, result.empty - 1)
    result.delimiter = delimiter
    _add_records(result, records)
    return result


def _is_comment(cells: Sequence[Any]) -> bool:
    first = _cell_text(_at(cells, 0)).lstrip()
    if _ERROR_VALUE.fullmatch(first.strip()) and any(_clean(cell) for cell in cells[1:]):
        return False
    # A lone "#" heads a column of running numbers when an organisation number's header stands beside it.
    return first.startswith("#") and not (
        first.strip() == "#" and "organization_number" in _columns_of(cells[1:])
    )


def _find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter whose reading finds most: a header, then rows with a number, then columns."""
    sample = list(lines[:200])

    def found(delimiter: str) -> tuple[bool, int, int]:
        records = [record for record in _csv_records(sample, 0, delimiter) if any(map(_clean, record[1]))]
        records = [record for record in records if not _is_comment(record[1])]
        numbers = sum(any(map(_looks_like_number, cells)) for _line, cells, _problem in records)
        header = _find_header(records)
        columns = len(header[1]) if header else 0
        widths = sum(len(cells) > 1 for _line, cells, _problem in records)
        return columns > 0, numbers + columns, widths

    return max(_DELIMITERS, key=lambda delimiter: (*found(delimiter), -_DELIMITERS.index(delimiter)))


def _csv_records(lines: Sequence[str], first: int, delimiter: str) -> Iterator[_Record]:
    """Records with the number of the line each starts on.

    A quotation mark that is never closed would swallow the rest of the file; here it costs its own line only.
    """
    place = first
    while place < len(lines):
        start, text = place, lines[place]
        place += 1
        cells = _split(text, delimiter)
        while cells is None and place < len(lines) and place - start < 50:
            if _STARTS_LIKE_ROW.match(lines[place].lstrip()):
                break
            text = f"{text}\n{lines[place]}"
            place += 1
            cells = _split(text, delimiter)
        if cells is not None:
            yield start + 1, list(cells), None
        else:
            place = start + 1
            yield start + 1, [cell.strip('" ') for cell in lines[start].split(delimiter)], UNBALANCED_QUOTE


def _split(text: str, delimiter: str) -> list[str] | None:
    """The cells of one record, or None where a quotation mark is still open at its end."""
    stream = io.StringIO(text, newline="")
    try:
        for cells in csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"):
            return cells
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None
        if "field larger than" in str(error):
            return [text[:MAXIMUM_CELL]]
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
            return cells
    return []


# -- workbooks


def _parse_workbook(content: bytes, source: str, sheet: str | None) -> ConsumerList:
    _check_archive(content, source)
    try:
        from openpyxl.reader.excel import load_workbook
    except ImportError:
        raise InputError(
            f"{source}: reading a workbook needs the Python library openpyxl (pip install openpyxl); "
            "or save the sheet as CSV."
        ) from None
    try:
        # Not read-only: only the full reading knows which rows and sheets are hidden.
        workbook: Any = load_workbook(  # type: ignore[no-untyped-call]
            io.BytesIO(content), data_only=True, keep_links=False
        )
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever its XML and zip layers meet
        raise InputError(
            f"{source}: cannot be read as a workbook ({type(error).__name__}: {error})."
        ) from None
    result = ConsumerList(source=source)
    tables = {}
    for worksheet in workbook.worksheets:
        if sheet is None and worksheet.sheet_state != "visible":
            continue
        if sheet is None or worksheet.title.casefold() == sheet.casefold():
            tables[worksheet.title] = _sheet_records(worksheet, source)
    if not tables:
        names = ", ".join(shown(name) for name in workbook.sheetnames)
        raise InputError(
            f"{source}: has no {f'sheet {shown(sheet)}' if sheet else 'visible sheet'}; it has {names}."
        )
    with_numbers = [
        name for name, (records, _hidden, _empty, _comments) in tables.items() if _has_numbers(records)
    ]
    if len(with_numbers) > 1:
        raise InputError(
            f"{source}: {len(with_numbers)} sheets hold organisation numbers "
            f"({', '.join(map(shown, with_numbers))}); name the one to read with the option sheet."
        )
    chosen = with_numbers[0] if with_numbers else next(iter(tables))
    records, hidden, result.empty, result.comments = tables[chosen]
    result.sheet = chosen
    _add_records(result, records, chosen)
    for row in result.rows:
        if row.line in hidden:
            row.notes.append(
                "the row is hidden in the sheet (a filter?), people who look at it do not see it"
            )
    return result


def _sheet_records(worksheet: Any, source: str) -> tuple[list[_Record], set[int], int, int]:
    """Records, hidden rows, number of empty rows and of comments of one sheet."""
    records: list[_Record] = []
    empty = comments = 0
    if worksheet.max_row > MAXIMUM_ROWS * 2:
        raise InputError(
            f"{source}: sheet {shown(worksheet.title)} has {worksheet.max_row} rows; is it the right file?"
        )
    width = min(worksheet.max_column or 1, MAXIMUM_COLUMNS)
    for line, cells in enumerate(worksheet.iter_rows(max_col=width, values_only=True), start=1):
        if all(not _clean(cell) for cell in cells):
            empty += 1
        elif _is_comment(cells):
            comments += 1
        else:
            records.append((line, list(cells), None))
    hidden = {line for line, dimension in worksheet.row_dimensions.items() if dimension.hidden}
    return records, hidden, empty, comments


def _has_numbers(records: Sequence[_Record]) -> bool:
    return any(_looks_like_number(cell) for _line, cells, _problem in records for cell in cells)


def _check_archive(content: bytes, source: str) -> None:
    """Refuse archives that unpack to too much, and XML with a document type, before any XML is read.

    :raises InputError: a bomb, or no workbook.
    """
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names:
                kind = "an OpenDocument file" if "mimetype" in names else "a zip archive, no workbook"
                raise InputError(f"{source}: is {kind}; save the sheet as .xlsx or CSV.")
            if len(parts) > MAXIMUM_PARTS or sum(part.file_size for part in parts) > MAXIMUM_UNPACKED_BYTES:
                raise InputError(
                    f"{source}: unpacks to more than {MAXIMUM_UNPACKED_BYTES // 1024**2} MB, which no list "
                    "of consumers does; save the sheet as CSV."
                )
            total = 0
            for part in parts:
                total = _check_part(archive, part, total, source)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{source}: is a damaged or encrypted workbook ({error}).") from None


def _check_part(archive: Any, part: Any, total: int, source: str) -> int:
    """Unpack one part in pieces; the sizes in an archive's directory are only claims."""
    tail = b""
    with archive.open(part) as stream:
        while piece := stream.read(1 << 20):
            total += len(piece)
            if total > MAXIMUM_UNPACKED_BYTES:
                raise InputError(f"{source}: unpacks to more than {MAXIMUM_UNPACKED_BYTES // 1024**2} MB.")
            if part.filename.endswith((".xml", ".rels", ".vml")):
                seen = (tail + piece).replace(b"\x00", b"").upper()
                if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                    raise InputError(
                        f"{source}: its XML declares a document type, which no spreadsheet program writes."
                    )
                tail = piece[-32:]
    return total


# -- YAML and JSON


def _parse_yaml(text: str, source: str) -> ConsumerList:
    try:
        import yaml
    except ImportError:
        raise InputError(
            f"{source}: reading YAML needs the Python library PyYAML (pip install pyyaml)."
        ) from None
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InputError(f"{source}: is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{source}: is nested too deeply for a list of consumers.") from None
    result = ConsumerList(source=source)
    documents = [document for document in documents if document is not None]
    if len(documents) > 1:
        raise InputError(f"{source}: holds {len(documents)} YAML documents, one is needed.")
    if not documents:
        return result

    def scalar(node: Any) -> Any:
        # The text as written: YAML would read 0310001007 as octal and 31:00 as a number of minutes.
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == "tag:yaml.org,2002:null" else node.value
        return [] if isinstance(node, yaml.SequenceNode) else {}

    def entry(node: Any) -> None:
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            pairs: dict[str, Any] = {}
            for key, value in node.value:
                name = str(scalar(key))
                pairs[name if name not in pairs else f"{name} "] = scalar(value)
            _add_value(result, line, pairs)
        else:
            value = scalar(node)
            _add_value(result, line, value.replace("_", "") if isinstance(value, str) else value)

    root = documents[0]
    if isinstance(root, yaml.MappingNode):
        root = _list_in([(str(scalar(key)), value) for key, value in root.value], source)
    if not isinstance(root, yaml.SequenceNode):
        raise InputError(f"{source}: a list of consumers is needed (or a mapping with the key consumers).")
    for node in root.value:
        entry(node)
    return result


_LIST_KEYS: Final = ("consumers", "konsumenter", "rows", "results", "consumer_grants_consumers")


def _list_in(pairs: Sequence[tuple[str, Any]], source: str) -> Any:
    for key in _LIST_KEYS:
        for name, value in pairs:
            if name == key:
                return value
    found = ", ".join(shown(name) for name, _value in pairs[:6]) or "nothing"
    raise InputError(f"{source}: has no key 'consumers' with the list (found: {found}).")


def _parse_json(text: str, source: str) -> ConsumerList:
    # Numbers keep their text: organisation numbers are names, and a huge one must not cost time.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    result = ConsumerList(source=source)
    if not text.strip():
        return result
    try:
        decoder.decode(text.strip())
        start = _skip(text, 0)
        if text[start] == "{":
            pairs = []
            for _place, key, value_place in _members(decoder, text, start):
                pairs.append((key, value_place))
            start = _list_in(pairs, source)
        if text[start] != "[":
            raise InputError(
                f"{source}: a list of consumers is needed (or an object with the key consumers)."
            )
        line, counted = 1, 0
        for place, value in _elements(decoder, text, start):
            line += text.count("\n", counted, place)
            counted = place
            _add_value(result, line, value)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source}: is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except RecursionError:
        raise InputError(f"{source}: is nested too deeply for a list of consumers.") from None
    return result


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n\ufeff":
        place += 1
    return place


def _elements(decoder: json.JSONDecoder, text: str, start: int) -> Iterator[tuple[int, Any]]:
    """Place and value of each element of the array that starts there; the text is known to be JSON."""
    place = _skip(text, start + 1)
    while text[place] != "]":
        value, end = decoder.raw_decode(text, place)
        yield place, value
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)


def _members(decoder: json.JSONDecoder, text: str, start: int) -> Iterator[tuple[int, str, int]]:
    """Place, key and place of the value of each member of the object that starts there."""
    place = _skip(text, start + 1)
    while text[place] != "}":
        key_place = place
        key, place = decoder.raw_decode(text, place)
        value_place = _skip(text, _skip(text, place) + 1)
        yield key_place, key, value_place
        _value, place = decoder.raw_decode(text, value_place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)


# -- what it is not

_OTHER_FORMATS: Final = (
    (
        b"\xd0\xcf\x11\xe0",
        "is an old .xls workbook, or one with a password; save it as .xlsx or CSV without password.",
    ),
    (b"%PDF", "is a PDF; ask for the list as a spreadsheet."),
    (b"{\\rtf", "is a text document; ask for the list as a spreadsheet."),
    (
        b"$ANSIBLE_VAULT",
        "is encrypted with ansible-vault; decrypt it, or pass the list as the variable consumers.",
    ),
    (b"<?xml", "is an XML file; save the sheet as .xlsx or CSV."),
    (b"<html", "is a web page; save the sheet as .xlsx or CSV."),
    (b"<!doctype", "is a web page; save the sheet as .xlsx or CSV."),
)


def _refuse_other_formats(content: bytes, source: str) -> None:
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:16]
    for beginning, meaning in _OTHER_FORMATS:
        if start.lower().startswith(beginning.lower()):
            raise InputError(f"{source}: {meaning}")


def _decoded(content: bytes, encoding: str, source: str, strict: bool = False) -> str:
    if strict:
        return content.decode(encoding)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        if encoding == "windows-1252":
            return content.decode("latin-1")
        raise InputError(f"{source}: is broken {encoding} text; save it as CSV UTF-8.") from None
