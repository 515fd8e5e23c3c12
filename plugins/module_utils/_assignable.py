# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that nothing in an overlay can have: no packet from or to them ever crosses a tunnel as unicast."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix

# Martian to ip_route_input_slow (net/ipv4/route.c) or refused by ipv6_add_addr (net/ipv6/addrconf.c).
_NEVER = (
    (Prefix(4, 0, 32), "is the unspecified address, which stands for no address"),
    (Prefix(4, 127 << 24, 8), "is a loopback address, which never leaves a host"),
    (Prefix(4, 224 << 24, 4), "is multicast, which belongs to no host"),
    (Prefix(4, 0xFFFFFFFF, 32), "is the broadcast address, which belongs to no host"),
    (Prefix(6, 0, 128), "is the unspecified address, which stands for no address"),
    (Prefix(6, 1, 128), "is the loopback address, which never leaves a host"),
    (Prefix(6, 0xFF << 120, 8), "is multicast, which belongs to no host"),
)


def is_ordinary(family: int, number: int) -> bool:
    """Whether an address is one of those, nearly all of IPv4, that any host can have; cheaper than asking why not."""
    return family == 4 and 0 < number >> 24 < 224 and number >> 24 != 127


def why_unassignable(prefix: Prefix) -> str:
    """Why no host can have any address of a prefix, to stand behind it in a sentence; empty where one can."""
    if is_ordinary(prefix.family, prefix.network):
        return ""
    return next((reason for never, reason in _NEVER if never.contains(prefix)), "")
