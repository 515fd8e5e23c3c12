# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What interface_info makes of a host."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _info
from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
    DeviceUpdate,
    PeerUpdate,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._memory import (
    MemoryHost,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    Record,
    RecordedPeer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Link,
    PeerStatistics,
)

PEER = PublicKey(b"\2" * 32)
NOW = 1_700_000_000.0


def nothing_recorded(_namespace, _name):
    return None


def host():
    """wg0 in the kernel, and in the namespace blue another one in userspace."""
    made = MemoryHost("blue")
    for namespace, backend in (("", "kernel"), ("blue", "userspace")):
        made.create("wg0", namespace=namespace, socket_namespace="", backend=backend)
    made.networks[""].make_link("tun0", kind="tun")
    made.networks[""].make_link("eth0", kind="")
    return made


def test_a_birthplace_that_has_gone_is_reported():
    made = MemoryHost("uplink")
    for backend, name in (("kernel", "wg0"), ("userspace", "wg1")):
        made.create(name, namespace="", socket_namespace="uplink", backend=backend)

    def shown():
        found = _info.interfaces(made, nothing_recorded, now=NOW)
        return [(one["socket_namespace"], one["socket_namespace_gone"]) for one in found]

    assert shown() == [("uplink", False), ("uplink", False)]
    made.end_namespace("uplink")
    assert shown() == [(None, True), (None, False)], "an engine keeps its namespace, and no record tells its name"


def test_interfaces_are_found_by_what_they_are():
    def names(**selection):
        found = _info.interfaces(host(), nothing_recorded, now=NOW, **selection)
        return [(one["namespace"], one["name"], one["backend"]) for one in found]

    both = [("", "wg0", "kernel"), ("blue", "wg0", "userspace")]
    assert names() == both
    assert names(namespace="") == both[:1]
    assert names(namespace="blue", name="wg0") == both[1:]
    assert names(name="wg1") == []


def test_a_peer_has_its_name_and_the_age_of_its_handshake_and_no_secret():
    made = host()
    private, preshared = PrivateKey(b"\1" * 32), PresharedKey(b"\3" * 32)
    peer = PeerUpdate(PEER, action="add", preshared_key=preshared)
    made.wireguard("", "wg0").write(DeviceUpdate(private_key=private, peers=(peer,)))
    records = {("", "wg0"): Record("", "wg0", peers=(RecordedPeer(PEER, name="bob"),))}

    def found(handshake):
        driver = made.wireguard("", "wg0")
        device, _nothing = driver.read()
        driver.read = lambda: (device, {PEER: PeerStatistics(handshake, 7, 8)})
        listing = _info.interfaces(made, lambda *where: records.get(where), now=NOW, namespace="")
        assert private.reveal() not in str(listing)
        assert preshared.reveal() not in str(listing)
        return listing[0]["peers"][0]

    bob = found(NOW - 61.5)
    assert (bob["name"], bob["latest_handshake_age"], bob["rx_bytes"], bob["tx_bytes"]) == ("bob", 61, 7, 8)
    assert bob["preshared_key"] == preshared.fingerprint
    assert found(None)["latest_handshake_age"] is None
    # A clock that was set back is no reason for a negative age.
    assert found(NOW + 5)["latest_handshake_age"] == 0


def test_what_an_engine_left_behind_is_shown_without_asking_it():
    made = host()
    made.create("wg1", namespace="", socket_namespace="", backend="userspace")
    made.networks[""].drop_link("wg1")
    made.networks[""].make_link("wg1", kind="tun")
    made.units["", "wg0"] = "cryptokey-wireguard-wg0.service"
    made.dead.add(("", "wg1"))
    found = {one["name"]: one for one in _info.interfaces(made, nothing_recorded, now=NOW, namespace="")}
    assert (found["wg1"]["backend"], found["wg1"]["peers"]) == ("dead", [])
    assert (found["wg0"]["engine_unit"], found["wg1"]["engine_unit"]) == ("cryptokey-wireguard-wg0.service", None)


def test_the_kernel_counts_what_it_refused_and_an_engine_leaves_a_bound():
    link = Link("wg0", 1, "wireguard", 1420, True, statistics={"rx_frame_errors": 4, "rx_errors": 5, "rx_bytes": 900})
    counted, bounded, unknown = (
        _info.interface_statistics(backend, link, peer_bytes=5000) for backend in ("kernel", "userspace", "dead")
    )
    assert counted == {
        "rx_bytes": 900, "tx_bytes": 0, "rx_packets": 0, "tx_packets": 0, "rx_errors": 5, "tx_errors": 0,
        "rx_dropped": 0, "tx_dropped": 0,
        "rejected_source": {"packets": 4, "bytes_at_most": None, "exact": True},
    }  # fmt: skip
    assert bounded["rejected_source"] == {"packets": None, "bytes_at_most": 4100, "exact": False}
    assert unknown["rejected_source"] == {"packets": None, "bytes_at_most": None, "exact": False}
