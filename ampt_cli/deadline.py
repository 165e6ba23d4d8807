"""When a handler's time is over: shown on a board by its worker, enforced by the supervisor.

The worker writes, the supervisor reads and signals; half a second after the
signal it kills. Neither needs a system call for a handler that keeps its time.
"""

import mmap
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import FrameType

from ampt_cli.execute import HandlerTimeout, Watch, traceback_of
from ampt_cli.handlers import Handler
from ampt_cli.typed import NoReturn

SOFT_SIGNAL = signal.SIGXCPU  # "you have had your time"; hardly anything else uses it

# The board of a worker: doubles in memory shared with the supervisor, by number. The worker
# writes all but HEARD.
RUNNING = 0  # the event begun last
DEADLINE = 1  # of the running call (monotonic s); 0 when none runs
TIMEOUT = 2  # of that call (ms)
START = 3  # of the attempt (ms since 1970)
HANDLER = 4  # which one runs, by its place among all
BEGUN = 5  # the attempt, or else the worker, on the clock of strays
HEARD = 6  # 1: the supervisor has read output that it has not given to an event yet
CELLS = 8


def boards(count: int) -> "list[memoryview[float]]":
    """Boards for so many workers, each in memory that it will share."""
    cells = memoryview(mmap.mmap(-1, 8 * CELLS * count)).cast("d")
    return [cells[at : at + CELLS] for at in range(0, CELLS * count, CELLS)]


class Deadline(Watch):
    """Tells the supervisor, through the shared board, when to end the running handler."""

    def __init__(self, board: "memoryview[float]", tell: Callable[[bytes], None]) -> None:
        self.numbers: dict[str, int] = {}
        self.board = board
        self.tell = tell
        self.started = 0.0
        self.deadline = 0.0
        self.fired = False
        self.forked = False

    def begin(self, handler: Handler, timeout: int) -> None:
        """Show the deadline last: a deadline is never seen beside another call's number."""
        self.board[HANDLER] = self.numbers[handler.key]
        self.fired = False
        self.started = monotonic()
        self.deadline = self.started + timeout / 1000
        self.board[TIMEOUT] = timeout
        self.board[DEADLINE] = self.deadline

    def change(self, timeout: int) -> None:
        """Move the deadline, and wake the supervisor: it may be sooner than it expects."""
        self.deadline = self.started + timeout / 1000
        self.board[TIMEOUT] = timeout
        self.board[DEADLINE] = self.deadline
        self.tell(b"")

    def end(self) -> None:
        """Nothing runs now."""
        if self.forked:
            _leave(sys.exc_info()[1])
        self.deadline = 0.0
        self.board[DEADLINE] = 0.0

    def passed(self, key: str) -> None:
        """Tell at once, for this process may be killed before the attempt is reported."""
        self.tell(key.encode())

    def forsake(self) -> None:
        """In a child that a handler has forked: show and tell nothing, and end with the call."""
        self.board = memoryview(bytearray(8 * CELLS)).cast("d")
        self.tell = lambda _: None
        self.forked = True

    def on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        """Raise in the handler, if it is its deadline: a late signal means nothing."""
        if self.deadline and monotonic() >= self.deadline and not self.fired:
            self.fired = True
            raise HandlerTimeout("the handler's time is over")


def _leave(error: BaseException | None) -> NoReturn:
    """End as a program of its own would, that was left by `error`."""
    try:
        asked = error.code if isinstance(error, SystemExit) else error and 1
        status = asked if isinstance(asked, int) else int(asked is not None)
        with suppress(BaseException):
            if not isinstance(error, SystemExit):
                sys.stderr.write(traceback_of(error))
            elif asked is not None and not isinstance(asked, int):
                sys.stderr.write(f"{asked}\n")
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    finally:
        os._exit(255)  # as Python has it for a number that is none of C
