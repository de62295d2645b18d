# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""maskinporten_doctor: the sandbox lays each known trap, and the doctor names it.

Where the trap shows in an error, a real request produces it and the doctor reads the answer; where it shows in the state, the
doctor walks the chain.
"""

from __future__ import annotations

import datetime
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._doctor_traps import TRAPS
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._known_causes import CAUSES
from tests.conftest import SandboxClient
from tests.doctor_patients import (
    CONSUMER,
    PROVIDER,
    SCOPE,
    SUPPLIER,
    administration,
    doctor,
    seed_whole,
    states,
    traps,
)
from tests.modules.test_maskinporten_doctor_errors import SELF_SERVICE_ERRORS, TOKEN_ERRORS
from tests.sandbox_grants import request_token

WHOLE = {"scope": SCOPE, "organization": CONSUMER, "supplier": SUPPLIER}
Scenario = Callable[[SandboxClient, Path], dict[str, Any]]


def from_token_error(case: str, **params: Any) -> Scenario:
    """The answer to a real token request, pasted."""

    def scenario(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
        seed_whole(sandbox)
        answer = TOKEN_ERRORS[case][0](sandbox)
        assert answer.status_code >= 400
        return doctor(sandbox, error=answer.text, administration=None, **params)

    return scenario


def from_self_service_error(case: str) -> Scenario:
    """The answer of the self-service API to a real request, pasted."""

    def scenario(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
        seed_whole(sandbox)
        produce, status, _words = SELF_SERVICE_ERRORS[case]
        answer = produce(sandbox)
        assert answer.status_code == status
        return doctor(
            sandbox, error=f"HTTP {status} from the self-service API: {answer.text}", administration=None
        )

    return scenario


def from_chain(asked: dict[str, Any] | None = None, **patient: Any) -> Scenario:
    """The chain of a scope with one thing wrong."""

    def scenario(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
        seed_whole(sandbox, **patient)
        return doctor(sandbox, **(WHOLE if asked is None else asked))

    return scenario


def wrong_clock(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    seed_whole(sandbox)
    sandbox.clock(offset=-45)
    result = doctor(sandbox, **WHOLE)
    # The header Date knows whole seconds only.
    assert re.search(r"4\d seconds ahead of", result["first_broken"]["message"])
    return result


def client_of_the_other_environment(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    seed_whole(sandbox)
    unknown = {**administration(sandbox), "client_id": "lives-in-production"}
    result = doctor(sandbox, **WHOLE, administration=unknown)
    assert result["first_broken"]["link"] == "login"
    return result


def supplier_without_consumer_org(sandbox: SandboxClient, folder: Path) -> dict[str, Any]:
    """Said by the error of a supplier that asks for itself, and by the token of one that has access itself."""
    seed_whole(sandbox)
    supplier = sandbox.credentials("client", "supplier")
    refused = request_token(sandbox, supplier, scope=SCOPE)
    assert refused.json()["error"] == "forbidden"
    first = doctor(sandbox, **WHOLE, error=refused.text)
    assert "consumer_org" in first["causes"][0]["remedy"]
    sandbox.seed({"access": [{"scope": SCOPE, "consumers": [SUPPLIER]}]})
    given = request_token(sandbox, supplier, scope=SCOPE).json()["access_token"]
    (folder / "token").write_text(given)
    second = doctor(sandbox, **WHOLE, token_file=str(folder / "token"))
    assert second["first_broken"]["link"] == "token_consumer"
    assert traps(second) == {"consumer_org_forgotten"}
    return first


def revived_by_the_portal(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    """The portal saves the whole object with active true."""
    seed_whole(sandbox, scope={"active": False}, access=[])
    token = sandbox.token("administration", "idporten:scopes.write")
    base = sandbox.urls["self_service"].rstrip("/").removesuffix("/api/v1")
    body = {**sandbox.scope(SCOPE), "active": True}  # type: ignore[dict-item]
    for name in ("created", "last_updated"):
        body.pop(name)
    saved = sandbox.http.put(
        f"{base}/api/v1/scopes?scope={SCOPE}", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert saved.status_code == 200, saved.text
    result = doctor(sandbox, scope=SCOPE, declared={"state": "absent"})
    assert result["first_broken"]["link"] == "declared"
    assert "onboard" in result["first_broken"]["command"]
    return result


def half_an_update(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    """Another tool sends a part of the scope, and the API replaces the whole."""
    seed_whole(sandbox, scope={"long_description": "Long", "at_max_age": 30})
    token = sandbox.token("administration", "idporten:scopes.write")
    base = sandbox.urls["self_service"].rstrip("/").removesuffix("/api/v1")
    part = {
        "prefix": "testetat",
        "subscope": "cases.read",
        "description": "Lese saker",
        "visibility": "PUBLIC",
    }
    saved = sandbox.http.put(
        f"{base}/api/v1/scopes?scope={SCOPE}", json=part, headers={"Authorization": f"Bearer {token}"}
    )
    assert saved.status_code == 200, saved.text
    declared = {
        "description": "Lese saker",
        "long_description": "Long",
        "at_max_age": 30,
        "delegation": "altinn",
    }
    result = doctor(sandbox, scope=SCOPE, organization=CONSUMER, declared=declared)
    finding = next(finding for finding in result["findings"] if finding["link"] == "declared")
    assert "delegation_source" in finding["message"]
    assert "long_description" in finding["message"]
    assert finding["command"].startswith("ansible-playbook tilbyder.maskinporten.onboard")
    return result


def another_team_posts_its_key_set(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    seed_whole(sandbox)
    token = sandbox.token("administration", "idporten:dcr.write")
    base = sandbox.urls["self_service"].rstrip("/").removesuffix("/api/v1")
    address = f"{base}/api/v1/clients/testetat-altinn/jwks"
    headers = {"Authorization": f"Bearer {token}"}
    own = sandbox.credentials("altinn")["key_id"]
    key = sandbox.http.get(address, headers=headers).json()["keys"][0]
    theirs = {**{name: key[name] for name in ("kty", "alg", "use", "n", "e")}, "kid": "their-key"}
    assert sandbox.http.post(address, json={"keys": [theirs]}, headers=headers).status_code == 200
    result = doctor(sandbox, client="testetat-altinn", client_key_id=own)
    assert "registered: their-key" in result["first_broken"]["message"]
    assert "rotate" in result["first_broken"]["command"]
    return result


def granted_this_moment(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    """The grant is there, and the token service does not know it yet."""
    seed_whole(sandbox, access=[])
    sandbox.switch(propagation_seconds=100)
    token = sandbox.token("administration", "idporten:scopes.write")
    base = sandbox.urls["self_service"].rstrip("/").removesuffix("/api/v1")
    granted = sandbox.http.put(
        f"{base}/api/v1/scopes/access/{CONSUMER}?scope={SCOPE}", headers={"Authorization": f"Bearer {token}"}
    )
    assert granted.status_code == 200
    refused = request_token(sandbox, sandbox.credentials("client", "consumer"), scope=SCOPE)
    assert refused.json()["error"] == "forbidden"
    result = doctor(sandbox, scope=SCOPE, organization=CONSUMER, error=refused.text)
    assert states(result)["access"] == "warning"
    assert result["causes"][0]["passing"]
    assert "It can pass by itself within two minutes" in result["report"]
    return result


def a_broken_network(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    seed_whole(sandbox)
    sandbox.fault(route="GET /maskinporten/.well-known/*", kind="reset", times=None)
    result = doctor(sandbox, **WHOLE)
    assert result["first_broken"]["link"] == "connection"
    assert states(result) == {"connection": "broken"}
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/maskinporten/"
    unreachable = doctor(sandbox, **WHOLE, maskinporten_url=address)
    assert traps(unreachable) == {"network"}
    assert traps(doctor(sandbox, error=unreachable["first_broken"]["message"])) == {"network"}
    return result


def the_other_prefix(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    """Access was given to the scope of the same name under the organisation's other prefix."""
    seed_whole(sandbox)
    sandbox.seed({"scopes": [{"prefix": "testetatdigital", "subscope": "cases.read", "description": "x"}]})
    bare = doctor(sandbox, scope="cases.read", organization=CONSUMER)
    assert "testetatdigital:cases.read" in bare["first_broken"]["message"]
    result = doctor(sandbox, scope="testetatdigital:cases.read", organization=CONSUMER)
    assert result["first_broken"]["link"] == "access"
    assert f"it has access to {SCOPE}, which shares the subscope" in result["first_broken"]["message"]
    return result


def a_token_that_lives_as_the_scope_says(sandbox: SandboxClient, folder: Path) -> dict[str, Any]:
    seed_whole(sandbox, scope={"at_max_age": 600})
    consumer = sandbox.credentials("client", "consumer")
    (folder / "token").write_text(request_token(sandbox, consumer, scope=SCOPE).json()["access_token"])
    result = doctor(sandbox, scope=SCOPE, organization=CONSUMER, token_file=str(folder / "token"))
    assert result["healthy"], result["report"]
    finding = next(finding for finding in result["findings"] if finding["link"] == "token_lifetime")
    assert "lives 600 seconds; the scope's at_max_age is 600" in finding["message"]
    return result


def a_key_one_year_old(sandbox: SandboxClient, _folder: Path) -> dict[str, Any]:
    """Known by Maskinporten's answer, and by the client's keys before that."""
    seed_whole(sandbox)
    keys = next(entry for entry in sandbox.state()["clients"] if entry["client_id"] == "testetat-altinn")
    key = (keys.get("keys") or keys["jwks"]["keys"])[0]
    sandbox.seed({"clients": [{**keys, "keys": [{**key, "exp": int(time.time()) - 60}]}]})
    result = doctor(sandbox, client="testetat-altinn")
    assert result["first_broken"]["link"] == "client_keys"
    assert "rotate" in result["first_broken"]["command"]
    return result


SCENARIOS: dict[str, Scenario] = {
    "clock": wrong_clock,
    "audience": from_token_error("MP-110"),
    "other_environment": client_of_the_other_environment,
    "replay": from_token_error("MP-012"),
    "key_expired": a_key_one_year_old,
    "key_id": from_token_error("kid required"),
    "certificate_chain": from_token_error("MP-123"),
    "certificate_environment": from_token_error("MP-120"),
    "scope_not_on_client": from_token_error("MP-200"),
    "access_or_delegation": from_token_error("MP-251"),
    "consumer_org_forgotten": supplier_without_consumer_org,
    "consumer_org_own": from_token_error("own consumer_org"),
    "token_expired_midway": from_self_service_error("expired token"),
    "not_owner": from_self_service_error("not the owner"),
    "name_taken": from_self_service_error("deactivated name"),
    "reactivated_by_portal": revived_by_the_portal,
    "grants_on_deactivated_scope": from_chain(scope={"active": False}),
    "not_in_public_list": from_chain(scope={"visibility": "PRIVATE"}),
    "open_to_everyone": from_chain(scope={"accessible_for_all": True}, access=[]),
    "fields_vanished": half_an_update,
    "key_set_replaced": another_team_posts_its_key_set,
    "key_without_use": from_self_service_error("key without use"),
    "zero_lifetime": from_self_service_error("lifetime 0"),
    "empty_list": from_self_service_error("empty list (404)"),
    "terms_unsigned": from_self_service_error("terms not signed"),
    "token_lifetime": a_token_that_lives_as_the_scope_says,
    "wrong_altinn": from_chain(scope={"delegation_source": "https://www.altinn.no/"}),
    "propagation": granted_this_moment,
    "network": a_broken_network,
    "same_subscope_other_prefix": the_other_prefix,
    "path_as_number": from_chain({"scope": SCOPE, "organization": "../.."}),
    "mistyped_number": from_chain({"scope": SCOPE, "organization": "310002101"}),
    "extra_claims": from_token_error("unknown claim"),
}


def test_every_trap_has_a_scenario_and_every_cause_leads_to_a_trap_there_is() -> None:
    assert set(SCENARIOS) == set(TRAPS)
    assert {cause.trap for cause in CAUSES if cause.trap} <= set(TRAPS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_trap_is_named(sandbox: SandboxClient, tmp_path: Path, name: str) -> None:
    result = SCENARIOS[name](sandbox, tmp_path)
    assert not result["failed"], result.get("msg")
    assert name in traps(result), result["report"]
    told = next(trap for trap in result["traps"] if trap["name"] == name)
    assert told["cause"] == TRAPS[name].cause
    assert told["way_out"] == TRAPS[name].way_out


# --- the same traps met another way ------------------------------------------------------------------------------------


def test_the_clock_is_measured_before_the_login_is_refused(sandbox: SandboxClient, tmp_path: Path) -> None:
    result = wrong_clock(sandbox, tmp_path)
    assert result["first_broken"]["link"] == "clock"
    assert result["findings"][1]["link"] == "clock"


@pytest.mark.parametrize(
    ("case", "trap"),
    [
        ("MP-130", "clock"),
        ("issue time", "clock"),
        ("MP-124", "certificate_environment"),
        ("unknown kid", "key_id"),
        ("MP-100", "other_environment"),
        ("MP-250", "access_or_delegation"),
        ("MP-121", "key_expired"),
    ],
)
def test_several_errors_lead_to_one_trap(
    sandbox: SandboxClient, tmp_path: Path, case: str, trap: str
) -> None:
    assert trap in traps(from_token_error(case)(sandbox, tmp_path))


def test_an_unsigned_organisation_is_found_by_the_walk_itself(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    sandbox.switch(terms_signed=False)
    result = doctor(sandbox, **WHOLE)
    assert result["first_broken"]["link"] == "terms"
    assert traps(result) == {"terms_unsigned"}


def test_a_foreign_prefix_is_found_by_the_walk_itself(sandbox: SandboxClient) -> None:
    result = doctor(sandbox, scope="lysheietat:cases.read", organization=CONSUMER)
    assert result["first_broken"]["link"] == "scope"
    assert "its prefixes are testetat, testetatdigital" in result["first_broken"]["message"]
    assert traps(result) == {"not_owner"}


def test_a_scope_without_the_client_is_found_by_the_clients_scopes(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    result = doctor(sandbox, scope=SCOPE, client="testetat-altinn")
    assert result["first_broken"]["link"] == "client_scope"
    assert "scope_not_on_client" in traps(result)


def test_an_empty_list_is_no_obstacle_to_the_walk(sandbox: SandboxClient) -> None:
    for mode in ("error404", "error400", "array"):
        sandbox.reset()
        seed_whole(sandbox, access=[])
        sandbox.switch(empty_list=mode)
        assert doctor(sandbox, **WHOLE)["first_broken"]["link"] == "access"


def test_access_granted_long_ago_is_not_suspected(sandbox: SandboxClient) -> None:
    seed_whole(sandbox, access=[])
    long_ago = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)).isoformat()
    sandbox.seed(
        {"access": [{"scope": SCOPE, "consumers": [CONSUMER], "created": long_ago, "last_updated": long_ago}]}
    )
    assert states(doctor(sandbox, **WHOLE))["access"] == "ok"


def test_the_provider_itself_may_be_asked_about(sandbox: SandboxClient) -> None:
    seed_whole(sandbox)
    result = doctor(sandbox, scope=SCOPE, organization=PROVIDER)
    assert result["first_broken"]["link"] == "access"
