# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what a probe sees outside and inside of a tunnel, in bounded memory. Pure: bytes in, numbers out."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    COOKIE,
    DATA,
    VNET_HEADER_BYTES,
    Message,
    Unreachable,
    parse_echo,
    parse_ip,
    parse_outer,
    segments,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

REMEMBERED = 8192
"""Messages by which another sight of the same one is told: a bridge shows it within a few packets."""
DISTINCT = 65536
"""Addresses and endpoints that are told apart. Where there are more, nothing is called exact."""
FIRST_LARGE = 1000
"""Sequence numbers of echoes from here on belong to long packets."""

Counts = t.Dict[str, int]


@dataclasses.dataclass(frozen=True)
class Traffic:
    """Messages between the device's socket and one endpoint, by kind, and what is reported about it."""

    received: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    sent: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    unreachable: bool = False
    refused: bool = False


class Totals(t.NamedTuple):
    """What has come in so far.

    outer_bytes: of initiations, responses, keepalives and data; overhead_bytes: of all of these but data.
    outer_packets: data alone.
    inner_packets: each that the stack has put together counted by its parts; inner_reads: as they were seen.
    """

    outer_bytes: int
    overhead_bytes: int
    outer_packets: int
    inner_bytes: int
    inner_packets: int
    inner_reads: int


class Tally:
    """port: of the device's socket.  identity: of our own echo requests."""

    def __init__(self, port: int, *, identity: int) -> None:
        self.port, self.identity = port, identity
        self.whole = True
        self._outer_bytes = self._overhead_bytes = self._outer_packets = 0
        self._inner_bytes = self._inner_packets = self._inner_reads = 0
        self.echoes = 0
        self.sources: collections.Counter[Address] = collections.Counter()
        self.destinations: collections.Counter[Address] = collections.Counter()
        self._received: dict[Endpoint, Counts] = {}
        self._sent: dict[Endpoint, Counts] = {}
        self._reports: dict[Endpoint, bool] = {}
        self._known: dict[bytes, None] = {}

    def outer(self, data: bytes, *, outgoing: bool) -> None:
        """One packet of the namespace of the socket, from its IP header on."""
        found = parse_outer(data)
        if isinstance(found, Unreachable):
            if found.sender_port == self.port and len(self._reports) < DISTINCT:
                self._reports[found.endpoint] = self._reports.get(found.endpoint, False) or found.refused
            return
        if found is None or (found.source if outgoing else found.destination).port != self.port or self._again(found):
            return
        if outgoing:
            self._count(self._sent, found.destination, found.kind)
            return
        self._count(self._received, found.source, found.kind)
        if found.kind != COOKIE:
            self._outer_bytes += found.length
            self._overhead_bytes += found.length if found.kind != DATA else 0
        self._outer_packets += found.kind == DATA

    def inner(self, data: bytes, *, outgoing: bool) -> None:
        """One packet of the device, with a struct virtio_net_hdr before it."""
        packet = parse_ip(data[VNET_HEADER_BYTES:])
        if packet is None:
            self.whole = False  # such as a later fragment, of which the length is not looked at
            return
        count = segments(data[:VNET_HEADER_BYTES], packet)
        places = self.destinations if outgoing else self.sources
        address = packet.destination if outgoing else packet.source
        if address in places or len(places) < DISTINCT:
            places[address] += count
        else:
            self.whole = False
        if outgoing:
            return
        self._inner_bytes += packet.length
        self._inner_packets += count
        self._inner_reads += 1
        echo = parse_echo(packet)
        if echo is not None and echo.identity == self.identity and not echo.complaint:
            self.echoes += echo.sequence < FIRST_LARGE

    @property
    def totals(self) -> Totals:
        inside = (self._inner_bytes, self._inner_packets, self._inner_reads)
        return Totals(self._outer_bytes, self._overhead_bytes, self._outer_packets, *inside)

    def traffic(self, endpoint: Endpoint | None) -> Traffic:
        if endpoint is None:
            return Traffic()
        return Traffic(
            received=self._received.get(endpoint, {}),
            sent=self._sent.get(endpoint, {}),
            unreachable=endpoint in self._reports,
            refused=self._reports.get(endpoint, False),
        )

    def strangers(self, known: t.Container[Endpoint], kind: str) -> dict[Endpoint, int]:
        """Messages of that kind from endpoints other than the known ones."""
        return {
            place: counts[kind] for place, counts in self._received.items() if kind in counts and place not in known
        }

    def _count(self, table: dict[Endpoint, Counts], endpoint: Endpoint, kind: str) -> None:
        if endpoint not in table and len(table) >= DISTINCT:
            self.whole = False
            return
        counts = table.setdefault(endpoint, {})
        counts[kind] = counts.get(kind, 0) + 1

    def _again(self, message: Message) -> bool:
        if message.identity in self._known:
            return True
        self._known[message.identity] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return False
