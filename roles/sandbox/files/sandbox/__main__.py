# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m sandbox start|stop|status``: run the sandbox from a command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

DEFAULT_PORT = 8765
REQUIRED_PACKAGES = ("starlette", "uvicorn", "python_multipart", "jwt", "cryptography")
PID_FILE = "sandbox.pid"
INFO_FILE = "sandbox.json"
LOG_FILE = "sandbox.log"
START_SECONDS = 60.0


class Problem(Exception):
    """Something the caller can put right; the text is one sentence."""


def default_work_dir() -> Path:
    """Where the sandbox keeps its files unless told otherwise: a folder of the user's own in the temporary folder."""
    return Path(tempfile.gettempdir()) / f"maskinporten-sandbox-{os.getuid()}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A local stand-in for Maskinporten, its self-service API, Altinn and the register of organisations.",
    )
    commands = top.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start the sandbox and print one line of JSON when it is ready")
    start.add_argument(
        "--host", default="127.0.0.1", help="loopback address to listen on (default 127.0.0.1)"
    )
    start.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"port to listen on (default {DEFAULT_PORT}); 0 takes a free one",
    )
    start.add_argument("--latency-ms", type=float, default=0.0, help="wait this long before every answer")
    start.add_argument("--state", type=Path, help="JSON file to seed from: a state, a seed or a snapshot")
    start.add_argument(
        "--detach", action="store_true", help="run in the background; an already running one is kept"
    )
    start.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a switch; may be given several times",
    )
    start.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started it ends"
    )
    stop = commands.add_parser("stop", help="stop the sandbox of a work folder")
    status = commands.add_parser(
        "status", help="print the line of the running sandbox; exit 3 when none runs"
    )
    for command in (start, stop, status):
        command.add_argument(
            "--work-dir",
            type=Path,
            help=f"folder for credentials and snapshots (default {default_work_dir()})",
        )
    return top


def prepare_work_dir(path: Path | None) -> Path:
    """Make the work folder, readable by its owner alone. Raises Problem when it belongs to somebody else."""
    folder = (path or default_work_dir()).absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        details = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or details.st_uid != os.getuid():
            raise Problem(f"{folder} is not a folder of your own; give another one with --work-dir")
        folder.chmod(0o700)
    except OSError as error:
        raise Problem(f"cannot use {folder} as work folder: {error.strerror}") from error
    return folder


def running(folder: Path) -> dict[str, Any] | None:
    """What the sandbox of this work folder printed when it started, if it still runs."""
    try:
        pid = int((folder / PID_FILE).read_text())
        info: dict[str, Any] = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return info if info.get("pid") == pid and _is_sandbox(pid, info) else None


def _is_sandbox(pid: int, info: dict[str, Any]) -> bool:
    """True when the process lives and answers as this sandbox (the number may have gone to another process)."""
    import urllib.error
    import urllib.request

    try:
        os.kill(pid, 0)
    except OSError:
        return False
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{info['control']}/info", timeout=5) as answer:
            return bool(json.load(answer).get("pid") == pid)
    except (OSError, ValueError, KeyError):
        return False


def start(arguments: argparse.Namespace) -> int:
    """Start in this process, or with ``--detach`` in one of its own."""
    folder = prepare_work_dir(arguments.work_dir)
    already = running(folder)
    if already is not None:
        if not arguments.detach:
            raise Problem(f"a sandbox runs in {folder} already (process {already['pid']}); stop it first")
        print(json.dumps(already, ensure_ascii=False))
        return 0
    if arguments.detach:
        return _start_detached(arguments, folder)
    return _start_here(arguments, folder)


def _start_detached(arguments: argparse.Namespace, folder: Path) -> int:
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "start",
        "--host",
        arguments.host,
        "--port",
        str(arguments.port),
    ]
    command += ["--latency-ms", str(arguments.latency_ms), "--work-dir", str(folder)]
    if arguments.state:
        command += ["--state", str(arguments.state.absolute())]
    for switch in arguments.switch:
        command += ["--switch", switch]
    environment = dict(os.environ)
    package = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, environment.get("PYTHONPATH")]))
    for name in (PID_FILE, INFO_FILE):
        (folder / name).unlink(missing_ok=True)
    descriptor = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        info = running(folder)
        if info is not None:
            print(json.dumps(info, ensure_ascii=False))
            return 0
        if process.poll() is not None:
            # Its last line is the sentence that says what is wrong.
            lines = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise Problem(
                lines[-1].removeprefix("sandbox: ") if lines else "the sandbox ended while it was starting"
            )
        time.sleep(0.05)
    process.terminate()
    raise Problem(f"the sandbox did not start within {START_SECONDS:.0f} seconds; see {folder / LOG_FILE}")


def _start_here(arguments: argparse.Namespace, folder: Path) -> int:
    try:
        from . import server
        from .core import Sandbox
        from .seeds import seed_fresh
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in REQUIRED_PACKAGES:
            raise
        raise Problem(
            f"the sandbox needs the Python package {package}: "
            f"install starlette, uvicorn, python-multipart, pyjwt and cryptography for {sys.executable}"
        ) from error
    switches = {}
    for text in arguments.switch:
        name, separator, value = text.partition("=")
        if not separator:
            raise Problem(f"--switch takes name=value, not {text!r}")
        switches[name] = value
    if arguments.latency_ms < 0:
        raise Problem("--latency-ms is a number of milliseconds, 0 or more")
    try:
        listener = server.bind(arguments.host, arguments.port)
    except OSError as error:
        raise Problem(f"cannot listen on {arguments.host} port {arguments.port}: {error.strerror}") from error
    except (server.NotLoopback, OverflowError) as error:
        raise Problem(str(error)) from error
    with listener:
        host, port = listener.getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        try:
            box = Sandbox(
                work_dir=folder,
                base_url=f"http://{address}:{port}",
                switches=switches,
                latency_ms=arguments.latency_ms,
                files=(arguments.state.absolute(),) if arguments.state else (),
            )
        except ValueError as error:
            raise Problem(str(error)) from error
        seed_fresh(box)
        if arguments.state:
            from .control import ControlError, load_snapshot

            try:
                load_snapshot(box, arguments.state)
            except ControlError as error:
                raise Problem(str(error)) from error
            box.keep_state()
        line = json.dumps(box.info(), ensure_ascii=False)

        def ready() -> None:
            from .keys import write_private

            write_private(folder / INFO_FILE, line.encode())
            write_private(folder / PID_FILE, str(os.getpid()).encode())
            print(line, flush=True)

        def end(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        # uvicorn shuts down in order and then sends the signal again; this lets the files be put away too.
        signal.signal(signal.SIGTERM, end)
        if arguments.with_parent:
            _end_with_parent()
        try:
            server.serve(box, listener, ready)
        except KeyboardInterrupt:
            pass
        finally:
            for name in (PID_FILE, INFO_FILE):
                (folder / name).unlink(missing_ok=True)
    return 0


def _end_with_parent() -> None:
    """Send this process a SIGTERM when its parent is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def stop(arguments: argparse.Namespace) -> int:
    """Stop the sandbox of the work folder; nothing to do when none runs."""
    folder = (arguments.work_dir or default_work_dir()).absolute()
    info = running(folder)
    if info is None:
        print(json.dumps({"running": False, "stopped": False}))
        return 0
    pid = info["pid"]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except OSError:
            break
        if not (folder / PID_FILE).exists() and _is_zombie(pid):
            break
        time.sleep(0.02)
    else:
        raise Problem(f"the sandbox (process {pid}) does not stop")
    print(json.dumps({"running": False, "stopped": True, "pid": pid}))
    return 0


def _is_zombie(pid: int) -> bool:
    """True for a process that has ended but was not yet waited for by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def status(arguments: argparse.Namespace) -> int:
    """Print the running sandbox's line, or say that none runs."""
    info = running((arguments.work_dir or default_work_dir()).absolute())
    print(json.dumps(info if info is not None else {"running": False}, ensure_ascii=False))
    return 0 if info is not None else 3


def main(arguments: list[str] | None = None) -> int:
    """Run one command; problems are one sentence on standard error and exit status 1."""
    parsed = parser().parse_args(arguments)
    try:
        return {"start": start, "stop": stop, "status": status}[parsed.command](parsed)
    except Problem as problem:
        print(f"sandbox: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
