# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the external peers of a network: phones, partners, providers, whatever Ansible does not manage."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import ExternalPeer
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor, value_or

OPTIONS = ("public_key", "addresses", "advertise", "via", "kind", "endpoint", "preshared_keys")


def read_external_peers(cursor: Cursor, *, has_pool: bool) -> tuple[ExternalPeer, ...]:
    """By name. Whether the members in ``via`` are there is checked later."""
    return tuple(_read_external_peer(name, entry, has_pool) for name, entry in sorted(cursor.entries().items()))


def _read_external_peer(name: str, cursor: Cursor, has_pool: bool) -> ExternalPeer:
    options = cursor.options(OPTIONS)
    if "via" not in options:
        cursor.refuse("has no option via", remedy="name the member that it connects to: {via: fra1}", show=False)
    pooled = "addresses" not in options and "advertise" not in options
    if pooled and not has_pool:
        remedy = "give it at least one: {addresses: [10.77.200.1]}, or give the network a pool"
        cursor.refuse("has no addresses", remedy=remedy, show=False)
    addresses = value_or(options, "addresses", lambda c: c.each(_read_address), ())
    advertised = value_or(options, "advertise", lambda c: c.each(Cursor.advertised), ())
    endpoint = value_or(options, "endpoint", Cursor.endpoint, None)
    if endpoint is not None and endpoint.port is None:
        options["endpoint"].refuse("has no port", remedy="an external peer's port is not known: write host:port")
    return ExternalPeer(
        name=name,
        via=value_or(options, "via", _read_via, ()),
        kind=value_or(options, "kind", lambda c: c.choice(("client", "site")), "client"),
        public_key=value_or(options, "public_key", Cursor.public_key, None),
        prefixes=tuple(sorted({*addresses, *(prefix for prefix in advertised if prefix.length)})),
        exit_families=tuple(sorted({prefix.family for prefix in advertised if not prefix.length})),
        pooled=pooled,
        endpoint=endpoint,
        preshared_keys=value_or(options, "preshared_keys", lambda c: c.choice(("none", "derived")), None),
    )


def _read_address(cursor: Cursor) -> t.Optional[Prefix]:
    prefix = cursor.owned_prefix()
    if prefix is not None and prefix.length <= 1:
        default = "0.0.0.0/0" if prefix.family == 4 else "::/0"
        cursor.refuse("is no address", remedy=f"to make the peer an exit, write advertise: [{default}]")
        return None
    return prefix


def _read_via(cursor: Cursor) -> tuple[str, ...]:
    """One member, or a list of them in the order of preference."""
    if not isinstance(cursor.value, list):
        name = cursor.text()
        return () if name is None else (name,)
    names = cursor.each(Cursor.text)
    if not cursor.value:
        cursor.refuse("is empty", remedy="name the member that it connects to: {via: fra1}", show=False)
    if len(set(names)) != len(names):
        cursor.refuse("names a member twice", remedy="keep the first of the two", show=False)
    return tuple(dict.fromkeys(names))
