# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that list each other, for what both ends must agree on.

Pairs of the members of a mesh are never written out: they are blocks, every interface of one list with every one of
another, because each finds the other in a row that it shares.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import group_users
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import group_row

Entries = t.Sequence[Peer]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Each of ``first`` finds each of ``second`` in its row and the other way round; one list twice is a mesh.

    Both are by interface, with the entry under which the other side has it. Single pairs may have entries of their own
    instead (``overrides``).
    """

    first: dict[Interface, Peer]
    second: dict[Interface, Peer]

    def is_pair(self, model: Model, one: Interface, other: Interface) -> bool:
        """Whether the rows say what the two have of each other."""
        return one is not other and not _overrides(model, one, other) and not _overrides(model, other, one)


def _overrides(model: Model, interface: Interface, other: Interface) -> bool:
    ident = model.entry_of(interface, other)
    return ident is None or ident in model.cryptokey(interface).own


def blocks(model: Model) -> t.Iterator[Block]:
    """Every two groups whose users stand in each other's row, each pair of groups once."""
    users = group_users(model)
    names = list(users)
    for index, one in enumerate(names):
        for other in names[index:]:
            first, second = _found_in(model, users[one], other), _found_in(model, users[other], one)
            if first and second:
                yield Block(first=first, second=second)


def _found_in(model: Model, interfaces: list[Interface], group: str) -> dict[Interface, Peer]:
    """Those of the interfaces that stand in the row of a group, with their entry there."""
    entries = group_row(model.fleet, group)[1]
    found = {}
    for interface in interfaces:
        listed = entries.get(interface.key or f"?{interface.host}")
        if listed:
            found[interface] = listed[-1]
    return found


def single_pairs(model: Model) -> t.Iterator[tuple[Interface, Entries, Interface, Entries]]:
    """(one, its entries of the other, the other, its entries of the one) for every pair outside of the blocks, once."""
    for interface in model.interfaces:
        cryptokey = model.cryptokey(interface)
        for ident, entries in cryptokey.own.items():
            target = model.target(interface, ident)
            entry = None if target is None else model.entry_of(target, interface)
            if target is None or entry is None or target is interface:
                continue
            back = model.cryptokey(target)
            if entry in back.own and not is_before(interface, target):
                continue
            yield interface, entries, target, back.entries(entry)


def is_before(one: Interface, other: Interface) -> bool:
    """Tells a link once: at the end whose name comes first."""
    return (one.host, one.namespace, one.name) < (other.host, other.namespace, other.name)
