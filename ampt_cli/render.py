"""Results as text, lines with styles, or JSON (the only importer of rich)."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from shutil import get_terminal_size
from time import monotonic
from typing import Any, Self, cast

from ampt_cli import jsontext, printing
from ampt_cli.event import is_made

LONGEST = 10**15  # ms; a damaged record may say anything, also what no float can hold
JSON_VERSION = 1
SHORT = 10  # characters of an id that was made by ampt, enough for people


def write(text: str) -> None:
    """Text that has lines of its own, and nothing from events in it, on stdout.

    Raises BrokenPipeError where nobody reads there any more, and as `printing.tell`.
    """
    if not printing.tell(text):
        raise BrokenPipeError


def say(line: str, keep: str = "") -> None:
    """One line on stdout; control characters in data (but `keep`) are shown, never sent."""
    write(printing.safe(line, keep) + "\n")


def show_json(data: dict[str, Any]) -> None:
    """One JSON document on one line; what `say` would not send stands in it as an escape."""
    say(jsontext.dumps({"v": JSON_VERSION, **data}))


def tabs(rows: Iterable[Sequence[str]]) -> None:
    """A plain line for each row, with tabs between its cells: for programs."""
    for row in rows:
        say("\t".join(printing.safe(cell) for cell in row).rstrip(), keep="\t")


def heard(show: Callable[[], object]) -> bool:
    """Whether somebody still reads what `show` writes. A deed goes on where nobody does."""
    try:
        show()
    except BrokenPipeError:
        return False
    return True


Line = list[tuple[str, str]]  # pieces of text, each with a style of STYLES, or ""
STYLES = {"head": "bold", "dim": "dim", "good": "green", "warn": "yellow", "bad": "bold red"}


def line(*pieces: tuple[str, str]) -> Line:
    """A line of pieces."""
    return list(pieces)


def room() -> int | None:
    """How many columns the terminal on stdout has; None without one."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def cells(text: str) -> int:
    """How many columns a text takes: a wide character takes two, a control character six."""
    text = printing.safe(text)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415  gate: only for wide characters

    return cell_len(text)


def cut(text: str, wide: int) -> str:
    """`text`, with an ellipsis at its end where it takes more columns than `wide`."""
    if cells(text) <= wide:
        return text
    from rich.cells import set_cell_size  # noqa: PLC0415  gate: only where there is no room

    return set_cell_size(printing.safe(text), max(wide - 1, 0)).rstrip() + "…"


def show(lines: Iterable[Line]) -> None:
    """Lines on stdout: with styles on a terminal, which wraps what is too long; else plain."""
    if not sys.stdout.isatty():
        for one in lines:
            say("".join(text for text, _ in one).rstrip())
        return
    console = _console(write)
    console.size = get_terminal_size()
    for one in lines:
        console.print(_styled([one]), soft_wrap=True)


def _console(write: Callable[[str], object]) -> Any:
    from rich.console import Console  # noqa: PLC0415  gate: only on a terminal

    return Console(file=cast("Any", _Terminal(write)), highlight=False)


class _Terminal:
    """A terminal for rich, which writes as `printing` does: UTF-8, and all of it.

    Whatever the locale; and though another program has left the terminal non-blocking.
    """

    encoding = "utf-8"

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        """That was asked before."""
        return True


def _styled(lines: Iterable[Line]) -> Any:
    from rich.text import Text  # noqa: PLC0415  gate: only on a terminal

    made = Text()
    for number, one in enumerate(lines):
        if number:
            made.append("\n")
        for text, style in one:
            made.append(printing.safe(text), STYLES.get(style))
    return made


class Live:
    """Lines that are redrawn in place; `shown` says whether there is a terminal to do it on."""

    def __init__(self, *, wanted: bool) -> None:
        self.shown = wanted and bool(os.environ.get("TERM")) and sys.stdout.isatty()
        if self.shown:
            self.console = _console(write)
            self.shown = bool(self.console.is_interactive)  # not where TERM is dumb, say

    def __enter__(self) -> Self:
        if self.shown:
            from rich.live import Live as Screen  # noqa: PLC0415  gate: only on a terminal

            self.screen = Screen(console=self.console, screen=True, auto_refresh=False)
            self.screen.__enter__()
        return self

    @property
    def width(self) -> int:
        """Columns of the window, now."""
        return get_terminal_size().columns

    @property
    def height(self) -> int:
        """Lines of the window, now."""
        return get_terminal_size().lines

    def update(self, lines: Iterable[Line]) -> None:
        """Draw them in place of those before; what is wider than the terminal is cut."""
        text = _styled(lines)
        text.no_wrap, text.overflow = True, "ellipsis"
        self.console.size = get_terminal_size()  # rich takes a COLUMNS of 0 as it is
        self.screen.update(text, refresh=True)

    def __exit__(self, *about: object) -> None:
        if self.shown:
            self.screen.__exit__(None, None, None)


class Progress:
    """How far long work is: on a terminal, once it has taken half a second."""

    PATIENCE = 0.5  # s
    EVERY = 0.1  # s

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what = what
        self.total = total
        self.next = monotonic() + self.PATIENCE
        self.bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int) -> None:
        """So many are done."""
        now = monotonic()
        if now < self.next:
            return
        self.next = now + self.EVERY
        if self.bar is None:
            if not sys.stderr.isatty():
                return
            self.bar = _bar(self.total)
            self.bar.start()
            self.number = self.bar.add_task(self.what, total=self.total)
        self.bar.update(self.number, completed=done, refresh=True)

    def __exit__(self, *about: object) -> None:
        if self.bar is not None:
            self.bar.stop()


def _bar(total: int | None) -> Any:
    from rich import progress  # noqa: PLC0415  gate: only on a terminal

    columns: list[progress.ProgressColumn] = [
        progress.TextColumn("{task.description}"),
        progress.TextColumn("{task.completed:,.0f}"),
    ]
    if total is not None:
        columns += [progress.TextColumn("of {task.total:,.0f}"), progress.BarColumn()]
        columns += [progress.TimeRemainingColumn()]
    console = _console(lambda text: printing.write(2, text))
    return progress.Progress(*columns, console=console, transient=True, auto_refresh=False)


def plural(count: int, what: str) -> str:
    """A number with its noun: 1 event, 1,200 events."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def length(ms: float) -> str:
    """A length of time for people: 350 ms, 12 s, 5 min, 3 h, 2 days."""
    ms = min(ms, LONGEST)
    for unit, size in (("day", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if ms >= size:
            count = ms / size
            shown = f"{count:.1f}".rstrip("0").rstrip(".") if count < 10 else f"{count:.0f}"
            plural = "s" if unit == "day" and shown != "1" else ""
            return f"{shown} {unit}{plural}"
    return f"{max(ms, 0):.0f} ms"  # not below: a clock that was set back


def ago(instant: int, now: int) -> str:
    """How far an instant is from `now` (ms): in 5 min, 3 h ago."""
    return f"in {length(instant - now)}" if instant > now else f"{length(now - instant)} ago"


def short(id: str) -> str:
    """The beginning of an id that was made by ampt, enough to name it by; others as they are."""
    return id[:SHORT] if is_made(id) else id
