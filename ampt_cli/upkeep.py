"""Rescue what dead runners had claimed, sweep tmp/, prune by retention, mark folders."""

import os
from collections.abc import Callable, Iterator
from itertools import islice

from ampt_cli import buckets, layout, lock, reading, record, settling, spool, walk
from ampt_cli.errors import Damaged, TooNew, Trouble
from ampt_cli.fsio import Disk
from ampt_cli.marks import Begun
from ampt_cli.policy import Retries, Verdict
from ampt_cli.retention import Retention, expired, stale
from ampt_cli.typed import Value

LOOKS = 10  # at an entry for each that is deleted, where some cannot be
TWICE = "there is another entry of this event where it was to go"
Settled = Callable[[layout.Entry, Verdict], object]
INTERRUPTED = "the runner, or its machine, stopped during the attempt"


class Rescued(Value):
    """What a rescue came to, in events."""

    interrupted: int = 0  # their attempts had begun
    given_back: int = 0  # theirs had not: they were not counted
    succeeded: int = 0  # theirs had, and has its record: only the move was missing
    quarantined: int = 0  # another entry of the event was where they were to go


class Rescue:
    """Gives back or settles the claims of runners of whom nobody lives.

    The five steps of spool_format.md, section 9. A claim that cannot be rescued
    is told to `problem`, is left in `trouble`, and stays; so does one of a newer format,
    which is no trouble. An attempt that had begun is told to `settled`, with the verdict on it.
    """

    def __init__(
        self,
        disk: Disk,
        clock: Callable[[], int],
        retries: Retries,
        problem: Callable[[str], object],
        settled: Settled = lambda *_: None,
    ) -> None:
        self.disk = disk
        self.clock = clock
        self.retries = retries
        self.problem = problem
        self.settled = settled
        self.trouble = Trouble()
        self.others = 0  # runners that were seen, alive or not
        self._counts = dict.fromkeys(Rescued.fields(), 0)

    def all(self, own: str | None = None) -> Rescued:
        """Of every runner but one's `own`; where locks cannot be tried, that is told.

        Neither a claim nor a folder that cannot be taken keeps others from it.
        """
        for folder in lock.runners(self.disk):
            if folder == own:
                continue
            self.others += 1
            try:
                self.one(folder)
            except OSError as error:
                self.problem(f"cannot rescue {folder}: {error}")
        return Rescued(**self._counts)

    def one(self, folder: str) -> None:
        """Of one runner; nothing where somebody of it lives. Raises OSError."""
        held = lock.take_abandoned(self.disk, folder)
        if held is None:
            if lock.is_remains(self.disk, folder):
                dismantle(self.disk, folder)
            return
        try:
            begun = Begun(self.disk, folder)
            entries = walk.entries(self.disk, folder)
            for entry in sorted(entries, key=lambda entry: entry.file):
                self._claim(entry, begun)
            dismantle(self.disk, folder)
        finally:
            for fd in held:
                os.close(fd)

    def _claim(self, entry: layout.Entry, begun: Begun) -> None:
        try:
            what, verdict = _rescue_one(self.disk, entry, begun, self.clock(), self.retries)
            self._counts[what] += 1
            if verdict is not None:
                self.settled(entry, verdict)
            if what == "quarantined":
                self.problem(f"quarantined {entry.file}: {TWICE}")
        except spool.RecordLost as lost:
            self._counts["interrupted"] += 1
            path, why = lost.target.path, lost.error
            self.problem(f"cannot write the record of {path}; it was moved there: {why}")
        except TooNew as error:
            self.problem(f"left {entry.path} where it is: {error}")
        except OSError as error:
            self.problem(f"cannot rescue {entry.path}: {error}")
            self.trouble.add(error)


def _rescue_one(
    disk: Disk, entry: layout.Entry, begun: Begun, now: int, retries: Retries
) -> tuple[str, Verdict | None]:
    """What it counts as (see Rescued), and the verdict if its attempt was interrupted."""
    verdict = None
    if not begun.may_have_begun(entry.file) or not _is_whole(disk, entry):
        what = "given_back"
    elif settling.has_succeeded(disk, entry):
        what = "succeeded"
    else:
        what = "interrupted"
    try:
        if what == "given_back":
            spool.release(disk, entry)
        elif what == "succeeded":
            spool.finish(disk, entry, now)
        else:
            verdict = interrupt(disk, entry, begun.start(entry.file) or now, now, retries)
    except FileExistsError:
        spool.quarantine(disk, entry.path, TWICE, now)
        what = "quarantined"
    return what, verdict


def _is_whole(disk: Disk, entry: layout.Entry) -> bool:
    """Only to an event is a record appended; what is damaged goes back, and to quarantine.

    Raises TooNew: what is newer stays, for a newer program to rescue.
    """
    try:
        reading.first_line(disk, entry)
    except Damaged:
        return False
    return True


def interrupt(
    disk: Disk, entry: layout.Entry, start: int, now: int, retries: Retries
) -> Verdict | None:
    """Settle an attempt that began and was cut short."""
    made: record.Record = {
        "attempt": entry.attempt,
        "start": start,
        "ms": max(now - start, 0),
        "outcome": record.INTERRUPTED,
        "handlers": [],
        "error": INTERRUPTED,
    }
    return settling.settle_other(disk, entry, made, now=now, retries=retries)


def dismantle(disk: Disk, folder: str) -> None:
    """Remove a runner's folder whose locks are held, or gone; entries in it are never removed.

    It leaves running/ by one rename, with its lock: a crash later leaves a
    folder in tmp/, for the sweep. Before, it is synced: otherwise a power cut
    could keep this rename, and undo those that took its entries out of it.
    """
    if not set(disk.list(folder)) <= layout.RUNNER_FILES:
        return  # something odd is in it; `ampt check` says so
    draft = f"{layout.TMP}/{folder.rpartition('/')[2]}"
    try:
        disk.sync(folder)
        disk.move(folder, draft)
    except (FileNotFoundError, FileExistsError):
        return
    remove(disk, draft)


def remove(disk: Disk, path: str) -> None:
    """Remove a file or a folder of tmp/, with all that is in it. Raises OSError."""
    try:
        disk.remove(path)
    except (IsADirectoryError, PermissionError):  # macOS says EPERM of a folder
        if not disk.is_folder(path):
            raise
        for name in disk.list(path):
            remove(disk, f"{path}/{name}")
        try:
            disk.remove_folder(path)
        except FileNotFoundError:
            return  # somebody else has


def mark(disk: Disk) -> None:
    """Make the markers of `done` and `dead` again that a power cut took.

    A runner may be killed between making one and syncing it; the next finds it, and moves entries
    in. Their path is durable all the same, but nobody moves into the folder of an old date again.
    """
    trouble = Trouble()
    for folder in walk.folders(disk, layout.FINISHED):
        with trouble:
            if is_unmarked(disk, folder):
                buckets.make_durable(disk, folder)
    trouble.tell()


def is_unmarked(disk: Disk, bucket: str) -> bool:
    """Whether a bucket has entries and no marker. An empty one is being made, or removed."""
    return not buckets.is_marked(disk, bucket) and any(walk.files(disk, bucket))


def sweep(disk: Disk, now: int) -> int:
    """Remove what publishers and runners left in tmp/ when they were killed; how much.

    By the stamp in the name, never by mtime, and long after any publisher has given up.
    What cannot be removed keeps no other; the first error is raised at the end.
    """
    count, trouble = 0, Trouble()
    for name in stale(disk, now):
        with trouble:
            remove(disk, f"{layout.TMP}/{name}")
            count += 1
    trouble.tell()
    return count


def prune(
    disk: Disk, now: int, retention: Retention, trouble: Trouble, most: int | None = None
) -> int:
    """Delete finished entries past their retention, at most `most`; how many.

    What cannot be read or deleted keeps no other, and is left in `trouble`. A runner gives `most`,
    and waits for nobody, for it enforces no deadline meanwhile: what is locked is left for the
    next time.
    """
    count = 0
    for entry in islice(_past(disk, now, retention, trouble), most and LOOKS * most):
        if count == most:
            break
        with trouble:
            count += spool.discard(disk, entry, wait=most is None)
    return count


def _past(disk: Disk, now: int, retention: Retention, trouble: Trouble) -> Iterator[layout.Entry]:
    """Entries past their retention; the folder of a date is removed once it is empty."""
    for folder in expired(disk, now, retention, trouble):
        with trouble:
            yield from walk.entries(disk, folder)
            buckets.remove(disk, folder)
