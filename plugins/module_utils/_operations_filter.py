# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps on what the kernel does with packets beside routing them: parameters, translation, ports that are let in."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _setting
from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import Operation, Site
from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import (
    FilterRule,
    Ruleset,
    table_name,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening


@dataclasses.dataclass(frozen=True)
class ChangeSetting(Operation):
    setting: str
    value: str

    def describe(self) -> str:
        return _setting.described(self.setting, self.value)

    @property
    def disrupts(self) -> str:
        if _setting.loosens(self.setting, self.value):
            return ""
        return "what comes in by another way than its answers would take"

    def apply(self, site: Site) -> None:
        site.network.change_setting(self.setting, self.value)


@dataclasses.dataclass(frozen=True)
class ReplaceRuleset(Operation):
    """The interface's own nftables table, in one transaction. before, after: None where there is none."""

    name: str
    before: Ruleset | None
    after: Ruleset | None

    def describe(self) -> str:
        table = f"nftables table inet {table_name(self.name)}"
        if self.after is None:
            return f"remove {table}"
        old, new = _rules(self.before), _rules(self.after)
        details = [f"+{rule}" for rule in new if rule not in old] + [f"-{rule}" for rule in old if rule not in new]
        verb = "make" if self.before is None else "replace"
        return f"{verb} {table}: {', '.join(details) or 'in the declared order'}"

    @property
    def disrupts(self) -> str:
        """Connections that are translated keep their translation (conntrack); new ones are what it is about."""
        lost = {rule.chain for rule in _rules(self.before)} - {rule.chain for rule in _rules(self.after)}
        lost |= {rule.chain for rule in set(_rules(self.before)) - set(_rules(self.after)) if rule.chain == "translate"}
        return "new connections that need what is taken out of it" if lost & {"translate", "clamp"} else ""

    def apply(self, site: Site) -> None:
        site.firewall.load(self.name, self.after)


def _rules(ruleset: Ruleset | None) -> tuple[FilterRule, ...]:
    return ruleset.rules if ruleset else ()


@dataclasses.dataclass(frozen=True)
class OpenPort(Operation):
    opening: Opening

    def describe(self) -> str:
        return f"open {self.opening}"

    def apply(self, site: Site) -> None:
        site.host.firewall(self.opening.namespace).open_port(self.opening, site.label)


@dataclasses.dataclass(frozen=True)
class ClosePort(Operation):
    opening: Opening

    def describe(self) -> str:
        return f"close {self.opening}"

    @property
    def disrupts(self) -> str:
        return f"what peers send to port {self.opening.port} before this host has sent to them"

    def apply(self, site: Site) -> None:
        site.host.firewall(self.opening.namespace).close_port(self.opening, site.label)
