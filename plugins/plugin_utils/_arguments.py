# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of filters: Ansible does not check them, so the filters do, by name."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import kind, nearest


def refuse_unknown(unknown: Mapping[str, t.Any], known: Sequence[str]) -> None:
    """unknown: what a filter has caught as ``**unknown``; known: the names of its arguments."""
    for name in sorted(unknown):
        raise InvalidInput("is not an argument of this filter", path=name, remedy=nearest(name, known))


def require(value: t.Any, expected: type | tuple[type, ...], *, name: str, words: str, remedy: str = "") -> None:
    """words: what is expected, such as ``a mapping``."""
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is int):
        raise InvalidInput(f"is {kind(value)} where {words} is expected", path=name, remedy=remedy)


def require_list(value: t.Any, *, name: str, remedy: str = "") -> list[t.Any]:
    """A list whose entries the caller looks at; an iterator, as Jinja's ``map`` makes one, will do."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, Iterator)):
        raise InvalidInput(f"is {kind(value)} where a list is expected", path=name, remedy=remedy)
    return list(value)


def require_texts(value: t.Any, *, name: str, remedy: str = "") -> list[str]:
    """A list of texts, as plain ones."""
    entries = require_list(value, name=name, remedy=remedy)
    for index, entry in enumerate(entries):
        require(entry, str, name=f"{name}[{index}]", words="a text")
    return [str.__str__(entry) for entry in entries]
