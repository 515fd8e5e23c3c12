# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads ``wireguard_stacks``: what a host has besides WireGuard, per network namespace.

What Linux knows and the model does not (see ``_linux_words``) is handed on as it stands; the proof says where it
matters.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import ROUTE_TYPES
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._networks import read_stack_rules, read_table
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor

_PROTOCOLS = ("tcp", "udp")
_MAX32 = 2**32 - 1


def read_stacks(cursor: Cursor) -> dict[str, dict[str, t.Any]]:
    """The stacks by namespace, normalised; every mistake is noted in the cursor's list."""
    found = {}
    for name, entry in sorted(cursor.entries().items()):
        entry.path = f"{cursor.path}[{name!r}]"
        cursor.at(f"[{name!r}]", name).name()
        found[name] = _read_stack(entry)
    return found


def _read_stack(cursor: Cursor) -> dict[str, t.Any]:
    if isinstance(cursor.value, Mapping) and "advertise" in cursor.value:
        remedy = "advertise in a membership: wireguard.<network>.advertise"
        cursor.at(".advertise", None).refuse("does not belong here", remedy=remedy)
        cursor = cursor.at("", {key: value for key, value in cursor.value.items() if key != "advertise"})
    options = cursor.options(OPTIONS)
    return {name: OPTIONS[name](options[name]) for name in OPTIONS if name in options}


def _devices(cursor: Cursor) -> list[tuple[str, Cursor]]:
    """A mapping by device, sorted."""
    found = sorted(cursor.entries().items())
    for device, _entry in found:
        cursor.at(f".{device}", device).interface_name()
    return found


def _addresses(cursor: Cursor) -> dict[str, list[str]]:
    found = {}
    for device, entry in _devices(cursor):
        entries = () if entry.value is None else entry.each(Cursor.interface_address)
        found[device] = [str(address) for address in sorted(set(entries))]
    return found


def _links(cursor: Cursor) -> dict[str, dict[str, int]]:
    found = {}
    for device, entry in _devices(cursor):
        options = entry.options(("mtu",))
        mtu = options["mtu"].integer(68, 65536) if "mtu" in options else None
        found[device] = {} if mtu is None else {"mtu": mtu}
    return found


def _forwarding(cursor: Cursor) -> dict[str, bool]:
    options = cursor.options(("ipv4", "ipv6"))
    return {family: bool(option.flag()) for family, option in sorted(options.items())}


def _rp_filter(cursor: Cursor) -> dict[str, int]:
    values = {device: entry.integer(0, 2) for device, entry in _devices(cursor)}
    return {device: value for device, value in values.items() if value is not None}


def _names(cursor: Cursor) -> list[str]:
    return sorted(set(cursor.each(Cursor.interface_name)))


def _routes(cursor: Cursor) -> list[dict[str, t.Any]]:
    return list(cursor.each(_route))


def _route(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    options = cursor.options(_ROUTE)
    if "destination" not in options:
        remedy = "write {destination: 0.0.0.0/0, device: eth0, gateway: 203.0.113.1}"
        cursor.refuse("has no destination", remedy=remedy, show=False)
        return None
    route = {name: _ROUTE[name](options[name]) for name in _ROUTE if name in options}
    leaves_by_one = route.get("type", "unicast") == "unicast" and not any(route.get(key) for key in _SEVERAL_WAYS)
    if route.get("device") is None and leaves_by_one:
        cursor.refuse("has no device", remedy="name the device that the packets leave by", show=False)
        return None
    return None if route["destination"] is None else route


def _protocol(cursor: Cursor) -> t.Union[int, str, None]:
    """Who made a route: a number, or a name of rt_protos."""
    named = isinstance(cursor.value, str) and not cursor.value.isdigit()
    return cursor.text() if named else cursor.integer(0, 255)


def _next_hops(cursor: Cursor) -> t.Any:
    """The ways of a route that has several: a list, or one mapping as some programs print it."""
    return _next_hop(cursor) if isinstance(cursor.value, Mapping) else list(cursor.each(_next_hop))


def _next_hop(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    options = cursor.options(_NEXT_HOP)
    if "device" not in options and "gateway" not in options:
        cursor.refuse("has neither device nor gateway", remedy="write {device: eth0, gateway: 203.0.113.1}", show=False)
        return None
    return {name: _NEXT_HOP[name](options[name]) for name in sorted(options)}


def _as_it_stands(cursor: Cursor) -> t.Any:
    return cursor.value


def _destination(cursor: Cursor) -> t.Optional[str]:
    if cursor.value == "default":
        cursor.refuse("does not say which family", remedy="write 0.0.0.0/0 or ::/0")
        return None
    prefix = cursor.prefix()
    return None if prefix is None else str(prefix)


def _address_text(cursor: Cursor) -> t.Optional[str]:
    address = cursor.address()
    return None if address is None else str(address)


def _port_forwards(cursor: Cursor) -> list[dict[str, t.Any]]:
    return list(cursor.each(_port_forward))


def _port_forward(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    """One forwarded port: what arrives for ``address`` at ``port`` goes to ``to_address`` at ``to_port``."""
    readers: dict[str, Callable[[Cursor], t.Any]] = {
        "protocol": lambda c: c.choice(_PROTOCOLS),
        "address": _address_text,
        "port": lambda c: c.integer(1, 65535),
        "to_address": _address_text,
        "to_port": lambda c: c.integer(1, 65535),
    }
    options = cursor.options(readers)
    if "port" not in options:
        cursor.refuse("has no port", remedy="write {protocol: udp, port: 4000, to_port: 51820}", show=False)
        return None
    return {name: readers[name](options[name]) for name in readers if name in options}


_NEXT_HOP: dict[str, Callable[[Cursor], t.Any]] = {
    **dict.fromkeys(_linux_words.NEXT_HOP, _as_it_stands),
    "device": Cursor.interface_name,
    "gateway": _address_text,
}
_ROUTE: dict[str, Callable[[Cursor], t.Any]] = {
    "destination": _destination,
    "device": Cursor.interface_name,
    "gateway": _address_text,
    "table": read_table,
    "metric": lambda c: c.integer(0, _MAX32),
    "type": lambda c: c.choice((*ROUTE_TYPES, *_linux_words.ROUTE_TYPES)),
    "source": _address_text,
    "protocol": _protocol,
    **dict.fromkeys(sorted(_linux_words.ROUTE.keys() | _linux_words.ROUTE_WITHOUT_INFLUENCE), _as_it_stands),
    **dict.fromkeys(_linux_words.ROUTE_SEVERAL, _next_hops),
}
# A next-hop object has its devices elsewhere.
_SEVERAL_WAYS = (*_linux_words.ROUTE_SEVERAL, "nhid")
OPTIONS: dict[str, Callable[[Cursor], t.Any]] = {
    "addresses": _addresses,
    "links": _links,
    "forwarding": _forwarding,
    "rp_filter": _rp_filter,
    "masquerade": _names,
    "port_forwards": _port_forwards,
    "ipv6": Cursor.flag,
    "routes": _routes,
    "rules": lambda cursor: list(read_stack_rules(cursor)),
    **dict.fromkeys(_linux_words.STACK, _as_it_stands),
}
