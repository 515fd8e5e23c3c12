# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two full tunnels of one stack that take the same mark, table or priority, so that only one of them can work."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, Rule
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._full_tunnels import default_routes, takes_internet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel


class Shared(t.NamedTuple):
    """first, second: the tunnels. what: fwmark, table or priority; value: which one."""

    first: Interface
    second: Interface
    what: str
    value: int | str


def find_shared(model: Model) -> t.Iterator[Shared]:
    """Everything that two full tunnels of one stack share, told once for both families."""
    for stack in doubtful_stacks(model, lambda one: len(one.devices) > 1):
        found: dict[Shared, None] = {}
        for family in FAMILIES:
            tunnels = {
                interface: default_routes(stack, interface, family)
                for interface in stack.devices.values()
                if takes_internet(model, interface, family)
            }
            for first, second in itertools.combinations((one for one, routes in tunnels.items() if routes), 2):
                if first.fwmark == second.fwmark != 0 and first.socket_namespace == second.socket_namespace:
                    found[Shared(first, second, "fwmark", first.fwmark)] = None
                places = [{(route.table, route.metric[family]) for route in tunnels[one]} for one in (first, second)]
                found.update(
                    {Shared(first, second, "table", table): None for table, _metric in sorted(places[0] & places[1])}
                )
                tables = [{route.table for route in tunnels[one]} for one in (first, second)]
                found.update(dict.fromkeys(_same_priority(stack, first, second, tables[0], tables[1])))
        yield from found


def _same_priority(
    stack: StackModel, first: Interface, second: Interface, one: set[str], other: set[str]
) -> t.Iterator[Shared]:
    """Rules of one priority that some packet matches both, one for each tunnel: the first of them takes it."""
    for mine, theirs in itertools.combinations(stack.stack.rules, 2):
        if mine.priority == theirs.priority and mine.table != theirs.table and _meet(mine, theirs):
            tables = mine.table, theirs.table
            if (tables[0] in one and tables[1] in other) or (tables[1] in one and tables[0] in other):
                yield Shared(first, second, "priority", mine.priority)


def _meet(one: Rule, other: Rule) -> bool:
    """Whether some packet could match both; inverted rules match nearly everything."""
    if not set(one.families) & set(other.families):
        return False
    if one.invert or other.invert:
        return True
    for mine, theirs in ((one.source, other.source), (one.destination, other.destination)):
        if mine is not None and theirs is not None and not (mine.contains(theirs) or theirs.contains(mine)):
            return False
    if one.ingress is not None and other.ingress is not None and one.ingress != other.ingress:
        return False
    if one.fwmark is not None and other.fwmark is not None:
        (mark, mask), (other_mark, other_mask) = one.fwmark, other.fwmark
        return not (mark ^ other_mark) & mask & other_mask
    return True
