# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface: seed, look at, reset, keep and disturb the sandbox.

==================================  ===================================================================================
``GET /control``                    this list
``GET /control/info``               what the start printed
``GET /control/state``              the whole state
``PUT /control/state``              put another state in its place
``POST /control/seed``              merge into the state; with ``?report_change`` the answer says if it changed
``POST /control/reset``             back to how the sandbox started
``POST /control/keep``              make the present state the one reset goes back to
``POST /control/snapshot``          write the state to ``{"path": ...}`` in the work folder (or a path given at start)
``POST /control/restore``           read it again
``GET /control/requests``           request log; filters ``service method path status after``
``DELETE /control/requests``        empty the log and the counters
``GET /control/counters``           counters
``GET POST DELETE /control/faults``  faults; ``DELETE /control/faults/{id}`` takes one away
``GET PUT /control/switches``       switches
``GET PUT /control/clock``          ``{"offset": seconds}``, ``{"fixed": epoch seconds or null}``, ``{"advance": seconds}``
``GET PUT /control/latency``        ``{"milliseconds": n}``
``POST /control/certificates``      issue an enterprise certificate; see :func:`issue_certificate`
``POST /control/stop``              stop the sandbox
==================================  ===================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .answers import JSON
from .core import Sandbox
from .faults import KINDS
from .keys import CertificateAuthority, write_private
from .seed import Seeder

Operation = Callable[[Sandbox, Request], Awaitable[Any]]


class ControlError(ValueError):
    """A control request that cannot be carried out; answered as 400 with the text."""


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body is a JSON object")
    return body


async def describe(box: Sandbox, _request: Request) -> Any:
    """The operations, the kinds of faults and the switches."""
    return {
        "operations": [line.strip() for line in (__doc__ or "").splitlines() if line.startswith("``")],
        "faults": KINDS,
        "switches": box.switches.describe(),
    }


async def get_info(box: Sandbox, _request: Request) -> Any:
    return box.info()


async def get_state(box: Sandbox, _request: Request) -> Any:
    return box.state.to_json()


async def put_state(box: Sandbox, request: Request) -> Any:
    return {"taken": Seeder(box).replace(await _body(request))}


async def post_seed(box: Sandbox, request: Request) -> Any:
    seed = await _body(request)
    if "report_change" not in request.query_params:
        return {"taken": Seeder(box).merge(seed)}
    before = box.state.to_json()
    taken = Seeder(box).merge(seed)
    return {"taken": taken, "changed": box.state.to_json() != before}


async def post_reset(box: Sandbox, _request: Request) -> Any:
    box.reset()
    return {}


async def post_keep(box: Sandbox, _request: Request) -> Any:
    box.keep_state()
    return {}


def snapshot_text(box: Sandbox) -> str:
    """A snapshot: the state and the base URL that stands in it."""
    return json.dumps({"base_url": box.base_url, "state": box.state.to_json()}, ensure_ascii=False, indent=1)


def load_snapshot(box: Sandbox, path: Path) -> dict[str, int]:
    """Read a snapshot, or a plain state file, in place of the present state.

    A snapshot's addresses are changed to this sandbox's own. Raises ControlError.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        if isinstance(content, dict) and "state" in content:
            if isinstance(content.get("base_url"), str):
                content = json.loads(text.replace(content["base_url"] + "/", box.base_url + "/"))
            return Seeder(box).replace(content["state"])
        return Seeder(box).merge(content)
    except OSError as error:
        raise ControlError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ControlError(f"{path} is not a snapshot or state file: {error}") from error


async def _path(box: Sandbox, request: Request) -> Path:
    name = (await _body(request)).get("path", "snapshot.json")
    if not isinstance(name, str) or not name:
        raise ControlError("path is a file name")
    path = (box.work_dir / name).resolve()
    if path.is_relative_to(box.work_dir.resolve()) or path in (file.resolve() for file in box.files):
        return path
    raise ControlError(f"{name} is neither in the work folder nor the state file given at start")


async def post_snapshot(box: Sandbox, request: Request) -> Any:
    path = await _path(box, request)
    write_private(path, snapshot_text(box).encode())
    return {"path": str(path)}


async def post_restore(box: Sandbox, request: Request) -> Any:
    return {"taken": load_snapshot(box, await _path(box, request))}


async def get_requests(box: Sandbox, request: Request) -> Any:
    query = request.query_params
    try:
        status = int(query["status"]) if "status" in query else None
        after = int(query.get("after", 0))
    except ValueError as error:
        raise ControlError("status and after are numbers") from error
    found = box.log.find(query.get("service"), query.get("method"), query.get("path"), status, after)
    return {"requests": found}


async def delete_requests(box: Sandbox, _request: Request) -> Any:
    box.log.clear()
    return {}


async def get_counters(box: Sandbox, _request: Request) -> Any:
    return box.log.counts()


async def get_faults(box: Sandbox, _request: Request) -> Any:
    return {"faults": box.faults.to_json(), "kinds": KINDS}


async def post_fault(box: Sandbox, request: Request) -> Any:
    return box.faults.add(await _body(request)).to_json()


async def delete_faults(box: Sandbox, request: Request) -> Any:
    identifier = request.path_params.get("identifier")
    if identifier is None:
        box.faults.clear()
    elif not box.faults.remove(identifier):
        raise ControlError(f"there is no fault {identifier}")
    return {}


async def get_switches(box: Sandbox, _request: Request) -> Any:
    return box.switches.describe()


async def put_switches(box: Sandbox, request: Request) -> Any:
    before = box.switches.values()
    box.switches.set(await _body(request))
    after = box.switches.values()
    return {"changed": before != after, "values": after}


async def get_clock(box: Sandbox, _request: Request) -> Any:
    return {"now": box.timestamp(3), "epoch": box.now(), "offset": box.clock.offset, "fixed": box.clock.fixed}


async def put_clock(box: Sandbox, request: Request) -> Any:
    body = await _body(request)
    unknown = set(body) - {"offset", "fixed", "advance"}
    if unknown:
        raise ControlError(f"a clock has offset, fixed and advance, not {sorted(unknown)[0]}")
    for name, value in body.items():
        if isinstance(value, bool) or (
            not isinstance(value, (int, float)) and not (name == "fixed" and value is None)
        ):
            raise ControlError(f"{name} is a number of seconds")
    if "offset" in body:
        box.clock.offset = float(body["offset"])
    if "fixed" in body:
        box.clock.fixed = None if body["fixed"] is None else float(body["fixed"])
    if "advance" in body:
        box.clock.offset += float(body["advance"])
    return await get_clock(box, request)


async def get_latency(box: Sandbox, _request: Request) -> Any:
    return {"milliseconds": box.latency_ms}


async def put_latency(box: Sandbox, request: Request) -> Any:
    value = (await _body(request)).get("milliseconds")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ControlError("milliseconds is a number of milliseconds, 0 or more")
    changed = box.latency_ms != float(value)
    box.latency_ms = float(value)
    return {"changed": changed, "milliseconds": box.latency_ms}


async def issue_certificate(box: Sandbox, request: Request) -> Any:
    """Issue an enterprise certificate with a key of its own; answers with the paths of key and chain.

    Body: ``organization_number`` (required), ``name``, ``number_in`` (``organizationIdentifier`` or ``serialNumber``),
    ``trusted`` (false: another CA signs it), ``expired`` (true: its time is over), ``private_key_path`` (a seeded key).
    """
    body = await _body(request)
    number = body.get("organization_number")
    if not isinstance(number, str) or not number:
        raise ControlError("organization_number is required")
    if body.get("number_in", "organizationIdentifier") not in ("organizationIdentifier", "serialNumber"):
        raise ControlError("number_in is organizationIdentifier or serialNumber")
    authority = box.pki.authority if body.get("trusted", True) else CertificateAuthority("Unknown CA")
    key: rsa.RSAPrivateKey = box.pki.key("issued certificates")
    chain = authority.issue(
        key.public_key(),
        number,
        body.get("name") or box.state.organization_name(number) or f"ORGANISASJON {number}",
        number_in=body.get("number_in", "organizationIdentifier"),
        valid_days=30,
        valid_from=datetime.now(UTC) - timedelta(days=60) if body.get("expired") else None,
    )
    name = f"certificate-{box.new_id()}"
    paths = box.pki.write_key("issued", name, key, name)
    return {
        "private_key_path": paths["pem"],
        "certificate_chain_path": box.pki.write_chain("issued", name, chain),
        "certificate": chain[0].public_bytes(serialization.Encoding.PEM).decode(),
    }


def routes(box: Sandbox, stop: Callable[[], None]) -> list[BaseRoute]:
    """All routes of the control interface."""

    async def post_stop(_box: Sandbox, _request: Request) -> Any:
        stop()
        return {"stopping": True}

    operations: dict[str, dict[str, Operation]] = {
        "/": {"GET": describe},
        "/info": {"GET": get_info},
        "/state": {"GET": get_state, "PUT": put_state},
        "/seed": {"POST": post_seed},
        "/reset": {"POST": post_reset},
        "/keep": {"POST": post_keep},
        "/snapshot": {"POST": post_snapshot},
        "/restore": {"POST": post_restore},
        "/requests": {"GET": get_requests, "DELETE": delete_requests},
        "/counters": {"GET": get_counters},
        "/faults": {"GET": get_faults, "POST": post_fault, "DELETE": delete_faults},
        "/faults/{identifier}": {"DELETE": delete_faults},
        "/switches": {"GET": get_switches, "PUT": put_switches},
        "/clock": {"GET": get_clock, "PUT": put_clock},
        "/latency": {"GET": get_latency, "PUT": put_latency},
        "/certificates": {"POST": issue_certificate},
        "/stop": {"POST": post_stop},
    }

    def endpoint(methods: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return JSON(
                    await methods["GET" if request.method == "HEAD" else request.method](box, request)
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return JSON({"error": str(error) or type(error).__name__}, 400)

        return answer

    return [Route(path, endpoint(methods), methods=list(methods)) for path, methods in operations.items()]
