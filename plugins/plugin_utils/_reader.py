# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what people wrote: a cursor that knows where it stands, and notes every mistake instead of only the first.

A mistake with a rule id (a bad key, prefix, address or interface name) becomes a finding of the plan, and reading
goes on without that value. A mistake without one (a wrong type, an unknown option) leaves no inventory to plan.
"""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _namespace_name
from ansible_collections.cryptokey.wireguard.plugins.module_utils._assignable import why_unassignable
from ansible_collections.cryptokey.wireguard.plugins.module_utils._device_name import why_invalid
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    hide_keys,
    shortened,
    shown,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
    parse_address,
    parse_interface_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._endpoint import (
    DeclaredEndpoint,
    parse_declared_endpoint,
)

T = t.TypeVar("T")

_UNPRINTABLE = "write it with letters, digits, dot, dash and underscore"
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
        for name in ("path", "reason", "remedy", "value", "host"):
            text = getattr(self, name)
            if isinstance(text, str):
                hidden = hide_keys(text)
                # A value is shown by its repr(), which escapes by itself.
                object.__setattr__(self, name, hidden if name == "value" else visible(hidden))

    def __str__(self) -> str:
        path = shortened(self.path)
        place = f"{path} of host {shortened(self.host)}" if self.host else path
        value = "" if self.value is None else f"{shown(self.value)} "
        remedy = f"; {self.remedy}" if self.remedy else ""
        written = f" ({self.place})" if self.place else ""
        return f"{place}{written}: {value}{self.reason}{remedy}"


class InvalidInventory(InvalidInput):
    """An inventory that cannot be planned; its text lists every mistake, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems), key=lambda problem: (problem.host, problem.path, str(problem)))
        count = len(self.problems)
        lines = [f"{count} {'mistake' if count == 1 else 'mistakes'} in the inventory:"]
        lines += [f"  {line}" for line in _lines(self.problems)]
        super().__init__("\n".join(lines))


def _lines(problems: Iterable[Problem]) -> Iterable[str]:
    """What is wrong in one place of a group is wrong at all of its hosts: one line for the same mistake."""
    alike: dict[tuple[t.Any, ...], list[Problem]] = {}
    for problem in problems:
        key = (problem.path, problem.reason, shown(problem.value), problem.remedy, problem.rule)
        alike.setdefault(key, []).append(problem)
    for first, *more in alike.values():
        hosts = f" (and the same at {len(more)} more {'host' if len(more) == 1 else 'hosts'})" if more else ""
        yield f"{first}{hosts}" + (f" [{first.rule}]" if first.rule else "")


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
            if not isinstance(key, str):
                self.refuse(f"has the key {key!r}, which is not a text", remedy="quote it", show=False)
            elif not key.isprintable():
                self.refuse(f"has the key {key!r}, which is not a name", remedy=_UNPRINTABLE, show=False)
            else:
                found[key] = self.at(f".{key}", value)
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
        if isinstance(self.value, str) and self.value and not self.value.isprintable():
            self.refuse("has characters in it that do not print", remedy=_UNPRINTABLE)
            return None
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
        reason = _namespace_name.why_invalid(self.value) if self.value else ""
        if reason or hide_keys(self.value) != self.value:
            self.refuse(reason or "is not the name of a network namespace", remedy=_namespace_name.REMEDY)
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
        near = difflib.get_close_matches(self.value, choices, n=1) if isinstance(self.value, str) else []
        listed = " | ".join(choices)
        self.refuse("is not one of the choices", remedy=f"write {near[0]}" if near else f"write {listed}")
        return None

    # Values of WireGuard: a mistake carries the id of its rule

    def public_key(self) -> t.Optional[str]:
        return self._parse(lambda value: str(PublicKey.parse(value)), rule="WG101", show=False)

    def address(self) -> t.Optional[Address]:
        """One address without a length."""
        return self._parse(parse_address, rule="WG206")

    def interface_address(self) -> t.Optional[InterfaceAddress]:
        """An address that a device can have."""
        address = self._parse(parse_interface_address, rule="WG206")
        return None if address is None or self._refused_as_owned(address.address.prefix) else address

    def owned_prefix(self) -> t.Optional[Prefix]:
        """A prefix whose addresses somebody can have."""
        prefix = self.prefix()
        return None if prefix is None or self._refused_as_owned(prefix) else prefix

    def advertised(self) -> t.Optional[Prefix]:
        """A prefix that somebody advertises; the default route makes him an exit, a half of it nothing."""
        prefix = self.owned_prefix()
        if prefix is not None and prefix.length == 1:
            default = "0.0.0.0/0" if prefix.family == 4 else "::/0"
            self.refuse("is half of a default route", remedy=f"to make it an exit, write {default}")
            return None
        return prefix

    def _refused_as_owned(self, prefix: Prefix) -> bool:
        reason = why_unassignable(prefix)
        if reason:
            self.refuse(reason, remedy="write an address that a host can have", rule="WG206")
        return bool(reason)

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
        """A bad name stays, so that the rest can be planned, unless no report could show it."""
        if not isinstance(self.value, str) or not self.value:
            return self.text()
        reason = why_invalid(self.value)
        if reason:
            remedy = "choose a name of 1 to 15 bytes, of letters, digits, dot, dash and underscore"
            self.refuse(reason, remedy=remedy, rule="WG609")
        return self.value if repr(self.value) == shown(self.value) and self.value.isprintable() else None

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


def value_or(options: Mapping[str, Cursor], name: str, read: Callable[[Cursor], t.Any], default: t.Any) -> t.Any:
    """What an option says, or the default where it is not there or could not be read."""
    if name not in options:
        return default
    value = read(options[name])
    return default if value is None else value


def visible(text: str) -> str:
    """The text with whatever would move the cursor or change the terminal written as an escape, as repr() does."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
