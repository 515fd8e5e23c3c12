# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule on the examples of its page, and the finer points of each."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _rules
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet

from .fleets import AUTO, Document, fleet, gateway, host, interface, key, mesh, pair, peer, star

DOCS = pathlib.Path(__file__).resolve().parents[4] / "docs" / "rules"
SPEC = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
assert SPEC is not None
assert SPEC.loader is not None
GENERATE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(GENERATE)
PAGES = GENERATE.read_pages()
WANTED = (
    "001 002 003 101 102 103 104 105 106 107 108 109 201 202 203 204 205 206 207 208 209 210 211 212 "
    "301 302 303 304 305 306 307 308 309 310 311 312 315 316 401 402 403 404 405 "
    "501 502 503 504 505 506 507 508 509 510 601 602 603 604 605 607 608 609 "
    "701 702 703 704 705 801 802 804 901 902 903 905 906"
)


def check(document: Document, previous: Document | None = None) -> list[dict[str, t.Any]]:
    return _rules.check(parse_fleet(document), None if previous is None else parse_fleet(previous))


def found(document: Document, rule: str, previous: Document | None = None) -> list[dict[str, t.Any]]:
    return [finding for finding in check(document, previous) if finding["rule"] == rule]


def serious(document: Document) -> list[dict[str, t.Any]]:
    """Errors and warnings: the names in the endpoints of the fixtures are information (WG509)."""
    return [finding for finding in check(document) if finding["severity"] != "info"]


def example(rule: str, kind: str) -> Document:
    document: Document = yaml.safe_load(GENERATE.with_keys(PAGES[rule][kind]))
    return document


def example_before(rule: str, kind: str) -> Document | None:
    """The document before the change, for the rules that compare with one."""
    return example(rule, f"{kind}_previous") if f"{kind}_previous" in PAGES[rule] else None


def test_the_catalogue_holds_what_it_promises() -> None:
    ids = [rule.id for rule in _rules.CATALOGUE]
    assert ids == sorted(set(ids))
    assert [f"WG{number}" for number in WANTED.split()] == ids
    assert len({rule.name for rule in _rules.CATALOGUE}) == len(ids)


@pytest.mark.parametrize("rule", _rules.CATALOGUE, ids=lambda rule: rule.id)
def test_the_bad_example_is_found(rule: t.Any) -> None:
    findings = found(example(rule.id, "bad"), rule.id, example_before(rule.id, "bad"))
    assert findings
    assert findings[0]["severity"] == rule.severity
    assert findings[0]["name"] == rule.name
    assert all(finding["message"] and finding["hint"] for finding in findings)


@pytest.mark.parametrize("rule", _rules.CATALOGUE, ids=lambda rule: rule.id)
def test_the_good_example_is_clean(rule: t.Any) -> None:
    document, previous = example(rule.id, "good"), example_before(rule.id, "good")
    assert [finding for finding in check(document, previous) if finding["severity"] != "info"] == []
    assert found(document, rule.id, previous) == []


def test_the_pages_are_up_to_date() -> None:
    for name, text in GENERATE.wanted().items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"run docs/rules/generate.py ({name})"


@pytest.mark.parametrize("document", [pair(), star(), gateway(), mesh(4)])
def test_a_fleet_in_order_has_no_finding(document: Document) -> None:
    assert serious(document) == []


def test_findings_are_sorted_plain_and_the_same_every_time() -> None:
    findings = check(example("WG208", "bad"))
    assert json.dumps(findings) == json.dumps(check(example("WG208", "bad")))
    ranks = ["error", "warning", "info"]
    order = [ranks.index(finding["severity"]) for finding in findings]
    assert order == sorted(order)
    assert set(findings[0]) == {
        "rule", "name", "severity", "host", "namespace", "interface", "peer", "prefixes", "message", "hint", "witness",
    }  # fmt: skip


def test_a_witness_is_a_packet_that_shows_the_finding() -> None:
    from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._trace import trace

    document = example("WG305", "bad")
    (finding,) = found(document, "WG305")
    traced = trace(parse_fleet(document), **finding["witness"])
    assert traced["outcome"] == "not_forwarded"


def test_a_stolen_prefix_names_both_owners_and_the_winner() -> None:
    document = star()
    document["hosts"]["a"]["interfaces"][0]["peers"][1]["allowed_ips"].append("10.0.0.2/32")
    (finding,) = found(document, "WG201")
    assert (finding["host"], finding["interface"], finding["prefixes"]) == ("a", "wg0", ["10.0.0.2/32"])
    assert "given to b and c" in finding["message"]
    assert "c wins" in finding["message"]


def test_a_stolen_prefix_in_a_peer_group_is_told_once() -> None:
    document = mesh(5)
    document["peer_groups"]["corp"][3]["allowed_ips"].append("10.77.0.2/32")
    (finding,) = found(document, "WG201")
    assert "h0001 and h0003" in finding["message"]
    assert finding["host"] == "h0000"


def test_masked_twins_are_the_same_prefix() -> None:
    document = star()
    peers = document["hosts"]["a"]["interfaces"][0]["peers"]
    peers[0]["allowed_ips"].append("10.9.0.0/24")
    peers[1]["allowed_ips"].append("10.9.0.77/24")
    assert len(found(document, "WG201")) == 1
    assert len(found(document, "WG205")) == 1


def test_a_nested_prefix_that_its_own_host_declares_is_information() -> None:
    document = gateway()
    document["hosts"]["c"] = star()["hosts"]["c"]
    document["hosts"]["c"]["interfaces"][0]["network"] = "other"
    document["hosts"]["a"]["interfaces"][0]["peers"].append(peer("c", "10.0.0.3/32", "192.168.0.0/16"))
    (finding,) = found(document, "WG202")
    assert (finding["severity"], finding["peer"], finding["prefixes"]) == ("info", "b", ["192.168.7.0/24"])


def test_what_lies_inside_a_default_route_is_no_finding() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"] += [
        peer("exit", "0.0.0.0/0", managed=False),
        peer("phone", "10.0.0.9/32", endpoint=None, managed=False),
    ]
    assert found(document, "WG202") == []


def test_routes_that_the_user_declared_off_make_a_missing_route_a_warning() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["peers"].append(peer("phone", "10.9.0.0/24", managed=False))
    stack = document["hosts"]["a"]["namespaces"][""]
    stack["routes"] = [{"destination": "10.0.0.2/32", "device": "wg0"}]
    assert [finding["severity"] for finding in found(document, "WG303")] == ["error"]
    document["hosts"]["a"]["interfaces"][0]["routes"] = "off"
    assert [finding["severity"] for finding in found(document, "WG303")] == ["warning"]


def test_a_route_by_a_policy_rule_counts_as_a_route() -> None:
    document = pair()
    document["hosts"]["a"]["namespaces"][""].update(
        routes=[{**AUTO, "table": "200"}], rules=[{"priority": 100, "from": "10.0.0.1/32", "table": "200"}]
    )
    assert serious(document) == []


def test_the_unassigned_rest_of_a_pool_is_information_and_an_owned_gap_an_error() -> None:
    document = star()
    for name in "abc":
        one = document["hosts"][name]["interfaces"][0]
        one["addresses"] = [one["addresses"][0].replace("/32", "/24")]
    assert {finding["severity"] for finding in found(document, "WG302")} == {"info"}
    document["hosts"]["b"]["interfaces"][0]["peers"][0]["allowed_ips"] = ["10.0.0.1/32"]
    errors = [finding for finding in found(document, "WG302") if finding["severity"] == "error"]
    assert [(finding["host"], finding["prefixes"]) for finding in errors] == [("b", ["10.0.0.3/32"])]
    assert "which c owns" in errors[0]["message"]


def test_all_blockers_of_one_flow_are_found_at_once() -> None:
    document = star()
    del document["hosts"]["a"]["namespaces"][""]["forwarding"]
    document["hosts"]["c"]["interfaces"][0]["peers"][0]["allowed_ips"] = ["10.0.0.1/32"]
    rules = {finding["rule"] for finding in check(document)}
    assert {"WG305", "WG304", "WG301", "WG001"} <= rules


def test_a_relay_without_forwarding_is_one_finding_per_family() -> None:
    document = star()
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        document["hosts"][name]["interfaces"][0]["addresses"].append(f"fd00::{number}/128")
    a, b, c = (document["hosts"][name]["interfaces"][0]["peers"] for name in "abc")
    a[0]["allowed_ips"].append("fd00::2/128")
    a[1]["allowed_ips"].append("fd00::3/128")
    b[0]["allowed_ips"] += ["fd00::1/128", "fd00::3/128"]
    c[0]["allowed_ips"] += ["fd00::1/128", "fd00::2/128"]
    (finding,) = found(document, "WG305")
    assert "IPv6" in finding["message"]
    document["hosts"]["a"]["namespaces"][""]["forwarding"] = {"ipv4": True, "ipv6": True}
    assert serious(document) == []


def test_a_missing_way_back_stands_at_the_host_that_lacks_it() -> None:
    (finding,) = found(example("WG306", "bad"), "WG306")
    assert finding["host"] == "b"
    assert finding["message"].startswith("a reaches b, but the reply")


def test_the_missing_peer_stands_at_the_host_that_has_to_add_it() -> None:
    document = pair()
    document["hosts"]["b"]["interfaces"][0]["peers"] = []
    (finding,) = found(document, "WG105")
    assert (finding["host"], finding["peer"]) == ("b", "a")


def test_a_stranger_in_a_peer_group_has_to_list_every_user() -> None:
    document = mesh(3)
    document["hosts"]["h0002"]["interfaces"][0].update(peer_group=None, peers=[peer("h0000", "10.77.0.1/32")])
    assert [(finding["host"], finding["peer"]) for finding in found(document, "WG105")] == [("h0002", "h0001")]


def test_hosts_without_endpoint_in_a_mesh_are_told_once_per_host() -> None:
    document = mesh(5)
    for number in (1, 2, 4):
        document["peer_groups"]["corp"][number]["endpoint"] = None
    findings = found(document, "WG501")
    assert [(finding["host"], finding["peer"]) for finding in findings] == [("h0001", "h0002"), ("h0002", "h0004")]


def test_ports_may_repeat_in_different_birth_namespaces() -> None:
    document = pair()
    first = document["hosts"]["a"]["interfaces"][0]
    first["listen_port"] = 51820
    second = interface("other", ["10.1.0.1/32"], name="wg1", network="lab", listen_port=51820)
    document["hosts"]["a"]["interfaces"].append({**second, "socket_namespace": "blue"})
    assert found(document, "WG507") == []
    document["hosts"]["a"]["interfaces"][1]["socket_namespace"] = ""
    assert len(found(document, "WG507")) == 1


def test_an_endpoint_through_another_tunnel_is_legal_and_a_circle_is_not() -> None:
    document = fleet(
        a=host(
            interface("a", ["10.0.0.1/32"], peer("b", "10.0.0.2/32", "192.0.2.3/32", endpoint="192.0.2.2:1")),
            interface(
                "a2", ["10.1.0.1/32"], peer("c", "10.1.0.3/32", endpoint="192.0.2.3:1"), name="wg1", network="lab"
            ),
            addresses={"eth0": ["198.51.100.1/24"]},
            routes=[
                {"destination": "0.0.0.0/0", "device": "eth0"},
                *({"destination": "allowed_ips", "device": device} for device in ("wg0", "wg1")),
            ],
        )
    )
    assert found(document, "WG402") == []
    document["hosts"]["a"]["interfaces"][1]["peers"][0]["allowed_ips"].append("192.0.2.2/32")
    assert [finding["peer"] for finding in found(document, "WG402")] == ["b", "c"]


def test_a_full_tunnel_with_a_mark_keeps_its_endpoint_outside() -> None:
    document = pair()
    one = document["hosts"]["a"]["interfaces"][0]
    one["peers"][0].update(allowed_ips=["0.0.0.0/0"], endpoint="192.0.2.2:51820")
    assert len(found(document, "WG402")) == 1
    one["fwmark"] = 51820
    document["hosts"]["a"]["namespaces"][""].update(
        addresses={"eth0": ["198.51.100.1/24"]},
        routes=[{"destination": "0.0.0.0/0", "device": "eth0"}, {**AUTO, "table": 51820}],
        rules=[{"priority": 100, "fwmark": 51820, "invert": True, "table": 51820}],
    )
    assert found(document, "WG402") == []


def test_a_birth_namespace_without_a_tunnel_is_never_its_own_tunnel() -> None:
    document = pair()
    one = document["hosts"]["a"]["interfaces"][0]
    one["peers"][0].update(allowed_ips=["0.0.0.0/0"], endpoint="192.0.2.2:51820")
    one["namespace"] = "blue"
    document["hosts"]["a"]["namespaces"]["blue"] = document["hosts"]["a"]["namespaces"].pop("")
    assert found(document, "WG402") == []


def test_networks_of_different_names_may_repeat_addresses() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"].append(
        interface("x", ["10.0.0.2/32"], name="wg1", network="lab", namespace="lab")
    )
    assert found(document, "WG601") == []
    document["hosts"]["a"]["interfaces"][1]["network"] = "corp"
    assert len(found(document, "WG601")) == 1


@pytest.mark.parametrize(
    ("name", "bad"),
    [("wg0", False), ("a" * 15, False), ("a" * 16, True), ("ü" * 8, True), ("wg 0", True), ("wg/0", True), (".", True)],
)
def test_interface_names(name: str, bad: bool) -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["name"] = name
    document["hosts"]["a"]["namespaces"][""]["routes"] = [{"destination": "allowed_ips", "device": name}]
    assert bool(found(document, "WG609")) == bad


def test_a_name_may_repeat_in_another_namespace_only() -> None:
    document = pair()
    document["hosts"]["a"]["interfaces"].append(interface("x", ["10.1.0.1/32"], network="lab", namespace="blue"))
    assert found(document, "WG609") == []
    document["hosts"]["a"]["interfaces"][1]["namespace"] = ""
    assert len(found(document, "WG609")) == 1


def test_no_finding_shows_the_text_of_a_bad_key() -> None:
    secret = key("private")[:-2] + "x="
    document = pair()
    document["hosts"]["a"]["interfaces"][0]["public_key"] = secret
    document["hosts"]["b"]["interfaces"][0]["peers"][0]["public_key"] = secret
    findings = check(document)
    assert {"WG101"} <= {finding["rule"] for finding in findings}
    assert secret[:20] not in json.dumps(findings)


def test_a_loop_is_found_whatever_the_sources() -> None:
    document = pair()
    for name in "ab":
        document["hosts"][name]["namespaces"][""]["forwarding"] = {"ipv4": True}
    for name in "ab":
        document["hosts"][name]["interfaces"][0]["peers"][0]["allowed_ips"] += ["10.8.0.0/15"]
    (finding,) = found(document, "WG401")
    assert finding["prefixes"] == ["10.8.0.0/15"]
    assert "a -> b -> a" in finding["message"]
    document["hosts"]["b"]["namespaces"][""]["forwarding"] = {"ipv4": False}
    assert found(document, "WG401") == []
