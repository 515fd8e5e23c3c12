# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a document's interfaces to WireGuard interfaces.

The spokes of a hub differ in their keys and addresses: whatever else is equal is read once by content.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._content import content_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._peer_document import PeerReader
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import assignable_of, public_key_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

_INTERFACE = frozenset(
    {
        "name",
        "network",
        "namespace",
        "socket_namespace",
        "public_key",
        "addresses",
        "advertise",
        "listen_port",
        "fwmark",
        "mtu",
        "routes",
        "dns",
        "peer_group",
        "peers",
        "options",
    }
)
# An interface with more peers than this is like none but itself, and long to compare.
_FEW_PEERS = 16


class InterfaceReader:
    """Reads interfaces; bad values go to ``values.problems``. groups: the names of the document's peer groups."""

    def __init__(self, values: Values, *, groups: t.Container[str], peers: PeerReader) -> None:
        self._values = values
        self._groups = groups
        self._peers = peers
        self._known: dict[bytes, Interface] = {}

    def read(self, host: str, entry: t.Any, path: str) -> Interface:
        content = _content(entry)
        known = None if content is None else self._known.get(content)
        found = None if known is None else _again(known, host, entry, path)
        if found is not None:
            return found
        noted = len(self._values.problems)
        node = Node(entry, path, known=_INTERFACE)
        found = self._read(host, node)
        if content is not None and noted == len(self._values.problems) and self._peers.all_shared(node, "peers"):
            self._known[content] = found
        return found

    def _read(self, host: str, node: Node) -> Interface:
        if "name" not in node:
            raise InvalidInput("has no name", path=node.path, remedy="every interface has a name")
        name, namespace = node.text("name"), node.text("namespace")
        values = self._values.within(host=host, namespace=namespace, interface=name)
        group = node.optional_text("peer_group")
        if group is not None and group not in self._groups:
            raise InvalidInput("is not one of peer_groups", path=node.at("peer_group"), value=group)
        routes = node.optional_text("routes")
        if routes not in (None, "auto", "explicit", "off"):
            raise InvalidInput("is not auto, explicit or off", path=node.at("routes"), value=routes)
        node.mapping("options")
        key, bad_key = values.public_key(node, "public_key")
        return Interface(
            host=host,
            name=name,
            network=node.optional_text("network"),
            namespace=namespace,
            socket_namespace=node.text("socket_namespace"),
            key=key,
            bad_key=bad_key,
            addresses=values.addresses(node, "addresses"),
            advertise=values.prefixes(node, "advertise") if "advertise" in node else None,
            listen_port=values.port(node, "listen_port"),
            fwmark=values.mark(node, "fwmark"),
            mtu=values.mtu(node, "mtu"),
            dns=values.name_servers(node, "dns"),
            routes=routes,
            peer_group=group,
            peers=self._peers.peers(node, "peers", values),
            path=node.path,
        )


def _content(entry: t.Any) -> bytes | None:
    """What interfaces that differ only in their own keys and addresses have in common."""
    peers = entry.get("peers") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or (isinstance(peers, (list, tuple)) and len(peers) > _FEW_PEERS):
        return None
    common = dict(entry)
    common.pop("public_key", None)
    common.pop("addresses", None)
    return content_of(common)


def _again(known: Interface, host: str, entry: dict[str, t.Any], path: str) -> Interface | None:
    """Another interface with the same content; None where its key or addresses are not what they should be."""
    key, addresses = entry.get("public_key"), entry.get("addresses", ())
    if not isinstance(addresses, (list, tuple)):
        return None
    with contextlib.suppress(InvalidInput, TypeError):
        return Interface(
            host=host,
            name=known.name,
            network=known.network,
            namespace=known.namespace,
            socket_namespace=known.socket_namespace,
            key=None if key is None else public_key_of(key),
            bad_key=False,
            addresses=tuple([assignable_of(text) for text in addresses]),
            advertise=known.advertise,
            listen_port=known.listen_port,
            fwmark=known.fwmark,
            mtu=known.mtu,
            dns=known.dns,
            routes=known.routes,
            peer_group=known.peer_group,
            peers=known.peers,
            path=path,
        )
    return None
