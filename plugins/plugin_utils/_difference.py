# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the configurations of two plans: per host, interface, peer and prefix.

A change to a shared row is told once, with the number of interfaces that have it, so that a new member of a mesh is
one line and not a thousand. Keys appear only as public keys; a plan holds no others.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

Document = Mapping[str, t.Any]
Change = dict[str, t.Any]

# What is compared of an interface and of a peer besides its lists; an absent key counts as its default.
_INTERFACE = ("public_key", "listen_port", "fwmark", "mtu", "socket_namespace", "routes", "peer_group")
# Forwarding is told with its stack, the table and the metric with the routes.
_OPTIONS = ("backend", "userspace_engine", "private_key_file", "preshared_keys")
_PEER = ("public_key", "endpoint", "persistent_keepalive", "preshared_key_id", "allowed_ips_set", "managed")
_SIGNS = {"add": "+", "change": "~", "remove": "-"}


def difference(before: Document, after: Document) -> list[Change]:
    """The changes from one plan to the next, sorted: ``{action, host, interface, peer, what, before, after}``.

    action: add | change | remove. host and interface are null for a shared row, whose name stands in ``row`` then.
    """
    old, new = before.get("fleet", before), after.get("fleet", after)
    changes = [
        *_interfaces(old, new),
        *_rows(old, new, "peer_groups"),
        *_sets(old, new),
        *_forwarding_and_routes(old, new),
    ]
    return sorted(changes, key=lambda change: (change["host"] or "", change["row"] or "", *_order(change)))


def sign(change: Document) -> str:
    return _SIGNS[change["action"]]


def _order(change: Document) -> tuple[str, str, str, str]:
    return (change["interface"] or "", change["peer"] or "", change["what"], change["action"])


def _change(action: str, what: str, **place: t.Any) -> Change:
    keys = ("host", "interface", "peer", "row", "before", "after")
    return {"action": action, "what": what, **{key: place.get(key) for key in keys}}


def _indexed(fleet: Document) -> dict[tuple[str, str], Document]:
    """The interfaces by host and name; the name says its namespace where it is not the initial one."""
    found = {}
    for host, entry in fleet.get("hosts", {}).items():
        for interface in entry.get("interfaces") or ():
            namespace = interface.get("namespace")
            name = f"{interface['name']} in {namespace}" if namespace else interface["name"]
            found[host, name] = interface
    return found


def _interfaces(old: Document, new: Document) -> Iterable[Change]:
    before, after = _indexed(old), _indexed(new)
    for place in sorted(before.keys() | after.keys()):
        host, name = place
        if place not in before:
            yield _change("add", "interface", host=host, interface=name, after=_brief(after[place]))
        elif place not in after:
            yield _change("remove", "interface", host=host, interface=name, before=_brief(before[place]))
        else:
            where = {"host": host, "interface": name}
            yield from _fields(_INTERFACE, before[place], after[place], where)
            yield from _fields(_OPTIONS, before[place].get("options") or {}, after[place].get("options") or {}, where)
            yield from _listed("addresses", before[place].get("addresses"), after[place].get("addresses"), where)
            yield from _peers(before[place].get("peers"), after[place].get("peers"), where)


def _brief(interface: Document) -> str:
    return ", ".join(interface.get("addresses") or ())


def _fields(names: Iterable[str], before: Document, after: Document, where: Document) -> Iterable[Change]:
    for name in names:
        one, other = before.get(name) or None, after.get(name) or None
        if one != other:
            action = "add" if one is None else "remove" if other is None else "change"
            yield _change(action, name, before=one, after=other, **where)


def _listed(what: str, before: t.Any, after: t.Any, where: Document) -> Iterable[Change]:
    one, other = list(before or ()), list(after or ())
    lost, gained = set(one) - set(other), set(other) - set(one)
    for entry in one:
        if entry in lost:
            yield _change("remove", what, before=entry, **where)
    for entry in other:
        if entry in gained:
            yield _change("add", what, after=entry, **where)


def _peers(before: t.Any, after: t.Any, where: Document) -> Iterable[Change]:
    old = {_peer_name(peer): peer for peer in before or ()}
    new = {_peer_name(peer): peer for peer in after or ()}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield _change("add", "peer", peer=name, after=", ".join(_carried(new[name])), **where)
        elif name not in new:
            yield _change("remove", "peer", peer=name, before=", ".join(_carried(old[name])), **where)
        elif old[name] != new[name]:
            yield from _fields(_PEER, old[name], new[name], {**where, "peer": name})
            yield from _listed(
                "allowed_ips", old[name].get("allowed_ips"), new[name].get("allowed_ips"), {**where, "peer": name}
            )


def _peer_name(peer: Document) -> str:
    """Documents that this collection did not derive may leave the name out."""
    return str(peer.get("name") or peer.get("public_key") or "(a peer without name and key)")


def _carried(peer: Document) -> list[str]:
    shared = [f"the set {peer['allowed_ips_set']}"] if peer.get("allowed_ips_set") else []
    return [*(peer.get("allowed_ips") or ()), *shared]


def _rows(old: Document, new: Document, key: str) -> Iterable[Change]:
    before, after = old.get(key) or {}, new.get(key) or {}
    for row in sorted(before.keys() & after.keys()):
        if before[row] != after[row]:
            yield from _peers(before[row], after[row], {"row": f"{row} ({_users(new, row)})"})


def _users(fleet: Document, row: str) -> str:
    count = sum(interface.get("peer_group") == row for interface in _indexed(fleet).values())
    return f"shared by {count} interface{'' if count == 1 else 's'}"


def _sets(old: Document, new: Document) -> Iterable[Change]:
    before, after = old.get("prefix_sets") or {}, new.get("prefix_sets") or {}
    for name in sorted(before.keys() & after.keys()):
        users = sum(
            any(peer.get("allowed_ips_set") == name for peer in interface.get("peers") or ())
            for interface in _indexed(new).values()
        )
        row = f"set {name} (shared by {users} interface{'' if users == 1 else 's'})"
        yield from _listed("prefix", before[name], after[name], {"row": row})


def _forwarding_and_routes(old: Document, new: Document) -> Iterable[Change]:
    """Per stack that both plans have: what the interfaces of a new stack bring is told with them."""
    for host in sorted(old.get("hosts", {}).keys() & new.get("hosts", {}).keys()):
        before, after = (fleet["hosts"][host].get("namespaces") or {} for fleet in (old, new))
        for namespace in sorted(before.keys() & after.keys()):
            where = {"host": host, "interface": f"namespace {namespace}" if namespace else None}
            yield from _fields(("forwarding", "rules"), before[namespace], after[namespace], where)
            one, other = (
                [_route(r) for r in stack.get("routes") or ()] for stack in (before[namespace], after[namespace])
            )
            yield from _listed("route", one, other, where)


def _route(route: Document) -> str:
    """As ip-route(8) says it."""
    words = [route["destination"]]
    for key, word in (("gateway", "via"), ("device", "dev"), ("table", "table"), ("metric", "metric")):
        if route.get(key) is not None:
            words += [word, str(route[key])]
    if route.get("type", "unicast") != "unicast":
        words.insert(0, route["type"])
    return " ".join(words)
