"""Publish events: the order of writes and syncs of spool_format.md, section 8.

Nothing here locks, but for a chosen id, and nothing depends on how many events wait.
"""

import os

from ampt_cli import due, event, layout
from ampt_cli.errors import AmptError, BadEvent, NotConfirmed, TryAgain, from_os
from ampt_cli.fsio import NEW, READ, Disk

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Draft = tuple[str, Any, due.After | None, str | None]

SYNC_ONE_BY_ONE = 16  # more files than this share one sync of the file system
WAKE_FLAGS = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def new_id(instant: int) -> str:
    """A fresh id: 80 random bits, and the due hour, which only helps to find the event again."""
    return f"{os.urandom(10).hex()}{instant // due.HOUR:06x}"


def draft(
    name: str,
    body: "Any",
    after: "due.After | None",
    now: int,
    id: str | None = None,  # noqa: A002
) -> event.Event:
    """The event that a publish at `now` (ms) makes. Raises BadEvent, BadDue."""
    event.check_name(name)
    if not 0 <= now < due.LAST - 366 * due.DAY:
        raise TryAgain(f"the clock is wrong: it says {now} ms since 1970", "set the clock")
    instant = now if after is None else due.parse(after, now)
    chosen = new_id(instant) if id is None else event.check_id(id)
    return event.Event(chosen, name, body, now, instant)


def publish(
    disk: Disk, made: event.Event, chosen: bool = False, commit: "Callable[[], object]" = int
) -> event.Event:
    """Publish `made`; it is durable on return.

    With `chosen` its id was given by the caller: if that id was published before
    with the same name and body, the earlier event is returned and nothing
    changes; with another content BadEvent is raised. `commit` is called right
    before the event becomes visible. Raises AmptError; unless it is
    NotConfirmed, nothing was published.
    """
    line = event.encode(made)
    stamp = due.stamp(made.time)
    tmp = f"{layout.TMP}/{stamp}.{made.id}"
    target = layout.new(layout.PENDING, made.due, made.id, made.name)
    try:
        if chosen:
            return _publish_chosen(disk, made, line, f"{tmp}.{os.urandom(4).hex()}", target, commit)
        disk.write_new(tmp, line)
        try:
            commit()
            disk.into_bucket(target.folder, lambda: disk.publish(tmp, target.path))
        except BaseException:
            disk.forget(tmp)
            raise
    except OSError as error:
        raise from_os(error, f"publish {made.name!r} in the spool") from error
    _confirm(disk, target.folder, made.id)
    wake(disk)
    return made


def _confirm(disk: Disk, bucket: str, what: str) -> None:
    """Make the bucket's path and names durable: the last step before success may be reported."""
    try:
        try:
            disk.make_durable(bucket)
            disk.sync(bucket)
        except FileNotFoundError:
            # A runner claimed the event and removed the bucket. Where the event
            # is now is not known here, so all of the file system is synced.
            if not disk.sync_all():
                os.sync()
    except OSError as error:
        raise NotConfirmed(
            f"{what} was published but may not survive a power cut: "
            f"cannot sync {bucket}: {error.strerror}",
            "it may run; to publish again safely, use --id",
        ) from error


def wake(disk: Disk) -> None:
    """Tell waiting runners, without waiting: a byte into the FIFO, if anybody reads it."""
    try:
        fd = os.open(layout.WAKE, WAKE_FLAGS, dir_fd=disk.root)
    except OSError:
        return  # ENXIO: nobody waits. Anything else: they look once a second anyway
    try:
        os.write(fd, b"\n")
    except OSError:
        pass  # full: they are being woken already
    finally:
        os.close(fd)


def _publish_chosen(
    disk: Disk,
    made: event.Event,
    line: bytes,
    tmp: str,
    target: layout.Entry,
    commit: "Callable[[], object]",
) -> event.Event:
    with _IdLock(disk):
        earlier = published_as(disk, made)
        if earlier is not None:
            # Its publisher may have been killed before its own last sync.
            bucket = layout.new(layout.PENDING, earlier.due, earlier.id, earlier.name).folder
            _confirm(disk, bucket, earlier.id)
            return earlier
        disk.write_new(tmp, line)
        try:
            _take_id(disk, made.id, tmp)
            commit()
        except BaseException:
            disk.forget(tmp)
            raise
        index = layout.id_path(made.id)
        disk.into_bucket(target.folder, lambda: disk.link(index, target.path))
    _confirm(disk, target.folder, made.id)
    wake(disk)
    return made


def _take_id(disk: Disk, id: str, tmp: str) -> None:  # noqa: A002
    """Put the file at its place below ids/, durably, before it is linked into a bucket."""
    index = layout.id_path(id)
    shard = index.rpartition("/")[0]
    disk.remove(index)  # one link: published_as() found that nobody has it
    disk.into_bucket(shard, lambda: disk.publish(tmp, index))
    disk.make_durable(shard)
    disk.sync(shard)


def published_as(disk: Disk, made: event.Event) -> event.Event | None:
    """The event published before with the id of `made`, if there is one.

    The id lock is held. Raises BadEvent if it has another name or body.
    """
    try:
        fd = os.open(layout.id_path(made.id), READ, dir_fd=disk.root)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(fd).st_nlink < 2:
            return None  # its publisher died before the commit, or it was pruned
        first, newline, _ = os.read(fd, event.MAX_BYTES).partition(b"\n")
        earlier = event.decode(first + newline)
    finally:
        os.close(fd)
    if (earlier.name, earlier.body) != (made.name, made.body):
        raise BadEvent(
            f"the id {made.id!r} was published before with another name or body",
            f"see: ampt inspect {made.id}",
        )
    return earlier


class _IdLock:
    """Chosen ids are published one at a time. The kernel frees the lock of the dead."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def __enter__(self) -> None:
        from fcntl import LOCK_EX, flock  # noqa: PLC0415  gate: only with a chosen id

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        path = f"{layout.IDS}/{layout.LOCK}"
        self.fd = os.open(path, flags, self.disk.file_mode, dir_fd=self.disk.root)
        flock(self.fd, LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


class Batch:
    """Events that are published together: all of them checked and written, then synced once.

    Nothing is visible before `commit`. The files wait in one folder of tmp/
    under their final names, so memory does not grow with the batch.
    """

    def __init__(self, disk: Disk, clock: "Callable[[], int]") -> None:
        self.disk = disk
        self.count = 0
        self.clock = clock
        self.now = clock()
        self._chosen: dict[str, event.Event] = {}
        self.folder = f"{layout.TMP}/{due.stamp(self.now)}.{os.urandom(6).hex()}"
        try:
            disk.make_folder(self.folder)
            self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=disk.root)
        except OSError as error:
            raise from_os(error, "begin a batch in the spool") from error

    def add(self, made: event.Event, chosen: bool = False) -> None:
        """Check and write one event. Raises AmptError; the caller then aborts."""
        if chosen:
            if made.id in self._chosen:
                raise BadEvent(f"the id {made.id!r} stands twice in the batch")
            event.encode(made)
            self._chosen[made.id] = made
            return
        line = event.encode(made)
        file = layout.new(layout.PENDING, made.due, made.id, made.name).file
        try:
            fd = os.open(file, NEW, self.disk.file_mode, dir_fd=self.fd)
            try:
                written = os.write(fd, line)
                while written < len(line):
                    written += os.write(fd, line[written:])
            finally:
                os.close(fd)
        except OSError as error:
            raise from_os(error, f"write {made.name!r} in the spool") from error
        self.count += 1

    def commit(self, commit: "Callable[[], object]" = int) -> "list[event.Event]":
        """Publish all; durable on return. Returns the events with chosen ids, as published."""
        disk = self.disk
        try:
            if self.clock() - self.now > layout.PUBLISHER_GIVES_UP:
                raise TryAgain("the batch took more than a day to write; nothing was published")
            if self._chosen:
                with _IdLock(disk):
                    for made in self._chosen.values():
                        published_as(disk, made)  # conflicts are found before anything is visible
            self._sync_files()
            buckets = self._buckets()
            for bucket in buckets:
                if not disk.exists(f"{bucket}/{layout.DURABLE}"):
                    disk.make_bucket(bucket)
            commit()
            self._rename_all()
        except OSError as error:
            raise from_os(error, f"publish a batch of {self.count}") from error
        finally:
            self.abort()
        self._confirm(buckets)
        wake(disk)
        return [publish(disk, made, chosen=True) for made in self._chosen.values()]

    def _sync_files(self) -> None:
        if self.count > SYNC_ONE_BY_ONE and self.disk.sync_all():
            return
        for file in self._files():
            fd = os.open(file, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)
            try:
                self.disk.sync_fd(fd)
            finally:
                os.close(fd)

    def _buckets(self) -> "list[str]":
        hours = {file[:11] for file in self._files()}
        return sorted(f"{layout.PENDING}/{due.bucket(hour)}" for hour in hours)

    def _rename_all(self) -> None:
        """One rename an event: each is published by its own, none is ever seen in part."""
        done = 0
        try:
            while True:
                before = done
                for file in self._files():
                    target = f"{layout.PENDING}/{due.bucket(file)}"
                    self.disk.into_bucket(target, lambda f=file, t=target: self._rename(f, t))  # type: ignore[misc]
                    done += 1
                if done == before:
                    return
        except OSError as error:
            if done:
                raise NotConfirmed(
                    f"published {done:,} of a batch of {self.count:,}, then: {error.strerror}",
                    "those will run; the rest was not published",
                ) from error
            raise

    def _rename(self, file: str, bucket: str) -> None:
        os.rename(file, f"{bucket}/{file}", src_dir_fd=self.fd, dst_dir_fd=self.disk.root)

    def _confirm(self, buckets: "list[str]") -> None:
        if self.count > SYNC_ONE_BY_ONE:
            try:
                for bucket in buckets:
                    self.disk.make_durable(bucket)
                if self.disk.sync_all():
                    return
            except OSError as error:
                raise NotConfirmed(
                    f"a batch of {self.count:,} was published but may not survive a power cut: "
                    f"{error.strerror}"
                ) from error
        for bucket in buckets:
            _confirm(self.disk, bucket, f"a batch of {self.count:,}")

    def _files(self) -> "Iterable[str]":
        with os.scandir(self.fd) as entries:
            for entry in entries:
                yield entry.name

    def abort(self) -> None:
        """Remove what was written and not published. Never raises: the rest is swept later."""
        if self.fd < 0:
            return
        try:
            for file in self._files():
                os.unlink(file, dir_fd=self.fd)
            os.rmdir(self.folder, dir_fd=self.disk.root)
        except OSError:
            pass
        os.close(self.fd)
        self.fd = -1


def publish_many(disk: Disk, drafts: "Iterable[Draft]", clock: "Callable[[], int]") -> "list[str]":
    """Publish (name, body, after, id) tuples as one batch; their ids, in order.

    All are checked before any is visible. Raises AmptError: then, unless it is
    NotConfirmed, nothing was published.
    """
    batch = Batch(disk, clock)
    ids = []
    try:
        for number, (name, body, after, id_) in enumerate(drafts, 1):
            try:
                made = draft(name, body, after, batch.now, id_)
                batch.add(made, chosen=id_ is not None)
            except AmptError as error:
                raise type(error)(f"event {number}: {error}", error.hint) from error
            ids.append(made.id)
        batch.commit()
    except BaseException:
        batch.abort()
        raise
    return ids
