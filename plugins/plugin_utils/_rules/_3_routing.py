# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""3xx: routing. What stops an intended flow comes from the proof; gaps between routes and AllowedIPs from _gaps.py."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import format_number
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._explain import Explanation, explain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Example
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gaps import unpeered, unrouted
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._intents import ending
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
    witness,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    from_numbers,
    to_prefixes,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked


@dataclass(slots=True, kw_only=True, eq=False)
class _Stop:
    """One blocker of intended flows or declared intents, over all networks."""

    family: int
    blocked: Blocked
    example: Example
    said: Explanation
    sources: list[Intervals] = field(default_factory=list)
    destinations: list[Intervals] = field(default_factory=list)


def _stops(case: Case) -> list[_Stop]:
    """Everything that stops an intended flow, once per place and family."""
    memo = case.fleet.memo
    if "stops" not in memo:
        found: dict[tuple[int, Blocked], _Stop] = {}
        for cause in case.proof.failures:
            if cause.astray:
                continue
            stop = _stop(case, found, cause.family, cause.blocked, cause.example)
            stop.sources += cause.sources
            stop.destinations += cause.destinations
        for intent in case.proof.intents:
            example = intent.example
            if example is not None and intent.expectation.reach:
                stop = _stop(case, found, intent.family, example.first, example)
                stop.sources.append((example.source, example.source + 1))
                stop.destinations.append((example.destination, example.destination + 1))
        memo["stops"] = list(found.values())
    result: list[_Stop] = memo["stops"]
    return result


def _stop(
    case: Case, found: dict[tuple[int, Blocked], _Stop], family: int, blocked: Blocked, example: Example
) -> _Stop:
    stop = found.get((family, blocked))
    if stop is None:
        said = explain(case.model, blocked, family=family, source=example.source, destination=example.destination)
        stop = found[family, blocked] = _Stop(family=family, blocked=blocked, example=example, said=said)
    return stop


def _of_flows(rule: str) -> t.Callable[[Case], t.Iterator[Finding]]:
    """The findings that the proof's blockers of one rule give."""

    def decide(case: Case) -> t.Iterator[Finding]:
        for stop in _stops(case):
            if stop.said.rule == rule:
                yield _finding(case, stop)

    return decide


def _finding(case: Case, stop: _Stop) -> Finding:
    place, example = stop.blocked.place, stop.example
    concerned = stop.sources if stop.said.rule in ("WG304", "WG307") else stop.destinations
    prefixes = tuple(to_prefixes(stop.family, union(*concerned)))
    return Finding(
        host=place.stack.host,
        namespace=place.stack.namespace,
        interface=place.device if place.device in case.model.stacks[place.stack].devices else None,
        peer=stop.blocked.sender,
        prefixes=prefixes,
        message=_sentence(stop, len(prefixes)),
        hint=stop.said.hint,
        witness=witness(example.source_stack, stop.family, example.source, example.destination),
    )


def _sentence(stop: _Stop, count: int) -> str:
    more = "" if count < 2 else f" ({count} prefixes are concerned)"
    return f"{stop.said.message}{more}"


def _routed_without_peer(case: Case) -> t.Iterator[Finding]:
    for gap in unpeered(case.model, case.ownership):
        severity = ERROR if gap.whole or gap.owned else INFO
        named = gap.owned or (gap.missing if gap.whole else ())
        prefixes = tuple(to_prefixes(gap.family, named)) if named else ()
        what = f"{listed(prefixes)}, which {gap.owner} owns," if gap.owned else gap.label
        part = "" if gap.whole or gap.owned else "a part of "
        yield on_interface(
            gap.interface,
            f"{part}{what} is routed into {gap.interface.label}, where no peer's AllowedIPs hold it (ENOKEY)",
            "nothing to do until these addresses are assigned"
            if severity == INFO
            else f"add it to the AllowedIPs of the right peer on {gap.interface.name}, or remove the route",
            prefixes=prefixes or gap.prefixes,
            severity=severity,
        )


def _peer_without_route(case: Case) -> t.Iterator[Finding]:
    told: set[tuple[str, str, str | None]] = set()
    for gap in unrouted(case.model):
        told.add((gap.interface.host, gap.interface.namespace, gap.interface.name))
        off = gap.interface.routes == "off"
        yield on_interface(
            gap.interface,
            f"no route leads {listed(gap.prefixes)} of peer {gap.peer} into {gap.interface.label}",
            f"route it to {gap.interface.name} where you manage the routes"
            if off
            else f"route it to {gap.interface.name}, or let routes follow AllowedIPs (destination: allowed_ips)",
            peer=gap.peer,
            prefixes=gap.prefixes,
            severity=WARNING if off else None,
        )
    for stop in _stops(case):
        stack = stop.blocked.place.stack
        if stop.said.rule == "WG303" and not any(one[:2] == tuple(stack) for one in told):
            yield _finding(case, stop)


@dataclass(slots=True, kw_only=True, eq=False)
class _Cut:
    """Ways back that end at one place. destinations: one of each."""

    example: Example
    destinations: list[int] = field(default_factory=list)


def _cut_ways_back(case: Case) -> dict[tuple[int, Blocked], _Cut]:
    """What stops packets between two stacks in one direction only, or the answers of a declared intent."""
    failures = case.proof.failures
    found: dict[tuple[int, Blocked], _Cut] = {}

    def add(family: int, example: Example) -> None:
        found.setdefault((family, example.first), _Cut(example=example)).destinations.append(example.destination)

    for sender, owners in failures.by_sender():
        network, family, source = sender
        replies = [to for to in owners if (network, family, to, source) not in failures.pairs]
        seen = failures.glances(sender, replies) if replies else {}
        if any((family, one.first) not in found for one in seen.values()):
            seen = failures.examples(sender, replies)
        for example in seen.values():
            add(family, example)
    for intent in case.proof.intents:
        if intent.back and intent.example is not None:
            add(intent.family, intent.example)
    return found


def _no_way_back(case: Case) -> t.Iterator[Finding]:
    for (family, blocked), cut in _cut_ways_back(case).items():
        example, count = cut.example, len(cut.destinations)
        place = blocked.place
        said = explain(case.model, blocked, family=family, source=example.source, destination=example.destination)
        there = f"{example.destination_stack} reaches {example.source_stack}"
        reply = f"{format_number(family, example.source)} to {format_number(family, example.destination)}"
        more = "" if count == 1 else f" ({count} ways back are cut here)"
        yield Finding(
            host=place.stack.host,
            namespace=place.stack.namespace,
            interface=place.device if place.device in case.model.stacks[place.stack].devices else None,
            peer=blocked.sender,
            prefixes=tuple(to_prefixes(family, from_numbers(cut.destinations))),
            message=f"{there}, but the reply from {reply} {ending(blocked)}{more}",
            hint=said.hint,
            witness=witness(example.source_stack, family, example.source, example.destination),
        )


RULES = (
    Rule(
        id="WG301",
        name="no-route",
        severity=ERROR,
        summary="no route for an intended destination",
        decide=_of_flows("WG301"),
    ),
    Rule(
        id="WG302",
        name="no-peer-for-route",
        severity=ERROR,
        summary="routed into the interface, no peer takes it (ENOKEY)",
        decide=_routed_without_peer,
    ),
    Rule(
        id="WG303",
        name="no-route-for-peer",
        severity=ERROR,
        summary="AllowedIPs that no route leads to",
        decide=_peer_without_route,
    ),
    Rule(
        id="WG304",
        name="source-rejected",
        severity=ERROR,
        summary="the receiver rejects the source",
        decide=_of_flows("WG304"),
    ),
    Rule(
        id="WG305",
        name="forwarding-off",
        severity=ERROR,
        summary="forwarding off on a relay or gateway, per family",
        decide=_of_flows("WG305"),
    ),
    Rule(
        id="WG306",
        name="no-way-back",
        severity=ERROR,
        summary="no return path",
        decide=_no_way_back,
    ),
    Rule(
        id="WG307",
        name="reverse-path",
        severity=ERROR,
        summary="asymmetric path under rp_filter, or a martian source",
        decide=_of_flows("WG307"),
    ),
)
