# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module consumer_notice: nobody is told twice, nobody of old is told as if new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.module_runner import run_module

SCOPE = "testetat:cases/x.read"


def message(number: str, **changes: Any) -> dict[str, Any]:
    return {"scope": SCOPE, "organization_number": number, "subject": "Tilgang", "text": "Hei", **changes}


def notice(folder: Path, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module("consumer_notice", {"path": str(folder), **params}, check=check)


def test_a_message_is_written_once(tmp_path: Path) -> None:
    first = notice(tmp_path, messages=[message("310002100", contact="a@b.example")])
    assert first["changed"]
    assert first["started"]
    file = tmp_path / first["messages"][0]["file"]
    assert file.read_text(encoding="utf-8") == "Hei"
    assert file.resolve().is_relative_to(tmp_path.resolve())
    again = notice(tmp_path, messages=[message("310002100", text="Hei igjen")])
    assert not again["changed"]
    assert again["messages"] == []
    assert file.read_text(encoding="utf-8") == "Hei"
    assert [row["contact"] for row in again["unsent"]] == ["a@b.example"]


def test_who_is_known_gets_no_message(tmp_path: Path) -> None:
    notice(tmp_path, known=[{"scope": SCOPE, "organization_number": "310002100"}])
    result = notice(tmp_path, messages=[message("310002100"), message("310004774")])
    assert [row["organization_number"] for row in result["messages"]] == ["310004774"]
    assert result["counts"] == {"known": 1, "written": 1, "sent": 0}


def test_a_record_is_made_even_when_nobody_is_known_yet(tmp_path: Path) -> None:
    assert notice(tmp_path, known=[])["changed"]
    assert json.loads((tmp_path / "told.json").read_text(encoding="utf-8")) == {}
    assert not notice(tmp_path, known=[])["changed"]


def test_what_was_sent_is_no_longer_unsent(tmp_path: Path) -> None:
    notice(tmp_path, messages=[message("310002100")])
    sent = [{"scope": SCOPE, "organization_number": "310002100"}]
    assert notice(tmp_path, sent=sent)["unsent"] == []
    assert not notice(tmp_path, sent=sent)["changed"]
    never = notice(tmp_path, sent=[{"scope": SCOPE, "organization_number": "310004774"}])
    assert never["failed"]
    assert "no message to 310004774" in never["msg"]


def test_check_mode_writes_no_file(tmp_path: Path) -> None:
    result = notice(tmp_path / "new", check=True, known=[], messages=[message("310002100")])
    assert result["changed"]
    assert not (tmp_path / "new").exists()


def test_a_record_that_is_none_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text("not json", encoding="utf-8")
    result = notice(tmp_path, messages=[message("310002100")])
    assert result["failed"]
    assert "told.json" in result["msg"]
    assert (tmp_path / "told.json").read_text(encoding="utf-8") == "not json"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = notice(tmp_path / "file", messages=[message("310002100")])
    assert result["failed"]
    assert str(tmp_path / "file") in result["msg"]
