# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source address that a packet gets, against the running kernel: random addresses, sources and gateways."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import format_number, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._source_selection import default_sources
from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size

STACKS = size("stacks")
DEVICES = ("d0", "d1", "d2")
NETWORKS = {
    4: ["10.1.0.", "10.2.0.", "172.16.3.", "192.0.2.", "198.51.100."],
    6: ["fd00:1::", "fd00:2::", "fd80:7::", "2001:0:1::", "2001:db8:1::", "2400:cb00::", "2002:c000:201::"],
}
TARGETS = {
    4: ["10.9.0.1", "203.0.113.1", "172.31.0.1"],
    6: ["fd00:2:1::1", "2001:db8:ffff::1", "2001:0:5::1", "2002:c000:202::1", "2606:4700::1"],
}


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    tools = [tool for tool in ("ip", "unshare") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def _stack(chance: random.Random, family: int) -> dict:
    """Addresses on three devices, and for every target a route by one of them, some with a gateway or a source."""
    length = 24 if family == 4 else 64
    networks = chance.sample(NETWORKS[family], 5)
    addresses = {device: [] for device in DEVICES}
    for number, network in enumerate(networks, start=3):
        addresses[chance.choice(DEVICES)].append(f"{network}{number}/{length}")
    every = [address.split("/")[0] for held in addresses.values() for address in held]
    routes = []
    for target in TARGETS[family]:
        device = chance.choice(DEVICES)
        route = {"destination": f"{target}/{32 if family == 4 else 128}", "device": device}
        if chance.random() < 0.2:
            route["source"] = chance.choice(every)
        elif addresses[device] and chance.random() < 0.5:
            route["gateway"] = re.sub(r"\d+/\d+$", "77", chance.choice(addresses[device]))
        routes.append(route)
    return {"addresses": addresses, "routes": routes}


def _kernels(stack: dict, family: int) -> list[str]:
    """What the kernel chooses, target by target."""
    lines = []
    for device in DEVICES:
        lines += [f"link add {device} type veth peer name p{device}", f"link set {device} up", f"link set p{device} up"]
        lines += [
            f"address add {one} dev {device}{' nodad' if family == 6 else ''}" for one in stack["addresses"][device]
        ]
    for route in stack["routes"]:
        via = f" via {route['gateway']}" if "gateway" in route else ""
        source = f" src {route['source']}" if "source" in route else ""
        lines.append(f"route add {route['destination']}{via} dev {route['device']}{source}")
    lines += [f"route get {target}" for target in TARGETS[family]]
    command = ["unshare", "--net", "ip", f"-{family}", "-batch", "-"]
    run = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60)
    return re.findall(r" src (\S+)", run.stdout)


def _predicted(stack: dict, family: int) -> list[set[str]]:
    """What the model says, target by target: one address, or those that it could be."""
    model = Model.of(parse_fleet({"version": 1, "hosts": {"a": {"namespaces": {"": stack}}}}))
    held = model.stacks[StackId("a", "")]
    found = []
    for target in TARGETS[family]:
        number = parse_address(target).number
        route = held.fib.lookup(family, 0, number).route
        assert route is not None
        # None for a device without any address: a document that lists none does not describe it.
        choices = default_sources(held, route, family, (number, number + 1)) or []
        found.append({format_number(family, source) for choice in choices for source in choice.sources})
    return found


@pytest.mark.parametrize("family", [4, 6])
def test_the_source_is_the_kernels(family):
    if _missing():
        assert os.environ.get("CI") != "true", _missing()
        pytest.skip(_missing())
    chance = random.Random(seed(f"sources {family}"))
    single = 0
    for _round in range(STACKS):
        stack = _stack(chance, family)
        for target, chosen, possible in zip(
            TARGETS[family], _kernels(stack, family), _predicted(stack, family), strict=True
        ):
            assert not possible or chosen in possible, (target, chosen, possible, stack)
            single += len(possible) == 1
    # Not only where nothing is said.
    assert single > STACKS
