# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``interface`` as a playbook runs it: the whole cycle, bad input, and no secret anywhere."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import sys
import threading
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.modules import interface_info
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import (
    ABSENT,
    FIRST,
    SECOND,
)
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import Stack, stack

STATE = "/run/state"
PLAYBOOK = pathlib.Path(sys.executable).parent / "ansible-playbook"
# None of their clamped and unclamped forms is the same.
PRIVATE = base64.b64encode(bytes([0xFF, *range(1, 31), 0xFF])).decode()
ROTATED = base64.b64encode(bytes([0xFE, *range(31, 61), 0x81])).decode()
PRESHARED = base64.b64encode(bytes(range(100, 132))).decode()


ENDED = base64.b64encode(bytes([0xFD, *range(61, 91), 0xC1])).decode()
SECOND_PRESHARED = base64.b64encode(bytes(range(140, 172))).decode()
DEFAULTS: dict[str, dict[str, t.Any]] = {"interface": {"name": "wg0", "state_directory": STATE}, "keypair": {}}


@pytest.fixture
def host() -> t.Iterator[Stack]:
    with stack() as made:
        yield made


class Play:
    """A playbook of calls of the module, each with what it has to come to."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.tasks: list[dict[str, t.Any]] = []

    def call(
        self, title: str, *, expect: str, check: bool = False, module: str = "interface", **arguments: t.Any
    ) -> None:
        """expect: a condition on ``r``, the module's result."""
        given = {**DEFAULTS.get(module, {"state_directory": STATE}), **arguments}
        self.tasks.append(
            {
                "name": f"{title}{' in check mode' if check else ''}",
                f"cryptokey.wireguard.{module}": given,
                "check_mode": check,
                "register": "r",
                "failed_when": f"not ({expect})",
            }
        )

    def both(self, title: str, *, changed: bool, **arguments: t.Any) -> None:
        """In check mode and for real, with the same outcome."""
        for check in (True, False):
            expect = f"r.failed | default(false) is false and r.changed == {changed}"
            self.call(title, expect=expect, check=check, **arguments)

    def run(self, host: Stack, *options: str) -> str:
        """The output; fails where a task did not come to what it should."""
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": self.tasks,
        }
        path = self.folder / "play.yml"
        path.write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_LOG_PATH": str(self.folder / "ansible.log"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
        }
        done = host.run(str(PLAYBOOK), str(path), "-vvv", "--diff", *options, check=False, env=environment)
        assert done.returncode == 0, done.stdout[done.stdout.find("fatal:") :][:3000] + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Play:
    return Play(tmp_path)


def test_the_cycle_of_an_interface(host, play):
    play.both("create", changed=True, **FIRST)
    play.both("create again", changed=False, **FIRST)
    play.both("modify", changed=True, **SECOND)
    play.both("modify again", changed=False, **SECOND)
    play.both("delete", changed=True, **ABSENT)
    play.both("delete again", changed=False, **ABSENT)
    play.run(host)
    assert "wg0" not in host.out("ip", "link")
    assert host.out("ip", "rule").count("\n") == 3
    assert host.out("find", STATE, "-type", "f") == f"{STATE}/.lock\n"


def test_check_mode_on_a_fresh_host_foresees_everything(host, play):
    arguments = {**FIRST, "private_key": None}
    play.call("foresee", check=True, expect="r.changed and r.public_key == '(made on apply)'", **arguments)
    play.call(
        "again", check=True, expect="r.actions | length > 15 and 'make a private key' in r.actions[0]", **arguments
    )
    play.call("real", expect="r.public_key | length == 44 and r.interface.peers | length == 2", **arguments)
    output = play.run(host)
    assert "+public_key: (made on apply)" in output
    assert host.out("stat", "-c", "%a", f"{STATE}/@/wg0.key", f"{STATE}/@/wg0.json", f"{STATE}/@") == "600\n600\n700\n"


KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
OTHER = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
BAD = [
    ({"name": "a-name-that-is-long"}, "name: 'a-name-that-is-long' is 19 bytes long"),
    ({"private_key": PRESHARED[:-1]}, "private_key: this is not a private key"),
    ({"peers": [{"public_key": KEY, "endpoint": "host:99999"}]}, "peers[0].endpoint: 'host:99999' is not an endpoint"),
    ({"peers": [{"public_key": KEY, "allowed_ips": ["10.0.0.0/40"]}]}, "peers[0].allowed_ips[0]: '10.0.0.0/40' has no"),
    ({"peers": [{"public_key": KEY, "allowed_ips": ["::ffff:1.2.3.4"]}]}, "write 1.2.3.4"),
    (
        {"peers": [{"public_key": key, "name": key[:2], "allowed_ips": ["10.0.0.0/8"]} for key in (KEY, OTHER)]},
        "peers[1].allowed_ips[0]: '10.0.0.0/8' is given to two peers: peers[0] (xT (xTIBA5rb)) and peers[1]",
    ),
    ({"listen_port": 70000}, "listen_port: 70000 is not a port; use a number from 0 to 65535"),
    ({"listen_port": "many"}, "listen_port"),
    ({"addresses": "{{ {} }}"}, "addresses"),
    ({"namespace": "typo"}, "the network namespace typo does not exist; make it with"),
    ({"colour": "blue"}, "Unsupported parameters"),
    ({"peers": [{"public_key": KEY, "allowedips": []}]}, "Unsupported parameters"),
    ({"backend": "kernel"}, "kernel has no WireGuard"),
]


def test_bad_input_is_refused_before_anything_is_touched(host, play):
    kernel = host.run("ip", "link", "add", "probe", "type", "wireguard", check=False).returncode == 0
    for arguments, message in BAD:
        if not (kernel and arguments.get("backend") == "kernel"):
            play.call(message, expect="r.failed and wanted in r.msg", **arguments)
            play.tasks[-1]["vars"] = {"wanted": message}
    output = play.run(host)
    assert "Traceback" not in output
    assert PRESHARED[:-1] not in output
    assert "wg0" not in host.out("ip", "link")
    assert host.out("ls", "/run/netns") == ""
    assert host.out("find", STATE, "-name", "*.json") == ""


def forms(secret: str) -> list[str]:
    """Everything under which a key could show up."""
    raw = base64.b64decode(secret)
    clamped = bytes([raw[0] & 248, *raw[1:31], raw[31] & 127 | 64])
    return [form for key in (raw, clamped) for form in (base64.b64encode(key).decode(), key.hex(), key.hex().upper())]


class Watch(threading.Thread):
    """Collects the command lines and environments of every process while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.005):
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    self._look(f"/proc/{entry}")

    def _look(self, folder: str) -> None:
        for name in ("cmdline", "environ"):
            try:
                with open(f"{folder}/{name}", "rb") as file:
                    self.seen.add(file.read())
            except OSError:
                continue

    def end(self) -> bytes:
        self._done.set()
        self.join()
        return b"\n".join(self.seen)


def nothing_shows(host: Stack, play: Play, secrets: list[str], *, made: t.Sequence[str] = ()) -> None:
    """Runs the play and looks for each secret where somebody else could see it. made: files of keys that it makes."""
    watch = Watch()
    watch.start()
    output = play.run(host)
    processes = watch.end()
    assert b"ansible-playbook" in processes
    assert b"wireguard-go" in processes
    log = (play.folder / "ansible.log").read_text(encoding="utf-8")
    folders = ["/run", str(play.folder / "local"), str(play.folder / "remote")]
    files = host.run("grep", "-rsa", "", *folders, "--exclude=*.key", "--exclude=*.snapshot", check=False).stdout
    places = {"output": output, "log": log, "files": files, "processes": processes.decode(errors="replace")}
    kept = host.out("find", "/run", "-name", "*.key", "-o", "-name", "*.snapshot").splitlines()
    shown = host.out("stat", "-c", "%a %U %n", *kept).splitlines()
    assert [line for line in shown if not line.startswith("600 root ")] == []
    keys = [host.out("cat", path).strip() for path in made]
    for form in [form for secret in (*secrets, *keys) for form in forms(secret)]:
        for place, text in places.items():
            assert form not in text, place


def test_no_secret_of_the_other_modules_shows_up_anywhere(host, play):
    """keypair, peer, route, rule, interface_info and namespace, where they work and where they fail."""
    host.run("mkdir", "-m", "700", "/run/keys")
    host.run("sh", "-c", f"umask 077; echo {ENDED[:-2]} > /run/keys/broken.key")
    given, broken = (
        {"module": "keypair", "path": "/run/keys/given.key"},
        {"module": "keypair", "path": "/run/keys/broken.key"},
    )
    for check in (True, False):
        play.call(
            "give", check=check, expect="r.changed", **given, private_key=PRIVATE, public_key_path="/run/keys/given.pub"
        )
        play.call("replace", check=check, expect="r.changed", **given, private_key=ROTATED)
        play.call("make", check=check, expect="r.changed", module="keypair", path="/run/keys/made.key")
        play.call("a broken one", check=check, expect="r.failed and 'partial' in r.msg", **broken)
        play.call("fail", check=check, expect="r.failed", **given, private_key=PRIVATE, type="preshared")
        play.call("not a key", check=check, expect="r.failed", **given, private_key=ENDED[:-2])
    play.call("in part", expect="r.changed", **broken, regenerate="partial")
    play.call("always", expect="r.changed", module="keypair", path="/run/keys/made.key", regenerate="always")
    site = {"module": "keypair", "path": "/run/keys/site.key", "type": "preshared"}
    play.call("preshared", expect="r.changed", **site, preshared_key=PRESHARED)
    play.call("an interface", expect="r.changed", private_key=PRIVATE, peers=FIRST["peers"][:1])
    peer = {"module": "peer", "interface": "wg0", "public_key": OTHER, "preshared_key": PRESHARED}
    for check in (True, False):
        play.call("a peer", check=check, expect="r.changed", **peer, allowed_ips=["10.5.0.0/16"])
    play.call("the same", expect="not r.changed", **peer, allowed_ips=["10.5.0.0/16"])
    play.call("another key", expect="r.changed", **{**peer, "preshared_key": SECOND_PRESHARED})
    play.call("bad prefix", expect="r.failed", **peer, allowed_ips=["10.1.0.0/16"])
    play.call("bad key", expect="r.failed", **{**peer, "preshared_key": PRESHARED[:-1]})
    play.call("no interface", expect="r.failed", **{**peer, "interface": "wg7"})
    play.call("a route", expect="r.changed", module="route", destination="10.78.0.0/16", device="wg0")
    play.call("no route", expect="r.failed", module="route", destination="10.1.0.0/16", device="wg0", state="absent")
    play.call("a rule", expect="r.changed", module="rule", priority=1000, table="400")
    play.call("look", expect="r.interfaces | length == 1", module="interface_info")
    if "probe" in interface_info.ARGUMENTS:
        question = {"destination": "10.5.0.1", "send": True}
        play.call("probe", expect="r.probe.problem", module="interface_info", name="wg0", probe=question)
    play.call("its namespace", expect="r.changed", module="namespace", name="blue")
    play.call("gone", expect="r.changed", **peer, state="absent")
    made = ["/run/keys/made.key", "/run/keys/broken.key"]
    nothing_shows(host, play, [PRIVATE, ROTATED, PRESHARED, SECOND_PRESHARED], made=made)
    assert host.out("cat", "/run/keys/given.key").strip() in forms(ROTATED)
    assert ENDED[:-2] not in (play.folder / "ansible.log").read_text(encoding="utf-8")


def test_no_secret_shows_up_anywhere(host, play):
    peers = [{**FIRST["peers"][0], "preshared_key": PRESHARED}, FIRST["peers"][1]]
    play.both("create", changed=True, **{**FIRST, "private_key": PRIVATE, "peers": peers})
    play.call("fail", expect="r.failed", private_key=PRIVATE, listen_port=-1, peers=peers)
    play.call("rotate", expect="r.changed", private_key=ROTATED)
    play.call("remove the preshared key", expect="r.changed", peers=[{**peers[0], "preshared_key": ""}])
    host.run("ip", "route", "add", "blackhole", "10.99.0.0/16")
    play.call(
        "fail late", expect="r.failed", private_key=PRIVATE, routes=[{"destination": "10.99.0.0/16"}], peers=peers
    )
    play.call("a peer for later", expect="r.changed", private_key=ROTATED, peers=peers)
    ends = "pkill -KILL wireguard-go && while ip link show wg0; do sleep 0.1; done"
    for what, expect in (("foresee", "r.changed"), ("put back", "'gets back what is not declared' in r.warnings[1]")):
        play.tasks.append({"name": "its engine ends", "ansible.builtin.shell": ends, "when": what == "foresee"})
        play.call(what, check=what == "foresee", expect=expect, private_key=ROTATED, peers=peers[1:])
    play.tasks.append({"name": "spoil it", "ansible.builtin.shell": f"sed -i s/version/vers/ {STATE}/@/wg0.snapshot"})
    play.call("spoilt", expect="r.failed and 'wg0.snapshot is not a snapshot' in r.msg", private_key=ROTATED)
    play.tasks.append({"name": "mend it", "ansible.builtin.shell": f"sed -i s/vers/version/ {STATE}/@/wg0.snapshot"})
    play.call("delete", expect="r.changed", state="absent", private_key=PRIVATE, peers=peers)
    nothing_shows(host, play, [PRIVATE, ROTATED, PRESHARED])
    assert host.out("cat", f"{STATE}/@/wg0.key").strip() in forms(ROTATED)
