# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program wireguard-plan: every exit code by a real run, and whatever a user passes on arrives."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import typing as t

import pytest
import yaml

TOP = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = TOP / "scripts" / "wireguard-plan"

Change = t.Callable[[dict[str, t.Any]], None]


def nothing(_hosts: dict[str, t.Any]) -> None:
    """The example as it is."""


def two_owners(hosts: dict[str, t.Any]) -> None:
    for name in ("fra1", "nyc1"):
        hosts[name]["wireguard"]["corp"]["advertise"] = ["192.168.10.0/24"]


def translated(hosts: dict[str, t.Any]) -> None:
    """A LAN's packets hide behind the tunnel's address, which is not modelled: a warning, and no proof."""
    hosts["fra1"]["wireguard"]["corp"]["advertise"] = ["192.168.10.0/24"]
    hosts["fra1"]["wireguard_stacks"] = {"": {"masquerade": ["wg0"]}}


def misspelt(hosts: dict[str, t.Any]) -> None:
    hosts["fra1"]["wireguard"]["corp"]["adresses"] = []


class Site:
    """A copy of the example, and the environment of somebody who uses the collection."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / "site"
        shutil.copytree(TOP / "examples" / "minimal", self.folder)
        self.environment = {
            **os.environ,
            "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".venv" / "tree"),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "TMPDIR": str(folder),
        }

    def change(self, how: Change) -> Site:
        path = self.folder / "inventory.yml"
        inventory = yaml.safe_load(path.read_text(encoding="utf-8"))
        how(inventory["all"]["hosts"])
        path.write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
        return self

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAM), "-i", "inventory.yml", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("change", "arguments", "code"),
    [
        (two_owners, (), 1),
        (translated, ("-e", "wireguard_fail_level=warning"), 1),
        (translated, (), 2),
        (translated, ("-e", "wireguard_strict=true"), 3),
        (misspelt, (), 4),
        (nothing, ("-e", "wireguard_fail_level=fatal"), 4),
        (nothing, ("-e", "wireguard_reports=htm=plan.html"), 4),
        (nothing, ("--limit", "nobody"), 4),
        (nothing, ("--no-such-option",), 4),
        (nothing, ("--syntax-check",), 0),
    ],
)
def test_the_exit_code_says_what_the_plan_has_come_to(
    site: Site, change: Change, arguments: tuple[str, ...], code: int
) -> None:
    done = site.change(change).run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("no plan was made" in done.stderr) == (code == 4)


def test_what_changes_is_2_and_once_it_is_the_earlier_plan_0(site: Site) -> None:
    output = ("-e", "wireguard_plan_output=wireguard_plan.json")
    assert site.run(*output, "-v", "--limit", "laptop", "--check").returncode == 2
    assert not (site.folder / "wireguard_plan.json").exists()
    assert site.run(*output).returncode == 2
    assert site.run("--limit", "laptop").returncode == 0


def test_reports_are_written_and_the_user_cannot_lose_the_answer(site: Site) -> None:
    reports = "html=plan.html,sarif=out/plan.sarif,junit=plan.xml,markdown=plan.md,mermaid=plan.mmd,github=-"
    done = site.change(two_owners).run("-e", f"wireguard_reports={reports}", "-e", "wireguard_status_file=mine")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\n::error file=inventory.yml,line=" in done.stdout
    assert (site.folder / "plan.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    sarif = json.loads((site.folder / "out" / "plan.sarif").read_text(encoding="utf-8"))
    first = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == "inventory.yml"
    line = (site.folder / "inventory.yml").read_text(encoding="utf-8").splitlines()[first["region"]["startLine"] - 1]
    assert "192.168.10.0/24" in line
    assert not (site.folder / "mine").exists()


def test_a_vault_asks_for_its_password_at_the_terminal(site: Site) -> None:
    from ansible.parsing.vault import VaultLib, VaultSecret

    (site.folder / "group_vars").mkdir()
    secret = VaultLib([("default", VaultSecret(b"sesame"))]).encrypt("wireguard_fleet_secret: open\n")
    (site.folder / "group_vars" / "all.yml").write_bytes(secret)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(site.folder)
        os.execve(PROGRAM, [str(PROGRAM), "-i", "inventory.yml", "--ask-vault-pass"], site.environment)
    shown = b""
    asked = False
    while True:
        try:
            read = os.read(terminal, 4096)
        except OSError:
            break
        if not read:
            break
        shown += read
        if not asked and b"Vault password" in shown:
            asked = True
            os.write(terminal, b"sesame\n")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    assert asked
    assert status == 2, shown.decode()


def test_nothing_is_left_in_the_temporary_folder(site: Site) -> None:
    before = set(site.folder.parent.iterdir())
    site.run()
    assert set(site.folder.parent.iterdir()) - before <= {site.folder.parent / "home"}
