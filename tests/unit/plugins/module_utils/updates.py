# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers' tests draw: updates and devices of every shape."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Prefix,
    format_number,
    mask,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

raw_keys = st.binary(min_size=32, max_size=32).filter(any)
public_keys = raw_keys.map(PublicKey)
private_keys = raw_keys.map(PrivateKey)
preshared_keys = st.binary(min_size=32, max_size=32).map(PresharedKey)
ports = st.integers(1, 65535)

Draw = t.Callable[..., t.Any]


@st.composite
def prefixes(draw: Draw) -> Prefix:
    family = draw(st.sampled_from([4, 6]))
    length = draw(st.integers(0, WIDTH[family]))
    return Prefix(family, mask(family, draw(st.integers(0, 2 ** WIDTH[family] - 1)), length), length)


@st.composite
def endpoints(draw: Draw) -> Endpoint:
    family = draw(st.sampled_from([4, 6]))
    number = draw(st.integers(1, 2 ** WIDTH[family] - 1).filter(lambda value: value >> 32 != 0xFFFF))
    return Endpoint(format_number(family, number), draw(ports))


@st.composite
def peer_updates(draw: Draw) -> PeerUpdate:
    action = draw(st.sampled_from(["add", "update", "remove"]))
    if action == "remove":
        return PeerUpdate(draw(public_keys), action=action)
    return PeerUpdate(
        draw(public_keys),
        action=action,
        preshared_key=draw(st.none() | preshared_keys),
        endpoint=draw(st.none() | endpoints()),
        persistent_keepalive=draw(st.none() | st.integers(0, 65535)),
        add_allowed_ips=tuple(draw(st.lists(prefixes(), max_size=6))),
    )


def updates() -> st.SearchStrategy[DeviceUpdate]:
    return st.builds(
        DeviceUpdate,
        private_key=st.none() | private_keys,
        listen_port=st.none() | st.integers(0, 65535),
        fwmark=st.none() | st.integers(0, 2**32 - 1),
        peers=st.lists(peer_updates(), max_size=5).map(tuple),
    )
