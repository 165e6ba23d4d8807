"""What is synced, and when. A sync that failed is never tried again on the same file."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ampt_cli import batch, chosen, place, publication, spool
from ampt_cli.errors import AmptError
from ampt_cli.event import Event
from ampt_cli.fsio import Disk

NOW = 1_800_000_000_000


def publish(disk: Disk) -> None:
    """Into a new bucket."""
    publication.publish(disk, Event("x", "n", None, NOW, NOW))


def choose(disk: Disk) -> None:
    """With a chosen id."""
    chosen.publish(disk, Event("order-7", "n", None, NOW, NOW))


def publish_batch(disk: Disk) -> None:
    """A small one, synced file by file."""
    batch.publish_many(disk, [("n", number, None, None) for number in range(3)], lambda: NOW)


def quarantine(disk: Disk) -> None:
    """A file of tmp/."""
    disk.write_new("tmp/bad", b"")
    spool.quarantine(disk, "tmp/bad", "why", NOW)


class Failing:
    """An fsync that fails the one time, and remembers what it was called on."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.synced: list[int] = []

    def __call__(self, fd: int) -> None:
        self.synced.append(os.fstat(fd).st_ino)
        if len(self.synced) == self.at + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def failed(self) -> bool:
        """Whether it came to that."""
        return len(self.synced) > self.at


@pytest.mark.row(37)
@pytest.mark.parametrize("deed", [publish, choose, publish_batch, quarantine])
def test_a_failed_sync_is_told_and_never_repeated_on_the_same_file(
    deed: Callable[[Disk], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have dropped the data, and would report success."""
    count = 0
    while True:
        disk = place.open_disk(str(tmp_path / f"spool-{count}"), create=True)
        fsync = Failing(count)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            told = False
            try:
                deed(disk)
            except (AmptError, OSError):
                told = True
        assert told == fsync.failed()
        if not told:
            break
        assert fsync.synced[count] not in fsync.synced[count + 1 :]
        count += 1

    assert count > 2, "too few: is fsync still what is called?"


class Durable:
    """What of the names in folders has been synced; the sync number `at` fails."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.names: set[tuple[int, str]] = set()  # with the inode of their folder

    def __call__(self, fd: int) -> None:
        self.at -= 1
        if self.at == -1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self.names.update((status.st_ino, name) for name in os.listdir(fd))

    def reaches(self, path: Path, above: Path) -> bool:
        """Whether a power cut would keep the way from `above` to `path`."""
        way = [path, *path.parents]
        return all(
            (one.parent.stat().st_ino, one.name) in self.names for one in way[: way.index(above)]
        )


@pytest.mark.row(53)
def test_a_new_spool_is_one_only_when_its_path_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORMAT lets another publisher report success, also where folders above were made, too."""
    path, reached = tmp_path / "local/state/spool", []
    fsync, link = Durable(), Disk.link

    def linked(disk: Disk, source: str, target: str) -> None:
        reached.append(fsync.reaches(path, tmp_path))
        link(disk, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        patch.setattr(Disk, "link", linked)
        place.open_disk(str(path), create=True)

    assert reached == [True]


@pytest.mark.row(53)
@pytest.mark.parametrize("at", range(4))
def test_who_finds_the_folders_of_a_publisher_that_was_stopped_makes_them_durable(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of them it had made, and had not synced."""
    path = tmp_path / "local/state/spool"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", stopped := Durable(at))
        with pytest.raises(AmptError):
            place.open_disk(str(path), create=True)
        patch.setattr(os, "fsync", fsync := Durable())
        place.open_disk(str(path), create=True)
    fsync.names |= stopped.names

    assert fsync.reaches(path, tmp_path)


def test_a_new_spool_is_synced_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after its first publish does not take its FORMAT."""
    path = tmp_path / "spool"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync := Durable())
        place.open_disk(str(path), create=True)

    assert fsync.reaches(path / "FORMAT", tmp_path)
