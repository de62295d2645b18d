# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No key, assertion or token in anything a run leaves behind: output at ``-vvvv --diff``, files, facts, artifacts.

Runs go well, in check mode, and wrong (another key, an unknown client, 401); what they printed and wrote is searched for
every private key that the sandbox and the run made, and for anything that looks like a signed token.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import ROOT, SandboxClient
from tests.inventories import host_variables, write_inventory
from tests.playbook_runner import PlaybookRun, run_playbook

FQCN = "tilbyder.maskinporten"
SCOPE = "testetat:cases.read"
CONSUMERS = ["310002100", "310004774"]
TEXTS = {"nb": "Saker", "nn": "Saker", "en": "Cases"}
# An assertion and a token are both signed JWTs: three parts in base64url, the first two of them JSON objects.
SIGNED = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{40,}")
PEM_LINE = re.compile(r"^[A-Za-z0-9+/=]{48,}$", re.MULTILINE)
PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")
Run = Callable[..., PlaybookRun]


def pieces_of_key(file: Path) -> set[str]:
    """What would give a private key away: the lines of its PEM, the private members of its JWK.

    Lines that stand in its public half too (a certificate, the modulus with which every key begins) give nothing away.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    if text.lstrip().startswith("{"):
        key = json.loads(text)
        return {key[name] for name in PRIVATE_MEMBERS if name in key}
    if "PRIVATE KEY" not in text:
        return set()
    lines = PEM_LINE.findall(text)
    # The first line holds version, algorithm and the start of the modulus: public.
    pieces = set(lines[1:])
    if "ENCRYPTED" not in text:
        key = serialization.load_pem_private_key(text.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        numbers = key.private_numbers()
        modulus = key.public_key().public_numbers().n
        raw = modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")
        encoded = "".join(lines)
        whole = base64.b64decode(encoded[: len(encoded) // 4 * 4])
        public = (whole.index(raw) + len(raw)) * 4 // 3
        pieces = {line for number, line in enumerate(lines, 1) if sum(map(len, lines[:number])) > public}
        for number in (numbers.d, numbers.p, numbers.q):
            raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
            pieces |= {
                base64.urlsafe_b64encode(raw).decode().rstrip("="),
                base64.b64encode(raw).decode(),
                raw.hex(),
            }
    return pieces


class Search:
    """Looks for key material and signed tokens in texts and folders."""

    def __init__(self, keys: Iterable[Path]) -> None:
        self.pieces = {piece: file.name for file in keys for piece in pieces_of_key(file)}

    def text(self, text: str, where: str) -> list[str]:
        """Where something was found, and of what kind; never the thing itself."""
        # Also as JSON and Python print it, with the line breaks of a PEM as two characters.
        lines = {line for part in re.split(r"\s|\\n|\\r|[\"',:{}\[\]]", text) if (line := part.strip())}
        found = [
            f"{where}: a piece of {name}"
            for piece, name in self.pieces.items()
            if piece in lines or piece in text
        ]
        return found + [f"{where}: a signed token" for _unused in SIGNED.finditer(text)]

    def folder(self, folder: Path, but: Iterable[Path] = ()) -> list[str]:
        """The same for every file below a folder, except those that are meant to hold keys."""
        spared = {file.resolve() for file in but}
        found = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.resolve() not in spared:
                found += self.text(
                    path.read_bytes().decode("utf-8", "replace"), str(path.relative_to(folder))
                )
        return found


def credential_files(sandbox: SandboxClient) -> list[Path]:
    return [file for file in (sandbox.work_dir / "credentials").rglob("*") if file.is_file()]


@pytest.fixture
def search(sandbox: SandboxClient) -> Search:
    return Search(credential_files(sandbox))


def api() -> dict[str, Any]:
    return {
        "name": "cases-read",
        "scope": {
            "prefix": "testetat",
            "subscope": "cases.read",
            "description": "Lese saker",
            "delegation": "altinn",
        },
        "resource": {
            "title": TEXTS,
            "description": TEXTS,
            "right_description": TEXTS,
            "contact_points": [{"email": "api@testetat.example"}],
        },
        "policy": "scope_delegation",
        "consumers": CONSUMERS,
    }


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path, search: Search) -> Iterator[Run]:
    """Run at ``-vvvv --diff`` and search whatever came of it; each run ends with nothing found."""
    folders = {name: tmp_path / name for name in ("facts", "remote", "work")}
    # A socket's path has about a hundred characters, and Ansible makes sockets in its temporary folders.
    short = tempfile.TemporaryDirectory(prefix="ns-")
    folders.update({name: Path(short.name) / name for name in ("local", "temporary")})
    for folder in folders.values():
        folder.mkdir()

    def start(playbook: Any, *, keys: Iterable[Path] = (), **options: Any) -> PlaybookRun:
        host = options.pop("host", {})
        inventory = write_inventory(
            tmp_path,
            {"box": host_variables(sandbox, **host)},
            provider_apis=[api()],
            provider_output=str(folders["work"] / "onboarding"),
            **options.pop("variables", {}),
        )
        result = run_playbook(
            playbook,
            inventory=inventory,
            diff=True,
            args=["-vvvv"],
            cwd=folders["work"],
            environment={
                "PWD": str(folders["work"]),
                "TMPDIR": str(folders["temporary"]),
                "ANSIBLE_LOCAL_TEMP": str(folders["local"]),
                "ANSIBLE_REMOTE_TMP": str(folders["remote"]),
                # What modules leave in their folders must bear to be seen too.
                "ANSIBLE_KEEP_REMOTE_FILES": "1",
                "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
                "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folders["facts"]),
                "ANSIBLE_LOG_PATH": str(tmp_path / "ansible.log"),
                **options.pop("environment", {}),
            },
            **options,
        )
        assert "Traceback" not in result.output
        assert search.text(result.output, "output") == []
        for folder in folders.values():
            assert search.folder(folder, but=keys) == []
        assert search.text((tmp_path / "ansible.log").read_text(encoding="utf-8"), "ansible.log") == []
        return result

    yield start
    short.cleanup()


# -- the search works -------------------------------------------------------------------------------------------------


def test_the_search_finds_a_planted_key(sandbox: SandboxClient, search: Search, tmp_path: Path) -> None:
    known = sandbox.credentials("administration")
    assert len(search.pieces) > 100
    pem = Path(known["private_key_path"]).read_text(encoding="utf-8")
    for planted in (
        pem,
        json.dumps({"msg": pem}),
        repr(pem),
        pem.splitlines()[10],
        Path(known["jwk_path"]).read_text(encoding="utf-8"),
        Path(known["encrypted_private_key_path"]).read_text(encoding="utf-8"),
        json.loads(Path(known["jwk_path"]).read_text(encoding="utf-8"))["q"],
    ):
        assert search.text(f"ok: [box] => {planted}", "output")
        (tmp_path / "deep" / "er").mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep" / "er" / "file").write_text(planted, encoding="utf-8")
        assert search.folder(tmp_path)
    token = sandbox.token("administration", "idporten:scopes.write")
    assert search.text(f"Authorization: Bearer {token}", "output") == ["output: a signed token"]


def test_the_search_lets_public_things_pass(sandbox: SandboxClient, search: Search) -> None:
    known = sandbox.credentials("administration")
    chain = Path(known["certificate_chain_path"]).read_text(encoding="utf-8")
    assert search.text(chain, "output") == []
    assert search.text("eyJub3QiOiJhIHRva2VuIn0 and MP-100, private_key_path", "output") == []


# -- runs that go well ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_onboarding_shows_no_secret(run: Run, check: bool) -> None:
    assert run("tilbyder.maskinporten.onboard", check=check).rc == 0


def test_a_key_given_as_text_shows_as_little(sandbox: SandboxClient, run: Run) -> None:
    """The key in a variable, as from Ansible Vault; extra variables lie in a file outside the folders that are searched."""
    known = sandbox.credentials("administration")
    result = run(
        "tilbyder.maskinporten.onboard",
        host={"maskinporten_private_key_path": None},
        extra_vars={"maskinporten_private_key": Path(known["private_key_path"]).read_text(encoding="utf-8")},
        environment={"ANSIBLE_KEEP_REMOTE_FILES": "0"},
    )
    assert result.rc == 0, result.output


def test_granting_shows_no_secret(sandbox: SandboxClient, run: Run) -> None:
    sandbox.seed({"scopes": [{"name": SCOPE, "description": "Lese saker"}]})
    result = run(
        "tilbyder.maskinporten.grant",
        extra_vars={"scope": SCOPE, "consumers": ",".join(CONSUMERS), "reason": "JUR-2026/114"},
    )
    assert result.rc == 0, result.output


def test_rotating_and_listing_keys_shows_no_secret(
    sandbox: SandboxClient, run: Run, search: Search, tmp_path: Path
) -> None:
    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "Lese saker"}],
            "access": [{"scope": SCOPE, "consumer_orgno": "310001007"}],
            "clients": [
                {"client_id": "cases", "client_name": "cases", "client_orgno": "310001007", "scopes": [SCOPE]}
            ],
        }
    )
    key = tmp_path / "work" / "cases.jwk"

    def made() -> list[Path]:
        return [file for file in (tmp_path / "work").glob("cases*") if file.is_file()]

    answers = {"client": "cases", "key_path": str(key), "finish": "now", "key_rotation_drain_seconds": 1}
    task = {f"{FQCN}.maskinporten_client_key": {"client": "cases", "key_path": str(key)}}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars_files": [str(ROOT / "playbooks/vars/connection.yml")],
        "module_defaults": {"group/tilbyder.maskinporten.maskinporten": "{{ maskinporten_connection }}"},
        "tasks": [task],
    }
    assert run([play], keys=[key]).rc == 0
    search.pieces |= {piece: file.name for file in made() for piece in pieces_of_key(file)}
    before = len(search.pieces)
    # The new key's file is known only after the run; it is read, and the run's output searched once more.
    finished = run(
        "tilbyder.maskinporten.rotate",
        extra_vars=answers,
        keys=[
            key,
            *(tmp_path / "work" / f"cases{end}" for end in (".jwk.new", ".jwk.old", ".new.jwk", ".old.jwk")),
        ],
    )
    assert finished.rc == 0, finished.output
    search.pieces |= {piece: file.name for file in made() for piece in pieces_of_key(file)}
    assert len(search.pieces) > before, "the rotation made a key"
    assert search.text(finished.output, "output") == []
    assert run("tilbyder.maskinporten.keys", keys=made()).rc == 0


def play_of(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """A play that logs in as the playbooks do, and writes facts to the cache."""
    return [
        {
            "hosts": "all",
            "gather_facts": False,
            "vars_files": [str(ROOT / "playbooks/vars/connection.yml")],
            "module_defaults": {"group/tilbyder.maskinporten.maskinporten": "{{ maskinporten_connection }}"},
            "tasks": [
                *tasks,
                {"ansible.builtin.set_fact": {"kept": "{{ login | default({}) }}", "cacheable": True}},
            ],
        }
    ]


def test_proving_a_login_shows_no_secret(run: Run) -> None:
    token = {f"{FQCN}.maskinporten_token": {"scopes": ["idporten:scopes.write"]}, "register": "login"}
    result = run(play_of(token))
    assert result.rc == 0, result.output
    assert "kept" in result.output


def test_a_token_that_a_task_hides_stays_hidden(sandbox: SandboxClient, run: Run) -> None:
    """The module hands a token over, and the lookup gives one, to tasks that hide it."""
    known = sandbox.credentials("administration")
    options = {
        **sandbox.options(),
        "client_id": known["client_id"],
        "private_key_path": known["private_key_path"],
    }
    options["certificate_chain_path"] = known["certificate_chain_path"]
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    lookup = f"lookup('{FQCN}.maskinporten_token', 'idporten:scopes.write', {arguments})"
    result = run(
        play_of(
            {
                f"{FQCN}.maskinporten_token": {"scopes": ["idporten:scopes.write"], "return_token": True},
                "register": "fetched",
                "no_log": True,
            },
            {
                "ansible.builtin.assert": {"that": "fetched.access_token | length > 100", "quiet": True},
                "no_log": True,
            },
            {
                "ansible.builtin.uri": {
                    "url": f"{sandbox.urls['self_service']}/api/v1/scopes",
                    "headers": {"Authorization": f"Bearer {{{{ {lookup} }}}}"},
                    "status_code": [200, 404],
                    "use_proxy": False,
                },
                "no_log": True,
            },
        ),
        # Ansible keeps the arguments of its own module uri in the file that it leaves when told to.
        environment={"ANSIBLE_KEEP_REMOTE_FILES": "0"},
    )
    assert result.rc == 0, result.output


# -- runs that fail ---------------------------------------------------------------------------------------------------


@pytest.fixture
def other_key(tmp_path: Path, search: Search) -> Path:
    file = tmp_path / "other.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form))
    file.chmod(0o600)
    search.pieces |= dict.fromkeys(pieces_of_key(file), file.name)
    return file


@pytest.mark.parametrize("failure", ["wrong_key", "unknown_client", "no_key", "unauthorised"])
def test_a_failure_shows_no_secret(sandbox: SandboxClient, run: Run, other_key: Path, failure: str) -> None:
    """What went wrong is told in words; the request that failed carried an assertion or a token."""
    host: dict[str, Any] = {
        "wrong_key": {"maskinporten_private_key_path": str(other_key)},
        "unknown_client": {"maskinporten_client_id": "nobody"},
        "no_key": {"maskinporten_private_key_path": "/nowhere/key.pem"},
        "unauthorised": {},
    }[failure]
    if failure == "unauthorised":
        sandbox.fault(route="*/self-service/*", kind="status", status=401, body='{"error": "x"}', times=None)
    result = run("tilbyder.maskinporten.onboard", host=host)
    assert result.failed == 1
    told = {
        "wrong_key": "certificate",
        "unknown_client": "MP-100",
        "no_key": "/nowhere/key.pem",
        "unauthorised": "401",
    }
    assert told[failure] in result.output


def test_the_doctor_shows_neither_key_nor_the_token_it_looks_at(
    sandbox: SandboxClient, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "work" / "token.jwt"
    file.write_text(sandbox.token("administration", "idporten:scopes.write"), encoding="utf-8")
    result = run(
        "tilbyder.maskinporten.doctor",
        extra_vars={"scope": SCOPE, "org": "310002100", "token_file": str(file), "out": "report.txt"},
        keys=[file],
    )
    assert "Doctor, box" in result.output
    assert (tmp_path / "work" / "report.txt").is_file()


# -- a job runner -----------------------------------------------------------------------------------------------------


def test_a_job_runners_artifacts_hold_no_secret(
    sandbox: SandboxClient, search: Search, tmp_path: Path
) -> None:
    """ansible-runner, as AWX uses it, writes every event and the environment of the job into its artifacts."""
    ansible_runner = pytest.importorskip("ansible_runner")
    job = tmp_path / "job"
    (job / "project").mkdir(parents=True)
    (job / "inventory").mkdir()
    write_inventory(
        job / "inventory",
        {"box": host_variables(sandbox), "broken": host_variables(sandbox, maskinporten_client_id="nobody")},
        provider_apis=[api()],
        provider_output=str(tmp_path / "onboarding"),
    )
    (job / "project" / "onboard.yml").write_text(
        (ROOT / "docs/awx/project/onboard.yml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    finished = ansible_runner.run(
        private_data_dir=str(job),
        playbook="onboard.yml",
        cmdline="-vvvv --diff",
        quiet=True,
        envvars={
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
    )
    assert finished.stats["failures"] == {"broken": 1}
    assert "box" in finished.stats["changed"]
    events = list((job / "artifacts").rglob("*.json"))
    assert len(events) > 20
    assert search.folder(job / "artifacts") == []
    assert search.folder(tmp_path / "onboarding") == []


def test_the_runs_above_see_what_they_would_have_to(tmp_path: Path, sandbox: SandboxClient, run: Run) -> None:
    """A play that does print a key is caught, so that the runs above prove something."""
    known = sandbox.credentials("administration")
    leak = {
        "ansible.builtin.debug": {"msg": f"{{{{ lookup('ansible.builtin.file', '{known['jwk_path']}') }}}}"}
    }
    with pytest.raises(AssertionError, match="a piece of"):
        run(play_of(leak))
    fact = {
        "ansible.builtin.set_fact": {
            "login": f"{{{{ lookup('ansible.builtin.file', '{known['private_key_path']}') }}}}",
            "cacheable": True,
        },
        "no_log": True,
    }
    with pytest.raises(AssertionError, match="a piece of"):
        run(play_of(fact))
