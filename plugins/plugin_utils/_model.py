# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet ready for packets: stacks with their routing, interfaces with their cryptokey tables."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey import Cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._cryptokey_document import build_cryptokey
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fib import Fib
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import (
    FAMILIES,
    Fleet,
    Interface,
    Stack,
    StackId,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._partition import Partition


class _Cryptokeys:
    """The cryptokey table of every interface, made when first asked for."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.made: dict[Interface, Cryptokey] = {}

    def of(self, interface: Interface) -> Cryptokey:
        found = self.made.get(interface)
        if found is None:
            found = self.made[interface] = build_cryptokey(self._fleet, interface)
        return found


class StackModel:
    """One stack: its routing table is compiled when a packet first asks for it."""

    def __init__(
        self, stack: Stack, interfaces: tuple[Interface, ...], cryptokeys: _Cryptokeys, memo: dict[t.Any, Partition]
    ) -> None:
        """memo: what stacks with equal routes share."""
        self._cryptokeys = cryptokeys
        self._memo = memo
        self.id = stack.id
        self.stack = stack
        self.devices: dict[str, Interface] = {}
        for interface in interfaces:
            self.devices.setdefault(interface.name, interface)
        self._fib: Fib | None = None

    @property
    def fib(self) -> Fib:
        if self._fib is None:
            tables = {name: self._cryptokeys.of(interface) for name, interface in self.devices.items()}
            self._fib = Fib(self.stack, list(self.devices.values()), tables, memo=self._memo)
        return self._fib


class Model:
    """Everything the prover, the trace and the rules look up; one per fleet, kept in its memo."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.stacks: dict[StackId, StackModel] = {}
        self.by_key: dict[str, Interface] = {}
        self.interfaces = tuple(fleet.interfaces())
        # Per family: the stack that stands for one whose routing is the same but for what is its own.
        self.alike: dict[int, dict[StackId, StackId]] = {family: {} for family in FAMILIES}
        self._by_name: dict[tuple[str | None, str], Interface] = {}
        self._cryptokeys = _Cryptokeys(fleet)
        memo: dict[t.Any, Partition] = {}
        for host in fleet.hosts.values():
            for namespace, stack in host.stacks.items():
                inside = tuple(one for one in host.interfaces if one.namespace == namespace)
                self.stacks[stack.id] = StackModel(stack, inside, self._cryptokeys, memo)
            for interface in host.interfaces:
                if interface.key is not None:
                    self.by_key.setdefault(interface.key, interface)
                self._by_name.setdefault((interface.network, interface.host), interface)

    @classmethod
    def of(cls, fleet: Fleet) -> Model:
        """The model of a fleet, built once."""
        model = fleet.memo.get("model")
        if model is None:
            model = fleet.memo["model"] = cls(fleet)
        return model

    def cryptokey(self, interface: Interface) -> Cryptokey:
        # The commonest look-up of all: nearly always it is there, and a call more would double its price.
        try:
            return self._cryptokeys.made[interface]
        except KeyError:
            return self._cryptokeys.of(interface)

    def target(self, interface: Interface, ident: str) -> Interface | None:
        """The interface behind a peer entry; None where its key is no interface of the fleet.

        While the peer's key is not known yet, its name and network say which interface is meant (WG109 tells of it).
        """
        if not ident.startswith("?"):
            return self.by_key.get(ident)
        return self._by_name.get((interface.network, ident[1:]))

    def named(self, network: str | None, host: str) -> Interface | None:
        """The interface of a host in a network, by name."""
        return self._by_name.get((network, host))

    def entry_of(self, receiver: Interface, sender: Interface) -> str | None:
        """Under which ident the receiver lists the sender; None where it does not."""
        peers = self.cryptokey(receiver)
        if sender.key is not None and sender.key in peers:
            return sender.key
        unknown = f"?{sender.host}"
        return unknown if unknown in peers and self.target(receiver, unknown) is sender else None
