# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared routes and policy rules of one interface."""

from __future__ import annotations

import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
    placed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._number import (
    parse_fwmark,
    parse_metric,
    parse_number,
    parse_table,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Address,
    Prefix,
    parse_address,
    parse_prefix_lenient,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    DEFAULT_METRIC,
    LOCAL_TABLE,
    MAIN_TABLE,
    Route,
    Rule,
    parse_name,
)

_RESERVED_PRIORITIES = (0, 32766, 32767)


def effective_metric(family: int, metric: int | None) -> int:
    """The metric that the kernel shows for a route that was added with this one."""
    return metric or DEFAULT_METRIC[family]


def declare_routes(
    entries: t.Sequence[t.Mapping[str, t.Any]] | None, *, device: str, warnings: list[str]
) -> tuple[Route, ...] | None:
    if entries is None:
        return None
    routes: list[Route] = []
    seen: dict[t.Any, int] = {}
    for index, entry in enumerate(entries):
        with placed(f"routes[{index}]"):
            route = declare_route(entry, device=device, path=f"routes[{index}]", warnings=warnings)
            first = seen.setdefault(route.identity, index)
            if first != index:
                raise InvalidInput(
                    f"has the destination, table and metric of routes[{first}]",
                    value=str(route),
                    remedy="the kernel takes one of them; change the metric or drop one",
                )
        routes.append(route)
    return tuple(routes)


def declare_route(entry: t.Mapping[str, t.Any], *, device: str | None, path: str, warnings: list[str]) -> Route:
    """One route. device: where a unicast one leads to; path: where the entry stands, for warnings."""
    destination = _prefix(entry.get("destination"), "destination", path, warnings)
    kind = entry.get("type") or "unicast"
    gateway = _address(entry.get("gateway"), "gateway", destination.family)
    if gateway and kind != "unicast":
        raise InvalidInput(f"makes no sense on a route of type {kind}", path="gateway", value=str(gateway))
    return Route(
        destination,
        table=_table(entry),
        metric=effective_metric(destination.family, _placed_or_none(entry, "metric", parse_metric)),
        type=kind,
        device=device if kind == "unicast" else None,
        gateway=gateway,
        source=_address(entry.get("source"), "source", destination.family),
    )


def declare_rules(entries: t.Sequence[t.Mapping[str, t.Any]] | None, warnings: list[str]) -> tuple[Rule, ...] | None:
    """A rule that names no address stands for one of each family."""
    if entries is None:
        return None
    rules: list[Rule] = []
    for index, entry in enumerate(entries):
        with placed(f"rules[{index}]"):
            for rule in declare_rule(entry, path=f"rules[{index}]", warnings=warnings):
                if rule in rules:
                    raise InvalidInput("is there twice", value=str(rule), remedy="keep one of them")
                rules.append(rule)
    return tuple(rules)


def declare_rule(entry: t.Mapping[str, t.Any], *, path: str, warnings: list[str]) -> list[Rule]:
    """One rule, or one of each family where it names no address. path: where the entry stands, for warnings."""
    source = None if entry.get("from") is None else _prefix(entry["from"], "from", path, warnings)
    destination = None if entry.get("to") is None else _prefix(entry["to"], "to", path, warnings)
    families = {prefix.family for prefix in (source, destination) if prefix is not None} or {4, 6}
    if source and destination and len(families) == 2:
        raise InvalidInput("is of another family than from", path="to", value=str(destination))
    iif = entry.get("iif") or None
    if iif:
        with placed("iif"):
            iif = parse_name(iif)
    with placed("priority"):
        priority = _priority(entry.get("priority"))
    return [
        Rule(
            family,
            priority=priority,
            table=_table(entry, lookup=True),
            source=source,
            destination=destination,
            iif=iif,
            fwmark=_placed_or_none(entry, "fwmark", parse_fwmark),
            invert=bool(entry.get("invert")),
            suppress_prefixlength=_placed_or_none(entry, "suppress_prefixlength", _length(max(families))),
        )
        for family in sorted(families)
    ]


def _priority(value: t.Any) -> int:
    number = parse_number(value, what="priority")
    if number in _RESERVED_PRIORITIES:
        raise InvalidInput(
            "is the priority of one of the kernel's own rules", value=number, remedy="use one from 1 to 32765"
        )
    return number


def _length(family: int) -> t.Callable[[t.Any], int]:
    return lambda value: parse_number(value, what="prefix length", highest=WIDTH[family])


def _table(entry: t.Mapping[str, t.Any], *, lookup: bool = False) -> int:
    table = _placed_or_none(entry, "table", parse_table)
    if table is None:
        return MAIN_TABLE
    if table == LOCAL_TABLE and not lookup:
        raise InvalidInput("is the kernel's own table", path="table", value="local", remedy="use another one")
    return table


def _placed_or_none(entry: t.Mapping[str, t.Any], option: str, parse: t.Callable[[t.Any], int]) -> int | None:
    value = entry.get(option)
    if value is None:
        return None
    with placed(option):
        return parse(value)


def _prefix(text: t.Any, option: str, path: str, warnings: list[str]) -> Prefix:
    with placed(option):
        prefix, host_bits = parse_prefix_lenient(text)
    if host_bits:
        place = f"{path}.{option}" if path else option
        warnings.append(f"{place}: {str(text)!r} has host bits set; taken as {prefix}")
    return prefix


def _address(text: t.Any, option: str, family: int) -> Address | None:
    if text is None or text == "":
        return None
    with placed(option):
        address = parse_address(text)
        if address.family != family:
            raise InvalidInput(f"is not an IPv{family} address like the destination", value=str(text))
        return address
