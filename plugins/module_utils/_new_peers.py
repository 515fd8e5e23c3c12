# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All the peers that a device without any is to get, side by side: what is said of them, and what is sent. Pure."""

from __future__ import annotations

import functools
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import PeerUpdate
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PresharedKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._later import Later
from ansible_collections.cryptokey.wireguard.plugins.module_utils._peer_rows import (
    NO_KEEPALIVE,
    NO_SECRET,
    prefix_texts,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_at_once import WantedPeers


class NewPeers(Later[PeerUpdate]):
    """names: of the peers that are declared without one, where there has been one before."""

    def __init__(
        self, wanted: WantedPeers, names: t.Mapping[PublicKey, str], make: t.Callable[[], t.Tuple[PeerUpdate, ...]]
    ) -> None:
        super().__init__(make, len(wanted))
        self.rows = wanted.rows
        self._declared = wanted.declared
        self._names: t.Mapping[t.Any, str] = names

    def lines(self) -> list[str]:
        """One for each peer, as ChangePeer says it."""
        rows, declared = self.rows, self._declared
        details = functools.lru_cache(maxsize=None)(_details)
        lines = []
        for raw, name, key, entries, listed, where, endpoint, interval, secret in zip(
            rows.keys, declared.names, declared.keys, rows.allowed, declared.allowed,
            rows.endpoints, declared.endpoints, rows.keepalives, rows.secrets,
        ):  # fmt: skip
            known = name or self._names.get(raw)
            label = f"{known} ({key[:8]})" if known else key
            said = [f"+{text}" for text in (prefix_texts(entries or b"") if listed is None else listed)]
            if where:
                said.append(f"endpoint {endpoint}")
            said += details(interval, secret)
            lines.append(f"add peer {label}: {', '.join(said)}" if said else f"add peer {label}")
        return lines


def _details(interval: bytes | None, secret: bytes | None) -> list[str]:
    said = []
    if interval not in (None, NO_KEEPALIVE):
        said.append(f"keepalive {int.from_bytes(interval or b'', sys.byteorder)}")
    if secret not in (None, NO_SECRET):
        said.append(f"preshared key {PresharedKey(secret or b'').fingerprint}")
    return said
