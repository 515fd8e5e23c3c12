# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes between two plans as lines: by host, interface and peer, with + ~ - in front."""

from __future__ import annotations

import itertools
import json
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._difference import sign
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._paint import Paint

Change = Mapping[str, t.Any]

_COLORS = {"add": "green", "change": "yellow", "remove": "red"}
# What is said of a whole thing that comes or goes; everything else is one of its properties.
_WHOLE = ("interface", "peer")


def change_lines(changes: Iterable[Change], *, paint: Paint, width: int) -> Iterable[str]:
    """changes: sorted, as the difference of two plans gives them."""
    for place, lines in changes_by_place(changes):
        yield f"  {paint.bold(place)}"
        for change, line in lines:
            shown = line if len(line) + 6 <= width else f"{line[: width - 7]}…"
            yield f"    {paint(sign(change), _COLORS[change['action']])} {shown}"


def changes_by_place(changes: Iterable[Change]) -> Iterable[tuple[str, list[tuple[Change, str]]]]:
    """The host, or the shared row, and each of its changes with its words."""
    for place, grouped in itertools.groupby(changes, key=lambda change: change["row"] or change["host"]):
        yield place, [(change, _line(change)) for change in grouped]


def _line(change: Change) -> str:
    words = [change["interface"]] if change["interface"] else []
    if change["peer"]:
        words.append(f"peer {change['peer']}")
    if change["what"] not in _WHOLE:
        words.append(change["what"])
    values = [_shown(change[key]) for key in ("before", "after") if change[key] is not None]
    return f"{' '.join(words)}{': ' if words and any(values) else ''}{' → '.join(values)}"


def _shown(value: t.Any) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    return json.dumps(value, sort_keys=True)
