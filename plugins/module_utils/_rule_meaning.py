# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the packets to a UDP port a rule of nftables means, and what becomes of them (libnftables-json(5)). Pure.

Asked of the first packet that a peer sends: it comes from outside and to an address of this host, and belongs to no
connection yet. What cannot be decided for all of them counts as ``PERHAPS``.
"""

from __future__ import annotations

import enum
import typing as t

Rule = t.Mapping[str, t.Any]
_NEUTRAL = ("counter", "log", "mangle", "notrack", "set", "dup", "ct helper", "ct timeout", "ct expectation")
_VERDICTS = ("accept", "drop", "reject", "return", "queue")
_LIMITS = ("limit", "quota", "ct count", "meter")
# A packet that nobody tracks is neither.
_STATES = ("new", "untracked")
_INSIDE = "lo"


class Meant(enum.IntEnum):
    """None of the packets; some, or nobody can say; all that come in somewhere or go to one address or family; all."""

    NONE = 0
    PERHAPS = 1
    ON_A_WAY = 2
    ALL = 3


class Answer(t.NamedTuple):
    """verdict: accept, drop, reject, return, queue, jump and goto with the chain as target, or unknown."""

    meant: Meant
    verdict: str
    target: str = ""


def answers(rule: Rule, port: int) -> list[Answer]:
    """The verdicts of a rule, several where it has a map of them; empty where it only counts, logs or marks."""
    matches: list[tuple[str, Meant]] = []
    for entry in rule.get("expr", ()):
        name, value = _single(entry)
        if name == "match":
            matches.append(_match(value, port))
        elif name in _LIMITS:
            matches.append((name, Meant.PERHAPS))
        elif name == "vmap":
            return [Answer(_together([*matches, found]), *verdict) for found, verdict in _map(value, port)]
        elif name in ("jump", "goto"):
            return [Answer(_together(matches), name, str(value["target"]))]
        elif name in _VERDICTS:
            return [Answer(_together(matches), name)]
        elif name not in _NEUTRAL:
            # Newer than this, or of iptables (xt), which nft lists without what it says.
            return [Answer(min(Meant.PERHAPS, _together(matches)), "unknown")]
    return []


def _together(matches: t.Sequence[tuple[str, Meant]]) -> Meant:
    """A device counts where the rule names the port as well: most devices are no way for what peers send."""
    names = {name for name, meant in matches if meant is not Meant.ALL or name == "dport"}
    meant = min((meant for _name, meant in matches), default=Meant.ALL)
    return min(meant, Meant.PERHAPS) if "device" in names and "dport" not in names else meant


def _map(value: t.Mapping[str, t.Any], port: int) -> list[tuple[tuple[str, Meant], tuple[str, str]]]:
    _kind, pairs = _single(value.get("data"))
    if not isinstance(pairs, list):
        return [(("map", Meant.PERHAPS), ("unknown", ""))]
    found = []
    for key, verdict in pairs:
        name, target = _single(verdict)
        match = _match({"left": value.get("key"), "right": key}, port)
        found.append((match, (name, target["target"] if isinstance(target, dict) else "")))
    return found


def _match(match: t.Mapping[str, t.Any], port: int) -> tuple[str, Meant]:
    """What is compared, in a word, and for which packets that holds."""
    name = _compared(*_single(match.get("left")))
    op = match.get("op", "==")
    among = _among(name, match.get("right"), port)
    if name == "other":
        return name, Meant.NONE
    if op not in ("==", "!=", "in") or name == "":
        return name, Meant.PERHAPS
    if name in ("daddr", "nfproto") or (name == "saddr" and op == "!="):
        # Whoever is not one of a few senders: that is the world.
        return name, Meant.ON_A_WAY
    if name == "device" and among is not False:
        return name, Meant.ON_A_WAY
    if among is None or name == "saddr":
        return name, Meant.PERHAPS
    return name, Meant.ALL if among is not (op == "!=") else Meant.NONE


def _compared(kind: str, value: t.Any) -> str:
    """``other`` for a header that these packets do not have, empty for what says nothing here."""
    field = value if isinstance(value, dict) else {}
    protocol, key = field.get("protocol"), str(field.get("key", field.get("field")))
    if kind == "payload" and protocol in ("ip", "ip6"):
        return {"protocol": "l4proto", "nexthdr": "l4proto", "saddr": "saddr", "daddr": "daddr"}.get(key, "")
    if kind == "payload":
        return "dport" if protocol in ("udp", "th") and key == "dport" else "other" if protocol in _OTHERS else ""
    if kind == "meta":
        names = {"protocol": "nfproto", "iif": "device", "iifname": "device"}
        return names.get(key, key if key in ("l4proto", "nfproto") else "")
    if kind == "ct" and key == "state":
        return "state"
    is_own = kind == "fib" and field.get("result") == "type" and field.get("flags") in (["daddr"], "daddr")
    return "own address" if is_own else ""


_OTHERS = ("tcp", "icmp", "icmpv6", "sctp", "dccp", "udplite", "ah", "esp")


def _among(name: str, right: t.Any, port: int) -> bool | None:
    """Whether the packet is one of those on the right side; None where nobody can say, as with a named set."""
    tests: dict[str, t.Callable[[t.Any], bool | None]] = {
        "dport": lambda item: _covers(item, port),
        "l4proto": lambda item: _is_one(item, ("udp", 17)),
        "state": lambda item: _is_one(item, _STATES),
        "own address": lambda item: _is_one(item, ("local",)),
        "device": lambda item: None if item != _INSIDE else False,
    }
    if name not in tests:
        return None
    found = [tests[name](item) for item in _items(right)]
    return True if True in found else None if None in found else False


def _is_one(item: t.Any, values: tuple[t.Any, ...]) -> bool | None:
    return None if isinstance(item, dict) or str(item).startswith("@") else item in values


def _covers(item: t.Any, port: int) -> bool | None:
    name, value = _single(item)
    if name == "range":
        return bool(value[0] <= port <= value[1])
    return item == port if isinstance(item, int) else None


def _items(right: t.Any) -> list[t.Any]:
    name, value = _single(right)
    if name == "set" and isinstance(value, list):
        return list(value)
    return list(right) if isinstance(right, list) else [right]


def _single(entry: t.Any) -> tuple[str, t.Any]:
    """Name and value of an object that has one of each, as nearly everything in a listing."""
    return next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else ("", None)
