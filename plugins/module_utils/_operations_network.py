# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps around the device: MTU, addresses, routes, policy rules, forwarding."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import (
    Operation,
    Site,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        InterfaceAddress,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
        Route,
        Rule,
    )


@dataclasses.dataclass(frozen=True)
class SetMtu(Operation):
    """reason: what it follows from, where it was not declared."""

    name: str
    mtu: int
    reason: str = ""

    def describe(self) -> str:
        return f"set MTU {self.mtu}" + (f" ({self.reason})" if self.reason else "")

    def apply(self, site: Site) -> None:
        site.network.set_mtu(self.name, self.mtu)


@dataclasses.dataclass(frozen=True)
class SetUp(Operation):
    name: str
    up: bool = True

    def describe(self) -> str:
        return f"set interface {self.name} {'up' if self.up else 'down'}"

    @property
    def disrupts(self) -> str:
        return "" if self.up else "all its tunnels"

    def apply(self, site: Site) -> None:
        site.network.set_up(self.name, self.up)


@dataclasses.dataclass(frozen=True)
class AddAddress(Operation):
    name: str
    address: InterfaceAddress

    def describe(self) -> str:
        return f"add address {self.address}"

    def apply(self, site: Site) -> None:
        site.network.add_address(self.name, self.address)


@dataclasses.dataclass(frozen=True)
class RemoveAddress(Operation):
    """keep: what has to be there afterwards. The kernel drops the other addresses of the same IPv4 prefix along with
    its primary one (promote_secondaries in the kernel's ip-sysctl document), so they are put back at once.
    """

    name: str
    address: InterfaceAddress
    keep: frozenset[InterfaceAddress] = frozenset()

    def describe(self) -> str:
        return f"remove address {self.address}"

    @property
    def disrupts(self) -> str:
        """Not where the same address stays with another length."""
        stays = any((kept.family, kept.number) == (self.address.family, self.address.number) for kept in self.keep)
        return "" if stays else f"what goes to or comes from {self.address.address}"

    def apply(self, site: Site) -> None:
        network = site.network
        network.remove_address(self.name, self.address)
        link = network.link(self.name) if self.keep else None
        for address in sorted(self.keep - link.addresses) if link else ():
            network.add_address(self.name, address)


@dataclasses.dataclass(frozen=True)
class AddRoute(Operation):
    route: Route

    def describe(self) -> str:
        return f"add route {self.route}"

    def apply(self, site: Site) -> None:
        site.network.add_route(self.route)


@dataclasses.dataclass(frozen=True)
class ReplaceRoute(Operation):
    old: Route
    new: Route

    def describe(self) -> str:
        return f"replace route {self.old} by {self.new}"

    def apply(self, site: Site) -> None:
        site.network.replace_route(self.old, self.new)


@dataclasses.dataclass(frozen=True)
class RemoveRoute(Operation):
    route: Route

    def describe(self) -> str:
        return f"remove route {self.route}"

    @property
    def disrupts(self) -> str:
        return (
            "" if self.route.type != "unicast" else f"what goes to {self.route.destination}, if no other route does it"
        )

    def apply(self, site: Site) -> None:
        site.network.remove_route(self.route)


@dataclasses.dataclass(frozen=True)
class AddRule(Operation):
    rule: Rule

    def describe(self) -> str:
        return f"add rule {self.rule}"

    def apply(self, site: Site) -> None:
        site.network.add_rule(self.rule)


@dataclasses.dataclass(frozen=True)
class RemoveRule(Operation):
    rule: Rule

    def describe(self) -> str:
        return f"remove rule {self.rule}"

    @property
    def disrupts(self) -> str:
        return "what takes this rule's table, if no other rule leads there"

    def apply(self, site: Site) -> None:
        site.network.remove_rule(self.rule)


@dataclasses.dataclass(frozen=True)
class SetForwarding(Operation):
    family: int
    on: bool

    def describe(self) -> str:
        return f"switch IPv{self.family} forwarding {'on' if self.on else 'off'}"

    @property
    def disrupts(self) -> str:
        return "" if self.on else f"every IPv{self.family} packet that this namespace forwards"

    def apply(self, site: Site) -> None:
        site.network.set_forwarding(self.family, self.on)
