# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/architecture.md says about imports is true of every file, and every file says whose it is."""

from __future__ import annotations

import ast
import pathlib
import typing as t

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
HOST = TOP / "plugins" / "module_utils"
CONTROLLER = TOP / "plugins" / "plugin_utils"
PACKAGE = "ansible_collections.cryptokey.wireguard.plugins"

# Ring 1: the files that touch the machine. Everything else in the two folders is pure (or takes what does as an
# argument, by protocol). A file that has to be added here is worth a second thought.
TOUCHES_THE_HOST = set(
    """_birthplace _daemon _deps _destinations _engine_path _engine_start _firewall _firewalld _host _kernel _lock
    _netlink _netns _network _nftables _path_lookup _probe_sockets _probe_watch _program _public_key _resolve
    _rtnetlink _secret_file _store _syscall _sysctl _systemd _uapi _ufw _userspace""".split()
)
TOUCHES_THE_CONTROLLER = set(
    """_controller_file _key_files _lab_command _lab_furnish _lab_holder _lab_mounts _lab_prober _lab_program
    _lab_record _lab_rehearsal _lab_visit _task _written_at""".split()
)
# What puts the rings together: the engine (by protocol, but it names errors and the store of ring 1), what the modules
# keypair, namespace and interface_info (a probe) do, the frame of every module, and what the actions share.
PUTS_TOGETHER = {"_engine", "_keypair", "_module", "_namespace", "_probe", "_host_part"}
NOT_PURE = TOUCHES_THE_HOST | TOUCHES_THE_CONTROLLER | PUTS_TOGETHER
DOES_IO = set(
    """asyncio ctypes fcntl glob http multiprocessing pathlib select shutil signal ssl subprocess tempfile threading
    time urllib""".split()
)
# os and socket hold pure functions too: these are the ones that pure code may use.
PURE_USES = {"os": {"urandom"}, "socket": {"inet_pton", "inet_ntop", "AF_INET", "AF_INET6", "AF_UNSPEC", "IPPROTO_UDP"}}
THIRD_PARTY = {"pyroute2", "netaddr", "cryptography", "yaml", "jinja2"}
# The pure parts of the host side that the controller side shares.
SHARED = set(
    """_assignable _derived_mtu _device_name _endpoint _errors _full_tunnel _key _namespace_name _number _opening
    _prefix _record _state""".split()
)


class Imports(ast.NodeVisitor):
    """The modules that a file imports, those at import time apart from those inside functions or ``try``."""

    def __init__(self, path: pathlib.Path) -> None:
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.early: set[str] = set()
        self.all: set[str] = set()
        self.guarded = 0
        self.visit(self.tree)

    def visit(self, node: ast.AST) -> t.Any:
        names: t.List[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        self.all.update(names)
        if not self.guarded:
            self.early.update(names)
        guard = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        self.guarded += guard
        self.generic_visit(node)
        self.guarded -= guard

    def ours(self) -> set[str]:
        """``module_utils._prefix``, ``plugin_utils._fleet``, ..."""
        found = set()
        for name in self.all:
            if name.startswith(PACKAGE):
                found.add(".".join(name[len(PACKAGE) + 1 :].split(".")[:2]))
        return found

    def uses(self, module: str) -> set[str]:
        """The attributes of a module that the file uses, as in ``os.urandom``."""
        return {
            node.attr
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module
        }


def files(*folders: pathlib.Path) -> t.List[t.Any]:
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return [pytest.param(path, id=str(path.relative_to(TOP))) for path in paths]


def roots(names: t.Iterable[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", files(HOST))
def test_the_host_side_knows_neither_ansible_nor_the_controller(path):
    imports = Imports(path)
    assert "ansible" not in roots(imports.all)
    assert {name for name in imports.ours() if not name.startswith("module_utils")} == set()


@pytest.mark.parametrize("path", files(CONTROLLER))
def test_the_controller_side_takes_only_shared_pure_parts_of_the_host_side(path):
    if path.stem in NOT_PURE:
        return
    imports = Imports(path)
    assert "ansible" not in roots(imports.all)
    taken = {name.partition(".")[2] for name in imports.ours() if name.startswith("module_utils")}
    assert taken <= SHARED


@pytest.mark.parametrize("path", files(HOST, CONTROLLER))
def test_ring_0_is_pure(path):
    if path.stem in NOT_PURE:
        return
    imports = Imports(path)
    assert roots(imports.all) & DOES_IO == set()
    for module, allowed in PURE_USES.items():
        assert imports.uses(module) <= allowed, f"{module} is used for more than pure functions"
    calls = {
        node.func.id
        for node in ast.walk(imports.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert calls & {"open", "print", "input", "exec", "eval"} == set()


@pytest.mark.parametrize("path", files(HOST, CONTROLLER))
def test_ring_0_imports_ring_0_only(path):
    if path.stem in NOT_PURE:
        return
    taken = {name.partition(".")[2] for name in Imports(path).ours()}
    assert taken & NOT_PURE == set()


@pytest.mark.parametrize("path", files(TOP / "plugins"))
def test_libraries_that_a_machine_may_lack_are_imported_late(path):
    assert roots(Imports(path).early) & THIRD_PARTY == set()


@pytest.mark.parametrize("folder", ["plugins", "tests", "roles", "playbooks", "examples", "meta", "changelogs", "docs"])
def test_every_file_names_its_licence(folder):
    paths = [path for suffix in ("py", "yml", "yaml") for path in (TOP / folder).rglob(f"*.{suffix}")]
    nameless = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        header = text[:400]
        named = "cryptokey.wireguard authors\n" in header and "SPDX-License-Identifier: GPL-3.0-or-later\n" in header
        modern = path.suffix != ".py" or "from __future__ import annotations\n" in text
        if not (named and modern) and "output" not in path.parts:
            nameless.append(str(path.relative_to(TOP)))
    assert nameless == []
