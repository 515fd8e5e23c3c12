# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything at all fed to the filters: findings or one clear error, never a traceback, an endless loop or a wrong proof.

    PYTHONPATH=.venv/tree python -m ansible_collections.cryptokey.wireguard.tests.oracle.fuzz --documents 100000

Good inventories, fleet documents and plans are damaged at random (hostile.py) and given to every filter that reads
them. Where the filters still call something proved and the packets can be sent one by one, the simulator has the
last word.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import random
import re
import signal
import sys
import time
import traceback
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.cryptokey.wireguard.plugins.filter.check import check
from ansible_collections.cryptokey.wireguard.plugins.filter.host_config import host_config
from ansible_collections.cryptokey.wireguard.plugins.filter.plan import plan
from ansible_collections.cryptokey.wireguard.plugins.filter.reachability import reachability
from ansible_collections.cryptokey.wireguard.plugins.filter.report import report
from ansible_collections.cryptokey.wireguard.plugins.filter.trace import trace
from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _fleet, _prover
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._plain import plain
from ansible_collections.cryptokey.wireguard.tests.oracle import compare
from ansible_collections.cryptokey.wireguard.tests.oracle.fleets import FAMILIES, Fleet
from ansible_collections.cryptokey.wireguard.tests.oracle.good import INVENTORIES, PLANS
from ansible_collections.cryptokey.wireguard.tests.oracle.hostile import SECRETS, Mutator
from ansible_collections.cryptokey.wireguard.tests.oracle.intents import Intents, TooLarge

SECONDS = 20  # of the processor, for one document
LONGEST_LINE = 1500
# Values that are not there: a proof over the rest is one of something else.
UNREAD = {"WG101", "WG109", "WG206", "WG211", "WG507", "WG609"}
SAMPLED = 12
SHOWN = 40

Document = t.Any


class TooSlow(Exception):
    """One document took longer than any document may."""


class Broken(Exception):
    """A filter did what no filter may do."""


class Fuzz:
    """Runs documents through the filters; what became of them is counted in ``seen``."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.seen: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []
        self.slowest = (0.0, "")

    def run(self, documents: int, *, first: int = 0, told: int = 0) -> None:
        """told: after every so many documents a line says how far it is; 0 for never."""
        for number in range(first, first + documents):
            known = len(self.failures)
            self.one(f"{self.seed}-{number}")
            if told and len(self.failures) > known:
                print(self.failures[-1], flush=True)
            if told and (number + 1 - first) % told == 0:
                print(f"{number + 1 - first:,} documents, {len(self.failures)} failures", flush=True)

    def one(self, name: str) -> None:
        """The document of a name; a failure is kept with that name, which makes it again."""
        chance = random.Random(name)
        kind = chance.choice(("fleet", "fleet", "inventory", "inventory", "plan"))
        begun = time.process_time()
        try:
            with _bounded(SECONDS):
                getattr(self, f"_{kind}")(name, chance)
        except Exception as error:
            lines = traceback.format_exc(limit=-6).splitlines()
            self.failures.append(
                "\n".join([f"{name} ({kind}): {type(error).__name__}: {str(error)[:600]}", *lines[-18:]])
            )
        self.seen[kind] += 1
        self.slowest = max(self.slowest, (time.process_time() - begun, f"{name} ({kind})"))

    # The three kinds

    def _fleet(self, name: str, chance: random.Random) -> None:
        good = Fleet(f"fuzz-{chance.randrange(400)}")
        document = Mutator(name, gentle=chance.random() < 0.6).mutated(good.document)
        findings = self._call(check, document)
        hosts = _texts(document.get("hosts") if isinstance(document, dict) else None) or ["ant"]
        host = chance.choice(hosts)
        rectangles = self._call(reachability, document, host)
        self._call(trace, document, host, chance.choice(ENDS), chance.choice(ENDS))
        self._call(trace, document, host, "10.0.0.1", "10.0.0.2", namespace=chance.choice(("", "blue", "\x1b")))
        if findings is not None and rectangles is not None:
            self._compare(document, {family: _some(good.samples(family), chance) for family in FAMILIES})

    def _inventory(self, name: str, chance: random.Random) -> None:
        self.inventory(Mutator(name, gentle=chance.random() < 0.4).mutated(chance.choice(INVENTORIES)))

    def inventory(self, arguments: Document) -> None:
        """A plan of it, its report and the configuration of every host."""
        if not isinstance(arguments, dict):
            arguments = {"hostvars": arguments}
        hosts = arguments.get("hosts")
        made = self._call(plan, arguments.get("hostvars"), hosts, arguments.get("keys"))
        if made is None:
            return
        told = self._call(report, made)
        if told is None:
            raise Broken("a plan without a report")
        _must_hide_secrets(told)
        for host in made["fleet"]["hosts"]:
            if not made["summary"]["errors"] and self._call(host_config, made, host) is None:
                raise Broken(f"a plan without errors and without a configuration of {host}")
        self.seen[f"plan {made['proof']['verdict']}"] += 1
        if made["proof"]["verdict"] == "proved":
            wrong = UNREAD & {finding["rule"] for finding in made["findings"]}
            if wrong:
                raise Broken(f"proved in spite of {sorted(wrong)}")
            self._no_packet_is_lost(made["fleet"])

    def _plan(self, name: str, chance: random.Random) -> None:
        self.plan(Mutator(name).mutated(chance.choice(PLANS)), chance)

    def plan(self, document: Document, chance: random.Random) -> None:
        """Whatever reads a plan, with a host and two ends by chance."""
        hosts = (
            _texts(document.get("fleet", {}).get("hosts"))
            if isinstance(document, dict) and isinstance(document.get("fleet"), dict)
            else []
        )
        host = chance.choice(hosts or ["a"])
        self._call(check, document, chance.choice((None, document)))
        self._call(report, document, color=chance.random() < 0.5)
        self._call(host_config, document, host)
        self._call(trace, document, host, chance.choice(ENDS), chance.choice(ENDS))
        self._call(reachability, document, host)
        inventory = chance.choice(INVENTORIES)
        self._call(plan, inventory["hostvars"], inventory["hosts"], inventory["keys"], previous=document)

    # What must hold of every answer

    def _call(self, filter_: t.Callable[..., t.Any], *arguments: t.Any, **named: t.Any) -> t.Any:
        """What the filter gives, None where it refuses; anything else is a failure."""
        try:
            answer = filter_(*arguments, **named)
        except AnsibleFilterError as error:
            _must_be_clear(str(error), filter_.__name__)
            self.seen[f"{filter_.__name__} refused"] += 1
            return None
        text = answer if isinstance(answer, str) else json.dumps(answer, allow_nan=False, ensure_ascii=False)
        text.encode()
        # An answer has to name hosts and devices, whatever they are called, and a public key looks like a private one:
        # refusals must show no key, and so must what is said of an inventory (_inventory).
        self.seen[f"{filter_.__name__} answered"] += 1
        return answer

    def _compare(self, document: Document, samples: dict[int, list[int]]) -> None:
        """Where nothing was left out in reading, each sampled packet ends where the prover says."""
        parsed = _fleet.parse_fleet(document)
        if parsed.problems or parsed.unmodelled:
            return
        names = [(one.host, one.namespace, one.name) for one in parsed.interfaces()]
        if len(set(names)) < len(names):
            return  # WG609: no host can have two devices of one name, so nothing is right or wrong about them
        try:
            plain(document)
            intents = Intents(document)
            failing = intents.failing()
        except (TooLarge, InvalidInput, ValueError, TypeError, KeyError, AttributeError):
            self.seen["not for the simulator"] += 1
            return
        proof = _prover.prove(parsed)
        if {(network, family, tuple(a), tuple(b)) for network, family, a, b in proof.failures.pairs} != failing:
            raise Broken(f"flows that fail: {sorted(failing)} in the simulator, not {proof.failures.pairs}")
        result = compare.Result()
        differences = compare.compare_fleet(compare.TheProver(), document, samples, result)
        if differences:
            raise Broken("; ".join(differences[:3]))
        self.seen["documents compared"] += 1
        self.seen["packets compared"] += result.compared

    def _no_packet_is_lost(self, document: Document) -> None:
        with contextlib.suppress(TooLarge):
            failing = Intents(document).failing()
            if failing:
                raise Broken(f"proved, but in the simulator these fail: {sorted(failing)[:3]}")
            self.seen["proofs confirmed"] += 1

    def report(self) -> str:
        lines = [f"{sum(self.seen[kind] for kind in ('fleet', 'inventory', 'plan')):,} documents"]
        lines += [f"{what:<24}{count:>10,}" for what, count in sorted(self.seen.items())]
        seconds, name = self.slowest
        lines.append(f"the slowest took {seconds:.1f} s: {name}")
        return "\n".join([*lines, f"{len(self.failures)} failures", *self.failures[:SHOWN]])


ENDS = (
    "10.0.0.1", "10.0.0.3", "203.0.113.1", "fd00::41", "fd00::43", "192.168.10.5", "8.8.8.8", "2001:db8::1",
    "", "10.0.0.1/32", "::ffff:10.0.0.1", "fe80::1%eth0", "١٠.0.0.1", "x" * 3000, None, 7, [], {},
)  # fmt: skip


@contextlib.contextmanager
def _bounded(seconds: float) -> t.Iterator[None]:
    """Raises TooSlow in the block when so much of the processor's time is used up, whoever else uses the machine.

    By SIGPROF, so only in the main thread.
    """

    def ring(_number: int, _frame: t.Any) -> t.NoReturn:
        raise TooSlow(f"not done within {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _must_be_clear(text: str, name: str) -> None:
    """One error that says where and why, in lines that a terminal can show."""
    _must_hide_secrets(text)
    if not all(character.isprintable() or character == "\n" for character in text):
        raise Broken(f"an error that does not print: {text[:300]!r}")
    if max(map(len, text.splitlines())) > LONGEST_LINE:
        raise Broken(f"an error that is too long: {text[:300]!r}")
    if not re.match(rf"cryptokey\.wireguard\.{name}: \S", text):
        raise Broken(f"an error that does not name its filter: {text[:300]!r}")
    if re.search(r"object at 0x|Traceback|recursion|expected str|NoneType|unhashable|not iterable", text):
        raise Broken(f"an error made for programmers: {text[:300]!r}")


def _must_hide_secrets(text: str) -> None:
    if any(secret in text for secret in SECRETS):
        place = min(text.find(secret) for secret in SECRETS if secret in text)
        raise Broken(f"a text that could be a private key is shown: {text[max(0, place - 150) : place + 80]!r}")


def _texts(value: t.Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, dict) else []


def _some(samples: list[int], chance: random.Random) -> list[int]:
    return sorted(chance.sample(samples, min(SAMPLED, len(samples))))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Feed damaged documents to the filters.")
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", default="fuzz")
    parser.add_argument("--one", help="only the document of this name")
    options = parser.parse_args(arguments)
    fuzz = Fuzz(options.seed)
    begun = time.monotonic()
    if options.one:
        fuzz.one(options.one)
    else:
        fuzz.run(options.documents, first=options.first, told=1000)
    print(fuzz.report())
    print(f"{time.monotonic() - begun:.1f} s")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
