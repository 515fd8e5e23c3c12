# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what people wrote: a cursor that knows where it stands, and notes every mistake instead of only the first.

A mistake with a rule id (a bad key, prefix, address or interface name) becomes a finding of the plan, and reading
goes on without that value. A mistake without one (a wrong type, an unknown option) leaves no inventory to plan.
"""

from __future__ import annotations

import difflib
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    InterfaceAddress,
    Prefix,
    parse_interface_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declared_endpoint import (
    DeclaredEndpoint,
    parse_declared_endpoint,
)

T = t.TypeVar("T")

# A text of this form, base64 or hex, may be somebody's private key in the wrong place: never repeat it.
_KEY_LIKE = re.compile(r"[A-Za-z0-9+/]{42,}={0,2}")
_TYPES = ((bool, "a yes or no"), (int, "a number"), (str, "a text"), (Mapping, "a mapping"), (list, "a list"))


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in an inventory. rule: the finding it is, or None where it makes the inventory unreadable.

    path: of the value.  place: where that was written, where it is known.
    """

    path: str
    reason: str
    value: t.Any = None
    remedy: str = ""
    host: str = ""
    rule: t.Optional[str] = None
    place: str = ""

    def __post_init__(self) -> None:
        for name in ("path", "reason", "remedy", "value"):
            text = getattr(self, name)
            if isinstance(text, str):
                object.__setattr__(self, name, _KEY_LIKE.sub("(hidden)", text))

    def __str__(self) -> str:
        place = f"{self.path} of host {self.host}" if self.host else self.path
        value = "" if self.value is None else f"{self.value!r} "
        remedy = f"; {self.remedy}" if self.remedy else ""
        written = f" ({self.place})" if self.place else ""
        return f"{place}{written}: {value}{self.reason}{remedy}"


class InvalidInventory(InvalidInput):
    """An inventory that cannot be planned; its text lists every mistake, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda problem: (problem.host, problem.path, str(problem)))
        count = len(self.problems)
        lines = [f"{count} {'mistake' if count == 1 else 'mistakes'} in the inventory:"]
        lines += [f"  {problem}" + (f" [{problem.rule}]" if problem.rule else "") for problem in self.problems]
        super().__init__("\n".join(lines))


class Cursor:
    """One declared value, where it stands, and the list that its mistakes go to."""

    def __init__(self, value: t.Any, *, path: str, host: str, problems: list[Problem]) -> None:
        self.value = value
        self.path = path
        self.host = host
        self.problems = problems

    def refuse(self, reason: str, *, remedy: str = "", show: bool = True, rule: t.Optional[str] = None) -> None:
        """Notes a mistake. show: whether the value may stand in the message; lists and mappings never do."""
        shown = self.value if show and isinstance(self.value, (str, bool, int, float)) else None
        self.problems.append(
            Problem(path=self.path, reason=reason, value=shown, remedy=remedy, host=self.host, rule=rule)
        )

    def at(self, key: str, value: t.Any) -> Cursor:
        return Cursor(value, path=self.path + key, host=self.host, problems=self.problems)

    # Containers

    def entries(self) -> dict[str, Cursor]:
        """A mapping with free keys. The keys must be texts; a null entry stands for an empty one."""
        if not isinstance(self.value, Mapping):
            self.refuse(f"is {kind(self.value)} where a mapping is expected", show=False)
            return {}
        found = {}
        for key, value in self.value.items():
            if isinstance(key, str):
                found[key] = self.at(f".{key}", value)
            else:
                self.refuse(f"has the key {key!r}, which is not a text", remedy="quote it")
        return found

    def options(self, known: Iterable[str]) -> dict[str, Cursor]:
        """A mapping with fixed keys. Null means not declared; unknown options are refused, naming the nearest."""
        names = sorted(known)
        found = {}
        for key, cursor in self.entries().items():
            if key not in names:
                cursor.refuse("is not an option", remedy=nearest(key, names), show=False)
            elif cursor.value is not None:
                found[key] = cursor
        return found

    def items(self) -> list[Cursor]:
        if not isinstance(self.value, list):
            self.refuse(f"is {kind(self.value)} where a list is expected", remedy="write it in brackets: [...]")
            return []
        return [self.at(f"[{index}]", value) for index, value in enumerate(self.value)]

    def each(self, read: Callable[[Cursor], t.Optional[T]]) -> tuple[T, ...]:
        """What ``read`` makes of every entry of a list, without those it refused."""
        results = (read(cursor) for cursor in self.items())
        return tuple(result for result in results if result is not None)

    # Scalars: each notes a mistake and returns None where the value is not what it should be

    def text(self) -> t.Optional[str]:
        if isinstance(self.value, str) and self.value:
            return self.value
        reason = "is empty" if self.value == "" else f"is {kind(self.value)} where a text is expected"
        self.refuse(reason, remedy="" if self.value == "" else "quote it", show=False)
        return None

    def name(self) -> t.Optional[str]:
        """A text that may be empty: the name of a namespace, where "" is the initial one."""
        if not isinstance(self.value, str):
            self.refuse(f"is {kind(self.value)} where a text is expected", remedy="quote it")
            return None
        if "/" in self.value or self.value in (".", "..") or self.value != self.value.strip() or len(self.value) > 255:
            self.refuse("is not the name of a network namespace", remedy="see ip-netns(8)")
            return None
        return self.value

    def flag(self) -> t.Optional[bool]:
        if isinstance(self.value, bool):
            return self.value
        self.refuse(f"is {kind(self.value)} where true or false is expected")
        return None

    def integer(self, low: int, high: int) -> t.Optional[int]:
        """Also from a text of digits, which is how -e and INI inventories give numbers."""
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.refuse(f"is not a number from {low} to {high}")
        return None

    def choice(self, choices: t.Sequence[str]) -> t.Optional[str]:
        if isinstance(self.value, str) and self.value in choices:
            return self.value
        near = difflib.get_close_matches(str(self.value), choices, n=1)
        listed = " | ".join(choices)
        self.refuse("is not one of the choices", remedy=f"write {near[0]}" if near else f"write {listed}")
        return None

    # Values of WireGuard: a mistake carries the id of its rule

    def public_key(self) -> t.Optional[str]:
        return self._parse(lambda value: str(PublicKey.parse(value)), rule="WG101", show=False)

    def interface_address(self) -> t.Optional[InterfaceAddress]:
        return self._parse(parse_interface_address, rule="WG206")

    def prefix(self) -> t.Optional[Prefix]:
        """Host bits are noted (WG205) and cleared, as the kernel does."""
        parsed = self._parse(parse_prefix_lenient, rule="WG206")
        if parsed is None:
            return None
        prefix, host_bits = parsed
        if host_bits:
            self.refuse("has host bits set", remedy=f"write {prefix}", rule="WG205")
        return prefix

    def endpoint(self) -> t.Optional[DeclaredEndpoint]:
        return self._parse(parse_declared_endpoint, rule=None)

    def interface_name(self) -> t.Optional[str]:
        """A bad name (dev_valid_name in the kernel's net/core/dev.c) stays, so that the rest can be planned."""
        text = self.text()
        if text is not None:
            reason = interface_name_error(text)
            if reason:
                self.refuse(reason, remedy="choose a name of 1 to 15 bytes without '/', ':' and spaces", rule="WG609")
        return text

    def _parse(self, parse: Callable[[t.Any], T], *, rule: t.Optional[str], show: bool = True) -> t.Optional[T]:
        if not isinstance(self.value, str):
            self.refuse(f"is {kind(self.value)} where a text is expected", remedy="quote it")
            return None
        try:
            return parse(self.value)
        except InvalidInput as error:
            mapped = rule == "WG206" and "IPv4-mapped" in error.reason
            self.refuse(error.reason, remedy=error.remedy, show=show, rule="WG211" if mapped else rule)
            return None


def interface_name_error(name: str) -> t.Optional[str]:
    if len(name.encode()) > 15:
        return f"is {len(name.encode())} bytes long; the kernel takes 15 (IFNAMSIZ)"
    if not name or name in (".", "..") or any(char in "/:" or char.isspace() for char in name):
        return "is not a name for an interface"
    return None


def kind(value: t.Any) -> str:
    if value is None:
        return "empty"
    return next((words for kind_, words in _TYPES if isinstance(value, kind_)), f"a {type(value).__name__}")


def nearest(word: str, words: Iterable[str], *, prefix: str = "") -> str:
    """The remedy for a misspelt word: the nearest known one, else all of them."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    return f"known are {', '.join(known)}" if known and len(known) <= 40 else ""
