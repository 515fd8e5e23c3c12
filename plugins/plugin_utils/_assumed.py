# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the derivation had to make up because no inventory says it: its part of the ledger of assumptions."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable


class Assumed(t.NamedTuple):
    """One thing that was made up for one host. name: a key of _TEXTS; detail: how the message calls it."""

    name: str
    host: str
    detail: str


class _Text(t.NamedTuple):
    one: str
    many: str
    settle: str


_TEXTS = {
    "underlay": _Text(
        "nobody describes the underlay of {details}: one device with default routes of both families",
        "nobody describes the underlay of {count} hosts: one device each with default routes of both families",
        "ip -brief address; ip route; ip -6 route   # then describe it in wireguard_stacks",
    ),
    "default_route": _Text(
        "nobody describes the routes of the underlay: default routes by {details}",
        "nobody describes the routes of {count} underlays: default routes by the outward device of each",
        "ip route show default; ip -6 route show default   # then add routes to wireguard_stacks",
    ),
    "lan": _Text(
        "no described device leads to {details}: a LAN device that does",
        "no described device leads to {count} advertised prefixes: a LAN device at each host that does",
        "ip route get <an address of the prefix>   # then describe the device in wireguard_stacks",
    ),
    "masquerade": _Text(
        "what leaves the fleet at {details} is translated (masquerade), since nobody describes the underlay there",
        "what leaves the fleet at {count} exits is translated (masquerade), since nobody describes the underlay there",
        "nft list ruleset   # then describe the outward device in wireguard_stacks, with masquerade: [eth0]",
    ),
    "reverse_path": _Text(
        "the reverse path filter of {details} lets through what comes from an endpoint, though the default route is "
        "the tunnel: it is off or loose",
        "the reverse path filters of {count} hosts let through what comes from an endpoint, though the default route "
        "is the tunnel: they are off or loose",
        "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.default.rp_filter   # 0 or 2, in wireguard_stacks: rp_filter",
    ),
    "hashed": _Text(
        "the addresses of {details} come from nothing but their names: only a plan that is kept and given as the "
        "previous one keeps them when a name that collides is added",
        "the addresses of {count} hosts come from nothing but their names: only a plan that is kept and given as the "
        "previous one keeps them when a name that collides is added",
        "ansible-playbook cryptokey.wireguard.plan -e wireguard_plan_output=plan.json   # and commit plan.json",
    ),
    "facts": _Text(
        "the devices of {details} are those of its gathered facts, which know no routes but the default ones",
        "the devices of {count} hosts are those of their gathered facts, which know no routes but the default ones",
        "ip -brief address; ip route; ip -6 route   # then describe it in wireguard_stacks",
    ),
}
# How many are spelled out in one sentence.
_SPELLED_OUT = 4


def ledger(assumed: Iterable[Assumed]) -> list[dict[str, t.Any]]:
    """``{assumption, settle, hosts}``: one entry per kind, in the order of _TEXTS, however many hosts it is about."""
    found: dict[str, list[Assumed]] = {name: [] for name in _TEXTS}
    for one in sorted(set(assumed)):
        found[one.name].append(one)
    return [_entry(_TEXTS[name], entries) for name, entries in found.items() if entries]


def _entry(text: _Text, entries: list[Assumed]) -> dict[str, t.Any]:
    details = [one.detail for one in entries]
    template = text.one if len(details) <= _SPELLED_OUT else text.many
    assumption = template.format(details=_listed(details), count=len(details))
    return {"assumption": assumption, "settle": text.settle, "hosts": sorted({one.host for one in entries})}


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"
