# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which declared port forwards lead to which interface's socket."""

from __future__ import annotations

from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import Endpoint
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._fleet_types import Interface, PortForward, Stack
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._likeness import doubtful_stacks
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._model import Model
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._outer_path import outer_stack


class Forwards:
    """The UDP ports that some stack of the fleet forwards, by the port that is dialled."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._by_port: dict[int, list[tuple[Stack, PortForward]]] = {}
        for found in doubtful_stacks(model, lambda one: bool(one.stack.port_forwards)):
            for forward in found.stack.port_forwards:
                if forward.protocol in (None, "udp"):
                    self._by_port.setdefault(forward.port, []).append((found.stack, forward))

    def lead(self, endpoint: Endpoint, target: Interface) -> bool:
        """Whether a declared forward takes what is sent to the endpoint to the interface's socket.

        A name may stand for any address, so that only the ports can be compared.
        """
        address = endpoint.address
        return any(
            (address is None or forward.address in (None, address))
            and forward.to_port == target.listen_port
            and self._ends_at(stack, forward, target)
            for stack, forward in self._by_port.get(endpoint.port, ())
        )

    def _ends_at(self, stack: Stack, forward: PortForward, target: Interface) -> bool:
        if forward.to_address is None:
            return stack.id.host == target.host
        addresses = outer_stack(self._model, target).stack.addresses.values()
        held = {address.address for listed in addresses for address in listed}
        return not held or forward.to_address in held
