# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that a managed host may lack, imported where they are used and named with their package.

The same goes for our own files, as importing all of them takes longer than a run that finds everything in order: what
is for a branch that most runs do not take is imported in the function that takes it, by an ordinary statement, which
Ansible follows when it packs a module; what only annotations speak of stands below ``t.TYPE_CHECKING``. test_imports.py
says what such a run may import.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import (
    MissingLibrary,
)

# Of these only the parts that are asked for are imported: all of pyroute2 is 350 modules, with databases and all.
_BARE = ("pyroute2",)


def require(name: str) -> t.Any:
    """The module of that (dotted) name. Even parts of pyroute2 take a tenth of a second: nothing imports it early."""
    package = name.partition(".")[0]
    try:
        if package in _BARE and package not in sys.modules:
            _make_bare(package)
        return importlib.import_module(name)
    except ImportError:
        raise MissingLibrary(package) from None


def check(name: str) -> None:
    """Raises MissingLibrary where it is not installed, without importing it."""
    if sys.modules.get(name) is None and (name in sys.modules or importlib.util.find_spec(name) is None):
        raise MissingLibrary(name)


def _make_bare(package: str) -> None:
    """The package without what its ``__init__`` imports, until somebody asks for a name out of it that is no module."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.loader is None:
        return
    loader, module = spec.loader, importlib.util.module_from_spec(spec)

    def complete(name: str) -> t.Any:
        """PEP 562; ``from pyroute2 import config`` asks here first, and imports the module when it is not told one."""
        if name.startswith("__") or importlib.util.find_spec(f"{package}.{name}") is not None:
            raise AttributeError(name)
        vars(module).pop("__getattr__", None)
        loader.exec_module(module)
        return getattr(module, name)

    vars(module)["__getattr__"] = complete
    sys.modules[package] = module
