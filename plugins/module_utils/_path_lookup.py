# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which device, and how wide, the kernel would send a packet: rtnetlink(7) look-ups, many in one message.

The route that matches is asked for, not the cached one (RTM_F_FIB_MATCH in linux/rtnetlink.h): a path MTU that was
learned is forgotten again after minutes, and what is derived from it would change with every run.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _attributes,
    _destinations,
    _netlink,
    _route_message,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Address

_FAMILIES = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_GET_ROUTE, _NEW_ROUTE = 26, 24
_FIB_MATCH = 0x2000
_DESTINATION, _DEVICE, _METRICS, _MULTIPATH, _MARK = 1, 4, 8, 9, 16
_METRIC_MTU = 2
_UNICAST = 1
_NEXT_HOP = struct.Struct("=HBBi")
_AT_ONCE = 64


class Found(t.NamedTuple):
    """device: the index of the one that the packet leaves by.  mtu: the route's own, 0 where it has none.

    several: the first of several ways; the kernel may choose another one for another destination.
    """

    device: int
    mtu: int
    several: bool = False


def look_up(addresses: t.Sequence[Address], *, mark: int) -> dict[Address, Found]:
    """The way to each address that a unicast route leads to, for packets of this host with that mark.

    Of many, one is asked for of all that routes and rules cannot tell apart: a question takes the kernel longer than
    everything else that is done for a peer.
    """
    with _netlink.opened("the ways to the endpoints cannot be looked up") as handle:
        return _look_up(handle, addresses, mark)


def _look_up(handle: socket.socket, addresses: t.Sequence[Address], mark: int) -> dict[Address, Found]:
    if len(addresses) <= _AT_ONCE:
        return _ask(handle, addresses, mark)
    alike = {group[0]: group for group in _destinations.groups(handle, addresses)}
    found = _ask(handle, list(alike), mark)
    doubtful: list[Address] = []
    for first, way in list(found.items()):
        if way.several:
            doubtful += alike[first][1:]
        else:
            found.update(dict.fromkeys(alike[first], way))
    found.update(_ask(handle, doubtful, mark))
    return found


def _ask(handle: socket.socket, addresses: t.Sequence[Address], mark: int) -> dict[Address, Found]:
    found: dict[Address, Found] = {}
    for start in range(0, len(addresses), _AT_ONCE):
        part = addresses[start : start + _AT_ONCE]
        handle.send(b"".join(_request(number, address, mark) for number, address in enumerate(part)))
        answers = _answers(handle, len(part))
        found.update({part[number]: way for number, way in answers.items() if way is not None})
    return found


def _request(sequence: int, address: Address, mark: int) -> bytes:
    bits = WIDTH[address.family]
    body = _route_message.MESSAGE.pack(_FAMILIES[address.family], bits, 0, 0, 0, 0, 0, 0, _FIB_MATCH)
    body += _attributes.attribute(_DESTINATION, address.number.to_bytes(bits // 8, "big"))
    body += _attributes.attribute(_MARK, struct.pack("=I", mark)) if mark else b""
    return _netlink.request(_GET_ROUTE, 0, body, sequence=sequence)


def _answers(handle: socket.socket, count: int) -> dict[int, Found | None]:
    """By number of the request; None where no route leads there."""
    answers: dict[int, Found | None] = {}
    while len(answers) < count:
        for kind, _flags, sequence, content in _netlink.received(handle):
            answers[sequence] = _way(content) if kind == _NEW_ROUTE else None
    return answers


def _way(body: bytes) -> Found | None:
    if _route_message.MESSAGE.unpack_from(body)[7] != _UNICAST:
        return None
    attributes = _attributes.attributes(body, _route_message.MESSAGE.size)
    device = struct.unpack("=I", attributes[_DEVICE])[0] if _DEVICE in attributes else 0
    several = _MULTIPATH in attributes
    if not device and several:
        device = _NEXT_HOP.unpack_from(attributes[_MULTIPATH])[3]
    metrics = _attributes.attributes(attributes.get(_METRICS, b""), 0)
    mtu = struct.unpack("=I", metrics[_METRIC_MTU])[0] if _METRIC_MTU in metrics else 0
    return Found(device, mtu, several) if device else None
