# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what is used of a large library is imported, and nobody else in the process notices."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    MissingLibrary,
)

pytest.importorskip("pyroute2")

START = """
import sys
from ansible_collections.cryptokey.wireguard.plugins.module_utils import _deps
"""


def run(text: str) -> str:
    """In a Python of its own, since this one may have imported everything already."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", START + text]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_the_sockets_come_without_the_rest_of_pyroute2():
    output = run(
        "_deps.require('pyroute2.netlink.generic').GenericNetlinkSocket\n"
        "_deps.require('pyroute2.netlink.nlsocket').NetlinkSocket\n"
        "print([name for name in ('sqlite3', 'pyroute2.ndb', 'pyroute2.iproute') if name in sys.modules])"
    )
    assert output == "[]\n"


def test_whoever_wants_all_of_pyroute2_gets_it():
    output = run(
        "_deps.require('pyroute2.netlink.generic')\n"
        "from pyroute2 import IPRoute\n"
        "import pyroute2\n"
        "from pyroute2.netlink import nlmsg\n"
        "print(IPRoute.__name__, pyroute2.NetNS.__name__, nlmsg is sys.modules['pyroute2.netlink'].nlmsg)"
    )
    assert output == "IPRoute NetNS True\n"


def test_a_name_that_pyroute2_does_not_have_is_still_an_error():
    assert run("print(hasattr(_deps.require('pyroute2.netlink') and sys.modules['pyroute2'], 'nonsense'))") == "False\n"


def test_what_is_not_there_is_named_with_its_package():
    with pytest.raises(MissingLibrary, match="library nonsense is missing"):
        _deps.require("nonsense.part")
    assert run("try: _deps.require('pyroute2.nonsense')\nexcept Exception as error: print(error)").startswith(
        "the Python library pyroute2 is missing"
    )
