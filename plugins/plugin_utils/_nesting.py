# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the AllowedIPs of one interface lie in each other: two prefixes are disjoint, equal or nested, nothing else.

One sort and a stack find it all. Only the immediate parent is reported, so that the result stays as long as the list.
"""

from __future__ import annotations

import typing as t
from array import array
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._collector import collector_paused
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds

# A part of the address space that is dealt with at once has about 2**9 entries: they stay in the processor's cache.
_PART_BITS = 9


@dataclass(slots=True)
class Nesting:
    """duplicates: a prefix and its owners, the last wins. nested: (outer, inner) of two peers; redundant: of one."""

    duplicates: list[tuple[Prefix, list[Owner]]] = field(default_factory=list)
    nested: list[tuple[Owner, Owner]] = field(default_factory=list)
    redundant: list[tuple[Owner, Owner]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNesting:
    """A nesting and the interfaces that it is the same for, except for entries that one of them leaves out."""

    nesting: Nesting
    users: list[Interface]

    def user_of(self, model: Model, *owners: Owner) -> Interface | None:
        """The first interface that has all these peers."""
        return next((one for one in self.users if all(owner.ident in model.cryptokey(one) for owner in owners)), None)


@collector_paused()
def find_nesting(owners: t.Iterable[Owner]) -> Nesting:
    """The relations within one list, given in the order that decides who wins."""
    listed = list(owners)
    result = Nesting()
    for family in FAMILIES:
        _sweep(listed, family, result)
    return result


def _sweep(listed: list[Owner], family: int, result: Nesting) -> None:
    """One family: an entry starts inside those around it, or behind the end of them all."""
    bits = len(listed).bit_length()
    low = (1 << bits) - 1
    spans = [1 << (WIDTH[family] - length) for length in range(WIDTH[family] + 1)]
    # The outermost entry and where it ends; what else is around only counts below it, which is seldom.
    outermost = end = 0
    inner: list[tuple[int, int]] = []
    same: list[Owner] = []
    for places in _in_order(listed, family, bits):
        # An owner is only looked at where there is something to tell.
        numbers = [place >> bits for place in places]
        for place, number, following in zip(places, numbers, [*numbers[1:], -1], strict=False):
            if number == following:
                same.append(listed[place & low])
                continue
            if same:
                _note_equal([*same, listed[place & low]], result)
                same = []
            network = number >> 8
            if network >= end:
                outermost, end = place, network + spans[number & 255]
                if inner:
                    inner = []
                continue
            while inner and inner[-1][0] <= network:
                inner.pop()
            outer, owner = listed[(inner[-1][1] if inner else outermost) & low], listed[place & low]
            (result.redundant if outer.ident == owner.ident else result.nested).append((outer, owner))
            inner.append((network + spans[number & 255], place))


def _in_order(listed: list[Owner], family: int, bits: int) -> t.Iterator[list[int]]:
    """The entries of a family as numbers that sort like (network, length, place in the list), in several sorted lists.

    The place has the lowest bits; equal prefixes are in one list. A million numbers at once are more than the
    processor's caches hold, and each of them is then waited for several times: so they are dealt out first, into
    parts of the address space that are dealt with one by one.
    """
    pairs = enumerate([owner.prefix for owner in listed])
    numbers = ((network << 8 | length) << bits | place for place, (its, network, length) in pairs if its == family)
    packed = WIDTH[family] + 8 + bits <= 64
    places: t.Any = array("Q", numbers) if packed else list(numbers)
    parts_bits = len(places).bit_length() - _PART_BITS
    if parts_bits <= 0:
        yield sorted(places)
        return
    lowest, highest = min(places) >> bits, max(places) >> bits
    shift = bits + max(0, (highest - lowest).bit_length() - parts_bits)
    first = lowest << bits
    parts: list[t.Any] = [array("Q") if packed else [] for _part in range(((highest << bits) - first >> shift) + 1)]
    for place in places:
        parts[place - first >> shift].append(place)
    del places
    for part in parts:
        if part:
            yield sorted(part)


def _note_equal(same: list[Owner], result: Nesting) -> None:
    """Several owners of one prefix, in the order of the list."""
    last: dict[str, Owner] = {}
    for owner in same:
        # Taken out first, so that the order is that of the last entries: the very last one wins.
        last.pop(owner.ident, None)
        last[owner.ident] = owner
    result.redundant += [(last[owner.ident], owner) for owner in same if last[owner.ident] is not owner]
    if len(last) > 1:
        result.duplicates.append((same[-1].prefix, list(last.values())))


def nestings(model: Model) -> list[SharedNesting]:
    """The relations on every interface; interfaces that use the same shared rows are analysed once."""
    memo = model.fleet.memo
    if "nestings" not in memo:
        users: dict[tuple[int, ...], list[Interface]] = {}
        kinds = SimpleKinds.of(model)
        for interface in model.interfaces:
            users.setdefault(model.cryptokey(kinds.lister(interface)).rows, []).append(interface)
        memo["nestings"] = [
            SharedNesting(nesting=find_nesting(_owners(model, found)), users=found)
            for rows, found in users.items()
            if rows
        ]
    result: list[SharedNesting] = memo["nestings"]
    return result


def _owners(model: Model, users: list[Interface]) -> t.Iterator[Owner]:
    """What the rows list, but for entries that every user leaves out because it has an entry of its own."""
    for index, (row, removed) in enumerate(model.cryptokey(users[0]).layers):
        left_out = set(removed)
        for other in users[1:]:
            if not left_out:
                break
            left_out &= model.cryptokey(other).layers[index][1]
        yield from (owner for owner in row.owners if owner not in left_out)
