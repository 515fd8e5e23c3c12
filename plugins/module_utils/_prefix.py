# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and prefixes as integers, parsed exactly as strictly as ``wg`` does.

Python's ``ipaddress`` and netaddr both accept texts that ``wg`` refuses (``/+8``, ``/1_6``, non-ASCII digits), so
the address goes through inet_pton(3) and the length must be plain ASCII digits. IPv4-mapped IPv6 addresses are
refused: the kernel files them in the IPv6 trie, where no IPv4 packet ever looks (RFC 4291, 2.5.5.2).
"""

from __future__ import annotations

import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    shown,
)

WIDTH = {4: 32, 6: 128}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_MAPPED = 0xFFFF << 32
# The twelve bytes before the IPv4 one in a mapped address.
_MAPPED_HEAD = bytes(10) + b"\xff\xff"
_LENGTHS = {family: {str(length): length for length in range(width + 1)} for family, width in WIDTH.items()}


class Address(t.NamedTuple):
    """One address. family: 4 or 6; number: the address as an unsigned integer."""

    family: int
    number: int

    def __str__(self) -> str:
        return format_number(self.family, self.number)

    @property
    def prefix(self) -> Prefix:
        """The /32 or /128 that holds just this address."""
        return Prefix(self.family, self.number, WIDTH[self.family])


class Prefix(t.NamedTuple):
    """One prefix without host bits. Sorts by family, then network, then from short to long."""

    family: int
    network: int
    length: int

    def __str__(self) -> str:
        return f"{format_number(self.family, self.network)}/{self.length}"

    @property
    def last(self) -> int:
        """The highest address of the prefix, as an integer."""
        return self.network | ((1 << (WIDTH[self.family] - self.length)) - 1)

    def contains(self, other: Prefix) -> bool:
        """True if every address of other lies in this prefix (a prefix contains itself)."""
        return (
            self.family == other.family
            and self.length <= other.length
            and other.network >> (WIDTH[self.family] - self.length)
            == self.network >> (WIDTH[self.family] - self.length)
        )


class InterfaceAddress(t.NamedTuple):
    """An address with the length of its connected prefix: what ``ip address add`` takes."""

    family: int
    number: int
    length: int

    def __str__(self) -> str:
        return f"{format_number(self.family, self.number)}/{self.length}"

    @property
    def address(self) -> Address:
        return Address(self.family, self.number)

    @property
    def prefix(self) -> Prefix:
        """The connected prefix: the address with its host bits cleared."""
        return Prefix(self.family, mask(self.family, self.number, self.length), self.length)


def mask(family: int, number: int, length: int) -> int:
    """number with everything below the first length bits cleared."""
    shift = WIDTH[family] - length
    return number >> shift << shift


def format_number(family: int, number: int) -> str:
    """The canonical text of an address (RFC 5952 for IPv6)."""
    return socket.inet_ntop(_FAMILY[family], number.to_bytes(WIDTH[family] // 8, "big"))


def parse_address(text: t.Any) -> Address:
    """One address without a length, zone or port. Raises InvalidInput (path empty)."""
    return Address(*_parse_numbers(text))


def _parse_numbers(text: t.Any) -> tuple[int, int]:
    """(family, number) of an address."""
    if not isinstance(text, str):
        raise InvalidInput("is not an address", value=text, remedy="write it as a quoted text")
    family = 6 if ":" in text else 4
    try:
        number = int.from_bytes(socket.inet_pton(_FAMILY[family], text), "big")
    except (OSError, ValueError):
        raise InvalidInput(f"is not an IPv{family} address", value=str(text), remedy=_remedy(text)) from None
    if family == 6 and number >> 32 == _MAPPED >> 32:
        plain = format_number(4, number & 0xFFFFFFFF)
        raise InvalidInput(
            "is an IPv4-mapped IPv6 address, which no IPv4 packet ever matches",
            value=str(text),
            remedy=f"write {plain}",
        )
    return family, number


def parse_interface_address(text: t.Any) -> InterfaceAddress:
    """``address`` or ``address/length``; without a length it is /32 or /128. Host bits are kept."""
    if not isinstance(text, str):
        raise InvalidInput("is not an address", value=text, remedy="write it as a quoted text")
    head, slash, tail = text.partition("/")
    try:
        family, number = _parse_numbers(head)
    except InvalidInput as error:
        remedy = f"{error.remedy}/{_mapped_length(tail)}" if slash and "mapped" in error.reason else error.remedy
        raise InvalidInput(error.reason, value=str(text), remedy=remedy) from None
    width = WIDTH[family]
    if not slash:
        return InterfaceAddress(family, number, width)
    if not (tail.isascii() and tail.isdigit() and len(tail) <= 3 and int(tail) <= width):
        raise InvalidInput(
            f"has no valid prefix length: {shown(tail)} is not a number from 0 to {width}", value=str(text)
        )
    return InterfaceAddress(family, number, int(tail))


def parse_prefix(text: t.Any) -> Prefix:
    """``network/length`` or a bare address. Host bits are an error here; see parse_prefix_lenient."""
    prefix, host_bits = parse_prefix_lenient(text)
    if host_bits:
        raise InvalidInput("has host bits set", value=str(text), remedy=f"write {prefix}")
    return prefix


def parse_prefix_lenient(text: t.Any) -> tuple[Prefix, bool]:
    """(the prefix with host bits cleared as the kernel does, whether there were any)."""
    family, number, length = _plain(text) or parse_interface_address(text)
    network = mask(family, number, length)
    return Prefix(family, network, length), network != number


def _plain(text: t.Any) -> tuple[int, int, int] | None:
    """(family, number, length) of a text as nearly all are written; None: it has to be looked at more closely."""
    if not isinstance(text, str):
        return None
    head, _slash, tail = text.partition("/")
    family = 6 if ":" in head else 4
    length = _LENGTHS[family].get(tail)
    if length is None:
        return None
    try:
        raw = socket.inet_pton(_FAMILY[family], head)
    except (OSError, ValueError):
        return None
    return None if raw.startswith(_MAPPED_HEAD) else (family, int.from_bytes(raw, "big"), length)


def _remedy(text: str) -> str:
    if "%" in text:
        return "leave out the zone"
    if text.startswith("[") or (text.count(":") == 1 and "." in text):
        return "write the address without brackets and port"
    return f"write one such as {'fd00::1' if ':' in text else '10.0.0.1'}"


def _mapped_length(tail: str) -> str:
    """The IPv4 length that an IPv4-mapped prefix meant: /120 is /24."""
    if tail.isascii() and tail.isdigit() and 96 <= int(tail) <= 128:
        return str(int(tail) - 96)
    return "32"
