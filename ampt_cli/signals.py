"""The signals that a runner acts on: noted, never acted on where they interrupt."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

NOTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def heard(noted: list[int]) -> Iterator[int]:
    """Append each signal to `noted`; the descriptor that it yields wakes whoever polls it.

    The end of a child wakes too, and is not noted: who ended is for wait(2) to say.
    """
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda n, _: noted.append(n)) for number in NOTED}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def emptied(fd: int) -> bool:
    """Read what waits in a pipe that does not block; whether there was anything."""
    found = False
    try:
        while os.read(fd, 4096):
            found = True
    except BlockingIOError:
        pass
    return found
