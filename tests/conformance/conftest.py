# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance suite: the same tests on the kernel's WireGuard and on a userspace engine.

A test that takes ``backend`` runs with each one that this machine has; WIREGUARD_BACKEND leaves one of them. No test
asks which one it has got: where the two may differ is written down in differences.py, and nowhere else.
"""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    WireguardDriver,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.tests.integration import interface_calls
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    isolated,
)


def _backends() -> tuple[str, ...]:
    """kernel, userspace or both; a backend that was asked for and is not there is no reason to skip."""
    there = LinuxHost().backends()
    wanted = os.environ.get("WIREGUARD_BACKEND")
    if not wanted:
        return there
    if wanted not in there:
        raise pytest.UsageError(f"WIREGUARD_BACKEND={wanted}, but this machine has {' and '.join(there) or 'none'}")
    return (wanted,)


def pytest_terminal_summary(terminalreporter: t.Any) -> None:
    """How many faults were injected, by what the tests have recorded; also with workers."""
    passed = terminalreporter.stats.get("passed", [])
    faults = sum(count for report in passed for name, count in report.user_properties if name == "faults")
    if faults:
        terminalreporter.write_line(f"{faults} faults injected")


@pytest.fixture(scope="module", params=_backends())
def backend(request: pytest.FixtureRequest) -> t.Iterator[str]:
    """kernel or userspace; also what a declaration means that names none (interface_calls.apply)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interface_calls, "BACKEND", request.param)
        yield request.param


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        yield here


@pytest.fixture
def host(place: Place) -> LinuxHost:
    return place.host()


@pytest.fixture
def device(host: LinuxHost, backend: str) -> WireguardDriver:
    """A device without configuration, up, in the namespace that the test runs in."""
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    host.network("").set_up("wg0", True)
    return host.wireguard("", "wg0")
