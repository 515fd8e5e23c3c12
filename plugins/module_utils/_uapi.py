# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cross-platform userspace protocol: lines of key=value over a Unix socket (wireguard.com/xplatform).

render() and parse() are pure. exchange() uses one connection per request: after an error an engine may have left the
rest of the request unread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Endpoint,
    Peer,
    PeerStatistics,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
        DeviceUpdate,
        PeerUpdate,
    )

TIMEOUT = 60.0
"""Seconds for a whole exchange: an engine with 10,000 peers answers within a few."""

GET = "get=1\n\n"
_OLDEST_TIME = 10**9
"""September 2001. No handshake is older, and no engine has run for that many seconds."""
_END = b"\n\n"

Statistics = t.Dict[PublicKey, PeerStatistics]


class EngineSilent(HostError):
    """Nobody listens on the socket, or what listens does not answer."""


def render(update: DeviceUpdate) -> str:
    """The set request. Prefixes to be removed are not part of it: see removal_request()."""
    lines = ["set=1"]
    if update.private_key is not None:
        lines.append(f"private_key={update.private_key.raw.hex()}")
    if update.listen_port is not None:
        lines.append(f"listen_port={update.listen_port}")
    if update.fwmark is not None:
        lines.append(f"fwmark={update.fwmark}")
    for peer in update.peers:
        lines += _peer_lines(peer)
    return "\n".join(lines) + "\n\n"


def removal_request(wanted: t.Mapping[PublicKey, t.Iterable[t.Any]]) -> str:
    """Single prefixes taken away, in the words of wireguard-go 20250522 and later; older ones answer EINVAL."""
    lines = ["set=1"]
    for key, prefixes in wanted.items():
        lines += [f"public_key={key.raw.hex()}", "update_only=true"]
        lines += [f"allowed_ip=-{prefix}" for prefix in prefixes]
    return "\n".join(lines) + "\n\n"


def probe(nobody: PublicKey) -> str:
    """A change of nothing: a peer that is not there, and only if it is there, is removed.

    An engine that cannot edit peers does not know update_only, either, and answers EINVAL.
    """
    return f"set=1\npublic_key={nobody.raw.hex()}\nupdate_only=true\nremove=true\n\n"


def parse(
    text: str, *, derive: t.Callable[[PrivateKey], PublicKey | None], now: float | None = None
) -> tuple[Device, Statistics]:
    """The answer to GET. The protocol holds no public key of the device itself, so derive makes it.

    An engine that hides the private key may show own_public_key instead. One that tells the age of a handshake where
    the protocol has its time is understood as well: now is the time of the answer, in seconds since the epoch.
    """
    moment = time.time() if now is None else now
    device: dict[str, str] = {}
    peers: list[_PeerLines] = []
    for line in text.splitlines():
        name, _equals, value = line.partition("=")
        if name == "public_key":
            peers.append(_PeerLines(PublicKey(bytes.fromhex(value))))
        elif peers:
            peers[-1].add(name, value)
        else:
            device[name] = value
    private = _private_key(device.get("private_key"))
    found = Device(
        private_key=private,
        public_key=derive(private) if private else _public_key(device.get("own_public_key")),
        listen_port=int(device.get("listen_port", "0")),
        fwmark=int(device.get("fwmark", "0"), 0),
        peers=tuple(sorted((peer.peer() for peer in peers), key=lambda peer: peer.public_key)),
    )
    return found, {peer.key: peer.statistics(moment) for peer in peers}


def exchange(path: str, request: str, *, timeout: float = TIMEOUT) -> str:
    """Send one request and return the answer without its errno line. Raises HostError with that errno.

    An engine that refuses a line may hang up before it has read the rest; its answer is there all the same.
    """
    try:
        with connected(path, timeout=timeout) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request.encode("ascii"))
            answer = _receive(connection)
    except (ConnectionError, socket.timeout) as error:
        raise EngineSilent("the userspace engine does not answer", errno=error.errno) from None
    body, ending, last = answer.rpartition("errno=")
    if not ending:
        raise EngineSilent("the userspace engine hung up without an answer")
    number = abs(int(last)) if last.lstrip("-").isdigit() else errno.EPROTO
    if number:
        raise HostError(f"the userspace engine refused: {os.strerror(number)}", errno=number)
    return body


@contextlib.contextmanager
def connected(path: str, *, timeout: float) -> t.Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(path)
        except OSError as error:
            raise EngineSilent(f"no userspace engine listens on {path}", errno=error.errno) from None
        yield connection


class _PeerLines:
    """The lines of one peer, gathered until all of them are there."""

    def __init__(self, key: PublicKey) -> None:
        self.key = key
        self.prefixes: list[str] = []
        self.values: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        if name == "allowed_ip":
            self.prefixes.append(value)
        else:
            self.values[name] = value

    def peer(self) -> Peer:
        return Peer(
            public_key=self.key,
            preshared_key=PresharedKey(bytes.fromhex(self.values.get("preshared_key", "00" * 32))),
            endpoint=_endpoint(self.values.get("endpoint", "")),
            persistent_keepalive=int(self.values.get("persistent_keepalive_interval", "0")),
            allowed_ips=frozenset(parse_prefix_lenient(text)[0] for text in self.prefixes),
        )

    def statistics(self, now: float) -> PeerStatistics:
        seconds = int(self.values.get("last_handshake_time_sec", "0"))
        part = int(self.values.get("last_handshake_time_nsec", "0"))
        told = seconds + part / 1e9
        return PeerStatistics(
            latest_handshake=None if not told else told if told >= _OLDEST_TIME else now - told,
            rx_bytes=int(self.values.get("rx_bytes", "0")),
            tx_bytes=int(self.values.get("tx_bytes", "0")),
        )


def _peer_lines(peer: PeerUpdate) -> list[str]:
    lines = [f"public_key={peer.public_key.raw.hex()}"]
    if peer.action == "remove":
        return [*lines, "remove=true"]
    if peer.action == "update":
        lines.append("update_only=true")
    if peer.preshared_key is not None:
        lines.append(f"preshared_key={peer.preshared_key.raw.hex()}")
    if peer.endpoint is not None:
        lines.append(f"endpoint={peer.endpoint}")
    if peer.persistent_keepalive is not None:
        lines.append(f"persistent_keepalive_interval={peer.persistent_keepalive}")
    return lines + [f"allowed_ip={prefix}" for prefix in peer.add_allowed_ips]


def _private_key(text: str | None) -> PrivateKey | None:
    return PrivateKey(bytes.fromhex(text)) if text and text.strip("0") else None


def _public_key(text: str | None) -> PublicKey | None:
    return PublicKey(bytes.fromhex(text)) if text and text.strip("0") else None


def _endpoint(text: str) -> Endpoint | None:
    """``address:port``; the zone of a link-local address is left out, since an endpoint is declared without one."""
    host, _colon, port = text.rpartition(":")
    host = host.strip("[]").partition("%")[0]
    if not host or not port.isdigit():
        return None
    with contextlib.suppress(InvalidInput):
        host = str(parse_address(host))
    return Endpoint(host, int(port))


def _receive(connection: socket.socket) -> str:
    parts: list[bytes] = []
    tail = b""
    while not tail.endswith(_END):
        part = connection.recv(1 << 18)
        if not part:
            break
        parts.append(part)
        tail = (tail + part)[-len(_END) :]
    return b"".join(parts).decode("ascii", "replace").rstrip("\n")
