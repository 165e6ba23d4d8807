"""A sync that failed tells the truth once: it is never tried again on the same file."""

import errno
import os
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
