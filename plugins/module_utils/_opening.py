# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A UDP port that a packet filter lets in: where, and by whose rule. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._obstacle import Obstacle

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
    others: the ones among them that are somebody else's by their look, whatever was recorded: they stay.
    refusals: where a port cannot be opened without taking away a rule that forbids it, and that rule's text.
    unseen: recorded ones whose manager does not run, so that nobody can say whether they are still there.
    obstacles: what of somebody else's closes one of the ports all the same.
    """

    namespace: str = ""
    running: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    zone: str = ""
    openings: frozenset[Opening] = frozenset()
    others: frozenset[Opening] = frozenset()
    refusals: t.Mapping[Opening, str] = dataclasses.field(default_factory=dict)
    unseen: frozenset[Opening] = frozenset()
    obstacles: tuple[Obstacle, ...] = ()

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

    def kept(self, port: int, recorded: t.AbstractSet[Opening]) -> frozenset[Opening]:
        """While nobody filters, what was opened stays: for when somebody does again, and before the next run."""
        return frozenset(opening for opening in self.ours(recorded) if not self.running and opening.port == port)

    def ours(self, recorded: t.AbstractSet[Opening]) -> frozenset[Opening]:
        """What of the record is still there, and still is what was made then."""
        return frozenset(recorded & self.openings) - self.others

    def refuse(self, wanted: t.AbstractSet[Opening]) -> HostError | None:
        """Why one of those cannot be opened: somebody has decided that the port is closed."""
        for opening in sorted(wanted & self.refusals.keys()):
            return HostError(
                f"cannot open UDP port {opening.port}: {opening.manager} has the rule '{self.refusals[opening]}', "
                "which an opening would replace",
                remedy="delete that rule if the port is to be open, declare another listen_port, or open_port: off",
            )
        return None
