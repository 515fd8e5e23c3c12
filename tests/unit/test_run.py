# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the suites: whatever went wrong, it must not end green."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest

TOOLS = str(pathlib.Path(__file__).resolve().parents[1] / "tools")
sys.path.insert(0, TOOLS)

import containers
import kernels
import run
import traces
from suites import Result, Step, Suite, all_suites


@pytest.fixture(autouse=True)
def output(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "OUTPUT", tmp_path)
    monkeypatch.setattr(run, "TOP", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    # The machine itself is not this test's business: another suite may be at work on it.
    monkeypatch.setattr(traces, "look", dict)
    return tmp_path


def shell(text: str, **options) -> Step:
    return Step(["sh", "-c", text], **options)


def result_of(*steps: Step, **options) -> Result:
    suite = Suite(name="it", steps=list(steps), **options)
    return run.Runner([suite]).run()[0]


def counts(result: Result) -> tuple[int, int, int]:
    return result.passed, result.failed, result.skipped


def test_a_step_counts_once_and_its_output_is_kept(output):
    result = result_of(shell("echo one"), shell("echo two >&2"))
    assert counts(result) == (2, 0, 0)
    assert (output / "it.log").read_text() == "$ sh -c echo one\none\n$ sh -c echo two >&2\ntwo\n"


def test_every_step_runs_and_every_failure_counts():
    result = result_of(shell("echo bad; exit 3"), shell("true"), shell("false"))
    assert counts(result) == (1, 2, 0)
    assert "bad" in result.failures[0]
    assert "exit status 3" in result.failures[0]


def test_a_step_that_has_no_business_here_is_skipped_and_says_why():
    result = result_of(shell("echo first; echo no such source; exit 3", not_here=3), shell("exit 3"), shell("true"))
    assert counts(result) == (1, 1, 1)
    assert result.reasons == ["skipped: no such source"]


def test_a_program_that_is_missing_is_a_failure():
    assert counts(result_of(Step(["/does/not/exist"]), shell("true"))) == (1, 1, 0)


def test_a_suite_that_should_send_packets_and_sent_none_fails():
    result = result_of(shell("true"), sends_packets=True)
    assert counts(result) == (1, 1, 0)
    assert result.reasons == ["sent no packet"]


def test_packets_are_added_up_over_processes():
    line = 'echo 40 >> "$WIREGUARD_PACKET_COUNT"; echo 2 >> "$WIREGUARD_PACKET_COUNT"'
    result = result_of(shell(line), shell(line), sends_packets=True)
    assert counts(result) == (2, 0, 0)
    assert result.packets == 84


def test_packets_of_an_earlier_run_do_not_count(output):
    (output / "it.packets").write_text("1000\n")
    assert result_of(shell("true"), sends_packets=True).packets == 0


def test_a_suite_that_cannot_run_is_skipped_with_its_reason():
    result = result_of(shell("exit 1"), cannot_run="needs root", sends_packets=True)
    assert counts(result) == (0, 0, 1)
    assert result.reasons == ["skipped: needs root"]


def test_in_ci_a_suite_with_packets_that_cannot_run_fails(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert counts(result_of(shell("true"), cannot_run="needs root", sends_packets=True)) == (0, 1, 0)
    assert counts(result_of(shell("true"), cannot_run="no browser", required_in_ci=True)) == (0, 1, 0)
    assert counts(result_of(shell("true"), cannot_run="no Python 3.12")) == (0, 0, 1)


def test_a_suite_that_hangs_is_ended_and_fails():
    assert counts(result_of(shell("sleep 60"), timeout=1)) == (0, 1, 0)


JUNIT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure>no</failure></testcase><testcase name="c"><error>no</error></testcase>
<testcase name="d"><skipped message="collection skipped">('x.py', 1, 'Skipped: needs ansible-core')</skipped></testcase>
<testcase name="e"><skipped message="needs root"/></testcase>
</testsuite></testsuites>"""


def test_tests_are_counted_one_by_one_and_skips_keep_their_reason(output):
    report = output / "junit.xml"
    result = result_of(shell(f"cat > {report} <<'END'\n{JUNIT}\nEND\nexit 1", junit=report))
    assert counts(result) == (1, 2, 2)
    assert result.reasons == ["skipped: needs ansible-core", "skipped: needs root"]


def test_an_exit_status_without_a_failed_test_is_a_failure_all_the_same(output):
    report = output / "junit.xml"
    result = result_of(shell(f"echo '<testsuites/>' > {report}; exit 5", junit=report))
    assert counts(result) == (0, 1, 0)


def test_a_report_of_an_earlier_run_does_not_count(output):
    report = output / "junit.xml"
    report.write_text(JUNIT)
    assert counts(result_of(shell("exit 4", junit=report))) == (0, 1, 0)


def test_lines_are_counted_and_only_errors_shown():
    step = shell("echo 'test one'; echo noise; echo 'test two'; echo 'ERROR: x'", pattern="^test ", errors="^ERROR")
    assert counts(result_of(step)) == (2, 0, 0)
    assert step.problems("$ sh\ntest one\nnoise\nERROR: x") == "$ sh\nERROR: x"


def test_suites_with_packets_never_run_at_the_same_time(output):
    step = shell(f"mkdir {output}/busy && sleep 0.3 && rmdir {output}/busy && echo 1 >> $WIREGUARD_PACKET_COUNT")
    suites = [Suite(name=f"s{number}", steps=[step], sends_packets=True) for number in range(3)]
    assert [counts(result) for result in run.Runner(suites).run()] == [(1, 0, 0)] * 3


def test_a_suite_in_a_guest_of_its_own_runs_beside_those_with_packets(output):
    wait = "for i in $(seq 50); do [ -d {1} ] && break; sleep 0.1; done"
    meet = "mkdir {0}; " + wait + "; [ -d {1} ] && echo 1 >> $WIREGUARD_PACKET_COUNT"
    here, there = output / "here", output / "there"
    suites = [
        Suite(name="machine", steps=[shell(meet.format(here, there))], sends_packets=True),
        Suite(name="guest", steps=[shell(meet.format(there, here))], sends_packets=True, apart=True),
    ]
    assert [counts(result) for result in run.Runner(suites).run()] == [(1, 0, 0)] * 2


def test_a_process_left_behind_is_named_ended_and_a_failure(monkeypatch):
    monkeypatch.setenv("WARDEN_PATIENCE", "0.5")
    step = shell('echo 1 >> "$WIREGUARD_PACKET_COUNT"; setsid sleep 4711 >/dev/null 2>&1 &')
    result = result_of(step, sends_packets=True)
    assert counts(result) == (1, 1, 0)
    pid = re.fullmatch(r"left behind: process (\d+): sleep 4711", result.reasons[0]).group(1)
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_a_process_that_takes_a_moment_to_end_is_no_failure():
    step = shell('echo 1 >> "$WIREGUARD_PACKET_COUNT"; setsid sleep 0.3 >/dev/null 2>&1 &')
    assert counts(result_of(step, sends_packets=True)) == (1, 0, 0)


def test_an_orphan_is_reaped_while_the_suite_runs():
    # A zombie that nobody reaps keeps its PID namespace, and with it a test's clean-up, waiting for ever.
    zombies = "grep -l '^State:.Z' /proc/[0-9]*/status | xargs -r grep -l \"^PPid:.$PPID$\""
    assert counts(result_of(shell(f'(sleep 0.1 &) ; sleep 0.5; test -z "$({zombies})"'))) == (1, 0, 0)


def test_what_ignores_sigterm_is_ended_all_the_same(monkeypatch):
    monkeypatch.setattr(run, "GRACE", 1)
    assert counts(result_of(shell("trap '' TERM; sleep 60 & wait; sleep 60"), timeout=1)) == (0, 1, 0)


def test_a_link_left_behind_is_named_and_a_failure(monkeypatch):
    looks = [{"link": {"lo"}}, *[{"link": {"lo", "wg0"}}] * 3]
    monkeypatch.setattr(traces, "PATIENCE", 0)
    monkeypatch.setattr(traces, "look", lambda: looks.pop(0))
    result = result_of(shell("echo 1 >> $WIREGUARD_PACKET_COUNT"), sends_packets=True)
    assert counts(result) == (1, 1, 0)
    assert result.reasons == ["left behind: link wg0"]


def test_an_unknown_suite_is_refused(capsys):
    assert run.main(["unit", "no-such-suite"]) == 2
    assert "no-such-suite" in capsys.readouterr().out


def test_the_last_line_sums_everything_up(output, monkeypatch, capsys):
    suites = [Suite(name="good", steps=[shell("true")]), Suite(name="bad", steps=[shell("false")])]
    monkeypatch.setattr(run, "all_suites", lambda: suites)
    assert run.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"
    assert run.main(["good"]) == 0


def test_a_name_may_stand_for_several_suites(monkeypatch, capsys):
    steps = [shell("true")]
    parts = [Suite(name=f"kernel-{number}", part_of="kernel", steps=steps) for number in (1, 2)]
    monkeypatch.setattr(run, "all_suites", lambda: [*parts, Suite(name="other", steps=steps)])
    assert run.main(["kernel"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed, 0 skipped"
    assert run.main(["kernel-2"]) == 0
    assert run.main(["kernel-3"]) == 2


def test_a_suite_with_packets_that_has_no_business_here_is_none_that_sent_none():
    absent = shell("echo no such source; exit 3", not_here=3)
    assert counts(result_of(absent, sends_packets=True)) == (0, 0, 1)
    assert counts(result_of(absent, shell("true"), sends_packets=True)) == (1, 1, 1)


def test_the_suites_that_send_packets_are_marked(monkeypatch):
    monkeypatch.delenv("KERNELS", raising=False)
    sending = {suite.name for suite in all_suites() if suite.sends_packets}
    assert sending == {"integration", "conformance", "kernel", "molecule", "rehearsal", "systemd"}


def test_the_kernel_is_built_beside_the_other_suites_and_before_its_own(monkeypatch):
    """Its suite waits for the build, and what waits with the processor idle is time lost."""
    monkeypatch.setattr(kernels, "own_has_wireguard", lambda: False)
    monkeypatch.setattr(kernels, "is_built", lambda _version: False)
    monkeypatch.setattr(kernels, "cannot_run", lambda: "")
    monkeypatch.setenv("KERNELS", "6.12 7.3")
    suites = all_suites()
    assert suites[0].name == "kernel-build"
    assert [step.command[-1] for step in suites[0].steps] == ["6.12", "7.3"]
    assert not suites[0].sends_packets
    several = {suite.name: suite for suite in suites if suite.part_of == "kernel"}
    assert list(several) == ["kernel-6.12", "kernel-7.3"]
    assert [suite.steps[0].command[1] for suite in several.values()] == ["6.12", "7.3"]
    assert all(suite.apart for suite in several.values())
    monkeypatch.setattr(kernels, "is_built", lambda _version: True)
    assert all_suites()[0].name != "kernel-build"


def test_a_machine_whose_kernel_has_wireguard_needs_no_other(monkeypatch):
    monkeypatch.setattr(kernels, "own_has_wireguard", lambda: True)
    suites = {suite.name: suite for suite in all_suites()}
    assert "kernel-build" not in suites
    assert suites["kernel"].cannot_run == ""
    assert [step.command[1] for step in suites["kernel"].steps] == ["own"]
    assert not suites["kernel"].apart


def test_only_the_kernels_beside_the_default_one_may_be_missing():
    assert kernels.not_here(kernels.DEFAULT) is None
    assert kernels.not_here("own") is None
    assert kernels.not_here("7.3") == 3


def test_the_image_is_made_beside_the_other_suites_and_before_its_own(monkeypatch):
    monkeypatch.setattr(kernels, "own_has_wireguard", lambda: True)
    monkeypatch.setattr(containers, "is_made", lambda release: release == "bookworm")
    monkeypatch.setattr(containers, "cannot_run", lambda: "")
    monkeypatch.setenv("DEBIAN", "bookworm trixie")
    suites = all_suites()
    assert suites[0].name == "molecule-image"
    assert [step.command[-1] for step in suites[0].steps] == ["trixie"]
    assert not suites[0].sends_packets
    molecule = next(suite for suite in suites if suite.name == "molecule")
    assert [step.command[-1] for step in molecule.steps] == ["bookworm", "trixie"]
    monkeypatch.setattr(containers, "is_made", lambda _release: True)
    assert all_suites()[0].name != "molecule-image"


def test_containers_need_what_makes_their_image_only_while_there_is_none(monkeypatch):
    monkeypatch.setattr(containers.os, "geteuid", lambda: 0)
    monkeypatch.setattr(containers.shutil, "which", lambda name: None if name == "mmdebstrap" else name)
    monkeypatch.setattr(containers, "is_made", lambda _release: False)
    assert containers.cannot_run() == "not installed: mmdebstrap; tests/setup test installs what is missing"
    monkeypatch.setattr(containers, "is_made", lambda _release: True)
    assert containers.cannot_run() == ""
    monkeypatch.setattr(containers.os, "geteuid", lambda: 1000)
    assert containers.cannot_run() == "needs root"
