# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that keep the declared-state record in line with what is done. Pure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import (
    ClaimOwnership,
    RemoveRecord,
    WriteRecord,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


def claim_ownership(observed: Observed, wanted: Wanted) -> list[ClaimOwnership]:
    """The old record with everything added that is about to be made.

    Its peers stay the old ones: an endpoint counts as declared only once it is set. Where a snapshot could bring
    one back that is about to be removed, it is forgotten first.
    """
    if wanted.record is None or wanted.record == observed.record:
        return []
    old = observed.record or dataclasses.replace(
        wanted.record,
        peers=(),
        routes=frozenset(),
        rules=frozenset(),
        forwarding=(),
        full_tunnel=None,
        settings=(),
        openings=frozenset(),
        filtered=False,
    )
    claimed = _union(old, wanted.record)
    if observed.snapshot is not None:
        kept = tuple(peer for peer in old.peers if peer.public_key not in wanted.gone_peers)
        claimed = dataclasses.replace(claimed, peers=kept)
    return [] if claimed == old else [ClaimOwnership(claimed)]


def note_record(observed: Observed, wanted: Wanted) -> list[WriteRecord | RemoveRecord]:
    """The record of the declaration, last of all."""
    if wanted.record is None:
        return [RemoveRecord()] if observed.record else []
    return [] if observed.record == wanted.record else [WriteRecord(wanted.record)]


def _union(old: Record, new: Record) -> Record:
    families = {claim.family for claim in old.forwarding}
    settings = {claim.name for claim in old.settings}
    return dataclasses.replace(
        old,
        routes=old.routes | new.routes,
        rules=old.rules | new.rules,
        forwarding=old.forwarding + tuple(claim for claim in new.forwarding if claim.family not in families),
        full_tunnel=new.full_tunnel if old.full_tunnel is None else old.full_tunnel,
        settings=old.settings + tuple(claim for claim in new.settings if claim.name not in settings),
        openings=old.openings | new.openings,
        filtered=old.filtered or new.filtered,
    )
