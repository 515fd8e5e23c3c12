# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state to reach, as a value: an interface with its routes, rules and files as they are to be."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey, PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, InterfaceAddress
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Endpoint,
        Peer,
        Route,
        Rule,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import WantedPeers


@dataclasses.dataclass(frozen=True)
class Identity:
    """The key pair that an interface is to have.

    origin: ``given`` (an argument), ``file`` (was there), ``adopted`` (from the running interface) or ``made``.
    public_key: None where the host cannot tell (check mode without a library).
    """

    private_key: PrivateKey
    public_key: PublicKey | None
    origin: str


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One interface, its routes, rules and files as they are to be. None: leave alone.

    recreate: why the existing device has to go first; "" if it can stay.  key_file: what private_key_file holds.
    peers: to be there; gone_peers, gone_routes, gone_rules: to be gone; whatever is in neither is left alone.
    routes: may hold foreign ones that are to survive a new device.  address_order: in which new addresses are added.
    derived_mtu: what mtu follows from.  settings: kernel parameters.  filtered: ruleset, of which None is none, is to
    be brought about; otherwise the table is left alone.  openings: to be there; gone_openings: to be gone.
    remember: what is written down before a device is made again, or completed, that holds more than is declared.
    """

    name: str
    namespace: str
    present: bool = True
    recreate: str = ""
    socket_namespace: str = ""
    backend: str | None = None
    engine: str | None = None
    identity: Identity | None = None
    private_key_file: str = ""
    key_file: PrivateKey | None = None
    keep_private_key: bool = True
    listen_port: int | None = None
    fwmark: int | None = None
    mtu: int | None = None
    up: bool = True
    addresses: frozenset[InterfaceAddress] | None = None
    address_order: tuple[InterfaceAddress, ...] = ()
    peers: t.Sequence[Peer] = ()
    gone_peers: frozenset[PublicKey] = frozenset()
    routes: frozenset[Route] = frozenset()
    gone_routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()
    gone_rules: frozenset[Rule] = frozenset()
    forwarding: t.Mapping[int, bool] = dataclasses.field(default_factory=dict)
    derived_mtu: str = ""
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    filtered: bool = False
    ruleset: Ruleset | None = None
    openings: frozenset[Opening] = frozenset()
    gone_openings: frozenset[Opening] = frozenset()
    record: Record | None = None
    remember: Snapshot | None = None


@dataclasses.dataclass(frozen=True)
class Choices:
    """What only the host could say. endpoints: what endpoints_to_set() asked for, resolved.

    identity: None where the device has no key and is to get none.  outer: the peers' addresses as they are declared;
    paths: the ways there, where they matter.  peers: all of them at once, where that can be said (then endpoints are
    among them).
    """

    identity: Identity | None
    backend: str
    endpoints: t.Mapping[PublicKey, Endpoint]
    outer: t.Mapping[bytes, Address] = dataclasses.field(default_factory=dict)
    paths: t.Mapping[Address, Path] = dataclasses.field(default_factory=dict)
    peers: WantedPeers | None = None


def describe_namespace(namespace: str) -> str:
    return f"the namespace {namespace}" if namespace else "the initial namespace"
