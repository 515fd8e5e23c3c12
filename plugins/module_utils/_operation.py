# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step is, and where it takes place. A step touches the host only through the ports."""

from __future__ import annotations

import abc
import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.cryptokey.wireguard.plugins.module_utils._driver import (
        Firewall,
        Host,
        Network,
        Store,
        WireguardDriver,
    )


@dataclasses.dataclass(frozen=True)
class FilterRequest:
    """table: the interface needs one of its own.  marks: in which answers of endpoints are marked.  open_port: the
    choice; None: as recorded, as the other two."""

    table: bool = False
    marks: bool = False
    open_port: str | None = None
    listen_port: int | None = None
    socket_namespace: str | None = None


@dataclasses.dataclass(frozen=True)
class Site:
    """Where operations take place: one interface of one host.

    filter: what is asked of the packet filter, so that nobody runs its programs in vain.
    """

    host: Host
    store: Store
    namespace: str
    name: str
    filter: FilterRequest = FilterRequest()

    @property
    def network(self) -> Network:
        return self.host.network(self.namespace)

    @property
    def firewall(self) -> Firewall:
        return self.host.firewall(self.namespace)

    @property
    def label(self) -> str:
        """What the comment says of a rule that opens the port, in whosever table it stands."""
        return f"cryptokey.wireguard {self.name}" + (f" in {self.namespace}" if self.namespace else "")

    @property
    def driver(self) -> WireguardDriver:
        return self.host.wireguard(self.namespace, self.name)


class Operation(abc.ABC):
    """One step. bookkeeping: a step that only notes what follows and is not worth a line."""

    bookkeeping: t.ClassVar[bool] = False

    @property
    def disrupts(self) -> str:
        """Which packets it can lose that somebody may want to arrive; empty where it loses none."""
        return ""

    @abc.abstractmethod
    def describe(self) -> str:
        """What it does, in one line for people."""

    def lines(self) -> list[str]:
        """The same where it is many steps in one: a line for each."""
        return [self.describe()]

    @abc.abstractmethod
    def apply(self, site: Site) -> None:
        """Do it. Raises HostError."""
