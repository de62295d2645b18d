# Copyright (c) 2026, the tilbyder.maskinporten contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key material and the judgement of keys, as plain logic."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tilbyder.maskinporten.plugins.module_utils._errors import InputError
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten import (
    _key_material as material,
)
from ansible_collections.tilbyder.maskinporten.plugins.module_utils._maskinporten._client_keys import (
    describe,
    key_rows,
    listed,
)

DAY = 86400
NOW = 1_800_000_000

# The example of RFC 7638, section 3.1.
RFC_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
    "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz"
    "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"
    "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
}


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    key = material.read_public(text=json.dumps(RFC_KEY))
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert key.jwk("k", "RS256") == {**RFC_KEY, "kid": "k", "use": "sig", "alg": "RS256"}


@pytest.mark.parametrize("form", material.KEY_FORMATS)
def test_what_is_written_can_be_read(tmp_path: Path, form: str) -> None:
    key = material.make_key(2048)
    path = str(tmp_path / "key")
    text = material.private_text(key.key, form=form, kid="k-1", algorithm="RS256", passphrase=None)
    old_mask = os.umask(0)
    try:
        material.write_private(path, text)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    read = material.read_private(path, None)
    assert read.public_key == key.public_key
    assert read.key_id == ("k-1" if form == "jwk" else None)
    assert material.form_of(path, None) == form
    assert os.listdir(tmp_path) == ["key"]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("somebody's")
    with pytest.raises(InputError, match="never written over"):
        material.write_private(str(path), "mine")
    assert path.read_text() == "somebody's"
    assert os.listdir(tmp_path) == ["key"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write to"):
        material.write_private(str(tmp_path / "nowhere" / "key"), "mine")


def test_another_old_key_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("present")
    (tmp_path / "key.old").write_text("past")
    with pytest.raises(InputError, match="finish that one first"):
        material.keep_copy(str(tmp_path / "key"), str(tmp_path / "key.old"))
    (tmp_path / "key.old").write_text("present")
    material.keep_copy(str(tmp_path / "key"), str(tmp_path / "key.old"))


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path, copy = str(tmp_path / "key"), str(tmp_path / "key.old")
    material.write_private(path, "mine")
    material.keep_copy(path, copy)
    assert {Path(name).read_text() for name in (path, copy)} == {"mine"}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir()} == {0o600}
    with pytest.raises(InputError, match="never written over"):
        material.write_private(path, "other")
    assert sorted(os.listdir(tmp_path)) == ["key", "key.old"]


def test_a_jwk_is_not_encrypted_in_vain() -> None:
    key = material.make_key(2048)
    with pytest.raises(InputError, match="key_format: pem"):
        material.private_text(key.key, form="jwk", kid="k", algorithm="RS256", passphrase="a long passphrase")


@given(st.binary(max_size=400))
def test_no_text_makes_read_public_fail_otherwise_than_with_a_sentence(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        material.read_public(text=data.decode("latin-1"))
    assert str(caught.value).endswith(".")


@given(st.dictionaries(st.sampled_from(["kty", "n", "e", "d", "kid", "use", "alg", "keys", "x5c"]),
                       st.none() | st.text(max_size=8) | st.integers() | st.lists(st.text(max_size=3), max_size=2)))  # fmt: skip
def test_no_jwk_makes_read_public_fail_otherwise_than_with_a_sentence(jwk: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        material.read_public(text=json.dumps(jwk))


@given(st.integers(min_value=-4000, max_value=4000), st.integers(min_value=0, max_value=DAY - 1))
def test_days_are_whole_and_never_too_many(days: int, seconds: int) -> None:
    about = describe({"kid": "k", "exp": NOW + days * DAY + seconds}, NOW)
    assert about["days_left"] == days
    assert about["expired"] == (days < 0 or (days == 0 and seconds == 0))


@pytest.mark.parametrize("exp", [None, "tomorrow", True, {}])
def test_an_expiry_that_cannot_be_read_is_unknown(exp: Any) -> None:
    about = describe({"kid": "k", "exp": exp}, NOW)
    assert about["expires"] is None
    assert about["days_left"] is None
    assert not about["expired"]
    assert listed([{"kid": "k", "exp": exp}]) == "k (expiry unknown)"


@given(
    st.lists(st.none() | st.integers(min_value=-400, max_value=400), min_size=1, max_size=5),
    st.integers(min_value=0, max_value=365),
    st.booleans(),
)
def test_a_report_misses_no_client_that_is_about_to_stop(
    lives: list[int | None], warn_days: int, active: bool
) -> None:
    """Whenever every key of an active client is dead, dying or unknown, some row is due; a deactivated client never is."""
    keys = [
        {"kid": f"k-{number}", **({} if days is None else {"exp": NOW + days * DAY + 60})}
        for number, days in enumerate(lives)
    ]
    rows = key_rows(
        {"client_id": "c", "client_name": "c", "active": active}, keys, warn_days=warn_days, now=NOW
    )
    assert len(rows) == len(keys)
    safe = any(days is not None and days > warn_days for days in lives)
    if active and not safe:
        assert any(row["due"] for row in rows)
    if not active:
        assert not any(row["due"] for row in rows)
    for row, days in zip(rows, lives, strict=True):
        if active and days is not None and 0 <= days <= warn_days:
            assert row["due"]
        assert not row["due"] or row["advice"]
