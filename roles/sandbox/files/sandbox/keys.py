# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates, made at start: the services' signing keys, a test CA, and every seeded client's key.

All of them live below the work folder, in files only their owner can read, and are worth nothing anywhere else.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

ORGANIZATION_IDENTIFIER = ObjectIdentifier("2.5.4.97")
_FOREIGN_IDENTIFIER = re.compile(r"(NTR|VAT)(?!NO)[A-Z]{2}-.+\Z")


class CertificateProblem(Exception):
    """A certificate chain that Maskinporten would refuse; ``kind`` is ``unreadable`` or ``untrusted``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that only its owner can read (mode 0600), in place of an older one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    return path


def new_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _base64url_number(number: int) -> str:
    return (
        base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
    )


def number_from_base64url(text: str) -> int:
    """The number a JWK member such as ``n`` stands for. Raises ValueError."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def public_jwk(
    key: rsa.RSAPrivateKey | rsa.RSAPublicKey, kid: str, algorithm: str = "RS256"
) -> dict[str, Any]:
    """The public half as JWK, with ``use`` sig."""
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    numbers = public.public_numbers()
    return {
        "kty": "RSA",
        "kid": kid,
        "use": "sig",
        "alg": algorithm,
        "n": _base64url_number(numbers.n),
        "e": _base64url_number(numbers.e),
    }


def private_jwk(key: rsa.RSAPrivateKey, kid: str, algorithm: str = "RS256") -> dict[str, Any]:
    """The private key as JWK."""
    numbers = key.private_numbers()
    secret = {
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {
        **public_jwk(key, kid, algorithm),
        **{name: _base64url_number(value) for name, value in secret.items()},
    }


def pkcs8_pem(key: rsa.RSAPrivateKey, passphrase: str | None = None) -> bytes:
    """PKCS#8 PEM, encrypted when a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def pkcs1_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The traditional ``BEGIN RSA PRIVATE KEY`` PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@dataclasses.dataclass(frozen=True)
class EuropeanBusiness:
    """The organisation of a European electronic seal, as its certificate names it."""

    identifier: str
    serial: str
    names: dict[str, str]
    """Token claim -> value: organizationName, commonName, organizationalUnitName, countryName."""


def european_business_of(certificate: x509.Certificate) -> EuropeanBusiness | None:
    """The business when the certificate's ``organizationIdentifier`` is one of another country, such as ``NTRSE-…``."""
    for attribute in certificate.subject.get_attributes_for_oid(ORGANIZATION_IDENTIFIER):
        identifier = str(attribute.value)
        if _FOREIGN_IDENTIFIER.match(identifier):
            names = {}
            for claim, oid in (
                ("organizationName", NameOID.ORGANIZATION_NAME),
                ("commonName", NameOID.COMMON_NAME),
                ("organizationalUnitName", NameOID.ORGANIZATIONAL_UNIT_NAME),
                ("countryName", NameOID.COUNTRY_NAME),
            ):
                for found in certificate.subject.get_attributes_for_oid(oid):
                    names[claim] = str(found.value)
            return EuropeanBusiness(identifier, f"{certificate.serial_number:x}", names)
    return None


def chain_pem(chain: list[x509.Certificate]) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)


def organization_of(certificate: x509.Certificate) -> str | None:
    """The organisation number of an enterprise certificate.

    SEID 2.0 puts it in ``organizationIdentifier`` (2.5.4.97) as ``NTRNO-<number>``, older ones in ``serialNumber``.
    """
    for oid in (ORGANIZATION_IDENTIFIER, NameOID.SERIAL_NUMBER):
        for attribute in certificate.subject.get_attributes_for_oid(oid):
            text = str(attribute.value)
            text = text.removeprefix("NTRNO-")
            if len(text) == 9 and text.isdigit():
                return text
    return None


class CertificateAuthority:
    """A root and an issuing certificate that sign enterprise certificates for the sandbox."""

    def __init__(self, name: str = "Sandbox Test CA") -> None:
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._issuing_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate(f"{name} Root", self._root_key.public_key(), None)
        self.issuing = self._certificate(f"{name} Class 3", self._issuing_key.public_key(), self.root.subject)

    def _certificate(
        self, name: str, public_key: ec.EllipticCurvePublicKey, issuer: x509.Name | None
    ) -> x509.Certificate:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "NO"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox (not a real authority)"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=1 if issuer is None else 0), critical=True
            )
            .sign(self._root_key, hashes.SHA256())
        )

    def issue(
        self,
        public_key: rsa.RSAPublicKey,
        number: str,
        name: str,
        *,
        valid_days: int = 1095,
        valid_from: datetime | None = None,
        number_in: str = "organizationIdentifier",
    ) -> list[x509.Certificate]:
        """A certificate for an organisation; returns the chain, leaf first, without the root.

        ``number`` is nine digits, or a European identifier such as ``NTRSE-5560000001``.
        """
        foreign = bool(_FOREIGN_IDENTIFIER.match(number))
        identifier = (
            x509.NameAttribute(ORGANIZATION_IDENTIFIER, number if foreign else f"NTRNO-{number}")
            if foreign or number_in == "organizationIdentifier"
            else x509.NameAttribute(NameOID.SERIAL_NUMBER, number)
        )
        start = valid_from or datetime.now(UTC) - timedelta(days=1)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(
                x509.Name(
                    [
                        x509.NameAttribute(NameOID.COUNTRY_NAME, number[3:5] if foreign else "NO"),
                        x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:64]),
                        identifier,
                        x509.NameAttribute(
                            NameOID.COMMON_NAME, name[:64] if foreign else f"{name[:56]} SANDBOX"
                        ),
                    ]
                )
            )
            .issuer_name(self.issuing.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=valid_days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._issuing_key, hashes.SHA256())
        )
        return [leaf, self.issuing]

    def verify(self, header: object, at: datetime) -> x509.Certificate:
        """Check the value of a JWT header ``x5c`` and return the leaf certificate.

        A leaf alone will do; a chain that is given must lead to the issuing certificate.
        Raises CertificateProblem: ``unreadable`` (not an array of base64 DER) or ``untrusted``.
        """
        if not isinstance(header, list) or not header or not all(isinstance(entry, str) for entry in header):
            raise CertificateProblem("unreadable", "x5c is not an array of certificates")
        try:
            chain = [
                x509.load_der_x509_certificate(base64.b64decode(entry, validate=True)) for entry in header
            ]
        except ValueError as error:
            raise CertificateProblem(
                "unreadable", "x5c holds something else than base64 DER certificates"
            ) from error
        leaf = chain[0]
        if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
            raise CertificateProblem("untrusted", "the certificate is not valid now")
        for certificate, issuer in zip(chain, [*chain[1:], None], strict=True):
            if certificate in (self.issuing, self.root):
                break
            if issuer is not None and issuer != self.issuing:
                raise CertificateProblem("untrusted", "the certificate chain does not lead to the test CA")
            if issuer is None and certificate is not leaf:
                raise CertificateProblem("untrusted", "the certificate chain does not lead to the test CA")
            try:
                certificate.verify_directly_issued_by(self.issuing)
            except (ValueError, TypeError, InvalidSignature) as error:
                raise CertificateProblem("untrusted", "the test CA did not issue the certificate") from error
        if not isinstance(leaf.public_key(), rsa.RSAPublicKey):
            raise CertificateProblem("untrusted", "the certificate does not hold an RSA key")
        return leaf


def certificate_der_chain(chain: list[x509.Certificate]) -> list[str]:
    """The chain as a JWT header ``x5c`` carries it: base64 DER, leaf first."""
    return [base64.b64encode(entry.public_bytes(serialization.Encoding.DER)).decode() for entry in chain]


class PublicKeyInfrastructure:
    """The keys of one sandbox, made when they are first asked for."""

    def __init__(self, work_dir: Path) -> None:
        self.folder = work_dir / "credentials"
        self.authority = CertificateAuthority()
        self._keys: dict[str, rsa.RSAPrivateKey] = {}

    def service_key(self, service: str) -> rsa.RSAPrivateKey:
        """The signing key of ``maskinporten`` or ``altinn``."""
        return self.key(f"service:{service}")

    def key(self, name: str) -> rsa.RSAPrivateKey:
        """The key of that name."""
        if name not in self._keys:
            self._keys[name] = new_rsa_key()
        return self._keys[name]

    def write_key(self, folder: str, name: str, key: rsa.RSAPrivateKey, kid: str) -> dict[str, str]:
        """Write one private key in every form a client may be given it; returns form -> path.

        Forms: ``pem`` (PKCS#8), ``rsa_pem`` (PKCS#1), ``encrypted_pem`` with ``passphrase`` (a file), ``jwk``.
        """
        base = self.folder / folder
        passphrase = base64.urlsafe_b64encode(os.urandom(12)).decode()
        contents = {
            "pem": (f"{name}.key.pem", pkcs8_pem(key)),
            "rsa_pem": (f"{name}.key.rsa.pem", pkcs1_pem(key)),
            "encrypted_pem": (f"{name}.key.encrypted.pem", pkcs8_pem(key, passphrase)),
            "passphrase": (f"{name}.key.passphrase", passphrase.encode()),
            "jwk": (f"{name}.key.jwk.json", json.dumps(private_jwk(key, kid)).encode()),
        }
        return {form: str(write_private(base / file, content)) for form, (file, content) in contents.items()}

    def write_chain(self, folder: str, name: str, chain: list[x509.Certificate]) -> str:
        """Write a certificate chain as PEM; returns the path."""
        return str(write_private(self.folder / folder / f"{name}.chain.pem", chain_pem(chain)))
