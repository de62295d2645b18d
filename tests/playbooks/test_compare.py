# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook compare, as a person runs it, against two sandboxes as test and production."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SandboxClient, start_sandbox, stop_sandbox
from tests.estate import altinn_source, host_of
from tests.guide_commands import guide_commands
from tests.playbook_runner import PlaybookRun, run_playbook
from tests.policy_seeds import policy_text, resource

CONSUMER, AGENCY, REAL = "310002100", "310005819", "974760673"

Run = Callable[..., PlaybookRun]


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxClient]:
    """A second sandbox, which stands for production."""
    work_dir = tmp_path_factory.mktemp("production")
    with (work_dir.parent / f"{work_dir.name}.log").open("w") as errors:
        process, info = start_sandbox(work_dir, errors=errors)
        client = SandboxClient(info)
        yield client
        client.http.close()
        stop_sandbox(process)


@pytest.fixture
def prod(other_server: SandboxClient) -> SandboxClient:
    other_server.reset()
    return other_server


@pytest.fixture
def run(sandbox: SandboxClient, prod: SandboxClient, tmp_path: Path) -> Run:
    """Run compare in a folder of its own, with the hosts test, prod and a third that nobody asks for."""

    def play(*args: str, host: dict[str, Any] | None = None, **variables: Any) -> PlaybookRun:
        hosts = {
            "test": host_of(sandbox, "test") | (host or {}),
            "prod": host_of(prod, "prod") | (host or {}),
            "sandbox": host_of(sandbox) | {"maskinporten_client_id": "nobody"},
        }
        inventory = tmp_path / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        for client in (sandbox, prod):
            client.clear_requests()
        return run_playbook(
            "tilbyder.maskinporten.compare",
            inventory=inventory,
            extra_vars=variables,
            args=args,
            cwd=tmp_path,
        )

    return play


def estate(client: SandboxClient, *, policy: str = "maskinportenschema", **scope: Any) -> None:
    """One API with a resource, and a scope that both environments have alike."""
    client.seed(
        {
            "scopes": [
                {
                    "name": "testetat:cases.read",
                    "description": "Lese saker",
                    "delegation_source": altinn_source(client),
                    "at_max_age": 120,
                    **scope,
                },
                {"name": "testetat:same", "description": "Lik"},
            ],
            "altinn": {
                "resources": [
                    resource(
                        "testetat-cases-read",
                        policy_text(policy, "testetat-cases-read"),
                        homepage=f"https://{client.urls['altinn'].rpartition(':')[2][:4]}.testetat.example",
                        title={"nb": "Saker", "nn": "Saker", "en": scope.get("description", "Cases")},
                    )
                ]
            },
        }
    )


def test_equal_but_for_what_differs_by_nature(sandbox, prod, run, tmp_path):
    estate(sandbox)
    estate(prod, policy="maskinportenschema-equal")
    shown, scheduled = guide_commands("guide_compare")
    assert shown[0] == scheduled[0] == "tilbyder.maskinporten.compare"
    assert scheduled[1][: len(shown[1])] == shown[1]
    result = run(*scheduled[1])
    assert result.rc == 0, result.output
    assert "0 differences" in (tmp_path / "differences.md").read_text(encoding="utf-8")
    assert result.changed == 1  # the report
    assert result.warnings == []
    assert "Nothing differs but what is meant to." in result.output
    assert "2 scopes, 1 resources and 1 policies compared: 0 differences" in " ".join(result.output.split())
    assert sandbox.writes() == prod.writes() == []
    for client in (sandbox, prod):
        assert client.requests(service="maskinporten", method="POST")
        assert client.requests(path="/altinn/resourceregistry/api/v1/resource/testetat-cases-read/policy")


def test_what_differs_is_told_field_by_field(sandbox, prod, run, tmp_path):
    estate(sandbox)
    estate(prod, policy="seed-aquaculture", description="Read cases", at_max_age=30, visibility="PRIVATE")
    sandbox.seed({"scopes": [{"name": "testetat:new", "description": "Bare i test"}]})
    for client, consumers in ((sandbox, [CONSUMER, REAL]), (prod, [AGENCY])):
        client.seed({"access": [{"scope": "testetat:cases.read", "consumers": consumers}]})
    (tmp_path / "listed.csv").write_text(f"organization_number;name\n{CONSUMER};Stille Bre\n")
    apis = [
        {
            "name": "cases",
            "scope": {"name": "testetat:cases.read"},
            "environments": {"prod": {"consumers": {"file": str(tmp_path / "listed.csv")}}},
        }
    ]
    pair = {"from": "test", "to": "prod"}
    exceptions = [{"kind": "scope", "field": "visibility", "reason": "tested in the open"}]
    result = run(
        **pair, out="report.json", provider_compare_exceptions=exceptions, host={"provider_apis": apis}
    )
    assert result.rc == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    rows = {(row["name"], row["field"]): (row["from"], row["to"]) for row in report["rows"]}
    assert rows.pop(("testetat:cases.read", "description")) == ("Lese saker", "Read cases")
    assert rows.pop(("testetat:cases.read", "at_max_age")) == ("120", "30")
    assert rows.pop(("testetat:new", "exists")) == ("yes", "no")
    assert rows.pop(("testetat-cases-read", "title.en")) == ("Cases", "Read cases")
    assert rows.pop(("testetat-cases-read", "rule"))
    assert rows == {}
    assert {(row["field"], row["reason"]) for row in report["excepted"]} >= {
        ("visibility", "tested in the open"), ("homepage", "address of the environment"),
    }  # fmt: skip
    assert [error["message"] for error in report["errors"]] == [
        f"{AGENCY} is synthetic and has access in prod",
        f"{tmp_path}/listed.csv, line 2: {CONSUMER} is synthetic, in a list for production",
    ]
    (told,) = report["information"]
    assert told["message"].startswith("2 consumers in test, 1 in prod; not in prod: 974760673")
    assert told["message"].endswith("1 of those in test are synthetic")
    lines = result.stdout.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("Kind "))
    table = lines[start : lines.index("", start)]
    assert all(len(line) <= 100 for line in table)
    assert any(line.split() == ["scope", "testetat:cases.read", "at_max_age", "120", "30"] for line in table)

    # A schedule sees it, and the report is written all the same; what was there before is written over.
    (tmp_path / "report.md").write_text("old")
    failed = run("--tags", "scopes", **pair, out="report.md", fail=True)
    assert failed.rc != 0
    assert "differences" in failed.output
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| scope | testetat:cases.read | at_max_age | 120 | 30 |" in page
    assert "title.en" not in page
    assert not sandbox.requests(service="altinn")


@pytest.mark.parametrize(
    ("args", "variables", "says"),
    [
        ((), {}, "Say -e from=test -e to=prod"),
        (("--limit", "test"), {"from": "test", "to": "prod"}, "leave --limit out or let it hold both"),
    ],
)
def test_one_environment_alone_is_refused_before_any_request(sandbox, prod, run, args, variables, says):
    result = run(*args, **variables)
    assert result.rc != 0
    assert says in " ".join(result.output.split())
    assert sandbox.requests() == prod.requests() == []


def test_a_login_that_fails_is_no_comparison(sandbox, prod, run):
    result = run("--limit", "test,sandbox", **{"from": "test", "to": "sandbox"})
    assert result.rc != 0
    assert "Nothing differs" not in result.output
