# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an object that are computed when they are first asked for."""

from __future__ import annotations

import typing as t

T = t.TypeVar("T")


class once(t.Generic[T]):
    """As functools.cached_property, which up to Python 3.11 takes a lock each time that it computes something."""

    def __init__(self, compute: t.Callable[[t.Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, holder: t.Any, owner: type | None = None) -> T:
        # Only asked while the object has no value of that name, which then comes first.
        value = vars(holder)[self._name] = self._compute(holder)
        return value
