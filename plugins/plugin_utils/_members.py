# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one host's membership in one network."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import EndpointView, Member, Network
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import DeclaredEndpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gateways import (
    Gateway,
    read_masquerade,
    read_open_port,
    read_rp_filter,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._networks import (
    BACKENDS,
    read_mark,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor, nearest, value_or
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._sets import united

OPTIONS = (
    "addresses", "advertise", "backend", "clamp_mss", "endpoint", "exit", "fwmark", "hubs", "interface", "listen_port",
    "masquerade", "mtu", "namespace", "open_port", "persistent_keepalive", "private_key_file", "public_key",
    "rp_filter", "socket_namespace", "state", "userspace_engine",
)  # fmt: skip
_SECRETS = ("private_key", "preshared_key")


def read_member(cursor: Cursor, declared: Mapping[str, Cursor], network: Network) -> Member:
    """cursor: the membership as a whole, for what is missing in it. declared: its options, merged."""
    options = _known(declared)
    state = value_or(options, "state", lambda c: c.choice(("present", "absent")), "present")
    advertised = set(value_or(options, "advertise", lambda c: c.each(Cursor.advertised), ()))
    exit_families = tuple(sorted(prefix.family for prefix in advertised if prefix.length == 0))
    member = Member(
        host=cursor.host,
        network=network.name,
        path=cursor.path,
        state=state,
        interface=value_or(options, "interface", Cursor.interface_name, network.interface),
        namespace=value_or(options, "namespace", Cursor.name, ""),
        socket_namespace=value_or(options, "socket_namespace", Cursor.name, ""),
        addresses=tuple(dict.fromkeys(value_or(options, "addresses", lambda c: c.each(Cursor.interface_address), ()))),
        pooled="addresses" not in options and bool(network.pool),
        advertise=united(prefix for prefix in advertised if prefix.length),
        exit_families=exit_families,
        exit=value_or(options, "exit", _read_exit, None if exit_families else network.exit) or None,
        endpoint=value_or(options, "endpoint", _read_endpoint, EndpointView()),
        hubs=value_or(options, "hubs", lambda c: c.each(Cursor.text), ()),
        listen_port=value_or(options, "listen_port", lambda c: c.integer(1, 65535), network.listen_port),
        mtu=value_or(options, "mtu", lambda c: c.integer(576, 65455), network.mtu),
        fwmark=value_or(options, "fwmark", read_mark, network.routing.fwmark),
        persistent_keepalive=value_or(options, "persistent_keepalive", lambda c: c.integer(0, 65535), None),
        public_key=value_or(options, "public_key", Cursor.public_key, None),
        private_key_file=value_or(options, "private_key_file", _absolute_path, None),
        backend=value_or(options, "backend", lambda c: c.choice(BACKENDS), network.backend),
        userspace_engine=value_or(options, "userspace_engine", Cursor.text, None),
        gateway=Gateway(
            masquerade=value_or(options, "masquerade", read_masquerade, {}),
            clamp_mss=value_or(options, "clamp_mss", Cursor.flag, network.clamp_mss),
            open_port=value_or(options, "open_port", read_open_port, network.open_port),
            rp_filter=value_or(options, "rp_filter", read_rp_filter, {}),
        ),
    )
    if state == "present":
        _check_present(cursor, options, network=network, member=member)
    return member


def _known(declared: Mapping[str, Cursor]) -> dict[str, Cursor]:
    found = {}
    for name, cursor in declared.items():
        if name in _SECRETS:
            cursor.refuse("does not belong into an inventory", remedy=_secret_remedy(name), show=False)
        elif name not in OPTIONS:
            cursor.refuse("is not an option", remedy=nearest(name, OPTIONS), show=False)
        elif cursor.value is not None:
            found[name] = cursor
    return found


def _secret_remedy(name: str) -> str:
    if name == "private_key":
        return "keys are made on the host; to bring one, give it by network in wireguard_private_keys, vaulted"
    return "write preshared_keys: derived in the network, and give the fleet's secret in wireguard_fleet_secret"


def _check_present(cursor: Cursor, options: Mapping[str, Cursor], *, network: Network, member: Member) -> None:
    if "addresses" not in options and not network.pool:
        remedy = f"give the host an address of network {network.name}, addresses: [10.0.0.1], or the network a pool"
        cursor.at(".addresses", None).refuse("is missing", remedy=remedy)
    if "addresses" in options and options["addresses"].value == []:
        options["addresses"].refuse("is empty", remedy="give the host an address: addresses: [10.0.0.1]", show=False)
    held = network.pool if member.pooled else member.addresses
    if member.mtu is not None and member.mtu < 1280 and any(one.family == 6 for one in held):
        place = options.get("mtu") or cursor.at(".mtu", member.mtu)
        place.refuse(
            "is too small for IPv6 (RFC 8200, 5)", remedy="write 1280 or more, or take the IPv6 addresses away"
        )
    if "hubs" in options and network.topology != "hub":
        options["hubs"].refuse(f"has no meaning in the topology {network.topology}", remedy="leave it out", show=False)


def _read_exit(cursor: Cursor) -> t.Optional[str]:
    """The name of a member or external peer, or false: the empty text stands for it, as None stands for a mistake."""
    return "" if cursor.value is False else cursor.text()


def _absolute_path(cursor: Cursor) -> t.Optional[str]:
    path = cursor.text()
    if path is not None and not path.startswith("/"):
        cursor.refuse("is not an absolute path", remedy="write /etc/wireguard/wg0.key")
        return None
    return path


def _read_endpoint(cursor: Cursor) -> EndpointView:
    """One endpoint for everybody, or ``{default: ..., <observer or group>: ...}``; null: none for that observer."""
    if not isinstance(cursor.value, Mapping):
        return EndpointView(default=cursor.endpoint())
    views: list[tuple[str, t.Optional[DeclaredEndpoint]]] = []
    default: t.Optional[DeclaredEndpoint] = None
    for observer, entry in cursor.entries().items():
        endpoint = None if entry.value is None else entry.endpoint()
        if observer == "default":
            default = endpoint
        else:
            views.append((observer, endpoint))
    return EndpointView(default=default, views=tuple(views))
