# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of a document, which are whole, and of an inventory, which need no port."""

from __future__ import annotations

import typing as t
from functools import lru_cache

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _endpoint
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint

_FORMS = "write an address or a DNS name, with `:port` where it is not the listen port, as [2001:db8::1]:51820"


class DeclaredEndpoint(t.NamedTuple):
    """host: canonical address text or a DNS name; port: None where the peer's listen port is meant."""

    host: str
    port: int | None

    def text(self, port: int) -> str:
        """As wg(8) writes it; ``port`` fills in where none was given."""
        return str(Endpoint(self.host, self.port or port))


def parse_declared_endpoint(text: t.Any) -> DeclaredEndpoint:
    """Raises InvalidInput (path empty)."""
    return DeclaredEndpoint(*_endpoint.split_endpoint(text, remedy=_FORMS))


@lru_cache(maxsize=100_000)
def parse_endpoint(text: str) -> Endpoint:
    """With a port, as a document has it. Raises InvalidInput (path empty)."""
    return _endpoint.parse_endpoint(text)


def address_of(text: str) -> str:
    """The address of an endpoint with or without its port. A prefix stays one. Raises InvalidInput (path empty)."""
    if "/" in text:
        return text
    host = parse_declared_endpoint(text).host
    try:
        return str(parse_address(host))
    except InvalidInput:
        remedy = "a list of prefixes cannot hold a name: write the address that it stands for"
        raise InvalidInput("is a name, not an address", value=text, remedy=remedy) from None
