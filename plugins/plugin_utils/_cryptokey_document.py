# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an interface lists to its cryptokey table: shared rows once, and what the interface leaves out of them."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    Fleet,
    Interface,
    Peer,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import (
    Owner,
    Row,
    by_ident,
    group_row,
    plain_row,
    set_row,
)


def own_prefixes(fleet: Fleet, stack: StackId) -> set[Prefix]:
    """What a stack owns by declaration: its WireGuard addresses and whatever it advertises."""
    host = fleet.hosts[stack.host]
    owned = set(host.stacks[stack.namespace].advertise or ())
    for interface in host.interfaces:
        if interface.namespace == stack.namespace:
            for family, number, _length in interface.addresses:
                owned.add(Prefix(family, number, WIDTH[family]))
            owned.update(interface.advertise or ())
    return owned


def is_own(interface: Interface, peer: Peer) -> bool:
    """Whether an entry is the interface itself: by key, and by name while neither key is known."""
    if peer.key is None or interface.key is None:
        return peer.key is None and interface.key is None and not peer.bad_key and peer.name == interface.host
    return peer.key == interface.key


def build_cryptokey(fleet: Fleet, interface: Interface) -> Cryptokey:
    """The cryptokey table of an interface, with its shared rows taken from the fleet's memo."""
    own, rows = _own_rows(fleet, interface)
    group: dict[str, list[Peer]] = {}
    silent: list[str] = []
    dropped: set[str] = set()
    layers: list[tuple[Row, set[Owner]]] = []
    mine: set[Prefix] | None = None
    if interface.peer_group is not None:
        row, group, silent, from_sets = group_row(fleet, interface.peer_group)
        itself = interface.key or f"?{interface.host}"
        dropped = {*own, *(ident for ident in (itself,) if ident in group and is_own(interface, group[ident][0]))}
        removed = {owner for ident in dropped for owner in row.by_ident.get(ident, ())}
        if from_sets:
            mine = own_prefixes(fleet, interface.stack)
            removed |= {owner for prefix in mine for owner in row.by_prefix.get(prefix, ()) if owner in from_sets}
        layers.append((row, removed))
    for row, is_set in rows:
        removed = set()
        if is_set:
            mine = own_prefixes(fleet, interface.stack) if mine is None else mine
            for prefix in mine:
                if prefix in row.by_prefix:
                    removed.update(row.by_prefix[prefix])
        layers.append((row, removed))
    return Cryptokey(interface, own=own, group=group, silent=silent, dropped=dropped, layers=layers)


# Peers by ident, and the rows of their AllowedIPs, each with whether it is a prefix set.
_OwnRows = tuple[dict[str, list[Peer]], list[tuple[Row, bool]]]


def _own_rows(fleet: Fleet, interface: Interface) -> _OwnRows:
    """What an interface lists besides its group; interfaces with the same list, such as spokes, share it."""
    memo: dict[tuple[Peer, ...], _OwnRows] = fleet.memo.setdefault("own_rows", {})
    known = memo.get(interface.peers)
    if known is not None and interface.key is not None and interface.key not in known[0]:
        return known
    listed = tuple([peer for peer in interface.peers if not is_own(interface, peer)])
    if listed not in memo:
        memo[listed] = by_ident(listed), list(_rows_of(fleet, listed))
    return memo[listed]


def _rows_of(fleet: Fleet, listed: tuple[Peer, ...]) -> t.Iterator[tuple[Row, bool]]:
    plain: list[Owner] = []
    for peer in listed:
        plain += [Owner(peer.ident, prefix) for prefix in peer.allowed_ips]
        if peer.allowed_ips_set is not None:
            if plain:
                yield plain_row(fleet, plain), False
            plain = []
            yield set_row(fleet, peer.allowed_ips_set, peer.ident), True
    if plain:
        yield plain_row(fleet, plain), False
