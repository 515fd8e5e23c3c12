# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a key file: decided without touching it."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._keypair import (
    Files,
    Request,
    converge,
    parse_request,
    plan,
)

ONE, TWO = PrivateKey(b"\1" * 32), PrivateKey(b"\2" * 32)


def derive(key):
    return PublicKey(bytes(reversed(key.raw)))


def files(key=None, *, exists=None, mode=0o600, public=None):
    there = key is not None if exists is None else exists
    return Files(key=key, exists=there, mode=mode if there else None, public_text=public)


def test_a_key_that_is_there_is_kept():
    decided = plan(Request("/k"), files(ONE), derive=derive)
    assert (decided.key, decided.secret_text, decided.actions) == (ONE, None, ())


def test_a_missing_key_is_made_new_every_time():
    made = [plan(Request("/k"), files(), derive=derive) for _number in range(2)]
    assert made[0].key != made[1].key
    assert made[0].secret_text == made[0].key.reveal()
    assert made[0].actions == ("make the private key in /k",)


def test_a_given_key_replaces_another_one_and_nothing_else():
    assert plan(Request("/k", given=ONE), files(ONE), derive=derive).actions == ()
    decided = plan(Request("/k", given=ONE), files(TWO), derive=derive)
    assert (decided.secret_text, decided.actions) == (ONE.reveal(), ("replace the private key in /k",))
    assert plan(Request("/k", given=ONE, regenerate="always"), files(ONE), derive=derive).actions == ()


def test_always_means_a_new_key():
    decided = plan(Request("/k", regenerate="always"), files(ONE), derive=derive)
    assert decided.key != ONE
    assert decided.actions == ("replace the private key in /k",)


def test_a_file_without_a_key_is_not_overwritten_by_accident():
    broken = files(exists=True)
    with pytest.raises(HostError, match=r"/k holds no private key; .*regenerate: partial"):
        plan(Request("/k"), broken, derive=derive)
    assert plan(Request("/k", given=ONE), broken, derive=derive).actions == ("replace the private key in /k",)
    assert plan(Request("/k", regenerate="always"), broken, derive=derive).secret_text


def test_partial_replaces_what_is_no_key_and_keeps_one():
    decided = plan(Request("/k", regenerate="partial"), files(exists=True), derive=derive)
    assert decided.actions == ("replace what is no private key in /k",)
    assert decided.secret_text
    assert plan(Request("/k", regenerate="partial"), files(ONE), derive=derive).actions == ()
    assert plan(Request("/k", regenerate="partial"), files(), derive=derive).actions == ("make the private key in /k",)


def test_a_file_that_others_may_read_is_restricted():
    decided = plan(Request("/k"), files(ONE, mode=0o644), derive=derive)
    assert decided.secret_text == ONE.reveal()
    assert decided.actions == ("restrict /k to its owner (it was 0644)",)


def test_the_public_key_is_written_where_it_differs():
    request = Request("/k", public_key_path="/p")
    assert plan(request, files(ONE, public=str(derive(ONE))), derive=derive).actions == ()
    for old in (None, "", str(derive(TWO))):
        decided = plan(request, files(ONE, public=old), derive=derive)
        assert (decided.secret_text, decided.public_text) == (None, str(derive(ONE)))
        assert decided.actions == ("write the public key to /p",)


def test_absent_removes_what_is_there():
    request = Request("/k", present=False, public_key_path="/p")
    for exists, public in itertools.product((True, False), ("x", None)):
        decided = plan(request, files(exists=exists, public=public), derive=derive)
        assert decided.remove == ("/k",) * exists + ("/p",) * (public is not None)
        assert len(decided.actions) == len(decided.remove)


def test_check_mode_writes_nothing_and_shows_no_key_that_nobody_will_have(tmp_path):
    request = Request(str(tmp_path / "k"), public_key_path=str(tmp_path / "p"))
    result = converge(request, derive=derive, check=True)
    assert (result["changed"], result["public_key"]) == (True, None)
    assert "(made on apply)" in result["diff"]["after"]
    assert list(tmp_path.iterdir()) == []
    real = converge(request, derive=derive, check=False)
    assert len(real["public_key"]) == 44
    assert converge(request, derive=derive, check=True)["public_key"] == real["public_key"]
    given = converge(Request(str(tmp_path / "k"), given=ONE), derive=derive, check=True)
    assert given["public_key"] == str(derive(ONE))


def test_a_result_holds_no_secret(tmp_path):
    for key, kind in ((ONE, "private"), (PresharedKey(b"\3" * 32), "preshared")):
        result = str(converge(Request(str(tmp_path / kind), kind=kind, given=key), derive=derive, check=False))
        assert key.reveal() not in result
        assert key.raw.hex() not in result


ARGUMENTS = {"path": "/k", "type": "private", "state": "present", "regenerate": "never"}


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"path": "k"}, "path"),
        ({"path": "/k/"}, "path"),
        ({"public_key_path": "p"}, "public_key_path"),
        ({"public_key_path": "/k"}, "public_key_path"),
        ({"type": "preshared", "public_key_path": "/p"}, "public_key_path"),
        ({"private_key": "x"}, "private_key"),
        ({"private_key": ""}, "private_key"),
        ({"preshared_key": TWO.reveal()}, "preshared_key"),
        ({"type": "preshared", "private_key": TWO.reveal()}, "private_key"),
        ({"private_key": "A" * 43 + "="}, "private_key"),
    ],
)
def test_bad_arguments_are_placed_and_keys_not_repeated(arguments, path):
    with pytest.raises(InvalidInput) as caught:
        parse_request({**ARGUMENTS, **arguments})
    assert caught.value.path == path
    assert TWO.reveal() not in str(caught.value)
