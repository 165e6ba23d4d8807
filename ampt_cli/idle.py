"""Whether a run would find anything to do: what cron asks every minute.

Nothing heavy is imported, nothing is locked, and no process is started.
"""

import os

from ampt_cli import layout, lock
from ampt_cli.fsio import Disk
from ampt_cli.retention import Retention, expired, stale
from ampt_cli.scan import Scan


def is_idle(disk: Disk, now: int, retention: Retention) -> bool:
    """Whether nothing is due, nobody is to be rescued, and nothing is to be tidied."""
    scan = Scan(disk, now)
    if next(scan.entries(), None) is not None or _abandoned(disk):
        return False
    if stale(disk, now) or next(expired(disk, now, retention), None) is not None:
        return False
    return not scan.has_empty()


def _abandoned(disk: Disk) -> bool:
    for runner in disk.list(layout.RUNNING):
        held = lock.take_abandoned(disk, f"{layout.RUNNING}/{runner}")
        if held is not None:
            for fd in held:
                os.close(fd)
            return True
    return False
