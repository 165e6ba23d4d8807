r"""The child process: import the handlers once, then run one event after another.

It is forked by the supervisor, in a session of its own, and speaks bytes:

- it reads records of 512 bytes, `SEQ FILE\n` padded with NULs, from its queue;
- it writes frames to its result pipe (see `frames`);
- it writes the separator `TOKEN SEQ\n` to the captured output after an event, before
  its result, so that output is told apart exactly. It does not after an event that
  succeeded, printed nothing, and whose record it has appended itself (RECORDED).

It ends itself when the supervisor is gone, and leaves by os._exit, so that
nothing a handler left behind (threads, atexit) can hold it.
"""

import contextlib
import gc
import os
import resource
import select
import signal
import sys
from fcntl import F_DUPFD_CLOEXEC, fcntl

from ampt_cli import api, clock, handlers, jsontext, kernel, layout, reading, record, strays
from ampt_cli.claim import Claim
from ampt_cli.deadline import BEGUN, HEARD, RUNNING, SOFT_SIGNAL, START, Deadline
from ampt_cli.errors import AmptError, Damaged, TooNew
from ampt_cli.execute import Result, describe, execute, record_of, traceback_of
from ampt_cli.frames import (
    ATTEMPTED,
    DAMAGED,
    IGNORED,
    LEAVING,
    POKE,
    READY,
    RECORDED,
    SUCCEEDED,
    TIMED_OUT,
    TOO_NEW,
    UNREADABLE,
    UNUSABLE,
    frame,
)
from ampt_cli.fsio import Disk, write_all
from ampt_cli.marks import RECORD, Marks
from ampt_cli.room import Room
from ampt_cli.streams import flush, holds_nothing, open_streams
from ampt_cli.surroundings import FIRST_FD, Surroundings, note_calls
from ampt_cli.typed import Any, NoReturn, Value

TROUBLE = frozenset({ATTEMPTED, UNREADABLE})  # the kinds that a lack of room may be behind


class Ends(Value):
    """What a worker inherits: its ends of the pipes, and where to read and mark."""

    queue: int
    results: int
    capture: int
    share: int  # of the lock `workers`
    claims: int  # the runner's folder; it is all of the spool that a worker reads
    token: bytes
    number: int
    marks: Marks
    board: "memoryview[float]"  # see deadline


class Job(Value):
    """What all workers of a runner are told."""

    spool: str  # its path, whole: where handlers publish
    target: str
    default_timeout: int
    rerun_all: bool = False
    memory: int | None = None  # bytes


def main(ends: Ends, job: Job, parent: int, *, group: bool) -> NoReturn:
    """Be a worker until the queue ends. Never returns."""
    status = 70
    try:
        ends = _settle_in(ends, parent)
        worker = Worker(Disk(ends.claims, group), ends, job)
        if worker.prepare():
            worker.serve()
            status = 0
    except BaseException as error:  # noqa: BLE001  the supervisor sees the status
        with contextlib.suppress(BaseException):
            sys.__stderr__.write(f"ampt worker: {describe(error)}\n{traceback_of(error)}")  # type: ignore[union-attr]
    finally:
        os._exit(status)


def _settle_in(ends: Ends, parent: int) -> Ends:
    """Own session, own descriptors above FIRST_FD, nothing else of the supervisor."""
    os.setsid()
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)  # it died before it could be watched
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    kept = [ends.queue, ends.results, ends.capture, ends.share, ends.claims]
    queue, results, capture, share, claims = (fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD) for fd in kept)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(capture, 1)
    os.dup2(capture, 2)
    os.closerange(3, FIRST_FD)
    _close_others({queue, results, capture, share, claims})
    os.umask(0o077)
    os.environ[strays.COOKIE] = strays.cookie(parent, ends.number, 0).decode()
    kernel.go_first()
    return ends.but(queue=queue, results=results, capture=capture, share=share, claims=claims)


def _close_others(ours: set[int]) -> None:
    """Close what else was inherited, the runner's own lock among it."""
    try:
        inherited = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        inherited = list(range(FIRST_FD, os.sysconf("SC_OPEN_MAX")))
    for fd in inherited:
        if fd > 2 and fd not in ours:
            with contextlib.suppress(OSError):
                os.close(fd)


class Worker:
    """Runs what comes through the queue."""

    def __init__(self, disk: Disk, ends: Ends, job: Job) -> None:
        self.disk = disk
        self.ends = ends
        self.job = job
        self.board = ends.board
        self.claim = Claim(disk)
        self.us = 0  # that the handlers of the last event took
        self.runner = os.getppid()
        self.news = select.poll()  # not select(2), which knows no descriptor from 1024 on
        self.news.register(ends.queue, select.POLLIN)
        self.deadline = Deadline(ends.board, lambda told: self.send(frame(POKE, told)))
        self.overdue = False  # whether a handler of the last event was

    def prepare(self) -> bool:
        """Import the handlers and say what was found; False if they cannot be used."""
        open_streams()
        note_calls()
        if self.job.memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (self.job.memory, self.job.memory))
        api.belong_to(self.job.spool)
        try:
            self.registry = handlers.load(self.job.target)
        except AmptError as error:
            return self.unusable(error=str(error), hint=error.hint, status=error.exit_status)
        except BaseException as error:  # noqa: BLE001  SystemExit too: importing must not end us
            trace = traceback_of(error)
            return self.unusable(error=describe(error), traceback=trace, status=78)
        declared = _declared(self.registry, self.job.default_timeout)
        self.deadline.numbers = {key: number for number, key in enumerate(declared["handlers"])}
        signal.signal(SOFT_SIGNAL, self.deadline.on_signal)
        gc.freeze()  # what was imported stays: the collector need not look at it
        gc.enable()
        self.surroundings = Surroundings()
        self.room = Room(self.job.memory)
        os.register_at_fork(after_in_child=self.forsake)
        self.send(frame(READY, jsontext.dumps(declared).encode()))
        return True

    def unusable(self, **answer: Any) -> bool:
        """Report that the handlers cannot be imported."""
        flush()
        self.send(frame(UNUSABLE, jsontext.dumps(answer).encode("utf-8", "backslashreplace")))
        return False

    def forsake(self) -> None:
        """In a child that a handler forks: drop the lock and the pipes, which are the worker's."""
        for fd in (self.ends.share, self.ends.queue, self.ends.results, self.claim.fd):
            with contextlib.suppress(OSError):
                os.close(fd)
        signal.signal(SOFT_SIGNAL, signal.SIG_DFL)
        self.deadline.forsake()

    def serve(self) -> None:
        """Take one event after another, until the queue ends."""
        while raw := self.take():
            seq, _, file = raw[: raw.index(b"\n")].partition(b" ")
            kind, payload = self.run_one(int(seq), file.decode())
            self.surroundings.flush()
            quiet = kind == SUCCEEDED and self.is_quiet()
            if self.claim.close(payload if quiet else None):
                kind, payload = RECORDED, b"%d" % self.us
            else:
                self.separate(seq)
            answer = frame(kind, b"%s\n%s" % (seq, payload))
            if self.overdue:  # what the handler started goes with us: see Supervisor._take_in
                self.send(answer + frame(LEAVING, TIMED_OUT))
                while True:  # a timer that the handler has wound may wake us
                    signal.pause()
            self.send(answer)
            if self.surroundings.spoilt() or (kind in TROUBLE and self.room.is_short()):
                self.send(frame(LEAVING, b""))
                return

    def separate(self, seq: bytes) -> None:
        """End the output of an event; it waits for room also where the handler would not."""
        separator = b"%s%s\n" % (self.ends.token, seq)
        try:
            os.write(self.ends.capture, separator)
        except BlockingIOError:
            os.set_blocking(self.ends.capture, True)
            os.write(self.ends.capture, separator)

    def take(self) -> bytes:
        """The next record of the queue; empty when the supervisor has closed it, or is gone."""
        while True:
            try:
                return os.read(self.ends.queue, RECORD)
            except BlockingIOError:  # the supervisor reads there too, so it never blocks
                self.news.poll()

    def run_one(self, seq: int, file: str) -> tuple[bytes, bytes]:
        """Run the event in the claim `file`; the kind and payload of the answer."""
        now = clock.now()
        entry = layout.again(".", file)
        try:
            event = self.claim.open(entry)
            succeeded = self.succeeded_before(entry)
        except TooNew as error:
            return TOO_NEW, str(error).encode()
        except Damaged as error:
            return DAMAGED, str(error).encode("utf-8", "backslashreplace")
        except OSError as error:
            return UNREADABLE, str(error.strerror).encode()
        listed = self.registry.of(event.name)
        if listed:
            self.board[START] = now
            self.board[BEGUN] = strays.now()
            self.surroundings.mark(strays.cookie(self.runner, self.ends.number, seq))
            self.board[RUNNING] = seq
            self.ends.marks.begin(self.ends.number, seq, now, file)
        result = execute(
            event,
            listed,
            now=clock.now,
            watch=self.deadline,
            succeeded=succeeded,
            default_timeout=self.job.default_timeout,
        )
        self.overdue = result.outcome != record.SUCCEEDED and any(
            report["outcome"] == record.TIMED_OUT for report in result.reports
        )
        self.us = result.us
        return answer(entry.attempt, now, result)

    def succeeded_before(self, entry: layout.Entry) -> tuple[str, ...]:
        """The handlers that need not be called again."""
        if entry.attempt == 1 or self.job.rerun_all:
            return ()
        return reading.history(self.disk, entry.path).succeeded

    def is_quiet(self) -> bool:
        """Whether nothing was printed since the last separator."""
        return holds_nothing(self.ends.capture) and not self.board[HEARD]  # in this order

    def send(self, frames: bytes) -> None:
        """Frames to the supervisor. A lost pipe ends the worker: nobody could trust it."""
        write_all(self.ends.results, frames)


def answer(attempt: int, start: int, result: Result) -> tuple[bytes, bytes]:
    """What reports an attempt: the kind, and its record with what the verdict depends on."""
    if result.outcome == record.SUCCEEDED:
        return SUCCEEDED, record.success(attempt, start, result.us, result.reports)
    made = record_of(attempt, start, result)
    if result.outcome == record.IGNORED:
        return IGNORED, record.line(made)
    told = {
        "record": made,
        "succeeded": result.succeeded,
        "give_up": result.wish.give_up,
        "later": result.wish.later,
    }
    return ATTEMPTED, record.line(told)


def _declared(registry: handlers.Registry, default: int) -> dict[str, Any]:
    every = registry.every()
    return {
        "handlers": [handler.key for handler in every],
        "retries": registry.retries,
        "shortest": min([handler.timeout or default for handler in every], default=default),
    }
