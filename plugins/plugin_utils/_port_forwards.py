# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port forwards of a stack: the only address translation of outer packets that a document can declare."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, shown
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import PortForward
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_FORWARD = frozenset({"protocol", "address", "port", "to_address", "to_port"})
_PROTOCOLS = (None, "tcp", "udp")
_HIGHEST = 65535


def read_port_forwards(node: Node, values: Values) -> tuple[PortForward, ...]:
    """``port_forwards`` of a stack, in document order; one with a bad value is reported (WG206) and left out."""
    found = (_read(Node(entry, path, known=_FORWARD), values) for entry, path in node.items_of("port_forwards"))
    return tuple(forward for forward in found if forward is not None)


def _read(node: Node, values: Values) -> PortForward | None:
    protocol = node.optional_text("protocol")
    if protocol not in _PROTOCOLS:
        raise InvalidInput("is not a protocol", path=node.at("protocol"), value=protocol, remedy="write udp or tcp")
    if "port" not in node:
        raise InvalidInput("has no port", path=node.path, remedy="write {port: 4000, to_port: 51820}")
    address, to_address = values.address(node, "address"), values.address(node, "to_address")
    port, to_port = _port(node, "port", values), _port(node, "to_port", values)
    wrong = (key in node and value is None for key, value in (("address", address), ("to_address", to_address)))
    if port is None or ("to_port" in node and to_port is None) or any(wrong):
        return None
    return PortForward(
        protocol=protocol,
        address=address,
        port=port,
        to_address=to_address,
        to_port=port if to_port is None else to_port,
    )


def _port(node: Node, key: str, values: Values) -> int | None:
    value = node.integer(key)
    if value is not None and not 1 <= value <= _HIGHEST:
        reason = f"is not a port: ports go from 1 to {_HIGHEST}"
        values.problem("WG206", node.at(key), reason, value=shown(value), remedy="write a number such as 51820")
        return None
    return value
