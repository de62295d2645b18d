# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/provider-apis.schema.json, the JSON Schema of declarations, from the modules' argument specs."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.tilbyder.maskinporten.plugins.plugin_utils._declaration import json_schema

TARGET = Path(__file__).resolve().parent.parent / "docs" / "provider-apis.schema.json"


def main() -> None:
    """Write the file."""
    TARGET.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
