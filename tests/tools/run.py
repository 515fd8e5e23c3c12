# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the suites and sums them up: ``run.py [SUITE ...]``, all of them without an argument.

One line per suite, its whole output in tests/output/SUITE.log, the end of that log where it fails, and last the sum.
Suites that send packets run one at a time, so that a lost packet is not a busy processor; the others fill the rest.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
import typing as t

import traces
from suites import TOP, Result, Step, Suite, all_suites

WARDEN = str(TOP / "tests" / "tools" / "warden.py")
OUTPUT = TOP / "tests" / "output"
# Longer than the warden's own patience.
GRACE = 60


class Runner:
    """The suites, in as many threads as there are processors, at least two."""

    def __init__(self, suites: list[Suite]) -> None:
        self.waiting: queue.Queue[Suite] = queue.Queue()
        self.with_packets: queue.Queue[Suite] = queue.Queue()
        for suite in suites:
            alone = suite.sends_packets and not suite.apart
            (self.with_packets if alone else self.waiting).put(suite)
        self.results: list[Result] = []
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def run(self) -> list[Result]:
        lanes = [threading.Thread(target=self.work, args=([self.with_packets, self.waiting],))]
        for _number in range(max(2, os.cpu_count() or 2) - 1):
            lanes.append(threading.Thread(target=self.work, args=([self.waiting],)))
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        return self.results

    def work(self, queues: list[queue.Queue[Suite]]) -> None:
        for suites in queues:
            while not self.stopped.is_set():
                try:
                    suite = suites.get_nowait()
                except queue.Empty:
                    break
                result = self.run_suite(suite)
                with self.lock:
                    self.results.append(result)
                    report(result)

    def run_suite(self, suite: Suite) -> Result:
        result = Result(suite, log=OUTPUT / f"{suite.name}.log")
        if suite.cannot_run:
            required = suite.sends_packets or suite.required_in_ci
            return result.skip_all(suite.cannot_run, failure=required and bool(os.environ.get("CI")))
        started = time.monotonic()
        before = None if suite.apart or not suite.sends_packets else traces.look()
        count = OUTPUT / f"{suite.name}.packets"
        forgotten = OUTPUT / f"{suite.name}.forgotten"
        for path in (count, forgotten):
            path.unlink(missing_ok=True)
        environment = {**suite.environment, "WIREGUARD_PACKET_COUNT": str(count)}
        result.log.write_bytes(b"")
        for step in suite.steps:
            if not self.stopped.is_set():
                begin = result.log.stat().st_size
                with result.log.open("ab", buffering=0) as log:
                    code = self.call(suite, step, environment, log)
                result.add(step, code, result.log.read_bytes()[begin:].decode(errors="replace"))
        if suite.sends_packets:
            result.add_packets(count)
            processes = forgotten.read_text(encoding="utf-8").splitlines() if forgotten.exists() else []
            result.add_traces([*processes, *(traces.left_behind(before) if before is not None else ())])
        result.seconds = time.monotonic() - started
        return result

    def call(self, suite: Suite, step: Step, environment: dict[str, str], log: t.IO[bytes]) -> int:
        log.write(f"$ {' '.join(step.command)}\n".encode())
        if step.junit:
            step.junit.unlink(missing_ok=True)
        # A session of its own: it can be ended with all its children, and Ctrl-C reaches it once, through us.
        process = subprocess.Popen(
            [sys.executable, WARDEN, str(OUTPUT / f"{suite.name}.forgotten"), *step.command],
            cwd=step.cwd,
            env={**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with self.lock:
            self.running[suite.name] = process
        try:
            return process.wait(suite.timeout)
        except subprocess.TimeoutExpired:
            end(process)
            log.write(f"\nstopped after {suite.timeout} s\n".encode())
            return -1
        finally:
            with self.lock:
                self.running.pop(suite.name, None)

    def stop(self, *_signal: object) -> None:
        self.stopped.set()
        for process in list(self.running.values()):
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM first, so that whoever made namespaces can remove them."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def report(result: Result) -> None:
    print(result.line(), flush=True)
    for reason in result.reasons:
        print(f"          {reason}", flush=True)
    for output in result.failures:
        print("\n".join(f"        | {line}" for line in output.splitlines()))
    if result.failures:
        print(f"        the whole log: {result.log.relative_to(TOP)}", flush=True)


def main(names: list[str]) -> int:
    suites = all_suites()
    unknown = sorted(set(names) - {name for suite in suites for name in (suite.name, suite.part_of)})
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are {', '.join(suite.name for suite in suites)}")
        return 2
    OUTPUT.mkdir(parents=True, exist_ok=True)
    chosen = [suite for suite in suites if not names or {suite.name, suite.part_of} & set(names)]
    runner = Runner(chosen)
    signal.signal(signal.SIGINT, runner.stop)
    signal.signal(signal.SIGTERM, runner.stop)
    print(f"{len(chosen)} suites: {', '.join(suite.name for suite in chosen)}; logs in tests/output", flush=True)
    started = time.monotonic()
    results = runner.run()
    passed, failed, skipped = (
        sum(getattr(result, name) for result in results) for name in ("passed", "failed", "skipped")
    )
    packets = sum(result.packets for result in results)
    print(f"{time.monotonic() - started:.0f} s, {packets:,} packets sent through tunnels")
    if runner.stopped.is_set():
        print("interrupted")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(bool(failed) or runner.stopped.is_set() or len(results) < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
