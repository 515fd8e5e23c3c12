# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireguardDriver for wireguard-go and its like, over the engine's socket."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _peer_by_peer,
    _removal,
    _uapi,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    LENGTH,
    PrivateKey,
    PublicKey,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Device,
        PeerStatistics,
    )


class UserspaceDriver:
    """One device behind one socket. derive: the public key of a private key, None where the host cannot tell."""

    backend = "userspace"

    def __init__(self, socket_path: str, *, derive: t.Callable[[PrivateKey], PublicKey | None]) -> None:
        self._path = socket_path
        self._derive = derive
        self._edits_peers: bool | None = None
        self._remover = _removal.Remover(
            lambda wanted: self._send(_uapi.removal_request(wanted)), send=lambda taker: self._send(_uapi.render(taker))
        )

    def edits_peers(self) -> bool:
        """Whether the engine can change a peer that it has; asked once, by a change of nothing."""
        if self._edits_peers is None:
            try:
                self._send(_uapi.probe(PublicKey(os.urandom(LENGTH))))
                self._edits_peers = True
            except HostError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._edits_peers = False
        return self._edits_peers

    def read(self) -> tuple[Device, t.Mapping[PublicKey, PeerStatistics]]:
        return _uapi.parse(_uapi.exchange(self._path, _uapi.GET), derive=self._derive)

    def write(self, update: DeviceUpdate) -> None:
        """A port that is in use already is not sent again: wireguard-go re-binds on every listen_port line."""
        if update.peers and not self.edits_peers():
            self._write_peer_by_peer(update)
            return
        main = _removal.without_removals(update)
        if main.listen_port:
            main = self._set_port(main)
        if not _removal.is_empty(main):
            self._send(_uapi.render(main))
        if _removal.wants_removal(update):
            self._remover.remove(_removal.removals(update, self.read()[0]))

    def _write_peer_by_peer(self, update: DeviceUpdate) -> None:
        """Such an engine ends when it is given a peer before its private key."""
        self.write(dataclasses.replace(update, peers=()))
        device = self.read()[0]
        if not device.has_key:
            raise HostError(
                "this userspace engine takes no peer before it has a private key",
                remedy="declare the whole interface with cryptokey.wireguard.interface",
            )
        for request in _peer_by_peer.requests(device, update.peers):
            self._send(_uapi.render(request))

    def _set_port(self, update: DeviceUpdate) -> DeviceUpdate:
        """Sets the port and returns the rest of the update; a port that is taken leaves the old one in use."""
        rest = dataclasses.replace(update, listen_port=None)
        old = self.read()[0].listen_port
        if update.listen_port == old:
            return rest
        try:
            self._send(_uapi.render(DeviceUpdate(listen_port=update.listen_port)))
        except HostError as error:
            with contextlib.suppress(HostError):
                self._send(_uapi.render(DeviceUpdate(listen_port=old)))
            if error.errno != errno.EADDRINUSE:
                raise
            raise HostError(
                f"UDP port {update.listen_port} is in use on this host",
                remedy="choose another listen_port or stop what uses it (ss -lunp)",
                errno=errno.EADDRINUSE,
            ) from None
        return rest

    def _send(self, request: str) -> None:
        _uapi.exchange(self._path, request)
