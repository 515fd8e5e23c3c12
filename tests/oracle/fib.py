# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the running kernel for routes, and compare each answer with the planner's own model of a stack's routing.

    unshare --net python -m ansible_collections.cryptokey.wireguard.tests.oracle.fib --look-ups 100000 --seed 7

Random stacks are built as in kernel.py, each in a network namespace of its own; every look-up is what
``ip route get DESTINATION from SOURCE iif DEVICE mark MARK`` asks. The model answers it twice: for that one packet
(``lookup``) and for the whole space at once (``decide``), of which the packet is one point.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import sys
import time

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _fleet, _model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.kernel import (
    KernelStack,
    _text,
    askable,
    new_network_namespace,
)
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator, Stack

PER_STACK = 120
# 0xca6c is 51820; the others meet some bits of the masked marks in damages.py.
MARKS = (0, 0, 51820, 0xCA6C0000, 0x1, 0x100, 0x1FF)

Answer = tuple[str, str | None]


class Comparison:
    """Counts by (outcome, family, sent or received); differences one line each."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.seen: collections.Counter = collections.Counter()
        self.differences: list[str] = []

    @property
    def look_ups(self) -> int:
        return sum(self.seen.values())

    def run(self, look_ups: int) -> None:
        number = 0
        while self.look_ups < look_ups:
            self._fleet(f"fib-{self.seed}-{number}")
            number += 1

    def _fleet(self, name: str) -> None:
        fleet = Fleet(name)
        # The rules that come next would part the one trie of local and main, so a part of the fleets gets none.
        fleet.follow_into_another_table()
        for _more in range(random.Random(name).choice((0, 1, 2))):
            fleet.route_all_tables()
            fleet.add_rule()
            fleet.refuse_a_prefix()
        model = _model.Model.of(_fleet.parse_fleet(fleet.document))
        for stack in Simulator(fleet.document).stacks.values():
            # Source checks are no part of a look-up; they are compared in kernel.py.
            stack.rp_filter.clear()
            self._stack(name, fleet, stack, model.stacks[StackId(stack.host, stack.namespace)].fib)

    def _stack(self, name: str, fleet: Fleet, stack: Stack, fib: Fib) -> None:
        host = fleet.document["hosts"][stack.host]
        interfaces = [link for link in host["interfaces"] if link["namespace"] == stack.namespace]
        samples = askable(fleet, stack, host["namespaces"][stack.namespace], interfaces)
        if samples is None:
            return
        new_network_namespace()
        kernel = KernelStack(fleet.document, stack)
        chance = random.Random(f"{name}{stack.host}{stack.namespace}")
        for family in FAMILIES:
            for _number in range(PER_STACK // 2):
                ingress = chance.choice(["lo", *kernel.devices])
                source, destination = chance.choice(samples[family]), chance.choice(samples[family])
                mark = chance.choice(MARKS)
                asked: int | None = source
                if ingress == "lo" and family == 4 and source not in stack.own[4]:
                    source, asked = 0, None  # IPv4 refuses to send from a foreign address
                if ingress != "lo" and family == 4 and source in stack.own[4]:
                    continue  # a martian source is refused before any rule is looked at
                truth = kernel.look_up(family, source=asked, destination=destination, ingress=ingress, mark=mark)
                where = {"source": source, "destination": destination, "ingress": ingress, "mark": mark}
                for said in _model_says(fib, family, forwarding=stack.forwarding[4], **where):
                    if said != truth:
                        packet = f"{_text(family, source)} -> {_text(family, destination)} iif {ingress} mark {mark}"
                        self.differences.append(f"{name} {stack.host}/{stack.namespace} {packet}: {said}, not {truth}")
                self.seen[truth[0], family, "sent" if ingress == "lo" else "received"] += 1
        kernel.close()

    def never_seen(self) -> list[str]:
        """Kinds of answers that no look-up had: then this proves less than it should."""
        kinds = ("local", "unicast", "no_route", "blackhole", "unreachable", "prohibit")
        ways = [(kind, family, way) for kind in kinds for family in FAMILIES for way in ("sent", "received")]
        return [f"{kind} IPv{family} {way}" for kind, family, way in ways if not self.seen[kind, family, way]]

    def report(self) -> str:
        lines = [f"{self.look_ups:,} look-ups of kernel {os.uname().release}, {len(self.differences)} differences"]
        lines += [
            f"{kind:<14}IPv{family} {way:<10}{count:>8,}" for (kind, family, way), count in sorted(self.seen.items())
        ]
        return "\n".join(lines + self.differences[:20])


def _model_says(
    fib: Fib, family: int, *, forwarding: bool, source: int, destination: int, ingress: str, mark: int
) -> list[Answer]:
    one = fib.lookup(family, source, destination, ingress=ingress, mark=mark).decision
    whole = fib.decide(family, source, ingress=ingress, mark=mark).at(destination)
    answers = [(decision.kind, decision.device) for decision in (one, whole)]
    if ingress != "lo" and family == 4 and not forwarding:
        # ip_route_input_slow answers EHOSTUNREACH for what it would have to forward, whatever the routes say.
        answers = [answer if answer[0] == "local" else ("unreachable", None) for answer in answers]
    return answers


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare the planner's routing model with the running kernel's.")
    parser.add_argument("--look-ups", type=int, default=6_000)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    comparison = Comparison(options.seed)
    comparison.run(options.look_ups)
    print(comparison.report())
    print(f"{time.monotonic() - begun:.1f} s")
    if comparison.never_seen():
        print("never seen: " + ", ".join(comparison.never_seen()))
    return (
        1 if comparison.differences or comparison.never_seen() or comparison.look_ups < max(1, options.look_ups) else 0
    )


if __name__ == "__main__":
    sys.exit(main())
