# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof by classes against the walk of every single stack, on fleets that were damaged at random."""

from __future__ import annotations

import random
import typing as t

import pytest
from netaddr import IPSet

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _flows, _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._prover import prove, reachability

from .fleets import AUTO, Document, bare_hub, hub, key, mesh, peer

Damage = t.Callable[[Document, random.Random], None]


def stack(document: Document, dice: random.Random) -> Document:
    found: Document = document["hosts"][dice.choice(sorted(document["hosts"]))]["namespaces"][""]
    return found


def wg0(document: Document, dice: random.Random) -> Document:
    found: Document = document["hosts"][dice.choice(sorted(document["hosts"]))]["interfaces"][0]
    return found


def rows(document: Document) -> list[list[Document]]:
    """Every list of peers."""
    lists = [one for group in document.get("peer_groups", {}).values() for one in [group]]
    return [
        *lists,
        *(host["interfaces"][0]["peers"] for host in document["hosts"].values() if host["interfaces"][0]["peers"]),
    ]


def any_peer(document: Document, dice: random.Random) -> Document:
    return dice.choice(dice.choice(rows(document)))


def any_prefix(document: Document, dice: random.Random) -> str:
    every = [prefix for row in rows(document) for one in row for prefix in one["allowed_ips"]]
    every += [prefix for found in document.get("prefix_sets", {}).values() for prefix in found]
    return dice.choice(every)


def no_endpoints(document: Document, dice: random.Random) -> None:
    for _again in range(2):
        any_peer(document, dice)["endpoint"] = None


def steal(document: Document, dice: random.Random) -> None:
    any_peer(document, dice)["allowed_ips"].append(any_prefix(document, dice))


def steal_half(document: Document, dice: random.Random) -> None:
    network, _slash, length = any_prefix(document, dice).partition("/")
    if int(length) < 32:
        any_peer(document, dice)["allowed_ips"].append(f"{network}/{int(length) + 1}")


def lose(document: Document, dice: random.Random) -> None:
    found = any_peer(document, dice)
    found["allowed_ips"] = found["allowed_ips"][1:]


def cover(document: Document, dice: random.Random) -> None:
    any_peer(document, dice)["allowed_ips"].append(dice.choice(["10.0.0.0/8", "10.77.0.0/16", "0.0.0.0/0"]))


def forwarding_off(document: Document, dice: random.Random) -> None:
    stack(document, dice)["forwarding"] = {}


def forwarding_on(document: Document, dice: random.Random) -> None:
    stack(document, dice)["forwarding"] = {"ipv4": True, "ipv6": True}


def no_route(document: Document, dice: random.Random) -> None:
    stack(document, dice)["routes"] = [{"destination": "0.0.0.0/0", "device": "eth0"}]


def other_route(document: Document, dice: random.Random) -> None:
    device = dice.choice(["eth0", "lan0", "wg0"])
    kind = dice.choice(["unicast", "unicast", "blackhole", "throw"])
    destination = dice.choice([any_prefix(document, dice), "10.0.0.0/8", "10.77.0.0/25"])
    stack(document, dice)["routes"].append(
        {
            "destination": destination,
            "device": device,
            "type": kind,
            "table": dice.choice(["main", "main", "local", "7"]),
        }
    )


def rule(document: Document, dice: random.Random) -> None:
    stack(document, dice).setdefault("rules", []).append(
        {"priority": 10, dice.choice(["from", "to"]): any_prefix(document, dice), "table": dice.choice(["7", "main"])}
    )


def by_ingress(document: Document, dice: random.Random) -> None:
    stack(document, dice).setdefault("rules", []).append(
        {"priority": 10, "iif": dice.choice(["lo", "wg0"]), "table": "7"}
    )


def reverse_path(document: Document, dice: random.Random) -> None:
    stack(document, dice)["rp_filter"] = {dice.choice(["wg0", "lan0"]): dice.choice([1, 2])}


def address(document: Document, dice: random.Random) -> None:
    stack(document, dice).setdefault("addresses", {})["eth9"] = [any_prefix(document, dice).replace(".0/24", ".9/24")]


def advertise(document: Document, dice: random.Random) -> None:
    stack(document, dice)["advertise"] = dice.choice([[], ["10.200.7.0/24"], [any_prefix(document, dice)]])


def own_entry(document: Document, dice: random.Random) -> None:
    name = dice.choice(sorted(document["hosts"]))
    wg0(document, dice)["peers"].append(peer(name, *dice.choice([[], ["10.201.0.0/16"], [any_prefix(document, dice)]])))


def leave_group(document: Document, dice: random.Random) -> None:
    wg0(document, dice)["peer_group"] = None


def drop_from_row(document: Document, dice: random.Random) -> None:
    row = dice.choice(rows(document))
    row.remove(dice.choice(row))


def twin(document: Document, dice: random.Random) -> None:
    wg0(document, dice)["public_key"] = wg0(document, dice)["public_key"]


def no_key(document: Document, dice: random.Random) -> None:
    wg0(document, dice)["public_key"] = None


def second_address(document: Document, dice: random.Random) -> None:
    wg0(document, dice)["addresses"].append(dice.choice(["10.77.9.9/32", "10.77.0.3/32", "fd00::1/64"]))


def move(document: Document, dice: random.Random) -> None:
    name = dice.choice(sorted(document["hosts"]))
    namespaces = document["hosts"][name]["namespaces"]
    namespaces["blue"] = namespaces.pop("")
    document["hosts"][name]["interfaces"][0]["namespace"] = "blue"
    namespaces[""] = {"routes": [AUTO]}


DAMAGES: list[Damage] = [
    no_endpoints,
    steal,
    steal_half,
    lose,
    cover,
    forwarding_off,
    forwarding_on,
    no_route,
    other_route,
    rule,
    by_ingress,
    reverse_path,
    address,
    advertise,
    own_entry,
    leave_group,
    drop_from_row,
    twin,
    no_key,
    second_address,
    move,
]


def tally(document: Document) -> tuple[int, int, set[t.Any]]:
    """Pairs, delivered pairs and the failing ones with what stops them first."""
    model = Model.of(parse_fleet(document))
    flows = _flows.intended_flows(model, Ownership.of(model))
    failing = {
        (*key, outcome)
        for cause in flows.failures
        for pair in cause.first_pairs
        for key, outcome in [((cause.network, cause.family, *pair), cause.blocked)]
    }
    return flows.pairs, flows.delivered, failing


def _agree(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proved together is what single walks find."""
    by_classes = tally(document)
    monkeypatch.setattr(_flows, "classes_of", lambda *_arguments: [])
    monkeypatch.setattr(_flows, "TOGETHER_FROM", 10**9)
    assert by_classes == tally(document)


@pytest.mark.parametrize("seed", range(150))
def test_classes_and_single_walks_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    document = dice.choice([mesh, hub, bare_hub])(dice.randint(4, 7))
    for damage in dice.sample(DAMAGES, dice.choice([0, 1, 1, 2, 3])):
        damage(document, dice)
    _agree(document, monkeypatch)


def _stack_of(host: Document) -> Document:
    found: Document = host["namespaces"][""]
    return found


def _hub_of(host: Document) -> Document:
    """The one entry of a spoke."""
    found: Document = host["interfaces"][0]["peers"][0]
    return found


# What may be wrong, or merely unusual, with all spokes of a kind at once.
KIND_DAMAGES: dict[str, t.Callable[[Document], t.Any]] = {
    "strict reverse path": lambda host: _stack_of(host).update(rp_filter={"wg0": 1}),
    "loose reverse path": lambda host: _stack_of(host).update(rp_filter={"wg0": 2}),
    "strict, and the hub in clear": lambda host: _stack_of(host).update(
        rp_filter={"wg0": 1},
        routes=[*({"destination": f"10.77.255.{one}/32", "device": "eth0"} for one in (1, 2)), AUTO],
    ),
    "forwards": lambda host: _stack_of(host).update(forwarding={"ipv4": True, "ipv6": True}),
    "no routes": lambda host: _stack_of(host).update(routes=[]),
    "the hub in clear": lambda host: _stack_of(host)["routes"].append(
        {"destination": "10.77.255.1/32", "device": "eth0", "metric": 1}
    ),
    "a hole": lambda host: _stack_of(host)["routes"].append({"destination": "10.77.0.4/31", "type": "blackhole"}),
    "a rule": lambda host: _stack_of(host).update(rules=[{"priority": 9, "to": "10.77.0.4/31", "table": "7"}]),
    "a rule by source": lambda host: _stack_of(host).update(
        rules=[{"priority": 9, "from": "10.77.0.4/31", "table": 7}]
    ),
    "an address of another": lambda host: _stack_of(host).update(addresses={"dum0": ["10.77.0.4/32"]}),
    "no endpoint": lambda host: _hub_of(host).update(endpoint=None),
    "no set": lambda host: _hub_of(host).update(allowed_ips_set=None),
    "half of the set": lambda host: _hub_of(host).update(allowed_ips_set="half"),
    "one address more": lambda host: _hub_of(host)["allowed_ips"].append("10.77.0.4/32"),
    "a prefix around": lambda host: _hub_of(host)["allowed_ips"].append("10.77.0.0/29"),
    "another network": lambda host: host["interfaces"][0].update(network="other"),
    "no hub": lambda host: host["interfaces"][0].update(peers=[]),
    "a second peer": lambda host: host["interfaces"][0]["peers"].append(peer("s0002", "10.77.0.4/32")),
    "another key of the hub": lambda host: _hub_of(host).update(public_key=key("nobody")),
}


@pytest.mark.parametrize("seed", range(60))
def test_classes_and_single_walks_agree_on_a_hub_of_kinds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    document = bare_hub(18)
    row = document["hosts"]["hub"]["interfaces"][0]["peers"]
    dice.choice(row)["allowed_ips"].append(any_prefix(document, dice))
    for damage in dice.sample(DAMAGES, dice.choice([0, 1, 2])):
        damage(document, dice)
    _agree(document, monkeypatch)


@pytest.mark.parametrize("share", ["all", "every second", "all but two"])
@pytest.mark.parametrize("damage", KIND_DAMAGES)
def test_classes_and_single_walks_agree_on_kinds(damage: str, share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # So many that the hub is a class by itself.
    document = bare_hub(18)
    document["prefix_sets"]["half"] = document["prefix_sets"]["corp"][::2]
    spokes = [host for name, host in document["hosts"].items() if name != "hub"]
    for host in {"all": spokes, "every second": spokes[::2], "all but two": spokes[2:]}[share]:
        KIND_DAMAGES[damage](host)
    _agree(document, monkeypatch)


def full_tunnels(document: Document, dice: random.Random) -> Document:
    """The arrangement of wg-quick(8) at all stacks but some, with the default route at one peer of a row."""
    any_peer(document, dice)["allowed_ips"].append("0.0.0.0/0")
    for name in sorted(document["hosts"]):
        host = document["hosts"][name]
        if dice.random() < 0.85:
            host["interfaces"][0]["fwmark"] = 7
            found = host["namespaces"][""]
            found["routes"] = [
                {**one, "table": "7"} if one["destination"] == "allowed_ips" else one for one in found["routes"]
            ]
            found["rules"] = [
                {"priority": 8, "table": "main", "suppress_prefixlength": 0},
                {"priority": 9, "fwmark": 7, "invert": True, "table": "7"},
            ]
    return document


def bent_rule(document: Document, dice: random.Random) -> None:
    """One thing of one rule is not as in that arrangement."""
    rules = stack(document, dice).get("rules")
    if rules:
        key, value = dice.choice(
            [
                ("fwmark", 0),
                ("invert", False),
                ("table", "8"),
                ("table", "main"),
                ("suppress_prefixlength", None),
                ("suppress_prefixlength", 24),
                ("priority", 10),
                ("from", "10.77.0.0/16"),
                ("iif", "lo"),
            ]
        )
        dice.choice(rules)[key] = value


def local_route(document: Document, dice: random.Random) -> None:
    """Something of the host's own beside its default route, also an error route that is not suppressed."""
    kind = dice.choice(["unicast", "blackhole", "prohibit"])
    destination = dice.choice(["0.0.0.0/0", "10.77.0.0/29", any_prefix(document, dice), "203.0.113.0/24"])
    table = dice.choice(["main", "7"])
    route = {"destination": destination, "device": "eth0", "type": kind, "table": table}
    stack(document, dice)["routes"].insert(0, route)


@pytest.mark.parametrize("seed", range(200))
def test_classes_and_single_walks_agree_on_full_tunnels(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    document = full_tunnels(dice.choice([mesh, hub, bare_hub])(dice.randint(4, 7)), dice)
    for damage in dice.sample([bent_rule, bent_rule, local_route, local_route, *DAMAGES], dice.choice([0, 1, 2, 3])):
        damage(document, dice)
    _agree(document, monkeypatch)


def test_full_tunnels_are_one_class() -> None:
    found = full_tunnels(mesh(8), random.Random(1))
    model = Model.of(parse_fleet(found))
    _flows.intended_flows(model, Ownership.of(model))
    assert len(model.alike[4]) >= 6


@pytest.mark.parametrize("document", [mesh(6), hub(6), bare_hub(6)])
def test_a_fleet_in_order_is_one_class(document: Document) -> None:
    model = Model.of(parse_fleet(document))
    _flows.intended_flows(model, Ownership.of(model))
    alike = model.alike[4]
    assert len(alike) >= 5
    assert len(set(alike.values())) <= 2


@pytest.mark.parametrize(
    ("document", "pairs"), [(mesh(400), 400 * 399), (hub(600), 601 * 600), (bare_hub(600), 601 * 600)]
)
def test_large_fleets_are_proved_and_checked(document: Document, pairs: int) -> None:
    found = parse_fleet(document)
    proof = prove(found)
    findings = [finding for finding in _rules.check(found) if finding["severity"] != "info"]
    assert (proof.verdict, proof.pairs, findings) == ("proved", pairs, [])


@pytest.mark.parametrize("seed", range(60))
def test_every_loop_that_a_packet_meets_is_told_by_the_loop_rule(seed: int) -> None:
    dice = random.Random(seed)
    document = mesh(4)
    for one in document["hosts"].values():
        one["namespaces"][""]["forwarding"] = {"ipv4": True}
    for damage in (cover, cover, cover, steal, lose):
        damage(document, dice)
    fleet = parse_fleet(document)
    told = IPSet(prefix for one in _rules.check(fleet) if one["rule"] == "WG401" for prefix in one["prefixes"])
    met = IPSet(
        prefix
        for name in document["hosts"]
        for piece in reachability(fleet, host=name)
        if piece["outcome"] == "loop"
        for prefix in piece["destinations"]
    )
    assert met.issubset(told)
