# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Firewall port for real: nftables of one network namespace; firewalld and ufw, which know the initial one only."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _firewalld, _nftables, _ufw
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
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

    def ruleset(self, device: str) -> Ruleset | None:
        return self.worker.run(_nftables.ruleset, device)

    def load(self, device: str, wanted: Ruleset | None) -> None:
        self.worker.run(_nftables.load, device, wanted)

    def filtering(self, choice: str, ports: t.Collection[int], label: str, recorded: t.Iterable[Opening]) -> Filtering:
        """A named manager that is not there is refused here, before the first change."""
        here = [opening for opening in recorded if opening.namespace == self.worker.namespace]
        asked = {opening.manager for opening in here}
        if choice == "auto":
            asked |= set(MANAGERS)
        elif choice != "off":
            asked.add(choice)
            self._refuse_elsewhere(choice)
        seen = self.worker.run(_look, self.worker.namespace, asked, sorted(ports), label, here)
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
    namespace: str, asked: t.AbstractSet[str], ports: t.Sequence[int], label: str, recorded: t.Sequence[Opening]
) -> Filtering:
    """What is at work here, and which of the ports are open. firewalld and ufw know the initial namespace only."""
    running: list[str] = []
    chains: list[str] = []
    zone = None
    is_others: dict[Opening, bool] = {}
    refusals: dict[Opening, str] = {}
    if "firewalld" in asked and not namespace:
        zone = _firewalld.default_zone()
    if zone is not None:
        running.append("firewalld")
        zones = {zone, *(opening.place.split(" ")[1] for opening in recorded if opening.manager == "firewalld")}
        found = _firewalld.opened(ports, sorted(zones))
        is_others.update({Opening(namespace, "firewalld", *one): amid for one, amid in found.items()})
    if "ufw" in asked and not namespace and _ufw.is_installed():
        running += ["ufw"] if _ufw.is_active() else []
        rules = {Opening(namespace, "ufw", "", port): rule for port, rule in _ufw.rules(ports).items()}
        is_others.update({opening: rule.comment != label for opening, rule in rules.items() if rule.lets_in})
        refusals = {opening: rule.text for opening, rule in rules.items() if not rule.lets_in}
    if "nftables" in asked and not _nftables.why_unavailable():
        listed = _nftables.input_chains()
        chains = sorted(listed)
        running += ["nftables"] if chains else []
        for port in ports:
            places = _nftables.opened(label, port, listed)
            is_others.update({Opening(namespace, "nftables", place, port): False for place in places})
    return Filtering(
        namespace,
        tuple(running),
        tuple(chains),
        zone or "",
        openings=frozenset(is_others),
        others=frozenset(opening for opening, other in is_others.items() if other),
        refusals=refusals,
        unseen=frozenset(opening for opening in recorded if opening.manager == "firewalld" and zone is None),
    )


_PROGRAMS: dict[str, t.Any] = {"firewalld": _firewalld, "ufw": _ufw, "nftables": _nftables}
