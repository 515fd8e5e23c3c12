# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the nodes of a picture stand: relays inside, the rest on an ellipse around them, single leaves outside.

Own code of a few lines rather than a library: the same fleet must give the same bytes everywhere.
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
# The room of one node.
_WIDE, _HIGH = 146, 50
_ATTEMPTS = 24


class Layout(t.NamedTuple):
    """points: the centre of each node, in whole pixels from the top left."""

    width: int
    height: int
    points: tuple[tuple[int, int], ...]


def lay_out(picture: Picture) -> Layout:
    near = picture.neighbours()
    degree = [len(found) for found in near]
    core = [node for node, count in enumerate(degree) if count != 1] or list(range(len(degree)))
    if len(core) == 1 or all(count <= 1 for count in degree):
        inner, ring, leaves = _star(degree)
    else:
        inner = _relays(core, degree)
        ring = [node for node in _walk(near) if node in core and node not in inner]
        leaves = [node for node in range(len(degree)) if node not in core]
    radius = max(_SMALLEST, round(len(ring) * _APART / (2 * math.pi))) if len(ring) > 1 or inner else 0
    angles = _on_ring(ring)
    points = {node: _point(angle, radius) for node, angle in angles.items()}
    points.update(_inside(inner, near, angles, radius))
    points.update(_outside(leaves, near, points, radius))
    return _shifted(_spread([points[node] for node in range(len(degree))]))


def _spread(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same picture, as much larger as it takes for no node to hide another."""
    for _attempt in range(_ATTEMPTS):
        pairs = itertools.combinations(points, 2)
        if not any(abs(ax - bx) < _WIDE and abs(ay - by) < _HIGH for (ax, ay), (bx, by) in pairs):
            break
        points = [(x * 1.1, y * 1.1) for x, y in points]
    return points


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


def _on_ring(ring: list[int]) -> dict[int, float]:
    start = math.pi if len(ring) == 2 else -math.pi / 2
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
