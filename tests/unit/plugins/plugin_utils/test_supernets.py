# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A supernet in place of the exact list, and where it is refused."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    key,
    public_keys,
)

NETWORK = {"topology": "hub", "hubs": ["hub"], "pool": ["10.77.0.0/16", "fd77::/48"], "supernet": True}
MEMBERS: dict[str, t.Any] = {
    "hub": {"addresses": ["10.77.0.1", "fd77::1"], "endpoint": "203.0.113.1"},
    "s1": {"addresses": ["10.77.0.2", "fd77::2"], "advertise": ["192.168.2.0/24"]},
    "s2": {"addresses": ["10.77.0.3", "fd77::3"]},
}


def planned(network: t.Any = None, members: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    hostvars = fleet({**NETWORK, **(network or {})}, {**MEMBERS, **(members or {})}, **variables)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def listed(plan: dict[str, t.Any], host: str, peer: str) -> list[str]:
    return next(one["allowed_ips"] for one in host_config(plan, host)[0]["peers"] if one["name"] == peer)


def test_a_spoke_has_the_pool_and_what_lies_outside_of_it() -> None:
    plan = planned()
    assert plan["findings"] == []
    assert plan["proof"]["verdict"] == "proved"
    assert listed(plan, "s1", "hub") == ["10.77.0.0/16", "fd77::/48"]
    assert listed(plan, "s2", "hub") == ["10.77.0.0/16", "192.168.2.0/24", "fd77::/48"]
    assert listed(plan, "hub", "s1") == ["10.77.0.2/32", "192.168.2.0/24", "fd77::2/128"]


def test_a_host_that_joins_changes_nothing_at_the_spokes() -> None:
    joined = planned({}, {"s3": {"addresses": ["10.77.0.4"]}})
    assert listed(joined, "s2", "hub") == listed(planned(), "s2", "hub")


def test_prefixes_of_ones_own_choice() -> None:
    plan = planned({"supernet": ["10.0.0.0/8", "192.168.0.0/16"]}, {"s1": {"addresses": ["10.77.0.2"]}})
    assert listed(plan, "s2", "hub") == ["10.0.0.0/8", "192.168.0.0/16", "fd77::1/128"]
    assert plan["proof"]["verdict"] == "proved"
    assert listed(planned({"supernet": False}), "s1", "hub")[0] == "10.77.0.1/32"


LAN = {"wireguard_stacks": {"": {"addresses": {"eth0": ["10.77.9.5/24"]}}}}


@pytest.mark.parametrize(
    ("network", "members", "variables", "what"),
    [
        ({}, {}, {"s2": LAN}, "10.77.9.0/24 (device eth0)"),
        ({"supernet": ["192.168.0.0/16"]}, {}, {}, "192.168.2.0/24 (advertise of this host)"),
        ({}, {"hub": {**MEMBERS["hub"], "endpoint": "10.77.200.1"}}, {}, "10.77.200.1/32 (endpoint of hub hub)"),
        (
            {"external_peers": {"anna": {"via": "s2", "addresses": ["10.77.9.9"], "public_key": key("anna")}}},
            {},
            {},
            "10.77.9.9/32 (external peer anna)",
        ),
    ],
)
def test_it_is_refused_where_something_else_lies_inside(
    network: t.Any, members: t.Any, variables: t.Any, what: str
) -> None:
    with pytest.raises(InvalidInventory) as caught:
        planned(network, members, **variables)
    texts = [str(problem) for problem in caught.value.problems]
    assert texts
    assert all(text.startswith("wireguard_networks.corp.supernet of host s") and what in text for text in texts)
    assert all("leave supernet out for the exact list" in text for text in texts)


def test_another_network_of_the_same_namespace_is_something_else() -> None:
    networks = {
        "corp": {"interface": "wg0", **NETWORK},
        "lab": {"interface": "wg1", "listen_port": 51821, "pool": ["10.77.128.0/24"]},
    }
    members: dict[str, t.Any] = {name: {"corp": member} for name, member in MEMBERS.items()}
    members["s2"]["lab"] = {"endpoint": "203.0.113.3"}
    hostvars = {name: {"wireguard_networks": networks, "wireguard": joined} for name, joined in members.items()}
    with pytest.raises(InvalidInventory, match=r"10.77.128.0/24 \(network lab\) of this host"):
        make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "lab"))
    members["s2"]["lab"]["namespace"] = "lab"
    assert (
        make_plan(hostvars, hostvars, public_keys=public_keys(hostvars, "corp", "lab"))["proof"]["verdict"] == "proved"
    )


def test_nothing_is_refused_at_a_hub() -> None:
    assert planned({}, {}, hub=LAN)["fleet"]
