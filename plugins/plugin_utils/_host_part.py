# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part of the plan, with what only that host's variables hold: its secrets and its state directory."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import key_path
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import whole_network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._task import (
    Templar,
    Variables,
    find_fleet_secret,
    find_plan,
    find_private_keys,
)

Arguments = Mapping[str, t.Any]
Place = tuple[str, str]

_LAB_CONNECTION = "cryptokey.wireguard.netns"


@dataclass(frozen=True, kw_only=True)
class HostPart:
    """interfaces: argument sets of the module interface.  networks, public_keys: by (namespace, name) of the interface.

    private_keys: by network.  Whatever holds a secret is kept out of repr().
    """

    host: str
    state_directory: str
    interfaces: tuple[Arguments, ...] = field(repr=False)
    networks: Mapping[Place, str]
    public_keys: Mapping[Place, str]
    private_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def present(self) -> tuple[Arguments, ...]:
        return tuple(interface for interface in self.interfaces if interface.get("state") != "absent")

    @property
    def namespaces(self) -> list[str]:
        """Those that must be there before an interface can live or have its socket in them."""
        names = {interface.get(option) for interface in self.present for option in ("namespace", "socket_namespace")}
        return sorted(name for name in names if name)

    def network(self, interface: Arguments) -> str:
        return self.networks.get(_place(interface), "")

    def label(self, interface: Arguments) -> str:
        namespace, name = _place(interface)
        return f"{name} in namespace {namespace}" if namespace else name

    def key_file(self, interface: Arguments) -> str:
        """Where the host keeps the interface's private key."""
        return interface.get("private_key_file") or key_path(self.state_directory, *_place(interface))

    def arguments(self, interface: Arguments) -> dict[str, t.Any]:
        """What the module is called with. A private key that the user brings along goes in only here.

        The public key is the one that all peers get: a host that has another would be cut off, so it has to refuse.
        """
        arguments = {**interface, "state_directory": self.state_directory}
        if interface.get("state") == "absent":
            return arguments
        keys = {
            "private_key": self.private_keys.get(self.network(interface)),
            "public_key": self.public_keys.get(_place(interface)),
        }
        return {**arguments, **{name: key for name, key in keys.items() if key}}


def read_host_part(task_vars: Variables, templar: Templar, *, state_directory: str) -> HostPart:
    """What the host is to be. Raises InvalidInput."""
    host = str(task_vars["inventory_hostname"])
    secret = find_fleet_secret(task_vars, templar)
    interfaces = host_config(find_plan(task_vars), host, fleet_secret=secret)
    if task_vars.get("ansible_connection") == _LAB_CONNECTION:
        interfaces = [_rehearsed(interface) for interface in interfaces]
    return _host_part(interfaces, task_vars, templar, state_directory=state_directory)


def _rehearsed(interface: Arguments) -> dict[str, t.Any]:
    """A lab host has no packet filter to open, and other devices, whose reverse path filters the lab itself has set."""
    name = interface["name"]
    changed: dict[str, t.Any] = {"open_port": "off"} if interface.get("open_port") else {}
    if interface.get("rp_filter"):
        changed["rp_filter"] = {device: word for device, word in interface["rp_filter"].items() if device == name}
    return {**interface, **changed}


def read_key_part(task_vars: Variables, templar: Templar, *, state_directory: str) -> HostPart:
    """What needs a private key on the host. Asks for no peers, whose public keys may still be unknown."""
    keys = ("name", "namespace")
    interfaces = [
        {**{key: interface.get(key) for key in keys}, **(interface.get("options") or {})}
        for interface in _document_interfaces(task_vars)
    ]
    return _host_part(interfaces, task_vars, templar, state_directory=state_directory)


def _host_part(
    interfaces: Iterable[Arguments], task_vars: Variables, templar: Templar, *, state_directory: str
) -> HostPart:
    document = _document_interfaces(task_vars)
    networks = {_place(interface): whole_network(str(interface.get("network") or "")) for interface in document}
    private_keys = find_private_keys(task_vars, templar)
    known = find_plan(task_vars)["fleet"].get("networks") or {}
    _check_networks(private_keys, {*networks.values(), *known})
    return HostPart(
        host=str(task_vars["inventory_hostname"]),
        state_directory=state_directory,
        interfaces=tuple(interfaces),
        networks=networks,
        public_keys={
            _place(interface): interface["public_key"] for interface in document if interface.get("public_key")
        },
        private_keys=private_keys,
    )


def _document_interfaces(task_vars: Variables) -> list[Arguments]:
    """The host's interfaces in the fleet document; none for a host that is no member."""
    hosts = find_plan(task_vars)["fleet"]["hosts"]
    return list((hosts.get(task_vars["inventory_hostname"]) or {}).get("interfaces") or [])


def _place(interface: Arguments) -> Place:
    return str(interface.get("namespace") or ""), str(interface["name"])


def _check_networks(private_keys: Mapping[str, str], networks: set[str]) -> None:
    """A key for a network that is misspelt would otherwise be replaced by one that is made on the host."""
    for network in sorted(set(private_keys) - networks):
        remedy = f"the networks are {', '.join(sorted(networks))}"
        raise InvalidInput("is not a network", path=f"wireguard_private_keys.{network}", remedy=remedy)
