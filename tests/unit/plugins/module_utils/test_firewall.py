# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import stat

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _firewalld, _nftables, _ufw
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import marking, masquerading, ruleset

# What the programs answer is as ufw 0.36.2 and firewalld 1.3.3 do.
UFW = """#!/bin/sh
echo "$*" >> "$0.log"
case "$1" in
status) echo "Status: active" ;;
show) cat "$0.added" ;;
fail) echo "ERROR: Could not find rule" >&2; exit 1 ;;
esac
"""
ADDED = """Added user rules (see 'ufw status' for running firewall):
ufw allow 51820/udp comment 'cryptokey.wireguard wg0'
ufw allow 51821/udp
ufw allow 51822/tcp
ufw allow from 192.0.2.0/24 to any port 51823 proto udp
ufw deny 51824/udp
ufw limit 51825/udp
ufw allow log 51826/udp comment 'mine'
ufw reject log-all 51827/udp
"""
FIREWALLD = """#!/bin/sh
echo "$*" >> "$0.log"
case "$*" in
--get-default-zone) echo public ;;
"--permanent --zone=public --list-ports") echo "51820/udp 443/tcp" ;;
"--zone=public --list-ports") echo "51821/udp 51820/tcp 51830-51832/udp igmp" ;;
*add-port=1/udp) echo "Error: INVALID_ZONE: public" >&2; exit 112 ;;
*) echo success ;;
esac
"""


# A kernel without these options, as nft 1.0.6 tells of it; nothing else can be asked of it.
NFT = """#!/bin/sh
read -r commands
case "$commands" in
*%s*) echo "internal:0:0-0: Error: Could not process rule: %s" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    for name, text in (("ufw", UFW), ("firewall-cmd", FIREWALLD)):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "ufw.added").write_text(ADDED)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_ufw_is_asked_for_what_is_open_to_everybody(programs) -> None:
    assert _ufw.is_active()
    rules = _ufw.rules(_ufw.added(), range(51820, 51828))
    assert [port for port, rule in rules.items() if rule.lets_in] == [51820, 51821, 51825, 51826]
    assert [rules[port].comment for port in (51820, 51821, 51826)] == ["cryptokey.wireguard wg0", "", "mine"]
    assert [rule.text for rule in rules.values() if not rule.lets_in] == [
        "ufw deny 51824/udp",
        "ufw reject log-all 51827/udp",
    ]


def test_ufw_is_told_with_a_comment(programs) -> None:
    opening = Opening("", "ufw", "", 51820)
    _ufw.open_port(opening, "cryptokey.wireguard wg0")
    _ufw.close_port(opening, "cryptokey.wireguard wg0")
    log = (programs / "ufw.log").read_text().splitlines()
    assert log == ["allow 51820/udp comment cryptokey.wireguard wg0", "delete allow 51820/udp"]


def test_firewalld_is_told_permanently_and_at_run_time(programs) -> None:
    assert _firewalld.default_zone() == "public"
    assert _firewalld.opened([51820, 51821, 51829, 51830, 51831, 51833], ["public"]) == {
        ("permanent public", 51820): False,
        ("runtime public", 51821): False,
        ("runtime public", 51830): False,
        ("runtime public", 51831): True,
    }
    for kind in ("permanent", "runtime"):
        _firewalld.open_port(Opening("", "firewalld", f"{kind} public", 51820), "")
        _firewalld.close_port(Opening("", "firewalld", f"{kind} public", 51820), "")
    assert (programs / "firewall-cmd.log").read_text().splitlines()[-4:] == [
        "--permanent --zone=public --add-port=51820/udp",
        "--permanent --zone=public --remove-port=51820/udp",
        "--zone=public --add-port=51820/udp",
        "--zone=public --remove-port=51820/udp",
    ]


def test_what_a_program_refuses_is_told_in_its_words(programs) -> None:
    with pytest.raises(HostError, match="INVALID_ZONE"):
        _firewalld.open_port(Opening("", "firewalld", "runtime public", 1), "")


def test_a_kernel_that_cannot_tell_where_a_packet_came_in_is_too_old(monkeypatch) -> None:
    class Old:
        release = "5.4.0-1-amd64"

    monkeypatch.setattr(_nftables.os, "uname", lambda: Old)
    monkeypatch.setattr(_nftables._program, "find", lambda _name: "/usr/sbin/nft")
    assert "Linux 5.7" in _nftables.why_unavailable()
    Old.release = "6.1.0-13-amd64"
    assert _nftables.why_unavailable() == ""


@pytest.mark.parametrize(
    ("error", "option"),
    [
        ("No such file or directory", "(CONFIG_NFT_CT is not set)"),
        ("Operation not supported", "(CONFIG_NF_CONNTRACK_MARK is not set)"),
        ("Operation not permitted", ""),
    ],
)
def test_a_kernel_that_keeps_no_marks_is_told_by_its_option(programs, error, option) -> None:
    nft = programs / "nft"
    nft.write_text(NFT % ('\\"ct\\"', error))
    nft.chmod(0o755)
    assert _nftables.why_no_marks().endswith(option)
    assert bool(_nftables.why_no_marks()) is bool(option)
    nft.write_text(NFT % ("nothing-of-that-name", error))
    assert _nftables.why_no_marks() == ""


def test_a_table_that_the_kernel_refuses_names_the_options_that_it_takes(programs) -> None:
    nft = programs / "nft"
    nft.write_text(NFT % ("masquerade", "No such file or directory"))
    nft.chmod(0o755)
    _nftables.load("wg0", ruleset(marking("wg0", 7)))
    with pytest.raises(HostError) as caught:
        _nftables.load("wg0", ruleset([*masquerading("wg0", [(4, "eth0")]), *marking("wg0", 7)]))
    assert "cannot load the table cryptokey-wg0: internal:0:0-0: Error: Could not process rule" in str(caught.value)
    for option in ("CONFIG_NF_TABLES_INET", "CONFIG_NFT_MASQ", "CONFIG_NFT_CT", "CONFIG_NF_CONNTRACK_MARK"):
        assert option in str(caught.value)
    with pytest.raises(HostError) as caught:
        _nftables.load("wg0", ruleset(masquerading("wg0", [(4, "eth0")])))
    assert "CONFIG_NFT_CT" not in str(caught.value)
