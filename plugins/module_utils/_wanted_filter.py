# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the packet filter is to do for an interface: its own table, and the ports that are open because of it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import DEFAULT
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError, InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import rp_filter

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset

_REMEDY = (
    "install the package nftables (prepare_nftables: true for the role cryptokey.wireguard.prepare), or leave them out"
)


def want_ruleset(name: str, around: Surroundings, observed: Observed, *, mtu: int | None) -> Ruleset | None:
    """mtu: the one that is wanted, None where the device keeps its own."""
    if not (around.masquerade or around.clamp_mss or around.marks_outer_packets):
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils import _ruleset

    parts = _ruleset.masquerading(name, around.masquerade)
    if around.clamp_mss:
        running = observed.link.mtu if observed.link else 0
        parts += _ruleset.clamping(name, mtu or running or DEFAULT)
    if around.marks_outer_packets and around.full_tunnel and not _why_unmarked(observed):
        parts += _ruleset.marking(name, around.full_tunnel)
    return _ruleset.ruleset(parts)


def missing_nftables(around: Surroundings | None, observed: Observed) -> HostError | None:
    """Why what is declared, or was, cannot be brought about; None where it can. around: None for an absent interface.

    A full tunnel alone can do without: it only needs it under a strict reverse path filter.
    """
    if not observed.no_nftables:
        return None
    options = [
        option
        for option, there in (("masquerade", around and around.masquerade), ("clamp_mss", around and around.clamp_mss))
        if there
    ]
    if options:
        return HostError(f"{observed.no_nftables}, which {' and '.join(options)} needs", remedy=_REMEDY)
    if observed.record is not None and observed.record.filtered:
        return HostError(
            f"{observed.no_nftables}, and the table that was made with it cannot be taken away",
            remedy="install the package nftables (prepare_nftables: true for the role cryptokey.wireguard.prepare)",
        )
    return None


def strict_filter_warnings(around: Surroundings, observed: Observed) -> list[str]:
    """Without marks in nftables the mark does not come back, and a strict filter drops what the endpoint sends."""
    reason = _why_unmarked(observed)
    if not reason or not around.marks_outer_packets:
        return []
    strict = sorted(
        setting.split("/")[2]
        for setting, value in observed.settings.items()
        if setting == rp_filter(setting.split("/")[2]) and around.settings.get(setting, value) == "1"
    )
    devices = [device for device in strict if device not in ("default", "lo")]
    if not devices:
        return []
    help_it = "install nftables" if observed.no_nftables else "use a kernel that has it"
    text = (
        f"the reverse path filter of {', '.join(devices)} is strict and {reason}: encrypted packets that "
        f"come in there are dropped; {help_it}, or declare rp_filter: {{{devices[0]}: loose}}"
    )
    return [text]


def _why_unmarked(observed: Observed) -> str:
    return observed.no_nftables or observed.no_marks


def want_openings(
    around: Surroundings, observed: Observed, port: int | None
) -> tuple[frozenset[Opening], frozenset[Opening], frozenset[Opening]]:
    """(to be there, to be gone, ours). A port that somebody else has opened is theirs, and stays open.

    port: the one that is wanted, None where the device keeps its own. Raises HostError where a rule forbids the port.
    """
    filtering = observed.filtering
    recorded = observed.record.openings if observed.record else frozenset()
    wanted: t.FrozenSet[Opening] = frozenset()
    if around.open_port != "off":
        number = _port(observed, port)
        if not number:
            raise InvalidInput(
                "needs a port that stays the same",
                path="open_port",
                value=around.open_port,
                remedy="declare listen_port",
            )
        wanted = filtering.wanted(around.open_port, number)
        if around.open_port == "auto":
            wanted |= filtering.kept(number, recorded)
        refusal = filtering.refuse(wanted)
        if refusal is not None:
            raise refusal
    ours = (wanted - filtering.openings) | filtering.ours(wanted & recorded) | filtering.unseen
    return wanted, filtering.ours(recorded - wanted), ours


def _port(observed: Observed, wanted: int | None) -> int:
    return wanted or (observed.device.listen_port if observed.device else 0)


def obstacle_warnings(around: Surroundings, observed: Observed, port: int | None) -> list[str]:
    """What keeps the port closed that is opened, or already is. port: as for want_openings()."""
    if around.open_port == "off":
        return []
    found = (obstacle for obstacle in observed.filtering.obstacles if obstacle.port == _port(observed, port))
    return [str(obstacle) for obstacle in found]


def unseen_warnings(observed: Observed) -> list[str]:
    """For an interface that goes: what it opened and nobody can close now."""
    unseen = sorted(opening for opening in observed.filtering.unseen if opening.place.startswith("permanent "))
    return [
        f"{opening} stays open: {opening.manager} does not run, so it cannot be told; close it with "
        f"firewall-offline-cmd --zone={opening.place.split(' ')[1]} --remove-port={opening.port}/udp"
        for opening in unseen
    ]
