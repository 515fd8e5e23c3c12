# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state to reach: a declaration applied to what is there, every question answered.

This is where "leave alone", ownership and the policies are decided, once; _changes only compares. Nothing in here
touches the host, and whatever it refuses is refused before the first change.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared_peers import (
    DeclaredPeer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._derived_mtu import Path
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PrivateKey,
    PublicKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import (
    Observed,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Opening
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import (
    Address,
    InterfaceAddress,
    Prefix,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import (
    Record,
    RecordedPeer,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import (
    foreign_routes,
    routes_to_put_back,
    take,
    without_link_local,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import Ruleset
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import device_of
from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import (
    Endpoint,
    Peer,
    Route,
    Rule,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_filter import want_openings, want_ruleset
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_forwarding import (
    forwarding_after,
    want_forwarding,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_full_tunnel import want_fwmark
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_mtu import want_mtu
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_routing import (
    want_routes,
    want_rules,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_settings import (
    settings_after,
    want_settings,
)


@dataclasses.dataclass(frozen=True)
class Identity:
    """The key pair that an interface is to have.

    origin: ``given`` (an argument), ``file`` (was there), ``adopted`` (from the running interface) or ``made``.
    public_key: None where the host cannot tell (check mode without a library).
    """

    private_key: PrivateKey
    public_key: PublicKey | None
    origin: str


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One interface, its routes, rules and files as they are to be. None: leave alone.

    recreate: why the existing device has to go first; "" if it can stay.  key_file: what private_key_file holds.
    peers: to be there; gone_peers, gone_routes, gone_rules: to be gone; whatever is in neither is left alone.
    routes: may hold foreign ones that are to survive a new device.  address_order: in which new addresses are added.
    derived_mtu: what mtu follows from.  settings: kernel parameters.  filtered: ruleset, of which None is none, is to
    be brought about; otherwise the table is left alone.  openings: to be there; gone_openings: to be gone.
    remember: what is written down before a device is made again, or completed, that holds more than is declared.
    """

    name: str
    namespace: str
    present: bool = True
    recreate: str = ""
    socket_namespace: str = ""
    backend: str | None = None
    engine: str | None = None
    identity: Identity | None = None
    private_key_file: str = ""
    key_file: PrivateKey | None = None
    keep_private_key: bool = True
    listen_port: int | None = None
    fwmark: int | None = None
    mtu: int | None = None
    up: bool = True
    addresses: frozenset[InterfaceAddress] | None = None
    address_order: tuple[InterfaceAddress, ...] = ()
    peers: tuple[Peer, ...] = ()
    gone_peers: frozenset[PublicKey] = frozenset()
    routes: frozenset[Route] = frozenset()
    gone_routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()
    gone_rules: frozenset[Rule] = frozenset()
    forwarding: t.Mapping[int, bool] = dataclasses.field(default_factory=dict)
    derived_mtu: str = ""
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    filtered: bool = False
    ruleset: Ruleset | None = None
    openings: frozenset[Opening] = frozenset()
    gone_openings: frozenset[Opening] = frozenset()
    record: Record | None = None
    remember: Snapshot | None = None


@dataclasses.dataclass(frozen=True)
class Choices:
    """What only the host could say. endpoints: what endpoints_to_set() asked for, resolved.

    identity: None where the device has no key and is to get none.  outer: the peers' addresses as they are declared;
    paths: the ways there, where they matter.
    """

    identity: Identity | None
    backend: str
    endpoints: t.Mapping[PublicKey, Endpoint]
    outer: t.Mapping[PublicKey, Address] = dataclasses.field(default_factory=dict)
    paths: t.Mapping[Address, Path] = dataclasses.field(default_factory=dict)


def endpoints_to_set(declared: Declared, observed: Observed) -> dict[PublicKey, DeclaredPeer]:
    """The peers whose endpoint is to be set.

    An endpoint is learned state: a peer that roamed answers only where it was heard last, so setting the declared
    one again cuts it off until it speaks. Under ``learn`` it is set for a new peer, one that has none, one whose
    declared value changed since the record was written, and, where nothing is on record, one that never answered.
    """
    there = {peer.public_key: peer for peer in observed.device.peers} if observed.device else {}
    if observed.remembered is not None and not observed.remembered.replacing:
        there = {}  # its sessions went with the engine, so the last address that it was heard at is worth no more
    asked = {}
    for peer in declared.present_peers:
        if peer.endpoint is not None and (
            declared.enforce_endpoints or _endpoint_is_due(peer, there.get(peer.public_key), observed)
        ):
            asked[peer.public_key] = peer
    return asked


def _endpoint_is_due(peer: DeclaredPeer, current: Peer | None, observed: Observed) -> bool:
    if current is None or current.endpoint is None:
        return True
    recorded = observed.record.peer(peer.public_key) if observed.record else None
    if recorded is None:
        return peer.public_key not in observed.handshakes
    return recorded.endpoint != str(peer.endpoint)


def want(declared: Declared, around: Surroundings, observed: Observed, choices: Choices) -> Wanted:
    """The state to reach for an interface that is declared present. Raises InvalidInput before anything is done.

    observed: with what its snapshot remembers (as_it_was).
    """
    recreate = "" if declared.only_peers else recreation(around.socket_namespace, observed, backend=choices.backend)
    _refuse_own_key(declared, choices.identity)
    there = {peer.public_key: peer for peer in observed.device.peers} if observed.device else {}
    peers = tuple(
        peer.as_peer(choices.endpoints.get(peer.public_key), there.get(peer.public_key))
        for peer in declared.present_peers
    )
    gone = _gone_peers(declared, observed)
    _refuse_steals(declared, observed, gone)
    mtu = want_mtu(declared, around, observed, outer=choices.outer, paths=choices.paths)
    wanted = Wanted(
        name=declared.name,
        namespace=declared.namespace,
        recreate=recreate,
        socket_namespace=around.socket_namespace,
        backend=choices.backend,
        engine=declared.engine,
        identity=choices.identity,
        private_key_file=declared.private_key_file,
        key_file=choices.identity.private_key if choices.identity and not declared.only_peers else None,
        listen_port=declared.listen_port or None,  # 0 is "any": sending it again would pick another one
        fwmark=want_fwmark(declared, observed, around.full_tunnel),
        mtu=mtu.mtu,
        derived_mtu=mtu.derived,
        up=observed.the_link.up if declared.only_peers else True,
        addresses=_addresses(declared, observed),
        address_order=declared.addresses or (observed.link.address_order if observed.link else ()),
        peers=peers,
        gone_peers=gone,
    )
    if declared.only_peers and observed.record is None:
        # Somebody else's interface: its routes are theirs, and so is everything that a record would claim.
        return wanted
    if recreate or observed.remembered:
        wanted = carry_over(wanted, observed)
    routes, gone_routes = want_routes(declared, around, observed, _final_allowed_ips(wanted, observed))
    rules, gone_rules = want_rules(around.rules, observed)
    forwarding, claims = want_forwarding(around.forwarding, observed)
    settings, setting_claims = want_settings(around.settings, observed, name=declared.name)
    ruleset = want_ruleset(declared.name, around, observed, mtu=wanted.mtu)
    openings, gone_openings, our_openings = want_openings(around, observed, wanted.listen_port)
    return dataclasses.replace(
        wanted,
        settings=settings,
        filtered=ruleset is not None or observed.ruleset is not None,
        ruleset=ruleset,
        openings=openings,
        gone_openings=gone_openings,
        remember=_to_remember(wanted, observed),
        routes=routes
        | (foreign_routes(observed, declared.name) if recreate else frozenset())
        | routes_to_put_back(observed, routes, wanted.addresses or frozenset()),
        gone_routes=gone_routes,
        rules=rules,
        gone_rules=gone_rules,
        forwarding=forwarding,
        record=Record(
            namespace=declared.namespace,
            name=declared.name,
            socket_namespace=around.socket_namespace,
            peers=_recorded_peers(declared, observed, gone, choices.outer),
            routing=around.routing,
            table=around.table,
            metric=around.metric,
            routes=routes,
            explicit_routes=frozenset(around.routes),
            rules=rules,
            forwarding=claims,
            full_tunnel=around.full_tunnel,
            settings=setting_claims,
            masquerade=around.masquerade,
            clamp_mss=around.clamp_mss,
            open_port=around.open_port,
            openings=our_openings,
            filtered=ruleset is not None,
            derived_mtu=wanted.derived_mtu,
        ),
    )


def want_absent(declared: Declared, observed: Observed) -> Wanted:
    """The state to reach for an interface that is declared absent: everything of ours gone, everything else kept."""
    return Wanted(
        name=declared.name,
        namespace=declared.namespace,
        present=False,
        private_key_file=declared.private_key_file,
        keep_private_key=declared.keep_private_key,
        gone_routes=frozenset(route for route in observed.our_routes if not observed.shared(route)),
        gone_rules=frozenset(rule for rule in observed.our_rules if not observed.shared(rule)),
        forwarding=forwarding_after(observed),
        settings={
            setting: value for setting, value in settings_after(observed).items() if device_of(setting) != declared.name
        },
        filtered=observed.ruleset is not None,
        gone_openings=observed.filtering.ours(observed.record.openings if observed.record else frozenset()),
    )


def recreation(socket_namespace: str, observed: Observed, *, backend: str) -> str:
    """Why the device that is there cannot become the declared one; "" where it can, or where there is none."""
    if not observed.exists:
        return ""
    if observed.backend == "dead":
        return "its userspace engine has ended"
    if observed.backend != backend:
        return f"its backend changes from {observed.backend} to {backend}"
    if observed.birthplace_is_gone:
        return "the network namespace that it was born in no longer exists"
    born = observed.socket_namespace
    if born is None and observed.record:
        born = observed.record.socket_namespace
    if born is not None and born != socket_namespace:
        return f"its socket moves from {describe_namespace(born)} to {describe_namespace(socket_namespace)}"
    return ""


def describe_namespace(namespace: str) -> str:
    return f"the namespace {namespace}" if namespace else "the initial namespace"


def carry_over(wanted: Wanted, observed: Observed) -> Wanted:
    """The same state with what the old device had wherever nothing is declared, for a device that replaces it.

    A link-local address that the kernel gave to a device stays with that one.
    """
    device, link = observed.device, observed.link
    if device is not None:
        old = {peer.public_key: peer for peer in device.peers}
        declared = {peer.public_key for peer in wanted.peers}
        kept = [old[key] for key in sorted(old) if key not in declared and key not in wanted.gone_peers]
        wanted = dataclasses.replace(
            wanted,
            listen_port=device.listen_port if wanted.listen_port is None else wanted.listen_port,
            fwmark=device.fwmark if wanted.fwmark is None else wanted.fwmark,
            peers=tuple(_filled(peer, old.get(peer.public_key)) for peer in wanted.peers) + tuple(kept),
        )
    if link is not None:
        wanted = dataclasses.replace(
            wanted,
            mtu=link.mtu if wanted.mtu is None else wanted.mtu,
            addresses=_carried(link.addresses, wanted) if wanted.addresses is None else wanted.addresses,
        )
    return wanted


def _carried(addresses: frozenset[InterfaceAddress], wanted: Wanted) -> frozenset[InterfaceAddress]:
    return without_link_local(addresses) if wanted.recreate else addresses


def _to_remember(wanted: Wanted, observed: Observed) -> Snapshot | None:
    """What a killed run would lose; nothing where nothing is to be made again, or only remains are there."""
    if observed.device is None or not (wanted.recreate or observed.remembered):
        return None
    return take(
        observed,
        namespace=wanted.namespace,
        name=wanted.name,
        birthplace=wanted.socket_namespace,
        without=wanted.gone_peers,
    )


def _filled(peer: Peer, old: Peer | None) -> Peer:
    if old is None:
        return peer
    fields = ("preshared_key", "endpoint", "persistent_keepalive", "allowed_ips")
    missing = {field: getattr(old, field) for field in fields if getattr(peer, field) is None}
    return peer._replace(**missing)


def _gone_peers(declared: Declared, observed: Observed) -> frozenset[PublicKey]:
    there = frozenset(peer.public_key for peer in observed.device.peers) if observed.device else frozenset()
    if declared.exact and declared.peers is not None:
        return there - {peer.public_key for peer in declared.present_peers}
    return there & declared.absent_keys


def _addresses(declared: Declared, observed: Observed) -> frozenset[InterfaceAddress] | None:
    """The declared addresses, and the link-local ones that the kernel gives a device by itself."""
    if declared.addresses is None:
        return None
    there = observed.link.addresses if observed.link else frozenset()
    automatic = there - without_link_local(there)
    return frozenset(declared.addresses) | automatic


def _final_allowed_ips(wanted: Wanted, observed: Observed) -> dict[PublicKey, frozenset[Prefix]]:
    """The AllowedIPs of every peer that will be on the device, after all moves."""
    there = observed.device.peers if observed.device else ()
    final = {peer.public_key: peer.allowed_ips or frozenset() for peer in there}
    for key in wanted.gone_peers:
        final.pop(key, None)
    for peer in wanted.peers:
        if peer.allowed_ips is not None:
            final[peer.public_key] = peer.allowed_ips
    return final


def _recorded_peers(
    declared: Declared, observed: Observed, gone: frozenset[PublicKey], outer: t.Mapping[PublicKey, Address]
) -> tuple[RecordedPeer, ...]:
    """The declared peers, and under ``merged`` those of earlier declarations that are still there."""
    recorded = {peer.public_key: peer for peer in observed.record.peers} if observed.record else {}
    there = {peer.public_key for peer in observed.device.peers} if observed.device else set()
    kept = {key: peer for key, peer in recorded.items() if key in there and key not in gone}
    for peer in declared.present_peers:
        endpoint = str(peer.endpoint) if peer.endpoint else None
        key = peer.public_key
        noted = RecordedPeer(key, peer.name, endpoint, outer.get(key))
        if kept.get(key) != noted:
            kept[key] = noted
    return tuple(kept[key] for key in sorted(kept))


def _refuse_own_key(declared: Declared, identity: Identity | None) -> None:
    """The device ignores a peer with its own key, and deletes one when it gets that key, both silently."""
    if identity is None or identity.public_key is None:
        return
    for peer in declared.present_peers:
        if peer.public_key == identity.public_key:
            raise InvalidInput(
                "is this interface's own public key; WireGuard ignores such a peer silently",
                path=f"{peer.path}.public_key",
                remedy="leave this host out of its own peers",
            )


def _refuse_steals(declared: Declared, observed: Observed, gone: frozenset[PublicKey]) -> None:
    """A prefix moves silently to whoever gets it last, so one of a peer that is to stay as it is may not be given."""
    managed = {peer.public_key for peer in declared.present_peers if peer.allowed_ips is not None}
    names: t.Mapping[PublicKey, str] = observed.record.peer_names if observed.record else {}
    owners = {
        prefix: Peer(peer.public_key, name=names.get(peer.public_key))
        for peer in (observed.device.peers if observed.device else ())
        if peer.public_key not in managed and peer.public_key not in gone
        for prefix in peer.allowed_ips or ()
    }
    for peer in declared.present_peers if owners else ():
        for index, prefix in enumerate(peer.allowed_ips or ()):
            owner = owners.get(prefix)
            if owner is None or owner.public_key == peer.public_key:
                continue
            raise InvalidInput(
                f"belongs to the peer {owner.label}, which this declaration leaves as it is; it would silently lose it",
                path=f"{peer.path}.allowed_ips[{index}]",
                value=str(prefix),
                remedy="declare that peer with its other prefixes, or as absent, or use peers_policy: exact",
            )
