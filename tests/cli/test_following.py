"""`ampt inspect --follow`: what is told at which look, and how long it waits between two."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from errno import EIO
from typing import Any, ClassVar, Self

import pytest

from ampt_cli import catalog, layout, publication, ran, spool
from ampt_cli.commands import following, looking
from ampt_cli.errors import SpoolError
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.render import Line

NOW = 1_800_000_000_000
DAY = 86_400_000


def publish(disk: Disk, id: str, name: str = "n") -> Entry:
    """An event that waits for tomorrow."""
    return layout.published(publication.publish(disk, publication.draft(name, None, DAY, NOW, id)))


Between = Callable[..., None]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """What is done between one look and the next."""

    def given(*deeds: Callable[[], object]) -> None:
        def looks(*_: object, **__: object) -> Iterator[None]:
            yield
            for deed in deeds:
                deed()
                yield

        monkeypatch.setattr(following, "_until_interrupted", looks)

    return given


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes `done` a folder that cannot be read."""
    listed = Disk.list

    def failing(self: Disk, path: str) -> list[str]:
        if path == "done":
            raise OSError(EIO, "broken", path)
        return listed(self, path)

    return lambda: monkeypatch.setattr(Disk, "list", failing)


@pytest.mark.parametrize("as_json", [False, True])
def test_an_overview_is_told_again_when_something_is_another(
    disk: Disk,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    """Not because a run looked at the spool; with --json on a terminal, too."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: as_json)
    monkeypatch.setenv("TERM", "xterm")
    ran.touch(disk)
    os.utime("ran", (0, 0), dir_fd=disk.root)
    between(int, lambda: ran.touch(disk), lambda: publish(disk, "a"), int)
    following.whole(disk, as_json=as_json)
    lines = capfd.readouterr().out.splitlines()

    if as_json:
        assert [json.loads(line)["counts"]["pending"] for line in lines] == [0, 1]
        assert [json.loads(line)["last_run"] > 0 for line in lines] == [False, True]
    else:
        assert [line.partition("  ")[2].partition("  ")[0] for line in lines] == [
            *("pending 0", "pending 1")
        ]


def test_a_line_of_an_overview_says_that_not_all_is_counted(
    disk: Disk, between: Between, breaks: Callable[[], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Also where nothing else has changed."""
    between(int, breaks)
    following.whole(disk, as_json=False)
    told = [line.partition("overdue ")[2] for line in capfd.readouterr().out.splitlines()]

    assert told == ["0", "0  1 path cannot be read"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_followed_list_has_what_it_asks_for_at_each_of_its_places(
    disk: Disk, between: Between, capfd: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """Of the names that were asked for, and in the states; once at each place."""
    first = publish(disk, "a", "mail")
    publish(disk, "b", "sms")

    def more() -> None:
        publish(disk, "c", "sms")
        publish(disk, "d", "mail")

    between(int, lambda: spool.cancel(disk, first, NOW), more, int)
    wanted = catalog.Filter(layout.STATES, names=("m*",))
    following.some(disk, wanted, "due", 9, as_json=as_json)
    lines = capfd.readouterr().out.splitlines()
    if as_json:
        told = [(one["id"], one["state"]) for one in map(json.loads, lines)]
    else:
        told = [(cells[2], cells[1]) for cells in (line.split("\t") for line in lines)]

    assert told == [("a", "pending"), ("a", "done"), ("d", "pending")]


def test_what_comes_into_a_list_passes_all_of_its_filter(
    disk: Disk, between: Between, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also what only the file tells; and what has moved on meanwhile is told at its next place."""
    late, look = publish(disk, "late"), catalog.look

    def looked(disk: Disk, entry: Entry) -> catalog.Seen | None:
        return None if entry.path == late.path else look(disk, entry)

    def more() -> None:
        disk.move(f"{layout.TMP}/late", late.path)
        publish(disk, "soon")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publication, "draft", draft)
            publish(disk, "later")

    real = publication.draft

    def draft(name: str, body: object, after: object, now: int, id: str) -> Any:
        return real(name, body, 2 * DAY, now, id)

    disk.move(late.path, f"{layout.TMP}/late")
    between(more, int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "look", looked)
        following.some(disk, catalog.Filter(until=NOW + DAY), "due", 9, as_json=True)
    told = [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()]

    assert told == ["soon"]


def test_what_comes_while_the_list_is_made_is_told_once(
    disk: Disk,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In it, or right after."""

    def chosen(*about: Any) -> tuple[list[catalog.Seen], int]:
        publish(disk, "a")
        return real(*about)

    real = looking.chosen
    monkeypatch.setattr(following, "chosen", chosen)
    between(int, int)
    following.some(disk, catalog.Filter(), "due", 9, as_json=True)

    assert capfd.readouterr().out.count('"id":"a"') == 1


def test_an_event_is_followed_although_its_beginning_is_ambiguous_by_now(
    disk: Disk, between: Between, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is known which was meant."""
    entry = publish(disk, "order-1")
    between(lambda: publish(disk, "order-2"), lambda: spool.cancel(disk, entry, NOW))
    following.event(disk, "order", as_json=True)
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert [(one["id"], one["state"]) for one in told] == [
        *(("order-1", "pending"), ("order-1", "done"))
    ]


class Window:
    """A terminal that keeps what is drawn."""

    shown, width, height = True, 80, 6
    drawn: ClassVar[list[list[Line]]] = []

    def __init__(self, **_: object) -> None:
        self.drawn.clear()

    def __enter__(self) -> Self:
        return self

    def update(self, lines: list[Line]) -> None:
        """Draw."""
        self.drawn.append([*lines])

    def __exit__(self, *_: object) -> None:
        """Nothing to be done."""


@pytest.mark.parametrize(
    ("height", "limit", "rows", "head"),
    [(6, 9, 3, "3 of 5"), (2, 9, 1, "1 of 5"), (9, 2, 2, "2 of 5")],
)
def test_a_list_that_is_drawn_fits_its_window(
    disk: Disk,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
    height: int,
    limit: int,
    rows: int,
    head: str,
) -> None:
    """The first of them, below a line that says how many there are; each look anew."""
    monkeypatch.setattr(following, "Live", Window)
    monkeypatch.setattr(Window, "height", height)
    for id_ in "abcd":
        publish(disk, id_)
    between(lambda: publish(disk, "e"))
    following.some(disk, catalog.Filter(), "due", limit, as_json=False)
    first, second = (["".join(text for text, _ in one) for one in drawn] for drawn in Window.drawn)

    assert len(first) == len(second) == 3 + rows
    assert second[0].endswith(f"   {head}")
    assert [line.split()[-2] for line in second[3:]] == [*"abcde"[:rows]]


@pytest.mark.parametrize(
    ("drawn", "number", "said"),
    [(False, signal.SIGINT, "noted\n"), (True, signal.SIGTERM, "noted\n")]
    + [(False, signal.SIGTERM, "")],
)
def test_a_second_signal_ends_it_at_once(drawn: bool, number: signal.Signals, said: str) -> None:
    """Where a look hangs, the first is only noted; SIGTERM, where nothing has to be tidied, is not."""
    program = (
        "import signal\n"
        "from ampt_cli.commands.following import _until_interrupted\n"
        f"looks = _until_interrupted(60, drawn={drawn})\n"
        "next(looks)\n"
        f"signal.raise_signal({number})\n"
        "print('noted', flush=True)\n"
        f"signal.raise_signal({number})\n"
        "print('ignored')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (-number, said)


def test_a_look_that_takes_long_is_followed_by_a_long_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a large spool is not read all the time; others come at their usual distance."""
    clock = [0.0]
    pauses: list[float] = []
    monkeypatch.setattr(following, "monotonic", lambda: clock[0])
    monkeypatch.setattr(following, "select", lambda *about: pauses.append(about[3]))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGWINCH)}
    looks = following._until_interrupted(1.0)
    try:
        for took in (0.0, 0.04, 3.0):
            next(looks)
            clock[0] += took
        next(looks)
        del looks  # the descriptor that wakes it is closed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert pauses == [1.0, 1.0, 60.0]


@pytest.mark.parametrize("look", [1, 2])
@pytest.mark.parametrize("drawn", [False, True])
def test_a_list_is_not_followed_past_what_cannot_be_read(
    disk: Disk,
    between: Between,
    breaks: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    drawn: bool,
    look: int,
) -> None:
    """At no look; what comes into a folder that nobody can read would never be told."""
    publish(disk, "a")
    if drawn:
        monkeypatch.setattr(following, "Live", Window)
    if look == 1:
        breaks()
    between(breaks)

    with pytest.raises(SpoolError, match=f"cannot read {disk.path}/done: broken"):
        following.some(disk, catalog.Filter(), "due", 9, as_json=not drawn)
    shown = len(Window.drawn) if drawn else capfd.readouterr().out.count("\n")
    assert shown == look - 1
