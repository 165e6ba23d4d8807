"""One worker process as its supervisor sees it: how it is begun, fed, watched and ended."""

import os
import signal
from collections import deque
from collections.abc import Iterable
from time import monotonic

from ampt_cli import deadline, jsontext, lock, strays, worker
from ampt_cli.capture import READ_SIZE, Capture
from ampt_cli.ending import TIMEOUT, Ending
from ampt_cli.frames import DEATH, Incoming, Report
from ampt_cli.fsio import FOLDER, Disk
from ampt_cli.marks import RECORD, RING, Marks
from ampt_cli.typed import Value

FAST, SLOW = 0.002, 0.02  # s an event: below, a worker gets a queue; above, one event at a time
QUEUE = RING // 2
FALSE_STARTS = 3
SOON = 1.0  # s: a worker that ends within them, and has run nothing, is a false start
RECORDS_AT_ONCE = 8  # 4096 bytes: one atomic write to a pipe


class Crew(Value):
    """What all workers of a supervisor share."""

    disk: Disk
    job: worker.Job
    marks: Marks
    token: bytes


class Slot:
    """A place for a worker; when one has ended, another is begun in it."""

    def __init__(self, number: int, board: "memoryview[float]", crew: Crew) -> None:
        self.number = number
        self.board = board  # written by the worker; see deadline
        self.crew = crew
        self.pid = 0
        self.queue_r = self.queue_w = -1
        self.waiting: deque[int] = deque()  # submitted and not reported, in order
        self.progress: list[str] = []  # handlers of the running event that have succeeded
        self.pace = FAST / 2  # s an event, smoothed
        self.false_starts = 0  # in a row

    def begin(self, folder: str) -> None:
        """Fork a worker; `folder` is where the runner's files are now. Raises OSError."""
        opened: list[int] = []
        try:
            for _ in range(3):
                opened += os.pipe()
            opened.append(lock.hold_shared(self.crew.disk, folder))
            opened.append(os.open(folder, FOLDER, dir_fd=self.crew.disk.root))
            self._begin(opened)
        except OSError:  # a runner that stays lacks, perhaps, what is open already
            for fd in opened:
                os.close(fd)
            self.queue_r = self.queue_w = -1
            raise

    def _begin(self, opened: list[int]) -> None:
        self.queue_r, self.queue_w, self.result_r, result_w, capture_r, capture_w, *rest = opened
        for fd in (self.queue_r, self.queue_w, self.result_r, capture_r):
            os.set_blocking(fd, False)
        self.capture = Capture(capture_r, self.crew.token, self.board)
        self.ready = self.leaving = False
        self.incoming = Incoming()
        self.drained = self.ended = False
        self.signalled = 0.0  # the deadline that was signalled last
        self.killed_for = ""
        self.status = 0  # of its end, as subprocess has it: negative for a signal
        self.since = monotonic()  # of the last sign of life
        self.silent = 0.0  # since when it has neither run a handler nor said anything
        for index in range(len(self.board)):
            self.board[index] = 0.0
        self.board[deadline.BEGUN] = strays.now()
        self._fork(result_w, capture_w, *rest)

    def _fork(self, result_w: int, capture_w: int, share: int, claims: int) -> None:
        crew, parent = self.crew, os.getpid()
        ends = worker.Ends(
            self.queue_r,
            result_w,
            capture_w,
            share,
            claims,
            crew.token,
            self.number,
            crew.marks,
            self.board,
        )
        self.pid = os.fork()
        if self.pid == 0:
            worker.main(ends, crew.job, parent, group=crew.disk.group)
        for fd in (result_w, capture_w, share, claims):
            os.close(fd)

    # -- feeding -------------------------------------------------------------------

    def depth(self) -> int:
        """How many events it may hold at once."""
        return QUEUE if self.pace < FAST else 2 if self.pace < SLOW else 1

    def serves(self) -> bool:
        """Whether it has imported the handlers, and stays."""
        return self.ready and not self.leaving

    def room(self) -> int:
        """How many more events it may be given: only fast handlers get a queue."""
        if not self.serves():
            return 0
        return max(self.depth() - len(self.waiting), 0)

    def wants_more(self) -> bool:
        """Whether it is worth giving it more now: a few at a time, not one by one."""
        return self.room() * 4 > self.depth()

    def is_well_fed(self) -> bool:
        """Whether it has enough to do for a while, and is doing it fast."""
        return self.pace < FAST and len(self.waiting) > QUEUE // 2

    def submit(self, events: list[tuple[int, str]]) -> list[int]:
        """Give it (seq, file) pairs, whose handlers it calls in this order.

        Returns those for which its pipe has no room: who has many pipes gets small
        ones (pipe(7), pipe-user-pages-soft), and a write that waits would watch no deadline.
        """
        if not self.waiting:
            self.since = monotonic()
        for start in range(0, len(events), RECORDS_AT_ONCE):
            few = events[start : start + RECORDS_AT_ONCE]
            records = [f"{seq} {file}\n".encode().ljust(RECORD, b"\0") for seq, file in few]
            try:
                os.write(self.queue_w, b"".join(records))
            except BlockingIOError:
                return [seq for seq, _ in events[start:]]
            self.waiting.extend(seq for seq, _ in few)
        return []

    def take_back(self) -> list[int]:
        """What the worker has not taken from its queue yet: it has not begun."""
        taken: list[int] = []
        if self.queue_r < 0:
            return taken  # it has ended, and its queue was emptied then
        try:
            while data := os.read(self.queue_r, READ_SIZE):
                records = (data[start : start + RECORD] for start in range(0, len(data), RECORD))
                taken.extend(int(record.partition(b" ")[0]) for record in records)
        except BlockingIOError:
            pass
        for seq in taken:
            self.waiting.remove(seq)
        return taken

    # -- hearing -------------------------------------------------------------------

    def frames_read(self) -> Iterable[tuple[bytes, bytes]]:
        """The frames that one read brings: kind and payload. Sets `drained` and `ended`."""
        self.drained = self.ended = False
        try:
            data = os.read(self.result_r, READ_SIZE)
        except BlockingIOError:
            self.drained = True  # nothing more now
            return ()
        self.drained = self.ended = not data
        return self.incoming.take(data)

    def done(self, number: bytes) -> int:
        """It has reported the event of this number. Raises ValueError if it was not given that."""
        seq = int(number)
        self.waiting.remove(seq)
        self.progress.clear()
        return seq

    def paced(self, count: int) -> None:
        """It has reported `count` events since the last sign of life."""
        now = monotonic()
        self.pace += ((now - self.since) / count - self.pace) * 0.5
        self.since = now

    # -- watching and ending ---------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When the running handler call must end (monotonic s); 0 when none runs."""
        return self.board[deadline.DEADLINE]

    @property
    def running(self) -> int:
        """The event begun last."""
        return int(self.board[deadline.RUNNING])

    @property
    def ending(self) -> Ending:
        """How it ended."""
        return Ending(self.status, self.killed_for)

    def kill(self, why: str) -> None:
        """End it and all of its process group at once."""
        if not self.killed_for:
            self.killed_for = why
            self.spared = strays.unrelated(self.number, self.running, self.board[deadline.BEGUN])
        if not self.pid:
            return  # it has ended already, and 0 would be our own group
        for end in (os.killpg, os.kill):
            try:
                end(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def reaped(self) -> bool:
        """Whether it has ended; then its status is known."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            pid, status = self.pid, 0
        if pid == 0:
            return False
        self.status = os.waitstatus_to_exitcode(status)
        self.pid = 0
        if self.status == -deadline.SOFT_SIGNAL and 0 < self.signalled == self.deadline:
            self.kill(TIMEOUT)  # a program that a handler has become does not know the signal
        return True

    def let_go(self) -> None:
        """Close its queue: it leaves when it has done what it has."""
        self.leaving = True
        if self.queue_w >= 0:
            os.close(self.queue_w)
            self.queue_w = -1

    def may_try_again(self) -> bool:
        """Whether another worker is worth a try after one that has ended. Asked before `close`.

        One that somebody killed before it was ready is, and one that ended without need
        before it ran anything, but not for ever.
        """
        if self.ready and (self.leaving or self.running or monotonic() > self.since + SOON):
            self.false_starts = 0
            return True
        self.false_starts += 1
        killed = self.status < 0 and not self.killed_for
        return (killed or self.ready) and self.false_starts < FALSE_STARTS

    def close(self, workers: set[int]) -> None:
        """Close the pipes of a worker that has ended; if it was killed, end what it left behind."""
        self.let_go()
        for fd in (self.queue_r, self.result_r, self.capture.fd):
            os.close(fd)
        self.queue_r = -1
        if self.killed_for:
            strays.end(self.spared | workers, self.number)

    def death(self, seq: int, output: bytes, handlers: list[str]) -> Report:
        """The report of the attempt under which it ended; `handlers` are all, by number."""
        number = int(self.board[deadline.HANDLER])
        told = {
            "timed_out": self.killed_for == TIMEOUT,
            "itself": self.ending.by_itself(),
            "why": self.ending.why(),
            "succeeded": list(self.progress),
            "allowed": self.board[deadline.TIMEOUT],
            "start": int(self.board[deadline.START]),
            "handler": handlers[number] if number < len(handlers) else "",
        }
        self.progress.clear()
        return DEATH, seq, jsontext.dumps(told).encode(), output
