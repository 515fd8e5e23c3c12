# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both backends name the same cause, in the same words, for the same fault."""

from __future__ import annotations

import contextlib
import pathlib
import threading
import time

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import (
    CAUSES,
    GOOD,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    Record,
    RecordedPeer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
from ansible_collections.cryptokey.wireguard.tests.conformance.devices import key
from ansible_collections.cryptokey.wireguard.tests.conformance.faulty_tunnels import (
    FAULTS,
    LEFT,
    RIGHT,
    Bench,
)
from ansible_collections.cryptokey.wireguard.tests.integration.module_calls import Calls
from ansible_collections.cryptokey.wireguard.tests.integration.stacks import wait_until

ELSEWHERE = {
    "engine_dead": "tests/integration/test_diagnosis.py: only an engine can die",
    "no_private_key": "test_a_device_without_a_key",
    "socket_gone": "test_a_device_whose_birthplace_has_ended",
}


@pytest.fixture
def bench(place, backend):
    with contextlib.ExitStack() as stack:
        yield Bench(place, backend, stack)


def asked(folder, bench, question):
    """What the module answers, in check mode: it is to be as good there."""
    named(folder, bench)
    return ask(folder, "left", **question)


def named(folder, bench):
    peers = (RecordedPeer(bench.tunnel.right.public_key, "right"), RecordedPeer(key(1), "stranger"))
    FileStore(str(folder / "state")).write_record(Record("left", "wg0", socket_namespace="left", peers=peers))


def ask(folder, namespace, **question):
    calls = Calls(folder)
    calls.add("interface_info", check=True, namespace=namespace, name="wg0", probe=question)
    result = calls.run()[0]
    assert not result.get("failed"), result
    assert result["changed"] is False
    return result["probe"]


@pytest.mark.parametrize("name", FAULTS)
def test_the_cause_is_named(bench, tmp_path, name, packets):
    fault = FAULTS[name]
    packets.sent(1)
    fault.breaking(bench)
    answer = asked(tmp_path, bench, fault.question)
    assert answer["cause"] == fault.cause, answer
    assert any(fault.words in line for line in answer["evidence"]), answer["evidence"]
    assert (answer["peer"] or {}).get("name") == fault.peer, answer
    assert answer["verdict"] == CAUSES[fault.cause][0]
    assert answer["problem"] is (fault.cause not in GOOD)
    assert bool(answer["remedy"]) is (answer["problem"] or fault.cause == "idle")


def test_every_cause_has_its_fault():
    assert {fault.cause for fault in FAULTS.values()} | set(ELSEWHERE) == set(CAUSES)


def test_a_device_without_a_key(place, host, backend, tmp_path):
    place.namespace("left")
    host.create("wg0", namespace="left", socket_namespace="left", backend=backend)
    host.network("left").set_up("wg0", True)
    assert ask(tmp_path, "left")["cause"] == "no_private_key"


def test_a_device_whose_birthplace_has_ended(place, host, backend, tmp_path):
    for name in ("left", "uplink"):
        place.namespace(name)
    host.create("wg0", namespace="left", socket_namespace="uplink", backend=backend)
    host.network("left").set_up("wg0", True)
    FileStore(str(tmp_path / "state")).write_record(Record("left", "wg0", socket_namespace="uplink"))
    host.close()  # a thread of ours in there would keep it
    place.run("ip", "netns", "delete", "uplink")
    assert ask(tmp_path, "left")["cause"] == "socket_gone"


def test_refused_packets_are_counted_one_by_one(bench, tmp_path, packets):
    """On both backends, while others pass: the double entry of an engine is as exact as the kernel's counter."""
    bench.works()
    bench.ip("right", "address", "add", "10.5.5.5/32", "dev", "wg0")
    answers = []
    probing = threading.Thread(target=lambda: answers.append(asked(tmp_path, bench, {"seconds": 8})))
    probing.start()
    try:
        wait_until(lambda: packet_sockets(bench) == 2, seconds=60)
        time.sleep(0.5)  # until it has read the counters
        for source in (RIGHT, "10.5.5.5", RIGHT):
            bench.place.run(*f"ping -q -c 7 -i 0.05 -W 1 -I {source} {LEFT}".split(), namespace="right", check=False)
            packets.sent(7)
    finally:
        probing.join()
    assert answers[0]["rejected_source"] == {"packets": 7, "bytes_at_most": None, "exact": True}
    assert answers[0]["cause"] == "source_rejected"


def packet_sockets(bench):
    """In the left namespace; without a process, which would hold the probe up."""
    table = pathlib.Path("/proc/thread-self/net/packet")
    return len(bench.tunnel.host.network("left").worker.run(table.read_text).splitlines()) - 1


def test_a_probe_that_watches_sends_nothing(bench, tmp_path, packets):
    bench.works()
    packets.sent(3)
    before = bench.tunnel.left.driver.read()[1][bench.tunnel.right.public_key].tx_bytes
    for question in ({"seconds": 1}, {"seconds": 1, "peer": "right"}, {"seconds": 1, "destination": RIGHT}):
        answer = asked(tmp_path, bench, question)
        assert (answer["cause"], answer["sent"]) == ("quiet", 0)
    after = bench.tunnel.left.driver.read()[1][bench.tunnel.right.public_key].tx_bytes
    assert after - before <= 32, "no more than a keepalive"
