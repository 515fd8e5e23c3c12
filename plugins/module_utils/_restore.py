# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: after a failure, whatever the attempt may have touched becomes again what it was."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._changes import changes
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    WireguardError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observe import observe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    KERNEL_PROTOCOL,
    Observed,
    connected_identities,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import (
    AddAddress,
    ChangePeer,
    CreateDevice,
    Operation,
    RemoveAddress,
    RemoveKeyFile,
    Site,
    batches,
    execute,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import (
    as_it_was,
    take,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import device_of
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import (
    Identity,
    Wanted,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer, Route

_ROUNDS = 4


def restore(before: Observed, attempted: Wanted, site: Site, *, key_file: str) -> list[str]:
    """Undo what an attempt has done so far; returns what could not be restored.

    Goes on after a step that fails, and looks again afterwards: one step may take away what another has put back, as
    an address does with the routes that prefer it.
    """
    failures: list[str] = []
    for _round in range(_ROUNDS):
        try:
            steps = restoration(before, attempted, observe(site, key_file=key_file))
        except WireguardError as error:
            return [f"the interface cannot be read any more: {error}"]
        if not steps:
            return []
        failures, made = _carry_out(steps, site)
        if made:
            # The device is ours and no longer the attempt's: a second round completes it instead of starting over.
            attempted = dataclasses.replace(attempted, recreate="")
    return failures


def _carry_out(steps: t.Sequence[Operation], site: Site) -> tuple[list[str], bool]:
    """(what failed, whether the device was made again)."""
    failures, made = [], False
    for batch in batches(steps):
        try:
            execute(batch, site)
            made = made or isinstance(batch[0], CreateDevice)
        except WireguardError as error:
            failures.append(f"cannot {batch[0].describe()}: {error}")
    return failures, made


def restoration(before: Observed, attempted: Wanted, now: Observed) -> tuple[Operation, ...]:
    """The steps from where the attempt stopped back to where it began. Pure."""
    forgotten = _endpoints_to_forget(before, attempted, now)
    rest = _without_peers(now, {step.peer.public_key for step in forgotten})
    steps = (*forgotten, *changes(rest, _wanted_before(before, attempted, rest)), *_primaries(before, now))
    if before.key_file is None and now.key_file is not None:
        steps += (RemoveKeyFile(attempted.private_key_file),)
    return steps


def _primaries(before: Observed, now: Observed) -> list[Operation]:
    """The first address of an IPv4 prefix is the one that packets prefer, so it has to be the first one again."""
    steps: list[Operation] = []
    if before.link is None or now.link is None or before.link.addresses != now.link.addresses:
        return steps
    name = before.link.name
    mine = {route for route in before.routes if route.device == name and route.protocol == KERNEL_PROTOCOL}
    others = {route.identity for route in now.routes - before.routes if route.protocol == KERNEL_PROTOCOL}
    for route in sorted(mine - now.routes, key=str):
        if route.identity not in others:
            continue
        family = [address for address in now.link.addresses if address.prefix == route.destination]
        family.sort(key=lambda address: (address.address != route.source, address))
        steps += [RemoveAddress(name, address) for address in family]
        steps += [AddAddress(name, address) for address in family]
    return steps


def _endpoints_to_forget(before: Observed, attempted: Wanted, now: Observed) -> list[ChangePeer]:
    """WireGuard cannot take an endpoint away from a peer, so one that had none is made again. It had no session."""
    if before.device is None or now.device is None:
        return []
    without = {peer.public_key for peer in before.device.peers if peer.endpoint is None}
    given = {peer.public_key for peer in attempted.peers if peer.endpoint is not None}
    there = {peer.public_key for peer in now.device.peers if peer.endpoint is not None}
    return [ChangePeer(PeerUpdate(key, action="remove"), label=str(key)) for key in sorted(without & given & there)]


def _without_peers(now: Observed, keys: set[PublicKey]) -> Observed:
    if now.device is None or not keys:
        return now
    peers = tuple(peer for peer in now.device.peers if peer.public_key not in keys)
    return dataclasses.replace(now, device=dataclasses.replace(now.device, peers=peers))


def _wanted_before(before: Observed, attempted: Wanted, now: Observed) -> Wanted:
    touched = attempted.routes | attempted.gone_routes | _routes_lost(before, attempted, now)
    common = Wanted(
        name=attempted.name,
        namespace=attempted.namespace,
        present=before.backend in ("kernel", "userspace"),
        private_key_file=attempted.private_key_file,
        key_file=before.key_file,
        routes=frozenset(
            route for route in before.routes & touched if route in now.routes or not _connected(route, before)
        ),
        gone_routes=attempted.routes - before.routes,
        rules=before.rules & (attempted.rules | attempted.gone_rules),
        gone_rules=attempted.rules - before.rules,
        forwarding={
            family: before.forwarding[family] for family in attempted.forwarding if family in before.forwarding
        },
        settings=_settings_before(before, attempted),
        filtered=attempted.filtered,
        ruleset=before.ruleset,
        openings=before.filtering.openings & (attempted.openings | attempted.gone_openings),
        gone_openings=attempted.openings - before.filtering.openings,
        record=before.record,
    )
    return _with_device(common, before, attempted, now) if common.present else common


def _settings_before(before: Observed, attempted: Wanted) -> dict[str, str]:
    """All that were touched, and those that went with a device that is to be there again."""
    own = {setting for setting in before.settings if before.exists and device_of(setting) == attempted.name}
    return {setting: before.settings[setting] for setting in {*attempted.settings, *own} if setting in before.settings}


def _routes_lost(before: Observed, attempted: Wanted, now: Observed) -> frozenset[Route]:
    """Everybody's routes into the device, which went with it if it was deleted, and the kernel's own that one of ours
    has replaced. The kernel puts its others back along with their addresses."""
    kernels = connected_identities(now.link) & {route.identity for route in attempted.routes}
    return frozenset(
        route
        for route in before.routes
        if route.device == attempted.name and (route.protocol != KERNEL_PROTOCOL or route.identity in kernels)
    )


def _connected(route: Route, before: Observed) -> bool:
    """True where the kernel's own route of an address serves the same destination by the same device: there is no
    second one beside it to be added."""
    return route.protocol != KERNEL_PROTOCOL and route.identity in connected_identities(before.link)


def _with_device(wanted: Wanted, before: Observed, attempted: Wanted, now: Observed) -> Wanted:
    device, link = before.the_device, before.link
    replaced = now.backend != before.backend or (bool(attempted.recreate) and not _same_device(before, now))
    there = {peer.public_key for peer in now.device.peers} if now.device and not replaced else set()
    handled = {peer.public_key for peer in attempted.peers if peer.endpoint is not None}
    peers = tuple(
        _peer_before(peer, new=peer.public_key not in there or peer.public_key in handled) for peer in device.peers
    )
    key = before.key_file if device.hides_key else device.private_key
    identity = Identity(key, device.public_key, "adopted") if key else None
    return dataclasses.replace(
        wanted,
        recreate="the change failed" if now.exists and replaced else "",
        remember=_to_remember(before, attempted) if replaced else None,
        socket_namespace=before.socket_namespace or "",
        backend=before.backend,
        engine=attempted.engine,
        identity=identity,
        listen_port=device.listen_port or None,
        fwmark=device.fwmark,
        mtu=link.mtu if link else None,
        up=link is None or link.up,
        addresses=link.addresses if link else None,
        address_order=link.address_order if link else (),
        peers=peers,
        gone_peers=frozenset(there) - {peer.public_key for peer in device.peers},
    )


def _to_remember(before: Observed, attempted: Wanted) -> Snapshot:
    """This process may be killed as well while it makes the device again."""
    known, birthplace = as_it_was(before), before.socket_namespace or ""
    return take(known, namespace=attempted.namespace, name=attempted.name, birthplace=birthplace, without=frozenset())


def _same_device(before: Observed, now: Observed) -> bool:
    """The kernel never uses an index twice in a row, so a device that was made again has another one."""
    return before.link is not None and now.link is not None and before.link.index == now.link.index


def _peer_before(peer: Peer, *, new: bool) -> Peer:
    """An endpoint is only put back where the attempt may have set another one: it may have roamed since."""
    return peer if new else peer._replace(endpoint=None)
