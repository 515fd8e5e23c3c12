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
from ansible_collections.cryptokey.wireguard.plugins.module_utils._chain_walk import Walk
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset

_INPUT_FAMILIES = ("inet", "ip", "ip6")
# What a packet to this host meets before its socket, and where it can be dropped.
_HOOKS = ("ingress", "prerouting", "input")
# Tables that their owner writes anew whenever it likes; a rule in them would not last, and is not ours to add.
_MANAGED = ("firewalld",)
_OF_UFW = "ufw-"
_MISSING = "No such file or directory"
_UNSUPPORTED = "Operation not supported"
# What the kernel needs for our chains beyond the tables themselves, which it does not say.
_OPTIONS = {
    _ruleset.TRANSLATE.name: ("CONFIG_NFT_NAT", "CONFIG_NFT_MASQ"),
    _ruleset.RECALL.name: ("CONFIG_NFT_CT", "CONFIG_NF_CONNTRACK_MARK"),
}


def why_unavailable() -> str:
    """Empty where it works. Before Linux 5.7 a packet that leaves no longer knew where it had come in (28f8bfd1ac94,
    "netfilter: Support iif matches in POSTROUTING"), and would silently not be translated."""
    if _program.find("nft") is None:
        return "this host has no nftables (the program nft)"
    release = os.uname().release
    numbers = [int(number) for number in re.findall(r"\d+", release)[:2]]
    return f"this host's kernel {release} is too old: it takes Linux 5.7" if numbers < [5, 7] else ""


def why_no_marks() -> str:
    """Empty where a rule can mark a packet with the mark of its connection: nft lets the kernel check a whole table
    without making it. The kernel names no option: without CONFIG_NFT_CT it does not know the expression, without
    CONFIG_NF_CONNTRACK_MARK not this key of it (nft_ct_get_init in net/netfilter/nft_ct.c).
    """
    table = _ruleset.ruleset(_ruleset.marking("check", 1))
    answer = _ask(_ruleset.load_commands("check", table), "-c")
    options = {_MISSING: "CONFIG_NFT_CT", _UNSUPPORTED: "CONFIG_NF_CONNTRACK_MARK"}
    option = next((option for error, option in options.items() if answer.code and error in answer.error), "")
    return f"this host's kernel cannot keep the mark of a connection ({option} is not set)" if option else ""


def ruleset(device: str) -> Ruleset | None:
    """The table of an interface; None where there is none."""
    answer = _ask(_ruleset.list_command(device))
    if answer.code and _MISSING in answer.error:
        return None
    return _ruleset.parse_listing(_read(answer, f"list the table {_ruleset.table_name(device)}"))


def load(device: str, wanted: Ruleset | None) -> None:
    answer = _ask(_ruleset.load_commands(device, wanted))
    if answer.code:
        raise _refused(f"load the table {_ruleset.table_name(device)}", answer, wanted)


def input_chains() -> dict[str, list[t.Any]]:
    """The rules of each base chain that packets to this host go through and that filters anything, by its name
    (family, table, chain)."""
    found = {}
    for chain in _base_chains("input"):
        if chain["family"] in _INPUT_FAMILIES:
            rules = _rules(_place(chain))
            if chain.get("policy") == "drop" or any(not _is_ours(rule) for rule in rules):
                found[" ".join(_place(chain).values())] = rules
    return found


def _base_chains(*hooks: str) -> list[t.Mapping[str, t.Any]]:
    """Those of the type filter that are nobody's to write anew."""
    listed = _read(_ask(_command("list", {"chains": None})), "list the chains")
    chains = (entry.get("chain", {}) for entry in listed.get("nftables", ()))
    filters = (chain for chain in chains if chain.get("hook") in hooks and chain.get("type") == "filter")
    return [chain for chain in filters if chain["table"] not in _MANAGED]


def _place(chain: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {name: str(chain[name]) for name in ("family", "table", "name")}


def obstacles(label: str, port: int, opened: t.Mapping[str, list[t.Any]]) -> list[tuple[str, str]]:
    """What drops the first packet to a port wherever it comes from, and the command that shows it.

    opened: the chains, with their rules, that have a rule of ours at their head or are about to get it. Those of ufw
    are told apart by where they lead: what it drops, it says itself.
    """
    found = []
    for chain in _base_chains(*_HOOKS):
        place = _place(chain)
        name = " ".join(place.values())
        rules = opened.get(name)
        if rules is not None and not any(_opens(rule, label, port) for rule in rules):
            continue
        if any(_target(entry).startswith(_OF_UFW) for rule in _rules(place) for entry in rule.get("expr", ())):
            continue
        walk = Walk(
            port,
            rules=lambda target, at=place: _rules({**at, "name": target}),  # type: ignore[misc]
            is_ours=lambda rule: _opens(rule, label, port),
        )
        ends = walk.drops_all(place["name"])
        found += [(_text(rule), f"nft -a list chain {_chain_of(rule)}") for rule in walk.found]
        if chain.get("policy") == "drop" and not ends and not walk.is_over:
            what = f"the nftables chain {name} drops what none of its rules accepts, and none accepts it"
            found.append((what, f"nft list chain {name}"))
    return found


def _target(entry: t.Mapping[str, t.Any]) -> str:
    return str(entry["jump"]["target"]) if "jump" in entry else ""


def _chain_of(rule: t.Mapping[str, t.Any]) -> str:
    return f"{rule['family']} {rule['table']} {rule['chain']}"


def _text(rule: t.Mapping[str, t.Any]) -> str:
    """A rule as nft writes it for people, which its JSON does not hold."""
    handle = f"# handle {rule['handle']}"
    path = _program.find("nft")
    listed = _program.run(path, "-a", "list", "chain", *_chain_of(rule).split(" ")).output if path else ""
    lines = (line.strip() for line in listed.splitlines())
    text = next((line[: -len(handle)].strip() for line in lines if line.endswith(f" {handle}")), "")
    shown = f"'{text}', handle {rule['handle']}," if text else f"with the handle {rule['handle']}"
    return f"the rule {shown} of the nftables chain {_chain_of(rule)} drops what peers send to it"


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


def _ask(commands: str, *options: str) -> _program.Answer:
    path = _program.find("nft")
    if path is None:
        raise missing()
    return _program.run(path, *options, "-j", "-f", "-", text=commands)


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


def _refused(what: str, answer: _program.Answer, wanted: Ruleset | None = None) -> HostError:
    remedy = "it takes root, and a kernel with nf_tables" if "Operation not" in answer.error else ""
    if wanted is not None and any(error in answer.error for error in (_MISSING, _UNSUPPORTED)):
        options = ["CONFIG_NF_TABLES_INET"]
        options += [option for chain in sorted(wanted.chains) for option in _OPTIONS.get(chain.name, ())]
        remedy = (
            f"it takes a kernel with {', '.join(options)}, as those of distributions are built "
            "(zgrep CONFIG_NF /proc/config.gz shows how this one is)"
        )
    return HostError(f"nft cannot {what}: {answer.reason}", remedy=remedy)
