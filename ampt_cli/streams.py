"""The standard streams of a worker: opened, emptied, and known again.

A handler may close, replace or move them. Whether the open files are still those that they were
is told by their flags: they get some that mean nothing, and that others have not.
"""

import io
import os
import sys
from array import array
from fcntl import F_GETFL, F_SETFL, fcntl, ioctl

FIONREAD = 0x541B  # Linux: how much there is to be read, asked at either end of a pipe
MARK = getattr(os, "O_NOATIME", os.O_APPEND)  # of an open file; means nothing to a pipe
MARKS = {0: os.O_APPEND, 1: MARK, 2: MARK}  # /dev/null is root's: others may not set O_NOATIME
_count = array("i", [0])


def flush() -> None:
    """Pass on what Python still buffers of the handler's output."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001  closed or replaced by the handler
            open_streams()


def open_streams() -> None:
    """Fresh sys.stdout and sys.stderr; closing them leaves the descriptors alone."""
    for fd, name in ((1, "stdout"), (2, "stderr")):
        raw = open(fd, "wb", buffering=0, closefd=False)  # noqa: SIM115
        buffered = io.BufferedWriter(raw) if fd == 1 else raw
        stream = io.TextIOWrapper(
            buffered,
            "utf-8",
            "backslashreplace",
            line_buffering=fd == 1,
            write_through=fd == 2,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def holds_nothing(pipe: int) -> bool:
    """Whether everything was read that was written to `pipe`; False where nobody can tell."""
    if sys.platform != "linux":
        return False
    try:
        ioctl(pipe, FIONREAD, _count)
    except OSError:
        return False
    return _count[0] == 0


def mark() -> None:
    """Mark the open files that stdin, stdout and stderr are: others have other flags."""
    for fd, flag in MARKS.items():
        try:
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | flag)
        except OSError:
            continue  # closed when the handlers were imported, or replaced by another's file


def flags() -> list[int] | None:
    """Those of the open files that stdin, stdout and stderr are; None where one is closed."""
    try:
        return [fcntl(0, F_GETFL), fcntl(1, F_GETFL), fcntl(2, F_GETFL)]
    except OSError:
        return None
