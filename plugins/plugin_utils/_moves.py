# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefixes that an interface gives to another peer than before; what a shared row moves is told once."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model

_Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """count: the interfaces where it happens; interface: the first of them."""

    interface: Interface
    before: str
    after: str
    prefixes: tuple[Prefix, ...]
    count: int


def moved_prefixes(before: Fleet, after: Fleet) -> t.Iterator[Move]:
    """Peers are told apart by the host behind them, else by name: a new key of the same peer is no move."""
    one, other = Model.of(before), Model.of(after)
    earlier = {place_of(interface): interface for interface in one.interfaces}
    grouped: dict[t.Any, list[tuple[Interface, Interface]]] = {}
    for interface in other.interfaces:
        found = earlier.get(place_of(interface))
        if found is not None:
            key = (one.cryptokey(found).rows, other.cryptokey(interface).rows)
            grouped.setdefault(key, []).append((found, interface))
    for same in grouped.values():
        was, now = _owners(one, same[0][0]), _owners(other, same[0][1])
        moves: dict[tuple[str, str], list[Prefix]] = {}
        for prefix in was.keys() & now.keys():
            if was[prefix] != now[prefix]:
                moves.setdefault((was[prefix], now[prefix]), []).append(prefix)
        for (old, new), prefixes in sorted(moves.items()):
            # To its own host a prefix is nobody's else.
            users = [interface for _earlier, interface in same if interface.host not in (old, new)]
            if users:
                yield Move(
                    interface=users[0], before=old, after=new, prefixes=tuple(sorted(prefixes)), count=len(users)
                )


def place_of(interface: Interface) -> _Place:
    """What makes an interface the same one before and after."""
    return interface.host, interface.namespace, interface.name


def _owners(model: Model, interface: Interface) -> dict[Prefix, str]:
    """Every listed prefix with the peer that has it, as the rows say for all who share them."""
    table = model.cryptokey(interface).complete()
    found = {}
    for owner in table.owners():
        target = model.target(interface, owner.ident)
        found[owner.prefix] = target.host if target is not None else table.entries(owner.ident)[-1].name
    return found
