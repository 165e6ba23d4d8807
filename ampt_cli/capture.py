"""What handlers print, taken from a pipe and told apart by event.

The pipe is always drained, whatever is kept: a handler that prints a gigabyte
neither blocks nor fills the memory.

A worker writes a separator after each event but those that printed nothing: it
sees that the pipe is empty, and that nothing was read which is held here. So
the board says so from before a read until all that was read has its event.
"""

import os

from ampt_cli.deadline import HEARD
from ampt_cli.record import MAX_OUTPUT

READ_SIZE = 1 << 16
HALF = MAX_OUTPUT // 2
HELD = 4 * MAX_OUTPUT  # bytes held before the middle is dropped
PIPE = 1 << 20  # bytes in a pipe at most, unless root made it larger (pipe(7))


class Capture:
    """The reading end of a worker's output."""

    def __init__(self, fd: int, token: bytes, board: "memoryview[float]") -> None:
        self.fd = fd
        self.token = token  # begins the separator that a worker writes after an event
        self.board = board
        self.held = b""
        self.lost = 0  # bytes that were dropped from the middle of what is held first
        self.ended = False

    def read(self) -> int:
        """Take in what is there; how much, 0 when there is nothing now, -1 at the end."""
        self.board[HEARD] = 1.0
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            self.board[HEARD] = bool(self.held)
            return 0
        self.held += data
        if len(self.held) > HELD and self.token not in self.held:
            self.lost += len(self.held) - 2 * HALF
            self.held = self.held[:HALF] + self.held[-HALF:]
        self.ended = not data
        return len(data) or -1

    def until(self, seq: bytes) -> bytes:
        """What was printed before the separator of `seq`, which was written before the report."""
        separator = self.token + seq + b"\n"
        while separator not in self.held:
            if self.read() <= 0:
                return b""  # a handler closed the pipe, or wrote into the separator
        output, _, self.held = self.held.partition(separator)
        self.board[HEARD] = bool(self.held)
        return self._whole(output)

    def rest(self) -> bytes:
        """What is left, after the worker's end.

        No more than a pipe holds: what it has started may write there still, and for ever.
        """
        for _ in range(PIPE // READ_SIZE):
            if self.read() <= 0:
                break
        _, separator, output = self.held.rpartition(self.token)
        self.held = b""
        if separator:  # what was before it, and lost from there, was of an earlier event
            self.lost, output = 0, output.partition(b"\n")[2]
        return self._whole(output)

    def _whole(self, output: bytes) -> bytes:
        """`output`, cut in the middle to about MAX_OUTPUT bytes, with how much is lost."""
        lost, self.lost = self.lost, 0
        if not lost and len(output) <= MAX_OUTPUT:
            return output
        head, tail = output[:HALF], output[HALF:]
        lost += max(len(tail) - HALF, 0)
        return head + b"\n[%d bytes left out]\n" % lost + tail[-HALF:]
