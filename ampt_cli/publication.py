"""Publish an event: the order of writes and syncs of spool_format.md, section 8.

Nothing here locks, and nothing depends on how many events wait.
"""

import os

from ampt_cli import buckets, due, event, instants, layout
from ampt_cli.errors import CHECK, NotConfirmed, TryAgain, from_os
from ampt_cli.fsio import Disk

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# What publishers leave to runners, which need room for their records (Postfix: queue_minfree).
MIN_FREE = 512 * 1024  # bytes
MIN_FILES = 16

WAKE_FLAGS = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


def new_id(instant: int) -> str:
    """A fresh id: 80 random bits, and the due hour, which only helps to find the event again."""
    return f"{os.urandom(10).hex()}{instant // instants.HOUR:06x}"


def draft(
    name: str,
    body: "Any",
    after: "due.After | None",
    now: int,
    id: str | None = None,
) -> event.Event:
    """The event that a publish at `now` (ms) makes. Raises BadEvent, BadDue."""
    name = event.check_name(name)
    if not 0 <= now < instants.LAST - 366 * instants.DAY:
        raise TryAgain(f"the clock is wrong: it says {now} ms since 1970", "set the clock")
    instant = now if after is None else due.parse(after, now)
    chosen = new_id(instant) if id is None else event.check_id(id)
    return event.Event(chosen, name, body, now, instant)


def publish(disk: Disk, made: event.Event, commit: "Callable[[], object]" = int) -> event.Event:
    """Publish `made`, whose id is new; it is durable on return.

    `commit` is called right before the event becomes visible. Raises AmptError;
    unless it is NotConfirmed, nothing was published.
    """
    line = event.encode(made)
    check_room(disk)
    tmp = f"{layout.TMP}/{instants.stamp(made.time)}.{made.id}"
    target = layout.published(made)
    try:
        try:
            disk.write_new(tmp, line)
            commit()
            buckets.into(disk, target.folder, lambda: disk.publish(tmp, target.path))
        except BaseException:
            disk.forget(tmp)
            raise
    except OSError as error:
        raise from_os(error, f"publish {made.name!r} in the spool {disk.path}", CHECK) from error
    confirm(disk, target.folder, made.id, "it may run; only with an id is it safe to publish again")
    wake(disk)
    return made


def check_room(disk: Disk) -> None:
    """Raise TryAgain where the disk is so full that runners need what is left."""
    try:
        free = os.statvfs(disk.root)
    except OSError:
        return  # the writes that follow will tell
    if free.f_blocks and free.f_bavail * free.f_frsize < MIN_FREE:
        left = free.f_bavail * free.f_frsize // 1024
        what = f"{left} KiB are free, and the last {MIN_FREE // 1024} KiB"
    elif free.f_files and free.f_favail < MIN_FILES:
        what = f"it has room for {free.f_favail} files, and the last {MIN_FILES}"
    else:
        return
    raise TryAgain(
        f"the disk of the spool is full: {what} are kept for running events",
        "nothing was published; try again when there is room",
    )


def confirm(disk: Disk, bucket: str, what: str, hint: str) -> None:
    """Make the bucket's path and names durable: the last step before success may be reported.

    `hint` says what to do where they are not. Raises NotConfirmed.
    """
    try:
        try:
            buckets.make_durable(disk, bucket)
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
            hint,
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
