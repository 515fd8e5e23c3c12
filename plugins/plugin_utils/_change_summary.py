# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to reachability, in as few entries as it can be said: grouped by who sends, bounded in size."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._comparison import (
    GAINED,
    LOST,
    REROUTED,
    Comparison,
    FlowChange,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_names import HostNames
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import judge_expectation
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import Intervals, subtract, to_prefixes, union
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ways import Way

Document = dict[str, t.Any]

# How many entries of a kind, and how many prefixes of an entry, are told before the rest is counted.
_ENTRIES = 20
_PREFIXES = 8
_PREFIXES_IN_TEXT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merged:
    """Changes of both families that differ in nothing else. others: each to the others."""

    kind: str
    stacks: tuple[StackId, ...]
    sources: tuple[Prefix, ...]
    prefixes: tuple[Prefix, ...]
    before: Way | None
    after: Way | None
    moved: tuple[StackId, StackId] | None
    ends: frozenset[StackId]

    @property
    def pairs(self) -> int:
        return sum(len(self.ends - {stack}) for stack in self.stacks)


def summarise(comparison: Comparison, groups: Mapping[str, Collection[str]] | None = None) -> Document:
    """``{gained, lost, rerouted, intents}``, each of the first three ``{pairs, entries, more}``.

    pairs: ordered pairs of stacks with a flow that this happens to. more: entries beyond those that are listed.
    """
    result: Document = {
        kind: tell(comparison, [one for one in comparison.changes if one.kind == kind], groups)
        for kind in (GAINED, LOST, REROUTED)
    }
    result["intents"] = changed_intents(comparison.before.model.fleet, comparison.after.model.fleet)
    return result


def tell(
    comparison: Comparison, changes: Iterable[FlowChange], groups: Mapping[str, Collection[str]] | None = None
) -> Document:
    """``{pairs, entries, more}`` of some changes of one kind, those of most pairs first."""
    names = HostNames(comparison.before.stacks | comparison.after.stacks, groups)
    merged = _merge(comparison, changes)
    merged.sort(key=lambda one: (-one.pairs, one.stacks, one.prefixes, one.before or (), one.after or ()))
    entries = [_entry(one, names) for one in merged[:_ENTRIES]]
    return {
        "pairs": count_pairs((one.stacks, one.ends) for one in merged),
        "entries": entries,
        "more": len(merged) - len(entries),
    }


def count_pairs(related: Iterable[tuple[tuple[StackId, ...], frozenset[StackId]]]) -> int:
    """The ordered pairs of two different stacks in the union of some products, none of which is written out."""
    by_stack: dict[StackId, set[frozenset[StackId]]] = {}
    for stacks, ends in related:
        for stack in stacks:
            by_stack.setdefault(stack, set()).add(ends)
    reached: dict[frozenset[frozenset[StackId]], frozenset[StackId]] = {}
    total = 0
    for stack, products in by_stack.items():
        key = frozenset(products)
        if key not in reached:
            reached[key] = frozenset().union(*products)
        total += len(reached[key]) - (stack in reached[key])
    return total


def changed_intents(before: Fleet, after: Fleet) -> list[Document]:
    """The intents of either fleet that hold in one of them only: ``{network, from, to, reach, before, after}``."""
    wanted = {
        (one.network, one.source.text, one.destination.text, one.reach): one
        for fleet in (before, after)
        for one in fleet.expectations
    }
    found = []
    for (network, source, destination, reach), expectation in sorted(wanted.items(), key=lambda item: item[0]):
        held, holds = (
            judge_expectation(Model.of(fleet), Ownership.of(Model.of(fleet)), expectation).holds
            for fleet in (before, after)
        )
        if held != holds:
            entry = {"network": network, "from": source, "to": destination, "reach": reach}
            found.append({**entry, "before": held, "after": holds})
    return found


def _merge(comparison: Comparison, changes: Iterable[FlowChange]) -> list[_Merged]:
    """Families together, and stacks that each change towards the others as one."""
    by_target: dict[t.Any, list[FlowChange]] = {}
    for change in changes:
        by_target.setdefault(_target(comparison, change), []).append(change)
    halves: dict[t.Any, dict[int, tuple[Intervals, Intervals]]] = {}
    for key, same in by_target.items():
        stacks = tuple(sorted({stack for change in same for stack in change.stacks}))
        (kind, before, after, moved), sources, _destinations, ends = key[0], key[2], key[3], key[4]
        destinations = _shown(comparison, same, stacks)
        common = (kind, before, after, moved, stacks, ends, sources is None or key[1])
        halves.setdefault(common, {})[key[1]] = (sources or (), destinations)
    return [_merged(common, families) for common, families in halves.items()]


def _merged(common: t.Any, families: Mapping[int, tuple[Intervals, Intervals]]) -> _Merged:
    kind, before, after, moved, stacks, ends, _partly = common
    return _Merged(
        kind=kind,
        stacks=stacks,
        sources=tuple(one for family in sorted(families) for one in to_prefixes(family, families[family][0])),
        prefixes=tuple(one for family in sorted(families) for one in to_prefixes(family, families[family][1])),
        before=before,
        after=after,
        moved=moved,
        ends=ends,
    )


def _target(comparison: Comparison, change: FlowChange) -> t.Any:
    """What a change must have in common with another one to be told with it."""
    cell = (change.kind, change.before, change.after, change.moved)
    if len(change.stacks) > 1 or change.sources is not None:
        return cell, change.family, change.sources, change.destinations, change.ends_in(later=True)
    (stack,) = change.stacks
    own = union(comparison.before.owned(change.family, stack), comparison.after.owned(change.family, stack))
    return cell, change.family, None, union(change.destinations, own), change.ends_in(later=True) | {stack}


def _shown(comparison: Comparison, same: list[FlowChange], stacks: tuple[StackId, ...]) -> Intervals:
    """The destinations that are told: of a single stack without its own."""
    destinations = union(*(change.destinations for change in same))
    if len(stacks) > 1:
        return destinations
    family = same[0].family
    return subtract(destinations, comparison.after.owned(family, stacks[0])) or destinations


def _entry(one: _Merged, names: HostNames) -> Document:
    prefixes = [str(prefix) for prefix in one.prefixes]
    entry = {
        "from": names(one.stacks),
        "hosts": len({stack.host for stack in one.stacks}),
        "sources": [str(prefix) for prefix in one.sources[:_PREFIXES]],
        "to": _receivers(one, names),
        "prefixes": prefixes[:_PREFIXES],
        "more_prefixes": max(0, len(prefixes) - _PREFIXES),
        "before": None if one.before is None else via(one.before),
        "after": None if one.after is None else via(one.after),
        "pairs": one.pairs,
    }
    return {**entry, "text": _text(one, entry)}


def _receivers(one: _Merged, names: HostNames) -> str:
    if one.moved is not None:
        return str(one.moved[1])
    if len(one.stacks) > 1 and one.ends == frozenset(one.stacks):
        return "each other"
    if len(one.stacks) == 1 and len(one.ends) > 1 and one.ends | set(one.stacks) == names.everybody:
        return "everyone else"
    ends = one.ends if len(one.stacks) > 1 else one.ends - set(one.stacks)
    return names(ends or one.ends)


def via(way: Way) -> str:
    """``directly``, ``via hub1``, ``via hub1, hub2``."""
    return f"via {', '.join(map(str, way))}" if way else "directly"


def _text(one: _Merged, entry: Document) -> str:
    """``laptops → 10.0.2.0/24 (fra1), now via hub2 instead of via hub1``."""
    shown = entry["prefixes"][:_PREFIXES_IN_TEXT]
    more = len(one.prefixes) - len(shown)
    sources = f" ({', '.join(entry['sources'][:_PREFIXES_IN_TEXT])})" if one.sources else ""
    target = f"{', '.join(shown)} ({entry['to']})"
    if more:
        target = f"{entry['to']}: {', '.join(shown)} and {more:,} more prefix{'' if more == 1 else 'es'}"
    text = f"{entry['from']}{sources} → {target}"
    if one.moved is not None:
        return f"{text}, now at {one.moved[1]} instead of {one.moved[0]}"
    return f"{text}, now {entry['after']} instead of {entry['before']}" if one.kind == REROUTED else text
