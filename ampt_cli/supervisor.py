"""Worker processes: their queues, their deadlines, and their end.

Each worker has a queue of its own, a pipe of 512-byte records. The supervisor
keeps its reading end too: what it takes back from there has not begun, and
what it does not find there has been taken by the worker. So after the death of a
worker it is known exactly which event it had begun, if any.

The supervisor never imports the user's code.
"""

import mmap
import os
import select
import signal
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

from ampt_cli import jsontext, kernel, lock, worker
from ampt_cli.errors import ConfigError
from ampt_cli.fsio import Disk
from ampt_cli.marks import RECORD, RING, Marks
from ampt_cli.record import MAX_OUTPUT

GRACE = 0.5  # s between the exception in a handler and the end of its process group
IMPORT_TIMEOUT = 60.0  # s
STOLEN_AFTER = 0.05  # s that an event may run before what waits behind it is taken back
SILENCE = 10.0  # s that a worker may spend on an event outside of its handlers
READ_SIZE = 1 << 16
RECORDS_AT_ONCE = 8  # 4096 bytes: one atomic write to a pipe
DEATH = b"D"


class Report(NamedTuple):
    """What became of one submitted event."""

    kind: bytes
    seq: int
    payload: bytes
    output: bytes


class Unusable(ConfigError):
    """The handlers cannot be imported."""

    traceback = ""


class Slot:
    """One worker process, and what the supervisor holds of it."""

    pid = 0
    queue_r = queue_w = result_r = capture_r = -1
    status = 0  # of its end, as subprocess has it: negative for a signal

    def __init__(self, number: int, board: "memoryview[float]") -> None:
        self.number = number
        self.board = board  # seq, deadline: written by the worker
        self.waiting: deque[int] = deque()  # submitted and not reported, in order
        self.progress: dict[int, list[str]] = {}  # handlers that succeeded, of unreported events
        self.pace = 0.001  # s an event, smoothed
        self.reset()

    def reset(self) -> None:
        """A new process begins."""
        self.ready = self.leaving = False
        self.frames = self.output = b""
        self.signalled = 0.0  # the deadline that was signalled last
        self.killed_for = ""
        self.since = monotonic()  # of the last sign of life
        self.silent = 0.0  # since when it has neither run a handler nor said anything
        for index in range(len(self.board)):
            self.board[index] = 0.0

    @property
    def deadline(self) -> float:
        """When the running handler call must end (monotonic s); 0 when none runs."""
        return self.board[1]

    @property
    def running(self) -> int:
        """The event begun last."""
        return int(self.board[0])

    def room(self) -> int:
        """How many more events it may be given: only fast handlers get a queue."""
        if not self.ready or self.leaving:
            return 0
        return max(self.depth() - len(self.waiting), 0)

    def depth(self) -> int:
        """How many it may hold at once."""
        return RING // 2 if self.pace < 0.002 else 2 if self.pace < 0.02 else 1

    def wants_more(self) -> bool:
        """Whether it is worth giving it more now: a few at a time, not one by one."""
        return self.room() * 4 > self.depth()


class Supervisor:
    """A fixed number of workers for one runner."""

    def __init__(self, disk: Disk, folder: str, *, job: worker.Job, jobs: int, wakeup: int) -> None:
        self.disk = disk
        self.folder = folder  # where the runner's files are; it moves from tmp/ to running/
        self.job = job
        self.declared: dict[str, Any] = {}
        self.failure: Unusable | None = None
        self.token = b"\0ampt-" + os.urandom(12).hex().encode() + b" "
        self.marks = Marks(disk, folder, jobs)
        self.spare: list[int] = []  # taken back, not begun
        self._reports: list[Report] = []
        cells = memoryview(mmap.mmap(-1, 8 * worker.BOARD * jobs)).cast("d")
        size = worker.BOARD
        self.slots = [Slot(number, cells[number * size :][:size]) for number in range(jobs)]
        self._pipes: dict[int, tuple[Slot, Callable[[Slot], bool]]] = {}
        self._poll = select.poll()
        self._wakeup = wakeup
        self._poll.register(wakeup, select.POLLIN)
        kernel.adopt_orphans()
        for slot in self.slots:
            self._start(slot)

    # -- starting and ending ---------------------------------------------------

    def _start(self, slot: Slot) -> None:
        slot.queue_r, slot.queue_w = os.pipe()
        slot.result_r, result_w = os.pipe()
        slot.capture_r, capture_w = os.pipe()
        for fd in (slot.queue_r, slot.result_r, slot.capture_r):
            os.set_blocking(fd, False)
        slot.reset()
        parent = os.getpid()
        ends = worker.Ends(
            slot.queue_r,
            result_w,
            capture_w,
            lock.hold_shared(self.disk, self.folder),
            self.token,
            slot.number,
            self.marks,
            slot.board,
        )
        slot.pid = os.fork()
        if slot.pid == 0:
            worker.main(self.disk, ends, self.job, parent)
        for fd in (result_w, capture_w, ends.share):
            os.close(fd)
        self._watch(slot.result_r, slot, self._read_frames)
        self._watch(slot.capture_r, slot, self._read_output)

    def _watch(self, fd: int, slot: Slot, read: "Callable[[Slot], bool]") -> None:
        self._pipes[fd] = (slot, read)
        self._poll.register(fd, select.POLLIN)

    def _forget(self, fd: int) -> None:
        if self._pipes.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def wait_ready(self) -> None:
        """Wait until every worker has imported the handlers. Raises Unusable."""
        while not all(slot.ready and not slot.leaving for slot in self.slots):
            self.poll(0.25)
            if self.failure is not None:
                raise self.failure

    def restart(self) -> None:
        """Replace all workers, which have nothing to do, by new ones."""
        for slot in self.slots:
            slot.leaving = True
            os.close(slot.queue_w)
            slot.queue_w = -1

    def kill(self, slot: Slot, why: str) -> None:
        """End a worker and all of its process group at once."""
        slot.killed_for = slot.killed_for or why
        for end in (os.killpg, os.kill):
            try:
                end(slot.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def stop(self) -> None:
        """End all workers. Idle ones leave by themselves; nobody waits long."""
        for slot in self.slots:
            if slot.pid and slot.queue_w >= 0:
                os.close(slot.queue_w)
                slot.queue_w = -1
        limit = monotonic() + GRACE
        for slot in self.slots:
            while slot.pid and not self._reap(slot):
                if monotonic() > limit:
                    self.kill(slot, "the runner stops")
                select.select([], [], [], 0.002)
        self._end_orphans()

    def _reap(self, slot: Slot) -> bool:
        try:
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
        except ChildProcessError:
            pid, status = slot.pid, 0
        if pid == 0:
            return False
        slot.pid = 0
        slot.status = os.waitstatus_to_exitcode(status)
        return True

    def _end_orphans(self) -> None:
        """End what handlers left behind outside of their process group: it was reparented to us."""
        mine = {slot.pid for slot in self.slots}
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
        except OSError:
            return
        for pid in children:
            if pid not in mine:
                try:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                except (ProcessLookupError, ChildProcessError, PermissionError):
                    continue

    # -- giving and taking back --------------------------------------------------

    def submit(self, slot: Slot, events: list[tuple[int, str]]) -> None:
        """Give a worker (seq, file) pairs; it calls their handlers in this order."""
        if not slot.waiting:
            slot.since = monotonic()
        records = [f"{seq} {file}\n".encode().ljust(RECORD, b"\0") for seq, file in events]
        slot.waiting.extend(seq for seq, _ in events)
        for start in range(0, len(records), RECORDS_AT_ONCE):
            os.write(slot.queue_w, b"".join(records[start : start + RECORDS_AT_ONCE]))

    def take_back(self, slot: Slot) -> None:
        """Move what the worker has not taken yet from its queue to `spare`."""
        while True:
            try:
                data = os.read(slot.queue_r, READ_SIZE)
            except BlockingIOError:
                return
            if not data:
                return
            for start in range(0, len(data), RECORD):
                seq = int(data[start : start + RECORD].partition(b" ")[0])
                slot.waiting.remove(seq)
                self.spare.append(seq)

    @property
    def busy(self) -> int:
        """How many events are submitted and not reported."""
        return sum(len(slot.waiting) for slot in self.slots)

    # -- waiting -----------------------------------------------------------------

    def poll(self, timeout: float) -> tuple[list[Report], bool]:
        """Wait at most `timeout` s for news: reports, and whether a signal or a wake-up came."""
        woken = False
        for fd, _ in self._poll.poll(max(0.0, self._patience(timeout)) * 1000):
            pipe = self._pipes.get(fd)
            if pipe is None:
                woken = woken or fd == self._wakeup
            elif not pipe[1](pipe[0]):
                self._forget(fd)
        if woken:
            self._notice_deaths()
        self._enforce()
        reports, self._reports = self._reports, []
        return reports, woken

    def watch(self, fd: int) -> None:
        """Let `poll` also return when `fd` can be read."""
        self._poll.register(fd, select.POLLIN)

    def unwatch(self, fd: int) -> None:
        """Undo `watch`."""
        self._poll.unregister(fd)

    def _patience(self, timeout: float) -> float:
        """How long to wait: until the next deadline, or until one could have come up."""
        now = monotonic()
        for slot in self.slots:
            if not slot.ready:
                timeout = min(timeout, max(slot.since + IMPORT_TIMEOUT - now, 0))
            elif slot.waiting:
                limit = slot.deadline
                if not limit:
                    timeout = min(timeout, self.declared.get("shortest", 1000) / 1000)
                elif limit == slot.signalled:
                    timeout = min(timeout, limit + GRACE - now)
                else:
                    timeout = min(timeout, limit - now)
                if len(slot.waiting) > 1:
                    timeout = min(timeout, STOLEN_AFTER)
        return timeout

    def _enforce(self) -> None:
        """Signal and kill what is over its time; take back what waits behind slow events."""
        now = monotonic()
        for slot in self.slots:
            limit = slot.deadline
            if not slot.ready and now > slot.since + IMPORT_TIMEOUT:
                self.kill(slot, f"importing the handlers took more than {IMPORT_TIMEOUT:g} s")
            elif limit and slot.waiting and now >= limit:
                if limit != slot.signalled:
                    slot.signalled = limit
                    os.kill(slot.pid, worker.SOFT_SIGNAL)
                if now >= limit + GRACE:
                    self.kill(slot, "timeout")
            if limit or not slot.waiting or not slot.ready:
                slot.silent = 0.0
            elif not slot.silent or slot.since > slot.silent:
                slot.silent = now
            elif now - slot.silent > SILENCE:
                self.kill(slot, "it hung outside of a handler")
            if len(slot.waiting) > 1 and now - slot.since > STOLEN_AFTER:
                slot.pace = max(slot.pace, STOLEN_AFTER)
                self.take_back(slot)

    # -- hearing from workers ------------------------------------------------------

    def _read_frames(self, slot: Slot) -> bool:
        try:
            data = os.read(slot.result_r, READ_SIZE)
        except BlockingIOError:
            return True
        frames = slot.frames + data
        at, count = 0, 0
        while len(frames) >= at + 5:
            end = at + 5 + int.from_bytes(frames[at + 1 : at + 5], "big")
            if len(frames) < end:
                break
            try:
                count += self._frame(slot, frames[at : at + 1], frames[at + 5 : end])
            except (ValueError, KeyError):  # a handler has written into the pipe
                self.kill(slot, "it wrote nonsense to the supervisor")
                return False
            at = end
        slot.frames = frames[at:]
        if count:
            now = monotonic()
            slot.pace += ((now - slot.since) / count - slot.pace) * 0.5
            slot.since = now
        return bool(data)

    def _frame(self, slot: Slot, kind: bytes, payload: bytes) -> int:
        """Take one frame in; 1 if it reports an event."""
        if kind == worker.POKE:
            if payload:
                seq, _, key = payload.partition(b"\n")
                slot.progress.setdefault(int(seq), []).append(key.decode())
            return 0
        if kind == worker.LEAVING:
            slot.leaving = True
            return 0
        if kind == worker.READY:
            self.declared = jsontext.loads(payload.decode())
            slot.ready = True
            slot.since = monotonic()
            return 0
        if kind == worker.UNUSABLE:
            self._fail(jsontext.loads(payload.decode()))
            return 0
        number, _, rest = payload.partition(b"\n")
        done = int(number)
        if done not in slot.waiting:
            raise ValueError(f"a report of event {done}, which this worker was not given")
        slot.waiting.remove(done)
        slot.progress.pop(done, None)
        self._reports.append(Report(kind, done, rest, self._output_of(slot, number)))
        return 1

    def _fail(self, told: dict[str, Any]) -> None:
        self.failure = Unusable(
            f"cannot import the handlers {self.job.target}: {told['error']}", told.get("hint")
        )
        self.failure.exit_status = told["status"]
        self.failure.traceback = told.get("traceback", "")

    def _read_output(self, slot: Slot) -> bool:
        """Take in captured output: the pipe is always drained, whatever is kept."""
        try:
            data = os.read(slot.capture_r, READ_SIZE)
        except BlockingIOError:
            return True
        slot.output += data
        if len(slot.output) > 4 * MAX_OUTPUT:
            slot.output = self._shorter(slot.output)
        return bool(data)

    def _shorter(self, output: bytes) -> bytes:
        """Cut output in the middle, but for separators: they must be found."""
        half = MAX_OUTPUT // 2
        if self.token in output:
            return output
        lost = len(output) - 2 * half
        return output[:half] + b"\n[%d bytes left out]\n" % lost + output[-half:]

    def _output_of(self, slot: Slot, seq: bytes) -> bytes:
        """What was printed until the separator of `seq`: it was written before the report."""
        separator = self.token + seq + b"\n"
        while separator not in slot.output:
            before = len(slot.output)
            if not self._read_output(slot) or len(slot.output) == before:
                break  # a handler closed the pipe, or wrote into the separator
        output, _, slot.output = slot.output.rpartition(separator)
        return self._shorter(output) if len(output) > MAX_OUTPUT else output

    def _notice_deaths(self) -> None:
        for slot in self.slots:
            if slot.pid and self._reap(slot):
                self._bury(slot)

    def _bury(self, slot: Slot) -> None:
        """A worker has ended: report what it had begun, take back the rest, start another."""
        for read in (self._read_frames, self._read_output):
            size = -1
            while size != (size := len(slot.frames) + len(slot.output) + len(self._reports)):
                read(slot)
        self.take_back(slot)
        for seq in list(slot.waiting):
            if seq == slot.running:
                self._report_death(slot, seq)
            else:
                self.spare.append(seq)  # taken, but its handlers were not called
        slot.waiting.clear()
        slot.progress.clear()
        if slot.killed_for:
            self._end_orphans()
        for fd in (slot.result_r, slot.capture_r):
            self._forget(fd)
            os.close(fd)
        os.close(slot.queue_r)
        if slot.queue_w >= 0:
            os.close(slot.queue_w)
        if not slot.ready and self.failure is None:
            why = slot.killed_for or f"the worker {_manner(slot.status)}"
            output = self._shorter(slot.output).decode("utf-8", "replace")
            self._fail({"error": why, "status": 78, "traceback": output})
        elif self.failure is None:
            self._start(slot)

    def _report_death(self, slot: Slot, seq: int) -> None:
        timed_out = slot.killed_for == "timeout"
        told = {
            "timed_out": timed_out,
            "why": _manner(slot.status),
            "succeeded": slot.progress.get(seq, []),
            "allowed": slot.board[2],
            "start": int(slot.board[3]),
            "handler": self._handler(int(slot.board[4])),
        }
        output = slot.output if len(slot.output) <= MAX_OUTPUT else self._shorter(slot.output)
        self._reports.append(Report(DEATH, seq, jsontext.dumps(told).encode(), output))

    def _handler(self, number: int) -> str:
        keys = self.declared.get("handlers", [])
        return keys[number] if 0 <= number < len(keys) else ""


def _manner(status: int) -> str:
    if status < 0:
        try:
            return f"was killed by signal {-status} ({signal.Signals(-status).name})"
        except ValueError:
            return f"was killed by signal {-status}"
    return f"exited with status {status} without a result"
