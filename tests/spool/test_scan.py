"""What a look at the spool finds, and what it remembers for the next."""

import os
import time
from errno import EIO
from itertools import repeat
from pathlib import Path

import pytest

from ampt_cli import buckets, instants, layout, publication
from ampt_cli.fsio import Disk
from ampt_cli.known import RACY, SECOND, Known, Snapshot, version
from ampt_cli.scan import Scan

NOW = 1_800_000_000_000  # 2027-01-15T08:00Z


def publish(disk: Disk, after: int | None) -> Path:
    """An event that is due in so many milliseconds; its bucket."""
    made = publication.publish(disk, publication.draft("n", None, after, NOW))
    return Path(disk.path, f"pending/{instants.bucket(instants.stamp(made.due))}")


def look(disk: Disk, known: Known | None = None) -> tuple[int, int | None]:
    """How much is due now, and when the next is."""
    scan = Scan(disk, NOW, known)
    return len([*scan.entries()]), scan.next_due


@pytest.mark.parametrize(
    ("after", "coming"),
    [(300, 300), (instants.HOUR + 300, instants.HOUR), (instants.DAY + 300, 16 * instants.HOUR)],
)
def test_a_look_tells_when_to_look_again(disk: Disk, after: int, coming: int) -> None:
    """To the millisecond within this hour; of a later one, when it begins, or its day."""
    publish(disk, after)
    known = Known()

    assert look(disk, known) == (0, NOW + coming)
    assert look(disk, known) == (0, NOW + coming)


@pytest.mark.parametrize("stray", ["20270115", "20260115", "2027-0-115"])
def test_a_folder_that_is_nearly_a_date_is_left_alone(disk: Disk, stray: str) -> None:
    """Nothing in it is due, and nothing in it is a reason to look again at once."""
    date = publish(disk, None).parent
    date.rename(date.with_name(stray))

    assert look(disk) == (0, None)


def test_the_next_look_is_at_what_comes_first(disk: Disk) -> None:
    """Of both states, whichever of them is read first."""
    for pending, retry in (
        (2 * instants.DAY, 3 * instants.HOUR),
        (2 * instants.HOUR, 3 * instants.DAY),
    ):
        publish(disk, pending)
        buckets.make(disk, layout.new(layout.RETRY, NOW + retry, "x", "n").folder)

        assert look(disk) == (0, NOW + min(pending, retry))


def test_a_bucket_that_is_gone_when_it_is_read_is_no_trouble(disk: Disk) -> None:
    """Nor is a file in the place of one: others are read, and nothing is told."""
    publish(disk, None)
    earlier = Path(disk.path, "pending/2027-01-14")
    (earlier / "22").mkdir(parents=True)
    (earlier / "23").touch()
    scan = Scan(disk, NOW)
    (earlier / "22").rmdir()

    assert len([*scan.entries()]) == 1
    assert scan.unread == {}


def test_a_bucket_in_which_nothing_is_due_is_not_read_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it has not changed, it is known what comes next."""
    bucket = publish(disk, 300)
    stop_the_clock_of(bucket, monkeypatch, 2 * RACY)
    seen = Known()
    first = look(disk, seen)
    for path in bucket.glob("*.json"):
        path.unlink()

    assert look(disk, seen) == first == (0, NOW + 300)


@pytest.mark.parametrize(("changed", "ago"), [(5, RACY), (0, SECOND + RACY)])
def test_what_is_published_right_after_a_look_is_found(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, changed: int, ago: int
) -> None:
    """Also within one tick of the clock that the file system dates its folders by.

    That is a second where times are whole ones, as on ext4 with small inodes.
    """
    bucket = publish(disk, 300)
    stop_the_clock_of(bucket, monkeypatch, ago, changed)
    seen = Known()
    first = look(disk, seen)
    publish(disk, None)

    assert (first, look(disk, seen)) == ((0, NOW + 300), (1, NOW + 300))


def stop_the_clock_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ago: int, changed: int = 5
) -> None:
    """It changed at `changed` ns after a second, `ago` ns before now, whatever is done to it."""
    inode, second = folder.stat().st_ino, 1_800_000_000 * SECOND
    frozen = os.stat_result((0, inode, *[0] * 8), {"st_ctime_ns": second + changed})
    monkeypatch.setattr(
        "ampt_cli.known.version", lambda now: version(frozen if now.st_ino == inode else now)
    )
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: second + changed + ago)


def test_the_folder_of_a_date_goes_once_the_day_is_over(disk: Disk) -> None:
    """Its last hour went before, on the day itself; today's folder stays, for whoever publishes."""
    bucket = publish(disk, None)
    [file] = bucket.glob("*.json")
    file.unlink()
    left = []
    for later in (0, instants.HOUR, 16 * instants.HOUR - 1, 16 * instants.HOUR):
        scan = Scan(disk, NOW + later)
        scan.remove_empty()
        left.append((scan.has_empty(), disk.list("pending"), bucket.exists()))

    assert left == [
        (False, ["2027-01-15"], True),
        (True, ["2027-01-15"], False),
        (False, ["2027-01-15"], False),
        (True, [], False),
    ]


def test_a_folder_that_has_not_changed_is_not_listed_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look of a runner that stays costs the same, however many days have something waiting."""
    for days in range(1, 20):
        publish(disk, days * instants.DAY)
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: time.time_ns() + 2 * RACY)
    known = Known()
    first = look(disk, known)
    monkeypatch.setattr(Disk, "list", None)

    assert look(disk, known) == first == (0, NOW + 16 * instants.HOUR)


def test_a_date_that_is_made_right_after_a_look_is_found(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also within one tick of the clock that the file system dates its folders by."""
    now, ask = disk.status("pending"), Disk.status
    monkeypatch.setattr(
        Disk, "status", lambda disk, path: now if path == "pending" else ask(disk, path)
    )
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: now.st_ctime_ns + 1)
    known = Known()
    before = look(disk, known)
    publish(disk, None)

    assert (before, look(disk, known)) == ((0, None), (1, None))


def test_a_date_that_is_made_while_a_look_lasts_is_found(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner may be stopped for long when it has just listed a folder; its time is as it was."""
    now, ask, names = disk.status("pending"), Disk.status, Disk.list
    clock = repeat(now.st_ctime_ns + 1)
    monkeypatch.setattr(
        Disk, "status", lambda disk, path: now if path == "pending" else ask(disk, path)
    )
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: next(clock))

    def slow(disk: Disk, path: str) -> list[str]:
        nonlocal clock
        clock = repeat(now.st_ctime_ns + 2 * RACY)
        return names(disk, path)

    monkeypatch.setattr(Disk, "list", slow)
    known = Known()
    before = look(disk, known)
    publish(disk, None)

    assert (before, look(disk, known)) == ((0, None), (1, None))


def test_a_folder_that_has_changed_is_listed_again(disk: Disk) -> None:
    """What is known is of another state of it."""
    publish(disk, None)
    known = Known()
    known.folders["pending"] = (disk.status("pending").st_ino, 1), []

    assert look(disk, known) == (1, None)


@pytest.mark.parametrize("ago", [0, 2 * RACY])
def test_a_bucket_that_has_changed_is_read_again(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, ago: int
) -> None:
    """Just now, or though it has been as it is for long."""
    bucket = publish(disk, 300)
    stop_the_clock_of(bucket, monkeypatch, 2 * RACY, changed=5)
    seen = Known()
    look(disk, seen)
    publish(disk, None)
    stop_the_clock_of(bucket, monkeypatch, ago, changed=6)

    assert look(disk, seen) == (1, NOW + 300)


@pytest.mark.parametrize(("inode", "changed"), [(1, 0), (0, 1)])
def test_a_snapshot_holds_while_each_folder_is_the_same_and_has_not_changed(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, inode: int, changed: int
) -> None:
    """What is moved into the place of another may have changed at the same time."""
    now = disk.status("pending")
    holding, other = Snapshot(), Snapshot()
    holding.note("pending", (now.st_ino, now.st_ctime_ns))
    other.note("pending", (now.st_ino + inode, now.st_ctime_ns + changed))
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: now.st_ctime_ns + 2 * RACY)

    assert (holding.holds(disk), other.holds(disk)) == (True, False)


def test_a_snapshot_does_not_hold_when_a_clock_has_gone_back(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes next may get the time that the folder has already."""
    now = disk.status("pending")
    held, snapshot = [], Snapshot()
    snapshot.note("pending", (now.st_ino, now.st_ctime_ns))
    for clock in (2 * RACY, -2 * RACY):
        monkeypatch.setattr("ampt_cli.known.time_ns", lambda to=now.st_ctime_ns + clock: to)
        held.append(snapshot.holds(disk))

    assert held == [True, False]


def test_a_snapshot_of_what_cannot_be_asked_does_not_hold(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when it is taken nor later: a fault may be over by the next look."""

    def failing(*_: object) -> os.stat_result:
        raise OSError(EIO, "broken")

    sound, faulty = Snapshot(), Snapshot()
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: time.time_ns() + 2 * RACY)
    sound.take(disk, "pending")
    held = sound.holds(disk)
    with monkeypatch.context() as patch:
        patch.setattr(Disk, "status", failing)
        faulty.take(disk, "pending")
        broken = sound.holds(disk)

    assert (held, broken, faulty.holds(disk)) == (True, False, False)


def test_what_is_known_of_a_folder_is_forgotten_with_it(disk: Disk) -> None:
    """Of buckets that are still looked at, it is not."""
    known = Known()
    known.folders["pending"] = (1, 2), ["2027-01-15"]
    known.buckets = {
        "pending/2027-01-15/07": ((1, 2), "~"),
        "pending/2027-01-15/08": ((2, 2), "~"),
    }
    known.forget(["pending/2027-01-15/08"])

    assert (known.folders, [*known.buckets]) == ({}, ["pending/2027-01-15/08"])
