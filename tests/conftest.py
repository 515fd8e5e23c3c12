# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by all suites: where the collection is found, how packets are counted, how a test of real packets skips."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import shutil
import typing as t

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent
TREE = TOP / ".venv" / "tree"
SENDING = {TOP / "tests" / name for name in ("integration", "conformance", "systemd")}

# For every ansible-playbook that a test starts.
os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(TREE))

try:
    from hypothesis import HealthCheck, settings
except ImportError:
    pass
else:
    # Deadlines measure the neighbours on a shared machine. Derandomised: the same commit gives the same verdict.
    settings.register_profile(
        "wireguard", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.register_profile("explore", parent=settings.get_profile("wireguard"), derandomize=False, max_examples=2000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "wireguard"))


def _check_pyroute2() -> None:
    """A matrix proves nothing if every row of it runs with the same library (tests/tools/pyroute2)."""
    wanted = os.environ.get("WIREGUARD_PYROUTE2")
    found = importlib.metadata.version("pyroute2") if wanted else None
    if found != wanted:
        raise pytest.UsageError(f"these tests are to run with pyroute2 {wanted}, but Python finds {found}")


class PacketCount:
    """Adds up the packets that were really sent; ``tests/tools/run.py`` fails a suite whose sum is zero.

    The sum is the lines of the file WIREGUARD_PACKET_COUNT, one number each, so that parallel workers and programs
    in other languages can add to it: ``echo 120 >> "$WIREGUARD_PACKET_COUNT"``.
    """

    def __init__(self) -> None:
        self.total = 0

    def sent(self, packets: int) -> None:
        self.total += packets
        path = os.environ.get("WIREGUARD_PACKET_COUNT")
        if path and packets:
            with open(path, "a", encoding="ascii") as file:
                file.write(f"{packets}\n")


@pytest.fixture
def packets() -> t.Iterator[PacketCount]:
    """For a test of real packets: call ``packets.sent(n)`` with what the measuring program says it sent."""
    count = PacketCount()
    yield count
    assert count.total, "this test asked for the packet counter and sent no packet"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "packets: sends real packets; needs root and Linux namespaces")
    _check_pyroute2()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in the folders of SENDING and those marked ``packets`` need a machine that can run them."""
    reason = _cannot_send()
    for item in items:
        if reason and ("packets" in item.keywords or SENDING & set(item.path.parents)):
            item.add_marker(pytest.mark.skip(reason=reason))


def _cannot_send() -> str:
    """Why this machine cannot run tests of real packets; empty where it can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("ip", "ping", "unshare", "nsenter") if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (tests/setup test installs what the tests need)"
    if not shutil.which("wireguard-go") and not os.path.isdir("/sys/module/wireguard"):
        return "neither wireguard-go nor a kernel with WireGuard"
    return ""
