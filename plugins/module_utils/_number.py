# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as people write them: ports, marks, metrics, tables. int() would also take 1_0, blanks and other digits."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    TABLES,
)

HIGHEST = 2**32 - 1
_DECIMAL = re.compile(r"[0-9]{1,10}", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,8}", re.ASCII)


def parse_number(value: t.Any, *, what: str, lowest: int = 0, highest: int = HIGHEST, remedy: str = "") -> int:
    """A whole number, or one as a text of digits. what: what it is, for the error. Raises InvalidInput."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise InvalidInput(f"is not a {what}", value=value, remedy=remedy or f"use a number from {lowest} to {highest}")
    return int(value)


def parse_port(value: t.Any, *, lowest: int = 1) -> int:
    return parse_number(value, what="port", lowest=lowest, highest=65535)


def parse_metric(value: t.Any) -> int:
    return parse_number(value, what="metric")


def parse_fwmark(value: t.Any) -> int:
    """A decimal or hexadecimal number, or ``off``, as wg(8) takes it, which refuses a capital ``0X``."""
    if isinstance(value, str) and value == "off":
        return 0
    if isinstance(value, str) and _HEXADECIMAL.fullmatch(value):
        return int(value, 16)
    return parse_number(value, what="fwmark", remedy="use a number such as 51820 or 0xca6c, or off")


def parse_table(value: t.Any) -> int:
    """A routing table by number, or by one of the three names that every system has."""
    if isinstance(value, str) and value in TABLES:
        return TABLES[value]
    return parse_number(value, what="routing table", lowest=1, remedy="use main, default or a number")
