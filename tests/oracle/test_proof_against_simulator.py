# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof's verdict and counts against every single packet of every intended flow."""

from __future__ import annotations

import collections
import ipaddress
import random

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _fleet, _flows, _prover
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.intents import Intents, TooLarge
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

FLEETS = size("proofs")
SEED = seed("proof")


def failing_pairs(proof: _prover.Proof) -> set:
    return {(network, family, tuple(here), tuple(there)) for network, family, here, there in proof.failures.pairs}


def verdict(document: dict, failing: set) -> str:
    """No intent is declared in random fleets, so the flows alone decide."""
    if failing:
        return "refuted"
    keys = [interface["public_key"] for host in document["hosts"].values() for interface in host["interfaces"]]
    return "unproven" if None in keys else "proved"


@pytest.mark.parametrize("shared", [False, True], ids=["any fleets", "alike members"])
def test_every_verdict_is_what_the_packets_say(shared, monkeypatch):
    """Members that are alike are proved together, so fleets that are full of them get a run of their own."""
    # What does not arrive is found together, too, however little it is.
    monkeypatch.setattr(_flows, "LOST_TOGETHER_FROM", 0)
    seen: collections.Counter = collections.Counter()
    for number in range(FLEETS):
        seed = f"{SEED}-{number}"
        document = Fleet(seed, shared=shared).document
        try:
            intents = Intents(document)
        except TooLarge:
            seen["left out, too large"] += 1
            continue
        proof = _prover.prove(_fleet.parse_fleet(document))
        failing = intents.failing()
        wanted = intents.pairs()
        lost = {(network, here, there) for network, _family, here, there in failing}
        assert failing_pairs(proof) == failing, f"seed {seed}"
        assert (proof.pairs, proof.delivered) == (len(wanted), len(wanted) - len(lost)), f"seed {seed}"
        assert proof.verdict == verdict(document, failing), f"seed {seed}"
        seen.update(
            {"packets": intents.packets(), "pairs": proof.pairs, "delivered": proof.delivered, proof.verdict: 1}
        )
    print("\n" + ", ".join(f"{count:,} {what}" for what, count in sorted(seen.items())))
    assert seen["packets"] > 50 * FLEETS
    assert seen["left out, too large"] < FLEETS / 100
    for share in ("proved", "refuted"):
        assert seen[share] > FLEETS / 20, f"only {seen[share]} fleets are {share}: this proves little"
    assert seen["unproven"] or shared
    assert 0 < seen["delivered"] < seen["pairs"]


def random_ends(intents: Intents, chance: random.Random, network: str) -> list[dict]:
    """Two ends of an intent that somebody owns something of: a host, or one of the prefixes."""
    stacks = [intents.owned[network, family] for family in FAMILIES]
    hosts = sorted(
        {host for found in stacks for (host, _namespace), owned in found.items() if owned.own | owned.behind}
    )
    prefixes = [f"{text}/{length}" for text in _owned_texts(stacks) for length in _lengths(text)]
    ends: list[dict] = [{"host": host} for host in hosts for _weight in range(4)]
    ends += [{"prefix": str(ipaddress.ip_interface(text).network)} for text in prefixes]
    if not ends:
        return []
    # A group stands in a document as its hosts; an own network says the same as none, another one may have nobody.
    ends += [{"hosts": sorted(chance.sample(hosts, min(2, len(hosts))))}, {"network": network}]
    ends += [{**chance.choice(ends), "network": network}]
    return [chance.choice(ends) for _end in range(2)]


def _owned_texts(stacks: list[dict]) -> list[str]:
    kinds = (ipaddress.IPv4Address, ipaddress.IPv6Address)
    numbers = [{one for owned in found.values() for one in owned.own | owned.behind} for found in stacks]
    return [str(kind(one)) for kind, found in zip(kinds, numbers, strict=True) for one in sorted(found)[:4]]


def _lengths(text: str) -> tuple[int, ...]:
    return (126, 128) if ":" in text else (30, 32)


def test_declared_intents_hold_when_the_packets_say_so():
    seen: collections.Counter = collections.Counter()
    for number in range(FLEETS // 5):
        seed = f"{SEED}-intent-{number}"
        document, chance = Fleet(seed).document, random.Random(seed)
        intents = Intents(document)
        wanted = []
        for network in sorted({name for name, _family in intents.owned}):
            listed = []
            for _intent in range(4):
                ends = random_ends(intents, chance, network)
                if ends:
                    listed.append({"from": ends[0], "to": ends[1], "reach": chance.random() < 0.5})
            document["networks"][network] = {"expect": listed}
            wanted += [(network, one["from"], one["to"], one["reach"]) for one in listed]
        proof = _prover.prove(_fleet.parse_fleet(document))
        assert len(proof.intents) == len(wanted)
        for intent, (network, start, target, reach) in zip(
            proof.intents, sorted(wanted, key=lambda one: one[0]), strict=True
        ):
            holds = intents.holds(network, start, target, reach=reach)
            assert intent.holds == holds, f"seed {seed}: {network} {start} {target} {reach}: {intent.reason}"
            seen[reach, holds] += 1
    print(
        "\n" + ", ".join(f"reach: {reach}, holds: {holds}: {count:,}" for (reach, holds), count in sorted(seen.items()))
    )
    assert all(seen[reach, holds] > FLEETS / 30 for reach in (True, False) for holds in (True, False))
