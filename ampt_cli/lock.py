"""A runner's proof of life (spool_format.md, section 9).

A runner holds `lock` exclusively, each of its workers holds `workers` shared.
Both are kernel locks: free the moment their holder dies, whatever it dies of.
A forked child would share the runner's own lock (of filelock's, it depends on the
version), so nothing relies on it: workers have a lock of their own, and close every
descriptor that is not theirs.

Linux documents what flock is there: a lock of the open file, in the kernel. What it is
on another system (some make it one of the process, or have none), filelock knows.
On Linux it comes to the same call, but to import it takes as long as several hundred
events, and every `ampt run` that finds something due would wait for that.
"""

import os
import sys
from errno import EINVAL, ENOLCK, ENOSYS, EOPNOTSUPP
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

from ampt_cli import layout
from ampt_cli.errors import ConfigError
from ampt_cli.fsio import Disk

NO_LOCKS = (None, ENOSYS, EOPNOTSUPP, EINVAL, ENOLCK)  # None: of filelock's own
OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def hold(disk: Disk, folder: str) -> object:
    """Take `lock` in `folder` for as long as this process lives.

    The result must be kept. Raises ConfigError where the file system has no
    flock: a lock that is only a file with a name in it would outlive its owner.
    """
    path = f"{folder}/{layout.LOCK}"
    take = _take if sys.platform == "linux" else _take_elsewhere
    why: object = "it is not a kernel lock"
    try:
        held = take(disk, path)
        probe = os.open(path, OPEN, dir_fd=disk.root)
        try:
            flock(probe, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return held  # held by us, in the kernel, on the very file that others will try
        finally:
            os.close(probe)
    except Exception as error:  # filelock's own, OSError, NotImplementedError
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise  # of the disk, not of its locks
        why = error
    raise ConfigError(
        f"cannot lock {disk.path}/{path}: {why}", "a spool needs a local file system with flock(2)"
    )


def _take(disk: Disk, path: str) -> int:
    held = os.open(path, OPEN, dir_fd=disk.root)
    flock(held, LOCK_EX | LOCK_NB)
    return held


def _take_elsewhere(disk: Disk, path: str) -> object:
    from filelock import FileLock  # noqa: PLC0415  gate: not on Linux

    held = FileLock(f"{disk.path}/{path}", timeout=0, mode=disk.file_mode)
    held.acquire()
    return held


def hold_shared(disk: Disk, folder: str) -> int:
    """Take a worker's share of the lock `workers`; the descriptor that holds it."""
    fd = os.open(f"{folder}/{layout.WORKERS}", OPEN, dir_fd=disk.root)
    flock(fd, LOCK_SH | LOCK_NB)
    return fd


def take_abandoned(disk: Disk, folder: str) -> list[int] | None:
    """Both locks of a runner's folder, if nobody of it lives; close them when done.

    None where the runner or one of its workers lives, or somebody else was
    faster. The path is looked up again after locking: the file may have been
    moved away meanwhile by another rescuer. Who has `lock` may rely on what is
    beside it: nobody else takes the folder apart.
    """
    held: list[int] = []
    try:
        for name in (layout.LOCK, layout.WORKERS):
            path = f"{folder}/{name}"
            if name == layout.WORKERS and not disk.exists(path):
                break  # its runner has no worker that is a process of its own
            held.append(os.open(path, OPEN, dir_fd=disk.root))
            flock(held[-1], LOCK_EX | LOCK_NB)
            there = disk.status(path)
            if not os.path.samestat(there, os.fstat(held[-1])):
                raise FileNotFoundError(path)
    except BaseException as error:
        for fd in held:  # kept, it would keep everybody else from this rescue
            os.close(fd)
        if isinstance(error, BlockingIOError | FileNotFoundError):
            return None
        raise
    return held


def is_remains(disk: Disk, folder: str) -> bool:
    """Whether a runner's folder, without lock and claims, was being taken apart, in tmp/.

    A power cut undid its move there, and kept that its files were unlinked.
    """
    if disk.exists(f"{folder}/{layout.LOCK}"):
        return False
    return set(disk.list(folder)) <= layout.RUNNER_FILES and disk.exists(folder)


def is_abandoned(disk: Disk, folder: str) -> bool:
    """Whether nobody of a runner lives; the locks are tried, and not kept."""
    held = take_abandoned(disk, folder)
    for fd in held or ():
        os.close(fd)
    return held is not None


def runners(disk: Disk) -> list[str]:
    """The folders of runners, alive or not; what else is in running/ is nobody's."""
    names = (name for name in disk.list(layout.RUNNING) if name[0] != ".")
    return [folder for name in names if disk.is_folder(folder := f"{layout.RUNNING}/{name}")]


def living(disk: Disk) -> list[str]:
    """The folders of the runners that are alive now."""
    return [folder for folder in runners(disk) if is_alive(disk, folder)]


def is_alive(disk: Disk, folder: str) -> bool:
    """Whether a runner's folder has a living owner: a shared try, which harms nobody.

    Raises OSError where its lock is there, and cannot be tried.
    """
    try:
        fd = os.open(f"{folder}/{layout.LOCK}", OPEN, dir_fd=disk.root)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        flock(fd, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
