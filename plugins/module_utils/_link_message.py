# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and their addresses to and from the bytes of rtnetlink messages (linux/if_link.h, linux/if_addr.h). Pure."""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import (
    attribute,
    attributes,
    integer,
    text,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, InterfaceAddress
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Link

LINK = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, change."""
ADDRESS = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, length of the prefix, flags, scope, index."""
_NAME, _MTU, _INFO, _COUNTERS, _NAMESPACE, _CARRIER = 3, 4, 18, 23, 28, 33
_NESTED = 0x8000
_KIND = 1
_OF_ADDRESS, _LOCAL = 1, 2
_UP = 1
_BYTES = {4: 4, 16: 6}
_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_NO_DETECTION = 0x02
"""IFA_F_NODAD: IPv6 then does not ask whether somebody else has the address."""
# struct rtnl_link_stats64; later kernels have more behind these.
_STATISTICS = """rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped multicast collisions
    rx_length_errors rx_over_errors rx_crc_errors rx_frame_errors rx_fifo_errors rx_missed_errors tx_aborted_errors
    tx_carrier_errors tx_fifo_errors tx_heartbeat_errors tx_window_errors rx_compressed tx_compressed""".split()
_STATISTICS_FORM = struct.Struct(f"={len(_STATISTICS)}Q")

Addresses = t.Mapping[int, t.Sequence[InterfaceAddress]]
"""By index of the link, in the order in which the kernel has them."""


def by_name(name: str) -> bytes:
    """The question for one link."""
    return LINK.pack(0, 0, 0, 0, 0) + _named(name)


def creation(name: str, kind: str) -> bytes:
    info = attribute(_KIND, kind.encode() + b"\0")
    return LINK.pack(0, 0, 0, 0, 0) + _named(name) + attribute(_INFO | _NESTED, info)


def by_index(index: int) -> bytes:
    return LINK.pack(0, 0, index, 0, 0)


def mtu_change(index: int, mtu: int) -> bytes:
    return by_index(index) + attribute(_MTU, struct.pack("=I", mtu))


def switch(index: int, *, up: bool) -> bytes:
    return LINK.pack(0, 0, index, _UP if up else 0, _UP)


def move(index: int, *, target: int, name: str) -> bytes:
    """target: a descriptor of the namespace.  name: the one that it gets there."""
    return by_index(index) + attribute(_NAMESPACE, struct.pack("=I", target)) + _named(name)


def address_change(address: InterfaceAddress, index: int) -> bytes:
    """To add one or to remove it."""
    flags = _NO_DETECTION if address.family == 6 else 0
    raw = address.number.to_bytes(WIDTH[address.family] // 8, "big")
    head = ADDRESS.pack(_FAMILIES[address.family], address.length, flags, 0, index)
    return head + attribute(_LOCAL, raw) + attribute(_OF_ADDRESS, raw)


def _named(name: str) -> bytes:
    return attribute(_NAME, name.encode() + b"\0")


def addresses_of(contents: t.Iterable[bytes]) -> dict[int, list[InterfaceAddress]]:
    """Of the messages of a dump. Those of neither IPv4 nor IPv6 are left out."""
    found: dict[int, list[InterfaceAddress]] = {}
    for content in contents:
        _family, length, _flags, _scope, index = ADDRESS.unpack_from(content)
        values = attributes(content, ADDRESS.size)
        # Of a device with a peer's address at its far end, that one stands in IFA_ADDRESS (IPv4).
        raw = values.get(_LOCAL) or values.get(_OF_ADDRESS, b"")
        family = _BYTES.get(len(raw), 0)
        if family:
            found.setdefault(index, []).append(InterfaceAddress(family, int.from_bytes(raw, "big"), length))
    return found


def name_of(content: bytes) -> tuple[int, str]:
    """(index, name) of a link."""
    _family, _type, index, _flags, _change = LINK.unpack_from(content)
    return index, text(attributes(content, LINK.size).get(_NAME)) or ""


def link_of(content: bytes, addresses: Addresses) -> Link:
    _family, _type, index, flags, _change = LINK.unpack_from(content)
    values = attributes(content, LINK.size)
    held = addresses.get(index, ())
    counters = values.get(_COUNTERS, b"")
    counted = _STATISTICS_FORM.unpack_from(counters) if len(counters) >= _STATISTICS_FORM.size else ()
    return Link(
        name=text(values.get(_NAME)) or "",
        index=index,
        kind=text(attributes(values.get(_INFO, b""), 0).get(_KIND)) or "",
        mtu=integer(values.get(_MTU)),
        up=bool(flags & _UP),
        carrier=values.get(_CARRIER) != b"\0",
        addresses=frozenset(held),
        address_order=tuple(address for address in held if address.family == 4),
        statistics=dict(zip(_STATISTICS, counted)),
    )
