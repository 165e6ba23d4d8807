"""Which claims have begun (spool_format.md, section 9), in memory that outlives its writer.

A worker marks an entry before its first handler is called. After the death of
a runner, what is not marked has not begun, and its attempt is uncounted.
"""

import mmap
import os
import sys
from fcntl import ioctl

from ampt_cli import layout
from ampt_cli.fsio import READ, Disk, write_all

RECORD = 512  # bytes
RING = 128  # records per worker: more than it can have unsettled at once
MOST = RECORD * (1 + 1024 * RING)  # bytes that are read: of as many workers as `size` allows
SOME = 8  # one mark of so many is looked at, where about is enough
GET_FLAGS, SET_FLAGS, NO_COPY = 0x80086601, 0x40086602, 0x00800000
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """This boot of the machine; empty where the kernel does not tell."""
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Marks:
    """The file `marks` of a runner, mapped; shared with the workers it forks."""

    def __init__(self, disk: Disk, folder: str, workers: int) -> None:
        path = f"{folder}/{layout.MARKS}"
        # Written in full: a page that cannot be allocated later would kill its writer (SIGBUS).
        size = RECORD * (1 + workers * RING)
        head = f"{boot_id() or '-'} {os.getpid()}\n".encode().ljust(RECORD, b"\0")
        disk.write_new(path, b"", sync=False)
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=disk.root)
        try:
            _keep_in_place(fd)
            write_all(fd, head.ljust(size, b"\0"))
            self._map = mmap.mmap(fd, size)
        finally:
            os.close(fd)
        self._begun = 0  # by this process, a worker's: the numbers of its events have gaps

    def begin(self, worker: int, seq: int, now: int, file: str) -> None:
        """Note that worker number `worker` begins `file`; `seq` counts the runner's events."""
        self._begun += 1
        at = RECORD * (1 + worker * RING + self._begun % RING)
        self._map[at : at + RECORD] = f"{seq} {now} {file}\n".encode().ljust(RECORD, b"\0")


def _keep_in_place(fd: int) -> None:
    """Where pages are never written over, but anew (btrfs): not those of this empty file.

    On a full disk there is no other place. ioctl_iflags(2): FS_NOCOW_FL, chattr's C.
    """
    if sys.platform == "linux":
        try:
            flags = int.from_bytes(ioctl(fd, GET_FLAGS, bytes(8)), sys.byteorder)
            ioctl(fd, SET_FLAGS, (flags | NO_COPY).to_bytes(8, sys.byteorder))
        except OSError:
            pass  # the file system has no such flag: mostly, because it has no need of it


def read(disk: Disk, folder: str) -> bytes:
    """What the marks of a runner hold; nothing where they cannot be read."""
    try:
        fd = os.open(f"{folder}/{layout.MARKS}", READ, dir_fd=disk.root)
        try:
            size = os.fstat(fd).st_size
            return os.pread(fd, size, 0) if size <= MOST else b""
        finally:
            os.close(fd)
    except OSError:
        return b""  # a folder, say, or a FIFO: as good as missing


def begun_so_far(disk: Disk, folder: str) -> int:
    """How many events a runner has begun, but for the last few: the highest number in its marks."""
    data, step = read(disk, folder), RECORD * SOME
    numbers = (data[at : at + 20].partition(b" ")[0] for at in range(RECORD, len(data), step))
    return max((int(number) for number in numbers if number.isdigit()), default=0)


class Begun:
    """What the marks of a dead or other runner say."""

    def __init__(self, disk: Disk, folder: str) -> None:
        data = read(disk, folder)
        boot, _, pid = data[:RECORD].rstrip(b"\0\n").decode("ascii", "replace").partition(" ")
        self.pid = int(pid) if pid.isdigit() else 0
        # Whether an entry without a mark has surely not begun.
        self._known = boot == (boot_id() or "-") and len(data) % RECORD == 0 and len(data) > RECORD
        self._begun: dict[str, tuple[int, int, int]] = {}  # file: seq, start, worker
        for number, at in enumerate(range(RECORD, len(data), RECORD)):
            words = data[at : at + RECORD].rstrip(b"\0\n").decode("ascii", "replace").split(" ", 2)
            if len(words) == 3 and words[0].isdigit() and words[1].isdigit():
                self._begun[words[2]] = (int(words[0]), int(words[1]), number // RING)

    def may_have_begun(self, file: str) -> bool:
        """Whether a handler may have been called for the claim `file`."""
        return not self._known or file in self._begun

    def start(self, file: str) -> int | None:
        """When the attempt began (ms), if it did."""
        begun = self._begun.get(file)
        return begun[1] if begun else None

    def latest(self) -> dict[int, tuple[str, int]]:
        """For each worker the last entry it began, and when (ms)."""
        newest: dict[int, tuple[int, str, int]] = {}
        for file, (seq, start, worker) in self._begun.items():
            if worker not in newest or seq > newest[worker][0]:
                newest[worker] = (seq, file, start)
        return {worker: (file, start) for worker, (_, file, start) in newest.items()}
