"""What a handler may have changed in its process, put back or found out.

A working folder, a umask, the environment, the time zone, signal handlers, timers, sys.stdout and
limits of recursion are put back. What cannot be put back (closed streams, threads that would keep
a process alive, resource limits, a priority, a user, a root) spoils the worker: it is replaced.

All of this is asked after every event, so what takes long to ask is asked only after a call, from
Python, of a function that could have changed it.
"""

import _signal  # type: ignore[import-not-found]  # signal.py makes enums, after every event
import contextlib
import os
import resource
import sys
import time
from _thread import _count as thread_count
from collections.abc import Callable
from fcntl import F_DUPFD_CLOEXEC, fcntl
from resource import RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE, getrlimit

from ampt_cli import streams
from ampt_cli.strays import COOKIE
from ampt_cli.typed import Any

RAW_COOKIE = COOKIE.encode()
FILES = getrlimit(RLIMIT_NOFILE)[0]  # that may be open at once; negative: any number
# Our own descriptors lie above what handlers open, and usually close.
FIRST_FD = FILES // 2 if 0 <= FILES < 400 else 200
LIMITS = (RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE)
SIGNALS = range(1, 32)  # all but those of real time, which hardly anything uses
TIMERS = (_signal.ITIMER_PROF, _signal.ITIMER_VIRTUAL)  # the third is that of alarm()
SLOW = {  # modules, and what of them changes something that takes long to ask for
    "resource": "setrlimit prlimit",
    "signal": "signal setitimer",
    "os": (
        "nice setpriority sched_setaffinity sched_setscheduler setuid seteuid setreuid setresuid "
        "setgid setegid setregid setresgid setgroups initgroups chroot"
    ),
}


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


_called: set[str] = set()  # of SLOW, since it was asked last


def note_calls() -> None:
    """Before the handlers are imported: note from now on what they call of SLOW."""
    for module, names in SLOW.items():
        for name in names.split():
            if function := getattr(sys.modules[module], name, None):
                setattr(sys.modules[module], name, _noted(function, name))


def _noted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def noted(*args: Any, **named: Any) -> Any:
        _called.add(name)
        return function(*args, **named)

    noted.__name__ = noted.__qualname__ = name
    noted.__doc__ = function.__doc__
    return noted


class Surroundings:
    """The state of this process after the handlers were imported."""

    def __init__(self) -> None:
        self.folder = _here()
        self.path = os.getcwd() if self.folder < 0 else ""
        self.environ, self.variables = os.environ, _noting()
        self.before = dict(self.variables)
        self.recursion = sys.getrecursionlimit()
        self.handlers = list(map(_signal.getsignal, SIGNALS))
        self.limits = list(map(getrlimit, LIMITS))
        self.slow, self.timers = _slow(), list(map(_signal.getitimer, TIMERS))
        _called.clear()
        self.zone = _zone()
        self.threads = thread_count()
        self.locale = _locale()
        streams.mark()
        self.flags = streams.flags()
        streams.flush()  # what was closed by the import is opened anew, for all events
        self.stdin, self.stdout, self.stderr = sys.stdin, sys.stdout, sys.stderr
        self.text = self._text()

    def mark(self, origin: bytes) -> None:
        """Note in the environment whose programs are started from now on."""
        os.putenv(RAW_COOKIE, origin)
        dict.__setitem__(self.variables, RAW_COOKIE, origin)

    def flush(self) -> None:
        """Pass on what the handler printed; streams that it replaced are put back."""
        streams.flush()
        sys.stdin = self.stdin
        if sys.stdout is self.stdout and sys.stderr is self.stderr:
            return
        try:
            self.stdout.flush()
            self.stderr.flush()
            sys.stdout, sys.stderr = self.stdout, self.stderr
        except BaseException:  # noqa: BLE001  closed by the handler
            streams.open_streams()

    def spoilt(self) -> bool:
        """Put back what can be; whether something is left that only a new process mends."""
        os.umask(0o077)
        if self.variables.changed:
            self._restore()
        _signal.alarm(0)
        sys.setrecursionlimit(self.recursion)
        if _called and self._slowly_changed():
            return True
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        try:
            if self.folder >= 0:
                os.fchdir(self.folder)
            elif os.getcwd() != self.path:
                return True
        except OSError:
            return True  # a handler has closed it
        return self._changed()

    def _slowly_changed(self) -> bool:
        for timer, value in zip(TIMERS, self.timers, strict=True):
            _signal.setitimer(timer, *value)  # before their signals have their own handlers again
        for number, before in zip(SIGNALS, self.handlers, strict=True):
            if _signal.getsignal(number) is not before:
                if before is None:
                    return True  # one in C, which Python does not know of
                _signal.signal(number, before)
        _called.clear()  # our own calls are among them
        return _slow() != self.slow

    def _restore(self) -> None:
        moved = self.variables.get(b"TZ") != self.before.get(b"TZ") or _zone() != self.zone
        os.environb.clear()
        os.environb.update(self.before)
        self.variables.changed = False
        if moved:
            time.tzset()

    def _changed(self) -> bool:
        if os.environ is not self.environ:
            return True  # and what is behind another one, nobody has watched
        if sys.stdout is not self.stdout or self._text() != self.text:
            return True  # modules may hold them; and what had wrapped one closes it when it goes
        if thread_count() > self.threads and _threads_that_stay():
            return True
        if _locale() != self.locale:
            return True
        if streams.flags() != self.flags and not self._wait_as_before():
            return True
        return list(map(getrlimit, LIMITS)) != self.limits

    def _text(self) -> object:
        """How text goes through the streams; None if nobody can say."""
        read: Any = self.stdin
        out: Any = self.stdout
        err: Any = self.stderr
        try:
            of_out = out.closed, out.encoding, out.errors, out.line_buffering
            of_err = err.closed, err.encoding, err.errors, err.write_through
            return of_out, of_err, read is None or read.closed
        except (AttributeError, ValueError):
            return None

    def _wait_as_before(self) -> bool:
        """Let writers of output wait for room again; whether that was all that had changed."""
        try:
            os.set_blocking(1, True)
            os.set_blocking(2, True)
        except OSError:
            return False
        return streams.flags() == self.flags


def _here() -> int:
    """A descriptor of the working folder, above those that handlers open and close.

    -1 where it may not be entered: another user's, whose command this is by sudo.
    """
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        low = os.open(".", flags)
    except OSError:
        return -1
    try:
        return fcntl(low, F_DUPFD_CLOEXEC, FIRST_FD)
    finally:
        os.close(low)


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


def _zone() -> tuple[object, ...]:
    return time.tzname, time.timezone, time.altzone


def _slow() -> list[object]:
    """What of this process takes long to ask for."""
    limits = {value for name, value in vars(resource).items() if name.startswith("RLIMIT_")}
    found: list[object] = [*map(getrlimit, sorted(limits))]
    found += [
        os.getpriority(os.PRIO_PROCESS, 0),
        os.getuid(),
        os.geteuid(),
        os.getgid(),
        os.getegid(),
        os.getgroups(),
        os.stat("/")[1:3],
    ]
    if sys.platform == "linux":
        found.append(os.sched_getaffinity(0))
        with contextlib.suppress(OSError):  # musl knows no schedulers
            found.append(os.sched_getscheduler(0))
    return found


def _locale() -> str:
    locale = sys.modules.get("_locale")
    return locale.setlocale(locale.LC_ALL) if locale is not None else ""
