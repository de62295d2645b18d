# Copyright (c) 2026, the tilbyder.maskinporten contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
# This module is private to the collection.
"""Key pairs for clients: made here, written to files only their owner can read, and their public half as Maskinporten takes it.

A private key leaves this file in two ways only: into a file, or as the text that a caller asked for by name.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from .._dependencies import require
from .._errors import InputError
from .._signing_key import ALGORITHMS, MINIMUM_KEY_BITS, SigningKey, load_signing_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

KEY_SIZES: Final = (2048, 3072, 4096)
KEY_FORMATS: Final = ("pem", "jwk")
#: Members of a JWK that are the private half, or belong to other kinds of secret (RFC 7518, 6.3.2 and 6.4).
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LARGEST_FILE: Final = 1_000_000
# What a file system without hard links answers.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_OWNER_ONLY: Final = stat.S_IRUSR | stat.S_IWUSR


@dataclass(frozen=True)
class PublicKey:
    """A public key with what came along with it.

    :ivar kid: the id that a JWK carried, else None.
    :ivar algorithm: the algorithm that a JWK carried, else None.
    :ivar x5c: base64 DER of the certificate it came in, leaf first; else empty.
    :ivar expires_at: when that certificate expires, in seconds since 1970; else None.
    """

    key: RSAPublicKey
    kid: str | None = None
    algorithm: str | None = None
    x5c: tuple[str, ...] = ()
    expires_at: int | None = None
    numbers: tuple[int, int] = field(default=(0, 0))

    @classmethod
    def of(cls, key: RSAPublicKey, **members: Any) -> PublicKey:
        numbers = key.public_numbers()
        return cls(key, numbers=(numbers.n, numbers.e), **members)

    def jwk(self, kid: str, algorithm: str) -> dict[str, Any]:
        """The key as Maskinporten registers it; ``use`` is required since May 2025."""
        return {
            "kty": "RSA",
            "kid": kid,
            "use": "sig",
            "alg": algorithm,
            "n": _base64url(self.numbers[0]),
            "e": _base64url(self.numbers[1]),
        }

    @property
    def thumbprint(self) -> str:
        """RFC 7638, base64url of SHA-256: a name for the key that depends on nothing but the key."""
        members = {"e": _base64url(self.numbers[1]), "kty": "RSA", "n": _base64url(self.numbers[0])}
        text = json.dumps(members, separators=(",", ":"), sort_keys=True)
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def is_same_key(jwk: Mapping[str, Any], key: PublicKey) -> bool:
    """Whether a registered JWK is this key, whatever it is called."""
    try:
        return (_number(jwk.get("n")), _number(jwk.get("e"))) == key.numbers
    except ValueError:
        return False


def modulus_bits(jwk: Mapping[str, Any]) -> int | None:
    """The size of a registered RSA key in bits, or None where it cannot be read."""
    try:
        return _number(jwk.get("n")).bit_length() or None
    except ValueError:
        return None


# -- private keys -----------------------------------------------------------------


def make_key(bits: int) -> SigningKey:
    """A new RSA key pair from this machine's random source."""
    require("cryptography")
    from cryptography.hazmat.primitives.asymmetric import rsa

    return SigningKey(rsa.generate_private_key(public_exponent=65537, key_size=bits))


def private_text(key: RSAPrivateKey, *, form: str, kid: str, algorithm: str, passphrase: str | None) -> str:
    """A private key as PEM (PKCS#8) or as JWK with its ``kid``. For a file, or for a task that hides its result.

    :raises InputError: a JWK cannot be encrypted.
    """
    from cryptography.hazmat.primitives import serialization

    if form == "pem":
        protection: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        return pem.decode()
    if passphrase:
        raise InputError(
            "key_passphrase: a JWK has no passphrase; use key_format: pem for an encrypted file."
        )
    numbers = key.private_numbers()
    secret = {
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    members = {name: _base64url(value) for name, value in secret.items()}
    return json.dumps({**PublicKey.of(key.public_key()).jwk(kid, algorithm), **members}, indent=2) + "\n"


def read_private(path: str, passphrase: str | None) -> SigningKey:
    """The private key in the file that the option ``key_path`` names.

    :raises InputError: unreadable, no private RSA key, or too short.
    """
    try:
        return load_signing_key(path=path, passphrase=passphrase)
    except InputError as error:
        text = error.message.replace("private_key_passphrase", "key_passphrase")
        raise InputError(text.replace("private_key_path", "key_path"), **error.details) from None


def form_of(path: str, wanted: str | None) -> str:
    """``pem`` or ``jwk``: what is asked for, else what is in the file, else what its name says."""
    if wanted:
        return wanted
    try:
        with open(path, "rb") as file:
            return "jwk" if file.read(200).lstrip().startswith(b"{") else "pem"
    except OSError:
        return "jwk" if path.lower().endswith((".jwk", ".json")) else "pem"


def is_open_to_others(path: str) -> bool:
    """Whether anyone can read the file, or more than its owner can change it; a group that reads it is someone's decision."""
    return bool(os.stat(path).st_mode & (stat.S_IRWXO | stat.S_IWGRP))


def write_private(path: str, text: str) -> None:
    """Make a file (mode 0600) that appears whole or not at all; never over one that is there.

    :raises InputError: it is there, or the folder cannot be written.
    """
    folder = os.path.dirname(path)
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".new", dir=folder)
    except OSError as error:
        raise InputError(f"key_path: cannot write to {folder}: {_reason(error)}.") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), _OWNER_ONLY)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _take_name(temporary, path)
    except FileExistsError:
        raise InputError(
            f"key_path: {path} has appeared meanwhile; it is never written over. Run again."
        ) from None
    except OSError as error:
        raise InputError(f"key_path: cannot write {path}: {_reason(error)}.") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _settle(folder)


def _take_name(temporary: str, path: str) -> None:
    """Give a finished file its name; fails where the name is taken, as a rename would not."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links: reserve the name first.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
        os.replace(temporary, path)


def keep_copy(path: str, copy: str) -> None:
    """Give the file a second name, so that replacing the first loses nothing.

    :raises InputError: another file has that name, or the folder cannot be written.
    """
    try:
        os.link(path, copy)
    except OSError as error:
        if error.errno in _NO_LINKS:
            with open(path, encoding="ascii") as file:
                write_private(copy, file.read())
            return
        if not isinstance(error, FileExistsError):
            raise InputError(f"key_path: cannot keep {path} as {copy}: {_reason(error)}.") from None
        if not _same_content(path, copy):
            raise InputError(
                f"key_path: {copy} holds another key than {path}, from a rotation that was not finished; finish that one first."
            ) from None


def moved_at(path: str) -> float:
    """When the file's names last changed, in seconds since 1970: for an old key, when the new one took its place."""
    return os.stat(path).st_ctime


def put_in_place(new: str, path: str) -> None:
    """Let the new file take the old one's name, in one move, with the owner and group that the old one had.

    :raises InputError: the new file is gone, or cannot be given to the old one's owner.
    """
    try:
        if os.path.exists(path):
            before, now = os.stat(path), os.stat(new)
            if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                os.chown(new, before.st_uid, before.st_gid)
            # A group that could read the old key goes on reading; nobody else ever does.
            os.chmod(new, _OWNER_ONLY | (before.st_mode & stat.S_IRGRP))
        os.replace(new, path)
    except FileNotFoundError:
        raise InputError(
            f"key_path: {new} is gone; someone else rotates the same key at the same time. Run again."
        ) from None
    except OSError as error:
        raise InputError(
            f"key_path: cannot put {new} in the place of {path}: {_reason(error)}; {path} is as it was."
        ) from None
    _settle(os.path.dirname(path))


def remove(path: str) -> None:
    """Remove a file of ours; one that is gone already is fine."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"key_path: cannot remove {path}: {_reason(error)}.") from None
    _settle(os.path.dirname(path))


def _settle(folder: str) -> None:
    """What a power cut must not undo: the folder's own entry."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _same_content(first: str, second: str) -> bool:
    try:
        if os.path.samefile(first, second):
            return True
        with open(first, "rb") as one, open(second, "rb") as other:
            return one.read(_LARGEST_FILE) == other.read(_LARGEST_FILE)
    except OSError:
        return False


# -- public keys ------------------------------------------------------------------


def read_public(*, path: str | None = None, text: str | None = None) -> PublicKey:
    """A public key from PEM, from a certificate (PEM or DER), or from a JWK.

    :raises InputError: unreadable, not RSA, too short, a certificate that has expired, or a private key.
    """
    require("cryptography")
    where = f"public_key_path: {path}" if path else "public_key: the text"
    data = (text or "").strip().encode() if not path else _read(path)
    stripped = data.strip()
    if not stripped:
        raise InputError(f"{where} is empty.")
    if b"PRIVATE KEY-----" in stripped:
        raise InputError(
            f"{where} holds a private key; give its public half, or name the file in key_path, from which the public half "
            "is taken."
        )
    if stripped.startswith(b"{"):
        found = _public_jwk(stripped, where)
    elif b"BEGIN CERTIFICATE-----" in stripped or data[:1] == b"\x30":
        found = _from_certificate(data, where)
    elif b"PUBLIC KEY-----" in stripped:
        found = _from_pem(stripped, where)
    else:
        raise InputError(f"{where} holds no public key that is known here (PEM, certificate or JWK).")
    if found.key.key_size < MINIMUM_KEY_BITS:
        raise InputError(
            f"{where} holds an RSA key of {found.key.key_size} bits; Maskinporten wants {MINIMUM_KEY_BITS} or more."
        )
    return found


def _read(path: str) -> bytes:
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"public_key_path: cannot read {path}: {_reason(error)}.") from None
    if len(data) > _LARGEST_FILE:
        raise InputError(f"public_key_path: {path} is far too large to be a key.")
    return data


def _from_pem(data: bytes, where: str) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{where} holds a public key that cannot be read.") from None
    return PublicKey.of(_rsa(key, where))


def _from_certificate(data: bytes, where: str) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    from .._signing_key import leaf_first

    try:
        if b"-----BEGIN" in data:
            chain = leaf_first(load_pem_x509_certificates(data))
        else:
            chain = (load_der_x509_certificate(data),)
    except ValueError:
        try:
            return PublicKey.of(_rsa(load_der_public_key(data), where))
        except (ValueError, TypeError):
            raise InputError(
                f"{where} holds neither a certificate nor a public key that can be read."
            ) from None
    leaf = chain[0]
    if leaf.not_valid_after_utc <= datetime.now(UTC):
        raise InputError(f"{where}: the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}.")
    return PublicKey.of(
        _rsa(leaf.public_key(), where),
        x5c=tuple(base64.b64encode(entry.public_bytes(Encoding.DER)).decode() for entry in chain),
        expires_at=int(leaf.not_valid_after_utc.timestamp()),
    )


def _public_jwk(data: bytes, where: str) -> PublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    try:
        jwk = json.loads(data)
    except ValueError:
        raise InputError(f"{where} starts like a JWK but is not JSON.") from None
    if isinstance(jwk.get("keys"), list):
        if len(jwk["keys"]) != 1 or not isinstance(jwk["keys"][0], dict):
            raise InputError(f"{where} is a set of {len(jwk['keys'])} keys; give one key at a time.")
        jwk = jwk["keys"][0]
    private = sorted(PRIVATE_MEMBERS & set(jwk))
    if private:
        raise InputError(
            f"{where} is a JWK with the private member '{private[0]}'; give its public half, or name the file in key_path, from "
            "which the public half is taken."
        )
    if jwk.get("kty") != "RSA":
        raise InputError(f"{where} is a JWK of type '{jwk.get('kty')}'; Maskinporten takes RSA keys.")
    if jwk.get("use") not in (None, "sig"):
        raise InputError(f"{where} is a JWK for use '{jwk['use']}'; a client signs, so use is sig.")
    if jwk.get("alg") not in (None, *ALGORITHMS):
        raise InputError(
            f"{where} is a JWK for algorithm '{jwk['alg']}'; Maskinporten takes {', '.join(ALGORITHMS)}."
        )
    try:
        key = RSAPublicNumbers(e=_number(jwk.get("e")), n=_number(jwk.get("n"))).public_key()
    except ValueError:
        raise InputError(f"{where} is a JWK with missing or damaged members.") from None
    return PublicKey.of(
        key,
        kid=str(jwk["kid"]) if jwk.get("kid") else None,
        algorithm=jwk.get("alg"),
        x5c=tuple(map(str, jwk["x5c"])) if isinstance(jwk.get("x5c"), list) else (),
    )


def _rsa(key: Any, where: str) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey as Public

    if not isinstance(key, Public):
        raise InputError(f"{where} holds a key that is not RSA; Maskinporten takes RSA keys.")
    return key


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: Any) -> int:
    """The number a JWK member stands for.

    :raises ValueError: it is no base64url text.
    """
    if not isinstance(value, str) or not value:
        raise ValueError("no base64url number")
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
