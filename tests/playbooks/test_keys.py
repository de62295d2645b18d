# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook keys, as a person or a schedule runs it, against the sandbox."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import SandboxClient
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.playbooks.test_rotate import OWNER, SCOPE, host_variables

KEYS = "tilbyder.maskinporten.keys"
Keys = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def members() -> dict[str, str]:
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(pair.public_key(), as_dict=True)
    return {**{name: jwk[name] for name in ("kty", "n", "e")}, "use": "sig", "alg": "RS256"}


@pytest.fixture
def keys(sandbox: SandboxClient, tmp_path: Path, members: dict[str, str]) -> Keys:
    now = int(time.time())

    def client(name: str, **days: int) -> dict[str, Any]:
        return {
            "client_id": f"id-of-{name}",
            "client_name": name,
            "client_orgno": OWNER,
            "scopes": [SCOPE],
            "keys": [{**members, "kid": kid, "exp": now + left * 86400 + 600} for kid, left in days.items()],
        }

    sandbox.seed(
        {
            "scopes": [{"name": SCOPE, "description": "Read"}],
            "clients": [
                client("cases-batch", batch_2025=12),
                client("cases-web", web_2025=-4),
                client(
                    "a-client-with-a-name-that-goes-on-and-on-until-it-is-far-too-long-for-a-column", long=300
                ),
                client("certificates-only"),
            ],
        }
    )
    sandbox.clear_requests()
    host = host_variables(sandbox)

    def run(
        extra: dict[str, Any] | None = None, hosts: tuple[str, ...] = ("sandbox",), **more: Any
    ) -> PlaybookRun:
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {name: {**host} for name in hosts}}}))
        return run_playbook(
            KEYS,
            inventory=inventory,
            cwd=tmp_path,
            extra_vars=extra,
            environment={"PWD": str(tmp_path)},
            **more,
        )

    return run


def test_a_table_for_a_terminal_the_most_urgent_first(sandbox: SandboxClient, keys: Keys) -> None:
    result = keys()
    assert result.rc == 0, result.output
    assert result.changed == 0
    assert result.warnings == []
    assert sandbox.writes() == []
    table = result.stdout.partition("2 due")[2].partition("PLAY RECAP")[0]
    assert max(map(len, table.splitlines())) <= 100
    order = [table.index(word) for word in ("web_2025", "batch_2025", "certificates-only")]
    assert order == sorted(order)
    assert "rotate" in table


def test_a_schedule_gets_an_exit_status(keys: Keys) -> None:
    failing = keys({"fail": True})
    assert failing.rc != 0
    text = " ".join(failing.stdout.split())
    assert "2 keys need attention" in text
    assert "cases-batch/batch_2025" in text
    assert (
        keys(
            {
                "fail": True,
                "client": "a-client-with-a-name-that-goes-on-and-on-until-it-is-far-too-long-for-a-column",
            }
        ).rc
        == 0
    )
    assert keys({"fail": "true", "warn_days": "400", "client": "cases-batch"}).rc != 0
    assert keys({"fail": "true", "warn_days": "5", "client": "cases-batch"}).rc == 0


def test_files_for_people_and_for_programs(keys: Keys, tmp_path: Path) -> None:
    assert keys({"out": "report"}).rc == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text("utf-8-sig")), delimiter=";"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["kid"] for row in rows] == [row["kid"] or "" for row in report["keys"]]
    assert rows[0]["kid"] == "web_2025"
    assert report["environment"] == "sandbox"
    assert keys({"out": str(tmp_path / "only.json")}).rc == 0
    assert (tmp_path / "only.json").exists()
    assert not (tmp_path / "only.csv").exists()
    assert keys({"out": "dry"}, check=True).rc == 0
    assert not list(tmp_path.glob("dry*"))


def test_environments_do_not_write_over_each_other(
    keys: Keys, tmp_path: Path, sandbox: SandboxClient
) -> None:
    result = keys({"out": "all.csv"}, hosts=("one", "two"), args=["-e", "ansible_check_mode_unused=1"])
    assert result.rc == 0, result.output
    assert {file.name for file in tmp_path.glob("*.csv")} == {"all-sandbox.csv"}


def test_a_key_without_expiry_is_flagged(sandbox: SandboxClient, keys: Keys, members: dict[str, str]) -> None:
    body = {"keys": [{**members, "kid": "forever", "created": "2024-03-05T08:00:01+01:00"}]}
    sandbox.fault(
        route="GET */clients/id-of-cases-batch/jwks", kind="status", status=200, body=json.dumps(body)
    )
    result = keys({"fail": True, "client": "cases-batch"})
    assert result.rc != 0
    assert "no_expiry" in result.stdout
    assert "forever" in result.stdout


def test_one_client_that_cannot_be_read_hides_no_other(sandbox: SandboxClient, keys: Keys) -> None:
    sandbox.fault(route="GET */clients/id-of-cases-web/jwks", kind="status", status=403, times=None)
    result = keys({"fail": True})
    assert result.rc != 0
    assert "unreadable" in result.stdout
    assert "batch_2025" in result.stdout
