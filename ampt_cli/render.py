"""Results as text, a table, or JSON (the only importer of rich)."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from ampt_cli import jsontext, printing

JSON_VERSION = 1


def say(line: str = "") -> None:
    """One line on stdout; control characters in data are shown, never sent."""
    if not printing.write(1, printing.safe(line) + "\n"):
        raise BrokenPipeError


def show_json(data: dict[str, Any]) -> None:
    """One JSON document on one line."""
    if not printing.write(1, jsontext.dumps({"v": JSON_VERSION, **data}) + "\n"):
        raise BrokenPipeError


def write(text: str) -> None:
    """Text that has lines of its own, and nothing from events in it."""
    if not printing.write(1, text):
        raise BrokenPipeError


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows under heads: a quiet table on a terminal, else plain lines with tabs between."""
    if not sys.stdout.isatty():
        for row in rows:
            say("  ".join(row))
        return
    from rich import box  # noqa: PLC0415  gate: only on a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    made = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        made.add_row(*(Text(printing.safe(cell)) for cell in row))
    Console().print(made)


def length(ms: float) -> str:
    """A length of time for people: 350 ms, 12 s, 5 min, 3 h, 2 days."""
    for unit, size in (("day", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms >= size:
            count = ms / size
            shown = f"{count:.1f}".rstrip("0").rstrip(".") if count < 10 else f"{count:.0f}"
            plural = "s" if unit == "day" and shown != "1" else ""
            return f"{shown} {unit}{plural}"
    return f"{ms:.0f} ms"
