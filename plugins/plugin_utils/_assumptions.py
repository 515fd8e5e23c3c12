# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assumption ledger: what a proof takes for granted because no document can say it, and how to settle it."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import dialled
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Peer, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import Ownership


def assumptions_of(model: Model, ownership: Ownership) -> t.Iterator[dict[str, t.Any]]:
    """One entry per kind of assumption: {assumption, settle, hosts}."""
    gateways = sorted(
        {
            owned.stack.host
            for network in ownership.networks.values()
            for owned in network.stacks.values()
            if any(owned.behind[family] for family in FAMILIES)
        }
    )
    if gateways:
        yield _entry(
            "hosts in the networks behind a gateway send their replies back to that gateway",
            "ip route get <address in the overlay>   # on a host in that network",
            gateways,
        )
    filtered = sorted({interface.host for interface in model.interfaces})
    if filtered:
        yield _entry("no packet filter drops tunnel or overlay traffic", "nft list ruleset", filtered)
    named, external = _of_peers(model)
    if named:
        yield _entry("endpoint names resolve to the right host", f"getent hosts {' '.join(named)}", [])
    translated = _translated(model)
    if translated:
        yield _entry(
            "address translation leads to the hosts that are dialled at an address that no host of the fleet has",
            "wg show all latest-handshakes   # on a host that dials them",
            translated,
        )
    if external:
        yield _entry(
            f"peers that are not managed here are set up to match: {', '.join(external)}",
            "wg show   # on that peer",
            [],
        )


def _of_peers(model: Model) -> tuple[list[str], list[str]]:
    """The DNS names among the endpoints, and the names of external peers."""
    names, external = set(), set()
    for peer in _all_peers(model):
        if peer.endpoint is not None:
            try:
                endpoint = parse_endpoint(peer.endpoint)
            except InvalidInput:
                continue
            if endpoint.address is None:
                names.add(endpoint.host)
        if peer.managed is False:
            external.add(peer.name)
    return sorted(names), sorted(external)


def _translated(model: Model) -> list[str]:
    """The hosts of which the addresses are described, and that somebody dials at another one that nobody has."""
    described, held = set(), set()
    for stack in model.stacks.values():
        addresses = [address.address for found in stack.stack.addresses.values() for address in found]
        described.update([stack.id] if addresses else [])
        held.update(addresses)
        held.update(address.address for one in stack.devices.values() for address in one.addresses)
    return sorted(
        {
            one.target.host
            for one in dialled(model)
            if one.target is not None
            and one.endpoint.address is not None
            and one.endpoint.address not in held
            and StackId(one.target.host, one.target.socket_namespace) in described
        }
    )


def _all_peers(model: Model) -> t.Iterator[Peer]:
    """Every entry once, whoever shares it."""
    for row in model.fleet.peer_groups.values():
        yield from row
    for interface in model.interfaces:
        yield from interface.peers


def _entry(assumption: str, settle: str, hosts: list[str]) -> dict[str, t.Any]:
    return {"assumption": assumption, "settle": settle, "hosts": hosts}
