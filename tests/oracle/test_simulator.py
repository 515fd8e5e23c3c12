# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator by itself, case by case, against what is written about the kernel: an oracle must not be a guess."""

from __future__ import annotations

import pytest

from ansible_collections.cryptokey.wireguard.tests.oracle import compare, fleets
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import OUTCOMES, Simulator, simulate

A, B, C = ("A" * 42 + "E=", "B" * 42 + "E=", "C" * 42 + "E=")


def peer(key: str, *allowed_ips: str, endpoint: str | None = "192.0.2.1:51820") -> dict:
    return {"name": "peer", "public_key": key, "endpoint": endpoint, "allowed_ips": list(allowed_ips)}


def host(key: str, addresses: list[str], peers: list[dict]) -> dict:
    interface = {"name": "wg0", "public_key": key, "addresses": addresses, "peers": peers}
    routes = [{"destination": "allowed_ips", "device": "wg0"}]
    return {"namespaces": {"": {"addresses": {}, "routes": routes, "rules": []}}, "interfaces": [interface]}


@pytest.fixture
def chain() -> dict:
    """a - b - c over one interface each, b relays, c has a LAN; dual stack."""
    a = host(A, ["10.0.0.1/32", "fd00::1/128"], [peer(B, "10.0.0.0/24", "192.168.3.0/24", "fd00::/64")])
    b_peers = [peer(A, "10.0.0.1/32", "fd00::1/128"), peer(C, "10.0.0.3/32", "192.168.3.0/24", "fd00::3/128")]
    b = host(B, ["10.0.0.2/32", "fd00::2/128"], b_peers)
    c = host(C, ["10.0.0.3/32", "fd00::3/128"], [peer(B, "10.0.0.0/24", "fd00::/64")])
    b["namespaces"][""]["forwarding"] = {"ipv4": True, "ipv6": True}
    c["namespaces"][""]["addresses"] = {"lan0": ["192.168.3.1/24"]}
    c["namespaces"][""]["forwarding"] = {"ipv4": True}
    return {"version": 1, "hosts": {"a": a, "b": b, "c": c}}


def stack(document: dict, name: str) -> dict:
    return document["hosts"][name]["namespaces"][""]


def wireguard(document: dict, name: str) -> dict:
    return document["hosts"][name]["interfaces"][0]


def ends(document: dict, source: str, destination: str, *, sender: str = "a") -> tuple[str, str, str | None]:
    answer = simulate(document, sender, "", source, destination)
    return answer["outcome"], answer["at"]["host"], answer["at"]["device"]


def test_delivered_over_the_relay(chain):
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("delivered", "c", None)
    assert ends(chain, "fd00::1", "fd00::3") == ("delivered", "c", None)
    assert ends(chain, "10.0.0.1", "10.0.0.1") == ("delivered", "a", None)
    assert len(simulate(chain, "a", "", "10.0.0.1", "10.0.0.3")["hops"]) == 2


def test_exits_into_the_lan(chain):
    assert ends(chain, "10.0.0.1", "192.168.3.7") == ("exits", "c", "lan0")


def test_no_route(chain):
    assert ends(chain, "10.0.0.1", "198.51.100.1") == ("no_route", "a", None)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_error_routes(chain, kind):
    stack(chain, "b")["routes"].append({"destination": "10.0.0.3/32", "type": kind, "metric": None})
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("delivered", "c", None), "the earlier of two equal routes wins"
    stack(chain, "b")["routes"].reverse()
    assert ends(chain, "10.0.0.1", "10.0.0.3") == (kind, "b", None)


def test_no_peer_takes_it(chain):
    stack(chain, "a")["routes"].append({"destination": "198.51.100.0/24", "device": "wg0"})
    assert ends(chain, "10.0.0.1", "198.51.100.1") == ("no_peer", "a", "wg0")


def test_unmanaged_peer(chain):
    wireguard(chain, "a")["peers"].append(peer("D" * 42 + "E=", "10.0.0.9/32"))
    assert ends(chain, "10.0.0.1", "10.0.0.9") == ("unmanaged_peer", "a", "wg0")


def test_a_key_that_is_not_known_yet_goes_by_name(chain):
    """A first plan, before any key is made, proves the same as the next one."""
    row = wireguard(chain, "a")["peers"][0]
    row["public_key"] = None
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("unmanaged_peer", "a", "wg0"), "nobody is called peer"
    row["name"] = "b"
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("delivered", "c", None)
    wireguard(chain, "b")["public_key"] = None
    assert ends(chain, "10.0.0.2", "10.0.0.3", sender="b") == ("one_sided", "b", "wg0"), "c lists another key"
    wireguard(chain, "c")["peers"][0].update({"public_key": None, "name": "b"})
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("delivered", "c", None)


def test_one_sided(chain):
    wireguard(chain, "b")["peers"].pop(0)
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("one_sided", "a", "wg0")


def test_one_endpoint_is_enough_and_none_is_not(chain):
    wireguard(chain, "a")["peers"][0]["endpoint"] = None
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"
    wireguard(chain, "b")["peers"][0]["endpoint"] = None
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("no_endpoint", "a", "wg0")


def test_the_receiver_rejects_a_source_that_is_not_the_peers(chain):
    assert ends(chain, "10.0.0.7", "10.0.0.3") == ("source_rejected", "b", "wg0")
    wireguard(chain, "c")["peers"].append(peer(A, "10.0.0.1/32"))
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("source_rejected", "c", "wg0"), "a longer prefix steals the source"


def test_not_forwarded_per_family(chain):
    stack(chain, "b")["forwarding"] = {"ipv4": False, "ipv6": True}
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("not_forwarded", "b", None)
    assert ends(chain, "fd00::1", "fd00::3") == ("delivered", "c", None)
    assert ends(chain, "10.0.0.1", "10.0.0.2") == ("delivered", "b", None)


def test_a_source_that_is_an_own_address_is_martian_in_ipv4_only(chain):
    wireguard(chain, "b")["addresses"] += ["10.0.0.1/32", "fd00::1/128"]
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("martian_source", "b", "wg0")
    assert ends(chain, "fd00::1", "fd00::3") == ("delivered", "c", None)
    assert ends(chain, "10.0.0.1", "10.0.0.2") == ("martian_source", "b", "wg0"), "also where it is delivered"


@pytest.mark.parametrize(("mode", "outcome"), [(0, "delivered"), (1, "rp_filtered"), (2, "delivered")])
def test_reverse_path_by_another_device(chain, mode, outcome):
    stack(chain, "b")["rp_filter"] = {"wg0": mode}
    stack(chain, "b")["routes"].append({"destination": "10.0.0.1/32", "device": "eth0"})
    stack(chain, "b")["routes"].reverse()
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == outcome
    wireguard(chain, "b")["addresses"] = ["fd00::2/128"]
    if mode == 2:  # loose without an IPv4 address is strict
        assert ends(chain, "10.0.0.1", "10.0.0.3") == ("rp_filtered", "b", "wg0")


def test_the_reverse_look_up_has_the_egress_as_ingress(chain):
    """A rule that sends what comes from the far side into a table with the way back decides."""
    stack(chain, "b")["rp_filter"] = {"wg0": 1}
    stack(chain, "b")["routes"] += [{"destination": "10.0.0.1/32", "type": "blackhole", "table": "7"}]
    stack(chain, "b")["rules"] = [{"priority": 1, "iif": "lo", "to": "10.0.0.1/32", "table": "7"}]
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered", "forwarded by wg0, not looked up from lo"
    assert ends(chain, "10.0.0.1", "10.0.0.2") == ("rp_filtered", "b", "wg0"), "delivered here: looked up from lo"


def test_loop(chain):
    """a and b both take source and destination for the other one's; the origin is no loop yet, b again is."""
    stack(chain, "a")["forwarding"] = {"ipv4": True}
    for name in "ab":
        wireguard(chain, name)["peers"][0]["allowed_ips"] += ["198.51.100.0/24", "203.0.113.0/24"]
    assert ends(chain, "203.0.113.5", "198.51.100.9") == ("loop", "b", None)
    assert ends(chain, "10.0.0.1", "198.51.100.9") == ("martian_source", "a", "wg0"), "its own packet back again"


def test_longest_prefix_and_last_owner(chain):
    wireguard(chain, "b")["peers"].append(peer("D" * 42 + "E=", "10.0.0.3/32"))
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("unmanaged_peer", "b", "wg0"), "the last owner wins"
    wireguard(chain, "b")["peers"].reverse()
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"
    wireguard(chain, "b")["peers"].append(peer("D" * 42 + "E=", "10.0.0.0/24"))
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered", "a shorter prefix changes nothing"


def test_an_own_key_is_no_peer(chain):
    wireguard(chain, "b")["peers"].append(peer(B, "10.0.0.3/32"))
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"


def test_a_key_listed_twice_has_the_union(chain):
    wireguard(chain, "a")["peers"].append(peer(B, "198.51.100.0/24", endpoint=None))
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"
    assert ends(chain, "10.0.0.1", "198.51.100.1") == ("no_route", "b", None)


def test_rules(chain):
    a = stack(chain, "a")
    a["routes"] += [{"destination": "0.0.0.0/0", "device": "eth0", "table": "9"}]
    a["rules"] = [{"priority": 50, "from": "10.0.0.0/24", "iif": "lo", "table": "9"}]
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("exits", "a", "eth0")
    a["rules"][0]["invert"] = True
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"
    a["rules"] = [{"priority": 50, "fwmark": 1, "table": "9"}]
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered", "inner packets carry mark 0"
    a["rules"] = [{"priority": 32766, "table": "9"}]
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered", "main comes before an equal priority"
    assert ends(chain, "10.0.0.1", "1.1.1.1") == ("exits", "a", "eth0")


def test_suppress_prefixlength(chain):
    a = stack(chain, "a")
    a["routes"] += [
        {"destination": "0.0.0.0/0", "device": "wg0", "table": "9"},
        {"destination": "0.0.0.0/0", "device": "eth0"},
    ]
    a["rules"] = [
        {"priority": 1, "table": "main", "suppress_prefixlength": 0},
        {"priority": 2, "fwmark": 51820, "invert": True, "table": "9"},
    ]
    assert ends(chain, "10.0.0.1", "1.1.1.1") == ("no_peer", "a", "wg0"), "the default of main is suppressed"
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered", "what main knows better is not"
    a["routes"][-1] = {"destination": "0.0.0.0/0", "type": "prohibit"}
    assert ends(chain, "10.0.0.1", "1.1.1.1") == ("prohibit", "a", None), "error routes are never suppressed"


def test_throw_goes_on_with_the_next_rule(chain):
    a = stack(chain, "a")
    a["routes"] += [
        {"destination": "0.0.0.0/0", "type": "blackhole", "table": "9"},
        {"destination": "10.0.0.0/30", "type": "throw", "table": "9"},
    ]
    a["rules"] = [{"priority": 1, "table": "9"}]
    assert ends(chain, "10.0.0.1", "10.0.0.3")[0] == "delivered"
    assert ends(chain, "10.0.0.1", "10.0.0.9") == ("blackhole", "a", None)


@pytest.mark.parametrize(
    ("lan", "prefix", "source", "target", "winner"),
    [
        ("192.168.9.1/24", "192.168.9.0/24", "10.0.0.1", "192.168.9.7", "lan0"),  # connected 0, so 7 is worse
        ("fd09::1/64", "fd09::/64", "fd00::1", "fd09::7", "eth0"),  # connected 256, so 7 is better
    ],
)
def test_metrics_of_the_families(chain, lan, prefix, source, target, winner):
    a = stack(chain, "a")
    a["addresses"] = {"lan0": [lan]}
    a["routes"].append({"destination": prefix, "device": "eth0", "metric": 7})
    assert ends(chain, source, target) == ("exits", "a", winner)
    a["routes"][-1]["metric"] = None  # 0 in IPv4, behind the connected one; 1024 in IPv6
    assert ends(chain, source, target) == ("exits", "a", "lan0")


def test_table_default_is_looked_up_in_ipv4_only(chain):
    for prefix in ("0.0.0.0/0", "::/0"):
        stack(chain, "a")["routes"].append({"destination": prefix, "device": "eth0", "table": "253"})
    assert ends(chain, "10.0.0.1", "1.1.1.1") == ("exits", "a", "eth0")
    assert ends(chain, "fd00::1", "2001:db8::1") == ("no_route", "a", None)


def test_ipv6_prefers_the_ingress_device_among_equal_routes(chain):
    wireguard(chain, "a")["peers"][0]["allowed_ips"].append("2001:db8::/32")
    wireguard(chain, "b")["peers"][1]["allowed_ips"].append("2001:db8::/32")
    stack(chain, "b")["routes"].insert(0, {"destination": "2001:db8::/32", "device": "eth0"})
    assert ends(chain, "fd00::1", "2001:db8::1") == ("not_forwarded", "c", None), "received by wg0, so wg0 again"
    assert ends(chain, "fd00::2", "2001:db8::1", sender="b") == ("exits", "b", "eth0"), "sent: document order"


def test_subnet_router_anycast(chain):
    wireguard(chain, "b")["addresses"][1] = "fd00::a/126"
    assert ends(chain, "fd00::1", "fd00::8") == ("delivered", "b", None)
    wireguard(chain, "b")["addresses"][1] = "fd00::b/127"
    assert ends(chain, "fd00::1", "fd00::a")[0] != "delivered"
    wireguard(chain, "b")["addresses"][1] = "fd00::a/126"
    stack(chain, "b")["forwarding"]["ipv6"] = False
    assert ends(chain, "fd00::1", "fd00::8") == ("not_forwarded", "b", None)


def test_namespaces_have_stacks_of_their_own(chain):
    document = chain
    document["hosts"]["c"]["namespaces"]["blue"] = {"addresses": {}, "routes": [], "rules": []}
    wireguard(document, "c")["namespace"] = "blue"
    answer = simulate(document, "a", "", "10.0.0.1", "10.0.0.3")
    assert answer["outcome"] == "delivered"
    assert answer["at"] == {"host": "c", "namespace": "blue", "device": None}
    assert ends(document, "10.0.0.1", "192.168.3.7")[0] == "not_forwarded", "lan0 stayed in the initial namespace"


def test_peer_groups_and_prefix_sets(chain):
    row = [peer(A, "10.0.0.1/32"), peer(B, "10.0.0.2/32"), peer(C, "10.0.0.3/32")]
    chain["peer_groups"] = {"mesh": row}
    for name in "abc":
        wireguard(chain, name)["peers"] = []
        wireguard(chain, name)["peer_group"] = "mesh"
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("delivered", "c", None)
    assert len(simulate(chain, "a", "", "10.0.0.1", "10.0.0.3")["hops"]) == 1
    wireguard(chain, "a")["peers"] = [peer(C, "198.51.100.0/24")]
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("no_route", "a", None), "an own entry replaces the shared one"

    chain["prefix_sets"] = {"all": ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "10.9.0.0/16"]}
    stack(chain, "a")["advertise"] = ["10.9.0.0/16"]
    wireguard(chain, "a").update({"peer_group": None, "peers": [{**peer(B), "allowed_ips_set": "all"}]})
    device = Simulator(chain).stacks["a", ""].wireguard["wg0"]
    assert {(prefix.network, prefix.length) for prefix in device.owners} == {(0x0A000002, 32), (0x0A000003, 32)}


def test_a_mapped_prefix_never_matches_ipv4(chain):
    wireguard(chain, "a")["peers"][0]["allowed_ips"] = ["::ffff:10.0.0.0/120"]
    stack(chain, "a")["routes"].append({"destination": "10.0.0.0/24", "device": "wg0"})
    assert ends(chain, "10.0.0.1", "10.0.0.3") == ("no_peer", "a", "wg0")


def test_random_fleets_are_reproducible_and_reach_every_outcome():
    assert fleets.Fleet("same").document == fleets.Fleet("same").document
    seen = set()
    for seed in range(60):
        fleet = fleets.Fleet(seed)
        simulator = Simulator(fleet.document)
        for host_name, namespace in simulator.stacks:
            for family in fleets.FAMILIES:
                points = fleet.samples(family)
                for source in points:
                    seen |= {simulator.send(host_name, namespace, family, source, to)["outcome"] for to in points}
    assert seen == set(OUTCOMES)


class FromTheSimulator:
    """A planner that knows the answer: its rectangles are single points and the gaps between them."""

    def __init__(self, samples: dict[int, list[int]]) -> None:
        self.samples = samples

    def parse(self, document: dict) -> Simulator:
        return Simulator(document)

    def reachability(self, fleet: Simulator, host: str, namespace: str) -> list[dict]:
        rectangles = []
        for family, samples in self.samples.items():
            sides = [self._pieces(family, samples)] * 2
            for first, sources in sides[0]:
                for last, destinations in sides[1]:
                    answer = fleet.send(host, namespace, family, first, last)
                    answer.pop("hops")
                    rectangles.append({"sources": sources, "destinations": destinations, **answer})
        return rectangles

    def _pieces(self, family: int, samples: list[int]) -> list[tuple[int, list[str]]]:
        ends = [*samples[1:], 1 << compare.BITS[family]]
        pieces = []
        for first, end in zip(samples, ends, strict=True):
            low, high = (compare._address(family, number) for number in (first, end - 1))
            pieces.append((first, [str(cidr) for cidr in compare.ipaddress.summarize_address_range(low, high)]))
        return pieces

    def trace(self, fleet: Simulator, host: str, namespace: str, source: str, destination: str) -> dict:
        first, last = (compare.ipaddress.ip_address(text) for text in (source, destination))
        return fleet.send(host, namespace, first.version, int(first), int(last))


def numbers(*texts: str) -> list[int]:
    return [int(compare.ipaddress.ip_address(text)) for text in texts]


@pytest.fixture
def points() -> dict[int, list[int]]:
    """Where anything begins or has ended in the chain."""
    lan = numbers("192.168.3.0", "192.168.3.1", "192.168.3.2", "192.168.4.0")
    tiny = [f"10.0.0.{offset}" for offset in range(5)]
    tiny6 = [f"fd00::{offset}" for offset in range(5)]
    return {4: numbers("0.0.0.0", *tiny, "10.0.1.0") + lan, 6: numbers("::", *tiny6, "fd00:0:0:1::")}


def test_the_comparison_accepts_the_truth(chain, points):
    result = compare.Result()
    assert compare.compare_fleet(FromTheSimulator(points), chain, points, result) == []
    assert result.packets["delivered", 4] > 0
    assert result.traces > 0


@pytest.mark.parametrize("damage", ["outcome", "place", "gap", "overlap", "trace"])
def test_the_comparison_sees(chain, points, damage):
    planner = FromTheSimulator(points)
    honest, honest_trace = planner.reachability, planner.trace

    def wrong(fleet: Simulator, host: str, namespace: str) -> list[dict]:
        rectangles = honest(fleet, host, namespace)
        index = next(number for number, one in enumerate(rectangles) if one["outcome"] == "delivered")
        if damage == "outcome":
            rectangles[index]["outcome"] = "exits"
        elif damage == "place":
            rectangles[index]["at"] = {**rectangles[index]["at"], "namespace": "blue"}
        elif damage == "gap":
            del rectangles[index]
        elif damage == "overlap":
            rectangles.append(rectangles[index])
        return rectangles

    def wrong_trace(*arguments: object) -> dict:
        answer = honest_trace(*arguments)
        return {**answer, "outcome": "loop"} if damage == "trace" else answer

    planner.reachability, planner.trace = wrong, wrong_trace
    assert compare.compare_fleet(planner, chain, points, compare.Result())


def test_a_gap_beside_the_samples_is_seen():
    """One missing address between two samples: the sheet looks at where rectangles end, not only at the samples."""
    at = {"host": "a", "namespace": "", "device": None}
    halves = [
        {"sources": ["0.0.0.0/0"], "destinations": ["0.0.0.0/1"], "outcome": "no_route", "at": at},
        {"sources": ["0.0.0.0/0"], "destinations": ["192.0.0.0/2"], "outcome": "no_route", "at": at},
    ]
    assert compare.Sheet(4, halves, [0]).defects
    halves.append({**halves[0], "destinations": ["128.0.0.0/2"]})
    assert not compare.Sheet(4, halves, [0]).defects


def test_shrinking_keeps_what_fails(chain):
    small = compare.shrink(chain, lambda smaller: "c" in smaller["hosts"])
    assert small == {"hosts": {"c": {}}}
