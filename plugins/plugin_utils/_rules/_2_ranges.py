# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""2xx: what AllowedIPs let a peer be: sources that nobody owns, and ranges that no host of an overlay has."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import is_own
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import group_users
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import DEFAULT_LENGTH, Owner, Row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
    INFO,
    WARNING,
    Case,
    Finding,
    Rule,
    listed,
    on_interface,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    from_prefixes,
    intersect,
    subtract,
    to_prefixes,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._simple_stacks import SimpleKinds

# RFC 1122, 3.2.1.3; RFC 5771; RFC 3927; RFC 919; RFC 4291, 2.5.2 to 2.5.6 and 2.7
_RANGES = tuple(
    (parse_prefix(text), what)
    for text, what in (
        ("0.0.0.0/8", "unspecified"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
_SPECIAL = {family: from_prefixes(one for one, _what in _RANGES if one.family == family) for family in FAMILIES}


def _rows(case: Case) -> t.Iterator[tuple[Row, Interface]]:
    """Every list of AllowedIPs once, with the first interface that uses it."""
    done: set[tuple[int, ...]] = set()
    told: set[int] = set()
    kinds = SimpleKinds.of(case.model)
    for interface in case.model.interfaces:
        cryptokey = case.model.cryptokey(kinds.lister(interface))
        if cryptokey.rows not in done:
            done.add(cryptokey.rows)
            for row in cryptokey.shared_rows():
                if id(row) not in told:
                    told.add(id(row))
                    yield row, interface


def _by_peer(case: Case, row: Row, owners: list[Owner]) -> dict[tuple[Interface, str], list[Owner]]:
    """Entries of a row by the first interface that has them, and by peer."""
    cryptokeys = (case.model.cryptokey(interface) for interface in case.model.interfaces if owners)
    users = [(one.interface, removed) for one in cryptokeys for its, removed in one.layers if its is row]
    found: dict[tuple[Interface, str], list[Owner]] = {}
    for owner in owners:
        user = next((interface for interface, removed in users if owner not in removed), None)
        if user is not None:
            found.setdefault((user, owner.ident), []).append(owner)
    return found


def _unowned_sources(case: Case) -> t.Iterator[Finding]:
    known = _Known(case)
    for row, first in _rows(case):
        doubtful = [] if known.holds(first, row) else [owner for owner in row.owners if known.misses(first, owner)]
        for (interface, ident), owners in _by_peer(case, row, doubtful).items():
            cryptokey = case.model.cryptokey(interface)
            prefixes: list[Prefix] = []
            for family in FAMILIES:
                asked = union(*(known.missing(interface, one) for one in owners if one.prefix.family == family))
                prefixes += to_prefixes(family, cryptokey.accepted_part(family, ident, asked))
            if prefixes:
                name = cryptokey.entries(ident)[-1].name
                yield on_interface(
                    interface,
                    f"peer {name} of {interface.label} may send from {listed(prefixes)}, which nobody behind it owns",
                    f"leave {name} only what is behind it, or advertise the rest at the host that has it",
                    peer=name,
                    prefixes=tuple(prefixes),
                )


class _Known:
    """What somebody answers for, by network: the owners of the network, its pools, and its external peers."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._known: dict[tuple[str, int], Intervals] = {}
        self._external: dict[str, list[Prefix]] = {}
        for interface, peers in self._lists():
            for peer in peers:
                if case.model.target(interface, peer.ident) is None and not is_own(interface, peer):
                    self._external.setdefault(interface.network or "", []).extend(peer.allowed_ips)

    def _lists(self) -> t.Iterator[tuple[Interface, t.Sequence[t.Any]]]:
        for name, users in group_users(self._case.model).items():
            yield users[0], self._case.fleet.peer_groups[name]
        told: set[tuple[str | None, tuple[t.Any, ...]]] = set()
        for interface in self._case.model.interfaces:
            # Who is meant by an entry depends on the network; what an interface ignores as its own is not external.
            if (interface.network, interface.peers) not in told:
                told.add((interface.network, interface.peers))
                yield interface, interface.peers

    def holds(self, interface: Interface, row: Row) -> bool:
        """Whether somebody answers for all of a row, which is the usual case."""
        if interface.network is None:
            return True
        return all(covers(self._of(interface.network, one), row.without_defaults(one)) for one in FAMILIES)

    def misses(self, interface: Interface, owner: Owner) -> bool:
        return bool(self.missing(interface, owner))

    def missing(self, interface: Interface, owner: Owner) -> Intervals:
        """The part of an entry that nobody answers for; nothing where the document does not say what is behind."""
        if interface.network is None or owner.prefix.length <= DEFAULT_LENGTH:
            return EMPTY
        target = self._case.model.target(interface, owner.ident)
        if target is None or not self._tells(target.stack):
            return EMPTY
        family = owner.prefix.family
        return subtract(from_prefixes([owner.prefix]), self._of(interface.network, family))

    def _tells(self, stack: StackId) -> bool:
        """Whether the document says what is behind a stack, or that it has devices at all."""
        found = self._case.model.stacks[stack]
        told = any(interface.advertise is not None for interface in found.devices.values())
        return told or found.stack.advertise is not None or bool(found.stack.addresses)

    def _of(self, network: str, family: int) -> Intervals:
        key = network, family
        if key not in self._known:
            declared = [*self._case.fleet.pools.get(network, ()), *self._external.get(network, ())]
            self._known[key] = union(
                self._case.ownership.networks[network].total[family],
                from_prefixes(one for one in declared if one.family == family),
            )
        return self._known[key]


def _special_range(case: Case) -> t.Iterator[Finding]:
    for row, _first in _rows(case):
        if not any(intersect(_SPECIAL[family], row.without_defaults(family)) for family in FAMILIES):
            continue
        special = [owner for prefix, owners in row.by_prefix.items() if _range_of(prefix) for owner in owners]
        for (interface, ident), owners in _by_peer(case, row, special).items():
            name = case.model.cryptokey(interface).entries(ident)[-1].name
            prefixes = sorted({owner.prefix for owner in owners})
            said = listed(f"{prefix} ({_range_of(prefix)})" for prefix in prefixes)
            yield on_interface(
                interface,
                f"peer {name} of {interface.label} has AllowedIPs that no host of an overlay owns: {said}",
                f"take {listed(prefixes)} out of the AllowedIPs of {name}",
                peer=name,
                prefixes=tuple(prefixes),
            )


def _range_of(prefix: Prefix) -> str:
    """What a prefix is reserved for as a whole; empty for what hosts can have."""
    return next((what for reserved, what in _RANGES if reserved.contains(prefix)), "")


RULES = (
    Rule(
        id="WG210",
        name="unowned-sources",
        severity=INFO,
        summary="peer may send from sources that nobody behind it owns (not said of defaults and pools)",
        decide=_unowned_sources,
    ),
    Rule(
        id="WG212",
        name="special-range",
        severity=WARNING,
        summary="loopback, multicast, unspecified, link-local ranges",
        decide=_special_range,
    ),
)
