"""Open an entry, and check it before believing it (spool_format.md, sections 4 and 11)."""

import os
from errno import EISDIR, ELOOP, ENXIO, EOPNOTSUPP
from stat import S_ISREG, S_IWGRP, S_IWOTH

from ampt_cli import record
from ampt_cli.errors import Damaged
from ampt_cli.event import MAX_BYTES, Event, decode, decode_own
from ampt_cli.fsio import READ, Disk
from ampt_cli.layout import Entry

LAST = 2**20  # bytes; the record of a success is shorter
FEW = 8_192  # bytes; most first lines, and most records, are shorter
# A symbolic link, a socket, a device without a driver; a folder, where it is opened to be written.
NOT_A_FILE = (ELOOP, ENXIO, EOPNOTSUPP, EISDIR)


def first_line(disk: Disk, entry: Entry) -> Event:
    """The event of an entry.

    Raises Damaged or TooNew; OSError where the disk fails or the entry moved.
    """
    fd = open_entry(disk, entry.path)
    try:
        return event_of(disk, entry, fd, os.fstat(fd))[0]
    finally:
        os.close(fd)


def event_of(disk: Disk, entry: Entry, fd: int, status: os.stat_result) -> tuple[Event, bool]:
    """The event in an entry's open file, and whether all of the file was seen and ends whole.

    Raises Damaged, TooNew, OSError.
    """
    size = _check(disk, status)
    data = os.read(fd, min(size, FEW) or 1)
    if b"\n" not in data and size > len(data):
        data += os.read(fd, min(size, MAX_BYTES) - len(data))
    end = data.find(b"\n") + 1
    if not end and size > len(data):
        raise Damaged(f"its first line has {MAX_BYTES:,} bytes or more")
    return _matching(entry, data[: end or len(data)]), len(data) == size and data[-1:] == b"\n"


def whole(disk: Disk, entry: Entry) -> tuple[Event, list[record.Record], int]:
    """The event of an entry, its records, and how many of its lines are damaged."""
    fd = open_entry(disk, entry.path)
    try:
        size = _check(disk, os.fstat(fd))
        chunks = []
        while size > 0 and (chunk := os.read(fd, size)):
            chunks.append(chunk)
            size -= len(chunk)
    finally:
        os.close(fd)
    data = b"".join(chunks)
    if b"\n" not in data[:MAX_BYTES]:
        decode(data[:MAX_BYTES])  # says what is wrong
    first, records, damaged = record.split(data)
    return _matching(entry, first), records, damaged


def history(disk: Disk, path: str) -> record.History:
    """What the records at the end of an entry say. Reads no more than it needs."""
    length = FEW
    while True:
        lines, is_all = _tail(disk, path, length)
        found = record.latest(lines[1:-1])
        if found is not None or is_all:
            return found or record.History()
        length *= 4


def last_record(disk: Disk, path: str) -> record.Record:
    """The last line of an entry, if it is a whole record; else an empty one."""
    lines, _ = _tail(disk, path, LAST)
    if len(lines) < 3 or lines[-1]:  # the event alone, a part of a line, or a torn one
        return {}
    return record.parse(lines[-2]) or {}


def _tail(disk: Disk, path: str, length: int) -> tuple[list[bytes], bool]:
    """What the last `length` bytes of a file come to, split into lines, and if that is all of it.

    The first is the event, or a part of a line; the last is empty, or torn.
    """
    fd = os.open(path, READ, dir_fd=disk.root)
    try:
        size = os.fstat(fd).st_size
        start = max(size - length, 0)
        return os.pread(fd, size - start, start).split(b"\n"), start == 0
    finally:
        os.close(fd)


def open_entry(disk: Disk, path: str, flags: int = READ) -> int:
    """A descriptor of a regular file: no link is followed, no FIFO waited for."""
    try:
        return os.open(path, flags, dir_fd=disk.root)
    except OSError as error:
        if error.errno in NOT_A_FILE:
            raise Damaged("it is no regular file") from None
        raise


def event_in(fd: int) -> Event:
    """The event in an open file. Raises Damaged or TooNew."""
    first, newline, _ = os.read(fd, MAX_BYTES).partition(b"\n")
    return decode(first + newline)


def _check(disk: Disk, status: os.stat_result) -> int:
    """The size of a file that may be believed. Raises Damaged."""
    if not S_ISREG(status.st_mode):
        raise Damaged("it is no regular file")
    group = disk.group
    if not group and status.st_uid != os.geteuid():
        raise Damaged(f"it belongs to uid {status.st_uid}, and this is uid {os.geteuid()}")
    if group and status.st_gid != os.fstat(disk.root).st_gid:
        raise Damaged(f"it belongs to gid {status.st_gid}, which is not the spool's")
    if status.st_mode & S_IWOTH or (status.st_mode & S_IWGRP and not group):
        raise Damaged(f"others may write it (mode {status.st_mode & 0o7777:04o})")
    if status.st_size > record.MAX_FILE:
        raise Damaged(f"it has {status.st_size:,} bytes, more than {record.MAX_FILE:,}")
    return status.st_size


def _matching(entry: Entry, line: bytes) -> Event:
    name = entry.name
    own = decode_own(line, entry.id, name, entry.attempt)
    if own is not None:
        return own
    event = decode(line, entry.attempt)
    if event.id != entry.id or event.name != name:
        raise Damaged("its id or name is not that of its file name")
    return event
