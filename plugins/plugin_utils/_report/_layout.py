# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the nodes of a picture stand: relays inside, the rest on an ellipse around them, single leaves outside.

The ellipse is turned so that few lines pass behind a node. Own code of a few lines rather than a library: the same
fleet must give the same bytes everywhere.
"""

from __future__ import annotations

import itertools
import math
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._picture import Picture

# Pixels of a picture that is not scaled: between two neighbours on a ring, and around everything.
_APART = 158
_SMALLEST = 170
_FLAT = 0.64
_MARGIN_X, _MARGIN_Y = 82, 40
# From a ring to the leaves outside of it.
_OUT = 150
# The room of one node, and what is left of a line between two that stand side by side.
_WIDE, _HIGH = 146, 50
_SHORTEST = 40
# With so many links it does not matter whether one of them can be seen.
_MANY_LINKS = 8
_ATTEMPTS = 24
# Parts of the way from one place on the ellipse to the next.
_TURNS = (0.0, 0.5, 0.25, 0.75)
# Half the room that a line keeps free around a node.
HALF_WIDE, HALF_HIGH = 74, 27


class Layout(t.NamedTuple):
    """points: the centre of each node, in whole pixels from the top left."""

    width: int
    height: int
    points: tuple[tuple[int, int], ...]


def lay_out(picture: Picture) -> Layout:
    """Of the ways to turn it the one with the fewest lines behind a node, then the smallest."""
    near = picture.neighbours()
    close = [link for link in picture.links if min(len(near[node]) for node in link) < _MANY_LINKS]
    found = (_shifted(_spread(_arranged(near, turn), close)) for turn in _TURNS)
    return min(found, key=lambda layout: (_behind(layout, picture.links), layout.width * layout.height))


def _arranged(near: list[list[int]], turn: float) -> list[tuple[float, float]]:
    degree = [len(found) for found in near]
    core = [node for node, count in enumerate(degree) if count != 1] or list(range(len(degree)))
    if len(core) == 1 or all(count <= 1 for count in degree):
        inner, ring, leaves = _star(degree)
    else:
        inner = _relays(core, degree)
        ring = [node for node in _walk(near) if node in core and node not in inner]
        leaves = [node for node in range(len(degree)) if node not in core]
    radius = max(_SMALLEST, round(len(ring) * _APART / (2 * math.pi))) if len(ring) > 1 or inner else 0
    angles = _on_ring(ring, turn)
    points = {node: _point(angle, radius) for node, angle in angles.items()}
    points.update(_inside(inner, near, angles, radius))
    points.update(_outside(leaves, near, points, radius))
    return [points[node] for node in range(len(degree))]


def _spread(points: list[tuple[float, float]], close: t.Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """The same picture, as much larger as it takes for no node to hide another. close: the links that want room."""
    for _attempt in range(_ATTEMPTS):
        linked = ((points[one], points[other]) for one, other in close)
        if not _overlap(itertools.combinations(points, 2)) and not _overlap(linked, room=_SHORTEST):
            break
        points = [(x * 1.1, y * 1.1) for x, y in points]
    return points


def _overlap(pairs: t.Iterable[tuple[tuple[float, float], tuple[float, float]]], room: int = 0) -> bool:
    return any(abs(ax - bx) < _WIDE + room and abs(ay - by) < _HIGH + room / 2 for (ax, ay), (bx, by) in pairs)


def _behind(layout: Layout, links: t.Iterable[tuple[int, int]]) -> int:
    """How often a straight line would pass behind a node that it does not lead to."""
    points = layout.points
    return sum(
        _meets(points[one], points[other], point)
        for one, other in links
        for number, point in enumerate(points)
        if number not in (one, other)
    )


def _meets(start: tuple[int, int], end: tuple[int, int], node: tuple[int, int]) -> bool:
    """Whether a straight line comes into the room of a node: the part of it that does so on either axis overlaps."""
    first, last = 0.0, 1.0
    for axis, half in enumerate((HALF_WIDE, HALF_HIGH)):
        way, off = end[axis] - start[axis], node[axis] - start[axis]
        if way == 0:
            if abs(off) >= half:
                return False
            continue
        enters, leaves = sorted(((off - half) / way, (off + half) / way))
        first, last = max(first, enters), min(last, leaves)
    return first < last


def _star(degree: list[int]) -> tuple[list[int], list[int], list[int]]:
    """One in the middle, or, of two alike, nobody."""
    centre = max(range(len(degree)), key=lambda node: (degree[node], -node), default=None)
    if centre is None or degree[centre] < 2:
        return [], list(range(len(degree))), []
    return [centre], [node for node in range(len(degree)) if node != centre], []


def _relays(core: list[int], degree: list[int]) -> list[int]:
    """Those with far more links than the rest; nobody in a mesh."""
    typical = sorted(degree[node] for node in core)[len(core) // 2]
    found = [node for node in core if degree[node] >= 3 and degree[node] > 1.5 * typical]
    return found if len(found) <= len(core) // 2 else []


def _walk(near: list[list[int]]) -> list[int]:
    """Depth first from the first: neighbours stand next to each other, so that fewer lines cross."""
    order: list[int] = []
    seen: set[int] = set()
    for start in range(len(near)):
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
                waiting += sorted(near[node], reverse=True)
    return order


def _on_ring(ring: list[int], turn: float) -> dict[int, float]:
    start = math.pi if len(ring) == 2 else -math.pi / 2 + 2 * math.pi * turn / max(1, len(ring))
    return {node: start + 2 * math.pi * number / len(ring) for number, node in enumerate(ring)}


def _inside(
    inner: list[int], near: list[list[int]], angles: dict[int, float], radius: int
) -> dict[int, tuple[float, float]]:
    """A single relay in the middle; several where those stand that they speak to, but apart from each other."""
    if len(inner) < 2:
        return dict.fromkeys(inner, (0.0, 0.0))

    def towards(node: int) -> tuple[float, int]:
        found = [angles[other] for other in near[node] if other in angles]
        x, y = sum(map(math.cos, found)), sum(map(math.sin, found))
        return (round(math.atan2(y, x), 6) if found else 0.0, node)

    order = sorted(inner, key=towards)
    start = math.pi if len(order) == 2 else -math.pi / 2
    return {
        node: _point(start + 2 * math.pi * number / len(order), round(radius * 0.45))
        for number, node in enumerate(order)
    }


def _outside(
    leaves: list[int], near: list[list[int]], points: dict[int, tuple[float, float]], radius: int
) -> dict[int, tuple[float, float]]:
    """Around everything, near the one that they speak to: each of those has as much of the circle as it has leaves."""
    outer = max(radius + _OUT, round(len(leaves) * _APART / (2 * math.pi)))
    step = min(_APART / outer, 2 * math.pi / max(1, len(leaves)))
    of: dict[tuple[float, int], list[int]] = {}
    for leaf in leaves:
        parent = near[leaf][0] if near[leaf] else -1
        of.setdefault((_angle(points.get(parent, (0.0, 0.0))), parent), []).append(leaf)
    found: dict[int, tuple[float, float]] = {}
    free = -math.inf
    for (angle, _parent), children in sorted(of.items()):
        start = max(free, angle - step * (len(children) - 1) / 2)
        for number, leaf in enumerate(children):
            found[leaf] = _point(start + step * number, outer)
        free = start + step * len(children)
    return found


def _angle(point: tuple[float, float]) -> float:
    x, y = point
    return round(math.atan2(y / _FLAT, x), 6) if (x, y) != (0.0, 0.0) else -math.pi / 2


def _point(angle: float, radius: float) -> tuple[float, float]:
    return (math.cos(angle) * radius, math.sin(angle) * radius * _FLAT)


def _shifted(points: list[tuple[float, float]]) -> Layout:
    left, top = (min((point[axis] for point in points), default=0.0) for axis in (0, 1))
    moved = tuple((round(x - left) + _MARGIN_X, round(y - top) + _MARGIN_Y) for x, y in points)
    right, bottom = (max((point[axis] for point in moved), default=0) for axis in (0, 1))
    return Layout(right + _MARGIN_X, bottom + _MARGIN_Y, moved)
