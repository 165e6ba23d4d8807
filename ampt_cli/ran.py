"""When a run looked at the spool last: the mtime of the file `ran`, a statistic.

Light: an idle `ampt run` touches it every minute.
"""

import os

from ampt_cli.layout import RAN

OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from ampt_cli.fsio import Disk


def touch(disk: "Disk") -> None:
    """Note that a run looks at the spool now. Never raises: it is a statistic."""
    try:
        try:
            os.utime(RAN, dir_fd=disk.root, follow_symlinks=False)
        except FileNotFoundError:
            os.close(open_ran(disk))
    except OSError:
        pass


def open_ran(disk: "Disk") -> int:
    """A descriptor of the file, which is made where it is missing."""
    return disk.open_shared(RAN, OPEN)


def last_run(disk: "Disk") -> int | None:
    """When a run looked last (ms); None if none ever did."""
    try:
        return disk.status(RAN).st_mtime_ns // 1_000_000
    except OSError:
        return None
