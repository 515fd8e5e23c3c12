# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters of a namespace that an interface may need otherwise than they are: which, and what they mean. Pure.

They are shared with everything else in the namespace. So each is claimed, with what it was before, and goes back to
that when the last claim goes, unless somebody has changed it in the meantime.
"""

from __future__ import annotations

import dataclasses
import typing as t

RP_FILTER = {"off": "0", "strict": "1", "loose": "2"}
"""The kernel's numbers for the reverse path filter (ip-sysctl in its documentation); it exists for IPv4 only."""
RP_FILTER_WORDS = {number: word for word, number in RP_FILTER.items()}
# Of two claims the one counts that lets more packets pass: off, then loose, then strict.
_PERMISSIVE = {"1": 0, "2": 1, "0": 2}


@dataclasses.dataclass(frozen=True, order=True)
class SettingClaim:
    """name: below net/, such as ``ipv4/conf/eth0/rp_filter``.  value: what is wanted.  previous: what was there
    before the first claim."""

    name: str
    value: str
    previous: str


def rp_filter(device: str) -> str:
    return f"ipv4/conf/{device}/rp_filter"


def device_of(name: str) -> str:
    return name.split("/")[2]


def is_rp_filter(name: str) -> bool:
    return name.endswith("/rp_filter")


def stronger(name: str, values: t.Iterable[str]) -> str:
    """Of several claimed values the one that is set."""
    if not is_rp_filter(name):
        return max(values)
    return max(values, key=lambda value: (_PERMISSIVE.get(value, -1), value))


def loosens(name: str, value: str) -> bool:
    """True where setting it can only let more packets pass, so that it may come first."""
    return value != "1" if is_rp_filter(name) else value == "1"


def described(name: str, value: str) -> str:
    if is_rp_filter(name):
        return f"set the reverse path filter of {device_of(name)} to {RP_FILTER_WORDS.get(value, value)}"
    return f"set net.{name.replace('/', '.')} to {value}"
