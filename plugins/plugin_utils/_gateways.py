# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member's host does with packets beside routing them: reads it, and enters it into the fleet document."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import CHOICES
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor

Document = dict[str, t.Any]

_FAMILIES = ("ipv4", "ipv6")
# As the kernel numbers them (ip-sysctl in its documentation), which is what a fleet document has.
_RP_FILTER = {"off": 0, "strict": 1, "loose": 2}
# Of two interfaces that disagree the one counts that lets more packets pass, as in the module.
_PERMISSIVE = ("strict", "loose", "off")


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """masquerade: outward devices by family. rp_filter: words by device. None: nothing is said."""

    masquerade: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clamp_mss: t.Optional[bool] = None
    open_port: t.Optional[str] = None
    rp_filter: Mapping[str, str] = field(default_factory=dict)

    @property
    def says_anything(self) -> bool:
        """Most say nothing."""
        return bool(self.masquerade or self.rp_filter) or (self.clamp_mss, self.open_port) != (None, None)

    @property
    def options(self) -> Document:
        """The arguments of the module that say the same; what is not said is left out."""
        options: Document = {
            "masquerade": {family: list(devices) for family, devices in self.masquerade.items()} or None,
            "clamp_mss": self.clamp_mss,
            "open_port": self.open_port,
            "rp_filter": dict(self.rp_filter) or None,
        }
        return {name: value for name, value in options.items() if value is not None}

    def enter(self, stack: Document) -> None:
        """What the proof has to know: who hides behind whose address, and which packets a filter drops."""
        devices = {device for held in self.masquerade.values() for device in held}
        if devices:
            stack["masquerade"] = sorted({*stack.get("masquerade", ()), *devices})
        if self.rp_filter:
            numbers = {device: _RP_FILTER[word] for device, word in self.rp_filter.items()}
            stack["rp_filter"] = {**stack.get("rp_filter", {}), **numbers}


def read_masquerade(cursor: Cursor) -> t.Optional[dict[str, tuple[str, ...]]]:
    """``[eth0]`` for both families, or ``{ipv4: [eth0]}``."""
    if isinstance(cursor.value, Mapping):
        options = cursor.options(_FAMILIES)
        found = {family: _names(options[family]) for family in _FAMILIES if family in options}
    else:
        found = dict.fromkeys(_FAMILIES, _names(cursor))
    return {family: names for family, names in found.items() if names}


def _names(cursor: Cursor) -> tuple[str, ...]:
    return tuple(sorted(set(cursor.each(Cursor.interface_name))))


def read_open_port(cursor: Cursor) -> t.Optional[str]:
    """YAML makes false of a bare off."""
    return "off" if cursor.value is False else cursor.choice(CHOICES)


def read_rp_filter(cursor: Cursor) -> dict[str, str]:
    found = {}
    for device, entry in cursor.entries().items():
        name = entry.at("", device).interface_name()
        word = "off" if entry.value is False else entry.choice(tuple(_RP_FILTER))
        if name and word:
            found[name] = word
    return found


def united(gateways: t.Iterable[Gateway]) -> Gateway:
    """What the interfaces of one stack come to together."""
    masquerade: dict[str, tuple[str, ...]] = {}
    filters: dict[str, str] = {}
    for gateway in gateways:
        for family, devices in gateway.masquerade.items():
            masquerade[family] = tuple(sorted({*masquerade.get(family, ()), *devices}))
        for device, word in gateway.rp_filter.items():
            filters[device] = max(word, filters.get(device, word), key=_PERMISSIVE.index)
    return Gateway(masquerade=masquerade, rp_filter=filters)
