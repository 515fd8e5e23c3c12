# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters that interfaces claim, as _wanted_forwarding does for forwarding: the last one to go restores."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _full_tunnel
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import (
    SettingClaim,
    device_of,
    rp_filter,
    stronger,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed

_EVERYWHERE = ("all", "default")


def claimed_settings(filters: t.Mapping[str, str], *, marked: bool) -> dict[str, str]:
    """What an interface claims. filters: the reverse path filter by device; marked: it is a full tunnel here."""
    claims = {rp_filter(device): value for device, value in filters.items()}
    return {**claims, _full_tunnel.SOURCE_CHECK: "1"} if marked else claims


def want_settings(
    claims: t.Mapping[str, str], observed: Observed, *, name: str
) -> tuple[dict[str, str], tuple[SettingClaim, ...]]:
    """(the parameters to set, this interface's claims). One that is not claimed any more is released."""
    _refuse_unknown(claims, observed, name)
    _refuse_outweighed(claims, observed)
    settings = {setting: value for setting, value in settings_after(observed).items() if setting not in claims}
    kept = []
    for setting, value in sorted(claims.items()):
        settings[setting] = stronger(setting, [value, *_others(setting, observed)])
        kept.append(SettingClaim(setting, value=value, previous=_original(setting, observed)))
    return settings, tuple(kept)


def settings_after(observed: Observed) -> dict[str, str]:
    """The parameters to set once this interface's claims are gone; what somebody else has set since then stays."""
    settings = {}
    for claim in observed.record.settings if observed.record else ():
        others = _others(claim.name, observed)
        in_force = stronger(claim.name, [claim.value, *others])
        if observed.settings.get(claim.name) == in_force:
            settings[claim.name] = stronger(claim.name, others) if others else claim.previous
    return settings


def _original(setting: str, observed: Observed) -> str:
    """What was there before the first claim. A device that is yet to be made will have the namespace's default."""
    own = observed.record.setting(setting) if observed.record else None
    if own is not None:
        return own.previous
    known = [claim for neighbour in observed.neighbours for claim in [neighbour.setting(setting)] if claim]
    if known:
        return known[0].previous
    default = observed.settings.get(rp_filter("default"), "0")
    return observed.settings.get(setting, default if setting.endswith("/rp_filter") else "0")


def _others(setting: str, observed: Observed) -> list[str]:
    claims = (neighbour.setting(setting) for neighbour in observed.neighbours)
    return [claim.value for claim in claims if claim is not None]


def _refuse_unknown(claims: t.Mapping[str, str], observed: Observed, name: str) -> None:
    """Without any parameter nothing is known of the host: check mode without a library, or a namespace to be made."""
    for setting in sorted(claims) if observed.settings else ():
        if setting not in observed.settings and device_of(setting) != name:
            raise InvalidInput(
                "is no device of this namespace",
                path=f"rp_filter.{device_of(setting)}",
                remedy="name a device that is there, the interface itself, all or default",
            )


def _refuse_outweighed(claims: t.Mapping[str, str], observed: Observed) -> None:
    """The kernel takes the larger one of a device's value and that of all (ip-sysctl in its documentation)."""
    everywhere = claims.get(rp_filter("all"), observed.settings.get(rp_filter("all"), "0"))
    words = {"1": "strict", "2": "loose"}
    for setting, value in sorted(claims.items()):
        device = device_of(setting)
        if setting == rp_filter(device) and device not in _EVERYWHERE and value < everywhere:
            raise InvalidInput(
                f"has no effect: net.ipv4.conf.all.rp_filter is {everywhere} ({words.get(everywhere, everywhere)}), "
                "and the kernel takes the larger number of the two",
                path=f"rp_filter.{device}",
                value={"0": "off", "1": "strict"}.get(value, value),
                remedy="declare loose, which lets a packet pass if any route leads back, or declare all: off as well",
            )
