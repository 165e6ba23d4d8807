"""Count a spool by the names of its entries alone: no file is opened."""

import os
from collections import Counter
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from ampt_cli import instants, layout, walk
from ampt_cli.fsio import Disk
from ampt_cli.unread import Unread

SETTLED = 2_000_000_000  # ns after which a folder's mtime tells of every later change


class Census(NamedTuple):
    """How much there is of what. Times are instants (ms), None where there is none."""

    counts: dict[str, int]  # by state, quarantine too
    names: Counter[tuple[str, str]]  # by state and event name
    overdue: int
    oldest: int | None  # due time of the longest overdue
    following: int | None  # the next due time to come
    coming: dict[str, int]  # waiting and not overdue, by bucket: "2026-11-24/10"
    ended: dict[str, dict[str, int]]  # done and dead, by state and date
    claimed: int | None  # due time of the claim that was due first


class Folder(NamedTuple):
    """What one folder has: names, as files end with them, and of their stamps what is needed."""

    names: Counter[str]
    late: int  # stamps that are over
    first: str  # the earliest
    after: str  # the earliest that is not over


class Counting:
    """A census that can be repeated: folders that did not change are not walked again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Folder]] = {}  # by path: mtime and what it had

    def census(self, unread: Unread, now: int, told: Callable[[int], object] = int) -> Census:
        """Walk the names that can be read. `told` hears now and then how many there were so far.

        Several folders are no snapshot: beside runners the figures are approximate.
        """
        counts: dict[str, int] = dict.fromkeys((*layout.STATES, layout.QUARANTINE), 0)
        names: Counter[tuple[str, str]] = Counter()
        ended: dict[str, dict[str, int]] = {state: {} for state in layout.FINISHED}
        coming: dict[str, int] = {}
        overdue, oldest, following, claimed = 0, "", "", ""
        stamp, known = instants.stamp(now), self._known
        self._known = {}
        seen = 0

        def more(count: int) -> None:
            nonlocal seen
            seen += count
            told(seen)

        for path in unread.folders(layout.STATES):
            state, _, bucket = path.partition("/")
            found = self._folder(unread, path, stamp, known, more)
            total = found.names.total()
            counts[state] += total
            for rest, count in found.names.items():
                coded = rest.removesuffix(layout.SUFFIX)
                names[state, layout.decode_name(coded) or coded] += count
            if state in layout.FINISHED and total:
                ended[state][bucket] = total
            elif state == layout.RUNNING and total:
                claimed = min(claimed or found.first, found.first)
            elif state in layout.WAITING and total:
                overdue += found.late
                if found.late:
                    oldest = min(oldest or found.first, found.first)
                if found.after:
                    following = min(following or found.after, found.after)
                    coming[bucket] = coming.get(bucket, 0) + total - found.late
        counts[layout.QUARANTINE] = _set_aside(unread)
        coming = dict(sorted(coming.items()))
        first, after, held = map(instants.unstamp, (oldest, following, claimed))
        return Census(counts, names, overdue, first, after, coming, ended, held)

    def _folder(
        self,
        unread: Unread,
        path: str,
        stamp: str,
        known: dict[str, tuple[int, Folder]],
        more: Callable[[int], object],
    ) -> Folder:
        try:
            changed = unread.disk.status(path).st_mtime_ns
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                unread.note(path, error)
            return Folder(Counter(), 0, "", "")
        entry = known.get(path)
        if entry is None or entry[0] != changed:
            entry = (changed, _walk(unread, path, stamp, more))
        # Of the hour that runs, what is late changes with the clock; and what changed
        # just now may change again without another mtime.
        lasts = instants.bucket(stamp) not in path and path not in unread.why
        if lasts and changed + SETTLED < time_ns():
            self._known[path] = entry
        return entry[1]


def census(unread: Unread, now: int, told: Callable[[int], object] = int) -> Census:
    """Count once what can be read."""
    return Counting().census(unread, now, told)


def _set_aside(unread: Unread) -> int:
    """How many files are in quarantine: not reasons whose file was never moved, or was deleted."""
    folders = unread.names(layout.QUARANTINE)
    held = (set(unread.names(f"{layout.QUARANTINE}/{name}")) - {layout.REASON} for name in folders)
    return sum(map(len, held))


def _walk(unread: Unread, path: str, now: str, more: Callable[[int], object]) -> Folder:
    names: Counter[str] = Counter()
    late, first, after = 0, "", ""
    for files in unread.skipping(walk.chunks(unread.disk, path), path):
        entries, rests = _entries(files)
        if entries:
            earliest = min(entries)
            first = min(first or earliest, earliest)
            coming = [file for file in entries if file[: instants.STAMP_LENGTH] > now]
            if coming:
                soonest = min(coming)
                after = min(after or soonest, soonest)
            names.update(rests)
            late += len(entries) - len(coming)
        more(len(entries))
    return Folder(names, late, first[: instants.STAMP_LENGTH], after[: instants.STAMP_LENGTH])


def _entries(files: list[str]) -> tuple[list[str], list[str]]:
    """Those that have the form of an entry's name, and what follows the attempt in each."""
    try:
        return files, [file.split(".", 3)[3] for file in files]
    except IndexError:
        return _entries([file for file in files if file.count(".") > 2])


def free(disk: Disk) -> float:
    """The part of the file system that is free for this user, 0 to 1: room or files, the less."""
    found = os.fstatvfs(disk.root)
    room = found.f_bavail / found.f_blocks if found.f_blocks else 1.0
    files = found.f_favail / found.f_files if found.f_files else 1.0
    return min(room, files)
