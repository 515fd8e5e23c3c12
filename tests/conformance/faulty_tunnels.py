# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels that are broken in one way each, and what a probe of the left end is asked about it."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import add
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    Tunnel,
    ping,
)

Question = t.Dict[str, t.Any]
Break = t.Callable[["Bench"], t.Any]
FOREIGN = "10.5.5.5"
LEFT, RIGHT = "10.0.0.1", "10.0.0.2"
SEND: Question = {"destination": RIGHT, "send": True, "seconds": 2}


@dataclasses.dataclass(frozen=True)
class Fault:
    """cause: what the probe is to name.  words: what it is to say, in one of its lines of evidence, to the letter.

    peer: the name of the peer that it is to name.
    """

    cause: str
    breaking: Break
    question: Question
    words: str
    peer: str | None = None


class Bench:
    """A tunnel and everything that can be done to it. other: a peer of the left end that does not exist."""

    def __init__(self, place: Place, backend: str, stack: contextlib.ExitStack) -> None:
        self.place = place
        self.tunnel = Tunnel(place, place.host(), backend)
        self._stack = stack

    def works(self) -> None:
        assert ping(RIGHT, namespace="left").received

    def ip(self, namespace: str, *words: str) -> None:
        self.place.run("ip", "-n", namespace, *words)

    def drop(self, namespace: str, *rule: str, hook: str = "input") -> None:
        """An nftables rule. None of them touches the machine: the namespaces are the test's own."""
        chain = f"{{ type filter hook {hook} priority 0 ; }}"
        for words in (["table"], ["chain", hook, chain], ["rule", hook, *rule]):
            family, rest = ["inet", "probed"], words[1:]
            self.place.run("nft", "add", words[0], *family, *rest, namespace=namespace)

    def pings(self, namespace: str, *arguments: str) -> None:
        """Until the test is over."""
        command = ["ip", "netns", "exec", namespace, "ping", "-q", "-i", "0.1", "-W", "1", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

    def foreign_source(self) -> None:
        """The right end sends from an address that the left end does not give to it."""
        self.works()
        self.ip("right", "address", "add", f"{FOREIGN}/32", "dev", "wg0")
        self.pings("right", "-I", FOREIGN, LEFT)

    def stranger(self, *prefixes: str, endpoint: Endpoint | None = None) -> None:
        self.tunnel.left.driver.write(DeviceUpdate(peers=(add(1, *prefixes, endpoint=endpoint),)))

    def moves_right_to(self, host: str, port: int) -> None:
        """The left end's idea of where the right one is."""
        peer = PeerUpdate(self.tunnel.right.public_key, endpoint=Endpoint(host, port))
        self.tunnel.left.driver.write(DeviceUpdate(peers=(peer,)))

    def forgets_left(self) -> None:
        self.tunnel.right.driver.write(DeviceUpdate(peers=(PeerUpdate(self.tunnel.left.public_key, action="remove"),)))

    def disowns_left(self) -> None:
        self.works()
        peer = PeerUpdate(self.tunnel.left.public_key, remove_allowed_ips=(parse_prefix(f"{LEFT}/32"),))
        self.tunnel.right.driver.write(DeviceUpdate(peers=(peer,)))

    def changes_right_key(self) -> None:
        self.tunnel.right.driver.write(DeviceUpdate(private_key=PrivateKey.generate()))
        self.pings("right", LEFT)

    def presharing(self) -> None:
        peer = PeerUpdate(self.tunnel.left.public_key, preshared_key=PresharedKey.generate())
        self.tunnel.right.driver.write(DeviceUpdate(peers=(peer,)))

    def answers_as_somebody_else(self) -> None:
        self.works()
        self.drop("right", "oifname", "wg0", "ip", "saddr", "set", FOREIGN, hook="output")

    def speaks_ipv6(self, *, through: int = 1420) -> None:
        """Inside and outside. through: the longest packet that gets to the right end."""
        for number, (end, other) in enumerate((self.tunnel.ends, self.tunnel.ends[::-1]), start=1):
            peer = PeerUpdate(
                other.public_key,
                endpoint=Endpoint(f"fd99::{3 - number}", 51823 - number),
                add_allowed_ips=(parse_prefix(f"fd10::{3 - number}/128"),),
            )
            end.driver.write(DeviceUpdate(peers=(peer,)))
            self.ip(end.namespace, "address", "add", f"fd10::{number}/64", "dev", "wg0", "nodad")
        self.ip("right", "link", "set", "under2", "mtu", str(through + 80))

    def strict(self) -> None:
        self.works()
        self.ip("left", "route", "add", f"{RIGHT}/32", "dev", "under1")
        self.place.run("sysctl", "-q", "-w", "net.ipv4.conf.wg0.rp_filter=1", namespace="left")


def _used(bench: Bench) -> None:
    bench.works()


def _unused(_bench: Bench) -> None:
    pass


FAULTS = {
    "a tunnel that works": Fault("answered", _used, SEND, "10.0.0.2 has answered 3 of 3 packets", "right"),
    "a tunnel that works, asked by its peer": Fault(
        "answered", _unused, {"peer": "right", "send": True}, "10.0.0.2 has answered 3 of 3 packets", "right"
    ),
    "a tunnel in IPv6 that works": Fault(
        "answered", lambda bench: bench.speaks_ipv6(), {**SEND, "destination": "fd10::2"},
        "fd10::2 has answered 3 of 3 packets", "right",
    ),
    "an underlay that is too narrow in IPv6": Fault(
        "mtu", lambda bench: bench.speaks_ipv6(through=1340), {**SEND, "destination": "fd10::2"},
        "none of 1420 bytes, the MTU of wg0, is answered", "right",
    ),
    "a port of an IPv6 endpoint that nothing has": Fault(
        "wrong_endpoint", lambda bench: bench.moves_right_to("fd99::2", 9), SEND,
        "nothing listens on the UDP port of [fd99::2]:9", "right",
    ),
    "a tunnel that nobody uses": Fault("quiet", _used, {"seconds": 1}, "nothing was dropped in 1 s; nothing was sent"),
    "a tunnel that nobody has used": Fault(
        "idle", _unused, {"seconds": 1, "peer": "right"},
        "nothing was sent to it, so that it had no reason to make one", "right",
    ),
    "packets that arrive": Fault(
        "arrives", lambda bench: (bench.works(), bench.pings("right", LEFT)),
        {"seconds": 1, "incoming_source": RIGHT}, "packets from 10.0.0.2 came out of wg0", "right",
    ),
    "packets that nobody sends": Fault(
        "nothing_arrives", _used, {"seconds": 1, "incoming_source": RIGHT},
        "no packet from 10.0.0.2 has come in 1 s", "right",
    ),
    "a device that is down": Fault(
        "interface_down", lambda bench: bench.ip("left", "link", "set", "wg0", "down"), SEND, "wg0 is down"
    ),
    "a destination that nobody owns": Fault(
        "no_owner", _unused, {"destination": "10.0.0.9"},
        "no peer of wg0 has 10.0.0.9 in its AllowedIPs (sending fails: Required key not available)",
    ),
    "a destination that nobody owns, seen while somebody sends": Fault(
        "no_owner", lambda bench: bench.pings("left", "10.0.0.9"), {"seconds": 1},
        "packets to 10.0.0.9 went into wg0, and no peer has it in its AllowedIPs",
    ),
    "a peer that owns nothing": Fault(
        "no_owner", lambda bench: bench.stranger(), {"peer": "stranger", "send": True},
        "has no AllowedIPs: nothing is sent to it, and whatever comes from it is dropped", "stranger",
    ),
    "a destination of another peer": Fault(
        "other_owner", lambda bench: bench.stranger("10.0.0.7/32"), {"destination": "10.0.0.7", "peer": "right"},
        "which was expected, does not get what is sent there", "right",
    ),
    "a route past the tunnel": Fault(
        "routed_elsewhere", lambda bench: bench.ip("left", "route", "add", f"{RIGHT}/32", "dev", "under1"), SEND,
        "the route to 10.0.0.2 leads to under1, not into wg0", "right",
    ),
    "a route that goes nowhere": Fault(
        "routed_elsewhere", lambda bench: bench.ip("left", "route", "add", "unreachable", f"{RIGHT}/32"), SEND,
        "the route to 10.0.0.2 does not exist, not into wg0", "right",
    ),
    "a destination that is the host itself": Fault(
        "routed_elsewhere", _unused, {"destination": LEFT}, "10.0.0.1 is an address of this host itself"
    ),
    "a peer without an endpoint": Fault(
        "endpoint_unknown", lambda bench: bench.stranger("10.0.0.7/32"), {"destination": "10.0.0.7", "send": True},
        "is not known", "stranger",
    ),
    "an endpoint without a route": Fault(
        "endpoint_unreachable", lambda bench: bench.moves_right_to("198.51.100.1", 51822), SEND,
        "there is no route to the endpoint 198.51.100.1:51822", "right",
    ),
    "an endpoint inside of its own tunnel": Fault(
        "endpoint_unreachable", lambda bench: bench.moves_right_to("10.0.0.77", 51822), SEND,
        "the route to the endpoint 10.0.0.77:51822 leads into wg0 itself", "right",
    ),
    "an endpoint that no host has": Fault(
        "endpoint_unreachable", lambda bench: bench.moves_right_to("192.0.2.77", 51822), {**SEND, "seconds": 5},
        "the endpoint 192.0.2.77:51822 is reported as unreachable", "right",
    ),
    "an endpoint's port that nothing has": Fault(
        "wrong_endpoint", lambda bench: bench.moves_right_to("192.0.2.2", 9), SEND,
        "nothing listens on the UDP port of 192.0.2.2:9", "right",
    ),
    "an endpoint that is the own socket": Fault(
        "wrong_endpoint", lambda bench: bench.moves_right_to("192.0.2.1", 51821), SEND,
        "the endpoint 192.0.2.1:51821 is this host's own socket", "right",
    ),
    "a peer that does not know us": Fault(
        "no_answer", Bench.forgets_left, SEND, "handshake sent to 192.0.2.2:51822, and nothing came back", "right"
    ),
    "a firewall in between": Fault(
        "no_answer", lambda bench: bench.drop("right", "udp", "dport", "51822", "drop"), SEND,
        "handshake sent to 192.0.2.2:51822, and nothing came back", "right",
    ),
    "a peer that has another key now": Fault(
        "wrong_key", Bench.changes_right_key, {**SEND, "seconds": 6},
        "192.0.2.2:51822 has asked for a handshake with a key that no peer here has, "
        "or that was meant for another key than ours", "right",
    ),
    "a preshared key on one side": Fault(
        "wrong_preshared_key", Bench.presharing, SEND,
        "192.0.2.2:51822 has answered the handshake, and its answer does not fit the preshared key", "right",
    ),
    "a source that nobody owns, while it sends": Fault(
        "source_rejected", Bench.foreign_source, {"seconds": 1},
        "packets came in with a source that the sending peer does not own, and were dropped, in 1 s", "right",
    ),
    "a source that nobody owns, routed into the tunnel": Fault(
        "source_rejected",
        lambda bench: (bench.ip("left", "route", "add", "10.5.0.0/16", "dev", "wg0"), bench.foreign_source()),
        {"seconds": 1}, "probably from 10.5.0.0/16: routed into wg0, and no peer has it in its AllowedIPs", "right",
    ),
    "a source that nobody owns, asked about": Fault(
        "source_rejected", Bench.foreign_source, {"seconds": 1, "incoming_source": FOREIGN},
        "no peer of wg0 has 10.5.5.5 in its AllowedIPs, so packets from it are dropped on arrival", "right",
    ),
    "a source that another peer owns": Fault(
        "source_rejected", lambda bench: (bench.stranger(f"{FOREIGN}/32"), bench.foreign_source()),
        {"seconds": 1, "incoming_source": FOREIGN, "peer": "right"},
        "10.5.5.5 belongs to peer stranger", "right",
    ),
    "an answer from another source": Fault(
        "source_rejected", Bench.answers_as_somebody_else, SEND,
        "packets came in with a source that the sending peer does not own, and were dropped", "right",
    ),
    "a firewall behind the tunnel": Fault(
        "dropped_here", lambda bench: (bench.works(), bench.drop("left", "iifname", "wg0", "drop")), SEND,
        "answers came out of wg0, and then this host dropped them", "right",
    ),
    "a firewall before the tunnel": Fault(
        "dropped_here", lambda bench: bench.drop("left", "oifname", "wg0", "drop", hook="output"), SEND,
        "this host did not send: Operation not permitted", "right",
    ),
    "a strict check of sources": Fault(
        "dropped_here", Bench.strict, {"seconds": 1, "incoming_source": RIGHT},
        "rp_filter is strict on wg0, so the kernel drops what comes in from there", "right",
    ),
    "a peer that does not accept our source": Fault(
        "answers_missing", Bench.disowns_left, SEND, "no data came from the peer meanwhile", "right"
    ),
    "a destination that does not exist behind the peer": Fault(
        "answers_missing", lambda bench: (bench.works(), bench.drop("right", "iifname", "wg0", "reject")), SEND,
        "10.0.0.2 says: it cannot reach it", "right",
    ),
    "an underlay that is too narrow": Fault(
        "mtu", lambda bench: (bench.works(), bench.ip("right", "link", "set", "under2", "mtu", "1350")), SEND,
        "none of 1420 bytes, the MTU of wg0, is answered", "right",
    ),
}  # fmt: skip
