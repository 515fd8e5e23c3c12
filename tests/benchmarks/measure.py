# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One case at one size, in this process: ``python -m ...measure NAME SIZE`` prints what it took as JSON.

The unit is the processor time that sorting a million random integers takes here and now, so that a figure means the
same on a slow machine, and nearly the same on a busy one.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import sys
import time
import typing as t

from ansible_collections.cryptokey.wireguard.tests.benchmarks.cases import BY_NAME

_NUMBERS = 1_000_000
_TIMES = 3


def processor_time(work: t.Callable[[], t.Any]) -> tuple[float, t.Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def unit() -> float:
    """Median of several, in seconds."""
    dice = random.Random(1)
    numbers = [dice.getrandbits(48) for _number in range(_NUMBERS)]
    return statistics.median(processor_time(lambda: sorted(numbers))[0] for _again in range(_TIMES))


def main() -> None:
    case, size = BY_NAME[sys.argv[1]], int(sys.argv[2])
    before = unit()
    work = case.ready(size)
    seconds, result = processor_time(work)
    one = statistics.mean((before, unit()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"unit": one, "seconds": seconds, "units": seconds / one, "megabytes": peak, "result": result}))


if __name__ == "__main__":
    main()
