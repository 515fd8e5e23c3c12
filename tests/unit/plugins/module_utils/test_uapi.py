# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the userspace protocol, and a conversation with something that listens."""

from __future__ import annotations

import errno
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _uapi
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    HostError,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.plugins.module_utils._userspace import (
    UserspaceDriver,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils import (
    updates,
)

ONE, TWO = PublicKey(b"\1" * 32), PublicKey(b"\2" * 32)
PRIVATE = PrivateKey(b"\3" * 32)

ANSWER = f"""private_key={PRIVATE.raw.hex()}
listen_port=51820
fwmark=4660
public_key={"02" * 32}
preshared_key={"05" * 32}
protocol_version=1
endpoint=[2001:db8::1]:51821
last_handshake_time_sec=1700000000
last_handshake_time_nsec=500000000
tx_bytes=17
rx_bytes=12
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/8
something_new=7
public_key={"01" * 32}
preshared_key={"00" * 32}
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=0
rx_bytes=0
persistent_keepalive_interval=0
"""


def parse(text):
    return _uapi.parse(text, derive=lambda key: TWO if key == PRIVATE else None)


def test_an_answer_is_read_whole():
    device, statistics = parse(ANSWER)
    assert (device.private_key, device.public_key) == (PRIVATE, TWO)
    assert (device.listen_port, device.fwmark) == (51820, 4660)
    first, second = device.peers
    assert (first.public_key, second.public_key) == (ONE, TWO)
    assert first.preshared_key == PresharedKey.none()
    assert (first.endpoint, first.allowed_ips, first.persistent_keepalive) == (None, frozenset(), 0)
    assert second.preshared_key == PresharedKey(b"\5" * 32)
    assert second.endpoint == Endpoint("2001:db8::1", 51821)
    assert second.persistent_keepalive == 25
    assert second.allowed_ips == {parse_prefix("10.0.0.0/8"), parse_prefix("fd00::/8")}
    assert statistics[ONE].latest_handshake is None
    assert statistics[TWO].latest_handshake == 1700000000.5
    assert (statistics[TWO].rx_bytes, statistics[TWO].tx_bytes) == (12, 17)


def test_an_engine_may_hide_the_private_key_and_tell_the_age_of_a_handshake():
    text = (
        f"own_public_key={'02' * 32}\npublic_key={'01' * 32}\nlast_handshake_time_sec=70\nlast_handshake_time_nsec=5\n"
    )
    device, statistics = _uapi.parse(text, derive=lambda _key: None, now=1700000100.0)
    assert (device.private_key, device.public_key, device.hides_key) == (None, TWO, True)
    assert device.has(PRIVATE, TWO)
    assert not device.has(PRIVATE, None)
    assert statistics[ONE].latest_handshake == pytest.approx(1700000030.0)


def test_a_fresh_device_has_no_key_and_no_port():
    device, statistics = parse("")
    assert (device.private_key, device.public_key, device.listen_port, device.fwmark) == (None, None, 0, 0)
    assert (device.peers, statistics) == ((), {})


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.1:1", Endpoint("192.0.2.1", 1)),
        ("[fe80::1%eth0]:5", Endpoint("fe80::1", 5)),
        ("[2001:DB8:0::1]:5", Endpoint("2001:db8::1", 5)),
        ("(null)", None),
    ],
)
def test_endpoints_come_in_several_spellings(text, endpoint):
    [peer] = parse(f"public_key={'01' * 32}\nendpoint={text}\n")[0].peers
    assert peer.endpoint == endpoint


@given(updates.updates())
def test_an_update_says_what_it_sets_and_nothing_else(update):
    lines = _uapi.render(update).split("\n")
    assert lines[0] == "set=1"
    assert lines[-2:] == ["", ""]
    assert not any("replace" in line for line in lines)
    assert ("listen_port=" in "\n".join(lines)) == (update.listen_port is not None)
    assert sum(line.startswith("public_key=") for line in lines) == len(update.peers)
    assert sum(line.startswith("update_only=") for line in lines) == sum(p.action == "update" for p in update.peers)
    assert sum(line.startswith("allowed_ip=") for line in lines) == sum(len(p.add_allowed_ips) for p in update.peers)


@given(
    st.lists(updates.peer_updates().filter(lambda peer: peer.action == "add"), unique_by=lambda peer: peer.public_key)
)
def test_peers_that_are_set_are_read_back(peers):
    """set and get speak the same words for a peer."""
    text = _uapi.render(DeviceUpdate(peers=tuple(peers))).partition("\n")[2]
    found = {peer.public_key: peer for peer in parse(text)[0].peers}
    for peer in peers:
        assert found[peer.public_key].endpoint == peer.endpoint
        assert found[peer.public_key].allowed_ips == frozenset(peer.add_allowed_ips)
        assert found[peer.public_key].preshared_key == (peer.preshared_key or PresharedKey.none())


class Listener:
    """Answers each connection with the next text; remembers the requests."""

    def __init__(self, path: str, answers: list[str]) -> None:
        self.requests: list[str] = []
        self._answers = answers
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(path)
        self._server.listen(8)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _address = self._server.accept()
            with connection:
                received = b""
                while not received.endswith(b"\n\n"):
                    received += connection.recv(65536)
                self.requests.append(received.decode())
                for start in range(0, len(answer), 7):
                    connection.sendall(answer[start : start + 7].encode())
        self._server.close()


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Short: a Unix socket's path has at most 107 bytes."""
    monkeypatch.chdir(tmp_path)
    return "wg0.sock"


def test_an_exchange_returns_the_answer_without_its_verdict(path):
    Listener(path, [ANSWER + "errno=0\n\n"])
    assert _uapi.exchange(path, _uapi.GET) == ANSWER


@pytest.mark.parametrize("number", [-errno.EINVAL, errno.EINVAL])
def test_a_refusal_carries_its_errno_whatever_its_sign(path, number):
    Listener(path, [f"errno={number}\n\n"])
    with pytest.raises(HostError) as caught:
        _uapi.exchange(path, "set=1\n\n")
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("answer", ["", "private_key=00", "errno=\n\n", "nonsense\n\n"])
def test_an_answer_that_breaks_off_is_an_error(path, answer):
    Listener(path, [answer])
    with pytest.raises(HostError):
        _uapi.exchange(path, _uapi.GET)


def test_nobody_there_is_an_error_of_its_own(path):
    with pytest.raises(_uapi.EngineSilent):
        _uapi.exchange(path, _uapi.GET)


def test_an_engine_that_hangs_is_given_up(path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(1)
    with server, pytest.raises(_uapi.EngineSilent):
        _uapi.exchange(path, _uapi.GET, timeout=0.1)


def driver(path):
    return UserspaceDriver(path, derive=lambda _key: None)


OK = "errno=0\n\n"
REFUSED = f"errno=-{errno.EINVAL}\n\n"


def test_a_port_that_is_bound_already_is_not_sent_again(path):
    listener = Listener(path, ["listen_port=51820\n" + OK, OK])
    driver(path).write(DeviceUpdate(listen_port=51820, fwmark=1))
    assert listener.requests == [_uapi.GET, "set=1\nfwmark=1\n\n"]


def test_a_port_that_is_taken_leaves_the_old_one_bound(path):
    listener = Listener(path, ["listen_port=51820\n" + OK, f"errno=-{errno.EADDRINUSE}\n\n", OK])
    with pytest.raises(HostError, match="UDP port 53 is in use") as caught:
        driver(path).write(DeviceUpdate(listen_port=53, fwmark=1))
    assert caught.value.errno == errno.EADDRINUSE
    assert listener.requests[-1] == "set=1\nlisten_port=51820\n\n"


OWNED = f"public_key={'01' * 32}\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\n" + OK
REMOVAL = DeviceUpdate(peers=(PeerUpdate(ONE, remove_allowed_ips=(parse_prefix("10.1.0.0/16"),)),))


def test_an_engine_that_knows_removal_is_asked_for_it(path):
    listener = Listener(path, [OK, OWNED, OK])
    driver(path).write(REMOVAL)
    assert listener.requests[2] == f"set=1\npublic_key={'01' * 32}\nupdate_only=true\nallowed_ip=-10.1.0.0/16\n\n"


def test_an_older_engine_is_asked_once_and_then_given_a_throw_away_peer(path):
    listener = Listener(path, [OK, OWNED, REFUSED, OK, OWNED, OK])
    one = driver(path)
    one.write(REMOVAL)
    one.write(REMOVAL)
    for request in (listener.requests[3], listener.requests[5]):
        lines = request.split("\n")
        nobody = lines[1]
        assert nobody not in (f"public_key={'01' * 32}", "")
        assert lines == ["set=1", nobody, "allowed_ip=10.1.0.0/16", nobody, "remove=true", "", ""]


def test_a_prefix_that_another_peer_owns_by_now_is_not_taken_from_it(path):
    elsewhere = f"public_key={'02' * 32}\nallowed_ip=10.1.0.0/16\n" + OK
    listener = Listener(path, [OK, elsewhere])
    driver(path).write(REMOVAL)
    assert listener.requests[1:] == [_uapi.GET]


KEYED = f"own_public_key={'09' * 32}\n"


def test_an_engine_that_cannot_edit_a_peer_is_given_it_anew(path):
    listener = Listener(path, [REFUSED, KEYED + OWNED, OK, OK])
    driver(path).write(REMOVAL)
    lines = listener.requests[0].split("\n")
    assert (lines[0], lines[2:]) == ("set=1", ["update_only=true", "remove=true", "", ""]), "a change of nothing"
    assert listener.requests[1:] == [
        _uapi.GET,
        f"set=1\npublic_key={'01' * 32}\nremove=true\n\n",
        f"set=1\npublic_key={'01' * 32}\nallowed_ip=10.0.0.0/8\n\n",
    ]


def test_an_engine_that_would_end_without_a_key_is_given_no_peer(path):
    listener = Listener(path, [REFUSED, OK])
    with pytest.raises(HostError, match="takes no peer before it has a private key"):
        driver(path).write(DeviceUpdate(peers=(PeerUpdate(ONE, action="add"),)))
    assert len(listener.requests) == 2


def test_whether_an_engine_edits_peers_is_asked_once(path):
    listener = Listener(path, [OK, OK, OK])
    one = driver(path)
    for _turn in range(2):
        one.write(DeviceUpdate(peers=(PeerUpdate(ONE, action="add"),)))
    assert len(listener.requests) == 3


def test_no_error_shows_a_key(path):
    Listener(path, [OK, f"errno=-{errno.EINVAL}\n\n"])
    with pytest.raises(HostError) as caught:
        driver(path).write(DeviceUpdate(private_key=PRIVATE, listen_port=5))
    assert PRIVATE.raw.hex() not in str(caught.value)
    assert PRIVATE.reveal() not in str(caught.value)
