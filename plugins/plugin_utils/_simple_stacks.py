# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks with nothing in them but one WireGuard interface with single addresses, as most spokes of a hub are.

Such a stack owns exactly the addresses that are local to it. Of those that a document describes alike (_likeness.py),
a proof asks one whatever does not depend on these addresses, and the answer holds for all of the kind.
"""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import FAMILIES, Host, Interface, Stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import likenesses
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rows import Row


class SimpleKind:
    """Alike stacks of that sort. sample: the interface of one of them.

    An interface without a peer group has its list of peers for itself: it leaves out of its rows what it owns, and
    nothing else. Of a group it also leaves out its own entry, and whatever it lists by itself.
    """

    __slots__ = ("kept", "leaves_out_its_own", "sample")

    def __init__(self, model: Model, sample: Interface) -> None:
        self.sample = sample
        self.leaves_out_its_own = sample.peer_group is None
        self.kept: Row | None = _kept_out_of(model.cryptokey(sample)) if self.leaves_out_its_own else None


class SimpleKinds:
    """Those of a fleet, by interface; kinds of one are left out."""

    def __init__(self, model: Model) -> None:
        self._kinds: dict[Interface, SimpleKind] = {}
        for hosts in likenesses(model):
            for index, sample in enumerate(hosts[0].interfaces) if len(hosts) > 1 else ():
                if _is_simple(hosts[0], sample):
                    kind = SimpleKind(model, sample)
                    self._kinds.update((host.interfaces[index], kind) for host in hosts)
        self.get = self._kinds.get

    @classmethod
    def of(cls, model: Model) -> SimpleKinds:
        """Found once per fleet."""
        memo = model.fleet.memo
        if "simple_kinds" not in memo:
            memo["simple_kinds"] = cls(model)
        found: SimpleKinds = memo["simple_kinds"]
        return found

    def lister(self, interface: Interface) -> Interface:
        """One interface for all that have the same list of peers: the same entries, endpoints and rows."""
        kind = self.get(interface)
        return kind.sample if kind is not None and kind.leaves_out_its_own else interface

    def keeps_to_itself(self, interface: Interface) -> bool:
        """Whether an interface surely gives none of its own addresses to a peer.

        Each of them is then an entry by itself, which it leaves out, and no other entry holds any of them.
        """
        kind = self.get(interface)
        if kind is None or kind.kept is None:
            return False
        entries, addresses = kind.kept.by_prefix, interface.addresses
        if len(addresses) == 1:
            # An address with the full length is the prefix that holds just it.
            return addresses[0] in entries
        return len(set(addresses)) == len(addresses) and all(address in entries for address in addresses)


def _kept_out_of(cryptokey: Cryptokey) -> Row | None:
    """The prefix set that is all an interface of a kind lists, and of which it leaves out its own addresses.

    Where the sample leaves out an entry for each of its own, the others do so, too: their addresses are as many.
    """
    if len(cryptokey.layers) != 1:
        return None
    ((row, removed),) = cryptokey.layers
    own = cryptokey.interface.addresses
    return row if own and len(removed) == len(own) and all(map(row.is_flat, FAMILIES)) else None


def _is_simple(host: Host, interface: Interface) -> bool:
    """Whether all hosts of the kind have a simple stack around this interface, whose key no list of theirs holds.

    Addresses that do not stand alone are like none but themselves, and so is a key that stands in the lists.
    """
    alone = [one for one in host.interfaces if one.namespace == interface.namespace] == [interface]
    single = all(length == WIDTH[family] for family, _number, length in interface.addresses)
    known = interface.key is not None and all(peer.key != interface.key for peer in interface.peers)
    return alone and single and known and _is_bare(host.stacks[interface.namespace]) and not interface.advertise


def _is_bare(stack: Stack) -> bool:
    """Whether a stack has no address and owns nothing beside its interfaces."""
    return stack.ipv6 and not stack.advertise and not any(stack.addresses.values())
