# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints as text: ``host:port`` or ``[IPv6 address]:port`` as wg(8) takes them. One grammar for host and plan."""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    shown,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import (
    parse_port,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
)

_FORMS = "write host:port or [IPv6 address]:port"
_NAME_LENGTH = 253
# Underscores are no part of a host name (RFC 1123, 2.1), but resolvers answer for them.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)


def parse_endpoint(text: t.Any) -> Endpoint:
    """Raises InvalidInput (path empty)."""
    host, port = split_endpoint(text)
    if port is None:
        raise InvalidInput("has no port", value=str(text), remedy=_FORMS)
    return Endpoint(host, port)


def split_endpoint(text: t.Any, *, remedy: str = _FORMS) -> tuple[str, int | None]:
    """(an address in its canonical text or a DNS name in lower case, the port or None where there is none)."""
    if not isinstance(text, str):
        raise InvalidInput("is not an endpoint", value=text, remedy=remedy)
    host, port = _split(str(text), remedy)
    return _host(host, str(text), remedy), None if port is None else _port(port, str(text))


def _split(text: str, remedy: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise InvalidInput("is not an endpoint: brackets hold an IPv6 address", value=text, remedy=remedy)
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _colon, port = text.partition(":")
        return host, port
    return text, None


_known_port = functools.lru_cache(maxsize=256)(parse_port)


def _port(port: str, text: str) -> int:
    try:
        return _known_port(port)
    except InvalidInput as error:
        reason = f"is not an endpoint: {shown(port)} {error.reason}"
        raise InvalidInput(reason, value=text, remedy=error.remedy) from None


def _host(host: str, text: str, remedy: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        # The way of nearly every text. What it takes has no other form, so that this one is canonical (inet_pton(3)).
        socket.inet_pton(socket.AF_INET, host)
        return host
    labels = host.removesuffix(".").split(".")
    # A name whose last label is a number is a mistyped IPv4 address (RFC 1123, 2.1): 203.0.113.300 or 10.0.0.
    if ":" in host or labels[-1].isdigit():
        try:
            return str(parse_address(host))
        except InvalidInput as error:
            reason = f"is not an endpoint: {shown(host)} {error.reason}"
            raise InvalidInput(reason, value=text, remedy=error.remedy or remedy) from None
    if len(host) > _NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        reason = f"is not an endpoint: {shown(host)} is neither an address nor a DNS name"
        raise InvalidInput(reason, value=text, remedy=remedy)
    return host.lower()
