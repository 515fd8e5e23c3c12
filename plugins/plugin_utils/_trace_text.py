# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace to be read: one line per decision, every blocker on the line where it stops the packet."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

_Hop = Mapping[str, t.Any]


def render(trace: Mapping[str, t.Any]) -> str:
    """The text of what ``trace`` returned, without a newline at the end."""
    lines = [f"{_name(trace)} → {trace['destination']}   (src {trace['source']})"]
    lines += _way(trace["hops"])
    back = trace.get("back")
    if back:
        lines.append("return path")
        lines.append(f"{back['host']} → {trace['source']}   (src {trace['destination']})")
        lines += _way(back["hops"])
    lines.append(_verdict(trace))
    return "\n".join(lines)


def _name(place: Mapping[str, t.Any]) -> str:
    return f"{place['host']}/{place['namespace']}" if place["namespace"] else str(place["host"])


def _way(hops: t.Sequence[_Hop]) -> list[str]:
    width = max((len(_name(hop)) for hop in hops), default=0)
    lines: list[str] = []
    for number, hop in enumerate(hops, start=1):
        name = f"{_name(hop):{width}}"
        if hop["accepted"] is not None:
            lines.append(f"    {name}  {_source_check(hop)}")
        for blocker in _of(hop, "not_forwarded", "martian_source", "rp_filtered"):
            lines.append(f"{number:2}  {name}  ✗ {blocker['message']}  [{blocker['rule']}]")
        lines.append(f"{number:2}  {name}  {_decision(hop)}")
    return lines


def _source_check(hop: _Hop) -> str:
    accepted = hop["accepted"]
    if accepted["ok"]:
        return f"accepts source {accepted['source']} from peer {accepted['peer']} (AllowedIPs {accepted['prefix']}) ✓"
    rule = next((blocker["rule"] for blocker in _of(hop, "source_rejected")), "WG304")
    listed = ", ".join(accepted["allowed_ips"][:4]) or "none"
    more = ", ..." if len(accepted["allowed_ips"]) > 4 else ""
    taken = f"; it belongs to peer {accepted['owner']}" if accepted["owner"] else ""
    return (
        f"✗ source {accepted['source']} not in AllowedIPs of peer {accepted['peer']} ({listed}{more}){taken}  [{rule}]"
    )


def _decision(hop: _Hop) -> str:
    """The route and what follows from it."""
    outcome = hop["outcome"]
    if outcome == "loop":
        return _stop(hop, "comes here for the second time", "loop")
    route = hop["route"]
    if route is None:
        return _stop(hop, "no route", "no_route")
    if route["type"] == "local":
        return f"delivered here{_marks(hop, 'delivered')}"
    text = f"route {route['destination']} table {route['table']}"
    if route["type"] != "unicast":
        return _stop(hop, f"{text} is {route['type']}", route["type"])
    text += f" → {route['device']}"
    if hop["peer"] is not None:
        text += f" → peer {hop['peer']['name']} (AllowedIPs {hop['peer']['prefix']})"
    if outcome == "exits":
        return f"{text}{_marks(hop, 'exits', reason='leaves the overlay')}"
    if outcome == "no_peer":
        return _stop(hop, f"{text}, but no peer takes it", "no_peer")
    if outcome == "unmanaged_peer":
        return f"{text}, outside this fleet{_marks(hop, 'unmanaged_peer', reason='its key is unknown here')}"
    marks = {"one_sided": "which does not list this host", "no_endpoint": "neither end knows an endpoint of the other"}
    return text + "".join(_marks(hop, found, reason=reason) for found, reason in marks.items())


def _stop(hop: _Hop, text: str, outcome: str) -> str:
    rule = next((blocker["rule"] for blocker in _of(hop, outcome)), "")
    return f"✗ {text}  [{rule}]" if rule else f"✗ {text}"


def _marks(hop: _Hop, outcome: str, *, reason: str = "at the wrong host") -> str:
    """`` ✗ reason [WGnnn]`` for a blocker of that outcome; an arrival without one is marked as good."""
    found = _of(hop, outcome)
    if found:
        return f"  ✗ {reason}  [{found[0]['rule']}]"
    return " ✓" if outcome in ("delivered", "exits") else ""


def _of(hop: _Hop, *outcomes: str) -> list[Mapping[str, t.Any]]:
    return [blocker for blocker in hop["blockers"] if blocker["outcome"] in outcomes]


def _verdict(trace: Mapping[str, t.Any]) -> str:
    blockers = trace["blockers"]
    if blockers:
        ways = {blocker["direction"] for blocker in blockers}
        count = "1 finding" if len(blockers) == 1 else f"{len(blockers)} findings; all must change"
        return f"verdict: {'blocked' if 'forward' in ways else 'the reply is blocked'} by {count}"
    if trace["outcome"] == "unmanaged_peer":
        return "verdict: handed to an external peer; what it does with the packet is not known here"
    return (
        "verdict: arrives, and so does the reply" if trace.get("back") else "verdict: arrives; nobody known would reply"
    )
