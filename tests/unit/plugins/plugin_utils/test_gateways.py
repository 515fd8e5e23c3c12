# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import fleet, public_keys


def planned(network: t.Any = None, **options: t.Any) -> dict[str, t.Any]:
    members = {
        "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.1", **options},
        "nyc1": {"addresses": ["10.77.0.2"]},
    }
    hostvars = fleet(network or {}, members)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))


def config(plan: dict[str, t.Any], host: str) -> dict[str, t.Any]:
    (found,) = host_config(plan, host)
    return found


def test_hosts_are_handed_what_the_inventory_says_and_nothing_else() -> None:
    plan = planned(
        {"clamp_mss": True, "open_port": "auto"},
        masquerade=["eth0"],
        open_port=False,
        rp_filter={"eth0": "loose", "wg0": False},
    )
    fra1, nyc1 = config(plan, "fra1"), config(plan, "nyc1")
    assert fra1["masquerade"] == {"ipv4": ["eth0"], "ipv6": ["eth0"]}
    assert (fra1["clamp_mss"], fra1["open_port"]) == (True, "off")
    assert fra1["rp_filter"] == {"eth0": "loose", "wg0": "off"}
    assert (nyc1["clamp_mss"], nyc1["open_port"], nyc1["masquerade"], nyc1["rp_filter"]) == (True, "auto", {}, {})
    for arguments in (fra1, nyc1):
        declare(arguments)


def test_the_proof_knows_of_it() -> None:
    plan = planned(masquerade={"ipv4": ["eth0"]}, rp_filter={"eth0": "strict"})
    stack = plan["fleet"]["hosts"]["fra1"]["namespaces"][""]
    assert stack["masquerade"] == ["eth0"]
    assert stack["rp_filter"] == {"eth0": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masquerade": {"ipv5": ["eth0"]}}, "masquerade.ipv5"),
        ({"masquerade": ["eth/0"]}, r"masquerade\[0\]"),
        ({"clamp_mss": "maybe"}, "clamp_mss"),
        ({"open_port": "iptables"}, "open_port"),
        ({"rp_filter": {"eth0": 3}}, r"rp_filter.eth0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(options: dict[str, t.Any], message: str) -> None:
    try:
        plan = planned(**options)
    except InvalidInventory as error:
        text = str(error)
    else:
        text = " ".join(finding["message"] for finding in plan["findings"])
    assert message.replace("\\", "") in text
