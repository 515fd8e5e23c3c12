# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans to be reported, from empty to large, and one whose every name is an attack."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import yaml

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._key_files import read_key_files
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plan import make_plan
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.plugin_utils.inventories import (
    fleet,
    key,
    numbered,
    public_keys,
)

Plan = dict[str, t.Any]

_EXAMPLES = pathlib.Path(__file__).resolve().parents[4] / "examples"
_SITES: dict[str, t.Any] = {
    "fra1": {"addresses": ["10.77.0.1"], "endpoint": "203.0.113.10", "advertise": ["192.168.10.0/24"]},
    "nyc1": {"addresses": ["10.77.0.2"], "endpoint": "203.0.113.20"},
    "laptop": {"addresses": ["10.77.0.3"]},
}
# Each begins something in HTML, XML, Markdown, Mermaid, a workflow command, a terminal or a JSON text.
HOSTILE = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "]]>&lt;![CDATA[",
    "::error file=a,line=1::x",
    "a\n::error::x",
    "a\r\n\x1b[31mred\x07",
    "\u202eevil\u2066\u200f",
    "`*_[x](http://evil.example)_*`",
    "@org/team #1 | www.evil.example",
    "```\n</details>",
    '"]\n  click n0 "javascript:alert(1)"',
    "%0A%25{{ 7 * 7 }}{% raw %}",
    "\ud800\ufffe\x00",
    "שלום",
)


def plan_of(members: t.Any, *, previous: Plan | None = None, **network: t.Any) -> Plan:
    hostvars = fleet(network, members)
    return make_plan(hostvars, hostvars, public_keys=public_keys(hostvars), previous=previous)


def example(name: str) -> Plan:
    """The plan of an inventory under examples/, read without Ansible: group_vars/all, then host_vars."""
    folder = _EXAMPLES / name
    inventory = yaml.safe_load((folder / "inventory.yml").read_text(encoding="utf-8"))
    shared = dict(inventory["all"].get("vars") or {})
    for path in sorted((folder / "group_vars").rglob("*.yml")):
        shared.update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    hostvars: dict[str, t.Any] = {}
    _collect(inventory["all"], ["all"], shared, hostvars)
    for path in sorted((folder / "host_vars").rglob("*.yml")):
        hostvars[path.stem].update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return make_plan(hostvars, hostvars, public_keys=read_key_files(str(folder / "wireguard_keys")))


def _collect(group: t.Any, names: list[str], variables: t.Any, found: dict[str, t.Any]) -> None:
    for host, own in (group.get("hosts") or {}).items():
        known = found.setdefault(host, {**variables, "group_names": []})
        known.update(own or {})
        known["group_names"] = sorted({*known["group_names"], *names} - {"all"})
    for name, child in (group.get("children") or {}).items():
        _collect(child or {}, [*names, name], {**variables, **((child or {}).get("vars") or {})}, found)


@functools.cache
def broken_mesh(size: int) -> Plan:
    """Everything is wrong everywhere: all members advertise the same prefix, and most cannot be dialled."""
    members = numbered(size)
    for number, membership in enumerate(members.values()):
        membership["advertise"] = ["10.5.0.0/16"]
        if number % 10:
            del membership["endpoint"]
    return plan_of(members)


@functools.cache
def mesh(size: int) -> Plan:
    return plan_of(numbered(size))


@functools.cache
def _changed() -> Plan:
    """A plan with findings, changes, an intent and an outside peer."""
    return plan_of(
        {**_SITES, "nyc1": {**_SITES["nyc1"], "advertise": ["192.168.10.0/24"]}},
        previous=plan_of({"fra1": _SITES["fra1"]}),
        expect=[{"from": {"host": "laptop"}, "to": {"host": "fra1"}, "reach": True}],
        external_peers={"phone": {"public_key": key("phone"), "addresses": ["10.77.9.1"], "via": "fra1"}},
    )


def hostile(attack: str | None = None) -> Plan:
    """A plan as somebody else may have written it: names that no inventory of ours would let through."""
    named = ("fra1", "nyc1", "laptop", "phone", "corp", "wg0")
    attacks = [attack] * len(named) if attack is not None else [*HOSTILE[:5], "|".join(HOSTILE)]
    return renamed(_changed(), {name: f"{name}{one}" for name, one in zip(named, attacks, strict=True)})


def renamed(value: t.Any, names: dict[str, str]) -> t.Any:
    """A copy with some words replaced by others in every text, the names of entries included."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {renamed(name, names): renamed(entry, names) for name, entry in value.items()}
    if isinstance(value, list):
        return [renamed(entry, names) for entry in value]
    return value


PLANS: dict[str, Plan] = {
    "empty": make_plan({"a": {"wireguard_networks": {"corp": {}}}}, ["a"]),
    "alone": plan_of({"fra1": _SITES["fra1"]}),
    "proved": plan_of(_SITES),
    "two-owners": plan_of({**_SITES, "nyc1": {**_SITES["nyc1"], "advertise": ["192.168.10.0/24"]}}),
    "changed": plan_of(_SITES, previous=plan_of({"fra1": _SITES["fra1"], "nyc1": _SITES["nyc1"]})),
    "unchanged": plan_of(_SITES, previous=plan_of(_SITES)),
    "left": plan_of({**_SITES, "laptop": {"state": "absent"}}),
    "mistaken": plan_of({**_SITES, "laptop": {"addresses": ["10.77.0.300"]}}),
    "hub": plan_of({**numbered(30), **_SITES}, topology="hub", hubs=["fra1", "nyc1"]),
    "minimal": example("minimal"),
    "two-hubs": example("two-hubs"),
}
