"""Verify a spool against spool_format.md, and say what is wrong.

Safe beside publishers and runners: what moves meanwhile is no finding.
"""

import os
from collections.abc import Iterator
from stat import S_ISREG
from typing import NamedTuple

from ampt_cli import catalog, due, layout, lock, retention, spool
from ampt_cli.errors import Damaged
from ampt_cli.fsio import Disk


class Finding(NamedTuple):
    """One thing that is not as the format says."""

    path: str
    wrong: str
    repair: str  # "quarantine", "rescue", "sweep", "durable", or "" where a person must look


def check(disk: Disk, now: int) -> Iterator[Finding]:
    """Every finding. Memory grows with the findings and the waiting ids only by name."""
    yield from _tops(disk)
    for folder in catalog.folders(disk, layout.STATES):
        yield from _folder(disk, folder)
    for runner in disk.list(layout.RUNNING):
        yield from _runner(disk, f"{layout.RUNNING}/{runner}")
    for name in retention.stale(disk, now):
        yield Finding(f"{layout.TMP}/{name}", "left by a publisher that was killed", "sweep")


def _tops(disk: Disk) -> Iterator[Finding]:
    for folder in layout.FOLDERS:
        if not disk.exists(folder):
            yield Finding(folder, "this folder is missing", "")
    for name in disk.list("."):
        if name not in (*layout.FOLDERS, layout.WAKE, layout.FORMAT):
            yield Finding(name, "not a part of a spool", "")


def _folder(disk: Disk, folder: str) -> Iterator[Finding]:
    state = folder.partition("/")[0]
    # An empty bucket without its marker is being made, or removed.
    marked = state == layout.RUNNING or disk.exists(f"{folder}/{layout.DURABLE}")
    if not marked and any(catalog.files(disk, folder)):
        yield Finding(folder, "its path may not survive a power cut", "durable")
    for file in catalog.files(disk, folder):
        if state == layout.RUNNING and file in layout.RUNNER_FILES:
            continue
        entry = layout.parse(folder, file)
        if entry is None:
            yield Finding(f"{folder}/{file}", "not an entry's name; it is never opened", "")
        elif state in layout.WAITING and folder != f"{state}/{due.bucket(entry.stamp)}":
            yield Finding(entry.path, "not in the bucket of its stamp", "quarantine")
        else:
            yield from _entry(disk, entry)


def _entry(disk: Disk, entry: layout.Entry) -> Iterator[Finding]:
    try:
        status = os.stat(entry.path, dir_fd=disk.root, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not S_ISREG(status.st_mode):
        yield Finding(entry.path, "no regular file", "quarantine")
        return
    seen = catalog.look(disk, entry)
    if seen is None:
        return
    if seen.damage is not None:
        # What is newer, or cannot be read just now, is left where it is.
        repair = "quarantine" if isinstance(seen.why, Damaged) else ""
        yield Finding(entry.path, seen.damage, repair)
    if status.st_nlink > 1 and not _is_second_link(disk, entry, status):
        yield Finding(entry.path, f"it has {status.st_nlink} links", "")


def _is_second_link(disk: Disk, entry: layout.Entry, status: os.stat_result) -> bool:
    try:
        other = os.stat(layout.id_path(entry.id), dir_fd=disk.root, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return status.st_nlink == 2 and os.path.samestat(status, other)


def _runner(disk: Disk, folder: str) -> Iterator[Finding]:
    if lock.is_abandoned(disk, folder):
        yield Finding(folder, "its runner is gone; the next run rescues its claims", "rescue")


def repair(disk: Disk, finding: Finding, now: int) -> bool:
    """Mend one finding, if this can be done without a person. Rescue and sweep are a run's."""
    if finding.repair == "quarantine":
        spool.quarantine(disk, finding.path, finding.wrong, now)
    elif finding.repair == "durable":
        disk.make_durable(finding.path)
    else:
        return False
    return True
