# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces as people and playbooks see them: plain data without a secret, and its text for a diff."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import (
    RP_FILTER_WORDS,
    device_of,
    is_rp_filter,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Device,
        Link,
        Peer,
    )

MADE_ON_APPLY = "(made on apply)"
Names = t.Mapping[PublicKey, str]


def peer_view(peer: Peer, name: str | None) -> dict[str, t.Any]:
    """One observed peer. The preshared key appears as its fingerprint, ``none`` where there is none."""
    return {
        "name": name,
        "public_key": str(peer.public_key),
        "preshared_key": peer.preshared_key.fingerprint if peer.preshared_key else "none",
        "endpoint": str(peer.endpoint) if peer.endpoint else None,
        "persistent_keepalive": peer.persistent_keepalive or 0,
        "allowed_ips": [str(prefix) for prefix in sorted(peer.allowed_ips or ())],
    }


def peer_views(device: Device, names: Names) -> list[dict[str, t.Any]]:
    """Sorted by name, the nameless last, then by key."""
    views = [peer_view(peer, names.get(peer.public_key)) for peer in device.peers]
    views.sort(key=lambda view: (view["name"] is None, view["name"] or "", view["public_key"]))
    return views


def interface_view(
    name: str,
    namespace: str,
    backend: str | None,
    device: Device | None,
    link: Link | None,
    names: Names,
    peers: list[dict[str, t.Any]] | None = None,
) -> dict[str, t.Any]:
    """One observed interface, link and WireGuard half together. peers: their views, where they have been made."""
    view: dict[str, t.Any] = {"name": name, "namespace": namespace, "backend": backend}
    if device is not None:
        view.update(
            public_key=str(device.public_key) if device.public_key else None,
            listen_port=device.listen_port,
            fwmark=device.fwmark,
        )
    if link is not None:
        view.update(mtu=link.mtu, up=link.up, addresses=[str(address) for address in sorted(link.addresses)])
    if peers is None:
        peers = peer_views(device, names) if device is not None else []
    view["peers"] = peers
    return view


def observed_view(
    name: str,
    namespace: str,
    observed: Observed,
    *,
    public_key: PublicKey | str | None = None,
    peers: list[dict[str, t.Any]] | None = None,
) -> dict[str, t.Any]:
    """The interface and what is ours around it; nothing where there is no interface and nothing of ours.

    public_key: what to show where the device has none yet.  peers: their views, where they have been made.
    """
    names = observed.record.peer_names if observed.record and peers is None else {}
    view: dict[str, t.Any] = {}
    if observed.exists:
        view = interface_view(name, namespace, observed.backend, observed.device, observed.link, names, peers)
        view["socket_namespace"] = observed.socket_namespace
        if public_key is not None:
            view["public_key"] = str(public_key)
    routes = sorted(str(route) for route in observed.our_routes)
    rules = sorted(str(rule) for rule in observed.our_rules)
    view.update({"routes": routes} if routes else {}, **({"rules": rules} if rules else {}))
    if observed.record and observed.record.forwarding:
        view["forwarding"] = {
            f"ipv{claim.family}": observed.forwarding.get(claim.family, False) for claim in observed.record.forwarding
        }
    if observed.record:
        view.update(_filter_view(observed, observed.record))
    return view


def _filter_view(observed: Observed, record: Record) -> dict[str, t.Any]:
    """What is ours beside routes and rules; what there is none of is left out."""
    filters = {
        device_of(claim.name): RP_FILTER_WORDS.get(observed.settings.get(claim.name, ""), "unknown")
        for claim in sorted(record.settings)
        if is_rp_filter(claim.name)
    }
    view: dict[str, t.Any] = {
        "mtu_derived": record.derived_mtu if observed.exists else "",
        "full_tunnel": record.full_tunnel is not None,
        "rp_filter": filters,
        "nftables": [str(rule) for rule in observed.ruleset.rules] if observed.ruleset else [],
        "open_ports": [str(opening) for opening in sorted(observed.filtering.ours(record.openings))],
    }
    return {name: value for name, value in view.items() if value}


def render(value: t.Any, indent: int = 0) -> str:
    """Plain data as YAML-like text, one fact per line, for a diff."""
    lines: list[str] = []
    _add_lines(value, " " * indent, lines)
    return "".join(f"{line}\n" for line in lines)


def _add_lines(value: t.Any, margin: str, lines: list[str]) -> None:
    """Appended, not yielded: a large interface has a hundred thousand of them, three levels down."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if isinstance(entry, (dict, list)) and entry:
                lines.append(f"{margin}{key}:")
                _add_lines(entry, margin + "  ", lines)
            else:
                lines.append(f"{margin}{key}: {_scalar(entry)}")
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, dict):
                first = len(lines)
                _add_lines(entry, margin + "  ", lines)
                lines[first] = f"{margin}- {lines[first].lstrip()}"
            else:
                lines.append(f"{margin}- {_scalar(entry)}")


def _scalar(value: t.Any) -> str:
    if isinstance(value, str):
        return value or '""'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return str(value)
