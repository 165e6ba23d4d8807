"""Buckets: folders whose path is durable before anybody relies on it.

A bucket has a marker, made last: who finds it may rely on the path (spool_format.md,
section 8). A runner removes a bucket that is empty, at any time and under anybody;
who moves an entry into one makes it again.
"""

import os
from errno import EEXIST, ENOTEMPTY

from ampt_cli.fsio import NEW, Disk
from ampt_cli.layout import DURABLE

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 4  # more buckets than this are made with one sync


def make(disk: Disk, path: str) -> None:
    """Make `path` and its parents, with a path that is durable on return."""
    parts = _make_path(disk, path)
    for end in range(len(parts) - 1, 0, -1):
        disk.sync("/".join(parts[:end]))
    _mark(disk, path)
    disk.sync(path)  # or a cut could keep entries that come later, and not the marker


def make_all(disk: Disk, paths: "list[str]") -> None:
    """The same for those of many that are missing, with one sync of all.

    Their markers are not yet durable. One that a runner removes meanwhile is made
    again by who moves into it.
    """
    missing = [path for path in paths if not is_marked(disk, path)]
    for path in missing:
        _make_path(disk, path)
    one_by_one = len(missing) <= FEW or not disk.sync_all()
    for path in missing:
        try:
            (make if one_by_one else _mark)(disk, path)
        except FileNotFoundError:
            continue


def _make_path(disk: Disk, path: str) -> "list[str]":
    parts = path.split("/")
    for end in range(2, len(parts) + 1):
        disk.make_folder("/".join(parts[:end]))
    return parts


def _mark(disk: Disk, bucket: str) -> None:
    try:
        os.close(disk.open_shared(f"{bucket}/{DURABLE}", NEW))
    except FileExistsError:
        pass


def is_marked(disk: Disk, bucket: str) -> bool:
    """Whether a bucket has its marker."""
    return disk.exists(f"{bucket}/{DURABLE}")


def make_durable(disk: Disk, bucket: str) -> None:
    """Make the path of a bucket durable, if it is not known to be.

    After an entry was moved into it the answer stays true: a bucket that holds one
    is not removed. A bucket that is gone by now (the entry has moved on) is not made
    again.
    """
    if not is_marked(disk, bucket) and disk.exists(bucket):
        try:
            make(disk, bucket)
        except FileNotFoundError:
            if disk.exists(bucket):
                raise


def into(disk: Disk, bucket: str, move: "Callable[[], None]") -> None:
    """Run `move` into `bucket`, which is made while it is missing.

    A runner may remove the empty bucket between any two of our calls, and
    another publisher may make it: then it is tried once more. Only if the
    bucket was there before a try and after it, what is to be moved is gone.
    """
    there = False
    for _ in range(100):
        try:
            return move()
        except FileNotFoundError:
            before, there = there, disk.exists(bucket)
            if before and there:
                raise
        if not there:
            try:
                make(disk, bucket)
            except FileNotFoundError:
                if not disk.exists(bucket.partition("/")[0]):
                    raise  # the spool itself is gone
    raise FileNotFoundError(f"{bucket} was removed a hundred times")


def remove(disk: Disk, path: str) -> bool:
    """Remove an empty bucket; False if it is not empty, or gone.

    After a crash between the two calls the bucket is empty and without its
    marker: the next runner removes it, or the next publisher makes it durable.
    It is synced before it goes: otherwise a power cut could keep its
    removal, and undo the renames that took its entries out of it.
    """
    try:
        if disk.some(path) - {DURABLE}:
            return False
        disk.sync(path)
        disk.forget(f"{path}/{DURABLE}")
        disk.remove_folder(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in (ENOTEMPTY, EEXIST):
            raise
        return False
    return True
