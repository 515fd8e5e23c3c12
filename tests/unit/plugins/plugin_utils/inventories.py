# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories for the tests of the derivation, as Ansible's hostvars would hold them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import typing as t
from collections.abc import Mapping

from hypothesis import strategies as st

Drawn = dict[str, t.Any]


def key(name: str) -> str:
    """A public key that stays the same from run to run."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def public_keys(hostvars: Mapping[str, t.Any], *networks: str) -> dict[str, dict[str, str]]:
    names = networks or ("corp",)
    return {host: {network: key(f"{network} {host}") for network in names} for host in hostvars}


def fleet(network: Mapping[str, t.Any], members: Mapping[str, t.Any], **variables: t.Any) -> dict[str, t.Any]:
    """One network called corp. members: the memberships by host; variables: further variables by host."""
    networks = {"corp": {"interface": "wg0", **network}}
    return {
        host: {
            "wireguard_networks": networks,
            "wireguard": {"corp": membership},
            "group_names": [],
            **variables.get(host, {}),
        }
        for host, membership in members.items()
    }


def numbered(count: int, **options: t.Any) -> dict[str, t.Any]:
    """Members h0000, h0001, ... with an address each; every one can be dialled."""
    return {
        f"h{i:04}": {
            "addresses": [f"10.77.{i // 256}.{i % 256}"],
            "endpoint": f"198.51.{i // 250}.{i % 250}",
            **options,
        }
        for i in range(count)
    }


class CountedHostvars(Mapping[str, t.Any]):
    """hostvars that counts how often each host's variables are asked for, and refuses hosts it does not have."""

    def __init__(self, hostvars: Mapping[str, t.Any]) -> None:
        self.hostvars = hostvars
        self.reads: list[str] = []

    def __getitem__(self, host: str) -> t.Any:
        self.reads.append(host)
        return self.hostvars[host]

    def __iter__(self) -> t.Iterator[str]:
        raise AssertionError("hostvars is not to be walked: it holds hosts that are none of our business")

    def __len__(self) -> int:
        raise AssertionError("hostvars is not to be walked")


@st.composite
def inventories(draw: st.DrawFn) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """A network of any topology whose members can all be dialled, with LANs and phones behind some of them."""
    names = [f"n{number}" for number in range(draw(st.integers(2, 7)))]
    families = draw(st.sampled_from([(4,), (6,), (4, 6)]))
    members: dict[str, t.Any] = {}
    for number, name in enumerate(names, start=1):
        members[name] = {"addresses": [f"10.77.0.{number}" if f == 4 else f"fd77::{number:x}" for f in families]}
        members[name]["endpoint"] = f"203.0.113.{number}"
        lans = [f"192.168.{number}.0/24" if f == 4 else f"fd00:{number}::/64" for f in families]
        members[name]["advertise"] = draw(st.lists(st.sampled_from(lans), unique=True))
        if draw(st.booleans()):
            members[name]["namespace"] = "blue"
    network: dict[str, t.Any] = {"topology": draw(st.sampled_from(["mesh", "hub", "links"]))}
    if network["topology"] == "hub":
        network["hubs"] = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        for name in names:
            members[name]["hubs"] = draw(st.permutations(network["hubs"]))
    if network["topology"] == "links":
        # A random tree, so that it hangs together, and some links on top, so that there are ways to choose from.
        tree = [(names[draw(st.integers(0, number - 1))], names[number]) for number in range(1, len(names))]
        extra = draw(st.lists(st.sampled_from(list(itertools.combinations(names, 2))), unique=True))
        pairs = sorted({tuple(sorted(pair)) for pair in [*tree, *extra]})
        network["links"] = [{"between": list(pair), "cost": draw(st.integers(1, 3))} for pair in pairs]
    _draw_pool(draw, network, members, families)
    _draw_exits(draw, network, members, families)
    gateways = network["hubs"] if network.get("supernet") else names
    ways = st.lists(st.sampled_from(gateways), min_size=1, max_size=2, unique=True)
    network["external_peers"] = {
        f"phone{number}": {"via": via if len(via) > 1 else via[0], "public_key": key(f"phone{number}"),
                           **({} if "pool" in network else
                              {"addresses": [f"10.77.9.{number}" if 4 in families else f"fd77:9::{number}"]})}
        for number, via in enumerate(draw(st.lists(ways, max_size=2)))
    }  # fmt: skip
    return network, members


def _draw_pool(draw: st.DrawFn, network: Drawn, members: Drawn, families: tuple[int, ...]) -> None:
    """A pool that some of the members have their addresses from, and a supernet where that may be."""
    if not draw(st.booleans()):
        return
    network["pool"] = ["10.77.0.0/16" if family == 4 else "fd77::/16" for family in families]
    network["reserved"] = draw(st.sampled_from([[], ["10.77.128.0/17"]]))
    for member in members.values():
        if draw(st.booleans()):
            del member["addresses"]
    if network["topology"] == "hub":
        network["supernet"] = draw(st.booleans())


def _draw_exits(draw: st.DrawFn, network: Drawn, members: Drawn, families: tuple[int, ...]) -> None:
    """Exits with users. What passes on can do so in one direction, so only a mesh has two of them."""
    names = sorted(members)
    exits = draw(st.lists(st.sampled_from(names), max_size=2 if network["topology"] == "mesh" else 1, unique=True))
    for name in exits:
        members[name].pop("namespace", None)
        taken = draw(st.lists(st.sampled_from(families), min_size=1, unique=True))
        members[name]["advertise"] = [*members[name]["advertise"], *("0.0.0.0/0" if f == 4 else "::/0" for f in taken)]
    for name in names:
        if exits and name not in exits and draw(st.booleans()):
            members[name]["exit"] = draw(st.sampled_from(exits))
