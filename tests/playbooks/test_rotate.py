# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate, as a person runs it, against the sandbox: without a gap, without a trace, whatever breaks it off."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import httpx
import jwt
import pytest
import yaml

from tests.conftest import SandboxClient
from tests.module_runner import run_module
from tests.playbook_runner import ROOT, PlaybookRun, run_playbook

ROTATE = "tilbyder.maskinporten.rotate"
SCOPE = "testetat:cases.read"
OWNER = "310001007"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Rotate = Callable[..., PlaybookRun]


def host_variables(sandbox: SandboxClient) -> dict[str, Any]:
    known = sandbox.credentials("administration")
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": "sandbox",
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "maskinporten_organization_number": OWNER,
        "maskinporten_client_id": known["client_id"],
        "maskinporten_private_key_path": known["private_key_path"],
        "maskinporten_certificate_chain_path": known["certificate_chain_path"],
    }


@pytest.fixture
def client(sandbox: SandboxClient) -> None:
    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "Read"}],
            "access": [{"scope": SCOPE, "consumers": [OWNER]}],
            "clients": [
                {"client_id": "c-1", "client_name": "cases", "client_orgno": OWNER, "scopes": [SCOPE]}
            ],
        }
    )
    sandbox.clear_requests()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the key lies; nothing else does."""
    (tmp_path / "keys").mkdir(mode=0o700)
    return tmp_path / "keys"


@pytest.fixture
def rotate(sandbox: SandboxClient, client: None, tmp_path: Path, folder: Path) -> Rotate:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"sandbox": host_variables(sandbox)}}}))

    def run(extra: dict[str, Any] | None = None, **more: Any) -> PlaybookRun:
        variables = {"client": "cases", "key_path": str(folder / "cases.jwk"), **(extra or {})}
        return run_playbook(ROTATE, inventory=inventory, cwd=tmp_path, extra_vars=variables, **more)

    return run


def kids(sandbox: SandboxClient) -> set[str]:
    (found,) = [entry for entry in sandbox.state()["clients"] if entry["client_id"] == "c-1"]
    return {key["kid"] for key in found["keys"]}


def kid_in(path: Path) -> str:
    return str(json.loads(path.read_text())["kid"])


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_both_steps_by_hand(sandbox: SandboxClient, rotate: Rotate, folder: Path) -> None:
    path = folder / "cases.jwk"
    first = rotate()
    assert first.rc == 0, first.output
    old = kid_in(path)
    assert kids(sandbox) == {old}

    planned = rotate(check=True, diff=True)
    assert planned.rc == 0, planned.output
    assert planned.changed == 1
    assert kids(sandbox) == {old}
    assert names(folder) == {"cases.jwk"}

    second = rotate()
    assert second.rc == 0, second.output
    assert second.changed == 1
    assert "is proved and stands in" in second.stdout
    assert "finish=true" in second.stdout
    new = kid_in(path)
    assert kids(sandbox) == {old, new}
    assert names(folder) == {"cases.jwk", "cases.jwk.old"}

    sandbox.clear_requests()
    again = rotate()
    assert again.changed == 0, again.output
    assert sandbox.writes() == []

    finished = rotate({"finish": True})
    assert finished.rc == 0, finished.output
    assert finished.changed == 1
    assert kids(sandbox) == {new}
    assert names(folder) == {"cases.jwk"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rotate({"finish": True}).changed == 0
    told = second.stdout.partition("cases (done)")[2].partition("PLAY RECAP")[0]
    rows = [line for line in told.splitlines() if "RS256" in line]
    assert {kid for kid in (old, new) if any(kid in row for row in rows)} == {old, new}
    assert max(map(len, rows)) <= 100
    for run in (first, planned, second, again, finished):
        assert run.warnings == []


def test_check_mode_from_nothing_makes_nothing(sandbox: SandboxClient, rotate: Rotate, folder: Path) -> None:
    for finish in ("later", "now", True):
        result = rotate({"finish": finish}, check=True)
        assert result.rc == 0, result.output
    assert sandbox.writes() == []
    assert names(folder) == set()


def test_what_is_missing_or_odd_is_said(rotate: Rotate) -> None:
    assert "Say whose key" in rotate({"key_path": ""}).stdout
    assert "no client of ours" in " ".join(rotate({"client": "nobody"}).stdout.split())


def test_a_reload_between_the_steps_meets_both_keys(
    sandbox: SandboxClient, rotate: Rotate, folder: Path, tmp_path: Path
) -> None:
    assert rotate().rc == 0
    tasks = tmp_path / "reload.yml"
    tasks.write_text(
        yaml.safe_dump(
            [
                {
                    "name": "Take down what is there when programs are told",
                    "ansible.builtin.copy": {
                        "content": "{{ key_rotation_result.registered_keys | map(attribute='kid') | sort | to_json }}",
                        "dest": str(tmp_path / "seen.json"),
                        "mode": "0600",
                    },
                }
            ]
        )
    )
    old = kid_in(folder / "cases.jwk")
    extra = {"finish": "now", "key_rotation_reload_tasks": str(tasks), "key_rotation_drain_seconds": 0}
    result = rotate(extra)
    assert result.rc == 0, result.output
    new = kid_in(folder / "cases.jwk")
    assert set(json.loads((tmp_path / "seen.json").read_text())) == {old, new}
    assert kids(sandbox) == {new}


class Load:
    """A program that reads the key file and fetches a token, again and again; what failed stands in ``failures``."""

    def __init__(self, sandbox: SandboxClient, path: Path) -> None:
        self._sandbox, self._path = sandbox, path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.fetched = 0
        self.kids: set[str] = set()
        self.failures: list[str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        issuer = self._sandbox.urls["maskinporten"]
        with httpx.Client(trust_env=False, timeout=30) as http:
            while not self._stop.is_set():
                text = self._path.read_text()
                kid = str(json.loads(text)["kid"])
                now = int(time.time())
                claims = {"aud": issuer, "iss": "c-1", "scope": SCOPE, "iat": now, "exp": now + 100,
                          "jti": os.urandom(16).hex()}  # fmt: skip
                secret = jwt.algorithms.RSAAlgorithm.from_jwk(text)
                assertion = jwt.encode(claims, secret, algorithm="RS256", headers={"kid": kid})  # type: ignore[arg-type]
                answer = http.post(f"{issuer}token", data={"grant_type": GRANT_TYPE, "assertion": assertion})
                self.fetched += 1
                self.kids.add(kid)
                if answer.status_code != 200:
                    self.failures.append(f"{kid}: {answer.text}")
                self._stop.wait(0.02)


def test_ten_rotations_under_load_never_refuse_a_token(
    sandbox: SandboxClient, client: None, folder: Path
) -> None:
    """A change takes a second to reach the token service, so a rotation that does not wait for it is caught."""
    path = folder / "cases.jwk"
    options = {**sandbox.auth("administration"), "client": "cases", "key_path": str(path), "state": "rotated"}
    first = run_module("maskinporten_client_key", options)
    assert not first["failed"], first
    sandbox.switch(propagation_seconds=0.7)
    with Load(sandbox, path) as load:
        for _number in range(10):
            # One second of drain: time for a request that was signed just before the switch to arrive.
            result = run_module("maskinporten_client_key", {**options, "finish": "now", "drain_seconds": 1})
            assert not result["failed"], result
            assert result["results"][0]["action"] == "update"
    assert load.failures == []
    assert load.fetched > 50
    assert len(load.kids) >= 10
    assert len(kids(sandbox)) == 1
    assert names(folder) == {"cases.jwk"}


def test_the_load_would_notice_a_key_that_is_switched_too_early(
    sandbox: SandboxClient, client: None, folder: Path
) -> None:
    """The counterpart of the test above: without proof the same rotation does refuse tokens."""
    path = folder / "cases.jwk"
    options = {**sandbox.auth("administration"), "client": "cases", "key_path": str(path), "state": "rotated"}
    assert not run_module("maskinporten_client_key", options)["failed"]
    sandbox.switch(propagation_seconds=0.7)
    with Load(sandbox, path) as load:
        hasty = {**options, "finish": "now", "drain_seconds": 0, "prove": False}
        assert not run_module("maskinporten_client_key", hasty)["failed"]
        time.sleep(0.3)
    assert load.failures


@pytest.fixture
def module_process(sandbox: SandboxClient, client: None, folder: Path, tmp_path: Path) -> Iterator[Any]:
    """Start the module in a process of its own, so that it can be killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**params: Any) -> subprocess.Popen[bytes]:
        options = {**sandbox.auth("administration"), "client": "cases", "state": "rotated",
                   "key_path": str(folder / "cases.jwk"), "_ansible_check_mode": False, "_ansible_diff": True,
                   "_ansible_remote_tmp": str(tmp_path), "_ansible_keep_remote_files": False, **params}  # fmt: skip
        arguments = tmp_path / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ansible_collections.tilbyder.maskinporten.plugins.modules.maskinporten_client_key",
                str(arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("moment", ["made", "registered", "switched"])
def test_a_killed_rotation_is_taken_up_and_never_leaves_the_program_without_a_key(
    sandbox: SandboxClient, folder: Path, rotate: Rotate, module_process: Any, moment: str
) -> None:
    path = folder / "cases.jwk"
    assert rotate().rc == 0
    old = kid_in(path)
    with Load(sandbox, path) as load:
        if moment == "made":
            sandbox.fault(route="PUT */jwks/*", kind="latency", seconds=5)
        elif moment == "registered":
            sandbox.switch(propagation_seconds=8)
        process = module_process(finish="now", drain_seconds=3)
        reached = {
            "made": (folder / "cases.jwk.new").exists,
            "registered": lambda: len(kids(sandbox)) == 2,
            "switched": lambda: (
                (folder / "cases.jwk.old").exists() and not (folder / "cases.jwk.new").exists()
            ),
        }
        wait_for(reached[moment])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert old in kids(sandbox)
        sandbox.control("DELETE", "/faults")
        sandbox.switch(propagation_seconds=0)
        sandbox.clock(advance=40)
        sandbox.clock(offset=0)
        result = rotate({"finish": "now", "key_rotation_drain_seconds": 1})
        assert result.rc == 0, result.output
    assert load.failures == []
    assert kids(sandbox) == {kid_in(path)} != {old}
    assert names(folder) == {"cases.jwk"}


@pytest.fixture
def short_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rotate-") as name:
        yield Path(name)


def test_no_key_material_anywhere(
    sandbox: SandboxClient, rotate: Rotate, folder: Path, short_folder: Path
) -> None:
    """At the highest verbosity, with differences, in check mode and in failure; in output, artifacts and temporary files."""
    login_key = Path(sandbox.credentials("administration")["private_key_path"]).read_text()
    seen = set(login_key.splitlines()[1:-2])

    def note_secrets() -> None:
        for file in folder.iterdir():
            members = json.loads(file.read_text())
            seen.update(members[name] for name in ("d", "p", "q", "dp", "dq", "qi"))

    # Not below tmp_path: a socket's path has about a hundred characters, and Ansible makes sockets in its temporary folder.
    scratch = short_folder
    places = {
        "TMPDIR": str(scratch),
        "ANSIBLE_REMOTE_TMP": str(scratch),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_LOG_PATH": str(scratch / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(scratch / "facts"),
    }
    output = ""
    sandbox.clear_requests()
    for extra, more in (
        ({}, {}),
        ({}, {"check": True}),
        ({}, {}),
        ({"finish": True}, {}),
        ({"finish": "now", "key_rotation_drain_seconds": 0}, {}),
        (
            {
                "finish": "now",
                "key_rotation_prove_timeout": 0,
                "key_rotation_prove_scopes": ["testetat:none"],
            },
            {},
        ),
    ):
        run = rotate(extra, diff=True, args=["-vvvv"], environment=places, **more)
        note_secrets()
        output += run.output
    assert run.rc != 0
    assert len(seen) >= 18 + 24
    written = b"".join(file.read_bytes() for file in scratch.rglob("*") if file.is_file())
    sent = json.dumps(sandbox.control("GET", "/requests"))
    assert b"cases.jwk" in written
    for secret in seen:
        assert secret not in output
        assert secret.encode() not in written
        assert secret not in sent
    for place in (output, written.decode("utf-8", "replace")):
        assert "eyJhbGci" not in place
        assert "BEGIN PRIVATE KEY" not in place.replace("-----BEGIN PRIVATE KEY-----.*", "")


def test_no_key_material_in_the_artifacts_of_a_job_runner(
    sandbox: SandboxClient, client: None, folder: Path, tmp_path: Path
) -> None:
    """What AWX keeps of a job: events, facts, the command with its environment."""
    path = folder / "cases.jwk"
    secrets: set[str] = set()
    (tmp_path / "runner").mkdir()
    for finish in ("later", "now"):
        result = ansible_runner.run(
            private_data_dir=str(tmp_path / "runner"),
            playbook=str(ROOT / "playbooks" / "rotate.yml"),
            inventory={"all": {"hosts": {"sandbox": host_variables(sandbox)}}},
            extravars={
                "client": "cases",
                "key_path": str(path),
                "finish": finish,
                "key_rotation_drain_seconds": 0,
            },
            envvars={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            verbosity=4,
            quiet=True,
        )
        assert result.rc == 0, result.stdout.read()
        secrets |= {json.loads(path.read_text())[name] for name in ("d", "p", "q", "dp", "dq", "qi")}
    kept = b"".join(file.read_bytes() for file in (tmp_path / "runner").rglob("*") if file.is_file())
    assert kid_in(path).encode() in kept
    assert len(secrets) == 12
    assert [secret for secret in secrets if secret.encode() in kept] == []
    assert b"eyJhbGci" not in kept
