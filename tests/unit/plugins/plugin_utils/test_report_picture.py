# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import re
import typing as t

import pytest
from hypothesis import given, settings

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._layout import Layout, lay_out
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._lines import lines_between
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._report._picture import Node, Picture, draw
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    inventories,
    key,
    numbered,
    public_keys,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.reports import (
    PLANS,
    broken_mesh,
    mesh,
    plan_of,
)

# A node as the page draws it.
WIDTH, HEIGHT = 136, 42


def only(plan: t.Any) -> Picture:
    (picture,) = draw(plan)
    return picture


def names(picture: Picture) -> set[frozenset[str]]:
    return {frozenset(picture.nodes[position].name for position in link) for link in picture.links}


def test_hosts_links_and_outside_peers_are_drawn() -> None:
    picture = only(PLANS["two-hubs"])
    assert {"fra1", "nyc1", "anna-phone"} <= {node.name for node in picture.nodes}
    assert frozenset(("fra1", "anna-phone")) in names(picture)
    kinds = {node.name: node.kind for node in picture.nodes}
    assert (kinds["fra1"], kinds["anna-phone"]) == ("host", "external")


def test_a_mesh_is_everybody_with_everybody_and_nobody_with_himself() -> None:
    picture = only(mesh(7))
    assert names(picture) == {frozenset(pair) for pair in itertools.combinations((f"h{n:04}" for n in range(7)), 2)}


def test_an_error_about_a_peer_marks_the_link_and_its_host() -> None:
    picture = only(PLANS["two-owners"])
    assert picture.troubled
    assert picture.troubled <= set(picture.links)
    assert {node.severity for node in picture.nodes} == {"error"}
    assert {node.severity for node in only(PLANS["proved"]).nodes} == {""}


def test_a_backup_is_a_line_of_its_own_kind() -> None:
    picture = only(PLANS["two-hubs"])
    backups = {frozenset(picture.nodes[position].name for position in link) for link in picture.standby}
    assert frozenset(("ams1", "nyc1")) in backups
    assert not {link for link in backups if "anna-phone" in link or link == {"fra1", "nyc1"}}
    assert only(mesh(4)).standby == frozenset()


def test_many_hosts_are_drawn_as_the_rows_of_the_table() -> None:
    picture = only(broken_mesh(80))
    assert [node.kind for node in picture.nodes] == ["group"]
    assert len(picture.nodes[0].hosts) == 80
    assert picture.links == ()


def test_peers_without_a_key_are_found_by_their_name() -> None:
    hostvars = fleet({}, {"a": {"addresses": ["10.0.0.1"]}, "b": {"addresses": ["10.0.0.2"]}})
    assert names(only(make_plan(hostvars, hostvars))) == {frozenset("ab")}


@pytest.mark.parametrize(
    "plan",
    [
        *PLANS.values(),
        *(mesh(size) for size in (2, 3, 12, 24)),
        plan_of(numbered(9), topology="links", links=[[f"h{n:04}", f"h{(n + 1) % 9:04}"] for n in range(9)]),
        plan_of(numbered(9), topology="links", links=[[f"h{n:04}", f"h{n + 1:04}"] for n in range(8)]),
        plan_of(numbered(22), topology="hub", hubs=["h0000"]),
        plan_of(numbered(22), topology="hub", hubs=["h0000", "h0001", "h0002"]),
    ],
)
def test_no_node_hides_another_and_all_are_inside(plan: t.Any) -> None:
    for picture in draw(plan):
        assert hidden(picture) == []


@given(inventories())
@settings(max_examples=60)
def test_the_same_of_any_network(inventory: t.Any) -> None:
    hostvars = fleet(*inventory)
    for picture in draw(make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))):
        assert hidden(picture) == []


@pytest.mark.parametrize("plan", ["two-hubs", "hub", "proved", "two-owners"])
def test_every_line_of_a_small_network_is_straight_and_can_be_seen(plan: str) -> None:
    for picture in draw(PLANS[plan]):
        layout = lay_out(picture)
        assert all("Q" not in path for path in lines_between(layout, picture.links))
        for one, other in picture.links:
            (ax, ay), (bx, by) = layout.points[one], layout.points[other]
            assert abs(ax - bx) > WIDTH + 30 or abs(ay - by) > HEIGHT + 20, "next to nothing is left of the line"


def test_the_ellipse_is_turned_until_no_line_passes_behind_a_node() -> None:
    # Two relays side by side: unturned, the first and the third of the four others would stand in a row with them.
    nodes = tuple(Node(name=name, kind="host") for name in ("left", "right", "a", "b", "c", "d"))
    links = ((0, 1), *((relay, spoke) for relay in (0, 1) for spoke in range(2, 6)))
    picture = Picture(network="corp", nodes=nodes, links=tuple(sorted(links)))
    points = lay_out(picture).points
    assert len({y for _x, y in points}) == 3
    assert points[0][1] == points[1][1]
    assert not {points[node][1] for node in range(2, 6)} & {points[0][1]}
    assert lay_out(picture) == lay_out(picture)


def test_peers_outside_are_one_node_where_hosts_are_many() -> None:
    hosts = numbered(40)
    peers = {f"p{n}": {"public_key": key(f"p{n}"), "addresses": [f"10.99.0.{n}"], "via": "h0000"} for n in range(3)}
    (picture,) = draw(plan_of(hosts, topology="hub", hubs=["h0000"], external_peers=peers))
    outside = picture.nodes[-1]
    assert (outside.name, outside.kind, outside.peers) == ("outside", "external", 3)


# a stands left, b in the middle, c right; d far below makes room.
ROW = Layout(700, 300, ((100, 60), (350, 60), (600, 60), (350, 260)))


def test_a_line_is_straight_where_nothing_stands_in_its_way() -> None:
    assert list(lines_between(ROW, [(0, 1), (0, 3)])) == ["M100 60L350 60", "M100 60L350 260"]


def test_a_line_goes_around_what_stands_in_its_way() -> None:
    (path,) = lines_between(ROW, [(0, 2)])
    control = re.fullmatch(r"M100 60Q350 (\d+) 600 60", path)
    assert control
    # Its own middle lies half as far aside as the control point: beyond the node, and not as far as d.
    assert 60 + HEIGHT / 2 < (60 + int(control[1])) / 2 < 260 - HEIGHT / 2


def test_a_line_that_could_only_go_around_outside_of_the_picture_stays_straight() -> None:
    flat = Layout(700, 60, ((100, 30), (350, 30), (600, 30)))
    assert list(lines_between(flat, [(0, 2)])) == ["M100 30L600 30"]


@given(inventories())
@settings(max_examples=40)
def test_no_line_of_any_network_leaves_the_picture(inventory: t.Any) -> None:
    hostvars = fleet(*inventory)
    for picture in draw(make_plan(hostvars, hostvars, public_keys=public_keys(hostvars))):
        layout = lay_out(picture)
        for path in lines_between(layout, picture.links):
            numbers = [int(number) for number in re.findall(r"-?\d+", path)]
            start, *control, end = zip(numbers[::2], numbers[1::2], strict=True)
            # The curve lies within its three points; its middle, halfway to the control point, is what sticks out most.
            for x, y in control:
                x, y = (x + (start[0] + end[0]) / 2) / 2, (y + (start[1] + end[1]) / 2) / 2
                assert 0 < x < layout.width
                assert 0 < y < layout.height


def test_many_relays_in_the_middle_do_not_hide_each_other() -> None:
    relays, spokes = range(7), range(7, 22)
    nodes = tuple(Node(name=f"n{number}", kind="host") for number in range(22))
    links = tuple((relay, spoke) for relay in relays for spoke in spokes)
    assert hidden(Picture(network="corp", nodes=nodes, links=links)) == []


def hidden(picture: Picture) -> list[str]:
    """Nodes that overlap or stick out."""
    layout = lay_out(picture)
    placed = list(zip(picture.nodes, layout.points, strict=True))
    found = [
        node.name
        for node, (x, y) in placed
        if not (WIDTH / 2 <= x <= layout.width - WIDTH / 2 and HEIGHT / 2 <= y <= layout.height - HEIGHT / 2)
    ]
    for (one, (ax, ay)), (other, (bx, by)) in itertools.combinations(placed, 2):
        if abs(ax - bx) < WIDTH and abs(ay - by) < HEIGHT:
            found.append(f"{one.name} and {other.name}")
    return found
