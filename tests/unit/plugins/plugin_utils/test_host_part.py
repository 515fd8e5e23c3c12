# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_part import (
    HostPart,
    read_host_part,
    read_key_part,
)

STATE = "/etc/wireguard/cryptokey"
SECRET = base64.b64encode(bytes([9]) * 32).decode()


class Literal:
    """A templar for variables without templates."""

    def template(self, variable: t.Any) -> t.Any:
        return variable


def key(seed: int) -> str:
    return base64.b64encode(bytes([seed]) * 32).decode()


def interface(name: str, network: str, **more: t.Any) -> dict[str, t.Any]:
    common = {"namespace": "", "socket_namespace": "", "public_key": key(1), "addresses": ["10.0.0.1/32"], "peers": []}
    return {"name": name, "network": network, **common, **more}


def peer(**more: t.Any) -> dict[str, t.Any]:
    return {"name": "b", "public_key": key(2), "allowed_ips": ["10.0.0.2/32"], "preshared_key_id": None, **more}


def variables(*interfaces: t.Any, removals: t.Any = (), **more: t.Any) -> dict[str, t.Any]:
    plan = {
        "fleet": {"hosts": {"a": {"interfaces": list(interfaces)}}, "networks": {"corp": {}, "lab": {}}},
        "removals": {"a": list(removals)},
    }
    return {"inventory_hostname": "a", "fleet_plan": plan, **more}


def part(*interfaces: t.Any, **more: t.Any) -> HostPart:
    return read_host_part(variables(*interfaces, **more), Literal(), state_directory=STATE)


def test_a_private_key_reaches_only_the_interface_of_its_network() -> None:
    found = part(interface("wg0", "corp"), interface("wg1", "lab"), wireguard_private_keys={"lab": SECRET})
    first, second = found.interfaces
    assert "private_key" not in found.arguments(first)
    assert found.arguments(second)["private_key"] == SECRET
    assert found.arguments(second)["state_directory"] == STATE
    assert "private_key" not in second, "the argument set of the plan is not changed"


def test_the_module_is_told_which_key_the_peers_know() -> None:
    found = part(interface("wg0", "corp"), interface("wg0", "lab", namespace="blue", public_key=key(3)))
    assert [found.arguments(entry)["public_key"] for entry in found.interfaces] == [key(1), key(3)]


def test_an_interface_that_is_removed_gets_no_private_key() -> None:
    found = part(removals=[{"name": "wg0", "namespace": ""}], wireguard_private_keys={"corp": SECRET})
    assert found.arguments(found.interfaces[0]) == {
        "name": "wg0", "namespace": "", "state": "absent", "state_directory": STATE,
    }  # fmt: skip
    assert found.present == ()


def test_namespaces_of_devices_and_sockets_are_needed_once_and_never_the_initial_one() -> None:
    found = part(
        interface("wg0", "corp", namespace="blue", socket_namespace="red"),
        interface("wg1", "lab", namespace="blue"),
        removals=[{"name": "wg9", "namespace": "gone"}],
    )
    assert found.namespaces == ["blue", "red"]


def test_equal_names_in_two_namespaces_are_told_apart() -> None:
    found = part(interface("wg0", "corp"), interface("wg0", "lab", namespace="blue"))
    assert [found.network(entry) for entry in found.interfaces] == ["corp", "lab"]
    assert [found.label(entry) for entry in found.interfaces] == ["wg0", "wg0 in namespace blue"]
    assert [found.key_file(entry) for entry in found.interfaces] == [f"{STATE}/@/wg0.key", f"{STATE}/blue/wg0.key"]


def test_a_declared_key_file_is_the_key_file_for_both_tasks() -> None:
    declared = interface("wg0", "corp", options={"private_key_file": "/root/wg0.key"})
    keys = read_key_part(variables(declared), Literal(), state_directory=STATE)
    assert keys.key_file(keys.interfaces[0]) == "/root/wg0.key"
    found = part(declared)
    assert found.arguments(found.interfaces[0])["private_key_file"] == "/root/wg0.key"


def test_keys_are_made_before_those_of_the_peers_are_known() -> None:
    unknown = variables(
        interface("wg0", "corp", public_key=None, peers=[peer(public_key=None, preshared_key_id="corp/1")])
    )
    keys = read_key_part(unknown, Literal(), state_directory=STATE)
    assert [entry["name"] for entry in keys.interfaces] == ["wg0"]
    with pytest.raises(InvalidInput):
        read_host_part(unknown, Literal(), state_directory=STATE)


def test_a_host_that_is_no_member_has_no_part() -> None:
    found = read_host_part({**variables(), "inventory_hostname": "z"}, Literal(), state_directory=STATE)
    assert found.interfaces == ()


def test_secrets_do_not_show_in_a_traceback() -> None:
    derived = interface("wg0", "corp", peers=[peer(preshared_key_id="corp/1")])
    found = part(derived, wireguard_fleet_secret="horse", wireguard_private_keys={"corp": SECRET})
    preshared = found.interfaces[0]["peers"][0]["preshared_key"]
    assert preshared not in repr(found)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"fleet_plan": None}, "fleet_plan: is not a plan; run the entry point plan of the role before"),
        (
            {"wireguard_private_keys": {"copr": "x"}},
            "wireguard_private_keys.copr: is not a network; the networks are corp, lab",
        ),
        ({"wireguard_private_keys": "x"}, "wireguard_private_keys: is not a mapping from network to private key"),
        (
            {"wireguard_private_keys": {"corp": 7}},
            "wireguard_private_keys: is not a mapping from network to private key",
        ),
        (
            {"wireguard_fleet_secret": ["x"]},
            "wireguard_fleet_secret: is not a text; write one long random text, in a vault",
        ),
    ],
)
def test_wrong_variables_are_refused_by_name_and_without_their_value(more: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_host_part({**variables(interface("wg0", "corp")), **more}, Literal(), state_directory=STATE)
    assert str(raised.value) == message


def test_a_rehearsal_opens_no_port_and_sets_no_other_devices_filter() -> None:
    options = {"open_port": "ufw", "rp_filter": {"eth0": "loose", "wg0": "off"}, "masquerade": {"ipv4": ["eth0"]}}
    rehearsed = {"ansible_connection": "cryptokey.wireguard.netns"}
    (real,) = part(interface("wg0", "corp", options=options)).interfaces
    (staged,) = part(interface("wg0", "corp", options=options), **rehearsed).interfaces
    assert {name: real[name] for name in options} == options
    assert (staged["open_port"], staged["rp_filter"]) == ("off", {"wg0": "off"})
    assert {**real, "open_port": "off", "rp_filter": {"wg0": "off"}} == staged
