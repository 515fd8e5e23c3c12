# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leaf values of a fleet document: prefixes, addresses, keys, ports.

A bad one is recorded as a Problem with the rule that will report it, and is left out of the fleet. Texts are parsed
once and cached, because shared rows and thousands of hosts repeat them.
"""

from __future__ import annotations

import contextlib
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import why_unassignable
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, hide_keys, placed, shown
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import parse_fwmark
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    InterfaceAddress,
    Prefix,
    mask,
    parse_address,
    parse_interface_address,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._document import Node, wrong_shape
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import parse_endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Problem
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._texts import assignable_of, prefix_of, public_key_of

# What Linux lets devices have: ETH_MIN_MTU, and the 65,536 bytes of a loopback device.
MTU_LOWEST, MTU_HIGHEST = 68, 65536


class Values:
    """Reads leaf values; ``problems`` is shared by all readers that stem from one."""

    __slots__ = ("_place", "problems")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._place: dict[str, str] = {}

    def within(self, **place: str) -> Values:
        """A reader whose problems name this host, namespace, interface or peer too."""
        inner = Values()
        inner.problems = self.problems
        inner._place = {**self._place, **place}
        return inner

    def problem(self, rule: str, path: str, reason: str, **more: t.Any) -> None:
        # The value may be a key in the wrong place, and the reason may repeat it.
        texts = {name: hide_keys(text) if isinstance(text, str) else text for name, text in more.items()}
        self.problems.append(Problem(rule=rule, path=path, reason=hide_keys(reason), **self._place, **texts))

    def refused(self, rule: str, path: str, error: InvalidInput) -> None:
        value = "" if error.value is None else str(error.value)
        self.problem(rule, path, error.reason, value=value, remedy=error.remedy)

    def prefixes(self, node: Node, key: str, *, mapped_too: bool = False) -> tuple[Prefix, ...]:
        """A list of prefixes."""
        with contextlib.suppress(InvalidInput, TypeError):
            parsed = [prefix_of(text) for text in node.entries(key)]
            if not any(host_bits for _read, host_bits in parsed):
                return tuple(prefix for prefix, _host_bits in parsed)
        # Something is wrong with one of them: what, and where.
        found = (self.prefix(text, path, mapped_too=mapped_too) for text, path in node.texts(key))
        return tuple(prefix for prefix in found if prefix is not None)

    def prefix(self, text: str, path: str, *, mapped_too: bool = False) -> Prefix | None:
        """One prefix; host bits are masked as the kernel does and reported (WG205)."""
        try:
            prefix, host_bits = prefix_of(text)
        except InvalidInput as error:
            mapped = _mapped(text) if "mapped" in error.reason else None
            self.refused("WG206" if mapped is None else "WG211", path, error)
            return mapped if mapped_too else None
        if host_bits:
            self.problem("WG205", path, "has host bits set", value=text, remedy=f"write {prefix}", prefix=str(prefix))
        return prefix

    def addresses(self, node: Node, key: str) -> tuple[InterfaceAddress, ...]:
        """A list of interface addresses."""
        try:
            return tuple([assignable_of(text) for text in node.entries(key)])
        except (InvalidInput, TypeError):
            return self._checked_addresses(node, key)

    def _checked_addresses(self, node: Node, key: str) -> tuple[InterfaceAddress, ...]:
        result = []
        for text, path in node.texts(key):
            try:
                address = parse_interface_address(text)
            except InvalidInput as error:
                self.refused("WG211" if "mapped" in error.reason else "WG206", path, error)
                continue
            reason = why_unassignable(address.address.prefix)
            if reason:
                self.problem("WG206", path, reason, value=text, remedy="write an address that a host can have")
            else:
                result.append(address)
        return tuple(result)

    def address(self, node: Node, key: str) -> Address | None:
        """One address without a length."""
        if key not in node:
            return None
        try:
            return parse_address(node.text(key))
        except InvalidInput as error:
            self.refused("WG206", node.at(key), error)
            return None

    def name_servers(self, node: Node, key: str) -> tuple[Address, ...]:
        """The addresses of a list; what else stands there is a search domain, as in wg-quick(8)."""
        servers = []
        for text, path in node.texts(key):
            if ":" in text or text.replace(".", "").isdigit():
                try:
                    servers.append(parse_address(text))
                except InvalidInput as error:
                    self.refused("WG206", path, error)
        return tuple(servers)

    def public_key(self, node: Node, key: str) -> tuple[str | None, bool]:
        """(the key or None while it is not known, whether what stands there is no key). Never shows the text."""
        if key not in node:
            return None, False
        try:
            return public_key_of(node.text(key)), False
        except InvalidInput as error:
            self.refused("WG101", node.at(key), error)
            return None, True

    def endpoint(self, node: Node, key: str) -> str | None:
        """An endpoint; a bad one counts as one, so that only its own finding tells of it."""
        text = node.optional_text(key)
        if text is None:
            return None
        try:
            parse_endpoint(text)
        except InvalidInput as error:
            self.refused("WG206", node.at(key), error)
        return text

    def bounded(self, node: Node, key: str, highest: int) -> int | None:
        """A whole number from 0 to the highest."""
        value = node.integer(key)
        if value is not None and not 0 <= value <= highest:
            self.problem("WG206", node.at(key), f"is not a number from 0 to {highest}", value=shown(value))
            return None
        return value

    def mtu(self, node: Node, key: str) -> int | None:
        """The MTU of a device in bytes, as far as the kernel takes one."""
        value = node.integer(key)
        if value is not None and not MTU_LOWEST <= value <= MTU_HIGHEST:
            reason = f"is not an MTU: devices have from {MTU_LOWEST} to {MTU_HIGHEST} bytes"
            self.problem("WG206", node.at(key), reason, value=shown(value), remedy="write a number such as 1420")
            return None
        return value

    def port(self, node: Node, key: str) -> int | None:
        return self.bounded(node, key, 65535)

    def mark(self, node: Node, key: str) -> int:
        """A firewall mark without a mask."""
        value = node.raw(key)
        return _mark_number(value, node.at(key)) if value is not None else 0

    def masked_mark(self, node: Node, key: str) -> tuple[int, int] | None:
        """A firewall mark as a rule matches it: (mark, mask).

        Without a mask every bit counts, but of mark 0 none does: such a rule matches any mark (fib_nl2rule in
        net/core/fib_rules.c of the kernel).
        """
        value = node.raw(key)
        if value is None:
            return None
        head, slash, tail = str.__str__(value).partition("/") if isinstance(value, str) else (value, "", "")
        number = _mark_number(head, node.at(key))
        if slash:
            return number, _mark_number(tail, node.at(key))
        return number, 0xFFFFFFFF if number else 0


def address_among(text: str | None) -> Address | None:
    """The address that a text is; None for a name, which is left to whoever resolves it."""
    try:
        return None if text is None else parse_address(text)
    except InvalidInput:
        return None


def _mark_number(value: t.Any, path: str) -> int:
    """0 to 2**32-1, also as a text in decimal or hexadecimal, or ``off``."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise wrong_shape(path, value, "a whole number")
    with placed(path):
        return parse_fwmark(value)


def _mapped(text: str) -> Prefix | None:
    """An IPv4-mapped prefix as the kernel files it: in the IPv6 trie, where no IPv4 packet looks."""
    head, slash, tail = text.partition("/")
    if slash and not (tail.isascii() and tail.isdigit() and len(tail) <= 3 and int(tail) <= WIDTH[6]):
        return None
    length = int(tail) if slash else WIDTH[6]
    number = int.from_bytes(socket.inet_pton(socket.AF_INET6, head), "big")
    return Prefix(6, mask(6, number, length), length)
