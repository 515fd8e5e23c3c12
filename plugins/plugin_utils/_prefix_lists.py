# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set algebra on lists of prefixes as people write them: union, difference, overlaps, and AllowedIPs with exceptions.

Every result is minimal and sorted, IPv4 before IPv6, and covers exactly the addresses it says: both families are
computed as intervals of integers. Everything raises InvalidInput with the path of the entry that is wrong.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

from ansible_collections.cryptokey.wireguard.plugins.module_utils._errors import InvalidInput
from ansible_collections.cryptokey.wireguard.plugins.module_utils._prefix import WIDTH, Prefix, parse_prefix
from ansible_collections.cryptokey.wireguard.plugins.plugin_utils import _sets

# RFC 1918 and RFC 4193; RFC 6598; RFC 3927 and RFC 4291, 2.5.6; RFC 5771 and RFC 4291, 2.7
NAMED: t.Mapping[str, tuple[str, ...]] = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    "cgnat": ("100.64.0.0/10",),
    "link_local": ("169.254.0.0/16", "fe80::/10"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}


@dataclass(frozen=True, slots=True, order=True)
class Overlap:
    """Two prefixes that share addresses. common: these addresses, which are the longer prefix of the two."""

    one: Prefix
    other: Prefix

    @property
    def common(self) -> Prefix:
        return max(self.one, self.other, key=lambda prefix: prefix.length)


def allowed_ips(
    include: t.Iterable[str],
    exclude: t.Iterable[str] = (),
    *,
    lan: t.Sequence[str] = (),
    endpoints: t.Sequence[str] = (),
) -> list[str]:
    """The minimal AllowedIPs that cover include without exclude.

    Entries are prefixes, addresses or names of sets. ``lan`` and ``endpoints`` name no fixed range: they stand for
    the two lists given under these names.
    """
    named = {**NAMED, "lan": lan, "endpoints": endpoints}
    return _difference(_expanded("include", include, named), _expanded("exclude", exclude, named))


def union(lists: t.Mapping[str, t.Iterable[str]]) -> list[str]:
    """Everything that lies in any of the lists. lists: by the path that errors name them with."""
    return _difference([prefix for path, entries in lists.items() for prefix in _expanded(path, entries, NAMED)], [])


def subtract(prefixes: t.Iterable[str], remove: t.Iterable[str]) -> list[str]:
    """Everything of ``prefixes`` that does not lie in ``remove``."""
    return _difference(_expanded("prefixes", prefixes, NAMED), _expanded("remove", remove, NAMED))


def overlaps(prefixes: t.Iterable[str], others: t.Iterable[str] | None = None) -> list[Overlap]:
    """Every pair of prefixes that share an address, sorted.

    With ``others`` the first of a pair is of ``prefixes`` and the second of ``others``. Without, all pairs within
    ``prefixes``, the wider one first; a prefix that is listed twice overlaps itself. Two prefixes are disjoint, equal
    or nested, so a list of n has at most n pairs for each prefix length: never n squared.
    """
    mine = sorted(_expanded("prefixes", prefixes, NAMED))
    if others is None:
        twice = {one for one, other in itertools.pairwise(mine) if one == other}
        nested = _nested(mine)
        return sorted({Overlap(outer, inner) for outer, inner in nested} | {Overlap(one, one) for one in twice})
    theirs = _expanded("others", others, NAMED)
    left, right = set(mine), set(theirs)
    found = {Overlap(one, one) for one in left & right}
    for outer, inner in _nested(sorted(left | right)):
        if outer in left and inner in right:
            found.add(Overlap(outer, inner))
        if inner in left and outer in right:
            found.add(Overlap(inner, outer))
    return sorted(found)


def _nested(ordered: t.Iterable[Prefix]) -> t.Iterator[tuple[Prefix, Prefix]]:
    """Every (outer, inner) pair of different prefixes, of a sorted list."""
    around: list[Prefix] = []
    for prefix in ordered:
        while around and not around[-1].contains(prefix):
            around.pop()
        if around and around[-1] == prefix:
            continue
        for outer in around:
            yield outer, prefix
        around.append(prefix)


def _difference(wanted: list[Prefix], unwanted: list[Prefix]) -> list[str]:
    result: list[str] = []
    for family in WIDTH:
        left = _sets.subtract(
            _sets.from_prefixes(prefix for prefix in wanted if prefix.family == family),
            _sets.from_prefixes(prefix for prefix in unwanted if prefix.family == family),
        )
        result += [str(prefix) for prefix in _sets.to_prefixes(family, left)]
    return result


def _expanded(path: str, entries: t.Iterable[str], named: t.Mapping[str, t.Sequence[str]]) -> list[Prefix]:
    """The prefixes behind the entries of one argument."""
    result: list[Prefix] = []
    for index, entry in enumerate(entries):
        place = f"{path}[{index}]"
        if not (isinstance(entry, str) and entry in named):
            result.append(_prefix(entry, place, named))
            continue
        if not named[entry]:
            raise InvalidInput("names a set that was not given", path=place, value=entry, remedy=f"pass {entry}=[...]")
        result += [_prefix(text, f"{entry}[{number}]", named) for number, text in enumerate(named[entry])]
    return result


def _prefix(text: t.Any, path: str, named: t.Iterable[str]) -> Prefix:
    try:
        return parse_prefix(text)
    except InvalidInput as error:
        if isinstance(text, str) and text.replace("_", "").isalpha():
            remedy = f"the named sets are {', '.join(sorted(named))}"
            raise InvalidInput(
                "is neither a prefix nor a named set", path=path, value=str(text), remedy=remedy
            ) from None
        raise error.at(path) from None
