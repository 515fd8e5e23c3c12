# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option open_port with the real ufw, and packets that get through it or do not."""

from __future__ import annotations

import pathlib
import re
import shutil
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.tests.systemd.filtered_host import (
    PORT,
    RECORD,
    FilteredHost,
    filtered_host,
    run,
)

FOLDER = pathlib.Path("/etc/ufw")
OPEN, CLOSE = f"open UDP port {PORT} in ufw", f"close UDP port {PORT} in ufw"


def rules() -> list[str]:
    return [line for line in run("ufw", "show", "added").splitlines() if line.startswith("ufw ")]


def everything() -> list[str]:
    """Its files, and what filters now, but for two rules of its own that it adds with the first deletion."""
    files = [f"{path.name}: {path.read_text(encoding='utf-8')}" for path in sorted(FOLDER.glob("user*.rules"))]
    lines = [line for command in ("iptables", "ip6tables") for line in run(command, "-S").splitlines()]
    return [*files, *(line for line in lines if "-user-limit" not in line)]


@pytest.fixture
def ufw(tmp_path) -> t.Iterator[None]:
    """It is active, with something of somebody else's in it. Afterwards all of it is as it was."""
    shutil.copytree(FOLDER, tmp_path / "saved")
    try:
        run("ufw", "--force", "enable")
        run("ufw", "allow", "22/tcp")
        run("ufw", "deny", "from", "203.0.113.0/24", "to", "any", "port", f"{PORT}", "proto", "udp")
        yield
    finally:
        run("ufw", "--force", "disable")
        shutil.rmtree(FOLDER)
        shutil.copytree(tmp_path / "saved", FOLDER)
        # It leaves the tables with chains that nothing leads to.
        run("nft", "flush", "ruleset")


@pytest.fixture
def host(ufw, tmp_path, packets) -> t.Iterator[FilteredHost]:
    with filtered_host(tmp_path, packets.sent) as made:
        made.declare()
        yield made


@pytest.fixture
def silent(ufw, tmp_path) -> t.Iterator[FilteredHost]:
    """The same where nothing is sent."""
    with filtered_host(tmp_path, lambda _count: None) as made:
        made.declare()
        yield made


def test_the_neighbour_gets_in_while_the_port_is_open_and_a_reload_keeps_it(host):
    before = everything()
    assert not host.reaches(), "ufw lets everything in, so that this shows nothing"
    assert host.converge(open_port="auto", check=True).changed
    assert everything() == before, "check mode has changed something"
    assert host.agreed(open_port="auto") == [OPEN, RECORD]
    assert f"ufw allow {PORT}/udp comment 'cryptokey.wireguard wg0'" in rules()
    assert host.reaches()
    run("ufw", "reload")
    assert host.agreed() == []
    assert host.reaches()
    moved = host.agreed(listen_port=51999)
    assert [action for action in moved if "UDP port" in action] == ["open UDP port 51999 in ufw", CLOSE]
    assert host.reaches(51999)
    assert host.agreed(open_port="off") == ["close UDP port 51999 in ufw", RECORD]
    assert everything() == before
    assert not host.reaches(51999)


def test_the_port_is_closed_with_the_interface(silent):
    before = everything()
    silent.settled(open_port="ufw")
    assert everything() != before
    silent.settled(state="absent")
    assert everything() == before


def test_what_somebody_has_closed_is_opened_again(silent):
    silent.converge(open_port="ufw")
    run("ufw", "delete", "allow", f"{PORT}/udp")
    assert silent.settled() == [OPEN]


@pytest.mark.parametrize(
    "theirs", [("allow", f"{PORT}/udp"), ("allow", "log", f"{PORT}/udp"), ("limit", f"{PORT}/udp")]
)
def test_a_port_that_somebody_else_has_opened_stays_theirs(silent, theirs):
    run("ufw", *theirs, "comment", "theirs")
    before = everything()
    assert silent.settled(open_port="ufw") == [RECORD]
    assert silent.settled(open_port="off") == [RECORD]
    assert everything() == before


def test_a_rule_that_somebody_makes_theirs_stays_when_ours_would_go(silent):
    silent.converge(open_port="ufw")
    run("ufw", "allow", f"{PORT}/udp", "comment", "theirs now")
    before = everything()
    assert silent.settled() == [RECORD]
    assert silent.settled(open_port="off") == [RECORD]
    assert everything() == before


@pytest.mark.parametrize("verb", ["deny", "reject"])
def test_a_port_that_somebody_has_forbidden_is_refused_before_the_first_change(silent, verb):
    run("ufw", verb, f"{PORT}/udp")
    before = everything()
    for check in (True, False):
        with pytest.raises(HostError, match=re.escape(f"ufw has the rule 'ufw {verb} {PORT}/udp'")):
            silent.converge(open_port="ufw", mtu=1300, check=check)
    assert everything() == before
    assert silent.host.network("").link("wg0").mtu != 1300
    assert silent.settled(open_port="ufw", listen_port=51999)[-1] == RECORD


def test_a_range_of_somebody_elses_is_not_touched(silent):
    run("ufw", "allow", f"{PORT - 20}:{PORT + 20}/udp")
    before = everything()
    assert silent.settled(open_port="ufw") == [OPEN, RECORD]
    assert silent.settled(open_port="off") == [CLOSE, RECORD]
    assert everything() == before


def test_an_inactive_ufw_takes_the_rule_by_name_and_is_not_switched_on(silent):
    run("ufw", "--force", "disable")
    assert silent.settled(open_port="ufw") == [OPEN, RECORD]
    assert run("ufw", "status").strip() == "Status: inactive"
    assert silent.settled(open_port="off") == [CLOSE, RECORD]


def still_closed(host: FilteredHost, **arguments: t.Any) -> list[str]:
    """The rules that keep the port closed, the same in check mode and for real."""
    promised = host.converge(open_port="ufw", check=True, **arguments).warnings
    assert host.converge(open_port="ufw", **arguments).warnings == promised
    assert host.converge(**arguments).warnings == promised
    return [re.sub(".*the rule '(.*)' of ufw.*", r"\1", text) for text in promised]


@pytest.mark.parametrize("theirs", [f"{PORT - 20}:{PORT + 20}/udp", f"53,{PORT}/udp", "to any proto udp", f"{PORT}"])
def test_a_wider_rule_that_comes_first_is_named_and_does_close_the_port(host, theirs):
    run("ufw", "deny", *theirs.split())
    before = everything()
    (found,) = still_closed(host)
    assert found in rules()
    assert found.startswith("ufw deny")
    assert not host.reaches()
    assert host.settled(open_port="off") == [CLOSE, RECORD]
    assert everything() == before


def test_nothing_is_said_of_a_wider_rule_that_comes_behind_ours_or_means_a_few(host):
    run("ufw", "deny", "from", "203.0.113.0/24")
    assert still_closed(host) == []
    run("ufw", "deny", f"{PORT - 20}:{PORT + 20}/udp")
    assert still_closed(host) == []
    assert host.reaches()


def test_a_chain_of_nftables_that_nobody_manages_drops_what_ufw_lets_in(host):
    text = "table ip theirs { chain in { type filter hook input priority 10; policy drop; }\n }"
    run("nft", "-f", "-", text=text)
    (warning,) = host.converge(open_port="auto").warnings
    assert "the nftables chain ip theirs in drops what none of its rules accepts" in warning
    assert "(see nft list chain ip theirs in)" in warning
    assert not host.reaches()
