# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which destinations may come back: the bookkeeping against the plain fixpoint, address by address."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _loops
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import from_numbers, intersect, union

SPACE = 12
Graph = dict[str, dict[str, set[int]]]


def drawn(dice: random.Random, *, by_source: bool) -> tuple[dict[str, set[int]], Graph]:
    """(what arrives at each place, and what of it goes on to which); by_source: one address may have several ways."""
    places = "abcdefg"[: dice.randint(1, 7)]
    arriving = {place: {number for number in range(SPACE) if dice.random() < 0.8} for place in places}
    onwards: Graph = {place: {} for place in places}
    for place in places:
        for number in arriving[place]:
            for target in dice.sample(places, k=min(len(places), dice.randint(0, 3 if by_source else 1))):
                if number in arriving[target]:
                    onwards[place].setdefault(target, set()).add(number)
    return arriving, onwards


def by_fixpoint(arriving: dict[str, set[int]], onwards: Graph) -> dict[str, set[int]]:
    left = arriving
    while True:
        kept = {
            place: {number for target, part in onwards[place].items() for number in part & left.get(target, set())}
            for place in left
        }
        kept = {place: found & left[place] for place, found in kept.items() if found & left[place]}
        if kept == left:
            return kept
        left = kept


@pytest.mark.parametrize("by_source", [False, True])
def test_what_may_come_back_is_the_plain_fixpoint(by_source: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(f"loops-{by_source}")
    kept = several = 0
    for _number in range(600):
        arriving, onwards = drawn(dice, by_source=by_source)
        sets = {place: from_numbers(found) for place, found in arriving.items()}
        parts = {
            place: {target: from_numbers(part) for target, part in found.items()} for place, found in onwards.items()
        }
        monkeypatch.setattr(_loops, "_arriving", lambda *_arguments, sets=sets: sets)
        monkeypatch.setattr(_loops, "_passed_on", lambda _model, place, *_arguments, parts=parts: parts[place])
        found = _loops._candidates(t.cast("t.Any", None), 4)
        assert found == {place: from_numbers(one) for place, one in by_fixpoint(arriving, onwards).items()}
        kept += bool(found)
        several += any(
            intersect(one, union(*(other for name, other in ways.items() if name != target)))
            for ways in parts.values()
            for target, one in ways.items()
        )
    assert kept > 200
    assert bool(several) is by_source
