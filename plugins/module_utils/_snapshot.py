# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device has that no declaration can give back: its peers with their preshared keys, its port, its addresses.

It is written down before a device is deleted to be made again, so that a run that is killed in between loses nothing,
and after every run where an engine is all that holds it. It is as secret as a key file. The private key is not in
it: a run that makes a device again writes that to its own file first.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._namespace_name import (
    INITIAL_DIRECTORY,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    parse_interface_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    dump_route,
    load_route,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Peer,
    Route,
)

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One device as it was. era, index: which one (Host.era, Link.index).

    replacing: taken right before that device was to be deleted and made again; otherwise at the end of a run.
    successor: the index of the device that took its place, 0 as long as there is none.  birthplace: where that one is
    born.  routes: what others have routed into the device.  address_order: of the IPv4 ones.
    """

    namespace: str
    name: str
    era: str
    index: int
    replacing: bool = False
    successor: int = 0
    birthplace: str = ""
    listen_port: int = 0
    fwmark: int = 0
    mtu: int = 0
    peers: tuple[Peer, ...] = ()
    addresses: frozenset[InterfaceAddress] = frozenset()
    address_order: tuple[InterfaceAddress, ...] = ()
    routes: frozenset[Route] = frozenset()


def snapshot_path(state_directory: str, namespace: str, name: str) -> str:
    return posixpath.join(state_directory, namespace or INITIAL_DIRECTORY, f"{name}.snapshot")


def dump_snapshot(snapshot: Snapshot) -> str:
    """The text holds preshared keys: it is only for a file that nobody else can read."""
    fields = (
        "namespace",
        "name",
        "era",
        "index",
        "replacing",
        "successor",
        "birthplace",
        "listen_port",
        "fwmark",
        "mtu",
    )
    document = {
        "version": VERSION,
        **{field: getattr(snapshot, field) for field in fields},
        "peers": [_dump_peer(peer) for peer in sorted(snapshot.peers, key=lambda peer: peer.public_key)],
        "addresses": [str(address) for address in sorted(snapshot.addresses)],
        "address_order": [str(address) for address in snapshot.address_order],
        "routes": [dump_route(route) for route in sorted(snapshot.routes, key=str)],
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n"


def load_snapshot(text: str) -> Snapshot:
    """The reverse of dump_snapshot. Raises InvalidInput, without any of the text, where it is none of this version."""
    try:
        document = json.loads(text)
        version = document.pop("version")
        if version != VERSION:
            raise InvalidInput(f"is a snapshot of version {version}, this collection reads {VERSION}")
        return Snapshot(
            **{
                **document,
                "peers": tuple(_load_peer(entry) for entry in document["peers"]),
                "addresses": frozenset(map(parse_interface_address, document["addresses"])),
                "address_order": tuple(map(parse_interface_address, document["address_order"])),
                "routes": frozenset(map(load_route, document["routes"])),
            }
        )
    except InvalidInput as error:
        raise InvalidInput(error.reason if "version" in error.reason else "is not a snapshot of an interface") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput("is not a snapshot of an interface") from None


def _dump_peer(peer: Peer) -> dict[str, t.Any]:
    """Short, for there may be ten thousand; what a peer has not is left out."""
    secret, endpoint = peer.preshared_key, peer.endpoint
    entry = {
        "public_key": str(peer.public_key),
        "preshared_key": None if secret is None or secret.is_zero else secret.reveal(),
        "endpoint": [endpoint.host, endpoint.port] if endpoint else None,
        "persistent_keepalive": peer.persistent_keepalive or None,
        "allowed_ips": [str(prefix) for prefix in sorted(peer.allowed_ips or ())],
    }
    return {field: value for field, value in entry.items() if value is not None}


def _load_peer(entry: t.Mapping[str, t.Any]) -> Peer:
    secret, endpoint = entry.get("preshared_key"), entry.get("endpoint")
    return Peer(
        PublicKey.parse(entry["public_key"]),
        preshared_key=PresharedKey.parse(secret) if secret else PresharedKey.none(),
        endpoint=Endpoint(str(endpoint[0]), int(endpoint[1])) if endpoint else None,
        persistent_keepalive=int(entry.get("persistent_keepalive", 0)),
        allowed_ips=frozenset(map(parse_prefix, entry["allowed_ips"])),
    )
