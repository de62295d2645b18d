# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login as people get it wrong: keys, certificates, clocks, environments, networks. One sentence each, never a secret."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.conftest import SandboxClient
from tests.module_runner import run_module

PASSPHRASE = "en lang nok passordfrase"


@pytest.fixture
def pem(sandbox: SandboxClient) -> bytes:
    return Path(sandbox.credentials("administration")["private_key_path"]).read_bytes()


def login(sandbox: SandboxClient, identity: str = "administration", **params: Any) -> dict[str, Any]:
    """Prove a login; an option that is given as None is left out."""
    scope = (
        "idporten:scopes.write" if identity == "administration" else "altinn:resourceregistry/resource.write"
    )
    return run_module("maskinporten_token", {**sandbox.auth(identity), "scopes": [scope], **params})


def refused(result: dict[str, Any], *parts: str) -> None:
    assert result["failed"]
    for part in parts:
        assert part in result["msg"]
    assert "Traceback" not in json.dumps(result)
    assert "exception" not in result


# -- forms of key that work -----------------------------------------------------------


def test_every_form_of_key_logs_in(sandbox: SandboxClient, pem: bytes, tmp_path: Path) -> None:
    known = sandbox.credentials("administration")
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    der = tmp_path / "key.der"
    der.write_bytes(
        key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    passphrase = Path(known["passphrase_path"]).read_text().strip()
    for form in (
        {"private_key_path": known["private_key_path"]},
        {"private_key_path": known["rsa_private_key_path"]},
        {"private_key_path": known["encrypted_private_key_path"], "private_key_passphrase": passphrase},
        {"private_key_path": known["jwk_path"]},
        {"private_key_path": str(der)},
        {"private_key_path": None, "private_key": pem.decode()},
        {"private_key_path": None, "private_key": Path(known["jwk_path"]).read_text()},
    ):
        result = login(sandbox, **form)
        assert not result["failed"], (form.keys(), result["msg"])
        assert result["organization_number"] == "310001007"
        assert "access_token" not in result


def test_a_pkcs12_file_brings_its_own_chain(sandbox: SandboxClient, pem: bytes, tmp_path: Path) -> None:
    from cryptography.x509 import load_pem_x509_certificates

    chain = load_pem_x509_certificates(
        Path(sandbox.credentials("administration")["certificate_chain_path"]).read_bytes()
    )
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    bundle = tmp_path / "enterprise.p12"
    bundle.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"enterprise",
            key,
            chain[0],
            chain[1:],
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )
    result = login(
        sandbox, private_key_path=str(bundle), private_key_passphrase=PASSPHRASE, certificate_chain_path=None
    )
    assert not result["failed"], result["msg"]
    refused(
        login(sandbox, private_key_path=str(bundle), certificate_chain_path=None), "private_key_passphrase"
    )


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_every_algorithm_is_taken(sandbox: SandboxClient, algorithm: str) -> None:
    assert not login(sandbox, algorithm=algorithm)["failed"]


def test_a_chain_in_any_order_is_put_right(sandbox: SandboxClient, tmp_path: Path) -> None:
    text = Path(sandbox.credentials("administration")["certificate_chain_path"]).read_text()
    end = "-----END CERTIFICATE-----\n"
    parts = [part + end for part in text.split(end) if part.strip()]
    assert len(parts) > 1
    turned = tmp_path / "chain.pem"
    turned.write_text("".join(reversed(parts)))
    assert not login(sandbox, certificate_chain_path=str(turned))["failed"]


def test_a_token_is_returned_only_to_a_task_that_hides_it(sandbox: SandboxClient) -> None:
    refused(login(sandbox, return_token=True), "no_log: true")
    assert sandbox.requests() == []
    hidden = login(sandbox, return_token=True, _ansible_no_log=True)
    assert hidden["access_token"].count(".") == 2


# -- keys that do not -------------------------------------------------------------------


def test_keys_that_cannot_sign_are_named_for_what_they_are(
    sandbox: SandboxClient, pem: bytes, tmp_path: Path
) -> None:
    known = sandbox.credentials("administration")
    key = serialization.load_pem_private_key(pem, None)
    public = tmp_path / "public.pem"
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    curve = tmp_path / "curve.pem"
    curve.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    short = tmp_path / "short.pem"
    short.write_bytes(
        rsa.generate_private_key(65537, 1024).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(pem[: len(pem) // 2])
    words = tmp_path / "words.pem"
    words.write_text("not a key at all, just words in a file that is long enough to be one\n" * 20)
    jwk = json.loads(Path(known["jwk_path"]).read_text())
    public_jwk = tmp_path / "public.jwk"
    public_jwk.write_text(json.dumps({member: jwk[member] for member in ("kty", "n", "e") if member in jwk}))
    empty = tmp_path / "empty.pem"
    empty.touch()
    for path, expected in (
        (tmp_path / "absent.pem", "No such file"),
        (tmp_path, "Is a directory"),
        (empty, "is empty"),
        (public, "holds a public key"),
        (public_jwk, "holds a public key"),
        (Path(known["certificate_chain_path"]), "holds a certificate"),
        (curve, "not RSA"),
        (short, "1024 bits"),
        (damaged, "cannot be read"),
        (words, "no private key"),
        (Path(known["encrypted_private_key_path"]), "private_key_passphrase"),
    ):
        refused(login(sandbox, private_key_path=str(path)), expected)
    wrong = login(
        sandbox,
        private_key_path=known["encrypted_private_key_path"],
        private_key_passphrase="feil passordfrase",
    )
    refused(wrong, "cannot be decrypted")
    assert "feil passordfrase" not in json.dumps(wrong)
    refused(login(sandbox, private_key_path=None, private_key="/etc/keys/admin.pem"), "private_key_path")
    assert sandbox.requests() == []


def test_key_and_certificate_that_do_not_belong_together(sandbox: SandboxClient) -> None:
    other = sandbox.credentials("administration", "fdir")
    refused(
        login(sandbox, certificate_chain_path=other["certificate_chain_path"]),
        "does not belong to the private key",
    )
    assert sandbox.requests() == []


def test_an_expired_certificate_is_named_before_any_request(sandbox: SandboxClient) -> None:
    issued = sandbox.certificate("310001007", expired=True)
    result = login(
        sandbox,
        private_key_path=issued["private_key_path"],
        certificate_chain_path=issued["certificate_chain_path"],
    )
    refused(result, "the certificate expired on 20")
    assert sandbox.requests() == []


def test_options_that_exclude_each_other(sandbox: SandboxClient) -> None:
    refused(login(sandbox, key_id="x-1"), "key_id", "exclude each other")
    refused(login(sandbox, grant_lifetime=500), "grant_lifetime")
    refused(login(sandbox, client_id=None), "client_id")
    refused(login(sandbox, token="kort"), "token")


# -- the token endpoint says no ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"client_id": "no-such-client"}, ("MP-100", "environment")),
        ({"scopes": ["idporten:scopes.write", "altinn:x"]}, ("MP-200", "altinn:x")),
    ],
)
def test_refusals_name_code_meaning_and_remedy(
    sandbox: SandboxClient, change: dict[str, Any], expected: tuple[str, ...]
) -> None:
    result = login(sandbox, **change)
    refused(result, *expected)
    assert result["trace_id"]


def test_a_key_registered_under_another_id(sandbox: SandboxClient) -> None:
    refused(login(sandbox, "altinn", key_id="someone-elses"), "key_id")


def test_a_certificate_of_another_organisation(sandbox: SandboxClient) -> None:
    other = sandbox.auth("administration", "fdir")
    result = login(sandbox, **{**other, "client_id": sandbox.credentials("administration")["client_id"]})
    refused(result, "MP-122")


def test_the_clock_offset_is_reported(sandbox: SandboxClient) -> None:
    sandbox.clock(offset=-60)
    result = login(sandbox)
    refused(result, "seconds ahead of Maskinporten")
    sandbox.clock(offset=200)
    refused(login(sandbox), "behind")


def test_a_wrong_environment_is_refused_before_login(sandbox: SandboxClient) -> None:
    refused(login(sandbox, maskinporten_url=sandbox.urls["altinn"]), "maskinporten_url")
    assert sandbox.counts()["token"] == 0


# -- the network says no ------------------------------------------------------------------------


def test_nobody_listens(sandbox: SandboxClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(login(sandbox, maskinporten_url=f"http://127.0.0.1:{port}/", retries=1), "cannot be reached")


def test_a_gateways_html_page(sandbox: SandboxClient) -> None:
    sandbox.fault(route="POST /maskinporten/token", kind="html", times=None)
    refused(login(sandbox, retries=0), "502")


def test_a_token_endpoint_that_is_down_for_a_moment(sandbox: SandboxClient) -> None:
    sandbox.fault(route="POST /maskinporten/token", kind="status", status=503, retry_after="0", times=2)
    result = login(sandbox)
    assert not result["failed"], result["msg"]
    assert result["requests"]["token"] == 3


def test_every_attempt_carries_a_fresh_grant(sandbox: SandboxClient) -> None:
    # The first answer is lost after the server took the grant: the same grant again would be refused as used.
    sandbox.fault(route="POST /maskinporten/token", kind="truncated")
    result = login(sandbox)
    assert not result["failed"], result["msg"]


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """An https server whose certificate nobody has signed."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip

    class Quiet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_address[1]}/"
    server.shutdown()


def test_a_certificate_nobody_signed_is_not_trusted(
    sandbox: SandboxClient, tls_server: str, tmp_path: Path
) -> None:
    refused(login(sandbox, maskinporten_url=tls_server), "certificate cannot be verified", "ca_path")
    trusted = login(sandbox, maskinporten_url=tls_server, ca_path=str(tmp_path / "c.pem"))
    refused(trusted, "answered 404")


# -- environment variables --------------------------------------------------------------------------


def test_login_from_environment_variables_an_empty_one_counts_as_not_set(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sandbox.credentials("administration")
    monkeypatch.setenv("MASKINPORTEN_CLIENT_ID", known["client_id"])
    monkeypatch.setenv("MASKINPORTEN_PRIVATE_KEY_PATH", known["private_key_path"])
    monkeypatch.setenv("MASKINPORTEN_CERTIFICATE_CHAIN_PATH", known["certificate_chain_path"])
    monkeypatch.setenv("MASKINPORTEN_KEY_ID", "")
    monkeypatch.setenv("MASKINPORTEN_TOKEN", "")
    options = {**sandbox.options(), "scopes": ["idporten:scopes.write"]}
    assert not run_module("maskinporten_token", options)["failed"]


def test_a_tasks_key_is_never_mixed_with_another_identitys_id_from_the_environment(
    sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKINPORTEN_KEY_ID", "of-another-client")
    assert not login(sandbox)["failed"]


# -- a ready token -----------------------------------------------------------------------------------


def test_a_ready_token_is_used_and_renewed_when_it_is_spent_and_a_key_is_there(
    sandbox: SandboxClient,
) -> None:
    token = sandbox.token("administration", "idporten:scopes.write")
    sandbox.clear_requests()
    ready = run_module(
        "maskinporten_scope_info", {**sandbox.options(), "token": token, "organization_number": "310001007"}
    )
    assert not ready["failed"], ready["msg"]
    assert ready["requests"]["token"] == 0
    sandbox.fault(route="GET /self-service/api/v1/scopes", kind="expired_token", times=None)
    refused(run_module("maskinporten_scope_info", {**sandbox.options(), "token": token}), "401")
    sandbox.reset()
    sandbox.fault(route="GET /self-service/api/v1/scopes", kind="expired_token")
    renewed = run_module("maskinporten_scope_info", {**sandbox.auth("administration"), "token": token})
    assert not renewed["failed"], renewed["msg"]
    assert renewed["requests"]["token"] == 1
