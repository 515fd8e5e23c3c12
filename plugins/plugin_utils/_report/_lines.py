# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a picture: straight where nothing stands between the two ends, else bent around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._layout import HALF_HIGH, HALF_WIDE, Layout

Point = tuple[int, int]

# What a line keeps free of the edge of the picture.
_EDGE = 4
# How far the control point of a curve may lie aside, nearest first: on the one side, then on the other.
_BENDS = (0, *(sign * width for width in range(40, 401, 20) for sign in (1, -1)))
_STEPS = 24


def lines_between(layout: Layout, links: Iterable[tuple[int, int]]) -> Iterator[str]:
    """The path of each link as in SVG. links: pairs of positions in the points of the layout."""
    for one, other in links:
        others = [point for number, point in enumerate(layout.points) if number not in (one, other)]
        yield _path(layout, layout.points[one], layout.points[other], others)


def _path(layout: Layout, start: Point, end: Point, others: Sequence[Point]) -> str:
    """Behind as few of the others as there is a way inside the picture; of those the straightest."""
    straight = _behind(_curve(start, _aside(start, end, 0), end), others)
    best, fewest = 0, straight
    for bend in _BENDS if straight else ():
        curve = _curve(start, _aside(start, end, bend), end)
        if fewest and _is_inside(layout, curve):
            behind = _behind(curve, others)
            if behind < fewest:
                best, fewest = bend, behind
    if not best:
        return f"M{start[0]} {start[1]}L{end[0]} {end[1]}"
    control = _aside(start, end, best)
    return f"M{start[0]} {start[1]}Q{control[0]} {control[1]} {end[0]} {end[1]}"


def _aside(start: Point, end: Point, bend: int) -> Point:
    """The control point of the curve, whose own middle lies half as far aside."""
    across_x, across_y = start[1] - end[1], end[0] - start[0]
    length = math.hypot(across_x, across_y) or 1.0
    return (
        round((start[0] + end[0]) / 2 + across_x / length * bend),
        round((start[1] + end[1]) / 2 + across_y / length * bend),
    )


def _curve(start: Point, control: Point, end: Point) -> list[tuple[float, float]]:
    """Points of the quadratic curve, without its ends."""
    found = []
    for step in range(1, _STEPS):
        part = step / _STEPS
        first, second, third = (1 - part) ** 2, 2 * (1 - part) * part, part**2
        found.append(
            (
                first * start[0] + second * control[0] + third * end[0],
                first * start[1] + second * control[1] + third * end[1],
            )
        )
    return found


def _behind(curve: Sequence[tuple[float, float]], others: Iterable[Point]) -> int:
    """How many of the others it passes behind."""
    return sum(
        any(abs(x - other_x) < HALF_WIDE and abs(y - other_y) < HALF_HIGH for x, y in curve)
        for other_x, other_y in others
    )


def _is_inside(layout: Layout, curve: Iterable[tuple[float, float]]) -> bool:
    return all(_EDGE <= x <= layout.width - _EDGE and _EDGE <= y <= layout.height - _EDGE for x, y in curve)
