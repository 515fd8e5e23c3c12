# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The causes that a diagnosis knows, each with its verdict in words and what to do about it."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import PeerSight

CAUSES = {
    "engine_dead": (
        "the interface does not run",
        "run the module interface again: it starts the engine and restores what was declared",
    ),
    "socket_gone": ("the interface has lost its socket", "run the module interface again: it makes it anew"),
    "interface_down": ("the interface is down", "bring it up: `ip link set {name} up`, or the module interface"),
    "no_private_key": (
        "the interface has no private key",
        "declare private_key, or let the module interface make a key",
    ),
    "no_owner": (
        "no peer has the address in its AllowedIPs",
        "add {prefix} to allowed_ips of the peer that it is behind{peer_hint}",
    ),
    "other_owner": (
        "another peer than expected has the address in its AllowedIPs",
        "give {prefix} to {peer}, or take the longer prefix from the other peer",
    ),
    "routed_elsewhere": (
        "the packet is routed elsewhere",
        (
            "add a route into {name} (routing: auto makes one for each AllowedIPs entry), and look for a policy rule "
            "or a more specific route that takes it away: `ip rule`, `ip route get`"
        ),
    ),
    "endpoint_unknown": (
        "no handshake: the endpoint is not known",
        "declare an endpoint for {peer}, or let it speak first: it needs an endpoint of ours and a keepalive",
    ),
    "endpoint_unreachable": (
        "the endpoint cannot be reached",
        "correct the way to the endpoint of {peer}: its route, and in a full tunnel the fwmark that keeps it out",
    ),
    "wrong_endpoint": (
        "the endpoint is wrong",
        "compare endpoint of {peer} with the address and the listen_port that it has now",
    ),
    "no_answer": (
        "no handshake: the peer does not answer",
        (
            "look on {peer}: is it up, does its firewall let our UDP packets in, is our public key among its peers, "
            "and is its public key the one that we have"
        ),
    ),
    "wrong_key": (
        "no handshake: the keys do not fit",
        "compare the public keys of both ends: `wg show` here and on {peer}",
    ),
    "wrong_preshared_key": (
        "no handshake: the preshared keys do not fit",
        "set the same preshared_key for the two ends, or none on both",
    ),
    "source_rejected": (
        "the source of incoming packets is rejected",
        "add {prefix} to allowed_ips of {peer} on this host, unless another peer is to have it",
    ),
    "dropped_here": (
        "this host itself drops the packet",
        "look at rp_filter (`cat /proc/sys/net/ipv4/conf/{name}/rp_filter`) and at the firewall (`nft list ruleset`)",
    ),
    "answers_missing": (
        "packets are sent, answers are missing",
        (
            "look on {peer}: does it have our source address in its AllowedIPs for us, a route back, forwarding and a "
            "firewall that lets it through; probe from there with incoming_source"
        ),
    ),
    "nothing_arrives": (
        "nothing arrives from there",
        "look on {peer}: does it send, and does it route that into its tunnel; probe from there with destination",
    ),
    "mtu": (
        "large packets do not get through",
        "set mtu of {name} to {mtu} on both ends",
    ),
    "idle": ("there is no session, and nobody has asked for one", "probe with send: true"),
    "answered": ("the tunnel works", ""),
    "arrives": ("the packets arrive", ""),
    "quiet": ("nothing is dropped", ""),
}
"""{cause: (verdict, remedy)}. A remedy names {name}, {peer}, {prefix} and {mtu}."""

GOOD = frozenset({"answered", "arrives", "quiet", "idle"})


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """cause: one of CAUSES.  evidence: what it rests on, a line each.  peer: whom it is about, None: nobody.

    prefix: what is missing in AllowedIPs.  mtu: the largest that passes.
    """

    cause: str
    evidence: tuple[str, ...]
    peer: PeerSight | None = None
    prefix: str | None = None
    mtu: int | None = None

    @property
    def verdict(self) -> str:
        return CAUSES[self.cause][0]

    @property
    def is_problem(self) -> bool:
        return self.cause not in GOOD

    def remedy(self, name: str) -> str:
        """name: of the interface."""
        return CAUSES[self.cause][1].format(
            name=name,
            peer=f"peer {self.peer.label}" if self.peer else "the peer that sends it",
            peer_hint=f" (peer {self.peer.label})" if self.peer else "",
            prefix=self.prefix or "the missing prefix",
            mtu=self.mtu or "what the path carries, 1280 for a start,",
        )


def problem(
    cause: str,
    evidence: t.Iterable[str],
    *,
    peer: PeerSight | None = None,
    prefix: str | None = None,
    mtu: int | None = None,
) -> Diagnosis:
    return Diagnosis(cause, tuple(evidence), peer, prefix, mtu)


def found(cause: str, evidence: t.Iterable[str], *, peer: PeerSight | None = None) -> Diagnosis:
    """Nothing is wrong, as far as was seen."""
    return Diagnosis(cause, tuple(evidence), peer)


def contact(peer: PeerSight) -> str:
    """When it was last known to be there."""
    if peer.age is None:
        return f"no handshake with peer {peer.label}"
    if not peer.has_session:
        return f"no handshake with peer {peer.label} for {int(peer.age)} s"
    when = "during the probe" if peer.renewed else f"{int(peer.age)} s ago"
    return f"peer {peer.label} has made a handshake {when}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
