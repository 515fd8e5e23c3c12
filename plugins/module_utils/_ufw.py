# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw(8), through its command line: one rule for a port, with a comment that says whose it is."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _program
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._ufw_rule import closing

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening

_PROGRAM = "ufw"
# As `ufw show added` prints a rule without an interface or an address. ufw has one of them for a port at most: allowing
# it takes the place of what denied it, logged it or limited its rate.
_RULE = re.compile(r"ufw (allow|limit|deny|reject) (?:log |log-all )?(\d+)/udp(?: comment '(.*)')?")
_LETS_IN = ("allow", "limit")


@dataclasses.dataclass(frozen=True)
class Rule:
    """text: the command that adds it.  comment: it cannot hold an apostrophe."""

    text: str
    lets_in: bool
    comment: str


def is_installed() -> bool:
    return _program.find(_PROGRAM) is not None


def is_active() -> bool:
    path = _program.find(_PROGRAM)
    return path is not None and "Status: active" in _program.run(path, "status").output


def added() -> list[str]:
    """The commands that add the rules, in the order in which a packet meets them; kept whether ufw is active or not."""
    return [line.strip() for line in _run("show", "added").output.splitlines() if line.startswith(f"{_PROGRAM} ")]


def rules(lines: t.Iterable[str], ports: t.Collection[int]) -> dict[int, Rule]:
    """Those for single ones of the ports, whoever added them."""
    found = (_RULE.fullmatch(line) for line in lines)
    there = {int(match[2]): Rule(match[0], match[1] in _LETS_IN, match[3] or "") for match in found if match}
    return {port: there[port] for port in ports if port in there}


def obstacles(lines: t.Iterable[str], port: int) -> list[tuple[str, str]]:
    """The rules before the one for just that port that deny it to the world, and the command that shows them."""
    found = [f"the rule '{line}' of ufw drops what peers send to it" for line in closing(lines, port)]
    return [(what, "ufw status numbered") for what in found]


def open_port(opening: Opening, label: str) -> None:
    _run("allow", f"{opening.port}/udp", "comment", label)


def close_port(opening: Opening, _label: str) -> None:
    _run("delete", "allow", f"{opening.port}/udp")


def missing() -> HostError:
    return HostError("this host has no ufw", remedy="install it, name another one in open_port, or use open_port: auto")


def _run(*arguments: str) -> _program.Answer:
    return _program.demand(_PROGRAM, *arguments, missing=missing())
