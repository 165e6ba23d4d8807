"""The moves of `layout`, made durable by `fsio`: what runners and operators do to entries.

Every function names the one rename that commits it. Losing a race for an entry
(somebody else moved it) is normal and returns None or False.
"""

import os

from ampt_cli import buckets, chosen, instants, layout, record
from ampt_cli.fsio import Disk
from ampt_cli.layout import Entry


class RecordLost(Exception):
    """An entry was moved, but its record could not be written: what was done stands."""

    def __init__(self, target: Entry, error: OSError) -> None:
        super().__init__(str(error))
        self.target = target
        self.error = error


def claim(disk: Disk, entry: Entry, runner: str) -> Entry | None:
    """Take a waiting entry into `running/RUNNER`: the rename counts the attempt.

    The runner's folder is durable. A crash right after leaves a claim of a dead
    runner: rescue gives it back.
    """
    target = layout.claimed(entry, runner)
    try:
        disk.move(entry.path, target.path)
    except FileNotFoundError:
        return None  # race: another runner or an operator was faster
    return target


def release(disk: Disk, entry: Entry) -> bool:
    """Give back a claim whose attempt has not begun; it is uncounted."""
    return _move(disk, entry, layout.released(entry))


def finish(disk: Disk, entry: Entry, now: int) -> bool:
    """Move a claim to done, which has its record."""
    return _into(disk, layout.day_of(layout.DONE, now), entry.file, entry)


def settle(disk: Disk, entry: Entry, target: Entry, line: bytes, *, sync: bool) -> bool:
    """Append the attempt's record, then move the claim to where the verdict sends it.

    A crash between the two leaves a claim with its record: rescue finishes a
    success, and interrupts any other attempt once more. The move needs no
    room: where the record cannot be written, it is made all the same, and
    RecordLost is raised.
    """
    lost: OSError | None = None
    try:
        disk.append(entry.path, line, sync=sync)
    except FileNotFoundError:
        return False
    except OSError as error:
        lost = error
    moved = _move(disk, entry, target)
    if moved and lost is not None:
        raise RecordLost(target, lost)
    return moved


def reschedule(disk: Disk, entry: Entry, instant: int, action: str, now: int) -> Entry | None:
    """Give a waiting entry another due time. The deed is noted after the commit."""
    target = layout.waiting(entry, entry.state, instant)
    if target == entry:
        return entry
    return _deed(disk, entry, target, record.deed(action, now, next=instant))


def cancel(disk: Disk, entry: Entry, now: int) -> Entry | None:
    """Move a waiting entry to done with the outcome `cancelled`."""
    target = layout.finished(entry, layout.DONE, now)
    noted = record.deed("cancelled", now, outcome=record.CANCELLED)
    return _deed(disk, entry, target, noted)


def replace(disk: Disk, entry: Entry, by: str, now: int) -> Entry | None:
    """Move an entry whose event was published anew as `by` to done.

    A crash between that publish and this move leaves both; the new one says what it replaces.
    """
    target = layout.finished(entry, layout.DONE, now)
    noted = record.deed("replaced", now, outcome=record.CANCELLED, by=by)
    return _deed(disk, entry, target, noted)


def redrive(disk: Disk, entry: Entry, now: int) -> Entry | None:
    """Move a dead letter back to pending, due now; its history stays, the window is new.

    The deed is noted *before* the commit: it opens the new window, and must be
    there before a runner looks. Noted without a move, it changes nothing.
    """
    target = layout.waiting(entry, layout.PENDING, now)
    noted = record.line(record.deed("redriven", now))
    try:
        disk.append(entry.path, noted, sync=True)
    except FileNotFoundError:
        return None
    return target if _move(disk, entry, target) else None


def discard(disk: Disk, entry: Entry, *, wait: bool) -> bool:
    """Delete a finished entry, then the second link that a chosen id gave it.

    A crash between leaves one link, which means nothing. The id lock keeps a
    publisher from taking the id again between the two. Without `wait` the
    entry stays, and it is False, while another has that lock.
    """
    try:
        links = disk.status(entry.path).st_nlink
    except FileNotFoundError:
        return False
    if links == 1:
        return disk.remove(entry.path)
    try:
        with chosen.IdLock(disk, wait=wait):
            removed = disk.remove(entry.path)
            disk.remove(layout.id_path(entry.id))
    except BlockingIOError:
        return False
    return removed


def quarantine(disk: Disk, path: str, reason: str, now: int) -> str:
    """Move what is at `path` (never followed, never read) to quarantine; its new folder.

    The reason is written first: a crash between leaves a reason without a file.
    """
    folder = f"{layout.QUARANTINE}/{instants.stamp(now)}-{os.urandom(4).hex()}"
    disk.make_folder(folder)
    told = f"{path}: {reason}\n".encode("utf-8", "backslashreplace")
    disk.write_new(f"{folder}/{layout.REASON}", told)
    disk.sync(folder)
    disk.sync(layout.QUARANTINE)
    disk.move(path, f"{folder}/{path.rpartition('/')[2]}")
    return folder


def _deed(disk: Disk, entry: Entry, target: Entry, noted: record.Record) -> Entry | None:
    """Move, then note it. A crash between leaves the new state without a note.

    So does a disk without room for it: then RecordLost is raised.
    """
    if not _move(disk, entry, target):
        return None
    try:
        disk.append(target.path, record.line(noted), sync=False)
    except FileNotFoundError:
        pass  # claimed meanwhile: the move stands
    except OSError as error:
        raise RecordLost(target, error) from error
    return target


def _move(disk: Disk, entry: Entry, target: Entry) -> bool:
    return _into(disk, target.folder, target.file, entry)


def _into(disk: Disk, folder: str, file: str, entry: Entry) -> bool:
    """Rename into a bucket that is durable: whoever made it may have been killed before it was.

    Or else a power cut could keep the rename, and lose the bucket with what is in it.
    """
    target = f"{folder}/{file}"
    if folder in disk.durable:
        try:
            disk.move(entry.path, target)
        except FileNotFoundError:
            disk.durable.discard(folder)  # perhaps it was removed, perhaps the entry has gone
        else:
            return True
    buckets.make_durable(disk, folder)
    try:
        buckets.into(disk, folder, lambda: disk.move(entry.path, target))
    except FileNotFoundError:
        if disk.exists(entry.path):
            raise  # nobody was faster: a top folder is missing
        return False
    buckets.make_durable(disk, folder)  # race: it was removed, and is being made by another
    if folder.partition("/")[0] in layout.FINISHED:
        disk.durable.add(folder)  # nobody removes it while it is today's
    return True
