# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that a managed host may lack, imported where they are used and named with their package."""

from __future__ import annotations

import importlib
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    MissingLibrary,
)


def require(name: str) -> t.Any:
    """The module of that (dotted) name. Importing pyroute2 takes a quarter of a second, so nothing imports it early."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingLibrary(name.partition(".")[0]) from None
