#!/usr/bin/python
# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface
short_description: Declare one WireGuard interface with its peers, addresses and routes
version_added: 0.1.0
description:
  - One call declares a whole interface, its key, port, peers, addresses, MTU, routes, policy rules and forwarding.
  - It looks at the running system, computes the steps that are missing, applies them in an order that loses no packet,
    reads everything back, and restores what was there when a step fails or the result is not what was declared.
  - What is not declared is left alone, and O(socket_namespace), O(routing), O(table), O(metric), O(routes), O(rules)
    O(forwarding), O(full_tunnel), O(rp_filter), O(masquerade), O(clamp_mss) and O(open_port) stay what they were last
    declared to be. So one more peer is declared by naming it alone.
  - An unchanged peer is never touched, so sessions, roamed endpoints and handshakes survive every run. AllowedIPs are
    added, moved and removed one by one, never replaced as a list.
  - A prefix that moves to another peer has an owner at every moment, so whatever this host sends arrives. What the
    former owner has sent from that prefix and what comes in after the move is dropped by WireGuard itself, since its
    source is no longer that peer's; that is at most what was under way at that moment.
  - Everything invalid is refused before the first change, with the path of the argument, its value, the reason and a
    remedy. Mistakes that WireGuard accepts silently are refused as well, such as one prefix for two peers, the
    interface's own key as a peer, or an IPv4-mapped prefix.
  - An interface is identified by O(namespace) and O(name). The same name in another namespace is another interface.
extends_documentation_fragment:
  - cryptokey.wireguard.attributes
  - cryptokey.wireguard.attributes.actiongroup
  - cryptokey.wireguard.host
  - cryptokey.wireguard.host.state
attributes:
  check_mode:
    support: full
    details:
      - On a fresh host everything is shown as new. A library or a namespace that is not there yet is a warning, and a
        key that is not made yet reads V((made on apply\)).
  diff_mode:
    support: full
requirements:
  - cryptography, or the program C(wg), to derive public keys
  - the kernel module C(wireguard), or a userspace engine such as C(wireguard-go)
options:
  name:
    description: Name of the device, at most 15 bytes.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the interface, the routes, rules and forwarding that were declared for it, and its record.
        Routes and rules that somebody else made stay.
    type: str
    choices: [present, absent]
    default: present
  namespace:
    description: Network namespace of the device, by its name under C(/run/netns). Empty for the initial one.
    type: str
    default: ""
  socket_namespace:
    description:
      - Network namespace that the encrypted packets use. It is where the device is born; its UDP socket stays there.
        Empty for the initial one, which is also the default of a new interface.
      - Changing it makes the device again, which interrupts its tunnels.
    type: str
  backend:
    description:
      - V(auto) keeps what a running interface has; a new one gets the kernel's WireGuard if there is one, else the
        first userspace engine that is installed.
      - V(kernel) and V(userspace) insist. If the interface runs on the other one it is made again, which interrupts its
        tunnels and is stated in RV(actions).
    type: str
    choices: [auto, kernel, userspace]
    default: auto
  userspace_engine:
    description:
      - Path or name of the userspace engine. By default the first known one that is installed.
      - Where systemd is PID 1, it holds the engine in a transient unit, C(cryptokey-wireguard-NAME.service), and starts
        it again after a crash, empty; the next run fills it again and warns. Elsewhere the engine runs detached.
      - What earlier runs have declared comes back as well, from a snapshot in O(state_directory).
      - Any engine will do that speaks the cross-platform userspace protocol. One that cannot change a peer, such as
        boringtun, is given the whole peer anew, which RV(disruptive) says.
    type: str
  private_key:
    description:
      - The private key as base64. It is kept in O(private_key_file).
      - Without it the key in that file is used; without a file the running interface's key is kept, or a new one is
        made on the host, which it then never leaves.
    type: str
  private_key_file:
    description:
      - Where the host keeps the private key, with mode C(0600).
      - The default is C(NAMESPACE/NAME.key) below O(state_directory), with C(@) for the initial namespace.
    type: path
  public_key:
    description:
      - The public key that the peers know this interface by. Where the host's private key is not the one that belongs
        to it, or there is none yet, the module refuses before it changes anything, instead of cutting the host off.
      - Without it any key will do.
    type: str
  keep_private_key:
    description: Whether O(state=absent) leaves the private key file in place, so that the interface can come back as
      the same peer.
    type: bool
    default: true
  listen_port:
    description:
      - UDP port, V(0) for any. A bound port stays when any is asked for.
    type: int
  fwmark:
    description: Mark of the encrypted packets, decimal or hexadecimal, V(0) or V(off) for none.
    type: str
  mtu:
    description:
      - MTU of the device, from 576 to 65535. With IPv6 addresses at least 1280.
      - Without it the MTU follows from the ways to the declared endpoints, the MTU of the narrowest one less 60 bytes
        (IPv4) or 80 (IPv6). A way's MTU is the smaller one of its route and its device, which may be another tunnel.
        A path MTU that the kernel has learned for a while does not count, and neither does where a peer has roamed to,
        so that it is the same in every run. RV(actions) and RV(interface.mtu_derived) say what it follows from.
      - Where no endpoint is known it stays the default, 1420. Where there is no way to any, and on an interface that
        another program made, it is left alone.
    type: int
  addresses:
    description:
      - Addresses of the device with their prefix lengths; a bare address is C(/32) or C(/128).
      - Other addresses of the device are removed, except for link-local ones.
      - Where several are added at once, the first IPv4 address is the one that the host's own packets prefer as source.
    type: list
    elements: str
  peers:
    description: The peers. Fields that an entry leaves out are left alone on a peer that exists.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name for people, used in messages and by M(cryptokey.wireguard.interface_info).
        type: str
      public_key:
        description: The peer's public key as base64.
        type: str
        required: true
      preshared_key:
        description: Preshared key as base64. An empty text removes it.
        type: str
      endpoint:
        description: Where to reach the peer, C(host:port) or C([IPv6 address]:port). See O(endpoint_policy).
        type: str
      persistent_keepalive:
        description: Seconds between keepalive packets, V(0) for off.
        type: int
      allowed_ips:
        description:
          - All prefixes that belong to this peer. The identical prefix moves here from its earlier owner without a gap.
          - Host bits are cleared, as WireGuard does, with a warning.
        type: list
        elements: str
      state:
        description: Whether the peer is to be there.
        type: str
        choices: [present, absent]
        default: present
  peers_policy:
    description:
      - V(merged) keeps peers that O(peers) does not list; giving away a prefix that such a peer has is refused.
      - V(exact) removes them. Without O(peers) nothing is removed.
    type: str
    choices: [merged, exact]
    default: merged
  endpoint_policy:
    description:
      - V(learn) sets an endpoint where the peer is new, has none, or the declared value changed since the last run. An
        endpoint that roamed stays. Where it is not known what was declared last, one that has answered stays.
      - V(enforce) sets it whenever it differs.
    type: str
    choices: [learn, enforce]
    default: learn
  routing:
    description:
      - V(auto) has one route into the device for each distinct prefix in the AllowedIPs of the peers, and O(routes).
        A prefix that is connected by an address of the device needs none.
      - V(explicit) has O(routes) only. V(off) has none; routes of earlier runs are removed.
      - Under V(auto) a default route into the table V(main) of the socket's own namespace is refused, and so is a route
        that would become the only way to the peer's own endpoint, unless O(fwmark) and O(rules) lead the encrypted
        packets around it.
      - A new interface has V(auto).
    type: str
    choices: [auto, explicit, 'off']
  table:
    description: Routing table of the automatic routes, V(main), V(default) or a number. A new interface has V(main).
    type: str
  metric:
    description: Metric of the automatic routes, V(0) for the kernel's default, which is 0 for IPv4 and 1024 for IPv6.
    type: int
  routes:
    description:
      - Further routes. Those of type V(unicast) lead into the device. An empty list removes those of earlier runs.
      - A route with the same destination, table and metric that somebody else made is an error, before any change.
    type: list
    elements: dict
    suboptions:
      destination:
        description: Prefix to route, C(0.0.0.0/0) or C(::/0) for all.
        type: str
        required: true
      gateway:
        description: Address of the next hop, rarely of use on a WireGuard device.
        type: str
      table:
        description: Routing table, V(main), V(default) or a number. Without it V(main).
        type: str
      metric:
        description: Metric.
        type: int
      type:
        description: Kind of route; all but V(unicast) make the kernel refuse or skip the destination.
        type: str
        choices: [unicast, blackhole, unreachable, prohibit, throw]
        default: unicast
      source:
        description: Preferred source address.
        type: str
  rules:
    description:
      - Policy rules. An entry without O(rules[].from) and O(rules[].to) stands for one of each family.
      - An empty list removes those of earlier runs.
    type: list
    elements: dict
    suboptions:
      priority:
        description: Priority, from 1 to 32765.
        type: int
        required: true
      from:
        description: Source prefix.
        type: str
      to:
        description: Destination prefix.
        type: str
      iif:
        description: Incoming device; V(lo) for packets of the host itself.
        type: str
      fwmark:
        description: Mark to match, decimal or hexadecimal.
        type: str
      invert:
        description: Whether the rule is for packets that do not match.
        type: bool
        default: false
      table:
        description: Table to look up, V(main), V(default), V(local) or a number. Without it V(main).
        type: str
      suppress_prefixlength:
        description: Ignore routes of this prefix length or shorter.
        type: int
  forwarding:
    description:
      - Forwarding in the device's namespace, per family. A family that no interface declares is left alone.
      - A family that an earlier run declared and this mapping does not is put back to what it was before, unless
        another interface of the namespace declares it. An empty mapping declares none.
      - Among interfaces that disagree, V(true) wins.
    type: dict
    suboptions:
      ipv4:
        description: Whether IPv4 packets are forwarded.
        type: bool
      ipv6:
        description: Whether IPv6 packets are forwarded.
        type: bool
  full_tunnel:
    description:
      - Whether default routes in the AllowedIPs lead everything into the tunnel but the encrypted packets themselves.
        It is the arrangement of C(wg-quick) as one option.
      - It consists of a mark on the encrypted packets, the automatic routes in a table of their own, one policy rule
        that looks into C(main) without its default route, so that the LAN and all longer routes stay as they were,
        another that sends everything without the mark into the tunnel, C(src_valid_mark), and, where the host has
        nftables, two rules in the interface's own table that give answers of the endpoints their mark, for a strict
        reverse path filter. On a kernel without C(CONFIG_NFT_CT) or C(CONFIG_NF_CONNTRACK_MARK) they are left out, and
        a warning says so where the filter is strict.
      - The mark is O(fwmark), else the one that it had, else the device's own, else O(table), else the first free
        number from 51820 on. The table has the number of the mark unless O(table) names another one.
      - V(false), and O(state=absent), undo all of it, the mark included. It takes O(routing=auto).
    type: bool
  rp_filter:
    description:
      - Reverse path filter by device, V(off), V(loose) or V(strict), for the interface itself, for others of its
        namespace such as the one that encrypted packets come in by, or for C(all). IPv4 only, as in the kernel.
      - A device that an earlier run declared and this mapping does not is put back to what it was before, unless
        another interface declares it, or somebody has changed it since. An empty mapping declares none.
      - Among interfaces that disagree the one wins that lets more packets pass.
      - The kernel takes the larger number of a device's value and that of C(all), where V(off) is 0, V(strict) 1 and
        V(loose) 2. A value that has no effect because of that is refused.
    type: dict
  masquerade:
    description:
      - Devices, per family, that hide what comes out of the tunnel and leaves by them behind their own address, for
        exits and gateways. Names of devices that are not there yet will do. An empty mapping declares none.
      - It stands in an nftables table of the interface's own, C(inet cryptokey-NAME), which is replaced in one
        transaction and removed with the interface. Other tables are never touched. It takes the program C(nft) and
        Linux 5.7 or later; without them it is refused before the first change.
    type: dict
    suboptions:
      ipv4:
        description: Outward devices for IPv4.
        type: list
        elements: str
      ipv6:
        description: Outward devices for IPv6.
        type: list
        elements: str
  clamp_mss:
    description:
      - Whether TCP connections that are forwarded into the tunnel or out of it agree on segments that fit through it,
        for hosts behind a gateway that do not learn the path's MTU. It stands in the same table.
    type: bool
  open_port:
    description:
      - Which packet filter is told to let the listen port in; a new interface has V(off).
      - V(auto) takes C(firewalld) if it runs, else C(ufw) if it is active, else the base chains of nftables for
        incoming packets that filter anything. Where nothing filters nothing is opened.
      - V(firewalld) opens it in the default zone, permanently and at run time. V(ufw) adds a rule with a comment.
      - V(nftables) puts a rule with a comment at the head of every base chain of the type filter at the hook input
        that has a rule or drops by policy, because an accepting rule in a table of our own could not keep another
        table from dropping the packet. Programs that write their ruleset anew, such as C(nftables.service), lose the
        rule with it until the next run.
      - What was open before, by whomever, is not counted as ours, and neither is what lies within a range of ports of
        firewalld or has another comment in ufw. What this module has opened is closed again when the port changes, with
        V(off), and with the interface.
      - A rule of ufw that denies or rejects just that port would be replaced by ours. It is somebody's decision, so the
        run is refused before the first change, and the message names the rule.
      - What closes the port to the world all the same is never touched, but named in a warning, in check mode too, with
        the command that shows it - a rule of ufw that comes first, such as one for a range of ports, a rich rule of
        firewalld, a rule or a policy in a chain of nftables that nobody asked to let it in, and a default zone of
        firewalld that no device is in. It is decided from their listings; rules that mean a few senders or all ports of
        one device, and all that a listing leaves open, are not reported.
      - While nothing filters, V(auto) leaves open what it has opened, for when the packet filter runs again.
      - It takes a O(listen_port) that is declared or bound. firewalld and ufw filter in the initial namespace only.
    type: str
    choices: [auto, firewalld, ufw, nftables, 'off']
seealso:
  - module: cryptokey.wireguard.interface_info
  - module: cryptokey.wireguard.keypair
  - module: cryptokey.wireguard.namespace
author:
  - the cryptokey.wireguard authors (@cryptokey)
"""

EXAMPLES = r"""
- name: A site that reaches another one
  cryptokey.wireguard.interface:
    name: wg0
    listen_port: 51820
    addresses: [10.77.0.1/32, "fd77::1/128"]
    peers_policy: exact
    peers:
      - name: nyc1
        public_key: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
        endpoint: nyc1.example.net:51820
        allowed_ips: [10.77.0.2/32, "fd77::2/128", 192.168.20.0/24]
    forwarding: {ipv4: true}

- name: One more peer, all others left as they are
  cryptokey.wireguard.interface:
    name: wg0
    peers:
      - name: anna-phone
        public_key: TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=
        allowed_ips: [10.77.200.1/32]

- name: A full tunnel whose encrypted packets keep using the ordinary default route
  cryptokey.wireguard.interface:
    name: wg-exit
    addresses: [10.99.0.2/32]
    full_tunnel: true
    peers:
      - public_key: gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=
        endpoint: 203.0.113.9:51820
        allowed_ips: [0.0.0.0/0]

- name: An exit that forwards, translates, and is reached through the host's packet filter
  cryptokey.wireguard.interface:
    name: wg0
    listen_port: 51820
    addresses: [10.99.0.1/24]
    forwarding: {ipv4: true}
    masquerade: {ipv4: [eth0]}
    clamp_mss: true
    open_port: auto

- name: A gateway that answers may reach by another way than the one that they would take
  cryptokey.wireguard.interface:
    name: wg0
    rp_filter: {wg0: loose}

- name: A device inside the namespace blue, its socket outside of it
  cryptokey.wireguard.interface:
    name: wg0
    namespace: blue
    addresses: [10.88.0.1/24]
    routing: explicit
    routes:
      - destination: 0.0.0.0/0

- name: Gone, with everything that was declared for it
  cryptokey.wireguard.interface:
    name: wg0
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, in this order, one line each. Empty if nothing changed.
  type: list
  elements: str
  returned: success
  sample: ["create interface wg0 (userspace)", "add route 192.168.20.0/24 dev wg0"]
disruptive:
  description:
    - Of RV(actions), those that can lose packets, each with the packets that it can lose; in check mode they are known
      before anything is done. All others lose none.
  type: list
  elements: str
  returned: success
  sample: ["set listen port 51821: what peers send to the old port, until this host has sent to them"]
public_key:
  description: Public key of the interface. V((made on apply\)) in check mode while there is none.
  type: str
  returned: success
  sample: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
backend:
  description: V(kernel) or V(userspace); null when the interface is absent.
  type: str
  returned: success
  sample: userspace
interface:
  description: The interface as it is now, or would be in check mode. Empty when it is absent.
  type: dict
  returned: success
  contains:
    name:
      description: Name of the device.
      type: str
    namespace:
      description: Its network namespace.
      type: str
    socket_namespace:
      description: The network namespace of its socket, null where the host cannot tell.
      type: str
    backend:
      description: V(kernel) or V(userspace).
      type: str
    public_key:
      description: Its public key.
      type: str
    listen_port:
      description: The UDP port in use.
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
      description: Its peers, with O(peers[].preshared_key) as a fingerprint or V(none).
      type: list
      elements: dict
    routes:
      description: The routes that this module made for it, absent where there are none.
      type: list
      elements: str
    rules:
      description: The rules that this module made for it, absent where there are none.
      type: list
      elements: str
    forwarding:
      description: The forwarding switches that were declared for it.
      type: dict
    mtu_derived:
      description: What its MTU follows from, absent where it was declared or is the default.
      type: str
    full_tunnel:
      description: Whether it is a full tunnel, absent where it is not.
      type: bool
    rp_filter:
      description: The reverse path filters that were declared for it, as they are now.
      type: dict
    nftables:
      description: What the rules in its own nftables table do, absent where it has none.
      type: list
      elements: str
    open_ports:
      description: What was opened in the packet filter for it, absent where nothing was.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _argspec
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import (
    declare,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import (
    converge,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._module import converged, run
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import (
    FileStore,
)

MANY_PEERS = 100


class InterfaceModule(AnsibleModule):
    """Its log line counts peers from a hundred on.

    Ansible writes them all into one text, megabytes where there are ten thousand, and looks in it for one secret after
    the other: that took longer than everything else. Should Ansible stop calling this, its own line is back, no more.
    """

    def _log_invocation(self) -> None:
        peers = self.params.get("peers") or ()
        if len(peers) >= MANY_PEERS:
            self.params["peers"] = f"({len(peers)} peers)"
        try:
            super()._log_invocation()
        finally:
            if peers:
                self.params["peers"] = peers


def main() -> None:
    module = InterfaceModule(argument_spec=_argspec.interface(), supports_check_mode=True)
    run(module, lambda: interface(module))


def interface(module: AnsibleModule) -> dict:
    """The module's result."""
    declared = declare(module.params)
    store = FileStore(module.params["state_directory"])
    result = converge(declared, host=LinuxHost(), store=store, check=module.check_mode)
    return {
        **converged(module, result),
        "public_key": result.public_key,
        "backend": result.backend,
        "interface": result.interface,
    }


if __name__ == "__main__":
    main()
