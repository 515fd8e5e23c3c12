# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table that an interface has for itself: what stands in it, as the JSON of libnftables-json(5). Pure.

One table per interface, of the family inet, so that it can be replaced in one transaction and removed as a whole, and
nobody else's rules are ever edited. It translates, clamps and marks; it never accepts or drops anything.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

FAMILY = "inet"
_PREFIX = "cryptokey-"
_MANGLE, _SOURCE_NAT = -150, 100
# The headers of a TCP packet that the clamp leaves room for, without options: IP and TCP (RFC 9293, 3.7.1).
_HEADERS = {4: 40, 6: 60}

Expression = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True, order=True)
class Chain:
    """One base chain. Its policy is always accept."""

    name: str
    type: str
    hook: str
    priority: int


@dataclasses.dataclass(frozen=True, order=True)
class FilterRule:
    """expressions: canonical JSON.  comment: what it is for, in words."""

    chain: str
    comment: str
    expressions: str

    def __str__(self) -> str:
        return self.comment or f"{self.chain}: {self.expressions}"


@dataclasses.dataclass(frozen=True)
class Ruleset:
    """A whole table. rules: in their order."""

    chains: frozenset[Chain]
    rules: tuple[FilterRule, ...]


TRANSLATE = Chain("translate", "nat", "postrouting", _SOURCE_NAT)
CLAMP = Chain("clamp", "filter", "forward", _MANGLE)
RECALL = Chain("recall", "filter", "prerouting", _MANGLE)
REMEMBER = Chain("remember", "filter", "postrouting", _MANGLE)


def table_name(device: str) -> str:
    return f"{_PREFIX}{device}"


def masquerading(device: str, outward: t.Iterable[tuple[int, str]]) -> list[tuple[Chain, FilterRule]]:
    """Packets from the tunnel that leave by an outward device get that device's address. outward: (family, device)."""
    return [
        _rule(
            TRANSLATE,
            f"masquerade IPv{family} from {device} to {out}",
            [_meta("nfproto", f"ipv{family}"), _meta("iifname", device), _meta("oifname", out), {"masquerade": None}],
        )
        for family, out in sorted(outward)
    ]


def clamping(device: str, mtu: int) -> list[tuple[Chain, FilterRule]]:
    """TCP connections that are forwarded into the tunnel or out of it agree on segments that fit through it.

    Into it, by what the route says; out of it, by the device's own MTU, since the route there knows of no tunnel.
    """
    into = [_meta("oifname", device), _SYN, _maxseg({"rt": {"key": "mtu"}})]
    rules = [_rule(CLAMP, f"clamp MSS into {device}", into)]
    for family, headers in sorted(_HEADERS.items()):
        out = [_meta("nfproto", f"ipv{family}"), _meta("iifname", device), _SYN, _maxseg(mtu - headers)]
        rules.append(_rule(CLAMP, f"clamp IPv{family} MSS from {device} to {mtu - headers}", out))
    return rules


def marking(device: str, mark: int) -> list[tuple[Chain, FilterRule]]:
    """Answers to encrypted packets get their mark, so that a strict reverse path filter looks where those have gone
    (wg-quick(8) does the same)."""
    remember = [_meta("l4proto", "udp"), _meta("mark", mark), _mangle({"ct": _MARK}, {"meta": _MARK})]
    recall = [_meta("l4proto", "udp"), _match({"ct": _MARK}, mark), _mangle({"meta": _MARK}, {"ct": _MARK})]
    return [
        _rule(RECALL, f"recall the mark of {device}", recall),
        _rule(REMEMBER, f"remember the mark of {device}", remember),
    ]


def ruleset(parts: t.Iterable[tuple[Chain, FilterRule]]) -> Ruleset | None:
    """None where there is nothing to stand in it."""
    listed = list(parts)
    if not listed:
        return None
    return Ruleset(frozenset(chain for chain, _rule_of_it in listed), _ordered(rule for _chain, rule in listed))


def load_commands(device: str, wanted: Ruleset | None) -> str:
    """What nft -j -f reads: one transaction that replaces the table, or removes it, whatever it was."""
    name = table_name(device)
    table = {"table": {"family": FAMILY, "name": name}}
    # Added first, so that deleting cannot fail: older nft and kernels know no destroy.
    commands: list[t.Any] = [{"add": table}, {"delete": table}]
    if wanted is not None:
        commands.append({"add": table})
        commands += [{"add": {"chain": _chain(name, chain)}} for chain in sorted(wanted.chains)]
        commands += [{"add": {"rule": _listed(name, rule)}} for rule in wanted.rules]
    return json.dumps({"nftables": commands})


def list_command(device: str) -> str:
    return json.dumps({"nftables": [{"list": {"table": {"family": FAMILY, "name": table_name(device)}}}]})


def parse_listing(document: t.Mapping[str, t.Any]) -> Ruleset:
    """What nft -j answers to list_command(). Whatever else somebody has put into the table is in it, too."""
    chains, rules = set(), []
    for entry in document.get("nftables", ()):
        if "chain" in entry:
            chain = entry["chain"]
            number = chain.get("prio")
            priority = number if isinstance(number, int) else 0
            chains.add(Chain(chain["name"], chain.get("type", ""), chain.get("hook", ""), priority))
        elif "rule" in entry:
            rule = entry["rule"]
            rules.append(FilterRule(rule["chain"], rule.get("comment", ""), _canonical(rule.get("expr", []))))
    return Ruleset(frozenset(chains), _ordered(rules))


def _ordered(rules: t.Iterable[FilterRule]) -> tuple[FilterRule, ...]:
    """By chain; within a chain the order stays."""
    return tuple(sorted(rules, key=lambda rule: rule.chain))


def _chain(table: str, chain: Chain) -> Expression:
    plain = {"family": FAMILY, "table": table, "name": chain.name}
    if not chain.hook:
        return plain
    return {**plain, "type": chain.type, "hook": chain.hook, "prio": chain.priority, "policy": "accept"}


def _listed(table: str, rule: FilterRule) -> Expression:
    listed = {"family": FAMILY, "table": table, "chain": rule.chain, "expr": json.loads(rule.expressions)}
    return {**listed, "comment": rule.comment} if rule.comment else listed


def _rule(chain: Chain, comment: str, expressions: list[Expression]) -> tuple[Chain, FilterRule]:
    return chain, FilterRule(chain.name, comment, _canonical(expressions))


def _canonical(expressions: t.Any) -> str:
    return json.dumps(expressions, sort_keys=True, separators=(",", ":"))


def _match(left: Expression, right: t.Any, operator: str = "==") -> Expression:
    return {"match": {"op": operator, "left": left, "right": right}}


def _meta(key: str, value: t.Any) -> Expression:
    return _match({"meta": {"key": key}}, value)


def _mangle(target: Expression, value: t.Any) -> Expression:
    return {"mangle": {"key": target, "value": value}}


def _maxseg(value: t.Any) -> Expression:
    """The kernel only ever lowers it (nft_exthdr_tcp_set_eval in net/netfilter/nft_exthdr.c)."""
    return _mangle({"tcp option": {"name": "maxseg", "field": "size"}}, value)


_MARK = {"key": "mark"}
_SYN = _match({"payload": {"protocol": "tcp", "field": "flags"}}, "syn", "in")
