# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny address space of the random fleets, and what both their plan and its damages handle."""

from __future__ import annotations

import dataclasses
import ipaddress

HOSTS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
BASE = {4: int(ipaddress.ip_address("10.0.0.0")), 6: int(ipaddress.ip_address("fd00::40"))}
BITS = {4: 32, 6: 128}
WIDE = {4: ("0.0.0.0/0", "0.0.0.0/1", "8.0.0.0/5"), 6: ("::/0", "8000::/1", "fc00::/7")}
FAMILIES = (4, 6)


@dataclasses.dataclass
class Member:
    """A WireGuard interface in the making, with what its stack owns behind it."""

    host: str
    interface: dict
    stack: dict
    prefixes: list[str]
    links: list[int] = dataclasses.field(default_factory=list)
