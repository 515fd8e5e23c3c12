# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of differences is true, whole and the only place where a test may ask for the backend."""

from __future__ import annotations

import errno
import pathlib
import re
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _kernel,
    _netlink,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PrivateKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import parse_interface_address
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import add, key, owned, prefixes
from ansible_collections.cryptokey.wireguard.tests.conformance.differences import (
    DIFFERENCES,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Place,
    Tunnel,
    ping,
)

PEERS = 2_000
READS = 30
PROBES: dict[str, t.Callable[[Place, str], str]] = {}


def probe(name: str) -> t.Callable[[t.Any], t.Any]:
    """Registers a measurement: what it comes to, in a word or two."""

    def register(function: t.Any) -> t.Any:
        PROBES[name] = function
        return function

    return register


@probe("kind of the link")
def kind(place: Place, backend: str) -> str:
    host = place.host()
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    link = host.network("").link("wg0")
    return link.kind if link else "none"


@probe("a packet without an owner")
def without_an_owner(place: Place, backend: str) -> str:
    host = place.host()
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    host.wireguard("", "wg0").write(DeviceUpdate(private_key=PrivateKey.generate()))
    host.network("").add_address("wg0", parse_interface_address("10.0.0.1/24"))
    host.network("").set_up("wg0", True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"anybody?", ("10.0.0.2", 9))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    return "nothing"


@probe("a packet from a source that its sender does not own")
def foreign_source(place: Place, backend: str) -> str:
    tunnel = Tunnel(place, place.host(), backend)
    assert ping("10.0.0.2", namespace="left").received
    place.run("ip", "-n", "left", "address", "add", "10.5.5.5/32", "dev", "wg0")
    place.run("ping", "-c", "3", "-i", "0.1", "-W", "1", "-I", "10.5.5.5", "10.0.0.2", namespace="left", check=False)
    link = tunnel.host.network("right").link("wg0")
    assert link is not None
    return "counted" if link.statistics["rx_frame_errors"] == 3 == link.statistics["rx_errors"] else "not counted"


@probe("the birthplace of a moved device ends")
def birthplace_ends(place: Place, backend: str) -> str:
    host = place.host()
    inner, uplink = place.namespace("inner"), place.namespace("uplink")
    host.create("wg0", namespace=inner, socket_namespace=uplink, backend=backend)
    host.network(inner).set_up("wg0", True)
    assert host.socket_namespace(inner, "wg0") == uplink
    host.close()  # a thread of ours in there would keep it
    place.run("ip", "netns", "delete", uplink)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        link = host.network(inner).link("wg0")
        if link is not None and not link.carrier:
            return "gone"
        time.sleep(0.05)
    return "there"


@probe("a device that changes while it is read")
def changing(place: Place, backend: str) -> str:
    """Whatever the way: no reading shows a prefix that moves at two peers or at none."""
    host = place.host()
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    device = host.wireguard("", "wg0")
    device.write(DeviceUpdate(peers=tuple(map(add, range(PEERS)))))
    _move_once(device, 0)
    stop = threading.Event()
    mover = threading.Thread(target=_move, args=(place.host().wireguard("", "wg0"), stop))
    dumps = 0

    def counted(sock: t.Any, family: int, payload: bytes, flags: int) -> list[bytes] | None:
        nonlocal dumps
        dumps += flags == _netlink.DUMP
        return exchange(sock, family, payload, flags)

    exchange = _kernel._exchange
    turns = 0
    deadline = time.monotonic() + 60
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_kernel, "_exchange", counted)
        mover.start()
        try:
            # On a busy machine it takes a while until a change falls into a dump.
            while turns < READS or (0 < dumps <= turns and time.monotonic() < deadline):
                turns += 1
                found = owned(device)
                assert len(found) == PEERS
                assert sum("10.200.0.0/16" in texts for texts in found.values()) == 1
        finally:
            stop.set()
            mover.join()
    return "one answer" if not dumps else "read again" if dumps > turns else "read once"


def _move(device: t.Any, stop: threading.Event) -> None:
    turn = 0
    while not stop.is_set():
        turn += 1
        _move_once(device, turn)
        stop.wait(0.02 * (turn % 5))


def _move_once(device: t.Any, turn: int) -> None:
    taker = PeerUpdate(key(turn * 997 % PEERS), add_allowed_ips=prefixes("10.200.0.0/16"))
    device.write(DeviceUpdate(peers=(taker,)))


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_backends_differ_as_it_is_written(place, backend, name):
    assert PROBES[name](place, backend) == getattr(DIFFERENCES[name], backend)


def test_every_difference_is_measured_and_has_its_reason():
    assert set(PROBES) == set(DIFFERENCES)
    for name, difference in DIFFERENCES.items():
        assert difference.kernel != difference.userspace, f"{name}: no difference"
        assert difference.reason.endswith("."), name


# A move from one backend to the other names both.
MAY_ASK = {pathlib.Path(__file__).name, "test_backend_change.py"}


def test_no_other_test_of_the_suite_asks_for_the_backend():
    folder = pathlib.Path(__file__).parent
    words = re.compile(r"""["'](kernel|userspace)["']|if .*\bbackend\b|skip""")
    asking = {
        path.name: line
        for path in folder.glob("test_*.py")
        if path.name not in MAY_ASK
        for line in path.read_text(encoding="utf-8").splitlines()
        if words.search(line)
    }
    assert asking == {}
