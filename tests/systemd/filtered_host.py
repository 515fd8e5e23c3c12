# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This container as the host whose packet filter is told to let a port in, and a neighbour who has to get through it.

The neighbour is the namespace wgfar at the other end of a cable. Only it knows an endpoint, so that whatever arrives
has come in through the filter, not as an answer.
"""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
import subprocess
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _netns
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import Result, converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.integration.interface_calls import KEY_A, KEY_B

FAR = "wgfar"
NAME = "wg0"
HERE, THERE = "192.0.2.1", "192.0.2.2"
INNER = "10.99.0"
PORT = 51820
_FAR_PORTS = itertools.count(40001)
RECORD = "record what is declared"


def run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


class FilteredHost:
    """folder: where the state of both ends is kept.  sent: is told of the packets through the neighbour's tunnel."""

    def __init__(self, folder: pathlib.Path, sent: t.Callable[[int], None]) -> None:
        self.host = LinuxHost()
        self.folder = folder
        self.sent = sent

    def converge(self, place: str = "here", *, check: bool = False, **arguments: t.Any) -> Result:
        state = str(self.folder / place)
        declared = declare({"name": NAME, "backend": "userspace", "state_directory": state, **arguments})
        return converge(declared, host=self.host, store=FileStore(state), check=check)

    def agreed(self, **arguments: t.Any) -> list[str]:
        """In check mode, for real, and again: the same promise, and nothing left to do."""
        promised = self.converge(check=True, **arguments)
        actions = self.settled(**arguments)
        assert (bool(actions), actions) == (promised.changed, promised.actions)
        return actions

    def settled(self, **arguments: t.Any) -> list[str]:
        """For real, and again, which finds nothing to do. A firewall-cmd takes a quarter of a second of a processor."""
        done = self.converge(**arguments)
        again = self.converge(**arguments)
        assert (again.changed, again.actions) == (False, [])
        return done.actions

    def declare(self, **arguments: t.Any) -> None:
        """The interface here, as the neighbour expects it. It knows no endpoint."""
        peer = {"public_key": run("wg", "pubkey", text=KEY_B).strip(), "allowed_ips": [f"{INNER}.2/32"]}
        mine = {"private_key": KEY_A, "listen_port": PORT, "addresses": [f"{INNER}.1/24"], "peers": [peer]}
        self.converge(**{**mine, **arguments})

    def reaches(self, port: int = PORT) -> bool:
        """Whether the neighbour gets an answer through the tunnel.

        It starts anew from another port each time, in any test: a filter lets in whatever belongs to a connection that
        it knows, and it knows it for two minutes.
        """
        far_port = next(_FAR_PORTS)
        peer = {
            "public_key": run("wg", "pubkey", text=KEY_A).strip(),
            "endpoint": f"{HERE}:{port}",
            "allowed_ips": [f"{INNER}.1/32"],
        }
        mine = {"private_key": KEY_B, "listen_port": far_port, "addresses": [f"{INNER}.2/24"], "peers": [peer]}
        place = {"namespace": FAR, "socket_namespace": FAR}
        self.converge("there", **place, state="absent")
        self.converge("there", **place, **mine)
        # As soon as one is answered; WireGuard itself tries again after five seconds.
        command = ["ip", "netns", "exec", FAR, "ping", "-n", "-c", "1", "-i", "0.2", "-w", "3", f"{INNER}.1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        counted = re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout)
        assert counted, done.stdout + done.stderr
        self.sent(int(counted[1]))
        return int(counted[2]) > 0

    def close(self) -> None:
        for place, namespace in (("here", ""), ("there", FAR)):
            self.converge(place, state="absent", namespace=namespace, socket_namespace=namespace)
        self.host.close()


@contextlib.contextmanager
def filtered_host(folder: pathlib.Path, sent: t.Callable[[int], None]) -> t.Iterator[FilteredHost]:
    _netns.create(FAR)
    try:
        run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", FAR)
        for command in ([], ["-n", FAR]):
            run("ip", *command, "address", "add", f"{THERE if command else HERE}/24", "dev", "cable")
            run("ip", *command, "link", "set", "cable", "up")
        made = FilteredHost(folder, sent)
        try:
            yield made
        finally:
            made.close()
    finally:
        subprocess.run(["ip", "link", "delete", "cable"], check=False, capture_output=True)
        _netns.delete(FAR)
