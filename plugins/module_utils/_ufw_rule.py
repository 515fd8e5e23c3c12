# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules of ufw close a port, by the commands that `ufw show added` prints (ufw(8), RULE SYNTAX). Pure."""

from __future__ import annotations

import dataclasses
import shlex
import typing as t

_DENIES = ("deny", "reject")
_ANYWHERE = ("any", "0.0.0.0/0", "::/0")
_OPTIONS = ("from", "to", "proto", "app")


@dataclasses.dataclass(frozen=True)
class Command:
    """is_for: whether it means UDP packets to the port; names_port: by that number, among others.

    is_for_few: packets of some senders only. device: by which they come in, empty for any.
    """

    action: str
    is_for: bool
    names_port: bool
    is_for_few: bool
    device: str


def closing(lines: t.Iterable[str], port: int) -> list[str]:
    """What denies a port to the world before a rule lets it in. A device counts where the rule names the port as well:
    most devices are no way for what peers send."""
    found = []
    for line in lines:
        command = read(line, port)
        if command is None or not command.is_for:
            continue
        if command.action not in _DENIES and (command.names_port or not (command.is_for_few or command.device)):
            break
        if command.action in _DENIES and not command.is_for_few and (command.names_port or not command.device):
            found.append(line)
    return found


def read(line: str, port: int) -> Command | None:
    """None for what is about packets that leave or pass through, or about an application's profile."""
    try:
        words = shlex.split(line.partition(" comment ")[0])[1:]
    except ValueError:
        return None
    action, words = words[0], words[1:]
    if action == "route" or words[:1] == ["out"]:
        return None
    words = words[1:] if words[:1] == ["in"] else words
    device = words[1] if words[:1] == ["on"] else ""
    words = [word for word in (words[2:] if device else words) if word not in ("log", "log-all")]
    values = _values(words)
    if values is None or "app" in values:
        return None
    ports, is_udp = values.get("to port", ""), values.get("proto", "udp") == "udp"
    return Command(
        action,
        is_for=is_udp and (not ports or _among(ports, port)),
        names_port=bool(ports),
        is_for_few=values.get("from", "any") not in _ANYWHERE or "from port" in values,
        device=device,
    )


def _values(words: t.Sequence[str]) -> dict[str, str] | None:
    """Of both ways to write a rule: ``51820/udp``, and ``from any to any port 51820 proto udp``."""
    if len(words) == 1 and words[0][:1].isdigit():
        ports, _slash, protocol = words[0].partition("/")
        return {"to port": ports, **({"proto": protocol} if protocol else {})}
    found: dict[str, str] = {}
    side = ""
    for word, value in zip(words[::2], words[1::2]):
        side = word if word in ("from", "to") else side
        found[f"{side} port" if word == "port" else word] = value
    known = set(found) <= {*_OPTIONS, "from port", "to port"}
    return found if known and len(words) % 2 == 0 else None


def _among(ports: str, port: int) -> bool:
    """ports: such as ``53,51000:52000``."""
    for part in ports.split(","):
        first, _colon, last = part.partition(":")
        if first.isdigit() and int(first) <= port <= int(last or first):
            return True
    return False
