# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (a table of mistakes reads best with one per line)
from __future__ import annotations

import copy
import typing as t

import jinja2
import pytest

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._inventory import read_inventory
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import InvalidInventory
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    CountedHostvars,
    fleet,
    key,
    public_keys,
)

BASE: dict[str, t.Any] = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10"},
    "nyc1": {"addresses": ["10.77.0.2"]},
}


def changed(network: t.Any = None, fra1: t.Any = None, variables: t.Any = None) -> dict[str, t.Any]:
    """The base inventory with options of the network, of fra1's membership, and variables of fra1 replaced."""
    members = {**BASE, "fra1": {**BASE["fra1"], **(fra1 or {})}}
    return copy.deepcopy(fleet(network or {}, members, fra1=variables or {}))


def mistakes(hostvars: dict[str, t.Any]) -> list[str]:
    with pytest.raises(InvalidInventory) as caught:
        read_inventory(hostvars, hostvars)
    return [str(problem) for problem in caught.value.problems]


def findings(hostvars: dict[str, t.Any], **keys: t.Any) -> list[tuple[t.Optional[str], str]]:
    return [(problem.rule, str(problem)) for problem in read_inventory(hostvars, hostvars, **keys).problems]


def test_reads_each_host_exactly_once_and_no_other() -> None:
    hostvars = CountedHostvars(changed())
    read_inventory(hostvars, ["nyc1", "fra1", "fra1"])
    assert sorted(hostvars.reads) == ["fra1", "nyc1"]


def test_a_host_without_membership_is_passed_over() -> None:
    hostvars = {**changed(), "bystander": {"wireguard_networks": changed()["fra1"]["wireguard_networks"]}}
    assert list(read_inventory(hostvars, hostvars).hosts) == ["fra1", "nyc1"]


def test_memberships_are_merged_per_network_in_the_order_of_the_names() -> None:
    more = {
        "wireguard__b": {"corp": {"advertise": ["192.168.2.0/24"], "mtu": 1380}},
        "wireguard__a": {"corp": {"advertise": ["192.168.1.0/24"], "listen_port": 4000}},
    }
    member = read_inventory(changed(variables=more), ["fra1", "nyc1"]).hosts["fra1"].members["corp"]
    assert [str(prefix) for prefix in member.advertise] == ["192.168.2.0/24"]
    assert (member.mtu, member.listen_port) == (1380, 4000)
    assert [str(address) for address in member.addresses] == ["10.77.0.1/32"]


def test_a_host_that_leaves_may_split_the_links() -> None:
    links = [["a", "b"], ["b", "c"], ["c", "d"]]
    members = {name: {"addresses": [f"10.77.0.{number}"]} for number, name in enumerate("abcd", 1)}
    assert read_inventory(fleet({"topology": "links", "links": links}, members), members).problems == ()
    members["b"]["state"] = "absent"
    (mistake,) = mistakes(fleet({"topology": "links", "links": links}, members))
    assert mistake.startswith("wireguard_networks.corp.links: leave network corp in 2 parts: c, d; a;")


def test_a_mistake_names_the_variable_that_it_stands_in() -> None:
    more = {"wireguard__lan": {"corp": {"advertise": "192.168.1.0/24"}}}
    (mistake,) = mistakes(changed(variables=more))
    assert mistake.startswith("wireguard__lan.corp.advertise of host fra1: '192.168.1.0/24' is a text where a list")


def test_public_keys_take_precedence_over_the_inventory() -> None:
    hostvars = changed(
        {"external_peers": {"anna": {"via": "fra1", "addresses": ["10.77.9.1"], "public_key": key("old")}}}
    )
    hostvars["fra1"]["wireguard"]["corp"] = {**BASE["fra1"], "public_key": key("old")}
    keys = {"fra1": {"corp": key("new")}, "anna": {"corp": key("anna")}, "gone": {"corp": key("gone")}}
    inventory = read_inventory(hostvars, hostvars, public_keys=keys)
    assert inventory.hosts["fra1"].members["corp"].public_key == key("new")
    assert inventory.networks["corp"].external_peers[0].public_key == key("anna")
    assert inventory.hosts["nyc1"].members["corp"].public_key is None


@pytest.mark.parametrize(
    ("network", "fra1", "variables", "expected"),
    [
        ({}, {"adresses": ["10.77.0.1"]}, {}, "wireguard.corp.adresses of host fra1: is not an option; did you mean addresses?"),
        ({}, {"addresses": "10.77.0.1"}, {}, "wireguard.corp.addresses of host fra1: '10.77.0.1' is a text where a list"),
        ({}, {"addresses": []}, {}, "wireguard.corp.addresses of host fra1: is empty; give the host an address"),
        ({}, {"addresses": None}, {}, "wireguard.corp.addresses of host fra1: is missing"),
        ({}, {"addresses": [10]}, {}, "wireguard.corp.addresses[0] of host fra1: 10 is a number where a text is expected"),
        ({}, {"addresses": [["10.0.0.1"]]}, {}, "wireguard.corp.addresses[0] of host fra1: is a list where a text"),
        ({}, {"endpoint": "203.0.113.10:99999"}, {}, "wireguard.corp.endpoint of host fra1: '203.0.113.10:99999' is not"),
        ({}, {"endpoint": {"nyc2": "10.0.0.1"}}, {}, "wireguard.corp.endpoint.nyc2 of host fra1: is neither a host nor"),
        ({}, {"listen_port": 70000}, {}, "wireguard.corp.listen_port of host fra1: 70000 is not a number from 1 to 65535"),
        ({}, {"listen_port": True}, {}, "wireguard.corp.listen_port of host fra1: True is not a number"),
        ({}, {"mtu": 1279, "addresses": ["fd77::1"]}, {}, "wireguard.corp.mtu of host fra1: 1279 is too small for IPv6"),
        ({}, {"state": "gone"}, {}, "wireguard.corp.state of host fra1: 'gone' is not one of the choices; write present | absent"),
        ({}, {"namespace": "a/b"}, {}, "wireguard.corp.namespace of host fra1: 'a/b' is not the name of a network namespace"),
        ({}, {"namespace": 5}, {}, "wireguard.corp.namespace of host fra1: 5 is a number where a text is expected"),
        ({}, {"private_key_file": "wg0.key"}, {}, "wireguard.corp.private_key_file of host fra1: 'wg0.key' is not an absolute"),
        ({}, {"advertise": ["128.0.0.0/1"]}, {},
         "wireguard.corp.advertise[0] of host fra1: '128.0.0.0/1' is half of a default route; to make it an exit, write 0.0.0.0/0"),
        ({}, {"exit": "nyc2"}, {}, "wireguard.corp.exit of host fra1: 'nyc2' is not a member of network corp; did you mean nyc1?"),
        ({}, {"exit": "nyc1"}, {}, "wireguard.corp.exit of host fra1: 'nyc1' advertises no default route, so it is no exit; let nyc1 adv"),
        ({}, {"exit": True}, {}, "wireguard.corp.exit of host fra1: is a yes or no where a text is expected"),
        ({}, {"exit": "fra1", "advertise": ["::/0"]}, {}, "wireguard.corp.exit of host fra1: 'fra1' is the exit of a host that is an exit itself"),
        ({"exit": "nyc2"}, {}, {}, "wireguard_networks.corp.exit: 'nyc2' is not a member of network corp"),
        ({"exit": "nyc1"}, {}, {}, "wireguard_networks.corp.exit: 'nyc1' advertises no default route"),
        ({"supernet": ["10.0.0.0/8"]}, {}, {}, "wireguard_networks.corp.supernet: has no meaning in the topology mesh; write `topology: hub`"),
        ({"topology": "hub", "hubs": ["fra1"], "supernet": True}, {}, {}, "wireguard_networks.corp.supernet: stands for the pool, but the network has none"),
        ({"topology": "hub", "hubs": ["fra1"], "supernet": ["0.0.0.0/0"]}, {}, {}, "wireguard_networks.corp.supernet: holds the default route 0.0.0.0/0"),
        ({"external_peers": {"a": {"via": [], "addresses": ["10.77.9.1"]}}}, {}, {}, "wireguard_networks.corp.external_peers.a.via: is empty"),
        ({"external_peers": {"a": {"via": ["fra1", "fra1"], "addresses": ["10.77.9.1"]}}}, {}, {},
         "wireguard_networks.corp.external_peers.a.via: names a member twice"),
        ({"external_peers": {"a": {"via": "fra1", "advertise": ["128.0.0.0/1"]}}}, {}, {},
         "wireguard_networks.corp.external_peers.a.advertise[0]: '128.0.0.0/1' is half of a default route; to make it an exit"),
        ({"external_peers": {"a": {"via": "fra1", "addresses": ["0.0.0.0/0"]}}}, {}, {},
         "wireguard_networks.corp.external_peers.a.addresses[0]: '0.0.0.0/0' is no address; to make the peer an exit, write adv"),
        ({"external_peers": {"a": {"via": "fra1", "addresses": ["10.77.9.1"]}}}, {"exit": "a"}, {},
         "wireguard.corp.exit of host fra1: 'a' advertises no default route, so it is no exit; let a advertise 0.0.0.0/0"),
        ({"external_peers": {"vpn": {"via": "fra1", "advertise": ["0.0.0.0/0"]}}}, {"exit": "vpm"}, {},
         "wireguard.corp.exit of host fra1: 'vpm' is neither a present member nor an external peer of network corp; did you mean vpn?"),
        ({"topology": "links", "links": [], "external_peers": {"a": {"via": "fra1", "advertise": ["0.0.0.0/0"]}}}, {}, {},
         "wireguard_networks.corp.links: are empty, and no external peer names nyc1 in its via"),
        ({}, {"hubs": ["nyc1"]}, {}, "wireguard.corp.hubs of host fra1: has no meaning in the topology mesh"),
        ({}, {}, {"wireguard": ["corp"]}, "wireguard of host fra1: is a list where a mapping is expected"),
        ({}, {}, {"wireguard": {"corp": "yes"}}, "wireguard.corp of host fra1: is a text where a mapping is expected"),
        ({}, {}, {"wireguard": {"crop": {}}}, "wireguard.crop of host fra1: is not a network of wireguard_networks; did you mean corp?"),
        ({}, {}, {"wireguard": {7: {}}}, "wireguard of host fra1: has the key 7, which is not a text"),
        ({}, {}, {"wireguard_networks": "corp"}, "wireguard_networks of host fra1: is a text where a mapping is expected"),
        ({}, {}, {"wireguard_networks": {"corp": {"interface": "wg1"}}}, "wireguard_networks.corp of host nyc1: differs from"),
        ({}, {}, {"wireguard_stacks": []}, "wireguard_stacks of host fra1: is a list where a mapping is expected"),
        ({}, {}, {"wireguard_stacks": {"": {"adresses": {}}}}, "wireguard_stacks[''].adresses of host fra1: is not an option"),
        ({}, {}, {"wireguard_stacks": {"": {"addresses": ["10.0.0.1"]}}}, "wireguard_stacks[''].addresses of host fra1: is a list"),
        ({}, {}, {"wireguard_stacks": {"": {"advertise": []}}}, "wireguard_stacks[''].advertise of host fra1: does not belong here"),
        ({}, {}, {"wireguard_stacks": {"": {"routes": [{"device": "eth0"}]}}}, "wireguard_stacks[''].routes[0] of host fra1: has no dest"),
        ({}, {}, {"wireguard_stacks": {"": {"rp_filter": {"eth0": 3}}}}, "wireguard_stacks[''].rp_filter.eth0 of host fra1: 3 is not"),
        ({"topolgy": "hub"}, {}, {}, "wireguard_networks.corp.topolgy: is not an option; did you mean topology?"),
        ({"topology": "star"}, {}, {}, "wireguard_networks.corp.topology: 'star' is not one of the choices"),
        ({"topology": "hub"}, {}, {}, "wireguard_networks.corp.topology: 'hub' needs hubs; add the option hubs"),
        ({"topology": "hub", "hubs": ["fra2"]}, {}, {}, "wireguard_networks.corp.hubs[0]: 'fra2' is not a member of network corp; did you"),
        ({"hubs": ["fra1"]}, {}, {}, "wireguard_networks.corp.hubs: has no meaning in the topology mesh; write `topology: hub`"),
        ({"topology": "links", "links": [["fra1"]]}, {}, {}, "wireguard_networks.corp.links[0]: is not a pair of two different"),
        ({"topology": "links", "links": [["fra1", "fra1"]]}, {}, {}, "wireguard_networks.corp.links[0]: is not a pair"),
        ({"topology": "links", "links": [["fra1", "nyc2"]]}, {}, {}, "wireguard_networks.corp.links[0]: 'nyc2' is not a member"),
        (
            {"topology": "links", "links": [["fra1", "nyc1"], {"between": ["nyc1", "fra1"]}]},
            {},
            {},
            "wireguard_networks.corp.links[1]: links fra1 and nyc1 a second time",
        ),
        (
            {"topology": "links", "links": [{"between": ["fra1", "nyc1"], "cost": 0}]},
            {},
            {},
            "wireguard_networks.corp.links[0].cost: 0 is not a number from 1",
        ),
        ({"topology": "links", "links": []}, {}, {}, "wireguard_networks.corp.links: leave network corp in 2 parts: fra1; nyc1; add links"),
        ({"topology": "hub", "hubs": ["fra1"]}, {"state": "absent"}, {}, "wireguard_networks.corp.hubs: has no hub left: none of them"),
        ({"routing": {"tabel": 5}}, {}, {}, "wireguard_networks.corp.routing.tabel: is not an option; did you mean table?"),
        ({"routing": {"rules": [{"to": "10.0.0.0/8"}]}}, {}, {}, "wireguard_networks.corp.routing.rules[0]: needs a priority and a"),
        ({"routing": {"table": "vpn"}}, {}, {}, "wireguard_networks.corp.routing.table: 'vpn' is the name of a table that other hosts may not"),
        ({"routing": {"table": 255}}, {}, {}, "wireguard_networks.corp.routing.table: 255 is the kernel's own table"),
        ({"forwarding": True}, {}, {}, "wireguard_networks.corp.forwarding: True is not one of the choices"),
        ({"external_peers": {"a": {"addresses": ["10.77.9.1"]}}}, {}, {}, "wireguard_networks.corp.external_peers.a: has no option via"),
        (
            {"external_peers": {"a": {"via": "fra2", "addresses": ["10.77.9.1"]}}},
            {},
            {},
            "wireguard_networks.corp.external_peers.a.via: 'fra2' is not a member of network corp; did you mean fra1?",
        ),
        ({"external_peers": {"a": {"via": "fra1"}}}, {}, {}, "wireguard_networks.corp.external_peers.a: has no addresses"),
        (
            {"external_peers": {"nyc1": {"via": "fra1", "addresses": ["10.77.9.1"]}}},
            {},
            {},
            "wireguard_networks.corp.external_peers.nyc1: has the name of a host of the inventory",
        ),
        (
            {"external_peers": {"a": {"via": "fra1", "addresses": ["10.77.9.1"], "endpoint": "192.0.2.1"}}},
            {},
            {},
            "wireguard_networks.corp.external_peers.a.endpoint: '192.0.2.1' has no port",
        ),
        ({"expect": [{"from": {"host": "x"}, "to": {"host": "nyc1"}, "reach": True}]}, {}, {}, "wireguard_networks.corp.expect[0].from.host: 'x' is not"),
        ({"expect": [{"from": {"host": "nyc1"}, "reach": True}]}, {}, {}, "wireguard_networks.corp.expect[0]: needs from, to and reach"),
        ({"pool": "10.77.0.0/16"}, {}, {}, "wireguard_networks.corp.pool: '10.77.0.0/16' is a text where a list is expected"),
    ],
)  # fmt: skip
def test_what_makes_an_inventory_unreadable(network: t.Any, fra1: t.Any, variables: t.Any, expected: str) -> None:
    found = mistakes(changed(network, fra1, variables))
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("network", "fra1", "variables", "rule", "expected"),
    [
        ({}, {"addresses": ["10.77.0.1/33", "10.77.0.1"]}, {}, "WG206", "wireguard.corp.addresses[0] of host fra1: '10.77.0.1/33' has no valid"),
        ({}, {"addresses": ["::ffff:10.77.0.1"]}, {}, "WG211", "wireguard.corp.addresses[0] of host fra1: '::ffff:10.77.0.1' is an IPv4-mapped"),
        ({}, {"advertise": ["10.1.2.3/24"]}, {}, "WG205", "wireguard.corp.advertise[0] of host fra1: '10.1.2.3/24' has host bits set; write 10.1.2.0/24"),
        ({}, {"advertise": ["10.1.2/24"]}, {}, "WG206", "wireguard.corp.advertise[0] of host fra1: '10.1.2/24' is not"),
        ({}, {"public_key": "shorty"}, {}, "WG101", "wireguard.corp.public_key of host fra1: this is not a public key"),
        ({}, {"interface": "a-name-of-sixteen"}, {}, "WG609", "wireguard.corp.interface of host fra1: 'a-name-of-sixteen' is 17 bytes long"),
        ({"interface": "wg 0"}, {}, {}, "WG609", "wireguard_networks.corp.interface: 'wg 0' has ' ' in it"),
        ({"pool": ["10.77.1.0/16"]}, {}, {}, "WG205", "wireguard_networks.corp.pool[0]: '10.77.1.0/16' has host bits set"),
        ({"pool": ["10.77.0.0/+16"]}, {}, {}, "WG206", "wireguard_networks.corp.pool[0]: '10.77.0.0/+16' has no valid prefix length"),
        (
            {"external_peers": {"a": {"via": "fra1", "addresses": ["10.77.9.1"], "public_key": "x"}}},
            {},
            {},
            "WG101",
            "wireguard_networks.corp.external_peers.a.public_key: this is not a public key",
        ),
        ({}, {}, {"wireguard_stacks": {"": {"addresses": {"eth0": ["10.0.0.300/24"]}}}}, "WG206", "wireguard_stacks[''].addresses.eth0[0] of host fra1: '10.0"),
    ],
)  # fmt: skip
def test_what_is_a_finding(network: t.Any, fra1: t.Any, variables: t.Any, rule: str, expected: str) -> None:
    found = findings(changed(network, fra1, variables))
    assert [one for one, _text in found] == [rule]
    assert found[0][1].startswith(expected)


def test_an_interface_name_that_follows_from_a_long_network_name_is_a_finding() -> None:
    name = "a-network-too-long"
    hostvars = {"a": {"wireguard_networks": {name: {}}, "wireguard": {name: {"addresses": ["10.0.0.1"]}}}}
    ((rule, text),) = findings(hostvars)
    assert rule == "WG609"
    assert text.startswith("wireguard_networks.a-network-too-long.interface: 'wg-a-network-too-long' is 21 bytes long")


def test_a_bad_key_of_the_key_folder_is_a_finding() -> None:
    ((rule, text),) = findings(changed(), public_keys={"fra1": {"corp": "nonsense"}})
    assert rule == "WG101"
    assert text.startswith("public_keys.fra1.corp of host fra1: this is not a public key")


def test_all_mistakes_are_listed_with_the_findings_among_them() -> None:
    hostvars = changed({"topolgy": "hub"}, {"addresses": ["10.77.0.1/33"], "mut": 1420})
    hostvars["nyc1"]["wireguard"]["corp"]["listen_port"] = "many"
    with pytest.raises(InvalidInventory) as caught:
        read_inventory(hostvars, hostvars)
    text = str(caught.value)
    assert text.startswith("4 mistakes in the inventory:")
    for part in ("topolgy", "addresses[0] of host fra1", "[WG206]", "mut of host fra1", "'many' is not a number"):
        assert part in text


SECRET = key("a private key in the wrong place")


@pytest.mark.parametrize(
    ("network", "fra1", "variables"),
    [
        ({}, {"private_key": SECRET}, {}),
        ({}, {"preshared_key": SECRET}, {}),
        ({}, {"privatekey": SECRET}, {}),
        ({}, {"public_key": SECRET + "="}, {}),
        ({}, {"endpoint": SECRET}, {}),
        ({}, {"addresses": [SECRET]}, {}),
        ({}, {"interface": SECRET}, {}),
        ({}, {"mtu": SECRET}, {}),
        ({}, {"state": SECRET}, {}),
        ({"preshared_keys": SECRET}, {}, {}),
        ({"external_peers": {"a": {"via": SECRET, "addresses": ["10.9.0.1"]}}}, {}, {}),
        ({}, {}, {"wireguard": SECRET}),
    ],
)
def test_a_key_in_the_wrong_place_is_never_repeated(network: t.Any, fra1: t.Any, variables: t.Any) -> None:
    hostvars = changed(network, fra1, variables)
    try:
        texts = [text for _rule, text in findings(hostvars)]
    except InvalidInventory as error:
        texts = [str(error)]
    assert texts
    assert not any(SECRET in text or SECRET[:-1] in text for text in texts)


class Exploding(dict[str, t.Any]):
    """Host variables with a template that fails."""

    def __getitem__(self, name: str) -> t.Any:
        if name == "wireguard":
            raise RuntimeError("'site_id' is undefined\nand a long trace")
        return super().__getitem__(name)


def test_a_template_that_fails_is_a_mistake_of_its_host() -> None:
    hostvars = changed()
    hostvars["fra1"] = Exploding(hostvars["fra1"])
    assert mistakes(hostvars) == [
        "wireguard of host fra1: cannot be read: 'site_id' is undefined; see the template it is made from"
    ]


def test_the_inventory_is_not_changed() -> None:
    hostvars = changed({"expect": [{"from": {"host": "fra1"}, "to": {"host": "nyc1"}, "reach": True}]})
    before = copy.deepcopy(hostvars)
    read_inventory(hostvars, hostvars, public_keys=public_keys(hostvars))
    assert hostvars == before


def test_plain_copies_out_of_subclasses() -> None:
    class Tagged(str):
        pass

    class Lazy(dict[str, t.Any]):
        pass

    value = plain(Lazy({Tagged("a"): (Tagged("b"), True, 7)}))
    # pylint: disable=unidiomatic-typecheck
    assert type(value) is dict
    assert [type(name) for name in value] == [str]
    assert [type(entry) for entry in value["a"]] == [str, bool, int]


def test_an_undefined_variable_is_a_mistake_and_not_a_wrong_type() -> None:
    undefined = jinja2.StrictUndefined(name="site_stacks")
    (mistake,) = mistakes(changed(variables={"wireguard_stacks": undefined}))
    assert mistake.startswith("wireguard_stacks of host fra1: cannot be read: 'site_stacks' is undefined")


def test_an_undefined_address_of_the_host_itself_is_none_of_our_business() -> None:
    hostvars = changed(variables={"ansible_host": jinja2.StrictUndefined(name="address")})
    assert read_inventory(hostvars, hostvars).hosts["fra1"].management is None
