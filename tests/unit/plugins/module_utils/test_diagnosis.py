# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classification of every combination of what a probe can see, against the order in which a packet meets things."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _diagnosis
from ansible_collections.cryptokey.wireguard.plugins.module_utils._diagnosis_words import (
    CAUSES,
    GOOD,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    parse_address,
    parse_prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_sight import (
    EchoSight,
    PeerSight,
    Question,
    Sight,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe_tally import Traffic
from ansible_collections.cryptokey.wireguard.plugins.module_utils._rejected import (
    NONE,
    Rejected,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Way,
)

KEY, OTHER = PublicKey(b"\1" * 32), PublicKey(b"\2" * 32)
ENDPOINT = Endpoint("192.0.2.2", 51820)
TARGET, SOURCE, OWN = map(parse_address, ("10.0.0.2", "10.5.5.5", "10.0.0.1"))
PEER = PeerSight(
    KEY, "fra1", name="fra1", allowed_ips=frozenset([parse_prefix("10.0.0.0/24")]), endpoint=ENDPOINT, age=10.0
)
NYC = PeerSight(OTHER, "nyc1", name="nyc1", allowed_ips=frozenset([parse_prefix("10.5.0.0/16")]), age=10.0)
SIGHT = Sight(
    "wg0", "kernel", port=51820, seconds=6.0, peers=(PEER, NYC), local=frozenset([OWN]), way=Way("wg0"),
    way_back=Way("wg0"), way_out=Way("eth0"), watched=True, rejected=NONE,
)  # fmt: skip
SENDS = Question(send=True, destination=TARGET)
ASKS = Question(incoming=TARGET)
THREE = EchoSight(sent=3)

Change = t.Dict[str, t.Any]


def look(question: Question, peer: Change | None = None, **fields: t.Any) -> _diagnosis.Diagnosis:
    """fields: of the sight; peer: of its first peer."""
    sight = dataclasses.replace(SIGHT, **fields)
    if peer is not None:
        first = dataclasses.replace(sight.peers[0], **peer)
        sight = dataclasses.replace(sight, peers=(first, *sight.peers[1:]))
    return _diagnosis.diagnose(question, sight)


def traffic(received: str = "", sent: str = "", **fields: bool) -> Traffic:
    return Traffic(dict.fromkeys(received.split(), 1), dict.fromkeys(sent.split(), 2), **fields)


# What may be wrong with a packet that is sent, in the order in which it is met: (cause, sight, peer).
STAGES: list[tuple[str, Change, Change]] = [
    ("engine_dead", {"backend": "dead"}, {}),
    ("socket_gone", {"socket_gone": True}, {}),
    ("interface_down", {"up": False}, {}),
    ("no_private_key", {"has_key": False}, {}),
    ("no_owner", {}, {"allowed_ips": frozenset()}),
    ("routed_elsewhere", {"way": Way("eth0")}, {}),
    ("endpoint_unknown", {}, {"endpoint": None}),
    ("endpoint_unreachable", {"way_out": Way(None, "unreachable")}, {}),
    ("dropped_here", {"echo": EchoSight(refused="Operation not permitted")}, {}),
    ("wrong_endpoint", {"reach": "refused"}, {}),
]


def test_the_first_thing_that_a_packet_meets_is_the_cause():
    """Every combination: whatever else is wrong further on does not matter. Without a session."""
    for broken in itertools.product([False, True], repeat=len(STAGES)):
        fields: Change = {"echo": THREE}
        peer: Change = {"age": None, "traffic": traffic(sent="initiation")}
        stages = list(itertools.compress(STAGES, broken))
        for _cause, more, of_peer in stages:
            fields.update(more)
            peer.update(of_peer)
        assert look(SENDS, peer, **fields).cause == (stages[0][0] if stages else "no_answer"), stages


ECHOES = {
    "nothing": THREE,
    "seen": EchoSight(sent=3, seen=3),
    "answered": EchoSight(sent=3, answered=1),
    "large": EchoSight(sent=3, answered=3, large_sent=True, large_answered=True),
    "narrow": EchoSight(sent=3, answered=3, large_sent=True, largest=1300),
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("rejected", [NONE, Rejected(4, None, True), Rejected(None, 900, False, suspected=True)])
@pytest.mark.parametrize("reach", ["", "refused", "unreachable"])
@pytest.mark.parametrize("age", [None, 10.0, 500.0])
def test_what_becomes_of_echoes(echo, rejected, reach, age):
    answered = ECHOES[echo].answered > 0
    if answered:
        expected = "mtu" if echo == "narrow" else "answered"
    elif age != 10.0:
        expected = {"": "no_answer", "refused": "wrong_endpoint", "unreachable": "endpoint_unreachable"}[reach]
    elif echo == "seen":
        expected = "dropped_here"
    elif rejected is not NONE:
        expected = "source_rejected"
    else:
        expected = {"": "answers_missing", "refused": "wrong_endpoint", "unreachable": "endpoint_unreachable"}[reach]
    assert look(SENDS, {"age": age}, echo=ECHOES[echo], rejected=rejected, reach=reach).cause == expected


@pytest.mark.parametrize(
    ("cause", "seen", "strangers"),
    [
        ("wrong_endpoint", traffic(sent="initiation", refused=True, unreachable=True), {}),
        ("endpoint_unreachable", traffic(sent="initiation", unreachable=True), {}),
        ("wrong_preshared_key", traffic("response", "initiation"), {}),
        ("wrong_preshared_key", traffic("initiation", "response"), {}),
        ("wrong_preshared_key", traffic("initiation response", "initiation response"), {}),
        ("wrong_key", traffic("initiation", "initiation"), {}),
        ("wrong_key", traffic(sent="initiation"), {Endpoint("192.0.2.2", 4711): 1}),
        ("no_answer", traffic(sent="initiation"), {Endpoint("192.0.2.3", 51820): 1}),
        ("no_answer", traffic("cookie", "initiation"), {}),
        ("no_answer", traffic(), {}),
    ],
)
def test_why_there_is_no_handshake(cause, seen, strangers):
    assert look(SENDS, {"age": None, "traffic": seen}, echo=THREE, strangers=strangers).cause == cause


@pytest.mark.parametrize(("question", "cause"), [(Question(peer=KEY), "idle"), (Question(), "quiet")])
def test_without_traffic_a_missing_handshake_is_no_fault(question, cause):
    assert look(question, {"age": None}).cause == cause
    assert look(question, {"age": None, "traffic": traffic(sent="initiation")}).cause == "no_answer"


@pytest.mark.parametrize(
    ("cause", "question", "fields"),
    [
        ("arrives", ASKS, {"arrived": 3}),
        ("nothing_arrives", ASKS, {}),
        ("source_rejected", ASKS, {"rejected": Rejected(1, None, True)}),
        ("quiet", ASKS, {"watched": False}),
        ("arrives", ASKS, {"arrived": 3, "way_back": Way("eth0")}),
        ("dropped_here", ASKS, {"arrived": 3, "way_back": Way("eth0"), "strict_source_check": True}),
        ("arrives", ASKS, {"arrived": 3, "strict_source_check": True}),
        ("source_rejected", Question(incoming=parse_address("10.9.9.9")), {}),
        ("source_rejected", Question(incoming=SOURCE, peer=KEY), {}),
        ("nothing_arrives", Question(incoming=SOURCE, peer=OTHER), {}),
        ("other_owner", Question(destination=SOURCE, peer=KEY), {}),
        ("routed_elsewhere", Question(destination=OWN), {"way": Way("lo", "local")}),
        ("endpoint_unreachable", Question(peer=KEY), {"way_out": Way("wg0"), "peers": (
            dataclasses.replace(PEER, age=None),)}),
        ("idle", Question(peer=KEY), {"way_out": Way("wg0"), "shares_namespace": False, "peers": (
            dataclasses.replace(PEER, age=None),)}),
        ("wrong_endpoint", Question(peer=KEY), {"socket_addresses": frozenset([parse_address("192.0.2.2")]), "peers": (
            dataclasses.replace(PEER, age=None),)}),
        ("no_owner", Question(), {"unowned": {TARGET: 2}}),
        ("source_rejected", Question(), {"rejected": Rejected(2, None, True), "unowned": {TARGET: 2}}),
        ("quiet", Question(), {"rejected": Rejected(None, 500, False)}),
    ],
)  # fmt: skip
def test_what_is_only_watched(cause, question, fields):
    assert look(question, **fields).cause == cause


def test_another_interface_of_the_same_host_is_no_wrong_endpoint():
    own = frozenset([parse_address("192.0.2.2")])
    assert look(Question(peer=KEY), {"age": None}, socket_addresses=own, port=51821).cause == "idle"


def test_the_peer_is_named_from_which_packets_are_refused():
    senders = (
        dataclasses.replace(PEER, traffic=Traffic({"data": 5}), passed=5),
        dataclasses.replace(NYC, traffic=Traffic({"data": 7}), passed=3),
    )
    found = look(Question(), peers=senders, rejected=Rejected(4, None, True))
    assert found.peer is not None
    assert found.peer.name == "nyc1"
    assert found.evidence[:2] == (
        "4 packets came in with a source that the sending peer does not own, and were dropped, in 6 s",
        "from peer nyc1 came more packets than came out of wg0",
    )
    remedy = "add the missing prefix to allowed_ips of peer nyc1 on this host, unless another peer is to have it"
    assert found.remedy("wg0") == remedy


def test_what_is_routed_into_the_tunnel_without_an_owner_is_the_likely_source():
    rejected = Rejected(4, None, True)
    routes = frozenset(map(parse_prefix, ("10.0.0.0/16", "10.5.1.0/24", "192.168.10.0/24")))
    found = look(Question(), routed=routes, rejected=rejected)
    likely = "probably from 192.168.10.0/24: routed into wg0, and no peer has it in its AllowedIPs"
    assert found.evidence[-1] == likely
    assert found.remedy("wg0").startswith("add 192.168.10.0/24 to allowed_ips of the peer that sends it")
    found = look(Question(), routed=routes | {parse_prefix("172.16.0.0/12")}, rejected=rejected)
    assert found.evidence[-1].startswith("probably from 172.16.0.0/12, 192.168.10.0/24: routed into wg0")
    assert found.prefix is None, "which of the two is not known"


def test_a_keepalive_shows_that_our_packets_get_there():
    for received, words in (("", "no data came from the peer meanwhile"), ("keepalive", "gets our packets")):
        found = look(SENDS, {"traffic": traffic(received)}, echo=THREE)
        assert found.cause == "answers_missing"
        assert words in found.evidence[-1]


def test_a_bound_is_called_a_bound():
    found = look(Question(), rejected=Rejected(None, 900, False, suspected=True))
    assert found.evidence[0] == (
        "up to 900 bytes came in and did not come out of wg0, "
        "probably packets with a source that the sending peer does not own, in 6 s"
    )
    assert found.remedy("wg0").startswith(
        "add the missing prefix to allowed_ips of the peer that sends it on this host"
    )


def test_a_learnt_endpoint_that_is_not_the_declared_one_is_evidence():
    peer = {"age": 400.0, "declared": "fra1.example.net:51820", "traffic": traffic(sent="initiation")}
    assert look(SENDS, peer, echo=THREE).evidence == (
        "no handshake with peer fra1 for 400 s",
        "its endpoint is 192.0.2.2:51820, declared is fra1.example.net:51820",
        "2 handshakes sent to 192.0.2.2:51820, and nothing came back",
    )


def test_what_could_not_be_watched_is_said():
    note = "packets could not be watched, so that only counters were compared"
    assert look(SENDS, {"age": None}, echo=THREE, watched=False).evidence[-2:] == ("it was asked for one", note)
    assert note not in look(SENDS, echo=THREE).evidence


def test_the_backend_changes_nothing_but_its_own_end():
    for question, rejected in itertools.product((SENDS, ASKS, Question()), (NONE, Rejected(3, None, True))):
        one, other = (look(question, echo=THREE, rejected=rejected, backend=name) for name in ("kernel", "userspace"))
        assert one == other


def test_every_cause_has_a_verdict_and_each_that_is_a_fault_a_remedy():
    for cause in CAUSES:
        found = _diagnosis.problem(cause, ["seen"])
        assert found.verdict
        assert "{" not in found.remedy("wg0")
        assert found.is_problem is (cause not in GOOD)
        assert bool(found.remedy("wg0")) is (found.is_problem or cause == "idle")


def test_long_lists_of_prefixes_are_cut():
    prefixes = frozenset(parse_prefix(f"10.1.{number}.0/24") for number in range(9))
    found = look(Question(incoming=SOURCE, peer=KEY), {"allowed_ips": prefixes})
    assert found.evidence[-1].endswith("10.1.4.0/24 and 4 more")
