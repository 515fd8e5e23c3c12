# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of wg-quick(8): read as wg-quick and wg read it, written so that it reads the same again."""

from __future__ import annotations

import base64
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick import parse
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_arguments import from_document, to_document
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wg_quick_text import render, render_stripped

A = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
B = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
SECRET = "QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEA="


def read(text: str) -> dict[str, t.Any]:
    return to_document(parse(text))


def keys() -> st.SearchStrategy[str]:
    return st.binary(min_size=32, max_size=32).filter(any).map(lambda raw: base64.b64encode(raw).decode())


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="#"), min_size=1).filter(
        lambda text: text.strip() == text
    )


def addresses() -> st.SearchStrategy[str]:
    four = st.tuples(st.ip_addresses(v=4), st.integers(0, 32))
    six = st.tuples(st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None), st.integers(0, 128))
    return st.one_of(four, six).map(lambda pair: f"{pair[0]}/{pair[1]}")


PEER = st.fixed_dictionaries(
    {"public_key": keys(), "allowed_ips": st.lists(addresses(), max_size=4)},
    optional={
        "name": st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
        "preshared_key": keys(),
        "endpoint": st.sampled_from(["192.0.2.1:51820", "[2001:db8::1]:1", "fra1.example.net:65535"]),
        "persistent_keepalive": st.integers(0, 65535),
    },
)
ARGUMENTS = st.fixed_dictionaries(
    {
        "addresses": st.lists(addresses(), max_size=4),
        "peers": st.lists(PEER, max_size=4, unique_by=lambda peer: peer["public_key"]),
    },
    optional={
        "private_key": keys(),
        "listen_port": st.integers(0, 65535),
        "fwmark": st.integers(0, 2**32 - 1).map(hex),
        "mtu": st.integers(576, 65535),
        "table": st.integers(1, 2**32 - 1).filter(lambda number: number not in (254, 51820)).map(str),
        "routing": st.sampled_from(["off", "auto"]),
    },
)
DOCUMENT = st.fixed_dictionaries(
    {"interface": ARGUMENTS},
    optional={
        "dns": st.lists(st.sampled_from(["1.1.1.1", "2001:db8::53", "corp.example"]), max_size=3),
        "hooks": st.dictionaries(
            st.sampled_from(["pre_up", "post_up", "pre_down", "post_down"]), st.lists(texts(), min_size=1), max_size=4
        ),
        "save_config": st.booleans(),
        "comments": st.fixed_dictionaries({"interface": st.lists(texts().map(lambda text: f"# {text}"), max_size=2)}),
    },
)


@given(DOCUMENT)
def test_what_is_written_is_read_again(document: dict[str, t.Any]) -> None:
    file = from_document(document)
    again = parse(render(file))
    assert again.unknown == ()
    assert render(again) == render(file)
    assert render(from_document(to_document(again))) == render(again)
    assert [peer.name for peer in again.peers] == [peer.name for peer in file.peers]


@given(DOCUMENT)
def test_the_stripped_text_holds_just_what_wg_knows(document: dict[str, t.Any]) -> None:
    file = from_document(document)
    again = parse(render_stripped(file))
    assert (again.addresses, again.dns, again.hooks, again.table, again.mtu) == ((), (), {}, None, None)
    assert (again.private_key, again.listen_port) == (file.private_key, file.listen_port)
    assert [(p.public_key, p.allowed_ips, p.endpoint) for p in again.peers] == [
        (p.public_key, p.allowed_ips, p.endpoint) for p in file.peers
    ]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except InvalidInput as error:
        assert error.path.startswith("line ") or "peer of line" in error.reason  # noqa: PT017


def test_words_in_any_case_lists_over_several_lines_and_the_last_of_a_single_one() -> None:
    document = read(
        f"""
        [interface]
        privatekey={SECRET}
        LISTENPORT = 1
        ListenPort = 51820
        Address = 10.0.0.1/24, fd00::1
        Address = 10.1.0.1
        dns = 10.0.0.53, corp.example
        SaveConfig = TRUE
        [PEER]
        PublicKey = {A}
        allowedips = 10.0.0.2/32 , 10.2.0.9/16
        AllowedIPs = +fd00::2/128
        PersistentKeepalive = off
        """
    )
    interface = document["interface"]
    assert interface["listen_port"] == 51820
    assert interface["addresses"] == ["10.0.0.1/24", "fd00::1/128", "10.1.0.1/32"]
    assert interface["peers"] == [
        {"public_key": A, "persistent_keepalive": 0, "allowed_ips": ["10.0.0.2/32", "10.2.0.0/16", "fd00::2/128"]}
    ]
    assert document["dns"] == ["10.0.0.53", "corp.example"]
    assert document["save_config"] is True
    assert document["unknown"] == []


def test_a_mark_of_a_comment_ends_a_command_as_in_wg_quick() -> None:
    document = read("[Interface]\nPostUp = echo one # two\nPostUp = echo %i\n")
    assert document["hooks"] == {"post_up": ["echo one", "echo %i"]}
    assert document["comments"]["interface"] == ["# two"]


@pytest.mark.parametrize(
    "comment",
    ["# Name = anna", "#name: anna", "# friendly_name=anna", "### Client anna", "# BEGIN_PEER anna", "# anna"],
)
def test_names_from_comments_above_and_inside(comment: str) -> None:
    above = f"[Interface]\n\n{comment}\n[Peer]\nPublicKey = {A}\n"
    inside = (
        f"[Interface]\n[Peer]\n{comment}\nPublicKey = {A}\n# END_PEER anna\n# BEGIN_PEER other\n[Peer]\nPublicKey = {B}"
    )
    assert read(above)["interface"]["peers"][0]["name"] == "anna"
    names = [peer.get("name") for peer in read(inside)["interface"]["peers"]]
    assert names[1] == "other"
    assert names[0] == "anna" or comment == "# anna", "with two comments neither is surely the name"


def test_a_comment_with_an_empty_line_behind_it_belongs_to_what_is_above() -> None:
    document = read(f"[Interface]\n# of the interface\n\n# anna\n[Peer]\nPublicKey = {A} # her phone\n")
    assert document["comments"] == {"interface": ["# of the interface"], "peers": {A: ["# anna", "# her phone"]}}


def test_a_key_in_a_comment_is_no_name() -> None:
    assert "name" not in read(f"[Peer]\n# {SECRET}\nPublicKey = {A}\n")["interface"]["peers"][0]


def test_unknown_words_are_listed_with_their_place() -> None:
    document = read(f"[Interface]\nJc = 4\n[Peer]\nPublicKey = {A}\nAddress = 10.0.0.1\n")
    assert document["unknown"] == [
        {"line": 2, "section": "Interface", "key": "Jc"},
        {"line": 5, "section": "Peer", "key": "Address"},
    ]


@pytest.mark.parametrize(
    ("table", "expected"),
    [("off", {"routing": "off"}), ("1234", {"table": "1234"}), ("auto", {}), ("main", {"table": "254"})],
)
def test_tables(table: str, expected: dict[str, str]) -> None:
    interface = read(f"[Interface]\nTable = {table}\n[Peer]\nPublicKey = {A}\nAllowedIPs = 10.0.0.0/8\n")["interface"]
    assert {name: interface[name] for name in ("routing", "table") if name in interface} == expected


@pytest.mark.parametrize("mark", [None, 0, 0x77])
def test_a_default_route_becomes_a_full_tunnel_and_back(mark: int | None) -> None:
    line = "" if mark is None else f"FwMark = {mark:#x}\n"
    text = f"[Interface]\n{line}Address = 10.0.0.2/32\n\n[Peer]\nPublicKey = {A}\nAllowedIPs = 0.0.0.0/0, ::/0\n"
    interface = read(text)["interface"]
    assert interface["full_tunnel"] is True
    assert interface.get("fwmark") == ("0x77" if mark else None)
    assert not {"table", "rules"} & set(interface)
    assert render(from_document({"interface": interface})).count("Table") == 0
    assert parse(render(from_document({"interface": interface}))).fwmark == (mark or None)
    declare({"name": "wg0", **interface})


@pytest.mark.parametrize("mark", [51820, 0x77])
def test_a_full_tunnel_that_is_declared_piece_by_piece_has_its_word_in_the_file_too(mark: int) -> None:
    interface = {
        "fwmark": f"{mark:#x}",
        "table": str(mark),
        "rules": [
            {"priority": 32764, "table": "main", "suppress_prefixlength": 0},
            {"priority": 32765, "fwmark": f"{mark:#x}", "invert": True, "table": str(mark)},
        ],
        "peers": [{"public_key": A, "allowed_ips": ["0.0.0.0/0"]}],
    }
    file = from_document({"interface": interface})
    assert (file.table, file.fwmark) == (None, None if mark == 51820 else mark)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rp_filter", {"wg0": "loose"}),
        ("masquerade", {"ipv4": ["eth0"]}),
        ("clamp_mss", True),
        ("open_port", "auto"),
    ],
)
def test_what_a_file_has_no_word_for_is_refused(option: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=option):
        from_document({option: value, "addresses": ["10.0.0.1/24"]})
    from_document({"masquerade": {}, "clamp_mss": False, "open_port": "off", "addresses": ["10.0.0.1/24"]})


def test_the_module_takes_what_is_read() -> None:
    text = (
        f"[Interface]\nPrivateKey = {SECRET}\nAddress = 10.0.0.1/24\n[Peer]\nPublicKey = {A}\nAllowedIPs = 10.0.0.2\n"
    )
    declared = declare({"name": "wg0", **read(text)["interface"]})
    assert [str(peer.public_key) for peer in declared.peers or ()] == [A]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("ListenPort = 65536", "line 2.ListenPort"),
        ("ListenPort = 5182O", "line 2.ListenPort"),
        ("FwMark = 0xfffffffff", "line 2.FwMark"),
        ("MTU = big", "line 2.MTU"),
        ("Table = 0", "line 2.Table"),
        ("Table = vpn", "line 2.Table"),
        ("Address = 10.0.0.1/33", "line 2.Address"),
        ("Address = 10.0.0", "line 2.Address"),
        ("SaveConfig = yes", "line 2.SaveConfig"),
        ("PrivateKey = abc", "line 2.PrivateKey"),
        ("just a word", "line 2"),
        ("[Peers]", "line 2"),
        (f"[Peer]\nPublicKey = {A}\nAllowedIPs = 10.0.0.0/8,,", "line 4.AllowedIPs"),
        (f"[Peer]\nPublicKey = {A}\nAllowedIPs = -10.0.0.0/8", "line 4.AllowedIPs"),
        (f"[Peer]\nPublicKey = {A}\nAllowedIPs = ::ffff:10.0.0.0/104", "line 4.AllowedIPs"),
        (f"[Peer]\nPublicKey = {A}\nEndpoint = 192.0.2.1", "line 4.Endpoint"),
        (f"[Peer]\nPublicKey = {A}\nPersistentKeepalive = 65536", "line 4.PersistentKeepalive"),
        (f"[Peer]\nPublicKey = {A[:-2]}=", "line 3.PublicKey"),
    ],
)
def test_refused_with_the_line(line: str, place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(f"[Interface]\n{line}\n")
    assert caught.value.path == place


def test_a_peer_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidInput, match="peer of line 2 has no PublicKey"):
        parse("[Interface]\n[Peer]\nAllowedIPs = 10.0.0.0/8\n")


def test_no_error_shows_a_key() -> None:
    for text in (f"[Interface]\nPrivateKey = {SECRET[:-1]}A\n", f"[Interface]\n{SECRET}\n", f"{SECRET} = 1"):
        try:
            said = str(parse(text))
        except InvalidInput as error:
            said = str(error)
        assert SECRET[:30] not in said


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"addresses": ["10.0.0.1/33"]}, "addresses[0]"),
        ({"peers": [{"public_key": "x"}]}, "peers[0].public_key"),
        ({"peers": [{}]}, "peers[0].public_key"),
        ({"peers": [{"public_key": A, "endpoint": "host"}]}, "peers[0].endpoint"),
        ({"adresses": []}, "adresses"),
        ({"metric": 5}, "metric"),
        ({"forwarding": {"ipv4": True}}, "forwarding"),
        ({"routes": [{"destination": "10.0.0.0/8"}]}, "routes"),
        ({"rules": [{"priority": 5, "table": "7"}]}, "rules"),
        ({"state": "absent"}, "state"),
        ({"interface": {}, "hooks": {"post_up": ["a\nb"]}}, "hooks.post_up[0]"),
        ({"interface": {}, "hooks": {"post_up": ["a # b"]}}, "hooks.post_up[0]"),
        ({"interface": {}, "hooks": {"up": ["a"]}}, "up"),
        ({"interface": {}, "hooks": ["a"]}, "hooks"),
        ({"interface": {}, "dns": "1.1.1.1"}, "dns"),
        ({"interface": {}, "save_config": "yes"}, "save_config"),
        ({"interface": {}, "comments": {"interface": ["a\n[Peer]"]}}, "comments.interface[0]"),
        ({"interface": [], "dns": []}, "interface"),
        ({"interface": {}, "dsn": []}, "dsn"),
    ],
)
def test_what_the_file_cannot_say_is_refused(document: dict[str, t.Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_document(document)
    assert caught.value.path == path


def test_a_name_cannot_begin_a_line_of_its_own() -> None:
    with pytest.raises(InvalidInput) as caught:
        from_document({"peers": [{"public_key": A, "name": "anna\n[Interface]"}]})
    assert caught.value.path == "peers[0].name"


def test_a_key_that_stays_in_its_file_is_set_by_a_command() -> None:
    document = {"interface": {"private_key_file": "/etc/wireguard/wg0.key"}, "hooks": {"post_up": ["echo up"]}}
    file = from_document(document)
    assert file.hooks == {"PostUp": ("wg set %i private-key /etc/wireguard/wg0.key", "echo up")}
    assert "PrivateKey" not in render(file)
