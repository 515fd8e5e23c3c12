# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the AllowedIPs of one interface lie in each other: two prefixes are disjoint, equal or nested, nothing else.

One sort and a stack find it all. Only the immediate parent is reported, so that the result stays as long as the list.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner


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


def find_nesting(owners: t.Iterable[Owner]) -> Nesting:
    """The relations within one list, given in the order that decides who wins."""
    by_prefix: dict[Prefix, list[Owner]] = {}
    for owner in owners:
        by_prefix.setdefault(owner.prefix, []).append(owner)
    result = Nesting()
    around: list[Owner] = []
    for prefix in sorted(by_prefix):
        found = by_prefix[prefix]
        last: dict[str, Owner] = {}
        for owner in found:
            # Taken out first, so that the order is that of the last entries: the very last one wins.
            last.pop(owner.ident, None)
            last[owner.ident] = owner
        result.redundant += [(last[owner.ident], owner) for owner in found if last[owner.ident] is not owner]
        if len(last) > 1:
            result.duplicates.append((prefix, list(last.values())))
        while around and not around[-1].prefix.contains(prefix):
            around.pop()
        winner = found[-1]
        if around:
            relation = result.redundant if around[-1].ident == winner.ident else result.nested
            relation.append((around[-1], winner))
        around.append(winner)
    return result


def nestings(model: Model) -> list[SharedNesting]:
    """The relations on every interface; interfaces that use the same shared rows are analysed once."""
    memo = model.fleet.memo
    if "nestings" not in memo:
        users: dict[tuple[int, ...], list[Interface]] = {}
        for interface in model.interfaces:
            users.setdefault(model.cryptokey(interface).rows, []).append(interface)
        memo["nestings"] = [
            SharedNesting(nesting=find_nesting(_owners(model, found)), users=found)
            for rows, found in users.items()
            if rows
        ]
    result: list[SharedNesting] = memo["nestings"]
    return result


def _owners(model: Model, users: list[Interface]) -> t.Iterator[Owner]:
    """What the rows list, but for entries that every user leaves out because it has an entry of its own."""
    first, *others = (model.cryptokey(one).layers for one in users)
    for index, (row, removed) in enumerate(first):
        left_out = set(removed)
        for layers in others:
            if not left_out:
                break
            left_out &= layers[index][1]
        yield from (owner for owner in row.owners if owner not in left_out)
