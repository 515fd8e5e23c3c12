# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer entries of the fleet document.

A mesh of a thousand hosts that is written out has a million of them, but only about a thousand different ones: equal
entries are read once and are one object from then on.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import prefix_of, public_key_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._values import Values

# In seconds; 16 bits in the kernel's interface.
HIGHEST_KEEPALIVE = 65535
_PEER = frozenset(
    {
        "name",
        "public_key",
        "preshared_key_id",
        "endpoint",
        "allowed_ips",
        "allowed_ips_set",
        "persistent_keepalive",
        "managed",
        "options",
    }
)


class PeerReader:
    """Reads lists of peers. sets: the names of the document's prefix sets."""

    def __init__(self, sets: t.Container[str]) -> None:
        self._sets = sets
        self._known: dict[tuple[t.Any, ...], Peer] = {}

    def peers(self, node: Node, key: str, values: Values) -> tuple[Peer, ...]:
        """In document order. An entry that a list has twice stays two objects in it."""
        entries = node.entries(key)
        at = node.at(key)
        known = self._known
        found = []
        for index, entry in enumerate(entries):
            content = _content(entry)
            peer = None if content is None else known.get(content)
            if peer is None:
                peer = None if content is None else self._plain_peer(content, f"{at}[{index}]")
            if peer is None:
                peer = self._read(Node(entry, f"{at}[{index}]", known=_PEER), values, content)
            found.append(peer)
        if len(set(found)) < len(found):
            seen: set[Peer] = set()
            for index, peer in enumerate(found):
                if peer in seen:
                    found[index] = self._peer(Node(entries[index], f"{at}[{index}]", known=_PEER), values)
                seen.add(peer)
        return tuple(found)

    def all_shared(self, node: Node, key: str) -> bool:
        """Whether every entry of a list is the same object in all lists that have it."""
        contents = [_content(entry) for entry in node.entries(key)]
        return None not in contents and len(set(contents)) == len(contents)

    def _plain_peer(self, content: tuple[t.Any, ...], path: str) -> Peer | None:
        """An entry of which nothing is to be said, as nearly all are; None for one that has to be looked at."""
        name, text, endpoint, listed, keepalive, managed, preshared_key_id, prefix_set = content
        if name is None or text is None:
            return None
        for one in (name, text, endpoint, preshared_key_id, prefix_set):
            if one is not None and not (one.__class__ is str and one and one.isascii()):
                return None
        if not (keepalive is None or (keepalive.__class__ is int and 0 <= keepalive <= HIGHEST_KEEPALIVE)):
            return None
        if managed.__class__ not in (bool, type(None)) or (prefix_set is not None and prefix_set not in self._sets):
            return None
        try:
            key = public_key_of(text)
            prefixes = [prefix_of(one) for one in listed]
            if endpoint is not None:
                parse_endpoint(endpoint)
        except (InvalidInput, TypeError):
            return None
        if any(host_bits for _prefix, host_bits in prefixes):
            return None
        found = self._known[content] = Peer(
            name=name, ident=key, key=key, bad_key=False, preshared_key_id=preshared_key_id, endpoint=endpoint,
            allowed_ips=tuple([prefix for prefix, _host_bits in prefixes]), allowed_ips_set=prefix_set,
            persistent_keepalive=keepalive or 0, managed=managed, path=path,
        )  # fmt: skip
        return found

    def _read(self, node: Node, values: Values, content: tuple[t.Any, ...] | None) -> Peer:
        """Kept for the next one like it, unless there is something to say about this one."""
        noted = len(values.problems)
        peer = self._peer(node, values)
        if content is not None and noted == len(values.problems):
            self._known[content] = peer
        return peer

    def _peer(self, node: Node, values: Values) -> Peer:
        name = node.text("name") or node.text("public_key")[:8] or "without a name"
        values = values.within(peer=name)
        key, bad_key = values.public_key(node, "public_key")
        prefix_set = node.optional_text("allowed_ips_set")
        if prefix_set is not None and prefix_set not in self._sets:
            raise InvalidInput("is not one of prefix_sets", path=node.at("allowed_ips_set"), value=prefix_set)
        managed = node.boolean("managed") if "managed" in node else None
        options = node.mapping("options")
        return Peer(
            name=name,
            ident=key or f"?{name}",
            key=key,
            bad_key=bad_key,
            preshared_key_id=node.optional_text("preshared_key_id"),
            endpoint=values.endpoint(node, "endpoint"),
            allowed_ips=values.prefixes(node, "allowed_ips", mapped_too=True),
            allowed_ips_set=prefix_set,
            persistent_keepalive=values.bounded(node, "persistent_keepalive", HIGHEST_KEEPALIVE) or 0,
            managed=managed,
            standby=options.boolean("standby"),
            path=node.path,
        )


def _content(entry: t.Any) -> tuple[t.Any, ...] | None:
    """What tells entries apart, or None for one that must be read by itself. True is no number here, nor 1 a yes."""
    if not isinstance(entry, dict) or "options" in entry or not _PEER.issuperset(entry):
        return None
    get = entry.get
    listed = get("allowed_ips", ())
    keepalive, managed = get("persistent_keepalive"), get("managed")
    if not isinstance(listed, (list, tuple)) or keepalive.__class__ is bool or managed.__class__ is int:
        return None
    content = (
        get("name"),
        get("public_key"),
        get("endpoint"),
        tuple(listed),
        keepalive,
        managed,
        get("preshared_key_id"),
        get("allowed_ips_set"),
    )
    try:
        hash(content)
    except TypeError:
        return None
    return content
