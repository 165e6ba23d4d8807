"""An idle runner rests until there may be something to do, and no longer."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ampt_cli import buckets, instants, layout, publication
from ampt_cli.chores import Chores
from ampt_cli.fsio import Disk
from ampt_cli.intake import POLL, Intake
from ampt_cli.known import RACY
from ampt_cli.rest import rest
from ampt_cli.scan import Scan
from ampt_cli.told import Observer, Settings, Tally

NOW = 1_800_000_000_000  # 2027-01-15T08:00Z
TODAY = "pending/2027-01-15"
FOR_LONG = 5  # waits, and then there is news


class World(Observer):
    """A runner that has looked, and found nothing to do; its clocks move by what it waits."""

    def __init__(self, disk: Disk, names: tuple[str, ...] = ()) -> None:
        self.disk = disk
        self.passed = 0.0  # s
        self.waits: list[float] = []
        self.signs = 0
        self.signals: list[int] = []
        self.meanwhile: Callable[[], object] = int
        self.workers: Any = SimpleNamespace(idle=True, rests=self._rests)
        self.intake = Intake(disk, lambda: NOW + round(self.passed * 1000), names)
        self.chores = Chores(disk, Settings(""), self, self.intake.clock, Tally())
        self.chores.next_upkeep = 60.0
        self.intake.runner = "own"
        disk.make_folder("running/own")
        disk.make_folder(f"{layout.RETRY}/2027-01-15")
        publish(disk, 3 * instants.HOUR)
        buckets.make(disk, f"{TODAY}/08")

    def look(self) -> None:
        """Once more, at folders that have last changed a while ago."""
        tick(self.disk)
        self.intake.rescan()
        self.chores.rescue("running/own")
        while self.intake.claim() is not None:
            pass

    def rest(self, pause: float = POLL) -> list[float]:
        """How long each wait was."""
        rest(self.workers, self.intake, self.chores, self, signals=self.signals, pause=pause)
        return self.waits

    def alive(self) -> None:
        """A sign of life."""
        self.signs += 1

    def _rests(self, wait: float) -> bool:
        self.waits.append(wait)
        self.passed += wait
        self.meanwhile()
        return len(self.waits) < FOR_LONG


@pytest.fixture
def world(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> World:
    """One where time passes as the test wants it."""
    made = World(disk)
    monkeypatch.setattr("ampt_cli.rest.monotonic", lambda: made.passed)
    monkeypatch.setattr("ampt_cli.intake.monotonic", lambda: made.passed)
    monkeypatch.setattr("ampt_cli.known.time_ns", lambda: time.time_ns() + 2 * RACY)
    return made


def publish(disk: Disk, after: int | None) -> None:
    """An event that nobody is told of."""
    publication.publish(disk, publication.draft("n", None, after, NOW))


def tick(disk: Disk) -> None:
    """What is changed from now on has a later time than all before, in the file system too."""
    probe = Path(disk.path, "tmp", "probe")
    probe.touch()
    before = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == before:
        probe.touch()
    probe.unlink()


def test_a_runner_rests_while_nothing_changes(world: World) -> None:
    """Until there is news of a worker, a publisher or a signal: then nothing is looked for at once."""
    world.look()

    assert world.rest() == [POLL] * FOR_LONG
    assert world.signs == FOR_LONG - 1
    assert world.intake.next_look == world.chores.next_rescue == (FOR_LONG - 1) * POLL + POLL


def replaced(disk: Disk) -> None:
    """Another spool in its place, with the same in it."""
    os.rename(disk.path, f"{disk.path}.old")
    shutil.copytree(f"{disk.path}.old", disk.path, ignore=shutil.ignore_patterns("wake"))


CHANGES: dict[str, Callable[[Disk], object]] = {
    "an event in a bucket": lambda disk: publish(disk, None),
    "an event of an hour that had none": lambda disk: publish(disk, instants.HOUR),
    "an event of a day that had none": lambda disk: publish(disk, 9 * instants.DAY),
    "a bucket that is gone": lambda disk: os.rename(
        f"{disk.path}/{TODAY}/08", f"{disk.path}/tmp/08"
    ),
    "an hour of retries": lambda disk: buckets.make(disk, f"{layout.RETRY}/2027-01-15/07"),
    "a day of retries": lambda disk: disk.make_folder(f"{layout.RETRY}/2027-01-14"),
    "a mode": lambda disk: os.chmod(TODAY, 0, dir_fd=disk.root),
    "the mode of a bucket": lambda disk: os.chmod(f"{TODAY}/08", 0, dir_fd=disk.root),
    "the mode of a state": lambda disk: os.chmod("retry", 0o500, dir_fd=disk.root),
    "another runner": lambda disk: disk.make_folder("running/other"),
    "the folder of runners is gone": lambda disk: os.rename(
        f"{disk.path}/running", f"{disk.path}/tmp/running"
    ),
    "no spool": lambda disk: os.rename(disk.path, f"{disk.path}.old"),
    "another spool": replaced,
    "no folder of the spool": lambda disk: os.rename(
        os.path.dirname(disk.path), f"{os.path.dirname(disk.path)}.old"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_a_look_could_find_ends_a_rest(
    world: World, change: Callable[[Disk], object]
) -> None:
    """At the next turn, and the loop looks at once: its next look is overdue."""
    world.look()
    world.meanwhile = lambda: change(world.disk) if len(world.waits) == 2 else None

    assert world.rest() == [POLL] * 2
    assert world.intake.patience() <= 0


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_right_after_a_look_allows_no_rest(
    world: World, change: Callable[[Disk], object]
) -> None:
    """In the time between: the runner may have been stopped for long."""
    world.look()
    change(world.disk)

    assert world.rest() == [POLL]


@pytest.mark.parametrize(
    "before",
    [
        lambda world: world.signals.append(15),
        lambda world: setattr(world.workers, "idle", False),
        lambda world: setattr(world.chores, "more", True),
        lambda world: setattr(world.intake, "known", None),
        lambda world: world.intake.rescan(),
        lambda world: setattr(world.chores, "next_upkeep", world.passed),
    ],
    ids=[
        "a signal",
        "a worker that is begun",
        "more to prune",
        "a network",
        "half a look",
        "upkeep",
    ],
)
def test_who_has_something_to_do_does_not_rest(
    world: World, before: Callable[[World], object]
) -> None:
    """Not for a moment: the first upkeep of a runner is due when it begins."""
    world.look()
    before(world)

    assert world.rest() == []


def another(disk: Disk) -> int:
    """A runner that lives for as long as this is open."""
    disk.make_folder("running/other")
    held = os.open(f"{disk.path}/running/other/{layout.LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def test_who_is_alone_again_rests_again(world: World) -> None:
    """While another runner lives, it may die at any time, and nothing on disk tells."""
    held = another(world.disk)
    world.look()
    assert world.rest() == [POLL]

    os.close(held)
    world.look()
    assert world.disk.list("running") == ["own"]
    world.look()
    world.waits.clear()
    assert world.rest() == [POLL] * FOR_LONG


def odd_date(world: World) -> None:
    """A file in the place of a date."""
    Path(world.disk.path, "pending/2027-01-14").touch()


@pytest.mark.parametrize(
    "there",
    [
        lambda world: another(world.disk),
        odd_date,
    ],
    ids=["another runner", "a file in the place of a date"],
)
def test_what_has_to_be_looked_at_each_second_is(
    world: World, there: Callable[[World], object]
) -> None:
    """It is told, or may die, and no folder need change for that."""
    there(world)
    world.look()

    assert world.rest() == [POLL]


@pytest.mark.parametrize("failing", [layout.RETRY, TODAY, f"{TODAY}/08"])
@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO])
def test_what_cannot_be_read_is_looked_at_each_second(
    world: World, monkeypatch: pytest.MonkeyPatch, failing: str, error: int
) -> None:
    """A fault may be over at any time."""

    def opened(path: str, *args: Any, **more: Any) -> int:
        if path == failing:
            raise OSError(error, os.strerror(error))
        return opens(path, *args, **more)

    opens = os.open
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        world.look()
    assert [*world.intake.unread] == [failing]

    assert world.rest() == [POLL]


def test_a_bucket_that_was_read_in_part_is_looked_at_each_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was missed may be due."""

    def torn(scan: Scan, _: object, bucket: str) -> list[str]:
        scan.torn = True
        return []

    with monkeypatch.context() as patch:
        patch.setattr(Scan, "_read", torn)
        world.look()

    assert world.rest() == [POLL]


def test_an_event_that_is_due_and_not_wanted_is_looked_at_each_second(world: World) -> None:
    """What is known of a bucket is known of such in which nothing is due."""
    world.intake.names = ("other",)
    publish(world.disk, None)
    world.passed = 0.5
    world.look()

    assert world.rest() == [POLL]


def test_a_folder_that_has_just_changed_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one tick of the file system's clock it may have changed once more."""
    monkeypatch.setattr("ampt_cli.known.time_ns", time.time_ns)
    publish(world.disk, 2000)
    world.intake.rescan()
    world.chores.rescue("running/own")
    assert world.intake.claim() is None

    assert world.rest() == [POLL]


def test_a_change_is_asked_for_a_second_after_the_last_look(world: World) -> None:
    """Whatever the runner was busy with since: each rest that began waited for a second more."""
    world.look()
    world.passed += 0.75

    assert world.rest() == [0.25] + [POLL] * (FOR_LONG - 1)


def test_news_of_a_worker_makes_no_change_wait_longer(world: World) -> None:
    """The next rest goes on where the last has ended."""
    world.look()
    world.rest()
    world.passed -= 0.25  # the last wait was cut short
    world.waits.clear()

    assert world.rest() == [0.25] + [POLL] * (FOR_LONG - 1)


def test_steady_news_of_a_worker_put_off_no_look(world: World) -> None:
    """Who has asked for no change knows of none: what is looked at next is so when it was to be."""
    world.passed = 0.5
    world.look()
    world.passed, world.chores.next_rescue = 1.0, 1.25
    world.workers.rests = lambda _: False
    world.rest()

    assert (world.intake.next_look, world.chores.next_rescue) == (0.5 + POLL, 1.25)


def test_who_is_late_asks_at_once(world: World) -> None:
    """A runner may be stopped for long; a wait of less than nothing has no end for poll(2)."""
    world.look()
    world.passed += 5.0

    assert world.rest() == [0.0] + [POLL] * (FOR_LONG - 1)


def test_a_rest_ends_when_an_event_is_due(world: World) -> None:
    """To the millisecond, and without a wait for what has changed."""
    publish(world.disk, 2300)
    world.look()

    assert world.rest() == pytest.approx([POLL, POLL, 0.3])
    assert world.intake.patience() <= 0
    assert world.signs == 2


def test_a_rest_ends_when_there_is_something_to_keep_up(world: World) -> None:
    """Sweeping and pruning are done each minute, by a runner that rests, too."""
    world.chores.next_upkeep = 2.3
    world.look()

    assert world.rest() == pytest.approx([POLL, POLL, 0.3])


@pytest.mark.parametrize("found", [True, False])
def test_what_was_taken_back_of_a_dead_runner_is_looked_for_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, found: bool
) -> None:
    """It waited for the rescue already, up to a second."""
    world.look()
    world.chores.next_rescue, world.chores.next_upkeep = 0.0, float("inf")
    monkeypatch.setattr(world.chores, "rescue", lambda _: found)
    world.chores.keep_up("running/own", world.intake)

    assert (world.intake.patience() <= 0) is found


def test_who_rests_says_that_it_is_alive_as_often_as_is_wanted(world: World) -> None:
    """A watchdog may want it more often than each second."""
    world.look()

    assert world.rest(0.25) == [0.25] * FOR_LONG
    assert world.signs == FOR_LONG - 1
