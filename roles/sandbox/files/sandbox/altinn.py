# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Altinn side of the sandbox: all routes below ``/altinn`` and ``/altinn-cdn``, and what a fresh Altinn holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from . import (
    altinn_access_lists,
    altinn_delegations,
    altinn_pdp,
    altinn_policies,
    altinn_resources,
    altinn_tokens,
)
from .altinn_http import empty

if TYPE_CHECKING:
    from .core import Sandbox, State


async def _gone(request: Request) -> Response:
    """Altinn 2 and its delegation schemes were switched off in June 2026."""
    return empty(404)


def routes(box: Sandbox) -> list[BaseRoute]:
    """Everything Altinn's platform answers, relative to its base URL."""
    return [
        *altinn_tokens.routes(box),
        *altinn_policies.routes(box),
        *altinn_resources.routes(box),
        *altinn_access_lists.routes(box),
        *altinn_delegations.routes(box),
        *altinn_pdp.routes(box),
        Route("/maskinporten-api/{rest:path}", _gone, methods=["GET", "POST", "PUT", "DELETE"]),
    ]


def cdn_routes(box: Sandbox) -> list[BaseRoute]:
    """The org list as Altinn publishes it, relative to the content network's base URL."""
    return altinn_resources.cdn_routes(box)


def seed(state: State) -> None:
    """The org list of a fresh sandbox: organisations bring their own codes, the test department has no number."""
    state.altinn.orgs["ttd"] = {
        "name": {"en": "Test Department", "nb": "Testdepartementet", "nn": "Testdepartementet"},
        "logo": "",
        "orgnr": "",
        "homepage": "https://www.digdir.no",
        "environments": ["at22", "at23", "at24", "tt02", "yt01"],
    }
