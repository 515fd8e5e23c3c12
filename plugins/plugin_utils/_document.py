# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed reading of plain data: whatever has the wrong shape is named with its path.

Values that come through Ansible are lazy, tagged subclasses of the plain types, so the checks are isinstance, nothing
is ever changed in place, and every text is copied into a plain one.
"""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import DEEPEST, LARGEST


class Node:
    """One mapping of a document and where it stands."""

    __slots__ = ("_values", "path")

    def __init__(self, value: t.Any, path: str, *, known: t.Container[str] = (), named: t.Iterable[str] = ()) -> None:
        """known: the keys that may stand here, empty for "any"; named: the same ones as a list for the error."""
        if not isinstance(value, (dict, Mapping)):
            raise wrong_shape(path, value, "a mapping")
        self._values = value
        self.path = path
        for key in value:
            if not isinstance(key, str):
                raise InvalidInput("is not a text, as keys must be", path=path, value=key)
            if not key.isascii():
                _require_characters(key, path)
            if known and key not in known:
                raise _unknown(key, path, sorted(named or t.cast("t.Iterable[str]", known)))

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def at(self, key: str) -> str:
        """The path of one of the keys."""
        step = _step(key)
        return f"{self.path}{step}" if self.path else step.removeprefix(".")

    def keys(self) -> list[str]:
        return [str.__str__(key) for key in self._values]

    def among(self, keys: t.Mapping[str, t.Any]) -> t.Collection[str]:
        """Those of the keys that stand here."""
        return self._values.keys() & keys.keys()

    def raw(self, key: str) -> t.Any:
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise wrong_shape(self.at(key), value, "a text")
        if not value.isascii():
            _require_characters(value, self.at(key))
        return str.__str__(value)

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self else None

    def integer(self, key: str) -> int | None:
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_shape(self.at(key), value, "a whole number")
        return int(value)

    def boolean(self, key: str, default: bool = False) -> bool:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_shape(self.at(key), value, "true or false")
        return bool(value)

    def entries(self, key: str) -> Sequence[t.Any]:
        """The entries of a list; an absent list is empty."""
        value = self._values.get(key)
        if value is None:
            return ()
        if isinstance(value, (str, bytes)) or not isinstance(value, (list, Sequence)):
            raise wrong_shape(self.at(key), value, "a list")
        return value

    def items_of(self, key: str) -> list[tuple[t.Any, str]]:
        """The entries of a list with their paths."""
        entries = self.entries(key)
        if not entries:
            return []
        path = self.at(key)
        return [(entry, f"{path}[{index}]") for index, entry in enumerate(entries)]

    def texts(self, key: str) -> list[tuple[str, str]]:
        """The entries of a list of texts with their paths."""
        result = []
        for entry, path in self.items_of(key):
            if not isinstance(entry, str):
                raise wrong_shape(path, entry, "a text")
            if not entry.isascii():
                _require_characters(entry, path)
            result.append((str.__str__(entry), path))
        return result

    def mapping(self, key: str, *, known: t.Container[str] = ()) -> Node:
        """A mapping inside; an absent one is empty."""
        value = self._values.get(key)
        return Node({} if value is None else value, self.at(key), known=known)


@lru_cache(maxsize=4096)
def _step(key: str) -> str:
    """How a key stands in a path behind something else."""
    plain = key.replace("_", "").replace("-", "").isalnum()
    return f".{key}" if plain else f"[{key!r}]"


def wrong_shape(path: str, value: t.Any, wanted: str) -> InvalidInput:
    """The error for a value of the wrong type; the value itself may be long or secret and is left out."""
    kinds = ((bool, "a boolean"), (str, "a text"), (int, "a number"), (Mapping, "a mapping"), (Sequence, "a list"))
    kind = next((name for cls, name in kinds if isinstance(value, cls)), f"a {type(value).__name__}")
    return InvalidInput(f"must be {wanted}, not {'nothing' if value is None else kind}", path=path)


def require_plain(value: t.Any, path: str) -> None:
    """What a filter returns may hold nothing but plain data; a document that somebody has edited may hold anything."""
    _require_plain(value, path, levels=DEEPEST, sizes={})


def _require_plain(value: t.Any, path: str, *, levels: int, sizes: dict[int, int]) -> int:
    """How many values it stands for. sizes: of the containers seen so far, however often aliases use them."""
    if not isinstance(value, (dict, list)):
        _require_plain_scalar(value, path)
        return 1
    if id(value) not in sizes:
        if not levels:
            raise InvalidInput("is nested too deep, or contains itself", path=path)
        size = 1
        for step, entry in _entries(value, path):
            size += _require_plain(entry, step, levels=levels - 1, sizes=sizes)
        if size > LARGEST:
            remedy = "look for YAML aliases of aliases in it"
            raise InvalidInput(f"stands for more than {LARGEST:,} values", path=path, remedy=remedy)
        sizes[id(value)] = size
    return sizes[id(value)]


def _entries(value: dict[t.Any, t.Any] | list[t.Any], path: str) -> t.Iterator[tuple[str, t.Any]]:
    """The entries of a container with their paths."""
    if isinstance(value, list):
        yield from ((f"{path}[{index}]", entry) for index, entry in enumerate(value))
        return
    for key, entry in value.items():
        if not isinstance(key, str):
            raise InvalidInput("is not a text, as keys must be", path=path, value=key)
        yield f"{path}.{key}", entry


def _require_plain_scalar(value: t.Any, path: str) -> None:
    if isinstance(value, str):
        if not value.isascii():
            _require_characters(value, path)
    elif isinstance(value, int):
        _require_digits(value, path)
    elif value is not None:
        raise wrong_shape(path, value, "a text, a number, true, false, a list or a mapping")


def _require_digits(number: int, path: str) -> None:
    """YAML takes hexadecimal numbers of any length, but nothing can write them (sys.set_int_max_str_digits)."""
    try:
        str(int(number))
    except ValueError:
        raise InvalidInput("is too long for a number", path=path, value=number) from None


def _require_characters(text: str, path: str) -> None:
    """Half of a surrogate pair is no character: no file and no terminal takes it (RFC 3629, 3)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("holds half a character", path=path, value=str(text), remedy="write it as UTF-8") from None


def _unknown(key: str, path: str, known: list[str]) -> InvalidInput:
    near = difflib.get_close_matches(key, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return InvalidInput("is not a known key", path=path, value=str.__str__(key), remedy=remedy)
