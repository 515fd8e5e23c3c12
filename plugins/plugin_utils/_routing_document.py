# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes and policy rules of a stack in the fleet document."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import why_unassignable
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import HIGHEST
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, InterfaceAddress, Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import DEFAULT_METRIC, ROUTE_TYPES, TABLES
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node, wrong_shape
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    OPAQUE,
    Route,
    Rule,
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_TABLES = {str(number): name for name, number in TABLES.items()}

_PLAIN = frozenset({"destination", "device", "gateway", "table", "metric"})
_ROUTE = frozenset({"destination", "device", "gateway", "table", "metric", "type", "source", "protocol"})
_RULE = frozenset({"priority", "from", "to", "iif", "fwmark", "invert", "table", "suppress_prefixlength", "protocol"})
_ROUTE_KEYS = _ROUTE | _linux_words.ROUTE.keys() | _linux_words.ROUTE_WITHOUT_INFLUENCE
_RULE_KEYS = _RULE | _linux_words.RULE.keys() | _linux_words.RULE_ACTIONS.keys() | _linux_words.RULE_WITHOUT_INFLUENCE

Held = t.Mapping[str, t.Sequence[InterfaceAddress]]


class RoutingReader:
    """Reads routes and rules; bad values go to ``values.problems``, what is not modelled to ``unmodelled``."""

    def __init__(self, values: Values, unmodelled: list[Unmodelled]) -> None:
        self._values = values
        self._unmodelled = unmodelled
        self._known: dict[t.Any, tuple[Route, ...]] = {}

    def routes(self, node: Node, stack: StackId, held: Held) -> tuple[Route, ...]:
        """The routes of a stack, in document order; stacks that list the same ones have the same objects.

        held: the addresses of all its devices.
        """
        entries = node.items_of("routes")
        content = _content(entry for entry, _path in entries)
        if content is not None and content in self._known:
            return self._known[content]
        noted = len(self._values.problems) + len(self._unmodelled)
        result = self._routes(entries, stack, held)
        if content is not None and noted == len(self._values.problems) + len(self._unmodelled):
            self._known[content] = result
        return result

    def tells_all(self, node: Node) -> bool:
        """Whether the routes of a stack depend on nothing but what is listed."""
        return _content(entry for entry, _path in node.items_of("routes")) is not None

    def _routes(self, entries: list[tuple[t.Any, str]], stack: StackId, held: Held) -> tuple[Route, ...]:
        result = []
        for position, (entry, path) in enumerate(entries):
            route = Node(entry, path, known=_ROUTE_KEYS)
            read = self._route(route, stack, position, held)
            if read is not None:
                result.append(read)
        return tuple(result)

    def rules(self, node: Node, stack: StackId) -> tuple[Rule, ...]:
        """The document's rules of a stack, in document order."""
        result = []
        for position, (entry, path) in enumerate(node.items_of("rules")):
            rule = Node(entry, path, known=_RULE_KEYS)
            read = self._rule(rule, stack, position)
            if read is not None:
                result.append(read)
        return tuple(result)

    def _route(self, node: Node, stack: StackId, position: int, held: Held) -> Route | None:
        """A route as the model takes it; what it does not model about it is noted, and may leave no route at all."""
        values = self._values.within(host=stack.host, namespace=stack.namespace)
        kind = node.text("type", "unicast")
        if kind not in ROUTE_TYPES and kind not in _linux_words.ROUTE_TYPES:
            raise InvalidInput(
                "is not a route type", path=node.at("type"), value=kind, remedy=f"one of {', '.join(ROUTE_TYPES)}"
            )
        destination, readable = self._destination(node, values)
        source = _source(node, values, destination)
        devices, gateway = self._ways(node, values, held)
        if not readable:
            return None
        metric = values.bounded(node, "metric", HIGHEST)
        construct = _construct_of(node, kind, devices)
        left_out = kind not in ROUTE_TYPES or (construct is not None and construct[0] in _linux_words.ROUTE_NOT_FOR_ALL)
        if kind == "unicast" and not devices and construct is None:
            self._no_device(node, values, gateway)
            return None
        own_table = kind in ("anycast", "broadcast", "local") and "table" not in node
        route = Route(
            destination=destination,
            device=devices[0] if kind == "unicast" and devices else None,
            gateway=None if gateway is None else str(gateway),
            table="local" if own_table else table_name(node, "table"),
            metric={family: metric or DEFAULT_METRIC[family] for family in FAMILIES},
            type=kind,
            position=position,
            origin="document",
            source=source,
            protocol=_protocol(node),
        )
        if construct is None:
            return route
        if kind in _linux_words.ROUTE_TYPES and _is_implied(destination, held):
            return None
        taken = None if left_out or not devices else route
        self._note_route(stack, node.at(construct[0]), construct[1], route=route, taken=taken)
        return taken

    def _note_route(self, stack: StackId, path: str, what: str, *, route: Route, taken: Route | None) -> None:
        """What the model does not know about a route: it would decide, but nobody can say how."""
        # An entry by TOS is preferred to its twin without (fib_find_alias in net/ipv4/fib_trie.c), whatever the metric.
        metric = dict.fromkeys(FAMILIES, -1) if taken is None else route.metric
        opaque = dataclasses.replace(route, device=OPAQUE, type="unicast", metric=metric)
        if opaque.destination is not None:
            self._unmodelled.append(Unmodelled(stack=stack, path=path, what=what, route=opaque, instead=taken))
        else:
            self._unmodelled.append(Unmodelled(stack=stack, path=path, what=what))

    def _destination(self, node: Node, values: Values) -> tuple[Prefix | None, bool]:
        """(the destination, None for 'one per AllowedIPs prefix'; whether it could be read)."""
        if "destination" not in node:
            raise InvalidInput(
                "has no destination", path=node.path, remedy="write 0.0.0.0/0 or ::/0 for a default route"
            )
        text = node.text("destination")
        if text == "allowed_ips":
            return None, True
        destination = values.prefix(text, node.at("destination"))
        return destination, destination is not None

    def _ways(self, node: Node, values: Values, held: Held) -> tuple[list[str], Address | None]:
        """The devices that packets leave by, and the gateway where there is just one way."""
        hops = _hops(node)
        if not hops:
            gateway = values.address(node, "gateway")
            device = node.optional_text("device")
            if device is None and gateway is not None:
                device = _device_towards(gateway.prefix, held)
            return ([] if device is None else [device]), gateway
        devices = []
        for hop in hops:
            gateway = values.address(hop, "gateway")
            device = hop.optional_text("device")
            if device is None and gateway is not None:
                device = _device_towards(gateway.prefix, held)
            if device is not None:
                devices.append(device)
        return list(dict.fromkeys(devices)), None

    def _no_device(self, node: Node, values: Values, gateway: Address | None) -> None:
        if gateway is None:
            raise InvalidInput("names no device", path=node.path, remedy="a unicast route needs a device")
        values.problem(
            "WG206",
            node.at("gateway"),
            "lies in no connected prefix, so the kernel refuses the route",
            value=str(gateway),
        )

    def _rule(self, node: Node, stack: StackId, position: int) -> Rule | None:
        values = self._values.within(host=stack.host, namespace=stack.namespace)
        priority = values.bounded(node, "priority", HIGHEST)
        if "priority" not in node:
            raise InvalidInput("has no priority", path=node.path, remedy="give every rule a priority of its own")
        source, destination = (
            values.prefix(node.text(key), node.at(key)) if key in node else None for key in ("from", "to")
        )
        if priority is None or ("from" in node and source is None) or ("to" in node and destination is None):
            return None
        families = {end.family for end in (source, destination) if end is not None} or set(FAMILIES)
        if len(families) == 2 and source is not None and destination is not None:
            values.problem("WG206", node.path, "mixes IPv4 and IPv6 in from and to", remedy="write one rule per family")
            return None
        # -1 is how the kernel's dump says "not set".
        unset = (node.integer("suppress_prefixlength") or 0) < 0
        rule = Rule(
            priority=priority,
            source=source,
            destination=destination,
            ingress=node.optional_text("iif"),
            fwmark=values.masked_mark(node, "fwmark"),
            invert=node.boolean("invert"),
            table=table_name(node, "table"),
            suppress_prefixlength=None if unset else values.bounded(node, "suppress_prefixlength", HIGHEST),
            families=tuple(sorted(families)),
            position=position,
        )
        return self._without_constructs(node, stack, rule)

    def _without_constructs(self, node: Node, stack: StackId, rule: Rule) -> Rule | None:
        """The rule, or None where it is not for every packet that its modelled selectors match."""
        actions = [key for key in _linux_words.RULE_ACTIONS if _linux_words.says_something(node.raw(key))]
        words = {key: str(node.raw(key)) for key in actions if key in ("type", "action")}
        if _linux_words.RULE_NOTHING in words.values():
            return None
        actions = [key for key in actions if words.get(key) not in _linux_words.RULE_LOOKUP]
        selectors = [key for key in _linux_words.RULE if _linux_words.says_something(node.raw(key))]
        for key in (*actions, *selectors):
            what = {**_linux_words.RULE_ACTIONS, **_linux_words.RULE}[key]
            opaque = _opaque_rule(rule, narrowed=key in selectors, jumps=bool(actions), local="oif" in selectors)
            self._unmodelled.append(Unmodelled(stack=stack, path=node.at(key), what=what, rule=opaque))
        return None if actions or selectors else rule


def _opaque_rule(rule: Rule, *, narrowed: bool, jumps: bool, local: bool) -> Rule:
    """The rule as it is for the packets that its selectors outside the model match, at the most.

    narrowed: there are such selectors; an inverted rule is then for all packets that they do not match. jumps: what it
    does is not known. local: it is only for what the stack sends itself (flowi_oif is 0 for what is forwarded).
    """
    if rule.invert and narrowed:
        rule = dataclasses.replace(rule, source=None, destination=None, ingress=None, fwmark=None, invert=False)
    elif local and rule.ingress is None and not rule.invert:
        rule = dataclasses.replace(rule, ingress="lo")
    return dataclasses.replace(rule, table=OPAQUE, suppress_prefixlength=None) if jumps else rule


def _construct_of(node: Node, kind: str, devices: list[str]) -> tuple[str, str] | None:
    """(key, what it is) of the first thing about a route that is not modelled."""
    if kind in _linux_words.ROUTE_TYPES:
        return "type", _linux_words.ROUTE_TYPES[kind]
    for key, what in _linux_words.ROUTE.items():
        # By one device or by another is what matters, not which gateway behind it.
        if _linux_words.says_something(node.raw(key)) and not (key in _linux_words.ROUTE_SEVERAL and len(devices) == 1):
            return key, what
    return None


def _hops(node: Node) -> list[Node]:
    """The next hops of a route that has several."""
    for key in _linux_words.ROUTE_SEVERAL:
        value = node.raw(key)
        if isinstance(value, t.Mapping):
            return [node.mapping(key, known=_linux_words.NEXT_HOP)]
        if value and not isinstance(value, (int, str)):
            return [Node(entry, path, known=_linux_words.NEXT_HOP) for entry, path in node.items_of(key)]
    return []


def _is_implied(destination: Prefix | None, held: Held) -> bool:
    """Whether the kernel makes such a route by itself: for own, loopback, multicast and broadcast addresses.

    The model has the first before every rule; the others no host can have, so no flow is meant for them.
    """
    if destination is None:
        return False
    addresses = [address for entries in held.values() for address in entries]
    numbers = {address.number for address in addresses if address.family == destination.family}
    for address in addresses:
        if address.family == destination.family:
            numbers.update((address.prefix.network, address.prefix.last))
    single = destination.network == destination.last and destination.network in numbers
    return single or bool(why_unassignable(destination))


def _source(node: Node, values: Values, destination: Prefix | None) -> Address | None:
    """The preferred source of a route."""
    source = values.address(node, "source")
    if source is not None and destination is not None and source.family != destination.family:
        values.problem(
            "WG206",
            node.at("source"),
            "is of another family than the destination",
            value=str(source),
            remedy=f"write an IPv{destination.family} address",
        )
        return None
    return source


def _protocol(node: Node) -> int | str | None:
    """Who made the route: 0 to 255, or a name of rt_protos."""
    value = node.raw("protocol")
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255):
        return None if value is None else int(value)
    if isinstance(value, str) and value and value.isprintable():
        return str.__str__(value)
    raise wrong_shape(node.at("protocol"), value, "a number from 0 to 255 or a name")


def _content(entries: t.Iterable[t.Any]) -> t.Any:
    """What tells lists of routes apart, their types included; None where the routes depend on more than the list."""
    found: list[t.Any] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or not entry.get("device"):
            # A gateway alone finds its device among the addresses of the stack.
            return None
        for key, value in entry.items():
            # A type or a construct of Linux may mean something else in another stack.
            if key not in _PLAIN or not isinstance(value, (str, int, type(None))):
                return None
            found += (key, type(value), value)
        found.append(None)
    return tuple(found)


def table_name(node: Node, key: str) -> str:
    """A table as a text; the three that the kernel makes go by their names (rt_tables, iproute2)."""
    value = node.raw(key)
    if value is None:
        return "main"
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise wrong_shape(node.at(key), value, "a table's name or number")
    if isinstance(value, int) and not 0 <= value <= HIGHEST:
        raise InvalidInput("is not a routing table", path=node.at(key), value=value, remedy=f"0 to {HIGHEST}")
    text = str.__str__(value) if isinstance(value, str) else str(int(value))
    return _TABLES.get(text, text)


def _device_towards(gateway: Prefix, held: Held) -> str | None:
    """The device whose connected prefix holds the gateway, the longest first."""
    found = [
        (address.length, device)
        for device, addresses in held.items()
        for address in addresses
        if address.prefix.contains(gateway)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
