"""Worker processes: who does what, until when, and what becomes of it.

Each worker has a queue of its own, a pipe of 512-byte records. The supervisor
keeps its reading end too: what it takes back from there has not begun, and
what it does not find there has been taken by the worker. So after the death of a
worker it is known exactly which event it had begun, if any.

The supervisor never imports the user's code.
"""

import os
import select
from collections.abc import Callable
from time import monotonic, sleep

from ampt_cli import frames, jsontext, kernel, overtime, strays, worker
from ampt_cli.deadline import boards
from ampt_cli.ending import TIMEOUT, Unusable
from ampt_cli.errors import AmptError, from_os
from ampt_cli.frames import Report
from ampt_cli.fsio import Disk
from ampt_cli.marks import Marks
from ampt_cli.overtime import GRACE, LISTEN_AFTER
from ampt_cli.signals import emptied
from ampt_cli.slot import Crew, Slot
from ampt_cli.typed import Any

GATHER = 16  # events: reports are let gather for as long as these take, while no worker runs dry


class Supervisor:
    """A fixed number of workers for one runner."""

    def __init__(self, disk: Disk, folder: str, *, job: worker.Job, jobs: int, wakeup: int) -> None:
        self.folder = folder  # where the runner's files are; it moves from tmp/ to running/
        self.target = job.target
        self.declared: dict[str, Any] = {}
        self.failure: AmptError | None = None
        self.spare: list[int] = []  # taken back, not begun
        self._reports: list[Report] = []
        token = b"\0ampt-" + os.urandom(12).hex().encode() + b" "
        crew = Crew(disk, job, Marks(disk, folder, jobs), token)
        *self.slots, self._trial = [
            Slot(number, board, crew) for number, board in enumerate(boards(jobs + 1))
        ]
        self._heard: dict[int, Callable[[], None]] = {}
        self._poll = select.poll()
        self._wakeup = wakeup
        self._poll.register(wakeup, select.POLLIN)
        kernel.adopt_orphans()
        for slot in self.slots:
            self._begin(slot)

    # -- beginning and ending --------------------------------------------------------

    def _begin(self, slot: Slot) -> None:
        slot.begin(self.folder)
        self._hear(slot.result_r, lambda: self._hear_frames(slot))
        self._listen(slot, monotonic())

    def _hear(self, fd: int, read: Callable[[], None]) -> None:
        self._heard[fd] = read
        self._poll.register(fd, select.POLLIN)

    def _forget(self, fd: int) -> None:
        if self._heard.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _listen(self, slot: Slot, now: float) -> None:
        """Drain the output as it comes, but not between events that follow fast.

        A separator is written after each of those, and each would wake us; what
        is printed meanwhile waits in the pipe until the report.
        """
        wanted = not (slot.ready and slot.waiting) or now - slot.since > LISTEN_AFTER
        if wanted != (slot.capture.fd in self._heard) and not slot.capture.ended:
            if wanted:
                self._hear(slot.capture.fd, lambda: self._hear_output(slot))
            else:
                self._forget(slot.capture.fd)

    def wait_ready(self, told_to_stop: Callable[[], object]) -> None:
        """Wait until every worker has imported the handlers, or a signal says stop.

        Raises Unusable; another AmptError where no worker can be begun.
        """
        while not all(slot.serves() for slot in self.slots):
            self.poll(0.25)
            if self.failure is not None:
                raise self.failure
            if told_to_stop():
                return

    def renew(self, told_to_stop: Callable[[], object]) -> AmptError | None:
        """Replace all workers, which have nothing to do, by such that import the handlers anew.

        One more tries that first. Where it cannot, all stay as they are; returns why.
        Raises Unusable where one cannot stay, for it has ended.
        """
        self.slots.append(self._trial)
        try:
            self._begin(self._trial)
            self.wait_ready(told_to_stop)
        except OSError as error:
            return from_os(error, "begin a worker")
        except Unusable as error:
            if not all(slot.serves() for slot in self.slots if slot is not self._trial):
                raise  # one is being replaced, and those it had are gone
            self.failure = None
            return error
        finally:
            self.slots.remove(self._trial)
            self._end([self._trial])
            self._look_for_ends()  # of others: their wake-up may have been taken for its own
        for slot in self.slots:
            slot.let_go()
        return None

    def stop(self) -> None:
        """End all workers. Idle ones leave by themselves; nobody waits long."""
        self._end(self.slots)

    def _end(self, slots: list[Slot]) -> None:
        alive = [slot for slot in slots if slot.pid]
        for slot in alive:
            self.spare += slot.take_back()
            slot.let_go()
        limit = monotonic() + GRACE
        heard = select.poll()
        heard.register(self._wakeup, select.POLLIN)  # a child's end wakes, too
        for slot in alive:
            while not slot.reaped():
                if monotonic() > limit:
                    slot.kill("the runner stops")
                heard.poll(GRACE * 1000)
                emptied(self._wakeup)
            self._forget(slot.result_r)
            self._forget(slot.capture.fd)
            slot.close(self._pids())

    def _pids(self) -> set[int]:
        return {slot.pid for slot in self.slots}

    # -- waiting -----------------------------------------------------------------------

    @property
    def busy(self) -> int:
        """How many events are submitted and not reported."""
        return sum(len(slot.waiting) for slot in self.slots)

    @property
    def room(self) -> int:
        """How many more events the workers may be given."""
        return sum(slot.room() for slot in self.slots)

    @property
    def idle(self) -> bool:
        """Whether every worker waits for something to do, and none is about to leave."""
        return all(slot.serves() and not (slot.waiting or slot.killed_for) for slot in self.slots)

    def rests(self, timeout: float) -> bool:
        """Wait at most `timeout` s; whether there is no news for `poll`. For who is `idle`."""
        return not self._poll.poll(timeout * 1000)

    def poll(self, timeout: float) -> list[Report]:
        """Wait at most `timeout` s for news: reports, a signal, or what `watch` was told."""
        woken = False
        found = self._poll.poll(0)
        if not found and all(slot.is_well_fed() for slot in self.slots):
            self._gather()
        for fd, _ in found or self._poll.poll(max(0.0, self._patience(timeout)) * 1000):
            read = self._heard.get(fd)
            if read is not None:
                read()
            elif fd == self._wakeup:
                woken = True
        if woken:
            emptied(self._wakeup)  # before looking for deaths: a later one wakes us again
            self._look_for_ends()
        now = monotonic()
        for slot in self.slots:
            self.spare += overtime.enforce(slot, now)
            if slot.pid:
                self._listen(slot, now)
        reports, self._reports = self._reports, []
        return reports

    def _look_for_ends(self) -> None:
        for slot in self.slots:
            if slot.pid and slot.reaped():
                self._bury(slot)
        strays.reap(self._pids())

    def _gather(self) -> None:
        """Let reports gather: each would wake us, and take a processor from the workers.

        What a handler prints, and a signal, is heard after LISTEN_AFTER, and no deadline is
        over for long.
        """
        wait = min(min(slot.pace for slot in self.slots) * GATHER, self._shortest())
        sleep(min(wait, LISTEN_AFTER))  # poll counts in ms, and select knows no large descriptors
        if wait > LISTEN_AFTER:
            heard = select.poll()
            for fd in (self._wakeup, *(slot.capture.fd for slot in self.slots)):
                heard.register(fd, select.POLLIN)
            heard.poll((wait - LISTEN_AFTER) * 1000)

    def _shortest(self) -> float:
        """The shortest time (s) that any handler is allowed."""
        return float(self.declared.get("shortest", 1000)) / 1000

    def watch(self, fd: int) -> None:
        """Let `poll` also return when `fd` can be read."""
        self._poll.register(fd, select.POLLIN)

    def unwatch(self, fd: int) -> None:
        """Undo `watch`."""
        self._poll.unregister(fd)

    def _patience(self, timeout: float) -> float:
        """How long to wait at most, for the sake of every worker."""
        now, shortest = monotonic(), self._shortest()
        for slot in self.slots:
            heard = slot.capture.fd in self._heard
            timeout = min(timeout, overtime.patience(slot, now, shortest=shortest, heard=heard))
        return timeout

    # -- hearing from workers ------------------------------------------------------------

    def _hear_output(self, slot: Slot) -> None:
        if slot.capture.read() < 0:
            self._forget(slot.capture.fd)

    def _hear_frames(self, slot: Slot) -> None:
        before = len(self._reports)
        try:
            for kind, payload in slot.frames_read():
                self._take_in(slot, kind, payload)
        except (ValueError, KeyError):
            slot.kill("was ended, for a handler wrote into its pipe")
            slot.drained = slot.ended = True
        if slot.ended:
            self._forget(slot.result_r)
        if len(self._reports) > before:
            slot.paced(len(self._reports) - before)

    def _take_in(self, slot: Slot, kind: bytes, payload: bytes) -> None:
        if kind not in frames.OF_ITSELF:
            number, _, rest = payload.partition(b"\n")
            seq = slot.done(number)
            output = b"" if kind == frames.RECORDED else slot.capture.until(number)
            self._reports.append((kind, seq, rest, output))
        elif kind == frames.POKE:
            if payload:
                slot.progress.append(payload.decode())
        elif kind == frames.LEAVING:
            slot.leaving = True
            if payload == frames.TIMED_OUT:
                slot.kill(TIMEOUT)  # the handler is over; what it started goes with it
        elif slot.ready:
            raise ValueError("what it says before it is ready was said afterwards")
        elif kind == frames.READY:
            self.declared = jsontext.loads(payload.decode())
            slot.ready = True
            slot.since = monotonic()
        else:  # UNUSABLE
            self.failure = Unusable(self.target, jsontext.loads(payload.decode()))

    def _bury(self, slot: Slot) -> None:
        """A worker has ended: report what it had begun, take back the rest, begin another."""
        slot.drained = slot.result_r not in self._heard
        while not slot.drained:
            self._hear_frames(slot)
        self.spare += slot.take_back()
        output = slot.capture.rest()
        for seq in slot.waiting:
            if seq == slot.running:
                self._reports.append(slot.death(seq, output, self.declared.get("handlers", [])))
            else:
                self.spare.append(seq)  # taken, but none of its handlers was called
        slot.waiting.clear()
        self._forget(slot.result_r)
        self._forget(slot.capture.fd)
        again = slot.may_try_again()
        slot.close(self._pids())
        if self.failure is not None:
            return
        if again:
            try:
                self._begin(slot)
            except OSError as error:  # what was heard of the one before is settled all the same
                self.failure = from_os(error, "begin a worker")
        else:
            told = slot.ending.refusal() | {"traceback": output.decode("utf-8", "replace")}
            self.failure = Unusable(self.target, told, "run" if slot.ready else "import")
