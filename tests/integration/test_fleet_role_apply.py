# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet role on lab hosts with real interfaces: keys, apply, verify, and what must never happen on the way.

Five hosts: fra1 is a hub with a LAN, nyc1's device lives in a namespace of its own, laptop has no endpoint and brings
its private key along, guest is no member of anything and, like the member ghost, no host that anybody could reach.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
    derive_preshared_key,
)
from ansible_collections.cryptokey.wireguard.tests.integration.lab_fleet import LabFleet
from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Run, commit_keys

OLDEST = pathlib.Path(__file__).resolve().parents[2] / ".venv" / "core-2.19" / "bin" / "ansible-playbook"
FLEET_SECRET = "correct horse battery staple 7c1e"
# Not clamped, as `openssl rand -base64 32` gives it: the clamped form is as secret.
LAPTOP_KEY = base64.b64encode(bytes(range(97, 129))).decode()
GHOST_KEY = base64.b64encode(bytes([9]) * 32).decode()
MEMBERS = ("fra1", "laptop", "nyc1")
REACHED = "all:!ghost"
IN_BLUE = ("ip", "netns", "exec", "blue")


def five_hosts(lab: LabFleet) -> dict[str, t.Any]:
    return {
        "all": {
            "vars": {
                **lab.variables,
                "wireguard_fleet_secret": FLEET_SECRET,
                "wireguard_networks": {
                    "corp": {
                        "interface": "wg0", "pool": ["10.77.0.0/16"], "topology": "mesh", "preshared_keys": "derived",
                    }
                },
            },
            "hosts": {
                "fra1": {
                    "wireguard": {
                        "corp": {
                            "addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"],
                        }
                    }
                },
                "nyc1": {
                    "wireguard": {
                        "corp": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20", "namespace": "blue"}
                    }
                },
                "laptop": {
                    "wireguard": {"corp": {"addresses": ["10.77.0.3"]}},
                    "wireguard_private_keys": {"corp": LAPTOP_KEY},
                },
                "guest": {},
                "ghost": {"wireguard": {"corp": {"addresses": ["10.77.0.4"], "endpoint": "203.0.113.40"}}},
            },
        }
    }  # fmt: skip


@dataclasses.dataclass
class Stage:
    """The lab after its first apply, and every run that led there."""

    lab: LabFleet
    runs: dict[str, Run]

    @property
    def inventory(self) -> dict[str, t.Any]:
        return copy.deepcopy(five_hosts(self.lab))

    def run(self, playbook: str, *arguments: str) -> Run:
        run = self.lab.run(playbook, *arguments)
        self.runs[f"run {len(self.runs)}: {playbook} {' '.join(arguments)}"] = run
        return run

    def apply(self, inventory: t.Optional[dict[str, t.Any]] = None, *arguments: str) -> Run:
        self.lab.write(self.inventory if inventory is None else inventory)
        return self.run("apply", "--limit", REACHED, *arguments)

    def state(self) -> dict[str, t.List[str]]:
        """Everything about peers, addresses and routes that a run could have changed, in an order of our own."""
        look = "wg show wg0 listen-port; wg show wg0 allowed-ips; ip -o address; ip route; ip rule"
        texts = {host: self.lab.on(host, "sh", "-c", look, check=False) for host in MEMBERS}
        texts["blue"] = self.lab.on("nyc1", *IN_BLUE, "sh", "-c", look, check=False)
        return {
            place: sorted(" ".join(sorted(line.split())) for line in text.splitlines()) for place, text in texts.items()
        }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Stage]:
    lab = LabFleet(tmp_path_factory.mktemp("fleet"), f"test-fleet-role-{os.getpid()}")
    lab.write(five_hosts(lab))
    found = Stage(lab, {})
    try:
        lab.up(without=["ghost"])
        commit_keys(lab.folder / "wireguard_keys", {"corp": {"ghost": GHOST_KEY}})
        found.runs["keys, check"] = lab.run("keys", "--limit", REACHED, "--check", "--diff", "-vvv")
        found.runs["files after check"] = Run(
            0, "\n".join(sorted(entry.name for entry in keys_folder(found).iterdir()))
        )
        found.runs["keys"] = lab.run("keys", "--limit", REACHED, "--diff", "-vvv")
        found.runs["keys again"] = lab.run("keys", "--limit", REACHED)
        found.runs["apply, check"] = lab.run("apply", "--limit", REACHED, "--check", "--diff", "-vvv")
        found.runs["state after check"] = Run(0, json.dumps(found.state()))
        found.runs["apply"] = lab.run("apply", "--limit", REACHED, "--diff", "-vvv")
        yield found
    finally:
        lab.down()


def keys_folder(stage: Stage) -> pathlib.Path:
    return stage.lab.folder / "wireguard_keys" / "corp"


def public_key(stage: Stage, host: str) -> PublicKey:
    return PublicKey.parse((keys_folder(stage) / f"{host}.pub").read_text(encoding="ascii").strip())


def test_keys_in_check_mode_say_what_they_would_do_and_do_nothing(stage: Stage) -> None:
    run = stage.runs["keys, check"].succeeded()
    assert run.changed == dict.fromkeys(MEMBERS, 1)
    assert stage.runs["files after check"].output == "ghost.pub"


def test_keys_are_made_on_the_hosts_and_published_beside_the_inventory(stage: Stage) -> None:
    run = stage.runs["keys"].succeeded()
    assert run.changed == dict.fromkeys(MEMBERS, 1)
    for host, folder in {"fra1": "@", "nyc1": "blue", "laptop": "@"}.items():
        path = f"/etc/wireguard/cryptokey/{folder}/wg0.key"
        assert stage.lab.on(host, "sh", "-c", f"wg pubkey < {path}").strip() == str(public_key(stage, host))
        assert stage.lab.on(host, "stat", "-c", "%a %U", path).split() == ["600", "root"]
    assert stage.lab.on("laptop", "sh", "-c", "cat /etc/wireguard/cryptokey/@/wg0.key").strip() == clamped(LAPTOP_KEY)


def test_keys_again_change_nothing(stage: Stage) -> None:
    assert stage.runs["keys again"].succeeded().changed == {}


def test_check_and_diff_work_on_a_fresh_host_and_change_nothing(stage: Stage) -> None:
    run = stage.runs["apply, check"].succeeded()
    assert run.changed == dict.fromkeys(MEMBERS, 1)
    assert "+++ after: wg0" in run.output
    assert "10.77.0.1/32" in run.output
    assert "wg0:" not in stage.runs["state after check"].output


def test_apply_takes_one_task_per_host_and_leaves_others_alone(stage: Stage) -> None:
    run = stage.runs["apply"].succeeded()
    assert run.changed == dict.fromkeys(MEMBERS, 1)
    assert run.hosts["guest"]["unreachable"] == 0, "whoever is no member is not contacted"
    assert run.hosts["laptop"]["ok"] <= 3


def test_what_was_applied_carries_packets(stage: Stage, packets: t.Any) -> None:
    pairs = [("laptop", "10.77.0.1"), ("laptop", "10.77.0.2"), ("fra1", "10.77.0.3"), ("fra1", "10.77.0.2")]
    answers = {}
    for host, target in pairs:
        packets.sent(3)
        answers[host, target] = stage.lab.pings(host, target)
    assert all(answers.values()), answers


def test_apply_again_changes_nothing_host_by_host_either(stage: Stage) -> None:
    run = stage.apply(None, "-e", "wireguard_serial=1", "-vvvv", "--diff")
    assert run.succeeded().changed == {}
    assert run.tasks.count("Apply this host's part of the plan") == len(MEMBERS) + 1, "a batch per host"


def test_the_oldest_supported_core_agrees(stage: Stage) -> None:
    if not OLDEST.exists():
        pytest.skip("no environment with ansible-core 2.19 (make test makes it)")
    newest, stage.lab.ansible_playbook = stage.lab.ansible_playbook, OLDEST
    try:
        assert stage.apply(None, "--check", "--diff").succeeded().changed == {}
        assert stage.run("verify", "--limit", REACHED).code == 0
        assert stage.run("keys", "--limit", REACHED).succeeded().changed == {}
    finally:
        stage.lab.ansible_playbook = newest


def test_every_limit_applies_the_same_plan(stage: Stage) -> None:
    output = stage.lab.folder / "plan.json"
    stage.lab.write(stage.inventory)
    plans = set()
    for limit in ("laptop", "guest"):
        output.unlink(missing_ok=True)
        run = stage.run("apply", "--limit", limit, "-e", f"wireguard_plan_output={output}").succeeded()
        assert run.changed == {limit: 1}, "only the plan was written"
        plans.add(output.read_bytes())
    assert len(plans) == 1


def test_the_role_in_a_play_of_the_users_own_plans_and_applies(stage: Stage) -> None:
    stage.lab.write(stage.inventory)
    play = stage.lab.folder / "own.yml"
    roles = ["cryptokey.wireguard.fleet"]
    play.write_text(
        json.dumps([{"hosts": REACHED, "gather_facts": False, "serial": 2, "roles": roles}]), encoding="ascii"
    )
    run = stage.run(str(play)).succeeded()
    assert run.changed == {}
    assert run.tasks.count("Apply this host's part of the plan") == 2
    assert run.output.count("WireGuard plan:") == 1


def test_prepare_runs_on_members_only_and_where_it_is_asked_for(stage: Stage) -> None:
    stage.lab.write(stage.inventory)
    wish = {"wireguard_prepare": True, "prepare_packages": ["dpkg"], "prepare_userspace_package": ""}
    run = stage.run("apply", "--limit", "laptop,guest", "-e", json.dumps(wish)).succeeded()
    assert "See what is installed" in run.tasks
    assert run.changed == {}
    assert run.hosts["laptop"]["ok"] > run.hosts["guest"]["ok"]


def test_an_unreachable_host_stops_nobody_and_changes_no_plan(stage: Stage) -> None:
    stage.lab.write(stage.inventory)
    run = stage.run("apply")
    assert run.code == 4
    assert run.hosts["ghost"]["unreachable"] == 1
    for host in MEMBERS:
        assert (run.hosts[host]["changed"], run.hosts[host]["failed"]) == (0, 0)


def test_an_overlap_stops_before_any_module_has_run(stage: Stage) -> None:
    before = stage.state()
    inventory = stage.inventory
    hosts = inventory["all"]["hosts"]
    hosts["nyc1"]["wireguard"]["corp"]["advertise"] = ["192.168.10.0/24"]
    hosts["laptop"]["wireguard"]["corp"]["addresses"] = ["10.77.0.33"]
    run = stage.apply(inventory, "-vvv")
    assert run.code != 0
    assert "WG201" in run.output
    assert "Using module file" not in run.output
    assert stage.state() == before


def test_a_changed_inventory_changes_the_hosts_it_concerns(stage: Stage, packets: t.Any) -> None:
    inventory = stage.inventory
    inventory["all"]["hosts"]["laptop"]["wireguard"]["corp"]["addresses"] = ["10.77.0.33"]
    try:
        check = stage.apply(inventory, "--check", "--diff").succeeded()
        run = stage.apply(inventory, "--diff").succeeded()
        assert run.changed == check.changed == dict.fromkeys(MEMBERS, 1)
        packets.sent(3)
        assert stage.lab.pings("fra1", "10.77.0.33") > 0
        assert stage.apply(inventory).succeeded().changed == {}
    finally:
        stage.apply().succeeded()


def test_verify_sees_what_somebody_did_by_hand_and_changes_nothing(stage: Stage) -> None:
    clean = stage.run("verify", "--limit", REACHED).succeeded()
    assert "no drift" in clean.output
    assert "peer ghost has never answered" in clean.output
    stage.lab.on("fra1", "wg", "set", "wg0", "peer", str(public_key(stage, "nyc1")), "allowed-ips", "10.77.0.9/32")
    stage.lab.on("nyc1", *IN_BLUE, "ip", "route", "del", "10.77.0.3/32", "dev", "wg0")
    before = stage.state()
    run = stage.run("verify", "--limit", REACHED)
    assert run.code == 2
    text = run.output
    assert "10.77.0.9/32" in text
    assert "10.77.0.3/32" in text
    assert "different from the plan: fra1, nyc1" in text
    assert "verified: 3 hosts, 2 with drift" in text
    assert run.changed == {}
    assert stage.state() == before
    assert set(stage.apply().succeeded().changed) == {"fra1", "nyc1"}


def test_verify_fails_when_a_host_cannot_be_asked(stage: Stage) -> None:
    run = stage.run("verify")
    assert run.code != 0
    assert "could not be verified: ghost" in run.output


def test_a_member_that_leaves_loses_exactly_what_is_ours(stage: Stage) -> None:
    foreign = ("192.0.2.128/25", "dev", "lo", "proto", "148")
    stage.lab.on("laptop", "ip", "route", "add", *foreign)
    inventory = stage.inventory
    inventory["all"]["hosts"]["laptop"]["wireguard"]["corp"] = {"state": "absent"}
    try:
        check = stage.apply(inventory, "--check", "--diff").succeeded()
        assert stage.lab.on("laptop", "ip", "-o", "link", "show", "wg0")
        run = stage.apply(inventory).succeeded()
        assert run.changed == check.changed == dict.fromkeys(MEMBERS, 1)
        assert "wg0" not in stage.lab.on("laptop", "ip", "-o", "link")
        routes = stage.lab.on("laptop", "ip", "route")
        assert "10.77." not in routes
        assert "192.0.2.128/25" in routes
        assert str(public_key(stage, "laptop")) not in stage.lab.on("fra1", "wg", "show", "wg0", "peers")
        assert stage.apply(inventory).succeeded().changed == {}
    finally:
        stage.lab.on("laptop", "ip", "route", "del", *foreign, check=False)
        stage.apply().succeeded()


def test_a_rotated_key_is_shown_and_reaches_the_whole_fleet(stage: Stage, packets: t.Any) -> None:
    old = public_key(stage, "nyc1")
    stage.lab.write(stage.inventory)
    run = stage.run("keys", "--limit", "nyc1", "-e", "fleet_keys_regenerate=always").succeeded()
    new = public_key(stage, "nyc1")
    assert old != new
    text = " ".join(run.output.split())
    assert f"the key of nyc1 in network corp has changed from {old} to {new}" in text
    assert set(stage.apply().succeeded().changed) == set(MEMBERS)
    packets.sent(3)
    assert stage.lab.pings("fra1", "10.77.0.2") > 0


def test_a_host_that_lost_its_key_is_not_given_one_that_nobody_knows(stage: Stage) -> None:
    path = "/etc/wireguard/cryptokey/@/wg0.key"
    stage.lab.on("fra1", "mv", path, f"{path}.away")
    stage.lab.on("fra1", "sh", "-c", f"umask 077; wg genkey > {path}")
    before = stage.state()
    try:
        run = stage.apply()
        assert run.hosts["fra1"]["failed"] == 1
        assert f"'{public_key(stage, 'fra1')}' is not the key of this host" in run.output
        assert stage.state() == before
    finally:
        stage.lab.on("fra1", "mv", f"{path}.away", path)


def clamped(key: str) -> str:
    return PrivateKey.parse(key).reveal()


def forms(text: str) -> t.List[str]:
    raw = base64.b64decode(text)
    return [text, raw.hex(), repr(raw)[2:-1]]


def secrets_of(stage: Stage) -> dict[str, t.List[str]]:
    found = {"fleet secret": [FLEET_SECRET], "laptop's key": [*forms(LAPTOP_KEY), *forms(clamped(LAPTOP_KEY))]}
    for host, folder in {"fra1": "@", "nyc1": "blue"}.items():
        found[f"{host}'s key"] = forms(stage.lab.on(host, "cat", f"/etc/wireguard/cryptokey/{folder}/wg0.key").strip())
    hosts = [*MEMBERS, "ghost"]
    for one in hosts:
        for other in hosts[: hosts.index(one)]:
            keys = {"one": public_key(stage, one), "other": public_key(stage, other)}
            preshared = derive_preshared_key(FLEET_SECRET, network="corp", epoch=1, **keys)
            found[f"preshared key of {one} and {other}"] = forms(preshared.reveal())
    return found


def test_no_secret_is_in_any_output_or_record(stage: Stage) -> None:
    """The last test: it searches the output of all runs before it, many of them with -vvv and --diff."""
    places = {name: run.output for name, run in stage.runs.items()}
    for host in MEMBERS:
        script = "cat /etc/wireguard/cryptokey/*/*.json /proc/*/cmdline; ls -laR /etc/wireguard /run /tmp 2>/dev/null"
        places[f"records and processes of {host}"] = stage.lab.on(host, "sh", "-c", script, check=False)
    places["published"] = "".join(path.read_text() for path in stage.lab.folder.rglob("*.pub"))
    places["plan"] = (stage.lab.folder / "for-the-lab.json").read_text()
    secrets = secrets_of(stage)
    shown = stage.lab.on("fra1", "wg", "show", "wg0", "preshared-keys")
    assert secrets["preshared key of laptop and fra1"][0] in shown, "the search would look for the wrong keys"
    leaks = [
        f"{what} in {place}"
        for place, text in places.items()
        for what, words in secrets.items()
        if any(w in text for w in words)
    ]
    assert leaks == []
