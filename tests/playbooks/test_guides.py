# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides: each is one that exists, and each guide's are run in their order against the sandbox.

They are run as they stand, with the example inventory, whose hosts test and prod are led to the sandbox by environment
variables. Only what a guide cannot know is put in its place: a client's id, the time in a file name.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import ROOT, SandboxClient
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import policy_text, resource

RST = ROOT / "docs" / "docsite" / "rst"
SCOPE = "testetat:cases.read"
CONSUMER, SUPPLIER = "310002100", "310004774"
TEXTS = sorted([*RST.glob("*.rst"), ROOT / "README.md", *(ROOT / "roles").glob("*/README.md")])


@dataclasses.dataclass(frozen=True)
class Command:
    """A call of ``ansible-playbook``: its words after the name, without comment."""

    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)[1:]

    @property
    def playbook(self) -> str:
        return self.words[0]

    @property
    def answers(self) -> dict[str, str]:
        """What ``-e`` says, by name."""
        given = (word for before, word in zip(self.words, self.words[1:], strict=False) if before == "-e")
        return dict(answer.partition("=")[::2] for answer in given)

    @property
    def limit(self) -> str | None:
        words = self.words
        return words[words.index("--limit") + 1] if "--limit" in words else None


def commands_in(text: str) -> list[Command]:
    """The calls in a text, lines that go on with a backslash put together; only whole lines, not words in a sentence."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [
        Command(line.strip())
        for line in joined.splitlines()
        if re.match(r"(?:   )?\s*ansible-playbook tilbyder\.", line)
    ]


COMMANDS = [(file, command) for file in TEXTS for command in commands_in(file.read_text(encoding="utf-8"))]
GUIDES = [file for file in sorted(RST.glob("*.rst")) if commands_in(file.read_text(encoding="utf-8"))]


def name_of(value: Any) -> str:
    return value.stem if isinstance(value, Path) else value.text


@pytest.mark.parametrize(("file", "command"), COMMANDS, ids=name_of)
def test_command_is_one_that_exists(file: Path, command: Command) -> None:
    playbook = ROOT / "playbooks" / f"{command.playbook.removeprefix('tilbyder.maskinporten.')}.yml"
    assert playbook.is_file()
    text = playbook.read_text(encoding="utf-8") + (ROOT / "playbooks/vars/connection.yml").read_text(
        encoding="utf-8"
    )
    roles = re.findall(r"name: tilbyder\.maskinporten\.(\w+)", text)
    for role in roles:
        text += (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    for answer in command.answers:
        assert re.search(rf"\b{answer}\b", text), f"{playbook.stem} does not read {answer}"
    hosts = yaml.safe_load((ROOT / "inventories/example/hosts.yml").read_text(encoding="utf-8"))["all"][
        "hosts"
    ]
    assert command.limit is None or command.limit in hosts
    flags = {word for word in command.words if word.startswith("-")}
    assert flags <= {"-i", "-e", "--limit", "--check", "--diff", "--tags"}


# -- running them -----------------------------------------------------------------------------------------------------


def _jwk() -> dict[str, Any]:
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    return {
        **{name: public[name] for name in ("kty", "n", "e")},
        "use": "sig",
        "alg": "RS256",
        "kid": "cases-1",
    }


def estate(sandbox: SandboxClient, folder: Path) -> None:
    """What the guides speak of: a scope with its resource and consumers, a client, and files that came by mail."""
    source = f"{sandbox.urls['altinn'].rstrip('/')}/"
    reference = {"referenceSource": "Altinn3", "referenceType": "MaskinportenScope", "reference": SCOPE}
    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "Lese saker", "delegation_source": source}],
            "access": [
                {"scope": SCOPE, "consumers": [CONSUMER, SUPPLIER]},
            ],
            "clients": [
                {
                    "client_id": "id-of-cases-batch",
                    "client_name": "cases-batch",
                    "client_orgno": "310001007",
                    "scopes": [SCOPE],
                    "keys": [_jwk()],
                }
            ],
            "altinn": {
                "resources": [
                    resource(
                        "testetat-cases-read",
                        policy_text("seed-aquaculture", "testetat-cases-read"),
                        resourceReferences=[reference],
                    )
                ]
            },
        }
    )
    (folder / "list.csv").write_text("Org.nr.;Navn\n974761076;Skatteetaten\n", encoding="utf-8")
    (folder / "token.jwt").write_text(
        sandbox.token("administration", "idporten:scopes.write"), encoding="utf-8"
    )
    (folder / "etc" / "cases").mkdir(parents=True)


def example_inventory(sandbox: SandboxClient, target: Path) -> None:
    """A copy of the example inventory in which the three hosts log in to the sandbox."""
    shutil.copytree(ROOT / "inventories" / "example", target)
    administration, altinn = sandbox.credentials("administration"), sandbox.credentials("altinn")
    login = {
        "maskinporten_client_id": administration["client_id"],
        "maskinporten_private_key_path": administration["private_key_path"],
        "maskinporten_certificate_chain_path": administration["certificate_chain_path"],
        "altinn_client_id": altinn["client_id"],
        "altinn_private_key_path": altinn["private_key_path"],
        "altinn_key_id": altinn["key_id"],
    }
    for host in ("test", "prod"):
        (target / "host_vars" / f"{host}.yml").write_text(yaml.safe_dump(login), encoding="utf-8")
    # The register of the sandbox knows other organisations than the real one.
    (target / "consumers" / "cases-prod.csv").write_text("974761076;Skatteetaten\n", encoding="utf-8")


Run = Callable[[Command], PlaybookRun]


@pytest.fixture
def run(sandbox: SandboxClient, tmp_path: Path) -> Run:
    for name in ("inventories/example", "inventory"):
        example_inventory(sandbox, tmp_path / name)

    def newest(pattern: str) -> str:
        found = sorted(tmp_path.glob(pattern))
        assert found, f"nothing was written to {pattern}"
        return str(found[0].relative_to(tmp_path))

    def start(command: Command) -> PlaybookRun:
        text = command.text.replace("/etc/cases/", f"{tmp_path}/etc/cases/")
        text = text.replace("CLIENT-ID", "id-of-cases-batch").replace("=KID", "=cases-1")
        for stamped in re.findall(r"(?:snapshot|undo)=(\S+)", text):
            text = text.replace(stamped, newest(re.sub(r"\d{8}T\d{6}Z", "*", stamped)))
        playbook, *arguments = Command(text).words
        place = arguments.index("-i") if "-i" in arguments else None
        inventory = tmp_path / arguments[place + 1] if place is not None else None
        if place is not None:
            del arguments[place : place + 2]
        return run_playbook(
            playbook,
            inventory=inventory,
            args=arguments,
            cwd=tmp_path,
            environment={
                "PWD": str(tmp_path),
                "SANDBOX_WORK_DIR": str(sandbox.work_dir),
                "MASKINPORTEN_URL": sandbox.urls["maskinporten"],
                "MASKINPORTEN_SELF_SERVICE_URL": sandbox.urls["self_service"],
                "ALTINN_URL": sandbox.urls["altinn"],
                "ORGANIZATION_REGISTER_URL": sandbox.urls["register"],
            },
        )

    return start


# These tell of a link that is broken, and end with an error as the guide says.
MAY_FIND_SOMETHING = {"doctor", "compare"}


@pytest.mark.parametrize(
    "guide", [guide for guide in GUIDES if guide.stem not in ("quickstart", "environments")], ids=name_of
)
def test_the_commands_of_a_guide_do_what_it_says(
    guide: Path, sandbox: SandboxClient, run: Run, tmp_path: Path
) -> None:
    estate(sandbox, tmp_path)
    if guide.stem == "guide_clients_keys":
        # A rotation is proved by a token for a scope of the client, so its own organisation has access.
        sandbox.seed({"access": [{"scope": SCOPE, "consumers": ["310001007"]}]})
    done = set()
    for command in commands_in(guide.read_text(encoding="utf-8")):
        # A command without an inventory stands in what a run printed.
        if command.text in done or "-i" not in command.words:
            continue
        done.add(command.text)
        sandbox.clear_requests()
        result = run(command)
        verb = command.playbook.rpartition(".")[2]
        allowed = (0, 2) if verb in MAY_FIND_SOMETHING else (0,)
        assert result.rc in allowed, f"{command.text}\n{result.output}"
        assert "Traceback" not in result.output
        assert "Module failed" not in result.output
        assert result.tasks
        # A folder after -i would make Ansible read the declarations in it as inventories.
        assert "inventory source" not in result.output
        if "--check" in command.words:
            assert sandbox.writes() == []


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a guide in a language, without their indentation."""
    found = re.findall(rf"\.\. code-block:: {language}\n\n((?:(?:   .*)?\n)+)", text)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE).strip() + "\n" for block in found]


def test_the_first_ten_minutes(sandbox: SandboxClient, run: Run, tmp_path: Path) -> None:
    """The quickstart from the plan on, with the API that it has one write."""
    text = (RST / "quickstart.rst").read_text(encoding="utf-8")
    plan, change, grant = [command for command in commands_in(text) if command.limit == "sandbox"]
    planned = run(plan)
    assert planned.rc == 0, planned.output
    assert "inventory source" not in planned.output
    assert sandbox.writes() == []
    assert run(change).rc == 0
    again = run(change)
    assert again.changed == 0, again.output
    assert (tmp_path / "onboarding" / "sandbox" / "letters.nb.txt").is_file()

    own = next(block for block in blocks(text, "yaml") if block.startswith("name: permits-read"))
    (tmp_path / "inventory" / "apis" / "permits-read.yml").write_text(own, encoding="utf-8")
    sandbox.clear_requests()
    added = run(change)
    assert added.rc == 0, added.output
    assert {entry["path"] for entry in sandbox.writes() if "cases" in entry["path"]} == set()
    assert sandbox.access("testetat:permits.read") == {CONSUMER: "APPROVED"}
    assert run(grant).rc == 0
    assert set(sandbox.access("testetat:permits.read")) == {CONSUMER, SUPPLIER}


def test_the_sandbox_of_the_quickstart_is_a_playbook() -> None:
    text = (RST / "quickstart.rst").read_text(encoding="utf-8")
    play = next(block for block in blocks(text, "yaml") if "Start a sandbox" in block)
    result = run_playbook(yaml.safe_load(play), args=["--syntax-check"])
    assert result.rc == 0, result.output


def test_the_first_example_of_the_readme_prints_what_the_readme_shows(
    sandbox: SandboxClient, tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n# first\.yml\n(.*?)```", readme, re.DOTALL)
    shown = re.search(r"```text\n(TASK \[Register the scopes\].*?)```", readme, re.DOTALL)
    assert example
    assert shown
    playbook = tmp_path / "first.yml"

    def play(text: str, **options: Any) -> PlaybookRun:
        playbook.write_text(text, encoding="utf-8")
        return run_playbook(
            playbook,
            args=["-e", f"sandbox_work_dir={sandbox.work_dir}"],
            environment={
                "MASKINPORTEN_URL": sandbox.urls["maskinporten"],
                "MASKINPORTEN_SELF_SERVICE_URL": sandbox.urls["self_service"],
                "ALTINN_URL": sandbox.urls["altinn"],
                "ORGANIZATION_REGISTER_URL": sandbox.urls["register"],
            },
            **options,
        )

    first = play(example[1])
    assert first.rc == 0, first.output
    assert first.changed == 2
    assert play(example[1]).changed == 0
    edited = example[1].replace("at_max_age: 30", "at_max_age: 60")
    edited = edited.replace('"310 004 774"]', '"310 004 774", "310009008"]')
    plan = play(edited, check=True, diff=True)
    printed = plan.stdout.replace(sandbox.urls["altinn"].rstrip("/"), "http://127.0.0.1:8765/altinn")
    lines = {re.sub(r" \*+$", "", line) for line in printed.splitlines()}
    assert [line for line in shown[1].splitlines() if line not in lines] == [], plan.stdout
