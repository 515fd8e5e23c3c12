# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage to documents that knows nothing of what they mean: wrong types, odd texts, cycles, depth, size.

A document that is almost right gets further into a program than noise does, so these changes are made to good ones.
"""

from __future__ import annotations

import datetime
import decimal
import random
import typing as t

SECRET = "cGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
SECRETS = (SECRET[:-1], "7064" * 16)

TEXTS = (
    "",
    " ",
    "a\nb",
    "\x00",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202eevil",
    "\ud800",
    "a" * 5000,
    "10.0.0.1/٢٤",
    "١٠.0.0.1",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/1_6",
    "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "010.0.0.1",
    "10.0.0",
    "0x0a000001",
    "::ffff:10.0.0.0/120",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
    "fe80::%1/64",
    "::/129",
    "::1::2",
    "0.0.0.0/0",
    "::/0",
    "255.255.255.255",
    "ff02::1",
    "10.0.0.1/30",
    "10.0.0.1",
    "host:٣",
    "host:0",
    "host:65536",
    "[::1]:1",
    "[fe80::1%eth0]:51820",
    "::1:51820",
    "allowed_ips",
    "auto",
    "off",
    "main",
    "default",
    "local",
    "throw",
    "blackhole",
    "lo",
    "wg0",
    "null",
    "0x10",
    "0x10/0xff",
    "1/0",
    "{{ lookup('pipe', 'id') }}",
    SECRET,
    SECRET[:-1],
    "7064" * 16,
    "A" * 43 + "=",
    "é",
    "e\u0301",
    "a.b['c'][0]",
)
PREFIXES = (
    "10.0.0.0/30", "10.0.0.1/32", "10.0.0.2/31", "10.0.0.0/29", "0.0.0.0/0", "0.0.0.0/1", "192.168.10.0/29",
    "fd00::40/126", "fd00::41/128", "fd00::/16", "::/0", "203.0.113.0/24",
)  # fmt: skip
NUMBERS: tuple[t.Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    255,
    65535,
    65536,
    2**31,
    2**32 - 1,
    2**32,
    2**64,
    -(2**70),
    10**30,
    10**5000,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
)
ODD: tuple[t.Any, ...] = (
    [],
    {},
    [None],
    [[]],
    [["a", ["b"]]],
    {"": None},
    {1: 2},
    {None: None},
    {True: False},
    {("a", "b"): 1},
    {float("nan"): 1},
    {b"x": 1},
    {"\x1b[31m": {"\x1b[31m": 1}},
    (),
    ("10.0.0.1",),
    {1, 2},
    frozenset({"a"}),
    b"10.0.0.1",
    bytearray(b"x"),
    datetime.date(2020, 1, 1),
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    decimal.Decimal("NaN"),
    1j,
    object,
    range(3),
)


def copied(value: t.Any) -> t.Any:
    """The containers anew, the leaves as they are."""
    if isinstance(value, dict):
        return {key: copied(entry) for key, entry in value.items()}
    return [copied(entry) for entry in value] if isinstance(value, list) else value


def _bottomless(kind: type) -> t.Any:
    """What an anchor that contains itself is loaded as."""
    if kind is list:
        endless: t.Any = []
        endless.append(endless)
        return endless
    endless = {}
    endless["a"] = endless
    return endless


def _deep(levels: int, chance: random.Random) -> t.Any:
    value: t.Any = "deep"
    for _level in range(levels):
        value = [value] if chance.random() < 0.5 else {"a": value}
    return value


def _laughs(levels: int) -> t.Any:
    """Thirty anchors, each twice the one before: a billion values in a page of YAML."""
    value: t.Any = ["ha"]
    for _level in range(levels):
        value = [value, value]
    return value


def hostile(chance: random.Random) -> t.Any:
    """One value that does not belong where it will be put."""
    draw = chance.randrange(100)
    if draw < 45:
        return chance.choice(TEXTS)
    if draw < 65:
        return chance.choice(NUMBERS)
    if draw < 85:
        return copied(chance.choice(ODD))
    if draw < 89:
        return _bottomless(chance.choice((list, dict)))
    if draw < 92:
        return _deep(chance.choice((3, 60, 900, 5000)), chance)
    if draw < 94:
        return _laughs(chance.choice((3, 30, 200)))
    if draw < 96:
        return [f"10.{number >> 8 & 255}.{number & 255}.0/{chance.randint(20, 33)}" for number in range(2000)]
    if draw < 98:
        return [f"fd00:{number:x}::/{chance.randint(16, 129)}" for number in range(2000)]
    return {f"key{number}": chance.choice(TEXTS) for number in range(200)}


def _keys(value: t.Any) -> t.Any:
    return value.keys() if isinstance(value, dict) else None


def _is_small(value: t.Any) -> bool:
    """Whether it can be copied: cycles, depth and what grows by aliases cannot."""
    left, waiting = 3000, [(value, 0)]
    while waiting and left:
        left -= 1
        one, depth = waiting.pop()
        if depth > 200:
            return False
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting += [(entry, depth + 1) for entry in inner]
    return bool(left)


class Mutator:
    """Changes a copy of a good value. The same seed makes the same changes."""

    def __init__(self, seed: str, *, gentle: bool = False) -> None:
        """gentle: other values of the right kind, so that most documents are still read."""
        self.chance = random.Random(seed)
        self.gentle = gentle

    def mutated(self, document: t.Any) -> t.Any:
        """One to four changes; sometimes no document at all."""
        if not self.gentle and self.chance.random() < 0.01:
            return hostile(self.chance)
        box = [copied(document)]
        for _change in range(self.chance.choice((1, 1, 1, 2, 3, 4))):
            self._change(box)
        return box[0] if box else None

    def _change(self, box: list) -> None:
        found = self._containers(box)
        parent, ancestors = self.chance.choice(found)
        step = self._step(parent)
        if self.gentle:
            if step is not None:
                self._change_gently(found, parent, step)
            return
        draw = self.chance.randrange(100)
        if step is None or draw < 10:
            self._insert(parent)
        elif draw < 55:
            parent[step] = hostile(self.chance)
        elif draw < 65:
            del parent[step]
        elif draw < 75:
            parent[step] = copied(self._somewhere(found))
        elif draw < 83:
            parent[step] = self._neighbour(parent[step])
        elif draw < 87:
            parent[step] = self.chance.choice(ancestors)
        elif draw < 94 and isinstance(parent, list):
            parent.insert(
                self.chance.randint(0, len(parent)), copied(parent[step]) if _is_small(parent[step]) else None
            )
        elif isinstance(parent, dict):
            parent[self._key()] = parent.pop(step)
        else:
            self.chance.shuffle(parent)

    def _change_gently(self, found: list[tuple[t.Any, list]], parent: t.Any, step: t.Any) -> None:
        draw = self.chance.randrange(10)
        if draw < 5:
            parent[step] = self._other(parent[step])
        elif draw < 7:
            parent[step] = self._like(found, parent[step])
        elif draw < 8 and (isinstance(parent, list) or step not in ("name", "priority", "destination")):
            del parent[step]
        elif isinstance(parent, list):
            parent.insert(self.chance.randint(0, len(parent)), copied(parent[step]))

    def _other(self, value: t.Any) -> t.Any:
        """Another scalar of its kind."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return self.chance.choice((0, 1, 2, 100, 254, 51820, 32766))
        if isinstance(value, str) and "/" in value:
            return self.chance.choice(PREFIXES)
        return value

    def _like(self, found: list[tuple[t.Any, list]], value: t.Any) -> t.Any:
        """A value of the same type, and for a mapping the same keys, from somewhere else in the document."""
        around = [
            entry for parent, _around in found for entry in (parent.values() if isinstance(parent, dict) else parent)
        ]
        same = [entry for entry in around if type(entry) is type(value) and _keys(entry) == _keys(value)]
        chosen = self.chance.choice(same or [value])
        return copied(chosen) if _is_small(chosen) else chosen

    def _containers(self, box: list) -> list[tuple[t.Any, list]]:
        """Every container of the value with those around it, each once even where it contains itself."""
        found: list[tuple[t.Any, list]] = []
        seen = set()
        waiting: list[tuple[t.Any, list]] = [(box, [])]
        while waiting and len(found) < 3000:
            value, around = waiting.pop()
            if not isinstance(value, (dict, list)) or id(value) in seen:
                continue
            seen.add(id(value))
            inner = [*around[-8:], value]
            found.append((value, inner))
            waiting += [(one, inner) for one in (value.values() if isinstance(value, dict) else value)]
        return found

    def _step(self, parent: t.Any) -> t.Any:
        steps = list(parent) if isinstance(parent, dict) else range(len(parent))
        return self.chance.choice(steps) if steps else None

    def _insert(self, parent: t.Any) -> None:
        if isinstance(parent, dict):
            parent[self._key()] = hostile(self.chance)
        elif not parent or self.chance.random() < 0.9:
            parent.append(hostile(self.chance))

    def _key(self) -> t.Any:
        """A word that is known somewhere, or nowhere, or none."""
        words = ("metric", "vrf", "nat", "multipath", "sport", "goto", "namespace", "name", "routes", "allowed_ips_set")
        odd = (1, None, True, 1.5, ("a",), b"x", datetime.date(2020, 1, 1))
        draw = self.chance.randrange(10)
        return self.chance.choice(words if draw < 4 else TEXTS if draw < 8 else odd)

    def _somewhere(self, found: list[tuple[t.Any, list]]) -> t.Any:
        parent, _around = self.chance.choice(found)
        step = self._step(parent)
        value = parent if step is None else parent[step]
        return value if _is_small(value) else None

    def _neighbour(self, value: t.Any) -> t.Any:
        """Almost the same."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + self.chance.choice((-1, 1))
        if isinstance(value, str) and value:
            place = self.chance.randrange(len(value))
            return value[:place] + self.chance.choice(("", "0", "1", "/", ":", ".", "٣", " ")) + value[place + 1 :]
        return [value]
