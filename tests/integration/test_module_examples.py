# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module that runs on a host, as they are printed: one play each, in order, each task twice.

Nothing in them is changed. The host has what they speak of: an eth0, the names that they resolve, an /etc/wireguard of
its own, and the interface or namespace that an example takes for granted (BEFORE).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A
from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Fleet, Run
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Stack, stack

COLLECTION = "cryptokey.wireguard"
MODULES = "ansible_collections.cryptokey.wireguard.plugins.modules"
GROUP = f"group/{COLLECTION}.wireguard"
FRA1 = {
    "name": "fra1",
    "public_key": "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=",
    "endpoint": "192.0.2.254:51820",
    "allowed_ips": ["10.77.0.2/32", "10.9.0.0/24", "192.168.10.0/24"],
}
INTERFACE = {f"{COLLECTION}.interface": {"name": "wg0", "addresses": ["10.77.0.1/32"], "peers": [FRA1]}}
BEFORE: dict[str, list[dict[str, t.Any]]] = {
    "interface": [{f"{COLLECTION}.namespace": {"name": "blue"}}],
    "peer": [INTERFACE],
    "route": [],
    "rule": [],
    "namespace": [],
    "keypair": [],
    "interface_info": [INTERFACE, {f"{COLLECTION}.namespace": {"name": "blue"}}],
}
AFTER = {
    "interface": ["ip link show wg-exit", "ip -n blue address show wg0"],
    "peer": ["ip link show wg0"],
    "route": ["ip route show 10.77.0.0/16 proto 148"],
    "rule": [],
    "namespace": [],
    "keypair": ["cat /etc/wireguard/site.psk"],
    "interface_info": ["ip link show wg0"],
}
"""Commands that succeed at the end, with something to say."""
GONE = {
    "interface": ["wg0:"],
    "peer": ["10.77.200.1"],
    "route": ["203.0.113.9"],
    "rule": ["1000:"],
    "namespace": ["blue"],
    "keypair": ["private.key"],
    "interface_info": [],
}
"""What none of these then says any more: links, routes, rules, namespaces, key files."""
PLACES = ["ip link", "ip route show table all", "ip rule", "ls /run/netns", "ls /etc/wireguard", "wg show wg0"]


@contextlib.contextmanager
def furnished(folder: pathlib.Path) -> t.Iterator[Stack]:
    """A host with what the examples speak of; only its own mounts and devices are touched."""
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n203.0.113.20 nyc1.example.net\n", encoding="ascii")
    with stack() as host:
        host.run("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", "/etc/wireguard")
        host.run("mount", "--bind", str(hosts), "/etc/hosts")
        host.run(*"ip link add eth0 type veth peer name cable".split())
        host.run(*"ip address add 192.0.2.1/24 dev eth0".split())
        for device in ("eth0", "cable"):
            host.run("ip", "link", "set", device, "up")
        host.run(*"ip route add default via 192.0.2.254".split())
        yield host


def play(folder: pathlib.Path, host: Stack, tasks: list[dict[str, t.Any]], **keywords: t.Any) -> Run:
    variables = {"vault_wireguard_private_key": KEY_A}
    content = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks, **keywords}
    (folder / "play.yml").write_text(json.dumps([content]), encoding="utf-8")
    fleet = Fleet(folder)
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    fleet.write({"all": {"hosts": {"localhost": here}}})
    fleet.prefix = host.argv()
    return fleet.run(str(folder / "play.yml"))


def twice(tasks: t.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Each task of ours a second time right behind the first, when it changes nothing."""
    both: list[dict[str, t.Any]] = []
    for task in tasks:
        both.append(task)
        if any(key.startswith(f"{COLLECTION}.") for key in task) and "register" not in task:
            both.append({**task, "name": f"{task['name']}, again", "register": "again", "failed_when": "again.changed"})
    return both


def examples(module: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load(importlib.import_module(f"{MODULES}.{module}").EXAMPLES))


@pytest.mark.parametrize("module", BEFORE)
def test_the_examples_of_a_module_do_what_they_say(tmp_path: pathlib.Path, module: str) -> None:
    tasks = [*BEFORE[module], *twice(examples(module))]
    with furnished(tmp_path) as host:
        run = play(tmp_path, host, tasks).succeeded()
        for command in AFTER[module]:
            assert host.out(*command.split()).strip(), command
        left = "".join(host.run(*place.split(), check=False).stdout for place in PLACES)
    assert run.hosts["localhost"]["ok"] == len(tasks)
    assert [text for text in GONE[module] if re.search(rf"(^|\s){re.escape(text)}", left, re.MULTILINE)] == []
    assert KEY_A not in run.output


def test_every_module_that_takes_part_on_a_host_has_its_examples_run() -> None:
    """A module that is for hosts keeps its state there (or a key): it has to stand in the table above."""
    folder = pathlib.Path(importlib.import_module(f"{MODULES}.interface").__file__ or "").parent
    meant = {path.stem for path in folder.glob("*.py") if not re.match(r"_|fleet_|lab", path.stem)}
    assert meant == set(BEFORE) == set(AFTER) == set(GONE)


def test_module_defaults_of_the_action_group_reach_every_module(tmp_path: pathlib.Path) -> None:
    """Only by the group's defaults do the records come to stand in that folder; keypair has no such option."""
    group = {GROUP: {"state_directory": "/run/elsewhere"}}
    tasks = [
        {f"{COLLECTION}.namespace": {"name": "blue"}},
        INTERFACE,
        {f"{COLLECTION}.peer": {"interface": "wg0", "public_key": "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="}},
        {f"{COLLECTION}.route": {"destination": "10.78.0.0/16", "type": "unreachable"}},
        {f"{COLLECTION}.rule": {"priority": 1000, "table": "400"}},
        {f"{COLLECTION}.interface_info": {"name": "wg0"}, "register": "found"},
        {"ansible.builtin.assert": {"that": ["found.interfaces | length == 1", "found.interfaces[0].declared"]}},
    ]
    with furnished(tmp_path) as host:
        play(tmp_path, host, tasks, module_defaults=group).succeeded()
        assert host.out("find", "/etc/wireguard", "-type", "f") == ""
        kept = host.out("find", "/run/elsewhere", "-type", "f").split()
    names = [path.rsplit("/", 1)[1] for path in kept]
    # What an engine holds is kept beside the record; there is no need for that on the kernel.
    assert sorted(set(names) - {"wg0.snapshot"}) == [".lock", "routing.record", "wg0.json", "wg0.key"]
