# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break the rules of the catalogue on purpose, one small change at a time, and see whether a test turns red.

    .venv/bin/python tests/tools/mutation.py                      # a sample of 20 changes of every file
    .venv/bin/python tests/tools/mutation.py --sample 0 _5_links  # every change of one file

Each change (a comparison turned, a ``not`` left out, ``and`` for ``or``, a number one off, a branch always taken or
never) is made in a child process, which runs with it the tests that call the changed function, the quickest first. A
change that no test notices is a survivor and is printed with its line: either a test is missing there, or the line
says nothing. The few that nobody could notice stand in equivalent_mutants.py, each with its reason.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time
import types
import typing as t

import pytest
from equivalent_mutants import EQUIVALENT

TOP = pathlib.Path(__file__).resolve().parents[2]
PLANNER = TOP / "plugins" / "plugin_utils"
PACKAGE = "ansible_collections.cryptokey.wireguard.plugins.plugin_utils"
UNIT = "tests/unit/plugins/plugin_utils"
# Of the processor, for the tests of one change; one that never ends is noticed too.
SECONDS = 120
# test_rules_broken.py runs the examples again, which would only take longer.
LEFT_OUT = {"test_rules_broken"}

OPPOSITE: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Change:
    """line: where; what: for people; function: the outermost one around it; source: the whole file with it."""

    file: str
    line: int
    what: str
    function: str
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
        found.append(Change(path.stem, changer.line, changer.what, _around(text, changer.line), source))


def _around(text: str, line: int) -> str:
    """The name of the function, or of the class and its method, that holds a line."""
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.lineno <= line <= (node.end_lineno or 0):
            inner = [one for one in getattr(node, "body", ()) if isinstance(one, ast.FunctionDef)]
            methods = [one.name for one in inner if one.lineno <= line <= (one.end_lineno or 0)]
            return f"{node.name}.{methods[0]}" if isinstance(node, ast.ClassDef) and methods else node.name
    return ""


def module_of(path: pathlib.Path) -> types.ModuleType:
    folder = "._rules" if path.parent.name == "_rules" else ""
    return importlib.import_module(f"{PACKAGE}{folder}.{path.stem}")


def functions(names: dict[str, t.Any], module: str) -> t.Iterator[tuple[str, types.FunctionType]]:
    """Every function and method that a module defines, by qualified name; what a cache wraps instead of the cache."""
    for name, value in names.items():
        if inspect.isclass(value) and value.__module__ == module:
            members = {**vars(value)}.items()
            inner = ((one, getattr(found, "fget", None) or getattr(found, "func", found)) for one, found in members)
            yield from (
                (f"{name}.{one}", function) for one, found in inner for function in [getattr(found, "__func__", found)]
                if inspect.isfunction(function) and function.__module__ == module
            )  # fmt: skip
        function = inspect.unwrap(value) if callable(value) and not inspect.isclass(value) else None
        if inspect.isfunction(function) and function.__module__ == module:
            yield name, function


def install(change: Change, path: pathlib.Path) -> None:
    """The changed code in the functions that are already everywhere: in the catalogue, in tests, in other modules."""
    module = module_of(path)
    fresh = types.ModuleType(module.__name__)
    fresh.__dict__.update({name: value for name, value in vars(module).items() if name.startswith("__")})
    exec(compile(change.source, f"{change.file}.py (changed)", "exec"), fresh.__dict__)
    new = dict(functions(vars(fresh), module.__name__))
    for name, function in functions(vars(module), module.__name__):
        if name in new and len(function.__code__.co_freevars) == len(new[name].__code__.co_freevars):
            function.__code__ = new[name].__code__
            function.__defaults__, function.__kwdefaults__ = new[name].__defaults__, new[name].__kwdefaults__
    # What a rule decides with may have been made by a function when the module was imported.
    decisions = {rule.id: rule.decide for rule in getattr(fresh, "RULES", ())}
    for rule in getattr(module, "RULES", ()):
        object.__setattr__(rule, "decide", decisions[rule.id])


def codes(code: types.CodeType) -> t.Iterator[types.CodeType]:
    """A function's code and that of all functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


class Mutation:
    """A pytest plugin: instead of running the collected tests once it runs some of them for every change."""

    def __init__(self, paths: list[pathlib.Path], *, sample: int, seed: str) -> None:
        self.paths = paths
        self.sample = sample
        self.seed = seed
        self.tried = 0
        self.survivors: list[Change] = []
        self.items: list[pytest.Item] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        reached, seconds = self._measured(session)
        for path in self.paths:
            found = changes(path)
            chance = random.Random(f"{self.seed} {path.stem}")
            chosen = found if not self.sample else chance.sample(found, min(self.sample, len(found)))
            chosen = [change for change in chosen if f"{change.file}: {change.what}" not in EQUIVALENT]
            ids = set(re.findall(r"WG\d{3}", path.read_text(encoding="utf-8")))
            alive = []
            for change in sorted(chosen, key=lambda one: one.line):
                numbers = reached.get(f"{path.stem}.{change.function}", [])
                order = sorted(numbers, key=lambda one: (not _names(self.items[one].name, ids), seconds[one]))
                if self._survives(change, path, [self.items[one] for one in order]):
                    alive.append(change)
                    print(f"  {change}", flush=True)
            print(f"{path.stem}: {len(chosen)} of {len(found)} changes tried, {len(alive)} not noticed", flush=True)
            self.tried += len(chosen)
            self.survivors += alive
        return True

    def _measured(self, session: pytest.Session) -> tuple[dict[str, list[int]], list[float]]:
        """(by function, the numbers of the tests that call it; the seconds that each test takes)."""
        with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
            child = os.fork()
            if child == 0:
                _in_silence()
                os._exit(self._measure(session, pathlib.Path(file.name)))
            _pid, status = os.waitpid(child, 0)
            if os.waitstatus_to_exitcode(status):
                raise SystemExit("a test fails without any change")
            reached, seconds = json.load(file)
        return reached, seconds

    def _measure(self, session: pytest.Session, target: pathlib.Path) -> int:
        known = {
            code: f"{path.stem}.{name}"
            for path in self.paths
            for name, function in functions(vars(module_of(path)), module_of(path).__name__)
            for code in codes(function.__code__)
        }
        called: set[str] = set()

        def trace(frame: types.FrameType, _event: str, _argument: t.Any) -> None:
            if frame.f_code in known:
                called.add(known[frame.f_code])

        reached: dict[str, list[int]] = {}
        seconds = []
        for number, item in enumerate(self.items):
            begun = time.process_time()
            sys.settrace(trace)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_after(self.items, number))
            sys.settrace(None)
            seconds.append(time.process_time() - begun)
            for name in called:
                reached.setdefault(name, []).append(number)
            called.clear()
        target.write_text(json.dumps([reached, seconds]), encoding="utf-8")
        return int(bool(session.testsfailed))

    def _survives(self, change: Change, path: pathlib.Path, items: list[pytest.Item]) -> bool:
        """Whether all tests stay green with the change. In a child, so that nothing of it stays."""
        child = os.fork()
        if child == 0:
            _in_silence()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            os._exit(_run(change, path, items))
        _pid, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0


def _run(change: Change, path: pathlib.Path, items: list[pytest.Item]) -> int:
    """Exit code 0 where the tests are green."""
    try:
        install(change, path)
        for number, item in enumerate(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_after(items, number))
            if item.session.testsfailed:
                return 1
    except BaseException:
        return 1
    return 0


def _after(items: list[pytest.Item], number: int) -> pytest.Item | None:
    return items[number + 1] if number + 1 < len(items) else None


def _names(test: str, ids: set[str]) -> bool:
    return any(ident in test for ident in ids)


def _in_silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _tests(paths: list[pathlib.Path]) -> list[str]:
    """The tests that decide about rules, and for the other files those that are named after them."""
    names = {"test_rules*.py"} | {f"test{path.stem}*.py" for path in paths if path.parent == PLANNER}
    found = {path for name in names for path in (TOP / UNIT).glob(name) if path.stem not in LEFT_OUT}
    found |= {path for one in paths for path in (TOP / "tests" / "oracle").glob(f"test{one.stem}_against*.py")}
    return sorted(map(str, found))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Break the rules and see whether the tests notice.")
    parser.add_argument("files", nargs="*", help="files of _rules, such as _5_links, or _rollout; all rules by default")
    parser.add_argument("--sample", type=int, default=20, help="changes of each file; 0 for every one")
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(TOP / ".venv" / "tree"))
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(TOP / ".venv" / "tree"))
    os.chdir(TOP)
    rules = sorted((PLANNER / "_rules").glob("_[0-9]*.py"))
    paths = [path for path in [*rules, *sorted(PLANNER.glob("_*.py"))] if path.stem in options.files] or rules
    mutation = Mutation(paths, sample=options.sample, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        switches = ["-qq", "-s", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--no-summary"]
        code = pytest.main([*switches, "--basetemp", f"{folder}/tests", *_tests(paths)], plugins=[mutation])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(code)
    print(f"{mutation.tried} changes, {mutation.tried - len(mutation.survivors)} noticed, "
          f"{len(mutation.survivors)} survivors")  # fmt: skip
    return 1 if mutation.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
