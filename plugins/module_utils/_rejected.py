# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that arrived through a tunnel and were refused for their source: how many, and how sure that is. Pure.

The kernel counts each one as a frame error of the interface (wg_packet_consume_data_done in
drivers/net/wireguard/receive.c; a packet that is neither IPv4 nor IPv6 counts alike). wireguard-go counts nothing of
the kind, but its peers' bytes are taken before the check and the tun's after it (RoutineSequentialReceiver and
RoutineHandshake in device/receive.go):

    peers' rx_bytes = 148 per initiation + 92 per response + 32 per keepalive + (32 + n padded to 16) per data packet
    tun's rx_bytes  = n per packet that passed

How many handshakes and keepalives there were stands nowhere, so the totals give a bound only. Over a probe, which has
seen every message outside and every packet inside, the same equation is a double entry: where both sides agree to the
byte, the difference of packets is exact.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import DATA_OVERHEAD

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import Totals

SMALLEST = 64
"""Bytes that the smallest packet that can be refused is worth: a bare IPv4 header, padded, in a data message."""
_PADDING = 15
_SESSION = 148 + 92 + 2 * DATA_OVERHEAD
"""What a peer's handshake, made from both sides at once, and the keepalives that confirm it come to."""


@dataclasses.dataclass(frozen=True)
class Rejected:
    """packets: how many, None where only a bound is known.  bytes_at_most: what they had in all, encrypted; None where
    they are counted, and where nothing is known.

    exact: packets is neither too high nor too low.  suspected: not counted, but more than all else can explain.
    """

    packets: int | None
    bytes_at_most: int | None
    exact: bool
    suspected: bool = False

    @property
    def likely(self) -> bool:
        """Whether there was one, as far as can be told."""
        return bool(self.packets) or self.suspected

    def view(self) -> dict[str, t.Any]:
        return {"packets": self.packets, "bytes_at_most": self.bytes_at_most, "exact": self.exact}


NONE = Rejected(0, None, True)
UNKNOWN = Rejected(None, None, False)


def counted_by_kernel(statistics: t.Mapping[str, int]) -> Rejected:
    """statistics: of the link."""
    return Rejected(statistics.get("rx_frame_errors", 0), None, True)


def bounded(peer_bytes: int, *, device_bytes: int, device_packets: int) -> Rejected:
    """From the totals of an engine. peer_bytes: received from all peers that it has.

    The tun counts packets that were put together (GRO) once, which makes the bound higher, never lower. A peer that
    was removed has taken its bytes along: where the tun has had more than the peers account for, nothing is known.
    """
    left = peer_bytes - device_bytes - DATA_OVERHEAD * device_packets
    if left < 0:
        return UNKNOWN
    return NONE if left < SMALLEST else Rejected(None, left, False)


@dataclasses.dataclass(frozen=True)
class Books:
    """What came in during a probe of an engine: as the engine and the tun count it, and as it was seen.

    peers: how many of them have sent anything.  whole: no packet was missed by the probe.
    """

    peer_bytes: int
    device_bytes: int
    device_packets: int
    seen: Totals
    peers: int
    whole: bool

    @property
    def balanced(self) -> bool:
        seen = self.seen
        outside = self.peer_bytes == seen.outer_bytes
        inside = (self.device_bytes, self.device_packets) == (seen.inner_bytes, seen.inner_reads)
        return self.whole and outside and inside and seen.outer_packets >= seen.inner_packets


def during(books: Books) -> Rejected:
    """Over a probe of an engine."""
    seen = books.seen
    if books.balanced:
        return Rejected(seen.outer_packets - seen.inner_packets, None, True)
    found = bounded(books.peer_bytes, device_bytes=books.device_bytes, device_packets=books.device_packets)
    explained = max(seen.overhead_bytes, _SESSION * books.peers) + _PADDING * books.device_packets
    left = (found.bytes_at_most or 0) - explained
    return dataclasses.replace(found, suspected=left >= SMALLEST)
