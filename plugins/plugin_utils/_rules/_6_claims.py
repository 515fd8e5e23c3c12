# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""6xx: two tunnels of one stack that both want the same destinations."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Interface, Route
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import StackModel
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Row
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules._rule import (
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
    from_prefixes,
    intersect,
    to_prefixes,
    union,
)

# Entries of this length or shorter are defaults, which every more specific route may cut a piece out of.
_DEFAULT_LENGTH = 1


def _overlapping_claims(case: Case) -> t.Iterator[Finding]:
    claims = _Claims(case)
    for stack in case.model.stacks.values():
        for one, other in itertools.combinations(stack.devices.values(), 2):
            for table in sorted(claims.tables(stack, one) & claims.tables(stack, other)):
                shared = [
                    prefix
                    for family in FAMILIES
                    for prefix in to_prefixes(family, claims.shared(stack, (one, other), table, family))
                ]
                if shared:
                    yield on_interface(
                        other,
                        f"{one.name} and {other.name} of {stack.id} both have routes to {listed(shared)} in table "
                        f"{table}: the longest prefix and the lowest metric decide, and the other tunnel gets nothing",
                        f"take {listed(shared)} away from {one.name} or {other.name}, or give one of them a table of "
                        "its own with a rule",
                        prefixes=tuple(shared),
                    )


class _Claims:
    """What the routes of a stack lead into a tunnel, but for defaults. Rows that many share are added up once."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._of_rows: dict[tuple[int, int], Intervals] = {}
        self._meeting: dict[tuple[t.Any, ...], bool] = {}

    def tables(self, stack: StackModel, interface: Interface) -> set[str]:
        return {route.table for route in _routes(stack, interface)}

    def shared(self, stack: StackModel, pair: tuple[Interface, Interface], table: str, family: int) -> Intervals:
        """What both claim in a table."""
        routes = [[one for one in _routes(stack, interface) if one.table == table] for interface in pair]
        rows = [self._rows(interface, found) for interface, found in zip(pair, routes, strict=True)]
        listed = [from_prefixes(_destinations(found, family)) for found in routes]
        key = (*(tuple(map(id, found)) for found in rows), *listed, family)
        if key not in self._meeting:
            # Asked of the complete rows first, so that all that share them share the answer.
            wide = [
                union(one, *(self._of_row(row, family) for row in found))
                for one, found in zip(listed, rows, strict=True)
            ]
            self._meeting[key] = bool(intersect(wide[0], wide[1]))
        if not self._meeting[key]:
            return EMPTY
        exact = [
            union(one, self._exactly(self._case.model.cryptokey(interface), family) if found else EMPTY)
            for interface, one, found in zip(pair, listed, rows, strict=True)
        ]
        return intersect(exact[0], exact[1])

    def _rows(self, interface: Interface, routes: list[Route]) -> list[Row]:
        """The rows that routes follow; none where every route has a destination of its own."""
        follows = any(route.destination is None for route in routes)
        return self._case.model.cryptokey(interface).shared_rows() if follows else []

    def _of_row(self, row: Row, family: int) -> Intervals:
        key = id(row), family
        if key not in self._of_rows:
            self._of_rows[key] = from_prefixes(
                prefix for prefix in row.by_prefix if prefix.family == family and prefix.length > _DEFAULT_LENGTH
            )
        return self._of_rows[key]

    def _exactly(self, cryptokey: Cryptokey, family: int) -> Intervals:
        """Without what the interface leaves out of the rows."""
        return from_prefixes(
            owner.prefix
            for owner in cryptokey.owners()
            if owner.prefix.family == family and owner.prefix.length > _DEFAULT_LENGTH
        )


def _routes(stack: StackModel, interface: Interface) -> list[Route]:
    """The unicast routes into a device, connected ones too."""
    return [route for route in stack.fib.routes if route.device == interface.name and route.type == "unicast"]


def _destinations(routes: list[Route], family: int) -> t.Iterator[t.Any]:
    for route in routes:
        prefix = route.destination
        if prefix is not None and prefix.family == family and prefix.length > _DEFAULT_LENGTH:
            yield prefix


RULES = (
    Rule(
        id="WG607",
        name="overlapping-claims",
        severity=WARNING,
        summary="two interfaces of one stack claim overlapping routes",
        decide=_overlapping_claims,
    ),
)
