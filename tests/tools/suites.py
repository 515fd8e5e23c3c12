# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make test`` runs: every suite, its commands, and how its output is counted."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import containers
import kernels

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.executable).parent
OUTPUT = TOP / "tests" / "output"
TREE = TOP / ".venv" / "tree"
COLLECTION = TREE / "ansible_collections" / "cryptokey" / "wireguard"
EXAMPLE = "examples/two-hubs/inventory.yml"
ANSIBLE = {"ANSIBLE_COLLECTIONS_PATH": str(TREE), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
SANITY = r'^Running sanity test "'
TAIL = 40
OLDEST = "2.19"
NEWEST = "2.21"
# What Debian 12, Debian 13, the distributions after it and PyPI have, each with the environment whose Python is the one
# that it comes with: 3.11, then 3.13. pyroute2 0.7.2 with a later Python exists in no distribution.
PYROUTE2 = {"0.7.2": OLDEST, "0.7.7": NEWEST, "0.8.1": NEWEST, "0.9.6": NEWEST}
# ansible-core 2.19 runs on 3.11 to 3.13, 2.21 on 3.12 to 3.14.
PYTHONS = {OLDEST: ("3.11", "3.13"), NEWEST: ("3.12", "3.14")}
NAMES = {OLDEST: "python3.11 python3.12 python3.13 python3", NEWEST: "python3.13 python3.12 python3.14 python3"}


@dataclasses.dataclass(frozen=True)
class Step:
    """One command. Counted by its junit file if it writes one, by lines that match a pattern, or as one check.

    not_here: the exit status by which it says that it has no business on this machine; its last line is the reason.
    """

    command: list[str]
    junit: pathlib.Path | None = None
    pattern: str = ""
    errors: str = ""
    not_here: int | None = None
    cwd: pathlib.Path = TOP

    def problems(self, output: str) -> str:
        """What a reader of a failure wants: the lines that match ``errors``, or the end of the output."""
        lines = output.splitlines()
        chosen = [line for line in lines if self.errors and re.search(self.errors, line)]
        return "\n".join(lines[:1] + chosen if chosen else lines[:1] + lines[1:][-TAIL:])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Suite:
    name: str
    steps: list[Step]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    sends_packets: bool = False
    # In a guest of its own, so that it may run beside others, and leaves nothing on the machine.
    apart: bool = False
    # A name that stands for this suite and others.
    part_of: str = ""
    # CI has what it needs, so there it is a failure when it cannot run; so it is of a suite with packets.
    required_in_ci: bool = False
    cannot_run: str = ""
    timeout: int = 1500


@dataclasses.dataclass
class Result:
    suite: Suite
    log: pathlib.Path
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    packets: int = 0
    # Steps that had no business on this machine.
    not_here: int = 0
    seconds: float = 0.0
    reasons: list[str] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)

    def skip_all(self, reason: str, *, failure: bool) -> Result:
        self.reasons.append(f"{'not run' if failure else 'skipped'}: {reason}")
        self.failed, self.skipped = int(failure), int(not failure)
        return self

    def add(self, step: Step, code: int, output: str) -> None:
        if code and code == step.not_here:
            self.skipped += 1
            self.not_here += 1
            self.reasons.append(f"skipped: {output.splitlines()[-1]}")
            return
        before = self.failed
        if step.junit and step.junit.exists():
            self._add_junit(step.junit)
        elif step.pattern and code == 0:
            self.passed += len(re.findall(step.pattern, output, re.MULTILINE))
        else:
            self.passed += int(code == 0)
        if code:
            self.failed += int(self.failed == before)
            self.failures.append(f"{step.problems(output)}\nexit status {code}")

    def _add_junit(self, path: pathlib.Path) -> None:
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            skip = case.find("skipped")
            if skip is not None:
                self.skipped += 1
                # A whole file that is skipped has its reason in the text: (path, line, 'Skipped: ...').
                whole = re.search(r"Skipped: (.*)['\"]\)", skip.text or "")
                reason = f"skipped: {whole.group(1) if whole else skip.get('message', '')}"
                if reason not in self.reasons:
                    self.reasons.append(reason)
            elif case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            else:
                self.passed += 1

    def add_packets(self, count: pathlib.Path) -> None:
        """A suite that should send packets and sent none proves nothing, however green it is."""
        lines = count.read_text(encoding="ascii").split() if count.exists() else []
        self.packets = sum(int(line) for line in lines)
        if not self.packets and not self.failed and self.not_here < len(self.suite.steps):
            self.failed += 1
            self.reasons.append("sent no packet")

    def add_traces(self, left_behind: list[str]) -> None:
        if left_behind:
            self.failed += 1
            self.reasons += [f"left behind: {text}" for text in left_behind]

    def line(self) -> str:
        verdict = "FAILED" if self.failed else "ok" if self.passed else "skipped"
        parts = [f"{self.passed} passed", f"{self.failed} failed" if self.failed else ""]
        parts += [
            f"{self.skipped} skipped" if self.skipped else "",
            f"{self.packets:,} packets" if self.packets else "",
        ]
        return f"{verdict:8}{self.suite.name:16}{self.seconds:5.0f} s  {', '.join(part for part in parts if part)}"


def all_suites() -> list[Suite]:
    """The longest first, so that the last to end is a short one; first what is built, since a suite waits."""
    return [
        *_kernel_builds(),
        *_images(),
        *_kernel_suites(),
        _core("oldest", OLDEST),
        _core("newest", NEWEST),
        Suite(name="oracle", steps=[_pytest("oracle", sys.executable, "tests/oracle")]),
        _lint(),
        _managed(),
        _pyroute2(),
        Suite(
            name="browser",
            steps=[_pytest("browser", sys.executable, "tests/browser")],
            required_in_ci=True,
            cannot_run=_no_browser(),
        ),
        Suite(name="package", steps=[Step([sys.executable, "tests/tools/package.py"])]),
        Suite(
            name="integration",
            steps=[*_oldest_environment(), _pytest("integration", sys.executable, "tests/integration")],
            sends_packets=True,
            cannot_run=_no_packets(),
        ),
        Suite(
            name="rehearsal",
            steps=[Step([str(BIN / "ansible-playbook"), "-i", EXAMPLE, "cryptokey.wireguard.rehearse"])],
            environment=ANSIBLE,
            sends_packets=True,
            cannot_run=_no_packets(),
        ),
        Suite(
            name="conformance",
            steps=[_pytest("conformance", sys.executable, "tests/conformance")],
            environment={"WIREGUARD_BACKEND": "userspace"},
            sends_packets=True,
            cannot_run=_no_packets(),
        ),
        _molecule(),
        _systemd(),
    ]


def _kernel_builds() -> list[Suite]:
    """One of its own, so that it computes beside the suites that send packets and is there when its turn comes."""
    versions = [version for version in kernels.wanted() if version != kernels.OWN and not kernels.is_built(version)]
    if not versions or kernels.cannot_run():
        return []
    build = str(kernels.FOLDER / "build")
    return [
        Suite(
            name="kernel-build",
            steps=[Step([build, version], not_here=kernels.not_here(version)) for version in versions],
            timeout=3000,
        )
    ]


def _kernel_suites() -> list[Suite]:
    """The conformance suite again, on a real kernel's WireGuard; several kernels run beside each other."""
    versions = kernels.wanted()
    return [_kernel(version, "kernel" if len(versions) == 1 else f"kernel-{version}") for version in versions]


def _kernel(version: str, name: str) -> Suite:
    junit = OUTPUT / f"kernel-{version}.xml"
    start = [str(kernels.FOLDER / "test"), version, sys.executable]
    command = [*start, "-q", f"--junitxml={junit}", "tests/conformance"]
    return Suite(
        name=name,
        part_of="kernel",
        steps=[Step(command, junit=junit, not_here=kernels.not_here(version))],
        environment={"FAULT_WALKS": os.environ.get("FAULT_WALKS", "1")},
        sends_packets=True,
        apart=version != kernels.OWN,
        cannot_run=kernels.cannot_run(),
        timeout=3000,
    )


def _images() -> list[Suite]:
    """One of its own, for the same reason."""
    releases = [release for release in containers.wanted() if not containers.is_made(release)]
    if not releases or containers.cannot_run():
        return []
    make = str(containers.FOLDER / "image")
    return [Suite(name="molecule-image", steps=[Step([make, release]) for release in releases])]


def _molecule() -> Suite:
    """The scenario in containers with systemd: installed, applied, engines killed, applied again, left again."""
    run = str(containers.FOLDER / "test")
    steps = [Step([run, release], pattern=r"^TASK \[Hold that ") for release in containers.wanted()]
    return Suite(name="molecule", steps=steps, sends_packets=True, cannot_run=containers.cannot_run())


def _systemd() -> Suite:
    """Engines in units, and the packet filters that systemd starts: tests/systemd in a container where it is PID 1."""
    run = str(containers.FOLDER / "systemd")
    steps = [Step([run, release], junit=OUTPUT / f"systemd-{release}.xml") for release in containers.wanted()]
    return Suite(name="systemd", steps=steps, sends_packets=True, cannot_run=containers.cannot_run())


def _lint() -> Suite:
    folders = [TOP / "tests" / name for name in ("tools", "kernel", "containers", "demo")]
    names = [TOP / ".ci" / "run", TOP / "tests" / "setup", *(path for folder in folders for path in folder.iterdir())]
    shell = [str(path) for path in names if path.is_file() and re.match(rb"#!.*\b(ba)?sh\b", path.read_bytes())]
    mypy = [str(BIN / "mypy"), "--no-error-summary", str(COLLECTION / "plugins"), "tests/tools"]
    commands = [
        [str(BIN / "ruff"), "check", "--output-format", "concise", "."],
        [str(BIN / "ruff"), "format", "--check", "--output-format", "concise", "."],
        [str(BIN / "yamllint"), "--strict", "."],
        [str(BIN / "antsibull-changelog"), "lint"],
        *(["bash", "-n", path] for path in shell),
        [str(BIN / "ansible-lint"), "--offline", "--profile", "production", "--strict"],
    ]
    # The documentation of every plugin and role: valid markup, no reference that leads nowhere.
    docs = [str(BIN / "antsibull-docs"), "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", "."]
    steps = [Step(mypy, errors=" error: "), *(Step(command) for command in commands), Step(docs, cwd=COLLECTION)]
    return Suite(name="lint", steps=steps, environment=ANSIBLE)


def _core(name: str, version: str) -> Suite:
    """ansible-test sanity, unit tests and the example's plan with one ansible-core, in an environment of its own."""
    python = find_python(NAMES[version], *PYTHONS[version])
    if not python:
        reason = f"ansible-core {version} needs Python {PYTHONS[version][0]} or later, and none was found"
        return Suite(name=name, steps=[], cannot_run=reason)
    folder = TOP / ".venv" / f"core-{version}" / "bin"
    steps = [
        Step([sys.executable, "tests/tools/sanity.py", version, python], pattern=SANITY, errors="^(ERROR|FATAL):"),
        _pytest(name, str(folder / "python"), "tests/unit"),
        Step([str(folder / "ansible-playbook"), "-i", EXAMPLE, "cryptokey.wireguard.plan"]),
    ]
    return Suite(name=name, steps=steps, environment=ANSIBLE)


def _oldest_environment() -> list[Step]:
    """The integration tests run some playbooks on the oldest ansible-core as well."""
    python = find_python(NAMES[OLDEST], *PYTHONS[OLDEST])
    return [_environment(OLDEST, python)] if python else []


def _environment(core: str, python: str) -> Step:
    """Makes the one with that ansible-core, unless it is there."""
    return Step([str(TOP / "tests" / "tools" / "venv"), str(TOP / ".venv" / f"core-{core}"), f"core-{core}", python])


def _managed() -> Suite:
    """Managed hosts may have Python 3.9: its own environment, only the tests of what runs there."""
    python = find_python("python3.9 python3", "3.9", "3.9")
    folder = TOP / ".venv" / "python3.9"
    paths = [
        name for name in ("tests/unit/plugins/module_utils", "tests/unit/plugins/modules") if (TOP / name).is_dir()
    ]
    steps = [
        Step([str(TOP / "tests" / "tools" / "venv"), str(folder), "unit", python]),
        _pytest("managed", str(folder / "bin" / "python"), *paths),
    ]
    return Suite(name="managed", steps=steps, cannot_run="" if python else "no Python 3.9 found")


def _pyroute2() -> Suite:
    """What speaks to the kernel through pyroute2, with each version of it: the codec, the drivers, a real WireGuard."""
    pythons = {core: find_python(NAMES[core], *PYTHONS[core]) for core in (OLDEST, NEWEST)}
    codec = "tests/unit/plugins/module_utils/test_wgnetlink.py"
    drivers = [f"tests/conformance/{name}" for name in ("test_driver.py", "test_network_driver.py")]
    steps = []
    for version, wanted in PYROUTE2.items():
        # A machine without the newer Python tries them all with the other one.
        core = wanted if pythons[wanted] else OLDEST
        python = str(TOP / ".venv" / f"core-{core}" / "bin" / "python")
        junit = OUTPUT / f"pyroute2-{version}-kernel.xml"
        guest = [str(kernels.FOLDER / "test"), kernels.wanted()[0], python, "-q", f"--junitxml={junit}", drivers[0]]
        with_it = [str(TOP / "tests" / "tools" / "pyroute2"), version]
        steps += [
            _environment(core, pythons[core]),
            _in_front(with_it, _pytest(f"pyroute2-{version}", python, codec, *drivers)),
            _in_front(with_it, Step(guest, junit=junit)),
        ]
    return Suite(
        name="pyroute2",
        steps=steps,
        environment={"WIREGUARD_BACKEND": "userspace"},
        required_in_ci=True,
        cannot_run=_no_packets() or kernels.cannot_run() or ("" if pythons[OLDEST] else "no Python 3.11 found"),
    )


def _in_front(words: list[str], step: Step) -> Step:
    return dataclasses.replace(step, command=[*words, *step.command])


def _pytest(name: str, python: str, *arguments: str) -> Step:
    junit = OUTPUT / f"{name}.xml"
    return Step([python, "-m", "pytest", "-q", f"--junitxml={junit}", *arguments], junit=junit)


def _no_packets() -> str:
    """Why no packet can be sent here; empty where it can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("ip", "ping", "nft", "wireguard-go") if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}; tests/setup test installs what is missing" if missing else ""


def _no_browser() -> str:
    """Why no page can be opened here; empty where one can."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return "not installed: chromium; tests/setup test installs what is missing"
    return "" if importlib.util.find_spec("playwright") else "playwright is not there for this machine's kind of Python"


def find_python(names: str, minimum: str, maximum: str) -> str:
    command = [str(TOP / "tests" / "tools" / "find-python"), "--wide", "--order", names, minimum, maximum]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
