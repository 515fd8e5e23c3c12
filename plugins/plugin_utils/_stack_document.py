# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a document's namespaces to stacks.

Thousands of hosts may have the same stack, written out at each: it is read once by content, and all of them share what
was read.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._content import content_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Interface,
    Stack,
    StackId,
    Unmodelled,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._port_forwards import read_port_forwards
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._routing_document import RoutingReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_FORWARDING = frozenset({"ipv4", "ipv6"})
_STACK = frozenset(
    {
        "addresses",
        "advertise",
        "links",
        "forwarding",
        "rp_filter",
        "masquerade",
        "port_forwards",
        "ipv6",
        "routes",
        "rules",
    }
)
_STACK_KEYS = _STACK | _linux_words.STACK.keys()


class StackReader:
    """Reads stacks; bad values go to ``values.problems``, what is not modelled to ``unmodelled``."""

    def __init__(self, values: Values, unmodelled: list[Unmodelled]) -> None:
        self._values = values
        self._unmodelled = unmodelled
        self._routing = RoutingReader(values, unmodelled)
        self._known: dict[bytes, Stack] = {}

    def read(self, stack: StackId, namespaces: Node, interfaces: tuple[Interface, ...]) -> Stack:
        """interfaces: the WireGuard interfaces of the host."""
        content = content_of(namespaces.raw(stack.namespace))
        known = None if content is None else self._known.get(content)
        if known is not None:
            return known.like(stack, namespaces.at(stack.namespace))
        noted = len(self._values.problems) + len(self._unmodelled)
        node = namespaces.mapping(stack.namespace, known=_STACK_KEYS)
        found = self._read(stack, node, interfaces)
        quiet = noted == len(self._values.problems) + len(self._unmodelled)
        if content is not None and quiet and self._routing.tells_all(node):
            self._known[content] = found
        return found

    def _read(self, stack: StackId, node: Node, interfaces: tuple[Interface, ...]) -> Stack:
        values = self._values.within(host=stack.host, namespace=stack.namespace)
        for key in sorted(node.among(_linux_words.STACK)):
            if node.raw(key):
                what = _linux_words.STACK[key]
                self._unmodelled.append(Unmodelled(stack=stack, path=node.at(key), what=what))
        devices = node.mapping("addresses")
        addresses = {device: values.addresses(devices, device) for device in devices.keys()}
        tunnels = {one.name: one.addresses for one in interfaces if one.namespace == stack.namespace}
        forwarding = node.mapping("forwarding", known=_FORWARDING)
        ipv6 = node.boolean("ipv6", True)
        disabled: dict[str, tuple[InterfaceAddress, ...]] = {}
        if not ipv6:
            disabled = {name: tuple(one for one in held if one.family == 6) for name, held in addresses.items()}
            addresses = {name: tuple(one for one in held if one.family == 4) for name, held in addresses.items()}
        return Stack(
            id=stack,
            addresses=addresses,
            advertise=values.prefixes(node, "advertise") if "advertise" in node else None,
            links=_mtus(node.mapping("links"), values) if "links" in node else {},
            forwarding={4: forwarding.boolean("ipv4"), 6: forwarding.boolean("ipv6")},
            rp_filter=_rp_filter(node.mapping("rp_filter")) if "rp_filter" in node else {},
            masquerade=_devices(node, "masquerade"),
            port_forwards=read_port_forwards(node, values),
            ipv6=ipv6,
            disabled={name: held for name, held in disabled.items() if held},
            lists_routes="routes" in node,
            routes=self._routing.routes(node, stack, {**tunnels, **addresses}),
            rules=self._routing.rules(node, stack),
            path=node.path,
            filtered=_has_any(node, _linux_words.FIREWALLS),
            translated=_has_any(node, ("masquerade", "nat")),
        )


def _has_any(node: Node, keys: t.Iterable[str]) -> bool | None:
    """Whether something stands under one of the keys; None where none of them is there."""
    found = [bool(node.raw(key)) for key in keys if key in node]
    return any(found) if found else None


def _devices(node: Node, key: str) -> tuple[str, ...] | None:
    """A list of devices; None where the key is absent."""
    return tuple(text for text, _path in node.texts(key)) if key in node else None


def _mtus(node: Node, values: Values) -> dict[str, int]:
    """The MTU of every described link that names one."""
    found = {name: values.mtu(node.mapping(name, known=("mtu",)), "mtu") for name in node.keys()}
    return {name: mtu for name, mtu in found.items() if mtu is not None}


def _rp_filter(node: Node) -> dict[str, int]:
    result = {}
    for device in node.keys():
        value = node.integer(device)
        if value not in (0, 1, 2):
            raise InvalidInput("is not 0, 1 or 2", path=node.at(device), value=value, remedy="0 off, 1 strict, 2 loose")
        result[device] = value
    return result
