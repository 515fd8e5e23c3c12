# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What will be there after the changes, for check mode and its diff. Pure; the tests hold it against the twin."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Link,
    Peer,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted

_DEFAULT_MTU = 1420


def expected(observed: Observed, wanted: Wanted) -> Observed:
    """observed with wanted brought about."""
    around = dataclasses.replace(
        observed,
        rules=(observed.rules - wanted.gone_rules) | wanted.rules,
        forwarding={**observed.forwarding, **wanted.forwarding},
        ruleset=wanted.ruleset if wanted.filtered else observed.ruleset,
        filtering=dataclasses.replace(
            observed.filtering, openings=(observed.filtering.openings - wanted.gone_openings) | wanted.openings
        ),
        record=wanted.record,
        unmoved=(),
    )
    if not wanted.present:
        gone = around.without_device(wanted.name)
        return dataclasses.replace(
            gone, routes=gone.routes - wanted.gone_routes, settings={**gone.settings, **wanted.settings}
        )
    base = around
    if wanted.recreate or not observed.exists:
        base = dataclasses.replace(
            around.with_new_device(wanted.name, wanted.backend or "userspace"), socket_namespace=wanted.socket_namespace
        )
    return dataclasses.replace(
        base,
        device=_device(base.the_device, wanted),
        link=_link(base.the_link, wanted),
        routes=(base.routes - wanted.gone_routes) | wanted.routes,
        key_file=wanted.key_file or base.key_file,
        settings={**base.settings, **wanted.settings},
    )


def _device(device: Device, wanted: Wanted) -> Device:
    given = {prefix for peer in wanted.peers for prefix in peer.allowed_ips or ()}
    peers = {peer.public_key: peer for peer in device.peers if peer.public_key not in wanted.gone_peers}
    final = {key: _without(peer, given) for key, peer in peers.items()}
    for peer in wanted.peers:
        final[peer.public_key] = _peer(peers.get(peer.public_key), peer, given)
    identity = wanted.identity
    return Device(
        private_key=identity.private_key if identity else device.private_key,
        public_key=identity.public_key if identity else device.public_key,
        listen_port=device.listen_port if wanted.listen_port is None else wanted.listen_port,
        fwmark=device.fwmark if wanted.fwmark is None else wanted.fwmark,
        peers=_sorted(final),
    )


def _peer(current: Peer | None, peer: Peer, given: set[Prefix]) -> Peer:
    current = current or Peer(peer.public_key)
    kept = (current.allowed_ips or frozenset()) - given
    keepalive = current.persistent_keepalive if peer.persistent_keepalive is None else peer.persistent_keepalive
    return Peer(
        peer.public_key,
        preshared_key=peer.preshared_key or current.preshared_key or PresharedKey.none(),
        endpoint=peer.endpoint or current.endpoint,
        persistent_keepalive=keepalive or 0,
        allowed_ips=kept if peer.allowed_ips is None else peer.allowed_ips,
    )


def _without(peer: Peer, given: set[Prefix]) -> Peer:
    return peer._replace(allowed_ips=(peer.allowed_ips or frozenset()) - given)


def _sorted(peers: dict[PublicKey, Peer]) -> tuple[Peer, ...]:
    return tuple(peers[key] for key in sorted(peers))


def _link(link: Link, wanted: Wanted) -> Link:
    return dataclasses.replace(
        link,
        mtu=wanted.mtu or link.mtu or _DEFAULT_MTU,
        up=wanted.up,
        addresses=link.addresses if wanted.addresses is None else wanted.addresses,
    )
