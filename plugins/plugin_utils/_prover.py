# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: where every packet of a stack ends, and whether every intended flow arrives, both ways.

Exact over all addresses of both families; every answer carries the sum of its interval sizes, which must be the whole
space, and a wrong sum is an error of this program, never a verdict.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, WireguardError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._assumptions import assumptions_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._collector import collector_paused
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._constructs import OnPath, Watch
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Failures
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Fleet,
    Interface,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._flows import intended_flows
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import Intent, judge_expectations
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import likenesses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    everything,
    size,
    to_prefixes,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Place, Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved, and all that the rules need to say why something is not."""

    verdict: str
    pairs: int
    delivered: int
    families: tuple[int, ...]
    addresses_classified: dict[int, int]
    failures: Failures
    intents: tuple[Intent, ...]
    unmodelled: tuple[OnPath, ...]
    assumptions: tuple[dict[str, t.Any], ...]
    counts: dict[str, int]

    def summary(self, assumptions: int | None = None) -> dict[str, t.Any]:
        """The plan's ``proof``. assumptions: the length of the whole ledger, if the caller added to ours."""
        return {
            "verdict": self.verdict,
            "assumptions": len(self.assumptions) if assumptions is None else assumptions,
            "pairs": self.pairs,
            "delivered": self.delivered,
            "families": list(self.families),
            # Texts, because the IPv6 figure is beyond what JSON numbers carry exactly.
            "addresses_classified": {str(family): str(count) for family, count in self.addresses_classified.items()},
            **self.counts,
        }

    @property
    def expectations(self) -> list[dict[str, t.Any]]:
        """Every declared intent with its verdict, for the plan."""
        return [intent.as_dict() for intent in self.intents]


@collector_paused()
def prove(fleet: Fleet) -> Proof:
    """Prove every intended flow of a fleet; computed once per fleet."""
    if "proof" not in fleet.memo:
        fleet.memo["proof"] = _prove(fleet)
    proof: Proof = fleet.memo["proof"]
    return proof


def _prove(fleet: Fleet) -> Proof:
    model = Model.of(fleet)
    ownership = Ownership.of(model)
    watch = Watch.of(model)
    flows = intended_flows(model, ownership, watch=watch)
    intents = judge_expectations(model, ownership, watch=watch)
    unmodelled = () if watch is None else watch.in_order()
    # A bad value is left out of the fleet, so that what is proved is not what was declared. Not so host bits and
    # IPv4-mapped prefixes: they are read as the kernel does.
    unread = any(problem.rule not in ("WG205", "WG211") for problem in fleet.problems)
    unknown = unread or bool(unmodelled) or any(interface.key is None for interface in model.interfaces)
    refuted = flows.delivered < flows.pairs or not all(intent.holds for intent in intents)
    return Proof(
        verdict="refuted" if refuted else "unproven" if unknown else "proved",
        pairs=flows.pairs,
        delivered=flows.delivered,
        families=flows.families,
        addresses_classified={family: _classified(model, family) for family in FAMILIES},
        failures=flows.failures,
        intents=tuple(intents),
        unmodelled=unmodelled,
        assumptions=tuple(assumptions_of(model, ownership)),
        counts=_counts(model),
    )


def _counts(model: Model) -> dict[str, int]:
    """How many stacks, interfaces, peers and AllowedIPs there are."""
    kinds = SimpleKinds.of(model)
    peers = allowed_ips = 0
    known: dict[Interface, tuple[int, int]] = {}
    for interface in model.interfaces:
        # Of those that leave out nothing but their addresses, each has as many.
        counted = kinds.lister(interface) if kinds.keeps_to_itself(interface) else interface
        if counted not in known:
            cryptokey = model.cryptokey(counted)
            known[counted] = len(cryptokey), cryptokey.count_prefixes()
        peers += known[counted][0]
        allowed_ips += known[counted][1]
    return {
        "stacks": len({interface.stack for interface in model.interfaces}),
        "interfaces": len(model.interfaces),
        "peers": peers,
        "allowed_ips": allowed_ips,
    }


def _classified(model: Model, family: int) -> int:
    """The addresses whose fate is decided at every stack with WireGuard, summed; the sum is checked.

    Stacks that are alike differ by what is their own, interval for interval: one of them is summed for all.
    """
    total = 0
    plain: set[t.Any] = set()
    summed: set[StackId] = set()
    for hosts in likenesses(model):
        for stack_id in dict.fromkeys(interface.stack for interface in hosts[0].interfaces):
            stack = model.stacks[stack_id]
            total += len(hosts) << WIDTH[family]
            stands_for = model.alike[family].get(stack_id, stack_id)
            if stands_for in summed:
                continue
            summed.add(stands_for)
            if stack.fib.is_plain(family):
                routing = (stack.fib.routes, stack.stack.rules)
                if routing in plain:
                    continue
                plain.add(routing)
            for _members, sample in stack.fib.source_classes(family):
                decided = stack.fib.decide(family, sample)
                count = sum(high - low for low, high, decision in decided.pieces() if decision is not None)
                _must_be_whole(count, 1 << WIDTH[family], f"{stack_id}, IPv{family}")
    return total


@collector_paused()
def reachability(fleet: Fleet, *, host: str, namespace: str = "") -> list[dict[str, t.Any]]:
    """Disjoint rectangles that cover every packet a stack can send, with the outcome of each."""
    model = Model.of(fleet)
    stack = find_stack(model, host, namespace)
    result: list[dict[str, t.Any]] = []
    for family in FAMILIES:
        result += [
            {
                "sources": [str(prefix) for prefix in to_prefixes(family, sources)],
                "destinations": [str(prefix) for prefix in to_prefixes(family, destinations)],
                "outcome": outcome,
                "at": place_dict(place),
            }
            for sources, destinations, outcome, place in _rectangles(model, family, stack)
        ]
    return result


def _rectangles(model: Model, family: int, stack: StackId) -> list[tuple[Intervals, Intervals, str, Place]]:
    """The pieces of a whole walk, joined along both axes and in a fixed order."""
    whole = everything(family)
    by_sources: dict[tuple[str, Place, Intervals], list[Intervals]] = {}
    area = 0
    for piece in Walk(model, family).start(stack, whole, whole):
        area += size(piece.sources) * size(piece.destinations)
        by_sources.setdefault((piece.outcome, piece.place, piece.sources), []).append(piece.destinations)
    _must_be_whole(area, 1 << 2 * WIDTH[family], f"{stack}, IPv{family}")
    by_destinations: dict[tuple[str, Place, Intervals], list[Intervals]] = {}
    for (outcome, place, sources), parts in by_sources.items():
        by_destinations.setdefault((outcome, place, union(*parts)), []).append(sources)
    found = [
        (union(*parts), destinations, outcome, place)
        for (outcome, place, destinations), parts in by_destinations.items()
    ]
    return sorted(found, key=lambda one: (one[3].stack, one[3].device or "", one[2], one[1], one[0]))


def _must_be_whole(found: int, wanted: int, where: str) -> None:
    if found != wanted:
        raise WireguardError(f"the prover lost packets at {where}: {found} of {wanted} classified; this is a bug")


def place_dict(place: Place) -> dict[str, t.Any]:
    """``at`` as the filters give it."""
    return {"host": place.stack.host, "namespace": place.stack.namespace, "device": place.device}


def find_stack(model: Model, host: str, namespace: str) -> StackId:
    """The stack by its names, or an error that lists what there is."""
    fleet = model.fleet
    if host not in fleet.hosts:
        raise InvalidInput("is not a host of this fleet", path="host", value=host, remedy=_known(fleet.hosts))
    stack = StackId(host, namespace)
    if stack not in model.stacks:
        spaces = [name or '""' for name in fleet.hosts[host].stacks]
        raise InvalidInput("is not a namespace of this host", path="namespace", value=namespace, remedy=_known(spaces))
    return stack


def _known(names: t.Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
    return f"known are {', '.join(listed[:8])}{more}"
