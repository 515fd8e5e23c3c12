# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that every format of a report uses, and the plan as all of them read it."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._expectations import sentence
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._reader import visible

Document = Mapping[str, t.Any]
T = t.TypeVar("T")

SEVERITIES = ("error", "warning", "info")
# How many prefixes or hosts are listed before the rest is counted.
_LISTED = 8
_NEEDED = ("fleet", "findings", "assumptions", "proof", "summary")
_REMEDY = "give it what the plan filter returned"


def rendered(render: t.Callable[[Document], T], plan: Document) -> T:
    """What ``render`` makes of the plan. Raises InvalidInput for what is no plan.

    It gets a copy in which no text can move a cursor, change a terminal, hide or turn around what stands next to it,
    or begin a line of its own: names come from inventories and plans that others have written.
    """
    for key in _NEEDED:
        if key not in plan:
            raise InvalidInput(f"has no {key}", path="the plan", remedy=_REMEDY)
    try:
        return render(_visible(plan))
    except (AttributeError, LookupError, TypeError, ValueError):
        raise InvalidInput("is not a plan", path="the plan", remedy=_REMEDY) from None


def _visible(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {_visible(key): _visible(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(entry) for entry in value]
    return value


def by_severity(findings: Iterable[Document], severity: str) -> list[Document]:
    """Those of one severity, causes first."""
    return sorted((finding for finding in findings if finding["severity"] == severity), key=_cause_first)


def headline(plan: Document) -> tuple[str, str]:
    """The verdict in capitals, and what it is about."""
    proof = plan["proof"]
    nothing = nothing_to_prove(plan)
    if nothing:
        return "NOTHING TO PROVE", nothing
    assumptions = f" under {count(proof['assumptions'], 'assumption')}" if proof["assumptions"] else ""
    verdict = f"{proof['verdict'].upper()}{assumptions}"
    intents = plan.get("expectations") or ()
    if intents and not proof["pairs"]:
        held = sum(bool(entry.get("holds")) for entry in intents)
        return verdict, f"{held:,} of {count(len(intents), 'intent')} met"
    families = " and ".join(f"IPv{family}" for family in proof["families"]) or "no family"
    flows = f"{proof['delivered']:,} of {proof['pairs']:,} flows delivered, {families}"
    broken = sum(not entry.get("holds") for entry in intents)
    return verdict, flows + (f"; {broken:,} of {count(len(intents), 'intent')} broken" if broken else "")


def nothing_to_prove(plan: Document) -> str:
    """Why, or empty. It is true of every packet, because there is none: nobody should take comfort in it."""
    proof = plan["proof"]
    if not plan["summary"]["hosts"]:
        return "no host is a member of a network"
    if proof["verdict"] == "proved" and not proof["pairs"] and not plan.get("expectations"):
        return "no two members of a network have an address family in common"
    return ""


def scope(summary: Document) -> str:
    """``3 hosts, 3 interfaces; network corp (3 members)``."""
    networks = ", ".join(f"{name} ({count(size, 'member')})" for name, size in sorted(summary["networks"].items()))
    counts = f"{count(summary['hosts'], 'host')}, {count(summary['interfaces'], 'interface')}"
    return counts + (f"; network {networks}" if networks else "")


def consequences(summary: Document) -> list[tuple[str, str]]:
    """(- ~ + or a blank, sentence): what a change does to reachability, and the order in which hosts can follow it."""
    found: list[tuple[str, str]] = []
    reachability = summary.get("reachability") or {}
    for sign, kind in (("-", "lost"), ("~", "rerouted"), ("+", "gained")):
        told = reachability.get(kind) or {"entries": (), "more": 0}
        found += [(sign, f"{kind}: {entry['text']}") for entry in told["entries"]]
        found += [(sign, f"{kind}: … and {told['more']:,} more like these")] if told["more"] else []
    for entry in reachability.get("intents") or ():
        state = "holds now" if entry["after"] else "no longer holds"
        found.append(("+" if entry["after"] else "-", f"intent {intent(entry)}: {state}"))
    rollout = summary.get("rollout")
    if rollout:
        found.append((" ", f"order of hosts: {rollout['text']}"))
        steps = rollout["steps"] if rollout["verdict"] != "any" else ()
        found += [(" ", f"{number}. {step['text']}") for number, step in enumerate(steps, 1)]
    return found


def subject(finding: Document) -> str:
    """``host fra1, namespace blue, interface wg0, peer nyc1``, as far as it is known."""
    return ", ".join(f"{key} {finding[key]}" for key in ("host", "namespace", "interface", "peer") if finding.get(key))


def written(finding: Document) -> str:
    """``host_vars/fra1.yml:4``, where it is known."""
    found = finding.get("place")
    if not found:
        return ""
    return f"{found['file']}:{found['line']}" if found["line"] else str(found["file"])


def unsaid(finding: Document) -> Sequence[str]:
    """The prefixes, unless the message names them all."""
    return [] if all(prefix in finding["message"] for prefix in finding["prefixes"]) else finding["prefixes"]


def trace_of(plan: Document, packet: Document | None) -> Document | None:
    """The trace of an example packet, if the plan holds it."""
    if not packet:
        return None
    key = packet_key(packet)
    return next((trace for trace in plan.get("traces") or () if packet_key(trace) == key), None)


def packet_key(packet: Document) -> tuple[str, ...]:
    """What makes two packets the same."""
    return tuple(packet.get(name) or "" for name in ("host", "namespace", "source", "destination"))


def _cause_first(finding: Document) -> int:
    """What is declared wrongly before what follows from it: flows that are lost (0xx), and where on the way (3xx)."""
    return {"WG3": 1, "WG0": 2}.get(finding["rule"][:3], 0)


def count(number: int, noun: str) -> str:
    """``1 host``, ``1,000 hosts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def where(assumption: Document) -> str:
    """The hosts, where the sentence does not name them itself."""
    hosts = assumption.get("hosts") or []
    if not hosts or hosts[0] in assumption["assumption"]:
        return ""
    if len(hosts) <= _LISTED:
        return f" ({', '.join(hosts)})"
    counted = count(len(hosts), "host")
    return "" if counted in assumption["assumption"] else f" ({counted})"


def listed(texts: t.Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED:,} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def witness(witness: Document) -> str:
    stack = f"{witness['host']}, namespace {witness['namespace']}" if witness.get("namespace") else witness["host"]
    return f"{witness['source']} → {witness['destination']}, sent by {stack}"


def intent(entry: Document) -> str:
    """``host a reaches host b``, ``hosts a, b reach host c``."""
    return sentence(_end(entry.get("from")), _end(entry.get("to")), reach=bool(entry.get("reach")))


def _end(selector: t.Any) -> str:
    if isinstance(selector, Mapping):
        return ", ".join(f"{k} {listed(v) if isinstance(v, list) else v}" for k, v in selector.items() if v)
    return str(selector)


def classified(proof: Document) -> str:
    """``1 stack: every one of 4294967296 IPv4 and 2^128 IPv6 addresses decided``."""
    counted = proof.get("addresses_classified") or {}
    shown = " and ".join(f"{_times(int(count), family)} IPv{family}" for family, count in sorted(counted.items()))
    looked = ", ".join(count(proof[f"{noun}s"], noun) for noun in ("stack", "interface", "peer") if f"{noun}s" in proof)
    return f"looked at {looked}, {proof.get('allowed_ips', 0):,} AllowedIPs; classified {shown} addresses"


def _times(count: int, family: str) -> str:
    """6 × 2^128 rather than 39 digits."""
    width = 32 if family == "4" else 128
    return f"2^{width}" if count >> width == 1 else f"{count >> width:,} × 2^{width}"
