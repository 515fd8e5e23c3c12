# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set algebra on lists of prefixes, against netaddr and ipaddress as independent oracles, both families at once."""

from __future__ import annotations

import ipaddress
import itertools

import netaddr
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _prefix_lists

BITS = {4: 32, 6: 128}
KINDS = {4: ipaddress.IPv4Network, 6: ipaddress.IPv6Network}
# RFC 1918, 4193, 6598, 3927, 4291 and 5771, written down a second time.
NAMED = {
    "private": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
    "cgnat": ["100.64.0.0/10"],
    "link_local": ["169.254.0.0/16", "fe80::/10"],
    "multicast": ["224.0.0.0/4", "ff00::/8"],
}


def network(family: int, number: int, length: int) -> str:
    unused = BITS[family] - length
    return str(KINDS[family]((number >> unused << unused, length)))


def mapped(text: str) -> bool:
    """IPv4-mapped texts are refused as input; only their supernets are a part of the IPv6 space."""
    one = ipaddress.ip_network(text)
    return one.version == 6 and int(one.network_address) >> 32 == 0xFFFF


def numbers(family: int) -> st.SearchStrategy[int]:
    """Anywhere, and crowded at both ends of the space, where 0 and 2^32 or 2^128 are boundaries."""
    top = 2 ** BITS[family] - 1
    return st.integers(0, top) | st.integers(0, 64) | st.integers(top - 64, top)


PREFIXES = st.sampled_from((4, 6)).flatmap(
    lambda family: st.builds(
        network,
        st.just(family),
        numbers(family),
        st.integers(BITS[family] - 7, BITS[family]) | st.integers(0, BITS[family]) | st.integers(0, 2),
    )
)
LISTS = st.lists(PREFIXES.filter(lambda text: not mapped(text)), max_size=9)
ENTRIES = st.lists(PREFIXES.filter(lambda text: not mapped(text)) | st.sampled_from(sorted(NAMED)), max_size=6)


def expanded(entries: list[str]) -> list[str]:
    return [text for entry in entries for text in NAMED.get(entry, [entry])]


def same_text(cidrs: object) -> list[str]:
    """Libraries differ in how they write ::0.2.0.0."""
    networks = [ipaddress.ip_network(str(one)) for one in cidrs]  # type: ignore[attr-defined]
    return [str(one) for one in sorted(networks, key=lambda one: (one.version, one))]


def without(wanted: list[str], unwanted: list[str]) -> list[str]:
    """The difference by ``ipaddress`` alone: one exclusion after the other."""
    left = [ipaddress.ip_network(text) for text in wanted]
    for text in unwanted:
        hole = ipaddress.ip_network(text)
        kept: list = []
        for one in left:
            if one.version != hole.version or not one.overlaps(hole):
                kept.append(one)
            elif one.supernet_of(hole) and one != hole:
                kept += one.address_exclude(hole)
        left = kept
    parts = [[one for one in left if one.version == version] for version in (4, 6)]
    return [str(one) for part in parts for one in ipaddress.collapse_addresses(part)]


@given(ENTRIES, ENTRIES)
@example(["0.0.0.0/0", "::/0"], ["0.0.0.0/32", "255.255.255.255/32", "::/128"])
@example(["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"], [])
def test_union_and_difference_are_those_of_both_libraries(one: list[str], other: list[str]) -> None:
    left, right = expanded(one), expanded(other)
    both = _prefix_lists.union({"prefixes": one, "others[0]": other})
    assert same_text(both) == same_text((netaddr.IPSet(left) | netaddr.IPSet(right)).iter_cidrs())
    assert same_text(both) == without(left + right, [])
    rest = _prefix_lists.subtract(one, other)
    assert same_text(rest) == same_text((netaddr.IPSet(left) - netaddr.IPSet(right)).iter_cidrs())
    assert same_text(rest) == without(left, right)
    assert _prefix_lists.allowed_ips(one, other) == rest


@given(ENTRIES, ENTRIES, ENTRIES)
def test_the_laws_of_sets_hold(one: list[str], other: list[str], third: list[str]) -> None:
    subtract = _prefix_lists.subtract

    def union(*lists: list[str]) -> list[str]:
        return _prefix_lists.union({f"others[{index}]": entries for index, entries in enumerate(lists)})

    assert union(one, other, third) == union(third, union(other, one), one)
    assert subtract(subtract(one, other), third) == subtract(one, other + third)
    assert union(subtract(one, other), other) == union(one, other)
    assert subtract(one, one) == []
    assert _prefix_lists.overlaps(subtract(one, other), other) == []
    minimal = union(one)
    assert union(minimal) == minimal
    assert _prefix_lists.overlaps(minimal) == []


@given(LISTS, LISTS)
@example(["0.0.0.0/0", "0.0.0.0/0"], ["255.255.255.255/32", "0.0.0.0/0"])
def test_overlaps_are_the_pairs_that_ipaddress_finds(one: list[str], other: list[str]) -> None:
    left, right = ([ipaddress.ip_network(text) for text in texts] for texts in (one, other))
    between = {(a, b) for a in left for b in right if a.version == b.version and a.overlaps(b)}
    assert found(_prefix_lists.overlaps(one, other)) == between
    within = set()
    for a, b in itertools.combinations(left, 2):
        if a.version == b.version and a.overlaps(b):
            within.add((a, b) if a.prefixlen <= b.prefixlen else (b, a))
    assert found(_prefix_lists.overlaps(one)) == within


def found(pairs: list[_prefix_lists.Overlap]) -> set:
    assert pairs == sorted(pairs)
    assert len(set(pairs)) == len(pairs)
    for pair in pairs:
        shared = netaddr.IPSet([str(pair.one)]) & netaddr.IPSet([str(pair.other)])
        assert same_text(shared.iter_cidrs()) == same_text([pair.common])
    return {(ipaddress.ip_network(str(pair.one)), ipaddress.ip_network(str(pair.other))) for pair in pairs}


def test_many_prefixes_in_one_are_as_many_pairs() -> None:
    """Distinct prefixes nest at most as deep as an address is long; the same one a thousand times is one pair."""
    many = [f"10.{high}.{low}.0/24" for high in range(16) for low in range(256)]
    assert len(_prefix_lists.overlaps([*many, "10.0.0.0/8"])) == len(many)
    assert len(_prefix_lists.overlaps(["10.0.0.0/8"] * 5000, ["10.0.0.0/8"] * 5000)) == 1


def test_everything_but_private_networks_excludes_exactly_them() -> None:
    result = _prefix_lists.allowed_ips(["0.0.0.0/0", "::/0"], ["private"])
    left = netaddr.IPSet(result)
    assert netaddr.IPAddress("10.1.2.3") not in left
    assert netaddr.IPAddress("fd00::1") not in left
    assert netaddr.IPAddress("172.15.255.255") in left
    assert netaddr.IPAddress("2001:db8::1") in left
    assert left.size == 2**32 + 2**128 - 2**24 - 2**20 - 2**16 - 2**121


@pytest.mark.parametrize("name", NAMED)
def test_a_named_set_is_its_rfc(name: str) -> None:
    assert _prefix_lists.allowed_ips([name]) == NAMED[name]
    assert _prefix_lists.allowed_ips(NAMED[name], [name]) == []


def test_lan_and_endpoints_stand_for_what_is_passed() -> None:
    assert _prefix_lists.allowed_ips(["lan"], ["endpoints"], lan=["192.168.1.0/30"], endpoints=["192.168.1.2"]) == [
        "192.168.1.0/31",
        "192.168.1.3/32",
    ]


@pytest.mark.parametrize(
    ("include", "exclude", "words"),
    [
        (["10.0.0.1/24"], [], "include[0]: '10.0.0.1/24' has host bits set; write 10.0.0.0/24"),
        (
            ["10.0.0.0/8"],
            ["privat"],
            "exclude[0]: 'privat' is neither a prefix nor a named set; the named sets are cgnat",
        ),
        (["10.0.0.0/8"], ["lan"], "exclude[0]: 'lan' names a set that was not given; pass lan=[...]"),
        ([7], [], "include[0]: 7 is not an address"),
    ],
)
def test_a_bad_entry_is_named_with_its_path(include: list[str], exclude: list[str], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _prefix_lists.allowed_ips(include, exclude)
    assert words in str(caught.value)


def test_the_algebra_has_no_sets_that_are_given_elsewhere() -> None:
    with pytest.raises(InvalidInput) as caught:
        _prefix_lists.subtract(["10.0.0.0/8"], ["lan"])
    sets = "the named sets are cgnat, link_local, multicast, private"
    assert str(caught.value) == f"remove[0]: 'lan' is neither a prefix nor a named set; {sets}"
