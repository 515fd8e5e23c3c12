# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses, routes, rules, forwarding and namespaces on the kernel that runs the test."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import subprocess
import threading
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netns,
    _resolve,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Route,
    Rule,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    isolated,
)


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        yield here


@pytest.fixture(params=["", "blue"], ids=["initial", "named"])
def network(place, request):
    """A namespace with the devices v1 (10.0.0.1/24, fd00::1/64) and v2, both up."""
    if request.param:
        place.namespace(request.param)
    found = place.host().network(request.param)
    place.run("ip", "link", "add", "v1", "type", "veth", "peer", "name", "v2", namespace=request.param)
    for name in ("v1", "v2"):
        place.run("ip", "link", "set", name, "addrgenmode", "none", namespace=request.param)
    for text in ("10.0.0.1/24", "fd00::1/64"):
        found.add_address("v1", parse_interface_address(text))
    for name in ("v1", "v2"):
        found.set_up(name, True)
    return found


def route(destination: str, **fields: t.Any) -> Route:
    return Route(parse_prefix(destination), **fields)


def ours(network) -> set[Route]:
    return {found for found in network.routes() if found.protocol == 148}


ROUTES = [
    route("10.1.0.0/16", device="v1"),
    route("10.1.0.0/16", device="v1", metric=50),
    route("10.1.0.0/16", device="v2", table=1000),
    route("0.0.0.0/0", device="v1", gateway=parse_address("10.0.0.9"), table=1000, metric=7),
    route("10.4.0.0/16", device="v1", gateway=parse_address("10.0.0.9"), source=parse_address("10.0.0.1")),
    route("10.2.0.0/16", type="blackhole"),
    route("10.3.0.0/16", type="throw", table=52),
    route("10.3.0.0/16", type="prohibit", table=53, metric=9),
    route("fd01::/64", device="v1", metric=1024),
    route("fd02::/64", device="v1", gateway=parse_address("fd00::9"), metric=5),
    route("::/0", type="unreachable", metric=50, table=300),
    route("fd03::1/128", device="v2", metric=1024, source=parse_address("fd00::1")),
]


@pytest.mark.parametrize("one", ROUTES, ids=str)
def test_a_route_is_read_back_as_it_was_added_and_removed_whole(network, one):
    before = set(network.routes())
    network.add_route(one)
    assert set(network.routes()) - before == {one}
    with pytest.raises(HostError) as caught:
        network.add_route(one)
    assert caught.value.errno == errno.EEXIST
    network.remove_route(one)
    assert set(network.routes()) == before
    network.remove_route(one)


def test_many_routes_go_out_together_and_the_refused_one_is_named(network):
    many = [route(f"10.{100 + number // 256}.{number % 256}.0/24", device="v1") for number in range(1000)]
    many += [route(f"fd77:{number:x}::/64", device="v2", metric=1024) for number in range(1000)]
    network.add_routes([*ROUTES, *many])
    assert ours(network) == {*ROUTES, *many}
    more = route("10.99.0.0/24", device="v1")
    with pytest.raises(HostError, match=re.escape(f"cannot add route {many[7]}")) as caught:
        network.add_routes([more, many[7]])
    assert caught.value.errno == errno.EEXIST
    assert more in ours(network)
    with pytest.raises(HostError, match="there is no device nowhere"):
        network.add_routes([route("10.98.0.0/24", device="nowhere")])


def test_only_exactly_that_route_is_removed(network):
    for one in ROUTES:
        network.add_route(one)
    network.remove_route(ROUTES[5]._replace(protocol=99))
    network.remove_route(ROUTES[0]._replace(device="v2"))
    network.remove_route(ROUTES[8]._replace(metric=77))
    assert ours(network) == set(ROUTES)
    network.remove_route(ROUTES[1])
    assert ours(network) == set(ROUTES) - {ROUTES[1]}


def test_an_ipv6_route_without_a_metric_is_the_one_with_1024(network):
    network.add_route(route("fd09::/64", device="v1"))
    assert ours(network) == {route("fd09::/64", device="v1", metric=1024)}
    network.add_route(route("fd09::/64", device="v1", metric=5))
    network.remove_route(route("fd09::/64", device="v1"))
    assert ours(network) == {route("fd09::/64", device="v1", metric=5)}


def test_replacing_changes_one_route_in_place(network):
    network.add_route(ROUTES[0])
    new = route("10.1.0.0/16", type="blackhole")
    network.replace_route(ROUTES[0], new)
    assert ours(network) == {new}
    with pytest.raises(HostError, match="two routes"):
        network.replace_route(new, route("10.9.0.0/16", type="blackhole"))


def test_routes_of_others_are_seen_with_their_protocol(network):
    connected = [found for found in network.routes() if found.protocol == 2]
    assert route("10.0.0.0/24", device="v1", protocol=2, source=parse_address("10.0.0.1")) in connected
    assert route("fd00::/64", device="v1", protocol=2, metric=256) in connected
    assert not any(found.table == 255 for found in network.routes())


RULES = [
    Rule(family=4, priority=100, table=1000, fwmark=0x1234, invert=True),
    Rule(family=6, priority=101, table=52, source=parse_prefix("fd00::/8"), iif="v1"),
    Rule(family=4, priority=102, table=254, suppress_prefixlength=0),
    Rule(family=6, priority=102, table=254, suppress_prefixlength=0),
    Rule(family=4, priority=103, table=5, destination=parse_prefix("10.0.0.0/8"), fwmark=0),
    Rule(family=4, priority=103, table=5, source=parse_prefix("10.0.0.1/32")),
]


@pytest.mark.parametrize("one", RULES, ids=str)
def test_a_rule_is_read_back_as_it_was_added_and_removed_whole(network, one):
    before = set(network.rules())
    network.add_rule(one)
    assert set(network.rules()) - before == {one}
    with pytest.raises(HostError) as caught:
        network.add_rule(one)
    assert caught.value.errno == errno.EEXIST
    network.remove_rule(dataclasses.replace(one, protocol=99))
    assert one in network.rules()
    network.remove_rule(one)
    assert set(network.rules()) == before
    network.remove_rule(one)


@pytest.mark.parametrize("others_first", [True, False])
def test_only_exactly_that_rule_is_removed(network, others_first):
    """The kernel would take the first rule that has at least these selectors, whoever it belongs to."""
    rule = Rule(family=4, priority=104, table=6)
    others = [
        dataclasses.replace(rule, fwmark=7),
        dataclasses.replace(rule, invert=True, iif="v1"),
        dataclasses.replace(rule, suppress_prefixlength=0),
        dataclasses.replace(rule, source=parse_prefix("10.0.0.0/24"), protocol=99),
    ]
    for one in [*others, rule] if others_first else [rule, *others]:
        network.add_rule(one)
    network.remove_rule(rule)
    assert {one for one in network.rules() if one.priority == 104} == set(others)
    network.remove_rule(rule)
    assert {one for one in network.rules() if one.priority == 104} == set(others)


def test_a_rule_with_selectors_that_we_do_not_know_is_not_shown_as_a_simpler_one(place, network):
    before = network.rules()
    for words in ("oif v1", "ipproto udp", "uidrange 0-9", "fwmark 1/0xff", "goto 32766", "tos 0x10"):
        place.run("ip", "rule", "add", "priority", "90", *words.split(), namespace=network.namespace)
    assert network.rules() == before


def test_a_secondary_address_survives_its_primary(network):
    for text in ("10.0.0.2/24", "10.0.0.3/24", "10.9.9.9"):
        network.add_address("v1", parse_interface_address(text))
    network.remove_address("v1", parse_interface_address("10.0.0.1/24"))
    network.remove_address("v1", parse_interface_address("10.0.0.1/24"))
    network.remove_address("v1", parse_interface_address("fd00::7/64"))
    found = {str(address) for address in network.link("v1").addresses}
    assert found == {"10.0.0.2/24", "10.0.0.3/24", "10.9.9.9/32", "fd00::1/64"}


def test_an_ipv6_address_is_usable_at_once(place, network):
    assert "tentative" not in place.run("ip", "address", "show", "dev", "v1", namespace=network.namespace).stdout


def test_links_show_what_they_are(network):
    network.set_mtu("v1", 1400)
    network.set_up("v1", False)
    found = network.link("v1")
    assert (found.kind, found.mtu, found.up) == ("veth", 1400, False)
    assert found.statistics["rx_bytes"] >= 0
    assert "rx_frame_errors" in found.statistics
    assert network.link("lo").kind == ""
    assert network.link("nothing") is None
    assert [link.name for link in network.links()] == ["lo", "v1", "v2"]


def test_an_unknown_device_is_named(network):
    for change in (
        lambda: network.set_mtu("nope", 1300),
        lambda: network.set_up("nope", True),
        lambda: network.add_address("nope", parse_interface_address("10.0.0.9/24")),
        lambda: network.add_route(route("10.0.0.0/8", device="nope")),
    ):
        with pytest.raises(HostError, match="there is no device nope") as caught:
            change()
        assert caught.value.errno == errno.ENODEV
    network.remove_address("nope", parse_interface_address("10.0.0.9/24"))
    network.delete_link("nope")


def test_forwarding_is_that_of_the_namespace(place, network):
    other = place.host().network(place.namespace("other"))
    for family in (4, 6):
        network.set_forwarding(family, False)
        other.set_forwarding(family, True)
        assert (network.forwarding(family), other.forwarding(family)) == (False, True)
        network.set_forwarding(family, True)
        other.set_forwarding(family, False)
        assert (network.forwarding(family), other.forwarding(family)) == (True, False)


def test_thousands_of_routes_are_read_in_time(place, network):
    lines = [f"route add 10.{n >> 8}.{n & 255}.0/24 dev v1 table 77 proto 148" for n in range(5_000)]
    prefix = ["ip", "netns", "exec", network.namespace] if network.namespace else []
    subprocess.run([*prefix, "ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    assert len(ours(network)) == 5_000


def test_namespaces_come_and_go_and_iproute2_agrees(place):
    _netns.create("blue")
    assert place.run("ip", "netns", "list").stdout.split() == ["blue"]
    assert "LOOPBACK,UP" in place.run("ip", "-n", "blue", "link", "show", "lo").stdout
    with pytest.raises(HostError, match="the name is taken"):
        _netns.create("blue")
    place.run("ip", "netns", "add", "red")
    assert _netns.names() == ("blue", "red")
    assert not _netns.loopback_is_up("red")
    _netns.set_loopback_up("red")
    assert _netns.loopback_is_up("red")
    _netns.delete("blue")
    _netns.delete("blue")
    place.run("ip", "netns", "delete", "red")
    assert _netns.names() == ()


def test_a_namespace_comes_and_goes_in_other_mount_namespaces_too(place):
    """A service with mounts of its own must see it (ip-netns(8)), and a mount left there would keep it alive."""
    _netns.create("first")
    with subprocess.Popen(["unshare", "-m", "--propagation", "slave", "sleep", "60"]) as other:
        try:
            while _netns.process_name(other.pid) != "sleep":
                time.sleep(0.01)
            _netns.create("blue")
            there = f"/proc/{other.pid}/root/run/netns"
            assert os.stat(f"{there}/blue").st_ino == _netns.inode("blue")
            _netns.delete("blue")
            assert os.listdir(there) == ["first"]
            with open(f"/proc/{other.pid}/mountinfo", encoding="ascii") as mounts:
                assert "netns/blue" not in mounts.read()
        finally:
            other.kill()


def test_a_leftover_file_is_no_namespace_and_can_be_deleted(place):
    os.makedirs("/run/netns")
    with open("/run/netns/old", "w", encoding="ascii"):
        pass
    assert _netns.names() == ()
    assert not _netns.exists("old")
    with pytest.raises(HostError, match="there is no network namespace 'old'"):
        _netns.Worker("old")
    _netns.delete("old")
    assert os.listdir("/run/netns") == []


def test_a_typo_makes_no_namespace(place):
    host = place.host()
    with pytest.raises(HostError, match="there is no network namespace 'typo'"):
        host.network("typo")
    assert _netns.names() == ()
    assert not os.path.exists("/run/netns/typo")


@pytest.mark.parametrize("name", ["", ".", "..", "@", "a/b", "-n", "a b", "a\nb", "x" * 256, None, 5])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(InvalidInput):
        _netns.parse_name(name)


def test_the_calling_thread_never_moves(place):
    before = _netns.own_inode()
    worker = _netns.Worker(place.namespace("blue"))
    inside: list[int] = []
    worker.run(lambda: inside.append(_netns.own_inode()))
    with pytest.raises(ZeroDivisionError):
        worker.run(lambda: 1 // 0)
    assert inside == [worker.inode] == [_netns.inode("blue")]
    assert inside != [before]
    assert _netns.own_inode() == before
    worker.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("netns-blue")]


def test_a_namespace_that_was_made_again_is_entered_again(place):
    host = place.host()
    place.namespace("blue")
    host.network("blue").links()
    keeper = subprocess.Popen(["ip", "netns", "exec", "blue", "sleep", "60"])
    try:
        place.run("ip", "netns", "delete", "blue")
        place.namespace("blue")
        place.run("ip", "-n", "blue", "link", "add", "new1", "type", "veth", "peer", "name", "new2")
        assert host.network("blue").link("new1") is not None
    finally:
        keeper.kill()
        keeper.wait()


def test_names_are_resolved_as_the_namespace_does(place):
    place.namespace("blue")
    place.run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    os.makedirs("/mnt/upper")
    os.makedirs("/mnt/work")
    place.run("mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work", "overlay", "/etc")
    os.makedirs("/etc/netns/blue")
    for path, address in (("/etc/hosts", "192.0.2.1"), ("/etc/netns/blue/hosts", "2001:db8::2")):
        with open(path, "w", encoding="ascii") as handle:
            handle.write(f"{address} hub.example.net\n")
    host = place.host()
    assert str(host.resolve("hub.example.net", socket_namespace="")) == "192.0.2.1"
    assert str(host.resolve("hub.example.net", socket_namespace="blue")) == "2001:db8::2"
    assert str(host.resolve("192.0.2.77", socket_namespace="blue")) == "192.0.2.77"
    with pytest.raises(HostError, match=r"cannot resolve 'nowhere\.invalid' in network namespace 'blue'"):
        host.resolve("nowhere.invalid", socket_namespace="blue")
    assert _resolve.SECONDS


def test_the_way_of_a_packet_is_the_kernels_answer():
    """Against `ip route get`, for both families and all that may stand in its way."""
    with isolated() as place:
        network = place.host().network("")
        place.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
        for device, number in (("one", 1), ("two", 2)):
            place.run("ip", "address", "add", f"10.0.{number}.1/24", "dev", device)
            place.run("ip", "address", "add", f"fd0{number}::1/64", "dev", device, "nodad")
            place.run("ip", "link", "set", device, "up")
        for family, prefix in (("-4", "10.9.{}.0/24"), ("-6", "fd09:{}::/32")):
            for number, kind in enumerate(("unreachable", "prohibit", "blackhole")):
                place.run("ip", family, "route", "add", kind, prefix.format(number))
        place.run("ip", "rule", "add", "fwmark", "7", "lookup", "77")
        place.run("ip", "route", "add", "10.0.1.0/24", "dev", "two", "table", "77")
        place.run("ip", "rule", "add", "from", "10.0.2.1", "lookup", "77")

        def way(text, **fields):
            found = network.way(parse_address(text), **fields)
            return found.device, found.kind

        assert way("10.0.1.9") == way("fd01::9") == ("one", "unicast")
        assert way("10.0.1.1") == way("fd01::1") == ("lo", "local")
        assert way("10.8.0.1") == way("fd08::1") == (None, "unreachable")
        for number, kind in enumerate(("unreachable", "prohibit", "blackhole")):
            assert way(f"10.9.{number}.1") == way(f"fd09:{number}::1") == (None, kind)
        assert way("10.0.1.9", mark=7) == ("two", "unicast")
        assert way("10.0.1.9", source=parse_address("10.0.2.1")) == ("two", "unicast")


def test_a_strict_check_of_sources_is_the_higher_value_of_two():
    with isolated() as place:
        network = place.host().network("")
        place.run("ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
        for everywhere, own, strict in ((0, 0, False), (1, 0, True), (0, 1, True), (2, 1, False), (0, 2, False)):
            for device, value in (("all", everywhere), ("one", own)):
                place.run("sysctl", "-q", "-w", f"net.ipv4.conf.{device}.rp_filter={value}")
            assert network.checks_sources("one") is strict, (everywhere, own)
