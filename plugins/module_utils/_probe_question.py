# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question of a probe as it was written: read, checked, and completed from what the interface has."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._argspec import DEFAULT_SECONDS
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import parse_number
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    parse_address,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
    Question,
    Sight,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey

"""A handshake that is not answered is repeated after five (REKEY_TIMEOUT in the WireGuard whitepaper, 6.1)."""
LONGEST = 60
_A_PEER = "name it as interface_info does, or by its key"


@dataclasses.dataclass(frozen=True)
class Asked:
    """As Question, with the peer by its name or key."""

    question: Question
    peer: str | None


def read(arguments: t.Mapping[str, t.Any]) -> Asked:
    """From the module's argument ``probe``. Raises InvalidInput with the path below it."""
    seconds = arguments.get("seconds")
    with placed("seconds"):
        number = parse_number(
            DEFAULT_SECONDS if seconds is None else seconds, what="number of seconds", lowest=1, highest=LONGEST
        )
    question = Question(
        seconds=number,
        send=bool(arguments.get("send")),
        destination=_address(arguments, "destination"),
        source=_address(arguments, "source"),
        incoming=_address(arguments, "incoming_source"),
    )
    peer = arguments.get("peer")
    if peer is not None and not peer.strip():
        raise InvalidInput("names nobody", path="peer", value=peer, remedy=_A_PEER)
    _check(question, peer=peer)
    return Asked(question, peer)


def complete(asked: Asked, sight: Sight) -> Question:
    """The question about this very interface. Raises InvalidInput where it names what the interface does not have."""
    question = asked.question
    if asked.peer is not None:
        question = dataclasses.replace(question, peer=_peer(asked.peer, sight))
    if question.source is not None and question.source not in sight.local:
        raise InvalidInput(
            "is no address of this host's network namespace",
            path="source",
            value=str(question.source),
            remedy="name one of its own addresses; an address that packets come from is incoming_source",
        )
    if question.destination is None and question.send:
        question = dataclasses.replace(question, destination=question.incoming or _address_of_peer(question, sight))
    return question


def _address(arguments: t.Mapping[str, t.Any], name: str) -> Address | None:
    text = arguments.get(name)
    if text is None:
        return None
    with placed(name):
        return parse_address(text)


def _check(question: Question, *, peer: str | None) -> None:
    if question.send and not (question.destination or question.incoming or peer):
        raise InvalidInput("does not say where to send to", path="send", value=True, remedy="add destination, or peer")
    target = question.destination or question.incoming
    if question.source and target and question.source.family != target.family:
        raise InvalidInput(
            f"is an IPv{question.source.family} address, and {target} is not", path="source", value=str(question.source)
        )
    if question.destination and question.incoming:
        raise InvalidInput(
            "and incoming_source are two questions",
            path="destination",
            value=str(question.destination),
            remedy="ask one after the other: a packet out, or a packet in",
        )


def _peer(text: str, sight: Sight) -> PublicKey:
    """By the name that the declaration gave it, or by its public key."""
    for peer in sight.peers:
        if text in (str(peer.key), peer.name):
            return peer.key
    raise InvalidInput(f"is no peer of {sight.name}", path="peer", value=text, remedy=_A_PEER)


def _address_of_peer(question: Question, sight: Sight) -> Address | None:
    """The peer's own address in the tunnel: the first entry that is a single one. None: it has no entry at all."""
    peer = sight.peer(question.peer)
    prefixes = sorted(peer.allowed_ips) if peer is not None else []
    family = question.source.family if question.source else None
    for prefix in prefixes:
        if prefix.length == WIDTH[prefix.family] and family in (None, prefix.family):
            return Address(prefix.family, prefix.network)
    if not prefixes:
        return None
    raise InvalidInput(
        "has no single address among its AllowedIPs to send to",
        path="peer",
        value=peer.name or str(peer.key) if peer else None,
        remedy="name one of its addresses as destination",
    )


def interface_missing(name: str, namespace: str) -> HostError:
    place = f" in network namespace {namespace!r}" if namespace else ""
    return HostError(f"there is no WireGuard interface {name}{place}", remedy="name and namespace say what to probe")
