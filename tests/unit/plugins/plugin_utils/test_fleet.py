# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading fleet documents: shape errors with their path, bad values as problems."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Fleet

from .fleets import Document, fleet, host, interface, key, mesh, pair, peer


def changed(path: t.Sequence[t.Any], value: t.Any) -> Document:
    """The pair with one value replaced."""
    document = pair()
    place: t.Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


STACK = ("hosts", "a", "namespaces", "")
INTERFACE = ("hosts", "a", "interfaces", 0)
PEER = (*INTERFACE, "peers", 0)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("hosts",), None, "hosts: is missing"),
        (("hosts",), [], "hosts: must be a mapping, not a list"),
        (("version",), 2, "version: 2 is a version that is not known"),
        (("hostz",), {}, "'hostz' is not a known key; did you mean 'hosts'?"),
        (("hosts", "a", "interfaces"), {}, "hosts.a.interfaces: must be a list, not a mapping"),
        (
            (*INTERFACE, "adresses"),
            [],
            "hosts.a.interfaces[0]: 'adresses' is not a known key; did you mean 'addresses'?",
        ),
        ((*INTERFACE, "name"), None, "hosts.a.interfaces[0]: has no name"),
        ((*INTERFACE, "mtu"), "1420", "hosts.a.interfaces[0].mtu: must be a whole number, not a text"),
        ((*INTERFACE, "mtu"), True, "hosts.a.interfaces[0].mtu: must be a whole number, not a boolean"),
        ((*INTERFACE, "peer_group"), "corp", "hosts.a.interfaces[0].peer_group: 'corp' is not one of peer_groups"),
        ((*INTERFACE, "fwmark"), "many", "hosts.a.interfaces[0].fwmark: 'many' is not a fwmark"),
        ((*INTERFACE, "routes"), "all", "hosts.a.interfaces[0].routes: 'all' is not auto, explicit or off"),
        (
            (*PEER, "allowed_ips"),
            "10.0.0.2/32",
            "hosts.a.interfaces[0].peers[0].allowed_ips: must be a list, not a text",
        ),
        ((*PEER, "allowed_ips"), [1], "hosts.a.interfaces[0].peers[0].allowed_ips[0]: must be a text, not a number"),
        (
            (*PEER, "allowed_ips_set"),
            "x",
            "hosts.a.interfaces[0].peers[0].allowed_ips_set: 'x' is not one of prefix_sets",
        ),
        ((*STACK, "forwarding"), True, "namespaces[''].forwarding: must be a mapping, not a boolean"),
        ((*STACK, "rp_filter"), {"wg0": 3}, "rp_filter.wg0: 3 is not 0, 1 or 2; 0 off, 1 strict, 2 loose"),
        ((*STACK, "routes"), [{"device": "wg0"}], "routes[0]: has no destination"),
        ((*STACK, "routes"), [{"destination": "10.0.0.0/8"}], "routes[0]: names no device"),
        (
            (*STACK, "routes"),
            [{"destination": "10.0.0.0/8", "type": "static"}],
            "routes[0].type: 'static' is not a route type",
        ),
        ((*STACK, "rules"), [{"table": "x"}], "rules[0]: has no priority"),
        (("networks",), {"corp": {"expect": [{"from": {"host": "z"}, "to": {"host": "a"}}]}}, "'z' is not a host of"),
        (("networks",), {"corp": {"expect": [{"from": {"host": "a"}}]}}, "networks.corp.expect[0]: has no 'to'"),
        (("networks",), {"corp": {"expect": [{"from": {"group": "g"}, "to": {"host": "a"}}]}}, "knows no groups"),
    ],
)
def test_a_wrong_shape_is_an_error_with_its_path(path: t.Sequence[t.Any], value: t.Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_fleet(changed(path, value))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ((*INTERFACE, "public_key"), "short", "WG101"),
        ((*INTERFACE, "public_key"), "A" * 43 + "=", "WG101"),
        ((*PEER, "public_key"), key("b")[:-2] + "B=", "WG101"),
        ((*PEER, "allowed_ips"), ["10.0.0.2/33"], "WG206"),
        ((*PEER, "allowed_ips"), ["10.0.0.2/+8"], "WG206"),
        ((*PEER, "allowed_ips"), ["10.0.0.2/24"], "WG205"),
        ((*PEER, "allowed_ips"), ["::ffff:10.0.0.2/128"], "WG211"),
        ((*PEER, "endpoint"), "b.example.net", "WG206"),
        ((*PEER, "endpoint"), "b.example.net:70000", "WG206"),
        ((*PEER, "endpoint"), "2001:db8::1:51820", "WG206"),
        ((*PEER, "persistent_keepalive"), 70000, "WG206"),
        ((*INTERFACE, "addresses"), ["10.0.0.1%eth0"], "WG206"),
        ((*INTERFACE, "listen_port"), -1, "WG206"),
        ((*STACK, "routes"), [{"destination": "default", "device": "eth0"}], "WG206"),
        ((*STACK, "routes"), [{"destination": "0.0.0.0/0", "gateway": "192.0.2.1"}], "WG206"),
        ((*STACK, "rules"), [{"priority": 1, "from": "10.0.0.0/8", "to": "::/0"}], "WG206"),
        ((*STACK, "rules"), [{"priority": -1, "table": 200}], "WG206"),
        ((*STACK, "rules"), [{"priority": 1 << 32, "table": 200}], "WG206"),
        ((*STACK, "rules"), [{"priority": 1, "suppress_prefixlength": 1 << 32}], "WG206"),
        # More than 4,300 digits, which Python refuses to write; YAML takes them as 0xfff...
        pytest.param((*STACK, "rules"), [{"priority": 1 << 20_000}], "WG206", id="a huge priority"),
        pytest.param((*INTERFACE, "mtu"), 1 << 20_000, "WG206", id="a huge mtu"),
        pytest.param((*PEER, "persistent_keepalive"), 1 << 20_000, "WG206", id="a huge keepalive"),
        ((*STACK, "advertise"), ["10.0.0"], "WG206"),
    ],
)
def test_a_bad_value_is_a_problem_and_the_rest_is_read(path: t.Sequence[t.Any], value: t.Any, rule: str) -> None:
    found = parse_fleet(changed(path, value))
    assert [problem.rule for problem in found.problems] == [rule]
    assert found.problems[0].host == "a"
    assert "b" in found.hosts


def test_the_text_of_a_bad_key_is_never_repeated() -> None:
    secret = "GB4mX5B0f1Y8Q2n3cV7sK9tR6wE1uI0oP5aL8dF2gHx="
    found = parse_fleet(changed((*PEER, "public_key"), secret))
    assert secret not in str(found.problems)
    assert found.problems[0].peer == "b"


def test_a_plan_stands_for_its_fleet() -> None:
    assert list(parse_fleet({"version": 1, "fleet": pair(), "findings": []}).hosts) == ["a", "b"]


def test_shared_rows_are_read_once_and_problems_in_them_have_a_host() -> None:
    document = mesh(3)
    document["peer_groups"]["corp"][1]["allowed_ips"].append("10.9.0.1/16")
    found = parse_fleet(document)
    assert len(found.peer_groups["corp"]) == 3
    assert [(problem.rule, problem.host, problem.peer) for problem in found.problems] == [("WG205", "h0000", "h0001")]


def test_tables_and_the_device_of_a_gateway_are_resolved() -> None:
    document = fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32")),
            addresses={"eth0": ["192.0.2.10/24"]},
            routes=[{"destination": "0.0.0.0/0", "gateway": "192.0.2.1", "table": 254}],
            rules=[{"priority": 5, "table": 255, "fwmark": "0x10/0xf0"}],
        )
    )
    stack = parse_fleet(document).hosts["a"].stacks[""]
    assert (stack.routes[0].device, stack.routes[0].table) == ("eth0", "main")
    assert (stack.rules[0].table, stack.rules[0].fwmark) == ("local", (0x10, 0xF0))


def test_parsing_changes_nothing_in_the_document() -> None:
    document = mesh(2)
    before = str(document)
    parse_fleet(document)
    assert str(document) == before


JUNK = [
    None,
    True,
    -1,
    2**40,
    "",
    "x",
    "10.0.0.0/8",
    "::/0",
    [],
    ["x"],
    [None],
    [[]],
    {},
    {"x": 1},
    [{}],
    [{"name": 1}],
]


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    """Every place in a document."""
    steps: t.Iterable[t.Any] = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for step in steps:
        yield (*path, step)
        yield from places(value[step], (*path, step))


def read(document: Document) -> tuple[Fleet | None, str]:
    """The fleet, or the path of what is wrong with the document."""
    try:
        return parse_fleet(document), ""
    except InvalidInput as error:
        return None, error.path


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_anywhere_is_a_finding_or_an_error_with_a_path_but_never_a_crash(junk: t.Any) -> None:
    document = mesh(2)
    document["hosts"]["h0000"]["namespaces"][""].update(
        rules=[{"priority": 1, "from": "10.0.0.0/8", "to": None, "iif": "wg0", "fwmark": 1, "table": "x"}],
        rp_filter={"wg0": 1},
        masquerade=["eth0"],
    )
    document["networks"] = {"corp": {"pool": [], "expect": [{"from": {"host": "h0000"}, "to": {"host": "h0001"}}]}}
    for path in places(document):
        broken = copy.deepcopy(document)
        place: t.Any = broken
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = junk
        found, wrong = read(broken)
        assert found is not None or wrong
        if found is not None:
            _rules.check(found)
