# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that differ from their like only in what is their own: those that can be members of a class."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Owned
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    covers,
    from_prefixes,
    intersect,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKind, SimpleKinds

_Rows = tuple[int, ...]


class UniformStacks:
    """Those of one network and family."""

    def __init__(self, model: Model, network: NetworkOwnership, family: int) -> None:
        self._model = model
        self._network = network
        self._family = family
        self._kinds = SimpleKinds.of(model)
        self._rows: dict[SimpleKind, _Rows | None] = {}

    def by_rows(self) -> dict[_Rows, dict[StackId, Interface]]:
        """By the rows that their interfaces are made of, each stack with its interface, in order."""
        grouped: dict[_Rows, dict[StackId, Interface]] = {}
        for stack, owned in self._network.stacks.items():
            if owned.both[self._family]:
                found = self._interface(stack, owned)
                if found is not None:
                    interface, rows = found
                    grouped.setdefault(rows, {})[stack] = interface
        return grouped

    def _interface(self, stack: StackId, owned: Owned) -> tuple[Interface, _Rows] | None:
        """None where it is not certain that the stack is uniform."""
        family, model, contested = self._family, self._model, self._network.contested[self._family]
        found = model.stacks[stack]
        if len(found.devices) != 1 or (contested and intersect(owned.both[family], contested)):
            return None
        (interface,) = found.devices.values()
        if interface.key is None or model.by_key.get(interface.key) is not interface:
            return None
        kind = self._kinds.get(interface)
        rows = None if kind is None or not kind.leaves_out_its_own else self._rows_of(kind)
        if rows is not None:
            return interface, rows
        if interface.network != self._network.name or (family == 6 and not found.stack.ipv6):
            return None
        cryptokey = model.cryptokey(interface)
        if not cryptokey.layers or not covers(owned.both[family], cryptokey.left_out(family)):
            return None
        local = found.fib.local[family]
        follows = self._follows_rows(found, cryptokey, owned=owned.both[family], local=local)
        return (interface, cryptokey.rows) if follows else None

    def _rows_of(self, kind: SimpleKind) -> _Rows | None:
        """The rows of a kind that is uniform whatever its stacks own; None where each has to be looked at."""
        if kind not in self._rows:
            cryptokey = self._model.cryptokey(kind.sample)
            follows = (
                kind.sample.network == self._network.name
                and bool(cryptokey.layers)
                and self._follows_rows(self._model.stacks[kind.sample.stack], cryptokey, owned=EMPTY, local=())
            )
            self._rows[kind] = cryptokey.rows if follows else None
        return self._rows[kind]

    def _follows_rows(self, stack: StackModel, cryptokey: Cryptokey, *, owned: Intervals, local: Iterable[int]) -> bool:
        """Whether every address that others own and that AllowedIPs list is routed into the one device.

        What the interface leaves out of its rows is its own, so an entry around what is not its own is never left out.
        owned, local: what the stack owns, and the addresses that it has.
        """
        family, total = self._family, self._network.total[self._family]
        table = _table_of(stack, family)
        following = 0
        for route in stack.fib.routes:
            prefix = route.destination
            if route.table == "local":
                return False
            if prefix is None:
                following += 1
                if route.table != table or route.device != cryptokey.interface.name:
                    return False
                continue
            if prefix.family != family or route.table not in ("main", table):
                continue
            if table != "main" and route.table == "main" and not prefix.length and route.type == "unicast":
                # Suppressed: the tunnel's table comes before what is left of main.
                continue
            inside = from_prefixes([prefix])
            listed = any(row.holds(prefix) for row in cryptokey.shared_rows())
            if listed and not covers(owned, inside if table == "main" else intersect(inside, total)):
                return False
        own_elsewhere = [number for number in local if not contains(owned, number)]
        if following != 1:
            return False
        if table != "main":
            return not any(contains(total, number) for number in own_elsewhere)
        return not any(
            row.holds(Prefix(family, number, WIDTH[family]))
            for number in own_elsewhere
            for row in cryptokey.shared_rows()
        )


def _table_of(stack: StackModel, family: int) -> str | None:
    """The table that decides about a stack's own packets but for its default route; None where that is not plain.

    Without rules that is main. With those of a full tunnel it is the tunnel's: first main without its default, then
    that table for whatever has no mark, as the packets inside do not.
    """
    rules = [rule for rule in stack.fib.rules[family] if rule.position >= 0]
    if not rules:
        return "main"
    first, *others = rules
    if len(others) != 1 or any(rule.source or rule.destination or rule.ingress for rule in rules):
        return None
    (second,) = others
    local = first.table == "main" and first.suppress_prefixlength == 0 and first.fwmark is None and not first.invert
    marked = second.fwmark is not None and second.fwmark[0] & second.fwmark[1]
    own = second.invert and marked and second.suppress_prefixlength is None
    return second.table if local and own and second.table not in ("main", "local", "default") else None
