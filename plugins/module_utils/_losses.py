# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interface has lost since it was declared: what is said of it, and what is kept so that it is not for good."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import keep
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import (
    Wanted,
    describe_namespace,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import Site
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot

_AT_MOST = 20
"""Names in one warning; a hub may have lost ten thousand peers."""


def loss_warnings(declared: Declared, before: Observed, wanted: Wanted) -> list[str]:
    """An engine that ends does so on its own, and somebody should know. After a reboot everything is gone: no news."""
    if not before.lost:
        return []
    place = f"{declared.name} in {describe_namespace(declared.namespace)}"
    there = {peer.public_key for peer in before.device.peers} if before.device else set()
    mentioned = {peer.public_key for peer in declared.peers or ()} | there
    put_back = [peer.public_key for peer in wanted.peers if peer.public_key not in mentioned]
    recorded = [peer.public_key for peer in before.record.peers] if before.record else []
    left_out = wanted.gone_peers.union(put_back, mentioned)
    missing = [] if declared.exact and declared.peers is not None else [key for key in recorded if key not in left_out]
    warnings = []
    if before.exists or before.remembered:
        warnings.append(f"{place}: {before.lost}. Its tunnels were down; everything that is declared now is set again")
    things = _put_back(put_back, before, wanted)
    if things and before.remembered is not None:
        since = "right before" if before.remembered.replacing else "at the end of the last run"
        warnings.append(
            f"{place} gets back what is not declared now, as it was {since}, from the snapshot in its state folder: "
            f"{'; '.join(things)}. Declare as absent what should be gone"
        )
    if missing:
        warnings.append(
            f"{place} has lost peers that were declared before and are not declared now: {_labels(missing, before)}. "
            "Their AllowedIPs and preshared keys went with the device; declare them again"
        )
    return warnings


def _put_back(peers: t.Sequence[PublicKey], before: Observed, wanted: Wanted) -> list[str]:
    there = before.link.addresses if before.link else frozenset()
    found = before.remembered.addresses if before.remembered else frozenset()
    addresses = [str(address) for address in sorted((found & (wanted.addresses or frozenset())) - there)]
    routes = before.remembered.routes if before.remembered else frozenset()
    others = [str(route) for route in sorted((routes & wanted.routes) - before.routes, key=str)]
    return [
        *([f"peers {_labels(peers, before)}"] if peers else []),
        *([f"addresses {', '.join(addresses)}"] if addresses else []),
        *([f"routes of others {', '.join(others)}"] if others else []),
    ]


def _labels(keys: t.Iterable[PublicKey], before: Observed) -> str:
    recorded = ((key, before.record.peer(key) if before.record else None) for key in keys)
    labels = sorted(Peer(key, name=peer.name if peer else None).label for key, peer in recorded)
    more = len(labels) - _AT_MOST
    return ", ".join(labels[:_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def settle_snapshot(after: Observed, site: Site) -> None:
    """After a run: what an engine has is kept, for nothing else holds it; any other snapshot has done its service."""
    wanted = _snapshot_after(after, site)
    if wanted == after.snapshot:
        return
    if wanted is None:
        site.store.remove_snapshot(site.namespace, site.name)
    else:
        site.store.write_snapshot(wanted)


def _snapshot_after(after: Observed, site: Site) -> Snapshot | None:
    if after.record is None or after.backend != "userspace" or after.device is None:
        return None
    return keep(after, namespace=site.namespace, name=site.name)
