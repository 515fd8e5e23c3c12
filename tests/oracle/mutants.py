# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliberately wrong planners: each is the collection's own with one plausible mistake.

Some replace a small function of the prover, others misread the document on its way in. Every one of them must be
caught by the comparison with the simulator, or the comparison is not worth its time.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import ipaddress
import typing as t
import unittest.mock

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import (
    _cryptokey_document,
    _fib,
    _partition,
    _tables,
    _walk,
)
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet import parse_fleet
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.tests.oracle.compare import TheProver

Change = t.Callable[[t.Any], t.Any]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """patches: (owner, attribute, replacement) while it plans. misread: what it makes of the document."""

    name: str
    patches: tuple[tuple[t.Any, str, t.Any], ...] = ()
    misread: Change | None = None

    @contextlib.contextmanager
    def planner(self) -> t.Iterator[TheProver]:
        """The wrong planner, for as long as the context lasts."""
        with contextlib.ExitStack() as stack:
            for owner, attribute, replacement in self.patches:
                stack.enter_context(unittest.mock.patch.object(owner, attribute, replacement))
            yield Misreading(self.misread) if self.misread else TheProver()


class Misreading(TheProver):
    def __init__(self, misread: Change) -> None:
        self.misread = misread

    def parse(self, document: dict) -> t.Any:
        return parse_fleet(self.misread(copy.deepcopy(document)))


def stacks(document: dict) -> t.Iterator[dict]:
    for host in document["hosts"].values():
        yield from host["namespaces"].values()


def interfaces(document: dict) -> t.Iterator[dict]:
    for host in document["hosts"].values():
        yield from host["interfaces"]


def peer_lists(document: dict) -> t.Iterator[list[dict]]:
    yield from document["peer_groups"].values()
    yield from (interface["peers"] for interface in interfaces(document))


def without_rule_key(*keys: str) -> Change:
    def misread(document: dict) -> dict:
        for stack in stacks(document):
            for rule in stack["rules"]:
                for key in keys:
                    rule.pop(key, None)
        return document

    return misread


def everywhere(key: str, value: t.Any) -> Change:
    """One field of every stack, whatever the document says."""

    def misread(document: dict) -> dict:
        for stack in stacks(document):
            stack[key] = value
        return document

    return misread


def reversed_peers(document: dict) -> dict:
    for peers in peer_lists(document):
        peers.reverse()
        for peer in peers:
            peer["allowed_ips"].reverse()
    return document


def mapped_as_ipv4(document: dict) -> dict:
    for peers in peer_lists(document):
        for peer in peers:
            for text in list(peer["allowed_ips"]):
                if text.startswith("::ffff:"):
                    network = ipaddress.IPv6Network(text)
                    peer["allowed_ips"].append(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return document


def devices_at_birth(document: dict) -> dict:
    """The birthplace of an interface taken for the stack it lives in."""
    for interface in interfaces(document):
        interface["namespace"] = interface.get("socket_namespace") or ""
    return document


def without_overrides(document: dict) -> dict:
    """Entries of an interface's own beside the shared row, not instead of its lines."""
    for interface in interfaces(document):
        group = interface.get("peer_group")
        if group:
            interface["peers"] = document["peer_groups"][group] + interface["peers"]
            interface["peer_group"] = None
    return document


def repeated_keys_replace(document: dict) -> dict:
    for interface in interfaces(document):
        last = {peer["public_key"] or id(peer): peer for peer in interface["peers"]}
        interface["peers"] = [peer for peer in interface["peers"] if last[peer["public_key"] or id(peer)] is peer]
    return document


def first_match(width: int, items: t.Iterable[tuple[int, int, t.Any]]) -> _partition.Partition:
    """The first listed prefix that holds an address, instead of the longest."""
    whole = _partition.Partition.constant(width)
    for item in items:
        one = PARTITION_OF_PREFIXES(width, [item])
        whole = _partition.combine(whole, one, lambda found, later: later if found is None else found)
    return whole


def blind_to(outcome: str) -> tuple[t.Any, str, t.Any]:
    """A planner that has never heard of one way to lose a packet."""
    block = _walk._Steps.block

    def never(self: t.Any, found: str, *arguments: t.Any, **named: t.Any) -> t.Any:
        return self.task.blockers if found == outcome else block(self, found, *arguments, **named)

    return _walk._Steps, "block", never


def winner(change: Change) -> tuple[t.Any, str, t.Any]:
    """The route of a rule, looked up with a changed rule."""
    original = _fib._winner

    def wrong(found: t.Any, rule: t.Any, *, family: int, ingress: str) -> t.Any:
        return original(found, change(rule), family=family, ingress=ingress)

    return _fib, "_winner", wrong


def suppresses_errors(found: t.Any, rule: t.Any, *, family: int, ingress: str) -> t.Any:
    route = WINNER(found, rule, family=family, ingress=ingress)
    limit = rule.suppress_prefixlength
    return None if route is not None and limit is not None and found.length <= limit else route


def forgets_the_ingress(found: t.Any, rule: t.Any, *, family: int, ingress: str) -> t.Any:
    return WINNER(found, rule, family=family, ingress="lo")


def throw_is_the_end(found: t.Any, rule: t.Any, *, family: int, ingress: str) -> t.Any:
    if found is not None and found.routes[0].type == "throw":
        return dataclasses.replace(found.routes[0], type="unreachable")
    return WINNER(found, rule, family=family, ingress=ingress)


def local_after_rules(self: t.Any, whole: t.Any, family: int, here: t.Any) -> t.Any:
    """Own addresses only where no rule led anywhere."""
    undecided = None if here is None else _fib.NO_ROUTE
    own = PARTITION_OF_PREFIXES(whole.width, [(number, whole.width, True) for number in self.local[family]])
    return _partition.combine(whole, own, lambda found, mine: here if mine and found is undecided else found)


def reversed_rules(rules: t.Any, family: int) -> t.Any:
    first, *rest = ORDERED_RULES(rules, family)
    return (first, *reversed(rest))


def local_numbers(anycast: t.Callable[[t.Any, t.Any], bool]) -> tuple[t.Any, str, t.Any]:
    def wrong(stack: t.Any, held: list, family: int) -> t.Iterator[int]:
        for _device, address in held:
            if address.family == family:
                yield address.number
                if family == 6 and anycast(stack, address):
                    yield address.prefix.network

    return _fib, "_local_numbers", wrong


def reverse_look_up_from_lo(
    self: t.Any, stack: t.Any, steps: t.Any, sources: t.Any, to: t.Any, decision: t.Any
) -> t.Any:
    yield from SOURCE_CHECK(self, stack, steps, sources, to, _fib.LOCAL)


def always_addressed(self: t.Any, *arguments: t.Any, **options: t.Any) -> None:
    """Loose rp_filter that does not look whether its device has an IPv4 address."""
    FIB_INIT(self, *arguments, **options)
    self.with_ipv4 = frozenset(self.with_ipv4) | {"wg0", "wg1", "wg2", "wga", "wgb"}


def first_interface_of_the_host(self: t.Any, interface: t.Any, ident: str) -> t.Any:
    """Keys looked up per host."""
    found = TARGET(self, interface, ident)
    return None if found is None else self.fleet.hosts[found.host].interfaces[0]


def seen_by_stack(context: t.Any) -> bool:
    """A loop as soon as a stack is entered again, whatever device it is entered by."""
    earlier = context.parent
    while earlier is not None:
        if earlier.stack == context.stack:
            return True
        earlier = earlier.parent
    return False


PARTITION_OF_PREFIXES = _partition.Partition.of_prefixes
WINNER, ORDERED_RULES, FIB_INIT = _fib._winner, _fib._ordered_rules, _fib.Fib.__init__
SOURCE_CHECK, TARGET = _walk.Walk._source_check, Model.target

MUTANTS = (
    Mutant("first match for the longest prefix", ((_partition.Partition, "of_prefixes", staticmethod(first_match)),)),
    Mutant("source check left out", (blind_to("source_rejected"),)),
    Mutant("forwarding ignored", (blind_to("not_forwarded"),)),
    Mutant("one-sided peers ignored", (blind_to("one_sided"),)),
    Mutant("missing endpoints ignored", (blind_to("no_endpoint"),)),
    Mutant("martian sources ignored", (blind_to("martian_source"),)),
    Mutant("rp_filter ignored", (blind_to("rp_filtered"),)),
    Mutant("the reverse look-up always from lo", ((_walk.Walk, "_source_check", reverse_look_up_from_lo),)),
    Mutant("loose rp_filter without a look at the address", ((_fib.Fib, "__init__", always_addressed),)),
    Mutant("later identical prefix loses", misread=reversed_peers),
    Mutant("own key is a peer", ((_cryptokey_document, "is_own", lambda _interface, _peer: False),)),
    Mutant(
        "allowed_ips_set with the observer's own",
        ((_cryptokey_document, "own_prefixes", lambda _fleet, _stack: set()),),
    ),
    Mutant("own entries do not replace the group's", misread=without_overrides),
    Mutant("a repeated key replaces its first entry", misread=repeated_keys_replace),
    Mutant("IPv4-mapped prefixes taken for IPv4", misread=mapped_as_ipv4),
    Mutant("rule order reversed", ((_fib, "_ordered_rules", reversed_rules),)),
    Mutant("rules ignored", misread=everywhere("rules", [])),
    Mutant("rules: from ignored", misread=without_rule_key("from")),
    Mutant("rules: iif ignored", misread=without_rule_key("iif")),
    Mutant("rules: fwmark ignored", misread=without_rule_key("fwmark")),
    Mutant("rules: invert ignored", misread=without_rule_key("invert")),
    Mutant("suppress_prefixlength ignored", misread=without_rule_key("suppress_prefixlength")),
    Mutant("suppress_prefixlength suppresses error routes", ((_fib, "_winner", suppresses_errors),)),
    Mutant("throw ends the look-up", ((_fib, "_winner", throw_is_the_end),)),
    Mutant("local addresses after the rules", ((_fib.Fib, "_with_local", local_after_rules), (_fib, "_FEW", -1))),
    Mutant("metric ignored", ((_tables, "_best", lambda routes, _family: tuple(routes)),)),
    Mutant("connected IPv6 routes with metric 0", ((_fib, "CONNECTED_METRIC", {4: 0, 6: 0}),)),
    Mutant("IPv6 without preference for the ingress device", ((_fib, "_winner", forgets_the_ingress),)),
    Mutant("IPv6 anycast ignored", (local_numbers(lambda _stack, _address: False),)),
    Mutant("IPv6 anycast without forwarding", (local_numbers(lambda _stack, address: address.length <= 126),)),
    Mutant("IPv6 anycast of a /127", (local_numbers(lambda stack, _address: stack.forwarding[6]),)),
    Mutant("birthplace taken for the namespace", misread=devices_at_birth),
    Mutant("keys looked up per host", ((Model, "target", first_interface_of_the_host),)),
    Mutant("a stack entered twice by two devices is a loop", ((_walk, "_seen_before", seen_by_stack),)),
)
