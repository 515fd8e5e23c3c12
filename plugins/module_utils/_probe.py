# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe from its question to its answer: looks, waits a bounded time, compares, names the cause."""

from __future__ import annotations

import dataclasses
import functools
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _diagnosis,
    _probe_question,
    _rejected,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import INITIATION
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
    PeerSight,
    Question,
    Sight,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import Totals
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_watch import Target, Watch
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Link,
    Peer,
    PeerStatistics,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import Diagnosis
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import WireguardDriver
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._network import LinuxNetwork
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record

Statistics = t.Mapping[PublicKey, PeerStatistics]
_LINK_LOCAL = parse_prefix("fe80::/10")


@dataclasses.dataclass(frozen=True)
class _Reading:
    """The counters at one moment."""

    device: Device
    statistics: Statistics
    link: Link

    @property
    def peer_bytes(self) -> dict[PublicKey, int]:
        return {key: entry.rx_bytes for key, entry in self.statistics.items()}


class Probe:
    """One interface of this host."""

    def __init__(self, host: LinuxHost, record: Record | None, *, namespace: str, name: str) -> None:
        self._host, self._record = host, record
        self._namespace, self._name = namespace, name
        self._network = host.network(namespace)

    @functools.cached_property
    def _driver(self) -> WireguardDriver:
        return self._host.wireguard(self._namespace, self._name)

    @functools.cached_property
    def _socket_network(self) -> LinuxNetwork | None:
        """Where the encrypted packets are; None: unknown."""
        place = self._host.socket_namespace(self._namespace, self._name)
        return None if place is None else self._host.network(place)

    def run(self, arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """arguments: the module's ``probe``. Raises InvalidInput with the path below it, HostError."""
        asked = _probe_question.read(arguments)
        sight = self._first_sight()
        if sight.backend == "dead":
            return view(_diagnosis.diagnose(asked.question, sight), asked.question, sight)
        question = _probe_question.complete(asked, sight)
        sight = self._with_ways(sight, question)
        diagnosis = _diagnosis.standing(question, sight)
        if diagnosis is None or _diagnosis.worth_watching(question, diagnosis):
            sight = self._watch(sight, question)
            diagnosis = _diagnosis.diagnose(question, sight)
        return view(diagnosis, question, sight)

    def _first_sight(self) -> Sight:
        backend = self._host.backend_of(self._namespace, self._name)
        if backend is None:
            raise _probe_question.interface_missing(self._name, self._namespace)
        if backend == "dead":
            return Sight(self._name, backend)
        reading, links = self._read(), self._network.links()
        recorded = self._record.socket_namespace if self._record else ""
        outside = self._socket_network or self._network
        return Sight(
            name=self._name,
            backend=backend,
            up=reading.link.up,
            has_key=reading.device.private_key is not None,
            socket_gone=self._host.birthplace_is_gone(self._namespace, self._name, recorded=recorded),
            mtu=reading.link.mtu,
            port=reading.device.listen_port,
            fwmark=reading.device.fwmark,
            peers=self._peers(reading),
            local=_addresses(links),
            socket_addresses=_addresses(outside.links()),
            shares_namespace=outside.namespace == self._namespace,
            strict_source_check=self._network.checks_sources(self._name),
            routed=frozenset(
                route.destination
                for route in self._network.routes()
                if route.device == self._name and not _LINK_LOCAL.contains(route.destination)
            ),
        )

    def _read(self) -> _Reading:
        device, statistics = self._driver.read()
        link = self._network.link(self._name)
        if link is None:
            raise _probe_question.interface_missing(self._name, self._namespace)
        return _Reading(device, statistics, link)

    def _peers(self, reading: _Reading) -> tuple[PeerSight, ...]:
        names = self._record.peer_names if self._record else {}
        found = (self._peer(peer, names.get(peer.public_key), reading) for peer in reading.device.peers)
        return tuple(sorted(found, key=lambda peer: (peer.name is None, peer.label)))

    def _peer(self, peer: Peer, name: str | None, reading: _Reading) -> PeerSight:
        handshake = reading.statistics[peer.public_key].latest_handshake
        recorded = self._record.peer(peer.public_key) if self._record else None
        return PeerSight(
            key=peer.public_key,
            label=peer._replace(name=name).label,
            name=name,
            allowed_ips=peer.allowed_ips or frozenset(),
            endpoint=peer.endpoint,
            declared=recorded.endpoint if recorded else None,
            age=None if handshake is None else max(0.0, time.time() - handshake),
        )

    def _with_ways(self, sight: Sight, question: Question) -> Sight:
        """What the routing tables say about the addresses in question."""
        peer = _diagnosis.peer_in_question(question, sight)
        endpoint = peer.endpoint.address if peer is not None and peer.endpoint is not None else None
        ways: dict[str, t.Any] = {}
        if question.destination is not None:
            ways["way"] = self._network.way(question.destination, source=question.source)
        if question.incoming is not None:
            ways["way_back"] = self._network.way(question.incoming)
        if endpoint is not None and self._socket_network is not None:
            ways["way_out"] = self._socket_network.way(endpoint, mark=sight.fwmark)
        return dataclasses.replace(sight, **ways)

    def _watch(self, sight: Sight, question: Question) -> Sight:
        with Watch(self._target(sight, question)) as watch:
            before, earlier = watch.steady(self._read)
            watch.run()
            after, later = watch.steady(self._read)
            watch.drain()
        seen = Totals(*(end - start for start, end in zip(earlier, later)))
        whole = watch.watched and watch.tally.whole
        sight = dataclasses.replace(
            sight,
            seconds=watch.seconds,
            watched=watch.watched,
            reach=watch.reach,
            echo=watch.echo(),
            arrived=watch.tally.sources.get(question.incoming, 0) if question.incoming else 0,
            peers=self._peers(after),
            rejected=_rejected_during(sight.backend, before, after, seen=seen, whole=whole),
        )
        return _with_traffic(sight, watch, renewed=_renewed(before, after))

    def _target(self, sight: Sight, question: Question) -> Target:
        outside = self._socket_network
        peer = _diagnosis.peer_in_question(question, sight)
        return Target(
            name=self._name,
            worker=self._network.worker,
            socket_worker=None if outside is None else outside.worker,
            port=sight.port,
            fwmark=sight.fwmark,
            mtu=sight.mtu,
            seconds=float(question.seconds),
            destination=question.destination if question.send else None,
            source=question.source,
            endpoint=peer.endpoint if peer is not None else None,
        )


def view(diagnosis: Diagnosis, question: Question, sight: Sight) -> dict[str, t.Any]:
    """The answer as plain data."""
    peer = diagnosis.peer
    echo = sight.echo
    return {
        "cause": diagnosis.cause,
        "problem": diagnosis.is_problem,
        "verdict": diagnosis.verdict,
        "evidence": list(diagnosis.evidence),
        "remedy": diagnosis.remedy(sight.name),
        "peer": None if peer is None else {"name": peer.name, "public_key": str(peer.key)},
        "destination": None if question.destination is None else str(question.destination),
        "incoming_source": None if question.incoming is None else str(question.incoming),
        "seconds": round(sight.seconds, 1),
        "sent": echo.sent if echo else 0,
        "answered": echo.answered if echo else 0,
        "rejected_source": sight.rejected.view(),
    }


def _addresses(links: t.Iterable[Link]) -> frozenset[Address]:
    return frozenset(address.address for link in links for address in link.addresses)


def _rejected_during(
    backend: str, before: _Reading, after: _Reading, *, seen: Totals, whole: bool
) -> _rejected.Rejected:
    def grown(name: str) -> int:
        return max(0, after.link.statistics.get(name, 0) - before.link.statistics.get(name, 0))

    if backend == "kernel":
        return _rejected.counted_by_kernel({"rx_frame_errors": grown("rx_frame_errors")})
    earlier, later = before.peer_bytes, after.peer_bytes
    books = _rejected.Books(
        peer_bytes=sum(later.values()) - sum(earlier.get(key, 0) for key in later),
        device_bytes=grown("rx_bytes"),
        device_packets=grown("rx_packets"),
        seen=seen,
        peers=sum(later[key] > earlier.get(key, 0) for key in later),
        whole=whole,
    )
    return _rejected.during(books)


def _with_traffic(sight: Sight, watch: Watch, *, renewed: t.AbstractSet[PublicKey]) -> Sight:
    """What was seen of each peer."""
    tally = watch.tally
    passed: dict[PublicKey, int] = {}
    for address, packets in tally.sources.items():
        owner = sight.owner(address)
        if owner is not None:
            passed[owner.key] = passed.get(owner.key, 0) + packets
    known = {peer.endpoint for peer in sight.peers if peer.endpoint}
    peers = tuple(
        dataclasses.replace(
            peer,
            traffic=tally.traffic(peer.endpoint),
            passed=passed.get(peer.key, 0),
            renewed=peer.key in renewed,
        )
        for peer in sight.peers
    )
    unowned = {address: count for address, count in tally.destinations.items() if _is_unowned(sight, address)}
    return dataclasses.replace(sight, peers=peers, strangers=tally.strangers(known, INITIATION), unowned=unowned)


def _renewed(before: _Reading, after: _Reading) -> frozenset[PublicKey]:
    """The peers that have made a handshake in between."""
    none = PeerStatistics(None, 0, 0)
    return frozenset(
        key
        for key, entry in after.statistics.items()
        if entry.latest_handshake != before.statistics.get(key, none).latest_handshake
    )


def _is_unowned(sight: Sight, address: Address) -> bool:
    """IPv6 sends multicast on its own (neighbours, routers), which is nobody's traffic."""
    multicast = address.number >> (28 if address.family == 4 else 120) == (0xE if address.family == 4 else 0xFF)
    return not multicast and sight.owner(address) is None
