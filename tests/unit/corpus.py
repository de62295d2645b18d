# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus of consumer files under their own names.

Files that are no text of this project (other encodings, byte order marks, CRLF) are stored with ``.bin`` behind their name, so
that no tool mends what is meant to be broken.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

STORED = Path(__file__).parent / "data" / "consumers"


@functools.cache
def corpus() -> Path:
    """A folder with every file of the corpus; it lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="consumers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in STORED.iterdir():
        shutil.copy(file, folder / file.name.removesuffix(".bin"))
    return folder
