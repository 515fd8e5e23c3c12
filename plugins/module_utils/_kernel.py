# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireguardDriver for the kernel's WireGuard, over generic netlink: pyroute2's socket, our own attributes."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import struct
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _deps,
    _removal,
    _rtnetlink,
    _wgnetlink,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    PeerStatistics,
)

_NETLINK_HEADER = "=IHHII"
_HEADER_BYTES = struct.calcsize(_NETLINK_HEADER)


class KernelDriver:
    """One kernel device in the worker's network namespace."""

    backend = "kernel"

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker = worker
        self._name = name
        self._remover = _removal.Remover(
            lambda wanted: self._send(_wgnetlink.removal_requests(name, wanted)),
            send=lambda taker: self._send(_wgnetlink.set_requests(name, taker)),
        )

    def edits_peers(self) -> bool:
        return True

    def read(self) -> tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        return _wgnetlink.parse(self._worker.run(self._dump))

    def write(self, update: DeviceUpdate) -> None:
        main = _removal.without_removals(update)
        if not _removal.is_empty(main):
            self._send(_wgnetlink.set_requests(self._name, main), update)
        if _removal.wants_removal(update):
            self._remover.remove(_removal.removals(update, self.read()[0]))

    def _send(self, requests: t.Iterable[bytes], update: DeviceUpdate | None = None) -> None:
        def send() -> None:
            with _opened() as sock, _rtnetlink.translated(f"cannot configure {self._name}"):
                for request in requests:
                    _exchange(sock, request, _rtnetlink.REQUEST | _rtnetlink.ACKNOWLEDGE)

        try:
            self._worker.run(send)
        except HostError as error:
            raise _explained(error, self._name, update) from None

    def _dump(self) -> list[bytes]:
        request = _wgnetlink.get_request(self._name)
        for _attempt in range(_rtnetlink.DUMP_ATTEMPTS):
            with _opened() as sock, contextlib.suppress(_rtnetlink.DumpInterrupted):
                with _rtnetlink.translated(f"cannot read {self._name}"):
                    answers = _exchange(sock, request, _rtnetlink.REQUEST | _rtnetlink.DUMP)
                if not any(answer["header"].get("flags", 0) & _rtnetlink.DUMP_INTERRUPTED for answer in answers):
                    return [answer.payload for answer in answers if hasattr(answer, "payload")]
        raise HostError(f"{self._name} changes faster than it can be read", remedy="try again later")


def is_available() -> bool:
    """True if the kernel knows WireGuard, or loads it when asked. Asked for by the generic netlink family's name."""
    try:
        with _opened():
            return True
    except HostError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
            return False
        raise


@contextlib.contextmanager
def _opened() -> t.Iterator[t.Any]:
    generic = _deps.require("pyroute2.netlink.generic")
    sock = generic.GenericNetlinkSocket()
    try:
        with _rtnetlink.translated("the kernel has no WireGuard"), _quiet():
            sock.bind(_wgnetlink.FAMILY_NAME, _raw_message())
        yield sock
    finally:
        with contextlib.suppress(Exception):
            sock.close()


def _exchange(sock: t.Any, payload: bytes, flags: int) -> list[t.Any]:
    request = _raw_message()()
    request.payload = payload
    return list(sock.nlm_request(request, msg_type=sock.prid, msg_flags=flags))


@functools.cache
def _raw_message() -> t.Any:
    """A message class that leaves everything behind the netlink header to _wgnetlink."""
    base = _deps.require("pyroute2.netlink").nlmsg

    class RawMessage(base):  # type: ignore[valid-type,misc]
        payload = b""

        def encode(self) -> None:
            header = self["header"]
            header["length"] = _HEADER_BYTES + len(self.payload)
            fields = (header["length"], header["type"], header["flags"], header["sequence_number"], header["pid"])
            self.data = bytearray(struct.pack(_NETLINK_HEADER, *fields) + self.payload)

        def decode(self) -> None:
            length, number, flags, sequence, pid = struct.unpack_from(_NETLINK_HEADER, self.data, self.offset)
            self["header"].update(length=length, type=number, flags=flags, sequence_number=sequence, pid=pid)
            self.length = length  # by which pyroute2 before 0.7.8 finds the next message
            self.payload = bytes(self.data[self.offset + _HEADER_BYTES : self.offset + length])
            self.decoded = True

    return RawMessage


@contextlib.contextmanager
def _quiet() -> t.Iterator[None]:
    """pyroute2 logs an error of its own where the family is not there; that is an ordinary answer here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _explained(error: HostError, name: str, update: DeviceUpdate | None) -> HostError:
    if error.errno == errno.EADDRINUSE and update is not None and update.listen_port:
        return HostError(
            f"UDP port {update.listen_port} is in use on this host",
            remedy="choose another listen_port or stop what uses it (ss -lunp)",
            errno=errno.EADDRINUSE,
        )
    touches_socket = update is not None and (update.listen_port is not None or update.fwmark is not None)
    if error.errno == errno.EPERM and touches_socket:
        return HostError(
            f"cannot configure {name}: not permitted",
            remedy="it takes root, and the network namespace that the interface was born in must still be there",
            errno=errno.EPERM,
        )
    return error
