# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prover against the packet simulator: 0 differences over millions of packets, and every outcome among them.

The work is cut into shards that pytest-xdist may spread (``-n auto``). sizes.py says how many packets; a failure names
the seed, and ``compare.py --seed ... --shrink`` makes it small.
"""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _cryptokey, _fib
from ansible_collections.cryptokey.wireguard.tests.oracle import compare
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

PACKETS = size("packets")
SEED = seed("prover")
SHARDS = 4
# Of every million packets at least this many end in each way, in either family where it has that way.
PER_MILLION = 20


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_packet_ends_otherwise_than_proved(shard):
    asked = PACKETS // SHARDS
    result = compare.compare(compare.TheProver(), packets=asked, seed=f"{SEED}-{shard}", stop_at_difference=True)
    print("\n" + result.report())
    assert not result.differences, result.report()
    assert result.compared >= asked
    assert result.traces > result.fleets
    rare = result.seen_less_often_than(max(1, PER_MILLION * asked // 1_000_000))
    assert not rare, f"too few packets had the outcome {rare}"


@pytest.mark.parametrize("limit", [-1, 1 << 30])
def test_a_small_set_is_looked_up_like_a_large_one(limit, monkeypatch):
    """Few destinations are looked up one by one, many through a table of everything; both ways for every size."""
    monkeypatch.setattr(_fib, "_FEW", limit)
    monkeypatch.setattr(_cryptokey, "_SMALL", limit)
    result = compare.compare(
        compare.TheProver(), packets=PACKETS // 10, seed=f"{SEED}-{limit}", stop_at_difference=True
    )
    assert not result.differences, result.report()
