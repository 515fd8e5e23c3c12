# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The full-tunnel arrangement of wg-quick(8) (add_default in its source), as values. Pure; both sides know it by this.

The automatic routes stand in a table of their own. What does not carry the interface's mark looks there, and a rule
before that one lets the main table win for everything but its own default route: so the LAN and all longer routes stay
as they were, and the encrypted packets, which carry the mark, find the ordinary way to the endpoints.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import MAIN_TABLE, Rule

MARK = 51820
"""The first mark and table number that is tried, as by wg-quick."""
PRIORITIES = (32764, 32765)
"""Where `ip rule add` puts two rules without a priority on a system that has only the default ones."""
_KERNELS_TABLES = (253, 254, 255)
SOURCE_CHECK = "ipv4/conf/all/src_valid_mark"
"""With it the reverse path filter looks at the mark, too (ip-sysctl in the kernel's documentation)."""


def rules(mark: int, table: int) -> tuple[Rule, ...]:
    """The two policy rules of each family, in the order in which they have to be added."""
    return tuple(
        rule
        for family in (4, 6)
        for rule in (
            Rule(family, priority=PRIORITIES[0], table=MAIN_TABLE, suppress_prefixlength=0),
            Rule(family, priority=PRIORITIES[1], table=table, fwmark=mark, invert=True),
        )
    )


def rule_entries(mark: int, table: str) -> list[dict[str, t.Any]]:
    """The same rules as entries of the module's option ``rules``, and of an interface in a fleet document."""
    return [
        {"priority": PRIORITIES[0], "table": "main", "suppress_prefixlength": 0},
        {"priority": PRIORITIES[1], "fwmark": mark, "invert": True, "table": table},
    ]


def without_arrangement(
    entries: t.Sequence[t.Mapping[str, t.Any]], *, mark: t.Any, table: t.Any
) -> list[dict[str, t.Any]] | None:
    """The entries but for the two of a full tunnel with this mark and table; None where they are not among them.

    mark: a number.  table: a number, as a text or not.
    """
    if not isinstance(mark, int) or not mark or not str(table or "").isdigit():
        return None
    left = [_said(entry) for entry in entries]
    for wanted in rule_entries(mark, str(table)):
        if wanted not in left:
            return None
        left.remove(wanted)
    return left


def _said(entry: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An entry without what only repeats a default."""
    said = {name: value for name, value in entry.items() if value is not None and value is not False}
    if "table" in said:
        said["table"] = str(said["table"])
    return said


def free_mark(taken: t.Container[int]) -> int:
    """The first number from MARK on that is neither a mark nor a table yet."""
    return next(number for number in range(MARK, MARK + (1 << 16)) if number not in taken)


def table_of(mark: int) -> int:
    """The table that goes with a mark where none is declared."""
    return mark + (1 << 16) if mark in _KERNELS_TABLES else mark
