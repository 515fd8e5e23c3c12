# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WireGuard attributes against pyroute2's own message class, and at sizes at which messages have to be cut."""

from __future__ import annotations

import collections
import dataclasses
import socket
import struct
import time
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _wgnetlink,
    _wgnetlink_dump,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._attributes import attribute
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    WIDTH,
    Prefix,
    format_number,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Device,
    Endpoint,
    Peer,
    PeerStatistics,
)
from ansible_collections.cryptokey.wireguard.tests.unit.plugins.module_utils import (
    updates,
)

wgmsg = pytest.importorskip("pyroute2.netlink.generic.wireguard").wgmsg

FAMILY = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}


def reference(command: int, attributes: t.List[t.Any]) -> bytes:
    """The payload as pyroute2 encodes it."""
    message = wgmsg()
    message["cmd"], message["version"] = command, 1
    message["header"].update(type=30, flags=5, sequence_number=1, pid=1)
    message["attrs"] = attributes
    message.encode()
    return bytes(message.data)[16:]


def decoded(payload: bytes) -> t.Any:
    """What pyroute2 reads out of a payload, as plain data."""
    message = wgmsg(struct.pack("=IHHII", 16 + len(payload), 30, 0, 1, 1) + payload)
    message.decode()
    return plain(message)


def plain(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        if value.get("attrs"):
            return [(name, plain(inner)) for name, inner, *_rest in (tuple(one) for one in value["attrs"])]
        return {key: plain(inner) for key, inner in value.items() if key not in ("header", "attrs", "__align")}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def peer_attributes(peer: PeerUpdate) -> t.Dict[str, t.Any]:
    flags = {"add": 0, "update": 4, "remove": 1}[peer.action]
    attributes = [["WGPEER_A_PUBLIC_KEY", str(peer.public_key)], ["WGPEER_A_FLAGS", flags]]
    if peer.preshared_key is not None:
        attributes.append(["WGPEER_A_PRESHARED_KEY", peer.preshared_key.reveal()])
    if peer.endpoint is not None:
        attributes.append(["WGPEER_A_ENDPOINT", {"addr": peer.endpoint.host, "port": peer.endpoint.port}])
    if peer.persistent_keepalive is not None:
        attributes.append(["WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL", peer.persistent_keepalive])
    if peer.add_allowed_ips:
        attributes.append(["WGPEER_A_ALLOWEDIPS", [prefix_attributes(prefix) for prefix in peer.add_allowed_ips]])
    return {"attrs": attributes}


def prefix_attributes(prefix: Prefix) -> t.Dict[str, t.Any]:
    return {
        "attrs": [
            ["WGALLOWEDIP_A_FAMILY", FAMILY[prefix.family]],
            ["WGALLOWEDIP_A_IPADDR", prefix.network.to_bytes(WIDTH[prefix.family] // 8, "big")],
            ["WGALLOWEDIP_A_CIDR_MASK", prefix.length],
        ]
    }


def device_attributes(update: DeviceUpdate, name: str) -> t.List[t.Any]:
    attributes: t.List[t.Any] = [["WGDEVICE_A_IFNAME", name]]
    if update.private_key is not None:
        attributes.append(["WGDEVICE_A_PRIVATE_KEY", update.private_key.reveal()])
    if update.listen_port is not None:
        attributes.append(["WGDEVICE_A_LISTEN_PORT", update.listen_port])
    if update.fwmark is not None:
        attributes.append(["WGDEVICE_A_FWMARK", update.fwmark])
    if update.peers:
        attributes.append(["WGDEVICE_A_PEERS", [peer_attributes(peer) for peer in update.peers]])
    return attributes


@given(updates.updates())
def test_an_update_reads_like_the_one_that_pyroute2_encodes(update):
    [ours] = _wgnetlink.set_requests("wg0", update)
    theirs = reference(1, device_attributes(update, "wg0"))
    assert len(ours) == len(theirs)
    assert decoded(ours) == decoded(theirs)


def test_the_request_for_a_device_is_the_one_of_pyroute2():
    assert _wgnetlink_dump.get_request("wg-corp") == reference(0, [["WGDEVICE_A_IFNAME", "wg-corp"]])


def observed_attributes(device: Device, statistics: t.Mapping[PublicKey, PeerStatistics]) -> t.List[t.Any]:
    """A dump of that device in pyroute2's words."""
    attributes: t.List[t.Any] = [["WGDEVICE_A_IFINDEX", 5], ["WGDEVICE_A_IFNAME", "wg0"]]
    if device.private_key is not None:
        attributes.append(["WGDEVICE_A_PRIVATE_KEY", device.private_key.reveal()])
    if device.public_key is not None:
        attributes.append(["WGDEVICE_A_PUBLIC_KEY", str(device.public_key)])
    attributes += [["WGDEVICE_A_LISTEN_PORT", device.listen_port], ["WGDEVICE_A_FWMARK", device.fwmark]]
    peers = []
    for peer in device.peers:
        described = peer_attributes(
            PeerUpdate(
                peer.public_key,
                preshared_key=peer.preshared_key,
                endpoint=peer.endpoint,
                persistent_keepalive=peer.persistent_keepalive,
                add_allowed_ips=tuple(peer.allowed_ips or ()),
            )
        )
        found = statistics[peer.public_key]
        seconds = int(found.latest_handshake or 0)
        described["attrs"] += [
            ["WGPEER_A_LAST_HANDSHAKE_TIME", {"tv_sec": seconds, "tv_nsec": 0}],
            ["WGPEER_A_RX_BYTES", found.rx_bytes],
            ["WGPEER_A_TX_BYTES", found.tx_bytes],
        ]
        peers.append(described)
    return [*attributes, ["WGDEVICE_A_PEERS", peers]]


@st.composite
def devices(draw):
    keys = draw(st.lists(updates.public_keys, unique=True, max_size=4))
    peers = [
        Peer(
            key,
            preshared_key=draw(updates.preshared_keys),
            endpoint=draw(st.none() | updates.endpoints()),
            persistent_keepalive=draw(st.integers(0, 65535)),
            allowed_ips=frozenset(draw(st.lists(updates.prefixes(), max_size=4))),
        )
        for key in sorted(keys)
    ]
    private = draw(st.none() | updates.private_keys)
    device = Device(
        private_key=private,
        public_key=draw(updates.public_keys) if private else None,
        listen_port=draw(st.integers(0, 65535)),
        fwmark=draw(st.integers(0, 2**32 - 1)),
        peers=tuple(peers),
    )
    counters = st.integers(0, 2**64 - 1)
    handshakes = st.none() | st.integers(1, 2**31).map(float)
    return device, {key: PeerStatistics(draw(handshakes), draw(counters), draw(counters)) for key in keys}


@given(devices())
def test_a_device_that_pyroute2_encodes_is_read_back(observed):
    device, statistics = observed
    assert _wgnetlink_dump.parse([reference(0, observed_attributes(device, statistics))]) == (device, statistics)


def prefix_number(number: int) -> Prefix:
    return Prefix(4, (10 << 24) + number, 32) if number % 2 else Prefix(6, (0xFD << 120) + (number << 16), 112)


def key_number(number: int) -> PublicKey:
    return PublicKey(b"\1" + number.to_bytes(31, "big"))


def applied(messages: t.Iterable[bytes]) -> t.Dict[PublicKey, t.List[Prefix]]:
    """What a kernel makes of the messages: prefixes per peer, in order."""
    owned: t.Dict[PublicKey, t.List[Prefix]] = collections.defaultdict(list)
    for message in messages:
        device, _statistics = _wgnetlink_dump.parse([message])
        for peer in device.peers:
            owned[peer.public_key] += sorted(peer.allowed_ips or ())
    return owned


def test_ten_thousand_peers_are_cut_into_messages_and_none_is_lost():
    wanted = [
        PeerUpdate(
            key_number(number),
            action="add",
            endpoint=Endpoint("192.0.2.1", 51820),
            add_allowed_ips=(prefix_number(number),),
        )
        for number in range(10_000)
    ]
    started = time.process_time()
    messages = list(_wgnetlink.set_requests("wg0", DeviceUpdate(fwmark=7, peers=tuple(wanted))))
    assert time.process_time() - started < 2
    assert max(map(len, messages)) <= _wgnetlink.MESSAGE_BYTES
    assert len(messages) > 20
    owned = applied(messages)
    assert owned == {peer.public_key: list(peer.add_allowed_ips) for peer in wanted}
    assert [_wgnetlink_dump.parse([message])[0].fwmark for message in messages] == [7] + [0] * (len(messages) - 1)


def test_one_peer_with_five_thousand_prefixes_goes_on_as_an_update_of_itself():
    prefixes = tuple(sorted(prefix_number(number) for number in range(5_000)))
    peer = PeerUpdate(key_number(1), action="add", persistent_keepalive=25, add_allowed_ips=prefixes)
    messages = list(_wgnetlink.set_requests("wg0", DeviceUpdate(peers=(peer,))))
    assert max(map(len, messages)) <= _wgnetlink.MESSAGE_BYTES
    assert applied(messages)[key_number(1)] == list(prefixes)
    entries = [entry for message in messages for entry in dict(decoded(message))["WGDEVICE_A_PEERS"]]
    flags = [dict(entry)["WGPEER_A_FLAGS"] for entry in entries]
    assert flags == [0] + [4] * (len(flags) - 1)
    assert ["WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL" in dict(entry) for entry in entries] == [
        True, *[False] * (len(entries) - 1),
    ]  # fmt: skip


@given(st.lists(updates.peer_updates(), max_size=12), st.integers(600, 2000))
def test_cutting_changes_neither_order_nor_meaning(peers, limit):
    update = DeviceUpdate(listen_port=1, peers=tuple(peers))
    [whole] = _wgnetlink.set_requests("wg0", update)
    cut = list(_wgnetlink.set_requests("wg0", update, limit=limit))
    assert all(len(message) <= limit for message in cut)
    together = [entry for message in cut for entry in dict(decoded(message)).get("WGDEVICE_A_PEERS", [])]
    whole_entries = dict(decoded(whole)).get("WGDEVICE_A_PEERS", [])
    assert merged(together) == merged(whole_entries)


def merged(entries: t.Iterable[t.Any]) -> t.List[t.Any]:
    """Neighbours with the same key as one, their prefixes in order."""
    result: t.List[t.Any] = []
    for entry in entries:
        fields = dict(entry)
        prefixes = fields.pop("WGPEER_A_ALLOWEDIPS", [])
        continues = (
            result and set(fields) == {"WGPEER_A_PUBLIC_KEY", "WGPEER_A_FLAGS"} and fields["WGPEER_A_FLAGS"] == 4
        )
        if continues and result[-1][0]["WGPEER_A_PUBLIC_KEY"] == fields["WGPEER_A_PUBLIC_KEY"]:
            result[-1][1].extend(prefixes)
        else:
            result.append((fields, list(prefixes)))
    return result


def test_a_peer_split_over_messages_is_put_together():
    def entry(numbers: t.Iterable[int], **fields: t.Any) -> t.List[t.Any]:
        allowed = [prefix_attributes(prefix_number(number)) for number in numbers]
        attributes = [["WGPEER_A_PUBLIC_KEY", str(key_number(1))], ["WGPEER_A_ALLOWEDIPS", allowed]]
        return [{"attrs": attributes + [[name, value] for name, value in fields.items()]}]

    head = [["WGDEVICE_A_IFNAME", "wg0"], ["WGDEVICE_A_LISTEN_PORT", 51820]]
    pieces = [
        [*head, ["WGDEVICE_A_PEERS", entry([1, 2], WGPEER_A_RX_BYTES=9, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL=5)]],
        [*head, ["WGDEVICE_A_PEERS", entry([3])]],
        [*head, ["WGDEVICE_A_PEERS", entry([4, 5])]],
    ]
    device, statistics = _wgnetlink_dump.parse([reference(0, piece) for piece in pieces])
    [peer] = device.peers
    assert peer.allowed_ips == {prefix_number(number) for number in range(1, 6)}
    assert peer.persistent_keepalive == 5
    assert statistics[peer.public_key].rx_bytes == 9
    assert device.listen_port == 51820


def test_unknown_attributes_and_padding_are_skipped():
    message = reference(0, [["WGDEVICE_A_LISTEN_PORT", 7]])
    padding = struct.pack("=HH", 4, 0) + struct.pack("=HHI", 8, 99, 1)
    assert _wgnetlink_dump.parse([message + padding])[0].listen_port == 7


def test_a_removal_names_the_prefix_and_nothing_else_of_the_peer():
    [message] = _wgnetlink.removal_requests("wg0", {key_number(1): (prefix_number(1),)})
    [peer] = dict(decoded(message))["WGDEVICE_A_PEERS"]
    assert [name for name, _value in peer] == ["WGPEER_A_PUBLIC_KEY", "WGPEER_A_FLAGS", "WGPEER_A_ALLOWEDIPS"]
    assert dict(peer)["WGPEER_A_FLAGS"] == 4
    # WGALLOWEDIP_A_FLAGS = 4, WGALLOWEDIP_F_REMOVE_ME = 1: newer than pyroute2's table.
    assert message.endswith(struct.pack("=HHI", 8, 4, 1))


def test_five_thousand_removals_stay_below_the_size_of_a_message():
    wanted = {key_number(1): tuple(prefix_number(number) for number in range(5_000))}
    messages = list(_wgnetlink.removal_requests("wg0", wanted))
    assert max(map(len, messages)) <= _wgnetlink.MESSAGE_BYTES
    assert sum(len(prefixes) for prefixes in applied(messages).values()) == 5_000


def test_an_endpoint_of_each_family_survives_the_journey():
    for number, host in enumerate([format_number(4, 0xC0000201), format_number(6, 0x20010DB8 << 96 | 1)]):
        peer = PeerUpdate(key_number(number), action="add", endpoint=Endpoint(host, 51820))
        [message] = _wgnetlink.set_requests("wg0", DeviceUpdate(peers=(peer,)))
        assert _wgnetlink_dump.parse([message])[0].peers[0].endpoint == Endpoint(host, 51820)


def test_the_largest_peer_of_a_message_is_whole():
    """A peer that fits exactly is not pushed into a message of its own."""
    peers = tuple(PeerUpdate(key_number(number), action="add") for number in range(3))
    [one] = _wgnetlink.set_requests("wg0", DeviceUpdate(peers=peers))
    assert len(list(_wgnetlink.set_requests("wg0", DeviceUpdate(peers=peers), limit=len(one)))) == 1
    assert dataclasses.asdict(DeviceUpdate())["peers"] == ()


@given(st.lists(updates.prefixes(), unique=True, max_size=8), st.permutations(range(3)), st.integers(0, 2))
def test_a_prefix_is_read_in_whatever_order_its_attributes_come(prefixes, order, unknown):
    """The order of the kernel is read in one go; padding between them (ARM, User-Mode-Linux) and others are not."""
    entries = []
    for prefix in prefixes:
        address = prefix.network.to_bytes(WIDTH[prefix.family] // 8, "big")
        values = [(1, struct.pack("=H", FAMILY[prefix.family])), (2, address), (3, bytes([prefix.length]))]
        parts = [attribute(*values[number]) for number in order]
        parts.insert(unknown, attribute(0, b"") if unknown else b"")
        entries.append(attribute(0x8000, b"".join(parts)))
    peer = attribute(1, key_number(1).raw) + attribute(0x8009, b"".join(entries))
    message = bytes(4) + attribute(0x8008, attribute(0x8000, peer))
    [found] = _wgnetlink_dump.parse([message])[0].peers
    assert found.allowed_ips == set(prefixes)
