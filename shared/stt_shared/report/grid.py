"""Tables: aligned and shortened for a terminal, tab-separated and complete for a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from stt_shared.report.theme import clean

GAP = 2  # columns between two columns
MIN_SHORTENED = 12  # columns are shortened to this first
MIN_SQUEEZED = 6  # where that is not enough: any column, so that no row is longer than the terminal
MIN_LAST = 28  # with less width than this the last column moves to a separate line


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and whether its cells may be shortened on a narrow terminal.

    A last column that is `whole` is wrapped below its row instead.
    """

    heading: str
    shorten: bool = False
    right: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value: its text on a terminal, and in a pipe (`None`: the same)."""

    text: str
    style: str = ""
    piped: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def to_tsv(grid: Grid) -> str:
    """`grid` with tabs between cells, without marks and shortening, one line for each row."""
    lines = ["\t".join(column.heading.strip() for column in grid.columns)]
    for row in grid.rows:
        piped = (cell.text if cell.piped is None else cell.piped for cell in row)
        lines.append("\t".join(map(clean, piped)))
    return "\n".join(lines) + "\n"


def to_lines(grid: Grid, width: int) -> list[Text]:
    """`grid` for a terminal of `width` columns, aligned and shortened.

    If the last column does not fit, it gets a separate line below each row.
    """
    head = [Text(column.heading, style="head") for column in grid.columns]
    rows = [[Text(clean(cell.text), style=cell.style) for cell in row] for row in grid.rows]
    columns = zip(head, *rows, strict=True)
    sizes = [max(cell.cell_len for cell in column) for column in columns]
    if _fits_beside(grid, sizes, width):
        sizes = shrink(sizes, _elastic(grid.columns), width)
        return [_line(row, sizes, grid.columns) for row in [head, *rows]]
    sizes = shrink(sizes[:-1], _elastic(grid.columns[:-1]), width)
    indent = sizes[0] + GAP
    lines = [_line(head[:-1], sizes, grid.columns)]
    for row in rows:
        lines.append(_line(row[:-1], sizes, grid.columns))
        lines.extend(_below(row[-1], grid.columns[-1], width - indent, indent))
    return lines


def _below(cell: Text, column: Column, room: int, indent: int) -> list[Text]:
    """The last cell of a row on separate lines: wrapped if `whole`, else shortened."""
    room = max(MIN_SHORTENED, room)
    if column.whole:
        parts = [Text(part, style=cell.style) for part in textwrap.wrap(cell.plain, room)]
    else:
        cell.truncate(room, overflow="ellipsis")
        parts = [cell] if cell.plain else []
    return [Text(" " * indent).append_text(part) for part in parts]


def _elastic(columns: Sequence[Column]) -> list[int]:
    return [place for place, column in enumerate(columns) if column.shorten]


def _fits_beside(grid: Grid, sizes: Sequence[int], width: int) -> bool:
    """Whether the last column fits beside the others at their full size."""
    rest = width - sum(sizes[:-1]) - GAP * (len(sizes) - 1)
    last = grid.columns[-1]
    if last.whole:
        return rest >= sizes[-1]
    return not last.shorten or rest >= min(sizes[-1], MIN_LAST)


def shrink(sizes: Sequence[int], elastic: Sequence[int], width: int) -> list[int]:
    """Column sizes that fit into `width`: the widest columns are shortened first.

    Those of `elastic` to MIN_SHORTENED, then to MIN_SQUEEZED, then all columns to that.
    """
    found = list(sizes)
    excess = sum(found) + GAP * (len(found) - 1) - width
    for places, least in (
        (elastic, MIN_SHORTENED),
        (elastic, MIN_SQUEEZED),
        (range(len(found)), MIN_SQUEEZED),
    ):
        while excess > 0 and places:
            widest = max(places, key=lambda place: found[place])
            if found[widest] <= least:
                break
            found[widest] -= 1
            excess -= 1
    return found


def _line(row: Sequence[Text], sizes: Sequence[int], columns: Sequence[Column]) -> Text:
    line = Text()
    for place, (cell, size) in enumerate(zip(row, sizes, strict=True)):
        drawn = cell.copy()
        drawn.truncate(size, overflow="ellipsis")
        missing = " " * (size - drawn.cell_len)
        before, after = (missing, "") if columns[place].right else ("", missing)
        line.append(before).append_text(drawn).append(after + " " * GAP)
    line.rstrip()
    return line
