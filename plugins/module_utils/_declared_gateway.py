# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared about packets beside their routes: filters, translation, the open port, the full tunnel."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, placed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import CHOICES
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import RP_FILTER
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import MAIN_TABLE, parse_name

_EVERYWHERE = ("all", "default")
_FAMILIES = {"ipv4": 4, "ipv6": 6}

Outward = t.FrozenSet[t.Tuple[int, str]]


def declare_rp_filter(entry: t.Any) -> dict[str, str] | None:
    """{device: the kernel's number}. Raises InvalidInput."""
    if entry is None:
        return None
    if not isinstance(entry, t.Mapping):
        raise InvalidInput("is not a mapping", path="rp_filter", value=entry, remedy="write {eth0: loose}")
    found = {}
    for device, word in entry.items():
        with placed("rp_filter"):
            name = str(device) if device in _EVERYWHERE else parse_name(device)
        with placed(f"rp_filter.{name}"):
            found[name] = _rp_filter(word)
    return found


def _rp_filter(word: t.Any) -> str:
    """YAML makes false of a bare off; the kernel's numbers are taken as well."""
    text = "off" if word is False else str(word)
    if text in RP_FILTER.values() and not isinstance(word, bool):
        return text
    if text not in RP_FILTER:
        raise InvalidInput("is no mode of the reverse path filter", value=word, remedy="use off, loose or strict")
    return RP_FILTER[text]


def declare_masquerade(entry: t.Mapping[str, t.Any] | None, *, device: str) -> Outward | None:
    """(family, outward device), as the packet filter compares it: the device need not be there yet."""
    if entry is None:
        return None
    found = set()
    for option, family in _FAMILIES.items():
        for index, text in enumerate(entry.get(option) or ()):
            with placed(f"masquerade.{option}[{index}]"):
                name = parse_name(text)
                if name == device:
                    raise InvalidInput(
                        "is the interface itself", value=name, remedy="name the device that packets leave the host by"
                    )
                found.add((family, name))
    return frozenset(found)


def declare_open_port(value: t.Any) -> str | None:
    text = "off" if value is False else value
    if text is not None and text not in CHOICES:
        raise InvalidInput(
            "is no packet filter", path="open_port", value=value, remedy=f"use one of {', '.join(CHOICES)}"
        )
    return t.cast("str | None", text)


def check_full_tunnel(*, routing: str | None, table: int | None, fwmark: int | None) -> None:
    """What the arrangement cannot do without. Raises InvalidInput."""
    if routing not in (None, "auto"):
        raise InvalidInput(
            "leaves a full tunnel without its routes",
            path="routing",
            value=routing,
            remedy="use routing: auto, or routes and rules in place of full_tunnel",
        )
    if table == MAIN_TABLE:
        raise InvalidInput(
            "is where the encrypted packets look for their way",
            path="table",
            value="main",
            remedy="leave it out, or name a table of the tunnel's own",
        )
    if fwmark == 0:
        raise InvalidInput(
            "leaves the encrypted packets of a full tunnel without a mark",
            path="fwmark",
            value="off",
            remedy="leave it out, or give a number",
        )
