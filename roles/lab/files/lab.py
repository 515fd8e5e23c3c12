# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the lab's program from wherever this collection is installed; the rest is in plugins/plugin_utils/_lab*.py."""

from __future__ import annotations

import pathlib
import sys
import types

COLLECTION = pathlib.Path(__file__).resolve().parents[3]


def make_importable() -> None:
    """The collection's import names, for a program that Ansible did not start."""
    places = {
        "ansible_collections": [],
        "ansible_collections.cryptokey": [],
        "ansible_collections.cryptokey.wireguard": [str(COLLECTION)],
    }
    for name, path in places.items():
        module = types.ModuleType(name)
        module.__path__ = path
        sys.modules[name] = module


if __name__ == "__main__":
    make_importable()
    from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_program import main

    sys.exit(main())
