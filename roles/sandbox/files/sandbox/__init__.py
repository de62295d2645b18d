# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local stand-in for Maskinporten, its self-service API, Altinn and the register of organisations.

Run it with ``python -m sandbox start``; see the README of the role ``tilbyder.maskinporten.sandbox``.
"""

from __future__ import annotations

__version__ = "1.0.0"
