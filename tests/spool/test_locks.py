"""Who may take a dead runner's claims, and how long what others write is left alone."""

import os
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import Any

import pytest

from ampt_cli import chosen, instants, layout, lock, publication, spool, upkeep
from ampt_cli.errors import Trouble
from ampt_cli.event import Event
from ampt_cli.fsio import Disk
from ampt_cli.policy import Retries
from ampt_cli.retention import Retention
from ampt_cli.scan import Scan

NOW = 1_800_000_000_000
RUNNER = "running/r"


@pytest.fixture
def disk(disk: Disk) -> Disk:
    """A spool with the folder of a runner of whom nobody lives."""
    disk.make_folder(RUNNER)
    for name in (layout.LOCK, layout.WORKERS):
        disk.write_new(f"{RUNNER}/{name}", b"")
    return disk


def test_the_locks_of_the_dead_are_free_at_once(disk: Disk) -> None:
    """And who has them keeps them from everybody else."""
    held = lock.take_abandoned(disk, RUNNER)

    assert held is not None
    assert lock.take_abandoned(disk, RUNNER) is None
    for fd in held:
        os.close(fd)
    assert lock.is_abandoned(disk, RUNNER)


@pytest.mark.row(73)
@pytest.mark.parametrize("name", [layout.LOCK, layout.WORKERS])
def test_a_lock_whose_file_was_replaced_while_it_was_taken_is_no_lock(
    name: str, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another rescuer was faster, or somebody meddled: a file without a name protects nobody."""
    locked = flock

    def replaced(fd: int, how: int) -> None:
        there = os.stat(f"{RUNNER}/{name}", dir_fd=disk.root)
        if os.path.samestat(there, os.fstat(fd)):
            disk.remove(f"{RUNNER}/{name}")
            disk.write_new(f"{RUNNER}/{name}", b"")
        locked(fd, how)

    with monkeypatch.context() as patch:
        patch.setattr(lock, "flock", replaced)
        assert lock.take_abandoned(disk, RUNNER) is None

    assert lock.is_abandoned(disk, RUNNER), "nothing is held after a vain try"


def test_a_dead_runner_without_workers_is_rescued(disk: Disk) -> None:
    """A runner of another program may have none; without its file they would wait for ever."""
    publication.publish(disk, publication.draft("n", None, None, NOW, "kept"))
    [entry] = Scan(disk, NOW).entries()
    spool.claim(disk, entry, "r")
    disk.remove(f"{RUNNER}/{layout.WORKERS}")
    rescued = upkeep.Rescue(disk, lambda: NOW, Retries(), pytest.fail).all()

    assert rescued.interrupted == 1
    assert not disk.exists(RUNNER)
    assert [found.id for found in Scan(disk, NOW).entries()] == ["kept"]


@pytest.mark.row(46)
def test_nothing_is_swept_while_its_publisher_may_be_writing(disk: Disk) -> None:
    """It gives up after 24 h, by its own clock; the sweep waits for 36 h, by the name's stamp."""
    assert layout.PUBLISHER_GIVES_UP + 6 * instants.HOUR <= layout.TMP_IS_STALE
    for hours in (0, 24, 35, 37):
        disk.write_new(f"tmp/{instants.stamp(NOW - hours * instants.HOUR)}.id-{hours}", b"")
        os.utime(
            f"tmp/{instants.stamp(NOW - hours * instants.HOUR)}.id-{hours}",
            (0, 0),
            dir_fd=disk.root,
        )

    assert upkeep.sweep(disk, 0) == 0  # a clock that has lost its battery
    assert upkeep.sweep(disk, NOW) == 1
    assert [name.rpartition("-")[2] for name in disk.list("tmp")] == ["35", "24", "0"]


def test_an_id_is_published_and_discarded_under_its_lock(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From looking it up to linking it, and between the two unlinks: one publisher at a time."""
    probes = []

    def probed(verb: Callable[..., Any]) -> Callable[..., Any]:
        def under(*given: Any) -> Any:
            fd = os.open("ids/lock", os.O_RDWR, dir_fd=disk.root)
            try:
                flock(fd, LOCK_EX | LOCK_NB)
                probes.append("free")
            except BlockingIOError:
                probes.append("held")
            finally:
                os.close(fd)
            return verb(*given)

        return under

    monkeypatch.setattr(chosen, "published_as", probed(chosen.published_as))
    monkeypatch.setattr(Disk, "link", probed(Disk.link))
    chosen.publish(disk, Event("order-7", "n", None, NOW, NOW))
    [entry] = Scan(disk, NOW).entries()
    cancelled = spool.cancel(disk, entry, NOW)
    monkeypatch.setattr(Disk, "remove", probed(Disk.remove))

    assert cancelled is not None
    assert spool.discard(disk, cancelled, wait=True)
    assert len(probes) >= 4
    assert set(probes) == {"held"}


@pytest.mark.timeout(20)
def test_a_runner_that_prunes_waits_for_no_publisher_with_the_id_lock(disk: Disk) -> None:
    """It enforces no deadline meanwhile: what is locked is left for its next prune."""
    chosen.publish(disk, Event("order-7", "n", None, NOW, NOW))
    [entry] = Scan(disk, NOW).entries()
    cancelled = spool.cancel(disk, entry, NOW)
    later = NOW + 400 * instants.DAY
    trouble = Trouble()
    with chosen.IdLock(disk):
        locked = upkeep.prune(disk, later, Retention(), trouble, 10)
        assert cancelled is not None
        assert disk.exists(cancelled.path)

    assert (locked, upkeep.prune(disk, later, Retention(), trouble, 10)) == (0, 1)
    assert trouble.first is None
    assert not disk.exists(cancelled.path)
    assert not disk.exists(layout.id_path("order-7"))


@pytest.mark.parametrize("damage", ["folder", "fifo", "huge"])
def test_marks_that_cannot_be_read_keep_no_claim(damage: str, disk: Disk) -> None:
    """Whether its attempt began is not known, so it may have; no memory is spent on a huge file."""
    publication.publish(disk, publication.draft("n", None, None, NOW, "kept"))
    [entry] = Scan(disk, NOW).entries()
    spool.claim(disk, entry, "r")
    path = f"{RUNNER}/{layout.MARKS}"
    if damage == "folder":
        disk.make_folder(path)
    elif damage == "fifo":
        os.mkfifo(path, dir_fd=disk.root)
    else:
        disk.write_new(path, b"")
        fd = os.open(path, os.O_RDWR, dir_fd=disk.root)
        os.truncate(fd, 2**40)
        os.close(fd)
    rescued = upkeep.Rescue(disk, lambda: NOW, Retries(), pytest.fail).all()

    assert rescued.interrupted == 1
    assert not disk.exists(RUNNER)
