# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one entry of ``wireguard_networks``. Names of hosts and groups are checked later, when all are known."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import parse_fwmark
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import Prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import TABLES
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _linux_words
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._declaration import (
    DEFAULT_PORT,
    Link,
    Network,
    Routing,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._external_peer import read_external_peers
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._gateways import read_open_port
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import Cursor, value_or

OPTIONS = (
    "interface", "pool", "reserved", "supernet", "exit", "topology", "hubs", "links", "listen_port", "mtu", "backend",
    "clamp_mss", "open_port", "preshared_keys", "preshared_epoch", "routing", "forwarding", "external_peers", "expect",
)  # fmt: skip
BACKENDS = ("auto", "kernel", "userspace")
SELECTORS = ("host", "group", "network", "prefix")
RULE_OPTIONS = ("priority", "from", "to", "iif", "fwmark", "invert", "table", "suppress_prefixlength")
_MAX32 = 2**32 - 1
_TABLES = {number: name for name, number in TABLES.items()}


def read_network(name: str, cursor: Cursor) -> Network:
    """The network as far as it could be read; every mistake is noted in the cursor's list."""
    options = cursor.options(OPTIONS)
    topology = value_or(options, "topology", lambda c: c.choice(("mesh", "hub", "links")), "mesh")
    _check_topology(cursor, options, topology)
    pool = value_or(options, "pool", lambda c: c.each(Cursor.prefix), ())
    return Network(
        name=name,
        interface=_read_interface_name(cursor, options, f"wg-{name}"),
        topology=topology,
        pool=pool,
        reserved=value_or(options, "reserved", lambda c: c.each(Cursor.prefix), ()),
        supernet=value_or(options, "supernet", lambda c: _read_supernet(c, pool), ()),
        exit=value_or(options, "exit", Cursor.text, None),
        hubs=value_or(options, "hubs", lambda c: c.each(Cursor.text), ()),
        links=value_or(options, "links", lambda c: c.each(_read_link), ()),
        listen_port=value_or(options, "listen_port", lambda c: c.integer(1, 65535), DEFAULT_PORT),
        mtu=value_or(options, "mtu", lambda c: c.integer(576, 65455), None),
        backend=value_or(options, "backend", lambda c: c.choice(BACKENDS), None),
        clamp_mss=value_or(options, "clamp_mss", Cursor.flag, None),
        open_port=value_or(options, "open_port", read_open_port, None),
        preshared_keys=value_or(options, "preshared_keys", lambda c: c.choice(("none", "derived")), None),
        preshared_epoch=value_or(options, "preshared_epoch", lambda c: c.integer(0, _MAX32), 1),
        routing=value_or(options, "routing", _read_routing, Routing()),
        forwarding=value_or(options, "forwarding", lambda c: c.choice(("managed", "unmanaged")), "managed"),
        external_peers=value_or(options, "external_peers", lambda c: read_external_peers(c, has_pool=bool(pool)), ()),
        expect=value_or(options, "expect", lambda c: c.each(_read_expectation), ()),
    )


def _read_interface_name(cursor: Cursor, options: Mapping[str, Cursor], default: str) -> str:
    """The declared name, or the default; a default that is too long is noted too: the network needs another one."""
    if "interface" not in options:
        return cursor.at(".interface", default).interface_name() or default
    return options["interface"].interface_name() or default


def read_rules(cursor: Cursor) -> tuple[dict[str, t.Any], ...]:
    """Policy rules that we make, as in ip-rule(8); what is not declared is left out."""
    return cursor.each(_read_rule)


def read_stack_rules(cursor: Cursor) -> tuple[dict[str, t.Any], ...]:
    """Policy rules that a host has anyway: also with selectors and actions that the model does not know."""
    return cursor.each(_read_stack_rule)


def read_table(cursor: Cursor) -> t.Optional[str]:
    """A routing table by its number, or by a name that it has everywhere; those three numbers become names."""
    if cursor.value in _TABLES.values():
        return cursor.text()
    if isinstance(cursor.value, str) and not cursor.value.isdigit():
        remedy = "write its number, see /etc/iproute2/rt_tables"
        cursor.refuse("is the name of a table that other hosts may not know", remedy=remedy)
        return None
    number = cursor.integer(1, _MAX32)
    return None if number is None else _TABLES.get(number, str(number))


def read_mark(cursor: Cursor) -> t.Optional[int]:
    """A packet mark, also in hexadecimal as ip-rule(8) and wg(8) print it."""
    try:
        return parse_fwmark(cursor.value)
    except InvalidInput as error:
        cursor.refuse(error.reason, remedy=error.remedy)
        return None


def _check_topology(cursor: Cursor, options: Mapping[str, Cursor], topology: str) -> None:
    needed = {"hub": "hubs", "links": "links"}.get(topology)
    if needed and needed not in options:
        cursor.at(".topology", topology).refuse(f"needs {needed}", remedy=f"add the option {needed}")
    for option, owner in (("hubs", "hub"), ("links", "links"), ("supernet", "hub")):
        if topology != owner and option in options:
            options[option].refuse(
                f"has no meaning in the topology {topology}", remedy=f"write `topology: {owner}`", show=False
            )


def _read_supernet(cursor: Cursor, pool: tuple[Prefix, ...]) -> tuple[Prefix, ...]:
    """``true`` for the pool, or a list of prefixes."""
    if cursor.value is False:
        return ()
    if cursor.value is not True:
        found = cursor.each(Cursor.owned_prefix)
        for prefix in found:
            if prefix.length == 0:
                remedy = "to send everything to one member, make that an exit: advertise: [0.0.0.0/0]"
                cursor.refuse(f"holds the default route {prefix}", remedy=remedy, show=False)
        return tuple(prefix for prefix in found if prefix.length)
    if not pool:
        cursor.refuse("stands for the pool, but the network has none", remedy="add the option pool", show=False)
    return pool


def _read_link(cursor: Cursor) -> t.Optional[Link]:
    """``[a, b]`` or ``{between: [a, b], cost: 10}``."""
    ends, cost = cursor, 1
    if isinstance(cursor.value, Mapping):
        options = cursor.options(("between", "cost"))
        cost = value_or(options, "cost", lambda c: c.integer(1, 1_000_000), 1)
        if "between" not in options:
            cursor.refuse("has no option between", remedy="write {between: [a, b], cost: 10}", show=False)
            return None
        ends = options["between"]
    names = ends.each(Cursor.text)
    if len(names) != 2 or names[0] == names[1]:
        ends.refuse("is not a pair of two different hosts", remedy="write [a, b]", show=False)
        return None
    one, other = sorted(names)
    return Link(one=one, other=other, cost=cost)


def _read_routing(cursor: Cursor) -> Routing:
    if cursor.value is False:
        return Routing(automatic=False)
    if cursor.value is True:
        return Routing()
    options = cursor.options(("table", "metric", "rules", "fwmark"))
    return Routing(
        table=value_or(options, "table", _read_route_table, None),
        metric=value_or(options, "metric", lambda c: c.integer(0, _MAX32), None),
        fwmark=value_or(options, "fwmark", read_mark, None),
        rules=value_or(options, "rules", read_rules, ()),
    )


def _read_route_table(cursor: Cursor) -> t.Optional[str]:
    table = read_table(cursor)
    if table == "local":
        cursor.refuse("is the kernel's own table", remedy="write another number")
    return table


def _read_rule(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    options = cursor.options(RULE_OPTIONS)
    if "priority" not in options or "table" not in options:
        remedy = "write {priority: 100, to: 10.0.0.0/8, table: 200}"
        cursor.refuse("needs a priority and a table", remedy=remedy, show=False)
        return None
    return _rule(options)


def _read_stack_rule(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    others = sorted(_linux_words.RULE.keys() | _linux_words.RULE_ACTIONS.keys() | _linux_words.RULE_WITHOUT_INFLUENCE)
    options = cursor.options((*RULE_OPTIONS, *others))
    acts = any(key in options for key in ("table", *_linux_words.RULE_ACTIONS))
    if "priority" not in options or not acts:
        remedy = "write {priority: 100, to: 10.0.0.0/8, table: 200}"
        cursor.refuse("needs a priority and a table, or an action", remedy=remedy, show=False)
        return None
    return {**_rule(options), **{name: options[name].value for name in others if name in options}}


def _rule(options: Mapping[str, Cursor]) -> dict[str, t.Any]:
    readers: dict[str, t.Callable[[Cursor], t.Any]] = {
        "priority": lambda c: c.integer(1, 32765),
        "from": _prefix_text,
        "to": _prefix_text,
        "iif": Cursor.interface_name,
        "fwmark": read_mark,
        "invert": Cursor.flag,
        "table": read_table,
        "suppress_prefixlength": lambda c: c.integer(0, 128),
    }
    return {name: readers[name](options[name]) for name in RULE_OPTIONS if name in options}


def _prefix_text(cursor: Cursor) -> t.Optional[str]:
    prefix = cursor.prefix()
    return None if prefix is None else str(prefix)


def _read_expectation(cursor: Cursor) -> t.Optional[dict[str, t.Any]]:
    options = cursor.options(("from", "to", "reach"))
    if set(options) != {"from", "to", "reach"}:
        remedy = "write {from: {host: a}, to: {host: b}, reach: true}"
        cursor.refuse("needs from, to and reach", remedy=remedy, show=False)
        return None
    ends = {side: _read_selector(options[side]) for side in ("from", "to")}
    reach = options["reach"].flag()
    return None if None in (ends["from"], ends["to"], reach) else {**ends, "reach": reach}


def _read_selector(cursor: Cursor) -> t.Optional[dict[str, str]]:
    """What all the given selectors hold for: a prefix behind a host, the part of a group that is in a network."""
    options = cursor.options(SELECTORS)
    if not options or {"host", "group"} <= set(options):
        reason = "selects nothing" if not options else "selects by host and by group"
        cursor.refuse(reason, remedy=f"write one of {', '.join(SELECTORS)}: {{host: a}}", show=False)
        return None
    found = {
        name: _prefix_text(options[name]) if name == "prefix" else options[name].text()
        for name in SELECTORS
        if name in options
    }
    return None if None in found.values() else t.cast("dict[str, str]", found)
