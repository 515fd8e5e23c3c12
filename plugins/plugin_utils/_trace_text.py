# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace to be read: one line per decision, every blocker on the line where it stops the packet."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

_Hop = Mapping[str, t.Any]
Step = dict[str, t.Any]


def render(trace: Mapping[str, t.Any]) -> str:
    """The text of what ``trace`` returned, without a newline at the end."""
    return render_steps({**trace, "steps": steps(trace), "back": replying(trace), "verdict": verdict(trace)})


def replying(trace: Mapping[str, t.Any]) -> str | None:
    """The host that replies, or the external peer; None where nobody known would."""
    back = trace.get("back")
    return None if back is None else back.get("peer") or back["host"]


def steps(trace: Mapping[str, t.Any]) -> list[Step]:
    """One line each: ``{direction: forward|back, hop, host, namespace, text, rule}``.

    hop: the number of the stack on the way, null for what the stack does before it looks for a route. rule: what
    blocks the packet on this line, or null.
    """
    back = trace.get("back")
    return [*_way("forward", trace["hops"]), *(_way("back", back["hops"]) if back else ())]


def render_steps(trace: Mapping[str, t.Any]) -> str:
    """The text of a trace in its short form, as a plan holds it: with ``steps``, ``back`` (a host) and ``verdict``."""
    lines = [f"{_name(trace)} → {trace['destination']}   (src {trace['source']})"]
    lines += _lines([step for step in trace["steps"] if step["direction"] == "forward"])
    if trace["back"]:
        lines.append("return path")
        lines.append(f"{trace['back']} → {trace['source']}   (src {trace['destination']})")
        lines += _lines([step for step in trace["steps"] if step["direction"] == "back"])
    return "\n".join([*lines, f"verdict: {trace['verdict']}"])


def _lines(steps: t.Sequence[Step]) -> t.Iterator[str]:
    width = max((len(_name(step)) for step in steps), default=0)
    for step in steps:
        number = "  " if step["hop"] is None else f"{step['hop']:2}"
        rule = f"  [{step['rule']}]" if step["rule"] else ""
        yield f"{number}  {_name(step):{width}}  {step['text']}{rule}"


def _name(place: Mapping[str, t.Any]) -> str:
    return f"{place['host']}/{place['namespace']}" if place["namespace"] else str(place["host"])


def _way(direction: str, hops: t.Sequence[_Hop]) -> t.Iterator[Step]:
    for number, hop in enumerate(hops, start=1):
        place = {"direction": direction, "host": hop["host"], "namespace": hop["namespace"]}
        if hop["accepted"] is not None:
            text, rule = _source_check(hop)
            yield {**place, "hop": None, "text": text, "rule": rule}
        for blocker in _of(hop, "not_forwarded", "martian_source", "rp_filtered"):
            yield {**place, "hop": number, "text": f"✗ {blocker['message']}", "rule": blocker["rule"]}
        text, rule = _decision(hop)
        yield {**place, "hop": number, "text": text, "rule": rule}


def _source_check(hop: _Hop) -> tuple[str, str | None]:
    accepted = hop["accepted"]
    if accepted["ok"]:
        text = f"accepts source {accepted['source']} from peer {accepted['peer']} (AllowedIPs {accepted['prefix']}) ✓"
        return text, None
    rule = next((blocker["rule"] for blocker in _of(hop, "source_rejected")), "WG304")
    listed = ", ".join(accepted["allowed_ips"][:4]) or "none"
    more = ", ..." if len(accepted["allowed_ips"]) > 4 else ""
    taken = f"; it belongs to peer {accepted['owner']}" if accepted["owner"] else ""
    return f"✗ source {accepted['source']} not in AllowedIPs of peer {accepted['peer']} ({listed}{more}){taken}", rule


def _decision(hop: _Hop) -> tuple[str, str | None]:
    """The route and what follows from it; the rule that blocks there."""
    outcome = hop["outcome"]
    if outcome == "loop":
        return _stop(hop, "comes here for the second time", "loop")
    route = hop["route"]
    if route is None:
        return _stop(hop, "no route", "no_route")
    if route["type"] == "local":
        return _marked(hop, "delivered here", "delivered")
    text = f"route {route['destination']} table {route['table']}"
    if route["type"] != "unicast":
        return _stop(hop, f"{text} is {route['type']}", route["type"])
    text += f" → {route['device']}"
    if hop["peer"] is not None:
        text += f" → peer {hop['peer']['name']} (AllowedIPs {hop['peer']['prefix']})"
    if outcome == "exits":
        return _marked(hop, text, "exits", reason="leaves the overlay")
    if outcome == "no_peer":
        return _stop(hop, f"{text}, but no peer takes it", "no_peer")
    if outcome == "unmanaged_peer":
        known = any(blocker["rule"] != "WG108" for blocker in _of(hop, "unmanaged_peer"))
        reason = "which is not meant" if known else "its key is unknown here"
        return _marked(hop, f"{text}, outside this fleet", "unmanaged_peer", reason=reason)
    reasons = {
        "one_sided": "which does not list this host",
        "no_endpoint": "neither end knows an endpoint of the other",
    }
    found = next((outcome for outcome in reasons if _of(hop, outcome)), None)
    return _marked(hop, text, found, reason=reasons[found]) if found else (text, None)


def _stop(hop: _Hop, text: str, outcome: str) -> tuple[str, str | None]:
    return f"✗ {text}", next((blocker["rule"] for blocker in _of(hop, outcome)), None)


def _marked(hop: _Hop, text: str, outcome: str, *, reason: str = "at the wrong host") -> tuple[str, str | None]:
    """With `` ✗ reason`` for a blocker of that outcome; an arrival without one is marked as good."""
    found = _of(hop, outcome)
    if found:
        return f"{text}  ✗ {reason}", found[0]["rule"]
    return text + (" ✓" if outcome in ("delivered", "exits") else ""), None


def _of(hop: _Hop, *outcomes: str) -> list[Mapping[str, t.Any]]:
    return [blocker for blocker in hop["blockers"] if blocker["outcome"] in outcomes]


def verdict(trace: Mapping[str, t.Any]) -> str:
    """``arrives, and so does the reply``, or what is in the way."""
    blockers = trace["blockers"]
    if blockers:
        ways = {blocker["direction"] for blocker in blockers}
        count = "1 finding" if len(blockers) == 1 else f"{len(blockers)} findings; all must change"
        return f"{'blocked' if 'forward' in ways else 'the reply is blocked'} by {count}"
    if trace["outcome"] == "unmanaged_peer":
        answer = "; an answer would arrive" if trace.get("back") else ""
        return f"handed to an external peer; what it does with the packet is not known here{answer}"
    return "arrives, and so does the reply" if trace.get("back") else "arrives; nobody known would reply"
