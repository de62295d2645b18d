# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX objects of ``docs/awx`` keep the rules by which AWX takes or refuses them, and fit the playbooks they start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined, meta

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._options import (
    CONNECTION_VARIABLES,
    IDENTITY_VARIABLES,
    identity_settings,
)
from scripts.tree import ROOT

AWX = ROOT / "docs" / "awx"
PROJECT = AWX / "project"
QUESTION_TYPES = {"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"}
RESERVED_VARIABLES = re.compile(
    r"(ANSIBLE_.*|PATH|PYTHONPATH|HOME|LD_.*|USER|INVENTORY_ID|PROJECT_REVISION|JOB_ID|VIRTUAL_ENV|TOWER_.*|AWX_.*|SUPERVISOR_.*)"
)
# Verbs that change something, and so come in two.
WRITING = {"onboard.yml", "grant.yml", "revoke.yml"}


class Loader(yaml.SafeLoader):
    """Reads ``!unsafe`` as the text that it marks."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def _load() -> dict[str, list[dict[str, Any]]]:
    objects: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(AWX.glob("*.yml")):
        for kind, entries in yaml.load(file.read_text(encoding="utf-8"), Loader=Loader).items():
            assert kind.startswith("controller_"), (
                f"{file.name}: {kind} is no variable of infra.aap_configuration"
            )
            assert kind not in objects
            objects[kind] = entries
    return objects


OBJECTS = _load()
TYPES = OBJECTS["controller_credential_types"]
TEMPLATES = OBJECTS["controller_templates"]
BY_NAME = {template["name"]: template for template in TEMPLATES}


def names(kind: str) -> set[str]:
    return {entry["name"] for entry in OBJECTS[kind]}


def ids(entry: dict[str, Any]) -> str:
    return str(entry["name"])


def mistakes_in_type(entry: dict[str, Any]) -> Iterator[str]:
    """What AWX would refuse a credential type for."""
    fields = entry["inputs"]["fields"]
    known = [field["id"] for field in fields]
    if len(known) != len(set(known)):
        yield "a field id occurs twice"
    for field in fields:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field["id"]) or field["id"] == "tower":
            yield f"{field['id']} is no field id"
        if field.get("type") not in ("string", "boolean") or not field.get("label"):
            yield f"{field['id']} lacks type or label"
        if field.get("type") != "string" and {"secret", "multiline", "choices", "format"} & set(field):
            yield f"{field['id']}: only a string can be secret"
        if set(field) - {
            "id",
            "label",
            "type",
            "help_text",
            "secret",
            "multiline",
            "choices",
            "format",
            "default",
        }:
            yield f"{field['id']} has an unknown member"
    if set(entry["inputs"].get("required", [])) - set(known):
        yield "a required field does not exist"
    injectors = entry["injectors"]
    if set(injectors) - {"env", "file", "extra_vars"}:
        yield "an unknown injector"
    files = set(injectors.get("file", {}))
    if "template" in files and len(files) > 1:
        yield "template and template.NAME exclude each other"
    if any(not re.fullmatch(r"template(\.[A-Za-z_][A-Za-z0-9_]*)?", name) for name in files):
        yield "a file is called template or template.NAME"
    for variable, text in injectors.get("env", {}).items():
        if RESERVED_VARIABLES.fullmatch(variable):
            yield f"{variable} cannot be set"
        if not text.isascii():
            yield f"{variable}: not ASCII"
    for text in [text for group in injectors.values() for text in group.values()]:
        if meta.find_undeclared_variables(Environment().parse(text)) - {*known, "tower"}:
            yield f"{text} names an undefined field"
        for file in re.findall(r"tower\.filename\.(\w+)", text):
            if f"template.{file}" not in files:
                yield f"{text} names a file that is not written"


@pytest.mark.parametrize("entry", TYPES, ids=ids)
def test_awx_takes_the_credential_type(entry: dict[str, Any]) -> None:
    assert list(mistakes_in_type(entry)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry["injectors"]["env"].update(ANSIBLE_PRIVATE_KEY_FILE="{{ client_id }}"),
        lambda entry: entry["injectors"]["env"].update(MASKINPORTEN_KEY_ID="{{ kid }}"),
        lambda entry: entry["injectors"]["env"].update(MASKINPORTEN_KEY_ID="nøkkel"),
        lambda entry: entry["injectors"]["file"].update(template="{{ private_key }}"),
        lambda entry: entry["injectors"]["file"].clear(),
        lambda entry: entry["inputs"]["fields"].append({"id": "tower", "label": "Tower", "type": "string"}),
        lambda entry: entry["inputs"]["fields"].append(
            {"id": "x", "label": "X", "type": "boolean", "secret": True}
        ),
        lambda entry: entry["inputs"]["required"].append("nothing"),
    ],
)
def test_the_rules_find_what_awx_refuses(spoil: Any) -> None:
    entry = yaml.safe_load(yaml.safe_dump(TYPES[0]))
    spoil(entry)
    assert list(mistakes_in_type(entry)) != []


def rendered(entry: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    """The variables of a job with a credential of this type; a field that was left blank is empty, as in AWX."""
    fields = {field["id"]: inputs.get(field["id"], "") for field in entry["inputs"]["fields"]}
    files = {name.partition(".")[2]: f"/runner/env/{name}" for name in entry["injectors"].get("file", {})}
    jinja = Environment(undefined=StrictUndefined)
    return {
        variable: jinja.from_string(text).render(**fields, tower={"filename": files})
        for variable, text in entry["injectors"]["env"].items()
    }


@pytest.mark.parametrize("proof", ["key_id", "certificate_chain"])
@pytest.mark.parametrize(("entry", "prefix"), list(zip(TYPES, ("MASKINPORTEN_", "ALTINN_"), strict=True)))
def test_the_modules_log_in_with_what_the_credential_gives(
    entry: dict[str, Any], prefix: str, proof: str
) -> None:
    given = rendered(entry, {"client_id": "our-client", "private_key": "KEY", proof: "PROOF"})
    known = {f"{prefix}{end}" for end in IDENTITY_VARIABLES.values()} | set(CONNECTION_VARIABLES.values())
    assert set(given) <= known
    settings = identity_settings({}, [prefix], given)
    assert settings["client_id"] == "our-client"
    assert settings["private_key_path"] == "/runner/env/template.key"
    assert settings[proof] == "PROOF"
    assert {name for name in ("key_id", "certificate_chain") if settings[name]} == {proof}


@pytest.mark.parametrize("entry", TYPES, ids=ids)
def test_no_key_reaches_the_environment_of_a_job(entry: dict[str, Any]) -> None:
    """A runner keeps the environment of a job in clear; a key goes to a file."""
    assert "KEY-TEXT" not in " ".join(rendered(entry, {"private_key": "KEY-TEXT"}).values())
    secrets = {field["id"] for field in entry["inputs"]["fields"] if field.get("secret")}
    assert {"private_key", "private_key_passphrase"} <= secrets


def _playbook_text(template: dict[str, Any]) -> str:
    """The playbook a template starts, with the variables file that all playbooks read."""
    [play] = yaml.safe_load((PROJECT / template["playbook"]).read_text(encoding="utf-8"))
    namespace, name, playbook = play["ansible.builtin.import_playbook"].split(".")
    assert (namespace, name) == ("tilbyder", "maskinporten")
    files = (ROOT / "playbooks" / f"{playbook}.yml", ROOT / "playbooks" / "vars" / "connection.yml")
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("template", TEMPLATES, ids=ids)
def test_template_leads_to_things_that_exist(template: dict[str, Any]) -> None:
    assert template["project"] in names("controller_projects")
    assert template["inventory"] in names("controller_inventories")
    assert set(template["credentials"]) <= names("controller_credentials")
    assert template["job_type"] in ("run", "check")
    assert _playbook_text(template)


@pytest.mark.parametrize("template", TEMPLATES, ids=ids)
def test_survey_is_one_that_awx_takes_and_the_playbook_reads(template: dict[str, Any]) -> None:
    survey = template["survey_spec"]
    assert template["survey_enabled"] is True
    assert survey["name"]
    assert "description" in survey
    variables = [question["variable"] for question in survey["spec"]]
    assert len(variables) == len(set(variables))
    assert len(variables) <= 6, "few questions; all else stands in the inventory"
    text = _playbook_text(template)
    for question in survey["spec"]:
        assert question["question_name"]
        assert question["type"] in QUESTION_TYPES
        assert isinstance(question["required"], bool)
        assert re.search(rf"(?<![\w.]){question['variable']}\b(?!:)", text), (
            f"{question['variable']} is not read"
        )
        default = question.get("default", "")
        if question["type"] == "integer":
            assert isinstance(default, int)
            assert question["min"] <= default <= question["max"]
        elif question["type"] == "multiplechoice":
            assert default in question["choices"]
            assert all(isinstance(choice, str) for choice in question["choices"])
        else:
            assert isinstance(default, str)
        if not question["required"]:
            name = question["variable"]
            blank = rf"{name} \| default\(|{name} is defined and {name} \| length > 0"
            assert re.search(blank, text), "a blank answer must do no harm"


@pytest.mark.parametrize("template", TEMPLATES, ids=ids)
def test_every_template_asks_for_the_environment(template: dict[str, Any]) -> None:
    """A host stands for an environment; without the question a job would mean all of them."""
    target = next(entry for entry in template["survey_spec"]["spec"] if entry["variable"] == "target")
    hosts = yaml.safe_load((ROOT / "inventories/example/hosts.yml").read_text(encoding="utf-8"))["all"][
        "hosts"
    ]
    assert set(target["choices"]) <= set(hosts)
    assert target["required"] is True
    assert target["default"] == "test"


def test_whatever_writes_has_its_plan_next_to_it() -> None:
    for playbook in WRITING:
        both = {template["job_type"]: template for template in TEMPLATES if template["playbook"] == playbook}
        assert set(both) == {"run", "check"}
        assert both["check"]["diff_mode"] is True
        assert both["check"]["survey_spec"] == both["run"]["survey_spec"]


def test_workflow_asks_a_person_between_plan_and_change() -> None:
    for workflow in OBJECTS["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        plan, approve, change = nodes["Plan"], nodes["Approve"], nodes["Change"]
        assert BY_NAME[plan["unified_job_template"]]["job_type"] == "check"
        assert BY_NAME[change["unified_job_template"]]["job_type"] == "run"
        assert plan["success_nodes"] == ["Approve"]
        assert approve["approval_node"]["name"]
        assert approve["success_nodes"] == ["Change"]
        assert plan["extra_data"] == change["extra_data"]
        assert set(plan["credentials"]) == set(change["credentials"]) <= names("controller_credentials")
        for node in (plan, change):
            template = BY_NAME[node["unified_job_template"]]
            assert template["ask_credential_on_launch"] is True
            asked = {question["variable"] for question in template["survey_spec"]["spec"]}
            assert set(node["extra_data"]) <= asked


def test_schedules_start_templates_with_answers_they_know() -> None:
    for schedule in OBJECTS["controller_schedules"]:
        template = BY_NAME[schedule["unified_job_template"]]
        asked = {question["variable"] for question in template["survey_spec"]["spec"] if question["required"]}
        assert asked <= set(schedule["extra_data"])
        assert re.match(r"DTSTART;TZID=\S+:\d{8}T\d{6} RRULE:.*INTERVAL=", schedule["rrule"])


def test_credentials_have_a_type_and_hold_no_secret() -> None:
    for credential in OBJECTS["controller_credentials"]:
        assert credential["credential_type"] in names("controller_credential_types")
        assert "inputs" not in credential


def test_every_playbook_of_the_project_has_a_template() -> None:
    files = {file.name for file in Path(PROJECT).glob("*.yml")}
    assert files == {template["playbook"] for template in TEMPLATES}
