# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is equal by content is equal in everything."""

from __future__ import annotations

import copy
import typing as t

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._content import content_of, value_of

LEAVES = st.sampled_from([None, True, False, 0, 1, 1.0, "", "1", "a", "\u00e4"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(VALUES, VALUES)
def test_values_of_one_content_are_written_alike(one: t.Any, other: t.Any) -> None:
    if content_of(one) == content_of(other):
        assert repr(one) == repr(other)


@given(VALUES)
def test_a_copy_has_the_content_and_is_a_value_of_its_own(value: t.Any) -> None:
    content = content_of(value)
    assert content is not None
    made = value_of(content)
    assert repr(made) == repr(value)
    assert not isinstance(value, (list, dict)) or made is not value


def test_what_yaml_makes_of_aliases_of_aliases_takes_no_room() -> None:
    laughs: t.Any = ["ha"]
    for _level in range(200):
        laughs = [laughs, laughs]
    content = content_of(laughs)
    assert content is not None
    assert len(content) < 10_000


def test_tagged_texts_have_no_content() -> None:
    class Tagged(str):
        pass

    assert content_of({"a": Tagged("b")}) is None
    assert content_of(copy.copy(Tagged("b"))) is None
