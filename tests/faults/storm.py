"""H4: many publishers and runners, killed, stopped and restarted at random, while the clock jumps.

Afterwards the work is drained without faults and counted as a set: what was
acknowledged, what was executed, what ran twice, and whether anything ever ran
twice at the same time.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.faults import tree
from tests.faults.program import Program, Trace
from tests.faults.shim import LOCKS_TAKEN, Shim

MINUTE = 60
KILLED = "runner killed"
SIGNALS = {
    "killed": signal.SIGKILL,
    "told to end": signal.SIGTERM,
    "stopped for a moment": signal.SIGSTOP,
}
CLOCK = "clock moved"
FAULTS = {*(f"{who} {how}" for who in ("runner", "worker", "publisher") for how in SIGNALS), CLOCK}


class Plan(NamedTuple):
    """How big a storm is."""

    publishers: int = 50
    events: int = 20
    seats: int = 4
    jobs: int = 2
    faults: bool = True
    mutant: int = 0
    pause: float = 0.06  # s between faults, at most
    ticks: int = 4  # 4 ms each: how long a handler takes
    only: str = ""  # one kind of fault instead of all
    sure: int = 0  # runners to be killed while they hold claims, before anything random


def breaking(mutant: int) -> Plan:
    """A small storm in which a mutant must show."""
    kills = KILLED if mutant == LOCKS_TAKEN else ""
    small = Plan(6, 8, seats=3, mutant=mutant, faults=bool(kills), only=kills, pause=0.1, ticks=25)
    return small._replace(sure=2 if kills else 0)


@dataclass
class Outcome:
    """What a storm came to."""

    acknowledged: int = 0
    executed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    overlapped: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    duplicates: int = 0
    bound: int = 0
    strange: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.acknowledged} acknowledged, {self.executed} executed, faults: {faults or 'none'}; "
            f"{len(self.lost)} lost, {len(self.stuck)} stuck, {len(self.phantom)} phantom, "
            f"{len(self.overlapped)} overlapped, {self.duplicates} executed again "
            f"(bound {self.bound}), {len(self.strange)} undocumented ends, {self.seconds:.0f} s"
        )


class Storm:
    """One storm; `run` it."""

    def __init__(self, program: Program, shim: Shim, plan: Plan, seed: int) -> None:
        self.program, self.shim, self.plan = program, shim, plan
        self.chance = random.Random(seed)
        self.outcome = Outcome()
        self.acknowledged: set[str] = set()
        self.publishing: set[subprocess.Popen[bytes]] = set()
        self.running: set[subprocess.Popen[bytes]] = set()
        self.told: set[int] = set()
        self.over = threading.Event()
        self.guard = threading.Lock()

    def run(self) -> Outcome:
        """Publish, run and disturb; then drain and count."""
        began = time.monotonic()
        self.shim.mutate(self.plan.mutant)
        self.program.env["TICKS"] = str(self.plan.ticks)
        self.program.publish("takes.a.while", '"the first"')  # a spool to begin with
        todo = list(range(self.plan.publishers * self.plan.events))
        publishers = [
            threading.Thread(target=self._publisher, args=(todo,))
            for _ in range(self.plan.publishers)
        ]
        seats = [threading.Thread(target=self._seat) for _ in range(self.plan.seats)]
        disturber = threading.Thread(target=self._disturb)
        for thread in (*publishers, *seats, disturber):
            thread.start()
        for thread in publishers:
            thread.join()
        self._wait_for_work(began + 60)
        self.over.set()
        for thread in (disturber, *seats):
            thread.join()
        self._drain()
        self._count()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # -- the crowd -------------------------------------------------------------

    def _start(self, *args: str, crowd: set[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        process = self.program.start(*args, shim=self.shim)
        with self.guard:
            crowd.add(process)
        return process

    def _ended(
        self, process: subprocess.Popen[bytes], crowd: set[subprocess.Popen[bytes]]
    ) -> bytes:
        out, err = process.communicate()
        with self.guard:
            crowd.discard(process)
        documented = {0, 3, 74, 75, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
        if process.returncode not in documented or b"Traceback" in err:
            self.outcome.strange.append(
                f"{process.returncode}: {err[-800:].decode(errors='replace')}"
            )
        return out

    def _publisher(self, todo: list[int]) -> None:
        while True:
            with self.guard:
                if not todo:
                    return
                number = todo.pop()
            process = self._start("publish", "takes.a.while", str(number), crowd=self.publishing)
            out = self._ended(process, self.publishing)
            with self.guard:
                if b"\n" in out:
                    self.acknowledged.add(out.split()[0].decode())

    def _seat(self) -> None:
        while not self.over.is_set():
            args = ("run", "--jobs", str(self.plan.jobs))
            self._ended(self._start(*args, crowd=self.running), self.running)

    def _wait_for_work(self, until: float) -> None:
        """Let the storm go on until most is done and the sure kills too, or for long enough."""
        while time.monotonic() < until:
            waiting = [path for path in self._paths("pending") if path.endswith(".json")]
            if not waiting:
                if self.outcome.faults[KILLED] >= self.plan.sure:
                    return
                self._publisher([-1])  # or nobody would hold a claim to be killed with
            time.sleep(0.2)

    def _paths(self, state: str) -> list[str]:
        found = []
        for folder, _, names in os.walk(self.program.spool / state):
            found += [os.path.join(folder, name) for name in names]
        return found

    # -- disturbing ------------------------------------------------------------

    def _disturb(self) -> None:
        names = [self.plan.only] if self.plan.only else sorted(FAULTS)
        weights = [
            (2 if name.endswith("killed") else 1) * (4 if name.startswith("worker") else 1)
            for name in names  # of workers there are often none
        ]
        for _ in range(self.plan.sure if self.plan.faults else 0):
            self._kill_one_with_claims()
        while self.plan.faults and not self.over.is_set():
            time.sleep(self.chance.uniform(0.02, self.plan.pause))
            name = self.chance.choices(names, weights)[0]
            try:
                if self._do(name):
                    self.outcome.faults[name] += 1
            except (ProcessLookupError, FileNotFoundError):
                continue  # it ended by itself meanwhile
        self.shim.move_clock(0)

    def _do(self, name: str) -> bool:
        """One fault; whether there was anybody to hurt."""
        if name == CLOCK:
            self.shim.move_clock(self.chance.choice((-3600, -61, 0, 30, 600, 3600)))
            return True
        who, _, how = name.partition(" ")
        hurt = {"runner": self._hurt_runner, "worker": self._hurt_worker}
        return hurt.get(who, self._hurt_publisher)(SIGNALS[how])

    def _victim(self, crowd: set[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes] | None:
        with self.guard:
            alive = [process for process in crowd if process.poll() is None]
        alive.sort(key=lambda process: process.pid)
        return self.chance.choice(alive) if alive else None

    def _in_flight(self, pid: int) -> int:
        """How many claims a runner that is stopped holds: each may be executed again."""
        count = 0
        for marks in self.program.spool.glob("running/*/marks"):
            if marks.read_bytes()[:512].rstrip(b"\0\n").endswith(b" %d" % pid):
                count += len(list(marks.parent.glob("*.json")))
        return count

    def _kill_one_with_claims(self) -> None:
        """Watch running/ until a runner holds claims, and kill that one."""
        while not self.over.is_set():
            with self.guard:
                alive = [process for process in self.running if process.poll() is None]
            for runner in alive:
                if self._in_flight(runner.pid) and self._kill(runner, idle_too=False):
                    self.outcome.faults[KILLED] += 1
                    return
            time.sleep(0.002)

    def _hurt_runner(self, how: signal.Signals) -> bool:
        runner = self._victim(self.running)
        if runner is None:
            return False
        if how == signal.SIGKILL:  # most kills are to hurt
            return self._kill(runner, idle_too=self.chance.random() < 0.5)
        if how == signal.SIGTERM:
            if runner.pid in self.told:  # the second time it stops at once
                self.outcome.bound += self.plan.jobs * 2
            self.told.add(runner.pid)
        self._send(runner.pid, how)
        return True

    def _hurt_worker(self, how: signal.Signals) -> bool:
        workers = self._workers()
        if not workers:
            return False
        self._send(self.chance.choice(workers), how)
        if how != signal.SIGSTOP:
            self.outcome.bound += 1
        return True

    def _hurt_publisher(self, how: signal.Signals) -> bool:
        publisher = self._victim(self.publishing)
        if publisher is not None:
            self._send(publisher.pid, how)
        return publisher is not None

    def _send(self, pid: int, how: signal.Signals) -> None:
        """Send it; who is stopped goes on a moment later."""
        os.kill(pid, how)
        if how == signal.SIGSTOP:
            time.sleep(self.chance.uniform(0.05, 0.4))
            os.kill(pid, signal.SIGCONT)

    def _kill(self, runner: subprocess.Popen[bytes], *, idle_too: bool) -> bool:
        """Stop it, so that its claims can be counted, and kill it if it has any (or `idle_too`)."""
        runner.send_signal(signal.SIGSTOP)
        wait_until_stopped(runner.pid)
        claims = self._in_flight(runner.pid)
        if not claims and not idle_too:
            runner.send_signal(signal.SIGCONT)
            return False
        self.outcome.bound += claims
        runner.send_signal(signal.SIGKILL)
        return True

    def _workers(self) -> list[int]:
        runner = self._victim(self.running)
        if runner is None:
            return []
        text = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text()
        return [int(word) for word in text.split()]

    # -- afterwards -------------------------------------------------------------

    def _drain(self) -> None:
        """Let one runner after the other finish what waits for a retry."""
        for minutes in range(0, 8 * 16, 8):
            self.shim.move_clock(minutes * MINUTE)
            result = self.program.run("run", "--jobs", "2", shim=self.shim, timeout=120)
            if result.status not in {0} or "Traceback" in result.err:
                self.outcome.strange.append(f"{result.status}: {result.err[-800:]}")
            states = [
                s for found in tree.snapshot(self.program.spool).states().values() for s in found
            ]
            if set(states) <= set(tree.FINAL):
                return
            if self.plan.mutant and minutes > 40:
                return

    def _count(self) -> None:
        outcome = self.outcome
        found = tree.snapshot(self.program.spool)
        states = found.states()
        traces = [t for t in self.program.traces() if t.word == "start"]
        runs = Counter(trace.id for trace in traces)
        # Acknowledged but in no state at all, or done without ever having been executed.
        outcome.acknowledged = len(self.acknowledged)
        outcome.executed = len(traces)
        outcome.lost = sorted(i for i in self.acknowledged if not states.get(i) or not runs[i])
        outcome.stuck = sorted(
            id_ for id_, places in states.items() if len(places) != 1 or places[0] != "done"
        ) + [path for path in found.left_in("quarantine")]
        outcome.phantom = sorted(id_ for id_ in runs if id_ not in states)
        outcome.overlapped = overlaps(self.program.traces())
        outcome.duplicates = sum(count - 1 for count in runs.values())
        if not outcome.acknowledged:
            outcome.strange.append("nothing was acknowledged")


def wait_until_stopped(pid: int) -> None:
    """Return once a child that was sent SIGSTOP has stopped, or has ended: then nothing moves."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def overlaps(traces: list[Trace]) -> list[str]:
    """Events of which two executions were seen to run at the same time.

    An execution lasts from its start to its last sign of life: a killed one has no end.
    """
    spans: dict[tuple[str, int, int], list[int]] = {}
    current: dict[tuple[str, int], tuple[str, int, int]] = {}
    for trace in traces:
        if trace.word == "start":
            current[(trace.id, trace.pid)] = (trace.id, trace.pid, trace.at)
        key = current.get((trace.id, trace.pid))
        if key is not None:
            spans.setdefault(key, []).append(trace.at)
    by_id: dict[str, list[tuple[int, int, int]]] = {}
    for (id_, pid, start), times in spans.items():
        by_id.setdefault(id_, []).append((start, max(times), pid))
    wrong = []
    for id_, ranges in by_id.items():
        ranges.sort()
        for (_, end, pid), (start, _, other) in zip(ranges, ranges[1:], strict=False):
            if start < end and pid != other:
                wrong.append(f"{id_}: {pid} until {end}, {other} from {start}")
    return wrong
