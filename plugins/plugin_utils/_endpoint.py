# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An endpoint as ``wg`` writes it: ``host:port`` or ``[address]:port``."""

from __future__ import annotations

import re
import typing as t
from functools import lru_cache

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Address, parse_address

_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?)*\.?", re.ASCII
)
_REMEDY = "write host:port or [IPv6 address]:port"


class Endpoint(t.NamedTuple):
    """Where to send. address is None where host is a DNS name."""

    host: str
    port: int
    address: Address | None


@lru_cache(maxsize=100_000)
def parse_endpoint(text: str) -> Endpoint:
    """Raises InvalidInput (path empty)."""
    bracketed = text.startswith("[")
    host, colon, port = text[1:].partition("]:") if bracketed else text.rpartition(":")
    if not colon or not host:
        raise InvalidInput("is not an endpoint", value=text, remedy=_REMEDY)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise InvalidInput("has no valid port (1 to 65535)", value=text, remedy=_REMEDY)
    if bracketed or re.fullmatch(r"[0-9.]+", host) or ":" in host:
        return Endpoint(host, int(port), _address(host, text, bracketed=bracketed))
    if not _NAME.fullmatch(host):
        raise InvalidInput("is neither an address nor a host name", value=text, remedy=_REMEDY)
    return Endpoint(host, int(port), None)


def _address(host: str, text: str, *, bracketed: bool) -> Address:
    try:
        address = parse_address(host)
    except InvalidInput as error:
        raise InvalidInput(f"holds no address: {host!r} {error.reason}", value=text, remedy=_REMEDY) from None
    if bracketed != (address.family == 6):
        raise InvalidInput("puts the brackets wrongly", value=text, remedy=_REMEDY)
    return address


def address_of(text: str) -> str:
    """The address of an endpoint; a text that is no endpoint with an address stays as it is."""
    try:
        address = parse_endpoint(text).address
    except InvalidInput:
        return text
    return text if address is None else str(address)
