# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a device to its snapshot, and from a snapshot to what is put back. Pure.

What may be put back is decided in Observed.remembered: never into a device that somebody else has given a key.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    KERNEL_PROTOCOL,
    Observed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Link,
    Peer,
    Route,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey

_LINK_LOCAL = Prefix(6, 0xFE80 << 112, 10)


def without_link_local(addresses: t.Iterable[InterfaceAddress]) -> frozenset[InterfaceAddress]:
    return frozenset(address for address in addresses if not _LINK_LOCAL.contains(address.prefix))


def as_it_was(observed: Observed) -> Observed:
    """observed with what its snapshot says of the device wherever that is not there any more.

    A device that a run has half made keeps what it has got: it was set last.
    """
    snapshot = observed.remembered
    if snapshot is None:
        return observed
    device = observed.device or Device(private_key=None, public_key=None, listen_port=0, fwmark=0)
    link = observed.link or Link(snapshot.name, index=0, kind="", mtu=0, up=False)
    peers = (*device.peers, *_peers_missing(snapshot, device, observed))
    return dataclasses.replace(
        observed,
        device=dataclasses.replace(
            device,
            listen_port=(device.has_key and device.listen_port) or snapshot.listen_port,
            fwmark=device.fwmark if device.has_key else snapshot.fwmark,
            peers=tuple(sorted(peers, key=lambda peer: peer.public_key)),
        ),
        link=dataclasses.replace(
            link,
            mtu=snapshot.mtu or link.mtu,
            addresses=link.addresses | snapshot.addresses,
            address_order=tuple(dict.fromkeys((*snapshot.address_order, *link.address_order))),
        ),
    )


def _peers_missing(snapshot: Snapshot, device: Device, observed: Observed) -> list[Peer]:
    """After an engine has ended only the peers on record: who has added others may have removed them since.

    A prefix that a peer of the device has by now stays there.
    """
    there = {peer.public_key for peer in device.peers} | {device.public_key}
    given = {prefix for peer in device.peers for prefix in peer.allowed_ips or ()}
    return [
        Peer(
            peer.public_key,
            preshared_key=peer.preshared_key,
            endpoint=peer.endpoint,
            persistent_keepalive=peer.persistent_keepalive,
            allowed_ips=(peer.allowed_ips or frozenset()) - given,
        )
        for peer in snapshot.peers
        if peer.public_key not in there
        and (snapshot.replacing or (observed.record is not None and observed.record.peer(peer.public_key)))
    ]


def take(known: Observed, *, namespace: str, name: str, birthplace: str, without: t.AbstractSet[PublicKey]) -> Snapshot:
    """Of a device that is to be replaced, or of one that was (as_it_was). without: peers that are to go anyway."""
    kept = keep(known, namespace=namespace, name=name)
    found = known.remembered
    return dataclasses.replace(
        kept,
        replacing=found is None or found.replacing,
        birthplace=birthplace,
        successor=found.successor if found and found.era == known.era else 0,
        peers=tuple(peer for peer in kept.peers if peer.public_key not in without),
        routes=foreign_routes(known, name) | (found.routes if found else frozenset()),
    )


def keep(known: Observed, *, namespace: str, name: str) -> Snapshot:
    """For the case that an engine ends, which is all that holds this."""
    device, link = known.the_device, known.the_link
    return Snapshot(
        namespace=namespace,
        name=name,
        era=known.era,
        index=link.index,
        listen_port=device.listen_port,
        fwmark=device.fwmark,
        mtu=link.mtu,
        peers=tuple(device.peers),
        addresses=without_link_local(link.addresses),
        address_order=link.address_order,
    )


def foreign_routes(known: Observed, name: str) -> frozenset[Route]:
    """What others have routed into the device; the kernel deletes it with the device."""
    return frozenset(
        route for route in known.routes - known.our_routes if route.device == name and route.protocol != KERNEL_PROTOCOL
    )


def routes_to_put_back(
    known: Observed, ours: t.AbstractSet[Route], addresses: t.AbstractSet[InterfaceAddress]
) -> frozenset[Route]:
    """Those of others that went with the device, unless something else stands there by now, or is about to."""
    if known.remembered is None:
        return frozenset()
    left = {address.address for address in known.remembered.addresses} - {address.address for address in addresses}
    taken = {*known.routes_by_identity, *(route.identity for route in ours)}
    return frozenset(
        route for route in known.remembered.routes if route.identity not in taken and route.source not in left
    )
