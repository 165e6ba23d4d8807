"""Publish many events together: all of them checked and written, then synced once."""

import os
from collections.abc import Callable, Iterable, Iterator

from ampt_cli import buckets, chosen, event, instants, layout
from ampt_cli.errors import CHECK, AmptError, BadEvent, NotConfirmed, TryAgain, from_os
from ampt_cli.fsio import FOLDER, Disk, reopened
from ampt_cli.publication import check_room, confirm, draft, wake
from ampt_cli.typed import Any

Draft = tuple[str, Any, Any, str | None]  # name, body, after, id

MOST_OPEN = 64  # buckets
SYNC_ONE_BY_ONE = 16  # more files than this share one sync of the file system
AGAIN = "they may run; only those with ids of their own are safe to publish again"


class Batch:
    """Events that are published together: all of them checked and written, then synced once.

    Nothing is visible before `commit`. The files wait in one folder of tmp/
    under their final names, so memory does not grow with the batch. From `begin`
    on it is to be aborted, whatever is raised, by a signal too.
    """

    def __init__(self, disk: Disk, clock: Callable[[], int]) -> None:
        self.disk = disk
        self.count = 0
        self.clock = clock
        self.now = clock()
        self._chosen: dict[str, tuple[event.Event, str]] = {}  # by id: with its place
        self._taken: dict[str, layout.Entry] = {}  # those of them that are new: where they go
        self.folder = f"{layout.TMP}/{instants.stamp(self.now)}.{os.urandom(6).hex()}"
        self.fd = -1
        self.begun = False

    def begin(self) -> None:
        """Make the folder. Raises AmptError; the caller then aborts."""
        self.begun = True
        disk = self.disk
        try:
            disk.make_folder(self.folder)
            self.fd = os.open(self.folder, FOLDER, dir_fd=disk.root)
            self.draft = Disk(self.fd, group=disk.group)
            self.chmod = not self.draft.natural_mode("mode")
        except OSError as error:
            raise from_os(error, f"begin a batch in the spool {disk.path}", CHECK) from error

    def add(self, name: str, body: Any, after: Any, id: str | None, *, place: str) -> event.Event:
        """Make, check and write one event, which stands at `place` (`line 3`) in what was given.

        Raises AmptError; the caller then aborts.
        """
        made = draft(name, body, after, self.now, id)
        if id is not None:
            if made.id in self._chosen:
                first = self._chosen[made.id][1]
                raise BadEvent(f"the id {made.id!r} stands twice in the batch, first in {first}")
            self._chosen[made.id] = made, place
        line = event.encode(made)
        check_room(self.disk)  # at each: a batch may be long
        # An id has no dot, and the name of an entry has.
        file = layout.file_of(made) if id is None else made.id
        try:
            self.draft.write_new(file, line, sync=False, chmod=self.chmod)
        except OSError as error:
            raise from_os(
                error, f"write {made.name!r} in the spool {self.disk.path}", CHECK
            ) from error
        self.count += 1
        return made

    def commit(self, commit: Callable[[], object] = int) -> list[event.Event]:
        """Publish all; durable on return. Returns the events with chosen ids, as published."""
        disk, earlier = self.disk, dict[str, event.Event]()
        try:
            if self.clock() - self.now > layout.PUBLISHER_GIVES_UP:
                raise TryAgain("the batch took more than a day to write; nothing was published")
            if not self._chosen:
                folders = self._publish(commit)
            else:
                with chosen.IdLock(disk):
                    earlier = self._published_before()
                    folders = self._publish(commit)
        except OSError as error:
            raise from_os(
                error, f"publish a batch of {self.count} in the spool {disk.path}", CHECK
            ) from error
        finally:
            self.abort()
        self._confirm(
            sorted({*folders, *(layout.published(made).folder for made in earlier.values())})
        )
        wake(disk)
        return [earlier.get(id_, made) for id_, (made, _) in self._chosen.items()]

    def _published_before(self) -> dict[str, event.Event]:
        """By their ids, those that were; the others are to be. Conflicts show before any event."""
        earlier = {}
        for made, place in self._chosen.values():
            try:
                found = chosen.published_as(self.disk, made)
            except AmptError as error:
                raise error.at(place) from None
            if found is None:
                self._taken[made.id] = layout.published(made)
            else:
                earlier[made.id] = found
                self.draft.remove(made.id)
                self.count -= 1
        return earlier

    def _publish(self, commit: Callable[[], object]) -> list[str]:
        """All of it, to its commit; the buckets that are to be confirmed."""
        disk = self.disk
        self._sync_files()
        folders = self._folders()
        buckets.make_all(disk, folders)
        chosen.take(disk, {id_: f"{self.folder}/{id_}" for id_ in self._taken})
        commit()
        self._rename_all()
        return folders

    def _sync_files(self) -> None:
        if self.count > SYNC_ONE_BY_ONE and self.disk.sync_all():
            return
        for file in self._files():
            fd = os.open(file, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)
            try:
                self.disk.sync_fd(fd)
            finally:
                os.close(fd)

    def _folders(self) -> list[str]:
        hours = {file[:11] for file in self._files() if "." in file}
        return sorted({*map(_bucket, hours), *(entry.folder for entry in self._taken.values())})

    def _rename_all(self) -> None:
        """One rename or link an event: each is published by its own, none is seen in part."""
        done = 0
        into = _Buckets(self.disk, self.fd)
        try:
            while True:
                before = done
                for file in self._files():
                    into.rename(file)
                    done += 1
                if done == before:
                    break
            for entry in self._taken.values():
                chosen.link(self.disk, entry)
                done += 1
        except OSError as error:
            if done:
                raise NotConfirmed(
                    f"published {done:,} of a batch of {self.count:,}, then: {error.strerror}",
                    "those will run; the rest was not published",
                ) from error
            raise
        finally:
            into.close()

    def _confirm(self, folders: list[str]) -> None:
        if self.count > SYNC_ONE_BY_ONE:
            try:
                for folder in folders:
                    buckets.make_durable(self.disk, folder)
                if self.disk.sync_all():
                    return
            except OSError as error:
                raise NotConfirmed(
                    f"a batch of {self.count:,} was published but may not survive a power cut: "
                    f"{error.strerror}",
                    AGAIN,
                ) from error
        for folder in folders:
            confirm(self.disk, folder, f"a batch of {self.count:,}", AGAIN)

    def _files(self) -> Iterator[str]:
        fd = reopened(self.fd)
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    yield entry.name
        finally:
            os.close(fd)

    def abort(self) -> None:
        """Remove what was written and not published. Never raises: the rest is swept later."""
        if not self.begun:
            return
        self.begun = False  # nothing is closed twice: the number may be somebody else's then
        try:
            if self.fd >= 0:
                for file in [*self._files()]:
                    os.unlink(file, dir_fd=self.fd)
            os.rmdir(self.folder, dir_fd=self.disk.root)
        except OSError:
            pass
        try:
            os.close(self.fd)
        except OSError:
            pass


class _Buckets:
    """Renames from one folder into the buckets of the names, which are kept open."""

    def __init__(self, disk: Disk, source: int) -> None:
        self.disk = disk
        self.source = source
        self._open: dict[str, int] = {}  # by the hour in a name

    def rename(self, file: str) -> None:
        """Move `file` into its bucket: it is published."""
        try:
            self._into(file)
        except FileNotFoundError:  # a runner found the bucket empty, and removed it
            self.close()
            buckets.into(self.disk, _bucket(file), lambda: self._into(file))

    def _into(self, file: str) -> None:
        hour = file[:11]
        target = self._open.get(hour)
        if target is None:
            if len(self._open) >= MOST_OPEN:
                self.close()
            target = self._open[hour] = os.open(_bucket(file), FOLDER, dir_fd=self.disk.root)
        os.rename(file, file, src_dir_fd=self.source, dst_dir_fd=target)

    def close(self) -> None:
        """Close all."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()


def _bucket(name: str) -> str:
    """Where an event with this name, or this beginning of one, waits."""
    return f"{layout.PENDING}/{instants.bucket(name)}"


def publish_many(disk: Disk, drafts: Iterable[Draft], clock: Callable[[], int]) -> list[str]:
    """Publish (name, body, after, id) tuples as one batch; their ids, in order.

    All are checked before any is visible. Raises AmptError: then, unless it is
    NotConfirmed, nothing was published.
    """
    batch = Batch(disk, clock)
    ids: list[str] = []
    try:
        batch.begin()
        for given in drafts:
            place = f"event {len(ids) + 1}"
            try:
                made = batch.add(*given, place=place)
            except AmptError as error:
                raise error.at(place) from error
            ids.append(made.id)
        batch.commit()
    except BaseException:
        batch.abort()
        raise
    return ids
