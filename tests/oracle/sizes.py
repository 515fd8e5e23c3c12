# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much each comparison does: a size for CI and one on demand (``make test-oracle SIZE=full``).

A single one is set by its name, ``ORACLE_PACKETS=10000000``; ``ORACLE_SEED`` draws other fleets and documents.
"""

from __future__ import annotations

import os

# What is counted: in CI, on demand.
SIZES = {
    "packets": (3_000_000, 12_000_000),  # prover against simulator
    "proofs": (800, 5_000),  # verdicts against every packet of the intended flows, fleets
    "loops": (200, 1_000),  # WG401 against every packet that goes round, fleets
    "changes": (200, 2_000),  # gained, lost, rerouted against every packet before and after, pairs of fleets
    "outages": (120, 1_200),  # what_if against every packet that meets what is down, fleets
    "rollouts": (60, 600),  # the order of hosts against every mixed state, pairs of fleets
    "look_ups": (20_000, 100_000),  # simulator against the running kernel
    "fib_look_ups": (20_000, 120_000),  # FIB model against the running kernel
    "stacks": (12, 600),  # default sources against the running kernel, per family
    "classes": (300, 10_000),  # class prover against the general one, damaged fleets
    "alike": (450, 8_000),  # rules that ask one of the alike hosts against rules that ask each, fleets
    "documents": (2_400, 100_000),  # anything at all fed to the filters
    "places": (8, 100),  # a hostile value at so many per cent of the places of good documents
    "texts": (600, 6_000),  # values that wg and the parsers must both refuse or both take
}
SEED = os.environ.get("ORACLE_SEED", "")


def size(name: str) -> int:
    """How many of these: ``ORACLE_<NAME>`` if it is set, else what ``ORACLE_SIZE`` (ci or full) says."""
    wanted = os.environ.get(f"ORACLE_{name.upper()}")
    if wanted:
        return int(wanted)
    sizes = ("ci", "full")
    chosen = os.environ.get("ORACLE_SIZE") or "ci"
    if chosen not in sizes:
        raise ValueError(f"ORACLE_SIZE is {chosen!r}; write {' or '.join(sizes)}")
    return SIZES[name][sizes.index(chosen)]


def seed(name: str) -> str:
    """The same every time, so that the same commit gives the same verdict, unless another one is asked for."""
    return f"{name}-{SEED}" if SEED else name
