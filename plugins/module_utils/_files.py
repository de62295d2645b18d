# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""A set of text files in one folder: compared, and written all or none; what somebody has changed is not written over.

Each file appears whole under its name or not at all, also when the run is killed or two runs write the same folder.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ._errors import GuardError, InputError
from ._reconcile import text_diff

_NAMED: Final = 10


def file_options() -> dict[str, dict[str, Any]]:
    """The options of the module ``write_files``."""
    return {
        "path": {"type": "path", "required": True},
        "files": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "text": {"type": "str", "required": True},
            },
        },
        "overwrite": {"type": "bool", "default": False},
        "mode": {"type": "str", "default": "0644"},
    }


def write_files(params: Mapping[str, Any], *, check_mode: bool, diff: bool = False) -> dict[str, Any]:
    """Bring the files about.

    :param diff: whether somebody wants to see the difference.
    :returns: ``changed``, ``path`` (the folder, absolute), ``results`` (a row per file: ``item``, ``action`` create, update or
        none, ``changed``), ``summary`` and ``diff``.
    :raises InputError: a name that leads out of the folder; a folder or file that cannot be read or written.
    :raises GuardError: a file holds something else already, and ``overwrite`` was not said; nothing is written then.
    """
    folder = Path(params["path"]).absolute()
    mode = _mode(params["mode"])
    wanted = _wanted(params["files"])
    live = {name: _read(folder / name) for name in wanted}
    actions = {
        name: "create" if live[name] is None else "none" if live[name] == data else "update"
        for name, data in wanted.items()
    }
    differing = [name for name, action in actions.items() if action == "update"]
    if differing and not params["overwrite"]:
        listed = ", ".join(differing[:_NAMED])
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        raise GuardError(
            f"{folder} holds other files of these names already: {listed}{more}. Nothing was written. Name another folder, or "
            "say overwrite: true.",
            differing=differing,
        )
    if not check_mode:
        for name, action in actions.items():
            if action != "none":
                _write(folder / name, wanted[name], mode, replace=action == "update")
    results = [
        {"item": name, "action": action, "changed": action != "none"} for name, action in actions.items()
    ]
    return {
        "changed": any(row["changed"] for row in results),
        "path": str(folder),
        "results": results,
        "summary": {
            action: sum(1 for row in results if row["action"] == action)
            for action in ("create", "update", "none")
        },
        "diff": [
            text_diff(str(folder / name), _shown(live[name]), _shown(wanted[name]))
            for name, action in actions.items()
            if action != "none" and diff
        ],
    }


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise InputError(f"mode: '{text}' is no mode; write it as in '0640'.")
    return mode


def _wanted(files: Sequence[Mapping[str, str]]) -> dict[str, bytes]:
    wanted: dict[str, bytes] = {}
    for entry in files:
        name = entry["name"]
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\x00" in name:
            raise InputError(f"files: '{name}' is not a name of a file within the folder.")
        if name in wanted:
            raise InputError(f"files: '{name}' stands there twice.")
        wanted[name] = entry["text"].encode("utf-8", "surrogateescape")
    return wanted


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from None


def _write(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    """:raises GuardError: somebody else has made the file meanwhile."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, mode)
            if replace:
                os.replace(temporary, path)
            else:
                _link(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except FileExistsError:
        raise GuardError(f"{path}: somebody else has made this file meanwhile; run again.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from None


def _link(temporary: str, path: Path) -> None:
    """Give a file its name; unlike a rename, a link never takes the place of something."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV):
            raise
        # A file system without hard links.
        if path.exists():
            raise FileExistsError(errno.EEXIST, "exists", str(path)) from None
        os.replace(temporary, path)


def _shown(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")
