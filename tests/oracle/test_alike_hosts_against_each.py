# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that ask one of several alike hosts against rules that ask each; what is read by content against what is not.

0 differences over fleets of which a few hosts, or all of them in the same way, were damaged.
"""

from __future__ import annotations

import collections
import dataclasses
import random
import sys
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import (
    _interface_document,
    _likeness,
    _simple_stacks,
    _stack_document,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet as Read
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules import check
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size
from ansible_collections.cryptokey.wireguard.tests.oracle.test_classes_against_walks import damaged

FLEETS = size("alike")
_ENDPOINTS = ("10.77.0.2:51820", "192.168.1.7:51820", "127.0.0.1:51820", "gw.example.net:51820", "[2001:db8::1]:5")
_PREFIXES = ("0.0.0.0/0", "::/0", "10.77.0.0/24", "10.77.0.3/32", "169.254.0.0/16", "192.168.1.0/24", "fd77::/64")


def _interface(host: dict, dice: random.Random) -> None:
    """An option that the whole kind then has."""
    interface = dice.choice(host["interfaces"])
    key, value = dice.choice(
        [
            ("mtu", dice.choice([1200, 1420, 1500])), ("listen_port", dice.choice([0, 1, 51820])), ("fwmark", 7),
            ("name", dice.choice(["eth0", "x" * 20])), ("socket_namespace", "birth"), ("network", None),
            ("dns", ["192.0.2.53"]), ("advertise", ["192.168.1.0/24"]),
        ]
    )  # fmt: skip
    interface[key] = value


def _address(host: dict, dice: random.Random) -> None:
    address = dice.choice(["10.77.0.3/32", "10.77.0.0/24", "10.77.0.9/24", "fe80::7/64", "fe80::7/128", "fd77::7/128"])
    dice.choice(host["interfaces"])["addresses"].append(address)


def _peer(host: dict, dice: random.Random) -> None:
    peers = dice.choice(host["interfaces"]).get("peers")
    if peers:
        peer = dice.choice(peers)
        key, value = dice.choice(
            [
                ("endpoint", dice.choice([None, *_ENDPOINTS])), ("endpoint", "198.51.100.7:51820"),
                ("persistent_keepalive", dice.choice([0, 25])),
                ("preshared_key_id", "other"), ("allowed_ips", [*peer.get("allowed_ips", ()), dice.choice(_PREFIXES)]),
            ]
        )  # fmt: skip
        peer[key] = value


def _stack(host: dict, dice: random.Random) -> None:
    stack = host["namespaces"].setdefault("", {})
    key, value = dice.choice(
        [
            ("addresses", {dice.choice(["eth0", "lan0"]): [dice.choice(["203.0.113.7/24", "10.77.0.3/32"])]}),
            ("links", {"eth0": {"mtu": dice.choice([1280, 1400, 1500])}}), ("ipv6", False), ("masquerade", ["eth0"]),
            ("forwarding", {"ipv4": True, "ipv6": True}), ("rp_filter", {"wg0": dice.choice([1, 2])}),
            ("port_forwards", [{"protocol": "udp", "port": 51820, "to_port": 5}]),
        ]
    )  # fmt: skip
    stack[key] = value


def _route(host: dict, dice: random.Random) -> None:
    stack = host["namespaces"].setdefault("", {})
    route = {"destination": dice.choice(_PREFIXES), "device": dice.choice(["wg0", "eth0"])}
    more = dice.choice([{}, {"metric": 7}, {"table": 200}, {"source": "10.77.0.3"}, {"type": "blackhole"}])
    stack.setdefault("routes", []).append({**route, **more})
    if dice.random() < 0.3:
        stack["rules"] = [{"priority": 100, "table": dice.choice(["main", "200"]), "to": "10.77.0.0/16"}]


_DAMAGES = (_interface, _address, _peer, _peer, _stack, _route)


def everywhere(name: str) -> dict:
    """The same damage at every host, at every second one, or at all but the first: of those alike, some have it."""
    dice = random.Random(name)
    document = damaged(name)
    for _again in range(dice.choice([1, 1, 2, 3])):
        damage, same = dice.choice(_DAMAGES), dice.random()
        hosts = list(document["hosts"].values())
        for host in dice.choice([hosts, hosts[::2], hosts[1:], hosts[2:]]):
            if host["interfaces"]:
                damage(host, random.Random(same))
    return document


def _read(document: dict, monkeypatch: pytest.MonkeyPatch, *, by_content: bool) -> Read:
    with monkeypatch.context() as patch:
        if not by_content:
            for module in (_interface_document, _stack_document):
                patch.setattr(module, "content_of", lambda _value: None)
        return parse_fleet(document)


def _findings(fleet: Read, monkeypatch: pytest.MonkeyPatch, *, by_kind: bool) -> list[dict[str, t.Any]]:
    """by_kind: as it is; otherwise nobody asks whether there is a doubt, and all hosts are looked at."""
    with monkeypatch.context() as patch:
        for module in () if by_kind else [one for name, one in sys.modules.items() if ".plugin_utils." in name]:
            for name, every in _EVERY.items():
                if hasattr(module, name):
                    patch.setattr(module, name, every)
        if not by_kind:
            patch.setattr(_simple_stacks, "likenesses", lambda _model: [])
        return check(fleet)


_EVERY: dict[str, t.Any] = {
    "doubtful_interfaces": lambda model, _is_doubtful: iter(model.interfaces),
    "doubtful_stacks": lambda model, _is_doubtful: iter(model.stacks.values()),
}


@pytest.mark.parametrize("kind", ["damaged members", "damaged everywhere", "any fleets"])
def test_one_host_answers_for_its_kind_as_each_would(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: collections.Counter[str] = collections.Counter()
    for number in range(FLEETS // 3):
        name = f"{seed('alike')}-{kind}-{number}"
        make = {"damaged members": damaged, "damaged everywhere": everywhere}.get(kind)
        document = Fleet(name, shared=number % 2 == 0).document if make is None else make(name)
        fleet, plain = (_read(document, monkeypatch, by_content=one) for one in (True, False))
        assert dataclasses.asdict(fleet) == dataclasses.asdict(plain), name
        findings = _findings(fleet, monkeypatch, by_kind=True)
        assert findings == _findings(plain, monkeypatch, by_kind=False), name
        seen["alike"] += len(fleet.hosts) - len(_likeness.likenesses(Model.of(fleet)))
        kinds = _simple_stacks.SimpleKinds.of(Model.of(fleet))
        seen["simple"] += any(kinds.keeps_to_itself(one) for one in fleet.interfaces())
        seen.update(finding["rule"] for finding in findings)
    print(f"{kind}: {FLEETS // 3} fleets, {dict(sorted(seen.items()))}")
    # Random fleets have no two hosts alike; they are here so that a likeness is not seen where there is none.
    assert (seen["alike"] > FLEETS // 10 and seen["simple"] > FLEETS // 60) or kind == "any fleets"
    assert len(seen) > 15
