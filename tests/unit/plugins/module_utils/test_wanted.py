# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: when an endpoint is set, who may take a prefix, what counts as ours, why a device is made again."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peer import declare_peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import DeviceUpdate, PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge_peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint, PeerStatistics, Route, Rule
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils.declarations import (
    KEYS,
    PRIVATE_KEYS,
    World,
    own_key,
)

ONE, OTHER = KEYS[0], KEYS[1]


def peer(key: str = ONE, *prefixes: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"public_key": key, "allowed_ips": list(prefixes), **fields}


def set_on_device(world: World, **fields: t.Any) -> None:
    """Somebody else changes a peer."""
    update = PeerUpdate(PublicKey.parse(fields.pop("key", ONE)), **fields)
    world.host.wireguard("", "wg0").write(DeviceUpdate(peers=(update,)))


def endpoint(world: World, key: str = ONE) -> str | None:
    peers = world.host.wireguard("", "wg0").device.peers
    return next(str(found.endpoint) if found.endpoint else None for found in peers if str(found.public_key) == key)


@pytest.fixture
def world() -> World:
    return World()


ROAMED = Endpoint("198.51.100.7", 7)


class TestEndpoints:
    def test_one_that_roamed_stays(self, world):
        arguments = {"name": "wg0", "peers": [peer(endpoint="192.0.2.1:1")]}
        world.converge(arguments)
        set_on_device(world, endpoint=ROAMED)
        assert not world.converge(arguments).changed
        assert endpoint(world) == "198.51.100.7:7"

    def test_one_whose_declaration_changed_is_set(self, world):
        world.converge({"name": "wg0", "peers": [peer(endpoint="192.0.2.1:1")]})
        set_on_device(world, endpoint=ROAMED)
        assert world.converge({"name": "wg0", "peers": [peer(endpoint="192.0.2.2:1")]}).changed
        assert endpoint(world) == "192.0.2.2:1"

    def test_enforce_sets_it_back(self, world):
        arguments = {"name": "wg0", "endpoint_policy": "enforce", "peers": [peer(endpoint="192.0.2.1:1")]}
        world.converge(arguments)
        set_on_device(world, endpoint=ROAMED)
        assert world.converge(arguments).changed
        assert endpoint(world) == "192.0.2.1:1"

    @pytest.mark.parametrize(("handshake", "kept"), [(1700000000.0, True), (None, False)])
    def test_without_a_record_one_that_has_answered_stays(self, world, handshake, kept):
        arguments = {"name": "wg0", "peers": [peer(endpoint="192.0.2.1:1")]}
        world.converge(arguments)
        set_on_device(world, endpoint=ROAMED)
        world.host.wireguard("", "wg0").statistics[PublicKey.parse(ONE)] = PeerStatistics(handshake, 0, 0)
        world.store.kept.clear()
        world.converge(arguments)
        assert endpoint(world) == ("198.51.100.7:7" if kept else "192.0.2.1:1")

    def test_a_name_is_resolved_only_when_it_is_to_be_set(self, world):
        arguments = {"name": "wg0", "peers": [peer(endpoint="hub.example:51820")]}
        world.converge(arguments)
        assert endpoint(world) == "192.0.2.9:51820"
        world.host.names.clear()
        assert not world.converge(arguments).changed

    @pytest.mark.parametrize("check", [True, False])
    def test_a_name_that_does_not_resolve_is_refused_before_anything_is_done(self, world, check):
        arguments = {"name": "wg0", "peers": [peer(endpoint="typo.example:51820")]}
        text = "peers[0].endpoint: 'typo.example:51820' cannot be resolved: typo.example is unknown"
        if check:
            assert world.converge(arguments, check=True).warnings[0].startswith(text)
            return
        with pytest.raises(InvalidInput) as caught:
            world.converge(arguments)
        assert str(caught.value).startswith(text)
        assert world.host.faults.count == 0


class TestPeers:
    def test_the_own_key_as_a_peer_is_refused(self, world):
        key = str(own_key(PRIVATE_KEYS[0]))
        with pytest.raises(InvalidInput, match=r"peers\[1\].public_key: is this interface's own public key"):
            world.converge({"name": "wg0", "private_key": PRIVATE_KEYS[0], "peers": [peer(), peer(key)]})
        assert world.host.faults.count == 0

    def test_a_prefix_of_a_peer_that_stays_as_it_is_may_not_be_taken(self, world):
        world.converge({"name": "wg0", "peers": [peer(ONE, "10.0.0.0/24", name="fra1")]})
        with pytest.raises(InvalidInput) as caught:
            world.converge({"name": "wg0", "peers": [peer(OTHER, "10.0.0.0/24")]})
        assert str(caught.value) == (
            f"peers[0].allowed_ips[0]: '10.0.0.0/24' belongs to the peer fra1 ({ONE[:8]}), which this declaration "
            "leaves as it is; it would silently lose it; declare that peer with its other prefixes, or as absent, or "
            "use peers_policy: exact"
        )

    @pytest.mark.parametrize(
        "arguments",
        [
            {"peers_policy": "exact", "peers": [peer(OTHER, "10.0.0.0/24")]},
            {"peers": [peer(OTHER, "10.0.0.0/24"), {"public_key": ONE, "state": "absent"}]},
            {"peers": [peer(OTHER, "10.0.0.0/24"), peer(ONE)]},
        ],
        ids=["exact", "absent", "declared"],
    )
    def test_it_may_be_taken_where_the_declaration_says_so(self, world, arguments):
        world.converge({"name": "wg0", "peers": [peer(ONE, "10.0.0.0/24")]})
        world.converge({"name": "wg0", **arguments})
        owners = {str(found.public_key): found.allowed_ips for found in world.host.wireguard("", "wg0").device.peers}
        assert owners[OTHER] == {parse_prefix("10.0.0.0/24")}

    def test_exact_without_a_list_prunes_nobody(self, world):
        world.converge({"name": "wg0", "peers": [peer()]})
        assert not world.converge({"name": "wg0", "peers_policy": "exact"}).changed

    def test_fields_that_are_not_declared_stay(self, world):
        full = peer(ONE, "10.0.0.0/24", preshared_key=KEYS[3], persistent_keepalive=25)
        world.converge({"name": "wg0", "fwmark": "7", "listen_port": 1000, "peers": [full]})
        assert not world.converge({"name": "wg0", "peers": [{"public_key": ONE, "name": None}]}).changed

    def test_an_empty_preshared_key_removes_it(self, world):
        world.converge({"name": "wg0", "peers": [peer(preshared_key=KEYS[3])]})
        result = world.converge({"name": "wg0", "peers": [peer(preshared_key="")]})
        assert result.actions == [f"change peer {ONE}: preshared key none"]


class TestOwnership:
    def test_a_route_of_our_protocol_that_is_not_on_record_is_not_ours(self, world):
        world.converge({"name": "wg0", "peers": [peer(ONE, "10.0.0.0/24")]})
        foreign = Route(parse_prefix("10.5.0.0/16"), device="wg0")
        world.host.network("").add_route(foreign)
        world.converge({"name": "wg0", "peers": [peer(ONE)]})
        assert [route for route in world.host.network("").routes() if route.protocol == 148] == [foreign]

    def test_a_route_on_record_that_somebody_made_anew_is_not_ours(self, world):
        world.converge({"name": "wg0", "peers": [peer(ONE, "10.0.0.0/24")]})
        network = world.host.network("")
        network.remove_route(Route(parse_prefix("10.0.0.0/24"), device="wg0"))
        network.add_route(Route(parse_prefix("10.0.0.0/24"), device="wg0", protocol=3))
        with pytest.raises(InvalidInput, match=r"a route that this collection did not make .*protocol 3"):
            world.converge({"name": "wg0", "peers": [peer(ONE, "10.0.0.0/24")]})
        world.converge({"name": "wg0", "peers": [peer(ONE)]})
        assert len(network.routes()) == 1

    def test_a_rule_that_somebody_else_made_is_a_conflict(self, world):
        world.host.network("").add_rule(Rule(4, priority=7, table=99, protocol=0))
        with pytest.raises(InvalidInput, match=r"rules\[0\]: 'IPv4 7: from all lookup 99' is there already"):
            world.converge({"name": "wg0", "rules": [{"priority": 7, "table": "99"}]})

    def test_what_two_interfaces_declare_goes_with_the_last_of_them(self, world):
        shared = {
            "routes": [{"destination": "10.9.0.0/16", "type": "blackhole"}],
            "rules": [{"priority": 7, "from": "10.0.0.0/8"}],
            "forwarding": {"ipv4": True},
        }
        for name in ("wg0", "wg1"):
            world.converge({"name": name, **shared})
        network = world.host.network("")
        world.converge({"name": "wg0", "state": "absent"})
        assert len(network.routes()) == len(network.rules()) == 1
        assert network.forwarding(4)
        world.converge({"name": "wg1", "state": "absent"})
        assert (network.routes(), network.rules(), network.forwarding(4)) == ((), (), False)

    def test_the_connected_route_of_an_own_address_does_the_job(self, world):
        arguments = {"name": "wg0", "addresses": ["10.0.0.1/24"], "peers": [peer(ONE, "10.0.0.0/24")]}
        world.converge(arguments)
        assert [route.protocol for route in world.host.network("").routes()] == [2]
        world.converge({**arguments, "addresses": ["10.0.0.1/32"]})
        assert [route.protocol for route in world.host.network("").routes()] == [148]
        world.converge(arguments)
        assert [route.protocol for route in world.host.network("").routes()] == [2]


class TestForwarding:
    def test_it_is_put_back_to_what_it_was(self, world):
        world.host.network("").forwards[6] = True
        world.converge({"name": "wg0", "forwarding": {"ipv4": True, "ipv6": True}})
        world.converge({"name": "wg0", "state": "absent"})
        assert world.host.network("").forwards == {4: False, 6: True}

    def test_true_wins_over_the_false_of_another_interface(self, world):
        world.converge({"name": "wg0", "forwarding": {"ipv4": True}})
        world.converge({"name": "wg1", "forwarding": {"ipv4": False}})
        assert world.host.network("").forwards[4]
        world.converge({"name": "wg0", "forwarding": {"ipv4": False}})
        assert not world.host.network("").forwards[4]

    def test_namespaces_do_not_share_it(self, world):
        world.converge({"name": "wg0", "forwarding": {"ipv4": True}})
        world.converge({"name": "wg0", "namespace": "blue", "forwarding": {"ipv4": True}})
        world.converge({"name": "wg0", "state": "absent"})
        assert (world.host.network("").forwards[4], world.host.network("blue").forwards[4]) == (False, True)

    def test_a_device_that_listens_to_routers_is_named(self, world):
        network = world.host.network("")
        network.make_link("eth0", kind="veth", up=True)
        network.add_route(Route(parse_prefix("::/0"), metric=1024, device="eth0", protocol=9))
        result = world.converge({"name": "wg0", "forwarding": {"ipv6": True}})
        assert "net.ipv6.conf.eth0.accept_ra=2" in result.warnings[0]
        assert world.converge({"name": "wg0", "forwarding": {"ipv6": True}}).warnings == []


class TestDevice:
    def test_auto_prefers_the_kernel_and_never_changes_a_running_interface(self, world):
        world.host.installed = ("userspace",)
        assert world.converge({"name": "wg0"}).backend == "userspace"
        world.host.installed = ("kernel", "userspace")
        assert not world.converge({"name": "wg0"}).changed
        assert world.converge({"name": "wg1"}).backend == "kernel"

    def test_another_backend_is_an_outage_that_is_stated_and_keeps_everything(self, world):
        full = {"listen_port": 1000, "fwmark": "7", "mtu": 1300, "addresses": ["10.0.0.1/24"]}
        world.converge({"name": "wg0", **full, "peers": [peer(ONE, "10.1.0.0/16", preshared_key=KEYS[3])]})
        foreign = Route(parse_prefix("10.50.0.0/16"), device="wg0", protocol=3)
        world.host.network("").add_route(foreign)
        before = world.host.wireguard("", "wg0").device
        result = world.converge({"name": "wg0", "backend": "userspace"})
        assert result.actions[0] == (
            "delete interface wg0 to make it again, which interrupts its tunnels: "
            "its backend changes from kernel to userspace"
        )
        assert world.host.wireguard("", "wg0").device == before
        assert foreign in world.host.network("").routes()
        assert world.host.network("").link("wg0").mtu == 1300

    def test_an_engine_that_ended_is_started_again(self, world):
        world.host.installed = ("userspace",)
        world.converge({"name": "wg0", "peers": [peer(ONE, "10.1.0.0/16")]})
        world.host.kill("", "wg0")
        result = world.converge({"name": "wg0", "peers": [peer(ONE, "10.1.0.0/16")]})
        assert result.actions[:2] == [
            "clear away what the ended userspace engine of wg0 has left",
            "create interface wg0 (userspace) again: its userspace engine has ended",
        ]
        assert "add route 10.1.0.0/16 dev wg0" in result.actions
        assert result.disruptive == [], "there was nothing left to lose"
        assert "its userspace engine has ended. Its tunnels were down" in result.warnings[0]
        assert not world.converge({"name": "wg0", "peers": [peer(ONE, "10.1.0.0/16")]}).changed

    def test_an_engine_that_its_supervisor_started_again_is_filled_again(self, world):
        world.host.installed = ("userspace",)
        full = {"name": "wg0", "listen_port": 51820, "addresses": ["10.0.0.1/24"], "peers": [peer(ONE, "10.1.0.0/16")]}
        world.converge(full)
        before = world.picture()
        world.host.restart("", "wg0")
        seen = world.converge(full, check=True)
        assert "has ended and was started again, without keys and peers" in seen.warnings[0]
        with pytest.raises(HostError, match="does not work: its userspace engine has ended and was started again"):
            converge_peer(
                declare_peer({"interface": "wg0", **peer(OTHER, "10.2.0.0/16")}), host=world.host, store=world.store
            )
        result = world.converge(full)
        assert not [action for action in result.actions if action.startswith(("create", "delete", "clear"))]
        assert (result.actions, result.warnings) == (seen.actions, seen.warnings)
        assert result.disruptive == []
        assert world.picture() == before
        assert not world.converge(full).warnings

    def test_peers_that_went_with_the_device_and_are_not_declared_now_are_named(self, world):
        world.converge({"name": "wg0", "peers": [peer(name="anna"), peer(OTHER)]})
        world.host.delete("", "wg0")
        for arguments, lost in (
            ({"peers": [peer(OTHER)]}, True),
            ({"peers": [peer(OTHER), {"public_key": ONE, "state": "absent"}]}, False),
            ({"peers": [peer(OTHER)], "peers_policy": "exact"}, False),
        ):
            warnings = world.converge({"name": "wg0", **arguments}, check=True).warnings
            assert [text for text in warnings if "has lost peers" in text and "anna (" in text] == warnings
            assert bool(warnings) is lost

    def test_an_interface_that_has_gone_is_made_again_and_says_so(self, world):
        world.converge({"name": "wg0"})
        world.host.delete("", "wg0")
        result = world.converge({"name": "wg0"})
        assert result.actions[0] == ("create interface wg0 (kernel) again: it has gone since it was last declared")
        assert result.warnings == []

    def test_an_interface_whose_engine_has_ended_can_be_removed(self, world):
        world.host.installed = ("userspace",)
        world.converge({"name": "wg0"})
        world.host.kill("", "wg0")
        result = world.converge({"name": "wg0", "state": "absent"})
        assert result.actions[0] == "clear away what the ended userspace engine of wg0 has left"
        assert not world.converge({"name": "wg0", "state": "absent"}).changed

    @pytest.mark.parametrize(
        ("installed", "arguments", "text"),
        [
            ((), {}, "neither WireGuard in its kernel nor a userspace engine"),
            (("userspace",), {"backend": "kernel"}, "this host's kernel has no WireGuard"),
            (("kernel",), {"backend": "userspace", "userspace_engine": "x"}, "this host has no x"),
        ],
    )
    def test_a_backend_that_is_not_there_is_named(self, world, installed, arguments, text):
        world.host.installed = installed
        with pytest.raises(HostError, match=text):
            world.converge({"name": "wg0", **arguments})
        assert text in world.converge({"name": "wg0", **arguments}, check=True).warnings[0]


class TestKeys:
    def test_a_key_is_made_once(self, world):
        first = world.converge({"name": "wg0"})
        assert first.actions[0] == "make a private key in /etc/wireguard/cryptokey/@/wg0.key"
        assert world.converge({"name": "wg0"}).public_key == first.public_key

    def test_a_given_key_replaces_the_one_in_the_file(self, world):
        world.converge({"name": "wg0"})
        result = world.converge({"name": "wg0", "private_key": PRIVATE_KEYS[1]})
        assert result.public_key == str(own_key(PRIVATE_KEYS[1]))
        assert not world.converge({"name": "wg0"}).changed

    def test_an_unclamped_key_is_the_same_key(self, world):
        world.converge({"name": "wg0", "private_key": PRIVATE_KEYS[1]})
        assert not world.converge({"name": "wg0", "private_key": PRIVATE_KEYS[1]}).changed
