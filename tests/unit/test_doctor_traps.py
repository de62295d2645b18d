# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor says of traps, commands and lines, without asking anyone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._doctor_findings import Findings, report
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._doctor_letters import ask_to_delegate
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._doctor_traps import TRAPS

ROOT = Path(__file__).resolve().parents[2]


def test_the_guide_lists_every_trap() -> None:
    guide = (ROOT / "docs/docsite/rst/guide_doctor.rst").read_text()
    rows = re.findall(r"\* - ``(\w+)``\n     - (.*)\n     - (.*)\n", guide)
    assert [name for name, _why, _what in rows] == list(TRAPS)
    for name, why, what in rows:
        trap = TRAPS[name]
        assert why.lower() == f"{trap.symptom}: {trap.cause}.".lower()
        assert what.lower() == f"{trap.way_out}.".lower()


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_told_in_sentences_without_full_stop(name: str) -> None:
    for text in TRAPS[name]:
        assert text
        assert not text.endswith(".")


def test_every_playbook_that_the_doctor_names_is_there() -> None:
    sources = "".join(
        (ROOT / f"plugins/module_utils/{name}.py").read_text()
        for name in ("_doctor", "_doctor_chain", "_known_causes", "_doctor_traps")
    )
    named = set(re.findall(r"""_command\(\s*"(\w+)""", sources)) | set(
        re.findall(r"\bplaybook (\w+)\b", sources)
    )
    named |= {name for pair in re.findall(r"\bplaybooks (\w+) and (\w+)", sources) for name in pair}
    named -= {"s"}
    assert {"grant", "onboard", "policy_migrate", "rotate", "keys"} <= named
    missing = sorted(name for name in named if not (ROOT / f"playbooks/{name}.yml").is_file())
    assert missing == []


def test_a_finding_is_cleared_of_secrets_and_of_what_moves_a_terminal() -> None:
    findings = Findings()
    findings.add("x", "X", "broken", "a\x1b[2Jb\r\nc Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln")
    (finding,) = findings.all
    assert finding.message == "a [2Jb  c Bearer [token removed]"


def test_a_report_puts_the_first_broken_link_first_and_keeps_its_width() -> None:
    findings = Findings()
    findings.add("one", "One", "ok", "fine")
    findings.add("two", "Two", "broken", "word " * 60, "do this", "ansible-playbook x")
    findings.add("three", "Three", "broken", "also", "do that", "ansible-playbook y")
    lines = report("Subject", findings, [], {}).splitlines()
    assert lines[0] == "Subject"
    assert lines[2] == "First broken link: two"
    assert "ansible-playbook x" in "\n".join(lines[:8])
    assert "\n".join(lines).count("ansible-playbook x") == 1
    assert "\n".join(lines).count("ansible-playbook y") == 1
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("production", [True, False])
def test_the_letter_names_the_altinn_of_the_environment(production: bool) -> None:
    letters = ask_to_delegate(scope="a:b", consumer=None, supplier="310004774 X", production=production)
    for letter in letters.values():
        assert ("tt02" in letter) is not production
        assert "{" not in letter
