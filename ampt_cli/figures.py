"""Collect what monitoring shows of a spool."""

from ampt_cli import clock, counters, lock
from ampt_cli.census import census, free
from ampt_cli.fsio import Disk
from ampt_cli.metrics import Figures
from ampt_cli.ran import last_run
from ampt_cli.unread import Unread


def figures(disk: Disk) -> Figures:
    """The figures as of now, if all can be counted. Raises AmptError."""
    now = clock.now()
    unread = Unread(disk)
    counted = census(unread, now)
    unread.tell()
    alive = len(lock.living(disk))
    return Figures(counted, counters.read(disk), now, alive, last_run(disk), free(disk))
