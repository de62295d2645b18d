# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every EXAMPLES block is run as it is written, by the real ansible-playbook, in the sandbox.

An example says ``environment: test``; environment variables lead that to the sandbox, as they would lead it to a proxy. What an
example presupposes (a scope, a client, a file beside the playbook) is made ready here; the only text that is changed is
``/etc``, which becomes a folder of the test.
"""

from __future__ import annotations

import ast
import dataclasses
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conftest import ROOT, SandboxClient
from tests.playbook_runner import run_playbook
from tests.policy_seeds import policy_text, resource, seed_policies

READ, WRITE = "testetat:cases.read", "testetat:cases.write"
FQCN = "tilbyder.maskinporten"


def _example_of(file: Path) -> str | None:
    """The EXAMPLES of a plugin's file, or None where the file documents nothing."""
    if file.suffix == ".yml":
        return str(yaml.safe_load(file.read_text(encoding="utf-8"))["EXAMPLES"])
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return str(ast.literal_eval(node.value))
    return None


def _examples() -> dict[str, str]:
    """``kind/name`` of every documented plugin, and its examples."""
    found = {}
    for kind in ("modules", "lookup", "filter", "test"):
        folder = ROOT / "plugins" / kind
        for file in sorted([*folder.glob("[!_]*.py"), *folder.glob("*.yml")]):
            text = _example_of(file)
            if text is not None:
                found[f"{kind}/{file.stem}"] = text
    return found


EXAMPLES = _examples()


@dataclasses.dataclass
class Stage:
    """What an example finds: the sandbox and the folder it is run in; ``before`` are tasks of the test's own."""

    sandbox: SandboxClient
    folder: Path
    variables: dict[str, Any] = dataclasses.field(default_factory=dict)
    before: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    replacements: dict[str, str] = dataclasses.field(default_factory=dict)

    def file(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def task(self, module: str, register: str, **options: Any) -> None:
        self.before.append({f"{FQCN}.{module}": options, "register": register})


def _scopes(stage: Stage) -> None:
    stage.sandbox.seed(
        {
            "scopes": [
                {
                    "name": name,
                    "description": name,
                    "delegation_source": f"{stage.sandbox.urls['altinn'].rstrip('/')}/",
                }
                for name in (READ, WRITE)
            ]
        }
    )


def _consumer_files(stage: Stage) -> None:
    rows = (
        "organization_number;name;case_number\n310002100;Stille Bre AS;2026/114\n310 004 774;Trygg Mose AS;\n"
    )
    for name in ("consumers/cases.csv", "consumers/approved.csv", "cases.csv"):
        stage.file(name, rows)


def _resources(stage: Stage) -> None:
    _scopes(stage)

    def entry(name: str, scope: str) -> dict[str, Any]:
        reference = {
            "referenceSource": "Altinn3",
            "referenceType": "MaskinportenScope",
            "reference": scope,
        }
        # A policy of the official guides: nothing but a role that ends with Altinn 2.
        return resource(name, policy_text("seed-aquaculture", name), resourceReferences=[reference])

    portal = resource(
        "testetat-portal",
        policy_text("generic", "testetat-portal"),
        resourceType="GenericAccessResource",
        resourceReferences=[],
    )
    seed_policies(
        stage.sandbox, entry("testetat-cases-read", READ), entry("testetat-cases-write", WRITE), portal
    )


def _resource_files(stage: Stage) -> None:
    _scopes(stage)
    text = {"nb": "Endre saker", "nn": "Endre saker", "en": "Change cases"}
    for name, scope in (("cases-read", READ), ("cases-write", WRITE)):
        stage.file(
            f"resources/{name}.json",
            json.dumps(
                {
                    "identifier": f"testetat-{name}",
                    "resourceType": "MaskinportenSchema",
                    "title": text,
                    "description": text,
                    "rightDescription": text,
                    "contactPoints": [{"category": "Support", "email": "api@testetat.example"}],
                    "resourceReferences": [
                        {
                            "referenceSource": "Default",
                            "referenceType": "MaskinportenScope",
                            "reference": scope,
                        }
                    ],
                },
                ensure_ascii=False,
            ),
        )


def _clients(stage: Stage) -> None:
    _scopes(stage)
    stage.sandbox.seed(
        {
            "clients": [
                {
                    "client_id": "7d1f2c0e-52d4-4f6a-9a33-0d3b1b5f4a11",
                    "client_name": "cases-old",
                    "client_orgno": "310001007",
                    "scopes": [READ],
                }
            ]
        }
    )


def _client_keys(stage: Stage) -> None:
    _scopes(stage)
    stage.sandbox.seed(
        {
            "access": [{"scope": READ, "consumer_orgno": "310001007"}],
            "clients": [
                {
                    "client_id": "cases-batch-id",
                    "client_name": "cases-batch",
                    "client_orgno": "310001007",
                    "scopes": [READ],
                }
            ],
        }
    )
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = pair.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    stage.file("cases-batch.pub.pem", public.decode())


def _granted(stage: Stage) -> None:
    _scopes(stage)
    _consumer_files(stage)
    stage.sandbox.seed({"access": [{"scope": READ, "consumers": ["310002100", "310006661"]}]})


def _doctor(stage: Stage) -> None:
    _resources(stage)
    _granted(stage)
    token = stage.sandbox.token("administration", "idporten:scopes.write")
    stage.file("token.jwt", token)


def _access_result(stage: Stage) -> None:
    _scopes(stage)
    for name in ("access", "registered_from_consumer_access"):
        stage.task("consumer_access", name, environment="test", scope=READ, consumers=["310002100"])


def _access_list(stage: Stage) -> None:
    _granted(stage)
    stage.task("consumer_access_info", "access", environment="test", scopes=[READ])


def _plan(stage: Stage) -> None:
    apis = [{"name": "cases", "scope": {"prefix": "testetat", "subscope": "cases.read", "description": "x"}}]
    stage.variables["apis"] = apis
    stage.variables["plan"] = f"{{{{ apis | {FQCN}.provider_declarations(environment='test') }}}}"


def _preflight(stage: Stage) -> None:
    _plan(stage)
    stage.task(
        "maskinporten_preflight_info",
        "preflight_result",
        environment="test",
        organization_number="310001007",
        prefixes=["testetat"],
    )


def _steps(stage: Stage) -> None:
    _preflight(stage)
    stage.variables["steps"] = f"{{{{ plan | {FQCN}.onboarding_checklist(preflight=preflight_result) }}}}"


def _messages(stage: Stage) -> None:
    _plan(stage)
    _access_result(stage)


def _workbook(stage: Stage) -> None:
    _scopes(stage)
    _consumer_files(stage)
    workbook = openpyxl.Workbook()
    for row in (("Org.nr.", "Navn"), (310002100, "Stille Bre AS"), ("310 004 774", "Trygg Mose AS")):
        workbook.active.append(row)
    workbook.save(stage.folder / "cases.xlsx")
    stage.replacements["agency:cases.read"] = READ


def _rows(stage: Stage) -> None:
    _access_result(stage)
    stage.variables["rows"] = [{"organization_number": "310002100", "name": "Stille Bre AS"}]


def _live_scopes(stage: Stage) -> None:
    _scopes(stage)
    stage.task(
        "maskinporten_scope_info",
        "registered_from_maskinporten_scope_info",
        environment="test",
        prefix="testetat",
    )


def _numbers(stage: Stage) -> None:
    stage.variables.update(provider="310001007", consumers=["974761076", "971203420"])


def _api_with_a_token(stage: Stage) -> None:
    _scopes(stage)
    consumer = stage.sandbox.credentials("client", "consumer")
    held = next(
        client["scopes"]
        for client in stage.sandbox.state()["clients"]
        if client["client_id"] == consumer["client_id"]
    )
    stage.sandbox.seed(
        {
            "access": [{"scope": READ, "consumer_orgno": consumer["organization_number"]}],
            "clients": [
                {
                    "client_id": consumer["client_id"],
                    "client_orgno": consumer["organization_number"],
                    "scopes": [*held, READ],
                }
            ],
        }
    )
    stage.variables.update(
        client_id=consumer["client_id"],
        client_key=consumer["private_key_path"],
        client_key_id=consumer["key_id"],
    )


STAGES: dict[str, Callable[[Stage], None]] = {
    "modules/altinn_access_list": lambda stage: (_resources(stage), _consumer_files(stage), None)[-1],
    "modules/altinn_access_list_info": _resources,
    "modules/altinn_delegation_info": _resources,
    "modules/altinn_policy": _resources,
    "modules/altinn_policy_info": _resources,
    "modules/altinn_resource": _resource_files,
    "modules/altinn_resource_info": _resources,
    "modules/consumer_access": lambda stage: (_scopes(stage), _consumer_files(stage), None)[-1],
    "modules/consumer_access_info": _granted,
    "modules/maskinporten_client": _clients,
    "modules/maskinporten_client_info": _client_keys,
    "modules/maskinporten_client_key": _client_keys,
    "modules/maskinporten_doctor": _doctor,
    "modules/maskinporten_scope_info": _scopes,
    "lookup/maskinporten_token": _api_with_a_token,
    "filter/access_record": _access_result,
    "filter/access_report": _access_list,
    "filter/adopted_declarations": _live_scopes,
    "filter/brief_result": _access_result,
    "filter/consumer_messages": _messages,
    "filter/onboarding_checklist": _preflight,
    "filter/onboarding_table": _steps,
    "filter/read_consumers": _workbook,
    "filter/row_table": _rows,
    "filter/untold_consumers": _access_result,
    "test/organization_number": _numbers,
}


class _Api(http.server.BaseHTTPRequestHandler):
    """An API that wants a token and looks no further."""

    def do_GET(self) -> None:
        bearer = self.headers.get("Authorization", "")
        allowed = bearer.startswith("Bearer ") and bearer.count(".") == 2
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def api_url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_plugin_has_examples() -> None:
    files = {
        f"{kind}/{file.stem}"
        for kind in ("modules", "lookup", "test")
        for file in (ROOT / "plugins" / kind).glob("[!_]*.py")
    }
    assert files <= set(EXAMPLES)
    assert set(STAGES) <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run_as_written(name: str, sandbox: SandboxClient, tmp_path: Path, api_url: str) -> None:
    stage = Stage(
        sandbox, tmp_path, replacements={"/etc/": f"{tmp_path}/etc/", "https://api.example.no": api_url}
    )
    (tmp_path / "etc" / "cases").mkdir(parents=True)
    STAGES.get(name, lambda _: None)(stage)
    text = EXAMPLES[name]
    for written, here in stage.replacements.items():
        text = text.replace(written, here)
    administration, altinn = sandbox.credentials("administration"), sandbox.credentials("altinn")
    play = {
        "name": name,
        "hosts": "all",
        "gather_facts": False,
        "vars": {
            "administration_client_id": administration["client_id"],
            "administration_key": administration["private_key_path"],
            "administration_certificate": administration["certificate_chain_path"],
            "altinn_client_id": altinn["client_id"],
            "altinn_key": altinn["private_key_path"],
            "altinn_private_key_path": altinn["private_key_path"],
            "altinn_key_id": altinn["key_id"],
            **stage.variables,
        },
        "tasks": [*stage.before, *yaml.safe_load(text)],
    }
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(yaml.safe_dump([play], sort_keys=False, allow_unicode=True), encoding="utf-8")
    run = run_playbook(
        playbook,
        cwd=tmp_path,
        environment={
            "MASKINPORTEN_ENVIRONMENT": "test",
            "MASKINPORTEN_URL": sandbox.urls["maskinporten"],
            "MASKINPORTEN_SELF_SERVICE_URL": sandbox.urls["self_service"],
            "ALTINN_URL": sandbox.urls["altinn"],
            "ORGANIZATION_REGISTER_URL": sandbox.urls["register"],
            "MASKINPORTEN_CLIENT_ID": administration["client_id"],
            "MASKINPORTEN_PRIVATE_KEY_PATH": administration["private_key_path"],
            "MASKINPORTEN_CERTIFICATE_CHAIN_PATH": administration["certificate_chain_path"],
            "ALTINN_CLIENT_ID": altinn["client_id"],
            "ALTINN_PRIVATE_KEY_PATH": altinn["private_key_path"],
            "ALTINN_KEY_ID": altinn["key_id"],
        },
    )
    assert run.rc == 0, run.output
    assert run.failed == 0
    assert "DEPRECATION" not in run.output
    assert len(run.tasks) == len(play["tasks"]), run.output
