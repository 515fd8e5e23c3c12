# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the old device had, for one that replaces it, wherever nothing is declared. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import take, without_link_local

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


def carry_over(wanted: Wanted, observed: Observed) -> Wanted:
    """The same state with what the old device had wherever nothing is declared, for a device that replaces it.

    A link-local address that the kernel gave to a device stays with that one.
    """
    device, link = observed.device, observed.link
    if device is not None:
        old = {peer.public_key: peer for peer in device.peers}
        declared = {peer.public_key for peer in wanted.peers}
        kept = [old[key] for key in sorted(old) if key not in declared and key not in wanted.gone_peers]
        wanted = dataclasses.replace(
            wanted,
            listen_port=device.listen_port if wanted.listen_port is None else wanted.listen_port,
            fwmark=device.fwmark if wanted.fwmark is None else wanted.fwmark,
            peers=(*(_filled(peer, old.get(peer.public_key)) for peer in wanted.peers), *kept),
        )
    if link is not None:
        wanted = dataclasses.replace(
            wanted,
            mtu=link.mtu if wanted.mtu is None else wanted.mtu,
            addresses=_carried(link.addresses, wanted) if wanted.addresses is None else wanted.addresses,
        )
    return wanted


def _carried(addresses: frozenset[InterfaceAddress], wanted: Wanted) -> frozenset[InterfaceAddress]:
    return without_link_local(addresses) if wanted.recreate else addresses


def to_remember(wanted: Wanted, observed: Observed) -> Snapshot | None:
    """What a killed run would lose; nothing where nothing is to be made again, or only remains are there."""
    if observed.device is None or not (wanted.recreate or observed.remembered):
        return None
    return take(
        observed,
        namespace=wanted.namespace,
        name=wanted.name,
        birthplace=wanted.socket_namespace,
        without=wanted.gone_peers,
    )


def _filled(peer: Peer, old: Peer | None) -> Peer:
    if old is None:
        return peer
    fields = ("preshared_key", "endpoint", "persistent_keepalive", "allowed_ips")
    missing = {field: getattr(old, field) for field in fields if getattr(peer, field) is None}
    return peer._replace(**missing)
