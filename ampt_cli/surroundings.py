"""What a handler may have changed in its process, put back or found out.

A working folder, a umask, the environment, signal handlers and limits of
recursion are put back. What cannot be put back (closed streams, threads that would keep a
process alive, resource limits) spoils the worker: it is replaced.
"""

import _signal  # type: ignore[import-not-found]  # signal.py makes enums, after every event
import io
import os
import sys
from _thread import _count as thread_count
from array import array
from fcntl import F_DUPFD_CLOEXEC, F_GETOWN, F_SETOWN, fcntl, ioctl
from resource import RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE, getrlimit

from ampt_cli.strays import COOKIE

RAW_COOKIE = COOKIE.encode()
FIONREAD = 0x541B  # Linux: how much there is to be read, asked at either end of a pipe
FIRST_FD = 200  # our own descriptors lie above what handlers open, and usually close
LIMITS = (RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE)
SIGNALS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGALRM, _signal.SIGXCPU)


class Surroundings:
    """The state of this process after the handlers were imported."""

    def __init__(self) -> None:
        self.folder = _here()
        self.environment = dict(_environment())
        self.recursion = sys.getrecursionlimit()
        self.handlers = list(map(_signal.getsignal, SIGNALS))
        self.limits = list(map(getrlimit, LIMITS))
        self.threads = thread_count()
        self.locale = _locale()
        self.process = os.getpid()
        self.streams = _seal(self.process)

    def mark(self, origin: str) -> None:
        """Note in the environment whose programs are started from now on."""
        raw = origin.encode()
        os.putenv(RAW_COOKIE, raw)
        _environment()[RAW_COOKIE] = self.environment[RAW_COOKIE] = raw

    def spoilt(self) -> bool:
        """Put back what can be; whether something is left that only a new process mends."""
        os.umask(0o077)
        if _environment() != self.environment:
            _restore(self.environment)
        _signal.alarm(0)
        sys.setrecursionlimit(self.recursion)
        handlers = list(map(_signal.getsignal, SIGNALS))
        if handlers != self.handlers:
            for number, now, before in zip(SIGNALS, handlers, self.handlers, strict=True):
                if now is not before:  # others may have one in C, which Python does not know of
                    _signal.signal(number, before)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        try:
            os.fchdir(self.folder)
        except OSError:
            return True  # a handler has closed it
        return self._changed()

    def _changed(self) -> bool:
        if thread_count() > self.threads and _threads_that_stay():
            return True
        if _locale() != self.locale or _is_sealed(self.process) != self.streams:
            return True
        return list(map(getrlimit, LIMITS)) != self.limits


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


_count = array("i", [0])


def holds_nothing(pipe: int) -> bool:
    """Whether everything was read that was written to `pipe`; False where nobody can tell."""
    if sys.platform != "linux":
        return False
    try:
        ioctl(pipe, FIONREAD, _count)
    except OSError:
        return False
    return _count[0] == 0


def _here() -> int:
    """A descriptor of the working folder, above those that handlers open and close."""
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
    low = os.open(".", flags)
    try:
        return fcntl(low, F_DUPFD_CLOEXEC, FIRST_FD)
    finally:
        os.close(low)


def _seal(process: int) -> bool:
    """Mark the files that stdout and stderr are; False where the handlers have closed one.

    The mark is whom the kernel would signal about input (which nobody asks it
    to): it belongs to the open file, and costs less to read than what file it is.
    """
    try:
        for fd in (1, 2):
            fcntl(fd, F_SETOWN, process)
    except OSError:
        return False
    return True


def _is_sealed(process: int) -> bool:
    """Whether stdout and stderr are the files that were marked."""
    try:
        return fcntl(1, F_GETOWN) == fcntl(2, F_GETOWN) == process
    except OSError:
        return False


def _environment() -> "dict[bytes, bytes]":
    # The mapping behind os.environ: comparing os.environ itself decodes every
    # variable, after every event.
    return os.environ._data  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001


def _restore(environment: "dict[bytes, bytes]") -> None:
    os.environb.clear()
    os.environb.update(environment)


def _threads_that_stay() -> bool:
    threading = sys.modules.get("threading")
    if threading is None:
        return True
    return any(not thread.daemon for thread in threading.enumerate()[1:])


def _locale() -> str:
    locale = sys.modules.get("_locale")
    return locale.setlocale(locale.LC_ALL) if locale is not None else ""
