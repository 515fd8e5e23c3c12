# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures every case, or those whose names hold a word of the command line, and prints a table.

The word ``engine`` stands for the host engine (root; a kernel's WireGuard is built once, see tests/kernel).

--limits     exit with status 1 where a limit is missed
--repeat N   the median of N processes per line (default 3)
--no-playbooks  leave out the whole runs of ansible-playbook
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.tests.benchmarks import engine_run, playbook_run
from ansible_collections.cryptokey.wireguard.tests.benchmarks.cases import CASES, Case

_MEASURE = "ansible_collections.cryptokey.wireguard.tests.benchmarks.measure"
# Ten times the entries may take twelve times the time.
_GROWTH = 1.2
_HEADER = f"{'case':24}{'size':>10}{'units':>9}{'limit':>8}{'MB':>7}{'limit':>7}{'work x':>9}{'time x':>8}  result"
Figures = dict[str, t.Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only the cases whose names hold one of these words")
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-playbooks", action="store_true")
    options = parser.parse_args()
    chosen = [case for case in CASES if not options.words or any(word in case.name for word in options.words)]
    missed: list[str] = []
    if chosen:
        print(_HEADER, flush=True)
    for case in chosen:
        missed += _measure_case(case, options.repeat)
    if not options.no_playbooks and (not options.words or "playbook" in options.words):
        missed += _measure_playbooks(options.repeat)
    if not options.words or "engine" in options.words:
        missed += engine_run.run(options.repeat)
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed and options.limits else 0


def _measure_case(case: Case, repeat: int) -> t.Iterator[str]:
    """Prints a line per size; yields the limits that were missed."""
    earlier: tuple[int, float] | None = None
    for size in case.sizes:
        figures = _median([_in_a_process(case, size) for _again in range(repeat)])
        is_last = size == case.sizes[-1]
        units = case.units if is_last else None
        megabytes = case.megabytes if is_last else None
        work, grown = _growth(case, size, figures["units"], earlier)
        print(
            f"{case.name:24}{size:>10,}{figures['units']:>9.2f}{_shown(units):>8}{figures['megabytes']:>7.0f}"
            f"{_shown(megabytes):>7}{_shown(work):>9}{_shown(grown):>8}  {figures['result']}",
            flush=True,
        )
        if units is not None and figures["units"] > units:
            yield f"{case.name}, {size:,}: {figures['units']:.2f} units, allowed are {units}"
        if megabytes is not None and figures["megabytes"] > megabytes:
            yield f"{case.name}, {size:,}: {figures['megabytes']:.0f} MB, allowed are {megabytes}"
        if work is not None and grown is not None and grown > _GROWTH * work:
            yield f"{case.name}, {size:,}: {work:.1f} times the work takes {grown:.1f} times the time"
        earlier = size, figures["units"]


def _growth(
    case: Case, size: int, units: float, earlier: tuple[int, float] | None
) -> tuple[float | None, float | None]:
    if case.entries is None or earlier is None:
        return None, None
    return case.entries(size) / case.entries(earlier[0]), units / max(earlier[1], 1e-6)


def _in_a_process(case: Case, size: int) -> Figures:
    """A process of its own per figure: its peak of memory is this case's, and no cache is warm."""
    command = [sys.executable, "-m", _MEASURE, case.name, str(size)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{case.name}, {size}:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout)
    return figures


def _median(found: list[Figures]) -> Figures:
    medians = {name: statistics.median(one[name] for one in found) for name in ("units", "megabytes")}
    return {**found[0], **medians}


def _measure_playbooks(pairs: int) -> t.Iterator[str]:
    found = playbook_run.measure(pairs=pairs)
    print(
        f"ansible-playbook, {playbook_run.HOSTS} hosts: {found['without']:.1f} s without and {found['with']:.1f} s "
        f"with the plan, ratio {found['ratio']:.2f}, limit {playbook_run.LIMIT}",
        flush=True,
    )
    if found["ratio"] > playbook_run.LIMIT:
        yield f"ansible-playbook: {found['ratio']:.2f} times the run without the plan, allowed are {playbook_run.LIMIT}"


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:g}" if figure == int(figure) else f"{figure:.1f}"


if __name__ == "__main__":
    sys.exit(main())
