# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are taken out as Ansible takes them out: its own function is the oracle."""

from __future__ import annotations

import json
import sys
import types
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.module_utils import _module
from ansible_collections.cryptokey.wireguard.plugins.module_utils._key import (
    PresharedKey,
)
from ansible_collections.cryptokey.wireguard.plugins.module_utils._many_secrets import (
    MANY,
    PART,
    WHOLE,
    Mask,
)

KEYS = [PresharedKey(bytes([number]) * 32).reveal() for number in range(1, MANY + 2)]


@st.composite
def results(draw):
    """Data full of keys, whole and within texts."""
    secrets = draw(st.lists(st.sampled_from(KEYS[:6]), min_size=1, unique=True))
    pieces = st.lists(st.sampled_from([*KEYS[:6], "=", "A", "==", "x: ", "\n", KEYS[0][:43], KEYS[1][1:]]), max_size=6)
    texts = pieces.map("".join)
    leaves = texts | st.integers() | st.booleans() | st.none()
    data = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
    return secrets, draw(data)


@given(results())
def test_what_comes_out_is_what_ansible_makes_of_it(drawn):
    parameters = pytest.importorskip("ansible.module_utils.common.parameters")
    secrets, data = drawn
    assert Mask(set(secrets))(data) == parameters.remove_values(data, set(secrets))


@given(st.lists(st.text("ab=", min_size=1, max_size=4), min_size=1, max_size=4), st.text("ab=", max_size=12))
def test_no_secret_of_any_length_is_left(secrets, text):
    masked = Mask(set(secrets))(text)
    assert masked == WHOLE or not any(secret in piece for secret in secrets for piece in masked.split(PART) if piece)


class Module:
    """What _module.run() needs of an AnsibleModule."""

    def __init__(self) -> None:
        self.params = {"private_key": KEYS[0], "peers": [{"preshared_key": key} for key in KEYS]}
        self.no_log_values = set(KEYS)
        self.printed: t.Dict[str, t.Any] = {}

    def exit_json(self, **result: t.Any) -> None:
        self.printed = self.printed or result

    fail_json = exit_json


@pytest.mark.parametrize("fails", [False, True])
def test_many_secrets_are_gone_before_ansible_gets_the_result(fails):
    module = Module()

    def work() -> t.Dict[str, t.Any]:
        if fails:
            raise OSError(KEYS[1])
        return {"changed": True, "text": f"a {KEYS[2]} b"}

    _module.run(module, work)
    assert module.no_log_values == set()
    printed = json.dumps(module.printed)
    assert not any(key in printed for key in KEYS)
    assert module.printed["invocation"]["module_args"]["peers"][3] == {"preshared_key": WHOLE}
    assert module.params["private_key"] == KEYS[0]


def test_where_something_was_warned_of_ansible_looks_for_secrets_itself(monkeypatch):
    warnings = types.SimpleNamespace(get_warning_messages=lambda: (f"the key {KEYS[4]} was converted",))
    monkeypatch.setitem(sys.modules, "ansible.module_utils.common.warnings", warnings)
    module = Module()
    _module.run(module, lambda: {"text": KEYS[2]})
    assert module.no_log_values == set(KEYS)
    assert module.printed == {"text": KEYS[2]}
