"""How much room a process has left, of its memory and of files that may be open at once."""

import os
import resource
from errno import EMFILE


class Room:
    """Measured once the handlers are imported; `memory` (bytes) is what it may allocate."""

    def __init__(self, memory: int | None) -> None:
        self.memory = memory
        self.size = _address_space()

    def is_short(self) -> bool:
        """Whether what handlers keep may be why one failed: it would be again, and so would all."""
        if _files_run_out():
            return True
        if self.memory is None:
            return False
        return _address_space() - self.size > (self.memory - self.size) // 10


def _address_space() -> int:
    """How many bytes this process has allocated, as RLIMIT_AS counts them; 0 where none says."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _files_run_out() -> bool:
    """Whether nine tenths of the files that may be open at once are; False where nobody says."""
    try:
        taken = len(os.listdir("/proc/self/fd"))
    except OSError as error:
        return error.errno == EMFILE
    return taken > resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 9 // 10 >= 0
