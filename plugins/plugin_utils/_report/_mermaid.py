# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html): hosts or groups, and their links."""

from __future__ import annotations

import string
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report import _words as words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._picture import Node, Picture, draw

# What stands in a quoted label as it is; Mermaid reads #nnn; as the character of that number.
_PLAIN = frozenset(string.ascii_letters + string.digits + " .-/:_,+")
_SHAPES = {"host": ('["', '"]'), "group": ('[["', '"]]'), "external": ('(["', '"])')}
_CLASSES = (
    "classDef error stroke:#b3261e,stroke-width:3px",
    "classDef warning stroke:#8a5a00,stroke-width:3px",
    "classDef external stroke-dasharray:4 3",
)


def render_mermaid(plan: Mapping[str, t.Any]) -> str:
    """Deterministic; without a newline at the end."""
    return words.rendered(lambda shown: "\n".join(_lines(draw(shown))), plan)


def _lines(pictures: list[Picture]) -> Iterator[str]:
    yield "flowchart LR"
    for number, picture in enumerate(pictures):
        yield f'  subgraph s{number}["{_label(picture.network or "without a network")}"]'
        for position, node in enumerate(picture.nodes):
            opening, closing = _SHAPES[node.kind]
            mark = node.severity if node.severity in ("error", "warning") else "external"
            style = f":::{mark}" if node.severity in ("error", "warning") or node.kind == "external" else ""
            yield f"    n{number}_{position}{opening}{_text(node)}{closing}{style}"
        yield "  end"
        for one, other in picture.links:
            yield f"  n{number}_{one} {_line(picture, (one, other))} n{number}_{other}"
    if any(picture.standby for picture in pictures):
        yield "  %% a dotted line is a backup: nothing goes this way unless the first choice is down"
    yield from (f"  {line}" for line in _CLASSES)


def _line(picture: Picture, link: tuple[int, int]) -> str:
    """Crossed where an error is about it, dotted where nothing goes unless another fails."""
    if link in picture.troubled:
        return "x--x"
    return "-.-" if link in picture.standby else "---"


def _text(node: Node) -> str:
    held = words.count(len(node.hosts), "host") if node.kind == "group" else words.count(node.peers, "peer")
    lines = [f"{node.name} ({held})" if node.kind == "group" or node.peers else node.name]
    lines += [words.listed(list(node.addresses))] if node.addresses else []
    lines += [words.listed(list(node.behind))] if node.behind else []
    return "<br/>".join(map(_label, lines))


def _label(text: str) -> str:
    return "".join(c if c in _PLAIN or (ord(c) > 127 and c.isprintable()) else f"#{ord(c)};" for c in text)
