# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One peer of an interface that somebody has made: the arguments of the module ``peer``."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import Declared, declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput, placed
from ansible_collections.cryptokey.wireguard.plugins.module_utils._state import parse_name


def declare_peer(arguments: t.Mapping[str, t.Any]) -> Declared:
    """The arguments of the module ``peer``: one peer of an interface that somebody has made. Raises InvalidInput."""
    options = ("name", "public_key", "preshared_key", "endpoint", "persistent_keepalive", "allowed_ips", "state")
    around = ("namespace", "endpoint_policy", "state_directory")
    with placed("interface"):
        name = parse_name(arguments.get("interface"))
    try:
        declared = declare(
            {
                **{option: arguments.get(option) for option in around},
                "name": name,
                "peers": [{option: arguments.get(option) for option in options}],
            }
        )
    except InvalidInput as error:
        # There is one peer alone, so that its options stand at the top.
        path = error.path.replace("peers[0].", "", 1)
        raise InvalidInput(error.reason, path=path, value=error.value, remedy=error.remedy) from None
    warnings = tuple(warning.replace("peers[0].", "", 1) for warning in declared.warnings)
    return dataclasses.replace(declared, only_peers=True, warnings=warnings)
