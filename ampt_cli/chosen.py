"""Publish events whose id the caller chose, once (spool_format.md, section 8).

The file is linked twice: at `ids/XX/ID`, and in its bucket. One link means that
its publisher died before the commit, two that it was published. So the
second link finds an event again without walking the spool, and a crash never
makes a lost event look published.
"""

import os
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

from ampt_cli import buckets, event, instants, jsontext, layout
from ampt_cli.errors import CHECK, BadEvent, Damaged, SpoolError, TooNew, from_os
from ampt_cli.fsio import READ, Disk
from ampt_cli.publication import check_room, confirm, wake

AGAIN = "it may run; the same call again is safe"


def publish(disk: Disk, made: event.Event, commit: Callable[[], object] = int) -> event.Event:
    """Publish `made` unless its id was published before; durable on return.

    If it was, with the same name and body, the earlier event is returned and
    nothing changes. Raises BadEvent if it was with others, and as
    `publication.publish`.
    """
    line = event.encode(made)
    target = layout.published(made)
    try:
        with IdLock(disk):
            earlier = published_as(disk, made)
            if earlier is None:
                check_room(disk)
                _publish(disk, made, line, target, commit)
    except OSError as error:
        raise from_os(
            error, f"publish {made.name!r} with the id {made.id} in the spool {disk.path}", CHECK
        ) from error
    if earlier is not None:
        # Its publisher may have been killed before its own last sync.
        confirm(disk, layout.published(earlier).folder, earlier.id, AGAIN)
        return earlier
    confirm(disk, target.folder, made.id, AGAIN)
    wake(disk)
    return made


def _publish(
    disk: Disk,
    made: event.Event,
    line: bytes,
    target: layout.Entry,
    commit: Callable[[], object],
) -> None:
    tmp = _draft(made.id, made.time)
    try:
        disk.write_new(tmp, line)
        take(disk, {made.id: tmp})
        commit()
    except BaseException:
        disk.forget(tmp)
        raise
    link(disk, target)


def _draft(id: str, now: int) -> str:
    return f"{layout.TMP}/{instants.stamp(now)}.{id}.{os.urandom(4).hex()}"


def take(disk: Disk, files: dict[str, str]) -> None:
    """Put the files of ids at their places below ids/, durably, before any is linked.

    The id lock is held, and published_as() has found that nobody has them. A crash
    right after leaves one link each, which the next publisher of the id replaces.
    """
    places = {id_: layout.id_path(id_) for id_ in files}
    shards = sorted({place.rpartition("/")[0] for place in places.values()})
    if len(shards) > buckets.FEW:
        buckets.make_all(disk, shards)
    for id_, place in places.items():
        _into_shard(disk, files[id_], place)
    for shard in shards:
        buckets.make_durable(disk, shard)
    if len(shards) <= buckets.FEW or not disk.sync_all():
        for shard in shards:
            disk.sync(shard)


def _into_shard(disk: Disk, file: str, place: str) -> None:
    buckets.into(disk, place.rpartition("/")[0], lambda: disk.publish(file, place))


def link(disk: Disk, target: layout.Entry) -> None:
    """Link a taken id into its bucket: it is published."""
    buckets.into(disk, target.folder, lambda: disk.link(layout.id_path(target.id), target.path))


def published_as(disk: Disk, made: event.Event) -> event.Event | None:
    """The event published before with the id of `made`, if there is one.

    The id lock is held. Raises BadEvent if it has another name or body, SpoolError if it is
    damaged, TooNew if it is of a newer format.
    """
    try:
        fd = os.open(layout.id_path(made.id), READ, dir_fd=disk.root)
    except FileNotFoundError:
        return None
    try:
        if os.fstat(fd).st_nlink < 2:
            return None  # its publisher died before the commit, or it was pruned
        first, newline, _ = os.read(fd, event.MAX_BYTES).partition(b"\n")
    finally:
        os.close(fd)
    try:
        earlier = event.decode(first + newline)
    except Damaged as error:
        raise SpoolError(
            f"the id {made.id!r} was published before, and cannot be compared: "
            f"{disk.path}/{layout.id_path(made.id)} is damaged: {error}",
            f"see: ampt inspect {layout.id_as_argument(made.id)}; "
            "to publish the id again, delete that file",
        ) from None
    except TooNew as error:
        raise TooNew(
            f"the id {made.id!r} was published before, and cannot be compared: {error}",
            f"upgrade; see: ampt inspect {layout.id_as_argument(made.id)}",
        ) from None
    if earlier.name != made.name or not jsontext.same(earlier.body, made.body):
        raise BadEvent(
            f"the id {made.id!r} was published before with another name or body",
            f"see: ampt inspect {layout.id_as_argument(made.id)}",
        )
    return earlier


def link_again(disk: Disk, path: str, now: int) -> None:
    """Make the entry at `path` what its id is found by, as before it was copied; durable on return.

    A crash leaves a link in tmp/, for the sweep, and perhaps the old file of the id.
    """
    folder, _, file = path.rpartition("/")
    id_ = layout.again(folder, file).id
    place, draft = layout.id_path(id_), _draft(id_, now)
    with IdLock(disk):
        try:
            disk.link(path, draft)
            disk.replace(draft, place)
        finally:
            disk.forget(draft)  # also where both were links to one file already: then it stays
        disk.sync(place.rpartition("/")[0])


class IdLock:
    """Chosen ids are published one at a time. The kernel frees the lock of the dead.

    A publisher that is stopped keeps it: whoever must not wait gets BlockingIOError.
    """

    def __init__(self, disk: Disk, wait: bool = True) -> None:
        self.disk = disk
        self.how = LOCK_EX if wait else LOCK_EX | LOCK_NB

    def __enter__(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        path = f"{layout.IDS}/{layout.LOCK}"
        self.fd = self.disk.open_shared(path, flags)
        try:
            flock(self.fd, self.how)
        except BaseException:  # another has it; or a signal, meanwhile
            os.close(self.fd)
            raise

    def __exit__(self, *_: object) -> None:
        try:
            try:
                flock(self.fd, LOCK_UN)  # a child that another thread has forked may have it open
            finally:
                os.close(self.fd)
        except OSError:
            pass  # the lock is free all the same, and nothing was written through it
