# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Private keys and certificates as people have them: PEM, PKCS#8, encrypted PEM, PKCS#12, DER or JWK; from a file or as text.

Nothing here puts key material in an error, a name or a log line.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ._dependencies import require
from ._errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.x509 import Certificate

ALGORITHMS: Final = ("RS256", "RS384", "RS512")
MINIMUM_KEY_BITS: Final = 2048
# A key or a chain is a few kilobytes; a path to something huge is a mistake.
_LARGEST_FILE: Final = 1_000_000
# The attribute of a certificate's subject that carries the organisation (ETSI EN 319 412-1): NTRNO-<number>.
_ORGANIZATION_IDENTIFIER: Final = "2.5.4.97"


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private RSA key that signs grants.

    :ivar key: the key itself; never printed (the class has no repr of its fields).
    :ivar key_id: the ``kid`` that a JWK carried, else None.
    :ivar certificates: the chain a PKCS#12 file carried, leaf first; else empty.
    """

    key: RSAPrivateKey
    key_id: str | None = None
    certificates: tuple[Certificate, ...] = ()

    def __repr__(self) -> str:
        return f"SigningKey({self.key.key_size} bits)"

    @property
    def public_key(self) -> RSAPublicKey:
        return self.key.public_key()


def load_signing_key(
    *, path: str | None = None, text: str | None = None, passphrase: str | None = None
) -> SigningKey:
    """Read a private key from a file (``path``) or from text.

    :raises InputError: unreadable, encrypted without or with the wrong passphrase, public, a certificate, not RSA, or too short.
    """
    require("cryptography")
    option = "private_key_path" if path else "private_key"
    data = _read_file(option, path) if path else (text or "").strip().encode()
    where = f"{option}: {path}" if path else f"{option}: the text"
    if not data.strip():
        raise InputError(f"{where} is empty.")
    if not path and len(data) < 300 and b"\n" not in data and b"{" not in data:
        raise InputError(f"{option} takes the key itself; for the name of a file use private_key_path.")
    signing_key = _parse_private_key(data, where, passphrase)
    bits = signing_key.key.key_size
    if bits < MINIMUM_KEY_BITS:
        raise InputError(
            f"{where} holds an RSA key of {bits} bits; Maskinporten wants {MINIMUM_KEY_BITS} or more."
        )
    return signing_key


def _read_file(option: str, path: str) -> bytes:
    expanded = os.path.expanduser(path)
    try:
        with open(expanded, "rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{option}: cannot read {path}: {reason}.") from None
    if len(data) > _LARGEST_FILE:
        raise InputError(f"{option}: {path} is far too large to be a key or a certificate chain.")
    return data


def _parse_private_key(data: bytes, where: str, passphrase: str | None) -> SigningKey:
    stripped = data.strip()
    if stripped.startswith(b"{"):
        return _private_jwk(stripped, where)
    if b"-----BEGIN" in stripped:
        return SigningKey(_private_pem(stripped, where, passphrase))
    if data[:1] == b"\x30":
        return _private_der(data, where, passphrase)
    raise InputError(f"{where} holds no private key that is known here (PEM, PKCS#8, PKCS#12 or JWK).")


def _private_pem(data: bytes, where: str, passphrase: str | None) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if b"PRIVATE KEY-----" not in data:
        what = "a certificate" if b"BEGIN CERTIFICATE-----" in data else "a public key"
        raise InputError(f"{where} holds {what}; a grant is signed with the private key that belongs to it.")
    start = data.index(b"-----BEGIN", max(0, data.index(b"PRIVATE KEY-----") - 30))
    secret = passphrase.encode() if passphrase else None
    encrypted = b"ENCRYPTED" in data
    try:
        key = load_pem_private_key(data[start:], secret if encrypted else None)
    except TypeError:
        raise InputError(f"{where} is encrypted; give its passphrase in private_key_passphrase.") from None
    except Exception:  # noqa: BLE001
        # The library's own words may quote the input, and its exception types differ between versions.
        if encrypted and passphrase:
            raise InputError(f"{where} cannot be decrypted with this private_key_passphrase.") from None
        raise InputError(
            f"{where} holds a private key that cannot be read; it looks cut off or damaged."
        ) from None
    return _rsa(key, where)


def _private_der(data: bytes, where: str, passphrase: str | None) -> SigningKey:
    from cryptography.hazmat.primitives.serialization import load_der_private_key
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    secret = passphrase.encode() if passphrase else None
    try:
        key, leaf, others = load_key_and_certificates(data, secret)
    except Exception:  # noqa: BLE001 - see _private_pem
        try:
            return SigningKey(_rsa(load_der_private_key(data, None), where))
        except InputError:
            raise
        except Exception:  # noqa: BLE001 - see _private_pem
            advice = "the passphrase may be wrong" if passphrase else "it may need private_key_passphrase"
            raise InputError(f"{where} cannot be read as PKCS#12 or DER; {advice}.") from None
    if key is None:
        raise InputError(f"{where} is a PKCS#12 file without a private key.")
    chain = tuple(certificate for certificate in (leaf, *others) if certificate is not None)
    return SigningKey(_rsa(key, where), certificates=chain)


def _rsa(key: Any, where: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey as PrivateKey

    if not isinstance(key, PrivateKey):
        raise InputError(f"{where} holds a key that is not RSA; Maskinporten takes RSA keys.")
    return key


def _private_jwk(data: bytes, where: str) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        jwk = json.loads(data)
    except ValueError:
        raise InputError(f"{where} starts like a JWK but is not JSON.") from None
    if isinstance(jwk.get("keys"), list):
        if len(jwk["keys"]) != 1:
            raise InputError(f"{where} is a set of {len(jwk['keys'])} keys; give the one key that signs.")
        jwk = jwk["keys"][0]
    if jwk.get("kty") != "RSA":
        raise InputError(f"{where} is a JWK of type '{jwk.get('kty')}'; Maskinporten takes RSA keys.")
    if not jwk.get("d"):
        raise InputError(
            f"{where} holds a public key; a grant is signed with the private key that belongs to it."
        )
    try:
        n, e, d = (_number(jwk[member]) for member in ("n", "e", "d"))
        if jwk.get("p") and jwk.get("q"):
            p, q = _number(jwk["p"]), _number(jwk["q"])
        else:
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
        numbers = rsa.RSAPrivateNumbers(
            p=p,
            q=q,
            d=d,
            dmp1=rsa.rsa_crt_dmp1(d, p),
            dmq1=rsa.rsa_crt_dmq1(d, q),
            iqmp=rsa.rsa_crt_iqmp(p, q),
            public_numbers=rsa.RSAPublicNumbers(e, n),
        )
        key = numbers.private_key()
    except (KeyError, ValueError, TypeError, binascii.Error):
        raise InputError(f"{where} is a JWK with missing or damaged members.") from None
    key_id = jwk.get("kid")
    return SigningKey(key, key_id=str(key_id) if key_id else None)


def _number(value: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")


def load_certificate_chain(*, path: str | None = None, text: str | None = None) -> tuple[Certificate, ...]:
    """Read an enterprise certificate with its issuers, from PEM (any order) or one DER certificate; leaf first.

    :raises InputError: unreadable, no certificate in it.
    """
    require("cryptography")
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    option = "certificate_chain_path" if path else "certificate_chain"
    data = _read_file(option, path) if path else (text or "").strip().encode()
    where = f"{option}: {path}" if path else f"{option}: the text"
    try:
        if b"-----BEGIN" in data:
            certificates = load_pem_x509_certificates(data)
        else:
            certificates = [load_der_x509_certificate(data)]
    except ValueError:
        raise InputError(
            f"{where} holds no certificate that can be read (PEM, leaf and issuers together)."
        ) from None
    return leaf_first(certificates)


def leaf_first(certificates: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """The chain in the order that ``x5c`` wants: the certificate that issued none of the others, then its issuers."""
    remaining = list(certificates)
    issuers = {certificate.issuer for certificate in remaining if certificate.issuer != certificate.subject}
    leaf = next(
        (certificate for certificate in remaining if certificate.subject not in issuers), remaining[0]
    )
    chain = [leaf]
    remaining.remove(leaf)
    while remaining:
        following = next(
            (candidate for candidate in remaining if candidate.subject == chain[-1].issuer), remaining[0]
        )
        chain.append(following)
        remaining.remove(following)
    return tuple(chain)


def check_certificate(key: SigningKey, chain: Sequence[Certificate], now: datetime | None = None) -> None:
    """The certificate belongs to the key and is valid today.

    :raises InputError: it doesn't, or isn't.
    """
    leaf = chain[0]
    if leaf.public_key() != key.public_key:
        raise InputError(
            "certificate_chain: the certificate does not belong to the private key; "
            "use the certificate that was issued for this key."
        )
    now = now or datetime.now(UTC)
    starts, ends = _validity(leaf)
    if ends < now:
        raise InputError(f"certificate_chain: the certificate expired on {ends:%Y-%m-%d}.")
    if starts > now:
        raise InputError(
            f"certificate_chain: the certificate is valid only from {starts:%Y-%m-%d %H:%M} UTC; "
            "is this machine's clock right?"
        )


def _validity(certificate: Certificate) -> tuple[datetime, datetime]:
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def certificate_organization(certificate: Certificate) -> str | None:
    """The organisation number in an enterprise certificate's subject (SEID 2.0 ``NTRNO-…``, SEID 1 serialNumber)."""
    for attribute in certificate.subject:
        value = str(attribute.value)
        if attribute.oid.dotted_string == _ORGANIZATION_IDENTIFIER and value.startswith("NTRNO-"):
            return value[len("NTRNO-") :][:9]
        if attribute.oid.dotted_string == "2.5.4.5" and value[:9].isdigit() and len(value) == 9:
            return value
    return None


def x5c(chain: Sequence[Certificate]) -> list[str]:
    """The chain as the grant's header carries it: an array of base64 (not base64url) DER certificates, leaf first."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() for certificate in chain]
