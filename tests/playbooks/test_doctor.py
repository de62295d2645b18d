# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook doctor, as a person runs it, against the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient
from tests.doctor_patients import CONSUMER, PROVIDER, SCOPE, SUPPLIER, seed_whole
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.sandbox_grants import request_token

DOCTOR = "tilbyder.maskinporten.doctor"


def write_inventory(sandbox: SandboxClient, folder: Path, **more: Any) -> Path:
    """One host, whose provider is testetat in the sandbox, with both logins."""
    administration, altinn = sandbox.credentials("administration"), sandbox.credentials("altinn")
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "maskinporten_environment": "sandbox",
        "maskinporten_url": sandbox.urls["maskinporten"],
        "maskinporten_self_service_url": sandbox.urls["self_service"],
        "altinn_url": sandbox.urls["altinn"],
        "organization_register_url": sandbox.urls["register"],
        "maskinporten_organization_number": PROVIDER,
        "maskinporten_client_id": administration["client_id"],
        "maskinporten_private_key_path": administration["private_key_path"],
        "maskinporten_certificate_chain_path": administration["certificate_chain_path"],
        "altinn_client_id": altinn["client_id"],
        "altinn_private_key_path": altinn["private_key_path"],
        "altinn_key_id": altinn["key_id"],
        **more,
    }
    file = folder / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": {"here": host}}}))
    return file


@pytest.fixture
def inventory(sandbox: SandboxClient, tmp_path: Path) -> Path:
    return write_inventory(sandbox, tmp_path)


def ask(inventory: Path, *args: str, **extra_vars: Any) -> PlaybookRun:
    # A shell sets PWD to the folder one stands in.
    return run_playbook(
        DOCTOR,
        inventory=inventory,
        cwd=inventory.parent,
        environment={"PWD": str(inventory.parent)},
        extra_vars=extra_vars,
        args=args,
    )


def test_a_whole_chain_ends_well(sandbox: SandboxClient, inventory: Path) -> None:
    seed_whole(sandbox)
    run = ask(inventory, scope=SCOPE, org=int(CONSUMER), supplier=SUPPLIER)
    assert run.rc == 0, run.output
    assert "Every link that can be seen holds." in run.stdout
    assert run.changed == 0
    assert run.warnings == []
    assert sandbox.writes() == []


def test_the_first_broken_link_comes_first_and_ends_the_run(sandbox: SandboxClient, inventory: Path) -> None:
    seed_whole(sandbox, access=[])
    # A survey of AWX renders a field that was left blank as an empty text.
    blank = dict.fromkeys(
        ("supplier", "error", "token_file", "client", "key_id", "audience", "out", "declared", "fail"), ""
    )
    run = ask(inventory, scope=SCOPE, org=CONSUMER, **blank)
    assert run.rc == 2, run.output
    command = (
        f"ansible-playbook tilbyder.maskinporten.grant -i {inventory.name} -e target=here -e scope={SCOPE} "
        f"-e consumers={CONSUMER} -e reason=CASE-NUMBER"
    )
    assert "First broken link: access" in run.stdout
    assert run.stdout.index("First broken link") < run.stdout.index("The chain")
    assert command in run.stdout
    # The command that was printed mends it.
    arguments = dict(word.split("=", 1) for word in command.split() if "=" in word)
    mended = run_playbook(
        "tilbyder.maskinporten.grant",
        inventory=inventory,
        cwd=inventory.parent,
        environment={"PWD": str(inventory.parent)},
        extra_vars=arguments,
    )
    assert mended.rc == 0, mended.output
    again = ask(inventory, scope=SCOPE, org=CONSUMER)
    assert again.rc == 0, again.output


def test_fail_false_ends_well_and_out_keeps_the_report(sandbox: SandboxClient, inventory: Path) -> None:
    seed_whole(sandbox, access=[])
    run = ask(inventory, scope=SCOPE, org=CONSUMER, fail=False, out="report.txt")
    assert run.rc == 0, run.output
    assert "First broken link: access" in (inventory.parent / "report.txt").read_text()


def test_a_pasted_error_is_explained(inventory: Path) -> None:
    run = ask(inventory, error="invalid_grant: Client authentication failed. Expired key. MP-121")
    assert run.rc == 0, run.output
    assert "past its life of one year" in run.stdout


def test_a_token_is_checked_and_shown_nowhere(sandbox: SandboxClient, inventory: Path) -> None:
    seed_whole(sandbox)
    consumer = sandbox.credentials("client", "consumer")
    token = request_token(sandbox, consumer, scope=SCOPE).json()["access_token"]
    (inventory.parent / "token.jwt").write_text(token)
    run = ask(inventory, "-vvvv", "--diff", token_file="token.jwt", scope=SCOPE, org=CONSUMER)
    assert run.rc == 0, run.output
    assert "fits the issuer's key" in run.stdout
    for part in token.split("."):
        assert part not in run.output


def test_a_token_in_a_pasted_log_is_shown_nowhere(sandbox: SandboxClient, inventory: Path) -> None:
    token = sandbox.token("administration", "idporten:scopes.write")
    run = ask(inventory, "-vvvv", error=f"401 from api.samarbeid.digdir.no, Authorization: Bearer {token}")
    assert "the token has expired" in run.stdout
    # What a person types on the command line is theirs; what the run prints is ours.
    shown = run.stdout[run.stdout.index("TASK [") :]
    for part in token.split(".")[1:]:
        assert part not in shown


def test_what_the_inventory_declares_is_compared(sandbox: SandboxClient, tmp_path: Path) -> None:
    seed_whole(sandbox, scope={"at_max_age": 0})
    api = {
        "name": "cases",
        "scope": {
            "prefix": "testetat",
            "subscope": "cases.read",
            "description": "Lese saker",
            "at_max_age": 120,
        },
    }
    inventory = write_inventory(sandbox, tmp_path, provider_apis=[api])
    run = ask(inventory, scope=SCOPE, org=CONSUMER)
    assert run.rc == 0, run.output
    assert "differs from its declaration in at_max_age" in " ".join(run.stdout.split())
    assert "differs from" not in ask(inventory, scope=SCOPE, org=CONSUMER, declared=False).stdout


def test_nothing_given_is_one_sentence(inventory: Path) -> None:
    run = ask(inventory)
    assert run.rc == 2
    assert "Nothing to look at" in run.stdout
    assert "Traceback" not in run.output


def test_an_inventory_without_logins_sees_what_is_open(sandbox: SandboxClient, tmp_path: Path) -> None:
    seed_whole(sandbox)
    empty = dict.fromkeys(
        (
            "maskinporten_client_id", "maskinporten_private_key_path", "maskinporten_certificate_chain_path",
            "altinn_client_id", "altinn_private_key_path", "altinn_key_id",
        ),
        "",
    )  # fmt: skip
    run = ask(write_inventory(sandbox, tmp_path, **empty), scope=SCOPE, org=CONSUMER)
    assert run.rc == 0, run.output
    assert "not seen" in run.stdout
