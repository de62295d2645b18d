# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of consumers: every file of the corpus is read row by row as `expected.yml` says."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.filter.read_consumers import read_consumers as filter_
from ansible_collections.tilbyder.maskinporten.plugins.filter.row_table import row_table
from ansible_collections.tilbyder.maskinporten.plugins.module_utils import _consumer_file as files
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from tests.unit.corpus import corpus

CORPUS = corpus()
EXPECTED = yaml.safe_load((CORPUS / "expected.yml").read_text(encoding="utf-8"))
NUMBERS = ["310001007", "310002100", "310003425", "310006661", "312345676"]


def parse(text, source="list.csv"):
    return files.parse_consumers(text if isinstance(text, bytes) else text.encode(), source=source)


def test_every_file_of_the_corpus_is_expected_and_every_expected_file_is_there():
    there = {path.name for path in CORPUS.iterdir()} - {"expected.yml", ".gitattributes"}
    assert there == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_corpus(name):
    expected = EXPECTED[name]
    if isinstance(expected, dict):
        with pytest.raises(InputError) as caught:
            files.read_consumers(str(CORPUS / name))
        assert expected["refused"] in caught.value.message
        assert name in caught.value.message
        return
    rows = files.read_consumers(str(CORPUS / name)).rows
    assert [[row.line, row.problem or row.organization_number, row.name] for row in rows] == expected
    assert all((row.problem is None) == (row.message is None) for row in rows)


def test_all_columns_are_found_and_dates_become_iso():
    row = files.read_consumers(str(CORPUS / "excel-norwegian.csv")).rows[0]
    assert row.as_dict() == {
        "line": 2,
        "organization_number": "310001007",
        "name": "NØYAKTIG FJORD DIREKTORAT",
        "reason": "Forvaltningsloven § 13",
        "case_number": "JUR-2026/114",
        "contact": "post@fjord.example",
        "valid_until": "2027-12-31",
    }


def test_dates_of_the_corpus_are_the_same_day():
    rows = files.read_consumers(str(CORPUS / "dates.csv")).rows
    assert [row.valid_until for row in rows[:4]] == ["2027-01-31"] * 4
    assert "31.02.2027" in rows[4].message
    assert rows[6].valid_until is None


@pytest.mark.parametrize("written", ["01/31/2027", "2027-13-01", "i morgen", "32.1.2027", "31.01.27.01"])
def test_a_date_that_is_none_is_never_guessed(written):
    with pytest.raises(ValueError, match=r".*"):
        files.parse_date(written)


def test_the_supplier_column_is_not_taken_for_the_consumer():
    rows = files.read_consumers(str(CORPUS / "other-columns.csv")).rows
    assert [(row.organization_number, row.supplier) for row in rows] == [
        ("310001007", "312345676"),
        ("310002100", None),
    ]


@pytest.mark.parametrize(
    ("header", "cells", "number", "name"),
    [
        ("Konsument;Org.nr", "Stille Bre AS;310002100", "310002100", "Stille Bre AS"),
        ("Konsument;Navn;Orgnr konsument", "Etaten;Stille Bre AS;310002100", "310002100", "Stille Bre AS"),
        ("Konsument;Navn", "310002100;Stille Bre AS", "310002100", "Stille Bre AS"),
        ("Orgnr overordnet enhet;Orgnr;Navn", "310005819;310002100;Stille Bre AS", "310002100", "Stille Bre AS"),
        ("Orgnr databehandler;Orgnr konsument", "310005819;310002100", None, None),
        ("Orgnr;Navn;Orgnr", "310002100;Stille Bre AS;310 002 100", "310002100", "Stille Bre AS"),
    ],
)  # fmt: skip
def test_of_several_columns_the_one_that_says_it_best_holds_the_number(header, cells, number, name):
    (row,) = files.parse_consumers(f"{header}\n{cells}\n".encode(), source="list.csv").rows
    assert (row.organization_number, row.name) == (number, name)
    if number is None:
        assert row.message is not None
        assert "two organisation numbers" in row.message


def test_what_is_no_row_is_counted_and_titles_are_kept():
    titles = files.read_consumers(str(CORPUS / "titles-and-total.csv"))
    assert titles.ignored == [(1, "Virksomheter som skal ha tilgang"), (2, "Sist endret: 01.11.2026")]
    assert titles.empty == 1
    assert files.read_consumers(str(CORPUS / "numbers-only.txt")).comments == 2


@pytest.mark.parametrize("error", ["#N/A", "#I/T", "#REF!", "#VERDI!", "#NAVN?", "#DIV/0!", "########"])
def test_a_formula_that_failed_makes_no_comment_of_a_row(error):
    text = f"Navn;Orgnr\n{error};310002100\n# Stille Bre AS;310002100\n"
    found = files.parse_consumers(text.encode(), source="list.csv")
    assert [row.organization_number for row in found.rows] == ["310002100"]
    assert found.comments == 1
    unreadable = files.parse_consumers(f"Orgnr;Navn\n{error};Stille Bre AS\n".encode(), source="list.csv")
    assert [row.problem for row in unreadable.rows] == ["not_nine_digits"]


def test_rows_that_a_results_file_marks_as_not_listed_are_no_consumers():
    for name in ("results.csv", "results.json"):
        result = files.read_consumers(str(CORPUS / name))
        assert [row.organization_number for row in result.rows] == ["310001007"]
        assert [text for _line, text in result.ignored] == ["310002100"]


def test_hidden_rows_and_shifted_cells_are_pointed_out():
    hidden = files.read_consumers(str(CORPUS / "workbook.xlsx")).rows[2]
    assert "hidden in the sheet" in hidden.notes[0]
    shifted = files.read_consumers(str(CORPUS / "ragged.csv")).rows[2]
    assert "may be shifted" in shifted.notes[0]


def test_a_sheet_can_be_named_a_hidden_one_too():
    path = str(CORPUS / "two-sheets.xlsx")
    assert [row.organization_number for row in files.read_consumers(path, sheet="nord").rows] == ["310006661"]
    assert [row.organization_number for row in files.read_consumers(path, sheet="Gammel").rows] == [
        "310006661"
    ]
    with pytest.raises(InputError, match="has no sheet 'Sør'"):
        files.read_consumers(path, sheet="Sør")


def test_without_openpyxl_a_workbook_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl.reader.excel", None)
    with pytest.raises(InputError, match=r"openpyxl.*save the sheet as CSV"):
        files.read_consumers(str(CORPUS / "workbook.xlsx"))


def test_a_bomb_is_refused_before_it_is_unpacked():
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unpacks to more than"):
            files.read_consumers(str(CORPUS / "bomb.xlsx"))
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_is_refused_while_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(files, "MAXIMUM_UNPACKED_BYTES", 10_000)
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/sheet.xml", " " * 50_000)
    content = bytearray(stream.getvalue())
    # The directory's claim of the unpacked size (offset 24 of its entry) says 9 bytes instead of 50 000.
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (9).to_bytes(4, "little")
    with pytest.raises(InputError, match=r"unpacks to more than|damaged"):
        parse(bytes(content), "list.xlsx")


@pytest.mark.parametrize(
    ("path", "says"),
    [("no-such-file.csv", "there is no such file"), (".", "is a folder"), ("x\x00y", "cannot be read")],
)
def test_a_path_that_leads_nowhere_is_said_so(path, says):
    with pytest.raises(InputError, match=says):
        files.read_consumers(path)


def test_too_large_is_the_wrong_file(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAXIMUM_BYTES", 100)
    (tmp_path / "long.csv").write_text("x" * 101)
    with pytest.raises(InputError, match="is it the right file"):
        files.read_consumers(str(tmp_path / "long.csv"))


def test_values_of_a_variable_become_the_same_rows():
    rows = files.rows_from_values(
        [
            310001007,
            "310 002 100",
            {"organization_number": "310003425", "name": "RASK ELV", "valid_until": "2027-01-31"},
            {"orgnr": "310006661", "organization_number": "312345676"},
            {"name": "x"},
            ["310001007"],
            None,
        ]
    ).rows
    assert [row.problem or row.organization_number for row in rows] == [
        "310001007",
        "310002100",
        "310003425",
        "unreadable",
        "empty",
        "unreadable",
        "empty",
    ]
    assert [row.line for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[2].valid_until == "2027-01-31"


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20).map(
    lambda text: " ".join(text.replace("\u00a0", " ").split())
)


@given(
    rows=st.lists(st.tuples(st.sampled_from(NUMBERS), names), min_size=1, max_size=8),
    delimiter=st.sampled_from(";,\t|"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    header=st.booleans(),
)
def test_whatever_a_spreadsheet_writes_is_read_back(rows, delimiter, newline, encoding, header):
    import csv

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=newline)
    if header:
        writer.writerow(["Orgnr", "Navn"])
    writer.writerows(rows)
    read = parse(stream.getvalue().encode(encoding)).rows
    assert [row.organization_number for row in read] == [number for number, _name in rows]
    assert [row.line for row in read] == [place + 1 + header for place in range(len(rows))]
    if header:
        assert [row.name or "" for row in read] == [name for _number, name in rows]


@given(st.binary(max_size=300))
def test_no_content_whatever_causes_anything_but_rows_or_one_sentence(content):
    for name in ("x.csv", "x.yml", "x.json", "x"):
        try:
            result = files.parse_consumers(content, source=name)
        except InputError as error:
            refused = error.message.startswith(name)
            assert refused, error.message  # noqa: PT017 - most contents are read, few are refused
            continue
        for row in result.rows:
            assert (row.organization_number is None) <= (row.problem is not None)
            json.dumps(row.as_dict())


@given(st.lists(st.text('";,\n310001007 Ab#', max_size=30), max_size=12))
def test_every_line_of_a_table_is_a_row_or_is_counted(lines):
    text = "Orgnr;Navn\n" + "\n".join(lines)
    result = parse(text)
    spans = {row.line for row in result.rows}
    assert len(spans) == len(result.rows)
    assert all(1 <= line <= text.count("\n") + 1 for line in spans)


def test_the_filter_keeps_fails_or_skips_what_is_wrong():
    path = str(CORPUS / "no-header.csv")
    assert [row["organization_number"] for row in filter_(path)] == ["310001007", "310002100", None]
    assert len(filter_(path, invalid="skip")) == 2
    with pytest.raises(AnsibleFilterError, match=r"1 of 3 rows cannot be used: line 3: '31000342'.*8 digits"):
        filter_(path, invalid="fail")
    with pytest.raises(AnsibleFilterError, match="no such file"):
        filter_("nowhere.csv")
    with pytest.raises(AnsibleFilterError, match="a path is needed"):
        filter_(["310001007"])


def test_the_table_of_a_file_is_aligned_worst_first_and_narrow_enough():
    rows = filter_(str(CORPUS / "bad-numbers.csv"))
    lines = row_table(rows).splitlines()
    assert lines[0].split() == ["Line", "Organisation", "Name", "Verdict"]
    assert all(len(line) <= 100 for line in lines)
    assert lines[1].startswith("3     310 001 008")
    assert "INVALID: '310001008' is not an organisation number" in lines[1]
    assert lines[-1].startswith("2     310 001 007")
    starts = {line.index("INVALID") for line in lines if "INVALID" in line}
    assert len(starts) == 1


def test_the_csv_of_a_table_is_read_back_and_runs_no_formula():
    rows = [
        {"line": 2, "organization_number": "310001007", "name": "=HYPERLINK(1)", "verdict": "granted"},
        {"line": 3, "organization_number": "310002100", "name": 'A; "B"', "verdict": "granted"},
    ]
    text = row_table(rows, style="csv")
    assert text.startswith("\ufeffline;organization_number;name;verdict\r\n")
    assert ";'=HYPERLINK(1);" in text
    assert [(row.organization_number, row.name) for row in parse(text).rows][1] == ("310002100", 'A; "B"')


def test_markdown_escapes_what_would_break_the_table():
    text = row_table([{"a": "x|y", "b": True}], style="markdown", columns=["a=Alfa", "b"])
    assert text == "| Alfa | B |\n| --- | --- |\n| x\\|y | yes |\n"


def test_a_table_of_nothing_is_empty_and_other_input_is_refused():
    assert row_table([]) == ""
    for wrong in ("text", {"a": 1}, [1]):
        with pytest.raises(AnsibleFilterError, match="row_table"):
            row_table(wrong)
    with pytest.raises(AnsibleFilterError, match="style 'html'"):
        row_table([], style="html")
