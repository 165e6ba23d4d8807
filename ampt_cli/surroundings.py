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


class _Noting(dict[bytes, bytes]):
    """What is behind os.environ, and notes that it was changed: comparing it takes longer."""

    changed = False

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.changed = True
        super().__setitem__(key, value)

    def __delitem__(self, key: bytes) -> None:
        self.changed = True
        super().__delitem__(key)

    def clear(self) -> None:
        self.changed = True
        super().clear()


class Surroundings:
    """The state of this process after the handlers were imported."""

    def __init__(self) -> None:
        self.folder = _here()
        self.environ, self.variables = os.environ, _noting()
        self.before = dict(self.variables)
        self.recursion = sys.getrecursionlimit()
        self.handlers = list(map(_signal.getsignal, SIGNALS))
        self.limits = list(map(getrlimit, LIMITS))
        self.threads = thread_count()
        self.locale = _locale()
        self.process = os.getpid()
        self.streams = _seal(self.process)

    def mark(self, origin: bytes) -> None:
        """Note in the environment whose programs are started from now on."""
        os.putenv(RAW_COOKIE, origin)
        dict.__setitem__(self.variables, RAW_COOKIE, origin)
        self.before[RAW_COOKIE] = origin

    def spoilt(self) -> bool:
        """Put back what can be; whether something is left that only a new process mends."""
        os.umask(0o077)
        if self.variables.changed:
            self._restore()
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

    def _restore(self) -> None:
        os.environb.clear()
        os.environb.update(self.before)
        self.variables.changed = False

    def _changed(self) -> bool:
        if os.environ is not self.environ:
            return True  # and what is behind another one, nobody has watched
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


def _noting() -> _Noting:
    """The mapping behind os.environ and os.environb, which notes changes from now on."""
    variables = _Noting(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001
    vars(os.environ)["_data"] = vars(os.environb)["_data"] = variables
    return variables


def _threads_that_stay() -> bool:
    threading = sys.modules.get("threading")
    if threading is None:
        return True
    return any(not thread.daemon for thread in threading.enumerate()[1:])


def _locale() -> str:
    locale = sys.modules.get("_locale")
    return locale.setlocale(locale.LC_ALL) if locale is not None else ""
