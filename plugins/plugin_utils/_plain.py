# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values out of Ansible's lazy, tagged containers, as a plain copy that is finite and not too deep.

YAML can write a value that contains itself (an alias inside its own anchor), and one of a page that stands for a
billion (aliases of aliases). Nothing that walks a value by recursion survives either, so they are refused here, where
values come in.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput

# What people declare is about ten levels deep; Python's own limit is 1,000 frames.
DEEPEST = 100
# Values, each counted as often as it is used.
LARGEST = 20_000_000
# What is copied without being asked how large and deep it is.
_SMALL, _LEVELS = 1000, 8
_SCALARS = frozenset({str, int, bool, type(None), float})


def plain(value: t.Any) -> t.Any:
    """The copy: nothing that is done to it later touches the user's. Raises InvalidInput (path empty)."""
    try:
        return _copy_small(value, _LEVELS, [_SMALL])
    except _NotSmall:
        return _Copier().copy(value)[0]


class _NotSmall(Exception):
    """A value is too large, too deep or too special to be copied without a closer look."""


def _copy_small(value: t.Any, levels: int, left: list[int]) -> t.Any:
    """A small value out of nothing but plain types, as what a host declares for itself usually is.

    left: how many values there may still be, so that even aliases of aliases come to an end.
    """
    kind = value.__class__
    if kind in _SCALARS:
        return value
    if kind not in (dict, list) or not levels:
        raise _NotSmall
    left[0] -= len(value)
    if left[0] < 0:
        raise _NotSmall
    if kind is list:
        return [_copy_small(entry, levels - 1, left) for entry in value]
    if not all(key.__class__ is str for key in value):
        raise _NotSmall
    return {key: _copy_small(entry, levels - 1, left) for key, entry in value.items()}


class _Copier:
    """Copies each container once, however often aliases use it, and knows how many values it stands for."""

    def __init__(self) -> None:
        # By identity, with the original: lazy containers come and go, and an id may then be another one's.
        self._done: dict[int, tuple[t.Any, t.Any, int]] = {}
        self._around: dict[int, t.Any] = {}

    def copy(self, value: t.Any) -> tuple[t.Any, int]:
        """(the copy, how many values it stands for)."""
        if isinstance(value, str) or not isinstance(value, (dict, list, tuple, Mapping)):
            return _scalar(value), 1
        if id(value) not in self._done:
            self._require_end(value)
            self._around[id(value)] = value
            copied, size = self._inside(value)
            del self._around[id(value)]
            if size > LARGEST:
                remedy = "look for YAML aliases of aliases in it"
                raise InvalidInput(f"stands for more than {LARGEST:,} values", remedy=remedy)
            self._done[id(value)] = value, copied, size
        _original, copied, size = self._done[id(value)]
        return copied, size

    def _inside(self, value: t.Any) -> tuple[t.Any, int]:
        if isinstance(value, (dict, Mapping)):
            entries = {_scalar(key): self.copy(entry) for key, entry in value.items()}
            return {key: copied for key, (copied, _size) in entries.items()}, _total(entries.values())
        listed = [self.copy(entry) for entry in value]
        return [copied for copied, _size in listed], _total(listed)

    def _require_end(self, value: t.Any) -> None:
        if id(value) in self._around:
            raise InvalidInput("contains itself", remedy="write out what the YAML alias in it stands for")
        if len(self._around) >= DEEPEST:
            raise InvalidInput(f"is nested more than {DEEPEST} levels deep", remedy="flatten it")


def _total(entries: t.Iterable[tuple[t.Any, int]]) -> int:
    return 1 + sum(size for _copied, size in entries)


def _scalar(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    # Ansible hands a variable whose template fails as a marker, which is a kind of jinja2.Undefined.
    undefined = getattr(type(value), "_undefined_message", None)
    if undefined is not None:
        raise ValueError(str(undefined.__get__(value)))
    return value
