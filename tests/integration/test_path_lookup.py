# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking for one destination of many that are alike gives what asking for each of them gives, on a real kernel."""

from __future__ import annotations

import random
import socket
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _destinations, _path_lookup
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    mask,
    parse_address,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import Place, isolated

MARK = 51
DEVICES = ("d0", "d1", "d2")
# A few bits at the lower end, so that routes nest and destinations meet them.
START = {4: parse_address("10.20.0.0").number, 6: parse_address("fd20::").number}
SPECIAL = ["0.0.0.0", "0.0.0.7", "127.0.0.1", "127.0.0.77", "224.0.0.5", "239.1.1.1", "255.255.255.255",
           "::", "::1", "fe80::1", "fe80::77", "ff02::1", "ff05::2"]  # fmt: skip


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as made:
        for number, device in enumerate(DEVICES):
            made.run(
                "ip", "link", "add", device, "mtu", str(1500 - 100 * number), "type", "veth", "peer", f"{device}-far"
            )
            made.run("ip", "link", "set", f"{device}-far", "up")
            made.run("ip", "link", "set", device, "up")
            made.run("ip", "address", "add", f"192.0.{number}.1/24", "dev", device)
            made.run("ip", "address", "add", f"fd99:{number}::1/64", "dev", device, "nodad")
        yield made


def some_prefix(chance: random.Random, family: int) -> Prefix:
    length = WIDTH[family] - chance.randrange(13)
    return Prefix(family, mask(family, START[family] + chance.getrandbits(12), length), length)


def some_route(chance: random.Random, family: int) -> str:
    kind = chance.choice(("", "", "", "", "unreachable", "blackhole", "local", "several"))
    words = ["route replace", *([kind] if kind not in ("", "several") else [])]
    words.append(str(some_prefix(chance, family)) if chance.random() < 0.97 else "default")
    words += ["table", chance.choice(("main", "100", "101"))]
    words += ["metric", str(chance.randrange(1, 4))] if kind != "local" else []
    if kind == "several":
        vias = [f"192.0.{number}.9" if family == 4 else f"fd99:{number}::9" for number in chance.sample(range(3), 2)]
        words += [f"nexthop via {via}" for via in vias]
    elif kind in ("", "local"):
        words += ["dev", "lo" if kind == "local" else chance.choice(DEVICES)]
        words += ["mtu", str(chance.randrange(1280, 1500))] if not kind and chance.random() < 0.3 else []
    return " ".join(words)


def some_rule(chance: random.Random, family: int, number: int) -> str:
    words = [f"rule add pref {1000 + number} table {chance.choice(('100', '101', 'main'))}"]
    words += ["not"] if chance.random() < 0.2 else []
    words += ["to", str(some_prefix(chance, family))] if chance.random() < 0.7 else []
    words += ["fwmark", str(chance.choice((MARK, 7)))] if chance.random() < 0.4 else []
    words += ["suppress_prefixlength", "0"] if chance.random() < 0.2 else []
    return " ".join(words)


def each_alone(addresses: list[Address], mark: int) -> dict[Address, t.Any]:
    return {address: way for address in addresses for way in _path_lookup.look_up([address], mark=mark).values()}


@pytest.mark.parametrize("seed", range(12))
def test_one_speaks_for_all_that_are_alike(place, seed, tmp_path):
    chance = random.Random(seed)
    for family in (4, 6):
        lines = [some_route(chance, family) for _route in range(30)]
        lines += [some_rule(chance, family, number) for number in range(3)]
        (tmp_path / "batch").write_text("\n".join(lines) + "\n", encoding="utf-8")
        place.run("ip", f"-{family}", "-force", "-batch", str(tmp_path / "batch"), check=False)
    addresses = [parse_address(text) for text in SPECIAL]
    addresses += [Address(family, START[family] + low) for family in (4, 6) for low in chance.sample(range(4096), 300)]
    for mark in (0, MARK):
        ways = _path_lookup.look_up(sorted(addresses), mark=mark)
        assert ways == each_alone(addresses, mark)
        assert len(set(ways.values())) > 3


def test_far_fewer_are_asked_than_there_are(place, monkeypatch):
    place.run("ip", "route", "add", "default", "via", "192.0.0.9")
    place.run("ip", "route", "add", "10.20.8.0/21", "via", "192.0.1.9")
    addresses = [Address(4, START[4] + low) for low in range(4000)]
    asked: list[Address] = []
    ask = _path_lookup._ask

    def counted(handle: socket.socket, part: t.Sequence[Address], mark: int) -> t.Any:
        asked.extend(part)
        return ask(handle, part, mark)

    monkeypatch.setattr(_path_lookup, "_ask", counted)
    assert len(_path_lookup.look_up(addresses, mark=0)) == len(addresses)
    assert len(asked) == 2


def test_where_rules_look_at_the_source_each_ipv6_destination_is_asked_for(place):
    addresses = [Address(6, START[6] + low) for low in range(100)]
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as handle:
        assert len(_destinations.groups(handle, addresses)) == 1
        place.run("ip", "-6", "rule", "add", "from", "fd99:1::/64", "table", "100")
        assert len(_destinations.groups(handle, addresses)) == len(addresses)
