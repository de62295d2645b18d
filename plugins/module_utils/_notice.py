# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""The record of which consumers have been told, and the messages themselves, as files in one folder.

The record is ``told.json``: scope -> organisation number -> ``known`` (had access before anyone was told by this collection),
``written`` or ``sent``. A message is written before it is recorded, and recorded as sent only after it was, so a run that is
killed tells somebody twice at worst, never not at all.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ._errors import CollectionError, InputError

KNOWN: Final = "known"
WRITTEN: Final = "written"
SENT: Final = "sent"
RECORD: Final = "told.json"
_UNSAFE: Final = re.compile(r"[^a-z0-9æøå._-]+", re.IGNORECASE)


def notice_options() -> dict[str, dict[str, Any]]:
    """The options of the module ``consumer_notice``."""
    consumer = {
        "scope": {"type": "str", "required": True},
        "organization_number": {"type": "str", "required": True},
    }
    text = {"type": "str"}
    return {
        "path": {"type": "path", "required": True},
        "known": {"type": "list", "elements": "dict", "options": dict(consumer)},
        "messages": {
            "type": "list",
            "elements": "dict",
            "options": {
                **consumer,
                "name": text,
                "contact": text,
                "subject": {"type": "str", "required": True},
                "text": {"type": "str", "required": True},
            },
        },
        "sent": {"type": "list", "elements": "dict", "options": dict(consumer)},
    }


def manage(params: Mapping[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Record who is known, write the messages of those who are not, and record who was told.

    :returns: ``changed``, ``started`` (whether there was no record before), ``messages`` (a row per message of this call:
        ``scope``, ``organization_number``, ``name``, ``contact``, ``subject``, ``file``, ``state``), ``unsent`` (rows of messages
        that nobody sent yet), and ``counts``.
    :raises InputError: a record that is no record. :raises CollectionError: the folder cannot be written to.
    """
    folder = Path(params["path"])
    record = read_record(folder)
    started = record is None
    told: dict[str, dict[str, Any]] = {scope: dict(rows) for scope, rows in (record or {}).items()}
    before = json.dumps(told, sort_keys=True)
    for row in params.get("known") or ():
        told.setdefault(row["scope"], {}).setdefault(row["organization_number"], {"state": KNOWN})
    rows = []
    for message in params.get("messages") or ():
        entry = told.setdefault(message["scope"], {}).get(message["organization_number"])
        if entry is None:
            entry = {
                "state": WRITTEN,
                "file": message_file(message["scope"], message["organization_number"]),
                "name": message.get("name"),
                "contact": message.get("contact"),
                "subject": message["subject"],
            }
            if not check_mode:
                _write(folder / entry["file"], message["text"])
            told[message["scope"]][message["organization_number"]] = entry
            rows.append(_row(message["scope"], message["organization_number"], entry))
    for row in params.get("sent") or ():
        entry = told.get(row["scope"], {}).get(row["organization_number"])
        if entry is None or entry["state"] == KNOWN:
            raise InputError(
                f"sent: no message to {row['organization_number']} about {row['scope']} was ever written."
            )
        entry["state"] = SENT
    changed = json.dumps(told, sort_keys=True) != before or (started and params.get("known") is not None)
    if changed and not check_mode:
        _write(folder / RECORD, json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    every = [
        _row(scope, number, entry)
        for scope, entries in sorted(told.items())
        for number, entry in sorted(entries.items())
    ]
    return {
        "changed": changed,
        "started": started,
        "messages": rows,
        "unsent": [row for row in every if row["state"] == WRITTEN],
        "counts": {
            state: sum(1 for row in every if row["state"] == state) for state in (KNOWN, WRITTEN, SENT)
        },
    }


def read_record(folder: Path) -> dict[str, dict[str, Any]] | None:
    """The record in a folder, or None when there is none yet.

    :raises InputError: the file is there but is no record; it is never written over.
    """
    file = folder / RECORD
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as the record of who was told ({error}).") from None
    if not isinstance(record, dict) or not all(isinstance(rows, dict) for rows in record.values()):
        raise InputError(f"{file}: is not the record of who was told; move it away or choose another folder.")
    return record


def message_file(scope: str, number: str) -> str:
    """Where a message lies below the folder; scope names hold ``:`` and ``/``."""
    return f"messages/{_UNSAFE.sub('_', scope)}/{number}.txt"


def _row(scope: str, number: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"scope": scope, "organization_number": number, **entry}


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except OSError as error:
        raise CollectionError(f"{file}: cannot be written: {error.strerror or error}.") from None
