# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The underlay of a host as Ansible's setup module found it: devices, addresses, default routes.

Facts may be old, of another version or not there at all, so nothing in them is ever an error: what does not look as
expected is passed over.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    Prefix,
    parse_address,
    parse_interface_address,
    parse_prefix,
)

Stack = dict[str, t.Any]

_LINK_LOCAL = Prefix(6, 0xFE80 << 112, 10)
_DEFAULTS = {4: "0.0.0.0/0", 6: "::/0"}


def stack_of_facts(facts: t.Any, *, without: t.Container[str]) -> Stack | None:
    """The initial namespace as a stack of wireguard_stacks; None where the facts name no address.

    facts: ``ansible_facts``. without: the host's own WireGuard devices, which the plan knows better.
    """
    if not isinstance(facts, Mapping):
        return None
    addresses: dict[str, list[str]] = {}
    links: dict[str, dict[str, int]] = {}
    for name, device in _devices(facts):
        if name in without or device.get("type") == "loopback":
            continue
        found = sorted(set(_addresses(device)))
        if found:
            addresses[name] = [str(address) for address in found]
            mtu = device.get("mtu")
            if isinstance(mtu, int) and not isinstance(mtu, bool) and 68 <= mtu <= 65536:
                links[name] = {"mtu": int(mtu)}
    if not addresses:
        return None
    routes = [route for family in _DEFAULTS for route in _default_route(facts, family, addresses)]
    return {"addresses": addresses, "links": links, "routes": routes}


def _devices(facts: Mapping[str, t.Any]) -> Iterator[tuple[str, Mapping[str, t.Any]]]:
    """The devices, sorted. Their facts go by a name without dashes, and hold the real one."""
    names = facts.get("interfaces")
    for name in sorted(one for one in names if isinstance(one, str)) if isinstance(names, list) else ():
        device = facts.get(name.replace("-", "_"), facts.get(name))
        if isinstance(device, Mapping):
            real = device.get("device", name)
            if isinstance(real, str) and real.isprintable():
                yield str.__str__(real), device


def _addresses(device: Mapping[str, t.Any]) -> Iterator[InterfaceAddress]:
    """Global addresses with their lengths; IPv4 gives its length as a netmask, or in newer versions as a prefix."""
    first, more = device.get("ipv4"), device.get("ipv4_secondaries")
    four = [first, *(more if isinstance(more, list) else ())]
    six = device.get("ipv6")
    for entry in [*four, *(six if isinstance(six, list) else ())]:
        if not isinstance(entry, Mapping):
            continue
        length = entry.get("prefix") or _length(entry.get("netmask"))
        try:
            address = parse_interface_address(f"{entry.get('address')}/{length}")
        except InvalidInput:
            continue
        if not _LINK_LOCAL.contains(address.address.prefix):
            yield address


def _length(netmask: t.Any) -> int | None:
    """255.255.255.0 is 24; None where the text is no netmask."""
    try:
        number = parse_address(netmask).number
        length = number.bit_count()
        return length if parse_prefix(f"{netmask}/{length}").network == number else None
    except InvalidInput:
        return None


def _default_route(facts: Mapping[str, t.Any], family: int, addresses: t.Container[str]) -> Iterator[dict[str, t.Any]]:
    found = facts.get(f"default_ipv{family}")
    device = found.get("interface") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or device not in addresses:
        return
    route = {"destination": _DEFAULTS[family], "device": str.__str__(t.cast("str", device))}
    try:
        gateway = parse_address(found.get("gateway"))
    except InvalidInput:
        gateway = None
    yield route if gateway is None or gateway.family != family else {**route, "gateway": str(gateway)}
