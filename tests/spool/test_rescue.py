"""What a rescue makes of each claim of a dead runner, and that no claim keeps another from it."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ampt_cli import (
    buckets,
    catalog,
    layout,
    lock,
    publication,
    quarantine,
    reading,
    record,
    spool,
    upkeep,
    walk,
)
from ampt_cli.chores import Chores
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.marks import Marks
from ampt_cli.policy import Retries
from ampt_cli.told import Observer, Settings, Tally
from ampt_cli.unread import Unread
from ampt_cli.upkeep import Rescued

NOW = 1_800_000_000_000
RUNNER = "20270115T080000000Z-00000001"


@pytest.fixture
def disk(disk: Disk) -> Disk:
    """A fresh spool, with the folder of a runner of whom nobody lives."""
    disk.make_folder(f"running/{RUNNER}")
    for name in (layout.LOCK, layout.WORKERS):
        disk.write_new(f"running/{RUNNER}/{name}", b"")
    return disk


def claim(disk: Disk, id: str) -> Entry:
    """An event that it has claimed."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, id))
    claimed = spool.claim(disk, layout.new(layout.PENDING, made.due, made.id, made.name), RUNNER)
    assert claimed is not None
    return claimed


def begin(disk: Disk, start: int, *claims: Entry) -> None:
    """The marks: of these an attempt had begun, of others not."""
    marks = Marks(disk, f"running/{RUNNER}", 1)
    for seq, entry in enumerate(claims):
        marks.begin(0, seq, start, entry.file)


def rescue(disk: Disk) -> tuple[Rescued, list[str]]:
    """What it came to, and what was told."""
    problems: list[str] = []
    return upkeep.Rescue(disk, lambda: NOW, Retries(), problems.append).all(), problems


def failing(monkeypatch: pytest.MonkeyPatch, verb: str, id_: str) -> None:
    """The disk fails where this event is concerned."""
    real = getattr(Disk, verb)

    def fail(self: Disk, path: str, *more: Any, **named: Any) -> object:
        if f".{id_}." in path:
            raise OSError(errno.EIO, "Input/output error")
        return real(self, path, *more, **named)

    monkeypatch.setattr(Disk, verb, fail)


def test_a_claim_that_cannot_be_rescued_stays_and_keeps_no_other(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and taken back once the disk works again."""
    bad, _ = claim(disk, "bad"), claim(disk, "good")
    begin(disk, NOW)
    with monkeypatch.context() as patch:
        failing(patch, "move", "bad")
        first = rescue(disk)
    states = {entry.id: entry.state for entry in catalog.entries(disk)}

    told = f"cannot rescue {bad.path}: [Errno 5] Input/output error"
    assert first == (Rescued(given_back=1), [told])
    assert states == {"bad": "running", "good": "pending"}
    assert rescue(disk) == (Rescued(given_back=1), [])
    assert disk.list("running") == []


def test_where_its_record_cannot_be_written_a_claim_is_given_back_all_the_same(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps nothing in a dead runner's folder; that there is no record is told."""
    bad, good = claim(disk, "bad"), claim(disk, "good")
    begin(disk, NOW, bad, good)
    failing(monkeypatch, "append", "bad")
    found = rescue(disk)

    moved = layout.waiting(bad, layout.RETRY, NOW).path
    told = f"cannot write the record of {moved}; it was moved there: [Errno 5] Input/output error"
    assert found == (Rescued(interrupted=2), [told])
    assert [entry.state for entry in catalog.entries(disk)] == ["retry", "retry"]


def test_a_folder_whose_locks_cannot_be_tried_keeps_no_other_from_its_rescue(disk: Disk) -> None:
    """It is told, and left as it is."""
    claim(disk, "good")
    begin(disk, NOW)
    disk.make_folder("running/0-odd")
    disk.make_folder("running/0-odd/lock")
    found, [problem] = rescue(disk)

    assert found == Rescued(given_back=1)
    assert problem.startswith("cannot rescue running/0-odd: [Errno 21] Is a directory")
    assert disk.list("running") == ["0-odd"]


def test_what_is_rescued_counts_also_where_its_folder_cannot_be_removed(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run looks again only if there was something; the folder is told, and is for the next."""
    claim(disk, "good")
    begin(disk, NOW)
    real = Disk.move

    def fail(self: Disk, source: str, target: str) -> None:
        if target == f"tmp/{RUNNER}":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "move", fail)
        found = rescue(disk)

    told = f"cannot rescue running/{RUNNER}: [Errno 28] No space left on device"
    assert found == (Rescued(given_back=1), [told])
    assert rescue(disk) == (Rescued(), [])
    assert disk.list("running") == []


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_claim_never_replaces_another_entry_of_its_event(
    disk: Disk, has_begun: bool, tmp_path: Path
) -> None:
    """As a backup leaves both that is restored over a spool: the claim is set aside, and it is told."""
    claimed = claim(disk, "twice")
    begin(disk, NOW - 5, *([claimed] if has_begun else []))
    target = layout.waiting(claimed, layout.RETRY, NOW) if has_begun else layout.released(claimed)
    buckets.make(disk, target.folder)
    shutil.copy(tmp_path / "spool" / claimed.path, tmp_path / "spool" / target.path)
    rescued = rescue(disk)
    [held] = quarantine.held(Unread(disk))

    told = f"quarantined {claimed.file}: {upkeep.TWICE}"
    assert rescued == (Rescued(quarantined=1), [told])
    assert (held.file, held.reason) == (claimed.file, f"{claimed.path}: {upkeep.TWICE}")
    assert [*catalog.entries(disk)] == [target]
    assert disk.list("running") == []


def claim_beside_another(disk: Disk) -> Entry:
    """A claim that has not begun, whose event waits as well where it would be given back."""
    claimed, spool_dir = claim(disk, "twice"), Path(disk.path)
    begin(disk, NOW)
    shutil.copy(spool_dir / claimed.path, spool_dir / layout.released(claimed).path)
    return claimed


def test_a_claim_that_a_rescue_sets_aside_is_a_failure_of_the_run(disk: Disk) -> None:
    """As what a run sets aside of its own claims is."""
    claim_beside_another(disk)
    tally = Tally()
    Chores(disk, Settings(""), Heard(), lambda: NOW, tally).rescue(None)

    assert (tally.failed, tally.quarantined, tally.counts["interrupted"]) == (1, 1, 0)


def test_a_claim_that_a_repair_sets_aside_is_told(disk: Disk, run_ampt) -> None:
    """On stderr: it is no finding, for the next run would have done the same."""
    claimed = claim_beside_another(disk)
    repaired = run_ampt("check", "--repair")

    assert (repaired.status, repaired.out.count(" (mended)\n")) == (0, 1)
    assert repaired.err == f"ampt: quarantined {claimed.file}: {upkeep.TWICE}\n"


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link"])
def test_what_is_no_file_in_the_place_of_a_claim_is_given_back(
    disk: Disk, kind: str, tmp_path: Path
) -> None:
    """Nothing is read or appended, and nobody waits for it: the next runner sets it aside."""
    claimed = claim(disk, "odd")
    begin(disk, NOW, claimed)
    path, mine = tmp_path / "spool" / claimed.path, tmp_path / "mine"
    path.rename(mine)  # a whole event, where a link leads to it
    before = mine.read_bytes()
    {"FIFO": os.mkfifo, "folder": os.mkdir, "link": lambda at: os.symlink(mine, at)}[kind](path)

    assert rescue(disk) == (Rescued(given_back=1), [])
    assert [*catalog.entries(disk)] == [layout.released(claimed)]
    assert mine.read_bytes() == before


@pytest.mark.parametrize("marked", [True, False], ids=["begun", "no marks"])
@pytest.mark.row(81)
def test_a_claim_of_a_newer_format_is_left_to_a_newer_program(
    disk: Disk, marked: bool, tmp_path: Path
) -> None:
    """It may have begun, and what follows from that an older one does not know."""
    claimed, other = claim(disk, "newer"), claim(disk, "other")
    if marked:
        begin(disk, NOW, claimed, other)
    path = tmp_path / "spool" / claimed.path
    newer = path.read_bytes().replace(b'{"ampt":1', b'{"ampt":2')
    path.write_bytes(newer)
    problems: list[str] = []
    rescuing = upkeep.Rescue(disk, lambda: NOW, Retries(), problems.append)
    found, [problem] = rescuing.all(), problems

    assert found == Rescued(interrupted=1)
    assert rescuing.trouble.first is None
    assert path.read_bytes() == newer
    assert problem.startswith(f"left {claimed.path} where it is: its format is 2")
    assert lock.is_abandoned(disk, claimed.folder)


def test_nothing_is_appended_to_a_damaged_claim(disk: Disk, tmp_path: Path) -> None:
    """The next runner sets it aside as it was found; a newline would make its first line whole."""
    claimed = claim(disk, "torn")
    begin(disk, NOW, claimed)
    path = tmp_path / "spool" / claimed.path
    torn = path.read_bytes().rstrip(b"\n")
    path.write_bytes(torn)

    assert rescue(disk) == (Rescued(given_back=1), [])
    assert (tmp_path / "spool" / layout.released(claimed).path).read_bytes() == torn


@pytest.mark.parametrize(
    ("start", "noted", "ms"),
    [(NOW - 5_000, NOW - 5_000, 5_000), (NOW + 9, NOW + 9, 0), (None, NOW, 0)],
    ids=["begun", "the clock was set back", "no marks"],
)
def test_the_record_of_an_interrupted_attempt_says_when_it_began(
    disk: Disk, start: int | None, noted: int, ms: int
) -> None:
    """And how long it took at most; without marks it may have begun, and nobody knows when."""
    claimed = claim(disk, "begun")
    if start is not None:
        begin(disk, start, claimed)
    found = rescue(disk)
    [entry] = catalog.entries(disk)
    _, [made], _ = reading.whole(disk, entry)

    assert found == (Rescued(interrupted=1), [])
    assert entry == layout.waiting(claimed, layout.RETRY, NOW)
    assert (made["start"], made["ms"], made["outcome"]) == (noted, ms, "interrupted")
    assert (made["first"], made["attempt"], made["next"]) == (noted, 1, NOW)
    assert (made["handlers"], made["error"]) == ([], upkeep.INTERRUPTED)


class Heard(Observer):
    """What a runner was told of attempts."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, str, dict[str, object]]] = []

    def attempt(self, entry: Entry, outcome: str, detail: dict[str, object]) -> None:
        """Keep it."""
        self.attempts.append((entry.id, outcome, detail))


def test_a_runner_counts_and_tells_what_it_rescues(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts that began, in due order; what was given back was none, and what succeeded is done.

    And whether there was any: then it looks again for what is due.
    """
    files = walk.files
    by_name = lambda disk, folder: iter(sorted(files(disk, folder), reverse=True))  # noqa: E731
    monkeypatch.setattr(walk, "files", by_name)
    a, b, good, _ = (claim(disk, id) for id in ("a", "b", "good", "not-begun"))
    begin(disk, NOW - 5, a, b, good)
    disk.append(good.path, record.success(1, NOW, 5, []), sync=False)
    heard, tally = Heard(), Tally()
    runner = Chores(disk, Settings(""), heard, lambda: NOW, tally)
    first, second = runner.rescue(None), runner.rescue(None)

    assert disk.list("running") == disk.list("tmp") == []
    told = {"error": upkeep.INTERRUPTED, "verdict": "retry", "next": NOW}
    assert (first, second) == (True, False)
    assert heard.attempts == [("a", "interrupted", told), ("b", "interrupted", told)]
    assert (tally.counts["interrupted"], tally.counts["succeeded"]) == (2, 1)
    assert {entry.id: entry.state for entry in catalog.entries(disk)} == {
        "a": "retry",
        "b": "retry",
        "good": "done",
        "not-begun": "pending",
    }


def test_a_runners_folder_is_synced_before_it_goes(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut could keep this rename, and undo those that took its entries out of it."""
    folder, done = f"running/{RUNNER}", []
    for verb in ("sync", "move"):
        real = getattr(Disk, verb)

        def noted(self: Disk, path: str, *more: str, real: Any = real, verb: str = verb) -> None:
            done.append((verb, path))
            real(self, path, *more)

        monkeypatch.setattr(Disk, verb, noted)
    upkeep.dismantle(disk, folder)

    assert done == [("sync", folder), ("move", folder)]


def test_a_folder_that_another_takes_apart_is_left_to_it(disk: Disk) -> None:
    """It is gone, or its name in tmp/ is taken: no error, and nothing is lost."""
    upkeep.dismantle(disk, "running/gone")
    disk.make_folder(f"tmp/{RUNNER}")
    upkeep.dismantle(disk, f"running/{RUNNER}")

    assert disk.list("running") == [RUNNER]
