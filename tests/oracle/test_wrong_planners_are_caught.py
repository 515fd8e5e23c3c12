# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every deliberately wrong planner is caught by the comparison, within a bounded number of packets."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.tests.oracle import compare
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.mutants import MUTANTS

BOUND = 3_000_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_caught(mutant):
    with mutant.planner() as planner:
        result = compare.compare(planner, packets=BOUND, seed="wrong", stop_at_difference=True)
    assert result.differences, f"not caught within {result.compared:,} packets of {result.fleets} fleets"
    fleet = Fleet(result.different_seeds[0])
    samples = {family: fleet.samples(family) for family in FAMILIES}
    rightly = compare.compare_fleet(compare.TheProver(), fleet.document, samples, compare.Result())
    assert not rightly, "the planner itself is wrong about this fleet, so nothing is said of the mutant"
    print(
        f"\n{mutant.name}: caught in fleet {result.fleets} after {result.compared:,} packets, {result.differences[0]}"
    )


def test_there_are_enough_of_them():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 10
