# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that shows a finding on the running host, to be copied into a shell there."""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Mapping

# By hundred of the catalogue; {} is the interface.
_BY_HUNDRED = {
    "1": "wg show {} peers",
    "2": "wg show {} allowed-ips",
    "3": "ip route show table all dev {}",
    "4": "ip route show table all dev {}",
    "5": "wg show {} endpoints",
    "6": "ip address show dev {}",
    "7": "ip rule; ip route show table all dev {}",
    "8": "ip link show dev {}",
}


def live_command(finding: Mapping[str, t.Any]) -> tuple[str, str]:
    """(host, command); both empty where no command shows it."""
    packet = finding.get("witness")
    if packet:
        words = f"ip route get {shlex.quote(packet['destination'])} from {shlex.quote(packet['source'])}"
        return packet["host"], _within(packet.get("namespace") or "", words)
    pattern = _BY_HUNDRED.get(finding["rule"][2:3], "")
    if not (pattern and finding.get("host") and finding.get("interface")):
        return "", ""
    return finding["host"], _within(finding.get("namespace") or "", pattern.format(shlex.quote(finding["interface"])))


def _within(namespace: str, command: str) -> str:
    """In a network namespace of ip-netns(8)."""
    if not namespace:
        return command
    words = f"sh -c {shlex.quote(command)}" if ";" in command else command
    return f"ip netns exec {shlex.quote(namespace)} {words}"
