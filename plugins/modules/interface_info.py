#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface_info
short_description: Read the WireGuard interfaces of a host, and find out why packets vanish
version_added: 0.1.0
description:
  - Returns every WireGuard interface of a host or of one network namespace as data, whoever has made it; in the kernel
    or in userspace.
  - With O(probe) it says in words why packets through one interface vanish, such as that WireGuard drops them because
    of AllowedIPs. The causes and the words are the same in the kernel and in userspace.
  - It changes nothing and never returns a secret.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
    details:
      - Where a library is missing the answer is empty, with a warning. Without check mode that is an error.
      - A probe does the same in check mode, packets that O(probe.send) asks for included.
  diff_mode:
    support: none
options:
  namespace:
    description:
      - Only interfaces of this network namespace, by its name under C(/run/netns). Empty for the initial one.
      - Without it all namespaces are read.
    type: str
  name:
    description: Only interfaces of this name. Required with O(probe).
    type: str
  probe:
    description:
      - Why do packets through the interface O(name) of O(namespace) (the initial one where that is not given) vanish?
        The answer is in RV(probe).
      - Where the configuration and the routing table already answer, it is there at once. Otherwise the packets of the
        interface and of its UDP socket are watched for O(probe.seconds); nothing is kept of them but counts.
      - Without any of the options below it watches for packets that are dropped.
      - Needs C(CAP_NET_RAW) too, which root has. Where packet sockets are refused only counters are compared, and fewer
        causes can be told apart.
    type: dict
    suboptions:
      destination:
        description: The address that packets do not get to.
        type: str
      incoming_source:
        description:
          - The address from which packets do not arrive.
          - It is looked up in the AllowedIPs of the peers, and the peer is named from which packets come that are
            dropped.
        type: str
      peer:
        description:
          - The peer that is expected at the other end, by its name in RV(interfaces[].peers) or by its public key.
          - With O(probe.send) alone, the first single address among its AllowedIPs is the destination.
        type: str
      send:
        description:
          - Also send ICMP echo requests to O(probe.destination), O(probe.incoming_source) or O(probe.peer), and one
            datagram that WireGuard ignores to the peer's endpoint. Without it nothing is sent.
          - Where small packets are answered, packets of the interface's MTU follow, and shorter ones where those are
            lost.
        type: bool
        default: false
      source:
        description: The own address to send from. Without it the routing table chooses.
        type: str
      seconds:
        description:
          - How long to watch at most, from 1 to 60. Ends earlier when everything that was sent is answered; trying long
            packets adds up to two seconds.
          - A handshake that fails is repeated every five seconds, so six see one for certain.
        type: int
        default: 6
seealso:
  - module: cryptokey.wireguard.interface
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: Read all interfaces
  cryptokey.wireguard.interface_info:
  register: wireguard

- name: Peers that have not answered for three minutes
  ansible.builtin.debug:
    msg: >-
      {{ wireguard.interfaces | map(attribute='peers') | flatten
         | rejectattr('latest_handshake_age', 'none') | selectattr('latest_handshake_age', '>', 180)
         | map(attribute='name') }}

- name: Why does 10.9.0.1 not answer?
  cryptokey.wireguard.interface_info:
    name: wg0
    probe:
      destination: 10.9.0.1
      send: true
  register: wireguard

- name: Show it
  ansible.builtin.debug:
    msg: "{{ [wireguard.probe.verdict] + wireguard.probe.evidence + [wireguard.probe.remedy] }}"

- name: Does WireGuard drop what comes from 192.168.10.7, because of AllowedIPs?
  cryptokey.wireguard.interface_info:
    name: wg0
    probe:
      incoming_source: 192.168.10.7
  register: wireguard

- name: Fail where it does
  ansible.builtin.assert:
    that: wireguard.probe.cause != 'source_rejected'
    fail_msg: "{{ wireguard.probe.remedy }}"

- name: Ask one peer whether it is there
  cryptokey.wireguard.interface_info:
    name: wg0
    probe:
      peer: fra1
      send: true

- name: Watch for ten seconds whether anything is dropped
  cryptokey.wireguard.interface_info:
    name: wg0
    probe:
      seconds: 10

- name: Read one interface of one namespace
  cryptokey.wireguard.interface_info:
    namespace: blue
    name: wg0
"""

RETURN = r"""
interfaces:
  description: The interfaces, sorted by namespace and name.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the device.
      type: str
      sample: wg0
    namespace:
      description: Its network namespace, empty for the initial one.
      type: str
      sample: ""
    socket_namespace:
      description:
        - The network namespace of its UDP socket. Null where the host cannot tell, as for an interface of the kernel
          that is down.
      type: str
      sample: ""
    socket_namespace_gone:
      description:
        - Whether the network namespace that it was born in no longer exists. An interface of the kernel has lost its
          socket with it; an engine in userspace keeps the namespace, which no name leads to any more.
        - Such an interface reaches nobody. M(cryptokey.wireguard.interface) makes it anew.
      type: bool
      sample: false
    engine_unit:
      description:
        - The unit of systemd that holds the userspace engine and starts it again after a crash. Its log is in
          C(journalctl --unit).
        - Null with V(kernel), and where the engine runs without a supervisor.
      type: str
      sample: cryptokey-wireguard-wg0.service
    backend:
      description: V(kernel), V(userspace), or V(dead) for what an engine that does not answer has left behind.
      type: str
      sample: kernel
    declared:
      description: Whether M(cryptokey.wireguard.interface) has declared it.
      type: bool
    public_key:
      description: Its public key. Null where it has none, or where a userspace interface's cannot be derived.
      type: str
    listen_port:
      description: Its UDP port, 0 where no socket is bound.
      type: int
    fwmark:
      description: Mark of its encrypted packets, 0 for none.
      type: int
    mtu:
      description: Its MTU.
      type: int
    up:
      description: Whether it is up.
      type: bool
    addresses:
      description: Its addresses.
      type: list
      elements: str
    peers:
      description: Its peers, sorted by name.
      type: list
      elements: dict
      contains:
        name:
          description: The name that the declaration gave the peer, null where it gave none.
          type: str
        public_key:
          description: The peer's public key.
          type: str
        preshared_key:
          description: A fingerprint of the preshared key, or V(none).
          type: str
        endpoint:
          description: The endpoint in use, null while there is none.
          type: str
        persistent_keepalive:
          description: Seconds between keepalives, 0 for none.
          type: int
        allowed_ips:
          description: The prefixes that the peer owns, sorted.
          type: list
          elements: str
        latest_handshake_age:
          description: Seconds since the latest handshake, null where there was none.
          type: int
        rx_bytes:
          description: Bytes received from the peer since it was added.
          type: int
        tx_bytes:
          description: Bytes sent to the peer since it was added.
          type: int
    statistics:
      description: Counters of the device since it was made.
      type: dict
      contains:
        rx_bytes:
          description: Bytes of the packets that arrived.
          type: int
        tx_bytes:
          description: Bytes of the packets that were sent.
          type: int
        rx_packets:
          description: Packets that arrived.
          type: int
        tx_packets:
          description: Packets that were sent.
          type: int
        rx_errors:
          description: Packets that arrived and were refused.
          type: int
        tx_errors:
          description: Packets that could not be sent, such as those for which no peer owns the destination.
          type: int
        rx_dropped:
          description: Packets dropped on arrival.
          type: int
        tx_dropped:
          description: Packets dropped instead of being sent.
          type: int
        rejected_source:
          description:
            - Packets that arrived through the tunnel with a source that the sending peer does not own, or that were no
              IP packets, and were dropped for it.
          type: dict
          contains: &rejected
            packets:
              description: How many. Null where only a bound is known.
              type: int
            bytes_at_most:
              description:
                - How many bytes they had at most, encrypted. Null where they were counted, and where nothing is known,
                  as after a peer was removed.
                - An engine in userspace does not count them. This is what its peers have received beyond what came out
                  of the device; handshakes, keepalives and padding are in it.
              type: int
            exact:
              description: Whether C(packets) is neither too high nor too low. The kernel counts each one.
              type: bool
probe:
  description: The answer to O(probe).
  type: dict
  returned: with O(probe)
  contains:
    cause:
      description:
        - V(no_owner), no peer has the destination in its AllowedIPs (sending fails with C(ENOKEY), Required key not
          available). V(other_owner), another peer than expected has it.
        - V(source_rejected), packets come in with a source that the sending peer does not own, and are dropped.
        - V(routed_elsewhere), the routing table does not lead into the interface.
        - V(endpoint_unknown), V(endpoint_unreachable), V(wrong_endpoint), V(no_answer), V(wrong_key),
          V(wrong_preshared_key), why there is no handshake.
        - V(answers_missing), packets go out and no answer comes in. V(nothing_arrives), nothing comes from the source.
        - V(dropped_here), a firewall or C(rp_filter) of this host drops the packet. V(mtu), large packets get lost.
        - V(interface_down), V(engine_dead), V(socket_gone), V(no_private_key), the interface itself does not work.
        - V(answered), V(arrives), V(quiet), nothing is wrong, as far as was seen. V(idle), there is no session, and
          nobody has asked for one.
      type: str
      sample: source_rejected
    problem:
      description: Whether that is something to repair; false for the last four causes.
      type: bool
    verdict:
      description: The cause in words.
      type: str
      sample: the source of incoming packets is rejected
    evidence:
      description: What it rests on, a line each.
      type: list
      elements: str
      sample: ["no peer of wg0 has 192.168.10.7 in its AllowedIPs, so packets from it are dropped on arrival"]
    remedy:
      description: What to do about it; empty where nothing is wrong.
      type: str
      sample: add 192.168.10.7/32 to allowed_ips of peer fra1 on this host, unless another peer is to have it
    peer:
      description: The peer that it is about, null where it is about none.
      type: dict
      contains:
        name:
          description: The name that the declaration gave it, null where it gave none.
          type: str
        public_key:
          description: Its public key.
          type: str
    destination:
      description: Where packets were to go, null where that was not asked.
      type: str
    incoming_source:
      description: Where packets were to come from, null where that was not asked.
      type: str
    seconds:
      description: How long packets were watched, 0 where the answer was there at once.
      type: float
    sent:
      description: How many small echo requests were sent.
      type: int
    answered:
      description: How many of them were answered.
      type: int
    rejected_source:
      description:
        - As in RV(interfaces[].statistics.rejected_source), during the probe alone.
        - In userspace it is exact where what was seen outside and inside agrees to the byte with what the engine and
          the device count, which a busy tunnel may prevent.
      type: dict
      contains: *rejected
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import (
    _argspec,
    _deps,
    _info,
    _netns,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare_namespace
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import placed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._probe import Probe
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import parse_name
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "namespace": {"type": "str"},
    "name": {"type": "str"},
    "probe": {"type": "dict", "options": _argspec.probe()},
    **_argspec.state_directory(),
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, required_by={"probe": ["name"]})
    run(module, lambda: interface_info(module))


def interface_info(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    host, store = LinuxHost(), FileStore(module.params["state_directory"])
    namespace, name = _asked(module.params)
    if namespace and namespace not in host.namespaces():
        raise _netns.missing(namespace)
    try:
        result = _probed(module.params["probe"], host, store, namespace=namespace or "", name=name or "")
        found = _info.interfaces(host, store.record, now=time.time(), namespace=namespace, name=name)
    except _deps.MissingLibrary as missing:
        if not module.check_mode:
            raise
        module.warn(str(missing))
        result, found = {}, []
    return {"changed": False, "interfaces": found, **result}


def _probed(
    question: dict[str, t.Any] | None, host: LinuxHost, store: FileStore, *, namespace: str, name: str | None
) -> dict[str, t.Any]:
    """Before the counters are read, so that they hold what the probe has met."""
    if question is None or name is None:
        return {}
    with placed("probe"):
        return {"probe": Probe(host, store.record(namespace, name), namespace=namespace, name=name).run(question)}


def _asked(arguments: t.Mapping[str, t.Any]) -> tuple[str | None, str | None]:
    """Namespace and name; a misspelled one would find nothing, which looks like an answer."""
    namespace = None if arguments["namespace"] is None else declare_namespace(arguments, "namespace")
    if arguments["name"] is None:
        return namespace, None
    with placed("name"):
        return namespace, parse_name(arguments["name"])


if __name__ == "__main__":
    main()
