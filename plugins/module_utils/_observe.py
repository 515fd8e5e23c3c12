# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first step of the engine: one consistent look at an interface and what surrounds it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import HostError
from ansible_collections.cryptokey.wireguard.plugins.module_utils._observed import Observed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._wanted_forwarding import (
    FAMILIES,
)

if TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._operation import Site


def observe(site: Site, *, key_file: str) -> Observed:
    """Everything that Observed holds. Raises HostError where the name belongs to something that is no WireGuard."""
    lone = site.store.record(site.namespace, "")
    records = site.store.records(site.namespace)
    for record in records:
        if record.name != site.name:
            len(record.peers)  # a neighbour's record that is damaged is refused as the own one is
    files = Observed(
        record=next((record for record in records if record.name == site.name), None),
        neighbours=(*(record for record in records if record.name != site.name), *([lone] if lone else [])),
        key_file=site.store.private_key(key_file),
        snapshot=site.store.snapshot(site.namespace, site.name),
    )
    if site.namespace and site.namespace not in site.host.namespaces():
        return files
    return _with_system(files, site)


def _with_system(files: Observed, site: Site) -> Observed:
    network = site.network
    link = network.link(site.name)
    backend = site.host.backend_of(site.namespace, site.name)
    if link is not None and backend is None:
        raise HostError(
            f"{site.name} is there, but it is no WireGuard interface ({link.kind or 'hardware'})",
            remedy="choose another name; foreign interfaces are never touched",
        )
    alive = backend in ("kernel", "userspace")
    recorded = files.record.socket_namespace if files.record else ""
    device, statistics = site.driver.read() if alive else (None, {})
    port = device.listen_port if device is not None else None
    # An engine that shows the private key as the protocol has it edits peers as well, and is not asked.
    is_odd = device is not None and device.hides_key
    seen = dataclasses.replace(
        files,
        backend=backend,
        device=device,
        edits_peers=not is_odd or site.driver.edits_peers(),
        link=link,
        era=site.host.era(site.namespace),
        unmoved=_unmoved(files, site),
        statistics=statistics,
        socket_namespace=site.host.socket_namespace(site.namespace, site.name, listen_port=port) if alive else None,
        birthplace_is_gone=alive and site.host.birthplace_is_gone(site.namespace, site.name, recorded=recorded),
        routes=frozenset(network.routes()),
        rules=frozenset(network.rules()),
        forwarding={family: network.forwarding(family) for family in FAMILIES},
        settings=network.settings(),
    )
    return _with_filter(seen, site)


def _unmoved(files: Observed, site: Site) -> tuple[str, ...]:
    """Looked for where the interface is born, was born, or was about to be."""
    born = {"", site.filter.socket_namespace or ""}
    born |= {files.record.socket_namespace} if files.record else set()
    born |= {files.snapshot.birthplace} if files.snapshot else set()
    places = sorted((born - {site.namespace}) & {"", *site.host.namespaces()})
    return tuple(place for place in places if site.host.is_unmoved(site.namespace, site.name, birthplace=place))


def _with_filter(seen: Observed, site: Site) -> Observed:
    """The packet filter is only asked where it may have something of ours, or is to get it: it is other programs."""
    request, record = site.filter, seen.record
    marks = request.marks or (record is not None and record.full_tunnel is not None)
    if request.table or marks or (record is not None and record.filtered):
        from ansible_collections.cryptokey.wireguard.plugins.module_utils._ruleset import RECALL

        reason = site.firewall.why_no_nftables()
        found = None if reason else site.firewall.ruleset(site.name)
        there = found is not None and RECALL in found.chains
        markless = site.firewall.why_no_marks() if marks and not (reason or there) else ""
        seen = dataclasses.replace(seen, no_nftables=reason, no_marks=markless, ruleset=found)
    choice = request.open_port or (record.open_port if record else "off")
    recorded = record.openings if record else frozenset()
    if choice == "off" and not recorded:
        return seen
    port = request.listen_port or (seen.device.listen_port if seen.device else 0)
    ports = sorted({port, *(opening.port for opening in recorded)} - {0})
    born = request.socket_namespace
    if born is None:
        born = record.socket_namespace if record else ""
    known = site.host.namespaces()
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._opening import Filtering

    filtering = Filtering(born)
    if not born or born in known:
        filtering = site.host.firewall(born).filtering(choice, ports, site.label, recorded)
    for place in sorted({opening.namespace for opening in recorded} - {born}):
        if not place or place in known:
            elsewhere = site.host.firewall(place).filtering("off", ports, site.label, recorded)
            filtering = dataclasses.replace(
                filtering,
                openings=filtering.openings | elsewhere.openings,
                others=filtering.others | elsewhere.others,
                unseen=filtering.unseen | elsewhere.unseen,
            )
    return dataclasses.replace(seen, filtering=filtering)
