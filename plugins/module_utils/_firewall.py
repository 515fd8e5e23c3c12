# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Firewall port for real: nftables of one network namespace; firewalld and ufw, which know the initial one only."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _firewalld, _nftables, _ufw
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._obstacle import Obstacle
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import (
    MANAGERS,
    Filtering,
    Opening,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset


class LinuxFirewall:
    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def why_no_nftables(self) -> str:
        return _nftables.why_unavailable()

    def why_no_marks(self) -> str:
        return self.worker.run(_nftables.why_no_marks)

    def ruleset(self, device: str) -> Ruleset | None:
        return self.worker.run(_nftables.ruleset, device)

    def load(self, device: str, wanted: Ruleset | None) -> None:
        self.worker.run(_nftables.load, device, wanted)

    def filtering(self, choice: str, ports: t.Collection[int], label: str, recorded: t.Iterable[Opening]) -> Filtering:
        """A named manager that is not there is refused here, before the first change."""
        here = [opening for opening in recorded if opening.namespace == self.worker.namespace]
        if choice in MANAGERS:
            self._refuse_elsewhere(choice)
        seen = self.worker.run(_look, self.worker.namespace, choice, sorted(ports), label, here)
        if choice in MANAGERS and not _is_there(choice, seen):
            raise _PROGRAMS[choice].missing()
        return seen

    def open_port(self, opening: Opening, label: str) -> None:
        self.worker.run(_PROGRAMS[opening.manager].open_port, opening, label)

    def close_port(self, opening: Opening, label: str) -> None:
        self.worker.run(_PROGRAMS[opening.manager].close_port, opening, label)

    def _refuse_elsewhere(self, choice: str) -> None:
        if self.worker.namespace and choice != "nftables":
            raise HostError(
                f"{choice} filters in the initial namespace, and the socket is in {self.worker.namespace}",
                remedy="use open_port: nftables, or leave it out",
            )


def _is_there(manager: str, seen: Filtering) -> bool:
    """ufw takes rules while it is not active, and nftables has chains where somebody makes them."""
    if manager == "firewalld":
        return manager in seen.running
    return _ufw.is_installed() if manager == "ufw" else not _nftables.why_unavailable()


def _look(
    namespace: str,
    choice: str,
    ports: t.Sequence[int],
    label: str,
    recorded: t.Sequence[Opening],
) -> Filtering:
    """What is at work here, and which of the ports are open. firewalld and ufw know the initial namespace only."""
    asked = {opening.manager for opening in recorded}
    asked |= set(MANAGERS) if choice == "auto" else {choice}
    sight = _Sight(namespace, ports, label)
    if "firewalld" in asked and not namespace:
        sight.look_at_firewalld({opening.place for opening in recorded if opening.manager == "firewalld"})
    if "ufw" in asked and not namespace and _ufw.is_installed():
        sight.look_at_ufw()
    has_nftables = not _nftables.why_unavailable()
    if "nftables" in asked and has_nftables:
        sight.look_at_nftables()
    seen = sight.filtering(recorded)
    manager = seen.manager(choice) if choice != "off" else None
    if manager is None:
        return seen
    return dataclasses.replace(seen, obstacles=tuple(sight.obstacles(manager, has_nftables=has_nftables)))


class _Sight:
    """What the listings of a namespace's packet filters say, each asked for once."""

    def __init__(self, namespace: str, ports: t.Sequence[int], label: str) -> None:
        self.namespace = namespace
        self.ports = ports
        self.label = label
        self.running: list[str] = []
        self.zone: str | None = None
        self.commands: list[str] = []
        self.chains: dict[str, list[t.Any]] = {}
        self.is_others: dict[Opening, bool] = {}
        self.refusals: dict[Opening, str] = {}

    def look_at_firewalld(self, places: t.AbstractSet[str]) -> None:
        self.zone = _firewalld.default_zone()
        if self.zone is not None:
            self.running.append("firewalld")
            zones = {self.zone, *(place.split(" ")[1] for place in places)}
            found = _firewalld.opened(self.ports, sorted(zones))
            self.is_others.update({Opening("", "firewalld", *one): amid for one, amid in found.items()})

    def look_at_ufw(self) -> None:
        self.running += ["ufw"] if _ufw.is_active() else []
        self.commands = _ufw.added()
        rules = {Opening("", "ufw", "", port): rule for port, rule in _ufw.rules(self.commands, self.ports).items()}
        self.is_others.update({opening: rule.comment != self.label for opening, rule in rules.items() if rule.lets_in})
        self.refusals = {opening: rule.text for opening, rule in rules.items() if not rule.lets_in}

    def look_at_nftables(self) -> None:
        self.chains = _nftables.input_chains()
        self.running += ["nftables"] if self.chains else []
        for port in self.ports:
            places = _nftables.opened(self.label, port, self.chains)
            self.is_others.update({Opening(self.namespace, "nftables", place, port): False for place in places})

    def obstacles(self, manager: str, *, has_nftables: bool) -> t.Iterator[Obstacle]:
        """What would still close each port once the manager lets it in. Chains that nobody manages drop whatever
        firewalld and ufw accept."""
        opened = self.chains if manager == "nftables" else {}
        for port in self.ports:
            found: list[tuple[str, ...]] = []
            if manager == "firewalld" and self.zone is not None:
                found += _firewalld.obstacles(port, self.zone, self.label)
            if manager == "ufw" and "ufw" in self.running:
                found += _ufw.obstacles(self.commands, port)
            if has_nftables:
                found += _nftables.obstacles(self.label, port, opened)
            yield from (Obstacle(self.namespace, port, *one) for one in found)

    def filtering(self, recorded: t.Sequence[Opening]) -> Filtering:
        asleep = "firewalld" not in self.running
        return Filtering(
            self.namespace,
            tuple(self.running),
            tuple(sorted(self.chains)),
            self.zone or "",
            openings=frozenset(self.is_others),
            others=frozenset(opening for opening, other in self.is_others.items() if other),
            refusals=self.refusals,
            unseen=frozenset(opening for opening in recorded if opening.manager == "firewalld" and asleep),
        )


_PROGRAMS: dict[str, t.Any] = {"firewalld": _firewalld, "ufw": _ufw, "nftables": _nftables}
