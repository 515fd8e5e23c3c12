# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has to forward, and what: relays between peers, gateways to what lies behind them; per family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._peers import NetworkPeers
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._topology import Topology


def forwarding_needs(topology: Topology, peers: NetworkPeers) -> dict[str, tuple[int, ...]]:
    """The families that each member has to forward; members that forward nothing are left out.

    A family that only one member of the network has is not forwarded: there is nobody to talk to.
    """
    spoken = _spoken(peers.prefixes)
    needs = {}
    for name, member in peers.members.items():
        families = {prefix.family for prefix in member.advertise} | set(member.exit_families)
        for owner in topology.carried.get(name, ()):
            families |= _families(peers.prefixes[owner])
            if families == spoken:
                break
        families |= _families(prefix for peer in peers.externals.get(name, ()) for prefix in peer.prefixes)
        # What it passes on to an exit may be of a family that only the one who uses the exit has.
        found = (families & spoken) | peers.exits.relayed.get(name, frozenset())
        if found:
            needs[name] = tuple(sorted(found))
    return needs


def _families(prefixes: Iterable[Prefix]) -> set[int]:
    return {prefix.family for prefix in prefixes}


def _spoken(prefixes: Mapping[str, tuple[Prefix, ...]]) -> set[int]:
    """The families that more than one member has, or that one member has more than an address of."""
    found: set[int] = set()
    held: Counter[int] = Counter()
    for own in prefixes.values():
        families = [prefix.family for prefix in own]
        held.update(set(families))
        found.update(family for family in WIDTH if families.count(family) > 1)
        if len(found) == len(WIDTH):
            break
    return found.union(family for family, holders in held.items() if holders > 1)
