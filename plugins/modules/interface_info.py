#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface_info
short_description: Read the WireGuard interfaces of a host
version_added: 0.1.0
description:
  - Returns every WireGuard interface of a host or of one network namespace as data, whoever has made it; in the kernel
    or in userspace.
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
  diff_mode:
    support: none
options:
  namespace:
    description:
      - Only interfaces of this network namespace, by its name under C(/run/netns). Empty for the initial one.
      - Without it all namespaces are read.
    type: str
  name:
    description: Only interfaces of this name.
    type: str
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
              IP packets; the kernel counts both in C(rx_frame_errors).
            - Null in userspace, where no engine counts them.
          type: int
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
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "namespace": {"type": "str"},
    "name": {"type": "str"},
    **_argspec.state_directory(),
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run(module, lambda: interface_info(module))


def interface_info(module: AnsibleModule) -> dict[str, t.Any]:
    """The module's result."""
    host, store = LinuxHost(), FileStore(module.params["state_directory"])
    namespace = module.params["namespace"]
    if namespace and namespace not in host.namespaces():
        raise _netns.missing(namespace)
    try:
        found = _info.interfaces(host, store.record, now=time.time(), namespace=namespace, name=module.params["name"])
    except _deps.MissingLibrary as missing:
        if not module.check_mode:
            raise
        module.warn(str(missing))
        found = []
    return {"changed": False, "interfaces": found}


if __name__ == "__main__":
    main()
