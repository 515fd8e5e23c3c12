# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe has been asked and what it has seen: the input of the diagnosis. Plain values, no I/O."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._owners import Owners
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import Traffic
from ansible_collections.cryptokey.wireguard.plugins.module_utils._rejected import UNKNOWN, Rejected

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, Prefix
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint, Way

SESSION_SECONDS = 180
"""A session is not used for longer (REJECT_AFTER_TIME in the WireGuard whitepaper, 6.2)."""


@dataclasses.dataclass(frozen=True)
class Question:
    """destination: where packets do not get to.  source: the own address to send from.

    incoming: an address from which packets do not arrive.  peer: who is expected at the other end.
    send: whether packets may be sent to find out.
    """

    seconds: int = 6
    send: bool = False
    peer: PublicKey | None = None
    destination: Address | None = None
    source: Address | None = None
    incoming: Address | None = None


@dataclasses.dataclass(frozen=True)
class PeerSight:
    """One peer before, during and after.

    declared: the endpoint as the declaration gives it, None where it gives none or is not known.
    age: seconds since the latest handshake at the end, None: never.  renewed: it was made during the probe.
    passed: packets that came out of the tunnel with a source that this peer owns.
    """

    key: PublicKey
    label: str
    name: str | None = None
    allowed_ips: frozenset[Prefix] = frozenset()
    endpoint: Endpoint | None = None
    declared: str | None = None
    age: float | None = None
    renewed: bool = False
    received_bytes: int = 0
    traffic: Traffic = dataclasses.field(default_factory=Traffic)
    passed: int = 0

    @property
    def has_session(self) -> bool:
        return self.age is not None and self.age <= SESSION_SECONDS


@dataclasses.dataclass(frozen=True)
class EchoSight:
    """What became of echo requests of our own.

    seen: answers that came out of the tunnel, whether or not they reached us afterwards.
    complaint: what a router or host has said instead, with its address.
    refused: why this host did not send, in its own words.
    largest: the longest packet that was answered, of those from long to short that were sent in the end; None: of none.
    """

    sent: int = 0
    answered: int = 0
    seen: int = 0
    complaint: str = ""
    refused: str = ""
    large_sent: bool = False
    large_answered: bool = False
    largest: int | None = None


@dataclasses.dataclass(frozen=True)
class Sight:
    """One interface, as far as the question is about it.

    watched: whether packets outside and inside were seen; without, only counters are known.
    way: to the destination; way_back: to the incoming source; way_out: to the endpoint of the peer in question, in the
    namespace of the socket (None: not looked up).
    shares_namespace: the device and its socket are in the same namespace.
    routed: what the routing tables send into the device.
    strangers: handshake initiations from endpoints that no peer has.
    unowned: packets that were sent into the interface although no peer owns their destination.
    arrived: packets from the incoming source that came out of the tunnel.
    reach: what a datagram to the endpoint met: "", refused, unreachable.
    """

    name: str
    backend: str
    up: bool = True
    has_key: bool = True
    socket_gone: bool = False
    mtu: int = 1420
    port: int = 0
    fwmark: int = 0
    seconds: float = 0.0
    peers: tuple[PeerSight, ...] = ()
    local: frozenset[Address] = frozenset()
    socket_addresses: frozenset[Address] = frozenset()
    shares_namespace: bool = True
    way: Way | None = None
    way_back: Way | None = None
    way_out: Way | None = None
    strict_source_check: bool = False
    routed: frozenset[Prefix] = frozenset()
    watched: bool = False
    strangers: t.Mapping[Endpoint, int] = dataclasses.field(default_factory=dict)
    unowned: t.Mapping[Address, int] = dataclasses.field(default_factory=dict)
    arrived: int = 0
    reach: str = ""
    echo: EchoSight | None = None
    rejected: Rejected = UNKNOWN

    def owner(self, address: Address) -> PeerSight | None:
        """Whose packets that address is: the longest prefix, as for sending and receiving (allowedips.c)."""
        found = self.owning_prefix(address)
        return found[1] if found else None

    def owning_prefix(self, address: Address) -> tuple[Prefix, PeerSight] | None:
        found = self._owners.find(address)
        return (found[0], self.peers[found[1]]) if found else None

    @functools.cached_property
    def _owners(self) -> Owners:
        return Owners(peer.allowed_ips for peer in self.peers)

    def peer(self, key: PublicKey | None) -> PeerSight | None:
        return next((peer for peer in self.peers if peer.key == key), None)

    @property
    def unowned_routes(self) -> tuple[Prefix, ...]:
        """What is routed into the device although no peer has any of it: an answer there would have no owner."""
        return tuple(sorted(prefix for prefix in self.routed if not self._owners.overlaps(prefix)))

    @property
    def suspects(self) -> tuple[PeerSight, ...]:
        """The peers of which more packets came in than passed, most first."""
        excess = {peer.key: peer.traffic.received.get("data", 0) - peer.passed for peer in self.peers}
        found = [peer for peer in self.peers if excess[peer.key] > 0]
        return tuple(sorted(found, key=lambda peer: (-excess[peer.key], peer.label)))
