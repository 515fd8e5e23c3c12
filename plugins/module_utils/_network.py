# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses, routes, rules and forwarding of one network namespace, over rtnetlink(7) and /proc/sys/net."""

from __future__ import annotations

import contextlib
import errno
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netlink,
    _path_lookup,
    _route_message,
    _routes,
    _rtnetlink,
    _sysctl,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    format_number,
    parse_address,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Link,
    Route,
    Rule,
    Way,
)

_IFF_UP = 1
_STRICT = "1"
_NEW_ROUTE, _GET_ROUTE = 24, 26
_IFA_F_NODAD = 0x02
_FORWARDING = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}
_GONE = (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL)

Result = t.TypeVar("Result")


UpHook = t.Callable[[str, str], None]


class LinuxNetwork:
    """The Network port for real. Everything runs in the worker's thread; the netlink socket is opened on first use."""

    def __init__(self, worker: Worker, *, before_up: UpHook | None = None, after_up: UpHook | None = None) -> None:
        """before_up, after_up: called with the namespace and the name of each link that is set up."""
        self.namespace = worker.namespace
        self.worker = worker
        self._before_up = before_up
        self._after_up = after_up
        self._open: _rtnetlink.RouteSocket | None = None

    def close(self) -> None:
        if self._open is not None:
            self.worker.run(self._open.close)
            self._open = None
        self.worker.close()

    def links(self) -> tuple[Link, ...]:
        return self.worker.run(self._links)

    def link(self, name: str) -> Link | None:
        return next((link for link in self.links() if link.name == name), None)

    def set_mtu(self, name: str, mtu: int) -> None:
        self._change_link(name, what=f"cannot set the MTU of {name} to {mtu}", attributes=[("IFLA_MTU", mtu)])

    def set_up(self, name: str, up: bool) -> None:
        what = f"cannot bring {name} {'up' if up else 'down'}"
        if up and self._before_up is not None:
            self._before_up(self.namespace, name)
        self._change_link(name, what=what, fields={"flags": _IFF_UP if up else 0, "change": _IFF_UP})
        if up and self._after_up is not None:
            self._after_up(self.namespace, name)

    def create_link(self, name: str, kind: str) -> None:
        """A link without parameters of its own; both its ends (a WireGuard socket too) are in this namespace."""
        attributes = [("IFLA_IFNAME", name), ("IFLA_LINKINFO", {"attrs": [["IFLA_INFO_KIND", kind]]})]
        what = f"cannot create {name}"
        self.worker.run(lambda: self._socket().add("link", what=what, fields={}, attributes=attributes))

    def delete_link(self, name: str) -> None:
        """Absent is no error."""

        def remove() -> None:
            self._socket().remove("link", what=f"cannot delete {name}", fields={"index": self._index(name)})

        self._unless_gone(remove)

    def move_link(self, name: str, *, target: int, new_name: str) -> None:
        """Into the namespace behind the descriptor target, renamed on the way so that no two names meet."""
        attributes = [("IFLA_NET_NS_FD", target), ("IFLA_IFNAME", new_name)]
        self._change_link(name, what=f"cannot move {name} to its namespace", attributes=attributes)

    def add_address(self, name: str, address: InterfaceAddress) -> None:
        def add() -> None:
            fields, attributes = _address_request(address, self._index(name))
            self._socket().add("address", what=f"cannot add {address} to {name}", fields=fields, attributes=attributes)

        self.worker.run(add)

    def remove_address(self, name: str, address: InterfaceAddress) -> None:
        """Other addresses of the same prefix stay: the kernel would drop its secondaries along with a primary."""

        def remove() -> None:
            fields, attributes = _address_request(address, self._index(name))
            with contextlib.suppress(HostError):
                _sysctl.write(f"ipv4/conf/{name}/promote_secondaries", "1")
            what = f"cannot remove {address} from {name}"
            self._socket().remove("address", what=what, fields=fields, attributes=attributes)

        self._unless_gone(remove)

    def routes(self) -> tuple[Route, ...]:
        return self.worker.run(self._routes)

    def add_route(self, route: Route) -> None:
        self._add_route(route, _rtnetlink.CREATE | _rtnetlink.EXCLUSIVE)

    def add_routes(self, routes: t.Sequence[Route]) -> None:
        self.worker.run(self._add_routes, routes)

    def replace_route(self, old: Route, new: Route) -> None:
        if old.identity != new.identity:
            raise HostError(f"route {new} cannot take the place of {old}: they are two routes")
        self._add_route(new, _rtnetlink.CREATE | _rtnetlink.REPLACE)

    def remove_route(self, route: Route) -> None:
        def remove() -> None:
            index = self._index(route.device) if route.device else None
            fields, attributes = _routes.route_request(route, index=index, removing=True)
            self._socket().remove("route", what=f"cannot remove route {route}", fields=fields, attributes=attributes)

        self._unless_gone(remove)

    def rules(self) -> tuple[Rule, ...]:
        return self.worker.run(self._rules)

    def add_rule(self, rule: Rule) -> None:
        self.worker.run(self._add_rule, rule)

    def remove_rule(self, rule: Rule) -> None:
        """Asked to remove a rule, the kernel takes the first one that has at least the named selectors (rule_find in
        net/core/fib_rules.c). One that has more is put back, behind the one that is meant."""

        def remove() -> None:
            there = set(self._rules())
            while rule in there:
                fields, attributes = _routes.rule_request(rule)
                what = f"cannot remove rule {rule}"
                self._socket().remove("rule", what=what, fields=fields, attributes=attributes)
                left = set(self._rules())
                for other in there - left - {rule}:
                    self._add_rule(other)
                there = left

        self._unless_gone(remove)

    def way(self, destination: Address, *, source: Address | None = None, mark: int = 0) -> Way:
        return self.worker.run(self._way, destination, source, mark)

    def checks_sources(self, name: str) -> bool:
        values = [self.worker.run(_sysctl.read, f"ipv4/conf/{place}/rp_filter") or "0" for place in ("all", name)]
        return max(values) == _STRICT

    def forwarding(self, family: int) -> bool:
        return self.worker.run(_sysctl.read, _FORWARDING[family]) not in (None, "0")

    def set_forwarding(self, family: int, on: bool) -> None:
        self.worker.run(_sysctl.write, _FORWARDING[family], "1" if on else "0")

    def settings(self) -> dict[str, str]:
        return self.worker.run(_sysctl.claimable)

    def change_setting(self, name: str, value: str) -> None:
        self.worker.run(_sysctl.write, name, value)

    def paths(self, addresses: t.Collection[Address], *, mark: int) -> dict[Address, Path]:
        return self.worker.run(self._paths, sorted(addresses), mark)

    def _paths(self, addresses: t.Sequence[Address], mark: int) -> dict[Address, Path]:
        """An IPv6 device may have a smaller MTU for IPv6 alone, from a router advertisement (RFC 4861, 6.3.4)."""
        links = {link.index: link for link in self._links()}
        ways = _path_lookup.look_up(addresses, mark=mark)
        made: dict[tuple[int, _path_lookup.Found], Path] = {}
        for family, way in {(address.family, way) for address, way in ways.items() if way.device in links}:
            link = links[way.device]
            limits = {link.mtu, way.mtu}
            if family == 6:
                limits.add(int(_sysctl.read(f"ipv6/conf/{link.name}/mtu") or 0))
            made[family, way] = Path(link.name, min(limits - {0}, default=0))
        return {address: made[address.family, way] for address, way in ways.items() if (address.family, way) in made}

    def _socket(self) -> _rtnetlink.RouteSocket:
        if self._open is None:
            self._open = _rtnetlink.RouteSocket()
        return self._open

    def _index(self, name: str) -> int:
        try:
            return socket.if_nametoindex(name)
        except OSError:
            raise HostError(f"there is no device {name}{self._place()}", errno=errno.ENODEV) from None

    def _place(self) -> str:
        return f" in network namespace {self.namespace!r}" if self.namespace else ""

    def _unless_gone(self, function: t.Callable[[], None]) -> None:
        try:
            self.worker.run(function)
        except HostError as error:
            if error.errno not in _GONE:
                raise

    def _change_link(
        self, name: str, *, what: str, fields: _rtnetlink.Fields | None = None, attributes: _rtnetlink.Attributes = ()
    ) -> None:
        def change() -> None:
            complete = {"index": self._index(name), **(fields or {})}
            self._socket().add("link", what=what, fields=complete, attributes=attributes, flags=0)

        self.worker.run(change)

    def _add_route(self, route: Route, flags: int) -> None:
        def add() -> None:
            index = self._index(route.device) if route.device else None
            fields, attributes = _routes.route_request(route, index=index)
            what = f"cannot add route {route}"
            self._socket().add("route", what=what, fields=fields, attributes=attributes, flags=flags)

        self.worker.run(add)

    def _add_routes(self, routes: t.Sequence[Route]) -> None:
        indexes = {device: self._index(device) for device in {route.device for route in routes} if device is not None}
        bodies = [
            _route_message.request(route, index=indexes[route.device] if route.device is not None else None)
            for route in routes
        ]
        with _netlink.opened("cannot add routes") as handle:
            results = _netlink.change(handle, _NEW_ROUTE, _rtnetlink.CREATE | _rtnetlink.EXCLUSIVE, bodies)
        for route, number in zip(routes, results):
            if number:
                raise _rtnetlink.refused(f"cannot add route {route}", number)

    def _add_rule(self, rule: Rule) -> None:
        fields, attributes = _routes.rule_request(rule)
        self._socket().add("rule", what=f"cannot add rule {rule}", fields=fields, attributes=attributes)

    def _links(self) -> tuple[Link, ...]:
        addresses: dict[int, list[InterfaceAddress]] = {}
        for message in self._socket().dump("address"):
            address = _address_of(message)
            if address is not None:
                addresses.setdefault(message["index"], []).append(address)
        links = (_link_of(message, addresses) for message in self._socket().dump("link"))
        return tuple(sorted(links, key=lambda link: link.name))

    def _routes(self) -> tuple[Route, ...]:
        names = {message["index"]: message.get_attr("IFLA_IFNAME") for message in self._socket().dump("link")}
        found = set()
        with _netlink.opened("cannot read the route list") as handle:
            for family in _routes.FAMILIES.values():
                body = _route_message.MESSAGE.pack(family, *[0] * 8)
                for _kind, content in _netlink.dump(handle, _GET_ROUTE, body):
                    found.add(_route_message.route_of(content, names))
        known = [route for route in found if route is not None]
        return tuple(sorted(known, key=lambda route: (route.table, route.destination, route.metric, str(route))))

    def _way(self, destination: Address, source: Address | None, mark: int) -> Way:
        names = {message["index"]: message.get_attr("IFLA_IFNAME") for message in self._socket().dump("link")}
        fields, attributes = _routes.way_request(destination, source=source, mark=mark)
        what = f"cannot look the route to {destination} up"
        try:
            return _routes.way_of(self._socket().ask("route", what=what, fields=fields, attributes=attributes), names)
        except HostError as error:
            if error.errno not in _routes.REFUSED:
                raise
            return Way(None, _routes.REFUSED[error.errno])

    def _rules(self) -> tuple[Rule, ...]:
        rules = []
        for family in _routes.FAMILIES.values():
            rules += [_routes.rule_of(message) for message in self._socket().dump("rule", family=family)]
        known = [rule for rule in rules if rule is not None]
        return tuple(sorted(known, key=lambda rule: (rule.family, rule.priority, str(rule))))


def _link_of(message: _rtnetlink.Message, addresses: t.Mapping[int, t.Sequence[InterfaceAddress]]) -> Link:
    info = message.get_attr("IFLA_LINKINFO")
    kind = info.get_attr("IFLA_INFO_KIND") if info is not None else None
    counters = message.get_attr("IFLA_STATS64") or {}
    held = addresses.get(message["index"], ())
    return Link(
        name=message.get_attr("IFLA_IFNAME"),
        index=message["index"],
        kind=kind or "",
        mtu=message.get_attr("IFLA_MTU") or 0,
        up=bool(message["flags"] & _IFF_UP),
        carrier=message.get_attr("IFLA_CARRIER") != 0,
        addresses=frozenset(held),
        address_order=tuple(address for address in held if address.family == 4),
        statistics={name: int(value) for name, value in counters.items() if isinstance(value, int)},
    )


def _address_of(message: _rtnetlink.Message) -> InterfaceAddress | None:
    text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    if message["family"] not in _routes.NUMBERS or not text:
        return None
    family, number = parse_address(text)
    return InterfaceAddress(family, number, message["prefixlen"])


def _address_request(address: InterfaceAddress, index: int) -> _routes.Request:
    text = format_number(address.family, address.number)
    fields = {
        "family": _routes.FAMILIES[address.family],
        "prefixlen": address.length,
        "flags": _IFA_F_NODAD if address.family == 6 else 0,
        "index": index,
    }
    return fields, [("IFA_LOCAL", text), ("IFA_ADDRESS", text)]
