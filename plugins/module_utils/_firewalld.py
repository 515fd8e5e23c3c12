# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld, through firewall-cmd(1): a port in a zone, both at run time and permanently, so that a reload keeps it."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _program
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening

_PROGRAM = "firewall-cmd"
_KINDS: dict[str, tuple[str, ...]] = {"permanent": ("--permanent",), "runtime": ()}


def is_running() -> bool:
    path = _program.find(_PROGRAM)
    return path is not None and _program.run(path, "--state").code == 0


def default_zone() -> str:
    return _run("--get-default-zone").output.strip()


def opened(ports: t.Collection[int], zones: t.Iterable[str]) -> set[tuple[str, int]]:
    """(kind and zone, port); whoever opened them: firewalld keeps no names."""
    found = set()
    for zone in zones:
        for kind, options in _KINDS.items():
            listed = _run(*options, f"--zone={zone}", "--list-ports").output.split()
            found |= {(f"{kind} {zone}", port) for port in ports if f"{port}/udp" in listed}
    return found


def open_port(opening: Opening, _label: str) -> None:
    _change(opening, "add")


def close_port(opening: Opening, _label: str) -> None:
    _change(opening, "remove")


def missing() -> HostError:
    return HostError(
        "firewalld does not run on this host", remedy="start it, name another one in open_port, or use open_port: auto"
    )


def _change(opening: Opening, verb: str) -> None:
    kind, zone = opening.place.split(" ", 1)
    _run(*_KINDS[kind], f"--zone={zone}", f"--{verb}-port={opening.port}/udp")


def _run(*arguments: str) -> _program.Answer:
    return _program.demand(_PROGRAM, *arguments, missing=missing())
