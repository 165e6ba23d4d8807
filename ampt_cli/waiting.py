"""Read what may be long in coming, and miss no signal meanwhile.

A signal that comes right before read(2) begins is noted by Python, which acts on it
when the call returns: perhaps never. So there is a look first, at a descriptor that
signals wake, too.
"""

import _signal  # type: ignore[import-not-found]  # signal.py imports enum
import os
from io import RawIOBase
from select import POLLIN, poll

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def unblocking_pipe() -> tuple[int, int]:
    """Where to read and where to write, both without waiting; macOS has no pipe2."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


class Input(RawIOBase):
    """What there is to read from an open descriptor, which stays open; in the main thread alone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pipe = unblocking_pipe()
        self._before = _signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._ready = poll()
        for each in (fd, self._pipe[0]):
            self._ready.register(each, POLLIN)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Wait for something, and read it. Raises OSError, and what handlers of signals raise."""
        into = memoryview(buffer).cast("B")
        self._ready.poll()
        data = os.read(self._fd, len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Stop listening for signals."""
        if not self.closed:
            _signal.set_wakeup_fd(self._before)
            for end in self._pipe:
                os.close(end)
        super().close()
