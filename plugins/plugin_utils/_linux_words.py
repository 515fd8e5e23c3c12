# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of routes, rules and stacks that Linux knows and the FIB model does not, with what each of them means.

They are those of ip-route(8) and ip-rule(8). A key that stands in none of these tables is misspelt, and refused.
"""

from __future__ import annotations

# A route with one of these is taken, but only at times, for some packets, or by more ways than one.
ROUTE = {
    "nexthops": "several next hops (ECMP)",
    "multipath": "several next hops (ECMP)",
    "nexthop": "several next hops (ECMP)",
    "nhid": "a next-hop object",
    "encap": "an encapsulating route",
    "pref": "a route with a router preference",
    "tos": "a route by TOS",
    "dsfield": "a route by TOS",
    "vrf": "a route of a VRF",
    "mptcp": "a route for MPTCP",
}
# Of these, those that list the next hops.
ROUTE_SEVERAL = ("nexthops", "multipath", "nexthop")
NEXT_HOP = frozenset({"device", "gateway", "weight", "via", "flags", "onlink", "encap", "realm", "realms"})
# Of these, what a packet without marks of any kind would not take.
ROUTE_NOT_FOR_ALL = frozenset({"nhid", "tos", "dsfield", "vrf", "mptcp"})
# How a packet is sent, never whither.
ROUTE_WITHOUT_INFLUENCE = frozenset(
    "advmss congctl cwnd expires fastopen_no_cookie features flags hoplimit initcwnd initrwnd mtu onlink quickack "
    "realm realms rtt rto_min rttvar scope ssthresh ttl_propagate via window".split()
)
ROUTE_TYPES = {
    kind: f"a route of type {kind}" for kind in ("anycast", "broadcast", "local", "multicast", "nat", "xresolve")
}

# A rule that asks for more than addresses, device and mark: some of the packets that its other selectors match.
RULE = {
    "oif": "a rule by outgoing device",
    "sport": "a rule by source port",
    "dport": "a rule by destination port",
    "ipproto": "a rule by protocol",
    "uidrange": "a rule by user",
    "tos": "a rule by TOS",
    "dsfield": "a rule by TOS",
    "dscp": "a rule by TOS",
    "flowlabel": "a rule by flow label",
    "tun_id": "a rule by tunnel id",
    "suppress_ifgroup": "a rule by device group",
}
# A rule that does something else than looking up a table.
RULE_ACTIONS = {
    "l3mdev": "a VRF rule",
    "goto": "a rule that jumps",
    "type": "a rule with an action",
    "action": "a rule with an action",
}
RULE_WITHOUT_INFLUENCE = frozenset({"realms", "flow"})
# What `type` and `action` may say of a rule that looks up its table, and of one that does nothing.
RULE_LOOKUP = frozenset({"lookup", "table", "to_tbl", "unicast"})
RULE_NOTHING = "nop"

STACK = {
    "vrf": "a VRF",
    "vrfs": "a VRF",
    "firewall": "a firewall",
    "iptables": "a firewall",
    "nftables": "a firewall",
    "nat": "address translation",
    "ipsec": "IPsec",
    "xfrm": "IPsec",
}
# Which of them say, when they are empty, that there is no packet filter and no address translation.
FIREWALLS = frozenset({"firewall", "iptables", "nftables"})

# `tos: 0` and the like: the value that every packet has.
_NOTHING = frozenset({"", "0", "0x0", "0x00", "none", "medium", "false"})


def says_something(value: object) -> bool:
    """Whether the value of such a key asks for anything."""
    return bool(value) and not (isinstance(value, str) and value.lower() in _NOTHING)
