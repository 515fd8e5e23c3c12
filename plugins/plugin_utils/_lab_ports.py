# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each device of a fleet is plugged into when a lab stages the fleet.

Every device that is not WireGuard is one port. Devices that hold an endpoint's address or a default route lead to the
lab's internet: directly where somebody dials the host (``public``), else through a NAT of their own (``nat``). All
others lead to a LAN (``lan``) in which one host stands for everything behind the device.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    InterfaceAddress,
    Prefix,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_addresses import (
    LINK_LOCAL,
    SpareAddresses,
    mentioned_prefixes,
    readable,
    unused_address,
)

Document = t.Mapping[str, t.Any]
PUBLIC, NAT, LAN = "public", "nat", "lan"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Port:
    """One device of one host. addresses: what the host has on it; given: those of them that the lab made up.

    outside: the addresses under which a NAT shows the host; forwarded: those of them that lead in as well.
    behind: the addresses of the host that stands for a LAN.  gateways: next hops that the fleet's routes name here.
    """

    host: str
    namespace: str
    device: str
    kind: str
    mtu: int
    addresses: tuple[InterfaceAddress, ...]
    given: tuple[InterfaceAddress, ...] = ()
    outside: tuple[Address, ...] = ()
    forwarded: tuple[Address, ...] = ()
    behind: tuple[Address, ...] = ()
    gateways: tuple[Address, ...] = ()

    def inside(self, family: int) -> Address | None:
        """The host's own address of that family."""
        return next((entry.address for entry in self.addresses if entry.family == family), None)


def plan_ports(fleet: Document) -> list[Port]:
    """Every port of the fleet document, sorted by host, namespace and device."""
    planner = _Planner(fleet)
    return [
        planner.port(host, namespace, device)
        for host in sorted(fleet["hosts"])
        for namespace in sorted(fleet["hosts"][host].get("namespaces") or {})
        for device in planner.devices(host, namespace)
    ]


def endpoints_by_host(fleet: Document) -> dict[tuple[str, str], set[str]]:
    """(host, birth namespace) -> the hosts of all endpoints under which anybody dials it; a peer's name is its host."""
    dialled: dict[tuple[str, str], set[str]] = {}
    groups = fleet.get("peer_groups") or {}
    seen = set()
    for _host, interface, network in _interfaces(fleet):
        _note_endpoints(interface.get("peers") or [], network, dialled)
        group = interface.get("peer_group")
        if group and (group, network) not in seen:
            seen.add((group, network))
            _note_endpoints(groups.get(group) or [], network, dialled)
    found: dict[tuple[str, str], set[str]] = {}
    for host, interface, network in _interfaces(fleet):
        hosts = found.setdefault((host, interface.get("socket_namespace") or ""), set())
        hosts.update(name for text in dialled.get((host, network), ()) if (name := _endpoint_host(text)) is not None)
    return found


def _interfaces(fleet: Document) -> t.Iterator[tuple[str, Document, str]]:
    for host, entry in fleet["hosts"].items():
        for interface in entry.get("interfaces") or []:
            yield host, interface, interface.get("network") or interface["name"]


def _note_endpoints(peers: t.Iterable[Document], network: str, dialled: dict[tuple[str, str], set[str]]) -> None:
    for peer in peers:
        if peer.get("endpoint"):
            dialled.setdefault((peer.get("name") or "", network), set()).add(peer["endpoint"])


def _endpoint_host(text: str) -> str | None:
    try:
        return parse_endpoint(text).host
    except InvalidInput:
        return None


class _Planner:
    def __init__(self, fleet: Document) -> None:
        self.fleet = fleet
        self.endpoints = endpoints_by_host(fleet)
        mentioned = mentioned_prefixes(fleet)
        self.taken = {Address(p.family, p.network) for p in mentioned if p.length == WIDTH[p.family]}
        self.taken |= {entry.address for entry in _all_addresses(fleet)}
        self.spare = SpareAddresses(mentioned)

    def stack(self, host: str, namespace: str) -> Document:
        return self.fleet["hosts"][host]["namespaces"][namespace] or {}

    def devices(self, host: str, namespace: str) -> list[str]:
        stack = self.stack(host, namespace)
        wireguard = {
            entry["name"]
            for entry in self.fleet["hosts"][host].get("interfaces") or []
            if (entry.get("namespace") or "") == namespace
        }
        named = set(stack.get("addresses") or {}) | set(stack.get("links") or {})
        named |= {route["device"] for route in stack.get("routes") or [] if route.get("device")}
        return sorted(named - wireguard - {"lo"})

    def port(self, host: str, namespace: str, device: str) -> Port:
        stack = self.stack(host, namespace)
        parsed = [readable(text) for text in (stack.get("addresses") or {}).get(device) or []]
        addresses = tuple(entry for entry in parsed if entry is not None)
        routes = [route for route in stack.get("routes") or [] if route.get("device") == device]
        mtu = int(((stack.get("links") or {}).get(device) or {}).get("mtu") or 1500)
        gateways = [readable(route["gateway"]) for route in routes if route.get("gateway")]
        port = Port(
            host=host,
            namespace=namespace,
            device=device,
            kind=LAN,
            mtu=mtu,
            addresses=addresses,
            gateways=tuple(sorted({entry.address for entry in gateways if entry is not None})),
        )
        literals = {entry.address for text in self.dialled(host, namespace) if (entry := readable(text)) is not None}
        if self._leads_to_the_internet(port, routes=routes, literals=literals):
            return self._underlay(port, routes=routes, literals=literals)
        return dataclasses.replace(port, behind=tuple(self._lan_addresses(port, stack=stack, routes=routes)))

    def dialled(self, host: str, namespace: str) -> set[str]:
        return self.endpoints.get((host, namespace), set())

    def _leads_to_the_internet(self, port: Port, *, routes: list[Document], literals: set[Address]) -> bool:
        if any(entry.address in literals for entry in port.addresses):
            return True
        return any(prefix.length == 0 for prefix in _destinations(routes))

    def _underlay(self, port: Port, *, routes: list[Document], literals: set[Address]) -> Port:
        port = self._with_addresses(port, routes=routes, literals=literals)
        own = {entry.address for entry in port.addresses}
        dialled = self.dialled(port.host, port.namespace)
        born_here = (port.host, port.namespace) in self.endpoints
        elsewhere = literals - {entry.address for entry in _all_addresses(self.fleet)}
        dialled_here = dialled and (not literals or literals & own or not elsewhere)
        if dialled_here or not born_here:
            return dataclasses.replace(port, kind=PUBLIC)
        # Dialled under addresses that no device has: a NAT that forwards them. Dialled by nobody: one that does not.
        forwarded = tuple(sorted(elsewhere)) if dialled else ()
        families = {address.family for address in own} - {address.family for address in forwarded}
        outside = forwarded + tuple(self.spare.take(family) for family in sorted(families))
        return dataclasses.replace(port, kind=NAT, outside=outside, forwarded=forwarded)

    def _with_addresses(self, port: Port, *, routes: list[Document], literals: set[Address]) -> Port:
        """A device that the inventory does not describe gets the endpoint's addresses, else some of the lab's."""
        if port.addresses:
            return port
        free = sorted(literals - {entry.address for entry in _all_addresses(self.fleet)})
        chosen = {address.family: address for address in reversed(free)}
        for family in sorted({prefix.family for prefix in _destinations(routes)} - set(chosen)):
            chosen[family] = self.spare.take(family)
        given = tuple(InterfaceAddress(*address, WIDTH[address.family]) for _family, address in sorted(chosen.items()))
        return dataclasses.replace(port, addresses=given, given=given)

    def _lan_addresses(self, port: Port, *, stack: Document, routes: list[Document]) -> t.Iterator[Address]:
        """One address in each prefix behind the device, preferring the parts that the host advertises."""
        behind = [entry.prefix for entry in port.addresses if entry.length < WIDTH[entry.family]]
        behind += _destinations(routes)
        advertised = list(_prefixes(stack.get("advertise") or []))
        chosen: set[Prefix] = set()
        for prefix in behind:
            chosen.update([part for part in advertised if prefix.contains(part)] or [prefix])
        for prefix in sorted(prefix for prefix in chosen if not LINK_LOCAL.contains(prefix)):
            address = unused_address(prefix, self.taken)
            if address is not None:
                self.taken.add(address)
                yield address


def _destinations(routes: list[Document]) -> list[Prefix]:
    return list(_prefixes([route.get("destination") for route in routes]))


def _prefixes(texts: t.Iterable[t.Any]) -> t.Iterator[Prefix]:
    for text in texts:
        try:
            yield parse_prefix_lenient(text)[0]
        except InvalidInput:
            continue


def _all_addresses(fleet: Document) -> t.Iterator[InterfaceAddress]:
    for host in fleet["hosts"].values():
        texts = [text for interface in host.get("interfaces") or [] for text in interface.get("addresses") or []]
        for stack in (host.get("namespaces") or {}).values():
            texts += [text for entries in ((stack or {}).get("addresses") or {}).values() for text in entries or []]
        yield from (entry for text in texts if (entry := readable(text)) is not None)
