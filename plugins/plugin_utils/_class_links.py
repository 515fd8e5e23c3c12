# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a class: whether a receiver accepts what its members send, and whether a handshake can start.

Receivers that differ only in what is their own are asked once: by their rows, or as a kind.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    intersect,
    subtract,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKind, SimpleKinds


class ClassLinks:
    """members: of one network, all with the same rows; sources: what they own together, and nobody else does."""

    def __init__(
        self,
        model: Model,
        network: NetworkOwnership,
        family: int,
        *,
        members: dict[StackId, Interface],
        sources: Intervals,
    ) -> None:
        self._model = model
        self._network = network
        self._family = family
        self._members = members
        self._sources = sources
        self._sample = next(iter(members.values()))
        self._key = (network.name, family, model.cryptokey(self._sample).rows)
        self._kinds = SimpleKinds.of(model)
        self._taking: dict[tuple[SimpleKind, Interface], bool] = {}
        self._hearing: dict[SimpleKind, bool] = {}
        self._dialling: dict[tuple[Interface, str], bool] = {}

    def table(self, interface: Interface) -> Cryptokey:
        """The rows of an interface as if it left out nothing: what all members have in common."""
        memo: dict[tuple[int, ...], Cryptokey] = self._model.fleet.memo.setdefault("whole_rows", {})
        cryptokey = self._model.cryptokey(interface)
        if cryptokey.rows not in memo:
            memo[cryptokey.rows] = cryptokey.complete()
        return memo[cryptokey.rows]

    def bad(self, ident: str, target: Interface) -> t.Iterator[StackId]:
        """The members whose packets the target does not get or does not accept."""
        kind = self._kinds.get(target)
        if kind is not None and kind.leaves_out_its_own and self._hears_all(kind):
            return
        sample = self._model.cryptokey(self._sample)
        shared = self._shares_rows(target)
        refused = self._refused(target) if shared else set()
        reachable = ident not in sample.own and sample.knows_listed(ident)
        if shared and reachable:
            yield from refused
            return
        theirs = self._model.cryptokey(target)
        taken = {} if shared else theirs.split(self._family, self._sources)
        for stack, interface in self._members.items():
            if interface is target:
                continue
            if shared:
                good = stack not in refused
            else:
                part, owned = taken.get(interface.key, EMPTY), self._network.stacks[stack].both[self._family]
                good = part == owned or covers(part, owned)
            if good and not reachable:
                good = self._dials(interface, ident) or theirs.knows_endpoint(t.cast("str", interface.key))
            if not good:
                yield stack

    def _dials(self, interface: Interface, ident: str) -> bool:
        """Whether an interface knows an endpoint of a peer."""
        lister = self._kinds.lister(interface)
        if (lister, ident) not in self._dialling:
            self._dialling[lister, ident] = self._model.cryptokey(lister).knows_endpoint(ident)
        return self._dialling[lister, ident]

    def _hears_all(self, kind: SimpleKind) -> bool:
        """Whether all of a kind surely accept what every member sends, and know where it can be reached.

        Of its rows each leaves out what it owns, which no other stack does: a member's sources are its own.
        """
        if kind not in self._hearing:
            here = kind.sample.network == self._network.name
            theirs = self._model.cryptokey(kind.sample)
            taken = self.table(kind.sample).split(self._family, self._sources)
            self._hearing[kind] = here and all(
                interface.key in taken
                and theirs.knows_endpoint(t.cast("str", interface.key))
                and covers(taken[interface.key], self._network.stacks[stack].both[self._family])
                for stack, interface in self._members.items()
            )
        return self._hearing[kind]

    def _shares_rows(self, interface: Interface) -> bool:
        """Whether an interface leaves out nothing but what is its own, so that for others its rows are complete."""
        stack = self._network.stacks.get(interface.stack)
        if stack is None:
            return False
        cryptokey = self._model.cryptokey(interface)
        return not cryptokey.own and covers(stack.both[self._family], cryptokey.left_out(self._family))

    def _refused(self, target: Interface) -> set[StackId]:
        """The members that the rows of the target do not accept; the same for all interfaces with these rows."""
        memo: dict[t.Any, set[StackId]] = self._model.fleet.memo.setdefault("refused", {})
        key = (*self._key, self._model.cryptokey(target).rows)
        if key not in memo:
            table = self.table(target)
            memo[key] = {stack for stack, interface in self._members.items() if not self._accepts(table, interface)}
        return memo[key]

    def _accepts(self, table: Cryptokey, sender: Interface) -> bool:
        """Whether a table accepts all that a member owns, from that member."""
        key = t.cast("str", sender.key)
        owned = self._network.stacks[sender.stack].both[self._family]
        return key in table and covers(table.accepted(self._family, key), owned)

    def takes_all(self, carrier: Interface, ident: str, target: Interface) -> bool:
        """Whether what a carrier sends to a peer of its own is accepted, whichever member it comes from."""
        kind = self._kinds.get(target)
        if kind is not None and kind.leaves_out_its_own and self._kind_takes_all(kind, carrier):
            return True
        entry = self._model.entry_of(target, carrier)
        if entry is None:
            return False
        dialled = self._model.cryptokey(carrier).knows_endpoint(ident)
        return (dialled or self._model.cryptokey(target).knows_endpoint(entry)) and self._accepts_all(target, entry)

    def _kind_takes_all(self, kind: SimpleKind, carrier: Interface) -> bool:
        """Whether all of a kind surely accept everything that the members own from a carrier, and can dial it."""
        if (kind, carrier) not in self._taking:
            entry = self._model.entry_of(kind.sample, carrier)
            self._taking[kind, carrier] = (
                kind.sample.network == self._network.name
                and entry is not None
                and self._model.cryptokey(kind.sample).knows_endpoint(entry)
                and not self._not_taken(kind.sample, entry)
            )
        return self._taking[kind, carrier]

    def _accepts_all(self, target: Interface, entry: str) -> bool:
        """Whether an interface accepts everything that the members own, but what is its stack's own, from one peer."""
        owned = self._network.owned(target.stack, self._family)
        left_out = self._model.cryptokey(target).left_out(self._family)
        if not covers(owned, self._not_taken(target, entry)):
            return False
        return covers(owned, left_out) or covers(owned, intersect(left_out, self._sources))

    def _not_taken(self, target: Interface, entry: str) -> Intervals:
        """What the members own and the rows of the target, if it left out nothing, do not take from one peer."""
        memo: dict[t.Any, Intervals] = self._model.fleet.memo.setdefault("not_taken", {})
        key = (*self._key, self._model.cryptokey(target).rows, entry)
        if key not in memo:
            memo[key] = subtract(self._sources, self.table(target).accepted(self._family, entry))
        return memo[key]
