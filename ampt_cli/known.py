"""Folders as they were when they were read: what a runner that stays need not read again."""

import os
from time import time_ns

from ampt_cli.fsio import Disk

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Iterable

RACY = 50_000_000  # ns: a folder changed so recently may change again within one ctime
SECOND = 1_000_000_000  # ns: all that some file systems tell, as ext4 with inodes of 128 bytes
Version = tuple[int, int]  # of a folder: its inode, and its ctime (ns), which nobody can set


def version(status: os.stat_result) -> Version | None:
    """What changes with a folder's names, and its mode; None if it may miss a change from now on.

    It is asked before the folder is read: a change meanwhile shows in the next one.
    """
    changed = status.st_ctime_ns
    settled = time_ns() - changed > (RACY if changed % SECOND else RACY + SECOND)
    return (status.st_ino, changed) if settled else None


class Snapshot:
    """The versions of all that one look depended on."""

    def __init__(self) -> None:
        self._versions: dict[str, Version] = {}
        self._whole = True

    def take(self, disk: Disk, path: str) -> Version | None:
        """Note the version of what is about to be read."""
        try:
            now = version(disk.status(path))
        except OSError:  # who reads it is told the same
            now = None
        self.note(path, now)
        return now

    def note(self, path: str, version: Version | None) -> None:
        """Without a version, another look may find something else at any time."""
        if version is None:
            self._whole = False
        else:
            self._versions[path] = version

    def holds(self, disk: Disk) -> bool:
        """Whether another look would find the same: nothing has changed since."""
        try:
            return self._whole and all(
                version(disk.status(path)) == before for path, before in self._versions.items()
            )
        except OSError:
            return False


class Known:
    """What was read of folders, for as long as they have the same version."""

    def __init__(self) -> None:
        self.folders: dict[str, tuple[Version, list[str]]] = {}
        self.buckets: dict[str, tuple[Version, str]] = {}
        self.seen = Snapshot()  # in the last look

    def begin(self, disk: Disk) -> None:
        """Another look begins, at the spool where `disk` was opened."""
        self.seen = Snapshot()
        self.seen.take(disk, disk.path)

    def forget(self, buckets: "Iterable[str]") -> None:
        """Keep nothing of other buckets than these, nor of folders."""
        self.folders.clear()
        for bucket in self.buckets.keys() - set(buckets):
            del self.buckets[bucket]

    def names(self, disk: Disk, folder: str) -> "list[str]":
        """What is in a folder, which is listed only if it has changed. Raises OSError."""
        now = self.seen.take(disk, folder)
        before, names = self.folders.get(folder, (None, []))
        if now is None or now != before:
            names = disk.list(folder)
            if now is not None:
                self.folders[folder] = now, names
        return names

    def later(self, bucket: str, status: os.stat_result) -> tuple[Version | None, str]:
        """Its version, and the first name of what is not due yet; "" if it must be read."""
        now = version(status)
        before, later = self.buckets.get(bucket, (None, ""))
        return now, later if now == before else ""

    def keep(self, bucket: str, now: Version | None, later: str) -> None:
        """A bucket had this version before it was read; without one, it is read again."""
        if now is not None:
            self.buckets[bucket] = now, later
        self.seen.note(bucket, now)
