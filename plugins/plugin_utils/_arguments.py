# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of filters: Ansible does not check them, so the filters do, by name."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

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


def require_texts(value: t.Any, *, name: str, remedy: str = "") -> list[str]:
    """A list of texts, as plain ones."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise InvalidInput(f"is {kind(value)} where a list is expected", path=name, remedy=remedy)
    for index, entry in enumerate(value):
        require(entry, str, name=f"{name}[{index}]", words="a text")
    return [str.__str__(entry) for entry in value]
