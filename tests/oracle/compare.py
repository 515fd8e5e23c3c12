# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the planner with the simulator, packet by packet.

    PYTHONPATH=.venv/tree python -m ansible_collections.cryptokey.wireguard.tests.oracle.compare \\
        --packets 10000000 --seed 7

sends that many packets through random fleets and prints how many were compared, how they ended, and every
difference with the seed that reproduces it; ``--shrink`` reduces the first one to a minimal document. Exit code 0
means: as many packets as asked, every outcome seen, no difference.
"""

from __future__ import annotations

import argparse
import bisect
import collections
import dataclasses
import functools
import ipaddress
import json
import sys
import time
import typing as t

from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import BITS, FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import OUTCOMES, Simulator

TRACES_PER_STACK = 6
SHOWN = 5

Ending = tuple[str, str, str, t.Optional[str]]  # outcome, host, namespace, device


class Planner(t.Protocol):
    """What is under test: the planner's public functions, or a deliberately wrong version of them."""

    def parse(self, document: dict) -> t.Any: ...

    def reachability(self, fleet: t.Any, host: str, namespace: str) -> list[dict]: ...

    def trace(self, fleet: t.Any, host: str, namespace: str, source: str, destination: str) -> dict: ...


class TheProver:
    """The planner of the collection, imported when it is first needed."""

    def parse(self, document: dict) -> t.Any:
        from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _fleet

        return _fleet.parse_fleet(document)

    def reachability(self, fleet: t.Any, host: str, namespace: str) -> list[dict]:
        from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prover

        return _prover.reachability(fleet, host=host, namespace=namespace)

    def trace(self, fleet: t.Any, host: str, namespace: str, source: str, destination: str) -> dict:
        from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _trace

        return _trace.trace(fleet, host=host, source=source, destination=destination, namespace=namespace)


@dataclasses.dataclass
class Result:
    """packets: by (outcome, family). differences: one line each."""

    fleets: int = 0
    traces: int = 0
    packets: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    differences: list[str] = dataclasses.field(default_factory=list)
    different_seeds: list[str] = dataclasses.field(default_factory=list)

    @property
    def compared(self) -> int:
        return sum(self.packets.values())

    def never_seen(self) -> list[str]:
        return self.seen_less_often_than(1)

    def seen_less_often_than(self, least: int) -> list[str]:
        """Outcomes that fewer packets had, per family; only IPv4 has a source check."""
        only_ipv4 = ("martian_source", "rp_filtered")
        wanted = [
            (outcome, family) for outcome in OUTCOMES for family in FAMILIES if family == 4 or outcome not in only_ipv4
        ]
        return [f"{outcome} (IPv{family})" for outcome, family in wanted if self.packets[outcome, family] < least]

    def report(self) -> str:
        counted = f"{self.compared:,} packets and {self.traces:,} traces compared in {self.fleets:,} random fleets"
        lines = [f"{counted}, {len(self.differences)} differences", f"{'outcome':<16}{'IPv4':>12}{'IPv6':>12}"]
        lines += [f"{name:<16}{self.packets[name, 4]:>12,}{self.packets[name, 6]:>12,}" for name in OUTCOMES]
        return "\n".join(lines + self.differences[:SHOWN])


def compare(planner: Planner, *, packets: int, seed: str, stop_at_difference: bool = False) -> Result:
    """Random fleets until that many packets are compared."""
    result = Result()
    while result.compared < packets:
        fleet = Fleet(f"{seed}-{result.fleets}")
        found = compare_fleet(planner, fleet.document, {family: fleet.samples(family) for family in FAMILIES}, result)
        result.fleets += 1
        if found:
            result.different_seeds.append(f"{seed}-{result.fleets - 1}")
            result.differences += [f"seed {result.different_seeds[-1]}: {line}" for line in found]
            if stop_at_difference:
                break
    return result


def compare_fleet(planner: Planner, document: dict, samples: dict[int, list[int]], result: Result) -> list[str]:
    """Every packet between the samples, from every stack; the differences, and the counts in ``result``."""
    differences: list[str] = []
    simulator = Simulator(document)
    parsed = planner.parse(document)
    for host, namespace in simulator.stacks:
        rectangles = planner.reachability(parsed, host, namespace)
        for family in FAMILIES:
            sheet = Sheet(family, rectangles, samples[family])
            differences += [f"{host}/{namespace} IPv{family}: {line}" for line in sheet.defects]
            differences += _compare_stack(simulator, sheet, host, namespace, result)
            differences += _compare_traces(planner, parsed, simulator, sheet, host, namespace, result)
    return differences


def _compare_stack(simulator: Simulator, sheet: Sheet, host: str, namespace: str, result: Result) -> list[str]:
    differences = []
    for row, source in enumerate(sheet.sources):
        for column, destination in enumerate(sheet.destinations):
            truth = _ending(simulator.send(host, namespace, sheet.family, source, destination))
            result.packets[truth[0], sheet.family] += 1
            said = sheet.cells[row][column]
            if said is not None and said != truth:
                packet = _packet(sheet.family, source, destination)
                differences.append(f"from {host}/{namespace} {packet}: planner {said}, simulator {truth}")
    return differences


def _compare_traces(
    planner: Planner, parsed: t.Any, simulator: Simulator, sheet: Sheet, host: str, namespace: str, result: Result
) -> list[str]:
    """A spread of packets, one of every ending that occurs."""
    differences = []
    by_ending: dict[Ending, tuple[int, int]] = {}
    for row, source in enumerate(sheet.sources):
        for column, destination in enumerate(sheet.destinations):
            ending = sheet.cells[row][column]
            mapped = sheet.family == 6 and {source >> 32, destination >> 32} & {0xFFFF}  # refused as an input
            if ending is not None and not mapped and (row * 31 + column * 17) % 5 == 0:
                by_ending[ending] = (source, destination)
    for source, destination in list(by_ending.values())[:TRACES_PER_STACK]:
        truth = simulator.send(host, namespace, sheet.family, source, destination)
        texts = [str(_address(sheet.family, number)) for number in (source, destination)]
        said = planner.trace(parsed, host, namespace, *texts)
        result.traces += 1
        way, hops = _way(truth["hops"]), _way(said["hops"])
        if _ending(said) != _ending(truth) or hops[: len(way)] != way:  # behind a blocker the trace goes on
            packet = _packet(sheet.family, source, destination)
            ends = f"planner {_ending(said)} by {hops}, simulator {_ending(truth)} by {way}"
            differences.append(f"trace from {host}/{namespace} {packet}: {ends}")
    return differences


def _way(hops: list[dict]) -> list[tuple]:
    """(host, namespace, ingress, egress) of every stack that sends the packet on."""
    ways = []
    for hop in hops:
        egress = hop["egress"] if "egress" in hop else hop["device"]
        ways.append((hop["host"], hop["namespace"], hop["ingress"] or "lo", egress))
    return ways


class Sheet:
    """One family of a reachability answer as a grid: a row per source, a column per destination.

    The rows and columns are the samples plus every point where some rectangle begins or has just ended, so each cell
    that is filled exactly once proves that the rectangles are disjoint and cover the whole space.
    """

    def __init__(self, family: int, rectangles: list[dict], samples: list[int]) -> None:
        self.family = family
        self.defects: list[str] = []
        mine = []
        for rectangle in rectangles:
            sides = [_intervals(rectangle[side], family) for side in ("sources", "destinations")]
            if all(sides):
                mine.append((*sides, _ending(rectangle)))
        self.sources = _points(family, samples, [side for side, _other, _ending in mine])
        self.destinations = _points(family, samples, [side for _other, side, _ending in mine])
        self.cells: list[list[Ending | None]] = [[None] * len(self.destinations) for _source in self.sources]
        for sources, destinations, ending in mine:
            self._fill(_indexes(self.sources, sources), _indexes(self.destinations, destinations), ending)
        for source, row in zip(self.sources, self.cells, strict=True):
            for destination, ending in zip(self.destinations, row, strict=True):
                if ending is None:
                    self.defects.append(f"no rectangle holds {_packet(family, source, destination)}")

    def _fill(self, rows: list[int], columns: list[int], ending: Ending) -> None:
        for row in rows:
            cells = self.cells[row]
            for column in columns:
                if cells[column] is not None:
                    packet = _packet(self.family, self.sources[row], self.destinations[column])
                    self.defects.append(f"two rectangles hold {packet}: {cells[column]} and {ending}")
                cells[column] = ending


def _ending(answer: dict) -> Ending:
    place = answer["at"]
    return answer["outcome"], place["host"], place["namespace"], place["device"]


def _address(family: int, number: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number)


def _packet(family: int, source: int, destination: int) -> str:
    return f"{_address(family, source)} -> {_address(family, destination)}"


@functools.lru_cache(maxsize=100_000)
def _interval(cidr: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(cidr)
    return network.version, int(network.network_address), int(network.broadcast_address)


def _intervals(cidrs: list[str], family: int) -> list[tuple[int, int]]:
    """Neighbours joined; what overlaps stays as it is, so that the sheet sees it."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted((first, last) for version, first, last in map(_interval, cidrs) if version == family):
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _points(family: int, samples: list[int], sides: list[list[tuple[int, int]]]) -> list[int]:
    points = set(samples)
    for side in sides:
        for first, last in side:
            points |= {first, last + 1}
    points.discard(1 << BITS[family])
    return sorted(points)


def _indexes(points: list[int], intervals: list[tuple[int, int]]) -> list[int]:
    found: list[int] = []
    for first, last in intervals:
        found += range(bisect.bisect_left(points, first), bisect.bisect_right(points, last))
    return found


def shrink(document: dict, fails: t.Callable[[dict], bool]) -> dict:
    """Leave out whatever can be left out while ``fails`` stays true."""
    document = json.loads(json.dumps(document))
    shorter = True
    while shorter:
        shorter = False
        for parent, name in _parts(document, []):
            kept = json.dumps(document)
            container = functools.reduce(lambda value, step: value[step], parent, document)
            del container[name]
            if _still(fails, document):
                shorter = True
                break
            document = json.loads(kept)
    return document


def _parts(value: t.Any, path: list) -> list[tuple[list, t.Any]]:
    """The path of every part, the large ones first."""
    if isinstance(value, dict):
        names: list = list(value)
    elif isinstance(value, list):
        names = list(range(len(value)))
    else:
        return []
    parts = [(path, name) for name in names]
    for name in names:
        parts += _parts(value[name], [*path, name])
    return parts


def _still(fails: t.Callable[[dict], bool], document: dict) -> bool:
    try:
        return fails(document)
    except Exception:  # a document that lost a part it needs
        return False


def smallest_difference(planner: Planner, seed: str) -> str:
    """The fleet of a seed, reduced to what the first difference needs."""
    fleet = Fleet(seed)
    samples = {family: fleet.samples(family) for family in FAMILIES}
    document = shrink(fleet.document, lambda smaller: bool(compare_fleet(planner, smaller, samples, Result())))
    found = compare_fleet(planner, document, samples, Result())
    return "\n".join([json.dumps(document, indent=1), *found[:SHOWN]])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare the planner with the packet simulator.")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--shrink", action="store_true", help="reduce the first difference to a minimal document")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    result = compare(TheProver(), packets=options.packets, seed=options.seed, stop_at_difference=options.shrink)
    print(result.report())
    print(f"{time.monotonic() - begun:.1f} s")
    if options.shrink and result.different_seeds:
        print(smallest_difference(TheProver(), result.different_seeds[0]))
    if result.never_seen():
        print("never seen: " + ", ".join(result.never_seen()))
    return 1 if result.differences or result.never_seen() or result.compared < options.packets else 0


if __name__ == "__main__":
    sys.exit(main())
