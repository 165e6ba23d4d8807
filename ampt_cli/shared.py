"""A spool that several threads of a program publish through."""

import os

from ampt_cli.fsio import Disk

TYPE_CHECKING = False  # spelled so that type checkers know it, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable


class SharedDisk(Disk):
    """One of several threads: it is closed when none of them has it any more.

    Unless the program has closed it: a daemon closes all, and the number may be another's.
    """

    __slots__ = ("_folder",)

    def __init__(self, root: int, group: bool, path: str) -> None:
        super().__init__(root, group, path)
        status = os.fstat(root)
        self._folder = status.st_dev, status.st_ino

    def __del__(self, _stat: "Callable[[int], os.stat_result]" = os.fstat) -> None:
        try:
            status = _stat(self.root)  # kept, as in close
        except OSError:
            return
        if (status.st_dev, status.st_ino) == self._folder:
            self.close()
