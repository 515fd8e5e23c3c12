# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab import plan_lab, with_lab_addresses
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.lab_fleets import two_sites


def ports(specification):
    return {(port["host"], port["namespace"], port["device"]): port for port in specification["ports"]}


def commands(specification, host, namespace=""):
    return specification["hosts"][host]["namespaces"][namespace]["commands"]


def test_every_device_is_plugged_into_what_its_use_says():
    found = {place: port["kind"] for place, port in ports(plan_lab(two_sites())).items()}
    assert found == {
        ("a", "", "eth0"): "public",
        ("a", "", "lan0"): "lan",
        ("b", "", "underlay0"): "public",
        ("c", "", "eth0"): "nat",
    }


def test_a_namespace_without_devices_is_left_to_the_fleet():
    assert list(plan_lab(two_sites())["hosts"]["c"]["namespaces"]) == [""]


def test_an_undescribed_device_gets_addresses_that_the_fleet_does_not_mention():
    fleet = two_sites()
    fleet["hosts"]["a"]["namespaces"][""]["addresses"]["eth0"].append("198.18.7.7/24")
    given = ports(plan_lab(fleet))[("b", "", "underlay0")]["given"]
    assert len(given) == 2
    assert not any(text.startswith("198.18.") for text in given)
    staged = with_lab_addresses(fleet, plan_lab(fleet))
    assert staged["hosts"]["b"]["namespaces"][""]["addresses"]["underlay0"] == given
    assert fleet["hosts"]["b"]["namespaces"][""]["addresses"]["underlay0"] == []


def test_an_undescribed_device_takes_the_address_under_which_it_is_dialled():
    fleet = two_sites()
    fleet["peer_groups"]["corp"][1]["endpoint"] = "[2001:db8::2]:51820"
    assert "2001:db8::2" in ports(plan_lab(fleet))[("b", "", "underlay0")]["addresses"]


def test_names_of_endpoints_stand_in_every_hosts_file():
    specification = plan_lab(two_sites())
    addresses = ports(specification)[("b", "", "underlay0")]["addresses"]
    for host in "abc":
        text = specification["hosts"][host]["files"]["/etc/hosts"]
        assert [line.split()[0] for line in text.splitlines() if line.endswith(" b.example.net")] == addresses


def test_an_address_that_no_device_has_is_forwarded_by_a_nat():
    fleet = two_sites()
    fleet["peer_groups"]["corp"][2]["endpoint"] = "198.51.100.9:51820"
    specification = plan_lab(fleet)
    port = ports(specification)[("c", "", "eth0")]
    assert (port["kind"], port["forwarded"]) == ("nat", ["198.51.100.9"])
    assert "daddr 198.51.100.9 dnat ip to 192.168.178.23" in specification["nodes"]["nat-1"]["nftables"]


def test_a_nat_in_front_of_a_host_that_nobody_dials_lets_nothing_in():
    specification = plan_lab(two_sites())
    text = specification["nodes"]["nat-1"]["nftables"]
    assert 'oifname "outside" ip saddr 192.168.178.0/24 masquerade' in text
    assert "dnat" not in text


def test_hosts_with_a_connected_prefix_in_common_share_a_segment():
    fleet = two_sites()
    stack = fleet["hosts"]["b"]["namespaces"][""]
    stack["addresses"] = {"eth0": ["203.0.113.20/24"]}
    stack["routes"][:2] = [fleet["hosts"]["a"]["namespaces"][""]["routes"][0]]
    router = "\n".join(plan_lab(fleet)["nodes"]["internet"]["commands"])
    assert router.count("type bridge") == 1
    assert router.count("master br-") == 2


def test_a_lan_has_a_host_in_each_advertised_prefix_that_sends_back_to_its_gateway():
    specification = plan_lab(two_sites())
    assert ports(specification)[("a", "", "lan0")]["lan"] == {"node": "lan-1", "addresses": ["192.168.10.254"]}
    assert "address add 192.168.10.254/32 dev eth0" in specification["nodes"]["lan-1"]["commands"]
    assert any(line.startswith("route replace 0.0.0.0/0 via") for line in specification["nodes"]["lan-1"]["commands"])


def test_a_next_hop_in_a_lan_is_there():
    fleet = two_sites()
    stack = fleet["hosts"]["a"]["namespaces"][""]
    stack["routes"].append({"destination": "172.20.0.0/16", "device": "lan0", "gateway": "192.168.10.7"})
    stack["advertise"].append("172.20.0.0/16")
    specification = plan_lab(fleet)
    assert "address add 192.168.10.7/32 dev eth0" in specification["nodes"]["lan-1"]["commands"]
    assert "172.20.0.254" in ports(specification)[("a", "", "lan0")]["lan"]["addresses"]
    assert "route add 172.20.0.0/16 via 192.168.10.7 dev lan0 table main onlink" in commands(specification, "a")


def test_forwarding_is_off_until_somebody_switches_it_on():
    """The document says what is planned; only what the host has by itself may be there before the apply."""
    off = plan_lab(two_sites())["hosts"]["a"]["namespaces"][""]["sysctls"]
    assert off["net/ipv4/ip_forward"] == "0"
    on = plan_lab(two_sites(), stacks={"a": {"": {"forwarding": {"ipv4": True}}}})
    assert on["hosts"]["a"]["namespaces"][""]["sysctls"]["net/ipv4/ip_forward"] == "1"
    assert on["hosts"]["a"]["namespaces"][""]["sysctls"]["net/ipv6/conf/all/forwarding"] == "0"


def test_rules_and_error_routes_of_a_host_are_realised_per_family():
    rules = [
        {"priority": 90, "to": "10.9.0.0/16", "table": "200"},
        {"priority": 91, "iif": "eth0", "invert": True, "table": "main", "suppress_prefixlength": 0},
    ]
    routes = [{"destination": "10.9.9.0/24", "type": "blackhole", "table": "200"}]
    stack = plan_lab(two_sites(), stacks={"a": {"": {"rules": rules, "routes": routes}}})["hosts"]["a"]["namespaces"][
        ""
    ]
    inverted = "rule add not priority 91 iif eth0 lookup main suppress_prefixlength 0"
    assert "rule add priority 90 to 10.9.0.0/16 lookup 200" in stack["commands"]
    assert inverted in stack["commands"]
    assert stack["rules6"] == [inverted]
    assert "route add blackhole 10.9.9.0/24 table 200" in stack["commands"]


def test_routes_into_the_tunnels_are_not_the_labs():
    assert not any("wg0" in line for host in "abc" for line in commands(plan_lab(two_sites()), host))


def test_hosts_that_have_left_are_there_without_anything():
    specification = plan_lab(two_sites(), others=["gone"])
    assert list(specification["hosts"]["gone"]["namespaces"]) == [""]


@pytest.mark.parametrize("path", ["/var/lib/wg.key", "/etc/../root/wg.key"])
def test_a_private_key_outside_what_a_lab_host_has_for_itself_is_refused(path):
    fleet = two_sites()
    fleet["hosts"]["a"]["interfaces"][0]["private_key_file"] = path
    with pytest.raises(InvalidInput, match=r"private_key_file of wg0 of host a"):
        plan_lab(fleet)
    fleet["hosts"]["a"]["interfaces"][0]["private_key_file"] = "/etc/wireguard/wg.key"
    plan_lab(fleet)


def test_the_same_fleet_gives_the_same_lab_in_any_order_and_is_left_alone():
    fleet = two_sites()
    untouched = copy.deepcopy(fleet)
    turned = {**fleet, "hosts": dict(reversed(fleet["hosts"].items()))}
    assert json.dumps(plan_lab(fleet), sort_keys=True) == json.dumps(plan_lab(turned), sort_keys=True)
    assert fleet == untouched


def test_no_two_ends_of_cables_have_the_same_address():
    ends = [end["mac"] for cable in plan_lab(two_sites())["cables"] for end in cable]
    assert len(set(ends)) == len(ends)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in ends)
