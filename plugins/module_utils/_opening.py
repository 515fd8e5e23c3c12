# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A UDP port that a packet filter lets in: where, and by whose rule. Pure."""

from __future__ import annotations

import dataclasses

MANAGERS = ("firewalld", "ufw", "nftables")
CHOICES = ("auto", *MANAGERS, "off")


@dataclasses.dataclass(frozen=True, order=True)
class Opening:
    """namespace: where the socket is.  manager: who keeps the rule.  place: ``permanent`` or ``runtime`` and the zone
    (firewalld), family, table and chain (nftables), empty (ufw).  port: a UDP one."""

    namespace: str
    manager: str
    place: str
    port: int

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return f"UDP port {self.port} in {self.manager}{place}"


@dataclasses.dataclass(frozen=True)
class Filtering:
    """What filters incoming packets where the socket is. running: the managers that are at work there.

    chains: the base chains of nftables that packets to the host itself go through and that nobody manages.
    zone: the one that firewalld has for what belongs to no other. openings: those of the port that are there.
    """

    namespace: str = ""
    running: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    zone: str = ""
    openings: frozenset[Opening] = frozenset()

    def manager(self, choice: str) -> str | None:
        """Who opens the port; None where nothing filters, so that nothing is closed."""
        if choice != "auto":
            return choice
        return next((manager for manager in MANAGERS if manager in self.running), None)

    def wanted(self, choice: str, port: int) -> frozenset[Opening]:
        manager = self.manager(choice)
        if manager == "firewalld":
            kinds = ("permanent", "runtime")
            return frozenset(Opening(self.namespace, manager, f"{kind} {self.zone}", port) for kind in kinds)
        if manager == "ufw":
            return frozenset({Opening(self.namespace, manager, "", port)})
        if manager == "nftables":
            return frozenset(Opening(self.namespace, manager, chain, port) for chain in self.chains)
        return frozenset()
