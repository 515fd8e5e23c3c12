# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the running kernel what it would do with a packet, and compare that with the simulator's route look-ups.

The simulator is only worth something if it is right itself. This program gives random stacks to the kernel, each in
a network namespace of its own (veth pairs stand in for the WireGuard devices: the FIB does not know the difference),
and asks for routes as ``ip route get`` does: what the stack sends itself, and what it receives by each device, which
for IPv4 includes the check of the source address.

    unshare --net python -m ansible_collections.cryptokey.wireguard.tests.oracle.kernel --look-ups 20000 --seed 7

It needs root and changes nothing outside of its own namespaces.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import errno
import ipaddress
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import time

from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import BITS, FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.simulator import Simulator, Stack

ADDRESS_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

# linux/sched.h, linux/netlink.h, linux/rtnetlink.h, linux/fib_rules.h
CLONE_NEWNET = 0x40000000
NLMSG_ERROR, NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE = 2, 0x1, 0x4, 0x400
RTM_GETROUTE, RTA_DST, RTA_SRC, RTA_IIF, RTA_OIF = 26, 1, 2, 3, 4
RTM_NEWRULE, FR_ACT_TO_TBL, FIB_RULE_INVERT = 32, 1, 2
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_PRIORITY, FRA_FWMARK, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE = 1, 2, 3, 6, 10, 14, 15
FRA_FWMASK, RTA_MARK = 16, 16
SAID_BY = {
    errno.ENETUNREACH: "no_route",
    errno.EHOSTUNREACH: "unreachable",
    errno.EACCES: "prohibit",
    errno.EINVAL: "blackhole",
    errno.EXDEV: "rp_filtered",
}
# The kernel answers EINVAL for a blackhole and (since 6.14) for everything that the source check drops.
ONE_ERRNO = {"blackhole", "martian_source", "rp_filtered"}
LOCAL_TYPES = (2, 4)  # RTN_LOCAL, RTN_ANYCAST
NOT_UNICAST = [
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8", "fe80::/10")
]


def new_network_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET) was refused")


def run_ip(family: int, lines: list[str]) -> None:
    """``-force``: a route that the kernel has already is refused, and the first one counts."""
    command = ["ip", f"-{family}", "-force", "-batch", "-"]
    subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)


class Netlink:
    """Just enough of rtnetlink(7) to add a rule and to ask for a route, in the network namespace of its making."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, 0))

    def ask(self, kind: int, flags: int, body: bytes) -> tuple[int, bytes]:
        """(errno or 0, the answer's body)."""
        self.socket.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
        answer = self.socket.recv(65536)
        length, answered = struct.unpack_from("=IH", answer)
        if answered == NLMSG_ERROR:
            return -struct.unpack_from("=i", answer, 16)[0], b""
        return 0, answer[16:length]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _egress(answer: bytes) -> int:
    """The outgoing interface's index in the attributes behind a ``struct rtmsg``."""
    place = 12
    while place < len(answer):
        length, kind = struct.unpack_from("=HH", answer, place)
        if kind == RTA_OIF:
            return struct.unpack_from("=I", answer, place + 4)[0]
        place += length + -length % 4
    raise ValueError("a route without an outgoing interface")


class KernelStack:
    """A stack of a fleet document, built in the current network namespace."""

    def __init__(self, document: dict, stack: Stack) -> None:
        self.stack = stack
        host = document["hosts"][stack.host]
        self.described = host["namespaces"][stack.namespace]
        self.interfaces = [link for link in host["interfaces"] if link["namespace"] == stack.namespace]
        self.devices = self._devices()
        run_ip(4, ["link set lo up", *self._links()])
        self._sysctls()
        for family in FAMILIES:
            run_ip(family, [*self._addresses(family), *self._routes(family)])
        self.netlink = Netlink()
        self._add_rules()
        self._settle()

    def close(self) -> None:
        self.netlink.socket.close()

    def _devices(self) -> list[str]:
        routes = [route["device"] for route in self.described["routes"] if route.get("device")]
        named = [*self.described["addresses"], *(link["name"] for link in self.interfaces), *routes, "dum0"]
        return list(dict.fromkeys(named))

    def _links(self) -> list[str]:
        lines = []
        for device in self.devices:
            lines.append(f"link add {device} type veth peer name {device}-p")
            for name in (device, f"{device}-p"):
                lines += [f"link set {name} addrgenmode none", f"link set {name} up"]
        return lines

    def _sysctls(self) -> None:
        root = pathlib.Path("/proc/sys/net")
        if self.described.get("ipv6") is False:
            for device in ("all", "default", "lo", *self.devices):
                (root / "ipv6/conf" / device / "disable_ipv6").write_text("1")
        for device in ("all", *self.devices):
            mode = self.stack.rp_filter.get(device, 0)
            (root / "ipv4/conf" / device / "rp_filter").write_text(str(mode))
        for family in FAMILIES:
            (root / f"ipv{family}/conf/all/forwarding").write_text(str(int(self.stack.forwarding[family])))

    def _addresses(self, family: int) -> list[str]:
        assigned = [(device, text) for device, texts in self.described["addresses"].items() for text in texts]
        assigned += [(link["name"], text) for link in self.interfaces for text in link["addresses"]]
        return [
            f"address add {text} dev {device}" + (" nodad" if family == 6 else "")
            for device, text in assigned
            if ipaddress.ip_interface(text).version == family
        ]

    def _routes(self, family: int) -> list[str]:
        lines = []
        for route in self.described["routes"]:
            device = route.get("device")
            prefixes = [route["destination"]]
            if prefixes == ["allowed_ips"]:
                owners = self.stack.wireguard[device].owners
                prefixes = [f"{_text(prefix.family, prefix.network)}/{prefix.length}" for prefix in owners]
            for prefix in prefixes:
                if ipaddress.ip_network(prefix).version == family:
                    kind = route.get("type") or "unicast"
                    by = f"dev {device}" if kind == "unicast" else ""
                    metric = f"metric {route['metric']}" if route.get("metric") else ""
                    lines.append(f"route append {kind} {prefix} {by} table {route.get('table') or 'main'} {metric}")
        return lines

    def _add_rule(self, family: int, rule: dict) -> None:
        """Without NLM_F_EXCL: with it, which is what ip-rule(8) sends, the kernel takes an absent selector for a
        wildcard and refuses a rule beside a narrower one of the same priority and table."""
        table = {"local": 255, "main": 254, "default": 253}.get(rule["table"]) or int(rule["table"])
        attributes = _number(FRA_PRIORITY, rule["priority"]) + _number(FRA_TABLE, table)
        lengths = {"from": 0, "to": 0}
        for side, kind in (("from", FRA_SRC), ("to", FRA_DST)):
            if rule.get(side):
                network = ipaddress.ip_network(rule[side])
                lengths[side] = network.prefixlen
                attributes += _attribute(kind, network.network_address.packed)
        if rule.get("iif"):
            attributes += _attribute(FRA_IIFNAME, rule["iif"].encode() + b"\0")
        if rule.get("suppress_prefixlength") is not None:
            attributes += _number(FRA_SUPPRESS_PREFIXLEN, rule["suppress_prefixlength"])
        if rule.get("fwmark") is not None:
            mark, slash, mask = str(rule["fwmark"]).partition("/")
            attributes += _number(FRA_FWMARK, int(mark, 0)) + (_number(FRA_FWMASK, int(mask, 0)) if slash else b"")
        inverted = FIB_RULE_INVERT if rule.get("invert") else 0
        header = struct.pack(
            "=8BI", ADDRESS_FAMILY[family], lengths["to"], lengths["from"], 0, 0, 0, 0, FR_ACT_TO_TBL, inverted
        )
        code, _answer = self.netlink.ask(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE, header + attributes)
        if code:
            raise OSError(code, f"the kernel refused the rule {rule}")

    def _add_rules(self) -> None:
        for rule in self.described["rules"]:
            ends = [rule[side] for side in ("from", "to") if rule.get(side)]
            families = {ipaddress.ip_network(text).version for text in ends} or set(FAMILIES)
            for family in sorted(families):
                self._add_rule(family, rule)

    def _settle(self) -> None:
        """An IPv6 address becomes local in a work queue of the kernel, a moment after it was added."""
        texts = [text for listed in self.described["addresses"].values() for text in listed]
        texts += [text for link in self.interfaces for text in link["addresses"]]
        if self.described.get("ipv6") is False:
            return
        waiting = {int(ipaddress.ip_interface(text).ip) for text in texts if ":" in text}
        deadline = time.monotonic() + 10
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{_text(6, min(waiting))} did not become local within 10 s")
            ready = ("local", None)
            waiting = {one for one in waiting if self.look_up(6, source=None, destination=one, ingress="lo") != ready}
            time.sleep(0.001)

    def look_up(
        self, family: int, *, source: int | None, destination: int, ingress: str, mark: int = 0
    ) -> tuple[str, str | None]:
        """In the simulator's words; ``ingress`` lo is what the stack sends itself."""
        attributes = _attribute(RTA_DST, _address(family, destination).packed)
        if source is not None:
            attributes += _attribute(RTA_SRC, _address(family, source).packed)
        if ingress != "lo":
            attributes += _number(RTA_IIF, socket.if_nametoindex(ingress))
        if mark:
            attributes += _number(RTA_MARK, mark)
        bits = BITS[family]
        header = struct.pack("=8BI", ADDRESS_FAMILY[family], bits, bits if source is not None else 0, *[0] * 6)
        code, answer = self.netlink.ask(RTM_GETROUTE, 0, header + attributes)
        if code:
            return SAID_BY.get(code, errno.errorcode.get(code, str(code))), None
        if answer[7] in LOCAL_TYPES:
            return "local", None
        return "unicast", socket.if_indextoname(_egress(answer))


def predicted(stack: Stack, family: int, *, source: int, destination: int, ingress: str) -> tuple[str, str | None]:
    """What the simulator's pieces say to the question that the kernel is asked."""
    kind, device = stack.look_up(family, source=source, destination=destination, ingress=ingress)
    if ingress == "lo" or family == 6:
        return kind, device
    if kind != "local" and not stack.forwarding[4]:
        return "unreachable", None  # EHOSTUNREACH, whatever the routes say
    if kind not in ("local", "unicast"):
        return kind, None
    egress = "lo" if kind == "local" else device
    drop = stack.source_check(source=source, destination=destination, ingress=ingress, egress=egress)
    return (drop, None) if drop else (kind, device)


def askable(fleet: Fleet, stack: Stack, described: dict, interfaces: list[dict]) -> dict[int, list[int]] | None:
    """The samples of which the model claims something: no broadcast, multicast or loopback address.

    None for a stack where an own address is another connected prefix's broadcast address (it gets no connected
    route, net/ipv4/fib_frontend.c, which the model leaves out) or stands twice on a device (the kernel refuses that).
    """
    devices = [*described["addresses"].values(), *(link["addresses"] for link in interfaces)]
    connected = [ipaddress.ip_interface(text) for texts in devices for text in texts]
    twice = any(len({text.split("/")[0] for text in texts}) < len(texts) for texts in devices)
    broadcasts = {int(one.network[-1]) for one in connected if one.version == 4 and one.network.prefixlen < 31}
    if twice or broadcasts & stack.own[4]:
        return None
    kept = {}
    for family in FAMILIES:
        kept[family] = [
            number
            for number in fleet.samples(family)
            if not any(_address(family, number) in network for network in NOT_UNICAST)
            and not (family == 4 and number in broadcasts)
        ]
    return kept


def compare_stack(fleet: Fleet, stack: Stack, chance: random.Random, outcomes: collections.Counter) -> list[str]:
    """Some dozens of look-ups in one stack; the differences."""
    host = fleet.document["hosts"][stack.host]
    interfaces = [link for link in host["interfaces"] if link["namespace"] == stack.namespace]
    samples = askable(fleet, stack, host["namespaces"][stack.namespace], interfaces)
    if samples is None:
        return []
    new_network_namespace()
    kernel = KernelStack(fleet.document, stack)
    differences = []
    for family in FAMILIES:
        for _number in range(60):
            ingress = chance.choice(["lo", *kernel.devices])
            destination, source = chance.choice(samples[family]), chance.choice(samples[family])
            asked: int | None = source
            if ingress == "lo" and family == 4 and source not in stack.own[4]:
                source, asked = 0, None  # IPv4 refuses to send from a foreign address
            truth = kernel.look_up(family, source=asked, destination=destination, ingress=ingress)
            said = predicted(stack, family, source=source, destination=destination, ingress=ingress)
            outcomes[said[0], family] += 1
            if said != truth and not (said[0] in ONE_ERRNO and truth[0] in ONE_ERRNO):
                packet = f"{_text(family, source)} -> {_text(family, destination)} iif {ingress}"
                differences.append(f"{stack.host}/{stack.namespace} {packet}: simulator {said}, kernel {truth}")
    kernel.close()
    return differences


def compare(*, look_ups: int, seed: str) -> tuple[collections.Counter, list[str]]:
    """Random stacks until that many look-ups are compared."""
    outcomes: collections.Counter = collections.Counter()
    differences: list[str] = []
    number = 0
    while sum(outcomes.values()) < look_ups:
        name = f"kernel-{seed}-{number}"
        fleet = Fleet(name)
        for stack in Simulator(fleet.document).stacks.values():
            found = compare_stack(fleet, stack, random.Random(f"{name}{stack.host}{stack.namespace}"), outcomes)
            differences += [f"seed {name}: {line}" for line in found]
        number += 1
    return outcomes, differences


def _address(family: int, number: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number)


def _text(family: int, number: int) -> str:
    return str(_address(family, number))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare the simulator's route look-ups with the running kernel's.")
    parser.add_argument("--look-ups", type=int, default=5_000)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    outcomes, differences = compare(look_ups=options.look_ups, seed=options.seed)
    total = sum(outcomes.values())
    print(f"{total:,} look-ups of kernel {os.uname().release} compared, {len(differences)} differences")
    for (outcome, family), count in sorted(outcomes.items()):
        print(f"{outcome:<16}IPv{family}{count:>8,}")
    print("\n".join(differences[:20]))
    print(f"{time.monotonic() - begun:.1f} s")
    return 1 if differences or total < options.look_ups else 0


if __name__ == "__main__":
    sys.exit(main())
