# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables of the calling thread's network namespace, through the program nft and its JSON (libnftables-json(5))."""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _program, _ruleset
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset

_INPUT_FAMILIES = ("inet", "ip", "ip6")
# Tables that their owner writes anew whenever it likes; a rule in them would not last, and is not ours to add.
_MANAGED = ("firewalld",)
_MISSING = "No such file or directory"


def why_unavailable() -> str:
    """Empty where it works. Before Linux 5.7 a packet that leaves no longer knew where it had come in (28f8bfd1ac94,
    "netfilter: Support iif matches in POSTROUTING"), and would silently not be translated."""
    if _program.find("nft") is None:
        return "this host has no nftables (the program nft)"
    release = os.uname().release
    numbers = [int(number) for number in re.findall(r"\d+", release)[:2]]
    return f"this host's kernel {release} is too old: it takes Linux 5.7" if numbers < [5, 7] else ""


def ruleset(device: str) -> Ruleset | None:
    """The table of an interface; None where there is none."""
    answer = _ask(_ruleset.list_command(device))
    if answer.code and _MISSING in answer.error:
        return None
    return _ruleset.parse_listing(_read(answer, f"list the table {_ruleset.table_name(device)}"))


def load(device: str, wanted: Ruleset | None) -> None:
    answer = _ask(_ruleset.load_commands(device, wanted))
    if answer.code:
        raise _refused(f"load the table {_ruleset.table_name(device)}", answer)


def input_chains() -> dict[str, list[t.Any]]:
    """The rules of each base chain that packets to this host go through and that filters anything, by its name
    (family, table, chain)."""
    listed = _read(_ask(_command("list", {"chains": None})), "list the chains")
    found = {}
    for entry in listed.get("nftables", ()):
        chain = entry.get("chain", {})
        if chain.get("hook") != "input" or chain.get("type") != "filter" or chain["family"] not in _INPUT_FAMILIES:
            continue
        if chain["table"] not in _MANAGED:
            place = {name: chain[name] for name in ("family", "table", "name")}
            rules = _rules(place)
            if chain.get("policy") == "drop" or any(not _is_ours(rule) for rule in rules):
                found[f"{chain['family']} {chain['table']} {chain['name']}"] = rules
    return found


def opened(label: str, port: int, chains: t.Mapping[str, list[t.Any]]) -> list[str]:
    """The chains that have a rule of ours for a port, which is what its comment says."""
    return [place for place, rules in chains.items() if any(_opens(rule, label, port) for rule in rules)]


def open_port(opening: Opening, label: str) -> None:
    """In front of everything else in the chain: a table of our own could not accept what another one drops."""
    family, table, chain = opening.place.split(" ")
    rule = {
        "family": family,
        "table": table,
        "chain": chain,
        "comment": label,
        "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": opening.port}},
            {"accept": None},
        ],
    }
    answer = _ask(_command("insert", {"rule": rule}))
    if answer.code:
        raise _refused(f"open {opening}", answer)


def close_port(opening: Opening, label: str) -> None:
    """By its comment and handle; absent is no error."""
    family, table, chain = opening.place.split(" ")
    place = {"family": family, "table": table, "name": chain}
    for rule in _rules(place):
        if _opens(rule, label, opening.port):
            meant = {"family": family, "table": table, "chain": chain, "handle": rule["handle"]}
            answer = _ask(_command("delete", {"rule": meant}))
            if answer.code and _MISSING not in answer.error:
                raise _refused(f"close {opening}", answer)


def _rules(place: t.Mapping[str, str]) -> list[t.Any]:
    answer = _ask(_command("list", {"chain": dict(place)}))
    if answer.code and _MISSING in answer.error:
        return []
    listed = _read(answer, f"list the chain {' '.join(place.values())}")
    return [entry["rule"] for entry in listed.get("nftables", ()) if "rule" in entry]


def _is_ours(rule: t.Mapping[str, t.Any]) -> bool:
    return str(rule.get("comment", "")).startswith(LABEL)


LABEL = "cryptokey.wireguard "
"""What the comment of every rule that opens a port begins with."""


def _opens(rule: t.Mapping[str, t.Any], label: str, port: int) -> bool:
    if rule.get("comment") != label:
        return False
    matches = (entry["match"] for entry in rule.get("expr", ()) if "match" in entry)
    return any(match.get("right") == port for match in matches)


def _command(verb: str, entry: t.Mapping[str, t.Any]) -> str:
    return json.dumps({"nftables": [{verb: entry}]})


def _ask(commands: str) -> _program.Answer:
    path = _program.find("nft")
    if path is None:
        raise missing()
    return _program.run(path, "-j", "-f", "-", text=commands)


def missing() -> HostError:
    return HostError(
        "this host has no nftables (the program nft)",
        remedy="install the package nftables (prepare_nftables: true for the role cryptokey.wireguard.prepare)",
    )


def _read(answer: _program.Answer, what: str) -> t.Mapping[str, t.Any]:
    if answer.code:
        raise _refused(what, answer)
    try:
        document: t.Mapping[str, t.Any] = json.loads(answer.output) if answer.output.strip() else {}
    except ValueError:
        raise HostError(f"nft's answer cannot be read (to {what})") from None
    return document


def _refused(what: str, answer: _program.Answer) -> HostError:
    remedy = "it takes root, and a kernel with nf_tables" if "Operation not" in answer.error else ""
    return HostError(f"nft cannot {what}: {answer.reason}", remedy=remedy)
