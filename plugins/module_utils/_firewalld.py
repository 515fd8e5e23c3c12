# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld, through firewall-cmd(1): a port in a zone, both at run time and permanently, so that a reload keeps it."""

from __future__ import annotations

import re
import socket
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _program
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._zones import closing, parse_zones

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening

_PROGRAM = "firewall-cmd"
_KINDS: dict[str, tuple[str, ...]] = {"permanent": ("--permanent",), "runtime": ()}


def default_zone() -> str | None:
    """None where firewalld does not run. One question for both: each takes a quarter of a second."""
    path = _program.find(_PROGRAM)
    answer = _program.run(path, "--get-default-zone") if path is not None else None
    return answer.output.strip() if answer is not None and answer.code == 0 else None


def opened(ports: t.Collection[int], zones: t.Iterable[str]) -> dict[tuple[str, int], bool]:
    """Of the open ones among the ports: whether (kind and zone, port) lies amid a range, and so is somebody else's.

    firewalld keeps no names. It joins neighbours to ranges, so that ours may be the end of one; a range that reaches
    further on both sides would be torn in two.
    """
    found = {}
    for zone in zones:
        for kind, options in _KINDS.items():
            for first, last in _ranges(_run(*options, f"--zone={zone}", "--list-ports").output):
                found.update({(f"{kind} {zone}", port): first < port < last for port in ports if first <= port <= last})
    return found


def _ranges(listed: str) -> list[tuple[int, int]]:
    """The UDP ones of a line such as ``443/tcp 51820/udp 52000-52010/udp``, which may also name a protocol alone."""
    ranges = (re.fullmatch(r"(\d+)(?:-(\d+))?/udp", word) for word in listed.split())
    return [(int(found[1]), int(found[2] or found[1])) for found in ranges if found]


def obstacles(port: int, zone: str, label: str) -> list[tuple[str, ...]]:
    """What closes a port that the default zone lets in: in a sentence, the command that shows it, and what to do if it
    is no rule. label: whose last word is the device that needs no way in for itself."""
    zones = parse_zones(_run("--list-all-zones").output)
    here = next((entry for entry in zones if entry.name == zone), None)
    if here is None:
        return []
    look = f"firewall-cmd --zone={zone} --list-rich-rules"
    found: list[tuple[str, ...]] = [
        (f"the rich rule '{rule}' of firewalld's zone {zone} drops what peers send to it", look)
        for rule in closing(here.rich_rules, port, _service_ports)
    ]
    # A device that is in no zone is in the default one.
    devices = {name for _index, name in socket.if_nameindex()} - {"lo", label.split(" ")[-1]}
    others = {device: entry for entry in zones if entry is not here for device in entry.interfaces if device in devices}
    elsewhere = any(entry.lets_in(port, _service_ports) for entry in others.values())
    if not others or elsewhere or devices - others.keys():
        return found
    places = ", ".join(f"{device} is in {others[device].name}" for device in sorted(others))
    what = f"it is let in in firewalld's default zone, {zone}, in which no device is: {places}"
    remedy = "let it in in that zone as well, or make it the default one"
    return [*found, (what, "firewall-cmd --get-active-zones", remedy)]


def _service_ports(name: str) -> list[str]:
    path = _program.find(_PROGRAM)
    answer = _program.run(path, "--permanent", f"--service={name}", "--get-ports") if path else None
    return answer.output.split() if answer is not None and answer.code == 0 else []


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
