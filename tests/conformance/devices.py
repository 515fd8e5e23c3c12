# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short words for peers and prefixes of one device."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    PeerUpdate,
    WireguardDriver,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Peer,
)


def key(number: int) -> PublicKey:
    """The key of a peer that does not exist."""
    return PublicKey(b"\7" + number.to_bytes(31, "big"))


def prefixes(*texts: str) -> tuple[Prefix, ...]:
    return tuple(map(parse_prefix, texts))


def peers(device: WireguardDriver) -> dict[PublicKey, Peer]:
    return {peer.public_key: peer for peer in device.read()[0].peers}


def owned(device: WireguardDriver) -> dict[PublicKey, set[str]]:
    return {public: {str(prefix) for prefix in peer.allowed_ips or ()} for public, peer in peers(device).items()}


def add(number: int, *texts: str, **fields: t.Any) -> PeerUpdate:
    return PeerUpdate(key(number), action="add", add_allowed_ips=prefixes(*texts), **fields)
