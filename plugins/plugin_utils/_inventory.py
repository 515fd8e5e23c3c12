# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the hosts' variables to what they declare. Each host is asked exactly once: that is dear."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, hide_keys
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, parse_address
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._alike_members import AlikeMembers, common_content
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Host, Inventory, Member, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._facts import stack_of_facts
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ignore import read_ignored
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._members import read_member
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._networks import read_network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._places import Locate, with_places
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import (
    Cursor,
    InvalidInventory,
    Problem,
    kind,
    nearest,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._references import check_references
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._stacks import read_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._supernets import check_supernets

MEMBERSHIP = "wireguard"
_PREFIX = MEMBERSHIP + "__"
CONTROLLERS = "wireguard_controllers"
_NAMES = frozenset(
    {
        MEMBERSHIP,
        "wireguard_networks",
        "wireguard_stacks",
        "wireguard_ignore",
        CONTROLLERS,
        "ansible_host",
        "group_names",
    }
)

Variables = Mapping[str, t.Any]
# By identity: the value, which is kept so that nothing else gets its identity, and its copy.
_Copies = dict[int, tuple[t.Any, t.Any]]


def read_inventory(
    hostvars: Mapping[str, Variables],
    hosts: Iterable[str],
    *,
    public_keys: t.Optional[Mapping[str, Mapping[str, str]]] = None,
    locate: t.Optional[Locate] = None,
) -> Inventory:
    """Raises InvalidInventory with every mistake where one of them makes the inventory unreadable.

    locate: tells where a value was written; only asked for that error.
    """
    problems: list[Problem] = []
    originals = _fetch(hostvars, hosts, problems)
    shared: _Copies = {}
    variables = {host: _own_variables(host, original, shared, problems) for host, original in originals.items()}
    networks = _read_networks(variables, problems)
    keys = _read_public_keys(public_keys or {}, variables, problems)
    found, alike = {}, AlikeMembers()
    for name in variables:
        host = _read_host(name, variables[name], networks, problems, alike=alike)
        if host is not None:
            if keys:
                host = replace(host, members={n: _with_key(m, keys) for n, m in host.members.items()})
            found[name] = _with_facts(host, originals[name])
    networks = {name: _with_external_keys(network, keys) for name, network in networks.items()}
    check_references(networks, found, _all_groups(variables), variables.keys(), problems)
    check_supernets(networks, found, problems)
    ignored = read_ignored(variables, problems)
    if any(problem.rule is None for problem in problems):
        raise InvalidInventory(with_places(problems, originals, locate) if locate else problems)
    return Inventory(networks=networks, hosts=found, problems=tuple(problems), ignored=ignored, variables=originals)


def _with_facts(host: Host, variables: Variables) -> Host:
    """The initial namespace as gathered facts know it, where nobody describes it. They are large: not all is read."""
    if "" in host.stacks or "ansible_facts" not in variables:
        return host
    own = {member.interface for member in host.members.values() if member.namespace == ""}
    try:
        stack = stack_of_facts(variables["ansible_facts"], without=own)
    except Exception:  # pylint: disable=broad-except
        # A template in the facts may fail in any way it likes; without facts there is an assumption, as always.
        stack = None
    return host if stack is None else replace(host, stacks={"": stack, **host.stacks}, knows_by_facts=True)


def _fetch(hostvars: Mapping[str, Variables], hosts: Iterable[str], problems: list[Problem]) -> dict[str, Variables]:
    """The one time that each host is asked for."""
    found = {}
    for host in sorted({str.__str__(host) for host in hosts}):
        try:
            variables: t.Any = hostvars[host]
        except KeyError:
            reason = "is not a host of the inventory"
            problems.append(Problem(path="hosts", value=host, reason=reason, remedy="leave it out"))
            continue
        if isinstance(variables, Mapping):
            found[host] = variables
        else:
            reason = f"is {kind(variables)} where the mapping of its variables is expected"
            problems.append(Problem(path="hostvars", host=host, reason=reason, remedy="give the filter hostvars"))
    return found


def _own_variables(host: str, variables: Variables, shared: _Copies, problems: list[Problem]) -> dict[str, t.Any]:
    """The variables of one host that are ours, sorted by name. Templates may fail here, in any way they like.

    shared: the values that were copied for earlier hosts, so that what is one thing for all stays one.
    """
    names = sorted([n for n in variables if isinstance(n, str) and _is_ours(n)])
    found = {}
    for name in names:
        try:
            value = variables[name]
            known = shared.get(id(value))
            if known is None:
                known = shared[id(value)] = value, plain(value)
            found[name] = known[1]
        except InvalidInput as error:
            problems.append(Problem(path=name, host=host, reason=error.reason, remedy=error.remedy))
        except Exception as error:  # pylint: disable=broad-except
            if name == "ansible_host":
                # Only where the host is reached, which no plan needs.
                continue
            words = (str(error).strip().splitlines() or [type(error).__name__])[0]
            remedy = "see the template it is made from"
            problems.append(Problem(path=name, host=host, reason=f"cannot be read: {words}", remedy=remedy))
    return found


def _is_ours(name: str) -> bool:
    return name in _NAMES or name.startswith(_PREFIX)


def _read_networks(variables: Mapping[str, Variables], problems: list[Problem]) -> dict[str, Network]:
    """The union of what the hosts see; it is usually one mapping in group_vars/all and read only once."""
    raw: dict[str, tuple[str, t.Any]] = {}
    misshapen: set[str] = set()
    for host, found in variables.items():
        declared = found.get("wireguard_networks")
        if declared is None:
            continue
        if not isinstance(declared, Mapping):
            if not misshapen:
                Cursor(declared, path="wireguard_networks", host=host, problems=problems).entries()
            misshapen.add(host)
            continue
        for name, value in declared.items():
            first, known = raw.setdefault(name, (host, value))
            if known is not value and known != value:
                path = f"wireguard_networks.{name}"
                reason = f"differs from what host {first} has"
                remedy = "declare each network once, in group_vars/all"
                problems.append(Problem(path=path, host=host, reason=reason, remedy=remedy))
    root = Cursor({n: v for n, (_host, v) in raw.items()}, path="wireguard_networks", host="", problems=problems)
    return {n: read_network(n, _or_empty(c)) for n, c in sorted(root.entries().items()) if _network_name(c, n)}


def _network_name(cursor: Cursor, name: str) -> bool:
    if hide_keys(name) != name:
        # Every report names its networks.
        remedy = "choose another name, and make a new key if this is one"
        cursor.at("", name).refuse("is a name that could be a private key", remedy=remedy, show=False)
        return False
    if name and "/" not in name and not name.startswith(".") and name.isprintable() and not any(map(str.isspace, name)):
        return True
    remedy = "it names a folder of public keys: use letters, digits, - and _"
    cursor.at("", name).refuse("is not a name for a network", remedy=remedy)
    return False


def _read_host(
    name: str, variables: Variables, networks: Mapping[str, Network], problems: list[Problem], *, alike: AlikeMembers
) -> t.Optional[Host]:
    """None for a host without a membership."""
    declared = variables.get(MEMBERSHIP)
    more = any(variable.startswith(_PREFIX) for variable in variables)
    content = None if more or declared is None else common_content(declared)
    members = alike.find(name, declared, content)
    if members is None:
        noted = len(problems)
        members = _read_members(name, variables, networks, problems)
        if noted == len(problems):
            alike.keep(declared, content, members)
    if not members:
        return None
    described, groups = variables.get("wireguard_stacks"), _groups(variables)
    return Host(
        name=name,
        groups=tuple(sorted({"all", *groups})) if groups else ("all",),
        management=_management(variables.get("ansible_host")),
        controllers=_controllers(name, variables, problems),
        members=members,
        stacks={}
        if described is None
        else read_stacks(Cursor(described, path="wireguard_stacks", host=name, problems=problems)),
    )


def _read_members(
    name: str, variables: Variables, networks: Mapping[str, Network], problems: list[Problem]
) -> dict[str, Member]:
    options = _merged_memberships(name, variables, problems)
    members = {}
    for network_name, (cursor, merged) in sorted(options.items()):
        if network_name in networks:
            members[network_name] = read_member(cursor, merged, networks[network_name])
        elif not any(problem.path == "wireguard_networks" for problem in problems):
            remedy = nearest(network_name, networks) or "declare it in wireguard_networks, in group_vars/all"
            cursor.refuse("is not a network of wireguard_networks", remedy=remedy, show=False)
    return members


def _merged_memberships(
    host: str, variables: Variables, problems: list[Problem]
) -> dict[str, tuple[Cursor, dict[str, Cursor]]]:
    """By network: where it is declared first, and each option with the variable that had the last word on it."""
    merged: dict[str, tuple[Cursor, dict[str, Cursor]]] = {}
    for name in sorted(n for n in variables if n == MEMBERSHIP or n.startswith(_PREFIX)):
        if variables[name] is None:
            continue
        root = Cursor(variables[name], path=name, host=host, problems=problems)
        for network, cursor in root.entries().items():
            declared = _or_empty(cursor)
            options = declared.entries()
            if isinstance(declared.value, Mapping):
                merged.setdefault(network, (cursor, {}))[1].update(options)
    return merged


def _or_empty(cursor: Cursor) -> Cursor:
    """``corp:`` with nothing below it is a mapping without options."""
    return cursor.at("", {}) if cursor.value is None else cursor


def _groups(variables: Variables) -> list[str]:
    groups = variables.get("group_names")
    return [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []


def _all_groups(variables: Mapping[str, Variables]) -> set[str]:
    return {"all"}.union(*(_groups(found) for found in variables.values()))


def _management(address: t.Any) -> t.Optional[str]:
    if address is None:
        return None
    try:
        return str(parse_address(address))
    except InvalidInput:
        return None


def _controllers(host: str, variables: Variables, problems: list[Problem]) -> tuple[Prefix, ...]:
    """Where Ansible comes from: prefixes, or addresses."""
    declared = variables.get(CONTROLLERS)
    if declared is None:
        return ()
    cursor = Cursor(declared, path=CONTROLLERS, host=host, problems=problems)
    return tuple(sorted(set(cursor.each(Cursor.prefix))))


def _read_public_keys(
    public_keys: t.Any, hosts: t.Container[str], problems: list[Problem]
) -> dict[tuple[str, str], t.Optional[str]]:
    """{(host, network): key}; None for a key that is wrong, so that it is not taken for one that is missing."""
    found = {}
    root = Cursor(public_keys, path="public_keys", host="", problems=problems)
    for host, entry in sorted(root.entries().items()):
        entry.host = host if host in hosts else ""
        for network, cursor in sorted(entry.entries().items()):
            if cursor.value is not None:
                found[host, network] = cursor.public_key()
    return found


def _with_key(member: Member, keys: Mapping[tuple[str, str], t.Optional[str]]) -> Member:
    place = (member.host, member.network)
    return replace(member, public_key=keys[place]) if place in keys else member


def _with_external_keys(network: Network, keys: Mapping[tuple[str, str], t.Optional[str]]) -> Network:
    peers = (
        replace(peer, public_key=keys[peer.name, network.name]) if (peer.name, network.name) in keys else peer
        for peer in network.external_peers
    )
    return replace(network, external_peers=tuple(peers))
