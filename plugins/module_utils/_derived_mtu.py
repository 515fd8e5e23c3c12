# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MTU of a tunnel as it follows from the ways to its endpoints, where none is declared. Pure.

What counts is the declared endpoint, not the one in use: a peer that roams changes nothing. A way through another
tunnel has that tunnel's MTU, so that nested headers add up by themselves.
"""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address

DEFAULT = 1420
"""What the kernel and wireguard-go give a new device: an Ethernet's 1500 less the larger overhead."""
OVERHEAD = {4: 60, 6: 80}
"""The outer IP header, UDP (8), and WireGuard's own 32 bytes (message_data in drivers/net/wireguard/messages.h)."""
IPV6_LOWEST = 1280
"""A device with less has no IPv6 (RFC 8200, 5); the outer packets are then fragmented instead (they may be)."""
LOWEST = 576
HIGHEST = 65455
_LOOPBACK = "lo"


@dataclasses.dataclass(frozen=True)
class Path:
    """The way that outer packets take. mtu: the smaller one of the route's and the device's."""

    device: str
    mtu: int


@dataclasses.dataclass(frozen=True)
class DerivedMtu:
    """reason: what it follows from, for people."""

    mtu: int
    reason: str


def derive(
    endpoints: t.Iterable[Address], paths: t.Mapping[Address, Path], *, own: str, ipv6: bool
) -> DerivedMtu | None:
    """The narrowest way decides, of equal ones the first endpoint; None where no way is known.

    own: the device itself, if its socket is in its own namespace: what goes round says nothing.  ipv6: it has such
    addresses.
    """
    narrowest: tuple[int, Address, Path] | None = None
    for address in endpoints:
        path = paths.get(address)
        if path is None or path.device in (own, _LOOPBACK):
            continue
        room = path.mtu - OVERHEAD[address.family]
        if narrowest is None or (room, address) < narrowest[:2]:
            narrowest = room, address, path
    if narrowest is None:
        return None
    room, address, path = narrowest
    lowest = IPV6_LOWEST if ipv6 else LOWEST
    reason = f"{path.device} has {path.mtu} towards {address}, less {OVERHEAD[address.family]}"
    if room < lowest:
        reason += f", but not below {lowest}"
    return DerivedMtu(max(lowest, min(room, HIGHEST)), reason)
