# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live fleet against its plan: what each host was seen to have, and the text that says so."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

# A session is not used for longer (REJECT_AFTER_TIME in the WireGuard paper, 6.2), so a peer that keeps a link alive
# has made a younger handshake, unless the other end does not answer.
SESSION_SECONDS = 180

_PROBE = (
    "to find out why a peer is silent or a packet dropped, ask the host itself: module interface_info, option probe "
    "(docs/diagnosis.md)"
)

Interface = Mapping[str, t.Any]


def silent_peers(declared: Interface, observed: t.Optional[Interface]) -> list[dict[str, t.Any]]:
    """The peers that this host keeps alive and that do not answer. age: of the last handshake; null: there was none."""
    ages = {peer["public_key"]: peer.get("latest_handshake_age") for peer in (observed or {}).get("peers") or []}
    silent = []
    for peer in declared.get("peers") or []:
        if not peer.get("persistent_keepalive") or not peer.get("endpoint") or peer["public_key"] not in ages:
            continue
        age = ages[peer["public_key"]]
        if age is None or age > SESSION_SECONDS:
            silent.append({"name": peer.get("name") or peer["public_key"], "age": age})
    return sorted(silent, key=lambda peer: peer["name"])


def find_interface(interfaces: Iterable[Interface], *, name: str, namespace: str) -> t.Optional[Interface]:
    """The interface among those that interface_info has returned."""
    for interface in interfaces:
        if interface["name"] == name and (interface.get("namespace") or "") == namespace:
            return interface
    return None


def unplanned(planned: Iterable[Interface], observed: Iterable[Interface]) -> list[str]:
    """What was once declared on the host and is in no plan now, such as the interface of a membership taken out."""
    known = {(interface.get("namespace") or "", interface["name"]) for interface in planned}
    found = (
        (interface.get("namespace") or "", interface["name"]) for interface in observed if interface.get("declared")
    )
    return sorted(
        _place({"namespace": namespace, "name": name}) for namespace, name in found if (namespace, name) not in known
    )


def has_drift(verification: Mapping[str, t.Any]) -> bool:
    return bool(verification.get("error") or verification.get("drift"))


def render_verdict(hosts: Sequence[str], verifications: Mapping[str, Mapping[str, t.Any]]) -> str:
    """verifications: {host: result of fleet_verify}; a host without one was not reached."""
    lines: list[str] = []
    for host in hosts:
        lines += _host_lines(host, verifications.get(host))
    return "\n".join([*lines, _summary(hosts, verifications)])


def _host_lines(host: str, verification: t.Optional[Mapping[str, t.Any]]) -> list[str]:
    if verification is None:
        return [f"{host}", "  unknown  the host was not reached", ""]
    body = [f"  error    {verification['error']}"] if verification.get("error") else []
    body += [f"  drift    {line}" for line in verification.get("drift") or []]
    for interface in verification.get("interfaces") or []:
        body += [f"  silent   {_place(interface)}: {_silence(peer)}" for peer in interface.get("silent") or []]
        if interface.get("rejected_source"):
            body.append(f"  dropped  {_place(interface)}: {_dropped(interface['rejected_source'])}")
    body += [
        f"  extra    {place}: declared once, in no plan now; state: absent removes it"
        for place in verification.get("unplanned") or []
    ]
    return [host, *body, ""] if body else []


def rejected_packets(observed: t.Optional[Interface]) -> t.Optional[int]:
    """How many packets were refused for their source; None where nobody has counted them."""
    statistics = (observed or {}).get("statistics") or {}
    return (statistics.get("rejected_source") or {}).get("packets")


def _place(interface: Interface) -> str:
    namespace = f" in namespace {interface['namespace']}" if interface.get("namespace") else ""
    return f"{interface['name']}{namespace}"


def _silence(peer: Mapping[str, t.Any]) -> str:
    if peer["age"] is None:
        return f"peer {peer['name']} has never answered: no handshake since the interface was made"
    return f"peer {peer['name']} no longer answers: its last handshake is {_duration(peer['age'])} old"


def _dropped(count: int) -> str:
    """Since the interface was made; the counter never goes back."""
    packets = "1 packet" if count == 1 else f"{count} packets"
    return f"{packets} in all came from a peer that has no right to the source address (AllowedIPs)"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _summary(hosts: Sequence[str], verifications: Mapping[str, Mapping[str, t.Any]]) -> str:
    seen = [verifications[host] for host in hosts if host in verifications]
    differing = sum(1 for verification in seen if has_drift(verification))
    silent = sum(len(i.get("silent") or []) for v in seen for i in v.get("interfaces") or [])
    words = [f"{len(hosts)} host{'' if len(hosts) == 1 else 's'}"]
    words.append(f"{differing} with drift" if differing else "no drift")
    words += [f"{silent} silent peer{'' if silent == 1 else 's'}"] if silent else []
    words += [f"{len(hosts) - len(seen)} not reached"] if len(seen) < len(hosts) else []
    hint = [_PROBE] if silent or any(i.get("rejected_source") for v in seen for i in v.get("interfaces") or []) else []
    return "\n".join([f"verified: {', '.join(words)}", *hint])
