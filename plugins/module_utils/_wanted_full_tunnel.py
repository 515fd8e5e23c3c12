# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mark the full tunnel of an interface has, and what becomes of the mark when there is none any more. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _full_tunnel

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Rule


def mark_of(declared: Declared, record: Record, observed: Observed) -> int | None:
    """None where the interface is no full tunnel. The declared mark, the last one, the device's own, or a free one."""
    wanted = record.full_tunnel is not None if declared.full_tunnel is None else declared.full_tunnel
    if not wanted:
        return None
    running = observed.device.fwmark if observed.device else 0
    known = declared.fwmark or record.full_tunnel or running or declared.table
    return known or _full_tunnel.free_mark(_taken(observed))


def _taken(observed: Observed) -> set[int]:
    """Marks and tables that somebody else has; also of a full tunnel that is declared and not made yet."""
    taken = {route.table for route in observed.routes}
    taken |= {number for rule in observed.rules for number in (rule.table, rule.fwmark) if number}
    for neighbour in observed.neighbours:
        taken |= {neighbour.table, neighbour.full_tunnel or 0}
    return taken


def rules_besides(record: Record) -> tuple[Rule, ...]:
    """The recorded rules but for those of the full tunnel, which come and go with it."""
    arrangement = set() if record.full_tunnel is None else set(_full_tunnel.rules(record.full_tunnel, record.table))
    return tuple(sorted(record.rules - arrangement, key=str))


def want_fwmark(declared: Declared, observed: Observed, mark: int | None) -> int | None:
    """The mark to set; None: leave alone. One that came with a full tunnel goes with it."""
    if declared.fwmark is not None or mark is not None:
        return declared.fwmark if mark is None else mark
    left = observed.record.full_tunnel if observed.record else None
    running = observed.device.fwmark if observed.device else 0
    return 0 if left is not None and running == left else None
