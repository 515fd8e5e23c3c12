# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prepare role installs for real, on a copy-on-write view of this machine that ends with the test.

Its package source is a folder with three packages made here: nothing is downloaded, nothing of the machine changes.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.tests.integration.playbook_runs import Fleet, Run

HOLDER = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for place in dev proc sys; do mount --rbind "/$place" "$1/root/$place"; done
mount -t tmpfs tmpfs "$1/root/sys/module"
mkdir -p "$1/root/run/lock"
rm -rf "$1/root/etc/apt/sources.list" "$1/root/etc/apt/sources.list.d"
rm -rf "$1/root/var/lib/apt/periodic"
touch -d @0 "$1/root/var/lib/apt/lists"
cp -r "$2" "$1/root/packages"
echo "deb [trusted=yes] file:/packages ./" > "$1/root/etc/apt/sources.list"
echo ready
exec sleep 600
"""
VARIABLES = {"prepare_packages": ["cryptokey-first"], "prepare_userspace_package": "cryptokey-userspace"}
PLAY = """
- hosts: all
  gather_facts: false
  roles: [cryptokey.wireguard.prepare]
"""
PLAY_WITH_PLAN = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: cryptokey.wireguard.fleet
        tasks_from: derive
    - ansible.builtin.import_role:
        name: cryptokey.wireguard.prepare
"""


class Machine(Fleet):
    """This machine as a playbook sees it that may change it."""

    def __init__(self, folder: pathlib.Path, holder: subprocess.Popen[str], root: pathlib.Path) -> None:
        super().__init__(folder)
        self.root = f"/proc/{holder.pid}/root{root}"
        self.enter = ["nsenter", f"--target={holder.pid}", "--mount", "chroot", str(root)]
        self.variables = {**VARIABLES, "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        self.write({"all": {"hosts": {"here": self.variables}}})
        (folder / "play.yml").write_text(PLAY, encoding="ascii")

    def declare(self, member: dict[str, t.Any]) -> None:
        """Makes it the only member of a network, with a plan before the role runs."""
        networks = {"corp": {"pool": ["10.77.0.0/24"], "topology": "mesh"}}
        variables = {**self.variables, "wireguard_networks": networks, "wireguard": {"corp": member}}
        self.write({"all": {"hosts": {"here": variables}}})
        (self.folder / "play.yml").write_text(PLAY_WITH_PLAN, encoding="ascii")

    def put(self, path: str, text: str) -> None:
        target = pathlib.Path(self.root + path)
        target.unlink(missing_ok=True)
        target.write_text(text, encoding="ascii")
        target.chmod(0o755)

    def prepare(self, *arguments: str) -> Run:
        # In the chroot, the inventory and the play are at their usual places: the overlay shows all of this machine.
        self.prefix = self.enter
        return self.run(str(self.folder / "play.yml"), *arguments)

    def installed(self) -> set[str]:
        command = [
            *self.enter,
            "dpkg-query",
            "--show",
            "--showformat",
            "${Package} ${db:Status-Status}\n",
            "cryptokey-*",
        ]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return {line.split()[0] for line in output.splitlines() if line.endswith(" installed")}


def make_package(folder: pathlib.Path, name: str, **fields: str) -> str:
    """Builds an empty package and returns its entry in the index."""
    tree = folder / name
    (tree / "DEBIAN").mkdir(parents=True)
    control = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "nobody <nobody@example.invalid>"}
    text = "".join(f"{key}: {value}\n" for key, value in {**control, **fields, "Description": "empty"}.items())
    (tree / "DEBIAN" / "control").write_text(text, encoding="ascii")
    file = folder / f"{name}_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)], check=True, capture_output=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{text}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n\n"


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> t.Iterator[Machine]:
    if not shutil.which("dpkg-deb") or not shutil.which("apt-get"):
        pytest.skip("not a Debian or Ubuntu machine")
    if subprocess.run(["/usr/bin/python3", "-c", "import apt"], capture_output=True, check=False).returncode:
        pytest.skip("the system's Python has no module apt (package python3-apt)")
    packages, place = tmp_path / "packages", tmp_path / "machine"
    packages.mkdir()
    place.mkdir()
    index = make_package(packages, "cryptokey-first", Recommends="cryptokey-unwanted")
    index += make_package(packages, "cryptokey-unwanted") + make_package(packages, "cryptokey-userspace")
    (packages / "Packages").write_text(index, encoding="ascii")
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", HOLDER, "-", str(place), str(packages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as holder:
        try:
            assert holder.stdout is not None
            answer = holder.stdout.readline()
            if answer.strip() != "ready":
                holder.kill()
                raise AssertionError(answer + holder.stdout.read())
            yield Machine(tmp_path, holder, place / "root")
        finally:
            holder.kill()


def kernel(machine: Machine, *, has_wireguard: bool) -> None:
    machine.put("/usr/sbin/modprobe", f"#!/bin/sh\nexit {0 if has_wireguard else 1}\n")


def test_installs_what_is_missing_and_no_more(machine: Machine) -> None:
    kernel(machine, has_wireguard=False)
    check = machine.prepare("--check").succeeded()
    assert check.changed == {"here": 1}
    assert "Would install cryptokey-first, cryptokey-userspace" in check.output
    assert machine.installed() == set()
    assert machine.prepare().succeeded().changed == {"here": 1}
    assert machine.installed() == {"cryptokey-first", "cryptokey-userspace"}, "recommended packages stay out"
    for arguments in ([], ["--check"]):
        assert machine.prepare(*arguments).succeeded().changed == {}


def test_a_kernel_with_wireguard_needs_no_userspace_implementation(machine: Machine) -> None:
    kernel(machine, has_wireguard=True)
    machine.prepare().succeeded()
    assert machine.installed() == {"cryptokey-first"}


@pytest.mark.parametrize(
    ("declared", "needs_it"),
    [
        ({"backend": "userspace"}, True),
        ({"backend": "userspace", "userspace_engine": "/usr/bin/wireguard-go"}, True),
        ({"backend": "userspace", "userspace_engine": "boringtun-cli"}, False),
        ({"backend": "auto"}, False),
        ({}, False),
    ],
)
def test_an_interface_that_is_to_be_in_userspace_needs_it_anyway(
    machine: Machine, declared: dict[str, str], needs_it: bool
) -> None:
    kernel(machine, has_wireguard=True)
    machine.declare({"addresses": ["10.77.0.1"], **declared})
    machine.prepare().succeeded()
    assert machine.installed() == {"cryptokey-first", *(["cryptokey-userspace"] if needs_it else [])}


def test_whoever_makes_no_plan_says_so_himself(machine: Machine) -> None:
    kernel(machine, has_wireguard=True)
    machine.prepare("-e", "prepare_userspace=true").succeeded()
    assert machine.installed() == {"cryptokey-first", "cryptokey-userspace"}


def test_another_system_is_refused_with_what_to_install_by_hand(machine: Machine) -> None:
    machine.put("/etc/os-release", 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\n')
    pathlib.Path(machine.root + "/etc/debian_version").unlink(missing_ok=True)
    run = machine.prepare()
    assert run.code != 0
    text = " ".join(run.output.split())
    assert "prepares Debian and Ubuntu, not Fedora Linux. Install by hand what the modules need: pyroute2" in text
    assert machine.installed() == set()
