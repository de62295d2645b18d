# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens around every request: the log, latency, faults, and the headers that mark the answers as simulated."""

from __future__ import annotations

import asyncio
import base64
import json
import posixpath
import socket
import struct
import time
from email.utils import formatdate
from urllib.parse import unquote_plus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import self_service_error
from .core import Sandbox
from .faults import Fault

SERVICES = {
    "maskinporten": "maskinporten",
    "self-service": "self_service",
    "altinn": "altinn",
    "altinn-cdn": "altinn_cdn",
    "register": "register",
    "control": "control",
}
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_GATEWAY_PAGE = (
    "<!DOCTYPE html><html><head><title>{status} {title}</title></head>"
    "<body><center><h1>{status} {title}</h1></center><hr><center>gateway</center></body></html>"
)


class Middleware:
    """Outermost ASGI application of the sandbox."""

    def __init__(self, app: ASGIApp, box: Sandbox) -> None:
        self._app = app
        self._box = box

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._box, scope, send)
        try:
            await exchange.run(self._app, receive)
        except ClientDisconnect:
            # A client that was killed in the middle of its request; nothing of it took effect, and nobody waits for an answer.
            pass
        finally:
            exchange.close()


class Exchange:
    """One request and its answer."""

    def __init__(self, box: Sandbox, scope: Scope, send: Send) -> None:
        self._box = box
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._status = 0
        self._body_bytes = 0
        self._method: str = scope["method"]
        self._path: str = scope["path"]
        self._query = scope["query_string"].decode("latin-1")
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._service = SERVICES.get(self._path.split("/", 2)[1] if "/" in self._path else "", "unknown")
        self._details = scope.setdefault("sandbox", {})
        self._details["correlation_id"] = box.new_trace_id()
        client_id = _client_of(self._headers.get("authorization", ""))
        if client_id:
            self._details["client_id"] = client_id
        self._faults: list[Fault] = []
        self._number = box.log.number()
        self._closed = False
        self._log_generation = box.log.generation

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        """Handle the request, with whatever fault it is due."""
        host = self._headers.get("host", "").rsplit(":", 1)[0] or "127.0.0.1"
        if host not in _LOOPBACK_HOSTS:
            await self._answer(421, b"The sandbox answers on loopback addresses only.\n", "text/plain")
            return
        if self._service == "control":
            await app(self._scope, receive, self._send_marked)
            return
        if "/." in self._path or "//" in self._path:
            # As gateways do: "scopes/access/.." means "scopes", whoever put the dots there.
            self._scope["path"] = posixpath.normpath(self._path)
        decoded = unquote_plus(f"{self._path}?{self._query}" if self._query else self._path)
        authorization = self._headers.get("authorization", "")
        self._faults = self._box.faults.take(self._method, self._path, self._query, decoded, authorization)
        delay = self._box.latency_ms / 1000 + sum(
            fault.seconds for fault in self._faults if fault.kind == "latency"
        )
        if delay > 0:
            generation = self._box.generation
            await asyncio.sleep(delay)
            if generation != self._box.generation:
                await self._break()
                return
        for fault in self._faults:
            if fault.kind == "reset":
                if fault.handled:
                    await self._handle_unseen(app, receive)
                await self._break()
                return
            if fault.kind in ("status", "too_many_requests", "html", "expired_token"):
                await self._answer_fault(fault)
                return
        bodily = [fault for fault in self._faults if fault.kind in ("truncated", "slow_body")]
        if bodily:
            await self._run_with_bad_body(app, receive, bodily[0])
            return
        await app(self._scope, receive, self._send_marked)

    def close(self) -> None:
        """Write the request to the log, once."""
        if self._closed or self._service == "control" or self._log_generation != self._box.log.generation:
            return
        self._closed = True
        self._box.log.add(
            {
                "number": self._number,
                "time": self._box.timestamp(3),
                "service": self._service,
                "method": self._method,
                "path": self._path,
                "query": self._query,
                "status": self._status,
                "milliseconds": round((time.perf_counter() - self._started) * 1000, 3),
                "body_bytes": self._body_bytes,
                "client_id": self._details.get("client_id"),
                "correlation_id": self._details["correlation_id"],
                "request_id": self._headers.get("x-request-id") or self._headers.get("x-correlation-id"),
                "user_agent": self._headers.get("user-agent"),
                "error": self._details.get("error"),
                "fault": [fault.kind for fault in self._faults] or None,
            }
        )

    # --- answers ---------------------------------------------------------------------------------------------

    async def _send_marked(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": [*message.get("headers", []), *self._marks()]}
        elif message["type"] == "http.response.body":
            self._body_bytes += len(message.get("body", b""))
        await self._send(message)

    def _marks(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-simulator", b"1"),
            (b"x-simulator-request", str(self._number).encode()),
            (b"date", formatdate(self._box.now(), usegmt=True).encode()),
        ]

    async def _answer(
        self, status: int, body: bytes, content_type: str, *headers: tuple[bytes, bytes]
    ) -> None:
        start = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            *headers,
        ]
        await self._send_marked({"type": "http.response.start", "status": status, "headers": start})
        await self._send_marked({"type": "http.response.body", "body": body})

    async def _answer_fault(self, fault: Fault) -> None:
        if fault.kind == "expired_token":
            if self._service == "self_service":
                body = json.dumps(
                    self_service_error(self._box, self._details["correlation_id"], 401, "Unauthorized")
                )
                await self._answer(401, body.encode(), "application/json")
            else:
                challenge = (
                    b"www-authenticate",
                    b'Bearer error="invalid_token", error_description="The token expired"',
                )
                await self._answer(401, b"", "text/plain", challenge)
            return
        if fault.kind == "html":
            status = fault.status or 502
            page = fault.body or _GATEWAY_PAGE.format(
                status=status, title="Bad Gateway" if status == 502 else "Error"
            )
            await self._answer(status, page.encode(), "text/html; charset=utf-8")
            return
        status = fault.status or (429 if fault.kind == "too_many_requests" else 503)
        retry_after = fault.retry_after if fault.retry_after is not None else ("1" if status == 429 else None)
        headers = [] if retry_after is None else [(b"retry-after", retry_after.encode())]
        body_text = fault.body or ""
        kind = "application/json" if body_text.startswith(("{", "[")) else "text/plain; charset=utf-8"
        await self._answer(status, body_text.encode(), kind, *headers)

    async def _handle_unseen(self, app: ASGIApp, receive: Receive) -> None:
        async def nowhere(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]

        await app(self._scope, receive, nowhere)

    async def _run_with_bad_body(self, app: ASGIApp, receive: Receive, fault: Fault) -> None:
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await app(self._scope, receive, keep)
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send_marked(
            {"type": "http.response.start", "status": start["status"], "headers": headers}
        )
        if fault.kind == "truncated":
            half = bytes(body[: len(body) // 2])
            await self._send_marked({"type": "http.response.body", "body": half, "more_body": True})
            await self._break(abruptly=False)
            return
        pieces = 10
        size = max(1, -(-len(body) // pieces))
        for begin in range(0, max(len(body), 1), size):
            await asyncio.sleep(fault.seconds / pieces)
            piece = bytes(body[begin : begin + size])
            await self._send_marked({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send_marked({"type": "http.response.body", "body": b""})

    async def _break(self, *, abruptly: bool = True) -> None:
        """Cut the connection: with a TCP reset, or after what was already sent."""
        # uvicorn hands out a bound method of the request's cycle; the cycle knows the connection.
        cycle = getattr(self._send, "__self__", None)
        transport = getattr(cycle, "transport", None)
        if transport is None:
            raise RuntimeError(
                "the server gives no access to the connection, so the fault cannot be produced"
            )
        # Before the client can notice and ask again, so that the log keeps the order of events.
        self.close()
        if transport.is_closing():
            return
        if abruptly:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        for _turn in range(100):
            if getattr(cycle, "disconnected", True):
                return
            await asyncio.sleep(0.001)


def _client_of(authorization: str) -> str | None:
    """The client id a bearer token names, unverified; for the log only."""
    scheme, _unused, token = authorization.partition(" ")
    parts = token.split(".")
    if scheme.lower() != "bearer" or len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    client_id = claims.get("client_id") if isinstance(claims, dict) else None
    return client_id if isinstance(client_id, str) else None
