"""Find what is due, at a cost that depends on what is due and not on how much waits."""

import os
from errno import ENOTDIR
from itertools import chain, islice

from ampt_cli import buckets, instants, layout
from ampt_cli.errors import Trouble
from ampt_cli.fsio import FOLDER, Disk
from ampt_cli.layout import Entry

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ampt_cli.known import Known

CHUNK = 4096  # names held at a time: a bucket may have a million


class Scan:
    """One look at what waits: its buckets, what of them is due, and when the next is.

    Only buckets up to the current hour are listed, so the cost depends on what is
    due and not on how much waits. `known` spares a runner that stays the listing
    of what has not changed, buckets only if nothing in them is due.
    """

    def __init__(
        self,
        disk: Disk,
        now: int,
        known: "Known | None" = None,
        unread: "dict[str, OSError] | None" = None,
        at_once: int = CHUNK,
    ) -> None:
        self.disk = disk
        self.at_once = at_once  # names that are read at a time
        self.known = known
        if known is not None:
            known.begin(disk)
        self.stamp = instants.stamp(now)
        self.next_due: int | None = None
        self.unread = {} if unread is None else unread  # folders that cannot be, and why
        self.torn = False  # whether the last bucket could not be read to its end
        self.files: Iterator[str] = iter(())  # of the chunk that is looked at now
        self.hollow: list[str] = []  # folders of past dates, without an hour
        self.buckets = self._due_buckets()

    def _due_buckets(self) -> list[str]:
        """Buckets that may hold something due, oldest first; notes when the next begins."""
        current = instants.bucket(self.stamp)
        found = []
        for state in layout.WAITING:
            for date in self._list(state):
                if (begin := instants.begin_of(date)) is None:
                    continue
                if date > current[:10]:
                    self._note(begin)
                    break
                folder = f"{state}/{date}"
                hours = self._hours(folder)
                if not hours and date < current[:10] and folder not in self.unread:
                    self.hollow.append(folder)
                for hour in hours:
                    if (begin := instants.begin_of(date, hour)) is None:
                        continue
                    if f"{date}/{hour}" > current:
                        self._note(begin)
                        break
                    found.append(f"{state}/{date}/{hour}")
        return sorted(found, key=lambda bucket: bucket.partition("/")[2])

    def _hours(self, folder: str) -> "list[str]":
        """What is in the folder of a date. Through a link to one others would publish."""
        hours = self._list(folder)
        if hours or folder in self.unread:  # which would fail here, too
            return hours
        if not self.disk.is_folder(folder) and self.disk.exists(folder):
            self._cannot_read(folder, OSError(ENOTDIR, "it is no folder, or a link to one"))
        return []

    def _list(self, folder: str) -> "list[str]":
        try:
            if self.known is None:
                return self.disk.list(folder)
            return self.known.names(self.disk, folder)
        except OSError as error:
            self._cannot_read(folder, error)
            return []

    def _cannot_read(self, path: str, error: OSError) -> None:
        self.unread[path] = OSError(error.errno, error.strerror)  # without its traceback
        if self.known is not None:
            self.known.seen.note(path, None)

    def _note(self, instant: int) -> None:
        if self.next_due is None or instant < self.next_due:
            self.next_due = instant

    def entries(self) -> "Iterator[Entry]":
        """What is due: bucket by bucket, in due order within each chunk of names."""
        for bucket in self.buckets:
            for files in self._chunks(bucket):
                self.files = iter(files)
                for file in self.files:
                    entry = layout.parse(bucket, file)
                    if entry is not None:
                        yield entry

    def skip(self, count: int) -> int:
        """Leave the next few names out of `entries`, which does not parse them; how many."""
        return sum(1 for _ in islice(self.files, count))

    def _chunks(self, bucket: str) -> "Iterator[list[str]]":
        try:
            fd = os.open(bucket, FOLDER, dir_fd=self.disk.root)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._cannot_read(bucket, error)
            return
        try:
            later = yield from self._unless_known(fd, bucket)
        finally:
            os.close(fd)
        coming = instants.unstamp(later[: instants.STAMP_LENGTH])
        if coming is not None:
            self._note(coming)

    def _unless_known(self, fd: int, bucket: str) -> "Generator[list[str], None, str]":
        """Yield what is due, and return the first later name."""
        if self.known is None:
            later, _ = yield from self._names(fd, bucket)
            return later
        now, later = self.known.later(bucket, os.fstat(fd))
        if later[: instants.STAMP_LENGTH] <= self.stamp:
            later, any_due = yield from self._names(fd, bucket)
            if any_due or self.torn:
                now = None
        self.known.keep(bucket, now, later)
        return later

    def _names(self, fd: int, bucket: str) -> "Generator[list[str], None, tuple[str, bool]]":
        """Yield what is due, in sorted chunks; return the first later name, and if any was due."""
        later, any_due, self.torn = "~", False, False
        chunk: list[str] = []
        last = f"{self.stamp}/"  # above "STAMP.", and an entry's name begins with a digit
        with os.scandir(fd) as found:
            while names := self._read(found, bucket):
                chunk += [file for file in names if "/" < file < last]
                later = min([later, *(file for file in names if file > last)])
                if len(chunk) > self.at_once // 2:  # a few of the names were others
                    any_due = True
                    yield sorted(chunk)
                    chunk = []
        yield sorted(chunk)
        return later, any_due or bool(chunk)

    def _read(self, found: "Iterator[os.DirEntry[str]]", bucket: str) -> "list[str]":
        """The next names of a folder; what was read before an error is not lost."""
        names: list[str] = []
        try:
            names.extend(item.name for item in islice(found, self.at_once))
        except OSError as error:
            self._cannot_read(bucket, error)
            self.torn = True
        return names

    def has_empty(self) -> bool:
        """Whether there are buckets of past hours (after a scan that found nothing: empty ones)."""
        current = instants.bucket(self.stamp)
        return any(
            bucket.partition("/")[2] < current for bucket in chain(self.buckets, self.hollow)
        )

    def remove_empty(self) -> None:
        """Remove buckets of past hours that have nothing left in them, and their dates' folders.

        The day of most is not over when they go: its folder is for a scan of a later day.
        What cannot be removed keeps no other; the first error is raised at the end.
        """
        current, trouble = instants.bucket(self.stamp), Trouble()
        for bucket in self.buckets:
            state, date, hour = bucket.split("/")
            with trouble:
                gone = f"{date}/{hour}" < current and buckets.remove(self.disk, bucket)
                if gone and date < current[:10]:
                    buckets.remove(self.disk, f"{state}/{date}")
        for folder in self.hollow:
            with trouble:
                buckets.remove(self.disk, folder)
        trouble.tell()
