# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``interface`` imports before it knows what there is to do: a set, and no time.

A file that is added to it costs every run; one that only some runs need is imported where they need it (_deps).
tests/conformance/test_imports.py holds the same of a whole run that finds everything in order.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("ansible", reason="needs ansible-core, which this Python is too old for")

PACKAGE = "ansible_collections.cryptokey.wireguard.plugins.module_utils."
EARLY = set(
    """_argspec _attributes _choices _completed _declared _declared_peers _declared_rows _deps _derived_mtu
    _destinations _device_name _dumped_rows _engine _engine_plan _errors _full_tunnel _host _kernel _key _later
    _link_message _lock _module _namespace_name _netlink _netns _network _number _observe _observed _opening
    _operation _owners _path_lookup _peer_rows _prefix _record _recorded_peers _route_message _routes _rule_message
    _secret_file _setting _settled _state _store _sysctl _view _wanted _wanted_at_once _wanted_filter
    _wanted_forwarding _wanted_full_tunnel _wanted_mtu _wanted_peers _wanted_routing _wanted_settings _wanted_state
    _wgnetlink_dump""".split()
)
LIBRARIES = {"pyroute2", "cryptography", "asyncio", "ssl", "sqlite3", "concurrent.futures"}
PROGRAM = """
import ansible.module_utils.basic, json, sys
before = set(sys.modules)
from ansible_collections.cryptokey.wireguard.plugins.modules import interface
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_module_imports_what_every_run_needs():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    loaded = set(json.loads(done.stdout))
    assert {name[len(PACKAGE) :] for name in loaded if name.startswith(PACKAGE)} == EARLY
    assert not loaded & LIBRARIES
