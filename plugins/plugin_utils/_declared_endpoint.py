# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints as an inventory declares them: as in wg(8), but without a port where it is the peer's listen port."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_address

# RFC 1123, 2.1, and RFC 952: no underscores in host names.  At most 253 octets (RFC 1035, 2.3.4).
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)\Z", re.ASCII)
_FORMS = "write an address or a DNS name, with `:port` where it is not the listen port, as [2001:db8::1]:51820"


class DeclaredEndpoint(t.NamedTuple):
    """host: canonical address text or a DNS name; port: None where the peer's listen port is meant."""

    host: str
    port: int | None
    is_name: bool

    def text(self, port: int) -> str:
        """As wg(8) writes it; ``port`` fills in where none was given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or port}"


def parse_declared_endpoint(text: t.Any) -> DeclaredEndpoint:
    """Raises InvalidInput (path empty)."""
    if not isinstance(text, str):
        raise InvalidInput("is not an endpoint", value=text, remedy=_FORMS)
    host, port = _split(text)
    number = None if port is None else _port(text, port)
    if ":" in host or _ends_in_a_number(host):
        try:
            return DeclaredEndpoint(str(parse_address(host)), number, False)
        except InvalidInput as error:
            reason = f"is not an endpoint: {host!r} {error.reason}"
            raise InvalidInput(reason, value=text, remedy=error.remedy or _FORMS) from None
    if not host or len(host) > 253 or not all(_LABEL.match(label) for label in host.removesuffix(".").split(".")):
        reason = f"is not an endpoint: {host!r} is neither an address nor a DNS name"
        raise InvalidInput(reason, value=text, remedy=_FORMS)
    return DeclaredEndpoint(host.lower(), number, True)


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise InvalidInput("is not an endpoint: brackets hold an IPv6 address", value=text, remedy=_FORMS)
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _colon, port = text.partition(":")
        return host, port
    return text, None


def _port(text: str, port: str) -> int:
    if port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535:
        return int(port)
    raise InvalidInput(f"is not an endpoint: port {port!r} is not a number from 1 to 65535", value=text, remedy=_FORMS)


def _ends_in_a_number(host: str) -> bool:
    """A name whose last label is a number is a mistyped IPv4 address (RFC 1123, 2.1): 203.0.113.300 or 10.0.0."""
    return host.removesuffix(".").rpartition(".")[2].isdigit()
