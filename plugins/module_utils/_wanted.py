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

from ansible_collections.cryptokey.wireguard.plugins.module_utils._record import Record
from ansible_collections.cryptokey.wireguard.plugins.module_utils._setting import device_of
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_filter import want_openings, want_ruleset
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_forwarding import (
    forwarding_after,
    want_forwarding,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_full_tunnel import want_fwmark
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_mtu import want_mtu
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_peers import (
    gone_peers,
    recorded_peers,
    refuse_own_key,
    refuse_steals,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_routing import (
    want_routes,
    want_rules,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_settings import (
    settings_after,
    want_settings,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Wanted, describe_namespace

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._completed import Surroundings
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import PublicKey
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import InterfaceAddress, Prefix
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._snapshot import Snapshot
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Peer, Route
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_state import Choices


def want(declared: Declared, around: Surroundings, observed: Observed, choices: Choices) -> Wanted:
    """The state to reach for an interface that is declared present. Raises InvalidInput before anything is done.

    observed: with what its snapshot remembers (as_it_was).
    """
    recreate = "" if declared.only_peers else recreation(around.socket_namespace, observed, backend=choices.backend)
    refuse_own_key(declared, choices.identity)
    gone = gone_peers(declared, observed)
    refuse_steals(declared, observed, gone)
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
        peers=_peers(declared, observed, choices),
        gone_peers=gone,
    )
    if declared.only_peers and observed.record is None:
        # Somebody else's interface: its routes are theirs, and so is everything that a record would claim.
        return wanted
    if recreate or observed.remembered:
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._carried import carry_over

        wanted = carry_over(wanted, observed)
    routes, gone_routes = want_routes(
        declared, around, observed, _final_allowed_ips(wanted, observed) if around.routing == "auto" else {}
    )
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
        routes=routes | _routes_of_others(wanted, observed, routes),
        gone_routes=gone_routes,
        rules=rules,
        gone_rules=gone_rules,
        forwarding=forwarding,
        record=Record(
            namespace=declared.namespace,
            name=declared.name,
            socket_namespace=around.socket_namespace,
            peers=recorded_peers(declared, observed, gone, choices.outer)
            if choices.peers is None
            else choices.peers.record,
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


def _to_remember(wanted: Wanted, observed: Observed) -> Snapshot | None:
    if not (wanted.recreate or observed.remembered):
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._carried import to_remember

    return to_remember(wanted, observed)


def _routes_of_others(wanted: Wanted, observed: Observed, ours: frozenset[Route]) -> frozenset[Route]:
    """Those that go with the device that is made again, and those that went with the one that is put back."""
    if not (wanted.recreate or observed.remembered):
        return frozenset()
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import (
        foreign_routes,
        routes_to_put_back,
    )

    foreign = foreign_routes(observed, wanted.name) if wanted.recreate else frozenset()
    return foreign | routes_to_put_back(observed, ours, wanted.addresses or frozenset())


def _peers(declared: Declared, observed: Observed, choices: Choices) -> t.Sequence[Peer]:
    if choices.peers is not None:
        return choices.peers
    there = {peer.public_key: peer for peer in observed.device.peers} if observed.device else {}
    return tuple(
        peer.as_peer(choices.endpoints.get(peer.public_key), there.get(peer.public_key))
        for peer in declared.present_peers
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


def _addresses(declared: Declared, observed: Observed) -> frozenset[InterfaceAddress] | None:
    """The declared addresses, and the link-local ones that the kernel gives a device by itself."""
    if declared.addresses is None:
        return None
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._remembered import without_link_local

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
