# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireguardDriver for the kernel's WireGuard, over generic netlink: what it says stays bytes (_wgnetlink)."""

from __future__ import annotations

import contextlib
import errno
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _netlink,
    _wgnetlink_dump,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)

if t.TYPE_CHECKING:
    import socket

    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import DeviceUpdate
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._netns import Worker
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._removal import Removals, Remover
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Device, PeerStatistics

_CONTROLLER = 16
"""GENL_ID_CTRL (linux/genetlink.h), who knows the numbers of all families."""
_DUMP_ATTEMPTS = 10
_UNKNOWN = "the kernel has no WireGuard"


class KernelDriver:
    """One kernel device in the worker's network namespace."""

    backend = "kernel"

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker = worker
        self._name = name
        self._remover: Remover | None = None

    def edits_peers(self) -> bool:
        return True

    def read(self) -> tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        return _wgnetlink_dump.parse(self._worker.run(self._dump))

    def write(self, update: DeviceUpdate) -> None:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _removal, _wgnetlink

        main = _removal.without_removals(update)
        if not _removal.is_empty(main):
            self._send(_wgnetlink.set_requests(self._name, main), update)
        if _removal.wants_removal(update):
            self._remove(_removal.removals(update, self.read()[0]))

    def _remove(self, wanted: Removals) -> None:
        """What the kernel can do about single prefixes is found out once."""
        from ansible_collections.cryptokey.wireguard.plugins.module_utils import _removal, _wgnetlink

        if self._remover is None:
            self._remover = _removal.Remover(
                lambda wanted: self._send(_wgnetlink.removal_requests(self._name, wanted)),
                send=lambda taker: self._send(_wgnetlink.set_requests(self._name, taker)),
            )
        self._remover.remove(wanted)

    def _send(self, requests: t.Iterable[bytes], update: DeviceUpdate | None = None) -> None:
        def send() -> None:
            with _opened(f"cannot configure {self._name}") as (handle, family):
                for request in requests:
                    _exchange(handle, family, request, _netlink.ACKNOWLEDGE)

        try:
            self._worker.run(send)
        except HostError as error:
            raise _explained(error, self._name, update) from None

    def _dump(self) -> list[bytes]:
        request = _wgnetlink_dump.get_request(self._name)
        for _attempt in range(_DUMP_ATTEMPTS):
            with _opened(f"cannot read {self._name}") as (handle, family):
                found = _exchange(handle, family, request, _netlink.DUMP)
            if found is not None:
                return found
        raise HostError(f"{self._name} changes faster than it can be read", remedy="try again later")


def is_available() -> bool:
    """True if the kernel knows WireGuard, or loads it when asked. Asked for by the generic netlink family's name."""
    try:
        with _opened(_UNKNOWN):
            return True
    except HostError as error:
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
            return False
        raise


@contextlib.contextmanager
def _opened(what: str) -> t.Iterator[tuple[socket.socket, int]]:
    """A socket, and the number that the kernel has given WireGuard's family of generic netlink. what: as elsewhere."""
    with _netlink.opened(what, _netlink.GENERIC) as handle:
        answer = _netlink.ask(handle, _CONTROLLER, _wgnetlink_dump.family_request())
        if answer is None:
            raise _netlink.refused(_UNKNOWN, errno.ENOENT)
        yield handle, _wgnetlink_dump.family_of(answer)


def _exchange(handle: socket.socket, family: int, payload: bytes, flags: int) -> list[bytes] | None:
    """One request and what answers it; None where the device has changed under a dump. Raises OSError."""
    if flags & _netlink.DUMP:
        return _netlink.dump_once(handle, family, payload)
    _netlink.acknowledged(handle, family, payload)
    return []


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
