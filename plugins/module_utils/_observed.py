# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there: one interface as it was found, with everything around it that a change has to respect."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Filtering
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import device_of
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    MAIN_TABLE,
    OUR_PROTOCOL,
    Device,
    Link,
    Route,
    Rule,
)

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
        PrivateKey,
        PublicKey,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
        Prefix,
    )
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import PeerStatistics

KERNEL_PROTOCOL = 2
"""RTPROT_KERNEL (linux/rtnetlink.h): routes that come and go with an address."""


@dataclasses.dataclass(frozen=True)
class Observed:
    """One interface and its namespace.

    backend: kernel, userspace, dead (remains of an engine that has ended) or None (no such interface).
    birthplace_is_gone: the namespace that its socket is in has ended, or has no name any more.
    device: None where there is no engine to ask.  edits_peers: False where its engine has to make a peer anew instead.
    statistics: of its peers.
    routes, rules: all of the namespace, whoever made them.  neighbours: the namespace's other records.
    key_file: the private key in the file that the declaration names.  snapshot: the one on disk, whatever it is worth.
    era: tells the device's index from equal ones before a reboot.  unmoved: the namespaces where a run that was killed
    has left a device that it had not moved here yet.  settings: kernel parameters that can be claimed.
    no_nftables: why there is no nftables here.  no_marks: why it cannot mark what a full tunnel wants marked.
    ruleset, filtering: only looked at where they may concern the interface.
    """

    backend: str | None = None
    device: Device | None = None
    edits_peers: bool = True
    link: Link | None = None
    statistics: t.Mapping[PublicKey, PeerStatistics] = dataclasses.field(default_factory=dict, compare=False)
    socket_namespace: str | None = None
    birthplace_is_gone: bool = False
    routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()
    forwarding: t.Mapping[int, bool] = dataclasses.field(default_factory=dict)
    record: Record | None = None
    neighbours: tuple[Record, ...] = ()
    key_file: PrivateKey | None = None
    snapshot: Snapshot | None = None
    era: str = ""
    unmoved: tuple[str, ...] = ()
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    no_nftables: str = ""
    no_marks: str = ""
    ruleset: Ruleset | None = None
    filtering: Filtering = dataclasses.field(default_factory=Filtering)

    @property
    def exists(self) -> bool:
        return self.backend is not None

    @property
    def lost(self) -> str:
        """What has become of the device since it was declared, behind its name; "" where it is still that one.

        Whoever declares an interface gives it a key, so one on record without any is not the device it was.
        """
        if self.backend == "dead":
            return "its userspace engine has ended"
        if self.record is None:
            return ""
        if self.remembered is not None and (self.remembered.replacing or (self.device and self.device.has_key)):
            return "a run was interrupted while it made it again"
        if not self.exists:
            return "it has gone since it was last declared"
        if self.device is not None and not self.device.has_key:
            made = "its userspace engine has ended and was started" if self.backend == "userspace" else "it was made"
            return f"{made} again, without keys and peers"
        return ""

    @functools.cached_property
    def remembered(self) -> Snapshot | None:
        """The snapshot, where its device has gone and what is there now, if anything, is to take its place.

        A device with a key is somebody's: ours only where a run has noted that it was making it. Without a device
        nobody can have removed a peer since, so an interrupted run is made good even after a reboot; what was only
        kept for the case that an engine ends goes with a reboot, as on the kernel.
        """
        found = self.snapshot
        if found is None or self.record is None:
            return None
        same_era = found.era == self.era
        if self.device is not None and self.device.has_key:
            ours = same_era and found.successor == self.the_link.index
            return found if ours else None
        return found if same_era or found.replacing else None

    def has_answered(self, peer: PublicKey) -> bool:
        """Whether it has completed a handshake."""
        found = self.statistics.get(peer)
        return found is not None and found.latest_handshake is not None

    @property
    def the_device(self) -> Device:
        """device, where it is known to be there."""
        if self.device is None:
            raise AssertionError("there is no device")
        return self.device

    @property
    def the_link(self) -> Link:
        """link, where it is known to be there."""
        if self.link is None:
            raise AssertionError("there is no link")
        return self.link

    @functools.cached_property
    def our_routes(self) -> frozenset[Route]:
        """Those with our protocol number that the record names as well; one of the two does not prove enough."""
        recorded = self.record.routes if self.record else frozenset()
        return frozenset(route for route in self.routes if route.protocol == OUR_PROTOCOL and route in recorded)

    @property
    def claimed_routes(self) -> frozenset[Route]:
        """Ours, and those that were ours when the device was there that is to be put back."""
        if self.remembered is None or self.record is None:
            return self.our_routes
        return self.our_routes | self.record.routes

    @functools.cached_property
    def our_rules(self) -> frozenset[Rule]:
        recorded = self.record.rules if self.record else frozenset()
        return frozenset(rule for rule in self.rules if rule.protocol == OUR_PROTOCOL and rule in recorded)

    @functools.cached_property
    def routes_by_identity(self) -> dict[tuple[t.Any, ...], list[Route]]:
        """All of the namespace; what stands in the way of a route is found without looking at each of them."""
        found: dict[tuple[t.Any, ...], list[Route]] = {}
        for route in self.routes:
            found.setdefault(route.identity, []).append(route)
        return found

    def shared(self, value: Route | Rule) -> bool:
        """True where another interface of the namespace has declared the same route or rule."""
        return any(value in neighbour.routes or value in neighbour.rules for neighbour in self.neighbours)

    def without_device(self, name: str) -> Observed:
        """What is left once the device is deleted: its addresses and routes go with it."""
        return dataclasses.replace(
            self,
            backend=None,
            device=None,
            link=None,
            statistics={},
            socket_namespace=None,
            birthplace_is_gone=False,
            routes=frozenset(route for route in self.routes if route.device != name),
            settings={setting: value for setting, value in self.settings.items() if device_of(setting) != name},
        )

    def with_new_device(self, name: str, backend: str) -> Observed:
        """What is there once a device was made and nothing on it was set. Its MTU is not known yet."""
        return dataclasses.replace(
            self.without_device(name),
            backend=backend,
            device=Device(private_key=None, public_key=None, listen_port=0, fwmark=0),
            link=Link(name, index=0, kind="", mtu=0, up=False),
        )


def connected_identities(link: Link | None) -> frozenset[tuple[t.Any, ...]]:
    """The identities of the routes that the kernel adds by itself for the addresses of a device.

    IPv4: metric 0, none for a /32 (fib_add_ifaddr in net/ipv4/fib_frontend.c); IPv6: metric 256.
    """
    return frozenset(
        connected_identity(address.prefix)
        for address in (link.addresses if link else ())
        if not (address.family == 4 and address.length == 32)
    )


def connected_identity(prefix: Prefix) -> tuple[t.Any, ...]:
    return (prefix, MAIN_TABLE, 0 if prefix.family == 4 else 256)
