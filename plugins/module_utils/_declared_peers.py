# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared peers of one interface. WireGuard accepts most mistakes silently, so they are refused here."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_rows import DeclaredRows, declared_rows
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._later import Later
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Peer,
)

KEEPALIVE_HIGHEST = 65535


class DeclaredPeer(t.NamedTuple):
    """One entry of ``peers``. None: not declared.

    endpoint: its host may be a DNS name.  allowed_ips: in the order of the declaration, for error paths.
    position: where the entry stands.
    """

    public_key: PublicKey
    position: int
    present: bool = True
    name: str | None = None
    preshared_key: PresharedKey | None = None
    endpoint: Endpoint | None = None
    persistent_keepalive: int | None = None
    allowed_ips: tuple[Prefix, ...] | None = None

    @property
    def path(self) -> str:
        return f"peers[{self.position}]"

    @property
    def label(self) -> str:
        return Peer(self.public_key, name=self.name).label

    def as_peer(self, endpoint: Endpoint | None, current: Peer | None) -> Peer:
        """The peer to have on the device; endpoint: the one to set, None to leave it alone.

        current: the one that is there. A set that equals its own is the same one, which halves what thousands take.
        """
        wanted = None if self.allowed_ips is None else frozenset(self.allowed_ips)
        return Peer(
            self.public_key,
            self.name,
            self.preshared_key,
            endpoint,
            self.persistent_keepalive,
            current.allowed_ips if current is not None and wanted == current.allowed_ips else wanted,
        )


def declare_peers(
    entries: t.Sequence[t.Mapping[str, t.Any]] | None, warnings: list[str]
) -> t.Sequence[DeclaredPeer] | None:
    """The entries as values; host bits are cleared, as the kernel does, with a warning. Raises InvalidInput."""
    if entries is None:
        return None
    rows = declared_rows(entries)
    if rows is not None:
        return DeclaredPeers(rows, lambda: _read_peers(entries, warnings))
    return _read_peers(entries, warnings)


class DeclaredPeers(Later[DeclaredPeer]):
    """Peers that have been checked, all of them present and with addresses for endpoints."""

    def __init__(self, rows: DeclaredRows, make: t.Callable[[], tuple[DeclaredPeer, ...]]) -> None:
        super().__init__(make, len(rows.keys))
        self.rows = rows


def _read_peers(entries: t.Sequence[t.Mapping[str, t.Any]], warnings: list[str]) -> tuple[DeclaredPeer, ...]:
    peers = tuple([_declare_peer(entry, position, warnings) for position, entry in enumerate(entries)])
    _refuse_repeated_keys(peers)
    _refuse_shared_prefixes(peers)
    return peers


def _declare_peer(entry: t.Mapping[str, t.Any], position: int, warnings: list[str]) -> DeclaredPeer:
    try:
        return _read_peer(entry, position, warnings)
    except InvalidInput as error:
        raise error.at(f"peers[{position}]") from None


def _read_peer(entry: t.Mapping[str, t.Any], position: int, warnings: list[str]) -> DeclaredPeer:
    """All fields in their order: names of arguments take a tenth of the time that a peer takes here."""
    get = entry.get
    with placed("public_key"):
        public_key = PublicKey.parse(get("public_key"))
    name = _name(get("name"))
    if get("state") == "absent":
        return DeclaredPeer(public_key, position, present=False, name=name)
    return DeclaredPeer(
        public_key,
        position,
        True,
        name,
        _preshared_key(get("preshared_key")),
        _endpoint(get("endpoint")),
        _keepalive(get("persistent_keepalive")),
        _allowed_ips(get("allowed_ips"), position, warnings),
    )


def _name(text: t.Any) -> str | None:
    """For people: it stands in the list of actions and in diffs."""
    if text and not text.isprintable():
        raise InvalidInput(
            "has characters in it that do not print", path="name", value=str(text), remedy="leave them out"
        )
    return text or None


def _preshared_key(text: t.Any) -> PresharedKey | None:
    if text is None:
        return None
    if text == "":
        return PresharedKey.none()
    with placed("preshared_key"):
        key: PresharedKey = PresharedKey.parse(text)
        return key


def _endpoint(text: t.Any) -> Endpoint | None:
    if text is None:
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._endpoint import parse_endpoint

    with placed("endpoint"):
        return parse_endpoint(text)


def _keepalive(value: t.Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= KEEPALIVE_HIGHEST:
        raise InvalidInput(
            "is not a keepalive interval",
            path="persistent_keepalive",
            value=value,
            remedy=f"use seconds from 1 to {KEEPALIVE_HIGHEST}, or 0 for off",
        )
    return value


def _allowed_ips(entries: t.Sequence[t.Any] | None, position: int, warnings: list[str]) -> tuple[Prefix, ...] | None:
    if entries is None:
        return None
    prefixes: list[Prefix] = []
    for index, text in enumerate(entries):
        try:
            prefix, host_bits = parse_prefix_lenient(text)
        except InvalidInput as error:
            raise error.at(f"allowed_ips[{index}]") from None
        if host_bits:
            warnings.append(
                f"peers[{position}].allowed_ips[{index}]: {str(text)!r} has host bits set; taken as {prefix}"
            )
        prefixes.append(prefix)
    return tuple(prefixes)


def _refuse_repeated_keys(peers: t.Sequence[DeclaredPeer]) -> None:
    seen: dict[PublicKey, DeclaredPeer] = {}
    for peer in peers:
        first = seen.setdefault(peer.public_key, peer)
        if first is not peer:
            raise InvalidInput(
                f"is the key of {first.path} ({first.label}) as well; the later entry would replace the earlier one",
                path=f"{peer.path}.public_key",
                remedy="write one entry per peer",
            )


def _refuse_shared_prefixes(peers: t.Sequence[DeclaredPeer]) -> None:
    """The device has one owner per prefix; given to two peers, it silently stays with the last (allowedips.c)."""
    owners: dict[Prefix, DeclaredPeer] = {}
    for peer in peers:
        for index, prefix in enumerate(peer.allowed_ips or ()):
            first = owners.setdefault(prefix, peer)
            if first is peer:
                continue
            raise InvalidInput(
                f"is given to two peers: {first.path} ({first.label}) and {peer.path} ({peer.label}); "
                "only the last one would get its packets",
                path=f"{peer.path}.allowed_ips[{index}]",
                value=str(prefix),
                remedy="leave it with one of them",
            )
