# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenario: what molecule itself would pass over in silence."""

from __future__ import annotations

import pathlib
import re
import subprocess

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "extensions" / "molecule"
# Actions that need no playbook of their own: converge runs a second time.
OF_ANOTHER = {"idempotence": "converge"}


def load(path: pathlib.Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def offered() -> set[str]:
    command = [str(TOP / "tests" / "containers" / "image"), "--offered"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_every_action_of_the_sequence_has_its_playbook():
    """Molecule warns about a missing one and calls the scenario successful."""
    playbooks = load(FOLDER / "config.yml")["ansible"]["playbooks"]
    sequence = load(FOLDER / "default" / "molecule.yml")["scenario"]["test_sequence"]
    for action in sequence:
        name, _space, path = action.partition(" ")
        usual = playbooks[OF_ANOTHER.get(name, name)]  # has to be there also where another one is named
        for playbook in (usual, path or usual):
            assert (FOLDER / "default" / playbook).is_file(), action


def test_the_sequence_loses_the_engines_and_looks_before_and_after():
    sequence = load(FOLDER / "default" / "molecule.yml")["scenario"]["test_sequence"]
    assert sequence[:6] == ["destroy", "create", "prepare", "converge", "idempotence", "verify"]
    assert sequence[6:-2] == ["side_effect kill_engines.yml", "converge", "idempotence", "verify"]
    assert sequence[-2:] == ["side_effect leave.yml", "destroy"]


def test_the_image_offers_what_prepare_installs():
    defaults = load(TOP / "roles" / "prepare" / "defaults" / "main.yml")
    installed = {"python3-apt", "nftables", *defaults["prepare_packages"], defaults["prepare_userspace_package"]}
    assert installed <= offered()


def test_the_image_offers_what_the_tests_in_a_container_install():
    script = (TOP / "tests" / "containers" / "systemd").read_text(encoding="utf-8")
    wanted = re.search(r'^packages="(.*)"$', script, re.MULTILINE)
    assert wanted
    assert set(wanted[1].split()) <= offered()
