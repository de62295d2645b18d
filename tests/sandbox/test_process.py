# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping and looking at the sandbox from the command line."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from cryptography.hazmat.primitives import serialization

from tests.conftest import SANDBOX_PACKAGE, SandboxClient, start_sandbox, stop_sandbox

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SANDBOX_PACKAGE)}


def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run ``python -m sandbox`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def has_ended(pid: int) -> bool:
    """True for a process that is gone, or that only waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The one sentence a refused start leaves; no traceback, nothing on standard output."""
    assert result.returncode == 1, result.stdout
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("sandbox: ")
    return result.stderr


@pytest.fixture
def work_dir(tmp_path: Path) -> Iterator[Path]:
    """A work folder whose sandbox is stopped in the end."""
    folder = tmp_path / "work"
    yield folder
    run("stop", "--work-dir", str(folder))


def test_start_prints_one_line(work_dir: Path) -> None:
    process, info = start_sandbox(work_dir)
    try:
        assert set(info) == {"urls", "control", "pid", "credentials", "work_dir"}
        assert info["pid"] == process.pid
        assert info["work_dir"] == str(work_dir)
        assert info["control"] == info["urls"]["control"]
        assert set(info["urls"]) == {
            "maskinporten",
            "self_service",
            "altinn",
            "altinn_cdn",
            "register",
            "control",
        }
        for url in info["urls"].values():
            assert url.startswith("http://127.0.0.1:")
        metadata = httpx.get(f"{info['urls']['maskinporten']}.well-known/oauth-authorization-server").json()
        assert metadata["issuer"] == info["urls"]["maskinporten"]
        assert "PRIVATE" not in json.dumps(info)
        addresses = {entry.laddr.ip for entry in psutil.Process(process.pid).net_connections(kind="inet")}
        assert addresses == {"127.0.0.1"}
    finally:
        process.terminate()
        out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (0, "", "")
    assert not (work_dir / "sandbox.pid").exists()
    assert not (work_dir / "sandbox.json").exists()


def test_interrupt_ends_it_quietly(work_dir: Path) -> None:
    process, _info = start_sandbox(work_dir)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_with_the_process_that_started_it(work_dir: Path) -> None:
    starter = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'sandbox', 'start', '--with-parent', "
        "'--port', '0', '--work-dir', sys.argv[1]], stdout=subprocess.PIPE, text=True); print(p.stdout.readline())"
    )
    started = subprocess.run(
        [sys.executable, "-c", starter, str(work_dir)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pid = json.loads(started.stdout)["pid"]
    deadline = time.monotonic() + 20
    while not has_ended(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert has_ended(pid)


# --- files ---------------------------------------------------------------------------------------------------------


def test_only_the_owner_can_read_the_files(sandbox: SandboxClient) -> None:
    assert stat.S_IMODE(sandbox.work_dir.stat().st_mode) == 0o700
    seen = 0
    for path in (sandbox.work_dir / "credentials").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
        seen += path.is_file()
    assert seen >= 30
    for name in ("sandbox.pid", "sandbox.json"):
        assert stat.S_IMODE((sandbox.work_dir / name).stat().st_mode) == 0o600


def test_keys_come_in_every_form(sandbox: SandboxClient) -> None:
    known = sandbox.credentials("altinn")
    plain = Path(known["private_key_path"]).read_bytes()
    assert plain.startswith(b"-----BEGIN PRIVATE KEY")
    key = serialization.load_pem_private_key(plain, None)
    traditional = Path(known["rsa_private_key_path"]).read_bytes()
    assert traditional.startswith(b"-----BEGIN RSA PRIVATE KEY")
    encrypted = Path(known["encrypted_private_key_path"]).read_bytes()
    assert encrypted.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    passphrase = Path(known["passphrase_path"]).read_bytes()
    same = [
        serialization.load_pem_private_key(traditional, None),
        serialization.load_pem_private_key(encrypted, passphrase),
    ]
    assert all(other.public_key() == key.public_key() for other in same)
    jwk = json.loads(Path(known["jwk_path"]).read_text())
    assert jwk["kid"] == known["key_id"]
    assert {"n", "e", "d", "p", "q", "dp", "dq", "qi"} <= set(jwk)


def test_keys_are_new_each_time(work_dir: Path) -> None:
    seen = set()
    for _unused in range(2):
        process, info = start_sandbox(work_dir)
        seen.add(Path(info["credentials"]["testetat"]["altinn"]["private_key_path"]).read_bytes())
        stop_sandbox(process)
    assert len(seen) == 2


def test_work_folder_of_somebody_else(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    assert "not a folder of your own" in sentence(run("start", "--work-dir", str(link)))
    file = tmp_path / "file"
    file.write_text("")
    assert "work folder" in sentence(run("start", "--work-dir", str(file)))


# --- loopback ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_it_listens_on_loopback_only(tmp_path: Path, host: str) -> None:
    result = run("start", "--host", host, "--port", "0", "--work-dir", str(tmp_path / "w"))
    assert "loopback only" in sentence(result)


def test_other_host_names_are_turned_away(sandbox: SandboxClient) -> None:
    """A web page cannot reach the sandbox through a name that it makes point to this machine."""
    address = urlsplit(sandbox.urls["control"])
    for host, status in (("evil.example", 421), (f"127.0.0.1:{address.port}", 200), ("localhost", 200)):
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 0, timeout=10)
        connection.putrequest("GET", "/control/info", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


# --- the command line ----------------------------------------------------------------------------------------------


def test_detached_start_status_and_stop(work_dir: Path) -> None:
    folder = ("--work-dir", str(work_dir))
    nothing = run("status", *folder)
    assert (nothing.returncode, json.loads(nothing.stdout)) == (3, {"running": False})
    first = run("start", "--detach", "--port", "0", *folder)
    assert first.returncode == 0, first.stderr
    info = json.loads(first.stdout)
    # Starting again keeps the one that runs.
    assert json.loads(run("start", "--detach", "--port", "0", *folder).stdout) == info
    assert json.loads(run("status", *folder).stdout) == info
    assert httpx.get(f"{info['control']}/info").json() == info
    assert psutil.Process(info["pid"]).terminal() is None
    assert "runs in" in sentence(run("start", "--port", "0", *folder))
    assert json.loads(run("stop", *folder).stdout) == {"running": False, "stopped": True, "pid": info["pid"]}
    assert has_ended(info["pid"])
    again = run("stop", *folder)
    assert (again.returncode, json.loads(again.stdout)["stopped"]) == (0, False)


def test_pid_file_of_a_process_that_is_something_else(work_dir: Path) -> None:
    work_dir.mkdir()
    (work_dir / "sandbox.pid").write_text(str(os.getpid()))
    (work_dir / "sandbox.json").write_text(
        json.dumps({"pid": os.getpid(), "control": "http://127.0.0.1:9/control"})
    )
    assert run("status", "--work-dir", str(work_dir)).returncode == 3
    stopped = run("stop", "--work-dir", str(work_dir))
    assert json.loads(stopped.stdout)["stopped"] is False
    started = run("start", "--detach", "--port", "0", "--work-dir", str(work_dir))
    assert json.loads(started.stdout)["pid"] != os.getpid()


def test_stop_through_control(work_dir: Path) -> None:
    process, info = start_sandbox(work_dir)
    assert httpx.post(f"{info['control']}/stop").json() == {"stopping": True}
    process.communicate(timeout=15)
    assert process.returncode == 0


def test_options_of_the_start(work_dir: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"prefixes": [{"prefix": "mine", "owner_orgno": "310001007"}]}))
    process, info = start_sandbox(
        work_dir,
        *(
            "--state",
            str(state),
            "--latency-ms",
            "2.5",
            "--switch",
            "empty_list=array",
            "--switch",
            "skew=20",
        ),
    )
    control = info["control"]
    try:
        assert httpx.get(f"{control}/latency").json() == {"milliseconds": 2.5}
        switches = httpx.get(f"{control}/switches").json()
        assert (switches["empty_list"]["value"], switches["skew"]["value"]) == ("array", 20)
        httpx.put(f"{control}/switches", json={"skew": 1})
        httpx.put(f"{control}/latency", json={"milliseconds": 0})
        httpx.post(f"{control}/seed", json={"prefixes": [{"prefix": "other", "owner_orgno": "310001007"}]})
        # Back to how it was started, not to the defaults.
        httpx.post(f"{control}/reset")
        prefixes = {entry["prefix"] for entry in httpx.get(f"{control}/state").json()["prefixes"]}
        assert "mine" in prefixes
        assert "other" not in prefixes
        assert httpx.get(f"{control}/switches").json()["skew"]["value"] == 20
        assert httpx.get(f"{control}/latency").json() == {"milliseconds": 2.5}
        # The state file given at start may be written, others outside the work folder may not.
        assert httpx.post(f"{control}/snapshot", json={"path": str(state)}).status_code == 200
        assert httpx.post(f"{control}/snapshot", json={"path": str(tmp_path / "x")}).status_code == 400
    finally:
        stop_sandbox(process)
    snapshot = json.loads(state.read_text())
    assert {"base_url", "state"} == set(snapshot)
    process, info = start_sandbox(work_dir, "--state", str(state))
    try:
        prefixes = {entry["prefix"] for entry in httpx.get(f"{info['control']}/state").json()["prefixes"]}
        assert "mine" in prefixes
    finally:
        stop_sandbox(process)


@pytest.mark.parametrize("detach", [[], ["--detach"]])
@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["--state", "/nonexistent.json"], "cannot read /nonexistent.json"),
        (["--switch", "empty_list"], "--switch takes name=value"),
        (["--switch", "empty=1"], "there is no switch 'empty'"),
        (["--switch", "skew=x"], "switch skew takes a whole number"),
        (["--latency-ms", "-1"], "--latency-ms is a number of milliseconds"),
        (["--port", "99999"], "port"),
    ],
)
def test_starts_that_are_refused(
    work_dir: Path, arguments: list[str], phrase: str, detach: list[str]
) -> None:
    port = [] if "--port" in arguments else ["--port", "0"]
    result = run("start", "--work-dir", str(work_dir), *port, *arguments, *detach)
    assert phrase in sentence(result)
    assert run("status", "--work-dir", str(work_dir)).returncode == 3


def test_port_that_is_taken(work_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("start", "--work-dir", str(work_dir), "--port", str(port))
    assert f"cannot listen on 127.0.0.1 port {port}" in sentence(result)


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "python_multipart", "jwt", "cryptography"])
def test_missing_package_gives_one_sentence(work_dir: Path, package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None; from sandbox.__main__ import main; "
        "sys.exit(main(['start', '--port', '0', '--work-dir', sys.argv[1]]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(work_dir)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    text = sentence(result)
    assert f"needs the Python package {package}" in text
    assert "install starlette, uvicorn, python-multipart, pyjwt and cryptography" in text


# --- the helpers of the tests --------------------------------------------------------------------------------------


def test_identities_for_modules(sandbox: SandboxClient) -> None:
    def names(options: dict[str, Any]) -> set[str]:
        return set(options) - {
            "environment",
            "maskinporten_url",
            "self_service_url",
            "altinn_url",
            "organization_register_url",
        }

    assert names(sandbox.auth("administration")) == {
        "client_id",
        "private_key_path",
        "certificate_chain_path",
    }
    assert names(sandbox.auth("altinn", "fdir")) == {"client_id", "private_key_path", "key_id"}
    assert sandbox.auth("altinn", "fdir")["client_id"] == "fdir-altinn"
    assert sandbox.auth("administration")["environment"] == "sandbox"
