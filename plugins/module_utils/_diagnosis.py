# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why packets through a tunnel vanish: from what was seen to one cause in words. Pure; the same for either backend.

The questions are asked in the order in which a packet meets them: the interface, the owner of its address, the route
into the tunnel, the endpoint, the handshake, the answer. The first that fails is the cause.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _diagnosis_handshake as handshake
from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import (
    Diagnosis,
    contact,
    count,
    found,
    problem,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_packets import (
    DATA,
    KEEPALIVE,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
        EchoSight,
        PeerSight,
        Question,
        Sight,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Way

Answer = t.Optional[Diagnosis]


def diagnose(question: Question, sight: Sight) -> Diagnosis:
    """What was found out by the end of a probe."""
    diagnosis = standing(question, sight) or _moving(question, sight)
    if sight.seconds and not sight.watched:
        note = "packets could not be watched, so that only counters were compared"
        return dataclasses.replace(diagnosis, evidence=(*diagnosis.evidence, note))
    return diagnosis


def standing(question: Question, sight: Sight) -> Answer:
    """What is certain without a single packet; None where it takes packets to tell."""
    return (
        _interface(sight)
        or (_incoming_owner(question, sight) if question.incoming else None)
        or (_outgoing(question, sight) if question.destination else None)
        or (_empty_peer(question, sight) if question.peer else None)
        or _endpoint(question, sight)
    )


def worth_watching(question: Question, diagnosis: Diagnosis) -> bool:
    """Whether packets tell more of what is certain already: from which peer those come that are refused."""
    return diagnosis.cause == "source_rejected" and not question.send


def peer_in_question(question: Question, sight: Sight) -> PeerSight | None:
    """At the other end of the packets asked about; None where the question names none."""
    address = question.destination or question.incoming
    return (sight.owner(address) if address else None) or sight.peer(question.peer)


def _interface(sight: Sight) -> Answer:
    if sight.backend == "dead":
        return problem("engine_dead", [f"the userspace engine of {sight.name} has ended"])
    if sight.socket_gone:
        return problem("socket_gone", [f"the network namespace that {sight.name} was born in no longer exists"])
    if not sight.up:
        return problem("interface_down", [f"{sight.name} is down"])
    if not sight.has_key:
        return problem("no_private_key", [f"{sight.name} has no private key"])
    return None


def _incoming_owner(question: Question, sight: Sight) -> Answer:
    address = t.cast(Address, question.incoming)
    owning = sight.owning_prefix(address)
    expected = sight.peer(question.peer)
    if owning is None:
        words = [f"no peer of {sight.name} has {address} in its AllowedIPs, so packets from it are dropped on arrival"]
        words += _refusals(sight)
        return _source_rejected(words, prefix=str(address.prefix), peer=_sender(sight) or expected)
    if expected is not None and owning[1].key != expected.key:
        words = [
            (
                f"{address} belongs to peer {owning[1].label} ({owning[0]}), "
                f"so packets from it that come from peer {expected.label} are dropped on arrival"
            )
        ]
        words += _refusals(sight)
        return _source_rejected(words, prefix=str(address.prefix), peer=_sender(sight) or expected)
    if sight.strict_source_check and sight.way_back is not None and sight.way_back.device != sight.name:
        words = [
            f"the way back to {address} {_leads(sight.way_back)}, not into {sight.name}",
            f"rp_filter is strict on {sight.name}, so the kernel drops what comes in from there",
        ]
        return problem("dropped_here", words, peer=owning[1])
    return None


def _outgoing(question: Question, sight: Sight) -> Answer:
    address = t.cast(Address, question.destination)
    owning, way = sight.owning_prefix(address), sight.way
    elsewhere = way is not None and way.device != sight.name
    if address in sight.local:
        return problem("routed_elsewhere", [f"{address} is an address of this host itself"])
    if owning is None:
        words = [f"no peer of {sight.name} has {address} in its AllowedIPs (sending fails: Required key not available)"]
        words += [f"the route to {address} {_leads(way)}"] if way is not None and elsewhere else []
        return problem("no_owner", words, prefix=str(address.prefix), peer=sight.peer(question.peer))
    words = [f"{address} belongs to peer {owning[1].label} ({owning[0]})"]
    expected = sight.peer(question.peer)
    if expected is not None and owning[1].key != expected.key:
        words.append(f"peer {expected.label}, which was expected, does not get what is sent there")
        return problem("other_owner", words, prefix=str(address.prefix), peer=expected)
    if way is not None and elsewhere:
        words.append(f"the route to {address} {_leads(way)}, not into {sight.name}")
        return problem("routed_elsewhere", words, peer=owning[1])
    return None


def _empty_peer(question: Question, sight: Sight) -> Answer:
    peer = sight.peer(question.peer)
    if peer is None or peer.allowed_ips:
        return None
    words = [f"peer {peer.label} has no AllowedIPs: nothing is sent to it, and whatever comes from it is dropped"]
    return problem("no_owner", words, peer=peer)


def _endpoint(question: Question, sight: Sight) -> Answer:
    peer = peer_in_question(question, sight)
    return handshake.endpoint_alone(peer, sight) if peer is not None and not peer.has_session else None


def _moving(question: Question, sight: Sight) -> Diagnosis:
    peer = peer_in_question(question, sight)
    if peer is None:
        return _watched(sight)
    echo = sight.echo
    if echo is not None and echo.refused:
        return problem("dropped_here", [contact(peer), f"this host did not send: {echo.refused}"], peer=peer)
    answered = echo is not None and echo.answered > 0
    if not peer.has_session and not answered:
        return handshake.missing(peer, sight, asked=question.send)
    if echo is not None:
        return _echo(peer, sight, echo, question)
    return _arrival(peer, sight, question)


def _echo(peer: PeerSight, sight: Sight, echo: EchoSight, question: Question) -> Diagnosis:
    destination = question.destination
    session = [contact(peer)]
    if echo.answered:
        words = [f"{destination} has answered {echo.answered} of {count(echo.sent, 'packet')}"]
        if echo.large_sent and not echo.large_answered:
            return _mtu(peer, sight, echo, words)
        return found("answered", [*session, *words], peer=peer)
    words = [f"none of {count(echo.sent, 'packet')} to {destination} was answered"]
    if echo.seen:
        words.append(f"{count(echo.seen, 'answer')} came out of {sight.name}, and then this host dropped them")
        return problem("dropped_here", [*session, *words], peer=peer)
    if sight.rejected.likely:
        return _rejected(sight, [*session, *words], expected=peer)
    lost = handshake.out_of_reach(peer, sight)
    if lost is not None:
        return lost
    if echo.complaint:
        words.append(echo.complaint)
    return problem("answers_missing", [*session, *words, *_silence(peer, sight)], peer=peer)


def _silence(peer: PeerSight, sight: Sight) -> list[str]:
    """What came from the peer while its answer did not."""
    if not sight.watched:
        return []
    data = peer.traffic.received.get(DATA, 0)
    words = [
        f"{count(data, 'other packet')} came from the peer meanwhile"
        if data
        else "no data came from the peer meanwhile"
    ]
    if peer.traffic.received.get(KEEPALIVE):
        words.append("it has sent a keepalive, so it is there and gets our packets")
    return words


def _mtu(peer: PeerSight, sight: Sight, echo: EchoSight, words: t.Sequence[str]) -> Diagnosis:
    more = [f"none of {sight.mtu} bytes, the MTU of {sight.name}, is answered"]
    if echo.largest:
        more.append(f"the longest packet that is answered has {echo.largest} bytes")
    return problem("mtu", [*words, *more], peer=peer, mtu=echo.largest)


def _arrival(peer: PeerSight, sight: Sight, question: Question) -> Diagnosis:
    """Nothing was sent: what has come by itself."""
    session = [contact(peer)]
    if question.incoming is not None and sight.arrived:
        words = [f"{count(sight.arrived, 'packet')} from {question.incoming} came out of {sight.name}"]
        return found("arrives", [*session, *words], peer=peer)
    if sight.rejected.likely:
        return _rejected(sight, session, expected=peer)
    if question.incoming is not None and sight.watched:
        words = [f"no packet from {question.incoming} has come in {_seconds(sight)}"]
        return problem("nothing_arrives", [*session, *words, *_silence(peer, sight)], peer=peer)
    words = [f"nothing was dropped in {_seconds(sight)}; nothing was sent"]
    return found("quiet", [*session, *words], peer=peer)


def _watched(sight: Sight) -> Diagnosis:
    """No question but: is anything dropped?"""
    if sight.rejected.likely:
        return _rejected(sight, [], expected=None)
    if sight.unowned:
        address, packets = min(sight.unowned.items(), key=lambda item: (-item[1], item[0]))
        words = [
            (
                f"{count(packets, 'packet')} to {address} went into {sight.name}, and no peer has it in its AllowedIPs "
                "(sending fails: Required key not available)"
            )
        ]
        return problem("no_owner", words, prefix=str(address.prefix))
    trouble = (handshake.seen(peer, sight) for peer in sight.peers if not peer.has_session)
    return next((found for found in trouble if found is not None), None) or found(
        "quiet", [f"nothing was dropped in {_seconds(sight)}; nothing was sent"]
    )


def _rejected(sight: Sight, words: t.Sequence[str], *, expected: PeerSight | None) -> Diagnosis:
    """Packets came in and were refused; from whom, as far as it was seen."""
    lines = [*words, *_refusals(sight)]
    candidates = [str(prefix) for prefix in sight.unowned_routes]
    if candidates:
        listed = ", ".join(candidates[:5]) + (f" and {len(candidates) - 5} more" if len(candidates) > 5 else "")
        lines.append(f"probably from {listed}: routed into {sight.name}, and no peer has it in its AllowedIPs")
    else:
        lines.append("which source they have is not known: name it as incoming_source to have it looked up")
    prefix = candidates[0] if len(candidates) == 1 else None
    return _source_rejected(lines, prefix=prefix, peer=_sender(sight) or expected)


def _refusals(sight: Sight) -> list[str]:
    """How many packets were refused while we watched, and from whom."""
    rejected = sight.rejected
    if rejected.packets is None and not rejected.likely:
        return []
    if rejected.packets is not None:
        came = f"{count(rejected.packets, 'packet')} came in with a source that the sending peer does not own"
        lines = [f"{came}, and {'was' if rejected.packets == 1 else 'were'} dropped, in {_seconds(sight)}"]
    else:
        lines = [
            (
                f"up to {rejected.bytes_at_most} bytes came in and did not come out of {sight.name}, "
                f"probably packets with a source that the sending peer does not own, in {_seconds(sight)}"
            )
        ]
    if rejected.likely:
        lines += [f"from peer {peer.label} came more packets than came out of {sight.name}" for peer in sight.suspects]
    return lines


def _sender(sight: Sight) -> PeerSight | None:
    """From whom most of the refused packets came; None: unknown."""
    return next(iter(sight.suspects), None) if sight.rejected.likely else None


def _source_rejected(words: t.Sequence[str], *, prefix: str | None, peer: PeerSight | None) -> Diagnosis:
    owned = [] if peer is None else [f"peer {peer.label} owns {_list(peer)}"]
    return problem("source_rejected", [*words, *owned], peer=peer, prefix=prefix)


def _list(peer: PeerSight) -> str:
    """Its prefixes, no more than anybody reads."""
    texts = [str(prefix) for prefix in sorted(peer.allowed_ips)]
    more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
    return f"{', '.join(texts[:5]) or 'nothing'}{more}"


def _leads(way: Way) -> str:
    if way.kind == "local":
        return "ends on this host"
    if way.device is None:
        words = {"unreachable": "does not exist", "prohibit": "prohibits it", "blackhole": "is a blackhole"}
        return words.get(way.kind, "does not exist")
    return f"leads to {way.device}"


def _seconds(sight: Sight) -> str:
    return f"{sight.seconds:.0f} s"
