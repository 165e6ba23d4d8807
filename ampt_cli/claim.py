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


class Claim:
    """The file of the event that a worker runs; one at a time."""

    __slots__ = ("disk", "fd", "seen", "whole")

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.fd = -1

    def open(self, entry: Entry) -> Event:
        """Read the event. Raises Damaged or TooNew; OSError where the disk fails."""
        try:
            fd, writable = reading.open_entry(self.disk, entry.path, APPEND), True
        except OSError:
            fd, writable = reading.open_entry(self.disk, entry.path), False
        try:
            seen = os.fstat(fd)
            event, whole = reading.event_of(self.disk, entry, fd, seen)
        except BaseException:
            os.close(fd)
            raise
        self.fd, self.seen, self.whole = fd, seen, whole and writable
        return event

    def close(self, line: bytes | None) -> bool:
        """Append the record `line`, if there is one; whether that was done.

        A handler may have closed the file, and opened another that got its
        number: that one is the handler's, and is left alone.
        """
        fd, self.fd = self.fd, -1
        try:
            now = os.fstat(fd)
        except OSError:
            return False
        if not os.path.samestat(now, self.seen):
            return False
        noted = line is not None and self.whole and now.st_size == self.seen.st_size
        try:
            if noted and line:
                write_all(fd, line)
        except OSError:
            noted = False  # what was written is a torn line; who writes next begins a new one
        os.close(fd)
        return noted
