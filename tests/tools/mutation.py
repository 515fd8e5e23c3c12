# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break the rules of the catalogue on purpose, one small change at a time, and see whether a test turns red.

    .venv/bin/python tests/tools/mutation.py                      # a sample of 20 changes of every file
    .venv/bin/python tests/tools/mutation.py --sample 0 _5_links  # every change of one file

Each change (a comparison turned, a ``not`` left out, ``and`` for ``or``, a number one off, a branch always taken or
never) is made in a child process, which runs the unit tests of the rules with it. A change that no test notices is a
survivor and is printed with its line: either a test is missing there, or the line says nothing.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import dataclasses
import importlib
import os
import pathlib
import random
import signal
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = TOP / "plugins" / "plugin_utils" / "_rules"
PACKAGE = "ansible_collections.cryptokey.wireguard.plugins.plugin_utils._rules"
SECONDS = 120  # for the tests of one change; one that never ends is noticed too

OPPOSITE: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Change:
    """line: where; what: for people; source: the whole file with it."""

    file: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class _Nth(ast.NodeTransformer):
    """Makes the change with that number and counts them all."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0
        self.line = 0
        self.what = ""

    def _now(self, node: ast.AST, what: str) -> bool:
        self.count += 1
        if self.count - 1 != self.wanted:
            return False
        self.line, self.what = getattr(node, "lineno", 0), f"{what}: {ast.unparse(node)[:90]}"
        return True

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if type(node.ops[0]) in OPPOSITE and self._now(node, "comparison turned"):
            return ast.Compare(
                left=node.left, ops=[OPPOSITE[type(node.ops[0])](), *node.ops[1:]], comparators=node.comparators
            )
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return node.operand if isinstance(node.op, ast.Not) and self._now(node, "not left out") else node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._now(node, "and and or exchanged"):
            return ast.BoolOp(op=ast.Or() if isinstance(node.op, ast.And) else ast.And(), values=node.values)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, int) and not isinstance(node.value, bool) and self._now(node, "one more"):
            return ast.Constant(value=node.value + 1)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        for value in (True, False):
            if self._now(node.test, f"condition always {value}"):
                return ast.If(test=ast.Constant(value=value), body=node.body, orelse=node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        for index, test in enumerate(node.ifs):
            if self._now(test, "filter left out"):
                return ast.comprehension(
                    target=node.target, iter=node.iter, ifs=node.ifs[:index] + node.ifs[index + 1 :], is_async=0
                )
        return node


def changes(path: pathlib.Path) -> list[Change]:
    """Every change of one file; only functions are changed, so annotations and tables stay as they are."""
    text = path.read_text(encoding="utf-8")
    found: list[Change] = []
    while True:
        tree = ast.parse(text)
        changer = _Nth(len(found))
        tree.body = [
            changer.visit(node) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else node for node in tree.body
        ]
        if not changer.what:
            return found
        source = ast.unparse(ast.fix_missing_locations(tree))
        found.append(Change(path.stem, changer.line, changer.what, source))


def survives(change: Change, tests: list[str]) -> bool:
    """Whether all tests stay green with the change. In a child, so that nothing of it stays."""
    child = os.fork()
    if child == 0:
        os._exit(_run(change, tests))
    _pid, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _run(change: Change, tests: list[str]) -> int:
    """Exit code 0 where the tests are green."""
    import pytest

    signal.alarm(SECONDS)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            _install(change)
        except Exception:
            return 1
        return int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", *tests]))


def _install(change: Change) -> None:
    """The module with the change in place of the real one, its rules in the catalogue."""
    rules = importlib.import_module(PACKAGE)
    module = importlib.import_module(f"{PACKAGE}.{change.file}")
    exec(compile(change.source, f"{change.file}.py (changed)", "exec"), module.__dict__)
    changed = {rule.id: rule for rule in module.RULES}
    rules.CATALOGUE = tuple(changed.get(rule.id, rule) for rule in rules.CATALOGUE)  # type: ignore[attr-defined]
    rules.BY_ID.update(changed)


def _tests() -> list[str]:
    """The unit tests that decide about rules, those of the pages' examples first: they are the quickest."""
    folder = TOP / "tests" / "unit" / "plugins" / "plugin_utils"
    # test_rules_broken.py runs the examples again, which would only take longer.
    return sorted(str(path) for path in folder.glob("test_rules*.py") if path.stem != "test_rules_broken")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Break the rules and see whether the tests notice.")
    parser.add_argument("files", nargs="*", help="files of _rules, such as _5_links; all of them by default")
    parser.add_argument("--sample", type=int, default=20, help="changes of each file; 0 for every one")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(TOP / ".venv" / "tree"))
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(TOP / ".venv" / "tree"))
    os.chdir(TOP)
    importlib.import_module(PACKAGE)
    paths = [path for path in sorted(RULES.glob("_[0-9]*.py")) if not options.files or path.stem in options.files]
    survivors: list[Change] = []
    tried = 0
    for path in paths:
        found = changes(path)
        chance = random.Random(f"{options.seed} {path.stem}")
        chosen = found if not options.sample else chance.sample(found, min(options.sample, len(found)))
        alive = [change for change in sorted(chosen, key=lambda one: one.line) if survives(change, _tests())]
        print(f"{path.stem}: {len(chosen)} of {len(found)} changes tried, {len(alive)} not noticed", flush=True)
        for change in alive:
            print(f"  {change}", flush=True)
        tried += len(chosen)
        survivors += alive
    print(f"{tried} changes, {tried - len(survivors)} noticed, {len(survivors)} survivors")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
