# Copyright (c) 2026 the cryptokey.wireguard authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal comes to: the predicted matrix beside the measured one, as data and as text."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.cryptokey.wireguard.plugins.plugin_utils._lab_matrix import Cell

_WIDEST_TABLE = 14
_MOST_EXPLAINED = 8
LEGEND = "5/10: 5 of 10 answered, predicted and measured alike; - none; ! not as predicted; host:device is a LAN"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """A cell and what real packets did. refused: the error with which the sender's own kernel refused, if it did."""

    cell: Cell
    answered: bool
    sent: int
    refused: str = ""

    @property
    def differs(self) -> bool:
        return self.answered != self.cell.predicted.answered


def summarise(results: list[Measured]) -> dict[str, t.Any]:
    """The figures of a rehearsal."""
    delivered = [result for result in results if result.answered]
    return {
        "cells": len(results),
        "delivered": len(delivered),
        "in_clear": sum(result.cell.predicted.in_clear for result in delivered),
        "blocked": dict(sorted(collections.Counter(map(_outcome, _blocked(results))).items())),
        "packets_sent": sum(result.sent for result in results),
        "differences": sum(result.differs for result in results),
    }


def render(results: list[Measured], explain: t.Callable[[Cell], str]) -> str:
    """The whole report. explain: the trace of a cell as text."""
    lines = _table(results)
    lines += ["", *_blocked_lines(results)] if _blocked(results) else []
    lines += ["", *_difference_lines(results, explain)] if any(result.differs for result in results) else []
    return "\n".join([*lines, "", closing_line(summarise(results))])


def closing_line(summary: t.Mapping[str, t.Any]) -> str:
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in summary["blocked"].items())
    blocked = sum(summary["blocked"].values())
    clear = f" ({summary['in_clear']} of them over the underlay)" if summary["in_clear"] else ""
    return (
        f"rehearsal: {summary['cells']} cells, {summary['delivered']} delivered{clear}, {blocked} blocked"
        f"{f' ({outcomes})' if outcomes else ''}, {summary['packets_sent']} packets sent, "
        f"differences {summary['differences']}"
    )


def _blocked(results: list[Measured]) -> list[Measured]:
    return [result for result in results if not result.answered]


def _outcome(result: Measured) -> str:
    return "unpredicted" if result.differs else result.cell.predicted.outcome


def _table(results: list[Measured]) -> list[str]:
    """Answered of all cells, from row to column; - where all are blocked; ! where one is not as predicted."""
    rows = list(dict.fromkeys(result.cell.source.label for result in results))
    columns = list(dict.fromkeys(result.cell.destination.label for result in results))
    if len(columns) > _WIDEST_TABLE:
        return _long_table(results)
    columns = [label for label in rows if label in columns] + [label for label in columns if label not in rows]
    entries: dict[tuple[str, str], list[Measured]] = collections.defaultdict(list)
    for result in results:
        entries[(result.cell.source.label, result.cell.destination.label)].append(result)
    texts = {place: _entry(found) for place, found in entries.items()}
    margin = max(len("from \\ to"), *map(len, rows))
    widths = [max(len(column), *(len(texts.get((row, column), "")) for row in rows)) for column in columns]
    table = [_line("from \\ to", margin, columns, widths)]
    table += [_line(row, margin, [texts.get((row, column), "") for column in columns], widths) for row in rows]
    return [*table, LEGEND]


def _long_table(results: list[Measured]) -> list[str]:
    """One line per source, for fleets of which a matrix fits no screen."""
    rows: dict[str, list[Measured]] = collections.defaultdict(list)
    for result in results:
        rows[result.cell.source.label].append(result)
    width = max(map(len, rows))
    return [f"{row.ljust(width)}  {_entry(found):>9} to everybody else" for row, found in rows.items()] + [LEGEND]


def _entry(results: list[Measured]) -> str:
    answered = sum(result.answered for result in results)
    mark = "!" if any(result.differs for result in results) else ""
    return f"{f'{answered}/{len(results)}' if answered else '-'}{mark}"


def _line(head: str, margin: int, texts: t.Sequence[str], widths: t.Sequence[int]) -> str:
    columns = "  ".join(text.rjust(width) for text, width in zip(texts, widths, strict=True))
    return f"{head.ljust(margin)}  {columns}".rstrip()


def _blocked_lines(results: list[Measured]) -> list[str]:
    """One line per outcome, with an example."""
    groups: dict[str, list[Measured]] = collections.defaultdict(list)
    for result in _blocked(results):
        if not result.differs:
            groups[result.cell.predicted.outcome].append(result)
    width = max(map(len, groups), default=0)
    lines = ["blocked, as predicted:"]
    for outcome, found in sorted(groups.items()):
        cell = found[0].cell
        lines.append(f"  {outcome.ljust(width)} {len(found):5}  e.g. {cell.title}, ends at {cell.predicted.place}")
    return lines


def _difference_lines(results: list[Measured], explain: t.Callable[[Cell], str]) -> list[str]:
    differing = [result for result in results if result.differs]
    lines = ["NOT AS PREDICTED:"]
    for result in differing[:_MOST_EXPLAINED]:
        predicted = result.cell.predicted
        expected = "is answered" if predicted.answered else f"is blocked ({predicted.outcome} at {predicted.place})"
        seen = "answered" if result.answered else f"no answer to {result.sent} requests"
        seen += f", refused by the sender with {result.refused}" if result.refused and not result.answered else ""
        lines += [f"  {result.cell.title}: predicted that it {expected}; measured: {seen}"]
        lines += [f"    {line}" for line in explain(result.cell).splitlines()]
    if len(differing) > _MOST_EXPLAINED:
        lines.append(f"  and {len(differing) - _MOST_EXPLAINED} more")
    return lines
