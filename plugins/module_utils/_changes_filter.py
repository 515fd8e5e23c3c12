# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps on kernel parameters, the interface's nftables table and the ports that are let in. Pure.

What lets more packets pass comes before the traffic that needs it, what lets fewer pass after the last that did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._operations import (
    ChangeSetting,
    ClosePort,
    OpenPort,
    ReplaceRuleset,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import loosens

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted


def settings_changed(base: Observed, wanted: Wanted, *, loosening: bool) -> list[ChangeSetting]:
    return [
        ChangeSetting(setting, value)
        for setting, value in sorted(wanted.settings.items())
        if base.settings.get(setting) != value and loosens(setting, value) is loosening
    ]


def ruleset_replaced(base: Observed, wanted: Wanted, *, adding: bool) -> list[ReplaceRuleset]:
    """adding: where it has anything new; otherwise it is only to lose something."""
    if not wanted.filtered or base.ruleset == wanted.ruleset:
        return []
    there = set(base.ruleset.rules) if base.ruleset else set()
    new = bool(wanted.ruleset) and not set(wanted.ruleset.rules if wanted.ruleset else ()) <= there
    return [ReplaceRuleset(wanted.name, base.ruleset, wanted.ruleset)] if new is adding else []


def ports_opened(base: Observed, wanted: Wanted) -> list[OpenPort]:
    return [OpenPort(opening) for opening in sorted(wanted.openings - base.filtering.openings)]


def ports_closed(base: Observed, wanted: Wanted) -> list[ClosePort]:
    return [ClosePort(opening) for opening in sorted(wanted.gone_openings & base.filtering.openings)]
