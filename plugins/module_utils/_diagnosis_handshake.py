# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why there is no handshake with a peer: its endpoint, the way there, silence, or a key. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import (
    Diagnosis,
    contact,
    count,
    found,
    problem,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    INITIATION,
    RESPONSE,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
        PeerSight,
        Sight,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

Answer = t.Optional[Diagnosis]


def endpoint_alone(peer: PeerSight, sight: Sight) -> Answer:
    """What the endpoint and the way to it say without a packet."""
    endpoint, way = peer.endpoint, sight.way_out
    if endpoint is None:
        return problem(
            "endpoint_unknown", [contact(peer), f"the endpoint of peer {peer.label} is not known"], peer=peer
        )
    if endpoint.port == sight.port and endpoint.address in sight.socket_addresses:
        words = [contact(peer), f"the endpoint {endpoint} is this host's own socket"]
        return problem("wrong_endpoint", words, peer=peer)
    if way is None:
        return None
    if way.device is None:
        return problem(
            "endpoint_unreachable", [contact(peer), f"there is no route to the endpoint {endpoint}"], peer=peer
        )
    if way.device == sight.name and sight.shares_namespace:
        words = [contact(peer), f"the route to the endpoint {endpoint} leads into {sight.name} itself"]
        return problem("endpoint_unreachable", words, peer=peer)
    return None


def missing(peer: PeerSight, sight: Sight, *, asked: bool) -> Diagnosis:
    """Why no handshake was made during a probe. asked: packets were sent, so that there was a reason to make one."""
    answer = seen(peer, sight)
    if answer is not None:
        return answer
    if not asked:
        words = [contact(peer), "nothing was sent to it, so that it had no reason to make one"]
        return found("idle", words, peer=peer)
    silence = f"nothing at all came from the endpoint {peer.endpoint}" if sight.watched else "it was asked for one"
    return problem("no_answer", [contact(peer), *_declared(peer), silence], peer=peer)


def seen(peer: PeerSight, sight: Sight) -> Answer:
    """What the messages outside of the tunnel tell; None where there were none."""
    return out_of_reach(peer, sight) or _keys(peer, sight)


def out_of_reach(peer: PeerSight, sight: Sight) -> Answer:
    """What ICMP says of the endpoint."""
    known = [contact(peer), *_declared(peer)]
    if peer.traffic.refused or sight.reach == "refused":
        words = f"nothing listens on the UDP port of {peer.endpoint}"
        return problem("wrong_endpoint", [*known, words], peer=peer)
    if peer.traffic.unreachable or sight.reach == "unreachable":
        words = f"the endpoint {peer.endpoint} is reported as unreachable"
        return problem("endpoint_unreachable", [*known, words], peer=peer)
    return None


def _keys(peer: PeerSight, sight: Sight) -> Answer:
    """What the two ends have said to each other."""
    received, sent, endpoint = peer.traffic.received, peer.traffic.sent, peer.endpoint
    none = [contact(peer), *_declared(peer)]
    if received.get(RESPONSE):
        words = [*none, f"{endpoint} has answered the handshake, and its answer does not fit the preshared key"]
        return problem("wrong_preshared_key", words, peer=peer)
    if received.get(INITIATION) and sent.get(RESPONSE):
        words = [
            *none,
            (
                f"{endpoint} has asked for a handshake, was answered and does not go on: "
                "the answer does not reach it, or does not fit its preshared key"
            ),
        ]
        return problem("wrong_preshared_key", words, peer=peer)
    strangers = _strangers(endpoint, sight)
    if received.get(INITIATION) or strangers:
        knocking = f"{strangers or endpoint} has asked for a handshake"
        words = [*none, f"{knocking} with a key that no peer here has, or that was meant for another key than ours"]
        return problem("wrong_key", words, peer=peer)
    if sent.get(INITIATION):
        words = [*none, f"{count(sent[INITIATION], 'handshake')} sent to {endpoint}, and nothing came back"]
        return problem("no_answer", words, peer=peer)
    return None


def _strangers(endpoint: Endpoint | None, sight: Sight) -> Endpoint | None:
    """Somebody at the peer's address who knocks from another port."""
    if endpoint is None:
        return None
    return min((stranger for stranger in sight.strangers if stranger.host == endpoint.host), default=None)


def _declared(peer: PeerSight) -> list[str]:
    """Where the endpoint is not the one that was declared: it was learnt from the last packet of the peer."""
    if peer.declared is None or peer.endpoint is None or peer.declared == str(peer.endpoint):
        return []
    return [f"its endpoint is {peer.endpoint}, declared is {peer.declared}"]
