"""What runners do besides handling events: nothing that cannot be done keeps anything else."""

import errno
import os
from contextlib import suppress
from typing import Any, Self

import pytest

from ampt_cli import (
    buckets,
    catalog,
    chores,
    counters,
    intake,
    layout,
    publication,
    ran,
    scan,
    spool,
    upkeep,
    walk,
)
from ampt_cli.errors import Trouble
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry
from ampt_cli.retention import Retention
from ampt_cli.told import Observer, Settings, Tally
from ampt_cli.unread import Unread

NOW = 1_800_000_000_000  # 2027-01-15
OLD = "done/2020-01-01"


class Heard(Observer):
    """What a runner said was wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        """Keep it."""
        self.problems.append(text)


def open_intake(disk: Disk) -> intake.Intake:
    """What a runner claims with."""
    made = intake.Intake(disk, lambda: NOW + 1, ())
    made.runner = "r"
    disk.make_folder("running/r")
    return made


def open_chores(disk: Disk, observer: Observer) -> chores.Chores:
    """Those of a runner that stays."""
    return chores.Chores(disk, Settings(""), observer, lambda: NOW, Tally())


def prune(disk: Disk, most: int | None = None) -> int:
    """How much went. Raises the first error, as `ampt prune` does."""
    trouble = Trouble()
    count = upkeep.prune(disk, NOW, Retention(), trouble, most)
    trouble.tell()
    return count


def finished(disk: Disk, id: str) -> str:
    """Where an event is that was done long ago."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, id))
    entry = layout.published(made)
    buckets.make(disk, OLD)
    disk.move(entry.path, f"{OLD}/{entry.file}")
    return f"{OLD}/{entry.file}"


@pytest.mark.parametrize("stray", [".nfs0001", "0000-00-00", "0001-notes"])
def test_a_stray_name_stops_no_pruning(disk: Disk, stray: str) -> None:
    """Whatever sorts before the dates."""
    finished(disk, "old")
    disk.make_folder(f"done/{stray}")

    assert prune(disk) == 1
    assert disk.list("done") == [stray]


def test_what_is_in_no_folder_of_a_date_is_not_pruned(disk: Disk) -> None:
    """However much its name is like one: nobody looks into it."""
    finished(disk, "kept")
    disk.move(OLD, OLD.replace("-", ""))

    assert prune(disk) == 0
    assert len([*catalog.entries(disk)]) == 1


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are met in their order, and not as the file system happens to give them."""
    files = walk.files
    monkeypatch.setattr(walk, "files", lambda disk, folder: iter(sorted(files(disk, folder))))


@pytest.mark.usefixtures("in_order")
def test_what_cannot_be_deleted_keeps_nothing_else(disk: Disk) -> None:
    """A folder with the name of an entry: it is told, at the end."""
    path = finished(disk, "old")
    disk.make_folder(path.replace(".old.", ".a-folder."))

    with pytest.raises(OSError, match="directory"):
        prune(disk)
    assert not disk.exists(path)


def test_what_is_no_folder_of_a_day_keeps_no_later_day(disk: Disk) -> None:
    """A file with its name, or one that cannot be read: days after it are pruned all the same."""
    finished(disk, "old")
    disk.write_new("done/2019-12-31", b"")

    with pytest.raises(OSError, match="Not a directory"):
        prune(disk)
    assert disk.list("done") == ["2019-12-31"]


def test_done_that_cannot_be_read_keeps_dead_from_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its days are pruned, and the other folder is told, at the end."""
    disk.make_folder("dead/2020-01-01")
    failing(monkeypatch, Disk, "list", layout.DONE)

    with pytest.raises(OSError, match="Input/output"):
        prune(disk)
    assert disk.list("dead") == []


def test_what_is_no_folder_of_an_hour_keeps_no_later_hour(disk: Disk) -> None:
    """Nor one that cannot be read: what has emptied after it is removed."""
    for folder in ("pending/2020-01-01", "pending/2020-01-01/01", "retry/2020-01-01"):
        disk.make_folder(folder)
    disk.write_new("pending/2020-01-01/00", b"")

    with pytest.raises(OSError, match="Not a directory"):
        scan.Scan(disk, NOW).remove_empty()
    assert (disk.list("pending/2020-01-01"), disk.list("retry")) == (["00"], [])


def test_what_cannot_be_swept_keeps_nothing_else(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, at the end."""
    odd, other = "tmp/20260101T000000000Z.a", "tmp/20260101T000000000Z.b"
    for path in (odd, other):
        disk.write_new(path, b"half")
    failing(monkeypatch, Disk, "remove", odd)

    with pytest.raises(OSError, match="Input/output"):
        upkeep.sweep(disk, NOW)
    assert (disk.exists(odd), disk.exists(other)) == (True, False)


def test_a_day_that_cannot_be_marked_keeps_no_other(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, at the end."""
    for day in ("done/2026-12-31", "done/2027-01-01", "dead/2027-01-01"):
        disk.make_folder(day)
        disk.write_new(f"{day}/x", b"")
    failing(monkeypatch, buckets, "make_durable", "done/2026-12-31")

    with pytest.raises(OSError, match="Input/output"):
        upkeep.mark(disk)
    assert buckets.is_marked(disk, "done/2027-01-01")
    assert buckets.is_marked(disk, "dead/2027-01-01")


def failing(monkeypatch: pytest.MonkeyPatch, of: object, verb: str, path: str) -> None:
    """The disk fails where this path is concerned."""
    real = getattr(of, verb)

    def fail(disk: Disk, at: str) -> object:
        if at == path:
            raise OSError(5, "Input/output error")
        return real(disk, at)

    monkeypatch.setattr(of, verb, fail)


def test_one_chore_that_fails_keeps_no_other(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of them it is."""
    finished(disk, "old")
    disk.write_new("tmp/20260101T000000000Z.x", b"half")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scan.Scan, "remove_empty", fail)
    monkeypatch.setattr(upkeep, "mark", fail)
    heard = Heard()
    open_chores(disk, heard).tidy(open_intake(disk))

    assert disk.list("tmp") == disk.list("done") == []
    assert heard.problems == ["cannot tidy the spool: [Errno 5] Input/output error"]


def much_to_prune(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, at_once: int, observer: Observer
) -> tuple[chores.Chores, intake.Intake]:
    """Five old events, for a runner that stays and looks after its chores each time."""
    monkeypatch.setattr(chores, "PRUNE_AT_ONCE", at_once)
    monkeypatch.setattr(chores, "POLL", 0.0)
    for number in range(5):
        finished(disk, f"old-{number}")
    return open_chores(disk, observer), open_intake(disk)


def test_a_runner_that_stays_prunes_on_while_there_is_more(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A little at each look at its chores, and not a little a minute."""
    kept, looking = much_to_prune(disk, monkeypatch, 2, Observer())
    left = []
    for _ in range(4):
        kept.keep_up("running/r", looking)
        left.append(len([*catalog.entries(disk)]))

    assert left == [3, 1, 0, 0]


def test_a_runner_that_stays_prunes_on_beside_what_cannot_be_deleted(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would delete less than comes, for as long as that is there."""
    heard = Heard()
    disk.write_new("done/2019-12-31", b"")
    kept, looking = much_to_prune(disk, monkeypatch, 2, heard)
    for _ in range(3):
        kept.keep_up("running/r", looking)

    assert disk.list("done") == ["2019-12-31"]
    assert heard.problems == [
        "cannot tidy the spool: [Errno 20] Not a directory: 'done/2019-12-31'"
    ]


def test_a_runner_that_prunes_on_says_nothing_twice_a_minute(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it try again at once what it could not read."""
    heard = Heard()
    kept, looking = much_to_prune(disk, monkeypatch, 1, heard)
    kept.keep_up("running/r", looking)
    for _ in range(3):
        looking.unread["pending/x"] = OSError(errno.EIO, os.strerror(errno.EIO))
        kept.keep_up("running/r", looking)

    assert len([*catalog.entries(disk)]) == 1
    assert heard.problems == [f"cannot read pending/x: {os.strerror(errno.EIO)}"]
    assert looking.unread


def test_a_runner_says_once_a_minute_what_it_meets_each_second(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first look on, before the loop: a dead runner's folder that cannot be rescued."""
    disk.make_folder("running/0-odd")
    disk.make_folder("running/0-odd/lock")
    heard = Heard()
    kept, looking = open_chores(disk, heard), open_intake(disk)
    seconds = iter(range(1, 200))
    monkeypatch.setattr(chores, "monotonic", lambda: float(next(seconds)))
    kept.rescue(None)
    for _ in range(3 * 60):
        kept.keep_up("running/r", looking)

    assert len(heard.problems) == 3
    assert set(heard.problems) == {
        "cannot rescue running/0-odd: [Errno 21] Is a directory: 'running/0-odd/lock'"
    }


def test_a_runner_looks_after_its_chores_once_a_second(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are cheap; and it prunes no more once there was less than it may."""
    monkeypatch.setattr(chores, "PRUNE_AT_ONCE", 2)
    for number in range(5):
        finished(disk, f"old-{number}")
    kept, looking = open_chores(disk, Observer()), open_intake(disk)
    done: list[str] = []
    for module, name in ((upkeep, "Rescue"), (upkeep, "prune"), (upkeep, "sweep")):
        noted(monkeypatch, module, name, done)
    for now in (10.0, 10.9, 11.0, 12.0, 13.0, 13.5, 70.0):
        monkeypatch.setattr(chores, "monotonic", lambda now=now: now)
        kept.keep_up("running/r", looking)
        done.append("|")

    assert " ".join(done) == (
        "Rescue sweep prune | | Rescue prune | Rescue prune | Rescue | | Rescue sweep prune |"
    )


def noted(monkeypatch: pytest.MonkeyPatch, module: object, name: str, done: list[str]) -> None:
    """Have it note that it was called."""
    real = getattr(module, name)

    def called(*given: Any, **named: Any) -> Any:
        done.append(name)
        return real(*given, **named)

    monkeypatch.setattr(module, name, called)


def test_what_a_run_leaves_tidied(disk: Disk) -> None:
    """An hour that has emptied is gone, a day has its marker, and that it looked is noted."""
    disk.make_folder("pending/2020-01-01")
    disk.make_folder("pending/2020-01-01/00")
    disk.make_folder("done/2027-01-14")
    disk.write_new("done/2027-01-14/x", b"")
    open_chores(disk, Observer()).tidy(open_intake(disk))

    assert disk.list("pending") == []
    assert buckets.is_marked(disk, "done/2027-01-14")
    assert ran.last_run(disk) is not None


def test_what_came_since_the_last_time_is_added_up(disk: Disk) -> None:
    """Once; where nothing did, nothing is written. What could not be added is the next time."""
    tally = Tally()
    kept = chores.Chores(disk, Settings(""), Observer(), lambda: NOW, tally)
    kept.add_up()
    before = disk.exists(layout.COUNTERS)
    tally.count("succeeded", 3.0)
    disk.make_folder(layout.COUNTERS)  # a rename cannot replace it
    kept.add_up()
    disk.remove_folder(layout.COUNTERS)
    tally.count("failed", 4.0)
    kept.add_up()
    kept.tidy(open_intake(disk))
    tally.count("failed", 4.0)
    kept.tidy(open_intake(disk))

    assert not before
    added = counters.read(disk)
    assert (added.attempts["succeeded"], added.attempts["failed"], added.ms) == (1, 2, 11.0)


def test_what_a_prune_looks_at_is_bounded_and_whom_it_waits_for_too(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a runner, that is; `ampt prune` looks at all, and waits for a publisher with the lock."""
    for number in range(2 * upkeep.LOOKS):
        finished(disk, f"old-{number}")
    waited: list[bool] = []

    def locked(*_: object, wait: bool) -> bool:
        waited.append(wait)
        return False

    monkeypatch.setattr(spool, "discard", locked)
    prune(disk, 1)
    prune(disk)

    assert waited == [False] * upkeep.LOOKS + [True] * 2 * upkeep.LOOKS


def test_a_folder_of_tmp_that_another_sweeps_too_is_no_error(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where the system says of a folder that it may not be unlinked, as macOS does."""
    disk.make_folder("tmp/x")
    real = Disk.remove_folder

    def remove(self: Disk, path: str) -> bool:
        raise PermissionError(1, "Operation not permitted", path)

    def faster(self: Disk, path: str) -> None:
        real(self, path)
        real(self, path)

    monkeypatch.setattr(Disk, "remove", remove)
    monkeypatch.setattr(Disk, "remove_folder", faster)
    upkeep.remove(disk, "tmp/x")

    assert disk.list("tmp") == []


@pytest.mark.usefixtures("in_order")
def test_what_cannot_be_deleted_is_not_looked_at_alone(disk: Disk) -> None:
    """A run deletes as many as it may of the others."""
    path = finished(disk, "old")
    for number in range(upkeep.LOOKS - 1):
        disk.make_folder(path.replace(".old.", f".a-folder-{number}."))

    with suppress(IsADirectoryError, PermissionError):
        prune(disk, 1)
    assert not disk.exists(path)


def test_an_event_that_is_in_quarantine_twice_is_listed_twice(disk: Disk) -> None:
    """Both are files that somebody must see to."""
    for number in range(2):
        publication.publish(disk, publication.draft("n", None, None, NOW, "x"))
        [entry] = catalog.entries(disk)
        spool.quarantine(disk, entry.path, "damaged", NOW + number)
    wanted = catalog.Filter((layout.QUARANTINE,))

    assert [seen.entry.id for seen in catalog.search(Unread(disk), wanted)] == ["x", "x"]


def test_a_runner_that_stays_rescues_what_others_leave_later(disk: Disk) -> None:
    """It looks for runners that died since it began."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, "x"))
    kept, looking = open_chores(disk, Observer()), open_intake(disk)
    kept.keep_up("running/r", looking)
    disk.make_folder("running/dead")
    for name in (layout.LOCK, layout.WORKERS):
        disk.write_new(f"running/dead/{name}", b"")
    claimed = spool.claim(disk, layout.published(made), "dead")
    assert claimed is not None
    kept.next_rescue = 0.0
    kept.keep_up("running/r", looking)

    assert disk.list("running") == ["r"]
    assert [entry.state for entry in catalog.entries(disk)] == [layout.RETRY]


def test_what_could_not_be_read_is_tried_again_by_a_runner_that_stays(disk: Disk) -> None:
    """The fault may be over: an owner, a mode, a disk."""
    made = publication.publish(disk, publication.draft("n", None, None, NOW, "x"))
    looking = open_intake(disk)
    looking.skip(layout.published(made))
    before = looking.claim()
    open_chores(disk, Observer()).keep_up("running/r", looking)
    looking.rescan()
    after = looking.claim()

    assert before is None
    assert after is not None


def test_a_bucket_that_was_read_in_part_is_read_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scan remembers of a bucket is of all its names; and what it missed is told."""
    publication.publish(disk, publication.draft("n", None, None, NOW))
    [bucket] = [folder for folder in disk.list("pending/2027-01-15") if folder[0] != "."]
    os.utime(f"pending/2027-01-15/{bucket}", (1, 1), dir_fd=disk.root)
    looking = open_intake(disk)

    class Failing:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing is open."""

        def __iter__(self) -> Self:
            return self

        def __next__(self) -> Any:
            raise OSError(5, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(os, "scandir", lambda _: Failing())
        while_it_fails = looking.claim()
    heard = Heard()
    chores_of_it = open_chores(disk, heard)
    chores_of_it.next_upkeep = float("inf")
    chores_of_it.keep_up("running/r", looking)
    looking.rescan()
    afterwards = looking.claim()

    assert while_it_fails is None
    assert afterwards is not None
    assert heard.problems == [f"cannot read pending/2027-01-15/{bucket}: Input/output error"]


def test_an_event_that_moves_while_it_is_listed_is_shown_once(disk: Disk) -> None:
    """Neither missed, where it goes back to what was read, nor shown in both places."""
    entries: list[Entry] = []
    for id_ in ("back", "forth"):
        made = publication.publish(disk, publication.draft("n", None, None, NOW, id_))
        entries.append(layout.published(made))
    disk.make_folder("running/r")
    back, forth = entries
    claimed = spool.claim(disk, back, "r")
    assert claimed is not None
    moved = False

    def move(_: int) -> None:
        nonlocal moved
        if not moved:  # when the first of what is pending has been read
            moved = True
            assert spool.settle(
                disk, claimed, layout.waiting(claimed, "retry", NOW), b"{}\n", sync=False
            )
            assert spool.claim(disk, forth, "r")

    shown = [seen.entry.id for seen in catalog.search(Unread(disk), catalog.Filter(), told=move)]

    assert sorted(shown) == ["back", "forth"]
