# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell an operator about a packet that is stopped: the rule, one sentence, and the smallest edit."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked

RULES = {
    "no_route": "WG301",
    "blackhole": "WG301",
    "unreachable": "WG301",
    "prohibit": "WG301",
    "no_peer": "WG302",
    "exits": "WG303",
    "delivered": "WG601",
    "source_rejected": "WG304",
    "not_forwarded": "WG305",
    "martian_source": "WG307",
    "rp_filtered": "WG307",
    "loop": "WG401",
    "no_endpoint": "WG501",
    "one_sided": "WG105",
    "unmanaged_peer": "WG108",
}


class Explanation(t.NamedTuple):
    """The rule that a blocker belongs to, one sentence, and the edit that mends it."""

    rule: str
    message: str
    hint: str


def explain(model: Model, blocked: Blocked, *, family: int, source: int, destination: int) -> Explanation:
    """Why the packet stops there."""
    packet = _Packet(Address(family, source), Address(family, destination))
    message, hint = _TEXTS[blocked.outcome](model, blocked, packet)
    rule = RULES[blocked.outcome]
    if blocked.outcome == "unmanaged_peer" and _external(model, blocked, packet) is not None:
        rule = "WG202"
    if blocked.outcome == "exits" and not _listed(model, blocked.place.stack, Address(family, destination)):
        rule = "WG301"
    return Explanation(rule, message, hint)


class _Packet(t.NamedTuple):
    source: Address
    destination: Address


def _listed(model: Model, stack: StackId, destination: Address) -> bool:
    """Whether a peer of that stack lists the destination."""
    return any(
        model.cryptokey(interface).trie(destination.family).at(destination.number) is not None
        for interface in model.stacks[stack].devices.values()
    )


def _no_route(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        f"{blocked.place.stack} has no route for {packet.destination}",
        f"route the prefix of {packet.destination} into the WireGuard device of {blocked.place.stack}",
    )


def _error_route(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        f"a route of type {blocked.outcome} on {blocked.place.stack} takes {packet.destination}",
        f"remove that route on {blocked.place.stack} or add a more specific one",
    )


def _no_peer(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        (
            f"{blocked.place.stack} routes {packet.destination} into {blocked.place.device}, "
            "where no peer's AllowedIPs hold it (ENOKEY)"
        ),
        f"add the prefix to the AllowedIPs of the right peer on {blocked.place.device}, or remove the route",
    )


def _exits(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        f"{packet.destination} leaves {blocked.place.stack} by {blocked.place.device}, outside the overlay",
        f"route the prefix of {packet.destination} into the WireGuard device of {blocked.place.stack}",
    )


def _delivered(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        f"{packet.destination} is an address of {blocked.place.stack} too, which keeps the packet",
        "give every stack its own address",
    )


def _source_rejected(model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    stack, device = blocked.place
    cryptokey = model.cryptokey(model.stacks[stack].devices[device or ""])
    owner = cryptokey.trie(packet.source.family).at(packet.source.number)
    rejects = f"{stack} rejects source {packet.source} from peer {blocked.sender} on {device}: its AllowedIPs there"
    if owner is None:
        return (
            f"{rejects} do not hold it",
            f"add the prefix of {packet.source} to the AllowedIPs of peer {blocked.sender} on {stack}",
        )
    name = cryptokey.entries(owner.ident)[-1].name
    return (
        f"{rejects} lose it to {owner.prefix} of peer {name}",
        f"give the prefix of {packet.source} to peer {blocked.sender} on {stack} instead of {name}",
    )


def _not_forwarded(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    family = packet.source.family
    setting = "net.ipv4.ip_forward" if family == 4 else "net.ipv6.conf.all.forwarding"
    return (
        (
            f"{blocked.place.stack} does not forward IPv{family}: {setting}=0 drops a packet "
            f"from {packet.source} to {packet.destination}"
        ),
        f"switch forwarding.ipv{family} on at {blocked.place.stack}",
    )


def _martian(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        (
            f"{blocked.place.stack} drops a packet from {packet.source} that comes in by {blocked.place.device}: "
            "the source is one of its own addresses"
        ),
        "give every stack its own address",
    )


def _rp_filtered(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        (
            f"rp_filter on {blocked.place.device} of {blocked.place.stack} drops a packet from {packet.source}: "
            "the way back does not lead there"
        ),
        f"route the prefix of {packet.source} into {blocked.place.device}, or set rp_filter of it to 0",
    )


def _loop(_model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    return (
        f"packets from {packet.source} to {packet.destination} come back to {blocked.place.stack} for ever",
        f"make one hop of the circle deliver {packet.destination}, or take it out of the AllowedIPs there",
    )


def _no_endpoint(_model: Model, blocked: Blocked, _packet: _Packet) -> tuple[str, str]:
    return (
        f"neither {blocked.place.stack} nor {blocked.sender} knows an endpoint of the other, so no handshake can start",
        f"give {blocked.place.stack} or {blocked.sender} an endpoint that the other can reach",
    )


def _one_sided(_model: Model, blocked: Blocked, _packet: _Packet) -> tuple[str, str]:
    return (
        f"{blocked.place.stack} sends to {blocked.sender}, which does not list {blocked.place.stack.host} as a peer",
        f"add {blocked.place.stack.host} to the peers of {blocked.sender}",
    )


def _external(model: Model, blocked: Blocked, packet: _Packet) -> str | None:
    """The declared external peer that a packet is handed to."""
    cryptokey = model.cryptokey(model.stacks[blocked.place.stack].devices[blocked.place.device or ""])
    owner = cryptokey.at(packet.destination.family, packet.destination.number)
    peer = None if owner is None else cryptokey.entries(owner.ident)[-1]
    return peer.name if peer is not None and peer.managed is False else None


def _unmanaged(model: Model, blocked: Blocked, packet: _Packet) -> tuple[str, str]:
    external = _external(model, blocked, packet)
    if external is not None:
        return (
            f"{blocked.place.stack} hands {packet.destination} to the external peer {external}, which is not meant",
            f"take the prefix of {packet.destination} out of the AllowedIPs of {external}",
        )
    return (
        f"{blocked.place.stack} hands {packet.destination} to a peer whose key is no interface of this fleet",
        "correct the peer's public key, or take the prefix out of its AllowedIPs",
    )


_TEXTS: dict[str, t.Callable[[Model, Blocked, _Packet], tuple[str, str]]] = {
    "no_route": _no_route,
    "blackhole": _error_route,
    "unreachable": _error_route,
    "prohibit": _error_route,
    "no_peer": _no_peer,
    "exits": _exits,
    "delivered": _delivered,
    "source_rejected": _source_rejected,
    "not_forwarded": _not_forwarded,
    "martian_source": _martian,
    "rp_filtered": _rp_filtered,
    "loop": _loop,
    "no_endpoint": _no_endpoint,
    "one_sided": _one_sided,
    "unmanaged_peer": _unmanaged,
}
