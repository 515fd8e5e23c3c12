# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one packet in a lab: the prover's walk through the fleet, and the lab's own cables around it.

The prover knows where a packet leaves the fleet. The lab knows what stands behind that device: the one host of a LAN,
the internet router that knows every underlay address and nothing else, and NATs that rewrite what leaves through them.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_ports import LAN, NAT
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Walk

Document = t.Mapping[str, t.Any]
_MOST_STACKS = 16


class Spot(t.NamedTuple):
    """Where packets start and end: a stack of a host, or a lab node that stands for a LAN behind it (``node``)."""

    host: str
    namespace: str
    node: str = ""

    @property
    def stack(self) -> StackId:
        return StackId(self.host, self.namespace)


class Journey(t.NamedTuple):
    """How one packet ended. arrived: where, if it did; source: its source as seen there.

    outcome, place: of the prover's walk. in_clear: whether it used the lab's internet.
    """

    arrived: Spot | None
    outcome: str
    place: str
    source: Address
    in_clear: bool


class Echo(t.NamedTuple):
    """A request and, if it arrived, the reply."""

    request: Journey
    reply: Journey | None

    @property
    def answered(self) -> bool:
        return self.reply is not None and self.reply.arrived is not None

    @property
    def in_clear(self) -> bool:
        return self.request.in_clear or (self.reply is not None and self.reply.in_clear)

    @property
    def outcome(self) -> str:
        """One word for the matrix; a request that arrived in vain shows what stopped the reply."""
        if self.reply is None:
            return self.request.outcome
        return self.request.outcome if self.answered else f"reply {self.reply.outcome}"

    @property
    def place(self) -> str:
        return self.request.place if self.reply is None else self.reply.place


class _Port(t.NamedTuple):
    spot: Spot
    device: str
    kind: str
    addresses: tuple[Address, ...]
    outside: tuple[Address, ...]
    forwarded: tuple[Address, ...]
    behind: frozenset[Address]

    @property
    def place(self) -> tuple[str, str, str]:
        return self.spot.host, self.spot.namespace, self.device

    def inside(self, family: int) -> Address | None:
        return next((address for address in self.addresses if address.family == family), None)


class World:
    """A fleet as a lab stages it. fleet: with the addresses that the lab gave (with_lab_addresses)."""

    def __init__(self, fleet: Document, specification: Document) -> None:
        self._walks = {family: Walk(Model.of(parse_fleet(fleet)), family) for family in FAMILIES}
        ports = [_port(document) for document in specification["ports"]]
        self._ports = {port.place: port for port in ports}
        self._lans = {port.spot.node: port for port in ports if port.spot.node}
        self._masquerading = {
            (host, namespace, device)
            for host, entry in fleet["hosts"].items()
            for namespace, stack in (entry.get("namespaces") or {}).items()
            for device in (stack or {}).get("masquerade") or []
        }
        self._internet = {
            address: port
            for port in ports
            if port.kind != LAN
            for address in (port.outside if port.kind == NAT else port.addresses)
        }

    def echo(self, start: Spot, source: Address, destination: Address) -> Echo:
        translated: dict[Address, Address] = {}
        request = self._travel(start, source, destination, translated)
        if request.arrived is None:
            return Echo(request, None)
        reply = self._travel(request.arrived, destination, request.source, translated)
        if reply.arrived not in (None, start):
            # It came to an address that somebody else has as well, or to a NAT that knows nothing of it.
            reply = reply._replace(arrived=None, outcome="astray")
        return Echo(request, reply)

    def _travel(
        self, start: Spot, source: Address, destination: Address, translated: dict[Address, Address]
    ) -> Journey:
        """translated: which inside address a NAT has put behind its outside one, from the request to the reply."""
        stack, ingress, in_clear = start.stack, LOOPBACK, False
        if start.node:
            ingress = self._lans[start.node].device
            destination = self._unmasked(self._lans[start.node], destination, translated)
        for _turn in range(_MOST_STACKS):
            outcome, end, device = self._walk(stack, ingress, source, destination)
            place = str(end)
            if outcome == "delivered":
                return Journey(Spot(*end), outcome, place, source, in_clear)
            port = self._ports.get((end.host, end.namespace, device)) if outcome == "exits" else None
            if port is None:
                return Journey(None, outcome, place, source, in_clear)
            source = self._masked(port, source, translated)
            if port.kind == LAN:
                arrived = port.spot if destination in port.behind else None
                return Journey(arrived, outcome, place, source, in_clear)
            source = _outward(port, source, translated)
            target, destination = self._inward(destination, translated)
            if target is None:
                return Journey(None, outcome, place, source, in_clear)
            destination = self._unmasked(target, destination, translated)
            stack, ingress, in_clear = target.spot.stack, target.device, True
        return Journey(None, "loop", str(stack), source, in_clear)

    def _walk(self, stack: StackId, ingress: str, source: Address, destination: Address) -> tuple[str, StackId, str]:
        pieces = self._walks[source.family].start(
            stack, (source.number, source.number + 1), (destination.number, destination.number + 1), ingress=ingress
        )
        piece = next(iter(pieces))
        return piece.outcome, piece.place.stack, piece.place.device or ""

    def _masked(self, port: _Port, source: Address, translated: dict[Address, Address]) -> Address:
        """The source behind a device of the host that masquerades."""
        own = port.inside(source.family)
        if own is None or source == own or port.place not in self._masquerading:
            return source
        translated[own] = source
        return own

    def _unmasked(self, port: _Port, destination: Address, translated: dict[Address, Address]) -> Address:
        """For whom a packet that enters the host by this device really is."""
        return translated.get(destination, destination) if port.place in self._masquerading else destination

    def _inward(self, destination: Address, translated: dict[Address, Address]) -> tuple[_Port | None, Address]:
        """Whom the internet's router gives the packet to, and under which destination it gets there."""
        port = self._internet.get(destination)
        if port is None or port.kind != NAT:
            return port, destination
        inside = translated.get(destination)
        if inside is None and destination in port.forwarded:
            inside = port.inside(destination.family)
        return (None, destination) if inside is None else (port, inside)


def _outward(port: _Port, source: Address, translated: dict[Address, Address]) -> Address:
    """A NAT rewrites the host's own address only; anything else leaves as it is."""
    if port.kind != NAT or source not in port.addresses:
        return source
    outside = next((address for address in port.outside if address.family == source.family), None)
    if outside is None:
        return source
    translated[outside] = source
    return outside


def _port(document: Document) -> _Port:
    lan = document["lan"] or {"node": "", "addresses": []}
    return _Port(
        spot=Spot(document["host"], document["namespace"], lan["node"]),
        device=document["device"],
        kind=document["kind"],
        addresses=tuple(parse_address(text) for text in document["addresses"]),
        outside=tuple(parse_address(text) for text in document["outside"]),
        forwarded=tuple(parse_address(text) for text in document["forwarded"]),
        behind=frozenset(parse_address(text) for text in lan["addresses"]),
    )
