# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as a user meets it: no root, no host, the same plan whatever a run is limited to."""

from __future__ import annotations

import base64
import copy
import json
import os
import pathlib
import re
import shutil
import stat
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Fleet, Run, commit_keys

MINIMAL = pathlib.Path(__file__).resolve().parents[2] / "examples" / "minimal"
HOSTS = ("fra1", "nyc1", "laptop")


def public_key(seed: int) -> str:
    return base64.b64encode(bytes([seed]) * 32).decode()


def three_hosts() -> dict[str, t.Any]:
    """Reachable by nobody: the names do not resolve (RFC 2606), and ssh is a trap."""
    return {
        "all": {
            "vars": {
                "wireguard_networks": {"corp": {"interface": "wg0", "pool": ["10.77.0.0/16"], "topology": "mesh"}},
            },
            "hosts": {
                "fra1": {
                    "ansible_host": "fra1.invalid",
                    "wireguard": {
                        "corp": {
                            "addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"],
                        }
                    },
                },
                "nyc1": {
                    "ansible_host": "nyc1.invalid",
                    "wireguard": {"corp": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"}},
                },
                "laptop": {"ansible_host": "laptop.invalid", "wireguard": {"corp": {"addresses": ["10.77.0.3"]}}},
                "printer": {"ansible_host": "printer.invalid"},
            },
        }
    }  # fmt: skip


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> Fleet:
    found = Fleet(tmp_path)
    found.write(three_hosts())
    commit_keys(tmp_path / "wireguard_keys", {"corp": {host: public_key(n + 1) for n, host in enumerate(HOSTS)}})
    trap = tmp_path / "bin"
    trap.mkdir()
    for name in ("ssh", "scp", "sftp", "sudo"):
        (trap / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/contacted\nexit 1\n", encoding="ascii")
        (trap / name).chmod(stat.S_IRWXU)
    found.environment["PATH"] = f"{trap}:{os.environ['PATH']}"
    return found


def contacted(fleet: Fleet) -> bool:
    return (fleet.folder / "contacted").exists()


def with_overlap() -> dict[str, t.Any]:
    """The prefix behind fra1 is also claimed by nyc1."""
    inventory = copy.deepcopy(three_hosts())
    inventory["all"]["hosts"]["nyc1"]["wireguard"]["corp"]["advertise"] = ["192.168.10.0/24"]
    return inventory


def written_plan(fleet: Fleet, *arguments: str, playbook: str = "plan") -> tuple[Run, bytes]:
    output = fleet.folder / "plan.json"
    output.unlink(missing_ok=True)
    run = fleet.run(playbook, "-e", f"wireguard_plan_output={output}", *arguments)
    return run, output.read_bytes()


def test_the_example_is_planned_without_root_and_without_a_host(fleet: Fleet) -> None:
    shutil.copytree(MINIMAL, fleet.folder / "minimal")
    fleet.inventory = fleet.folder / "minimal" / "inventory.yml"
    fleet.prefix = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
    run = fleet.run("plan").succeeded()
    assert "PROVED under" in run.output
    assert not contacted(fleet)


def test_a_plan_that_holds_is_proved_and_contacts_nobody(fleet: Fleet) -> None:
    run = fleet.run("plan").succeeded()
    assert "PROVED under" in run.output
    assert not contacted(fleet)
    assert list(run.hosts) == ["fra1"], "a plan costs one host's tasks, not every host's"


def test_the_report_is_text_and_not_a_dump(fleet: Fleet) -> None:
    run = fleet.run("plan").succeeded()
    assert "\\n" not in run.output
    assert '"findings"' not in run.output


def test_an_overlap_is_refused_naming_both_owners_before_any_host_is_touched(fleet: Fleet) -> None:
    fleet.write(with_overlap())
    for playbook in ("apply", "verify"):
        run = fleet.run(playbook)
        assert run.code != 0, playbook
        assert "192.168.10.0/24" in run.output
        assert {"fra1", "nyc1"} <= set(re.findall(r"\w+", run.output))
        assert "no host was touched" in run.output
        assert not contacted(fleet), playbook
        assert "Apply this host's part of the plan" not in run.tasks


def test_a_missing_public_key_is_a_finding_and_not_a_peer_that_disappears(fleet: Fleet) -> None:
    (fleet.folder / "wireguard_keys" / "corp" / "nyc1.pub").unlink()
    run = fleet.run("plan")
    assert run.code != 0
    assert re.search(r"WG109 .*nyc1", run.output), run.output


def test_the_plan_is_the_same_whatever_a_run_is_limited_to(fleet: Fleet) -> None:
    whole = written_plan(fleet)[1]
    assert sorted(json.loads(whole)["fleet"]["hosts"]) == sorted(HOSTS)
    for limit in ("laptop", "printer", "nyc1,fra1"):
        run, limited = written_plan(fleet, "--limit", limit)
        run.succeeded()
        assert limited == whole, limit


def test_every_batch_plans_from_the_same_input_and_reports_once(fleet: Fleet) -> None:
    """The role in a play with serial plans per batch; run_once knows no other way."""
    _run, whole = written_plan(fleet)
    play = {
        "hosts": "all", "gather_facts": False, "serial": 1,
        "tasks": [
            {"import_role": {"name": "cryptokey.wireguard.fleet", "tasks_from": "plan"}},
            {
                "copy": {
                    "content": "{{ fleet_plan | to_json(sort_keys=true) }}",
                    "dest": f"{fleet.folder}/{{{{ inventory_hostname }}}}.json",
                },
                "delegate_to": "localhost",
                "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            },
        ],
    }  # fmt: skip
    (fleet.folder / "batches.yml").write_text(json.dumps([play]), encoding="utf-8")
    run = fleet.run(str(fleet.folder / "batches.yml")).succeeded()
    plans = [json.loads((fleet.folder / f"{host}.json").read_text()) for host in (*HOSTS, "printer")]
    assert plans == [json.loads(whole)] * 4
    assert run.output.count("PROVED under") == 1, "the report is printed with the first batch only"


def test_equal_plans_are_written_once(fleet: Fleet) -> None:
    first, text = written_plan(fleet)
    output = fleet.folder / "plan.json"
    second = fleet.run("plan", "-e", f"wireguard_plan_output={output}")
    assert (first.changed, second.changed) == ({"fra1": 1}, {})
    assert output.read_bytes() == text
    output.unlink()
    assert fleet.run("plan", "--check", "-e", f"wireguard_plan_output={output}").changed == {"fra1": 1}
    assert not output.exists()


def test_a_committed_plan_is_what_the_next_one_is_compared_with(fleet: Fleet) -> None:
    _run, text = written_plan(fleet)
    (fleet.folder / "wireguard_plan.json").write_bytes(text)
    unchanged = fleet.run("plan").succeeded()
    inventory = three_hosts()
    inventory["all"]["hosts"]["nyc1"]["wireguard"]["corp"]["advertise"] = ["192.168.20.0/24"]
    fleet.write(inventory)
    moved = fleet.run("plan").succeeded()
    assert "192.168.20.0/24" not in unchanged.output
    assert "192.168.20.0/24" in moved.output


def test_derived_preshared_keys_without_the_secret_are_refused_while_planning(fleet: Fleet) -> None:
    inventory = three_hosts()
    inventory["all"]["vars"]["wireguard_networks"]["corp"]["preshared_keys"] = "derived"
    fleet.write(inventory)
    run = fleet.run("plan")
    assert run.code != 0
    assert "wireguard_fleet_secret is not set for fra1, laptop, nyc1" in run.output
    inventory["all"]["vars"]["wireguard_fleet_secret"] = "{{ undefined_because_the_vault_is_closed }}"
    fleet.write(inventory)
    fleet.run("plan").succeeded()


def test_a_planned_fleet_holds_no_secret(fleet: Fleet) -> None:
    inventory = three_hosts()
    inventory["all"]["vars"]["wireguard_networks"]["corp"]["preshared_keys"] = "derived"
    inventory["all"]["vars"]["wireguard_fleet_secret"] = "correct horse battery staple"
    inventory["all"]["hosts"]["nyc1"]["wireguard_private_keys"] = {"corp": public_key(77)}
    fleet.write(inventory)
    run, text = written_plan(fleet, "-vvv")
    run.succeeded()
    for secret in ("correct horse", public_key(77)):
        assert secret not in run.output
        assert secret.encode() not in text


# By host: the option of its membership, the wrong value, and the words that say what is wrong with it.
MISTAKES: dict[str, tuple[str, t.Any, list[str]]] = {
    "address": ("addresses", ["10.77.0.300"], ["wireguard.corp.addresses[0]", "'10.77.0.300'"]),
    "prefix": ("advertise", ["10.1.0.0/33"], ["wireguard.corp.advertise[0]", "'10.1.0.0/33'"]),
    "mapped": ("advertise", ["::ffff:10.1.0.0/120"], ["wireguard.corp.advertise[0]", "10.1.0.0/24"]),
    "key": ("public_key", "bm90IGEga2V5", ["wireguard.corp.public_key", "not a public key"]),
    "longname": ("interface", "wg-much-too-long-a-name", ["wireguard.corp.interface", "15 bytes"]),
    "endpoint": ("endpoint", "fra1:99999", ["wireguard.corp.endpoint", "'fra1:99999'"]),
    "port": ("listen_port", 70000, ["wireguard.corp.listen_port", "70000"]),
    "unknown": ("adresses", ["10.77.0.9"], ["wireguard.corp.adresses", "did you mean addresses?"]),
    "type": ("addresses", "10.77.0.9", ["wireguard.corp.addresses", "list"]),
}
# Those that leave the rest of the inventory readable are findings of the plan.
FINDINGS = {"address": "WG206", "prefix": "WG206", "mapped": "WG211", "key": "WG101", "longname": "WG609"}


def with_mistakes(fleet: Fleet, names: t.Iterable[str]) -> dict[str, t.Any]:
    inventory = three_hosts()
    for number, name in enumerate(names):
        option, value, _words = MISTAKES[name]
        membership = {"addresses": [f"10.77.1.{number}"], option: value}
        inventory["all"]["hosts"][name] = {"ansible_host": f"{name}.invalid", "wireguard": {"corp": membership}}
        if option != "public_key":
            commit_keys(fleet.folder / "wireguard_keys", {"corp": {name: public_key(100 + number)}})
    return inventory


def assert_named(text: str, host: str) -> None:
    """Somewhere in the text, near to each other: the place, the host and the words."""
    _option, _value, words = MISTAKES[host]
    around = [text[max(0, m.start() - 300) : m.end() + 300] for m in re.finditer(rf"\b{host}\b", text)]
    assert any(all(word in part for word in words) for part in around), f"{host}: {text}"


def test_every_mistake_of_an_unreadable_inventory_is_listed_at_once(fleet: Fleet) -> None:
    fleet.write(with_mistakes(fleet, MISTAKES))
    run = fleet.run("apply")
    assert run.code != 0
    for host in MISTAKES:
        assert_named(" ".join(run.output.split()), host)
    assert MISTAKES["key"][1] not in run.output
    assert "Traceback" not in run.output
    assert not contacted(fleet)


def test_bad_values_in_a_readable_inventory_are_findings(fleet: Fleet) -> None:
    fleet.write(with_mistakes(fleet, FINDINGS))
    run = fleet.run("plan")
    assert run.code != 0
    text = " ".join(run.output.split())
    for host, rule in FINDINGS.items():
        assert_named(text, host)
        assert re.search(rf"{rule} \S+ host {host}\b", text), text
    assert MISTAKES["key"][1] not in run.output


def test_a_file_that_is_no_plan_is_refused_by_name(fleet: Fleet) -> None:
    (fleet.folder / "wireguard_plan.json").write_text("[]", encoding="ascii")
    run = fleet.run("plan")
    assert run.code != 0
    assert "wireguard_plan.json: is not a plan" in " ".join(run.output.split())
