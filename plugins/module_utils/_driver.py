# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port between the engine and a WireGuard implementation. Adapters: _kernel, _userspace, _memory (tests).

The engine speaks in updates that say exactly which fields are being set; a driver never sends anything else, so
that nothing undeclared is ever overwritten (a port that is sent again re-binds the socket, see wireguard-go's
device/uapi.go; a port 0 picks a new random one in drivers/net/wireguard/netlink.c).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey, PrivateKey, PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device, Endpoint, PeerStatistics


@dataclasses.dataclass(frozen=True)
class PeerUpdate:
    """One change of one peer; None: not sent.

    action: ``add`` (make it if it is not there), ``update`` (only if it is there) or ``remove``.
    add_allowed_ips: also takes the prefix from whichever peer has it now, in one pointer store, without loss.
    remove_allowed_ips: the driver takes single prefixes away without touching the peer's other ones: by REMOVE_ME
    where the implementation has it, else by way of a throw-away peer in the same message. Never REPLACE_ALLOWEDIPS.
    endpoint: its host must be an address.
    """

    public_key: PublicKey
    action: str = "update"
    preshared_key: t.Optional[PresharedKey] = None
    endpoint: t.Optional[Endpoint] = None
    persistent_keepalive: t.Optional[int] = None
    add_allowed_ips: t.Tuple[Prefix, ...] = ()
    remove_allowed_ips: t.Tuple[Prefix, ...] = ()


@dataclasses.dataclass(frozen=True)
class DeviceUpdate:
    """One call to the device; None: not sent. Peers are sent in the order given."""

    private_key: t.Optional[PrivateKey] = None
    listen_port: t.Optional[int] = None
    fwmark: t.Optional[int] = None
    peers: t.Tuple[PeerUpdate, ...] = ()


class WireguardDriver(t.Protocol):
    """One WireGuard device in one network namespace. Methods raise HostError, never an OSError of their own."""

    backend: str
    """``kernel`` or ``userspace``."""

    def read(self) -> t.Tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        """Configuration and statistics, coalesced and consistent."""

    def write(self, update: DeviceUpdate) -> None:
        """Apply one update. Not transactional: after an error earlier parts may have been applied."""
