"""Hear publishers, who write a byte to a FIFO, also where several runners do.

Who empties the FIFO takes from all others what has woken them. So where the kernel tells every
write to everyone who waits for it (epoll, edge-triggered), it is emptied only now and then.
"""

import os
import select
from array import array
from fcntl import ioctl
from stat import S_ISFIFO

from ampt_cli import layout
from ampt_cli.fsio import Disk
from ampt_cli.signals import emptied
from ampt_cli.streams import FIONREAD
from ampt_cli.typed import Any
from ampt_cli.waiting import unblocking_pipe

EACH = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLET", 0)
FULL = 1024  # bytes in the FIFO from which on it is emptied; the smallest holds 4096


class Ears:
    """What a runner hears publishers with; `fd` can be read when one has published."""

    def __init__(self, disk: Disk) -> None:
        """Raises OSError where there is no FIFO; it is held open for writing, and never ends."""
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        self.fifo = os.open(layout.WAKE, flags, dir_fd=disk.root)
        try:
            if not S_ISFIFO(os.fstat(self.fifo).st_mode):
                raise OSError(f"{layout.WAKE} is no FIFO")  # always ready to be read
            self.edges = _edges(self.fifo) if tells_each_write() else None
        except OSError:  # a runner that stays tries again, and would have ever less room
            os.close(self.fifo)
            raise
        self.fd = self.fifo if self.edges is None else self.edges.fileno()

    def close(self) -> None:
        """Hear nobody any more."""
        os.close(self.fifo)
        if self.edges is not None:
            self.edges.close()

    def are_of(self, disk: Disk) -> bool:
        """Whether its FIFO is that of the spool still: `check --repair` makes another."""
        try:
            return os.path.samestat(os.fstat(self.fifo), disk.status(layout.WAKE))
        except OSError:
            return False

    def heard(self) -> bool:
        """Whether anybody has published since it was asked last."""
        if self.edges is None:
            return emptied(self.fifo)
        if not self.edges.poll(0):
            return False
        count = array("i", [0])
        ioctl(self.fifo, FIONREAD, count)
        if count[0] > FULL:
            emptied(self.fifo)
        return True


def _edges(fd: int) -> Any:
    """Tells each write to a pipe; only Linux has it."""
    edges = getattr(select, "epoll")()  # noqa: B009  type checkers know it on Linux alone
    edges.register(fd, EACH)
    return edges


def tells_each_write() -> bool:
    """Some of Linux 5.5 to 5.13 do not where something is in the pipe already, nor do others."""
    if not hasattr(select, "epoll"):
        return False
    read, write = unblocking_pipe()
    try:
        with _edges(read) as edges:
            return all(os.write(write, b"\n") and edges.poll(0) for _ in range(2))
    finally:
        os.close(read)
        os.close(write)
