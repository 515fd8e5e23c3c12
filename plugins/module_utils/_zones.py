# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of firewalld as ``firewall-cmd --list-all-zones`` shows them, and their rich rules. Pure.

firewalld.richlanguage(5): rules of a priority below 0 come before everything else of a zone, in that order; those of
priority 0 are sorted, what denies comes first, and ports that are let in come after that.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import typing as t

_ANYWHERE = ("0.0.0.0/0", "::/0")
_DENIES = ("drop", "reject")
_ELEMENTS = ("port", "protocol", "service")
# What a rule may be about, of which none is a packet to a port.
_OTHERS = ("icmp-block", "icmp-type", "masquerade", "forward-port", "source-port", "tcp-mss-clamp")
Ports = t.Callable[[str], t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Zone:
    name: str
    fields: t.Mapping[str, t.Sequence[str]]
    rich_rules: tuple[str, ...] = ()

    @property
    def interfaces(self) -> t.Sequence[str]:
        return self.fields.get("interfaces", ())

    def lets_in(self, port: int, service_ports: Ports) -> bool:
        """Whether the port, or everything, is open there. service_ports: what a service of that name is."""
        if "ACCEPT" in self.fields.get("target", ()) or "udp" in self.fields.get("protocols", ()):
            return True
        listed = [*self.fields.get("ports", ())]
        listed += [entry for name in self.fields.get("services", ()) for entry in service_ports(name)]
        return any(covers(entry, port) for entry in listed)


def parse_zones(listed: str) -> list[Zone]:
    zones: list[Zone] = []
    fields: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if line and not line[0].isspace():
            fields = {}
            zones.append(Zone(line.split()[0], fields))
        elif line.strip().startswith("rule ") and zones:
            zones[-1] = dataclasses.replace(zones[-1], rich_rules=(*zones[-1].rich_rules, line.strip()))
        elif ":" in line:
            name, _colon, values = line.strip().partition(":")
            fields[name] = values.split()
    return zones


def covers(entry: str, port: int) -> bool:
    """entry: such as ``51820/udp`` or ``52000-52010/udp``."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?/udp", entry)
    return found is not None and int(found[1]) <= port <= int(found[2] or found[1])


@dataclasses.dataclass(frozen=True)
class RichRule:
    """parts: what it says behind each word, such as ``port`` and ``drop``; one with NOT, or a limit, counts apart."""

    text: str
    parts: t.Mapping[str, t.Mapping[str, str]]

    @property
    def priority(self) -> int:
        return int(self.parts["rule"].get("priority", "0"))

    @property
    def verdict(self) -> str:
        return next((word for word in ("accept", *_DENIES, "mark") if word in self.parts), "")

    @property
    def is_for_few(self) -> bool:
        """Some senders only, or only so many packets."""
        source = self.parts.get("source", {"address": _ANYWHERE[0]})
        return f"{self.verdict} limit" in self.parts or source.get("address") not in _ANYWHERE

    def names(self, port: int, service_ports: Ports) -> bool:
        """Whether it is about the port, among others; one that says nothing is about everything."""
        element = next((word for word in (*_ELEMENTS, *_OTHERS) if word in self.parts), None)
        values = self.parts.get(element or "", {})
        if element == "port":
            return covers(f"{values.get('port')}/{values.get('protocol')}", port)
        if element == "protocol":
            return values.get("value") == "udp"
        if element == "service":
            return any(covers(entry, port) for entry in service_ports(values.get("name", "")))
        return element is None


def parse_rich_rule(text: str) -> RichRule | None:
    """None for what cannot be read."""
    try:
        tokens = shlex.split(text)
    except ValueError:
        return None
    parts: dict[str, dict[str, str]] = {}
    word = ""
    for token in tokens:
        name, equals, value = token.partition("=")
        if equals and word:
            parts[word][name] = value
        elif token.upper() == "NOT":
            # Everybody but those: that is the world.
            parts[f"{word} not"] = parts.pop(word)
            word = f"{word} not"
        else:
            word = f"{word} limit" if token == "limit" else token
            parts.setdefault(word, {})
    return RichRule(text, parts)


def closing(rules: t.Iterable[str], port: int, service_ports: Ports) -> list[str]:
    """The rich rules of a zone that come before the port as it is let in there, and deny it to the world."""
    found: list[str] = []
    read = [parse_rich_rule(rule) for rule in rules]
    about = [rule for rule in read if rule and rule.priority <= 0 and rule.names(port, service_ports)]
    for priority in sorted({rule.priority for rule in about}):
        peers = [rule for rule in about if rule.priority == priority]
        denying = [rule for rule in peers if rule.verdict in _DENIES and not rule.is_for_few]
        if priority < 0 and any(rule.verdict == "accept" for rule in peers):
            # Open from here on, at least to those that somebody had in mind.
            return found
        found += [rule.text for rule in denying]
    return found
