# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of a rehearsal: every own address to every address elsewhere, with what has to become of an echo request.

Sources are all addresses of all stacks, underlay included, and the hosts of the LANs. Destinations are the same of
everybody else, the addresses of external peers, and one address per pool and family that nobody has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    parse_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import with_lab_addresses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_addresses import (
    LINK_LOCAL,
    mentioned_prefixes,
    readable,
    unused_address,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_journey import Echo, Spot, World

Document = t.Mapping[str, t.Any]


class Target(t.NamedTuple):
    """An address and who has it. label: as the matrix names it; spot: None for what is not staged."""

    label: str
    address: Address
    spot: Spot | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One source address to one destination address."""

    source: Target
    destination: Target
    predicted: Echo

    @property
    def title(self) -> str:
        return f"{self.source.label} → {self.destination.label} ({self.source.address} → {self.destination.address})"


def predict_matrix(fleet: Document, specification: Document) -> list[Cell]:
    """All cells, in a fixed order. fleet: the document of a plan that was made for this lab."""
    staged = with_lab_addresses(fleet, specification)
    world = World(staged, specification)
    sources = own_targets(staged, specification)
    destinations = [*sources, *external_targets(staged), *unassigned_targets(staged)]
    return [
        Cell(source=source, destination=destination, predicted=predicted)
        for source in sources
        for destination in destinations
        if source.address.family == destination.address.family
        and source.spot != destination.spot
        and (predicted := world.echo(t.cast("Spot", source.spot), source.address, destination.address))
    ]


def own_targets(fleet: Document, specification: Document) -> list[Target]:
    """Every address that something in the lab has."""
    found = []
    for host, entry in sorted(fleet["hosts"].items()):
        for namespace in sorted({"", *(entry.get("namespaces") or {})}):
            spot = Spot(host, namespace)
            label = f"{host}/{namespace}" if namespace else host
            found += [Target(label, address, spot) for address in _stack_addresses(entry, namespace)]
    for port in specification["ports"]:
        if port["lan"]:
            spot = Spot(port["host"], port["namespace"], port["lan"]["node"])
            label = f"{port['host']}:{port['device']}"
            found += [Target(label, parse_address(text), spot) for text in port["lan"]["addresses"]]
    return [target for target in found if not LINK_LOCAL.contains(target.address.prefix)]


def _stack_addresses(entry: Document, namespace: str) -> list[Address]:
    stack = (entry.get("namespaces") or {}).get(namespace) or {}
    texts = [text for _device, texts in sorted((stack.get("addresses") or {}).items()) for text in texts or []]
    for interface in entry.get("interfaces") or []:
        if (interface.get("namespace") or "") == namespace:
            texts += interface.get("addresses") or []
    parsed = [readable(text) for text in texts]
    return sorted({item.address for item in parsed if item is not None})


def external_targets(fleet: Document) -> list[Target]:
    """The addresses of peers that Ansible does not manage: nothing in the lab has them."""
    found: set[Target] = set()
    lists = list((fleet.get("peer_groups") or {}).values())
    for host in fleet["hosts"].values():
        lists += [interface.get("peers") or [] for interface in host.get("interfaces") or []]
    for peer in (peer for peers in lists for peer in peers if peer.get("managed") is False):
        for text in peer.get("allowed_ips") or []:
            parsed = readable(text)
            if parsed is not None and parsed.length == WIDTH[parsed.family]:
                found.add(Target(peer.get("name") or "?", parsed.address, None))
    return sorted(found, key=lambda target: (target.label, target.address))


def unassigned_targets(fleet: Document) -> list[Target]:
    """Addresses that nobody has: one per pool, and one in each connected prefix of a WireGuard device."""
    mentioned = mentioned_prefixes(fleet)
    taken = {Address(p.family, p.network) for p in mentioned if p.length == WIDTH[p.family]}
    taken |= {target.address for target in _all_stack_targets(fleet)}
    found = []
    for prefix in sorted(set(_pools(fleet)) | set(_connected(fleet))):
        inside = [other for other in mentioned if prefix.contains(other) and prefix != other]
        address = unused_address(prefix, _Taken(taken, inside))
        if address is not None:
            found.append(Target("(nobody)", address, None))
    return found


def _all_stack_targets(fleet: Document) -> list[Target]:
    return own_targets(fleet, {"ports": []})


def _pools(fleet: Document) -> t.Iterator[Prefix]:
    for network in (fleet.get("networks") or {}).values():
        for text in network.get("pool") or []:
            with contextlib.suppress(InvalidInput):
                yield parse_prefix_lenient(text)[0]


def _connected(fleet: Document) -> t.Iterator[Prefix]:
    for host in fleet["hosts"].values():
        for interface in host.get("interfaces") or []:
            for text in interface.get("addresses") or []:
                parsed = readable(text)
                if parsed is not None and parsed.length < WIDTH[parsed.family]:
                    yield parsed.prefix


class _Taken:
    """Addresses that somebody has, or that lie in a prefix of somebody."""

    def __init__(self, addresses: set[Address], prefixes: list[t.Any]) -> None:
        self._addresses = addresses
        self._prefixes = prefixes

    def __contains__(self, address: object) -> bool:
        if address in self._addresses:
            return True
        return any(prefix.contains(t.cast("Address", address).prefix) for prefix in self._prefixes)
