# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application and the process that serves it on loopback."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from . import altinn, control, maskinporten, register, self_service
from .core import Sandbox
from .middleware import Middleware


class NotLoopback(ValueError):
    """The sandbox was asked to listen on an address other machines can reach."""


def check_loopback(host: str) -> str:
    """Return the address when it is a loopback address. Raises NotLoopback."""
    address = {"localhost": "127.0.0.1"}.get(host, host)
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(f"the sandbox listens on loopback only (127.0.0.1), not on {host}")
    return address


def bind(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket on a loopback address; port 0 takes a free one. Raises NotLoopback, OSError."""
    address = check_loopback(host)
    # The protocol is named so that asyncio sets TCP_NODELAY on each connection; without it answers wait 40 ms.
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def build(box: Sandbox, stop: Callable[[], None]) -> ASGIApp:
    """The ASGI application of one sandbox."""
    routes: list[BaseRoute] = [
        # A trailing slash is another path in Maskinporten and self-service, never redirected.
        Mount("/maskinporten", Router(maskinporten.routes(box), redirect_slashes=False)),
        Mount("/self-service", Router(self_service.routes(box), redirect_slashes=False)),
        Mount("/register", Router(register.routes(box), redirect_slashes=False)),
        Mount("/control", routes=control.routes(box, stop)),
        Mount("/altinn", routes=altinn.routes(box)),
        Mount("/altinn-cdn", routes=altinn.cdn_routes(box)),
    ]

    async def not_found(_request: Request, _error: Exception) -> Response:
        return Response(status_code=404)

    application = Starlette(routes=routes, exception_handlers={404: not_found})
    return Middleware(application, box)


def serve(box: Sandbox, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until told to stop; calls ``ready`` once requests are answered."""
    server: Server

    def stop() -> None:
        server.should_exit = True

    config = uvicorn.Config(
        build(box, stop),
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        loop="asyncio",
        ws="none",
    )
    server = Server(config, ready)
    server.run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
