# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filter of the host in memory: tables of ours, and whoever else filters there."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._obstacle import Obstacle
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import MANAGERS, Filtering, Opening

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory_network import Counter
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset


class MemoryFirewall:
    """lacking: why there is no nftables.  markless: why it cannot mark.  running: the managers at work.

    chains: the filtering ones of nftables.  obstacles: what of somebody else's closes ports.
    """

    def __init__(self, namespace: str, faults: Counter) -> None:
        self.namespace = namespace
        self.faults = faults
        self.lacking = ""
        self.markless = ""
        self.running: tuple[str, ...] = ()
        self.chains: tuple[str, ...] = ()
        self.zone = "public"
        self.obstacles: tuple[Obstacle, ...] = ()
        self.tables: dict[str, Ruleset] = {}
        self.opened: set[Opening] = set()

    def why_no_nftables(self) -> str:
        return self.lacking

    def why_no_marks(self) -> str:
        return self.markless

    def ruleset(self, device: str) -> Ruleset | None:
        return self.tables.get(device)

    def load(self, device: str, wanted: Ruleset | None) -> None:
        with self.faults.change(f"table of {device}"):
            if wanted is None:
                self.tables.pop(device, None)
            else:
                self.tables[device] = wanted

    def filtering(
        self, choice: str, ports: t.Collection[int], _label: str, _recorded: t.Iterable[Opening]
    ) -> Filtering:
        if choice in MANAGERS and choice not in self.running:
            raise HostError(f"there is no {choice}")
        zone = self.zone if "firewalld" in self.running else ""
        found = frozenset(opening for opening in self.opened if opening.port in ports)
        return Filtering(self.namespace, self.running, self.chains, zone, found, obstacles=self.obstacles)

    def open_port(self, opening: Opening, _label: str) -> None:
        with self.faults.change(f"open {opening}"):
            self.opened.add(opening)

    def close_port(self, opening: Opening, _label: str) -> None:
        with self.faults.change(f"close {opening}"):
            self.opened.discard(opening)
