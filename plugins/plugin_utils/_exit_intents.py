# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full tunnel is expected to do, as intents of the document: the prover knows nothing about exits."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Inventory, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._exits import Exits
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import united

Document = dict[str, t.Any]

# Ranges that no router passes on, or that every host treats in its own way (RFC 6890).
_SPECIAL = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8")


def exit_intents(
    inventory: Inventory, network: Network, exits: Exits, fleet: Document
) -> Iterator[tuple[str, Document]]:
    """(network of the document, intent), one per exit: its users reach what lies beyond it, and the answers come back.

    Left out is what a stack on the way has a longer route for, since that goes another way on purpose. What an external
    exit does with packets nobody can prove: they have to get there, and whatever it sends back has to be let in.
    """
    members = inventory.members(network.name)
    for name in sorted(exits.users):
        parts: dict[str, dict[str, tuple[int, ...]]] = {}
        for user, families in exits.users[name].items():
            parts.setdefault(network.part(user), {})[user] = families
        end = {"host": name} if name in members else {"peer": name}
        for part, users in sorted(parts.items()):
            wanted = sorted({family for found in users.values() for family in found})
            near_by = exits.involved(users) | ({name} & members.keys())
            near = [
                prefix
                for host in near_by
                for prefix in _routed(fleet["hosts"][host]["namespaces"][members[host].namespace])
            ]
            special = map(parse_prefix, _SPECIAL)
            unowned = _unowned(inventory, near_by)
            excepted = [one for one in united([*special, *unowned, *near]) if one.family in wanted]
            beyond = [str(Prefix(family, 0, 0)) for family in wanted]
            to = {**end, "beyond": beyond, "except": [str(prefix) for prefix in excepted]}
            yield part, {"from": {"hosts": sorted(users)}, "to": to, "reach": True}


def _unowned(inventory: Inventory, hosts: Iterable[str]) -> list[Prefix]:
    """What has longer routes on some hosts though no stack owns it: pools, supernets, what is behind external peers.

    What members own is known to the prover, so that an intent is not as long as the network that it is about.
    """
    names = {
        name for host in hosts for name, member in inventory.hosts[host].members.items() if member.state == "present"
    }
    found: set[Prefix] = set()
    for name in names:
        network = inventory.networks[name]
        found.update(network.pool, network.supernet, *(peer.prefixes for peer in network.external_peers))
    return list(found)


def _routed(stack: Mapping[str, t.Any]) -> Iterator[Prefix]:
    """The connected prefixes and the described routes, but for the default ones."""
    for addresses in stack.get("addresses", {}).values():
        yield from (parse_interface_address(text).prefix for text in addresses)
    for route in stack.get("routes", ()):
        if route["destination"] != "allowed_ips":
            prefix = parse_prefix(route["destination"])
            if prefix.length:
                yield prefix
