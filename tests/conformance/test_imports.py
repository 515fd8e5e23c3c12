# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that finds everything in order imports neither the steps, nor the way back, nor a library."""

from __future__ import annotations

import json
import os
import sys

from ansible_collections.cryptokey.wireguard.tests.conformance.devices import key

PACKAGE = "ansible_collections.cryptokey.wireguard.plugins.module_utils."
# Nothing is changed, so nothing of this is needed, whatever the backend. A public key may have to be derived to look.
NEVER = set(
    """_changes _changes_filter _changes_peers _changes_record _engine_apply _engine_start _expected _firewall
    _firewalld _nftables _operations _operations_device _operations_files _operations_filter _operations_network
    _resolve _restore _rtnetlink _ruleset _ufw _wgnetlink""".split()
)
LIBRARIES = {"pyroute2", "asyncio", "ssl", "sqlite3"}
PROGRAM = """
import json, sys
from ansible_collections.cryptokey.wireguard.plugins.module_utils._declared import declare
from ansible_collections.cryptokey.wireguard.plugins.module_utils._engine import converge
from ansible_collections.cryptokey.wireguard.plugins.module_utils._host import LinuxHost
from ansible_collections.cryptokey.wireguard.plugins.module_utils._store import FileStore
arguments = json.loads(sys.argv[1])
host = LinuxHost()
result = converge(declare(arguments), host=host, store=FileStore(arguments["state_directory"]))
print(json.dumps({"changed": result.changed, "modules": sorted(sys.modules)}))
"""


def test_a_run_with_nothing_to_do_imports_no_more_than_it_takes_to_look(place, backend, tmp_path):
    declared = {
        "name": "wg0",
        "backend": backend,
        "listen_port": 51820,
        "routing": "off",
        "peers_policy": "exact",
        "peers": [{"public_key": str(key(1)), "allowed_ips": ["10.0.0.1/32"], "endpoint": "127.0.0.1:9"}],
        "state_directory": str(tmp_path),
    }
    path = os.pathsep.join(entry for entry in sys.path if entry)
    program = ["env", f"PYTHONPATH={path}", sys.executable, "-c", PROGRAM, json.dumps(declared)]
    assert json.loads(place.run(*program).stdout)["changed"]
    again = json.loads(place.run(*program).stdout)
    assert not again["changed"]
    loaded = set(again["modules"])
    assert not loaded & LIBRARIES
    assert not {name[len(PACKAGE) :] for name in loaded if name.startswith(PACKAGE)} & NEVER
