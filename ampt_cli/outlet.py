"""Lines for a file that somebody may have stopped reading: a pager, Ctrl-S, a stuck journal.

Who waited for that would watch no deadline meanwhile. So what finds no room waits
here; when too much does, lines are dropped, and their number told in their place.
"""

import os
import select
from collections import deque
from collections.abc import Callable

ROOM = select.PIPE_BUF  # bytes that what has room takes without waiting (poll(2), pipe(7))
MOST = 1 << 20  # bytes that may wait


class Outlet:
    """The lines of one writer; `gap` words that so many are missing."""

    def __init__(self, fd: int, gap: Callable[[int], str]) -> None:
        self.fd = fd
        self.gap = gap
        self._lost = 0  # lines since the last that was taken
        self._waiting: deque[bytes] = deque()  # pieces of at most ROOM bytes
        self._size = 0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def is_stuck(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def put(self, text: str) -> None:
        """Take a line, and write what there is room for.

        Once a line was dropped so are all, until none waits: one gap, not many.
        """
        self.flush()
        if self._lost or self._size > MOST:
            self._lost += 1
            return
        self._take(text)
        self.flush()

    def flush(self, *, patiently: bool = False) -> None:
        """Write what there is room for; `patiently`, wait until all is written."""
        while self._waiting and self._poll.poll(None if patiently else 0):
            written = self._write(self._waiting.popleft())
            if not written and not patiently:
                return
            if self._lost and not self._waiting:
                lost, self._lost = self._lost, 0
                self._take(self.gap(lost))

    def _take(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        self._waiting.extend(data[at : at + ROOM] for at in range(0, len(data), ROOM))
        self._size += len(data)

    def _write(self, piece: bytes) -> int:
        """How much of it was written; the rest waits again."""
        try:
            written = os.write(self.fd, piece)
        except BlockingIOError:
            written = 0
        except OSError:  # nobody reads there any more, or the disk is full
            written = len(piece)
        if written < len(piece):
            self._waiting.appendleft(piece[written:])
        self._size -= written
        return written
