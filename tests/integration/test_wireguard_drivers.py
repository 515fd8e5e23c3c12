# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both WireGuard drivers keep the same promises, on the kernel's WireGuard and on a real userspace engine."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import time
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _birthplace,
    _daemon,
    _netns,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Prefix,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Peer,
)
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import (
    Pinging,
    Place,
    Tunnel,
    isolated,
    ping,
)

AVAILABLE = LinuxHost().backends()
"""kernel, userspace or both: every test that takes a backend runs with each one that this machine has."""

if not AVAILABLE:
    pytest.skip("this machine has neither a kernel with WireGuard nor a userspace engine", allow_module_level=True)


@pytest.fixture(params=AVAILABLE)
def backend(request):
    return request.param


@pytest.fixture
def place() -> t.Iterator[Place]:
    with isolated() as here:
        yield here


@pytest.fixture
def host(place):
    return place.host()


@pytest.fixture
def device(host, backend):
    """A device without configuration, up, in the namespace that the test runs in."""
    host.create("wg0", namespace="", socket_namespace="", backend=backend)
    host.network("").set_up("wg0", True)
    return host.wireguard("", "wg0")


def key(number: int) -> PublicKey:
    return PublicKey(b"\7" + number.to_bytes(31, "big"))


def prefixes(*texts: str) -> tuple[Prefix, ...]:
    return tuple(map(parse_prefix, texts))


def peers(device) -> dict[PublicKey, Peer]:
    return {peer.public_key: peer for peer in device.read()[0].peers}


def owned(device) -> dict[PublicKey, set[str]]:
    return {public: {str(prefix) for prefix in peer.allowed_ips} for public, peer in peers(device).items()}


def add(number: int, *texts: str, **fields: t.Any) -> PeerUpdate:
    return PeerUpdate(key(number), action="add", add_allowed_ips=prefixes(*texts), **fields)


def test_every_field_is_written_and_read_back(host, device, backend):
    private, preshared = PrivateKey.generate(), PresharedKey.generate()
    assert device.backend == backend == host.backend_of("", "wg0")
    device.write(
        DeviceUpdate(
            private_key=private,
            listen_port=51999,
            fwmark=0xCAFE,
            peers=(
                add(
                    2,
                    "10.0.0.0/8",
                    "0.0.0.0/0",
                    "fd00::/8",
                    "::/0",
                    preshared_key=preshared,
                    endpoint=Endpoint("2001:db8::1", 51821),
                    persistent_keepalive=25,
                ),
                add(1, "192.0.2.1/32", endpoint=Endpoint("192.0.2.9", 1)),
            ),
        )
    )
    found, statistics = device.read()
    assert found.private_key == private
    assert found.public_key == host.public_key(private)
    assert (found.listen_port, found.fwmark) == (51999, 0xCAFE)
    assert found.peers == (
        Peer(
            key(1),
            preshared_key=PresharedKey.none(),
            endpoint=Endpoint("192.0.2.9", 1),
            persistent_keepalive=0,
            allowed_ips=frozenset(prefixes("192.0.2.1/32")),
        ),
        Peer(
            key(2),
            preshared_key=preshared,
            endpoint=Endpoint("2001:db8::1", 51821),
            persistent_keepalive=25,
            allowed_ips=frozenset(prefixes("10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/0")),
        ),
    )
    assert set(statistics) == {key(1), key(2)}
    assert statistics[key(1)].latest_handshake is None


def test_a_fresh_device_is_empty(device):
    found, statistics = device.read()
    assert (found.private_key, found.public_key, found.fwmark, found.peers) == (None, None, 0, ())
    assert statistics == {}


def test_what_is_not_set_stays(device):
    preshared = PresharedKey.generate()
    device.write(
        DeviceUpdate(
            private_key=PrivateKey.generate(),
            listen_port=51999,
            fwmark=7,
            peers=(
                add(
                    1, "10.1.0.0/16", preshared_key=preshared, endpoint=Endpoint("192.0.2.9", 1), persistent_keepalive=9
                ),
                add(2, "10.2.0.0/16"),
            ),
        )
    )
    before = device.read()[0]
    device.write(DeviceUpdate(peers=(PeerUpdate(key(2), persistent_keepalive=3),)))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1)),)))
    device.write(DeviceUpdate())
    after = device.read()[0]
    assert after.peers[1].persistent_keepalive == 3
    assert (after.private_key, after.listen_port, after.fwmark) == (before.private_key, 51999, 7)
    assert after.peers[0] == before.peers[0]


def test_fields_are_taken_back_by_zero(device):
    device.write(
        DeviceUpdate(fwmark=7, peers=(add(1, preshared_key=PresharedKey.generate(), persistent_keepalive=25),))
    )
    device.write(
        DeviceUpdate(fwmark=0, peers=(PeerUpdate(key(1), preshared_key=PresharedKey.none(), persistent_keepalive=0),))
    )
    found = device.read()[0]
    assert found.fwmark == 0
    assert found.peers[0].preshared_key == PresharedKey.none()
    assert found.peers[0].persistent_keepalive == 0


def test_an_update_makes_no_peer_and_a_removal_needs_none(device):
    device.write(
        DeviceUpdate(peers=(PeerUpdate(key(1), persistent_keepalive=5, add_allowed_ips=prefixes("10.0.0.0/8")),))
    )
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="remove"),)))
    assert peers(device) == {}
    device.write(DeviceUpdate(peers=(add(1, "10.0.0.0/8"), add(2, "10.2.0.0/16"))))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="remove"),)))
    assert owned(device) == {key(2): {"10.2.0.0/16"}}


def test_a_prefix_moves_to_whoever_adds_it(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16", "10.3.0.0/16"), add(2, "10.2.0.0/16"))))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(2), add_allowed_ips=prefixes("10.1.0.0/16")),)))
    assert owned(device) == {key(1): {"10.3.0.0/16"}, key(2): {"10.1.0.0/16", "10.2.0.0/16"}}


def test_single_prefixes_are_removed_and_nothing_is_left_behind(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16", "10.3.0.0/16", "fd00::/8"), add(2, "10.2.0.0/16"))))
    device.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(key(1), remove_allowed_ips=prefixes("10.1.0.0/16", "fd00::/8", "10.2.0.0/16", "1.0.0.0/8")),
                PeerUpdate(key(2), persistent_keepalive=5),
            )
        )
    )
    assert owned(device) == {key(1): {"10.3.0.0/16"}, key(2): {"10.2.0.0/16"}}
    assert peers(device)[key(2)].persistent_keepalive == 5
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), remove_allowed_ips=prefixes("10.3.0.0/16")),)))
    assert owned(device) == {key(1): set(), key(2): {"10.2.0.0/16"}}


def test_a_prefix_that_moves_in_the_same_update_is_not_lost(device):
    device.write(DeviceUpdate(peers=(add(1, "10.1.0.0/16"), add(2))))
    device.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(key(1), remove_allowed_ips=prefixes("10.1.0.0/16")),
                PeerUpdate(key(2), add_allowed_ips=prefixes("10.1.0.0/16")),
            )
        )
    )
    assert owned(device) == {key(1): set(), key(2): {"10.1.0.0/16"}}


def test_many_peers_and_many_prefixes_of_one_peer(device):
    many = tuple(add(number, f"10.{number >> 8}.{number & 255}.0/24") for number in range(2_000))
    one = PeerUpdate(
        key(5_000),
        action="add",
        add_allowed_ips=tuple(Prefix(6, (0xFD << 120) + (number << 64), 64) for number in range(5_000)),
    )
    device.write(DeviceUpdate(peers=(*many, one)))
    found = peers(device)
    assert len(found) == 2_001
    assert found[key(1_999)].allowed_ips == frozenset(prefixes("10.7.207.0/24"))
    assert found[key(5_000)].allowed_ips == frozenset(one.add_allowed_ips)
    device.write(DeviceUpdate(peers=(PeerUpdate(key(5_000), remove_allowed_ips=one.add_allowed_ips[1:]),)))
    found = peers(device)
    assert found[key(5_000)].allowed_ips == {one.add_allowed_ips[0]}
    assert len(found) == 2_001


def test_more_prefixes_are_removed_than_one_request_can_hold(device):
    """An engine without a word for it hangs up in the middle of the request."""
    many = tuple(Prefix(4, (10 << 24) + (number << 8), 24) for number in range(20_000))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), action="add", add_allowed_ips=many),)))
    device.write(DeviceUpdate(peers=(PeerUpdate(key(1), remove_allowed_ips=many[1:]),)))
    assert owned(device) == {key(1): {"10.0.0.0/24"}}


def test_a_port_that_is_taken_is_refused_and_the_old_one_kept(place, host, backend):
    for name in ("wg0", "wg1"):
        host.create(name, namespace="", socket_namespace="", backend=backend)
        host.network("").set_up(name, True)
    first, second = (host.wireguard("", name) for name in ("wg0", "wg1"))
    first.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51001))
    second.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51002))
    with pytest.raises(HostError, match="UDP port 51001 is in use") as caught:
        second.write(DeviceUpdate(listen_port=51001))
    assert caught.value.errno == errno.EADDRINUSE
    assert second.read()[0].listen_port == 51002
    assert ":51002 " in place.run("ss", "-lun").stdout
    second.write(DeviceUpdate(listen_port=51003))
    assert second.read()[0].listen_port == 51003


def test_the_same_port_again_does_not_touch_the_socket(place, device):
    device.write(DeviceUpdate(private_key=PrivateKey.generate(), listen_port=51001))
    before = _birthplace._sockets_on(51001)
    assert before
    device.write(DeviceUpdate(listen_port=51001))
    assert _birthplace._sockets_on(51001) == before
    device.write(DeviceUpdate(listen_port=51002))
    assert _birthplace._sockets_on(51002) != before


def test_what_is_written_works_with_packets(place, host, backend, packets):
    tunnel = Tunnel(place, host, backend)
    result = ping("10.0.0.2", namespace="left", count=50)
    packets.sent(result.transmitted)
    assert result.received > 40
    statistics = tunnel.left.driver.read()[1][tunnel.right.public_key]
    assert statistics.rx_bytes > 1000
    assert abs(time.time() - statistics.latest_handshake) < 60


def test_no_packet_is_lost_while_other_prefixes_come_and_go(place, host, backend, packets):
    """The reason for never replacing a list: a prefix that stays must not blink."""
    others = tuple(Prefix(4, (172 << 24) + (16 << 20) + (number << 8), 24) for number in range(1_500))
    tunnel = Tunnel(place, host, backend, prefixes=["10.9.0.0/24"])
    assert ping("10.9.0.1", namespace="left").received
    peer = tunnel.right.public_key
    pinging = Pinging("10.9.0.1", namespace="left", count=1_000)
    rounds = 0
    while pinging.runs:
        tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(peer, add_allowed_ips=others),)))
        tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(peer, remove_allowed_ips=others),)))
        rounds += 1
    result = pinging.result()
    packets.sent(result.transmitted)
    assert rounds > 1
    assert result.lost == 0
    assert owned(tunnel.left.driver)[peer] == {"10.0.0.2/32", "10.9.0.0/24"}


def test_no_packet_is_lost_while_a_prefix_moves_there_and_back(place, host, backend, packets):
    """A peer that does not exist takes a shorter prefix around the one in use, and gives it back."""
    tunnel = Tunnel(place, host, backend, prefixes=["10.9.0.0/24"])
    tunnel.left.driver.write(DeviceUpdate(peers=(add(1), add(2, "10.9.0.0/16"))))
    assert ping("10.9.0.1", namespace="left").received
    pinging = Pinging("10.9.0.1", namespace="left", count=500)
    moves = 0
    while pinging.runs:
        moves += 1
        taker = PeerUpdate(key(moves % 2 + 1), add_allowed_ips=prefixes("10.9.0.0/16"))
        tunnel.left.driver.write(DeviceUpdate(peers=(taker,)))
        time.sleep(0.01)
    result = pinging.result()
    packets.sent(result.transmitted)
    assert moves > 5
    assert result.lost == 0


def test_equal_names_in_several_namespaces_are_different_devices(place, host, backend):
    places = ["", place.namespace("blue"), place.namespace("red")]
    for number, namespace in enumerate(places):
        host.create("wg0", namespace=namespace, socket_namespace=namespace, backend=backend)
        host.wireguard(namespace, "wg0").write(DeviceUpdate(fwmark=number + 1))
    host.create("wg0", namespace=place.namespace("green"), socket_namespace="", backend=backend)
    fresh = place.host()
    assert [fresh.wireguard(namespace, "wg0").read()[0].fwmark for namespace in places] == [1, 2, 3]
    assert fresh.wireguard("green", "wg0").read()[0].fwmark == 0
    host.delete("blue", "wg0")
    assert [fresh.backend_of(namespace, "wg0") for namespace in places] == [backend, None, backend]
    assert fresh.backend_of("green", "wg0") == backend


def test_the_socket_stays_in_the_birthplace(place, host, backend, packets):
    """The device in a namespace without any other link, its encrypted packets outside."""
    tunnel = Tunnel(place, host, backend)
    place.namespace("inner")
    host.create("wg0", namespace="inner", socket_namespace="right", backend=backend)
    private = PrivateKey.generate()
    tunnel.left.driver.write(DeviceUpdate(peers=(PeerUpdate(tunnel.right.public_key, action="remove"),)))
    tunnel.left.driver.write(
        DeviceUpdate(
            peers=(
                PeerUpdate(
                    host.public_key(private),
                    action="add",
                    endpoint=Endpoint("192.0.2.2", 51900),
                    add_allowed_ips=prefixes("10.0.0.2/32"),
                ),
            )
        )
    )
    inner = host.wireguard("inner", "wg0")
    inner.write(
        DeviceUpdate(
            private_key=private,
            listen_port=51900,
            peers=(PeerUpdate(tunnel.left.public_key, action="add", add_allowed_ips=prefixes("10.0.0.1/32")),),
        )
    )
    place.run("ip", "-n", "inner", "address", "add", "10.0.0.2/24", "dev", "wg0")
    host.network("inner").set_up("wg0", True)
    assert [link.name for link in host.network("inner").links()] == ["lo", "wg0"]
    assert host.socket_namespace("inner", "wg0") == "right"
    assert host.socket_namespace("right", "wg0") == "right"
    assert ":51900 " in place.run("ss", "-lun", namespace="right").stdout
    assert ":51900 " not in place.run("ss", "-lun", namespace="inner").stdout
    result = ping("10.0.0.2", namespace="left", count=50)
    packets.sent(result.transmitted)
    assert result.received > 40
    assert inner.read()[0].peers[0].endpoint == Endpoint("192.0.2.1", 51821)


def test_a_device_is_deleted_whole_and_absent_is_no_error(place, host, backend):
    place.namespace("blue")
    for namespace in ("", "blue"):
        host.delete(namespace, "wg0")
        host.create("wg0", namespace=namespace, socket_namespace="", backend=backend)
        host.delete(namespace, "wg0")
        host.delete(namespace, "wg0")
        assert host.backend_of(namespace, "wg0") is None
        assert [link.name for link in host.network(namespace).links()] == ["lo"]
    assert [daemon for daemon in _daemon.marked_daemons() if daemon.birthplace == _netns.own_inode()] == []


def test_a_name_that_is_taken_is_refused_and_left_alone(host, backend, device):
    device.write(DeviceUpdate(fwmark=9))
    with pytest.raises(HostError) as caught:
        host.create("wg0", namespace="", socket_namespace="", backend=backend)
    assert caught.value.errno == errno.EEXIST
    assert device.read()[0].fwmark == 9


def test_a_link_of_another_kind_is_no_wireguard_interface(place, host):
    place.run("ip", "tuntap", "add", "tun9", "mode", "tun")
    place.run("ip", "link", "add", "v9", "type", "veth", "peer", "name", "v8")
    assert [host.backend_of("", name) for name in ("tun9", "v9", "lo", "nothing")] == [None] * 4
    with pytest.raises(HostError, match="there is no WireGuard interface tun9"):
        host.wireguard("", "tun9")
    host.delete("", "tun9")
    host.delete("", "v9")
    assert {"tun9", "v9"} <= {link.name for link in host.network("").links()}


def test_a_namespace_that_is_not_there_is_an_error_and_not_made(place, host, backend):
    for namespace, socket_namespace in (("typo", ""), ("", "typo")):
        with pytest.raises(HostError, match="there is no network namespace 'typo'"):
            host.create("wg0", namespace=namespace, socket_namespace=socket_namespace, backend=backend)
    assert host.namespaces() == ()
    assert [link.name for link in host.network("").links()] == ["lo"]


@pytest.fixture
def userspace():
    if "userspace" not in AVAILABLE:
        pytest.skip("this machine has no userspace WireGuard")


def test_an_engine_that_was_killed_takes_the_device_along_and_is_made_again(place, host, userspace):
    for namespace in ("", place.namespace("blue")):
        host.create("wg0", namespace=namespace, socket_namespace="", backend="userspace")
        os.kill(host.daemon(namespace, "wg0").pid, signal.SIGKILL)
        _daemon.wait_until_gone(lambda here=namespace: host.network(here).link("wg0") is None)
        assert host.backend_of(namespace, "wg0") in (None, "dead")
        host.delete(namespace, "wg0")
        host.create("wg0", namespace=namespace, socket_namespace="", backend="userspace")
        assert host.backend_of(namespace, "wg0") == "userspace"
    assert not place.host().wireguard("", "wg0").read()[0].peers


def test_an_engine_that_hangs_is_dead_and_can_be_deleted(place, host, userspace, monkeypatch):
    host.create("wg0", namespace="", socket_namespace="", backend="userspace")
    daemon = host.daemon("", "wg0")
    os.kill(daemon.pid, signal.SIGSTOP)
    monkeypatch.setattr(_daemon, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(_daemon, "STOP_SECONDS", 0.5)
    assert host.backend_of("", "wg0") == "dead"
    host.delete("", "wg0")
    assert host.backend_of("", "wg0") is None


def test_an_engine_that_somebody_else_started_is_found(place, host, userspace):
    os.makedirs("/run/wireguard", exist_ok=True)
    process = subprocess.Popen(
        [str(_daemon.engine_path(None)), "--foreground", "wg7"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while host.backend_of("", "wg7") is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert host.backend_of("", "wg7") == "userspace"
        host.wireguard("", "wg7").write(DeviceUpdate(fwmark=5))
        assert place.run("wg", "show", "wg7", "fwmark").stdout.strip() == "0x5"
        assert host.backend_of(place.namespace("blue"), "wg7") is None
        host.create("wg7", namespace="blue", socket_namespace="blue", backend="userspace")
        assert host.wireguard("blue", "wg7").read()[0].fwmark == 0
        host.delete("", "wg7")
        assert process.wait(timeout=5) is not None
        assert host.backend_of("blue", "wg7") == "userspace"
    finally:
        process.kill()
        process.wait()


def test_a_process_that_only_claims_to_be_the_engine_is_not_believed(place, host, userspace):
    """It has the mark, it listens on the socket and it answers, but it does not hold the tun."""
    mark = f"{_netns.own_inode()}/wg0"
    place.run("ip", "tuntap", "add", "wg0", "mode", "tun")
    os.makedirs("/run/wireguard", exist_ok=True)
    program = """
import socket
server = socket.socket(socket.AF_UNIX)
server.bind("/run/wireguard/wg0.sock")
server.listen()
print("ready", flush=True)
while True:
    connection = server.accept()[0]
    if connection.recv(100):
        connection.sendall(b"errno=0\\n\\n")
"""
    # Not the test's own Python: a process that still runs that one counts as one that is about to become an engine.
    command = [shutil.which("python3", path="/usr/bin"), "-c", program, "wg0"]
    with subprocess.Popen(command, env={**os.environ, _daemon.MARK: mark}, stdout=subprocess.PIPE) as impostor:
        try:
            assert impostor.stdout.readline() == b"ready\n"
            assert _daemon.shared_socket_is_taken("wg0")
            assert host.backend_of("", "wg0") != "userspace"
        finally:
            impostor.kill()


def test_an_engine_that_cannot_start_says_why_and_leaves_nothing(place, host, userspace):
    with pytest.raises(HostError, match="has no userspace engine"):
        host.create("wg0", namespace="", socket_namespace="", backend="userspace", engine="/nowhere/wireguard-go")
    with pytest.raises(HostError, match="ended at once"):
        host.create("wg0", namespace="", socket_namespace="", backend="userspace", engine="/bin/false")
    place.namespace("blue")
    with pytest.raises(HostError, match="ended at once"):
        host.create("wg0", namespace="blue", socket_namespace="", backend="userspace", engine="/bin/false")
    assert [link.name for link in host.network("").links()] == ["lo"]
    assert host.backend_of("", "wg0") is None


def test_a_private_key_is_never_on_a_command_line_or_in_an_environment(place, host, backend, device):
    private = PrivateKey.generate()
    device.write(DeviceUpdate(private_key=private))
    host.public_key(private)
    secrets = (private.reveal().encode(), private.raw.hex().encode())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as handle:
                    content = handle.read()
            except OSError:
                continue
            assert not any(secret in content for secret in secrets)
