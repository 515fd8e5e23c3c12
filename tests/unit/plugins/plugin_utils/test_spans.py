# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intervals as bits of one integer, against one look at each of them."""

from __future__ import annotations

import random

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import covers, from_numbers, intersect, pairs
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._spans import Spans


def test_bits_are_what_one_look_at_each_interval_says() -> None:
    dice = random.Random(1)
    for _again in range(500):
        numbers = dice.sample(range(40), dice.randint(1, 30))
        cut = dice.randint(0, len(numbers))
        sets = {"one": from_numbers(numbers[:cut]), "other": from_numbers(numbers[cut:])}
        spans = Spans(sets.items())
        asked = from_numbers(dice.sample(range(40), dice.randint(0, 30)))
        ordered = sorted((span, name) for name, found in sets.items() for span in pairs(found))
        inside = [index for index, (span, _name) in enumerate(ordered) if covers(asked, span)]
        touching = [index for index, (span, _name) in enumerate(ordered) if intersect(asked, span)]
        assert spans.inside(asked) == sum(1 << index for index in inside)
        assert spans.touching(asked) == sum(1 << index for index in touching)
        assert spans.all == (1 << len(ordered)) - 1
        assert list(spans.values(spans.inside(asked))) == list(dict.fromkeys(ordered[index][1] for index in inside))
