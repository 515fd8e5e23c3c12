# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many stacks in few words: by group where a group says it exactly, by name while there are few, else counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import StackId

_SHOWN = 4
_SHOWN_BUT = 2


class HostNames:
    """groups: {name: hosts}; everybody: all stacks that there are."""

    def __init__(self, everybody: Iterable[StackId], groups: Mapping[str, Collection[str]] | None = None) -> None:
        self.everybody = frozenset(everybody)
        self._groups: dict[frozenset[StackId], str] = {}
        for name, hosts in sorted((groups or {}).items()):
            members = frozenset(stack for stack in self.everybody if stack.host in hosts)
            if len(members) > 1 and members != self.everybody:
                self._groups.setdefault(members, name)
        self._largest_first = sorted(self._groups, key=lambda members: (-len(members), self._groups[members]))

    def __call__(self, stacks: Iterable[StackId]) -> str:
        """``everyone``, ``laptops and fra1``, ``fra1, nyc1 and 38 more``."""
        wanted = frozenset(stacks)
        missing = self.everybody - wanted
        if len(wanted) > 1 and not missing:
            return "everyone"
        if len(missing) <= _SHOWN_BUT and len(wanted) > _SHOWN:
            return f"everyone but {_and([str(stack) for stack in sorted(missing)])}"
        words, left = [], wanted
        for members in self._largest_first:
            if members <= left:
                words.append(self._groups[members])
                left -= members
        words += [str(stack) for stack in sorted(left)]
        if len(words) > _SHOWN:
            words = [*words[: _SHOWN - 1], f"{len(words) - _SHOWN + 1:,} more"]
        return _and(words)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
