# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the senders of a forest lose: found for all of them together, and shown by the walks of few.

Which flows fail and what stops them says ``Stopped``. Which packet stands for a cause is up to the walk of the first
sender that meets it, so that one is walked as if it were alone; the others only when somebody asks for their packets.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._failures import Cause, Failures, Sender
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._forest import Forest
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._ownership import NetworkOwnership, Owned
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import (
    EMPTY,
    Intervals,
    covers,
    intersect,
    union,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._stopped import Share, Stopped
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._walk import Blocked

_Walk = t.Callable[[Owned, Intervals], list[Failures]]


class LostFlows:
    """Of one network and family, sender by sender in the order of the network; ``settle`` comes last."""

    def __init__(
        self,
        failures: Failures,
        network: NetworkOwnership,
        family: int,
        *,
        forest: Forest,
        stopped: Stopped,
        walk: _Walk,
    ) -> None:
        """walk: what one sender loses on its way to some destinations, for each way of setting out by itself."""
        self._failures = failures
        self._network = network
        self._family = family
        self._forest = forest
        self._stopped = stopped
        self._walk = walk
        self._unseen = {blocked: share.sources for blocked, share in stopped.shares.items()}

    def take(self, owned: Owned) -> Intervals:
        """Note what one sender loses; the destinations to walk it to instead, if it shows something new."""
        stack = owned.stack
        left = self._forest.left_for(stack)
        unclear = union(*self._stopped.unclear.get(stack, ()))
        if unclear and covers(unclear, left):
            return left
        found = self._walk(owned, unclear) if unclear else []
        if left and self._shows_something_new(stack, found):
            return left
        owners = dict.fromkeys(self._stopped.lost_by(stack)) if left else {}
        owners.update((owner, None) for one in found for _network, _family, _source, owner in one.pairs)
        if owners:
            look = functools.partial(self._look, owned)
            self._failures.leave(Sender(self._network.name, self._family, stack), owners, look)
        for one in found:
            for cause in one:
                self._failures.include(cause)
        return EMPTY

    def settle(self) -> None:
        """Add what was found for all together; every cause of it is known by now."""
        for blocked, share in self._stopped.shares.items():
            self._failures.include(self._cause(blocked, share))

    def _shows_something_new(self, stack: StackId, found: list[Failures]) -> bool:
        mine = self._stopped.bits(stack)
        known = self._failures.causes
        self._unseen = {
            blocked: bits
            for blocked, bits in self._unseen.items()
            if (self._network.name, self._family, blocked) not in known
        }
        return any(bits & mine for bits in self._unseen.values()) or any(
            key not in known for one in found for key in one.causes
        )

    def _look(self, owned: Owned, owners: t.Sequence[StackId] | None) -> list[Failures]:
        left = self._forest.left_for(owned.stack)
        if owners is not None:
            left = intersect(left, union(*(self._network.owned(owner, self._family) for owner in owners)))
        return self._walk(owned, left)

    def _cause(self, blocked: Blocked, share: Share) -> Cause:
        spans = self._stopped.spans
        known = self._failures.causes[self._network.name, self._family, blocked]
        return Cause(
            network=self._network.name,
            family=self._family,
            blocked=blocked,
            example=known.example,
            astray=False,
            sources=[spans.intervals(share.sources)],
            destinations=share.destinations,
            first_pairs={(stack, owner) for owner, bits in share.first.items() for stack in spans.values(bits)},
        )
