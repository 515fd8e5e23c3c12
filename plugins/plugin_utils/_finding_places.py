# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file and line of the inventory a finding is about: found afterwards, and only for what findings name."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import Inventory, Member
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._expectations import sentence
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._places import Locate, Step, place_at, steps_of

Finding = dict[str, t.Any]
Place = dict[str, t.Any]
_Way = tuple[str, tuple[Step, ...]]

# Each look-up makes Ansible template a variable once more. Nobody reads the thousandth place.
_LOOKED_FOR = 200


def add_places(
    findings: Iterable[Finding],
    inventory: Inventory,
    expectations: Iterable[Mapping[str, t.Any]],
    *,
    locate: Locate | None,
    source: str | None = None,
) -> None:
    """Sets ``place`` of every finding: ``{file, line}``, or null.

    The line is null where only the file is known: source, the inventory itself. A mistake in a value says in its
    ``path`` where it stands.
    """
    search = _Search(inventory, list(expectations), locate) if locate else None
    # Causes first: what follows from them is mended where they are.
    for number, finding in enumerate(sorted(findings, key=lambda one: one["rule"][:3] in ("WG0", "WG3"))):
        place = search(finding) if search and number < _LOOKED_FOR else None
        finding["place"] = place or ({"file": source, "line": None} if source else None)


class _Search:
    def __init__(self, inventory: Inventory, expectations: list[Mapping[str, t.Any]], locate: Locate) -> None:
        self._inventory = inventory
        self._expectations = expectations
        self._locate = locate
        self._known: dict[_Way, str] = {}
        self._names: dict[str, list[str]] = {}

    def __call__(self, finding: Finding) -> Place | None:
        for way in self._ways(finding):
            found = self._at(way)
            if found:
                file, _colon, line = found.rpartition(":")
                return {"file": file, "line": int(line)} if file and line.isdigit() else None
        return None

    def _at(self, way: _Way) -> str:
        if way not in self._known:
            host, steps = way
            # What concerns the whole fleet stands in group_vars/all, which every member sees.
            hosts = [host] if host else list(self._inventory.hosts)[:1]
            self._known[way] = place_at(hosts, steps, self._inventory.variables, self._locate)
        return self._known[way]

    def _ways(self, finding: Finding) -> Iterator[_Way]:
        """From the very value to what it stands in."""
        if finding.get("path"):
            yield finding["host"] or "", steps_of(finding["path"])
        intent = self._intent(finding["message"]) if finding["rule"] in ("WG001", "WG002") else None
        if intent is not None:
            yield "", ("wireguard_networks", intent["network"], "expect", intent["index"])
        host, peer = finding["host"] or "", finding["peer"] or ""
        wanted = {text for prefix in finding["prefixes"] for text in _spellings(prefix)}
        members = [*self._members(host, finding["interface"]), *self._members(peer, None)]
        for member in members:
            yield from self._values(member.host, steps_of(member.path), wanted)
        if host:
            yield from self._values(host, ("wireguard_stacks",), wanted)
        for network in self._inventory.networks.values():
            if any(external.name == peer for external in network.external_peers):
                yield "", ("wireguard_networks", network.name, "external_peers", peer)
        for member in members:
            yield member.host, steps_of(member.path)

    def _intent(self, message: str) -> Mapping[str, t.Any] | None:
        for entry in self._expectations:
            told = sentence(entry["from"], entry["to"], reach=entry["reach"])
            if message.startswith(f"network {entry['network']} expects that {told},"):
                return entry
        return None

    def _members(self, host: str, interface: str | None) -> list[Member]:
        """The memberships of a host: the one of the interface, else all."""
        found = list(self._inventory.hosts[host].members.values()) if host in self._inventory.hosts else []
        return [member for member in found if member.interface == interface] or found

    def _values(self, host: str, steps: tuple[Step, ...], wanted: set[str]) -> Iterator[_Way]:
        """The ways to the texts below that are one of those wanted."""
        value: t.Any = self._inventory.variables.get(host)
        if not wanted or value is None:
            return
        try:
            for step in steps:
                value = value[step]
            yield from ((host, way) for way in _texts(value, steps, wanted))
        except Exception:  # pylint: disable=broad-except
            # Templates may fail in any way; what cannot be read is no place.
            return


def _texts(value: t.Any, way: tuple[Step, ...], wanted: set[str]) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, str):
        if str(value) in wanted:
            yield way
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _texts(entry, (*way, key), wanted)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, (*way, index), wanted)


def _spellings(prefix: str) -> Iterator[str]:
    """As it may stand in an inventory: a single address without its length."""
    yield prefix
    if prefix.endswith(("/32", "/128")):
        yield prefix.rpartition("/")[0]
