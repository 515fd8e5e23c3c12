# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts for tests of exits: a provider with the internet behind it, a client, and an exit out there.

The client's endpoint is only reached by its default route, and the internet knows no address of the tunnel.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, KEY_B, public_key
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import UNDERLAY, Stack, stacks

INTERNET = {4: "198.51.100.1", 6: "2001:db8:100::1"}
PUBLIC = {4: "203.0.113.3", 6: "2001:db8:3::3"}
LAN6 = "fd00:2"
TUNNEL = {4: "10.99.0", 6: "fd99:"}

# Not what PATH has, which may be a script that looks for one; nor what only the collection needs.
PYTHON = (sys.executable, "-I", "-S", "-c")
# nsenter(1) starts it as a child, which is told to end with it: PR_SET_PDEATHSIG, SIGKILL (prctl(2)).
_ENDS_WITH_US = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\n"
# Prints the source of each datagram, and sends it back.
ECHO = """
import socket, sys
server = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 7777))
print("ready", flush=True)
while True:
    data, source = server.recvfrom(2000)
    print(source[0], flush=True)
    server.sendto(data, source)
"""
ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
client = socket.socket(family, socket.SOCK_DGRAM)
client.settimeout(1)
for attempt in range(10):
    client.sendto(b"hello", (sys.argv[1], 7777))
    try:
        client.recv(100)
        sys.exit(0)
    except TimeoutError:
        pass
sys.exit(1)
"""
# Prints the maximum segment size that the first SYN or SYN-ACK on a device asks for.
WATCH_MSS = """
import socket, sys
watch = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
watch.bind((sys.argv[1], 3))
watch.settimeout(30)
flags = int(sys.argv[2])
print("ready", flush=True)
while True:
    packet = watch.recv(65535)
    if packet[0] >> 4 == 4 and packet[9] == 6:
        tcp = packet[(packet[0] & 15) * 4:]
    elif packet[0] >> 4 == 6 and packet[6] == 6:
        tcp = packet[40:]
    else:
        continue
    if tcp[13] & 0x12 != flags:
        continue
    options = tcp[20:(tcp[12] >> 4) * 4]
    while options:
        if options[0] == 2:
            print(int.from_bytes(options[2:4], "big"), flush=True)
            sys.exit(0)
        options = options[1:] if options[0] == 1 else options[options[1]:]
"""
LISTEN = """
import socket
server = socket.create_server(("::", 7778), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    server.accept()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 7778), timeout=10)"


@dataclasses.dataclass(frozen=True)
class Places:
    provider: Stack
    client: Stack
    exit: Stack

    @property
    def client_arguments(self) -> dict[str, t.Any]:
        """A full tunnel to the exit, of both families."""
        return {
            "private_key": KEY_A,
            "addresses": [f"{TUNNEL[4]}.2/32", f"{TUNNEL[6]}:2/128"],
            "peers_policy": "exact",
            "peers": [
                {
                    "public_key": public_key(self.exit, KEY_B),
                    "endpoint": f"{PUBLIC[4]}:51820",
                    "allowed_ips": ["0.0.0.0/0", "::/0"],
                }
            ],
            "full_tunnel": True,
        }

    @property
    def exit_arguments(self) -> dict[str, t.Any]:
        return {
            "private_key": KEY_B,
            "listen_port": 51820,
            "addresses": [f"{TUNNEL[4]}.1/24", f"{TUNNEL[6]}:1/64"],
            "peers_policy": "exact",
            "peers": [
                {
                    "public_key": public_key(self.exit, KEY_A),
                    "allowed_ips": [f"{TUNNEL[4]}.2/32", f"{TUNNEL[6]}:2/128"],
                }
            ],
            "forwarding": {"ipv4": True, "ipv6": True},
        }

    @property
    def masquerading(self) -> dict[str, t.Any]:
        return {"masquerade": {"ipv4": ["eth0"], "ipv6": ["eth0"]}}

    @contextlib.contextmanager
    def running(self, host: Stack, program: str, *arguments: str) -> t.Iterator[t.Any]:
        """A program of Python that has said that it is ready."""
        process = host.start(*PYTHON, _ENDS_WITH_US + program, *arguments)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def places() -> t.Iterator[Places]:
    with stacks(3) as (provider, client, exit_host):
        # A redirect would show the client a second way to the endpoint.
        quiet = [f"net.ipv4.conf.{name}.send_redirects=0" for name in ("all", "under")]
        unfiltered = [f"net.ipv4.conf.{name}.rp_filter=0" for name in ("all", "default")]
        routing = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        provider.run("sysctl", "-qw", *routing, *quiet, *unfiltered)
        provider.ip(
            f"address add {INTERNET[4]}/32 dev lo",
            f"address add {INTERNET[6]}/128 dev lo",
            f"address add {LAN6}::1/64 dev under nodad",
            f"route add {PUBLIC[4]}/32 via {UNDERLAY}.3",
        )
        for number, host in ((2, client), (3, exit_host)):
            own = ["net.ipv4.conf.eth0.rp_filter=0", "net.ipv6.conf.eth0.accept_dad=0"]
            host.run("sysctl", "-qw", *unfiltered, *own)
            host.ip(
                f"address add {LAN6}::{number}/64 dev eth0 nodad",
                f"route add default via {UNDERLAY}.1",
                f"route add default via {LAN6}::1",
            )
        # It is no neighbour of the client's under that address, and must not ask for it as one.
        exit_host.run("sysctl", "-qw", "net.ipv4.conf.all.arp_announce=2")
        exit_host.ip(f"address add {PUBLIC[4]}/32 dev eth0")
        yield Places(provider, client, exit_host)
