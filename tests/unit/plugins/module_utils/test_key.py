# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import copy
import json
import pickle
import traceback

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
    derive_preshared_key,
)

RAW = st.binary(min_size=32, max_size=32).filter(any)


def encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(RAW)
def test_a_public_key_survives_its_text(raw):
    assert PublicKey.parse(encode(raw)).raw == raw
    assert str(PublicKey.parse(encode(raw))) == encode(raw)


@given(RAW)
def test_clamping_keeps_the_public_key_and_is_idempotent(raw):
    key = PrivateKey(raw)
    assert PrivateKey(key.raw) == key

    def public(private):
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    assert public(key.raw) == public(raw)


@pytest.mark.parametrize(
    "text",
    [
        None,
        17,
        "",
        "short",
        encode(b"x" * 31),
        encode(b"x" * 33),
        encode(b"x" * 32)[:-1],
        encode(b"x" * 32) + "\n",
        " " + encode(b"x" * 32),
        encode(b"\xff" * 32).replace("/", "_"),
        encode(b"x" * 32)[:-2] + "h=",  # the unused low bits of the last digit are not zero
        "é" * 44,
        b"bytes",
    ],
)
@pytest.mark.parametrize("kind", [PublicKey, PrivateKey, PresharedKey])
def test_a_malformed_key_is_refused_without_its_text(kind, text):
    with pytest.raises(InvalidInput) as caught:
        kind.parse(text)
    assert caught.value.value is None
    if isinstance(text, str) and len(text) > 5:
        assert text not in str(caught.value)


def test_only_a_preshared_key_may_be_all_zero():
    zero = encode(bytes(32))
    assert PresharedKey.parse(zero) == PresharedKey.none()
    for kind in (PublicKey, PrivateKey):
        with pytest.raises(InvalidInput, match="all zero"):
            kind.parse(zero)


@pytest.mark.parametrize("kind", [PrivateKey, PresharedKey])
def test_a_secret_never_shows_itself(kind):
    key = kind.generate()
    forms = {key.reveal(), key.raw.hex(), key.raw.hex().upper(), repr(key.raw)[2:-1]}
    trace = "".join(traceback.format_exception(ValueError, ValueError(key), None))
    shown = [str(key), repr(key), f"{key}", f"{key!r:>80}", "{}".format(key), repr([key]), repr({"k": key}), trace]  # noqa: UP032
    assert not [(form, text) for form in forms for text in shown if form in text]
    for leak in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            leak(key)
        assert not any(form in str(caught.value) for form in forms)


def test_keys_of_different_kinds_are_never_equal():
    raw = bytes(range(32))
    assert PublicKey(raw) != PresharedKey(raw)
    assert len({PublicKey(raw), PresharedKey(raw), PublicKey(raw)}) == 2


def test_a_fingerprint_tells_keys_apart():
    one, other = PresharedKey.generate(), PresharedKey.generate()
    assert one.fingerprint == PresharedKey(one.raw).fingerprint != other.fingerprint
    assert PresharedKey.none().fingerprint == "none"


@given(RAW, RAW, st.text(max_size=40), st.text(max_size=10), st.integers(0, 9))
def test_derived_preshared_keys_are_hkdf_and_the_same_from_both_ends(one, other, secret, network, epoch):
    args = {"network": network, "epoch": epoch}
    derived = derive_preshared_key(secret, one=PublicKey(one), other=PublicKey(other), **args)
    assert derived == derive_preshared_key(secret, one=PublicKey(other), other=PublicKey(one), **args)
    library = HKDF(hashes.SHA256(), 32, f"{network}\0{epoch}".encode(), b"".join(sorted((one, other))))
    assert derived.raw == library.derive(secret.encode())
    assert derived != derive_preshared_key(
        secret, one=PublicKey(one), other=PublicKey(other), network=network, epoch=epoch + 1
    )
