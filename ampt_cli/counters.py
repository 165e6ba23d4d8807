"""What runs came to, added up: statistics for monitoring, never state.

They are replaced under a lock on the file `ran`. Nothing is synced: what a power
cut takes of them is missing from a graph, and nowhere else.
"""

import os
from fcntl import LOCK_EX, LOCK_NB, flock
from time import sleep

from ampt_cli import jsontext, layout
from ampt_cli.fsio import Disk
from ampt_cli.ran import open_ran
from ampt_cli.typed import Value

BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)  # ms
MAX_SIZE = 65_536  # bytes that are read of them
TRIES, PAUSE = 10, 0.005  # s; whoever holds the lock needs a fraction of it, unless it is stopped


class Counters(Value):
    """Since the spool was made. `below` counts durations up to each of BOUNDS, and beyond."""

    attempts: dict[str, int] = {}  # noqa: RUF012  by outcome; never changed in place
    ms: float = 0.0  # all attempts together
    below: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    def plus(self, other: "Counters") -> "Counters":
        """The sum of both."""
        keys = {**self.attempts, **other.attempts}
        return Counters(
            {key: self.attempts.get(key, 0) + other.attempts.get(key, 0) for key in keys},
            self.ms + other.ms,
            tuple(a + b for a, b in zip(self.below, other.below, strict=True)),
        )

    def minus(self, other: "Counters") -> "Counters":
        """What came to `other` since."""
        return self.plus(
            Counters(
                {key: -count for key, count in other.attempts.items()},
                -other.ms,
                tuple(-count for count in other.below),
            )
        )


def read(disk: Disk) -> Counters:
    """The counters; zeros where they are missing or damaged."""
    try:
        found = jsontext.loads(disk.read(layout.COUNTERS, MAX_SIZE).decode())
        below = tuple(map(int, found["below"]))
        attempts = {str(key): int(count) for key, count in found["attempts"].items()}
        ms = float(found["ms"])
        if len(below) != len(BOUNDS) + 1 or not 0 <= ms < float("inf"):
            return Counters()
        return Counters(attempts, ms, below)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return Counters()


def add(disk: Disk, more: Counters, draft: str) -> bool:
    """Add `more`, through the file `draft` in tmp/; whether it was done. Never raises OSError.

    Nobody waits long for the lock: its holder may be stopped, and a runner must not be.
    """
    try:
        fd = open_ran(disk)
        try:
            if not _locked(fd):
                return False
            text = jsontext.dumps(read(disk).plus(more).as_dict())
            disk.write_new(draft, text.encode() + b"\n", sync=False)
            disk.replace(draft, layout.COUNTERS)
        finally:
            os.close(fd)
    except OSError:
        disk.forget(draft)
        return False
    return True


def _locked(fd: int) -> bool:
    for _ in range(TRIES):
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            sleep(PAUSE)
        else:
            return True
    return False
