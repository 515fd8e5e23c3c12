# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every name that an inventory refers to is there: hubs, ends of links, gateways, observers, groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Host, Member, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Problem, nearest

_SHOWN_PARTS = 4
_SHOWN_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class _Known:
    networks: Collection[str]
    hosts: Collection[str]
    members: Collection[str]
    groups: Collection[str]


def check_references(
    networks: Mapping[str, Network],
    hosts: Mapping[str, Host],
    groups: Collection[str],
    all_hosts: Collection[str],
    problems: list[Problem],
) -> None:
    """hosts: those with a membership; all_hosts: those that are planned at all."""
    joined = {host for host in hosts if any(m.state == "present" for m in hosts[host].members.values())}
    known = _Known(networks=networks, hosts=all_hosts, members=joined, groups=groups)
    for network in networks.values():
        members = {name: host.members[network.name] for name, host in hosts.items() if network.name in host.members}
        # A network nobody has joined may name hubs that join later.
        if members:
            _check_network(network, members, problems)
            problems.extend(_wrong_exits(network, members))
            problems.extend(_unreached_exits(network, members))
        _check_external_peers(network, members, known, problems)
        _check_external_keys(network, members, problems)
        _check_expectations(network, known, problems)
    for host in hosts.values():
        for member in host.members.values():
            _check_member(member, networks[member.network], known, problems)
        problems.extend(_two_exits(host))


def _check_network(network: Network, members: Mapping[str, Member], problems: list[Problem]) -> None:
    root = f"wireguard_networks.{network.name}"
    for index, hub in enumerate(network.hubs):
        if hub not in members:
            problems.append(_no_member(f"{root}.hubs[{index}]", hub, network, members))
    seen = set()
    for index, link in enumerate(network.links):
        path = f"{root}.links[{index}]"
        problems.extend(_no_member(path, end, network, members) for end in (link.one, link.other) if end not in members)
        if (link.one, link.other) in seen:
            reason = f"links {link.one} and {link.other} a second time"
            problems.append(Problem(path=path, reason=reason, remedy="keep one of the two entries"))
        seen.add((link.one, link.other))
    if not any(problem.path.startswith(f"{root}.") for problem in problems):
        present = {name for name, member in members.items() if member.state == "present"}
        problems.extend(_cut_off(root, network, present))


def _cut_off(root: str, network: Network, members: Collection[str]) -> Iterable[Problem]:
    """Present members that could never talk, whatever else is declared."""
    if network.topology == "hub" and members and not set(network.hubs) & set(members):
        reason = "has no hub left: none of them is a present member"
        yield Problem(path=f"{root}.hubs", reason=reason, remedy="name a member that is there")
    if network.apart:
        yield from _alone(network, members)
    elif network.topology == "links":
        yield from _split(f"{root}.links", network, members)


def _split(path: str, network: Network, members: Collection[str]) -> Iterable[Problem]:
    """The parts that no link joins."""
    parts = {name: {name} for name in members}
    for link in network.links:
        if link.one in parts and link.other in parts and parts[link.one] is not parts[link.other]:
            parts[link.one] |= parts[link.other]
            parts.update(dict.fromkeys(parts[link.other], parts[link.one]))
    distinct = sorted({tuple(sorted(part)) for part in parts.values()}, key=lambda part: (-len(part), part))
    if len(distinct) > 1:
        shown = "; ".join(_brief(part) for part in distinct[:_SHOWN_PARTS])
        reason = f"leave network {network.name} in {len(distinct)} parts: {shown}"
        yield Problem(path=path, reason=reason, remedy="add links between them, or make networks of their own of them")


def _alone(network: Network, members: Collection[str]) -> Iterable[Problem]:
    """Of members that are apart on purpose, those that no external peer joins to anything."""
    joined = {name for peer in network.external_peers for name in peer.via}
    lost = sorted(set(members) - joined)
    if lost:
        reason = f"are empty, and no external peer names {_brief(lost)} in its via: nobody would be a peer there"
        remedy = "add links, or add the host to the via of an external peer"
        yield Problem(path=f"wireguard_networks.{network.name}.links", reason=reason, remedy=remedy)


def _brief(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def _no_member(path: str, name: str, network: Network, members: Collection[str], *, host: str = "") -> Problem:
    remedy = nearest(name, members) or f"let the host join: wireguard: {{{network.name}: {{addresses: [...]}}}}"
    return Problem(path=path, value=name, reason=f"is not a member of network {network.name}", remedy=remedy, host=host)


def _check_external_peers(
    network: Network, members: Mapping[str, Member], known: _Known, problems: list[Problem]
) -> None:
    for peer in network.external_peers:
        path = f"wireguard_networks.{network.name}.external_peers.{peer.name}"
        if peer.name in known.hosts:
            reason = "has the name of a host of the inventory"
            problems.append(Problem(path=path, reason=reason, remedy="give the external peer another name"))
        problems.extend(_no_member(f"{path}.via", via, network, members) for via in peer.via if via not in members)
        if set(peer.via) <= set(members) and not any(members[via].state == "present" for via in peer.via):
            listed = ", ".join(peer.via)
            reason = f"names no present member of network {network.name}: {listed}"
            remedy = "name one that is there, or take the external peer out"
            if peer.via:
                problems.append(Problem(path=f"{path}.via", reason=reason, remedy=remedy))


def _check_external_keys(network: Network, members: Mapping[str, Member], problems: list[Problem]) -> None:
    """On the interface of its ``via``, an external peer with a member's key would take that member's place."""
    if not network.external_peers:
        return
    owners = {member.public_key: name for name, member in members.items() if member.public_key}
    for peer in network.external_peers:
        if peer.public_key in owners:
            path = f"wireguard_networks.{network.name}.external_peers.{peer.name}.public_key"
            reason = f"this is the public key of host {owners[peer.public_key]}"
            remedy = "give the external peer a key pair of its own"
            problems.append(Problem(path=path, reason=reason, remedy=remedy, rule="WG102"))


def _check_expectations(network: Network, known: _Known, problems: list[Problem]) -> None:
    kinds = {"host": known.members, "group": known.groups, "network": known.networks}
    for index, expectation in enumerate(network.expect):
        for side in ("from", "to"):
            for kind, name in expectation[side].items():
                if kind in kinds and name not in kinds[kind]:
                    path = f"wireguard_networks.{network.name}.expect[{index}].{side}.{kind}"
                    remedy = nearest(name, kinds[kind])
                    reason = "is not a host of the fleet" if kind == "host" else f"is not a {kind} of this inventory"
                    problems.append(Problem(path=path, value=name, reason=reason, remedy=remedy))


def _wrong_exits(network: Network, members: Mapping[str, Member]) -> Iterable[Problem]:
    """Exits that are not there or take nothing; a network's default is told once."""
    told = set()
    for member in members.values():
        if member.state != "present" or member.exit is None:
            continue
        is_default = member.exit == network.exit
        path = f"wireguard_networks.{network.name}.exit" if is_default else f"{member.path}.exit"
        host = "" if is_default else member.host
        found = members.get(member.exit) or network.external_peer(member.exit)
        problem = None
        if found is None or (isinstance(found, Member) and found.state != "present"):
            problem = _no_exit(path, member.exit, network, members, host=host)
        elif not found.exit_families:
            reason = "advertises no default route, so it is no exit"
            remedy = f"let {member.exit} advertise 0.0.0.0/0, ::/0 or both"
            problem = Problem(path=path, value=member.exit, reason=reason, remedy=remedy, host=host)
        elif member.exit_families:
            reason = "is the exit of a host that is an exit itself"
            remedy = "leave it out: what this host lets out leaves by its own device"
            problem = Problem(path=path, value=member.exit, reason=reason, remedy=remedy, host=host)
        elif not set(found.exit_families) & _families(network, member):
            families = " and ".join(f"IPv{family}" for family in found.exit_families)
            reason = f"takes {families} only, of which this host has no address in network {network.name}"
            remedy = "give the host such an address, or write exit: false"
            path = f"{member.path}.exit"
            problem = Problem(path=path, value=member.exit, reason=reason, remedy=remedy, host=member.host)
        if problem is not None and str(problem) not in told:
            told.add(str(problem))
            yield problem


def _no_exit(path: str, name: str, network: Network, members: Mapping[str, Member], *, host: str) -> Problem:
    if not network.external_peers:
        return _no_member(path, name, network, members, host=host)
    known = {*members, *(peer.name for peer in network.external_peers)}
    remedy = nearest(name, known) or "name a member, or an external peer, that advertises a default route"
    reason = f"is neither a present member nor an external peer of network {network.name}"
    return Problem(path=path, value=name, reason=reason, remedy=remedy, host=host)


def _unreached_exits(network: Network, members: Mapping[str, Member]) -> Iterable[Problem]:
    """Where members are apart, nobody passes anything on to an external peer."""
    for member in members.values() if network.apart else ():
        peer = network.external_peer(member.exit or "")
        if member.state == "present" and peer is not None and peer.exit_families and member.host not in peer.via:
            yield Problem(
                path=f"{member.path}.exit",
                value=peer.name,
                reason=f"is not reached: network {network.name} has no links, and this host is none of its via",
                remedy=f"add {member.host} to wireguard_networks.{network.name}.external_peers.{peer.name}.via",
                host=member.host,
            )


def _families(network: Network, member: Member) -> set[int]:
    return {one.family for one in (network.pool if member.pooled else member.addresses)}


def _two_exits(host: Host) -> Iterable[Problem]:
    first: dict[str, Member] = {}
    for member in host.members.values():
        if member.state == "present" and member.exit is not None:
            other = first.setdefault(member.namespace, member)
            if other is not member:
                reason = f"is a second way out of one namespace: network {other.network} has the exit {other.exit}"
                remedy = "write exit: false in one of the two memberships, or give one another namespace"
                path = f"{member.path}.exit"
                yield Problem(path=path, value=member.exit, reason=reason, remedy=remedy, host=host.name)


def _check_member(member: Member, network: Network, known: _Known, problems: list[Problem]) -> None:
    for observer, _endpoint in member.endpoint.views:
        if observer not in known.hosts and observer not in known.groups:
            reason = "is neither a host nor a group of this inventory, nor `default`"
            remedy = nearest(observer, {*known.hosts, *known.groups})
            path = f"{member.path}.endpoint.{observer}"
            problems.append(Problem(path=path, reason=reason, remedy=remedy, host=member.host))
    for index, hub in enumerate(member.hubs if network.topology == "hub" else ()):
        if hub not in network.hubs:
            path = f"{member.path}.hubs[{index}]"
            reason = f"is not a hub of network {network.name}"
            remedy = nearest(hub, network.hubs)
            problems.append(Problem(path=path, value=hub, reason=reason, remedy=remedy, host=member.host))
