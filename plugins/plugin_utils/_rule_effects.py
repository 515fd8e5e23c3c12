# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy rules that change nothing: each is compared with the same stack without it, for every packet there could be.

What policy rules tell of a packet is its source, its destination, its ingress and its mark. Sources and destinations
are intervals; of the ingresses and marks one of each kind that any rule could tell apart is enough.
"""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    OPAQUE,
    Route,
    Rule,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._policy import region_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    contains,
    everything,
    subtract,
    union,
)

_FULL_MASK = 0xFFFFFFFF
# So many marks with a mask of their own can still be combined in every way.
_MASKS = 8
# So many destinations are tried one by one, before all are looked at.
_TRIED = 16
_DEFAULTS = {(0, "local"), (32766, "main"), (32767, "default")}

# What one packet could come with: an ingress and a mark.
_Setting = tuple[str, int]


class Useless(t.NamedTuple):
    """A rule without effect. why: never (no packet matches), empty (nothing in its table), same (as without it)."""

    stack: StackId
    rule: Rule
    why: str


def find_useless_rules(model: Model) -> t.Iterator[Useless]:
    """Every rule of a document that changes nothing."""
    for stack in model.stacks.values():
        for rule in stack.stack.rules:
            why = None if _is_default(rule) else _why_useless(stack, rule)
            if why is not None:
                yield Useless(stack.id, rule, why)


def _is_default(rule: Rule) -> bool:
    """Whether a document repeats one of the rules that every stack has."""
    plain = rule.source is rule.destination is rule.ingress is rule.fwmark is None and not rule.invert
    return plain and (rule.priority, rule.table) in _DEFAULTS


def _why_useless(stack: StackModel, rule: Rule) -> str | None:
    marks = _marks(stack)
    if marks is None:
        return None
    settings = [(ingress, mark) for ingress in _ingresses(stack) for mark in marks]
    if not any(_matches(stack.fib, rule, family, setting) for family in rule.families for setting in settings):
        return "never"
    waits = _waits_for_routes(stack, rule)
    # The kernel fills main by itself, so an empty one may only be a namespace that nobody has described.
    if all(stack.fib.tables.is_empty(family, rule.table) for family in rule.families):
        return None if waits and rule.table == "main" else "empty"
    if waits:
        return None
    others = stack.fib.under(tuple(one for one in stack.stack.rules if one is not rule))
    changes = any(
        _changes(stack.fib, others, rule, family, setting) for family in rule.families for setting in settings
    )
    return None if changes else "same"


def _waits_for_routes(stack: StackModel, rule: Rule) -> bool:
    """Whether a rule only lets through routes that are longer than what its table holds so far, in some family.

    That is how wg-quick(8) keeps the LAN out of a full tunnel, also where no document says which LAN that will be.
    """
    limit = rule.suppress_prefixlength
    if limit is None:
        return False
    listed = [route.destination for route in stack.fib.routes if route.table == rule.table]
    waiting = [
        family
        for family in rule.families
        if not any(one is None or (one.length > limit and one.family == family) for one in listed)
    ]
    return waiting == list(rule.families) or any(_goes_before(stack, rule, family, limit) for family in waiting)


def _goes_before(stack: StackModel, rule: Rule, family: int, limit: int) -> bool:
    """Whether a later rule's table has a short route of a family, which the one that waits would take from."""
    return any(
        found is not None and found.length <= limit
        for later in stack.fib.rules[family]
        if later.priority > rule.priority and later.table != rule.table
        for found in stack.fib.tables.whole(family, later.table).values
    )


def _matches(fib: Fib, rule: Rule, family: int, setting: _Setting) -> bool:
    ingress, mark = setting
    return any(
        region_of(rule, family, sample, ingress=ingress, mark=mark) != EMPTY
        for _members, sample in fib.source_classes(family)
    )


def _changes(fib: Fib, without: Fib, rule: Rule, family: int, setting: _Setting) -> bool:
    """Whether some packet of that setting goes another way without the rule."""
    ingress, mark = setting
    for _members, sample in fib.source_classes(family):
        region = region_of(rule, family, sample, ingress=ingress, mark=mark)
        asked = subtract(everything(family) if region is None else region, fib.local_set[family])
        if asked and _differ_somewhere(fib, without, family, sample, asked, setting):
            return True
        if asked and _ways(fib, family, sample, asked, setting) != _ways(without, family, sample, asked, setting):
            return True
    return False


def _differ_somewhere(fib: Fib, without: Fib, family: int, source: int, asked: Intervals, setting: _Setting) -> bool:
    """Whether one of a few packets shows it: most rules do something, and to see that takes no whole table."""
    ingress, mark = setting
    tried = {asked[0], asked[-1] - 1, *asked[2:_TRIED:2]}
    tried.update(one.destination.network for one in fib.routes[:_TRIED] if one.destination is not None)
    for destination in sorted(tried):
        if contains(asked, destination):
            before, after = (
                _way(one.lookup(family, source, destination, ingress=ingress, mark=mark).route)
                for one in (without, fib)
            )
            if before != after:
                return True
    return False


def _ways(fib: Fib, family: int, source: int, asked: Intervals, setting: _Setting) -> dict[t.Any, Intervals]:
    ingress, mark = setting
    found: dict[t.Any, Intervals] = {}
    for route, part in fib.routes_used(family, source, ingress=ingress, mark=mark).split(asked).items():
        way = _way(route)
        found[way] = union(found.get(way, EMPTY), part)
    return found


def _way(route: Route | None) -> t.Any:
    """What two routes have in common that send a packet the same way."""
    return None if route is None else (route.type, route.device, route.gateway, route.source)


def _ingresses(stack: StackModel) -> list[str]:
    """The host itself, every device that is known or named, and one that is neither."""
    named = (rule.ingress for rule in stack.stack.rules if rule.ingress is not None)
    used = (route.device for route in stack.fib.routes if route.device is not None)
    return list(dict.fromkeys((LOOPBACK, *named, *used, OPAQUE)))


def _marks(stack: StackModel) -> list[int] | None:
    """One mark for everything that the rules can tell of a mark; None where these are too many."""
    asked = {rule.fwmark for rule in stack.stack.rules if rule.fwmark is not None}
    whole = sorted(mark for mark, mask in asked if mask == _FULL_MASK)
    masked = sorted((mark, mask) for mark, mask in asked if mask != _FULL_MASK)
    if len(masked) > _MASKS:
        return None
    marks = {next(number for number in itertools.count(1) if number not in whole), *whole}
    for chosen in itertools.product((False, True), repeat=len(masked)):
        number = 0
        # Those that shall not match first: what they flip may be set again by those that shall.
        for wanted in (False, True):
            for (mark, mask), matches in zip(masked, chosen, strict=True):
                if matches is wanted:
                    number = (number & ~mask) | (mark if matches else mark ^ mask) & mask
        marks.add(number & _FULL_MASK)
    return sorted(marks)
