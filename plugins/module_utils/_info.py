# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireGuard interfaces of a host as plain data: configuration and what happened since, never a secret."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _rejected,
    _view,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Link,
    PeerStatistics,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import Host

_COUNTERS = (
    "rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped",
)  # fmt: skip
_KINDS = ("wireguard", "tun")

Records = t.Callable[[str, str], t.Optional[Record]]
"""The declared-state record of (namespace, name), if there is one."""

Statistics = t.Mapping[PublicKey, PeerStatistics]


def interfaces(
    host: Host, records: Records, *, now: float, namespace: str | None = None, name: str | None = None
) -> list[dict[str, t.Any]]:
    """Of one namespace or of all of them, sorted by namespace and name. now: seconds since the epoch."""
    places = ("", *host.namespaces()) if namespace is None else (namespace,)
    return [
        found
        for place in places
        for link in host.network(place).links()
        if link.kind in _KINDS and name in (None, link.name)
        for found in _interface(host, records(place, link.name), now=now, namespace=place, link=link)
    ]


def _interface(host: Host, record: Record | None, *, now: float, namespace: str, link: Link) -> list[dict[str, t.Any]]:
    """One entry, or none where the link is no WireGuard device."""
    backend = host.backend_of(namespace, link.name)
    if backend is None:
        return []
    device: Device | None = None
    statistics: Statistics = {}
    if backend != "dead":
        device, statistics = host.wireguard(namespace, link.name).read()
    view = _view.interface_view(link.name, namespace, backend, device, link, record.peer_names if record else {})
    port = device.listen_port if device else None
    view["socket_namespace"] = host.socket_namespace(namespace, link.name, listen_port=port)
    recorded = record.socket_namespace if record else ""
    view["socket_namespace_gone"] = host.birthplace_is_gone(namespace, link.name, recorded=recorded)
    view["engine_unit"] = host.engine_unit(namespace, link.name)
    view["declared"] = record is not None
    view["peers"] = [_with_statistics(peer, statistics, now) for peer in view["peers"]]
    received = sum(entry.rx_bytes for entry in statistics.values())
    view["statistics"] = interface_statistics(backend, link, peer_bytes=received)
    return [view]


def interface_statistics(backend: str, link: Link, *, peer_bytes: int) -> dict[str, t.Any]:
    """The counters of the device. peer_bytes: received from all its peers.

    rejected_source: counted by the kernel, bounded for an engine, unknown for what an engine has left behind.
    """
    counters: dict[str, t.Any] = {name: link.statistics.get(name, 0) for name in _COUNTERS}
    if backend == "kernel":
        rejected = _rejected.counted_by_kernel(link.statistics)
    elif backend == "userspace":
        came_out, packets = counters["rx_bytes"], counters["rx_packets"]
        rejected = _rejected.bounded(peer_bytes, device_bytes=came_out, device_packets=packets)
    else:
        rejected = _rejected.UNKNOWN
    counters["rejected_source"] = rejected.view()
    return counters


def _with_statistics(peer: t.Mapping[str, t.Any], statistics: Statistics, now: float) -> dict[str, t.Any]:
    found = statistics.get(PublicKey.parse(peer["public_key"]), PeerStatistics(None, 0, 0))
    age = None if found.latest_handshake is None else max(0, int(now - found.latest_handshake))
    return {**peer, "latest_handshake_age": age, "rx_bytes": found.rx_bytes, "tx_bytes": found.tx_bytes}
