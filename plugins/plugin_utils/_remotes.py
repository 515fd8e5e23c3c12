# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of the outer packets: what the stack that holds the UDP socket says about the endpoints of the peers.

Names are never resolved: only endpoints that are addresses have a way. A stack of which nothing is described but its
tunnels and its LANs has an underlay that nobody knows, and nothing is said about it.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_left
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._dialling import with_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import LOOPBACK, Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model, StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import UNSPECIFIED, outer_stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._policy import applies, region_of
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import group_row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    Intervals,
    from_numbers,
    from_prefixes,
    subtract,
)

_LINK_LOCAL = parse_prefix("fe80::/10")


class Remote(t.NamedTuple):
    """An endpoint that is an address: of which peer, and how the peer is called."""

    number: int
    ident: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remotes:
    """The endpoint addresses of one list of peers, by family and in ascending order."""

    by_family: dict[int, list[Remote]]
    numbers: dict[int, Intervals] = field(repr=False)

    def inside(self, prefix: Prefix) -> t.Iterator[Remote]:
        """Those that lie in a prefix."""
        listed = self.by_family[prefix.family]
        index = bisect_left(listed, (prefix.network,))
        while index < len(listed) and listed[index].number <= prefix.last:
            yield listed[index]
            index += 1


def remotes(model: Model, interface: Interface) -> t.Iterator[Remotes]:
    """The endpoint addresses of an interface's peers: of its own list and of the row that it shares.

    Of the row, entries that the interface leaves out are still in it: see ``Cryptokey.overrides``.
    """
    memo: dict[str, Remotes] = model.fleet.memo.setdefault("remotes", {})
    group = interface.peer_group
    if group is not None:
        if group not in memo:
            memo[group] = _remotes(group_row(model.fleet, group)[1])
        yield memo[group]
    yield _remotes(model.cryptokey(interface).own)


def _remotes(entries: t.Mapping[str, t.Sequence[t.Any]]) -> Remotes:
    by_family: dict[int, list[Remote]] = {family: [] for family in FAMILIES}
    for ident, listed in entries.items():
        found = with_endpoint(listed)
        address = None if found is None else found[1].address
        if found is not None and address is not None:
            remote = Remote(address.number, ident, found[0].name, str(found[0].endpoint))
            by_family[address.family].append(remote)
    return Remotes(
        by_family={family: sorted(found) for family, found in by_family.items()},
        numbers={family: from_numbers(one.number for one in found) for family, found in by_family.items()},
    )


def underlay_families(model: Model, stack: StackModel) -> frozenset[int]:
    """The families in which a stack has an address or a route besides its tunnels and LANs; empty: not described."""
    memo: dict[StackId, frozenset[int]] = model.fleet.memo.setdefault("underlay_families", {})
    found = memo.get(stack.id)
    if found is None:
        found = memo[stack.id] = _underlay_families(stack)
    return found


def _underlay_families(stack: StackModel) -> frozenset[int]:
    advertised = list(stack.stack.advertise or ())
    for interface in stack.devices.values():
        advertised += interface.advertise or ()
    found = [
        address.address.prefix
        for device, held in stack.stack.addresses.items()
        for address in held
        if device != LOOPBACK and device not in stack.devices and not _LINK_LOCAL.contains(address.address.prefix)
    ]
    found += [
        route.destination
        for route in stack.stack.routes
        if route.destination is not None and route.type == "unicast" and route.device not in stack.devices
    ]
    return frozenset(
        prefix.family for prefix in found if not any(lan.length > 1 and lan.contains(prefix) for lan in advertised)
    )


def unroutable(model: Model, interface: Interface, family: int) -> t.Iterator[tuple[Remote, str]]:
    """The endpoints of a family that the birth stack has no way to, each with what the look-up ends in."""
    fib = outer_stack(model, interface).fib
    if has_default(model, fib, family, interface.fwmark):
        return
    left_out = model.cryptokey(interface).overrides
    for index, found in enumerate(remotes(model, interface)):
        shared = index == 0 and interface.peer_group is not None
        numbers = _off_link(model, fib, family, found) if shared else found.numbers[family]
        for decision, part in fib.split(family, UNSPECIFIED, numbers, mark=interface.fwmark).items():
            if decision.kind not in ("unicast", "local"):
                for remote in _of(found.by_family[family], part):
                    if not (shared and remote.ident in left_out):
                        yield remote, decision.kind


def _of(listed: list[Remote], part: Intervals) -> t.Iterator[Remote]:
    for low, high in zip(part[::2], part[1::2], strict=True):
        index = bisect_left(listed, (low,))
        while index < len(listed) and listed[index].number < high:
            yield listed[index]
            index += 1


def has_default(model: Model, fib: Fib, family: int, mark: int) -> bool:
    """_reaches_everything, looked at once for stacks without rules that have the same routes."""
    if fib.stack.rules:
        return _reaches_everything(fib, family, mark)
    memo: dict[t.Any, bool] = model.fleet.memo.setdefault("has_default", {})
    key = fib.routes, family, mark
    if key not in memo:
        memo[key] = _reaches_everything(fib, family, mark)
    return memo[key]


def _reaches_everything(fib: Fib, family: int, mark: int) -> bool:
    """Whether a default route takes every outer packet: true of nearly all stacks, and found without a table."""
    for rule in fib.rules[family]:
        if not applies(rule, family, UNSPECIFIED, None, ingress=LOOPBACK, mark=mark):
            continue
        routes = [route for route in fib.routes if route.table == rule.table]
        routes = [route for route in routes if route.destination is None or route.destination.family == family]
        if any(route.type != "unicast" for route in routes):
            return False
        whole = region_of(rule, family, UNSPECIFIED, ingress=LOOPBACK, mark=mark) is None
        defaults = [route for route in routes if route.destination is not None and route.destination.length == 0]
        if defaults and whole and rule.suppress_prefixlength is None:
            return True
    return False


def _off_link(model: Model, fib: Fib, family: int, found: Remotes) -> Intervals:
    """The endpoints of a shared row without those of plain routes, so that hosts of one underlay look only once."""
    plain = all(rule.table in ("local", "main", "default") for rule in fib.rules[family])
    if not plain or any(route.type != "unicast" for route in fib.routes):
        return found.numbers[family]
    routes = (route.destination for route in fib.routes if route.table == "main")
    near = {
        one for one in routes if one is not None and one.family == family and any(True for _remote in found.inside(one))
    }
    memo: dict[t.Any, Intervals] = model.fleet.memo.setdefault("off_link", {})
    key = id(found), family, frozenset(near)
    if key not in memo:
        memo[key] = subtract(found.numbers[family], from_prefixes(near))
    return memo[key]
