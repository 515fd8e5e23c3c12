# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network half of the host in memory: links, addresses, routes and rules of one namespace, as Linux keeps them."""

from __future__ import annotations

import dataclasses
import errno
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    KERNEL_PROTOCOL,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import rp_filter
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
    Link,
    Route,
    Rule,
    Way,
)

if t.TYPE_CHECKING:
    import contextlib

    from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        Address,
        InterfaceAddress,
    )

_MTU = 1420
_IPV6_MTU = 1280


class Counter(t.Protocol):
    def change(self, what: str) -> contextlib.AbstractContextManager[None]: ...


class MemoryNetwork:
    """One network namespace. after_up: called with the name of each link that was set up."""

    def __init__(self, namespace: str, faults: Counter, after_up: t.Callable[[str], None]) -> None:
        self.namespace = namespace
        self.faults = faults
        self.after_up = after_up
        self.forwards = {4: False, 6: False}
        self.parameters = {rp_filter("all"): "0", rp_filter("default"): "0", "ipv4/conf/all/src_valid_mark": "0"}
        self.ways: dict[Address, Path] = {}
        self._links: dict[str, Link] = {}
        self._order: dict[str, list[InterfaceAddress]] = {}
        self._routes: list[Route] = []
        self._rules: set[Rule] = set()
        self._index = 1

    def links(self) -> tuple[Link, ...]:
        return tuple(self._links[name] for name in sorted(self._links))

    def link(self, name: str) -> Link | None:
        return self._links.get(name)

    def make_link(self, name: str, *, kind: str, mtu: int = _MTU, up: bool = False) -> None:
        self._index += 1
        self._links[name] = Link(name, index=self._index, kind=kind, mtu=mtu, up=up)
        self._order[name] = []
        self.parameters[rp_filter(name)] = self.parameters[rp_filter("default")]

    def drop_link(self, name: str) -> None:
        self._links.pop(name, None)
        self._order.pop(name, None)
        self.parameters.pop(rp_filter(name), None)
        self._routes = [route for route in self._routes if route.device != name]

    def set_mtu(self, name: str, mtu: int) -> None:
        with self.faults.change(f"mtu {mtu}"):
            self._links[name] = dataclasses.replace(self._links[name], mtu=mtu)
            if mtu < _IPV6_MTU:
                for address in [address for address in self._order[name] if address.family == 6]:
                    self._drop_address(name, address)

    def set_up(self, name: str, up: bool) -> None:
        with self.faults.change(f"up {up}"):
            self._links[name] = dataclasses.replace(self._links[name], up=up)
            if not up:
                self._routes = [route for route in self._routes if route.device != name]
            for address in self._order[name] if up else ():
                self._connect(name, address)
            if up:
                self.after_up(name)

    def add_address(self, name: str, address: InterfaceAddress) -> None:
        with self.faults.change(f"add address {address}"):
            link = self._links[name]
            if address.family == 6 and link.mtu < _IPV6_MTU:
                raise HostError(f"IPv6 is off on {name}", errno=errno.EACCES)
            if any(
                address == old or (address.family == 6 and address.address == old.address) for old in link.addresses
            ):
                raise HostError(f"address {address} is there", errno=errno.EEXIST)
            self._order[name].append(address)
            self._refresh(name)
            self._connect(name, address)

    def remove_address(self, name: str, address: InterfaceAddress) -> None:
        with self.faults.change(f"remove address {address}"):
            if address not in self._order[name]:
                return
            siblings = [other for other in self._order[name] if other.prefix == address.prefix and other.family == 4]
            secondary = bool(siblings) and siblings[0] != address
            for gone in [address] if secondary or address.family == 6 else siblings:
                self._drop_address(name, gone)

    def _drop_address(self, name: str, address: InterfaceAddress) -> None:
        self._order[name].remove(address)
        self._refresh(name)
        connected = _connected(name, address)
        if connected not in [_connected(name, other) for other in self._order[name]]:
            self._routes = [route for route in self._routes if route != connected]
        if address.family == 4 and address.address not in self._local():
            self._routes = [route for route in self._routes if route.source != address.address]

    def _local(self) -> set[Address]:
        return {address.address for link in self._links.values() for address in link.addresses}

    def _refresh(self, name: str) -> None:
        held = self._order[name]
        order = tuple(address for address in held if address.family == 4)
        self._links[name] = dataclasses.replace(self._links[name], addresses=frozenset(held), address_order=order)

    def _connect(self, name: str, address: InterfaceAddress) -> None:
        """Only the primary address of an IPv4 prefix has a route of its own."""
        route = _connected(name, address)
        primary = next(other for other in self._order[name] if other.prefix == address.prefix)
        if route is not None and self._links[name].up and route not in self._routes and primary == address:
            self._routes.append(route)

    def routes(self) -> tuple[Route, ...]:
        return tuple(self._routes)

    def add_route(self, route: Route) -> None:
        with self.faults.change(f"add route {route}"):
            self._check(route)
            if any(other.identity == route.identity for other in self._routes):
                raise HostError(f"route {route} is there", errno=errno.EEXIST)
            self._routes.append(route)

    def add_routes(self, routes: t.Sequence[Route]) -> None:
        for route in routes:
            self.add_route(route)

    def replace_route(self, old: Route, new: Route) -> None:
        with self.faults.change(f"replace route {new}"):
            self._check(new)
            if old.identity != new.identity:
                raise HostError(f"{new} is another route than {old}")
            self._routes = [route for route in self._routes if route != old] + [new]

    def remove_route(self, route: Route) -> None:
        with self.faults.change(f"remove route {route}"):
            self._routes = [other for other in self._routes if other != route]

    def _check(self, route: Route) -> None:
        if route.device is not None and not (route.device in self._links and self._links[route.device].up):
            raise HostError(f"{route.device} is down", errno=errno.ENETDOWN)
        if route.source is not None and route.source not in self._local():
            raise HostError(f"{route.source} is no address of this host", errno=errno.EINVAL)

    def way(self, destination: Address, *, source: Address | None = None, mark: int = 0) -> Way:
        """By the main table alone; rules are not followed, and neither source nor mark changes anything."""
        del source, mark
        if destination in self._local():
            return Way("lo", "local")
        found = [route for route in self._routes if route.table == MAIN_TABLE]
        found = [route for route in found if route.destination.contains(destination.prefix)]
        best = min(found, key=lambda route: (-route.destination.length, route.metric), default=None)
        if best is None:
            return Way(None, "unreachable")
        return Way(best.device if best.type == "unicast" else None, best.type)

    def checks_sources(self, name: str) -> bool:
        return max(self.parameters.get(rp_filter(place), "0") for place in ("all", name)) == "1"

    def rules(self) -> tuple[Rule, ...]:
        return tuple(sorted(self._rules, key=str))

    def add_rule(self, rule: Rule) -> None:
        with self.faults.change(f"add rule {rule}"):
            if any(str(rule) == str(other) for other in self._rules):
                raise HostError(f"rule {rule} is there", errno=errno.EEXIST)
            self._rules.add(rule)

    def remove_rule(self, rule: Rule) -> None:
        with self.faults.change(f"remove rule {rule}"):
            self._rules.discard(rule)

    def forwarding(self, family: int) -> bool:
        return self.forwards[family]

    def set_forwarding(self, family: int, on: bool) -> None:
        with self.faults.change(f"forwarding {family} {on}"):
            self.forwards[family] = on

    def settings(self) -> dict[str, str]:
        return dict(self.parameters)

    def change_setting(self, name: str, value: str) -> None:
        with self.faults.change(f"setting {name} {value}"):
            if name not in self.parameters:
                raise HostError(f"there is no net/{name}", errno=errno.ENOENT)
            self.parameters[name] = value

    def paths(self, addresses: t.Collection[Address], *, mark: int) -> dict[Address, Path]:
        """Whatever the mark: ways is what marked packets find."""
        del mark
        return {address: self.ways[address] for address in addresses if address in self.ways}


def _connected(name: str, address: InterfaceAddress) -> Route | None:
    """The route that the kernel adds by itself: none for an IPv4 /32."""
    if address.family == 4 and address.length == 32:
        return None
    if address.family == 4:
        return Route(address.prefix, device=name, source=address.address, protocol=KERNEL_PROTOCOL)
    return Route(address.prefix, metric=256, device=name, protocol=KERNEL_PROTOCOL)
