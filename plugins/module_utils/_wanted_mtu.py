# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MTU of an interface that declares none, and the addresses that it follows from. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _derived_mtu

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import RecordedPeer
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint


@dataclasses.dataclass(frozen=True)
class WantedMtu:
    """mtu: None: leave alone.  derived: what it follows from, empty where it was declared or does not follow."""

    mtu: int | None
    derived: str = ""


def follows(declared: Declared, observed: Observed) -> bool:
    """Whether the MTU is ours to derive: it is not declared, and the interface is not somebody else's."""
    return declared.mtu is None and not declared.only_peers and (not observed.exists or observed.record is not None)


def outer_mark(around: Surroundings, declared: Declared, observed: Observed) -> int:
    """The mark of the packets whose way is looked up: the one that they will have, or have now."""
    running = observed.device.fwmark if observed.device else 0
    return around.full_tunnel or (running if declared.fwmark is None else declared.fwmark)


def outer_addresses(
    declared: Declared, observed: Observed, resolved: t.Mapping[PublicKey, Endpoint]
) -> dict[bytes, Address]:
    """Where each declared peer with an endpoint is, as declared: not where it may have roamed to.

    A name is taken as it resolved when the endpoint was set; where that is not on record, as the device has it.
    """
    there = {peer.public_key: peer.endpoint for peer in observed.device.peers} if observed.device else {}
    recorded = {peer.public_key: peer for peer in observed.record.peers} if observed.record else {}
    gone = declared.absent_keys if not declared.exact or declared.peers is None else frozenset(recorded)
    found: dict[bytes, Address] = {
        key: peer.address for key, peer in recorded.items() if peer.address and key in there and key not in gone
    }
    for peer in declared.present_peers:
        key, endpoint = peer.public_key, peer.endpoint
        if endpoint is None:
            found.pop(key, None)
            continue
        address = _address(endpoint, resolved.get(key), recorded.get(key))
        if address is None:
            current = there.get(key)
            address = current.address if current else None
        if address is None:
            found.pop(key, None)
        else:
            found[key] = address
    return found


def _address(endpoint: Endpoint, resolved: Endpoint | None, recorded: RecordedPeer | None) -> Address | None:
    """What is on record is the address of just that text, so that it need not be read again."""
    if resolved is not None and resolved.address is not None:
        return resolved.address
    if recorded is not None and recorded.address is not None and recorded.endpoint == str(endpoint):
        return recorded.address
    return endpoint.address if resolved is None else None


def want_mtu(
    declared: Declared,
    around: Surroundings,
    observed: Observed,
    *,
    outer: t.Mapping[bytes, Address],
    paths: t.Mapping[Address, Path],
) -> WantedMtu:
    """Where endpoints are known but no way to them, the MTU stays: the network may only be down at the moment."""
    last = observed.record.derived_mtu if observed.record else ""
    if not follows(declared, observed):
        return WantedMtu(declared.mtu, last if declared.only_peers else "")
    own = "" if around.apart else declared.name
    ipv6 = any(address.family == 6 for address in _addresses(declared, observed))
    derived = _derived_mtu.derive(outer.values(), paths, own=own, ipv6=ipv6)
    if derived is not None:
        return WantedMtu(derived.mtu, derived.reason)
    if outer or not last:
        return WantedMtu(None, last if observed.exists else "")
    return WantedMtu(_derived_mtu.DEFAULT)


def _addresses(declared: Declared, observed: Observed) -> t.Iterable[t.Any]:
    if declared.addresses is not None:
        return declared.addresses
    return observed.link.addresses if observed.link else ()
