# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes and policy rules of a stack in the fleet document."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import HIGHEST
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress, Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import DEFAULT_METRIC, ROUTE_TYPES, TABLES
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node, wrong_shape
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Route,
    Rule,
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_TABLES = {str(number): name for name, number in TABLES.items()}

_ROUTE = frozenset({"destination", "device", "gateway", "table", "metric", "type", "source", "protocol"})
_ROUTE_UNMODELLED = dict.fromkeys(("nexthops", "multipath", "nexthop"), "several next hops (ECMP)")
_ROUTE_UNMODELLED.update({"vrf": "a VRF", "encap": "an encapsulating route", "tos": "a route by TOS"})
_RULE = frozenset({"priority", "from", "to", "iif", "fwmark", "invert", "table", "suppress_prefixlength", "protocol"})
_RULE_UNMODELLED = {
    "oif": "a rule by outgoing device",
    "sport": "a rule by source port",
    "dport": "a rule by destination port",
    "ipproto": "a rule by protocol",
    "uidrange": "a rule by user",
    "tos": "a rule by TOS",
    "l3mdev": "a VRF rule",
    "goto": "a rule that jumps",
    "type": "a rule with an action",
    "action": "a rule with an action",
    "suppress_ifgroup": "a rule by device group",
}


class RoutingReader:
    """Reads routes and rules; bad values go to ``values.problems``, what is not modelled to ``unmodelled``."""

    def __init__(self, values: Values, unmodelled: list[Unmodelled]) -> None:
        self._values = values
        self._unmodelled = unmodelled

    def routes(
        self, node: Node, stack: StackId, addresses: dict[str, tuple[InterfaceAddress, ...]]
    ) -> tuple[Route, ...]:
        """The routes of a stack, in document order."""
        result = []
        for position, (entry, path) in enumerate(node.items_of("routes")):
            route = Node(entry, path, known=_ROUTE | _ROUTE_UNMODELLED.keys())
            self._note(route, stack, _ROUTE_UNMODELLED)
            read = self._route(route, stack, position, addresses)
            if read is not None:
                result.append(read)
        return tuple(result)

    def rules(self, node: Node, stack: StackId) -> tuple[Rule, ...]:
        """The document's rules of a stack, in document order."""
        result = []
        for position, (entry, path) in enumerate(node.items_of("rules")):
            rule = Node(entry, path, known=_RULE | _RULE_UNMODELLED.keys())
            self._note(rule, stack, _RULE_UNMODELLED)
            read = self._rule(rule, stack, position)
            if read is not None:
                result.append(read)
        return tuple(result)

    def _note(self, node: Node, stack: StackId, constructs: dict[str, str]) -> None:
        for key, what in constructs.items():
            if node.raw(key):
                self._unmodelled.append(Unmodelled(stack=stack, path=node.at(key), what=what))

    def _route(
        self, node: Node, stack: StackId, position: int, addresses: dict[str, tuple[InterfaceAddress, ...]]
    ) -> Route | None:
        values = self._values.within(host=stack.host, namespace=stack.namespace)
        kind = node.text("type", "unicast")
        if kind not in ROUTE_TYPES:
            raise InvalidInput(
                "is not a route type", path=node.at("type"), value=kind, remedy=f"one of {', '.join(ROUTE_TYPES)}"
            )
        if "destination" not in node:
            raise InvalidInput(
                "has no destination", path=node.path, remedy="write 0.0.0.0/0 or ::/0 for a default route"
            )
        text = node.text("destination")
        destination = None if text == "allowed_ips" else values.prefix(text, node.at("destination"))
        if destination is None and text != "allowed_ips":
            return None
        gateway = values.address(node, "gateway")
        values.address(node, "source")
        device = node.optional_text("device")
        if device is None and gateway is not None:
            device = _device_towards(gateway.prefix, addresses)
        if kind == "unicast" and device is None:
            if gateway is None:
                raise InvalidInput("names no device", path=node.path, remedy="a unicast route needs a device")
            values.problem(
                "WG206",
                node.at("gateway"),
                "lies in no connected prefix, so the kernel refuses the route",
                value=str(gateway),
            )
            return None
        metric = values.bounded(node, "metric", (1 << 32) - 1)
        return Route(
            destination=destination,
            device=device if kind == "unicast" else None,
            gateway=None if gateway is None else str(gateway),
            table=table_name(node, "table"),
            metric={family: metric or DEFAULT_METRIC[family] for family in FAMILIES},
            type=kind,
            position=position,
            origin="document",
        )

    def _rule(self, node: Node, stack: StackId, position: int) -> Rule | None:
        values = self._values.within(host=stack.host, namespace=stack.namespace)
        priority = node.integer("priority")
        if priority is None:
            raise InvalidInput("has no priority", path=node.path, remedy="give every rule a priority of its own")
        source, destination = (
            values.prefix(node.text(key), node.at(key)) if key in node else None for key in ("from", "to")
        )
        if ("from" in node and source is None) or ("to" in node and destination is None):
            return None
        families = {end.family for end in (source, destination) if end is not None} or set(FAMILIES)
        if len(families) == 2 and source is not None and destination is not None:
            values.problem("WG206", node.path, "mixes IPv4 and IPv6 in from and to", remedy="write one rule per family")
            return None
        suppress = node.integer("suppress_prefixlength")
        return Rule(
            priority=priority,
            source=source,
            destination=destination,
            ingress=node.optional_text("iif"),
            fwmark=values.masked_mark(node, "fwmark"),
            invert=node.boolean("invert"),
            table=table_name(node, "table"),
            suppress_prefixlength=None if suppress is None or suppress < 0 else suppress,
            families=tuple(sorted(families)),
            position=position,
        )


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


def _device_towards(gateway: Prefix, addresses: dict[str, tuple[InterfaceAddress, ...]]) -> str | None:
    """The device whose connected prefix holds the gateway, the longest first."""
    found = [
        (address.length, device)
        for device, held in addresses.items()
        for address in held
        if address.prefix.contains(gateway)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
