# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequences whose values are made when somebody asks for one of them. Pure.

Ten thousand peers are a hundred thousand objects, and most runs only have to know that they are the same as before.
What that is found by stands beside them, as text or bytes; the values are for whoever has to look at one of them.
"""

from __future__ import annotations

import collections.abc
import typing as t

Value = t.TypeVar("Value")


class Later(collections.abc.Sequence, t.Generic[Value]):
    """Equal to every other sequence of the same values. size: how many there are, where that is known before."""

    def __init__(self, make: t.Callable[[], t.Tuple[Value, ...]], size: int | None = None) -> None:
        self._make = make
        self._size = size
        self._made: tuple[Value, ...] | None = None

    @property
    def values(self) -> tuple[Value, ...]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __len__(self) -> int:
        return len(self.values) if self._size is None else self._size

    def __iter__(self) -> t.Iterator[Value]:
        return iter(self.values)

    def __getitem__(self, place: t.Any) -> t.Any:
        return self.values[place]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, (tuple, Later)) and len(self) == len(other) and self.values == tuple(other)

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        return repr(self.values)
