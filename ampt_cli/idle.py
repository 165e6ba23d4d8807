"""Whether a run would find anything to do: what cron asks every minute.

Nothing heavy is imported, no lock is kept, and no process is started.
"""

from ampt_cli import lock
from ampt_cli.errors import Trouble
from ampt_cli.fsio import Disk
from ampt_cli.retention import Retention, expired, stale
from ampt_cli.scan import Scan


def is_idle(disk: Disk, now: int, retention: Retention) -> bool:
    """Whether nothing is due, nobody is to be rescued, and nothing is to be tidied."""
    scan = Scan(disk, now, at_once=64)  # one that is due is enough, whatever its order
    if next(scan.entries(), None) is not None or scan.unread:
        return False  # what cannot be read is for a whole run to report
    if any(_may_be_abandoned(disk, folder) for folder in lock.runners(disk)):
        return False
    trouble = Trouble()
    if stale(disk, now) or next(expired(disk, now, retention, trouble), None) is not None:
        return False
    return trouble.first is None and not scan.has_empty()


def _may_be_abandoned(disk: Disk, folder: str) -> bool:
    try:
        return lock.is_abandoned(disk, folder) or lock.is_remains(disk, folder)
    except OSError:
        return True  # for a whole run to report
