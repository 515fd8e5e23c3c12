# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses, routes, rules and forwarding of one network namespace, over rtnetlink(7) and /proc/sys/net."""

from __future__ import annotations

import contextlib
import errno
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _link_message as _links
from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netlink,
    _path_lookup,
    _route_message,
    _routes,
    _rule_message,
    _sysctl,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Link,
    Route,
    Rule,
    Way,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        Address,
        InterfaceAddress,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._rtnetlink import RouteSocket

_STRICT = "1"
_NEW_LINK, _DELETE_LINK, _GET_LINK = 16, 17, 18
_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_NEW_ROUTE, _GET_ROUTE, _GET_RULE = 24, 26, 34
_FORWARDING = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}
_GONE = (errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL)

_LINKS = "the link list of this host"

Result = t.TypeVar("Result")


UpHook = t.Callable[[str, str], None]


class LinuxNetwork:
    """The Network port for real. Everything runs in the worker's thread; pyroute2's socket is opened on first use."""

    def __init__(self, worker: Worker, *, before_up: UpHook | None = None, after_up: UpHook | None = None) -> None:
        """before_up, after_up: called with the namespace and the name of each link that is set up."""
        self.namespace = worker.namespace
        self.worker = worker
        self._before_up = before_up
        self._after_up = after_up
        self._open: RouteSocket | None = None

    def close(self) -> None:
        if self._open is not None:
            self.worker.run(self._open.close)
            self._open = None
        self.worker.close()

    def links(self) -> tuple[Link, ...]:
        return self.worker.run(self._links)

    def link(self, name: str) -> Link | None:
        return self.worker.run(self._link, name)

    def set_mtu(self, name: str, mtu: int) -> None:
        self._change_link(name, f"cannot set the MTU of {name} to {mtu}", lambda index: _links.mtu_change(index, mtu))

    def set_up(self, name: str, up: bool) -> None:
        what = f"cannot bring {name} {'up' if up else 'down'}"
        if up and self._before_up is not None:
            self._before_up(self.namespace, name)
        self._change_link(name, what, lambda index: _links.switch(index, up=up))
        if up and self._after_up is not None:
            self._after_up(self.namespace, name)

    def create_link(self, name: str, kind: str) -> None:
        """A link without parameters of its own; both its ends (a WireGuard socket too) are in this namespace."""
        flags = _netlink.CREATE | _netlink.EXCLUSIVE
        self.worker.run(_send, f"cannot create {name}", _NEW_LINK, _links.creation(name, kind), flags)

    def delete_link(self, name: str) -> None:
        """Absent is no error."""

        def remove() -> None:
            _send(f"cannot delete {name}", _DELETE_LINK, _links.by_index(self._index(name)))

        self._unless_gone(remove)

    def move_link(self, name: str, *, target: int, new_name: str) -> None:
        """Into the namespace behind the descriptor target, renamed on the way so that no two names meet."""
        what = f"cannot move {name} to its namespace"
        self._change_link(name, what, lambda index: _links.move(index, target=target, name=new_name))

    def add_address(self, name: str, address: InterfaceAddress) -> None:
        def add() -> None:
            request = _links.address_change(address, self._index(name))
            _send(f"cannot add {address} to {name}", _NEW_ADDRESS, request, _netlink.CREATE | _netlink.EXCLUSIVE)

        self.worker.run(add)

    def remove_address(self, name: str, address: InterfaceAddress) -> None:
        """Other addresses of the same prefix stay: the kernel would drop its secondaries along with a primary."""

        def remove() -> None:
            request = _links.address_change(address, self._index(name))
            with contextlib.suppress(HostError):
                _sysctl.write(f"ipv4/conf/{name}/promote_secondaries", "1")
            _send(f"cannot remove {address} from {name}", _DELETE_ADDRESS, request)

        self._unless_gone(remove)

    def routes(self) -> tuple[Route, ...]:
        return self.worker.run(self._routes)

    def add_route(self, route: Route) -> None:
        self._add_route(route, _netlink.CREATE | _netlink.EXCLUSIVE)

    def add_routes(self, routes: t.Sequence[Route]) -> None:
        self.worker.run(self._add_routes, routes)

    def replace_route(self, old: Route, new: Route) -> None:
        if old.identity != new.identity:
            raise HostError(f"route {new} cannot take the place of {old}: they are two routes")
        self._add_route(new, _netlink.CREATE | _netlink.REPLACE)

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
        made: dict[tuple[int, _path_lookup.Found], Path | None] = {}
        paths = {}
        for address, way in _path_lookup.look_up(addresses, mark=mark).items():
            kind = address.family, way
            if kind not in made:
                made[kind] = _path(links[way.device], way, address.family) if way.device in links else None
            path = made[kind]
            if path is not None:
                paths[address] = path
        return paths

    def _socket(self) -> RouteSocket:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _rtnetlink

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

    def _change_link(self, name: str, what: str, request: t.Callable[[int], bytes]) -> None:
        """request: makes the message, for the index of the link."""
        self.worker.run(lambda: _send(what, _NEW_LINK, request(self._index(name))))

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
            results = _netlink.change(handle, _NEW_ROUTE, _netlink.CREATE | _netlink.EXCLUSIVE, bodies)
        for route, number in zip(routes, results):
            if number:
                raise _netlink.refused(f"cannot add route {route}", number)

    def _add_rule(self, rule: Rule) -> None:
        fields, attributes = _routes.rule_request(rule)
        self._socket().add("rule", what=f"cannot add rule {rule}", fields=fields, attributes=attributes)

    def _links(self) -> tuple[Link, ...]:
        with _netlink.opened("cannot read the link list") as handle:
            links = _netlink.dump(handle, _GET_LINK, _links.LINK.pack(0, 0, 0, 0, 0), of=_LINKS)
            addresses = _addresses(handle)
        found = (_links.link_of(content, addresses) for _kind, content in links)
        return tuple(sorted(found, key=lambda link: link.name))

    def _link(self, name: str) -> Link | None:
        with _netlink.opened(f"cannot read the link {name}") as handle:
            content = _netlink.ask(handle, _GET_LINK, _links.by_name(name))
            return None if content is None else _links.link_of(content, _addresses(handle))

    def _names(self, handle: socket.socket) -> dict[int, str]:
        """Of the links, by index."""
        links = _netlink.dump(handle, _GET_LINK, _links.LINK.pack(0, 0, 0, 0, 0), of=_LINKS)
        return dict(_links.name_of(content) for _kind, content in links)

    def _routes(self) -> tuple[Route, ...]:
        found = set()
        with _netlink.opened("cannot read the route list") as handle:
            names = self._names(handle)
            for family in _routes.FAMILIES.values():
                body = _route_message.MESSAGE.pack(family, *[0] * 8)
                for _kind, content in _netlink.dump(handle, _GET_ROUTE, body):
                    found.add(_route_message.route_of(content, names))
        known = [route for route in found if route is not None]
        return tuple(sorted(known, key=lambda route: (route.table, route.destination, route.metric, str(route))))

    def _way(self, destination: Address, source: Address | None, mark: int) -> Way:
        with _netlink.opened("cannot read the link list") as handle:
            names = self._names(handle)
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
        with _netlink.opened("cannot read the rule list") as handle:
            for family in _routes.FAMILIES.values():
                body = _rule_message.MESSAGE.pack(family, *[0] * 6)
                rules += [_rule_message.rule_of(content) for _kind, content in _netlink.dump(handle, _GET_RULE, body)]
        known = [rule for rule in rules if rule is not None]
        return tuple(sorted(known, key=lambda rule: (rule.family, rule.priority, str(rule))))


def _path(link: Link, way: _path_lookup.Found, family: int) -> Path:
    limits = {link.mtu, way.mtu}
    if family == 6:
        limits.add(int(_sysctl.read(f"ipv6/conf/{link.name}/mtu") or 0))
    return Path(link.name, min(limits - {0}, default=0))


def _send(what: str, kind: int, body: bytes, flags: int = 0) -> None:
    with _netlink.opened(what) as handle:
        _netlink.acknowledged(handle, kind, body, flags)


def _addresses(handle: socket.socket) -> _links.Addresses:
    found = _netlink.dump(handle, _GET_ADDRESS, _links.ADDRESS.pack(0, 0, 0, 0, 0), of="the address list")
    return _links.addresses_of(content for _kind, content in found)
