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
CREATE, NOTHING = 1.5, 0.5
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
        print(f"\nengine, {backend}: seconds of the clock, least of {repeat}; a limit is wg's time and a start")
        print(f"{'peers':>7}{'step':>10}{'engine':>8}{'limit':>8}{'wg':>7}{'start':>7}{'module':>8}{'MB':>6}  sent")
        found = {size: _measure(backend, size, repeat) for size in SIZES}
        for size, figures in found.items():
            yield from _show(backend, size, figures)
        yield from _growth(backend, found)


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


def _show(backend: str, size: int, found: Figures) -> t.Iterator[str]:
    seconds, figures = found["seconds"], found["figures"]
    limits = {
        "create": CREATE * seconds["setconf"] + seconds["start"],
        "nothing": NOTHING * seconds["syncconf"] + seconds["start"],
    }
    for step, wg in (("create", "setconf"), ("nothing", "syncconf"), ("add one", "")):
        taken, sent = seconds[f"engine: {step}"], figures[f"engine: {step}"]
        limit = limits.get(step)
        print(
            f"{size:>7,}{step:>10}{taken:>8.2f}{'' if limit is None else f'{limit:.2f}':>8}"
            f"{f'{seconds[wg]:.2f}' if wg else '':>7}{seconds['start']:>7.2f}{seconds[f'module: {step}']:>8.2f}"
            f"{sent['megabytes']:>6.0f}  {sent['peers']:,} peers, {sent['messages']} messages, {sent['bytes']:,} bytes",
            flush=True,
        )
        place = f"engine, {backend}, {size:,} peers, {step}"
        # Wg starts in no time, so that on small sizes the start of Python is all there is to measure.
        if limit is not None and size == SIZES[-1] and taken > limit:
            yield f"{place}: {taken:.2f} s, allowed are {limit:.2f}"
        if sent["megabytes"] > MEGABYTES:
            yield f"{place}: {sent['megabytes']:.0f} MB, allowed are {MEGABYTES}"
        if step == "add one" and sent["peers"] != 1:
            yield f"{place}: {sent['peers']} peers were sent"


def _growth(backend: str, found: dict[int, Figures]) -> t.Iterator[str]:
    """Without the start, which is the same for all."""
    for earlier, size in itertools.pairwise(SIZES):
        for step in ("create", "nothing", "add one"):
            before, after = (
                found[one]["seconds"][f"engine: {step}"] - found[one]["seconds"]["start"] for one in (earlier, size)
            )
            if after > GROWTH * size / earlier * max(before, 0.05):
                yield f"engine, {backend}, {step}: {size / earlier:.1f} times the peers take {after / before:.1f} times"
