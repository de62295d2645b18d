# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for every test: the sandbox, one process for the session, reset before each test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from hypothesis import settings

# The same examples in every run, however slow the machine; --hypothesis-profile=explore looks for new ones.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_PACKAGE = ROOT / "roles" / "sandbox" / "files"


class SandboxClient:
    """The sandbox as tests see it; ``http`` is a plain client for requests of their own."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.urls: dict[str, str] = info["urls"]
        self.work_dir = Path(info["work_dir"])
        self.http = httpx.Client(trust_env=False, timeout=30)

    # --- identities ------------------------------------------------------------------------------------------

    def credentials(self, identity: str, provider: str = "testetat") -> dict[str, str]:
        """What is known of a seeded client: client_id, organization_number and the paths of its files.

        ``identity`` is ``administration`` or ``altinn`` of a provider (testetat, fdir, skatteetaten), or ``client`` of
        ``consumer`` or ``supplier``.
        """
        return dict(self.info["credentials"][provider][identity])

    def options(self) -> dict[str, str]:
        """Module options that lead to this sandbox, without an identity."""
        return {
            "environment": "sandbox",
            "maskinporten_url": self.urls["maskinporten"],
            "self_service_url": self.urls["self_service"],
            "altinn_url": self.urls["altinn"],
            "organization_register_url": self.urls["register"],
        }

    def auth(self, identity: str, provider: str = "testetat") -> dict[str, str]:
        """Module options for a seeded client; see :meth:`credentials` for the names."""
        known = self.credentials(identity, provider)
        names = ("client_id", "private_key_path", "key_id", "certificate_chain_path")
        return {**self.options(), **{name: known[name] for name in names if name in known}}

    def token(self, identity: str, scope: str, provider: str = "testetat", **claims: Any) -> str:
        """An access token from the sandbox's Maskinporten, for requests made by a test itself."""
        from tests.sandbox_grants import request_token

        answer = request_token(self, self.credentials(identity, provider), scope=scope, **claims)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    # --- control ---------------------------------------------------------------------------------------------

    def control(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Call the control interface; raises ValueError with its text when it refuses."""
        answer = self.http.request(
            method,
            f"{self.urls['control']}{path}",
            json=body,
            params={name: value for name, value in (query or {}).items() if value is not None},
        )
        if answer.status_code != 200:
            raise ValueError(f"{method} /control{path}: {answer.status_code} {answer.text}")
        return answer.json()

    def reset(self) -> None:
        """Back to the seeded state, default switches, no faults, empty log."""
        self.control("POST", "/reset")

    def seed(self, seed: dict[str, Any]) -> dict[str, int]:
        """Merge a seed into the state; see the role's README for the sections."""
        taken: dict[str, int] = self.control("POST", "/seed", seed)["taken"]
        return taken

    def organizations(self, count: int, **request: Any) -> list[str]:
        """Make ``count`` synthetic organisations known; returns their numbers."""
        before = {entry["orgnr"] for entry in self.state()["organizations"]}
        self.seed({"generate_organizations": {"count": count, **request}})
        return [entry["orgnr"] for entry in self.state()["organizations"] if entry["orgnr"] not in before]

    def state(self) -> dict[str, Any]:
        """The whole state, as documented in the role's README."""
        state: dict[str, Any] = self.control("GET", "/state")
        return state

    def scope(self, name: str) -> dict[str, Any] | None:
        """A scope as the state holds it, or None."""
        return next((scope for scope in self.state()["scopes"] if scope["name"] == name), None)

    def access(self, scope: str) -> dict[str, str]:
        """Consumer number -> state of its access to a scope."""
        return {
            entry["consumer_orgno"]: entry["state"]
            for entry in self.state()["access"]
            if entry["scope"] == scope
        }

    def requests(
        self,
        service: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> list[dict[str, Any]]:
        """Logged requests, oldest first; ``path`` may hold ``*``."""
        found: list[dict[str, Any]] = self.control(
            "GET", "/requests", query={"service": service, "method": method, "path": path, "status": status}
        )["requests"]
        return found

    def writes(self) -> list[dict[str, Any]]:
        """All requests that could change something: not GET or HEAD, not to a token endpoint."""
        return [
            entry
            for entry in self.requests()
            if entry["method"] not in ("GET", "HEAD")
            and not (entry["service"] == "maskinporten" and entry["path"].endswith("/token"))
        ]

    def counts(self) -> dict[str, Any]:
        """Counters: total, token, read, write, by_service, by_method, routes."""
        counts: dict[str, Any] = self.control("GET", "/counters")
        return counts

    def clear_requests(self) -> None:
        """Empty the request log and the counters; everything else stays."""
        self.control("DELETE", "/requests")

    def fault(self, *, route: str, kind: str, times: int | None = 1, **members: Any) -> str:
        """Switch a fault on; returns its id. See the role's README for the kinds."""
        fault = self.control("POST", "/faults", {"route": route, "kind": kind, "times": times, **members})
        return str(fault["id"])

    def switch(self, **values: Any) -> None:
        """Set switches by name."""
        self.control("PUT", "/switches", values)

    def clock(self, **values: float | None) -> None:
        """Move the clock: ``offset``, ``fixed`` or ``advance``, in seconds."""
        self.control("PUT", "/clock", values)

    def latency(self, milliseconds: float) -> None:
        """Wait this long before every answer."""
        self.control("PUT", "/latency", {"milliseconds": milliseconds})

    def certificate(self, organization_number: str, **members: Any) -> dict[str, str]:
        """Have the test CA issue a certificate; returns private_key_path, certificate_chain_path, certificate."""
        issued: dict[str, str] = self.control(
            "POST", "/certificates", {"organization_number": organization_number, **members}
        )
        return issued


def start_sandbox(
    work_dir: Path, *arguments: str, errors: int | IO[str] = subprocess.PIPE
) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start a sandbox of one's own in the foreground; returns the process and what it printed.

    A sandbox that serves many requests needs a file for its ``errors``: nobody empties the pipe, and a full one
    stops the server.
    """
    environment = {**os.environ, "PYTHONPATH": str(SANDBOX_PACKAGE)}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sandbox",
            "start",
            "--with-parent",
            "--port",
            "0",
            "--work-dir",
            str(work_dir),
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    if not line:
        process.kill()
        told = process.stderr.read() if process.stderr else Path(getattr(errors, "name", "")).read_text()
        raise RuntimeError(f"the sandbox did not start: {told}")
    return process, json.loads(line)


def stop_sandbox(process: subprocess.Popen[str]) -> None:
    """Stop what :func:`start_sandbox` started."""
    process.terminate()
    try:
        process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def stop_detached(work_dir: Path) -> None:
    """Stop the detached sandbox of a work folder, if one runs there."""
    subprocess.run(
        [sys.executable, "-m", "sandbox", "stop", "--work-dir", str(work_dir)],
        env={**os.environ, "PYTHONPATH": str(SANDBOX_PACKAGE)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxClient]:
    """One sandbox process for all tests of the session."""
    work_dir = tmp_path_factory.mktemp("sandbox")
    with (work_dir.parent / f"{work_dir.name}.log").open("w+") as errors:
        process, info = start_sandbox(work_dir, errors=errors)
        client = SandboxClient(info)
        yield client
        client.http.close()
        stop_sandbox(process)
        errors.seek(0)
        told = errors.read()
    # A traceback there is a bug of the sandbox, also when the test that met it was content with a failure.
    assert "Traceback" not in told, told[-4000:]


@pytest.fixture
def sandbox(sandbox_server: SandboxClient) -> SandboxClient:
    """The sandbox as it is when freshly started."""
    sandbox_server.reset()
    return sandbox_server
