# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module write_files: all or none, and nothing that somebody has changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tilbyder.maskinporten.plugins.modules import write_files
from tests.module_runner import run_module


def write(path: Path, check: bool = False, overwrite: bool | None = None, **files: str) -> dict[str, Any]:
    listed = [{"name": name.replace("_", "."), "text": text} for name, text in files.items()]
    return run_module(
        "write_files", {"path": str(path), "files": listed, "overwrite": overwrite}, check=check
    )


def test_files_are_made_once(tmp_path):
    plan = write(tmp_path / "new", check=True, a_txt="ærlig\n")
    assert (plan["changed"], plan["summary"]) == (True, {"create": 1, "update": 0, "none": 0})
    assert not (tmp_path / "new").exists()
    made = write(tmp_path / "new", a_txt="ærlig\n", b_txt="")
    assert made["changed"]
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "ærlig\n"
    assert [entry["after"] for entry in made["diff"]] == ["ærlig\n", ""]
    again = write(tmp_path / "new", a_txt="ærlig\n", b_txt="")
    assert (again["changed"], again["diff"]) == (False, [])
    assert sorted(os.listdir(tmp_path / "new")) == ["a.txt", "b.txt"]


def test_one_file_that_differs_keeps_all_from_being_written(tmp_path):
    (tmp_path / "b.txt").write_text("mine")
    refused = write(tmp_path, a_txt="1", b_txt="2")
    assert refused["failed"]
    assert refused["differing"] == ["b.txt"]
    assert "overwrite: true" in refused["msg"]
    assert os.listdir(tmp_path) == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "mine"
    told = write(tmp_path, overwrite=True, a_txt="1", b_txt="2")
    assert [row["action"] for row in told["results"]] == ["create", "update"]
    assert (tmp_path / "b.txt").read_text() == "2"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/../../x", "", "a\x00b"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    result = run_module("write_files", {"path": str(tmp_path / "in"), "files": [{"name": name, "text": "x"}]})
    assert result["failed"]
    assert "is not a name of a file within the folder" in result["msg"]
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    result = write(tmp_path / "file", a_txt="1")
    assert result["failed"]
    assert str(tmp_path / "file") in result["msg"]
    assert "mode" in run_module("write_files", {"path": str(tmp_path), "files": [], "mode": "rw"})["msg"]


def test_a_file_that_appears_meanwhile_is_not_written_over(tmp_path, monkeypatch):
    link = os.link

    def late(source: str, target: Path) -> None:
        Path(target).write_text("somebody else's")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    result = write(tmp_path, a_txt="mine")
    assert result["failed"]
    assert "meanwhile" in result["msg"]
    assert (tmp_path / "a.txt").read_text() == "somebody else's"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_example_runs(tmp_path):
    (task,) = yaml.safe_load(write_files.EXAMPLES)
    options = task["tilbyder.maskinporten.write_files"]
    assert not run_module("write_files", {**options, "path": str(tmp_path / options["path"])})["failed"]
    assert len(os.listdir(tmp_path / "notices")) == 2
