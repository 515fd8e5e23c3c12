# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option open_port with the real firewalld, and packets that get through it or do not."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import wait_until
from ansible_collections.cryptokey.wireguard.tests.systemd.filtered_host import (
    PORT,
    RECORD,
    FilteredHost,
    filtered_host,
    run,
)

KINDS = ("permanent", "runtime")
FOLDER = pathlib.Path("/etc/firewalld")
ZONES = FOLDER / "zones"
TABLE = ("nft", "list", "table", "inet", "firewalld")
PUBLIC = """<?xml version="1.0" encoding="utf-8"?>
<zone>
  <service name="ssh"/>
  <service name="http"/>
  <port port="443" protocol="udp"/>
  <rule family="ipv4">
    <source address="203.0.113.0/24"/>
    <port port="51820" protocol="udp"/>
    <drop/>
  </rule>
</zone>
"""


def ask(*arguments: str) -> str:
    return run("firewall-cmd", *arguments).strip()


def start() -> None:
    """Until it filters: it answers before."""
    run("systemctl", "start", "firewalld")
    wait_until(lambda: subprocess.run(["firewall-cmd", "--state"], capture_output=True, check=False).returncode == 0)
    wait_until(lambda: subprocess.run(TABLE, capture_output=True, check=False).returncode == 0)


def both(*arguments: str) -> None:
    """By somebody else, permanently and at run time."""
    ask("--permanent", *arguments)
    ask(*arguments)


def everything() -> list[str]:
    """What is declared in all zones permanently, and what filters now."""
    zones = [f"{path.name}: {path.read_text(encoding='utf-8')}" for path in sorted(ZONES.glob("*.xml"))]
    return [*zones, run(*TABLE)]


def ports() -> tuple[str, str]:
    return ask("--permanent", "--list-ports"), ask("--list-ports")


def opened(port: int, zone: str = "public", kinds: t.Sequence[str] = KINDS) -> list[str]:
    return [f"open UDP port {port} in firewalld ({kind} {zone})" for kind in kinds]


def closed(port: int, zone: str = "public", kinds: t.Sequence[str] = KINDS) -> list[str]:
    return [f"close UDP port {port} in firewalld ({kind} {zone})" for kind in kinds]


@pytest.fixture
def firewalld(tmp_path) -> t.Iterator[None]:
    """It runs, with something of somebody else's in it. Afterwards its files are as they were."""
    shutil.copytree(FOLDER, tmp_path / "saved")
    (ZONES / "public.xml").write_text(PUBLIC, encoding="utf-8")
    start()
    try:
        yield
    finally:
        run("systemctl", "stop", "firewalld")
        shutil.rmtree(FOLDER)
        shutil.copytree(tmp_path / "saved", FOLDER)


@pytest.fixture
def host(firewalld, tmp_path, packets) -> t.Iterator[FilteredHost]:
    with filtered_host(tmp_path, packets.sent) as made:
        made.declare()
        yield made


@pytest.fixture
def silent(firewalld, tmp_path) -> t.Iterator[FilteredHost]:
    """The same where nothing is sent."""
    with filtered_host(tmp_path, lambda _count: None) as made:
        made.declare()
        yield made


def test_the_neighbour_gets_in_while_the_port_is_open_and_a_reload_keeps_it(host):
    before = everything()
    assert not host.reaches(), "firewalld lets everything in, so that this shows nothing"
    assert host.converge(open_port="auto", check=True).changed
    assert everything() == before, "check mode has changed something"
    assert host.agreed(open_port="auto") == [*opened(PORT), RECORD]
    assert ports() == (f"443/udp {PORT}/udp",) * 2
    assert host.reaches()
    ask("--reload")
    assert host.agreed() == []
    assert host.reaches()
    moved = host.agreed(listen_port=51999)
    assert [action for action in moved if "UDP port" in action] == [*opened(51999), *closed(PORT)]
    assert ports() == ("443/udp 51999/udp",) * 2
    assert host.reaches(51999)
    assert host.agreed(open_port="off") == [*closed(51999), RECORD]
    assert everything() == before
    assert not host.reaches(51999)


def test_the_port_is_closed_with_the_interface(silent):
    before = everything()
    silent.settled(open_port="firewalld")
    assert everything() != before
    silent.settled(state="absent")
    assert everything() == before


def test_what_somebody_has_closed_is_opened_again(silent):
    silent.converge(open_port="auto")
    ask(f"--remove-port={PORT}/udp")
    assert silent.settled() == opened(PORT, kinds=["runtime"])
    ask("--permanent", f"--remove-port={PORT}/udp")
    ask("--reload")
    assert silent.settled() == opened(PORT)


@pytest.mark.parametrize("theirs", [f"{PORT}", f"{PORT - 20}-{PORT + 20}"])
def test_a_port_that_somebody_else_has_opened_stays_theirs(silent, theirs):
    both(f"--add-port={theirs}/udp")
    before = everything()
    assert silent.settled(open_port="auto") == [RECORD]
    assert silent.settled(open_port="off") == [RECORD]
    assert everything() == before


def test_a_range_that_somebody_adds_around_the_port_is_not_torn_in_two(silent):
    silent.converge(open_port="auto")
    both(f"--add-port={PORT - 20}-{PORT + 20}/udp")
    before = everything()
    assert silent.settled() == [RECORD]
    assert silent.settled(open_port="off") == [RECORD]
    assert everything() == before


@pytest.mark.parametrize("theirs", [f"{PORT + 1}-{PORT + 9}", f"{PORT - 9}-{PORT - 1}"])
def test_a_neighbouring_range_is_joined_and_left_again(silent, theirs):
    both(f"--add-port={theirs}/udp")
    before = everything()
    assert silent.settled(open_port="auto") == [*opened(PORT), RECORD]
    assert silent.settled(open_port="off") == [*closed(PORT), RECORD]
    assert everything() == before


def test_another_default_zone_takes_the_opening_over(silent):
    silent.converge(open_port="auto")
    ask("--set-default-zone=home")
    assert silent.settled() == [*opened(PORT, "home"), *closed(PORT), RECORD]
    assert ask("--zone=public", "--list-ports") == "443/udp"


def test_what_is_open_stays_so_while_firewalld_is_switched_off_and_is_closed_afterwards(silent):
    before = everything()
    silent.converge(open_port="auto")
    run("systemctl", "stop", "firewalld")
    assert silent.settled() == []
    start()
    assert silent.settled() == []
    assert ports() == (f"443/udp {PORT}/udp",) * 2
    assert silent.settled(open_port="off") == [*closed(PORT), RECORD]
    assert everything() == before


def test_an_interface_goes_although_firewalld_does_not_run_and_says_what_stays(silent):
    silent.converge(open_port="firewalld")
    run("systemctl", "stop", "firewalld")
    result = silent.converge(state="absent")
    assert result.changed
    advice = f"firewall-offline-cmd --zone=public --remove-port={PORT}/udp"
    assert [warning.endswith(advice) for warning in result.warnings] == [True]
    run(*advice.split())
    start()
    assert ports() == ("443/udp", "443/udp")


def test_a_firewalld_that_does_not_run_is_refused_by_name_before_the_first_change(silent):
    run("systemctl", "stop", "firewalld")
    with pytest.raises(HostError, match="firewalld does not run on this host"):
        silent.converge(open_port="firewalld", mtu=1300)
    assert silent.host.network("").link("wg0").mtu != 1300


def still_closed(host: FilteredHost) -> list[str]:
    """What is said of it, the same in check mode and for real."""
    promised = host.converge(open_port="auto", check=True).warnings
    assert host.converge(open_port="auto").warnings == promised
    return promised


@pytest.mark.parametrize(
    "rule",
    [
        f'rule family="ipv4" port port="{PORT - 20}-{PORT + 20}" protocol="udp" drop',
        'rule priority="-7" protocol value="udp" reject',
        'rule service name="wireguard" drop',
    ],
)
def test_a_rich_rule_that_comes_first_is_named_and_does_close_the_port(host, rule):
    ask(f"--add-rich-rule={rule}")
    (warning,) = still_closed(host)
    assert f"the rich rule '{rule}' of firewalld's zone public" in warning
    assert "(see firewall-cmd --zone=public --list-rich-rules)" in warning
    assert not host.reaches()
    ask(f"--remove-rich-rule={rule}")
    assert still_closed(host) == []
    assert host.reaches()


def test_nothing_is_said_of_a_rich_rule_that_comes_behind_ports(host):
    ask('--add-rich-rule=rule priority="7" protocol value="udp" drop')
    assert still_closed(host) == []
    assert host.reaches()


def test_a_default_zone_that_no_device_is_in_is_told(host):
    devices = {path.name for path in pathlib.Path("/sys/class/net").iterdir()} - {"lo", "wg0"}
    for device in devices:
        ask("--zone=dmz", f"--add-interface={device}")
    (warning,) = still_closed(host)
    assert "firewalld's default zone, public, in which no device is: cable is in dmz" in warning
    assert not host.reaches()
    ask("--zone=dmz", f"--add-port={PORT}/udp")
    assert still_closed(host) == []
    assert host.reaches()
    ask("--zone=dmz", f"--remove-port={PORT}/udp")
    ask("--zone=dmz", "--remove-interface=cable")
    assert still_closed(host) == []
    assert host.reaches()
