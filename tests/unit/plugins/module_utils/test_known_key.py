# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface whose key its peers do not know is never brought up in silence."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    World,
)

NAMED = {"name": "wg0", "addresses": ["10.0.0.1/24"]}


@pytest.mark.parametrize("check", [False, True])
def test_a_key_that_was_lost_is_not_replaced_by_one_that_nobody_knows(check):
    world = World()
    before = world.picture()
    with pytest.raises(InvalidInput, match=r"public_key: '.*' belongs to no private key on this host"):
        world.converge({**NAMED, "public_key": KEYS[0]}, check=check)
    assert world.picture() == before


@pytest.mark.parametrize("check", [False, True])
def test_another_key_is_refused_and_both_are_named(check):
    world = World()
    own = world.converge({**NAMED, "private_key": PRIVATE_KEYS[0]}).public_key
    before = world.picture()
    with pytest.raises(InvalidInput) as raised:
        world.converge({**NAMED, "public_key": KEYS[0], "mtu": 1280}, check=check)
    assert f"{KEYS[0]!r} is not the key of this host, which has {own}" in str(raised.value)
    assert PRIVATE_KEYS[0] not in str(raised.value)
    assert world.picture() == before


def test_the_right_key_is_no_change():
    world = World()
    own = world.converge({**NAMED, "private_key": PRIVATE_KEYS[0]}).public_key
    again = world.converge({**NAMED, "public_key": own})
    assert (again.changed, again.public_key) == (False, own)


def test_a_malformed_one_is_refused_by_its_path():
    with pytest.raises(InvalidInput, match=r"^public_key: this is not a public key"):
        World().converge({**NAMED, "public_key": "short"})
