# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host engine beside wg(8) on one machine, which may be a guest: ``python -m ...engine_host BACKEND SIZE REPEAT``.

Prints the figures as one line of JSON. Seconds are those of the clock, the least of several rounds, in each of which
everything has its turn: on a busy machine a neighbour then meets all of it or none.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import typing as t

from ansible_collections.cryptokey.wireguard.tests.benchmarks import fleets
from ansible_collections.cryptokey.wireguard.tests.integration.isolation import Place, isolated

_CALL = "ansible_collections.cryptokey.wireguard.tests.benchmarks.engine_call"
# Clamped, as wg genkey makes one.
PRIVATE_KEY = "QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEA="
# Any 32 bytes do for wg(8). The kernel clamps them, so that what it has is never what the file says: with each syncconf
# it takes the key for a new one, computes its secret with each peer again, and ends all sessions.
UNCLAMPED_KEY = "//////////////////////////////////////////8="
FOLDER = pathlib.Path("/run/benchmark")
STATE = FOLDER / "state"
Figures = dict[str, t.Any]


def peers(size: int) -> list[dict[str, t.Any]]:
    """Two prefixes each, of both families, and an endpoint."""
    return [
        {
            "name": fleets.host(number),
            "public_key": fleets.key(fleets.host(number)),
            "endpoint": f"{fleets.endpoint(number)}:51820",
            "allowed_ips": [f"{fleets.address(number)}/32", f"fd77:0:0:{number + 1:x}::/64"],
        }
        for number in range(size)
    ]


def arguments(entries: list[dict[str, t.Any]], backend: str, *, routing: str = "off") -> dict[str, t.Any]:
    """Without routes where it is compared with wg(8), which makes none."""
    return {
        "name": "wg0",
        "backend": backend,
        "private_key": PRIVATE_KEY,
        "listen_port": 51820,
        "routing": routing,
        "peers_policy": "exact",
        "peers": entries,
        "state_directory": str(STATE),
    }


def configuration(entries: list[dict[str, t.Any]], private_key: str) -> str:
    lines = ["[Interface]", f"PrivateKey = {private_key}", "ListenPort = 51821"]
    for entry in entries:
        allowed = ", ".join(entry["allowed_ips"])
        lines += ["[Peer]", f"PublicKey = {entry['public_key']}", f"AllowedIPs = {allowed}"]
        lines.append(f"Endpoint = {entry['endpoint']}")
    return "\n".join(lines) + "\n"


def clocked(command: list[str]) -> tuple[float, Figures]:
    """(seconds, the figures that the call prints last)."""
    started = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{command[-3:]}: {done.stderr}")
    last = done.stderr.splitlines()[-1:] or ["{}"]
    return seconds, json.loads(last[0])


def call(kind: str, name: str = "") -> tuple[float, Figures]:
    return clocked([sys.executable, "-m", _CALL, kind, str(FOLDER / name)])


def one_round(place: Place, backend: str, *, with_module: bool) -> dict[str, tuple[float, Figures]]:
    """Everything once: the ends of wg(8) on wg1, ours on wg0."""
    host = place.host()
    found = {"python": clocked([sys.executable, "-c", ""]), "start": call("start")}
    for file, suffix in (("unclamped", ""), ("clamped", ", clamped")):
        host.create("wg1", namespace="", socket_namespace="", backend=backend)
        host.network("").set_up("wg1", True)
        for word in ("setconf", "syncconf"):
            found[word + suffix] = clocked(["wg", word, "wg1", str(FOLDER / file)])
        host.delete("", "wg1")
    for kind, folder in (("engine", "off"), ("routes", "auto"), *([("module", "off")] if with_module else [])):
        for step, name in (("create", "all"), ("nothing", "all"), ("add one", "more")):
            found[f"{kind}: {step}"] = call("engine" if kind == "routes" else kind, f"{folder}/{name}")
        host.delete("", "wg0")
        shutil.rmtree(STATE)
    host.close()
    return found


def _connect(place: Place) -> None:
    """A way to the endpoints, from which the MTU follows."""
    place.run("ip", "link", "add", "eth0", "type", "veth", "peer", "eth0-far")
    for device in ("eth0", "eth0-far"):
        place.run("ip", "link", "set", device, "up")
    place.run("ip", "address", "add", "192.0.2.250/30", "dev", "eth0")
    place.run("ip", "route", "add", "default", "via", "192.0.2.249")


def measure(backend: str, size: int, repeat: int) -> Figures:
    rounds = []
    with isolated() as place:
        FOLDER.mkdir()
        entries, extra = peers(size), {"public_key": fleets.key("one more"), "allowed_ips": ["192.0.2.1/32"]}
        for name, key in (("clamped", PRIVATE_KEY), ("unclamped", UNCLAMPED_KEY)):
            (FOLDER / name).write_text(configuration(entries, key), encoding="utf-8")
        for routing in ("off", "auto"):
            (FOLDER / routing).mkdir()
            for name, listed in (("all", entries), ("more", [*entries, extra])):
                declared = arguments(listed, backend, routing=routing)
                (FOLDER / routing / name).write_text(json.dumps(declared), encoding="utf-8")
        _connect(place)
        for number in range(repeat):
            rounds.append(one_round(place, backend, with_module=number == repeat - 1))
    last = rounds[-1]
    return {
        "seconds": {name: min(one[name][0] for one in rounds if name in one) for name in last},
        "figures": {name: figures for name, (_seconds, figures) in last.items()},
    }


def main() -> None:
    backend, size, repeat = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    print("figures " + json.dumps(measure(backend, size, repeat)))


if __name__ == "__main__":
    main()
