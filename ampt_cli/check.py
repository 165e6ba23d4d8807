"""Verify a spool against spool_format.md, and say what is wrong.

Safe beside publishers and runners: what moves meanwhile is no finding.
"""

import os
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from stat import S_IMODE, S_IRWXO, S_ISDIR, S_ISFIFO, S_ISREG
from typing import NamedTuple

from ampt_cli import catalog, instants, layout, lock, retention, twice, upkeep, walk
from ampt_cli.errors import Damaged
from ampt_cli.fsio import Disk
from ampt_cli.unread import Unread

KNOWN = {*layout.FOLDERS, layout.WAKE, layout.FORMAT, layout.RAN, layout.COUNTERS}


class Finding(NamedTuple):
    """One thing that is not as the format says."""

    path: str
    wrong: str
    repair: str  # what `repairs` does about it, or "" where a person must look


def check(disk: Disk, now: int) -> Iterator[Finding]:
    """Every finding. Memory grows with the findings, and by some 70 bytes an entry.

    Part by part: who mends each as it comes finds in the next what is left after that.
    """
    yield from [*_tops(disk)]
    if not all(disk.is_folder(folder) for folder in layout.FOLDERS if disk.exists(folder)):
        return  # it is said, and the rest cannot be looked at
    unread = Unread(disk)
    goes: set[str] = set()  # paths of what `repairs` puts in quarantine
    unlinked: list[Finding] = []
    # What a dead runner had claimed is elsewhere once it is rescued, so that comes first.
    # Each is listed: of a folder that files leave while it is read, others may be missed.
    parts = [_runners(disk), _strays(unread), _buckets(unread)]
    for part in (*parts, _twice(unread, goes)):
        for finding in [*unread.skipping(part)]:
            if finding.repair == "quarantine":
                goes.add(finding.path)
            if finding.repair == "link":
                unlinked.append(finding)
            else:
                yield finding
    # An id leads to one entry, so it must be the one that stays.
    links = [finding for finding in unlinked if finding.path not in goes]
    yield from links
    places = {id_path(finding.path) for finding in links}  # what is there makes room
    for part in (_ids(disk), _drafts(disk, now)):
        for finding in unread.skipping(part):
            if finding.path not in places:
                yield finding
    yield from _hidden(unread)


def _hidden(unread: Unread) -> Iterator[Finding]:
    """What could not be read, but for what is in a folder that cannot be."""
    for path, error in unread.why.items():
        above = accumulate(path.split("/")[:-1], "{}/{}".format)
        if unread.why.keys().isdisjoint(above):
            yield Finding(path, f"it cannot be read: {error.strerror}", "")


def id_path(path: str) -> str:
    """Where the id of the entry at `path` has its link."""
    folder, _, file = path.rpartition("/")
    return layout.id_path(layout.again(folder, file).id)


def _ids(disk: Disk) -> Iterator[Finding]:
    """What keeps chosen ids from being published."""
    for shard in disk.list(layout.IDS):
        path = f"{layout.IDS}/{shard}"
        if shard == layout.LOCK:
            if not _is_file(disk, path):
                yield Finding(path, "no regular file; remove it, and publishers make one", "")
        elif not disk.is_folder(path):
            wrong = "no folder of ids, or a link to one; put the folder itself here, or remove this"
            yield Finding(path, wrong, "")
        else:
            for id_ in walk.files(disk, path):
                if not _is_file(disk, f"{path}/{id_}"):
                    yield Finding(f"{path}/{id_}", "no regular file; remove it", "")


def _is_file(disk: Disk, path: str) -> bool:
    try:
        return S_ISREG(disk.status(path).st_mode)
    except FileNotFoundError:
        return True  # removed meanwhile


def _drafts(disk: Disk, now: int) -> Iterator[Finding]:
    for name in retention.stale(disk, now):
        yield Finding(f"{layout.TMP}/{name}", "left by a publisher that was killed", "sweep")
    for name in disk.list(layout.TMP):
        if not instants.is_stamp(name[: instants.STAMP_LENGTH]):
            wrong = "its name does not begin with a stamp; it is never swept"
            yield Finding(f"{layout.TMP}/{name}", wrong, "")


def _tops(disk: Disk) -> Iterator[Finding]:
    mode = S_IMODE(os.fstat(disk.root).st_mode)
    if mode & S_IRWXO:  # the folder keeps all that is below it
        yield Finding(".", f"anybody may look into the spool; chmod o= it (mode {mode:04o})", "")
    for folder in layout.FOLDERS:
        if not disk.exists(folder):
            yield Finding(folder, "this folder is missing", "make")
        elif not disk.is_folder(folder):
            wrong = "no folder, or a link to one; put the folder itself here, and check again"
            yield Finding(folder, wrong, "")
    if not disk.exists(layout.WAKE):
        yield Finding(layout.WAKE, "without it nobody is woken by a publish", "make")
    elif not S_ISFIFO(disk.status(layout.WAKE).st_mode):
        wrong = "no FIFO, so nobody is woken by a publish; remove it, and check --repair makes one"
        yield Finding(layout.WAKE, wrong, "")
    for name in disk.list("."):
        if name not in KNOWN:
            yield Finding(name, "not a part of a spool", "")


def _strays(unread: Unread) -> Iterator[Finding]:
    """Names that are no date or hour: nobody looks into them."""
    for state in (*layout.WAITING, *layout.FINISHED):
        for date in unread.names(state):
            path = f"{state}/{date}"
            if not _is_hour(unread.disk, path, date, "00"):
                yield Finding(path, "no folder of a date; nobody looks into it", "")
            elif state in layout.WAITING:
                for hour in unread.names(path):
                    if not _is_hour(unread.disk, f"{path}/{hour}", date, hour):
                        wrong = "no folder of an hour; nobody looks into it"
                        yield Finding(f"{path}/{hour}", wrong, "")
    yield from _loose(unread.disk)


def _loose(disk: Disk) -> Iterator[Finding]:
    """What lies beside the folders of runners, and of what is in quarantine."""
    there = {f"{layout.RUNNING}/{name}" for name in disk.list(layout.RUNNING)}
    for path in sorted(there - {*lock.runners(disk)}):
        if disk.exists(path):
            yield Finding(path, "no folder of a runner; nobody looks into it", "")
    for name in disk.list(layout.QUARANTINE):
        path = f"{layout.QUARANTINE}/{name}"
        if not disk.is_folder(path) and disk.exists(path):
            yield Finding(path, "no folder of what is in quarantine; nobody looks at it", "")


def _is_hour(disk: Disk, path: str, date: str, hour: str) -> bool:
    try:
        status = disk.status(path)
    except FileNotFoundError:
        return True  # removed meanwhile
    return instants.begin_of(date, hour) is not None and S_ISDIR(status.st_mode)


def _buckets(unread: Unread) -> Iterator[Finding]:
    for folder in unread.folders(layout.STATES):
        yield from unread.skipping(_folder(unread, folder), folder)


def _folder(unread: Unread, folder: str) -> Iterator[Finding]:
    disk, state = unread.disk, folder.partition("/")[0]
    if state != layout.RUNNING and upkeep.is_unmarked(disk, folder):
        yield Finding(folder, "its path may not survive a power cut", "durable")
    for file in walk.files(disk, folder, hidden=True):
        if file in (layout.RUNNER_FILES if state == layout.RUNNING else (layout.DURABLE,)):
            continue
        entry = layout.parse(folder, file)
        if entry is None:
            yield Finding(f"{folder}/{file}", "not an entry's name; it is never opened", "")
        elif state in layout.WAITING and folder != f"{state}/{instants.bucket(entry.stamp)}":
            yield Finding(entry.path, "not in the bucket of its stamp", "quarantine")
        else:
            yield from unread.skipping(_entry(unread, entry))


def _entry(unread: Unread, entry: layout.Entry) -> Iterator[Finding]:
    disk = unread.disk
    try:
        status = disk.status(entry.path)
    except FileNotFoundError:
        return
    if not S_ISREG(status.st_mode):
        yield Finding(entry.path, "no regular file", "quarantine")
        return
    seen = catalog.look(disk, entry)
    if seen is None:
        return
    if isinstance(seen.why, OSError):
        unread.note(entry.path, seen.why)
        return
    if seen.damage is not None:
        # What is newer is left where it is.
        repair = "quarantine" if isinstance(seen.why, Damaged) else ""
        yield Finding(entry.path, seen.damage, repair)
    if status.st_nlink > 1 and not _is_second_link(disk, entry, status):
        yield Finding(entry.path, f"it has {status.st_nlink} links", "")
    if status.st_nlink == 1 and disk.exists(place := layout.id_path(entry.id)):
        wrong = f"{place} is no link to it, so its id could be published again"
        yield Finding(entry.path, wrong, "link")


def _is_second_link(disk: Disk, entry: layout.Entry, status: os.stat_result) -> bool:
    """Whether the other link is that of a chosen id, or of a publisher that links out of tmp/."""
    if any(_is_link(disk, path, status) for path in _other_links(disk, entry.id)):
        return status.st_nlink == 2
    try:
        return disk.status(entry.path).st_nlink == 1  # its publisher is done meanwhile
    except FileNotFoundError:
        return True  # it was pruned, or moved


def _other_links(disk: Disk, id: str) -> Iterator[str]:
    """Where else an event may be; tmp/ is listed only for who has not found it before."""
    yield layout.id_path(id)
    yield from (f"{layout.TMP}/{name}" for name in disk.list(layout.TMP) if name.endswith(f".{id}"))


def _is_link(disk: Disk, path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(status, disk.status(path))
    except FileNotFoundError:
        return False


def _runners(disk: Disk) -> Iterator[Finding]:
    for folder in lock.runners(disk):
        try:
            abandoned = lock.is_abandoned(disk, folder)
        except OSError as error:
            wrong = (
                f"whether its runner lives cannot be told by its {layout.LOCK}: {error.strerror}"
            )
            yield Finding(folder, wrong, "")
            continue
        if abandoned:
            rest = ", and leaves the rest to you" if _has_odd(disk, folder) else ""
            wrong = f"its runner is gone; the next run rescues its claims{rest}"
            yield Finding(folder, wrong, "rescue")
        elif lock.is_remains(disk, folder):
            yield Finding(folder, "its runner has ended; the next run removes it", "rescue")
        elif not disk.exists(f"{folder}/{layout.LOCK}") and disk.exists(folder):
            wrong = f"it has no {layout.LOCK}, so nobody rescues what is in it"
            hint = "if its runner is gone, make that file, empty"
            yield Finding(folder, f"{wrong}; {hint}", "")


def _has_odd(disk: Disk, folder: str) -> bool:
    """Whether a runner's folder has names that no rescue takes, so that it stays."""
    names = set(disk.list(folder)) - layout.RUNNER_FILES
    return any(layout.parse(folder, name) is None for name in names)


def _twice(unread: Unread, goes: set[str]) -> Iterator[Finding]:
    """Events with two entries that stay, as a backup that is restored over a spool leaves them.

    What `goes` to quarantine for its own sake is none of them, or no entry might be left.
    """
    entries = partial(unread.entries, layout.STATES)
    for entry, latest in twice.older(unread.disk, entries, goes):
        claimed = layout.RUNNING in {entry.state, latest.state}
        # Of what is claimed, or cannot be read, nobody can say that it is the one to stay.
        unsure = claimed or latest.path in unread.why
        wrong = f"an older entry of the event that is also {latest.path}"
        yield Finding(entry.path, wrong, "" if unsure else "quarantine")
