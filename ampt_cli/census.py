"""Count a spool by the names of its entries alone: no file is opened."""

import os
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ampt_cli import catalog, due, layout
from ampt_cli.fsio import Disk

TOLD_EVERY = 4096  # names between two calls of `told`


class Census(NamedTuple):
    """How much there is of what. Times are instants (ms), None where there is none."""

    counts: dict[str, int]  # by state, quarantine too
    names: Counter[tuple[str, str]]  # by state and event name
    overdue: int
    oldest: int | None  # due time of the longest overdue
    following: int | None  # the next due time to come
    coming: dict[str, int]  # waiting and not overdue, by bucket: "2026-11-24/10"
    ended: dict[str, dict[str, int]]  # done and dead, by state and date


def census(disk: Disk, now: int, told: Callable[[int], object] = int) -> Census:
    """Walk the names once. `told` hears now and then how many there were so far.

    Several folders are no snapshot: beside runners the figures are approximate.
    """
    counts: dict[str, int] = dict.fromkeys((*layout.STATES, layout.QUARANTINE), 0)
    names: Counter[tuple[str, str]] = Counter()
    ended: dict[str, dict[str, int]] = {state: {} for state in layout.FINISHED}
    clock = _Waiting(due.stamp(now))
    total = 0
    for folder in catalog.folders(disk, layout.STATES):
        state, _, bucket = folder.partition("/")
        found: Counter[str] = Counter()
        for file in catalog.files(disk, folder):
            words = file.split(".", 3)
            if len(words) == 4:
                found[words[3]] += 1
                clock.see(words[0], state)
                total += 1
                if total % TOLD_EVERY == 0:
                    told(total)
        for rest, count in found.items():
            names[state, layout.decode_name(rest.removesuffix(layout.SUFFIX)) or rest] += count
        here = found.total()
        counts[state] += here
        if state in layout.FINISHED and here:
            ended[state][bucket] = here
    counts[layout.QUARANTINE] = len(disk.list(layout.QUARANTINE))
    return Census(counts, names, *clock.figures(), ended)


class _Waiting:
    """What is due, and what is to come, from the stamps of waiting entries."""

    def __init__(self, now: str) -> None:
        self.now = now
        self.overdue = 0
        self.oldest = self.following = ""
        self.coming: Counter[str] = Counter()

    def see(self, stamp: str, state: str) -> None:
        if state not in layout.WAITING:
            return
        if stamp <= self.now:
            self.overdue += 1
            if not self.oldest or stamp < self.oldest:
                self.oldest = stamp
        else:
            self.coming[stamp[:11]] += 1
            if not self.following or stamp < self.following:
                self.following = stamp

    def figures(self) -> tuple[int, int | None, int | None, dict[str, int]]:
        coming = {due.bucket(hour): count for hour, count in sorted(self.coming.items())}
        return self.overdue, due.unstamp(self.oldest), due.unstamp(self.following), coming


def free(disk: Disk) -> float:
    """The part of the file system that is free for this user, 0 to 1: room or files, the less."""
    found = os.fstatvfs(disk.root)
    room = found.f_bavail / found.f_blocks if found.f_blocks else 1.0
    files = found.f_favail / found.f_files if found.f_files else 1.0
    return min(room, files)
