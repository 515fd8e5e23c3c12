# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""1xx: keys and identity."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, Peer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._1_agreement import (
    has_wrong_key,
    wrong_keys,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    ERROR,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds


def _bad_key(case: Case) -> t.Iterator[Finding]:
    for problem in case.problems("WG101"):
        whose = f"peer {problem.peer} on {problem.interface}" if problem.peer else f"{problem.interface}"
        yield Finding(
            host=problem.host,
            namespace=problem.namespace,
            interface=problem.interface,
            peer=problem.peer,
            message=f"the public key of {whose} of {problem.host} is unusable: {problem.reason} ({problem.path})",
            hint=problem.remedy or "write the 44 characters that `wg pubkey` prints",
        )


def _same_key_twice(case: Case) -> t.Iterator[Finding]:
    by_key: dict[str, list[Interface]] = {}
    for interface in case.model.interfaces:
        if interface.key is not None:
            by_key.setdefault(interface.key, []).append(interface)
    for key, found in by_key.items():
        first = found[0]
        for other in found[1:]:
            yield on_interface(
                other,
                f"{other.label} has the same public key as {first.label} ({key[:8]}...); "
                "peers cannot tell them apart and sessions jump between them",
                f"give {other.label} a key pair of its own",
            )


def _peer_twice(case: Case) -> t.Iterator[Finding]:
    for interface, peers in _own_lists(case):
        seen: dict[str, Peer] = {}
        for peer in peers:
            if peer.key is None:
                continue
            earlier = seen.setdefault(peer.key, peer)
            if earlier is not peer:
                yield on_interface(
                    interface,
                    f"{interface.label} lists the key {peer.key[:8]}... twice, as {earlier.name} and as {peer.name}; "
                    "the second entry replaces the first",
                    f"merge the two entries, or correct the key of {peer.name}",
                    peer=peer.name,
                    prefixes=earlier.allowed_ips,
                )


def _own_lists(case: Case) -> t.Iterator[tuple[Interface, tuple[Peer, ...]]]:
    """Every list of peers once: an interface's own, and a group's with the first interface that uses it."""
    users: set[str] = set()
    for interface in case.model.interfaces:
        yield interface, interface.peers
        group = interface.peer_group
        if group is not None and group not in users:
            users.add(group)
            yield interface, case.fleet.peer_groups[group]


def _own_key(case: Case) -> t.Iterator[Finding]:
    for interface in case.model.interfaces:
        for peer in interface.peers:
            if interface.key is not None and is_own(interface, peer):
                yield on_interface(
                    interface,
                    f"{interface.label} lists its own key as peer {peer.name}; WireGuard ignores that entry silently",
                    f"remove peer {peer.name}, or give it its real key",
                    peer=peer.name,
                    prefixes=peer.allowed_ips,
                )


def _one_sided(case: Case) -> t.Iterator[Finding]:
    model, kinds = case.model, SimpleKinds.of(case.model)
    for interface in model.interfaces:
        for ident in _possibly_one_sided(case, kinds.lister(interface)):
            target = model.target(interface, ident)
            if target is None or model.entry_of(kinds.lister(target), interface) is not None:
                continue
            if has_wrong_key(model, target, interface):
                # It does list us, and WG106 tells what is wrong with that.
                continue
            yield on_interface(
                target,
                f"{interface.label} lists {target.label}, but {target.label} does not list {interface.host}; "
                "no handshake between them succeeds",
                f"add peer {interface.host} to {target.label}, or remove peer {target.host} from {interface.label}",
                peer=interface.host,
                prefixes=model.cryptokey(interface).peer(ident).prefixes,
            )


def _possibly_one_sided(case: Case, interface: Interface) -> t.Iterator[str]:
    """The peers to look at: two users of one group that both stand in it list each other anyway."""
    cryptokey = case.model.cryptokey(interface)
    yield from cryptokey.own
    if interface.peer_group is None:
        return
    members = _members(case, interface.peer_group)
    inside = interface.key is not None and interface.key in members
    for ident in members if not inside else _strangers(case, interface.peer_group):
        if ident in cryptokey and ident not in cryptokey.own:
            yield ident


def _members(case: Case, group: str) -> dict[str, bool]:
    """The idents of a group; True where the interface behind it uses the group itself."""
    memo: dict[str, dict[str, bool]] = case.fleet.memo.setdefault("group_members", {})
    if group not in memo:
        users = {interface.key for interface in case.model.interfaces if interface.peer_group == group}
        memo[group] = {peer.ident: peer.ident in users for peer in case.fleet.peer_groups[group]}
    return memo[group]


def _strangers(case: Case, group: str) -> list[str]:
    """The idents of a group whose interface does not use it."""
    memo: dict[str, list[str]] = case.fleet.memo.setdefault("group_strangers", {})
    if group not in memo:
        memo[group] = [ident for ident, uses in _members(case, group).items() if not uses]
    return memo[group]


def _unmanaged(case: Case) -> t.Iterator[Finding]:
    mistaken = {wrong.peer for wrong in wrong_keys(case.model)}
    for interface, peers in _own_lists(case):
        for peer in peers:
            if peer.managed and peer.key is not None and peer.key not in case.model.by_key and peer not in mistaken:
                yield on_interface(
                    interface,
                    f"peer {peer.name} of {interface.label} is said to be managed, but its key ({peer.key[:8]}...) "
                    "is no interface of this fleet",
                    f"correct the key of {peer.name}, or declare it as an external peer",
                    peer=peer.name,
                    prefixes=peer.allowed_ips,
                )


def _unknown_key(case: Case) -> t.Iterator[Finding]:
    told = {(interface.network, interface.host) for interface in case.model.interfaces if interface.key is None}
    for interface in case.model.interfaces:
        if interface.key is None and not interface.bad_key:
            yield on_interface(
                interface,
                f"the public key of {interface.label} is not known yet, so no peer can be set up for it",
                f"run the keys playbook for {interface.host}, or give its public_key",
            )
    waiting: dict[str, list[Interface]] = {}
    for interface, peers in _own_lists(case):
        for peer in peers:
            # The host itself says it where the key of its interface is what is missing.
            if peer.key is None and not peer.bad_key and (interface.network, peer.name) not in told:
                waiting.setdefault(peer.name, []).append(interface)
    for name, interfaces in waiting.items():
        yield on_interface(
            interfaces[0],
            f"the public key of peer {name} is not known; needed by {listed(one.label for one in interfaces)}",
            f"give the public_key of {name}",
            peer=name,
        )


RULES = (
    Rule(
        id="WG101",
        name="bad-key",
        severity=ERROR,
        summary="key is not 32 bytes of canonical base64, or all zero",
        decide=_bad_key,
    ),
    Rule(
        id="WG102",
        name="key-used-twice",
        severity=ERROR,
        summary="one public key on two stacks or interfaces of the fleet",
        decide=_same_key_twice,
    ),
    Rule(
        id="WG103",
        name="peer-key-twice",
        severity=ERROR,
        summary="the same peer key twice on one interface",
        decide=_peer_twice,
    ),
    Rule(
        id="WG104",
        name="own-key-as-peer",
        severity=ERROR,
        summary="the interface's own key listed as a peer",
        decide=_own_key,
    ),
    Rule(
        id="WG105",
        name="one-sided-peer",
        severity=ERROR,
        summary="A lists B but B does not list A",
        decide=_one_sided,
    ),
    Rule(
        id="WG108",
        name="peer-not-managed",
        severity=WARNING,
        summary="peer neither managed nor declared external",
        decide=_unmanaged,
    ),
    Rule(
        id="WG109",
        name="key-unknown",
        severity=ERROR,
        summary="public key unknown (host not yet reached)",
        decide=_unknown_key,
    ),
)
