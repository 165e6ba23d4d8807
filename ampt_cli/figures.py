"""Collect what monitoring shows of a spool."""

from ampt_cli import clock, counters, lock
from ampt_cli.census import census, free
from ampt_cli.fsio import Disk
from ampt_cli.metrics import Figures
from ampt_cli.ran import last_run


def figures(disk: Disk) -> Figures:
    """The figures as of now."""
    now = clock.now()
    counted = census(disk, now)
    alive = len(lock.living(disk))
    return Figures(counted, counters.read(disk), now, alive, last_run(disk), free(disk))
