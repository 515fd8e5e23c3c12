# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wg(8) refuses we refuse, what we take it takes for the same value; where we are stricter, wg.py says why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from ansible_collections.cryptokey.wireguard.tests.oracle.sizes import seed, size
from ansible_collections.cryptokey.wireguard.tests.oracle.wg import FIELDS, Texts, stricter

PROGRAM = "ansible_collections.cryptokey.wireguard.tests.oracle.wg"


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for a /run of its own"
    tools = [tool for tool in ("wg", "mount") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def test_texts_are_refused_and_read_as_by_wg() -> None:
    if _missing():
        assert os.environ.get("CI") != "true", _missing()
        pytest.skip(_missing())
    command = [sys.executable, "-m", PROGRAM, "--texts", str(size("texts")), "--seed", seed("wg")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=60 + size("texts") / 2
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    for name in FIELDS:
        for both in ("wg takes, we take", "wg refuses, we refuse"):
            found = re.search(rf"^{name} +{both} +([0-9,]+)$", run.stdout, re.MULTILINE)
            assert found, f"no {name} of which {both}"


def test_no_reason_excuses_a_good_value() -> None:
    """A pattern that also fits what everybody writes would hide that we refuse it."""
    plain = {
        "prefix": ("10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/0", "255.255.255.255"),
        "endpoint": ("203.0.113.1:51820", "[2001:db8::1]:51820"),
        "keepalive": ("0", "25", "65535"),
        "fwmark": ("0", "51820", "0xca6c", "off"),
        "port": ("0", "51820"),
    }
    found = {(field, text): stricter(field, text) for field, texts in plain.items() for text in texts}
    excused = {place: why for place, why in found.items() if why}
    assert not excused


def test_the_texts_are_the_same_every_time_and_mostly_wrong() -> None:
    one, other = Texts("x"), Texts("x")
    drawn = [one.draw(FIELDS["prefix"]) for _text in range(50)]
    assert drawn == [other.draw(FIELDS["prefix"]) for _text in range(50)]
    assert 5 < len(set(drawn) - set(FIELDS["prefix"].seeds)) <= 50
