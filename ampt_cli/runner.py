"""The loop of a runner: rescue, scan, claim, submit, settle.

A runner exists on disk only while it has work: an idle `ampt run` rescues,
scans, and ends, without a lock and without a worker.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from fnmatch import fnmatchcase
from itertools import chain
from time import monotonic
from typing import Any, NamedTuple

from ampt_cli import (
    due,
    jsontext,
    kernel,
    layout,
    lock,
    reading,
    record,
    settling,
    spool,
    upkeep,
    worker,
)
from ampt_cli.errors import AmptError, ConfigError, NotFound, from_os
from ampt_cli.fsio import Disk
from ampt_cli.handlers import DEFAULT_TIMEOUT
from ampt_cli.layout import Entry
from ampt_cli.policy import Retries, Wish
from ampt_cli.retention import Retention, retention_of
from ampt_cli.scan import CHUNK, Scan
from ampt_cli.supervisor import DEATH, RECORDS_AT_ONCE, Report, Supervisor

POLL = 1.0  # s between looks at the spool when nobody wakes the runner
UPKEEP = 60.0  # s between sweeps and prunings of a runner that stays
STOP_AFTER = 62.0  # s that running handlers are waited for at a stop


class Settings(NamedTuple):
    """What a runner is told."""

    handlers: str
    jobs: int = 1
    watch: bool = False
    names: tuple[str, ...] = ()  # globs
    most: int | None = None  # attempts
    retries: Retries = Retries()
    rerun_all: bool = False
    retention: Retention = Retention()
    default_timeout: int = DEFAULT_TIMEOUT
    network: bool = False  # whether a network file system is accepted

    @classmethod
    def of(cls, config: dict[str, Any], **given: Any) -> "Settings":
        """The settings in a configuration, and what the command line says besides."""
        retries, default = Retries(), DEFAULT_TIMEOUT
        return cls(
            retries=Retries(
                config.get("retry_every", retries.every), config.get("retry_for", retries.window)
            ),
            rerun_all=config.get("rerun") == "all",
            retention=retention_of(config),
            default_timeout=config.get("timeout", default),
            network=config.get("network_file_system", False),
            **given,
        )


class Tally:
    """What a run came to."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(record.OUTCOMES, 0)
        self.rescued = 0
        self.dead = 0
        self.quarantined = 0
        self.left = 0  # of a newer format, or unreadable

    @property
    def failed(self) -> int:
        """Attempts that did not succeed."""
        counts = self.counts
        return counts[record.FAILED] + counts[record.TIMED_OUT] + self.quarantined

    @property
    def attempts(self) -> int:
        """Attempts in all."""
        return sum(self.counts.values())


class Observer:
    """What a runner tells; the command line prints it."""

    def attempt(self, entry: Entry, outcome: str, detail: dict[str, object]) -> None:
        """An attempt was settled; `detail` has error, verdict, next, ms where they are known."""

    def output(self, entry: Entry, output: bytes) -> None:
        """A handler printed something."""

    def problem(self, text: str) -> None:
        """Something a person should know of."""

    def state(self, text: str) -> None:
        """What the runner is doing now, for the service manager."""

    def alive(self) -> None:
        """Called at least every second."""


class Runner:
    """One runner on one spool."""

    def __init__(
        self,
        disk: Disk,
        base: str,
        settings: Settings,
        observer: Observer,
        clock: Callable[[], int],
    ) -> None:
        self.disk = disk
        self.base = base
        self.settings = settings
        self.observer = observer
        self.clock = clock
        self.tally = Tally()
        self.name = ""
        self.claims: dict[int, Entry] = {}
        self.held: deque[int] = deque()  # claimed, and not with a worker
        self.skipped: set[str] = set()  # files this run can do nothing with
        self.seq = 0
        self.taken = 0
        self.signals: list[int] = []
        self.stopping = 0
        self.reloading = False
        self.trouble: AmptError | None = None
        self.known: dict[str, tuple[int, str]] = {}
        self.next_scan = self.next_rescue = self.next_upkeep = 0.0
        self.stop_by = float("inf")
        self._rescan()

    # -- the run ------------------------------------------------------------------

    def run(self) -> Tally:
        """Handle what is due; with `watch`, until a signal says stop. Raises AmptError."""
        try:
            self.tally.rescued = upkeep.rescue(self.disk, None, self.clock, self.settings.retries)
            if self.settings.watch or self._peek():
                self._work()
            self._tidy()
        except OSError as error:
            raise from_os(error, f"run the events in {self.base}") from error
        if self.trouble is not None:
            raise self.trouble
        return self.tally

    def _work(self) -> None:
        wake_r, wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = _install(self.signals, wake_w)
        self.wake_r = wake_r
        try:
            held = self._move_in()
            try:
                self._loop()
            finally:
                self._move_out(held)
        finally:
            _uninstall(before)
            os.close(wake_r)
            os.close(wake_w)

    def _move_in(self) -> object:
        """Make the runner's folder, locked and durable, and workers that are ready.

        The workers are forked first: they import the handlers while the lock
        is imported and taken here.
        """
        kind = kernel.network_file_system(self.disk.root)
        if kind is not None and not self.settings.network:
            raise ConfigError(
                f"the spool {self.base} is on {kind}: locks cannot be relied on there",
                "use a local file system, or set network_file_system = true at your own risk",
            )
        self.name = f"{due.stamp(self.clock())}-{os.urandom(4).hex()}"
        folder, draft = f"{layout.RUNNING}/{self.name}", f"{layout.TMP}/{self.name}"
        self.disk.make_folder(draft)
        for file in (layout.LOCK, layout.WORKERS):
            self.disk.write_new(f"{draft}/{file}", b"", sync=False)
        job = worker.Job(
            self.settings.handlers, folder, self.settings.default_timeout, self.settings.rerun_all
        )
        self.workers = Supervisor(
            self.disk, draft, job=job, jobs=self.settings.jobs, wakeup=self.wake_r
        )
        try:
            held = lock.hold(self.disk, self.base, draft)
            self.disk.move(draft, folder)
            self.disk.sync(layout.RUNNING)  # before the first claim goes into it
            self.workers.folder = folder
            self.workers.wait_ready()
        except BaseException:
            self._move_out(None)
            raise
        self.observer.state("ready")
        return held

    def _move_out(self, held: object) -> None:
        """End the workers; give back what has not begun; leave the rest to the next rescue."""
        self.workers.stop()
        for seq in [*self.held, *self.workers.spare]:
            spool.release(self.disk, self.claims.pop(seq))
        self.held.clear()
        self.workers.spare.clear()
        upkeep.dismantle(self.disk, self.name)
        del held  # the lock lives until here

    def _loop(self) -> None:
        wake = self._open_wake() if self.settings.watch else -1
        listening = False
        while True:
            self._fill()
            if not self.claims:
                if self._is_over():
                    return
                if self._begins_anew():
                    continue
            idle = wake >= 0 and not self.held and self._room() > 0
            if idle != listening:
                listening = idle
                (self.workers.watch if idle else self.workers.unwatch)(wake)
            reports, woken = self.workers.poll(self._patience())
            for report in reports:
                self._settle(report)
            self._hear(woken)
            if self.workers.failure is not None:
                self._drain()
                raise self.workers.failure
            if self.settings.watch:
                self._look_again(idle and _emptied(wake))
                self._keep_up()

    def _is_over(self) -> bool:
        """With nothing claimed: whether the run has ended."""
        if self.stopping or self.trouble or self._limit() <= 0:
            return True
        return not self.settings.watch and not self.settled

    def _begins_anew(self) -> bool:
        """With nothing claimed: whether there is reason to look again at once."""
        if self.reloading:
            self._reload()
            return True
        if not self.settings.watch:
            self._rescan()  # handlers may have published more
        return not self.settings.watch

    def _patience(self) -> float:
        if self.claims or self.held:
            return POLL
        wait = self.next_scan - monotonic()
        if self.scan.next_due is not None:
            wait = min(wait, (self.scan.next_due - self.clock()) / 1000)
        return max(wait, 0.001)

    # -- finding and giving out work -------------------------------------------------

    def _limit(self) -> int:
        most = self.settings.most
        return sys.maxsize if most is None else most - self.taken

    def _rescan(self) -> None:
        self.scan = Scan(self.disk, self.clock(), self.known)
        self.entries = self.scan.entries()
        self.found = self.exhausted = False
        self.settled = False  # whether anything was, since this scan began
        self.next_scan = monotonic() + POLL

    def _peek(self) -> bool:
        """Whether anything is due that this runner wants; it stays first in line."""
        for entry in self.entries:
            if self._wanted(entry):
                self.entries = chain((entry,), self.entries)
                return True
        return False

    def _wanted(self, entry: Entry) -> bool:
        if entry.file in self.skipped:
            return False
        if not self.settings.names:
            return True
        name = entry.name
        return any(fnmatchcase(name, glob) for glob in self.settings.names)

    def _claim_next(self) -> Entry | None:
        """Claim what is due next; None when a whole scan found nothing to claim."""
        while not self.exhausted:
            for entry in self.entries:
                if self._wanted(entry):
                    claim = self._claim(entry)
                    if claim is not None:
                        self.found = True
                        return claim
            if not self.found:
                self.exhausted = True
                break
            self._rescan()
        return None

    def _claim(self, entry: Entry) -> Entry | None:
        try:
            return spool.claim(self.disk, entry, self.name)
        except FileExistsError:
            self._skip(entry, "there are two entries of this event; see: ampt check")
            return None

    def _check_place(self) -> None:
        """The spool must still be where it was: else nobody publishes into this one any more."""
        try:
            if os.path.samestat(os.stat(self.base), os.fstat(self.disk.root)):
                return
        except FileNotFoundError:
            pass
        raise NotFound(f"the spool {self.base} was removed or replaced while it was in use")

    def _room(self) -> int:
        return sum(max(slot.room(), 0) for slot in self.workers.slots)

    def _fill(self) -> None:
        """Give out what is due, to the workers that have the least to do."""
        self.held.extend(self.workers.spare)
        self.workers.spare.clear()
        if self.stopping or self.trouble or self.reloading:
            return self._give_back()
        try:
            slots = [slot for slot in self.workers.slots if slot.wants_more()]
            while slots:
                slot = min(slots, key=lambda slot: len(slot.waiting))
                given = self._take(min(slot.room(), RECORDS_AT_ONCE) if slot.waiting else 1)
                if not given:
                    return None
                self.workers.submit(slot, [(seq, self.claims[seq].file) for seq in given])
                slots = [slot for slot in slots if slot.room() > 0]
            if self.held and not self._room():
                self._give_back()
        except OSError as error:
            self._trouble(error, "claim an event")

    def _take(self, count: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < count:
            if self.held:
                taken.append(self.held.popleft())
                continue
            if self._limit() <= 0:
                break
            claim = self._claim_next()
            if claim is None:
                break
            self.seq += 1
            self.taken += 1
            self.claims[self.seq] = claim
            taken.append(self.seq)
        return taken

    def _look_again(self, woken: bool) -> None:
        """Scan once more if there is a reason: a wake-up, a due time, or a second has passed."""
        coming = self.scan.next_due
        due_now = coming is not None and coming <= self.clock()
        if self.exhausted and (woken or due_now or monotonic() >= self.next_scan):
            self._check_place()
            self._rescan()

    def _give_back(self) -> None:
        """Release what no worker has taken: another runner may be free."""
        while self.held:
            spool.release(self.disk, self.claims.pop(self.held.popleft()))
            self.taken -= 1

    # -- settling ------------------------------------------------------------------

    def _settle(self, report: Report) -> None:
        entry = self.claims.pop(report.seq)
        self.settled = True
        try:
            if report.output:
                self.observer.output(entry, report.output)
            self._settle_one(entry, report)
        except spool.RecordLost as lost:
            self._trouble(lost.error, f"write the record of {lost.target.path}; it was moved there")
        except OSError as error:
            self._trouble(error, f"settle {entry.path}; it stays claimed, and will be due again")

    def _settle_one(self, entry: Entry, report: Report) -> None:
        now = self.clock()
        if report.kind in (worker.SUCCEEDED, worker.IGNORED):
            line = report.payload
            if report.output:
                line = (
                    line[:-2]
                    + b',"output":'
                    + jsontext.dumps(_text(report.output)).encode()
                    + b"}\n"
                )
            settling.settle_success(self.disk, entry, line, now)
            known = record.SUCCEEDED if report.kind == worker.SUCCEEDED else record.IGNORED
            self.tally.counts[known] += 1
            self.observer.attempt(entry, known, {})
        elif report.kind in (worker.ATTEMPTED, DEATH):
            self._settle_failure(entry, report, now)
        elif report.kind == worker.DAMAGED:
            spool.quarantine(self.disk, entry.path, _text(report.payload), now)
            self.tally.quarantined += 1
            self.observer.problem(f"quarantined {entry.file}: {_text(report.payload)}")
        else:
            spool.release(self.disk, entry)
            self._skip(layout.released(entry), _text(report.payload))

    def _skip(self, entry: Entry, why: str) -> None:
        if len(self.skipped) < CHUNK:
            self.skipped.add(entry.file)
        self.tally.left += 1
        self.observer.problem(f"left {entry.path} where it is: {why}")

    def _settle_failure(self, entry: Entry, report: Report, now: int) -> None:
        told = jsontext.loads(report.payload.decode())
        made = (
            told["record"] if report.kind == worker.ATTEMPTED else self._of_death(entry, told, now)
        )
        if report.output:
            made["output"] = _text(report.output)
        succeeded = tuple(told["succeeded"])
        if report.kind == DEATH and not self.settings.rerun_all:
            earlier = reading.history(self.disk, entry.path).succeeded
            succeeded = tuple(dict.fromkeys(earlier + succeeded))
        verdict = settling.settle_other(
            self.disk,
            entry,
            made,
            now=now,
            retries=self._retries(entry.name),
            wish=Wish(told.get("give_up", False), told.get("later")),
            succeeded=succeeded,
        )
        self.tally.counts[made["outcome"]] += 1
        if verdict is None:
            return
        self.tally.dead += verdict.state == layout.DEAD
        detail = {"error": made["error"], "verdict": verdict.state, "next": verdict.next}
        self.observer.attempt(entry, made["outcome"], detail)

    def _of_death(self, entry: Entry, told: dict[str, Any], now: int) -> record.Record:
        """The record of an attempt whose worker has ended under it."""
        if self.stopping:
            outcome, error = record.INTERRUPTED, "the runner was stopped during the attempt"
        elif told["timed_out"]:
            outcome = record.TIMED_OUT
            error = f"timed out after {told['allowed'] / 1000:g} s; the worker was killed"
        else:
            outcome, error = record.FAILED, f"the worker {told['why']}"
        return {
            "attempt": entry.attempt,
            "start": min(told["start"], now),
            "ms": max(now - told["start"], 0),
            "outcome": outcome,
            "handlers": [{"handler": told["handler"], "outcome": outcome, "error": error}]
            if told["handler"]
            else [],
            "error": error,
        }

    def _retries(self, name: str) -> Retries:
        own = self.workers.declared.get("retries", {}).get(name, {})
        default = self.settings.retries
        return Retries(own.get("every", default.every), own.get("window", default.window))

    # -- signals, trouble, and the end -------------------------------------------------

    def _hear(self, woken: bool) -> None:
        """Act on the signals that came."""
        if woken:
            _emptied(self.wake_r)
        while self.signals:
            number = self.signals.pop(0)
            if number == signal.SIGHUP:
                self.reloading = True
                self.observer.state("reloading")
            elif number in (signal.SIGTERM, signal.SIGINT):
                self.stopping += 1
                self.stop_by = min(self.stop_by, monotonic() + STOP_AFTER)
                self.observer.state("stopping")
        if self.stopping:
            self._stop()
        self.observer.alive()

    def _stop(self) -> None:
        """Take back what has not begun; on a second signal, or too late, end what has."""
        for slot in self.workers.slots:
            self.workers.take_back(slot)
            if slot.waiting and (self.stopping > 1 or monotonic() > self.stop_by):
                self.workers.kill(slot, "the runner stops")

    def _trouble(self, error: OSError, tried: str) -> None:
        """The disk fails: claim nothing more, settle what is running, then say so."""
        if self.trouble is None:
            self.trouble = from_os(error, tried)
            self.observer.problem(str(self.trouble))

    def _keep_up(self) -> None:
        """What a runner that stays does now and then."""
        now = monotonic()
        if now >= self.next_rescue:
            self.next_rescue = now + POLL
            own = f"{layout.RUNNING}/{self.name}"
            self.tally.rescued += upkeep.rescue(self.disk, own, self.clock, self.settings.retries)
        if now >= self.next_upkeep:
            self.next_upkeep = now + UPKEEP
            self._tidy()

    def _tidy(self) -> None:
        self.scan.remove_empty()
        upkeep.sweep(self.disk, self.clock())
        upkeep.prune(self.disk, self.clock(), self.settings.retention)

    def _drain(self) -> None:
        """Wait for what is running, for as long as its deadlines allow."""
        for slot in self.workers.slots:
            self.workers.take_back(slot)
        limit = monotonic() + STOP_AFTER
        while self.workers.busy and monotonic() < limit:
            reports, _ = self.workers.poll(POLL)
            for report in reports:
                self._settle(report)

    def _reload(self) -> None:
        """Start new workers, which import the handlers anew."""
        self.reloading = False
        self.workers.restart()
        self.workers.wait_ready()
        self.observer.state("ready")

    def _open_wake(self) -> int:
        """The FIFO that publishers write to; held open for writing too, so that it never ends."""
        try:
            return os.open(
                layout.WAKE,
                os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW,
                dir_fd=self.disk.root,
            )
        except OSError as error:
            self.observer.problem(f"no prompt wake-up, looking once a second instead: {error}")
            return -1


def _emptied(fd: int) -> bool:
    """Read what waits in a pipe; whether there was anything."""
    found = False
    try:
        while os.read(fd, 4096):
            found = True
    except BlockingIOError:
        pass
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _install(heard: list[int], wake: int) -> dict[int, Any]:
    """Note the signals that a runner acts on; the pipe `wake` interrupts its waiting."""
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before: dict[int, Any] = {
        number: signal.signal(number, lambda number, _: heard.append(number)) for number in numbers
    }
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
    return before


def _uninstall(before: dict[int, Any]) -> None:
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
