# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is anything to do at all, without making the steps (_changes), as most runs find it. Pure.

It may doubt, and then the steps decide; where it says yes there are none (test_settled.py).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import are_there
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import WantedPeers, rows_of

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device, Link, Peer
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


def is_settled(observed: Observed, wanted: Wanted) -> bool:
    """False also where a device is to be made again, was just made again, or is to be gone."""
    device, link = observed.device, observed.link
    if device is None or link is None or not wanted.present or wanted.recreate or wanted.remember or observed.unmoved:
        return False
    return (
        wanted.record == observed.record
        and wanted.key_file in (None, observed.key_file)
        and _device_is_settled(device, wanted)
        and _link_is_settled(link, wanted)
        and _routing_is_settled(observed, wanted)
        and _filter_is_settled(observed, wanted)
    )


def _device_is_settled(device: Device, wanted: Wanted) -> bool:
    identity = wanted.identity
    return (
        (identity is None or device.has(identity.private_key, identity.public_key))
        and wanted.fwmark in (None, device.fwmark)
        and wanted.listen_port in (None, device.listen_port)
        and _peers_are_settled(device, wanted)
    )


def _peers_are_settled(device: Device, wanted: Wanted) -> bool:
    rows = rows_of(device)
    if rows is not None and isinstance(wanted.peers, WantedPeers):
        return wanted.gone_peers.isdisjoint(rows.keys) and are_there(wanted.peers.rows, rows)
    there = {peer.public_key: peer for peer in device.peers}
    return not wanted.gone_peers & there.keys() and all(
        _peer_is_settled(peer, there.get(peer.public_key)) for peer in wanted.peers
    )


def _peer_is_settled(peer: Peer, current: Peer | None) -> bool:
    """A prefix too many may be about to move to another peer; that is for the steps to find out."""
    return current is not None and (
        (peer.preshared_key is None or peer.preshared_key == current.preshared_key)
        and peer.endpoint in (None, current.endpoint)
        and peer.persistent_keepalive in (None, current.persistent_keepalive)
        and peer.allowed_ips in (None, current.allowed_ips)
    )


def _link_is_settled(link: Link, wanted: Wanted) -> bool:
    return wanted.mtu in (None, link.mtu) and wanted.addresses in (None, link.addresses) and link.up == wanted.up


def _routing_is_settled(observed: Observed, wanted: Wanted) -> bool:
    return (
        wanted.routes <= observed.routes
        and wanted.rules <= observed.rules
        and not wanted.gone_routes & observed.routes
        and not wanted.gone_rules & observed.rules
        and all(observed.forwarding.get(family) is on for family, on in wanted.forwarding.items())
    )


def _filter_is_settled(observed: Observed, wanted: Wanted) -> bool:
    openings = observed.filtering.openings
    return (
        (not wanted.filtered or observed.ruleset == wanted.ruleset)
        and wanted.openings <= openings
        and not wanted.gone_openings & openings
        and all(observed.settings.get(setting) == value for setting, value in wanted.settings.items())
    )


def asked_again(wanted: Wanted, now: Observed) -> Wanted:
    """The same state as it can be asked for once it was brought about: the device has been made again, a peer that
    spoke in the meantime may have moved its endpoint, and with an MTU of 1280 again the kernel has switched IPv6 on
    again and given the device a link-local address."""
    addresses = wanted.addresses
    if addresses is not None and now.link is not None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import without_link_local

        addresses |= now.link.addresses - without_link_local(now.link.addresses)
    return dataclasses.replace(
        wanted, recreate="", remember=None, peers=_without_endpoints_of(wanted, now), addresses=addresses
    )


def _without_endpoints_of(wanted: Wanted, now: Observed) -> t.Sequence[Peer]:
    """The wanted peers; an endpoint of one that has one by now stays as it is."""
    rows = rows_of(now.device)
    found = wanted.peers.without_endpoints_of(rows) if rows and isinstance(wanted.peers, WantedPeers) else None
    if found is not None:
        return found
    heard = {peer.public_key for peer in now.device.peers if peer.endpoint} if now.device else set()
    return tuple(
        peer._replace(endpoint=None) if peer.endpoint is not None and peer.public_key in heard else peer
        for peer in wanted.peers
    )
