"""Signals are noted where they interrupt, and acted on where their descriptor is polled.

A handler must take no lock, threading.Event's among them: whom it interrupts may hold it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ampt_cli.waiting import unblocking_pipe

NOTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def heard(noted: list[int]) -> Iterator[int]:
    """Append each signal to `noted`; the descriptor that it yields wakes whoever polls it.

    The end of a child wakes too, and is not noted: who ended is for wait(2) to say.
    """
    with waking() as awake:
        taken = [number for number in NOTED if not _is_ignored(number)]
        before = {number: signal.signal(number, lambda n, _: noted.append(n)) for number in taken}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, before)  # inherited by who was started so
        try:
            yield awake
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _is_ignored(number: signal.Signals) -> bool:
    """Whether it is for others: a shell starts what a script runs with & so, for Ctrl-C."""
    return number == signal.SIGINT and signal.getsignal(number) == signal.SIG_IGN


@contextmanager
def waking() -> Iterator[int]:
    """A descriptor that can be read from once a signal came that has a handler of Python."""
    read, write = unblocking_pipe()
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(-1)
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
