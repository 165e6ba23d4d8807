"""What is gathered for the overview: failing events in groups, and who runs."""

import os
from collections.abc import Iterator
from errno import EIO
from pathlib import Path
from typing import Any

import pytest

from ampt_cli import catalog, instants, layout, lock, overview, walk
from ampt_cli.catalog import Seen
from ampt_cli.census import Counting, census
from ampt_cli.fsio import Disk
from ampt_cli.marks import Marks
from ampt_cli.unread import Unread

NOW = 1_795_858_212_000  # 2026-11-28T09:30:12Z
R = "20261128T093000000Z-00000001"


def seen(id: str, name: str, error: str = "", damage: str = "", late: int = 0) -> Seen:
    """A dead event, due `late` ms before now."""
    made = {"attempt": 1, "outcome": "failed", "error": error}
    entry = layout.finished(layout.new("pending", NOW - late, id, name, 1), "dead", NOW)
    return Seen(entry, None, [made] if error else [], damage or None)


FOUND = [
    seen("a", "mail", "E: 1", late=2),
    seen("b", "mail", "E: 1", "a record is torn", late=1),
    seen("c", "mail", "E: 1", late=3),
    seen("d", "sms", damage="empty"),
    seen("e", "mail", "E: 2"),
]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("error", [(3, "mail", "E: 1", "b"), (1, "mail", "E: 2", "e"), (1, "sms", "empty", "d")]),
        ("name", [(4, "mail", "", "e"), (1, "sms", "", "d")]),
    ],
)
def test_what_failed_alike_is_a_group(by: str, expected: list[tuple[Any, ...]]) -> None:
    """The largest first; its example is due last; damage counts where no error is known."""
    groups = overview.grouped(reversed(FOUND), by)

    assert [(one["events"], one["name"], one["error"], one["id"]) for one in groups] == expected
    assert groups == overview.grouped(FOUND, by)


def put(disk: Disk, entry: layout.Entry) -> None:
    """A file of this entry, without anything in it."""
    path = Path(disk.path, entry.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_of_many_failing_events_some_are_opened_the_dead_first(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is said that there are more. What has moved meanwhile is in no group."""
    for id_, state in (("a", "retry"), ("b", "retry"), ("c", "dead"), ("d", "dead"), ("e", "dead")):
        entry = layout.new("retry", NOW, id_, state, 1)
        put(disk, entry if state == "retry" else layout.finished(entry, state, NOW))
    look = catalog.look
    moved = [None]
    monkeypatch.setattr(catalog, "look", lambda *about: moved.pop() if moved else look(*about))

    def told(sample: int) -> tuple[dict[str, int], bool]:
        monkeypatch.setattr(overview, "SAMPLE", sample)
        found = overview.overview(Unread(disk), census(Unread(disk), NOW))
        return {one["name"]: one["events"] for one in found["errors"]}, found["errors_sampled"]

    assert told(5) == ({"dead": 2, "retry": 2}, False)
    assert told(4) == ({"dead": 3, "retry": 1}, True)


def test_a_runner_is_seen_with_what_it_began(disk: Disk) -> None:
    """What it settled meanwhile it no longer handles; its own files are no claims."""
    claims = [layout.claimed(layout.new("pending", NOW, id_, "n", 0), R) for id_ in "abc"]
    for claim in claims[:2]:
        put(disk, claim)
    marks = Marks(disk, f"running/{R}", 2)
    marks.begin(0, 0, NOW + 1, claims[0].file)
    marks.begin(1, 0, NOW + 2, claims[2].file)
    [runner] = overview.runners(Unread(disk))

    assert runner["now"] == [{"id": "a", "name": "n", "attempt": 1, "start": NOW + 1}]
    assert (runner["runner"], runner["claims"], runner["alive"]) == (R, 2, False)
    assert runner["since"] == instants.unstamp(R.partition("-")[0]) == NOW - 12_000


def test_a_runner_that_ends_just_then_did_not_die(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder was found, and is gone when its lock is tried."""
    Path(disk.path, f"running/{R}").mkdir()
    is_alive = lock.is_alive

    def ending(disk: Disk, folder: str) -> bool:
        Path(disk.path, folder).rmdir()
        return is_alive(disk, folder)

    assert [runner["alive"] for runner in overview.runners(Unread(disk))] == [False]
    monkeypatch.setattr(lock, "is_alive", ending)
    assert list(overview.runners(Unread(disk))) == []


def test_a_folder_that_breaks_while_it_is_read_is_counted_as_far_and_again_the_next_time(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing in it has changed; and the folders after it are counted."""
    for folder in ("2026-11-26", "2026-11-27"):
        put(disk, layout.Entry(f"done/{folder}", instants.stamp(NOW), "a", 1, "n"))
        os.utime(Path(disk.path, "done", folder), ns=(0, 0))
    chunks, broken = walk.chunks, ["done/2026-11-26"]

    def breaking(disk: Disk, folder: str, *, hidden: bool = False) -> Iterator[list[str]]:
        yield from chunks(disk, folder, hidden=hidden)
        if folder in broken:
            raise OSError(EIO, "broken")

    monkeypatch.setattr(walk, "chunks", breaking)
    counting, first, again = Counting(), Unread(disk), Unread(disk)
    counted = [counting.census(first, NOW).counts["done"]]
    broken.clear()
    put(disk, layout.Entry("done/2026-11-26", instants.stamp(NOW), "b", 1, "n"))
    os.utime(Path(disk.path, "done", "2026-11-26"), ns=(0, 0))
    counted.append(counting.census(again, NOW).counts["done"])

    assert counted == [2, 3]
    assert (list(first.why), list(again.why)) == (["done/2026-11-26"], [])


def test_a_runner_whose_folder_cannot_be_read_hides_no_other(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and not taken for one that died."""
    files, other = walk.files, R.replace("00000001", "00000002")
    for name in (R, other):
        Path(disk.path, "running", name).mkdir()
    Path(disk.path, "running", "odd").touch()

    def failing(disk: Disk, folder: str) -> Iterator[str]:
        if folder.endswith(R):
            raise OSError(EIO, "broken", folder)
        return files(disk, folder)

    monkeypatch.setattr(walk, "files", failing)
    unread = Unread(disk)

    assert [runner["runner"] for runner in overview.runners(unread)] == [other]
    assert list(unread.why) == [f"running/{R}"]


def test_a_folder_that_goes_away_before_it_is_counted_is_no_error(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what came in the place of its date; beside runners that is as it should be."""
    Path(disk.path, "pending", "odd").touch()
    monkeypatch.setattr(walk, "folders", lambda *_: iter(["pending/odd/09", "done/2026-11-28"]))
    unread = Unread(disk)

    assert not any(Counting().census(unread, NOW).counts.values())
    assert unread.why == {}
