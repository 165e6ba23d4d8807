"""How far long work is, on a terminal."""

import re
import sys
from pathlib import Path

import pytest

from ampt_cli import catalog, printing, render
from ampt_cli.commands.choosing import Deeds
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.render import Progress
from ampt_cli.unread import Unread

ENTRIES = [Entry("dead/2026-11-25", "20261125T085624829Z", f"id-{n}", 1, "n") for n in range(9)]


class Bar:
    """A bar that notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.stopped = False

    def start(self) -> None: ...

    def add_task(self, what: str, total: int | None) -> int:
        return 0

    def update(self, number: int, *, completed: int, refresh: bool) -> None:
        self.seen.append(completed)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def bar(monkeypatch: pytest.MonkeyPatch) -> Bar:
    """What a bar would show if work took long, on a terminal."""
    made = Bar()
    monkeypatch.setattr(render, "_bar", lambda _total: made)
    monkeypatch.setattr(Progress, "PATIENCE", 0)
    monkeypatch.setattr(Progress, "EVERY", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    return made


def test_deeds_show_how_far_they_are(disk: Disk, bar: Bar) -> None:
    """And the bar is gone before the summary."""
    Deeds(disk, "cancelled", dry_run=False, as_json=False).each(ENTRIES, lambda e: e, lambda e: e)

    assert bar.seen == list(range(9))
    assert bar.stopped


@pytest.mark.parametrize(("dry_run", "as_json"), [(True, False), (False, True)])
def test_no_bar_is_drawn_between_lines(disk: Disk, bar: Bar, dry_run: bool, as_json: bool) -> None:
    """Where each event has a line, the lines are the progress."""
    Deeds(disk, "cancelled", dry_run, as_json).each(ENTRIES, lambda e: e, lambda e: e)

    assert bar.seen == []


def test_a_search_tells_of_what_does_not_pass_too(disk: Disk, tmp_path: Path) -> None:
    """A filter that nothing passes may take longest."""
    for entry in ENTRIES:
        (tmp_path / "spool" / entry.folder).mkdir(exist_ok=True)
        (tmp_path / "spool" / entry.path).write_bytes(b"")
    told: list[int] = []
    wanted = catalog.Filter(names=("other",))

    assert list(catalog.search(Unread(disk), wanted, told=told.append)) == []
    assert told == list(range(9))


def test_nothing_is_drawn_without_a_terminal(bar: Bar, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a log a bar is noise."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with Progress("looking", 3) as told:
        told(1)

    assert bar.seen == []


def test_a_bar_comes_when_work_takes_long_and_is_drawn_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is quick needs none, and a terminal is slow."""
    clock, bar = [0.0], Bar()
    monkeypatch.setattr(render, "monotonic", lambda: clock[0])
    monkeypatch.setattr(render, "_bar", lambda _total: bar)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("looking") as told:
        for number, now in enumerate((0.0, 0.4, 0.5, 0.55, 0.65, 0.7)):
            clock[0] = now
            told(number)

    assert bar.seen == [2, 4]


@pytest.mark.parametrize(("total", "said"), [(3000, "of 3,000"), (None, "")])
def test_a_bar_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, total: int | None, said: str
) -> None:
    """How much there is to do is said where it is known."""
    pieces: list[str] = []
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(printing, "write", lambda _fd, text: pieces.append(text))
    monkeypatch.setattr(Progress, "PATIENCE", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("looking", total) as told:
        told(1200)
        drawn = "".join(pieces)
        pieces.clear()

    assert "looking 1,200" in re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", drawn)
    assert (said in drawn, " of " in drawn) == (True, total is not None)
    assert "\x1b[2K" in "".join(pieces).rpartition("looking")[2], "the line is cleared"
