# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: how a case is made ready, what of it counts, and what it may cost."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, mask
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._nesting import find_nesting
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._text import render_report
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Owner
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import check
from ansible_collections.cryptokey.wireguard.tests.benchmarks import fleets

Work = t.Callable[[], t.Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """ready: from a size to the work that counts, which returns a word about its result.

    sizes: the last one is what the limits are for. units: of processor time; megabytes: at most in use.
    entries: how much work a size is, for the growth; None where it is not told.
    """

    name: str
    ready: t.Callable[[int], Work]
    sizes: tuple[int, ...]
    units: float | None = None
    megabytes: int | None = None
    entries: t.Callable[[int], int] | None = None


def _planned(make: t.Callable[[int], fleets.Variables], verdict: str = "proved") -> t.Callable[[int], Work]:
    """From the variables of an inventory to the plan."""

    def ready(size: int) -> Work:
        variables = make(size)

        def work() -> str:
            plan = make_plan(variables, list(variables))
            proof = plan["proof"]
            assert proof["verdict"] == verdict, proof
            return f"{proof['pairs']:,} flows, {len(plan['findings'])} findings"

        return work

    return ready


def _written_out(size: int) -> Work:
    document = fleets.written_out(size)

    def work() -> str:
        fleet = parse_fleet(document)
        findings, proof = check(fleet), prove(fleet)
        assert proof.verdict == "proved"
        return f"{proof.counts['allowed_ips']:,} AllowedIPs, {len(findings)} findings"

    return work


def _overlaps(size: int) -> Work:
    dice = random.Random(size)
    owners = []
    for number in range(size):
        length = dice.randint(24, 32)
        owners.append(Owner(str(number % 1000), Prefix(4, mask(4, dice.getrandbits(32), length), length)))

    def work() -> str:
        found = find_nesting(owners)
        return f"{len(found.duplicates):,} twice, {len(found.nested):,} nested"

    return work


def _report(make: t.Callable[[int], fleets.Variables]) -> t.Callable[[int], Work]:
    def ready(size: int) -> Work:
        variables = make(size)
        plan = make_plan(variables, list(variables))

        def work() -> str:
            length = len(render_report(plan).encode())
            assert length < REPORT_BYTES, f"{length} bytes"
            return f"{length:,} bytes, {len(plan['findings'])} findings"

        return work

    return ready


def _one_odd(size: int) -> fleets.Variables:
    """A mesh in which one host says by itself what it owns: the row of the others does not have it."""
    variables = fleets.mesh(size)
    odd = variables[fleets.host(size // 2)]
    odd["wireguard_stacks"] = {"": {"addresses": {"eth0": ["203.0.113.9/24"], "lan0": ["172.30.1.1/24"]}}}
    return variables


def _no_endpoints(size: int) -> fleets.Variables:
    """A mesh with ten hosts behind NAT, so that no two of these can ever meet."""
    variables = fleets.mesh(size)
    for number in range(10):
        del variables[fleets.host(number)]["wireguard"][fleets.NETWORK]["endpoint"]
    return variables


def _one_broken(size: int) -> fleets.Variables:
    """A mesh in which one host does not forward into its LAN."""
    return _break(fleets.mesh(size), size)


def _break(variables: fleets.Variables, size: int) -> fleets.Variables:
    broken = variables[fleets.host(size // 2)]
    broken["wireguard_networks"] = {}
    broken["wireguard_stacks"] = {"": {"routes": [{"destination": fleets.lan(size // 2), "type": "blackhole"}]}}
    return variables


def _relay_is_broken(variables: fleets.Variables, size: int) -> fleets.Variables:
    """One host does not forward: whoever is on one side of it loses who is on the other."""
    for number, one in enumerate(variables.values()):
        one["wireguard_networks"][fleets.NETWORK]["forwarding"] = "unmanaged"
        one["wireguard_stacks"] = {"": _described(number, forwarding={"ipv4": number != size // 2})}
    return variables


def _described(number: int, **more: object) -> fleets.Variables:
    """What a host has besides WireGuard: two uplinks, and the device of its LAN."""
    lan = fleets.lan(number).replace(".0/24", ".1/24")
    return {"addresses": {"eth0": ["203.0.113.9/24"], "eth1": ["198.18.0.9/24"], "lan0": [lan]}, **more}


def _two_uplinks(size: int) -> fleets.Variables:
    """A mesh of hosts whose default route has two next hops, which is not modelled: does any packet meet it?"""
    variables = fleets.mesh(size)
    hops = [{"device": "eth0", "gateway": "203.0.113.1"}, {"device": "eth1", "gateway": "198.18.0.1"}]
    for number, one in enumerate(variables.values()):
        routes = [{"destination": "0.0.0.0/0", "nexthops": hops}]
        one["wireguard_stacks"] = {"": _described(number, routes=routes)}
    return variables


# However large the fleet and whatever is wrong with it.
REPORT_BYTES = 40_000


def _hosts(size: int) -> int:
    """For what grows with the hosts alone: hubs and their spokes, lists of prefixes."""
    return size


def _listed_by_all(per_host: int) -> t.Callable[[int], int]:
    """The AllowedIPs of a fleet in which every host lists so many prefixes of every other."""
    return lambda size: per_host * size * (size - 1)


_address_and_lan = _listed_by_all(2)


CASES = (
    Case(
        name="mesh with LANs",
        ready=_planned(fleets.mesh),
        sizes=(100, 316, 1000),
        units=8,
        megabytes=700,
        entries=_address_and_lan,
    ),
    Case(
        name="mesh, 10,000 hosts",
        ready=_planned(lambda size: fleets.mesh(size, lans=False)),
        sizes=(1000, 10_000),
        entries=_listed_by_all(1),
    ),
    Case(
        name="mesh, IPv4 and IPv6",
        ready=_planned(lambda size: fleets.mesh(size, both_families=True)),
        sizes=(100, 1000),
        entries=_listed_by_all(3),
    ),
    Case(name="mesh, one host is odd", ready=_planned(_one_odd), sizes=(100, 1000), units=8, entries=_address_and_lan),
    Case(
        name="mesh, ten behind NAT",
        ready=_planned(_no_endpoints, "refuted"),
        sizes=(100, 1000),
        units=8,
        entries=_address_and_lan,
    ),
    Case(
        name="mesh, one is broken",
        ready=_planned(_one_broken, "refuted"),
        sizes=(100, 1000),
        units=8,
        entries=_address_and_lan,
    ),
    Case(
        name="hub and spokes",
        ready=_planned(fleets.hub),
        sizes=(1000, 10_000),
        units=4,
        megabytes=700,
        entries=_hosts,
    ),
    Case(
        name="three hubs",
        ready=_planned(lambda size: fleets.hub(size, hubs=3)),
        sizes=(300, 3000),
        entries=_hosts,
    ),
    Case(
        name="hub as exit",
        ready=_planned(fleets.exits),
        sizes=(300, 3000),
        entries=_hosts,
    ),
    Case(name="ring of links", ready=_planned(fleets.ring), sizes=(30, 100, 316), entries=_address_and_lan),
    Case(name="tree of links", ready=_planned(fleets.tree), sizes=(30, 100, 316), entries=_address_and_lan),
    Case(
        name="ring, one is broken",
        ready=_planned(lambda size: _break(fleets.ring(size), size), "refuted"),
        sizes=(30, 100),
        entries=_address_and_lan,
    ),
    Case(
        name="ring, a relay is broken",
        ready=_planned(lambda size: _relay_is_broken(fleets.ring(size), size), "refuted"),
        sizes=(30, 100, 316),
        entries=_address_and_lan,
    ),
    Case(
        name="tree, a relay is broken",
        ready=_planned(lambda size: _relay_is_broken(fleets.tree(size), 2), "refuted"),
        sizes=(30, 100, 316),
        entries=_address_and_lan,
    ),
    Case(name="mesh, two uplinks each", ready=_planned(_two_uplinks), sizes=(100, 1000), entries=_address_and_lan),
    Case(
        name="mesh, written out",
        ready=_written_out,
        sizes=(100, 316, 1000),
        units=14,
        megabytes=700,
        entries=_address_and_lan,
    ),
    Case(
        name="overlaps",
        ready=_overlaps,
        sizes=(10_000, 100_000, 1_000_000),
        units=4,
        entries=_hosts,
    ),
    Case(name="report, in order", ready=_report(fleets.mesh), sizes=(100, 1000)),
    Case(name="report, with errors", ready=_report(_no_endpoints), sizes=(100, 1000)),
)
BY_NAME = {case.name: case for case in CASES}
