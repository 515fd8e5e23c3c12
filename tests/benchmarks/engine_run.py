# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host engine at 1,000, 3,000 and 10,000 peers of two prefixes each, beside wg(8) in the same run.

On the kernel's WireGuard (this machine's own, or a User-Mode-Linux guest as in tests/kernel) and on wireguard-go.
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
import sys
import typing as t

_TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_TOP / "tests" / "tools"))

import kernels  # beside the runner of the suites, which is no package

_HOST = "ansible_collections.cryptokey.wireguard.tests.benchmarks.engine_host"
SIZES = (1_000, 3_000, 10_000)
STEPS = ("create", "nothing", "add one")
# Step: what of wg(8) it is compared with, and how many times that it may take beside a start.
COMPARED = {"engine: create": ("setconf", 1.5), "engine: nothing": ("syncconf", 0.5)}
MEGABYTES = 200
# Ten times the peers may take twelve times the time, as elsewhere.
GROWTH = 1.2
Figures = dict[str, t.Any]


def run(repeat: int) -> t.Iterator[str]:
    """Prints a table per backend; yields the limits that were missed."""
    if os.geteuid() != 0:
        print("engine: needs root, left out")
        return
    for backend in ("kernel", "userspace"):
        reason = kernels.cannot_run() if backend == "kernel" else ""
        if reason:
            print(f"engine, {backend}: left out, {reason}")
            continue
        print(f"\nengine, {backend}: seconds of the clock, least of {repeat}; ratio: without the start, to wg's")
        print(
            f"{'peers':>7}{'step':>18}{'engine':>8}{'limit':>8}{'wg':>7}{'ratio':>7}{'start':>7}{'module':>8}{'MB':>6}"
            f"{'growth':>8}  sent"
        )
        found = {size: _measure(backend, size, repeat) for size in SIZES}
        for size, figures in found.items():
            yield from _show(backend, size, figures, earlier=_before(found, size))
        largest = found[SIZES[-1]]["seconds"]
        print(
            f"wg syncconf of a file whose private key is clamped: {largest['syncconf, clamped']:.2f} s; "
            f"wg setconf of it: {largest['setconf, clamped']:.2f} s; Python alone: {largest['python']:.2f} s"
        )


def _before(found: dict[int, Figures], size: int) -> tuple[int, Figures] | None:
    """The next smaller size and what was measured of it."""
    smaller = [other for other in found if other < size]
    return (max(smaller), found[max(smaller)]) if smaller else None


def _measure(backend: str, size: int, repeat: int) -> Figures:
    command = [sys.executable, "-m", _HOST, backend, str(size), str(repeat)]
    if backend == "kernel" and kernels.wanted()[0] != kernels.OWN:
        build = [str(kernels.FOLDER / "build"), kernels.wanted()[0]]
        kernel = subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        command = [str(kernels.FOLDER / "run"), kernel, *command]
    environment = {**os.environ, "PYTHONPATH": str(_TOP / ".venv" / "tree"), "GUEST_TIMEOUT": "3000"}
    done = subprocess.run(command, cwd=_TOP, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("figures ")]
    if done.returncode or not lines:
        raise SystemExit(f"engine, {backend}, {size} peers:\n{done.stdout[-4000:]}")
    figures: Figures = json.loads(lines[0].partition(" ")[2])
    return figures


def _show(backend: str, size: int, found: Figures, *, earlier: tuple[int, Figures] | None) -> t.Iterator[str]:
    """Prints a line per step; yields the limits that were missed."""
    seconds = found["seconds"]
    for kind, step in itertools.product(("engine", "routes"), STEPS):
        name = f"{kind}: {step}"
        wg, times = COMPARED.get(name, ("", 0.0))
        sent, taken, work = found["figures"][name], seconds[name], seconds[name] - seconds["start"]
        limit = times * seconds[wg] + seconds["start"] if wg else None
        grown = None if earlier is None else _growth(name, work, earlier[1])
        shown = f"{step}, routes" if kind == "routes" else step
        module = seconds.get(f"module: {step}") if kind == "engine" else None
        print(
            f"{size:>7,}{shown:>18}{taken:>8.2f}{_two(limit):>8}{_two(seconds[wg] if wg else None):>7}"
            f"{_two(work / seconds[wg] if wg else None):>7}{seconds['start']:>7.2f}{_two(module):>8}"
            f"{sent['megabytes']:>6.0f}{_two(grown):>8}  "
            f"{sent['peers']:,} peers, {sent['messages']} messages, {sent['bytes']:,} bytes",
            flush=True,
        )
        place = f"engine, {backend}, {size:,} peers, {shown}"
        # Wg starts in no time, so that on small sizes the start of Python is all there is to measure.
        if backend == "kernel" and limit is not None and size == SIZES[-1] and taken > limit:
            yield f"{place}: {taken:.2f} s, allowed are {limit:.2f}"
        if kind == "engine" and sent["megabytes"] > MEGABYTES:
            yield f"{place}: {sent['megabytes']:.0f} MB, allowed are {MEGABYTES}"
        if step == "add one" and sent["peers"] != 1:
            yield f"{place}: {sent['peers']} peers were sent"
        if earlier is not None and grown is not None and grown > GROWTH * size / earlier[0]:
            yield f"{place}: {size / earlier[0]:.1f} times the peers take {grown:.1f} times"


def _growth(name: str, work: float, earlier: Figures) -> float:
    """How many times the smaller size's, without the start, which is the same for all."""
    before = earlier["seconds"][name] - earlier["seconds"]["start"]
    return work / max(before, 0.05)


def _two(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"
