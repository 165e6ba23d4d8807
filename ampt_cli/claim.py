"""A claim as its worker has it: its event read, and its record appended, through one open file.

The worker writes the record of an attempt that succeeded and printed nothing,
the supervisor all others: it has what was printed, and decides what comes next.
A record that cannot be written here is written there, or refused with its reason.
"""

import os

from ampt_cli import reading
from ampt_cli.event import Event
from ampt_cli.fsio import APPEND, Disk, write_all
from ampt_cli.layout import Entry

# Of a file of our own only: that it was read need not be noted, which costs a write of its inode.
UNNOTED = getattr(os, "O_NOATIME", 0)
FAR = 2**30  # bytes; no entry is as long, and every file system takes twice that for an offset


class Claim:
    """The file of the event that a worker runs; one at a time."""

    __slots__ = ("disk", "fd", "flags", "place", "size", "whole")

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.flags = APPEND | (0 if disk.group else UNNOTED)
        self.fd = -1
        # While the handlers run, the file's offset stands here, by which it is told from
        # another file under its number. Appending needs no offset, and fstat takes longer.
        self.place = FAR + int.from_bytes(os.urandom(4), "big") % FAR

    def open(self, entry: Entry) -> Event:
        """Read the event. Raises Damaged or TooNew; OSError where the disk fails."""
        try:
            fd, writable = reading.open_entry(self.disk, entry.path, self.flags), True
        except OSError:
            fd, writable = reading.open_entry(self.disk, entry.path), False
        try:
            status = os.fstat(fd)
            event, whole = reading.event_of(self.disk, entry, fd, status)
            os.lseek(fd, self.place, os.SEEK_SET)
        except BaseException:
            os.close(fd)
            raise
        self.fd, self.size, self.whole = fd, status.st_size, whole and writable
        return event

    def close(self, line: bytes | None) -> bool:
        """Append the record `line`, if there is one; whether that was done.

        A handler may have closed the file, and opened another that got its
        number: that one is the handler's, and is left alone.
        """
        fd, self.fd = self.fd, -1
        try:
            if os.lseek(fd, 0, os.SEEK_CUR) != self.place:
                return False
            noted = line is not None and self.whole and os.lseek(fd, 0, os.SEEK_END) == self.size
        except OSError:
            return False
        try:
            if noted and line:
                write_all(fd, line)
        except OSError:
            noted = False  # what was written is a torn line; who writes next begins a new one
        os.close(fd)
        return noted
