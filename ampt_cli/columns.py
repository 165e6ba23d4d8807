"""Lines that fit a terminal: rows in columns, and sentences folded at their words."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ampt_cli.render import Line, cells, cut, room, show, tabs

GAP = 2


class Column(NamedTuple):
    """What one column is for, and what becomes of it where there is no room for all."""

    head: str
    least: int = 0  # cells it may be cut down to; 0: it is never cut
    most: int = 0  # cells it may have where there is no room for all; 0: any
    drop: int = 0  # the highest is left out first; 0: never
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout: in columns on a terminal, else plain lines with tabs between."""
    wide = room()
    if wide is None:
        tabs(rows)
    else:
        show(rows_in(columns, [[(cell, "") for cell in row] for row in rows], wide))


def rows_in(
    columns: Sequence[Column], rows: Sequence[Line], wide: int | None, *, heads: bool = True
) -> list[Line]:
    """Each row as one line of at most `wide` cells, below its heads; whole if it is None.

    It is wider only where what is never cut, and the least of the rest, find no room.
    A column that has nothing in it is left out.
    """
    kept = [i for i in range(len(columns)) if any(row[i][0] for row in rows)]
    if heads:
        rows = [[(column.head, "dim") for column in columns], *rows]
    natural = [max((cells(row[i][0]) for row in rows), default=0) for i in range(len(columns))]
    least = [min(column.least or most, most) for column, most in zip(columns, natural, strict=True)]
    if wide is not None:
        _drop(columns, kept, least, wide)
        if _total(kept, natural) > wide:
            most = [max(least[i], column.most or wide) for i, column in enumerate(columns)]
            natural = [min(both) for both in zip(natural, most, strict=True)]
        spare = wide - _total(kept, least)
        modest_first = sorted(kept, key=lambda i: natural[i] - least[i])
        for number, i in enumerate(modest_first):
            share = max(spare, 0) // (len(kept) - number)
            more = min(natural[i] - least[i], share)
            natural[i], spare = least[i] + more, spare - more
    return [_row([columns[i] for i in kept], [row[i] for i in kept], natural, kept) for row in rows]


def _drop(columns: Sequence[Column], kept: list[int], least: list[int], wide: int) -> None:
    while _total(kept, least) > wide:
        most = max(kept, key=lambda i: columns[i].drop)
        if not columns[most].drop:
            return
        kept.remove(most)


def _total(kept: list[int], widths: list[int]) -> int:
    return sum(widths[i] for i in kept) + GAP * (len(kept) - 1)


def _row(columns: list[Column], row: Line, widths: list[int], kept: list[int]) -> Line:
    made: Line = []
    for number, (column, (text, style), i) in enumerate(zip(columns, row, kept, strict=True)):
        shown = cut(text, widths[i])
        pad = " " * (widths[i] - cells(shown))
        if column.right:
            shown = pad + shown
        elif number < len(kept) - 1:
            shown += pad
        made.append((shown + (" " * GAP if number < len(kept) - 1 else ""), style))
    return made


def folded(one: Line, wide: int | None, indent: str = "  ") -> list[Line]:
    """A line broken where it is wider than `wide` cells: between its pieces, and at words.

    What follows is indented.
    """
    made: list[Line] = [[]]
    used = 0
    for piece, style in one:
        for number, word in enumerate(re.findall(r" *[^ ]+| +$", piece)):
            needs = cells(word if number else piece)
            if wide is not None and used and used + needs > wide:
                made.append([])
                word, used = indent + word.lstrip(), 0  # noqa: PLW2901  the same word
            used += cells(word)
            if made[-1] and made[-1][-1][1] == style:
                word = made[-1].pop()[0] + word  # noqa: PLW2901  the same word
            made[-1].append((word, style))
    return made
